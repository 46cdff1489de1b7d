#pragma once
/// A client of a manager's server: a connection for each thread, and one for each single request.

#include <lagoon/remote/proxy.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "connection.hpp"
#include "pickle.hpp"

namespace lagoon::remote {

class Client : public std::enable_shared_from_this<Client> {
 public:
  Client(const Address& address, std::string_view key, const ClientOptions& options)
      : address_(address), key_(key), options_(options) {}

  [[nodiscard]] const Address& address() const noexcept { return address_; }
  [[nodiscard]] const ClientOptions& options() const noexcept { return options_; }

  /// One of the server's functions, by a connection of its own.
  Object ask(std::string_view function, const Object& arguments, const Object& named);
  /// A method, by this thread's connection. If the answer is a proxy of something new, that.
  Object call(std::string_view id, std::string_view method, const Object& arguments,
              const Object& named, core::Deadline deadline);
  Proxy create(std::string_view type, const Object& arguments, const Object& named);

 private:
  [[nodiscard]] Connection connect() const;
  /// This thread's; of a child, not its parent's.
  Connection& mine();
  void give_up_mine();
  void send_to_mine(std::string_view request, core::Deadline deadline);
  Object answer(std::string_view message);
  Object answer(std::string_view message, Unpickler& unpickler);

  [[nodiscard]] Object load(std::string_view message, Unpickler& unpickler);
  [[nodiscard]] Object resolve(Object proxy);

  Address address_;
  std::string key_;
  ClientOptions options_;
  std::uint64_t number_ = next_number();  // of this process's clients
  static std::uint64_t next_number() noexcept;
};

/// What a Proxy refers to.
struct Proxy::State {
  State(std::shared_ptr<Client> of, std::string type_name, std::string name,
        std::vector<std::string> methods)
      : client(std::move(of)),
        type(std::move(type_name)),
        id(std::move(name)),
        exposed(std::move(methods)) {}
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  /// Says so to the server, in the process that has it; a forked child never counted.
  ~State();

  std::shared_ptr<Client> client;
  std::string type, id;
  std::vector<std::string> exposed;
  int process = 0;  // that the server counts it for
};

/// Of Kind::shared.
class RemoteReference final : public Object::Handle {
 public:
  explicit RemoteReference(std::shared_ptr<const Proxy::State> state)
      : state_(std::move(state)), name_("AutoProxy[" + state_->type + "]") {}
  [[nodiscard]] const std::shared_ptr<const Proxy::State>& state() const noexcept { return state_; }

  [[nodiscard]] std::string_view type_name() const noexcept override { return name_; }
  [[nodiscard]] std::string repr() const override;
  [[nodiscard]] std::string str() const override { return Proxy(state_).str(); }
  [[nodiscard]] bool equals(const Object::Handle& other) const override;
  [[nodiscard]] std::size_t hash() const override { return std::hash<std::string>()(state_->id); }
  [[nodiscard]] std::size_t size() const override;
  [[nodiscard]] Object at(const Object& key) const override;
  [[nodiscard]] bool contains(const Object& x) const override;
  void set_item(const Object& key, const Object& x) const override;
  void erase(const Object& key) const override;
  void append(const Object& x) const override;
  void insert(const Object& index, const Object& x) const override;
  Object pop() const override;
  Object pop(const Object& key) const override;
  void clear() const override;
  void extend(const Object& x) const override;
  Object call(std::string_view method, std::span<const Object> arguments) const override;

 protected:
  [[nodiscard]] std::string advice() const override {
    return "; it lies at the server " + state_->client->address().text() +
           ": what reads and changes it as one step holds a lock of that server";
  }

 private:
  [[nodiscard]] Object ask(std::string_view method, const Object& arguments) const;

  std::shared_ptr<const Proxy::State> state_;
  std::string name_;
};

}  // namespace lagoon::remote
