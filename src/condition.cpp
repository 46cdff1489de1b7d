#include <lagoon/condition.hpp>
#include <lagoon/error.hpp>

#include <string>

#include "mapping.hpp"

namespace lagoon {

using core::WaitQueue;

Condition::Condition(const Place& place, detail::AnyLock given, std::uint32_t waiters)
    : Handled(
          place, stamp(waiters),
          [&] {
            if (waiters == 0 || waiters > WaitQueue::most)
              throw InvalidArgument("a Condition cannot be for " + std::to_string(waiters) +
                                    " who wait at a time: 1 to " + std::to_string(WaitQueue::most));
            if (place.mapping() && given.address() != nullptr &&
                !place.mapping()->contains(given.address()))
              throw InvalidArgument("'" + place.name() + "' in " + place.mapping()->describe() +
                                    " cannot be a Condition with a lock that lies elsewhere: other "
                                    "programs would not find it there. Give it one in the same "
                                    "segment, or none");
            return detail::ConditionState::bytes_for(waiters);
          }(),
          waiters, given.address()),
      given_(given) {
  check_lock();
}

void Condition::check_lock() const {
  const std::ptrdiff_t was = state_->lock_at;
  if (was == state_->distance_to(given_.address())) return;
  throw TypeMismatch(describe("condition") + " was made with a lock " +
                     (was == 0 ? "of its own" : "that was given") + "; asked for was it with " +
                     (given_.address() == nullptr ? "one of its own"
                      : was == 0                  ? "one that was given"
                                                  : "another") +
                     ": all who use it give the same lock, in the same segment, or all give none");
}

void Condition::throw_lock_gone() const {
  if (gone()) throw_gone();
  throw Gone("the lock of " + describe("condition") + " was erased");
}

Acquired Condition::acquire_until(core::Deadline deadline) {
  if (given_.address() != nullptr) return given_.acquire_until(deadline);
  const core::Taken taken = state_->lock.take(deadline);
  if (taken == core::Taken::is_gone) throw_gone();
  return Acquired(taken);
}

void Condition::release() {
  if (given_.address() != nullptr) return given_.release();
  const locks::Released released = state_->lock.give_back();
  if (released == locks::Released::yes) [[likely]]
    return;
  if (released == locks::Released::is_gone) throw_gone();
  locks::check_released(released, describe("condition"));
}

bool Condition::wait_until(core::Deadline deadline) {
  check_mine("be waited for");
  const detail::AnyLock lock = lock_of_it();
  WaitQueue::Waiter waiter(state_->queue);
  const std::uint32_t depth = lock.release_all();
  waiter.sleep(deadline, [&] { return gone() || lock.gone(); });
  try {
    lock.acquire_again(depth);
  } catch (const Gone&) {
    throw_lock_gone();  // says of what
  }
  const bool notified = waiter.leave();
  if (!notified && gone()) throw_gone();
  return notified;
}

void Condition::notify(long long how_many) {
  check_mine("notify");
  if (how_many < 0)
    throw InvalidArgument(describe("condition") + " cannot notify " + std::to_string(how_many));
  state_->queue.notify(static_cast<std::uint64_t>(how_many));
}

void Condition::notify_all() {
  check_mine("notify");
  state_->queue.notify_all();
}

void Condition::check_mine(const char* to_do) const {
  if (gone()) throw_gone();
  if (!is_mine())
    throw UsageError(describe("condition") + " was to " + to_do +
                     " by a thread that does not hold its lock: acquire it first");
}

void Condition::check_guard(bool is_of_it) const {
  if (!is_of_it)
    throw UsageError(describe("condition") +
                     " was to be waited for with a guard that does not hold its lock");
}

}  // namespace lagoon
