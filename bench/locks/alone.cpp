#include "bench.hpp"

namespace locks_bench {

void ask_alone(Bench& bench) {
  static lagoon::Value<std::int64_t> word{0};
  Strategies& locks = bench.locks;
  const auto add = [](const std::string& name, auto body) {
    benchmark::RegisterBenchmark(name.c_str(), body);
  };
  add("one locked instruction", [](benchmark::State& state) {
    for (auto _ : state) benchmark::DoNotOptimize(word.fetch_add(1));
  });
  locks.each([&]<class L>(const std::string& name, L& lock) {
    add("alone/" + name, [&lock](benchmark::State& state) {
      for (auto _ : state) {
        lock.lock();
        lock.unlock();
      }
    });
  });
  add("alone/RLock, nested", [&locks](benchmark::State& state) {
    locks.rlock.lock();
    for (auto _ : state) {
      locks.rlock.lock();
      locks.rlock.unlock();
    }
    locks.rlock.unlock();
  });
  add("alone/reader", [&locks](benchmark::State& state) {
    for (auto _ : state) {
      locks.reader_writer->lock_shared();
      locks.reader_writer->unlock_shared();
    }
  });

  const auto row = [&](const std::string& figure, const std::string& peer,
                       std::optional<double> goal) {
    bench.table.add({.what = figure + ", alone",
                     .figure = "alone/" + figure,
                     .peer = peer,
                     .peer_is =
                         [=](const figures::Table& t) {
                           const auto found = t("alone/" + peer);
                           return found ? found : t(peer);
                         },
                     .at_most_ratio = goal});
  };
  locks.each([&](const std::string& name, auto&) {
    const std::optional<double> goal = name == "Lock"    ? std::optional(1.3)
                                       : name == "RLock" ? std::optional(1.6)
                                                         : std::nullopt;
    row(name, "one locked instruction", goal);
  });
  row("Lock", "pthread robust", 0.45);
  row("RLock", "pthread robust recursive", {});
  row("RLock, nested", "one locked instruction", {});
  row("Semaphore", "POSIX semaphore", 1.0);
  row("BoundedSemaphore", "POSIX semaphore", {});
  row("reader", "pthread rwlock", {});
}

}  // namespace locks_bench
