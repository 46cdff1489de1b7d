#include <lagoon/error.hpp>
#include <lagoon/process.hpp>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <iterator>
#include <limits>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "child.hpp"
#include "rendezvous.hpp"
#include "ticking.hpp"

namespace {

using lagoon::Process;
using lagoon::SystemError;
using lagoon::UsageError;
using lagoon::test::Child;
using lagoon::test::Rendezvous;
using lagoon::test::Shared;
using lagoon::test::SharedFlags;
using namespace std::chrono_literals;

/// Every test leaves no child behind, not even an unreaped one.
class ProcessTest : public testing::Test {
  void TearDown() override {
    siginfo_t info{};
    EXPECT_EQ(waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT), -1)
        << "child " << info.si_pid << " is left";
    EXPECT_EQ(lagoon::active_children(), 0U);
  }
};

/// The file that the standard output or error of a test's child goes to.
class Output {
 public:
  Output() : fd_(memfd_create("output", MFD_CLOEXEC)) {}
  ~Output() { ::close(fd_); }
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  void takes(int descriptor) const { ASSERT_NE(dup2(fd_, descriptor), -1); }
  [[nodiscard]] std::string text() const {
    std::string all(static_cast<std::size_t>(lseek(fd_, 0, SEEK_END)), '\0');
    EXPECT_EQ(pread(fd_, all.data(), all.size(), 0), static_cast<ssize_t>(all.size()));
    return all;
  }

 private:
  int fd_;
};

/// Expects that f() throws an E whose message contains each of `parts`.
template <class E, class F, class... Parts>
void expect_error(F&& f, Parts... parts) {
  try {
    f();
    ADD_FAILURE() << "nothing was thrown";
  } catch (const E& error) {
    const std::string message = error.what();
    for (const std::string& part : {std::string(parts)...})
      EXPECT_NE(message.find(part), std::string::npos) << message << "\nlacks: " << part;
  }
}

template <class... Args>
std::optional<int> run(Args&&... args) {
  Process process(std::forward<Args>(args)...);
  process.start();
  process.join();
  return process.exitcode();
}

[[noreturn]] void pause_for_ever() {
  for (;;) pause();
}

bool is_readable(int fd) {
  pollfd p{fd, POLLIN, 0};
  return poll(&p, 1, 0) == 1 && (p.revents & POLLIN) != 0;
}

// ---- What the target may be ---------------------------------------------------------------------

static_assert(!std::is_copy_constructible_v<Process> && !std::is_copy_assignable_v<Process>);
static_assert(std::is_nothrow_move_constructible_v<Process>);
static_assert(std::is_nothrow_move_assignable_v<Process>);
static_assert(!std::is_convertible_v<void (*)(), Process>);

TEST_F(ProcessTest, RunsTheTargetInAnotherProcess) {
  const Shared<pid_t> seen{0};
  Process process([&] { *seen = getpid(); });
  process.start();
  process.join();
  EXPECT_EQ(*seen, process.pid());
  EXPECT_NE(*seen, getpid());
  EXPECT_EQ(process.exitcode(), 0);
}

int twice(int i) { return 2 * i; }

struct Adder {
  int base;
  int add(int a, int b) const { return base + a + b; }
};

TEST_F(ProcessTest, TakesWhatStdInvokeTakes) {
  EXPECT_EQ(
      run([](int a, const std::string& b) { return a + static_cast<int>(b.size()); }, 2, "abc"), 5);
  EXPECT_EQ(run(&Adder::add, Adder{10}, 3, 4), 17);
  EXPECT_EQ(run(twice, 3), 6) << "a function";
  EXPECT_EQ(run([p = std::make_unique<int>(8)] { return *p; }), 8) << "a move-only target";
  EXPECT_EQ(run([](std::unique_ptr<int> p) { return *p; }, std::make_unique<int>(9)), 9)
      << "a move-only argument";
  int changed = 1;
  EXPECT_EQ(run([](int& i) { return ++i; }, std::ref(changed)), 2);
  EXPECT_EQ(changed, 1) << "the child has its own memory";
}

TEST_F(ProcessTest, CopiesItsArgumentsWhenItIsMade) {
  int i = 1;
  Process process([](int seen) { return seen; }, i);
  i = 2;
  process.start();
  process.join();
  EXPECT_EQ(process.exitcode(), 1);
}

TEST_F(ProcessTest, KeepsTheArgumentsUntilItIsClosed) {
  auto argument = std::make_shared<int>(3);
  const std::weak_ptr<int> watch = argument;
  Process process([](const std::shared_ptr<int>& i) { return *i; }, std::move(argument));
  process.start();
  process.join();
  EXPECT_FALSE(watch.expired());
  process.close();
  EXPECT_TRUE(watch.expired());
}

// ---- Exit codes (Python: None is 0, an int is & 0xff, a str is printed and 1, -N for a signal) --

enum Weekday { monday, tuesday };

TEST_F(ProcessTest, AnIntegerIsTheExitCode) {
  EXPECT_EQ(run([] {}), 0);
  EXPECT_EQ(run([] { return 7; }), 7);
  EXPECT_EQ(run([] { return 256; }), 0);
  EXPECT_EQ(run([] { return 259; }), 3);
  EXPECT_EQ(run([] { return -1; }), 255);
  EXPECT_EQ(run([] { return true; }), 1);
  EXPECT_EQ(run([] { return 0x1'0000'0005L; }), 5);
  EXPECT_EQ(run([] { return tuesday; }), 1);
}

TEST_F(ProcessTest, AStringIsPrintedAndTheExitCodeIsOne) {
  const Output err;
  Child child([&] {
    err.takes(STDERR_FILENO);
    EXPECT_EQ(run([] { return std::string("no such file"); }), 1);
    EXPECT_EQ(run([] { return "no such host"; }), 1);
    EXPECT_EQ(run([] { return std::string_view("no such luck"); }), 1);
    EXPECT_EQ(run([] { return static_cast<const char*>(nullptr); }), 0);
  });
  EXPECT_EQ(child.exitcode(), 0);
  EXPECT_EQ(err.text(), "no such file\nno such host\nno such luck\n");
}

TEST_F(ProcessTest, AnExceptionIsPrintedAndTheExitCodeIsOne) {
  const Output err;
  Child child([&] {
    err.takes(STDERR_FILENO);
    EXPECT_EQ(run(Process::Options{.name = "Process-3"}, [] { throw std::runtime_error("oh"); }),
              1);
    EXPECT_EQ(run(Process::Options{.name = "p"}, [] { throw lagoon::NotFound("prices"); }), 1);
    EXPECT_EQ(run(Process::Options{.name = "Process-4"}, [] { throw 5; }), 1);
  });
  EXPECT_EQ(child.exitcode(), 0);
  EXPECT_EQ(err.text(), "Process-3: oh\np: prices\nProcess-4: unknown exception\n");
}

TEST_F(ProcessTest, ASignalIsANegativeExitCode) {
  for (const int signal : {SIGKILL, SIGTERM, SIGUSR1}) {
    EXPECT_EQ(run([=] {
                raise(signal);
                pause_for_ever();
              }),
              -signal);
  }
}

TEST_F(ProcessTest, TheExitCodeIsThereOnlyAtTheEnd) {
  SharedFlags go;
  Process process([&] {
    go.await();
    return 4;
  });
  EXPECT_EQ(process.exitcode(), std::nullopt);
  EXPECT_FALSE(process.is_alive());
  process.start();
  EXPECT_EQ(process.exitcode(), std::nullopt);
  EXPECT_TRUE(process.is_alive());
  go.raise();
  process.join();
  EXPECT_EQ(process.exitcode(), 4);
  EXPECT_FALSE(process.is_alive());
  process.join();  // again, at once
  EXPECT_TRUE(process.join(0s));
}

TEST_F(ProcessTest, IsAliveAndExitcodeReapWithoutJoin) {
  Process first([] {});
  Process second([] { return 2; });
  first.start();
  second.start();
  lagoon::test::wait_until([&] { return !first.is_alive(); }, "the first has ended");
  lagoon::test::wait_until([&] { return second.exitcode().has_value(); }, "the second has ended");
  EXPECT_EQ(second.exitcode(), 2);
}

// ---- Names --------------------------------------------------------------------------------------

TEST_F(ProcessTest, NumbersThoseWithoutAName) {
  const auto number = [](const Process& p) {
    EXPECT_EQ(p.name().rfind("Process-", 0), 0U) << p.name();
    return std::stoi(p.name().substr(8));
  };
  const Process first([] {});
  const Process named(Process::Options{.name = "reader"}, [] {});
  const Process third([] {});
  EXPECT_EQ(named.name(), "reader");
  EXPECT_EQ(number(third), number(first) + 2) << "a named one counts, as in Python";
}

TEST_F(ProcessTest, NamesAChildsChildAfterItsParent) {
  const Output out;
  Child child([&] {
    out.takes(STDOUT_FILENO);
    const auto print = [] { std::cout << lagoon::current_process_name() << '\n'; };
    print();
    Process parent([&] {
      run(print);
      run([&] {
        print();
        run(print);
      });
    });
    const std::string name = parent.name();
    parent.start();
    parent.join();
    std::cout << "parent " << name;
  });
  ASSERT_EQ(child.exitcode(), 0);
  const std::string text = out.text();
  const std::string name = text.substr(text.rfind(' ') + 1);
  EXPECT_EQ(text, "MainProcess\n" + name + ":1\n" + name + ":2\n" + name + ":2:1\nparent " + name);
}

TEST_F(ProcessTest, TheNameMayBeChanged) {
  const Output err;
  Child child([&] {
    err.takes(STDERR_FILENO);
    Process process([] { throw std::runtime_error("oh"); });
    process.set_name("writer");
    EXPECT_EQ(process.name(), "writer");
    process.start();
    process.set_name("later");
    EXPECT_EQ(process.name(), "later");
    process.join();
  });
  EXPECT_EQ(child.exitcode(), 0);
  EXPECT_EQ(err.text(), "writer: oh\n");
}

// ---- Output and ends ----------------------------------------------------------------------------

TEST_F(ProcessTest, WhatTheParentHasBufferedIsPrintedOnce) {
  const Output out;
  const Output synchronized_not;
  const Output file;
  Child child([&] {
    out.takes(STDOUT_FILENO);
    std::FILE* f = fdopen(dup(memfd_create("unused", 0)), "w");
    file.takes(fileno(f));
    std::fputs("file ", f);
    std::printf("stdio ");
    std::cout << "stream ";
    EXPECT_EQ(run([&] {
                std::printf("child ");
                std::fputs("child ", f);
              }),
              0);
    std::printf("end");
    std::fputs("end", f);
    std::fclose(f);
    std::fflush(stdout);
    synchronized_not.takes(STDOUT_FILENO);
    std::ios::sync_with_stdio(false);
    std::cout << "buffered ";
    EXPECT_EQ(run([] { std::cout << "child "; }), 0);
    std::cout << "end";
  });
  EXPECT_EQ(child.exitcode(), 0);
  EXPECT_EQ(out.text(), "stdio stream child end");
  EXPECT_EQ(synchronized_not.text(), "buffered child end");
  EXPECT_EQ(file.text(), "file child end");
}

TEST_F(ProcessTest, TheChildsOutputIsFlushedHoweverItsTargetEnds) {
  const Output out;
  const Output err;
  Child child([&] {
    out.takes(STDOUT_FILENO);
    err.takes(STDERR_FILENO);
    run([] { std::cout << "returned,"; });
    run([] {
      std::cout << "threw,";
      throw 1;
    });
    run([] {
      std::cout << "exited";
      std::exit(0);
    });
  });
  EXPECT_EQ(child.exitcode(), 0);
  EXPECT_EQ(out.text(), "returned,threw,exited");
}

SharedFlags* at_exit_flags = nullptr;

TEST_F(ProcessTest, TheChildRunsNothingOfItsParents) {
  SharedFlags ran;
  at_exit_flags = &ran;
  Child child([&] {
    struct Raise {
      explicit Raise(SharedFlags& f) : flags(f) {}
      ~Raise() { flags.raise(1); }
      SharedFlags& flags;
    };
    std::atexit([] { at_exit_flags->raise(0); });
    {
      const Raise on_the_stack(ran);
      const auto in_the_target = std::make_shared<Raise>(ran);
      EXPECT_EQ(run([in_the_target] { static_cast<void>(in_the_target); }), 0);
    }
    EXPECT_EQ(ran.count(0), 0U);
    EXPECT_EQ(ran.count(1), 2U) << "the parent's own two";
  });
  EXPECT_EQ(child.exitcode(), 0);
}

TEST_F(ProcessTest, ATargetThatExitsEndsItsOwnChildrenAndNobodyElses) {
  SharedFlags flags;
  Process sibling(Process::Options{.daemon = true}, [] { pause_for_ever(); });
  sibling.start();
  EXPECT_EQ(run([&] {
              Process daemon(Process::Options{.daemon = true}, [] { pause_for_ever(); });
              Process worker([&] {
                flags.await(0);
                flags.raise(1);
              });
              daemon.start();
              worker.start();
              flags.raise(0);
              std::exit(5);
            }),
            5);
  EXPECT_EQ(flags.count(1), 1U) << "the worker was joined";
  EXPECT_TRUE(sibling.is_alive());
}

TEST_F(ProcessTest, AChildsChildrenAreEndedWithIt) {
  SharedFlags flags;
  Process process([&] {
    auto* daemon = new Process({.daemon = true}, [] { pause_for_ever(); });
    auto* worker = new Process([&] {
      flags.await(0);
      flags.raise(1);
    });
    daemon->start();
    worker->start();
    flags.raise(0);
  });
  process.start();
  process.join();
  EXPECT_EQ(process.exitcode(), 0);
  EXPECT_EQ(flags.count(1), 1U);
}

TEST_F(ProcessTest, ATargetMayDestroyTheProcessesItInherits) {
  std::vector<Process> processes;
  processes.emplace_back(Process::Options{.daemon = true}, [] { pause_for_ever(); });
  processes.emplace_back([&processes, text = std::string(100, 'x')] {
    processes.clear();  // this very one is among them
    return static_cast<int>(text.size()) + (lagoon::current_process_name().empty() ? 1 : 0);
  });
  for (Process& process : processes) process.start();
  processes[1].join();
  EXPECT_EQ(processes[1].exitcode(), 100);
  EXPECT_TRUE(processes[0].is_alive());
  processes[0].kill();
  processes[0].join();
  EXPECT_EQ(processes[0].exitcode(), -SIGKILL) << "no SIGTERM from the other child";
}

// ---- The normal end of the parent ---------------------------------------------------------------

/// A daemon's target: says that it runs (flag 0), then that it got SIGTERM (flag 1). It waits for
/// the signal: a handler that ThreadSanitizer puts off might never run.
void wait_for_sigterm(SharedFlags& flags) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  flags.raise(0);
  int signal = 0;
  sigwait(&signals, &signal);
  flags.raise(1);
}

TEST_F(ProcessTest, AtExitDaemonsAreTerminatedAndOthersJoined) {
  SharedFlags flags;
  Child child([&] {
    auto* worker = new Process([&] {
      flags.await(1);  // only after the daemon has had its SIGTERM
      flags.raise(2);
    });
    auto* daemon = new Process({.daemon = true}, [&] { wait_for_sigterm(flags); });
    worker->start();
    daemon->start();
    flags.await(0);
    std::exit(3);
  });
  EXPECT_EQ(child.exitcode(), 3);
  EXPECT_EQ(flags.count(1), 1U);
  EXPECT_EQ(flags.count(2), 1U);
}

TEST_F(ProcessTest, TheExitOfAForkedCopyEndsNobody) {
  Process daemon(Process::Options{.daemon = true}, [] { pause_for_ever(); });
  daemon.start();
  Child forked([] { std::exit(0); });
  EXPECT_EQ(forked.exitcode(), 0);
  // The bare system call runs no atfork handler.
  const auto bare = static_cast<pid_t>(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
  if (bare == 0) std::exit(0);
  int status = -1;
  ASSERT_EQ(waitpid(bare, &status, 0), bare);
  EXPECT_EQ(status, 0);
  EXPECT_TRUE(daemon.is_alive());
}

TEST_F(ProcessTest, DestroyingARunningOneJoinsIt) {
  SharedFlags flags;
  {
    Process process([&] {
      flags.await(0);
      flags.raise(1);
    });
    process.start();
    flags.raise(0);
  }
  EXPECT_EQ(flags.count(1), 1U);
}

TEST_F(ProcessTest, DestroyingARunningDaemonTerminatesIt) {
  SharedFlags flags;
  {
    Process process(Process::Options{.daemon = true}, [&] { wait_for_sigterm(flags); });
    process.start();
    flags.await(0);
  }
  EXPECT_EQ(flags.count(1), 1U);
}

// ---- Waiting ------------------------------------------------------------------------------------

TEST_F(ProcessTest, JoinWithATimeout) {
  SharedFlags go;
  Process process([&] { go.await(); });
  process.start();
  EXPECT_FALSE(process.join(0s));
  EXPECT_FALSE(process.join(-5s));
  EXPECT_FALSE(process.join(std::chrono::hours::min()));
  EXPECT_FALSE(
      process.join(std::chrono::duration<double>(std::numeric_limits<double>::quiet_NaN())));
  const auto before = std::chrono::steady_clock::now();
  EXPECT_FALSE(process.join(30ms));
  EXPECT_GE(std::chrono::steady_clock::now() - before, 30ms);
  go.raise();
  EXPECT_TRUE(process.join(1min));
  EXPECT_EQ(process.exitcode(), 0);
}

TEST_F(ProcessTest, JoinWithAHugeTimeoutWaits) {
  const auto joins = [](auto timeout) {
    SharedFlags go;
    Process process([&] { go.await(); });
    process.start();
    std::thread other([&] {
      // Released only when the main thread sleeps: a timeout that overflowed would be over first.
      const std::string file = "/proc/self/task/" + std::to_string(getpid()) + "/stat";
      lagoon::test::wait_until(
          [&] {
            std::string stat;
            std::getline(std::ifstream(file), stat);
            return stat.find(") S ") != std::string::npos;
          },
          "join sleeps");
      go.raise();
    });
    const bool ended = process.join(timeout);
    other.join();
    return ended;
  };
  EXPECT_TRUE(joins(std::chrono::hours::max()));
  EXPECT_TRUE(joins(std::chrono::nanoseconds::max()));
  EXPECT_TRUE(joins(std::chrono::duration<double>(std::numeric_limits<double>::infinity())));
}

TEST_F(ProcessTest, SignalsDoNotDisturbJoin) {
  const lagoon::test::Ticking ticking(1ms, 0);
  SharedFlags go;
  Process process([&] { go.await(); });
  process.start();
  do {
    const auto began = std::chrono::steady_clock::now();
    EXPECT_FALSE(process.join(50ms));
    EXPECT_GE(std::chrono::steady_clock::now() - began, 50ms);
  } while (ticking.ticks() == 0U);
  go.raise();
  process.join();
  EXPECT_EQ(process.exitcode(), 0);
}

TEST_F(ProcessTest, TheSentinelIsReadableAtTheEnd) {
  SharedFlags go;
  int sentinel = -1;
  {
    Process process([&] { go.await(); });
    process.start();
    sentinel = process.sentinel();
    EXPECT_NE(fcntl(sentinel, F_GETFD) & FD_CLOEXEC, 0);
    EXPECT_FALSE(is_readable(sentinel));
    go.raise();
    pollfd p{sentinel, POLLIN, 0};
    EXPECT_EQ(poll(&p, 1, -1), 1);
    process.join();
    EXPECT_TRUE(is_readable(sentinel)) << "also when it has been reaped";
  }
  EXPECT_EQ(fcntl(sentinel, F_GETFD), -1) << "closed with the Process";
}

TEST_F(ProcessTest, ThreadsMayWaitForTheSameChild) {
  SharedFlags go;
  Process process([&] {
    go.await();
    return 6;
  });
  process.start();
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      process.join();
      EXPECT_EQ(process.exitcode(), 6);
    });
  }
  go.raise();
  for (std::thread& thread : threads) thread.join();
}

// ---- terminate and kill -------------------------------------------------------------------------

TEST_F(ProcessTest, TerminateAndKill) {
  Process terminated([] { pause_for_ever(); });
  Process killed([] {
    signal(SIGTERM, SIG_IGN);
    pause_for_ever();
  });
  terminated.start();
  killed.start();
  terminated.terminate();
  killed.kill();
  terminated.join();
  killed.join();
  EXPECT_EQ(terminated.exitcode(), -SIGTERM);
  EXPECT_EQ(killed.exitcode(), -SIGKILL);
  terminated.terminate();  // over: nothing
  killed.kill();
}

TEST_F(ProcessTest, TerminatingAZombieDoesNothing) {
  Process process([] {});
  process.start();
  lagoon::test::wait_until_dead_unreaped(process.pid());
  process.terminate();
  process.kill();
  process.join();
  EXPECT_EQ(process.exitcode(), 0);
}

TEST_F(ProcessTest, ASiblingMayBeTerminatedButNotJoined) {
  Process sibling([] { pause_for_ever(); });
  sibling.start();
  EXPECT_EQ(run([&] {
              expect_error<UsageError>([&] { sibling.join(); }, sibling.name(),
                                       "belongs to process");
              sibling.terminate();
              pollfd p{sibling.sentinel(), POLLIN, 0};
              poll(&p, 1, -1);
              sibling.terminate();
              return testing::Test::HasFailure() ? 1 : 0;
            }),
            0);
  sibling.join();
  EXPECT_EQ(sibling.exitcode(), -SIGTERM);
}

// ---- Errors -------------------------------------------------------------------------------------

TEST_F(ProcessTest, BeforeStart) {
  Process process(Process::Options{.name = "p"}, [] {});
  expect_error<UsageError>([&] { process.join(); }, "p: join: ", "not started", "call start");
  expect_error<UsageError>([&] { static_cast<void>(process.join(1s)); }, "p: join: ");
  expect_error<UsageError>([&] { process.terminate(); }, "p: terminate: ", "not started");
  expect_error<UsageError>([&] { process.kill(); }, "p: kill: ", "not started");
  expect_error<UsageError>([&] { static_cast<void>(process.pid()); }, "p: pid: ", "not started");
  expect_error<UsageError>([&] { static_cast<void>(process.sentinel()); }, "p: sentinel: ");
  process.close();
}

TEST_F(ProcessTest, StartTwice) {
  Process process(Process::Options{.name = "p"}, [] {});
  process.start();
  expect_error<UsageError>([&] { process.start(); }, "p: start: ", std::to_string(process.pid()),
                           "make another");
  expect_error<UsageError>([&] { process.set_daemon(true); }, "p: set_daemon: ", "before start");
  process.join();
  expect_error<UsageError>([&] { process.start(); }, "p: start: ", "before");
}

TEST_F(ProcessTest, ADaemonMayNotHaveChildren) {
  const Output err;
  Child child([&] {
    err.takes(STDERR_FILENO);
    Process process(Process::Options{.name = "d"},
                    [] { run(Process::Options{.name = "c"}, [] {}); });
    EXPECT_FALSE(process.daemon());
    process.set_daemon(true);
    EXPECT_TRUE(process.daemon());
    process.start();
    process.join();
    EXPECT_EQ(process.exitcode(), 1);
  });
  EXPECT_EQ(child.exitcode(), 0);
  EXPECT_EQ(err.text(), "d: c: start: a daemon may have no children, and d is one\n");
}

TEST_F(ProcessTest, AnothersChild) {
  SharedFlags go;
  Process made(Process::Options{.name = "made"}, [] {});
  Process started(Process::Options{.name = "started"}, [&] { go.await(); });
  started.start();
  Child child([&] {
    const std::string maker = std::to_string(getppid());
    const auto refused = [&](auto&& f) {
      expect_error<UsageError>(f, maker, "belongs to process");
    };
    refused([&] { made.start(); });
    refused([&] { started.join(); });
    refused([&] { static_cast<void>(started.join(0s)); });
    refused([&] { static_cast<void>(started.is_alive()); });
    refused([&] { static_cast<void>(started.exitcode()); });
    EXPECT_EQ(started.name(), "started");
    EXPECT_GT(started.pid(), 0);
    started.close();  // this process's copy
    EXPECT_EQ(lagoon::active_children(), 0U);
  });
  EXPECT_EQ(child.exitcode(), 0);
  EXPECT_TRUE(started.is_alive());
  go.raise();
}

TEST_F(ProcessTest, ItsOwnProcessInTheChild) {
  std::optional<Process> process;
  process.emplace([&] {
    EXPECT_EQ(process->pid(), getpid());
    expect_error<UsageError>([&] { process->start(); }, "start");
    expect_error<UsageError>([&] { process->join(); }, "join");
    expect_error<UsageError>([&] { process->kill(); }, "kill");
    expect_error<UsageError>([&] { static_cast<void>(process->sentinel()); }, "sentinel");
    return testing::Test::HasFailure() ? 1 : 0;
  });
  process->start();
  process->join();
  EXPECT_EQ(process->exitcode(), 0);
}

TEST_F(ProcessTest, Close) {
  SharedFlags go;
  Process process(Process::Options{.name = "p"}, [&] { go.await(); });
  process.start();
  expect_error<UsageError>([&] { process.close(); }, "p: close: ", "still runs", "join");
  go.raise();
  lagoon::test::wait_until_dead_unreaped(process.pid());
  const int sentinel = process.sentinel();
  process.close();  // reaps it
  EXPECT_EQ(fcntl(sentinel, F_GETFD), -1);
  process.close();  // again: nothing
}

void expect_empty(Process& process) {
  const auto refused = [](auto&& f) { expect_error<UsageError>(f, "lagoon::Process", "empty"); };
  refused([&] { process.start(); });
  refused([&] { process.join(); });
  refused([&] { static_cast<void>(process.join(1s)); });
  refused([&] { static_cast<void>(process.is_alive()); });
  refused([&] { static_cast<void>(process.exitcode()); });
  refused([&] { static_cast<void>(process.pid()); });
  refused([&] { static_cast<void>(process.sentinel()); });
  refused([&] { static_cast<void>(process.name()); });
  refused([&] { process.set_name("n"); });
  refused([&] { static_cast<void>(process.daemon()); });
  refused([&] { process.set_daemon(true); });
  refused([&] { process.terminate(); });
  refused([&] { process.kill(); });
  process.close();
}

TEST_F(ProcessTest, AnEmptyOneIsHarmless) {
  Process made_without_target;
  expect_empty(made_without_target);
  Process closed([] {});
  closed.close();
  expect_empty(closed);
  Process moved_from([] { return 2; });
  Process process(std::move(moved_from));
  expect_empty(moved_from);  // NOLINT(bugprone-use-after-move): that is what is tested
  process.start();
  Process moved_while_running(std::move(process));
  expect_empty(process);  // NOLINT(bugprone-use-after-move)
  moved_while_running.join();
  EXPECT_EQ(moved_while_running.exitcode(), 2);
}

TEST_F(ProcessTest, AssignmentEndsTheOneThatWasThere) {
  SharedFlags flags;
  Process process([&] {
    flags.await(0);
    flags.raise(1);
  });
  process.start();
  flags.raise(0);
  process = Process([] { return 3; });
  EXPECT_EQ(flags.count(1), 1U);
  Process& same = process;
  process = std::move(same);
  process.start();
  process.join();
  EXPECT_EQ(process.exitcode(), 3);
}

// ---- What the kernel may refuse -----------------------------------------------------------------

/// A soft limit, for as long as this lives.
class SoftLimit {
 public:
  SoftLimit(decltype(RLIMIT_NPROC) which, rlim_t soft) : which_(which) {
    EXPECT_EQ(getrlimit(which, &before_), 0);
    const rlimit limit{soft, before_.rlim_max};
    EXPECT_EQ(setrlimit(which, &limit), 0);
  }
  ~SoftLimit() { setrlimit(which_, &before_); }
  SoftLimit(const SoftLimit&) = delete;
  SoftLimit& operator=(const SoftLimit&) = delete;

 private:
  decltype(RLIMIT_NPROC) which_;
  rlimit before_{};
};

/// Expects that start fails under the limit, with this error and message; then not.
void expect_start_fails_at(decltype(RLIMIT_NPROC) which, Process& process, int error,
                           const std::string& message) {
  try {
    const SoftLimit none(which, 0);
    process.start();
    ADD_FAILURE() << "it started";
  } catch (const SystemError& e) {
    EXPECT_EQ(e.code().value(), error);
    EXPECT_EQ(std::string(e.what()).rfind(message, 0), 0U) << e.what();
  }
  EXPECT_FALSE(process.is_alive());
  process.start();
  process.join();
  EXPECT_EQ(process.exitcode(), 8);
}

TEST_F(ProcessTest, AForkThatFailsLeavesItStartable) {
  Child child([] {
    if (geteuid() == 0) {  // root has no such limit
      ASSERT_EQ(setresuid(65534, 65534, 65534), 0);
    }
    Process process(Process::Options{.name = "p"}, [] { return 8; });
    expect_start_fails_at(RLIMIT_NPROC, process, EAGAIN, "p: fork: ");
  });
  EXPECT_EQ(child.exitcode(), 0);
}

TEST_F(ProcessTest, WithoutADescriptorNothingRuns) {
  SharedFlags ran;
  Child child([&] {
    Process process(Process::Options{.name = "p"}, [&] {
      ran.raise();
      return 8;
    });
    // Not "p: pidfd_open; its child was killed".
    expect_start_fails_at(RLIMIT_NOFILE, process, EMFILE, "p: pidfd_open: ");
    EXPECT_EQ(ran.count(), 1U);
  });
  EXPECT_EQ(child.exitcode(), 0);
}

TEST_F(ProcessTest, SaysWhenThereAreNoPidfds) {
  Child child([] {
    sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_pidfd_open, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const sock_fprog program{static_cast<unsigned short>(std::size(filter)), filter};
    ASSERT_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    ASSERT_EQ(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
    Process process(Process::Options{.name = "p"}, [] {});
    expect_error<SystemError>([&] { process.start(); }, "p: pidfd_open is missing", "Linux 5.4");
    siginfo_t info{};
    EXPECT_EQ(waitid(P_ALL, 0, &info, WEXITED | WNOHANG), -1) << "it forked all the same";
  });
  EXPECT_EQ(child.exitcode(), 0);
}

// ---- Other people's signals, children and locks -------------------------------------------------

void expect_lost(Process& process) {
  EXPECT_FALSE(process.is_alive());
  EXPECT_TRUE(process.join(0s));
  process.join();
  EXPECT_TRUE(is_readable(process.sentinel()));
  process.terminate();
  try {
    static_cast<void>(process.exitcode());
    ADD_FAILURE() << "it had an exit code";
  } catch (const SystemError& error) {
    EXPECT_EQ(error.code().value(), ECHILD);
    EXPECT_NE(std::string(error.what()).find("p: exitcode: someone else"), std::string::npos);
  }
}

TEST_F(ProcessTest, SomeoneElseReapsTheChild) {
  Process process(Process::Options{.name = "p"}, [] {});
  process.start();
  ASSERT_EQ(waitpid(-1, nullptr, 0), process.pid());
  process.join();
  expect_lost(process);
}

TEST_F(ProcessTest, SigchldIsIgnored) {
  Child child([] {
    signal(SIGCHLD, SIG_IGN);
    Process process(Process::Options{.name = "p"}, [] {});
    process.start();
    process.join();
    expect_lost(process);
    process.close();
  });
  EXPECT_EQ(child.exitcode(), 0);
}

TEST_F(ProcessTest, TheChildIsGoneBeforeStartReturns) {
  Child child([] {
    signal(SIGCHLD, SIG_IGN);
    // With SIGCHLD ignored this returns when all children have ended and are gone.
    pthread_atfork(
        nullptr, [] { waitid(P_ALL, 0, nullptr, WEXITED); }, nullptr);
    Process process(Process::Options{.name = "p"}, [] {});
    process.start();
    expect_lost(process);
    EXPECT_EQ(lagoon::active_children(), 0U);
    process.close();
  });
  EXPECT_EQ(child.exitcode(), 0);
}

TEST_F(ProcessTest, KilledBeforeItRunsAnything) {
  Child child([] {
    pthread_atfork(nullptr, nullptr, [] { raise(SIGKILL); });
    EXPECT_EQ(run([] {}), -SIGKILL);
  });
  EXPECT_EQ(child.exitcode(), 0);
}

TEST_F(ProcessTest, ReapsNobodyElsesChildrenAndInstallsNothing) {
  Child others([] { _exit(9); });
  lagoon::test::wait_until_dead_unreaped(others.pid());
  struct sigaction before {};
  struct sigaction after {};
  sigaction(SIGCHLD, nullptr, &before);
  const auto threads = [] {
    return std::distance(std::filesystem::directory_iterator("/proc/self/task"), {});
  };
  const auto threads_before = threads();
  Process process([] { pause_for_ever(); });
  process.start();
  EXPECT_EQ(threads(), threads_before);
  EXPECT_EQ(lagoon::active_children(), 1U);
  process.terminate();
  process.join();
  EXPECT_EQ(lagoon::active_children(), 0U);
  sigaction(SIGCHLD, nullptr, &after);
  EXPECT_EQ(before.sa_handler, after.sa_handler);
  EXPECT_EQ(others.exitcode(), 9);
}

TEST_F(ProcessTest, AThreadThatReadsStdinDoesNotHoldStartUp) {
  const Output out;
  Child child([&] {
    int pipe_ends[2];
    ASSERT_EQ(pipe(pipe_ends), 0);
    dup2(pipe_ends[0], STDIN_FILENO);
    out.takes(STDOUT_FILENO);
    std::thread reader([] { EXPECT_EQ(std::getc(stdin), 'x'); });
    lagoon::test::wait_until(
        [] {
          if (ftrylockfile(stdin) != 0) return true;
          funlockfile(stdin);
          return false;
        },
        "the reader holds stdin's lock");
    std::printf("once ");
    EXPECT_EQ(run([] { std::printf("child"); }), 0);
    ASSERT_EQ(write(pipe_ends[1], "x", 1), 1);
    reader.join();
  });
  EXPECT_EQ(child.exitcode(), 0);
  EXPECT_EQ(out.text(), "once child");
}

// ---- Many ---------------------------------------------------------------------------------------

TEST_F(ProcessTest, ThreeHundredAtOnce) {
  constexpr int n = 300;
  SharedFlags flags;
  std::vector<Process> processes;
  for (int i = 0; i < n; ++i) {
    processes.emplace_back([&, i] {
      flags.raise(0);
      flags.await(1);
      return i;
    });
    processes.back().start();
  }
  flags.await(0, n);
  EXPECT_EQ(lagoon::active_children(), static_cast<std::size_t>(n));
  flags.raise(1);
  for (int i = 0; i < n; ++i) {
    processes[static_cast<std::size_t>(i)].join();
    EXPECT_EQ(processes[static_cast<std::size_t>(i)].exitcode(), i & 0xff);
  }
  EXPECT_EQ(lagoon::active_children(), 0U);
}

TEST_F(ProcessTest, ThreadsStartAtTheSameTime) {
  constexpr int n = 4;
  constexpr int each = 15;
  std::atomic<bool> over = false;
  // Nearly always in the middle of something when another thread forks.
  std::thread busy([&] {
    while (!over) static_cast<void>(lagoon::active_children());
  });
  std::vector<std::thread> threads;
  for (int t = 0; t < n; ++t) {
    threads.emplace_back([] {
      for (int i = 0; i < each; ++i)
        EXPECT_EQ(run([] { return run([] { return 2; }).value() + 1; }), 3);
    });
  }
  for (std::thread& thread : threads) thread.join();
  over = true;
  busy.join();
}

TEST_F(ProcessTest, ActiveChildrenCountsThoseThatRun) {
  SharedFlags go;
  Process ended([] {});
  Process running([&] { go.await(); });
  const Process not_started([] {});
  ended.start();
  running.start();
  lagoon::test::wait_until_dead_unreaped(ended.pid());
  EXPECT_EQ(lagoon::active_children(), 1U);
  siginfo_t info{};
  EXPECT_EQ(waitid(P_PID, static_cast<id_t>(ended.pid()), &info, WEXITED | WNOHANG), -1)
      << "the one that has ended is reaped";
  go.raise();
  running.join();
  EXPECT_EQ(ended.exitcode(), 0);
}

}  // namespace
