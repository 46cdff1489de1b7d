#pragma once
/// Many elements on their way into an array and out of it: ranges, and Python's slices.

#include <lagoon/conversion.hpp>

#include <algorithm>
#include <bit>
#include <concepts>
#include <cstddef>
#include <optional>
#include <ranges>
#include <string>
#include <type_traits>
#include <vector>

namespace lagoon::detail {

template <class R, class T>
concept RangeOf = std::ranges::input_range<R> && ConvertsTo<T, std::ranges::range_value_t<R>> &&
    !std::is_array_v<std::remove_reference_t<R>>;
template <class N>
concept Length = std::integral<N> && !std::same_as<N, bool>;

/// As std::vector<bool>, but of bools.
class Bools {
 public:
  Bools() = default;
  explicit Bools(std::size_t n) : bytes_(n) {}
  void reserve(std::size_t n) { bytes_.reserve(n); }
  void push_back(bool x) { bytes_.push_back(std::bit_cast<Uninitialised<bool>>(x)); }
  [[nodiscard]] bool* data() noexcept { return reinterpret_cast<bool*>(bytes_.data()); }
  [[nodiscard]] const bool* data() const noexcept {
    return reinterpret_cast<const bool*>(bytes_.data());
  }
  [[nodiscard]] std::size_t size() const noexcept { return bytes_.size(); }
  [[nodiscard]] bool operator[](std::size_t i) const noexcept { return data()[i]; }

 private:
  std::vector<Uninitialised<bool>> bytes_;
};
template <class T>
using Elements = std::conditional_t<std::is_same_v<T, bool>, Bools, std::vector<T>>;

/// The elements as they will be stored, all of them before anything is made or written.
template <class T, class R>
Elements<T> elements_of(R&& range) {
  Elements<T> out;
  if constexpr (std::ranges::sized_range<R>) out.reserve(std::ranges::size(range));
  for (auto&& x : range)
    out.push_back(static_cast<T>(static_cast<std::ranges::range_value_t<R>>(x)));
  return out;
}

template <class T>
using SliceOf = std::conditional_t<
    std::is_same_v<T, char>, std::string,
    std::conditional_t<std::is_same_v<T, wchar_t>, std::wstring, std::vector<T>>>;

/// Python's slice [start:stop:step] of n elements: where it begins and how many it takes.
struct Slice {
  std::ptrdiff_t start;
  std::ptrdiff_t step;
  std::size_t count;

  static Slice of(std::size_t n, std::optional<std::ptrdiff_t> start,
                  std::optional<std::ptrdiff_t> stop, std::ptrdiff_t step);
  [[nodiscard]] std::size_t at(std::size_t k) const noexcept {
    return static_cast<std::size_t>(start + step * static_cast<std::ptrdiff_t>(k));
  }
  /// The elements that it touches lie in [first, last).
  [[nodiscard]] std::size_t first() const noexcept {
    return count == 0 ? 0 : std::min(at(0), at(count - 1));
  }
  [[nodiscard]] std::size_t last() const noexcept {
    return count == 0 ? 0 : std::max(at(0), at(count - 1)) + 1;
  }
};

}  // namespace lagoon::detail
