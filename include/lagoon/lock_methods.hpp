#pragma once
/// The methods that every lock of this library has: Python's, and the standard library's, so that
/// std::scoped_lock and std::unique_lock work. All are made of two,
///
///   acquire_until(core::Deadline)   something that is explicitly true when it is held now
///   release()
///
/// Timeouts: zero and negative ones are one look; one too long to count never ends; the clock is
/// the monotonic one, and interruptions do not lengthen the wait. A time by another clock is taken
/// for as far ahead as it is when the wait begins.

#include <lagoon/core/durations.hpp>
#include <lagoon/core/futex.hpp>
#include <lagoon/error.hpp>

#include <concepts>
#include <type_traits>

namespace lagoon::detail {

[[noreturn]] inline void throw_free() {
  throw UsageError("a lock was to be released but is free: there were more releases than acquires");
}

template <class Self>
class LockMethods {
 public:
  /// Waits until it is held.
  auto acquire() { return self().acquire_until(core::Deadline::never()); }
  /// With `block` false it does not wait.
  template <std::same_as<bool> Bool>
  [[nodiscard]] auto acquire(Bool block) {
    return self().acquire_until(block ? core::Deadline::never() : core::Deadline::now());
  }
  /// A number is none: acquire(0.5) would wait for ever, and a semaphore's acquire(3) take one.
  template <class Number>
  requires(std::is_arithmetic_v<Number> && !std::same_as<Number, bool>) void acquire(Number) {
    static_assert(std::same_as<Number, bool>,
                  "acquire takes a bool, whether to wait, or a duration: acquire(true, 500ms)");
  }
  /// Python's acquire(timeout=…).
  template <class Rep, class Period>
  [[nodiscard]] auto acquire(std::chrono::duration<Rep, Period> timeout) {
    return self().acquire_until(core::Deadline::after(timeout));
  }
  /// With `block` false the timeout is ignored, as in Python.
  template <std::same_as<bool> Bool, class Rep, class Period>
  [[nodiscard]] auto acquire(Bool block, std::chrono::duration<Rep, Period> timeout) {
    return self().acquire_until(block ? core::Deadline::after(timeout) : core::Deadline::now());
  }
  void lock() { (void)acquire(); }
  /// What guards call when they go: of an object that was erased meanwhile it says nothing.
  void unlock() {
    try {
      self().release();
    } catch (const Gone&) {
    }
  }
  [[nodiscard]] bool try_lock() { return bool(acquire(false)); }
  template <class Rep, class Period>
  [[nodiscard]] bool try_lock_for(std::chrono::duration<Rep, Period> d) {
    return bool(self().acquire_until(core::Deadline::after(d)));
  }
  template <class Clock, class Duration>
  [[nodiscard]] bool try_lock_until(std::chrono::time_point<Clock, Duration> t) {
    return bool(self().acquire_until(core::Deadline::at(t)));
  }
  static constexpr bool is_read_only = false;

 private:
  Self& self() noexcept { return static_cast<Self&>(*this); }
};

/// And of those that readers can share: made of acquire_shared_until(deadline) and
/// release_shared(), so that std::shared_lock works.
template <class Self>
class SharedLockMethods {
 public:
  /// Waits until it is held, beside other readers.
  auto acquire_shared() { return self().acquire_shared_until(core::Deadline::never()); }
  void lock_shared() { (void)acquire_shared(); }
  void unlock_shared() { self().release_shared(); }
  [[nodiscard]] bool try_lock_shared() {
    return bool(self().acquire_shared_until(core::Deadline::now()));
  }
  template <class Rep, class Period>
  [[nodiscard]] bool try_lock_shared_for(std::chrono::duration<Rep, Period> d) {
    return bool(self().acquire_shared_until(core::Deadline::after(d)));
  }
  template <class Clock, class Duration>
  [[nodiscard]] bool try_lock_shared_until(std::chrono::time_point<Clock, Duration> t) {
    return bool(self().acquire_shared_until(core::Deadline::at(t)));
  }

 private:
  Self& self() noexcept { return static_cast<Self&>(*this); }
};

/// Those of the lock that a value or an array lies behind, get_lock(): as many as that has.
template <class Self>
class MethodsOfItsLock {
 public:
  template <class S = Self>
  auto acquire(bool block = true) requires requires(S& s) {
    s.get_lock().acquire(block);
  }
  { return its_lock().acquire(block); }
  template <class Rep, class Period, class S = Self>
  auto acquire(bool block, std::chrono::duration<Rep, Period> timeout) requires requires(S& s) {
    s.get_lock().acquire(block, timeout);
  }
  { return its_lock().acquire(block, timeout); }
  void release() { its_lock().unlock(); }
  void lock() { its_lock().lock(); }
  void unlock() { its_lock().unlock(); }
  [[nodiscard]] bool try_lock() { return its_lock().try_lock(); }
  template <class Rep, class Period, class S = Self>
  [[nodiscard]] bool try_lock_for(std::chrono::duration<Rep, Period> d) requires requires(S& s) {
    s.get_lock().try_lock_for(d);
  }
  { return its_lock().try_lock_for(d); }
  template <class Clock, class Duration, class S = Self>
  [[nodiscard]] bool try_lock_until(std::chrono::time_point<Clock, Duration> t) requires
      requires(S& s) {
    s.get_lock().try_lock_until(t);
  }
  { return its_lock().try_lock_until(t); }

 private:
  auto& its_lock() const noexcept { return static_cast<const Self&>(*this).get_lock(); }
};

}  // namespace lagoon::detail
