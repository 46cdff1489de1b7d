#include "clock.hpp"

#include <algorithm>
#include <fstream>
#include <numeric>
#include <string>
#include <vector>

namespace contention {
namespace {

/// What an empty pair of readings shows: on average, the slowest tenth left out, and the smallest
/// difference between two that differ.
template <class Timer>
void calibrate_pair(Clock& clock) {
  std::vector<std::uint64_t> pairs(20'000);
  for (auto& pair : pairs) {
    const auto begin = Timer::begin();
    pair = Timer::end() - begin;
  }
  std::sort(pairs.begin(), pairs.end());
  const auto kept = static_cast<std::ptrdiff_t>(pairs.size() - pairs.size() / 10);
  const auto sum = std::accumulate(pairs.begin(), pairs.begin() + kept, std::uint64_t{0});
  clock.cost_ns = static_cast<double>(sum) / static_cast<double>(kept) * clock.ns_per_tick;

  std::uint64_t step = pairs.back();
  for (std::size_t i = 1; i < pairs.size(); ++i) {
    if (pairs[i] != pairs[i - 1]) step = std::min(step, pairs[i] - pairs[i - 1]);
  }
  clock.step_ns = static_cast<double>(std::max<std::uint64_t>(step, 1)) * clock.ns_per_tick;
}

}  // namespace

Clock Clock::calibrate() {
  Clock clock;
#if defined(__x86_64__)
  std::string source;
  std::ifstream("/sys/devices/system/clocksource/clocksource0/current_clocksource") >> source;
  if (source == "tsc" || source == "kvm-clock") {
    const auto ns_before = monotonic_ns();
    const auto ticks_before = TscTimer::begin();
    while (monotonic_ns() - ns_before < 20'000'000) {
    }
    const auto ns_after = monotonic_ns();
    const auto ticks_after = TscTimer::end();
    clock.tsc = true;
    clock.ns_per_tick =
        static_cast<double>(ns_after - ns_before) / static_cast<double>(ticks_after - ticks_before);
    calibrate_pair<TscTimer>(clock);
    return clock;
  }
#endif
  calibrate_pair<MonotonicTimer>(clock);
  return clock;
}

}  // namespace contention
