#pragma once
/// How a list looks at its records, and makes them: an element in the bytes of its codec. Where it
/// is kept as its own bytes, without a detour.

#include <lagoon/codec.hpp>
#include <lagoon/conversion.hpp>
#include <lagoon/core/copy.hpp>
#include <lagoon/core/record.hpp>
#include <lagoon/core/sequence.hpp>

#include <array>
#include <bit>
#include <cstddef>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

namespace lagoon::detail {

using core::Record;
using core::Sequence;

/// Kept as its own bytes, within a node.
template <class T>
concept PlainElement = PlainBytes<T> && sizeof(T) <= Sequence::near_most;

template <PlainElement T>
class PlainElementLook {
 public:
  explicit PlainElementLook(const core::Slab&) noexcept {}

  void copy(const Record::Near& near) noexcept {
    is_whole_ = near.bytes >= sizeof(T);
    if (is_whole_) core::read_shared_fixed<sizeof(T)>(seen_.bytes, near.payload);
  }
  [[nodiscard]] bool is_whole() const noexcept { return is_whole_; }
  [[nodiscard]] T value() const noexcept { return std::bit_cast<T>(seen_); }
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return seen_.bytes; }

 private:
  bool is_whole_ = false;
  Uninitialised<T> seen_;
};

/// The bytes of a record, as they were found.
class RecordBytes {
 public:
  explicit RecordBytes(const core::Slab& slab) noexcept : slab_(slab) {}
  RecordBytes(const RecordBytes&) = delete;
  RecordBytes& operator=(const RecordBytes&) = delete;

  void copy(const Record::Near& near) noexcept;
  [[nodiscard]] bool is_whole();
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept {
    return far_part_ ? std::span<const std::byte>(far_) : std::span(near_.data(), near_size_);
  }

 private:
  const core::Slab& slab_;
  Record::Far far_part_;
  std::size_t near_size_ = 0;
  std::vector<std::byte> far_;
  std::array<std::byte, core::Slab::most_bytes> near_;  // NOLINT: written before it is read
};

template <class T>
class EncodedElementLook : public RecordBytes {
 public:
  using RecordBytes::RecordBytes;
  [[nodiscard]] T value() const {
    Decoder from(bytes());
    return from.take<T>();
  }
};

template <class T>
struct ListLookFor {
  using type = EncodedElementLook<T>;
};
template <PlainElement T>
struct ListLookFor<T> {
  using type = PlainElementLook<T>;
};
template <class T>
using ListLook = typename ListLookFor<T>::type;

/// put(size, fill), as a Sequence takes them, of a record with these bytes.
template <class Put>
bool put_bytes(std::span<const std::byte> bytes, Put&& put) {
  if (bytes.size() > Sequence::near_most) return put(Sequence::Size{0, bytes}, [](std::byte*) {});
  return put(Sequence::Size{bytes.size()},
             [&](std::byte* near) { core::write_shared(near, bytes.data(), bytes.size()); });
}

/// An element on its way in.
template <class T>
class NewElement {
 public:
  explicit NewElement(const T& x) { bytes_.put(x); }
  /// Of the memory that it takes, what is more than a few nodes.
  [[nodiscard]] std::size_t memory() const noexcept { return bytes_.bytes().size(); }
  template <class Put>
  bool put(Put&& put) const {
    return put_bytes(bytes_.bytes(), std::forward<Put>(put));
  }

 private:
  Encoder bytes_;
};
template <PlainElement T>
class NewElement<T> {
 public:
  explicit NewElement(const T& x) noexcept : x_(x) {}
  [[nodiscard]] static constexpr std::size_t memory() noexcept { return 0; }
  template <class Put>
  bool put(Put&& put) const {
    return put(Sequence::Size{sizeof(T)},
               [this](std::byte* near) { core::write_shared_fixed<sizeof(T)>(near, &x_); });
  }

 private:
  const T& x_;
};

/// Elements on their way in, all of them before anything is made.
class NewElements {
 public:
  NewElements() = default;
  template <class T, class R>
  NewElements(std::type_identity<T>, R&& range) {
    for (auto&& x : range) add<T>(x);
  }
  template <class T>
  void add(const T& x) {
    bytes_.put(x);
    end_here();
  }
  void add_bytes(std::span<const std::byte> bytes) {
    bytes_.put_bytes(bytes.data(), bytes.size());
    end_here();
  }
  [[nodiscard]] std::size_t size() const noexcept { return ends_.size(); }
  [[nodiscard]] std::size_t memory() const noexcept { return memory_; }
  [[nodiscard]] std::span<const std::byte> operator[](std::size_t i) const noexcept {
    const std::size_t begin = i == 0 ? 0 : ends_[i - 1];
    return bytes_.bytes().subspan(begin, ends_[i] - begin);
  }

 private:
  void end_here();

  Encoder bytes_;
  std::vector<std::size_t> ends_;
  std::size_t memory_ = 0;
};

}  // namespace lagoon::detail
