#pragma once
/// Time between operations: work that a child does by itself, in registers. Work, and not time that
/// passes: who has to wait for a processor thinks no faster.

#include <algorithm>
#include <cstdint>

#include "clock.hpp"

namespace contention {

class Think {
 public:
  /// For a mean of so many nanoseconds, if nobody takes the processor away.
  static Think of(double ns) {
    static const double step_ns = calibrate();
    return Think(ns <= 0 ? 0 : static_cast<std::uint64_t>(std::max(ns / step_ns, 1.0)));
  }
  void operator()() const {
    std::uint64_t x = 1;
    for (std::uint64_t i = steps_; i != 0; --i) {
      x = x * 6364136223846793005U + 1442695040888963407U;
      asm volatile("" : "+r"(x));  // each step waits for the one before
    }
  }

 private:
  explicit Think(std::uint64_t steps) : steps_(steps) {}

  /// The shortest of some tries: whoever else wants the processor makes them longer.
  static double calibrate() {
    constexpr std::uint64_t steps = 20'000;
    double best = 1e18;
    for (int i = 0; i < 50; ++i) {
      const std::int64_t begin = monotonic_ns();
      Think{steps}();
      best = std::min(best, static_cast<double>(monotonic_ns() - begin));
    }
    return best / steps;
  }

  std::uint64_t steps_;
};

}  // namespace contention
