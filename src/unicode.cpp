#include "unicode.hpp"

#include <cstdint>
#include <cstring>

namespace lagoon::detail {

Utf8Error check_utf8(std::string_view text) noexcept {
  const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  std::size_t i = 0;
  while (i < text.size()) {
    std::uint64_t eight = 0;
    if (text.size() - i >= 8) {
      std::memcpy(&eight, text.data() + i, 8);
      if ((eight & 0x8080808080808080) == 0) {
        i += 8;
        continue;
      }
    }
    const unsigned first = byte(i);
    if (first < 0x80) {
      ++i;
      continue;
    }
    if (first < 0xC2 || first > 0xF4) return {i, "invalid start byte"};
    const std::size_t tail = first < 0xE0 ? 1 : first < 0xF0 ? 2 : 3;
    // Neither longer than it need be, nor beyond U+10FFFF.
    unsigned lowest = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
    unsigned highest = first == 0xF4 ? 0x8F : 0xBF;
    for (std::size_t j = 1; j <= tail; ++j) {
      if (i + j == text.size()) return {i, "unexpected end of data"};
      if (byte(i + j) < lowest || byte(i + j) > highest) return {i, "invalid continuation byte"};
      lowest = 0x80;
      highest = 0xBF;
    }
    i += 1 + tail;
  }
  return {};
}

char32_t next_character(std::string_view text, std::size_t& position) noexcept {
  const auto first = static_cast<unsigned char>(text[position++]);
  if (first < 0x80) return first;
  int tail = first < 0xE0 ? 1 : first < 0xF0 ? 2 : 3;
  char32_t c = first & (0x3FU >> tail);
  while (tail-- > 0) c = c << 6 | (static_cast<unsigned char>(text[position++]) & 0x3FU);
  return c;
}

}  // namespace lagoon::detail
