#pragma once
/// Queues of plain messages that processes share: lagoon's, and what they are measured beside, each
/// with put(m) and get(), which wait.

#include <sched.h>
#include <unistd.h>

#include <boost/atomic/ipc_atomic.hpp>
#include <boost/interprocess/ipc/message_queue.hpp>
#include <boost/lockfree/queue.hpp>
#include <boost/lockfree/spsc_queue.hpp>
#include <cstddef>
#include <cstdint>
#include <lagoon/lagoon.hpp>
#include <memory>
#include <string>

#include "mapped.hpp"

namespace peers {

namespace bip = boost::interprocess;

/// How many messages there can be in one.
inline constexpr std::size_t room = 1024;

template <std::size_t bytes>
struct Message {
  std::uint64_t words[bytes / 8];
};

template <class M>
class LagoonQueue {
 public:
  void put(const M& m) { queue_.put(m); }
  M get() { return queue_.get(); }

 private:
  lagoon::Queue<M> queue_{room};
};
template <class M>
class LagoonTaskQueue {
 public:
  void put(const M& m) { queue_.put(m); }
  M get() {
    const M m = queue_.get();
    queue_.task_done();
    return m;
  }

 private:
  lagoon::JoinableQueue<M> queue_{room};
};

template <class M, class Q>
class LockfreeQueue {
 public:
  void put(const M& m) {
    for (int tries = 0; !queue_->push(m); ++tries) wait(tries);
  }
  M get() {
    M m;
    for (int tries = 0; !queue_->pop(m); ++tries) wait(tries);
    return m;
  }

 private:
  static void wait(int tries) {
    if (tries % 16 == 15) sched_yield();
  }
  Mapped<Q> queue_;
};
template <class M>
using SpscQueue = LockfreeQueue<M, boost::lockfree::spsc_queue<M, boost::lockfree::capacity<room>>>;
template <class M>
using MpmcQueue = LockfreeQueue<M, boost::lockfree::queue<M, boost::lockfree::capacity<room>>>;

/// What the machine itself needs for one who puts and one who gets, where neither is ever a lap
/// ahead: the message where none was lately, and then a word that says so. Who waits has asked for
/// the message meanwhile.
template <class M>
class BareHandOff {
 public:
  void put(const M& m) {
    const std::uint64_t at = put_++;
    Shared& shared = *shared_;
    shared.messages[at % laps].m = m;
    shared.words[at % laps].store(at + 1, boost::memory_order_release);
  }
  M get() {
    const std::uint64_t at = got_++;
    Shared& shared = *shared_;
    for (int tries = 1; shared.words[at % laps].load(boost::memory_order_acquire) != at + 1;
         ++tries) {
      __builtin_prefetch(&shared.messages[at % laps]);
      if (tries % 4096 == 0) sched_yield();
    }
    return shared.messages[at % laps].m;
  }

 private:
  static constexpr std::size_t laps = 256;
  struct Shared {
    alignas(64) boost::ipc_atomic<std::uint64_t> words[laps];
    struct alignas(64) {
      M m;
    } messages[laps];
  };
  Mapped<Shared> shared_;
  std::uint64_t put_ = 0, got_ = 0;  // each process has its own
};

template <class M>
class InterprocessQueue {
 public:
  InterprocessQueue() {
    const std::string name = "lagoon-bench-" + std::to_string(getpid());
    bip::message_queue::remove(name.c_str());
    queue_ = std::make_unique<bip::message_queue>(bip::create_only, name.c_str(), room, sizeof(M));
    bip::message_queue::remove(name.c_str());  // children inherit it
  }
  void put(const M& m) { queue_->send(&m, sizeof m, 0); }
  M get() {
    M m;
    bip::message_queue::size_type size = 0;
    unsigned priority = 0;
    queue_->receive(&m, sizeof m, size, priority);
    return m;
  }

 private:
  std::unique_ptr<bip::message_queue> queue_;
};

}  // namespace peers
