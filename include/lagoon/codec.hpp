#pragma once
/// `Codec<T>`: how a T is kept in a shared container: as bytes that mean the same in every process.
///
///   numbers, bool, enums, structs without pointers   their own bytes
///   std::string                                      its bytes
///   Object                                           all of its types, nested as they are; of
///                                                    what is shared, a reference
///                                                    (shared_object.hpp)
///   std::vector<T>, std::pair, std::tuple            of what has a codec
///
/// For a type of your own:
///
///   template <>
///   struct lagoon::Codec<Order> {
///     static constexpr std::string_view name = "Order";  // a container is called after it
///     static void encode(Encoder& to, const Order& x) { to.put(x.id).put(x.client); }
///     static Order decode(Decoder& from) {
///       const auto id = from.take<int>();  // in the order of encode
///       return {id, from.take<std::string>()};
///     }
///   };
///
/// What `encode` throws, the operation throws, and nothing has changed. What `decode` is given is
/// what `encode` wrote, whole, and perhaps more behind it, which it must leave; keys are equal if
/// `encode` writes the same for them. In a damaged segment it may be anything: `take` beyond the
/// end is a LayoutMismatch.

#include <lagoon/error.hpp>
#include <lagoon/object.hpp>
#include <lagoon/place.hpp>
#include <lagoon/typecode.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace lagoon {

template <class T>
struct Codec;

/// Kept as its own bytes: what is Shareable, unless it has a Codec of its own.
template <class T>
concept PlainBytes = Codec<T>::is_own_bytes;

namespace detail {

/// The objects that what is on its way into a container refers to, which it keeps until it is
/// there.
struct References {
  std::vector<Referred> all;
  std::vector<Object> kept;
  std::size_t in_record = 0;  // so many of them, the last ones
};
/// What is on its way to another process, in no container, refers to an object: TypeMismatch.
[[noreturn]] void throw_reference_in_message();

/// A count, in as few bytes as hold it, of 7 bits each. How many it took.
inline constexpr std::size_t most_count_bytes = 10;
inline std::size_t write_count(std::uint64_t n,
                               std::span<std::byte, most_count_bytes> to) noexcept {
  std::size_t bytes = 0;
  for (; n >= 0x80; n >>= 7) to[bytes++] = static_cast<std::byte>(n | 0x80);
  to[bytes++] = static_cast<std::byte>(n);
  return bytes;
}
/// The one that begins there, and its bytes: none if there is none.
struct Count {
  std::uint64_t n = 0;
  std::size_t bytes = 0;
};
inline Count count_in(std::span<const std::byte> bytes) noexcept {
  std::uint64_t n = 0;
  for (std::size_t i = 0; i < std::min(bytes.size(), most_count_bytes); ++i) {
    const auto byte = static_cast<std::uint64_t>(bytes[i]);
    n |= (byte & 0x7F) << (7 * i);
    if (byte < 0x80) return {n, i + 1};
  }
  return {};
}

}  // namespace detail

/// Where `encode` puts bytes, one after the other.
class Encoder {
 public:
  Encoder() = default;
  Encoder(const Encoder&) = delete;
  Encoder& operator=(const Encoder&) = delete;

  /// As they are; how many there are is not written.
  Encoder& put_bytes(const void* from, std::size_t n) {
    if (n != 0) std::memcpy(room_for(n), from, n);
    return *this;
  }
  /// By its codec.
  template <class T>
  Encoder& put(const T& x) {
    Codec<T>::encode(*this, x);
    return *this;
  }
  /// In as few bytes as hold it, of 7 bits each.
  Encoder& put_count(std::uint64_t n) {
    if (n < 0x80) {
      *room_for(1) = static_cast<std::byte>(n);
      return *this;
    }
    std::array<std::byte, detail::most_count_bytes> bytes;  // NOLINT: written before it is read
    return put_bytes(bytes.data(), detail::write_count(n, bytes));
  }
  /// A reference to what this Object of Kind::shared stands for. TypeMismatch if that is no object
  /// of this library's; Gone if it was erased.
  Encoder& put_shared(const Object& x);
  /// All that was put; until more is.
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return {begin(), size_}; }

  // ---- For containers --------------------------------------------------------------------------

  /// A record ends here: what it refers to is listed at its end. Whether it refers to anything.
  bool end_record() { return references_ != nullptr && list_references(); }
  /// What all that was put refers to.
  [[nodiscard]] std::span<const detail::Referred> references() const noexcept {
    if (references_ == nullptr) return {};
    return references_->all;
  }
  /// The bytes of a record that was ended, as they are.
  void put_record(std::span<const std::byte> bytes, bool refers);

 private:
  bool list_references();
  [[nodiscard]] const std::byte* begin() const noexcept { return far_ ? far_.get() : near_; }
  std::byte* room_for(std::size_t n) {
    if (n > capacity_ - size_) grow(n);
    std::byte* const at = (far_ ? far_.get() : near_) + size_;
    size_ += n;
    return at;
  }
  void grow(std::size_t n);

  std::size_t size_ = 0;
  std::size_t capacity_ = sizeof near_;
  std::unique_ptr<std::byte[]> far_;
  std::unique_ptr<detail::References> references_;
  std::byte near_[1000];  // NOLINT: written before it is read
};

/// Where `decode` takes them from.
class Decoder {
 public:
  /// Of a record in this container, in whose memory lies what the bytes refer to.
  explicit Decoder(std::span<const std::byte> bytes, const detail::Handle* home = nullptr) noexcept
      : left_(bytes), home_(home) {}

  /// The next n. They lie in what is decoded, and go with it.
  [[nodiscard]] std::span<const std::byte> take_bytes(std::size_t n) {
    if (n > left_.size()) [[unlikely]]
      throw_short(n);
    const auto taken = left_.first(n);
    left_ = left_.subspan(n);
    return taken;
  }
  /// By its codec.
  template <class T>
  [[nodiscard]] T take() {
    return Codec<T>::decode(*this);
  }
  /// What put_count wrote.
  [[nodiscard]] std::uint64_t take_count() {
    const detail::Count count = detail::count_in(left_);
    if (count.bytes == 0) throw_short(1);
    left_ = left_.subspan(count.bytes);
    return count.n;
  }
  /// What put_shared was given, or another that stands for the same.
  [[nodiscard]] Object take_shared();
  /// How many bytes were not taken yet.
  [[nodiscard]] std::size_t left() const noexcept { return left_.size(); }
  /// Where the bytes lie. UsageError if that was not said.
  [[nodiscard]] const detail::Handle& home() const;

 private:
  [[noreturn]] void throw_short(std::size_t wanted) const;

  std::span<const std::byte> left_;
  const detail::Handle* home_;
};

template <Shareable T>
struct Codec<T> {
  static constexpr bool is_own_bytes = true;
  static void encode(Encoder& to, const T& x) { to.put_bytes(&x, sizeof x); }
  static T decode(Decoder& from) {
    std::remove_const_t<T> x;
    std::memcpy(static_cast<void*>(&x), from.take_bytes(sizeof x).data(), sizeof x);
    return x;
  }
};

template <>
struct Codec<std::string> {
  static constexpr bool is_bulk = true;
  static constexpr std::string_view name = "str";
  static void encode(Encoder& to, std::string_view x) {
    to.put_count(x.size()).put_bytes(x.data(), x.size());
  }
  static std::string decode(Decoder& from) {
    const auto bytes = from.take_bytes(from.take_count());
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
};

template <>
struct Codec<Object> {
  static constexpr std::string_view name = "object";
  /// UsageError where it is nested deeper than Object::max_depth.
  static void encode(Encoder& to, const Object& x);
  static Object decode(Decoder& from);
};

/// What has a codec: what a container can hold.
template <class T>
concept Encodable = std::is_object_v<T> && requires(Encoder& to, Decoder& from, const T& x) {
  Codec<T>::encode(to, x);
  { Codec<T>::decode(from) } -> std::convertible_to<T>;
};

template <Encodable T>
struct Codec<std::vector<T>> {
  static constexpr bool by_element = !PlainBytes<T> || std::is_same_v<T, bool>;
  static constexpr bool is_bulk = !by_element;  // bulk.hpp

  static void encode(Encoder& to, const std::vector<T>& x) {
    to.put_count(x.size());
    if constexpr (by_element)
      for (const T& element : x) to.put(element);
    else
      to.put_bytes(x.data(), x.size() * sizeof(T));
  }
  static std::vector<T> decode(Decoder& from) {
    const std::uint64_t n = from.take_count();
    std::vector<T> x;
    if constexpr (by_element) {
      for (std::uint64_t i = 0; i < n; ++i) x.push_back(from.take<T>());
    } else {
      if (n > from.left() / sizeof(T)) (void)from.take_bytes(from.left() + 1);
      const auto bytes = from.take_bytes(n * sizeof(T));
      x.resize(n);
      if (n != 0) std::memcpy(static_cast<void*>(x.data()), bytes.data(), bytes.size());
    }
    return x;
  }
};

template <Encodable... T>
struct Codec<std::tuple<T...>> {
  static void encode(Encoder& to, const std::tuple<T...>& x) {
    std::apply([&](const T&... each) { (to.put(each), ...); }, x);
  }
  static std::tuple<T...> decode([[maybe_unused]] Decoder& from) {
    return std::tuple<T...>{from.take<T>()...};  // braces: from the left to the right
  }
};
template <Encodable A, Encodable B>
struct Codec<std::pair<A, B>> {
  static void encode(Encoder& to, const std::pair<A, B>& x) { to.put(x.first).put(x.second); }
  static std::pair<A, B> decode(Decoder& from) {
    return std::pair<A, B>{from.take<A>(), from.take<B>()};
  }
};

namespace detail {

/// A type as a container's stamp has it: "int32", "str", "Order", "list[str]".
template <class T>
struct CodecName {
  static std::string text() {
    if constexpr (PlainBytes<T>)
      return ElementType::of<T>().text();
    else
      return std::string(Codec<T>::name);
  }
};
template <class T>
requires(!PlainBytes<std::vector<T>>) struct CodecName<std::vector<T>> {
  static std::string text() { return "list[" + CodecName<T>::text() + "]"; }
};
template <class... T>
requires(!PlainBytes<std::tuple<T...>>) struct CodecName<std::tuple<T...>> {
  static std::string text() {
    std::string text = "tuple[";
    ((text += (text.back() == '[' ? "" : ", ") + CodecName<T>::text()), ...);
    return text + "]";
  }
};
template <class A, class B>
requires(!PlainBytes<std::pair<A, B>>) struct CodecName<std::pair<A, B>>
    : CodecName<std::tuple<A, B>> {
};

/// What a container holds, for its stamp: by name, and by a hash of the whole name and of the sizes
/// of what is kept as its own bytes. Nothing for Objects only: "Dict<>".
template <class... T>
struct Contents {
  static ElementType element() {
    static const std::string name = text().substr(0, 39);
    return {.kind = ElementType::Kind::structure, .name = name};
  }
  static LockName hash() {
    std::string all = text();
    ((all += '/', all += size<T>()), ...);
    return LockName::of(all);
  }

 private:
  static std::string text() {
    if constexpr ((std::is_same_v<T, Object> && ...)) return "";
    std::string text;
    ((text += text.empty() ? "" : ", ", text += CodecName<T>::text()), ...);
    return text;
  }
  template <class U>
  static std::string size() {
    if constexpr (PlainBytes<U>) return std::to_string(sizeof(U));
    return "";
  }
};

/// How functions take one.
template <class T>
struct CodecView {
  using type = const T&;
};
template <>
struct CodecView<std::string> {
  using type = std::string_view;
};
template <class T>
using ViewOf = typename CodecView<T>::type;

}  // namespace detail

}  // namespace lagoon
