#include <lagoon/error.hpp>

#include "connection.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

namespace lagoon::remote {

namespace {

[[noreturn]] void throw_errno(const std::string& what) { throw SystemError(errno, what); }

struct Endpoint {
  sockaddr_storage storage{};
  socklen_t size = 0;
  [[nodiscard]] const sockaddr* get() const noexcept {
    return reinterpret_cast<const sockaddr*>(&storage);
  }
};

Endpoint endpoint_of(const Address& address) {
  Endpoint endpoint;
  if (address.kind() != Address::Kind::tcp) {
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    const bool is_abstract = address.kind() == Address::Kind::abstract;
    std::memcpy(name.sun_path + (is_abstract ? 1 : 0), address.name().data(),
                address.name().size());
    endpoint.size =
        static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + address.name().size());
    std::memcpy(&endpoint.storage, &name, sizeof name);
    return endpoint;
  }
  addrinfo hints{};
  hints.ai_family = AF_INET;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error =
      ::getaddrinfo(address.name().c_str(), std::to_string(address.port()).c_str(), &hints, &found);
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(found, ::freeaddrinfo);
  if (error != 0)
    throw SystemError(EADDRNOTAVAIL,
                      "no address of " + address.text() + ": " + ::gai_strerror(error));
  std::memcpy(&endpoint.storage, found->ai_addr, found->ai_addrlen);
  endpoint.size = found->ai_addrlen;
  return endpoint;
}

Descriptor make_socket(const Address& address, int flags) {
  const int family = address.kind() == Address::Kind::tcp ? AF_INET : AF_UNIX;
  Descriptor made =
      Descriptor::of([&] { return ::socket(family, SOCK_STREAM | SOCK_CLOEXEC | flags, 0); });
  if (made.get() < 0) throw_errno("no socket for " + address.text());
  return made;
}

void set_option(int fd, int level, int option) {
  const int on = 1;
  (void)::setsockopt(fd, level, option, &on, sizeof on);
}

/// Sockets block, since that is one call of the kernel's and not three; who sends until a deadline
/// waits by poll().
int flags_of(core::Deadline deadline) { return deadline.is_never() ? 0 : MSG_DONTWAIT; }

std::int64_t nanoseconds_until(core::Deadline deadline) {
  const timespec end = deadline.as_timespec();
  return std::int64_t{end.tv_sec} * 1'000'000'000 + end.tv_nsec - core::Deadline::clock();
}

[[noreturn]] void throw_silence() {
  throw TimeoutError("the other end of a connection was silent for too long");
}

/// Whether there is a socket at that path to which nobody listens: of a server that was killed.
bool was_left_behind(const Address& address) {
  if (address.kind() != Address::Kind::path) return false;
  struct ::stat file {};
  if (::lstat(address.name().c_str(), &file) != 0 || !S_ISSOCK(file.st_mode)) return false;
  const Endpoint endpoint = endpoint_of(address);
  const Descriptor socket = make_socket(address, SOCK_NONBLOCK);
  const bool refused =
      ::connect(socket.get(), endpoint.get(), endpoint.size) != 0 && errno == ECONNREFUSED;
  errno = EADDRINUSE;
  return refused;
}

}  // namespace

Connection Connection::to(const Address& address, core::Deadline deadline) {
  const Endpoint endpoint = endpoint_of(address);
  Connection made(make_socket(address, SOCK_NONBLOCK));
  const int fd = made.descriptor();
  if (::connect(fd, endpoint.get(), endpoint.size) != 0) {
    // Of a Unix socket EAGAIN says that too many wait to be let in.
    while (errno == EAGAIN && address.kind() != Address::Kind::tcp) {
      if (deadline.passed()) throw TimeoutError("nobody answered at " + address.text());
      ::usleep(1000);
      if (::connect(fd, endpoint.get(), endpoint.size) == 0) errno = 0;
    }
    if (errno == EINPROGRESS) {
      made.wait_for(POLLOUT, deadline);
      socklen_t size = sizeof errno;
      int error = 0;
      (void)::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
      errno = error;
    }
    if (errno != 0) throw_errno("cannot connect to " + address.text());
  }
  if (address.kind() == Address::Kind::tcp) set_option(fd, IPPROTO_TCP, TCP_NODELAY);
  if (::fcntl(fd, F_SETFL, 0) != 0) throw_errno("cannot connect to " + address.text());
  return made;
}

/// Until there is something, or the time is over.
void Connection::wait_for(short events, core::Deadline deadline) {
  for (;;) {
    int timeout = -1;
    if (!deadline.is_never()) {
      const std::int64_t left = nanoseconds_until(deadline);
      if (left <= 0) throw_silence();
      timeout = static_cast<int>(std::min<std::int64_t>(left / 1'000'000 + 1, 1'000'000));
    }
    pollfd poll{socket_.get(), events, 0};
    const int n = ::poll(&poll, 1, timeout);
    if (n > 0) return;
    if (n < 0 && errno != EINTR) throw_errno("cannot wait for a connection");
  }
}

void Connection::send(std::string_view message, core::Deadline deadline) {
  // A length of 31 bits, or -1 and then one of 64: the highest byte first.
  char head[12];
  std::size_t head_size = 4;
  if (message.size() <= 0x7fff'ffff) {
    const std::uint32_t length = htonl(static_cast<std::uint32_t>(message.size()));
    std::memcpy(head, &length, 4);
  } else {
    const std::uint64_t length = __builtin_bswap64(message.size());
    std::memset(head, 0xff, 4);
    std::memcpy(head + 4, &length, 8);
    head_size = 12;
  }
  iovec parts[2] = {{head, head_size}, {const_cast<char*>(message.data()), message.size()}};
  msghdr all{};
  all.msg_iov = parts;
  all.msg_iovlen = 2;
  std::size_t left = head_size + message.size();
  while (left != 0) {
    ssize_t sent = ::sendmsg(socket_.get(), &all, MSG_NOSIGNAL | flags_of(deadline));
    if (sent < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN && errno != EWOULDBLOCK) throw_errno("the other end has gone");
      wait_for(POLLOUT, deadline);
      continue;
    }
    left -= static_cast<std::size_t>(sent);
    while (all.msg_iovlen != 0 && static_cast<std::size_t>(sent) >= all.msg_iov->iov_len) {
      sent -= static_cast<ssize_t>(all.msg_iov->iov_len);
      ++all.msg_iov;
      --all.msg_iovlen;
    }
    if (all.msg_iovlen != 0) {
      all.msg_iov->iov_base = static_cast<char*>(all.msg_iov->iov_base) + sent;
      all.msg_iov->iov_len -= static_cast<std::size_t>(sent);
    }
  }
}

/// The kernel's own limit on how long recv() waits is set where it is longer than the deadline
/// leaves, to half of that: so who has the same patience each time sets it once.
void Connection::limit_patience(core::Deadline deadline) {
  constexpr std::int64_t least = 10'000'000;
  std::int64_t limit = 0;  // none
  if (!deadline.is_never()) {
    const std::int64_t left = std::max<std::int64_t>(nanoseconds_until(deadline), 1000);
    if (patience_ != 0 && patience_ <= left) return;
    limit = std::max(left / 2, std::min(left, least));
  }
  if (limit == patience_) return;
  const timeval time{limit / 1'000'000'000, limit % 1'000'000'000 / 1000};
  if (::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time) != 0)
    throw_errno("a connection's patience cannot be set");
  patience_ = limit;
}

std::size_t Connection::receive_some(char* to, std::size_t most, core::Deadline deadline) {
  for (;;) {
    limit_patience(deadline);
    const ssize_t got = ::recv(socket_.get(), to, most, 0);
    if (got >= 0) {
      if (acknowledges_at_once_) set_option(socket_.get(), IPPROTO_TCP, TCP_QUICKACK);
      return static_cast<std::size_t>(got);
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
      if (deadline.passed()) throw_silence();
    } else if (errno != EINTR) {
      throw_errno("the other end has gone");
    }
  }
}

/// So many bytes at least, of the message that is received, behind those that were used; false at
/// the end, if that may be here.
bool Connection::fill(std::size_t wanted, core::Deadline deadline, bool may_end) {
  constexpr std::size_t step = std::size_t{1} << 20;
  while (received_ - used_ < wanted) {
    const std::size_t lacks = wanted - (received_ - used_);
    // What comes together is read together; and room is made as it comes: who says that it sends
    // so much may never do it.
    if (buffer_.size() - received_ < std::min(lacks, step)) {
      std::memmove(buffer_.data(), buffer_.data() + used_, received_ - used_);
      received_ -= std::exchange(used_, 0);
      const std::size_t next = std::min(lacks, std::max(step, received_));
      if (buffer_.size() - received_ < next) buffer_.resize(received_ + next);
    }
    const std::size_t got =
        receive_some(buffer_.data() + received_, buffer_.size() - received_, deadline);
    if (got == 0) {
      if (received_ == used_ && may_end) return false;
      throw ProtocolError(
          "a connection ended in the midst of a message: " + std::to_string(received_ - used_) +
          " of " + std::to_string(wanted) + " bytes came");
    }
    received_ += got;
  }
  return true;
}

std::optional<std::string_view> Connection::receive(std::size_t most, core::Deadline deadline) {
  if (used_ == received_) {
    used_ = received_ = 0;
    if (buffer_.size() > least_buffer) {  // of a large one that was before
      buffer_.resize(least_buffer);
      buffer_.shrink_to_fit();
    }
  }
  if (buffer_.empty()) buffer_.resize(least_buffer);
  std::uint32_t head = 0;
  if (!fill(sizeof head, deadline, true)) return std::nullopt;
  std::memcpy(&head, buffer_.data() + used_, sizeof head);
  used_ += sizeof head;
  std::uint64_t length = ntohl(head);
  if (length == 0xffff'ffff) {
    (void)fill(sizeof length, deadline, false);
    std::memcpy(&length, buffer_.data() + used_, sizeof length);
    used_ += sizeof length;
    length = __builtin_bswap64(length);
  }
  if (length > most)
    throw ProtocolError("a message of " + std::to_string(length) + " bytes; " +
                        std::to_string(most) + " are allowed");
  (void)fill(length, deadline, false);
  const std::string_view message(buffer_.data() + used_, length);
  used_ += length;
  return message;
}

int Connection::peer() const noexcept {
  ucred who{};
  socklen_t size = sizeof who;
  return ::getsockopt(socket_.get(), SOL_SOCKET, SO_PEERCRED, &who, &size) == 0 ? who.pid : 0;
}

Listener::Listener(const Address& address)
    : address_(address), socket_(make_socket(address, SOCK_NONBLOCK)) {
  const Endpoint endpoint = endpoint_of(address);
  const bool is_tcp = address.kind() == Address::Kind::tcp;
  if (is_tcp) set_option(socket_.get(), SOL_SOCKET, SO_REUSEADDR);
  int bound = ::bind(socket_.get(), endpoint.get(), endpoint.size);
  if (bound != 0 && errno == EADDRINUSE && was_left_behind(address)) {
    ::unlink(address.name().c_str());
    bound = ::bind(socket_.get(), endpoint.get(), endpoint.size);
  }
  if (bound != 0) throw_errno("cannot listen at " + address.text());
  if (address.kind() == Address::Kind::path) {
    struct ::stat file {};
    if (::stat(address.name().c_str(), &file) == 0) {
      device_ = file.st_dev;
      inode_ = file.st_ino;
    }
  }
  if (::listen(socket_.get(), SOMAXCONN) != 0) throw_errno("cannot listen at " + address.text());
  if (is_tcp) {
    sockaddr_in name{};
    socklen_t size = sizeof name;
    if (::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&name), &size) == 0) {
      char host[INET_ADDRSTRLEN];
      if (::inet_ntop(AF_INET, &name.sin_addr, host, sizeof host) != nullptr)
        address_ = Address::tcp(host, ntohs(name.sin_port));
    }
  }
}

Listener::~Listener() {
  // In a forked child it is not ours.
  if (address_.kind() != Address::Kind::path || socket_.get() < 0) return;
  // Unless another has come to that path.
  struct ::stat file {};
  if (::stat(address_.name().c_str(), &file) == 0 && file.st_dev == device_ &&
      file.st_ino == inode_)
    ::unlink(address_.name().c_str());
}

std::optional<Connection> Listener::accept() {
  Descriptor accepted =
      Descriptor::of([&] { return ::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC); });
  const int fd = accepted.get();
  if (fd < 0) return std::nullopt;
  Connection connection{std::move(accepted)};
  if (address_.kind() == Address::Kind::tcp) {
    set_option(fd, IPPROTO_TCP, TCP_NODELAY);
    set_option(fd, SOL_SOCKET, SO_KEEPALIVE);
  }
  return connection;
}

}  // namespace lagoon::remote
