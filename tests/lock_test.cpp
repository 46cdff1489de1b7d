#include <lagoon/lock.hpp>
#include <lagoon/segment.hpp>

#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "child.hpp"
#include "expect_throw.hpp"
#include "rendezvous.hpp"
#include "sanitizers.hpp"
#include "shm_name.hpp"

namespace {

using lagoon::Acquired;
using lagoon::Lock;
using lagoon::RLock;
using lagoon::Segment;
using lagoon::UsageError;
using lagoon::test::Child;
using lagoon::test::expect_throw;
using lagoon::test::Rendezvous;
using lagoon::test::Shared;
using lagoon::test::SharedFlags;
using lagoon::test::ShmName;
using lagoon::test::with_asan;
using lagoon::test::with_tsan;
using namespace std::chrono_literals;
using std::chrono::steady_clock;

// What an acquire says is neither ignored nor compared nor taken for a number.
static_assert(!std::is_convertible_v<Acquired, bool>);
static_assert(std::is_constructible_v<bool, Acquired>);
static_assert(!std::equality_comparable<Acquired>);

/// In a thread of its own, which is another owner.
template <class F>
void elsewhere(F&& f) {
  std::thread(std::forward<F>(f)).join();
}

template <class L>
class BothLocks : public testing::Test {
 protected:
  enum : std::size_t { held, release, released };
  /// A child that has the lock until `release` is raised.
  Child holder() {
    Child child([&] {
      EXPECT_TRUE(lock_.acquire());
      flags_.raise(held);
      flags_.await(release);
      lock_.release();
    });
    flags_.await(held);
    return child;
  }
  L lock_;
  SharedFlags flags_;
};
struct Names {
  template <class L>
  static std::string GetName(int) {
    return std::is_same_v<L, Lock> ? "Lock" : "RLock";
  }
};
using Locks = testing::Types<Lock, RLock>;
TYPED_TEST_SUITE(BothLocks, Locks, Names);

TYPED_TEST(BothLocks, begins_free_and_is_held_between_acquire_and_release) {
  TypeParam& lock = this->lock_;
  EXPECT_FALSE(lock.locked());
  const Acquired got = lock.acquire();
  EXPECT_TRUE(got);
  EXPECT_FALSE(got.owner_died());
  EXPECT_TRUE(lock.locked());
  elsewhere([&] { EXPECT_FALSE(lock.acquire(false)); });
  lock.release();
  EXPECT_FALSE(lock.locked());
  elsewhere([&] {
    EXPECT_TRUE(lock.acquire(false));
    lock.release();
  });
}

TYPED_TEST(BothLocks, is_held_against_other_processes) {
  Child child = this->holder();
  EXPECT_TRUE(this->lock_.locked());
  EXPECT_FALSE(this->lock_.acquire(false));
  EXPECT_FALSE(this->lock_.try_lock());
  this->flags_.raise(this->release);
  EXPECT_TRUE(this->lock_.acquire()) << "waits until it is given back";
  this->lock_.release();
  EXPECT_EQ(child.exitcode(), 0);
}

TYPED_TEST(BothLocks, a_timeout_that_passes_gives_nothing_and_not_before_its_time) {
  Child child = this->holder();
  const auto begin = steady_clock::now();
  EXPECT_FALSE(this->lock_.acquire(true, 20ms));
  EXPECT_GE(steady_clock::now() - begin, 20ms);
  EXPECT_FALSE(this->lock_.try_lock_for(5ms));
  EXPECT_FALSE(this->lock_.try_lock_until(steady_clock::now() + 5ms));
  EXPECT_GE(steady_clock::now() - begin, 30ms);
}

TYPED_TEST(BothLocks, a_zero_or_negative_timeout_is_one_look) {
  for (const auto d : {0ms, -1ms, std::chrono::milliseconds::min()}) {
    EXPECT_TRUE(this->lock_.acquire(true, d));
    elsewhere([&] { EXPECT_FALSE(this->lock_.acquire(true, d)); });
    elsewhere([&] { EXPECT_FALSE(this->lock_.try_lock_for(d)); });
    this->lock_.release();
    EXPECT_TRUE(this->lock_.try_lock_for(d));
    this->lock_.release();
  }
  EXPECT_TRUE(this->lock_.try_lock_until(steady_clock::time_point::min()));
  elsewhere([&] { EXPECT_FALSE(this->lock_.try_lock_until(steady_clock::time_point::min())); });
  this->lock_.release();
}

TYPED_TEST(BothLocks, without_block_the_timeout_is_ignored) {
  Child child = this->holder();
  EXPECT_FALSE(this->lock_.acquire(false, 24h * 365));  // the watchdog would tell
  this->flags_.raise(this->release);
  EXPECT_EQ(child.exitcode(), 0);
  EXPECT_TRUE(this->lock_.acquire(false, -5s));
  this->lock_.release();
}

TYPED_TEST(BothLocks, a_timeout_too_long_to_count_never_comes) {
  std::vector<Child> waiters;
  ASSERT_TRUE(this->lock_.acquire());
  const auto wait_with = [&](auto&& take) {
    waiters.emplace_back([&, take] {
      this->flags_.raise(this->held);
      EXPECT_TRUE(take());
      this->lock_.release();
    });
  };
  TypeParam& lock = this->lock_;
  wait_with([&] { return bool(lock.acquire(true, std::chrono::hours::max())); });
  wait_with([&] { return bool(lock.acquire(true, std::chrono::nanoseconds::max())); });
  wait_with([&] {
    using Endless = std::chrono::duration<double>;
    return bool(lock.acquire(true, Endless(std::numeric_limits<double>::infinity())));
  });
  wait_with([&] { return lock.try_lock_for(std::chrono::hours::max()); });
  wait_with([&] { return lock.try_lock_until(steady_clock::time_point::max()); });
  this->flags_.await(this->held, 5);
  lock.release();
  for (Child& waiter : waiters) EXPECT_EQ(waiter.exitcode(), 0);
}

TYPED_TEST(BothLocks, is_what_the_standard_calls_lockable) {
  TypeParam& lock = this->lock_;
  TypeParam other;
  {
    const std::scoped_lock both(lock, other);  // takes them in whatever order others do
    elsewhere([&] { EXPECT_FALSE(lock.try_lock() || other.try_lock()); });
  }
  {
    std::unique_lock guard(lock, std::try_to_lock);
    EXPECT_TRUE(guard.owns_lock());
    elsewhere([&] { EXPECT_FALSE(std::unique_lock(lock, std::try_to_lock).owns_lock()); });
    elsewhere([&] { EXPECT_FALSE(std::unique_lock(lock, 1ms).owns_lock()); });
    guard.unlock();
    EXPECT_TRUE(guard.try_lock_for(1h));
  }
  {
    const std::lock_guard guard(lock);
    EXPECT_TRUE(lock.locked());
  }
  EXPECT_FALSE(lock.locked());
}

TYPED_TEST(BothLocks, release_of_a_free_one_is_UsageError) {
  expect_throw<UsageError>([&] { this->lock_.release(); }, {"Lock", "to be released"});
  const ShmName name;
  const Segment segment = Segment::create(name);
  TypeParam named{segment["the lock"]};
  expect_throw<UsageError>([&] { named.unlock(); }, {"'the lock'", "Lock", name.str()});
  EXPECT_TRUE(named.try_lock());
  named.unlock();
  expect_throw<UsageError>([&] { named.release(); });
}

TYPED_TEST(BothLocks, sixteen_processes_are_inside_one_at_a_time) {
  constexpr int processes = 16;
  constexpr std::int64_t rounds = with_tsan || with_asan ? 200 : 5000;
  Shared<std::int64_t> count;
  Rendezvous start(processes);
  std::vector<Child> children;
  for (int i = 0; i < processes; ++i)
    children.emplace_back([&] {
      start.meet();
      for (std::int64_t k = 0; k < rounds; ++k) {
        const std::scoped_lock guard(this->lock_);
        volatile std::int64_t& plain = *count;
        plain = plain + 1;
      }
    });
  for (Child& child : children) EXPECT_EQ(child.exitcode(), 0);
  EXPECT_EQ(*count, processes * rounds);
  EXPECT_FALSE(this->lock_.locked());
}

TYPED_TEST(BothLocks, threads_are_inside_one_at_a_time) {
  constexpr int rounds = with_tsan ? 2000 : 20'000;
  std::int64_t count = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      for (int k = 0; k < rounds; ++k) {
        const std::scoped_lock guard(this->lock_);
        ++count;
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(count, 4 * rounds);
}

TYPED_TEST(BothLocks, a_stopped_owner_is_waited_for) {
  Child child = this->holder();
  child.stop();
  EXPECT_FALSE(this->lock_.acquire(true, 20ms));
  EXPECT_TRUE(this->lock_.locked());
  this->flags_.raise(this->release);
  child.resume();
  const Acquired got = this->lock_.acquire();
  EXPECT_TRUE(got);
  EXPECT_FALSE(got.owner_died());
  this->lock_.release();
  EXPECT_EQ(child.exitcode(), 0);
}

// ---- The owner dies ---------------------------------------------------------------------------

TYPED_TEST(BothLocks, of_a_dead_owner_goes_to_the_next_who_is_told) {
  for (const bool reaped : {false, true}) {
    SCOPED_TRACE(reaped ? "reaped" : "not reaped");
    Child child([&] {
      (void)this->lock_.acquire();
      raise(SIGKILL);
    });
    lagoon::test::wait_until_dead_unreaped(child.pid());
    if (reaped) (void)child.wait();
    EXPECT_FALSE(this->lock_.locked()) << "nobody who lives has it";
    EXPECT_FALSE(this->lock_.owner_died()) << "nobody has found out yet";
    const Acquired got = this->lock_.acquire(false);
    ASSERT_TRUE(got);
    EXPECT_TRUE(got.owner_died());
    EXPECT_TRUE(this->lock_.owner_died());
    this->lock_.mark_consistent();
    this->lock_.release();
    const Acquired next = this->lock_.acquire();
    EXPECT_TRUE(next);
    EXPECT_FALSE(next.owner_died()) << "exactly one is told";
    this->lock_.release();
  }
}

TYPED_TEST(BothLocks, of_an_owner_who_exited_or_ran_another_program_too) {
  const auto expect_told = [&] {
    const Acquired got = this->lock_.acquire();
    EXPECT_TRUE(got);
    EXPECT_TRUE(got.owner_died());
    this->lock_.release();
  };
  Child exits([&] { (void)this->lock_.acquire(); });
  EXPECT_EQ(exits.exitcode(), 0);
  expect_told();
  Child runs([&] {
    (void)this->lock_.acquire();
    this->flags_.raise(0);
    execl("/bin/sleep", "sleep", "1000", nullptr);
    _exit(1);
  });
  this->flags_.await(0);
  expect_told();
  runs.kill();
  elsewhere([&] { (void)this->lock_.acquire(); });
  expect_told();
}

TYPED_TEST(BothLocks, of_an_owner_whose_id_another_process_has_now) {
  (void)this->lock_.acquire();  // so that this process is known to it first
  this->lock_.release();
  Child owner([&] { (void)this->lock_.acquire(); });
  EXPECT_EQ(owner.exitcode(), 0);
  SharedFlags flags;
  TypeParam another_lock;
  const auto live_and_own_something = [&] {
    if (getpid() == owner.pid()) {
      (void)another_lock.acquire();
      flags.raise(0);
    }
    for (;;) pause();
  };
  std::optional<Child> same_id;
  for (int i = 0; i < 1000 && (!same_id || same_id->pid() != owner.pid()); ++i) {
    same_id.reset();
    std::ofstream last("/proc/sys/kernel/ns_last_pid");
    if (!(last << owner.pid() - 1 << std::flush)) GTEST_SKIP() << "ids cannot be chosen here";
    same_id.emplace(live_and_own_something);
  }
  if (same_id->pid() != owner.pid()) GTEST_SKIP() << "the id went to others";
  flags.await(0);
  EXPECT_FALSE(this->lock_.locked());
  const Acquired got = this->lock_.acquire(true, 60s);
  EXPECT_TRUE(got.owner_died());
  this->lock_.release();
  EXPECT_TRUE(another_lock.locked());
}

TYPED_TEST(BothLocks, of_an_owner_in_another_pid_namespace) {
  enum : std::size_t { has_it, waits, told };
  Child probe([] { _exit(unshare(CLONE_NEWPID) == 0 ? 0 : 77); });
  if (probe.exitcode() == 77) GTEST_SKIP() << "this process may not make pid namespaces";
  SharedFlags flags;
  // Both have the process id 1, each in a namespace of its own.
  Child owner([&] {
    ASSERT_EQ(unshare(CLONE_NEWPID), 0);
    Child inner([&] {
      EXPECT_EQ(getpid(), 1);
      (void)this->lock_.acquire();
      flags.raise(has_it);
      for (;;) pause();
    });
    flags.await(waits);
    inner.kill_unreaped();
    flags.await(told);
  });
  Child waiter([&] {
    ASSERT_EQ(unshare(CLONE_NEWPID), 0);
    Child inner([&] {
      EXPECT_EQ(getpid(), 1);
      flags.await(has_it);
      EXPECT_FALSE(this->lock_.acquire(false));
      flags.raise(waits);
      EXPECT_TRUE(this->lock_.acquire().owner_died());
      flags.raise(told);
    });
    EXPECT_EQ(inner.exitcode(), 0);
  });
  EXPECT_EQ(owner.exitcode(), 0);
  EXPECT_EQ(waiter.exitcode(), 0);
}

TYPED_TEST(BothLocks, of_a_dead_owner_tells_exactly_one_of_eight_who_wait) {
  constexpr int waiters = 8;
  constexpr int rounds = 10;
  Shared<std::atomic<int>> told;
  Shared<std::atomic<int>> got;
  for (int round = 0; round < rounds; ++round) {
    SharedFlags flags;
    Child owner([&] {
      (void)this->lock_.acquire();
      flags.raise(0);
      pause();
    });
    flags.await(0);
    std::vector<Child> children;
    for (int i = 0; i < waiters; ++i)
      children.emplace_back([&, i] {
        flags.raise(1);
        // Some by Python's call, some by the guard's, some again and again.
        if (i % 3 == 0) {
          const Acquired a = this->lock_.acquire();
          *told += a.owner_died() ? 1 : 0;
        } else if (i % 3 == 1) {
          const Acquired a = this->lock_.acquire(true, 60s);
          EXPECT_TRUE(a);
          *told += a.owner_died() ? 1 : 0;
        } else {
          for (;;) {
            const Acquired a = this->lock_.acquire(false);
            if (!a) continue;
            *told += a.owner_died() ? 1 : 0;
            break;
          }
        }
        ++*got;
        this->lock_.release();
      });
    flags.await(1, waiters);
    owner.kill_unreaped();
    for (Child& child : children) EXPECT_EQ(child.exitcode(), 0);
    EXPECT_EQ(told->load(), round + 1);
    EXPECT_EQ(got->load(), (round + 1) * waiters);
  }
}

TYPED_TEST(BothLocks, the_news_stays_for_users_of_guards_until_marked_consistent) {
  Child child([&] {
    this->lock_.lock();
    raise(SIGKILL);
  });
  EXPECT_EQ(child.exitcode(), -SIGKILL);
  {
    const std::scoped_lock guard(this->lock_);
    EXPECT_TRUE(this->lock_.owner_died());
  }
  EXPECT_TRUE(this->lock_.owner_died());
  Child other([&] {
    const std::scoped_lock guard(this->lock_);
    EXPECT_TRUE(this->lock_.owner_died()) << "to everyone";
    this->lock_.mark_consistent();
  });
  EXPECT_EQ(other.exitcode(), 0);
  EXPECT_FALSE(this->lock_.owner_died());
}

TYPED_TEST(BothLocks, a_waiter_that_is_killed_takes_nothing_from_the_others) {
  for (int round = 0; round < 20; ++round) {
    ASSERT_TRUE(this->lock_.acquire());
    SharedFlags flags;
    const auto wait = [&] {
      flags.raise(0);
      const Acquired got = this->lock_.acquire();
      EXPECT_TRUE(got);
      EXPECT_FALSE(got.owner_died());
      this->lock_.release();
    };
    Child killed(wait);
    Child other(wait);
    flags.await(0, 2);
    killed.kill_unreaped();
    this->lock_.release();
    EXPECT_EQ(other.exitcode(), 0);
  }
}

// ---- In a segment -----------------------------------------------------------------------------

TYPED_TEST(BothLocks, named_is_one_for_all_who_open_it) {
  const ShmName name;
  const Segment segment = Segment::create(name);
  TypeParam lock{segment["l"]};
  ASSERT_TRUE(lock.try_lock());
  Child child([&] {
    TypeParam same{Segment::open(name)["l"]};
    EXPECT_FALSE(same.try_lock());
    EXPECT_TRUE(same.locked());
  });
  EXPECT_EQ(child.exitcode(), 0);
  lock.unlock();
}

// ---- Lock -------------------------------------------------------------------------------------

TEST(Lock, is_not_recursive) {
  Lock lock;
  ASSERT_TRUE(lock.acquire());
  EXPECT_FALSE(lock.acquire(false));
  EXPECT_FALSE(lock.acquire(true, 5ms));
  lock.release();
  EXPECT_FALSE(lock.locked());
}

TEST(Lock, may_be_released_by_another_thread) {
  Lock lock;
  ASSERT_TRUE(lock.acquire());
  elsewhere([&] { lock.release(); });
  EXPECT_TRUE(lock.acquire(false));
  lock.release();
}

TEST(Lock, may_be_released_by_another_process_which_wakes_who_waits) {
  Lock lock;
  ASSERT_TRUE(lock.acquire());
  SharedFlags flags;
  Child waiter([&] {
    flags.raise();
    const Acquired got = lock.acquire();
    EXPECT_TRUE(got);
    EXPECT_FALSE(got.owner_died());
    lock.release();
  });
  flags.await();
  Child releaser([&] { lock.release(); });
  EXPECT_EQ(releaser.exitcode(), 0);
  EXPECT_EQ(waiter.exitcode(), 0);
}

TEST(Lock, of_a_dead_owner_released_by_another_still_tells_the_next) {
  Lock lock;
  Child child([&] { lock.lock(); });
  EXPECT_EQ(child.exitcode(), 0);
  lock.release();
  EXPECT_FALSE(lock.locked());
  EXPECT_TRUE(lock.acquire().owner_died());
  lock.mark_consistent();
  lock.release();
  expect_throw<UsageError>([&] { lock.release(); }, {"is free"});
}

TEST(Lock, acquired_twice_by_its_owner_waits_for_another_to_release) {
  Lock lock;
  ASSERT_TRUE(lock.acquire());
  Child child([&] { lock.release(); });
  EXPECT_TRUE(lock.acquire());
  lock.release();
  EXPECT_EQ(child.exitcode(), 0);
}

TEST(Lock, held_at_a_fork_is_held_by_the_parent_alone) {
  Lock lock;
  ASSERT_TRUE(lock.acquire());
  Child child([&] { EXPECT_FALSE(lock.acquire(false)); });
  EXPECT_EQ(child.exitcode(), 0);
  EXPECT_TRUE(lock.locked()) << "the child's end is not its owner's";
  lock.release();
}

// ---- RLock ------------------------------------------------------------------------------------

TYPED_TEST(BothLocks, takes_a_time_by_any_clock_and_a_bare_timeout) {
  this->lock_.acquire();  // dropped: it says nothing new
  elsewhere([&] {
    using std::chrono::system_clock;
    EXPECT_FALSE(this->lock_.try_lock_until(system_clock::now() + 2ms));
    EXPECT_FALSE(this->lock_.try_lock_until(system_clock::time_point{}));
    EXPECT_FALSE(this->lock_.try_lock_until(system_clock::time_point::min()));
    EXPECT_FALSE(std::unique_lock(this->lock_, system_clock::now() + 2ms).owns_lock());
    EXPECT_FALSE(this->lock_.acquire(2ms));
  });
  this->lock_.release();
  EXPECT_TRUE(this->lock_.try_lock_until(std::chrono::system_clock::time_point::max()));
}

TEST(RLock, is_recursive_and_free_after_as_many_releases) {
  RLock lock;
  for (int i = 0; i < 1000; ++i) {
    const Acquired got = i % 2 == 0 ? lock.acquire() : lock.acquire(false);
    ASSERT_TRUE(got);
    ASSERT_FALSE(got.owner_died());
  }
  for (int i = 0; i < 999; ++i) lock.release();
  elsewhere([&] { EXPECT_FALSE(lock.acquire(false)); });
  lock.release();
  EXPECT_FALSE(lock.locked());
  elsewhere([&] {
    EXPECT_TRUE(lock.acquire(false));
    lock.release();
  });
  expect_throw<UsageError>([&] { lock.release(); }, {"not held"});
}

TEST(RLock, nests_in_guards) {
  RLock lock;
  {
    const std::scoped_lock outer(lock);
    const std::scoped_lock inner(lock);
    EXPECT_TRUE(lock.try_lock_for(1ms));
    lock.unlock();
  }
  EXPECT_FALSE(lock.locked());
}

TEST(RLock, released_by_another_is_UsageError_and_stays_held) {
  RLock lock;
  ASSERT_TRUE(lock.acquire());
  elsewhere([&] { expect_throw<UsageError>([&] { lock.release(); }, {"RLock", "not held"}); });
  Child child([&] { expect_throw<UsageError>([&] { lock.release(); }, {"RLock", "not held"}); });
  EXPECT_EQ(child.exitcode(), 0);
  EXPECT_TRUE(lock.locked());
  lock.release();
}

TEST(RLock, all_levels_are_released_by_its_owner_only_and_come_back_as_many) {
  RLock lock;
  expect_throw<UsageError>([&] { (void)lock.release_all(); }, {"not held"});
  for (int i = 0; i < 3; ++i) lock.lock();
  elsewhere([&] { expect_throw<UsageError>([&] { (void)lock.release_all(); }, {"not held"}); });
  EXPECT_TRUE(lock.is_mine());
  EXPECT_EQ(lock.release_all(), 3U);
  EXPECT_FALSE(lock.locked());
  lock.lock();
  lock.acquire_again(3);
  EXPECT_EQ(lock.release_all(), 4U);
}

TYPED_TEST(BothLocks, is_marked_consistent_by_its_holder_only) {
  expect_throw<UsageError>([&] { this->lock_.mark_consistent(); }, {"does not hold"});
  const std::scoped_lock guard(this->lock_);
  this->lock_.mark_consistent();
  elsewhere(
      [&] { expect_throw<UsageError>([&] { this->lock_.mark_consistent(); }, {"does not hold"}); });
}

TEST(RLock, is_not_inherited_by_a_forked_child) {
  RLock lock;
  ASSERT_TRUE(lock.acquire());
  ASSERT_TRUE(lock.acquire());
  SharedFlags flags;
  Child child([&] {
    EXPECT_FALSE(lock.acquire(false));
    expect_throw<UsageError>([&] { lock.release(); });
    flags.raise();
    const Acquired got = lock.acquire();
    EXPECT_TRUE(got);
    EXPECT_FALSE(got.owner_died());
    lock.release();  // once is enough: the count began anew
    EXPECT_FALSE(lock.locked());
  });
  flags.await();
  lock.release();
  lock.release();
  EXPECT_EQ(child.exitcode(), 0);
}

TEST(RLock, of_an_owner_who_died_deep_inside_is_whole_again) {
  RLock lock;
  Child child([&] {
    for (int i = 0; i < 5; ++i) (void)lock.acquire();
    raise(SIGKILL);
  });
  EXPECT_EQ(child.exitcode(), -SIGKILL);
  const Acquired got = lock.acquire();
  EXPECT_TRUE(got.owner_died());
  const Acquired again = lock.acquire();
  EXPECT_TRUE(again);
  EXPECT_FALSE(again.owner_died());
  lock.release();
  lock.release();
  EXPECT_FALSE(lock.locked());
}

}  // namespace
