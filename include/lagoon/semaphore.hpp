#pragma once
/// `Semaphore` and `BoundedSemaphore`: Python's, between processes and threads.
///
///   Semaphore s{3};                            three permits, in this process's heap
///   BoundedSemaphore pool{segment["pool"], 8}; under a name: found, or made
///   const std::scoped_lock guard(pool);        one permit, as Python's `with`
///
/// Who finds one by name finds it as it is: of a Semaphore another number of permits is no
/// mismatch, of a BoundedSemaphore another bound is TypeMismatch.
///
/// Both have Python's methods (acquire, release, get_value), those of std::counting_semaphore
/// (try_acquire, try_acquire_for, try_acquire_until) and those of a lock (lock, unlock, and so on).
///
///                      Semaphore                        BoundedSemaphore
/// release too many     UsageError above 2^31 − 1        UsageError above its bound
/// a holder dies        its permit is gone, as in        its permit comes back: the next to acquire
///                      Python                           gets it, in 10 ms or less
/// killed in a call     the call has happened, or not    the same
/// a waiter dies        takes nothing from the others    the same
/// memory               8 bytes, on a line               a line, and 8 bytes for each permit
/// bound                2^31 − 1                         65,536
///
/// Unlike Python's, a BoundedSemaphore's permit is its thread's: who releases without having one
/// releases another's, and the permit of a thread or process that ends, in whatever way, comes back
/// by itself. To acquire in one process and release in another, while the first may end, take a
/// Semaphore. And a bound is 1 at least.
///
/// Progress: release is lock-free; acquire is while there are permits, else it waits; of those who
/// sleep the kernel wakes the one who came first; who comes when one is free may overtake them.
/// Algorithms: core/permit_count.hpp, core/owned_permits.hpp.

#include <lagoon/core/durations.hpp>
#include <lagoon/core/owned_permits.hpp>
#include <lagoon/core/permit_count.hpp>
#include <lagoon/lock_methods.hpp>
#include <lagoon/shared.hpp>

#include <cstdint>
#include <string>
#include <utility>

namespace lagoon {

namespace detail {

/// What both have, made of what lies in shared memory.
template <class Self, class State>
class SemaphoreHandle : public Handled<State>, public LockMethods<Self> {
 public:
  /// True when a permit was had. Gone if the semaphore was erased.
  bool acquire_until(core::Deadline deadline) {
    const core::Taken taken = this->state_->take(deadline);
    if (taken == core::Taken::is_gone) [[unlikely]]
      this->throw_gone();
    return taken <= core::Taken::from_dead;
  }
  /// As std::counting_semaphore has them.
  [[nodiscard]] bool try_acquire() { return acquire_until(core::Deadline::now()); }
  template <class Rep, class Period>
  [[nodiscard]] bool try_acquire_for(std::chrono::duration<Rep, Period> d) {
    return acquire_until(core::Deadline::after(d));
  }
  template <class Clock, class Duration>
  [[nodiscard]] bool try_acquire_until(std::chrono::time_point<Clock, Duration> t) {
    return acquire_until(core::Deadline::at(t));
  }
  /// Whether the object was erased.
  [[nodiscard]] bool gone() const noexcept {
    return this->state_->is_gone() || Handled<State>::gone();
  }

 protected:
  using Handled<State>::Handled;
};

/// What a semaphore begins with. InvalidArgument if negative, or more than there may be.
std::uint32_t checked_permits(long long permits, std::uint32_t most, const char* what);
[[noreturn]] void throw_too_many(const std::string& semaphore, std::uint64_t released,
                                 std::uint64_t free, std::uint64_t most);

}  // namespace detail

class Semaphore : public detail::SemaphoreHandle<Semaphore, core::PermitCount> {
 public:
  using is_shared_container = void;  // goes into Objects by reference (shared_object.hpp)
  /// InvalidArgument for a negative number, or one above max().
  explicit Semaphore(long long permits = 1) : Semaphore(Place{}, permits) {}
  explicit Semaphore(const Place& place, long long permits = 1)
      : SemaphoreHandle(place, stamp(), sizeof(core::PermitCount),
                        detail::checked_permits(permits, core::PermitCount::most, "Semaphore")) {}
  Semaphore(Semaphore&&) noexcept = default;
  Semaphore& operator=(Semaphore&&) noexcept = default;

  /// Gives one back, or `permits` at once. UsageError if there would be more than max();
  /// InvalidArgument for none or a negative number.
  void release() {
    const core::Given given = state_->give(1);
    if (given != core::Given::yes) [[unlikely]]
      throw_not_given(given, 1);
  }
  void release(long long permits);
  /// How many there are at this moment.
  [[nodiscard]] std::uint32_t get_value() const noexcept { return state_->permits(); }
  static constexpr std::uint32_t max() noexcept { return core::PermitCount::most; }

  static detail::Stamp stamp(std::uint64_t = 1) noexcept {
    return {.kind = detail::Stamp::Kind::semaphore,
            .mode = detail::Stamp::Mode::atomic,
            .begins = detail::Stamp::Begins::with_end_bit};
  }

 private:
  friend struct detail::Attach;
  explicit Semaphore(detail::Handle handle) noexcept : SemaphoreHandle(std::move(handle)) {}
  [[noreturn]] void throw_not_given(core::Given given, std::uint64_t permits) const;
};

class BoundedSemaphore : public detail::SemaphoreHandle<BoundedSemaphore, core::OwnedPermits> {
 public:
  using is_shared_container = void;  // goes into Objects by reference (shared_object.hpp)
  /// InvalidArgument for a number that is not 1 to max_bound(). Under a name: TypeMismatch if it is
  /// there with another bound.
  explicit BoundedSemaphore(long long permits = 1) : BoundedSemaphore(Place{}, permits) {}
  explicit BoundedSemaphore(const Place& place, long long permits = 1)
      : BoundedSemaphore(Checked{}, place,
                         detail::checked_permits(permits, max_bound(), "BoundedSemaphore")) {}
  BoundedSemaphore(BoundedSemaphore&&) noexcept = default;
  BoundedSemaphore& operator=(BoundedSemaphore&&) noexcept = default;

  /// Gives one back: the caller's, or, if it has none, another's. UsageError if all are free.
  void release() {
    const core::Given given = state_->give();
    if (given != core::Given::yes) [[unlikely]]
      throw_not_given(given);
  }
  /// How many nobody who lives has, at this moment.
  [[nodiscard]] std::uint32_t get_value() const noexcept { return state_->free(); }
  /// How many there are.
  [[nodiscard]] std::uint32_t bound() const noexcept { return state_->count(); }
  /// The largest bound that there can be.
  static constexpr std::uint32_t max_bound() noexcept { return core::OwnedPermits::most; }

  static detail::Stamp stamp(std::uint64_t permits = 1) noexcept {
    return {.kind = detail::Stamp::Kind::bounded_semaphore,
            .mode = detail::Stamp::Mode::atomic,
            .begins = detail::Stamp::Begins::with_end_bit,
            .count = permits};
  }

 private:
  friend struct detail::Attach;
  struct Checked {};
  BoundedSemaphore(Checked, const Place& place, std::uint32_t permits)
      : SemaphoreHandle(place, stamp(permits), core::OwnedPermits::bytes_for(permits), permits) {}
  explicit BoundedSemaphore(detail::Handle handle) noexcept : SemaphoreHandle(std::move(handle)) {}
  [[noreturn]] void throw_not_given(core::Given given) const;
};

}  // namespace lagoon
