#include "helpers.hpp"

#include <lagoon/core/wait_queue.hpp>

#include <array>

namespace lagoon::test::model {

namespace {

using core::WaitQueue;

/// A condition: who waits, with the lock that belongs to it.
struct Condition {
  explicit Condition(Trial& trial, std::uint32_t places = 3)
      : table(&trial.make<Participants>()),
        lock(&trial.make<OwnedWord>()),
        queue(new (trial.memory(WaitQueue::bytes_for(places))) WaitQueue(*table, places)),
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
    (*waits)[self()] = true;
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
  std::shared_ptr<std::array<bool, most_threads>> waits =
      truth<std::array<bool, most_threads>>();  // has a place, or had one
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

/// The first of three is told, and killed before it has gone on; the second takes that over, and is
/// told something too before it goes on. So the third, who may have come in between, is told of one
/// of the two.
Scenario condition_told_to_an_heir(bool the_third_comes_later) {
  return [=](Trial& trial) {
    const Condition c(trial);
    struct Truth {
      bool slept[3] = {};
      bool both_are_told = false;
      Waits first, second;
    };
    const auto now = truth<Truth>();
    const auto one_has_slept = [=] { return now->slept[1] || now->slept[2]; };
    for (unsigned t = 0; t < 3; ++t)
      trial.thread([=] {
        if (t == 2)
          wait_until([=] { return the_third_comes_later ? now->slept[1] : (*c.waits)[1]; });
        c.take();
        WaitQueue::Waiter waiter(*c.queue);
        (*c.waits)[t] = true;
        c.give();
        waiter.sleep(for_a_while(), [] { return false; });
        if (!one_has_slept()) now->first.ended_soon();
        now->slept[t] = true;
        wait_until([=] { return now->both_are_told; });
        c.take();
        expect(waiter.leave(), "each of the living is told");
        now->second.ended_soon();
        c.give();
      });
    trial.thread([=] {
      wait_until([=] {
        return (*c.waits)[0] && (*c.waits)[1] && (the_third_comes_later || (*c.waits)[2]);
      });
      c.take();
      c.queue->notify(1);
      now->first.can_end();
      kill(0);
      c.give();
      wait_until([=] { return one_has_slept() && (!the_third_comes_later || (*c.waits)[2]); });
      c.take();
      c.queue->notify(1);
      now->second.can_end();
      now->both_are_told = true;
      c.give();
    });
  };
}

/// Who goes on by what a dead one was told gives that one's place back with its own.
Scenario condition_of_two_places_and_an_heir() {
  return [](Trial& trial) {
    const Condition c(trial, 2);
    for (unsigned t = 0; t < 2; ++t)
      trial.thread([=] {
        if (t == 1) wait_until([=] { return (*c.waits)[0]; });
        c.take();
        expect(c.wait(for_a_while()), "told");
        {
          WaitQueue::Waiter one(*c.queue);
          WaitQueue::Waiter another(*c.queue);
          expect(!another.leave() && !one.leave(), "nothing is left of what was told");
        }
        c.give();
      });
    trial.thread([=] {
      wait_until([=] { return (*c.waits)[0] && (*c.waits)[1]; });
      c.take();
      c.queue->notify(1);
      kill(0);
      c.give();
    });
  };
}

/// Who tells one of two may be killed as it does. Once it can be seen that one was told, another
/// is if that one is killed.
Scenario condition_whose_notifier_is_killed() {
  return [](Trial& trial) {
    const Condition c(trial);
    struct Truth {
      bool has_notified = false;
      bool goes_on[2] = {};
      bool is_owed = false;
      Waits wait;
    };
    const auto now = truth<Truth>();
    for (unsigned t = 0; t < 2; ++t)
      trial.thread([=] {
        if (t == 1) wait_until([=] { return (*c.waits)[0]; });
        c.take();
        WaitQueue::Waiter waiter(*c.queue);
        (*c.waits)[t] = true;
        c.give();
        waiter.sleep(for_a_while(), [] { return false; });
        if (t == 1 && now->is_owed) now->wait.ended_soon();
        c.take();
        now->goes_on[t] = waiter.leave();
        c.give();
      });
    trial.thread(
        [=] {
          wait_until([=] { return (*c.waits)[0] && (*c.waits)[1]; });
          c.take();
          c.queue->notify(1);
          c.give();
          now->has_notified = true;
        },
        true);
    trial.thread([=] {
      wait_until(
          [=] { return (*c.waits)[0] && (*c.waits)[1] && (now->has_notified || was_killed(2)); });
      c.take();
      now->is_owed = c.queue->waiting() == 1 && !now->goes_on[0];
      kill(0);
      now->wait.can_end();
      c.give();
    });
    trial.afterwards([=] { expect(!now->is_owed || now->goes_on[1], "the other goes on"); });
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
      {"condition_told_to_an_heir", condition_told_to_an_heir(false)},
      {"condition_told_to_an_heir_and_one_who_comes_later", condition_told_to_an_heir(true)},
      {"condition_of_two_places_and_an_heir", condition_of_two_places_and_an_heir()},
      {"condition_whose_notifier_is_killed", condition_whose_notifier_is_killed()},
      {"condition_of_one_who_has_just_come", condition_of_one_who_has_just_come(), {3}},
  };
}

}  // namespace lagoon::test::model
