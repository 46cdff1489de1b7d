#pragma once
/// `dict["a"]`, `list[0]`, where Objects are kept: the place of one in a shared container, and, by
/// `dict["a"][0]["b"]`, of one within it. It is read, assigned to and changed in one step: what
/// changes a part of an Object replaces the whole in the container, atomically.
///
///   int(d["n"])   d["n"] == 3   d["n"] += 1   d["l"].append("x")   d["l"][0] = 1
///
/// The items of a tuple cannot be changed, nor what is in them: TypeMismatch.
///
/// Where an Object refers to a container in shared memory (shared_object.hpp), that is gone
/// through, and changed in place.
///
/// Its operations are for temporaries only: `Object x = d["a"]` keeps what is there, `auto x =
/// d["a"]` is of no use. Reading is what the container's is; a change takes its turn, with f and
/// the conversions of the Object within it.

#include <lagoon/object.hpp>

#include <cstddef>
#include <string>
#include <utility>

namespace lagoon::detail {

template <class Outer>
class PartOfObject;

/// What lies in shared memory is not replaced by changing it.
[[noreturn]] void refuse_shared(const Object& o);

/// `Self` has read(), an Object; assign(Object); change_if(f), by f(Object&), as one step, which
/// changes nothing if that is false.
template <class Self>
class ObjectPlace {
 public:
  ObjectPlace() = default;
  ObjectPlace(const ObjectPlace&) = delete;

  operator Object() const&& { return self().read(); }  // NOLINT: stands for what is there
  [[nodiscard]] Object get() const&& { return self().read(); }
  explicit operator bool() const&& { return static_cast<bool>(self().read()); }
  template <class T>
  requires(OutOfObject<T> && !std::same_as<T, bool> && !std::same_as<T, Object>)  //
      explicit
      operator T() const&& {
    const Object x = self().read();
    return x.get<T>();
  }
  template <OutOfObject T>
  [[nodiscard]] T get() const&& {
    const Object x = self().read();
    return x.get<T>();
  }
  friend bool operator==(const Self& a, const Object& b) { return a.read() == b; }
  friend bool operator==(const Self& a, const Self& b) { return a.read() == b.read(); }

  PartOfObject<Self> operator[](const Object& key) && { return {self(), key}; }
  [[nodiscard]] Object get(const Object& key, Object otherwise = {}) const&& {
    return self().read().get(key, std::move(otherwise));
  }
  [[nodiscard]] bool contains(const Object& x) const&& { return self().read().contains(x); }
  /// Of what is there now: the next look may find something else.
  [[nodiscard]] Object::Kind kind() const&& { return self().read().kind(); }
  /// Whether None is there.
  [[nodiscard]] bool is_none() const&& { return self().read().is_none(); }
  [[nodiscard]] std::string repr() const&& { return self().read().repr(); }
  [[nodiscard]] std::string str() const&& { return self().read().str(); }
  [[nodiscard]] std::size_t size() const&& { return self().read().size(); }

  /// f(Object&), as one step; what it throws changes nothing. f must not use the container.
  template <class F>
  void update(F&& f) && {
    change([&](Object& o) {
      const bool is_shared = o.kind() == Object::Kind::shared;
      const Object before = is_shared ? o : Object();
      f(o);
      if (is_shared && o != before) refuse_shared(before);
    });
  }
  void operator+=(const Object& x) && {
    change([&](Object& o) { o += x; });
  }
  void operator-=(const Object& x) && {
    change([&](Object& o) { o -= x; });
  }
  void operator*=(const Object& x) && {
    change([&](Object& o) { o *= x; });
  }
  void erase(const Object& key) && {
    change([&](Object& o) { o.erase(key); });
  }
  void append(Object x) && {
    change([&](Object& o) { o.append(std::move(x)); });
  }
  void insert(const Object& index, Object x) && {
    change([&](Object& o) { o.insert(index, std::move(x)); });
  }
  Object pop() && {
    Object popped;
    change([&](Object& o) { popped = o.pop(); });
    return popped;
  }
  Object pop(const Object& key) && {
    Object popped;
    change([&](Object& o) { popped = o.pop(key); });
    return popped;
  }
  void add(Object x) && {
    change([&](Object& o) { o.add(std::move(x)); });
  }
  bool discard(const Object& x) && {
    bool was_there = false;
    change([&](Object& o) { was_there = o.discard(x); });
    return was_there;
  }
  void clear() && {
    change([](Object& o) { o.clear(); });
  }

  /// f(Object&), as one step; outside of it, where it refers to what lies in shared memory: that is
  /// what changes then.
  template <class F>
  void change(F&& f) {
    Object shared;
    const bool has_changed = self().change_if([&](Object& o) {
      const bool is_shared = o.kind() == Object::Kind::shared;
      is_shared ? void(shared = o) : f(o);
      return !is_shared;
    });
    if (!has_changed) f(shared);
  }

 private:
  [[nodiscard]] Self& self() noexcept { return static_cast<Self&>(*this); }
  [[nodiscard]] const Self& self() const noexcept { return static_cast<const Self&>(*this); }
};

/// An item of what another place holds.
template <class Outer>
class PartOfObject : public ObjectPlace<PartOfObject<Outer>> {
 public:
  PartOfObject(Outer& outer, const Object& key) noexcept : outer_(outer), key_(key) {}

  void operator=(Object x) && { assign(std::move(x)); }
  void operator=(const PartOfObject& other) && { assign(other.read()); }

  [[nodiscard]] Object read() const { return outer_.read().at(key_); }
  void assign(Object x) {
    outer_.change([&](Object& o) { o.set_item(key_, std::move(x)); });
  }
  template <class F>
  bool change_if(F&& f) {
    bool has_changed = false;
    Object shared;
    (void)outer_.change_if([&](Object& o) {
      if (o.kind() == Object::Kind::shared) {
        shared = o;
        return false;
      }
      Object item = o.at(key_);
      o.set_item(key_, nullptr);  // or it would be shared, and copied when it is changed
      has_changed = f(item);
      if (has_changed) o.set_item(key_, std::move(item));
      return has_changed;
    });
    if (shared.is_none()) return has_changed;
    handle_in(shared)->change_item(key_, [&](Object& item) { return has_changed = f(item); });
    return has_changed;
  }

 private:
  Outer& outer_;
  const Object& key_;
};

}  // namespace lagoon::detail
