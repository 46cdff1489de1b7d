/// What does a list cost that processes share, and beside the alternatives?
///
///   get, set, add   an element of 8 bytes, at one of so many places at random; `add` is l[i] += 1,
///                   beside it the same under the mutex
///   last            l[-1]
///   append, pop     both, one after the other: the time of the two
///   fill            append of 1000, then clear: the time of one of them
///   insert, erase   both, in the middle of so many: the time of the two
///   beside a writer get, while another process sets without pause
///   Objects         List<>: a small int
///
/// Beside: boost::interprocess::vector under its interprocess_mutex, in memory that is shared.
///
/// Processor time. Takes every option of Google Benchmark, and --quick.

#include "figures.hpp"
#include "list_peers.hpp"
#include "random.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <lagoon/lagoon.hpp>
#include <string>
#include <utility>
#include <vector>

namespace {

using figures::Table;
using peers::Place;

using Lagoon = peers::LagoonList<double>;
using UnderMutex = peers::GuardedVector<double>;

Place place_of(Random& random, Place count) {
  return static_cast<Place>(random.below(static_cast<std::uint64_t>(count)));
}

/// f(list, place) of so many, and how many operations that is.
template <class L>
struct Operation {
  const char* name;
  std::function<void(benchmark::State&, L&, Place)> run;
};
template <class L, class F>
Operation<L> each(const char* name, F f) {
  return {name, [f](benchmark::State& state, L& list, Place count) {
            Random random;
            for (auto _ : state) f(list, place_of(random, count));
          }};
}
template <class L>
std::vector<Operation<L>> operations() {
  return {
      each<L>("get", [](L& l, Place i) { benchmark::DoNotOptimize(l.get(i)); }),
      each<L>("last", [](L& l, Place) { benchmark::DoNotOptimize(l.last()); }),
      each<L>("set", [](L& l, Place i) { l.set(i, 1.5); }),
      each<L>("add", [](L& l, Place i) { l.add(i); }),
      each<L>("append, pop",
              [](L& l, Place) {
                l.append(1.5);
                benchmark::DoNotOptimize(l.pop());
              }),
      each<L>("insert, erase",
              [](L& l, Place i) {
                l.insert(i, 1.5);
                l.erase(i);
              }),
  };
}
std::string name(const std::string& who, const std::string& operation, Place count) {
  return who + " " + operation + " of " + std::to_string(count);
}

template <class L>
void define_all(const std::string& who, Place count) {
  for (const auto& operation : operations<L>())
    benchmark::RegisterBenchmark(name(who, operation.name, count).c_str(),
                                 [=](benchmark::State& state) {
                                   L list(count);
                                   operation.run(state, list, count);
                                 });
}
template <class L>
void define_fill(const std::string& who) {
  benchmark::RegisterBenchmark(name(who, "fill", 1000).c_str(), [](benchmark::State& state) {
    L list(1);
    while (state.KeepRunningBatch(1000)) {
      for (int i = 0; i < 1000; ++i) list.append(i);
      list.clear();
    }
  });
}
template <class L>
void define_beside_a_writer(const std::string& who, Place count) {
  benchmark::RegisterBenchmark(name(who, "get beside a writer", count).c_str(),
                               [=](benchmark::State& state) {
                                 L list(count);
                                 const figures::Child writer([&] {
                                   Random random;
                                   for (double x = 0;; ++x) list.set(place_of(random, count), x);
                                 });
                                 while (list.get(count / 2) == 0) sched_yield();
                                 Random random;
                                 for (auto _ : state)
                                   benchmark::DoNotOptimize(list.get(place_of(random, count)));
                               });
}

void define(Table& table, bool quick) {
  const auto row = [&](const std::string& what, Place count, double at_most) {
    Table::Row r{.what = name("lagoon", what, count),
                 .figure = name("lagoon", what, count),
                 .peer = name("vector", what, count)};
    if (at_most != 0) r.at_most = at_most;
    table.add(std::move(r));
  };
  const std::vector<Place> counts =
      quick ? std::vector<Place>{1000} : std::vector<Place>{100, 1000, 100'000};
  for (const Place count : counts) {
    define_all<Lagoon>("lagoon", count);
    define_all<UnderMutex>("vector", count);
    for (const auto& operation : operations<Lagoon>()) {
      const std::string what = operation.name;
      row(what, count, count > 1000 ? 0 : what == "get" ? 60 : what == "append, pop" ? 300 : 0);
    }
  }
  define_fill<Lagoon>("lagoon");
  define_fill<UnderMutex>("vector");
  row("fill", 1000, 150);
  define_beside_a_writer<Lagoon>("lagoon", 1000);
  define_beside_a_writer<UnderMutex>("vector", 1000);
  row("get beside a writer", 1000, 0);

  benchmark::RegisterBenchmark("lagoon get of Objects", [](benchmark::State& state) {
    lagoon::List<> list;
    for (int i = 0; i < 1000; ++i) list.append(i);
    Random random;
    for (auto _ : state) benchmark::DoNotOptimize(list.at(place_of(random, 1000)));
  });
  table.add({.what = "lagoon get of Objects",
             .figure = "lagoon get of Objects",
             .peer = name("vector", "get", 1000),
             .at_most = 60});
}

}  // namespace

int main(int argc, char** argv) { return figures::run(argc, argv, "0.02", define); }
