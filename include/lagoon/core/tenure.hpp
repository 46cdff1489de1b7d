#pragma once
/// Who has a place, for as long as it lives. This decides who is dead.
///
/// One thread at a time has the place. Each time it is taken it gets a generation, and with that
/// anybody can ask whether the thread which took it then still has it. For as long as a thread has
/// the place it holds a mutex, which the kernel marks when the thread ends (marked_mutex.hpp).
/// Beside the mutex is a word: above, the generation; below, the kernel's id of the thread that
/// took it.
///
/// Invariants
///   I1  A generation is given out once: they only grow (42 bits).
///   I2  From its (3) on until it resigns or ends, nobody but the thread changes the word.
///   I3  dead(generation) is stable: once true for a generation it stays true.
///
/// Taking, in this order; what a SIGKILL between two of them leaves
///   (1) generation += 1, by CAS from the value seen while the place was free or its holder dead.
///       After it every earlier generation of this place reads as dead. Killed here: the place is
///       free or marked as before; nothing lost.
///   (2) take the mutex, which clears a dead holder's mark. (1) came first, so nobody can take the
///       earlier holder for alive. Killed here: the kernel marks the place dead.
///   (3) generation += 1 again, and beside it in the same word the id of the thread in the mutex:
///       a rival's late (1) cannot succeed after it (its expected value is gone) and one before it
///       is counted. The result is ours (I2). A rival at (1) must have read the word before it
///       looked at the mutex (both acquire), so it cannot see our new generation together with the
///       old mark.
/// One who was held up between its (1) and (2) while another came, and died, clears that one's mark
/// by its (2), and does (3) later. The id tells: the mutex is in other hands than the generation.
///
/// Resigning
///   (4) generation += 1: whatever the thread still owns now reads as dead. Killed here: the kernel
///       frees the place, by its mark.
///   (5) give the mutex back.
///
/// A look at a generation: (6) the word, (7) the mutex, (8) the word again. A rival who has the
/// dead one's id, which the kernel gives to others when that one is gone, may have come between (6)
/// and (7), by all of its steps; then its (1) shows at (8).
///
/// Memory orders
///   - Who is told of a death sees all that the dead one did. The kernel's mark releases it; what
///     one who resigned did, (4). A look reads one of the two by acquire, or else what a rival made
///     of the word: by (1), which is release, after a look at the mutex, which was acquire.
///   - (3) is release and the look before (1) acquire: see (3).
///   - Fence (a): taking the mutex is acquire, not release. Who sees it taken at (7) could miss (1)
///     at (8) without the fence, and take the dead for alive if the rival has the dead one's id.
///   - Fences (b) and (c): who has been told a generation by its thread may ask for it, whatever
///     the orders of that store and load. Without them it could read the word as it was before (3)
///     and take the living for dead.
/// On x86 the fences are no instructions.
///
/// Progress: a look is wait-free, taking is lock-free.

#include <lagoon/core/marked_mutex.hpp>

#include <boost/atomic/fences.hpp>
#include <boost/atomic/ipc_atomic.hpp>
#include <cstdint>
#include <optional>

namespace lagoon::core {

class Tenure {
 public:
  Tenure() = default;
  Tenure(const Tenure&) = delete;
  Tenure& operator=(const Tenure&) = delete;

  /// Takes the place for the calling thread; the generation, or nothing if a living thread has it
  /// or a rival was faster.
  [[nodiscard]] std::optional<std::uint64_t> take() noexcept;
  /// Gives it back. The calling thread has it.
  void resign() noexcept;

  /// Whether the thread that took it in this generation has resigned or ended.
  [[nodiscard]] bool is_dead(std::uint64_t generation) const noexcept {
    boost::atomic_thread_fence(boost::memory_order_acquire);             // (c)
    const std::uint64_t seen = word_.load(boost::memory_order_acquire);  // (6)
    if (seen / one_generation != generation) return true;
    const std::uint32_t holder = mutex_.holder(boost::memory_order_acquire);  // (7)
    if (holder == 0 || holder != seen % one_generation) return true;
    return word_.load(boost::memory_order_acquire) != seen;  // (8)
  }
  /// The kernel's id of the thread that took it in this generation; zero if another has taken it
  /// since.
  [[nodiscard]] std::uint32_t thread(std::uint64_t generation) const noexcept {
    const std::uint64_t seen = word_.load(boost::memory_order_relaxed);
    return seen / one_generation == generation ? static_cast<std::uint32_t>(seen % one_generation)
                                               : 0;
  }
  /// The one who took it last, whatever has become of it: its thread and generation.
  struct Last {
    std::uint64_t generation;
    std::uint32_t thread;
  };
  [[nodiscard]] Last last() const noexcept {
    const std::uint64_t seen = word_.load(boost::memory_order_relaxed);
    return {seen / one_generation, static_cast<std::uint32_t>(seen % one_generation)};
  }
  /// Whether a living thread has it, or is about to. If not, all that those before it did is seen.
  [[nodiscard]] bool is_live() const noexcept {
    return mutex_.holder(boost::memory_order_acquire) != 0;
  }

 private:
  /// In the word. Ids are below 2^22.
  static constexpr std::uint64_t one_generation = std::uint64_t{1} << 22;

  MarkedMutex mutex_;
  boost::ipc_atomic<std::uint64_t> word_{0};
};

}  // namespace lagoon::core
