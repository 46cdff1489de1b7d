#include <algorithm>

#include "object_node.hpp"

namespace lagoon::detail {

namespace {

constexpr std::size_t searched_one_by_one = 8;

}  // namespace

bool TableNode::is_erased(std::size_t entry) const noexcept {
  return Inside::is_erased(items[entry * step]);
}

/// Where in the index its search begins: from the top bits, which depend on all of the hash.
std::size_t TableNode::place_of(std::size_t hash) const noexcept {
  return hash * 0x9E3779B97F4A7C15U >> (64 - std::countr_zero(index.size()));
}

std::size_t TableNode::find(const Object& key, std::size_t hash, int depth) const {
  const auto is_here = [&](std::size_t entry) {
    if (hashes[entry] != hash) return false;
    const Object& found = items[entry * step];  // if erased, equal to nothing
    return Inside::are_alike(found, key) || equal_objects(found, key, depth);
  };
  if (index.empty()) {
    for (std::size_t entry = 0; entry < entries(); ++entry)
      if (is_here(entry)) return entry;
    return none;
  }
  for (std::size_t place = place_of(hash);; place = (place + 1) & (index.size() - 1)) {
    if (index[place] == 0) return none;
    if (is_here(index[place] - 1)) return index[place] - 1;
  }
}

void TableNode::build_index(std::size_t size) {
  index.assign(size, 0);
  for (std::size_t entry = 0; entry < entries(); ++entry) {
    std::size_t place = place_of(hashes[entry]);
    while (index[place] != 0) place = (place + 1) & (size - 1);
    index[place] = static_cast<std::uint32_t>(entry + 1);
  }
}

/// For one more entry. What throws leaves the entries, and an index to all of them.
void TableNode::make_room() {
  if (entries() >= std::numeric_limits<std::uint32_t>::max() - 1) throw std::bad_alloc();
  const std::size_t index_for = std::size_t{2} * (entries() + 1);
  const bool needs_index = entries() + 1 > searched_one_by_one && index.size() < index_for;
  const bool needs_memory = hashes.size() == hashes.capacity();
  if ((needs_index || needs_memory) && entries() > 2 * live) {
    std::size_t kept = 0;
    for (std::size_t entry = 0; entry < entries(); ++entry) {
      if (is_erased(entry)) continue;
      if (kept != entry) {
        for (std::size_t i = 0; i < step; ++i)
          items[kept * step + i] = std::move(items[entry * step + i]);
        hashes[kept] = hashes[entry];
      }
      ++kept;
    }
    items.resize(kept * step);
    hashes.resize(kept);
    if (!index.empty()) build_index(index.size());  // in the memory that it has
  } else if (needs_index) {
    const std::size_t size = std::bit_ceil(2 * index_for);
    index.reserve(size);
    build_index(size);
  }
  const std::size_t room = std::max(2 * entries(), std::size_t{4});
  if (hashes.size() == hashes.capacity()) hashes.reserve(room);
  if (items.size() + step > items.capacity()) items.reserve(room * step);
}

void TableNode::append(Object key, Object value, std::size_t hash) {
  make_room();
  items.push_back(std::move(key));
  if (step == 2) items.push_back(std::move(value));
  hashes.push_back(hash);
  ++live;
  if (index.empty()) return;
  std::size_t place = place_of(hash);
  while (index[place] != 0) place = (place + 1) & (index.size() - 1);
  index[place] = static_cast<std::uint32_t>(entries());
}

void TableNode::add(Object key, std::size_t hash) {
  if (find(key, hash) == none) append(std::move(key), {}, hash);
}

Object TableNode::erase(std::size_t entry) noexcept {
  Object key = std::move(items[entry * step]);
  Inside::mark_erased(items[entry * step]);
  --live;
  Object given = step == 2 ? std::move(items[entry * step + 1]) : std::move(key);
  if (live == 0) clear();
  return given;
}

void TableNode::clear() noexcept {
  items.clear();
  hashes.clear();
  index.clear();
  live = 0;
}

}  // namespace lagoon::detail
