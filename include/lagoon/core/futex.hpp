#pragma once
/// Waiting in the kernel for a 32-bit word in shared memory to change, and waking those who wait.
///
/// Words may lie in any mapping that the processes share (the calls are never FUTEX_PRIVATE).
/// Deadlines are absolute and monotonic, so a wait that is interrupted and begun again ends at the
/// same moment. Every wait in this library goes through `wait_slice`: it never sleeps longer than
/// one slice, because the one who should wake it may have been killed first; between slices the
/// waiter looks for itself.

#include <lagoon/core/durations.hpp>

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <boost/atomic/ipc_atomic.hpp>
#include <cerrno>
#include <climits>
#include <cstdint>
#include <ctime>
#include <limits>

namespace lagoon::core {

/// A moment on the monotonic clock until which a call may wait.
class Deadline {
 public:
  static constexpr Deadline never() noexcept {
    return Deadline{std::numeric_limits<std::int64_t>::max()};
  }
  /// Already over: look once, do not wait.
  static constexpr Deadline now() noexcept { return Deadline{0}; }

  /// Negative and zero durations are over at once; one too long to add up never comes.
  template <class Rep, class Period>
  static Deadline after(std::chrono::duration<Rep, Period> d) {
    using Seconds = std::chrono::duration<double>;
    if (!(Seconds{d}.count() > 0)) return now();
    if (Seconds{d}.count() > 1e9) return never();
    return Deadline{clock() + std::chrono::ceil<std::chrono::nanoseconds>(d).count()};
  }
  template <class Duration>
  static Deadline at(std::chrono::time_point<std::chrono::steady_clock, Duration> t) {
    const std::chrono::duration<double> since_boot{t.time_since_epoch()};
    if (!(since_boot.count() > 0)) return now();
    if (since_boot.count() > 9e9) return never();
    return Deadline{std::chrono::ceil<std::chrono::nanoseconds>(t.time_since_epoch()).count()};
  }

  /// By another clock: as far ahead as it is now, whatever becomes of that clock.
  template <class Clock, class Duration>
  static Deadline at(std::chrono::time_point<Clock, Duration> t) {
    const auto now = Clock::now();
    // Roughly first: the difference of what is far away may not be a number of nanoseconds.
    using Seconds = std::chrono::duration<double>;
    const Seconds ahead = Seconds{t.time_since_epoch()} - Seconds{now.time_since_epoch()};
    if (!(ahead.count() > -1)) return Deadline::now();
    if (ahead.count() > 1e9) return never();
    return after(t - now);
  }

  /// Or as soon as that is true, which who waits sees within a slice. It outlives the wait.
  [[nodiscard]] Deadline unless(const std::atomic<bool>& over) const noexcept {
    Deadline earlier = *this;
    earlier.over_ = &over;
    return earlier;
  }

  [[nodiscard]] bool is_never() const noexcept { return over_ == nullptr && is_endless(); }
  [[nodiscard]] bool passed() const noexcept {
    // Relaxed: it says nothing but to stop.
    if (over_ != nullptr && over_->load(std::memory_order_relaxed)) return true;
    return !is_endless() && clock() >= nanoseconds_;
  }
  /// The earlier of this and `slice` from now.
  [[nodiscard]] Deadline within(std::chrono::nanoseconds slice) const noexcept {
    const std::int64_t then = clock() + slice.count();
    return Deadline{then < nanoseconds_ ? then : nanoseconds_};
  }
  [[nodiscard]] timespec as_timespec() const noexcept {
    return {static_cast<std::time_t>(nanoseconds_ / 1'000'000'000),
            static_cast<long>(nanoseconds_ % 1'000'000'000)};
  }

  /// CLOCK_MONOTONIC in nanoseconds: what std::chrono::steady_clock reads.
  static std::int64_t clock() noexcept {
    timespec t{};
    ::clock_gettime(CLOCK_MONOTONIC, &t);
    return static_cast<std::int64_t>(t.tv_sec) * 1'000'000'000 + t.tv_nsec;
  }

 private:
  constexpr explicit Deadline(std::int64_t nanoseconds) noexcept : nanoseconds_(nanoseconds) {}
  [[nodiscard]] bool is_endless() const noexcept { return nanoseconds_ == never().nanoseconds_; }

  std::int64_t nanoseconds_;
  const std::atomic<bool>* over_ = nullptr;
};

enum class Woken : std::uint8_t {
  by_wake,    ///< by futex_wake
  by_change,  ///< the word was no longer as expected: look again
  by_time,    ///< nobody woke this waiter
};

/// Sleeps while the 32 bits at `word` equal `expected`, until woken, and until `until` at most.
/// Signals do not end it: a slice that each signal began anew might never end, and with it who is
/// dead would never be looked for.
inline Woken futex_wait(const void* word, std::uint32_t expected, Deadline until) noexcept {
  const timespec t = until.as_timespec();
  // FUTEX_WAIT_BITSET takes an absolute time; without FUTEX_CLOCK_REALTIME it is monotonic.
  long r = 0;
  do {
    r = ::syscall(SYS_futex, word, FUTEX_WAIT_BITSET, expected, until.is_never() ? nullptr : &t,
                  nullptr, FUTEX_BITSET_MATCH_ANY);
  } while (r != 0 && errno == EINTR);
  if (r == 0) return Woken::by_wake;
  return errno == ETIMEDOUT ? Woken::by_time : Woken::by_change;
}

/// Wakes up to `count` waiters of `word`; says how many there were.
inline int futex_wake(const void* word, int count = INT_MAX) noexcept {
  return static_cast<int>(::syscall(SYS_futex, word, FUTEX_WAKE, count, nullptr, nullptr, 0));
}

/// How long a waiter sleeps before it looks again whether the one it waits for still lives.
inline constexpr std::chrono::milliseconds wait_slice_length{1};

inline Woken wait_slice(const void* word, std::uint32_t expected, Deadline until,
                        std::chrono::nanoseconds slice = wait_slice_length) noexcept {
  return futex_wait(word, expected, until.within(slice));
}

}  // namespace lagoon::core
