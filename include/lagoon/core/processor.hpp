#pragma once
/// What who waits asks of the processor, and of the scheduler.

#include <sched.h>

#include <cstdint>

namespace lagoon::core {

/// So many pauses, of some 25 ns each on the processors of today: leaves the other thread of the
/// core more of it, and the memory bus alone.
inline void pause_processor(std::uint32_t times = 1) noexcept {
  for (; times != 0; --times) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("isb" ::: "memory");
#endif
  }
}

/// Lets another run on this processor, if one wants to.
inline void yield_processor() noexcept { ::sched_yield(); }

}  // namespace lagoon::core
