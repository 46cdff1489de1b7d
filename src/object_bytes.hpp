#pragma once
/// The bytes that a Value or an Array keeps, whatever they are of.

#include <lagoon/core/durations.hpp>
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
/// Of all elements, with the lock held that they lie behind. TimeoutError if it cannot be had for
/// so long; UsageError if an owner of it died: then who has it next is told so, as without this.
std::vector<std::byte> bytes_with_lock(const Handle& handle, const Stamp& stamp,
                                       std::chrono::nanoseconds timeout);
/// One of that stamp, of such bytes, with a lock that is free.
Handle make_of_bytes(const Place& place, const Stamp& stamp, const std::vector<std::byte>& bytes);

}  // namespace lagoon::detail
