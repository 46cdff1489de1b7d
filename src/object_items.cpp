#include <lagoon/object_place.hpp>

#include <algorithm>

#include "object_node.hpp"
#include "object_number.hpp"

namespace lagoon {

namespace detail {

namespace {

using Kind = Object::Kind;

[[noreturn]] void lacks(const Object& o, std::string_view method) {
  throw TypeMismatch("AttributeError: " + in_quotes(o.type_name()) + " object has no attribute " +
                     in_quotes(method) + ": it is " + shown(o));
}

/// What would be a look into shared memory.
[[noreturn]] void refuse_look(const Object& o) {
  type_error(
      in_quotes(o.type_name()) +
      " object lies in shared memory: open it to look into it, as Dict<>(o) or List<>(o): it "
      "is " +
      shown(o));
}

const Object::Handle& shared_in(const Object& o) noexcept { return *handle_in(o); }

[[noreturn]] void index_error(const Object& o, const char* says) {
  throw OutOfRange(std::string("IndexError: ") + says + ": there are " + std::to_string(o.size()) +
                   " items");
}

[[noreturn]] void key_error(const Object& key) { throw OutOfRange("KeyError: " + shown(key)); }

/// Of what is looked for in a set or under a key. In a set, a set stands for its frozenset.
std::size_t hash_for(const Object& o, const Object& x) {
  return hash_of(x, 0, is_set(o) && x.kind() == Kind::set);
}

void must_be(const Object& o, Kind kind, const char* method) {
  if (o.kind() == Kind::shared) refuse_look(o);
  if (o.kind() != kind) lacks(o, method);
}

/// Counted from the front, whichever end it is given from.
std::size_t index_in(const Object& o, const Object& index, const char* out_of_range) {
  if (!is_integer(index)) {
    type_error(std::string(o.type_name()) + " indices must be integers or slices, not " +
               std::string(index.type_name()));
  }
  std::int64_t i = 0;
  if (!fits(index, i)) throw OutOfRange("IndexError: cannot fit 'int' into an index-sized integer");
  const auto size = static_cast<std::int64_t>(Inside::items(o).size());
  if (i < 0) i += size;
  if (i < 0 || i >= size) index_error(o, out_of_range);
  return static_cast<std::size_t>(i);
}

Object take_item(Object& list, std::size_t i) {
  auto& items = Inside::own_items(list);
  Object x = std::move(items[i]);
  items.erase(items.begin() + static_cast<std::ptrdiff_t>(i));
  return x;
}

bool contains_bytes(const Object& o, const Object& x) {
  if (o.kind() == x.kind())
    return Inside::bytes(o).find(Inside::bytes(x)) != std::string_view::npos;
  if (o.kind() == Kind::str) {
    type_error("'in <string>' requires string as left operand, not " + std::string(x.type_name()));
  }
  if (!is_integer(x))
    type_error("a bytes-like object is required, not " + in_quotes(x.type_name()));
  std::int64_t byte = 0;
  if (!fits(x, byte) || byte < 0 || byte > 255)
    throw InvalidArgument("ValueError: byte must be in range(0, 256)");
  return Inside::bytes(o).find(static_cast<char>(byte)) != std::string_view::npos;
}

}  // namespace

}  // namespace detail

using namespace detail;  // NOLINT: of this file

// ---- Reading ---------------------------------------------------------------------------------

const Object& Object::at(const Object& key) const& {
  if (is_sequence(*this))
    return Inside::items(*this)[index_in(
        *this, key, kind() == Kind::list ? "list index out of range" : "tuple index out of range")];
  if (kind() != Kind::dict) {
    if (is_text(*this)) refuse(*this, "a list, tuple or dict");  // Python's has characters in it
    if (kind() == Kind::shared) refuse_look(*this);
    type_error(in_quotes(type_name()) + " object is not subscriptable: it is " + shown(*this));
  }
  const Object* found = find(key);
  if (!found) key_error(key);
  return *found;
}

Object Object::at(const Object& key) && {
  if (kind() == Kind::shared) return shared_in(*this).at(key);
  return std::as_const(*this).at(key);
}

Object Object::get(const Object& key, Object otherwise) const {
  if (kind() == Kind::shared) return shared_in(*this).find(key).value_or(std::move(otherwise));
  const Object* const found = find(key);
  return found ? *found : std::move(otherwise);
}

const Object* Object::find(const Object& key) const& {
  must_be(*this, Kind::dict, "get");
  const TableNode& table = Inside::table(*this);
  const std::size_t entry = table.find(key, hash_of(key));
  return entry == TableNode::none ? nullptr : &table.items[2 * entry + 1];
}

bool Object::contains(const Object& x) const {
  if (kind() == Kind::shared) return shared_in(*this).contains(x);
  if (is_text(*this)) return contains_bytes(*this, x);
  if (is_sequence(*this)) {
    const auto& items = Inside::items(*this);
    return std::find(items.begin(), items.end(), x) != items.end();
  }
  if (kind() != Kind::dict && !is_set(*this))
    type_error("argument of type " + in_quotes(type_name()) + " is not iterable");
  return Inside::table(*this).find(x, hash_for(*this, x)) != TableNode::none;
}

Object::Iterator Object::begin() const {
  if (is_sequence(*this)) return {Inside::items(*this), 1};
  if (kind() != Kind::dict && !is_set(*this)) {
    if (is_text(*this)) refuse(*this, "something to iterate over");  // Python's has characters
    if (kind() == Kind::shared) refuse_look(*this);
    type_error(in_quotes(type_name()) + " object is not iterable: it is " + shown(*this));
  }
  const TableNode& table = Inside::table(*this);
  return {table.items, static_cast<std::ptrdiff_t>(table.step)};
}

Object::Iterator Object::end() const {
  Iterator end = begin();
  end.at_ = end.end_;
  return end;
}

Object::Items Object::items() const& {
  must_be(*this, Kind::dict, "items");
  Items items{{Inside::table(*this).items, 2}, {}};
  items.last.at_ = items.first.end_;
  return items;
}

std::span<const Object> Object::elements() const& {
  if (kind() == Kind::opaque) return Inside::node<OpaqueNode>(*this).children;
  if (kind() == Kind::shared) refuse_look(*this);
  if (!is_sequence(*this)) refuse(*this, "a list or tuple");
  return Inside::items(*this);
}

// ---- Changing --------------------------------------------------------------------------------

void Object::set_item(const Object& key, Object value) {
  if (kind() == Kind::shared) return shared_in(*this).set_item(key, value);
  if (kind() == Kind::list) {
    const std::size_t i = index_in(*this, key, "list assignment index out of range");
    Inside::own_items(*this)[i] = std::move(value);
    return;
  }
  if (kind() != Kind::dict)
    type_error(in_quotes(type_name()) + " object does not support item assignment");
  Object kept = key;  // which may lie in this dict
  const std::size_t hash = hash_of(kept);
  const std::size_t entry = Inside::table(*this).find(kept, hash);
  auto& table = Inside::own<TableNode>(*this);
  if (entry == TableNode::none)
    table.append(std::move(kept), std::move(value), hash);
  else
    table.items[2 * entry + 1] = std::move(value);
}

Object& Object::Element::slot_of(Object& container, const Object& key) {
  if (container.kind() == Kind::tuple)
    type_error("'tuple' object does not support item assignment");
  if (container.kind() != Kind::dict) {
    if (container.kind() != Kind::list) (void)std::as_const(container).at(key);  // which says why
    const std::size_t i = index_in(container, key, "list index out of range");
    return Inside::own_items(container)[i];
  }
  const std::size_t entry = Inside::table(container).find(key, hash_of(key));
  if (entry == TableNode::none) key_error(key);
  return Inside::own<TableNode>(container).items[2 * entry + 1];
}

void Object::erase(const Object& key) {
  if (kind() == Kind::shared) return shared_in(*this).erase(key);
  if (kind() == Kind::list) {
    (void)take_item(*this, index_in(*this, key, "list assignment index out of range"));
  } else if (kind() == Kind::dict) {
    (void)pop(key);
  } else if (kind() == Kind::set) {
    if (!discard(key)) key_error(key);
  } else {
    type_error(in_quotes(type_name()) + " object doesn't support item deletion");
  }
}

void Object::append(Object x) {
  if (kind() == Kind::shared) return shared_in(*this).append(x);
  must_be(*this, Kind::list, "append");
  Inside::own_items(*this).push_back(std::move(x));
}

void Object::insert(const Object& index, Object x) {
  if (kind() == Kind::shared) return shared_in(*this).insert(index, x);
  must_be(*this, Kind::list, "insert");
  if (!is_integer(index))
    type_error(in_quotes(index.type_name()) + " object cannot be interpreted as an integer");
  std::int64_t i = 0;
  if (!fits(index, i))
    throw OutOfRange("OverflowError: Python int too large to convert to C ssize_t");
  auto& items = Inside::own_items(*this);
  const auto size = static_cast<std::int64_t>(items.size());
  if (i < 0) i = std::max<std::int64_t>(i + size, 0);
  items.insert(items.begin() + std::min(i, size), std::move(x));
}

Object Object::pop() { return kind() == Kind::shared ? shared_in(*this).pop() : pop(-1); }

Object Object::pop(const Object& key) {
  if (kind() == Kind::shared) return shared_in(*this).pop(key);
  if (kind() == Kind::list) {
    if (!is_integer(key))
      type_error(in_quotes(key.type_name()) + " object cannot be interpreted as an integer");
    if (size() == 0) throw OutOfRange("IndexError: pop from empty list");
    return take_item(*this, index_in(*this, key, "pop index out of range"));
  }
  must_be(*this, Kind::dict, "pop");
  const std::size_t entry = Inside::table(*this).find(key, hash_of(key));
  if (entry == TableNode::none) key_error(key);
  return Inside::own<TableNode>(*this).erase(entry);
}

void Object::add(Object x) {
  if (kind() != Kind::set) lacks(*this, "add");
  const std::size_t hash = hash_of(x);
  if (Inside::table(*this).find(x, hash) == TableNode::none)
    Inside::own<TableNode>(*this).append(std::move(x), {}, hash);
}

bool Object::discard(const Object& x) {
  if (kind() != Kind::set) lacks(*this, "discard");
  const std::size_t entry = Inside::table(*this).find(x, hash_for(*this, x));
  if (entry == TableNode::none) return false;
  (void)Inside::own<TableNode>(*this).erase(entry);
  return true;
}

void Object::clear() {
  if (kind() == Kind::shared) return shared_in(*this).clear();
  if (kind() == Kind::list) {
    *this = list();
  } else if (kind() == Kind::dict) {
    *this = dict();
  } else {
    must_be(*this, Kind::set, "clear");
    *this = set();
  }
}

Object detail::call_method(const Object& o, std::string_view method,
                           std::span<const Object> arguments) {
  if (o.kind() != Kind::shared) lacks(o, method);
  return shared_in(o).call(method, arguments);
}

void detail::refuse_shared(const Object& o) {
  throw TypeMismatch("update() cannot replace " + shown(o) +
                     ", which lies in shared memory; assign to its place instead");
}

// ---- Of handles that are no containers -------------------------------------------------------

void Object::Handle::refuse(const std::string& says) const {
  if (is_gone()) throw Gone("the object that a container refers to was erased");
  throw TypeMismatch(says + advice());
}
void Object::Handle::lacks(std::string_view method) const {
  refuse("AttributeError: " + in_quotes(type_name()) + " object has no attribute " +
         detail::in_quotes(method) + ": it is " + repr());
}
std::size_t Object::Handle::size() const {
  refuse("TypeError: object of type " + in_quotes(type_name()) + " has no len()");
}
Object Object::Handle::at(const Object&) const {
  refuse("TypeError: " + in_quotes(type_name()) + " object is not subscriptable: it is " + repr());
}
std::optional<Object> Object::Handle::find(const Object&) const { lacks("get"); }
bool Object::Handle::contains(const Object&) const {
  refuse("TypeError: argument of type " + in_quotes(type_name()) + " is not iterable");
}
void Object::Handle::set_item(const Object&, const Object&) const {
  refuse("TypeError: " + in_quotes(type_name()) + " object does not support item assignment");
}
void Object::Handle::change_item(const Object& key, const Change&) const { set_item(key, {}); }
void Object::Handle::erase(const Object&) const {
  refuse("TypeError: " + in_quotes(type_name()) + " object doesn't support item deletion");
}
void Object::Handle::append(const Object&) const { lacks("append"); }
void Object::Handle::insert(const Object&, const Object&) const { lacks("insert"); }
Object Object::Handle::pop() const { lacks("pop"); }
Object Object::Handle::pop(const Object&) const { lacks("pop"); }
void Object::Handle::clear() const { lacks("clear"); }
void Object::Handle::extend(const Object& x) const {
  refuse("TypeError: unsupported operand type(s) for +=: " + in_quotes(type_name()) + " and " +
         in_quotes(x.type_name()));
}
void Object::Handle::repeat(const Object& times) const {
  refuse("TypeError: unsupported operand type(s) for *=: " + in_quotes(type_name()) + " and " +
         in_quotes(times.type_name()));
}

Object Object::Handle::call(std::string_view method, std::span<const Object>) const {
  lacks(method);
}

}  // namespace lagoon
