#pragma once
/// One cell: so many children, each doing one operation over and over for a fixed time.

#include <cstdint>

#include "board.hpp"
#include "clock.hpp"
#include "crew.hpp"
#include "think.hpp"
#include "workload.hpp"

namespace contention {

/// What is asked of one cell.
struct Plan {
  Workload workload;
  int children = 1;
  bool pinned = false;  // each child to a processor, in turn
  double warm_up_s = 0;
  double window_s = 0;
  Clock clock;
};

/// What came of it.
struct Outcome {
  double window_s = 0;
  double operations_per_s = 0;  // of all children together
  double ns_per_operation = 0;  // from one completion to the next, whichever child's
  double p50_ns = 0, p99_ns = 0, p999_ns = 0, longest_ns = 0;  // of one operation in one child
  double samples = 0;
  double jain = 0;  // 1: all served alike; 1/children: one had everything
  double least_operations_per_s = 0;
  double least_share = 0;  // of the fair share
  double least_due = 0;    // the same, but fair by the time it had; see `due` below
  double writer_due = 0;
  double torn = 0;               // snapshots that mixed two writes
  double lost = 0;               // updates that the end result does not have
  double cpu_s_per_million = 0;  // of all children, the writer, and servers
  double writes_per_s = 0;       // by the writer, where there is one
  double retries_per_read = 0;   // how often a read was overtaken by a writer, and copied again
  // Where the writer was stopped, then killed: reads per second, how many children read nothing,
  // and how long it took from the kill until somebody had read again (the time there was, if
  // nobody).
  double stopped_reads_per_s = 0, stopped_stalled = 0;
  double dead_reads_per_s = 0, dead_stalled = 0;
  double dead_ended = 0;  // with an error, which their lock's users must expect
  double recovery_ns = 0;
  double write_p50_ns = 0, write_p999_ns = 0;  // of its writes; of one that is paced, from when
                                               // each was due
};

/// Every `sample_every`-th operation is timed; the others run bare.
inline constexpr std::uint64_t sample_every = 32;

/// Notes in the seat, when it ends, how long this process was there and how much of that it spent
/// in the queue for a processor. What is left is the strategy's: it ran, or the strategy made it
/// sleep. Where the kernel does not tell (no schedstat), nothing was spent in the queue.
class Presence {
 public:
  explicit Presence(Seat& seat) : seat_(seat) {}
  Presence(const Presence&) = delete;
  Presence& operator=(const Presence&) = delete;
  ~Presence();

 private:
  static std::uint64_t queued_ns();
  Seat& seat_;
  std::int64_t begin_ns_ = monotonic_ns();
  std::uint64_t queued_before_ = queued_ns();
};

/// The children's loop. `Task::operate` is the operation; `Task::intact` looks at what it brought,
/// outside the sample's time but inside the throughput's, for every strategy alike; then the child
/// thinks. `Task::is_over`, if there is one, is when it ends; else it does when the phase is
/// `stop`.
template <class Timer, class Task>
void operate_until_stopped(Seat& seat, const Clock& clock, Think think, Task& task) {
  auto& phase_word = board().phase;
  std::uint64_t done = 0;
  std::uint64_t torn = 0;
  take_seat(seat);
  const Presence presence(seat);
  for (;;) {
    if (++done % sample_every != 0) {
      task.operate();
    } else {
      const auto begin = Timer::begin();
      task.operate();
      const auto end = Timer::end();
      if (phase_word.load(std::memory_order_relaxed) >= measure) {
        seat.histogram.record(clock.ns(begin, end));
      }
    }
    if (!task.intact()) seat.torn.store(++torn, std::memory_order_relaxed);
    seat.operations.store(done, std::memory_order_relaxed);
    if constexpr (requires { task.is_over(); }) {
      if (task.is_over()) break;
    } else {
      if (phase_word.load(std::memory_order_relaxed) == stop) break;
    }
    think();
  }
  if constexpr (requires { task.retries(); }) seat.retries.store(task.retries());
}

template <class Task>
void operate_until_stopped(Seat& seat, const Clock& clock, Think think, Task& task) {
#if defined(__x86_64__)
  if (clock.tsc) return operate_until_stopped<TscTimer>(seat, clock, think, task);
#endif
  operate_until_stopped<MonotonicTimer>(seat, clock, think, task);
}

/// The loop of one who operates so many times a second. An operation takes as long as from when it
/// was due until it was done: one that had to wait holds those up that come after it, and these
/// count (Gil Tene's coordinated omission).
class Metronome {
 public:
  explicit Metronome(double per_s) : period_ns_(1e9 / per_s) {}
  /// Waits until the next one is due; false at the end.
  bool wait();
  /// When it was, in monotonic ns.
  [[nodiscard]] double due_ns() const { return due_ns_; }

 private:
  double period_ns_;
  double due_ns_ = 0;
};
template <class Task>
void operate_in_time(Seat& seat, double per_s, Task& task) {
  auto& phase_word = board().phase;
  std::uint64_t done = 0;
  take_seat(seat);
  const Presence presence(seat);
  for (Metronome metronome(per_s); metronome.wait();) {
    task.operate();
    if (phase_word.load(std::memory_order_relaxed) >= measure)
      seat.histogram.record(static_cast<double>(monotonic_ns()) - metronome.due_ns());
    seat.operations.store(++done, std::memory_order_relaxed);
  }
}

/// Clears the board for the next cell.
void clear_board();

/// Runs the phases with a crew that is already starting, and reads the board. The first
/// `plan.children` seats are the children's; if there is a writer the next one is its own.
/// Throws what went wrong: a child that ended early, did not start or did not stop.
Outcome conduct(Crew& crew, const Plan& plan);
/// The same where the writer, which was forked last, stops when the phase is `halt`, and is killed.
/// Who may wait for it for ever is killed with it.
Outcome conduct_death(Crew& crew, const Plan& plan);

/// Operations of the children since the start of the cell, to compare with the end result.
std::uint64_t operations_so_far(int children);

}  // namespace contention
