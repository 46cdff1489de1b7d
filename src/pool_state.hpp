#pragma once
/// A Pool in its parent: the calls, what is handed out, the workers. See docs/pool.md.

#include <lagoon/core/futex.hpp>
#include <lagoon/pool.hpp>
#include <lagoon/pool_call.hpp>
#include <lagoon/process.hpp>

#include <sys/types.h>

#include <array>
#include <boost/atomic/atomic.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "loaded_code.hpp"
#include "pool_worker.hpp"
#include "task_table.hpp"

namespace lagoon::detail {

/// One call. All but the source under the pool's mutex.
struct Job {
  explicit Job(std::shared_ptr<PoolState> its_pool) noexcept : pool(std::move(its_pool)) {}

  const std::shared_ptr<PoolState> pool;
  std::size_t left = 0;  ///< chunks that have no outcome yet

  // Of one whose results are wanted together:
  std::vector<Outcome> outcomes;  ///< of all chunks, in their order
  bool is_ready = false;          ///< nothing is left, and the callbacks have been called:
  struct Callback {
    std::function<void(const std::vector<Outcome>&)> f;
    bool if_successful;
  };
  std::deque<Callback> callbacks;
  std::thread::id caller{};  ///< who does that, for whom it is ready

  // Of one whose results are taken as they come:
  bool is_stream = false;
  bool in_order = true;
  bool is_open = false;                  ///< more chunks may follow
  bool is_given_up = false;              ///< nobody will look at what comes
  std::size_t read = 0;                  ///< chunks, so far
  std::size_t come = 0, taken = 0;       ///< of these
  std::map<std::size_t, Outcome> there;  ///< come and not taken, by their place in the order
  std::mutex source_mutex;               ///< to be locked before the pool's
  Source source;
  std::exception_ptr source_failed;

  [[nodiscard]] bool is_ready_for_caller() const noexcept {
    return is_ready || caller == std::this_thread::get_id();
  }
};

/// A chunk that has no outcome yet.
struct Task {
  std::shared_ptr<Job> job;
  std::size_t index;  ///< which of the job's
  Bytes chunk;
  int begun = 0;  ///< how often, by workers that were killed in the midst of it
  TaskTable::Ticket ticket = 0;
  std::uint64_t hint = 0;     ///< the number of its last one
  bool hint_was_got = false;  ///< at the last look
};

/// Of a worker, and its successors.
struct Station {
  Process process{};
  bool is_alive = false;   ///< as far as has been seen
  bool has_begun = false;  ///< to take tasks
  int failed = 0;          ///< how many in a row were killed before they did
};

struct PoolState {
  PoolState(const PoolOptions& options, std::function<void()> initializer);
  PoolState(const PoolState&) = delete;
  PoolState& operator=(const PoolState&) = delete;

  void begin_workers();
  /// Throws if it cannot be called here, or with that.
  void check_process(const char* method) const;
  void check_code(const char* method, const Code& wanted) const;

  /// Throws if it is not running.
  void submit(const char* method, const std::shared_ptr<Job>& job, std::vector<Bytes> chunks);
  void submit(const char* method, const std::shared_ptr<Job>& job, Source source, bool in_order);
  static constexpr std::size_t all = std::numeric_limits<std::size_t>::max();
  /// Reads the source until so many chunks have been read that were not taken.
  void read_ahead(const std::shared_ptr<Job>& job, std::size_t ahead);
  [[nodiscard]] std::size_t usual_ahead() const noexcept { return 16 + 4 * workers.size(); }

  /// Drives the pool, or waits for who does, until is_done(), which is called under the mutex;
  /// false if the time is over before. Looks once in any case.
  template <class IsDone>
  bool wait(core::Deadline until, const IsDone& is_done) {
    std::unique_lock lock(mutex);
    for (bool is_last = false;;) {
      if (is_done()) return true;
      if (is_last) return false;
      is_last = until.passed();
      if (!is_driven)
        drive(lock, is_last ? core::Deadline::now() : until.within(look_every));
      else if (!is_last)
        sleep(lock, until);
    }
  }

  void close();
  void terminate() noexcept;
  void join();
  [[nodiscard]] std::vector<pid_t> pids();

  // What follows wants the mutex held.
  void check_running(const char* method) const;
  void call_callbacks(std::unique_lock<std::mutex>& lock, Job& job);
  void drive(std::unique_lock<std::mutex>& lock, core::Deadline until);
  void sleep(std::unique_lock<std::mutex>& lock, core::Deadline until);
  void wake_others() noexcept;
  void absorb(Packet& packet);
  void absorb_all();
  void hand_out();
  void put_hint(Task& task);
  void put_lost_hints();
  void settle(Task task, Outcome outcome);
  void settle_all(const Bytes& outcome);
  void start_worker(std::size_t place);
  void look_at_workers();
  void bury(std::size_t place);
  void replace_workers();
  void kill_workers() noexcept;
  void break_with(const std::string& why);
  [[nodiscard]] bool is_idle() const noexcept {
    return pending.empty() && handed_out == 0 && completed.empty() && callers.empty();
  }

  /// How long a death may go unnoticed, when nothing comes.
  static constexpr std::chrono::milliseconds look_every{8};
  /// How many workers may be killed one after the other in the initializer.
  static constexpr int most_beginnings = 3;
  /// Of chunks that are handed out, unless it is only one.
  static constexpr std::size_t most_bytes = std::size_t{64} << 20;

  const PoolOptions options;
  const std::function<void()> initializer;
  const pid_t maker;
  PoolMemory memory;
  LoadedCode code;  // the workers'

  std::mutex mutex;
  // All that follows, under it.
  enum class Condition { running, closed, broken, terminated } condition = Condition::running;
  std::string why_broken;
  std::vector<Station> workers;  // their numbers are one more than their places
  unsigned started = 0;          // so far

  std::deque<Task> pending;  // not handed out yet
  std::array<std::optional<Task>, TaskTable::window> slots;
  std::vector<std::size_t> free_slots;
  std::size_t handed_out = 0, bytes_handed_out = 0;
  std::uint64_t rounds = 0;  // each ticket is of its own
  std::uint64_t hints_put = 0;
  std::int64_t next_look = 0;

  std::deque<std::shared_ptr<Job>> completed;  // whose callbacks are to be called
  std::vector<std::thread::id> callers;        // who call them
  std::vector<std::weak_ptr<Job>> streams;

  bool is_driven = false;
  unsigned sleeping = 0;  // until who drives has changed something:
  boost::atomic<std::uint32_t> changes{0};
};

}  // namespace lagoon::detail
