#include "helpers.hpp"

#include <lagoon/core/owned_word.hpp>

namespace lagoon::test::model {

namespace {

Scenario owned_word(unsigned threads, int times) {
  return [=](Trial& trial) {
    auto* table = &trial.make<Participants>();
    auto* word = &trial.make<OwnedWord>();
    one_at_a_time(
        trial, threads, times,
        [=] { return is_held(word->take(*table, table->self(), Deadline::never())); },
        [=] { word->give_back(table->self()); });
  };
}

/// Who sleeps when it is given back is woken.
Scenario owned_word_given_to_a_sleeper() {
  return [](Trial& trial) {
    auto* table = &trial.make<Participants>();
    auto* word = &trial.make<OwnedWord>();
    const auto is_taken = truth<bool>();
    trial.thread([=] {
      expect(is_held(word->take(*table, table->self(), Deadline::never())), "free");
      *is_taken = true;
      wait_until([] { return is_asleep(1); });
      word->give_back(table->self());
    });
    trial.thread([=] {
      wait_until([=] { return *is_taken; });
      expect(is_held(word->take(*table, table->self(), Deadline::never())), "given back");
    });
    trial.afterwards(expect_no_rescue);
  };
}

/// `dying` of the threads may be killed, with the word or without.
Scenario owned_word_killed(unsigned threads, unsigned dying) {
  return [=](Trial& trial) {
    auto* table = &trial.make<Participants>();
    auto* word = &trial.make<OwnedWord>();
    auto& sum = trial.make<Plain<int>>(0);
    const Work work(trial);
    const auto owners = truth<Owners>();
    const auto take = [=](Deadline deadline) {
      owners->tries();
      const Taken taken = word->take(*table, table->self(), deadline);
      expect(is_held(taken), "it can be had");
      owners->took(taken == Taken::from_dead);
    };
    for (unsigned t = 0; t < threads; ++t)
      trial.thread(
          [=, &sum] {
            take(Deadline::never());
            sum = sum + 1;
            work();
            owners->gives_back();
            word->give_back(table->self());
            owners->gave_back();
          },
          t < dying);
    trial.afterwards([=] { take(Deadline::now()); });
  };
}

Scenario owned_word_tried(unsigned threads) {
  return [=](Trial& trial) {
    auto* table = &trial.make<Participants>();
    auto* word = &trial.make<OwnedWord>();
    auto& sum = trial.make<Plain<int>>(0);
    const auto section = truth<Section>();
    for (unsigned t = 0; t < threads; ++t)
      trial.thread([=, &sum] {
        const Deadline until =
            t == 0 ? Deadline::never() : Deadline::after(std::chrono::milliseconds(3));
        const Taken taken = word->take(*table, table->self(), until);
        if (!is_held(taken)) return;
        section->enter();
        sum = sum + 1;
        section->leave();
        word->give_back(table->self());
      });
    trial.afterwards([=, &sum] { expect(sum == section->done && sum >= 1, "all have counted"); });
  };
}

/// Taken by one, given back by another.
Scenario owned_word_given_back_by_another() {
  return [](Trial& trial) {
    auto* table = &trial.make<Participants>();
    auto* word = &trial.make<OwnedWord>();
    auto& ready = trial.make<boost::ipc_atomic<std::uint32_t>>(0U);
    auto& data = trial.make<Plain<int>>(0);
    trial.thread([=, &ready, &data] {
      expect(word->take(*table, table->self(), Deadline::never()) == Taken::yes, "free");
      data = 1;
      ready.store(1, boost::memory_order_release);
    });
    trial.thread([=, &ready, &data] {
      while (ready.load(boost::memory_order_acquire) == 0) pause();
      data = 2;
      expect(word->give_back_of(Participants::owner_of(0)), "it has it");
    });
    trial.thread([=, &ready, &data] {
      while (ready.load(boost::memory_order_relaxed) == 0) pause();
      expect(is_held(word->take(*table, table->self(), Deadline::never())), "it is given back");
      expect(data == 2, "what was done before is seen");
      word->give_back(table->self());
    });
    trial.afterwards([=] { expect(word->owner() == nobody, "free"); });
  };
}

Scenario owned_word_ended(bool may_die) {
  return [=](Trial& trial) {
    auto* table = &trial.make<Participants>();
    auto* word = &trial.make<OwnedWord>();
    for (int t = 0; t < 2; ++t)
      trial.thread(
          [=] {
            const Taken taken = word->take(*table, table->self(), Deadline::never());
            if (taken == Taken::is_gone) return;
            if (taken == Taken::from_dead && word->is_ending())
              word->retire();
            else
              word->give_back(table->self());
          },
          may_die && t == 0);
    trial.thread([=] { word->end(*table, Deadline::never()); }, may_die);
    trial.afterwards([=] {
      if (!was_killed(2)) expect(word->owner() == OwnedWord::gone, "it is gone");
      expect(rescues() < 40, "all are told");
    });
  };
}

}  // namespace

std::vector<Named> of_owned_words() {
  return {
      {"owned_word_of_two", owned_word(2, 2), {3}},
      {"owned_word_of_three", owned_word(3, 1)},
      {"owned_word_given_to_a_sleeper", owned_word_given_to_a_sleeper(), {0}},
      {"owned_word_whose_owner_is_killed", owned_word_killed(2, 1), {3}},
      {"owned_word_whose_owners_are_killed", owned_word_killed(3, 2)},
      {"owned_word_with_a_deadline", owned_word_tried(3)},
      {"owned_word_given_back_by_another", owned_word_given_back_by_another()},
      {"owned_word_ended", owned_word_ended(false)},
      {"owned_word_ended_and_killed", owned_word_ended(true)},
  };
}

}  // namespace lagoon::test::model
