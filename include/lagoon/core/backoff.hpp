#pragma once
/// How a wait for something to happen begins: spin for a few microseconds, then yield the
/// processor, and only then sleep. (How one waits for what others want too is
/// src/core/contend.hpp.)
///
/// Spinning is worth it because a hand-off of a cache line takes some 50 ns and a wake-up through
/// the kernel some 20 µs. Yielding is for when there are more processes than
/// processors: the one waited for may be runnable and need only a turn on this processor. Twice,
/// not more: a recent scheduler (seen on Linux 6.18) takes a yield for a whole time slice given up,
/// and with ten in a row a waiter among many was seen to get nothing for seconds.

#include <lagoon/core/processor.hpp>

#include <cstdint>

namespace lagoon::core {

class Backoff {
 public:
  /// Waits a little and returns true, or returns false: it is time to sleep.
  bool wait() noexcept {
    if (pauses_ <= most_pauses) {
      pause_processor(pauses_);
      pauses_ *= 2;
      return true;
    }
    if (yielded_ == yields) return false;
    ++yielded_;
    yield_processor();
    return true;
  }
  void reset() noexcept { *this = {}; }

 private:
  // 4, 8, … 256 pauses of some 25 ns each: about 13 µs.
  static constexpr std::uint32_t most_pauses = 256;
  static constexpr std::uint32_t yields = 2;
  std::uint32_t pauses_ = 4;
  std::uint32_t yielded_ = 0;
};

}  // namespace lagoon::core
