#pragma once
/// The bytes of a record, out of its container, and what they say that they refer to: at their end,
/// if the record says that it refers to objects, stands a list of these, and how many there are.

#include <lagoon/core/record.hpp>
#include <lagoon/core/slab.hpp>
#include <lagoon/place.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>

namespace lagoon::detail {

/// What is far of a record, as it was found: memory that is not written twice.
class FarBytes {
 public:
  /// Behind what stands before it. False if it is not that any more.
  [[nodiscard]] bool read(const core::Slab& slab, const core::Record::Far& far,
                          std::span<const std::byte> before = {});
  operator std::span<const std::byte>() const noexcept {  // NOLINT: that is what they are
    return {bytes_.get(), size_};
  }

 private:
  std::unique_ptr<std::byte[]> bytes_;
  std::size_t size_ = 0, capacity_ = 0;
};

/// The bytes of a record, as they were found: those near, and then those far.
class RecordBytes {
 public:
  explicit RecordBytes(const core::Slab& slab) noexcept : slab_(slab) {}
  RecordBytes(const RecordBytes&) = delete;
  RecordBytes& operator=(const RecordBytes&) = delete;

  void copy(const core::Record::Near& near) noexcept;
  [[nodiscard]] bool is_whole();
  /// Whether they end with a list of references.
  [[nodiscard]] bool refers() const noexcept { return refers_; }
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept {
    return far_part_ ? std::span<const std::byte>(far_) : near();
  }

 protected:
  [[nodiscard]] std::span<const std::byte> near() const noexcept {
    return {near_.data(), near_size_};
  }
  [[nodiscard]] const core::Record::Far& far() const noexcept { return far_part_; }
  [[nodiscard]] const core::Slab& slab() const noexcept { return slab_; }

 private:
  const core::Slab& slab_;
  core::Record::Far far_part_;
  std::size_t near_size_ = 0;
  bool refers_ = false;
  FarBytes far_;
  std::array<std::byte, core::Slab::most_bytes> near_;  // NOLINT: written before it is read
};

/// Calls f with each of the references that are listed at the end of a record's bytes.
template <class F>
void for_each_reference(std::span<const std::byte> record, F&& f) {
  std::uint64_t count = 0;
  if (record.size() < sizeof count) return;  // damaged
  std::memcpy(&count, record.data() + record.size() - sizeof count, sizeof count);
  record = record.first(record.size() - sizeof count);
  if (count > record.size() / sizeof(ObjectReference)) return;
  record = record.last(count * sizeof(ObjectReference));
  for (; !record.empty(); record = record.subspan(sizeof(ObjectReference))) {
    ObjectReference reference;
    std::memcpy(&reference, record.data(), sizeof reference);
    f(reference);
  }
}

}  // namespace lagoon::detail
