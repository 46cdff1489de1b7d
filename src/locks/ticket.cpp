#include <lagoon/locks/ticket.hpp>

#include <algorithm>

#include "spin.hpp"

namespace lagoon::locks {

bool TicketLock::wait(core::Deadline deadline) noexcept {
  for (ExponentialBackoff backoff; !deadline.passed(); backoff.wait())
    if (take_if_free()) return true;
  return false;
}

void TicketLock::wait_for(std::uint32_t number) noexcept {
  constexpr std::uint32_t each = 8;  // pauses, for each who is before this one
  constexpr unsigned patience = 64;  // looks, before it yields
  for (unsigned looks = 0;; ++looks) {
    const std::uint32_t before = number - serving_.load(boost::memory_order_acquire);  // (1)
    if (before == 0) return;
    if (looks < patience)
      core::pause_processor(each * std::min(before, 64U));
    else
      core::yield_processor();
  }
}

}  // namespace lagoon::locks
