#include <lagoon/locks/futex_mutex.hpp>

#include <chrono>

namespace lagoon::locks {

bool FutexMutex::wait(core::Deadline deadline) noexcept {
  // Who has waited takes it as wanted: it cannot know who else waits.
  while (state_.exchange(wanted, boost::memory_order_acquire) != is_free) {  // (1)
    if (deadline.passed()) return false;
    core::wait_slice(&state_, wanted, deadline, std::chrono::milliseconds(8));
  }
  return true;
}

}  // namespace lagoon::locks
