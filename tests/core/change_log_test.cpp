#include <lagoon/core/change_log.hpp>

#include <gtest/gtest.h>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

namespace lagoon::core {
static bool operator==(Lines a, Lines b) { return a.first == b.first && a.count == b.count; }
}  // namespace lagoon::core

namespace {

using lagoon::core::ChangeLog;
using lagoon::core::Lines;
using lagoon::core::round_to_lines;

/// A log and its memory.
struct Log {
  explicit Log(std::size_t record_bytes)
      : entries(ChangeLog::bytes_for(record_bytes) / sizeof(std::uint64_t)),
        log(entries.data(), record_bytes) {}
  std::vector<std::uint64_t> entries;
  ChangeLog log;
};

TEST(ChangeLog, rounds_to_lines) {
  EXPECT_EQ(round_to_lines(0), 0U);
  EXPECT_EQ(round_to_lines(1), 64U);
  EXPECT_EQ(round_to_lines(64), 64U);
  EXPECT_EQ(round_to_lines(65), 128U);
}

TEST(ChangeLog, has_an_entry_for_each_line_within_limits) {
  for (const std::size_t bytes : {std::size_t{1}, std::size_t{1024}, std::size_t{8192},
                                  std::size_t{1} << 20, std::size_t{1} << 30}) {
    const std::size_t depth = ChangeLog::depth_for(bytes);
    EXPECT_TRUE(std::has_single_bit(depth));
    EXPECT_GE(depth, 16U);
    EXPECT_LE(depth, 65536U);
    EXPECT_TRUE(depth >= bytes / 64 || depth == 65536) << bytes;
    EXPECT_EQ(Log(bytes).log.depth(), depth);
  }
}

TEST(ChangeLog, lines_cover_the_bytes_and_no_more) {
  const Log l(8192);
  ASSERT_EQ(l.log.unit(), 64U);
  EXPECT_EQ(l.log.lines(0, 0), (Lines{0, 0}));
  EXPECT_EQ(l.log.lines(100, 100).count, 0U);
  EXPECT_EQ(l.log.lines(0, 1), (Lines{0, 1}));
  EXPECT_EQ(l.log.lines(0, 64), (Lines{0, 1}));
  EXPECT_EQ(l.log.lines(0, 65), (Lines{0, 2}));
  EXPECT_EQ(l.log.lines(63, 65), (Lines{0, 2}));
  EXPECT_EQ(l.log.lines(64, 128), (Lines{1, 1}));
  EXPECT_EQ(l.log.lines(8191, 8192), (Lines{127, 1}));
  EXPECT_EQ(l.log.lines(0, 8192), (Lines{0, 128}));
}

TEST(ChangeLog, units_grow_so_that_any_record_fits) {
  for (const std::size_t bytes :
       {(std::size_t{64} << 20) - 64, std::size_t{64} << 20, std::size_t{1} << 34}) {
    std::vector<std::uint64_t> entries(ChangeLog::depth_for(bytes));
    ChangeLog log(entries.data(), bytes);
    log.record(1, log.lines(0, bytes));
    EXPECT_EQ(log.of(1).first, 0U);
    EXPECT_GE(log.of(1).end() * log.unit(), bytes);
    log.record(2, log.lines(bytes - 1, bytes));
    EXPECT_LT(log.of(2).first * log.unit(), bytes);
    EXPECT_GE(log.of(2).end() * log.unit(), bytes);
    EXPECT_EQ(log.of(2).count, 1U);
  }
}

TEST(ChangeLog, joins_to_the_smallest_range_over_both) {
  EXPECT_EQ((Lines{3, 2}).joined({7, 1}), (Lines{3, 5}));
  EXPECT_EQ((Lines{7, 1}).joined({3, 2}), (Lines{3, 5}));
  EXPECT_EQ((Lines{3, 5}).joined({4, 1}), (Lines{3, 5}));
  EXPECT_EQ((Lines{}).joined({4, 1}), (Lines{4, 1}));
  EXPECT_EQ((Lines{4, 1}).joined({}), (Lines{4, 1}));
  EXPECT_EQ((Lines{9, 0}).joined({0, 0}).count, 0U);
}

TEST(ChangeLog, is_empty_for_what_has_not_begun) {
  const Log l(1024);
  for (std::uint64_t v = 0; v < 40; ++v) EXPECT_EQ(l.log.of(v).count, 0U) << v;
  EXPECT_EQ(l.log.of(~std::uint64_t{0}).count, 0U) << "the version before the first";
}

TEST(ChangeLog, knows_the_last_lap_and_no_other) {
  std::mt19937 random(1);
  for (const std::uint64_t start : {std::uint64_t{1}, (std::uint64_t{1} << 24) - 40,
                                    (std::uint64_t{1} << 48) - 40, (std::uint64_t{1} << 62)}) {
    Log l(1024);
    const std::uint64_t depth = l.log.depth();
    std::vector<Lines> model;
    for (std::uint64_t i = 0; i < 100; ++i) {
      const auto first = static_cast<std::uint32_t>(random() % 16);
      model.push_back({first, 1 + static_cast<std::uint32_t>(random() % (16 - first))});
      l.log.record(start + i, model.back());
      for (std::uint64_t j = 0; j <= i; ++j) {
        const Lines expected = i - j < depth ? model[j] : Lines{};
        ASSERT_EQ(l.log.of(start + j), expected) << start << " " << i << " " << j;
      }
      for (std::uint64_t j = i + 1; j < i + depth; ++j) ASSERT_EQ(l.log.of(start + j).count, 0U);
    }
  }
}

}  // namespace
