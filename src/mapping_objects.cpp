/// The objects of a mapping: made, found, erased and listed, for the handles of this process.
#include "mapping.hpp"

#include <unistd.h>

#include <chrono>
#include <cstring>
#include <exception>
#include <map>
#include <utility>
#include <vector>

namespace lagoon::detail {

Handle Mapping::handle_of(Block* block) {
  references_.fetch_add(1, std::memory_order_relaxed);
  return Handle(MappingRef(this), block);
}

Handle Mapping::handle_of_found(Block* block, const Stamp& asked) {
  directory_.check_found(block, asked);
  reach_.acknowledge();
  return handle_of(block);
}

void Mapping::take_part() {
  try {
    (void)participants().self();
  } catch (const OutOfMemory&) {
    if (participants().members_here() == 0) throw;
  }
}

void Mapping::acknowledge_if_free() {
  if (read_only()) return;
  try {
    const Directory::Turn turn(directory_, core::Deadline::now());
    if (turn) reach_.acknowledge();
  } catch (const OutOfMemory&) {
    // There is no place for this thread: another one will do it.
  }
}

std::optional<Handle> Mapping::find(std::string_view name, const Stamp& asked) {
  for (;;) {
    const std::uint64_t before = directory_.unlinks();
    Block* const b = directory_.lookup_read_only(name);
    if (b == nullptr) {
      acknowledge_if_free();
      return std::nullopt;
    }
    const auto is_still = [&](Block::State state) {
      return b->state() == state && directory_.unlinks() == before;
    };
    if (auto handle = open_if(b, [&] { return is_still(Block::live); })) {
      directory_.check_found(b, asked);
      acknowledge_if_free();
      return handle;
    }
    if (const Directory::Turn turn(directory_, core::Deadline::now()); turn) {
      Block* const found = directory_.lookup(name);  // had its maker been killed, it is shown now
      if (found == nullptr) return std::nullopt;
      return handle_of_found(found, asked);
    }
    if (is_still(Block::building)) return std::nullopt;
  }
}

Handle Mapping::make_or_find(std::string_view name, const Stamp& stamp, std::size_t bytes,
                             Fill fill) {
  if (!name.empty()) directory_.check_name(name);
  if (read_only())
    throw ReadOnly(describe() + " is attached read-only: nothing is made there; what is under '" +
                   std::string(name) +
                   "' is had by find<Value<const T>>, find<Array<const T>> or find_constructed<T>");
  if (!name.empty())
    if (auto handle = find(name, stamp)) return std::move(*handle);
  Directory::Fresh fresh{};
  std::string nameless;
  {
    const Directory::Turn turn(directory_);
    if (!name.empty())
      if (Block* b = directory_.lookup(name)) return handle_of_found(b, stamp);
    if (name.empty() && lifetime_ != Lifetime::heap)
      name = nameless = Block::nameless(participants().process_here(), directory_.next_epoch());
    reach_.acknowledge();
    fresh = directory_.allocate(bytes, name, turn.me());
    fresh.block->set_stamp(stamp);
  }
  Block* b = fresh.block;
  const core::ForkMark fork;
  try {
    if (!fresh.clean) std::memset(b->payload(), 0, bytes);
    fill(b->payload(), participants());
    if (fork.passed())
      throw UsageError("this process was forked while its parent made '" + std::string(name) +
                       "' in " + describe() + ": it is the parent's to finish");
  } catch (...) {
    if (fork.passed()) throw;
    const Directory::Turn turn(directory_);
    directory_.set_free(b);
    throw;
  }
  const Directory::Turn turn(directory_);
  if (!name.empty()) {
    if (Block* theirs = directory_.lookup(name)) {  // somebody was faster
      directory_.set_free(b);
      return handle_of_found(theirs, stamp);
    }
    directory_.link(b, name);
  }
  b->set(Block::live);
  return handle_of(b);
}

Memory Mapping::memory_of(const Block* part) const noexcept {
  const auto at =
      static_cast<std::uint64_t>(reinterpret_cast<const std::byte*>(part + 1) - directory_.base());
  return {at, part->size() - sizeof(Block)};
}

Memory Mapping::add_part(Block* object, std::size_t bytes) {
  Directory::Fresh fresh{};
  {
    const Directory::Turn turn(directory_);
    fresh = directory_.allocate(bytes, {}, turn.me());
  }
  const Memory memory = memory_of(fresh.block);
  if (!fresh.clean) std::memset(directory_.base() + memory.at, 0, memory.bytes);
  const Directory::Turn turn(directory_);
  directory_.link_part(object, fresh.block);
  return memory;
}

Memory Mapping::newest_part(Block* object) {
  const Directory::Turn turn(directory_);
  const Block* const part = directory_.newest_part(object);
  return part == nullptr ? Memory{} : memory_of(part);
}

std::optional<Handle> Mapping::find(std::string_view name, const Stamp& stamp,
                                    bool will_only_read) {
  directory_.check_name(name);
  if (read_only()) {
    for (;;) {
      const std::uint64_t before = directory_.unlinks();
      Block* b = directory_.lookup_read_only(name);
      if (b == nullptr) return std::nullopt;
      try {
        directory_.check_found(b, stamp);
      } catch (const std::exception&) {
        if (directory_.unlinks() != before) continue;  // it was another one's stamp
        throw;
      }
      if (!will_only_read)
        throw ReadOnly(describe() + " is attached read-only; '" + std::string(name) + "' (" +
                       stamp.text() +
                       ") was asked for as something to write to: values and arrays are read as "
                       "Value<const T> and Array<const T>, unless they have a lock");
      Handle handle = handle_of(b);
      if (directory_.unlinks() == before) return handle;
    }
  }
  return find(name, stamp);
}

bool Mapping::erase(std::string_view name) {
  directory_.check_name(name);
  if (read_only()) throw ReadOnly(describe() + " is attached read-only: nothing can be erased");
  Block* b = nullptr;
  std::uint64_t id = 0;
  bool has_referred = false;
  {
    const Directory::Turn turn(directory_);
    b = directory_.lookup(name);
    if (b == nullptr) return false;
    id = b->id.load(boost::memory_order_relaxed);
    has_referred = refers(b);
    directory_.end(b);
    opened(b);  // stays what it is until those who use it have been told
  }
  // Who is at work in it longer than that ends it with its own giving back. If we are killed here,
  // those who sweep later tell.
  directory_.tell_gone(b, core::Deadline::after(std::chrono::milliseconds(10)));
  closed(b, id);
  const Directory::Turn turn(directory_);
  reach_.acknowledge();
  directory_.sweep();
  if (has_referred) sweep_stored();
  return true;
}

void Mapping::closed(Block* block, std::uint64_t id) noexcept {
  // While there is a handle to it the block stays what it is.
  const bool is_maker =
      lifetime_ == Lifetime::heap
          ? pid_ == ::getpid()
          : block->maker() != 0 && block->maker() == participants().process_here();
  if (!reach_.closed(block) || !is_maker) return;
  try {
    drop({block, id});
  } catch (const std::exception&) {
    // No slot among the participants to take the turn with: its memory stays until this process, or
    // the heap, goes.
  }
}

/// The end of a nameless object: its memory is free now, or when no child that inherited it lives.
void Mapping::drop(const Dropped& object) {
  const Directory::Turn turn(directory_);
  if (!object.is(Block::live) || object.block->is_stored()) return;
  directory_.end(object.block);
  dropped_.push_back(object);
  std::erase_if(dropped_, [&](const Dropped& dropped) {
    // Others have swept; or it belongs to containers now.
    if (!dropped.is(Block::erased) || dropped.block->is_stored()) return true;
    if (is_reachable(dropped.block)) return false;
    directory_.set_free(dropped.block);
    return true;
  });
}

void Mapping::acknowledge_erased() {
  if (read_only()) return;
  const Directory::Turn turn(directory_);
  reach_.acknowledge();
  directory_.sweep();
  sweep_stored();
}

/// begin(), then f(block, how many bytes there are from it on): with the turn; or, as who has it
/// may have been stopped, without, if nobody changes the chain meanwhile. Whether it was with it.
template <class Begin, class F>
bool Mapping::for_each_block(const Begin& begin, const F& f) {
  for (unsigned tries = 0;;) {
    if (!read_only()) {
      const Directory::Turn turn(directory_, core::Deadline::after(std::chrono::milliseconds(1)));
      if (turn) {
        begin();
        directory_.for_each_block([&](Block* b) { f(b, b->size()); });
        return true;
      }
    }
    begin();
    if (directory_.for_each_block_read_only(tries, f)) return false;
  }
}

std::vector<Segment::Entry> Mapping::objects() {
  std::vector<Segment::Entry> all;
  std::vector<const Block*> blocks;
  std::map<std::uint64_t, std::size_t> places;  // in `all`, by id
  std::vector<std::pair<std::uint64_t, std::size_t>> parts;
  const auto begin = [&] {
    all.clear();
    blocks.clear();
    places.clear();
    parts.clear();
  };
  const bool had_turn = for_each_block(begin, [&](Block* b, std::size_t room) {
    if (b->state() == Block::part) parts.emplace_back(b->parts.load(), b->size());
    const std::string_view name = b->name();
    if (b->state() != Block::live || b->is_nameless() || sizeof(Block) + name.size() > room) return;
    places[b->id.load()] = all.size();
    all.push_back({std::string(name), b->stamp().text(), b->size()});
    blocks.push_back(b);
  });
  for (const auto& [object, bytes] : parts)
    if (const auto found = places.find(object); found != places.end())
      all[found->second].bytes += bytes;
  if (had_turn) return all;
  // Who was erasing one may have been stopped, or killed, half-way.
  std::size_t at = 0;
  std::erase_if(all, [&](const Segment::Entry& entry) {
    return directory_.lookup_read_only(entry.name) != blocks[at++];
  });
  return all;
}

std::size_t Mapping::used() {
  std::size_t bytes = 0;
  for_each_block([&] { bytes = 0; },
                 [&](Block* b, std::size_t) {
                   if (!b->is_free()) bytes += b->size();
                 });
  return bytes;
}

}  // namespace lagoon::detail
