#include <lagoon/locks/reader_writer.hpp>
#include <lagoon/segment.hpp>
#include <lagoon/value.hpp>

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <random>
#include <shared_mutex>
#include <thread>
#include <vector>

#include "child.hpp"
#include "expect_throw.hpp"
#include "kill_everywhere.hpp"
#include "rendezvous.hpp"
#include "sanitizers.hpp"
#include "shm_name.hpp"

namespace {

using lagoon::Acquired;
using lagoon::UsageError;
using lagoon::locks::ReaderWriterLock;
using lagoon::test::Child;
using lagoon::test::expect_throw;
using lagoon::test::Shared;
using lagoon::test::SharedFlags;
using lagoon::test::ShmName;
using lagoon::test::with_asan;
using lagoon::test::with_tsan;
using namespace std::chrono_literals;

class ReaderWriterLockTest : public testing::Test {
 protected:
  enum : std::size_t { held, release };
  /// A child that has it as a reader until `release` is raised.
  Child reader() {
    Child child([&] {
      lock_->lock_shared();
      flags_.raise(held);
      flags_.await(release);
      lock_->unlock_shared();
    });
    flags_.await(held, ++held_);
    return child;
  }
  Child writer() {
    Child child([&] {
      lock_->lock();
      flags_.raise(held);
      flags_.await(release);
      lock_->unlock();
    });
    flags_.await(held, ++held_);
    return child;
  }
  lagoon::Shared<ReaderWriterLock> lock_;
  SharedFlags flags_;
  unsigned held_ = 0;
};

TEST_F(ReaderWriterLockTest, more_readers_than_places_wait_for_one_to_go) {
  constexpr unsigned room = 264;
  std::atomic<unsigned> in{0};
  std::atomic<bool> go{false};
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < room + 20; ++i)
    threads.emplace_back([&] {
      const std::shared_lock guard(*lock_);
      ++in;
      in.notify_all();
      go.wait(false);
    });
  for (unsigned seen = in; seen < room; seen = in) in.wait(seen);
  EXPECT_FALSE(lock_->try_lock());
  go = true;
  go.notify_all();
  for (std::thread& thread : threads) thread.join();
  EXPECT_TRUE(lock_->try_lock());
  lock_->unlock();
}

TEST_F(ReaderWriterLockTest, a_writer_that_waits_lets_no_new_reader_in) {
  Child reads = reader();
  Child writes([&] {
    const std::scoped_lock guard(*lock_);
    EXPECT_EQ(flags_.count(release), 1U) << "the reader was still in";
  });
  lagoon::test::wait_until(
      [&] { return !lock_->try_lock_shared() || (lock_->unlock_shared(), false); },
      "the writer waited");
  flags_.raise(release);
  EXPECT_EQ(writes.exitcode(), 0);
  EXPECT_EQ(reads.exitcode(), 0);
  EXPECT_TRUE(lock_->try_lock_shared());
  lock_->unlock_shared();
}

TEST_F(ReaderWriterLockTest, a_reader_may_lock_it_again_also_while_a_writer_waits) {
  lock_->lock_shared();
  Child writes([&] { const std::scoped_lock guard(*lock_); });
  lagoon::test::wait_until(
      [&] {
        bool shut = false;
        std::thread([&] {
          shut = !lock_->try_lock_shared();
          if (!shut) lock_->unlock_shared();
        }).join();
        return shut;
      },
      "the writer waited");
  for (int i = 0; i < 20; ++i) lock_->lock_shared();
  for (int i = 0; i < 21; ++i) lock_->unlock_shared();
  EXPECT_EQ(writes.exitcode(), 0);
  expect_throw<UsageError>([&] { lock_->unlock_shared(); }, {"as a reader"});
}

TEST_F(ReaderWriterLockTest, a_reader_may_lock_it_64_times) {
  for (int i = 0; i < 64; ++i) lock_->lock_shared();
  expect_throw<UsageError>([&] { lock_->lock_shared(); }, {"64 times"});
  for (int i = 0; i < 63; ++i) lock_->unlock_shared();
  std::thread([&] { EXPECT_FALSE(lock_->try_lock()); }).join();
  lock_->unlock_shared();
  EXPECT_TRUE(lock_->try_lock());
  lock_->unlock();
}

TEST_F(ReaderWriterLockTest, what_would_wait_for_ever_is_UsageError) {
  lock_->lock();
  expect_throw<UsageError>([&] { lock_->lock(); }, {"as a writer"});
  expect_throw<UsageError>([&] { lock_->lock_shared(); }, {"as a writer"});
  lock_->unlock();
  lock_->lock_shared();
  expect_throw<UsageError>([&] { lock_->lock(); }, {"as a reader"});
  expect_throw<UsageError>([&] { lock_->unlock(); }, {"as a writer"});
  std::thread([&] { expect_throw<UsageError>([&] { lock_->unlock_shared(); }); }).join();
  lock_->unlock_shared();
  EXPECT_TRUE(lock_->try_lock());
  lock_->unlock();
}

TEST_F(ReaderWriterLockTest, a_forked_child_holds_nothing_of_its_parents) {
  lock_->lock_shared();
  Child child([&] {
    expect_throw<UsageError>([&] { lock_->unlock_shared(); });
    EXPECT_FALSE(lock_->try_lock());
  });
  EXPECT_EQ(child.exitcode(), 0);
  lock_->unlock_shared();
}

TEST_F(ReaderWriterLockTest, readers_and_writers_see_whole_states) {
  constexpr int rounds = with_tsan || with_asan ? 200 : 3000;
  struct Record {
    std::uint64_t words[16] = {};
  };
  const Shared<Record> record;
  std::vector<Child> children;
  for (int i = 0; i < 6; ++i)
    children.emplace_back([&, i] {
      for (int k = 0; k < rounds; ++k) {
        if (i < 2) {
          const std::scoped_lock guard(*lock_);
          for (std::uint64_t& word : record->words) ++word;
        } else {
          const std::shared_lock guard(*lock_);
          const volatile std::uint64_t* words = record->words;
          for (int w = 0; w < 16; ++w) ASSERT_EQ(words[w], words[0]) << "torn";
        }
      }
    });
  for (Child& child : children) EXPECT_EQ(child.exitcode(), 0);
  EXPECT_EQ(record->words[15], 2U * rounds);
}

// What ThreadSanitizer sees: plain memory, ordered by the lock alone.
TEST_F(ReaderWriterLockTest, threads_hand_on_what_they_did) {
  constexpr int rounds = with_tsan ? 500 : 5000;
  std::int64_t count = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&, i] {
      for (int k = 0; k < rounds; ++k) {
        if (i < 2) {
          const std::scoped_lock guard(*lock_);
          ++count;
        } else {
          const std::shared_lock guard(*lock_);
          EXPECT_LE(count, 2 * rounds);
        }
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(count, 2 * rounds);
}

// ---- Killed -----------------------------------------------------------------------------------

TEST_F(ReaderWriterLockTest, a_dead_reader_keeps_no_writer_out) {
  for (const bool reaped : {false, true}) {
    Child one = reader();
    Child other = reader();
    one.kill_unreaped();
    if (reaped) (void)one.wait();
    EXPECT_FALSE(lock_->try_lock()) << "the other one is in";
    other.kill_unreaped();
    const Acquired got = lock_->acquire();
    EXPECT_TRUE(got);
    EXPECT_FALSE(got.owner_died()) << "a reader changes nothing";
    lock_->release();
  }
}

TEST_F(ReaderWriterLockTest, a_writer_that_waits_for_a_reader_that_dies_goes_on) {
  for (int round = 0; round < 10; ++round) {
    Child reads = reader();
    Child writes([&] { const std::scoped_lock guard(*lock_); });
    lagoon::test::wait_until([&] { return lagoon::test::is_asleep(writes.pid()); },
                             "the writer slept");
    reads.kill_unreaped();
    EXPECT_EQ(writes.exitcode(), 0);
  }
}

TEST_F(ReaderWriterLockTest, of_a_dead_writer_exactly_one_is_told_writer_or_reader) {
  for (const bool to_reader : {false, true}) {
    Child writes = writer();
    writes.kill_unreaped();
    const Acquired first = to_reader ? lock_->acquire_shared() : lock_->acquire();
    EXPECT_TRUE(first.owner_died());
    EXPECT_TRUE(lock_->owner_died());
    to_reader ? lock_->unlock_shared() : lock_->unlock();
    EXPECT_FALSE(lock_->acquire_shared().owner_died());
    lock_->unlock_shared();
    EXPECT_TRUE(lock_->owner_died()) << "the news stays";
    lock_->lock();
    lock_->mark_consistent();
    lock_->unlock();
    EXPECT_FALSE(lock_->owner_died());
  }
}

TEST_F(ReaderWriterLockTest, readers_and_writers_killed_at_random_stop_nobody) {
  constexpr unsigned seed = 20261127;
  std::mt19937 random(seed);
  const auto begin = [&](std::size_t i) {
    return Child([&, i] {
      for (;;) {
        if (i % 2 == 0) {
          const std::scoped_lock guard(*lock_);
        } else {
          const std::shared_lock guard(*lock_);
        }
      }
    });
  };
  std::vector<Child> children;
  for (std::size_t i = 0; i < 4; ++i) children.push_back(begin(i));
  for (int round = 0; round < 300; ++round) {
    for (auto spin = random() % 10'000; spin != 0; --spin) asm volatile("");
    const std::size_t i = random() % children.size();
    children[i].kill_unreaped();
    if (round % 2 == 0) {
      const std::scoped_lock guard(*lock_);
    } else {
      const std::shared_lock guard(*lock_);
    }
    children[i] = begin(i);
  }
}

TEST_F(ReaderWriterLockTest, killed_at_every_instruction_as_a_reader_and_as_a_writer) {
  Shared<std::atomic<int>> came;
  const auto operation = [&](const std::string& name, std::function<void()> run) {
    return lagoon::test::Operation{.name = name,
                                   .done = 2,
                                   .before = [&] { *came = 0; },
                                   .enter =
                                       [&] {
                                         lock_->lock_shared();
                                         lock_->unlock_shared();
                                       },
                                   .run = std::move(run),
                                   .after =
                                       [&] {
                                         const int now = *came;
                                         const bool told = lock_->acquire().owner_died();
                                         lock_->release();
                                         EXPECT_FALSE(lock_->acquire_shared().owner_died());
                                         lock_->release_shared();
                                         EXPECT_TRUE(lock_->try_lock()) << "a reader was left";
                                         lock_->unlock();
                                         return now == 0 && told ? 1 : now;
                                       },
                                   .shared = [&] { return std::as_bytes(std::span(&*lock_, 1)); }};
  };
  kill_everywhere(operation("ReaderWriterLock, reader", [&] {
    lock_->lock_shared();
    *came = 1;
    lock_->unlock_shared();
    *came = 2;
  }));
  kill_everywhere(operation("ReaderWriterLock, writer", [&] {
    lock_->lock();
    *came = 1;
    lock_->unlock();
    *came = 2;
  }));
}

TEST_F(ReaderWriterLockTest, of_a_value_that_is_erased_lets_all_go) {
  const ShmName name;
  const lagoon::Segment segment = lagoon::Segment::create(name);
  using Guarded = lagoon::Value<int, lagoon::mode::locked_by<ReaderWriterLock>>;
  Guarded value(segment["v"], 7);
  value.lock();
  std::vector<Child> waiters;
  for (int i = 0; i < 4; ++i)
    waiters.emplace_back([&, i] {
      flags_.raise();
      expect_throw<lagoon::Gone>([&] { i % 2 == 0 ? value.set(8) : (void)value.get(); },
                                 {"erased"});
    });
  flags_.await(0, 4);
  EXPECT_TRUE(segment.erase("v"));
  value.unlock();
  for (Child& waiter : waiters) EXPECT_EQ(waiter.exitcode(), 0);
  expect_throw<lagoon::Gone>([&] { value.lock(); });
}

}  // namespace
