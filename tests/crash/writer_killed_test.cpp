// What the others find when a process was killed in the middle of something, as a user sees it:
// a real SIGKILL, its corpse not reaped, and the next one goes on.
#include <lagoon/lagoon.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <random>
#include <span>
#include <string_view>
#include <vector>

#include "child.hpp"
#include "rendezvous.hpp"
#include "shm_name.hpp"

struct Triple {
  std::int64_t a, b, c;
  friend bool operator==(const Triple&, const Triple&) = default;
};
template <>
inline constexpr std::string_view lagoon::type_name<Triple> = "Triple";

namespace {

using lagoon::Array;
using lagoon::Value;
using lagoon::test::Child;
using lagoon::test::Shared;
using lagoon::test::SharedFlags;
using lagoon::test::wait_until_dead_unreaped;
namespace mode = lagoon::mode;

[[noreturn]] void die() {
  raise(SIGKILL);
  std::abort();
}

TEST(WriterKilled, in_write_of_an_array_leaves_the_old_state_and_the_turn) {
  for (const std::size_t size : {std::size_t{1}, std::size_t{64}, std::size_t{100'000}}) {
    Array<double> array(size);
    array.write([](std::span<double> all) { std::ranges::fill(all, 1.0); });
    Child writer([&] {
      array.write([](std::span<double> all) {
        std::fill(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(all.size() + 1) / 2, 2.0);
        die();
      });
    });
    wait_until_dead_unreaped(writer.pid());
    EXPECT_EQ(array.snapshot(), std::vector<double>(size, 1.0));
    array[size - 1] = 3.0;  // takes the turn over
    std::vector<double> expected(size, 1.0);
    expected[size - 1] = 3.0;
    for (int i = 0; i < 10; ++i) {  // through every copy
      EXPECT_EQ(array.snapshot(), expected);
      expected[0] = i;
      array[0] = i;
    }
    EXPECT_EQ(array.snapshot(), expected);
    EXPECT_EQ(writer.exitcode(), -SIGKILL);
  }
}

TEST(WriterKilled, in_update_of_a_struct_leaves_the_old_state_and_the_turn) {
  Value<Triple> value{Triple{1, 1, 1}};
  Child writer([&] {
    value.update([](Triple& t) {
      t.a = 2;
      die();
    });
  });
  wait_until_dead_unreaped(writer.pid());
  EXPECT_EQ(value.get(), (Triple{1, 1, 1}));
  value = Triple{3, 3, 3};
  EXPECT_EQ(value.get(), (Triple{3, 3, 3}));
}

TEST(WriterKilled, holding_a_locked_array_passes_the_lock_on_and_one_is_told) {
  Array<int, mode::locked> array(4);
  Child holder([&] {
    (void)array.acquire();
    array.get_obj()[0] = 7;
    die();
  });
  wait_until_dead_unreaped(holder.pid());

  constexpr int waiters = 8;
  const Shared<std::atomic<int>> told(0);
  const Shared<std::atomic<int>> held(0);
  std::vector<Child> children;
  for (int i = 0; i < waiters; ++i)
    children.emplace_back([&] {
      const lagoon::Acquired acquired = array.acquire();
      if (acquired) ++*held;
      if (acquired.owner_died()) ++*told;
      array.get_obj()[1] += 1;
      array.release();
    });
  for (Child& child : children) EXPECT_EQ(child.exitcode(), 0);
  EXPECT_EQ(*held, waiters);
  EXPECT_EQ(*told, 1);
  EXPECT_EQ(array.get(0), 7) << "a lock repairs the lock, not what it guards";
  EXPECT_EQ(array.get(1), waiters);
  EXPECT_TRUE(array.get_lock().owner_died()) << "until somebody says that all is well";
  const std::scoped_lock guard(array);
  array.get_lock().mark_consistent();
  EXPECT_FALSE(array.get_lock().owner_died());
}

TEST(WriterKilled, holding_a_locked_value_while_others_wait) {
  Value<int, mode::locked> value{0};
  SharedFlags flags;
  Child holder([&] {
    (void)value.acquire();
    flags.raise();
    for (;;) pause();
  });
  flags.await();
  const Shared<std::atomic<int>> told(0);
  std::vector<Child> children;
  for (int i = 0; i < 8; ++i)
    children.emplace_back([&] {
      const lagoon::Acquired acquired = value.acquire();
      if (acquired.owner_died()) ++*told;
      value.get_obj() += 1;
      value.release();
    });
  holder.kill_unreaped();
  for (Child& child : children) EXPECT_EQ(child.exitcode(), 0);
  EXPECT_EQ(*told, 1);
  EXPECT_EQ(value.get(), 8);
}

TEST(WriterKilled, again_and_again_at_random_under_other_writers_tears_and_loses_nothing) {
  constexpr std::size_t size = 64;
  constexpr unsigned seed = 20261123;
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  Array<std::int64_t> array(size);  // every write makes all elements equal
  Array<std::int64_t> counts(2);    // incremented by those who are not killed
  Value<Triple> triple{Triple{}};   // all members equal
  const Shared<std::atomic<bool>> stop(false);

  const auto write_for_ever = [&](std::int64_t step) {
    while (!*stop) {
      array.write([&](std::span<std::int64_t> all) {
        const std::int64_t next = all[0] + step;
        std::ranges::fill(all, next);
      });
      triple.update([&](Triple& t) {
        t.a += step;
        t.b += step;
        t.c += step;
      });
    }
  };
  Child survivor([&] {
    std::int64_t n = 0;
    for (; !*stop; ++n) counts[0] += 1;
    counts[1] = n;
  });
  for (int round = 0; round < 60; ++round) {
    const std::uint64_t before = array.version();
    Child victim([&] { write_for_ever(1); });
    Child other([&] { write_for_ever(2); });
    lagoon::test::wait_until([&] { return array.version() > before; }, "a victim to write");
    const auto reads = random() % 2000;
    for (std::size_t i = 0; i < reads; ++i) {
      const std::vector<std::int64_t> all = array.snapshot();
      ASSERT_TRUE(std::ranges::all_of(all, [&](std::int64_t x) { return x == all[0]; }));
      const Triple t = triple.get();
      ASSERT_TRUE(t.a == t.b && t.b == t.c);
    }
    victim.kill();
    other.kill();
  }
  array[3] = 5;  // nobody has the turn for good
  *stop = true;
  EXPECT_EQ(survivor.exitcode(), 0);
  EXPECT_EQ(counts.get(0), counts.get(1)) << "no increment was lost";
  EXPECT_GT(array.version(), 60U);
}

TEST(ForkedInside, an_update_the_child_stores_nothing_and_the_parent_goes_on) {
  Value<Triple> value{Triple{1, 1, 1}};
  Array<Triple> array(8);
  for (const bool in_array : {false, true}) {
    SharedFlags flags;
    pid_t child = -1;
    const auto forks = [&](Triple& t) {
      child = fork();
      t = child == 0 ? Triple{666, 666, 666} : Triple{2, 2, 2};
      if (child == 0) flags.await();  // until the parent has published
    };
    try {
      if (in_array)
        array[3].update(forks);
      else
        value.update(forks);
    } catch (const lagoon::UsageError&) {
      _exit(child == 0 ? 7 : 1);
    }
    if (child == 0) _exit(2);
    flags.raise();
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(WEXITSTATUS(status), 7) << "the child is told";
    EXPECT_EQ(in_array ? array.get(3) : value.get(), (Triple{2, 2, 2}));
  }
}

TEST(CreatorKilled, leaves_no_file_and_the_next_one_makes_it) {
  const lagoon::test::ShmName name;
  for (int round = 0; round < 40; ++round) {
    // Killed at some moment between its start and after its end.
    Child creator([&] {
      const auto segment = lagoon::Segment::open_or_create(name.str());
      const Array<double> prices(segment["prices"], 1024);
      for (;;) pause();
    });
    for (int i = 0; i < round * 20; ++i) sched_yield();
    creator.kill();
    (void)creator.wait();
    const auto segment = lagoon::Segment::open_or_create(name.str());
    Array<double> prices(segment["prices"], 1024);
    prices[1023] = round;
    EXPECT_EQ(prices.get(1023), round);
    EXPECT_EQ(segment.objects().size(), 1U);
    if (round % 2 == 0) lagoon::Segment::remove(name.str());
  }
}

}  // namespace
