#include "object_number.hpp"

#include <boost/multiprecision/cpp_int.hpp>

#include <cmath>
#include <iterator>
#include <limits>

#include "object_node.hpp"

namespace lagoon {

namespace detail {

namespace {

using Big = boost::multiprecision::number<boost::multiprecision::cpp_int_backend<>,
                                          boost::multiprecision::et_off>;
using Kind = Object::Kind;

/// An int that int64_t cannot hold; every other one is inside its Object.
struct BigNode final : SharedNode {
  explicit BigNode(Big&& x) : value(std::move(x)) {}
  Big value;
};

constexpr std::int64_t lowest = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t highest = std::numeric_limits<std::int64_t>::max();
constexpr double two_to_63 = 9223372036854775808.0;

bool is_big(const Object& o) noexcept { return Inside::is_counted(o); }
const Big& big(const Object& o) noexcept { return Inside::node<BigNode>(o).value; }
/// Of a bool or an int that is not big.
std::int64_t small(const Object& o) noexcept { return Inside::integer(o); }
Big any_size(const Object& o) { return is_big(o) ? big(o) : Big(small(o)); }

Object object_of(Big&& x) {
  if (x >= lowest && x <= highest) return Inside::of_integer(static_cast<std::int64_t>(x));
  return Inside::of_node(Kind::integer, new BigNode(std::move(x)));
}

/// What is finite and so large that it has no fraction.
Big exactly(double x) {
  int exponent = 0;
  const double mantissa = std::frexp(x, &exponent);
  return Big(static_cast<std::int64_t>(std::ldexp(mantissa, 53))) << (exponent - 53);
}

std::partial_ordering reversed(std::partial_ordering order) { return 0 <=> order; }

std::partial_ordering compare(const Object& integer, double x) {
  if (std::isnan(x)) return std::partial_ordering::unordered;
  if (std::isinf(x)) return 0.0 <=> x;
  if (is_big(integer)) {
    const int sign = big(integer).sign();
    if (std::fabs(x) < two_to_63) return sign <=> 0;
    return big(integer).compare(exactly(x)) <=> 0;
  }
  if (x >= two_to_63) return std::partial_ordering::less;
  if (x < -two_to_63) return std::partial_ordering::greater;
  const auto whole = static_cast<std::int64_t>(x);
  if (small(integer) != whole) return small(integer) <=> whole;
  return 0.0 <=> x - static_cast<double>(whole);
}

// Python's hash of numbers: what the number is modulo 2^61 - 1, of which 2 has a power for each
// fraction that a float can have.
constexpr std::uint64_t modulus = (std::uint64_t{1} << 61) - 1;

std::size_t with_sign(std::uint64_t hash, bool negative) {
  const std::uint64_t signed_hash = negative ? ~hash + 1 : hash;
  return signed_hash == ~std::uint64_t{0} ? signed_hash - 1 : signed_hash;
}

std::size_t hash_of_double(double x) {
  if (std::isnan(x)) return 0;
  if (std::isinf(x)) return with_sign(314159, x < 0);
  int exponent = 0;
  const auto mantissa =
      static_cast<std::uint64_t>(std::ldexp(std::frexp(std::fabs(x), &exponent), 53));
  const int turn = ((exponent - 53) % 61 + 61) % 61;
  const std::uint64_t turned =
      turn == 0 ? mantissa : ((mantissa << turn) & modulus) | mantissa >> (61 - turn);
  return with_sign(turned, x < 0);
}

Object compute(std::int64_t a, Arithmetic op, std::int64_t b) {
  std::int64_t result = 0;
  switch (op) {
    case Arithmetic::plus:
      if (!__builtin_add_overflow(a, b, &result)) return Inside::of_integer(result);
      return object_of(Big(a) + b);
    case Arithmetic::minus:
      if (!__builtin_sub_overflow(a, b, &result)) return Inside::of_integer(result);
      return object_of(Big(a) - b);
    default:
      if (!__builtin_mul_overflow(a, b, &result)) return Inside::of_integer(result);
      return object_of(Big(a) * b);
  }
}

}  // namespace

std::partial_ordering compare_numbers(const Object& a, const Object& b) {
  if (a.kind() == Kind::integer && b.kind() == Kind::integer && !is_big(a) && !is_big(b))
    return small(a) <=> small(b);
  const bool a_is_real = a.kind() == Kind::real;
  const bool b_is_real = b.kind() == Kind::real;
  if (a_is_real && b_is_real) return Inside::real(a) <=> Inside::real(b);
  if (b_is_real) return compare(a, Inside::real(b));
  if (a_is_real) return reversed(compare(b, Inside::real(a)));
  if (is_big(a) && is_big(b)) return big(a).compare(big(b)) <=> 0;
  if (is_big(a)) return big(a).sign() <=> 0;  // it is further from 0 than the other can be
  if (is_big(b)) return 0 <=> big(b).sign();
  return small(a) <=> small(b);
}

std::size_t hash_of_number(const Object& o) {
  if (o.kind() == Kind::real) return hash_of_double(Inside::real(o));
  if (is_big(o)) {
    const Big rest = abs(big(o)) % modulus;
    return with_sign(static_cast<std::uint64_t>(rest), big(o).sign() < 0);
  }
  const std::int64_t x = small(o);
  const std::uint64_t magnitude =
      x < 0 ? ~static_cast<std::uint64_t>(x) + 1 : static_cast<std::uint64_t>(x);
  return with_sign(magnitude % modulus, x < 0);
}

double double_of(const Object& o) {
  if (!is_big(o)) return static_cast<double>(small(o));
  // The top 64 bits, of which the lowest says whether there is anything below, round as the whole
  // number does.
  const Big magnitude = abs(big(o));
  const std::size_t bits = msb(magnitude) + 1;
  double x = 0;
  if (bits <= 64) {
    x = static_cast<double>(static_cast<std::uint64_t>(magnitude));
  } else if (bits <= 1024) {
    const std::size_t below = bits - 64;
    auto top = static_cast<std::uint64_t>(Big(magnitude >> below));
    if (lsb(magnitude) < below) top |= 1;
    x = std::ldexp(static_cast<double>(top), static_cast<int>(below));
  }
  if (bits > 1024 || std::isinf(x)) {
    throw OutOfRange("OverflowError: int too large to convert to float: it has " +
                     std::to_string(bits) + " bits, a float 1024");
  }
  return big(o).sign() < 0 ? -x : x;
}

std::string digits_of(const Object& o) {
  return is_big(o) ? big(o).str() : std::to_string(small(o));
}

std::size_t bits_of(const Object& o) {
  if (is_big(o)) return msb(abs(big(o))) + 1;
  const auto x = static_cast<std::uint64_t>(small(o));
  return static_cast<std::size_t>(std::bit_width(small(o) < 0 ? ~x + 1 : x));
}

Object compute(const Object& a, Arithmetic op, const Object& b) {
  if (a.kind() == Kind::real || b.kind() == Kind::real) {
    const double x = a.kind() == Kind::real ? Inside::real(a) : double_of(a);
    const double y = b.kind() == Kind::real ? Inside::real(b) : double_of(b);
    return Inside::of_real(op == Arithmetic::plus    ? x + y
                           : op == Arithmetic::minus ? x - y
                                                     : x * y);
  }
  if (!is_big(a) && !is_big(b)) return compute(small(a), op, small(b));
  const Big x = any_size(a);
  const Big y = any_size(b);
  return object_of(op == Arithmetic::plus ? x + y : op == Arithmetic::minus ? x - y : x * y);
}

Object negated(const Object& a) {
  if (a.kind() == Kind::real) return Inside::of_real(-Inside::real(a));
  return compute(Inside::of_integer(0), Arithmetic::minus, a);
}

bool fits(const Object& o, std::int64_t& x) noexcept {
  if (is_big(o)) return false;
  x = small(o);
  return true;
}

bool fits(const Object& o, std::uint64_t& x) noexcept {
  if (is_big(o)) {
    if (big(o).sign() < 0 || msb(big(o)) >= 64) return false;
    x = static_cast<std::uint64_t>(big(o));
    return true;
  }
  x = static_cast<std::uint64_t>(small(o));
  return small(o) >= 0;
}

Object object_of_unsigned(std::uint64_t x) {
  return x <= static_cast<std::uint64_t>(highest)
             ? Inside::of_integer(static_cast<std::int64_t>(x))
             : Inside::of_node(Kind::integer, new BigNode(Big(x)));
}

}  // namespace detail

using detail::Big;

Object Object::integer(std::string_view digits) {
  const bool negative = digits.starts_with('-');
  const std::string_view unsigned_digits =
      digits.substr(negative || digits.starts_with('+') ? 1 : 0);
  if (unsigned_digits.empty() ||
      unsigned_digits.find_first_not_of("0123456789") != std::string_view::npos) {
    throw InvalidArgument("ValueError: invalid literal for int() with base 10: " +
                          detail::shown(Object(digits)));
  }
  // To Boost a leading 0 means octal.
  const std::size_t zeros = unsigned_digits.find_first_not_of('0');
  if (zeros == std::string_view::npos) return 0;
  Big x(std::string(unsigned_digits.substr(zeros)));
  return detail::object_of(negative ? Big(-x) : std::move(x));
}

Object Object::integer(std::span<const std::byte> bytes) {
  const auto* first = reinterpret_cast<const unsigned char*>(bytes.data());
  if (bytes.empty()) return 0;
  Big x;
  import_bits(x, first, first + bytes.size(), 8, false);
  if ((first[bytes.size() - 1] & 0x80) != 0) x -= Big(1) << (8 * bytes.size());
  return detail::object_of(std::move(x));
}

std::vector<std::byte> Object::integer_bytes() const {
  if (!detail::is_integer(*this)) detail::refuse(*this, "an int");
  const Big x = detail::any_size(*this);
  if (x.is_zero()) return {};
  const bool negative = x.sign() < 0;
  std::vector<unsigned char> bytes;
  const Big magnitude = negative ? Big(-x - 1) : x;  // whose bits a negative one has inverted
  if (!magnitude.is_zero()) export_bits(magnitude, std::back_inserter(bytes), 8, false);
  if (bytes.empty() || (bytes.back() & 0x80) != 0) bytes.push_back(0);
  std::vector<std::byte> result;
  result.reserve(bytes.size());
  for (const unsigned char b : bytes)
    result.push_back(static_cast<std::byte>(negative ? static_cast<unsigned char>(~b) : b));
  return result;
}

}  // namespace lagoon
