#include "helpers.hpp"

#include <lagoon/core/event_word.hpp>
#include <lagoon/core/owned_permits.hpp>
#include <lagoon/core/permit_count.hpp>

#include <cstring>
#include <initializer_list>

namespace lagoon::test::model {

namespace {

using core::EventWord;
using core::Given;
using core::OwnedPermits;
using core::PermitCount;

Scenario event_hands_on() {
  return [](Trial& trial) {
    auto* event = &trial.make<EventWord>();
    auto& data = trial.make<Plain<int>>(0);
    trial.thread([=, &data] {
      expect(event->wait(Deadline::never()) == EventWord::Waited::yes, "it is set");
      expect(data == 1, "what was done before it was set is seen");
    });
    trial.thread([=, &data] {
      data = 1;
      event->set();
    });
    trial.thread([=] { (void)event->wait(Deadline::never()); });
    trial.afterwards(expect_no_rescue);
  };
}

Scenario event_set_and_cleared() {
  return [](Trial& trial) {
    auto* event = &trial.make<EventWord>();
    auto& data = trial.make<Plain<int>>(0);
    trial.thread([=, &data] {
      if (event->wait(Deadline::after(std::chrono::milliseconds(1))) == EventWord::Waited::yes)
        expect(data == 1, "what was done before it was set is seen");
    });
    trial.thread([=, &data] {
      data = 1;
      event->set();
      event->clear();
    });
    trial.afterwards([=] { expect(!event->is_set(), "cleared"); });
  };
}

/// Who finds it cleared sees what was done before that.
Scenario event_cleared_hands_on() {
  return [](Trial& trial) {
    auto* event = &trial.make<EventWord>();
    auto& data = trial.make<Plain<int>>(0);
    event->set();
    trial.thread([=, &data] {
      data = 1;
      event->clear();
    });
    trial.thread([=, &data] {
      while (event->is_set()) pause();
      expect(data == 1, "what was done before it was cleared is seen");
    });
  };
}

/// One clears it, looks for work and waits if there is none; the other brings work and sets it,
/// which it may be already.
Scenario event_that_is_set_already() {
  return [](Trial& trial) {
    auto* event = &trial.make<EventWord>();
    auto& work = trial.make<boost::ipc_atomic<std::uint32_t>>(0U);
    event->set();
    trial.thread([=, &work] {
      event->clear();
      if (work.load(boost::memory_order_relaxed) != 0) return;
      (void)event->wait(Deadline::never());
      expect(work.load(boost::memory_order_relaxed) != 0, "woken by work");
    });
    trial.thread([=, &work] {
      work.store(1, boost::memory_order_relaxed);
      event->set();
    });
  };
}

Scenario permits_counted(std::uint32_t permits, unsigned threads) {
  return [=](Trial& trial) {
    auto* count = &trial.make<PermitCount>(permits);
    struct Truth {
      std::uint32_t in = 0;
    };
    const auto now = truth<Truth>();
    auto& data = trial.make<Plain<int>>(0);
    for (unsigned t = 0; t < threads; ++t)
      trial.thread([=, &data] {
        expect(count->take(Deadline::never()) == Taken::yes, "a permit comes");
        expect(++now->in <= permits, "no more than there are");
        if (permits == 1) data = data + 1;
        --now->in;
        expect(count->give(1) == Given::yes, "given back");
      });
    trial.afterwards([=] {
      expect(count->permits() == permits, "all are back");
      expect_no_rescue();
    });
  };
}

/// Given by one who has never taken: what it did before is seen by who takes.
Scenario permits_hand_on() {
  return [](Trial& trial) {
    auto* count = &trial.make<PermitCount>(0U);
    auto& data = trial.make<Plain<int>>(0);
    for (int t = 0; t < 2; ++t)
      trial.thread([=, &data] {
        expect(count->take(Deadline::never()) == Taken::yes, "a permit comes");
        expect(data == 1, "what was done before it was given is seen");
      });
    trial.thread([=, &data] {
      data = 1;
      (void)count->give(2);
    });
    trial.afterwards(expect_no_rescue);
  };
}

Scenario permits_owned(std::uint32_t permits, unsigned threads, unsigned dying) {
  return [=](Trial& trial) {
    auto& table = trial.make<Participants>();
    auto* all = new (trial.memory(OwnedPermits::bytes_for(permits))) OwnedPermits(table, permits);
    struct Truth {
      std::uint32_t in = 0;
      bool has[most_threads] = {};
    };
    const auto now = truth<Truth>();
    auto& data = trial.make<Plain<int>>(0);
    for (unsigned t = 0; t < threads; ++t)
      trial.thread(
          [=, &data] {
            expect(is_held(all->take(Deadline::never())), "a permit comes");
            now->has[t] = true;
            unsigned living = 0;
            for (unsigned other = 0; other < threads; ++other)
              living += now->has[other] && !was_killed(other);
            expect(living <= permits, "no more than there are");
            if (permits == 1) data = data + 1;
            now->has[t] = false;
            expect(all->give() == Given::yes, "given back");
          },
          t < dying);
    trial.afterwards([=] {
      expect(all->free() == permits, "all are back");
      if (dying == 0) expect_no_rescue();
    });
  };
}

/// Permits that these threads have from the beginning.
OwnedPermits* permits_had_by(Trial& trial, std::initializer_list<unsigned> threads) {
  auto& table = trial.make<Participants>();
  const auto count = static_cast<std::uint32_t>(threads.size());
  std::byte* memory = trial.memory(OwnedPermits::bytes_for(count));
  auto* all = new (memory) OwnedPermits(table, count);
  auto* permit = memory + sizeof(OwnedPermits);
  for (const unsigned thread : threads) {
    trial.is_known(thread);
    const Owner owner = Participants::owner_of(thread);
    std::memcpy(permit, &owner, sizeof owner);
    permit += sizeof owner;
  }
  return all;
}

/// Two sleep, one gives two.
Scenario permits_given_to_sleepers() {
  return [](Trial& trial) {
    auto* all = permits_had_by(trial, {2, 2});
    for (int t = 0; t < 2; ++t)
      trial.thread([=] { expect(is_held(all->take(Deadline::never())), "a permit comes"); });
    trial.thread([=] {
      for (int i = 0; i < 2; ++i) expect(all->give() == Given::yes, "given");
    });
    trial.afterwards(expect_no_rescue);
  };
}

/// One who was woken comes too late, and finds that another was faster: the next one is woken.
Scenario permit_that_a_woken_one_leaves() {
  return [](Trial& trial) {
    auto* all = permits_had_by(trial, {0});
    auto* word = &trial.make<boost::ipc_atomic<std::uint32_t>>(0U);
    struct Truth {
      bool time_runs = false;
      bool has_left = false;
      Waits wait;
    };
    const auto now = truth<Truth>();
    trial.thread([=] {
      wait_until([=] { return now->time_runs && is_asleep(2) && (is_asleep(1) || now->has_left); });
      now->wait.can_end();
      expect(all->give() == Given::yes, "given");
      if (!is_held(all->take(Deadline::now()))) return;
      now->wait.can_end();
      expect(all->give() == Given::yes, "given again");
    });
    trial.thread([=] {
      if (is_held(all->take(Deadline::after(std::chrono::microseconds(300))))) {
        now->wait.can_end();
        (void)all->give();
      }
      now->has_left = true;
    });
    trial.thread([=] {
      wait_until([=] { return is_asleep(1) || now->has_left; });
      expect(is_held(all->take(Deadline::never())), "a permit comes");
      now->wait.ended_at_once();
    });
    // When this has slept, it is too late for the first.
    trial.thread([=] {
      now->time_runs = true;
      (void)core::wait_slice(word, 0, Deadline::never(), std::chrono::microseconds(500));
    });
  };
}

/// One who was woken is killed, and another is faster than the next, who has looked for itself:
/// that one is woken when it gives.
Scenario permit_that_a_killed_one_was_woken_for() {
  return [](Trial& trial) {
    auto* all = permits_had_by(trial, {0});
    struct Truth {
      bool is_had_again = false;
      Waits wait;
    };
    const auto now = truth<Truth>();
    trial.thread([=] {
      wait_until([] { return is_asleep(1) && is_asleep(2); });
      expect(all->give() == Given::yes, "given");
      kill(1);
      if (!is_held(all->take(Deadline::now()))) return;
      now->is_had_again = true;
      const unsigned before = rescues();
      wait_until([=] { return rescues() > before && is_asleep(2); });
      now->wait.can_end();
      expect(all->give() == Given::yes, "given again");
    });
    trial.thread([=] {
      if (is_held(all->take(Deadline::never()))) (void)all->give();
    });
    trial.thread([=] {
      wait_until([] { return is_asleep(1); });
      expect(is_held(all->take(Deadline::never())), "a permit comes");
      if (now->is_had_again) now->wait.ended_at_once();
    });
  };
}

/// One gives when another is about to sleep, and nobody is there to be woken; later it sleeps.
Scenario permit_given_to_one_about_to_sleep() {
  return [](Trial& trial) {
    auto* all = permits_had_by(trial, {0});
    const auto other_has_it = truth<bool>();
    trial.thread([=] {
      expect(all->give() == Given::yes, "given");
      wait_until([=] { return *other_has_it; });
      expect(is_held(all->take(Deadline::never())), "a permit comes");
    });
    trial.thread([=] {
      expect(is_held(all->take(Deadline::never())), "a permit comes");
      *other_has_it = true;
      wait_until([] { return is_asleep(0); });
      expect(all->give() == Given::yes, "given");
    });
    trial.afterwards(expect_no_rescue);
  };
}

/// One gives a permit that is not the first that it looks at.
Scenario permit_given_beside_another() {
  return [](Trial& trial) {
    constexpr unsigned somebody = 3;  // lives, and goes on
    auto* all = permits_had_by(trial, {somebody, 0});
    auto& data = trial.make<Plain<int>>(0);
    trial.thread([=, &data] {
      data = 1;
      expect(all->give() == Given::yes, "given");
    });
    trial.thread([=, &data] {
      expect(is_held(all->take(Deadline::never())), "a permit comes");
      expect(data == 1, "what was done before it was given is seen");
    });
    trial.afterwards(expect_no_rescue);
  };
}

}  // namespace

std::vector<Named> of_events_and_permits() {
  return {
      {"event_hands_on", event_hands_on(), {3}},
      {"event_set_and_cleared", event_set_and_cleared(), {3}},
      {"event_cleared_hands_on", event_cleared_hands_on(), {3}},
      {"event_that_is_set_already", event_that_is_set_already(), {3}},
      {"one_permit_counted", permits_counted(1, 3)},
      {"two_permits_counted", permits_counted(2, 3)},
      {"permits_hand_on", permits_hand_on()},
      {"one_permit_owned", permits_owned(1, 2, 0), {3}},
      {"two_permits_owned", permits_owned(2, 3, 0), {3}},
      {"one_permit_whose_owner_is_killed", permits_owned(1, 3, 1)},
      {"permits_given_to_sleepers", permits_given_to_sleepers(), {3}},
      {"permit_that_a_woken_one_leaves", permit_that_a_woken_one_leaves()},
      {"permit_that_a_killed_one_was_woken_for", permit_that_a_killed_one_was_woken_for()},
      {"permit_given_to_one_about_to_sleep", permit_given_to_one_about_to_sleep(), {3}},
      {"permit_given_beside_another", permit_given_beside_another(), {3}},
  };
}

}  // namespace lagoon::test::model
