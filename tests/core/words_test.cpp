#include <lagoon/core/words.hpp>

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace {

using lagoon::core::Slab;
using lagoon::core::Words;

class WordsTest : public testing::Test {
 protected:
  WordsTest() { slab_->add(round(sizeof(Slab)), bytes - round(sizeof(Slab))); }

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
