#pragma once
/// Threads that wait for one another in a circle, none of which will ever go on.

#include <lagoon/segment.hpp>

#include <cstdint>
#include <string>
#include <vector>

#include "attached.hpp"

namespace tool {

/// Where to look, and who has it open.
struct Examined {
  lagoon::Segment segment;
  std::vector<AttachedProcess> processes;
};

/// A thread, and what it waits for, which the next one of the circle holds; the last one's is held
/// by the first.
struct Waiting {
  std::uint32_t thread;
  std::string object;   // "segment/object"
  bool is_its_holders;  // to give back; a Lock may be given back by any thread
};
using Circle = std::vector<Waiting>;

/// Those that stay as they are for a tenth of a second: what is looked at one after the other may
/// look like a circle and be none. Of objects that have a name and one holder; of threads that wait
/// for ever and that are known here by the ids they have for themselves.
std::vector<Circle> deadlocks_among(const std::vector<Examined>& examined);

}  // namespace tool
