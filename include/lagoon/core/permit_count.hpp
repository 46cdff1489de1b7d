#pragma once
/// A number of permits in one word: what a semaphore is.
///
/// The word is the number, with the flags of core/contend.hpp (two low, two high), and its highest
/// bit says that the object was erased. Who has a permit is not written down: one that is taken by
/// a process that dies is gone, as Python has it.
///
/// Every store that publishes, and what a SIGKILL right after it leaves
///   (1) take: CAS n → n − 1, acquire. Killed after: the call has happened, its permit is gone.
///   (2) give: CAS n → n + k, release, which sets `waking` if somebody sleeps. Killed before the
///       wake: a sleeper whose slice ends looks for itself.
/// One wake-up is in flight at a time. Who was woken and leaves permits behind wakes the next; if
/// it is killed before it has, a sleeper whose slice ends finds them.
///
/// Memory orders: (1) reads what a (2) stored, or a number that grew from it by other (1)s, which
/// are read-modify-writes and go on with its release sequence: who takes a permit sees what was
/// done by who gave it.
///
/// Progress: giving is lock-free; taking is lock-free while there are permits, else it waits.

#include <lagoon/core/end_bit.hpp>
#include <lagoon/core/futex.hpp>
#include <lagoon/core/owned_word.hpp>

#include <boost/atomic/ipc_atomic.hpp>
#include <cstdint>

namespace lagoon::core {

/// What came of giving.
enum class Given : std::uint8_t {
  yes,
  too_many,  ///< there would be more than there may be; nothing was given
  is_gone,   ///< the object was erased
};

class PermitCount {
 public:
  /// As many as Python's semaphores count.
  static constexpr std::uint32_t most = 0x7fffffff;

  explicit PermitCount(std::uint32_t permits) noexcept : word_(permits * one) {}

  /// Takes one if there are any and nobody sleeps.
  [[nodiscard]] bool take_at_once() noexcept {
    std::uint64_t seen = word_.load(boost::memory_order_relaxed);
    return seen != 0 && (seen & ~number) == 0 &&
           word_.compare_exchange_strong(seen, seen - one, boost::memory_order_acquire,  // (1)
                                         boost::memory_order_relaxed);
  }
  /// Taken::yes, no or is_gone.
  [[nodiscard]] Taken take(Deadline deadline) {
    if (take_at_once()) [[likely]]
      return Taken::yes;
    return take_slowly(deadline);
  }
  /// Gives `permits` of them, at once.
  [[nodiscard]] Given give(std::uint32_t permits) noexcept {
    std::uint64_t seen = word_.load(boost::memory_order_relaxed);
    if ((seen & ~number) == 0 && seen / one + permits <= most &&
        word_.compare_exchange_strong(seen, seen + permits * one,  // (2)
                                      boost::memory_order_release, boost::memory_order_relaxed))
        [[likely]]
      return Given::yes;
    return give_slowly(permits);
  }

  [[nodiscard]] std::uint32_t permits() const noexcept {
    return static_cast<std::uint32_t>((word_.load(boost::memory_order_relaxed) & number) / one);
  }
  [[nodiscard]] bool is_gone() const noexcept {
    return (word_.load(boost::memory_order_relaxed) & end_bit) != 0;
  }

 private:
  static constexpr std::uint64_t one = 4;  // above the two low flags
  static constexpr std::uint64_t number = std::uint64_t{0xffffffff} * one;

  Taken take_slowly(Deadline deadline);
  Given give_slowly(std::uint32_t permits) noexcept;

  boost::ipc_atomic<std::uint64_t> word_;  // first: erasing sets its end_bit
};
static_assert(sizeof(PermitCount) == 8);

}  // namespace lagoon::core
