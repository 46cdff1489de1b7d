#pragma once
/// A child process that runs one instruction at a time, so that a test can look, interfere or kill
/// between any two.
///
///     Stepped child{[&] { table.self(); }, [&] { write(record); }};
///     while (child.step()) look(record);
///
/// A kill between two instructions leaves what a kill at any moment between them does: others see
/// only what the first has stored. Not for ThreadSanitizer, whose own code it would step through.

#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <concepts>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>

namespace lagoon::test {

class Stepped {
 public:
  /// The child calls enter(), and stops before the first instruction of f().
  template <std::invocable Enter, std::invocable F>
  Stepped(Enter&& enter, F&& f) {
    const pid_t parent = getpid();
    pid_ = fork();
    if (pid_ < 0) throw std::system_error(errno, std::generic_category(), "fork");
    if (pid_ == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      if (getppid() != parent || ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) _exit(1);
      try {
        std::forward<Enter>(enter)();
        raise(SIGSTOP);
        std::forward<F>(f)();
        raise(SIGSTOP);
      } catch (...) {
        _exit(1);
      }
      _exit(0);
    }
    if (await_stop() != SIGSTOP) throw std::runtime_error("the stepped child did not begin");
  }
  template <std::invocable F>
  explicit Stepped(F&& f) : Stepped([] {}, std::forward<F>(f)) {}
  Stepped(const Stepped&) = delete;
  Stepped& operator=(const Stepped&) = delete;
  ~Stepped() { kill(); }

  /// Runs one instruction (one turn of a repeated one); false when f has returned.
  bool step() {
    if (returned_) return false;
    go(PTRACE_SINGLESTEP);
    returned_ = await_stop() == SIGSTOP;
    return !returned_;
  }
  /// Runs to where the next system call begins or ends; false when f has returned. Killed where it
  /// begins, it has not been made.
  bool step_to_system_call() {
    if (returned_) return false;
    go(PTRACE_SYSCALL);
    returned_ = await_stop() == SIGSTOP;
    return !returned_;
  }
  /// Runs the rest of f at full speed.
  void finish() {
    if (!returned_) {
      go(PTRACE_CONT);
      if (await_stop() != SIGSTOP) throw std::runtime_error("the stepped child did not finish");
    }
    returned_ = true;
  }
  [[nodiscard]] bool returned() const noexcept { return returned_; }
  /// SIGKILL; returns when it is dead and reaped.
  void kill() noexcept {
    if (pid_ < 0) return;
    ::kill(pid_, SIGKILL);
    int status = 0;
    while (waitpid(pid_, &status, 0) < 0 ? errno == EINTR : WIFSTOPPED(status)) continue;
    pid_ = -1;
  }

 private:
  void go(__ptrace_request how) {
    if (ptrace(how, pid_, nullptr, nullptr) != 0)
      throw std::system_error(errno, std::generic_category(), "ptrace");
  }
  int await_stop() {
    int status = 0;
    while (waitpid(pid_, &status, 0) != pid_)
      if (errno != EINTR) throw std::system_error(errno, std::generic_category(), "waitpid");
    if (WIFSTOPPED(status)) return WSTOPSIG(status);
    pid_ = -1;
    throw std::runtime_error("the stepped child ended with status " + std::to_string(status));
  }

  pid_t pid_ = -1;
  bool returned_ = false;
};

/// Keeps the calling thread, and the children it forks, on one processor: where two of them take
/// turns, that is ten times as fast.
class OnOneProcessor {
 public:
  OnOneProcessor() {
    sched_getaffinity(0, sizeof before_, &before_);
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(static_cast<unsigned>(sched_getcpu()), &one);
    sched_setaffinity(0, sizeof one, &one);
  }
  ~OnOneProcessor() { sched_setaffinity(0, sizeof before_, &before_); }
  OnOneProcessor(const OnOneProcessor&) = delete;
  OnOneProcessor& operator=(const OnOneProcessor&) = delete;

 private:
  cpu_set_t before_;
};

}  // namespace lagoon::test
