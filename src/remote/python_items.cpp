#include "python_items.hpp"

#include <lagoon/any_container.hpp>
#include <lagoon/shared_object.hpp>

#include <algorithm>
#include <charconv>
#include <limits>
#include <string>
#include <string_view>

#include "pickle.hpp"
#include "python_array.hpp"
#include "python_error.hpp"

namespace lagoon::remote {

namespace {

bool is_shared_dict(const Object& x) {
  const auto* const shared = x.shared_as<lagoon::detail::SharedObject>();
  return shared != nullptr && shared->handle().payload() != nullptr &&
         shared->handle().stamp().kind == lagoon::detail::Stamp::Kind::dict;
}

/// What a few bytes can ask for, ranges and iterators of each other, is made in this process's
/// memory, which all share: so many Objects at most, all together.
class Room {
 public:
  void take(std::uint64_t objects) {
    if (objects > left_)
      raise("MemoryError", "more than " + std::to_string(most) +
                               " items of ranges and iterators: send lists of some of them");
    left_ -= objects;
  }

 private:
  static constexpr std::uint64_t most = std::uint64_t{1} << 24;
  std::uint64_t left_ = most;
};
constexpr std::uint64_t of_a_tuple = 2;  // beside its items

Object items_within(const Object& x, Room& room);

/// Of a range's start, stop and step.
Object items_of_range(const Object& bounds, Room& room) {
  const auto start = bounds.at(0).get<std::int64_t>(), stop = bounds.at(1).get<std::int64_t>(),
             step = bounds.at(2).get<std::int64_t>();
  Object list = Object::list();
  for (std::int64_t x = start; step > 0 ? x < stop : x > stop;) {
    room.take(1);
    list.append(x);
    if (__builtin_add_overflow(x, step, &x)) break;
  }
  return list;
}

/// What Python's own collections, and classes that derive from a list or a dict, have in them: what
/// was appended, or put under keys, when one was made anew.
struct Contents {
  std::vector<Object> items;
  std::vector<std::pair<Object, Object>> pairs;
  bool has_pairs = false;
};
/// The list or dict within a UserList or a UserDict; or null.
const Object* data_of(const Object& o) {
  if (o.opaque_bytes() != "Nb" || o.elements()[2].kind() != Object::Kind::dict) return nullptr;
  const bool of_list = o.opaque_kind() == "collections.UserList";
  if (!of_list && o.opaque_kind() != "collections.UserDict") return nullptr;
  const Object* const data = o.elements()[2].find("data");
  const auto wanted = of_list ? Object::Kind::list : Object::Kind::dict;
  return data != nullptr && data->kind() == wanted ? data : nullptr;
}
std::optional<Contents> contents_of(const Object& o) {
  if (o.kind() != Object::Kind::opaque || o.elements().size() < 2) return std::nullopt;
  if (const Object* const counted = arguments_of(o, "collections.Counter");
      counted != nullptr && counted->size() == 1 &&
      counted->elements()[0].kind() == Object::Kind::dict) {
    Contents contents{{}, {}, true};
    for (const auto& [key, value] : counted->elements()[0].items())
      contents.pairs.emplace_back(key, value);
    return contents;
  }
  if (const Object* const data = data_of(o)) {
    if (data->kind() != Object::Kind::dict)
      return Contents{{data->elements().begin(), data->elements().end()}, {}, false};
    Contents contents{{}, {}, true};
    for (const auto& [key, value] : data->items()) contents.pairs.emplace_back(key, value);
    return contents;
  }
  std::string_view done = o.opaque_bytes();
  auto parts = o.elements();
  if (done.empty() || (done[0] != 'R' && done[0] != 'N')) return std::nullopt;
  const bool is_empty_one = o.opaque_kind() == "collections.OrderedDict" ||
                            o.opaque_kind() == "collections.defaultdict" ||
                            o.opaque_kind() == "collections.deque";
  done.remove_prefix(1);
  parts = parts.subspan(2);
  Contents contents;
  contents.has_pairs = is_empty_one && o.opaque_kind() != "collections.deque";
  bool is_one = is_empty_one;
  while (!done.empty()) {
    const char what = done[0];
    done.remove_prefix(1);
    std::size_t n = 1;
    if (what != 'b') {
      const auto [end, error] = std::from_chars(done.data(), done.data() + done.size(), n);
      if (error != std::errc{}) return std::nullopt;
      done.remove_prefix(std::min(static_cast<std::size_t>(end - done.data()) + 1, done.size()));
    }
    const std::size_t taken = what == 's' ? 2 * n : n;
    if (taken > parts.size()) return std::nullopt;
    is_one = is_one || what == 'a' || what == 's';
    if (what == 'a')
      contents.items.insert(contents.items.end(), parts.begin(),
                            parts.begin() + static_cast<std::ptrdiff_t>(n));
    if (what == 's') {
      contents.has_pairs = true;
      for (std::size_t k = 0; k < n; ++k)
        contents.pairs.emplace_back(parts[2 * k], parts[2 * k + 1]);
    }
    parts = parts.subspan(taken);
  }
  return is_one ? std::optional(std::move(contents)) : std::nullopt;
}

/// What is left of one of Python's iterators: of a list or the like, forwards and backwards; zip,
/// enumerate.
std::optional<Object> items_left(const Object& o, Room& room) {
  if (o.kind() != Object::Kind::opaque || !o.opaque_bytes().starts_with('R')) return std::nullopt;
  const std::string_view kind = o.opaque_kind();
  const Object& arguments = o.elements()[1];
  if (arguments.kind() != Object::Kind::tuple || arguments.size() == 0) return std::nullopt;
  const auto given = arguments.elements();
  Object left = Object::list();
  if (kind == "builtins.iter" || kind == "builtins.reversed") {
    const Object items = items_within(given[0], room);
    const auto size = static_cast<std::int64_t>(items.size());
    std::int64_t at = 0;
    if (o.opaque_bytes() == "Rb" && o.elements()[2].kind() == Object::Kind::integer)
      at = std::clamp<std::int64_t>(o.elements()[2].get<std::int64_t>(), -1, size);
    const bool is_forwards = kind == "builtins.iter";
    if (is_forwards) at = std::max<std::int64_t>(at, 0);
    room.take(static_cast<std::uint64_t>(size));
    for (; at >= 0 && at < size; at += is_forwards ? 1 : -1)
      left.append(items.elements()[static_cast<std::size_t>(at)]);
    return left;
  }
  if (kind == "builtins.enumerate" && given.size() == 2) {
    Object number = given[1];
    for (const Object& item : items_within(given[0], room)) {
      room.take(of_a_tuple + 2);
      left.append(Object::tuple(number, item));
      number += 1;
    }
    return left;
  }
  if (kind != "builtins.zip") return std::nullopt;
  std::vector<Object> columns;
  std::size_t rows = ~std::size_t{0};
  for (const Object& column : given) {
    columns.push_back(items_within(column, room));
    rows = std::min(rows, columns.back().size());
  }
  for (std::size_t i = 0; i < rows; ++i) {
    room.take(of_a_tuple + columns.size());
    std::vector<Object> row;
    for (const Object& column : columns) row.push_back(column.elements()[i]);
    left.append(Object::tuple_of(row));
  }
  return left;
}

Object items_within(const Object& x, Room& room) {
  if (x.kind() == Object::Kind::str) {
    Object list = Object::list();
    // One for each character.
    const auto text = x.get<std::string_view>();
    for (std::size_t i = 0; i < text.size();) {
      std::size_t n = 1;
      while (i + n < text.size() && (static_cast<unsigned char>(text[i + n]) & 0xc0) == 0x80) ++n;
      list.append(text.substr(i, n));
      i += n;
    }
    return list;
  }
  if (x.kind() == Object::Kind::bytes) {
    Object list = Object::list();
    for (const std::byte b : x.get<std::span<const std::byte>>()) list.append(static_cast<int>(b));
    return list;
  }
  if (is_shared_dict(x)) return AnyDict(x).keys();
  if (x.kind() == Object::Kind::shared) return AnyList(x).copy();
  if (const Object* const bounds = arguments_of(x, "builtins.range"))
    return items_of_range(*bounds, room);
  if (const Object* const bytes = arguments_of(x, "builtins.bytearray");
      bytes && bytes->size() == 1)
    return items_within(bytes->elements()[0], room);
  if (const auto elements = scalars_in_array(x)) return list_of_scalars(*elements);
  if (auto left = items_left(x, room)) return *std::move(left);
  if (auto contents = contents_of(x)) {
    if (!contents->has_pairs) return Object::list_of(std::move(contents->items));
    Object keys = Object::list();
    for (auto& [key, value] : contents->pairs) keys.append(key);
    return keys;
  }
  switch (x.kind()) {
    case Object::Kind::list:
    case Object::Kind::tuple:
    case Object::Kind::set:
    case Object::Kind::frozenset:
    case Object::Kind::dict:
      return Object::list_of(x);
    default:
      raise_type_error("'" + std::string(x.type_name()) + "' object is not iterable" +
                       (x.kind() == Object::Kind::opaque
                            ? " in lagoon's server, which is no Python program: make a list of it"
                            : ""));
  }
}

}  // namespace

Object items_of(const Object& x) {
  Room room;
  return items_within(x, room);
}

std::vector<std::pair<Object, Object>> pairs_of(const Object& x) {
  std::vector<std::pair<Object, Object>> pairs;
  if (is_shared_dict(x)) return AnyDict(x).items();
  if (x.kind() == Object::Kind::dict) {
    for (const auto& [key, value] : x.items()) pairs.emplace_back(key, value);
    return pairs;
  }
  if (auto contents = contents_of(x); contents && contents->has_pairs)
    return std::move(contents->pairs);
  for (const Object& pair : items_of(x)) {
    const Object both = items_of(pair);
    if (both.size() != 2)
      raise("ValueError", "dictionary update sequence element #" + std::to_string(pairs.size()) +
                              " has length " + std::to_string(both.size()) + "; 2 is required");
    pairs.emplace_back(both.at(0), both.at(1));
  }
  return pairs;
}

void refuse_unhashable(const Object& key) {
  if (key.kind() != Object::Kind::opaque) return;
  static constexpr std::pair<std::string_view, std::string_view> kinds[] = {
      {"builtins.bytearray", "bytearray"},
      {"array.array", "array.array"},
      {"collections.OrderedDict", "collections.OrderedDict"},
      {"collections.defaultdict", "collections.defaultdict"},
      {"collections.Counter", "Counter"},
      {"collections.deque", "collections.deque"},
      {"collections.UserDict", "UserDict"},
      {"collections.UserList", "UserList"},
      {"collections.ChainMap", "ChainMap"}};
  for (const auto& [kind, named] : kinds)
    if (key.opaque_kind() == kind)
      raise_type_error("unhashable type: '" + std::string(named) + "'");
}

std::ptrdiff_t bound_in(const Object& x, const char* says) {
  if (x.kind() == Object::Kind::boolean) return x.get<bool>() ? 1 : 0;
  if (x.kind() != Object::Kind::integer) raise_type_error(says);
  try {
    return x.get<std::ptrdiff_t>();
  } catch (const OutOfRange&) {
    return x < Object(0) ? std::numeric_limits<std::ptrdiff_t>::min()
                         : std::numeric_limits<std::ptrdiff_t>::max();
  }
}

std::optional<SliceBounds> slice_in(const Object& key) {
  const Object* const given = arguments_of(key, "builtins.slice");
  if (given == nullptr) return std::nullopt;
  const auto bounds = given->elements();
  if (bounds.size() != 3) raise_type_error("slice expected 3 arguments");
  const auto bound = [](const Object& x) -> std::optional<std::ptrdiff_t> {
    if (x.is_none()) return std::nullopt;
    return bound_in(x, "slice indices must be integers or None or have an __index__ method");
  };
  return SliceBounds{bound(bounds[0]), bound(bounds[1]), bound(bounds[2]).value_or(1)};
}

}  // namespace lagoon::remote
