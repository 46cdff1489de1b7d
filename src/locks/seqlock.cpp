#include <lagoon/locks/seqlock.hpp>

#include "spin.hpp"

namespace lagoon::locks {

bool SeqLock::wait(core::Deadline deadline) noexcept {
  for (ExponentialBackoff backoff; !deadline.passed(); backoff.wait())
    if (take()) return true;
  return false;
}

std::uint64_t SeqLock::wait_for_even() const noexcept {
  for (ExponentialBackoff backoff;; backoff.wait()) {
    const std::uint64_t number = number_.load(boost::memory_order_acquire);  // (3)
    if (number % 2 == 0) return number;
  }
}

}  // namespace lagoon::locks
