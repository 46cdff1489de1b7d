#pragma once
/// What a List says when something is wrong: Python's names and words.

#include <lagoon/codec.hpp>
#include <lagoon/object.hpp>
#include <lagoon/runtime_type.hpp>

#include <cstdint>
#include <type_traits>

namespace lagoon::detail {

/// IndexError, ValueError, MemoryError.
[[noreturn]] void throw_list_index(const char* says, std::uint64_t size);
[[noreturn]] void throw_empty_list();
[[noreturn]] void throw_not_in_list();
[[noreturn]] void throw_not_in_list(const Object& x);
[[noreturn]] void throw_zero_step();
[[noreturn]] void throw_slice_length(std::uint64_t given, std::uint64_t expected);
[[noreturn]] void throw_too_long_list();
template <class T>
[[noreturn]] void throw_not_found(const T& x) {
  if constexpr (std::is_constructible_v<Object, const T&>)
    throw_not_in_list(Object(x));
  else if constexpr (HasRuntimeType<T>)
    throw_not_in_list(x.object);
  else
    throw_not_in_list("<" + CodecName<T>::text() + ">");
}

}  // namespace lagoon::detail
