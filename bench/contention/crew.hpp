#pragma once
/// The crew: the child processes of one cell, from fork to the last one reaped.
///
/// A child dies with its parent (PR_SET_PDEATHSIG), leaves SIGINT and SIGTERM's consequences to it,
/// and never returns from its body. Destroying a crew kills and reaps whoever is left.

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace contention {

class Crew {
 public:
  Crew() = default;
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;
  ~Crew();

  /// `body` runs in a forked child, which exits with 0 when it returns and with 1 when it throws.
  void fork(const std::function<void()>& body);

  /// Throws if a child has ended; nobody may before the phase is `stop`.
  void expect_all_running();
  /// Waits until the one that was forked last has stopped (SIGSTOP); false at the deadline.
  [[nodiscard]] bool await_stopped_last(std::int64_t deadline);
  /// How many others have ended by themselves; they are no more of the crew.
  std::size_t count_ended();
  /// Kills that one; it is gone when this returns.
  void kill_last();
  /// Waits until all have ended; false at the deadline (monotonic ns). Throws if one ended badly.
  bool join(std::int64_t deadline);

 private:
  bool reap(bool all_may_end);
  std::vector<pid_t> members_;
};

/// For a child that may have to: its errors are counted, and leave no core and no words.
void end_quietly();

/// Set by SIGINT or SIGTERM: end this cell, run no other, report what there is.
bool interrupted();
/// Number of the signal that did it, or 0.
int interruption();
/// Installs the handlers, and makes orphaned grandchildren come to this process to be reaped.
void take_charge_of_processes();

}  // namespace contention
