#include <lagoon/core/copies.hpp>

namespace lagoon::core::detail {

namespace {

struct Bytes {
  std::size_t first;
  std::size_t last;
};

/// The bytes of `lines` within [first, last).
Bytes clipped(const CopiesLayout& at, Lines lines, std::size_t first, std::size_t last) noexcept {
  const unsigned shift = at.log.unit_shift();
  return {std::max(first, std::size_t{lines.first} << shift),
          std::min(last, std::size_t{lines.end()} << shift)};
}

}  // namespace

void restore(const CopiesLayout& at, std::byte* target, const std::byte* published,
             const Lines* stale, std::size_t count) noexcept {
  for (const Lines* lines = stale; lines != stale + count; ++lines) {
    const Bytes b = clipped(at, *lines, 0, at.stride);
    if (b.first < b.last) write_shared(target + b.first, published + b.first, b.last - b.first);
  }
}

Version catch_up(const CopiesLayout& at, unsigned n, std::byte* to, std::size_t first,
                 std::size_t last, Version had) noexcept {
  // Outside the lines logged for versions after `had`, `to` has the bytes of the current version.
  for (;;) {
    const Version v = at.latch->version();
    const std::byte* from = at.copy(v % n);
    // The write under way (v + 1) counts: `to` may hold some of its bytes, and it may never come.
    const bool log_reaches_back = v + 1 - had < at.log.depth();
    std::size_t changed = 0;
    if (log_reaches_back)
      for (Version w = had + 1; w <= v + 1; ++w) {
        const Bytes b = clipped(at, at.log.of(w), first, last);
        if (b.first < b.last) changed += b.last - b.first;
      }
    const bool repair = log_reaches_back && changed < (last - first) / 2;
    if (repair) {
      for (Version w = had + 1; w <= v + 1; ++w) {
        const Bytes b = clipped(at, at.log.of(w), first, last);
        if (b.first < b.last)
          read_shared(to + (b.first - first), from + b.first, b.last - b.first);
      }
    } else {
      read_shared(to, from, last - first);
    }
    const Version now = at.latch->version_after_copy();
    // The entries read above were intact if the ring has not come round to the oldest of them.
    if (repair && now - had >= at.log.depth()) {
      had = now - at.log.depth() - 1;  // out of the log's reach: the next pass copies everything
      continue;
    }
    if (now - v <= n - 2) return v;
    had = v;
  }
}

}  // namespace lagoon::core::detail
