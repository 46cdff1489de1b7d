#include <lagoon/container.hpp>

#include <algorithm>

#include "mapping.hpp"

namespace lagoon::detail {

const std::byte* base_of(const core::Participants& table) noexcept {
  return reinterpret_cast<const std::byte*>(&table) - sizeof(Header);
}

void add_memory(Handle& handle, core::Slab& slab, std::size_t wanted,
                const std::function<void()>& gather) {
  const Memory newest = handle.newest_part();
  if (newest.bytes != 0 && newest.at + newest.bytes != slab.end_of_last())
    return slab.add(newest.at, newest.bytes);  // who got it died before it was handed in
  // As much again as the last time, up to a limit: few parts, and little that is not used.
  constexpr std::size_t fewest = 8192, most = std::size_t{16} << 20;
  const std::size_t lacking =
      std::max<std::size_t>(wanted - std::min<std::size_t>(wanted, slab.free_bytes()), fewest);
  std::size_t bytes = std::max({wanted + wanted / 64, std::min(2 * newest.bytes, most), fewest});
  // It costs time in proportion to all that is free, so there must have been as many changes.
  const std::size_t scattered = slab.scattered_bytes();
  const bool is_worth_it = gather && scattered >= slab.free_bytes() / 2;
  if (is_worth_it && scattered >= bytes) return gather();
  for (;; bytes = std::max(lacking, bytes / 2)) {
    try {
      const Memory part = handle.add_part(bytes);
      return slab.add(part.at, part.bytes);
    } catch (const OutOfMemory&) {
      if (bytes > lacking) continue;
      if (is_worth_it || (gather && scattered >= wanted)) return gather();
      throw;
    }
  }
}

bool store_references(const Handle& container, std::span<const Referred> referred,
                      const std::function<bool()>& store) {
  return container.mapping()->store(referred, store);
}

StaleReference::StaleReference()
    : LayoutMismatch("a container is damaged: it refers to an object where there is none") {}

void throw_nested_change(const Handle& handle) {
  throw UsageError(handle.describe() +
                   " is being changed by this thread already: a function that is given to one of "
                   "its operations must not change it, nor copy it");
}

void throw_forked_in_change(const Handle& handle) {
  throw UsageError("this process was forked inside a change of " + handle.describe() +
                   ", which its parent goes on with: nothing was changed here; fork outside of the "
                   "functions that are given to its operations");
}

}  // namespace lagoon::detail
