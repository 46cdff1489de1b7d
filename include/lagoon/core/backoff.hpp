#pragma once
/// How every wait begins: spin for a few microseconds, then yield the processor a few times, and
/// only then sleep.
///
/// Spinning is worth it because a hand-off of a cache line takes some 50 ns and a wake-up through
/// the kernel some 20 µs; it grows exponentially so that many waiters do not hammer one line.
/// Yielding is for when there are more processes than processors: the one waited for may be
/// runnable and need only a turn on this processor.

#include <sched.h>

#include <cstdint>

namespace lagoon::core {

inline void pause_processor() noexcept {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("isb" ::: "memory");
#endif
}

class Backoff {
 public:
  /// Waits a little and returns true, or returns false: it is time to sleep.
  bool wait() noexcept {
    if (round_ < spin_rounds) {
      for (std::uint32_t i = 0; i < (1U << round_); ++i) pause_processor();
    } else if (round_ < spin_rounds + yields) {
      ::sched_yield();
    } else {
      return false;
    }
    ++round_;
    return true;
  }
  void reset() noexcept { round_ = 0; }

 private:
  // 2^8 - 1 pauses of some 12 to 45 ns each: about 3 to 10 µs.
  static constexpr std::uint32_t spin_rounds = 8;
  static constexpr std::uint32_t yields = 10;
  std::uint32_t round_ = 0;
};

}  // namespace lagoon::core
