#pragma once
/// Which types of C++ go into an Object, and which come out of one (lagoon/object.hpp has the
/// table).

#include <array>
#include <concepts>
#include <cstddef>
#include <iterator>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace lagoon {

class Object;

namespace detail {

template <class T, class... U>
inline constexpr bool is_one_of = (std::is_same_v<T, U> || ...);

template <class T, template <class...> class Of>
inline constexpr bool is_made_of = false;
template <template <class...> class Of, class... T>
inline constexpr bool is_made_of<Of<T...>, Of> = true;

template <class T>
inline constexpr bool is_array = false;
template <class T, std::size_t n>
inline constexpr bool is_array<std::array<T, n>> = true;

template <class T>
concept Nothing = is_one_of<T, std::nullptr_t, std::nullopt_t>;

/// A number: neither a bool nor a character.
template <class T>
concept PlainInteger =
    std::integral<T> && !is_one_of<T, bool, char, wchar_t, char8_t, char16_t, char32_t>;

/// Strings, views of them, literals, `const char*`.
template <class T>
concept TextLike = std::is_convertible_v<const T&, std::string_view> && !Nothing<T>;

/// Where items are taken from it: the last one would be the NUL at its end.
template <class T>
consteval void refuse_literal() {
  using Array = std::remove_reference_t<T>;
  static_assert(!std::is_array_v<Array> ||
                    !std::is_same_v<std::remove_cv_t<std::remove_extent_t<Array>>, char>,
                "a literal ends with a NUL, which would be an item too: give a std::string_view");
}

template <class T>
concept Iterable = requires(T& x) {
  { std::begin(x) != std::end(x) } -> std::convertible_to<bool>;
  *std::begin(x);
};
template <class T>
using ItemOf = std::iter_value_t<decltype(std::begin(std::declval<T&>()))>;

template <class T>
concept MapLike = Iterable<T> && requires {
  typename T::key_type;
  typename T::mapped_type;
};
template <class T>
concept SetLike = Iterable<T> && !MapLike<T> && requires {
  typename T::key_type;
};
template <class T>
concept TupleLike = !Iterable<T> && requires {
  std::tuple_size<T>::value;
};

/// Whether `f.operator()<U>()` holds for the type U of each item of a tuple.
template <class T, class F>
constexpr bool for_each_item(F f) {
  return [f]<std::size_t... i>(std::index_sequence<i...>) {
    return (f.template operator()<std::remove_cvref_t<std::tuple_element_t<i, T>>>() && ...);
  }
  (std::make_index_sequence<std::tuple_size_v<T>>{});
}

/// Dict, List, …: to which an Object refers.
template <class T>
concept SharedContainer = requires {
  typename T::is_shared_container;
};

/// Of a type that may be const, which some ranges forbid themselves to be, but no reference.
template <class Given>
constexpr bool goes_in() {
  using T = std::remove_const_t<Given>;
  if constexpr (std::is_same_v<T, Object> || std::is_arithmetic_v<T>)
    return is_one_of<T, Object, bool, char> || std::is_floating_point_v<T> || PlainInteger<T>;
  else if constexpr (Nothing<T> || TextLike<T>)
    return true;
  else if constexpr (is_made_of<T, std::optional>)
    return goes_in<typename T::value_type>();
  else if constexpr (SharedContainer<T>)
    return true;  // by reference
  else if constexpr (MapLike<Given>)
    return goes_in<typename T::key_type>() && goes_in<typename T::mapped_type>();
  else if constexpr (Iterable<Given>) {
    using Item = ItemOf<Given>;
    if constexpr (std::is_same_v<Item, std::byte>)
      return true;
    else if constexpr (is_one_of<Item, T, char>)  // a path of paths; neither a str nor a list
      return false;
    else
      return goes_in<Item>();
  } else if constexpr (TupleLike<T>)
    return for_each_item<T>([]<class U>() { return goes_in<U>(); });
  else
    return false;
}

template <class T>
constexpr bool comes_out() {
  if constexpr (std::is_same_v<T, Object> || std::is_arithmetic_v<T>)
    return is_one_of<T, Object, bool, char> || std::is_floating_point_v<T> || PlainInteger<T>;
  else if constexpr (SharedContainer<T>)
    return true;
  else if constexpr (is_one_of<T, std::nullptr_t, std::string, std::string_view,
                               std::vector<std::byte>, std::span<const std::byte>>)
    return true;
  else if constexpr (is_made_of<T, std::optional>)
    return comes_out<typename T::value_type>();
  else if constexpr (MapLike<T>)
    return comes_out<typename T::key_type>() && comes_out<typename T::mapped_type>();
  else if constexpr (SetLike<T>)
    return comes_out<typename T::key_type>();
  else if constexpr (is_array<T>)
    return comes_out<typename T::value_type>();
  else if constexpr (TupleLike<T>)
    return for_each_item<T>([]<class U>() { return comes_out<U>(); });
  else if constexpr (Iterable<T> && requires(T & x) { x.push_back(*std::begin(x)); })
    return comes_out<typename T::value_type>();
  else
    return false;
}

/// What needs no memory in an Object.
template <class T>
inline constexpr bool goes_in_noexcept = Nothing<T> || is_one_of<T, bool> ||
                                         std::is_floating_point_v<T> ||
                                         (PlainInteger<T> &&
                                          (std::is_signed_v<T> || sizeof(T) < 8));

/// Looks into the Object that it came from.
template <class T>
concept ViewOfObject = is_one_of<T, std::string_view, std::span<const std::byte>>;

}  // namespace detail

/// What makes an Object, by an implicit conversion.
template <class T>
concept IntoObject =
    !std::same_as<std::remove_cvref_t<T>, Object> && detail::goes_in<std::remove_reference_t<T>>();

/// What an Object converts to, explicitly; `bool(o)` is its truth instead.
template <class T>
concept OutOfObject = std::same_as<T, std::remove_cvref_t<T>> && detail::comes_out<T>();

}  // namespace lagoon
