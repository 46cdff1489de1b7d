#pragma once
/// The bytes that a Value or an Array keeps, whatever they are of.

#include <lagoon/place.hpp>

#include <cstddef>
#include <optional>
#include <vector>

namespace lagoon::detail {

/// Where what a lock guards begins; nothing of a lock that is not known here: known are RLock,
/// Lock and ReaderWriterLock.
std::optional<std::size_t> offset_behind(const LockName& lock);

/// Of elements [first, last), without their lock. By seqlock they are of one moment. TypeMismatch
/// of what lies behind a lock that is not known.
std::vector<std::byte> bytes_of(const Handle& handle, const Stamp& stamp, std::size_t first,
                                std::size_t last);

}  // namespace lagoon::detail
