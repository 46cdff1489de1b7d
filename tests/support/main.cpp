/// The main of every test program.
///
/// The tests run in a child of the process that was started, in a process group of their own; the
/// parent watches them from outside, so that no signal, lock or broken heap of theirs can stop it:
///  - a test that takes more than LAGOON_TEST_WATCHDOG seconds (default 100; 0 runs the tests
///    without a watchdog, for a debugger) is named, as is what each of its processes waits in;
///    then all of them are killed;
///  - a test that crashes the program is named;
///  - when the tests are over, no process of theirs may live and no ShmName be left in /dev/shm.
/// Each of these makes the exit code 1.

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <new>
#include <string>
#include <vector>

#include "run.hpp"

namespace lagoon::test {
namespace {

using std::chrono::steady_clock;
namespace fs = std::filesystem;

constexpr std::chrono::seconds grace{5};  // for a process that was told to end and is about to

/// What the tests tell the watching process.
struct Run {
  std::atomic<unsigned> unique{0};
  std::atomic<steady_clock::rep> test_started{0};
  char test[256] = "no test";
};
Run* run = nullptr;
pid_t program = 0;

class TellWatchdog : public testing::EmptyTestEventListener {
  void OnTestStart(const testing::TestInfo& info) override {
    std::snprintf(run->test, sizeof run->test, "%s.%s", info.test_suite_name(), info.name());
    run->test_started = steady_clock::now().time_since_epoch().count();
  }
};

struct Process {
  pid_t pid;
  std::string what;
};

std::string first_line(const fs::path& file) {
  std::ifstream in(file);
  std::string line;
  std::getline(in, line);
  return line;
}

/// The processes of the tests that still live: of their group, or left to us by a parent that died.
std::vector<Process> processes(pid_t group) {
  std::vector<Process> found;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator("/proc", error)) {
    const pid_t pid = std::atoi(entry.path().filename().c_str());
    const std::string stat = pid > 0 ? first_line(entry.path() / "stat") : "";
    const std::size_t name_end = stat.rfind(')');
    char state = '?';
    pid_t parent = 0;
    pid_t its_group = 0;
    if (name_end == std::string::npos ||
        std::sscanf(stat.c_str() + name_end + 1, " %c %d %d", &state, &parent, &its_group) != 3 ||
        state == 'Z' || (its_group != group && parent != getpid()))
      continue;
    found.push_back({pid, "process " + std::to_string(pid) + " (state " + state + ", waits in " +
                              first_line(entry.path() / "wchan") + ")"});
  }
  return found;
}

void kill_all(pid_t group) {
  for (const Process& process : processes(group)) ::kill(process.pid, SIGKILL);
}

/// Reaps what has ended; true when nothing is left to reap.
bool reap(pid_t main, bool& main_ended, int& main_status) {
  for (;;) {
    int status = 0;
    const pid_t pid = waitpid(-1, &status, WNOHANG);
    if (pid <= 0) return pid < 0 && errno == ECHILD;
    if (pid != main) continue;
    main_ended = true;
    main_status = status;
  }
}

/// Watches the tests, whose main process is `main`, until they end; the exit code.
int watch(pid_t main, const sigset_t& signals, std::chrono::seconds limit) {
  bool failed = false;
  bool main_ended = false;
  int status = 0;
  const auto pause = [&] {  // until a signal comes; a while at most
    const timespec while_{0, 200'000'000};
    const int signal = sigtimedwait(&signals, nullptr, &while_);
    if (signal <= 0 || signal == SIGCHLD) return;
    kill_all(main);
    while (waitpid(-1, nullptr, 0) > 0) continue;
    _exit(128 + signal);
  };

  while (!reap(main, main_ended, status) && !main_ended) {
    const steady_clock::time_point started{steady_clock::duration(run->test_started.load())};
    if (steady_clock::now() - started >= limit) {
      std::fprintf(stderr, "watchdog: %s hung for %lld s; killed:\n", run->test,
                   static_cast<long long>(limit.count()));
      for (const Process& process : processes(main))
        std::fprintf(stderr, "watchdog:   %s\n", process.what.c_str());
      while (!reap(main, main_ended, status)) {
        kill_all(main);
        pause();
      }
      failed = true;
    } else {
      pause();
    }
  }
  if (!failed && WIFSIGNALED(status)) {
    std::fprintf(stderr, "watchdog: killed by signal %d (%s) in %s\n", WTERMSIG(status),
                 strsignal(WTERMSIG(status)), run->test);
    failed = true;
  }

  const auto over = steady_clock::now();
  while (!reap(main, main_ended, status)) {
    if (steady_clock::now() - over < grace) {
      pause();
      continue;
    }
    for (const Process& process : processes(main))
      std::fprintf(stderr, "watchdog: the tests left %s\n", process.what.c_str());
    kill_all(main);
    failed = true;
  }
  const std::string mark = "lagoon-test-" + std::to_string(main) + "-";
  for (const fs::directory_entry& entry : fs::directory_iterator("/dev/shm")) {
    if (entry.path().filename().string().find(mark) == std::string::npos) continue;
    std::fprintf(stderr, "watchdog: the tests left %s\n", entry.path().c_str());
    std::error_code ignored;
    fs::remove(entry.path(), ignored);
    failed = true;
  }
  return failed ? 1 : WEXITSTATUS(status);
}

int run_all(int argc, char** argv) {
  void* memory =
      mmap(nullptr, sizeof(Run), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) {
    std::perror("mmap");
    return 1;
  }
  run = new (memory) Run;
  run->test_started = steady_clock::now().time_since_epoch().count();
  program = getpid();
  testing::InitGoogleTest(&argc, argv);
  testing::UnitTest::GetInstance()->listeners().Append(new TellWatchdog);

  const char* seconds = std::getenv("LAGOON_TEST_WATCHDOG");
  const std::chrono::seconds limit{seconds == nullptr ? 100 : std::atoi(seconds)};
  if (limit.count() <= 0) return RUN_ALL_TESTS();

  sigset_t signals;
  sigset_t before;
  sigemptyset(&signals);
  for (const int signal : {SIGCHLD, SIGINT, SIGTERM, SIGHUP}) sigaddset(&signals, signal);
  sigprocmask(SIG_BLOCK, &signals, &before);
  prctl(PR_SET_CHILD_SUBREAPER, 1);  // what the tests leave behind comes to us
  const pid_t main = fork();
  if (main < 0) {
    std::perror("fork");
    return 1;
  }
  if (main > 0) {
    setpgid(main, main);
    return watch(main, signals, limit);
  }
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != program) _exit(1);
  program = getpid();
  sigprocmask(SIG_SETMASK, &before, nullptr);
  return RUN_ALL_TESTS();
}

}  // namespace

pid_t program_pid() noexcept { return program; }
unsigned unique_number() noexcept { return run->unique++; }

}  // namespace lagoon::test

int main(int argc, char** argv) { return lagoon::test::run_all(argc, argv); }
