#include <lagoon/core/copy.hpp>
#include <lagoon/record_bytes.hpp>

#include <algorithm>

namespace lagoon::detail {

bool FarBytes::read(const core::Slab& slab, const core::Record::Far& far,
                    std::span<const std::byte> before) {
  if (far.bytes > slab.reach()) return false;  // damaged
  size_ = before.size() + far.bytes;
  if (size_ > capacity_) {
    bytes_ = std::make_unique_for_overwrite<std::byte[]>(size_);
    capacity_ = size_;
  }
  std::copy(before.begin(), before.end(), bytes_.get());
  return far.read(slab, {bytes_.get() + before.size(), far.bytes});
}

void RecordBytes::copy(const core::Record::Near& near) noexcept {
  near_size_ = std::min(near.bytes, near_.size());
  core::read_shared(near_.data(), near.payload, near_size_);
  far_part_ = near.far;
  refers_ = near.refers;
}

bool RecordBytes::is_whole() { return !far_part_ || far_.read(slab_, far_part_, near()); }

}  // namespace lagoon::detail
