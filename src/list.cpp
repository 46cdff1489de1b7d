#include <lagoon/list.hpp>

#include <algorithm>
#include <string>

#include "object_node.hpp"

namespace lagoon::detail {

void NewElements::end_here(bool refers, std::size_t head) {
  const std::size_t end = bytes_.bytes().size();
  const std::size_t size = end - (ends_.empty() ? 0 : ends_.back().at);
  ends_.push_back({end, refers, head});
  memory_ += size > Sequence::near_most
                 ? core::Slab::bytes_taken(0) + core::Words::bytes_taken(size / 8 + 1)
                 : core::Slab::bytes_taken(size);
}

void throw_list_index(const char* says, std::uint64_t size) {
  throw OutOfRange(std::string("IndexError: ") + says + ": there are " + std::to_string(size) +
                   " items");
}
void throw_empty_list() { throw OutOfRange("IndexError: pop from empty list"); }
void throw_not_in_list() { throw InvalidArgument("ValueError: list.remove(x): x not in list"); }
void throw_not_in_list(const Object& x) {
  throw InvalidArgument("ValueError: " + shown(x) + " is not in list");
}
void throw_zero_step() { throw InvalidArgument("ValueError: slice step cannot be zero"); }
void throw_slice_length(std::uint64_t given, std::uint64_t expected) {
  throw InvalidArgument("ValueError: attempt to assign sequence of size " + std::to_string(given) +
                        " to extended slice of size " + std::to_string(expected));
}
void throw_too_long_list() {
  throw OutOfMemory("MemoryError: a list of so many items is larger than any memory");
}

}  // namespace lagoon::detail
