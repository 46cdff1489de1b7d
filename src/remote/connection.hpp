#pragma once
/// Messages over a socket, as multiprocessing.connection has them: a length, and so many bytes.

#include <lagoon/core/futex.hpp>
#include <lagoon/error.hpp>
#include <lagoon/remote/address.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "descriptor.hpp"

namespace lagoon::remote {

/// Who speaks no protocol of ours, or too much of it.
struct ProtocolError : InvalidArgument {
  using InvalidArgument::InvalidArgument;
};

class Connection {
 public:
  explicit Connection(Descriptor socket) noexcept : socket_(std::move(socket)) {}
  /// SystemError if nobody listens there; TimeoutError.
  static Connection to(const Address& address, core::Deadline deadline);

  /// SystemError if the other end has gone; TimeoutError.
  void send(std::string_view message, core::Deadline deadline = core::Deadline::never());
  /// The next message, good until the next call; nothing if the other end has closed between two.
  /// ProtocolError if it is longer than that. SystemError if the other end has gone: ECONNRESET, on
  /// a Unix socket, if it has left unread what was sent to it.
  std::optional<std::string_view> receive(std::size_t most,
                                          core::Deadline deadline = core::Deadline::never());

  /// Whether what comes over TCP is acknowledged as soon as it is read: an unmodified Python client
  /// sends the second part of a message only when the first is, which else takes 40 ms.
  void acknowledge_at_once(bool does) noexcept { acknowledges_at_once_ = does; }

  [[nodiscard]] int descriptor() const noexcept { return socket_.get(); }
  /// The process at the other end of a Unix socket; 0 if it is not known.
  [[nodiscard]] int peer() const noexcept;

 private:
  static constexpr std::size_t least_buffer = 4096;

  std::size_t receive_some(char* to, std::size_t most, core::Deadline deadline);
  bool fill(std::size_t wanted, core::Deadline deadline, bool may_end);
  void wait_for(short events, core::Deadline deadline);
  void limit_patience(core::Deadline deadline);

  Descriptor socket_;
  std::int64_t patience_ =
      0;  // nanoseconds that the kernel lets recv() wait; 0: as long as it takes
  std::string buffer_;
  std::size_t used_ = 0, received_ = 0;  // of it
  bool acknowledges_at_once_ = false;
};

class Listener {
 public:
  /// SystemError if it is taken, or not allowed.
  explicit Listener(const Address& address);
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  ~Listener();

  /// With the port that it has.
  [[nodiscard]] const Address& address() const noexcept { return address_; }
  [[nodiscard]] int descriptor() const noexcept { return socket_.get(); }
  /// The next one, if there is one.
  std::optional<Connection> accept();

 private:
  Address address_;
  Descriptor socket_;
  unsigned long long device_ = 0, inode_ = 0;  // of its path
};

}  // namespace lagoon::remote
