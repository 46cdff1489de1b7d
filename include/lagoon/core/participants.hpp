#pragma once
/// The table of who takes part in a piece of shared memory, and whether each of them still lives.
///
/// A thread that is about to own something (a lock, a turn to write) enrols once for each table
/// and gets an `Owner`: slot and generation in one word, which it writes into whatever it owns.
/// The slot is its own for as long as it lives: what tells whether it does, without a system call,
/// is in tenure.hpp. That is right for a process that was SIGKILLed and not yet reaped, for one
/// that called exec, across pid namespaces, and where ids were reused. An Owner is given out once,
/// and once dead it stays dead.
///
/// Here is the rest: which slots there are, what this process remembers of them, and what the layer
/// above says of itself in its own.
///
/// Progress: `self` is wait-free (two loads of thread-local memory); enrolling is lock-free among
/// processes, one thread at a time within each.
/// Limit: a thread that ends while it owns something counts as dead.

#include <lagoon/core/tenure.hpp>
#include <lagoon/core/wait_notes.hpp>

#include <pthread.h>

#include <boost/atomic/ipc_atomic.hpp>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace lagoon::core {

/// Names one enrolled thread: generation in bits 16 to 57, slot in bits 2 to 15. The others are
/// free for the flags of the word it is written into. Zero is nobody.
/// Its own thread may store it by any order, and whoever loads it by any order may ask `is_dead`.
/// Another thread stores it by release (tenure.hpp, fences (b) and (c)).
using Owner = std::uint64_t;
inline constexpr Owner nobody = 0;

/// Where to look first among `places`, so that different owners look at different ones.
constexpr std::uint32_t spread(Owner owner, std::uint32_t places) noexcept {
  // Fibonacci hashing of the slot, then a range by multiplication: no division.
  const auto hash = static_cast<std::uint32_t>(owner >> 2) * 0x9e3779b9U;
  return static_cast<std::uint32_t>((std::uint64_t{hash} * places) >> 32);
}

class Participants;

namespace detail {

/// What the calling thread remembers of the tables it has enrolled in: a small direct-mapped
/// cache in front of the full list. Trivial and initial-exec, so that a look costs two loads.
struct SelfCache {
  static constexpr std::size_t lines = 8;
  struct Line {
    const Participants* table;
    Owner owner;
  } line[lines];
};
extern constinit thread_local SelfCache self_cache __attribute__((tls_model("initial-exec")));

/// Counts the forks between this process and its oldest ancestor that used the library. A write
/// that began in a parent must not be published by its child.
extern unsigned long fork_generation;

}  // namespace detail

/// Taken before code of the application's runs: whether this process was forked in it. What the
/// parent owns is not the child's.
class ForkMark {
 public:
  [[nodiscard]] bool passed() const noexcept { return at_ != detail::fork_generation; }

 private:
  unsigned long at_ = detail::fork_generation;
};

class Participants {
 public:
  static constexpr std::size_t max_capacity = (1U << 14) - 1;

  /// Bytes that a table of `capacity` slots takes.
  static constexpr std::size_t size_for(std::size_t capacity) noexcept {
    return sizeof(Participants) + capacity * sizeof(Slot);
  }
  /// Builds a table in zeroed memory that nobody else can see yet.
  static Participants& make(void* memory, std::size_t capacity);

  Participants(const Participants&) = delete;
  Participants& operator=(const Participants&) = delete;

  /// The calling thread's Owner; it enrols at the first call.
  /// Throws OutOfMemory if every slot is held by a living thread.
  [[nodiscard]] Owner self() {
    const detail::SelfCache::Line& line = detail::self_cache.line[cache_line()];
    return line.table == this ? line.owner : self_slow();
  }

  /// Whether `owner` has died (or its thread has ended). Does not look at the kernel.
  [[nodiscard]] bool is_dead(Owner owner) const noexcept;

  /// The kernel's id of its thread, or of what it was; zero if that is not known any more.
  [[nodiscard]] std::uint32_t thread_of(Owner owner) const noexcept {
    const std::size_t i = slot_of(owner);
    return i >= capacity_ ? 0 : slot(i).tenure.thread(generation_of(owner));
  }

  /// Gives back the calling thread's slot, if it has one. Before memory is unmapped, every thread
  /// of this process that has enrolled must have done this or ended.
  void resign() noexcept;
  /// The same at the end of the thread. If it is the last one here, and this process uses
  /// something, one of the library's keeps a slot, until end_keeper().
  void thread_ends() noexcept;
  void end_keeper() noexcept;
  /// Forgets what this process knows of the table: its memory is about to be unmapped.
  void forget() noexcept;
  /// How many threads of this process hold a slot.
  [[nodiscard]] std::size_t members_here() const noexcept;
  /// The number of this process in the table, which no other has, before or after it; zero until
  /// its first thread enrols. (Ids are used again, and two pid namespaces have the same ones.)
  [[nodiscard]] std::uint32_t process_here() const noexcept;

  /// What the layer above says of this process, in every slot of it, those that its threads hold
  /// already and those they will take: a number; so many things that it uses, by numbers that are
  /// not zero; and whether it uses more. Zero, and none, until it is said; a child begins with what
  /// its parent has said.
  void stamp_process(std::uint64_t since);
  static constexpr std::size_t things = 15;
  /// In one of so many places; zero: nothing is used there.
  void say_used(std::size_t place, std::uint32_t thing) noexcept { say(1 + place, thing); }
  void say_more_used(bool are_more) noexcept { say(0, are_more ? 1 : 0); }

  /// What the thread `me`, which has enrolled, says of its waiting for what begins with the word
  /// (wait_notes.hpp). Not of who lives: so const.
  /// Returns what it said before.
  std::uint64_t say_waits(Owner me, const void* word, bool has_deadline) const noexcept {
    return slot(slot_of(me)).notes.waits({place_of(word), has_deadline}, generation_of(me));
  }
  void say_waits_as_before(Owner me, std::uint64_t before) const noexcept {
    slot(slot_of(me)).notes.waits_as_before(before);
  }
  /// The same of the calling thread, if it has enrolled.
  void say_reads_again(const void* word) const noexcept;
  struct Waiter {
    std::uint32_t thread;  ///< the kernel's id of it, in its own pid namespace
    bool has_deadline;     ///< it waits until then, not for ever
    bool operator==(const Waiter&) const = default;
  };
  /// What all have said of what lies in [begin, end).
  struct Waits {
    std::uint64_t waited = 0;      ///< how often one waited until another gave it back
    std::uint64_t read_again = 0;  ///< how often a reader was overtaken by writers
    std::vector<Waiter> waiting;   ///< those who do now
  };
  [[nodiscard]] Waits waits(const void* begin, const void* end) const;

  class Living;
  /// Calls f(living) for every living participant until f returns false.
  template <class F>
  bool all_living(F&& f) const;

  /// Between `expect_child` (before fork, in the parent) and `child_arrived` (in the child, after
  /// it has enrolled) the parent's slot says that a child is on its way. `birth_pending` is whether
  /// any living participant has one: until then nobody knows what that child can reach.
  Owner expect_child();
  void child_arrived(Owner parent) noexcept;
  [[nodiscard]] bool birth_pending() const noexcept;

  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }

  /// Makes sure that a forked child forgets its parent's slots. Handlers that others register
  /// later, and that enrol the child, run after that.
  static void register_fork_handlers();

 private:
  struct alignas(64) Slot {
    Tenure tenure;
    boost::ipc_atomic<std::uint64_t> since;
    boost::ipc_atomic<std::uint32_t> process;           // its number
    boost::ipc_atomic<std::uint32_t> births;            // children forked and not yet enrolled
    boost::ipc_atomic<std::uint32_t> used[1 + things];  // more; and these
    mutable WaitNotes notes;
  };
  static_assert(sizeof(Tenure) == sizeof(pthread_mutex_t) + sizeof(std::uint64_t), "no gaps");
  static_assert(sizeof(Slot) == 192, "no gaps, and no line that is another's too");

  explicit Participants(std::size_t capacity) : capacity_(capacity), used_(0), processes_(0) {}

  [[nodiscard]] std::size_t cache_line() const noexcept {
    // Mappings are aligned to pages and often gigabytes apart: fold both into the index.
    const auto address = reinterpret_cast<std::uintptr_t>(this);
    return ((address >> 20) ^ (address >> 32)) % detail::SelfCache::lines;
  }
  static std::size_t slot_of(Owner owner) noexcept { return (owner >> 2) & ((1U << 14) - 1); }
  static std::uint64_t generation_of(Owner owner) noexcept { return owner >> 16; }

  [[nodiscard]] Slot& slot(std::size_t i) noexcept { return reinterpret_cast<Slot*>(this + 1)[i]; }
  [[nodiscard]] const Slot& slot(std::size_t i) const noexcept {
    return reinterpret_cast<const Slot*>(this + 1)[i];
  }
  [[nodiscard]] bool is_of_this_process(std::size_t slot_index) const noexcept;
  [[nodiscard]] WaitNotes::Place place_of(const void* word) const noexcept {
    const std::uint64_t lines =
        (reinterpret_cast<std::uintptr_t>(word) - reinterpret_cast<std::uintptr_t>(this)) / 64;
    return lines < WaitNotes::places ? static_cast<WaitNotes::Place>(lines) : WaitNotes::nowhere;
  }
  void say(std::size_t word, std::uint32_t what) noexcept;
  void leave(bool thread_ends) noexcept;
  Owner self_slow();
  Owner enrol();

  alignas(64) std::uint64_t capacity_;
  boost::ipc_atomic<std::uint64_t> used_;       // slots ever used are below this
  boost::ipc_atomic<std::uint32_t> processes_;  // as many numbers were given
};

/// What one of those who live says of its process.
class Participants::Living {
 public:
  [[nodiscard]] std::uint64_t since() const noexcept {
    return slot_.since.load(boost::memory_order_acquire);
  }
  [[nodiscard]] std::uint32_t process() const noexcept {
    return slot_.process.load(boost::memory_order_relaxed);
  }
  [[nodiscard]] bool is_of_this_process() const noexcept { return is_of_this_process_; }
  /// The kernel's id of it, in its own pid namespace.
  [[nodiscard]] std::uint32_t thread() const noexcept { return slot_.tenure.last().thread; }
  /// Acquire, from the release of who says that it uses it no more. That it uses it is seen by
  /// those who look behind a seq_cst fence, if there is one behind what it said too.
  [[nodiscard]] bool may_use(std::uint32_t thing) const noexcept {
    // In this order: what is no more one of more is in its place.
    for (const auto& word : slot_.used)
      if (const std::uint32_t said = word.load(boost::memory_order_acquire);
          &word == slot_.used ? said != 0 : said == thing)
        return true;
    return false;
  }

 private:
  friend Participants;
  Living(const Slot& slot, bool here) noexcept : slot_(slot), is_of_this_process_(here) {}
  const Slot& slot_;
  bool is_of_this_process_;
};

template <class F>
bool Participants::all_living(F&& f) const {
  for (std::size_t i = 0; i < used_.load(boost::memory_order_acquire); ++i)
    if (slot(i).tenure.is_live() && !f(Living(slot(i), is_of_this_process(i)))) return false;
  return true;
}

/// A way to the table from an object in the same mapping, wherever that is mapped. Not copyable: it
/// is good where it lies.
class ParticipantsRef {
 public:
  explicit ParticipantsRef(Participants& table) noexcept
      : offset_(reinterpret_cast<std::byte*>(&table) - reinterpret_cast<std::byte*>(this)) {}
  ParticipantsRef(const ParticipantsRef&) = delete;
  ParticipantsRef& operator=(const ParticipantsRef&) = delete;

  [[nodiscard]] Participants& operator*() noexcept {
    return *reinterpret_cast<Participants*>(reinterpret_cast<std::byte*>(this) + offset_);
  }
  [[nodiscard]] const Participants& operator*() const noexcept {
    return *reinterpret_cast<const Participants*>(reinterpret_cast<const std::byte*>(this) +
                                                  offset_);
  }
  /// Whether it leads there, which in a damaged file it may not.
  [[nodiscard]] bool leads_to(const Participants& table) const noexcept {
    return reinterpret_cast<std::uintptr_t>(this) + static_cast<std::uintptr_t>(offset_) ==
           reinterpret_cast<std::uintptr_t>(&table);
  }
  [[nodiscard]] Participants* operator->() noexcept { return &**this; }
  [[nodiscard]] const Participants* operator->() const noexcept { return &**this; }

 private:
  std::ptrdiff_t offset_;
};

}  // namespace lagoon::core
