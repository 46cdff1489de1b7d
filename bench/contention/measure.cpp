#include "measure.hpp"

#include <time.h>

#include <algorithm>
#include <fstream>
#include <memory>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

#include "machine.hpp"

namespace contention {
namespace {

constexpr std::int64_t second = 1'000'000'000;
constexpr std::int64_t patience = 30 * second;  // to start or stop; far more than any needs

struct Interrupted : std::runtime_error {
  Interrupted() : std::runtime_error("interrupted") {}
};

void sleep_until(std::int64_t deadline) {
  const timespec at{deadline / second, deadline % second};
  while (!interrupted() && ::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, nullptr) != 0) {
  }
  if (interrupted()) throw Interrupted();
}

void wait_until_seated(Crew& crew, int seats) {
  const auto deadline = monotonic_ns() + patience;
  for (int i = 0; i < seats;) {
    if (board().seats[static_cast<std::size_t>(i)].process.load(std::memory_order_acquire) != 0) {
      ++i;
      continue;
    }
    crew.expect_all_running();
    if (monotonic_ns() > deadline) {
      throw std::runtime_error("only " + std::to_string(i) + " of " + std::to_string(seats) +
                               " children were ready after 30 s");
    }
    sleep_until(monotonic_ns() + 200'000);
  }
}

/// Operations against those that were due: the children's common rate, for the time in which this
/// one was not waiting for a processor. Who had next to no time cannot be judged: 1.
class Due {
 public:
  explicit Due(int children) {
    for (int i = 0; i < children; ++i) {
      const Seat& seat = board().seats[static_cast<std::size_t>(i)];
      operations_ += static_cast<double>(seat.operations.load());
      time_ += time_of(seat);
    }
    mean_time_ = time_ / children;
  }
  [[nodiscard]] double share(const Seat& seat) const {
    const double time = time_of(seat);
    if (operations_ <= 0 || time < mean_time_ / 4) return 1;
    return static_cast<double>(seat.operations.load()) / (operations_ / time_ * time);
  }

 private:
  static double time_of(const Seat& seat) {
    const auto present = static_cast<double>(seat.present_ns.load());
    return std::max(present - static_cast<double>(seat.queued_ns.load()), 0.0);
  }
  double operations_ = 0, time_ = 0, mean_time_ = 0;
};

double cpu_seconds(pid_t process) {
  clockid_t clock{};
  timespec used{};
  if (::clock_getcpuclockid(process, &clock) != 0) return 0;
  if (::clock_gettime(clock, &used) != 0) return 0;
  return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) * 1e-9;
}

/// The children, the writer, and whoever serves them.
std::vector<pid_t> at_work(int seats) {
  std::vector<pid_t> all = descendants();
  if (!all.empty()) return all;
  for (int i = 0; i < seats; ++i)
    all.push_back(static_cast<pid_t>(board().seats[static_cast<std::size_t>(i)].process.load()));
  return all;
}

/// Everybody's counts at one moment, as near as the parent can take them.
struct Reading {
  std::int64_t at = monotonic_ns();
  std::vector<double> operations;
  double cpu_s = 0;

  /// `processes`: those whose processor time counts.
  explicit Reading(int seats, const std::vector<pid_t>& processes = {}) {
    for (int i = 0; i < seats; ++i) {
      const Seat& seat = board().seats[static_cast<std::size_t>(i)];
      operations.push_back(static_cast<double>(seat.operations.load(std::memory_order_relaxed)));
    }
    for (const pid_t process : processes) cpu_s += cpu_seconds(process);
  }
};

}  // namespace

std::uint64_t Presence::queued_ns() {
  std::uint64_t ran = 0, queued = 0;
  std::ifstream("/proc/self/schedstat") >> ran >> queued;
  return queued;
}

Presence::~Presence() {
  seat_.present_ns.store(static_cast<std::uint64_t>(monotonic_ns() - begin_ns_));
  seat_.queued_ns.store(queued_ns() - queued_before_);
}

void clear_board() {
  Board& all = board();
  all.phase.store(gather);
  all.lost.store(0);
  for (Seat& seat : all.seats) {
    seat.operations.store(0);
    seat.torn.store(0);
    seat.retries.store(0);
    seat.process.store(0);
    seat.present_ns.store(0);
    seat.queued_ns.store(0);
    seat.histogram = {};
  }
}

std::uint64_t operations_so_far(int children) {
  std::uint64_t sum = 0;
  for (int i = 0; i < children; ++i) sum += board().seats[static_cast<std::size_t>(i)].operations;
  return sum;
}

bool Metronome::wait() {
  // Closer than that, the kernel may wake us too late.
  constexpr double spin_ns = 100'000;
  auto& phase_word = board().phase;
  const auto now = static_cast<double>(monotonic_ns());
  due_ns_ = due_ns_ == 0 ? now : due_ns_ + period_ns_;
  for (;;) {
    if (phase_word.load(std::memory_order_relaxed) == stop) return false;
    const double left = due_ns_ - static_cast<double>(monotonic_ns());
    if (left <= 0) return true;
    if (left > spin_ns) {
      const auto until = static_cast<std::int64_t>(due_ns_ - spin_ns);
      const timespec at{until / second, until % second};
      ::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, nullptr);
    }
  }
}

Outcome conduct(Crew& crew, const Plan& plan) {
  const bool with_writer = plan.workload.has_writer();
  const int seats = plan.children + (with_writer ? 1 : 0);
  wait_until_seated(crew, seats);
  const std::vector<pid_t> processes = at_work(seats);

  set_phase(warm_up);
  sleep_until(monotonic_ns() + static_cast<std::int64_t>(plan.warm_up_s * 1e9));
  set_phase(measure);
  const Reading before(seats, processes);
  sleep_until(before.at + static_cast<std::int64_t>(plan.window_s * 1e9));
  const Reading after(seats, processes);
  set_phase(stop);

  const auto deadline = monotonic_ns() + patience;
  while (!crew.join(std::min(deadline, monotonic_ns() + second / 10))) {
    if (interrupted()) throw Interrupted();
    if (monotonic_ns() > deadline) {
      throw std::runtime_error("its children were still in an operation 30 s after the end");
    }
  }

  Outcome outcome;
  outcome.window_s = static_cast<double>(after.at - before.at) * 1e-9;
  const auto children = static_cast<std::size_t>(plan.children);
  std::vector<double> served(static_cast<std::size_t>(seats));
  std::transform(after.operations.begin(), after.operations.end(), before.operations.begin(),
                 served.begin(), [](double late, double early) { return late - early; });
  if (with_writer) {
    outcome.writes_per_s = served.back() / outcome.window_s;
    served.pop_back();
  }
  const double sum = std::accumulate(served.begin(), served.end(), 0.0);
  const double squares = std::inner_product(served.begin(), served.end(), served.begin(), 0.0);
  const double least = *std::min_element(served.begin(), served.end());
  outcome.operations_per_s = sum / outcome.window_s;
  outcome.least_operations_per_s = least / outcome.window_s;
  if (sum > 0) {
    outcome.ns_per_operation = outcome.window_s * 1e9 / sum;
    outcome.jain = sum * sum / (plan.children * squares);
    outcome.least_share = least * plan.children / sum;
    outcome.cpu_s_per_million = (after.cpu_s - before.cpu_s) / sum * 1e6;
  }

  const Due due(plan.children);
  outcome.least_due = 1;
  for (std::size_t i = 0; i < children; ++i) {
    outcome.least_due = std::min(outcome.least_due, due.share(board().seats[i]));
  }
  if (with_writer) {
    const Seat& writer = board().seats[children];
    // One that is paced owes as many as its pace asks for.
    outcome.writer_due = plan.workload.is_paced()
                             ? outcome.writes_per_s / plan.workload.writes_per_s
                             : due.share(writer);
    outcome.write_p50_ns = writer.histogram.percentile_ns(0.50);
    outcome.write_p999_ns = writer.histogram.percentile_ns(0.999);
  }

  double retries = 0, all = 0;
  for (std::size_t i = 0; i < children; ++i) {
    retries += static_cast<double>(board().seats[i].retries.load());
    all += static_cast<double>(board().seats[i].operations.load());
  }
  if (all > 0) outcome.retries_per_read = retries / all;

  const auto merged = std::make_unique<Histogram>();
  for (std::size_t i = 0; i < children; ++i) {
    merged->merge(board().seats[i].histogram);
    outcome.torn += static_cast<double>(board().seats[i].torn.load());
  }
  outcome.samples = static_cast<double>(merged->samples());
  outcome.p50_ns = merged->percentile_ns(0.50);
  outcome.p99_ns = merged->percentile_ns(0.99);
  outcome.p999_ns = merged->percentile_ns(0.999);
  outcome.longest_ns = merged->longest_ns();
  return outcome;
}

Outcome conduct_death(Crew& crew, const Plan& plan) {
  const int seats = plan.children + 1;
  wait_until_seated(crew, seats);
  set_phase(warm_up);
  sleep_until(monotonic_ns() + static_cast<std::int64_t>(plan.warm_up_s * 1e9));
  set_phase(measure);

  // The scheduler must come round to each some times, or who only waits for it seems to be stalled.
  const std::int64_t rounds = 30'000'000 * (plan.children / usable_processors() + 1);
  const auto third = std::max(static_cast<std::int64_t>(plan.window_s * 1e9 / 3), rounds);
  const auto reads_between = [&](const Reading& before, const Reading& after) {
    std::vector<double> reads;
    for (std::size_t i = 0; i < static_cast<std::size_t>(plan.children); ++i)
      reads.push_back(after.operations[i] - before.operations[i]);
    return reads;
  };
  const auto rate = [](const std::vector<double>& reads, const Reading& a, const Reading& b) {
    return std::accumulate(reads.begin(), reads.end(), 0.0) * 1e9 /
           static_cast<double>(b.at - a.at);
  };
  const auto stalled = [](const std::vector<double>& reads) {
    return static_cast<double>(std::count(reads.begin(), reads.end(), 0.0));
  };

  Outcome outcome;
  const Reading start(seats);
  sleep_until(start.at + third);
  const Reading alive(seats);
  outcome.operations_per_s = rate(reads_between(start, alive), start, alive);
  if (outcome.operations_per_s > 0) outcome.ns_per_operation = 1e9 / outcome.operations_per_s;

  set_phase(halt);
  outcome.least_due = outcome.writer_due = 1;  // shares are not what is asked
  if (!crew.await_stopped_last(monotonic_ns() + second + third)) {
    outcome.writer_due = 0;  // the readers do not let it
    outcome.window_s = static_cast<double>(alive.at - start.at) * 1e-9;
    return outcome;
  }
  const Reading stopped(seats);
  sleep_until(stopped.at + third);
  const Reading still_stopped(seats);
  const auto while_stopped = reads_between(stopped, still_stopped);
  outcome.stopped_reads_per_s = rate(while_stopped, stopped, still_stopped);
  outcome.stopped_stalled = stalled(while_stopped);

  const Reading killed(plan.children);
  crew.kill_last();
  const Reading dead(plan.children);
  const auto read_since = [&](const Reading& then) {
    const auto reads = reads_between(then, Reading(plan.children));
    return std::accumulate(reads.begin(), reads.end(), 0.0);
  };
  while (read_since(killed) == 0 && monotonic_ns() < dead.at + third)
    sleep_until(monotonic_ns() + 20'000);
  outcome.recovery_ns = static_cast<double>(monotonic_ns() - killed.at);
  sleep_until(dead.at + third);
  const Reading end(plan.children);
  const auto after_death = reads_between(dead, end);
  outcome.dead_reads_per_s = rate(after_death, dead, end);
  outcome.dead_stalled = stalled(after_death);
  outcome.dead_ended = static_cast<double>(crew.count_ended());
  outcome.window_s = static_cast<double>(end.at - start.at) * 1e-9;
  for (std::size_t i = 0; i < static_cast<std::size_t>(plan.children); ++i)
    outcome.torn += static_cast<double>(board().seats[i].torn.load());
  return outcome;
}

}  // namespace contention
