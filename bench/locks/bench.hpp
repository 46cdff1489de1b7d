#pragma once
/// What the questions of this program have in common. Each has a file, and a function that
/// registers what it measures and the rows of the table.

#include <cstdio>
#include <string>

#include "crowd.hpp"
#include "figures.hpp"
#include "strategies.hpp"

namespace locks_bench {

struct Bench {
  Bench(figures::Table& to, bool only_a_look) : table(to), quick(only_a_look) {}

  figures::Table& table;
  bool quick;
  Ticks ticks;
  Strategies locks;
};

/// What taking and giving back costs when nobody else wants it.
void ask_alone(Bench& bench);
/// How often, how fairly and after how long so many processes get it.
void ask_contended(Bench& bench);
/// What readers pay.
void ask_readers(Bench& bench);
/// How long it takes until one who sleeps goes on.
void ask_sleepers(Bench& bench);

/// Of every strategy, whatever of ask_contended was run.
void print_contended(const figures::Table& table);

/// How long a crowd is looked at: shares among so many mean something after some turns of the
/// scheduler for each.
inline double seconds_for(int children, bool quick) {
  const double turns = children <= 4 ? 0.12 : 0.01 * children;
  return quick ? std::min(turns, 0.04) : turns;
}

inline void report(benchmark::State& state, const Outcome& outcome) {
  for (auto _ : state) state.SetIterationTime(outcome.ns * 1e-9);
  state.counters["jain"] = outcome.jain;
  state.counters["unfairness"] = 1 - outcome.jain;
  state.counters["least"] = outcome.least;
  state.counters["longest_us"] = outcome.longest_us;
  state.counters["p999_us"] = outcome.p999_us;
  state.counters["cpu_ns"] = outcome.cpu_ns;
}

template <class Body>
void register_once(const std::string& name, Body body) {
  benchmark::RegisterBenchmark(name.c_str(), body)->UseManualTime()->Iterations(1);
}

}  // namespace locks_bench
