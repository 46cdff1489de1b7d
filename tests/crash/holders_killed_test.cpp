// Ten thousand who hold a lock are killed, one after another, while others want it: whoever has it
// next is told, and nobody else. Likewise, some hundreds each, those who have a permit, or read.
//
// Prints the seed (LAGOON_TEST_SEED gives another run the same choices) and how long it took until
// the next one had it.
#include <lagoon/lagoon.hpp>
#include <lagoon/locks/reader_writer.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <mutex>
#include <optional>
#include <random>
#include <thread>
#include <vector>

#include "child.hpp"
#include "rendezvous.hpp"
#include "sanitizers.hpp"

namespace {

using lagoon::test::Child;
using lagoon::test::Shared;
using lagoon::test::with_asan;
using lagoon::test::with_tsan;
using Clock = std::chrono::steady_clock;

std::int64_t now_ns() { return Clock::now().time_since_epoch().count(); }

std::uint32_t seed() {
  const char* given = std::getenv("LAGOON_TEST_SEED");
  return given != nullptr ? static_cast<std::uint32_t>(std::strtoul(given, nullptr, 10))
                          : std::random_device()();
}

using Word = std::atomic<std::uint32_t>;

/// Sleeps until the word is another than `old`; what it is.
std::uint32_t next_of(const Word& word, std::uint32_t old) {
  for (;;) {
    const std::uint32_t now = word.load();
    if (now != old) return now;
    lagoon::core::futex_wait(&word, old, lagoon::core::Deadline::never());
  }
}
void publish(Word& word, std::uint32_t now) {
  word = now;
  lagoon::core::futex_wake(&word);
}

struct Board {
  Word round{0};   // in which a holder, who will be killed, has it
  Word deaths{0};  // that the next one to have it has not heard of
  Word told{0};
  Word wrong{0};  // told without a death, or not told of one
  std::atomic<std::int64_t> told_at{0};
};
constexpr std::uint32_t over = ~0U;

/// In each round, takes it some times. take() says whether it was told that the last owner died, of
/// what tells.
template <class Take, class GiveBack>
void compete(Board& board, unsigned who, Take take, GiveBack give_back) {
  std::minstd_rand random(who);
  for (std::uint32_t round = 0; (round = next_of(board.round, round)) != over;) {
    // They come one after another: some still spin when the holder is killed, others sleep.
    for (auto spin = random() % (1 + who * 3000); spin != 0; --spin)
      lagoon::core::pause_processor();
    for (auto times = 1 + random() % 3; times != 0; --times) {
      const std::optional<bool> told = take();
      const bool is_first = board.deaths.exchange(0) != 0;
      if (told.value_or(is_first) != is_first) ++board.wrong;
      if (is_first) {
        board.told_at = now_ns();
        publish(board.told, board.told.load() + 1);
      }
      give_back();
    }
  }
}

template <class Hold, class Take, class GiveBack>
void kill_holders(std::uint32_t rounds, Hold hold, Take take, GiveBack give_back) {
  if (with_asan || with_tsan) rounds /= 10;
  const std::uint32_t chosen = seed();
  SCOPED_TRACE(testing::Message() << "seed " << chosen);
  std::mt19937 random(chosen);
  const Shared<Board> board;
  std::vector<std::int64_t> delays;
  {
    std::vector<Child> others;
    for (unsigned who = 0; who < 3; ++who)
      others.emplace_back([&, who] { compete(*board, who, take, give_back); });
    for (std::uint32_t round = 1; round <= rounds; ++round) {
      const auto depth = static_cast<unsigned>(1 + random() % 3);
      Child holder([&] {
        hold(depth);
        board->deaths = 1;  // nobody else looks as long as this one has it
        publish(board->round, round);
        for (;;) pause();
      });
      (void)next_of(board->round, round - 1);
      lagoon::core::futex_wake(&board->round);  // the holder may die before it does
      const auto spins =
          random() % (round % 8 == 0 ? 100'000 : 2'000);  // until others sleep; or not
      for (auto spin = spins; spin != 0; --spin) lagoon::core::pause_processor();
      ASSERT_EQ(board->told.load(), round - 1) << "had it beside its holder";
      const std::int64_t killed = now_ns();
      holder.kill();
      if (random() % 2 == 0) (void)holder.wait();  // else it is a zombie until others have it
      (void)next_of(board->told, round - 1);
      delays.push_back(board->told_at.load() - killed);
    }
    publish(board->round, over);
    for (Child& other : others) EXPECT_EQ(other.exitcode(), 0);
  }
  EXPECT_EQ(board->told.load(), rounds);
  EXPECT_EQ(board->wrong.load(), 0U);
  std::ranges::sort(delays);
  const auto ms = [&](std::size_t i) { return static_cast<double>(delays[i]) / 1e6; };
  std::cout << rounds << " holders killed, seed " << chosen << ": the next one had it after "
            << ms(delays.size() / 2) << " ms, 99 of 100 " << ms(delays.size() * 99 / 100)
            << " ms, the longest " << ms(delays.size() - 1) << " ms\n";
}

/// acquire() of a lock that tells.
constexpr auto telling = [](auto& lock) {
  return [&lock]() -> std::optional<bool> {
    const bool told = lock.acquire().owner_died();
    if (told) lock.mark_consistent();
    return told;
  };
};
constexpr auto giving_back = [](auto& lock) { return [&lock] { lock.release(); }; };

// Ten thousand, in five parts: each has the watchdog's time.
class TenThousandHoldersKilled : public testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Part, TenThousandHoldersKilled, testing::Range(0, 5));
TEST_P(TenThousandHoldersKilled, of_a_Lock) {
  lagoon::Lock lock;
  kill_holders(
      2'000, [&](unsigned) { lock.lock(); }, telling(lock), giving_back(lock));
}
TEST(HoldersKilled, of_an_RLock_that_have_it_more_than_once) {
  lagoon::RLock lock;
  const auto hold = [&](unsigned depth) {
    for (; depth != 0; --depth) lock.lock();
  };
  kill_holders(500, hold, telling(lock), giving_back(lock));
}
TEST(HoldersKilled, of_the_lock_of_a_value) {
  lagoon::Value<int, lagoon::mode::locked> value{0};
  const auto hold = [&](unsigned) { value.get_lock().lock(); };
  kill_holders(500, hold, telling(value.get_lock()), giving_back(value.get_lock()));
}
TEST(HoldersKilled, writers_of_a_ReaderWriterLock) {
  const lagoon::Shared<lagoon::locks::ReaderWriterLock> lock;
  kill_holders(
      500, [&](unsigned) { lock->lock(); }, telling(*lock), giving_back(*lock));
}
TEST(HoldersKilled, readers_of_a_ReaderWriterLock_whose_writers_go_on) {
  const lagoon::Shared<lagoon::locks::ReaderWriterLock> lock;
  const auto hold = [&](unsigned depth) {
    for (; depth != 0; --depth) lock->lock_shared();
  };
  const auto write = [&]() -> std::optional<bool> {
    lock->lock();
    return std::nullopt;
  };
  kill_holders(500, hold, write, giving_back(*lock));
}
// More of them than it has names for, and no writer came between: the next reader takes a dead
// one's.
TEST(HoldersKilled, readers_of_a_ReaderWriterLock_until_its_names_are_used_up) {
  const lagoon::Shared<lagoon::locks::ReaderWriterLock> lock;
  for (int i = 0; i < 300; ++i) {
    Child reader([&] {
      lock->lock_shared();
      raise(SIGKILL);
    });
    EXPECT_EQ(reader.exitcode(), -SIGKILL);
  }
  Child next([&] {
    lock->lock_shared();
    lock->unlock_shared();
  });
  EXPECT_EQ(next.exitcode(), 0);
  lock->lock();
  lock->unlock();
}
TEST(HoldersKilled, of_the_permits_of_a_BoundedSemaphore_which_come_back) {
  lagoon::BoundedSemaphore semaphore{3};
  const auto all = [&] {
    for (int i = 0; i < 3; ++i) semaphore.lock();
  };
  // Two who have some and want the others would wait for each other.
  lagoon::Lock turn;
  const auto take = [&]() -> std::optional<bool> {
    const std::scoped_lock guard(turn);
    all();
    return std::nullopt;
  };
  const auto give_back = [&] {
    for (int i = 0; i < 3; ++i) semaphore.release();
  };
  kill_holders(
      500, [&](unsigned) { (void)take(); }, take, give_back);
}

}  // namespace
