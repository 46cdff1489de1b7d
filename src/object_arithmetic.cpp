#include <algorithm>

#include "object_node.hpp"
#include "object_number.hpp"

namespace lagoon {

namespace detail {

namespace {

using Kind = Object::Kind;

[[noreturn]] void unsupported(const Object& a, const char* op, const Object& b) {
  type_error(std::string("unsupported operand type(s) for ") + op + ": " +
             in_quotes(a.type_name()) + " and " + in_quotes(b.type_name()));
}

Object concatenated(const Object& a, const Object& b) {
  if (is_text(a)) {
    const std::string_view x = Inside::bytes(a);
    const std::string_view y = Inside::bytes(b);
    return Inside::of_bytes(a.kind(), x.size() + y.size(), [&](char* to) {
      x.copy(to, x.size());
      y.copy(to + x.size(), y.size());
    });
  }
  const auto& x = Inside::items(a);
  const auto& y = Inside::items(b);
  std::vector<Object> items;
  items.reserve(x.size() + y.size());
  items.insert(items.end(), x.begin(), x.end());
  items.insert(items.end(), y.begin(), y.end());
  return object_of_items(a.kind(), std::move(items));
}

Object repeated(const Object& a, const Object& times) {
  if (!is_integer(times))
    type_error("can't multiply sequence by non-int of type " + in_quotes(times.type_name()));
  std::int64_t given = 0;
  if (!fits(times, given))
    throw OutOfRange("OverflowError: cannot fit 'int' into an index-sized integer");
  const auto n = static_cast<std::size_t>(std::max<std::int64_t>(given, 0));
  const std::size_t size = is_text(a) ? Inside::bytes(a).size() : Inside::items(a).size();
  std::size_t total = 0;
  if (__builtin_mul_overflow(size, n, &total) || total > PTRDIFF_MAX / sizeof(Object))
    throw OutOfMemory("MemoryError: " + shown(a) + " repeated " + std::to_string(n) + " times");
  if (is_text(a)) {
    return Inside::of_bytes(a.kind(), total, [&](char* to) {
      for (std::size_t i = 0; i < total; i += size) Inside::bytes(a).copy(to + i, size);
    });
  }
  std::vector<Object> items;
  items.reserve(total);
  for (std::size_t i = 0; i < total; i += size)
    items.insert(items.end(), Inside::items(a).begin(), Inside::items(a).end());
  return object_of_items(a.kind(), std::move(items));
}

/// In the words that Python has for each type on the left.
[[noreturn]] void cannot_concatenate(const Object& a, const Object& b) {
  const std::string other(b.type_name());
  if (a.kind() == Kind::bytes) type_error("can't concat " + other + " to bytes");
  const std::string type(a.type_name());
  type_error("can only concatenate " + type + " (not \"" + other + "\") to " + type);
}

}  // namespace

}  // namespace detail

using namespace detail;  // NOLINT: of this file

Object Object::sum(const Object& a, const Object& b, const char* op) {
  if (is_number(a) && is_number(b)) return compute(a, Arithmetic::plus, b);
  if (!is_text(a) && !is_sequence(a)) unsupported(a, op, b);
  if (a.kind() != b.kind()) cannot_concatenate(a, b);
  return concatenated(a, b);
}

Object Object::difference(const Object& a, const Object& b, const char* op) {
  if (is_number(a) && is_number(b)) return compute(a, Arithmetic::minus, b);
  if (!is_set(a) || !is_set(b)) unsupported(a, op, b);
  const TableNode& x = Inside::table(a);
  const TableNode& y = Inside::table(b);
  auto* table = new TableNode(1);
  Object rest = Inside::of_node(a.kind(), table);
  for (std::size_t i = 0; i < x.entries(); ++i) {
    if (!x.is_erased(i) && y.find(x.items[i], x.hashes[i]) == TableNode::none)
      table->append(x.items[i], {}, x.hashes[i]);
  }
  return rest;
}

Object Object::product(const Object& a, const Object& b, const char* op) {
  if (is_number(a) && is_number(b)) return compute(a, Arithmetic::times, b);
  if (is_text(a) || is_sequence(a)) return repeated(a, b);
  if (is_text(b) || is_sequence(b)) return repeated(b, a);
  unsupported(a, op, b);
}

Object Object::negative(const Object& a) {
  if (!is_number(a)) type_error("bad operand type for unary -: " + in_quotes(a.type_name()));
  return negated(a);
}

Object& Object::operator*=(const Object& x) {
  if (kind() != Kind::shared) return *this = product(*this, x, "*=");
  return handle_in(*this)->repeat(x), *this;
}

Object& Object::operator+=(const Object& x) {
  if (kind() == Kind::shared) return handle_in(*this)->extend(x), *this;
  if (kind() != Kind::list || x.kind() != Kind::list) return *this = sum(*this, x, "+=");
  const Object kept = x;  // which may be this, or in it
  auto& items = Inside::own_items(*this);
  const auto& more = Inside::items(kept);
  items.insert(items.end(), more.begin(), more.end());
  return *this;
}

}  // namespace lagoon
