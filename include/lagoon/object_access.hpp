#pragma once
/// What `o[key]` of an Object that may change is, how its items are walked over, and what may stand
/// in one for what lies elsewhere.

#include <lagoon/object.hpp>

#include <concepts>
#include <cstddef>
#include <functional>
#include <iterator>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace lagoon {

/// The place of an item: looked up when it is read or written, so that reading copies nothing and
/// o[key] = x may make it. Its operations are for temporaries only: `Object x = o[key]` or
/// `o.at(key)` keeps what is there, `auto x = o[key]` is of no use. To walk over it: o.at(key).
class Object::Element {
 public:
  Element(const Element&) = delete;
  void operator=(Object x) && { target().set_item(key_, std::move(x)); }
  void operator=(const Element& other) && { std::move(*this) = Object(other.value()); }
  void operator+=(Object x) && { slot() += x; }
  void operator-=(Object x) && { slot() -= x; }
  void operator*=(Object x) && { slot() *= x; }

  operator const Object&() const&& { return value(); }  // NOLINT: stands for what is there
  [[nodiscard]] Object get() const&& { return value(); }
  explicit operator bool() const&& { return static_cast<bool>(value()); }
  template <class T>
  requires(OutOfObject<T> && !std::same_as<T, bool> && !std::same_as<T, Object>)  //
      explicit
      operator T() const&& {
    return value().template get<T>();
  }
  template <OutOfObject T>
  [[nodiscard]] T get() const&& {
    return value().template get<T>();
  }

  Element operator[](const Object& key) && { return {nullptr, this, key}; }
  [[nodiscard]] const Object& at(const Object& key) const&& { return value().at(key); }
  [[nodiscard]] const Object* find(const Object& key) const&& { return value().find(key); }
  [[nodiscard]] Object get(const Object& key, Object otherwise = {}) const&& {
    return value().get(key, std::move(otherwise));
  }
  [[nodiscard]] bool contains(const Object& x) const&& { return value().contains(x); }
  [[nodiscard]] Items items() const&&;
  /// Good until the container changes.
  [[nodiscard]] std::span<const Object> elements() const&& { return value().elements(); }
  /// Of what is there; KeyError or IndexError if nothing is, as of all that reads.
  [[nodiscard]] Kind kind() const&& { return value().kind(); }
  /// Whether None is there: what is not there is an error.
  [[nodiscard]] bool is_none() const&& { return value().is_none(); }
  /// Of what is there.
  [[nodiscard]] std::string_view type_name() const&& { return value().type_name(); }
  [[nodiscard]] std::string repr() const&& { return value().repr(); }
  [[nodiscard]] std::string str() const&& { return value().str(); }
  [[nodiscard]] std::size_t hash() const&& { return value().hash(); }
  [[nodiscard]] std::size_t size() const&& { return value().size(); }

  /// o[a][b] = x, with this as o[a].
  void set_item(const Object& key, Object x) && { slot().set_item(key, std::move(x)); }
  void erase(const Object& key) && { slot().erase(key); }
  void append(Object x) && { slot().append(std::move(x)); }
  void insert(const Object& index, Object x) && { slot().insert(index, std::move(x)); }
  Object pop() && { return slot().pop(); }
  Object pop(const Object& key) && { return slot().pop(key); }
  void add(Object x) && { slot().add(std::move(x)); }
  bool discard(const Object& x) && { return slot().discard(x); }
  void clear() && { slot().clear(); }

 private:
  friend Object;

  Element(Object* container, const Element* outer, const Object& key) noexcept
      : container_(container), outer_(outer), key_(key) {}

  [[nodiscard]] const Object& value() const {
    return outer_ ? outer_->value().at(key_) : std::as_const(*container_).at(key_);
  }
  /// The container, to write to.
  [[nodiscard]] Object& target() const { return outer_ ? outer_->slot() : *container_; }
  /// What is there, to write to: nobody else's copy has it.
  [[nodiscard]] Object& slot() const { return slot_of(target(), key_); }
  static Object& slot_of(Object& container, const Object& key);

  Object* container_;  // or null, where the container is an item
  const Element* outer_;
  const Object& key_;
};

template <bool of_pairs>
class Object::IteratorOf {
 public:
  using iterator_category = std::input_iterator_tag;  // of pairs, as far as the old ones go
  using iterator_concept = std::forward_iterator_tag;
  using difference_type = std::ptrdiff_t;
  using value_type = std::conditional_t<of_pairs, std::pair<Object, Object>, Object>;
  using reference =
      std::conditional_t<of_pairs, std::pair<const Object&, const Object&>, const Object&>;
  using pointer = void;

  IteratorOf() = default;
  reference operator*() const noexcept {
    if constexpr (of_pairs)
      return {at_[0], at_[1]};
    else
      return *at_;
  }
  IteratorOf& operator++() noexcept {
    at_ += step_;
    skip();
    return *this;
  }
  IteratorOf operator++(int) noexcept {
    IteratorOf old = *this;
    ++*this;
    return old;
  }
  friend bool operator==(const IteratorOf& a, const IteratorOf& b) noexcept {
    return a.at_ == b.at_;
  }

 private:
  friend Object;
  friend detail::ObjectInside;

  IteratorOf(std::span<const Object> items, std::ptrdiff_t step) noexcept
      : at_(items.data()), end_(at_ + items.size()), step_(step) {
    skip();
  }
  /// What was erased.
  void skip() noexcept {
    while (at_ != end_ && at_->tag() == erased) at_ += step_;
  }

  const Object* at_ = nullptr;
  const Object* end_ = nullptr;
  std::ptrdiff_t step_ = 1;
};

/// The pairs of a dict.
struct Object::Items {
  using iterator = IteratorOf<true>;
  iterator first;  ///< the first pair
  iterator last;   ///< behind the last one
  [[nodiscard]] iterator begin() const noexcept { return first; }
  [[nodiscard]] iterator end() const noexcept { return last; }
};

/// What an Object of Kind::shared holds: derived from by the layer that knows what is shared.
/// All that is asked of it may throw and be called by any thread.
class Object::Handle : public detail::SharedNode {
 public:
  /// As Python calls it: 'DictProxy'; 'AutoProxy[Book]' of a registered type.
  [[nodiscard]] virtual std::string_view type_name() const noexcept = 0;
  [[nodiscard]] virtual std::string repr() const = 0;
  [[nodiscard]] virtual std::string str() const { return repr(); }
  /// Whether both refer to the same; those that do have one hash().
  [[nodiscard]] virtual bool equals(const Handle& other) const = 0;
  [[nodiscard]] virtual std::size_t hash() const = 0;
  /// Python's truth of it: of a container, that it is not empty.
  [[nodiscard]] virtual bool is_true() const { return true; }

  // What is asked of it as of a container: TypeMismatch, if it is none. The Object changes with it,
  // as do all that refer to the same.
  [[nodiscard]] virtual std::size_t size() const;
  [[nodiscard]] virtual Object at(const Object& key) const;
  [[nodiscard]] virtual std::optional<Object> find(const Object& key) const;
  [[nodiscard]] virtual bool contains(const Object& x) const;
  /// o[key] = x.
  virtual void set_item(const Object& key, const Object& x) const;
  /// What changes an item; false: let nothing have changed.
  using Change = std::function<bool(Object&)>;
  /// f(item), as one step.
  virtual void change_item(const Object& key, const Change& f) const;
  virtual void erase(const Object& key) const;
  virtual void append(const Object& x) const;
  virtual void insert(const Object& index, const Object& x) const;
  virtual Object pop() const;
  virtual Object pop(const Object& key) const;
  virtual void clear() const;
  virtual void extend(const Object& x) const;      ///< +=
  virtual void repeat(const Object& times) const;  ///< *=
  /// A method of a registered type, or of what a server has.
  virtual Object call(std::string_view method, std::span<const Object> arguments) const;

 protected:
  /// Whether it refers to what is there no more: then all of these are Gone.
  [[nodiscard]] virtual bool is_gone() const noexcept { return false; }
  /// What to do instead, at the end of the words of such an error.
  [[nodiscard]] virtual std::string advice() const { return ""; }

 private:
  [[noreturn]] void refuse(const std::string& says) const;
  [[noreturn]] void lacks(std::string_view method) const;
};

inline Object::Element Object::operator[](const Object& key) & { return {this, nullptr, key}; }
inline Object::Items Object::Element::items() const&& { return value().items(); }

}  // namespace lagoon

#include <lagoon/object_conversion.hpp>
