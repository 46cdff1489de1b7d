// Processes that make, find, erase and drop objects and are killed at random: the others go on,
// and when all is erased the memory in use is what it was.
#include <lagoon/lagoon.hpp>

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <iostream>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "child.hpp"
#include "rendezvous.hpp"
#include "sanitizers.hpp"
#include "shm_name.hpp"
#include "stepped.hpp"

namespace {

using lagoon::Array;
using lagoon::Lock;
using lagoon::Segment;
using lagoon::Value;
using lagoon::test::Child;
using lagoon::test::SharedFlags;
using lagoon::test::ShmName;
using lagoon::test::Stepped;
using lagoon::test::with_asan;
using lagoon::test::with_tsan;
namespace mode = lagoon::mode;

constexpr int rounds = with_asan || with_tsan ? 60 : 300;
constexpr std::uint32_t seed = 20261123;

/// Lets a random part of `at_most` go by.
void run_for_a_while(std::mt19937& random, std::chrono::nanoseconds at_most) {
  const auto end = std::chrono::steady_clock::now() +
                   std::chrono::nanoseconds(random() % static_cast<std::uint64_t>(at_most.count()));
  while (std::chrono::steady_clock::now() < end) continue;
}

constexpr int names = 20;
/// What lies under a name is always of the same type and length.
constexpr std::size_t length_of(std::uint32_t name) { return 1 + name * name * 37; }

/// Makes, uses and erases objects without end.
void use_the_directory(const Segment& segment, std::uint32_t random) {
  std::array<std::optional<Array<std::uint32_t>>, 4> kept;
  for (;; random = random * 1664525U + 1013904223U) {
    const std::uint32_t which = (random >> 8) % names;
    const std::string name = "object " + std::to_string(which);
    switch ((random >> 24) % 4) {
      case 0:
        segment.erase(name);
        break;
      case 1:
        kept[which % kept.size()].reset();
        break;
      default: {
        Array<std::uint32_t> array(segment[name], length_of(which));
        try {
          array.write([&](std::span<std::uint32_t> all) { std::ranges::fill(all, random); });
          kept[which % kept.size()] = std::move(array);
        } catch (const lagoon::Gone&) {  // somebody erased it
        }
      }
    }
  }
}

/// Bytes in use when everything was erased and what the dead left half-made was swept, which it is
/// by who opens the segment.
std::size_t used_when_all_is_erased(const std::string& name) {
  const Segment segment = Segment::open(name);
  for (const Segment::Entry& entry : segment.objects()) segment.erase(entry.name);
  { const Value<int> last{segment["last"], 0}; }
  segment.erase("last");
  return segment.used();
}

TEST(DirectoryUserKilled, at_any_moment_the_others_go_on_and_no_memory_is_lost) {
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  const ShmName name;
  { const Segment segment = Segment::create(name); }
  std::mt19937 random(seed);
  for (int round = 0; round < rounds; ++round) {
    if (round % 10 == 0) {
      ASSERT_EQ(used_when_all_is_erased(name), 0U) << "round " << round;
    }
    const Segment segment = Segment::open(name);
    const auto mine = static_cast<std::uint32_t>(random());
    Child one([&] { use_the_directory(segment, mine); });
    Child two([&] { use_the_directory(Segment::open(name), mine + 1); });
    run_for_a_while(random, std::chrono::milliseconds(3));
    one.kill();
    // The other one, and we, go on.
    for (std::uint32_t i = 0; i < 5; ++i) {
      Array<std::uint32_t> array(segment["object " + std::to_string(i)], length_of(i));
      try {
        array[0] = i;
        const std::vector<std::uint32_t> all = array.snapshot();
        ASSERT_TRUE(std::all_of(all.begin() + 1, all.end(),
                                [&](std::uint32_t x) { return x == all.back(); }));
      } catch (const lagoon::Gone&) {
      }
    }
    two.kill_unreaped();
    for (const Segment::Entry& entry : segment.objects()) {
      const auto number = static_cast<std::uint32_t>(std::stoul(entry.name.substr(7)));
      ASSERT_EQ(segment.find<Array<std::uint32_t>>(entry.name)->size(), length_of(number));
    }
  }
  EXPECT_EQ(used_when_all_is_erased(name), 0U);
}

/// An array and a lock in a segment whose memory we can see, with handles to both.
class Erasure {
 public:
  Erasure() : fd_(memfd_create("lagoon-test", MFD_CLOEXEC)) {
    segment_.emplace(Segment::adopt(fd_, {.reserve = 1 << 20, .participants = 4}));
    memory_ = static_cast<const std::byte*>(mmap(nullptr, bytes, PROT_READ, MAP_SHARED, fd_, 0));
    { const Value<int> other{(*segment_)["other"], 1}; }
    array_.emplace((*segment_)["array"], 3);
    lock_.emplace((*segment_)["lock"]);
  }
  ~Erasure() {
    munmap(const_cast<std::byte*>(memory_), bytes);
    close(fd_);
  }
  Erasure(const Erasure&) = delete;
  Erasure& operator=(const Erasure&) = delete;

  [[nodiscard]] const Segment& segment() const { return *segment_; }
  [[nodiscard]] std::span<const std::byte> memory() const { return {memory_, bytes}; }
  [[nodiscard]] bool handle_throws_gone(std::string_view name) {
    try {
      if (name == "array") {
        (void)array_->snapshot();
      } else if (lock_->acquire(false)) {
        lock_->release();
      }
    } catch (const lagoon::Gone&) {
      return true;
    }
    return false;
  }

 private:
  static constexpr std::size_t bytes = 64 << 10;
  int fd_;
  std::optional<Segment> segment_;
  const std::byte* memory_ = nullptr;
  std::optional<Array<int>> array_;
  std::optional<Lock> lock_;
};

// Killed after each instruction at which others could see a difference.
TEST(EraserKilled, at_any_instruction_handles_throw_Gone_after_the_next_sweep) {
  if (with_asan || with_tsan) GTEST_SKIP() << "the child would step through the sanitizer";
  const lagoon::test::OnOneProcessor one;
  for (const char* name : {"array", "lock"}) {
    std::vector<unsigned> where{0};
    {
      const Erasure erasure;
      Stepped eraser([&] { erasure.segment().erase(name); });
      const auto memory = erasure.memory();
      std::vector<std::byte> last(memory.begin(), memory.end());
      unsigned k = 0;
      while (eraser.step()) {
        ++k;
        if (std::ranges::equal(memory, last)) continue;
        last.assign(memory.begin(), memory.end());
        where.push_back(k);
      }
    }
    EXPECT_GT(where.size(), 5U) << "its stores were not seen";
    bool was_erased = false;
    for (const unsigned k : where) {
      SCOPED_TRACE(std::string(name) + ", killed after " + std::to_string(k) + " instructions");
      Erasure erasure;
      Stepped eraser([&] { erasure.segment().erase(name); });
      for (unsigned i = 0; i < k; ++i) eraser.step();
      eraser.kill();
      const Segment& segment = erasure.segment();
      const std::vector<Segment::Entry> left = segment.objects();
      const bool erased = std::ranges::none_of(
          left, [&](const Segment::Entry& entry) { return entry.name == name; });
      EXPECT_GE(erased, was_erased);
      was_erased = erased;
      EXPECT_TRUE(segment.erase("other"));
      EXPECT_EQ(erasure.handle_throws_gone(name), erased);
      EXPECT_EQ(segment.erase(name), !erased);
      EXPECT_TRUE(erasure.handle_throws_gone(name));
      ASSERT_FALSE(HasFailure());
    }
    EXPECT_TRUE(was_erased);
    std::cout << "  erase of " << name << ": killed at " << where.size() << " points\n";
  }
}

TEST(HeapUserKilled, leaves_its_parents_heap_whole_and_no_memory_is_lost) {
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  Child family([] {
    std::mt19937 random(seed);
    const Array<int, mode::raw> first(1000);
    const void* place = nullptr;
    for (int round = 0; round < rounds; ++round) {
      Array<std::uint64_t> inherited(200);
      const Value<int, mode::raw> again{round};
      if (place == nullptr) place = &again.get_obj();
      ASSERT_EQ(&again.get_obj(), place) << "what was there was not used again, round " << round;
      Child child([&] {
        for (std::uint64_t i = 0;; ++i) {
          inherited.write([&](std::span<std::uint64_t> all) { std::ranges::fill(all, i); });
          const Array<int> own(100);
        }
      });
      run_for_a_while(random, std::chrono::milliseconds(1));
      child.kill_unreaped();
      const std::vector<std::uint64_t> all = inherited.snapshot();
      ASSERT_TRUE(std::ranges::all_of(all, [&](std::uint64_t x) { return x == all[0]; }));
      inherited[0] = 1;
    }
  });
  EXPECT_EQ(family.exitcode(), 0);
}

TEST(CreatorKilled, at_any_moment_leaves_nothing_or_all_of_it) {
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  const ShmName name;
  std::mt19937 random(seed);
  int nothing = 0;
  int all = 0;
  for (int round = 0; round < rounds; ++round) {
    SharedFlags flags;
    Child creator([&] {
      flags.raise();
      const Segment segment = Segment::create(name);
      pause();
    });
    flags.await();
    run_for_a_while(random, std::chrono::microseconds(with_asan || with_tsan ? 3000 : 400));
    creator.kill_unreaped();
    if (!std::filesystem::exists(name.path())) {
      ++nothing;
      continue;
    }
    ++all;
    const Segment segment = Segment::open(name);
    const Value<int> value{segment["x"], round};
    ASSERT_EQ(value.get(), round);
    ASSERT_TRUE(Segment::remove(name));
  }
  RecordProperty("nothing", nothing);
  RecordProperty("all", all);
}

}  // namespace
