#include "helpers.hpp"

#include <lagoon/core/wait_queue.hpp>

namespace lagoon::test::model {

namespace {

using core::WaitQueue;

/// A condition: who waits, with the lock that belongs to it.
struct Condition {
  explicit Condition(Trial& trial)
      : table(&trial.make<Participants>()),
        lock(&trial.make<OwnedWord>()),
        queue(new (trial.memory(WaitQueue::bytes_for(3))) WaitQueue(*table, 3)),
        flag(&trial.make<Plain<int>>(0)) {}
  void take() const {
    const Taken taken = lock->take(*table, table->self(), Deadline::never());
    expect(is_held(taken), "the lock can be had");
    if (taken == Taken::from_dead) *died_with_it = true;
  }
  void give() const { lock->give_back(table->self()); }
  /// With the lock held: whether it was notified.
  [[nodiscard]] bool wait(Deadline deadline) const {
    WaitQueue::Waiter waiter(*queue);
    give();
    waiter.sleep(deadline, [] { return false; });
    take();
    return waiter.leave();
  }

  Participants* table;
  OwnedWord* lock;
  WaitQueue* queue;
  Plain<int>* flag;
  std::shared_ptr<bool> died_with_it = truth<bool>();
};

Scenario condition_of_a_predicate(unsigned waiters) {
  return [=](Trial& trial) {
    const Condition c(trial);
    for (unsigned t = 0; t < waiters; ++t)
      trial.thread([=] {
        c.take();
        while (*c.flag == 0) (void)c.wait(Deadline::never());
        c.give();
      });
    trial.thread([=] {
      c.take();
      *c.flag = 1;
      c.queue->notify_all();
      c.give();
    });
    trial.afterwards([=] { expect(c.queue->waiting() == 0, "nobody waits"); });
  };
}

/// Two wait; who is told of one thing may die of it: then the other is told.
Scenario condition_killed() {
  return [](Trial& trial) {
    const Condition c(trial);
    const auto told = truth<int>();
    for (int t = 0; t < 2; ++t)
      trial.thread(
          [=] {
            c.take();
            while (*c.flag == 0) (void)c.wait(Deadline::never());
            *c.flag = *c.flag - 1;
            ++*told;
            c.give();
          },
          t == 0);
    trial.thread([=] {
      for (int i = 0; i < 2; ++i) {
        c.take();
        *c.flag = *c.flag + 1;
        c.queue->notify(1);
        c.give();
      }
    });
    trial.afterwards([=] { expect(*told + was_killed(0) >= 2, "the living go on"); });
  };
}

/// One thing is told to one of two; who was told may die before it has gone on, and then the other
/// is told, if it was waiting by then.
Scenario condition_inherited() {
  return [](Trial& trial) {
    const Condition c(trial);
    struct Truth {
      bool waits[2] = {};
      bool goes_on[2] = {};
      bool is_owed = false;
    };
    const auto now = truth<Truth>();
    for (unsigned t = 0; t < 2; ++t)
      trial.thread(
          [=] {
            c.take();
            now->waits[t] = true;
            now->goes_on[t] = c.wait(for_a_while());
            c.give();
          },
          t == 0);
    trial.thread([=] {
      c.take();
      now->is_owed = now->waits[1];
      c.queue->notify(1);
      c.give();
      c.take();
      c.queue->notify(0);  // looks for the dead
      c.give();
    });
    trial.afterwards([=] {
      // One who dies with the lock may have had it already: the lock tells.
      if (was_killed(0)) c.take();
      expect(!now->is_owed || *c.died_with_it || now->goes_on[0] || now->goes_on[1], "one goes on");
      expect(was_killed(0) || !now->goes_on[0] || !now->goes_on[1], "not both");
    });
  };
}

/// One whose slice has ended looks whether somebody died who had been told, and finds one who was
/// told and had come after it.
Scenario condition_of_one_who_has_just_come() {
  return [](Trial& trial) {
    const Condition c(trial);
    const auto comes = truth<bool>();
    for (unsigned t = 0; t < 2; ++t)
      trial.thread([=] {
        if (t == 1) wait_until([] { return is_asleep(0); });
        c.take();
        WaitQueue::Waiter waiter(*c.queue);
        c.give();
        *comes = t == 1;
        waiter.sleep(for_a_while(), [] { return false; });
        c.take();
        expect(waiter.leave(), "both are told");
        c.give();
      });
    trial.thread([=] {
      wait_until([=] { return *comes; });
      c.take();
      c.queue->notify_all();
      c.give();
    });
  };
}

}  // namespace

std::vector<Named> of_conditions() {
  return {
      {"condition_of_one", condition_of_a_predicate(1), {3}},
      {"condition_of_two", condition_of_a_predicate(2)},
      {"condition_whose_waiter_is_killed", condition_killed()},
      {"condition_inherited", condition_inherited()},
      {"condition_of_one_who_has_just_come", condition_of_one_who_has_just_come(), {3}},
  };
}

}  // namespace lagoon::test::model
