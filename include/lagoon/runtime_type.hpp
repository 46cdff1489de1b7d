#pragma once
/// What a container holds, known at run time: its stamp says "str, double", or "list[int64]"
/// (codec.hpp), and elements become Objects, and Objects elements, by that. any_container.hpp is
/// made of it.
///
///   bool  int8 … int64  uint8 … uint64  float  double  char  str  object
///   list[…] and tuple[…] of these, and list[enum of 1 byte], which is bytes
///
/// What an application has called by a name of its own (a struct, an enum, what has a Codec) has a
/// meaning in its own programs only.

#include <lagoon/codec.hpp>
#include <lagoon/object.hpp>
#include <lagoon/place.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace lagoon::detail {

class RuntimeType {
 public:
  /// That of this name; nothing if it is not known.
  [[nodiscard]] static std::optional<RuntimeType> named(std::string_view name);

  [[nodiscard]] bool is_object() const noexcept { return kind_ == Kind::object; }
  /// Of what is kept as its own bytes, how many; else 0.
  [[nodiscard]] std::size_t plain_bytes() const noexcept;
  /// Whether it is a count, and then bytes in one piece (bulk.hpp).
  [[nodiscard]] bool is_bulk() const noexcept;

  /// What a list or a tuple is made of.
  [[nodiscard]] const std::vector<RuntimeType>& parts() const noexcept { return parts_; }

  /// TypeMismatch, OutOfRange: x is none.
  void encode(Encoder& to, const Object& x) const;
  /// As a key, of which 0.0 and -0.0 are one.
  void encode_key(Encoder& to, const Object& x) const;
  [[nodiscard]] Object decode(Decoder& from) const { return decode(from, Object::Kind::list); }
  /// As a key: of a list, a tuple.
  [[nodiscard]] Object decode_key(Decoder& from) const { return decode(from, Object::Kind::tuple); }

 private:
  enum class Kind : std::uint8_t {
    boolean,
    integer,
    natural,
    floating,
    character,
    text,
    bytes,
    object,
    list,
    tuple
  };
  explicit RuntimeType(Kind kind, std::uint8_t size = 0) noexcept : kind_(kind), size_(size) {}
  static std::optional<RuntimeType> next_in(std::string_view& text);
  [[nodiscard]] Object decode(Decoder& from, Object::Kind of_a_list) const;

  Kind kind_;
  std::uint8_t size_ = 0;  // bytes of a number
  std::vector<RuntimeType> parts_;
};

/// What the parts of a container are: of a dict its keys and its values, of others their elements.
struct RuntimeContents {
  std::vector<RuntimeType> types;

  /// As long as the program runs. TypeMismatch if it holds what is not known here.
  [[nodiscard]] static const RuntimeContents& of(const Handle& container);
  [[nodiscard]] static bool is_known(const Stamp& container);
};

enum class Part : std::uint8_t { key, value, element };

/// A part of a container, as an Object, and its type there.
template <Part part>
struct OfRuntimeType {
  Object object;
  const RuntimeType* type = nullptr;

  friend bool operator==(const OfRuntimeType& a, const OfRuntimeType& b) {
    return a.object == b.object;
  }
};
using RuntimeKey = OfRuntimeType<Part::key>;
using RuntimeValue = OfRuntimeType<Part::value>;
using RuntimeElement = OfRuntimeType<Part::element>;

template <class T>
concept HasRuntimeType = requires(const T& x) {
  { x.type } -> std::convertible_to<const RuntimeType*>;
};

}  // namespace lagoon::detail

namespace lagoon {

template <detail::Part part>
struct Codec<detail::OfRuntimeType<part>> {
  using T = detail::OfRuntimeType<part>;
  static void encode(Encoder& to, const T& x) {
    if constexpr (part == detail::Part::key)
      x.type->encode_key(to, x.object);
    else
      x.type->encode(to, x.object);
  }
  static T decode(Decoder& from) {
    const auto& types = detail::RuntimeContents::of(from.home()).types;
    const detail::RuntimeType& type = types[part == detail::Part::value ? 1 : 0];
    if constexpr (part == detail::Part::key)
      return {type.decode_key(from), &type};
    else
      return {type.decode(from), &type};
  }
};

}  // namespace lagoon
