#pragma once
/// Threads that wait for one another in a circle, none of which will ever go on.

#include <lagoon/segment.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace tool {

/// A thread, and what it waits for, which the next one of the circle holds; the last one's is held
/// by the first.
struct Waiting {
  std::uint32_t thread;
  std::string object;  // "segment/object"
};
using Circle = std::vector<Waiting>;

/// Those that stay as they are for a tenth of a second: what is looked at one after the other may
/// look like a circle and be none. Of objects that have a name, in these segments.
std::vector<Circle> deadlocks_among(const std::vector<lagoon::Segment>& segments);

}  // namespace tool
