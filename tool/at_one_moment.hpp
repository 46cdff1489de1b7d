#pragma once
/// A copy of a segment of which all is of one moment, since all others who have it open stand still
/// meanwhile.

#include <lagoon/segment.hpp>
#include <lagoon/segment_copy.hpp>

#include <string>
#include <vector>

namespace tool {

struct Copied {
  std::vector<lagoon::NotCopied> not_copied;
  std::string how;  // a line, or nothing
};

/// Copies what is in `from`, which is the file `path`, to `to`. For so many seconds at most the
/// others are stopped: until a moment at which none of them has a Lock, an RLock or a Condition's
/// that has a name, or that of a Value or an Array, if there is one in the first second; and for
/// the copy. TimeoutError, with nothing or all of it copied, if that takes
/// longer; an error as well if somebody cannot be stopped, or has not been.
Copied copied_at_one_moment(const lagoon::Segment& from, const std::string& path,
                            const lagoon::Segment& to, double seconds);

}  // namespace tool
