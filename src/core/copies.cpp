#include <lagoon/core/copies.hpp>

namespace lagoon::core {

namespace {

struct Bytes {
  std::size_t first;
  std::size_t last;
  [[nodiscard]] std::size_t count() const noexcept { return first < last ? last - first : 0; }
};

/// The bytes of `lines` within [first, last).
Bytes clipped(const ChangeLog& log, Lines lines, std::size_t first, std::size_t last) noexcept {
  return {std::max(first, lines.first * log.unit()), std::min(last, lines.end() * log.unit())};
}

}  // namespace

void Copies::restore(std::byte* target, const std::byte* published, Lines lines) const noexcept {
  const Bytes b = clipped(log_, lines, 0, stride_);
  if (b.count() != 0) write_shared(target + b.first, published + b.first, b.count());
}

void Copies::restore_all(std::byte* target, const std::byte* published, Version v,
                         Lines unfinished) const noexcept {
  Lines all = unfinished;
  std::uint32_t sum = unfinished.count;
  for (unsigned i = 0; i + 1 < n_; ++i) {
    const Lines lines = log_.of_published(v - i);
    all = all.joined(lines);
    sum += lines.count;
  }
  if (all.count <= sum) return restore(target, published, all);  // they overlap or touch
  restore(target, published, unfinished);
  for (unsigned i = 0; i + 1 < n_; ++i) restore(target, published, log_.of_published(v - i));
}

Version Copies::catch_up(std::byte* to, std::size_t first, std::size_t last,
                         Version had) const noexcept {
  // Outside the lines logged for versions after `had`, `to` has the bytes of the current version.
  for (;;) {
    latch_->say_reads_again();
    const Version v = latch_->version();
    const std::byte* from = copy(v);
    // The write under way (v + 1) counts: `to` may hold some of its bytes, and it may never come.
    const bool log_reaches_back = v + 1 - had < log_.depth();
    const auto for_each_change = [&](auto&& f) {
      for (Version w = had + 1; w <= v + 1; ++w) {
        const Bytes b = clipped(log_, log_.of(w), first, last);
        if (b.count() != 0) f(b);
      }
    };
    std::size_t changed = 0;
    if (log_reaches_back) for_each_change([&](Bytes b) { changed += b.count(); });
    const bool repair = log_reaches_back && changed < (last - first) / 2;
    if (repair)
      for_each_change(
          [&](Bytes b) { read_shared(to + (b.first - first), from + b.first, b.count()); });
    else
      read_shared(to, from + first, last - first);

    const Version now = latch_->version_after_copy();
    if (repair && now - had >= log_.depth()) {
      // The ring came round while its entries were read: the next pass copies everything.
      had = now - log_.depth() - 1;
      continue;
    }
    if (Latch::is_whole(n_, v, now)) return v;
    had = v;
  }
}

}  // namespace lagoon::core
