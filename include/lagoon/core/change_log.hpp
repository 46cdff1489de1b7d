#pragma once
/// Which lines of a record each of the last writes may have changed: a ring of one word for each
/// version. With it a writer brings a stale copy up to date, and a reader that was overtaken
/// repairs what it has, at the price of what changed instead of the whole record.
///
/// The writer of version v + 1 records its lines in entry v + 1 by one store before it changes the
/// first byte. If it throws or dies, the entry stays: the next writer of v + 1 finds it, restores
/// those lines too, and records the union. So a crash needs no undoing and no version is skipped.
///
/// An entry is {stamp of its version : 24, first : 20, count : 20}, in units of 64 bytes (more in
/// records over 64 MiB). The stamp tells it from the entry of a lap before.

#include <boost/atomic/ipc_atomic.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>

namespace lagoon::core {

inline constexpr std::size_t line_bytes = 64;

constexpr std::size_t round_to_lines(std::size_t bytes) noexcept {
  return (bytes + line_bytes - 1) / line_bytes * line_bytes;
}

/// A range of units.
struct Lines {
  std::uint32_t first = 0;
  std::uint32_t count = 0;

  [[nodiscard]] constexpr std::uint32_t end() const noexcept { return first + count; }
  /// The smallest range that covers both.
  [[nodiscard]] constexpr Lines joined(Lines other) const noexcept {
    if (count == 0) return other;
    if (other.count == 0) return *this;
    const std::uint32_t from = first < other.first ? first : other.first;
    return {from, (end() > other.end() ? end() : other.end()) - from};
  }
};

/// A view: the entries lie in shared memory, zeroed when the record is made.
class ChangeLog {
 public:
  using Entry = boost::ipc_atomic<std::uint64_t>;

  /// As many entries as lines: a reader that copies a line in the time of a write, or faster,
  /// finds all that happened during its first pass.
  static constexpr std::size_t depth_for(std::size_t bytes) noexcept {
    const std::size_t lines = bytes / line_bytes;
    return std::bit_ceil(lines < 16 ? 16 : lines > 65536 ? 65536 : lines);
  }
  static constexpr std::size_t bytes_for(std::size_t bytes) noexcept {
    return depth_for(bytes) * sizeof(Entry);
  }

  ChangeLog(void* entries, std::size_t record_bytes) noexcept
      : entries_(static_cast<Entry*>(entries)), mask_(depth_for(record_bytes) - 1) {
    while ((round_to_lines(record_bytes) >> unit_shift_) > max_units) ++unit_shift_;
  }

  [[nodiscard]] std::size_t depth() const noexcept { return mask_ + 1; }
  [[nodiscard]] std::size_t unit() const noexcept { return std::size_t{1} << unit_shift_; }

  [[nodiscard]] Lines lines(std::size_t first_byte, std::size_t last_byte) const noexcept {
    if (first_byte == last_byte) return {};
    const auto first = static_cast<std::uint32_t>(first_byte >> unit_shift_);
    const auto last = static_cast<std::uint32_t>((last_byte - 1) >> unit_shift_);
    return {first, last - first + 1};
  }

  void record(std::uint64_t version, Lines lines) noexcept {
    entries_[version & mask_].store(
        (version & stamp_mask) << 40 | std::uint64_t{lines.first} << 20 | lines.count,
        boost::memory_order_relaxed);
  }
  /// Empty if that version's write has not begun.
  [[nodiscard]] Lines of(std::uint64_t version) const noexcept {
    const std::uint64_t e = entries_[version & mask_].load(boost::memory_order_relaxed);
    if (e >> 40 != (version & stamp_mask)) return {};
    return {static_cast<std::uint32_t>(e >> 20 & max_units),
            static_cast<std::uint32_t>(e & max_units)};
  }
  /// The same for who has the turn, of a version published less than a lap ago: its entry cannot
  /// have been overwritten, so its stamp is not looked at. Before the first version: empty.
  [[nodiscard]] Lines of_published(std::uint64_t version) const noexcept {
    const std::uint64_t e = entries_[version & mask_].load(boost::memory_order_relaxed);
    return {static_cast<std::uint32_t>(e >> 20 & max_units),
            static_cast<std::uint32_t>(e & max_units)};
  }

 private:
  static constexpr std::uint64_t stamp_mask = (1U << 24) - 1;
  static constexpr std::size_t max_units = (1U << 20) - 1;

  Entry* entries_ = nullptr;
  std::size_t mask_ = 0;
  unsigned unit_shift_ = 6;
};

}  // namespace lagoon::core
