#pragma once
/// `ReaderWriterLock`: many readers or one writer. Each reader is named on a line of its own, so
/// that readers do not slow each other down, and a dead one is found.
///
///   lock.lock_shared(); … read … lock.unlock_shared();     std::shared_lock works
///   lock.lock(); … write … lock.unlock();                  std::unique_lock works
///
/// Progress     blocking among the living; never blocked by the dead. Readers wait for a writer
///              that has the lock or wants it, and for nobody else.
/// Fairness     a writer that wants it lets no reader in: it waits for those who are in, and is not
///              starved. Readers who met a writer line up with the writers (src/core/contend.hpp).
/// Descheduled  a reader keeps the writers waiting, a writer keeps all. A writer spins for a dozen
///              microseconds for each reader, then sleeps.
/// Dies         a reader: the writers go on in 10 ms or less; it has changed nothing. A writer: the
///              next one, writer or reader, gets the lock and is told, exactly one; what the lock
///              guards may be half-changed, and owner_died() says so until mark_consistent(). A
///              reader cannot mend it: writers look at owner_died(). Of a reader killed while it
///              lines up with the writers (as all do once, and who meet a writer) one is told too,
///              in vain: it had the writers' word for a moment.
/// Memory       2,176 bytes: 64, and 33 lines with room for 264 readers at a time; who comes when
///              all are taken waits for one to go.
///
/// A reader may lock it again, and have it 64 times at most: one more is UsageError. A writer may
/// not, nor may a reader become a writer: UsageError, or, of a try and a wait with a deadline,
/// false. Releasing what the caller does not hold is UsageError. What a forked child's parent holds
/// is not the child's.
///
/// Each store that publishes, and what a SIGKILL right after it leaves
///   (0) the reader's line among those that are in use, once and for all. Killed: a writer looks
///       at a line for nothing.
///   (1) a reader's name: CAS nobody → me. Killed: a dead name, which the next writer removes.
///   (2) the name taken back: plain store. Killed before the wake-up: the writer looks for itself.
///       How often the reader has locked it stands in its name, too: a second name would come and
///       go behind a writer that looks at one after the other.
///   (3) the writer's word (core/owned_word.hpp). Killed: whoever comes next takes it over.
/// (0) is done by who has the word: all who have it later see it. A reader stores (1) and then
/// looks at the word; a writer takes the word and then looks at the names. All are sequentially
/// consistent, or have such a fence between them, so one of the two sees the other: a reader that
/// sees the word taken goes back by (2).
///
/// Memory orders: a reader that sees the word free has read, by acquire, what the last writer
/// stored when it gave it back. A writer that sees a name gone has acquired (2): it writes after
/// that reader has read.
///
/// Source: big-reader locks (Linux 2.4); D. Dice, A. Kogan, "BRAVO: biased locking for
/// reader–writer locks" (USENIX ATC 2019). Names instead of flags, and their recovery, are ours.

#include <lagoon/core/owned_word.hpp>
#include <lagoon/lock_methods.hpp>
#include <lagoon/locks/robust.hpp>

#include <boost/atomic/ipc_atomic.hpp>
#include <cstddef>
#include <cstdint>

namespace lagoon {

namespace locks {

class ReaderWriterLock : public detail::LockMethods<ReaderWriterLock>,
                         public detail::SharedLockMethods<ReaderWriterLock> {
 public:
  static constexpr bool begins_with_owned_word = true;
  explicit ReaderWriterLock(core::Participants& table) noexcept : table_(table) {}
  ReaderWriterLock(const ReaderWriterLock&) = delete;
  ReaderWriterLock& operator=(const ReaderWriterLock&) = delete;

  Acquired acquire_until(core::Deadline deadline);
  void release();
  Acquired acquire_shared_until(core::Deadline deadline) {
    const core::Owner me = table_->self();
    const std::size_t first = first_of(me);
    Name& name = this->name(first);
    if (is_in_use(first) && take(name, core::nobody, me)) [[likely]] {
      if (word_.is_free_now()) [[likely]]
        return Acquired(core::Taken::yes);
      give_back(name);
    }
    return acquire_shared_slowly(me, deadline);
  }
  void release_shared() {
    const core::Owner me = table_->self();
    Name& name = this->name(first_of(me));
    if (name.load(boost::memory_order_relaxed) == me) [[likely]]
      give_back(name);
    else
      release_shared_slowly(me);
  }

  /// Whether a writer died with this lock since `mark_consistent` was called last.
  [[nodiscard]] bool owner_died() const noexcept {
    return owner_died_.load(boost::memory_order_relaxed) != 0;
  }
  /// For a writer that has it: what the lock guards is in order again. UsageError of anyone else.
  void mark_consistent();
  /// Whether the calling thread has it as a writer.
  [[nodiscard]] bool is_mine() { return word_.owner_is(table_->self()); }

  /// Whether this, found at rest in a file, can be a lock of those in that table.
  [[nodiscard]] bool is_sound(const core::Participants& table) const noexcept {
    return table_.leads_to(table);
  }

 private:
  using Name = boost::ipc_atomic<core::Owner>;
  static constexpr std::size_t lines = 33;  // odd, so that neighbours stay apart in any stride
  static constexpr std::size_t on_a_line = 64 / sizeof(Name);
  static constexpr std::size_t names = lines * on_a_line;

  // A name is an owner, and above it how often more than once that one has it.
  static constexpr std::uint64_t once_more = std::uint64_t{1} << 58;
  static constexpr std::uint64_t most_often = 64;
  static constexpr core::Owner owner_in(std::uint64_t name) noexcept {
    return name & (once_more - 1);
  }

  /// The i-th name, line by line.
  [[nodiscard]] Name& name(std::size_t i) noexcept {
    return names_[i % lines * on_a_line + i / lines % on_a_line];
  }
  static std::size_t first_of(core::Owner me) noexcept { return (me >> 2) % names; }
  static bool take(Name& name, core::Owner from, core::Owner me) noexcept {
    return name.compare_exchange_strong(from, me, boost::memory_order_seq_cst,  // (1)
                                        boost::memory_order_relaxed);
  }
  /// Whether a writer looks at the line of the i-th name.
  [[nodiscard]] bool is_in_use(std::size_t i) const noexcept {
    return (in_use_.load(boost::memory_order_relaxed) >> (i % lines) & 1) != 0;
  }
  /// f(name, i) of each, from the caller's on, until it returns true; whether it did.
  template <class F>
  bool any(core::Owner me, F&& f);
  /// Takes a free name, or a dead one's.
  bool take_name(core::Owner me) noexcept;
  void give_back(Name& name) noexcept {
    name.store(core::nobody, boost::memory_order_release);  // (2)
    if (draining_.load(boost::memory_order_relaxed) != 0) [[unlikely]]
      wake_writer(name);
  }
  void wake_writer(Name& name) noexcept;
  Acquired acquire_shared_slowly(core::Owner me, core::Deadline deadline);
  void release_shared_slowly(core::Owner me);
  /// The writer's word, for as long as it takes.
  core::Taken take_word(core::Owner me, core::Deadline deadline);
  /// Until no other reader is in; false at the deadline.
  bool drain(core::Deadline deadline);
  bool wait_for(Name& name, core::Deadline deadline);

  core::OwnedWord word_;  // first: erasing ends it
  boost::ipc_atomic<std::uint32_t> draining_{0};
  boost::ipc_atomic<std::uint32_t> owner_died_{0};
  core::ParticipantsRef table_;
  boost::ipc_atomic<std::uint64_t> in_use_{0};  // lines, a bit each
  [[maybe_unused]] std::byte unused_[32] = {};
  alignas(64) Name names_[names] = {};
};

}  // namespace locks

template <>
inline constexpr std::string_view type_name<locks::ReaderWriterLock> = "ReaderWriterLock";

}  // namespace lagoon
