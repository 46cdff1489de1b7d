#include "arguments.hpp"

#include <algorithm>

#include "python_error.hpp"

namespace lagoon::remote {

Arguments::Arguments(std::string_view method, Object args, Object kwds)
    : method_(method), args_(std::move(args)), named_(std::move(kwds)) {
  if (args_.kind() != Object::Kind::tuple && args_.kind() != Object::Kind::list)
    raise_type_error("arguments must be a tuple, not " + std::string(args_.type_name()));
  if (named_.kind() != Object::Kind::dict)
    raise_type_error("arguments with names must be a dict, not " + std::string(named_.type_name()));
  rest_ = args_.elements();
  given_ = rest_.size();
}

const Object* Arguments::find(std::string_view name) {
  if (!rest_.empty()) {
    const Object* const first = rest_.data();
    rest_ = rest_.subspan(1);
    return first;
  }
  if (named_.size() == 0) return nullptr;
  const Object* const found = named_.find(name);
  if (found != nullptr) names_taken_.push_back(name);
  return found;
}

const Object& Arguments::take(std::string_view name) {
  const Object* const found = find(name);
  if (found == nullptr)
    raise_type_error(std::string(method_) + "() missing required argument: '" + std::string(name) +
                     "'");
  return *found;
}

Object Arguments::take(std::string_view name, Object otherwise) {
  const Object* const found = find(name);
  return found == nullptr ? std::move(otherwise) : *found;
}

std::optional<Object> Arguments::take_if_given(std::string_view name) {
  const Object* const found = find(name);
  return found == nullptr ? std::nullopt : std::optional(*found);
}

long long Arguments::take_integer(std::string_view name, std::optional<long long> otherwise) {
  const Object* const found = otherwise ? find(name) : &take(name);
  if (found == nullptr) return *otherwise;
  if (found->kind() == Object::Kind::boolean) return found->get<bool>() ? 1 : 0;
  if (found->kind() != Object::Kind::integer)
    raise_type_error("'" + std::string(found->type_name()) +
                     "' object cannot be interpreted as an integer");
  return found->get<long long>();
}

std::span<const Object> Arguments::take_rest() { return std::exchange(rest_, {}); }

Object Arguments::take_named() {
  Object named = std::move(named_);
  named_ = Object::dict();
  return named;
}

void Arguments::end() const {
  if (!rest_.empty())
    raise_type_error(std::string(method_) + "() takes " + std::to_string(given_ - rest_.size()) +
                     " positional arguments but " + std::to_string(given_) +
                     (given_ == 1 ? " was given" : " were given"));
  if (names_taken_.size() == named_.size()) return;
  for (const Object& name : named_)
    if (std::find(names_taken_.begin(), names_taken_.end(), name.str()) == names_taken_.end())
      raise_type_error(std::string(method_) + "() got an unexpected keyword argument '" +
                       name.str() + "'");
}

}  // namespace lagoon::remote
