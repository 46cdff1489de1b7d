#include <lagoon/error.hpp>
#include <lagoon/locks/pthread_rwlock.hpp>

#include <cerrno>
#include <ctime>

#include "spin.hpp"

namespace lagoon::locks {

PthreadRwLock::PthreadRwLock() {
  pthread_rwlockattr_t attributes;
  (void)check(::pthread_rwlockattr_init(&attributes));
  (void)check(::pthread_rwlockattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED));
  (void)check(::pthread_rwlock_init(&rwlock_, &attributes));
  ::pthread_rwlockattr_destroy(&attributes);
}

bool PthreadRwLock::write_until(core::Deadline deadline) {
  const auto attempt = [this] { return ::pthread_rwlock_trywrlock(&rwlock_); };
  if (deadline.passed()) return check(attempt());
  if (LAGOON_WAITS_BY_TRYING) return check(try_until(deadline, EBUSY, attempt));
  const timespec until = deadline.as_timespec();
  return check(::pthread_rwlock_clockwrlock(&rwlock_, CLOCK_MONOTONIC, &until));
}

bool PthreadRwLock::read_until(core::Deadline deadline) {
  const auto attempt = [this] { return ::pthread_rwlock_tryrdlock(&rwlock_); };
  if (deadline.passed()) return check(attempt());
  if (LAGOON_WAITS_BY_TRYING) return check(try_until(deadline, EBUSY, attempt));
  const timespec until = deadline.as_timespec();
  return check(::pthread_rwlock_clockrdlock(&rwlock_, CLOCK_MONOTONIC, &until));
}

bool PthreadRwLock::was_late(int result) {
  if (result == EBUSY || result == ETIMEDOUT) return false;
  throw SystemError(result, "pthread rwlock");
}

}  // namespace lagoon::locks
