#include <lagoon/lagoon.hpp>

#include <dlfcn.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <ios>
#include <iterator>
#include <memory>
#include <new>
#include <numeric>
#include <optional>
#include <ranges>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <tuple>
#include <typeinfo>
#include <utility>
#include <variant>
#include <vector>

#include "child.hpp"
#include "expect_throw.hpp"
#include "rendezvous.hpp"

namespace {

using lagoon::AsyncResult;
using lagoon::Object;
using lagoon::Pool;
using lagoon::PoolOptions;
using lagoon::UsageError;
using lagoon::test::Child;
using lagoon::test::expect_throw;
using lagoon::test::SharedFlags;
using namespace std::chrono_literals;

/// What tasks wait for and raise: made before the pools.
SharedFlags* flags = nullptr;

class PoolTest : public testing::Test {
  void SetUp() override { flags = &flags_; }
  /// No worker is left, not even an unreaped one.
  void TearDown() override {
    siginfo_t info{};
    EXPECT_EQ(waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT), -1)
        << "child " << info.si_pid << " is left";
    EXPECT_EQ(lagoon::active_children(), 0U);
  }
  SharedFlags flags_;
};

std::vector<int> numbers(int n) {
  std::vector<int> all(static_cast<std::size_t>(n));
  std::iota(all.begin(), all.end(), 0);
  return all;
}

/// f(0), f(1), … without an end, read once.
template <class F>
struct Endless {
  struct Iterator {
    using value_type = int;
    using difference_type = std::ptrdiff_t;
    const F* f;
    int x;
    int operator*() const { return (*f)(x); }
    Iterator& operator++() {
      ++x;
      return *this;
    }
    void operator++(int) { ++x; }
  };
  [[nodiscard]] Iterator begin() const { return {&f, 0}; }
  [[nodiscard]] std::unreachable_sentinel_t end() const { return {}; }
  F f;
};
template <class F>
Endless(F) -> Endless<F>;

/// The numbers of a text, read once.
struct Read {
  [[nodiscard]] auto begin() const { return std::istream_iterator<int>(text); }
  [[nodiscard]] auto end() const { return std::istream_iterator<int>(); }
  std::istream& text;
};

int square(int x) { return x * x; }
int square_noexcept(int x) noexcept { return x * x; }
constexpr auto identity = [](int x) { return x; };
constexpr auto wait_for_flag = [](std::size_t flag) {
  flags->raise(flag + 1);
  flags->await(flag);
  return static_cast<int>(flag);
};

static_assert(!std::is_copy_constructible_v<Pool> && std::is_nothrow_move_constructible_v<Pool>);
static_assert(!std::is_convertible_v<int, Pool>);
static_assert(std::input_iterator<lagoon::PoolResults<int>::Iterator>);
static_assert(std::ranges::input_range<lagoon::PoolResults<int>&>);

// ---- What can be asked for
// -----------------------------------------------------------------------

TEST_F(PoolTest, apply_runs_it_in_another_process) {
  Pool pool(2);
  EXPECT_NE(pool.apply([] { return getpid(); }), getpid());
  EXPECT_EQ(pool.apply(square, 7), 49);
  EXPECT_EQ(pool.apply(&square_noexcept, 7), 49);
  EXPECT_EQ(pool.apply(std::plus<>(), 3, 4), 7);
  pool.apply([] { flags->raise(); });
  EXPECT_EQ(flags->count(), 1U);
  const AsyncResult<int> later = pool.apply_async(square, 8);
  EXPECT_EQ(later.get(), 64);
  EXPECT_EQ(later.get(), 64) << "again";
  EXPECT_TRUE(later.ready());
  EXPECT_TRUE(later.successful());
}

struct Point {
  double x, y;
  bool operator==(const Point&) const = default;
};

TEST_F(PoolTest, arguments_and_results_are_what_has_a_codec) {
  Pool pool(2);
  EXPECT_EQ(pool.apply([](const std::string& a, std::string_view b) { return a + std::string(b); },
                       "left", std::string("right")),
            "leftright");
  EXPECT_EQ(pool.apply([](Point p) { return Point{p.y, p.x}; }, Point{1, 2}), (Point{2, 1}));
  EXPECT_EQ(pool.apply([](std::vector<std::string> all) { return std::pair(all.size(), all); },
                       std::vector<std::string>{"a", "b"}),
            std::pair(std::size_t{2}, std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(pool.apply([](const Object& o) { return o["n"] + 1; }, Object::dict({{"n", 41}})), 42);
  EXPECT_EQ(pool.map([](const std::string& s) { return s.size(); },
                     std::vector<const char*>{"a", "bb", "ccc"}),
            (std::vector<std::size_t>{1, 2, 3}));
  EXPECT_EQ(pool.map([](int x) { return x % 2 == 0; }, numbers(3)),
            (std::vector<bool>{true, false, true}));
  const std::string large(10'000'000, 'x');
  EXPECT_EQ(pool.apply([](std::string s) { return s + "y"; }, large), large + "y");
}

TEST_F(PoolTest, arguments_that_refer_to_shared_containers_are_refused_where_it_is_called) {
  Pool pool(1);
  const lagoon::List<> list;
  const auto size = [](const Object& o) { return o.size(); };
  expect_throw<lagoon::TypeMismatch>([&] { (void)pool.apply(size, Object(list)); }, {"copy()"});
  expect_throw<lagoon::TypeMismatch>(
      [&] {
        (void)pool.map(size, std::vector<Object>{1, list});
      },
      {"copy()"});
  EXPECT_EQ(pool.apply(size, list.copy()), 0U);
}

TEST_F(PoolTest, map_keeps_the_order_whatever_the_chunks) {
  Pool pool(3);
  const std::vector<int> all = numbers(101);
  std::vector<int> expected;
  for (const int x : all) expected.push_back(x * x);
  for (const std::size_t chunksize : {0U, 1U, 2U, 7U, 100U, 101U, 1000U})
    EXPECT_EQ(pool.map(square, all, chunksize), expected) << chunksize;
  EXPECT_EQ(pool.map(square, numbers(0)), std::vector<int>());
  EXPECT_TRUE(pool.map_async(square, numbers(0)).ready());
  pool.map([](int) { flags->raise(); }, all);
  EXPECT_EQ(flags->count(), 101U);
  std::istringstream text("0 1 2 3");
  EXPECT_EQ(pool.map(square, Read{text}), (std::vector{0, 1, 4, 9}));
}

TEST_F(PoolTest, starmap_takes_tuples_pairs_and_arrays) {
  Pool pool(2);
  EXPECT_EQ(pool.starmap(std::minus<>(), std::vector{std::pair(5, 2), std::pair(1, 4)}),
            (std::vector{3, -3}));
  EXPECT_EQ(
      pool.starmap([](int a, const std::string& b, double c) { return b + std::to_string(a + c); },
                   std::vector{std::tuple(1, std::string("x"), 0.5)}),
      (std::vector<std::string>{"x1.500000"}));
  EXPECT_EQ(pool.starmap(std::plus<>(), std::vector{std::array{1, 2}}), (std::vector{3}));
  EXPECT_EQ(pool.starmap([] { return 1; }, std::vector{std::tuple<>()}), (std::vector{1}));
  EXPECT_EQ(pool.starmap_async(std::plus<>(), std::vector{std::pair(1, 2)}).get(),
            (std::vector{3}));
}

TEST_F(PoolTest, imap_keeps_the_order_and_imap_unordered_does_not_wait_for_the_first) {
  Pool pool(2);
  std::vector<int> seen;
  for (const int x : pool.imap(square, numbers(500))) seen.push_back(x);
  EXPECT_EQ(seen.size(), 500U);
  for (int i = 0; i < 500; ++i) EXPECT_EQ(seen[static_cast<std::size_t>(i)], i * i);

  auto late_first = pool.imap_unordered(
      [](int x) {
        if (x == 0) flags->await();
        return x;
      },
      numbers(20));
  std::set<int> others;
  for (int i = 1; i < 20; ++i) others.insert(late_first.next().value());
  EXPECT_FALSE(others.contains(0));
  EXPECT_EQ(others.size(), 19U);
  expect_throw<lagoon::TimeoutError>([&] { (void)late_first.next(1ms); });
  flags->raise();
  EXPECT_EQ(late_first.next(), 0);
  EXPECT_EQ(late_first.next(), std::nullopt);
  EXPECT_EQ(late_first.next(), std::nullopt);

  std::vector<int> by_chunks;
  auto chunked = pool.imap(square, numbers(11), 4);
  while (auto x = chunked.next()) by_chunks.push_back(*x);
  EXPECT_EQ(by_chunks, pool.map(square, numbers(11)));
}

TEST_F(PoolTest, imap_of_an_endless_range_reads_some_ahead) {
  Pool pool(2);
  int read = 0;
  auto results = pool.imap(square, Endless{[&](int x) {
                             ++read;
                             return x;
                           }});
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(results.next(), i * i);
  EXPECT_GE(read, 1000);
  EXPECT_LT(read, 1100);
}

TEST_F(PoolTest, imap_throws_in_the_place_of_what_threw_and_goes_on) {
  Pool pool(2);
  auto results = pool.imap(
      [](int x) {
        if (x == 3) throw std::domain_error("three");
        return x;
      },
      numbers(6));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(results.next(), i);
  EXPECT_THROW((void)results.next(), std::domain_error);
  EXPECT_EQ(results.next(), 4);
  EXPECT_EQ(results.next(), 5);
  EXPECT_EQ(results.next(), std::nullopt);

  auto of_a_failing_range = pool.imap(
      identity, Endless{[](int x) { return x < 5 ? x : throw std::length_error("five"); }});
  for (int i = 0; i < 5; ++i) EXPECT_EQ(of_a_failing_range.next(), i);
  EXPECT_THROW((void)of_a_failing_range.next(), std::length_error);
  EXPECT_EQ(of_a_failing_range.next(), std::nullopt);
}

TEST_F(PoolTest, what_nobody_looks_at_any_more_is_given_up) {
  Pool pool(2);
  {
    auto results = pool.imap(square, Endless{identity});
    EXPECT_EQ(results.next(), 0);
    auto moved = std::move(results);
    EXPECT_EQ(moved.next(), 1);
    expect_throw<UsageError>([&] { (void)results.next(); }, {"moved from"});
  }
  (void)pool.apply_async(square, 1);
  EXPECT_EQ(pool.apply(square, 2), 4);
  pool.close();
  pool.join();
}

TEST_F(PoolTest, more_tasks_than_are_handed_out_at_once) {
  Pool pool(2);
  std::vector<AsyncResult<int>> all;
  for (int i = 0; i < 5000; ++i) all.push_back(pool.apply_async(identity, i));
  for (int i = 4999; i >= 0; --i) EXPECT_EQ(all[static_cast<std::size_t>(i)].get(), i);
}

TEST_F(PoolTest, more_workers_than_processors) {
  Pool pool(32);
  EXPECT_EQ(pool.processes(), 32U);
  EXPECT_EQ(pool.pids().size(), 32U);
  const std::vector<int> all = pool.map(identity, numbers(3000), 1);
  EXPECT_EQ(all, numbers(3000));
}

TEST_F(PoolTest, by_default_as_many_workers_as_this_process_may_use_processors) {
  cpu_set_t set;
  ASSERT_EQ(sched_getaffinity(0, sizeof set, &set), 0);
  Pool pool;
  EXPECT_EQ(pool.processes(), static_cast<std::size_t>(CPU_COUNT(&set)));
  lagoon::Manager manager;
  EXPECT_EQ(manager.pool(1).apply(square, 3), 9);
}

TEST_F(PoolTest, threads_call_it_at_once) {
  Pool pool(3);
  std::vector<std::thread> threads;
  std::atomic<int> right{0};
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 50; ++i) {
        right += pool.apply(identity, t * i) == t * i ? 1 : 0;
        right += pool.map(identity, numbers(10), 3) == numbers(10) ? 1 : 0;
        int sum = 0;
        for (const int x : pool.imap_unordered(identity, numbers(10))) sum += x;
        right += sum == 45 ? 1 : 0;
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(right, 4 * 50 * 3);
}

// ---- Waiting
// -------------------------------------------------------------------------------------

TEST_F(PoolTest, get_in_time_or_TimeoutError) {
  Pool pool(1);
  const auto result = pool.apply_async(wait_for_flag, std::size_t{0});
  EXPECT_FALSE(result.ready());
  EXPECT_FALSE(result.wait(1ms));
  expect_throw<lagoon::TimeoutError>([&] { (void)result.get(1ms); }, {"get()"});
  expect_throw<lagoon::TimeoutError>([&] { (void)result.get(0ms); });
  expect_throw<UsageError>([&] { (void)result.successful(); }, {"not ready"});
  flags->raise();
  EXPECT_EQ(result.get(60s), 0);
  EXPECT_TRUE(result.successful());
}

TEST_F(PoolTest, callbacks_are_called_before_it_is_ready) {
  Pool pool(2);
  std::vector<int> got;
  std::string failed;
  const auto on_error = [&](const std::exception& e) { failed = e.what(); };
  const auto result = pool.map_async(square, numbers(4))
                          .callback([&](const std::vector<int>& all) { got = all; })
                          .error_callback(on_error);
  result.wait();
  EXPECT_EQ(got, (std::vector{0, 1, 4, 9}));
  EXPECT_EQ(failed, "");

  auto failing = pool.apply_async([](int) -> int { throw std::range_error("no"); }, 1);
  failing.callback([&](int) { got.clear(); }).error_callback(on_error);
  EXPECT_THROW((void)failing.get(), std::range_error);
  EXPECT_EQ(failed, "no");
  EXPECT_FALSE(failing.successful());
  EXPECT_EQ(got.size(), 4U);

  int late = 0;  // of what is ready: at once
  auto ready = pool.apply_async(square, 5);
  ready.wait();
  ready.callback([&](int x) { late = x; });
  EXPECT_EQ(late, 25);
  bool called = false;
  pool.apply_async([] {}).callback([&] { called = true; }).wait();
  EXPECT_TRUE(called);
}

TEST_F(PoolTest, a_callback_may_use_the_pool_and_what_it_throws_is_thrown) {
  Pool pool(2);
  int second = 0;
  pool.apply_async(square, 2).callback([&](int x) { second = pool.apply(square, x); }).wait();
  EXPECT_EQ(second, 16);
  AsyncResult<int> result = pool.apply_async(square, 3);
  result.callback([&](int) { EXPECT_EQ(result.get(), 9); });
  result.wait();
  AsyncResult<int> throwing = pool.apply_async(square, 4);
  throwing.callback([](int) { throw std::logic_error("in a callback"); });
  EXPECT_THROW(throwing.wait(), std::logic_error);
  EXPECT_EQ(throwing.get(), 16);
  auto last = pool.apply_async(square, 5);
  last.callback([&](int) {
    pool.close();
    expect_throw<UsageError>([&] { pool.join(); }, {"callbacks"});
  });
  last.wait();
  pool.join();
}

// ---- Exceptions
// ----------------------------------------------------------------------------------

struct NoSuchTown : std::runtime_error {
  using runtime_error::runtime_error;
};
struct NoSuchStreet : NoSuchTown {
  using NoSuchTown::NoSuchTown;
};
struct Numbered : std::exception {
  explicit Numbered(int n) : number(n) {}
  [[nodiscard]] const char* what() const noexcept override { return "numbered"; }
  int number;
};
struct OfLagoon : lagoon::OutOfRange {
  using OutOfRange::OutOfRange;
};
struct LowMemory : std::bad_alloc {
  [[nodiscard]] const char* what() const noexcept override { return "low"; }
};

}  // namespace

template <>
struct lagoon::Codec<Numbered> {
  static void encode(Encoder& to, const Numbered& x) { to.put(x.number); }
  static Numbered decode(Decoder& from) { return Numbered(from.take<int>()); }
};

namespace {

/// The type and text of what comes back, when f throws in a worker.
template <class F>
std::pair<std::string, std::string> thrown(Pool& pool, F f) {
  try {
    pool.apply(f);
  } catch (const std::exception& e) {
    return {typeid(e).name(), e.what()};
  }
  return {};
}
template <class E>
std::pair<std::string, std::string> as(std::string text) {
  return {typeid(E).name(), std::move(text)};
}

TEST_F(PoolTest, exceptions_come_back_as_themselves) {
  Pool pool(1);
#define COMES_BACK(E) EXPECT_EQ(thrown(pool, [] { throw E("the text"); }), as<E>("the text"))
  COMES_BACK(std::invalid_argument);
  COMES_BACK(std::domain_error);
  COMES_BACK(std::length_error);
  COMES_BACK(std::out_of_range);
  COMES_BACK(std::logic_error);
  COMES_BACK(std::range_error);
  COMES_BACK(std::overflow_error);
  COMES_BACK(std::underflow_error);
  COMES_BACK(std::runtime_error);
  COMES_BACK(lagoon::InvalidArgument);
  COMES_BACK(lagoon::TypeMismatch);
  COMES_BACK(lagoon::OutOfRange);
  COMES_BACK(lagoon::LayoutMismatch);
  COMES_BACK(lagoon::NotFound);
  COMES_BACK(lagoon::AlreadyExists);
  COMES_BACK(lagoon::Gone);
  COMES_BACK(lagoon::ReadOnly);
  COMES_BACK(lagoon::UsageError);
  COMES_BACK(lagoon::BrokenBarrier);
  COMES_BACK(lagoon::Full);
  COMES_BACK(lagoon::Empty);
  COMES_BACK(lagoon::TimeoutError);
  COMES_BACK(lagoon::WorkerDied);
  COMES_BACK(lagoon::OutOfMemory);
#undef COMES_BACK
  EXPECT_EQ(thrown(pool, [] { throw std::bad_alloc(); }), as<std::bad_alloc>("std::bad_alloc"));
  EXPECT_EQ(thrown(pool, [] { (void)std::optional<int>().value(); }),
            as<std::bad_optional_access>("bad optional access"));
  EXPECT_EQ(thrown(pool, [] { throw std::exception(); }), as<std::exception>("std::exception"));

  const lagoon::SystemError refused(ENOENT, "opening it");
  EXPECT_EQ(thrown(pool, [] { throw lagoon::SystemError(ENOENT, "opening it"); }),
            as<lagoon::SystemError>(refused.what()));
  try {
    pool.apply([] { throw std::system_error(EACCES, std::system_category(), "reading it"); });
    FAIL();
  } catch (const std::system_error& e) {
    EXPECT_EQ(e.code(), std::error_code(EACCES, std::system_category()));
    EXPECT_STREQ(e.what(), "reading it: Permission denied");
  }
  EXPECT_EQ(thrown(pool, [] { throw std::ios_base::failure("a stream"); }).first,
            typeid(std::ios_base::failure).name());
}

TEST_F(PoolTest, exceptions_of_other_types_come_as_the_nearest_that_is_known) {
  Pool before(1);
  EXPECT_EQ(thrown(before, [] { throw NoSuchTown("Atlantis"); }),
            as<std::runtime_error>("(anonymous namespace)::NoSuchTown: Atlantis"));
  EXPECT_EQ(thrown(before, [] { throw OfLagoon("7 of 3"); }),
            as<lagoon::OutOfRange>("(anonymous namespace)::OfLagoon: 7 of 3"));
  try {
    before.apply([] { throw LowMemory(); });
    FAIL();
  } catch (const std::bad_alloc& e) {
    EXPECT_STREQ(e.what(), "(anonymous namespace)::LowMemory: low");
  }

  lagoon::register_exception<NoSuchTown>();
  lagoon::register_exception<Numbered>();
  Pool pool(1);
  EXPECT_EQ(thrown(pool, [] { throw NoSuchTown("Atlantis"); }), as<NoSuchTown>("Atlantis"));
  EXPECT_EQ(thrown(pool, [] { throw NoSuchStreet("Elm"); }),
            as<NoSuchTown>("(anonymous namespace)::NoSuchStreet: Elm"));
  try {
    pool.apply([] { throw Numbered(17); });
    FAIL();
  } catch (const Numbered& e) {
    EXPECT_EQ(e.number, 17);
  }
}

TEST_F(PoolTest, what_is_no_exception_is_told) {
  Pool pool(1);
  expect_throw<lagoon::UnknownException>([&] { pool.apply([] { throw 42; }); }, {"int", "42"});
  expect_throw<lagoon::UnknownException>([&] { pool.apply([] { throw "a text"; }); },
                                         {"char const*", "\"a text\""});
  expect_throw<lagoon::UnknownException>([&] { pool.apply([] { throw std::string("b"); }); },
                                         {"string", "\"b\""});
  expect_throw<lagoon::UnknownException>([&] { pool.apply([] { throw Point{1, 2}; }); }, {"Point"});
}

TEST_F(PoolTest, map_throws_the_first_one_in_the_order_when_all_are_done) {
  Pool pool(2);
  const auto result = pool.map_async(
      [](int x) {
        if (x == 3) flags->await(0);  // thrown after the next one
        if (x == 3 || x == 5) throw std::runtime_error(std::to_string(x));
        if (x == 9) flags->raise(0);
        return x;
      },
      numbers(10), 1);
  result.wait();
  EXPECT_FALSE(result.successful());
  try {
    (void)result.get();
    FAIL();
  } catch (const std::runtime_error& e) {
    EXPECT_STREQ(e.what(), "3");
  }
}

// ---- Its beginning and its end
// -------------------------------------------------------------------

int initial = 0;

TEST_F(PoolTest, the_initializer_runs_in_each_worker_with_its_arguments) {
  int captured = 5;
  Pool pool(
      {.processes = 3},
      [&captured](int a, const std::string& b) {
        initial = captured + a + static_cast<int>(b.size());
        flags->raise();
      },
      1, "abc");
  for (const int x : pool.map([](int) { return initial; }, numbers(20), 1)) EXPECT_EQ(x, 9);
  flags->await(0, 3);
  EXPECT_EQ(initial, 0);
}

TEST_F(PoolTest, an_initializer_that_throws_breaks_the_pool) {
  Pool pool({.processes = 2}, [] { throw std::runtime_error("no database"); });
  expect_throw<lagoon::WorkerDied>(
      [&] {
        const auto result = pool.apply_async(square, 1);  // or this throws, if it is known already
        (void)result.get();
      },
      {"initializer", "no database"});
  expect_throw<lagoon::WorkerDied>([&] { (void)pool.map(square, numbers(3)); }, {"no database"});
  pool.close();
  pool.join();
}

TEST_F(PoolTest, an_initializer_that_exits_or_is_killed_breaks_the_pool) {
  Pool exits({.processes = 2}, [] { _exit(4); });
  expect_throw<lagoon::WorkerDied>([&] { (void)exits.apply(square, 1); }, {"exited with code 4"});
  Pool dies({.processes = 2}, [] { raise(SIGKILL); });
  expect_throw<lagoon::WorkerDied>([&] { (void)dies.apply(square, 1); }, {"signal 9"});
}

TEST_F(PoolTest, workers_are_replaced_after_maxtasksperchild) {
  Pool pool({.processes = 2, .maxtasksperchild = 3});
  const std::vector<pid_t> pids = pool.map([](int) { return getpid(); }, numbers(30), 1);
  for (const pid_t pid : pids) EXPECT_LE(std::ranges::count(pids, pid), 3);
  EXPECT_GE(std::set(pids.begin(), pids.end()).size(), 10U);
}

TEST_F(PoolTest, close_and_join_let_all_be_done) {
  Pool pool(2);
  std::vector<int> called;
  for (int i = 0; i < 100; ++i)
    (void)pool.apply_async(identity, i).callback([&](int x) { called.push_back(x); });
  auto stream = pool.imap(
      [](int x) {
        flags->raise();
        return x;
      },
      numbers(500));
  expect_throw<UsageError>([&] { pool.join(); }, {"Pool is still running"});
  pool.close();
  expect_throw<UsageError>([&] { (void)pool.apply(square, 1); }, {"Pool not running"});
  expect_throw<UsageError>([&] { (void)pool.imap(square, numbers(1)); }, {"Pool not running"});
  pool.join();
  EXPECT_EQ(called.size(), 100U);
  EXPECT_EQ(flags->count(), 500U) << "all of a range that was not read to its end";
  EXPECT_EQ(lagoon::active_children(), 0U);
  EXPECT_EQ(std::ranges::distance(stream), 500);
  pool.join();
}

TEST_F(PoolTest, terminate_ends_all_at_once_and_results_say_so) {
  std::optional<AsyncResult<int>> result, done;
  {
    Pool pool(1);
    done = pool.apply_async(square, 2);
    done->wait();
    result = pool.apply_async(wait_for_flag, std::size_t{0});
    flags->await(1);
    pool.terminate();
    EXPECT_EQ(lagoon::active_children(), 0U);
    EXPECT_TRUE(pool.pids().empty());
    expect_throw<UsageError>([&] { (void)result->get(); }, {"terminated"});
    expect_throw<UsageError>([&] { (void)pool.apply(square, 1); }, {"Pool not running"});
    pool.close();
    pool.join();
  }
  EXPECT_TRUE(result->ready());
  EXPECT_EQ(done->get(), 4) << "outlives its pool";
}

TEST_F(PoolTest, its_destructor_terminates_it) {
  std::optional<AsyncResult<int>> result;
  {
    Pool pool(2);
    result = pool.apply_async(wait_for_flag, std::size_t{0});
    Pool other = std::move(pool);
    other = Pool(1);
    EXPECT_EQ(lagoon::active_children(), 1U);
    expect_throw<UsageError>([&] { (void)pool.apply(square, 1); }, {"moved from"});
  }
  expect_throw<UsageError>([&] { (void)result->get(); }, {"terminated"});
}

TEST_F(PoolTest, options_that_cannot_be) {
  expect_throw<lagoon::InvalidArgument>([] { Pool pool(0); },
                                        {"Number of processes must be at least 1"});
  expect_throw<lagoon::InvalidArgument>([] { Pool pool(-1); }, {"-1"});
  expect_throw<lagoon::InvalidArgument>([] { Pool pool({.processes = 1, .maxtasksperchild = 0}); },
                                        {"maxtasksperchild must be a positive int or None"});
  expect_throw<lagoon::InvalidArgument>([] { Pool pool({.processes = 1, .attempts = 0}); },
                                        {"attempts"});
  Pool pool(1);
  expect_throw<lagoon::InvalidArgument>([&] { (void)pool.imap(square, numbers(3), 0); },
                                        {"Chunksize must be 1+, not 0"});
}

Pool* in_workers = nullptr;

TEST_F(PoolTest, a_worker_can_use_no_pool) {
  Pool pool(1);
  in_workers = &pool;
  Pool with_it(1);
  expect_throw<UsageError>([&] { with_it.apply([] { return in_workers->apply(square, 1); }); },
                           {"belongs to process " + std::to_string(getpid())});
  expect_throw<UsageError>([&] { with_it.apply([] { Pool nested(1); }); }, {"daemon"});
  Child child([&] {
    expect_throw<UsageError>([&] { pool.close(); }, {"belongs to process"});
    expect_throw<UsageError>([&] { (void)pool.apply(square, 1); }, {"belongs to process"});
    Pool inherited = std::move(pool);  // and dropped: the workers go on
  });
  EXPECT_EQ(child.exitcode(), 0);
  EXPECT_EQ(pool.apply(square, 3), 9);
}

TEST_F(PoolTest, code_that_the_workers_do_not_have_is_an_error) {
  Pool pool(1);
  static int not_code = 0;
  const auto strange = reinterpret_cast<int (*)(int)>(&not_code);
  expect_throw<UsageError>([&] { (void)pool.apply(strange, 1); }, {"loaded"});
  EXPECT_EQ(pool.apply(square, 3), 9);
}

TEST_F(PoolTest, a_library_that_was_loaded_later_has_no_tasks_for_it) {
  Pool before(1);
  void* const library = dlopen("libthread_db.so.1", RTLD_LAZY | RTLD_LOCAL);
  if (library == nullptr) GTEST_SKIP() << dlerror();
  const auto its_function = reinterpret_cast<int (*)()>(dlsym(library, "td_init"));
  ASSERT_NE(its_function, nullptr);
  expect_throw<UsageError>([&] { (void)before.apply(its_function); }, {"apply", "loaded"});
  expect_throw<UsageError>(
      [&] {
        const auto of_an_int = reinterpret_cast<int (*)(int)>(dlsym(library, "td_init"));
        (void)before.map(of_an_int, numbers(3));
      },
      {"map", "loaded"});
  Pool after(1);
  EXPECT_EQ(after.apply(its_function), 0);
}

TEST_F(PoolTest, a_child_that_a_task_forks_is_no_worker) {
  Pool pool(1);
  EXPECT_EQ(pool.apply([] {
    if (fork() == 0) return 1;
    int status = 0;
    return wait(&status) > 0 && WIFEXITED(status) ? 2 + WEXITSTATUS(status) : 9;
  }),
            2);
  EXPECT_EQ(pool.apply(square, 3), 9);
}

}  // namespace
