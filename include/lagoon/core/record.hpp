#pragma once
/// What the references of a container lead to: bytes of any number, written once, before anyone
/// sees them. Those near lie in the node itself; those far, of a large value, in a row of pages.
///
///   tag, top bit 0:  [near bytes]
///   tag, top bit 1:  [root of the row | how many bytes there | near bytes]
///
/// The bit below says that the bytes refer to other objects: so whoever looks for those reads no
/// other records. What they are the layer above knows.
///
/// Who reads without the turn finds out, by the node's generation, whether the near bytes and the
/// way to the far ones were of this record; and of each far page by its own, since that may be used
/// for something else before the node is. Progress: wait-free.

#include <lagoon/core/slab.hpp>
#include <lagoon/core/words.hpp>

#include <boost/atomic/ipc_atomic.hpp>
#include <cstddef>
#include <cstdint>
#include <span>

namespace lagoon::core {

class Record {
 public:
  /// So many bits of a tag are the maker's.
  static constexpr unsigned tag_bits = 30;

  struct Far {
    Reference root;
    std::uint64_t bytes = 0;

    explicit operator bool() const noexcept { return bytes != 0; }
    /// As many as there are, which `to` has room for; false if they are not that any more.
    [[nodiscard]] bool read(const Slab::Reader& slab, std::span<std::byte> to) const noexcept {
      return Words(root, words(bytes)).read_bytes(slab, to);
    }

   private:
    friend Record;
    static constexpr std::uint64_t words(std::uint64_t bytes) noexcept {
      return (bytes + sizeof(Words::Word) - 1) / sizeof(Words::Word);
    }
  };
  struct Near {
    const std::byte* payload;
    std::size_t bytes;
    Far far{};
    bool refers = false;
  };
  /// What there is to be of one: near bytes, most_near at most, that are filled in later, and far
  /// ones; and whether it refers to other objects.
  struct Size {
    std::size_t near_bytes;
    std::span<const std::byte> far{};
    bool refers = false;
  };

 private:
  struct Way {
    Words::Word root, bytes;
  };

 public:
  /// So many near bytes at most.
  static constexpr std::size_t most_near = Slab::most_bytes - sizeof(Way);

  /// What is near where, when all is known to be whole: with the turn.
  [[nodiscard]] static Near near(const Slab::Node& node) noexcept {
    return parts(node.payload(), node.bytes.load(relaxed), node.tag.load(relaxed));
  }
  [[nodiscard]] static std::uint32_t tag(const Slab::Node& node) noexcept {
    return node.tag.load(relaxed) & ~(is_far | does_refer);
  }
  /// How many bytes of memory one with so many takes.
  [[nodiscard]] static std::uint64_t bytes_taken(std::size_t near_bytes,
                                                 std::uint64_t far_bytes) noexcept {
    if (far_bytes == 0) return Slab::bytes_taken(near_bytes);
    return Slab::bytes_taken(near_bytes + sizeof(Way)) + Words::bytes_taken(Far::words(far_bytes));
  }
  /// By anyone: calls f(near), which may be anything; true if it was this record's.
  template <class F>
  [[gnu::always_inline, nodiscard]] static bool read(const Slab::Reader& slab, Reference r, F&& f) {
    return slab.read(r, [&](const std::byte* payload, std::size_t bytes, std::uint32_t tag) {
      f(parts(payload, bytes, tag));
    });
  }

  /// By anyone: the maker's tag; which may be another's by now.
  [[nodiscard]] static std::uint32_t tag(const Slab::Reader& slab, Reference r) {
    std::uint32_t found = 0;
    (void)slab.read(r, [&](const std::byte*, std::size_t, std::uint32_t tag) {
      found = tag & ~(is_far | does_refer);
    });
    return found;
  }

  // ---- With the slab's turn ----------------------------------------------------------------

  struct Made {
    Reference reference;
    std::byte* near = nullptr;  // to be filled in; null: there is no memory
  };
  /// With so many near bytes more.
  [[nodiscard]] static Made make(Slab& slab, std::uint32_t tag, const Size& size,
                                 std::size_t more_near = 0) {
    if (size.refers) tag |= does_refer;
    if (!size.far.empty()) [[unlikely]]
      return make_far(slab, tag, size, more_near);
    const Slab::Made made = slab.make(size.near_bytes + more_near, tag);
    return {made.reference, made.node == nullptr ? nullptr : made.node->payload()};
  }
  static void drop(Slab& slab, Reference r) {
    const Slab::Node& node = slab.node(r);
    if ((node.tag.load(relaxed) & is_far) != 0) [[unlikely]]
      drop_far(slab, node);
    slab.drop(r, node);
  }

 private:
  static constexpr auto relaxed = boost::memory_order_relaxed;
  static constexpr std::uint32_t is_far = std::uint32_t{1} << 31;
  static constexpr std::uint32_t does_refer = std::uint32_t{1} << 30;

  static Near parts(const std::byte* payload, std::size_t bytes, std::uint32_t tag) noexcept {
    const bool refers = (tag & does_refer) != 0;
    if ((tag & is_far) == 0 || bytes < sizeof(Way)) return {payload, bytes, {}, refers};
    const auto& way = *reinterpret_cast<const Way*>(payload);
    return {payload + sizeof way,
            bytes - sizeof way,
            {Reference::of_word(way.root.load(relaxed)), way.bytes.load(relaxed)},
            refers};
  }
  static Made make_far(Slab& slab, std::uint32_t tag, const Size& size, std::size_t more_near);
  static void drop_far(Slab& slab, const Slab::Node& node);
};

}  // namespace lagoon::core
