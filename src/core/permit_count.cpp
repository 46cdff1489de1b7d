#include <lagoon/core/permit_count.hpp>

#include "contend.hpp"

namespace lagoon::core {

using boost::memory_order_acquire;
using boost::memory_order_relaxed;
using boost::memory_order_release;
using contention::Attempt;

Taken PermitCount::take_slowly(Deadline deadline) {
  static_assert((number & (contention::flags | end_bit)) == 0);
  struct Subject {
    contention::Word& contended;

    static constexpr bool is_apart() noexcept { return false; }
    [[nodiscard]] contention::Word& word() const noexcept { return contended; }
    static bool is_free(std::uint64_t seen) noexcept { return (seen & number) != 0; }
    [[nodiscard]] Attempt attempt(std::uint64_t seen, std::uint64_t kept, bool) const noexcept {
      if ((seen & end_bit) != 0) return Attempt::is_gone;
      if (!is_free(seen)) return Attempt::busy;
      if (!contended.compare_exchange_weak(seen, ((seen & number) - one) | kept,  // (1)
                                           memory_order_acquire, memory_order_relaxed))
        return Attempt::missed;
      return Attempt::yes;
    }
  } subject{word_};
  const Taken taken = contention::contend(subject, deadline);
  if (taken == Taken::yes) contention::wake_if_free(subject);
  return taken;
}

Given PermitCount::give_slowly(std::uint32_t permits) noexcept {
  std::uint64_t seen = word_.load(memory_order_relaxed);
  for (;;) {
    if ((seen & end_bit) != 0) return Given::is_gone;
    const std::uint64_t sum = (seen & number) / one + permits;
    if (sum > most) return Given::too_many;
    if (!word_.compare_exchange_weak(seen, (sum * one) | contention::left_behind(seen),  // (2)
                                     memory_order_release, memory_order_relaxed))
      continue;
    if (contention::must_wake(seen)) contention::wake_one(word_);
    return Given::yes;
  }
}

}  // namespace lagoon::core
