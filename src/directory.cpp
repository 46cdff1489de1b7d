#include "directory.hpp"

#include <lagoon/error.hpp>

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

namespace lagoon::detail {

void Directory::format(std::size_t committed, std::size_t reserve, std::size_t capacity) {
  auto* h = reinterpret_cast<Header*>(base_);
  // Whoever comes after a death in here finds out that it may begin anew.
  h->magic.store(Header::magic_begun, boost::memory_order_relaxed);
  std::memset(base_ + sizeof h->magic, 0, sizeof(Header) - sizeof h->magic);
  h->layout_version = Header::layout_version_value;
  h->layout_hash = Header::layout_hash_value();
  h->reserve = reserve;
  h->participants = sizeof(Header);
  h->blocks = round_up(h->participants + core::Participants::size_for(capacity), 64);
  if (h->blocks + sizeof(Block) > committed)
    throw InvalidArgument("a segment of " + std::to_string(committed) + " bytes is too small for " +
                          std::to_string(capacity) + " participants; it takes " +
                          std::to_string(h->blocks) + " bytes before the first object");
  core::Participants::make(base_ + h->participants, capacity);
  auto* first = new (base_ + h->blocks) Block{};
  first->set(committed - h->blocks, Block::free_clean);
  h->search_from.store(h->blocks);
  h->epoch.store(1);
  h->committed.store(committed);
  h->magic.store(Header::magic_value, boost::memory_order_release);
}

Directory::Turn::Turn(Directory& directory, core::Deadline until)
    : directory_(directory), me_(directory.participants().self()) {
  const core::Taken taken = directory.header().turn.take(directory.participants(), me_, until);
  if (taken == core::Taken::no) return;
  if (taken > core::Taken::from_dead)
    throw UsageError("the directory of " + directory.ground_.describe() +
                     " is being changed by this thread already");
  has_ = true;
  if (taken != core::Taken::from_dead) return;
  try {
    directory.mend();
    directory.sweep();
  } catch (...) {
    directory.header().turn.give_back(me_);
    throw;
  }
}

Directory::Turn::~Turn() {
  if (has_ && !fork_.passed()) directory_.header().turn.give_back(me_);
}

void Directory::throw_corrupt(std::uint64_t offset) const {
  throw LayoutMismatch(ground_.describe() + " is corrupt at byte " + std::to_string(offset) +
                       ": what lies there is no block");
}

Block* Directory::checked_at(std::uint64_t offset) const {
  const std::uint64_t end = committed();
  if (offset % 64 != 0 || offset < header().blocks || offset + sizeof(Block) > end)
    throw_corrupt(offset);
  Block* b = at(offset);
  const std::uint64_t size = b->size();
  if (size < sizeof(Block) || size % 64 != 0 || size > end - offset ||
      b->name_length.load(boost::memory_order_acquire) > size - sizeof(Block))
    throw_corrupt(offset);
  return b;
}

void Directory::join_with_free_neighbours(Block* b) const {
  const std::uint64_t end = committed();
  for (;;) {
    const std::uint64_t next_offset = offset_of(b) + b->size();
    if (next_offset >= end) return;
    Block* next = checked_at(next_offset);
    if (!next->is_free()) return;
    const bool clean = b->state() == Block::free_clean && next->state() == Block::free_clean;
    b->set(b->size() + next->size(), Block::free_dirty);
    if (clean) {
      // Inside free memory now: once its header is zero the whole is clean again.
      std::memset(static_cast<void*>(next), 0, sizeof(Block));
      b->set(Block::free_clean);
    }
  }
}

Directory::Fresh Directory::carve(Block* b, std::size_t need, core::Owner me) {
  const std::size_t size = b->size();
  const bool clean = b->state() == Block::free_clean;
  const bool first_free = offset_of(b) == header().search_from.load(boost::memory_order_relaxed);
  if (size - need >= sizeof(Block) + 64) {
    // Killed before (2), the block has the header of the rest in its midst: it is clean no more.
    if (clean) b->set(Block::free_dirty);
    auto* rest = new (reinterpret_cast<std::byte*>(b) + need) Block{};
    rest->set(size - need, clean ? Block::free_clean : Block::free_dirty);
  } else {
    need = size;
  }
  b->name_length.store(0, boost::memory_order_relaxed);
  b->ended.store(0, boost::memory_order_relaxed);
  b->parts.store(0, boost::memory_order_relaxed);
  b->stored = 0;
  b->id.store(next_epoch(), boost::memory_order_relaxed);
  b->builder.store(me, boost::memory_order_relaxed);
  b->set(need, Block::building);  // (2), (3)
  if (first_free) header().search_from.store(offset_of(b) + need, boost::memory_order_relaxed);
  return {b, clean};
}

std::optional<Directory::Fresh> Directory::take_from_free(std::size_t need, core::Owner me) {
  bool first = true;
  for (std::uint64_t offset = header().search_from.load(); offset < committed();) {
    Block* b = checked_at(offset);
    if (b->is_free()) {
      // Who looks without the turn and meets what is stored into it from here on sees `unlinks`.
      boost::atomic_thread_fence(boost::memory_order_release);
      join_with_free_neighbours(b);
      if (std::exchange(first, false))
        header().search_from.store(offset, boost::memory_order_relaxed);
      if (b->size() >= need) return carve(b, need, me);
    }
    offset += b->size();
  }
  return std::nullopt;
}

void Directory::grow(std::size_t need) {
  const std::size_t old = committed();
  const std::size_t reserve = header().reserve;
  const std::size_t page = ground_.page();
  const std::size_t least = round_up(need, page);
  if (least > reserve - old) {
    std::size_t waiting = 0;
    for_each_block([&](const Block* b) {
      if (b->state() == Block::erased) waiting += b->size();
    });
    throw OutOfMemory(
        ground_.describe() + " is full: it has " + std::to_string(old) + " of " +
        std::to_string(reserve) + " bytes that it may grow to, " + std::to_string(need) +
        " more were asked for; make it with a larger Options::reserve (the heap: configure_heap; "
        "what was adopted: more "
        "memory)" +
        (waiting == 0 ? ""
                      : "; " + std::to_string(waiting) +
                            " bytes of erased objects wait for processes that could still have "
                            "handles to them to open or make something here, to call "
                            "acknowledge_erased, or to "
                            "end"));
  }
  std::size_t more = std::min(reserve - old, std::max(least, round_up(old / 2, page)));
  if (more > least + (16U << 20)) more = least + (16U << 20);
  try {
    ground_.commit(old, more);
  } catch (const OutOfMemory&) {
    if (more == least) throw;
    ground_.commit(old, more = least);
  }
  auto* added = new (base_ + old) Block{};
  added->set(more, Block::free_clean);
  header().committed.store(old + more, boost::memory_order_release);  // (1)
}

Directory::Fresh Directory::allocate(std::size_t bytes, std::string_view name, core::Owner me) {
  const std::size_t head = sizeof(Block) + round_up(name.size(), 64);
  if (bytes > header().reserve) grow(bytes);  // says why not
  const std::size_t need = head + round_up(std::max<std::size_t>(bytes, 1), 64);
  auto fresh = take_from_free(need, me);
  if (!fresh) {
    sweep();
    ground_.sweep_stored();
    fresh = take_from_free(need, me);
  }
  if (!fresh) {
    grow(need);
    fresh = take_from_free(need, me);
  }
  Block* b = fresh->block;
  b->payload_at = static_cast<std::uint32_t>(head);
  b->payload_bytes = bytes;
  std::copy(name.begin(), name.end(), reinterpret_cast<char*>(b + 1));
  b->name_length.store(static_cast<std::uint32_t>(name.size()), boost::memory_order_release);
  return *fresh;
}

void Directory::set_free(Block* b) {
  const bool has_parts = b->parts.load(boost::memory_order_relaxed) != 0;
  set_free_alone(b);
  if (has_parts) sweep_parts();
}

void Directory::set_free_alone(Block* b) noexcept {
  // Whoever walks without the turn must notice that names may have changed under it.
  header().unlinks.fetch_add(1, boost::memory_order_acq_rel);
  const std::uint64_t offset = offset_of(b);
  if (offset < header().search_from.load(boost::memory_order_relaxed))
    header().search_from.store(offset, boost::memory_order_relaxed);
  b->set(Block::free_dirty);
}

Atomic<std::uint64_t>& Directory::bucket(std::string_view name) const noexcept {
  return header().buckets[hash(name) % Header::bucket_count];
}

Block* Directory::find(const ObjectReference& reference) const noexcept {
  const std::uint64_t offset = reference.block & ~ObjectReference::is_named;
  if (offset % 64 != 0 || offset < header().blocks || offset > committed() - sizeof(Block))
    return nullptr;
  Block* const b = at(offset);
  const bool is_it = b->id.load(boost::memory_order_acquire) == reference.id &&
                     (b->state() == Block::live || b->state() == Block::erased);
  return is_it ? b : nullptr;
}

Block* Directory::lookup(std::string_view name) const {
  std::uint64_t steps = committed() / sizeof(Block);
  for (std::uint64_t o = bucket(name).load(boost::memory_order_acquire); o != 0;) {
    Block* b = checked_at(o);
    if (steps-- == 0) throw_corrupt(o);
    if (b->name() == name) return b;
    o = b->next.load(boost::memory_order_acquire);
  }
  return nullptr;
}

Block* Directory::lookup_read_only(std::string_view name) const {
  for (;;) {
    const std::uint64_t unlinks = header().unlinks.load(boost::memory_order_acquire);
    Block* found = nullptr;
    bool broken = false;
    std::uint64_t steps = committed() / sizeof(Block);
    for (std::uint64_t o = bucket(name).load(boost::memory_order_acquire); o != 0;) {
      if (o % 64 != 0 || o < header().blocks || o + sizeof(Block) > committed() || steps-- == 0) {
        broken = true;
        break;
      }
      Block* b = at(o);
      const std::size_t length = b->name_length.load(boost::memory_order_acquire);
      if (length == name.size() && o + sizeof(Block) + length <= committed() && b->name() == name) {
        found = b;
        break;
      }
      o = b->next.load(boost::memory_order_acquire);
    }
    boost::atomic_thread_fence(boost::memory_order_acquire);
    if (header().unlinks.load(boost::memory_order_relaxed) != unlinks) continue;
    if (broken) throw_corrupt(0);
    return found;
  }
}

void Directory::link_part(Block* object, Block* block) {
  block->parts.store(object->id.load(boost::memory_order_relaxed), boost::memory_order_relaxed);
  block->next.store(object->parts.load(boost::memory_order_relaxed), boost::memory_order_relaxed);
  object->parts.store(offset_of(block), boost::memory_order_release);  // (6)
  block->set(Block::part);
}

bool Directory::is_linked_part(const Block* block) const {
  bool is_linked = false;
  const std::uint64_t object = block->parts.load(boost::memory_order_relaxed);
  if (object == 0) return false;
  for_each_block([&](const Block* b) {
    is_linked = is_linked || (!b->is_free() && b->state() != Block::part &&
                              b->id.load(boost::memory_order_relaxed) == object &&
                              b->parts.load(boost::memory_order_relaxed) == offset_of(block));
  });
  return is_linked;
}

bool Directory::is_linked(const Block* block) const {
  return block->name_length.load() != 0 && lookup(block->name()) == block;
}

void Directory::link(Block* b, std::string_view name) {
  Atomic<std::uint64_t>& head = bucket(name);
  b->next.store(head.load(boost::memory_order_relaxed), boost::memory_order_relaxed);
  head.store(offset_of(b), boost::memory_order_release);  // (4)
}

void Directory::unlink(Block* block) {
  Atomic<std::uint64_t>* from = &bucket(block->name());
  while (from->load() != offset_of(block)) from = &checked_at(from->load())->next;
  from->store(block->next.load(boost::memory_order_relaxed), boost::memory_order_release);  // (5)
}

void Directory::end(Block* block) {
  if (is_linked(block)) unlink(block);
  set_erased(block);
}

/// Who forks meanwhile draws an epoch: before ours, and its child is waited for; or after, and it
/// sees that it has a handle to something erased.
void Directory::set_erased(Block* block) {
  block->ended.store(Block::is_ending, boost::memory_order_relaxed);
  block->set(Block::erased);
  header().ends.fetch_add(1, boost::memory_order_acq_rel);
  block->ended.store(next_epoch(), boost::memory_order_relaxed);
}

void Directory::check_name(std::string_view name) const {
  if (name.empty() || name.size() > 250 || name.find('/') != std::string_view::npos ||
      name.find('\0') != std::string_view::npos)
    throw InvalidArgument("'" + printable(name) + "' is no name for an object in " +
                          ground_.describe() + ": it must have 1 to 250 characters and no slash");
}

void Directory::check_found(const Block* b, const Stamp& asked) const {
  check_stamp(b, asked);
  if (b->size() > committed() - offset_of(b) || !b->is_sound() || !is_readable(b))
    throw_corrupt(offset_of(b));
}

void Directory::check_stamp(const Block* b, const Stamp& asked) const {
  const Stamp found = b->stamp();
  if (asked.asked == Stamp::Asked::anything ||
      (asked.asked == Stamp::Asked::of_kind && found.kind == asked.kind))
    return;
  if (found.kind == asked.kind && found.mode == asked.mode &&
      (found.copies == asked.copies || asked.copies == 0) &&
      found.element.kind == asked.element.kind && found.element.size == asked.element.size &&
      found.element.name == asked.element.name && found.guard == asked.guard &&
      (found.count == asked.count || asked.count == Stamp::any_count))
    return;
  throw TypeMismatch("'" + std::string(b->name()) + "' in " + ground_.describe() + " is " +
                     found.text() + "; asked for was " + asked.text());
}

}  // namespace lagoon::detail
