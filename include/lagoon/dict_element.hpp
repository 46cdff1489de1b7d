#pragma once
/// What `dict[key]` gives: the place under a key, for as long as the expression lasts. It can be
/// read (KeyError if nothing is there), assigned to, and updated in one step. Of Objects it is an
/// ObjectPlace (object_place.hpp).
///
/// It cannot be kept or copied. `d["a"] = d["b"]` copies what is there.

#include <lagoon/codec.hpp>
#include <lagoon/object_place.hpp>

#include <concepts>
#include <utility>

namespace lagoon::detail {

template <class D, class K, class V>
class DictElement {
 public:
  using value_type = V;

  DictElement(D& dict, ViewOf<K> key) noexcept : dict_(dict), key_(key) {}
  DictElement(const DictElement&) = delete;

  operator V() const&& { return dict_.at(key_); }  // NOLINT: stands for what is there
  [[nodiscard]] V get() const&& { return dict_.at(key_); }
  void operator=(const V& x) && { dict_.set(key_, x); }
  void operator=(const DictElement& other) && { dict_.set(key_, other.dict_.at(other.key_)); }
  /// value = f(value), or f(value&), as one step. Returns the new value.
  template <class F>
  V update(F&& f) && {
    return dict_.update_value(key_, std::forward<F>(f));
  }
  /// Each one step, of which the new value is returned.
  template <class X>
  requires requires(V& y, const X& x) { y += x; }
  V operator+=(const X& x) && {
    return dict_.update_value(key_, [&](V& y) { y += x; });
  }
  template <class X>
  requires requires(V& y, const X& x) { y -= x; }
  V operator-=(const X& x) && {
    return dict_.update_value(key_, [&](V& y) { y -= x; });
  }
  template <class X>
  requires requires(V& y, const X& x) { y *= x; }
  V operator*=(const X& x) && {
    return dict_.update_value(key_, [&](V& y) { y *= x; });
  }
  V operator++() && {
    return dict_.update_value(key_, [](V& y) { ++y; });
  }
  V operator--() && {
    return dict_.update_value(key_, [](V& y) { --y; });
  }
  template <class X>
  requires(!std::same_as<X, D> && !std::same_as<X, DictElement> &&
           requires(const V& y, const X& x) { y == x; })  //
      friend bool
      operator==(const DictElement& a, const X& b) {
    return a.dict_.at(a.key_) == b;
  }
  friend bool operator==(const DictElement& a, const DictElement& b) requires requires(const V& y) {
    y == y;
  }
  { return a.dict_.at(a.key_) == b.dict_.at(b.key_); }

 private:
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
