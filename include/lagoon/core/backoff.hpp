#pragma once
/// How every wait begins: spin for a few microseconds, then yield the processor a few times, and
/// only then sleep.
///
/// Spinning is worth it because a hand-off of a cache line takes some 50 ns and a wake-up through
/// the kernel some 20 µs. The first pause is already long, about a microsecond: every look takes
/// the line from the one who works with it, and an owner that is left alone is done many times over
/// (increments under a Lock by 2, 4, 16, 64 processes on 2 processors, ns each, the range of
/// several runs: 13–38, 10–24, 10–22, 8–21; with pauses that begin at one 14–36, 16–21, 33–63,
/// 26–56; a robust pthread mutex 26–56, 32–56, 50–63, 48–68). Yielding is for when there are more
/// processes than processors: the one waited for may be runnable and need only a turn on this
/// processor. Twice, not more: a recent scheduler (seen on Linux 6.18) takes a yield for a whole
/// time slice given up, and with ten in a row a waiter among many was seen to get nothing for
/// seconds.

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
      for (std::uint32_t i = 0; i < (first_pauses << round_); ++i) pause_processor();
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
  // 64 + 128 + 256 pauses of some 25 ns each: about 11 µs.
  static constexpr std::uint32_t first_pauses = 64;
  static constexpr std::uint32_t spin_rounds = 3;
  static constexpr std::uint32_t yields = 2;
  std::uint32_t round_ = 0;
};

}  // namespace lagoon::core
