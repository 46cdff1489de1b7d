#pragma once
/// Nodes under keys, in the order in which they came: what a dict is made of. It knows hashes and
/// nodes; what a key is, and when two are equal, the layer above knows.
///
///   root_ ──> [index | entries]           a node; another one when they grow or are packed
///                 │        └──> row of words: how many were used, then one reference each,
///                 │             in the order of insertion; zero where one was erased
///                 └──> row of words: hash | number of an entry; open addressing
///
/// The entries are the truth, the index is a hint: it leads to where a key may be. A key's value is
/// replaced, inserted or erased by one store to its entry; all that is larger by one store to
/// root_. Both are changes of the journal (journal.hpp), so the turn's owner may be killed
/// anywhere.
///
/// Each store beside these, and what a SIGKILL right after it leaves
///   used     before the entry is published.   An entry that stays empty until all is packed.
///   index    the same.                        A hint that leads to an empty entry.
/// Neither changes what is found.
///
/// Readers take no turn. What they were led through was not dropped meanwhile if root_ is the same
/// at the end: rows change their shape only with it, and are used for something else only after.
/// The node says itself, by its generation, whether it was replaced; then its entry is looked at
/// again.
///
/// Memory orders: (1) an entry and root_ are read by acquire, published by release (journal.hpp).
/// (2) root_ is looked at again behind an acquire fence: who has read a byte of what a dropped node
/// became sees, by the slab's release fence, that root_ had changed. Hints are relaxed.
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

  struct Root {
    std::uint64_t index_root = 0, index_count = 0, entries_root = 0, entries_count = 0;

    [[nodiscard]] Words index() const noexcept {
      return {Reference::of_word(index_root), index_count};
    }
    [[nodiscard]] Words entries() const noexcept {
      return {Reference::of_word(entries_root), entries_count};
    }
  };
  /// What lies behind it; false if that has changed.
  bool read_root(std::uint64_t word, Root& root) const noexcept;
  [[nodiscard]] Root root() const noexcept;
  /// Room for one more entry.
  [[nodiscard]] bool make_room() noexcept;
  [[nodiscard]] bool rebuild(std::uint64_t entries_wanted, bool keep) noexcept;
  static void enter(Slab& slab, const Words& index, const Words* entries, Hash hash,
                    Entry entry) noexcept;

  OwnedWord turn_;
  Word root_{0};
  Journal journal_;
  Slab slab_;
};

template <class Visitor>
bool Entries::find(Hash hash, Visitor& visitor) const {
  for (;;) {
    const std::uint64_t seen = root_.load(boost::memory_order_acquire);  // (1)
    const auto is_the_same = [&] {
      boost::atomic_thread_fence(boost::memory_order_acquire);  // (2)
      return root_.load(relaxed) == seen;
    };
    if (seen == 0) return false;
    Root root;
    if (!read_root(seen, root)) continue;
    const Words index = root.index();
    const Words entries = root.entries();
    const std::uint64_t mask = index.count() - 1;
    bool found = false;
    for (std::uint64_t slot = hash & mask, probes = 0; probes <= mask && !found; ++probes) {
      const Word* const hint = index.find(slab_, slot);
      const std::uint64_t word = hint == nullptr ? 0 : hint->load(relaxed);
      if (word == 0) break;
      slot = (slot + 1) & mask;
      if (static_cast<Hash>(word >> 32) != hash) continue;
      const Word* const entry = entries.find(slab_, static_cast<Entry>(word));
      while (entry != nullptr) {
        const std::uint64_t node = entry->load(boost::memory_order_acquire);  // (1)
        if (node == 0) break;
        const bool whole = slab_.read(Reference::of_word(node),
                                      [&](const std::byte* payload, std::size_t bytes,
                                          std::uint32_t) { visitor.copy(payload, bytes); });
        if (whole) {
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
  if (root_.load(relaxed) == 0) return 0;
  const Root now = root();
  const Words index = now.index();
  const Words entries = now.entries();
  const std::uint64_t mask = index.count() - 1;
  for (std::uint64_t slot = hash & mask, probes = 0; probes <= mask;
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
  if (entry == 0 && !make_room()) return false;
  Journal::Change change(journal_, slab_);
  const Slab::Made made = slab_.make(bytes, hash);
  if (made.node == nullptr) return false;
  fill(made.node->payload());
  const Root now = root();
  const Words entries = now.entries();
  std::uint64_t size = journal_.size();
  if (entry == 0) {
    Word& used = entries.at(slab_, 0);
    entry = static_cast<Entry>(used.load(relaxed)) + 1;
    used.store(entry, relaxed);
    enter(slab_, now.index(), &entries, hash, entry);
    ++size;
  } else {
    slab_.drop(Reference::of_word(entries.at(slab_, entry).load(relaxed)));
  }
  change.publish(entries.at(slab_, entry), made.reference.word(), size);
  return true;
}

}  // namespace lagoon::core
