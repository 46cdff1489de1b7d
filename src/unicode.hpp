#pragma once

#include <cstddef>
#include <string_view>

namespace lagoon::detail {

/// Python's str.isprintable() of one character: whether repr() shows it as it is.
bool is_printable(char32_t c) noexcept;

/// UTF-8, in which surrogates may stand as three bytes.
struct Utf8Error {
  std::size_t position = 0;
  const char* reason = nullptr;  // in Python's words; null if there is nothing wrong
};
Utf8Error check_utf8(std::string_view text) noexcept;
/// The character at `position` of what was checked; moves on to the next.
char32_t next_character(std::string_view text, std::size_t& position) noexcept;

}  // namespace lagoon::detail
