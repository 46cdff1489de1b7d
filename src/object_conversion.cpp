#include <cmath>
#include <limits>

#include "object_node.hpp"
#include "object_number.hpp"

namespace lagoon::detail {

namespace {

using Kind = Object::Kind;

template <class T>
[[noreturn]] void outside(const Object& o, T lowest, T highest) {
  throw OutOfRange("OverflowError: " + shown(o) + " is not within " + std::to_string(lowest) +
                   " to " + std::to_string(highest) + ", as was asked for");
}

}  // namespace

void refuse(const Object& o, const char* wanted) {
  const std::string type(o.type_name());
  throw TypeMismatch("TypeError: " + shown(o) + " is of type " + in_quotes(type) + ", where " +
                     wanted + " was asked for");
}

bool bool_in(const Object& o) {
  if (o.kind() != Kind::boolean) refuse(o, "a bool");
  return Inside::boolean(o);
}

std::int64_t signed_in(const Object& o, std::int64_t lowest, std::int64_t highest) {
  if (!is_integer(o)) refuse(o, "an int");
  std::int64_t x = 0;
  if (!fits(o, x) || x < lowest || x > highest) outside(o, lowest, highest);
  return x;
}

std::uint64_t unsigned_in(const Object& o, std::uint64_t highest) {
  if (!is_integer(o)) refuse(o, "an int");
  std::uint64_t x = 0;
  if (!fits(o, x) || x > highest) outside(o, std::uint64_t{0}, highest);
  return x;
}

double real_in(const Object& o) {
  if (!is_number(o)) refuse(o, "a float");
  return o.kind() == Kind::real ? Inside::real(o) : double_of(o);
}

float float_in(const Object& o) {
  const double x = real_in(o);
  const auto rounded = static_cast<float>(x);
  if (std::isinf(rounded) && !std::isinf(x)) {
    throw OutOfRange("OverflowError: " + shown(o) +
                     " is too large for a float of 32 bits, as was asked for");
  }
  return rounded;
}

char char_in(const Object& o) {
  if (o.kind() != Kind::str || Inside::bytes(o).size() != 1) refuse(o, "a str of one byte");
  return Inside::bytes(o)[0];
}

std::string_view text_in(const Object& o) {
  if (o.kind() != Kind::str) refuse(o, "a str");
  return Inside::bytes(o);
}

std::span<const std::byte> bytes_in(const Object& o) {
  if (o.kind() != Kind::bytes) refuse(o, "bytes");
  return std::as_bytes(std::span(Inside::bytes(o)));
}

std::span<const Object> elements_in(const Object& o) {
  if (!is_sequence(o)) refuse(o, "a list or tuple");
  return Inside::items(o);
}

std::span<const Object> elements_in(const Object& o, std::size_t n) {
  const auto items = elements_in(o);
  if (items.size() != n) {
    throw InvalidArgument(
        std::string("ValueError: ") +
        (items.size() > n ? "too many values to unpack" : "not enough values to unpack") +
        " (expected " + std::to_string(n) + ", got " + std::to_string(items.size()) + ") from " +
        shown(o));
  }
  return items;
}

}  // namespace lagoon::detail
