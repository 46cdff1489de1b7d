#pragma once
/// Records under keys, in the order in which they came: what a dict is made of. It knows hashes and
/// records; what a key is, and when two are equal, the layer above knows.
///
///   shape_: a number; by its last bit, one of
///     [index | entries] [index | entries]
///         │        └──> row of words: how many were used, then one reference each, in the order
///         │             of insertion; zero where one was erased
///         └──> hints (hints.hpp): for a hash, numbers of entries
///
/// The entries are the truth, the index is a hint: it leads to where a key may be. A key's value is
/// replaced, inserted or erased by one store to its entry; to grow, to be packed, to be cleared,
/// and to change several at once is one store to shape_. All are changes of the journal
/// (journal.hpp), so the turn's owner may be killed anywhere.
///
/// Each store beside these, and what a SIGKILL right after it leaves
///   used     before the entry is published.   An entry that stays empty until all is packed.
///   index    the same.                        A hint that leads to an empty entry.
///   last     before; or, of an erasure, after. Behind it all are empty, and more may be.
///   order    before.                          A number that no record has.
///   shapes_  the one that nobody looks at.    It is written anew by the next.
/// None of them changes what is found.
///
/// Readers take no turn. What they were led through was not dropped meanwhile if shape_ is the same
/// at the end: rows are dropped only with it, and are used for something else only after. The node
/// says itself, by its generation, whether it was replaced; then its entry is looked at again.
/// Before free nodes become others of other sizes shape_ has changed, too (slab.hpp, gather).
///
/// A record begins with a number, its order: larger than those of all that were inserted before,
/// and kept when the value is replaced. By it a walk goes on when the entries were packed.
///
/// Memory orders: (1) an entry and shape_ are read by acquire, published by release (journal.hpp).
/// (2) shape_ is looked at again behind an acquire fence, before a record is shown: who has read a
/// byte of what a dropped node became sees that shape_ had changed, by the slab's release fence;
/// who has read a word of the shape after the next, by the release fence (4) before it. Hints are
/// relaxed. (3) Who
/// finds that a record is not there any more looks at its entry again behind an acquire fence: it
/// sees what replaced it, by the slab's release fences, of the nodes that were taken before that
/// one was taken again.
///
/// Progress: readers are lock-free. Writers take turns. Limits: 2^32 entries between two packings.

#include <lagoon/core/copy.hpp>
#include <lagoon/core/hints.hpp>
#include <lagoon/core/journal.hpp>
#include <lagoon/core/owned_word.hpp>
#include <lagoon/core/record.hpp>
#include <lagoon/core/slab.hpp>
#include <lagoon/core/words.hpp>
#include <lagoon/error.hpp>

#include <algorithm>
#include <boost/atomic/fences.hpp>
#include <boost/atomic/ipc_atomic.hpp>
#include <cstddef>
#include <cstdint>
#include <span>

namespace lagoon::core {

class Entries {
 public:
  /// Record::tag_bits of it count.
  using Hash = Hints::Hash;
  /// Its number; zero is none.
  using Entry = Hints::Entry;
  using Word = Journal::Word;
  /// What a visitor says of a record: `gone` if what it had to look at beside it is not that any
  /// more.
  enum class Is : std::uint8_t { another, it, gone };

  /// Who looks for a record is called with each that may be it: copy(near) takes what it needs of
  /// bytes that may be changing, is_it() says what that was, when it is known to be whole.

  /// In memory that begins at `base`, from which references count, and that nobody else sees yet.
  explicit Entries(const std::byte* base) noexcept : slab_(base) {}
  Entries(const Entries&) = delete;
  Entries& operator=(const Entries&) = delete;

  // ---- By anyone -------------------------------------------------------------------------------

  /// How many there are.
  [[nodiscard]] std::uint64_t size() const noexcept { return journal_.size(); }
  /// Whether there is one.
  template <class Visitor>
  bool find(Hash hash, Visitor& visitor) const;

  /// Where a walk is.
  struct Position {
    std::uint64_t order = 0;  // of the record it has come to
    std::uint64_t shape = ~std::uint64_t{0};
    std::uint64_t entry = 0;
  };
  /// The next one behind the position, whatever it is (another than `it` is passed over): false at
  /// the end. What is there all the time is met, once, in the order of insertion.
  template <class Visitor>
  bool next(Position& position, Visitor& visitor) const;
  /// As much as is kept of the hash of the record that a walk has come to, which is enough to put
  /// it again; if all is still as it was then.
  [[nodiscard]] Hash hash_at(const Position& position) const;
  /// For who reads several things: see Journal::Moment.
  [[nodiscard]] const Journal& journal() const noexcept { return journal_; }
  [[nodiscard]] const Slab& slab() const noexcept { return slab_; }

  // ---- With the turn ---------------------------------------------------------------------------

  /// Whether it can be what lies there at rest, in memory of so many bytes.
  [[nodiscard]] bool is_sound(const std::byte* base, std::uint64_t memory) const noexcept;
  /// The same for who only reads, at any time.
  [[nodiscard]] bool is_readable(const std::byte* base, std::uint64_t memory) const noexcept {
    const auto at = static_cast<std::uint64_t>(reinterpret_cast<const std::byte*>(&slab_) - base);
    return slab_.is_readable(at, memory) && journal_.is_sound(base, memory);
  }
  [[nodiscard]] OwnedWord& turn() noexcept { return turn_; }
  [[nodiscard]] const OwnedWord& turn() const noexcept { return turn_; }
  /// After it was taken from a dead one.
  void recover() noexcept { journal_.recover(slab_); }
  /// Makes what is free of the memory of use for records of any size. Between changes; readers look
  /// again.
  void gather();
  [[nodiscard]] Slab& slab() noexcept { return slab_; }

  /// Where a record is, or none; until the next change.
  struct Found {
    Entry entry = 0;
    Word* word = nullptr;
    explicit operator bool() const noexcept { return entry != 0; }
  };
  /// As `find`, for the others.
  template <class Visitor>
  [[nodiscard]] Found find_entry(Hash hash, Visitor& visitor) const {
    return find_entry(shape(), hash, visitor);
  }
  /// The last in order, at which the visitor looks; or none.
  template <class Visitor>
  [[nodiscard]] Found last(Visitor& visitor);
  using Size = Record::Size;  // of near_most near bytes at most
  static constexpr std::size_t near_most = Record::most_near - sizeof(std::uint64_t);
  /// How many bytes of memory such a record takes, and the tables when there are so many more, at
  /// most.
  [[nodiscard]] static std::uint64_t bytes_taken(const Size& size) noexcept {
    return Record::bytes_taken(sizeof(std::uint64_t) + size.near_bytes, size.far.size());
  }
  [[nodiscard]] std::uint64_t bytes_of_room(std::uint64_t more) const;
  /// Another record in the place of this one, or, of no entry, a new one at the end; its near bytes
  /// filled in by fill(std::byte*). False, and nothing has changed, if there is no memory: the slab
  /// wants more. If fill throws nothing has changed.
  template <class Fill>
  [[nodiscard]] bool put(const Found& found, Hash hash, const Size& size, Fill&& fill);
  void erase(Found found);
  /// Needs no memory.
  void clear();

  class Several;  // entries_several.hpp

 private:
  static constexpr auto relaxed = boost::memory_order_relaxed;

  struct Shape {
    Words index;
    Words entries;
  };
  /// As it lies in shared memory. The index has its size by the number of entries.
  struct SharedShape {
    boost::ipc_atomic<std::uint32_t> index_root{0}, entries_root{0};  // nobody asks which life
    // How many entries; above, of 8 bits, how wide the number of hints is; of 4 each, how deep the
    // entries and the index are.
    Word counts{0};
  };
  static constexpr unsigned hints_at = 48, depths_at = 56;

  [[nodiscard]] Shape shape_of(std::uint64_t number) const noexcept {
    const SharedShape& shared = shapes_[number % 2];
    const std::uint64_t counts = shared.counts.load(relaxed);
    const std::uint64_t hints = (std::uint64_t{1} << (counts >> hints_at & 63)) >> 1;
    return {{Reference(shared.index_root.load(relaxed), 0), hints,
             static_cast<unsigned>(counts >> (depths_at + 4))},
            {Reference(shared.entries_root.load(relaxed), 0),
             counts & ((std::uint64_t{1} << hints_at) - 1),
             static_cast<unsigned>(counts >> depths_at & 15)}};
  }
  [[nodiscard]] Shape shape() const noexcept { return shape_of(shape_.load(relaxed)); }
  [[nodiscard]] bool is_still(std::uint64_t shape) const noexcept {
    boost::atomic_thread_fence(boost::memory_order_acquire);  // (2)
    return shape_.load(relaxed) == shape;
  }

  /// Shows it what the entry leads to, if is_still(), then; else it is `gone`.
  template <class Visitor, class IsStill>
  [[nodiscard]] static Is look_at(const Slab::Reader& slab, const Word& entry, Visitor& visitor,
                                  const IsStill& is_still);
  template <class Visitor, class IsStill>
  [[nodiscard]] static Is look_far(Visitor& visitor, const IsStill& is_still);
  template <class Visitor>
  [[nodiscard]] Is look_at_own(const Word& entry, Visitor& visitor) const {
    return look_at(slab_, entry, visitor, [] { return true; });
  }
  static Record::Near behind_order(const Record::Near& near) noexcept {
    return {near.payload + sizeof(Word), near.bytes - sizeof(Word), near.far, near.refers};
  }
  /// With the order of what the visitor is called with.
  template <class Visitor>
  struct WithOrder {
    Visitor& visitor;
    std::uint64_t order = 0;
    void copy(const Record::Near& near) {
      order = reinterpret_cast<const Word*>(near.payload - sizeof(Word))->load(relaxed);
      visitor.copy(near);
    }
    [[nodiscard]] Is is_it() { return visitor.is_it(); }
  };
  [[nodiscard]] std::uint64_t order_of(const Words& entries, std::uint64_t entry) const noexcept;
  [[nodiscard]] std::uint64_t entry_behind(const Words& entries, std::uint64_t used,
                                           std::uint64_t order) const noexcept;
  template <class Visitor>
  [[nodiscard]] Found find_entry(const Shape& shape, Hash hash, Visitor& visitor) const;
  [[nodiscard]] Entry last_used();

  /// A record for this entry, or, of none, for one that will be the last.
  struct Begun {
    std::byte* near;  // null: there is no memory
    std::uint64_t reference;
  };
  [[nodiscard]] Begun begin(const Found& found, Hash hash, const Size& size);
  [[nodiscard]] Found enter_new(const Shape& shape, Hash hash);
  void drop(const Found& found) {
    Record::drop(slab_, Reference::of_word(found.word->load(relaxed)));
  }

  /// How many words the entries are to have, for so many more; as many as they have if these fit.
  [[nodiscard]] std::uint64_t count_for(std::uint64_t more) const;
  [[nodiscard]] bool make_room(std::uint64_t more);
  /// More than three of four entries were erased since all was packed.
  [[nodiscard]] bool most_are_empty() const;
  [[nodiscard]] bool rebuild(std::uint64_t entries_wanted);
  void publish(Journal::Change& change, const Shape& shape, std::uint64_t size) noexcept;

  OwnedWord turn_;
  Journal journal_;
  Word last_{0};   // behind it all entries are empty
  Word order_{0};  // the largest that was given
  alignas(64) Word shape_{0};
  SharedShape shapes_[2];
  Slab slab_;
};

template <class Visitor, class IsStill>
[[gnu::always_inline]] inline Entries::Is Entries::look_at(const Slab::Reader& slab,
                                                           const Word& entry, Visitor& visitor,
                                                           const IsStill& is_still) {
  for (std::uint64_t before = 0;;) {
    const std::uint64_t word = entry.load(boost::memory_order_acquire);  // (1)
    // What a word leads to is another's only if the word is another; else it is damaged.
    if (word == 0 || word == before) return Is::another;
    bool has_order = true, is_far = false;
    const bool is_whole =
        Record::read(slab, Reference::of_word(word), [&](const Record::Near& near) {
          has_order = near.bytes >= sizeof(Word);
          is_far = bool(near.far);
          if (has_order) visitor.copy(behind_order(near));
        });
    if (is_whole) [[likely]] {
      if (!is_still()) return Is::gone;
      if (!has_order) [[unlikely]]
        return Is::another;
      const Is is = is_far ? look_far(visitor, is_still) : visitor.is_it();
      if (is != Is::gone) return is;
    }
    boost::atomic_thread_fence(boost::memory_order_acquire);  // (3)
    before = word;
  }
}

/// What is far is read by the visitor, and may have become something else by then.
template <class Visitor, class IsStill>
Entries::Is Entries::look_far(Visitor& visitor, const IsStill& is_still) {
  try {
    const Is is = visitor.is_it();
    return is_still() ? is : Is::gone;
  } catch (const LayoutMismatch&) {
    if (is_still()) throw;
    return Is::gone;
  }
}

template <class Visitor>
[[gnu::always_inline]] inline bool Entries::find(Hash hash, Visitor& visitor) const {
  hash &= (Hash{1} << Record::tag_bits) - 1;
  for (;;) {
    const std::uint64_t number = shape_.load(boost::memory_order_acquire);  // (1)
    const auto [index, entries] = shape_of(number);
    Is is = Is::another;
    const Slab::Reader slab(slab_);
    (void)Hints(index).each(slab, hash, [&, &entries = entries](Entry i) {
      const Word* const entry = i < entries.count() ? entries.find(slab, i) : nullptr;
      if (entry != nullptr) is = look_at(slab, *entry, visitor, [&] { return is_still(number); });
      return is != Is::another;
    });
    if (is == Is::it) return true;
    if (is_still(number)) return false;
  }
}

template <class Visitor>
bool Entries::next(Position& position, Visitor& visitor) const {
  for (;;) {
    const std::uint64_t number = shape_.load(boost::memory_order_acquire);  // (1)
    const Words entries = shape_of(number).entries;
    const Word* const first = entries ? entries.find(slab_, 0) : nullptr;
    const std::uint64_t used =
        first == nullptr ? 0 : std::min(first->load(relaxed), entries.count() - 1);
    if (position.shape != number)
      position = {position.order, number, entry_behind(entries, used, position.order)};
    for (std::uint64_t i = position.entry + 1; i <= used; ++i) {
      const Word* const entry = entries.find(slab_, i);
      if (entry == nullptr) break;
      WithOrder<Visitor> with_order{visitor};
      const Is is = look_at(slab_, *entry, with_order, [&] { return is_still(number); });
      if (is == Is::gone) break;
      if (is != Is::it) continue;
      // The search for where to go on takes one that is being replaced for an empty one.
      if (with_order.order <= position.order) continue;
      position = {with_order.order, number, i};
      return true;
    }
    if (is_still(number)) return false;
  }
}

template <class Visitor>
Entries::Found Entries::find_entry(const Shape& shape, Hash hash, Visitor& visitor) const {
  hash &= (Hash{1} << Record::tag_bits) - 1;
  Found found;
  const bool is_sound = Hints(shape.index).each(slab_, hash, [&](Entry i) {
    auto* const word = const_cast<Word*>(shape.entries.find(slab_, i));
    if (word != nullptr && look_at_own(*word, visitor) == Is::it) found = {i, word};
    return bool(found);
  });
  if (!is_sound) [[unlikely]]
    Slab::throw_damaged();
  return found;
}

template <class Visitor>
Entries::Found Entries::last(Visitor& visitor) {
  const Entry entry = last_used();
  if (entry == 0) return {};
  const Found found{entry, &shape().entries.at(slab_, entry)};
  return look_at_own(*found.word, visitor) == Is::it ? found : Found{};
}

template <class Fill>
bool Entries::put(const Found& found, Hash hash, const Size& size, Fill&& fill) {
  hash &= (Hash{1} << Record::tag_bits) - 1;
  if (!found && !make_room(1)) return false;
  Journal::Change change(journal_, slab_);
  const Begun begun = begin(found, hash, size);
  if (begun.near == nullptr) return false;
  fill(begun.near);
  std::uint64_t count = journal_.size_at_rest();
  Word* word = found.word;
  if (found)
    drop(found);
  else
    word = enter_new(shape(), hash).word, ++count;
  change.publish(*word, begun.reference, count);
  return true;
}

}  // namespace lagoon::core
