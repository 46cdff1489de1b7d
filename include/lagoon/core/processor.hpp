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

/// Asks for the line at `p`, to write to it soon, if no other processor needs it more.
inline void will_write(const void* p) noexcept {
#if defined(__x86_64__)
  asm volatile("prefetchw %0" : : "m"(*static_cast<const char*>(p)));  // does nothing where unknown
#else
  __builtin_prefetch(p, 1);
#endif
}

/// Asks for the line at `p`, to read it soon. It need not be memory at all.
inline void will_read(const void* p) noexcept { __builtin_prefetch(p); }

/// Lets another run on this processor, if one wants to.
inline void yield_processor() noexcept { ::sched_yield(); }

}  // namespace lagoon::core
