#include <algorithm>

#include "object_node.hpp"
#include "object_number.hpp"

namespace lagoon {

namespace detail {

// ---- Life and death --------------------------------------------------------------------------

void TheDead::let_go(SharedNode* node) noexcept {
  // What others did with it comes before its end. Who is alone needs no locked instruction.
  const auto word = Inside::word(*node);
  if (word.load(std::memory_order_acquire) != 1 &&
      word.fetch_sub(1, std::memory_order_acq_rel) != 1)
    return;
  word.store(reinterpret_cast<std::uintptr_t>(first_), std::memory_order_relaxed);
  first_ = node;
}

void TheDead::take(std::vector<Object>& items) noexcept {
  for (Object& x : items)
    if (Inside::is_counted(x)) let_go(Inside::take(x));
}

void TheDead::bury() noexcept {
  while (first_ != nullptr) {
    SharedNode* node = first_;
    first_ = reinterpret_cast<SharedNode*>(node->word_);
    node->give_up(*this);
    delete node;
  }
}

Object object_of_items(Object::Kind kind, std::vector<Object>&& items) {
  if (kind == Object::Kind::list || kind == Object::Kind::tuple)
    return Inside::of_node(kind, new SequenceNode(std::move(items)));
  auto* table = new TableNode(1);
  Object set = Inside::of_node(kind, table);
  for (Object& x : items) {
    const std::size_t hash = x.hash();
    table->add(std::move(x), hash);
  }
  return set;
}

Object object_of_handle(const Object::Handle* handle) noexcept {
  return Inside::of_node(Object::Kind::shared, handle);
}

const Object::Handle* handle_in(const Object& o) noexcept {
  return o.kind() == Object::Kind::shared ? &Inside::node<Object::Handle>(o) : nullptr;
}

void type_error(const std::string& says) { throw TypeMismatch("TypeError: " + says); }

}  // namespace detail

using namespace detail;  // NOLINT: of this file

void Object::count() const noexcept {
  Inside::word(*reinterpret_cast<SharedNode*>(word_)).fetch_add(1, std::memory_order_relaxed);
}

void Object::release() noexcept {
  TheDead dead;
  dead.let_go(Inside::take(*this));
  dead.bury();
}

Object Object::dict(std::initializer_list<std::pair<Object, Object>> items) {
  Object dict = Inside::of_node(Kind::dict, new TableNode(2));
  for (const auto& [key, value] : items) dict.set_item(key, value);
  return dict;
}

Object Object::opaque(std::string kind, std::string bytes, std::vector<Object> children) {
  return Inside::of_node(Kind::opaque,
                         new OpaqueNode(std::move(kind), std::move(bytes), std::move(children)));
}

// ---- What it is ------------------------------------------------------------------------------

std::string_view Object::type_name() const noexcept {
  switch (kind()) {
    case Kind::none:
      return "NoneType";
    case Kind::boolean:
      return "bool";
    case Kind::integer:
      return "int";
    case Kind::real:
      return "float";
    case Kind::str:
      return "str";
    case Kind::bytes:
      return "bytes";
    case Kind::list:
      return "list";
    case Kind::tuple:
      return "tuple";
    case Kind::dict:
      return "dict";
    case Kind::set:
      return "set";
    case Kind::frozenset:
      return "frozenset";
    case Kind::opaque:
      return Inside::node<OpaqueNode>(*this).kind;
    case Kind::shared:
      return handle_in(*this)->type_name();
  }
  return "";
}

Object::operator bool() const {
  switch (kind()) {
    case Kind::none:
      return false;
    case Kind::boolean:
      return Inside::boolean(*this);
    case Kind::integer:
      return is_counted() || Inside::integer(*this) != 0;
    case Kind::real:
      return Inside::real(*this) != 0;
    case Kind::str:
    case Kind::bytes:
      return !Inside::bytes(*this).empty();
    case Kind::list:
    case Kind::tuple:
    case Kind::dict:
    case Kind::set:
    case Kind::frozenset:
      return size() != 0;
    case Kind::opaque:
      return true;
    case Kind::shared:
      return handle_in(*this)->is_true();
  }
  return false;
}

std::size_t Object::size() const {
  switch (kind()) {
    case Kind::str:
      return static_cast<std::size_t>(
          std::ranges::count_if(Inside::bytes(*this), [](char c) { return (c & 0xC0) != 0x80; }));
    case Kind::bytes:
      return Inside::bytes(*this).size();
    case Kind::list:
    case Kind::tuple:
      return Inside::items(*this).size();
    case Kind::dict:
    case Kind::set:
    case Kind::frozenset:
      return Inside::table(*this).live;
    case Kind::shared:
      return handle_in(*this)->size();
    default:
      type_error("object of type " + in_quotes(type_name()) + " has no len()");
  }
}

std::string_view Object::opaque_kind() const& {
  if (kind() != Kind::opaque) refuse(*this, "an opaque object");
  return Inside::node<OpaqueNode>(*this).kind;
}

std::string_view Object::opaque_bytes() const& {
  if (kind() != Kind::opaque) refuse(*this, "an opaque object");
  return Inside::node<OpaqueNode>(*this).bytes;
}

}  // namespace lagoon
