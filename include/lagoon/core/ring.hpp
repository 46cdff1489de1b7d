#pragma once
/// The order of what is in a queue: a row of positions, each of which is put once and taken once,
/// by one compare-and-swap each.
///
/// Position p lies in slot p mod R of a ring of R slots, R a power of two. A slot is one word:
///
///   63      34   33  32   31      0
///  [ lap : 30 | state : 2 | unit : 32 ]
///     empty   nobody has put position lap · R + i yet; below, who took the one a lap earlier
///     full    it was put; below, where in the memory it lies
///     closed  it is in the next ring, as all after it
///
/// and goes empty(lap) → full(lap) → empty(lap + 1) → …, by compare-and-swap only; so what was read
/// through a full word was still there if taking it by a compare-and-swap from that word succeeds.
/// Zero is a slot that was never used: empty, for whichever lap.
///
/// Invariants
///   R1  p is put only when all before it have been: who puts has gone through them from a position
///       of which that is known. So is taken.
///   R2  A message is put at p only when the slot of p + 1 is empty. So there is always a slot to
///       close the ring in, when it would be full: then the next ring, twice as large, is in the
///       table already. A ring that was closed is left alone, for good.
///   R3  `tail_` and `head_` are hints: no position before them is unput, or untaken. Anyone may
///       store an older one over a newer one: it costs a walk of a ring's length at most, since
///       each slot tells its lap.
///
/// Every store that publishes, and what a SIGKILL right after it leaves
///   (1) put:    CAS empty → full. Killed before: nothing. After: it is in the queue.
///   (2) take:   CAS full → empty. Killed before: nothing. After: it is taken.
///   (3) close:  CAS empty → closed. Who comes to it goes on in the next ring.
///   (4) hints:  killed before: the next one walks.
///
/// Memory orders
///   (1), (2) and the look (5) at a slot are sequentially consistent: who puts and then looks
///       whether somebody sleeps, and who says that it will sleep and then looks at the slot,
///       cannot miss each other. So for who takes from a full queue. They also make who takes see
///       what was written before (1), and who has seen that all before p are taken, that nobody
///       reads it any more whose (2) will succeed.
///   (4) is release and its load (6) acquire: who believes a hint knows what the one knew who
///       stored it: the ring that it is in, and that what is before it has been read.
///   (3) is release, and comes after an acquire (9) of what (8) released: who goes on in the next
///       ring finds it, zeroed.
///
/// Progress: lock-free: a CAS fails only because another's succeeded. Nobody waits for one who was
/// stopped or killed: there is nothing between "not put" and "put".
/// Limits: 2^58 positions; one who is stopped, while exactly a multiple of 2^30 laps go by, and is
/// then at the same place in the memory too, takes the last for the first.
///
/// Source: the lap in the slot is D. Vyukov's bounded MPMC queue (2010), without its two steps to
/// put; closing rings is A. Morrison and Y. Afek's LCRQ (PPoPP 2013).

#include <lagoon/core/processor.hpp>

#include <boost/atomic/ipc_atomic.hpp>
#include <cstddef>
#include <cstdint>

namespace lagoon::core {

class Ring {
 public:
  using Word = boost::ipc_atomic<std::uint64_t>;
  static constexpr unsigned most_rings = 32;

  /// A position, where it lies, and what was seen there.
  struct Spot {
    std::uint64_t position;
    unsigned ring;
    Word* slot;
    std::uint64_t word;

    [[nodiscard]] bool is_empty() const noexcept { return (word >> 32 & 3) == empty; }
    [[nodiscard]] bool is_full() const noexcept { return (word >> 32 & 3) == full; }
    [[nodiscard]] std::uint32_t unit() const noexcept { return static_cast<std::uint32_t>(word); }
    /// Of an empty one: who took what was there; zero if nobody has said so.
    [[nodiscard]] std::uint32_t taker() const noexcept { return unit(); }
    [[nodiscard]] bool is_still_there() const noexcept {
      return slot->load(boost::memory_order_relaxed) == word;
    }
  };

  /// `base` is where the memory begins, from which all is counted; at `first` in it lie 2^log
  /// zeroed slots.
  Ring(const std::byte* base, std::uint64_t first, unsigned log) noexcept
      : at_(static_cast<std::uint64_t>(reinterpret_cast<const std::byte*>(this) - base)),
        first_log_(log) {
    rings_[0].store(first, boost::memory_order_relaxed);
  }
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;

  /// The first position that nobody has put. One that is_full(), or whose word is of an earlier
  /// lap, cannot be put at: look again.
  [[nodiscard]] Spot tail() const noexcept { return seek<true>(tail_); }
  /// The first that nobody has taken; not is_full(): the queue is empty.
  [[nodiscard]] Spot head() const noexcept { return seek<false>(head_); }

  /// Whether what was put at that position is there; else it was taken, or nobody has put it yet.
  [[nodiscard]] bool has(const Spot& s) const noexcept {
    return s.is_full() && laps_ahead(s.word, s.position, s.ring) == 0;
  }
  /// The position behind, for who knows by tail() what was put there.
  [[nodiscard]] Spot next(Spot s) const noexcept {
    for (++s.position;; ++s.ring) {
      s.slot = &slots(s.ring)[s.position & mask(s.ring)];
      s.word = s.slot->load(boost::memory_order_relaxed);
      const bool is_closed = (s.word >> 32 & 3) == closed && s.ring + 1 < most_rings &&
                             laps_ahead(s.word, s.position, s.ring) == 0;
      if (!is_closed) return s;
    }
  }

  /// Whether there is room behind it to close the ring later (R2); else `close` it.
  [[nodiscard]] bool has_room(const Spot& s) const noexcept {
    const std::uint64_t next =
        slots(s.ring)[(s.position + 1) & mask(s.ring)].load(boost::memory_order_relaxed);
    return next == 0 || laps_ahead(next, s.position + 1, s.ring) >= 0;
  }
  /// False if another was faster.
  bool put(const Spot& s, std::uint32_t unit) noexcept {
    std::uint64_t seen = s.word;
    if (!s.slot->compare_exchange_strong(seen, word(s, full, unit), boost::memory_order_seq_cst,
                                         boost::memory_order_relaxed))  // (1)
      return false;
    advance(tail_, s);
    return true;
  }
  /// Leaves `taker` in the slot.
  bool take(const Spot& s, std::uint32_t taker = 0) noexcept {
    std::uint64_t seen = s.word;
    if (!s.slot->compare_exchange_strong(seen, taken_word(s, taker), boost::memory_order_seq_cst,
                                         boost::memory_order_relaxed))  // (2)
      return false;
    advance(head_, s);
    return true;
  }
  /// Where what is taken next may lie: one who takes says it to the others, and nobody relies on
  /// it.
  void guess_next(std::uint32_t unit) noexcept { guess_.store(unit, boost::memory_order_relaxed); }
  [[nodiscard]] std::uint32_t guess() const noexcept {
    return guess_.load(boost::memory_order_relaxed);
  }
  /// Who waits for a position says so. Whether any were taken before it that nobody had to wait
  /// for, since somebody waited last: then they come in a stream.
  bool wait_for(std::uint64_t position) noexcept {
    const std::uint64_t before = waited_for_.load(boost::memory_order_relaxed);
    waited_for_.store(position, boost::memory_order_relaxed);
    return position > before + 1;
  }
  /// Where the tail is if nobody was faster, without a look: as though it were empty, and nobody
  /// had said who took what was there.
  [[nodiscard]] Spot likely_tail() const noexcept {
    Spot s = at(tail_);
    s.slot = &slots(s.ring)[s.position & mask(s.ring)];
    s.word = word(s, empty, 0);
    return s;
  }
  /// Whether there is room behind it, as far as who has seen the head there knows.
  [[nodiscard]] bool has_room(const Spot& s, std::uint64_t head) const noexcept {
    return s.position + 1 - head <= mask(s.ring);
  }
  /// Whether it was `taker` who took what was at this position: as long as nobody has put the next
  /// one there.
  [[nodiscard]] bool was_taken_by(std::uint64_t position, unsigned ring,
                                  std::uint32_t taker) const noexcept {
    const Spot s{position, ring, &slots(ring)[position & mask(ring)], 0};
    return s.slot->load(boost::memory_order_acquire) == taken_word(s, taker);  // (7)
  }
  /// The one before, in the same slot.
  [[nodiscard]] std::uint64_t a_lap_before(const Spot& s) const noexcept {
    return s.position - mask(s.ring) - 1;
  }
  /// Goes on in the next ring. False, and nothing is done, if there is none: `add` it.
  bool close(const Spot& s) noexcept;

  /// How many rings there are; where the i-th begins, and its size.
  [[nodiscard]] unsigned rings() const noexcept;
  [[nodiscard]] std::uint64_t offset(unsigned ring) const noexcept {
    return rings_[ring].load(boost::memory_order_relaxed);
  }
  [[nodiscard]] std::size_t bytes(unsigned ring) const noexcept {
    return (mask(ring) + 1) * sizeof(Word);
  }
  /// One more, of so many zeroed bytes. One at a time.
  void add(std::uint64_t offset) noexcept {
    rings_[rings()].store(offset, boost::memory_order_release);  // (8)
  }

  /// Whether this is such a row of slots, as it was made by (base, first, log), in so many bytes of
  /// memory, and each full one leads to a unit below `units`.
  [[nodiscard]] bool is_sound(const std::byte* base, std::uint64_t first, unsigned log,
                              std::uint64_t bytes, std::uint64_t units) const noexcept;

 private:
  enum State : std::uint64_t { empty, full, closed };

  [[nodiscard]] Word* slots(unsigned ring) const noexcept {
    const auto* base = reinterpret_cast<const std::byte*>(this) - at_;
    return reinterpret_cast<Word*>(const_cast<std::byte*>(base) +
                                   rings_[ring].load(boost::memory_order_relaxed));
  }
  [[nodiscard]] std::uint64_t mask(unsigned ring) const noexcept {
    return (std::uint64_t{1} << (first_log_ + ring)) - 1;
  }
  [[nodiscard]] std::uint64_t word(const Spot& s, State state, std::uint32_t unit,
                                   std::uint64_t laps = 0) const noexcept {
    return ((s.position >> (first_log_ + s.ring)) + laps) << 34 | state << 32 | unit;
  }
  [[nodiscard]] std::uint64_t taken_word(const Spot& s, std::uint32_t taker) const noexcept {
    return word(s, empty, taker, 1);
  }
  /// How many laps the word is ahead of a position.
  [[nodiscard]] std::int64_t laps_ahead(std::uint64_t seen, std::uint64_t position,
                                        unsigned ring) const noexcept {
    const std::uint64_t laps = (seen >> 34) - (position >> (first_log_ + ring));
    return static_cast<std::int64_t>(laps << 34) >> 34;
  }
  static constexpr unsigned position_bits = 58;
  static Spot at(const Word& hint) noexcept {
    const std::uint64_t there = hint.load(boost::memory_order_acquire);  // (6)
    return {there & ((std::uint64_t{1} << position_bits) - 1),
            static_cast<unsigned>(there >> position_bits), nullptr, 0};
  }
  static void advance(Word& hint, const Spot& s) noexcept {
    const std::uint64_t next = std::uint64_t{s.ring} << position_bits | (s.position + 1);
    if (hint.load(boost::memory_order_relaxed) < next)
      hint.store(next, boost::memory_order_release);  // (4)
  }
  template <bool to_put>
  [[nodiscard]] Spot seek(const Word& hint) const noexcept {
    Spot s = at(hint);
    for (;;) {
      s.slot = &slots(s.ring)[s.position & mask(s.ring)];
      s.word = s.slot->load(boost::memory_order_seq_cst);  // (5)
      if (s.word == 0) return s;
      const std::int64_t laps = laps_ahead(s.word, s.position, s.ring);
      const auto state = static_cast<State>(s.word >> 32 & 3);
      if (laps < 0 || (laps == 0 && (state == empty || (!to_put && state == full)))) return s;
      if (laps == 0 && state == closed) {
        if (s.ring + 1 == most_rings) return s;
        ++s.ring;
        continue;
      }
      // It tells of a position that was put, and of the one before it in this slot that was taken.
      const auto lap = static_cast<std::int64_t>(mask(s.ring) + 1);
      const bool of_this_lap = to_put && state != empty;
      s.position += static_cast<std::uint64_t>((laps - (of_this_lap ? 0 : 1)) * lap +
                                               (to_put && state == closed ? 0 : 1));
    }
  }

  const std::uint64_t at_;
  const unsigned first_log_;
  Word rings_[most_rings] = {};
  alignas(64) Word tail_{0};
  alignas(64) Word head_{0};
  boost::ipc_atomic<std::uint32_t> guess_{0};
  Word waited_for_{0};
};

}  // namespace lagoon::core
