#pragma once
/// What is compared: a strategy is one way to share a counter, or 64 doubles, between processes; or
/// a dict, a list, a queue (containers.hpp).
///
/// To add a lock: a class with `lock()` and `unlock()` whose constructor makes it fit to be shared
/// between processes, and one line with its name in bench/compared_locks.hpp.
/// To add anything else: a struct with what its operations ask for, made in the parent before the
/// children are forked, and one line `add<operation, It>(...)` for each:
///
///   count    void increment();                       double value();
///   update   void increment_all();                   void snapshot(std::span<double>);
///   mix      the same
///   read     void fill(double) by the one writer;    void snapshot(std::span<double>);
///            if a writer makes it copy again: uint64_t retries(), how often in this process
///   outlive  void fill_half(double, halt), which calls halt() when it has written half; and these
///
/// Its constructor is given how many doubles there are to be, if it takes that.
/// To add an operation: a name, a template with `operate` and `intact`, and a branch in `run`.
/// All calls in the children's loop are resolved at compile time.

#include <signal.h>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "doubles.hpp"
#include "machine.hpp"
#include "measure.hpp"
#include "question.hpp"

namespace contention {

enum class Family {
  lagoon,   // this library's
  peer,     // what one would use instead
  control,  // wrong on purpose, to show that the benchmark notices; never a winner
};

/// What a cell takes beside its warm-up and window, roughly: to start, to fill, and to end.
struct Overhead {
  double seconds = 0.006;
  double seconds_per_child = 0.0006;
  double seconds_per_key = 0;
  [[nodiscard]] double of(const Place& place) const {
    return seconds + seconds_per_child * place.children +
           seconds_per_key * static_cast<double>(place.workload.keys);
  }
};

struct Strategy {
  std::string name;
  Family family = Family::peer;
  std::function<bool(const Place&)> takes;  // whether it can do that, with so many
  std::function<Outcome(const Plan&)> run;  // called once for a cell, not for an operation
  std::string unavailable;                  // why it cannot be run here; empty if it can
  Overhead overhead;
};
using Strategies = std::vector<Strategy>;

namespace detail {

template <class Impl>
struct Increment {
  Impl& shared;
  void operate() { shared.increment(); }
  static constexpr bool intact() { return true; }
};

template <class Impl>
struct IncrementAll {
  Impl& shared;
  void operate() { shared.increment_all(); }
  static constexpr bool intact() { return true; }
};

template <class Impl>
struct ReadOrUpdate {
  Impl& shared;
  std::span<double> copy;
  std::uint64_t done;
  void operate() {
    if (++done % one_update_of == 0)
      shared.increment_all();
    else
      shared.snapshot(copy);
  }
  [[nodiscard]] bool intact() const { return all_equal(copy); }
};

template <class Impl>
struct Snapshot {
  Impl& shared;
  std::span<double> copy;
  void operate() { shared.snapshot(copy); }
  [[nodiscard]] bool intact() const { return all_equal(copy); }
  [[nodiscard]] std::uint64_t retries() const requires requires(Impl x) { x.retries(); }
  { return shared.retries(); }
};

template <class Impl>
struct Fill {
  Impl& shared;
  double next = 0;
  void operate() { shared.fill(++next); }
  static constexpr bool intact() { return true; }
};

template <class Impl>
struct FillUntilHalted {
  Impl& shared;
  double next = 0;
  void operate() {
    if (board().phase.load(std::memory_order_relaxed) != halt) return shared.fill(++next);
    shared.fill_half(++next, [] { ::raise(SIGSTOP); });
  }
  static constexpr bool intact() { return true; }
};

/// body(seat, operate) runs in each child; it calls operate(task).
template <class Body>
void fork_children(Crew& crew, const Plan& plan, Body&& body) {
  const Think think = Think::of(plan.workload.think_ns);
  for (int i = 0; i < plan.children; ++i) {
    crew.fork([&, i] {
      if (plan.pinned) pin(i);
      Seat& seat = board().seats[static_cast<std::size_t>(i)];
      body(seat, [&](auto&& task) { operate_until_stopped(seat, plan.clock, think, task); });
    });
  }
}

/// The same in one more, the writer.
template <class Body>
void fork_writer(Crew& crew, const Plan& plan, Body&& body) {
  crew.fork([&] {
    if (plan.pinned) pin(plan.children);
    Seat& seat = board().seats[static_cast<std::size_t>(plan.children)];
    body(seat, [&](auto&& task) {
      if (plan.workload.is_paced())
        operate_in_time(seat, plan.workload.writes_per_s, task);
      else
        operate_until_stopped(seat, plan.clock, Think::of(0), task);
    });
  });
}

/// What the end result lacks of what was done, in elements that are wrong too.
inline double shortfall(double done, double found) {
  return done > found ? done - found : found - done;
}

template <class Impl>
std::unique_ptr<Impl> made_for(const Workload& workload) {
  if constexpr (std::constructible_from<Impl, std::size_t>)
    return std::make_unique<Impl>(workload.doubles);
  else
    return std::make_unique<Impl>();
}

template <class Impl>
double lost_of_doubles(Impl& shared, const Plan& plan, std::uint64_t updates) {
  std::vector<double> found(plan.workload.doubles);
  shared.snapshot(found);
  double lost = 0;
  for (const double value : found)
    lost = std::max(lost, shortfall(static_cast<double>(updates), value));
  return lost;
}

template <Operation operation, class Impl>
Outcome run(const Plan& plan) {
  const auto shared = made_for<Impl>(plan.workload);
  clear_board();
  Crew crew;
  if constexpr (operation == Operation::count) {
    fork_children(crew, plan, [&](Seat&, auto&& operate) { operate(Increment<Impl>{*shared}); });
    Outcome outcome = conduct(crew, plan);
    outcome.lost =
        shortfall(static_cast<double>(operations_so_far(plan.children)), shared->value());
    return outcome;
  } else if constexpr (operation == Operation::update) {
    fork_children(crew, plan, [&](Seat&, auto&& operate) { operate(IncrementAll<Impl>{*shared}); });
    Outcome outcome = conduct(crew, plan);
    outcome.lost = lost_of_doubles(*shared, plan, operations_so_far(plan.children));
    return outcome;
  } else if constexpr (operation == Operation::mix) {
    fork_children(crew, plan, [&](Seat& seat, auto&& operate) {
      OwnDoubles copy(plan.workload.doubles);
      operate(ReadOrUpdate<Impl>{*shared, copy,
                                 static_cast<std::uint64_t>(number_of(seat)) % one_update_of});
    });
    Outcome outcome = conduct(crew, plan);
    std::uint64_t updates = 0;
    for (int i = 0; i < plan.children; ++i)
      updates += updates_among(board().seats[static_cast<std::size_t>(i)].operations.load(), i);
    outcome.lost = lost_of_doubles(*shared, plan, updates);
    return outcome;
  } else {
    fork_children(crew, plan, [&](Seat&, auto&& operate) {
      if (operation == Operation::outlive) end_quietly();
      OwnDoubles copy(plan.workload.doubles);
      operate(Snapshot<Impl>{*shared, copy});
    });
    if constexpr (operation == Operation::outlive) {
      fork_writer(crew, plan,
                  [&](Seat&, auto&& operate) { operate(FillUntilHalted<Impl>{*shared}); });
      return conduct_death(crew, plan);
    }
    fork_writer(crew, plan, [&](Seat&, auto&& operate) { operate(Fill<Impl>{*shared}); });
    return conduct(crew, plan);
  }
}

}  // namespace detail

/// It does that operation, on as many doubles as `takes` says: any number, if it is not given.
template <Operation operation, class Impl>
void add(std::string name, Family family, Strategies& to,
         std::function<bool(std::size_t doubles)> takes = {}) {
  const auto takes_it = [takes = std::move(takes)](const Place& place) {
    return place.workload.operation == operation && (!takes || takes(place.workload.doubles));
  };
  to.push_back({std::move(name), family, takes_it, detail::run<operation, Impl>, {}, {}});
}

// One for each file of strategies.
void add_lagoon(Strategies& to);
void add_locks(Strategies& to);
void add_peers(Strategies& to);
void add_containers(Strategies& to);
void add_redis(Strategies& to);
void add_cpython(Strategies& to);

}  // namespace contention
