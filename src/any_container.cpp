#include <lagoon/any_container.hpp>

namespace lagoon {

namespace {

std::vector<Object> without_types(auto&& parts) {
  std::vector<Object> objects;
  objects.reserve(parts.size());
  for (auto& part : parts) objects.push_back(std::move(part.object));
  return objects;
}

}  // namespace

const std::vector<detail::RuntimeType>& AnyDict::types() const {
  return detail::RuntimeContents::of(handle_).types;
}

std::optional<detail::RuntimeKey> AnyDict::key_of(const Object& key) const {
  const detail::RuntimeType& type = types()[0];
  if (type.is_object()) return detail::RuntimeKey{key, &type};
  (void)key.hash();
  try {
    Encoder bytes;
    type.encode_key(bytes, key);
  } catch (const TypeMismatch&) {
    return std::nullopt;
  } catch (const OutOfRange&) {  // a larger number
    return std::nullopt;
  } catch (const InvalidArgument&) {  // a tuple of another length
    return std::nullopt;
  }
  return detail::RuntimeKey{key, &type};
}

detail::RuntimeKey AnyDict::key_or_throw(const Object& key) const {
  auto found = key_of(key);
  if (!found) detail::throw_key_error(key);
  return *std::move(found);
}

bool AnyDict::contains(const Object& key) const {
  const auto as_key = key_of(key);
  return as_key && Base::contains(*as_key);
}

std::optional<Object> AnyDict::find(const Object& key) const {
  const auto as_key = key_of(key);
  auto found = as_key ? Base::find(*as_key) : std::nullopt;
  return found ? std::optional(std::move(found->object)) : std::nullopt;
}

Object AnyDict::at(const Object& key) const {
  auto found = find(key);
  if (!found) detail::throw_key_error(key);
  return *std::move(found);
}

Object AnyDict::get(const Object& key, Object otherwise) const {
  return find(key).value_or(std::move(otherwise));
}

std::vector<Object> AnyDict::keys() const { return without_types(Base::keys()); }
std::vector<Object> AnyDict::values() const { return without_types(Base::values()); }
std::vector<AnyDict::Item> AnyDict::items() const {
  std::vector<Item> all;
  for (auto& [key, value] : Base::items())
    all.emplace_back(std::move(key.object), std::move(value.object));
  return all;
}

Object AnyDict::copy() const {
  Object dict = Object::dict();
  for (auto& [key, value] : items()) dict.set_item(key, std::move(value));
  return dict;
}

void AnyDict::set(const Object& key, const Object& value) {
  Base::set({key, &types()[0]}, value_of(value));
}

void AnyDict::erase(const Object& key) {
  if (!discard(key)) detail::throw_key_error(key);
}

bool AnyDict::discard(const Object& key) {
  const auto as_key = key_of(key);
  return as_key && Base::discard(*as_key);
}

Object AnyDict::pop(const Object& key) {
  const detail::RuntimeValue none{};  // what is there has a type
  auto popped = Base::pop(key_or_throw(key), none);
  if (popped.type == nullptr) detail::throw_key_error(key);
  return std::move(popped.object);
}

Object AnyDict::pop(const Object& key, Object otherwise) {
  const auto as_key = key_of(key);
  if (!as_key) return otherwise;
  return Base::pop(*as_key, {std::move(otherwise), nullptr}).object;
}

AnyDict::Item AnyDict::popitem() {
  auto [key, value] = Base::popitem();
  return {std::move(key.object), std::move(value.object)};
}

Object AnyDict::setdefault(const Object& key, Object value) {
  return Base::setdefault({key, &types()[0]}, value_of(value)).object;
}

void AnyDict::update(const std::vector<Item>& items) {
  std::vector<Base::Item> typed;
  typed.reserve(items.size());
  for (const auto& [key, value] : items)
    typed.emplace_back(detail::RuntimeKey{key, &types()[0]}, value_of(value));
  Base::update(typed);
}

bool AnyDict::compare_exchange(const Object& key, const Object& expected, const Object& desired) {
  const auto as_key = key_of(key);
  return as_key && Base::compare_exchange(*as_key, {expected}, value_of(desired));
}

std::vector<Object> AnyList::slice(End start, End stop, Index step) const {
  return without_types(Base::slice(start, stop, step));
}

std::size_t AnyList::index(const Object& x, Index start, End stop) const {
  return Base::index({x}, start, stop);
}

std::vector<detail::RuntimeElement> AnyList::elements(const Object& items) const {
  std::vector<detail::RuntimeElement> all;
  for (const Object& x : items) all.push_back(element(x));
  return all;
}

}  // namespace lagoon
