#pragma once
/// How one waits for something to happen that stays so: an event set, a barrier passed. (How one
/// waits for what others want too is contend.hpp.)
///
/// The word says it; its lowest bit says that somebody may sleep on its low half. Whoever changes
/// it clears that bit and wakes all. If that one is killed in between, a sleeper looks for itself
/// when its slice ends.

#include <lagoon/core/backoff.hpp>
#include <lagoon/core/futex.hpp>

#include <boost/atomic/ipc_atomic.hpp>
#include <chrono>
#include <cstdint>

namespace lagoon::core {

inline constexpr std::uint64_t somebody_waits = 1;
/// A death is found "soon", which is 10 ms.
inline constexpr std::chrono::milliseconds await_slice_length{8};

/// Waits until done(what the word says); false if the deadline came first. look() is called
/// whenever a slice has passed without a change.
template <class Done, class Look>
[[nodiscard]] bool await(boost::ipc_atomic<std::uint64_t>& word, Deadline deadline, Done&& done,
                         Look&& look) {
  Backoff backoff;
  for (bool late = false;;) {
    std::uint64_t seen = word.load(boost::memory_order_acquire);
    if (done(seen)) return true;
    if (late) return false;
    // A last look behind it: who was held up between the two has not missed what came in time.
    late = deadline.passed();
    if (late) continue;
    if (backoff.wait()) continue;
    if ((seen & somebody_waits) == 0 &&
        !word.compare_exchange_strong(seen, seen | somebody_waits, boost::memory_order_relaxed))
      continue;
    if (wait_slice(&word, static_cast<std::uint32_t>(seen | somebody_waits), deadline,
                   await_slice_length) == Woken::by_time)
      look();
  }
}

}  // namespace lagoon::core
