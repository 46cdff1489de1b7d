#pragma once
/// Records in a row, each at its place: what a list is made of. It knows places and records; what
/// is in them the layer above knows.
///
///   shape_: a number; by its last bit, one of
///     [row] [row]
///        └──> row of words: a reference for each record, in their order; then zeros
///
/// The row is the truth: so many are there as there are references. One is replaced, appended, or
/// taken off the end by one store to its word. All else, from an insertion in the midst to a new
/// order, makes another row, and is one store to shape_; the pages before the first place that
/// changes are those of the old one. All are changes of the journal (journal.hpp), by which they
/// are counted, so the turn's owner may be killed anywhere.
///
/// Each store beside these, and what a SIGKILL right after it leaves
///   words    of a row that nobody sees.       Its nodes are free again.
///   shapes_  the one that nobody looks at.    It is written anew by the next.
///
/// Readers take no turn. What they were led through was not dropped meanwhile if shape_ is the same
/// at the end: rows are dropped only with it, and are used for something else only after. The node
/// says itself, by its generation, whether it was replaced; then its word is looked at again.
/// Before free nodes become others of other sizes shape_ has changed, too (slab.hpp, gather). Who
/// counts from the end reads how many there are and the word at one time, by the journal.
///
/// Memory orders: (1) a word and shape_ are read by acquire, published by release (journal.hpp);
/// shape_ relaxed where the journal too says, behind (2), whether all is as it was.
/// (2) shape_ is looked at again behind an acquire fence: who has read a byte of what a dropped
/// node became sees that shape_ had changed, by the slab's release fence; who has read a word of
/// the shape after the next, by the release fence (3) before it.
///
/// Progress: readers are lock-free. Writers take turns; what makes another row takes time in
/// proportion to what lies behind the first place that changes, and to 1/512 of all.

#include <lagoon/core/journal.hpp>
#include <lagoon/core/owned_word.hpp>
#include <lagoon/core/record.hpp>
#include <lagoon/core/slab.hpp>
#include <lagoon/core/words.hpp>

#include <boost/atomic/fences.hpp>
#include <boost/atomic/ipc_atomic.hpp>
#include <cstddef>
#include <cstdint>

namespace lagoon::core {

class Sequence {
 public:
  using Word = Journal::Word;

  /// In memory that begins at `base`, from which references count, and that nobody else sees yet.
  explicit Sequence(const std::byte* base) noexcept : slab_(base) {}
  Sequence(const Sequence&) = delete;
  Sequence& operator=(const Sequence&) = delete;

  // ---- By anyone -------------------------------------------------------------------------------

  [[nodiscard]] std::uint64_t size() const noexcept { return journal_.size(); }
  /// The record at a place; false if there is none. The visitor's copy(near) takes what it needs of
  /// bytes that may be changing, or another's; is_whole() says, when they are known to be this
  /// one's and whole, whether what it looks at beside them is.
  template <class Visitor>
  bool read(std::uint64_t i, Visitor& visitor) const;
  /// The same, of the last one for 1, and so on.
  template <class Visitor>
  bool read_from_end(std::uint64_t i, Visitor& visitor) const;
  /// Calls f(visitor) with each, at its place, in order; whoever replaces, appends or pops one
  /// meanwhile is seen, or not. False if others have changed their order, again and again.
  template <class Visitor, class F>
  [[nodiscard]] bool for_each(Visitor& visitor, F&& f) const;
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

  using Size = Record::Size;
  static constexpr std::size_t near_most = Record::most_near;
  /// A record at the end, or in the place of that one, its near bytes filled in by
  /// fill(std::byte*). False, and nothing has changed, if there is no memory: the slab wants more.
  /// If fill throws nothing has changed.
  template <class Fill>
  [[nodiscard]] bool append(const Size& size, Fill&& fill);
  template <class Fill>
  [[nodiscard]] bool put(std::uint64_t i, const Size& size, Fill&& fill);
  /// Takes the last one off, which must be there.
  void pop();

  /// Several changes that are seen at once, when it is published; given up when it goes before.
  class Rewrite;
  /// How many bytes of memory the row of so many takes, at most.
  [[nodiscard]] std::uint64_t bytes_of_row(std::uint64_t size) const noexcept {
    return Words::bytes_taken(words_for(size));
  }

 private:
  static constexpr auto relaxed = boost::memory_order_relaxed;

  /// A row as it lies in shared memory.
  struct SharedRow {
    boost::ipc_atomic<std::uint32_t> root{0};  // nobody asks which life
    Word count{0};                             // and above it how deep it is
  };
  static constexpr unsigned depth_at = 56;

  [[nodiscard]] Words row_of(std::uint64_t shape) const noexcept {
    const SharedRow& shared = shapes_[shape % 2];
    const std::uint64_t word = shared.count.load(relaxed);
    return {Reference(shared.root.load(relaxed), 0), word & ((std::uint64_t{1} << depth_at) - 1),
            static_cast<unsigned>(word >> depth_at)};
  }
  [[nodiscard]] Words row() const noexcept { return row_of(shape_.load(relaxed)); }
  [[nodiscard]] bool is_still(std::uint64_t shape) const noexcept {
    boost::atomic_thread_fence(boost::memory_order_acquire);  // (2)
    return shape_.load(relaxed) == shape;
  }
  /// Whether the visitor has seen it, and still() all was as it was.
  template <class Visitor, class Still>
  [[nodiscard]] bool look_at(const Words& row, std::uint64_t i, Visitor& visitor,
                             const Still& still) const;

  /// A record; to nothing if there is no memory.
  template <class Fill>
  [[nodiscard]] Reference make(const Size& size, Fill&& fill) {
    const Record::Made made = Record::make(slab_, 0, size);
    if (made.near != nullptr) fill(made.near);
    return made.reference;
  }
  [[nodiscard]] std::uint64_t words_for(std::uint64_t size) const noexcept;
  [[nodiscard]] bool make_room_for_one();
  void publish(Journal::Change& change, const Words& row, std::uint64_t size) noexcept;

  OwnedWord turn_;
  Journal journal_;
  alignas(64) Word shape_{0};
  SharedRow shapes_[2];
  Slab slab_;
};

class Sequence::Rewrite {
 public:
  /// Another row, for so many, of whom the first `kept` are as they were. The others are made, or
  /// moved; those that neither stay nor are moved must be dropped: each once.
  Rewrite(Sequence& sequence, std::uint64_t kept, std::uint64_t size);
  Rewrite(const Rewrite&) = delete;
  Rewrite& operator=(const Rewrite&) = delete;

  /// False if there is no memory.
  [[nodiscard]] bool has_begun() const noexcept { return has_begun_; }
  /// To places behind those that are kept, from where they were.
  void move(std::uint64_t to, std::uint64_t from, std::uint64_t count = 1);
  void drop(std::uint64_t from, std::uint64_t count = 1);
  /// False if there is no memory.
  template <class Fill>
  [[nodiscard]] bool put(std::uint64_t to, const Size& size, Fill&& fill) {
    const Reference made = sequence_.make(size, fill);
    if (made) row_.at(sequence_.slab_, to).store(made.word(), relaxed);
    return bool(made);
  }
  void publish() noexcept { sequence_.publish(change_, row_, size_); }

 private:
  Sequence& sequence_;
  Journal::Change change_;
  Words old_, row_;
  std::uint64_t size_;
  bool has_begun_ = false;
};

template <class Visitor, class Still>
bool Sequence::look_at(const Words& row, std::uint64_t i, Visitor& visitor,
                       const Still& still) const {
  const Word* const at = i < row.count() ? row.find(slab_, i) : nullptr;
  for (std::uint64_t before = 0; at != nullptr;) {
    const std::uint64_t word = at->load(boost::memory_order_acquire);  // (1)
    // What a word leads to is another's only if the word is another; else it is damaged.
    if (word == 0 || word == before) break;
    bool is_far = false;
    const bool is_whole =
        Record::read(slab_, Reference::of_word(word), [&](const Record::Near& near) {
          is_far = bool(near.far);
          visitor.copy(near);
        });
    if (!still()) break;  // it may be whole, and of something else
    if (is_whole && visitor.is_whole()) {
      if (is_far && !still()) break;  // what is far was only read now
      return true;
    }
    before = word;
  }
  return false;
}

template <class Visitor>
bool Sequence::read(std::uint64_t i, Visitor& visitor) const {
  for (;;) {
    const std::uint64_t shape = shape_.load(boost::memory_order_acquire);  // (1)
    const auto still = [&] { return is_still(shape); };
    if (look_at(row_of(shape), i, visitor, still)) return true;
    if (still()) return false;
  }
}

template <class Visitor>
bool Sequence::read_from_end(std::uint64_t i, Visitor& visitor) const {
  for (;;) {
    const Journal::Moment now = journal_.now();
    if (i > now.size) return false;
    const std::uint64_t shape = shape_.load(relaxed);
    const auto still = [&] { return is_still(shape) && journal_.is_still(now); };
    if (look_at(row_of(shape), now.size - i, visitor, still)) return true;
    if (still()) return false;
  }
}

template <class Visitor, class F>
bool Sequence::for_each(Visitor& visitor, F&& f) const {
  for (unsigned tries = 0; tries < 100; ++tries) {
    const std::uint64_t shape = shape_.load(relaxed);
    for (std::uint64_t i = 0; read(i, visitor); ++i) f(visitor);
    if (is_still(shape)) return true;
  }
  return false;
}

template <class Fill>
bool Sequence::append(const Size& size, Fill&& fill) {
  const std::uint64_t count = journal_.size_at_rest();
  if (count == row().count() && !make_room_for_one()) return false;
  Journal::Change change(journal_, slab_);
  const Reference made = make(size, fill);
  if (!made) return false;
  change.publish(row().at(slab_, count), made.word(), count + 1);
  return true;
}

template <class Fill>
bool Sequence::put(std::uint64_t i, const Size& size, Fill&& fill) {
  Journal::Change change(journal_, slab_);
  const Reference made = make(size, fill);
  if (!made) return false;
  Word& word = row().at(slab_, i);
  Record::drop(slab_, Reference::of_word(word.load(relaxed)));
  change.publish(word, made.word(), journal_.size_at_rest());
  return true;
}

}  // namespace lagoon::core
