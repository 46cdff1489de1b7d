#pragma once
/// How a list looks at its records, and makes them: an element in the bytes of its codec. Where it
/// is kept as its own bytes, without a detour.

#include <lagoon/bulk.hpp>
#include <lagoon/codec.hpp>
#include <lagoon/container.hpp>
#include <lagoon/conversion.hpp>
#include <lagoon/core/copy.hpp>
#include <lagoon/core/record.hpp>
#include <lagoon/core/sequence.hpp>
#include <lagoon/object_concepts.hpp>
#include <lagoon/record_bytes.hpp>

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
  static constexpr bool may_refer = false;

  explicit PlainElementLook(const RecordSource&) noexcept {}

  void copy(const Record::Near& near) noexcept {
    is_whole_ = near.bytes >= sizeof(T);
    if (is_whole_) core::read_shared_fixed<sizeof(T)>(seen_.bytes, near.payload);
  }
  [[nodiscard]] bool is_whole() const noexcept { return is_whole_; }
  [[nodiscard]] T value() const noexcept { return std::bit_cast<T>(seen_); }
  void lend(T&) noexcept {}
  void value_into(T& x) const noexcept { x = value(); }

 private:
  bool is_whole_ = false;
  Uninitialised<T> seen_;
};

template <class T>
class EncodedElementLook : public RecordBytes {
 public:
  static constexpr bool may_refer = true;

  explicit EncodedElementLook(const RecordSource& source) noexcept
      : RecordBytes(source.slab), home_(source.home) {}
  [[nodiscard]] T value() const {
    Decoder from(bytes(), home_);
    return from.take<T>();
  }
  void lend(T&) noexcept {}
  void value_into(T& x) const { x = value(); }

 private:
  const Handle* home_;
};

/// One that was read at once, if its bytes are far, by themselves.
template <Bulk T>
class BulkElementLook : public RecordBytes {
 public:
  static constexpr bool may_refer = false;

  explicit BulkElementLook(const RecordSource& source) noexcept : RecordBytes(source.slab) {}
  [[nodiscard]] bool is_whole() {
    if (!far()) return true;
    const auto room = bulk_.room_for(near(), far().bytes);
    return room && far().read(slab(), *room);
  }
  /// Memory in which it may come to lie.
  void lend(T& x) noexcept { bulk_.lend(x); }
  void value_into(T& x) {
    if (far() || bulk_.decode(near()))
      x = std::move(bulk_).value();
    else
      x = value();
  }
  /// Once.
  [[nodiscard]] T value() {
    if (far()) return std::move(bulk_).value();
    Decoder from(near());
    return from.take<T>();
  }

 private:
  BulkIn<T> bulk_;
};

template <class T>
struct ListLookFor {
  using type = EncodedElementLook<T>;
};
template <PlainElement T>
struct ListLookFor<T> {
  using type = PlainElementLook<T>;
};
template <Bulk T>
struct ListLookFor<T> {
  using type = BulkElementLook<T>;
};
template <class T>
using ListLook = typename ListLookFor<T>::type;

/// The bytes of a record, whether they end with what it refers to, and how many are its head
/// (bulk.hpp).
struct Encoded {
  std::span<const std::byte> bytes;
  bool refers = false;
  std::size_t head = 0;
};
/// put(size, fill), as a Sequence takes them, of such a record.
template <class Put>
bool put_encoded(const Encoded& record, Put&& put) {
  std::span<const std::byte> near = record.bytes, far;
  if (near.size() > Sequence::near_most) {
    far = near.subspan(record.head);
    near = near.first(record.head);
  }
  return put(Sequence::Size{near.size(), far, record.refers},
             [&](std::byte* to) { core::write_shared(to, near.data(), near.size()); });
}

/// An element on its way in.
template <class T>
class NewElement {
 public:
  explicit NewElement(const T& x) {
    bytes_.put(x);
    refers_ = bytes_.end_record();
    head_ = head_of(x, bytes_.bytes());
  }
  /// Of the memory that it takes, what is more than a few nodes.
  [[nodiscard]] std::size_t memory() const noexcept { return bytes_.bytes().size(); }
  [[nodiscard]] std::span<const Referred> references() const noexcept {
    return bytes_.references();
  }
  template <class Put>
  bool put(Put&& put) const {
    return put_encoded({bytes_.bytes(), refers_, head_}, std::forward<Put>(put));
  }

 private:
  Encoder bytes_;
  bool refers_ = false;
  std::size_t head_ = 0;
};
template <PlainElement T>
class NewElement<T> {
 public:
  explicit NewElement(const T& x) noexcept : x_(x) {}
  [[nodiscard]] static constexpr std::size_t memory() noexcept { return 0; }
  [[nodiscard]] static std::span<const Referred> references() noexcept { return {}; }
  template <class Put>
  bool put(Put&& put) const {
    return put(Sequence::Size{sizeof(T)},
               [this](std::byte* near) { core::write_shared_fixed<sizeof(T)>(near, &x_); });
  }

 private:
  const T& x_;
};

template <Bulk T>
class NewElement<T> {
 public:
  explicit NewElement(const T& x) noexcept : bulk_(x) {}
  [[nodiscard]] std::size_t memory() const noexcept { return bulk_.size(); }
  [[nodiscard]] static std::span<const Referred> references() noexcept { return {}; }
  template <class Put>
  bool put(Put&& put) const {
    if (bulk_.size() <= Sequence::near_most)
      return put(Sequence::Size{bulk_.size()}, [this](std::byte* near) { bulk_.write(near); });
    const std::span<const std::byte> head = bulk_.head();
    return put(Sequence::Size{head.size(), bulk_.body()},
               [&](std::byte* near) { core::write_shared(near, head.data(), head.size()); });
  }

 private:
  BulkOut<T> bulk_;
};

/// Elements on their way in, all of them before anything is made.
class NewElements {
 public:
  NewElements() = default;
  template <class T, class R>
  NewElements(std::type_identity<T>, R&& range) {
    refuse_literal<R>();
    for (auto&& x : range) add<T>(x);
  }
  template <class T>
  void add(const T& x) {
    const std::size_t begin = bytes_.bytes().size();
    bytes_.put(x);
    const std::size_t head = head_of(x, bytes_.bytes().subspan(begin));
    end_here(bytes_.end_record(), head);
  }
  /// One that was an element before.
  void add_again(const Encoded& record) {
    bytes_.put_record(record.bytes, record.refers);
    end_here(record.refers, record.head);
  }
  [[nodiscard]] std::size_t size() const noexcept { return ends_.size(); }
  [[nodiscard]] std::span<const Referred> references() const noexcept {
    return bytes_.references();
  }
  [[nodiscard]] std::size_t memory() const noexcept { return memory_; }
  [[nodiscard]] Encoded operator[](std::size_t i) const noexcept {
    const std::size_t begin = i == 0 ? 0 : ends_[i - 1].at;
    return {bytes_.bytes().subspan(begin, ends_[i].at - begin), ends_[i].refers, ends_[i].head};
  }

 private:
  struct End {
    std::size_t at;
    bool refers;
    std::size_t head;
  };
  void end_here(bool refers, std::size_t head);

  Encoder bytes_;
  std::vector<End> ends_;
  std::size_t memory_ = 0;
};

}  // namespace lagoon::detail
