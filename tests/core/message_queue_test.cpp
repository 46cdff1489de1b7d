#include <lagoon/core/message_queue.hpp>

#include <lagoon/core/copy.hpp>
#include <lagoon/error.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <new>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

using lagoon::core::Deadline;
using lagoon::core::MessageQueue;
using lagoon::core::Pages;
using lagoon::core::Participants;
using lagoon::core::Passed;
using namespace std::chrono_literals;

using Message = std::vector<std::uint64_t>;

/// A queue of messages of any number of words, in memory that has an end.
class Words {
 public:
  explicit Words(std::uint64_t maxsize, std::size_t bytes = 64 << 20, bool of_tasks = false)
      : memory_(new (std::align_val_t{4096}) std::byte[bytes]{}),
        left_(bytes),
        of_tasks_(of_tasks) {
    const std::size_t table = take(Participants::size_for(64)).at;
    table_ = &Participants::make(memory_.get() + table, 64);
    const MessageQueue::Shape shape{maxsize, 0, of_tasks};
    const std::size_t at = take(MessageQueue::bytes_for(shape)).at;
    queue_ = new (memory_.get() + at) MessageQueue(*table_, memory_.get(), shape);
  }
  ~Words() {
    table_->resign();
    table_->forget();
  }
  Words(const Words&) = delete;
  Words& operator=(const Words&) = delete;

  Passed put(const Message& message, Deadline deadline = Deadline::never()) {
    MessageQueue::Draft draft;
    MessageQueue::Lack lack{};
    write(draft, message);
    for (;;) {
      const Passed put = queue_->put(draft, deadline, lack);
      if (put != Passed::lacks) return put;
      grow(lack);
    }
  }
  void write(MessageQueue::Draft& draft, const Message& message) {
    MessageQueue::Lack lack{};
    while (!queue_->draft(draft, 8 * message.size(), lack)) grow(lack);
    lagoon::core::write_shared(draft.payload(), message.data(), 8 * message.size());
  }
  std::optional<Message> get(Deadline deadline = Deadline::never()) {
    Message message;
    const auto copy = [&](const std::byte* payload, std::size_t bytes) {
      message.resize(bytes / 8);
      lagoon::core::read_shared(message.data(), payload, bytes);
    };
    MessageQueue::Lack lack{};
    for (;;) {
      const Passed got = queue_->get(copy, deadline, lack);
      if (got == Passed::yes) return message;
      if (got != Passed::lacks) return std::nullopt;
      grow(lack);
    }
  }
  void grow(const MessageQueue::Lack& lack) {
    queue_->grow(
        lack, [this] { return left_over; }, [this](std::size_t bytes) { return take(bytes); });
  }
  MessageQueue* operator->() { return queue_; }
  Participants& table() { return *table_; }
  [[nodiscard]] bool is_sound() const {
    return queue_->is_sound(*table_, memory_.get(), used_.load(), queue_->maxsize(), of_tasks_);
  }
  std::size_t used() { return used_; }
  MessageQueue::Piece take(std::size_t bytes) {
    const std::size_t rounded = (bytes + 63) / 64 * 64;
    if (used_ + rounded > left_) throw lagoon::OutOfMemory("the end");
    return {used_.fetch_add(rounded), rounded};
  }

  MessageQueue::Piece left_over{0, 0};

 private:
  struct Delete {
    void operator()(std::byte* memory) const { operator delete[](memory, std::align_val_t{4096}); }
  };
  std::unique_ptr<std::byte[], Delete> memory_;
  std::size_t left_;
  bool of_tasks_;
  std::atomic<std::size_t> used_{64};
  Participants* table_;
  MessageQueue* queue_;
};

TEST(MessageQueue, gives_what_was_put_in_the_order_in_which_it_was) {
  Words q(3);
  EXPECT_TRUE(q->is_empty());
  EXPECT_FALSE(q.get(Deadline::now()));
  for (std::uint64_t i = 1; i <= 3; ++i) EXPECT_EQ(q.put({i, i * i}), Passed::yes);
  EXPECT_EQ(q->size(), 3U);
  EXPECT_EQ(q.put({4}, Deadline::now()), Passed::no) << "full";
  EXPECT_EQ(q->size(), 3U);
  EXPECT_EQ(q.get(), (Message{1, 1}));
  EXPECT_EQ(q.put({}, Deadline::now()), Passed::yes);
  EXPECT_EQ(q.put({5}, Deadline::after(1ms)), Passed::no) << "full";
  EXPECT_EQ(q.get(), (Message{2, 4}));
  EXPECT_EQ(q.get(), (Message{3, 9}));
  EXPECT_EQ(q.get(), Message{});
  EXPECT_FALSE(q.get(Deadline::after(1ms)));
  EXPECT_TRUE(q->is_empty());
  EXPECT_TRUE(q.is_sound());
}

TEST(MessageQueue, agrees_with_a_deque_whatever_is_put_and_taken) {
  for (const std::uint64_t maxsize : {0U, 1U, 2U, 63U, 64U, 65U, 255U, 256U, 1000U}) {
    const auto seed = std::random_device{}();
    SCOPED_TRACE("maxsize " + std::to_string(maxsize) + ", seed " + std::to_string(seed));
    std::minstd_rand random(seed);
    Words q(maxsize);
    std::deque<Message> expected;
    // It fills and is emptied in turns, so that its rings are closed while there is much in them.
    for (std::uint64_t i = 0; i < 40'000; ++i) {
      const bool fills = i / 4000 % 2 == 0;
      if (random() % 8 < (fills ? 5U : 3U)) {
        const std::size_t most = random() % 500 == 0 ? 3000 : 20;
        const Message message(random() % most, i);
        const bool is_full = maxsize != 0 && expected.size() == maxsize;
        ASSERT_EQ(q.put(message, Deadline::now()), is_full ? Passed::no : Passed::yes);
        if (!is_full) expected.push_back(message);
      } else {
        const auto got = q.get(Deadline::now());
        ASSERT_EQ(got.has_value(), !expected.empty());
        if (!got) continue;
        ASSERT_EQ(*got, expected.front());
        expected.pop_front();
      }
      ASSERT_EQ(q->size(), expected.size());
      ASSERT_EQ(q->is_empty(), expected.empty());
      if (i % 10'000 != 0) continue;
      ASSERT_TRUE(q.is_sound());
    }
  }
}

/// Each of four puts 1, 2, 3, … and four take; what each takes of one is in order, and all of it is
/// taken once.
void many_at_once(std::uint64_t maxsize, std::size_t most_words) {
  constexpr std::uint64_t each = 20'000;
  Words q(maxsize);
  std::vector<std::thread> threads;
  for (std::uint64_t who = 0; who < 4; ++who)
    threads.emplace_back([&q, who, most_words] {
      for (std::uint64_t i = 1; i <= each; ++i) {
        Message message(2 + i % most_words, i);
        message[0] = who;
        EXPECT_EQ(q.put(message), Passed::yes);
      }
    });
  std::atomic<std::uint64_t> taken{0}, sum{0};
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      std::map<std::uint64_t, std::uint64_t> last;
      for (std::uint64_t i = 0; i < each; ++i) {
        const auto message = q.get();
        ASSERT_TRUE(message && message->size() >= 2);
        const std::uint64_t x = (*message)[1];
        EXPECT_LT(std::exchange(last[(*message)[0]], x), x) << "not in its order";
        EXPECT_EQ(message->size(), 2 + x % most_words);
        for (std::size_t word = 1; word < message->size(); ++word)
          EXPECT_EQ((*message)[word], x) << "torn";
        ++taken;
        sum += x;
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(taken, 4 * each);
  EXPECT_EQ(sum, 4 * (each * (each + 1) / 2)) << "one was lost, another is there twice";
  EXPECT_EQ(q->size(), 0U);
  EXPECT_TRUE(q.is_sound());
}
TEST(MessageQueue, of_many_at_once_each_message_is_taken_once) {
  for (const std::uint64_t maxsize : {0U, 1U, 10U, 1000U}) many_at_once(maxsize, 8);
}
TEST(MessageQueue, of_many_at_once_with_large_messages) { many_at_once(20, 700); }

TEST(MessageQueue, has_no_more_than_it_may_whoever_puts) {
  Words q(5);
  std::atomic<bool> done{false};
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t)
    threads.emplace_back([&] {
      while (!done) (void)q.put({1}, Deadline::now());
    });
  threads.emplace_back([&] {
    while (!done) (void)q.get(Deadline::now());
  });
  std::uint64_t most = 0;
  // Until the threads run there is nothing in it to see.
  for (int seen = 0; seen < 200'000;) {
    const std::uint64_t size = q->size();
    most = std::max(most, size);
    if (size > 0) ++seen;
  }
  done = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(most, 5U);
}

TEST(MessageQueue, uses_its_memory_again) {
  for (const std::size_t words : {1U, 100U, 1000U}) {
    Words q(0);
    const auto pass = [&](std::uint64_t times) {
      for (std::uint64_t i = 0; i < times; ++i) {
        ASSERT_EQ(q.put(Message(words, i)), Passed::yes);
        if (i % 100 < 50) continue;
        for (int k = 0; k < 2; ++k) (void)q.get();
      }
    };
    pass(10'000);
    const std::size_t before = q.used();
    pass(100'000);
    EXPECT_EQ(q.used(), before);
  }
}

// A thread that has ended is dead, as is a process that was killed.
TEST(MessageQueue, has_the_memory_again_that_the_dead_were_filling) {
  Words q(0);
  std::size_t before = 0;
  for (int round = 0; round < 2000; ++round) {
    std::thread([&] {
      MessageQueue::Draft draft;
      q.write(draft, Message(round % 2 == 0 ? 10 : 5000, 1));
      if (round % 4 < 2) {
        MessageQueue::Lack lack{};
        (void)q->put_at_once(draft, lack);
      }
      if (round % 3 == 0) draft.forget();
    }).join();
    EXPECT_EQ(q.get(Deadline::now()).has_value(), round % 4 < 2);
    if (round == 100) before = q.used();
  }
  EXPECT_EQ(q.used(), before);
}

TEST(MessageQueue, full_memory_leaves_it_as_it_was) {
  Words q(0, 256 << 10);
  std::uint64_t put = 0;
  EXPECT_THROW(for (;; ++put) q.put(Message(30, put)), lagoon::OutOfMemory);
  EXPECT_GT(put, 500U);
  EXPECT_EQ(q->size(), put);
  EXPECT_THROW((void)q.put(Message(10'000, 1)), lagoon::OutOfMemory);
  for (std::uint64_t i = 0; i < put; ++i) ASSERT_EQ(q.get(), Message(30, i));
  EXPECT_EQ(q.put(Message(30, 7)), Passed::yes) << "there is memory again";
  EXPECT_EQ(q.get(), Message(30, 7));
}

// Who got memory and was killed before it was handed in.
TEST(MessageQueue, uses_memory_that_was_left_over) {
  Words q(0);
  for (std::uint64_t i = 0; i < 200; ++i) ASSERT_EQ(q.put(Message(60, i)), Passed::yes);
  q.left_over = q.take(1 << 20);
  const std::size_t before = q.used();
  for (std::uint64_t i = 200; i < 1000; ++i) ASSERT_EQ(q.put(Message(60, i)), Passed::yes);
  EXPECT_LT(q.used() - before, 20'000U) << "a ring at most";
  for (std::uint64_t i = 0; i < 1000; ++i) ASSERT_EQ(q.get(), Message(60, i));
}

TEST(MessageQueue, wakes_who_waits_for_a_message_or_for_room) {
  Words q(1);
  std::thread putter([&] {
    for (std::uint64_t i = 0; i < 1000; ++i) EXPECT_EQ(q.put({i}), Passed::yes);
  });
  for (std::uint64_t i = 0; i < 1000; ++i) EXPECT_EQ(q.get(), Message{i});
  putter.join();
}

// ---- Of tasks
// ------------------------------------------------------------------------------------

TEST(MessageQueue, of_tasks_is_joined_when_all_are_done) {
  Words q(0, 64 << 20, true);
  EXPECT_EQ(q->join(Deadline::now()), Passed::yes) << "nothing is to be done";
  EXPECT_FALSE(q->done()) << "by nobody";
  for (std::uint64_t i = 0; i < 100; ++i) ASSERT_EQ(q.put({i}), Passed::yes);
  EXPECT_FALSE(q->done()) << "nobody has any";
  for (std::uint64_t i = 0; i < 100; ++i) ASSERT_EQ(q.get(), Message{i});
  EXPECT_EQ(q->join(Deadline::after(1ms)), Passed::no) << "all are in somebody's hands";
  EXPECT_TRUE(q.is_sound());
  for (int i = 0; i < 99; ++i) EXPECT_TRUE(q->done());
  EXPECT_EQ(q->join(Deadline::now()), Passed::no);
  EXPECT_TRUE(q->done());
  EXPECT_EQ(q->join(Deadline::now()), Passed::yes);
  EXPECT_FALSE(q->done()) << "too often";
}

TEST(MessageQueue, of_tasks_each_is_done_once_and_all_are_told) {
  constexpr std::uint64_t each = 10'000;
  for (const std::uint64_t maxsize : {0U, 3U}) {
    Words q(maxsize, 64 << 20, true);
    std::atomic<std::uint64_t> sum{0}, done{0};
    std::atomic<int> left{3};
    std::vector<std::thread> threads;
    for (int t = 0; t < 3; ++t)
      threads.emplace_back([&] {
        while (const auto task = q.get()) {
          if ((*task)[0] == 0) break;
          EXPECT_EQ((*task)[0], (*task)[1]) << "torn";
          sum += (*task)[0];
          ++done;
          EXPECT_TRUE(q->done());
        }
        EXPECT_TRUE(q->done());
        --left;
      });
    for (std::uint64_t i = 1; i <= each; ++i) {
      ASSERT_EQ(q.put({i, i}), Passed::yes);
      if (i % 1000 != 0) continue;
      ASSERT_EQ(q->join(Deadline::never()), Passed::yes);
      EXPECT_EQ(done, i);
    }
    for (int t = 0; t < 3; ++t) ASSERT_EQ(q.put({0}), Passed::yes);
    ASSERT_EQ(q->join(Deadline::never()), Passed::yes);
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(sum, each * (each + 1) / 2);
    EXPECT_TRUE(q.is_sound());
  }
}

TEST(MessageQueue, of_tasks_those_of_the_dead_are_handed_out_again) {
  Words q(0, 64 << 20, true);
  std::size_t before = 0;
  for (std::uint64_t round = 0; round < 300; ++round) {
    for (std::uint64_t i = 0; i < 5; ++i) ASSERT_EQ(q.put({round, i}), Passed::yes);
    std::thread([&] {
      EXPECT_EQ(q.get(), (Message{round, 0}));
      EXPECT_EQ(q.get(), (Message{round, 1}));
      EXPECT_TRUE(q->done()) << "the first";
    }).join();
    // That one, and the others in their order.
    std::vector<std::uint64_t> got;
    for (int i = 0; i < 4; ++i) {
      EXPECT_EQ(q->join(Deadline::now()), Passed::no);
      const auto task = q.get(Deadline::now());
      ASSERT_TRUE(task && task->size() == 2 && (*task)[0] == round);
      got.push_back((*task)[1]);
      EXPECT_TRUE(q->done());
    }
    EXPECT_FALSE(q.get(Deadline::now()));
    EXPECT_EQ(std::erase(got, 1U), 1U) << "handed out again";
    EXPECT_EQ(got, (std::vector<std::uint64_t>{2, 3, 4}));
    EXPECT_EQ(q->join(Deadline::now()), Passed::yes);
    if (round == 10) before = q.used();
  }
  EXPECT_EQ(q.used(), before);
}

// A task that takes long, while a million others come and go.
TEST(MessageQueue, of_tasks_keeps_what_is_in_hands_and_no_more) {
  Words q(0, 64 << 20, true);
  ASSERT_EQ(q.put({1, 2, 3}), Passed::yes);
  std::size_t before = 0;
  std::thread([&] {
    ASSERT_EQ(q.get(), (Message{1, 2, 3}));
    std::thread([&] {
      for (std::uint64_t i = 0; i < 100'000; ++i) {
        ASSERT_EQ(q.put(Message(10, i)), Passed::yes);
        ASSERT_EQ(q.get(), Message(10, i));
        ASSERT_TRUE(q->done());
        if (i == 10'000) before = q.used();
      }
    }).join();
  }).join();
  EXPECT_EQ(q.used(), before);
  EXPECT_EQ(q.get(), (Message{1, 2, 3})) << "as it was";
}

}  // namespace
