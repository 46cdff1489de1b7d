#include <lagoon/array.hpp>

#include <algorithm>
#include <limits>

namespace lagoon::detail {

Slice Slice::of(std::size_t n, std::optional<std::ptrdiff_t> start,
                std::optional<std::ptrdiff_t> stop, std::ptrdiff_t step) {
  if (step == 0) throw InvalidArgument("a slice's step cannot be zero");
  const auto length = static_cast<std::ptrdiff_t>(n);
  // As Python's: from the end if negative, then clamped to where a walk of this step can stand.
  const std::ptrdiff_t lowest = step > 0 ? 0 : -1;
  const std::ptrdiff_t highest = step > 0 ? length : length - 1;
  const auto clamped = [&](std::optional<std::ptrdiff_t> at, std::ptrdiff_t otherwise) {
    if (!at) return otherwise;
    return std::clamp(*at < 0 ? *at + length : *at, lowest, highest);
  };
  const std::ptrdiff_t from = clamped(start, step > 0 ? lowest : highest);
  const std::ptrdiff_t to = clamped(stop, step > 0 ? highest : lowest);
  const std::size_t distance = static_cast<std::size_t>(
      step > 0 ? std::max<std::ptrdiff_t>(0, to - from) : std::max<std::ptrdiff_t>(0, from - to));
  // -step overflows for the most negative number; its magnitude does not as an unsigned.
  const std::size_t stride =
      step > 0 ? static_cast<std::size_t>(step) : std::size_t{0} - static_cast<std::size_t>(step);
  const std::size_t count = distance == 0 ? 0 : (distance - 1) / stride + 1;
  return {from, count > 1 ? step : (step > 0 ? 1 : -1), count};
}

void throw_index(const Handle& array, std::size_t index, std::size_t size) {
  throw OutOfRange("index " + std::to_string(static_cast<std::ptrdiff_t>(index)) + " of " +
                   array.describe() + ": it has the elements 0 to " + std::to_string(size) +
                   ", exclusive");
}

void throw_range(const Handle& array, std::size_t first, std::size_t last, std::size_t size) {
  throw OutOfRange("elements [" + std::to_string(first) + ", " + std::to_string(last) + ") of " +
                   array.describe() +
                   ": a range ends where it begins or behind, and no later than " +
                   std::to_string(size));
}

void throw_length(const Handle& array, std::size_t found, std::size_t expected) {
  throw InvalidArgument(array.describe() + ": " + std::to_string(found) +
                        " elements were given where " + std::to_string(expected) +
                        " belong; a shared array does not change its length");
}

std::size_t checked_length(bool negative, unsigned long long n, std::size_t element_size) {
  if (negative)
    throw InvalidArgument("an array cannot have a negative length (" +
                          std::to_string(static_cast<long long>(n)) + ")");
  // Room for eight copies and the log, which must be countable too.
  if (n > std::numeric_limits<std::size_t>::max() / 16 / element_size)
    throw OutOfMemory("an array of " + std::to_string(n) + " elements of " +
                      std::to_string(element_size) + " bytes is larger than any memory");
  return static_cast<std::size_t>(n);
}

}  // namespace lagoon::detail
