#pragma once
/// Queues of messages of any size that processes share: lagoon's, Boost.Interprocess's, and a pipe.

#include <fcntl.h>
#include <unistd.h>

#include <boost/interprocess/ipc/message_queue.hpp>
#include <cerrno>
#include <cstddef>
#include <lagoon/lagoon.hpp>
#include <memory>
#include <string>
#include <system_error>

namespace growth {

class LagoonQueue {
 public:
  LagoonQueue(std::size_t room, std::size_t) : queue_(static_cast<int>(room)) {}
  void put(const std::string& message) { queue_.put(message); }
  void get(std::string& message) { message = queue_.get(); }

 private:
  lagoon::Queue<std::string> queue_;
};

class InterprocessQueue {
 public:
  InterprocessQueue(std::size_t room, std::size_t bytes) {
    namespace bip = boost::interprocess;
    const std::string name = "lagoon-bench-" + std::to_string(getpid());
    bip::message_queue::remove(name.c_str());
    queue_ = std::make_unique<bip::message_queue>(bip::create_only, name.c_str(), room, bytes);
    bip::message_queue::remove(name.c_str());  // children inherit it
  }
  void put(const std::string& message) { queue_->send(message.data(), message.size(), 0); }
  void get(std::string& message) {
    boost::interprocess::message_queue::size_type size = 0;
    unsigned priority = 0;
    queue_->receive(message.data(), message.size(), size, priority);
  }

 private:
  std::unique_ptr<boost::interprocess::message_queue> queue_;
};

/// Of messages of one size. Beyond PIPE_BUF (4 KiB) only one process may put, and only one get.
class Pipe {
 public:
  Pipe(std::size_t, std::size_t bytes) {
    if (::pipe2(ends_, O_CLOEXEC) != 0) throw std::system_error(errno, std::generic_category());
    (void)::fcntl(ends_[1], F_SETPIPE_SZ, static_cast<int>(bytes));  // more than 64 KiB: if allowed
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() {
    for (const int end : ends_) ::close(end);
  }
  /// What is put beyond this waits for who gets.
  [[nodiscard]] std::size_t capacity() const {
    return static_cast<std::size_t>(::fcntl(ends_[1], F_GETPIPE_SZ));
  }
  void put(const std::string& message) { all(::write, ends_[1], message.data(), message.size()); }
  void get(std::string& message) { all(::read, ends_[0], message.data(), message.size()); }

 private:
  template <class Call, class Bytes>
  static void all(Call call, int end, Bytes* at, std::size_t left) {
    while (left != 0) {
      const ssize_t moved = call(end, at, left);
      if (moved < 0 && errno != EINTR) throw std::system_error(errno, std::generic_category());
      if (moved <= 0) continue;
      at += moved;
      left -= static_cast<std::size_t>(moved);
    }
  }
  int ends_[2] = {-1, -1};
};

}  // namespace growth
