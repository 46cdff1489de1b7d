#include <lagoon/core/record.hpp>

#include <lagoon/core/copy.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/atomic/ipc_atomic.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "sanitizers.hpp"

namespace {

using lagoon::core::Record;
using lagoon::core::Reference;
using lagoon::core::Slab;

constexpr std::size_t page = 4096;

std::vector<std::byte> pattern(std::size_t n, std::uint64_t number) {
  std::vector<std::byte> bytes(n);
  std::uint64_t x = number * 0x9e3779b97f4a7c15;
  for (std::byte& byte : bytes) {
    x = x * 6364136223846793005 + 1442695040888963407;
    byte = static_cast<std::byte>(x >> 56);
  }
  return bytes;
}

class RecordTest : public testing::Test {
 protected:
  RecordTest() { slab_->add(begin, bytes - begin); }

  [[nodiscard]] Record::Made make(std::span<const std::byte> near, std::span<const std::byte> far,
                                  std::uint32_t tag = 7) {
    const Record::Made made = Record::make(*slab_, tag, {near.size(), far});
    if (made.near != nullptr) lagoon::core::write_shared(made.near, near.data(), near.size());
    return made;
  }
  void publish() {
    slab_->seal();
    slab_->settle(true);
  }
  void drop(Reference r) {
    Record::drop(*slab_, r);
    publish();
  }
  struct Parts {
    bool is_whole = false;
    std::vector<std::byte> near, far;
  };
  [[nodiscard]] Parts read(Reference r) const {
    Parts parts;
    Record::Far way;
    parts.is_whole = Record::read(*slab_, r, [&](const Record::Near& near) {
      parts.near.resize(near.bytes);
      lagoon::core::read_shared(parts.near.data(), near.payload, near.bytes);
      way = near.far;
    });
    if (!parts.is_whole || !way) return parts;
    parts.far.resize(way.bytes);
    parts.is_whole = way.read(*slab_, parts.far);
    return parts;
  }

  static constexpr std::size_t begin = (sizeof(Slab) + 63) / 64 * 64;
  static constexpr std::size_t bytes = 64 << 20;
  struct Delete {
    void operator()(std::byte* memory) const { operator delete[](memory, std::align_val_t{64}); }
  };
  std::unique_ptr<std::byte[], Delete> memory_{new (std::align_val_t{64}) std::byte[bytes]{}};
  Slab* slab_ = new (memory_.get()) Slab(memory_.get());
};

TEST_F(RecordTest, of_any_size_is_read_back_whole_and_no_memory_is_lost) {
  const auto free = slab_->free_bytes();
  for (const std::size_t far_bytes :
       {std::size_t{0}, std::size_t{1}, std::size_t{7}, std::size_t{8}, std::size_t{9}, page - 1,
        page, page + 1, 2 * page, std::size_t{100'003}, 512 * page - 3, 512 * page, 512 * page + 1,
        3 * 512 * page + 5})
    for (const std::size_t near_bytes : {std::size_t{0}, std::size_t{5}, Record::most_near}) {
      SCOPED_TRACE(std::to_string(near_bytes) + " near, " + std::to_string(far_bytes) + " far");
      const auto near = pattern(near_bytes, 1);
      const auto far = pattern(far_bytes, 2);
      const Record::Made made = make(near, far);
      ASSERT_NE(made.near, nullptr);
      publish();
      EXPECT_EQ(Record::tag(slab_->node(made.reference)), 7U);
      EXPECT_EQ(Record::near(slab_->node(made.reference)).far.bytes, far_bytes);
      const Parts parts = read(made.reference);
      EXPECT_TRUE(parts.is_whole);
      EXPECT_EQ(parts.near, near);
      EXPECT_TRUE(parts.far == far);
      drop(made.reference);
      EXPECT_EQ(slab_->free_bytes(), free) << "lost";
    }
}

TEST_F(RecordTest, for_which_there_is_no_memory_is_not_made_and_loses_none) {
  const auto free = slab_->free_bytes();
  const std::vector<std::byte> far(bytes);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(make({}, far).near, nullptr);
    slab_->settle(false);
    EXPECT_EQ(slab_->free_bytes(), free) << "lost";
  }
  slab_->gather();
  const auto most = pattern(bytes / 2, 1);
  const Record::Made made = make({}, most);
  ASSERT_NE(made.near, nullptr) << "what was given back is there";
  publish();
  EXPECT_TRUE(read(made.reference).far == most);
}

TEST_F(RecordTest, that_is_given_up_loses_no_memory) {
  const auto far = pattern(1'000'000, 1);
  const auto free = slab_->free_bytes();
  for (int i = 0; i < 100; ++i) {
    ASSERT_NE(make({}, far).near, nullptr);
    slab_->settle(false);
    ASSERT_EQ(slab_->free_bytes(), free);
  }
}

// Of which only the pages were used again: the node that leads there is as it was.
TEST_F(RecordTest, whose_pages_are_anothers_is_not_taken_for_whole) {
  const auto far = pattern(3 * page, 1);
  const Record::Made made = make({}, far);
  publish();
  const Record::Far way = Record::near(slab_->node(made.reference)).far;
  drop(made.reference);
  std::vector<std::byte> seen(way.bytes);
  EXPECT_TRUE(way.read(*slab_, seen)) << "it rests";
  bool was_anothers = false;
  for (std::uint64_t i = 0; i < 100 && !was_anothers; ++i) {
    const Record::Made other = make({}, pattern(page, 100 + i));
    publish();
    was_anothers = !way.read(*slab_, seen);
    EXPECT_TRUE(was_anothers || seen == far) << "a mix";
    drop(other.reference);
  }
  EXPECT_TRUE(was_anothers);
}

TEST_F(RecordTest, that_leads_nowhere_is_not_followed) {
  std::vector<std::byte> to(5 * page);
  for (const std::uint32_t unit : {0U, 1U, 4096U, 1U << 20, 1U << 31, ~0U})
    EXPECT_FALSE(lagoon::core::Words({unit, 1}, to.size() / 8).read_bytes(*slab_, to));
  // A node that says that it has far bytes, and is too short to say where.
  const Slab::Made made = slab_->make(5, std::uint32_t{1} << 31);
  publish();
  const Parts parts = read(made.reference);
  EXPECT_TRUE(parts.is_whole);
  EXPECT_EQ(parts.near.size(), 5U);
  EXPECT_TRUE(parts.far.empty());
}

// A reader sees one of the values, whole, while they are replaced at full speed.
TEST_F(RecordTest, that_is_replaced_at_full_speed_is_never_seen_as_a_mix) {
  constexpr std::array<std::size_t, 5> sizes{3 * page + 1, 1, 40 * page, page, 700};
  std::array<std::vector<std::byte>, sizes.size()> values;
  for (std::size_t i = 0; i < sizes.size(); ++i) values[i] = pattern(sizes[i], i);
  const auto number = [](std::uint64_t i) {
    std::array<std::byte, 8> near;
    lagoon::core::write_shared(near.data(), &i, sizeof i);
    return near;
  };
  boost::ipc_atomic<std::uint64_t> word{make(number(0), values[0]).reference.word()};
  publish();

  std::atomic<bool> stop = false;
  std::atomic<std::uint64_t> whole = 0, gone = 0;
  std::vector<std::jthread> readers;
  for (int t = 0; t < 2; ++t)
    readers.emplace_back([&] {
      while (!stop) {
        const Parts parts = read(Reference::of_word(word.load(boost::memory_order_acquire)));
        if (!parts.is_whole) {
          ++gone;
          continue;
        }
        std::uint64_t i = 0;
        lagoon::core::read_shared(&i, parts.near.data(), sizeof i);
        ASSERT_LT(i, values.size()) << "torn";
        ASSERT_TRUE(parts.far == values[i]) << "a mix";
        ++whole;
      }
    });
  const std::uint64_t enough = lagoon::test::with_tsan ? 200 : 5000;
  for (std::uint64_t i = 1; i < 10 * enough || whole < enough || gone == 0; ++i) {
    const std::size_t next = i % values.size();
    const Record::Made made = make(number(next), values[next]);
    ASSERT_NE(made.near, nullptr);
    Record::drop(*slab_, Reference::of_word(word.load(boost::memory_order_relaxed)));
    slab_->seal();
    word.store(made.reference.word(), boost::memory_order_release);
    slab_->settle(true);
  }
  stop = true;
}

}  // namespace
