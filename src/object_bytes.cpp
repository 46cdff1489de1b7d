#include "object_bytes.hpp"

#include <lagoon/core/copies.hpp>
#include <lagoon/core/copy.hpp>
#include <lagoon/error.hpp>
#include <lagoon/lock.hpp>
#include <lagoon/locks/reader_writer.hpp>
#include <lagoon/mode.hpp>

namespace lagoon::detail {

std::optional<std::size_t> offset_behind(const LockName& lock) {
  if (lock == GuardedBy<RLock>::name) return GuardedBy<RLock>::head;
  if (lock == GuardedBy<Lock>::name) return GuardedBy<Lock>::head;
  if (lock == GuardedBy<locks::ReaderWriterLock>::name)
    return GuardedBy<locks::ReaderWriterLock>::head;
  return std::nullopt;
}

std::vector<std::byte> bytes_of(const Handle& handle, const Stamp& stamp, std::size_t first,
                                std::size_t last) {
  const std::size_t size = stamp.element.size;
  std::vector<std::byte> bytes((last - first) * size);
  const auto copy_from = [&](const std::byte* from) {
    core::read_shared(bytes.data(), from + first * size, bytes.size());
  };
  const std::byte* const payload = handle.payload();
  if (stamp.mode == Stamp::Mode::seqlocked && stamp.kind == Stamp::Kind::array) {
    const core::Copies copies(handle.payload(), stamp.count * size, handle.copies());
    (void)copies.read(bytes.data(), first * size, last * size);
  } else if (stamp.mode == Stamp::Mode::seqlocked) {  // as cell.hpp lays it out
    const auto& latch = *reinterpret_cast<const core::Latch*>(payload);
    for (;;) {
      const core::Version v = latch.version();
      copy_from(payload + core::line_bytes + v % handle.copies() * core::round_to_lines(size));
      if (core::Latch::is_whole(handle.copies(), v, latch.version_after_copy())) break;
    }
  } else if (stamp.mode == Stamp::Mode::locked) {
    const auto offset = offset_behind(stamp.guard);
    if (!offset)
      throw TypeMismatch(handle.describe() +
                         " lies behind a lock that is not known here: known are RLock, Lock and "
                         "ReaderWriterLock");
    copy_from(payload + *offset);
  } else {
    copy_from(payload);
  }
  return bytes;
}

}  // namespace lagoon::detail
