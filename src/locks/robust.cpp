#include <lagoon/error.hpp>
#include <lagoon/locks/robust.hpp>

namespace lagoon::locks {

using core::OwnedWord;
using core::Taken;

core::Taken RobustBase::take_slowly(core::Owner me, core::Deadline deadline,
                                    OwnedWord::IfMine if_mine) {
  const Taken taken = word_.take_contended(*table_, me, deadline, if_mine);
  if (taken != Taken::from_dead) return taken;
  if (word_.is_ending()) {
    word_.retire();
    return Taken::is_gone;
  }
  owner_died_.store(1, boost::memory_order_relaxed);
  return taken;
}

void RobustBase::mark_consistent() {
  if (!is_mine())
    throw UsageError(
        "a lock was marked consistent by a thread that does not hold it: only its holder can know "
        "that what it guards is in order");
  owner_died_.store(0, boost::memory_order_relaxed);
}

Acquired RobustLock::acquire_until(core::Deadline deadline) {
  const Taken taken = take(deadline);
  check_there(taken);
  return Acquired(taken);
}

void RobustLock::release() { check_released(give_back(), "the lock"); }

Released RobustLock::give_back_slowly(core::Owner me) {
  if (word_.owner_is(me)) {
    word_.give_back(me);
    return Released::yes;
  }
  for (;;) {
    const core::Owner owner = word_.owner();
    if (owner == core::nobody) return Released::was_free;
    if (owner == OwnedWord::gone) return Released::is_gone;
    // A dead one's stays as it is: the next to acquire gets it and is told.
    if (table_->is_dead(owner) || word_.give_back_of(owner)) return Released::yes;
  }
}

core::Taken RobustRecursiveLock::take_again_or_slowly(core::Owner me, core::Deadline deadline) {
  const Taken taken = take_slowly(me, deadline, OwnedWord::IfMine::say_so);
  if (taken == Taken::is_mine) {
    ++depth_;
    return Taken::yes;
  }
  if (taken <= Taken::from_dead) depth_ = 1;
  return taken;
}

Acquired RobustRecursiveLock::acquire_until(core::Deadline deadline) {
  const Taken taken = take(deadline);
  check_there(taken);
  return Acquired(taken);
}

void RobustRecursiveLock::release() { check_released(give_back(), "the lock"); }

std::uint32_t RobustRecursiveLock::release_all() {
  if (!is_mine()) check_released(gone() ? Released::is_gone : Released::not_owner, "the lock");
  const std::uint32_t depth = depth_;
  word_.give_back(table_->self());
  return depth;
}

void RobustRecursiveLock::acquire_again(std::uint32_t depth) {
  if (depth == 0) return;
  check_there(take(core::Deadline::never()));
  depth_ += depth - 1;
}

void check_released(Released released, const std::string& lock) {
  const char* found = "is free";
  switch (released) {
    case Released::yes:
      return;
    case Released::is_gone:
      check_there(Taken::is_gone);
      return;
    case Released::not_owner:
      found = "is not held by this thread";
      break;
    case Released::was_free:
      break;
  }
  throw UsageError(lock + " was to be released but " + found);
}

void check_there(core::Taken taken) {
  if (taken == Taken::is_gone)
    throw Gone(
        "the lock was erased; what its name stands for now, if anything, must be opened anew");
}

}  // namespace lagoon::locks
