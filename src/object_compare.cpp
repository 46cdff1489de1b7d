#include <algorithm>
#include <cstring>

#include "object_node.hpp"
#include "object_number.hpp"

namespace lagoon {

namespace detail {

namespace {

using Kind = Object::Kind;
using Order = std::partial_ordering;

constexpr const char* in_comparison = " in comparison";

bool equal_items(std::span<const Object> a, std::span<const Object> b, int depth) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (!equal_objects(a[i], b[i], depth)) return false;
  return true;
}

/// Whether all that is in `a` is in `b`: of dicts, under the same keys.
bool is_within(const TableNode& a, const TableNode& b, int depth) {
  if (a.live > b.live) return false;
  for (std::size_t i = 0; i < a.entries(); ++i) {
    if (a.is_erased(i)) continue;
    const std::size_t j = b.find(a.items[i * a.step], a.hashes[i], depth);
    if (j == TableNode::none) return false;
    if (a.step == 2 && !equal_objects(a.items[2 * i + 1], b.items[2 * j + 1], depth)) return false;
  }
  return true;
}

[[noreturn]] void no_order(const Object& a, const char* op, const Object& b) {
  throw TypeMismatch(std::string("TypeError: '") + op + "' not supported between instances of " +
                     in_quotes(a.type_name()) + " and " + in_quotes(b.type_name()));
}

Order compare(const Object& a, const char* op, const Object& b, int depth) {
  if (is_number(a) && is_number(b)) return compare_numbers(a, b);
  if (is_text(a) && a.kind() == b.kind())
    return Inside::bytes(a) <=> Inside::bytes(b);  // UTF-8 is in the order of its characters
  if (is_sequence(a) && a.kind() == b.kind()) {
    if (depth > Object::max_depth) too_deep(in_comparison);
    const auto& x = Inside::items(a);
    const auto& y = Inside::items(b);
    const std::size_t common = std::min(x.size(), y.size());
    for (std::size_t i = 0; i < common; ++i)
      if (!equal_objects(x[i], y[i], depth + 1)) return compare(x[i], op, y[i], depth + 1);
    return x.size() <=> y.size();
  }
  if (is_set(a) && is_set(b)) {
    if (depth > Object::max_depth) too_deep(in_comparison);
    const TableNode& x = Inside::table(a);
    const TableNode& y = Inside::table(b);
    if (is_within(x, y, depth + 1)) return x.live == y.live ? Order::equivalent : Order::less;
    return is_within(y, x, depth + 1) ? Order::greater : Order::unordered;
  }
  no_order(a, op, b);
}

// ---- Hashes ----------------------------------------------------------------------------------

constexpr std::uint64_t odd = 0x9E3779B97F4A7C15;  // the golden ratio's bits

std::uint64_t mixed(std::uint64_t hash, std::uint64_t x) {
  hash = (hash ^ x) * odd;
  return hash ^ hash >> 29;
}

std::uint64_t hash_of_bytes(std::string_view bytes, std::uint64_t seed) {
  std::uint64_t hash = mixed(seed, bytes.size());
  for (; bytes.size() >= 8; bytes.remove_prefix(8)) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data(), 8);
    hash = mixed(hash, word);
  }
  std::uint64_t tail = 0;
  bytes.copy(reinterpret_cast<char*>(&tail), bytes.size());
  return mixed(mixed(hash, tail), seed);
}

std::uint64_t hash_of_items(std::span<const Object> items, std::uint64_t seed, int depth,
                            bool by_structure) {
  std::uint64_t hash = mixed(seed, items.size());
  for (const Object& x : items) hash = mixed(hash, hash_of(x, depth, by_structure));
  return hash;
}

/// Whatever their order.
std::uint64_t hash_of_table(const TableNode& table, int depth) {
  std::uint64_t sum = table.live;
  for (std::size_t i = 0; i < table.entries(); ++i) {
    if (table.is_erased(i)) continue;
    std::uint64_t hash = mixed(table.step, table.hashes[i]);
    if (table.step == 2) hash = mixed(hash, hash_of(table.items[2 * i + 1], depth, true));
    sum += hash;
  }
  return mixed(table.step, sum);
}

}  // namespace

void too_deep(const char* what) {
  throw UsageError(std::string("RecursionError: maximum recursion depth exceeded") + what +
                   ": the object is nested deeper than " + std::to_string(Object::max_depth));
}

bool equal_objects(const Object& a, const Object& b, int depth) {
  if (is_number(a) && is_number(b)) return compare_numbers(a, b) == 0;
  if (a.kind() != b.kind() && !(is_set(a) && is_set(b))) return false;
  if (is_text(a)) return Inside::bytes(a) == Inside::bytes(b);
  if (a.is_none()) return true;
  if (a.kind() == Kind::shared) return handle_in(a)->equals(*handle_in(b));
  if (depth > Object::max_depth) too_deep(in_comparison);
  if (is_sequence(a)) return equal_items(Inside::items(a), Inside::items(b), depth + 1);
  if (a.kind() == Kind::opaque) {
    const auto& x = Inside::node<OpaqueNode>(a);
    const auto& y = Inside::node<OpaqueNode>(b);
    return x.kind == y.kind && x.bytes == y.bytes && equal_items(x.children, y.children, depth + 1);
  }
  const TableNode& x = Inside::table(a);
  const TableNode& y = Inside::table(b);
  return x.live == y.live && is_within(x, y, depth + 1);
}

std::size_t hash_of(const Object& o, int depth, bool by_structure) {
  const auto seed = static_cast<std::uint64_t>(o.kind());
  switch (o.kind()) {
    case Kind::boolean:
    case Kind::integer:
    case Kind::real:
      return hash_of_number(o);
    case Kind::none:
      return mixed(odd, 0);
    case Kind::str:
    case Kind::bytes:
      if (!Inside::is_counted(o)) return mixed(mixed(seed, Inside::head(o)), Inside::word(o));
      return hash_of_bytes(Inside::bytes(o), seed);
    case Kind::shared:
      return handle_in(o)->hash();
    default:
      break;
  }
  if (depth > Object::max_depth) too_deep("");
  switch (o.kind()) {
    case Kind::tuple:
      return hash_of_items(Inside::items(o), seed, depth + 1, by_structure);
    case Kind::frozenset:
      return hash_of_table(Inside::table(o), depth + 1);
    case Kind::opaque: {
      const auto& node = Inside::node<OpaqueNode>(o);
      return hash_of_items(node.children, hash_of_bytes(node.bytes, hash_of_bytes(node.kind, seed)),
                           depth + 1, true);
    }
    default:
      break;
  }
  if (!by_structure) {
    throw TypeMismatch("TypeError: unhashable type: " + in_quotes(o.type_name()) + ": it is " +
                       shown(o));
  }
  return o.kind() == Kind::list ? hash_of_items(Inside::items(o), seed, depth + 1, true)
                                : hash_of_table(Inside::table(o), depth + 1);
}

}  // namespace detail

std::size_t Object::hash() const { return detail::hash_of(*this); }

bool Object::equal(const Object& a, const Object& b) { return detail::equal_objects(a, b, 0); }

bool Object::ordered(const Object& a, const char* op, const Object& b) {
  const std::partial_ordering order = detail::compare(a, op, b, 0);
  const bool or_equal = op[1] == '=';
  return op[0] == '<' ? order < 0 || (or_equal && order == 0)
                      : order > 0 || (or_equal && order == 0);
}

}  // namespace lagoon
