#include <lagoon/core/copy.hpp>

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "stepped.hpp"

namespace {

namespace core = lagoon::core;
using Byte = unsigned char;
using Copy = void (*)(void*, const void*, std::size_t) noexcept;

constexpr std::array<Copy, 2> both_copies{core::read_shared, core::write_shared};
constexpr std::size_t all_small_sizes = 600;
// The loop of atomics knows no alignment beyond 8.
constexpr std::size_t alignments = LAGOON_COPY_BY_ATOMICS ? 8 : 64;
// About the sizes at which the way of copying changes.
constexpr std::size_t large_sizes[] = {1024,  2047,  2048,  2049,  2111,  4096,
                                       16383, 16384, 16385, 16449, 20001, 65536};

// Shared memory with a page on either side that nobody may touch.
class Fenced {
 public:
  explicit Fenced(std::size_t size)
      : page_(static_cast<std::size_t>(sysconf(_SC_PAGESIZE))),
        size_((size + page_ - 1) / page_ * page_) {
    void* all = mmap(nullptr, size_ + 2 * page_, PROT_NONE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (all == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "mmap");
    begin_ = static_cast<Byte*>(all) + page_;
    if (mprotect(begin_, size_, PROT_READ | PROT_WRITE) != 0)
      throw std::system_error(errno, std::generic_category(), "mprotect");
  }
  ~Fenced() { munmap(begin_ - page_, size_ + 2 * page_); }
  Fenced(const Fenced&) = delete;
  Fenced& operator=(const Fenced&) = delete;

  Byte* begin() const { return begin_; }
  Byte* end() const { return begin_ + size_; }

 private:
  std::size_t page_;
  std::size_t size_;
  Byte* begin_;
};

void fill_with_noise(Byte* begin, Byte* end) {
  std::uint32_t state = 1;
  for (; begin != end; ++begin) {
    state = state * 1664525 + 1013904223;
    *begin = static_cast<Byte>(state >> 24);
  }
}

// Runs `test` once for each width of vectors that the processor has.
class CopyTest : public testing::Test {
 protected:
  static void for_each_width(const std::function<void()>& test) {
#if LAGOON_COPY_BY_ATOMICS
    test();
#else
    using core::detail::Vectors;
    for (const auto vectors : {Vectors::sse2, Vectors::avx2, Vectors::avx512}) {
      SCOPED_TRACE(testing::Message() << "vectors " << static_cast<int>(vectors));
      if (core::detail::copy_by(vectors)) test();
    }
#endif
  }
};

// Copies, and looks at every byte of `to` and at `margin` bytes on either side.
bool exact(Copy copy, Byte* to, const Byte* from, std::size_t n, std::size_t margin_before,
           std::size_t margin_after) {
  static const std::vector<Byte> untouched(256, 0xA5);
  std::memset(to - margin_before, 0xA5, margin_before + n + margin_after);
  copy(to, from, n);
  return std::memcmp(to, from, n) == 0 &&
         std::memcmp(to - margin_before, untouched.data(), margin_before) == 0 &&
         std::memcmp(to + n, untouched.data(), margin_after) == 0;
}

TEST_F(CopyTest, CopiesExactlyEverySizeAtEveryAlignment) {
  Fenced target(4096), source(4096);
  fill_with_noise(source.begin(), source.end());
  for_each_width([&] {
    for (const auto copy : both_copies)
      for (std::size_t n = 0; n <= all_small_sizes; ++n)
        for (std::size_t i = 0; i < alignments; ++i)
          for (std::size_t j = 0; j < alignments; ++j)
            ASSERT_TRUE(
                exact(copy, target.begin() + 128 + i, source.begin() + 128 + j, n, 128, 128))
                << n << " bytes, to at " << i << ", from at " << j;
  });
}

TEST_F(CopyTest, TouchesNothingBeyondEitherEnd) {
  std::vector<std::size_t> sizes(std::begin(large_sizes), std::end(large_sizes));
  for (std::size_t n = 0; n <= all_small_sizes; ++n) sizes.push_back(n);
  Fenced target(68 * 1024), source(68 * 1024);
  fill_with_noise(source.begin(), source.end());
  for_each_width([&] {
    for (const auto copy : both_copies)
      for (const auto n : sizes)
        for (std::size_t i = 0; i < alignments; ++i) {
          SCOPED_TRACE(testing::Message() << n << " bytes, the other at " << i);
          Byte* const to = target.begin() + 256 + i;
          const Byte* const from = source.begin() + 256 + i;
          ASSERT_TRUE(exact(copy, target.begin(), from, n, 0, 64));
          ASSERT_TRUE(exact(copy, target.end() - n, from, n, 64, 0));
          ASSERT_TRUE(exact(copy, to, source.begin(), n, 64, 64));
          ASSERT_TRUE(exact(copy, to, source.end() - n, n, 64, 64));
        }
  });
}

template <std::size_t N>
void expect_fixed_exact() {
  static Fenced target(4096), source(4096);
  fill_with_noise(source.begin(), source.end());
  constexpr Copy copies[] = {
      [](void* to, const void* from, std::size_t) noexcept {
        core::read_shared_fixed<N>(to, from);
      },
      [](void* to, const void* from, std::size_t) noexcept {
        core::write_shared_fixed<N>(to, from);
      },
  };
  for (const auto copy : copies) {
    EXPECT_TRUE(exact(copy, target.begin(), source.begin(), N, 0, 64)) << N;
    EXPECT_TRUE(exact(copy, target.end() - N, source.end() - N, N, 64, 0)) << N;
  }
}

TEST_F(CopyTest, CopiesEveryFixedSizeExactly) {
  []<std::size_t... N>(std::index_sequence<N...>) { (expect_fixed_exact<N>(), ...); }
  (std::make_index_sequence<200>());
}

// The largest of 8, 4 and 2 that divides all of them, else 1.
std::size_t element_size(const void* to, const void* from, std::size_t n) {
  const auto all =
      reinterpret_cast<std::uintptr_t>(to) | reinterpret_cast<std::uintptr_t>(from) | n;
  return all % 8 == 0 ? 8 : all % 4 == 0 ? 4 : all % 2 == 0 ? 2 : 1;
}

// Whether the bytes of each element are alike.
bool elements_whole(const Byte* begin, std::size_t n, std::size_t size) {
  for (std::size_t i = 0; i < n; ++i)
    if (begin[i] != begin[i / size * size]) return false;
  return true;
}

#if !LAGOON_COPY_BY_ATOMICS  // or the child steps through ThreadSanitizer's own code
// A child copies, stopped after each instruction (after each turn of `rep movsq`); at each stop all
// of the source changes to a value that it never had. So every byte of the target tells at which
// instruction it was read, and nothing is left to the luck of two processors.
void expect_good_at_every_instruction(Copy copy, Byte* to, Byte* from, std::size_t n) {
  SCOPED_TRACE(testing::Message() << (copy == core::read_shared ? "read " : "write ") << n
                                  << " bytes at " << reinterpret_cast<std::uintptr_t>(to) % 64);
  std::memset(to, 0, n);
  lagoon::test::Stepped child{[&] { copy(to, from, n); }};
  const auto size = element_size(to, from, n);
  std::vector<Byte> before(n, 0);
  unsigned step = 0;
  bool split = false, changed_twice = false;
  do {
    if (copy == core::write_shared) {
      split = split || !elements_whole(to, n, size);
      for (std::size_t i = 0; i < n; ++i) {
        changed_twice = changed_twice || (before[i] != 0 && before[i] != to[i]);
        before[i] = to[i];
      }
    }
    std::memset(from, static_cast<int>(++step % 255 + 1), n);
  } while (child.step());
  EXPECT_FALSE(split || !elements_whole(to, n, size)) << "an element of " << size << " was split";
  EXPECT_FALSE(changed_twice) << "a byte was written twice";
  for (std::size_t i = 0; i < n; ++i) ASSERT_NE(to[i], 0) << "byte " << i << " was not written";
}

TEST_F(CopyTest, WritesOnceAndSplitsNoElementAtAnyInstruction) {
  constexpr std::size_t sizes[] = {64, 72, 100, 126, 200, 255, 504, 511, 512, 516, 575};
  constexpr std::size_t offsets[] = {0, 2, 4, 8, 9};
  const lagoon::test::OnOneProcessor one;
  Fenced target(8192), source(8192);
  for (const auto copy : both_copies)
    for (std::size_t n = 1; n < 64; ++n)
      expect_good_at_every_instruction(copy, target.begin(), source.begin(), n);
  for_each_width([&] {
    core::read_shared(target.begin(), source.begin(), 64);  // so that no child has to choose
    for (const auto copy : both_copies)
      for (const auto n : sizes)
        for (const auto offset : offsets)
          expect_good_at_every_instruction(copy, target.begin() + offset, source.begin() + offset,
                                           n);
    expect_good_at_every_instruction(core::read_shared, target.begin() + 8, source.begin(), 2056);
  });
}
#endif

// Two threads at once on the same bytes: under ThreadSanitizer, that this is no race; anywhere,
// that no processor splits an element.
TEST_F(CopyTest, SplitsNoElementBetweenProcessors) {
  constexpr std::size_t sizes[] = {2,   4,   6,   8,   12,  24,   64,   72,
                                   136, 192, 504, 512, 520, 4096, 32768};
  constexpr std::size_t offsets[] = {0, 2, 4, 8, 56, 60};
  Fenced shared(64 * 1024);
  for_each_width([&] {
    for (const auto n : sizes) {
      for (const auto offset : offsets) {
        Byte* const bytes = shared.begin() + offset;
        const auto size = element_size(bytes, nullptr, n);
        std::atomic<bool> started{false}, done{false};
        std::thread writer([&] {
          alignas(64) static Byte values[2][32768];
          std::memset(values[1], 0xFF, sizeof values[1]);
          for (std::size_t i = 0; !done.load(std::memory_order_relaxed); ++i) {
            core::write_shared(bytes, values[i % 2], n);
            started.store(true, std::memory_order_relaxed);
          }
        });
        while (!started.load(std::memory_order_relaxed)) std::this_thread::yield();
        alignas(64) static Byte copy[32768];
        for (std::size_t i = 0; i < 40'000 / (64 + n) + 20; ++i) {
          core::read_shared(copy, bytes, n);
          EXPECT_TRUE(elements_whole(copy, n, size)) << n << " bytes at " << offset;
        }
        done.store(true, std::memory_order_relaxed);
        writer.join();
      }
    }
  });
}

}  // namespace
