#pragma once
/// `RobustLock`, `RobustRecursiveLock`: what `Lock` and `RLock` are handles to, in place.
///
/// Progress     blocking among the living; never blocked by the dead.
/// Fairness     who is awake is overtaken for some ten microseconds at most, sleepers are woken in
///              the order in which they came; a runner may overtake sleepers.
/// Descheduled  the holder keeps the others waiting; those who wait spin for some 70 microseconds,
///              then sleep.
/// Dies         the next to acquire gets the lock in 10 ms or less, and is told: exactly one.
/// Memory       24 bytes.
/// Release by one who does not hold it: RobustLock gives it back, RobustRecursiveLock is
/// UsageError; of a free one UsageError.
/// Source       core/owned_word.hpp, src/core/contend.hpp: a word that names its owner.

#include <lagoon/core/owned_word.hpp>
#include <lagoon/lock_methods.hpp>
#include <lagoon/typecode.hpp>

#include <boost/atomic/ipc_atomic.hpp>
#include <cstdint>
#include <string>

namespace lagoon {

/// The outcome of an acquire. To drop that of one that waits for ever is fine: owner_died() of the
/// lock keeps the news.
class Acquired {
 public:
  explicit Acquired(core::Taken taken) noexcept : taken_(taken) {}
  /// True when the lock is held now.
  explicit operator bool() const noexcept { return taken_ <= core::Taken::from_dead; }
  /// True when it is held and its last owner died holding it.
  [[nodiscard]] bool owner_died() const noexcept { return taken_ == core::Taken::from_dead; }

 private:
  core::Taken taken_;
};

namespace locks {

/// What may come of giving back.
enum class Released : std::uint8_t { yes, was_free, not_owner, is_gone };

/// What both have.
class RobustBase {
 public:
  static constexpr bool begins_with_owned_word = true;
  explicit RobustBase(core::Participants& table) noexcept : table_(table) {}
  RobustBase(const RobustBase&) = delete;
  RobustBase& operator=(const RobustBase&) = delete;

  /// Whether an owner died with this lock since `mark_consistent` was called last.
  [[nodiscard]] bool owner_died() const noexcept {
    return owner_died_.load(boost::memory_order_relaxed) != 0;
  }
  /// For the owner: what the lock guards is in order again. UsageError of anyone else.
  void mark_consistent();
  /// Whether anyone who lives has it.
  [[nodiscard]] bool locked() const noexcept {
    const core::Owner owner = word_.owner();
    return owner != core::nobody && owner != core::OwnedWord::gone && !table_->is_dead(owner);
  }
  /// Whether the calling thread has it.
  [[nodiscard]] bool is_mine() { return word_.owner_is(table_->self()); }
  /// Whether the object was erased: nobody gets it any more.
  [[nodiscard]] bool gone() const noexcept { return word_.owner() == core::OwnedWord::gone; }

  /// Whether this, found at rest in a file, can be a lock of those in that table.
  [[nodiscard]] bool is_sound(const core::Participants& table) const noexcept {
    return table_.leads_to(table);
  }

 protected:
  /// The way of who has not taken it at once.
  core::Taken take_slowly(core::Owner me, core::Deadline deadline, core::OwnedWord::IfMine if_mine);

  core::OwnedWord word_;  // first: erasing ends it
  // Only the owner changes these, and the word orders owners: relaxed.
  std::uint32_t depth_ = 0;  // how often its owner has it
  boost::ipc_atomic<std::uint32_t> owner_died_{0};
  core::ParticipantsRef table_;
};

/// Not recursive; may be released by another thread or process than the one that took it.
class RobustLock : public RobustBase, public detail::LockMethods<RobustLock> {
 public:
  using RobustBase::RobustBase;

  /// Says whether it is had, and from whom; that it was erased is an answer, too.
  [[nodiscard]] core::Taken take(core::Deadline deadline) {
    const core::Owner me = table_->self();
    if (word_.take_at_once(me)) [[likely]]
      return core::Taken::yes;
    return take_slowly(me, deadline, core::OwnedWord::IfMine::wait);
  }
  /// Whoever has it. If its owner died nothing happens: the next to take it is told.
  [[nodiscard]] Released give_back() {
    const core::Owner me = table_->self();
    if (word_.give_back_at_once(me)) [[likely]]
      return Released::yes;
    return give_back_slowly(me);
  }

  /// Gone if the object was erased.
  Acquired acquire_until(core::Deadline deadline);
  /// UsageError if it is free.
  void release();

 private:
  Released give_back_slowly(core::Owner me);
};

/// Recursive; only its owner releases it; a forked child does not inherit it.
class RobustRecursiveLock : public RobustBase, public detail::LockMethods<RobustRecursiveLock> {
 public:
  using RobustBase::RobustBase;

  /// The same; one level more, if it is this thread's already.
  [[nodiscard]] core::Taken take(core::Deadline deadline) {
    const core::Owner me = table_->self();
    if (word_.take_at_once(me)) [[likely]] {
      depth_ = 1;
      return core::Taken::yes;
    }
    return take_again_or_slowly(me, deadline);
  }
  /// One level.
  [[nodiscard]] Released give_back() {
    const core::Owner me = table_->self();
    if (!word_.owner_is(me)) [[unlikely]]
      return gone() ? Released::is_gone : Released::not_owner;
    if (--depth_ == 0) word_.give_back(me);
    return Released::yes;
  }

  Acquired acquire_until(core::Deadline deadline);
  /// One level. UsageError unless the caller has it.
  void release();
  /// For its owner: all levels; how many there were. UsageError of anyone else.
  std::uint32_t release_all();
  /// Gets as many again. Gone if the object was erased.
  void acquire_again(std::uint32_t depth);

 private:
  core::Taken take_again_or_slowly(core::Owner me, core::Deadline deadline);
};

/// Throws UsageError or Gone, unless it was released.
void check_released(Released released, const std::string& lock);
/// Throws Gone if it is.
void check_there(core::Taken taken);

}  // namespace locks

template <>
inline constexpr std::string_view type_name<locks::RobustLock> = "RobustLock";
template <>
inline constexpr std::string_view type_name<locks::RobustRecursiveLock> = "RobustRecursiveLock";

}  // namespace lagoon
