#pragma once
/// Processes that do the same as fast as they can, all at once, for a fixed time.

#include <boost/atomic/ipc_atomic.hpp>
#include <cstdint>
#include <functional>

#include "results.hpp"

namespace growth {

inline constexpr int most_processes = 64;

/// What a process of a contest has of it.
class Turns {
 public:
  struct Seat {  // a line of its own: nobody else writes to it
    alignas(64) boost::ipc_atomic<std::uint64_t> done{0};
  };
  struct Stage {
    alignas(64) boost::ipc_atomic<int> ready{0};
    alignas(64) boost::ipc_atomic<bool> go{false};
    boost::ipc_atomic<bool> stop{false};
    Seat seats[most_processes];
  };

  Turns(Stage& stage, int i) : stage_(stage), number_(i) {}
  [[nodiscard]] int number() const noexcept { return number_; }
  /// Waits for the others, then does f() over and over, until it is over.
  template <class F>
  void take(F&& f) {
    get_ready();
    auto& done = stage_.seats[number_].done;
    for (std::uint64_t n = 0; !stage_.stop.load(boost::memory_order_relaxed);) {
      f();
      done.store(++n, boost::memory_order_relaxed);
    }
  }

 private:
  void get_ready();
  Stage& stage_;
  int number_;
};

/// So many children do body(turns). The time of one operation of any of them, and the share of the
/// least-served, within so many seconds; more, where they outnumber the processors, so that each
/// gets its turn there.
Sample contest(int processes, double seconds, const std::function<void(Turns&)>& body);

/// How long one takes, with what goes before.
double seconds_of_contest(int processes, double seconds);

}  // namespace growth
