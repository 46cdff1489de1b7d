#include <gtest/gtest.h>
#include <lagoon/any.hpp>

#include <cmath>
#include <cstdint>
#include <limits>
#include <list>
#include <set>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "child.hpp"
#include "shm_name.hpp"

namespace lagoon {
namespace {

constexpr std::string_view every_typecode = "cbBuhHiIlLqQfd";

using Scalars = std::vector<AnyScalar>;

template <class E, class F>
std::string message_of(F&& f) {
  try {
    f();
  } catch (const E& e) {
    return e.what();
  }
  ADD_FAILURE() << "nothing was thrown";
  return "";
}

AnyScalar stored(char typecode, AnyScalar x) { return AnyValue::make(typecode, x).get(); }

// ---- AnyScalar -------------------------------------------------------------------------------

TEST(AnyScalar, KnowsPythonsKinds) {
  EXPECT_TRUE(std::holds_alternative<std::int64_t>(AnyScalar(5)));
  EXPECT_TRUE(std::holds_alternative<std::int64_t>(AnyScalar(std::uint64_t{5})));
  EXPECT_TRUE(std::holds_alternative<std::int64_t>(AnyScalar(static_cast<unsigned char>(5))));
  EXPECT_TRUE(std::holds_alternative<std::uint64_t>(AnyScalar(~std::uint64_t{0})));
  EXPECT_TRUE(std::holds_alternative<double>(AnyScalar(0.5F)));
  EXPECT_TRUE(std::holds_alternative<char>(AnyScalar('x')));
  EXPECT_TRUE(std::holds_alternative<wchar_t>(AnyScalar(L'x')));
}

TEST(AnyScalar, EqualIntegersAreEqualWhateverTheyCameFrom) {
  EXPECT_EQ(AnyScalar(5), AnyScalar(5ULL));
  EXPECT_EQ(AnyScalar(true), AnyScalar(short{1}));
  EXPECT_NE(AnyScalar(-1), AnyScalar(~0ULL));
  EXPECT_NE(AnyScalar('a'), AnyScalar(97));
  EXPECT_EQ(AnyScalar(), AnyScalar(0));
}

TEST(AnyScalar, IsMadeOfScalarsOnly) {
  enum class Colour { red };
  static_assert(std::is_convertible_v<unsigned short, AnyScalar>);
  static_assert(!std::is_convertible_v<Colour, AnyScalar>);
  static_assert(!std::is_convertible_v<const char*, AnyScalar>);
}

// ---- The table -------------------------------------------------------------------------------

TEST(Any, TakesEveryTypecodeAndNoOther) {
  const std::set<char> known(every_typecode.begin(), every_typecode.end());
  for (int i = -128; i < 128; ++i) {
    const char code = static_cast<char>(i);
    if (known.contains(code)) {
      EXPECT_EQ(AnyValue::make(code).typecode(), code);
      EXPECT_EQ(AnyArray::make(code, 3).typecode(), code);
    } else {
      EXPECT_THROW((void)AnyValue::make(code), InvalidArgument) << i;
      EXPECT_THROW((void)AnyValue::make(code, 0), InvalidArgument) << i;
      EXPECT_THROW((void)AnyArray::make(code, 3), InvalidArgument) << i;
      EXPECT_THROW((void)AnyArray::of(code, {1}), InvalidArgument) << i;
    }
  }
}

TEST(Any, TypecodesNameTheTypesOfTypecodeT) {
  AnyValue::make('c').visit([]<class T>(Value<T>&) { EXPECT_TRUE((std::is_same_v<T, char>)); });
  AnyValue::make('l').visit([]<class T>(Value<T>&) { EXPECT_TRUE((std::is_same_v<T, long>)); });
  for (const char code : every_typecode) {
    const bool known = with_typecode(code, [&]<class T>(T*) {
      AnyArray::make(code, 1).visit(
          []<class U>(Array<U>&) { EXPECT_TRUE((std::is_same_v<T, U>)); });
    });
    EXPECT_TRUE(known);
  }
}

TEST(Any, AnUnknownTypecodeIsNamedWithTheTable) {
  const std::string says = message_of<InvalidArgument>([] { (void)AnyValue::make('z'); });
  EXPECT_EQ(says.find("this type has no size: typecode 'z' was found"), 0U) << says;
  for (const char code : every_typecode)
    EXPECT_NE(says.find(std::string{' ', code, ' '}), std::string::npos) << says;
  EXPECT_NE(message_of<InvalidArgument>([] {
              (void)AnyArray::make('\x80', 1);
            }).find("typecode number 128 "),
            std::string::npos);
}

// ---- Conversions -----------------------------------------------------------------------------

TEST(AnyValue, WithoutInitialiserIsZero) {
  for (const char code : every_typecode) {
    const AnyScalar zero = code == 'c'                  ? AnyScalar('\0')
                           : code == 'u'                ? AnyScalar(L'\0')
                           : code == 'f' || code == 'd' ? AnyScalar(0.0)
                                                        : AnyScalar(0);
    EXPECT_EQ(AnyValue::make(code).get(), zero) << code;
    EXPECT_EQ(AnyArray::make(code, 2).snapshot(), Scalars({zero, zero})) << code;
  }
}

TEST(AnyValue, IntegersWrapSilently) {
  EXPECT_EQ(stored('b', 300), AnyScalar(44));
  EXPECT_EQ(stored('B', -1), AnyScalar(255));
  EXPECT_EQ(stored('h', 40000), AnyScalar(-25536));
  EXPECT_EQ(stored('I', -1), AnyScalar(4294967295U));
  EXPECT_EQ(stored('i', 1LL << 32), AnyScalar(0));
  EXPECT_EQ(stored('q', ~0ULL), AnyScalar(-1));
  EXPECT_EQ(stored('Q', -1), AnyScalar(~0ULL));
  EXPECT_EQ(stored('L', std::numeric_limits<std::int64_t>::min()), AnyScalar(1ULL << 63));
}

TEST(AnyValue, FloatsTakeAnyNumber) {
  EXPECT_EQ(stored('d', 3), AnyScalar(3.0));
  EXPECT_EQ(stored('d', ~0ULL), AnyScalar(18446744073709551616.0));
  EXPECT_EQ(stored('f', 0.1), AnyScalar(static_cast<double>(0.1F)));
  EXPECT_EQ(stored('f', 1e39), AnyScalar(std::numeric_limits<double>::infinity()));
  EXPECT_TRUE(std::isnan(std::get<double>(stored('d', std::nan("")))));
}

TEST(AnyValue, ABoolIsAnInteger) {
  EXPECT_EQ(stored('i', true), AnyScalar(1));
  EXPECT_EQ(stored('d', true), AnyScalar(1.0));
}

TEST(AnyValue, WhatDoesNotConvertIsNamedAndChangesNothing) {
  for (const char code : std::string_view("bBhHiIlLqQ")) {
    AnyValue value = AnyValue::make(code, 7);
    EXPECT_THROW(value.set(2.0), InvalidArgument) << code;
    EXPECT_THROW(value.set('x'), InvalidArgument) << code;
    EXPECT_THROW(value.set(L'x'), InvalidArgument) << code;
    EXPECT_EQ(value.get(), AnyScalar(7));
  }
  EXPECT_THROW(stored('f', 'x'), InvalidArgument);
  EXPECT_THROW(stored('d', L'x'), InvalidArgument);
  EXPECT_THROW(stored('c', 120), InvalidArgument);
  EXPECT_THROW(stored('c', L'x'), InvalidArgument);
  EXPECT_THROW(stored('u', 'x'), InvalidArgument);
  EXPECT_THROW(stored('u', 0.5), InvalidArgument);
  EXPECT_EQ(message_of<InvalidArgument>([] { stored('i', 2.5); }),
            "typecode 'i' (int32) takes an integer; it was given the float 2.5");
  EXPECT_EQ(message_of<InvalidArgument>([] { stored('c', 5); }),
            "typecode 'c' (char) takes a char; it was given the integer 5");
  EXPECT_EQ(message_of<InvalidArgument>([] { stored('d', 'x'); }),
            "typecode 'd' (double) takes a number; it was given the char b'x'");
}

TEST(AnyValue, CharactersStayCharacters) {
  EXPECT_EQ(stored('c', '\xff'), AnyScalar('\xff'));
  EXPECT_EQ(stored('u', L'\u20ac'), AnyScalar(L'\u20ac'));
}

TEST(AnyValue, SetAndVisit) {
  AnyValue value = AnyValue::make('h', 1);
  value.set(5);
  EXPECT_EQ(value.get(), AnyScalar(5));
  value.visit([]<class V>(V& typed) { typed += static_cast<typename V::value_type>(2); });
  EXPECT_EQ(std::as_const(value).visit([](const auto& typed) { return int(typed.get()); }), 7);
}

TEST(AnyValue, IsSharedWithChildren) {
  AnyValue value = AnyValue::make('d', 1);
  test::Child child([&] { value.set(2.5); });
  EXPECT_EQ(child.exitcode(), 0);
  EXPECT_EQ(value.get(), AnyScalar(2.5));
}

// ---- Arrays ----------------------------------------------------------------------------------

TEST(AnyArray, OfALengthOrOfValues) {
  EXPECT_EQ(AnyArray::make('i', 10).size(), 10U);
  EXPECT_EQ(AnyArray::make('i', 0).size(), 0U);
  EXPECT_EQ(AnyArray::make('h', std::vector{1, 70000}).snapshot(), Scalars({1, 4464}));
  EXPECT_EQ(AnyArray::make('d', std::list<int>{1, 2}).snapshot(), Scalars({1.0, 2.0}));
  EXPECT_EQ(AnyArray::of('d', {1, 2.5, 3U}).snapshot(), Scalars({1.0, 2.5, 3.0}));
  EXPECT_EQ(AnyArray::of('d', {7}).snapshot(), Scalars{7.0});
  EXPECT_EQ(AnyArray::make('c', "hi").snapshot(), Scalars({'h', 'i'}));
  EXPECT_EQ(AnyArray::make('c', std::string("a\0", 2)).snapshot(), Scalars({'a', '\0'}));
  EXPECT_EQ(AnyArray::make('u', std::wstring(L"\u20ac")).snapshot(), Scalars{L'\u20ac'});
}

TEST(AnyArray, ANegativeLengthIsInvalid) {
  EXPECT_THROW((void)AnyArray::make('i', -1), InvalidArgument);
  EXPECT_THROW((void)AnyArray::make('d', ~std::size_t{0} / 8), OutOfMemory);
}

TEST(AnyArray, GetAndSetAreChecked) {
  AnyArray array = AnyArray::of('i', {1, 2, 3});
  array.set(2, 1LL << 33);
  EXPECT_EQ(array.get(2), AnyScalar(0));
  EXPECT_EQ(array.get(0), AnyScalar(1));
  EXPECT_THROW((void)array.get(3), OutOfRange);
  EXPECT_THROW(array.set(3, 1), OutOfRange);
  EXPECT_THROW(array.set(0, 2.5), InvalidArgument);
  EXPECT_EQ(array.snapshot(), Scalars({1, 2, 0}));
}

TEST(AnyArray, SlicesAsPythons) {
  AnyArray array = AnyArray::of('i', {0, 1, 2, 3, 4});
  EXPECT_EQ(array.slice(1, 3), Scalars({1, 2}));
  EXPECT_EQ(array.slice(-2), Scalars({3, 4}));
  EXPECT_EQ(array.slice({}, {}, -2), Scalars({4, 2, 0}));
  EXPECT_EQ(array.slice(3, 100), Scalars({3, 4}));
  EXPECT_THROW((void)array.slice({}, {}, 0), InvalidArgument);
  array.assign_slice(0, 2, std::vector{10, 11});
  array.assign_slice({}, {}, -2, std::vector{14, 12, 10});
  EXPECT_EQ(array.snapshot(), Scalars({10, 11, 12, 3, 14}));
}

TEST(AnyArray, ASliceIsAssignedWholeOrNotAtAll) {
  AnyArray array = AnyArray::of('i', {1, 2, 3});
  EXPECT_THROW(array.assign_slice(0, 2, std::vector{1}), InvalidArgument);
  EXPECT_THROW(array.assign_slice(0, 2, Scalars({9, 2.5})), InvalidArgument);
  EXPECT_EQ(array.snapshot(), Scalars({1, 2, 3}));
  array.visit([](auto& typed) { EXPECT_EQ(typed.version(), 1U); });
}

TEST(AnyArray, InAPlaceIsTheSameAsTheTypedOne) {
  const test::ShmName name;
  const auto segment = Segment::create(name.str());
  AnyArray any = AnyArray::make(segment["prices"], 'd', 2);
  Array<double> typed(segment["prices"], 2);
  any.set(1, 5);
  EXPECT_EQ(typed.get(1), 5.0);
  EXPECT_EQ(AnyArray::make(segment["prices"], 'd', std::vector{8, 9}).snapshot(),
            Scalars({0.0, 5.0}));
  EXPECT_THROW((void)AnyArray::make(segment["prices"], 'f', 2), TypeMismatch);
  EXPECT_THROW((void)AnyArray::make(segment["prices"], 'd', 3), TypeMismatch);

  AnyValue count = AnyValue::make(segment["count"], 'q', 7);
  EXPECT_EQ(Value<std::int64_t>(segment["count"]).get(), 7);
  EXPECT_EQ(AnyValue::make(segment["count"], 'l').get(), AnyScalar(7));
  EXPECT_THROW((void)AnyValue::make(segment["count"], 'Q'), TypeMismatch);
}

TEST(AnyArray, NothingIsMadeOfWhatDoesNotConvert) {
  const test::ShmName name;
  const auto segment = Segment::create(name.str());
  EXPECT_THROW((void)AnyArray::make(segment["a"], 'i', Scalars({1, 2.5})), InvalidArgument);
  EXPECT_THROW((void)AnyValue::make(segment["v"], 'i', 2.5), InvalidArgument);
  EXPECT_TRUE(segment.objects().empty());
}

TEST(Any, PrintsAsTheTypedOne) {
  EXPECT_EQ(str(AnyValue::make('d', 1)), "1.0");
  EXPECT_EQ(str(AnyValue::make('c', 'x')), "b'x'");
  EXPECT_EQ(str(AnyArray::of('b', {1, 300})), "[1, 44]");
  EXPECT_EQ(str(AnyArray::make('c', "it's")), R"(b"it's")");
  EXPECT_EQ(str(AnyScalar(~0ULL)), "18446744073709551615");
}

}  // namespace
}  // namespace lagoon
