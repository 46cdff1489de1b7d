#include <lagoon/core/copy.hpp>
#include <lagoon/record_bytes.hpp>

#include <algorithm>

namespace lagoon::detail {

void RecordBytes::copy(const core::Record::Near& near) noexcept {
  near_size_ = std::min(near.bytes, near_.size());
  core::read_shared(near_.data(), near.payload, near_size_);
  far_part_ = near.far;
  refers_ = near.refers;
}

bool RecordBytes::is_whole() {
  if (!far_part_) return true;
  if (far_part_.bytes > slab_.reach()) return false;  // damaged
  far_.resize(far_part_.bytes);
  return far_part_.read(slab_, far_);
}

}  // namespace lagoon::detail
