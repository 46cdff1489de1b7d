#include <lagoon/cell.hpp>
#include <lagoon/lock.hpp>

#include <new>

namespace lagoon {

using core::OwnedWord;
using core::Taken;

namespace detail {

LockHandle::LockHandle(const Place& place, Stamp::Kind kind)
    : LockHandle(make_or_find(
          place, kind == Stamp::Kind::lock ? Lock::stamp() : RLock::stamp(), sizeof(LockState),
          [](std::byte* payload, core::Participants& table) { new (payload) LockState(table); })) {}

LockHandle::LockHandle(Handle handle) noexcept
    : state_(reinterpret_cast<LockState*>(handle.payload())), handle_(std::move(handle)) {}

void LockHandle::throw_not_held(const char* what) const {
  const std::string name = handle_.payload() != nullptr ? handle_.describe() : "the lock";
  throw UsageError(name + " was to be released but " + what);
}
void LockHandle::throw_gone() const {
  if (handle_.payload() != nullptr) handle_.throw_gone();
  throw_turn_refused(core::Taken::is_gone);
}

}  // namespace detail

Acquired Lock::acquire_slow(core::Owner me, core::Deadline deadline) {
  const Taken taken = take_over(
      state_->word.take_contended(state_->table(), me, deadline, OwnedWord::IfMine::wait));
  if (taken == Taken::is_gone) throw_gone();
  return Acquired(taken);
}

void Lock::release_slow(core::Owner me) {
  if (state_->word.owner_is(me)) return state_->word.give_back(me);
  for (;;) {
    const core::Owner owner = state_->word.owner();
    if (owner == core::nobody) throw_not_held("is free");
    if (owner == OwnedWord::gone) throw_gone();
    // A dead one's stays as it is: the next to acquire gets it and is told.
    if (state_->table().is_dead(owner) || state_->word.give_back_of(owner)) return;
  }
}

Acquired RLock::acquire_slow(core::Owner me, core::Deadline deadline) {
  const Taken taken = take_over(
      state_->word.take_contended(state_->table(), me, deadline, OwnedWord::IfMine::say_so));
  switch (taken) {
    case Taken::is_mine:
      ++state_->count;
      return Acquired(Taken::yes);
    case Taken::is_gone:
      throw_gone();
    case Taken::no:
      break;
    default:
      state_->count = 1;
  }
  return Acquired(taken);
}

}  // namespace lagoon
