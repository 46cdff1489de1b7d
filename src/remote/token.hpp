#pragma once
/// Proxies as Python's managers pickle them: which object of which server one stands for.

#include <lagoon/object.hpp>
#include <lagoon/remote/address.hpp>

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace lagoon::remote {

struct Token {
  std::string type;
  Object address;  // a str, bytes that begin with NUL, or (host, port)
  std::string id;
};

/// `multiprocessing.managers.Token`; nothing if it is none.
std::optional<Token> token_of(const Object& o);
Object object_of(const Token& token);
/// Of a `RebuildProxy`; nothing if it is none.
std::optional<Token> token_in(const Object& proxy);
/// The methods that such a proxy has, where it says so; or null.
const Object* token_names(const Object& proxy);
/// A proxy of Python's own class for that type, or else of these methods.
Object proxy_to(const Token& token, std::span<const std::string> exposed);

/// What refers to an object that is more than what lies in shared memory, as a container keeps it:
/// a condition, and the lock that it was made with; a barrier, and its seconds.
Object reference_and(std::string_view type, const Object& shared, const Object& more);
/// The two, if it is of that type; else null.
const Object* parts_of_reference(const Object& o, std::string_view type);
/// Of that, or of one of Kind::shared, that; else null.
const Object* shared_in(const Object& o);

/// Calls f(o) for each proxy that is somewhere in it, and each in which something is shared.
void for_each_proxy(const Object& o, const std::function<void(const Object&)>& f);

/// As Python has it.
Object address_object(const Address& address);

/// What stands for an Object of Kind::shared that a client has (client.cpp).
Object as_proxy(const Object& shared);

}  // namespace lagoon::remote
