#include <lagoon/array.hpp>
#include <lagoon/segment.hpp>
#include <lagoon/value.hpp>

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <mutex>
#include <optional>
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
  double x = 0;
  double y = 0;
  friend bool operator==(const Point&, const Point&) = default;
};
struct WithoutZero {
  explicit WithoutZero(int a) : x(a) {}
  int x;
};
enum class Colour { red, green, blue };

}  // namespace
template <>
inline constexpr std::string_view lagoon::type_name<Point> = "Point";
namespace {

using lagoon::Acquired;
using lagoon::Array;
using lagoon::Lock;
using lagoon::RLock;
using lagoon::Segment;
using lagoon::UsageError;
using lagoon::Value;
using lagoon::test::Child;
using lagoon::test::expect_throw;
using lagoon::test::Rendezvous;
using lagoon::test::SharedFlags;
using lagoon::test::ShmName;
using lagoon::test::with_asan;
using lagoon::test::with_tsan;
using namespace std::chrono_literals;
namespace mode = lagoon::mode;

constexpr bool sanitized = with_asan || with_tsan;

// What converts and what does not; tests/compile_fail has what the compiler says.
static_assert(std::is_same_v<decltype(Value(0)), Value<int>>);
static_assert(std::is_same_v<Value<int>, Value<int, mode::atomic>>);
static_assert(std::is_same_v<Value<Point>, Value<Point, mode::seqlocked>>);
static_assert(std::is_same_v<mode::locked, mode::locked_by<RLock>>);
static_assert(std::is_constructible_v<Value<int>, long> &&
              std::is_constructible_v<Value<int>, char>);
static_assert(!std::is_constructible_v<Value<int>, double> &&
              !std::is_assignable_v<Value<int>&, float>);
static_assert(!std::is_constructible_v<Value<int>, const char*>);
static_assert(!std::is_constructible_v<Value<int>, std::nullptr_t>);
static_assert(std::is_constructible_v<Value<double>, int> &&
              std::is_assignable_v<Value<float>&, double>);
static_assert(std::is_assignable_v<Value<char>&, char> && !std::is_assignable_v<Value<char>&, int>);
static_assert(std::is_assignable_v<Value<wchar_t>&, wchar_t>);
static_assert(!std::is_assignable_v<Value<wchar_t>&, int>);
static_assert(std::is_assignable_v<Value<bool>&, bool> && !std::is_assignable_v<Value<bool>&, int>);
static_assert(!std::is_assignable_v<Value<int>&, bool>);
static_assert(!std::is_assignable_v<Value<int, mode::locked>&, double>);
static_assert(!std::is_constructible_v<Value<int, mode::locked>, double>);
static_assert(!std::is_assignable_v<Value<int, mode::raw>&, double>);
static_assert(!std::is_constructible_v<Value<int, mode::raw>, double>);
static_assert(!std::is_assignable_v<Value<int, mode::seqlocked>&, double>);
static_assert(!std::is_constructible_v<Value<int, mode::seqlocked>, double>);
static_assert(!std::is_constructible_v<Value<int>, lagoon::Place, double>);
static_assert(std::is_constructible_v<Value<int>, lagoon::Place, long>);
static_assert(!std::is_constructible_v<Value<int, mode::locked>, lagoon::Place, double>);
template <class V, class U>
concept Exchanges = requires(V& v, U x) {
  v.exchange(x);
};
template <class V, class U>
concept AddsTo = requires(V& v) {
  v += std::declval<U>();
};
template <class V, class U>
concept FetchAdds = requires(V& v, U x) {
  v.fetch_add(x);
};
static_assert(Exchanges<Value<int>, int> && !Exchanges<Value<int>, double>);
static_assert(AddsTo<Value<int>, int> && AddsTo<Value<int>, long> && AddsTo<Value<double>, int>);
static_assert(!AddsTo<Value<int>, double>, "v.value += 1.5 is a TypeError in Python too");
static_assert(FetchAdds<Value<int>, int> && !FetchAdds<Value<int>, double>);
static_assert(!AddsTo<Value<bool>, bool> && !AddsTo<Value<Colour>, Colour>);
template <class V>
concept Increments = requires(V& v) {
  ++v;
};
static_assert(Increments<Value<int>> && Increments<Value<double>> && !Increments<Value<Colour>>);
static_assert(!Increments<Value<bool>>);
template <class V>
concept HasLock = requires(V& v) {
  v.get_lock();
};
template <class V>
concept HasObject = requires(V& v) {
  v.get_obj();
};
static_assert(HasLock<Value<int, mode::locked>> && HasObject<Value<int, mode::locked>>);
static_assert(!HasLock<Value<int>> && !HasObject<Value<int>>, "lock=False has neither");
static_assert(!HasLock<Value<int, mode::raw>>);
template <class V>
concept Sets = requires(V& v) {
  v.set(1);
};
static_assert(Sets<Value<int>> && !Sets<Value<const int>>, "what is read-only has no way to write");
static_assert(!Sets<Value<const int, mode::raw>> && !std::is_assignable_v<Value<const int>&, int>);
static_assert(!std::is_constructible_v<Value<const int>, int>);
template <class V>
concept HasVersion = requires(const V& v) {
  v.version();
};
static_assert(HasVersion<Value<Point>> && HasVersion<Value<const Point>> &&
              !HasVersion<Value<int>>);
template <class V>
concept Updates = requires(V& v) {
  v.update([](auto x) { return x; });
};
static_assert(Updates<Value<int>> && Updates<Value<Point>> && !Updates<Value<int, mode::raw>>);
static_assert(!Updates<Value<const int>> && !Exchanges<Value<const int>, int>);
template <class V>
concept TakesAnOrder = requires(V& v) {
  v.get(std::memory_order_relaxed);
  v.set(v.get(), std::memory_order_relaxed);
};
static_assert(TakesAnOrder<Value<int>> && !TakesAnOrder<Value<Point>>);
static_assert(!TakesAnOrder<Value<int, mode::raw>>);

// What a Value or an element holds goes in by the rules for what it holds.
template <class T, class M = mode::seqlocked>
using ElementOf = decltype(std::declval<Array<T, M>&>()[0]);
static_assert(std::is_assignable_v<Value<double>&, ElementOf<int>> &&
              !std::is_assignable_v<Value<int>&, ElementOf<double>>);
static_assert(std::is_constructible_v<Value<int>, ElementOf<short, mode::atomic>> &&
              !std::is_constructible_v<Value<int>, ElementOf<float, mode::atomic>>);
static_assert(AddsTo<Value<int>, ElementOf<long>> && !AddsTo<Value<int>, ElementOf<float>>);
static_assert(std::is_assignable_v<Value<double>&, Value<int>&> &&
              !std::is_assignable_v<Value<int>&, Value<double>&>);
static_assert(!std::is_assignable_v<Value<int>&, Value<int>&>, "a move and a copy look too alike");
static_assert(!std::is_assignable_v<Value<char>&, ElementOf<int>> &&
              !std::is_assignable_v<Value<bool>&, ElementOf<int>>);
static_assert(std::is_assignable_v<Value<Colour>&, ElementOf<Colour>> &&
              !std::is_assignable_v<Value<int>&, ElementOf<Colour>>);
static_assert(std::is_assignable_v<Value<Point>&, ElementOf<Point>> &&
              !std::is_assignable_v<Value<Point>&, ElementOf<int>>);
static_assert(!noexcept(std::declval<Value<int>&>() = std::declval<ElementOf<int>>()),
              "reading the element may throw Gone");
static_assert(noexcept(std::declval<Value<int>&>() = 1));

// ---- A scalar ---------------------------------------------------------------------------------

TEST(Value, is_made_set_and_read) {
  Value<int> value{7};
  EXPECT_EQ(value.get(), 7);
  value.set(8);
  EXPECT_EQ(value.get(), 8);
  EXPECT_EQ(value = 9, 9);
  const int x = value;
  EXPECT_EQ(x, 9);
  EXPECT_FALSE(value.gone());
  const Value deduced(2.5);
  EXPECT_EQ(deduced.get(), 2.5);
  const Value<int> zero;
  EXPECT_EQ(zero.get(), 0);
}

TEST(Value, is_shared_with_every_child_started_later) {
  Value<int> value{0};
  std::vector<Child> children;
  for (int i = 0; i < 10; ++i) children.emplace_back([&, i] { value += i; });
  for (Child& child : children) EXPECT_EQ(child.exitcode(), 0);
  EXPECT_EQ(value.get(), 45);
}

TEST(Value, integers_wrap_on_the_way_in) {
  EXPECT_EQ((Value<signed char>{300}.get()), 44);
  EXPECT_EQ((Value<unsigned char>{-1}.get()), 255);
  EXPECT_EQ((Value<short>{65536 + 5}.get()), 5);
  EXPECT_EQ((Value<unsigned>{-1}.get()), 4294967295U);
  EXPECT_EQ((Value<int>{std::int64_t{1} << 40}.get()), 0);
  EXPECT_EQ((Value<std::uint64_t>{-1}.get()), std::numeric_limits<std::uint64_t>::max());
  Value<signed char> value;
  value = 300;
  EXPECT_EQ(value.get(), 44);
  value.set(-129);
  EXPECT_EQ(value.get(), 127);
  EXPECT_EQ(value = 256, 0) << "what it is now";
  Value<signed char, mode::locked> locked{300};
  EXPECT_EQ(locked.get(), 44);
  locked = 301;
  EXPECT_EQ(locked.get(), 45);
}

TEST(Value, integers_wrap_when_they_are_added_to) {
  Value<int> value{std::numeric_limits<int>::max()};
  EXPECT_EQ(value += 1, std::numeric_limits<int>::min());
  EXPECT_EQ(--value, std::numeric_limits<int>::max());
  EXPECT_EQ(++value, std::numeric_limits<int>::min());
  EXPECT_EQ(value -= 1, std::numeric_limits<int>::max());
  EXPECT_EQ(value++, std::numeric_limits<int>::max());
  EXPECT_EQ(value--, std::numeric_limits<int>::min());
  Value<std::int64_t> wide{std::numeric_limits<std::int64_t>::min()};
  EXPECT_EQ(wide -= 1, std::numeric_limits<std::int64_t>::max());
  Value<unsigned char> small{255};
  EXPECT_EQ(++small, 0);
  EXPECT_EQ(--small, 255);
}

TEST(Value, a_float_too_large_for_f_is_infinite) {
  EXPECT_EQ((Value<float>{1e39}.get()), std::numeric_limits<float>::infinity());
  Value<float> value;
  value = -1e39;
  EXPECT_EQ(value.get(), -std::numeric_limits<float>::infinity());
  EXPECT_EQ((Value<float>{0.1}.get()), 0.1F);
  EXPECT_EQ((Value<double>{3}.get()), 3.0);
}

TEST(Value, has_the_operations_of_an_atomic) {
  Value<int> value{5};
  EXPECT_EQ(value.exchange(6), 5);
  int expected = 1;
  EXPECT_FALSE(value.compare_exchange(expected, 2));
  EXPECT_EQ(expected, 6);
  EXPECT_TRUE(value.compare_exchange(expected, 7));
  EXPECT_EQ(value.fetch_add(3), 7);
  EXPECT_EQ(value.fetch_sub(2), 10);
  EXPECT_EQ(value.fetch_and(12), 8);
  EXPECT_EQ(value.fetch_or(3), 8);
  EXPECT_EQ(value.fetch_xor(1), 11);
  EXPECT_EQ(value.get(), 10);
  EXPECT_EQ(value += 5, 15);
  EXPECT_EQ(value -= 1, 14);
  EXPECT_EQ(value &= 6, 6);
  EXPECT_EQ(value |= 8, 14);
  EXPECT_EQ(value ^= 2, 12);
  EXPECT_EQ(++value, 13);
  EXPECT_EQ(value++, 13);
  EXPECT_EQ(--value, 13);
  EXPECT_EQ(value--, 13);
  EXPECT_EQ(value.update([](int x) { return x * 10; }), 120);
  EXPECT_EQ(value.get(), 120);
}

TEST(Value, takes_a_memory_order_last) {
  Value<int> value{1};
  value.set(2, std::memory_order_release);
  EXPECT_EQ(value.get(std::memory_order_acquire), 2);
  EXPECT_EQ(value.exchange(3, std::memory_order_acq_rel), 2);
  EXPECT_EQ(value.fetch_add(1, std::memory_order_relaxed), 3);
  EXPECT_EQ(value.fetch_sub(1, std::memory_order_release), 4);
  EXPECT_EQ(value.fetch_and(3, std::memory_order_acquire), 3);
  EXPECT_EQ(value.fetch_or(4, std::memory_order_relaxed), 3);
  EXPECT_EQ(value.fetch_xor(7, std::memory_order_relaxed), 7);
  int expected = 0;
  EXPECT_TRUE(value.compare_exchange(expected, 5, std::memory_order_release));
  EXPECT_EQ(value.update([](int x) { return x + 1; }, std::memory_order_relaxed), 6);
}

TEST(Value, release_and_acquire_carry_what_was_written_before) {
  // Another's plain memory is seen once the flag is.
  constexpr int rounds = sanitized ? 1000 : 20'000;
  Value<int> flag{0};
  Value<int, mode::raw> plain{0};
  Value<int> seen{0};
  Child child([&] {
    for (int i = 1; i <= rounds; ++i) {
      while (flag.get(std::memory_order_acquire) != i) sched_yield();
      ASSERT_EQ(plain.get_obj(), i);
      seen.set(i, std::memory_order_release);
    }
  });
  for (int i = 1; i <= rounds; ++i) {
    plain.get_obj() = i;
    flag.set(i, std::memory_order_release);
    while (seen.get(std::memory_order_acquire) != i) {
      sched_yield();
      siginfo_t ended{};
      waitid(P_PID, static_cast<id_t>(child.pid()), &ended, WEXITED | WNOHANG | WNOWAIT);
      if (ended.si_pid != 0 && seen.get() != i) FAIL() << "it has seen less";
    }
  }
  EXPECT_EQ(child.exitcode(), 0);
}

TEST(Value, of_bool_char_wide_char_and_enum) {
  Value<bool> flag{true};
  EXPECT_TRUE(flag.exchange(false));
  flag = true;
  EXPECT_TRUE(flag);
  Value<char> c{'a'};
  c = 'b';
  EXPECT_EQ(c.get(), 'b');
  Value<wchar_t> w{L'ß'};
  EXPECT_EQ(w.get(), L'ß');
  Value<Colour> colour{Colour::green};
  EXPECT_EQ(colour.exchange(Colour::blue), Colour::green);
  Colour expected = Colour::blue;
  EXPECT_TRUE(colour.compare_exchange(expected, Colour::red));
  EXPECT_EQ(colour.get(), Colour::red);
}

TEST(Value, plus_equals_loses_no_update_of_sixteen_processes) {
  // Python's keeps 15 % of these.
  constexpr int processes = 16;
  constexpr int rounds = sanitized ? 1000 : 50'000;
  Value<int> a{0};
  Value<double> d{0};
  Value<int> updated{0};
  Rendezvous start(processes);
  std::vector<Child> children;
  for (int i = 0; i < processes; ++i)
    children.emplace_back([&] {
      start.meet();
      for (int k = 0; k < rounds; ++k) {
        a += 1;
        ++d;
        updated.update([](int x) { return x + 1; });
      }
    });
  for (Child& child : children) EXPECT_EQ(child.exitcode(), 0);
  EXPECT_EQ(a.get(), processes * rounds);
  EXPECT_EQ(d.get(), processes * rounds);
  EXPECT_EQ(updated.get(), processes * rounds);
}

TEST(Value, waits_for_a_change_and_is_notified) {
  Value<int> value{0};
  EXPECT_FALSE(value.wait_for(0, 5ms));
  EXPECT_FALSE(value.wait_for(0, 0ms));
  EXPECT_FALSE(value.wait_for(0, -1h));
  EXPECT_TRUE(value.wait_for(1, -1h)) << "it is another already";
  EXPECT_FALSE(value.wait_until(0, std::chrono::steady_clock::now() + 5ms));
  std::vector<Child> waiters;
  waiters.emplace_back([&] { value.wait(0); });
  waiters.emplace_back([&] { EXPECT_TRUE(value.wait_for(0, std::chrono::hours::max())); });
  waiters.emplace_back(
      [&] { EXPECT_TRUE(value.wait_until(0, std::chrono::steady_clock::time_point::max())); });
  value = 1;
  value.notify_all();
  for (Child& waiter : waiters) EXPECT_EQ(waiter.exitcode(), 0);
  value.notify_one();
}

TEST(Value, update_may_change_its_argument) {
  Value<int> value{5};
  EXPECT_EQ(value.update([](int& x) { x *= 2; }), 10);
  EXPECT_EQ(value.get(), 10);
}

// ---- What others hold -------------------------------------------------------------------------

template <class Mode>
class HeldByOthers : public testing::Test {};
using Modes = testing::Types<mode::atomic, mode::seqlocked, mode::locked,
                             mode::locked_by<lagoon::Lock>, mode::raw>;
TYPED_TEST_SUITE(HeldByOthers, Modes);

template <class V, class A>
void expect_scalars_to_pass(A& array) {
  V value{array[2]};
  EXPECT_EQ(value.get(), 30);
  EXPECT_EQ(value = array[0], 10);
  EXPECT_EQ(value.get(), 10);
  value.set(array[1]);
  EXPECT_EQ(value.get(), 20);
  array[0] = value;
  EXPECT_EQ(array.get(0), 20);
  array[1] += value;
  EXPECT_EQ(array.get(1), 40);
  array.set(2, value);
  EXPECT_EQ(array.get(2), 20);
  value = array[1];
  EXPECT_EQ(value.get(), 40);
}
TYPED_TEST(HeldByOthers, scalars_go_in_as_themselves) {
  Array<int, TypeParam> ints(std::vector{10, 20, 30});
  expect_scalars_to_pass<Value<int>>(ints);
  ints.assign(std::vector{10, 20, 30});
  expect_scalars_to_pass<Value<int, mode::seqlocked>>(ints);
  ints.assign(std::vector{10, 20, 30});
  expect_scalars_to_pass<Value<int, mode::locked>>(ints);
  ints.assign(std::vector{10, 20, 30});
  expect_scalars_to_pass<Value<int, mode::raw>>(ints);
  Array<double, TypeParam> doubles(std::vector{10, 20, 30});
  expect_scalars_to_pass<Value<double>>(doubles);
}

TYPED_TEST(HeldByOthers, integers_wrap_and_floats_take_any_number) {
  Array<int, TypeParam> ints(std::vector{300, -129});
  Value<signed char> small{ints[0]};
  EXPECT_EQ(small.get(), 44);
  EXPECT_EQ(small = ints[1], 127);
  EXPECT_EQ(small += ints[0], static_cast<signed char>(127 + 44));
  Value<double> number;
  number = ints[1];
  number += ints[0];
  EXPECT_EQ(number.get(), 171.0);
  number -= small;
  EXPECT_EQ(number.get(), 171.0 - small.get());
  EXPECT_EQ(small.exchange(ints[0]), static_cast<signed char>(127 + 44));
  EXPECT_EQ(small.fetch_add(ints[1]), 44);
}

TYPED_TEST(HeldByOthers, structs_go_in_whole) {
  if constexpr (!std::is_same_v<TypeParam, mode::atomic>) {
    Array<Point, TypeParam> points(std::vector<Point>{{1, 2}, {3, 4}});
    Value<Point> value{points[1]};
    EXPECT_EQ(value.get(), (Point{3, 4}));
    value = points[0];
    EXPECT_EQ(value.get(), (Point{1, 2}));
    value = Point{5, 6};
    points[0] = value;
    points.set(1, value);
    EXPECT_EQ(points.slice(), (std::vector<Point>{{5, 6}, {5, 6}}));
    Value<Point, mode::raw> other{value};
    EXPECT_EQ(other.get(), (Point{5, 6}));
    points.set(0, {7, 8});
    other = points[0];
    EXPECT_EQ(other.get(), (Point{7, 8}));
  }
}

TEST(Value, of_what_is_in_an_element_is_deduced) {
  Array<short> shorts(std::vector{1, 2});
  const Value value(shorts[1]);
  static_assert(std::is_same_v<decltype(value), const Value<short>>);
  EXPECT_EQ(value.get(), 2);
}

TEST(Value, an_element_of_an_erased_array_throws_and_changes_nothing) {
  const ShmName name;
  const Segment segment = Segment::create(name);
  Array<int> array(segment["array"], std::vector{1, 2});
  Value<int> value{7};
  segment.erase("array");
  expect_throw<lagoon::Gone>([&] { value = array[0]; }, {"array"});
  expect_throw<lagoon::Gone>([&] { value += array[1]; }, {"array"});
  EXPECT_EQ(value.get(), 7);
}

// ---- Through a read-only segment --------------------------------------------------------------

TEST(ReadOnlyValue, is_read_in_each_mode_without_a_lock_until_it_is_erased) {
  const ShmName name;
  const Segment segment = Segment::create(name);
  Value<int> scalar{segment["scalar"], 1};
  Value<Point> point{segment["point"], {1, 2}};
  Value<int, mode::raw> raw{segment["raw"], 3};
  Value<Point, mode::raw> raw_point{segment["raw_point"], {3, 4}};
  const Segment reader = Segment::open_read_only(name);
  const auto scalar_seen = reader.find<Value<const int>>("scalar");
  const auto point_seen = reader.find<Value<const Point>>("point");
  const auto raw_seen = reader.find<Value<const int, mode::raw>>("raw");
  const auto raw_point_seen = reader.find<Value<const Point, mode::raw>>("raw_point");
  raw = 5;
  raw_point.get_obj().y = 6;
  point = Point{5, 5};
  EXPECT_EQ(scalar_seen->get(), 1);
  EXPECT_EQ(scalar_seen->get(std::memory_order_relaxed), 1);
  EXPECT_EQ(point_seen->get(), (Point{5, 5}));
  EXPECT_EQ(raw_seen->get(), 5);
  EXPECT_EQ(int(*raw_seen), 5);
  EXPECT_EQ(raw_seen->get_obj(), 5);
  static_assert(std::is_same_v<decltype(raw_seen->get_obj()), const int&>);
  EXPECT_EQ(raw_point_seen->get(), (Point{3, 6}));
  std::uint64_t version = 0;
  Point out;
  EXPECT_TRUE(point_seen->read_if_newer(version, out));
  EXPECT_EQ(version, point_seen->version());
  EXPECT_FALSE(point_seen->read_if_newer(version, out));
  expect_throw<lagoon::TypeMismatch>([&] { (void)reader.find<Value<const int>>("raw"); },
                                     {"Value<int32, raw>", "Value<int32, atomic>"});
  for (const char* it : {"scalar", "point", "raw", "raw_point"}) segment.erase(it);
  expect_throw<lagoon::Gone>([&] { (void)scalar_seen->get(); }, {"scalar"});
  EXPECT_THROW((void)point_seen->get(), lagoon::Gone);
  EXPECT_THROW((void)point_seen->read_if_newer(version, out), lagoon::Gone);
  expect_throw<lagoon::Gone>([&] { (void)raw_seen->get(); }, {"raw"});
  expect_throw<lagoon::Gone>([&] { (void)raw_point_seen->get(); }, {"raw_point"});
}

// ---- A struct ---------------------------------------------------------------------------------

TEST(StructValue, is_made_set_read_and_updated_whole) {
  Value<Point> value{{1, 2}};
  EXPECT_EQ(value.get(), (Point{1, 2}));
  value = Point{3, 4};
  EXPECT_EQ(Point(value), (Point{3, 4}));
  value.set({5, 6});
  EXPECT_EQ(value.exchange({7, 8}), (Point{5, 6}));
  Point expected{1, 1};
  EXPECT_FALSE(value.compare_exchange(expected, {}));
  EXPECT_EQ(expected, (Point{7, 8}));
  EXPECT_TRUE(value.compare_exchange(expected, {9, 9}));
  EXPECT_EQ(value.update([](Point& p) { p.x = 10; }), (Point{10, 9}));
  EXPECT_EQ(value.update([](const Point& p) { return Point{p.y, p.x}; }), (Point{9, 10}));
  EXPECT_EQ((Value<Point>{}.get()), Point{});
  const Value<WithoutZero> other{WithoutZero(3)};
  EXPECT_EQ(other.get().x, 3);
}

TEST(StructValue, has_a_version_and_is_read_if_newer) {
  Value<Point> value;
  std::uint64_t version = 0;
  Point out;
  EXPECT_TRUE(value.read_if_newer(version, out)) << "since zero there is the first one";
  EXPECT_EQ(version, 1U);
  EXPECT_EQ(version, value.version());
  EXPECT_FALSE(value.read_if_newer(version, out));
  value = Point{1, 2};
  EXPECT_EQ(value.version(), version + 1);
  EXPECT_TRUE(value.read_if_newer(version, out));
  EXPECT_EQ(out, (Point{1, 2}));
  EXPECT_FALSE(value.read_if_newer(version, out));
}

TEST(StructValue, an_update_that_throws_publishes_nothing) {
  Value<Point> value{{1, 2}};
  EXPECT_THROW(value.update([](Point& p) {
    p.x = 5;
    throw std::runtime_error("no");
  }),
               std::runtime_error);
  EXPECT_EQ(value.get(), (Point{1, 2}));
  value = Point{3, 4};
  EXPECT_EQ(value.get(), (Point{3, 4}));
}

TEST(StructValue, a_nested_write_is_UsageError) {
  Value<Point> value;
  value.update([&](Point& p) {
    p.x = 1;
    expect_throw<UsageError>([&] { value = Point{}; }, {"written by this thread", "nest"});
  });
  EXPECT_EQ(value.get(), (Point{1, 0}));
}

TEST(StructValue, loses_no_update_of_sixteen_processes) {
  constexpr int processes = 16;
  constexpr int rounds = sanitized ? 200 : 5000;
  Value<Point> value;
  std::vector<Child> children;
  for (int i = 0; i < processes; ++i)
    children.emplace_back([&] {
      for (int k = 0; k < rounds; ++k) value.update([](Point& p) { p = {p.x + 1, p.y - 1}; });
    });
  for (int i = 0; i < rounds; ++i) {
    const Point p = value;
    ASSERT_EQ(p.x, -p.y);
  }
  for (Child& child : children) EXPECT_EQ(child.exitcode(), 0);
  EXPECT_EQ(value.get(), (Point{processes * rounds, -processes * rounds}));
}

TEST(StructValue, a_scalar_may_be_kept_in_copies_too) {
  Value<int, mode::seqlocked> value{7};
  EXPECT_EQ(value.version(), 1U);
  value = 8;
  EXPECT_EQ(value.get(), 8);
  EXPECT_EQ(value.version(), 2U);
}

// ---- mode::raw --------------------------------------------------------------------------------

TEST(RawValue, is_plain_memory) {
  Value<int, mode::raw> value{7};
  EXPECT_EQ(value.get(), 7);
  value = 8;
  EXPECT_EQ(value.get_obj(), 8);
  value.get_obj() += 1;
  EXPECT_EQ(int(value), 9);
  value.set(10);
  EXPECT_EQ(value.get(), 10);
  Child child([&] { value.get_obj() = 11; });
  EXPECT_EQ(child.exitcode(), 0);
  EXPECT_EQ(value.get(), 11);
  Value<Point, mode::raw> point{{1, 2}};
  point.get_obj().y = 3;
  EXPECT_EQ(point.get(), (Point{1, 3}));
  EXPECT_EQ((Value<Point, mode::raw>{}.get()), Point{});
  EXPECT_EQ((Value<int, mode::raw>{}.get()), 0);
}

// ---- mode::locked -----------------------------------------------------------------------------

TEST(LockedValue, takes_its_lock_for_each_get_and_set) {
  Value<int, mode::locked> value{7};
  EXPECT_EQ(value.get(), 7);
  value.set(8);
  value = 9;
  EXPECT_EQ(int(value), 9);
  EXPECT_EQ(value.update([](int x) { return x + 1; }), 10);
  EXPECT_EQ(value.update([](int& x) { x *= 2; }), 20);
  EXPECT_EQ((Value<int, mode::locked>{}.get()), 0);
  SharedFlags flags;
  Child holder([&] {
    EXPECT_TRUE(value.acquire());
    flags.raise(0);
    flags.await(1);
    value.get_obj() = 30;
    value.release();
  });
  flags.await(0);
  EXPECT_FALSE(value.acquire(false));
  EXPECT_FALSE(value.acquire(true, 5ms));
  EXPECT_FALSE(value.try_lock());
  EXPECT_FALSE(value.try_lock_for(1ms));
  EXPECT_FALSE(value.try_lock_until(std::chrono::steady_clock::now() + 1ms));
  flags.raise(1);
  EXPECT_EQ(value.get(), 30) << "waits for the holder";
  EXPECT_EQ(holder.exitcode(), 0);
  EXPECT_TRUE(value.try_lock_for(1h));
  value.unlock();
}

TEST(LockedValue, lock_none_is_an_rlock_so_that_its_user_may_hold_it) {
  Value<int, mode::locked> value{1};
  static_assert(std::same_as<decltype(value.get_lock()), RLock&>);
  EXPECT_TRUE(value.acquire());
  value.set(value.get() + 1);
  {
    const std::scoped_lock guard(value.get_lock());
    value.get_obj() += 1;
  }
  const std::scoped_lock itself(value);
  value.release();
  EXPECT_EQ(value.get(), 3);
  EXPECT_TRUE(value.get_lock().locked());
}

TEST(LockedValue, the_lock_may_be_one_that_is_given) {
  RLock lock;
  Value<int, mode::locked> a{1, lock};
  Value<double, mode::locked> b{2, lock};
  EXPECT_EQ(&a.get_lock(), &lock);
  EXPECT_EQ(&b.get_lock(), &lock);
  EXPECT_TRUE(a.acquire());
  std::thread([&] {
    EXPECT_FALSE(b.acquire(false));
    EXPECT_FALSE(lock.acquire(false));
  }).join();
  b.release();
  EXPECT_FALSE(lock.locked());
}

TEST(LockedValue, with_a_lock_that_is_not_recursive_the_object_is_not) {
  Lock lock;
  Value<int, mode::locked_by<Lock>> value{1, lock};
  EXPECT_TRUE(value.acquire());
  EXPECT_FALSE(value.acquire(false));
  EXPECT_FALSE(lock.acquire(true, 1ms));
  value.release();
  EXPECT_EQ(value.get(), 1);
  const Value<int, mode::locked_by<Lock>> own{2};
  EXPECT_EQ(own.get(), 2);
  EXPECT_TRUE(own.get_lock().acquire());
  EXPECT_FALSE(own.get_lock().acquire(false));
  own.get_lock().release();
}

TEST(LockedValue, get_obj_under_get_lock_loses_nothing_to_sixteen_processes) {
  constexpr int processes = 16;
  constexpr int rounds = sanitized ? 200 : 5000;
  Value<int, mode::locked> value{0};
  Rendezvous start(processes);
  std::vector<Child> children;
  for (int i = 0; i < processes; ++i)
    children.emplace_back([&] {
      start.meet();
      for (int k = 0; k < rounds; ++k) {
        const std::scoped_lock guard(value.get_lock());
        value.get_obj() += 1;
      }
    });
  for (Child& child : children) EXPECT_EQ(child.exitcode(), 0);
  EXPECT_EQ(value.get(), processes * rounds);
}

TEST(LockedValue, of_a_struct) {
  Value<Point, mode::locked> value{Point{1, 2}};
  value.update([](Point& p) { p.x = 5; });
  EXPECT_EQ(value.get(), (Point{5, 2}));
  {
    const std::scoped_lock guard(value);
    value.get_obj().y = 6;
  }
  EXPECT_EQ(value.get(), (Point{5, 6}));
}

TEST(LockedValue, a_throw_in_update_gives_the_lock_back) {
  Value<int, mode::locked> value{1};
  EXPECT_THROW(value.update([](int& x) {
    x = 2;
    throw std::runtime_error("no");
  }),
               std::runtime_error);
  EXPECT_FALSE(value.get_lock().locked());
  EXPECT_EQ(value.get(), 2) << "changed as it went";
}

TEST(LockedValue, release_by_who_has_it_not_is_UsageError_that_names_what_it_can) {
  Value<int, mode::locked> value{1};
  expect_throw<UsageError>([&] { value.release(); }, {"lock", "to be released", "not held"});
}

TEST(LockedValue, named_is_found_with_its_lock) {
  const ShmName name;
  const Segment segment = Segment::create(name);
  Value<int, mode::locked> value{segment["x"], 7};
  EXPECT_TRUE(value.acquire());
  Child child([&] {
    auto same = Segment::open(name).find<Value<int, mode::locked>>("x");
    EXPECT_FALSE(same->acquire(false));
    EXPECT_EQ(same->get_obj(), 7);
  });
  EXPECT_EQ(child.exitcode(), 0);
  value.release();
}

TEST(LockedValue, after_its_holder_died_the_next_is_told) {
  Value<int, mode::locked> value{1};
  Child child([&] {
    (void)value.acquire();
    value.get_obj() = 2;
    raise(SIGKILL);
  });
  lagoon::test::wait_until_dead_unreaped(child.pid());
  const Acquired got = value.acquire();
  EXPECT_TRUE(got.owner_died());
  EXPECT_EQ(value.get_obj(), 2) << "as it was then";
  value.get_lock().mark_consistent();
  value.release();
  EXPECT_FALSE(value.acquire().owner_died());
  value.release();
}

// ---- Where it lies ----------------------------------------------------------------------------

TEST(Value, different_values_lie_on_different_lines) {
  const Value<int, mode::raw> a{0};
  const Value<int, mode::raw> b{0};
  const auto line = [](const void* p) { return reinterpret_cast<std::uintptr_t>(p) / 64; };
  EXPECT_NE(line(&a.get_obj()), line(&b.get_obj()));
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(&a.get_obj()) % 64, 0U);
  const Value<int, mode::locked> locked{0};
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(&locked.get_obj()) % 64, 0U)
      << "the value is not on its lock's line";
}

}  // namespace
