#include <lagoon/barrier.hpp>
#include <lagoon/print.hpp>
#include <lagoon/segment.hpp>

#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <limits>
#include <random>
#include <stdexcept>
#include <thread>
#include <vector>

#include "child.hpp"
#include "expect_throw.hpp"
#include "rendezvous.hpp"
#include "sanitizers.hpp"
#include "shm_name.hpp"
#include "ticking.hpp"

namespace {

using lagoon::Barrier;
using lagoon::BrokenBarrier;
using lagoon::Gone;
using lagoon::InvalidArgument;
using lagoon::Segment;
using lagoon::TypeMismatch;
using lagoon::test::Child;
using lagoon::test::expect_throw;
using lagoon::test::Shared;
using lagoon::test::SharedFlags;
using lagoon::test::ShmName;
using lagoon::test::wait_until;
using lagoon::test::with_asan;
using lagoon::test::with_tsan;
using namespace std::chrono_literals;
using std::chrono::steady_clock;

/// So many children that wait once, and what came of it.
struct Waiters {
  struct Books {
    std::atomic<unsigned> passed{0};
    std::atomic<unsigned> broken{0};
  };
  Waiters(Barrier& barrier, int count) {
    for (int i = 0; i < count; ++i)
      children.emplace_back([&] {
        try {
          (void)barrier.wait();
          ++books->passed;
        } catch (const BrokenBarrier&) {
          ++books->broken;
        }
      });
  }
  void join() {
    for (Child& child : children) EXPECT_EQ(child.exitcode(), 0);
  }
  const Shared<Books> books;
  std::vector<Child> children;
};

void await_waiting(const Barrier& barrier, std::size_t count) {
  wait_until([&] { return barrier.n_waiting() == count; }, std::to_string(count) + " waited");
}

TEST(Barrier, of_one_party_holds_nobody_up) {
  Barrier barrier{1};
  EXPECT_EQ(barrier.parties(), 1U);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(barrier.wait(), 0U);
  EXPECT_EQ(barrier.wait(0ms), 0U);
  barrier.arrive_and_wait();
  EXPECT_EQ(barrier.n_waiting(), 0U);
  EXPECT_FALSE(barrier.broken());
}

TEST(Barrier, goes_round_and_round_and_numbers_all_in_each_round) {
  constexpr unsigned parties = 5;
  constexpr unsigned rounds = with_tsan || with_asan ? 100 : 2000;
  Barrier barrier{parties};
  struct Books {
    std::atomic<unsigned> arrived{0};
    std::atomic<unsigned> numbers[rounds] = {};
  };
  const Shared<Books> books;
  std::vector<Child> children;
  for (unsigned i = 0; i < parties; ++i)
    children.emplace_back([&] {
      for (unsigned round = 0; round < rounds; ++round) {
        ++books->arrived;
        books->numbers[round] |= 1U << barrier.wait();
        ASSERT_GE(books->arrived, (round + 1) * parties) << "not all were there";
      }
    });
  for (Child& child : children) EXPECT_EQ(child.exitcode(), 0);
  for (unsigned round = 0; round < rounds; ++round)
    ASSERT_EQ(books->numbers[round], (1U << parties) - 1) << "round " << round;
}

TEST(Barrier, of_sixty_four_processes) {
  constexpr int rounds = with_tsan || with_asan ? 2 : 10;
  Barrier barrier{64};
  std::vector<Child> children;
  for (int i = 0; i < 64; ++i)
    children.emplace_back([&] {
      for (int round = 0; round < rounds; ++round) (void)barrier.wait();
    });
  for (Child& child : children) EXPECT_EQ(child.exitcode(), 0);
  EXPECT_FALSE(barrier.broken());
}

// More of them than parties: those who come too many make the next round.
TEST(Barrier, may_be_used_by_more_than_its_parties) {
  constexpr int waits = with_tsan ? 300 : 2000;
  Barrier barrier{2};
  std::vector<std::thread> threads;
  std::atomic<int> left{waits};
  std::atomic<int> indices{0};
  for (int i = 0; i < 6; ++i)
    threads.emplace_back([&] {
      while (left.fetch_sub(1) > 0) indices += static_cast<int>(barrier.wait());
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(indices, waits / 2);
}

TEST(Barrier, threads_hand_on_what_they_did) {
  constexpr int rounds = with_tsan ? 500 : 5000;
  Barrier barrier{2};
  int values[2] = {};  // not atomic: what orders them is the barrier
  const auto run = [&](int i) {
    for (int round = 1; round <= rounds; ++round) {
      values[i] = round;
      (void)barrier.wait();
      ASSERT_EQ(values[1 - i], round);
      (void)barrier.wait();
    }
  };
  std::thread other([&] { run(1); });
  run(0);
  other.join();
}

TEST(Barrier, the_last_one_acts_before_the_others_go_on) {
  Shared<std::atomic<int>> acts;
  constexpr int rounds = 50;
  Barrier barrier{3, [&] { ++*acts; }};
  std::vector<Child> children;
  for (int i = 0; i < 3; ++i)
    children.emplace_back([&] {
      for (int round = 1; round <= rounds; ++round) {
        (void)barrier.wait();
        EXPECT_GE(acts->load(), round);
        EXPECT_LE(acts->load(), round + 1);
      }
    });
  for (Child& child : children) EXPECT_EQ(child.exitcode(), 0);
  EXPECT_EQ(acts->load(), rounds);
}

// ---- Broken -----------------------------------------------------------------------------------

TEST(Barrier, abort_breaks_it_for_all_until_reset) {
  Barrier barrier{3};
  Waiters waiters(barrier, 2);
  await_waiting(barrier, 2);
  EXPECT_EQ(lagoon::str(barrier), "<Barrier(waiters=2/3)>");
  barrier.abort();
  waiters.join();
  EXPECT_EQ(waiters.books->broken, 2U);
  EXPECT_TRUE(barrier.broken());
  EXPECT_EQ(barrier.n_waiting(), 0U);
  EXPECT_EQ(lagoon::str(barrier), "<Barrier(broken)>");
  expect_throw<BrokenBarrier>([&] { (void)barrier.wait(); }, {"a Barrier", "reset()"});
  barrier.abort();
  barrier.reset();
  EXPECT_FALSE(barrier.broken());
  Waiters again(barrier, 3);
  again.join();
  EXPECT_EQ(again.books->passed, 3U);
}

TEST(Barrier, reset_breaks_off_the_round_of_those_who_wait) {
  Barrier barrier{3};
  barrier.reset();  // of nobody: nothing
  Waiters waiters(barrier, 2);
  await_waiting(barrier, 2);
  barrier.reset();
  waiters.join();
  EXPECT_EQ(waiters.books->broken, 2U);
  EXPECT_FALSE(barrier.broken());
  EXPECT_EQ(barrier.n_waiting(), 0U);
}

// Who slept through the end of its round is told how it ended, whatever came after.
TEST(Barrier, a_stopped_waiter_is_told_of_its_own_round) {
  for (const bool passes : {true, false}) {
    SCOPED_TRACE(passes ? "passed" : "reset");
    Barrier barrier{2};
    Waiters slow(barrier, 1);
    await_waiting(barrier, 1);
    slow.children[0].stop();
    if (passes)
      (void)barrier.wait();
    else
      barrier.reset();
    for (int i = 0; i < 3; ++i) {  // rounds that end the other way
      Waiters two(barrier, passes ? 1 : 2);
      if (passes) {
        await_waiting(barrier, 1);
        barrier.reset();
      }
      two.join();
    }
    slow.children[0].resume();
    slow.join();
    EXPECT_EQ(slow.books->passed, passes ? 1U : 0U);
    EXPECT_EQ(slow.books->broken, passes ? 0U : 1U);
  }
}

TEST(Barrier, a_timeout_breaks_it) {
  Barrier barrier{2};
  Waiters waiters(barrier, 0);
  const auto begin = steady_clock::now();
  expect_throw<BrokenBarrier>([&] { (void)barrier.wait(20ms); });
  EXPECT_GE(steady_clock::now() - begin, 20ms);
  EXPECT_TRUE(barrier.broken());
  barrier.reset();
  expect_throw<BrokenBarrier>([&] { (void)barrier.wait(0ms); });
  barrier.reset();
  expect_throw<BrokenBarrier>([&] { (void)barrier.wait(std::chrono::seconds::min()); });
  barrier.reset();
  Waiters one(barrier, 1);
  await_waiting(barrier, 1);
  EXPECT_EQ(barrier.wait_until(steady_clock::time_point::min()), 1U)
      << "the last one need not wait";
  one.join();
}

TEST(Barrier, has_a_timeout_of_its_own) {
  Barrier barrier{2, {}, 10ms};
  expect_throw<BrokenBarrier>([&] { (void)barrier.wait(); });
  barrier.reset();
  Waiters one(barrier, 1);
  one.join();
  EXPECT_EQ(one.books->broken, 1U);
}

TEST(Barrier, an_action_that_throws_breaks_it_and_is_rethrown) {
  Barrier barrier{3, [] { throw std::runtime_error("no"); }};
  Waiters waiters(barrier, 2);
  await_waiting(barrier, 2);
  EXPECT_THROW((void)barrier.wait(), std::runtime_error);
  waiters.join();
  EXPECT_EQ(waiters.books->broken, 2U);
  EXPECT_TRUE(barrier.broken());
}

TEST(Barrier, a_timeout_that_passes_while_one_acts_breaks_nothing) {
  SharedFlags flags;
  enum : std::size_t { acts, late };
  Barrier barrier{2, [&] {
                    flags.raise(acts);
                    flags.await(late);
                  }};
  Child other([&] { EXPECT_NO_THROW((void)barrier.wait(50ms)); });
  await_waiting(barrier, 1);
  Child helper([&] {
    flags.await(acts);
    const auto begin = steady_clock::now();
    while (steady_clock::now() - begin < 100ms) sched_yield();  // twice as long as the other waits
    flags.raise(late);
  });
  EXPECT_NO_THROW((void)barrier.wait());
  EXPECT_EQ(other.exitcode(), 0);
  EXPECT_EQ(helper.exitcode(), 0);
  EXPECT_FALSE(barrier.broken());
}

TEST(Barrier, aborted_or_reset_in_its_action_it_is_broken_for_the_one_who_acts_too) {
  for (const bool reset : {false, true}) {
    Barrier* self = nullptr;
    Barrier barrier{2, [&] { reset ? self->reset() : self->abort(); }};
    self = &barrier;
    Waiters one(barrier, 1);
    await_waiting(barrier, 1);
    expect_throw<BrokenBarrier>([&] { (void)barrier.wait(); });
    one.join();
    EXPECT_EQ(one.books->broken, 1U);
    EXPECT_EQ(barrier.broken(), !reset);
  }
}

TEST(Barrier, bad_numbers_of_parties_are_InvalidArgument) {
  for (const long long wrong : {0LL, -1LL, 32768LL, std::numeric_limits<long long>::min()})
    expect_throw<InvalidArgument>([&] { Barrier barrier(wrong); },
                                  {"Barrier", std::to_string(wrong), "1 to 32767"});
  EXPECT_EQ(Barrier(32767).parties(), 32767U);
}

// ---- Killed -----------------------------------------------------------------------------------

TEST(Barrier, the_death_of_one_who_waits_breaks_it) {
  for (const bool reaped : {false, true}) {
    SCOPED_TRACE(reaped ? "reaped" : "not reaped");
    Barrier barrier{4};
    Waiters waiters(barrier, 3);
    await_waiting(barrier, 3);
    waiters.children[1].kill_unreaped();
    if (reaped) (void)waiters.children[1].wait();
    for (const std::size_t i : {0U, 2U}) EXPECT_EQ(waiters.children[i].exitcode(), 0);
    EXPECT_EQ(waiters.books->broken, 2U);
    EXPECT_TRUE(barrier.broken());
  }
}

TEST(Barrier, the_death_of_one_breaks_it_for_those_who_are_interrupted_all_the_time) {
  Barrier barrier{3};
  Child interrupted([&] {
    const lagoon::test::Ticking ticking(1ms);
    EXPECT_THROW((void)barrier.wait(), BrokenBarrier);
  });
  Child dies([&] { (void)barrier.wait(); });
  await_waiting(barrier, 2);
  dies.kill();
  EXPECT_EQ(interrupted.exitcode(), 0);
}

TEST(Barrier, the_last_to_come_does_not_pass_with_a_dead_one) {
  for (int round = 0; round < 20; ++round) {
    Barrier barrier{2};
    Waiters one(barrier, 1);
    await_waiting(barrier, 1);
    one.children[0].kill_unreaped();
    expect_throw<BrokenBarrier>([&] { (void)barrier.wait(); });
    barrier.reset();
    Waiters two(barrier, 2);
    two.join();
    EXPECT_EQ(two.books->passed, 2U);
  }
}

TEST(Barrier, the_death_of_one_who_ran_another_program_breaks_it) {
  Barrier barrier{3};
  Waiters other(barrier, 1);
  await_waiting(barrier, 1);
  Child runs([&] {
    std::thread waits([&] { (void)barrier.wait(); });
    await_waiting(barrier, 2);
    execl("/bin/sleep", "sleep", "1000", nullptr);
    _exit(1);
  });
  other.join();
  EXPECT_EQ(other.books->broken, 1U);
}

TEST(Barrier, the_death_of_one_who_acts_breaks_it) {
  SharedFlags flags;
  Barrier barrier{3, [&] {
                    flags.raise();
                    for (;;) pause();
                  }};
  Waiters waiters(barrier, 2);
  await_waiting(barrier, 2);
  Child acts([&] { (void)barrier.wait(); });
  flags.await();
  EXPECT_EQ(barrier.n_waiting(), 0U);
  acts.kill_unreaped();
  waiters.join();
  EXPECT_EQ(waiters.books->broken, 2U);
}

TEST(Barrier, one_who_died_after_it_had_passed_breaks_nothing) {
  Barrier barrier{2};
  for (int round = 0; round < 100; ++round) {
    // Killed somewhere on its way out of the barrier.
    Child other([&] {
      (void)barrier.wait();
      for (;;) pause();
    });
    EXPECT_LE(barrier.wait(), 1U);
    other.kill_unreaped();
    ASSERT_FALSE(barrier.broken()) << "round " << round;
  }
  Waiters two(barrier, 2);
  two.join();
  EXPECT_EQ(two.books->passed, 2U);
}

TEST(Barrier, parties_killed_at_random_hang_nobody) {
  constexpr unsigned seed = 20261127;
  std::mt19937 random(seed);
  Barrier barrier{3};
  const auto begin = [&] {
    return Child([&] {
      for (;;) {
        try {
          (void)barrier.wait();
        } catch (const BrokenBarrier&) {
          // One alone mends it: else they break each other's rounds.
          while (barrier.broken()) sched_yield();
        }
      }
    });
  };
  std::vector<Child> children;
  for (int i = 0; i < 4; ++i) children.push_back(begin());
  for (int round = 0; round < 200; ++round) {
    for (auto spin = random() % 20'000; spin != 0; --spin) asm volatile("");
    const std::size_t i = random() % children.size();
    children[i].kill_unreaped();
    children[i] = begin();
    bool passed = false;
    while (!passed) {  // the others go on
      try {
        (void)barrier.wait();
        passed = true;
      } catch (const BrokenBarrier&) {
        if (barrier.broken()) barrier.reset();
      }
    }
  }
}

// ---- In a segment -----------------------------------------------------------------------------

TEST(Barrier, named_is_one_for_all_who_open_it) {
  const ShmName name;
  const Segment segment = Segment::create(name);
  Barrier barrier{segment["b"], 2};
  Child child([&] { (void)Barrier(Segment::open(name)["b"], 2).wait(); });
  (void)barrier.wait();
  EXPECT_EQ(child.exitcode(), 0);
  expect_throw<TypeMismatch>([&] { Barrier other(segment["b"], 3); }, {"Barrier[2]", "Barrier[3]"});
  EXPECT_EQ(segment.find<Barrier>("b")->parties(), 2U);
}

TEST(Barrier, erased_it_lets_all_go) {
  const ShmName name;
  const Segment segment = Segment::create(name);
  Barrier barrier{segment["b"], 3};
  std::vector<Child> waiters;
  for (int i = 0; i < 2; ++i)
    waiters.emplace_back([&] {
      expect_throw<Gone>([&] { (void)barrier.wait(); }, {"'b' (Barrier[3])", "erased"});
    });
  await_waiting(barrier, 2);
  EXPECT_TRUE(segment.erase("b"));
  for (Child& waiter : waiters) EXPECT_EQ(waiter.exitcode(), 0);
  EXPECT_TRUE(barrier.gone());
  expect_throw<Gone>([&] { (void)barrier.wait(); });
  expect_throw<Gone>([&] { barrier.abort(); });
  expect_throw<Gone>([&] { barrier.reset(); });
}

}  // namespace
