#pragma once
/// Copies of bytes that another process may be writing, or reading, at the same time.
///
/// Such a copy may tear: the caller finds out by a version word, and puts the fences around the
/// copy, which is relaxed. What it guarantees:
///  - Defined behaviour. On x86-64 the shared bytes are touched by assembly only, which the
///    language's rule against data races does not reach; elsewhere, and under ThreadSanitizer, by
///    relaxed atomics.
///  - Exactly the bytes [to, to + n) are written, with bytes read from [from, from + n). No others
///    are read, and no others are written, not even with the value that they have.
///  - Elements stay whole: where `to`, `from` and `n` are multiples of s = 2, 4 or 8, no element of
///    s bytes is split. Each is copied as it was before or after a concurrent store to it, and a
///    writer killed half-way has stored it or has not.
///  - write_shared reads each byte of the source once, stores each byte of the target once, and
///    never reads the target: the source may be changing too, and nobody sees a byte go back.
/// The two ranges must not overlap.
///
/// Progress: wait-free. A crash leaves any subset of the elements written.
/// Falls short: that a vector access is split at multiples of 8 only is what every x86-64 processor
/// does, but the manuals promise it for aligned vectors only.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

// Under ThreadSanitizer, and on processors other than x86-64, every copy is a loop of relaxed
// atomics in copy.cpp.
#if defined(__SANITIZE_THREAD__) || !defined(__x86_64__)
#define LAGOON_COPY_BY_ATOMICS 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define LAGOON_COPY_BY_ATOMICS 1
#endif
#endif
#ifndef LAGOON_COPY_BY_ATOMICS
#define LAGOON_COPY_BY_ATOMICS 0
#endif

#if !LAGOON_COPY_BY_ATOMICS
#include <emmintrin.h>
#endif

namespace lagoon::core {

/// `from` is shared, `to` is private.
void read_shared(void* to, const void* from, std::size_t n) noexcept;

/// `to` is shared, `from` is private or shared.
void write_shared(void* to, const void* from, std::size_t n) noexcept;

#if !LAGOON_COPY_BY_ATOMICS
namespace detail {

/// The vectors that copies of 64 bytes and more use from now on in this process; false, and nothing
/// changed, where the processor lacks them. The first such copy chooses the widest by itself: this
/// is for tests and measurements.
enum class Vectors { sse2, avx2, avx512 };
bool copy_by(Vectors vectors) noexcept;

// Up to here, inline moves beat the call.
inline constexpr std::size_t inline_copy_limit = 128;

#ifdef __AVX__
#define LAGOON_MOVDQU "vmovdqu"  // legacy encodings stall where upper halves are in use
#else
#define LAGOON_MOVDQU "movdqu"
#endif

struct Vector {
  __m128i bits;
};

template <class Word>
[[gnu::always_inline]] inline Word load(const void* from) noexcept {
  Word word;
  const auto& bytes = *static_cast<const unsigned char(*)[sizeof(Word)]>(from);
  if constexpr (std::is_same_v<Word, Vector>)
    asm volatile(LAGOON_MOVDQU " {%1, %0|%0, %1}" : "=x"(word.bits) : "m"(bytes) : "memory");
  else
    asm volatile("mov {%1, %0|%0, %1}" : "=r"(word) : "m"(bytes) : "memory");
  return word;
}

template <class Word>
[[gnu::always_inline]] inline void store(void* to, Word word) noexcept {
  auto& bytes = *static_cast<unsigned char(*)[sizeof(Word)]>(to);
  if constexpr (std::is_same_v<Word, Vector>)
    asm volatile(LAGOON_MOVDQU " {%1, %0|%0, %1}" : "=m"(bytes) : "x"(word.bits) : "memory");
  else
    asm volatile("mov {%1, %0|%0, %1}" : "=m"(bytes) : "r"(word) : "memory");
}

#undef LAGOON_MOVDQU
// The largest word of which N bytes hold at least one.
template <std::size_t N>
using WordOf = std::conditional_t<
    (N >= 16), Vector,
    std::conditional_t<
        (N >= 8), std::uint64_t,
        std::conditional_t<(N >= 4), std::uint32_t,
                           std::conditional_t<(N >= 2), std::uint16_t, std::uint8_t>>>>;

template <std::size_t N>
[[gnu::always_inline]] inline void read_words(unsigned char* to,
                                              const unsigned char* from) noexcept {
  if constexpr (N > 0) {
    using Word = WordOf<N>;
    const auto word = load<Word>(from);
    std::memcpy(to, &word, sizeof(Word));  // private: plain, so that it can stay in registers
    read_words<N - sizeof(Word)>(to + sizeof(Word), from + sizeof(Word));
  }
}

template <std::size_t N>
[[gnu::always_inline]] inline void write_words(unsigned char* to,
                                               const unsigned char* from) noexcept {
  if constexpr (N > 0) {
    using Word = WordOf<N>;
    store(to, load<Word>(from));
    write_words<N - sizeof(Word)>(to + sizeof(Word), from + sizeof(Word));
  }
}

}  // namespace detail
#endif

/// The same for a size known at compile time, inlined where that is faster.
template <std::size_t N>
inline void read_shared_fixed(void* to, const void* from) noexcept {
#if !LAGOON_COPY_BY_ATOMICS
  if constexpr (N <= detail::inline_copy_limit)
    return detail::read_words<N>(static_cast<unsigned char*>(to),
                                 static_cast<const unsigned char*>(from));
#endif
  read_shared(to, from, N);
}

template <std::size_t N>
inline void write_shared_fixed(void* to, const void* from) noexcept {
#if !LAGOON_COPY_BY_ATOMICS
  if constexpr (N <= detail::inline_copy_limit)
    return detail::write_words<N>(static_cast<unsigned char*>(to),
                                  static_cast<const unsigned char*>(from));
#endif
  write_shared(to, from, N);
}

}  // namespace lagoon::core
