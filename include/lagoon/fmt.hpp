#pragma once
/// {fmt} formatters for what is shared: `fmt::print("{} {:>40}\n", value, array)`.
///
/// The text is that of lagoon/print.hpp; a format specification is that of a string. Not part of
/// lagoon/lagoon.hpp: it takes the application's own {fmt}.

#include <lagoon/any.hpp>
#include <lagoon/print.hpp>

#include <fmt/format.h>

namespace lagoon::detail {

template <class T>
struct Formatter : fmt::formatter<fmt::string_view> {
  template <class Context>
  auto format(const T& x, Context& context) const {
    return fmt::formatter<fmt::string_view>::format(lagoon::str(x), context);
  }
};

}  // namespace lagoon::detail

template <lagoon::HasText T>
struct fmt::formatter<T, char> : lagoon::detail::Formatter<T> {};
/// Which is a range, too.
template <>
struct fmt::formatter<lagoon::Object, char> : lagoon::detail::Formatter<lagoon::Object> {};
