#pragma once
/// Nodes: pieces of memory that are written once, published by a reference, read by anyone without
/// waiting, and used again when they were replaced.
///
/// Each node belongs to a class of size: whoever comes late, with a reference to what was there
/// before, finds a node of the same size, and by its generation that it is another one. Those that
/// are free wait in a queue of their class, first in, first out, and the last few of it are kept
/// back: so a node that was dropped rests a while before it is used again. Memory is handed in by
/// the layer above (`add`), and is never given back.
///
/// Free nodes that lie side by side become one piece, of which nodes of any size are cut, when the
/// layer above says so (`gather`). From then on late readers may find anything there. So that layer
/// has a number, which it changes before, and at which its readers look after they have read.
///
/// Who changes something has a turn (owned_word.hpp) and does it in three parts:
///
///   make, drop   as often as it likes. What it makes is its own, and nobody sees it; what it drops
///                is what others will not find any more once it has published.
///   seal         then it publishes, by one store (journal.hpp)
///   settle       what was dropped is free; or, if it was not published, what was made is
///
/// A crash leaves: what settle(published) mends, by who takes the turn over. All that it does is to
/// store what was written down before, so that it can be killed as well and begun anew:
///   made         a class remembers its queue's head from before the first one of a change.
///                Going back to it gives back all that was taken: their links are as they were.
///   dropped      linked to each other beside the queue. seal() writes down where they will be
///                appended; that is three stores, which may be repeated.
///   planned      nodes are cut from a piece and appended, memory is added, or all is gathered, by
///                stores of what `plan_` says; that stays whatever becomes of the change. What a
///                plan leads to is written before it, where nobody looks: between nodes, and, of
///                pieces that are gathered, on the side of them that is not in use.
///   generation   one more when a node is taken, before it is written to. If it is not published,
///                that one is left out.
///
/// Memory orders
///   (1) generation: relaxed, then a release fence before the node is written to. Pairs with the
///       acquire fence (2) of a reader: who has read a byte of the next life sees its generation.
///   (3) a release fence before the head of a piece is written, and before nodes that are cut of
///       one are linked. Who has read a byte of these, or of a node that lies there now (1), and
///       looks behind an acquire fence at the number of the layer above, sees that it was changed
///       before: by the same one, or by one who had the turn before.
///   The reference comes to a reader by acquire, from a store that was release: it sees the node's
///   life which it names, or a later one. Everything else is looked at with the turn: relaxed.
///
/// Progress: reading is wait-free, but the caller begins anew if it comes back false. Limits: 128
/// GiB; a reader that was stopped while 2^32 nodes were made in one place may take the last for
/// the first. Memory: 16 bytes for each node; of a node up to a half is unused; four nodes of each
/// class are kept back. Gathering takes time, and memory of the process, in proportion to the free
/// nodes.

#include <lagoon/core/reference.hpp>

#include <array>
#include <boost/atomic/fences.hpp>
#include <boost/atomic/ipc_atomic.hpp>
#include <cstddef>
#include <cstdint>

namespace lagoon::core {

class Slab {
 public:
  /// Nodes begin at multiples of it.
  static constexpr std::size_t unit = 32;

  struct Node {
    boost::ipc_atomic<std::uint32_t> generation;
    boost::ipc_atomic<std::uint32_t> next;   // in a queue, or among the dropped
    boost::ipc_atomic<std::uint32_t> bytes;  // that its maker asked for
    boost::ipc_atomic<std::uint32_t> tag;    // the maker's

    [[nodiscard]] std::byte* payload() noexcept { return reinterpret_cast<std::byte*>(this + 1); }
    [[nodiscard]] const std::byte* payload() const noexcept {
      return reinterpret_cast<const std::byte*>(this + 1);
    }
  };
  static_assert(sizeof(Node) == 16);
  /// The largest payload: 512 words, and some more.
  static constexpr std::size_t most_bytes = 129 * unit - sizeof(Node);

  /// `base` is where the memory begins, from which references count: this lies in it.
  explicit Slab(const std::byte* base) noexcept
      : at_(static_cast<std::uint64_t>(reinterpret_cast<const std::byte*>(this) - base)) {}
  Slab(const Slab&) = delete;
  Slab& operator=(const Slab&) = delete;

  // ---- With the turn ---------------------------------------------------------------------------

  struct Made {
    Reference reference;
    Node* node = nullptr;
  };
  /// A node for so many bytes, most_bytes at most; none if there is no memory: `add` some.
  [[nodiscard]] Made make(std::size_t bytes, std::uint32_t tag = 0);
  /// What nobody finds any more after the publication.
  void drop(Reference r) { drop(r, node(r)); }
  void drop(Reference r, const Node& its_node);
  /// Before the publication, after all was made and dropped.
  void seal() noexcept;
  /// After it; or after a death, or when the change was given up: whether it was published.
  void settle(bool published) noexcept;

  /// Zeroed memory from `offset` on, both multiples of the unit.
  void add(std::uint64_t offset, std::uint64_t bytes) noexcept;
  /// Where the last one that was handed in ends; zero if there was none.
  [[nodiscard]] std::uint64_t end_of_last() const noexcept {
    return std::uint64_t{end_of_last_.load(relaxed)} * unit;
  }
  /// Makes of free nodes side by side what nodes of any size can be cut of. Between two changes,
  /// and after all who read have been made to look again.
  void gather();
  /// So many bytes are free that it could gather.
  [[nodiscard]] std::uint64_t scattered_bytes() const noexcept;
  /// So many bytes at least hold a node of so many, together with those that are kept back.
  static constexpr std::size_t bytes_for_one(std::size_t bytes) noexcept {
    return (kept_back + 1) * class_units[class_of(bytes)] * unit;
  }

  /// LayoutMismatch if it is none, as may be in damaged memory.
  [[nodiscard]] Node& node(Reference r) const {
    const std::uint64_t begin = std::uint64_t{r.unit()} * unit + sizeof(Node);
    const std::uint64_t end = reach();
    if (r.unit() == 0 || begin > end) [[unlikely]]
      throw_damaged();
    Node* const n = node_at(r.unit());
    const std::size_t bytes = n->bytes.load(relaxed);
    if (bytes > most_bytes || bytes > end - begin) [[unlikely]]
      throw_damaged();
    return *n;
  }
  /// So many bytes of memory a node for so many takes.
  static constexpr std::size_t bytes_taken(std::size_t bytes) noexcept {
    return class_units[class_of(bytes)] * unit;
  }
  /// In free nodes, and not in nodes.
  [[nodiscard]] std::uint64_t free_bytes() const noexcept;

  /// Whether it can be what lies there, in so many bytes of memory, at rest: where it leads to is
  /// in them. (What lies in free nodes is looked at when they are used.)
  [[nodiscard]] bool is_sound(std::uint64_t at, std::uint64_t memory) const noexcept;
  /// The same for who only reads, at any time.
  [[nodiscard]] bool is_readable(std::uint64_t at, std::uint64_t memory) const noexcept {
    return at_ == at && reach() >= sizeof(Node) && reach() <= memory;
  }
  /// LayoutMismatch, for what could not be so.
  [[noreturn]] static void throw_damaged();

  // ---- By anyone -------------------------------------------------------------------------------

  /// The memory that was handed in ends before.
  [[nodiscard]] std::uint64_t reach() const noexcept { return reach_.load(relaxed); }
  /// What it takes to read, where it can stay in registers.
  class Reader {
   public:
    // NOLINTNEXTLINE(google-explicit-constructor): who has a slab has this
    Reader(const Slab& slab) noexcept : base_(slab.base()), reach_(&slab.reach_) {}

    /// Where a reference leads, if so many bytes behind it are in the memory; else null. For those
    /// who find out by other means whether it was still that node.
    [[gnu::always_inline, nodiscard]] const Node* find(Reference r,
                                                       std::size_t bytes) const noexcept {
      const std::uint64_t offset = std::uint64_t{r.unit()} * unit;
      if (offset == 0) [[unlikely]]
        return nullptr;
      if (offset + sizeof(Node) + bytes > reach_->load(relaxed)) [[unlikely]]
        return nullptr;
      return reinterpret_cast<const Node*>(base_ + offset);
    }
    /// Calls f(payload, bytes, tag), with bytes that may be changing and so may be anything; true
    /// if they were those of this reference while f looked at them, and if nothing has been
    /// gathered since that was found. It reads by core/copy.hpp, or atomics, and not more than it
    /// was told, which is in the memory but may be more than most_bytes. A reference that leads
    /// nowhere is false.
    template <class F>
    [[gnu::always_inline, nodiscard]] bool read(Reference r, F&& f) const {
      const Node* const n = find(r, 0);
      if (n == nullptr) [[unlikely]]
        return false;
      const std::size_t bytes = n->bytes.load(relaxed);
      if (find(r, bytes) == nullptr) [[unlikely]]
        return false;
      f(n->payload(), bytes, n->tag.load(relaxed));
      boost::atomic_thread_fence(boost::memory_order_acquire);  // (2)
      return n->generation.load(relaxed) == r.generation();
    }

   private:
    const std::byte* base_;
    const boost::ipc_atomic<std::uint64_t>* reach_;
  };
  template <class F>
  [[nodiscard]] bool read(Reference r, F&& f) const {
    return Reader(*this).read(r, f);
  }

 private:
  static constexpr auto relaxed = boost::memory_order_relaxed;
  using Word = boost::ipc_atomic<std::uint32_t>;
  using Word64 = boost::ipc_atomic<std::uint64_t>;

  static constexpr std::array<std::uint8_t, 14> class_units{1,  2,  3,  4,  6,  8,  12,
                                                            16, 24, 32, 48, 64, 96, 129};
  static constexpr std::uint32_t kept_back = 4;

  static constexpr unsigned class_of(std::size_t bytes) noexcept {
    return class_of_units[(bytes + sizeof(Node) + unit - 1) / unit];
  }
  /// The smallest class with so many units.
  static constexpr std::array<std::uint8_t, 130> class_of_units = [] {
    std::array<std::uint8_t, 130> classes{};
    std::uint8_t c = 0;
    for (std::size_t units = 0; units < classes.size(); ++units) {
      if (units > class_units[c]) ++c;
      classes[units] = c;
    }
    return classes;
  }();

  /// A queue of free nodes, and what a change has done to it.
  struct alignas(64) Class {
    Word first, last;
    Word popped, pushed;  // how often; both only grow
    Word first_before, popped_before;
    Word dropped_first, dropped_last, dropped;
    Word last_before, pushed_after;  // see seal()
  };
  /// Memory that is in no node, in units, in one word.
  struct Piece {
    explicit Piece(std::uint64_t word) noexcept
        : next(static_cast<std::uint32_t>(word)), end(static_cast<std::uint32_t>(word >> 32)) {}
    Piece(std::uint32_t first, std::uint32_t behind) noexcept : next(first), end(behind) {}
    [[nodiscard]] std::uint64_t word() const noexcept { return std::uint64_t{end} << 32 | next; }
    [[nodiscard]] std::uint32_t units() const noexcept { return end - next; }
    std::uint32_t next, end;
  };
  /// At the beginning of each of the other pieces, behind what is a free node's own, on one of two
  /// sides: how large it is, and which comes next.
  struct PieceHead {
    Word units, next;
  };
  struct Plan {
    Word what;  // zero: nothing; one more than the class of which nodes are cut; or one of these
    static constexpr std::uint32_t to_add = 30, to_gather = 31;
    Word first, last, last_before, pushed_after;  // of the queue
    Word64 piece_after;
    Word others_after, in_others_after, in_rests_after, side_after;
    Word link, linked_after;  // behind which rest, or, zero, as the first one, comes which
    Word end_of_last_after;
  };

  [[nodiscard]] std::byte* base() const noexcept {
    return const_cast<std::byte*>(reinterpret_cast<const std::byte*>(this)) - at_;
  }
  [[nodiscard]] Node* node_at(std::uint32_t at) const noexcept {
    return reinterpret_cast<Node*>(base() + std::uint64_t{at} * unit);
  }
  [[nodiscard]] PieceHead& head_of(std::uint32_t piece, std::uint32_t side) const noexcept {
    return *(reinterpret_cast<PieceHead*>(&node_at(piece)->bytes) + side);
  }
  [[nodiscard]] Piece piece_at(std::uint32_t at) const;
  void put_before(Piece piece, std::uint32_t next, std::uint32_t side) const noexcept;
  bool carve(unsigned c);
  void carry_out(std::uint32_t what) noexcept;
  void finish_plan() noexcept;

  const std::uint64_t at_;
  Word64 reach_{0};                  // the memory that was handed in ends before
  alignas(64) Word64 piece_{0};      // of which nodes are cut; not in the line that readers need
  Word made_from_{0};                // the classes of which this change has made nodes
  Word dropped_to_{0};               // and dropped
  Word others_{0}, rests_{0};        // other pieces, the largest first; and what is left of them
  Word in_others_{0}, in_rests_{0};  // how many units
  Word side_{0};                     // on which they have their heads, 0 or 1
  Word end_of_last_{0};
  Plan plan_{};
  std::array<Class, class_units.size()> classes_{};
};

}  // namespace lagoon::core
