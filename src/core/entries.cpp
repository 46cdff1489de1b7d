#include <lagoon/core/entries.hpp>
#include <lagoon/core/entries_several.hpp>
#include <lagoon/core/in_this_order.hpp>

#include <optional>

namespace lagoon::core {

namespace {
constexpr std::uint64_t fewest = 8;  // entries, the count of those used among them
}  // namespace

Entries::Begun Entries::begin(const Found& found, Hash hash, const Size& size) {
  std::uint64_t order = 0;
  if (found) {
    const auto reference = Reference::of_word(found.word->load(relaxed));
    const Record::Near near = Record::near(slab_.node(reference));
    order = reinterpret_cast<const Word*>(near.payload)->load(relaxed);
  } else {
    order = order_.load(relaxed) + 1;
    order_.store(order, relaxed);
  }
  const Record::Made made = Record::make(slab_, hash, size, sizeof order);
  if (made.near == nullptr) return {nullptr, 0};
  reinterpret_cast<Word*>(made.near)->store(order, relaxed);
  return {made.near + sizeof order, made.reference.word()};
}

/// The one that will be published next, and a hint to it.
Entries::Found Entries::enter_new(const Shape& shape, Hash hash) {
  Word& used = shape.entries.at(slab_, 0);
  const auto entry = static_cast<Entry>(used.load(relaxed)) + 1;
  last_.store(entry, relaxed);
  used.store(entry, relaxed);
  in_this_order();
  Hints(shape.index).enter(slab_, hash, entry, [&](Entry other) {
    return shape.entries.at(slab_, other).load(relaxed) == 0;
  });
  return {entry, &shape.entries.at(slab_, entry)};
}

Entries::Hash Entries::hash_at(const Position& position) const {
  const Words entries = shape_of(position.shape).entries;
  const Word* const word =
      position.entry < entries.count() ? entries.find(slab_, position.entry) : nullptr;
  if (word == nullptr) return 0;
  return Record::tag(slab_, Reference::of_word(word->load(relaxed)));
}

/// Zero where there is none.
std::uint64_t Entries::order_of(const Words& entries, std::uint64_t entry) const noexcept {
  const Word* const word = entries.find(slab_, entry);
  if (word == nullptr) return 0;
  std::uint64_t order = 0;
  const auto reference = Reference::of_word(word->load(boost::memory_order_acquire));  // (1)
  const bool is_whole = Record::read(slab_, reference, [&](const Record::Near& near) {
    if (near.bytes >= sizeof order)
      order = reinterpret_cast<const Word*>(near.payload)->load(relaxed);
  });
  return is_whole ? order : 0;
}

/// The last entry that an order of `order` or less can have: a search in halves, over those that
/// are empty.
std::uint64_t Entries::entry_behind(const Words& entries, std::uint64_t used,
                                    std::uint64_t order) const noexcept {
  if (order == 0) return 0;
  std::uint64_t first = 1, last = used + 1;
  while (first < last) {
    const std::uint64_t middle = first + (last - first) / 2;
    std::uint64_t i = middle, found = 0;
    while (i < last && (found = order_of(entries, i)) == 0) ++i;
    if (i == last || found > order)
      last = middle;
    else
      first = i + 1;
  }
  return first - 1;
}

bool Entries::is_sound(const std::byte* base, std::uint64_t memory) const noexcept {
  const auto at = static_cast<std::uint64_t>(reinterpret_cast<const std::byte*>(&slab_) - base);
  if (!slab_.is_sound(at, memory) || !is_readable(base, memory)) return false;
  const auto [index, entries] = shape();
  return index.is_sound(slab_) && entries.is_sound(slab_) &&
         index.count() == Hints::count_for(entries.count()) &&
         journal_.may_have(entries ? entries.at(slab_, 0).load(relaxed) : 0) &&
         (!entries || entries.at(slab_, 0).load(relaxed) < entries.count());
}

Entries::Entry Entries::last_used() {
  const Words entries = shape().entries;
  if (!entries) return 0;
  std::uint64_t i = std::min(last_.load(relaxed), entries.at(slab_, 0).load(relaxed));
  while (i != 0 && entries.at(slab_, i).load(relaxed) == 0) --i;
  last_.store(i, relaxed);
  return static_cast<Entry>(i);
}

std::uint64_t Entries::count_for(std::uint64_t more) const {
  // Where half of them are empty, packing them makes room enough.
  const std::uint64_t wanted = journal_.size_at_rest() + more;
  std::uint64_t count =
      most_are_empty() ? fewest : std::max<std::uint64_t>(shape().entries.count(), fewest);
  while (wanted * 2 > count) count *= 2;
  return count;
}

bool Entries::most_are_empty() const {
  const Words entries = shape().entries;
  return entries && entries.at(slab_, 0).load(relaxed) > 4 * journal_.size_at_rest() + 64;
}

std::uint64_t Entries::bytes_of_room(std::uint64_t more) const {
  const std::uint64_t count = count_for(more);
  return Words::bytes_taken(count) + Words::bytes_taken(Hints::count_for(count));
}

/// Entries for so many more.
bool Entries::make_room(std::uint64_t more) {
  const Words entries = shape().entries;
  const std::uint64_t used = entries ? entries.at(slab_, 0).load(relaxed) : 0;
  return used + more < entries.count() || rebuild(count_for(more));
}

/// Makes it what is there.
void Entries::publish(Journal::Change& change, const Shape& shape, std::uint64_t size) noexcept {
  const std::uint64_t next = shape_.load(relaxed) + 1;
  boost::atomic_thread_fence(boost::memory_order_release);  // (4)
  SharedShape& shared = shapes_[next % 2];
  shared.index_root.store(shape.index.root().unit(), relaxed);
  shared.entries_root.store(shape.entries.root().unit(), relaxed);
  shared.counts.store(
      shape.entries.count() |
          static_cast<std::uint64_t>(std::bit_width(shape.index.count())) << hints_at |
          std::uint64_t{shape.entries.depth() | shape.index.depth() << 4} << depths_at,
      relaxed);
  change.publish(shape_, next, size);
}

/// With another index, and longer or packed entries.
bool Entries::rebuild(std::uint64_t wanted) {
  Journal::Change change(journal_, slab_);
  const auto [old_index, old] = shape();
  const std::uint64_t used = old ? old.at(slab_, 0).load(relaxed) : 0;
  const bool shares = old && wanted > old.count();

  const std::optional<Words> entries =
      shares ? old.grown(slab_, wanted) : Words::make(slab_, wanted);
  if (!entries) return false;
  const std::optional<Words> index = Words::make(slab_, Hints::count_for(entries->count()));
  if (!index) return false;
  Entry packed = 0;
  for (std::uint64_t i = 1; i <= used; ++i) {
    const auto node = Reference::of_word((shares ? *entries : old).at(slab_, i).load(relaxed));
    if (!node) continue;
    const Entry entry = shares ? static_cast<Entry>(i) : ++packed;
    if (!shares) entries->at(slab_, entry).store(node.word(), relaxed);
    Hints(*index).enter(slab_, Record::tag(slab_.node(node)), entry, [](Entry) { return false; });
  }
  if (!shares) {
    entries->at(slab_, 0).store(packed, relaxed);
    old.drop(slab_);
  }
  old_index.drop(slab_);
  publish(change, {*index, *entries}, journal_.size_at_rest());
  return true;
}

void Entries::gather() {
  {
    Journal::Change change(journal_, slab_);
    publish(change, shape(), journal_.size_at_rest());
  }
  slab_.gather();
}

void Entries::erase(Found found) {
  {
    Journal::Change change(journal_, slab_);
    drop(found);
    change.publish(*found.word, 0, journal_.size_at_rest() - 1);
  }
  if (last_.load(relaxed) == found.entry) last_.store(found.entry - 1, relaxed);
  // Who walks looks at the empty ones too. If there is no memory for it they stay.
  if (most_are_empty()) (void)rebuild(count_for(1));
}

void Entries::clear() {
  const auto [index, entries] = shape();
  if (!entries) return;
  Journal::Change change(journal_, slab_);
  for (std::uint64_t i = entries.at(slab_, 0).load(relaxed); i != 0; --i)
    if (const auto node = Reference::of_word(entries.at(slab_, i).load(relaxed)))
      Record::drop(slab_, node);
  index.drop(slab_);
  entries.drop(slab_);
  publish(change, {}, 0);
}

// ---- Several changes at once --------------------------------------------------------------------

Entries::Several::Several(Entries& entries, std::uint64_t more)
    : entries_(entries), size_(entries.journal_.size_at_rest()) {
  if (!entries_.make_room(more)) return;
  change_.emplace(entries_.journal_, entries_.slab_);
  old_ = entries_.shape();
  if (const std::optional<Words> forked = old_.entries.forked(entries_.slab_))
    shape_ = {old_.index, *forked};
}

/// The page of this entry is not seen by others.
bool Entries::Several::own(Entry entry) {
  Slab& slab = entries_.slab_;
  if (entry != 0) return shape_.entries.own(slab, entry, old_.entries);
  if (!shape_.entries.own(slab, 0, old_.entries)) return false;
  // That it will be used stands where others look as well: should this be given up, the hint leads
  // to an entry that stays empty.
  const std::uint64_t next = shape_.entries.at(slab, 0).load(relaxed) + 1;
  if (!shape_.entries.own(slab, next, old_.entries)) return false;
  old_.entries.at(slab, 0).store(next, relaxed);
  in_this_order();
  return true;
}

void Entries::Several::publish() noexcept {
  entries_.publish(*change_, shape_, size_);
  change_.reset();
}

}  // namespace lagoon::core
