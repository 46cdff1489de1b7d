#include "bench.hpp"

#include <atomic>
#include <optional>

namespace locks_bench {

namespace {

/// Those that nobody gets again when one died with it are made anew.
void remake(lagoon::locks::ReaderWriterLock&) {}
void remake(lagoon::locks::PthreadRwLock& lock) { new (&lock) lagoon::locks::PthreadRwLock; }

/// Readers alone, and beside a writer that wants it again at once.
template <class L>
void measure(Bench& bench, const std::string& strategy, L& lock, int n) {
  const std::string name = "readers/" + strategy + "/n:" + std::to_string(n);
  const auto read = [&bench, &lock, n] {
    return run(
        lock, Plan{n, 0, 0, seconds_for(n, bench.quick)}, bench.ticks,
        [](L& l) { l.lock_shared(); }, [](L& l) { l.unlock_shared(); });
  };
  register_once(name, [read](benchmark::State& state) { report(state, read()); });
  register_once(name + "/writer", [&lock, read](benchmark::State& state) {
    const Mapped<std::atomic<std::uint64_t>> writes;
    std::optional<figures::Child> writer(std::in_place, [&] {
      for (;;) {
        lock.lock();
        writes->fetch_add(1, std::memory_order_relaxed);
        lock.unlock();
      }
    });
    const std::uint64_t before = writes->load();
    const double begin = figures::wall_seconds();
    const Outcome outcome = read();
    const double took = figures::wall_seconds() - begin;
    report(state, outcome);
    state.counters["writes_per_s"] = static_cast<double>(writes->load() - before) / took;
    writer.reset();
    remake(lock);  // the killed one may have it
  });
}

}  // namespace

void ask_readers(Bench& bench) {
  for (const int n : {1, 2, 4, 16, 64}) {
    if (bench.quick && n > 4) continue;
    measure(bench, "ReaderWriterLock", *bench.locks.reader_writer, n);
    measure(bench, "pthread rwlock", bench.locks.peer<lagoon::locks::PthreadRwLock>(), n);
    const std::string mine = "readers/ReaderWriterLock/n:" + std::to_string(n);
    const std::string theirs = "readers/pthread rwlock/n:" + std::to_string(n);
    const std::string what = std::to_string(n) + (n == 1 ? " reader" : " readers");
    const std::optional<double> goal = n == 1 ? std::nullopt : std::optional<double>(0.3);
    bench.table.add({.what = what,
                     .figure = mine,
                     .peer = "pthread rwlock",
                     .peer_is = [=](const figures::Table& t) { return t(theirs); },
                     .at_most_ratio = goal});
    bench.table.add({.what = what + " beside a writer",
                     .figure = mine + "/writer",
                     .peer = "pthread rwlock",
                     .peer_is = [=](const figures::Table& t) { return t(theirs + "/writer"); },
                     .notes = {{"writes/s", mine + "/writer:writes_per_s"},
                               {"pthread's", theirs + "/writer:writes_per_s"}}});
  }
}

}  // namespace locks_bench
