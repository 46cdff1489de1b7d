#pragma once
/// A mutex that the kernel marks when the thread that holds it ends, however it ends.
///
/// It is a robust process-shared mutex of the C library, which keeps a list of those that a thread
/// holds. When the thread ends the kernel goes through that list, and in the lock word of each
/// mutex in which it finds the thread's id it puts a mark (FUTEX_OWNER_DIED) in the id's place.
/// Here nobody waits for such a mutex: one tries to take it, and looks in whose hands it is.
///
/// Memory orders, the C library's and the kernel's: taking is acquire (not release), giving back is
/// release. The mark releases all that the thread did.
///
/// Progress: nothing here waits or calls the kernel.
/// Limits: Linux with glibc only, since the lock word is read from where that has it. The mutex
/// must not be unmapped while a living thread holds it: the thread's list runs through it.
///
/// Sources: Linux, Documentation/locking/robust-futexes.rst and kernel/futex/core.c
/// (handle_futex_death); pthread_mutexattr_setrobust (POSIX).

#include <linux/futex.h>
#include <pthread.h>

#include <boost/atomic/ipc_atomic_ref.hpp>
#include <cerrno>
#include <cstdint>

namespace lagoon::core {

class MarkedMutex {
 public:
  /// In memory that nobody else can see yet.
  MarkedMutex() noexcept {
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&mutex_, &attributes);
    pthread_mutexattr_destroy(&attributes);
  }
  MarkedMutex(const MarkedMutex&) = delete;
  MarkedMutex& operator=(const MarkedMutex&) = delete;

  /// Takes it if nobody holds it, or the one who did has ended; then the mark goes.
  [[nodiscard]] bool take() noexcept {
    const int locked = pthread_mutex_trylock(&mutex_);
    if (locked == EOWNERDEAD) pthread_mutex_consistent(&mutex_);
    return locked == 0 || locked == EOWNERDEAD;
  }
  void give_back() noexcept { pthread_mutex_unlock(&mutex_); }

  /// The kernel's id of the thread that holds it; zero if nobody does, or if that one has ended.
  [[nodiscard]] std::uint32_t holder(boost::memory_order order) const noexcept {
    auto& lock = const_cast<int&>(mutex_.__data.__lock);
    const auto word = static_cast<std::uint32_t>(boost::ipc_atomic_ref<int>(lock).load(order));
    return (word & FUTEX_OWNER_DIED) != 0 ? 0 : word & FUTEX_TID_MASK;
  }

 private:
  pthread_mutex_t mutex_;
};

}  // namespace lagoon::core
