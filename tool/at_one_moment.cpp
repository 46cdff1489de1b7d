#include "at_one_moment.hpp"

#include <lagoon/error.hpp>
#include <lagoon/inspection.hpp>

#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <future>
#include <optional>
#include <stdexcept>
#include <thread>

#include "stopped.hpp"
#include "text.hpp"

namespace tool {

namespace {

using namespace std::chrono_literals;

/// The names of those of its locks that somebody has who lives.
std::vector<std::string> held_locks(const lagoon::Segment& segment) {
  std::vector<std::string> held;
  for (const auto& object : segment.objects()) {
    const auto seen = lagoon::Inspection::of(segment, object.name);
    if (!seen || !seen->has_lock()) continue;
    try {
      if (const auto holder = seen->holder(); holder && !holder->is_dead)
        held.push_back(object.name);
    } catch (const lagoon::Gone&) {
    }
  }
  return held;
}

/// A thread that works with `segment` and is none of those that were stopped, if there is one and
/// that can be told.
std::optional<std::uint32_t> missing(const Stopped& stopped, const lagoon::Segment& segment) {
  std::optional<std::uint32_t> thread;
  lagoon::detail::participants_of(segment).all_living([&](const auto& participant) {
    const std::uint32_t id = participant.thread();
    if (!participant.is_of_this_process() && stopped.has(static_cast<pid_t>(id)) == false)
      thread = id;
    return !thread;
  });
  return thread;
}

/// Ctrl-Z waits until this has ended.
class CannotBeStopped {
 public:
  CannotBeStopped() {
    sigset_t signals;
    ::sigemptyset(&signals);
    for (const int signal : {SIGTSTP, SIGTTIN, SIGTTOU}) ::sigaddset(&signals, signal);
    ::pthread_sigmask(SIG_BLOCK, &signals, &before_);
  }
  CannotBeStopped(const CannotBeStopped&) = delete;
  CannotBeStopped& operator=(const CannotBeStopped&) = delete;
  ~CannotBeStopped() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_{};
};

}  // namespace

Copied copied_at_one_moment(const lagoon::Segment& from, const std::string& path,
                            const lagoon::Segment& to, double seconds) {
  using std::chrono::steady_clock;
  const CannotBeStopped while_others_are;
  const std::chrono::duration<double> limit(seconds);
  std::chrono::duration<double> stood{};
  const auto patience = steady_clock::now() + 1s;
  for (auto pause = 1ms;; pause = std::min(2 * pause, 50ms)) {
    const auto begin = steady_clock::now();
    const auto stands = [&] { return stood + (steady_clock::now() - begin); };
    Stopped stopped(path);
    const auto unseen = missing(stopped, from);
    const std::vector<std::string> held = held_locks(from);
    const bool is_patient = steady_clock::now() < patience && stands() < limit / 2;
    if ((unseen || !held.empty()) && is_patient) {
      stopped.let_run();
      stood = stands();
      std::this_thread::sleep_for(pause);
      continue;
    }
    if (unseen)
      throw std::runtime_error("thread " + std::to_string(*unseen) +
                               " works with it, and /proc does not show that to this user: root "
                               "sees all, but for those of another pid namespace");
    // On a thread of its own, since it may wait for who is stopped in the middle of changing a
    // queue. For a lock it does not: nobody will give one back.
    auto copying =
        std::async(std::launch::async, lagoon::copy_objects, std::cref(from), std::cref(to), 0ns);
    (void)copying.wait_for(limit - stands());
    const bool are_all = stopped.are_all();
    const std::size_t n = stopped.processes();
    stopped.let_run();
    stood = stands();
    Copied copied{copying.get(), {}};
    const std::string lock =
        held.empty() ? "" : "; somebody had the lock '" + printable(held.front()) + "'";
    if (stood > limit) {
      char text[128];
      std::snprintf(
          text, sizeof text,
          "no copy was made: others would have to stand still for longer than %g s, which "
          "is what --stop allows",
          seconds);
      throw lagoon::TimeoutError(text + lock);
    }
    if (!are_all)
      throw std::runtime_error(
          "somebody has opened it meanwhile, and so not all is of one moment: copy it again");
    char text[64];
    std::snprintf(text, sizeof text, "%zu %s stood still for %.1f ms", n,
                  n == 1 ? "process" : "processes", 1e3 * stood.count());
    copied.how = text + lock + "\n";
    return copied;
  }
}

}  // namespace tool
