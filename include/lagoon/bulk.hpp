#pragma once
/// Values that are a count and then bytes in one piece, as a str and a vector of numbers are:
/// between shared memory and where it belongs such a value is copied once, without a buffer
/// between.
///
/// In a record its bytes are those of its codec. Where they are too many for a node, the count lies
/// near, and what it counts far, by itself (core/record.hpp).

#include <lagoon/codec.hpp>
#include <lagoon/core/copy.hpp>
#include <lagoon/runtime_type.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <utility>

namespace lagoon::detail {

/// Its codec says so: put_count(x.size()), then put_bytes of x.data().
template <class T>
concept Bulk = Codec<T>::is_bulk;

/// Of a value's bytes, how many are the count that lies near.
inline std::size_t head_in(std::span<const std::byte> bytes, bool is_bulk) noexcept {
  return is_bulk ? count_in(bytes).bytes : 0;
}
template <class T>
std::size_t head_of([[maybe_unused]] const T& x, std::span<const std::byte> bytes) noexcept {
  if constexpr (HasRuntimeType<T>)
    return head_in(bytes, x.type->is_bulk());
  else
    return head_in(bytes, Bulk<T>);
}

/// One on its way in: a view.
template <Bulk T>
class BulkOut {
 public:
  explicit BulkOut(ViewOf<T> x) noexcept : body_(std::as_bytes(std::span(x.data(), x.size()))) {
    head_size_ = write_count(x.size(), head_);
  }
  [[nodiscard]] std::span<const std::byte> head() const noexcept {
    return std::span(head_).first(head_size_);
  }
  [[nodiscard]] std::span<const std::byte> body() const noexcept { return body_; }
  [[nodiscard]] std::size_t size() const noexcept { return head_size_ + body_.size(); }
  void write(std::byte* to) const noexcept {
    core::write_shared(to, head_.data(), head_size_);
    core::write_shared(to + head_size_, body_.data(), body_.size());
  }

 private:
  std::array<std::byte, most_count_bytes> head_;  // NOLINT: written before it is read
  std::size_t head_size_;
  std::span<const std::byte> body_;
};

/// One on its way out; into memory that it is lent, if that is enough.
template <Bulk T>
class BulkIn {
 public:
  void lend(T& x) noexcept { x_ = std::move(x); }
  /// Where so many bytes are to be read to that stand behind this head; nothing if they are fewer
  /// than it counts: it is damaged, or not what it was any more.
  [[nodiscard]] std::optional<std::span<std::byte>> room_for(std::span<const std::byte> head,
                                                             std::uint64_t bytes) {
    const Count count = count_in(head);
    if (count.bytes == 0 || count.n > bytes / sizeof(typename T::value_type)) return std::nullopt;
    x_.resize(count.n);
    return std::as_writable_bytes(std::span(x_.data(), x_.size()));
  }
  /// Reads it from shared bytes that may be changing; false if these cannot be one.
  [[nodiscard]] bool read(const std::byte* from, std::size_t bytes) {
    std::array<std::byte, most_count_bytes> head;  // NOLINT
    const std::size_t head_bytes = std::min(bytes, head.size());
    core::read_shared(head.data(), from, head_bytes);
    const std::span<const std::byte> seen = std::span(head).first(head_bytes);
    const std::size_t begin = count_in(seen).bytes;
    const auto room = room_for(seen, bytes - begin);
    if (room) core::read_shared(room->data(), from + begin, room->size());
    return room.has_value();
  }
  /// From bytes that were copied; likewise.
  [[nodiscard]] bool decode(std::span<const std::byte> bytes) {
    const std::size_t begin = count_in(bytes).bytes;
    const auto room = room_for(bytes, bytes.size() - begin);
    if (room && !room->empty()) std::memcpy(room->data(), bytes.data() + begin, room->size());
    return room.has_value();
  }
  [[nodiscard]] const T& value() const& noexcept { return x_; }
  [[nodiscard]] T value() && noexcept { return std::move(x_); }

 private:
  T x_;
};

}  // namespace lagoon::detail
