#include <lagoon/core/entries.hpp>

#include <bit>
#include <optional>

namespace lagoon::core {

/// Puts a hint where none is that leads anywhere. (`entries`: null if none leads nowhere.)
void Entries::enter(Slab& slab, const Words& index, const Words* entries, Hash hash,
                    Entry entry) noexcept {
  const std::uint64_t mask = index.count() - 1;
  for (std::uint64_t slot = hash & mask;; slot = (slot + 1) & mask) {
    Word& hint = index.at(slab, slot);
    const std::uint64_t word = hint.load(relaxed);
    if (word != 0 &&
        (entries == nullptr || entries->at(slab, static_cast<Entry>(word)).load(relaxed) != 0))
      continue;
    hint.store(std::uint64_t{hash} << 32 | entry, relaxed);
    return;
  }
}

namespace {
constexpr std::uint64_t fewest = 8;  // entries, the count of those used among them

constexpr std::uint64_t index_for(std::uint64_t entries) noexcept {
  return std::bit_ceil(2 * entries);
}
}  // namespace

bool Entries::make_room(const Shape& shape) noexcept {
  const Words& entries = shape.entries;
  if (!entries) return rebuild(fewest, true);
  if (entries.at(slab_, 0).load(relaxed) + 1 < entries.count()) return true;
  // Where half of them are empty, packing them makes room enough.
  const bool grows = journal_.size() * 2 >= entries.count();
  return rebuild(grows ? entries.count() * 2 : entries.count(), true);
}

/// With another index, and longer or packed entries; or with none of them.
bool Entries::rebuild(std::uint64_t wanted, bool keep) noexcept {
  Journal::Change change(journal_, slab_);
  const auto [old_index, old] = shape();
  const std::uint64_t used = old ? old.at(slab_, 0).load(relaxed) : 0;
  const bool shares = keep && old && wanted > old.count();

  const std::optional<Words> entries =
      shares ? old.grown(slab_, wanted) : Words::make(slab_, wanted);
  if (!entries) return false;
  const std::optional<Words> index = Words::make(slab_, index_for(entries->count()));
  if (!index) return false;
  Entry packed = 0;
  for (std::uint64_t i = 1; i <= used; ++i) {
    const auto node = Reference::of_word((shares ? *entries : old).at(slab_, i).load(relaxed));
    if (!node) continue;
    if (!keep) {
      slab_.drop(node);
      continue;
    }
    const Entry entry = shares ? static_cast<Entry>(i) : ++packed;
    if (!shares) entries->at(slab_, entry).store(node.word(), relaxed);
    enter(slab_, *index, nullptr, slab_.node(node).tag.load(relaxed), entry);
  }
  if (!shares) {
    entries->at(slab_, 0).store(packed, relaxed);
    old.drop(slab_);
  }
  old_index.drop(slab_);

  const std::uint64_t next = shape_.load(relaxed) + 1;
  SharedShape& shared = shapes_[next % 2];
  shared.index_root.store(index->root().word(), relaxed);
  shared.index_count.store(index->count(), relaxed);
  shared.entries_root.store(entries->root().word(), relaxed);
  shared.entries_count.store(entries->count(), relaxed);
  change.publish(shape_, next, keep ? journal_.size() : 0);
  return true;
}

void Entries::erase(Entry entry) noexcept {
  Journal::Change change(journal_, slab_);
  Word& word = shape().entries.at(slab_, entry);
  slab_.drop(Reference::of_word(word.load(relaxed)));
  change.publish(word, 0, journal_.size() - 1);
}

bool Entries::clear() noexcept { return size() == 0 || rebuild(fewest, false); }

}  // namespace lagoon::core
