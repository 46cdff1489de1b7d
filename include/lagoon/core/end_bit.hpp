#pragma once
/// How words that are waited for say that what they belong to was erased: by their highest bit,
/// which is set once and for all. Whoever waits on the low half is woken.

#include <lagoon/core/futex.hpp>

#include <boost/atomic/ipc_atomic.hpp>
#include <cstdint>

namespace lagoon::core {

inline constexpr std::uint64_t end_bit = std::uint64_t{1} << 63;

/// One store; killed before the wake-up, waiters look for themselves. May be done again.
inline void end_word(boost::ipc_atomic<std::uint64_t>& word) noexcept {
  word.fetch_or(end_bit, boost::memory_order_relaxed);  // what is gone is not looked at
  futex_wake(&word);
}

}  // namespace lagoon::core
