#pragma once
/// A flag that is set and cleared, and waited for, in one word: what an event is.
///
///   63       62 … 2                1     0
///  [ erased | how often it was set | set | somebody waits ]
///
/// Who waits goes when the flag is set, or has been set since it began to wait: a set followed by a
/// clear lets all go who waited before.
///
/// Every store that publishes, and what a SIGKILL right after it leaves
///   (1) set:   CAS, release, also if it is set already. Killed before the wake-up: sleepers look
///              for themselves, in 8 ms.
///   (2) clear: acquire and release. Nothing to do.
/// Who waits stores nothing but the flag that says so: killed, it costs one needless wake-up.
///
/// Memory orders: who is let go has read, by acquire, what a (1) stored, or what grew from it by
/// read-modify-writes: it sees what was done before the set. So does who clears it, by (2): one who
/// clears it, looks whether there is work, and waits if there is none, misses none. Who finds it
/// cleared sees what was done before (2).
///
/// Progress: set, clear and is_set are lock-free; waiting waits for (1).

#include <lagoon/core/end_bit.hpp>
#include <lagoon/core/futex.hpp>

#include <boost/atomic/ipc_atomic.hpp>
#include <cstdint>

namespace lagoon::core {

class EventWord {
 public:
  enum class Waited : std::uint8_t { yes, no, is_gone };

  /// False if the object was erased.
  bool set() noexcept;
  bool clear() noexcept {
    return (word_.fetch_and(~is_set_bit, boost::memory_order_acq_rel) & end_bit) == 0;  // (2)
  }
  [[nodiscard]] bool is_set() const noexcept {
    return (word_.load(boost::memory_order_acquire) & is_set_bit) != 0;
  }
  [[nodiscard]] Waited wait(Deadline deadline);
  [[nodiscard]] bool is_gone() const noexcept {
    return (word_.load(boost::memory_order_acquire) & end_bit) != 0;
  }
  /// How often it was set.
  [[nodiscard]] std::uint64_t times_set() const noexcept {
    return (word_.load(boost::memory_order_relaxed) & ~end_bit) / once;
  }

 private:
  static constexpr std::uint64_t is_set_bit = 2;
  static constexpr std::uint64_t once = 4;

  boost::ipc_atomic<std::uint64_t> word_{0};  // first: erasing sets its end_bit
};
static_assert(sizeof(EventWord) == 8);

}  // namespace lagoon::core
