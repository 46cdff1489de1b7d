#pragma once
/// Who can still reach an object that was erased: the handles of this process, and what other
/// processes say of themselves (docs/segment.md, "When erased memory is used again").
///
/// Every process that has a segment mapped says, in its slots among the participants, two things
/// that both must hold of what it can reach. An epoch: it can reach nothing that was erased up to
/// then; what has no name is reached by those only who were forked while it was there. And the
/// blocks that it has handles to, up to fifteen; or that there are more: so one that has few, and
/// waits, works or was stopped for a long time, keeps no others. A child says so inside fork(),
/// before any code of its own runs, and is marked as on its way until then (birth_mark.hpp).
///
/// (1) Who opens a block without the turn says so before it looks whether the block is still that
/// object; who looks for those who use it does it after it has erased it. Between the two of each
/// stands a seq_cst fence: one of them sees the other.
///
/// Each Reach has a mutex, held for its books of handles only, and by fork so that the child finds
/// them whole. The turn of the segment may be held when it is taken, never the other way round.

#include <sys/types.h>

#include <array>
#include <boost/atomic/fences.hpp>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <set>

#include "birth_mark.hpp"
#include "directory.hpp"
#include "file.hpp"

namespace lagoon::detail {

class Reach {
 public:
  /// `heap_of`: the process whose heap this is; 0 for a segment.
  Reach(Directory& directory, const File& file, pid_t heap_of) noexcept
      : directory_(directory), file_(file), heap_of_(heap_of) {}

  /// This process begins to take part: stamps it.
  void join();

  /// The books of handles.
  void opened(Block* block);
  /// The same of a block that is reached through a container, if is_it() is true while the books
  /// stand still.
  enum class Opened : std::uint8_t { no, yes, yes_and_asked };  ///< asked to acknowledge()
  template <class F>
  Opened open_if(Block* block, F&& is_it) {
    const std::lock_guard guard(mutex_);
    add(block);
    boost::atomic_thread_fence(boost::memory_order_seq_cst);  // (1)
    if (!is_it()) {
      remove(block);
      return Opened::no;
    }
    return is_asked() ? Opened::yes_and_asked : Opened::yes;
  }
  /// True if it was the last one to this block.
  bool closed(Block* block) noexcept;
  /// Whether this process has one.
  [[nodiscard]] bool has_handle_to(const Block* block) const {
    const std::lock_guard guard(mutex_);
    return handles_.contains(block);
  }
  /// Whether what containers have let go of can be looked for by this process: of a heap, by its
  /// own one only.
  [[nodiscard]] bool can_trace() const noexcept;

  /// Whether anyone who lives may have a handle to this erased object. False stays false.
  [[nodiscard]] bool is_reachable(const Block* block) const;
  /// With the turn: if this process has no handle to anything erased, it says so, and need not be
  /// waited for.
  void acknowledge();

  /// Around fork; between the first and one of the others this process's books stand still.
  void before_fork() noexcept;
  void after_fork_in_parent() noexcept;
  void after_fork_in_child() noexcept;

 private:
  [[nodiscard]] bool is_among_the_living(const Block* block) const;
  // Under the mutex:
  void add(const Block* block);
  bool remove(const Block* block) noexcept;  // true if it was the last one
  [[nodiscard]] std::uint32_t number_of(const Block* block) const noexcept;
  [[nodiscard]] bool has_handle_to_erased() noexcept;
  [[nodiscard]] bool is_asked() noexcept;

  /// In a stamp: who has it may have inherited what was made after it.
  static constexpr std::uint64_t inherits = std::uint64_t{1} << 63;

  Directory& directory_;
  const File& file_;
  pid_t heap_of_;
  mutable std::mutex mutex_;
  std::map<const Block*, std::uint32_t> handles_;  // how many, under the mutex
  // Those of which the participants are told, and those of which they are not; the same.
  std::array<const Block*, core::Participants::things> told_{};
  std::set<const Block*> untold_;
  std::uint64_t ends_ = 0;         // how many had been erased when none of these was; the same
  std::uint64_t since_ = 0;        // this process's stamp; under the mutex
  std::uint64_t asked_ = 0;        // what it was last asked for; the same
  std::uint32_t times_asked_ = 0;  // and how often
  BirthMark birth_;                // inside fork
  std::uint64_t child_since_ = 0;  // and what will be the child's stamp
};

}  // namespace lagoon::detail
