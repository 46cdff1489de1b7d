#include <lagoon/cell.hpp>
#include <lagoon/error.hpp>
#include <lagoon/segment.hpp>

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <string_view>
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

struct Point {
  std::int64_t x = 0;
  std::int64_t y = 0;
  friend bool operator==(const Point&, const Point&) = default;
};
struct Odd {  // no multiple of a word, with padding
  char a[3];
  short b;
  char c[60];
  friend bool operator==(const Odd&, const Odd&) = default;
};
struct Page {
  std::int64_t words[512];
};
enum class Colour { red, green, blue };

/// A struct of cells in a segment, as an application lays it out.
struct Everything {
  explicit Everything(const lagoon::Segment& s) : point(s, {1, 2}), odd(s), page(s), count(s, 5) {}
  lagoon::Cell<Point> point;
  lagoon::Cell<Odd> odd;
  lagoon::Cell<Page> page;
  lagoon::Cell<std::int64_t> count;
  lagoon::Cell<Colour> colour;
  lagoon::Cell<bool> flag;
  lagoon::Cell<double> real;
};

}  // namespace
template <>
inline constexpr std::string_view lagoon::type_name<Everything> = "Everything";
namespace {

using lagoon::Cell;
using lagoon::Segment;
using lagoon::UsageError;
using lagoon::core::Deadline;
using lagoon::test::Child;
using lagoon::test::expect_throw;
using lagoon::test::Rendezvous;
using lagoon::test::Shared;
using lagoon::test::SharedFlags;
using lagoon::test::ShmName;
using lagoon::test::with_asan;
using lagoon::test::with_tsan;
using namespace std::chrono_literals;

constexpr bool sanitized = with_asan || with_tsan;

class CellTest : public testing::Test {
 protected:
  ShmName name_;
  Segment segment_ = Segment::create(name_);
  Everything& all_ = segment_.construct<Everything>("all");
};

// ---- Shape ------------------------------------------------------------------------------------

static_assert(std::is_same_v<Cell<int>, lagoon::AtomicCell<int>>);
static_assert(std::is_same_v<Cell<Colour>, lagoon::AtomicCell<Colour>>);
static_assert(std::is_same_v<Cell<Point>, lagoon::VersionedCell<Point>>);
static_assert(sizeof(Cell<std::int64_t>) == 16 && sizeof(Cell<char>) <= 16, "two words at most");
static_assert(sizeof(Cell<Point>) == 64 + 4 * 64, "a line and four copies, in lines");
static_assert(sizeof(Cell<Odd>) == 64 + 4 * 128);
static_assert(alignof(Cell<Point>) == 64);
static_assert(!std::is_copy_constructible_v<Cell<int>> && !std::is_copy_assignable_v<Cell<int>>);
static_assert(!std::is_copy_constructible_v<Cell<Point>> &&
              !std::is_move_assignable_v<Cell<Point>>);
static_assert(std::is_trivially_destructible_v<Cell<Point>>, "nobody runs destructors there");
static_assert(lagoon::detail::default_copies(64 * 1024) == 4);
static_assert(lagoon::detail::default_copies(64 * 1024 + 1) == 2);

// ---- A scalar ---------------------------------------------------------------------------------

TEST_F(CellTest, scalars_begin_with_zero_or_what_they_are_given) {
  EXPECT_EQ(all_.count.get(), 5);
  EXPECT_EQ(all_.colour.get(), Colour::red);
  EXPECT_FALSE(all_.flag.get());
  EXPECT_EQ(all_.real.get(), 0.0);
}

TEST(AtomicCell, needs_no_segment) {
  Cell<int> cell(7);
  EXPECT_EQ(cell.get(), 7);
  cell.set(8);
  EXPECT_EQ(cell.exchange(9), 8);
  int expected = 5;
  EXPECT_FALSE(cell.compare_exchange(expected, 6));
  EXPECT_EQ(expected, 9);
  EXPECT_TRUE(cell.compare_exchange(expected, 6));
  EXPECT_EQ(cell.fetch_add(2), 6);
  EXPECT_EQ(cell.fetch_sub(3), 8);
  EXPECT_EQ(cell.fetch_and(4), 5);
  EXPECT_EQ(cell.fetch_or(3), 4);
  EXPECT_EQ(cell.fetch_xor(1), 7);
  EXPECT_EQ(cell.update([](int x) { return x * 10; }), 60);
  EXPECT_EQ(cell.get(), 60);
}

TEST(AtomicCell, takes_each_memory_order) {
  Cell<int> cell(0);
  for (const auto order :
       {std::memory_order_relaxed, std::memory_order_release, std::memory_order_seq_cst}) {
    cell.set(1, order);
    EXPECT_EQ(cell.get(), 1);
  }
  for (const auto order : {std::memory_order_relaxed, std::memory_order_consume,
                           std::memory_order_acquire, std::memory_order_seq_cst})
    EXPECT_EQ(cell.get(order), 1);
  for (const auto order :
       {std::memory_order_relaxed, std::memory_order_consume, std::memory_order_acquire,
        std::memory_order_release, std::memory_order_acq_rel, std::memory_order_seq_cst}) {
    cell.set(0);
    EXPECT_EQ(cell.fetch_add(1, order), 0);
    EXPECT_EQ(cell.fetch_sub(1, order), 1);
    EXPECT_EQ(cell.exchange(6, order), 0);
    EXPECT_EQ(cell.fetch_and(3, order), 6);
    EXPECT_EQ(cell.fetch_or(4, order), 2);
    EXPECT_EQ(cell.fetch_xor(6, order), 6);
    int expected = 1;
    EXPECT_FALSE(cell.compare_exchange(expected, 2, order));
    EXPECT_TRUE(cell.compare_exchange(expected, 2, order));
    EXPECT_EQ(cell.update([](int x) { return x + 1; }, order), 3);
  }
}

template <class C, class T>
concept Adds = requires(C& c, T x) {
  c.fetch_add(x);
};
template <class C, class T>
concept Ands = requires(C& c, T x) {
  c.fetch_and(x);
};
static_assert(Adds<Cell<int>, int> && Adds<Cell<double>, double> && Adds<Cell<char>, char>);
static_assert(!Adds<Cell<bool>, bool> && !Adds<Cell<Colour>, Colour>);
static_assert(Ands<Cell<int>, int> && !Ands<Cell<double>, double> && !Ands<Cell<bool>, bool>);

TEST(AtomicCell, of_a_floating_point_number_adds) {
  Cell<double> cell(1.5);
  EXPECT_EQ(cell.fetch_add(0.25), 1.5);
  EXPECT_EQ(cell.fetch_sub(1), 1.75);
  EXPECT_EQ(cell.get(), 0.75);
  Cell<float> small(1);
  EXPECT_EQ(small.fetch_add(2), 1.0F);
  EXPECT_EQ(small.get(), 3.0F);
}

TEST(AtomicCell, integers_wrap) {
  Cell<int> cell(std::numeric_limits<int>::max());
  EXPECT_EQ(cell.fetch_add(1), std::numeric_limits<int>::max());
  EXPECT_EQ(cell.get(), std::numeric_limits<int>::min());
  EXPECT_EQ(cell.fetch_sub(1), std::numeric_limits<int>::min());
  EXPECT_EQ(cell.get(), std::numeric_limits<int>::max());
  Cell<unsigned char> small(255);
  small.fetch_add(1);
  EXPECT_EQ(small.get(), 0);
}

TEST_F(CellTest, update_of_a_scalar_loses_nothing_to_sixteen_processes) {
  constexpr int processes = 16;
  constexpr std::int64_t rounds = sanitized ? 500 : 20'000;
  Rendezvous start(processes);
  std::vector<Child> children;
  for (int i = 0; i < processes; ++i)
    children.emplace_back([&] {
      start.meet();
      for (std::int64_t k = 0; k < rounds; ++k) {
        all_.count.update([](std::int64_t x) { return x + 1; });
        all_.count.fetch_add(1);
        all_.real.fetch_add(1);
      }
    });
  for (Child& child : children) EXPECT_EQ(child.exitcode(), 0);
  EXPECT_EQ(all_.count.get(), 5 + 2 * processes * rounds);
  EXPECT_EQ(all_.real.get(), static_cast<double>(processes * rounds));
}

TEST(AtomicCell, an_update_that_throws_changes_nothing) {
  Cell<int> cell(7);
  EXPECT_THROW(cell.update([](int) -> int { throw std::runtime_error("no"); }), std::runtime_error);
  EXPECT_EQ(cell.get(), 7);
}

// ---- Waiting ----------------------------------------------------------------------------------

TEST_F(CellTest, wait_returns_at_once_if_the_value_is_another) {
  EXPECT_TRUE(all_.count.wait_until(4, Deadline::now()));
  EXPECT_TRUE(all_.count.wait_until(4, Deadline::never()));
}

TEST_F(CellTest, wait_ends_at_its_deadline_and_not_before) {
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_FALSE(all_.count.wait_until(5, Deadline::after(20ms)));
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 20ms);
  EXPECT_FALSE(all_.count.wait_until(5, Deadline::now()));
  EXPECT_FALSE(all_.count.wait_until(5, Deadline::after(-1s)));
}

TEST_F(CellTest, processes_hand_a_value_to_and_fro) {
  constexpr std::int64_t rounds = sanitized ? 200 : 2000;
  all_.count.set(0);
  Child other([&] {
    for (std::int64_t i = 1; i < 2 * rounds; i += 2) {
      (void)all_.count.wait_until(i - 1, Deadline::never());
      ASSERT_EQ(all_.count.get(), i);
      all_.count.set(i + 1);
      all_.count.notify_one();
    }
  });
  for (std::int64_t i = 0; i < 2 * rounds; i += 2) {
    all_.count.set(i + 1);
    all_.count.notify_one();
    (void)all_.count.wait_until(i + 1, Deadline::never());
    ASSERT_EQ(all_.count.get(), i + 2);
  }
  EXPECT_EQ(other.exitcode(), 0);
}

TEST_F(CellTest, notify_all_wakes_everyone_and_notify_one_often_enough_too) {
  for (const bool all : {true, false}) {
    all_.count.set(0);
    SharedFlags flags;
    std::vector<Child> waiters;
    for (int i = 0; i < 8; ++i)
      waiters.emplace_back([&] {
        flags.raise();
        (void)all_.count.wait_until(0, Deadline::never());
        EXPECT_EQ(all_.count.get(), 1);
      });
    flags.await(0, 8);
    all_.count.set(1);
    for (int i = 0; i < (all ? 1 : 8); ++i) all ? all_.count.notify_all() : all_.count.notify_one();
    for (Child& waiter : waiters) EXPECT_EQ(waiter.exitcode(), 0);
  }
}

TEST_F(CellTest, a_notifier_killed_between_its_change_and_its_notify_leaves_no_waiter_behind) {
  SharedFlags flags;
  std::vector<Child> waiters;
  for (int i = 0; i < 4; ++i)
    waiters.emplace_back([&] {
      flags.raise();
      EXPECT_TRUE(all_.count.wait_until(5, Deadline::after(1min)));
      EXPECT_EQ(all_.count.get(), 6);
    });
  flags.await(0, 4);
  Child notifier([&] {
    all_.count.set(6);
    raise(SIGKILL);
  });
  for (Child& waiter : waiters) EXPECT_EQ(waiter.exitcode(), 0);
}

TEST_F(CellTest, a_waiter_that_is_killed_takes_no_notification_from_the_others) {
  for (std::int64_t round = 0; round < 20; ++round) {
    all_.count.set(round);
    SharedFlags flags;
    const auto wait = [&] {
      flags.raise();
      (void)all_.count.wait_until(round, Deadline::never());
    };
    Child killed(wait);
    Child other(wait);
    flags.await(0, 2);
    killed.kill_unreaped();
    all_.count.set(round + 1);
    all_.count.notify_one();
    EXPECT_EQ(other.exitcode(), 0);
  }
}

TEST(AtomicCell, waits_for_each_width_and_kind) {
  const auto hand_over = []<class T>(T before, T after) {
    Shared<Cell<T>> cell(before);
    Child child([&] {
      cell->set(after);
      cell->notify_all();
    });
    EXPECT_TRUE(cell->wait_until(before, Deadline::after(1min)));
    EXPECT_EQ(child.exitcode(), 0);
  };
  hand_over(char{1}, char{2});
  hand_over(short{1}, short{2});
  hand_over(1, 2);
  hand_over(1L, 2L);
  hand_over(1.0F, 2.0F);
  hand_over(0.0, -0.0);  // other bits
  hand_over(false, true);
  hand_over(Colour::red, Colour::blue);
  hand_over(std::int64_t{1}, (std::int64_t{1} << 40) + 1);  // the upper half alone
}

// ---- A struct ---------------------------------------------------------------------------------

TEST_F(CellTest, a_struct_is_read_written_exchanged_and_compared_whole) {
  EXPECT_EQ(all_.point.get(), (Point{1, 2}));
  EXPECT_EQ(all_.odd.get(), Odd{});
  all_.point.set({3, 4});
  EXPECT_EQ(all_.point.get(), (Point{3, 4}));
  EXPECT_EQ(all_.point.exchange({5, 6}), (Point{3, 4}));
  Point expected{3, 4};
  const std::uint64_t version = all_.point.version();
  EXPECT_FALSE(all_.point.compare_exchange(expected, {7, 8}));
  EXPECT_EQ(expected, (Point{5, 6}));
  EXPECT_EQ(all_.point.version(), version) << "nothing was published";
  EXPECT_TRUE(all_.point.compare_exchange(expected, {7, 8}));
  EXPECT_EQ(all_.point.get(), (Point{7, 8}));
  Odd odd{{1, 2, 3}, 4, {5}};
  odd.c[59] = 'z';
  all_.odd.set(odd);
  EXPECT_EQ(all_.odd.get(), odd);
}

TEST_F(CellTest, update_changes_a_struct_in_place_or_by_value_and_returns_the_new_one) {
  EXPECT_EQ(all_.point.update([](Point& p) { p.x = 10; }), (Point{10, 2}));
  EXPECT_EQ(all_.point.update([](Point p) { return Point{p.x, p.y * 10}; }), (Point{10, 20}));
  EXPECT_EQ(all_.point.get(), (Point{10, 20}));
  int runs = 0;
  all_.point.update([&](Point&) { ++runs; });
  EXPECT_EQ(runs, 1);
}

TEST_F(CellTest, an_update_of_a_struct_that_throws_publishes_nothing_and_the_next_works) {
  const std::uint64_t version = all_.point.version();
  for (int i = 0; i < 10; ++i) {
    EXPECT_THROW(all_.point.update([](Point& p) {
      p.x = -1;
      throw std::runtime_error("no");
    }),
                 std::runtime_error);
    EXPECT_EQ(all_.point.get(), (Point{1, 2}));
  }
  EXPECT_EQ(all_.point.version(), version);
  all_.point.update([](Point& p) { p.x = 9; });
  EXPECT_EQ(all_.point.get(), (Point{9, 2}));
}

TEST_F(CellTest, the_version_grows_by_one_with_each_write) {
  const std::uint64_t version = all_.point.version();
  all_.point.set({});
  EXPECT_EQ(all_.point.version(), version + 1);
  all_.point.update([](Point&) {});
  all_.point.exchange({});
  EXPECT_EQ(all_.point.version(), version + 3);
}

TEST_F(CellTest, read_if_newer_reads_what_was_written_since) {
  std::uint64_t version = all_.point.version();
  Point out{-1, -1};
  EXPECT_FALSE(all_.point.read_if_newer(version, out));
  EXPECT_EQ(out, (Point{-1, -1}));
  all_.point.set({3, 4});
  EXPECT_TRUE(all_.point.read_if_newer(version, out));
  EXPECT_EQ(out, (Point{3, 4}));
  EXPECT_EQ(version, all_.point.version());
  EXPECT_FALSE(all_.point.read_if_newer(version, out));
}

TEST_F(CellTest, a_nested_write_is_UsageError_and_a_nested_read_sees_what_was) {
  all_.point.update([&](Point& p) {
    p.x = 10;
    EXPECT_EQ(all_.point.get(), (Point{1, 2}));
    expect_throw<UsageError>([&] { all_.point.set({}); }, {"written by this thread", "nest"});
    expect_throw<UsageError>([&] { all_.point.update([](Point&) {}); });
    all_.odd.set({});  // another one's is no nesting
  });
  EXPECT_EQ(all_.point.get(), (Point{10, 2}));
}

TEST_F(CellTest, a_fork_inside_a_write_is_the_parents_write) {
  all_.point.update([&](Point& p) {
    p.x = 10;
    Child child([&] {
      // In the child the write goes on and fails; the parent's stands.
      EXPECT_EQ(all_.point.get(), (Point{1, 2}));
    });
    EXPECT_EQ(child.exitcode(), 0);
  });
  EXPECT_EQ(all_.point.get(), (Point{10, 2}));

  const pid_t parent = getpid();
  bool refused = false;
  pid_t child = -1;
  SharedFlags flags;
  try {
    all_.point.update([&](Point& p) {
      child = fork();
      p.y = child == 0 ? -1 : 20;
      if (child != 0) flags.await();
    });
  } catch (const UsageError& e) {
    refused = std::string_view(e.what()).find("forked inside a write") != std::string_view::npos;
  }
  if (getpid() != parent) {
    const bool unchanged = all_.point.get() == Point{10, 2};
    flags.raise();
    _exit(refused && unchanged ? 0 : 1);
  }
  EXPECT_FALSE(refused);
  int status = -1;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(all_.point.get(), (Point{10, 20}));
  all_.point.set({0, 0});
}

TEST_F(CellTest, of_a_struct_loses_no_update_of_sixteen_processes) {
  constexpr int processes = 16;
  constexpr std::int64_t rounds = sanitized ? 200 : 5000;
  all_.point.set({0, 0});
  Rendezvous start(processes);
  std::vector<Child> children;
  for (int i = 0; i < processes; ++i)
    children.emplace_back([&] {
      start.meet();
      for (std::int64_t k = 0; k < rounds; ++k)
        all_.point.update([](Point& p) {
          ++p.x;
          --p.y;
        });
    });
  const std::uint64_t before = all_.point.version();
  for (std::int64_t i = 0; i < rounds; ++i) {
    const Point p = all_.point.get();
    ASSERT_EQ(p.x, -p.y);
  }
  for (Child& child : children) EXPECT_EQ(child.exitcode(), 0);
  EXPECT_EQ(all_.point.get(), (Point{processes * rounds, -processes * rounds}));
  EXPECT_GE(all_.point.version(), before);
}

TEST_F(CellTest, readers_see_no_torn_page_while_writers_write_at_full_speed) {
  constexpr int rounds = sanitized ? 300 : 10'000;
  SharedFlags stop;
  std::vector<Child> writers;
  for (int i = 0; i < 2; ++i)
    writers.emplace_back([&, i] {
      Page page{};
      for (std::int64_t k = i; stop.count() == 0; k += 2) {
        for (std::int64_t& word : page.words) word = k;
        all_.page.set(page);
      }
    });
  for (int i = 0; i < rounds; ++i) {
    const Page page = all_.page.get();
    for (const std::int64_t word : page.words) ASSERT_EQ(word, page.words[0]);
  }
  stop.raise();
  for (Child& writer : writers) EXPECT_EQ(writer.exitcode(), 0);
}

TEST_F(CellTest, a_stopped_writer_holds_up_no_reader) {
  SharedFlags flags;
  Child writer([&] {
    all_.point.update([&](Point& p) {
      p.x = 10;
      flags.raise(0);
      flags.await(1);
    });
  });
  flags.await(0);
  writer.stop();
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(all_.point.get(), (Point{1, 2}));
  flags.raise(1);
  writer.resume();
  EXPECT_EQ(writer.exitcode(), 0);
  EXPECT_EQ(all_.point.get(), (Point{10, 2}));
}

TEST_F(CellTest, in_a_read_only_segment_cannot_be_made) {
  const Segment reader = Segment::open_read_only(name_);
  expect_throw<lagoon::ReadOnly>([&] { Cell<Point> cell(reader); }, {name_.str(), "read-only"});
}

}  // namespace
