#include <lagoon/core/words.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <new>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <vector>

namespace {

using lagoon::core::Slab;
using lagoon::core::Words;

class WordsTest : public testing::Test {
 protected:
  WordsTest() { slab_->add(round(sizeof(Slab)), bytes - round(sizeof(Slab))); }

  void publish() {
    slab_->seal();
    slab_->settle(true);
  }
  static constexpr std::size_t round(std::size_t n) { return (n + 63) / 64 * 64; }
  static constexpr std::size_t bytes = 64 << 20;
  struct Delete {
    void operator()(std::byte* memory) const { operator delete[](memory, std::align_val_t{64}); }
  };
  std::unique_ptr<std::byte[], Delete> memory_{new (std::align_val_t{64}) std::byte[bytes]{}};
  Slab* slab_ = new (memory_.get()) Slab(memory_.get());
};

TEST_F(WordsTest, of_any_number_are_zeros_each_its_own) {
  for (const std::uint64_t count :
       {1U, 8U, 511U, 512U, 513U, 1024U, 262'144U, 262'145U, 600'000U}) {
    const auto words = Words::make(*slab_, count);
    ASSERT_TRUE(words);
    ASSERT_GE(words->count(), count);
    for (std::uint64_t i = 0; i < words->count(); ++i) {
      ASSERT_EQ(words->at(*slab_, i).load(), 0U) << i;
      words->at(*slab_, i).store(i + 1);
    }
    for (std::uint64_t i = 0; i < words->count(); ++i)
      ASSERT_EQ(words->find(*slab_, i)->load(), i + 1) << "of " << count;
    words->drop(*slab_);
    slab_->seal();
    slab_->settle(true);
  }
}

TEST_F(WordsTest, grow_and_keep_what_they_have_and_no_memory_is_lost) {
  const auto free = slab_->free_bytes();
  std::minstd_rand random(7);
  for (int round = 0; round < 20; ++round) {
    auto words = Words::make(*slab_, 1 + random() % 20);
    slab_->seal();
    slab_->settle(true);
    std::uint64_t filled = 0;
    while (words->count() < 300'000) {
      for (; filled < words->count(); ++filled) words->at(*slab_, filled).store(filled * 3);
      const auto longer =
          words->grown(*slab_, words->count() + 1 + random() % (words->count() * 2));
      ASSERT_TRUE(longer);
      const bool publishes = random() % 4 != 0;
      if (publishes) slab_->seal();
      slab_->settle(publishes);
      if (publishes) words = longer;
      for (std::uint64_t i = 0; i < words->count(); i += 1 + words->count() / 1000)
        ASSERT_EQ(words->at(*slab_, i).load(), i < filled ? i * 3 : 0) << i;
      EXPECT_EQ(slab_->free_bytes() + Words::bytes_taken(words->count()), free);
    }
    words->drop(*slab_);
    slab_->seal();
    slab_->settle(true);
    EXPECT_EQ(slab_->free_bytes(), free);
  }
}

// A fork's words are its own where they are owned, and those of the other are as they were: for
// good if the fork is given up, until it is published if it is not.
TEST_F(WordsTest, forked_change_alone_and_no_memory_is_lost) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::minstd_rand random(seed);
  const auto free = slab_->free_bytes();
  for (const std::uint64_t count : {1U, 8U, 512U, 513U, 5000U, 262'144U, 262'145U, 700'000U}) {
    SCOPED_TRACE("of " + std::to_string(count));
    auto words = Words::make(*slab_, count);
    publish();
    for (std::uint64_t i = 0; i < words->count(); ++i) words->at(*slab_, i).store(i + 1);
    std::map<std::uint64_t, std::uint64_t> changed;
    for (int round = 0; round < 6; ++round) {
      const auto forked = words->forked(*slab_);
      ASSERT_TRUE(forked);
      ASSERT_EQ(forked->count(), words->count());
      auto now = changed;
      for (std::uint64_t n = random() % 20; n != 0; --n) {
        const std::uint64_t i = random() % words->count();
        ASSERT_TRUE(forked->own(*slab_, i, *words));
        ASSERT_TRUE(forked->own(*slab_, i, *words)) << "it may be called again";
        forked->at(*slab_, i).store(now[i] = random());
      }
      const auto expect_words = [&](const Words& row, const auto& others) {
        for (const auto& [i, x] : now)
          ASSERT_EQ(row.at(*slab_, i).load(), others.contains(i) ? others.at(i) : i + 1) << i;
        for (std::uint64_t i = 0; i < row.count(); i += 1 + row.count() / 1000)
          ASSERT_EQ(row.at(*slab_, i).load(), others.contains(i) ? others.at(i) : i + 1) << i;
      };
      expect_words(*words, changed);
      expect_words(*forked, now);
      if (round % 2 == 0) {
        slab_->settle(false);
        expect_words(*words, changed);
      } else {
        publish();
        words = forked;
        changed = now;
        expect_words(*words, changed);
      }
      ASSERT_EQ(slab_->free_bytes() + Words::bytes_taken(words->count()), free) << "lost";
    }
    words->drop(*slab_);
    publish();
    EXPECT_EQ(slab_->free_bytes(), free) << "lost";
  }
}

TEST_F(WordsTest, without_memory_are_not_forked_nor_owned) {
  const auto words = Words::make(*slab_, bytes / 8 / 10 * 9);
  ASSERT_TRUE(words);
  publish();
  const auto free = slab_->free_bytes();
  for (int round = 0; round < 2; ++round) {
    const auto forked = words->forked(*slab_);
    ASSERT_TRUE(forked);
    std::uint64_t owned = 0;
    for (; owned < words->count() && forked->own(*slab_, owned, *words); owned += 512)
      forked->at(*slab_, owned).store(1);
    ASSERT_LT(owned, words->count());
    slab_->settle(false);
    EXPECT_EQ(slab_->free_bytes(), free) << "lost";
    for (std::uint64_t i = 0; i < words->count(); i += 512)
      ASSERT_EQ(words->at(*slab_, i).load(), 0U);
  }
  std::optional<Words> filler;
  while (auto more = Words::make(*slab_, 500)) {
    filler = more;
    publish();
  }
  slab_->settle(false);
  ASSERT_TRUE(filler);
  const auto left = slab_->free_bytes();
  EXPECT_FALSE(words->forked(*slab_));
  slab_->settle(false);
  EXPECT_EQ(slab_->free_bytes(), left) << "lost";
}

TEST_F(WordsTest, of_bytes_give_them_back) {
  const auto free = slab_->free_bytes();
  std::vector<std::byte> all(5'000'000);
  std::minstd_rand random(3);
  std::ranges::generate(all, [&] { return static_cast<std::byte>(random()); });
  for (const std::size_t n :
       {1U, 7U, 8U, 4095U, 4096U, 4097U, 8192U, 2'097'151U, 2'097'152U, 2'097'153U, 5'000'000U}) {
    const std::span<const std::byte> some(all.data() + n % 13, n - n % 13);
    if (some.empty()) continue;
    const auto row = Words::of_bytes(*slab_, some);
    ASSERT_TRUE(row);
    publish();
    std::vector<std::byte> seen(some.size());
    ASSERT_TRUE(row->read_bytes(*slab_, seen));
    EXPECT_TRUE(std::ranges::equal(seen, some)) << n;
    seen.resize(some.size() / 2);
    ASSERT_TRUE(row->read_bytes(*slab_, seen)) << "fewer";
    EXPECT_TRUE(std::ranges::equal(seen, some.first(seen.size()))) << n;
    EXPECT_EQ(slab_->free_bytes() + Words::bytes_taken((some.size() + 7) / 8), free);
    row->drop(*slab_);
    publish();
    EXPECT_EQ(slab_->free_bytes(), free) << "lost";
  }
}

TEST_F(WordsTest, are_cut_off_and_go_on_with_zeros_and_no_memory_is_lost) {
  const auto free = slab_->free_bytes();
  std::minstd_rand random(8);
  auto words = Words::make(*slab_, 10);
  slab_->seal();
  slab_->settle(true);
  for (int round = 0; round < 300; ++round) {
    for (std::uint64_t i = 0; i < words->count(); ++i) words->at(*slab_, i).store(i * 3 + 1);
    const std::uint64_t near_a_page[] = {0, 1, 511, 512, 513, 1023, 1024, 1025, 263'000};
    const std::uint64_t kept = std::min(words->count(), near_a_page[random() % 9]);
    const std::uint64_t count = std::max<std::uint64_t>({kept, 1, near_a_page[random() % 9]});
    const auto other = words->resized(*slab_, kept, count);
    ASSERT_TRUE(other);
    ASSERT_GE(other->count(), count);
    for (std::uint64_t i = 0; i < words->count(); i += 1 + words->count() / 1000)
      ASSERT_EQ(words->at(*slab_, i).load(), i * 3 + 1) << "can be read until it is settled";
    const bool publishes = random() % 4 != 0;
    if (publishes) slab_->seal();
    slab_->settle(publishes);
    if (publishes) {
      words = other;
      for (std::uint64_t i = 0; i < words->count(); ++i)
        ASSERT_EQ(words->at(*slab_, i).load(), i < kept ? i * 3 + 1 : 0)
            << i << " of " << words->count() << ", " << kept << " kept";
    }
    EXPECT_EQ(slab_->free_bytes() + Words::bytes_taken(words->count()), free);
  }
}

TEST_F(WordsTest, without_memory_are_not_made) {
  EXPECT_FALSE(Words::make(*slab_, bytes / 8));
  slab_->settle(false);
  EXPECT_TRUE(Words::make(*slab_, 500));
}

TEST_F(WordsTest, that_lead_nowhere_are_not_followed) {
  const Words nowhere({1U << 30, 1}, 100'000);
  EXPECT_EQ(nowhere.find(*slab_, 5), nullptr);
  const Words somewhere({4096, 1}, 100'000'000);  // whatever lies there
  for (std::uint64_t i = 0; i < 100'000'000; i += 1'000'003) (void)somewhere.find(*slab_, i);
}

}  // namespace
