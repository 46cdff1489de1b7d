#include "doubles.hpp"

#include <algorithm>
#include <bit>
#include <cstdint>

namespace contention {

void add_one_to_each(std::span<double> values) noexcept {
  for (double& value : values) value += 1.0;
}

void fill(std::span<double> values, double value) noexcept { std::ranges::fill(values, value); }

bool all_equal(std::span<const double> values) noexcept {
  const auto first = std::bit_cast<std::uint64_t>(values[0]);
  std::uint64_t difference = 0;
  for (const double value : values) difference |= std::bit_cast<std::uint64_t>(value) ^ first;
  return difference == 0;
}

}  // namespace contention
