/// What does a lock cost that nobody else wants?
///
/// A pair of acquire and release, beside one locked instruction (a fetch_add on a word of its own
/// in the same memory), which is the least that taking anything can cost, and beside pthread's
/// process-shared mutexes: normal, robust, and robust and recursive.
///
/// Takes every option of Google Benchmark, and --quick.

#include "figures.hpp"

#include <pthread.h>

#include <cstdint>
#include <lagoon/lagoon.hpp>

namespace {

using figures::Table;

class Mutex {
 public:
  Mutex(bool robust, bool recursive) {
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    if (robust) pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    if (recursive) pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&*mutex_, &attributes);
    pthread_mutexattr_destroy(&attributes);
  }
  void acquire() { pthread_mutex_lock(&*mutex_); }
  void release() { pthread_mutex_unlock(&*mutex_); }

 private:
  figures::Shared<pthread_mutex_t> mutex_;
};

template <class Lock>
void pair(benchmark::State& state, Lock& lock) {
  for (auto _ : state) {
    (void)lock.acquire();
    lock.release();
  }
}

/// A pair inside a held lock.
void nested(benchmark::State& state, lagoon::RLock& lock) {
  (void)lock.acquire();
  pair(state, lock);
  lock.release();
}

}  // namespace

int main(int argc, char** argv) {
  lagoon::Lock lock;
  lagoon::RLock rlock;
  lagoon::Value<std::int64_t> word{0};
  Mutex normal(false, false);
  Mutex robust(true, false);
  Mutex robust_recursive(true, true);
  return figures::run(argc, argv, "0.1", [&](Table& table, bool) {
    const auto add = [](const char* name, auto body) { benchmark::RegisterBenchmark(name, body); };
    add("one locked instruction", [&](benchmark::State& state) {
      for (auto _ : state) benchmark::DoNotOptimize(word.fetch_add(1));
    });
    add("pthread", [&](auto& state) { pair(state, normal); });
    add("pthread robust", [&](auto& state) { pair(state, robust); });
    add("pthread robust recursive", [&](auto& state) { pair(state, robust_recursive); });
    add("Lock", [&](auto& state) { pair(state, lock); });
    add("RLock", [&](auto& state) { pair(state, rlock); });
    add("RLock, nested", [&](auto& state) { nested(state, rlock); });

    const auto row = [&](const char* figure, const char* peer, std::optional<double> goal) {
      table.add({.what = figure, .figure = figure, .peer = peer, .at_most_ratio = goal});
    };
    row("Lock", "one locked instruction", 1.3);
    row("Lock", "pthread", {});
    row("Lock", "pthread robust", 0.45);
    row("RLock", "one locked instruction", 1.6);
    row("RLock", "pthread robust recursive", {});
    row("RLock, nested", "one locked instruction", {});
  });
}
