#include <lagoon/core/hands.hpp>

namespace lagoon::core {

std::optional<std::uint64_t> Hands::held(std::uint32_t number, const Ring& ring) noexcept {
  Hand& h = hand(number);
  std::uint64_t seen = h.task.load(boost::memory_order_seq_cst);
  if ((seen & 3) == wants) {
    const std::uint64_t position = seen >> 2;
    if (ring.was_taken_by(position, h.ring.load(relaxed), number)) settle(number, position);
    // Whoever has used the slot since has said it before.
    seen = h.task.load(boost::memory_order_acquire);
  }
  if ((seen & 3) != holds) return std::nullopt;
  return seen >> 2;
}

/// A free one; or one of the dead, that held nothing.
bool Hands::make_mine(std::uint32_t number, const Participants& table, Owner me,
                      const Ring& ring) noexcept {
  Hand& h = hand(number);
  Owner owner = h.owner.load(relaxed);
  if (owner == me) return h.task.load(relaxed) == free;
  if (owner != nobody && (!table.is_dead(owner) || held(number, ring))) return false;
  if (!h.owner.compare_exchange_strong(owner, me, boost::memory_order_acquire, relaxed))  // (1)
    return false;
  if (held(number, ring)) return false;  // another inherited it, and died
  h.task.store(free, relaxed);
  return true;
}

std::uint32_t Hands::take(const Participants& table, Owner me, const Ring& ring) noexcept {
  if (const std::uint32_t number = hint(me).load(relaxed); number != 0 &&
                                                           hand(number).owner.load(relaxed) == me &&
                                                           hand(number).task.load(relaxed) == free)
    return number;
  const std::uint32_t room = (first << pieces()) - first;
  for (std::uint32_t number = 1; number <= room; ++number) {
    std::uint32_t known = used();
    if (known < number) {  // who looks at all of them must see it
      if (!used_.compare_exchange_strong(known, number, boost::memory_order_release, relaxed))
        continue;
    }
    if (!make_mine(number, table, me, ring)) continue;
    hint(me).store(number, relaxed);
    return number;
  }
  return 0;
}

bool Hands::done(Owner me, const Ring& ring) noexcept {
  for (const bool of_all : {false, true})
    for (;;) {
      std::uint32_t oldest = 0;
      std::uint64_t position = 0;
      for (std::uint32_t number = 1; number <= used(); ++number) {
        if (!of_all && hand(number).owner.load(relaxed) != me) continue;
        const auto holding = held(number, ring);
        if (!holding || (oldest != 0 && *holding > position)) continue;
        oldest = number;
        position = *holding;
      }
      if (oldest == 0) break;
      std::uint64_t seen = task(position, holds);
      if (!hand(oldest).task.compare_exchange_strong(seen, free, boost::memory_order_seq_cst,
                                                     relaxed))  // (4)
        continue;
      // One hand is kept, for the next task.
      if (!of_all && hint(me).load(relaxed) != oldest)
        hand(oldest).owner.store(nobody, relaxed);  // (12)
      return true;
    }
  return false;
}

bool Hands::is_sound(const std::byte* base, std::uint64_t bytes, std::uint64_t units,
                     const Ring& ring) const noexcept {
  if (reinterpret_cast<const std::byte*>(this) - at_ != base) return false;
  const std::uint32_t taken = used();  // first: others may be using it
  const unsigned count = pieces();
  for (unsigned piece = 0; piece < count; ++piece)
    if (offset(piece) % alignof(Hand) != 0 || offset(piece) > bytes ||
        bytes - offset(piece) < bytes_of(piece))
      return false;
  const std::uint32_t room = (first << count) - first;
  if (taken > room) return false;
  for (std::uint32_t number = 1; number <= taken; ++number) {
    const Hand& h = hand(number);
    const std::uint64_t state = h.task.load(relaxed) & 3;
    if (state > holds ||
        (state != free && (h.unit.load(relaxed) >= units || h.ring.load(relaxed) >= ring.rings())))
      return false;
  }
  for (const auto& hint : hints_)
    if (hint.load(relaxed) > room) return false;
  return true;
}

}  // namespace lagoon::core
