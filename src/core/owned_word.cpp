#include <lagoon/core/backoff.hpp>
#include <lagoon/core/owned_word.hpp>

namespace lagoon::core {

using boost::memory_order_acquire;
using boost::memory_order_relaxed;
using boost::memory_order_release;

Taken OwnedWord::take_contended(const Participants& table, Owner me, Deadline deadline,
                                IfMine if_mine) {
  Backoff backoff;
  bool slept = false;  // then this one may be the woken one, and others may still sleep
  for (;;) {
    std::uint64_t seen = word_.load(memory_order_relaxed);
    const Owner owner = seen & ~flags;
    // Whoever has slept takes the word with `waiters` set: it cannot know who else sleeps.
    const std::uint64_t kept = (seen & ending) | (slept ? waiters : seen & flags);
    if (owner == nobody) {
      if (word_.compare_exchange_weak(seen, me | kept, memory_order_acquire,  // (1)
                                      memory_order_relaxed))
        return Taken::yes;
      continue;
    }
    if (owner == me && if_mine == IfMine::say_so) return Taken::is_mine;
    if (owner == gone) return Taken::is_gone;
    if (deadline.passed() && !table.is_dead(owner)) return Taken::no;
    if (backoff.wait()) continue;

    if (table.is_dead(owner)) {
      if (word_.compare_exchange_strong(seen, me | kept, memory_order_acquire,  // (3)
                                        memory_order_relaxed))
        return Taken::from_dead;
      continue;
    }
    const std::uint64_t asleep = owner | waiters | (seen & ending) | (slept ? 0 : seen & waking);
    if (asleep != seen &&
        !word_.compare_exchange_strong(seen, asleep, memory_order_relaxed))  // (4), (5)
      continue;
    if (wait_slice(futex(), static_cast<std::uint32_t>(asleep), deadline) == Woken::by_time)
      word_.fetch_and(~waking, memory_order_relaxed);  // (5): the woken one may have been killed
    else
      backoff.reset();
    slept = true;
  }
}

void OwnedWord::wake_one() noexcept {
  if (futex_wake(futex(), 1) != 0) return;
  std::uint64_t idle = waiters | waking;  // nobody slept: forget the flags, if it is still free
  word_.compare_exchange_strong(idle, 0, memory_order_relaxed);
}

void OwnedWord::give_back_slow() noexcept {
  const std::uint64_t seen = word_.load(memory_order_relaxed);
  if ((seen & flags) == 0) {
    word_.store(0, memory_order_release);  // (2)
    return;
  }
  if ((seen & ending) != 0) return retire();
  word_.store(waiters | waking, memory_order_release);  // (2)
  if ((seen & waking) == 0) wake_one();
}

bool OwnedWord::give_back_of(Owner owner) noexcept {
  std::uint64_t seen = word_.load(memory_order_relaxed);
  for (;;) {
    if ((seen & ~flags) != owner) return false;
    const bool ends = (seen & ending) != 0;
    const std::uint64_t free = ends ? gone : (seen & flags) == 0 ? 0 : waiters | waking;
    if (word_.compare_exchange_weak(seen, free, memory_order_release, memory_order_relaxed)) {
      if (ends)
        futex_wake(futex());
      else if (free != 0 && (seen & waking) == 0)
        wake_one();
      return true;
    }
  }
}

void OwnedWord::retire() noexcept {
  word_.store(gone, memory_order_release);
  futex_wake(futex());
}

void OwnedWord::end(Participants& table, Deadline deadline) {
  const Owner me = table.self();
  Backoff backoff;
  for (;;) {
    std::uint64_t seen = word_.load(memory_order_acquire);
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
