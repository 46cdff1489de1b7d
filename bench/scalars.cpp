/// What does a shared scalar cost beside a bare atomic in the same memory and order?
///
/// `Value<std::int64_t>` against `boost::ipc_atomic<std::int64_t>`, alone and with 1 to 64
/// processes at the same word. Alone: processor time of one call. Together: processor time of all
/// of them by operation, which is what contention costs and what other programs do not disturb.
///
/// Then by the C interface, whose calls are calls: they may take two nanoseconds more.
///
/// Takes every option of Google Benchmark, and --quick.

#include "figures.hpp"

#include <lagoon/lagoon.h>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <lagoon/lagoon.hpp>
#include <optional>
#include <string>
#include <vector>

namespace {

using figures::Table;
using Bare = boost::ipc_atomic<std::int64_t>;
using Value = lagoon::Value<std::int64_t>;

constexpr int process_counts[] = {1, 2, 4, 16, 64};

template <std::memory_order Order>
struct Get {
  static constexpr int batch = 16384;
  static void call(const Value& value) { benchmark::DoNotOptimize(value.get(Order)); }
  static void call(const Bare& bare) {
    benchmark::DoNotOptimize(bare.load(lagoon::detail::to_boost(Order)));
  }
};
template <std::memory_order Order>
struct Set {
  static constexpr int batch = 1024;
  static void call(Value& value) { value.set(1, Order); }
  static void call(Bare& bare) { bare.store(1, lagoon::detail::to_boost(Order)); }
};
template <std::memory_order Order>
struct FetchAdd {
  static constexpr int batch = 1024;
  static void call(Value& value) { benchmark::DoNotOptimize(value.fetch_add(1, Order)); }
  static void call(Bare& bare) {
    benchmark::DoNotOptimize(bare.fetch_add(1, lagoon::detail::to_boost(Order)));
  }
};

/// By the C interface.
struct FromC {
  lagoon_value* value = nullptr;
};
struct GetFromC : Get<std::memory_order_seq_cst> {
  using Get::call;
  static void call(const FromC& c) {
    std::int64_t x = 0;
    if (lagoon_value_get_i64(c.value, &x) != lagoon_ok) std::abort();
    benchmark::DoNotOptimize(x);
  }
};
struct SetFromC : Set<std::memory_order_seq_cst> {
  using Set::call;
  static void call(const FromC& c) {
    if (lagoon_value_set_i64(c.value, 1) != lagoon_ok) std::abort();
  }
};
struct FetchAddFromC : FetchAdd<std::memory_order_seq_cst> {
  using FetchAdd::call;
  static void call(const FromC& c) {
    std::int64_t x = 0;
    if (lagoon_value_fetch_add_i64(c.value, 1, &x) != lagoon_ok) std::abort();
    benchmark::DoNotOptimize(x);
  }
};

template <class Operation, class Word>
void alone(benchmark::State& state, Word& word) {
  for (auto _ : state) Operation::call(word);
}

/// Calls and the processor time they took, of all processes.
struct Tally {
  boost::ipc_atomic<std::uint64_t> calls{0};
  boost::ipc_atomic<std::uint64_t> nanoseconds{0};
  [[nodiscard]] double each() const {
    return static_cast<double>(nanoseconds.load()) / static_cast<double>(calls.load());
  }
};
struct Board {
  boost::ipc_atomic<int> ready{0};
  boost::ipc_atomic<double> start{0};  // by the clock; 0 until all are ready
  Tally value;
  Tally bare;
};

/// Calls until a moment that is the same for all processes.
template <class Operation, class Word>
void call_until(double end, Word& word, Tally& tally) {
  std::uint64_t calls = 0;
  const double start = figures::processor_seconds();
  while (figures::wall_seconds() < end) {
    for (int i = 0; i < Operation::batch; ++i) Operation::call(word);
    calls += Operation::batch;
  }
  const double took = figures::processor_seconds() - start;
  if (calls == 0) return;
  tally.calls.fetch_add(calls);
  tally.nanoseconds.fetch_add(static_cast<std::uint64_t>(took * 1e9));
}

/// All processes call one and the other in turn, changing over by the clock, so that both meet the
/// same company and the same machine.
template <class Operation>
void together(benchmark::State& state, Value& value, Bare& bare, int processes, int turns) {
  constexpr double turn = 1e-3;
  for (auto _ : state) {
    const Mapped<Board> board;
    std::vector<figures::Child> children;
    for (int i = 0; i < processes; ++i)
      children.emplace_back([&] {
        board->ready.fetch_add(1);
        double start = 0;
        while ((start = board->start.load()) == 0) usleep(100);
        while (figures::wall_seconds() < start) usleep(100);
        for (int n = 0; n < turns; n += 2) {
          call_until<Operation>(start + turn * (n + 1), value, board->value);
          call_until<Operation>(start + turn * (n + 2), bare, board->bare);
        }
      });
    while (board->ready.load() < processes) usleep(100);
    board->start.store(figures::wall_seconds() + turn);
    for (auto& child : children) child.wait();
    state.SetIterationTime(turn * turns);
    if (board->value.calls.load() == 0 || board->bare.calls.load() == 0)
      return state.SkipWithError("the machine left these processes no time for one of the two");
    state.counters["value"] = board->value.each();
    state.counters["bare"] = board->bare.each();
  }
}

template <class Operation, class Word>
void add_alone(Table& table, const std::string& what, Word& value, Bare& bare,
               std::optional<double> more = {}) {
  const std::string mine = what + "/Value";
  const std::string peer = what + "/ipc_atomic";
  benchmark::RegisterBenchmark(mine.c_str(), [&](auto& s) { alone<Operation>(s, value); });
  benchmark::RegisterBenchmark(peer.c_str(), [&](auto& s) { alone<Operation>(s, bare); });
  table.add({.what = what,
             .figure = mine,
             .peer = "boost::ipc_atomic",
             .peer_is = [=](const Table& t) { return t(peer); },
             .at_most_ratio = 1.05,
             .at_most_more = more});
}

template <class Operation>
void add_together(Table& table, const std::string& name, Value& value, Bare& bare, bool quick) {
  for (const int n : process_counts) {
    const std::string what = name + ", " + std::to_string(n) + (n == 1 ? " process" : " processes");
    benchmark::RegisterBenchmark(what.c_str(),
                                 [&value, &bare, n, quick](auto& s) {
                                   together<Operation>(s, value, bare, n, quick ? 10 : 50);
                                 })
        ->UseManualTime()
        ->Iterations(1);
    table.add({.what = what,
               .figure = what + ":value",
               .peer = "boost::ipc_atomic",
               .peer_is = [=](const Table& t) { return t(what + ":bare"); },
               .at_most_ratio = 1.05});
  }
}

}  // namespace

int main(int argc, char** argv) {
  using enum std::memory_order;
  Value value{0};
  lagoon::Array<std::int64_t, lagoon::mode::raw> beside(8);  // a line of the same heap
  Bare& bare = *new (beside.get_obj().data()) Bare{0};
  FromC from_c;
  if (lagoon_value_make(nullptr, nullptr, 'q', lagoon_atomic, nullptr, &from_c.value) != lagoon_ok)
    return 1;
  return figures::run(argc, argv, "0.02", [&](Table& table, bool quick) {
    add_alone<Get<relaxed>>(table, "get, relaxed", value, bare);
    add_alone<Get<acquire>>(table, "get, acquire", value, bare);
    add_alone<Get<seq_cst>>(table, "get, seq_cst", value, bare);
    add_alone<Set<relaxed>>(table, "set, relaxed", value, bare);
    add_alone<Set<release>>(table, "set, release", value, bare);
    add_alone<Set<seq_cst>>(table, "set, seq_cst", value, bare);
    add_alone<FetchAdd<relaxed>>(table, "fetch_add, relaxed", value, bare);
    add_alone<FetchAdd<acq_rel>>(table, "fetch_add, acq_rel", value, bare);
    add_alone<FetchAdd<seq_cst>>(table, "fetch_add, seq_cst", value, bare);
    add_alone<GetFromC>(table, "get, from C", from_c, bare, 2);
    add_alone<SetFromC>(table, "set, from C", from_c, bare, 2);
    add_alone<FetchAddFromC>(table, "fetch_add, from C", from_c, bare, 2);
    add_together<Get<seq_cst>>(table, "get, seq_cst", value, bare, quick);
    add_together<Set<seq_cst>>(table, "set, seq_cst", value, bare, quick);
    add_together<FetchAdd<seq_cst>>(table, "fetch_add, seq_cst", value, bare, quick);
  });
}
