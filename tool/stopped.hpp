#pragma once
/// Processes that stand still for a while, as by SIGSTOP, but whatever becomes of who stopped them:
/// when that ends, killed or not, the kernel lets them run on. By ptrace(2), PTRACE_SEIZE.
///
/// Who stops them is a thread, and only the same thread can let them run on.

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "attached.hpp"

namespace tool {

class Stopped {
 public:
  /// All threads of all processes but this one that have that file mapped, as far as /proc tells
  /// (of other users only root). SystemError if one of them cannot be stopped, TimeoutError if it
  /// is not for two seconds; then all run on.
  explicit Stopped(std::string path);
  Stopped(const Stopped&) = delete;
  Stopped& operator=(const Stopped&) = delete;
  ~Stopped() { let_run(); }

  void let_run() noexcept;
  [[nodiscard]] std::size_t processes() const noexcept { return processes_.size(); }
  /// False if another has mapped the file meanwhile.
  [[nodiscard]] bool are_all() const;
  /// Whether it is one of the threads that were stopped; nothing if some of them know themselves by
  /// other ids, those of their pid namespace.
  [[nodiscard]] std::optional<bool> has(pid_t thread) const;

 private:
  using Clock = std::chrono::steady_clock;

  [[nodiscard]] std::vector<AttachedProcess> others() const;
  /// Those that run are told to stop. A thread that another traces just now, if there is one.
  std::optional<pid_t> tell_others();
  /// A thread that is not stopped, if there is one.
  std::optional<pid_t> stop_all(Clock::time_point until);
  /// Whether it is stopped, or has ended, by then; where the kernel is busy for it, by the second.
  bool await(pid_t thread, Clock::time_point until, Clock::time_point until_if_busy);

  std::string path_;
  std::set<pid_t> processes_;
  std::set<pid_t> told_;     // threads that will stop
  std::set<pid_t> stopped_;  // threads that have
  bool have_other_ids_ = false;
};

}  // namespace tool
