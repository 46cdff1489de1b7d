#pragma once
/// How long single operations took: a log-linear histogram, plain words in shared memory.
///
/// One writer (the child whose seat it is in); the parent reads it when that child has ended.
/// 32 buckets for each power of two, so a figure read back is within 3.2 % of what was recorded.
/// The unit is 1/16 ns, because the shortest operations here take a few nanoseconds.

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace contention {

struct Histogram {
  static constexpr int sub_bits = 5;
  static constexpr int range_bits = 40;  // 2^40 / 16 ns: 68 seconds
  static constexpr std::size_t buckets = std::size_t{range_bits - sub_bits + 1} << sub_bits;
  static constexpr double units_per_ns = 16.0;

  std::array<std::uint64_t, buckets> counts;
  std::uint64_t longest;  // exact, in units

  static constexpr std::size_t bucket_of(std::uint64_t units) {
    units = std::min(units, (std::uint64_t{1} << range_bits) - 1);
    const int width = static_cast<int>(std::bit_width(units));
    const int shift = std::max(width - sub_bits - 1, 0);
    return (static_cast<std::size_t>(shift) << sub_bits) + static_cast<std::size_t>(units >> shift);
  }

  /// The middle of a bucket, in units.
  static constexpr double middle_of(std::size_t bucket) {
    constexpr std::size_t linear = std::size_t{2} << sub_bits;
    if (bucket < linear) return static_cast<double>(bucket);
    const std::size_t shift = (bucket >> sub_bits) - 1;
    const std::size_t low = bucket - (shift << sub_bits);
    const double width = static_cast<double>(std::uint64_t{1} << shift);
    return (static_cast<double>(low) + 0.5) * width;
  }

  void record(double ns) {
    const auto units = static_cast<std::uint64_t>(std::max(ns, 0.0) * units_per_ns);
    ++counts[bucket_of(units)];
    longest = std::max(longest, units);
  }

  void merge(const Histogram& other) {
    for (std::size_t i = 0; i < buckets; ++i) counts[i] += other.counts[i];
    longest = std::max(longest, other.longest);
  }

  [[nodiscard]] std::uint64_t samples() const {
    std::uint64_t sum = 0;
    for (const auto count : counts) sum += count;
    return sum;
  }

  [[nodiscard]] double longest_ns() const { return static_cast<double>(longest) / units_per_ns; }

  /// The smallest figure that at least `share` of the samples do not exceed; 0 without samples.
  [[nodiscard]] double percentile_ns(double share) const {
    const auto total = static_cast<double>(samples());
    const double rank = std::max(std::ceil(share * total), 1.0);
    double seen = 0;
    for (std::size_t i = 0; i < buckets; ++i) {
      seen += static_cast<double>(counts[i]);
      if (seen >= rank) return std::min(middle_of(i) / units_per_ns, longest_ns());
    }
    return 0;
  }
};

}  // namespace contention
