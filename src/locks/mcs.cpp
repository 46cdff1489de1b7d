#include <lagoon/core/backoff.hpp>
#include <lagoon/core/participants.hpp>
#include <lagoon/locks/mcs.hpp>

#include <sys/syscall.h>
#include <unistd.h>

#include <chrono>

#include "spin.hpp"

namespace lagoon::locks {

using boost::memory_order_acq_rel;
using boost::memory_order_acquire;
using boost::memory_order_relaxed;
using boost::memory_order_release;

namespace {

/// Where the calling thread looks for a node first: another thread looks elsewhere, mostly.
std::uint32_t first_node() noexcept {
  static constinit thread_local struct {
    std::uint32_t id;
    unsigned long fork_generation;
  } remembered = {0, 0};
  if (remembered.id == 0 || remembered.fork_generation != core::detail::fork_generation)
    remembered = {static_cast<std::uint32_t>(::syscall(SYS_gettid)), core::detail::fork_generation};
  return remembered.id;
}

}  // namespace

McsLock::Number McsLock::take_node(core::Deadline deadline) noexcept {
  const std::uint32_t first = first_node();
  for (ExponentialBackoff backoff;; backoff.wait()) {
    for (std::uint32_t i = 0; i < nodes; ++i) {
      const Number number = (first + i) % nodes + 1;
      if (node(number).taken.load(memory_order_relaxed) == 0 &&
          node(number).taken.exchange(1, memory_order_acquire) == 0)
        return number;
    }
    if (deadline.passed()) return 0;
  }
}

bool McsLock::acquire_until(core::Deadline deadline) {
  const Number mine = take_node(deadline);
  if (mine == 0) return false;
  node(mine).next.store(0, memory_order_relaxed);
  node(mine).state.store(waits, memory_order_relaxed);
  if (deadline.is_never()) {
    const Number before = tail_.exchange(mine, memory_order_acq_rel);  // (1)
    if (before != 0) {
      node(before).next.store(mine, memory_order_release);  // (2)
      wait(node(mine));
    }
    holder_ = mine;
    return true;
  }
  for (ExponentialBackoff backoff;; backoff.wait()) {
    Number nobody = 0;
    if (tail_.compare_exchange_strong(nobody, mine, memory_order_acq_rel,  // (1)
                                      memory_order_relaxed)) {
      holder_ = mine;
      return true;
    }
    if (deadline.passed()) {
      give_node_back(mine);
      return false;
    }
  }
}

void McsLock::wait(Node& mine) noexcept {
  for (core::Backoff backoff;;) {
    std::uint32_t state = mine.state.load(memory_order_acquire);  // (4)
    if (state == has_it) return;
    if (backoff.wait()) continue;
    if (state == waits && !mine.state.compare_exchange_strong(state, parked, memory_order_relaxed))
      continue;
    core::wait_slice(&mine.state, parked, core::Deadline::never(), std::chrono::milliseconds(8));
  }
}

void McsLock::release() {
  const Number mine = holder_;
  if (mine == 0) detail::throw_free();
  holder_ = 0;
  Number next = node(mine).next.load(memory_order_acquire);  // reads (2)
  if (next == 0) {
    Number last = mine;
    // (1) of the next one acquires this.
    if (tail_.compare_exchange_strong(last, 0, memory_order_release, memory_order_relaxed))
      return give_node_back(mine);
    // One has joined, and is about to say who it is.
    for (ExponentialBackoff backoff; (next = node(mine).next.load(memory_order_acquire)) == 0;
         backoff.wait())
      continue;
  }
  Node& heir = node(next);
  if (heir.state.exchange(has_it, memory_order_release) == parked)  // (3): (4) acquires it
    core::futex_wake(&heir.state, 1);
  give_node_back(mine);
}

}  // namespace lagoon::locks
