/// The objects that belong to the containers which refer to them (docs/segment.md, "What containers
/// hold").
#include <lagoon/container.hpp>
#include <lagoon/core/entries.hpp>
#include <lagoon/core/sequence.hpp>
#include <lagoon/record_bytes.hpp>

#include <algorithm>
#include <cstring>
#include <vector>

#include "mapping.hpp"

namespace lagoon::detail {

namespace {

/// Looks at records, for those that refer to something.
class Referring : public RecordBytes {
 public:
  using RecordBytes::RecordBytes;

  [[nodiscard]] bool is_whole() { return !refers() || RecordBytes::is_whole(); }
  [[nodiscard]] core::Entries::Is is_it() {
    return is_whole() ? core::Entries::Is::it : core::Entries::Is::gone;
  }
  template <class F>
  void each(F&& f) const {
    if (refers()) for_each_reference(bytes(), f);
  }
};

template <class State>
const ContainerState<State>& container_in(Block* block) {
  return *reinterpret_cast<const ContainerState<State>*>(block->payload());
}

bool has_references(Block* block) {
  switch (block->stamp().kind) {
    case Stamp::Kind::dict:
    case Stamp::Kind::namespace_:
      return container_in<core::Entries>(block).has_references();
    case Stamp::Kind::list:
      return container_in<core::Sequence>(block).has_references();
    default:
      return false;
  }
}

/// Calls f with each reference that is in a container throughout. False if that cannot be said,
/// since others go on changing the order of its records.
template <class F>
bool for_each_reference_in(Block* block, F&& f) {
  if (!has_references(block)) return true;
  if (block->stamp().kind == Stamp::Kind::list) {
    const auto& sequence = container_in<core::Sequence>(block);
    Referring look(sequence.slab());
    return sequence.for_each(look, [&](const Referring& found) { found.each(f); });
  }
  const auto& entries = container_in<core::Entries>(block);
  Referring look(entries.slab());
  for (core::Entries::Position at; entries.next(at, look);) look.each(f);
  return true;
}

/// Which of the stored objects are referred to, from what is there for another reason.
class Trace {
 public:
  Trace(Directory& directory, const Reach& reach) : directory_(directory) {
    directory.for_each_block([&](Block* b) {
      const bool is_object = b->state() == Block::live || b->state() == Block::erased;
      if (!is_object) return;
      if (b->is_stored()) has_stored_ = true;
      // The handles of other processes to what has not ended are not known, nor need they be.
      const bool is_held = !b->is_stored() || reach.has_handle_to(b) ||
                           (b->state() == Block::erased && reach.is_reachable(b));
      objects_.push_back({b, is_held, is_held});
      if (is_held) to_visit_.push_back(objects_.size() - 1);
    });
  }

  [[nodiscard]] bool has_stored() const noexcept { return has_stored_; }
  /// False if it cannot be said.
  bool run() {
    if (!visit(&Traced::is_held)) return false;
    // What is going to end now is there until the next time, with all that it refers to.
    for (std::size_t i = 0; i < objects_.size(); ++i)
      if (!objects_[i].is_held && objects_[i].block->state() == Block::live) reach(i);
    return visit(&Traced::is_used);
  }
  /// Ends what nothing refers to, and frees what had ended before. How many have ended.
  struct Swept {
    std::size_t ended = 0, freed = 0;
    std::uint64_t waiting = 0;  // the last epoch in which one ended that others may still reach
  };
  Swept sweep() {
    Swept swept;
    for (const Traced& t : objects_) {
      if (!t.block->is_stored()) continue;
      if (t.block->state() == Block::erased && !t.is_used) {
        directory_.set_free_alone(t.block);
        ++swept.freed;
      } else if (t.block->state() == Block::live && !t.is_held) {
        directory_.end(t.block);
        ++swept.ended;
      }
      if (t.block->state() == Block::erased)
        swept.waiting = std::max(swept.waiting, t.block->ended.load(boost::memory_order_relaxed));
    }
    return swept;
  }

 private:
  struct Traced {
    Block* block;
    bool is_held;  // from what does not end
    bool is_used;  // or from what ends only now
  };

  void reach(std::size_t i) {
    if (std::exchange(objects_[i].is_used, true)) return;
    to_visit_.push_back(i);
  }
  bool visit(bool Traced::*mark) {
    while (!to_visit_.empty()) {
      const Traced from = objects_[to_visit_.back()];
      to_visit_.pop_back();
      const bool is_known = for_each_reference_in(from.block, [&](const ObjectReference& r) {
        Block* const b = directory_.find(r);
        if (b == nullptr) return;
        const auto found = std::lower_bound(objects_.begin(), objects_.end(), b,
                                            [](const Traced& t, Block* x) { return t.block < x; });
        if (found == objects_.end() || found->block != b) return;
        (*found).*mark = true;
        reach(static_cast<std::size_t>(found - objects_.begin()));
      });
      if (!is_known) return false;
    }
    return true;
  }

  Directory& directory_;
  std::vector<Traced> objects_;  // in the order of the blocks
  std::vector<std::size_t> to_visit_;
  bool has_stored_ = false;
};

}  // namespace

bool Mapping::refers(Block* block) { return has_references(block); }

void Mapping::sweep_stored() {
  if (!reach_.can_trace()) return;
  std::size_t freed = 0;
  // What ends in the first round is freed in the second, if nobody else may have a handle to it.
  for (bool again = true; again;) {
    Trace trace(directory_, reach_);
    if (!trace.has_stored() || !trace.run()) break;
    const Trace::Swept swept = trace.sweep();
    freed += swept.freed;
    again = swept.ended != 0;
    reach_.acknowledge();
    if (!again && swept.waiting != 0)
      directory_.header().asked.store(swept.waiting, boost::memory_order_relaxed);
  }
  if (freed != 0) directory_.sweep_parts();
}

ObjectReference Mapping::reference_to(const Block* block) const noexcept {
  return {directory_.offset_of(block) | (block->is_nameless() ? 0 : ObjectReference::is_named),
          block->id.load(boost::memory_order_relaxed)};
}

Handle Mapping::another(const Handle& handle, const Stamp& asked, bool will_only_read) {
  Handle another = handle.again();
  // What is in it was looked at when it was found; it, and this memory, may be growing now.
  const Block* const block = directory_.find(handle.reference());
  if (block == nullptr) handle.throw_gone();
  directory_.check_stamp(block, asked);
  if (read_only() && !will_only_read)
    throw ReadOnly(describe() + " is attached read-only; " + handle.describe() +
                   " was asked for as something to write to");
  return another;
}

std::optional<Handle> Mapping::open(const ObjectReference& reference) {
  const bool is_named = (reference.block & ObjectReference::is_named) != 0;
  Block* const b = directory_.find(reference);
  if (b != nullptr) {
    // What has not ended while our books stand still, by which we say what we cannot reach, will
    // not be used for something else before we say so again.
    auto handle =
        open_if(b, [&] { return directory_.find(reference) == b && b->state() == Block::live; });
    if (handle) {
      if (!b->is_sound() || !directory_.is_readable(b)) throw StaleReference();
      return handle;
    }
  }
  if (is_named) return std::nullopt;
  if (read_only()) {
    if (b == nullptr) throw StaleReference();
    return handle_of(b);
  }
  // It has ended: nobody refers to it any more, or those who do are about to go. It stays.
  const Directory::Turn turn(directory_);
  if (directory_.find(reference) != b || b == nullptr) throw StaleReference();
  b->set(Block::live);
  return handle_of(b);
}

bool Mapping::store(std::span<const Referred> referred, const std::function<bool()>& store) {
  const Directory::Turn turn(directory_);
  for (const auto& [reference, memory] : referred) {
    if (memory != nullptr && memory != this)
      throw TypeMismatch("a container in " + describe() +
                         " can only refer to what lies there too, not to what lies in " +
                         memory->describe() +
                         ": make it there (Segment::nameless(), or the same Manager)");
    Block* const b = directory_.find(reference);
    const bool is_named = (reference.block & ObjectReference::is_named) != 0;
    if (b == nullptr || (is_named && b->state() != Block::live))
      throw Gone("an object that was to be put into a container in " + describe() + " was erased");
    if (is_named) continue;
    b->set(Block::live);
    if (b->is_stored()) continue;
    b->stored = 1;
    // Nobody needs to know any more who made it.
    if (b->name_length.load(boost::memory_order_relaxed) != 0 && directory_.is_linked(b))
      directory_.unlink(b);
  }
  return store();
}

}  // namespace lagoon::detail
