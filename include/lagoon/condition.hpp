#pragma once
/// `Condition`: Python's, between processes and threads: a lock, and those who wait, without it,
/// until somebody who has it tells them.
///
///   Condition changed;                        with an RLock of its own
///   Condition changed{lock};                  with a lock that others use too; it outlives this
///   Condition changed{segment["c"], lock};    under a name: found, or made
///
///   const std::scoped_lock guard(changed);
///   changed.wait_for([&] { return !queue_is_empty(); });        changed.notify();
///
/// Which locks: Lock, RLock, the lock of a Value or an Array (get_lock()), those of locks/. All who
/// use one condition use one lock: under a name each gives the same one, or none, else it is
/// TypeMismatch; and it lies in the same segment, else it is InvalidArgument. Waiting gives back
/// every level of an RLock, and gets as many again.
///
/// Methods: Python's (acquire, release, wait, wait_for, notify, notify_all), those of a lock, and
/// those of std::condition_variable_any, with a std::unique_lock in front or without. wait and
/// notify without the lock are UsageError, but for the plain locks of locks/, which do not know who
/// has them. notify tells those who have waited longest, in their order. No wake-up comes unasked,
/// unless a waiter and then a notifier are killed.
///
/// A crash leaves: a killed waiter takes nothing from the others; a notification that it had got
/// passes to another who was waiting then, in 10 ms or less. One that has gone on, with the lock,
/// has used it up: who finds owner_died() looks, and notifies. A killed notifier has told some of
/// those it wanted to tell. A lock whose holder dies passes on: acquire() says it to the next one,
/// and owner_died() to all, who wait or not, until mark_consistent(): here, or of the lock that was
/// given. If it or its lock is erased, those who wait get Gone, with the lock if that is still
/// there. Progress: that of the lock. Memory: 128 bytes, and 32 for each who can wait at a time.
/// Algorithm: core/wait_queue.hpp.

#include <lagoon/core/durations.hpp>
#include <lagoon/core/wait_queue.hpp>
#include <lagoon/lock.hpp>
#include <lagoon/lock_methods.hpp>
#include <lagoon/shared.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <type_traits>
#include <utility>

namespace lagoon {

namespace detail {

/// A lock whose type was forgotten; of a handle, what lies in shared memory.
class AnyLock {
 public:
  AnyLock() = default;
  template <class L>
  requires(!std::same_as<L, AnyLock>) explicit AnyLock(L& lock) noexcept {
    auto& state = state_of(lock);
    lock_ = &state;
    calls_ = &calls_of<std::remove_reference_t<decltype(state)>>;
  }

  [[nodiscard]] const void* address() const noexcept { return lock_; }
  [[nodiscard]] bool gone() const noexcept { return calls_->gone(lock_); }
  [[nodiscard]] bool owner_died() const noexcept { return calls_->owner_died(lock_); }
  void mark_consistent() const { calls_->mark_consistent(lock_); }
  Acquired acquire_until(core::Deadline deadline) const {
    return calls_->acquire_until(lock_, deadline);
  }
  void release() const { calls_->release(lock_); }
  /// True where the lock does not know.
  [[nodiscard]] bool is_mine() const { return calls_->is_mine(lock_); }
  [[nodiscard]] std::uint32_t release_all() const { return calls_->release_all(lock_); }
  void acquire_again(std::uint32_t depth) const { calls_->acquire_again(lock_, depth); }

 private:
  template <class L>
  static auto& state_of(L& lock) noexcept {
    if constexpr (requires { lock.state(); })
      return lock.state();
    else
      return lock;
  }
  struct Calls {
    Acquired (*acquire_until)(void*, core::Deadline);
    void (*release)(void*);
    bool (*is_mine)(void*);
    std::uint32_t (*release_all)(void*);
    void (*acquire_again)(void*, std::uint32_t);
    bool (*gone)(const void*) noexcept;
    bool (*owner_died)(const void*) noexcept;
    void (*mark_consistent)(void*);
  };
  template <class L>
  static constexpr Calls calls_of{
      [](void* lock, core::Deadline deadline) {
        if constexpr (std::same_as<decltype(std::declval<L&>().acquire_until(deadline)), Acquired>)
          return static_cast<L*>(lock)->acquire_until(deadline);
        else
          return Acquired(static_cast<L*>(lock)->acquire_until(deadline) ? core::Taken::yes
                                                                         : core::Taken::no);
      },
      [](void* lock) { static_cast<L*>(lock)->release(); },
      [](void* lock) {
        if constexpr (requires(L & l) { l.is_mine(); })
          return static_cast<L*>(lock)->is_mine();
        else
          return true;
      },
      [](void* lock) -> std::uint32_t {
        if constexpr (requires(L & l) { l.release_all(); })
          return static_cast<L*>(lock)->release_all();
        static_cast<L*>(lock)->release();
        return 1;
      },
      [](void* lock, std::uint32_t depth) {
        if constexpr (requires(L & l) { l.acquire_again(depth); })
          static_cast<L*>(lock)->acquire_again(depth);
        else
          (void)static_cast<L*>(lock)->acquire_until(core::Deadline::never());
      },
      [](const void* lock) noexcept {
        if constexpr (requires(const L& l) { l.gone(); })
          return static_cast<const L*>(lock)->gone();
        else
          return false;
      },
      [](const void* lock) noexcept {
        if constexpr (requires(const L& l) { l.owner_died(); })
          return static_cast<const L*>(lock)->owner_died();
        else
          return false;
      },
      []([[maybe_unused]] void* lock) {
        if constexpr (requires(L & l) { l.mark_consistent(); })
          static_cast<L*>(lock)->mark_consistent();
      }};

  void* lock_ = nullptr;
  const Calls* calls_ = nullptr;
};

/// What lies in shared memory.
struct ConditionState {
  ConditionState(core::Participants& table, std::uint32_t places, const void* given)
      : lock(table), lock_at(distance_to(given)), queue(table, places) {}
  /// How far away a lock lies; zero: it has its own.
  [[nodiscard]] std::ptrdiff_t distance_to(const void* given) const noexcept {
    return given == nullptr
               ? 0
               : static_cast<const std::byte*>(given) - reinterpret_cast<const std::byte*>(this);
  }
  static constexpr std::size_t bytes_for(std::size_t places) noexcept {
    return offset_of_queue + core::WaitQueue::bytes_for(places);
  }
  static constexpr std::size_t offset_of_queue = 64;
  /// Whether this, found at rest in so many bytes of a file, can be one of those in that table.
  [[nodiscard]] bool is_sound(const core::Participants& table, std::size_t bytes) const noexcept {
    return lock.is_sound(table) && queue.is_sound(table, bytes - offset_of_queue);
  }
  locks::RobustRecursiveLock lock;  // first: erasing ends it
  std::ptrdiff_t lock_at;           // of the lock that it was made with
  alignas(offset_of_queue) core::WaitQueue queue;
};

}  // namespace detail

/// What a condition can have for a lock: what one has at a time, so not a semaphore.
template <class L>
concept ConditionLock = requires(L& lock, core::Deadline deadline) {
  lock.acquire_until(deadline);
  lock.release();
}
&&!requires(L & semaphore) { semaphore.get_value(); };

class Condition : public detail::Handled<detail::ConditionState>,
                  public detail::LockMethods<Condition> {
 public:
  using is_shared_container = void;  // goes into Objects by reference (shared_object.hpp)
  /// How many can wait at a time, if nothing else is said; one more is OutOfMemory.
  static constexpr std::uint32_t default_waiters = 256;

  Condition() : Condition(Place{}) {}
  explicit Condition(const Place& place) : Condition(place, default_waiters) {}
  template <ConditionLock L>
  requires(!std::same_as<L, Condition>) explicit Condition(L& lock,
                                                           std::uint32_t waiters = default_waiters)
      : Condition(Place{}, lock, waiters) {}
  template <ConditionLock L>
  Condition(const Place& place, L& lock, std::uint32_t waiters = default_waiters)
      : Condition(place, detail::AnyLock(lock), waiters) {}
  Condition(const Place& place, std::uint32_t waiters)
      : Condition(place, detail::AnyLock(), waiters) {}
  /// One that is there, and was made with this lock.
  template <ConditionLock L>
  Condition(detail::Handle handle, L& lock)
      : Handled(std::move(handle)), given_(detail::AnyLock(lock)) {
    check_lock();
  }

  // ---- The lock ------------------------------------------------------------------------------

  /// Gone if it was erased.
  Acquired acquire_until(core::Deadline deadline);
  /// UsageError unless the calling thread has it.
  void release();
  /// Whether the calling thread has it; true where the lock does not know.
  [[nodiscard]] bool is_mine() const { return lock_of_it().is_mine(); }
  /// Whether a holder died since `mark_consistent` was called last; false where the lock does not
  /// know.
  [[nodiscard]] bool owner_died() const noexcept { return lock_of_it().owner_died(); }
  /// For the holder: what the lock guards is in order again. UsageError of anyone else, where the
  /// lock knows who has it.
  void mark_consistent() { lock_of_it().mark_consistent(); }

  // ---- Waiting: all with the lock held -------------------------------------------------------

  /// Until notified, which it then says. Gone if it, or its lock, was erased.
  bool wait() { return wait_until(core::Deadline::never()); }
  /// Whether it was notified. Zero and negative times: let the lock go once, and look.
  template <class Rep, class Period>
  bool wait(std::chrono::duration<Rep, Period> timeout) {
    return wait_until(core::Deadline::after(timeout));
  }
  /// Until predicate() holds. What it says.
  template <std::invocable P>
  auto wait_for(P&& predicate) {
    return until(core::Deadline::never(), predicate);
  }
  /// Or the time is over; then what it says at last.
  template <std::invocable P, class Rep, class Period>
  auto wait_for(P&& predicate, std::chrono::duration<Rep, Period> timeout) {
    return until(core::Deadline::after(timeout), predicate);
  }
  /// The same by the standard library's names and orders.
  template <std::invocable P>
  void wait(P&& predicate) {
    (void)until(core::Deadline::never(), predicate);
  }
  template <class Rep, class Period>
  bool wait_for(std::chrono::duration<Rep, Period> timeout) {
    return wait(timeout);
  }
  template <class Rep, class Period, std::invocable P>
  bool wait_for(std::chrono::duration<Rep, Period> timeout, P&& predicate) {
    return bool(until(core::Deadline::after(timeout), predicate));
  }
  template <class Clock, class Duration>
  bool wait_until(std::chrono::time_point<Clock, Duration> t) {
    return wait_until(core::Deadline::at(t));
  }
  template <class Clock, class Duration, std::invocable P>
  bool wait_until(std::chrono::time_point<Clock, Duration> t, P&& predicate) {
    return bool(until(core::Deadline::at(t), predicate));
  }
  bool wait_until(core::Deadline deadline);
  /// And with the guard that holds the lock, in front.
  template <class L, class... Args>
  auto wait(std::unique_lock<L>& guard, Args&&... args) {
    check_guard(guard);
    return wait(std::forward<Args>(args)...);
  }
  template <class L, class... Args>
  auto wait_for(std::unique_lock<L>& guard, Args&&... args) {
    check_guard(guard);
    return wait_for(std::forward<Args>(args)...);
  }
  template <class L, class... Args>
  auto wait_until(std::unique_lock<L>& guard, Args&&... args) {
    check_guard(guard);
    return wait_until(std::forward<Args>(args)...);
  }

  // ---- Notifying: with the lock held ---------------------------------------------------------

  /// Tells as many of those who wait, the longest first. InvalidArgument for a negative number.
  void notify(long long how_many = 1);
  void notify_one() { notify(1); }
  void notify_all();

  /// How many wait, and have not been notified, at this moment.
  [[nodiscard]] std::size_t n_waiting() const noexcept { return state_->queue.waiting(); }
  /// Whether the object was erased.
  [[nodiscard]] bool gone() const noexcept { return state_->lock.gone() || Handled::gone(); }

  static constexpr bool is_read_only = false;
  static detail::Stamp stamp(std::uint64_t waiters = default_waiters) noexcept {
    return {.kind = detail::Stamp::Kind::condition,
            .mode = detail::Stamp::Mode::locked,
            .begins = detail::Stamp::Begins::with_owned_word,
            .count = waiters};
  }

 private:
  friend struct detail::Attach;
  explicit Condition(detail::Handle handle) : Handled(std::move(handle)) { check_lock(); }
  Condition(const Place& place, detail::AnyLock given, std::uint32_t waiters);
  /// TypeMismatch unless it was made with the lock that was given.
  void check_lock() const;
  [[noreturn]] void throw_lock_gone() const;

  [[nodiscard]] detail::AnyLock lock_of_it() const noexcept {
    return given_.address() != nullptr ? given_ : detail::AnyLock(state_->lock);
  }
  /// UsageError unless the calling thread has the lock, as far as that is known.
  void check_mine(const char* to_do) const;
  template <class L>
  void check_guard(const std::unique_lock<L>& guard) const {
    if constexpr (std::same_as<L, Condition>)
      check_guard(guard.owns_lock() && guard.mutex() == this);
    else
      check_guard(guard.owns_lock() &&
                  detail::AnyLock(*guard.mutex()).address() == lock_of_it().address());
  }
  void check_guard(bool is_of_it) const;
  template <class P>
  auto until(core::Deadline deadline, P& predicate) {
    auto result = predicate();
    while (!result && wait_until(deadline)) result = predicate();
    return result ? result : predicate();
  }

  detail::AnyLock given_;
};

}  // namespace lagoon
