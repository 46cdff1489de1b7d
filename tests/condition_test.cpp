#include <lagoon/array.hpp>
#include <lagoon/condition.hpp>
#include <lagoon/print.hpp>
#include <lagoon/segment.hpp>
#include <lagoon/value.hpp>

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

#include "child.hpp"
#include "expect_throw.hpp"
#include "rendezvous.hpp"
#include "sanitizers.hpp"
#include "shm_name.hpp"
#include "stepped.hpp"
#include "ticking.hpp"

namespace {

using lagoon::Condition;
using lagoon::Gone;
using lagoon::InvalidArgument;
using lagoon::Lock;
using lagoon::OutOfMemory;
using lagoon::RLock;
using lagoon::Segment;
using lagoon::UsageError;
using lagoon::Value;
using lagoon::test::Child;
using lagoon::test::expect_throw;
using lagoon::test::Shared;
using lagoon::test::SharedFlags;
using lagoon::test::ShmName;
using lagoon::test::wait_until;
using lagoon::test::with_asan;
using lagoon::test::with_tsan;
using namespace std::chrono_literals;
using std::chrono::steady_clock;

void await_waiting(const Condition& condition, std::size_t count) {
  wait_until([&] { return condition.n_waiting() == count; }, std::to_string(count) + " waited");
}

/// Children that each wait once, and in which order they were told.
class Waiters {
 public:
  Waiters(Condition& condition, unsigned count) : condition_(condition) { add(count); }
  void add(unsigned count) {
    for (unsigned i = 0; i < count; ++i) {
      const unsigned who = static_cast<unsigned>(children.size());
      children.emplace_back([&, who] {
        const std::scoped_lock guard(condition_);
        condition_.wait();
        books_->order[books_->told++] = who;
      });
      await_waiting(condition_, children.size() - told());
    }
  }
  [[nodiscard]] unsigned told() const { return books_->told; }
  [[nodiscard]] std::vector<unsigned> order() const {
    return {books_->order, books_->order + books_->told};
  }
  void await_told(unsigned count) {
    wait_until([&] { return told() >= count; }, std::to_string(count) + " were told");
    EXPECT_EQ(told(), count);
  }
  void notify(long long count) {
    const std::scoped_lock guard(condition_);
    condition_.notify(count);
  }
  std::vector<Child> children;

 private:
  struct Books {
    std::atomic<unsigned> told{0};
    unsigned order[128] = {};
  };
  Condition& condition_;
  const Shared<Books> books_;
};

// ---- The lock ---------------------------------------------------------------------------------

TEST(Condition, is_its_lock) {
  Condition condition;
  EXPECT_TRUE(condition.acquire());
  EXPECT_TRUE(condition.is_mine());
  EXPECT_TRUE(condition.acquire(false)) << "an RLock";
  Child child([&] {
    EXPECT_FALSE(condition.acquire(false));
    EXPECT_FALSE(condition.try_lock_for(1ms));
    expect_throw<UsageError>([&] { condition.release(); }, {"a Condition", "not held"});
  });
  EXPECT_EQ(child.exitcode(), 0);
  condition.release();
  condition.release();
  EXPECT_FALSE(condition.is_mine());
  {
    const std::scoped_lock guard(condition);
    EXPECT_TRUE(condition.is_mine());
  }
  expect_throw<UsageError>([&] { condition.unlock(); });
}

TEST(Condition, without_its_lock_neither_waits_nor_notifies) {
  Lock lock;
  RLock rlock;
  Condition own;
  Condition with_lock{lock};
  Condition with_rlock{rlock};
  for (Condition* condition : {&own, &with_lock, &with_rlock}) {
    expect_throw<UsageError>([&] { condition->wait(); }, {"a Condition", "acquire it first"});
    expect_throw<UsageError>([&] { (void)condition->wait(1ms); });
    expect_throw<UsageError>([&] { (void)condition->wait_for([] { return false; }); });
    expect_throw<UsageError>([&] { condition->notify(); }, {"notify"});
    expect_throw<UsageError>([&] { condition->notify_all(); });
  }
  ASSERT_TRUE(lock.acquire());
  std::thread([&] { expect_throw<UsageError>([&] { with_lock.notify(); }); }).join();
  with_lock.notify();
  lock.release();
}

TEST(Condition, a_wait_gives_every_level_back_and_gets_as_many) {
  Condition condition;
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(condition.acquire());
  Child child([&] {
    const std::scoped_lock guard(condition);  // when the parent waits
    condition.notify();
  });
  condition.wait();
  EXPECT_EQ(child.exitcode(), 0);
  for (int i = 0; i < 3; ++i) condition.release();
  expect_throw<UsageError>([&] { condition.release(); });
}

/// Ping and pong under any lock.
template <class L>
void ping_pong(L& lock) {
  constexpr int rounds = with_tsan || with_asan ? 50 : 500;
  Condition condition{lock};
  Shared<int> turn{0};
  const auto play = [&](int me) {
    for (int i = 0; i < rounds; ++i) {
      std::unique_lock guard(lock);
      condition.wait_for([&] { return *turn == me; });
      *turn = 1 - me;
      condition.notify();
    }
  };
  Child child([&] { play(1); });
  play(0);
  EXPECT_EQ(child.exitcode(), 0);
}

TEST(Condition, goes_with_every_lock) {
  Lock lock;
  ping_pong(lock);
  RLock rlock;
  ping_pong(rlock);
  Value<int, lagoon::mode::locked> value{0};
  ping_pong(value.get_lock());
  lagoon::Array<int, lagoon::mode::locked_by<Lock>> array(3);
  ping_pong(array.get_lock());
  lagoon::Shared<lagoon::locks::RobustLock> in_place;
  ping_pong(*in_place);
}

TEST(Condition, waits_by_the_standard_librarys_names_too) {
  Lock lock;
  Condition condition{lock};
  {
    std::unique_lock guard(lock);
    EXPECT_FALSE(condition.wait_for(guard, 1ms));
    EXPECT_FALSE(condition.wait_for(guard, 1ms, [] { return false; }));
    EXPECT_TRUE(condition.wait_for(guard, 1ms, [] { return true; }));
    EXPECT_FALSE(condition.wait_until(guard, steady_clock::now()));
    EXPECT_TRUE(condition.wait_until(guard, steady_clock::now(), [] { return true; }));
    condition.wait(guard, [] { return true; });
    condition.notify_one();
  }
  Child child([&] {
    std::unique_lock guard(lock);
    condition.wait(guard);
  });
  await_waiting(condition, 1);
  {
    const std::scoped_lock guard(lock);
    condition.notify_one();
  }
  EXPECT_EQ(child.exitcode(), 0);

  Lock other;
  std::unique_lock wrong(other);
  expect_throw<UsageError>([&] { condition.wait(wrong); }, {"guard"});
  std::unique_lock open(lock, std::defer_lock);
  expect_throw<UsageError>([&] { condition.wait(open); }, {"guard"});
  Condition own;
  std::unique_lock guard(own);
  EXPECT_FALSE(own.wait_for(guard, 1ms));
}

// ---- Waiting and notifying --------------------------------------------------------------------

TEST(Condition, a_timeout_that_passes_says_so_and_not_before_its_time) {
  Condition condition;
  const std::scoped_lock guard(condition);
  const auto begin = steady_clock::now();
  EXPECT_FALSE(condition.wait(20ms));
  EXPECT_GE(steady_clock::now() - begin, 20ms);
  EXPECT_FALSE(condition.wait_until(steady_clock::now() + 5ms));
  for (const auto d : {0ms, -1ms, std::chrono::milliseconds::min()})
    EXPECT_FALSE(condition.wait(d));
  EXPECT_GE(steady_clock::now() - begin, 25ms);
  EXPECT_EQ(condition.n_waiting(), 0U);
  EXPECT_TRUE(condition.is_mine());
}

TEST(Condition, wait_for_says_what_its_predicate_says) {
  Condition condition;
  const std::scoped_lock guard(condition);
  EXPECT_EQ(condition.wait_for([] { return 5; }, 0ms), 5);
  EXPECT_EQ(condition.wait_for([] { return 0; }, 1ms), 0);
  int calls = 0;
  EXPECT_TRUE(condition.wait_for([&] { return ++calls == 2; }, 1ms)) << "once more at the end";
}

TEST(Condition, a_timeout_too_long_to_count_never_comes) {
  Condition condition;
  std::vector<Child> children;
  for (int i = 0; i < 2; ++i)
    children.emplace_back([&, i] {
      const std::scoped_lock guard(condition);
      EXPECT_TRUE(i == 0 ? condition.wait(std::chrono::hours::max())
                         : condition.wait_until(steady_clock::time_point::max()));
    });
  await_waiting(condition, 2);
  {
    const std::scoped_lock guard(condition);
    condition.notify_all();
  }
  for (Child& child : children) EXPECT_EQ(child.exitcode(), 0);
}

TEST(Condition, tells_as_many_as_it_is_told_the_longest_first) {
  Condition condition;
  Waiters waiters(condition, 8);
  EXPECT_EQ(lagoon::str(condition), "<Condition(waiters=8)>");
  waiters.notify(0);
  waiters.notify(1);
  waiters.await_told(1);
  waiters.notify(3);
  waiters.await_told(4);
  EXPECT_EQ(condition.n_waiting(), 4U);
  waiters.add(2);
  waiters.notify(100);
  for (Child& child : waiters.children) EXPECT_EQ(child.exitcode(), 0);
  const std::vector<unsigned> order = waiters.order();
  EXPECT_EQ(order.at(0), 0U);
  for (unsigned i = 1; i < 4; ++i) EXPECT_LT(order.at(i), 4U);
  waiters.notify(1);  // nobody: it is not kept
  const std::scoped_lock guard(condition);
  EXPECT_FALSE(condition.wait(0ms));
}

TEST(Condition, notify_all_tells_all_of_sixty_four) {
  Condition condition;
  std::vector<Child> children;
  for (int i = 0; i < 64; ++i)
    children.emplace_back([&] {
      const std::scoped_lock guard(condition);
      condition.wait();
    });
  await_waiting(condition, 64);
  {
    const std::scoped_lock guard(condition);
    condition.notify_all();
  }
  for (Child& child : children) EXPECT_EQ(child.exitcode(), 0);
}

TEST(Condition, negative_numbers_are_InvalidArgument) {
  Condition condition;
  const std::scoped_lock guard(condition);
  expect_throw<InvalidArgument>([&] { condition.notify(-1); }, {"a Condition", "-1"});
}

// A waiter whose time was up at the moment in which it was told was told.
TEST(Condition, timeouts_lose_no_notification) {
  constexpr int items = with_tsan || with_asan ? 100 : 1000;
  Condition condition;
  struct Books {
    int items = 0;
    int taken = 0;
    bool over = false;
  };
  const Shared<Books> books;
  std::vector<Child> takers;
  for (int i = 0; i < 4; ++i)
    takers.emplace_back([&, i] {
      const std::scoped_lock guard(condition);
      while (!books->over) {
        if (i % 2 == 0)
          condition.wait();
        else if (!condition.wait(10us))
          continue;
        if (books->items > 0) {  // one notification, one item
          --books->items;
          ++books->taken;
        }
      }
    });
  for (int i = 0; i < items; ++i) {
    wait_until(
        [&] {
          const std::scoped_lock guard(condition);
          if (condition.n_waiting() == 0) return false;
          ++books->items;
          condition.notify();
          return true;
        },
        "somebody waited");
  }
  wait_until(
      [&] {
        const std::scoped_lock guard(condition);
        return books->items == 0;
      },
      "each notification had found its taker");
  {
    const std::scoped_lock guard(condition);
    EXPECT_EQ(books->taken, items);
    books->over = true;
    condition.notify_all();
  }
  for (Child& child : takers) EXPECT_EQ(child.exitcode(), 0);
}

TEST(Condition, has_room_for_as_many_as_it_was_made_for) {
  RLock lock;
  Condition condition{lock, 2};
  Waiters waiters(condition, 2);
  {
    const std::scoped_lock guard(condition);
    expect_throw<OutOfMemory>([&] { condition.wait(); }, {"all 2 places"});
    EXPECT_TRUE(condition.is_mine());
  }
  waiters.notify(2);
  for (Child& child : waiters.children) EXPECT_EQ(child.exitcode(), 0);
  Waiters again(condition, 2);
  again.notify(2);
  for (Child& child : again.children) EXPECT_EQ(child.exitcode(), 0);
  expect_throw<InvalidArgument>([&] { Condition none(lock, 0); }, {"1 to 16384"});
}

// ---- Killed -----------------------------------------------------------------------------------

TEST(Condition, the_dead_are_passed_over) {
  Condition condition;
  Waiters waiters(condition, 4);
  waiters.children[0].kill_unreaped();
  waiters.children[1].kill_unreaped();
  EXPECT_EQ(condition.n_waiting(), 2U);
  waiters.notify(1);
  waiters.await_told(1);
  EXPECT_EQ(waiters.order(), std::vector<unsigned>{2});
  waiters.notify(1);
  EXPECT_EQ(waiters.children[3].exitcode(), 0);
  const std::scoped_lock guard(condition);
  EXPECT_FALSE(condition.wait(0ms)) << "nothing is left over";
}

TEST(Condition, the_places_of_the_dead_are_used_again) {
  RLock lock;
  Condition condition{lock, 2};
  for (int round = 0; round < 10; ++round) {
    Waiters waiters(condition, 2);
    for (Child& child : waiters.children) child.kill_unreaped();
  }
  Waiters waiters(condition, 2);
  waiters.notify(2);
  for (Child& child : waiters.children) EXPECT_EQ(child.exitcode(), 0);
}

// Told, and killed before it could go on: it has not taken the notification from the others.
TEST(Condition, what_a_dead_one_was_told_passes_to_one_who_waited_then) {
  for (const bool somebody_comes_with_the_lock : {false, true}) {
    SCOPED_TRACE(somebody_comes_with_the_lock ? "by the lock's holder" : "by a sleeper");
    Condition condition;
    Waiters waiters(condition, 3);
    waiters.children[0].stop();
    {
      const std::scoped_lock guard(condition);
      condition.notify();  // the first one, which does not go on
      waiters.children[0].kill_unreaped();
      // One who comes after that has no part in it; it waits with the lock held by us.
    }
    Child late([&] {
      const std::scoped_lock guard(condition);
      EXPECT_FALSE(condition.wait(100ms));
    });
    if (somebody_comes_with_the_lock) {
      wait_until(
          [&] {
            const std::scoped_lock guard(condition);
            condition.notify(0);
            return waiters.told() == 1;
          },
          "it was passed on");
    }
    waiters.await_told(1);
    EXPECT_EQ(late.exitcode(), 0);
    EXPECT_EQ(waiters.told(), 1U) << "once";
    waiters.notify(1);
    for (const std::size_t i : {1U, 2U}) EXPECT_EQ(waiters.children[i].exitcode(), 0);
  }
}

TEST(Condition, and_from_one_who_inherited_it_and_died) {
  Condition condition;
  Waiters waiters(condition, 4);
  for (const std::size_t i : {0U, 1U, 2U, 3U}) waiters.children[i].stop();
  {
    const std::scoped_lock guard(condition);
    condition.notify();
    waiters.children[0].kill_unreaped();
    waiters.children[1].resume();  // inherits, and waits for the lock
    wait_until([&] { return condition.n_waiting() == 3; }, "the dead one counts no more");
    waiters.children[1].kill_unreaped();
  }
  waiters.children[2].resume();
  waiters.children[3].resume();
  waiters.await_told(1);
}

TEST(Condition, what_was_told_to_a_dead_one_when_nobody_waited_is_forgotten) {
  Condition condition;
  Waiters waiters(condition, 1);
  waiters.children[0].stop();
  waiters.notify(1);
  waiters.children[0].kill_unreaped();
  Waiters late(condition, 1);
  {
    const std::scoped_lock guard(condition);
    EXPECT_FALSE(condition.wait(50ms));
  }
  EXPECT_EQ(late.told(), 0U);
}

TEST(Condition, a_lock_whose_holder_died_passes_on_to_one_who_waits) {
  Lock lock;
  Condition condition{lock};
  SharedFlags flags;
  Child waits([&] {
    const std::scoped_lock guard(lock);
    condition.wait();
    EXPECT_TRUE(lock.owner_died());
    lock.mark_consistent();
  });
  await_waiting(condition, 1);
  Child notifies([&] {
    lock.lock();
    condition.notify();
    raise(SIGKILL);
  });
  EXPECT_EQ(notifies.exitcode(), -SIGKILL);
  EXPECT_EQ(waits.exitcode(), 0);
}

TEST(Condition, keeps_the_news_of_a_holder_who_died_for_all_who_wait_or_use_guards) {
  Condition own;
  Lock lock;
  Condition given{lock};
  for (Condition* condition : {&own, &given}) {
    SCOPED_TRACE(condition == &own ? "its own lock" : "a lock that was given");
    Child waits([&] {
      const std::scoped_lock guard(*condition);
      condition->wait();
      EXPECT_TRUE(condition->owner_died());
    });
    await_waiting(*condition, 1);
    Child notifies([&] {
      condition->lock();
      condition->notify();
      raise(SIGKILL);
    });
    EXPECT_EQ(notifies.exitcode(), -SIGKILL);
    EXPECT_EQ(waits.exitcode(), 0);
    EXPECT_TRUE(condition->owner_died()) << "until somebody says that all is well";
    expect_throw<UsageError>([&] { condition->mark_consistent(); }, {"does not hold"});
    const std::scoped_lock guard(*condition);
    condition->mark_consistent();
    EXPECT_FALSE(condition->owner_died());
  }
}

TEST(Condition, what_a_dead_one_was_told_passes_to_one_who_is_interrupted_all_the_time) {
  Condition condition;
  Child dies([&] {
    const std::scoped_lock guard(condition);
    condition.wait();
  });
  await_waiting(condition, 1);
  Child interrupted([&] {
    const lagoon::test::Ticking ticking(1ms);
    const std::scoped_lock guard(condition);
    EXPECT_TRUE(condition.wait());
  });
  await_waiting(condition, 2);
  dies.stop();
  {
    const std::scoped_lock guard(condition);
    condition.notify();
  }
  dies.kill();
  EXPECT_EQ(interrupted.exitcode(), 0);
}

// Producers and consumers, killed at random; what was put is taken, by somebody.
TEST(Condition, waiters_and_notifiers_killed_at_random_hang_nobody) {
  constexpr unsigned seed = 20261127;
  std::mt19937 random(seed);
  Condition condition;
  Value<int, lagoon::mode::raw> items{0};
  const auto consume = [&] {
    return Child([&] {
      for (;;) {
        const std::scoped_lock guard(condition);
        condition.wait_for([&] { return items.get() > 0; });
        items.set(items.get() - 1);
      }
    });
  };
  std::vector<Child> consumers;
  for (int i = 0; i < 4; ++i) consumers.push_back(consume());
  for (int round = 0; round < 300; ++round) {
    {
      const std::scoped_lock guard(condition);
      items.set(items.get() + 1);
      condition.notify();
    }
    for (auto spin = random() % 20'000; spin != 0; --spin) asm volatile("");
    const std::size_t victim = random() % consumers.size();
    consumers[victim].kill_unreaped();
    wait_until(
        [&] {
          const std::scoped_lock guard(condition);
          // It had gone on, and died with the lock before it took the item: that the lock tells,
          // and nobody has the notification any more.
          if (condition.owner_died()) {
            condition.mark_consistent();
            condition.notify();
          }
          return items.get() == 0;
        },
        "another took it");
    consumers[victim] = consume();
  }
}

// ---- In a segment -----------------------------------------------------------------------------

TEST(Condition, named_is_one_for_all_who_open_it) {
  const ShmName name;
  const Segment segment = Segment::create(name);
  Lock lock{segment["l"]};
  Condition condition{segment["c"], lock};
  Child child([&] {
    const Segment same = Segment::open(name);
    Lock own_lock{same["l"]};
    Condition own{same["c"], own_lock};
    const std::scoped_lock guard(own_lock);
    own.wait();
  });
  await_waiting(condition, 1);
  {
    const std::scoped_lock guard(lock);
    condition.notify();
  }
  EXPECT_EQ(child.exitcode(), 0);
  expect_throw<lagoon::TypeMismatch>([&] { Condition other(segment["c"], lock, 7); },
                                     {"'c'", "Condition"});
}

TEST(Condition, its_lock_erased_it_lets_all_go) {
  const ShmName name;
  const Segment segment = Segment::create(name);
  Lock lock{segment["l"]};
  Condition condition{segment["c"], lock};
  const auto wait_in_vain = [&](auto wait) {
    return Child([&, wait] {
      expect_throw<Gone>(
          [&] {
            const std::scoped_lock guard(lock);
            wait();
          },
          {"the lock of 'c'", "erased"});
    });
  };
  Child for_ever = wait_in_vain([&] { condition.wait(); });
  Child for_long = wait_in_vain([&] { (void)condition.wait(1h); });
  await_waiting(condition, 2);
  EXPECT_TRUE(segment.erase("l"));
  EXPECT_EQ(for_ever.exitcode(), 0);
  EXPECT_EQ(for_long.exitcode(), 0);
}

TEST(Condition, named_is_opened_with_the_lock_that_it_was_made_with) {
  const ShmName name;
  const Segment segment = Segment::create(name);
  Lock lock{segment["l"]};
  Lock another{segment["another"]};
  Lock elsewhere;
  const Condition with{segment["with"], lock};
  const Condition without{segment["without"]};
  EXPECT_NO_THROW(Condition c(segment["with"], lock));
  EXPECT_NO_THROW(Condition c(segment["without"]));
  EXPECT_TRUE(segment.find<Condition>("without"));
  using lagoon::TypeMismatch;
  expect_throw<TypeMismatch>([&] { Condition c(segment["with"], another); }, {"'with'", "another"});
  expect_throw<lagoon::InvalidArgument>([&] { Condition c(segment["with"], elsewhere); },
                                        {"'with'", "same segment"});
  expect_throw<lagoon::InvalidArgument>([&] { Condition c(segment["new"], elsewhere); },
                                        {"'new'", "same segment"});
  EXPECT_FALSE(segment.find<Condition>("new")) << "its name is not taken";
  expect_throw<TypeMismatch>([&] { Condition c(segment["with"]); }, {"'with'", "of its own"});
  expect_throw<TypeMismatch>([&] { (void)segment.find<Condition>("with"); }, {"'with'"});
  expect_throw<TypeMismatch>([&] { Condition c(segment["without"], lock); }, {"'without'"});
  // Wherever it is mapped.
  Child child([&] {
    const Segment again = Segment::open(name);
    Lock same{again["l"]};
    EXPECT_NO_THROW(Condition c(again["with"], same));
  });
  EXPECT_EQ(child.exitcode(), 0);
}

TEST(Condition, goes_on_when_its_handle_and_that_of_its_lock_move) {
  struct Queue {
    Lock lock;
    Condition changed{lock};
  };
  auto before = std::make_unique<Queue>();
  Queue after = std::move(*before);
  before.reset();
  Child waiter([&] {
    std::unique_lock guard(after.lock);
    after.changed.wait(guard);
  });
  await_waiting(after.changed, 1);
  const std::scoped_lock guard(after.lock);
  after.changed.notify();
  EXPECT_FALSE(after.lock.try_lock());
}

TEST(Condition, erased_it_lets_all_go) {
  for (const bool own : {true, false}) {
    const ShmName name;
    const Segment segment = Segment::create(name);
    Lock lock(segment["l"]);
    const auto open = [&] { return own ? Condition(segment["c"]) : Condition(segment["c"], lock); };
    Condition condition = open();
    std::vector<Child> waiters;
    for (int i = 0; i < 3; ++i)
      waiters.emplace_back([&] {
        expect_throw<Gone>(
            [&] {
              const std::scoped_lock guard(condition);  // lets go of what is gone, and says nothing
              condition.wait();
            },
            {"'c'", "erased"});
      });
    await_waiting(condition, 3);
    EXPECT_TRUE(segment.erase("c"));
    for (Child& waiter : waiters) EXPECT_EQ(waiter.exitcode(), 0);
    EXPECT_TRUE(condition.gone());
    if (own) {
      expect_throw<Gone>([&] { (void)condition.acquire(); }, {"'c'"});
    } else {
      EXPECT_FALSE(lock.acquire().owner_died())
          << "they had it again, and their guards gave it back";
      expect_throw<Gone>([&] { condition.notify(); });
    }
  }
}

}  // namespace
