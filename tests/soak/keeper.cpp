#include "worker.hpp"

#include <unistd.h>

#include <mutex>

namespace soak {

void take_over_from_dead(lagoon::Condition& condition) {
  if (!condition.owner_died()) return;
  condition.mark_consistent();
  condition.notify_all();
}

void produce_one(Objects& objects, bool for_all) {
  // Under the lock nobody begins or ends to wait, so those who wait can be counted.
  auto items = objects.items.get_obj();
  lagoon::Condition& condition = objects.condition;
  items[0] = items[0] + 1;
  const std::size_t before = condition.n_waiting();
  if (for_all) {
    condition.notify_all();
    items[2] = items[2] + 1;
    require(condition.n_waiting() == 0, "notify_all of a Condition did not tell all who waited");
  } else {
    condition.notify();
    require(before == 0 || condition.n_waiting() < before,
            "notify of a Condition told nobody, and somebody waited");
  }
}

void Keeper::once() {
  segment_.acknowledge_erased();
  set_event();
  produce();
  count_permits();
}

void Keeper::set_event() {
  const std::int64_t began = now_ns();
  objects_.event.set();
  ledger->last_set_ended = now_ns();
  ledger->last_set_began = began;
}

void Keeper::produce() {
  auto items = objects_.items.get_obj();
  ++counts(Op::produce).begun;
  const std::scoped_lock guard(objects_.condition);
  take_over_from_dead(objects_.condition);
  const bool none = items[0] == items[1];
  if (none) produce_one(objects_, false);
  ++(none ? counts(Op::produce).done : counts(Op::produce).gave_up);
}

void Keeper::count_permits() {
  ledger->semaphore_closed = true;
  // Who sees that it is closed goes; who has a permit works for a while, or is killed.
  for (std::size_t i = 0; i < workers_; ++i)
    while (ledger->workers[i].may_have_permit) usleep(100);
  check_permits(objects_.semaphore);
  ledger->semaphore_closed = false;
}

void check_permits(lagoon::Semaphore& semaphore) {
  const std::uint64_t unsure = ledger->unsure;
  const std::uint64_t there = semaphore.get_value();
  require(there <= permits, "permits out of nothing");
  require(there + unsure >= permits, "a permit of the living is lost");
  if (there < permits) semaphore.release(permits - static_cast<long long>(there));
  ledger->unsure -= unsure;
  ledger->counted_exactly += unsure == 0;
}

}  // namespace soak
