#pragma once
/// The C library's mutexes, shared between processes, behind the interface of the locks here.
///
///                                  waits                      when the holder dies
/// PthreadMutex                     sleeps at once             nobody gets the lock again
/// PthreadAdaptiveMutex             spins a little first       nobody gets the lock again
/// PthreadRobustMutex               sleeps at once             the next gets it, and is told
/// PthreadRobustRecursiveMutex      sleeps at once             the next gets it, and is told
/// PthreadPriorityInheritingMutex   sleeps, and lends the      nobody gets the lock again
///                                  holder its priority
///
/// PthreadPriorityInheritingMutex waits with a deadline on Linux 5.14 and newer; before, it is
/// SystemError. The robust ones keep the news in owner_died() until mark_consistent().
///
/// Progress     blocking.
/// Fairness     none, but for PthreadPriorityInheritingMutex, which the kernel hands to the waiter
///              that has waited longest among those of the highest priority.
/// Descheduled  the holder keeps the others asleep.
/// Memory       48 bytes.
/// Release by one who does not hold it: UsageError for the robust and the inheriting ones; for the
/// others not detected.
/// Source       POSIX, pthread_mutexattr_*; Linux, Documentation/locking, robust-futexes.rst and
///              rt-mutex.rst.

#include <lagoon/core/futex.hpp>
#include <lagoon/lock_methods.hpp>
#include <lagoon/locks/robust.hpp>
#include <lagoon/typecode.hpp>

#include <pthread.h>

#include <boost/atomic/ipc_atomic.hpp>
#include <cstdint>

namespace lagoon {

namespace locks {

/// By their attributes: type, robustness and protocol.
enum class PthreadKind : std::uint8_t {
  normal,
  adaptive,
  robust,
  robust_recursive,
  priority_inheriting,
};

/// A pthread mutex, shared between processes.
template <PthreadKind Kind>
class BasicPthreadMutex : public detail::LockMethods<BasicPthreadMutex<Kind>> {
  static constexpr bool is_robust =
      Kind == PthreadKind::robust || Kind == PthreadKind::robust_recursive;

 public:
  /// SystemError if the system does not have this kind.
  BasicPthreadMutex();
  BasicPthreadMutex(const BasicPthreadMutex&) = delete;
  BasicPthreadMutex& operator=(const BasicPthreadMutex&) = delete;

  Acquired acquire_until(core::Deadline deadline) {
    const int result =
        deadline.is_never() ? ::pthread_mutex_lock(&mutex_) : lock_until(mutex_, deadline);
    return result == 0 ? Acquired(core::Taken::yes) : not_simply(result);
  }
  /// Of the robust ones: whether an owner died with it since mark_consistent() was called last.
  [[nodiscard]] bool owner_died() const noexcept requires(is_robust) {
    return owner_died_.load(boost::memory_order_acquire) != 0;
  }
  /// What it guards is in order again.
  void mark_consistent() noexcept requires(is_robust) {
    owner_died_.store(0, boost::memory_order_release);
  }
  void release() {
    const int result = ::pthread_mutex_unlock(&mutex_);
    if (result != 0) throw_not_released(result);
  }

 private:
  static int lock_until(pthread_mutex_t& mutex, core::Deadline deadline);
  Acquired not_simply(int result);
  [[noreturn]] static void throw_not_released(int result);

  pthread_mutex_t mutex_;
  boost::ipc_atomic<std::uint32_t> owner_died_{0};  // of the robust ones
};

/// PTHREAD_MUTEX_NORMAL.
using PthreadMutex = BasicPthreadMutex<PthreadKind::normal>;
/// PTHREAD_MUTEX_ADAPTIVE_NP: spins before it sleeps.
using PthreadAdaptiveMutex = BasicPthreadMutex<PthreadKind::adaptive>;
/// PTHREAD_MUTEX_ROBUST: who takes it from a dead one is told.
using PthreadRobustMutex = BasicPthreadMutex<PthreadKind::robust>;
/// And PTHREAD_MUTEX_RECURSIVE: what RLock is compared with.
using PthreadRobustRecursiveMutex = BasicPthreadMutex<PthreadKind::robust_recursive>;
/// PTHREAD_PRIO_INHERIT: who has it runs at the priority of who waits.
using PthreadPriorityInheritingMutex = BasicPthreadMutex<PthreadKind::priority_inheriting>;

extern template class BasicPthreadMutex<PthreadKind::normal>;
extern template class BasicPthreadMutex<PthreadKind::adaptive>;
extern template class BasicPthreadMutex<PthreadKind::robust>;
extern template class BasicPthreadMutex<PthreadKind::robust_recursive>;
extern template class BasicPthreadMutex<PthreadKind::priority_inheriting>;

}  // namespace locks

template <>
inline constexpr std::string_view type_name<locks::PthreadMutex> = "PthreadMutex";
template <>
inline constexpr std::string_view type_name<locks::PthreadAdaptiveMutex> = "PthreadAdaptiveMutex";
template <>
inline constexpr std::string_view type_name<locks::PthreadRobustMutex> = "PthreadRobustMutex";
template <>
inline constexpr std::string_view type_name<locks::PthreadRobustRecursiveMutex> =
    "PthreadRobustRecursiveMutex";
template <>
inline constexpr std::string_view type_name<locks::PthreadPriorityInheritingMutex> =
    "PthreadPriorityInheritingMutex";

}  // namespace lagoon
