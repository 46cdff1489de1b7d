#include <lagoon/namespace.hpp>

#include <string>

namespace lagoon {

void Namespace::throw_missing(std::string_view name) {
  throw OutOfRange("AttributeError: 'Namespace' object has no attribute '" + std::string(name) +
                   "'");
}

Object Namespace::at(std::string_view name) const {
  std::optional<Object> found = attributes_.find(name);
  if (!found) throw_missing(name);
  return *std::move(found);
}

void Namespace::erase(std::string_view name) {
  if (!discard(name)) throw_missing(name);
}

}  // namespace lagoon
