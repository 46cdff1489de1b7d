#pragma once
/// What a command line names in a segment: "market/prices", "market/prices['gold']",
/// "market/ticks[10:20]", at any depth: "market/books['a'][0]". An object may have brackets in its
/// own name; a key is as Python writes it, or a str without quotes.

#include <lagoon/inspection.hpp>
#include <lagoon/object.hpp>
#include <lagoon/segment.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace tool {

struct Path {
  std::string segment;
  std::string object;  // and what stands in brackets behind it; none: all
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
