#pragma once
/// What is compared: a strategy is one way to share a counter or 64 doubles between processes.
///
/// To add a lock: a class with `lock()` and `unlock()` whose constructor makes it fit to be shared
/// between processes, and one line with its name in bench/compared_locks.hpp.
/// To add anything else: a struct with what its workloads ask for, made in the parent before the
/// children are forked, and one line `add<workload, It>(...)` for each:
///
///   counter     void increment();                       double value();
///   update64    void increment_all();                   void snapshot(Doubles&);
///   snapshot64  void fill(double) by the one writer;    void snapshot(Doubles&);
///
/// To add a workload: a name, a template with `operate` and `intact`, and a branch in `run`.
/// All calls in the children's loop are resolved at compile time.

#include <array>
#include <bit>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

#include "measure.hpp"

namespace contention {

inline constexpr std::size_t doubles = 64;
using Doubles = std::array<double, doubles>;

enum class Workload { counter, update64, snapshot64 };
inline constexpr std::array workloads{Workload::counter, Workload::update64, Workload::snapshot64};

enum class Family {
  lagoon,   // this library's
  peer,     // what one would use instead
  control,  // wrong on purpose, to show that the benchmark notices; never a winner
};

/// What a cell takes beside its warm-up and window, roughly: to start and to end.
struct Overhead {
  double seconds = 0.006;
  double seconds_per_child = 0.0006;
  [[nodiscard]] double of(int children) const { return seconds + seconds_per_child * children; }
};

struct Strategy {
  std::string name;
  Family family = Family::peer;
  Workload workload = Workload::counter;
  std::function<Outcome(const Plan&)> run;  // called once for a cell, not for an operation
  std::string unavailable;                  // why it cannot be run here; empty if it can
  Overhead overhead;
};
using Strategies = std::vector<Strategy>;

/// True if all have the same bits: the writer gives them all the same value.
inline bool all_equal(const Doubles& values) {
  const auto first = std::bit_cast<std::uint64_t>(values[0]);
  std::uint64_t difference = 0;
  for (const double value : values) difference |= std::bit_cast<std::uint64_t>(value) ^ first;
  return difference == 0;
}

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
struct Snapshot {
  Impl& shared;
  alignas(line) Doubles copy{};
  void operate() { shared.snapshot(copy); }
  [[nodiscard]] bool intact() const { return all_equal(copy); }
};

template <class Impl>
struct Fill {
  Impl& shared;
  double next = 0;
  void operate() { shared.fill(++next); }
  static constexpr bool intact() { return true; }
};

template <class Task, class Impl>
void fork_children(Crew& crew, const Plan& plan, Impl& shared) {
  for (int i = 0; i < plan.children; ++i) {
    crew.fork([&, i] {
      Task task{shared};
      operate_until_stopped(board().seats[static_cast<std::size_t>(i)], plan.clock, task);
    });
  }
}

/// What the end result lacks of what was done, in elements that are wrong too.
inline double shortfall(double done, double found) {
  return done > found ? done - found : found - done;
}

template <Workload workload, class Impl>
Outcome run(const Plan& plan) {
  const auto shared = std::make_unique<Impl>();
  clear_board();
  Crew crew;
  if constexpr (workload == Workload::counter) {
    fork_children<Increment<Impl>>(crew, plan, *shared);
    Outcome outcome = conduct(crew, plan, false);
    outcome.lost =
        shortfall(static_cast<double>(operations_so_far(plan.children)), shared->value());
    return outcome;
  } else if constexpr (workload == Workload::update64) {
    fork_children<IncrementAll<Impl>>(crew, plan, *shared);
    Outcome outcome = conduct(crew, plan, false);
    const auto done = static_cast<double>(operations_so_far(plan.children));
    Doubles found{};
    shared->snapshot(found);
    for (const double value : found) outcome.lost = std::max(outcome.lost, shortfall(done, value));
    return outcome;
  } else {
    fork_children<Snapshot<Impl>>(crew, plan, *shared);
    crew.fork([&] {
      Fill<Impl> task{*shared};
      operate_until_stopped(board().seats[static_cast<std::size_t>(plan.children)], plan.clock,
                            task);
    });
    return conduct(crew, plan, true);
  }
}

}  // namespace detail

template <Workload workload, class Impl>
void add(std::string name, Family family, Strategies& to) {
  to.push_back({std::move(name), family, workload, detail::run<workload, Impl>, {}, {}});
}

// One for each file of strategies.
void add_lagoon(Strategies& to);
void add_locks(Strategies& to);
void add_peers(Strategies& to);
void add_cpython(Strategies& to);

}  // namespace contention
