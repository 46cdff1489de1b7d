#include <lagoon/dict.hpp>
#include <lagoon/runtime_type.hpp>

#include <atomic>
#include <charconv>
#include <memory>
#include <string>
#include <type_traits>

namespace lagoon::detail {

namespace {

/// f with a null pointer to the number of this kind and size.
template <class F>
void with_integer(bool is_signed, std::size_t size, F&& f) {
  const auto of = [&]<class S, class U>(S* s, U* u) { is_signed ? f(s) : f(u); };
  switch (size) {
    case 1:
      return of(static_cast<std::int8_t*>(nullptr), static_cast<std::uint8_t*>(nullptr));
    case 2:
      return of(static_cast<std::int16_t*>(nullptr), static_cast<std::uint16_t*>(nullptr));
    case 4:
      return of(static_cast<std::int32_t*>(nullptr), static_cast<std::uint32_t*>(nullptr));
    default:
      return of(static_cast<std::int64_t*>(nullptr), static_cast<std::uint64_t*>(nullptr));
  }
}

bool take_word(std::string_view& text, std::string_view word) {
  if (!text.starts_with(word)) return false;
  text.remove_prefix(word.size());
  return true;
}

/// 8, 16, 32 or 64 as bytes; 0 if it is none of them.
std::uint8_t take_bytes_of_bits(std::string_view& text) {
  unsigned bits = 0;
  const char* const end = text.data() + text.size();
  const auto [after, error] = std::from_chars(text.data(), end, bits);
  if (error != std::errc() || (bits != 8 && bits != 16 && bits != 32 && bits != 64)) return 0;
  text.remove_prefix(static_cast<std::size_t>(after - text.data()));
  return static_cast<std::uint8_t>(bits / 8);
}

}  // namespace

std::size_t RuntimeType::plain_bytes() const noexcept {
  switch (kind_) {
    case Kind::boolean:
    case Kind::integer:
    case Kind::natural:
    case Kind::floating:
    case Kind::character:
      return size_;
    default:
      return 0;
  }
}

bool RuntimeType::is_bulk() const noexcept {
  if (kind_ == Kind::text || kind_ == Kind::bytes) return true;
  return kind_ == Kind::list && parts_[0].kind_ != Kind::boolean && parts_[0].plain_bytes() != 0;
}

std::optional<RuntimeType> RuntimeType::named(std::string_view name) {
  auto type = next_in(name);
  return name.empty() ? type : std::nullopt;
}

std::optional<RuntimeType> RuntimeType::next_in(std::string_view& text) {
  if (take_word(text, "bool")) return RuntimeType(Kind::boolean, sizeof(bool));
  if (take_word(text, "double")) return RuntimeType(Kind::floating, sizeof(double));
  if (take_word(text, "float")) return RuntimeType(Kind::floating, sizeof(float));
  if (take_word(text, "char")) return RuntimeType(Kind::character, sizeof(char));
  if (take_word(text, "str")) return RuntimeType(Kind::text);
  if (take_word(text, "object")) return RuntimeType(Kind::object);
  if (take_word(text, "list[enum of 1 byte]")) return RuntimeType(Kind::bytes);
  const bool is_signed = take_word(text, "int");
  if (is_signed || take_word(text, "uint")) {
    const std::uint8_t size = take_bytes_of_bits(text);
    if (size == 0) return std::nullopt;
    return RuntimeType(is_signed ? Kind::integer : Kind::natural, size);
  }
  const bool is_list = take_word(text, "list[");
  if (!is_list && !take_word(text, "tuple[")) return std::nullopt;
  RuntimeType made(is_list ? Kind::list : Kind::tuple);
  while (!take_word(text, "]")) {
    if (!made.parts_.empty() && (is_list || !take_word(text, ", "))) return std::nullopt;
    auto part = next_in(text);
    if (!part) return std::nullopt;
    made.parts_.push_back(*std::move(part));
  }
  if (made.parts_.empty()) return std::nullopt;  // nothing takes no bytes
  return made;
}

void RuntimeType::encode(Encoder& to, const Object& x) const {
  switch (kind_) {
    case Kind::boolean:
      to.put(x.get<bool>());
      return;
    case Kind::integer:
    case Kind::natural:
      return with_integer(kind_ == Kind::integer, size_, [&](auto* number) {
        to.put(x.get<std::remove_pointer_t<decltype(number)>>());
      });
    case Kind::floating:
      if (size_ == sizeof(float))
        to.put(x.get<float>());
      else
        to.put(x.get<double>());
      return;
    case Kind::character:
      to.put(x.get<char>());
      return;
    case Kind::text:
      // What is no UTF-8 comes as bytes, and goes back as it came.
      if (x.kind() == Object::Kind::bytes && x.size() != 0) {
        const auto bytes = x.get<std::span<const std::byte>>();
        const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        if (text_or_bytes(text).kind() == Object::Kind::bytes)
          return Codec<std::string>::encode(to, text);
      }
      return Codec<std::string>::encode(to, x.get<std::string_view>());
    case Kind::bytes: {
      const auto bytes = x.get<std::span<const std::byte>>();
      to.put_count(bytes.size()).put_bytes(bytes.data(), bytes.size());
      return;
    }
    case Kind::object:
      to.put(x);
      return;
    case Kind::list: {
      const auto items = elements_in(x);
      to.put_count(items.size());
      for (const Object& item : items) parts_[0].encode(to, item);
      return;
    }
    case Kind::tuple: {
      const auto items = elements_in(x, parts_.size());
      for (std::size_t i = 0; i < items.size(); ++i) parts_[i].encode(to, items[i]);
      return;
    }
  }
}

void RuntimeType::encode_key(Encoder& to, const Object& x) const {
  encode(to, kind_ == Kind::floating && x.get<double>() == 0 ? Object(0.0) : x);
}

Object RuntimeType::decode(Decoder& from, Object::Kind of_a_list) const {
  switch (kind_) {
    case Kind::boolean:
      return from.take<std::uint8_t>() != 0;  // a damaged one may be neither 0 nor 1
    case Kind::integer:
    case Kind::natural: {
      Object x;
      with_integer(kind_ == Kind::integer, size_,
                   [&](auto* number) { x = from.take<std::remove_pointer_t<decltype(number)>>(); });
      return x;
    }
    case Kind::floating:
      if (size_ == sizeof(float)) return from.take<float>();
      return from.take<double>();
    case Kind::character: {
      const char c = from.take<char>();
      return text_or_bytes({&c, 1});
    }
    case Kind::text: {
      const auto bytes = from.take_bytes(from.take_count());
      return text_or_bytes({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    }
    case Kind::bytes:
      return Object::bytes(from.take_bytes(from.take_count()));
    case Kind::object:
      return from.take<Object>();
    case Kind::list: {
      std::vector<Object> items;
      for (std::uint64_t n = from.take_count(); n > 0; --n)
        items.push_back(parts_[0].decode(from, of_a_list));
      return object_of_items(of_a_list, std::move(items));
    }
    case Kind::tuple: {
      std::vector<Object> items;
      for (const RuntimeType& part : parts_) items.push_back(part.decode(from, of_a_list));
      return object_of_items(Object::Kind::tuple, std::move(items));
    }
  }
  return {};
}

namespace {

/// One that was seen before. None ever goes.
struct Known {
  std::string name;
  LockName hash;
  RuntimeContents contents;
  const Known* next = nullptr;
};
constinit std::atomic<const Known*> newest_known{nullptr};

std::size_t parts_of(Stamp::Kind kind) { return kind == Stamp::Kind::dict ? 2 : 1; }

/// Nothing if it is not known.
std::optional<RuntimeContents> contents_in(const Stamp& stamp) {
  const std::string_view name = stamp.element.name;
  std::string all(name);
  RuntimeContents contents;
  if (name.empty()) {
    contents.types.assign(parts_of(stamp.kind), *RuntimeType::named("object"));
  } else {
    // As one tuple, whose parts they are.
    const auto tuple = RuntimeType::named("tuple[" + all + "]");
    if (!tuple || tuple->parts().size() != parts_of(stamp.kind)) return std::nullopt;
    contents.types = tuple->parts();
  }
  // What is hashed tells sizes, too: of what an application calls by one of these names.
  for (const RuntimeType& type : contents.types) {
    all += '/';
    if (type.plain_bytes() != 0) all += std::to_string(type.plain_bytes());
  }
  if (LockName::of(all) != stamp.guard) return std::nullopt;
  return contents;
}

}  // namespace

bool RuntimeContents::is_known(const Stamp& container) {
  return contents_in(container).has_value();
}

// (1) acquire, pairs with (2) release: who finds one sees what is in it.
const RuntimeContents& RuntimeContents::of(const Handle& container) {
  const Stamp stamp = container.stamp();
  const Known* known = newest_known.load(std::memory_order_acquire);  // (1)
  for (const Known* k = known; k != nullptr; k = k->next)
    if (k->hash == stamp.guard && k->name == stamp.element.name &&
        k->contents.types.size() == parts_of(stamp.kind))
      return k->contents;
  auto contents = contents_in(stamp);
  if (!contents)
    throw TypeMismatch(
        container.describe() +
        " holds what only a program knows that has its types; known to all are bool, int8 to "
        "int64, uint8 to uint64, float, double, char, str, object, and lists and tuples of these, "
        "whose names are no longer than 39 characters together");
  auto made = std::make_unique<Known>(
      Known{std::string(stamp.element.name), stamp.guard, *std::move(contents), known});
  Known* const added = made.release();
  while (!newest_known.compare_exchange_weak(added->next, added, std::memory_order_release,  // (2)
                                             std::memory_order_relaxed))
    continue;
  return added->contents;
}

}  // namespace lagoon::detail
