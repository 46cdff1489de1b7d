#pragma once
/// What Python's own objects have in them, as their pickles say: what one can walk over, a slice.

#include <lagoon/object.hpp>

#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

namespace lagoon::remote {

/// All items of what one can walk over, as list() takes it. Python's TypeError; MemoryError for
/// more of ranges and iterators than all clients can share this process's memory for.
Object items_of(const Object& x);
/// As dict() takes it: a dict, what derives from one, or items that are pairs. TypeError,
/// ValueError.
std::vector<std::pair<Object, Object>> pairs_of(const Object& x);
/// TypeError of what Python does not take for a key, and would be opaque here.
void refuse_unhashable(const Object& key);

/// A place in a list; if it is farther than one can go, as far as that. TypeError that says so.
std::ptrdiff_t bound_in(const Object& x, const char* says);
/// A slice, as Python pickles it; nothing if it is none.
struct SliceBounds {
  std::optional<std::ptrdiff_t> start, stop;
  std::ptrdiff_t step = 1;
};
std::optional<SliceBounds> slice_in(const Object& key);

}  // namespace lagoon::remote
