/// Pools whose workers are killed, stopped, or exit, and whose parents are killed.

#include <lagoon/pool.hpp>

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <numeric>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "child.hpp"
#include "expect_throw.hpp"
#include "kill_count.hpp"
#include "rendezvous.hpp"
#include "sanitizers.hpp"
#include "storing.hpp"

namespace {

using lagoon::Pool;
using lagoon::UsageError;
using lagoon::WorkerDied;
using lagoon::test::Child;
using lagoon::test::expect_throw;
using lagoon::test::Shared;
using lagoon::test::SharedFlags;
using lagoon::test::wait_until;
using namespace std::chrono_literals;

constexpr std::size_t most_tasks = 5000;

/// What tasks tell: made before the pools.
struct Board {
  std::array<std::atomic<int>, most_tasks> begun{};
  std::atomic<pid_t> pid{0};
  std::atomic<int> killed{0};
};
SharedFlags* flags = nullptr;
Board* board = nullptr;

class PoolKilled : public testing::Test {
  void SetUp() override {
    flags = &flags_;
    board = &*board_;
  }
  void TearDown() override {
    siginfo_t info{};
    EXPECT_EQ(waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT), -1)
        << "child " << info.si_pid << " is left";
  }
  SharedFlags flags_;
  Shared<Board> board_;
};

std::vector<int> numbers(int n) {
  std::vector<int> all(static_cast<std::size_t>(n));
  std::iota(all.begin(), all.end(), 0);
  return all;
}
constexpr auto identity = [](int x) { return x; };
constexpr int tasks_a_kill = 20;
/// Some work, so that there is time to be killed in the midst of it, and not before a part of those
/// who could have been killed was.
constexpr auto square_and_tell = [](int x) {
  ++board->begun[static_cast<std::size_t>(x)];
  flags->raise();
  while (board->killed < x / (2 * tasks_a_kill)) sched_yield();
  volatile int sum = 0;
  for (int i = 0; i < 20'000; ++i) sum = sum + i % 3;
  return x * x;
};

using lagoon::test::state_of;

bool has_ended(pid_t pid) { return state_of(pid) == '-' || state_of(pid) == 'Z'; }

/// Kills a worker at random, each time that tasks_a_kill more have begun, until it is destroyed.
class Killer {
 public:
  explicit Killer(Pool& pool)
      : thread_([this, &pool] {
          std::mt19937 random(std::random_device{}());
          for (std::uint32_t next = tasks_a_kill; !over_; next = flags->count() + tasks_a_kill) {
            while (!over_ && flags->count() < next) sched_yield();
            const std::vector<pid_t> pids = pool.pids();
            if (over_ || pids.empty()) continue;
            ::kill(pids[random() % pids.size()], SIGKILL);
            ++board->killed;
          }
        }) {}
  ~Killer() {
    over_ = true;
    thread_.join();
  }
  Killer(const Killer&) = delete;
  Killer& operator=(const Killer&) = delete;

 private:
  std::atomic<bool> over_{false};
  std::thread thread_;
};

TEST_F(PoolKilled, at_random_no_result_is_lost_or_wrong) {
  const int n = lagoon::test::with_asan || lagoon::test::with_tsan ? 600 : 5000;
  Pool pool({.processes = 4, .attempts = 1000});
  std::vector<int> squares;
  {
    const Killer killer(pool);
    squares = pool.map(square_and_tell, numbers(n), 1);
  }
  ASSERT_EQ(squares.size(), static_cast<std::size_t>(n));
  for (int i = 0; i < n; ++i) EXPECT_EQ(squares[static_cast<std::size_t>(i)], i * i);
  EXPECT_GE(board->killed, n / (2 * tasks_a_kill) - 1);
  pool.close();
  pool.join();
}

TEST_F(PoolKilled, at_random_each_task_is_begun_once_if_so_wanted) {
  const int n = lagoon::test::with_asan || lagoon::test::with_tsan ? 600 : 3000;
  Pool pool({.processes = 4, .attempts = 1});
  int died = 0;
  {
    const Killer killer(pool);
    auto results = pool.imap(square_and_tell, numbers(n));
    for (int i = 0; i < n; ++i) {
      try {
        EXPECT_EQ(results.next(), i * i);
      } catch (const WorkerDied& e) {
        ++died;
      }
    }
    EXPECT_EQ(results.next(), std::nullopt);
  }
  for (int i = 0; i < n; ++i) EXPECT_LE(board->begun[static_cast<std::size_t>(i)], 1) << i;
  EXPECT_LE(died, board->killed);
  EXPECT_GE(board->killed, n / (2 * tasks_a_kill) - 1);
}

TEST_F(PoolKilled, in_the_midst_of_a_task_it_is_done_by_another) {
  Pool pool(1);
  const auto result = pool.apply_async([] {
    if (board->begun[0]++ == 0) {
      board->pid = getpid();
      flags->raise();
      for (;;) pause();
    }
    return getpid();
  });
  flags->await();
  const pid_t first = board->pid;
  ::kill(first, SIGKILL);
  EXPECT_NE(result.get(), first);
  EXPECT_EQ(board->begun[0], 2);
}

TEST_F(PoolKilled, what_it_had_sent_before_counts) {
  // More than who drives takes at once, before it looks who is dead.
  constexpr int n = 300;
  Pool pool({.processes = 1, .attempts = 1});
  const pid_t worker = pool.pids().at(0);
  const auto results = pool.map_async(
      [](int x) {
        flags->raise();
        return x;
      },
      numbers(n), 1);
  flags->await(0, n);
  wait_until([&] { return lagoon::test::is_asleep(worker); }, "it has sent all");
  ::kill(worker, SIGKILL);
  lagoon::test::wait_until_dead_unreaped(worker);
  EXPECT_EQ(results.get(), numbers(n));
}

TEST_F(PoolKilled, a_task_that_kills_its_workers_is_given_up) {
  Pool pool(2);
  const auto poison = pool.apply_async([] {
    ++board->begun[0];
    raise(SIGKILL);
  });
  const auto others = pool.map_async(identity, numbers(100), 1);
  expect_throw<WorkerDied>([&] { poison.get(); },
                           {"PoolWorker-", "signal 9", "as 2 before it", "attempts"});
  EXPECT_EQ(board->begun[0], 3);
  EXPECT_EQ(others.get(), numbers(100));
  expect_throw<WorkerDied>(
      [&] {
        (void)pool.map(
            [](int x) {
              if (x == 7) abort();
              return x;
            },
            numbers(10), 1);
      },
      {"signal 6"});
  EXPECT_EQ(pool.map(identity, numbers(10)), numbers(10));
}

TEST_F(PoolKilled, a_task_that_is_not_to_be_begun_again_is_reported) {
  Pool pool({.processes = 2, .attempts = 1});
  expect_throw<WorkerDied>(
      [&] {
        pool.apply([] {
          ++board->begun[0];
          raise(SIGKILL);
        });
      },
      {"signal 9"});
  EXPECT_EQ(board->begun[0], 1);
}

TEST_F(PoolKilled, a_task_that_exits_is_reported) {
  Pool pool(2);
  expect_throw<WorkerDied>([&] { pool.apply([] { _exit(3); }); }, {"exited with code 3"});
  expect_throw<WorkerDied>([&] { pool.apply([] { std::exit(0); }); }, {"exited with code 0"});
  EXPECT_EQ(pool.map(identity, numbers(10), 1), numbers(10));
}

TEST_F(PoolKilled, idle_ones_are_replaced) {
  Pool pool(3);
  EXPECT_EQ(pool.map(identity, numbers(10), 1), numbers(10));
  const std::vector<pid_t> before = pool.pids();
  for (const pid_t pid : before) {
    ::kill(pid, SIGKILL);
    lagoon::test::wait_until_dead_unreaped(pid);
  }
  EXPECT_EQ(pool.map(identity, numbers(10), 1), numbers(10));
  wait_until([&] { return pool.apply_async(identity, 1).get() == 1 && pool.pids().size() == 3; },
             "there are three of them again");
  for (const pid_t pid : pool.pids()) EXPECT_EQ(std::ranges::count(before, pid), 0);
}

TEST_F(PoolKilled, stopped_ones_are_ended_by_terminate_too) {
  Pool pool(2);
  (void)pool.map_async(
      [](int) {
        for (;;) pause();
      },
      numbers(1));
  for (const pid_t pid : pool.pids()) {
    ::kill(pid, SIGSTOP);
    wait_until([&] { return state_of(pid) == 'T'; }, "it is stopped");
  }
  const std::vector<pid_t> pids = pool.pids();
  pool.terminate();
  for (const pid_t pid : pids) EXPECT_TRUE(has_ended(pid));
  EXPECT_EQ(lagoon::active_children(), 0U);
}

/// A parent that is killed while one worker is idle and one in a task.
void expect_that_workers_end_with(bool main_thread) {
  Child parent([&] {
    const auto use_pool = [] {
      Pool pool(2);
      const auto busy = pool.apply_async([] {
        flags->raise(1);
        flags->await(2);
      });
      flags->await(1);
      const std::vector<pid_t> pids = pool.pids();
      for (std::size_t i = 0; i < 2; ++i) board->begun[i] = pids.at(i);
      flags->raise(0);
      for (;;) pause();
    };
    if (main_thread) use_pool();
    std::thread(use_pool).join();
  });
  flags->await(0);
  parent.kill();
  // Of one that was forked by another thread the task goes on to its end.
  if (!main_thread) flags->raise(2);
  for (std::size_t i = 0; i < 2; ++i)
    wait_until([&] { return has_ended(board->begun[i]); }, "the worker has ended");
}
TEST_F(PoolKilled, when_the_parent_is_killed_workers_end) { expect_that_workers_end_with(true); }
TEST_F(PoolKilled, when_the_parent_is_killed_workers_end_that_another_thread_forked) {
  expect_that_workers_end_with(false);
}

TEST_F(PoolKilled, or_their_parents_by_the_normal_end_of_the_program) {
  Child parent([] {
    static Pool* const left = new Pool(2);
    EXPECT_EQ(left->apply(identity, 1), 1);
    std::exit(0);
  });
  EXPECT_EQ(parent.exitcode(), 0);
}

TEST_F(PoolKilled, a_program_that_exits_in_the_midst_ends_its_pools) {
  Child parent([] {
    static Pool pool(2);  // whose destructor runs at exit, in the parent, and in a task that exits
    EXPECT_THROW(pool.apply([] { std::exit(5); }), WorkerDied);
    (void)pool.apply_async([] {
      for (;;) pause();
    });
    std::exit(0);
  });
  EXPECT_EQ(parent.exitcode(), 0);
}

// ---- After each store
// -----------------------------------------------------------------------------

/// What the worker that is to be stopped knows.
struct Armed {
  std::atomic<pid_t> pid{0};
  lagoon::test::detail::CountedStores::Told told;
};

enum class Then { killed, goes_on };

/// The first worker stops after so many stores to shared memory, having had all tasks for itself.
/// While it is stopped the other does all but what the first has begun. Then it is killed, and that
/// is done too; or it goes on, and nothing is done twice. False if the first has done all before it
/// stopped.
bool stop_after(unsigned stores, Then then, lagoon::test::KillCount& count) {
  constexpr int n = 3;
  SharedFlags go_on;
  const Shared<Armed> armed;
  for (auto& times : board->begun) times = 0;
  Pool pool({.processes = 2}, [&] {
    pid_t nobody = 0;
    if (armed->pid.compare_exchange_strong(nobody, getpid()))
      lagoon::test::detail::CountedStores::begin("memfd:lagoon-heap", stores, &armed->told);
    else
      go_on.await();
  });
  std::vector<int> got;
  auto results = pool.imap_unordered(
      [](int x) {
        ++board->begun[static_cast<std::size_t>(x)];
        return x;
      },
      numbers(n));
  const auto take = [&] {
    try {
      while (auto x = results.next(1ms)) got.push_back(*x);
    } catch (const lagoon::TimeoutError&) {
    }
  };
  const auto has_stopped = [&] { return armed->pid != 0 && state_of(armed->pid) == 'T'; };
  wait_until(
      [&] {
        take();
        return got.size() == n || has_stopped();
      },
      "it has stopped, or done all");
  const bool stopped = has_stopped();
  go_on.raise();
  if (stopped) {
    wait_until(
        [&] {
          take();
          return got.size() >= n - 1;
        },
        "the other has done all but one, while store " + std::to_string(stores) +
            " is the last that the first has made");
    ::kill(armed->pid, then == Then::killed ? SIGKILL : SIGCONT);
    then == Then::killed ? count.killed() : count.met();
  }
  while (auto x = results.next()) got.push_back(*x);
  std::ranges::sort(got);
  EXPECT_EQ(got, numbers(n)) << "after store " << stores;
  pool.close();
  if (!stopped) ::kill(armed->pid, SIGKILL);
  pool.join();
  int begun = 0;
  for (std::size_t i = 0; i < n; ++i) begun += board->begun[i];
  EXPECT_LE(begun, then == Then::killed ? n + 1 : n) << "after store " << stores;
  return stopped;
}

TEST_F(PoolKilled, after_each_of_its_stores) {
  if (lagoon::test::with_asan || lagoon::test::with_tsan) GTEST_SKIP() << "counts their stores";
  lagoon::test::KillCount count("Pool: a worker that has three tasks");
  unsigned stores = 0;
  while (stop_after(stores, Then::killed, count)) ++stores;
  EXPECT_GT(stores, 20U);
  for (unsigned i = 0; i < stores; ++i) stop_after(i, Then::goes_on, count);
}

}  // namespace
