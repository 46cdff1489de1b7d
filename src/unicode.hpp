#pragma once

namespace lagoon::detail {

/// Python's str.isprintable() of one character: whether repr() shows it as it is.
bool is_printable(char32_t c) noexcept;

}  // namespace lagoon::detail
