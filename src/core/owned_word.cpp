#include <lagoon/core/backoff.hpp>
#include <lagoon/core/owned_word.hpp>

#include "contend.hpp"

namespace lagoon::core {

using contention::Attempt;

using boost::memory_order_acquire;
using boost::memory_order_relaxed;
using boost::memory_order_release;

Taken OwnedWord::take_contended(const Participants& table, Owner me, Deadline deadline,
                                IfMine if_mine) {
  static_assert((contention::flags | ending) == flags);
  struct Subject {
    contention::Word& contended;
    const Participants& table;
    Owner me;
    IfMine if_mine;

    static constexpr bool is_apart() noexcept { return false; }
    [[nodiscard]] Owner waiter() const noexcept { return me; }
    [[nodiscard]] const Participants& participants() const noexcept { return table; }
    [[nodiscard]] contention::Word& word() const noexcept { return contended; }
    static bool is_free(std::uint64_t seen) noexcept { return (seen & ~flags) == nobody; }
    [[nodiscard]] Attempt attempt(std::uint64_t seen, std::uint64_t kept,
                                  bool look_for_dead) const noexcept {
      const Owner owner = seen & ~flags;
      if (owner == gone) return Attempt::is_gone;
      if (owner == me && if_mine == IfMine::say_so) return Attempt::is_mine;
      if (owner != nobody && !(look_for_dead && table.is_dead(owner))) return Attempt::busy;
      if (!contended.compare_exchange_weak(seen, me | (seen & ending) | kept,  // (1), (3)
                                           memory_order_acquire, memory_order_relaxed))
        return Attempt::missed;
      return owner == nobody ? Attempt::yes : Attempt::from_dead;
    }
  };
  return contention::contend(Subject{word_, table, me, if_mine}, deadline);
}

void OwnedWord::give_back_slow() noexcept {
  const std::uint64_t seen = word_.load(memory_order_relaxed);
  if ((seen & ending) != 0) return retire();
  word_.store(contention::left_behind(seen), memory_order_release);  // (2), (5)
  if (contention::must_wake(seen)) contention::wake_one(word_);
}

bool OwnedWord::give_back_of(Owner owner) noexcept {
  std::uint64_t seen = word_.load(memory_order_relaxed);
  for (;;) {
    if ((seen & ~flags) != owner) return false;
    const bool ends = (seen & ending) != 0;
    if (!word_.compare_exchange_weak(seen, ends ? gone : contention::left_behind(seen),
                                     memory_order_release, memory_order_relaxed))
      continue;
    if (ends)
      futex_wake(futex());
    else if (contention::must_wake(seen))
      contention::wake_one(word_);
    return true;
  }
}

void OwnedWord::retire() noexcept {
  word_.store(gone, memory_order_relaxed);
  futex_wake(futex());
}

void OwnedWord::end(Participants& table, Deadline deadline) {
  const Owner me = table.self();
  Backoff backoff;
  for (;;) {
    std::uint64_t seen = word_.load(memory_order_relaxed);
    const Owner owner = seen & ~flags;
    if (owner == gone) return;
    if (owner == nobody || table.is_dead(owner)) {
      if (!word_.compare_exchange_strong(seen, gone, memory_order_relaxed)) continue;  // (6)
      futex_wake(futex());
      return;
    }
    if ((seen & ending) == 0 &&
        !word_.compare_exchange_strong(seen, seen | ending, memory_order_relaxed))  // (6)
      continue;
    if (owner == me || deadline.passed()) return;
    // Whoever was just giving it back may have stored over the flag: look again.
    if (!backoff.wait()) wait_slice(futex(), static_cast<std::uint32_t>(seen), deadline);
  }
}

}  // namespace lagoon::core
