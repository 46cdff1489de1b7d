#pragma once
/// A sort that survives a comparison which contradicts itself.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <vector>

namespace lagoon::detail {

/// The numbers below n in the order of less(a, b), those that are equal as they were. Unlike
/// std::stable_sort it relies on nothing: whatever `less` says, each number is there once. Merges
/// from the bottom up; O(n log n).
template <class Less>
std::vector<std::uint64_t> stable_order(std::size_t n, Less&& less) {
  std::vector<std::uint64_t> from(n), to(n);
  std::iota(from.begin(), from.end(), 0);
  const auto at = [n](auto& v, std::size_t i) {
    return v.begin() + static_cast<std::ptrdiff_t>(std::min(i, n));
  };
  for (std::size_t width = 1; width < n; width *= 2) {
    for (std::size_t first = 0; first < n; first += 2 * width)
      std::merge(at(from, first), at(from, first + width), at(from, first + width),
                 at(from, first + 2 * width), at(to, first), less);
    from.swap(to);
  }
  return from;
}

}  // namespace lagoon::detail
