#pragma once
/// `Lock` and `RLock`: Python's locks, between processes and threads, that are not lost with
/// their owner.
///
/// Lock    not recursive; may be released by another thread or process than the one that took it.
/// RLock   recursive; only its owner releases it; a forked child does not inherit it.
///
/// Both have Python's methods (acquire, release) and the standard library's (lock, unlock,
/// try_lock, try_lock_for, try_lock_until), so that std::scoped_lock and std::unique_lock work.
///
/// When the owner dies (SIGKILL, exit, exec; reaped or not), exactly one of those who ask next
/// gets the lock and is told: `Acquired::owner_died()`. For users of guards the news stays:
/// `owner_died()` of the lock is true until `mark_consistent()`. The lock is whole again; what it
/// guards may be half-changed, which no lock can mend.
///
/// Progress: blocking among the living; a waiter spins, yields, then sleeps in slices of a
/// millisecond. Not fair. Memory: 32 bytes, on a line of its own. Algorithm: core/owned_word.hpp.

#include <lagoon/core/owned_word.hpp>
#include <lagoon/place.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace lagoon {

/// The outcome of an acquire.
class [[nodiscard]] Acquired {
 public:
  /// True when the lock is held now.
  explicit operator bool() const noexcept { return taken_ <= core::Taken::from_dead; }
  /// True when it is held and its last owner died holding it.
  [[nodiscard]] bool owner_died() const noexcept { return taken_ == core::Taken::from_dead; }

 private:
  friend class Lock;
  friend class RLock;
  explicit Acquired(core::Taken taken) noexcept : taken_(taken) {}
  core::Taken taken_;
};

namespace detail {

/// A lock as it lies in shared memory.
class LockState {
 public:
  explicit LockState(core::Participants& table) noexcept
      : to_table_(reinterpret_cast<std::byte*>(&table) - reinterpret_cast<std::byte*>(this)) {}

  [[nodiscard]] core::Participants& table() noexcept {
    return *reinterpret_cast<core::Participants*>(reinterpret_cast<std::byte*>(this) + to_table_);
  }

  core::OwnedWord word;
  // Only the owner changes these; the next one sets both before it relies on them.
  std::uint64_t count = 0;  // RLock: how often its owner has it
  boost::ipc_atomic<std::uint32_t> owner_died{0};

 private:
  std::ptrdiff_t to_table_;
};

/// What Lock and RLock share: a handle to the state, or a view of one that lies in an array.
class LockHandle {
 public:
  /// Whether an owner died with this lock since `mark_consistent` was called last.
  [[nodiscard]] bool owner_died() const noexcept {
    return state_->owner_died.load(boost::memory_order_acquire) != 0;
  }
  /// For the owner: what the lock guards is in order again.
  void mark_consistent() noexcept { state_->owner_died.store(0, boost::memory_order_release); }
  /// Whether anyone who lives has it.
  [[nodiscard]] bool locked() const noexcept {
    const core::Owner owner = state_->word.owner();
    return owner != core::nobody && owner != core::OwnedWord::gone &&
           !state_->table().is_dead(owner);
  }
  /// Whether the object was erased.
  [[nodiscard]] bool gone() const noexcept {
    return state_->word.owner() == core::OwnedWord::gone ||
           (handle_.payload() != nullptr && handle_.gone());
  }

 protected:
  LockHandle(const Place& place, Stamp::Kind kind);
  explicit LockHandle(Handle handle) noexcept;
  explicit LockHandle(LockState& state) noexcept : state_(&state) {}
  LockHandle(LockHandle&&) noexcept = default;
  LockHandle& operator=(LockHandle&&) noexcept = default;
  ~LockHandle() = default;

  core::Taken take_over(core::Taken taken) noexcept {
    if (taken != core::Taken::from_dead) [[likely]]
      return taken;
    if (state_->word.is_ending()) {
      state_->word.retire();
      return core::Taken::is_gone;
    }
    state_->owner_died.store(1, boost::memory_order_release);
    return taken;
  }
  [[noreturn]] void throw_not_held(const char* what) const;
  [[noreturn]] void throw_gone() const;

  LockState* state_;
  Handle handle_;
};

/// The methods of both, made of `acquire_until` and `release`: Python's, and the standard
/// library's.
template <class Self>
class LockMethods : public LockHandle {
 public:
  /// Waits until it has the lock; with `block` false it does not wait.
  Acquired acquire(bool block = true) {
    return self().acquire_until(block ? core::Deadline::never() : core::Deadline::now());
  }
  /// With `block` false the timeout is ignored, as in Python; a negative one is zero.
  template <class Rep, class Period>
  Acquired acquire(bool block, std::chrono::duration<Rep, Period> timeout) {
    return self().acquire_until(block ? core::Deadline::after(timeout) : core::Deadline::now());
  }
  void lock() { (void)acquire(); }
  void unlock() { self().release(); }
  [[nodiscard]] bool try_lock() { return bool(acquire(false)); }
  template <class Rep, class Period>
  [[nodiscard]] bool try_lock_for(std::chrono::duration<Rep, Period> d) {
    return bool(self().acquire_until(core::Deadline::after(d)));
  }
  template <class Duration>
  [[nodiscard]] bool try_lock_until(
      std::chrono::time_point<std::chrono::steady_clock, Duration> t) {
    return bool(self().acquire_until(core::Deadline::at(t)));
  }
  static constexpr bool is_read_only = false;

 protected:
  using LockHandle::LockHandle;

 private:
  Self& self() noexcept { return static_cast<Self&>(*this); }
};

}  // namespace detail

class Lock : public detail::LockMethods<Lock> {
 public:
  /// In this process's heap, for its children.
  Lock() : Lock(Place{}) {}
  explicit Lock(const Place& place) : LockMethods(place, detail::Stamp::Kind::lock) {}

  Acquired acquire_until(core::Deadline deadline) {
    const core::Owner me = state_->table().self();
    if (state_->word.take_at_once(me)) [[likely]]
      return Acquired(core::Taken::yes);
    return acquire_slow(me, deadline);
  }
  /// Gives it back, whoever has it. UsageError if it is free. If its owner died nothing happens:
  /// the next to acquire gets it and is told.
  void release() {
    const core::Owner me = state_->table().self();
    if (!state_->word.give_back_at_once(me)) [[unlikely]]
      release_slow(me);
  }

  static detail::Stamp stamp(std::uint64_t = 1) noexcept {
    return {.kind = detail::Stamp::Kind::lock,
            .mode = detail::Stamp::Mode::locked,
            .begins = detail::Stamp::Begins::with_owned_word};
  }
  explicit Lock(detail::LockState& state) noexcept : LockMethods(state) {}

 private:
  friend struct detail::Attach;
  explicit Lock(detail::Handle handle) noexcept : LockMethods(std::move(handle)) {}
  Acquired acquire_slow(core::Owner me, core::Deadline deadline);
  void release_slow(core::Owner me);
};

class RLock : public detail::LockMethods<RLock> {
 public:
  RLock() : RLock(Place{}) {}
  explicit RLock(const Place& place) : LockMethods(place, detail::Stamp::Kind::rlock) {}

  Acquired acquire_until(core::Deadline deadline) {
    const core::Owner me = state_->table().self();
    if (state_->word.take_at_once(me)) [[likely]] {
      state_->count = 1;
      return Acquired(core::Taken::yes);
    }
    return acquire_slow(me, deadline);
  }
  /// Gives one level back. UsageError unless the caller has it.
  void release() {
    const core::Owner me = state_->table().self();
    if (!state_->word.owner_is(me)) [[unlikely]]
      throw_not_held("is not held by this thread");
    if (--state_->count == 0) state_->word.give_back(me);
  }

  static detail::Stamp stamp(std::uint64_t = 1) noexcept {
    return {.kind = detail::Stamp::Kind::rlock,
            .mode = detail::Stamp::Mode::locked,
            .begins = detail::Stamp::Begins::with_owned_word};
  }
  explicit RLock(detail::LockState& state) noexcept : LockMethods(state) {}

 private:
  friend struct detail::Attach;
  explicit RLock(detail::Handle handle) noexcept : LockMethods(std::move(handle)) {}
  Acquired acquire_slow(core::Owner me, core::Deadline deadline);
};

}  // namespace lagoon
