#include <gtest/gtest.h>
#include <lagoon/print.hpp>

#include <iomanip>
#include <limits>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "child.hpp"
#include "rendezvous.hpp"
#include "shm_name.hpp"

namespace app {

struct Point {
  int x = 0;
  int y = 0;
};
std::ostream& operator<<(std::ostream& out, const Point& p) {
  return out << '(' << p.x << ", " << p.y << ')';
}

struct Mute {
  int x = 0;
};

enum class Colour : unsigned char { red = 1, green = 200 };
enum Sign : signed char { minus = -1 };

/// An application's own `str` is not taken for lagoon's.
struct Own {};
[[maybe_unused]] std::string str(const Own&) { return "own"; }

}  // namespace app
template <>
inline constexpr std::string_view lagoon::type_name<app::Point> = "Point";

namespace lagoon {
namespace {

template <class T>
std::string printed(const T& x) {
  std::ostringstream out;
  out << x;
  EXPECT_EQ(out.str(), str(x));
  return out.str();
}
template <class T>
std::string printed_value(T x) {
  return printed(Value<T>(x));
}

TEST(Print, Integers) {
  EXPECT_EQ(printed_value(0), "0");
  EXPECT_EQ(printed_value(std::numeric_limits<long long>::min()), "-9223372036854775808");
  EXPECT_EQ(printed_value(std::numeric_limits<unsigned long long>::max()), "18446744073709551615");
  EXPECT_EQ(printed_value<short>(-3), "-3");
}

TEST(Print, SmallIntegersAreNumbersNotCharacters) {
  EXPECT_EQ(printed_value<signed char>(65), "65");
  EXPECT_EQ(printed_value<unsigned char>(200), "200");
}

TEST(Print, BoolIsTrueOrFalse) { EXPECT_EQ(printed_value(true), "True"); }

TEST(Print, EnumIsItsNumber) {
  EXPECT_EQ(printed_value(app::Colour::green), "200");
  EXPECT_EQ(printed_value(app::minus), "-1");
}

// The right-hand sides are what CPython's repr gives.
TEST(Print, FloatsAsPythonsRepr) {
  const std::vector<std::pair<double, std::string>> cases = {
      {0.0, "0.0"},
      {-0.0, "-0.0"},
      {1.0, "1.0"},
      {-1.5, "-1.5"},
      {0.1, "0.1"},
      {0.1 + 0.2, "0.30000000000000004"},
      {1e-4, "0.0001"},
      {0.00012345, "0.00012345"},
      {1e-5, "1e-05"},
      {1.5e-5, "1.5e-05"},
      {123456789012345.6, "123456789012345.6"},
      {1e15, "1000000000000000.0"},
      {9007199254740993.0, "9007199254740992.0"},
      {9999999999999998.0, "9999999999999998.0"},
      {1e16, "1e+16"},
      {1.2345e16, "1.2345e+16"},
      {1e100, "1e+100"},
      {5e-324, "5e-324"},
      {1.7976931348623157e308, "1.7976931348623157e+308"},
      {std::numeric_limits<double>::infinity(), "inf"},
      {-std::numeric_limits<double>::infinity(), "-inf"},
      {std::numeric_limits<double>::quiet_NaN(), "nan"},
      {-std::numeric_limits<double>::quiet_NaN(), "nan"},
  };
  for (const auto& [number, text] : cases) EXPECT_EQ(printed_value(number), text);
}

TEST(Print, FloatIsTheDoubleThatPythonMakesOfIt) {
  EXPECT_EQ(printed_value(0.5F), "0.5");
  EXPECT_EQ(printed_value(0.1F), "0.10000000149011612");
}

TEST(Print, CharIsBytes) {
  EXPECT_EQ(printed_value('a'), "b'a'");
  Array<char> text(3);
  text.set_raw("hi");
  EXPECT_EQ(printed(text), "b'hi\\x00'");
  EXPECT_EQ(printed(Array<char>(std::string("\t\n\r\\\x1f ~\x7f\xff"))),
            R"(b'\t\n\r\\\x1f ~\x7f\xff')");
}

TEST(Print, BytesQuoteAsPythonDoes) {
  EXPECT_EQ(printed(Array<char>("it's")), R"(b"it's")");
  EXPECT_EQ(printed(Array<char>(R"("a")")), R"(b'"a"')");
  EXPECT_EQ(printed(Array<char>(R"('"')")), R"(b'\'"\'')");
  EXPECT_EQ(printed(Array<char>(0)), "b''");
}

TEST(Print, WideCharactersAreText) {
  EXPECT_EQ(printed(Array<wchar_t>(std::wstring(L"h\u00e9 \u20ac \U0001F600"))), "hé € 😀");
  EXPECT_EQ(printed(Array<wchar_t>(std::wstring(L"\x7f\x80\x7ff\x800\xffff\U00010000\U0010ffff"))),
            "\x7f\u0080\u07ff\u0800\uffff\U00010000\U0010ffff");
  EXPECT_EQ(printed_value(L'x'), "x");
  EXPECT_EQ(printed(Array<wchar_t>(std::wstring{0xD800, 0x110000, -1})), "\ufffd\ufffd\ufffd");
  EXPECT_EQ(printed(Array<wchar_t>(2)), std::string(2, '\0'));
}

TEST(Print, ArraysAsLists) {
  EXPECT_EQ(printed(Array<int>(0)), "[]");
  EXPECT_EQ(printed(Array<int>::of({7})), "[7]");
  EXPECT_EQ(printed(Array<int>::of({0, 1, 4})), "[0, 1, 4]");
  EXPECT_EQ(printed(Array<double>::of({0, 1.5, 1e16})), "[0.0, 1.5, 1e+16]");
}

TEST(Print, EveryMode) {
  EXPECT_EQ(printed(Value<int, mode::locked>(4)), "4");
  EXPECT_EQ(printed(Value<int, mode::locked_by<Lock>>(4)), "4");
  EXPECT_EQ(printed(Value<int, mode::raw>(4)), "4");
  EXPECT_EQ(printed(Value<app::Point>(app::Point{1, 2})), "(1, 2)");
  EXPECT_EQ(printed(Value<app::Point, mode::locked>(app::Point{1, 2})), "(1, 2)");
  EXPECT_EQ(printed(Array<int, mode::locked>(2)), "[0, 0]");
  EXPECT_EQ(printed(Array<int, mode::raw>(2)), "[0, 0]");
  EXPECT_EQ(printed(Array<int, mode::atomic>(2)), "[0, 0]");
  EXPECT_EQ(printed(Array<int, mode::seqlocked_in<2>>(2)), "[0, 0]");
  EXPECT_EQ(printed(Array<char, mode::locked>("hi")), "b'hi'");
}

TEST(Print, ThroughAReadOnlySegment) {
  const test::ShmName name;
  const auto segment = Segment::create(name.str());
  const Value<int> value(segment["value"], 3);
  const Value<app::Point> point(segment["point"], app::Point{1, 2});
  const Array<char> text(segment["text"], std::string("hi"));
  const auto reader = Segment::open_read_only(name.str());
  EXPECT_EQ(printed(reader.find<Value<const int>>("value").value()), "3");
  EXPECT_EQ(printed(reader.find<Value<const app::Point>>("point").value()), "(1, 2)");
  EXPECT_EQ(printed(reader.find<Array<const char>>("text").value()), "b'hi'");
}

TEST(Print, StructsByTheirOwnOperator) {
  EXPECT_EQ(printed(Array<app::Point>::of({{1, 2}, {3, 4}})), "[(1, 2), (3, 4)]");
  static_assert(HasText<Value<app::Point>> && HasText<Array<app::Point>>);
  static_assert(!HasText<Value<app::Mute>> && !HasText<Array<app::Mute>>);
  static_assert(!Printable<app::Mute>);
}

TEST(Print, OnlyWhatIsOurs) {
  static_assert(!HasText<int> && !HasText<std::string> && !HasText<std::vector<int>>);
  static_assert(!HasText<app::Own> && !HasText<app::Point>);
}

TEST(Print, LocksTellWhetherSomebodyHasThem) {
  Lock lock;
  RLock rlock;
  EXPECT_EQ(printed(lock), "<Lock(free)>");
  EXPECT_EQ(printed(rlock), "<RLock(free)>");
  const std::scoped_lock guard(lock, rlock);
  EXPECT_EQ(printed(lock), "<Lock(held)>");
  EXPECT_EQ(printed(rlock), "<RLock(held)>");
}

TEST(Print, ALockOfTheDeadIsFree) {
  Lock lock;
  test::SharedFlags held;
  test::Child child([&] {
    lock.lock();
    held.raise();
    for (;;) pause();
  });
  held.await();
  EXPECT_EQ(printed(lock), "<Lock(held)>");
  child.kill_unreaped();
  EXPECT_EQ(printed(lock), "<Lock(free)>");
}

TEST(Print, WidthIsOfTheWholeText) {
  std::ostringstream out;
  out << std::hex << std::setprecision(2) << std::setw(12) << std::left << std::setfill('.')
      << Array<int>::of({10, 20}) << Value<double>(0.125);
  EXPECT_EQ(out.str(), "[10, 20]....0.125");
}

TEST(Print, AnErasedArrayIsGone) {
  const test::ShmName name;
  const auto segment = Segment::create(name.str());
  const Array<int> array(segment["array"], 2);
  segment.erase("array");
  std::ostringstream out;
  EXPECT_THROW(out << array, Gone);
  EXPECT_EQ(out.str(), "");
}

}  // namespace
}  // namespace lagoon
