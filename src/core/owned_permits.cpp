#include <lagoon/core/owned_permits.hpp>

#include "contend.hpp"

namespace lagoon::core {

using boost::memory_order_relaxed;
using contention::Attempt;

template <class F>
bool OwnedPermits::any(Owner me, F&& f) {
  const std::uint32_t first = spread(me, count_);
  for (std::uint32_t i = first; i < count_; ++i)
    if (f(permits()[i])) return true;
  for (std::uint32_t i = 0; i < first; ++i)
    if (f(permits()[i])) return true;
  return false;
}

Taken OwnedPermits::take_slowly(Owner me, Deadline deadline) {
  struct Subject {
    OwnedPermits& all;
    Owner me;

    static constexpr bool is_apart() noexcept { return true; }
    [[nodiscard]] Owner waiter() const noexcept { return me; }
    [[nodiscard]] const Participants& participants() const noexcept { return *all.table_; }
    [[nodiscard]] contention::Word& word() const noexcept { return all.word_; }
    [[nodiscard]] bool is_free(std::uint64_t) const noexcept {
      return all.any(me, [](Permit& permit) { return permit.load() == nobody; });
    }
    [[nodiscard]] bool take(bool from_dead) const noexcept {
      return all.any(me, [&](Permit& permit) {
        Owner owner = permit.load();
        if (from_dead ? owner == nobody || !all.table_->is_dead(owner) : owner != nobody)
          return false;
        return permit.compare_exchange_strong(owner, me, boost::memory_order_acquire,  // (1)
                                              memory_order_relaxed);
      });
    }
    [[nodiscard]] Attempt attempt(std::uint64_t seen, std::uint64_t kept,
                                  bool look_for_dead) const noexcept {
      if ((seen & end_bit) != 0) return Attempt::is_gone;
      const bool free = take(false);
      if (!free && !(look_for_dead && take(true))) return Attempt::busy;
      // Only the flags that were seen go: what others set meanwhile stays.
      if (const auto gone = seen & contention::flags & ~kept; gone != 0)
        word().fetch_and(~gone, memory_order_relaxed);
      if (const auto added = kept & ~seen; added != 0) word().fetch_or(added);
      return free ? Attempt::yes : Attempt::from_dead;
    }
  } subject{*this, me};
  const Taken taken = contention::contend(subject, deadline);
  if (taken <= Taken::from_dead) contention::wake_if_free(subject);
  return taken;
}

Given OwnedPermits::give_slowly(Owner me) {
  if (is_gone()) return Given::is_gone;
  const auto free = [&](bool mine) {
    return any(me, [&](Permit& permit) {
      Owner owner = permit.load(memory_order_relaxed);
      if (mine ? owner != me : owner == nobody) return false;
      return permit.compare_exchange_strong(owner, nobody, boost::memory_order_seq_cst,  // (2)
                                            memory_order_relaxed);
    });
  };
  return free(true) || free(false) ? wake() : Given::too_many;
}

Given OwnedPermits::wake() {
  std::uint64_t seen = word_.load();
  while (contention::must_wake(seen)) {
    const std::uint64_t left = (seen & ~contention::flags) | contention::left_behind(seen);
    if (!word_.compare_exchange_weak(seen, left, memory_order_relaxed)) continue;  // (3)
    contention::wake_one(word_);
    break;
  }
  return (seen & end_bit) == 0 ? Given::yes : Given::is_gone;
}

std::uint32_t OwnedPermits::free() const noexcept {
  std::uint32_t found = 0;
  for (std::uint32_t i = 0; i < count_; ++i) {
    const Owner owner = permits()[i].load(memory_order_relaxed);
    if (owner == nobody || table_->is_dead(owner)) ++found;
  }
  return found;
}

}  // namespace lagoon::core
