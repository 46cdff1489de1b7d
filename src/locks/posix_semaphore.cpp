#include <lagoon/locks/posix_semaphore.hpp>

#include <cerrno>
#include <ctime>

#include "spin.hpp"

namespace lagoon::locks {

bool PosixSemaphore::wait_until(core::Deadline deadline) noexcept {
  if (LAGOON_WAITS_BY_TRYING)
    return try_until(deadline, -1, [this] { return ::sem_trywait(&semaphore_); }) == 0;
  const timespec until = deadline.as_timespec();
  for (;;) {
    if ((deadline.passed() ? ::sem_trywait(&semaphore_)
                           : ::sem_clockwait(&semaphore_, CLOCK_MONOTONIC, &until)) == 0)
      return true;
    if (errno != EINTR) return false;
  }
}

}  // namespace lagoon::locks
