/// Objects as C++ has them; that they behave as Python's do is asked of Python itself in
/// object_python_test.cpp.

#include <gtest/gtest.h>
#include <malloc.h>
#include <lagoon/print.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <iomanip>
#include <limits>
#include <list>
#include <map>
#include <optional>
#include <ranges>
#include <set>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <tuple>
#include <type_traits>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "expect_throw.hpp"

namespace lagoon {
namespace {

using Kind = Object::Kind;
using test::expect_throw;
using namespace std::string_literals;

template <class T>
constexpr bool is_taken = std::is_convertible_v<T, Object>;

// ---- Into an Object --------------------------------------------------------------------------

TEST(Object, IsSmallAndMovesWithoutThrowing) {
  static_assert(sizeof(Object) == 16);
  static_assert(std::is_nothrow_default_constructible_v<Object>);
  static_assert(std::is_nothrow_copy_constructible_v<Object>);
  static_assert(std::is_nothrow_copy_assignable_v<Object>);
  static_assert(std::is_nothrow_move_constructible_v<Object>);
  static_assert(std::is_nothrow_move_assignable_v<Object>);
  static_assert(std::is_nothrow_constructible_v<Object, int>);
  static_assert(std::is_nothrow_constructible_v<Object, double>);
  static_assert(!std::is_nothrow_constructible_v<Object, std::uint64_t>);
  static_assert(!std::is_nothrow_constructible_v<Object, const char*>);
}

TEST(Object, OfNothing) {
  EXPECT_TRUE(Object().is_none());
  EXPECT_TRUE(Object(nullptr).is_none());
  EXPECT_TRUE(Object(std::nullopt).is_none());
  EXPECT_TRUE(Object(std::optional<int>()).is_none());
  EXPECT_EQ(Object(std::optional<int>(3)), 3);
  EXPECT_EQ(Object(std::make_optional(Object("x"))), "x");
  Object moved = 5;
  const Object other = std::move(moved);
  EXPECT_TRUE(moved.is_none());  // NOLINT: that is what it says
}

TEST(Object, OfNumbers) {
  EXPECT_EQ(Object(true).kind(), Kind::boolean);
  EXPECT_EQ(Object(static_cast<signed char>(-3)).repr(), "-3");
  EXPECT_EQ(Object(static_cast<unsigned char>(200)).repr(), "200");
  EXPECT_EQ(Object(short{-7}).repr(), "-7");
  EXPECT_EQ(Object(std::numeric_limits<std::int64_t>::min()).repr(), "-9223372036854775808");
  EXPECT_EQ(Object(std::numeric_limits<std::uint64_t>::max()).repr(), "18446744073709551615");
  EXPECT_EQ(Object(5ULL).kind(), Kind::integer);
  EXPECT_EQ(Object(1.5F).kind(), Kind::real);
  EXPECT_EQ(Object(2.0L).repr(), "2.0");
}

TEST(Object, OfText) {
  const char* pointer = "pointer";
  char array[8] = "array";
  EXPECT_EQ(Object("literal").kind(), Kind::str);
  EXPECT_EQ(Object(pointer).repr(), "'pointer'");
  EXPECT_EQ(Object(array).repr(), "'array'");
  EXPECT_EQ(Object("a\0b"s).repr(), "'a\\x00b'");
  EXPECT_EQ(Object(std::string_view("view")).repr(), "'view'");
  EXPECT_EQ(Object('c').repr(), "'c'");
  pointer = nullptr;
  expect_throw<InvalidArgument>([&] { Object o(pointer); }, {"null pointer"});
}

TEST(Object, OfBytes) {
  const std::vector<std::byte> vector{std::byte{'h'}, std::byte{0}};
  EXPECT_EQ(Object(vector).repr(), "b'h\\x00'");
  EXPECT_EQ(Object(std::span<const std::byte>(vector)).repr(), "b'h\\x00'");
  EXPECT_EQ(Object(std::array{std::byte{1}}).repr(), "b'\\x01'");
  EXPECT_EQ(Object(std::list{std::byte{1}}).repr(), "b'\\x01'");
  EXPECT_EQ(Object::bytes("it's").repr(), "b\"it's\"");
  EXPECT_EQ(Object::bytes(vector).size(), 2U);
}

TEST(Object, OfRanges) {
  const int array[] = {1, 2};
  EXPECT_EQ(Object(std::vector<int>{1, 2}).repr(), "[1, 2]");
  EXPECT_EQ(Object(std::array{1.5, 2.0}).repr(), "[1.5, 2.0]");
  EXPECT_EQ(Object(array).repr(), "[1, 2]");
  EXPECT_EQ(Object(std::span(array)).repr(), "[1, 2]");
  EXPECT_EQ(Object(std::vector<bool>{true, false}).repr(), "[True, False]");
  EXPECT_EQ(Object(std::list<std::string>{"a"}).repr(), "['a']");
  EXPECT_EQ(Object(std::vector<std::vector<int>>{{1}, {}}).repr(), "[[1], []]");
  EXPECT_EQ(Object(std::vector<Object>{1, "a", nullptr}).repr(), "[1, 'a', None]");
  EXPECT_EQ(Object(std::views::iota(0, 3)).repr(), "[0, 1, 2]");
  std::vector<int> numbers{1, 2, 3, 4};
  EXPECT_EQ(Object(numbers | std::views::filter([](int x) { return x % 2 == 0; })).repr(),
            "[2, 4]");
  EXPECT_EQ(Object(std::tuple(1, "a", 2.5)).repr(), "(1, 'a', 2.5)");
  EXPECT_EQ(Object(std::pair(1, Object("b"))).repr(), "(1, 'b')");
  EXPECT_EQ(Object(std::map<std::string, int>{{"b", 1}, {"a", 2}}).repr(), "{'a': 2, 'b': 1}");
  EXPECT_EQ(Object(std::unordered_map<int, std::vector<bool>>{{1, {true}}}).repr(), "{1: [True]}");
  EXPECT_EQ(Object(std::set<int>{2, 1}).repr(), "{1, 2}");
  EXPECT_EQ(Object(std::unordered_set<std::string>{"x"}).repr(), "{'x'}");
}

TEST(Object, TakesWhatHasAMeaningOnly) {
  enum class Colour { red };
  static_assert(is_taken<const char*> && is_taken<std::string> && is_taken<unsigned short>);
  static_assert(!is_taken<void*> && !is_taken<int*> && !is_taken<const unsigned char*>);
  static_assert(!is_taken<Colour> && !is_taken<wchar_t> && !is_taken<char8_t>);
  static_assert(!is_taken<std::wstring> && !is_taken<std::filesystem::path>);
  static_assert(!is_taken<std::vector<char>> && !is_taken<std::vector<int*>>);
  static_assert(!is_taken<std::map<int, std::tuple<int, Colour>>>);
  static_assert(!std::is_constructible_v<Object, int, int>);
}

TEST(Object, OfItems) {
  EXPECT_EQ(Object::list().repr(), "[]");
  EXPECT_EQ(Object::list(1, "a", 2.5, nullptr, true).repr(), "[1, 'a', 2.5, None, True]");
  EXPECT_EQ(Object::list(std::vector{1, 2}).repr(), "[[1, 2]]");
  EXPECT_EQ(Object::list_of(std::vector{1, 2}).repr(), "[1, 2]");
  EXPECT_EQ(Object::tuple(1).repr(), "(1,)");
  EXPECT_EQ(Object::tuple_of(std::vector{1, 2}).repr(), "(1, 2)");
  EXPECT_EQ(Object::tuple_of(Object::list(1, 2)).repr(), "(1, 2)");
  EXPECT_EQ(Object::set().repr(), "set()");
  EXPECT_EQ(Object::set(3, 1, 3, 2).repr(), "{3, 1, 2}");
  EXPECT_EQ(Object::frozenset(1).repr(), "frozenset({1})");
  EXPECT_EQ(Object::frozenset_of(std::vector{1, 1}).repr(), "frozenset({1})");
  EXPECT_EQ(Object::dict().repr(), "{}");
  EXPECT_EQ(Object::dict({{"b", 1}, {2, "c"}, {"b", 3}}).repr(), "{'b': 3, 2: 'c'}");
  EXPECT_EQ(Object::dict({{"a", "b"}, {"c", "d"}}).repr(), "{'a': 'b', 'c': 'd'}");
  expect_throw<TypeMismatch>([] { (void)Object::set(Object::list()); },
                             {"TypeError: unhashable type: 'list'"});
}

TEST(Object, OfDigitsAndBytesOfAnInt) {
  EXPECT_EQ(Object::integer("-0012").repr(), "-12");
  EXPECT_EQ(Object::integer("-000"), 0);
  EXPECT_EQ(Object::integer("+" + std::string(400, '9')).repr(), std::string(400, '9'));
  for (const char* bad : {"", "-", "1 ", "0x1", "--1", "1.0"})
    expect_throw<InvalidArgument>([&] { (void)Object::integer(bad); }, {"ValueError", bad});
  const auto bytes = [](const Object& o) {
    std::string hex;
    for (const std::byte b : o.integer_bytes())
      for (const int shift : {4, 0})
        hex += "0123456789abcdef"[std::to_integer<int>(b) >> shift & 15];
    EXPECT_EQ(Object::integer(o.integer_bytes()), o);
    return hex;
  };
  EXPECT_EQ(bytes(0), "");
  EXPECT_EQ(bytes(true), "01");
  EXPECT_EQ(bytes(-1), "ff");
  EXPECT_EQ(bytes(127), "7f");
  EXPECT_EQ(bytes(128), "8000");
  EXPECT_EQ(bytes(-128), "80");
  EXPECT_EQ(bytes(-129), "7fff");
  EXPECT_EQ(bytes(255), "ff00");
  EXPECT_EQ(bytes(-32768), "0080");
  EXPECT_EQ(bytes(std::numeric_limits<std::uint64_t>::max()), "ffffffffffffffff00");
  EXPECT_EQ(bytes(Object::integer("-18446744073709551616")), "0000000000000000ff");
  expect_throw<TypeMismatch>([] { (void)Object(1.5).integer_bytes(); }, {"1.5", "an int"});
}

TEST(Object, WhatIsShortTakesNoMemory) {
  const auto before = mallinfo2().uordblks;  // nothing, with a sanitizer
  const Object integer = std::numeric_limits<std::int64_t>::min();
  const Object real = 1.5;
  const Object text = "fourteen bytes";
  const Object bytes = Object::bytes("fourteen bytes");
  EXPECT_EQ(mallinfo2().uordblks, before);
  EXPECT_EQ(text.str(), "fourteen bytes");
  EXPECT_EQ(bytes.get<std::span<const std::byte>>().size(), 14U);
}

// ---- Out of an Object ------------------------------------------------------------------------

TEST(Object, OutOfNumbers) {
  const Object o = 200;
  EXPECT_EQ(int(o), 200);
  EXPECT_EQ(o.get<unsigned char>(), 200);
  EXPECT_EQ(o.get<double>(), 200.0);
  EXPECT_EQ(float(o), 200.0F);
  EXPECT_EQ(static_cast<std::uint64_t>(Object(~0ULL)), ~0ULL);
  EXPECT_EQ(Object(true).get<int>(), 1);
  EXPECT_TRUE(Object(true).get<bool>());
  EXPECT_EQ(Object(1e39).get<double>(), 1e39);
  EXPECT_TRUE(std::isinf(Object(HUGE_VAL).get<float>()));
  expect_throw<OutOfRange>([&] { (void)o.get<signed char>(); },
                           {"OverflowError: 200 is not within -128 to 127"});
  expect_throw<OutOfRange>([] { (void)Object(-1).get<unsigned>(); },
                           {"OverflowError: -1 is not within 0 to 4294967295"});
  expect_throw<OutOfRange>([] { (void)Object(256).get<unsigned char>(); }, {"0 to 255"});
  expect_throw<OutOfRange>([] { (void)Object(~0ULL).get<std::int64_t>(); },
                           {"18446744073709551615"});
  expect_throw<OutOfRange>(
      [] { (void)Object::integer("18446744073709551616").get<std::uint64_t>(); });
  expect_throw<OutOfRange>([] { (void)Object(1e39).get<float>(); }, {"1e+39", "32 bits"});
  expect_throw<OutOfRange>([] { (void)Object::integer(std::string(400, '9')).get<double>(); },
                           {"OverflowError: int too large to convert to float"});
  expect_throw<TypeMismatch>([] { (void)Object(1.0).get<int>(); },
                             {"TypeError: 1.0 is of type 'float', where an int was asked for"});
  expect_throw<TypeMismatch>([] { (void)Object("1").get<int>(); }, {"'1'", "'str'", "an int"});
  expect_throw<TypeMismatch>([] { (void)Object("1").get<double>(); }, {"a float"});
  expect_throw<TypeMismatch>([] { (void)Object(1).get<bool>(); }, {"a bool"});
}

TEST(Object, OutOfText) {
  const Object o = "a str that is rather long";
  EXPECT_EQ(std::string(o), "a str that is rather long");
  EXPECT_EQ(o.get<std::string_view>(), "a str that is rather long");
  EXPECT_EQ(Object("x").get<char>(), 'x');
  EXPECT_EQ(Object("é").size(), 1U);
  EXPECT_EQ(std::string_view(o).size(), o.size());
  EXPECT_EQ(Object::bytes("ab").get<std::vector<std::byte>>(),
            (std::vector{std::byte{'a'}, std::byte{'b'}}));
  expect_throw<TypeMismatch>([] { (void)std::string(Object(1)); }, {"1", "'int'", "a str"});
  expect_throw<TypeMismatch>([] { (void)Object::bytes("a").get<std::string>(); },
                             {"b'a'", "a str"});
  expect_throw<TypeMismatch>([] { (void)Object("a").get<std::vector<std::byte>>(); }, {"bytes"});
  expect_throw<TypeMismatch>([] { (void)Object("ab").get<char>(); }, {"'ab'"});
}

TEST(Object, OutOfContainers) {
  const Object list = Object::list(1, 2, 3);
  EXPECT_EQ(std::vector<int>(list), (std::vector{1, 2, 3}));
  EXPECT_EQ(list.get<std::deque<double>>(), (std::deque{1.0, 2.0, 3.0}));
  EXPECT_EQ((list.get<std::array<long, 3>>()), (std::array{1L, 2L, 3L}));
  EXPECT_EQ((list.get<std::tuple<int, Object, double>>()), (std::tuple(1, Object(2), 3.0)));
  EXPECT_EQ((Object::tuple("a", nullptr).get<std::pair<std::string, std::optional<int>>>()),
            (std::pair("a"s, std::optional<int>())));
  EXPECT_EQ(Object::tuple(true).get<std::vector<bool>>(), std::vector<bool>{true});
  const Object dict = Object::dict({{"a", list}, {"b", Object::tuple()}});
  using Map = std::map<std::string, std::vector<int>>;
  EXPECT_EQ(Map(dict), (Map{{"a", {1, 2, 3}}, {"b", {}}}));
  EXPECT_EQ((dict.get<std::unordered_map<Object, Object>>().size()), 2U);
  EXPECT_EQ(Object::frozenset(2, 1).get<std::set<int>>(), (std::set{1, 2}));
  EXPECT_EQ(Object().get<std::nullptr_t>(), nullptr);
  EXPECT_EQ(list.get<Object>(), list);
  expect_throw<TypeMismatch>([&] { (void)dict.get<std::vector<int>>(); },
                             {"{'a': [1, 2, 3], 'b': ()}", "'dict'", "a list or tuple"});
  expect_throw<TypeMismatch>([&] { (void)list.get<Map>(); }, {"'list'", "a dict"});
  expect_throw<TypeMismatch>([&] { (void)list.get<std::set<int>>(); }, {"a set"});
  expect_throw<TypeMismatch>([&] { (void)list.get<std::vector<std::string>>(); }, {"1", "a str"});
  expect_throw<TypeMismatch>([&] { (void)list.get<std::nullptr_t>(); }, {"None"});
  expect_throw<InvalidArgument>([&] { (void)list.get<std::pair<int, int>>(); },
                                {"ValueError: too many values to unpack (expected 2, got 3)"});
  expect_throw<InvalidArgument>([&] { (void)list.get<std::array<int, 4>>(); },
                                {"ValueError: not enough values to unpack (expected 4, got 3)"});
}

TEST(Object, ConvertsToNothingImplicitly) {
  static_assert(!std::is_convertible_v<Object, int> && !std::is_convertible_v<Object, bool>);
  static_assert(!std::is_convertible_v<Object, std::string>);
  static_assert(!std::is_convertible_v<Object, const char*>);
  static_assert(std::is_constructible_v<int, Object> && std::is_constructible_v<bool, Object>);
  static_assert(!OutOfObject<const char*> && !OutOfObject<std::wstring> && !OutOfObject<int&>);
}

TEST(Object, MessagesAreShortened) {
  const std::string says = expect_throw<TypeMismatch>(
      [] { (void)Object(std::vector<std::string>(1000, "é'")).get<int>(); }, {"...", "'list'"});
  EXPECT_LT(says.size(), 150U) << says;
  const std::string of_int =
      expect_throw<OutOfRange>([] { (void)Object::integer(std::string(10000, '9')).get<int>(); },
                               {"<an int of 33220 bits>"});
  EXPECT_LT(of_int.size(), 150U);
  Object deep;
  for (int i = 0; i < 100'000; ++i) deep = Object::list(deep);
  expect_throw<TypeMismatch>([&] { (void)deep.get<int>(); }, {"[[[[", "..."});
}

// ---- Text ------------------------------------------------------------------------------------

TEST(Object, RefusesWhatIsNotUtf8) {
  const std::pair<std::string, const char*> wrong[] = {
      {"\xff", "0xff in position 0: invalid start byte"},
      {"ab\x80", "0x80 in position 2: invalid start byte"},
      {"\xc0\x80", "0xc0 in position 0: invalid start byte"},
      {"abcdefghij\xe2\x82", "0xe2 in position 10: unexpected end of data"},
      {"\xe2\x28\xa1", "0xe2 in position 0: invalid continuation byte"},
      {"\xe0\x80\x80", "0xe0 in position 0: invalid continuation byte"},
      {"\xf4\x90\x80\x80", "0xf4 in position 0: invalid continuation byte"},
      {"\xf0\x80\x80\x80", "0xf0 in position 0: invalid continuation byte"},
      {"\xf5\x80\x80\x80", "0xf5 in position 0: invalid start byte"}};
  for (const auto& [text, says] : wrong) {
    expect_throw<InvalidArgument>([&, &t = text] { Object o(t); },
                                  {"UnicodeDecodeError: 'utf-8' codec can't decode byte ", says});
  }
  EXPECT_EQ(Object("\xed\xa0\x80").repr(), "'\\ud800'");
  EXPECT_EQ(Object("\xed\xa0\x80").size(), 1U);
  EXPECT_LT(Object("\xed\xbf\xbf"), Object("\xf0\x90\x80\x80"));
}

TEST(Object, PrintsAsPythonDoes) {
  Object o = Object::dict({{"a", "it's"}});
  std::ostringstream out;
  out << Object("plain") << '|' << std::setw(6) << std::left << std::hex << Object(17) << '|' << o
      << '|' << o["a"] << '|' << Object::list("\n");
  EXPECT_EQ(out.str(), "plain|17    |{'a': \"it's\"}|it's|['\\n']");
  EXPECT_EQ(str(o), o.repr());
}

// ---- Items -----------------------------------------------------------------------------------

TEST(Object, ItemsAreWhatTheirPlaceHolds) {
  Object o = Object::dict({{"list", Object::list(1, 2)}});
  o["n"] = 3;
  o["n"] += 1;
  o["n"] *= 5;
  o["n"] -= 2;
  EXPECT_EQ(o.at("n"), 18);
  EXPECT_TRUE(o["n"] == 18 && 18 == o["n"] && o["n"] != 17 && o["n"] < 19 && o["n"] == o["n"]);
  EXPECT_EQ(o["n"] + 1, 19);
  EXPECT_EQ(-o["n"], -18);
  EXPECT_EQ(int(o["n"]), 18);
  EXPECT_EQ(o["n"].get<double>(), 18.0);
  o["list"].append("x");
  o["list"][0] = "first";
  o["list"][-1] += "yz";
  EXPECT_EQ(o["list"].repr(), "['first', 2, 'xyz']");
  EXPECT_EQ(std::string(o["list"][0]), "first");
  EXPECT_EQ(o["list"].size(), 3U);
  const Object kept = o["list"][1];
  EXPECT_EQ(kept, 2);
  Object other(o["n"]);
  other = o["list"];
  EXPECT_EQ(other, o["list"].get());
  o["copy"] = o["list"];
  o["list"].clear();
  EXPECT_EQ(o["copy"].size(), 3U);
  o["none"] = {};
  EXPECT_TRUE(o["none"].is_none());
  o["self"] = o;
  EXPECT_FALSE(o["self"].contains("self"));
  EXPECT_TRUE(bool(o["n"]));
  if (o["none"]) ADD_FAILURE();
}

TEST(Object, ReadingAnItemMakesNone) {
  Object o = Object::dict();
  expect_throw<OutOfRange>([&] { (void)int(o["x"]); }, {"KeyError: 'x'"});
  expect_throw<OutOfRange>([&] { o["x"] += 1; }, {"KeyError: 'x'"});
  expect_throw<OutOfRange>([&] { o["x"]["y"] = 1; }, {"KeyError: 'x'"});
  EXPECT_EQ(o.size(), 0U);
  EXPECT_EQ(o.find("x"), nullptr);
  EXPECT_EQ(o.get("x", 5), 5);
  EXPECT_TRUE(o.get("x").is_none());
  o["x"] = 1;
  EXPECT_EQ(o.get("x", 5), 1);
  EXPECT_EQ(*o.find("x"), 1);
}

TEST(Object, RefusesInPythonsWords) {
  Object list = Object::list(1);
  Object tuple = Object::tuple(1, Object::list());
  Object set = Object::set(1);
  Object five = 5;
  expect_throw<OutOfRange>([&] { list[1] = 0; },
                           {"IndexError: list assignment index out of range"});
  expect_throw<TypeMismatch>([&] { tuple[0] = 0; },
                             {"'tuple' object does not support item assignment"});
  expect_throw<TypeMismatch>([&] { tuple[1].append(0); }, {"'tuple' object does not support"});
  expect_throw<TypeMismatch>([&] { five["x"] = 0; }, {"'int' object does not support item assign"});
  expect_throw<TypeMismatch>([&] { five[0][1] = 0; }, {"'int' object is not subscriptable"});
  expect_throw<TypeMismatch>([&] { list.erase("x"); }, {"list indices must be integers"});
  expect_throw<TypeMismatch>([&] { five.append(1); },
                             {"AttributeError: 'int' object has no attribute 'append'"});
  expect_throw<OutOfRange>([&] { set.erase(2); }, {"KeyError: 2"});
  expect_throw<TypeMismatch>([&] { set.add(list); }, {"unhashable type: 'list'"});
  expect_throw<TypeMismatch>([&] { (void)Object::tuple(1, Object::dict()).hash(); },
                             {"unhashable type: 'dict'"});
  expect_throw<TypeMismatch>([&] { (void)five.begin(); }, {"'int' object is not iterable"});
  expect_throw<TypeMismatch>([] { (void)(Object("a") < Object(1)); },
                             {"'<' not supported between instances of 'str' and 'int'"});
  EXPECT_FALSE(set.discard(2));
  EXPECT_TRUE(set.discard(1));
  EXPECT_TRUE(Object::set(Object::frozenset(1)).contains(Object::set(1)));
  EXPECT_EQ(list, Object::list(1));
}

TEST(Object, IsWalkedOver) {
  const Object dict = Object::dict({{"b", 1}, {"a", 2}});
  std::string keys;
  for (const Object& key : dict) keys += key.str();
  EXPECT_EQ(keys, "ba");
  std::string pairs;
  for (const auto& [key, value] : dict.items()) pairs += key.str() + value.str();
  EXPECT_EQ(pairs, "b1a2");
  static_assert(std::forward_iterator<Object::Iterator>);
  const Object tuple = Object::tuple(1, 2);
  EXPECT_EQ(std::ranges::count(Object::list(1, 2, 1), 1), 2);
  EXPECT_EQ(tuple.elements().size(), 2U);
  const Object none = Object::set();
  int n = 0;
  for ([[maybe_unused]] const Object& x : none) ++n;
  EXPECT_EQ(n, 0);
}

TEST(Object, CopiesDoNotSeeEachOther) {
  Object list = Object::list(1, Object::list(2));
  const Object copy = list;
  list[1].append(3);
  list.append(4);
  EXPECT_EQ(copy.repr(), "[1, [2]]");
  EXPECT_EQ(list.repr(), "[1, [2, 3], 4]");
  Object dict = Object::dict({{"a", 1}});
  const Object old = dict;
  dict["b"] = 2;
  dict.erase("a");
  EXPECT_EQ(old.repr(), "{'a': 1}");
  EXPECT_EQ(dict.repr(), "{'b': 2}");
  Object set = Object::set(1);
  const Object before = set;
  set.add(2);
  EXPECT_EQ(before.repr(), "{1}");
}

TEST(Object, ReadingCopiesNothing) {
  Object dict = Object::dict({{"a", Object::list(1)}});
  const Object copy = dict;
  (void)dict["a"].size();
  (void)int(dict["a"][0]);
  EXPECT_EQ(&dict.at("a"), &copy.at("a"));
  dict["a"][0] = 2;
  EXPECT_NE(&dict.at("a"), &copy.at("a"));
}

TEST(Object, CanBeGivenItself) {
  Object list = Object::list(1);
  list.append(list);
  EXPECT_EQ(list.repr(), "[1, [1]]");
  list += list;
  EXPECT_EQ(list.repr(), "[1, [1], 1, [1]]");
  list[0] = list;
  EXPECT_EQ(list.repr(), "[[1, [1], 1, [1]], [1], 1, [1]]");
  list = list.at(1);
  EXPECT_EQ(list.repr(), "[1]");
  list.insert(0, list.at(0));
  EXPECT_EQ(list.repr(), "[1, 1]");
  const Object& same = list;
  list = same;
  EXPECT_EQ(list.repr(), "[1, 1]");
  Object dict = Object::dict({{"a", "key that is not short"}});
  dict[dict.at("a")] = dict.at("a");
  dict.erase(dict.at("a"));
  EXPECT_EQ(dict.size(), 1U);
  Object nest = Object::list(Object::list(5));
  nest = std::move(const_cast<Object&>(nest.at(0)));
  EXPECT_EQ(nest.repr(), "[5]");
}

TEST(Object, WhatThrowsChangesNothing) {
  Object o = Object::dict({{"a", Object::list(1, "x")}});
  const std::string before = o.repr();
  EXPECT_THROW(o["a"][1] += 1, TypeMismatch);
  EXPECT_THROW(o["a"][7] = 1, OutOfRange);
  EXPECT_THROW(o[Object::list()] = 1, TypeMismatch);
  EXPECT_THROW((void)o["a"].pop(5), OutOfRange);
  EXPECT_EQ(o.repr(), before);
}

TEST(Object, SetsKeepTheOrderOfInsertion) {
  Object set = Object::set();
  std::vector<int> model;
  std::uint64_t random = 1;
  for (int i = 0; i < 20'000; ++i) {
    random = random * 6364136223846793005U + 1442695040888963407U;
    const int x = static_cast<int>(random >> 33) % 200;
    const auto found = std::find(model.begin(), model.end(), x);
    EXPECT_EQ(set.contains(x), found != model.end());
    if (random >> 63 != 0) {
      set.add(x);
      if (found == model.end()) model.push_back(x);
    } else {
      EXPECT_EQ(set.discard(x), found != model.end());
      if (found != model.end()) model.erase(found);
    }
    ASSERT_EQ(set.size(), model.size());
  }
  std::vector<int> items;
  for (const Object& x : set) items.push_back(int(x));
  EXPECT_EQ(items, model);
}

TEST(Object, ADictFindsOneOfManyAtOnce) {
  Object dict = Object::dict();
  for (int i = 0; i < 100'000; ++i) dict[i * 1024] = i;  // would hang if they met
  for (int i = 0; i < 100'000; ++i) ASSERT_EQ(dict.at(i * 1024.0), i);
  for (int i = 0; i < 100'000; i += 2) dict.erase(i * 1024);
  EXPECT_EQ(dict.size(), 50'000U);
  EXPECT_EQ(*dict.begin(), 1024);
}

TEST(Object, ADictForgetsWhatWasErased) {
  Object dict = Object::dict({{-1, -1}, {-2, -2}});
  const auto before = mallinfo2().uordblks;  // nothing, with a sanitizer
  for (int i = 0; i < 100'000; ++i) {
    dict[i] = i;
    dict.erase(i);
  }
  EXPECT_LT(mallinfo2().uordblks, before + 10'000);
  EXPECT_EQ(dict.repr(), "{-1: -1, -2: -2}");
}

// ---- Depth -----------------------------------------------------------------------------------

Object nested(int levels, Object (*around)(Object)) {
  Object o = 1;
  for (int i = 0; i < levels; ++i) o = around(std::move(o));
  return o;
}

const std::pair<const char*, Object (*)(Object)> every_way[] = {
    {"list", [](Object o) { return Object::list(std::move(o)); }},
    {"tuple", [](Object o) { return Object::tuple(std::move(o)); }},
    {"dict",
     [](Object o) {
       return Object::dict({{1, std::move(o)}});
     }},
    {"opaque", [](Object o) { return Object::opaque("x", "", {std::move(o)}); }}};

TEST(Object, NestsAsDeepAsYouLike) {
  for (const auto& [name, around] : every_way) {
    SCOPED_TRACE(name);
    Object deep = nested(1'000'000, around);
    Object copy = deep;
    const Object other = nested(100'000, around);
    copy = around(copy);
    EXPECT_THROW((void)(deep == other), UsageError);
    if (name != "opaque"s) {
      expect_throw<UsageError>([&] { (void)deep.repr(); },
                               {"RecursionError: maximum recursion depth exceeded while getting"});
    }
    deep = 5;  // and the copy goes later
  }
}

TEST(Object, ComparesAndShowsUpToADepth) {
  for (const auto& [name, around] : every_way) {
    SCOPED_TRACE(name);
    const Object deepest = nested(Object::max_depth + 1, around);
    const Object deeper = around(deepest);
    EXPECT_EQ(deepest, nested(Object::max_depth + 1, around));
    expect_throw<UsageError>([&] { (void)(deeper == around(deepest)); },
                             {"RecursionError: maximum recursion depth exceeded in comparison"});
    EXPECT_NO_THROW((void)deepest.repr());
    if (name == "tuple"s || name == "list"s) {
      EXPECT_FALSE(deepest < deepest);
      EXPECT_THROW((void)(deeper < deeper), UsageError);
    }
    if (name == "tuple"s || name == "opaque"s) {
      EXPECT_EQ(deepest.hash(), nested(Object::max_depth + 1, around).hash());
      EXPECT_THROW((void)deeper.hash(), UsageError);
    }
  }
}

// ---- Threads ---------------------------------------------------------------------------------

TEST(Object, CopiesBelongToDifferentThreads) {
  const Object shared = Object::list(Object::dict({{"a", "a str that is rather long"}}), 1);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([shared, t] {
      for (int i = 0; i < 2'000; ++i) {
        Object mine = shared;
        const Object second = mine;
        mine[0]["b"] = t;
        EXPECT_EQ(mine[0].size(), 2U);
        EXPECT_EQ(second, shared);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(shared.at(0).size(), 1U);
}

// ---- What only others know -------------------------------------------------------------------

TEST(Object, OpaqueOnesAreComparedByStructure) {
  const Object children = Object::list(1, Object::dict({{"a", Object::set(1, 2)}}));
  const Object o = Object::opaque("Decimal", "state", {children, nullptr});
  const Object same = Object::opaque(
      "Decimal", "state", {Object::list(1.0, Object::dict({{"a", Object::set(2, 1)}})), {}});
  EXPECT_EQ(o.kind(), Kind::opaque);
  EXPECT_EQ(o, same);
  EXPECT_EQ(o.hash(), same.hash());
  EXPECT_NE(o, Object::opaque("Decimal", "state", {children}));
  EXPECT_NE(o, Object::opaque("Decimal", "other", {children, nullptr}));
  EXPECT_NE(o, Object::opaque("Fraction", "state", {children, nullptr}));
  EXPECT_EQ(Object::dict({{o, 5}}).at(same), 5);
  EXPECT_EQ(o.repr(), "<Decimal object>");
  EXPECT_EQ(o.type_name(), "Decimal");
  EXPECT_EQ(o.opaque_kind(), "Decimal");
  EXPECT_EQ(o.opaque_bytes(), "state");
  EXPECT_EQ(o.elements().size(), 2U);
  EXPECT_TRUE(bool(o));
  expect_throw<TypeMismatch>([&] { (void)(o < same); },
                             {"'<' not supported between instances of 'Decimal' and 'Decimal'"});
  expect_throw<TypeMismatch>([] { (void)Object(1).opaque_bytes(); }, {"an opaque object"});
}

struct Proxy : Object::Handle {
  Proxy(int i, int& l) : id(i), live(l) { ++live; }
  ~Proxy() override { --live; }
  [[nodiscard]] std::string_view type_name() const noexcept override { return "DictProxy"; }
  [[nodiscard]] std::string repr() const override { return "<DictProxy>"; }
  [[nodiscard]] std::string str() const override { return "{}"; }
  [[nodiscard]] bool equals(const Object::Handle& other) const override {
    const auto* proxy = dynamic_cast<const Proxy*>(&other);
    return proxy != nullptr && proxy->id == id;
  }
  [[nodiscard]] std::size_t hash() const override { return static_cast<std::size_t>(id); }
  int id;
  int& live;
};
struct OtherProxy : Proxy {
  using Proxy::Proxy;
};

TEST(Object, CarriesHandlesOfWhatLiesElsewhere) {
  int live = 0;
  {
    const Object o = Object::shared<Proxy>(7, live);
    const Object copy = Object::list(o, o);
    EXPECT_EQ(live, 1);
    EXPECT_EQ(o.kind(), Kind::shared);
    EXPECT_EQ(o, Object::shared<Proxy>(7, live));
    EXPECT_NE(o, Object::shared<Proxy>(8, live));
    EXPECT_NE(o, 7);
    EXPECT_EQ(o.type_name(), "DictProxy");
    EXPECT_EQ(copy.str(), "[<DictProxy>, <DictProxy>]");
    EXPECT_EQ(o.str(), "{}");
    EXPECT_TRUE(Object::set(o).contains(o));
    EXPECT_EQ(o.shared_as<Proxy>()->id, 7);
    EXPECT_EQ(o.shared_as<OtherProxy>(), nullptr);
    EXPECT_EQ(Object(7).shared_as<Proxy>(), nullptr);
    expect_throw<TypeMismatch>([&] { (void)int(o); }, {"<DictProxy>", "'DictProxy'", "an int"});
  }
  EXPECT_EQ(live, 0);
}

}  // namespace
}  // namespace lagoon
