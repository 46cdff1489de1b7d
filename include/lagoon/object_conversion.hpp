#pragma once
/// How types of C++ become Objects, and Objects them.

#include <lagoon/object.hpp>

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace lagoon {

namespace detail {

/// How Objects refer to a T (shared_object.hpp): into(x), out_of(o).
template <class T>
struct ObjectOfShared;

/// How Objects are made from within the headers.
Object object_of_text(std::string_view text);
[[noreturn]] void refuse_null();
Object object_of_unsigned(std::uint64_t x);
Object object_of_items(Object::Kind kind, std::vector<Object>&& items);
Object object_of_handle(const Object::Handle* handle) noexcept;
Object call_method(const Object& o, std::string_view method, std::span<const Object> arguments);
const Object::Handle* handle_in(const Object& o) noexcept;  // or null

// Each refuses an Object of another kind with TypeMismatch.
[[noreturn]] void refuse(const Object& o, const char* wanted);
bool bool_in(const Object& o);
std::int64_t signed_in(const Object& o, std::int64_t lowest, std::int64_t highest);
std::uint64_t unsigned_in(const Object& o, std::uint64_t highest);
double real_in(const Object& o);
float float_in(const Object& o);
char char_in(const Object& o);
std::string_view text_in(const Object& o);
std::span<const std::byte> bytes_in(const Object& o);
std::span<const Object> elements_in(const Object& o);
std::span<const Object> elements_in(const Object& o, std::size_t n);  // exactly n of them

template <class R>
std::vector<Object> objects_of(R&& range) {
  refuse_literal<R>();
  using Range = std::remove_reference_t<R>;
  if constexpr (std::is_same_v<R, std::vector<Object>>) {
    return std::move(range);
  } else {
    std::vector<Object> items;
    if constexpr (requires { items.reserve(range.size()); }) items.reserve(range.size());
    for (auto&& x : range)  // which may be what only stands for a value, as with vector<bool>
      items.emplace_back(static_cast<const ItemOf<Range>&>(x));
    return items;
  }
}

template <class R>
Object object_of_range(R&& range) {
  using Range = std::remove_reference_t<R>;
  if constexpr (MapLike<Range>) {
    Object dict = Object::dict();
    for (const auto& [key, value] : range) dict.set_item(key, value);
    return dict;
  } else if constexpr (std::is_same_v<ItemOf<Range>, std::byte>) {
    if constexpr (std::is_constructible_v<std::span<const std::byte>, Range&>)
      return Object::bytes(std::span<const std::byte>(range));
    else
      return Object::bytes(std::vector<std::byte>(std::begin(range), std::end(range)));
  } else {
    return object_of_items(SetLike<Range> ? Object::Kind::set : Object::Kind::list,
                           objects_of(std::forward<R>(range)));
  }
}

template <class T>
T object_to(const Object& o) {
  using Limits = std::numeric_limits<T>;
  if constexpr (std::is_same_v<T, Object>)
    return o;
  else if constexpr (SharedContainer<T>)
    return ObjectOfShared<T>::out_of(o);
  else if constexpr (std::is_same_v<T, bool>)
    return bool_in(o);
  else if constexpr (std::is_same_v<T, char>)
    return char_in(o);
  else if constexpr (PlainInteger<T> && std::is_signed_v<T>)
    return static_cast<T>(signed_in(o, Limits::min(), Limits::max()));
  else if constexpr (PlainInteger<T>)
    return static_cast<T>(unsigned_in(o, Limits::max()));
  else if constexpr (std::is_same_v<T, float>)
    return float_in(o);
  else if constexpr (std::is_floating_point_v<T>)
    return real_in(o);
  else if constexpr (std::is_same_v<T, std::nullptr_t>)
    return o.is_none() ? nullptr : (refuse(o, "None"), nullptr);
  else if constexpr (is_one_of<T, std::string, std::string_view>)
    return T(text_in(o));
  else if constexpr (std::is_same_v<T, std::span<const std::byte>>)
    return bytes_in(o);
  else if constexpr (std::is_same_v<T, std::vector<std::byte>>) {
    const auto bytes = bytes_in(o);
    return T(bytes.begin(), bytes.end());
  } else if constexpr (is_made_of<T, std::optional>) {
    return o.is_none() ? T() : T(object_to<typename T::value_type>(o));
  } else if constexpr (MapLike<T>) {
    if (o.kind() != Object::Kind::dict) refuse(o, "a dict");
    T map;
    for (const auto& [key, value] : o.items())
      map.emplace(object_to<typename T::key_type>(key), object_to<typename T::mapped_type>(value));
    return map;
  } else if constexpr (SetLike<T>) {
    if (o.kind() != Object::Kind::set && o.kind() != Object::Kind::frozenset) refuse(o, "a set");
    T set;
    for (const Object& x : o) set.emplace(object_to<typename T::key_type>(x));
    return set;
  } else if constexpr (is_array<T> || TupleLike<T>) {
    const auto items = elements_in(o, std::tuple_size_v<T>);
    return [&]<std::size_t... i>(std::index_sequence<i...>) {
      return T{object_to<std::tuple_element_t<i, T>>(items[i])...};
    }
    (std::make_index_sequence<std::tuple_size_v<T>>{});
  } else {
    T sequence;
    const auto items = elements_in(o);
    if constexpr (requires { sequence.reserve(items.size()); }) sequence.reserve(items.size());
    for (const Object& x : items) sequence.push_back(object_to<typename T::value_type>(x));
    return sequence;
  }
}

template <class... T>
std::vector<Object> collected(T&&... items) {
  std::vector<Object> objects;
  objects.reserve(sizeof...(T));
  (objects.emplace_back(std::forward<T>(items)), ...);
  return objects;
}

/// How a U becomes one.
template <class U>
struct ObjectFrom {
  static Object of_pointer(const char* text) {
    if (text == nullptr) refuse_null();
    return object_of_text(std::string_view(text));  // whose length the compiler may know
  }
  template <class T>
  static Object make(T&& x) noexcept(goes_in_noexcept<U>) {
    if constexpr (Nothing<U>)
      return {};
    else if constexpr (SharedContainer<U>)
      return ObjectOfShared<U>::into(x);
    else if constexpr (std::is_same_v<U, bool>)
      return {Object::Kind::boolean, x};
    else if constexpr (std::is_same_v<U, char>)
      return object_of_text(std::string_view(&x, 1));
    else if constexpr (goes_in_noexcept<U> && PlainInteger<U>)
      return {Object::Kind::integer, static_cast<std::uint64_t>(static_cast<std::int64_t>(x))};
    else if constexpr (PlainInteger<U>)
      return object_of_unsigned(x);
    else if constexpr (std::is_floating_point_v<U>)
      return {Object::Kind::real, std::bit_cast<std::uint64_t>(static_cast<double>(x))};
    else if constexpr (TextLike<U> && std::is_convertible_v<const U&, const char*>)
      return of_pointer(x);
    else if constexpr (TextLike<U>)
      return object_of_text(static_cast<std::string_view>(x));
    else if constexpr (is_made_of<U, std::optional>)
      return x ? Object(*std::forward<T>(x)) : Object();
    else if constexpr (Iterable<std::remove_reference_t<T>>)
      return object_of_range(std::forward<T>(x));
    else
      return std::apply([](const auto&... items) { return Object::tuple(items...); }, x);
  }
};

}  // namespace detail

template <OutOfObject T>
T Object::get() const& {
  return detail::object_to<T>(*this);
}

template <std::convertible_to<Object>... T>
Object Object::list(T&&... items) {
  return detail::object_of_items(Kind::list, detail::collected(std::forward<T>(items)...));
}
template <std::convertible_to<Object>... T>
Object Object::tuple(T&&... items) {
  return detail::object_of_items(Kind::tuple, detail::collected(std::forward<T>(items)...));
}
template <std::convertible_to<Object>... T>
Object Object::set(T&&... items) {
  return detail::object_of_items(Kind::set, detail::collected(std::forward<T>(items)...));
}
template <std::convertible_to<Object>... T>
Object Object::frozenset(T&&... items) {
  return detail::object_of_items(Kind::frozenset, detail::collected(std::forward<T>(items)...));
}
template <detail::Iterable R>
Object Object::list_of(R&& range) {
  return detail::object_of_items(Kind::list, detail::objects_of(std::forward<R>(range)));
}
template <detail::Iterable R>
Object Object::tuple_of(R&& range) {
  return detail::object_of_items(Kind::tuple, detail::objects_of(std::forward<R>(range)));
}
template <detail::Iterable R>
Object Object::set_of(R&& range) {
  return detail::object_of_items(Kind::set, detail::objects_of(std::forward<R>(range)));
}
template <detail::Iterable R>
Object Object::frozenset_of(R&& range) {
  return detail::object_of_items(Kind::frozenset, detail::objects_of(std::forward<R>(range)));
}

template <class... A>
requires(std::convertible_to<A, Object>&&...)  //
    Object Object::call(std::string_view method, A&&... arguments)
const {
  return detail::call_method(*this, method, detail::collected(std::forward<A>(arguments)...));
}

template <std::derived_from<Object::Handle> H, class... Args>
Object Object::shared(Args&&... args) {
#ifndef __cpp_rtti
  static_assert(sizeof(H) == 0, "Object::shared<H> asks for H's type_info: not with -fno-rtti");
#endif
  return detail::object_of_handle(new H(std::forward<Args>(args)...));
}
template <std::derived_from<Object::Handle> H>
const H* Object::shared_as() const noexcept {
  return dynamic_cast<const H*>(detail::handle_in(*this));
}

}  // namespace lagoon
