#pragma once
/// How a Dict is changed, and walked over; dict.hpp includes it.

#include <lagoon/core/entries_several.hpp>
#include <lagoon/dict.hpp>

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <optional>
#include <span>
#include <type_traits>
#include <vector>

namespace lagoon {

/// The turn, and what is there under a key.
template <Encodable K, class ElementV>
requires Encodable<std::remove_const_t<ElementV>>
class Dict<K, ElementV>::Edit {
  using References = std::span<const detail::Referred>;

 public:
  Edit(Dict& dict, Key key, bool with_value)
      : dict_(dict),
        look_(dict.source(), key, with_value),
        turn_(dict),
        found_(entries().find_entry(look_.hash(), look_)) {}

  /// Whether the key is there.
  [[nodiscard]] bool found() const noexcept { return bool(found_); }
  /// What is there: once.
  [[nodiscard]] V value() { return look_.value(); }
  void put(const V& value) {
    look_.put(value, [&](const core::Entries::Size& size, References references, auto&& fill) {
      const auto wanted = [&] {
        return core::Entries::bytes_taken(size) + (found_ ? 0 : entries().bytes_of_room(1));
      };
      dict_.with_memory(wanted, references,
                        [&] { return entries().put(found_, look_.hash(), size, fill); });
    });
  }
  void erase() { entries().erase(found_); }
  /// value = f(value), or f(value&); the new one.
  template <class F>
  V change(V value, F& f) {
    detail::apply(f, value);
    turn_.check();
    put(value);
    return value;
  }
  /// The same, if f(value&) is true.
  template <class F>
  bool change_if(V value, F& f) {
    const bool is_to_change = f(value);
    turn_.check();
    if (is_to_change) put(value);
    return is_to_change;
  }

 private:
  [[nodiscard]] core::Entries& entries() const noexcept { return dict_.state(); }

  Dict& dict_;
  Look look_;
  typename Base::Turn turn_;
  core::Entries::Found found_;
};

/// Goes on from the last key, whatever has become of the others meanwhile.
template <Encodable K, class ElementV>
requires Encodable<std::remove_const_t<ElementV>>
class Dict<K, ElementV>::Iterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using difference_type = std::ptrdiff_t;
  using value_type = Item;
  using reference = const Item&;
  using pointer = const Item*;

  [[nodiscard]] reference operator*() const noexcept { return *item_; }
  [[nodiscard]] pointer operator->() const noexcept { return &*item_; }
  Iterator& operator++() {
    const core::Entries& entries = dict_->look();
    item_ = Base::template reading<Look::may_refer>([&]() -> std::optional<Item> {
      Look look(dict_->source());
      core::Entries::Position next = position_;
      if (!entries.next(next, look)) return std::nullopt;
      Item item(look.key(), look.value());
      position_ = next;
      return item;
    });
    return *this;
  }
  void operator++(int) { ++*this; }
  friend bool operator==(const Iterator& i, std::default_sentinel_t) noexcept { return !i.item_; }

 private:
  friend Dict;
  explicit Iterator(const Dict& dict) : dict_(&dict) { ++*this; }

  const Dict* dict_;
  core::Entries::Position position_;
  std::optional<Item> item_;
};

template <Encodable K, class ElementV>
requires Encodable<std::remove_const_t<ElementV>>
template <class Items>
requires(!std::same_as<std::remove_cvref_t<Items>, Object>)  //
    void Dict<K, ElementV>::update(const Items& items) {
  static_assert(writes, "the dict is read-only");
  using References = std::span<const detail::Referred>;
  // Each key once, with the last of its values.
  std::vector<Item> unique;
  detail::PlacesOf<K> places;
  for (const auto& [key, value] : items) {
    const auto [place, is_new] = places.of(key, unique.size());
    if (is_new)
      unique.emplace_back(key, value);
    else
      unique[place].second = value;
  }
  const typename Base::Turn turn(*this);
  core::Entries& entries = this->state();
  std::size_t more = 0, bytes = 0;
  std::vector<detail::Referred> referred;
  for (const auto& [key, value] : unique) {
    Look look(this->source(), key, false);
    if (!entries.find_entry(look.hash(), look)) ++more;
    look.put(value, [&](const core::Entries::Size& size, References references, auto&&) {
      bytes += core::Entries::bytes_taken(size);
      referred.insert(referred.end(), references.begin(), references.end());
    });
  }
  this->with_memory(bytes + entries.bytes_of_room(more), referred, [&] {
    core::Entries::Several several(entries, more);
    bool has_memory = several.has_begun();
    for (auto item = unique.begin(); has_memory && item != unique.end(); ++item) {
      Look look(this->source(), item->first, false);
      const core::Entries::Found found = several.find_entry(look.hash(), look);
      look.put(item->second, [&](const core::Entries::Size& size, References, auto&& fill) {
        has_memory = several.put(found, look.hash(), size, fill);
      });
    }
    if (has_memory) several.publish();
    return has_memory;
  });
}

}  // namespace lagoon
