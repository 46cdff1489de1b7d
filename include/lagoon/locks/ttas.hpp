#pragma once
/// `TtasLock`: test and test-and-set, with exponential backoff: the simplest spin lock.
///
/// Progress     blocking.
/// Fairness     none: who has just had it gets it again most easily.
/// Descheduled  the holder keeps the others spinning; from some ten microseconds on they yield the
///              processor between looks, and never sleep.
/// Dies         nobody gets the lock again.
/// Memory       4 bytes.
/// Release by one who does not hold it: not detected; of a free one UsageError.
/// Source       T. Anderson, "The performance of spin lock alternatives for shared-memory
///              multiprocessors" (IEEE TPDS 1/1, 1990).

#include <lagoon/core/futex.hpp>
#include <lagoon/lock_methods.hpp>
#include <lagoon/typecode.hpp>

#include <boost/atomic/ipc_atomic.hpp>
#include <cstdint>

namespace lagoon {

namespace locks {

class TtasLock : public detail::LockMethods<TtasLock> {
 public:
  TtasLock() = default;
  TtasLock(const TtasLock&) = delete;
  TtasLock& operator=(const TtasLock&) = delete;

  bool acquire_until(core::Deadline deadline) { return take() || wait(deadline); }
  void release() {
    if (word_.load(boost::memory_order_relaxed) == 0) [[unlikely]]
      detail::throw_free();
    word_.store(0, boost::memory_order_release);  // (2)
  }

 private:
  [[nodiscard]] bool take() noexcept {
    // (1) acquires what (2) released.
    return word_.exchange(1, boost::memory_order_acquire) == 0;
  }
  bool wait(core::Deadline deadline) noexcept;

  boost::ipc_atomic<std::uint32_t> word_{0};
};

}  // namespace locks

template <>
inline constexpr std::string_view type_name<locks::TtasLock> = "TtasLock";

}  // namespace lagoon
