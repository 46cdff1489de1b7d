/// What every lock of locks/ has in common: the interface, that one is inside at a time, and that
/// Value and Array can be guarded by it. What only some promise has tests of its own beside this.

#include <lagoon/array.hpp>
#include <lagoon/condition.hpp>
#include <lagoon/locks/boost_mutex.hpp>
#include <lagoon/locks/futex_mutex.hpp>
#include <lagoon/locks/mcs.hpp>
#include <lagoon/locks/posix_semaphore.hpp>
#include <lagoon/locks/pthread_mutex.hpp>
#include <lagoon/locks/pthread_rwlock.hpp>
#include <lagoon/locks/pthread_spin.hpp>
#include <lagoon/locks/reader_writer.hpp>
#include <lagoon/locks/robust.hpp>
#include <lagoon/locks/seqlock.hpp>
#include <lagoon/locks/ticket.hpp>
#include <lagoon/locks/ttas.hpp>
#include <lagoon/segment.hpp>
#include <lagoon/value.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <thread>
#include <vector>

#include "child.hpp"
#include "expect_throw.hpp"
#include "rendezvous.hpp"
#include "sanitizers.hpp"
#include "shm_name.hpp"

namespace {

namespace locks = lagoon::locks;
namespace mode = lagoon::mode;
using lagoon::test::Child;
using lagoon::test::expect_throw;
using lagoon::test::Rendezvous;
using lagoon::test::Shared;
using lagoon::test::SharedFlags;
using lagoon::test::ShmName;
using lagoon::test::with_asan;
using lagoon::test::with_tsan;
using namespace std::chrono_literals;
using std::chrono::steady_clock;

template <class L>
class EveryLock : public testing::Test {
 protected:
  lagoon::Shared<L> lock_;
};
struct Names {
  template <class L>
  static std::string GetName(int) {
    return std::string(lagoon::type_name<L>);
  }
};
using All = testing::Types<locks::RobustLock, locks::RobustRecursiveLock, locks::ReaderWriterLock,
                           locks::TtasLock, locks::TicketLock, locks::McsLock, locks::FutexMutex,
                           locks::SeqLock, locks::PthreadMutex, locks::PthreadAdaptiveMutex,
                           locks::PthreadRobustMutex, locks::PthreadRobustRecursiveMutex,
                           locks::PthreadPriorityInheritingMutex, locks::PthreadSpinLock,
                           locks::PthreadRwLock, locks::PosixSemaphore, locks::BoostMutex>;
TYPED_TEST_SUITE(EveryLock, All, Names);

template <class F>
void elsewhere(F&& f) {
  std::thread(std::forward<F>(f)).join();
}

TYPED_TEST(EveryLock, is_held_between_lock_and_unlock) {
  TypeParam& lock = *this->lock_;
  for (int i = 0; i < 3; ++i) {
    lock.lock();
    elsewhere([&] { EXPECT_FALSE(lock.try_lock()); });
    Child child([&] { EXPECT_FALSE(lock.try_lock()); });
    EXPECT_EQ(child.exitcode(), 0);
    lock.unlock();
    EXPECT_TRUE(lock.try_lock());
    lock.unlock();
  }
}

TYPED_TEST(EveryLock, has_Pythons_methods_too) {
  TypeParam& lock = *this->lock_;
  EXPECT_TRUE(bool(lock.acquire()));
  elsewhere([&] { EXPECT_FALSE(bool(lock.acquire(false))); });
  elsewhere([&] { EXPECT_FALSE(bool(lock.acquire(true, 1ms))); });
  lock.release();
  EXPECT_TRUE(bool(lock.acquire(true, 0ms)));
  lock.release();
}

TYPED_TEST(EveryLock, is_what_the_standard_calls_timed_lockable) {
  TypeParam& lock = *this->lock_;
  lagoon::Shared<TypeParam> second;
  {
    const std::scoped_lock both(lock, *second);
    elsewhere([&] { EXPECT_FALSE(second->try_lock()); });
  }
  std::unique_lock guard(lock, 1h);
  EXPECT_TRUE(guard.owns_lock());
  const auto begin = steady_clock::now();
  elsewhere([&] {
    EXPECT_FALSE(std::unique_lock(lock, 10ms).owns_lock());
    EXPECT_FALSE(lock.try_lock_until(steady_clock::now() + 5ms));
    EXPECT_FALSE(lock.try_lock_for(-1s));
    EXPECT_FALSE(lock.try_lock_until(steady_clock::time_point::min()));
  });
  EXPECT_GE(steady_clock::now() - begin, 15ms);
  guard.unlock();
  EXPECT_TRUE(guard.try_lock_until(steady_clock::now() + 1h));
}

TYPED_TEST(EveryLock, waiters_with_and_without_a_deadline_all_get_it) {
  TypeParam& lock = *this->lock_;
  SharedFlags flags;
  lock.lock();
  std::vector<Child> children;
  for (int i = 0; i < 6; ++i)
    children.emplace_back([&, i] {
      flags.raise();
      if (i % 3 == 0)
        lock.lock();
      else if (i % 3 == 1)
        EXPECT_TRUE(lock.try_lock_for(std::chrono::hours::max()));
      else
        EXPECT_TRUE(lock.try_lock_for(50s));
      lock.unlock();
    });
  flags.await(0, 6);
  lock.unlock();
  for (Child& child : children) EXPECT_EQ(child.exitcode(), 0);
}

TYPED_TEST(EveryLock, processes_are_inside_one_at_a_time) {
  constexpr int processes = 4;
  constexpr std::int64_t rounds = with_tsan || with_asan ? 100 : 2000;
  Shared<std::int64_t> count;
  Rendezvous start(processes);
  std::vector<Child> children;
  for (int i = 0; i < processes; ++i)
    children.emplace_back([&] {
      start.meet();
      for (std::int64_t k = 0; k < rounds; ++k) {
        const std::scoped_lock guard(*this->lock_);
        volatile std::int64_t& plain = *count;
        plain = plain + 1;
      }
    });
  for (Child& child : children) EXPECT_EQ(child.exitcode(), 0);
  EXPECT_EQ(*count, processes * rounds);
}

TYPED_TEST(EveryLock, sixty_four_processes_finish) {
  constexpr int rounds = with_tsan || with_asan ? 2 : 10;
  Shared<std::int64_t> count;
  std::vector<Child> children;
  for (int i = 0; i < 64; ++i)
    children.emplace_back([&] {
      for (int k = 0; k < rounds; ++k) {
        const std::scoped_lock guard(*this->lock_);
        volatile std::int64_t& plain = *count;
        plain = plain + 1;
      }
    });
  for (Child& child : children) EXPECT_EQ(child.exitcode(), 0);
  EXPECT_EQ(*count, 64 * rounds);
}

TYPED_TEST(EveryLock, threads_hand_on_what_they_did) {
  constexpr int rounds = with_tsan ? 500 : 5000;
  std::int64_t count = 0;  // not atomic: what orders it is the lock
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      for (int k = 0; k < rounds; ++k) {
        const std::scoped_lock guard(*this->lock_);
        ++count;
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(count, 4 * rounds);
}

TYPED_TEST(EveryLock, guards_a_value_and_an_array) {
  lagoon::Value<int, mode::locked_by<TypeParam>> value{0};
  lagoon::Array<int, mode::locked_by<TypeParam>> array(20);
  constexpr int rounds = with_tsan || with_asan ? 50 : 500;
  std::vector<Child> children;
  for (int i = 0; i < 4; ++i)
    children.emplace_back([&] {
      for (int k = 0; k < rounds; ++k) {
        value.update([](int x) { return x + 1; });
        array[3] += 1;
        array.write([](std::span<int> all) {
          for (int& x : all.subspan(10)) ++x;
        });
        const std::vector<int> seen = array.snapshot(10, 20);
        ASSERT_EQ(seen, std::vector<int>(10, seen[0])) << "torn";
      }
    });
  for (Child& child : children) EXPECT_EQ(child.exitcode(), 0);
  EXPECT_EQ(value.get(), 4 * rounds);
  EXPECT_EQ(array.get(3), 4 * rounds);
  EXPECT_EQ(array.get(19), 4 * rounds);

  const std::scoped_lock guard(value.get_lock(), array);
  value.get_obj() = 5;
  array.get_obj()[0] = 5;
  elsewhere([&] {
    EXPECT_FALSE(value.try_lock());
    EXPECT_FALSE(array.try_lock());
  });
}

TYPED_TEST(EveryLock, guards_with_one_that_was_given) {
  lagoon::Value<int, mode::locked_by<TypeParam>> value{3, *this->lock_};
  lagoon::Array<int, mode::locked_by<TypeParam>> array(3, *this->lock_);
  EXPECT_EQ(&value.get_lock(), &*this->lock_);
  const std::scoped_lock guard(*this->lock_);
  elsewhere([&] { EXPECT_FALSE(array.try_lock()); });
}

TYPED_TEST(EveryLock, is_named_in_what_it_guards_under_a_name) {
  const ShmName name;
  const lagoon::Segment segment = lagoon::Segment::create(name);
  using Guarded = lagoon::Value<int, mode::locked_by<TypeParam>>;
  Guarded value(segment["v"], 7);
  EXPECT_EQ(segment.find<Guarded>("v")->get(), 7);
  const std::string type = segment.objects().at(0).type;
  EXPECT_EQ(type, "Value<int32, locked_by<" + std::string(lagoon::type_name<TypeParam>) + ">>");
  expect_throw<lagoon::TypeMismatch>(
      [&] { (void)segment.find<lagoon::Value<int, mode::locked>>("v"); },
      {type, "Value<int32, locked>"});
  expect_throw<lagoon::TypeMismatch>(
      [&] { (void)segment.find<lagoon::Value<int, mode::locked_by<lagoon::Lock>>>("v"); },
      {type, "Value<int32, locked_by<Lock>>"});
  // A lock alone, by either way, is one and the same.
  lagoon::Shared<TypeParam> handle(segment["l"]);
  TypeParam& same = segment.construct<TypeParam>("l");
  const std::scoped_lock guard(*handle);
  elsewhere([&] { EXPECT_FALSE(same.try_lock()); });
}

TYPED_TEST(EveryLock, goes_with_a_condition) {
  lagoon::Condition condition{*this->lock_};
  Shared<int> turn;
  const auto play = [&](int me) {
    for (int i = 0; i < 20; ++i) {
      const std::scoped_lock guard(*this->lock_);
      condition.wait_for([&] { return *turn == me; });
      *turn = 1 - me;
      condition.notify();
    }
  };
  Child child([&] { play(1); });
  play(0);
  EXPECT_EQ(child.exitcode(), 0);
}

// A lock of the application's own: any Lockable that can lie at any address.
struct OwnLock {
  boost::ipc_atomic<unsigned> word{0};
  void lock() {
    while (!try_lock()) sched_yield();
  }
  bool try_lock() { return word.exchange(1) == 0; }
  void unlock() { word.store(0); }
};

TEST(OwnLock, guards_a_value_and_an_array_as_well) {
  lagoon::Value<int, mode::locked_by<OwnLock>> value{0};
  lagoon::Array<int, mode::locked_by<OwnLock>> array(3);
  std::vector<Child> children;
  for (int i = 0; i < 4; ++i)
    children.emplace_back([&] {
      for (int k = 0; k < 100; ++k) {
        const std::scoped_lock guard(value, array);
        ++value.get_obj();
        ++array.get_obj()[1];
      }
    });
  for (Child& child : children) EXPECT_EQ(child.exitcode(), 0);
  EXPECT_EQ(value.get(), 400);
  EXPECT_EQ(array.get(1), 400);
}

// ---- What some of them promise ----------------------------------------------------------------

template <class L>
class TellsOfDeath : public testing::Test {};
using Robust =
    testing::Types<locks::RobustLock, locks::RobustRecursiveLock, locks::ReaderWriterLock,
                   locks::PthreadRobustMutex, locks::PthreadRobustRecursiveMutex>;
TYPED_TEST_SUITE(TellsOfDeath, Robust, Names);

TYPED_TEST(TellsOfDeath, exactly_one_of_those_who_come_next) {
  lagoon::Shared<TypeParam> lock;
  for (int round = 0; round < 3; ++round) {
    Child child([&] {
      lock->lock();
      raise(SIGKILL);
    });
    EXPECT_EQ(child.exitcode(), -SIGKILL);
    const lagoon::Acquired first = lock->acquire();
    EXPECT_TRUE(first.owner_died());
    lock->release();
    const lagoon::Acquired second = lock->acquire();
    EXPECT_TRUE(second);
    EXPECT_FALSE(second.owner_died());
    lock->release();
  }
}

TYPED_TEST(TellsOfDeath, and_it_is_UsageError_to_release_what_one_does_not_hold) {
  if (with_tsan && lagoon::type_name<TypeParam>.starts_with("Pthread"))
    GTEST_SKIP() << "ThreadSanitizer reports it first";
  lagoon::Shared<TypeParam> lock;
  expect_throw<lagoon::UsageError>([&] { lock->release(); }, {"released"});
  lock->lock();
  if constexpr (!std::is_same_v<TypeParam, locks::RobustLock>)  // which anyone may release
    elsewhere([&] { expect_throw<lagoon::UsageError>([&] { lock->release(); }); });
  lock->release();
}

template <class L>
class CanBeShared : public testing::Test {};
using ForReaders = testing::Types<locks::ReaderWriterLock, locks::PthreadRwLock>;
TYPED_TEST_SUITE(CanBeShared, ForReaders, Names);

TYPED_TEST(TellsOfDeath, and_keeps_the_news_for_those_who_use_guards) {
  const lagoon::Shared<TypeParam> shared;
  TypeParam& lock = *shared;
  Child dies([&] { lock.lock(); });
  EXPECT_EQ(dies.exitcode(), 0);
  for (int i = 0; i < 2; ++i) {
    const std::scoped_lock guard(lock);
    EXPECT_TRUE(lock.owner_died());
  }
  const std::scoped_lock guard(lock);
  lock.mark_consistent();
  EXPECT_FALSE(lock.owner_died());
}

template <class L>
class Plain : public EveryLock<L> {};
using Plains = testing::Types<locks::TtasLock, locks::TicketLock, locks::McsLock, locks::FutexMutex,
                              locks::SeqLock>;
TYPED_TEST_SUITE(Plain, Plains, Names);

TYPED_TEST(Plain, released_while_it_is_free_is_UsageError_and_goes_on) {
  TypeParam& lock = *this->lock_;
  for (int i = 0; i < 2; ++i) {
    expect_throw<lagoon::UsageError>([&] { lock.release(); }, {"released", "free"});
    lock.lock();
    elsewhere([&] { EXPECT_FALSE(lock.try_lock()); });
    lock.unlock();
  }
}

TEST(McsLock, with_no_node_left_honours_the_deadline) {
  const lagoon::Shared<locks::McsLock> lock;
  lock->lock();
  std::vector<std::thread> waiting;
  std::vector<std::atomic<pid_t>> ids(locks::McsLock::nodes - 1);
  for (auto& id : ids)
    waiting.emplace_back([&] {
      id = gettid();
      const std::scoped_lock guard(*lock);
    });
  // Who sleeps has a node: with the holder's that is all.
  for (const auto& id : ids)
    lagoon::test::wait_until([&] { return id != 0 && lagoon::test::is_asleep(id); }, "it slept");
  EXPECT_FALSE(lock->try_lock());
  EXPECT_FALSE(lock->try_lock_for(1ms));
  lock->unlock();
  for (std::thread& thread : waiting) thread.join();
}

TYPED_TEST(CanBeShared, readers_are_in_together_and_writers_alone) {
  lagoon::Shared<TypeParam> lock;
  {
    const std::shared_lock one(*lock);
    elsewhere([&] {
      std::shared_lock two(*lock, std::try_to_lock);
      EXPECT_TRUE(two.owns_lock());
      two.unlock();
      EXPECT_TRUE(two.try_lock_for(1h));
      EXPECT_FALSE(lock->try_lock());
      EXPECT_FALSE(lock->try_lock_for(1ms));
    });
  }
  const std::unique_lock writer(*lock);
  elsewhere([&] {
    EXPECT_FALSE(lock->try_lock_shared());
    EXPECT_FALSE(lock->try_lock_shared_for(1ms));
    EXPECT_FALSE(lock->try_lock_shared_until(steady_clock::now()));
  });
}

TYPED_TEST(CanBeShared, readers_of_what_it_guards_share_it) {
  const lagoon::Value<int, mode::locked_by<TypeParam>> value{3};
  const lagoon::Array<int, mode::locked_by<TypeParam>> array(3);
  const std::shared_lock one(value.get_lock());
  const std::shared_lock other(array.get_lock());
  elsewhere([&] {
    EXPECT_EQ(value.get(), 3);
    EXPECT_EQ(array.snapshot(), std::vector<int>(3));
    EXPECT_EQ(array.get(0), 0);
  });
}

TEST(SeqLock, readers_get_what_was_written_together) {
  constexpr std::size_t n = 64;
  constexpr int rounds = with_tsan || with_asan ? 500 : 20'000;
  struct Record {
    locks::SeqLock lock;
    std::uint64_t words[n];
  };
  const Shared<Record> record;
  Child writer([&] {
    for (;;) {
      const std::scoped_lock guard(record->lock);
      std::uint64_t next[n];
      std::fill_n(next, n, record->words[0] + 1);
      lagoon::core::write_shared(reinterpret_cast<std::byte*>(record->words), next, sizeof next);
    }
  });
  std::uint64_t last = 0;
  for (int i = 0; i < rounds; ++i) {
    std::uint64_t seen[n];
    record->lock.read([&] {
      lagoon::core::read_shared(seen, reinterpret_cast<std::byte*>(record->words), sizeof seen);
    });
    for (const std::uint64_t word : seen) ASSERT_EQ(word, seen[0]) << "torn";
    ASSERT_GE(seen[0], last);
    last = seen[0];
  }
}

TEST(TicketLock, serves_in_the_order_in_which_they_came) {
  lagoon::Shared<locks::TicketLock> lock;
  struct Books {
    int order[8] = {};
    int served = 0;
  };
  const Shared<Books> books;
  const auto& next = reinterpret_cast<const std::atomic<std::uint32_t>&>(*lock);
  lock->lock();
  std::vector<Child> children;
  for (int i = 0; i < 8; ++i) {
    children.emplace_back([&, i] {
      const std::scoped_lock guard(*lock);
      books->order[books->served++] = i;
    });
    lagoon::test::wait_until([&] { return next == static_cast<unsigned>(i) + 2; }, "it drew one");
  }
  lock->unlock();
  for (Child& child : children) EXPECT_EQ(child.exitcode(), 0);
  for (int i = 0; i < 8; ++i) EXPECT_EQ(books->order[i], i);
}

}  // namespace
