/// An Object as bytes: one for its type, then what it needs, items behind each other.
#include <lagoon/codec.hpp>

#include "object_node.hpp"

namespace lagoon {

namespace {

using detail::Inside;
using Kind = Object::Kind;

enum class Tag : unsigned char {
  none,
  no,
  yes,
  small_integer,
  integer,
  real,
  str,
  bytes,
  list,
  tuple,
  dict,
  set,
  frozenset,
  opaque,
  shared
};

void put_text(Encoder& to, std::string_view text) { Codec<std::string>::encode(to, text); }

void put_all(Encoder& to, const Object& x, int depth);

void put_object(Encoder& to, const Object& x, int depth) {
  if (depth > Object::max_depth) detail::too_deep(" while an object was put into a container");
  switch (x.kind()) {
    case Kind::none:
      to.put(Tag::none);
      return;
    case Kind::boolean:
      to.put(Inside::boolean(x) ? Tag::yes : Tag::no);
      return;
    case Kind::integer:
      if (!Inside::is_counted(x)) {
        to.put(Tag::small_integer).put(Inside::integer(x));
      } else {
        const std::vector<std::byte> bytes = x.integer_bytes();
        to.put(Tag::integer).put(bytes);
      }
      return;
    case Kind::real:
      to.put(Tag::real).put(Inside::real(x));
      return;
    case Kind::str:
    case Kind::bytes:
      to.put(x.kind() == Kind::str ? Tag::str : Tag::bytes);
      return put_text(to, Inside::bytes(x));
    case Kind::list:
    case Kind::tuple:
      to.put(x.kind() == Kind::list ? Tag::list : Tag::tuple);
      return put_all(to, x, depth);
    case Kind::dict:
      to.put(Tag::dict).put_count(x.size());
      for (const auto& [key, value] : x.items()) {
        put_object(to, key, depth + 1);
        put_object(to, value, depth + 1);
      }
      return;
    case Kind::set:
    case Kind::frozenset:
      to.put(x.kind() == Kind::set ? Tag::set : Tag::frozenset);
      return put_all(to, x, depth);
    case Kind::opaque:
      to.put(Tag::opaque);
      put_text(to, x.opaque_kind());
      put_text(to, x.opaque_bytes());
      to.put_count(x.elements().size());
      for (const Object& item : x.elements()) put_object(to, item, depth + 1);
      return;
    case Kind::shared:
      to.put(Tag::shared).put_shared(x);
      return;
  }
}

void put_all(Encoder& to, const Object& x, int depth) {
  to.put_count(x.size());
  for (const Object& item : x) put_object(to, item, depth + 1);
}

Object take_object(Decoder& from, int depth);

std::vector<Object> take_all(Decoder& from, int depth) {
  const std::uint64_t n = from.take_count();
  std::vector<Object> items;
  items.reserve(std::min<std::uint64_t>(n, from.left()));
  for (std::uint64_t i = 0; i < n; ++i) items.push_back(take_object(from, depth + 1));
  return items;
}

std::string_view take_text(Decoder& from) {
  const auto bytes = from.take_bytes(from.take_count());
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Object take_sequence(Decoder& from, Kind kind, int depth) {
  return Inside::of_node(kind, new detail::SequenceNode(take_all(from, depth)));
}

Object take_object(Decoder& from, int depth) {
  if (depth > Object::max_depth) detail::too_deep(" while an object was taken out of a container");
  switch (from.take<Tag>()) {
    case Tag::none:
      return {};
    case Tag::no:
      return false;
    case Tag::yes:
      return true;
    case Tag::small_integer:
      return Inside::of_integer(from.take<std::int64_t>());
    case Tag::integer:
      return Object::integer(from.take_bytes(from.take_count()));
    case Tag::real:
      return Inside::of_real(from.take<double>());
    case Tag::str:
      return Inside::of_bytes(Kind::str, take_text(from));
    case Tag::bytes:
      return Inside::of_bytes(Kind::bytes, take_text(from));
    case Tag::list:
      return take_sequence(from, Kind::list, depth);
    case Tag::tuple:
      return take_sequence(from, Kind::tuple, depth);
    case Tag::dict: {
      Object dict = Object::dict();
      for (std::uint64_t n = from.take_count(); n != 0; --n) {
        const Object key = take_object(from, depth + 1);
        dict.set_item(key, take_object(from, depth + 1));
      }
      return dict;
    }
    case Tag::set:
      return Object::set_of(take_all(from, depth));
    case Tag::frozenset:
      return Object::frozenset_of(take_all(from, depth));
    case Tag::opaque: {
      std::string kind(take_text(from));
      std::string bytes(take_text(from));
      return Object::opaque(std::move(kind), std::move(bytes), take_all(from, depth));
    }
    case Tag::shared:
      return from.take_shared();
  }
  throw LayoutMismatch("an object in a shared container is damaged: its type is unknown");
}

}  // namespace

void Codec<Object>::encode(Encoder& to, const Object& x) { put_object(to, x, 0); }
Object Codec<Object>::decode(Decoder& from) { return take_object(from, 0); }

}  // namespace lagoon
