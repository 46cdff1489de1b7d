#pragma once
/// How Python writes numbers and bytes: what print.hpp and object.hpp have in common.

#include <string>
#include <string_view>

namespace lagoon::detail {

/// The shortest that reads back the same: 1.0, 1e+16, 1e-05, -0.0, inf, nan.
std::string text_of_number(double x);
/// As a Python bytes literal.
std::string text_of_bytes(std::string_view bytes);
/// In UTF-8; what is no character is U+FFFD.
std::string text_of_wide(std::wstring_view text);

}  // namespace lagoon::detail
