#include <lagoon/core/copy.hpp>
#include <lagoon/record_bytes.hpp>

#include <algorithm>

namespace lagoon::detail {

bool FarBytes::read(const core::Slab& slab, const core::Record::Far& far) {
  if (far.bytes > slab.reach()) return false;  // damaged
  if (far.bytes > capacity_) {
    bytes_ = std::make_unique_for_overwrite<std::byte[]>(far.bytes);
    capacity_ = far.bytes;
  }
  size_ = far.bytes;
  return far.read(slab, {bytes_.get(), size_});
}

void RecordBytes::copy(const core::Record::Near& near) noexcept {
  near_size_ = std::min(near.bytes, near_.size());
  core::read_shared(near_.data(), near.payload, near_size_);
  far_part_ = near.far;
  refers_ = near.refers;
}

bool RecordBytes::is_whole() { return !far_part_ || far_.read(slab_, far_part_); }

}  // namespace lagoon::detail
