#include <lagoon/core/futex.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <limits>
#include <thread>

#include "child.hpp"
#include "rendezvous.hpp"
#include "ticking.hpp"

namespace {

using namespace std::chrono_literals;
using lagoon::core::Deadline;
using lagoon::core::futex_wait;
using lagoon::core::futex_wake;
using lagoon::core::wait_slice;
using lagoon::core::Woken;
using lagoon::test::Child;
using lagoon::test::Shared;
using lagoon::test::wait_until;
using std::chrono::steady_clock;

using Word = std::atomic<std::uint32_t>;

std::int64_t nanoseconds(Deadline d) {
  const timespec t = d.as_timespec();
  return std::int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
}

TEST(Deadline, is_over_at_once_if_zero_or_negative) {
  for (const auto d : {0ns, -1ns, std::chrono::nanoseconds::min()}) {
    EXPECT_TRUE(Deadline::after(d).passed()) << d.count();
    EXPECT_FALSE(Deadline::after(d).is_never());
  }
  EXPECT_TRUE(Deadline::after(-1h).passed());
  EXPECT_TRUE(Deadline::after(std::chrono::hours::min()).passed());
  EXPECT_TRUE(Deadline::after(std::chrono::duration<double>(-0.5)).passed());
  EXPECT_TRUE(
      Deadline::after(std::chrono::duration<double>(std::numeric_limits<double>::quiet_NaN()))
          .passed());
  EXPECT_TRUE(Deadline::now().passed());
}

TEST(Deadline, never_comes_if_too_long_to_add_up) {
  EXPECT_TRUE(Deadline::never().is_never());
  EXPECT_FALSE(Deadline::never().passed());
  EXPECT_TRUE(Deadline::after(std::chrono::nanoseconds::max()).is_never());
  EXPECT_TRUE(Deadline::after(std::chrono::hours::max()).is_never());
  EXPECT_TRUE(Deadline::after(std::chrono::duration<double>(1e300)).is_never());
  EXPECT_TRUE(
      Deadline::after(std::chrono::duration<double>(std::numeric_limits<double>::infinity()))
          .is_never());
}

TEST(Deadline, counts_from_now) {
  const std::int64_t before = Deadline::clock();
  const Deadline hour = Deadline::after(1h);
  const Deadline fraction = Deadline::after(std::chrono::duration<double>(0.5));
  const std::int64_t after = Deadline::clock();
  EXPECT_GE(nanoseconds(hour), before + 3'600'000'000'000);
  EXPECT_LE(nanoseconds(hour), after + 3'600'000'000'000);
  EXPECT_GE(nanoseconds(fraction), before + 500'000'000);
  EXPECT_LE(nanoseconds(fraction), after + 500'000'000);
  EXPECT_FALSE(hour.passed());
  EXPECT_FALSE(hour.is_never());
  const Deadline soon = Deadline::after(1ns);
  wait_until([&] { return soon.passed(); }, "a nanosecond had passed");
}

// Rounded up: never over before the caller's time is.
TEST(Deadline, rounds_up_to_nanoseconds) {
  using Picoseconds = std::chrono::duration<std::int64_t, std::pico>;
  EXPECT_EQ(nanoseconds(Deadline::at(
                std::chrono::time_point<steady_clock, Picoseconds>(Picoseconds(1'000'001)))),
            1001);
}

TEST(Deadline, is_a_point_of_the_steady_clock) {
  const auto t = steady_clock::now() + 10s;
  EXPECT_EQ(nanoseconds(Deadline::at(t)), t.time_since_epoch().count());
  EXPECT_FALSE(Deadline::at(t).passed());
  EXPECT_TRUE(Deadline::at(steady_clock::now()).passed());
  EXPECT_TRUE(Deadline::at(steady_clock::time_point{}).passed());
  EXPECT_TRUE(Deadline::at(steady_clock::time_point::min()).passed());
  EXPECT_TRUE(Deadline::at(steady_clock::time_point::max()).is_never());
  using Hours = std::chrono::time_point<steady_clock, std::chrono::hours>;
  EXPECT_TRUE(Deadline::at(Hours::max()).is_never());
  EXPECT_TRUE(Deadline::at(Hours::min()).passed());
}

TEST(Deadline, within_is_the_earlier) {
  const std::int64_t before = Deadline::clock();
  const Deadline slice = Deadline::never().within(1ms);
  EXPECT_GE(nanoseconds(slice), before + 1'000'000);
  EXPECT_LE(nanoseconds(slice), Deadline::clock() + 1'000'000);
  const Deadline soon = Deadline::after(1s);
  EXPECT_EQ(nanoseconds(soon.within(1h)), nanoseconds(soon));
  EXPECT_TRUE(Deadline::now().within(1h).passed());
}

TEST(Futex, does_not_sleep_if_the_word_is_another) {
  const Word word{1};
  EXPECT_EQ(futex_wait(&word, 0, Deadline::never()), Woken::by_change);
}

TEST(Futex, sleeps_until_the_deadline) {
  const Word word{0};
  EXPECT_EQ(futex_wait(&word, 0, Deadline::now()), Woken::by_time);
  const Deadline soon = Deadline::after(10ms);
  EXPECT_EQ(futex_wait(&word, 0, soon), Woken::by_time);
  EXPECT_TRUE(soon.passed());
}

TEST(Futex, wakes_no_more_than_it_is_told) {
  Word word{0};
  std::atomic<int> woken{0};
  EXPECT_EQ(futex_wake(&word), 0);
  std::thread threads[3];
  for (std::thread& t : threads)
    t = std::thread([&] {
      while (word == 0) futex_wait(&word, 0, Deadline::never());
      ++woken;
    });
  int found = 0;
  wait_until([&] { return (found += futex_wake(&word, 1)) >= 1; }, "somebody slept");
  EXPECT_EQ(found, 1);
  EXPECT_EQ(woken, 0) << "woken without a change, they sleep again";
  word = 1;
  wait_until([&] { return futex_wake(&word), woken == 3; }, "all had been woken");
  for (std::thread& t : threads) t.join();
}

TEST(Futex, wakes_between_processes) {
  const Shared<Word> word(0U);
  Child child{[&] { EXPECT_EQ(futex_wait(&*word, 0, Deadline::never()), Woken::by_wake); }};
  wait_until([&] { return futex_wake(&*word) == 1; }, "the child slept");
  EXPECT_EQ(child.exitcode(), 0);
}

TEST(Futex, sleeps_on_until_its_time_whatever_signals_come) {
  const lagoon::test::Ticking ticking(1ms);
  const Word word{0};
  do {
    const Deadline until = Deadline::after(20ms);
    EXPECT_EQ(futex_wait(&word, 0, until), Woken::by_time);
    EXPECT_TRUE(until.passed());
  } while (ticking.ticks() == 0U);
}

TEST(WaitSlice, ends_by_itself) {
  const Word word{0};
  const std::int64_t before = Deadline::clock();
  EXPECT_EQ(wait_slice(&word, 0, Deadline::never()), Woken::by_time);
  EXPECT_GE(Deadline::clock() - before,
            std::chrono::nanoseconds(lagoon::core::wait_slice_length).count());
  EXPECT_EQ(wait_slice(&word, 0, Deadline::after(1ms), 1h), Woken::by_time);
}

}  // namespace
