#pragma once
/// `PthreadRwLock`: the C library's reader–writer lock, shared between processes, as it comes: it
/// prefers readers.
///
/// Progress     blocking.
/// Fairness     none: while readers come and go, writers starve.
/// Descheduled  a reader keeps the writers asleep, a writer keeps all.
/// Dies         nobody gets the lock again as a writer; if a writer died, nobody at all.
/// Memory       56 bytes.
/// Release by one who does not hold it: not detected.
/// Source       POSIX, pthread_rwlock_rdlock.

#include <lagoon/core/futex.hpp>
#include <lagoon/lock_methods.hpp>
#include <lagoon/typecode.hpp>

#include <pthread.h>

namespace lagoon {

namespace locks {

class PthreadRwLock : public detail::LockMethods<PthreadRwLock>,
                      public detail::SharedLockMethods<PthreadRwLock> {
 public:
  PthreadRwLock();
  PthreadRwLock(const PthreadRwLock&) = delete;
  PthreadRwLock& operator=(const PthreadRwLock&) = delete;

  bool acquire_until(core::Deadline deadline) {
    return deadline.is_never() ? check(::pthread_rwlock_wrlock(&rwlock_)) : write_until(deadline);
  }
  void release() { (void)check(::pthread_rwlock_unlock(&rwlock_)); }
  bool acquire_shared_until(core::Deadline deadline) {
    return deadline.is_never() ? check(::pthread_rwlock_rdlock(&rwlock_)) : read_until(deadline);
  }
  void release_shared() { release(); }

 private:
  bool write_until(core::Deadline deadline);
  bool read_until(core::Deadline deadline);
  /// Whether it was had.
  static bool check(int result) { return result == 0 || was_late(result); }
  static bool was_late(int result);

  pthread_rwlock_t rwlock_;
};

}  // namespace locks

template <>
inline constexpr std::string_view type_name<locks::PthreadRwLock> = "PthreadRwLock";

}  // namespace lagoon
