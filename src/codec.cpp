#include <lagoon/codec.hpp>

#include <algorithm>

namespace lagoon {

void Encoder::grow(std::size_t n) {
  const std::size_t capacity = std::max(2 * capacity_, size_ + n);
  auto larger = std::make_unique_for_overwrite<std::byte[]>(capacity);
  std::memcpy(larger.get(), begin(), size_);
  far_ = std::move(larger);
  capacity_ = capacity;
}

void Decoder::throw_short(std::size_t wanted) const {
  throw LayoutMismatch(
      "a value in a shared container is damaged, or is read by another codec than "
      "wrote it: it has " +
      std::to_string(left_.size()) + " bytes more, " + std::to_string(wanted) + " were expected");
}

}  // namespace lagoon
