/// Which lock? What each costs alone; how often and how fairly so many processes get it, and how
/// long they wait, by how long it is held and how long they think in between; what readers pay; how
/// long it takes to wake one who sleeps, and to take over from the dead.
///
/// Every figure is beside its peer in the same run: one locked instruction (a fetch_add on a word
/// of its own in the same memory), which is the least that taking anything can cost; pthread's
/// robust mutex, which is what survives its holder's death elsewhere; a bare futex. At the end, the
/// table of all strategies.
///
/// Takes every option of Google Benchmark (--benchmark_filter=contended/.*hold:300), and --quick.

#include <optional>

#include "bench.hpp"

int main(int argc, char** argv) {
  std::optional<locks_bench::Bench> bench;  // for as long as it runs
  const auto define = [&](figures::Table& table, bool quick) {
    bench.emplace(table, quick);
    ask_alone(*bench);
    ask_contended(*bench);
    ask_readers(*bench);
    ask_sleepers(*bench);
  };
  return figures::run(argc, argv, "0.05", define, locks_bench::print_contended, "3");
}
