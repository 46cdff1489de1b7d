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

[[noreturn]] void throw_cannot_stop(pid_t thread, int error) {
  throw lagoon::SystemError(
      error, "cannot stop " + command_of(thread) + " " + std::to_string(thread) +
                 (error == EPERM ? " (whom another traces, as a debugger does, or whom this user "
                                   "may not trace: see kernel.yama.ptrace_scope)"
                                 : ""));
}

}  // namespace

Stopped::Stopped(std::string path) : path_(std::move(path)) {
  const auto until = Clock::now() + 2s;
  try {
    while (const auto runs = stop_all(until)) {
      let_run();
      if (Clock::now() > until) throw_cannot_stop(*runs, ETIMEDOUT);
      std::this_thread::sleep_for(5ms);
    }
  } catch (...) {
    let_run();
    throw;
  }
}

std::optional<pid_t> Stopped::stop_all(Clock::time_point until) {
  // Who stands still makes no more threads and no more processes, and those that he had made before
  // are seen by a look that begins after that.
  // Who makes a process by vfork(), as posix_spawn() does, waits for that in a way in which he
  // cannot be stopped: if that was stopped first, in vain.
  for (auto some = stop_others(); !some.empty(); some = stop_others())
    for (const pid_t thread : some)
      if (!await(thread, until, Clock::now() + 20ms)) return thread;
  return std::nullopt;
}

std::vector<AttachedProcess> Stopped::others() const {
  return std::move(processes_attached_to({path_}).front());
}

std::vector<pid_t> Stopped::stop_others() {
  std::vector<pid_t> some;
  for (const AttachedProcess& process : others()) {
    processes_.insert(process.pid);
    std::error_code ended;
    const std::filesystem::path tasks = "/proc/" + std::to_string(process.pid) + "/task";
    for (std::filesystem::directory_iterator at(tasks, ended), end; !ended && at != end;
         at.increment(ended)) {
      const pid_t thread = std::atoi(at->path().filename().c_str());
      if (!threads_.contains(thread) && stop(thread)) some.push_back(thread);
    }
  }
  return some;
}

bool Stopped::stop(pid_t thread) {
  if (::ptrace(PTRACE_SEIZE, thread, nullptr, nullptr) == 0) {
    threads_.emplace(thread, Thread{});
    if (::ptrace(PTRACE_INTERRUPT, thread, nullptr, nullptr) == 0) return true;
  }
  const int error = errno;
  if (error != ESRCH && !has_ended(thread)) throw_cannot_stop(thread, error);
  threads_.erase(thread);
  return false;
}

bool Stopped::await(pid_t thread, Clock::time_point until, Clock::time_point until_if_busy) {
  int status = 0;
  for (;;) {
    const pid_t answer = ::waitpid(thread, &status, __WALL | WNOHANG);
    if (answer == thread && WIFSTOPPED(status)) break;
    if (answer != 0) {  // it has ended
      threads_.erase(thread);
      return true;
    }
    const auto now = Clock::now();
    if (now > until || (now > until_if_busy && state_of(thread) == 'D')) return false;
    std::this_thread::sleep_for(20us);
  }
  // Either where it was, or where a signal was about to reach it.
  const bool by_signal = status >> 16 == 0;
  threads_[thread] = {true, by_signal ? WSTOPSIG(status) : 0};
  return true;
}

void Stopped::let_run() noexcept {
  // Who is not stopped yet will be, perhaps only when another runs on, and can be let run only
  // then.
  for (const auto until = Clock::now() + 2s; !threads_.empty() && Clock::now() < until;) {
    std::vector<pid_t> all;
    for (const auto& thread : threads_) all.push_back(thread.first);
    for (const pid_t thread : all) {
      if (!threads_[thread].has_stopped) (void)await(thread, Clock::now(), Clock::now());
      const auto at = threads_.find(thread);
      if (at == threads_.end() || !at->second.has_stopped) continue;
      (void)::ptrace(PTRACE_DETACH, thread, nullptr, at->second.signal);
      threads_.erase(at);
    }
  }
  processes_.clear();
}

bool Stopped::are_all() const {
  for (const AttachedProcess& process : others())
    if (!processes_.contains(process.pid)) return false;
  return true;
}

}  // namespace tool
