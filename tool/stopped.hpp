#pragma once
/// Processes that stand still for a while, as by SIGSTOP, but whatever becomes of who stopped them:
/// when that ends, killed or not, the kernel lets them run on. By ptrace(2), PTRACE_SEIZE.
///
/// Who stops them is a thread, and only the same thread can let them run on.

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "attached.hpp"

namespace tool {

class Stopped {
 public:
  /// All threads of all processes but this one that have that file mapped, as far as /proc tells
  /// (of other users only root). SystemError if one of them cannot be stopped, or is not for two
  /// seconds; then all run on.
  explicit Stopped(std::string path);
  Stopped(const Stopped&) = delete;
  Stopped& operator=(const Stopped&) = delete;
  ~Stopped() { let_run(); }

  void let_run() noexcept;
  [[nodiscard]] std::size_t processes() const noexcept { return processes_.size(); }
  /// False if another has mapped the file meanwhile.
  [[nodiscard]] bool are_all() const;

 private:
  using Clock = std::chrono::steady_clock;

  [[nodiscard]] std::vector<AttachedProcess> others() const;
  /// Of those that run; the ids of these.
  std::vector<pid_t> stop_others();
  /// Nothing if the thread has ended.
  bool stop(pid_t thread);
  /// False if it is not stopped by then, where the kernel is busy for it by the second.
  bool await(pid_t thread, Clock::time_point until, Clock::time_point until_if_busy);
  /// The thread that could not be, if there is one.
  std::optional<pid_t> stop_all(Clock::time_point until);

  std::string path_;
  std::set<pid_t> processes_;
  struct Thread {
    bool has_stopped = false;
    int signal = 0;  // that was about to reach it, and still is to
  };
  std::map<pid_t, Thread> threads_;
};

}  // namespace tool
