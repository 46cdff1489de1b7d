#include <gtest/gtest.h>
#include <lagoon/fmt.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <ostream>
#include <vector>

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

}  // namespace app

namespace lagoon {
namespace {

TEST(Fmt, SaysWhatTheStreamSays) {
  EXPECT_EQ(fmt::format("{}", Value<int>(3)), "3");
  EXPECT_EQ(fmt::format("{}", Value<bool>(true)), "True");
  EXPECT_EQ(fmt::format("{}", Value<double, mode::locked>(1)), "1.0");
  EXPECT_EQ(fmt::format("{}", Value<app::Point>(app::Point{1, 2})), "(1, 2)");
  EXPECT_EQ(fmt::format("{}", Array<char>("hi")), "b'hi'");
  EXPECT_EQ(fmt::format("{}", Array<int, mode::atomic>(2)), "[0, 0]");
  EXPECT_EQ(fmt::format("{}", Array<app::Point>(1)), "[(0, 0)]");
  EXPECT_EQ(fmt::format("{} {}", Lock(), RLock()), "<Lock(free)> <RLock(free)>");
}

TEST(Fmt, OfTypecodes) {
  EXPECT_EQ(fmt::format("{}", AnyValue::make('c', 'x')), "b'x'");
  EXPECT_EQ(fmt::format("{}", AnyArray::of('d', {1, 2.5})), "[1.0, 2.5]");
  EXPECT_EQ(fmt::format("{}", AnyScalar(2.0)), "2.0");
}

TEST(Fmt, OfObjects) {
  Object o = Object::dict({{"a", Object::list(1, "b", nullptr)}});
  EXPECT_EQ(fmt::format("{}", o), "{'a': [1, 'b', None]}");
  EXPECT_EQ(fmt::format("{:>4}|{}", Object("x"), o["a"]), "   x|[1, 'b', None]");
}

TEST(Fmt, SpecificationsAreThoseOfAString) {
  EXPECT_EQ(fmt::format("{:>6}|{:*^5}", Array<int>::of({1}), Value<int>(3)), "   [1]|**3**");
  EXPECT_EQ(fmt::format("{:.4}", Array<int>::of({1, 2, 3})), "[1, ");
  const Value<int> value(3);
  EXPECT_THROW((void)fmt::format(fmt::runtime("{:x}"), value), fmt::format_error);
}

TEST(Fmt, TakesNothingThatIsNotOurs) {
  EXPECT_EQ(fmt::format("{} {:x} {}", 255, 255, true), "255 ff true");
  EXPECT_EQ(fmt::format("{}", std::vector<int>{1, 2}), "[1, 2]");
  static_assert(fmt::is_formattable<Value<int>>());
  static_assert(!fmt::is_formattable<Value<app::Mute>>());
}

}  // namespace
}  // namespace lagoon
