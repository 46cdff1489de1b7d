#include <semaphore.h>
#include <signal.h>

#include <atomic>
#include <fstream>
#include <memory>
#include <vector>

#include "bench.hpp"

namespace locks_bench {

namespace {

/// Waits until the process sleeps for a futex (it also sleeps here: a few milliseconds at most).
void await_asleep(pid_t pid) {
  for (int i = 0; i < 200; ++i) {
    std::string where;
    std::getline(std::ifstream("/proc/" + std::to_string(pid) + "/wchan"), where);
    if (where.find("futex") != std::string::npos) return;
    usleep(100);
  }
}

using Delays = contention::Histogram;

/// sleep() in a child until wake() here, `times`; between two of them rearm() here. The child runs
/// on `sleeper`, this on `waker`.
template <class Sleep, class Wake, class Rearm>
void wake_ups(Delays& delays, int times, int waker, int sleeper, Sleep sleep, Wake wake,
              Rearm rearm) {
  struct Rounds {
    std::atomic<int> round{0};  // that the sleeper may begin
    std::atomic<int> woken{0};
    std::atomic<std::int64_t> at{0};
  };
  const Mapped<Rounds> board;
  cpu_set_t before;
  sched_getaffinity(0, sizeof before, &before);
  figures::run_on(waker);
  {
    figures::Child child([&] {
      figures::run_on(sleeper);
      for (int i = 1; i <= times; ++i) {
        while (board->round.load() < i) usleep(50);
        sleep();
        board->at = contention::monotonic_ns();
        board->woken = i;
      }
    });
    for (int i = 1; i <= times; ++i) {
      rearm();
      board->round = i;
      usleep(400);  // it spins for less than that
      await_asleep(child.pid());
      const std::int64_t begin = contention::monotonic_ns();
      wake();
      while (board->woken.load() < i) usleep(20);
      delays.record(static_cast<double>(board->at.load() - begin));
    }
    child.wait();
  }
  sched_setaffinity(0, sizeof before, &before);
}

/// From the SIGKILL to an owner until the first of so many who sleep has what it had.
template <class L>
void owner_deaths(Delays& delays, int times, int sleepers, L& lock) {
  struct Death {
    std::atomic<int> held{0};
    std::atomic<std::int64_t> first{0};
  };
  const Mapped<Death> board;
  for (int i = 0; i < times; ++i) {
    board->held = 0;
    board->first = 0;
    figures::Child owner([&] {
      lock.lock();
      board->held = 1;
      for (;;) pause();
    });
    while (board->held.load() == 0) usleep(50);
    std::vector<figures::Child> children;
    for (int k = 0; k < sleepers; ++k)
      children.emplace_back([&] {
        lock.lock();
        std::int64_t nobody = 0;
        board->first.compare_exchange_strong(nobody, contention::monotonic_ns());
        lock.unlock();
      });
    for (const figures::Child& child : children) await_asleep(child.pid());
    usleep(static_cast<unsigned>(i * 137 % 1000));  // at any moment of a slice
    const std::int64_t begin = contention::monotonic_ns();
    owner.kill(SIGKILL);
    for (figures::Child& child : children) child.wait();
    delays.record(static_cast<double>(board->first.load() - begin));
  }
}

template <class Body>
void measure(const std::string& name, Body body) {
  register_once(name, [body](benchmark::State& state) {
    const auto delays = std::make_unique<Delays>();
    body(*delays);
    const double median_us = delays->percentile_ns(0.5) / 1e3;
    const double longest_us = delays->longest_ns() / 1e3;
    for (auto _ : state) state.SetIterationTime(median_us * 1e-6);
    state.counters["p99_us"] = delays->percentile_ns(0.99) / 1e3;
    state.counters["median_us"] = median_us;
    state.counters["median_ms"] = median_us / 1e3;
    state.counters["longest_ms"] = longest_us / 1e3;
  });
}

void ask_wake_ups(Bench& bench, int waker, int sleeper, const std::string& where) {
  struct Posix {
    Posix() { sem_init(&semaphore, 1, 0); }
    sem_t semaphore;
  };
  static const Mapped<std::atomic<std::uint32_t>> futex;
  static lagoon::Event event;
  static lagoon::Semaphore semaphore{0};
  static lagoon::Lock lock;
  static const Mapped<Posix> posix;

  const int times = bench.quick ? 20 : 200;
  const auto add = [&](const std::string& name, auto sleep, auto wake, auto rearm) {
    measure("wake/" + name + "/" + where,
            [=](Delays& delays) { wake_ups(delays, times, waker, sleeper, sleep, wake, rearm); });
  };
  const auto wait_for_futex = [] {
    while (futex->load() == 0)
      lagoon::core::futex_wait(&*futex, 0, lagoon::core::Deadline::never());
  };
  const auto wake_futex = [] {
    futex->store(1);
    lagoon::core::futex_wake(&*futex, 1);
  };
  const auto take_and_give_back = [] {
    lock.lock();
    lock.unlock();
  };
  add("futex", wait_for_futex, wake_futex, [] { futex->store(0); });
  add(
      "Event", [] { event.wait(); }, [] { event.set(); }, [] { event.clear(); });
  add(
      "Semaphore", [] { (void)semaphore.acquire(); }, [] { semaphore.release(); }, [] {});
  add(
      "Lock", take_and_give_back, [] { lock.unlock(); }, [] { lock.lock(); });
  add(
      "POSIX semaphore", [] { (void)sem_wait(&posix->semaphore); },
      [] { (void)sem_post(&posix->semaphore); }, [] {});

  for (const auto& [name, goal] : {std::pair<const char*, std::optional<double>>{"Event", 1.1},
                                   {"Semaphore", 1.1},
                                   {"Lock", 1.1},
                                   {"POSIX semaphore", std::nullopt}})
    bench.table.add(
        {.what = std::string("wake one who waits for ") + name + ", on " + where,
         .figure = std::string("wake/") + name + "/" + where + ":median_us",
         .peer = "a bare futex",
         .peer_is =
             [=](const figures::Table& t) { return t("wake/futex/" + where + ":median_us"); },
         .at_most_ratio = goal,
         .unit = "us"});
}

void ask_owner_deaths(Bench& bench, int waiters) {
  const int times = bench.quick ? 10 : 60;
  const auto add = [&]<class L>(const std::string& name, L& lock) {
    measure("owner killed/" + name + "/" + std::to_string(waiters),
            [=, &lock](Delays& delays) { owner_deaths(delays, times, waiters, lock); });
  };
  add("Lock", bench.locks.lock);
  add("pthread robust", bench.locks.peer<lagoon::locks::PthreadRobustMutex>());

  const std::string what =
      "owner killed, " + std::to_string(waiters) + (waiters == 1 ? " waits" : " wait");
  const std::string mine = "owner killed/Lock/" + std::to_string(waiters);
  const std::string theirs = "owner killed/pthread robust/" + std::to_string(waiters);
  const auto row = [&](const std::string& text, const std::string& counter, double goal) {
    bench.table.add({.what = what + ": " + text,
                     .figure = mine + counter,
                     .peer = "pthread robust",
                     .peer_is = [=](const figures::Table& t) { return t(theirs + counter); },
                     .at_most = goal,
                     .unit = "ms"});
  };
  row("median", ":median_ms", 1);
  row("longest", ":longest_ms", 10);
}

}  // namespace

void ask_sleepers(Bench& bench) {
  const std::vector<int> processors = figures::processors();
  if (processors.size() > 1)
    ask_wake_ups(bench, processors.front(), processors.back(), "another processor");
  ask_wake_ups(bench, processors.front(), processors.front(), "this processor");
  for (const int waiters : {1, 8}) ask_owner_deaths(bench, waiters);
}

}  // namespace locks_bench
