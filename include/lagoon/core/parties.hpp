#pragma once
/// So many parties that wait for each other, round after round: what a barrier is.
///
///   word   63       62 … 19   18 … 3     2        1        0
///         [ erased | round   | arrived | acting | broken | somebody waits ]
///   place [ Owner ] [ its round ] [ the round it was left out of ]    two for each party, or more
///
/// Who arrives takes a place, writes the round into it, and is counted by one CAS of the word. The
/// one who completes the number goes to the next round by the same CAS; if it has something to do
/// first, it says `acting` by it, and goes on by a second one. Places name who is in a round, so
/// that one who is dead can be found: by the last to arrive, and by those who wait, between slices.
///
/// Invariants
///   B1  Rounds only grow. A place whose round is not the word's belongs to nobody in this round:
///       to one who has not arrived, has not yet woken up after its round, or died in an earlier
///       one.
///   B2  Only its owner changes the round of a place; a place is taken from nobody, or from the
///       dead, and then only when the round that it died in is over or broken.
///
/// Every store that publishes, and what a SIGKILL right after it leaves
///   (1) a place's owner: CAS nobody or dead → me. Killed: the place is a dead one's of an older
///       round, and can be taken.
///   (2) its round. Killed: a dead one in this round, not counted. Who finds it breaks the barrier:
///       it died as it arrived.
///   (3) arrived + 1, or the next round. Killed: it has arrived, and died waiting; or the round is
///       over and it did no harm. Killed before the wake-up: those who sleep look for themselves.
///   (4) acting, and the next round after it. Killed in between: its place is in the round; who
///       finds it breaks the barrier.
///   (5) broken: CAS of a word of this round; whoever does it saw a dead one, ran out of time
///       before all had come, or was told to. Killed before the wake-up: as (3).
///   (6) reset: broken and acting at once, by one CAS (a barrier that was broken before stays so);
///       then the round into `left out of` of each place that is in it; then the next round. Who
///       comes in between goes on with it: nobody who was let go by a reset finds the barrier
///       broken when it comes again. Killed in between: the same.
///   (7) a place given back. Killed before: B1.
/// One who slept through the end of its round finds in its place whether it was left out, which
/// later rounds do not overwrite: the place is in that round as long as it is the sleeper's.
///
/// Memory orders: (3) to (6) are release, and who goes on, or is told that it is broken, has read
/// by acquire a word that grew from them by read-modify-writes: it sees what was done before each
/// of the arrivals, and by who broke it. It sees the rounds of all who have arrived (2), and of
/// whom a reset has left out, (6), too. (1) acquires (7), so that a place's rounds are stored one
/// after the other; (2) releases (1), for who finds a dead one in a place and looks whether it is
/// another's by now.
///
/// Progress: blocking: everybody waits for everybody; nobody waits for the dead.

#include <lagoon/core/end_bit.hpp>
#include <lagoon/core/futex.hpp>
#include <lagoon/core/participants.hpp>

#include <algorithm>
#include <boost/atomic/ipc_atomic.hpp>
#include <cstddef>
#include <cstdint>

namespace lagoon::core {

class Parties {
 public:
  static constexpr std::uint32_t most = 0x7fff;

  /// In zeroed memory, bytes_for(count) of it.
  Parties(Participants& table, std::uint32_t count) noexcept : count_(count), table_(table) {}
  Parties(const Parties&) = delete;
  Parties& operator=(const Parties&) = delete;
  static constexpr std::size_t bytes_for(std::size_t count) noexcept {
    return sizeof(Parties) + places_for(count) * sizeof(Place);
  }

  enum class Outcome : std::uint8_t {
    passed,
    acts,  ///< all are there, and wait for this one, who calls `acted`
    broken,
    is_gone,
  };
  struct Arrival {
    Outcome outcome;
    std::uint32_t index = 0;  ///< how many came before
    std::uint32_t place = 0;
  };
  /// Waits for the others; breaks the barrier if the deadline passes first. With `to_act`, the last
  /// one to arrive is told to act, and the others wait until it has.
  [[nodiscard]] Arrival wait(Deadline deadline, bool to_act);
  /// Lets the others go, or breaks the barrier.
  Outcome acted(const Arrival& arrival, bool well) noexcept;

  /// These are false if the object was erased.
  bool abort() noexcept;
  /// Whole again and empty; those who wait are told that it was broken.
  bool reset() noexcept;

  [[nodiscard]] std::uint32_t count() const noexcept { return count_; }
  /// How many have arrived in a round that is neither full nor broken.
  [[nodiscard]] std::uint32_t waiting() const noexcept;
  /// How many rounds have ended.
  [[nodiscard]] std::uint64_t rounds_ended() const noexcept {
    return (word_.load(boost::memory_order_relaxed) & rounds) / one_round - 1;
  }
  [[nodiscard]] bool is_broken() const noexcept {
    return (word_.load(boost::memory_order_acquire) & resetting) == broken;
  }
  [[nodiscard]] bool is_gone() const noexcept {
    return (word_.load(boost::memory_order_relaxed) & end_bit) != 0;
  }
  [[nodiscard]] const Participants& table() const noexcept { return *table_; }

  /// Whether this, found at rest in a file, can be a barrier of `count` parties in that table.
  [[nodiscard]] bool is_sound(const Participants& table, std::uint64_t count) const noexcept;

 private:
  struct Place {
    boost::ipc_atomic<Owner> owner;
    boost::ipc_atomic<std::uint64_t> round;
    boost::ipc_atomic<std::uint64_t> left_out_of;
    std::uint64_t unused;
  };
  static constexpr std::uint64_t broken = 2;
  static constexpr std::uint64_t acting = 4;
  static constexpr std::uint64_t resetting = broken | acting;
  static constexpr std::uint64_t one = 8;
  static constexpr std::uint64_t arrived = 0xffff * one;
  static constexpr std::uint64_t one_round = std::uint64_t{1} << 19;
  // Zero is no round: places begin with it.
  static constexpr std::uint64_t rounds = ~end_bit & ~(one_round - 1);

  static constexpr std::size_t places_for(std::size_t count) noexcept {
    return std::max<std::size_t>(2 * count, 8);
  }
  [[nodiscard]] Place& place(std::uint32_t i) noexcept {
    return reinterpret_cast<Place*>(this + 1)[i];
  }
  [[nodiscard]] const Place& place(std::uint32_t i) const noexcept {
    return reinterpret_cast<const Place*>(this + 1)[i];
  }
  [[nodiscard]] std::uint32_t places() const noexcept {
    return static_cast<std::uint32_t>(places_for(count_));
  }
  /// A place for the calling thread, if one is free now.
  [[nodiscard]] bool take_place(Owner me, std::uint32_t& at) noexcept;
  void give_place_back(std::uint32_t at) noexcept {
    place(at).owner.store(nobody, boost::memory_order_release);  // (7)
  }
  /// Whether one who is in that round has died.
  [[nodiscard]] bool has_dead(std::uint64_t round) noexcept;
  /// Whether this is the word of that round, which goes on.
  static constexpr bool is_in(std::uint64_t seen, std::uint64_t round) noexcept {
    return (seen & (rounds | broken | end_bit)) == round;
  }
  /// Whether it was broken by a reset that has not come to its end.
  static constexpr bool is_resetting(std::uint64_t seen) noexcept {
    return (seen & (resetting | end_bit)) == resetting;
  }
  /// Breaks the barrier, if it is still in that round, and the word has none of the bits `unless`;
  /// whether it did.
  bool break_round(std::uint64_t round, std::uint64_t unless = 0,
                   std::uint64_t as = broken) noexcept;
  /// From that round, which is broken, to the next one, unless another has done it.
  void finish_reset(std::uint64_t round) noexcept;
  /// Waits for the end of that round, and breaks it at the deadline, unless all have come by then
  /// and one acts: nobody calls that back. What the word said last.
  std::uint64_t sit_out(std::uint64_t round, Deadline deadline);
  /// What a round that has ended, or was broken, was for who was in it.
  [[nodiscard]] Outcome outcome_of(std::uint64_t seen, std::uint64_t round,
                                   std::uint32_t at) noexcept;

  boost::ipc_atomic<std::uint64_t> word_{one_round};  // first: erasing sets its end_bit
  std::uint32_t count_;
  ParticipantsRef table_;
  [[maybe_unused]] std::byte unused_[40] = {};  // the places are on lines of their own
};
static_assert(sizeof(Parties) == 64);

}  // namespace lagoon::core
