#include <lagoon/error.hpp>
#include <lagoon/locks/pthread_mutex.hpp>

#include <cerrno>
#include <ctime>

#include "spin.hpp"

namespace lagoon::locks {

namespace {

void check(int error, const char* what) {
  if (error != 0) throw SystemError(error, std::string("pthread mutex: ") + what);
}

}  // namespace

template <PthreadKind Kind>
BasicPthreadMutex<Kind>::BasicPthreadMutex() {
  pthread_mutexattr_t attributes;
  check(::pthread_mutexattr_init(&attributes), "attributes");
  check(::pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED), "shared");
  if constexpr (Kind == PthreadKind::adaptive)
    check(::pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ADAPTIVE_NP), "adaptive");
  if constexpr (Kind == PthreadKind::robust_recursive)
    check(::pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE), "recursive");
  if constexpr (is_robust)
    check(::pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST), "robust");
  if constexpr (Kind == PthreadKind::priority_inheriting)
    check(::pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT), "inheriting");
  check(::pthread_mutex_init(&mutex_, &attributes), "init");
  ::pthread_mutexattr_destroy(&attributes);
}

template <PthreadKind Kind>
int BasicPthreadMutex<Kind>::lock_until(pthread_mutex_t& mutex, core::Deadline deadline) {
  if (deadline.passed()) return ::pthread_mutex_trylock(&mutex);
  if (LAGOON_WAITS_BY_TRYING)
    return try_until(deadline, EBUSY, [&] { return ::pthread_mutex_trylock(&mutex); });
  const timespec until = deadline.as_timespec();
  return ::pthread_mutex_clocklock(&mutex, CLOCK_MONOTONIC, &until);
}

template <PthreadKind Kind>
Acquired BasicPthreadMutex<Kind>::not_simply(int result) {
  if (is_robust && result == EOWNERDEAD) {
    check(::pthread_mutex_consistent(&mutex_), "consistent");
    owner_died_.store(1, boost::memory_order_release);
    return Acquired(core::Taken::from_dead);
  }
  if (result == EBUSY || result == ETIMEDOUT) return Acquired(core::Taken::no);
  throw SystemError(result, "pthread mutex: lock");
}

template <PthreadKind Kind>
void BasicPthreadMutex<Kind>::throw_not_released(int result) {
  if (result == EPERM)
    throw UsageError("a pthread mutex was to be released but is not held by this thread");
  throw SystemError(result, "pthread mutex: unlock");
}

template class BasicPthreadMutex<PthreadKind::normal>;
template class BasicPthreadMutex<PthreadKind::adaptive>;
template class BasicPthreadMutex<PthreadKind::robust>;
template class BasicPthreadMutex<PthreadKind::robust_recursive>;
template class BasicPthreadMutex<PthreadKind::priority_inheriting>;

}  // namespace lagoon::locks
