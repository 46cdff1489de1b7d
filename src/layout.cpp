#include "layout.hpp"

#include <lagoon/core/copies.hpp>
#include <lagoon/core/latch.hpp>

#include <pthread.h>

#include <algorithm>
#include <cstring>

namespace lagoon::detail {

std::uint32_t Header::layout_hash_value() noexcept {
  const std::size_t facts[] = {
      sizeof(Header),         offsetof(Header, turn),     offsetof(Header, buckets),
      sizeof(Block),          offsetof(Block, count),     offsetof(Block, type_name),
      offsetof(Block, parts), sizeof(core::Participants), core::Participants::size_for(1),
      sizeof(core::Latch),    sizeof(pthread_mutex_t)};
  return static_cast<std::uint32_t>(hash({reinterpret_cast<const char*>(facts), sizeof facts}));
}

bool Block::is_sound() const noexcept {
  const std::size_t name = name_length.load(boost::memory_order_acquire);
  const std::size_t room = size();
  if (payload_at != sizeof(Block) + round_up(name, 64) || payload_at > room ||
      payload_bytes > room - payload_at)
    return false;
  if (element_size != 0 && count > payload_bytes / element_size) return false;
  if (static_cast<Stamp::Kind>(kind) != Stamp::Kind::array ||
      static_cast<Stamp::Mode>(mode) != Stamp::Mode::seqlocked)
    return true;
  return core::Copies::is_valid_count(copies) &&
         core::Copies::bytes_for(count * element_size, copies) <= payload_bytes;
}

Stamp Block::stamp() const {
  return {.kind = static_cast<Stamp::Kind>(kind),
          .mode = static_cast<Stamp::Mode>(mode),
          .begins = static_cast<Stamp::Begins>(begins),
          .copies = copies,
          .element = {.kind = static_cast<ElementType::Kind>(element_kind),
                      .align = element_align,
                      .size = element_size,
                      .name = {type_name,
                               std::min<std::size_t>(type_name_length, sizeof type_name - 1)}},
          .count = count,
          .guard = {guard}};
}

void Block::set_stamp(const Stamp& s) noexcept {
  kind = static_cast<std::uint8_t>(s.kind);
  mode = static_cast<std::uint8_t>(s.mode);
  begins = static_cast<std::uint8_t>(s.begins);
  copies = s.copies;
  element_kind = static_cast<std::uint8_t>(s.element.kind);
  element_align = s.element.align;
  element_size = s.element.size;
  count = s.count;
  guard = s.guard.hash;
  type_name_length =
      static_cast<std::uint8_t>(std::min(s.element.name.size(), sizeof type_name - 1));
  std::copy_n(s.element.name.begin(), type_name_length, type_name);
}

}  // namespace lagoon::detail
