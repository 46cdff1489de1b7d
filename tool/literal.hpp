#pragma once
/// Python's literals, as repr() writes them and as people type them.

#include <lagoon/object.hpp>

#include <optional>
#include <string_view>

namespace tool {

/// The literal that a text begins with, which is taken from it: None, a bool, an int, a float, a
/// str or bytes with their escapes, a tuple or frozenset of such. Nothing, with the text as it was,
/// if it begins with none.
std::optional<lagoon::Object> take_literal(std::string_view& text);

}  // namespace tool
