#include <lagoon/event.hpp>
#include <lagoon/print.hpp>
#include <lagoon/segment.hpp>

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <thread>
#include <vector>

#include "child.hpp"
#include "expect_throw.hpp"
#include "rendezvous.hpp"
#include "sanitizers.hpp"
#include "shm_name.hpp"

namespace {

using lagoon::Event;
using lagoon::Gone;
using lagoon::Segment;
using lagoon::test::Child;
using lagoon::test::expect_throw;
using lagoon::test::Shared;
using lagoon::test::SharedFlags;
using lagoon::test::ShmName;
using namespace std::chrono_literals;
using std::chrono::steady_clock;

TEST(Event, a_wait_may_end_by_a_flag) {
  Event event;
  std::atomic<bool> over{false};
  const auto deadline = lagoon::core::Deadline::never().unless(over);
  EXPECT_FALSE(deadline.passed());
  EXPECT_FALSE(deadline.is_never());
  std::thread waiter([&] { EXPECT_FALSE(event.wait_until(deadline)); });
  over = true;
  waiter.join();
  EXPECT_TRUE(deadline.passed());
}

TEST(Event, begins_unset_is_set_and_cleared) {
  Event event;
  EXPECT_FALSE(event.is_set());
  EXPECT_EQ(lagoon::str(event), "<Event(unset)>");
  EXPECT_FALSE(event.wait(0ms));
  event.set();
  event.set();
  EXPECT_TRUE(event.is_set());
  EXPECT_EQ(lagoon::str(event), "<Event(set)>");
  event.wait();
  EXPECT_TRUE(event.wait(0ms));
  EXPECT_TRUE(event.wait_for(-1ms));
  EXPECT_TRUE(event.wait_until(steady_clock::time_point::min()));
  event.clear();
  event.clear();
  EXPECT_FALSE(event.is_set());
  EXPECT_FALSE(event.wait(std::chrono::milliseconds::min()));
}

TEST(Event, a_timeout_that_passes_says_so_and_not_before_its_time) {
  const Event event;
  const auto begin = steady_clock::now();
  EXPECT_FALSE(event.wait(20ms));
  EXPECT_GE(steady_clock::now() - begin, 20ms);
  EXPECT_FALSE(event.wait_until(steady_clock::now() + 10ms));
  EXPECT_GE(steady_clock::now() - begin, 30ms);
}

TEST(Event, set_once_lets_all_go_processes_and_threads_whatever_their_timeouts) {
  Event event;
  Shared<std::int64_t> before;
  SharedFlags flags;
  std::vector<Child> children;
  for (int i = 0; i < 16; ++i)
    children.emplace_back([&, i] {
      flags.raise();
      if (i % 3 == 0)
        event.wait();
      else if (i % 3 == 1)
        EXPECT_TRUE(event.wait(std::chrono::hours::max()));
      else
        EXPECT_TRUE(event.wait_until(steady_clock::time_point::max()));
      EXPECT_EQ(*before, 7) << "sees what was done before the set";
    });
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      flags.raise();
      event.wait();
      EXPECT_EQ(*before, 7);
    });
  flags.await(0, 20);
  *before = 7;
  event.set();
  for (std::thread& thread : threads) thread.join();
  for (Child& child : children) EXPECT_EQ(child.exitcode(), 0);
}

TEST(Event, a_killed_waiter_keeps_nobody_up) {
  Event event;
  for (int round = 0; round < 20; ++round) {
    SharedFlags flags;
    const auto wait = [&] {
      flags.raise();
      event.wait();
    };
    Child killed(wait);
    Child other(wait);
    flags.await(0, 2);
    killed.kill_unreaped();
    event.set();
    EXPECT_EQ(other.exitcode(), 0);
    event.clear();
  }
}

TEST(Event, setters_and_waiters_killed_at_random_keep_nobody_up) {
  Event event;
  const auto begin = [&](std::size_t i) {
    return Child([&, i] {
      for (;;) {
        if (i % 2 == 0) {
          event.set();
          event.clear();
        } else {
          (void)event.wait(1ms);
        }
      }
    });
  };
  std::vector<Child> children;
  for (std::size_t i = 0; i < 4; ++i) children.push_back(begin(i));
  for (std::size_t round = 0; round < 200; ++round) {
    const std::size_t i = round % children.size();
    children[i].kill_unreaped();
    if (i % 2 == 1) event.wait();  // another one sets it
    children[i] = begin(i);
  }
  children.clear();
  event.set();
  event.wait();
}

TEST(Event, named_is_one_for_all_and_erased_it_lets_all_go) {
  const ShmName name;
  const Segment segment = Segment::create(name);
  Event event{segment["e"]};
  Child sets([&] { Event(Segment::open(name)["e"]).set(); });
  event.wait();
  EXPECT_EQ(sets.exitcode(), 0);
  event.clear();
  EXPECT_FALSE(segment.find<Event>("e")->is_set());

  SharedFlags flags;
  std::vector<Child> waiters;
  for (int i = 0; i < 3; ++i)
    waiters.emplace_back([&] {
      flags.raise();
      expect_throw<Gone>([&] { event.wait(); }, {"'e' (Event)", name.str(), "erased"});
    });
  flags.await(0, 3);
  EXPECT_TRUE(segment.erase("e"));
  for (Child& waiter : waiters) EXPECT_EQ(waiter.exitcode(), 0);
  EXPECT_TRUE(event.gone());
  expect_throw<Gone>([&] { event.set(); });
  expect_throw<Gone>([&] { event.clear(); });
  expect_throw<Gone>([&] { (void)event.wait(0ms); });
}

}  // namespace
