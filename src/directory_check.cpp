/// Whether what lay at rest in a file can be a segment: bits may have flipped, another program may
/// have written there. Who opens it reads each size, offset and count once before it relies on it,
/// and throws LayoutMismatch instead of crashing or waiting for nobody. What users have stored is
/// not looked at, nor are locks that they plugged in, but for the library's own; and what is
/// damaged while processes run is past help.
///
/// An owner who cannot be is dead (core/participants.hpp), and taken over from.
///
/// What cannot be told from what may be: a slot of the participants that a living thread seems to
/// hold. It is lost, and erased memory is kept for it.
#include <lagoon/condition.hpp>
#include <lagoon/container.hpp>
#include <lagoon/core/change_log.hpp>
#include <lagoon/core/copies.hpp>
#include <lagoon/core/end_bit.hpp>
#include <lagoon/core/entries.hpp>
#include <lagoon/core/latch.hpp>
#include <lagoon/core/message_queue.hpp>
#include <lagoon/core/owned_permits.hpp>
#include <lagoon/core/parties.hpp>
#include <lagoon/core/sequence.hpp>
#include <lagoon/error.hpp>
#include <lagoon/lock.hpp>
#include <lagoon/locks/reader_writer.hpp>
#include <lagoon/mode.hpp>

#include <pthread.h>

#include <algorithm>
#include <string>
#include <vector>

#include "directory.hpp"

namespace lagoon::detail {

namespace {

/// How a table of participants lies in memory, as far as it is relied on.
struct TableAtRest {
  std::uint64_t capacity;
  Atomic<std::uint64_t> used;
};

class AtRest {
 public:
  explicit AtRest(const core::Participants& table) : table_(table) {}

  [[nodiscard]] std::size_t used() const noexcept {
    return reinterpret_cast<const TableAtRest&>(table_).used.load(boost::memory_order_acquire);
  }
  /// What a slot begins with.
  [[nodiscard]] const pthread_mutex_t& mutex(std::size_t i) const noexcept {
    const auto* table = reinterpret_cast<const std::byte*>(&table_);
    return *reinterpret_cast<const pthread_mutex_t*>(table + core::Participants::size_for(i));
  }

 private:
  const core::Participants& table_;
};

/// The kind of mutex that slots have, beside which the C library keeps no list of it, or aborts.
int kind_of_slots() {
  alignas(64) std::byte memory[core::Participants::size_for(1)] = {};
  return AtRest(core::Participants::make(memory, 1)).mutex(0).__data.__kind;
}

/// Whether the next writer of this record, which must be sound, finds in its log (core/copies.hpp)
/// only lines that it has: of the versions that it brings a stale copy up to date by.
bool has_sound_log(Block* b) {
  const Stamp stamp = b->stamp();
  const std::size_t bytes = stamp.count * stamp.element.size;
  const core::Copies record(b->payload(), bytes, stamp.copies);
  const core::ChangeLog log(b->payload() + core::line_bytes, bytes);
  const core::Version version = record.latch().version();
  for (unsigned i = 0; i < stamp.copies; ++i) {
    const core::Lines lines = log.of_published(version - i);
    if (lines.count != 0 && lines.end() > log.lines(0, bytes).end()) return false;
  }
  return true;
}

/// Whether the payload has room for an S, and that is sound.
template <class S, class... Facts>
bool has_sound(Block* b, const Facts&... facts) {
  return b->payload_bytes >= sizeof(S) &&
         reinterpret_cast<const S*>(b->payload())->is_sound(facts...);
}

/// Of a value or an array that is guarded by an L: its lock, and room for what it guards.
template <class L>
bool has_sound_lock(Block* b, const core::Participants& table) {
  using Guard = GuardedBy<L>;
  const Stamp stamp = b->stamp();
  return has_sound<typename Guard::State>(b, table) && b->payload_bytes >= Guard::head &&
         (stamp.element.size == 0 ||
          stamp.count <= (b->payload_bytes - Guard::head) / stamp.element.size);
}

/// Of a container, which changes by turns: with its turn, so that nobody who lives changes it now.
/// If one does it is not at rest, and was looked at by those who came before.
template <class State>
bool has_sound_container(Block* b, core::Participants& table, std::uint64_t memory) {
  if (b->payload_bytes < sizeof(ContainerState<State>)) return false;
  auto& container = *reinterpret_cast<ContainerState<State>*>(b->payload());
  const core::Owner me = table.self();
  const core::ForkMark fork;
  const core::Taken taken = container.turn().take(table, me, core::Deadline::now());
  if (taken > core::Taken::from_dead) return taken != core::Taken::is_mine;
  const bool is_sound = container.is_sound(table, memory);
  if (is_sound && taken == core::Taken::from_dead) container.recover();
  if (!fork.passed()) container.turn().give_back(me);
  return is_sound;
}

/// Whether what an object relies on in its payload can be, beside what it begins with.
bool has_sound_payload(Block* b, core::Participants& table, std::uint64_t memory) {
  const Stamp stamp = b->stamp();
  switch (stamp.kind) {
    case Stamp::Kind::lock:
    case Stamp::Kind::rlock:
      return has_sound<locks::RobustBase>(b, table);
    case Stamp::Kind::bounded_semaphore:
      return has_sound<core::OwnedPermits>(b, table, stamp.count) &&
             stamp.count <= (b->payload_bytes - sizeof(core::OwnedPermits)) / sizeof(core::Owner);
    case Stamp::Kind::condition:
      return has_sound<ConditionState>(b, table, b->payload_bytes);
    case Stamp::Kind::barrier:
      return stamp.count <= core::Parties::most &&
             core::Parties::bytes_for(stamp.count) <= b->payload_bytes &&
             has_sound<core::Parties>(b, table, stamp.count);
    case Stamp::Kind::dict:
    case Stamp::Kind::namespace_:
      return has_sound_container<core::Entries>(b, table, memory);
    case Stamp::Kind::list:
      return has_sound_container<core::Sequence>(b, table, memory);
    case Stamp::Kind::queue:
    case Stamp::Kind::joinable_queue:
      return has_sound<core::MessageQueue>(b, table, base_of(table), memory, stamp.count,
                                           stamp.kind == Stamp::Kind::joinable_queue);
    case Stamp::Kind::value:
    case Stamp::Kind::array:
      if (stamp.mode != Stamp::Mode::locked) return true;
      if (stamp.guard == GuardedBy<RLock>::name) return has_sound_lock<RLock>(b, table);
      if (stamp.guard == GuardedBy<Lock>::name) return has_sound_lock<Lock>(b, table);
      if (stamp.guard == GuardedBy<locks::ReaderWriterLock>::name)
        return has_sound_lock<locks::ReaderWriterLock>(b, table);
      return true;
    default:
      return true;
  }
}

/// Whether an object of that kind can begin as its stamp says.
bool can_begin_so(const Stamp& stamp) {
  switch (stamp.begins) {
    case Stamp::Begins::otherwise:
      return true;
    case Stamp::Begins::with_latch:
      return stamp.mode == Stamp::Mode::seqlocked;
    case Stamp::Begins::with_owned_word:
      return stamp.mode == Stamp::Mode::locked || stamp.kind >= Stamp::Kind::dict;
    case Stamp::Begins::with_end_bit:
      return stamp.kind > Stamp::Kind::in_place;
  }
  return false;
}

}  // namespace

bool Directory::is_readable(const Block* b) const noexcept {
  const auto can_be = [&]<class S>(const S& state) {
    if (b->payload_bytes < sizeof state) return false;
    std::uint64_t memory = 0;
    do {  // without the turn the segment may have grown between two looks, and then this object
      memory = committed();
      if (state.is_readable(participants(), memory)) return true;
      boost::atomic_thread_fence(boost::memory_order_acquire);
    } while (committed() != memory);
    return false;
  };
  const std::byte* const payload = reinterpret_cast<const std::byte*>(b) + b->payload_at;
  switch (b->stamp().kind) {
    case Stamp::Kind::dict:
    case Stamp::Kind::namespace_:
      return can_be(*reinterpret_cast<const ContainerState<core::Entries>*>(payload));
    case Stamp::Kind::list:
      return can_be(*reinterpret_cast<const ContainerState<core::Sequence>*>(payload));
    default:
      return true;
  }
}

void Directory::check_header(std::size_t available) const {
  const Header& h = header();
  const auto wrong = [this](const std::string& what) -> void {
    throw LayoutMismatch(ground_.describe() + " " + what);
  };
  if (available < sizeof(Header))
    wrong("is no lagoon segment, or was truncated: it has " + std::to_string(available) +
          " bytes, a header " + std::to_string(sizeof(Header)));
  if (h.magic.load(boost::memory_order_acquire) != Header::magic_value)
    wrong("is no lagoon segment: it does not begin with one's mark");
  if (h.layout_version != Header::layout_version_value)
    wrong("has layout version " + std::to_string(h.layout_version) + ", this library has " +
          std::to_string(Header::layout_version_value) + "; use the same version in both programs");
  if (h.layout_hash != Header::layout_hash_value())
    wrong("was laid out by a library built for another machine or C library");
  const std::uint64_t committed = h.committed.load(boost::memory_order_acquire);
  if (committed > available)
    wrong("was truncated: it has " + std::to_string(available) + " bytes of " +
          std::to_string(committed));
  const std::uint64_t slots = h.participants;
  if (h.reserve < committed || h.reserve % 64 != 0 || h.reserve > (std::uint64_t{1} << 46) ||
      slots != sizeof(Header) || h.blocks % 64 != 0 ||
      h.blocks < slots + sizeof(core::Participants) || h.blocks + sizeof(Block) > committed)
    wrong("is corrupt: its header contradicts itself");
}

void Directory::check_participants() const {
  const auto corrupt = [this](const std::string& what) -> void {
    throw LayoutMismatch(ground_.describe() + " is corrupt: " + what);
  };
  const core::Participants& table = participants();
  const std::size_t capacity = table.capacity();
  if (capacity == 0 || capacity > core::Participants::max_capacity ||
      header().blocks !=
          round_up(header().participants + core::Participants::size_for(capacity), 64))
    corrupt("its table of participants and what follows it overlap");
  const AtRest at_rest(table);
  const int kind = kind_of_slots();
  bool sound = at_rest.used() <= capacity;
  for (std::size_t i = 0; i < capacity; ++i) {
    sound = sound && at_rest.mutex(i).__data.__kind == kind;
  }
  if (!sound) corrupt("its table of participants contradicts itself");
  if (header().turn.owner() == core::OwnedWord::gone) corrupt("it says that it was erased");
}

void Directory::check_blocks() const {
  const std::uint64_t epoch = header().epoch.load(boost::memory_order_relaxed);
  const auto begins_as_it_says = [&](Block* b) {
    const Stamp::Begins begins = b->stamp().begins;
    if (!can_begin_so(b->stamp())) return false;
    if (begins == Stamp::Begins::otherwise) return true;
    if (begins == Stamp::Begins::with_end_bit) {
      const auto& word = *reinterpret_cast<const Atomic<std::uint64_t>*>(b->payload());
      return b->payload_bytes >= sizeof word &&
             ((word.load() & core::end_bit) == 0 || b->state() == Block::erased);
    }
    if (begins == Stamp::Begins::with_latch) {
      if (b->payload_bytes < sizeof(core::Latch)) return false;
      if (!reinterpret_cast<core::Latch*>(b->payload())->is_sound(participants())) return false;
      if (b->stamp().kind == Stamp::Kind::array && !has_sound_log(b)) return false;
    }
    // A latch begins with one too: the turn to write. Owners who cannot be are dead.
    return reinterpret_cast<core::OwnedWord*>(b->payload())->owner() != core::OwnedWord::gone ||
           b->state() == Block::erased;
  };

  std::vector<std::uint64_t> chain;  // where its blocks begin, in order
  std::vector<Block*> with_parts;
  // Of what is stored in containers the end may have begun.
  std::size_t names = 0, stored = 0;
  for_each_block([&](Block* b) {
    chain.push_back(offset_of(b));
    const Block::State state = b->state();
    if (state > Block::part || (state == Block::part && b->id.load() > epoch))
      throw_corrupt(offset_of(b));
    if (state != Block::live && state != Block::erased) return;
    if (b->parts.load() != 0) with_parts.push_back(b);
    if (!b->is_sound() || b->name_length.load() == 0 || b->id.load() > epoch ||
        b->ended.load() > epoch || !begins_as_it_says(b) ||
        !has_sound_payload(b, participants(), committed()))
      throw_corrupt(offset_of(b));
    if (state == Block::live) ++(b->is_stored() ? stored : names);
  });
  const auto is_block = [&](std::uint64_t offset) {
    return std::binary_search(chain.begin(), chain.end(), offset);
  };
  for (const Block* b : with_parts) {
    const std::uint64_t newest = b->parts.load();
    if (!is_block(newest) || at(newest)->parts.load() != b->id.load()) throw_corrupt(offset_of(b));
  }
  const std::uint64_t search_from = header().search_from.load(boost::memory_order_relaxed);
  if (search_from != committed() && !is_block(search_from)) throw_corrupt(search_from);

  for (std::size_t i = 0; i < Header::bucket_count; ++i) {
    for (std::uint64_t o = header().buckets[i].load(boost::memory_order_acquire); o != 0;) {
      if (!is_block(o)) throw_corrupt(o);
      const Block* b = at(o);
      if ((b->is_stored() ? stored : names)-- == 0) throw_corrupt(o);
      if (b->state() != Block::live || hash(b->name()) % Header::bucket_count != i)
        throw_corrupt(o);
      o = b->next.load(boost::memory_order_acquire);
    }
  }
  if (names != 0)
    throw LayoutMismatch(ground_.describe() + " is corrupt: " + std::to_string(names) +
                         " objects have names that do not lead to them");
}

}  // namespace lagoon::detail
