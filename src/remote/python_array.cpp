#include "python_array.hpp"

#include <lagoon/text.hpp>

#include <cstring>
#include <type_traits>
#include <variant>

#include "pickle.hpp"
#include "python_error.hpp"

namespace lagoon::remote {

using Kind = Object::Kind;

Object object_of_scalar(const AnyScalar& x) {
  return std::visit(
      [](auto y) -> Object {
        if constexpr (std::is_same_v<decltype(y), char>)
          return Object::bytes(std::string_view(&y, 1));
        else if constexpr (std::is_same_v<decltype(y), wchar_t>)
          return lagoon::detail::text_of_wide({&y, 1});
        else
          return y;
      },
      static_cast<const std::variant<std::int64_t, std::uint64_t, double, char, wchar_t>&>(x));
}

/// The elements that lie behind each other in these bytes.
std::vector<AnyScalar> scalars_in_bytes(std::span<const std::byte> bytes, char typecode) {
  std::vector<AnyScalar> all;
  lagoon::with_typecode(typecode, [&](auto* type) {
    using T = std::remove_pointer_t<decltype(type)>;
    if (bytes.size() % sizeof(T) != 0)
      raise("ValueError", "bytes length not a multiple of item size");
    for (; !bytes.empty(); bytes = bytes.subspan(sizeof(T))) {
      T x;
      std::memcpy(&x, bytes.data(), sizeof x);
      all.emplace_back(x);
    }
  });
  return all;
}

/// Of Python's array.array, as it comes in a pickle; nothing if it is none.
std::optional<std::vector<AnyScalar>> scalars_in_array(const Object& x) {
  const Object* arguments = arguments_of(x, "array.array");
  std::size_t code = 0, bytes = 1;
  if (arguments == nullptr) {
    // (array.array, typecode, a code for how a machine has its numbers, bytes)
    arguments = arguments_of(x, "array._array_reconstructor");
    code = 1;
    bytes = 3;
  }
  if (arguments == nullptr || arguments->size() <= bytes) return std::nullopt;
  const auto given = arguments->elements();
  const std::string_view typecode = given[code].get<std::string_view>();
  if (typecode.size() != 1 || given[bytes].kind() != Kind::bytes) return std::nullopt;
  return scalars_in_bytes(given[bytes].get<std::span<const std::byte>>(), typecode[0]);
}

/// Python's array.array of these; of characters, bytes and a str.
Object array_of(const std::vector<AnyScalar>& elements, char typecode) {
  std::string bytes;
  lagoon::with_typecode(typecode, [&](auto* type) {
    using T = std::remove_pointer_t<decltype(type)>;
    for (const AnyScalar& element : elements) {
      const T x = std::visit([](auto y) { return static_cast<T>(y); },
                             static_cast<const AnyScalar::variant&>(element));
      bytes.append(reinterpret_cast<const char*>(&x), sizeof x);
    }
  });
  if (typecode == 'c') return Object::bytes(bytes);
  if (typecode == 'u') {
    std::wstring text(elements.size(), L' ');
    std::memcpy(text.data(), bytes.data(), bytes.size());
    return lagoon::detail::text_of_wide(text);
  }
  return reduced(global("array", "array"),
                 Object::tuple(std::string_view(&typecode, 1), Object::bytes(bytes)));
}

Object list_of_scalars(const std::vector<AnyScalar>& elements) {
  Object list = Object::list();
  for (const AnyScalar& element : elements) list.append(object_of_scalar(element));
  return list;
}

}  // namespace lagoon::remote
