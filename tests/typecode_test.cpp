#include <lagoon/segment.hpp>
#include <lagoon/typecode.hpp>
#include <lagoon/value.hpp>

#include <gtest/gtest.h>

#include <array>
#include <complex>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "expect_throw.hpp"
#include "shm_name.hpp"

namespace {

using lagoon::Scalar;
using lagoon::Shareable;
using lagoon::typecode_t;
using lagoon::Value;
using lagoon::detail::ElementType;

// ---- The table --------------------------------------------------------------------------------

struct Row {
  char code;
  std::size_t size;
  bool is_signed;
  bool is_floating;
};
constexpr Row table[] = {
    {'c', 1, std::is_signed_v<char>, false},
    {'b', 1, true, false},
    {'B', 1, false, false},
    {'u', 4, std::is_signed_v<wchar_t>, false},
    {'h', 2, true, false},
    {'H', 2, false, false},
    {'i', 4, true, false},
    {'I', 4, false, false},
    {'l', 8, true, false},
    {'L', 8, false, false},
    {'q', 8, true, false},
    {'Q', 8, false, false},
    {'f', 4, true, true},
    {'d', 8, true, true},
};

TEST(Typecode, each_has_the_size_and_kind_that_python_gives_it) {
  for (const Row& row : table) {
    SCOPED_TRACE(row.code);
    bool ran = false;
    EXPECT_TRUE(lagoon::with_typecode(row.code, [&](auto* null) {
      using T = std::remove_pointer_t<decltype(null)>;
      EXPECT_EQ(null, nullptr);
      EXPECT_EQ(sizeof(T), row.size);
      EXPECT_EQ(std::is_signed_v<T>, row.is_signed);
      EXPECT_EQ(std::is_floating_point_v<T>, row.is_floating);
      ran = true;
    }));
    EXPECT_TRUE(ran);
  }
}

TEST(Typecode, no_other_character_is_one) {
  const std::string_view known = "cbBuhHiIlLqQfd";
  for (int code = -128; code < 128; ++code) {
    const auto c = static_cast<char>(code);
    bool ran = false;
    EXPECT_EQ(lagoon::with_typecode(c, [&](auto*) { ran = true; }),
              known.find(c) != std::string_view::npos)
        << code;
    EXPECT_EQ(ran, known.find(c) != std::string_view::npos) << code;
  }
}

template <char Code>
void expect_zero_without_initialiser() {
  const Value<typecode_t<Code>> value;
  EXPECT_EQ(value.get(), typecode_t<Code>{}) << Code;
}

TEST(Typecode, without_an_initialiser_a_value_is_zero) {
  expect_zero_without_initialiser<'c'>();
  expect_zero_without_initialiser<'b'>();
  expect_zero_without_initialiser<'B'>();
  expect_zero_without_initialiser<'u'>();
  expect_zero_without_initialiser<'h'>();
  expect_zero_without_initialiser<'H'>();
  expect_zero_without_initialiser<'i'>();
  expect_zero_without_initialiser<'I'>();
  expect_zero_without_initialiser<'l'>();
  expect_zero_without_initialiser<'L'>();
  expect_zero_without_initialiser<'q'>();
  expect_zero_without_initialiser<'Q'>();
  expect_zero_without_initialiser<'f'>();
  expect_zero_without_initialiser<'d'>();
}

// ---- What may be shared -----------------------------------------------------------------------

enum class Colour : std::uint8_t { red, green };
enum Old { first, second };
struct Empty {};
struct Plain {
  int a;
  double b;
};
struct Small {
  bool flag;
  Colour colour;
  char name[5];
};
struct Nested {
  Plain plain[3];
  std::array<float, 4> more;
  Small small;
};
struct Bits {
  unsigned a : 3;
  int b : 5;
};
union Either {
  int a;
  double b;
};
class Closed {  // no aggregate: it says for itself that it is trivially copyable
 public:
  Closed() = default;
  explicit Closed(int x) : x_(x) {}
  [[nodiscard]] int x() const { return x_; }

 private:
  int x_ = 0;
};
class FixedString {
 public:
  FixedString() = default;
  [[nodiscard]] const char* data() const { return text_; }
  [[nodiscard]] const char* begin() const { return text_; }
  [[nodiscard]] const char* end() const { return text_ + size_; }

 private:
  char text_[15] = {};
  char size_ = 0;
};
struct PointerFirst {
  int* p;
};
struct PointerLast {
  int a;
  double b[3];
  const char* p;
};
struct PointerInside {
  Plain plain;
  PointerLast inner;
};
struct PointerArray {
  char c;
  void* p[2];
};
struct FunctionPointer {
  int a;
  void (*f)();
};
struct MemberPointer {
  int a;
  int Plain::*m;
};
struct OwnsMemory {
  std::string text;
};
struct Virtual {
  virtual ~Virtual() = default;
};

static_assert(Shareable<int> && Shareable<bool> && Shareable<double> && Shareable<wchar_t>);
static_assert(Shareable<Colour> && Shareable<Old>);
static_assert(Shareable<Plain> && Shareable<Small> && Shareable<Nested> && Shareable<Bits>);
static_assert(Shareable<Either> && Shareable<Closed> && Shareable<Empty>);
static_assert(Shareable<std::array<int, 100>> && Shareable<std::complex<double>>);
static_assert(!Shareable<int*> && !Shareable<void (*)()> && !Shareable<int Plain::*>);
static_assert(!Shareable<std::nullptr_t>);
static_assert(!Shareable<PointerFirst> && !Shareable<PointerLast> && !Shareable<PointerInside>);
static_assert(!Shareable<PointerArray> && !Shareable<FunctionPointer>);
static_assert(!Shareable<MemberPointer> && !Shareable<std::array<char*, 2>>);
static_assert(!Shareable<OwnsMemory> && !Shareable<Virtual>);
static_assert(!Shareable<std::string_view> && !Shareable<std::span<int>>);
static_assert(Shareable<FixedString>, "its data() is inside");
static_assert(!Shareable<std::vector<int>> && !Shareable<long double> && !Shareable<int&>);

static_assert(Scalar<int> && Scalar<char> && Scalar<bool> && Scalar<float> && Scalar<Colour>);
static_assert(!Scalar<Plain> && !Scalar<int*> && !Scalar<const int> && !Scalar<long double>);

// ---- How a type is named ----------------------------------------------------------------------

TEST(ElementType, says_what_it_is) {
  EXPECT_EQ(ElementType::of<signed char>().text(), "int8");
  EXPECT_EQ(ElementType::of<unsigned char>().text(), "uint8");
  EXPECT_EQ(ElementType::of<short>().text(), "int16");
  EXPECT_EQ(ElementType::of<unsigned>().text(), "uint32");
  EXPECT_EQ(ElementType::of<long>().text(), "int64");
  EXPECT_EQ(ElementType::of<long long>().text(), "int64");
  EXPECT_EQ(ElementType::of<float>().text(), "float");
  EXPECT_EQ(ElementType::of<double>().text(), "double");
  EXPECT_EQ(ElementType::of<char>().text(), "char");
  EXPECT_EQ(ElementType::of<wchar_t>().text(), "wchar_t");
  EXPECT_EQ(ElementType::of<bool>().text(), "bool");
  EXPECT_EQ(ElementType::of<Plain>().text(), "struct of 16 bytes");
  EXPECT_EQ(ElementType::of<Colour>().text(), "enum of 1 byte");
  EXPECT_EQ(ElementType::of<Old>().text(), "enum of 4 bytes");
}

TEST(ElementType, an_enum_without_a_name_is_known_by_its_size) {
  const lagoon::test::ShmName name;
  const lagoon::Segment segment = lagoon::Segment::create(name);
  const Value<Colour> colour{segment["colour"], Colour::green};
  EXPECT_EQ(segment.find<Value<Colour>>("colour")->get(), Colour::green);
  lagoon::test::expect_throw<lagoon::TypeMismatch>(
      [&] { const Value<Old> old(segment["colour"], first); },
      {"enum of 1 byte", "enum of 4 bytes"});
}

}  // namespace
