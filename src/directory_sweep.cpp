/// What the dead have left half-done, and what nobody can reach any more: mended, ended, freed, and
/// told to those who have handles.
#include <lagoon/core/end_bit.hpp>
#include <lagoon/core/latch.hpp>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "directory.hpp"

namespace lagoon::detail {

/// What nobody else can find goes with the process that made it.
void Directory::end_nameless_of_the_dead() {
  std::vector<Block*> nameless;
  for_each_block([&](Block* b) {
    if (b->state() == Block::live && b->maker() != 0 && !b->is_stored()) nameless.push_back(b);
  });
  if (nameless.empty()) return;
  std::vector<std::uint32_t> living;
  participants().all_living([&](const core::Participants::Living& one) {
    living.push_back(one.process());
    return true;
  });
  for (Block* const b : nameless)
    if (std::find(living.begin(), living.end(), b->maker()) == living.end()) end(b);
}

void Directory::mend() {
  for_each_block([&](Block* b) {
    if (b->state() == Block::building) {
      if (!participants().is_dead(b->builder.load(boost::memory_order_relaxed))) return;
      if (is_linked(b))
        b->set(Block::live);
      else if (is_linked_part(b))
        b->set(Block::part);
    } else if (b->state() == Block::live && b->name_length.load() != 0 && !b->is_stored() &&
               !is_linked(b)) {
      set_erased(b);
    } else if (b->state() == Block::erased && b->ended.load() == Block::is_ending) {
      set_erased(b);
    }
  });
}

void Directory::sweep() {
  end_nameless_of_the_dead();
  bool has_parts = false;
  for_each_block([&](Block* b) {
    has_parts = has_parts || b->state() == Block::part;
    if (b->state() == Block::building) {
      // Not linked: else its builder would have died with the turn, and been mended after.
      if (participants().is_dead(b->builder.load(boost::memory_order_relaxed))) set_free_alone(b);
    } else if (b->state() == Block::erased && !b->is_stored()) {
      if (!ground_.is_reachable(b))
        set_free_alone(b);
      else if (!b->is_nameless())  // what has no name was only dropped by its maker
        tell_gone(b, core::Deadline::now());
    }
  });
  if (has_parts) sweep_parts();
}

/// Parts are free when their object is, which is found by its id.
void Directory::sweep_parts() {
  std::vector<std::uint64_t> objects;
  for_each_block([&](const Block* b) {
    if (!b->is_free() && b->state() != Block::part) objects.push_back(b->id.load());
  });
  std::sort(objects.begin(), objects.end());
  for_each_block([&](Block* b) {
    if (b->state() == Block::part &&
        !std::binary_search(objects.begin(), objects.end(), b->parts.load()))
      set_free_alone(b);
  });
}

void Directory::tell_gone(Block* b, core::Deadline until) {
  switch (b->stamp().begins) {
    case Stamp::Begins::with_latch:
      reinterpret_cast<core::Latch*>(b->payload())->end(until);
      break;
    case Stamp::Begins::with_owned_word:
      reinterpret_cast<core::OwnedWord*>(b->payload())->end(participants(), until);
      break;
    case Stamp::Begins::with_end_bit:
      core::end_word(*reinterpret_cast<Atomic<std::uint64_t>*>(b->payload()));
      break;
    case Stamp::Begins::otherwise:
      break;
  }
}

}  // namespace lagoon::detail
