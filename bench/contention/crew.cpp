#include "crew.hpp"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <stdexcept>
#include <system_error>

#include "clock.hpp"

namespace contention {
namespace {

volatile std::sig_atomic_t signal_received = 0;

void on_signal(int number) { signal_received = number; }

std::string how_it_ended(int status) {
  if (WIFSIGNALED(status)) {
    return std::string("was killed by signal ") + ::strsignal(WTERMSIG(status));
  }
  return "exited with " + std::to_string(WEXITSTATUS(status));
}

}  // namespace

void end_quietly() {
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
  if (std::freopen("/dev/null", "w", stderr) == nullptr) std::fclose(stderr);
}

bool interrupted() { return signal_received != 0; }
int interruption() { return signal_received; }

void take_charge_of_processes() {
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = static_cast<int>(SA_RESETHAND);  // the second one ends the program at once
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
}

void Crew::fork(const std::function<void()>& body) {
  const pid_t parent = ::getpid();
  std::fflush(nullptr);
  const pid_t child = ::fork();
  if (child < 0) throw std::system_error(errno, std::generic_category(), "fork");
  if (child > 0) {
    ::setpgid(child, child);
    members_.push_back(child);
    return;
  }
  ::setpgid(0, 0);  // a group of its own: the terminal's Ctrl-C is the parent's affair
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);  // it died before the line above
  int code = 0;
  try {
    body();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: child %d: %s\n", program_invocation_short_name,
                 static_cast<int>(::getpid()), error.what());
    code = 1;
  }
  ::_exit(code);
}

bool Crew::reap(bool may_end) {
  for (auto member = members_.begin(); member != members_.end();) {
    int status = 0;
    const pid_t ended = ::waitpid(*member, &status, WNOHANG);
    if (ended == 0 || (ended < 0 && errno == EINTR)) {
      ++member;
      continue;
    }
    member = members_.erase(member);
    if (!may_end || status != 0) {
      throw std::runtime_error("a child " + how_it_ended(status));
    }
  }
  return members_.empty();
}

void Crew::expect_all_running() { reap(false); }

bool Crew::await_stopped_last(std::int64_t deadline) {
  for (;;) {
    siginfo_t info{};
    if (::waitid(P_PID, static_cast<id_t>(members_.back()), &info, WSTOPPED | WNOHANG | WNOWAIT) ==
            0 &&
        info.si_pid != 0)
      return true;
    expect_all_running();
    if (monotonic_ns() > deadline) return false;
    const timespec pause{0, 100'000};
    ::nanosleep(&pause, nullptr);
  }
}

std::size_t Crew::count_ended() {
  return std::erase_if(members_,
                       [](pid_t member) { return ::waitpid(member, nullptr, WNOHANG) > 0; });
}

void Crew::kill_last() {
  const pid_t last = members_.back();
  ::kill(last, SIGKILL);
  while (::waitpid(last, nullptr, 0) < 0 && errno == EINTR) {
  }
  members_.pop_back();
}

bool Crew::join(std::int64_t deadline) {
  while (!reap(true)) {
    if (monotonic_ns() > deadline) return false;
    const timespec pause{0, 200'000};
    ::nanosleep(&pause, nullptr);
  }
  return true;
}

Crew::~Crew() {
  for (const pid_t member : members_) ::kill(-member, SIGKILL);
  for (const pid_t member : members_) {
    ::kill(member, SIGKILL);  // its group may not be its own yet
    while (::waitpid(member, nullptr, 0) < 0 && errno == EINTR) {
    }
    while (::waitpid(-member, nullptr, 0) > 0) {  // what it had forked has come to us
    }
  }
  while (::waitpid(-1, nullptr, WNOHANG) > 0) {  // the same of members that ended badly
  }
}

}  // namespace contention
