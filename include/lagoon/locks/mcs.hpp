#pragma once
/// `McsLock`: a queue of those who wait, each of whom looks at a line of its own.
///
/// Progress     blocking.
/// Fairness     strict, in the order in which they joined the queue. try_lock succeeds only if
///              nobody waits; so do the waits with a deadline, which could not leave the queue:
///              they are not fair.
/// Descheduled  whoever is next keeps all behind it waiting. It survives more processes than
///              processors, because those who wait spin for some ten microseconds and then park:
///              but each hand-over to one who is parked costs a wake-up.
/// Dies         nobody gets the lock again, whether it held it or waited.
/// Memory       a line, and a line for each of the `nodes` who can wait at a time (128: 8 KiB). Who
///              comes when all are taken spins, and yields, until one is free.
/// Release by one who does not hold it: not detected; of a free one UsageError.
/// Source       J. Mellor-Crummey, M. Scott, "Algorithms for scalable synchronization on
///              shared-memory multiprocessors" (ACM TOCS 9/1, 1991). Nodes in the lock itself, by
///              index, since a stack is not shared; parking is ours.

#include <lagoon/core/futex.hpp>
#include <lagoon/lock_methods.hpp>
#include <lagoon/typecode.hpp>

#include <boost/atomic/ipc_atomic.hpp>
#include <cstdint>

namespace lagoon {

namespace locks {

class McsLock : public detail::LockMethods<McsLock> {
 public:
  /// How many can wait or have it at a time.
  static constexpr std::uint32_t nodes = 128;

  McsLock() = default;
  McsLock(const McsLock&) = delete;
  McsLock& operator=(const McsLock&) = delete;

  bool acquire_until(core::Deadline deadline);
  void release();

 private:
  /// Numbers of nodes begin with one; zero is none.
  using Number = std::uint32_t;
  enum State : std::uint32_t { waits, parked, has_it };
  struct alignas(64) Node {
    boost::ipc_atomic<std::uint32_t> taken{0};
    boost::ipc_atomic<std::uint32_t> state{waits};
    boost::ipc_atomic<Number> next{0};
  };

  [[nodiscard]] Node& node(Number number) noexcept { return nodes_[number - 1]; }
  /// Zero if none was free until the deadline.
  [[nodiscard]] Number take_node(core::Deadline deadline) noexcept;
  void give_node_back(Number number) noexcept {
    node(number).taken.store(0, boost::memory_order_release);
  }
  void wait(Node& mine) noexcept;

  alignas(64) boost::ipc_atomic<Number> tail_{0};
  Number holder_ = 0;  // the holder's
  Node nodes_[nodes];
};

}  // namespace locks

template <>
inline constexpr std::string_view type_name<locks::McsLock> = "McsLock";

}  // namespace lagoon
