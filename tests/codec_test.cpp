#include <lagoon/codec.hpp>

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "expect_throw.hpp"

namespace {

struct Point {
  int x = 0, y = 0;
  bool operator==(const Point&) const = default;
};
struct Client {
  std::string name;
  int orders = 0;
  bool operator==(const Client&) const = default;
};

}  // namespace

template <>
inline constexpr std::string_view lagoon::type_name<Point> = "Point";
template <>
struct lagoon::Codec<Client> {
  static constexpr std::string_view name = "Client";
  static void encode(Encoder& to, const Client& x) { to.put(x.name).put(x.orders); }
  static Client decode(Decoder& from) {
    auto called = from.take<std::string>();
    return {std::move(called), from.take<int>()};
  }
};

namespace {

using lagoon::Decoder;
using lagoon::Encoder;
using lagoon::Object;
using lagoon::test::expect_throw;

template <class T>
T there_and_back(const T& x) {
  Encoder to;
  to.put(x);
  Decoder from(to.bytes());
  T back = from.take<T>();
  EXPECT_EQ(from.left(), 0U);
  return back;
}
template <class T>
void expect_kept(const T& x) {
  EXPECT_EQ(there_and_back(x), x);
}

TEST(Codec, keeps_what_it_is_given) {
  expect_kept(42);
  expect_kept(-1.5);
  expect_kept(Point{1, 2});
  expect_kept(std::array<std::int64_t, 3>{1, 2, 3});
  expect_kept(std::string());
  expect_kept(std::string(1000, 'x'));
  expect_kept(std::vector<double>{1, 2.5});
  expect_kept(std::vector<bool>{true, false, true});
  expect_kept(std::vector<std::string>{"a", "", "ccc"});
  expect_kept(std::vector<std::vector<int>>{{1}, {}, {2, 3}});
  expect_kept(std::pair<std::string, int>{"a", 1});
  expect_kept(std::tuple<int, std::string, Point>{1, "b", {3, 4}});
  expect_kept(std::tuple<>{});
  expect_kept(Client{"Ada", 3});
  expect_kept(std::vector<Client>{{"Ada", 3}, {"Bob", 0}});
}

TEST(Codec, keeps_objects_as_they_are) {
  const std::vector<Object> all{
      nullptr,
      true,
      false,
      0,
      -1,
      INT64_MIN,
      Object::integer("123456789012345678901234567890"),
      Object::integer("-123456789012345678901234567890"),
      0.0,
      -0.0,
      1e300,
      "",
      "short",
      "a text of more than fourteen bytes, with é and 🙂",
      Object::bytes(std::string_view("\0\xff", 2)),
      Object::list(1, "a", Object::list()),
      Object::tuple(),
      Object::tuple(1, 2.5),
      Object::dict({{"a", 1}, {2, Object::list(3)}, {Object::tuple(1, 2), nullptr}}),
      Object::set(1, "a"),
      Object::frozenset(Object::frozenset(), 2),
      Object::opaque("decimal.Decimal", "1.5", {Object("x"), Object(2)})};
  for (const Object& x : all) {
    const Object back = there_and_back(x);
    EXPECT_EQ(back, x) << x.repr();
    EXPECT_EQ(back.kind(), x.kind()) << x.repr();
    EXPECT_EQ(back.repr(), x.repr());
  }
}

TEST(Codec, of_what_is_nested_too_deep_is_an_error) {
  Object deep = 1;
  for (int i = 0; i < Object::max_depth; ++i) deep = Object::list(std::move(deep));
  EXPECT_EQ(there_and_back(deep), deep);
  deep = Object::list(std::move(deep));
  Encoder to;
  expect_throw<lagoon::UsageError>([&] { to.put(deep); }, {"maximum recursion depth exceeded"});
}

TEST(Codec, of_damaged_bytes_is_an_error) {
  Encoder to;
  to.put(Object::dict(
      {{"a", Object::list(1, 2.5, "text")}, {"b", Object::integer("1" + std::string(40, '0'))}}));
  for (std::size_t n = 0; n < to.bytes().size(); ++n) {
    Decoder from(to.bytes().first(n));
    EXPECT_THROW((void)from.take<Object>(), lagoon::LayoutMismatch) << n;
  }
  const std::byte unknown{200};
  Decoder from({&unknown, 1});
  expect_throw<lagoon::LayoutMismatch>([&] { (void)from.take<Object>(); }, {"unknown"});
  Encoder huge;
  huge.put_count(~std::uint64_t{0}).put(1);
  Decoder text(huge.bytes()), numbers(huge.bytes()), texts(huge.bytes());
  EXPECT_THROW((void)text.take<std::string>(), lagoon::LayoutMismatch);
  EXPECT_THROW((void)numbers.take<std::vector<double>>(), lagoon::LayoutMismatch);
  EXPECT_THROW((void)texts.take<std::vector<std::string>>(), lagoon::LayoutMismatch);
}

TEST(Codec, says_what_a_type_is_called) {
  using lagoon::detail::CodecName;
  EXPECT_EQ(CodecName<int>::text(), "int32");
  EXPECT_EQ(CodecName<Point>::text(), "Point");
  EXPECT_EQ(CodecName<std::string>::text(), "str");
  EXPECT_EQ(CodecName<Object>::text(), "object");
  EXPECT_EQ(CodecName<Client>::text(), "Client");
  EXPECT_EQ((CodecName<std::vector<std::pair<int, std::string>>>::text()),
            "list[tuple[int32, str]]");
}

static_assert(lagoon::PlainBytes<Point> && lagoon::PlainBytes<int>);
static_assert(!lagoon::Encodable<const char*> && !lagoon::Encodable<std::string_view>);

}  // namespace
