/// How a Pool's parent looks after its workers.

#include <lagoon/error.hpp>

#include <poll.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

#include "pool_state.hpp"

namespace lagoon::detail {

namespace {

/// How it ended; nothing if someone else has reaped it, and knows.
std::optional<int> code_at_end_of(const Process& process) {
  try {
    return process.exitcode();
  } catch (const SystemError&) {
    return std::nullopt;
  }
}

std::string end_of(const Process& process, std::optional<int> code) {
  const std::string who = process.name() + " (process " + std::to_string(process.pid()) + ") ";
  if (!code) return who + "ended";
  if (*code >= 0) return who + "exited with code " + std::to_string(*code);
  return who + "was killed by signal " + std::to_string(-*code) + " (" + ::strsignal(-*code) + ")";
}

}  // namespace

void PoolState::begin_workers() {
  try {
    for (std::size_t place = 0; place < workers.size(); ++place) start_worker(place);
  } catch (...) {
    kill_workers();
    throw;
  }
}

void PoolState::start_worker(std::size_t place) {
  const Worker worker{.number = place + 1,
                      .parent = maker,
                      .ends_with_thread = ::syscall(SYS_gettid) == ::getpid(),
                      .initializer = &initializer,
                      .maxtasks = options.maxtasksperchild};
  Process process({.name = "PoolWorker-" + std::to_string(++started), .daemon = true},
                  [this, worker] { return worker.live(memory); });
  process.start();
  workers[place] = {.process = std::move(process),
                    .is_alive = true,
                    .has_begun = false,
                    .failed = workers[place].failed};
}

void PoolState::look_at_workers() {
  next_look = core::Deadline::clock() + std::chrono::nanoseconds(look_every).count();
  std::vector<pollfd> sentinels;
  for (const Station& worker : workers)  // poll passes over the negative ones
    sentinels.push_back({worker.is_alive ? worker.process.sentinel() : -1, POLLIN, 0});
  if (::poll(sentinels.data(), sentinels.size(), 0) > 0) {
    absorb_all();  // what the dead have put: it was there when they ended
    for (std::size_t place = 0; place < workers.size(); ++place)
      if (sentinels[place].revents != 0) bury(place);
  }
  replace_workers();
  put_lost_hints();
}

void PoolState::bury(std::size_t place) {
  Station& dead = workers[place];
  dead.is_alive = false;
  if (condition == Condition::broken || condition == Condition::terminated) return;
  const std::optional<int> exit = code_at_end_of(dead.process);
  const bool was_killed = !exit || *exit < 0;
  for (std::size_t slot = 0; slot < slots.size(); ++slot) {
    if (!slots[slot] || memory.table->claimer(slots[slot]->ticket) != place + 1) continue;
    Task& task = *slots[slot];
    ++task.begun;
    if (was_killed && task.begun < options.attempts) {
      memory.table->offer(task.ticket);  // (1)
      put_hint(task);
      continue;
    }
    std::string why = end_of(dead.process, exit) + " in the midst of a task";
    if (!was_killed)
      why += ", which is not begun again, since it would exit again: it should return or throw";
    else if (task.begun > 1)
      why += ", as " + std::to_string(task.begun - 1) +
             " before it: it is given up (PoolOptions::attempts)";
    try {
      throw WorkerDied(why);
    } catch (...) {
      Packet outcome(task.ticket, Outcome::bytes_of_current_exception());
      absorb(outcome);
    }
  }
  if (dead.has_begun) return;
  ++dead.failed;
  if (!was_killed)
    break_with(end_of(dead.process, exit) + " before it took a task");
  else if (initializer && dead.failed >= most_beginnings)
    break_with(end_of(dead.process, exit) + " before it took a task, as " +
               std::to_string(dead.failed - 1) + " before it, so in the pool's initializer");
}

void PoolState::replace_workers() {
  const bool needs_them =
      condition == Condition::running || (condition == Condition::closed && !is_idle());
  for (std::size_t place = 0; needs_them && place < workers.size(); ++place) {
    if (workers[place].is_alive) continue;
    try {
      start_worker(place);
    } catch (const SystemError&) {
      // Tried again at the next look; meanwhile the others do it, if there are any.
      if (std::ranges::none_of(workers, &Station::is_alive)) throw;
      return;
    }
  }
}

void PoolState::kill_workers() noexcept {
  for (Station& worker : workers) {
    try {
      if (worker.is_alive) worker.process.kill();
    } catch (const SystemError&) {  // there is nothing else to be done
    }
  }
}

std::vector<pid_t> PoolState::pids() {
  const std::lock_guard lock(mutex);
  std::vector<pid_t> all_pids;
  for (const Station& worker : workers)
    if (worker.is_alive && worker.process.is_alive()) all_pids.push_back(worker.process.pid());
  return all_pids;
}

}  // namespace lagoon::detail
