/// What one would use instead of this library, each configured as its documentation says.

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>

#include <boost/atomic/ipc_atomic.hpp>
#include <boost/interprocess/sync/interprocess_mutex.hpp>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <shared_mutex>
#include <system_error>

#include "shared.hpp"
#include "strategy.hpp"

namespace contention {
namespace {

void check(int error, const char* what) {
  if (error != 0) throw std::system_error(error, std::generic_category(), what);
}

// Locks. Each is what `Guarded` below puts beside the data.

struct PthreadMutex {
  pthread_mutex_t mutex;
  PthreadMutex() {
    pthread_mutexattr_t attributes;
    check(::pthread_mutexattr_init(&attributes), "pthread_mutexattr_init");
    check(::pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED), "setpshared");
    check(::pthread_mutex_init(&mutex, &attributes), "pthread_mutex_init");
  }
  void lock() { ::pthread_mutex_lock(&mutex); }
  void unlock() { ::pthread_mutex_unlock(&mutex); }
};

struct PthreadRobustRecursive {
  pthread_mutex_t mutex;
  PthreadRobustRecursive() {
    pthread_mutexattr_t attributes;
    check(::pthread_mutexattr_init(&attributes), "pthread_mutexattr_init");
    check(::pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED), "setpshared");
    check(::pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST), "setrobust");
    check(::pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE), "settype");
    check(::pthread_mutex_init(&mutex, &attributes), "pthread_mutex_init");
  }
  void lock() {
    if (::pthread_mutex_lock(&mutex) == EOWNERDEAD) ::pthread_mutex_consistent(&mutex);
  }
  void unlock() { ::pthread_mutex_unlock(&mutex); }
};

struct PthreadSpin {
  pthread_spinlock_t spin;
  PthreadSpin() { check(::pthread_spin_init(&spin, PTHREAD_PROCESS_SHARED), "pthread_spin_init"); }
  void lock() { ::pthread_spin_lock(&spin); }
  void unlock() { ::pthread_spin_unlock(&spin); }
};

struct PthreadRwlock {
  pthread_rwlock_t rwlock;
  PthreadRwlock() {
    pthread_rwlockattr_t attributes;
    check(::pthread_rwlockattr_init(&attributes), "pthread_rwlockattr_init");
    check(::pthread_rwlockattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED), "setpshared");
    check(::pthread_rwlock_init(&rwlock, &attributes), "pthread_rwlock_init");
  }
  void lock() { ::pthread_rwlock_wrlock(&rwlock); }
  void unlock() { ::pthread_rwlock_unlock(&rwlock); }
  void lock_shared() { ::pthread_rwlock_rdlock(&rwlock); }
  void unlock_shared() { ::pthread_rwlock_unlock(&rwlock); }
};

struct PosixSemaphore {
  sem_t semaphore;
  PosixSemaphore() { check(::sem_init(&semaphore, 1, 1) == 0 ? 0 : errno, "sem_init"); }
  void lock() {
    while (::sem_wait(&semaphore) != 0) {
    }
  }
  void unlock() { ::sem_post(&semaphore); }
};

struct BoostMutex {
  boost::interprocess::interprocess_mutex mutex;
  void lock() { mutex.lock(); }
  void unlock() { mutex.unlock(); }
};

/// What a lock guards, on the lines after its own.
template <class Lock>
class Guarded {
 public:
  void increment() {
    const std::scoped_lock guard(shared_->lock);
    ++shared_->count;
  }
  double value() {
    const std::scoped_lock guard(shared_->lock);
    return static_cast<double>(shared_->count);
  }
  void increment_all() {
    const std::scoped_lock guard(shared_->lock);
    for (double& value : shared_->values) value += 1.0;
  }
  void fill(double value) {
    const std::scoped_lock guard(shared_->lock);
    shared_->values.fill(value);
  }
  void snapshot(Doubles& copy) {
    if constexpr (requires(Lock lock) { lock.lock_shared(); }) {
      const std::shared_lock guard(shared_->lock);
      copy = shared_->values;
    } else {
      const std::scoped_lock guard(shared_->lock);
      copy = shared_->values;
    }
  }

 private:
  struct Memory {
    alignas(line) Lock lock;
    std::int64_t count;  // beside its lock: one line moves, as one would place them
    alignas(line) Doubles values;
  };
  Shared<Memory> shared_;
};

template <class Lock>
void add_lock(const char* name, Strategies& to) {
  add<Workload::counter, Guarded<Lock>>(name, Family::peer, to);
  add<Workload::update64, Guarded<Lock>>(name, Family::peer, to);
  add<Workload::snapshot64, Guarded<Lock>>(name, Family::peer, to);
}

// What needs no lock.

/// A bare atomic word: what a counter costs at the least.
class BoostAtomic {
 public:
  void increment() { shared_->word.fetch_add(1); }
  double value() { return static_cast<double>(shared_->word.load()); }

 private:
  struct Memory {
    alignas(line) boost::ipc_atomic<std::int64_t> word{0};
  };
  Shared<Memory> shared_;
};

/// The textbook's: one copy, a sequence that is odd while it is written, words moved one by one.
/// Who waits pauses 64 times and then yields, so that a writer that was put aside can go on.
class WordSeqlock {
 public:
  void increment_all() {
    const auto sequence = begin_write();
    for (auto& word : shared_->words) {
      word.store(word.load(std::memory_order_relaxed) + 1.0, std::memory_order_relaxed);
    }
    shared_->sequence.store(sequence + 2, std::memory_order_release);
  }
  void fill(double value) {
    const auto sequence = begin_write();
    for (auto& word : shared_->words) word.store(value, std::memory_order_relaxed);
    shared_->sequence.store(sequence + 2, std::memory_order_release);
  }
  void snapshot(Doubles& copy) {
    for (int attempt = 0;; wait(attempt)) {
      const auto before = shared_->sequence.load(std::memory_order_acquire);
      if (before % 2 != 0) continue;
      for (std::size_t i = 0; i < doubles; ++i) {
        copy[i] = shared_->words[i].load(std::memory_order_relaxed);
      }
      std::atomic_thread_fence(std::memory_order_acquire);
      if (shared_->sequence.load(std::memory_order_relaxed) == before) return;
    }
  }

 private:
  std::uint64_t begin_write() {
    for (int attempt = 0;; wait(attempt)) {
      auto sequence = shared_->sequence.load(std::memory_order_relaxed);
      if (sequence % 2 == 0 && shared_->sequence.compare_exchange_weak(sequence, sequence + 1,
                                                                       std::memory_order_acquire)) {
        std::atomic_thread_fence(std::memory_order_release);
        return sequence;
      }
    }
  }
  static void wait(int& attempt) {
    if (++attempt % 64 == 0) {
      ::sched_yield();
      return;
    }
#if defined(__x86_64__)
    _mm_pause();
#endif
  }

  struct Memory {
    alignas(line) std::atomic<std::uint64_t> sequence;
    alignas(line) std::array<std::atomic<double>, doubles> words;
  };
  static_assert(std::atomic<double>::is_always_lock_free);
  Shared<Memory> shared_;
};

/// No lock at all: what a benchmark that looks must find torn.
class NoLock {
 public:
  void fill(double value) {
    shared_->values.fill(value);
    compiler_barrier();
  }
  void snapshot(Doubles& copy) {
    compiler_barrier();
    copy = shared_->values;
  }

 private:
  static void compiler_barrier() { asm volatile("" ::: "memory"); }
  struct Memory {
    alignas(line) Doubles values;
  };
  Shared<Memory> shared_;
};

}  // namespace

void add_peers(Strategies& to) {
  add<Workload::counter, BoostAtomic>("Boost.Atomic", Family::peer, to);
  add_lock<PthreadMutex>("pthread mutex", to);
  add_lock<PthreadRobustRecursive>("pthread robust recursive", to);
  add_lock<PthreadSpin>("pthread spin", to);
  add_lock<PthreadRwlock>("pthread rwlock", to);
  add_lock<PosixSemaphore>("POSIX semaphore", to);
  add_lock<BoostMutex>("Boost.Interprocess mutex", to);
  add<Workload::update64, WordSeqlock>("word seqlock", Family::peer, to);
  add<Workload::snapshot64, WordSeqlock>("word seqlock", Family::peer, to);
  add<Workload::snapshot64, NoLock>("no lock", Family::control, to);
}

}  // namespace contention
