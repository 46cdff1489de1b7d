#include <lagoon/locks/ttas.hpp>

#include "spin.hpp"

namespace lagoon::locks {

bool TtasLock::wait(core::Deadline deadline) noexcept {
  ExponentialBackoff backoff;
  for (;;) {
    while (word_.load(boost::memory_order_relaxed) != 0) {
      if (deadline.passed()) return false;
      backoff.wait();
    }
    if (take()) return true;
  }
}

}  // namespace lagoon::locks
