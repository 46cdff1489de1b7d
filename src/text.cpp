#include <lagoon/text.hpp>

#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>

namespace lagoon::detail {

std::string text_of_number(double x) {
  if (std::isnan(x)) return "nan";
  if (std::isinf(x)) return x < 0 ? "-inf" : "inf";
  char digits[32];
  const char* end =
      std::to_chars(digits, digits + sizeof digits, x, std::chars_format::scientific).ptr;
  const std::string_view scientific(digits, static_cast<std::size_t>(end - digits));
  // Python writes 1e-4 to 1e16 without an exponent.
  const int exponent = std::atoi(std::string(scientific.substr(scientific.find('e') + 1)).c_str());
  if (exponent < -4 || exponent >= 16) return std::string(scientific);
  end = std::to_chars(digits, digits + sizeof digits, x, std::chars_format::fixed).ptr;
  std::string fixed(digits, static_cast<std::size_t>(end - digits));
  if (fixed.find('.') == std::string::npos) fixed += ".0";
  return fixed;
}

std::string text_of_bytes(std::string_view bytes) {
  const auto has = [&](char c) { return bytes.find(c) != bytes.npos; };
  const char quote = has('\'') && !has('"') ? '"' : '\'';
  std::string text = {'b', quote};
  for (const char c : bytes) {
    if (c == quote || c == '\\')
      (text += '\\') += c;
    else if (c == '\t')
      text += "\\t";
    else if (c == '\n')
      text += "\\n";
    else if (c == '\r')
      text += "\\r";
    else if (c >= ' ' && c <= '~')
      text += c;
    else
      for (const char d :
           {'\\', 'x', "0123456789abcdef"[(c >> 4) & 15], "0123456789abcdef"[c & 15]})
        text += d;
  }
  return text += quote;
}

std::string text_of_wide(std::wstring_view text) {
  std::string utf8;
  for (const wchar_t wide : text) {
    auto c = static_cast<std::uint32_t>(wide);
    const bool is_surrogate = c >= 0xD800 && c <= 0xDFFF;
    if (is_surrogate || c > 0x10FFFF) c = 0xFFFD;
    const auto put = [&](std::uint32_t byte) { utf8 += static_cast<char>(byte); };
    if (c < 0x80) {
      put(c);
      continue;
    }
    int tail = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    put(((0xFF00U >> (tail + 1)) & 0xFF) | (c >> (6 * tail)));  // as many ones as bytes
    while (tail-- > 0) put(0x80 | ((c >> (6 * tail)) & 0x3F));
  }
  return utf8;
}

}  // namespace lagoon::detail
