#pragma once
/// `BoostMutex`: Boost.Interprocess' `interprocess_mutex`, as it comes.
///
/// Progress     blocking.
/// Fairness     none.
/// Descheduled  on Linux it is a normal pthread mutex, shared between processes; elsewhere a spin
///              lock.
/// Dies         nobody gets the lock again. With Boost 1.81 whoever wants it is told so, by
///              boost::interprocess::lock_exception; with one that knows no robust mutexes all
///              wait.
/// Memory       40 bytes.
/// Release by one who does not hold it: not detected.
/// Source       Boost.Interprocess.

#include <lagoon/core/backoff.hpp>
#include <lagoon/core/futex.hpp>
#include <lagoon/lock_methods.hpp>
#include <lagoon/typecode.hpp>

#include <sched.h>

#include <boost/interprocess/sync/interprocess_mutex.hpp>
#include <cstddef>
#include <new>

namespace lagoon {

namespace locks {

class BoostMutex : public detail::LockMethods<BoostMutex> {
 public:
  BoostMutex() { new (memory_) Mutex; }
  BoostMutex(const BoostMutex&) = delete;
  BoostMutex& operator=(const BoostMutex&) = delete;

  /// With a deadline it tries again and again: Boost's own counts by the calendar's clock.
  bool acquire_until(core::Deadline deadline) {
    if (deadline.is_never()) {
      mutex().lock();
      return true;
    }
    for (core::Backoff backoff; !mutex().try_lock();) {
      if (deadline.passed()) return false;
      if (!backoff.wait()) ::sched_yield();
    }
    return true;
  }
  void release() { mutex().unlock(); }

 private:
  using Mutex = boost::interprocess::interprocess_mutex;
  [[nodiscard]] Mutex& mutex() noexcept { return reinterpret_cast<Mutex&>(memory_); }

  // Not a member: it is never destroyed, since a dead process may hold it.
  alignas(Mutex) std::byte memory_[sizeof(Mutex)];
};

}  // namespace locks

template <>
inline constexpr std::string_view type_name<locks::BoostMutex> = "BoostMutex";

}  // namespace lagoon
