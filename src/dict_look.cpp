#include <lagoon/dict_look.hpp>

#include <algorithm>

namespace lagoon::detail {

void EncodedRecord::copy(const Record::Near& near) noexcept {
  near_size_ = std::min(near.bytes, near_.size());
  core::read_shared(near_.data(), near.payload, near_size_);
  far_part_ = near.far;
  key_size_ = 0;
  is_all_far_ = value_is_far_ = false;
}

Entries::Is EncodedRecord::is(const Wanted& wanted) {
  is_all_far_ = far_part_ && near_size_ == 0;
  if (is_all_far_ && !far_.read(slab_, far_part_)) return Entries::Is::gone;
  const std::span<const std::byte> all = bytes();
  if (all.size() >= wanted.key.size() &&
      std::equal(wanted.key.begin(), wanted.key.end(), all.begin()))
    key_size_ = wanted.key.size();
  else if (wanted.is_key == nullptr || (key_size_ = wanted.is_key(all, wanted.key)) == 0)
    return Entries::Is::another;
  value_is_far_ = far_part_ && !is_all_far_;
  if (value_is_far_ && wanted.with_value && !far_.read(slab_, far_part_)) return Entries::Is::gone;
  return Entries::Is::it;
}

std::vector<std::byte> EncodedRecord::all_behind_key() const {
  const auto near = behind_key();
  std::vector<std::byte> all(near.begin(), near.end());
  if (value_is_far_) {
    const std::span<const std::byte> far(far_);
    all.insert(all.end(), far.begin(), far.end());
  }
  return all;
}

void throw_reference_in_key() {
  throw TypeMismatch(
      "TypeError: unhashable type: a key cannot refer to what lies in shared memory");
}

EncodedRecord::Parts::Parts(std::span<const std::byte> key, std::span<const std::byte> value,
                            bool refers, std::span<const std::byte> body) {
  size_.refers = refers;
  constexpr std::size_t long_key = 1024;
  const std::size_t bytes = key.size() + value.size() + body.size();
  if (bytes <= Entries::near_most) {
    near_ = {key, value, body};
  } else if (key.size() <= long_key && body.empty()) {
    near_ = {key};
    size_.far = value;
  } else if (key.size() <= long_key) {
    near_ = {key, value};
    size_.far = body;
  } else {
    all_.reserve(bytes);
    for (const auto part : {key, value, body}) all_.insert(all_.end(), part.begin(), part.end());
    size_.far = all_;
  }
  for (const auto part : near_) size_.near_bytes += part.size();
}

void EncodedRecord::Parts::fill(std::byte* near) const noexcept {
  for (const auto part : near_) {
    core::write_shared(near, part.data(), part.size());
    near += part.size();
  }
}

std::size_t is_equal_object(std::span<const std::byte> record, std::span<const std::byte> key) {
  Decoder from(record);
  Decoder wanted(key);
  const Object found = from.take<Object>();
  return found == wanted.take<Object>() ? record.size() - from.left() : 0;
}

}  // namespace lagoon::detail
