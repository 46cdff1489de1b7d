#include "helpers.hpp"

#include <lagoon/core/owned_permits.hpp>
#include <lagoon/core/parties.hpp>
#include <lagoon/locks/reader_writer.hpp>

namespace lagoon::test::model {

namespace {

using core::OwnedPermits;
using core::Parties;

/// One has it, and is killed when two sleep for it: these have it soon, and the second also if the
/// first is killed, which was to look more often.
template <class Take, class TakeNext, class Give>
void killed_having_it(Trial& trial, Take take, TakeNext take_next, Give give) {
  struct Truth {
    bool is_had = false;
    Waits wait;
  };
  const auto now = truth<Truth>();
  const auto is_settled = [](unsigned t) { return is_asleep(t) || was_killed(t); };
  trial.thread([=] {
    take();
    now->is_had = true;
    wait_until([=] { return is_settled(1) && is_settled(2); });
    kill(self());
  });
  for (unsigned t = 1; t <= 2; ++t)
    trial.thread(
        [=] {
          wait_until([=] { return now->is_had && (t == 1 || is_settled(1)); });
          take_next();
          now->wait.ended_soon();
          give();
          now->wait.can_end();
        },
        t == 1);
}

Scenario owned_word_of_one_killed() {
  return [](Trial& trial) {
    auto* table = &trial.make<Participants>();
    auto* word = &trial.make<OwnedWord>();
    const auto take = [=] {
      expect(is_held(word->take(*table, table->self(), Deadline::never())), "it can be had");
    };
    killed_having_it(trial, take, take, [=] { word->give_back(table->self()); });
  };
}

Scenario permit_of_one_killed() {
  return [](Trial& trial) {
    auto& table = trial.make<Participants>();
    auto* all = new (trial.memory(OwnedPermits::bytes_for(1))) OwnedPermits(table, 1);
    const auto take = [=] { expect(is_held(all->take(Deadline::never())), "a permit comes"); };
    killed_having_it(trial, take, take, [=] { (void)all->give(); });
  };
}

Scenario reader_writer_of_one_killed(bool reads, bool then_read) {
  return [=](Trial& trial) {
    auto& table = trial.make<Participants>();
    auto* l = &trial.make<locks::ReaderWriterLock>(table);
    const auto take = [=](bool shared) {
      expect(bool(shared ? l->acquire_shared() : l->acquire()), "it can be had");
    };
    killed_having_it(
        trial, [=] { take(reads); }, [=] { take(then_read); },
        [=] { then_read ? l->release_shared() : l->release(); });
  };
}

/// Two of three wait at a barrier, or all and one acts, and one is killed: the others are told.
Scenario parties_told_of_one_killed(bool acting) {
  return [=](Trial& trial) {
    auto& table = trial.make<Participants>();
    auto* parties = new (trial.memory(Parties::bytes_for(3))) Parties(table, 3);
    const auto wait = truth<Waits>();
    const auto come = [=] {
      const auto arrival = parties->wait(Deadline::never(), true);
      expect(arrival.outcome == Parties::Outcome::broken, "broken");
      wait->ended_soon();
    };
    trial.thread(come);
    if (acting) trial.thread(come);
    trial.thread([=] {
      if (!acting) return (void)parties->wait(Deadline::never(), true);
      wait_until([] { return is_asleep(0) && is_asleep(1); });
      expect(parties->wait(Deadline::never(), true).outcome == Parties::Outcome::acts, "the last");
      kill(self());
    });
    if (acting) return;
    trial.thread([=] {
      wait_until([=] { return is_asleep(0) && is_asleep(1); });
      kill(1);
    });
  };
}

}  // namespace

std::vector<Named> of_deaths() {
  return {
      {"killed_with_an_owned_word", owned_word_of_one_killed()},
      {"killed_with_a_permit", permit_of_one_killed()},
      {"killed_reading_before_writers", reader_writer_of_one_killed(true, false)},
      {"killed_writing_before_readers", reader_writer_of_one_killed(false, true)},
      {"killed_writing_before_writers", reader_writer_of_one_killed(false, false)},
      {"killed_waiting_for_parties", parties_told_of_one_killed(false)},
      {"killed_acting_for_parties", parties_told_of_one_killed(true)},
  };
}

}  // namespace lagoon::test::model
