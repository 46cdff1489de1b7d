#pragma once
/// `PosixSemaphore`: a POSIX semaphore of one, as a lock: what CPython's locks are made of.
///
/// Progress     blocking.
/// Fairness     none.
/// Descheduled  the holder keeps the others asleep; they do not spin.
/// Dies         nobody gets the lock again.
/// Memory       32 bytes.
/// Release by one who does not hold it: not detected, and two are inside then.
/// Source       POSIX, sem_init with pshared.

#include <lagoon/core/futex.hpp>
#include <lagoon/lock_methods.hpp>
#include <lagoon/typecode.hpp>

#include <semaphore.h>

namespace lagoon {

namespace locks {

class PosixSemaphore : public detail::LockMethods<PosixSemaphore> {
 public:
  PosixSemaphore() noexcept { ::sem_init(&semaphore_, 1, 1); }
  PosixSemaphore(const PosixSemaphore&) = delete;
  PosixSemaphore& operator=(const PosixSemaphore&) = delete;

  bool acquire_until(core::Deadline deadline) {
    if (!deadline.is_never()) return wait_until(deadline);
    while (::sem_wait(&semaphore_) != 0) {  // a signal came
    }
    return true;
  }
  void release() { ::sem_post(&semaphore_); }

 private:
  bool wait_until(core::Deadline deadline) noexcept;

  sem_t semaphore_;
};

}  // namespace locks

template <>
inline constexpr std::string_view type_name<locks::PosixSemaphore> = "PosixSemaphore";

}  // namespace lagoon
