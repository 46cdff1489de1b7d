#pragma once
/// `TicketLock`: first come, first served, by drawing a number.
///
/// Progress     blocking.
/// Fairness     strict: in the order of the numbers. try_lock succeeds only if nobody waits; so do
///              the waits with a deadline, which cannot draw a number because they could not give
///              it back: they are not fair.
/// Descheduled  whoever is next keeps all behind it waiting, whether it holds the lock or not: with
///              more processes than processors it is a thousand times slower than any other here.
///              Who waits spins, longer the more are before it, and yields from some time on.
/// Dies         nobody gets the lock again, whether it held it or waited.
/// Memory       8 bytes.
/// Release by one who does not hold it: not detected; of a free one UsageError.
/// Source       J. Mellor-Crummey, M. Scott, "Algorithms for scalable synchronization on
///              shared-memory multiprocessors" (ACM TOCS 9/1, 1991): with proportional backoff.

#include <lagoon/core/futex.hpp>
#include <lagoon/lock_methods.hpp>
#include <lagoon/typecode.hpp>

#include <boost/atomic/ipc_atomic.hpp>
#include <cstdint>

namespace lagoon {

namespace locks {

class TicketLock : public detail::LockMethods<TicketLock> {
 public:
  TicketLock() = default;
  TicketLock(const TicketLock&) = delete;
  TicketLock& operator=(const TicketLock&) = delete;

  bool acquire_until(core::Deadline deadline) {
    if (!deadline.is_never()) return take_if_free() || wait(deadline);
    const std::uint32_t mine = next_.fetch_add(1, boost::memory_order_relaxed);
    if (serving_.load(boost::memory_order_acquire) != mine) wait_for(mine);  // (1)
    return true;
  }
  void release() {
    // Only the holder changes it.
    const std::uint32_t number = serving_.load(boost::memory_order_relaxed);
    if (next_.load(boost::memory_order_relaxed) == number) [[unlikely]]
      detail::throw_free();
    serving_.store(number + 1, boost::memory_order_release);  // (2): (1) and (3) acquire it
  }

 private:
  [[nodiscard]] bool take_if_free() noexcept {
    std::uint32_t number = serving_.load(boost::memory_order_acquire);  // (3)
    return next_.compare_exchange_strong(number, number + 1, boost::memory_order_relaxed);
  }
  bool wait(core::Deadline deadline) noexcept;
  void wait_for(std::uint32_t number) noexcept;

  boost::ipc_atomic<std::uint32_t> next_{0};
  boost::ipc_atomic<std::uint32_t> serving_{0};
};

}  // namespace locks

template <>
inline constexpr std::string_view type_name<locks::TicketLock> = "TicketLock";

}  // namespace lagoon
