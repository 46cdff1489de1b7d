#pragma once
/// Where what has a hash may be: a row of hints, by open addressing. They lead to entries, which
/// are the truth (entries.hpp): a hint may lead to what is not there, or is another's by now.
///
///   row of words:  [hint hint hint hint] [hint  –   –   – ] …     groups of four
///   hint:          1 | hash : 31 | number of an entry : 32        zero: none
///
/// A hash leads to a group, and on to the next if that is full. The four of a group are compared at
/// once: where they are looked at one after another, what is looked for is behind the second or a
/// later one about as often as not, which no processor can guess.
///
/// Hints are read and written relaxed: who is led wrong finds out at the entry. Progress:
/// wait-free. A crash between any two stores leaves hints that lead nowhere, and are used again.

#include <lagoon/core/copy.hpp>
#include <lagoon/core/slab.hpp>
#include <lagoon/core/words.hpp>

#include <bit>
#include <boost/atomic/ipc_atomic.hpp>
#include <cstddef>
#include <cstdint>

// Under ThreadSanitizer the loop is tested that other processors have.
#if defined(__SSE2__) && !LAGOON_COPY_BY_ATOMICS
#define LAGOON_HINTS_BY_SSE2 1
#include <emmintrin.h>
#else
#define LAGOON_HINTS_BY_SSE2 0
#endif

namespace lagoon::core {

class Hints {
 public:
  using Hash = std::uint32_t;  // of 31 bits
  using Entry = std::uint32_t;

  explicit Hints(const Words& row) noexcept : row_(row) {}

  /// How many there are beside so many entries, two at least: twice as many, rounded up to a power
  /// of two.
  static constexpr std::uint64_t count_for(std::uint64_t entries) noexcept {
    return entries == 0 ? 0 : std::bit_ceil(2 * entries);
  }

  /// By anyone: calls f(entry) for each under this hash, until f says that it is enough; false if
  /// the row led out of the memory.
  template <class F>
  [[gnu::always_inline]] bool each(const Slab::Reader& slab, Hash hash, F&& f) const {
    std::uint64_t at = hash & mask();
    for (std::uint64_t left = row_.count(); left >= in_group; left -= in_group) {
      const Words::Word* const group = row_.find_several(slab, at, in_group);
      if (group == nullptr) [[unlikely]]
        return false;
      for (unsigned under = which_are_under(hash, group); under != 0; under &= under - 1)
        if (f(static_cast<Entry>(group[std::countr_zero(under)].load(relaxed)))) return true;
      for (std::size_t i = 0; i < in_group; ++i)
        if (group[i].load(relaxed) == 0) return true;
      at = (at + in_group) & mask();
    }
    return true;
  }

  // ---- With the slab's turn ----------------------------------------------------------------

  /// One more, where none is, or one to an entry that is_free(entry). LayoutMismatch if there is no
  /// such place, as may be in damaged memory.
  template <class IsFree>
  void enter(Slab& slab, Hash hash, Entry entry, IsFree&& is_free) const {
    std::uint64_t at = hash & mask();
    for (std::uint64_t left = row_.count(); left != 0; --left) {
      Words::Word& hint = row_.at(slab, at);
      const std::uint64_t word = hint.load(relaxed);
      if (word == 0 || is_free(static_cast<Entry>(word)))
        return hint.store(std::uint64_t{upper_half(hash)} << 32 | entry, relaxed);
      at = (at + 1) & (row_.count() - 1);
    }
    Slab::throw_damaged();
  }

 private:
  static constexpr auto relaxed = boost::memory_order_relaxed;
  static constexpr std::size_t in_group = 4;

  /// Never zero.
  static constexpr Hash upper_half(Hash hash) noexcept { return hash | Hash{1} << 31; }
  [[nodiscard]] std::uint64_t mask() const noexcept { return row_.count() - in_group; }

  /// A bit for each of a group.
  [[nodiscard]] static unsigned which_are_under(Hash hash, const Words::Word* group) noexcept {
    std::uint64_t hints[in_group];
    read_shared_fixed<sizeof hints>(hints, group);
#if LAGOON_HINTS_BY_SSE2
    const auto first = _mm_loadu_ps(reinterpret_cast<const float*>(hints));
    const auto last = _mm_loadu_ps(reinterpret_cast<const float*>(hints + 2));
    const __m128i upper_halves = _mm_castps_si128(_mm_shuffle_ps(first, last, 0b11'01'11'01));
    const __m128i wanted = _mm_set1_epi32(static_cast<int>(upper_half(hash)));
    return static_cast<unsigned>(
        _mm_movemask_ps(_mm_castsi128_ps(_mm_cmpeq_epi32(upper_halves, wanted))));
#else
    unsigned under = 0;
    for (std::size_t i = 0; i < in_group; ++i)
      under |= static_cast<unsigned>(hints[i] >> 32 == upper_half(hash)) << i;
    return under;
#endif
  }

  const Words& row_;
};

}  // namespace lagoon::core
