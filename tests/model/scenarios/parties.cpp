#include "helpers.hpp"

#include <lagoon/core/parties.hpp>

#include <array>
#include <cstring>

namespace lagoon::test::model {

namespace {

using core::Parties;

Scenario parties_meet(std::uint32_t count, int rounds, bool may_die) {
  return [=](Trial& trial) {
    auto& table = trial.make<Participants>();
    auto* parties = new (trial.memory(Parties::bytes_for(count))) Parties(table, count);
    auto* data = &trial.make<std::array<Plain<int>, most_threads>>();
    for (unsigned t = 0; t < count; ++t)
      trial.thread(
          [=] {
            for (int round = 1; round <= rounds; ++round) {
              (*data)[t] = 2 * round;
              for (int twice = 0; twice < 2; ++twice) {
                const auto arrival =
                    parties->wait(may_die ? for_a_while() : Deadline::never(), false);
                if (arrival.outcome == Parties::Outcome::broken) {
                  expect(may_die, "broken by nobody");
                  return;
                }
                expect(arrival.outcome == Parties::Outcome::passed, "passed");
                if (twice == 0)
                  for (unsigned other = 0; other < count; ++other)
                    expect((*data)[other] == 2 * round, "what was done before it is seen");
              }
            }
          },
          may_die && t == 0);
    trial.afterwards([=] {
      if (was_killed(0)) return;
      expect(!parties->is_broken() && parties->waiting() == 0, "whole and empty");
      expect_no_rescue();
    });
  };
}

Scenario parties_act(bool may_die) {
  return [=](Trial& trial) {
    auto& table = trial.make<Participants>();
    auto* parties = new (trial.memory(Parties::bytes_for(2))) Parties(table, 2);
    auto* data = &trial.make<Plain<int>>(0);
    for (unsigned t = 0; t < 2; ++t)
      trial.thread(
          [=] {
            auto arrival = parties->wait(may_die ? for_a_while() : Deadline::never(), true);
            if (arrival.outcome == Parties::Outcome::acts) {
              *data = 1;
              arrival.outcome = parties->acted(arrival, true);
            }
            if (arrival.outcome == Parties::Outcome::broken)
              expect(may_die, "broken by nobody");
            else
              expect(*data == 1, "what the one who acted did is seen");
          },
          may_die && t == 0);
  };
}

Scenario parties_aborted() {
  return [](Trial& trial) {
    auto& table = trial.make<Participants>();
    auto* parties = new (trial.memory(Parties::bytes_for(2))) Parties(table, 2);
    auto* data = &trial.make<Plain<int>>(0);
    const auto wait = truth<Waits>();
    trial.thread([=] {
      const auto arrival = parties->wait(Deadline::never(), false);
      wait->ended_at_once();
      expect(arrival.outcome == Parties::Outcome::broken, "it is broken");
      expect(*data == 1, "what was done before it was broken is seen");
    });
    trial.thread([=] {
      *data = 1;
      parties->abort();
    });
    trial.afterwards([=] { expect(parties->is_broken(), "it stays broken"); });
  };
}

/// Who sees it broken sees what was done before.
Scenario parties_seen_broken() {
  return [](Trial& trial) {
    auto& table = trial.make<Participants>();
    auto* parties = new (trial.memory(Parties::bytes_for(2))) Parties(table, 2);
    auto* data = &trial.make<Plain<int>>(0);
    trial.thread([=] {
      *data = 1;
      parties->abort();
    });
    trial.thread([=] {
      while (!parties->is_broken()) pause();
      expect(*data == 1, "what was done before it was broken is seen");
    });
  };
}

/// Aborted while the rounds turn: it is broken, whichever round it was.
Scenario parties_aborted_as_they_turn() {
  return [](Trial& trial) {
    auto& table = trial.make<Participants>();
    auto* parties = new (trial.memory(Parties::bytes_for(2))) Parties(table, 2);
    for (int t = 0; t < 2; ++t)
      trial.thread([=] {
        for (int round = 0; round < 2; ++round)
          if (parties->wait(Deadline::never(), false).outcome != Parties::Outcome::passed) return;
      });
    trial.thread([=] { expect(parties->abort(), "it is there"); });
    trial.afterwards([=] { expect(parties->is_broken(), "it stays broken"); });
  };
}

/// One acts when it is broken by another: it is told, and sees what that one did before.
Scenario parties_aborted_while_one_acts() {
  return [](Trial& trial) {
    auto& table = trial.make<Participants>();
    auto* parties = new (trial.memory(Parties::bytes_for(1))) Parties(table, 1);
    auto* data = &trial.make<Plain<int>>(0);
    trial.thread([=] {
      const auto arrival = parties->wait(Deadline::never(), true);
      if (arrival.outcome == Parties::Outcome::broken) return;
      expect(arrival.outcome == Parties::Outcome::acts, "all are there");
      if (parties->acted(arrival, true) == Parties::Outcome::broken)
        expect(*data == 1, "what was done before it was broken is seen");
    });
    trial.thread([=] {
      *data = 1;
      parties->abort();
    });
  };
}

/// In the second place there is one who died before it had come. Whoever takes it is not taken for
/// the dead one.
Scenario parties_in_a_dead_ones_place() {
  return [](Trial& trial) {
    auto& table = trial.make<Participants>();
    auto* memory = trial.memory(Parties::bytes_for(2));
    auto* parties = new (memory) Parties(table, 2);
    const Owner dead = Participants::owner_of(most_threads);
    std::memcpy(memory + sizeof(Parties) + 32, &dead, sizeof dead);
    for (int t = 0; t < 2; ++t)
      trial.thread([=] {
        const auto arrival = parties->wait(Deadline::never(), false);
        expect(arrival.outcome == Parties::Outcome::passed, "nobody has died in this round");
      });
  };
}

/// Reset while one waits: it is told, whatever comes after.
Scenario parties_reset_while_one_waits() {
  return [](Trial& trial) {
    auto& table = trial.make<Participants>();
    auto* parties = new (trial.memory(Parties::bytes_for(2))) Parties(table, 2);
    auto* data = &trial.make<Plain<int>>(0);
    trial.thread([=] {
      const auto arrival = parties->wait(Deadline::after(std::chrono::milliseconds(20)), false);
      expect(arrival.outcome == Parties::Outcome::broken, "nobody else comes");
    });
    trial.thread([=] {
      while (parties->waiting() == 0 && !parties->is_broken()) pause();
      *data = 1;
      parties->reset();
    });
  };
}

/// Reset while one waits, which comes again at once: so does the other, and both are let through.
Scenario parties_that_come_again_after_a_reset() {
  return [](Trial& trial) {
    auto& table = trial.make<Participants>();
    auto* parties = new (trial.memory(Parties::bytes_for(2))) Parties(table, 2);
    const auto come_again = [=] {
      const auto arrival = parties->wait(Deadline::never(), false);
      expect(arrival.outcome == Parties::Outcome::passed, "it was reset, and is not broken");
    };
    trial.thread([=] {
      const auto arrival = parties->wait(Deadline::never(), false);
      expect(arrival.outcome == Parties::Outcome::broken, "it was reset");
      come_again();
    });
    trial.thread([=] {
      while (parties->waiting() == 0) pause();
      parties->reset();
      expect(!parties->is_broken(), "it was reset");
      come_again();
    });
  };
}

/// One takes a place in which another was in a round that was broken before it had arrived.
Scenario parties_in_the_place_of_one_who_turned_back() {
  return [](Trial& trial) {
    auto& table = trial.make<Participants>();
    auto* parties = new (trial.memory(Parties::bytes_for(2))) Parties(table, 2);
    enum Stage { begins, turned_back, is_reset, comes };
    const auto stage = truth<Stage>();
    trial.thread([=] {
      const auto arrival = parties->wait(Deadline::never(), false);
      expect(arrival.outcome == Parties::Outcome::broken, "broken, not reset");
      *stage = turned_back;
    });
    trial.thread([=] {
      parties->abort();
      wait_until([=] { return *stage == turned_back; });
      parties->reset();
      *stage = is_reset;
      wait_until([=] { return *stage == comes; });
      parties->reset();
    });
    trial.thread([=] {
      wait_until([=] { return *stage == is_reset; });
      *stage = comes;
      const auto arrival = parties->wait(for_a_while(), false);
      expect(arrival.outcome == Parties::Outcome::broken, "nobody else comes");
    });
  };
}

Scenario parties_reset() {
  return [](Trial& trial) {
    auto& table = trial.make<Participants>();
    auto* parties = new (trial.memory(Parties::bytes_for(2))) Parties(table, 2);
    const auto passed = truth<int>();
    for (int t = 0; t < 2; ++t)
      trial.thread([=] {
        const auto arrival = parties->wait(Deadline::after(std::chrono::milliseconds(20)), false);
        *passed += arrival.outcome == Parties::Outcome::passed;
      });
    trial.thread([=] { parties->reset(); });
    trial.afterwards([=] { expect(*passed == 0 || *passed == 2, "both pass, or neither"); });
  };
}

}  // namespace

std::vector<Named> of_parties() {
  return {
      {"parties_of_two", parties_meet(2, 2, false)},
      {"parties_of_three", parties_meet(3, 1, false)},
      {"parties_of_whom_one_is_killed", parties_meet(2, 1, true), {3}},
      {"parties_who_act", parties_act(false), {3}},
      {"parties_of_whom_one_is_killed_acting", parties_act(true), {3}},
      {"parties_aborted", parties_aborted(), {3}},
      {"parties_seen_broken", parties_seen_broken(), {3}},
      {"parties_aborted_as_they_turn", parties_aborted_as_they_turn()},
      {"parties_aborted_while_one_acts", parties_aborted_while_one_acts(), {3}},
      {"parties_in_a_dead_ones_place", parties_in_a_dead_ones_place(), {4}},
      {"parties_in_the_place_of_one_who_turned_back",
       parties_in_the_place_of_one_who_turned_back(),
       {3}},
      {"parties_reset", parties_reset()},
      {"parties_reset_while_one_waits", parties_reset_while_one_waits(), {3}},
      {"parties_that_come_again_after_a_reset", parties_that_come_again_after_a_reset(), {3}},
  };
}

}  // namespace lagoon::test::model
