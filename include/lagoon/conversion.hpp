#pragma once
/// What may be put into a shared value or element, and how it counts there.
///
///   value = 5;   value = array[3];   array[3] = value;   array[3] += other[0];
///
/// As in Python: integers wrap, on the way in and when they are computed with; a float for an
/// integer does not compile. A Value or an element of an Array stands for what it holds.

#include <lagoon/typecode.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

namespace lagoon::detail {

/// An integer takes integers, a floating-point number takes numbers; char, wchar_t, bool, enums and
/// structs take only their own.
template <class T, class U>
concept ConvertsTo = std::same_as<T, U> ||
    (std::is_arithmetic_v<T>&& std::is_arithmetic_v<U> && !std::is_same_v<U, bool> &&
     !std::is_same_v<T, bool> &&
     (std::is_floating_point_v<T> || !std::is_floating_point_v<U>)&&!std::is_same_v<T, char> &&
     !std::is_same_v<T, wchar_t>);

/// A Value, an element: it converts to what its get() gives.
template <class H>
concept Holder = requires(H&& holder) {
  { std::forward<H>(holder).get() } -> std::same_as<typename std::remove_cvref_t<H>::value_type>;
}
&&std::convertible_to<H, typename std::remove_cvref_t<H>::value_type>;

template <class H>
struct HeldBy {
  using type = H;
};
template <Holder H>
struct HeldBy<H> {
  using type = typename std::remove_cvref_t<H>::value_type;
};
template <class H>
using Held = typename HeldBy<H>::type;

/// A number, or a holder of one, that does not convert.
template <class U, class T>
concept RefusedBy = std::is_arithmetic_v<Held<U>> && !ConvertsTo<T, Held<U>>;

/// A scalar on its way in. What refuses is deleted, so that the compiler's message is its line.
template <Scalar T>
class NewScalar {
 public:
  template <class U>
  requires ConvertsTo<T, U>
  constexpr NewScalar(U x) noexcept : x_(static_cast<T>(x)) {}  // NOLINT: converts by design
  template <Holder H>
  requires ConvertsTo<T, Held<H>>
  constexpr NewScalar(H&& holder)  // NOLINT
      noexcept(noexcept(std::forward<H>(holder).get()))
      : x_(static_cast<T>(std::forward<H>(holder).get())) {}
  template <RefusedBy<T> U>
  NewScalar(const U&) = delete;  // an integer takes integers, a float numbers, others their own

  constexpr operator T() const noexcept { return x_; }  // NOLINT

 private:
  T x_;
};

template <class T>
struct NewValueFor {
  using type = const T&;
};
template <Scalar T>
struct NewValueFor<T> {
  using type = NewScalar<T>;
};
/// How functions take what a T is to become.
template <class T>
using NewValue = typename NewValueFor<T>::type;

/// The bytes of a T, before there is one.
template <class T>
struct Uninitialised {
  alignas(T) std::byte bytes[sizeof(T)];
};

/// In what numbers are computed, so that integers wrap.
template <class T>
using Wrapping = std::conditional_t<std::is_integral_v<T>, std::uint64_t, T>;

template <class T>
constexpr T plus(T x, T y) noexcept {
  return static_cast<T>(static_cast<Wrapping<T>>(x) + static_cast<Wrapping<T>>(y));
}
template <class T>
constexpr T minus(T x, T y) noexcept {
  return static_cast<T>(static_cast<Wrapping<T>>(x) - static_cast<Wrapping<T>>(y));
}

/// x = f(x), or f(x&).
template <class T, class F>
void apply(F&& f, T& x) {
  if constexpr (std::is_void_v<std::invoke_result_t<F&, T&>>)
    f(x);
  else
    x = static_cast<T>(f(x));
}

}  // namespace lagoon::detail
