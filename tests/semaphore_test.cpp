#include <lagoon/print.hpp>
#include <lagoon/segment.hpp>
#include <lagoon/semaphore.hpp>

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <limits>
#include <mutex>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

#include "child.hpp"
#include "expect_throw.hpp"
#include "rendezvous.hpp"
#include "sanitizers.hpp"
#include "shm_name.hpp"

namespace {

using lagoon::BoundedSemaphore;
using lagoon::Gone;
using lagoon::InvalidArgument;
using lagoon::Segment;
using lagoon::Semaphore;
using lagoon::TypeMismatch;
using lagoon::UsageError;
using lagoon::test::Child;
using lagoon::test::expect_throw;
using lagoon::test::Rendezvous;
using lagoon::test::Shared;
using lagoon::test::SharedFlags;
using lagoon::test::ShmName;
using lagoon::test::wait_until;
using lagoon::test::with_asan;
using lagoon::test::with_tsan;
using namespace std::chrono_literals;
using std::chrono::steady_clock;

template <class S>
class BothSemaphores : public testing::Test {
 protected:
  SharedFlags flags_;
};
struct Names {
  template <class S>
  static std::string GetName(int) {
    return std::is_same_v<S, Semaphore> ? "Semaphore" : "BoundedSemaphore";
  }
};
using Kinds = testing::Types<Semaphore, BoundedSemaphore>;
TYPED_TEST_SUITE(BothSemaphores, Kinds, Names);

TYPED_TEST(BothSemaphores, has_as_many_permits_as_it_was_given) {
  TypeParam semaphore{3};
  EXPECT_EQ(semaphore.get_value(), 3U);
  for (unsigned left = 3; left > 0; --left) {
    EXPECT_EQ(semaphore.get_value(), left);
    EXPECT_TRUE(semaphore.acquire(false));
  }
  EXPECT_EQ(semaphore.get_value(), 0U);
  EXPECT_FALSE(semaphore.acquire(false));
  semaphore.release();
  EXPECT_EQ(semaphore.get_value(), 1U);
  EXPECT_TRUE(semaphore.try_acquire());
  for (int i = 0; i < 3; ++i) semaphore.release();
  EXPECT_EQ(semaphore.get_value(), 3U);
}

TYPED_TEST(BothSemaphores, begins_with_one_permit) {
  TypeParam semaphore;
  EXPECT_TRUE(semaphore.acquire());
  EXPECT_FALSE(semaphore.acquire(false));
  semaphore.release();
}

TYPED_TEST(BothSemaphores, is_what_the_standard_calls_lockable) {
  TypeParam semaphore{1};
  {
    const std::scoped_lock guard(semaphore);
    EXPECT_FALSE(semaphore.try_lock());
    EXPECT_FALSE(std::unique_lock(semaphore, 1ms).owns_lock());
  }
  std::unique_lock guard(semaphore, std::try_to_lock);
  EXPECT_TRUE(guard.owns_lock());
}

TYPED_TEST(BothSemaphores, a_timeout_that_passes_gives_nothing_and_not_before_its_time) {
  TypeParam semaphore{1};
  ASSERT_TRUE(semaphore.acquire());
  const auto begin = steady_clock::now();
  EXPECT_FALSE(semaphore.acquire(true, 20ms));
  EXPECT_GE(steady_clock::now() - begin, 20ms);
  EXPECT_FALSE(semaphore.try_acquire_for(3ms));
  EXPECT_FALSE(semaphore.try_acquire_until(steady_clock::now() + 3ms));
  EXPECT_FALSE(semaphore.try_lock_for(3ms));
  EXPECT_GE(steady_clock::now() - begin, 29ms);
  for (const auto d : {0ms, -1ms, std::chrono::milliseconds::min()}) {
    EXPECT_FALSE(semaphore.acquire(true, d));
    EXPECT_FALSE(semaphore.try_acquire_for(d));
  }
  EXPECT_FALSE(semaphore.acquire(false, 24h * 365)) << "without block the timeout is ignored";
  semaphore.release();
  EXPECT_TRUE(semaphore.acquire(true, -1ms));
}

TYPED_TEST(BothSemaphores, a_timeout_too_long_to_count_never_comes) {
  TypeParam semaphore{1};
  ASSERT_TRUE(semaphore.acquire());
  std::vector<Child> waiters;
  const auto wait_with = [&](auto&& take) {
    waiters.emplace_back([&, take] {
      this->flags_.raise();
      EXPECT_TRUE(take());
      semaphore.release();
    });
  };
  wait_with([&] { return semaphore.acquire(true, std::chrono::hours::max()); });
  wait_with([&] { return semaphore.try_acquire_for(std::chrono::nanoseconds::max()); });
  wait_with([&] { return semaphore.try_acquire_until(steady_clock::time_point::max()); });
  this->flags_.await(0, 3);
  semaphore.release();
  for (Child& waiter : waiters) EXPECT_EQ(waiter.exitcode(), 0);
}

TYPED_TEST(BothSemaphores, so_many_processes_are_inside_at_a_time) {
  constexpr int processes = 16;
  constexpr std::uint32_t permits = 3;
  constexpr int rounds = with_tsan || with_asan ? 200 : 3000;
  TypeParam semaphore{permits};
  Shared<std::atomic<std::uint32_t>> inside;
  Shared<std::atomic<std::uint32_t>> most;
  Rendezvous start(processes);
  std::vector<Child> children;
  for (int i = 0; i < processes; ++i)
    children.emplace_back([&] {
      start.meet();
      for (int k = 0; k < rounds; ++k) {
        const std::scoped_lock guard(semaphore);
        const std::uint32_t now = inside->fetch_add(1) + 1;
        std::uint32_t seen = most->load();
        while (seen < now && !most->compare_exchange_weak(seen, now)) continue;
        if (k % 64 == 0) sched_yield();
        inside->fetch_sub(1);
      }
    });
  for (Child& child : children) EXPECT_EQ(child.exitcode(), 0);
  EXPECT_LE(most->load(), permits);
  EXPECT_EQ(semaphore.get_value(), permits);
}

TYPED_TEST(BothSemaphores, sixty_four_processes_want_one_permit) {
  TypeParam semaphore{1};
  Shared<std::int64_t> count;
  constexpr int rounds = with_tsan || with_asan ? 20 : 200;
  std::vector<Child> children;
  for (int i = 0; i < 64; ++i)
    children.emplace_back([&] {
      for (int k = 0; k < rounds; ++k) {
        const std::scoped_lock guard(semaphore);
        volatile std::int64_t& plain = *count;
        plain = plain + 1;
      }
    });
  for (Child& child : children) EXPECT_EQ(child.exitcode(), 0);
  EXPECT_EQ(*count, 64 * rounds);
}

TYPED_TEST(BothSemaphores, threads_hand_on_what_they_did) {
  constexpr int rounds = with_tsan ? 1000 : 10'000;
  TypeParam semaphore{1};
  std::int64_t count = 0;  // not atomic: what orders it is the semaphore
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      for (int k = 0; k < rounds; ++k) {
        const std::scoped_lock guard(semaphore);
        ++count;
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(count, 4 * rounds);
}

TYPED_TEST(BothSemaphores, each_release_lets_one_waiter_in) {
  constexpr unsigned waiters = 6;
  TypeParam semaphore{waiters};
  for (unsigned i = 0; i < waiters; ++i) ASSERT_TRUE(semaphore.acquire());
  std::vector<Child> children;
  Shared<std::atomic<unsigned>> in;
  for (unsigned i = 0; i < waiters; ++i)
    children.emplace_back([&] {
      EXPECT_TRUE(semaphore.acquire());
      ++*in;
      for (;;) pause();
    });
  for (unsigned i = 1; i <= waiters; ++i) {
    semaphore.release();
    wait_until([&] { return in->load() >= i; }, "one more was in");
    EXPECT_EQ(in->load(), i);
  }
}

TYPED_TEST(BothSemaphores, a_waiter_that_is_killed_takes_nothing_from_the_others) {
  for (int round = 0; round < 20; ++round) {
    TypeParam semaphore{1};
    ASSERT_TRUE(semaphore.acquire());
    SharedFlags flags;
    Child killed([&] {
      flags.raise();
      (void)semaphore.acquire();
      for (;;) pause();
    });
    Child other([&] {
      flags.raise();
      EXPECT_TRUE(semaphore.acquire());
      semaphore.release();
    });
    flags.await(0, 2);
    killed.kill_unreaped();
    semaphore.release();
    EXPECT_EQ(other.exitcode(), 0);
    EXPECT_EQ(semaphore.get_value(), 1U);
  }
}

// One who was woken and whose time was up at that moment passes the wake-up on.
TYPED_TEST(BothSemaphores, waiters_with_timeouts_lose_no_wake_up) {
  TypeParam semaphore{1};
  std::vector<Child> children;
  for (int i = 0; i < 6; ++i)
    children.emplace_back([&, i] {
      for (int k = 0, had = 0; had < 50; ++k)
        if (i % 2 == 0 ? semaphore.acquire() : semaphore.acquire(true, 1us * (k % 200))) {
          ++had;
          semaphore.release();
        }
    });
  for (Child& child : children) EXPECT_EQ(child.exitcode(), 0);
  EXPECT_EQ(semaphore.get_value(), 1U);
}

TYPED_TEST(BothSemaphores, named_is_one_for_all_who_open_it) {
  const ShmName name;
  const Segment segment = Segment::create(name);
  TypeParam semaphore{segment["s"], 2};
  ASSERT_TRUE(semaphore.acquire());
  Child child([&] {
    TypeParam same{Segment::open(name)["s"], 2};
    EXPECT_EQ(same.get_value(), 1U);
    EXPECT_TRUE(same.acquire(false));
    EXPECT_FALSE(same.acquire(false));
    same.release();
  });
  EXPECT_EQ(child.exitcode(), 0);
  EXPECT_EQ(segment.find<TypeParam>("s")->get_value(), 1U);
  expect_throw<TypeMismatch>([&] { (void)segment.find<lagoon::Value<int>>("s"); },
                             {"'s'", "Semaphore", "Value<int32, atomic>"});
}

TYPED_TEST(BothSemaphores, erased_it_lets_all_waiters_go) {
  const ShmName name;
  const Segment segment = Segment::create(name);
  TypeParam semaphore{segment["s"], 1};
  ASSERT_TRUE(semaphore.acquire());
  std::vector<Child> waiters;
  for (int i = 0; i < 3; ++i)
    waiters.emplace_back([&] {
      this->flags_.raise();
      expect_throw<Gone>([&] { (void)semaphore.acquire(); }, {"'s'", name.str(), "erased"});
    });
  this->flags_.await(0, 3);
  EXPECT_TRUE(segment.erase("s"));
  for (Child& waiter : waiters) EXPECT_EQ(waiter.exitcode(), 0);
  EXPECT_TRUE(semaphore.gone());
  expect_throw<Gone>([&] { (void)semaphore.acquire(false); });
  expect_throw<Gone>([&] { semaphore.release(); });
  EXPECT_NO_THROW(semaphore.unlock()) << "guards call it in their destructors";
  TypeParam anew{segment["s"], 1};
  EXPECT_TRUE(anew.acquire(false));
}

TYPED_TEST(BothSemaphores, destroyed_while_held_its_heirs_go_on) {
  auto semaphore = std::make_unique<TypeParam>(1);
  Child child([&] {
    EXPECT_TRUE(semaphore->acquire());
    this->flags_.raise(0);
    this->flags_.await(1);
    semaphore->release();
    EXPECT_TRUE(semaphore->acquire(false));
  });
  this->flags_.await(0);
  semaphore.reset();
  const TypeParam next{1};  // in other memory
  this->flags_.raise(1);
  EXPECT_EQ(child.exitcode(), 0);
  EXPECT_EQ(next.get_value(), 1U);
}

TYPED_TEST(BothSemaphores, a_bad_number_of_permits_is_InvalidArgument) {
  for (const long long wrong :
       {-1LL, std::numeric_limits<long long>::min(), std::numeric_limits<long long>::max()})
    expect_throw<InvalidArgument>([&] { TypeParam semaphore{wrong}; },
                                  {"Semaphore", std::to_string(wrong)});
}

// ---- Semaphore --------------------------------------------------------------------------------

TEST(Semaphore, may_begin_without_permits_and_get_any_number) {
  Semaphore semaphore{0};
  EXPECT_FALSE(semaphore.acquire(false));
  semaphore.release();
  semaphore.release(4);
  EXPECT_EQ(semaphore.get_value(), 5U);
}

TEST(Semaphore, many_released_at_once_let_as_many_in) {
  Semaphore semaphore{0};
  Shared<std::atomic<unsigned>> in;
  std::vector<Child> children;
  for (int i = 0; i < 8; ++i)
    children.emplace_back([&] {
      EXPECT_TRUE(semaphore.acquire());
      ++*in;
    });
  semaphore.release(5);
  wait_until([&] { return in->load() == 5; }, "five were in");
  EXPECT_EQ(semaphore.get_value(), 0U);
  semaphore.release(3);
  for (Child& child : children) EXPECT_EQ(child.exitcode(), 0);
}

TEST(Semaphore, released_beyond_what_it_counts_is_UsageError_and_changes_nothing) {
  Semaphore semaphore{Semaphore::max()};
  expect_throw<UsageError>([&] { semaphore.release(); }, {"Semaphore", "2147483647"});
  EXPECT_TRUE(semaphore.acquire());
  expect_throw<UsageError>([&] { semaphore.release(2); }, {"2147483646 of 2147483647"});
  expect_throw<UsageError>([&] { semaphore.release(1LL << 40); });
  semaphore.release();
  for (const long long wrong : {0LL, -1LL})
    expect_throw<InvalidArgument>([&] { semaphore.release(wrong); }, {std::to_string(wrong)});
  EXPECT_EQ(semaphore.get_value(), Semaphore::max());
}

TEST(Semaphore, the_permit_of_a_dead_holder_is_gone_as_in_Python) {
  Semaphore semaphore{2};
  Child child([&] {
    (void)semaphore.acquire();
    raise(SIGKILL);
  });
  EXPECT_EQ(child.exitcode(), -SIGKILL);
  EXPECT_EQ(semaphore.get_value(), 1U);
  semaphore.release();  // by who knows of it
  EXPECT_EQ(semaphore.get_value(), 2U);
}

TEST(Semaphore, prints_as_Pythons) {
  EXPECT_EQ(lagoon::str(Semaphore{3}), "<Semaphore(value=3)>");
  BoundedSemaphore bounded{3};
  ASSERT_TRUE(bounded.acquire());
  EXPECT_EQ(lagoon::str(bounded), "<BoundedSemaphore(value=2, maxvalue=3)>");
}

// ---- BoundedSemaphore -------------------------------------------------------------------------

TEST(BoundedSemaphore, released_beyond_its_bound_is_UsageError) {
  BoundedSemaphore semaphore{2};
  EXPECT_EQ(semaphore.bound(), 2U);
  expect_throw<UsageError>([&] { semaphore.release(); }, {"BoundedSemaphore", "2 of 2"});
  ASSERT_TRUE(semaphore.acquire());
  semaphore.release();
  expect_throw<UsageError>([&] { semaphore.release(); });
  EXPECT_EQ(semaphore.get_value(), 2U);
}

TEST(BoundedSemaphore, has_a_bound_of_one_at_least) {
  expect_throw<InvalidArgument>([] { BoundedSemaphore semaphore{0}; }, {"1 to 65536"});
  expect_throw<InvalidArgument>([] { BoundedSemaphore semaphore{65537}; });
  BoundedSemaphore largest{65536};
  EXPECT_EQ(largest.get_value(), 65536U);
  EXPECT_TRUE(largest.acquire());
  EXPECT_EQ(largest.get_value(), 65535U);
}

TEST(BoundedSemaphore, of_another_bound_under_its_name_is_TypeMismatch) {
  const ShmName name;
  const Segment segment = Segment::create(name);
  const BoundedSemaphore semaphore{segment["s"], 3};
  expect_throw<TypeMismatch>([&] { BoundedSemaphore other(segment["s"], 4); },
                             {"BoundedSemaphore[3]", "BoundedSemaphore[4]"});
  EXPECT_EQ(segment.find<BoundedSemaphore>("s")->bound(), 3U);
}

TEST(BoundedSemaphore, may_be_released_by_one_who_has_no_permit) {
  BoundedSemaphore semaphore{2};
  ASSERT_TRUE(semaphore.acquire());
  Child child([&] { semaphore.release(); });
  EXPECT_EQ(child.exitcode(), 0);
  EXPECT_EQ(semaphore.get_value(), 2U);
  expect_throw<UsageError>([&] { semaphore.release(); });
}

TEST(BoundedSemaphore, the_permits_of_the_dead_come_back) {
  BoundedSemaphore semaphore{3};
  for (const bool reaped : {false, true}) {
    SCOPED_TRACE(reaped ? "reaped" : "not reaped");
    Child child([&] {
      for (int i = 0; i < 3; ++i) (void)semaphore.acquire();
      raise(SIGKILL);
    });
    lagoon::test::wait_until_dead_unreaped(child.pid());
    if (reaped) (void)child.wait();
    EXPECT_EQ(semaphore.get_value(), 3U);
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(semaphore.acquire(false));
    EXPECT_FALSE(semaphore.acquire(false));
    for (int i = 0; i < 3; ++i) semaphore.release();
  }
}

TEST(BoundedSemaphore, the_permits_of_who_ran_another_program_or_of_a_thread_that_ended_too) {
  BoundedSemaphore semaphore{1};
  SharedFlags flags;
  Child runs([&] {
    (void)semaphore.acquire();
    flags.raise();
    execl("/bin/sleep", "sleep", "1000", nullptr);
    _exit(1);
  });
  flags.await();
  EXPECT_TRUE(semaphore.acquire());  // waits for the exec
  semaphore.release();
  std::thread([&] { EXPECT_TRUE(semaphore.acquire()); }).join();
  EXPECT_TRUE(semaphore.acquire(false));
  semaphore.release();
}

TEST(BoundedSemaphore, those_who_wait_get_a_dead_ones_permits) {
  BoundedSemaphore semaphore{2};
  SharedFlags flags;
  enum : std::size_t { held, waits };
  for (unsigned round = 1; round <= 10; ++round) {
    Child holder([&] {
      (void)semaphore.acquire();
      (void)semaphore.acquire();
      flags.raise(held);
      for (;;) pause();
    });
    flags.await(held, round);
    std::vector<Child> waiters;
    for (int i = 0; i < 4; ++i)
      waiters.emplace_back([&] {
        flags.raise(waits);
        EXPECT_TRUE(semaphore.acquire());
        semaphore.release();
      });
    flags.await(waits, 4 * round);
    holder.kill_unreaped();
    for (Child& waiter : waiters) EXPECT_EQ(waiter.exitcode(), 0);
    EXPECT_EQ(semaphore.get_value(), 2U);
  }
}

TEST(BoundedSemaphore, a_forked_child_has_none_of_its_parents_permits) {
  BoundedSemaphore semaphore{1};
  ASSERT_TRUE(semaphore.acquire());
  Child child([&] { EXPECT_FALSE(semaphore.acquire(false)); });
  EXPECT_EQ(child.exitcode(), 0);
  EXPECT_EQ(semaphore.get_value(), 0U) << "the child's end gives nothing back";
  semaphore.release();
}

TEST(BoundedSemaphore, holders_and_waiters_killed_at_random_lose_no_permit) {
  BoundedSemaphore semaphore{2};
  const auto begin = [&] {
    return Child([&] {
      for (;;) {
        const std::scoped_lock guard(semaphore);
      }
    });
  };
  std::vector<Child> children;
  for (int i = 0; i < 4; ++i) children.push_back(begin());
  for (unsigned round = 0; round < 200; ++round) {
    Child& victim = children[round % children.size()];
    victim.kill_unreaped();
    EXPECT_TRUE(semaphore.acquire());
    semaphore.release();
    victim = begin();
  }
  children.clear();
  EXPECT_EQ(semaphore.get_value(), 2U);
  EXPECT_TRUE(semaphore.acquire(false) && semaphore.acquire(false));
}

}  // namespace
