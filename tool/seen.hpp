#pragma once
/// What a command line names in a segment: "market/prices", "market/prices['gold']",
/// "market/ticks[10:20]", at any depth: "market/books['a'][0]".

#include <lagoon/inspection.hpp>
#include <lagoon/object.hpp>
#include <lagoon/segment.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace tool {

/// What stands in brackets.
struct Subscript {
  std::string text;
  struct Slice {
    std::optional<std::ptrdiff_t> start, stop;
    std::ptrdiff_t step = 1;
  };
  /// If it is "[start:stop:step]" of numbers or of nothing.
  [[nodiscard]] std::optional<Slice> as_slice() const;
  /// What it may mean as a key, the likelier one first: in quotes a str, else a number, True, False
  /// or None, or a str.
  [[nodiscard]] std::vector<lagoon::Object> as_keys() const;
};

struct Path {
  std::string segment;
  std::string object;  // none: all
  std::vector<Subscript> subscripts;
};
/// InvalidArgument.
Path path_of(std::string_view text);

/// Some elements, and where they lie.
struct Elements {
  std::vector<lagoon::Object> elements;
  std::ptrdiff_t first, step;
};
/// An object of its own, what is in one, or a slice.
using Seen = std::variant<lagoon::Inspection, lagoon::Object, Elements>;

/// NotFound, KeyError, IndexError, TypeMismatch.
Seen seen_at(const lagoon::Segment& segment, const Path& path);

}  // namespace tool
