#include <lagoon/dict.hpp>

#include "object_node.hpp"

namespace lagoon::detail {

void throw_key_error(const Object& key) { throw OutOfRange("KeyError: " + shown(key)); }
void throw_empty_dict() { throw OutOfRange("KeyError: 'popitem(): dictionary is empty'"); }

}  // namespace lagoon::detail
