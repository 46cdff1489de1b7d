#pragma once
/// Nodes: pieces of memory that are written once, published by a reference, read by anyone without
/// waiting, and used again when they were replaced.
///
/// Each node belongs to a class of size for good: whoever comes late, with a reference to what was
/// there before, finds a node of the same size, and by its generation that it is another one. Those
/// that are free wait in a queue, first in, first out, and the last few of it are kept back: so a
/// node that was dropped rests a while before it is used again. Memory is handed in by the layer
/// above (`add`), and is never given back.
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
///   carved       nodes are cut from memory that was never used, and appended, by stores of what
///                `carving_` says; they stay in the queue whatever becomes of the change.
///   generation   one more when a node is taken, before it is written to. If it is not published,
///                that one is left out.
///
/// Memory orders
///   (1) generation: relaxed, then a release fence before the node is written to. Pairs with the
///       acquire fence (2) of a reader: who has read a byte of the next life sees its generation.
///   The reference comes to a reader by acquire, from a store that was release: it sees the node's
///   life which it names, or a later one. Everything else is looked at with the turn: relaxed.
///
/// Progress: reading is wait-free, but the caller begins anew if it comes back false. Limits: 128
/// GiB; a reader that was stopped while 2^32 nodes were made in one place may take the last for
/// the first. Memory: 16 bytes for each node; of a node up to a half is unused.

#include <lagoon/core/reference.hpp>

#include <algorithm>
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
  void drop(Reference);
  /// Before the publication, after all was made and dropped.
  void seal() noexcept;
  /// After it; or after a death, or when the change was given up: whether it was published.
  void settle(bool published) noexcept;

  /// Zeroed memory from `offset` on, both multiples of the unit. What is left of the last one is
  /// not used any more. (In one store: killed before, it is as if it had not been handed in.)
  void add(std::uint64_t offset, std::uint64_t bytes) noexcept;
  /// Where the last one that was handed in ends; zero if there was none.
  [[nodiscard]] std::uint64_t end_of_last() const noexcept {
    return std::uint64_t{Region(region_.load(relaxed)).end} * unit;
  }
  /// So many bytes at least hold a node of so many, together with those that are kept back.
  static constexpr std::size_t bytes_for_one(std::size_t bytes) noexcept {
    return (kept_back + 1) * class_units[class_of(bytes)] * unit;
  }

  /// LayoutMismatch if it is none, as may be in damaged memory.
  [[nodiscard]] Node& node(Reference r) const {
    const std::uint64_t end = (std::uint64_t{r.unit()} * unit) + sizeof(Node);
    Node* const n = node_at(r.unit());
    if (r.unit() == 0 || end > reach() || n->bytes.load(relaxed) > most_bytes ||
        end + n->bytes.load(relaxed) > reach()) [[unlikely]]
      throw_damaged();
    return *n;
  }
  /// So many bytes of memory a node for so many takes.
  static constexpr std::size_t bytes_taken(std::size_t bytes) noexcept {
    return class_units[class_of(bytes)] * unit;
  }
  /// In free nodes, and never used; what `add` left unused is not counted.
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
  /// Where a reference leads, if so many bytes behind it are in the memory; else null. For those
  /// who find out by other means whether it was still that node.
  [[nodiscard]] const Node* find(Reference r, std::size_t bytes) const noexcept {
    const std::uint64_t offset = std::uint64_t{r.unit()} * unit;
    if (offset == 0 || offset + sizeof(Node) + bytes > reach_.load(relaxed)) return nullptr;
    return reinterpret_cast<const Node*>(base() + offset);
  }
  /// Calls f(payload, bytes, tag), with bytes that may be changing and so may be anything; true if
  /// they were those of this reference while f looked at them. It reads by core/copy.hpp, or
  /// atomics, and not more than it was told, which is in the memory but may be more than
  /// most_bytes. A reference that leads nowhere is false.
  template <class F>
  [[nodiscard]] bool read(Reference r, F&& f) const {
    const std::uint64_t offset = std::uint64_t{r.unit()} * unit;
    const std::uint64_t room = reach_.load(relaxed) - sizeof(Node);
    if (offset == 0 || offset > room) [[unlikely]]
      return false;
    const auto* const n = reinterpret_cast<const Node*>(base() + offset);
    const std::size_t bytes = n->bytes.load(relaxed);
    if (bytes > room - offset) [[unlikely]]
      return false;
    f(n->payload(), bytes, n->tag.load(relaxed));
    boost::atomic_thread_fence(boost::memory_order_acquire);  // (2)
    return n->generation.load(relaxed) == r.generation();
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
  /// Memory that was never used, in units, in one word.
  struct Region {
    explicit Region(std::uint64_t word) noexcept
        : next(static_cast<std::uint32_t>(word)), end(static_cast<std::uint32_t>(word >> 32)) {}
    [[nodiscard]] std::uint64_t word() const noexcept { return std::uint64_t{end} << 32 | next; }
    std::uint32_t next, end;
  };
  struct Carving {
    Word of;  // one more than the class; zero: nothing is being carved
    Word first, last, last_before, pushed_after;
    Word64 region_after;
  };

  [[nodiscard]] std::byte* base() const noexcept {
    return const_cast<std::byte*>(reinterpret_cast<const std::byte*>(this)) - at_;
  }
  [[nodiscard]] Node* node_at(std::uint32_t at) const noexcept {
    return reinterpret_cast<Node*>(base() + std::uint64_t{at} * unit);
  }
  bool carve(unsigned c) noexcept;
  void finish_carving() noexcept;

  const std::uint64_t at_;
  Word64 reach_{0};               // the memory that was handed in ends before
  alignas(64) Word64 region_{0};  // not in the line that readers need
  Word made_from_{0};             // the classes of which this change has made nodes
  Word dropped_to_{0};            // and dropped
  Carving carving_{};
  std::array<Class, class_units.size()> classes_{};
};

}  // namespace lagoon::core
