#include <lagoon/core/sequence.hpp>

#include <algorithm>
#include <bit>
#include <optional>

namespace lagoon::core {

namespace {

constexpr std::uint64_t fewest = 8;  // words

/// How many words from there on lie beside each other.
constexpr std::uint64_t run(std::uint64_t i) { return Words::page_words - i % Words::page_words; }

}  // namespace

bool Sequence::is_sound(const std::byte* base, std::uint64_t memory) const noexcept {
  const auto at = static_cast<std::uint64_t>(reinterpret_cast<const std::byte*>(&slab_) - base);
  return slab_.is_sound(at, memory) && is_readable(base, memory) && row().is_sound(slab_) &&
         journal_.may_have(row().count());
}

/// As many as there are, while they suffice and not three quarters of them would be of no use.
std::uint64_t Sequence::words_for(std::uint64_t size) const noexcept {
  const std::uint64_t count = row().count();
  if (size == 0) return 0;
  if (size <= count && (count <= fewest || count / 4 <= size)) return count;
  return size <= Words::page_words ? std::max(std::bit_ceil(size), fewest) : size + size / 8;
}

bool Sequence::make_room_for_one() {
  const std::uint64_t size = journal_.size_at_rest();
  Journal::Change change(journal_, slab_);
  const std::optional<Words> longer = row().resized(slab_, size, words_for(size + 1));
  if (longer) publish(change, *longer, size);
  return bool(longer);
}

void Sequence::pop() {
  Journal::Change change(journal_, slab_);
  const std::uint64_t left = journal_.size_at_rest() - 1;
  Word& word = row().at(slab_, left);
  Record::drop(slab_, Reference::of_word(word.load(relaxed)));
  change.publish(word, 0, left);
}

/// Makes it what is there.
void Sequence::publish(Journal::Change& change, const Words& row, std::uint64_t size) noexcept {
  const std::uint64_t next = shape_.load(relaxed) + 1;
  boost::atomic_thread_fence(boost::memory_order_release);  // (3)
  SharedRow& shared = shapes_[next % 2];
  shared.root.store(row.root().unit(), relaxed);
  shared.count.store(row.count() | std::uint64_t{row.depth()} << depth_at, relaxed);
  change.publish(shape_, next, size);
}

void Sequence::gather() {
  {
    Journal::Change change(journal_, slab_);
    publish(change, row(), journal_.size_at_rest());
  }
  slab_.gather();
}

Sequence::Rewrite::Rewrite(Sequence& sequence, std::uint64_t kept, std::uint64_t size)
    : sequence_(sequence),
      change_(sequence.journal_, sequence.slab_),
      old_(sequence.row()),
      size_(size) {
  const std::uint64_t words = sequence.words_for(size);
  if (words == 0) {
    old_.drop(sequence.slab_);
    has_begun_ = true;
  } else if (const std::optional<Words> row = old_.resized(sequence.slab_, kept, words)) {
    row_ = *row;
    has_begun_ = true;
  }
}

void Sequence::Rewrite::move(std::uint64_t to, std::uint64_t from, std::uint64_t count) {
  while (count != 0) {
    Word* const into = &row_.at(sequence_.slab_, to);
    const Word* const out_of = &old_.at(sequence_.slab_, from);
    const std::uint64_t n = std::min({count, run(to), run(from)});
    for (std::uint64_t i = 0; i < n; ++i) into[i].store(out_of[i].load(relaxed), relaxed);
    to += n;
    from += n;
    count -= n;
  }
}

void Sequence::Rewrite::drop(std::uint64_t from, std::uint64_t count) {
  for (; count != 0; ++from, --count) {
    const Word& word = old_.at(sequence_.slab_, from);
    Record::drop(sequence_.slab_, Reference::of_word(word.load(relaxed)));
  }
}

}  // namespace lagoon::core
