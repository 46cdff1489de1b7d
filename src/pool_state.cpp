#include "pool_state.hpp"

#include <lagoon/error.hpp>

#include <sched.h>
#include <unistd.h>

#include <algorithm>

namespace lagoon::detail {

namespace {

/// How many this process may use, as Python counts them from 3.13 on.
std::size_t usable_processors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof set, &set) == 0)
    return static_cast<std::size_t>(std::max(CPU_COUNT(&set), 1));
  return std::max(std::thread::hardware_concurrency(), 1U);
}

std::size_t workers_of(const PoolOptions& options) {
  const int processes = options.processes.value_or(1);
  if (processes < 1 || processes > static_cast<int>(TaskTable::most_workers))
    throw InvalidArgument("Number of processes must be at least 1, and 65535 at most; it is " +
                          std::to_string(processes));
  if (options.maxtasksperchild && *options.maxtasksperchild < 1)
    throw InvalidArgument("maxtasksperchild must be a positive int or None; it is " +
                          std::to_string(*options.maxtasksperchild));
  if (options.attempts < 1)
    throw InvalidArgument(
        "a Pool's attempts must be at least 1, which is to begin a task once; "
        "they are " +
        std::to_string(options.attempts));
  return options.processes ? static_cast<std::size_t>(processes) : usable_processors();
}

template <class E>
Bytes as_outcome(const E& error) {
  try {
    throw E(error);
  } catch (...) {
    return Outcome::bytes_of_current_exception();
  }
}

}  // namespace

PoolState::PoolState(const PoolOptions& its_options, std::function<void()> its_initializer)
    : options(its_options),
      initializer(std::move(its_initializer)),
      maker(::getpid()),
      workers(workers_of(its_options)) {
  for (std::size_t slot = slots.size(); slot-- > 0;) free_slots.push_back(slot);
}

void PoolState::check_process(const char* method) const {
  if (maker != ::getpid())
    throw UsageError(std::string("Pool: ") + method + ": it belongs to process " +
                     std::to_string(maker) + ", which made it; this is process " +
                     std::to_string(::getpid()) + ", where there are no workers of it");
}

void PoolState::check_code(const char* method, const Code& wanted) const {
  for (const void* at : {reinterpret_cast<const void*>(wanted.trampoline), wanted.function})
    if (at != nullptr && !code.contains(at))
      throw UsageError(std::string("Pool: ") + method +
                       ": the workers do not have the code of this function: its library was "
                       "loaded after the Pool was made; load it before");
}

void PoolState::check_running(const char* method) const {
  if (condition == Condition::broken) throw WorkerDied(why_broken);
  if (condition != Condition::running)
    throw UsageError(std::string("Pool not running: ") + method + " was called after " +
                     (condition == Condition::closed ? "close()" : "terminate()"));
}

// ---- Calls --------------------------------------------------------------------------------------

void PoolState::submit(const char* method, const std::shared_ptr<Job>& job,
                       std::vector<Bytes> chunks) {
  const std::lock_guard lock(mutex);
  check_running(method);
  job->left = chunks.size();
  job->outcomes.resize(chunks.size());
  job->is_ready = chunks.empty();
  for (std::size_t i = 0; i < chunks.size(); ++i)
    pending.push_back({.job = job, .index = i, .chunk = std::move(chunks[i])});
  hand_out();
  // For who asks for much and waits for nothing: no callback is called for that.
  if (!pending.empty() && !is_driven) {
    absorb_all();
    hand_out();
  }
}

void PoolState::submit(const char* method, const std::shared_ptr<Job>& job, Source source,
                       bool in_order) {
  {
    const std::lock_guard lock(mutex);
    check_running(method);
    job->is_stream = job->is_open = true;
    job->in_order = in_order;
    job->source = std::move(source);
    std::erase_if(streams, [](const std::weak_ptr<Job>& stream) { return stream.expired(); });
    streams.push_back(job);
  }
  read_ahead(job, usual_ahead());
}

void PoolState::read_ahead(const std::shared_ptr<Job>& job, std::size_t ahead) {
  for (;;) {
    const std::lock_guard source_lock(job->source_mutex);
    {
      const std::lock_guard lock(mutex);
      if (!job->is_open || job->read - job->taken >= ahead) return;
    }
    std::optional<Bytes> chunk;  // by code of the application's
    std::exception_ptr failed;
    try {
      chunk = job->source();
    } catch (...) {
      failed = std::current_exception();
    }
    const std::lock_guard lock(mutex);
    if (!chunk) {
      job->is_open = false;
      job->source_failed = failed;
    }
    if (!job->is_open) return;  // or it was ended meanwhile
    ++job->left;
    pending.push_back({.job = job, .index = job->read++, .chunk = std::move(*chunk)});
    hand_out();
  }
}

void PoolState::settle(Task task, Outcome outcome) {
  Job& job = *task.job;
  --job.left;
  if (job.is_stream) {
    const std::size_t place = job.in_order ? task.index : job.come;
    ++job.come;
    if (!job.is_given_up) job.there.emplace(place, std::move(outcome));
    return;
  }
  job.outcomes[task.index] = std::move(outcome);
  if (job.left != 0) return;
  if (job.callbacks.empty())
    job.is_ready = true;
  else
    completed.push_back(std::move(task.job));
}

void PoolState::settle_all(const Bytes& outcome) {
  for (const std::weak_ptr<Job>& stream : streams)
    if (const auto job = stream.lock()) job->is_open = false;
  while (!pending.empty()) {
    Task task = std::move(pending.front());
    pending.pop_front();
    settle(std::move(task), Outcome(outcome));
  }
  for (std::optional<Task>& task : slots)
    if (task) settle(*std::exchange(task, std::nullopt), Outcome(outcome));
  handed_out = bytes_handed_out = 0;
}

// ---- The end ------------------------------------------------------------------------------------

void PoolState::close() {
  check_process("close");
  const std::lock_guard lock(mutex);
  if (condition == Condition::running) condition = Condition::closed;
}

void PoolState::join() {
  check_process("join");
  std::vector<std::shared_ptr<Job>> open;
  {
    const std::lock_guard lock(mutex);
    if (condition == Condition::running)
      throw UsageError(
          "Pool is still running: join() waits for its end, so close() it before, or "
          "terminate() it");
    if (std::ranges::count(callers, std::this_thread::get_id()) != 0)
      throw UsageError("Pool: join: it waits until all callbacks have returned, and this is one");
    for (const std::weak_ptr<Job>& stream : streams)
      if (auto job = stream.lock()) open.push_back(std::move(job));
  }
  for (const std::shared_ptr<Job>& job : open) read_ahead(job, all);
  wait(core::Deadline::never(), [this] { return is_idle(); });
  {
    const std::lock_guard lock(mutex);
    if (!memory.table->has_ended()) {
      memory.table->end();
      for (std::size_t i = 0; i < workers.size(); ++i) {
        memory.hints.put(Packet(wakes_only, std::span<const std::byte>()));
        ++hints_put;
      }
    }
  }
  for (Station& worker : workers) worker.process.join();
}

void PoolState::break_with(const std::string& why) {
  if (condition == Condition::broken || condition == Condition::terminated) return;
  condition = Condition::broken;
  why_broken = why;
  kill_workers();
  settle_all(as_outcome(WorkerDied(why)));
}

void PoolState::terminate() noexcept {
  {
    const std::lock_guard lock(mutex);
    condition = Condition::terminated;
    kill_workers();
    for (std::optional<Task>& task : slots)
      if (task) task->job->callbacks.clear();
    for (Task& task : pending) task.job->callbacks.clear();
    settle_all(as_outcome(UsageError("Pool not running: it was terminated before this was done")));
    wake_others();
  }
  for (Station& worker : workers) worker.process.join();
}

}  // namespace lagoon::detail
