#include <lagoon/core/ring.hpp>

namespace lagoon::core {

using boost::memory_order_relaxed;

unsigned Ring::rings() const noexcept {
  unsigned count = 1;
  while (count < most_rings && rings_[count].load(memory_order_relaxed) != 0) ++count;
  return count;
}

bool Ring::close(const Spot& s) noexcept {
  if (s.ring + 1 == most_rings || rings_[s.ring + 1].load(boost::memory_order_acquire) == 0)  // (9)
    return false;
  std::uint64_t seen = s.word;
  s.slot->compare_exchange_strong(seen, word(s, closed, 0), boost::memory_order_release,
                                  memory_order_relaxed);  // (3)
  return true;
}

bool Ring::is_sound(const std::byte* base, std::uint64_t first, unsigned log, std::uint64_t bytes,
                    std::uint64_t units) const noexcept {
  if (reinterpret_cast<const std::byte*>(this) - at_ != base || first_log_ != log ||
      offset(0) != first)
    return false;
  // Others may be using it: what was published last is looked at first.
  const auto in_a_ring = [&](const Word& hint) {
    return hint.load(boost::memory_order_acquire) >> position_bits < rings();
  };
  if (!in_a_ring(tail_) || !in_a_ring(head_)) return false;
  for (unsigned ring = 0; ring < rings(); ++ring) {
    const std::uint64_t at = offset(ring);
    if (at % sizeof(Word) != 0 || at > bytes || this->bytes(ring) > bytes - at) return false;
    for (std::uint64_t i = 0; i <= mask(ring); ++i) {
      const std::uint64_t seen = slots(ring)[i].load(boost::memory_order_acquire);
      const std::uint64_t state = seen >> 32 & 3;
      const auto unit = static_cast<std::uint32_t>(seen);
      if (state > closed || (state == closed && ring + 1 == rings()) ||
          (state == full && (unit == 0 || unit >= units)))
        return false;
    }
  }
  return true;
}

}  // namespace lagoon::core
