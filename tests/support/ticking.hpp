#pragma once
/// Signals that interrupt the process again and again, as a profiler's do.

#include <signal.h>
#include <sys/time.h>

#include <chrono>

namespace lagoon::test {

class Ticking {
 public:
  explicit Ticking(std::chrono::microseconds period) {
    ticks_ = 0;
    struct sigaction tick {};
    tick.sa_handler = [](int) { ticks_ = ticks_ + 1; };
    tick.sa_flags = SA_RESTART;
    sigaction(SIGALRM, &tick, &before_);
    const timeval every{0, static_cast<suseconds_t>(period.count())};
    const itimerval timer{every, every};
    setitimer(ITIMER_REAL, &timer, nullptr);
  }
  ~Ticking() {
    const itimerval none{};
    setitimer(ITIMER_REAL, &none, nullptr);
    sigaction(SIGALRM, &before_, nullptr);
  }
  Ticking(const Ticking&) = delete;
  Ticking& operator=(const Ticking&) = delete;
  /// How many there have been.
  [[nodiscard]] unsigned ticks() const { return static_cast<unsigned>(ticks_); }

 private:
  inline static volatile sig_atomic_t ticks_ = 0;
  struct sigaction before_ {};
};

}  // namespace lagoon::test
