#pragma once
/// A record of any length kept in N copies, with the log of what changed: latch.hpp and
/// change_log.hpp put together. A view; the parts lie in shared memory:
///
///   latch | log: one word a line | copy 0 | copy 1 | … | copy N−1      (each from a new line on)
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

#include <bit>
#include <cstddef>
#include <cstdint>
#include <new>

namespace lagoon::core {

namespace detail {
/// Where things are, for N that is known at run time only.
struct CopiesLayout {
  Latch* latch = nullptr;
  ChangeLog log;
  std::byte* copies = nullptr;
  std::size_t stride = 0;

  [[nodiscard]] std::byte* copy(std::uint64_t index) const noexcept {
    return copies + index * stride;
  }
};
/// The way of a reader that was overtaken while it copied version `had`.
Version catch_up(const CopiesLayout& at, unsigned n, std::byte* to, std::size_t first,
                 std::size_t last, Version had) noexcept __attribute__((visibility("default")));
/// Makes the lines in `stale` of copy `target` equal to those of copy `published`.
void restore(const CopiesLayout& at, std::byte* target, const std::byte* published,
             const Lines* stale, std::size_t count) noexcept
    __attribute__((visibility("default")));
}  // namespace detail

template <unsigned N>
class Copies {
  static_assert(N >= 2 && N <= 64 && std::has_single_bit(N),
                "a writer needs a copy that readers do not look at; version % N must be cheap");

 public:
  /// What a writer knows of its range beforehand.
  enum class Replaces : std::uint8_t { some_bytes, every_byte_of_the_record };

  static constexpr std::size_t bytes_for(std::size_t record_bytes) noexcept {
    return line_bytes + round_to_lines(ChangeLog::bytes_for(record_bytes)) +
           N * round_to_lines(record_bytes);
  }

  Copies() = default;
  /// `memory` holds a record made before, or is where `make` made one.
  Copies(std::byte* memory, std::size_t record_bytes) noexcept {
    at_.latch = reinterpret_cast<Latch*>(memory);
    at_.log = ChangeLog(memory + line_bytes, record_bytes);
    at_.copies = memory + line_bytes + round_to_lines(ChangeLog::bytes_for(record_bytes));
    at_.stride = round_to_lines(record_bytes);
  }
  /// In zeroed memory that nobody else can see yet; fill(bytes of the record) gives its contents.
  template <class Fill>
  static void make(std::byte* memory, std::size_t record_bytes, Participants& table, Fill&& fill) {
    new (memory) Latch(table);
    Copies c(memory, record_bytes);
    fill(c.at_.copy(0));
    for (unsigned i = 1; i < N; ++i) write_shared(c.at_.copy(i), c.at_.copy(0), record_bytes);
  }

  [[nodiscard]] Latch& latch() const noexcept { return *at_.latch; }

  /// Copies bytes [first, last) as they were together at one moment; says at which version.
  /// The version has `version_gone` set if the record was erased.
  Version read(std::byte* to, std::size_t first, std::size_t last) const noexcept {
    return read_with(to, first, last, [&](const std::byte* from) {
      read_shared(to, from, last - first);
    });
  }
  /// The same for a piece whose size is known at compile time.
  template <std::size_t Size>
  Version read_fixed(std::byte* to, std::size_t first) const noexcept {
    return read_with(to, first, first + Size,
                     [&](const std::byte* from) { read_shared_fixed<Size>(to, from); });
  }

  /// Changes bytes [first, last): change(copy to change, published copy), each from the record's
  /// first byte on. If `change` throws, nothing is published. `forked` is whether this is a child
  /// forked inside `change`: then nothing is published either.
  template <class Change>
  [[nodiscard]] Taken write(std::size_t first, std::size_t last, Replaces replaces,
                            bool& forked, Change&& change) {
    Latch::Turn turn(*at_.latch, Deadline::never());  // (1)
    if (!turn.is_taken()) [[unlikely]]
      return turn.outcome();
    const Version v = turn.version();
    const std::byte* published = at_.copy(v % N);
    std::byte* target = at_.copy((v + 1) % N);

    // The lines in which `target` is stale (C1): those of the last N − 1 writes, and of this one's
    // forerunner if that died or threw.
    Lines stale[N];
    for (unsigned i = 0; i + 1 < N; ++i) stale[i] = at_.log.of(v - i);
    const Lines unfinished = stale[N - 1] = at_.log.of(v + 1);
    at_.log.record(v + 1, at_.log.lines(first, last).joined(unfinished));
    release_fence();  // pairs with (6): who reads a byte stored below sees the log entry above
    if (replaces == Replaces::some_bytes) restore(target, published, stale);

    change(target, published);  // (2)
    forked = !turn.publish(v + 1);  // (3)
    return turn.outcome();
  }

 private:
  template <class Copy>
  Version read_with(std::byte* to, std::size_t first, std::size_t last,
                    Copy&& copy) const noexcept {
    const Version v = at_.latch->version();
    copy(at_.copy(v % N) + first);
    if (Latch::is_whole<N>(v, at_.latch->version_after_copy())) [[likely]]
      return v;
    return detail::catch_up(at_, N, to, first, last, v);
  }

  void restore(std::byte* target, const std::byte* published, const Lines (&stale)[N]) {
    Lines all = stale[0];
    std::uint32_t sum = stale[0].count;
    for (unsigned i = 1; i < N; ++i) {
      all = all.joined(stale[i]);
      sum += stale[i].count;
    }
    if (all.count <= sum)  // they overlap or touch: one copy does it
      restore_lines(target, published, all);
    else
      detail::restore(at_, target, published, stale, N);
  }
  void restore_lines(std::byte* target, const std::byte* published, Lines all) {
    if (all.count == 1 && at_.log.unit_shift() == 6) {
      const std::size_t offset = std::size_t{all.first} * line_bytes;
      write_shared_fixed<line_bytes>(target + offset, published + offset);
    } else if (all.count != 0) {
      detail::restore(at_, target, published, &all, 1);
    }
  }

  detail::CopiesLayout at_;
};

}  // namespace lagoon::core
