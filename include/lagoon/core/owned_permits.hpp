#pragma once
/// So many permits, each of which names who has it: what a bounded semaphore is. Those of the dead
/// come back.
///
/// Beside the permits lies a word for those who wait: the flags of core/contend.hpp, and the bit
/// that says that the object was erased.
///
/// Invariant: a permit is free (zero), or names the one who took it. How many are free is counted
/// by looking at them; it is written nowhere.
///
/// Every store that publishes, and what a SIGKILL right after it leaves
///   (1) take: CAS of a permit, free or a dead one's → me, acquire. Killed after: the permit
///       names a dead one; who finds none free takes it over.
///   (2) give: CAS of a permit, its owner → free, release. Killed after, before the wake: a sleeper
///       whose slice ends looks for itself.
///   (3) waking: CAS of the word. As (2).
/// A giver stores (2) and then looks at the word; who is about to sleep, or was woken and leaves
/// too late, sets `waiters` in the word and then looks at the permits. All four are sequentially
/// consistent, so one of the two sees the other.
///
/// Memory orders: (1) reads what (2) stored; or, of a dead one's, is_dead acquires.
///
/// Progress: giving is wait-free but for rivals for the same permit; taking is lock-free while a
/// permit is free, else it waits, for the living. A call looks at each permit once in the worst
/// case; it begins where others do not.

#include <lagoon/core/end_bit.hpp>
#include <lagoon/core/owned_word.hpp>
#include <lagoon/core/participants.hpp>
#include <lagoon/core/permit_count.hpp>

#include <boost/atomic/ipc_atomic.hpp>
#include <cstddef>
#include <cstdint>

namespace lagoon::core {

class OwnedPermits {
 public:
  static constexpr std::uint32_t most = 1U << 16;

  /// In zeroed memory, bytes_for(permits) of it.
  OwnedPermits(Participants& table, std::uint32_t permits) noexcept
      : count_(permits), table_(table) {}
  OwnedPermits(const OwnedPermits&) = delete;
  OwnedPermits& operator=(const OwnedPermits&) = delete;
  static constexpr std::size_t bytes_for(std::size_t permits) noexcept {
    return sizeof(OwnedPermits) + permits * sizeof(Permit);
  }

  /// Taken::yes, from_dead, no or is_gone.
  [[nodiscard]] Taken take(Deadline deadline) {
    const Owner me = table_->self();
    if (word_.load(boost::memory_order_relaxed) == 0 && exchange(spread(me, count_), nobody, me))
        [[likely]]
      return Taken::yes;
    return take_slowly(me, deadline);
  }
  /// One of the caller's; if it has none, another's. `too_many` if all are free.
  [[nodiscard]] Given give() {
    const Owner me = table_->self();
    if (!exchange(spread(me, count_), me, nobody)) [[unlikely]]
      return give_slowly(me);
    return word_.load() == 0 ? Given::yes : wake();
  }

  /// How many there are; how many nobody who lives has.
  [[nodiscard]] std::uint32_t count() const noexcept { return count_; }
  [[nodiscard]] std::uint32_t free() const noexcept;
  [[nodiscard]] bool is_gone() const noexcept {
    return (word_.load(boost::memory_order_relaxed) & end_bit) != 0;
  }

  /// Whether this, found at rest in a file, can be so many permits to those in that table.
  [[nodiscard]] bool is_sound(const Participants& table, std::uint64_t count) const noexcept {
    return table_.leads_to(table) && count_ == count && count_ != 0;
  }

 private:
  using Permit = boost::ipc_atomic<Owner>;

  [[nodiscard]] Permit* permits() noexcept { return reinterpret_cast<Permit*>(this + 1); }
  [[nodiscard]] const Permit* permits() const noexcept {
    return reinterpret_cast<const Permit*>(this + 1);
  }
  /// (1), (2) of the i-th.
  bool exchange(std::uint32_t i, Owner from, Owner to) noexcept {
    return permits()[i].load(boost::memory_order_relaxed) == from &&
           permits()[i].compare_exchange_strong(from, to, boost::memory_order_seq_cst,
                                                boost::memory_order_relaxed);
  }
  Taken take_slowly(Owner me, Deadline deadline);
  Given give_slowly(Owner me);
  /// f(permit) of each, from the caller's first one on, until it returns true; whether it did.
  template <class F>
  bool any(Owner me, F&& f);
  /// Wakes one, if one sleeps.
  Given wake();

  boost::ipc_atomic<std::uint64_t> word_{0};  // first: erasing sets its end_bit
  std::uint32_t count_;
  ParticipantsRef table_;
  // then the permits, on lines of their own
  [[maybe_unused]] std::byte unused_[40] = {};
};
static_assert(sizeof(OwnedPermits) == 64);

}  // namespace lagoon::core
