#include "session.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <exception>
#include <utility>

#include "authentication.hpp"
#include "python_error.hpp"
#include "token.hpp"

namespace lagoon::remote {

namespace {

Object names_of(const Served& served) {
  std::vector<Object> names;
  for (const std::string_view name : served.exposed()) names.emplace_back(name);
  return Object::tuple_of(names);
}

PickleLimits limits_of(const ServerOptions& options) {
  return {options.objects, options.message, options.integer, options.nesting};
}

/// The repr of what is asked for, which another may have erased.
std::string repr_of(const Served& served) {
  try {
    return served.repr();
  } catch (const std::exception& e) {
    return "<" + std::string(served.type()) + ": " + e.what() + ">";
  }
}

}  // namespace

Session::Session(SessionContext& context, Connection connection)
    : context_(context),
      connection_(std::move(connection)),
      process_(connection_.peer()),
      unpickler_(limits_of(context.options)) {}

void Session::run() noexcept {
  try {
    authenticate();
    serve_requests();
  } catch (const SystemError& e) {
    // A client's kernel says so if it has left something unread.
    if (e.code().value() == ECONNRESET || e.code().value() == EPIPE) undo_sent();
  } catch (const std::exception&) {
    // What is no request ends the connection, and nothing else.
  }
  try {
    for (const std::string& id : sent_.kept) context_.objects.let_go(id);
    sent_ = {};
  } catch (const std::exception&) {
  }
  end();
}

/// For as long as anybody may ask for it.
void Session::undo_sent() {
  if (!sent_.unread) return;
  try {
    for (;;) {
      const auto soon = core::Deadline::after(std::chrono::seconds(1)).unless(context_.ends);
      const Undone undone = sent_.unread(soon);
      if (undone == Undone::yes) return sent_.kept.clear();  // it is there with what it needs
      if (context_.ends ||
          (undone == Undone::not_yet_and_only_clients_can_help && !context_.objects.has(sent_.id)))
        return;
    }
  } catch (const std::exception&) {  // there is no such queue any more
  }
}

void Session::end() noexcept {
  tell_gone();
  ::shutdown(connection_.descriptor(), SHUT_RDWR);
}

void Session::authenticate() {
  const auto deadline = core::Deadline::after(context_.options.authentication);
  connection_.acknowledge_at_once(true);
  challenge(connection_, context_.key, deadline);
  answer_challenge(connection_, context_.key, deadline);
}

std::optional<Session::Request> Session::receive() {
  const auto message = connection_.receive(context_.options.message);
  if (!message) return std::nullopt;
  forget_sent();
  const Object request =
      unpickler_.load(*message, [this](Object proxy) { return resolve(std::move(proxy)); });
  if (request.kind() != Object::Kind::tuple || request.size() != 4)
    throw InvalidArgument("a request is a tuple of four, (id, method, args, kwds), and not " +
                          request.repr().substr(0, 75));
  const auto parts = request.elements();
  return Request{parts[0], parts[1], parts[2], parts[3]};
}

/// f(). What is wrong with a request, but not with the connection, is answered; whether nothing
/// was.
template <class F>
bool Session::or_traceback(F&& f) {
  try {
    f();
    return true;
  } catch (const SystemError&) {
    throw;
  } catch (const ProtocolError&) {
    throw;
  } catch (...) {
    reply_traceback();
    return false;
  }
}

void Session::serve_requests() {
  std::optional<Request> request;
  bool goes_on = false;
  (void)or_traceback([&] {
    request = receive();
    if (request) goes_on = answer_alone(*request);
  });
  if (!goes_on) return;
  connection_.acknowledge_at_once(false);  // each costs more than it saves
  do {
    (void)or_traceback([&] {
      request = receive();
      if (request) answer(*request);
    });
  } while (request);
}

bool Session::answer_alone(const Request& request) {
  if (!request.id.is_none()) raise("AttributeError", "a single request has no id");
  const std::string name = request.method.get<std::string>();
  Arguments arguments(name, request.args, request.kwds);
  bool goes_on = false;
  reply("#RETURN", call_function(name, arguments, goes_on));
  return goes_on;
}

Object Session::call_function(const std::string& name, Arguments& a, bool& goes_on) {
  ObjectTable& objects = context_.objects;
  if (name == "accept_connection") {
    (void)a.take("name");
    a.end();
    goes_on = true;
    return {};
  }
  if (name == "incref" || name == "decref") {
    const std::string id = a.take("ident").get<std::string>();
    a.end();
    if (!(name == "incref" ? objects.refer(id, process_) : objects.unrefer(id, process_)))
      raise_key_error(id);
    return {};
  }
  if (name == "create") return create(a);
  if (name == "dummy") return a.end(), Object();
  if (name == "get_methods") {
    const Object token = a.take("token");
    a.end();
    const auto asked = token_of(token);
    if (!asked) raise_key_error(token);
    if (const auto served = objects.find(asked->id)) return names_of(*served);
    raise_key_error(asked->id);
  }
  if (name == "number_of_objects") return a.end(), Object(objects.size());
  if (name == "debug_info") return a.end(), Object(objects.text());
  if (name == "shutdown") {
    a.end();
    reply("#RETURN", {});
    context_.shut_down();
    return {};
  }
  raise("AttributeError", "a manager's server has no function '" + name + "'");
}

Object Session::create(Arguments& a) {
  const std::string type = a.take("typeid").get<std::string>();
  Arguments rest(type, Object::tuple_of(a.take_rest()), a.take_named());
  const auto served = make_served(context_.manager, type, rest,
                                  [this](const Object& proxy) { return find(proxy); });
  return Object::tuple(context_.objects.add(served, process_), names_of(*served));
}

void Session::answer(const Request& request) {
  const std::string id = request.id.get<std::string>();
  const std::string_view method = request.method.get<std::string_view>();
  const std::shared_ptr<Served> served = context_.objects.find(id);
  if (served == nullptr) raise_key_error(id);
  std::optional<Reply> answered;
  std::vector<std::string> kept;
  try {
    const bool is_put = served->is_queue() && method.starts_with("put");
    Arguments arguments(method, is_put ? as_messages(request.args, kept) : request.args,
                        request.kwds);
    Caller caller(has_gone_);
    answered = served->call(method, arguments, caller);
  } catch (...) {  // a method of the application's may throw anything
    for (const std::string& each : kept) context_.objects.let_go(each);
    return reply("#ERROR", current_exception());
  }
  // What was got needs what it refers to no longer than until the client has counted it; but a
  // task may be handed out again.
  if (served->type() == "Queue" && answered)
    for_each_proxy(answered->value, [this](const Object& proxy) {
      const auto token = token_in(proxy);
      if (token && context_.objects.find(token->id) != nullptr) sent_.kept.push_back(token->id);
    });
  if (!answered) {
    if (method == "__str__" || method == "__repr__") return reply("#RETURN", repr_of(*served));
    if (method == "#GETVALUE") {
      try {
        return reply("#RETURN", served->value());
      } catch (const Unserializable& e) {
        return reply("#UNSERIALIZABLE", e.what());
      }
    }
    raise("AttributeError", "method '" + std::string(method) + "' of '" +
                                std::string(served->type()) +
                                "' object is not in exposed=" + names_of(*served).repr());
  }
  if (answered->proxy != nullptr) {
    const std::string new_id = context_.objects.add(answered->proxy, process_);
    return reply(
        "#PROXY",
        Object::tuple(names_of(*answered->proxy),
                      object_of(Token{std::string(answered->proxy->type()), address(), new_id})));
  }
  sent_.unread = std::move(answered->unread);
  if (sent_.unread) sent_.id = id;
  reply("#RETURN", answered->value);
}

// ---- Replies ------------------------------------------------------------------------------------

void Session::reply(std::string_view kind, const Object& value) {
  out_.clear();
  try {
    pickle(out_, Object::tuple(kind, value), [this](const Object& o) { return proxy_of(o); });
  } catch (const std::exception&) {
    const std::string why = text_of_exception(current_exception());
    out_ = pickled(Object::tuple("#UNSERIALIZABLE", why));
  }
  connection_.send(out_);
}

void Session::reply_traceback() {
  const std::string text =
      "Traceback (in lagoon's server):\n  " + text_of_exception(current_exception()) + "\n";
  connection_.send(pickled(Object::tuple("#TRACEBACK", text)));
}

void Session::forget_sent() {
  for (const std::string& id : sent_.kept) context_.objects.let_go(id);
  sent_.kept.clear();
  sent_.unread = nullptr;
}

// ---- Proxies ------------------------------------------------------------------------------------

/// As this client reaches it.
Object Session::address() const {
  sockaddr_storage name{};
  socklen_t size = sizeof name;
  if (::getsockname(connection_.descriptor(), reinterpret_cast<sockaddr*>(&name), &size) == 0 &&
      name.ss_family == AF_INET) {
    const auto* const tcp = reinterpret_cast<const sockaddr_in*>(&name);
    char host[INET_ADDRSTRLEN];
    if (::inet_ntop(AF_INET, &tcp->sin_addr, host, sizeof host) != nullptr)
      return Object::tuple(host, ntohs(tcp->sin_port));
  }
  const auto* const path = reinterpret_cast<const sockaddr_un*>(&name);
  const std::size_t length = size - offsetof(sockaddr_un, sun_path);
  if (path->sun_path[0] == '\0') return Object::bytes(std::string_view(path->sun_path, length));
  return std::string_view(path->sun_path);
}

Object Session::as_messages(const Object& args, std::vector<std::string>& kept) {
  bool has_shared = false;
  for_each_proxy(args, [&](const Object& proxy) {
    if (shared_in(proxy) != nullptr) {
      has_shared = true;
    } else if (const auto token = token_in(proxy); token && context_.objects.keep(token->id)) {
      kept.push_back(token->id);
    }
  });
  if (!has_shared) return args;
  const auto keep = [&](const Object& shared) {
    if (shared_in(shared) == nullptr) return shared;
    std::string id;
    Object proxy = kept_proxy_of(shared, id);
    kept.push_back(std::move(id));
    return proxy;
  };
  return Unpickler(limits_of(context_.options)).load(pickled(args, keep));
}

Object Session::proxy_of(const Object& shared) {
  if (shared_in(shared) == nullptr) return shared;
  std::string id;
  Object proxy = kept_proxy_of(shared, id);
  sent_.kept.push_back(std::move(id));
  return proxy;
}

Object Session::kept_proxy_of(const Object& shared, std::string& id) {
  id = context_.objects.add_kept(shared);
  const auto served = context_.objects.find(id);
  const auto names = served->exposed();
  return proxy_to({std::string(served->type()), address(), id},
                  std::vector<std::string>(names.begin(), names.end()));
}

std::shared_ptr<Served> Session::find(const Object& proxy) const {
  if (shared_in(proxy) != nullptr) return serve(proxy);
  const auto token = token_in(proxy);
  return token ? context_.objects.find(token->id) : nullptr;
}

Object Session::resolve(Object proxy) {
  const auto token = token_in(proxy);
  const auto served = token ? context_.objects.find(token->id) : nullptr;
  if (served == nullptr) return proxy;  // of another server
  Object reference = served->reference();
  return reference.is_none() ? proxy : reference;
}

}  // namespace lagoon::remote
