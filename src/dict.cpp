#include <lagoon/dict.hpp>

#include "object_node.hpp"

namespace lagoon::detail {

Object text_or_bytes(std::string_view text) {
  try {
    return text;
  } catch (const InvalidArgument&) {
    return Object::bytes(text);
  }
}
void throw_key_error(const Object& key) { throw OutOfRange("KeyError: " + shown(key)); }
void throw_key_error_of_a(const std::string& type) { throw OutOfRange("KeyError: <" + type + ">"); }
void throw_empty_dict() { throw OutOfRange("KeyError: 'popitem(): dictionary is empty'"); }

}  // namespace lagoon::detail
