#pragma once
/// What `array[i]` gives, unless the array is raw or read-only: an element, for as long as the
/// expression lasts. It can be read, assigned to, and updated in one step; what it does and what it
/// promises is what the array does by index.
///
/// It cannot be kept or copied: `auto e = array[0]` does not compile. `array[0] = array[1]` copies
/// what is in there.

#include <lagoon/conversion.hpp>

#include <cstddef>
#include <utility>

namespace lagoon::detail {

template <class A>
class Element {
  using T = typename A::value_type;
  using In = NewValue<T>;

 public:
  using value_type = T;

  Element(const Element&) = delete;

  operator T() const&& { return array_.get(index_); }
  [[nodiscard]] T get() const&& { return array_.get(index_); }
  T operator=(In x) && {  // NOLINT: returns the value, as std::atomic's does
    const T& y = x;
    array_.set(index_, y);
    return y;
  }
  T operator=(Element&& other) && {  // NOLINT
    return std::move(*this) = std::move(other).get();
  }
  /// element = f(element), or f(element&), as one step. Returns the new value.
  template <class F>
  T update(F&& f) && {
    return array_.update(index_, std::forward<F>(f));
  }
  /// Each one step, of which the new value is returned. Integers wrap.
#define LAGOON_COMPOUND(op, ...)                               \
  T operator op##=(In x) && requires requires(T y) { y op y; } \
  {                                                            \
    const T z = x;                                             \
    return __VA_ARGS__;                                        \
  }
#define LAGOON_COMPUTED(op, W)                                     \
  LAGOON_COMPOUND(op, array_.update(index_, [z](T y) {             \
    return static_cast<T>(static_cast<W>(y) op static_cast<W>(z)); \
  }))
  LAGOON_COMPOUND(+, array_.add(index_, z))
  LAGOON_COMPOUND(-, array_.add(index_, minus(T{}, z)))
  LAGOON_COMPUTED(*, Wrapping<T>)
  LAGOON_COMPUTED(/, T)
  LAGOON_COMPUTED(%, T)
  LAGOON_COMPUTED(&, T)
  LAGOON_COMPUTED(|, T)
  LAGOON_COMPUTED(^, T)
#undef LAGOON_COMPUTED
#undef LAGOON_COMPOUND
  T operator++() && { return array_.add(index_, T{1}); }
  T operator--() && { return std::move(*this) -= T{1}; }
  /// The value before.
  T operator++(int) && {
    return before([](T& y) { ++y; });
  }
  T operator--(int) && {
    return before([](T& y) { --y; });
  }

 private:
  friend A;
  Element(A& array, std::size_t index) noexcept : array_(array), index_(index) {}
  template <class F>
  T before(const F& f) {
    T y{};
    array_.update(index_, [&](T x) {
      y = x;
      f(x);
      return x;
    });
    return y;
  }
  A& array_;
  std::size_t index_;
};

}  // namespace lagoon::detail
