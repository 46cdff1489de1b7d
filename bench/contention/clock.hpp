#pragma once
/// The clock that times single operations: the time-stamp counter where the kernel itself trusts
/// it, else CLOCK_MONOTONIC. What reading it costs is measured at start and subtracted from each
/// sample.

#include <cstdint>
#include <ctime>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

namespace contention {

inline std::int64_t monotonic_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

/// `Timer` is a template parameter of the children's loop, so that it asks nothing while it runs.
#if defined(__x86_64__)
struct TscTimer {
  /// Fenced on both sides: neither the operation nor its neighbours slip across the reading.
  static std::uint64_t begin() {
    _mm_lfence();
    const std::uint64_t ticks = __rdtsc();
    _mm_lfence();
    return ticks;
  }
  static std::uint64_t end() {
    unsigned processor = 0;
    const std::uint64_t ticks = __rdtscp(&processor);
    _mm_lfence();
    return ticks;
  }
};
#endif

struct MonotonicTimer {
  static std::uint64_t begin() { return static_cast<std::uint64_t>(monotonic_ns()); }
  static std::uint64_t end() { return begin(); }
};

/// What children inherit: which clock, how long its tick is, and what a pair of readings costs.
struct Clock {
  bool tsc = false;
  double ns_per_tick = 1.0;
  double cost_ns = 0.0;
  double step_ns = 0.0;  // between two values it can show: single operations are read no finer

  static Clock calibrate();

  [[nodiscard]] double ns(std::uint64_t begin, std::uint64_t end) const {
    return static_cast<double>(end - begin) * ns_per_tick - cost_ns;
  }
};

}  // namespace contention
