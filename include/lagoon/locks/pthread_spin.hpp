#pragma once
/// `PthreadSpinLock`: the C library's spin lock, shared between processes.
///
/// Progress     blocking.
/// Fairness     none.
/// Descheduled  the holder keeps the others spinning, for all of their time slices: they neither
///              yield nor sleep.
/// Dies         nobody gets the lock again.
/// Memory       4 bytes.
/// Release by one who does not hold it: not detected.
/// Source       POSIX, pthread_spin_lock.

#include <lagoon/core/backoff.hpp>
#include <lagoon/core/futex.hpp>
#include <lagoon/lock_methods.hpp>
#include <lagoon/typecode.hpp>

#include <pthread.h>

namespace lagoon {

namespace locks {

class PthreadSpinLock : public detail::LockMethods<PthreadSpinLock> {
 public:
  PthreadSpinLock() noexcept { ::pthread_spin_init(&spin_, PTHREAD_PROCESS_SHARED); }
  PthreadSpinLock(const PthreadSpinLock&) = delete;
  PthreadSpinLock& operator=(const PthreadSpinLock&) = delete;

  bool acquire_until(core::Deadline deadline) {
    if (deadline.is_never()) return ::pthread_spin_lock(&spin_) == 0;
    while (::pthread_spin_trylock(&spin_) != 0) {
      if (deadline.passed()) return false;
      core::pause_processor();
    }
    return true;
  }
  void release() { ::pthread_spin_unlock(&spin_); }

 private:
  pthread_spinlock_t spin_;
};

}  // namespace locks

template <>
inline constexpr std::string_view type_name<locks::PthreadSpinLock> = "PthreadSpinLock";

}  // namespace lagoon
