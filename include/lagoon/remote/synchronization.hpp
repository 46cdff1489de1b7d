#pragma once
/// The locks, conditions, events and barriers of a remote::Manager (manager.hpp), by the names of
/// the local ones; each call is a question, and who waits waits there.

#include <lagoon/core/durations.hpp>
#include <lagoon/core/futex.hpp>
#include <lagoon/lock_methods.hpp>
#include <lagoon/remote/proxy.hpp>

#include <concepts>
#include <cstddef>
#include <utility>

namespace lagoon::remote {

namespace detail {

/// What waits until a core::Deadline, by the standard library's names too.
template <class Self>
class TimedWaits {
 public:
  template <class Rep, class Period>
  auto wait_for(std::chrono::duration<Rep, Period> timeout) const {
    return self().wait_until(core::Deadline::after(timeout));
  }
  template <class Clock, class Duration>
  auto wait_until(std::chrono::time_point<Clock, Duration> t) const {
    return self().wait_until(core::Deadline::at(t));
  }

 private:
  [[nodiscard]] const Self& self() const noexcept { return static_cast<const Self&>(*this); }
};

}  // namespace detail

/// acquire, release, and what std::scoped_lock and std::unique_lock want.
class Lock : public Proxy, public lagoon::detail::LockMethods<Lock> {
 public:
  using Proxy::Proxy;
  explicit Lock(Proxy proxy) noexcept : Proxy(std::move(proxy)) {}
  bool acquire_until(core::Deadline deadline) const;
  void release() const { (void)call("release"); }
};
class RLock : public Lock {
 public:
  using Lock::Lock;
};
/// Several permits; release(n) gives back n at once.
class Semaphore : public Lock {
 public:
  using Lock::Lock;
  void release(int n = 1) const { n == 1 ? Lock::release() : (void)call("release", n); }
};
class BoundedSemaphore : public Lock {
 public:
  using Lock::Lock;
};

/// A lock, and those who wait without it until they are notified.
class Condition : public Lock, public detail::TimedWaits<Condition> {
  using Timed = detail::TimedWaits<Condition>;

 public:
  using Lock::Lock;
  /// With the lock held. Whether it was notified.
  bool wait() const { return wait_until(core::Deadline::never()); }
  bool wait(std::chrono::duration<double> timeout) const { return Timed::wait_for(timeout); }
  bool wait_until(core::Deadline deadline) const;
  using Timed::wait_for;
  using Timed::wait_until;
  /// Until predicate() holds, or the time is over; what it says.
  template <std::invocable P>
  void wait(P&& predicate) const {
    (void)until(core::Deadline::never(), predicate);
  }
  template <std::invocable P>
  bool wait_for(P&& predicate) const {
    return until(core::Deadline::never(), predicate);
  }
  template <std::invocable P>
  bool wait_for(P&& predicate, std::chrono::duration<double> timeout) const {
    return until(core::Deadline::after(timeout), predicate);
  }
  template <class Rep, class Period, std::invocable P>
  bool wait_for(std::chrono::duration<Rep, Period> timeout, P&& predicate) const {
    return until(core::Deadline::after(timeout), predicate);
  }
  template <class Clock, class Duration, std::invocable P>
  bool wait_until(std::chrono::time_point<Clock, Duration> t, P&& predicate) const {
    return until(core::Deadline::at(t), predicate);
  }
  void notify(int n = 1) const { (void)call("notify", n); }
  void notify_one() const { notify(); }
  void notify_all() const { (void)call("notify_all"); }

 private:
  template <class P>
  bool until(core::Deadline deadline, P& predicate) const {
    while (!predicate())
      if (deadline.passed() || !wait_until(deadline)) return bool(predicate());
    return true;
  }
};

/// A flag that is set, cleared and waited for.
class Event : public Proxy, public detail::TimedWaits<Event> {
  using Timed = detail::TimedWaits<Event>;

 public:
  using Proxy::Proxy;
  explicit Event(Proxy proxy) noexcept : Proxy(std::move(proxy)) {}
  [[nodiscard]] bool is_set() const { return bool(call("is_set")); }
  void set() const { (void)call("set"); }
  void clear() const { (void)call("clear"); }
  /// Whether it is set.
  bool wait() const { return wait_until(core::Deadline::never()); }
  [[nodiscard]] bool wait(std::chrono::duration<double> timeout) const {
    return Timed::wait_for(timeout);
  }
  bool wait_until(core::Deadline deadline) const;
  using Timed::wait_for;
  using Timed::wait_until;
};

/// So many parties that wait for each other.
class Barrier : public Proxy, public detail::TimedWaits<Barrier> {
  using Timed = detail::TimedWaits<Barrier>;

 public:
  using Proxy::Proxy;
  explicit Barrier(Proxy proxy) noexcept : Proxy(std::move(proxy)) {}
  /// Which one of those who came. BrokenBarrier.
  std::size_t wait() const { return wait_until(core::Deadline::never()); }
  std::size_t wait(std::chrono::duration<double> timeout) const { return Timed::wait_for(timeout); }
  std::size_t wait_until(core::Deadline deadline) const;
  using Timed::wait_for;
  using Timed::wait_until;
  void abort() const { (void)call("abort"); }
  void reset() const { (void)call("reset"); }
  [[nodiscard]] std::size_t parties() const { return part("parties").get<std::size_t>(); }
  [[nodiscard]] std::size_t n_waiting() const { return part("n_waiting").get<std::size_t>(); }
  [[nodiscard]] bool broken() const { return bool(part("broken")); }

 private:
  [[nodiscard]] Object part(const char* name) const { return call("__getattribute__", name); }
};

}  // namespace lagoon::remote
