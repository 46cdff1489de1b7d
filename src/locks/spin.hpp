#pragma once
/// How the plain locks wait, as their papers have it: spin, and when that has not helped yield.

#include <lagoon/core/futex.hpp>
#include <lagoon/core/processor.hpp>

#include <cstdint>

namespace lagoon::locks {

/// Pauses that double from four up to a thousand; then yields.
class ExponentialBackoff {
 public:
  void wait() noexcept {
    if (pauses_ > most) {
      core::yield_processor();
      return;
    }
    core::pause_processor(pauses_);
    pauses_ *= 2;
  }

 private:
  static constexpr std::uint32_t most = 1024;
  std::uint32_t pauses_ = 4;
};

/// Tries again as long as attempt() says `busy`, until the deadline; what it said last.
template <class Try>
int try_until(core::Deadline deadline, int busy, Try&& attempt) {
  ExponentialBackoff backoff;
  for (;;) {
    const int result = attempt();
    if (result != busy || deadline.passed()) return result;
    backoff.wait();
  }
}

/// ThreadSanitizer (of g++ 12 and clang 14) knows none of the C library's calls that wait by the
/// monotonic clock, and takes what they have locked for free.
#if defined(__SANITIZE_THREAD__)
#define LAGOON_WAITS_BY_TRYING 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define LAGOON_WAITS_BY_TRYING 1
#endif
#endif
#ifndef LAGOON_WAITS_BY_TRYING
#define LAGOON_WAITS_BY_TRYING 0
#endif

}  // namespace lagoon::locks
