#pragma once
/// What a server holds for its clients: an object in shared memory, and how Python's methods are
/// called on it.

#include <lagoon/any_container.hpp>
#include <lagoon/core/futex.hpp>
#include <lagoon/manager.hpp>
#include <lagoon/object.hpp>
#include <lagoon/shared_object.hpp>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "arguments.hpp"

namespace lagoon::remote {

class Served;

/// As Python's locks take a time to wait.
[[nodiscard]] double seconds_in(const Object& x);

/// Who calls. A call that waits ends, without what it waited for, when this one has gone.
class Caller {
 public:
  explicit Caller(const std::atomic<bool>& has_gone) noexcept : has_gone_(has_gone) {}
  [[nodiscard]] bool has_gone() const noexcept { return has_gone_; }
  /// So many seconds from now; None is never.
  [[nodiscard]] core::Deadline after(const Object& seconds) const;
  [[nodiscard]] core::Deadline never() const noexcept {
    return core::Deadline::never().unless(has_gone_);
  }

 private:
  const std::atomic<bool>& has_gone_;
};

/// Whether what a client has never read is back where it came from; else whether any but the
/// clients, who have identifiers, may come to make room for it.
enum class Undone : std::uint8_t { yes, not_yet, not_yet_and_only_clients_can_help };

struct Reply {
  Object value;
  std::shared_ptr<Served> proxy = {};  // in the place of a value: what the client gets a proxy of
  /// To be called, until it is done, if the client has never read it; it may wait so long.
  std::function<Undone(core::Deadline)> unread = {};
};

/// A value that cannot be pickled; its repr.
struct Unserializable : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class Served {
 public:
  Served() = default;
  Served(const Served&) = delete;
  Served& operator=(const Served&) = delete;
  virtual ~Served() = default;

  /// As Python's manager calls it: 'dict'.
  [[nodiscard]] virtual std::string_view type() const noexcept = 0;
  [[nodiscard]] virtual std::vector<std::string_view> exposed() const = 0;
  /// By any thread, several at a time. Nothing if there is no such method.
  virtual std::optional<Reply> call(std::string_view method, Arguments& arguments,
                                    Caller& caller) = 0;
  [[nodiscard]] virtual std::string repr() const;
  /// A copy that is a value: `#GETVALUE`. Unserializable.
  [[nodiscard]] virtual Object value() const { throw Unserializable(repr()); }
  /// What a container keeps of it: one of Kind::shared that refers to it, or that and more
  /// (token.hpp); None if it is of no such kind.
  [[nodiscard]] virtual Object reference() const { return {}; }
  /// A queue, whose messages refer to nothing: proxies go through it as they came.
  [[nodiscard]] virtual bool is_queue() const noexcept { return false; }
  /// What Python's methods know of it that does not lie in shared memory: the server has it, for
  /// whatever serves the object next.
  class State {
   public:
    State() = default;
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    virtual ~State() = default;
    /// It says no more than a new one.
    [[nodiscard]] virtual bool is_as_new() const = 0;
  };
  [[nodiscard]] virtual std::shared_ptr<State> state() const { return nullptr; }
  /// From now on this one; before others see it.
  virtual void adopt(std::shared_ptr<State>) {}
  /// The lock that a condition may be made with.
  virtual Lock* lock() noexcept { return nullptr; }
  virtual RLock* rlock() noexcept { return nullptr; }
};

/// One whose class has a table of its methods: `static constexpr Method<Self> methods[]`.
template <class Self>
struct Method {
  std::string_view name;
  Reply (Self::*call)(Arguments& arguments, Caller& caller);
  Takes takes = {};
};
template <class Self>
class ServedAs : public Served {
 public:
  [[nodiscard]] std::string_view type() const noexcept override { return Self::name; }
  [[nodiscard]] std::vector<std::string_view> exposed() const override {
    std::vector<std::string_view> all;
    for (const Method<Self>& method : Self::methods) all.push_back(method.name);
    return all;
  }
  std::optional<Reply> call(std::string_view name, Arguments& arguments, Caller& caller) override {
    for (const Method<Self>& method : Self::methods)
      if (method.name == name) {
        arguments.check(method.takes);
        return (static_cast<Self&>(*this).*method.call)(arguments, caller);
      }
    return std::nullopt;
  }
};

/// Where others are looked for that arguments refer to; null if it is not one.
using FindServed = std::function<std::shared_ptr<Served>(const Object& proxy)>;

/// As Python's `create(typeid, …)`: one of the Manager's types, of a registered type, or what the
/// manager has under that name. Python's exceptions; NotFound.
std::shared_ptr<Served> make_served(const lagoon::Manager& manager, std::string_view type,
                                    Arguments& arguments, const FindServed& find);
/// To what `reference` has given, of this one or another.
std::shared_ptr<Served> serve(const Object& shared);

/// Whatever lies there.
std::shared_ptr<Served> serve(lagoon::detail::Handle handle);

std::shared_ptr<Served> serve(AnyQueue queue);
std::shared_ptr<Served> serve(AnyJoinableQueue queue);
std::shared_ptr<Served> serve(AnyDict dict);
std::shared_ptr<Served> serve(AnyList list);
std::shared_ptr<Served> serve(Namespace names);
std::shared_ptr<Served> serve(Lock lock);
std::shared_ptr<Served> serve(RLock lock);
std::shared_ptr<Served> serve(Semaphore semaphore);
std::shared_ptr<Served> serve(BoundedSemaphore semaphore);
/// With whose lock it was made; null if it has its own.
std::shared_ptr<Served> serve(Condition condition, std::shared_ptr<Served> lock);
std::shared_ptr<Served> serve(Event event);
/// Seconds that each waits at most, unless it says otherwise; or None.
std::shared_ptr<Served> serve(Barrier barrier, Object timeout);
std::shared_ptr<Served> serve_value(const Place& place, char typecode, const Object& initial);
/// A Value of whatever, which a list of one keeps; of whatever typecode.
std::shared_ptr<Served> serve_any_value(List<> one, Object typecode);
std::shared_ptr<Served> serve_array(const Place& place, char typecode, const Object& initial);
std::shared_ptr<Served> serve_scalars(lagoon::detail::Handle handle);  // a Value or an Array
[[nodiscard]] bool is_typecode(const Object& x);
/// TypeError if it is none.
char typecode_in(const Object& x);
std::shared_ptr<Served> serve_registered(Object shared, std::string_view type,
                                         std::vector<std::string> methods);

}  // namespace lagoon::remote
