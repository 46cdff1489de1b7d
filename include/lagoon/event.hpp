#pragma once
/// `Event`: Python's, between processes and threads: a flag that is set, cleared and waited for.
///
///   Event ready;                    in this process's heap, for its children
///   Event ready{segment["ready"]};  under a name: found, or made
///
/// wait() returns at once if the flag is set, and else when it is set next, even if it is cleared
/// before the waiter has woken.
///
/// A crash leaves: the flag set or not. A killed waiter takes nothing from the others and keeps
/// nobody up; those who wait for a set whose caller was killed half-way go within 10 ms.
/// Progress: set, clear, is_set: lock-free; wait: blocking. Memory: 8 bytes, on a line. Algorithm:
/// core/event_word.hpp.

#include <lagoon/core/durations.hpp>
#include <lagoon/core/event_word.hpp>
#include <lagoon/shared.hpp>

#include <cstdint>
#include <utility>

namespace lagoon {

class Event : public detail::Handled<core::EventWord> {
 public:
  using is_shared_container = void;  // goes into Objects by reference (shared_object.hpp)
  Event() : Event(Place{}) {}
  explicit Event(const Place& place) : Handled(place, stamp(), sizeof(core::EventWord)) {}

  /// These throw Gone if the event was erased.
  void set() {
    if (!state_->set()) throw_gone();
  }
  void clear() {
    if (!state_->clear()) throw_gone();
  }
  /// Until it is set; true, as in Python.
  bool wait() const { return wait_until(core::Deadline::never()); }
  /// False if the time was over first. Zero and negative times are one look.
  template <class Rep, class Period>
  [[nodiscard]] bool wait(std::chrono::duration<Rep, Period> timeout) const {
    return wait_until(core::Deadline::after(timeout));
  }
  template <class Rep, class Period>
  [[nodiscard]] bool wait_for(std::chrono::duration<Rep, Period> timeout) const {
    return wait(timeout);
  }
  template <class Clock, class Duration>
  [[nodiscard]] bool wait_until(std::chrono::time_point<Clock, Duration> t) const {
    return wait_until(core::Deadline::at(t));
  }
  [[nodiscard]] bool wait_until(core::Deadline deadline) const {
    const core::EventWord::Waited waited = state_->wait(deadline);
    if (waited == core::EventWord::Waited::is_gone) throw_gone();
    return waited == core::EventWord::Waited::yes;
  }

  [[nodiscard]] bool is_set() const noexcept { return state_->is_set(); }
  /// Whether the object was erased.
  [[nodiscard]] bool gone() const noexcept { return state_->is_gone() || Handled::gone(); }

  static constexpr bool is_read_only = false;
  static detail::Stamp stamp(std::uint64_t = 1) noexcept {
    return {.kind = detail::Stamp::Kind::event,
            .mode = detail::Stamp::Mode::atomic,
            .begins = detail::Stamp::Begins::with_end_bit};
  }

 private:
  friend struct detail::Attach;
  explicit Event(detail::Handle handle) noexcept : Handled(std::move(handle)) {}
};

}  // namespace lagoon
