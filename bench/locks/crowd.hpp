#pragma once
/// So many processes that want one lock, for a while: how often they get it, and how long they
/// wait.
///
/// Each takes the lock, adds one to a plain counter, keeps the lock for so long, gives it back and
/// thinks for so long, over and over, for a fixed time; hold and think are spent looking at the
/// clock. They do it twice: first bare, for the throughput; then with every wait timed, for the
/// waits, so that reading the clock is in no throughput.

#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <memory>
#include <vector>

#include "contention/clock.hpp"
#include "contention/histogram.hpp"
#include "figures.hpp"

namespace locks_bench {

inline constexpr int max_children = 64;

struct Plan {
  int children = 1;
  double hold_ns = 0;
  double think_ns = 0;
  double seconds = 0.1;  // each of the two times
};

struct Outcome {
  double ns = 0;       // from one to the next who had it, whoever that was
  double jain = 0;     // of how often each had it: 1 is even
  double least = 0;    // the least-served one's part of the fair share
  double p999_us = 0;  // of single waits
  double longest_us = 0;
  double cpu_ns = 0;  // processor time of all, each time one had it
  double lost = 0;    // additions that the counter does not have
};

/// Reads a clock that all processes share, as cheaply as there is one.
class Ticks {
 public:
  Ticks() : clock_(contention::Clock::calibrate()) {}
  [[nodiscard]] std::uint64_t now() const noexcept {
#if defined(__x86_64__)
    if (clock_.tsc) return __rdtsc();
#endif
    return static_cast<std::uint64_t>(contention::monotonic_ns());
  }
  [[nodiscard]] std::uint64_t of_ns(double ns) const noexcept {
    return static_cast<std::uint64_t>(ns / clock_.ns_per_tick);
  }
  [[nodiscard]] double ns(std::uint64_t ticks) const noexcept {
    return static_cast<double>(ticks) * clock_.ns_per_tick;
  }
  void spend(std::uint64_t ticks) const noexcept {
    if (ticks == 0) return;
    for (const std::uint64_t begin = now(); now() - begin < ticks;) continue;
  }

 private:
  contention::Clock clock_;
};

struct Seat {
  alignas(128) std::atomic<std::uint64_t> times;
  std::atomic<std::uint64_t> cpu_ns;
  contention::Histogram waits;
};
struct Board {
  enum Phase : int { gather, warm_up, bare, rest, timed, over };
  alignas(128) std::atomic<int> phase;
  alignas(128) std::atomic<int> ready;
  alignas(128) volatile std::uint64_t counter;  // plain: what makes it right is the lock
  std::array<Seat, max_children> seats;
};

/// `take(lock)` and `give(lock)` are what is measured.
template <class L, class Take, class Give>
void contend(L& lock, const Plan& plan, const Ticks& ticks, Board& board, Seat& seat, Take take,
             Give give) {
  const std::uint64_t hold = ticks.of_ns(plan.hold_ns);
  const std::uint64_t think = ticks.of_ns(plan.think_ns);
  board.ready.fetch_add(1);
  while (board.phase.load() == Board::gather) usleep(200);
  std::uint64_t times = 0;
  double cpu_before = 0;
  int before = Board::warm_up;
  for (int phase = before; phase != Board::over;
       phase = board.phase.load(std::memory_order_relaxed)) {
    if (phase != before) {
      const double cpu = figures::processor_seconds();
      if (phase == Board::bare) cpu_before = cpu;
      if (before == Board::bare) seat.cpu_ns = static_cast<std::uint64_t>((cpu - cpu_before) * 1e9);
      before = phase;
    }
    if (phase == Board::timed) {
      const std::uint64_t begin = ticks.now();
      take(lock);
      seat.waits.record(ticks.ns(ticks.now() - begin));
    } else {
      take(lock);
    }
    board.counter = board.counter + 1;
    ticks.spend(hold);
    give(lock);
    ticks.spend(think);
    seat.times.store(++times, std::memory_order_relaxed);
  }
}

template <class L, class Take, class Give>
Outcome run(L& lock, const Plan& plan, const Ticks& ticks, Take take, Give give) {
  const Mapped<Board> board;
  std::vector<figures::Child> children;
  for (int i = 0; i < plan.children; ++i)
    children.emplace_back([&, i] {
      contend(lock, plan, ticks, *board, board->seats[static_cast<std::size_t>(i)], take, give);
    });
  while (board->ready.load() < plan.children) usleep(200);
  const auto pass = [&](int phase, double seconds) {
    board->phase.store(phase);
    usleep(static_cast<unsigned>(seconds * 1e6));
  };
  const auto so_far = [&] {
    std::vector<double> times;
    for (int i = 0; i < plan.children; ++i)
      times.push_back(static_cast<double>(board->seats[static_cast<std::size_t>(i)].times.load()));
    return times;
  };
  pass(Board::warm_up, plan.seconds / 5);
  board->phase.store(Board::bare);
  const double begin = figures::wall_seconds();
  const std::vector<double> early = so_far();
  usleep(static_cast<unsigned>(plan.seconds * 1e6));
  const std::vector<double> late = so_far();
  const double took = figures::wall_seconds() - begin;
  pass(Board::rest, plan.seconds / 20);
  pass(Board::timed, plan.seconds);
  board->phase.store(Board::over);
  for (figures::Child& child : children) child.wait();

  Outcome outcome;
  double sum = 0;
  double squares = 0;
  double least = 1e300;
  for (std::size_t i = 0; i < late.size(); ++i) {
    const double times = late[i] - early[i];
    sum += times;
    squares += times * times;
    least = std::min(least, times);
  }
  outcome.ns = took * 1e9 / sum;
  outcome.jain = sum * sum / (plan.children * squares);
  outcome.least = least * plan.children / sum;
  const auto waits = std::make_unique<contention::Histogram>();
  double all = 0;
  for (int i = 0; i < plan.children; ++i) {
    const Seat& seat = board->seats[static_cast<std::size_t>(i)];
    waits->merge(seat.waits);
    outcome.cpu_ns += static_cast<double>(seat.cpu_ns.load()) / sum;
    all += static_cast<double>(seat.times.load());
  }
  outcome.p999_us = waits->percentile_ns(0.999) / 1e3;
  outcome.longest_us = waits->longest_ns() / 1e3;
  outcome.lost = all - static_cast<double>(board->counter);
  return outcome;
}

}  // namespace locks_bench
