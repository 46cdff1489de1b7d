#include <lagoon/core/sequence.hpp>

#include <lagoon/core/copy.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <numeric>
#include <random>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "sanitizers.hpp"

namespace {

using lagoon::core::Record;
using lagoon::core::Sequence;

/// Of a writer beside readers.
constexpr std::uint64_t rounds =
    lagoon::test::with_tsan || lagoon::test::with_asan ? 5000 : 100'000;

/// A number is as many bytes as it says itself, in words that are all alike: a torn one is seen.
std::size_t words_of(std::uint64_t number) {
  const std::uint64_t kind = number % 100;
  return kind == 99 ? 1200 : kind == 98 ? 60 + number % 300 : 2 + number % 3;
}

struct Looked {
  const lagoon::core::Slab& slab;
  std::vector<std::uint64_t> seen{};
  Record::Far far{};

  void copy(const Record::Near& near) {
    seen.resize(near.bytes / 8);
    lagoon::core::read_shared(seen.data(), near.payload, seen.size() * 8);
    far = near.far;
  }
  [[nodiscard]] bool is_whole() {
    if (far) {
      seen.resize(far.bytes / 8);
      if (!far.read(slab, std::as_writable_bytes(std::span(seen)))) return false;
    }
    return true;
  }
  [[nodiscard]] std::uint64_t number() const {
    EXPECT_EQ(seen, std::vector(words_of(seen[0]), seen[0])) << "torn";
    return seen[0];
  }
};

class Numbers {
 public:
  explicit Numbers(std::size_t bytes)
      : memory_(new (std::align_val_t{64}) std::byte[bytes]{}),
        sequence_(new (memory_.get()) Sequence(memory_.get())) {
    constexpr std::size_t begin = (sizeof(Sequence) + 63) / 64 * 64;
    sequence_->slab().add(begin, bytes - begin);
  }
  template <class Put>
  static bool put(std::uint64_t number, Put&& put) {
    const std::vector words(words_of(number), number);
    const auto bytes = std::as_bytes(std::span(words));
    const bool is_far = bytes.size() > Sequence::near_most;
    return put(is_far ? Sequence::Size{0, bytes} : Sequence::Size{bytes.size()},
               [&](std::byte* near) {
                 if (!is_far) lagoon::core::write_shared(near, bytes.data(), bytes.size());
               });
  }
  bool append(std::uint64_t number) {
    return put(number, [&](auto&& size, auto&& fill) { return sequence_->append(size, fill); });
  }
  bool set(std::uint64_t i, std::uint64_t number) {
    return put(number, [&](auto&& size, auto&& fill) { return sequence_->put(i, size, fill); });
  }
  /// These in the place of `count` from there on.
  bool splice(std::uint64_t at, std::uint64_t count, const std::vector<std::uint64_t>& numbers) {
    const std::uint64_t size = sequence_->size();
    Sequence::Rewrite rewrite(*sequence_, at, size - count + numbers.size());
    if (!rewrite.has_begun()) return false;
    for (std::size_t i = 0; i < numbers.size(); ++i)
      if (!put(numbers[i],
               [&](auto&& bytes, auto&& fill) { return rewrite.put(at + i, bytes, fill); }))
        return false;
    rewrite.drop(at, count);
    rewrite.move(at + numbers.size(), at + count, size - at - count);
    rewrite.publish();
    return true;
  }
  bool reverse() {
    const std::uint64_t size = sequence_->size();
    Sequence::Rewrite rewrite(*sequence_, 0, size);
    if (!rewrite.has_begun()) return false;
    for (std::uint64_t i = 0; i < size; ++i) rewrite.move(i, size - 1 - i);
    rewrite.publish();
    return true;
  }
  /// Zero if it is not there.
  [[nodiscard]] std::uint64_t get(std::uint64_t i) const {
    Looked looked{sequence_->slab()};
    return sequence_->read(i, looked) ? looked.number() : 0;
  }
  [[nodiscard]] std::uint64_t from_end(std::uint64_t i) const {
    Looked looked{sequence_->slab()};
    return sequence_->read_from_end(i, looked) ? looked.number() : 0;
  }
  [[nodiscard]] std::vector<std::uint64_t> all() const {
    std::vector<std::uint64_t> numbers(sequence_->size());
    for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = get(i);
    return numbers;
  }
  Sequence* operator->() { return sequence_; }

 private:
  struct Delete {
    void operator()(std::byte* memory) const { operator delete[](memory, std::align_val_t{64}); }
  };
  std::unique_ptr<std::byte[], Delete> memory_;
  Sequence* sequence_;
};

using Expected = std::vector<std::uint64_t>;

TEST(Sequence, is_appended_to_read_replaced_and_taken_off) {
  Numbers n(1 << 16);
  EXPECT_EQ(n->size(), 0U);
  EXPECT_EQ(n.get(0), 0U);
  EXPECT_EQ(n.from_end(1), 0U);
  for (std::uint64_t i = 1; i <= 20; ++i) {
    ASSERT_TRUE(n.append(i));
    EXPECT_EQ(n.from_end(1), i);
    EXPECT_EQ(n.from_end(i), 1U);
    EXPECT_EQ(n.from_end(i + 1), 0U);
  }
  EXPECT_EQ(n->size(), 20U);
  EXPECT_TRUE(n.set(3, 99));
  EXPECT_EQ(n.get(3), 99U);
  EXPECT_EQ(n.get(20), 0U);
  n->pop();
  EXPECT_EQ(n->size(), 19U);
  EXPECT_EQ(n.get(19), 0U);
  EXPECT_EQ(n.from_end(1), 19U);
}

TEST(Sequence, agrees_with_a_vector_whatever_is_done) {
  for (const std::size_t about : {10U, 600U, 3000U}) {
    const auto seed = std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::minstd_rand random(seed);
    Numbers n(64 << 20);
    Expected expected;
    std::uint64_t next = 1;
    const auto here = [&](std::uint64_t i) {
      return expected.begin() + static_cast<std::ptrdiff_t>(i);
    };
    for (std::uint64_t round = 0; round < std::min<std::uint64_t>(rounds, 6000); ++round) {
      const std::uint64_t at = random() % (expected.size() + 1);
      switch (random() % 8) {
        case 0: {
          const std::uint64_t count = random() % (expected.size() - at + 1);
          const std::uint64_t few = random() % 4 == 0 ? count : std::min<std::uint64_t>(count, 3);
          const bool grows = expected.size() < about;
          Expected numbers(random() % (grows ? about / 4 + 2 : 3));
          std::iota(numbers.begin(), numbers.end(), next);
          next += numbers.size();
          ASSERT_TRUE(n.splice(at, few, numbers));
          expected.erase(here(at), here(at + few));
          expected.insert(here(at), numbers.begin(), numbers.end());
          break;
        }
        case 1:
          if (random() % 10 != 0) break;
          ASSERT_TRUE(n.reverse());
          std::ranges::reverse(expected);
          break;
        case 2:
          if (random() % 200 != 0) break;
          ASSERT_TRUE(n.splice(0, expected.size(), {}));
          expected.clear();
          break;
        case 3:
          if (expected.empty()) break;
          n->pop();
          expected.pop_back();
          break;
        case 4:
        case 5:
          if (at == expected.size()) break;
          ASSERT_TRUE(n.set(at, next));
          expected[at] = next++;
          break;
        default:
          ASSERT_TRUE(n.append(next));
          expected.push_back(next++);
      }
      ASSERT_EQ(n->size(), expected.size());
      const std::uint64_t i = random() % (expected.size() + 2);
      ASSERT_EQ(n.get(i), i < expected.size() ? expected[i] : 0);
      ASSERT_EQ(n.from_end(i + 1), i < expected.size() ? expected[expected.size() - 1 - i] : 0);
      if (round % 50 == 0) {
        ASSERT_EQ(n.all(), expected);
      }
    }
    EXPECT_EQ(n.all(), expected);
    ASSERT_TRUE(n.splice(0, expected.size(), {}));
    const auto free = n->slab().free_bytes();
    for (std::uint64_t i = 0; i < 5000; ++i) ASSERT_TRUE(n.append(i * 100 + 1));
    ASSERT_TRUE(n.splice(0, 5000, {}));
    EXPECT_EQ(n->slab().free_bytes(), free) << "leaked";
  }
}

TEST(Sequence, at_constant_size_takes_constant_memory) {
  Numbers n(1 << 19);
  std::uint64_t first = 0;
  for (std::uint64_t i = 1; i < 2 * rounds; ++i) {
    ASSERT_TRUE(i % 2 != 0 ? n.append(3) : n.splice(i % 1000 % (n->size() + 1), 0, {3}));
    if (i > 1000 && i % 3 == 0) n->pop();
    ASSERT_TRUE(i <= 1000 || i % 3 == 0 || n.splice(i % 900, 1, {}));
    if (i == rounds / 2) first = n->slab().free_bytes();
  }
  EXPECT_EQ(n->slab().free_bytes(), first);
}

TEST(Sequence, without_memory_stays_as_it_is) {
  Numbers n(1 << 15);
  std::uint64_t i = 1;
  while (n.append(10 * i + 1)) ++i;
  EXPECT_GT(i, 50U);
  const Expected before = n.all();
  EXPECT_FALSE(n.splice(1, 0, Expected(100, 3)));
  EXPECT_FALSE(n.splice(2, 3, Expected(1000, 3)));
  EXPECT_EQ(n.all(), before);
  EXPECT_EQ(n->size(), i - 1);
  n->pop();
  EXPECT_TRUE(n.append(3));
  EXPECT_TRUE(n.splice(0, i - 1, {})) << "to be cleared it needs none";
  EXPECT_EQ(n->size(), 0U);
}

TEST(Sequence, whose_filling_throws_stays_as_it_is) {
  Numbers n(1 << 15);
  EXPECT_TRUE(n.append(1));
  const auto free = n->slab().free_bytes();
  const auto fill = [](std::byte*) { throw std::runtime_error("no"); };
  EXPECT_THROW((void)n->append({24}, fill), std::runtime_error);
  EXPECT_THROW((void)n->put(0, {24}, fill), std::runtime_error);
  EXPECT_THROW(
      {
        Sequence::Rewrite rewrite(*n.operator->(), 1, 2);
        (void)rewrite.put(1, {24}, fill);
      },
      std::runtime_error);
  EXPECT_EQ(n.all(), Expected{1});
  EXPECT_EQ(n->slab().free_bytes(), free);
}

// What is far is read after the record: its pages may have become something else in between.
TEST(Sequence, with_far_bytes_is_looked_at_again_when_all_was_gathered_meanwhile) {
  Numbers n(1 << 20);
  const std::vector<std::uint64_t> far(1000, 7);
  ASSERT_TRUE(n->append({0, std::as_bytes(std::span(far))}, [](std::byte*) {}));
  struct Overtaken : Looked {
    Overtaken(Numbers& numbers) : Looked{numbers->slab()}, n(numbers) {}
    Numbers& n;
    int looks = 0;
    [[nodiscard]] bool is_whole() {
      if (looks++ == 0) n->gather();
      return Looked::is_whole();
    }
  } looked(n);
  EXPECT_TRUE(n->read(0, looked));
  EXPECT_EQ(looked.looks, 2);
  EXPECT_EQ(looked.seen, far);
  looked.looks = 0;
  EXPECT_TRUE(n->read_from_end(1, looked));
  EXPECT_EQ(looked.looks, 2);
}

// In memory so small that what was one record is soon the midst of another.
TEST(Sequence, is_read_whole_while_its_memory_becomes_others_of_other_sizes) {
  Numbers n(1 << 19);
  ASSERT_TRUE(n.append(1));
  std::atomic<bool> stop = false;
  std::atomic<std::uint64_t> reads = 0;
  std::vector<std::jthread> readers;
  for (unsigned t = 0; t < 2; ++t)
    readers.emplace_back([&, t] {
      std::uint64_t first = 0;
      std::minstd_rand random(t + 1);
      while (!stop) {
        const std::uint64_t now = n.get(0);
        EXPECT_GE(now, std::max<std::uint64_t>(first, 1)) << "back in time, or not there";
        first = now;
        (void)n.get(random() % 200);
        (void)n.from_end(1);
        ++reads;
      }
    });
  std::minstd_rand random(99);
  std::uint64_t gathered = 0, number = 2;
  std::size_t phase = 0;
  for (std::uint64_t i = 2; i < rounds || reads < 1000 || gathered < 100; ++i) {
    if (i % 300 == 0) phase = random() % 3;
    // What a number's record is as long as, is told by the number: words_of.
    do ++number;
    while ((words_of(number) > 500 ? 2U : words_of(number) > 8 ? 1U : 0U) != phase);
    const std::uint64_t size = n->size();
    bool is_done = random() % 4 == 0 ? n.set(0, number) : n.append(number);
    if (!is_done) {
      n->gather();
      ++gathered;
      is_done = n.set(0, number);
    }
    if (!is_done || size > 150) {
      ASSERT_TRUE(n.splice(1, size - 1, {}));
    }
  }
  stop = true;
}

// Readers without the turn, while all is replaced, moved and made anew at full speed. What stands
// at place 0 only grows; the last but one is one more than the last, whenever both are there; what
// is at the end is never of the middle.
TEST(Sequence, is_read_whole_whatever_a_writer_does) {
  Numbers n(64 << 20);
  constexpr std::uint64_t ends = 1'000'000'000;  // and more: only ever at the end
  ASSERT_TRUE(n.append(1) && n.append(ends));
  std::atomic<bool> stop = false;
  std::atomic<std::uint64_t> reads = 0;
  std::vector<std::jthread> readers;
  for (unsigned t = 0; t < 2; ++t)
    readers.emplace_back([&, t] {
      std::uint64_t first = 0, last = 0;
      std::minstd_rand random(t + 1);
      while (!stop) {
        const std::uint64_t now = n.get(0);
        EXPECT_GE(now, std::max<std::uint64_t>(first, 1)) << "back in time";
        first = now;
        const std::uint64_t end = n.from_end(1);
        EXPECT_GE(end, std::max(last, ends)) << "not the last one, or back in time";
        last = end;
        EXPECT_GE(n->size(), 2U);
        (void)n.get(random() % 2000);
        ++reads;
      }
    });
  std::minstd_rand random(99);
  for (std::uint64_t i = 2; i < rounds || reads < 1000; ++i) {
    const std::uint64_t size = n->size();
    switch (random() % 6) {
      case 0:
        ASSERT_TRUE(n.set(0, i));
        break;
      case 1:
        ASSERT_TRUE(n.set(size - 1, ends + i));
        break;
      case 2:
        ASSERT_TRUE(n.append(ends + i));
        break;
      case 3:  // and not two: the one that was taken off may be read, and one before it then
        if (size > 3) {
          ASSERT_TRUE(n.splice(1, 1, {}));
        }
        break;
      default:
        if (i / (rounds / 5) % 2 == 0 || size < 8)
          ASSERT_TRUE(n.splice(1, 0, Expected(1 + random() % 8, i)));
        else
          ASSERT_TRUE(n.splice(1, 1 + random() % (size - 3), {}));
    }
  }
  stop = true;
}

TEST(Sequence, is_read_from_its_end_as_it_was_at_one_time) {
  Numbers n(8 << 20);
  ASSERT_TRUE(n.append(3) && n.append(6));
  std::atomic<bool> stop = false;
  std::atomic<std::uint64_t> reads = 0;
  std::jthread reader([&] {
    while (!stop) {
      const std::uint64_t last = n.from_end(1), before = n.from_end(2);
      EXPECT_NE(last, 0U) << "there are always two";
      EXPECT_NE(before, 0U) << "there are always two";
      EXPECT_EQ(last % 2, 0U) << "an odd one was never the last";
      ++reads;
    }
  });
  // One becomes odd when another stands behind it, and even before that one goes.
  for (std::uint64_t i = 6; i < 10 * rounds || reads < 1000; i += 6) {
    ASSERT_TRUE(n.append(i));
    ASSERT_TRUE(n.set(n->size() - 2, i + 3));
    ASSERT_TRUE(n.set(n->size() - 2, i));
    n->pop();
  }
  stop = true;
}

}  // namespace
