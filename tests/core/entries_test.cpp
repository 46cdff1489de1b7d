#include <lagoon/core/entries.hpp>
#include <lagoon/core/entries_several.hpp>

#include <lagoon/core/copy.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <new>
#include <random>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "sanitizers.hpp"

namespace {

using lagoon::core::Entries;
using lagoon::test::with_tsan;

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

/// Whatever comes.
struct Any : Looked {
  [[nodiscard]] Entries::Is is_it() const {
    EXPECT_EQ(seen[1], seen[2]) << "torn";
    return Entries::Is::it;
  }
};

void fill(std::byte* payload, std::uint64_t key, std::uint64_t value) {
  const std::array<std::uint64_t, 3> words{key, value, value};
  lagoon::core::write_shared_fixed<24>(payload, words.data());
}

class Numbers {
 public:
  using Pairs = std::vector<std::pair<std::uint64_t, std::uint64_t>>;

  /// Of a hash, so many bits are the key's, and these are set.
  explicit Numbers(std::size_t bytes, unsigned hash_bits = 32, Entries::Hash bits_set = 0)
      : memory_(new (std::align_val_t{64}) std::byte[bytes]{}),
        entries_(new (memory_.get()) Entries(memory_.get())),
        hash_mask_(static_cast<std::uint32_t>((std::uint64_t{1} << hash_bits) - 1)),
        bits_set_(bits_set) {
    constexpr std::size_t begin = (sizeof(Entries) + 63) / 64 * 64;
    entries_->slab().add(begin, bytes - begin);
  }
  [[nodiscard]] Entries::Hash hash(std::uint64_t key) const {
    return (static_cast<std::uint32_t>(key * 0x9e3779b97f4a7c15ULL >> 32) & hash_mask_) | bits_set_;
  }
  bool set(std::uint64_t key, std::uint64_t value) {
    Looked looked{.key = key};
    const auto entry = entries_->find_entry(hash(key), looked);
    return entries_->put(entry, hash(key), {24},
                         [&](std::byte* payload) { fill(payload, key, value); });
  }
  /// All at once, each key once, if `publishes`; else it is given up. False if there is no memory.
  bool set_several(const Pairs& pairs, bool publishes = true) {
    std::uint64_t more = 0;
    for (const auto& [key, value] : pairs) more += get(key) == 0 ? 1U : 0U;
    Entries::Several several(*entries_, more);
    bool has_memory = several.has_begun();
    for (auto p = pairs.begin(); has_memory && p != pairs.end(); ++p) {
      Looked looked{.key = p->first};
      const auto entry = several.find_entry(hash(p->first), looked);
      has_memory = several.put(entry, hash(p->first), {24},
                               [&](std::byte* payload) { fill(payload, p->first, p->second); });
    }
    if (has_memory && publishes) several.publish();
    return has_memory;
  }
  bool erase_last(std::uint64_t& key) {
    Any any;
    const auto entry = entries_->last(any);
    if (!entry) return false;
    key = any.seen[0];
    entries_->erase(entry);
    return true;
  }
  /// Their keys and values as a walk meets them.
  [[nodiscard]] Pairs walk() const {
    Pairs met;
    Any any;
    for (Entries::Position at; entries_->next(at, any);) met.emplace_back(any.seen[0], any.seen[1]);
    return met;
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
  std::uint32_t hash_mask_, bits_set_;
};

/// Groups of hints that are full, at the end of the index, from which it goes on at its beginning.
TEST(Entries, whose_hashes_are_alike_are_found_all_the_same) {
  for (const Entries::Hash bits_set : {0U, 0x3ffffffcU, 0x3ffffff0U, 0xffffffffU})
    for (const unsigned hash_bits : {0U, 1U, 3U}) {
      Numbers n(1 << 20, hash_bits, bits_set);
      constexpr std::uint64_t keys = 600;  // the index has several pages
      for (std::uint64_t key = 1; key <= keys; ++key) ASSERT_TRUE(n.set(key, key));
      for (std::uint64_t key = 1; key <= keys; key += 3) ASSERT_TRUE(n.erase(key));
      for (std::uint64_t key = 1; key <= keys; ++key)
        ASSERT_EQ(n.get(key), key % 3 == 1 ? 0 : key) << "with " << hash_bits << " bits";
      EXPECT_EQ(n.get(keys + 1), 0U);
      for (std::uint64_t key = 1; key <= keys; key += 3) ASSERT_TRUE(n.set(key, key + 1));
      for (std::uint64_t key = 1; key <= keys; ++key)
        ASSERT_EQ(n.get(key), key % 3 == 1 ? key + 1 : key);
      EXPECT_EQ(n->size(), keys);
    }
}

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
  n->clear();
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
            n->clear();
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

TEST(Entries, of_which_most_were_erased_are_few) {
  Numbers n(16 << 20);
  for (const bool from_the_end : {false, true}) {
    const std::uint64_t empty = n->bytes_of_room(1);
    for (std::uint64_t i = 1; i <= 20'000; ++i) ASSERT_TRUE(n.set(i, i));
    EXPECT_GT(n->bytes_of_room(1), 20'000 * sizeof(std::uint64_t));
    for (std::uint64_t k = 1; k < 20'000; ++k)
      ASSERT_TRUE(n.erase(from_the_end ? 20'001 - k : k)) << k;
    const std::uint64_t left = from_the_end ? 1 : 20'000;
    EXPECT_EQ(n.get(left), left);
    EXPECT_LT(n->bytes_of_room(1), 8192U);
    ASSERT_TRUE(n.erase(left));
    EXPECT_LE(n->bytes_of_room(1), empty + 8192);
  }
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

TEST(Entries, without_memory_can_be_cleared) {
  Numbers n(1 << 15);
  std::uint64_t most = 0;
  for (int round = 0; round < 3; ++round) {
    std::uint64_t i = 1;
    while (n.set(i, i)) ++i;
    if (round == 0) most = i;
    EXPECT_EQ(i, most) << "all of it is used again";
    n->clear();
    EXPECT_EQ(n->size(), 0U);
    EXPECT_EQ(n.get(1), 0U);
  }
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

// ---- Walks --------------------------------------------------------------------------------------

TEST(Entries, are_met_in_the_order_in_which_they_came) {
  Numbers n(1 << 16);
  EXPECT_TRUE(n.walk().empty());
  for (const std::uint64_t key : {5U, 3U, 9U, 1U}) ASSERT_TRUE(n.set(key, 10 * key));
  EXPECT_EQ(n.walk(), (Numbers::Pairs{{5, 50}, {3, 30}, {9, 90}, {1, 10}}));
  ASSERT_TRUE(n.set(3, 31));
  EXPECT_EQ(n.walk(), (Numbers::Pairs{{5, 50}, {3, 31}, {9, 90}, {1, 10}})) << "stays where it was";
  n.erase(5);
  ASSERT_TRUE(n.set(5, 51));
  EXPECT_EQ(n.walk(), (Numbers::Pairs{{3, 31}, {9, 90}, {1, 10}, {5, 51}}));
  ASSERT_TRUE(n.set_several({{7, 70}, {9, 91}, {8, 80}}));
  EXPECT_EQ(n.walk(), (Numbers::Pairs{{3, 31}, {9, 91}, {1, 10}, {5, 51}, {7, 70}, {8, 80}}));
  n->clear();
  EXPECT_TRUE(n.walk().empty());
}

// Between any two steps anything may happen: what stays is met once, in order, with the value that
// it has then, and nothing is met twice.
TEST(Entries, that_stay_are_met_once_by_a_walk_whatever_happens_on_its_way) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::minstd_rand random(seed);
  for (const std::uint64_t keys : {6U, 60U, 3000U}) {
    Numbers n(8 << 20);
    std::map<std::uint64_t, std::uint64_t> values;
    std::map<std::uint64_t, std::uint64_t> came;  // and when
    std::uint64_t now = 0;
    std::set<std::uint64_t> staying;
    const auto change = [&] {
      const std::uint64_t key = 1 + random() % keys;
      switch (random() % 8) {
        case 0:
          if (random() % 200 != 0) break;
          n->clear();
          values.clear();
          staying.clear();
          break;
        case 1:
        case 2:
          ASSERT_EQ(n.erase(key), values.erase(key) != 0);
          staying.erase(key);
          break;
        case 3: {
          std::uint64_t last = 0;
          if (!n.erase_last(last)) break;
          values.erase(last);
          staying.erase(last);
          break;
        }
        case 4: {
          const std::uint64_t other = key % keys + 1;
          for (const std::uint64_t k : {key, other})
            if (!values.contains(k)) came[k] = ++now;
          ASSERT_TRUE(n.set_several({{key, now + 1}, {other, now + 2}}));
          values[key] = now + 1;
          values[other] = now + 2;
          break;
        }
        default:
          if (!values.contains(key)) came[key] = ++now;
          ASSERT_TRUE(n.set(key, values[key] = ++now));
      }
    };
    for (int round = 0; round < 200; ++round) {
      for (std::uint64_t i = random() % (2 * keys); i != 0; --i) change();
      staying.clear();
      for (const auto& [key, value] : values) staying.insert(key);
      const bool is_busy = random() % 4 == 0;
      std::set<std::uint64_t> met;
      std::uint64_t last = 0;
      Any any;
      for (Entries::Position at; n->next(at, any);) {
        const auto [key, value] = std::pair(any.seen[0], any.seen[1]);
        ASSERT_TRUE(values.contains(key)) << "it is gone";
        ASSERT_EQ(value, values[key]);
        ASSERT_GT(came[key], last) << "not in order, or twice";
        last = came[key];
        met.insert(key);
        if (is_busy || random() % 16 == 0)
          for (std::uint64_t i = random() % (is_busy ? 30 : 4); i != 0; --i) change();
      }
      for (const std::uint64_t key : staying)
        ASSERT_TRUE(met.contains(key)) << key << " was there all the time";
    }
  }
}

// The same beside a writer at full speed, which packs and grows all the time.
TEST(Entries, that_stay_are_met_once_by_walks_beside_a_writer) {
  Numbers n(4 << 20);
  constexpr std::uint64_t kept = 24;
  for (std::uint64_t key = 1; key <= kept; ++key) {
    ASSERT_TRUE(n.set(1000 + key, 1));
    ASSERT_TRUE(n.set(key, 1));
  }
  std::atomic<bool> stop = false;
  std::atomic<std::uint64_t> walks = 0;
  std::vector<std::jthread> readers;
  for (int t = 0; t < 2; ++t)
    readers.emplace_back([&] {
      std::array<std::uint64_t, kept + 1> values{};
      while (!stop) {
        std::uint64_t next = 1;
        std::set<std::uint64_t> others;
        for (const auto& [key, value] : n.walk()) {
          if (key > kept) continue;
          ASSERT_EQ(key, next) << "what stays is met once, in order";
          ASSERT_GE(value, values[key]) << "back in time";
          values[key] = value;
          ++next;
        }
        ASSERT_EQ(next, kept + 1) << "what stays is met";
        ++walks;
      }
    });
  std::minstd_rand random(7);
  const std::uint64_t enough = with_tsan ? 300 : 10'000;
  for (std::uint64_t i = 2; i < 20 * enough || walks < enough; ++i) {
    ASSERT_TRUE(n.set(1 + i % kept, i));
    const std::uint64_t key = 1000 + random() % (2 * kept);
    if (random() % 2 == 0)
      n.erase(key);
    else
      ASSERT_TRUE(n.set(key, i));
  }
  stop = true;
}

// ---- The last one -------------------------------------------------------------------------------

TEST(Entries, the_last_one_is_the_one_that_came_last) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::minstd_rand random(seed);
  Numbers n(4 << 20);
  std::vector<std::uint64_t> order;
  std::uint64_t last = 0;
  EXPECT_FALSE(n.erase_last(last));
  for (std::uint64_t i = 1; i < 100'000; ++i) {
    const std::uint64_t key = 1 + random() % 100;
    const auto at = std::find(order.begin(), order.end(), key);
    switch (random() % (i / 1000 % 2 == 0 ? 6 : 4)) {
      case 0:
        n.erase(key);
        if (at != order.end()) order.erase(at);
        break;
      case 1:
        ASSERT_TRUE(n.set_several({{key, i}, {key + 1000, i}}, false));  // given up
        break;
      case 2:
      case 3:
        ASSERT_EQ(n.erase_last(last), !order.empty());
        if (order.empty()) break;
        ASSERT_EQ(last, order.back());
        order.pop_back();
        break;
      default:
        ASSERT_TRUE(n.set(key, i));
        if (at == order.end()) order.push_back(key);
    }
    ASSERT_EQ(n->size(), order.size());
  }
}

// ---- Several at once ----------------------------------------------------------------------------

TEST(Entries, several_agree_with_a_map_given_up_or_not) {
  for (const unsigned hash_bits : {32U, 3U}) {
    const auto seed = std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::minstd_rand random(seed);
    Numbers n(32 << 20, hash_bits);
    std::map<std::uint64_t, std::uint64_t> expected;
    const std::uint64_t keys = hash_bits == 32 ? 4000 : 40;
    for (std::uint64_t i = 1; i < 4000; ++i) {
      auto next = expected;
      std::set<std::uint64_t> some;
      for (std::uint64_t k = random() % (random() % 16 == 0 ? keys / 4 : 8); k != 0; --k)
        some.insert(1 + random() % keys);
      Numbers::Pairs pairs;
      for (const std::uint64_t key : some) {
        pairs.emplace_back(key, i * 10'000 + key);
        next[key] = i * 10'000 + key;
      }
      const bool publishes = random() % 3 != 0;
      ASSERT_TRUE(n.set_several(pairs, publishes));
      if (publishes) expected = next;
      ASSERT_EQ(n->size(), expected.size());
      for (const auto& [key, value] : pairs)
        ASSERT_EQ(n.get(key), expected.contains(key) ? expected[key] : 0);
      const std::uint64_t key = 1 + random() % keys;
      switch (random() % 4) {
        case 0:
          ASSERT_EQ(n.erase(key), expected.erase(key) != 0);
          break;
        case 1:
          ASSERT_TRUE(n.set(key, expected[key] = i));
          break;
        default:
          ASSERT_EQ(n.get(key), expected.contains(key) ? expected[key] : 0);
      }
    }
    auto all = n.walk();
    std::ranges::sort(all);
    EXPECT_EQ(all, Numbers::Pairs(expected.begin(), expected.end()));
  }
}

// What they had entered leads to entries that nobody gets.
TEST(Entries, several_given_up_leave_room_for_others) {
  Numbers n(1 << 20);
  std::uint64_t key = 1;
  for (; key <= 20; ++key) ASSERT_TRUE(n.set(key, key));
  for (std::uint64_t i = 0; i < 5000; ++i) {  // often as many of one group of hints as it has
    Numbers::Pairs pairs;
    for (std::uint64_t k = 0; k < 12; ++k) pairs.emplace_back(1000 + 12 * i + k, i);
    ASSERT_TRUE(n.set_several(pairs, false));
  }
  for (; key <= 900; ++key) ASSERT_TRUE(n.set(key, key));
  for (std::uint64_t k = 1; k < key; ++k) ASSERT_EQ(n.get(k), k);
}

TEST(Entries, several_without_memory_stay_as_they_are) {
  Numbers n(1 << 18);
  const auto cleared = [&] {
    n->clear();
    return n->slab().free_bytes();
  };
  ASSERT_TRUE(n.set(1, 1));
  const auto free = cleared();
  for (int round = 0; round < 3; ++round) {
    for (std::uint64_t key = 1; key <= 600; ++key) ASSERT_TRUE(n.set(key, key));
    const auto before = n.walk();
    Numbers::Pairs pairs;
    std::uint64_t given_up = 0;
    for (std::uint64_t i = 0; i < 100'000; ++i) pairs.emplace_back(300 + i, 9'000'000 + i);
    for (std::size_t some = 1'000; some <= pairs.size(); some *= 2) {
      if (n.set_several({pairs.begin(), pairs.begin() + static_cast<std::ptrdiff_t>(some)})) {
        for (std::size_t i = 0; i < some; ++i) ASSERT_EQ(n.get(pairs[i].first), pairs[i].second);
        for (std::size_t i = 301; i < some; ++i) n.erase(pairs[i].first);
        for (std::uint64_t key = 300; key <= 600; ++key) ASSERT_TRUE(n.set(key, key));
      } else {
        ++given_up;
      }
      ASSERT_EQ(n->size(), before.size());
      ASSERT_EQ(n.walk(), before);
      for (const auto& [key, value] : before) ASSERT_EQ(n.get(key), value);
    }
    EXPECT_GT(given_up, 0U);
    EXPECT_EQ(cleared(), free) << "lost";
  }
}

// All or none of them, at one time: who has seen one sees the others.
TEST(Entries, several_are_never_seen_half) {
  Numbers n(4 << 20);
  constexpr std::uint64_t several = 6;
  Numbers::Pairs pairs;
  for (std::uint64_t key = 1; key <= several; ++key) pairs.emplace_back(key * 101, 1);
  pairs.emplace_back(1'000'001, 1);
  ASSERT_TRUE(n.set_several(pairs));
  pairs.pop_back();
  std::atomic<bool> stop = false;
  std::atomic<std::uint64_t> looks = 0;
  std::vector<std::jthread> readers;
  for (unsigned t = 0; t < 2; ++t)
    readers.emplace_back([&, t] {
      std::minstd_rand random(t + 1);
      std::uint64_t last = 1;
      while (!stop) {
        const std::uint64_t value = n.get((1 + random() % several) * 101);
        ASSERT_GE(value, last) << "of one who came with others that are there";
        last = value;
        const std::uint64_t fresh = n.get(1'000'000 + last);
        ASSERT_TRUE(fresh == last || n.get(101) > last) << "a new one that came with it";
        ++looks;
      }
    });
  const std::uint64_t enough = with_tsan ? 2000 : 100'000;
  for (std::uint64_t i = 2; i < enough || looks < 10 * enough; ++i) {
    for (auto& [key, value] : pairs) value = i;
    auto with_new = pairs;
    with_new.emplace_back(1'000'000 + i, i);
    ASSERT_TRUE(n.set_several(with_new));
    n.erase(1'000'000 + i - 1);
  }
  stop = true;
}

// ---- Far ----------------------------------------------------------------------------------------

/// A number near, and far as many bytes of it as it says.
struct Far {
  explicit Far(const lagoon::core::Slab& in) : slab(in) {}
  const lagoon::core::Slab& slab;
  std::uint64_t key = 0;
  std::array<std::uint64_t, 2> seen{};  // key, and what the far ones are
  lagoon::core::Record::Far way;
  std::vector<std::uint64_t> far;

  void copy(const lagoon::core::Record::Near& near) {
    lagoon::core::read_shared_fixed<sizeof seen>(seen.data(), near.payload);
    way = near.far;
  }
  [[nodiscard]] Entries::Is is_it() {
    if (seen[0] != key) return Entries::Is::another;
    far.resize(way.bytes / sizeof(std::uint64_t));
    return way.read(slab, std::as_writable_bytes(std::span(far))) ? Entries::Is::it
                                                                  : Entries::Is::gone;
  }
};

TEST(Entries, with_far_bytes_are_found_whole_while_they_are_replaced) {
  Numbers n(64 << 20);
  constexpr std::array<std::size_t, 4> sizes{1, 2000, 600, 10'000};
  const auto set = [&](std::uint64_t key, std::uint64_t value) {
    const std::vector<std::uint64_t> far(sizes[value % sizes.size()], value);
    Far looked(n->slab());
    looked.key = key;
    const auto entry = n->find_entry(n.hash(key), looked);
    return n->put(entry, n.hash(key), {16, std::as_bytes(std::span(far))}, [&](std::byte* near) {
      const std::array<std::uint64_t, 2> words{key, value};
      lagoon::core::write_shared_fixed<16>(near, words.data());
    });
  };
  ASSERT_TRUE(set(1, 1));
  ASSERT_TRUE(set(2, 2));
  std::atomic<bool> stop = false;
  std::atomic<std::uint64_t> reads = 0;
  std::vector<std::jthread> readers;
  for (int t = 0; t < 2; ++t)
    readers.emplace_back([&] {
      std::array<std::uint64_t, 3> last{};
      for (std::uint64_t i = 0; !stop; ++i) {
        Far looked(n->slab());
        looked.key = 1 + i % 2;
        ASSERT_TRUE(n->find(n.hash(looked.key), looked)) << "it is there";
        const std::uint64_t value = looked.seen[1];
        ASSERT_GE(value, last[looked.key]) << "back in time";
        last[looked.key] = value;
        ASSERT_EQ(looked.far.size(), sizes[value % sizes.size()]);
        ASSERT_TRUE(std::ranges::all_of(looked.far, [&](auto x) { return x == value; })) << "a mix";
        ++reads;
      }
    });
  const std::uint64_t enough = with_tsan ? 200 : 10'000;
  for (std::uint64_t i = 3; i < enough || reads < enough; ++i) ASSERT_TRUE(set(1 + i % 2, i));
  stop = true;
}

// What is far is read after the record: its pages may have become something else in between.
TEST(Entries, with_far_bytes_are_looked_at_again_when_all_was_gathered_meanwhile) {
  Numbers n(1 << 20);
  const std::vector<std::uint64_t> far(1000, 7);
  const auto fill = [](std::byte* near) {
    const std::array<std::uint64_t, 2> words{1, 7};
    lagoon::core::write_shared_fixed<16>(near, words.data());
  };
  ASSERT_TRUE(n->put({}, n.hash(1), {16, std::as_bytes(std::span(far))}, fill));
  struct Overtaken : Far {
    Overtaken(Numbers& numbers) : Far(numbers->slab()), n(numbers) { key = 1; }
    Numbers& n;
    int looks = 0;
    [[nodiscard]] Entries::Is is_it() {
      if (looks++ == 0) n->gather();
      return Far::is_it();
    }
  } looked(n);
  EXPECT_TRUE(n->find(n.hash(1), looked));
  EXPECT_EQ(looked.looks, 2);
  EXPECT_EQ(looked.far, far);
}

// In memory so small that what was one record is soon the midst of another: of any size, near and
// far, which are all made of their own value.
TEST(Entries, are_read_whole_while_their_memory_becomes_others_of_other_sizes) {
  Numbers n(1 << 19);
  struct Whole : Far {
    using Far::Far;
    std::vector<std::uint64_t> near;
    void copy(const lagoon::core::Record::Near& found) {
      Far::copy(found);
      near.resize(found.bytes / sizeof(std::uint64_t));
      lagoon::core::read_shared(near.data(), found.payload, near.size() * sizeof(std::uint64_t));
    }
  };
  const auto set = [&](std::uint64_t key, std::uint64_t value, std::size_t near_words,
                       std::size_t far_words) {
    const std::vector<std::uint64_t> far(far_words, value);
    std::vector<std::uint64_t> near(near_words, value);
    near[0] = key;
    Whole looked(n->slab());
    looked.key = key;
    const auto entry = n->find_entry(n.hash(key), looked);
    return n->put(entry, n.hash(key), {near_words * 8, std::as_bytes(std::span(far))},
                  [&](std::byte* payload) {
                    lagoon::core::write_shared(payload, near.data(), near_words * 8);
                  });
  };
  const auto find = [&](std::uint64_t key, Whole& looked) {
    looked.key = key;
    if (!n->find(n.hash(key), looked)) return std::uint64_t{0};
    const std::uint64_t value = looked.seen[1];
    EXPECT_TRUE(std::all_of(looked.near.begin() + 1, looked.near.end(), [&](auto x) {
      return x == value;
    })) << "a mix";
    EXPECT_TRUE(std::ranges::all_of(looked.far, [&](auto x) { return x == value; })) << "a mix";
    return value;
  };
  constexpr std::uint64_t kept = 4, keys = 40;
  for (std::uint64_t key = 1; key <= kept; ++key) ASSERT_TRUE(set(key, 1, 2, 0));
  std::atomic<bool> stop = false;
  std::atomic<std::uint64_t> reads = 0;
  std::vector<std::jthread> readers;
  for (unsigned t = 0; t < 2; ++t)
    readers.emplace_back([&, t] {
      std::array<std::uint64_t, kept + 1> last{};
      std::minstd_rand random(t + 1);
      Whole looked(n->slab());
      while (!stop) {
        (void)find(kept + 1 + random() % (keys - kept), looked);
        const std::uint64_t key = 1 + random() % kept;
        const std::uint64_t value = find(key, looked);
        EXPECT_GE(value, std::max<std::uint64_t>(last[key], 1)) << "back in time, or not there";
        last[key] = value;
        ++reads;
      }
    });
  std::minstd_rand random(99);
  std::uint64_t gathered = 0;
  std::size_t most_near = 2, most_far = 0;
  const std::uint64_t enough = with_tsan ? 2'000 : 100'000;
  for (std::uint64_t i = 2; i < enough || reads < enough || gathered < 100; ++i) {
    if (i % 200 == 0) {
      most_near = random() % 2 == 0 ? 4 : 400;
      most_far = random() % 3 == 0 ? 1500 : 0;
    }
    const std::uint64_t key = 1 + random() % keys;
    const std::size_t near_words = 2 + random() % most_near;
    const std::size_t far_words = most_far == 0 ? 0 : random() % most_far;
    while (!set(key, i, near_words, far_words)) {
      n->gather();
      ++gathered;
      if (set(key, i, near_words, far_words)) break;
      Whole looked(n->slab());
      looked.key = kept + 1 + random() % (keys - kept);
      if (const auto entry = n->find_entry(n.hash(looked.key), looked)) n->erase(entry);
    }
  }
  stop = true;
}

// ---- Readers ------------------------------------------------------------------------------------

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
