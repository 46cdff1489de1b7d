#pragma once
/// `Array<T, Mode>`: elements shared between processes; Python's `Array` and `RawArray`.
///
///   Array<double> a(64);                       64 zeros, in this process's heap, for its children
///   Array<int> b(std::views::iota(0, 10));     the elements of any range
///   auto c = Array<int>::of({1, 2, 3});
///   Array<double> d(segment["prices"], 1024);  under a name: found, or made
///
/// mode::seqlocked  (default) consistent snapshots that wait for nobody; writers take turns, and
///                  every write, of one element or of all, is seen whole or not at all. Kept in
///                  copies (core/copies.hpp): four up to 64 KiB, two above; seqlocked_in<N>: N.
/// mode::locked     Python's: plain elements beside an RLock (locked_by<L>: beside another lock).
/// mode::atomic     each element an atomic; no snapshots.
/// mode::raw        RawArray: plain memory.
///
/// A crash leaves: seqlocked, the state before or after the whole write, and the next writer takes
/// over; locked, what was written so far, and, unless L is a plain lock of locks/, the next acquire
/// is told (one inside of get, set or snapshot tells nobody: get_lock().owner_died() keeps the
/// news); atomic and raw, each element before or after. After `erase` handles throw Gone, but those
/// of atomic and raw arrays and of plain locks: they work on memory that is nobody else's any more.
///
/// There is no initialiser-list constructor, so (10) and {10} mean the same. a[i] is unchecked,
/// a.at(i) throws OutOfRange; negative indices count from the end in slices only. Arrays are not
/// iterated while they change: iterate snapshot(). `Array<const T>` is for read-only segments.

#include <lagoon/array_modes.hpp>
#include <lagoon/element.hpp>
#include <lagoon/lock_methods.hpp>
#include <lagoon/slice.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace lagoon {

namespace detail {

[[noreturn]] void throw_index(const Handle& array, std::size_t index, std::size_t size);
[[noreturn]] void throw_range(const Handle& array, std::size_t first, std::size_t last,
                              std::size_t size);
[[noreturn]] void throw_length(const Handle& array, std::size_t found, std::size_t expected);
/// InvalidArgument for a negative length, OutOfMemory for one whose bytes cannot be counted.
std::size_t checked_length(bool negative, unsigned long long n, std::size_t element_size);

template <class>
inline constexpr bool is_seqlocked = false;
template <>
inline constexpr bool is_seqlocked<mode::seqlocked> = true;
template <unsigned N>
inline constexpr bool is_seqlocked<mode::seqlocked_in<N>> = true;
template <class>
inline constexpr bool is_locked = false;
template <class L>
inline constexpr bool is_locked<mode::locked_by<L>> = true;
template <class>
struct LockOf {
  using type = void;
};
template <class L>
struct LockOf<mode::locked_by<L>> {
  using type = L;
};

}  // namespace detail

template <class Element, class Mode = mode::seqlocked>
class Array : public detail::MethodsOfItsLock<Array<Element, Mode>> {
  using T = std::remove_const_t<Element>;
  using Store = typename detail::StoreFor<T, Mode>::type;
  using L = typename detail::LockOf<Mode>::type;
  static constexpr bool seqlocked = detail::is_seqlocked<Mode>;
  static constexpr bool locked = detail::is_locked<Mode>;
  static constexpr bool raw = std::is_same_v<Mode, mode::raw>;

 public:
  using value_type = T;
  using size_type = std::size_t;
  static constexpr bool is_read_only = std::is_const_v<Element>;
  static_assert(!(is_read_only && locked),
                "reading a locked array takes its lock, which a read-only segment cannot give");

  /// n zeros.
  template <detail::Length N>
  explicit Array(N n) : Array(Make{}, Place{}, length(n), nullptr) {}
  /// The elements of a range.
  template <detail::RangeOf<T> R>
  explicit Array(R&& range)
      : Array(Make{}, Place{}, detail::elements_of<T>(std::forward<R>(range))) {}
  /// The characters before the NUL.
  explicit Array(const char* text) requires std::is_same_v<T, char>
      : Array(Make{}, Place{}, detail::elements_of<char>(std::string_view(text))) {}
  static Array of(std::initializer_list<T> elements) {
    return Array(Make{}, Place{}, detail::elements_of<T>(elements));
  }

  /// Under a name: found if it has this length, or made.
  template <detail::Length N>
  Array(const Place& place, N n) : Array(Make{}, place, length(n), nullptr) {
    detail::check_named<T>();
  }
  template <detail::RangeOf<T> R>
  Array(const Place& place, R&& range)
      : Array(Make{}, place, detail::elements_of<T>(std::forward<R>(range))) {
    detail::check_named<T>();
  }
  Array(const Place& place, const char* text) requires std::is_same_v<T, char>
      : Array(Make{}, place, detail::elements_of<char>(std::string_view(text))) {}

  /// Beside a lock that others use too; it must outlive the array.
  template <detail::Length N, class G>
  requires(locked&& std::same_as<G, L>) Array(N n, G& lock) : Array(n) { store_.use(lock); }
  template <detail::RangeOf<T> R, class G>
  requires(locked&& std::same_as<G, L>) Array(R&& range, G& lock) : Array(std::forward<R>(range)) {
    store_.use(lock);
  }

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  /// Whether the object was erased.
  [[nodiscard]] bool gone() const noexcept { return handle_.gone(); }

  // ---- One element ---------------------------------------------------------------------------

  /// Unchecked. What it gives can be read, assigned to, and updated in one step (+=, update(f)).
  [[nodiscard]] decltype(auto) operator[](std::size_t i) noexcept {
    if constexpr (raw && !is_read_only)
      return (store_.elements()[i]);
    else if constexpr (is_read_only)
      return get(i);
    else
      return detail::Element<Array>(*this, i);
  }
  [[nodiscard]] T operator[](std::size_t i) const { return get(i); }
  [[nodiscard]] decltype(auto) at(std::size_t i) {
    check_index(i);
    return (*this)[i];
  }
  [[nodiscard]] T at(std::size_t i) const {
    check_index(i);
    return get(i);
  }
  /// Unchecked.
  [[nodiscard]] T get(std::size_t i) const {
    T x = store_.get(handle_, i);
    check_still_there();
    return x;
  }
  void set(std::size_t i, detail::NewValue<T> x) requires(!is_read_only) {
    store_.set(handle_, i, x);
  }
  /// element = f(element), or f(element&), as one step; returns the new value. mode::atomic: f may
  /// run more than once.
  template <class F>
  requires(!is_read_only && !raw) T update(std::size_t i, F&& f) {
    return store_.update(handle_, i, std::forward<F>(f));
  }
  /// element += x as one step; returns the new value.
  T add(std::size_t i,
        detail::NewValue<T> x) requires(!is_read_only && !raw && std::is_arithmetic_v<T>) {
    return store_.add(handle_, i, x);
  }

  // ---- Many ----------------------------------------------------------------------------------

  /// All elements as they were together at one moment.
  [[nodiscard]] std::vector<T> snapshot() const requires(seqlocked || locked) {
    return as_vector(read(0, size_));
  }
  /// Elements [first, last).
  [[nodiscard]] std::vector<T> snapshot(std::size_t first, std::size_t last) const
      requires(seqlocked || locked) {
    check_range(first, last);
    return as_vector(read(first, last));
  }
  /// The same into memory of the caller's, without allocating; `out` has size() elements.
  void snapshot_into(std::span<T> out) const requires(seqlocked || locked) {
    if (out.size() != size_) [[unlikely]]
      detail::throw_length(handle_, out.size(), size_);
    read_into(0, size_, out.data());
  }
  /// Those from `first` on, as many as `out` has.
  void snapshot_into(std::size_t first, std::span<T> out) const requires(seqlocked || locked) {
    check_range(first, first + out.size());
    read_into(first, first + out.size(), out.data());
  }
  /// One at first; grows by one with each write.
  [[nodiscard]] std::uint64_t version() const noexcept requires seqlocked {
    return store_.version();
  }
  /// A snapshot, if anything was written since `version`, which becomes the snapshot's; else false.
  /// Begin with zero to have the first one too.
  bool read_if_newer(std::uint64_t& version, std::span<T> out) const requires seqlocked {
    if (store_.version() == version && !gone()) return false;
    if (out.size() != size_) [[unlikely]]
      detail::throw_length(handle_, out.size(), size_);
    const std::uint64_t now = core::public_version(read_into(0, size_, out.data()));
    return std::exchange(version, now) != now;
  }

  /// Changes elements by f(std::span<T>). seqlocked: all of it is seen or none, and if f throws
  /// nothing is published. locked: under the lock, as it goes. f must not fork: a child's write is
  /// refused when f returns, but what it has stored through the span it shares with its parent.
  template <class F>
  requires(!is_read_only && (seqlocked || locked)) void write(F&& f) {
    store_.change(handle_, 0, size_, size_, [&](T* first) { f(std::span<T>(first, size_)); });
  }
  /// Only elements [first, last), which is what f gets and what it costs.
  template <class F>
  requires(!is_read_only && (seqlocked || locked)) void write(std::size_t first, std::size_t last,
                                                              F&& f) {
    check_range(first, last);
    store_.change(handle_, first, last, size_,
                  [&](T* begin) { f(std::span<T>(begin, last - first)); });
  }
  /// Replaces all elements, as one write. `from` has size() elements.
  void assign(std::span<const T> from) requires(!is_read_only) {
    if (from.size() != size_) [[unlikely]]
      detail::throw_length(handle_, from.size(), size_);
    store_.replace(handle_, 0, size_, size_, from.data());
  }
  /// Those from `first` on, as many as `from` has.
  void assign(std::size_t first, std::span<const T> from) requires(!is_read_only) {
    check_range(first, first + from.size());
    if (!from.empty()) store_.replace(handle_, first, first + from.size(), size_, from.data());
  }

  /// Python's a[start:stop:step]: clamped, negative from the end. Of char and wchar_t a string.
  [[nodiscard]] detail::SliceOf<T> slice(std::optional<std::ptrdiff_t> start = {},
                                         std::optional<std::ptrdiff_t> stop = {},
                                         std::ptrdiff_t step = 1) const {
    const auto s = detail::Slice::of(size_, start, stop, step);
    const detail::Elements<T> between = read(s.first(), s.last());
    detail::SliceOf<T> out;
    out.reserve(s.count);
    for (std::size_t k = 0; k < s.count; ++k) out.push_back(between[s.at(k) - s.first()]);
    return out;
  }
  /// Python's a[start:stop:step] = values, as one write: as many values as the slice has elements.
  template <detail::RangeOf<T> R>
  requires(!is_read_only) void assign_slice(std::optional<std::ptrdiff_t> start,
                                            std::optional<std::ptrdiff_t> stop, std::ptrdiff_t step,
                                            R&& values) {
    const auto s = detail::Slice::of(size_, start, stop, step);
    const detail::Elements<T> from = detail::elements_of<T>(std::forward<R>(values));
    if (from.size() != s.count) detail::throw_length(handle_, from.size(), s.count);
    if (s.count == 0) return;
    if (step == 1) {
      store_.replace(handle_, s.first(), s.last(), size_, from.data());
    } else if constexpr (seqlocked || locked) {
      store_.change(handle_, s.first(), s.last(), size_, [&](T* first) {
        for (std::size_t k = 0; k < s.count; ++k) first[s.at(k) - s.first()] = from[k];
      });
    } else {
      for (std::size_t k = 0; k < s.count; ++k) set(s.at(k), from[k]);
    }
  }
  template <detail::RangeOf<T> R>
  requires(!is_read_only) void assign_slice(std::optional<std::ptrdiff_t> start,
                                            std::optional<std::ptrdiff_t> stop, R&& values) {
    assign_slice(start, stop, 1, std::forward<R>(values));
  }

  // ---- Array<char>, as Python's Array('c') ---------------------------------------------------

  /// The characters before the first NUL.
  [[nodiscard]] std::string value() const requires std::is_same_v<T, char> {
    const std::string all = raw_bytes();
    return all.substr(0, all.find('\0'));
  }
  /// Writes the characters and, if there is room, one NUL; what lies behind stays.
  void set_value(std::string_view text) requires(std::is_same_v<T, char> && !is_read_only) {
    std::vector<T> from(text.begin(), text.end());
    if (from.size() > size_) detail::throw_length(handle_, from.size(), size_);
    if (from.size() < size_) from.push_back('\0');
    store_.replace(handle_, 0, from.size(), size_, from.data());
  }
  /// All characters.
  [[nodiscard]] std::string raw_bytes() const requires std::is_same_v<T, char> { return slice(); }
  /// Overwrites the first of them.
  void set_raw(std::string_view text) requires(std::is_same_v<T, char> && !is_read_only) {
    if (text.size() > size_) detail::throw_length(handle_, text.size(), size_);
    store_.replace(handle_, 0, text.size(), size_, text.data());
  }

  // ---- mode::locked: also acquire(), release(), lock() and the like --------------------------

  [[nodiscard]] decltype(auto) get_lock() const noexcept {
    static_assert(locked,
                  "only mode::locked has a lock: write Array<T, mode::locked>, or change the "
                  "elements together with write()");
    if constexpr (locked) return (store_.lock());
  }
  /// The elements themselves: locked, for those who hold the lock; raw, for everyone.
  [[nodiscard]] std::span<Element> get_obj() const noexcept requires(locked || raw) {
    return {store_.elements(), size_};
  }

  static detail::Stamp stamp(std::uint64_t count) noexcept {
    return {.kind = detail::Stamp::Kind::array,
            .mode = Store::stamp_mode,
            .begins = Store::begins,
            .copies = Store::copies_for(count),
            .element = detail::ElementType::of<T>(),
            .count = count,
            .guard = Store::guard};
  }

 private:
  friend struct detail::Attach;

  explicit Array(detail::Handle handle)
      : handle_(std::move(handle)),
        size_(static_cast<std::size_t>(handle_.count())),
        store_(handle_, size_) {}
  struct Make {};
  Array(Make, const Place& place, std::size_t n, const T* initial)
      : Array(detail::make_or_find(place, stamp(n), Store::bytes_for(n),
                                   [&](std::byte* payload, core::Participants& table) {
                                     Store::make(payload, table, n, initial);
                                   })) {
    detail::check_shareable<T>();
    static_assert(!is_read_only, "Array<const T> is found in a read-only segment, not made");
  }
  Array(Make, const Place& place, const detail::Elements<T>& elements)
      : Array(Make{}, place, elements.size(), elements.data()) {}

  template <class N>
  static std::size_t length(N n) {
    return detail::checked_length(std::cmp_less(n, 0), static_cast<unsigned long long>(n),
                                  sizeof(T));
  }
  void check_index(std::size_t i) const {
    if (i >= size_) [[unlikely]]
      detail::throw_index(handle_, i, size_);
  }
  void check_range(std::size_t first, std::size_t last) const {
    if (last > size_ || first > last) [[unlikely]]
      detail::throw_range(handle_, first, last, size_);
  }
  /// Nobody waits for a reader that may not write: look that the memory was still this object's.
  void check_still_there() const {
    if constexpr (is_read_only) {
      core::acquire_fence();
      if (gone()) [[unlikely]]
        handle_.throw_gone();
    }
  }
  core::Version read_into(std::size_t first, std::size_t last, T* out) const {
    core::Version at = 0;
    if constexpr (seqlocked) {
      at = store_.read(first, last, out);
      if (at & core::version_gone) [[unlikely]]
        handle_.throw_gone();
    } else {
      store_.read(first, last, out);
    }
    check_still_there();
    return at;
  }
  [[nodiscard]] detail::Elements<T> read(std::size_t first, std::size_t last) const {
    detail::Elements<T> out(last - first);
    read_into(first, last, out.data());
    return out;
  }
  static std::vector<T> as_vector(detail::Elements<T> elements) {
    if constexpr (std::is_same_v<T, bool>)
      return std::vector<bool>(elements.data(), elements.data() + elements.size());
    else
      return elements;
  }

  detail::Handle handle_;
  std::size_t size_;
  Store store_;
};

}  // namespace lagoon
