#pragma once
// Objects that are numbers: bool, int of any size, float.

#include <lagoon/object.hpp>

#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>

namespace lagoon::detail {

/// Exact, whatever the sizes.
std::partial_ordering compare_numbers(const Object& a, const Object& b);
/// Python's: one for all numbers that are equal.
std::size_t hash_of_number(const Object& o);
/// Of an int or a bool, to the nearest; OutOfRange where there is none.
double double_of(const Object& o);
std::string digits_of(const Object& integer);
/// How many bits an int has, without its sign.
std::size_t bits_of(const Object& integer);

enum class Arithmetic { plus, minus, times };
Object compute(const Object& a, Arithmetic op, const Object& b);
Object negated(const Object& a);

/// Of an int or a bool: whether it is of 64 bits, with or without sign, and which.
bool fits(const Object& integer, std::int64_t& x) noexcept;
bool fits(const Object& integer, std::uint64_t& x) noexcept;

}  // namespace lagoon::detail
