#include <lagoon/cell.hpp>

namespace lagoon::detail {

namespace {
constexpr const char* nested =
    " is being written by this thread already: writes do not nest; change what the outer write was "
    "given instead";
}

void throw_nested(const Handle& handle) { throw UsageError(handle.describe() + nested); }

void throw_turn_refused(core::Taken outcome) {
  if (outcome == core::Taken::is_gone)
    throw Gone(
        "this object was erased; what its name stands for now, if anything, must be opened "
        "anew");
  throw UsageError(std::string("this object") + nested);
}

void throw_forked_inside_write() {
  throw UsageError(
      "this process was forked inside a write, which its parent goes on with: nothing was "
      "published here, but what was stored here through the span of write(f) may be seen by all; "
      "fork outside of write() and update()");
}

}  // namespace lagoon::detail
