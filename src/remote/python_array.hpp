#pragma once
/// Python's array.array, and its elements.

#include <lagoon/any.hpp>
#include <lagoon/object.hpp>

#include <optional>
#include <span>
#include <vector>

namespace lagoon::remote {

[[nodiscard]] Object object_of_scalar(const AnyScalar& x);
[[nodiscard]] Object list_of_scalars(const std::vector<AnyScalar>& elements);
/// The elements that lie behind each other in these bytes. Python's ValueError.
[[nodiscard]] std::vector<AnyScalar> scalars_in_bytes(std::span<const std::byte> bytes,
                                                      char typecode);
/// Of an array.array, as it comes in a pickle; nothing if it is none.
[[nodiscard]] std::optional<std::vector<AnyScalar>> scalars_in_array(const Object& x);
/// An array.array of these; of characters, bytes or a str.
[[nodiscard]] Object array_of(const std::vector<AnyScalar>& elements, char typecode);

}  // namespace lagoon::remote
