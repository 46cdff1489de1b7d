#pragma once
/// One connection of a client: a single request, or calls on objects until it ends.

#include <lagoon/manager.hpp>
#include <lagoon/remote/server.hpp>

#include <atomic>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "connection.hpp"
#include "object_table.hpp"
#include "pickle.hpp"
#include "served.hpp"

namespace lagoon::remote {

/// What all sessions of a server have in common.
struct SessionContext {
  lagoon::Manager manager;
  std::string key;
  ServerOptions options;
  ObjectTable objects{manager.segment().mapping()};
  std::function<void()> shut_down = {};
  std::atomic<bool> ends{false};
};

class Session {
 public:
  Session(SessionContext& context, Connection connection);

  /// Until the connection ends. Throws nothing.
  void run() noexcept;
  [[nodiscard]] int descriptor() const noexcept { return connection_.descriptor(); }
  /// The client has gone: nothing is waited for any more.
  void tell_gone() noexcept { has_gone_.store(true, std::memory_order_relaxed); }
  /// Ends the connection.
  void end() noexcept;

 private:
  struct Request {
    Object id, method, args, kwds;
  };
  /// What was sent last; to be undone if it was never read.
  struct Sent {
    std::vector<std::string> kept;  // objects that the client may come to refer to
    std::function<Undone(core::Deadline)> unread;
    std::string id;  // whose method that was
  };

  void authenticate();
  std::optional<Request> receive();
  void serve_requests();
  template <class F>
  bool or_traceback(F&& f);
  /// Whether calls on objects follow.
  bool answer_alone(const Request& request);
  void answer(const Request& request);
  Object call_function(const std::string& name, Arguments& arguments, bool& goes_on);
  Object create(Arguments& arguments);

  void reply(std::string_view kind, const Object& value);
  void reply_traceback();
  /// What was sent was read.
  void forget_sent();
  /// It was not.
  void undo_sent();

  [[nodiscard]] Object address() const;
  /// A proxy of what an Object of Kind::shared refers to, as Python's managers pickle it.
  Object proxy_of(const Object& shared);
  /// The same, of what is kept until `objects.let_go`.
  Object kept_proxy_of(const Object& shared, std::string& id);
  /// On their way into a queue: proxies, as they came, of what is kept as long as it is there.
  Object as_messages(const Object& args, std::vector<std::string>& kept);
  /// The other way round: of one of ours, what it refers to, if that can lie in a container.
  Object resolve(Object proxy);
  [[nodiscard]] std::shared_ptr<Served> find(const Object& proxy) const;

  SessionContext& context_;
  Connection connection_;
  int process_;  // the client's
  std::atomic<bool> has_gone_{false};
  Unpickler unpickler_;
  std::string out_;
  Sent sent_;
};

}  // namespace lagoon::remote
