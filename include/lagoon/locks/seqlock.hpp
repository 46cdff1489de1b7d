#pragma once
/// `SeqLock`: one copy, and a number that is odd while it is written: for comparison with what this
/// library's arrays and structs do (core/latch.hpp).
///
///   seqlock.lock(); … write … seqlock.unlock();
///   seqlock.read([&] { core::read_shared(&mine, &shared, sizeof mine); });
///
/// Progress     writers: blocking. Readers: they begin anew as long as a writer writes, so that one
///              which writes without pause, or is stopped or killed in a write, keeps them reading
///              for ever.
/// Fairness     none.
/// Descheduled  a writer that was put aside keeps all waiting; they spin, and yield.
/// Dies         a dead writer keeps all waiting for ever.
/// Memory       8 bytes.
/// Release by one who does not hold it: not detected; of a free one UsageError.
/// Source       W. Bolosky, C. Lameter; orders and fences after H.-J. Boehm, "Can seqlocks get
///              along with programming language memory models?" (MSPC 2012).

#include <lagoon/core/futex.hpp>
#include <lagoon/core/latch.hpp>
#include <lagoon/lock_methods.hpp>
#include <lagoon/typecode.hpp>

#include <boost/atomic/ipc_atomic.hpp>
#include <cstdint>

namespace lagoon {

namespace locks {

class SeqLock : public detail::LockMethods<SeqLock> {
 public:
  SeqLock() = default;
  SeqLock(const SeqLock&) = delete;
  SeqLock& operator=(const SeqLock&) = delete;

  bool acquire_until(core::Deadline deadline) { return take() || wait(deadline); }
  void release() {
    // Only the writer changes it while it is odd.
    const std::uint64_t number = number_.load(boost::memory_order_relaxed);
    if (number % 2 == 0) [[unlikely]]
      detail::throw_free();
    number_.store(number + 1, boost::memory_order_release);  // (2)
  }

  /// Calls copy() until nobody has written meanwhile. It is called while somebody writes, so it
  /// must only copy, by what may race (core/copy.hpp), and make nothing of what it has copied.
  template <class Copy>
  void read(Copy&& copy) const {
    for (;;) {
      const std::uint64_t before = even_number();  // (3) acquires (2)
      copy();
      core::acquire_fence();
      if (number_.load(boost::memory_order_relaxed) == before) return;
    }
  }

 private:
  [[nodiscard]] bool take() noexcept {
    std::uint64_t number = number_.load(boost::memory_order_relaxed);
    if (number % 2 != 0 ||
        !number_.compare_exchange_strong(number, number + 1, boost::memory_order_acquire,  // (1)
                                         boost::memory_order_relaxed))
      return false;
    core::release_fence();  // a reader that copies what is written next sees (1) by its fence
    return true;
  }
  bool wait(core::Deadline deadline) noexcept;
  [[nodiscard]] std::uint64_t even_number() const noexcept {
    const std::uint64_t number = number_.load(boost::memory_order_acquire);  // (3)
    return number % 2 == 0 ? number : wait_for_even();
  }
  [[nodiscard]] std::uint64_t wait_for_even() const noexcept;

  boost::ipc_atomic<std::uint64_t> number_{0};
};

}  // namespace locks

template <>
inline constexpr std::string_view type_name<locks::SeqLock> = "SeqLock";

}  // namespace lagoon
