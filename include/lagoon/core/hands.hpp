#pragma once
/// Who has which task in its hands: what was taken from a queue and is not done yet. When one dies
/// its tasks are handed out again.
///
///   hand  [ Owner ]  [ position : 62 | state : 2 ]  [ ring ]  [ unit ]      so many, in pieces
///           free    nothing is in it
///           wants   its owner tries to take what is at this position
///           holds   it has it, until it is done
///
/// Who takes a task writes down in a hand of its own what it wants, then takes it from the ring, by
/// a compare-and-swap that leaves the number of the hand in the slot (ring.hpp), then says that it
/// holds it. Who needs the slot next says so in its place first: so whether one who wanted had it
/// can be told from the slot as long as the hand does not say it.
///
/// Invariants
///   H1  While a hand wants or holds, the memory at `unit` is not used again.
///   H2  A slot with a hand's number is put in again only when that hand does not want what was
///       there: it holds it, or has done so.
///
/// Every store that publishes, and what a SIGKILL right after it leaves
///   (1) a hand's owner: CAS nobody, or a dead one → me.
///   (2) wants:  after unit and ring. Killed before the take: the slot does not name the hand, or
///               does not any more while this does not say that it holds: it has nothing.
///   (3) holds:  CAS wants → holds, by its owner or who needs the slot. Killed before: the slot
///               names the hand.
///   (4) done:   CAS holds → free, so once, whoever does it.
///   (5) an heir: CAS a dead owner → me, of a hand that holds. Exactly one succeeds. Killed after:
///               a hand of a dead one, as before.
///
/// Memory orders
///   (2) is relaxed: who takes what was wanted releases it after that, and whoever asks a hand of
///       somebody who lives has seen by the ring that it was taken. Of the dead is_dead acquires,
///       for (5) too.
///   (3) comes before the slot is put in again, which is released; who finds that, at (7) of
///       ring.hpp, and then looks at the hand again, sees it.
///   (4), and the looks of who waits for all to be done, are sequentially consistent, with the word
///       by which those are told. The look (6) is acquire, so that the memory of what is done is
///       not written before who inherited it has copied it.
///   (1) is acquire and (11) release: what was stored in the hand for a dead one is not stored
///       after what its next owner stores there. Of who was done with it (12) that one knows
///       enough: that what it had was taken.
///   (8) is release and (10) acquire: who takes a hand in a new piece finds it empty. `used_`,
///   which
///       comes after that, is raised by release and looked at by acquire (9): hands that are known
///       to be used are there.
///
/// Progress: lock-free. A call looks at each hand once in the worst case: at as many as have been
/// in use at a time.

#include <lagoon/core/participants.hpp>
#include <lagoon/core/ring.hpp>

#include <array>
#include <boost/atomic/ipc_atomic.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace lagoon::core {

class Hands {
 public:
  struct alignas(64) Hand {
    boost::ipc_atomic<Owner> owner;
    boost::ipc_atomic<std::uint64_t> task;
    boost::ipc_atomic<std::uint32_t> ring;
    boost::ipc_atomic<std::uint32_t> unit;
  };
  /// In the first piece; each piece has twice as many as the one before.
  static constexpr std::uint32_t first = 64;
  static constexpr unsigned most_pieces = 16;
  static constexpr std::size_t bytes_of(unsigned piece) noexcept {
    return (sizeof(Hand) * first) << piece;
  }

  explicit Hands(const std::byte* base) noexcept
      : at_(static_cast<std::uint64_t>(reinterpret_cast<const std::byte*>(this) - base)) {}
  Hands(const Hands&) = delete;
  Hands& operator=(const Hands&) = delete;

  /// The number of a free one for the caller; zero: `add` a piece.
  [[nodiscard]] std::uint32_t take(const Participants& table, Owner me, const Ring& ring) noexcept;
  /// The caller's hand wants what is there.
  void want(std::uint32_t number, const Ring::Spot& spot) noexcept {
    Hand& h = hand(number);
    h.unit.store(spot.unit(), relaxed);
    h.ring.store(spot.ring, relaxed);
    h.task.store(task(spot.position, wants), relaxed);  // (2)
  }
  /// It does not any more.
  void let_go(std::uint32_t number) noexcept { hand(number).task.store(free, relaxed); }
  /// The hand that is named in a slot holds what was at that position, if it does not say so.
  void settle(std::uint32_t number, std::uint64_t position) noexcept {
    if (number > used()) [[unlikely]]
      return;  // what names it is damaged
    Hand& h = hand(number);
    std::uint64_t seen = h.task.load(relaxed);
    if (seen == task(position, wants))
      h.task.compare_exchange_strong(seen, task(position, holds), relaxed);  // (3)
  }
  /// A task of a dead one for the caller. copy(unit) is called before it is had, maybe for several.
  template <class Copy>
  bool inherit(const Participants& table, Owner me, const Ring& ring, Copy&& copy);
  /// One is done: of the caller's the one that was taken first; if it has none, of all.
  [[nodiscard]] bool done(Owner me, const Ring& ring) noexcept;

  /// Whether any holds something.
  [[nodiscard]] bool any_holds(const Ring& ring) noexcept {
    for (std::uint32_t number = 1; number <= used(); ++number)
      if (held(number, ring)) return true;
    return false;
  }
  /// Whether any wants or holds something that lies there.
  [[nodiscard]] bool any_has(std::uint32_t begin, std::uint32_t end) const noexcept {
    for (std::uint32_t number = 1; number <= used(); ++number) {
      const Hand& h = hand(number);
      if (h.task.load(boost::memory_order_acquire) == free) continue;  // (6)
      if (const std::uint32_t unit = h.unit.load(relaxed); begin <= unit && unit < end) return true;
    }
    return false;
  }

  /// Calls f(position, unit, is_still_held) with each task that somebody has.
  template <class F>
  void for_each_held(const Ring& ring, F&& f) {
    for (std::uint32_t number = 1; number <= used(); ++number)
      if (const auto position = held(number, ring))
        f(*position, hand(number).unit.load(relaxed),
          [&, number] { return held(number, ring) == position; });
  }

  [[nodiscard]] unsigned pieces() const noexcept {
    unsigned count = 0;
    while (count < most_pieces && pieces_[count].load(boost::memory_order_acquire) != 0)  // (10)
      ++count;
    return count;
  }
  [[nodiscard]] std::uint64_t offset(unsigned piece) const noexcept {
    return pieces_[piece].load(relaxed);
  }
  /// One more piece, of so many zeroed bytes. One at a time.
  void add(std::uint64_t offset) noexcept {
    pieces_[pieces()].store(offset, boost::memory_order_release);  // (8)
  }
  [[nodiscard]] bool is_sound(const std::byte* base, std::uint64_t bytes, std::uint64_t units,
                              const Ring& ring) const noexcept;

 private:
  static constexpr auto relaxed = boost::memory_order_relaxed;
  enum State : std::uint64_t { free, wants, holds };
  static constexpr std::uint64_t task(std::uint64_t position, State state) noexcept {
    return position << 2 | state;
  }

  /// By number, from one on.
  [[nodiscard]] Hand& hand(std::uint32_t number) const noexcept {
    const std::uint32_t i = number - 1 + first;
    const auto piece = static_cast<unsigned>(31 - __builtin_clz(i / first));
    const auto* base = reinterpret_cast<const std::byte*>(this) - at_;
    return reinterpret_cast<Hand*>(const_cast<std::byte*>(base) +
                                   pieces_[piece].load(relaxed))[i - (first << piece)];
  }
  [[nodiscard]] std::uint32_t used() const noexcept {
    return used_.load(boost::memory_order_acquire);  // (9)
  }
  [[nodiscard]] boost::ipc_atomic<std::uint32_t>& hint(Owner owner) noexcept {
    return hints_[(owner >> 2) % hints_.size()];
  }
  /// The position of what it holds; says for its owner that it does, if the slot says so.
  std::optional<std::uint64_t> held(std::uint32_t number, const Ring& ring) noexcept;
  bool make_mine(std::uint32_t number, const Participants& table, Owner me,
                 const Ring& ring) noexcept;

  const std::uint64_t at_;
  boost::ipc_atomic<std::uint32_t> used_{0};  // those above have never been taken
  std::array<boost::ipc_atomic<std::uint64_t>, most_pieces> pieces_{};
  std::array<boost::ipc_atomic<std::uint32_t>, 128> hints_{};  // by owner: a hand of its own
};

template <class Copy>
bool Hands::inherit(const Participants& table, Owner me, const Ring& ring, Copy&& copy) {
  for (std::uint32_t number = 1; number <= used(); ++number) {
    Hand& h = hand(number);
    Owner owner = h.owner.load(relaxed);
    if (owner == nobody || owner == me || h.task.load(relaxed) == free || !table.is_dead(owner))
      continue;
    const std::optional<std::uint64_t> position = held(number, ring);
    if (!position) {  // what it wanted another has: that memory is not needed for it
      if (make_mine(number, table, me, ring))
        h.owner.store(nobody, boost::memory_order_release);  // (11)
      continue;
    }
    copy(h.unit.load(relaxed));
    if (h.owner.compare_exchange_strong(owner, me, relaxed, relaxed) &&  // (5)
        h.task.load(relaxed) == task(*position, holds))
      return true;
  }
  return false;
}

}  // namespace lagoon::core
