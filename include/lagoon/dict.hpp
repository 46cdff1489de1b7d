#pragma once
/// `Dict`: Python's dict in shared memory, for any number of readers and writers in any number of
/// processes.
///
///   Dict<std::string, double> prices{segment["prices"]};    found or made; typed
///   Dict<> dict;                                            Objects, in this process's heap
///   prices["gold"] = 1.5;   prices["gold"] += 1;   double p = prices["gold"];
///   dict["a"] = Object::list(1);   dict["a"][0] = 2;   dict["a"].append(3);   int(dict["a"][0]);
///   for (auto [key, value] : prices) …
///
/// K and V are what has a codec (codec.hpp). Keys are compared by their bytes; Objects as Python
/// compares them, and hashed so: 1 and 1.0 are one key, a list is none (TypeMismatch). Of floats,
/// 0.0 and -0.0 are one key; within pairs and tuples they are two. A NaN is found again (as Python
/// finds the one that it was given), though it is equal to nothing.
///
/// The order is that of insertion; a value that is replaced stays where it was.
///
/// Each operation happens at one time, for everyone: `update` of many keys, `clear`, `d[k] += x`
/// and `update_value` too. A function that is given to one runs while others cannot change the
/// dict: it must not use it (UsageError), nor wait for others, who may be waiting for it (two that
/// change each other's dicts in there wait for ever); if it throws nothing has changed. `keys`,
/// `values`, `items` and `copy` are exact. A walk, `for (auto [key, value] : dict)`, is not: a key
/// that is there throughout is met once, with a value that it had at or after the start.
///
/// Progress: readers are lock-free: they take no lock, store nothing, and never wait for a writer,
/// stopped or dead; what is exact tries without, and takes the writers' turn if others change the
/// dict meanwhile, read-only it goes on trying. Writers take turns; a dead one's is taken over.
///
/// A crash leaves each operation done or not; what it had allocated is used again.
///
/// Memory: some 4 KiB at first, then as much as it needs, in parts that stay its own until it goes.
/// A node of 16 bytes, a number of 8, key and value, rounded up by a third at most; beside it, 24
/// to 48 bytes in the tables, up to 96 where many were erased. Values of more than 4 KiB lie in
/// pages of 4 KiB. What is free is used again, for one of another size where enough of it lies
/// side by side; up to 57 KiB, four nodes of each size, are kept back, and what lies between these
/// may be too small for a page. Full memory is OutOfMemory, with the dict as it was; what erases,
/// `clear` too, needs none.
///
/// Entries that were erased are packed away when there is no room for another and half are empty,
/// and by who erases when three quarters are, if there is memory for it: so a walk looks at four
/// times as many as there are at most, and some more. Limits: 2^32 insertions between two packings.
///
/// Errors say Python's name: a missing key is OutOfRange, "KeyError".
///
/// How it works: core/entries.hpp, docs/nodes.md.

#include <lagoon/codec.hpp>
#include <lagoon/container.hpp>
#include <lagoon/conversion.hpp>
#include <lagoon/core/entries.hpp>
#include <lagoon/dict_element.hpp>
#include <lagoon/dict_look.hpp>
#include <lagoon/error.hpp>
#include <lagoon/object.hpp>
#include <lagoon/segment.hpp>
#include <lagoon/shared_object.hpp>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace lagoon {

class Namespace;

namespace detail {

/// As a str, or, if it is no UTF-8, as bytes: to be shown.
[[nodiscard]] Object text_or_bytes(std::string_view text);
/// KeyError, with the key as Python shows it; or what it is, of a type that Python does not know.
[[noreturn]] void throw_key_error(const Object& key);
[[noreturn]] void throw_key_error_of_a(const std::string& type);
[[noreturn]] void throw_empty_dict();
template <class K>
[[noreturn]] void throw_no_key(const K& key) {
  if constexpr (std::is_convertible_v<const K&, std::string_view>)
    throw_key_error(text_or_bytes(key));
  else if constexpr (std::is_same_v<K, char>)
    throw_key_error(text_or_bytes({&key, 1}));
  else if constexpr (std::is_constructible_v<Object, const K&>)
    throw_key_error(Object(key));
  else if constexpr (HasRuntimeType<K>)
    throw_key_error(key.object);
  else
    throw_key_error_of_a(CodecName<K>::text());
}

}  // namespace detail

template <Encodable K = Object, class ElementV = Object>
requires Encodable<std::remove_const_t<ElementV>>
class Dict : public detail::ContainerHandle<core::Entries> {
  static_assert(detail::is_compared_as_bytes<K>,
                "keys are compared as bytes, and this type has gaps, or equal values in different "
                "bytes: give it a Codec");
  using Base = detail::ContainerHandle<core::Entries>;
  using V = std::remove_const_t<ElementV>;
  using Key = detail::ViewOf<K>;
  using Look = detail::DictLook<K, V>;
  static constexpr bool of_objects = std::is_same_v<V, Object>;
  static constexpr bool writes = !std::is_const_v<ElementV>;

 public:
  using key_type = K;
  using value_type = V;
  /// A key and its value.
  using Item = std::pair<K, V>;
  using is_shared_container = void;
  class Iterator;

  /// In this process's heap, for its children.
  Dict() : Dict(Place{}) {}
  explicit Dict(const Place& place) : Base(place, stamp()) {}

  // ---- Reading ---------------------------------------------------------------------------------

  [[nodiscard]] std::size_t size() const { return this->look().size(); }
  [[nodiscard]] bool empty() const { return size() == 0; }
  [[nodiscard]] bool contains(Key key) const {
    const core::Entries& entries = this->look();
    Look look(this->source(), key, false);
    return entries.find(look.hash(), look);
  }
  /// The value under the key, if it is there.
  [[nodiscard]] std::optional<V> find(Key key) const {
    const core::Entries& entries = this->look();
    return Base::template reading<Look::may_refer>([&]() -> std::optional<V> {
      Look look(this->source(), key);
      if (!entries.find(look.hash(), look)) return std::nullopt;
      return look.value();
    });
  }
  /// The same into `value`, whose memory is used again: of a str, or a vector, that has room for it
  /// nothing is allocated. Whether it is there; if not, `value` may have changed.
  [[nodiscard]] bool find_into(Key key, V& value) const {
    const core::Entries& entries = this->look();
    return Base::template reading<Look::may_refer>([&] {
      Look look(this->source(), key);
      look.lend(value);
      const bool found = entries.find(look.hash(), look);
      found ? look.value_into(value) : look.give_back(value);
      return found;
    });
  }
  /// KeyError if it is not.
  [[nodiscard]] V at(Key key) const {
    std::optional<V> found = find(key);
    if (!found) detail::throw_no_key(key);
    return *std::move(found);
  }
  /// Of Objects, None if it is not there; else as `find`.
  [[nodiscard]] auto get(Key key) const {
    if constexpr (of_objects)
      return find(key).value_or(Object());
    else
      return find(key);
  }
  [[nodiscard]] V get(Key key, V otherwise) const {
    std::optional<V> found = find(key);
    return found ? *std::move(found) : std::move(otherwise);
  }
  /// Of Objects: what is there as a T.
  template <OutOfObject T>
  requires of_objects [[nodiscard]] T get(Key key) const {
    const Object found = at(key);
    return found.get<T>();
  }

  [[nodiscard]] Iterator begin() const { return Iterator(*this); }
  [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }
  [[nodiscard]] std::vector<K> keys() const {
    return all<K>([](Look& look) { return look.key(); });
  }
  [[nodiscard]] std::vector<V> values() const {
    return all<V>([](Look& look) { return look.value(); });
  }
  [[nodiscard]] std::vector<Item> items() const {
    return all<Item>([](Look& look) { return Item(look.key(), look.value()); });
  }
  /// Of Objects, one: a dict of this process's own. Else the items.
  [[nodiscard]] auto copy() const {
    if constexpr (of_objects && std::is_same_v<K, Object>) {
      Object dict = Object::dict();
      for (auto& [key, value] : items()) dict.set_item(key, std::move(value));
      return dict;
    } else {
      return items();
    }
  }

  // ---- Changing --------------------------------------------------------------------------------

  void set(Key key, const V& value) requires writes {
    Edit edit(*this, key, false);
    edit.put(value);
  }
  /// For reading and writing: d[key], d[key] = x, d[key] += x.
  [[nodiscard]] auto operator[](Key key) { return detail::DictElement<Dict, K, V>(*this, key); }
  [[nodiscard]] V operator[](Key key) const { return at(key); }

  /// KeyError if it is not there.
  void erase(Key key) requires writes {
    if (!discard(key)) detail::throw_no_key(key);
  }
  /// Whether it was there.
  bool discard(Key key) requires writes {
    Edit edit(*this, key, false);
    if (edit.found()) edit.erase();
    return edit.found();
  }
  /// Takes it out. KeyError if it is not there; or, if something is given for it, that.
  V pop(Key key) requires writes {
    std::optional<V> popped = pop_if_there(key);
    if (!popped) detail::throw_no_key(key);
    return *std::move(popped);
  }
  V pop(Key key, V otherwise) requires writes {
    std::optional<V> popped = pop_if_there(key);
    return popped ? *std::move(popped) : std::move(otherwise);
  }
  /// The last that was inserted. KeyError of an empty one.
  Item popitem() requires writes {
    const typename Base::Turn turn(*this);
    core::Entries& entries = this->state();
    Look look(this->source());
    const core::Entries::Found last = entries.last(look);
    if (!last) detail::throw_empty_dict();
    Item item(look.key(), look.value());
    entries.erase(last);
    return item;
  }
  /// What is there, or else `value`, which then is.
  V setdefault(Key key, V value = {}) requires writes {
    Edit edit(*this, key, true);
    if (edit.found()) return edit.value();
    edit.put(value);
    return value;
  }
  /// All of these at once, from anything that has pairs: a map, a vector of pairs, another Dict's
  /// items(), an Object that is a dict.
  template <class Items>
  requires(!std::same_as<std::remove_cvref_t<Items>, Object>) void update(const Items& items);
  void update(std::initializer_list<Item> items) requires writes {
    update(std::span<const Item>(items));
  }
  void update(const Object& dict) requires(writes&& of_objects&& std::is_same_v<K, Object>) {
    update(dict.items());
  }
  void clear() requires writes {
    const typename Base::Turn turn(*this);
    this->state().clear();
  }

  /// value = f(value), or f(value&), as one step; the new one. KeyError if it is not there; or, if
  /// something is given for it, f of that.
  template <class F>
  V update_value(Key key, F&& f) requires writes {
    return update_or(key, f, [&] { detail::throw_no_key(key); });
  }
  /// The same, where nothing is there of f(otherwise).
  template <class F>
  V update_value(Key key, V otherwise, F&& f) requires writes {
    Edit edit(*this, key, true);
    return edit.change(edit.found() ? edit.value() : std::move(otherwise), f);
  }
  /// f(value&) as one step: false from it changes nothing. Its answer. KeyError if it is not there.
  template <class F>
  bool change_value(Key key, F&& f) requires writes {
    Edit edit(*this, key, true);
    if (!edit.found()) detail::throw_no_key(key);
    return edit.change_if(edit.value(), f);
  }
  /// Where `expected` is there: `desired`, and true. Else, and if nothing is: false.
  bool compare_exchange(Key key, const V& expected, const V& desired) requires writes {
    Edit edit(*this, key, true);
    if (!edit.found() || !(edit.value() == expected)) return false;
    edit.put(desired);
    return true;
  }

  static constexpr bool is_read_only = !writes;
  static detail::Stamp stamp(std::uint64_t = 1) {
    using Contents = detail::Contents<K, V>;
    return {.kind = detail::Stamp::Kind::dict,
            .mode = detail::Stamp::Mode::seqlocked,
            .begins = detail::Stamp::Begins::with_owned_word,
            .element = Contents::element(),
            .guard = Contents::hash()};
  }

 private:
  friend struct detail::Attach;
  friend Namespace;
  Dict(const Place& place, const detail::Stamp& stamp) : Base(place, stamp) {}
  explicit Dict(detail::Handle handle) noexcept : Base(std::move(handle)) {}

  class Edit;

  template <class F, class Missing>
  V update_or(Key key, F& f, Missing&& missing) {
    Edit edit(*this, key, true);
    if (!edit.found()) missing();
    return edit.change(edit.value(), f);
  }
  std::optional<V> pop_if_there(Key key) {
    Edit edit(*this, key, true);
    if (!edit.found()) return std::nullopt;
    std::optional<V> popped(edit.value());
    edit.erase();
    return popped;
  }
  template <class T, class Part>
  std::vector<T> all(Part&& part) const {
    return this->at_one_time([&] {
      std::vector<T> parts;
      const core::Entries& entries = this->look();
      Look look(this->source());
      for (core::Entries::Position at; entries.next(at, look);) parts.push_back(part(look));
      return parts;
    });
  }
};

}  // namespace lagoon

#include <lagoon/dict_edit.hpp>
