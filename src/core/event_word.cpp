#include <lagoon/core/event_word.hpp>

#include "await.hpp"

namespace lagoon::core {

bool EventWord::set() noexcept {
  std::uint64_t seen = word_.load(boost::memory_order_relaxed);
  for (;;) {
    if ((seen & end_bit) != 0) return false;
    const bool is_set_already = (seen & is_set_bit) != 0;
    const std::uint64_t set = ((seen | is_set_bit) & ~somebody_waits) + once;
    // Stored even if it is there: who clears it then sees what was done before this call.
    if (!word_.compare_exchange_weak(seen, is_set_already ? seen : set & ~end_bit,  // (1)
                                     boost::memory_order_release, boost::memory_order_relaxed))
      continue;
    if (!is_set_already && (seen & somebody_waits) != 0) futex_wake(&word_);
    return true;
  }
}

EventWord::Waited EventWord::wait(Deadline deadline) {
  constexpr std::uint64_t times = ~(end_bit | is_set_bit | somebody_waits);
  const std::uint64_t first = word_.load(boost::memory_order_relaxed);
  std::uint64_t last = first;
  const bool let_go = await(
      word_, deadline,
      [&](std::uint64_t seen) {
        last = seen;
        return (seen & (end_bit | is_set_bit)) != 0 || ((seen ^ first) & times) != 0;
      },
      [] {});
  if ((last & end_bit) != 0) return Waited::is_gone;
  return let_go ? Waited::yes : Waited::no;
}

}  // namespace lagoon::core
