#pragma once
/// Python's typecodes, what may be shared, and how a type is named in shared memory.
///
///   c char   b signed char  B unsigned char   u wchar_t   h short  H unsigned short
///   i int    I unsigned     l long            L unsigned long
///   q long long             Q unsigned long long          f float  d double
///
/// Any trivially copyable struct without pointers can be shared too (a pointer means nothing in
/// another process). To be found by name it must say what it is called:
///
///   template <> inline constexpr std::string_view lagoon::type_name<Quote> = "Quote";
///
/// Pointers inside a struct are found at compile time in aggregates, up to their 64th scalar, and
/// so are views (borrowed ranges with a data()). Not found: references, unions, what a class hides.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace lagoon {

/// The name by which programs agree on a struct's layout; at most 39 characters.
template <class T>
inline constexpr std::string_view type_name{};

namespace detail {

template <char Code>
struct TypecodeOf;
#define LAGOON_TYPECODE(code, cpp) \
  template <>                      \
  struct TypecodeOf<code> {        \
    using type = cpp;              \
  }
LAGOON_TYPECODE('c', char);
LAGOON_TYPECODE('b', signed char);
LAGOON_TYPECODE('B', unsigned char);
LAGOON_TYPECODE('u', wchar_t);
LAGOON_TYPECODE('h', short);
LAGOON_TYPECODE('H', unsigned short);
LAGOON_TYPECODE('i', int);
LAGOON_TYPECODE('I', unsigned int);
LAGOON_TYPECODE('l', long);
LAGOON_TYPECODE('L', unsigned long);
LAGOON_TYPECODE('q', long long);
LAGOON_TYPECODE('Q', unsigned long long);
LAGOON_TYPECODE('f', float);
LAGOON_TYPECODE('d', double);
#undef LAGOON_TYPECODE

/// Converts to scalars only, so that braces reach through nested aggregates and arrays.
struct AnyScalar {
  template <class S>
  requires std::is_scalar_v<S>
  operator S() const noexcept;
};
struct AnyPointer {
  template <class S>
  requires(std::is_pointer_v<S> || std::is_member_pointer_v<S>) operator S() const noexcept;
};
template <std::size_t>
using ScalarAt = AnyScalar;

template <class T, std::size_t... Before>
consteval bool pointer_follows(std::index_sequence<Before...>) {
  return requires { T{ScalarAt<Before>{}..., AnyPointer{}}; };
}
template <class T, std::size_t... Position>
consteval bool has_pointer_at(std::index_sequence<Position...>) {
  return (pointer_follows<T>(std::make_index_sequence<Position>{}) || ...);
}
template <class T>
consteval bool has_pointers() {
  if constexpr (std::is_array_v<T>)
    return has_pointers<std::remove_all_extents_t<T>>();
  else if constexpr (std::is_aggregate_v<T> && !std::is_empty_v<T>)
    return has_pointer_at<T>(std::make_index_sequence<(sizeof(T) < 64 ? sizeof(T) : 64)>{});
  else if constexpr (std::ranges::enable_borrowed_range<T>)
    return requires(const T& x) { x.data(); };  // string_view, span and the like
  else
    return std::is_pointer_v<T> || std::is_member_pointer_v<T> || std::is_null_pointer_v<T>;
}

}  // namespace detail

/// The C++ type of a typecode.
template <char Code>
using typecode_t = typename detail::TypecodeOf<Code>::type;

/// Lives in one atomic word.
template <class T>
concept Scalar = ((std::is_arithmetic_v<T> && !std::is_same_v<T, long double>) ||
                  std::is_enum_v<T>)&&std::is_same_v<T, std::remove_cv_t<T>>;

/// Means the same in every process.
template <class T>
concept Shareable =
    std::is_trivially_copyable_v<T> && std::is_object_v<T> && !std::is_same_v<T, long double> &&
    !detail::has_pointers<T>();

/// Runs f with a null pointer of the type of `code`; false if there is no such typecode.
template <class F>
constexpr bool with_typecode(char code, F&& f) {
  switch (code) {
    case 'c':
      f(static_cast<typecode_t<'c'>*>(nullptr));
      return true;
    case 'b':
      f(static_cast<typecode_t<'b'>*>(nullptr));
      return true;
    case 'B':
      f(static_cast<typecode_t<'B'>*>(nullptr));
      return true;
    case 'u':
      f(static_cast<typecode_t<'u'>*>(nullptr));
      return true;
    case 'h':
      f(static_cast<typecode_t<'h'>*>(nullptr));
      return true;
    case 'H':
      f(static_cast<typecode_t<'H'>*>(nullptr));
      return true;
    case 'i':
      f(static_cast<typecode_t<'i'>*>(nullptr));
      return true;
    case 'I':
      f(static_cast<typecode_t<'I'>*>(nullptr));
      return true;
    case 'l':
      f(static_cast<typecode_t<'l'>*>(nullptr));
      return true;
    case 'L':
      f(static_cast<typecode_t<'L'>*>(nullptr));
      return true;
    case 'q':
      f(static_cast<typecode_t<'q'>*>(nullptr));
      return true;
    case 'Q':
      f(static_cast<typecode_t<'Q'>*>(nullptr));
      return true;
    case 'f':
      f(static_cast<typecode_t<'f'>*>(nullptr));
      return true;
    case 'd':
      f(static_cast<typecode_t<'d'>*>(nullptr));
      return true;
    default:
      return false;
  }
}

namespace detail {

/// What the elements of an object are, as its stamp records it: types that mean the same (long and
/// long long) have the same.
struct ElementType {
  enum class Kind : std::uint8_t {
    none,
    integer,
    natural,
    floating,
    character,
    wide,
    boolean,
    structure,
    enumeration
  };
  Kind kind = Kind::none;
  std::uint8_t align = 0;
  std::uint32_t size = 0;
  std::string_view name{};

  template <class T>
  static constexpr ElementType of() {
    using Kind = ElementType::Kind;
    constexpr Kind kind = [] {
      if constexpr (std::is_same_v<T, bool>)
        return Kind::boolean;
      else if constexpr (std::is_same_v<T, char>)
        return Kind::character;
      else if constexpr (std::is_same_v<T, wchar_t>)
        return Kind::wide;
      else if constexpr (std::is_floating_point_v<T>)
        return Kind::floating;
      else if constexpr (std::is_integral_v<T>)
        return std::is_signed_v<T> ? Kind::integer : Kind::natural;
      else if constexpr (std::is_enum_v<T>)
        return Kind::enumeration;
      else
        return Kind::structure;
    }();
    static_assert(alignof(T) <= 64, "elements are aligned to 64 bytes at most");
    static_assert(type_name<T>.size() < 40, "a type_name has at most 39 characters");
    return {kind, static_cast<std::uint8_t>(alignof(T)), sizeof(T), type_name<T>};
  }
  /// Such as "int32", "double", "Quote".
  [[nodiscard]] std::string text() const;
};

}  // namespace detail
}  // namespace lagoon
