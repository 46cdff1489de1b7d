#pragma once
/// Signals that interrupt the process again and again, as a profiler's do. How many of them come in
/// a given time is the machine's affair: a test goes on until there have been enough.

#include <signal.h>
#include <sys/time.h>

#include <chrono>

namespace lagoon::test {

class Ticking {
 public:
  /// Without SA_RESTART among the flags each system call that is interrupted ends with EINTR.
  explicit Ticking(std::chrono::microseconds period, int flags = SA_RESTART) {
    ticks_ = 0;
    struct sigaction tick {};
    tick.sa_handler = [](int) { ticks_ = ticks_ + 1; };
    tick.sa_flags = flags;
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
