#pragma once
/// Nodes under keys, in the order in which they came: what a dict is made of. It knows hashes and
/// nodes; what a key is, and when two are equal, the layer above knows.
///
///   shape_: a number; by its last bit, one of
///     [index | entries] [index | entries]
///         │        └──> row of words: how many were used, then one reference each, in the order
///         │             of insertion; zero where one was erased
///         └──> row of words: hash | number of an entry; open addressing
///
/// The entries are the truth, the index is a hint: it leads to where a key may be. A key's value is
/// replaced, inserted or erased by one store to its entry; to grow, to be packed and to be cleared
/// is one store to shape_. All are changes of the journal (journal.hpp), so the turn's owner may be
/// killed anywhere.
///
/// Each store beside these, and what a SIGKILL right after it leaves
///   used     before the entry is published.   An entry that stays empty until all is packed.
///   index    the same.                        A hint that leads to an empty entry.
///   shapes_  the one that nobody looks at.    It is written anew by the next.
/// None of them changes what is found.
///
/// Readers take no turn. What they were led through was not dropped meanwhile if shape_ is the same
/// at the end: rows are dropped only with it, and are used for something else only after. The node
/// says itself, by its generation, whether it was replaced; then its entry is looked at again.
///
/// Memory orders: (1) an entry and shape_ are read by acquire, published by release (journal.hpp).
/// (2) shape_ is looked at again behind an acquire fence: who has read a byte of what a dropped
/// node became, or a word of the shape after the next, sees that shape_ had changed, by the slab's
/// release fence, behind which both are written. Hints are relaxed.
///
/// Progress: readers are lock-free. Writers take turns. Limits: 2^32 entries between two packings.

#include <lagoon/core/journal.hpp>
#include <lagoon/core/owned_word.hpp>
#include <lagoon/core/slab.hpp>
#include <lagoon/core/words.hpp>

#include <boost/atomic/fences.hpp>
#include <boost/atomic/ipc_atomic.hpp>
#include <cstddef>
#include <cstdint>

namespace lagoon::core {

class Entries {
 public:
  using Hash = std::uint32_t;
  /// Its number; zero is none.
  using Entry = std::uint32_t;

  /// In memory that begins at `base`, from which references count, and that nobody else sees yet.
  explicit Entries(const std::byte* base) noexcept : slab_(base) {}
  Entries(const Entries&) = delete;
  Entries& operator=(const Entries&) = delete;

  // ---- By anyone -------------------------------------------------------------------------------

  /// How many there are.
  [[nodiscard]] std::uint64_t size() const noexcept { return journal_.size(); }
  /// Whether there is one: visitor.copy(payload, bytes) is called with each that may be it, and
  /// visitor.is_it() with what was copied, when that is known to be whole.
  template <class Visitor>
  bool find(Hash hash, Visitor& visitor) const;

  // ---- With the turn ---------------------------------------------------------------------------

  [[nodiscard]] OwnedWord& turn() noexcept { return turn_; }
  /// After it was taken from a dead one.
  void recover() noexcept { journal_.recover(slab_); }
  [[nodiscard]] Slab& slab() noexcept { return slab_; }

  /// As `find`, for the others.
  template <class Visitor>
  [[nodiscard]] Entry find_entry(Hash hash, Visitor& visitor) noexcept;
  /// Another node in the place of this one, or, of no entry, a new one at the end; filled in by
  /// fill(payload). False, and nothing has changed, if there is no memory: the slab wants more. If
  /// fill throws nothing has changed.
  template <class Fill>
  [[nodiscard]] bool put(Entry entry, Hash hash, std::size_t bytes, Fill&& fill);
  void erase(Entry entry) noexcept;
  /// False if there is no memory.
  [[nodiscard]] bool clear() noexcept;

 private:
  static constexpr auto relaxed = boost::memory_order_relaxed;
  using Word = Journal::Word;

  struct Shape {
    Words index;
    Words entries;
  };
  /// As it lies in shared memory.
  struct SharedShape {
    Word index_root{0}, index_count{0}, entries_root{0}, entries_count{0};

    [[nodiscard]] Shape load() const noexcept {
      return {{Reference::of_word(index_root.load(relaxed)), index_count.load(relaxed)},
              {Reference::of_word(entries_root.load(relaxed)), entries_count.load(relaxed)}};
    }
  };
  [[nodiscard]] Shape shape() const noexcept { return shapes_[shape_.load(relaxed) % 2].load(); }
  /// Room for one more entry.
  [[nodiscard]] bool make_room(const Shape& shape) noexcept;
  [[nodiscard]] bool rebuild(std::uint64_t entries_wanted, bool keep) noexcept;
  static void enter(Slab& slab, const Words& index, const Words* entries, Hash hash,
                    Entry entry) noexcept;

  OwnedWord turn_;
  Word shape_{0};
  SharedShape shapes_[2];
  Journal journal_;
  Slab slab_;
};

template <class Visitor>
bool Entries::find(Hash hash, Visitor& visitor) const {
  for (;;) {
    const std::uint64_t seen = shape_.load(boost::memory_order_acquire);  // (1)
    const auto is_the_same = [&] {
      boost::atomic_thread_fence(boost::memory_order_acquire);  // (2)
      return shape_.load(relaxed) == seen;
    };
    const auto [index, entries] = shapes_[seen % 2].load();
    const std::uint64_t mask = index.count() - 1;
    bool found = false;
    for (std::uint64_t slot = hash & mask, probes = 0; probes < index.count() && !found; ++probes) {
      const Word* const hint = index.find(slab_, slot);
      const std::uint64_t word = hint == nullptr ? 0 : hint->load(relaxed);
      if (word == 0) break;
      slot = (slot + 1) & mask;
      if (static_cast<Hash>(word >> 32) != hash) continue;
      const Word* const entry = entries.find(slab_, static_cast<Entry>(word));
      while (entry != nullptr) {
        const std::uint64_t node = entry->load(boost::memory_order_acquire);  // (1)
        if (node == 0) break;
        if (slab_.read(Reference::of_word(node),
                       [&](const std::byte* payload, std::size_t bytes, std::uint32_t) {
                         visitor.copy(payload, bytes);
                       })) {
          found = visitor.is_it();
          break;
        }
        if (!is_the_same()) break;
      }
    }
    if (is_the_same()) return found;
  }
}

template <class Visitor>
Entries::Entry Entries::find_entry(Hash hash, Visitor& visitor) noexcept {
  const auto [index, entries] = shape();
  const std::uint64_t mask = index.count() - 1;
  for (std::uint64_t slot = hash & mask, probes = 0; probes < index.count();
       slot = (slot + 1) & mask, ++probes) {
    const std::uint64_t word = index.at(slab_, slot).load(relaxed);
    if (word == 0) return 0;
    if (static_cast<Hash>(word >> 32) != hash) continue;
    const auto entry = static_cast<Entry>(word);
    const auto reference = Reference::of_word(entries.at(slab_, entry).load(relaxed));
    if (!reference) continue;
    const Slab::Node& node = slab_.node(reference);
    visitor.copy(node.payload(), node.bytes.load(relaxed));
    if (visitor.is_it()) return entry;
  }
  return 0;
}

template <class Fill>
bool Entries::put(Entry entry, Hash hash, std::size_t bytes, Fill&& fill) {
  Shape now = shape();
  if (entry == 0) {
    if (!make_room(now)) return false;
    now = shape();
  }
  Journal::Change change(journal_, slab_);
  const Slab::Made made = slab_.make(bytes, hash);
  if (made.node == nullptr) return false;
  fill(made.node->payload());
  std::uint64_t size = journal_.size();
  if (entry == 0) {
    Word& used = now.entries.at(slab_, 0);
    entry = static_cast<Entry>(used.load(relaxed)) + 1;
    used.store(entry, relaxed);
    enter(slab_, now.index, &now.entries, hash, entry);
    ++size;
  } else {
    slab_.drop(Reference::of_word(now.entries.at(slab_, entry).load(relaxed)));
  }
  change.publish(now.entries.at(slab_, entry), made.reference.word(), size);
  return true;
}

}  // namespace lagoon::core
