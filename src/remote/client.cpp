#include "client.hpp"

#include <unistd.h>

#include <atomic>
#include <map>
#include <optional>
#include <utility>

#include "authentication.hpp"
#include "pickle.hpp"
#include "python_error.hpp"
#include "token.hpp"

namespace lagoon::remote {

namespace {

/// This thread's connections, each with the process that has made it.
struct Mine {
  int process = 0;
  std::optional<Connection> connection;
  Unpickler unpickler;
  std::string request;
};
thread_local std::map<std::uint64_t, Mine> mine_of_all;

std::string thread_name() {
  return "lagoon-" + std::to_string(::getpid()) + "-" + std::to_string(::gettid());
}

std::vector<std::string> names_in(const Object& names) {
  std::vector<std::string> all;
  for (const Object& name : names.elements()) all.push_back(name.get<std::string>());
  return all;
}

}  // namespace

std::uint64_t Client::next_number() noexcept {
  static std::atomic<std::uint64_t> next{0};
  return next.fetch_add(1, std::memory_order_relaxed);  // it orders nothing
}

Connection Client::connect() const {
  const auto deadline = core::Deadline::after(options_.connecting);
  Connection connection = Connection::to(address_, deadline);
  answer_challenge(connection, key_, deadline);
  challenge(connection, key_, deadline);
  return connection;
}

Connection& Client::mine() {
  Mine& mine = mine_of_all[number_];
  if (mine.connection && mine.process != ::getpid()) mine.connection.reset();
  if (!mine.connection) {
    mine.process = ::getpid();
    Connection connection = connect();
    connection.send(pickled(
        Object::tuple(nullptr, "accept_connection", Object::tuple(thread_name()), Object::dict())));
    const auto message =
        connection.receive(options_.message, core::Deadline::after(options_.answer));
    if (!message) throw SystemError(ECONNRESET, "the server " + address_.text() + " has gone");
    (void)answer(*message);
    mine.connection.emplace(std::move(connection));
  }
  return *mine.connection;
}

/// By this thread's connection; or another one, if the server has closed that: then it has not had
/// this request.
void Client::send_to_mine(std::string_view request, core::Deadline deadline) {
  const bool is_old = mine_of_all[number_].connection.has_value();
  try {
    return mine().send(request, deadline);
  } catch (const SystemError&) {
    if (!is_old) throw;
  }
  give_up_mine();
  mine().send(request, deadline);
}

void Client::give_up_mine() { mine_of_all.erase(number_); }

Object Client::load(std::string_view message, Unpickler& unpickler) {
  return unpickler.load(message, [this](Object proxy) { return resolve(std::move(proxy)); });
}

/// A proxy in an answer, as an Object of Kind::shared; of another server as it came.
Object Client::resolve(Object proxy) {
  const std::optional<Token> token = token_in(proxy);
  if (!token) return proxy;
  try {
    (void)ask("incref", Object::tuple(token->id), Object::dict());
  } catch (const RemoteError&) {
    return proxy;
  }
  std::vector<std::string> exposed;
  if (const Object* const named = token_names(proxy)) exposed = names_in(*named);
  auto state = std::make_shared<Proxy::State>(shared_from_this(), token->type, token->id,
                                              std::move(exposed));
  state->process = ::getpid();
  return Object::shared<RemoteReference>(std::move(state));
}

Object Client::answer(std::string_view message) {
  Unpickler unpickler;
  return answer(message, unpickler);
}

Object Client::answer(std::string_view message, Unpickler& unpickler) {
  const Object reply = load(message, unpickler);
  if (reply.kind() != Object::Kind::tuple || reply.size() != 2)
    throw RemoteError("a server answers (kind, value), and not " + std::string(reply.type_name()));
  const auto kind = reply.elements()[0].get<std::string>();
  const Object& value = reply.elements()[1];
  if (kind == "#RETURN") return value;
  if (kind == "#ERROR") throw_as_own(value);
  if (kind == "#PROXY") {
    const std::optional<Token> token = token_of(value.at(1));
    if (!token) throw RemoteError("a proxy without a token came from " + address_.text());
    // The server has counted it for us.
    auto state = std::make_shared<Proxy::State>(shared_from_this(), token->type, token->id,
                                                names_in(value.elements()[0]));
    state->process = ::getpid();
    return Object::shared<RemoteReference>(std::move(state));
  }
  throw RemoteError(value.kind() == Object::Kind::str ? value.get<std::string>() : value.repr());
}

Object Client::ask(std::string_view function, const Object& arguments, const Object& named) {
  Connection connection = connect();
  const auto deadline = core::Deadline::after(options_.answer);
  connection.send(pickled(Object::tuple(nullptr, function, arguments, named), as_proxy), deadline);
  const auto message = connection.receive(options_.message, deadline);
  if (!message) throw SystemError(ECONNRESET, "the server " + address_.text() + " has gone");
  return answer(*message);
}

Object Client::call(std::string_view id, std::string_view method, const Object& arguments,
                    const Object& named, core::Deadline deadline) {
  std::string request = std::move(mine_of_all[number_].request);
  request.clear();
  pickle(request, Object::tuple(id, method, arguments, named), as_proxy);
  std::optional<std::string_view> message;
  try {
    send_to_mine(request, deadline);
    Mine& mine = mine_of_all[number_];
    mine.request = std::move(request);
    message = mine.connection->receive(options_.message, deadline);
  } catch (const std::exception&) {
    give_up_mine();
    throw;
  }
  if (!message) {
    give_up_mine();
    throw SystemError(ECONNRESET, "the server " + address_.text() + " has gone");
  }
  return answer(*message, mine_of_all[number_].unpickler);
}

Proxy Client::create(std::string_view type, const Object& arguments, const Object& named) {
  std::vector<Object> all{type};
  for (const Object& argument : arguments.elements()) all.push_back(argument);
  const Object made = ask("create", Object::tuple_of(all), named);
  auto state =
      std::make_shared<Proxy::State>(shared_from_this(), std::string(type),
                                     made.at(0).get<std::string>(), names_in(made.elements()[1]));
  state->process = ::getpid();
  return Proxy(std::move(state));
}

Proxy::State::~State() {
  if (process != ::getpid()) return;
  try {
    (void)client->ask("decref", Object::tuple(id), Object::dict());
  } catch (const std::exception&) {  // it has gone, and what it held with it
  }
}

// ---- Proxies ------------------------------------------------------------------------------------

Proxy::Proxy(const Object& o) {
  const auto* const reference = o.shared_as<RemoteReference>();
  if (reference == nullptr)
    throw TypeMismatch("what refers to an object of a manager's server was expected, not " +
                       std::string(o.type_name()));
  state_ = reference->state();
}

std::string_view Proxy::type() const noexcept { return state_->type; }

std::vector<std::string> Proxy::methods() const { return state_->exposed; }

std::string Proxy::str() const { return call("__repr__").get<std::string>(); }

Object Proxy::value() const { return call("#GETVALUE"); }

Object Proxy::reference() const { return Object::shared<RemoteReference>(state_); }

Object Proxy::call_with(std::optional<Wait> wait, std::string_view method, const Object& arguments,
                        const Named& named) const {
  if (state_ == nullptr) throw UsageError("this proxy was moved from");
  Object names = Object::dict();
  for (const auto& [name, value] : named) names.set_item(name, value);
  auto deadline = core::Deadline::never();
  const std::chrono::duration<double> answer = state_->client->options().answer;
  if (!wait) deadline = core::Deadline::after(answer);
  if (wait && wait->seconds)
    deadline = core::Deadline::after(answer + std::chrono::duration<double>(*wait->seconds));
  return state_->client->call(state_->id, method, arguments, names, deadline);
}

// ---- References ---------------------------------------------------------------------------------

Object RemoteReference::ask(std::string_view method, const Object& arguments) const {
  return Proxy(state_).call_waiting(0, method, arguments);
}

std::string RemoteReference::repr() const {
  return "<" + name_ + " object, typeid '" + state_->type + "' at " +
         state_->client->address().text() + ">";
}
bool RemoteReference::equals(const Object::Handle& other) const {
  const auto* const one = dynamic_cast<const RemoteReference*>(&other);
  return one != nullptr && one->state_->id == state_->id &&
         one->state_->client->address() == state_->client->address();
}
std::size_t RemoteReference::size() const {
  return ask("__len__", Object::tuple()).get<std::size_t>();
}
Object RemoteReference::at(const Object& key) const {
  return ask("__getitem__", Object::tuple(key));
}
bool RemoteReference::contains(const Object& x) const {
  return bool(ask("__contains__", Object::tuple(x)));
}
void RemoteReference::set_item(const Object& key, const Object& x) const {
  (void)ask("__setitem__", Object::tuple(key, x));
}
void RemoteReference::erase(const Object& key) const {
  (void)ask("__delitem__", Object::tuple(key));
}
void RemoteReference::append(const Object& x) const { (void)ask("append", Object::tuple(x)); }
void RemoteReference::insert(const Object& index, const Object& x) const {
  (void)ask("insert", Object::tuple(index, x));
}
Object RemoteReference::pop() const { return ask("pop", Object::tuple()); }
Object RemoteReference::pop(const Object& key) const { return ask("pop", Object::tuple(key)); }
void RemoteReference::clear() const {
  if (state_->type == "list")
    (void)ask("__delitem__", Object::tuple(reduced(global("builtins", "slice"),
                                                   Object::tuple(nullptr, nullptr, nullptr))));
  else
    (void)ask("clear", Object::tuple());
}
void RemoteReference::extend(const Object& x) const { (void)ask("extend", Object::tuple(x)); }
Object RemoteReference::call(std::string_view method, std::span<const Object> arguments) const {
  return ask(method, Object::tuple_of(arguments));
}

Object as_proxy(const Object& shared) {
  if (shared_in(shared) == nullptr) return shared;
  const auto* const reference = shared.shared_as<RemoteReference>();
  if (reference == nullptr)
    throw TypeMismatch("what lies in this process's shared memory cannot be sent to a server: " +
                       shared.repr());
  const Proxy::State& state = *reference->state();
  return proxy_to({state.type, address_object(state.client->address()), state.id}, state.exposed);
}

}  // namespace lagoon::remote
