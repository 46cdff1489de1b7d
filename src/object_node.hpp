#pragma once
// What lies behind an Object, for the files that make it up.

#include <lagoon/error.hpp>
#include <lagoon/object.hpp>

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lagoon::detail {

/// Nodes that nothing holds any more: a list through the nodes themselves, so that destroying the
/// deepest nest takes neither stack nor memory.
class TheDead {
 public:
  /// One who held the node does no longer.
  void let_go(SharedNode* node) noexcept;
  /// What these items hold is let go of; they are None.
  void take(std::vector<Object>& items) noexcept;
  void bury() noexcept;

 private:
  SharedNode* first_ = nullptr;
};

/// A str or bytes of more than 14 bytes, which follow the node.
struct TextNode final : SharedNode {
  explicit TextNode(std::size_t n) noexcept : size(n) {}
  static TextNode* make(std::size_t size) {
    if (size > std::numeric_limits<std::size_t>::max() / 4) throw std::bad_alloc();
    return new (::operator new(sizeof(TextNode) + size)) TextNode(size);
  }
  static void operator delete(void* p) { ::operator delete(p); }
  [[nodiscard]] char* bytes() noexcept { return reinterpret_cast<char*>(this + 1); }
  [[nodiscard]] std::string_view view() const noexcept {
    return {reinterpret_cast<const char*>(this + 1), size};
  }
  std::size_t size;
};

/// A list or a tuple.
struct SequenceNode final : SharedNode {
  explicit SequenceNode(std::vector<Object>&& x) noexcept : items(std::move(x)) {}
  void give_up(TheDead& dead) noexcept override { dead.take(items); }
  std::vector<Object> items;
};

struct OpaqueNode final : SharedNode {
  OpaqueNode(std::string&& k, std::string&& b, std::vector<Object>&& c) noexcept
      : kind(std::move(k)), bytes(std::move(b)), children(std::move(c)) {}
  void give_up(TheDead& dead) noexcept override { dead.take(children); }
  std::string kind, bytes;
  std::vector<Object> children;
};

/// A dict, or a set or frozenset, in the order of insertion. Entry i has its key in items[i * step]
/// and, in a dict, its value behind. An erased entry stays, marked, until there is no room left.
/// Up to 8 entries are searched one by one; above, an open-addressed index of entry numbers, twice
/// as large as there are entries, leads to them.
struct TableNode final : SharedNode {
  static constexpr std::size_t none = ~std::size_t{0};

  explicit TableNode(std::size_t items_of_an_entry) noexcept : step(items_of_an_entry) {}
  void give_up(TheDead& dead) noexcept override { dead.take(items); }
  [[nodiscard]] std::size_t entries() const noexcept { return hashes.size(); }
  [[nodiscard]] bool is_erased(std::size_t entry) const noexcept;
  /// Its number, or none.
  [[nodiscard]] std::size_t find(const Object& key, std::size_t hash, int depth = 0) const;
  /// The key is not there; the value of a set is None and not kept.
  void append(Object key, Object value, std::size_t hash);
  /// Unless it is there.
  void add(Object key, std::size_t hash);
  /// What was its value; of a set, its key.
  Object erase(std::size_t entry) noexcept;
  void clear() noexcept;

  std::size_t step;
  std::size_t live = 0;
  std::vector<Object> items;
  std::vector<std::size_t> hashes;
  std::vector<std::uint32_t> index;  // 0, or the entry's number + 1; a power of two of them

 private:
  [[nodiscard]] std::size_t place_of(std::size_t hash) const noexcept;
  void make_room();
  void build_index(std::size_t size);
};

/// What is private to an Object.
struct ObjectInside {
  using Kind = Object::Kind;
  static constexpr std::size_t short_length = Object::short_length;

  static Object of_integer(std::int64_t x) noexcept {
    return {Kind::integer, static_cast<std::uint64_t>(x)};
  }
  static Object of_real(double x) noexcept { return {Kind::real, std::bit_cast<std::uint64_t>(x)}; }
  /// Takes over a reference.
  static Object of_node(Kind kind, const SharedNode* node) noexcept {
    Object o(kind, reinterpret_cast<std::uintptr_t>(node));
    o.head_.tag |= Object::counted;
    return o;
  }
  /// A str or bytes of n bytes, which fill(char*) writes.
  template <class F>
  static Object of_bytes(Kind kind, std::size_t n, F&& fill) {
    if (n > Object::short_length) {
      TextNode* node = TextNode::make(n);
      fill(node->bytes());
      return of_node(kind, node);
    }
    Object o(kind, 0);
    o.head_.length = static_cast<unsigned char>(n);
    fill(reinterpret_cast<char*>(&o) + text_offset);
    return o;
  }
  /// A str, which must be UTF-8, or bytes.
  static Object of_bytes(Kind kind, std::string_view bytes) {
    return of_bytes(kind, bytes.size(), [&](char* to) { bytes.copy(to, bytes.size()); });
  }

  static bool is_counted(const Object& o) noexcept { return o.is_counted(); }
  static bool is_erased(const Object& o) noexcept { return o.tag() == Object::erased; }
  static void mark_erased(Object& o) noexcept { o = Object(static_cast<Kind>(Object::erased), 0); }

  static bool boolean(const Object& o) noexcept { return o.word_ != 0; }
  static std::int64_t integer(const Object& o) noexcept {
    return static_cast<std::int64_t>(o.word_);
  }
  static double real(const Object& o) noexcept { return std::bit_cast<double>(o.word_); }
  /// As one bit pattern, of what is not counted: texts that are equal are alike there.
  static std::uint64_t head(const Object& o) noexcept {
    return std::bit_cast<std::uint64_t>(o.head_);
  }
  static std::uint64_t word(const Object& o) noexcept { return o.word_; }
  /// True only of what is equal, and of nothing that is counted.
  static bool are_alike(const Object& a, const Object& b) noexcept {
    return head(a) == head(b) && a.word_ == b.word_ && !a.is_counted() && a.kind() != Kind::real;
  }
  /// Of a str or bytes.
  static std::string_view bytes(const Object& o) noexcept {
    if (o.is_counted()) return node<TextNode>(o).view();
    return {reinterpret_cast<const char*>(&o) + text_offset, o.head_.length};
  }
  template <class Node>
  static const Node& node(const Object& o) noexcept {
    return *static_cast<const Node*>(reinterpret_cast<SharedNode*>(o.word_));
  }
  static const std::vector<Object>& items(const Object& o) noexcept {
    return node<SequenceNode>(o).items;
  }
  static const TableNode& table(const Object& o) noexcept { return node<TableNode>(o); }
  /// To be changed: nobody else's.
  template <class Node>
  static Node& own(Object& o) {
    auto* found = static_cast<Node*>(reinterpret_cast<SharedNode*>(o.word_));
    // Acquires what the others did before they let go of it.
    if (word(*found).load(std::memory_order_acquire) == 1) return *found;
    auto* copy = new Node(*found);
    o = of_node(o.kind(), copy);
    return *copy;
  }
  static std::vector<Object>& own_items(Object& o) { return own<SequenceNode>(o).items; }
  /// Takes over what `o` holds, and leaves None.
  static SharedNode* take(Object& o) noexcept {
    auto* node = reinterpret_cast<SharedNode*>(o.word_);
    o.head_ = {};
    o.word_ = 0;
    return node;
  }
  static std::atomic_ref<std::uintptr_t> word(SharedNode& node) noexcept {
    return std::atomic_ref(node.word_);
  }

 private:
  static constexpr std::size_t text_offset = 2;
  static_assert(offsetof(ObjectHead, text) == text_offset && sizeof(ObjectHead) == 8);
};

using Inside = ObjectInside;

inline bool is_number(const Object& o) noexcept {
  return o.kind() == Object::Kind::integer || o.kind() == Object::Kind::real ||
         o.kind() == Object::Kind::boolean;
}
inline bool is_integer(const Object& o) noexcept {
  return o.kind() == Object::Kind::integer || o.kind() == Object::Kind::boolean;
}
inline bool is_text(const Object& o) noexcept {
  return o.kind() == Object::Kind::str || o.kind() == Object::Kind::bytes;
}
inline bool is_sequence(const Object& o) noexcept {
  return o.kind() == Object::Kind::list || o.kind() == Object::Kind::tuple;
}
inline bool is_set(const Object& o) noexcept {
  return o.kind() == Object::Kind::set || o.kind() == Object::Kind::frozenset;
}

/// `depth` counts what is around; beyond max_depth it is a UsageError.
bool equal_objects(const Object& a, const Object& b, int depth);
/// By structure: even of what cannot be hashed, which lies in an opaque one.
std::size_t hash_of(const Object& o, int depth = 0, bool by_structure = false);
[[noreturn]] void type_error(const std::string& says);
[[noreturn]] void too_deep(const char* what);
/// The repr for a message: of some 60 bytes at most.
std::string shown(const Object& o);
std::string in_quotes(std::string_view type_name);

}  // namespace lagoon::detail
