#pragma once
/// Several changes of entries that are seen at once, when they are published; given up when this
/// goes before.
///
/// It works on a second row of entries, which shares with the first all pages but those in which
/// something changes; publishing is one store to shape_. What a crash leaves, and the orders, are
/// those of entries.hpp.

#include <lagoon/core/entries.hpp>

#include <cstdint>
#include <optional>

namespace lagoon::core {

class Entries::Several {
 public:
  /// With room for so many new ones. What follows is false if there is no memory.
  Several(Entries& entries, std::uint64_t more);

  [[nodiscard]] bool has_begun() const noexcept { return bool(shape_.entries); }
  /// Among what is there with these changes.
  template <class Visitor>
  [[nodiscard]] Found find_entry(Hash hash, Visitor& visitor) const {
    return entries_.find_entry(shape_, hash, visitor);
  }
  /// Each once.
  template <class Fill>
  [[nodiscard]] bool put(Found found, Hash hash, const Size& size, Fill&& fill);
  void publish() noexcept;

 private:
  [[nodiscard]] bool own(Entry entry);

  Entries& entries_;
  std::uint64_t size_;
  std::optional<Journal::Change> change_;
  Shape old_, shape_;
};

template <class Fill>
bool Entries::Several::put(Found found, Hash hash, const Size& size, Fill&& fill) {
  hash &= (Hash{1} << Record::tag_bits) - 1;
  if (!own(found.entry)) return false;
  if (found) found.word = &shape_.entries.at(entries_.slab_, found.entry);
  const Begun begun = entries_.begin(found, hash, size);
  if (begun.near == nullptr) return false;
  fill(begun.near);
  if (found)
    entries_.drop(found);
  else
    found = entries_.enter_new(shape_, hash), ++size_;
  found.word->store(begun.reference, relaxed);
  return true;
}

}  // namespace lagoon::core
