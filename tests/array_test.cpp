#include <lagoon/array.hpp>
#include <lagoon/segment.hpp>

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <forward_list>
#include <limits>
#include <list>
#include <memory>
#include <mutex>
#include <numeric>
#include <optional>
#include <span>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "child.hpp"
#include "expect_throw.hpp"
#include "failing_range.hpp"
#include "rendezvous.hpp"
#include "sanitizers.hpp"
#include "shm_name.hpp"

namespace {

struct Level {
  double price = 0;
  int amount = 0;
  friend bool operator==(const Level&, const Level&) = default;
};
struct Odd {
  char bytes[7];
  friend bool operator==(const Odd&, const Odd&) = default;
};

}  // namespace
template <>
inline constexpr std::string_view lagoon::type_name<Level> = "Level";
namespace {

using lagoon::Acquired;
using lagoon::Array;
using lagoon::InvalidArgument;
using lagoon::Lock;
using lagoon::OutOfMemory;
using lagoon::OutOfRange;
using lagoon::RLock;
using lagoon::Segment;
using lagoon::UsageError;
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
constexpr auto none = std::nullopt;

// ---- What there is and what there is not ------------------------------------------------------

static_assert(std::is_same_v<Array<int>, Array<int, mode::seqlocked>>);
template <class A>
concept Iterates = requires(A& a) {
  a.begin();
};
template <class A>
concept HasObject = requires(A& a) {
  a.get_obj();
};
template <class A>
concept HasValue = requires(A& a) {
  a.value();
};
template <class A>
concept Snapshots = requires(A& a) {
  a.snapshot();
};
template <class A>
concept HasVersion = requires(A& a) {
  a.version();
};
template <class A>
concept Writes = requires(A& a) {
  a.write([](std::span<int>) {});
};
template <class A>
concept Assigns = requires(A& a) {
  a.assign(std::vector<int>());
};
static_assert(!Iterates<Array<int>>, "not iterated while it changes");
static_assert(Snapshots<Array<int>> && Snapshots<Array<int, mode::locked>>);
static_assert(!Snapshots<Array<int, mode::atomic>> && !Snapshots<Array<int, mode::raw>>);
static_assert(HasVersion<Array<int>> && !HasVersion<Array<int, mode::locked>>);
static_assert(Writes<Array<int>> && Writes<Array<int, mode::locked>>);
static_assert(!Writes<Array<int, mode::atomic>> && !Writes<Array<const int>>);
static_assert(HasObject<Array<int, mode::locked>> && HasObject<Array<int, mode::raw>>);
static_assert(!HasObject<Array<int>> && !HasObject<Array<int, mode::atomic>>);
static_assert(Assigns<Array<int>> && !Assigns<Array<const int>>);
static_assert(!std::is_constructible_v<Array<int>, std::vector<double>>, "a float for an int");
static_assert(!std::is_constructible_v<Array<int>, double> &&
              !std::is_constructible_v<Array<int>, bool>);
static_assert(std::is_constructible_v<Array<double>, std::vector<int>>);
static_assert(!std::is_constructible_v<Array<int>, const char*>);
static_assert(!std::is_constructible_v<Array<char>, std::vector<int>>, "a char is no number");
template <class A, class X>
concept ElementTakes = requires(A& a, X x) {
  a[0] = x;
};
template <class A, class X>
concept ElementAdds = requires(A& a, X x) {
  a[0] += x;
};
template <class A, class X>
concept ElementMultiplies = requires(A& a, X x) {
  a[0] *= x;
};
static_assert(ElementTakes<Array<int>, long> && !ElementTakes<Array<int>, double>);
static_assert(ElementAdds<Array<int>, long> && !ElementAdds<Array<int>, double>);
static_assert(!ElementMultiplies<Array<int>, double> && ElementMultiplies<Array<double>, int>);
static_assert(!ElementTakes<Array<char>, int> && ElementTakes<Array<char>, char>);
static_assert(!ElementTakes<Array<int, mode::atomic>, float>);
static_assert(!ElementTakes<Array<int, mode::locked>, float>);
using Element = decltype(std::declval<Array<int>&>()[0]);
static_assert(!std::is_copy_constructible_v<Element> && !std::is_convertible_v<Element&, int>);
static_assert(std::is_convertible_v<Element, int>, "for as long as the expression lasts");

// ---- Every mode -------------------------------------------------------------------------------

template <class Mode>
class EveryMode : public testing::Test {};
using Modes = testing::Types<mode::seqlocked, mode::seqlocked_in<2>, mode::seqlocked_in<8>,
                             mode::locked, mode::locked_by<Lock>, mode::atomic, mode::raw>;
struct ModeNames {
  template <class M>
  static std::string GetName(int i) {
    static const char* names[] = {"seqlocked",      "in_2",   "in_8", "locked",
                                  "locked_by_Lock", "atomic", "raw"};
    return names[i];
  }
};
TYPED_TEST_SUITE(EveryMode, Modes, ModeNames);

TYPED_TEST(EveryMode, of_a_length_is_zeros) {
  const Array<int, TypeParam> a(5);
  EXPECT_EQ(a.size(), 5U);
  EXPECT_FALSE(a.empty());
  EXPECT_EQ(a.slice(), std::vector<int>(5));
  const Array<double, TypeParam> d{std::uint8_t{3}};  // of any integer type; braces mean the same
  EXPECT_EQ(d.slice(), std::vector<double>(3));
  const Array<int, TypeParam> nothing(0);
  EXPECT_TRUE(nothing.empty());
  EXPECT_TRUE(nothing.slice().empty());
}

/// What is left of a stream: an input range, no more.
struct OnceThrough {
  std::istream_iterator<int> from;
  [[nodiscard]] std::istream_iterator<int> begin() const { return from; }
  [[nodiscard]] std::istream_iterator<int> end() const { return {}; }
};

TYPED_TEST(EveryMode, of_a_range_is_its_elements) {
  EXPECT_EQ((Array<int, TypeParam>(std::vector{1, 2, 3}).slice()), (std::vector{1, 2, 3}));
  EXPECT_EQ((Array<int, TypeParam>(std::list{1, 2, 3}).slice()), (std::vector{1, 2, 3}));
  EXPECT_EQ((Array<int, TypeParam>(std::forward_list{1, 2}).slice()), (std::vector{1, 2}));
  EXPECT_EQ((Array<int, TypeParam>(std::array{4, 5}).slice()), (std::vector{4, 5}));
  EXPECT_EQ((Array<double, TypeParam>(std::vector{1, 2}).slice()), (std::vector{1.0, 2.0}));
  EXPECT_EQ((Array<signed char, TypeParam>(std::vector{300, -129}).slice()),
            (std::vector<signed char>{44, 127}))
      << "integers wrap";
  EXPECT_EQ((Array<int, TypeParam>::of({10, 20}).slice()), (std::vector{10, 20}));
  EXPECT_EQ((Array<int, TypeParam>::of({10}).size()), 1U);
  EXPECT_EQ((Array<int, TypeParam>{10}.size()), 10U);
  std::istringstream in("7 8 9");  // once through
  const OnceThrough once{std::istream_iterator<int>(in)};
  EXPECT_EQ((Array<int, TypeParam>(once).slice()), (std::vector{7, 8, 9}));
  EXPECT_TRUE((Array<int, TypeParam>(std::vector<int>())).empty());
}

TYPED_TEST(EveryMode, a_negative_length_is_InvalidArgument_and_a_huge_one_OutOfMemory) {
  using A = Array<std::int64_t, TypeParam>;
  expect_throw<InvalidArgument>([] { A a(-1); }, {"negative length", "-1"});
  expect_throw<InvalidArgument>([] { A a(std::numeric_limits<std::int64_t>::min()); });
  expect_throw<OutOfMemory>([] { A a(std::numeric_limits<std::size_t>::max()); });
  expect_throw<OutOfMemory>([] { A a(std::numeric_limits<std::size_t>::max() / 8); });
  expect_throw<OutOfMemory>([] { A a(std::size_t{1} << 33); }, {"heap"});
}

TYPED_TEST(EveryMode, an_element_is_read_and_written) {
  Array<int, TypeParam> a(std::vector{1, 2, 3});
  EXPECT_EQ(a.get(1), 2);
  EXPECT_EQ(int(a[2]), 3);
  a[1] = 20;
  a.set(2, 30);
  a.at(0) = 10;
  EXPECT_EQ(a.slice(), (std::vector{10, 20, 30}));
  a[0] = a[1];
  EXPECT_EQ(a.slice(), (std::vector{20, 20, 30})) << "copies the element";
  const Array<int, TypeParam>& constant = a;
  EXPECT_EQ(constant[2], 30);
  EXPECT_EQ(constant.at(2), 30);
  if constexpr (!std::is_same_v<TypeParam, mode::raw>) {
    EXPECT_EQ((a[0] = 5), 5);
    EXPECT_EQ(a[0].get(), 5);
  }
}

TYPED_TEST(EveryMode, an_integer_written_to_an_element_wraps) {
  Array<unsigned char, TypeParam> a(2);
  a.set(0, 300);
  EXPECT_EQ(a.get(0), 44);
  a.set(1, -1);
  EXPECT_EQ(a.get(1), 255);
  if constexpr (!std::is_same_v<TypeParam, mode::raw>) {
    EXPECT_EQ(a[0] = 257, 1);
    EXPECT_EQ(a[1] += 1, 0);
    EXPECT_EQ(a[1] -= 1, 255);
    EXPECT_EQ(a[1]++, 255);
    EXPECT_EQ(a[1]--, 0);
    EXPECT_EQ(a.get(1), 255);
    EXPECT_EQ(a.add(1, 10), 9);
    Array<int, TypeParam> i(1);
    i[0] = std::numeric_limits<int>::max();
    EXPECT_EQ(i[0] += 1, std::numeric_limits<int>::min());
    EXPECT_EQ(i[0] -= 1, std::numeric_limits<int>::max());
    EXPECT_EQ(i[0] *= 2, -2);
    i[0] = std::numeric_limits<int>::min();
    EXPECT_EQ(i[0] -= std::numeric_limits<int>::min(), 0);
  }
}

TYPED_TEST(EveryMode, at_checks_and_has_no_negative_indices) {
  const ShmName name;
  const Segment segment = Segment::create(name);
  Array<int, TypeParam> a(segment["a"], 3);
  const auto& constant = a;
  expect_throw<OutOfRange>([&] { (void)a.at(3); }, {"index 3", "'a'", "[3]", name.str()});
  expect_throw<OutOfRange>([&] { (void)constant.at(3); }, {"index 3", "'a'"});
  expect_throw<OutOfRange>([&] { (void)a.at(static_cast<std::size_t>(-1)); });
  expect_throw<OutOfRange>([&] { a.at(3) = 1; });
  Array<int, TypeParam> nothing(0);
  expect_throw<OutOfRange>([&] { (void)nothing.at(0); }, {"index 0 of an Array<int32, "});
}

TYPED_TEST(EveryMode, assign_replaces_all) {
  Array<int, TypeParam> a(3);
  a.assign(std::vector{1, 2, 3});
  EXPECT_EQ(a.slice(), (std::vector{1, 2, 3}));
  expect_throw<InvalidArgument>(
      [&] {
        a.assign(std::vector{1, 2});
      },
      {"2 elements were given where 3", "does not change its length"});
  expect_throw<InvalidArgument>([&] { a.assign(std::vector{1, 2, 3, 4}); });
  EXPECT_EQ(a.slice(), (std::vector{1, 2, 3}));
}

TYPED_TEST(EveryMode, is_shared_with_children) {
  Array<int, TypeParam> a(10);
  std::vector<Child> children;
  for (int i = 0; i < 10; ++i)
    children.emplace_back([&, i] { a[static_cast<std::size_t>(i)] = i * i; });
  for (Child& child : children) EXPECT_EQ(child.exitcode(), 0);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(a.get(static_cast<std::size_t>(i)), i * i);
}

TYPED_TEST(EveryMode, named_is_found_with_its_length_by_another_process) {
  const ShmName name;
  const Segment segment = Segment::create(name);
  Array<int, TypeParam> a(segment["a"], std::vector{1, 2, 3});
  Child child([&] {
    const Segment mine = Segment::open(name);
    auto found = mine.find<Array<int, TypeParam>>("a");
    ASSERT_EQ(found->size(), 3U);
    (*found)[0] = 10;
    const Array<int, TypeParam> same(mine["a"], 3);
    EXPECT_EQ(same.get(0), 10);
  });
  EXPECT_EQ(child.exitcode(), 0);
  EXPECT_EQ(a.get(0), 10);
}

// ---- Slices -----------------------------------------------------------------------------------

using Bound = std::optional<std::ptrdiff_t>;

/// Python's slice by the letter of its reference: walk from start by step while inside.
std::vector<std::size_t> walk(std::ptrdiff_t n, Bound start, Bound stop, std::ptrdiff_t step) {
  const auto clamp = [&](Bound bound, std::ptrdiff_t otherwise) {
    if (!bound) return otherwise;
    std::ptrdiff_t at = *bound;
    if (at < 0) at += n;
    if (at < 0) at = step > 0 ? 0 : -1;
    if (at > n - 1) at = step > 0 ? n : n - 1;
    return at;
  };
  const std::ptrdiff_t from = clamp(start, step > 0 ? 0 : n - 1);
  const std::ptrdiff_t to = clamp(stop, step > 0 ? n : -1);
  std::vector<std::size_t> indices;
  for (std::ptrdiff_t at = from; step > 0 ? at < to : at > to;) {
    indices.push_back(static_cast<std::size_t>(at));
    if (__builtin_add_overflow(at, step, &at)) break;
  }
  return indices;
}

constexpr std::ptrdiff_t lowest = std::numeric_limits<std::ptrdiff_t>::min();
constexpr std::ptrdiff_t highest = std::numeric_limits<std::ptrdiff_t>::max();
std::vector<Bound> bounds() {
  std::vector<Bound> all{none, lowest, lowest + 1, highest - 1, highest};
  for (std::ptrdiff_t i = -9; i <= 9; ++i) all.emplace_back(i);
  return all;
}
const std::vector<std::ptrdiff_t> steps{1,  2,       3,      -1,          -2,
                                        -3, highest, lowest, highest - 1, lowest + 1};

TYPED_TEST(EveryMode, every_slice_is_pythons) {
  const std::vector<Bound> all = bounds();
  for (std::size_t n = 0; n <= 7; ++n) {
    std::vector<int> numbers(n);
    std::iota(numbers.begin(), numbers.end(), 1);
    Array<int, TypeParam> a(numbers);
    for (const Bound start : all)
      for (const Bound stop : all)
        for (const std::ptrdiff_t step : steps) {
          const std::vector<std::size_t> at =
              walk(static_cast<std::ptrdiff_t>(n), start, stop, step);
          std::vector<int> expected;
          for (const std::size_t i : at) expected.push_back(numbers[i]);
          ASSERT_EQ(a.slice(start, stop, step), expected)
              << n << "[" << start.value_or(999) << ":" << stop.value_or(999) << ":" << step << "]";
        }
  }
}

TYPED_TEST(EveryMode, every_slice_is_assigned_as_pythons) {
  const std::vector<Bound> all = bounds();
  for (const std::size_t n : {std::size_t{0}, std::size_t{1}, std::size_t{5}}) {
    const std::vector<int> numbers(n, -1);
    Array<int, TypeParam> a(numbers);
    for (const Bound start : all)
      for (const Bound stop : all)
        for (const std::ptrdiff_t step : steps) {
          const std::vector<std::size_t> at =
              walk(static_cast<std::ptrdiff_t>(n), start, stop, step);
          std::vector<int> expected = numbers;
          std::vector<int> values(at.size());
          std::iota(values.begin(), values.end(), 1);
          for (std::size_t k = 0; k < at.size(); ++k) expected[at[k]] = values[k];
          a.assign_slice(start, stop, step, values);
          ASSERT_EQ(a.slice(), expected)
              << n << "[" << start.value_or(999) << ":" << stop.value_or(999) << ":" << step << "]";
          values.push_back(0);
          ASSERT_THROW(a.assign_slice(start, stop, step, values), InvalidArgument);
          ASSERT_EQ(a.slice(), expected);
          a.assign(numbers);
        }
  }
}

TYPED_TEST(EveryMode, a_slice_of_another_length_is_refused_whole) {
  Array<int, TypeParam> a(std::vector{1, 2, 3, 4});
  expect_throw<InvalidArgument>([&] { a.assign_slice(1, 3, std::vector{9}); },
                                {"1 elements were given where 2"});
  expect_throw<InvalidArgument>(
      [&] {
        a.assign_slice(none, none, -1, std::vector{9, 9, 9, 9, 9});
      },
      {"5 elements were given where 4"});
  EXPECT_EQ(a.slice(), (std::vector{1, 2, 3, 4}));
  a.assign_slice(1, 3, std::vector{8, 9});
  EXPECT_EQ(a.slice(), (std::vector{1, 8, 9, 4}));
  a.assign_slice(none, none, -2, std::vector{5, 6});
  EXPECT_EQ(a.slice(), (std::vector{1, 6, 9, 5}));
}

TYPED_TEST(EveryMode, a_step_of_zero_is_InvalidArgument) {
  Array<int, TypeParam> a(3);
  expect_throw<InvalidArgument>([&] { (void)a.slice(0, 3, 0); }, {"step", "zero"});
  expect_throw<InvalidArgument>([&] { a.assign_slice(0, 0, 0, std::vector<int>()); }, {"zero"});
}

TYPED_TEST(EveryMode, a_sequence_that_fails_half_way_writes_nothing) {
  Array<int, TypeParam> a(std::vector{1, 2, 3});
  const lagoon::test::FailingRange failing{3};
  EXPECT_THROW(a.assign_slice(none, none, failing), std::runtime_error);
  EXPECT_THROW(a.assign_slice(none, none, -1, failing), std::runtime_error);
  EXPECT_EQ(a.slice(), (std::vector{1, 2, 3}));
}

// ---- Element types ----------------------------------------------------------------------------

template <class T>
class EveryType : public testing::Test {};
using Types = testing::Types<signed char, unsigned char, short, unsigned short, int, unsigned, long,
                             unsigned long, long long, unsigned long long, float, double>;
TYPED_TEST_SUITE(EveryType, Types);

template <class T, class Mode>
void expect_arithmetic() {
  Array<T, Mode> a(std::vector<T>{T{1}, T{2}, T{3}});
  EXPECT_EQ(a[0] += T{4}, T{5});
  EXPECT_EQ(a[0] -= T{2}, T{3});
  EXPECT_EQ(a[0] *= T{4}, T{12});
  EXPECT_EQ(a[0] /= T{5}, static_cast<T>(T{12} / T{5}));
  EXPECT_EQ(++a[1], T{3});
  EXPECT_EQ(--a[1], T{2});
  EXPECT_EQ(a[1].update([](T x) { return static_cast<T>(x * x); }), T{4});
  EXPECT_EQ(a[1].update([](T& x) { x = T{7}; }), T{7});
  EXPECT_EQ(a.update(1, [](T x) { return static_cast<T>(x + T{1}); }), T{8});
  EXPECT_EQ(a.add(2, T{10}), T{13});
  EXPECT_EQ(a[2] += a[1], T{21}) << "of another element";
  if constexpr (std::is_integral_v<T>) {
    a[0] = T{12};
    EXPECT_EQ(a[0] %= T{7}, T{5});
    EXPECT_EQ(a[0] &= T{4}, T{4});
    EXPECT_EQ(a[0] |= T{3}, T{7});
    EXPECT_EQ(a[0] ^= T{2}, T{5});
  }
  a.set(0, std::numeric_limits<T>::lowest());
  a.set(1, std::numeric_limits<T>::max());
  EXPECT_EQ(a.get(0), std::numeric_limits<T>::lowest());
  EXPECT_EQ(a.get(1), std::numeric_limits<T>::max());
  EXPECT_EQ(a.get(2), T{21});
}
TYPED_TEST(EveryType, counts_in_each_mode) {
  expect_arithmetic<TypeParam, mode::seqlocked>();
  expect_arithmetic<TypeParam, mode::locked>();
  expect_arithmetic<TypeParam, mode::atomic>();
}

TYPED_TEST(EveryType, of_many_lengths_keeps_each_element) {
  for (const std::size_t n : {1U, 2U, 7U, 8U, 9U, 63U, 64U, 65U, 1000U, 5001U}) {
    std::vector<TypeParam> numbers(n);
    for (std::size_t i = 0; i < n; ++i) numbers[i] = static_cast<TypeParam>(i * 7);
    Array<TypeParam> a(n);
    a.assign(numbers);
    ASSERT_EQ(a.snapshot(), numbers);
    for (std::size_t i = 0; i < n; i += 3) {
      a[i] = static_cast<TypeParam>(i);
      numbers[i] = static_cast<TypeParam>(i);
    }
    ASSERT_EQ(a.snapshot(), numbers);
    std::vector<TypeParam> into(n);
    a.snapshot_into(into);
    ASSERT_EQ(into, numbers);
    const std::size_t first = n / 3;
    ASSERT_EQ(a.snapshot(first, n),
              std::vector<TypeParam>(numbers.begin() + static_cast<long>(first), numbers.end()));
  }
}

TEST(Array, of_bool_and_enum) {
  Array<bool> flags(std::vector{true, false, true});
  EXPECT_TRUE(flags.get(0));
  flags[1] = true;
  EXPECT_EQ(flags.size(), 3U);
  EXPECT_TRUE(flags.snapshot()[1]);
  Array<bool, mode::atomic> atomics(3);
  atomics[2] = true;
  EXPECT_TRUE(atomics.get(2));
  enum class Colour { red, green };
  Array<Colour> colours(2);
  colours[1] = Colour::green;
  EXPECT_EQ(colours.snapshot(), (std::vector{Colour::red, Colour::green}));
}

TEST(Array, of_structs) {
  Array<Level> a(3);
  a[1] = Level{1.5, 2};
  EXPECT_EQ(a.get(1), (Level{1.5, 2}));
  EXPECT_EQ(a[1].update([](Level& l) { l.amount = 7; }), (Level{1.5, 7}));
  a[0] = a[1];
  EXPECT_EQ(a.snapshot(), (std::vector<Level>{{1.5, 7}, {1.5, 7}, {}}));
  Array<Odd> odd(std::vector<Odd>(100, Odd{"abcdef"}));
  odd[99] = Odd{"ABCDEF"};
  EXPECT_EQ(odd.get(98), Odd{"abcdef"});
  EXPECT_EQ(odd.get(99), Odd{"ABCDEF"});
  Array<Level, mode::locked> locked(2);
  locked[0] = Level{2, 3};
  EXPECT_EQ(locked.get(0), (Level{2, 3}));
  Array<Level, mode::raw> raw(2);
  raw[1].amount = 5;
  EXPECT_EQ(raw.get(1).amount, 5);
}

TEST(Array, elements_are_copied_between_arrays_of_other_types_and_modes) {
  Array<int> a(std::vector{1, 2});
  Array<short, mode::atomic> b(std::vector{3, 4});
  Array<double, mode::locked> c(std::vector{5, 6});
  a[0] = b[1];
  c[0] = a[1];
  a[1] += b[0];
  EXPECT_EQ(a.snapshot(), (std::vector{4, 5}));
  EXPECT_EQ(c.get(0), 2.0);
}

// ---- mode::seqlocked --------------------------------------------------------------------------

TEST(SeqlockedArray, a_write_is_seen_whole_or_not_at_all) {
  Array<int> a(std::vector{1, 2, 3});
  a.write([&](std::span<int> all) {
    ASSERT_EQ(all.size(), 3U);
    EXPECT_EQ(all[1], 2) << "it begins with what is there";
    all[0] = 10;
    all[2] = 30;
    EXPECT_EQ(a.snapshot(), (std::vector{1, 2, 3})) << "not yet";
  });
  EXPECT_EQ(a.snapshot(), (std::vector{10, 2, 30}));
  a.write(1, 3, [](std::span<int> some) {
    ASSERT_EQ(some.size(), 2U);
    EXPECT_EQ(some[1], 30);
    some[0] = 20;
  });
  EXPECT_EQ(a.snapshot(), (std::vector{10, 20, 30}));
  a.write(1, 1, [](std::span<int> nothing) { EXPECT_TRUE(nothing.empty()); });
  EXPECT_EQ(a.snapshot(), (std::vector{10, 20, 30}));
}

TEST(SeqlockedArray, a_write_that_throws_publishes_nothing_and_the_next_works) {
  for (const std::size_t size : {100U, 1000U, 10'000U}) {  // f works in the copy, or on a draft
    Array<int> a(size);
    const auto fill_and_throw = [](std::span<int> elements) {
      std::ranges::fill(elements, -1);
      throw std::runtime_error("no");
    };
    for (std::size_t round = 0; round < 10; ++round) {
      const std::vector<int> before = a.snapshot();
      const std::uint64_t version = a.version();
      EXPECT_THROW(a.write(fill_and_throw), std::runtime_error);
      EXPECT_THROW(a.write(10, 20, fill_and_throw), std::runtime_error);
      EXPECT_THROW(a.write(10, size - 10, fill_and_throw), std::runtime_error);
      EXPECT_THROW(a[size / 2].update([](int) -> int { throw std::runtime_error("no"); }),
                   std::runtime_error);
      ASSERT_EQ(a.snapshot(), before);
      EXPECT_EQ(a.version(), version);
      a[round] = static_cast<int>(round);
      std::vector<int> after = before;
      after[round] = static_cast<int>(round);
      ASSERT_EQ(a.snapshot(), after);
    }
  }
}

TEST(SeqlockedArray, a_write_begins_with_what_is_there_and_leaves_the_rest) {
  for (const std::size_t size : {100U, 1000U, 10'000U}) {
    std::vector<int> expected(size);
    std::iota(expected.begin(), expected.end(), 0);
    Array<int> a(expected);
    for (int round = 0; round < 10; ++round) {  // more than there are copies
      const auto change = [](std::span<int> part) {
        for (int& x : part) x = 2 * x + 1;
      };
      const std::size_t first = 3 + static_cast<std::size_t>(round);
      const std::size_t last = size - 5;
      a.write(first, last, change);
      change(std::span(expected).subspan(first, last - first));
      ASSERT_EQ(a.snapshot(), expected);
      const auto divide = [](std::span<int> all) {
        for (int& x : all) x /= 7;
      };
      a.write(divide);
      divide(expected);
      ASSERT_EQ(a.snapshot(), expected);
    }
  }
}

struct Big {  // than a stack
  std::array<std::uint64_t, (16U << 20) / 8> words;
};

TEST(SeqlockedArray, a_write_of_large_elements_takes_no_room_on_the_stack) {
  Array<Big> a(1);
  a.write([](std::span<Big> all) { all[0].words.back() = 7; });
  a.write(0, 1, [](std::span<Big> all) { ++all[0].words.back(); });
  EXPECT_EQ(a.snapshot()[0].words.back(), 8U);
}

TEST(SeqlockedArray, ranges_are_checked) {
  Array<int> a(3);
  expect_throw<OutOfRange>([&] { (void)a.snapshot(0, 4); }, {"[0, 4)", "than 3"});
  expect_throw<OutOfRange>([&] { (void)a.snapshot(2, 1); }, {"[2, 1)", "ends where it begins"});
  expect_throw<OutOfRange>([&] { a.write(2, 4, [](std::span<int>) { FAIL(); }); });
  EXPECT_TRUE(a.snapshot(3, 3).empty());
  std::vector<int> small(2);
  expect_throw<InvalidArgument>([&] { a.snapshot_into(small); }, {"2 elements", "3 belong"});
  expect_throw<OutOfRange>([&] { a.snapshot_into(2, small); }, {"[2, 4)"});
  expect_throw<OutOfRange>([&] { a.snapshot_into(std::size_t(-1), small); });
  expect_throw<OutOfRange>([&] { a.assign(2, small); }, {"[2, 4)"});
  std::uint64_t version = 0;
  expect_throw<InvalidArgument>([&] { a.read_if_newer(version, small); }, {"2 elements"});
}

template <class Mode>
void expect_pieces_are_written() {
  Array<int, Mode> a(4);
  const std::vector<int> two = {1, 2};
  a.assign(1, two);
  a.assign(4, std::span<const int>());
  EXPECT_EQ(a.slice(), (std::vector{0, 1, 2, 0}));
  if constexpr (requires { a.snapshot(); }) {
    std::vector<int> out(3);
    a.snapshot_into(1, out);
    EXPECT_EQ(out, (std::vector{1, 2, 0}));
  }
}
TEST(Array, pieces_are_written_and_read_where_they_lie) {
  expect_pieces_are_written<mode::seqlocked>();
  expect_pieces_are_written<mode::locked>();
  expect_pieces_are_written<mode::atomic>();
  expect_pieces_are_written<mode::raw>();
}

TEST(SeqlockedArray, the_version_begins_with_one_and_grows_by_one_with_each_write) {
  Array<int> a(3);
  EXPECT_EQ(a.version(), 1U);
  a[0] = 1;
  a[0] += 1;
  a.write([](std::span<int>) {});
  a.assign(std::vector{1, 2, 3});
  a.assign_slice(0, 2, std::vector{1, 2});
  EXPECT_EQ(a.version(), 6U);
}

TEST(SeqlockedArray, read_if_newer_reads_what_was_written_since) {
  Array<int> a(std::vector{1, 2});
  std::vector<int> out(2);
  std::uint64_t version = 0;
  EXPECT_TRUE(a.read_if_newer(version, out)) << "since zero there is the first one";
  EXPECT_EQ(out, (std::vector{1, 2}));
  EXPECT_FALSE(a.read_if_newer(version, out));
  a[0] = 5;
  out.assign(2, -1);
  EXPECT_TRUE(a.read_if_newer(version, out));
  EXPECT_EQ(out, (std::vector{5, 2}));
  EXPECT_EQ(version, a.version());
  EXPECT_FALSE(a.read_if_newer(version, out));
}

TEST(SeqlockedArray, a_nested_write_is_UsageError_that_names_the_array) {
  const ShmName name;
  const Segment segment = Segment::create(name);
  Array<int> a(segment["prices"], 3);
  Array<int> other(3);
  a.write([&](std::span<int> all) {
    all[0] = 1;
    const std::initializer_list<std::string_view> says{"'prices'", "written by this thread",
                                                       "nest"};
    expect_throw<UsageError>([&] { a[1] = 2; }, says);
    expect_throw<UsageError>([&] { a[1] += 2; }, says);
    expect_throw<UsageError>([&] { a.write([](std::span<int>) {}); }, says);
    expect_throw<UsageError>([&] { a.assign(std::vector{1, 2, 3}); }, says);
    EXPECT_EQ(a.get(0), 0) << "reading is none";
    other[0] = 1;
  });
  EXPECT_EQ(a.snapshot(), (std::vector{1, 0, 0}));
  EXPECT_EQ(other.get(0), 1);
}

TEST(SeqlockedArray, forked_inside_a_write_the_child_publishes_nothing_and_the_parent_does) {
  Array<int> a(3);
  SharedFlags flags;
  const pid_t parent = getpid();
  pid_t child = -1;
  bool refused = false;
  try {
    a.write([&](std::span<int> all) {
      child = fork();
      if (child == 0) {
        all[1] = -1;
      } else {
        all[0] = 1;
        flags.await();
      }
    });
  } catch (const UsageError& e) {
    refused = std::string_view(e.what()).find("forked inside a write") != std::string_view::npos;
  }
  if (getpid() != parent) {
    // The parent's write goes on; a write of the child's own would have to wait for it.
    const bool unchanged = a.snapshot() == std::vector<int>(3);
    flags.raise();
    a[2] = 5;
    _exit(refused && unchanged ? 0 : 1);
  }
  EXPECT_FALSE(refused);
  int status = -1;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(a.get(0), 1);
  EXPECT_EQ(a.get(2), 5);
}

TEST(SeqlockedArray, an_update_of_an_element_loses_nothing_to_sixteen_processes) {
  constexpr int processes = 16;
  constexpr int rounds = sanitized ? 100 : 3000;
  Array<int> a(100);
  Rendezvous start(processes);
  std::vector<Child> children;
  for (int i = 0; i < processes; ++i)
    children.emplace_back([&, i] {
      start.meet();
      for (int k = 0; k < rounds; ++k) {
        a[50] += 1;
        a[static_cast<std::size_t>(i)] += 1;
        a.write(98, 100, [](std::span<int> last) {
          ++last[0];
          --last[1];
        });
      }
    });
  for (int k = 0; k < rounds; ++k) {
    const std::vector<int> last = a.snapshot(98, 100);
    ASSERT_EQ(last[0], -last[1]);
  }
  for (Child& child : children) EXPECT_EQ(child.exitcode(), 0);
  EXPECT_EQ(a.get(50), processes * rounds);
  for (std::size_t i = 0; i < processes; ++i) EXPECT_EQ(a.get(i), rounds);
  EXPECT_EQ(a.get(98), processes * rounds);
  EXPECT_EQ(a.version(), 1U + 3 * processes * rounds);
}

template <class Mode>
void expect_no_torn_snapshot(std::size_t size) {
  Array<std::int64_t, Mode> a(size);
  SharedFlags stop;
  std::vector<Child> writers;
  for (int w = 0; w < 2; ++w)
    writers.emplace_back([&, w] {
      std::vector<std::int64_t> all(size);
      for (std::int64_t k = w; stop.count() == 0; k += 2) {
        if (k % 3 == 0) {
          std::ranges::fill(all, k);
          a.assign(all);
        } else {
          a.write([k](std::span<std::int64_t> elements) { std::ranges::fill(elements, k); });
        }
      }
    });
  const int rounds = (sanitized ? 100 : 2000) / (size > 10'000 ? 20 : 1);
  std::vector<std::int64_t> out(size);
  for (int i = 0; i < rounds; ++i) {
    a.snapshot_into(out);
    ASSERT_TRUE(std::ranges::all_of(out, [&](std::int64_t x) { return x == out[0]; }));
    const auto half = a.snapshot(size / 2, size);
    ASSERT_TRUE(std::ranges::all_of(half, [&](std::int64_t x) { return x == half[0]; }));
  }
  stop.raise();
  for (Child& writer : writers) EXPECT_EQ(writer.exitcode(), 0);
}
TEST(SeqlockedArray, no_snapshot_is_torn_under_two_writers_at_full_speed) {
  for (const std::size_t size : {3U, 64U, 1024U, 65536U}) {
    SCOPED_TRACE(size);
    expect_no_torn_snapshot<mode::seqlocked>(size);
  }
  expect_no_torn_snapshot<mode::seqlocked_in<2>>(64);
  expect_no_torn_snapshot<mode::seqlocked_in<8>>(64);
}

TEST(SeqlockedArray, a_stopped_writer_holds_up_no_reader) {
  Array<int> a(1000);
  SharedFlags flags;
  Child writer([&] {
    a.write([&](std::span<int> all) {
      std::ranges::fill(all, 1);
      flags.raise(0);
      flags.await(1);
    });
  });
  flags.await(0);
  writer.stop();
  for (int i = 0; i < 100; ++i) ASSERT_EQ(a.snapshot(), std::vector<int>(1000));
  flags.raise(1);
  writer.resume();
  EXPECT_EQ(writer.exitcode(), 0);
  EXPECT_EQ(a.snapshot(), std::vector<int>(1000, 1));
}

// ---- mode::locked -----------------------------------------------------------------------------

TEST(LockedArray, is_beside_an_rlock_that_its_user_may_hold) {
  Array<int, mode::locked> a(std::vector{1, 2, 3});
  static_assert(std::is_same_v<decltype(a.get_lock()), RLock&>);
  const std::scoped_lock guard(a);
  EXPECT_TRUE(a.acquire());
  a[0] += 1;
  a.write([](std::span<int> all) { all[1] = 5; });
  a.get_obj()[2] = 7;
  EXPECT_EQ(a.snapshot(), (std::vector{2, 5, 7}));
  a.release();
  std::thread([&] {
    EXPECT_FALSE(a.acquire(false));
    EXPECT_FALSE(a.acquire(true, 1ms));
    EXPECT_FALSE(a.try_lock());
    EXPECT_FALSE(a.try_lock_for(1ms));
    EXPECT_FALSE(a.try_lock_until(std::chrono::steady_clock::now() + 1ms));
  }).join();
}

TEST(LockedArray, the_lock_may_be_one_that_is_given) {
  RLock lock;
  Array<int, mode::locked> a(3, lock);
  Array<int, mode::locked> b(std::vector{1, 2}, lock);
  EXPECT_EQ(&a.get_lock(), &lock);
  EXPECT_EQ(&b.get_lock(), &lock);
  EXPECT_TRUE(a.acquire());
  std::thread([&] { EXPECT_FALSE(b.acquire(false)); }).join();
  b.release();
  Lock plain;
  Array<int, mode::locked_by<Lock>> c(3, plain);
  EXPECT_TRUE(c.acquire());
  EXPECT_FALSE(c.acquire(false)) << "with a Lock it is not recursive";
  c.release();
}

TEST(LockedArray, get_obj_under_its_lock_loses_nothing_to_sixteen_processes) {
  constexpr int processes = 16;
  constexpr int rounds = sanitized ? 200 : 3000;
  Array<int, mode::locked> a(2);
  std::vector<Child> children;
  for (int i = 0; i < processes; ++i)
    children.emplace_back([&] {
      for (int k = 0; k < rounds; ++k) {
        {
          const std::scoped_lock guard(a.get_lock());
          a.get_obj()[0] += 1;
        }
        a[1] += 1;
      }
    });
  for (Child& child : children) EXPECT_EQ(child.exitcode(), 0);
  EXPECT_EQ(a.snapshot(), (std::vector{processes * rounds, processes * rounds}));
}

TEST(LockedArray, a_write_that_throws_gives_the_lock_back_and_leaves_what_was_written) {
  Array<int, mode::locked> a(2);
  EXPECT_THROW(a.write([](std::span<int> all) {
    all[0] = 1;
    throw std::runtime_error("no");
  }),
               std::runtime_error);
  EXPECT_FALSE(a.get_lock().locked());
  EXPECT_EQ(a.snapshot(), (std::vector{1, 0}));
}

TEST(LockedArray, elements_are_not_on_the_locks_line) {
  const Array<char, mode::locked> a(100);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(a.get_obj().data()) % 64, 0U);
}

// ---- mode::atomic, mode::raw ------------------------------------------------------------------

TEST(AtomicArray, each_element_loses_nothing_to_sixteen_processes) {
  constexpr int processes = 16;
  constexpr int rounds = sanitized ? 500 : 20'000;
  Array<int, mode::atomic> a(3);
  std::vector<Child> children;
  for (int i = 0; i < processes; ++i)
    children.emplace_back([&] {
      for (int k = 0; k < rounds; ++k) {
        a[0] += 1;
        a[1].update([](int x) { return x + 1; });
        --a[2];
      }
    });
  for (Child& child : children) EXPECT_EQ(child.exitcode(), 0);
  EXPECT_EQ(a.slice(), (std::vector{processes * rounds, processes * rounds, -processes * rounds}));
}

TEST(RawArray, through_a_read_only_segment_is_read_in_place) {
  const ShmName name;
  const Segment segment = Segment::create(name);
  Array<int, mode::raw> a(segment["a"], std::vector{1, 2});
  const auto seen = Segment::open_read_only(name).find<Array<const int, mode::raw>>("a");
  a[1] = 5;
  static_assert(std::is_same_v<decltype(seen->get_obj()), std::span<const int>>);
  EXPECT_EQ(seen->get_obj()[1], 5);
  EXPECT_EQ(seen->slice(), (std::vector{1, 5}));
}

TEST(RawArray, is_plain_memory) {
  Array<int, mode::raw> a(std::vector{3, 1, 2});
  static_assert(std::is_same_v<decltype(a[0]), int&>);
  std::ranges::sort(a.get_obj());
  EXPECT_EQ(a.slice(), (std::vector{1, 2, 3}));
  int& first = a[0];
  first = 9;
  EXPECT_EQ(a.get(0), 9);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(a.get_obj().data()) % 64, 0U);
}

// ---- Array('c'), Array('u') -------------------------------------------------------------------

template <class Mode>
class CharArray : public testing::Test {};
using CharModes = testing::Types<mode::seqlocked, mode::locked, mode::raw, mode::atomic>;
TYPED_TEST_SUITE(CharArray, CharModes);

TYPED_TEST(CharArray, value_stops_at_the_first_nul) {
  Array<char, TypeParam> a("hello");
  EXPECT_EQ(a.size(), 5U);
  EXPECT_EQ(a.value(), "hello");
  a[2] = '\0';
  EXPECT_EQ(a.value(), "he");
  EXPECT_EQ(a.raw_bytes(), std::string("he\0lo", 5));
  const Array<char, TypeParam> zeros(3);
  EXPECT_EQ(zeros.value(), "");
  EXPECT_EQ(zeros.raw_bytes(), std::string(3, '\0'));
}

TYPED_TEST(CharArray, a_shorter_value_writes_one_nul_and_keeps_the_tail) {
  Array<char, TypeParam> a("hello");
  a.set_value("hi");
  EXPECT_EQ(a.raw_bytes(), std::string("hi\0lo", 5));
  EXPECT_EQ(a.value(), "hi");
  a.set_value("");
  EXPECT_EQ(a.raw_bytes(), std::string("\0i\0lo", 5));
}

TYPED_TEST(CharArray, a_value_of_the_exact_length_is_allowed_and_a_longer_one_refused) {
  Array<char, TypeParam> a("hello");
  a.set_value("world");
  EXPECT_EQ(a.value(), "world");
  expect_throw<InvalidArgument>([&] { a.set_value("longer"); }, {"6 elements", "5 belong"});
  EXPECT_EQ(a.value(), "world");
}

TYPED_TEST(CharArray, a_shorter_raw_overwrites_a_prefix) {
  Array<char, TypeParam> a("hello");
  a.set_raw("HE");
  EXPECT_EQ(a.raw_bytes(), "HEllo");
  a.set_raw("");
  EXPECT_EQ(a.raw_bytes(), "HEllo");
  a.set_raw(std::string_view("\0\0\0\0\0", 5));
  EXPECT_EQ(a.value(), "");
  expect_throw<InvalidArgument>([&] { a.set_raw("longer"); }, {"6 elements"});
}

TYPED_TEST(CharArray, a_slice_is_a_string) {
  Array<char, TypeParam> a("hello");
  static_assert(std::is_same_v<decltype(a.slice()), std::string>);
  EXPECT_EQ(a.slice(1, 4), "ell");
  EXPECT_EQ(a.slice(none, none, -1), "olleh");
  a.assign_slice(0, 2, std::string_view("HE"));
  EXPECT_EQ(a.value(), "HEllo");
  a.assign_slice(none, none, 2, std::string("XYZ"));
  EXPECT_EQ(a.value(), "XEYlZ");
  expect_throw<InvalidArgument>([&] { a.assign_slice(0, 2, std::string("long")); });
}

TEST(WideArray, a_slice_is_text_and_there_is_no_value) {
  Array<wchar_t> a(std::wstring_view(L"grüße"));
  static_assert(std::is_same_v<decltype(a.slice()), std::wstring>);
  EXPECT_EQ(a.slice(), L"grüße");
  EXPECT_EQ(a.slice(2, 4), L"üß");
  a[0] = L'G';
  EXPECT_EQ(a.get(0), L'G');
  static_assert(HasValue<Array<char>> && !HasValue<Array<wchar_t>>);
}

}  // namespace
