#pragma once
/// A row of words in nodes of a slab: one node, or a tree of nodes with 512 each. It grows without
/// being copied, and everything in it is of few sizes, so that what one row gives back another
/// uses.
///
///   depth 0   [word word … word]                      up to 512
///   depth 1   [page page … page]                      each 512 words
///   depth 2   [[page …] [page …] … ]                  and so on
///
/// A row is a value: where its root lies, how deep it is, how many words it has. Its words change
/// in place; its shape does not: who grows it makes another row, which shares the full pages. A
/// row can carry bytes instead: a value of any size, which never changes.
///
/// Reading is for those who find out afterwards that nothing of it was dropped meanwhile: they may
/// be led anywhere in the slab's memory, and get anything. Progress: wait-free.

#include <lagoon/core/slab.hpp>

#include <boost/atomic/ipc_atomic.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace lagoon::core {

class Words {
 public:
  using Word = boost::ipc_atomic<std::uint64_t>;
  static constexpr std::uint64_t page_words = 512;
  static constexpr unsigned page_bits = 9;

  Words() = default;
  Words(Reference root, std::uint64_t count) noexcept : Words(root, count, depth_of(count)) {}
  /// Of a depth that is known to be depth_of(count).
  Words(Reference root, std::uint64_t count, unsigned depth) noexcept
      : root_(root), count_(count), depth_(depth) {}

  [[nodiscard]] Reference root() const noexcept { return root_; }
  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
  [[nodiscard]] unsigned depth() const noexcept { return depth_; }
  explicit operator bool() const noexcept { return bool(root_); }
  static constexpr unsigned depth_of(std::uint64_t count) noexcept {
    unsigned depth = 0;
    for (; count > page_words; count = (count + page_words - 1) / page_words) ++depth;
    return depth;
  }

  /// The word there, i below the count; null if it leads out of the memory.
  [[gnu::always_inline, nodiscard]] const Word* find(const Slab::Reader& slab,
                                                     std::uint64_t i) const noexcept {
    return find_several(slab, i, 1);
  }
  /// The first of so many, which are in one page.
  [[gnu::always_inline, nodiscard]] const Word* find_several(const Slab::Reader& slab,
                                                             std::uint64_t i,
                                                             std::uint64_t several) const noexcept {
    Reference r = root_;
    for (unsigned shift = page_bits * depth_; shift != 0; shift -= page_bits) {
      const Word* const inner = words_in(slab, r, (i >> shift) % page_words, 1);
      if (inner == nullptr) [[unlikely]]
        return nullptr;
      r = Reference::of_word(inner->load(boost::memory_order_relaxed));
    }
    return words_in(slab, r, i % page_words, several);
  }
  /// The bytes that of_bytes was given, or as many of them; false if it was not that row any more.
  [[nodiscard]] bool read_bytes(const Slab::Reader& slab, std::span<std::byte> to) const noexcept;

  // ---- With the slab's turn ----------------------------------------------------------------

  /// LayoutMismatch if there is none, as may be in damaged memory.
  [[nodiscard]] Word& at(const Slab& slab, std::uint64_t i) const {
    const Word* const word = i < count_ ? find(slab, i) : nullptr;
    if (word == nullptr) [[unlikely]]
      Slab::throw_damaged();
    return const_cast<Word&>(*word);
  }
  /// Whether it can be a row at rest.
  [[nodiscard]] bool is_sound(const Slab& slab) const noexcept {
    return depth_ == depth_of(count_) && count_ <= std::uint64_t{1} << 36 &&
           (count_ == 0 ? !root_ : (find(slab, 0) != nullptr && find(slab, count_ - 1) != nullptr));
  }
  /// So many zeros; nothing if there is no memory.
  static std::optional<Words> make(Slab& slab, std::uint64_t count);
  /// A longer row that begins with the same words, and what is left of this one dropped; nothing if
  /// there is no memory.
  [[nodiscard]] std::optional<Words> grown(Slab& slab, std::uint64_t count) const;
  /// A row of so many words that begins with the first `kept` of this one, and shares the full
  /// pages of these; then zeros. What is not shared of this one is dropped, and can be read until
  /// the change is settled. Nothing if there is no memory.
  [[nodiscard]] std::optional<Words> resized(Slab& slab, std::uint64_t kept,
                                             std::uint64_t count) const;
  /// The same words in another row, which shares the pages of this one until `own` is called for a
  /// word that lies there. What is not shared of this one is dropped. Nothing, or false, if there
  /// is no memory.
  [[nodiscard]] std::optional<Words> forked(Slab& slab) const;
  [[nodiscard]] bool own(Slab& slab, std::uint64_t i, const Words& forked_from) const;
  /// A row of these bytes.
  static std::optional<Words> of_bytes(Slab& slab, std::span<const std::byte> bytes);
  /// All of its nodes.
  void drop(Slab& slab) const;
  /// How many bytes of memory so many words take.
  static std::uint64_t bytes_taken(std::uint64_t count) noexcept;

 private:
  [[gnu::always_inline, nodiscard]] static const Word* words_in(const Slab::Reader& slab,
                                                                Reference r, std::uint64_t i,
                                                                std::uint64_t several) noexcept {
    const Slab::Node* const node = slab.find(r, (i + several) * sizeof(Word));
    return node == nullptr ? nullptr : reinterpret_cast<const Word*>(node->payload()) + i;
  }

  Reference root_;
  std::uint64_t count_ = 0;
  unsigned depth_ = 0;
};

}  // namespace lagoon::core
