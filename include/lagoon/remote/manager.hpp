#pragma once
/// `remote::Manager`: a client of a manager's server, CPython's or lagoon's (server.hpp): the types
/// and names of the local ones, each call a question to the server.
///
///   auto m = remote::Manager::connect(remote::Address::parse("/run/trading"), "the key");
///   remote::Dict d = m.dict();
///   d["k"] = 1;   int k = int(d["k"]);   for (const Object& key : d.keys()) …
///   remote::Lock lock = m.lock();
///   { const std::scoped_lock guard(lock); d["k"] = int(d["k"]) + 1; }
///
/// What Python's program has registered is made by its name: m.create("get_prices"). What goes and
/// comes are Objects (object.hpp); those of Python's own classes go back as they came.
///
/// Two questions are two moments: what the local types do as one step (d["k"] += 1) is not there,
/// since Python's servers cannot; hold a lock.
///
/// Errors, threads, and what becomes of a server that goes: proxy.hpp.

#include <lagoon/object.hpp>
#include <lagoon/remote/containers.hpp>
#include <lagoon/remote/proxy.hpp>
#include <lagoon/remote/synchronization.hpp>

#include <concepts>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace lagoon::remote {

class Manager {
 public:
  /// SystemError if nobody listens there; TimeoutError; InvalidArgument if the keys differ.
  static Manager connect(const Address& address, std::string_view authkey,
                         const ClientOptions& options = {});

  [[nodiscard]] Dict dict() const { return Dict(create("dict")); }
  [[nodiscard]] Dict dict(const Object& items) const { return Dict(create("dict", items)); }
  [[nodiscard]] List list() const { return List(create("list")); }
  [[nodiscard]] List list(const Object& items) const { return List(create("list", items)); }
  [[nodiscard]] Namespace namespace_() const { return Namespace(create("Namespace")); }
  [[nodiscard]] Value value(char typecode, const Object& x) const {
    return Value(create("Value", std::string_view(&typecode, 1), x));
  }
  /// Of the elements of a list.
  [[nodiscard]] Array array(char typecode, const Object& elements) const {
    return Array(create("Array", std::string_view(&typecode, 1), elements));
  }
  [[nodiscard]] Lock lock() const { return Lock(create("Lock")); }
  [[nodiscard]] RLock rlock() const { return RLock(create("RLock")); }
  [[nodiscard]] Semaphore semaphore(int permits = 1) const {
    return Semaphore(create("Semaphore", permits));
  }
  [[nodiscard]] BoundedSemaphore bounded_semaphore(int permits = 1) const {
    return BoundedSemaphore(create("BoundedSemaphore", permits));
  }
  [[nodiscard]] Condition condition() const { return Condition(create("Condition")); }
  [[nodiscard]] Condition condition(const Lock& lock) const {
    return Condition(create("Condition", lock.reference()));
  }
  [[nodiscard]] Event event() const { return Event(create("Event")); }
  [[nodiscard]] Barrier barrier(int parties) const { return Barrier(create("Barrier", parties)); }
  [[nodiscard]] Queue queue(int maxsize = 0) const { return Queue(create("Queue", maxsize)); }
  [[nodiscard]] JoinableQueue joinable_queue(int maxsize = 0) const {
    return JoinableQueue(create("JoinableQueue", maxsize));
  }
  /// Of any type that the server knows by this name.
  template <std::convertible_to<Object>... A>
  [[nodiscard]] Proxy create(std::string_view type, A&&... arguments) const {
    return create_of(type, Object::tuple(std::forward<A>(arguments)...));
  }

  /// How many the server keeps for its clients.
  [[nodiscard]] std::size_t number_of_objects() const;
  /// Each of them, with how often it is referred to: in the server's words.
  [[nodiscard]] std::string debug_info() const;
  /// Ends the server.
  void shutdown() const;

 private:
  explicit Manager(std::shared_ptr<Client> client) noexcept : client_(std::move(client)) {}
  [[nodiscard]] Proxy create_of(std::string_view type, const Object& arguments) const;
  std::shared_ptr<Client> client_;
};

}  // namespace lagoon::remote
