/// Killed at every instruction: what semaphores, events, barriers and conditions leave to those who
/// share them. How, and how to add one: support/kill_everywhere.hpp.

#include <lagoon/lagoon.hpp>

#include <lagoon/core/parties.hpp>
#include <lagoon/core/wait_queue.hpp>

#include <gtest/gtest.h>
#include <sched.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "child.hpp"
#include "kill_everywhere.hpp"
#include "rendezvous.hpp"
#include "shared_table.hpp"

namespace {

using lagoon::BoundedSemaphore;
using lagoon::Event;
using lagoon::Semaphore;
using lagoon::core::Deadline;
using lagoon::core::Parties;
using Outcome = Parties::Outcome;
using lagoon::test::Child;
using lagoon::test::kill_everywhere;
using lagoon::test::Shared;
using lagoon::test::SharedTable;
using lagoon::test::wait_until;
using namespace std::chrono_literals;

TEST(SyncKilled, of_a_semaphores_acquire_and_release) {
  Semaphore semaphore{2};
  kill_everywhere({.name = "Semaphore acquire",
                   .run = [&] { (void)semaphore.acquire(); },
                   .after =
                       [&] {
                         const auto left = static_cast<int>(semaphore.get_value());
                         for (int i = left; i < 2; ++i) semaphore.release();
                         EXPECT_TRUE(semaphore.acquire(false) && semaphore.acquire(false));
                         EXPECT_FALSE(semaphore.acquire(false));
                         semaphore.release(2);
                         return 2 - left;
                       }});
  kill_everywhere({.name = "Semaphore release",
                   .before = [&] { (void)semaphore.acquire(); },
                   .run = [&] { semaphore.release(); },
                   .after =
                       [&] {
                         const auto now = static_cast<int>(semaphore.get_value());
                         if (now == 1) semaphore.release();
                         return now - 1;
                       }});
}

TEST(SyncKilled, of_a_semaphores_release_that_wakes) {
  Semaphore semaphore{0};
  std::optional<Child> waiter;
  kill_everywhere({.name = "Semaphore release to one who sleeps",
                   .before =
                       [&] {
                         waiter.emplace([&] { EXPECT_TRUE(semaphore.acquire()); });
                         wait_until([&] { return lagoon::test::is_asleep(waiter->pid()); },
                                    "the waiter slept");
                       },
                   .run = [&] { semaphore.release(); },
                   .after =
                       [&] {
                         // It had a permit, or gets this one.
                         semaphore.release();
                         EXPECT_EQ(waiter->exitcode(), 0);
                         return semaphore.acquire(false) ? 1 : 0;
                       }});
}

TEST(SyncKilled, of_a_bounded_semaphores_acquire_and_release) {
  BoundedSemaphore semaphore{2};
  Shared<std::atomic<int>> came;
  kill_everywhere({.name = "BoundedSemaphore acquire and release",
                   .done = 2,
                   .before = [&] { *came = 0; },
                   .enter =
                       [&] {
                         (void)semaphore.acquire();
                         semaphore.release();
                       },
                   .run =
                       [&] {
                         (void)semaphore.acquire();
                         *came = 1;
                         semaphore.release();
                         *came = 2;
                       },
                   .after =
                       [&] {
                         EXPECT_EQ(semaphore.get_value(), 2U) << "the dead have none";
                         EXPECT_TRUE(semaphore.acquire(false) && semaphore.acquire(false));
                         EXPECT_FALSE(semaphore.acquire(false));
                         semaphore.release();
                         semaphore.release();
                         EXPECT_THROW(semaphore.release(), lagoon::UsageError);
                         return came->load();
                       }});
}

TEST(SyncKilled, of_an_events_set_and_clear) {
  Event event;
  kill_everywhere({.name = "Event set",
                   .before = [&] { event.clear(); },
                   .run = [&] { event.set(); },
                   .after = [&] { return event.is_set() ? 1 : 0; }});
  kill_everywhere({.name = "Event clear",
                   .before = [&] { event.set(); },
                   .run = [&] { event.clear(); },
                   .after = [&] { return event.is_set() ? 0 : 1; }});
  std::optional<Child> waiter;
  kill_everywhere({.name = "Event set, of one who sleeps",
                   .before =
                       [&] {
                         event.clear();
                         waiter.emplace([&] { event.wait(); });
                         wait_until([&] { return lagoon::test::is_asleep(waiter->pid()); },
                                    "the waiter slept");
                       },
                   .run = [&] { event.set(); },
                   .after =
                       [&] {
                         const bool set = event.is_set();
                         if (!set) event.set();
                         EXPECT_EQ(waiter->exitcode(), 0);
                         return set ? 1 : 0;
                       }});
}

/// A barrier at which some wait when another one is killed.
class KilledAtBarrier {
 public:
  explicit KilledAtBarrier(unsigned parties, unsigned waiting, bool acts = false)
      : waiting_(waiting), acts_(acts), barrier_(table_.make<Parties>(0, *table_, parties)) {}

  /// `run` is killed.
  void kill(const std::string& name, int done, std::function<void(Parties&)> run) {
    kill_everywhere({.name = name,
                     .done = done,
                     .before = [this] { begin(); },
                     .enter = [this] { (void)table_->self(); },
                     .run = [&] { run(barrier_); },
                     .after = [this] { return look(); },
                     .shared = [this] { return table_.memory(); },
                     .steady = false});
  }
  /// One comes, and acts if it is the last.
  Outcome come() {
    Parties::Arrival arrival = barrier_.wait(Deadline::never(), acts_);
    if (arrival.outcome == Outcome::acts) arrival.outcome = barrier_.acted(arrival, true);
    return arrival.outcome;
  }

 private:
  void begin() {
    came_->store(Outcome::acts);  // not yet
    waiters_.clear();
    for (unsigned i = 0; i < waiting_; ++i) {
      waiters_.emplace_back([this] { came_->store(come()); });
      wait_until([this] { return lagoon::test::is_asleep(waiters_.back().pid()); }, "one waited");
    }
  }
  /// 0: the killed one had not come so far that it mattered; 1: the others were told that the
  /// barrier was broken; 2: they were let go.
  int look() {
    const bool alone = barrier_.waiting() == waiting_ && came_->load() == Outcome::acts;
    std::vector<Child> others;
    if (alone)
      for (unsigned i = waiting_; i < barrier_.count(); ++i)
        others.emplace_back([this] { (void)come(); });
    for (Child& waiter : waiters_) EXPECT_EQ(waiter.exitcode(), 0);
    for (Child& other : others) EXPECT_EQ(other.exitcode(), 0);
    EXPECT_TRUE(barrier_.reset());
    EXPECT_EQ(barrier_.waiting(), 0U);
    // And it works.
    std::vector<Child> next;
    for (unsigned i = 0; i < barrier_.count(); ++i)
      next.emplace_back([this] { EXPECT_EQ(come(), Outcome::passed); });
    for (Child& one : next) EXPECT_EQ(one.exitcode(), 0);
    if (came_->load() == Outcome::broken) return 1;
    EXPECT_EQ(came_->load(), Outcome::passed);
    return alone ? 0 : 2;
  }

  SharedTable table_{16};
  unsigned waiting_;
  bool acts_;
  Parties& barrier_;
  std::vector<Child> waiters_;
  Shared<std::atomic<Outcome>> came_;
};

TEST(SyncKilled, of_the_last_to_come_to_a_barrier) {
  for (const unsigned parties : {2U, 6U}) {
    KilledAtBarrier at(parties, parties - 1);
    at.kill("barrier of " + std::to_string(parties) + ", the last to come", 2,
            [&](Parties&) { (void)at.come(); });
  }
}
TEST(SyncKilled, of_the_one_who_acts_at_a_barrier) {
  KilledAtBarrier at(2, 1, true);
  at.kill("barrier, the last to come, who acts", 2, [&](Parties&) { (void)at.come(); });
}
TEST(SyncKilled, of_a_barriers_abort) {
  KilledAtBarrier(2, 1).kill("barrier, abort", 1, [](Parties& b) { (void)b.abort(); });
}
TEST(SyncKilled, of_a_barriers_reset) {
  for (const unsigned waiting : {1U, 5U})
    KilledAtBarrier(6, waiting)
        .kill("barrier with " + std::to_string(waiting) + " waiting, reset", 1,
              [](Parties& b) { (void)b.reset(); });
}
TEST(SyncKilled, of_one_whose_time_is_up_at_a_barrier) {
  KilledAtBarrier(3, 1).kill("barrier, one whose time is up", 1,
                             [](Parties& b) { (void)b.wait(Deadline::now(), false); });
}

/// A condition without its lock, which is held whenever it must be: nobody else is there.
class KilledAtCondition {
 public:
  using Waiter = lagoon::core::WaitQueue::Waiter;

  /// `run` is killed, while so many sleep; if it returns, so many of them have been told.
  void kill(const std::string& name, unsigned sleepers, int told,
            std::function<void(lagoon::core::WaitQueue&)> run) {
    kill_everywhere({.name = name,
                     .before = [this, sleepers] { begin(sleepers); },
                     .enter = [this] { (void)table_->self(); },
                     .run =
                         [&] {
                           run(queue_);
                           done_->store(1);
                         },
                     .after = [this, told] { return look(told); },
                     .shared = [this] { return table_.memory(); },
                     .steady = false});
  }

 private:
  void begin(unsigned sleepers) {
    done_->store(0);
    told_->store(0);
    sleepers_.clear();
    for (unsigned i = 0; i < sleepers; ++i) {
      sleepers_.emplace_back([this] {
        Waiter me(queue_);
        me.sleep(Deadline::never(), [] { return false; });
        while (busy_->exchange(true)) sched_yield();
        EXPECT_TRUE(me.leave());
        ++*told_;
        *busy_ = false;
      });
      wait_until([&] { return lagoon::test::is_asleep(sleepers_.back().pid()); }, "it slept");
    }
  }
  int look(int told) {
    if (done_->load() != 0) wait_until([&] { return told_->load() >= told; }, "those were told");
    // All of them can be told, and then nothing is left over.
    while (told_->load() < static_cast<int>(sleepers_.size())) {
      while (busy_->exchange(true)) sched_yield();
      queue_.notify_all();
      *busy_ = false;
    }
    for (Child& sleeper : sleepers_) EXPECT_EQ(sleeper.exitcode(), 0);
    sleepers_.clear();
    EXPECT_EQ(queue_.waiting(), 0U);
    Waiter late(queue_);
    late.sleep(Deadline::now(), [] { return false; });
    EXPECT_FALSE(late.leave());
    return done_->load();
  }

  SharedTable table_{16};
  lagoon::core::WaitQueue& queue_ = table_.make<lagoon::core::WaitQueue>(0, *table_, 8U);
  Shared<std::atomic<int>> done_;
  Shared<std::atomic<int>> told_;
  Shared<std::atomic<bool>> busy_;  // the lock, of those who are not killed
  std::vector<Child> sleepers_;
};

TEST(SyncKilled, of_a_conditions_notify) {
  KilledAtCondition().kill("condition, notify one of two", 2, 1, [](auto& q) { q.notify(1); });
  KilledAtCondition().kill("condition, notify one of all", 8, 1, [](auto& q) { q.notify(1); });
}
TEST(SyncKilled, of_a_conditions_notify_all) {
  KilledAtCondition().kill("condition, notify all of two", 2, 2, [](auto& q) { q.notify_all(); });
  KilledAtCondition().kill("condition, notify all of all", 8, 8, [](auto& q) { q.notify_all(); });
}
TEST(SyncKilled, of_one_whose_time_is_up_at_a_condition) {
  KilledAtCondition().kill("condition, one whose time is up", 1, 0, [](auto& q) {
    KilledAtCondition::Waiter me(q);
    me.sleep(Deadline::now(), [] { return false; });
    (void)me.leave();
  });
}

// Killed in recovery: one was told and died; who passes that on is killed. One who waited as well
// is told all the same.
TEST(SyncKilled, of_one_who_passes_on_what_a_dead_one_was_told) {
  SharedTable table(16);
  auto& queue = table.make<lagoon::core::WaitQueue>(0, *table, 8U);
  using Waiter = lagoon::core::WaitQueue::Waiter;
  std::optional<Child> dead;
  std::optional<Child> living;
  Shared<std::atomic<bool>> held;  // the lock, by who is killed
  Shared<std::atomic<bool>> done;
  kill_everywhere({.name = "condition, passing on what a dead one was told",
                   .before =
                       [&] {
                         *held = true;
                         *done = false;
                         const auto sleeper = [&](bool lives) {
                           return [&, lives] {
                             Waiter me(queue);
                             me.sleep(Deadline::never(), [] { return false; });
                             if (!lives) pause();  // told, and on its way
                             wait_until([&] { return !*held; }, "the lock was free");
                             EXPECT_TRUE(me.leave());
                           };
                         };
                         dead.emplace(sleeper(false));
                         wait_until([&] { return lagoon::test::is_asleep(dead->pid()); }, "slept");
                         living.emplace(sleeper(true));
                         wait_until([&] { return lagoon::test::is_asleep(living->pid()); },
                                    "slept");
                         living->stop();  // or it might take it over itself
                         queue.notify(1);
                         dead->kill_unreaped();
                       },
                   .enter = [&] { (void)table->self(); },
                   .run =
                       [&] {
                         queue.notify(0);
                         *done = true;
                       },
                   .after =
                       [&] {
                         *held = false;
                         living->resume();
                         EXPECT_EQ(living->exitcode(), 0);
                         queue.notify(8);  // frees what is left
                         EXPECT_EQ(queue.waiting(), 0U);
                         return *done ? 1 : 0;
                       },
                   .shared = [&] { return table.memory(); },
                   .steady = false});
}

// Told, and killed on its way: whoever waited as well is told in its place, unless it had gone on.
TEST(SyncKilled, of_one_who_was_notified) {
  SharedTable table(16);
  auto& queue = table.make<lagoon::core::WaitQueue>(0, *table, 8U);
  using Waiter = lagoon::core::WaitQueue::Waiter;
  Shared<std::atomic<int>> came;
  Shared<std::atomic<int>> heir;
  std::optional<Child> other;
  kill_everywhere({.name = "WaitQueue: notified, and goes",
                   .done = 3,
                   .before =
                       [&] {
                         *came = 0;
                         *heir = 0;
                       },
                   .enter = [&] { (void)table->self(); },
                   .run =
                       [&] {
                         Waiter me(queue);
                         *came = 1;
                         queue.notify(1);
                         *came = 2;
                         me.sleep(Deadline::never(), [] { return false; });
                         (void)me.leave();
                         *came = 3;
                       },
                   .after =
                       [&] {
                         // The queue is ours: its holder died.
                         EXPECT_EQ(queue.waiting(), 0U);
                         other.emplace([&] {
                           Waiter late(queue);
                           *heir = 1;
                           late.sleep(Deadline::after(20ms), [] { return false; });
                           if (late.leave()) *heir = 2;
                         });
                         EXPECT_EQ(other->exitcode(), 0);
                         EXPECT_EQ(heir->load(), 1) << "who came later has no part in it";
                         queue.notify(8);
                         EXPECT_EQ(queue.waiting(), 0U);
                         return came->load();
                       },
                   .shared = [&] { return table.memory(); },
                   .steady = false});
}

}  // namespace
