#pragma once
/// How a dict looks for its keys, and at its records: the bytes of a key, the bytes of its value
/// behind. Where both are kept as their own bytes, without a detour; else by their codecs.

#include <lagoon/bulk.hpp>
#include <lagoon/codec.hpp>
#include <lagoon/container.hpp>
#include <lagoon/conversion.hpp>
#include <lagoon/core/copy.hpp>
#include <lagoon/core/entries.hpp>
#include <lagoon/core/hash.hpp>
#include <lagoon/record_bytes.hpp>
#include <lagoon/runtime_type.hpp>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

namespace lagoon::detail {

using core::Entries;
using core::Record;

inline Entries::Hash upper_half(std::uint64_t hash) noexcept {
  return static_cast<Entries::Hash>(hash >> (64 - Record::tag_bits));
}

/// Both are kept as their own bytes, within a node.
template <class K, class V>
concept PlainPair = PlainBytes<K> && PlainBytes<V> && sizeof(K) + sizeof(V) <= Entries::near_most;

/// Whether equal keys have equal bytes; of what has a codec of its own, that one knows.
template <class K>
inline constexpr bool is_compared_as_bytes = [] {
  if constexpr (PlainBytes<K>)
    return std::has_unique_object_representations_v<K> || std::is_floating_point_v<K>;
  else
    return true;
}();
template <class T>
inline constexpr bool is_compared_as_bytes<std::vector<T>> = is_compared_as_bytes<T>;
template <class... T>
inline constexpr bool is_compared_as_bytes<std::tuple<T...>> = (is_compared_as_bytes<T> && ...);
template <class A, class B>
inline constexpr bool is_compared_as_bytes<std::pair<A, B>> =
    is_compared_as_bytes<A>&& is_compared_as_bytes<B>;

/// A key in the bytes by which it is compared: 0.0 and -0.0 have the same.
template <PlainBytes K>
K as_key(const K& key) noexcept {
  if constexpr (std::is_floating_point_v<K>)
    return key == K{} ? K{} : key;
  else
    return key;
}

/// Looks for a key, or, of none, at whatever comes.
template <class K, class V>
class PlainLook {
 public:
  static constexpr std::size_t size = sizeof(K) + sizeof(V);
  static constexpr bool may_refer = false;

  explicit PlainLook(const RecordSource&) noexcept {}
  PlainLook(const RecordSource&, const K& key, bool with_value = true) noexcept
      : key_(as_key(key)),
        hash_(upper_half(core::hash_of(&key_, sizeof key_))),
        has_key_(true),
        value_(with_value ? seen_value_.bytes : nullptr) {}
  PlainLook(const PlainLook&) = delete;
  PlainLook& operator=(const PlainLook&) = delete;

  [[nodiscard]] Entries::Hash hash() const noexcept { return hash_; }
  void copy(const Record::Near& near) noexcept {
    is_whole_ = near.bytes >= size;
    if (!is_whole_) return;
    // Each as it will be read: bytes that were stored in other pieces would have to be waited for.
    core::read_shared_fixed<sizeof(K)>(seen_key_.bytes, near.payload);
    if (value_ != nullptr) core::read_shared_fixed<sizeof(V)>(value_, near.payload + sizeof(K));
  }
  [[nodiscard]] Entries::Is is_it() const noexcept {
    return is_whole_ && (!has_key_ || std::memcmp(seen_key_.bytes, &key_, sizeof key_) == 0)
               ? Entries::Is::it
               : Entries::Is::another;
  }
  [[nodiscard]] K key() const noexcept { return std::bit_cast<K>(seen_key_); }
  [[nodiscard]] V value() const noexcept { return std::bit_cast<V>(seen_value_); }
  /// Where the value is to come to lie; then value_into or give_back of the same.
  void lend(V& x) noexcept { value_ = reinterpret_cast<std::byte*>(&x); }
  void value_into(V&) const noexcept {}
  void give_back(V&) const noexcept {}

  /// put(size, references, fill), as Entries::put takes them, of the record with this value.
  template <class Put>
  void put(const V& value, Put&& put) const {
    put(Entries::Size{size}, std::span<const Referred>(), [&](std::byte* near) {
      core::write_shared_fixed<sizeof(K)>(near, &key_);
      core::write_shared_fixed<sizeof(V)>(near + sizeof(K), &value);
    });
  }

 private:
  K key_{};
  Entries::Hash hash_ = 0;
  bool has_key_ = false, is_whole_ = false;
  Uninitialised<K> seen_key_;
  Uninitialised<V> seen_value_;
  std::byte* value_ = seen_value_.bytes;  // where the value goes; null: it is not wanted
};

/// The bytes of a record, as they were found, and what part of them is the key.
class EncodedRecord {
 public:
  using IsKey = std::size_t (*)(std::span<const std::byte> record, std::span<const std::byte> key);

  explicit EncodedRecord(const core::Slab& slab) noexcept : slab_(slab) {}
  EncodedRecord(const EncodedRecord&) = delete;
  EncodedRecord& operator=(const EncodedRecord&) = delete;

  void copy(const Record::Near& near) noexcept;

  /// What is looked for: its bytes, and of how many bytes the key of a record is that is equal to
  /// it, though not alike, or zero.
  struct Wanted {
    std::span<const std::byte> key;
    IsKey is_key;
    bool with_value;
  };
  [[nodiscard]] Entries::Is is(const Wanted& wanted);
  [[nodiscard]] std::span<const std::byte> key() const noexcept { return bytes().first(key_size_); }
  [[nodiscard]] std::span<const std::byte> value() const noexcept {
    return value_is_far_ ? std::span<const std::byte>(far_) : bytes().subspan(key_size_);
  }
  /// Nothing if the value is not, or not only, far.
  [[nodiscard]] Record::Far far_value() const noexcept {
    return value_is_far_ ? far_part_ : Record::Far();
  }
  /// Of one whose value is far: what stands behind the key.
  [[nodiscard]] std::span<const std::byte> behind_key() const noexcept {
    return bytes().subspan(key_size_);
  }
  /// What stands behind the key, near and far, in one piece.
  [[nodiscard]] std::vector<std::byte> all_behind_key() const;
  [[nodiscard]] const core::Slab& slab() const noexcept { return slab_; }
  void set_key_size(std::size_t n) noexcept { key_size_ = n; }
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept {
    return is_all_far_ ? std::span<const std::byte>(far_) : std::span(near_.data(), near_size_);
  }

  /// How much of key and value is near, as Entries::put takes it.
  class Parts {
   public:
    /// `body`: what of the value lies far, by itself, if it is that large.
    Parts(std::span<const std::byte> key, std::span<const std::byte> value, bool refers,
          std::span<const std::byte> body = {});
    [[nodiscard]] const Entries::Size& size() const noexcept { return size_; }
    void fill(std::byte* near) const noexcept;

   private:
    Entries::Size size_{0};
    std::array<std::span<const std::byte>, 3> near_;
    std::vector<std::byte> all_;
  };

 private:
  const core::Slab& slab_;
  Record::Far far_part_;
  std::size_t near_size_ = 0, key_size_ = 0;
  bool is_all_far_ = false, value_is_far_ = false;
  FarBytes far_;
  std::array<std::byte, core::Slab::most_bytes> near_;  // NOLINT: written before it is read
};

[[noreturn]] void throw_reference_in_key();
/// Whether a record's key is an Object that is equal to the one with these bytes: 1 is 1.0.
std::size_t is_equal_object(std::span<const std::byte> record, std::span<const std::byte> key);

/// A key as the Object that is compared, and not its bytes; or null.
template <class Key>
const Object* object_to_compare([[maybe_unused]] const Key& key) noexcept {
  if constexpr (std::is_same_v<Key, Object>)
    return &key;
  else if constexpr (HasRuntimeType<Key>)
    return key.type->is_object() ? &key.object : nullptr;
  else
    return nullptr;
}

template <class K, class V>
class EncodedLook {
 public:
  static constexpr bool may_refer = true;

  explicit EncodedLook(const RecordSource& source) noexcept
      : record_(source.slab), home_(source.home) {}
  EncodedLook(const RecordSource& source, ViewOf<K> key, bool with_value = true)
      : record_(source.slab), home_(source.home), has_key_(true), with_value_(with_value) {
    const Object* const object = object_to_compare(key);
    if (object != nullptr) {
      hash_ = upper_half(object->hash() * 0x9e3779b97f4a7c15);
      is_key_ = is_equal_object;
    }
    if constexpr (PlainBytes<K>)
      key_.put(as_key(key));
    else
      Codec<K>::encode(key_, key);
    if (!key_.references().empty()) throw_reference_in_key();
    if (object == nullptr)
      hash_ = upper_half(core::hash_of(key_.bytes().data(), key_.bytes().size()));
  }

  [[nodiscard]] Entries::Hash hash() const noexcept { return hash_; }
  void copy(const Record::Near& near) noexcept { record_.copy(near); }
  [[nodiscard]] Entries::Is is_it() {
    const Entries::Is is =
        record_.is({.key = key_.bytes(), .is_key = is_key_, .with_value = with_value_ && !Bulk<V>});
    if (is != Entries::Is::it) return is;
    if (!has_key_) {
      Decoder from(record_.bytes(), home_);
      found_.emplace(from.take<K>());
      record_.set_key_size(record_.bytes().size() - from.left());
    }
    if constexpr (Bulk<V>)
      if (!bulk_.read_if_far(record_, with_value_)) return Entries::Is::gone;
    return is;
  }
  /// Of what was looked at without a key.
  [[nodiscard]] K key() const { return *found_; }
  [[nodiscard]] V value() {
    if constexpr (Bulk<V>)
      if (bulk_.is_far) return std::move(bulk_.in).value();
    if constexpr (HasRuntimeType<V>) {  // which may be one with a head
      const std::vector<std::byte> all = record_.all_behind_key();
      Decoder from(all, home_);
      return from.take<V>();
    } else {
      Decoder from(record_.value(), home_);
      return from.take<V>();
    }
  }

  /// Memory in which the value may come to lie; then one of the others.
  void lend(V& x) noexcept {
    if constexpr (Bulk<V>) bulk_.in.lend(x);
  }
  void value_into(V& x) {
    if constexpr (Bulk<V>) {
      if (bulk_.is_far || bulk_.in.decode(record_.value())) return give_back(x);
    }
    x = value();
  }
  void give_back(V& x) noexcept {
    if constexpr (Bulk<V>) x = std::move(bulk_.in).value();
  }

  /// A key that is there stays as it came.
  template <class Put>
  void put(const V& value, Put&& put) const {
    const auto key = record_.key().empty() ? key_.bytes() : record_.key();
    const auto put_parts = [&](const EncodedRecord::Parts& parts,
                               std::span<const Referred> references) {
      put(parts.size(), references, [&](std::byte* near) { parts.fill(near); });
    };
    if constexpr (Bulk<V>) {
      const BulkOut<V> bulk(value);
      put_parts({key, bulk.head(), false, bulk.body()}, {});
    } else {
      Encoder bytes;
      bytes.put(value);
      const bool refers = bytes.end_record();
      const std::size_t head = head_of(value, bytes.bytes());
      put_parts({key, bytes.bytes().first(head), refers, bytes.bytes().subspan(head)},
                bytes.references());
    }
  }

 private:
  /// A value that was read when it was found, since its bytes are far, by themselves.
  struct NoBulk {};
  struct FarBulk {
    BulkIn<V> in;
    bool is_far = false;

    [[nodiscard]] bool read_if_far(const EncodedRecord& record, bool with_value) {
      const Record::Far far = record.far_value();
      is_far = bool(far);
      if (!is_far || !with_value) return true;
      const auto room = in.room_for(record.behind_key(), far.bytes);
      return room && far.read(record.slab(), *room);
    }
  };

  EncodedRecord record_;
  const Handle* home_;
  Encoder key_;
  Entries::Hash hash_ = 0;
  bool has_key_ = false, with_value_ = true;
  EncodedRecord::IsKey is_key_ = nullptr;
  std::optional<K> found_;
  [[no_unique_address]] std::conditional_t<Bulk<V>, FarBulk, NoBulk> bulk_;
};

/// Which keys there were before.
template <class K>
class PlacesOf {
 public:
  /// The place of this key, and whether it is a new one, to which `place` is given.
  std::pair<std::size_t, bool> of(const K& key, std::size_t place) {
    if constexpr (std::is_same_v<K, Object>) {
      const auto [at, is_new] = places_.try_emplace(key, place);
      return {at->second, is_new};
    } else if constexpr (HasRuntimeType<K>) {
      const auto [at, is_new] = places_.try_emplace(key.object, place);
      return {at->second, is_new};
    } else {
      Encoder bytes;
      if constexpr (PlainBytes<K>)
        bytes.put(as_key(key));
      else
        bytes.put(key);
      const auto* text = reinterpret_cast<const char*>(bytes.bytes().data());
      const auto [at, is_new] = places_.try_emplace({text, bytes.bytes().size()}, place);
      return {at->second, is_new};
    }
  }

 private:
  static constexpr bool by_object = std::is_same_v<K, Object> || HasRuntimeType<K>;
  std::unordered_map<std::conditional_t<by_object, Object, std::string>, std::size_t> places_;
};

template <class K, class V>
using DictLook = std::conditional_t<PlainPair<K, V>, PlainLook<K, V>, EncodedLook<K, V>>;

}  // namespace lagoon::detail
