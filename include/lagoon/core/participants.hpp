#pragma once
/// The table of who takes part in a piece of shared memory, and whether each of them still lives.
///
/// A thread that is about to own something (a lock, a turn to write) enrols once for each table
/// and gets an `Owner`: slot and generation in one word, which it writes into whatever it owns.
/// In its slot it holds a robust process-shared mutex for as long as it lives. When the thread
/// ends, however it ends, the kernel marks the mutex (FUTEX_OWNER_DIED). So "is this owner dead"
/// is three loads and no system call, and it is right for a process that was SIGKILLed and not yet
/// reaped, for one that called exec, across pid namespaces, and where ids were reused.
///
/// Invariants
///   I1  An Owner is given out once: generations of a slot only grow (42 bits).
///   I2  While a slot's mutex is held by a living thread, only that thread changes the generation.
///   I3  dead(owner) is stable: once true for an Owner it stays true.
///
/// Enrolling, in this order; what a SIGKILL between two of them leaves
///   (1) generation += 1, by CAS from the value seen while the slot was free or its holder dead.
///       After it every earlier Owner of this slot reads as dead by generation. Killed here: the
///       slot is free or marked as before; nothing lost.
///   (2) trylock of the mutex, which clears a dead holder's mark. (1) came first, so nobody can
///       take the earlier holder for alive. Killed here: the kernel marks the slot dead.
///   (3) generation += 1 again, and beside it in the same word the id of the thread in the mutex:
///       a rival's late (1) cannot succeed after it (its expected value is gone) and one before it
///       is counted. The result is ours (I2). A rival at (1) must have read the generation before
///       it looked at the mutex (both acquire), so it cannot see our new generation together with
///       the old mark.
/// One who was held up between its (1) and (2) while another came, and died, clears that one's mark
/// by its (2), and does (3) later. The id tells: the mutex is in other hands than the generation.
///
/// Progress: `self` is wait-free (two loads of thread-local memory); enrolling is lock-free.
/// Limit: a thread that ends while it owns something counts as dead. Linux with glibc only: the
/// mark is read from the mutex's lock word.
///
/// The mark (Linux, Documentation/locking/robust-futexes) is the kernel's; the table is ours.

#include <pthread.h>

#include <boost/atomic/ipc_atomic.hpp>
#include <boost/atomic/ipc_atomic_ref.hpp>
#include <cstddef>
#include <cstdint>

namespace lagoon::core {

/// Names one enrolled thread: generation in bits 16 to 57, slot in bits 2 to 15. The others are
/// free for the flags of the word it is written into. Zero is nobody.
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

  /// Gives back the calling thread's slot, if it has one. Before memory is unmapped, every thread
  /// of this process that has enrolled must have done this or ended.
  void resign() noexcept;
  /// Forgets what this process knows of the table: its memory is about to be unmapped.
  void forget() noexcept;
  /// How many threads of this process hold a slot.
  [[nodiscard]] std::size_t members_here() const noexcept;

  /// A number that the layer above attaches to every slot of this process, those its threads
  /// hold already and those they will take. Zero until it is set.
  void stamp_process(std::uint64_t since);

  /// Calls f(since, pid, in_this_process) for every living participant until f returns false.
  template <class F>
  bool all_living(F&& f) const {
    for (std::size_t i = 0; i < used_.load(boost::memory_order_acquire); ++i) {
      const Slot& s = slot(i);
      if (!s.is_live()) continue;
      if (!f(s.since.load(boost::memory_order_acquire), s.pid.load(boost::memory_order_relaxed),
             is_of_this_process(i)))
        return false;
    }
    return true;
  }

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
    pthread_mutex_t mutex;  // held by its thread as long as that lives
    boost::ipc_atomic<std::uint64_t> tenure;
    boost::ipc_atomic<std::uint64_t> since;
    boost::ipc_atomic<std::int32_t> pid;      // for people who look; never decides anything
    boost::ipc_atomic<std::uint32_t> births;  // children forked and not yet enrolled

    [[nodiscard]] std::uint32_t lock_word() const noexcept;
    [[nodiscard]] bool is_live() const noexcept;
  };
  static_assert(sizeof(Slot) == 64 || sizeof(Slot) == 128, "a slot shares no line with another");

  explicit Participants(std::size_t capacity) : capacity_(capacity), used_(0) {}

  [[nodiscard]] std::size_t cache_line() const noexcept {
    // Mappings are aligned to pages and often gigabytes apart: fold both into the index.
    const auto address = reinterpret_cast<std::uintptr_t>(this);
    return ((address >> 20) ^ (address >> 32)) % detail::SelfCache::lines;
  }
  static std::size_t slot_of(Owner owner) noexcept { return (owner >> 2) & ((1U << 14) - 1); }
  static std::uint64_t generation_of(Owner owner) noexcept { return owner >> 16; }
  /// In a slot's tenure: above, the generation; below, the kernel's id of the thread that has it
  /// (ids are below 2^22).
  static constexpr std::uint64_t one_generation = std::uint64_t{1} << 22;

  [[nodiscard]] Slot& slot(std::size_t i) noexcept { return reinterpret_cast<Slot*>(this + 1)[i]; }
  [[nodiscard]] const Slot& slot(std::size_t i) const noexcept {
    return reinterpret_cast<const Slot*>(this + 1)[i];
  }
  [[nodiscard]] bool is_of_this_process(std::size_t slot_index) const noexcept;
  Owner self_slow();
  Owner enrol();

  alignas(64) std::uint64_t capacity_;
  boost::ipc_atomic<std::uint64_t> used_;  // slots ever used are below this
};

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
