#include <lagoon/core/copy.hpp>

#include <atomic>

namespace lagoon::core {

namespace {
using Byte = unsigned char;
}

#if LAGOON_COPY_BY_ATOMICS

namespace {

template <class Word>
void copy_words(Byte*& to, const Byte*& from, std::size_t& n) noexcept {
  const auto both = reinterpret_cast<std::uintptr_t>(to) | reinterpret_cast<std::uintptr_t>(from);
  if (both % sizeof(Word) != 0) return;
  for (; n >= sizeof(Word); to += sizeof(Word), from += sizeof(Word), n -= sizeof(Word)) {
    const Word word = __atomic_load_n(reinterpret_cast<const Word*>(from), __ATOMIC_RELAXED);
    __atomic_store_n(reinterpret_cast<Word*>(to), word, __ATOMIC_RELAXED);
  }
}

void copy(void* target, const void* source, std::size_t n) noexcept {
  auto* to = static_cast<Byte*>(target);
  const auto* from = static_cast<const Byte*>(source);
  copy_words<std::uint64_t>(to, from, n);
  copy_words<std::uint32_t>(to, from, n);
  copy_words<std::uint16_t>(to, from, n);
  copy_words<std::uint8_t>(to, from, n);
}

}  // namespace

void read_shared(void* to, const void* from, std::size_t n) noexcept { copy(to, from, n); }
void write_shared(void* to, const void* from, std::size_t n) noexcept { copy(to, from, n); }

#else

namespace {

using detail::read_words;
using detail::write_words;

constexpr std::size_t line_size = 64;

// Where vectors stop and `rep movsq` begins (docs/copy.md has the measurements), where both sides
// are aligned to 8: else it is several times slower than they are. Reading: while both sides fit a
// first-level cache. Writing: while lines that another core holds are few.
constexpr std::size_t read_by_vectors = 16 * 1024;
constexpr std::size_t write_by_vectors = 511;

// From this size on, aligning `to` pays for itself.
constexpr std::size_t align_reads = 2048;

// Whole cache lines, by the vectors of one kind of processor: n bytes, n > 0, that end at `to_end`
// and `from_end`, ascending. Loops of assembly, so that they are the same in every build.
#define LAGOON_COPY_LINES(moves, ...)                                      \
  auto i = -static_cast<std::ptrdiff_t>(n);                                \
  asm volatile(".p2align 4\n1:\n\t" moves "add {$64, %0|%0, 64}\n\tjnz 1b" \
               : "+r"(i)                                                   \
               : "r"(to_end), "r"(from_end)                                \
               : "memory", "cc", __VA_ARGS__)

struct Sse2 {
  static void lines(Byte* to_end, const Byte* from_end, std::size_t n) noexcept {
    LAGOON_COPY_LINES(
        "movdqu {(%2, %0), %%xmm0|xmm0, [%2 + %0]}\n\t"
        "movdqu {16(%2, %0), %%xmm1|xmm1, [%2 + %0 + 16]}\n\t"
        "movdqu {32(%2, %0), %%xmm2|xmm2, [%2 + %0 + 32]}\n\t"
        "movdqu {48(%2, %0), %%xmm3|xmm3, [%2 + %0 + 48]}\n\t"
        "movdqu {%%xmm0, (%1, %0)|[%1 + %0], xmm0}\n\t"
        "movdqu {%%xmm1, 16(%1, %0)|[%1 + %0 + 16], xmm1}\n\t"
        "movdqu {%%xmm2, 32(%1, %0)|[%1 + %0 + 32], xmm2}\n\t"
        "movdqu {%%xmm3, 48(%1, %0)|[%1 + %0 + 48], xmm3}\n\t",
        "xmm0", "xmm1", "xmm2", "xmm3");
  }
};

struct Avx2 {
  static void lines(Byte* to_end, const Byte* from_end, std::size_t n) noexcept {
    LAGOON_COPY_LINES(
        "vmovdqu {(%2, %0), %%ymm0|ymm0, [%2 + %0]}\n\t"
        "vmovdqu {32(%2, %0), %%ymm1|ymm1, [%2 + %0 + 32]}\n\t"
        "vmovdqu {%%ymm0, (%1, %0)|[%1 + %0], ymm0}\n\t"
        "vmovdqu {%%ymm1, 32(%1, %0)|[%1 + %0 + 32], ymm1}\n\t",
        "xmm0", "xmm1");
    asm volatile("vzeroupper" : : : "memory", "xmm0", "xmm1");
  }
};

struct Avx512 {
  static void lines(Byte* to_end, const Byte* from_end, std::size_t n) noexcept {
    LAGOON_COPY_LINES(
        "vmovdqu64 {(%2, %0), %%zmm0|zmm0, [%2 + %0]}\n\t"
        "vmovdqu64 {%%zmm0, (%1, %0)|[%1 + %0], zmm0}\n\t",
        "xmm0");
    asm volatile("vzeroupper" : : : "memory", "xmm0");
  }
};

#undef LAGOON_COPY_LINES

// The last n < 64 bytes, each of them once.
void write_tail(Byte* to, const Byte* from, std::size_t n) noexcept {
  const auto piece = [&]<std::size_t N>() {
    if ((n & N) == 0) return;
    write_words<N>(to, from);
    to += N;
    from += N;
  };
  piece.template operator()<32>();
  piece.template operator()<16>();
  piece.template operator()<8>();
  piece.template operator()<4>();
  piece.template operator()<2>();
  piece.template operator()<1>();
}

// N <= n <= 2 N bytes: the first N and the last N, which may overlap.
template <std::size_t N>
[[gnu::always_inline]] inline void read_ends(Byte* to, const Byte* from, std::size_t n) noexcept {
  read_words<N>(to, from);
  read_words<N>(to + n - N, from + n - N);
}

bool are_words(const Byte* to, const Byte* from) noexcept {
  return ((reinterpret_cast<std::uintptr_t>(to) | reinterpret_cast<std::uintptr_t>(from)) & 7) == 0;
}

std::size_t up_to_line(const Byte* to) noexcept {
  return -reinterpret_cast<std::uintptr_t>(to) % line_size;
}

void copy_long(Byte* to, const Byte* from, std::size_t n) noexcept {
  // By eights: neither an interrupt nor a kill can come between the bytes of one.
  auto eights = n / 8;
  asm volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(eights) : : "memory");
  write_tail(to, from, n % 8);
}

using Copy = void(Byte* to, const Byte* from, std::size_t n) noexcept;

// n >= 64.
template <class Vectors>
void read_lines(Byte* to, const Byte* from, std::size_t n) noexcept {
  const auto tail = n % line_size;
  Vectors::lines(to + n - tail, from + n - tail, n - tail);
  if (tail != 0) read_words<line_size>(to + n - line_size, from + n - line_size);
}

// n >= 64.
template <class Vectors>
void write_lines(Byte* to, const Byte* from, std::size_t n) noexcept {
  const auto tail = n % line_size;
  Vectors::lines(to + n - tail, from + n - tail, n - tail);
  if (tail != 0) write_tail(to + n - tail, from + n - tail, tail);
}

Copy read_first_time, write_first_time;

// Every thread that comes here stores the same, and what is pointed to is code: relaxed.
constinit std::atomic<Copy*> read_vectors{read_first_time};
constinit std::atomic<Copy*> write_vectors{write_first_time};

template <class Vectors>
void choose() noexcept {
  read_vectors.store(read_lines<Vectors>, std::memory_order_relaxed);
  write_vectors.store(write_lines<Vectors>, std::memory_order_relaxed);
}

void choose_by_processor() noexcept {
  using detail::Vectors;
  if (!detail::copy_by(Vectors::avx512) && !detail::copy_by(Vectors::avx2))
    detail::copy_by(Vectors::sse2);
}

void read_first_time(Byte* to, const Byte* from, std::size_t n) noexcept {
  choose_by_processor();
  read_vectors.load(std::memory_order_relaxed)(to, from, n);
}

void write_first_time(Byte* to, const Byte* from, std::size_t n) noexcept {
  choose_by_processor();
  write_vectors.load(std::memory_order_relaxed)(to, from, n);
}

}  // namespace

bool detail::copy_by(Vectors vectors) noexcept {
  __builtin_cpu_init();
  if (vectors == Vectors::sse2)
    choose<Sse2>();
  else if (vectors == Vectors::avx2 && __builtin_cpu_supports("avx2"))
    choose<Avx2>();
  else if (vectors == Vectors::avx512 && __builtin_cpu_supports("avx512vbmi2"))
    choose<Avx512>();  // processors with AVX-512 but without VBMI2 lower their clock for it
  else
    return false;
  return true;
}

void read_shared(void* target, const void* source, std::size_t n) noexcept {
  auto* to = static_cast<Byte*>(target);
  const auto* from = static_cast<const Byte*>(source);
  if (n < line_size) {
    if (n >= 32) return read_ends<32>(to, from, n);
    if (n >= 16) return read_ends<16>(to, from, n);
    if (n >= 8) return read_ends<8>(to, from, n);
    if (n >= 4) return read_ends<4>(to, from, n);
    if (n >= 2) return read_ends<2>(to, from, n);
    if (n == 1) read_words<1>(to, from);
    return;
  }
  if (n >= align_reads) {
    const std::size_t head = up_to_line(to);
    if (head != 0) read_words<line_size>(to, from);
    to += head;
    from += head;
    n -= head;
  }
  if (n > read_by_vectors && are_words(to, from)) return copy_long(to, from, n);
  read_vectors.load(std::memory_order_relaxed)(to, from, n);
}

void write_shared(void* target, const void* source, std::size_t n) noexcept {
  auto* to = static_cast<Byte*>(target);
  const auto* from = static_cast<const Byte*>(source);
  if (n < line_size) return write_tail(to, from, n);
  if (n > write_by_vectors) {
    if (are_words(to, from)) return copy_long(to, from, n);
    const std::size_t head = up_to_line(to);
    write_tail(to, from, head);
    to += head;
    from += head;
    n -= head;
  }
  write_vectors.load(std::memory_order_relaxed)(to, from, n);
}

#endif

}  // namespace lagoon::core
