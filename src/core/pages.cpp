#include <lagoon/core/pages.hpp>

namespace lagoon::core {

void Pages::add(std::uint64_t offset, std::uint64_t bytes, unsigned size) noexcept {
  const std::uint64_t count = bytes / bytes_of(size);
  const auto units = static_cast<std::uint32_t>(bytes_of(size) / unit);
  const auto first = static_cast<std::uint32_t>(offset / unit);
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto at = first + static_cast<std::uint32_t>(i) * units;
    Page& page = *this->page(at);
    page.owner.store(nobody, relaxed);
    page.last.store(0, relaxed);
    page.size.store(size, relaxed);
    page.used.store(0, relaxed);
    page.head.store(0, relaxed);
    page.next.store(i + 1 < count ? at + units : first_[size].load(relaxed), relaxed);
  }
  if (offset + bytes > reach_.load(relaxed)) reach_.store(offset + bytes, relaxed);
  first_[size].store(first, boost::memory_order_release);  // (4)
  bytes_[size].store(bytes_[size].load(relaxed) + count * bytes_of(size), relaxed);
  cursors_[size].store(first, boost::memory_order_release);
}

bool Pages::is_sound(const std::byte* base, std::uint64_t bytes) const noexcept {
  if (at(0) != base || reach_.load(relaxed) > bytes) return false;
  const auto in_memory = [&](std::uint64_t at, unsigned size) {
    return at * unit % alignof(Page) == 0 && at * unit <= bytes &&
           bytes - at * unit >= bytes_of(size);
  };
  std::uint64_t left = bytes / smallest;  // more pages there cannot be, in however many lists
  for (unsigned size = 0; size < sizes; ++size) {
    // In this order, as take() has it: others may be using it.
    const std::uint32_t cursor = cursors_[size].load(boost::memory_order_acquire);
    bool has_cursor = cursor == 0;
    for (std::uint32_t at = first_[size].load(boost::memory_order_acquire); at != 0;) {
      if (left-- == 0 || !in_memory(at, size) || page(at)->size.load(relaxed) != size ||
          page(at)->used.load(relaxed) > room_of(size) || page(at)->used.load(relaxed) % unit != 0)
        return false;
      has_cursor = has_cursor || cursor == at;
      at = page(at)->next.load(relaxed);
    }
    if (!has_cursor) return false;
  }
  for (const Word& hint : hints_)
    if (const std::uint32_t at = hint.load(relaxed);
        at != 0 && (!in_memory(at, 0) || page(at)->size.load(relaxed) != 0))
      return false;
  return true;
}

}  // namespace lagoon::core
