#include <lagoon/core/backoff.hpp>
#include <lagoon/core/wait_queue.hpp>
#include <lagoon/error.hpp>

#include <chrono>
#include <string>
#include <utility>

namespace lagoon::core {

using boost::memory_order_relaxed;

namespace {
/// A death is found "soon", which is 10 ms.
constexpr std::chrono::milliseconds slice{8};
}  // namespace

WaitQueue::Waiter::Waiter(WaitQueue& queue) : queue_(queue), at_(0), inherited_(most) {
  queue.settle_the_dead();
  while (at_ < queue.used_ && queue.node(at_).owner.load(memory_order_relaxed) != nobody) ++at_;
  if (at_ == queue.places_)
    throw OutOfMemory("all " + std::to_string(queue.places_) +
                      " places for those who wait for this condition are taken; make it with more");
  if (at_ == queue.used_) ++queue.used_;
  Node& node = queue.node(at_);
  node.ticket.store(queue.next_ticket_++, memory_order_relaxed);
  node.owner.store(queue.table_->self(), memory_order_relaxed);  // (1)
}

bool WaitQueue::Waiter::sleep_a_slice(Deadline deadline) {
  Node& mine = queue_.node(at_);
  for (Backoff backoff;;) {
    const Owner seen = mine.owner.load(memory_order_relaxed);
    if ((seen & notified) != 0) return true;
    if (deadline.passed()) return false;
    if (backoff.wait()) continue;
    if (wait_slice(&mine.owner, static_cast<std::uint32_t>(seen), deadline, slice) ==
        Woken::by_time)
      break;
  }
  // Nobody has told this one. Has somebody died who had been told?
  const std::uint64_t ticket = mine.ticket.load(memory_order_relaxed);
  const Owner me = queue_.table_->self();
  for (std::uint32_t i = 0; i < queue_.places_; ++i) {
    Owner owner = queue_.node(i).owner.load(memory_order_relaxed);
    if ((owner & notified) == 0 || !queue_.table_->is_dead(owner & ~notified)) continue;
    if (queue_.node(i).heirs.load(memory_order_relaxed) <= ticket) continue;  // or not seen yet
    if (!queue_.node(i).owner.compare_exchange_strong(owner, me | notified,   // (3)
                                                      memory_order_relaxed, memory_order_relaxed))
      continue;
    inherited_ = i;
    return true;
  }
  return false;
}

bool WaitQueue::Waiter::leave() {
  const bool told = (queue_.node(at_).owner.load(memory_order_relaxed) & notified) != 0;
  const bool inherited = inherited_ != most;
  if (told && inherited) {
    // One notification too many for one waiter: the one passes on that more may inherit.
    const auto heirs = [&](std::uint32_t i) {
      return queue_.node(i).heirs.load(memory_order_relaxed);
    };
    if (heirs(inherited_) > heirs(at_)) std::swap(at_, inherited_);
    queue_.notify_oldest(heirs(at_), heirs(at_));
  }
  queue_.give_back(at_);
  if (inherited) queue_.give_back(inherited_);
  return told || inherited;
}

void WaitQueue::give_back(std::uint32_t i) {
  node(i).owner.store(nobody, memory_order_relaxed);  // (4)
  while (used_ > 0 && node(used_ - 1).owner.load(memory_order_relaxed) == nobody) --used_;
}

bool WaitQueue::notify_oldest(std::uint64_t before, std::uint64_t heirs) {
  for (;;) {
    Node* oldest = nullptr;
    for (std::uint32_t i = 0; i < used_; ++i) {
      Node& candidate = node(i);
      const Owner owner = candidate.owner.load(memory_order_relaxed);
      if (owner == nobody || (owner & notified) != 0) continue;
      if (candidate.ticket.load(memory_order_relaxed) >= before) continue;
      if (oldest == nullptr ||
          candidate.ticket.load(memory_order_relaxed) < oldest->ticket.load(memory_order_relaxed))
        oldest = &candidate;
    }
    if (oldest == nullptr) return false;
    const Owner owner = oldest->owner.load(memory_order_relaxed);
    if (table_->is_dead(owner)) {
      oldest->owner.store(nobody, memory_order_relaxed);
      continue;
    }
    mark(*oldest, owner, heirs);
    return true;
  }
}

void WaitQueue::mark(Node& node, Owner owner, std::uint64_t heirs) {
  node.heirs.store(heirs, memory_order_relaxed);
  node.owner.store(owner | notified, boost::memory_order_release);  // (2)
  futex_wake(&node.owner, 1);
}

void WaitQueue::settle_the_dead() {
  const Owner me = table_->self();
  for (std::uint32_t i = used_; i-- > 0;) {
    Owner owner = node(i).owner.load(memory_order_relaxed);
    if (owner == nobody || !table_->is_dead(owner & ~notified)) continue;
    if ((owner & notified) != 0) {
      // A sleeper may be taking it over at this moment.
      if (!node(i).owner.compare_exchange_strong(owner, me | notified, memory_order_relaxed,
                                                 memory_order_relaxed))  // (3)
        continue;
      const std::uint64_t heirs = node(i).heirs.load(memory_order_relaxed);
      notify_oldest(heirs, heirs);
    }
    give_back(i);
  }
}

void WaitQueue::notify(std::uint64_t how_many) {
  if (used_ == 0) return;
  settle_the_dead();
  const std::uint64_t heirs = next_ticket_;
  while (how_many-- > 0 && notify_oldest(heirs, heirs)) continue;
}

void WaitQueue::notify_all() {
  settle_the_dead();
  for (std::uint32_t i = 0; i < used_; ++i) {
    const Owner owner = node(i).owner.load(memory_order_relaxed);
    if (owner != nobody && (owner & notified) == 0) mark(node(i), owner, next_ticket_);
  }
}

std::uint32_t WaitQueue::waiting() const noexcept {
  std::uint32_t count = 0;
  for (std::uint32_t i = 0; i < places_; ++i) {
    const Owner owner = node(i).owner.load(memory_order_relaxed);
    if (owner != nobody && (owner & notified) == 0 && !table_->is_dead(owner)) ++count;
  }
  return count;
}

}  // namespace lagoon::core
