#pragma once
/// A hash of bytes, the same in every process: two numbers of eight bytes at a time are multiplied,
/// and the halves of the product folded. Not for who must withstand keys that were chosen to
/// collide.
///
/// Source of the idea: Wang Yi, wyhash (2019).

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace lagoon::core {

namespace detail {

inline std::uint64_t folded(std::uint64_t a, std::uint64_t b) noexcept {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}
template <class Word>
std::uint64_t word_at(const unsigned char* from) noexcept {
  Word word;
  std::memcpy(&word, from, sizeof word);
  return word;
}

}  // namespace detail

[[gnu::always_inline]] inline std::uint64_t hash_of(const void* bytes, std::size_t n) noexcept {
  using detail::folded, detail::word_at;
  constexpr std::uint64_t x = 0x9e3779b97f4a7c15, y = 0xe7037ed1a0b428db, z = 0x8ebc6af09c88c6e3;
  const auto* p = static_cast<const unsigned char*>(bytes);
  std::uint64_t hash = n * x;
  std::size_t left = n;
  for (; left > 16; p += 16, left -= 16)
    hash = folded(hash ^ word_at<std::uint64_t>(p) ^ y, word_at<std::uint64_t>(p + 8) ^ x);
  std::uint64_t first = 0, last = 0;
  if (left >= 8) {
    first = word_at<std::uint64_t>(p);
    last = word_at<std::uint64_t>(p + left - 8);
  } else if (left >= 4) {
    first = word_at<std::uint32_t>(p);
    last = word_at<std::uint32_t>(p + left - 4);
  } else if (left > 0) {
    first = p[0] | std::uint64_t{p[left / 2]} << 8 | std::uint64_t{p[left - 1]} << 16;
  }
  return folded(folded(hash ^ first ^ y, last ^ x), z);
}

}  // namespace lagoon::core
