#include <lagoon/core/entries.hpp>

#include <lagoon/core/copy.hpp>

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <new>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

using lagoon::core::Entries;

/// Numbers under numbers; each value twice, so that a torn one is seen.
struct Looked {
  std::uint64_t key = 0;
  std::array<std::uint64_t, 3> seen{};  // key, value, value

  void copy(const lagoon::core::Record::Near& near) {
    lagoon::core::read_shared_fixed<sizeof seen>(seen.data(), near.payload);
  }
  [[nodiscard]] Entries::Is is_it() const {
    EXPECT_EQ(seen[1], seen[2]) << "torn";
    return seen[0] == key ? Entries::Is::it : Entries::Is::another;
  }
};

class Numbers {
 public:
  explicit Numbers(std::size_t bytes, unsigned hash_bits = 32)
      : memory_(new (std::align_val_t{64}) std::byte[bytes]{}),
        entries_(new (memory_.get()) Entries(memory_.get())),
        hash_mask_(static_cast<std::uint32_t>((std::uint64_t{1} << hash_bits) - 1)) {
    constexpr std::size_t begin = (sizeof(Entries) + 63) / 64 * 64;
    entries_->slab().add(begin, bytes - begin);
  }
  [[nodiscard]] Entries::Hash hash(std::uint64_t key) const {
    return static_cast<std::uint32_t>(key * 0x9e3779b97f4a7c15ULL >> 32) & hash_mask_;
  }
  bool set(std::uint64_t key, std::uint64_t value) {
    Looked looked{.key = key};
    const auto entry = entries_->find_entry(hash(key), looked);
    return entries_->put(entry, hash(key), {24}, [&](std::byte* payload) {
      const std::array<std::uint64_t, 3> words{key, value, value};
      lagoon::core::write_shared_fixed<24>(payload, words.data());
    });
  }
  bool erase(std::uint64_t key) {
    Looked looked{.key = key};
    const auto entry = entries_->find_entry(hash(key), looked);
    if (entry) entries_->erase(entry);
    return bool(entry);
  }
  /// Zero if it is not there.
  [[nodiscard]] std::uint64_t get(std::uint64_t key) const {
    Looked looked{.key = key};
    return entries_->find(hash(key), looked) ? looked.seen[1] : 0;
  }
  Entries* operator->() { return entries_; }

 private:
  struct Delete {
    void operator()(std::byte* memory) const { operator delete[](memory, std::align_val_t{64}); }
  };
  std::unique_ptr<std::byte[], Delete> memory_;
  Entries* entries_;
  std::uint32_t hash_mask_;
};

TEST(Entries, are_found_replaced_and_erased) {
  Numbers n(1 << 16);
  EXPECT_EQ(n.get(1), 0U);
  EXPECT_EQ(n->size(), 0U);
  EXPECT_FALSE(n.erase(1));
  EXPECT_TRUE(n.set(1, 10));
  EXPECT_TRUE(n.set(2, 20));
  EXPECT_EQ(n.get(1), 10U);
  EXPECT_EQ(n->size(), 2U);
  EXPECT_TRUE(n.set(1, 11));
  EXPECT_EQ(n.get(1), 11U);
  EXPECT_EQ(n->size(), 2U);
  EXPECT_TRUE(n.erase(1));
  EXPECT_EQ(n.get(1), 0U);
  EXPECT_EQ(n.get(2), 20U);
  EXPECT_EQ(n->size(), 1U);
  EXPECT_TRUE(n->clear());
  EXPECT_EQ(n->size(), 0U);
  EXPECT_EQ(n.get(2), 0U);
  EXPECT_TRUE(n.set(2, 21));
  EXPECT_EQ(n.get(2), 21U);
}

// With few hashes every key has others in its way.
TEST(Entries, agree_with_a_map_however_they_come_and_go) {
  for (const unsigned hash_bits : {32U, 4U, 0U}) {
    const auto seed = std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::minstd_rand random(seed);
    Numbers n(8 << 20, hash_bits);
    std::map<std::uint64_t, std::uint64_t> expected;
    const std::uint64_t keys = hash_bits == 32 ? 3000 : 60;
    for (int i = 0; i < 100'000; ++i) {
      const std::uint64_t key = 1 + random() % keys;
      switch (random() % (i / 5000 % 2 == 0 ? 8 : 3)) {
        case 0:
          ASSERT_EQ(n.erase(key), expected.erase(key) != 0);
          break;
        case 1:
          if (i % 1000 == 0) {
            ASSERT_TRUE(n->clear());
            expected.clear();
          }
          break;
        default:
          ASSERT_TRUE(n.set(key, static_cast<std::uint64_t>(i) + 1));
          expected[key] = static_cast<std::uint64_t>(i) + 1;
      }
      ASSERT_EQ(n->size(), expected.size());
      const std::uint64_t other = 1 + random() % keys;
      ASSERT_EQ(n.get(other), expected.contains(other) ? expected[other] : 0);
    }
    for (std::uint64_t key = 1; key <= keys; ++key)
      ASSERT_EQ(n.get(key), expected.contains(key) ? expected[key] : 0);
  }
}

TEST(Entries, at_constant_size_take_constant_memory) {
  Numbers n(4 << 20);
  std::uint64_t first = 0;
  for (std::uint64_t i = 1; i < 300'000; ++i) {
    ASSERT_TRUE(n.set(i, i));
    ASSERT_TRUE(i <= 1000 || n.erase(i - 1000));
    if (i == 20'000) first = n->slab().free_bytes();
  }
  EXPECT_EQ(n->slab().free_bytes(), first);
  for (std::uint64_t i = 299'000; i < 300'000; ++i) EXPECT_EQ(n.get(i), i);
}

TEST(Entries, without_memory_stay_as_they_are) {
  Numbers n(1 << 15);
  std::uint64_t i = 1;
  while (n.set(i, i)) ++i;
  EXPECT_GT(i, 50U);
  EXPECT_EQ(n->size(), i - 1);
  for (std::uint64_t k = 1; k < i; ++k) EXPECT_EQ(n.get(k), k);
  EXPECT_TRUE(n.erase(7));
  EXPECT_EQ(n->size(), i - 2);
}

TEST(Entries, whose_filling_throws_stay_as_they_are) {
  Numbers n(1 << 15);
  EXPECT_TRUE(n.set(1, 10));
  const auto free = n->slab().free_bytes();
  Looked looked{.key = 1};
  const auto entry = n->find_entry(n.hash(1), looked);
  for (const Entries::Found e : {entry, Entries::Found{}})
    EXPECT_THROW(
        (void)n->put(e, n.hash(1), {24}, [](std::byte*) { throw std::runtime_error("no"); }),
        std::runtime_error);
  EXPECT_EQ(n.get(1), 10U);
  EXPECT_EQ(n->size(), 1U);
  EXPECT_EQ(n->slab().free_bytes(), free);
}

// Readers without the turn, while all is replaced, inserted, erased and packed at full speed: what
// is there all the time is found, and no value is older than one seen before.
TEST(Entries, that_stay_are_found_by_readers_whatever_a_writer_does) {
  Numbers n(16 << 20);
  constexpr std::uint64_t kept = 16;
  for (std::uint64_t key = 1; key <= kept; ++key) ASSERT_TRUE(n.set(key, 1));
  std::atomic<bool> stop = false;
  std::atomic<std::uint64_t> reads = 0;
  std::vector<std::jthread> readers;
  for (unsigned t = 0; t < 2; ++t)
    readers.emplace_back([&, t] {
      std::array<std::uint64_t, kept + 1> last{};
      std::minstd_rand random(t + 1);
      while (!stop) {
        const std::uint64_t key = 1 + random() % kept;
        const std::uint64_t value = n.get(key);
        EXPECT_NE(value, 0U) << "it is there";
        EXPECT_GE(value, last[key]) << "back in time";
        last[key] = value;
        EXPECT_GE(n->size(), kept);
        const std::uint64_t gone = 100 + random() % 1000;
        const std::uint64_t other = n.get(gone);
        EXPECT_TRUE(other == 0 || other % 10'000 == gone) << "another's";
        ++reads;
      }
    });
  std::minstd_rand random(99);
  for (std::uint64_t i = 2; i < 300'000 || reads < 1000; ++i) {
    ASSERT_TRUE(n.set(1 + random() % kept, i));
    const std::uint64_t key = 100 + random() % 1000;
    if (i / 20'000 % 2 == 0)
      ASSERT_TRUE(n.set(key, i * 10'000 + key));
    else
      n.erase(key);
  }
  stop = true;
}

}  // namespace
