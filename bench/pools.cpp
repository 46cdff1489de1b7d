/// What does a task cost that another process does, and beside the alternatives? With two workers.
///
///   apply         a function of an int: there and back, by one who waits
///   map           of each of many ints, in chunks as the pool makes them: the time of one
///   map by ones   each of them sent as a task of its own: the time of one
///
/// Beside: a process that is forked for each task and tells its result through a Value; CPython's
/// Pool, where python3 is, which does the same with a Python function, to whose own time (some
/// 50 ns) this adds little.
///
/// Wall time, so what else runs on the machine counts; medians of interleaved repetitions. Takes
/// every option of Google Benchmark, and --quick.

#include "figures.hpp"
#include "python_peer.hpp"

#include <cstddef>
#include <cstdint>
#include <lagoon/lagoon.hpp>
#include <numeric>
#include <string>
#include <vector>

namespace {

using figures::define_timed;
using figures::Table;

constexpr int workers = 2;
constexpr auto add_one = [](int x) { return x + 1; };

/// Nanoseconds of one of so many, as python3 measures it: the least of three.
void define_python(const char* name, std::int64_t times, const std::string& statement) {
  const std::string script =
      "python3 -c '\n"
      "import multiprocessing, time\n"
      "def add_one(x): return x + 1\n"
      "if __name__ == \"__main__\":\n"
      "  with multiprocessing.get_context(\"fork\").Pool(" +
      std::to_string(workers) +
      ") as p:\n"
      "    n = " +
      std::to_string(times) +
      "\n"
      "    def once():\n"
      "      t = time.perf_counter()\n"
      "      " +
      statement +
      "\n"
      "      return (time.perf_counter() - t) / n * 1e9\n"
      "    once()\n"
      "    print(min(once() for _ in range(3)))' 2>/dev/null";
  register_python(name, script);
}

/// Made when it is first wanted.
lagoon::Pool& pool() {
  static lagoon::Pool the_pool(workers);
  return the_pool;
}

std::vector<int> numbers(std::int64_t n) {
  std::vector<int> all(static_cast<std::size_t>(n));
  std::iota(all.begin(), all.end(), 0);
  return all;
}

void define(Table& table, bool quick) {
  const std::int64_t trips = quick ? 200 : 5000;
  const std::int64_t ones = quick ? 1000 : 50'000;
  const std::int64_t many = quick ? 10'000 : 1'000'000;
  const std::int64_t forks = quick ? 10 : 200;

  define_timed("Pool apply", trips, [=] {
    for (int i = 0; i < trips; ++i) benchmark::DoNotOptimize(pool().apply(add_one, i));
  });
  define_timed("Pool map", many,
               [=] { benchmark::DoNotOptimize(pool().map(add_one, numbers(many))); });
  define_timed("Pool map by ones", ones,
               [=] { benchmark::DoNotOptimize(pool().map(add_one, numbers(ones), 1)); });
  define_timed("fork a task", forks, [=] {
    lagoon::Value<int> result{0};
    for (int i = 0; i < forks; ++i) {
      lagoon::Process child([&] { result = add_one(i); });
      child.start();
      child.join();
    }
  });
  define_python("python apply", trips, "for i in range(n): p.apply(add_one, (i,))");
  define_python("python map", many, "p.map(add_one, range(n))");
  define_python("python map by ones", ones, "p.map(add_one, range(n), 1)");

  const auto row = [&](const char* figure, const char* peer) {
    table.add({.what = figure, .figure = figure, .peer = peer});
  };
  row("Pool apply", "fork a task");
  row("Pool apply", "python apply");
  row("Pool map", "python map");
  row("Pool map by ones", "fork a task");
  row("Pool map by ones", "python map by ones");
}

}  // namespace

int main(int argc, char** argv) { return figures::run(argc, argv, "0.05", define); }
