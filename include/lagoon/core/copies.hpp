#pragma once
/// A record of any length kept in N copies, with the log of what changed: latch.hpp and
/// change_log.hpp put together. A view; the parts lie in shared memory:
///
///   latch | log: a word for each line | copy 0 | copy 1 | … | copy N−1      (each from a new line
///   on)
///
/// Invariant, beside those of the latch
///   C1  With version v, copy (v + 1) % N differs from copy v % N at most in the lines logged for
///       v + 2 − N … v, and in those logged for v + 1 if somebody began that write and did not
///       publish it.
/// A writer therefore copies these lines (what it replaces anyway excepted), changes its own, and
/// publishes. A reader that was overtaken has, outside the lines logged since its version, and for
/// the write under way, exactly the current bytes: it copies only those again.
///
/// Progress: reading is lock-free and converges as fast as it copies a line faster than writers
/// write one; writers take turns. A crash at any instruction leaves the published copy untouched.

#include <lagoon/core/change_log.hpp>
#include <lagoon/core/latch.hpp>

#include <cstddef>
#include <cstdint>
#include <new>

namespace lagoon::core {

/// The outcome of a write.
enum class Written : std::uint8_t {
  yes,
  nested,  ///< the caller is inside a write to this record already
  erased,
  forked,  ///< this is a child, forked inside the write: it goes on in the parent
};

class Copies {
 public:
  /// What a writer knows of its range beforehand.
  enum class Replaces : std::uint8_t { some_bytes, every_byte_of_the_record };

  /// N is a power of two, 2 to 8: version % N is on every path.
  static constexpr bool is_valid_count(unsigned n) noexcept { return n == 2 || n == 4 || n == 8; }

  static constexpr std::size_t bytes_for(std::size_t record_bytes, unsigned n) noexcept {
    return line_bytes + round_to_lines(ChangeLog::bytes_for(record_bytes)) +
           n * round_to_lines(record_bytes);
  }

  /// `memory` holds a record made before.
  Copies(std::byte* memory, std::size_t record_bytes, unsigned n) noexcept
      : latch_(reinterpret_cast<Latch*>(memory)),
        log_(memory + line_bytes, record_bytes),
        copies_(memory + line_bytes + round_to_lines(ChangeLog::bytes_for(record_bytes))),
        stride_(round_to_lines(record_bytes)),
        n_(n) {}
  /// In zeroed memory that nobody else can see yet; zeros, or the record's bytes at `initial`.
  static void make(std::byte* memory, std::size_t record_bytes, unsigned n, Participants& table,
                   const void* initial) noexcept {
    new (memory) Latch(table);
    if (initial == nullptr) return;
    const Copies c(memory, record_bytes, n);
    for (unsigned i = 0; i < n; ++i) write_shared(c.copy(i), initial, record_bytes);
  }

  [[nodiscard]] Latch& latch() const noexcept { return *latch_; }

  /// Copies bytes [first, last) as they were together at one moment; says at which version.
  /// The version has `version_gone` set if the record was erased.
  Version read(std::byte* to, std::size_t first, std::size_t last) const noexcept {
    return read_with(to, first, last,
                     [&](const std::byte* from) { read_shared(to, from, last - first); });
  }
  /// The same for a piece whose size is known at compile time.
  template <std::size_t Size>
  Version read_fixed(std::byte* to, std::size_t first) const noexcept {
    return read_with(to, first, first + Size,
                     [&](const std::byte* from) { read_shared_fixed<Size>(to, from); });
  }

  /// Changes bytes [first, last): change(copy to change, published copy), each from the record's
  /// first byte on. If it throws, nothing is published.
  template <class Change>
  [[nodiscard, gnu::always_inline]] Written write(std::size_t first, std::size_t last,
                                                  Replaces replaces, Change&& change) {
    Latch::Turn turn(*latch_, Deadline::never());  // (1)
    if (!turn.is_taken()) [[unlikely]]
      return turn.outcome() == Taken::is_mine ? Written::nested : Written::erased;
    const Version v = turn.version();
    const std::byte* published = copy(v);
    std::byte* target = copy(v + 1);

    // An entry for v + 1 is there already if somebody began that write and threw or died.
    const Lines unfinished = log_.of(v + 1);
    Lines lines = log_.lines(first, last);
    if (unfinished.count != 0) [[unlikely]]
      lines = lines.joined(unfinished);
    log_.record(v + 1, lines);
    release_fence();  // pairs with (6): who reads a byte stored below sees the log entry above
    if (replaces == Replaces::some_bytes) bring_up_to_date(target, published, v, unfinished);

    change(target, published);                                    // (2)
    return turn.publish(v + 1) ? Written::yes : Written::forked;  // (3)
  }

 private:
  [[nodiscard]] std::byte* copy(Version v) const noexcept {
    return copies_ + (v & (n_ - 1)) * stride_;
  }

  template <class Copy>
  Version read_with(std::byte* to, std::size_t first, std::size_t last,
                    Copy&& copy_from) const noexcept {
    const Version v = latch_->version();
    copy_from(copy(v) + first);
    if (Latch::is_whole(n_, v, latch_->version_after_copy())) [[likely]]
      return v;
    return catch_up(to, first, last, v);
  }

  /// Makes `target`, which is to be version v + 1, equal to `published` (C1).
  [[gnu::always_inline]] void bring_up_to_date(std::byte* target, const std::byte* published,
                                               Version v, Lines unfinished) const noexcept {
    // Writes of a line each: one after the other, in place. To find out first which of them are the
    // same line would cost more.
    unsigned behind = n_ - 1;
    if (unfinished.count == 0 && log_.unit() == line_bytes) [[likely]] {
      do {
        const Lines lines = log_.of_published(v + 1 - behind);
        if (lines.count > 1) break;
        if (lines.count == 1) [[likely]]
          write_shared_fixed<line_bytes>(target + lines.first * line_bytes,
                                         published + lines.first * line_bytes);
      } while (--behind != 0);
    }
    if (behind != 0) restore_all(target, published, v, unfinished);
  }
  void restore(std::byte* target, const std::byte* published, Lines lines) const noexcept;
  void restore_all(std::byte* target, const std::byte* published, Version v,
                   Lines unfinished) const noexcept;
  /// The way of a reader that was overtaken while it copied version `had`.
  Version catch_up(std::byte* to, std::size_t first, std::size_t last, Version had) const noexcept;

  Latch* latch_;
  ChangeLog log_;
  std::byte* copies_;
  std::size_t stride_;
  unsigned n_;
};

}  // namespace lagoon::core
