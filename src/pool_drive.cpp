/// What a Pool's parent hands out and takes back, and which of its threads does that.

#include <lagoon/error.hpp>

#include <algorithm>

#include "pool_state.hpp"

namespace lagoon::detail {

// ---- What is handed out, and comes back ---------------------------------------------------------

void PoolState::put_hint(Task& task) {
  memory.hints.put(Packet(task.ticket, std::span<const std::byte>(task.chunk)));  // (2)
  task.hint = ++hints_put;
  task.hint_was_got = false;
}

void PoolState::hand_out() {
  if (condition == Condition::broken || condition == Condition::terminated) return;
  while (!pending.empty() && !free_slots.empty() &&
         (handed_out == 0 || bytes_handed_out < most_bytes)) {
    Task& task = pending.front();
    if (!task.job->is_given_up) {
      const std::size_t slot = free_slots.back();
      task.ticket = (++rounds * TaskTable::window + slot) & TaskTable::last_ticket;
      memory.table->offer(task.ticket);  // (1)
      try {
        put_hint(task);
        bytes_handed_out += task.chunk.size();
        ++handed_out;
        free_slots.pop_back();
        slots[slot] = std::move(task);
      } catch (const OutOfMemory&) {
        if (handed_out != 0) return;  // there will be some when these are done
        settle(std::move(task), Outcome(Outcome::bytes_of_current_exception()));
      }
    } else {
      settle(std::move(task), Outcome());
    }
    pending.pop_front();
  }
}

void PoolState::put_lost_hints() {
  if (handed_out == 0) return;
  const std::uint64_t got = hints_put - memory.hints.qsize();
  for (std::optional<Task>& task : slots) {
    if (!task) continue;
    const bool was_got = task->hint <= got;
    if (was_got && task->hint_was_got && memory.table->claimer(task->ticket) == TaskTable::nobody)
      put_hint(*task);
    else
      task->hint_was_got = was_got;
  }
}

void PoolState::absorb(Packet& packet) {
  if (packet.ticket() > TaskTable::last_ticket) {
    Decoder from(packet.own());
    const auto place = from.take<TaskTable::Worker>() - 1;
    if (packet.ticket() == has_begun) {
      workers.at(place).has_begun = true;
      workers[place].failed = 0;
    } else {
      try {
        Outcome(Bytes(packet.own().begin() + sizeof place, packet.own().end())).throw_if_failed();
      } catch (const std::exception& e) {
        break_with(std::string("the pool's initializer threw: ") + e.what());
      }
    }
    return;
  }
  const std::size_t slot = TaskTable::slot_of(packet.ticket());
  if (!slots[slot] || slots[slot]->ticket != packet.ticket()) return;  // done with
  Task task = *std::exchange(slots[slot], std::nullopt);
  free_slots.push_back(slot);
  --handed_out;
  bytes_handed_out -= task.chunk.size();
  settle(std::move(task), Outcome(std::move(packet.own())));
}

void PoolState::absorb_all() {
  while (auto packet = memory.results.try_get()) absorb(*packet);
}

// ---- Who drives ---------------------------------------------------------------------------------

void PoolState::drive(std::unique_lock<std::mutex>& lock, core::Deadline until) {
  {
    struct Turn {
      Turn(PoolState& its_pool, std::unique_lock<std::mutex>& its_lock)
          : pool(its_pool), lock(its_lock) {
        pool.is_driven = true;
      }
      Turn(const Turn&) = delete;
      Turn& operator=(const Turn&) = delete;
      ~Turn() {
        if (!lock.owns_lock()) lock.lock();
        pool.is_driven = false;
        pool.wake_others();
      }
      PoolState& pool;
      std::unique_lock<std::mutex>& lock;
    } const turn(*this, lock);

    // So many at a time that who waits for the first of them does not wait for long.
    constexpr std::size_t most = 64;
    std::vector<Packet> come;
    lock.unlock();
    if (auto first = memory.results.try_get_until(until)) {
      come.push_back(*std::move(first));
      while (come.size() < most) {
        auto another = memory.results.try_get();
        if (!another) break;
        come.push_back(*std::move(another));
      }
    }
    lock.lock();
    for (Packet& packet : come) absorb(packet);
    hand_out();
    if (core::Deadline::clock() >= next_look) look_at_workers();
  }
  std::exception_ptr thrown;
  while (!completed.empty()) {
    const std::shared_ptr<Job> job = std::move(completed.front());
    completed.pop_front();
    try {
      call_callbacks(lock, *job);
    } catch (...) {
      thrown = std::current_exception();
    }
  }
  if (thrown) std::rethrow_exception(thrown);
}

void PoolState::call_callbacks(std::unique_lock<std::mutex>& lock, Job& job) {
  std::exception_ptr thrown;
  const bool failed = std::ranges::any_of(job.outcomes, &Outcome::failed);
  callers.push_back(job.caller = std::this_thread::get_id());
  while (!job.callbacks.empty()) {
    const Job::Callback callback = std::move(job.callbacks.front());
    job.callbacks.pop_front();
    if (callback.if_successful == failed) continue;
    lock.unlock();
    try {
      callback.f(job.outcomes);
    } catch (...) {
      thrown = std::current_exception();
    }
    lock.lock();
  }
  callers.erase(std::ranges::find(callers, std::this_thread::get_id()));
  job.is_ready = true;
  wake_others();
  if (thrown) std::rethrow_exception(thrown);
}

void PoolState::sleep(std::unique_lock<std::mutex>& lock, core::Deadline until) {
  const std::uint32_t seen = changes.load(boost::memory_order_relaxed);
  ++sleeping;
  lock.unlock();
  core::futex_wait(&changes, seen, until);
  lock.lock();
  --sleeping;
}

void PoolState::wake_others() noexcept {
  changes.store(changes.load(boost::memory_order_relaxed) + 1, boost::memory_order_relaxed);
  if (sleeping != 0) core::futex_wake(&changes);
}

}  // namespace lagoon::detail
