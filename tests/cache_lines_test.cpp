/// Words that different processes write stand on different cache lines: what one process does to
/// its object does not slow down another process at the next one.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <lagoon/array.hpp>
#include <lagoon/core/copies.hpp>
#include <lagoon/lock.hpp>
#include <lagoon/value.hpp>
#include <vector>

namespace {

using lagoon::core::line_bytes;

std::uintptr_t line_of(const void* address) {
  return reinterpret_cast<std::uintptr_t>(address) / line_bytes;
}

TEST(CacheLines, the_words_that_writers_change_are_apart_from_what_readers_copy) {
  // A lock, and the value or elements beside it.
  static_assert(sizeof(lagoon::locks::RobustLock) <= line_bytes);
  lagoon::Value<int, lagoon::mode::locked> value{0};
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(&value.get_obj()) % line_bytes, 0U);
  lagoon::Array<int, lagoon::mode::locked> array(3);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(array.get_obj().data()) % line_bytes, 0U);
  // A latch, its log, and each copy: a line or more for each.
  static_assert(sizeof(lagoon::core::Latch) <= line_bytes);
  static_assert(lagoon::core::Copies::bytes_for(1, 4) % line_bytes == 0);
  static_assert(lagoon::core::Copies::bytes_for(1, 4) - lagoon::core::Copies::bytes_for(1, 2) ==
                2 * line_bytes);
  struct Three {
    int numbers[3];
  };
  static_assert(alignof(lagoon::Cell<Three>) == line_bytes);
  static_assert(sizeof(lagoon::Cell<Three>) == 5 * line_bytes, "a latch and four copies");
}

TEST(CacheLines, objects_made_one_after_the_other_share_none) {
  std::vector<std::uintptr_t> lines;
  std::vector<lagoon::Value<char, lagoon::mode::raw>> small;
  std::vector<lagoon::Array<char, lagoon::mode::raw>> long_ones;
  constexpr std::size_t length = line_bytes + 1;
  for (int i = 0; i < 100; ++i) {
    small.emplace_back('a');
    lines.push_back(line_of(&small.back().get_obj()));
    long_ones.emplace_back(length);
    const char* const first = long_ones.back().get_obj().data();
    lines.push_back(line_of(first));
    lines.push_back(line_of(first + length - 1));
  }
  std::sort(lines.begin(), lines.end());
  EXPECT_EQ(std::adjacent_find(lines.begin(), lines.end()), lines.end());
}

}  // namespace
