#include "../../../src/task_table.hpp"
#include "helpers.hpp"
#include "numbers.hpp"

#include <array>
#include <chrono>

namespace lagoon::test::model {

namespace {

using detail::TaskTable;

/// What a Pool's parent and its workers share, and the steps that they make with it: those of
/// src/pool_drive.cpp, pool_workers.cpp and pool_worker.cpp, with the numbers of docs/pool.md. The
/// parent is thread 0, worker w is thread w.
class SharedTasks {
 public:
  SharedTasks(Trial& trial, TaskTable::Worker workers)
      : table_(&trial.make<TaskTable>()), hints_(trial), results_(trial), workers_(workers) {}

  /// The parent, until it has the results of so many tasks.
  void drive(TaskTable::Ticket tasks) const {
    for (TaskTable::Ticket ticket = 1; ticket <= tasks; ++ticket) {
      table_->offer(ticket);  // (1)
      put_hint(ticket);       // (2)
    }
    // It comes to look at any time: here a few times at once, and then as seldom as it does.
    for (int looks = 0; parent_->done < tasks; ++looks) {
      if (const auto ticket = results_.get(
              looks < 3 ? Deadline::now() : Deadline::after(std::chrono::milliseconds(8))))
        absorb(*ticket);
      else
        look_at_workers(tasks);
    }
    for (TaskTable::Worker w = 1; w <= workers_; ++w) hints_.put(wakes_only);
  }

  void work(TaskTable::Worker me, bool dies_of_its_first = false) const {
    for (;;) {
      const auto hint = hints_.get();  // (3)
      if (hint == wakes_only) return;
      if (!table_->claim(*hint, me)) continue;  // (4)
      run(*hint, me);
      results_.put(*hint);  // (5)
      runs_->has_result[*hint] = true;
      if (dies_of_its_first) kill(self());
    }
  }

  void expect_each_was_done(TaskTable::Ticket tasks, std::uint64_t deaths) const {
    std::uint64_t begun = 0;
    for (TaskTable::Ticket ticket = 1; ticket <= tasks; ++ticket) begun += runs_->begun[ticket];
    expect(begun >= tasks && begun <= tasks + deaths, "one is begun again, for each death");
  }

 private:
  static constexpr std::uint64_t wakes_only = 9;

  /// The parent's own memory.
  struct Parent {
    std::uint64_t hints_put = 0, done = 0;
    std::array<std::uint64_t, 4> hint{};
    std::array<bool, 4> hint_was_got{}, is_done{};
    std::array<bool, most_threads> is_buried{};
  };
  /// Who has begun a task last, how often one has, and whether one has come to its end.
  struct Runs {
    std::array<TaskTable::Worker, 4> by{};
    std::array<std::uint64_t, 4> begun{};
    std::array<bool, 4> has_result{};
  };

  void put_hint(TaskTable::Ticket ticket) const {
    hints_.put(ticket);
    parent_->hint[ticket] = ++parent_->hints_put;
    parent_->hint_was_got[ticket] = false;
  }
  void absorb(TaskTable::Ticket ticket) const {
    expect(!parent_->is_done[ticket], "done twice");
    parent_->is_done[ticket] = true;
    ++parent_->done;
  }
  void look_at_workers(TaskTable::Ticket tasks) const {
    pause();  // a call of the kernel, meanwhile others go on
    for (TaskTable::Worker w = 1; w <= workers_; ++w) {
      if (!was_killed(static_cast<unsigned>(w)) || parent_->is_buried[w]) continue;
      see_end(static_cast<unsigned>(w));
      parent_->is_buried[w] = true;
      while (const auto ticket = results_.get(Deadline::now())) absorb(*ticket);
      for (TaskTable::Ticket ticket = 1; ticket <= tasks; ++ticket) {
        if (parent_->is_done[ticket] || table_->claimer(ticket) != w) continue;  // (7)
        table_->offer(ticket);
        put_hint(ticket);
      }
    }
    const std::uint64_t got = parent_->hints_put - hints_->size();
    for (TaskTable::Ticket ticket = 1; ticket <= tasks; ++ticket) {
      if (parent_->is_done[ticket]) continue;
      const bool was_got = parent_->hint[ticket] <= got;
      if (was_got && parent_->hint_was_got[ticket] && table_->claimer(ticket) == TaskTable::nobody)
        put_hint(ticket);
      else
        parent_->hint_was_got[ticket] = was_got;
    }
  }
  void run(TaskTable::Ticket ticket, TaskTable::Worker me) const {
    const TaskTable::Worker before = runs_->by[ticket];
    expect(before == TaskTable::nobody || was_killed(static_cast<unsigned>(before)),
           "two have claimed it");
    expect(!runs_->has_result[ticket], "begun again, though it was done");
    runs_->by[ticket] = me;
    ++runs_->begun[ticket];
  }

  TaskTable* table_;
  Numbers hints_, results_;
  TaskTable::Worker workers_;
  std::shared_ptr<Parent> parent_ = truth<Parent>();
  std::shared_ptr<Runs> runs_ = truth<Runs>();
};

/// One of two workers may be killed: the task is done, and begun again only for a death.
void pool_whose_worker_is_killed(Trial& trial) {
  constexpr TaskTable::Ticket tasks = 1;
  const SharedTasks shared(trial, 2);
  trial.thread([=] { shared.drive(tasks); });
  trial.thread([=] { shared.work(1); }, true);
  trial.thread([=] { shared.work(2); });
  trial.afterwards([=] { shared.expect_each_was_done(tasks, was_killed(1)); });
}

/// What it has put counts, although the parent sees it after its end.
void pool_whose_worker_dies_with_its_result(Trial& trial) {
  constexpr TaskTable::Ticket tasks = 1;
  const SharedTasks shared(trial, 2);
  trial.thread([=] { shared.drive(tasks); });
  trial.thread([=] { shared.work(1, true); });
  trial.thread([=] { shared.work(2); });
  trial.afterwards([=] { shared.expect_each_was_done(tasks, 0); });
}

}  // namespace

std::vector<Named> of_pools() {
  return {{"pool_whose_worker_is_killed", pool_whose_worker_is_killed},
          {"pool_whose_worker_dies_with_its_result", pool_whose_worker_dies_with_its_result}};
}

}  // namespace lagoon::test::model
