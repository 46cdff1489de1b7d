#pragma once
/// What `dict[key]` gives: the place under a key, for as long as the expression lasts. It can be
/// read (KeyError if nothing is there), assigned to, and updated in one step. Of Objects it is an
/// ObjectPlace (object_place.hpp).
///
/// It cannot be kept or copied. `d["a"] = d["b"]` copies what is there.

#include <lagoon/codec.hpp>
#include <lagoon/object_place.hpp>

#include <concepts>
#include <optional>
#include <utility>

namespace lagoon::detail {

template <class D, class K, class V>
class DictElement {
 public:
  using value_type = V;

  DictElement(D& dict, ViewOf<K> key) noexcept : dict_(dict), key_(key) {}
  DictElement(const DictElement&) = delete;

  operator V() const&& { return read(); }  // NOLINT: stands for what is there
  [[nodiscard]] V get() const&& { return read(); }
  [[nodiscard]] V read() const { return dict_.at(key_); }
  void operator=(const V& x) && { dict_.set(key_, x); }
  void operator=(const DictElement& other) && { dict_.set(key_, other.read()); }
  /// value = f(value), or f(value&), as one step. Returns the new value.
  template <class F>
  V update(F&& f) && {
    return dict_.update_value(key_, std::forward<F>(f));
  }
  /// Each one step, of which the new value is returned. What another element holds is read before.
#define LAGOON_COMPOUND(op)                                           \
  template <class X>                                                  \
  requires requires(V & y, const X& x) { y op x; }                    \
  V operator op(const X& x)&& {                                       \
    return dict_.update_value(key_, [&](V& y) { y op x; });           \
  }                                                                   \
  template <class OtherD, class OtherK, class OtherV>                 \
  requires requires(V & y, const OtherV& x) { y op x; }               \
  V operator op(const DictElement<OtherD, OtherK, OtherV>& other)&& { \
    const OtherV x = other.read();                                    \
    return dict_.update_value(key_, [&](V& y) { y op x; });           \
  }
  LAGOON_COMPOUND(+=)
  LAGOON_COMPOUND(-=)
  LAGOON_COMPOUND(*=)
  LAGOON_COMPOUND(/=)
  LAGOON_COMPOUND(%=)
  LAGOON_COMPOUND(&=)
  LAGOON_COMPOUND(|=)
  LAGOON_COMPOUND(^=)
#undef LAGOON_COMPOUND
  V operator++() && {
    return dict_.update_value(key_, [](V& y) { ++y; });
  }
  V operator--() && {
    return dict_.update_value(key_, [](V& y) { --y; });
  }
  /// The value before.
  V operator++(int) && {
    return before([](V& y) { ++y; });
  }
  V operator--(int) && {
    return before([](V& y) { --y; });
  }
  template <class X>
  requires(!std::same_as<X, D> && !std::same_as<X, DictElement> &&
           requires(const V& y, const X& x) { y == x; })  //
      friend bool
      operator==(const DictElement& a, const X& b) {
    return a.read() == b;
  }
  friend bool operator==(const DictElement& a, const DictElement& b) requires requires(const V& y) {
    y == y;
  }
  { return a.read() == b.read(); }

 private:
  template <class F>
  V before(const F& f) {
    std::optional<V> before;
    dict_.update_value(key_, [&](V& y) {
      before = y;
      f(y);
    });
    return *std::move(before);
  }

  D& dict_;
  ViewOf<K> key_;
};

template <class D, class K>
class DictElement<D, K, Object> : public ObjectPlace<DictElement<D, K, Object>> {
 public:
  DictElement(D& dict, ViewOf<K> key) noexcept : dict_(dict), key_(key) {}

  void operator=(const Object& x) && { assign(x); }
  void operator=(const DictElement& other) && { assign(other.read()); }

  [[nodiscard]] Object read() const { return dict_.at(key_); }
  void assign(const Object& x) { dict_.set(key_, x); }
  template <class F>
  bool change_if(F&& f) {
    return dict_.change_value(key_, f);
  }

 private:
  D& dict_;
  ViewOf<K> key_;
};

}  // namespace lagoon::detail
