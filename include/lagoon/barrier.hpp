#pragma once
/// `Barrier`: Python's, between processes and threads: so many parties that wait for each other.
///
///   Barrier start{4};                        in this process's heap, for its children
///   Barrier start{4, [] { … }, 10s};         the last to arrive calls it; a timeout for each wait
///   Barrier start{segment["start"], 4};      under a name: found, or made
///
/// wait() returns when all are there: to each another number, from 0 to parties − 1, in the order
/// in which they came. Then the next round begins.
///
/// The barrier breaks, and all who wait get BrokenBarrier, when one of them runs out of time, calls
/// abort(), is killed while it waits or acts, or its action throws. It stays broken until reset(),
/// which also breaks off a round that is not full. Who has passed is not called back.
///
/// When all have come and one acts, time no longer runs out: the others wait for the action, as in
/// Python. The action is the handle's: whoever comes last calls its own. A handle that is inherited
/// by a child has its parent's.
///
/// A crash leaves: of one who was killed before it was counted, the number without it; of one who
/// waited or acted, a broken barrier: those who wait are told within 10 ms, and a round is never
/// completed with a dead one in it. Progress: blocking: all wait for all; nobody waits for the
/// dead. Memory: 64 bytes, and 64 for each party. Algorithm: core/parties.hpp.

#include <lagoon/core/durations.hpp>
#include <lagoon/core/parties.hpp>
#include <lagoon/error.hpp>
#include <lagoon/shared.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <utility>

namespace lagoon {

class Barrier : public detail::Handled<core::Parties> {
 public:
  using is_shared_container = void;  // goes into Objects by reference (shared_object.hpp)
  /// What the last to arrive calls, before any of them goes on.
  using Action = std::function<void()>;

  /// InvalidArgument unless there are 1 to max_parties() of them.
  explicit Barrier(long long parties, Action action = {}) : Barrier(Place{}, parties, action) {}
  template <class Rep, class Period>
  Barrier(long long parties, Action action, std::chrono::duration<Rep, Period> timeout)
      : Barrier(Place{}, parties, std::move(action), timeout) {}
  /// Under a name: TypeMismatch if it is there for another number of parties.
  Barrier(const Place& place, long long parties, Action action = {})
      : Barrier(Checked{}, place, checked_parties(parties), std::move(action)) {}
  template <class Rep, class Period>
  Barrier(const Place& place, long long parties, Action action,
          std::chrono::duration<Rep, Period> timeout)
      : Barrier(place, parties, std::move(action)) {
    timeout_ = std::chrono::duration_cast<std::chrono::duration<double>>(timeout);
  }

  /// Waits for the others. BrokenBarrier, or Gone if it was erased, or what the action throws.
  std::size_t wait() {
    return wait_until(timeout_ ? core::Deadline::after(*timeout_) : core::Deadline::never());
  }
  /// A timeout that passes breaks the barrier; so does one of zero or less, unless this one is the
  /// last to come.
  template <class Rep, class Period>
  std::size_t wait(std::chrono::duration<Rep, Period> timeout) {
    return wait_until(core::Deadline::after(timeout));
  }
  template <class Clock, class Duration>
  std::size_t wait_until(std::chrono::time_point<Clock, Duration> t) {
    return wait_until(core::Deadline::at(t));
  }
  std::size_t wait_until(core::Deadline deadline);
  /// As std::barrier calls it.
  void arrive_and_wait() { (void)wait(); }

  /// Breaks it. Whoever waits, or will, gets BrokenBarrier.
  void abort() {
    if (!state_->abort()) throw_gone();
  }
  /// Whole and empty again. Whoever waits gets BrokenBarrier, and may come again at once.
  void reset() {
    if (!state_->reset()) throw_gone();
  }

  [[nodiscard]] std::size_t parties() const noexcept { return state_->count(); }
  /// How many wait at this moment; one that died counts until it is found.
  [[nodiscard]] std::size_t n_waiting() const noexcept { return state_->waiting(); }
  [[nodiscard]] bool broken() const noexcept { return state_->is_broken(); }
  /// Whether the object was erased.
  [[nodiscard]] bool gone() const noexcept { return state_->is_gone() || Handled::gone(); }
  /// For how many there can be one.
  static constexpr std::size_t max_parties() noexcept { return core::Parties::most; }

  static constexpr bool is_read_only = false;
  static detail::Stamp stamp(std::uint64_t parties = 1) noexcept {
    return {.kind = detail::Stamp::Kind::barrier,
            .mode = detail::Stamp::Mode::atomic,
            .begins = detail::Stamp::Begins::with_end_bit,
            .count = parties};
  }

 private:
  friend struct detail::Attach;
  explicit Barrier(detail::Handle handle) noexcept : Handled(std::move(handle)) {}
  struct Checked {};
  Barrier(Checked, const Place& place, std::uint32_t parties, Action action)
      : Handled(place, stamp(parties), core::Parties::bytes_for(parties), parties),
        action_(std::move(action)) {}
  static std::uint32_t checked_parties(long long parties);

  Action action_;
  std::optional<std::chrono::duration<double>> timeout_;
};

}  // namespace lagoon
