#include <lagoon/list.hpp>

#include <lagoon/lagoon.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <random>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "expect_throw.hpp"
#include "failing_range.hpp"
#include "sanitizers.hpp"
#include "segment_in_memory.hpp"
#include "shm_name.hpp"

struct Tick {
  std::int64_t time = 0;
  double price = 0;
  bool operator==(const Tick&) const = default;
};
template <>
inline constexpr std::string_view lagoon::type_name<Tick> = "Tick";

/// One that cannot always be kept.
struct Moody {
  int x = 0;
  bool operator==(const Moody&) const = default;
};
template <>
struct lagoon::Codec<Moody> {
  static constexpr std::string_view name = "Moody";
  static void encode(Encoder& to, const Moody& moody) {
    if (moody.x == 13) throw std::runtime_error("not today");
    to.put(moody.x);
  }
  static Moody decode(Decoder& from) { return {from.take<int>()}; }
};

namespace {

using lagoon::List;
using lagoon::Object;
using lagoon::Segment;
using lagoon::test::expect_throw;
using lagoon::test::SegmentInMemory;
using lagoon::test::ShmName;
using Ints = std::vector<int>;

template <class L>
concept Grows = requires(L& l) {
  l.append(1);
};

TEST(List, gives_elements_into_memory_that_is_there) {
  List<std::string> texts;
  List<int> numbers;
  for (const std::size_t n : {std::size_t{0}, std::size_t{5}, std::size_t{900}, std::size_t{5000},
                              std::size_t{300'000}}) {
    texts.append(std::string(n, 'x'));
    std::string text(n + 100, 'y');
    const auto* const at = text.data();
    texts.at_into(-1, text);
    EXPECT_EQ(text, std::string(n, 'x'));
    EXPECT_EQ(text.data(), at) << n;
    EXPECT_THROW(texts.at_into(99, text), lagoon::OutOfRange);
  }
  numbers.append(7);
  int number = 0;
  numbers.at_into(0, number);
  EXPECT_EQ(number, 7);
}

TEST(List, has_the_methods_of_Pythons) {
  List<int> l;
  EXPECT_TRUE(l.empty());
  l.append(3);
  l.extend({1, 2});
  l.insert(0, 9);
  l.insert(-1, 8);
  l.insert(100, 7);
  l.insert(-100, 6);
  EXPECT_EQ(l.snapshot(), (Ints{6, 9, 3, 1, 8, 2, 7}));
  EXPECT_EQ(l.size(), 7U);
  EXPECT_EQ(l[0], 6);
  EXPECT_EQ(l[-1], 7);
  EXPECT_EQ(l.at(-7), 6);
  EXPECT_EQ(l.pop(), 7);
  EXPECT_EQ(l.pop(1), 9);
  EXPECT_EQ(l.pop(-2), 8);
  l.erase(0);
  l.remove(1);
  EXPECT_EQ(l.copy(), (Ints{3, 2}));
  l[0] = 5;
  l[-1] = l[0];
  l[0] += 2;
  ++l[0];
  l[0] -= 1;
  l[0] *= 3;
  EXPECT_EQ(l.snapshot(), (Ints{21, 5}));
  EXPECT_TRUE(l[0] == 21);
  EXPECT_EQ(l[0]++, 21);
  EXPECT_EQ(l[0]--, 22);
  EXPECT_EQ(l[0] += l[-1], 26);
  EXPECT_EQ(l[0] -= l[-1], 21);
  l += Ints{5, 6};
  l += {7};
  EXPECT_EQ(l.count(5), 2U);
  EXPECT_EQ(l.index(5), 1U);
  EXPECT_EQ(l.index(5, 2), 2U);
  EXPECT_EQ(l.index(7, -2, 100), 4U);
  EXPECT_TRUE(l.contains(6));
  EXPECT_FALSE(l.contains(8));
  l.sort();
  EXPECT_EQ(l.snapshot(), (Ints{5, 5, 6, 7, 21}));
  l.sort(std::greater<>());
  l.reverse();
  l *= 2;
  EXPECT_EQ(l.snapshot(), (Ints{5, 5, 6, 7, 21, 5, 5, 6, 7, 21}));
  l *= 0;
  EXPECT_TRUE(l.empty());
  l.append(4);
  l.clear();
  EXPECT_EQ(l.size(), 0U);
}

TEST(List, has_the_slices_of_Pythons) {
  List<int> l;
  l.extend(Ints{0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
  EXPECT_EQ(l.slice(2, 5), (Ints{2, 3, 4}));
  EXPECT_EQ(l.slice({}, {}, -3), (Ints{9, 6, 3, 0}));
  EXPECT_EQ(l.slice(-3), (Ints{7, 8, 9}));
  EXPECT_EQ(l.slice(5, 2), Ints{});
  EXPECT_EQ(l.slice(-100, 100, 5), (Ints{0, 5}));
  l.assign_slice(2, 5, Ints{20});
  EXPECT_EQ(l.snapshot(), (Ints{0, 1, 20, 5, 6, 7, 8, 9}));
  l.assign_slice(5, 2, Ints{50, 51});
  EXPECT_EQ(l.snapshot(), (Ints{0, 1, 20, 5, 6, 50, 51, 7, 8, 9}));
  l.assign_slice({}, {}, -4, Ints{-1, -2, -3});
  EXPECT_EQ(l.snapshot(), (Ints{0, -3, 20, 5, 6, -2, 51, 7, 8, -1}));
  l.erase_slice(1, {}, 3);
  EXPECT_EQ(l.snapshot(), (Ints{0, 20, 5, -2, 51, 8, -1}));
  l.erase_slice({}, {}, -2);
  EXPECT_EQ(l.snapshot(), (Ints{20, -2, 8}));
  l.erase_slice(2);
  l.assign_slice({}, {}, l.slice());
  EXPECT_EQ(l.snapshot(), (Ints{20, -2}));
  l.assign_slice({}, {}, Ints{});
  EXPECT_TRUE(l.empty());
}

TEST(List, changes_an_element_in_one_step) {
  List<Tick> l;
  l.extend({{1, 1.5}, {2, 2.5}});
  EXPECT_EQ(l.update_value(-1, [](Tick& t) { ++t.time; }), (Tick{3, 2.5}));
  EXPECT_EQ(l.update_value(0, [](Tick t) { return Tick{t.time * 10, t.price}; }), (Tick{10, 1.5}));
  EXPECT_TRUE(l.compare_exchange(0, {10, 1.5}, {11, 1.5}));
  EXPECT_FALSE(l.compare_exchange(-2, {10, 1.5}, {12, 1.5}));
  EXPECT_EQ(l[0].get(), (Tick{11, 1.5}));
  EXPECT_EQ(l[0].update([](Tick& t) { t.price = 0; }), (Tick{11, 0}));
}

TEST(List, of_Objects_changes_what_is_in_them) {
  List<> l;
  l.append(Object::dict());
  l[0]["k"] = 1;
  l[0]["k"] += 1;
  l[0]["l"] = Object::list();
  l[0]["l"].append("x");
  l += Object::list(nullptr, 2.5, "text");
  l.extend(Object::tuple(true));
  EXPECT_EQ(int(l[0]["k"]), 2);
  EXPECT_TRUE(l[-1] == true);
  EXPECT_EQ(l.get<std::string>(3), "text");
  EXPECT_EQ(l.index(1), 4U) << "as in Python, 1 is True";
  EXPECT_EQ(lagoon::str(l), "[{'k': 2, 'l': ['x']}, None, 2.5, 'text', True]");
  EXPECT_EQ(l.copy(), Object::list_of(l.snapshot()));
  EXPECT_EQ(l[0].str(), "{'k': 2, 'l': ['x']}");
  expect_throw<lagoon::OutOfRange>([&] { l[0]["no"] += 1; }, {"KeyError: 'no'"});
  expect_throw<lagoon::TypeMismatch>([&] { l.sort(); }, {"TypeError: '<' not supported"});
  EXPECT_EQ(l.size(), 5U);
}

TEST(List, holds_what_has_a_codec_large_or_small) {
  List<std::string> texts;
  for (std::size_t n : {0U, 1U, 4000U, 4096U, 5000U, 3'000'000U}) texts.append(std::string(n, 'x'));
  for (std::size_t i = 0; i < texts.size(); ++i)
    EXPECT_EQ(texts.at(static_cast<std::ptrdiff_t>(i)).find_first_not_of('x'), std::string::npos);
  EXPECT_EQ(texts.at(-1).size(), 3'000'000U);
  texts *= 2;
  texts.reverse();
  EXPECT_EQ(texts.at(0), texts.at(6));
  EXPECT_EQ(texts.at(-1), "");
  texts.sort();
  EXPECT_EQ(texts.at(1), "");

  List<std::vector<std::string>> nested;
  nested.append({"a", "b"});
  EXPECT_EQ(lagoon::str(nested), "[['a', 'b']]");
  List<bool> bits;
  bits.extend(std::vector<bool>{true, false, true});
  bits.sort();
  EXPECT_EQ(lagoon::str(bits), "[False, True, True]");
  List<std::tuple<>> nothings;
  nothings.append({});
  EXPECT_EQ(nothings.at(0), std::tuple<>());
}

TEST(List, of_texts_is_what_a_vector_is_whatever_their_sizes) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::minstd_rand random(seed);
  const auto text = [&] {
    constexpr std::size_t near = lagoon::core::Sequence::near_most;
    const std::size_t sizes[] = {0, random() % 200, near - random() % 4, near + random() % 4,
                                 random() % 20'000};
    std::string s(sizes[random() % std::size(sizes)], '\0');
    for (char& c : s) c = static_cast<char>('a' + random() % 26);
    return s;
  };
  List<std::string> l;
  std::vector<std::string> v;
  for (int i = 0; i < 300; ++i) {
    const std::size_t at = v.empty() ? 0 : random() % v.size();
    const auto place = static_cast<std::ptrdiff_t>(at);
    const std::vector<std::string> some{text(), text()};
    switch (random() % 8) {
      case 0:
        l.append(some[0]);
        v.push_back(some[0]);
        break;
      case 1:
        l.insert(place, some[0]);
        v.insert(v.begin() + place, some[0]);
        break;
      case 2:
        l += some;
        v.insert(v.end(), some.begin(), some.end());
        break;
      case 3:
        if (v.empty()) break;
        l[place] = some[0];
        v[at] = some[0];
        break;
      case 4:
        if (v.empty()) break;
        l.update_value(place, [&](std::string& x) { x += some[0]; });
        v[at] += some[0];
        break;
      case 5:
        l.assign_slice(place, place + 1, some);
        v.erase(v.begin() + place, v.begin() + place + (v.empty() ? 0 : 1));
        v.insert(v.begin() + place, some.begin(), some.end());
        break;
      case 6:
        if (v.empty()) break;
        ASSERT_EQ(l.pop(place), v[at]);
        v.erase(v.begin() + place);
        break;
      default:
        if (v.size() > 20) {
          l.erase_slice(5);
          v.resize(5);
        } else {
          l *= 2;
          const auto again = v;
          v.insert(v.end(), again.begin(), again.end());
        }
        break;
    }
    ASSERT_EQ(l.snapshot(), v) << i;
  }
  l.sort();
  std::sort(v.begin(), v.end());
  auto expected = v.begin();
  for (const std::string& x : l) EXPECT_EQ(x, *expected++);
  EXPECT_EQ(expected, v.end());
}

TEST(List, is_walked_over_while_it_changes) {
  List<int> l;
  l.extend({1, 2, 3});
  Ints seen;
  for (const int x : l) {
    seen.push_back(x);
    if (l.size() < 6) l.append(x * 10);
    if (x == 2) l.erase(0);
  }
  EXPECT_EQ(seen, (Ints{1, 2, 10, 20, 100, 200}));
}

TEST(List, sorts_stably) {
  List<std::pair<int, int>> l;
  std::minstd_rand random(3);
  for (int i = 0; i < 1000; ++i) l.append({static_cast<int>(random() % 10), i});
  const auto by_first = [](const auto& a, const auto& b) { return a.first < b.first; };
  auto expected = l.snapshot();
  std::ranges::stable_sort(expected, by_first);
  l.sort(by_first);
  EXPECT_EQ(l.snapshot(), expected);
}

TEST(List, says_what_is_wrong_in_Pythons_words) {
  List<int> l;
  using lagoon::InvalidArgument;
  using lagoon::OutOfRange;
  expect_throw<OutOfRange>([&] { (void)l.pop(); }, {"IndexError: pop from empty list"});
  l.extend({1, 2, 3});
  for (const std::ptrdiff_t i : {std::ptrdiff_t{3}, std::ptrdiff_t{-4}, PTRDIFF_MIN, PTRDIFF_MAX}) {
    expect_throw<OutOfRange>([&] { (void)l.at(i); },
                             {"IndexError: list index out of range: there are 3 items"});
    expect_throw<OutOfRange>([&] { l[i] = 1; }, {"IndexError: list assignment index out of range"});
    expect_throw<OutOfRange>([&] { l[i] += 1; }, {"IndexError: list index out of range"});
    expect_throw<OutOfRange>([&] { (void)l.pop(i); }, {"IndexError: pop index out of range"});
    expect_throw<OutOfRange>([&] { l.erase(i); },
                             {"IndexError: list assignment index out of range"});
    expect_throw<OutOfRange>([&] { (void)l.compare_exchange(i, 1, 2); }, {"IndexError: "});
  }
  expect_throw<InvalidArgument>([&] { l.remove(9); },
                                {"ValueError: list.remove(x): x not in list"});
  expect_throw<InvalidArgument>([&] { (void)l.index(9); }, {"ValueError: 9 is not in list"});
  expect_throw<InvalidArgument>([&] { (void)l.index(1, 1); }, {"ValueError: 1 is not in list"});
  expect_throw<InvalidArgument>([&] { (void)l.slice({}, {}, 0); },
                                {"ValueError: slice step cannot be zero"});
  expect_throw<InvalidArgument>([&] { l.erase_slice({}, {}, 0); }, {"step cannot be zero"});
  expect_throw<InvalidArgument>(
      [&] {
        l.assign_slice({}, {}, 2, Ints{1, 2, 3});
      },
      {"ValueError: attempt to assign sequence of size 3 to extended slice of size 2"});
  expect_throw<lagoon::OutOfMemory>([&] { l *= PTRDIFF_MAX; }, {"MemoryError"});
  EXPECT_EQ(l.snapshot(), (Ints{1, 2, 3}));
}

TEST(List, stays_as_it_is_when_a_function_throws) {
  List<Moody> l;
  l.extend({Moody{1}, Moody{2}});
  const auto before = l.snapshot();
  const auto fails = [](auto&&...) { throw std::runtime_error("no"); };
  EXPECT_THROW(l.update_value(0, fails), std::runtime_error);
  EXPECT_THROW(l.sort([&](auto&&...) { return fails(), true; }), std::runtime_error);
  EXPECT_THROW(l.append({13}), std::runtime_error);
  EXPECT_THROW(l.insert(0, {13}), std::runtime_error);
  EXPECT_THROW(l.set(0, {13}), std::runtime_error);
  EXPECT_THROW(l.update_value(0, [](Moody& m) { m.x = 13; }), std::runtime_error);
  EXPECT_THROW(l.extend({Moody{3}, Moody{13}}), std::runtime_error);
  EXPECT_THROW(l.assign_slice(0, 1, std::vector<Moody>{{3}, {13}}), std::runtime_error);
  EXPECT_EQ(l.snapshot(), before);
  List<int> numbers;
  EXPECT_THROW(numbers.extend(lagoon::test::FailingRange{5}), std::runtime_error);
  EXPECT_TRUE(numbers.empty());
}

TEST(List, must_not_be_changed_by_a_function_that_changes_it) {
  List<int> l, other;
  l.extend({2, 1});
  expect_throw<lagoon::UsageError>([&] { l.update_value(0, [&](int) { return l.pop(); }); },
                                   {"is being changed by this thread already"});
  expect_throw<lagoon::UsageError>(
      [&] { l.sort([&](int a, int b) { return l.append(1), a < b; }); });
  l.update_value(0, [&](int x) { return other.append(x), x + 1; });
  EXPECT_EQ(l.snapshot(), (Ints{3, 1}));
  EXPECT_EQ(other.snapshot(), Ints{2});
}

TEST(List, is_found_by_name_as_what_it_is) {
  const ShmName name;
  const auto segment = Segment::create(name);
  List<double> l{segment["l"]};
  l.append(1.5);
  EXPECT_EQ(List<double>(segment["l"]).snapshot(), std::vector{1.5});
  EXPECT_EQ(segment.find<List<double>>("l")->size(), 1U);
  EXPECT_FALSE(segment.find<List<double>>("no"));
  expect_throw<lagoon::TypeMismatch>([&] { (void)segment.find<List<float>>("l"); },
                                     {"List<double>", "List<float>"});
  expect_throw<lagoon::TypeMismatch>([&] { List<> other{segment["l"]}; },
                                     {"List<double>", "List<>"});
  expect_throw<lagoon::TypeMismatch>([&] { lagoon::Dict<> other{segment["l"]}; }, {"Dict<>"});

  const auto reader = Segment::open_read_only(name);
  const auto view = reader.find<List<const double>>("l");
  ASSERT_TRUE(view);
  EXPECT_EQ((*view)[0], 1.5);
  EXPECT_EQ(view->snapshot(), std::vector{1.5});
  EXPECT_TRUE(view->contains(1.5));
  EXPECT_THROW((void)reader.find<List<double>>("l"), lagoon::ReadOnly);
  static_assert(!Grows<List<const double>> && Grows<List<double>>);
  static_assert(std::movable<List<double>> && !std::copyable<List<double>>);

  EXPECT_TRUE(segment.erase("l"));
  EXPECT_TRUE(l.gone());
  EXPECT_THROW(l.append(1), lagoon::Gone);
  EXPECT_THROW((void)l.at(0), lagoon::Gone);
  EXPECT_THROW((void)view->size(), lagoon::Gone);
}

// Whatever has come and gone, and however it lay about in between.
TEST(List, at_constant_size_takes_constant_memory) {
  SegmentInMemory segment;
  List<std::int64_t> l{(*segment)["l"]};
  std::minstd_rand random(5);
  std::size_t first = 0;
  const int rounds = lagoon::test::with_tsan || lagoon::test::with_asan ? 30'000 : 1'000'000;
  for (int i = 0; i < rounds; ++i) {
    if (l.size() < 1000)
      random() % 8 == 0 ? l.insert(static_cast<int>(random() % 1000), i) : l.append(i);
    else
      random() % 8 == 0 ? l.erase(static_cast<int>(random() % 1000)) : (void)l.pop();
    if (i >= 2000) l[-1 - static_cast<int>(random() % 900)] = i;
    if (i == rounds / 10) first = segment->used();
  }
  EXPECT_LE(segment->used(), first * 11 / 10);
}

TEST(List, without_memory_stays_as_it_is) {
  SegmentInMemory segment;  // of 4 MB at most
  List<std::string> l{(*segment)["l"]};
  const std::string text(1000, 'x');
  EXPECT_THROW(for (;;) l.append(text), lagoon::OutOfMemory);
  const std::size_t size = l.size();
  EXPECT_GT(size, 2000U);
  EXPECT_THROW(l.extend(std::vector(100, text)), lagoon::OutOfMemory);
  EXPECT_THROW(l.append(std::string(1'000'000, 'y')), lagoon::OutOfMemory);
  EXPECT_THROW(l *= 2, lagoon::OutOfMemory);
  EXPECT_THROW(l.set(0, std::string(100'000, 'y')), lagoon::OutOfMemory);
  EXPECT_EQ(l.size(), size);
  EXPECT_EQ(l.count(text), size);
  EXPECT_EQ(l.pop(), text);
  l.append(text);
  l.clear();
  l.append(text);
  EXPECT_EQ(l.snapshot(), std::vector{text});
}

// What short ones have left is used by long ones, and by rows.
TEST(List, of_elements_of_one_length_leaves_its_memory_to_those_of_another) {
  SegmentInMemory segment;  // of 4 MB at most
  List<std::string> l{(*segment)["l"]};
  for (const std::size_t length : {10U, 3000U, 100U, 1'500'000U, 1U, 100'000U}) {
    SCOPED_TRACE(length);
    const std::string text(length, 'x');
    std::size_t bytes = 0;
    try {
      for (;; bytes += std::max<std::size_t>(length, 40)) l.append(text);
    } catch (const lagoon::OutOfMemory&) {
    }
    EXPECT_GT(bytes, length > 1'000'000 ? 1'000'000U : 2'000'000U);
    // A quarter of them, and there is room for another row, though a row lies in large pages.
    for (std::size_t n = l.size() / 4 + 1; n != 0; --n) (void)l.pop();
    EXPECT_NO_THROW(l.sort());
    EXPECT_EQ(l.count(text), l.size());
    l.clear();
  }
}

TEST(List, sorted_by_one_who_contradicts_himself_has_each_element_still) {
  List<int> l;
  std::vector<int> all(2000);
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<int>(i);
  l.extend(all);
  std::minstd_rand random(1);
  for (int round = 0; round < 100; ++round) l.sort([&](int, int) { return random() % 2 == 0; });
  std::vector<int> now = l.copy();
  std::sort(now.begin(), now.end());
  EXPECT_EQ(now, all);
}

}  // namespace
