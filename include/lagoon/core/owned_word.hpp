#pragma once
/// One word that names who owns something: a lock, a turn to write. Whoever waits for it can tell,
/// by one look, whether the owner lives, and take over from a dead one.
///
/// The word is an Owner (see participants.hpp) with two flags in its low bits, and three in its
/// highest, which no generation reaches:
///   waiters  somebody may sleep on this word: giving it back must wake one
///   waking   one who slept has been woken and has not yet taken the word or gone back to sleep;
///            until then nobody else is woken
///   claimed  one who has waited long is awake and asks to be next: others let it pass
///   watched  one of the sleepers looks every millisecond whether the owner lives
///   ending   the object was erased while somebody owned the word: giving it back retires it
/// Sleepers wait on the low half, which holds flags, slot and part of the generation. How one waits
/// is core/contend.hpp, in src.
///
/// Every store that publishes, and what a SIGKILL right after it leaves
///   (1) take:      CAS free → me, acquire. Killed after: the word names a dead owner; the next
///                  taker takes over by (3).
///   (2) give back: plain store of "free", release. Killed before: as (1). Killed after, before
///                  the wake: sleepers look for themselves within one slice.
///   (3) take over: CAS dead owner → me, acquire. Exactly one rival's CAS succeeds. Killed after:
///                  as (1), with the newly dead one in the word.
///   (4) waiters:   CAS sets the flag. Killed after: one needless wake.
///   (5) waking:    set by (2), which clears `waiters` by it; cleared by the woken one's (1) or
///   (4),
///                  which set `waiters` again. If that one is killed: by a sleeper whose slice
///                  ends.
///   (6) end:       CAS free or dead owner → gone; or, of a living owner, CAS sets `ending`. Killed
///                  after: who gives back, or takes over, retires it.
///   (7) claimed:   CAS sets the flag, any (1), (3) or (4) clears it. Killed after: the next taker
///                  lets nobody pass, for some microseconds.
/// (2) is a load and a store, not a locked instruction (which would double the price of the pair).
/// A flag that another sets between the two is lost; a waiter then sleeps one slice at most, an
/// eraser looks again.
///
/// Memory orders: (1) and (3) are acquire and read the value written by the release (2), so the
/// new owner sees all that the last one did; (3) relies on is_dead's acquire for the same. (4) to
/// (7) are relaxed: flags carry no data, and what is gone is not looked at.
///
/// Progress: blocking among living owners; never blocked by a dead one. Not first come, first
/// served: who runs may overtake who sleeps, which is what makes it fast with more processes than
/// processors; but not who has been woken.

#include <lagoon/core/futex.hpp>
#include <lagoon/core/participants.hpp>

#include <boost/atomic/ipc_atomic.hpp>
#include <cstdint>

namespace lagoon::core {

enum class Taken : std::uint8_t {
  yes,        ///< from free
  from_dead,  ///< taken over: what it guards may be half-done
  no,         ///< the deadline passed
  is_mine,    ///< the caller owns it already
  is_gone,    ///< the object was erased
};

class OwnedWord {
 public:
  /// In the place of an owner: the object was erased and nobody owns it ever again.
  static constexpr Owner gone = ~(std::uint64_t{3} | std::uint64_t{7} << 61);

  /// Takes the word if it is free and nobody sleeps: one locked instruction.
  [[nodiscard]] bool take_at_once(Owner me) noexcept {
    std::uint64_t expected = 0;
    return word_.compare_exchange_strong(expected, me, boost::memory_order_acquire,  // (1)
                                         boost::memory_order_relaxed);
  }

  /// What to do when the caller is the owner already: nested turns are an error, a lock that
  /// another may release is waited for.
  enum class IfMine : std::uint8_t { say_so, wait };

  /// Takes the word; waits for a living owner until `deadline`.
  [[nodiscard]] Taken take(const Participants& table, Owner me, Deadline deadline,
                           IfMine if_mine = IfMine::say_so) {
    if (take_at_once(me)) [[likely]]
      return Taken::yes;
    return take_contended(table, me, deadline, if_mine);
  }
  /// The same for who has tried `take_at_once`.
  [[nodiscard]] Taken take_contended(const Participants& table, Owner me, Deadline deadline,
                                     IfMine if_mine);

  /// Only for its owner.
  void give_back(Owner me) noexcept {
    if (!give_back_at_once(me)) [[unlikely]]
      give_back_slow();
  }
  /// Gives the word back if it is the caller's and nobody sleeps.
  [[nodiscard]] bool give_back_at_once(Owner me) noexcept {
    if (word_.load(boost::memory_order_relaxed) != me) [[unlikely]]
      return false;
    word_.store(0, boost::memory_order_release);  // (2)
    return true;
  }

  /// Gives back what `owner` owned, for locks that anyone may release. False if it no longer did.
  bool give_back_of(Owner owner) noexcept;

  [[nodiscard]] bool owner_is(Owner me) const noexcept {
    return (word_.load(boost::memory_order_relaxed) & ~flags) == me;
  }
  [[nodiscard]] Owner owner() const noexcept {
    return word_.load(boost::memory_order_relaxed) & ~flags;
  }
  /// Whether nobody owns it, in one order with all that is sequentially consistent.
  [[nodiscard]] bool is_free_now() const noexcept {
    return (word_.load(boost::memory_order_seq_cst) & ~flags) == nobody;
  }
  /// For its owner, of an erased object: from here on everyone's take is `is_gone`.
  void retire() noexcept;
  /// The object is erased, by anyone: retires the word now if nobody who lives owns it; else giving
  /// it back will, for which this waits until the deadline (not if the caller is the owner).
  void end(Participants& table, Deadline deadline);
  /// For its owner: whether the object was erased meanwhile. Who took it from the dead retires it.
  [[nodiscard]] bool is_ending() const noexcept {
    return (word_.load(boost::memory_order_relaxed) & ending) != 0;
  }

 private:
  static constexpr std::uint64_t ending = std::uint64_t{1} << 63;
  static constexpr std::uint64_t flags = ~gone;

  void give_back_slow() noexcept;
  [[nodiscard]] const void* futex() const noexcept { return &word_; }

  boost::ipc_atomic<std::uint64_t> word_{0};
  static_assert(boost::ipc_atomic<std::uint64_t>::is_always_lock_free);
  static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the futex is the low half");
};
static_assert(sizeof(OwnedWord) == 8);

}  // namespace lagoon::core
