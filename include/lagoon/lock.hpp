#pragma once
/// `Lock` and `RLock`: Python's locks, between processes and threads, that are not lost with
/// their owner.
///
/// Lock    not recursive; may be released by another thread or process than the one that took it,
///         as long as that one lives. (To hand it over from a thread that ends, take a Semaphore.)
/// RLock   recursive; only its owner releases it; a forked child does not inherit it.
///
/// Both have Python's methods (acquire, release) and the standard library's (lock, unlock,
/// try_lock, try_lock_for, try_lock_until), so that std::scoped_lock and std::unique_lock work.
///
/// When the owner dies (SIGKILL, exit, exec, the end of its thread; reaped or not), exactly one of
/// those who ask next gets the lock and is told: `Acquired::owner_died()`. For users of guards the
/// news stays: `owner_died()` of the lock is true until `mark_consistent()`. The lock is whole
/// again; what it guards may be half-changed, which no lock can mend.
///
/// Two who release it at the same time, one of them its owner, are one too many: the second may
/// take it from whoever came between. A child of a bare fork() under a guard must not run the
/// guard's destructor: it would give the parent's Lock back (of an RLock it is UsageError).
/// lagoon::Process does not run it.
///
/// A handle that goes while the lock is held ends nothing for those who have another: children go
/// on with theirs. One that was erased throws Gone.
///
/// Progress: blocking among the living. Memory: a line of its own. What lies there, how fair it is
/// and what it costs: locks/robust.hpp.

#include <lagoon/locks/robust.hpp>
#include <lagoon/shared.hpp>

#include <cstdint>
#include <utility>

namespace lagoon {

namespace detail {

/// A handle to a robust lock, or a view of one that lies in something else.
template <class Self, class StateT>
class LockHandle : public Handled<StateT>, public LockMethods<Self> {
 public:
  using State = StateT;

  /// In this process's heap, for its children.
  LockHandle() : LockHandle(Place{}) {}
  explicit LockHandle(const Place& place) : Handled<State>(place, Self::stamp(), sizeof(State)) {}
  explicit LockHandle(State& state) noexcept : Handled<State>(state) {}

  /// Gone if it was erased.
  Acquired acquire_until(core::Deadline deadline) {
    const core::Taken taken = this->state_->take(deadline);
    if (taken == core::Taken::is_gone) [[unlikely]]
      this->throw_gone();
    return Acquired(taken);
  }
  /// Lock: whoever has it; UsageError if it is free; if its owner died nothing happens, the next to
  /// acquire gets it and is told. RLock: one level; UsageError unless the caller has it.
  void release() {
    const locks::Released released = this->state_->give_back();
    if (released == locks::Released::yes) [[likely]]
      return;
    if (released == locks::Released::is_gone) this->throw_gone();
    locks::check_released(released, this->describe("lock"));
  }

  /// Whether an owner died with this lock since `mark_consistent` was called last.
  [[nodiscard]] bool owner_died() const noexcept { return this->state_->owner_died(); }
  /// For the owner: what the lock guards is in order again. UsageError of anyone else.
  void mark_consistent() { this->state_->mark_consistent(); }
  /// Whether anyone who lives has it.
  [[nodiscard]] bool locked() const noexcept { return this->state_->locked(); }
  /// Whether the calling thread has it.
  [[nodiscard]] bool is_mine() const { return this->state_->is_mine(); }
  /// What it is a handle to, which stays where it is when the handle moves.
  [[nodiscard]] State& state() noexcept { return *this->state_; }
  /// Whether the object was erased.
  [[nodiscard]] bool gone() const noexcept {
    return this->state_->gone() || Handled<State>::gone();
  }

 protected:
  explicit LockHandle(Handle handle) noexcept : Handled<State>(std::move(handle)) {}
};

}  // namespace detail

class Lock : public detail::LockHandle<Lock, locks::RobustLock> {
 public:
  using LockHandle::LockHandle;
  using is_shared_container = void;  // goes into Objects by reference (shared_object.hpp)
  static detail::Stamp stamp(std::uint64_t = 1) noexcept {
    return {.kind = detail::Stamp::Kind::lock,
            .mode = detail::Stamp::Mode::locked,
            .begins = detail::Stamp::Begins::with_owned_word};
  }

 private:
  friend struct detail::Attach;
};

class RLock : public detail::LockHandle<RLock, locks::RobustRecursiveLock> {
 public:
  using LockHandle::LockHandle;
  using is_shared_container = void;  // goes into Objects by reference (shared_object.hpp)
  static detail::Stamp stamp(std::uint64_t = 1) noexcept {
    return {.kind = detail::Stamp::Kind::rlock,
            .mode = detail::Stamp::Mode::locked,
            .begins = detail::Stamp::Begins::with_owned_word};
  }
  /// For its owner, UsageError of anyone else: all levels; how many there were. What Condition
  /// waits with.
  std::uint32_t release_all() { return state_->release_all(); }
  /// So many levels again, when it was had.
  void acquire_again(std::uint32_t depth) { state_->acquire_again(depth); }

 private:
  friend struct detail::Attach;
};

template <>
inline constexpr std::string_view type_name<Lock> = "Lock";
template <>
inline constexpr std::string_view type_name<RLock> = "RLock";

}  // namespace lagoon
