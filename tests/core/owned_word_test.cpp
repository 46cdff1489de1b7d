#include <lagoon/core/backoff.hpp>
#include <lagoon/core/owned_word.hpp>

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <random>
#include <thread>
#include <vector>

#include "child.hpp"
#include "rendezvous.hpp"
#include "shared_table.hpp"
#include "stepped.hpp"

namespace {

using namespace std::chrono_literals;
using lagoon::core::Deadline;
using lagoon::core::nobody;
using lagoon::core::OwnedWord;
using lagoon::core::Owner;
using lagoon::core::Taken;
using lagoon::test::Child;
using lagoon::test::SharedFlags;
using lagoon::test::SharedTable;
using lagoon::test::wait_until;

/// A word, and what it guards.
class OwnedWordTest : public testing::Test {
 protected:
  struct Guarded {
    std::uint64_t count = 0;  // not atomic
    std::atomic<unsigned> from_dead{0};
    std::atomic<unsigned> inside{0};
  };

  Taken take(Deadline deadline = Deadline::never()) {
    return word.take(*table, table->self(), deadline);
  }
  void give_back() { word.give_back(table->self()); }
  /// Takes it and never gives it back.
  Child dead_owner() {
    Child child{[&] {
      EXPECT_EQ(take(), Taken::yes);
      flags.raise(owned);
      for (;;) pause();
    }};
    flags.await(owned, ++owned_times);
    child.kill_unreaped();
    return child;
  }
  /// Whether somebody sleeps, or has slept since the word was free.
  [[nodiscard]] bool has_waiters() const {
    return (reinterpret_cast<const std::atomic<std::uint64_t>&>(word) & 1) != 0;
  }
  /// Takes the word `times` times and counts; sees that nobody else is inside.
  void count(int times) {
    for (int i = 0; i < times; ++i) {
      const Taken taken = take();
      ASSERT_LE(taken, Taken::from_dead);
      if (taken == Taken::from_dead) guarded.inside = 0;
      EXPECT_EQ(guarded.inside.fetch_add(1, std::memory_order_relaxed), 0U);
      ++guarded.count;
      guarded.inside.fetch_sub(1, std::memory_order_relaxed);
      give_back();
    }
  }

  static constexpr std::size_t owned = 40;
  SharedTable table;
  OwnedWord& word = table.make<OwnedWord>(0);
  Guarded& guarded = table.make<Guarded>(64);
  SharedFlags flags;
  unsigned owned_times = 0;
};

TEST_F(OwnedWordTest, is_taken_and_given_back) {
  EXPECT_EQ(word.owner(), nobody);
  EXPECT_TRUE(word.take_at_once(table->self()));
  EXPECT_EQ(word.owner(), table->self());
  EXPECT_TRUE(word.owner_is(table->self()));
  give_back();
  EXPECT_EQ(word.owner(), nobody);
  EXPECT_FALSE(word.owner_is(table->self()));
  EXPECT_EQ(take(), Taken::yes);
}

TEST_F(OwnedWordTest, says_when_it_is_the_callers_or_waits) {
  EXPECT_EQ(take(), Taken::yes);
  EXPECT_EQ(take(), Taken::is_mine);
  EXPECT_FALSE(word.take_at_once(table->self()));
  EXPECT_EQ(word.take(*table, table->self(), Deadline::after(5ms), OwnedWord::IfMine::wait),
            Taken::no);
  EXPECT_TRUE(word.owner_is(table->self()));
}

TEST_F(OwnedWordTest, waits_for_the_living_until_the_deadline) {
  Child child{[&] {
    EXPECT_EQ(take(), Taken::yes);
    flags.raise();
    for (;;) pause();
  }};
  flags.await();
  EXPECT_EQ(take(Deadline::now()), Taken::no);
  for (const auto time : {0ms, 1ms, 30ms}) {
    const Deadline deadline = Deadline::after(time);
    EXPECT_EQ(take(deadline), Taken::no);
    EXPECT_TRUE(deadline.passed());
  }
  child.stop();
  EXPECT_EQ(take(Deadline::after(10ms)), Taken::no) << "stopped is not dead";
  child.kill_unreaped();
  EXPECT_EQ(take(Deadline::now()), Taken::from_dead) << "there is nobody to wait for";
}

TEST_F(OwnedWordTest, is_one_threads_at_a_time) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back([&] { count(5000); });
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(guarded.count, 20'000U);
}

TEST_F(OwnedWordTest, is_one_processes_at_a_time) {
  std::vector<Child> children;
  for (int i = 0; i < 4; ++i) children.emplace_back([&] { count(5000); });
  for (Child& child : children) EXPECT_EQ(child.exitcode(), 0);
  EXPECT_EQ(guarded.count, 20'000U);
}

TEST_F(OwnedWordTest, more_processes_than_processors_finish) {
  std::vector<Child> children;
  for (int i = 0; i < 64; ++i) children.emplace_back([&] { count(200); });
  for (Child& child : children) EXPECT_EQ(child.exitcode(), 0);
  EXPECT_EQ(guarded.count, 64U * 200);
}

TEST_F(OwnedWordTest, exactly_one_is_told_that_the_owner_died) {
  for (int round = 0; round < 10; ++round) {
    guarded.from_dead = 0;
    Child owner{[&] {
      EXPECT_EQ(take(), Taken::yes);
      flags.raise(owned);
      for (;;) pause();
    }};
    flags.await(owned, ++owned_times);
    std::vector<Child> waiters;
    for (int i = 0; i < 6; ++i)
      waiters.emplace_back([&] {
        const Taken taken = take();
        EXPECT_TRUE(taken == Taken::yes || taken == Taken::from_dead);
        if (taken == Taken::from_dead) ++guarded.from_dead;
        give_back();
      });
    wait_until([&] { return has_waiters(); }, "somebody slept");
    owner.kill();
    for (Child& waiter : waiters) EXPECT_EQ(waiter.exitcode(), 0);
    EXPECT_EQ(guarded.from_dead, 1U);
    EXPECT_EQ(take(Deadline::now()), Taken::yes);
    give_back();
  }
}

TEST_F(OwnedWordTest, is_taken_over_again_from_one_who_took_over_and_died) {
  const Child first = dead_owner();
  Child second{[&] {
    EXPECT_EQ(take(), Taken::from_dead);
    flags.raise();
    for (;;) pause();
  }};
  flags.await();
  second.kill_unreaped();
  EXPECT_EQ(take(), Taken::from_dead);
  give_back();
  EXPECT_EQ(take(), Taken::yes);
}

TEST_F(OwnedWordTest, can_be_given_back_by_another) {
  EXPECT_EQ(take(), Taken::yes);
  const Owner me = table->self();
  Child waiter{[&] {
    EXPECT_EQ(take(), Taken::yes);
    give_back();
  }};
  wait_until([&] { return has_waiters(); }, "the child slept");
  Child other{[&] {
    EXPECT_FALSE(word.give_back_of(table->self())) << "not the owner";
    EXPECT_TRUE(word.give_back_of(me));
  }};
  EXPECT_EQ(other.exitcode(), 0);
  EXPECT_EQ(waiter.exitcode(), 0);
  EXPECT_FALSE(word.give_back_of(me)) << "no longer the owner";
}

TEST_F(OwnedWordTest, forgets_its_waiters_when_there_are_none) {
  EXPECT_EQ(take(), Taken::yes);
  Child waiter{[&] { (void)take(); }};
  wait_until([&] { return has_waiters(); }, "somebody slept");
  waiter.kill_unreaped();
  EXPECT_TRUE(has_waiters()) << "a sleeper leaves its flag";
  give_back();
  EXPECT_FALSE(has_waiters());
  EXPECT_TRUE(word.take_at_once(table->self()));
}

// Whoever asked to be next, or watched the owner, may have been killed: its flag is left.
TEST_F(OwnedWordTest, flags_that_the_dead_have_left_stop_nobody) {
  auto& bits = reinterpret_cast<std::atomic<std::uint64_t>&>(word);
  for (unsigned left = 0; left < 16; ++left) {
    SCOPED_TRACE(left);
    bits = std::uint64_t{left & 3} | std::uint64_t{left >> 2} << 61;
    EXPECT_EQ(take(Deadline::now()), Taken::yes);
    give_back();
    EXPECT_EQ(word.owner(), nobody);
    bits = table->self() | std::uint64_t{left & 3} | std::uint64_t{left >> 2} << 61;
    EXPECT_TRUE(word.owner_is(table->self()));
    Child child{[&] {
      EXPECT_EQ(take(), Taken::yes);
      give_back();
    }};
    give_back();
    EXPECT_EQ(child.exitcode(), 0);
  }
}

TEST_F(OwnedWordTest, retired_it_is_nobodys_ever_again) {
  EXPECT_EQ(take(), Taken::yes);
  std::vector<Child> waiters;
  for (int i = 0; i < 3; ++i) waiters.emplace_back([&] { EXPECT_EQ(take(), Taken::is_gone); });
  wait_until([&] { return has_waiters(); }, "somebody slept");
  word.retire();
  for (Child& waiter : waiters) EXPECT_EQ(waiter.exitcode(), 0);
  EXPECT_EQ(take(), Taken::is_gone);
  EXPECT_EQ(take(Deadline::now()), Taken::is_gone);
  EXPECT_FALSE(word.take_at_once(table->self()));
}

TEST_F(OwnedWordTest, a_waiter_killed_asleep_stops_nobody) {
  EXPECT_EQ(take(), Taken::yes);
  std::vector<Child> waiters;
  for (int i = 0; i < 4; ++i) waiters.emplace_back([&] { count(1); });
  wait_until([&] { return has_waiters(); }, "somebody slept");
  waiters[0].kill_unreaped();
  waiters[2].kill_unreaped();
  give_back();
  EXPECT_EQ(waiters[1].exitcode(), 0);
  EXPECT_EQ(waiters[3].exitcode(), 0);
  EXPECT_LE(take(), Taken::from_dead);
}

// On one processor the woken one does not run before it is killed.
TEST_F(OwnedWordTest, a_waiter_killed_as_it_is_woken_stops_nobody) {
  const lagoon::test::OnOneProcessor one;
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    ASSERT_LE(take(), Taken::from_dead);
    std::vector<Child> waiters;
    for (int i = 0; i < 3; ++i)
      waiters.emplace_back([&] {
        ASSERT_LE(take(), Taken::from_dead);
        give_back();
      });
    wait_until([&] { return has_waiters(); }, "somebody slept");
    for (auto yields = random() % 64; yields != 0; --yields) sched_yield();
    const std::size_t victim = random() % waiters.size();
    give_back();
    waiters[victim].kill();
    for (std::size_t i = 0; i < waiters.size(); ++i)
      if (i != victim) {
        ASSERT_EQ(waiters[i].exitcode(), 0);
      }
    (void)waiters[victim].wait();
  }
}

TEST_F(OwnedWordTest, owners_killed_at_random_stop_nobody) {
  std::mt19937 random(11);
  std::vector<Child> children;
  const auto begin = [&] {
    return Child{[&] {
      for (;;) count(1000);
    }};
  };
  for (int i = 0; i < 3; ++i) children.push_back(begin());
  for (int round = 0; round < 150; ++round) {
    for (auto spin = random() % 3000; spin != 0; --spin) lagoon::core::pause_processor();
    Child& victim = children[random() % children.size()];
    victim.kill_unreaped();
    count(2);
    ASSERT_FALSE(HasFailure()) << "round " << round;
    victim = begin();
  }
}

}  // namespace
