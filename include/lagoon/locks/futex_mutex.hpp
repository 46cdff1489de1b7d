#pragma once
/// `FutexMutex`: three states, and the kernel for those who wait: the textbook's futex mutex.
///
/// Progress     blocking.
/// Fairness     none: the kernel wakes one at each release, and a runner may be faster.
/// Descheduled  the holder keeps the others asleep; they do not spin at all.
/// Dies         nobody gets the lock again.
/// Memory       4 bytes.
/// Release by one who does not hold it: not detected; of a free one UsageError.
/// Source       U. Drepper, "Futexes are tricky" (2011): mutex, take 2.

#include <lagoon/core/futex.hpp>
#include <lagoon/lock_methods.hpp>
#include <lagoon/typecode.hpp>

#include <boost/atomic/ipc_atomic.hpp>
#include <cstdint>

namespace lagoon {

namespace locks {

class FutexMutex : public detail::LockMethods<FutexMutex> {
 public:
  FutexMutex() = default;
  FutexMutex(const FutexMutex&) = delete;
  FutexMutex& operator=(const FutexMutex&) = delete;

  bool acquire_until(core::Deadline deadline) {
    std::uint32_t expected = is_free;
    return state_.compare_exchange_strong(expected, held, boost::memory_order_acquire,  // (1)
                                          boost::memory_order_relaxed) ||
           wait(deadline);
  }
  void release() {
    const std::uint32_t was =
        state_.exchange(is_free, boost::memory_order_release);  // (2): for (1)
    if (was != held) [[unlikely]] {
      if (was == is_free) detail::throw_free();
      core::futex_wake(&state_, 1);
    }
  }

 private:
  enum State : std::uint32_t { is_free, held, wanted };
  bool wait(core::Deadline deadline) noexcept;

  boost::ipc_atomic<std::uint32_t> state_{is_free};
};

}  // namespace locks

template <>
inline constexpr std::string_view type_name<locks::FutexMutex> = "FutexMutex";

}  // namespace lagoon
