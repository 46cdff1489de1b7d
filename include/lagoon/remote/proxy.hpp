#pragma once
/// `Proxy`: an object that a manager's server holds, of this library's or of Python's, and the
/// calls of its methods. manager.hpp has one for each type; this one is for any.
///
///   remote::Proxy counter = manager.create("Counter", 5);
///   counter.call("add", 2);
///   counter.call(remote::Named{{"timeout", 1.5}}, "get");
///
/// As in Python each thread has a connection of its own to the server, which is its thread there:
/// what it holds (locks) goes by that. A child that was forked gets its own.
///
/// An Object that comes from the server and refers to what lies there is of Kind::shared: it
/// prints, and at(), set_item(), append(), call(), … go to the server; List(o), Dict(o) open it. It
/// can be sent to the same server again.
///
/// Errors: Python's exceptions as this library's, with the same text (object.hpp says which is
/// which); those that have no such are RemoteError, with their name. A server that has gone is
/// SystemError; what it held is not there any more, for a new one at the same address either
/// (RemoteError). One that does not answer in time is TimeoutError; that connection is given up.
/// Whether a call that ended in one of these two has happened is not known.

#include <lagoon/core/durations.hpp>
#include <lagoon/error.hpp>
#include <lagoon/object.hpp>
#include <lagoon/remote/address.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lagoon::remote {

/// What a server says that has no exception of its own here: of another class, or a traceback.
struct RemoteError : lagoon::detail::ErrorAs<std::runtime_error> {
  using ErrorAs::ErrorAs;
};

/// How long a client waits for its server, and how much it takes from it.
struct ClientOptions {
  std::chrono::milliseconds connecting{10000};  ///< until the server has proved the key
  /// Beyond the time that a call waits in the server; a call that waits for ever has no end here.
  std::chrono::milliseconds answer{60000};
  std::size_t message = std::size_t{1} << 30;  ///< bytes
};

/// Arguments with names, as Python has them.
using Named = std::vector<std::pair<std::string, Object>>;

class Client;

class Proxy {
 public:
  /// To what an Object of Kind::shared refers, at a server. TypeMismatch.
  explicit Proxy(const Object& o);
  Proxy(Proxy&&) noexcept = default;
  Proxy& operator=(Proxy&&) noexcept = default;

  /// Any method of it, by Python's name, as one question: what it returns, or throws.
  template <std::convertible_to<Object>... A>
  Object call(std::string_view method, A&&... arguments) const {
    return call_with({}, method, Object::tuple(std::forward<A>(arguments)...), {});
  }
  /// With arguments that have names, too.
  template <std::convertible_to<Object>... A>
  Object call(const Named& named, std::string_view method, A&&... arguments) const {
    return call_with({}, method, Object::tuple(std::forward<A>(arguments)...), named);
  }
  /// One that takes so long, or for ever.
  Object call_waiting(std::optional<double> seconds, std::string_view method,
                      const Object& arguments) const {
    return call_with(Wait{seconds}, method, arguments, {});
  }

  /// As the server calls it: 'dict'.
  [[nodiscard]] std::string_view type() const noexcept;
  /// What may be called.
  [[nodiscard]] std::vector<std::string> methods() const;
  /// As it is there: of a dict {'a': 1}.
  [[nodiscard]] std::string str() const;
  /// A copy: of a dict one.
  [[nodiscard]] Object value() const;
  /// One that refers to it.
  [[nodiscard]] Object reference() const;

  struct State;
  explicit Proxy(std::shared_ptr<const State> state) noexcept : state_(std::move(state)) {}

 private:
  struct Wait {
    std::optional<double> seconds;
  };
  [[nodiscard]] Object call_with(std::optional<Wait> wait, std::string_view method,
                                 const Object& arguments, const Named& named) const;

  std::shared_ptr<const State> state_;
};

}  // namespace lagoon::remote
