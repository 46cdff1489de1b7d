#pragma once
/// A turn to write and a version: what readers and writers of a record kept in N copies go by.
///
/// Version v is in copy v % N. A writer that has the turn fills copy (v + 1) % N, which no new
/// reader looks at, and publishes it by one store of v + 1. A reader copies copy v % N and looks
/// at the version again: a later writer touches that copy only once v + N - 1 is published.
///
/// Invariants
///   L1  Only the owner of the turn changes the version and the copies.
///   L2  Bytes of copy v % N change only while the version is at most v, or at least v + N - 1.
///
/// Each store that publishes, and what a SIGKILL right after it leaves
///   (1) the turn is taken (owned_word.hpp). Killed: the next writer takes over; the published
///       copy is whole, nobody has read the other one.
///   (2) stores into copy (v + 1) % N, after a release fence. Killed: as (1). That copy is now
///       neither v + 1 - N nor v + 1; it is made whole by the next writer (change_log.hpp says
///       which bytes; a writer that replaces all of them need not know).
///   (3) version = v + 1, release. Killed: the write has happened; the next writer takes over the
///       turn and goes on from v + 1.
///   (4) the turn is given back.
///
/// Memory orders: a reader's acquire load of the version (5) reads (3), so it sees the bytes of
/// (2). If its copy reads a byte that writer v + N stored at (2), the fence before (2) and the
/// reader's acquire fence (6) make the reader's second load (7) see at least v + N - 1: that
/// writer took the turn, by acquire, from one who had published v + N - 1. So
///      good  ⇔  second version − first version ≤ N − 2.
///
/// Readers store nothing but, when overtaken, a note in a line of their own, for who looks from
/// outside (wait_notes.hpp), and in memory that was attached to read only not even that. Progress:
/// reading is lock-free (a reader repeats only when N − 1 writes have completed meanwhile) and does
/// not look at the turn: a stopped or dead writer is not even noticed. Writers take turns; a dead
/// one is taken over from.
///
/// Sources: seqlocks and their fences after H.-J. Boehm, "Can seqlocks get along with programming
/// language memory models?" (MSPC 2012); N copies after L. Lamport, "Concurrent reading and
/// writing" (CACM 20/11, 1977), with a turn that outlives its owner.

#include <lagoon/core/copy.hpp>
#include <lagoon/core/owned_word.hpp>

#include <boost/atomic/fences.hpp>
#include <boost/atomic/ipc_atomic.hpp>
#include <cstdint>

namespace lagoon::core {

using Version = std::uint64_t;

/// In a version: the object was erased. The rest of the bits still name a whole copy.
inline constexpr Version version_gone = Version{1} << 63;

/// As users count: from one, so that zero is what nobody has seen yet.
constexpr std::uint64_t public_version(Version v) noexcept { return (v & ~version_gone) + 1; }

/// The data copies are relaxed; these order them. ThreadSanitizer knows no fences: there, the
/// copies are loops of atomics and the compiler barrier suffices on the processors it runs on.
inline void acquire_fence() noexcept {
#if LAGOON_COPY_BY_ATOMICS && defined(__x86_64__)
  asm volatile("" ::: "memory");
#else
  boost::atomic_thread_fence(boost::memory_order_acquire);
#endif
}
inline void release_fence() noexcept {
#if LAGOON_COPY_BY_ATOMICS && defined(__x86_64__)
  asm volatile("" ::: "memory");
#else
  boost::atomic_thread_fence(boost::memory_order_release);
#endif
}

class Latch {
 public:
  /// `table` lies in the same mapping: it is found again from wherever that is mapped.
  explicit Latch(Participants& table) noexcept : table_(table) {}
  Latch(const Latch&) = delete;
  Latch& operator=(const Latch&) = delete;

  /// A writer's turn, given back when it goes out of scope: published or not.
  class Turn {
   public:
    Turn(Latch& latch, Deadline deadline)
        : latch_(latch),
          me_(latch.table().self()),
          taken_(latch.turn_.take(latch.table(), me_, deadline)) {
      if (taken_ == Taken::from_dead && latch.turn_.is_ending()) [[unlikely]]
        retire();
    }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    ~Turn() {
      if (is_taken() && !fork_.passed()) [[likely]]
        if (!latch_.turn_.give_back_at_once(me_)) [[unlikely]]
          give_back_slow();
    }

    [[nodiscard]] Taken outcome() const noexcept { return taken_; }
    [[nodiscard]] bool is_taken() const noexcept { return taken_ <= Taken::from_dead; }
    [[nodiscard]] Version version() const noexcept {
      return latch_.version_.load(boost::memory_order_relaxed);
    }
    /// False, and nothing is published, in a child forked during this turn: it is the parent's.
    [[nodiscard]] bool publish(Version v) noexcept {
      if (fork_.passed()) [[unlikely]]
        return false;
      latch_.version_.store(v, boost::memory_order_release);  // (3)
      return true;
    }
    /// The object is erased: no writer gets the turn again, readers are told.
    void retire() noexcept {
      latch_.version_.store(version() | version_gone, boost::memory_order_release);
      latch_.turn_.retire();
      taken_ = Taken::is_gone;
    }

   private:
    void give_back_slow() noexcept {
      if (latch_.turn_.is_ending())
        retire();
      else
        latch_.turn_.give_back(me_);
    }
    Latch& latch_;
    Owner me_;
    ForkMark fork_;
    Taken taken_;
  };

  [[nodiscard]] Version version() const noexcept {
    return version_.load(boost::memory_order_acquire);  // (5)
  }

  /// The object is erased: from here on, or once the writer at work gives its turn back, no writer
  /// gets the turn, and readers are told. Waits for that one until `deadline`. If this is killed
  /// half-way, do it again.
  void end(Deadline deadline) {
    turn_.end(table(), deadline);
    if (turn_.owner() == OwnedWord::gone)
      version_.fetch_or(version_gone, boost::memory_order_relaxed);  // goes on with (3)
  }

  /// After a copy from version `first`: the version now, to be handed to `whole`.
  [[nodiscard]] Version version_after_copy() const noexcept {
    acquire_fence();                                    // (6)
    return version_.load(boost::memory_order_relaxed);  // (7)
  }
  static bool is_whole(unsigned n, Version first, Version second) noexcept {
    return second - first <= n - 2;
  }

  /// Repeats copy(index of the copy to read) until what it took is whole; returns its version.
  template <unsigned N, class Copy>
  Version read(Copy copy) const noexcept {
    const Version first = version();
    copy(first % N);
    if (is_whole(N, first, version_after_copy())) [[likely]]
      return first;
    return read_again<N>(copy);
  }
  /// For those who look from outside: writers overtook this reader.
  void say_reads_again() const noexcept { table_->say_reads_again(this); }

  [[nodiscard]] Participants& table() noexcept { return *table_; }
  /// Whether this, found at rest in a file, can be a latch of those in that table.
  [[nodiscard]] bool is_sound(const Participants& table) const noexcept {
    return table_.leads_to(table);
  }

 private:
  template <unsigned N, class Copy>
  [[gnu::noinline, gnu::cold]] Version read_again(Copy copy) const noexcept {
    for (;;) {
      say_reads_again();
      const Version first = version();
      copy(first % N);
      if (is_whole(N, first, version_after_copy())) return first;
    }
  }

  OwnedWord turn_;
  boost::ipc_atomic<Version> version_{0};
  ParticipantsRef table_;
};
static_assert(sizeof(Latch) == 24);

}  // namespace lagoon::core
