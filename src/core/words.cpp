#include <lagoon/core/words.hpp>

#include <algorithm>

namespace lagoon::core {

namespace {

constexpr auto relaxed = boost::memory_order_relaxed;
constexpr std::uint64_t page = Words::page_words;

Words::Word* words_of(Slab::Node& node) noexcept {
  return reinterpret_cast<Words::Word*>(node.payload());
}
/// How many words lie under each child of a node of that depth.
constexpr std::uint64_t under(unsigned depth) noexcept {
  return std::uint64_t{1} << (Words::page_bits * depth);
}

/// The words [first, first + count) of a row, of which `old` is the beginning; pages of that are
/// taken over if they are full. The reference to nothing if there is no memory.
Reference make_node(Slab& slab, unsigned depth, std::uint64_t first, std::uint64_t count,
                    const Words& old) noexcept {
  if (depth == 0 && first + page <= old.count()) {
    // That page is full, and lies beside others or alone.
    Reference r = old.root();
    unsigned of_old = 0;
    while (page << (Words::page_bits * of_old) < old.count()) ++of_old;
    for (; of_old != 0; --of_old)
      r = Reference::of_word(
          words_of(slab.node(r))[first >> (Words::page_bits * of_old) & (page - 1)].load(relaxed));
    return r;
  }
  const std::uint64_t children = (count + under(depth) - 1) / under(depth);
  const Slab::Made made = slab.make(children * sizeof(Words::Word));
  if (made.node == nullptr) return {};
  Words::Word* const words = words_of(*made.node);
  for (std::uint64_t i = 0; i < children; ++i) {
    std::uint64_t word = 0;
    if (depth == 0) {
      if (first + i < old.count()) word = old.at(slab, first + i).load(relaxed);
    } else {
      const std::uint64_t from = i * under(depth);
      const Reference child =
          make_node(slab, depth - 1, first + from, std::min(count - from, under(depth)), old);
      if (!child) return {};
      word = child.word();
    }
    words[i].store(word, relaxed);
  }
  return made.reference;
}

void drop_node(Slab& slab, Reference r, unsigned depth, bool pages_too) noexcept {
  if (depth != 0) {
    Slab::Node& node = slab.node(r);
    const std::uint64_t children = node.bytes.load(relaxed) / sizeof(Words::Word);
    for (std::uint64_t i = 0; i < children; ++i)
      if (depth > 1 || pages_too)
        drop_node(slab, Reference::of_word(words_of(node)[i].load(relaxed)), depth - 1, pages_too);
  }
  slab.drop(r);
}

/// More than a page of words are whole pages of them.
std::uint64_t rounded(std::uint64_t count) noexcept {
  return count <= page ? count : (count + page - 1) / page * page;
}

}  // namespace

std::optional<Words> Words::make(Slab& slab, std::uint64_t count) noexcept {
  return Words().grown(slab, count);
}

std::optional<Words> Words::grown(Slab& slab, std::uint64_t count) const noexcept {
  count = rounded(std::max(count, count_));
  const Words made(make_node(slab, depth_of(count), 0, count, *this), count);
  if (!made) return std::nullopt;
  if (root_ && (depth() != 0 || count_ < page_words)) drop_node(slab, root_, depth(), false);
  return made;
}

void Words::drop(Slab& slab) const noexcept {
  if (root_) drop_node(slab, root_, depth(), true);
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
