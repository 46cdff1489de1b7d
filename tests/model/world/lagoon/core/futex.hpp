#pragma once
/// The kernel's part of waiting, of the model. Its clock stands still as long as anyone can run.

#include <boost/atomic/ipc_atomic.hpp>
#include <chrono>
#include <climits>
#include <cstdint>
#include <limits>

#include "model.hpp"

namespace lagoon::core {

class Deadline {
 public:
  static constexpr Deadline never() noexcept {
    return Deadline{std::numeric_limits<std::int64_t>::max()};
  }
  static constexpr Deadline now() noexcept { return Deadline{0}; }
  template <class Rep, class Period>
  static Deadline after(std::chrono::duration<Rep, Period> d) {
    return Deadline{clock() + std::chrono::ceil<std::chrono::nanoseconds>(d).count()};
  }
  template <class TimePoint>
  static Deadline at(TimePoint t) {
    return after(t - TimePoint::clock::now());
  }
  [[nodiscard]] bool is_never() const noexcept { return nanoseconds_ == never().nanoseconds_; }
  [[nodiscard]] bool passed() const noexcept { return !is_never() && clock() >= nanoseconds_; }
  [[nodiscard]] std::int64_t nanoseconds() const noexcept { return nanoseconds_; }
  static std::int64_t clock() noexcept { return test::model::now(); }

 private:
  constexpr explicit Deadline(std::int64_t nanoseconds) noexcept : nanoseconds_(nanoseconds) {}
  std::int64_t nanoseconds_;
};

enum class Woken : std::uint8_t { by_wake, by_change, by_time };

inline int futex_wake(const void* word, int count = INT_MAX) {
  return test::model::wake(word, count);
}

inline constexpr std::chrono::milliseconds wait_slice_length{1};

inline Woken wait_slice(const void* word, std::uint32_t expected, Deadline until,
                        std::chrono::nanoseconds slice = wait_slice_length) {
  const std::int64_t end = std::min(until.nanoseconds(), Deadline::clock() + slice.count());
  switch (test::model::sleep(word, expected, end)) {
    case test::model::Slept::woken:
      return Woken::by_wake;
    case test::model::Slept::changed:
      return Woken::by_change;
    case test::model::Slept::timed_out:
      break;
  }
  return Woken::by_time;
}

}  // namespace lagoon::core
