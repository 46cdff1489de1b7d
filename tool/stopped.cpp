#include "stopped.hpp"

#include <lagoon/error.hpp>

#include <sys/ptrace.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <thread>
#include <utility>

namespace tool {

namespace {

using namespace std::chrono_literals;

std::string name_of(pid_t thread) { return command_of(thread) + " " + std::to_string(thread); }

}  // namespace

Stopped::Stopped(std::string path) : path_(std::move(path)) {
  const auto until = Clock::now() + 2s;
  try {
    while (const auto runs = stop_all(until)) {
      let_run();
      if (Clock::now() > until)
        throw lagoon::TimeoutError(
            "cannot stop " + name_of(*runs) +
            ": another traces it, as a debugger does, or the kernel is busy for it, as for who "
            "waits for a child of vfork()");
      std::this_thread::sleep_for(5ms);
    }
  } catch (...) {
    let_run();
    throw;
  }
}

std::optional<pid_t> Stopped::stop_all(Clock::time_point until) {
  // Who stands still makes no more threads and no more processes, and those that he had made before
  // are seen by a look that begins after that. But who makes a process by vfork(), as posix_spawn()
  // does, waits for that in a way in which he cannot be stopped: if that was stopped first, in
  // vain.
  do {
    if (const auto thread = tell_others()) return thread;
    if (told_.empty()) return std::nullopt;
    while (!told_.empty())
      if (const pid_t thread = *told_.begin(); !await(thread, until, Clock::now() + 20ms))
        return thread;
  } while (true);
}

std::vector<AttachedProcess> Stopped::others() const {
  return std::move(processes_attached_to({path_}).front());
}

std::optional<pid_t> Stopped::tell_others() {
  for (const AttachedProcess& process : others()) {
    processes_.insert(process.pid);
    have_other_ids_ |= process.has_other_ids;
    std::error_code ended;
    const std::filesystem::path tasks = "/proc/" + std::to_string(process.pid) + "/task";
    for (std::filesystem::directory_iterator at(tasks, ended), end; !ended && at != end;
         at.increment(ended)) {
      const pid_t thread = std::atoi(at->path().filename().c_str());
      if (stopped_.contains(thread) || told_.contains(thread) || has_ended(thread)) continue;
      if (::ptrace(PTRACE_SEIZE, thread, nullptr, nullptr) == 0) {
        told_.insert(thread);
        // If it has ended, waitpid() says so.
        (void)::ptrace(PTRACE_INTERRUPT, thread, nullptr, nullptr);
        continue;
      }
      const int error = errno;
      if (error == ESRCH || has_ended(thread)) continue;
      if (is_traced(thread)) return thread;
      throw lagoon::SystemError(error, "cannot stop " + name_of(thread) +
                                           " (that takes the right to trace it: of the same user, "
                                           "see kernel.yama.ptrace_scope; or root)");
    }
  }
  return std::nullopt;
}

bool Stopped::await(pid_t thread, Clock::time_point until, Clock::time_point until_if_busy) {
  for (;;) {
    int status = 0;
    const pid_t answer = ::waitpid(thread, &status, __WALL | WNOHANG);
    if (answer == thread && WIFSTOPPED(status) && status >> 16 == 0) {
      // A signal was about to reach it. It is to have it now: if this process were killed, nobody
      // would.
      (void)::ptrace(PTRACE_INTERRUPT, thread, nullptr, nullptr);
      (void)::ptrace(PTRACE_CONT, thread, nullptr, WSTOPSIG(status));
    } else if (answer != 0) {  // it is stopped, or has ended
      if (answer == thread && WIFSTOPPED(status)) stopped_.insert(thread);
      told_.erase(thread);
      return true;
    }
    const auto now = Clock::now();
    if (now > until || (now > until_if_busy && state_of(thread) == 'D')) return false;
    std::this_thread::sleep_for(20us);
  }
}

void Stopped::let_run() noexcept {
  // Who is not stopped yet will be, perhaps only when another runs on, and can be let run only
  // then; at the latest the end of this process does.
  const auto until = Clock::now() + 1s;
  do {
    for (const pid_t thread : stopped_) (void)::ptrace(PTRACE_DETACH, thread, nullptr, nullptr);
    stopped_.clear();
    for (const pid_t thread : std::vector<pid_t>(told_.begin(), told_.end()))
      (void)await(thread, Clock::now(), Clock::now());
    if (stopped_.empty() && !told_.empty()) std::this_thread::sleep_for(50us);
  } while (!stopped_.empty() || (!told_.empty() && Clock::now() < until));
  processes_.clear();
}

bool Stopped::are_all() const {
  const auto all = others();
  return std::all_of(all.begin(), all.end(),
                     [&](const auto& process) { return processes_.contains(process.pid); });
}

std::optional<bool> Stopped::has(pid_t thread) const {
  if (have_other_ids_) return std::nullopt;
  return stopped_.contains(thread);
}

}  // namespace tool
