#pragma once
/// A child process of a test, which does not outlive it, however the test ends.
///
///     Child child{[&] { lock.lock(); flags.raise(); pause(); }};
///     flags.await();
///     child.kill();
///     EXPECT_EQ(child.exitcode(), -SIGKILL);

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <concepts>
#include <cstdio>
#include <exception>
#include <fstream>
#include <iostream>
#include <string>
#include <system_error>
#include <utility>

namespace lagoon::test {

namespace detail {
inline siginfo_t wait_for(pid_t pid, int events) {
  siginfo_t info{};
  while (waitid(P_PID, static_cast<id_t>(pid), &info, events) != 0)
    if (errno != EINTR) throw std::system_error(errno, std::generic_category(), "waitid");
  return info;
}
}  // namespace detail

/// Whether the process (its main thread) sleeps in the kernel, waiting for a futex.
inline bool is_asleep(pid_t pid) {
  std::string where;
  std::getline(std::ifstream("/proc/" + std::to_string(pid) + "/wchan"), where);
  return where.find("futex") != std::string::npos;
}

/// Of a process, as ps says it: 'S', 'T', 'Z', …; '-' if there is none.
inline char state_of(pid_t pid) {
  std::string stat;
  std::getline(std::ifstream("/proc/" + std::to_string(pid) + "/stat"), stat);
  const std::size_t name_end = stat.rfind(')');
  return name_end == std::string::npos ? '-' : stat.at(name_end + 2);
}

/// Returns when `pid`, a child, is dead (all of it, its memory too) and a zombie: not yet reaped.
inline void wait_until_dead_unreaped(pid_t pid) { detail::wait_for(pid, WEXITED | WNOWAIT); }

class Child {
 public:
  /// Forks. The child calls f and exits: with 0, or with 1 after an exception, which it prints, or
  /// a failed EXPECT. It dies with the *thread* that forked it.
  template <std::invocable F>
  explicit Child(F&& f) {
    std::cout.flush();
    std::fflush(nullptr);  // or the child would print it again
    const pid_t parent = getpid();
    pid_ = fork();
    if (pid_ < 0) throw std::system_error(errno, std::generic_category(), "fork");
    if (pid_ > 0) return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    // The first in a pid namespace does not see its parent.
    if (getppid() != parent && getppid() != 0) _exit(1);
    const int failures_before = failures();
    int code = 0;
    try {
      std::forward<F>(f)();
    } catch (const std::exception& e) {
      std::fprintf(stderr, "child %d: %s\n", getpid(), e.what());
      code = 1;
    } catch (...) {
      std::fprintf(stderr, "child %d: an exception of an unknown type\n", getpid());
      code = 1;
    }
    std::cout.flush();
    std::fflush(nullptr);
    _exit(failures() == failures_before ? code : 1);
  }
  Child(Child&& other) noexcept
      : pid_(std::exchange(other.pid_, -1)), status_(other.status_), reaped_(other.reaped_) {}
  Child& operator=(Child&& other) noexcept {
    std::swap(pid_, other.pid_);
    std::swap(status_, other.status_);
    std::swap(reaped_, other.reaped_);
    return *this;
  }
  ~Child() {
    if (pid_ < 0 || reaped_) return;
    ::kill(pid_, SIGKILL);
    while (waitpid(pid_, &status_, 0) < 0 && errno == EINTR) continue;
  }

  [[nodiscard]] pid_t pid() const noexcept { return pid_; }

  /// Sends a signal; after SIGKILL the child may still live for a moment.
  void kill(int signal = SIGKILL) {
    if (!reaped_ && ::kill(pid_, signal) != 0)
      throw std::system_error(errno, std::generic_category(), "kill");
  }
  /// Returns when every thread of the child has stopped.
  void stop() {
    kill(SIGSTOP);
    detail::wait_for(pid_, WSTOPPED | WEXITED | WNOWAIT);
  }
  void resume() { kill(SIGCONT); }

  /// Kills it and returns when it is dead but not reaped.
  void kill_unreaped() {
    kill(SIGKILL);
    wait_until_dead_unreaped(pid_);
  }

  /// Reaps it, when it has ended; the status as waitpid gives it. May be called again.
  int wait() {
    while (!reaped_) {
      if (waitpid(pid_, &status_, 0) == pid_)
        reaped_ = true;
      else if (errno != EINTR)
        throw std::system_error(errno, std::generic_category(), "waitpid");
    }
    return status_;
  }
  /// These wait() first.
  [[nodiscard]] bool exited() { return WIFEXITED(wait()); }
  [[nodiscard]] bool signaled() { return WIFSIGNALED(wait()); }
  /// As Python has it: the code it exited with, or minus the signal that killed it.
  [[nodiscard]] int exitcode() { return exited() ? WEXITSTATUS(status_) : -WTERMSIG(status_); }

 private:
  static int failures() {
    const testing::TestInfo* test = testing::UnitTest::GetInstance()->current_test_info();
    int failed = 0;
    for (int i = 0; test != nullptr && i < test->result()->total_part_count(); ++i)
      failed += test->result()->GetTestPartResult(i).failed() ? 1 : 0;
    return failed;
  }

  pid_t pid_ = -1;
  int status_ = 0;
  bool reaped_ = false;
};

}  // namespace lagoon::test
