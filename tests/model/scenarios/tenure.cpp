#include "helpers.hpp"

#include <lagoon/core/tenure.hpp>

#include <optional>

namespace lagoon::test::model {

namespace {

using core::Tenure;
using Generation = std::uint64_t;

/// A place; who has it; what each who had it told of it, and did, before it died.
class Place {
 public:
  explicit Place(Trial& trial)
      : tenure_(&trial.make<Tenure>()),
        cells_(&trial.make<Cells>()),
        guarded_(&trial.make<Plain<int>>(0)) {}

  /// Has it, and says so.
  bool take() const {
    const std::optional<Generation> generation = tenure_->take();
    if (!generation) return false;
    expect(*generation > truth_->last, "a generation is given out twice");
    truth_->last = *generation;
    expect(!truth_->is_held(), "two have it");
    truth_->of[self()] = Truth::has;
    *guarded_ = *guarded_ + 1;  // in the order of those who had it
    // As whoever owns something writes its Owner into that: no release.
    cells_->told[self()].store(*generation, boost::memory_order_relaxed);
    cells_->did[self()] = 1;
    return true;
  }
  void take_when_free() const {
    while (!take()) pause();
  }
  void look_after_oneself() const {
    expect(!tenure_->is_dead(cells_->told[self()].load(boost::memory_order_relaxed)),
           "dead, and lives");
  }
  void resign() const {
    truth_->of[self()] = Truth::leaves;
    tenure_->resign();
  }
  /// Ends with it: from here on it may be dead.
  void end() const { truth_->of[self()] = Truth::leaves; }

  /// Whether the one who took it is dead. Once it is, it stays dead, and all that it did is seen.
  bool is_dead(unsigned thread) const {
    const Generation g = cells_->told[thread].load(boost::memory_order_relaxed);
    if (g == 0) return false;
    if (!tenure_->is_dead(g)) return false;
    expect(!truth_->has_it(thread), "dead, and lives");
    expect(cells_->did[thread] == 1, "what the dead one did is seen");
    expect(tenure_->is_dead(g), "dead, and lives again");
    return true;
  }
  [[nodiscard]] Tenure& tenure() const { return *tenure_; }

 private:
  struct Cells {
    boost::ipc_atomic<Generation> told[most_threads + 1];
    Plain<int> did[most_threads + 1];
  };
  struct Truth {
    enum Is : unsigned { none, has, leaves } of[most_threads + 1] = {};
    Generation last = 0;
    [[nodiscard]] bool has_it(unsigned t) const { return of[t] == has && !was_killed(t); }
    [[nodiscard]] bool is_held() const {
      for (unsigned t = 0; t < most_threads; ++t)
        if (has_it(t)) return true;
      return false;
    }
  };

  Tenure* tenure_;
  Cells* cells_;
  Plain<int>* guarded_;
  std::shared_ptr<Truth> truth_ = truth<Truth>();
};

/// All take it and resign, `dying` of them until they are killed.
Scenario tenure(unsigned threads, unsigned dying) {
  return [=](Trial& trial) {
    const Place place(trial);
    for (unsigned t = 0; t < threads; ++t)
      trial.thread(
          [=] {
            place.take_when_free();
            place.look_after_oneself();
            place.resign();
          },
          t < dying);
    trial.afterwards([=] { expect(place.take(), "it can be had by the next"); });
  };
}

/// One who may be killed, or resigns, while others look.
Scenario tenure_looked_at(unsigned looks, bool dies, bool resigns) {
  return [=](Trial& trial) {
    const Place place(trial);
    const auto looked = truth<unsigned>();
    trial.thread(
        [=] {
          expect(place.take(), "it is free");
          place.look_after_oneself();
          if (resigns)
            place.resign();
          else
            wait_until([=] { return *looked == looks; });
          place.end();
        },
        dies);
    for (unsigned t = 0; t < looks; ++t)
      trial.thread([=] {
        (void)place.is_dead(0);
        (void)place.is_dead(0);
        ++*looked;
      });
  };
}

/// One who takes it and ends, by which the kernel marks it; another who takes it then, with the id
/// that the first one had or with its own; and one who looks at both.
Scenario tenure_of_one_after_another(bool same_id, bool resigns, bool dies = false) {
  return [=](Trial& trial) {
    const Place place(trial);
    const auto looked = truth<bool>();
    trial.thread([=] {
      place.take_when_free();
      resigns ? place.resign() : place.end();
    });
    trial.thread(
        [=] {
          if (same_id) succeed(0);
          place.take_when_free();
          wait_until([=] { return *looked; });
          place.look_after_oneself();
          place.end();
        },
        dies);
    trial.thread([=] {
      const bool was_dead = place.is_dead(0);
      (void)place.is_dead(1);
      expect(place.is_dead(0) || !was_dead, "dead, and lives again");
      *looked = true;
    });
  };
}

/// One is held up on its way; meanwhile another takes it, and ends.
Scenario tenure_of_one_who_was_held_up() {
  return [](Trial& trial) {
    const Place place(trial);
    const auto looked = truth<bool>();
    trial.thread([=] {
      place.take_when_free();
      wait_until([=] { return *looked; });
      place.look_after_oneself();
      place.end();
    });
    trial.thread([=] {
      if (place.take()) place.end();
    });
    trial.thread([=] {
      const bool was_dead = place.is_dead(1);
      (void)place.is_dead(0);
      expect(place.is_dead(1) || !was_dead, "dead, and lives again");
      *looked = true;
    });
  };
}

/// Who sees that nobody has it any more sees what was done by the one who had it.
Scenario tenure_that_nobody_has_any_more(bool resigns) {
  return [=](Trial& trial) {
    const Place place(trial);
    auto& has = trial.make<boost::ipc_atomic<std::uint32_t>>(0U);
    auto& data = trial.make<Plain<int>>(0);
    trial.thread([=, &has, &data] {
      place.take_when_free();
      has.store(1, boost::memory_order_release);
      data = 1;
      resigns ? place.resign() : place.end();
    });
    trial.thread([=, &has, &data] {
      while (has.load(boost::memory_order_acquire) == 0) pause();
      while (place.tenure().is_live()) pause();
      expect(data == 1, "what the last one did is seen");
    });
  };
}

/// Who is told of a death by another finds the same.
Scenario tenure_whose_end_is_told() {
  return [](Trial& trial) {
    const Place place(trial);
    auto& told = trial.make<boost::ipc_atomic<std::uint32_t>>(0U);
    trial.thread([=] {
      place.take_when_free();
      place.end();
    });
    trial.thread([=] {
      succeed(0);
      place.take_when_free();
      place.end();
    });
    trial.thread([=, &told] {
      if (place.is_dead(0)) told.store(1, boost::memory_order_release);
    });
    trial.thread([=, &told] {
      if (told.load(boost::memory_order_acquire) != 0)
        expect(place.is_dead(0), "dead, and lives again");
    });
  };
}

}  // namespace

std::vector<Named> of_tenures() {
  return {
      {"tenure_of_two", tenure(2, 0), {3}},
      {"tenure_of_three", tenure(3, 0)},
      {"tenure_of_two_who_are_killed", tenure(2, 2), {3}},
      {"tenure_of_three_who_are_killed", tenure(3, 2)},
      {"tenure_looked_at", tenure_looked_at(2, false, false), {3}},
      {"tenure_looked_at_while_it_is_resigned", tenure_looked_at(1, true, true), {3}},
      {"tenure_looked_at_while_it_ends", tenure_looked_at(2, true, false), {3}},
      {"tenure_of_one_after_another", tenure_of_one_after_another(false, false), {3}},
      {"tenure_of_one_with_the_id_of_another", tenure_of_one_after_another(true, false), {3}},
      {"tenure_of_one_after_one_who_resigned", tenure_of_one_after_another(false, true), {3}},
      {"tenure_of_one_with_the_id_of_one_who_resigned",
       tenure_of_one_after_another(true, true),
       {3}},
      {"tenure_of_one_who_is_killed_with_the_id_of_another",
       tenure_of_one_after_another(true, false, true),
       {3}},
      {"tenure_that_nobody_has_any_more", tenure_that_nobody_has_any_more(false), {3}},
      {"tenure_that_was_resigned", tenure_that_nobody_has_any_more(true), {3}},
      {"tenure_whose_end_is_told", tenure_whose_end_is_told(), {3}},
      {"tenure_of_one_who_was_held_up", tenure_of_one_who_was_held_up(), {3}},
  };
}

}  // namespace lagoon::test::model
