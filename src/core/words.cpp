#include <lagoon/core/words.hpp>

#include <lagoon/core/copy.hpp>

#include <algorithm>

namespace lagoon::core {

namespace {

constexpr auto relaxed = boost::memory_order_relaxed;
constexpr std::uint64_t page = Words::page_words;

Words::Word* words_of(Slab::Node& node) { return reinterpret_cast<Words::Word*>(node.payload()); }
/// How many words lie under each child of a node of that depth.
constexpr std::uint64_t under(unsigned depth) {
  return std::uint64_t{1} << (Words::page_bits * depth);
}

/// Where page `i` of a row lies: its leaf with the words from i * page on.
Words::Word* leaf_of(Slab& slab, const Words& row, std::uint64_t i) {
  Words::Word* at = nullptr;
  Reference r = row.root();
  for (unsigned depth = row.depth(); depth != 0; --depth) {
    at = words_of(slab.node(r)) + (i * page >> (Words::page_bits * depth) & (page - 1));
    r = Reference::of_word(at->load(relaxed));
  }
  return at;
}

/// The words [first, first + count) of a row: an inner node of so much depth, or, of depth 0, what
/// leaf(first, count) makes. The reference to nothing if there is no memory.
template <class Leaf>
Reference make_node(Slab& slab, unsigned depth, std::uint64_t first, std::uint64_t count,
                    const Leaf& leaf) {
  if (depth == 0) return leaf(first, count);
  const std::uint64_t children = (count + under(depth) - 1) / under(depth);
  const Slab::Made made = slab.make(children * sizeof(Words::Word));
  if (made.node == nullptr) return {};
  for (std::uint64_t i = 0; i < children; ++i) {
    const std::uint64_t from = i * under(depth);
    const Reference child =
        make_node(slab, depth - 1, first + from, std::min(count - from, under(depth)), leaf);
    if (!child) return {};
    words_of(*made.node)[i].store(child.word(), relaxed);
  }
  return made.reference;
}

/// So many words from a place on, then zeros.
Reference make_leaf(Slab& slab, std::uint64_t count, const Words::Word* from,
                    std::uint64_t from_count) {
  const Slab::Made made = slab.make(count * sizeof(Words::Word));
  if (made.node == nullptr) return {};
  Words::Word* const words = words_of(*made.node);
  for (std::uint64_t i = 0; i < count; ++i)
    words[i].store(i < from_count ? from[i].load(relaxed) : 0, relaxed);
  return made.reference;
}

/// Its inner nodes, and its leaves but for the first `kept` of the row; `first` is its first one.
void drop_node(Slab& slab, Reference r, unsigned depth, std::uint64_t first, std::uint64_t kept) {
  if (depth == 0 && first < kept) return;
  if (depth != 0) {
    Slab::Node& node = slab.node(r);
    const std::uint64_t children = node.bytes.load(relaxed) / sizeof(Words::Word);
    for (std::uint64_t i = 0; i < children; ++i)
      drop_node(slab, Reference::of_word(words_of(node)[i].load(relaxed)), depth - 1,
                first + i * under(depth - 1), kept);
  }
  slab.drop(r);
}

/// More than a page of words are whole pages of them.
std::uint64_t rounded(std::uint64_t count) {
  return count <= page ? count : (count + page - 1) / page * page;
}

}  // namespace

std::optional<Words> Words::make(Slab& slab, std::uint64_t count) {
  return Words().grown(slab, count);
}

std::optional<Words> Words::grown(Slab& slab, std::uint64_t count) const {
  return resized(slab, count_, std::max(count, count_));
}

std::optional<Words> Words::resized(Slab& slab, std::uint64_t kept, std::uint64_t count) const {
  count = rounded(count);
  const auto leaf = [&](std::uint64_t first, std::uint64_t words) {
    if (first >= kept) return make_leaf(slab, words, nullptr, 0);
    Word* const inner = leaf_of(slab, *this, first / page);
    const Reference old = inner == nullptr ? root_ : Reference::of_word(inner->load(relaxed));
    if (first + page <= kept) return old;
    return make_leaf(slab, words, words_of(slab.node(old)), kept - first);
  };
  const Words made(make_node(slab, depth_of(count), 0, count, leaf), count);
  if (!made) return std::nullopt;
  if (root_) drop_node(slab, root_, depth_, 0, kept / page);
  return made;
}

std::optional<Words> Words::forked(Slab& slab) const {
  const auto leaf = [&](std::uint64_t first, std::uint64_t words) {
    Word* const inner = leaf_of(slab, *this, first / page);
    if (inner != nullptr) return Reference::of_word(inner->load(relaxed));
    return make_leaf(slab, words, words_of(slab.node(root_)), words);
  };
  const Words made(make_node(slab, depth_, 0, count_, leaf), count_);
  if (!made) return std::nullopt;
  drop_node(slab, root_, depth_, 0, depth_ == 0 ? 0 : ~std::uint64_t{0});
  return made;
}

bool Words::own(Slab& slab, std::uint64_t i, const Words& forked_from) const {
  Word* const mine = leaf_of(slab, *this, i / page);
  if (mine == nullptr) return true;
  const std::uint64_t shared = leaf_of(slab, forked_from, i / page)->load(relaxed);
  if (mine->load(relaxed) != shared) return true;
  const Reference old = Reference::of_word(shared);
  const Reference made = make_leaf(slab, page, words_of(slab.node(old)), page);
  if (!made) return false;
  mine->store(made.word(), relaxed);
  slab.drop(old);
  return true;
}

std::optional<Words> Words::of_bytes(Slab& slab, std::span<const std::byte> bytes) {
  const std::uint64_t count = rounded((bytes.size() + sizeof(Word) - 1) / sizeof(Word));
  const auto leaf = [&](std::uint64_t first, std::uint64_t words) -> Reference {
    const Slab::Made made = slab.make(words * sizeof(Word));
    if (made.node == nullptr) return {};
    const auto from = bytes.subspan(std::min(first * sizeof(Word), bytes.size()));
    write_shared(made.node->payload(), from.data(), std::min(words * sizeof(Word), from.size()));
    return made.reference;
  };
  const Words made(make_node(slab, depth_of(count), 0, count, leaf), count);
  if (!made) return std::nullopt;
  return made;
}

bool Words::read_bytes(const Slab::Reader& slab, std::span<std::byte> to) const noexcept {
  for (std::uint64_t first = 0; !to.empty(); first += page) {
    Reference r = root_;
    for (unsigned depth = depth_; depth != 0; --depth) {
      std::uint64_t child = 0;
      const auto take = [&](const std::byte* payload, std::size_t bytes, std::uint32_t) {
        const std::uint64_t i = first >> (page_bits * depth) & (page - 1);
        if ((i + 1) * sizeof(Word) <= bytes)
          child = reinterpret_cast<const Word*>(payload)[i].load(relaxed);
      };
      if (!slab.read(r, take)) return false;
      r = Reference::of_word(child);
    }
    const std::size_t wanted = std::min(page * sizeof(Word), to.size());
    std::size_t there = 0;
    const auto copy = [&](const std::byte* payload, std::size_t bytes, std::uint32_t) {
      there = std::min(bytes, wanted);
      read_shared(to.data(), payload, there);
    };
    if (!slab.read(r, copy) || there != wanted) return false;
    to = to.subspan(wanted);
  }
  return true;
}

void Words::drop(Slab& slab) const {
  if (root_) drop_node(slab, root_, depth_, 0, 0);
}

std::uint64_t Words::bytes_taken(std::uint64_t count) noexcept {
  const auto node = [](std::uint64_t words) { return Slab::bytes_taken(words * sizeof(Word)); };
  std::uint64_t bytes = 0;
  for (count = rounded(count); count > page_words; count = (count + page_words - 1) / page_words)
    bytes += count / page_words * node(page_words) +
             (count % page_words == 0 ? 0 : node(count % page_words));
  return bytes + node(count);
}

}  // namespace lagoon::core
