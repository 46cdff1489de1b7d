#pragma once
/// `AnyValue` and `AnyArray`: a Value and an Array whose type is a typecode known at run time.
///
///   AnyValue v = AnyValue::make('i', 7);                    in this process's heap
///   AnyArray a = AnyArray::make('d', 64);                   64 zeros
///   AnyArray b = AnyArray::make('h', std::vector{1, 2});    or AnyArray::of('h', {1, 2})
///   AnyArray c = AnyArray::make('c', "hello");
///   AnyArray d = AnyArray::make(segment["prices"], 'd', 1024);
///
/// What comes out is an `AnyScalar`; what goes in is converted as in Python: integers wrap
/// silently, `f` and `d` take any number (1e39 is infinite as `f`), a float or a character for an
/// integer is InvalidArgument, as is anything but a char for `c` and anything but a wchar_t for
/// `u`. Whatever fails leaves everything as it was.
///
/// Each is a std::variant of the typed handles, which `visit` gives, so all that value.hpp and
/// array.hpp promise holds: an AnyArray('d') and an Array<double> under one name are one object.
/// The price is a jump by type for each operation.

#include <lagoon/array.hpp>
#include <lagoon/print.hpp>
#include <lagoon/value.hpp>

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <optional>
#include <ranges>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace lagoon {

/// A scalar of any typecode, as Python knows it: a character, an integer or a float. An integer is
/// an int64_t unless it takes a uint64_t, so equal integers are equal, whatever they came from.
class AnyScalar : public std::variant<std::int64_t, std::uint64_t, double, char, wchar_t> {
 public:
  AnyScalar() = default;
  template <Scalar T>
  requires std::is_arithmetic_v<T> AnyScalar(T x)
  noexcept {  // NOLINT: converts by design
    if constexpr (std::is_same_v<T, char> || std::is_same_v<T, wchar_t>)
      emplace<T>(x);
    else if constexpr (std::is_floating_point_v<T>)
      emplace<double>(x);
    else if (std::in_range<std::int64_t>(+x))
      emplace<std::int64_t>(static_cast<std::int64_t>(x));
    else
      emplace<std::uint64_t>(static_cast<std::uint64_t>(x));
  }

  friend bool operator==(const AnyScalar& a, const AnyScalar& b) noexcept {
    return static_cast<const variant&>(a) == static_cast<const variant&>(b);
  }
};

namespace detail {

/// All that with_typecode knows.
inline constexpr auto typecodes = [] {
  constexpr auto is_known = [](char code) { return with_typecode(code, [](auto*) {}); };
  constexpr std::size_t count = [=] {
    std::size_t n = 0;
    for (char code = 0; code < 127; ++code) n += is_known(code) ? 1 : 0;
    return n;
  }();
  std::array<char, count> known{};
  std::size_t n = 0;
  for (char code = 0; code < 127; ++code)
    if (is_known(code)) known[n++] = code;
  return known;
}();

template <template <class> class Handle, class Indices>
struct VariantOf;
template <template <class> class Handle, std::size_t... I>
struct VariantOf<Handle, std::index_sequence<I...>> {
  using type = std::variant<Handle<typecode_t<typecodes[I]>>...>;
};
/// std::variant<Handle<T>…>, with a T for each of `typecodes`, in their order.
template <template <class> class Handle>
using ForTypecodes = typename VariantOf<Handle, std::make_index_sequence<typecodes.size()>>::type;

template <class T>
using DefaultValue = Value<T>;
template <class T>
using DefaultArray = Array<T>;

template <class R>
concept RangeOfScalars =
    std::ranges::input_range<R> && !std::is_array_v<std::remove_reference_t<R>> &&
    std::convertible_to<std::ranges::range_reference_t<R>, lagoon::AnyScalar>;

template <RangeOfScalars R>
std::vector<lagoon::AnyScalar> scalars_of(R&& range) {
  std::vector<lagoon::AnyScalar> out;
  for (auto&& x : range) out.emplace_back(lagoon::AnyScalar(x));
  return out;
}

}  // namespace detail

class AnyValue {
  using Typed = detail::ForTypecodes<detail::DefaultValue>;

 public:
  /// Zero. InvalidArgument for an unknown typecode, here and in all that follows.
  static AnyValue make(char typecode) { return make(Place{}, typecode); }
  static AnyValue make(char typecode, AnyScalar initial) {
    return make(Place{}, typecode, initial);
  }
  /// Found under that name, or made.
  static AnyValue make(const Place& place, char typecode);
  static AnyValue make(const Place& place, char typecode, AnyScalar initial);

  /// Of what was made, or found.
  [[nodiscard]] char typecode() const noexcept { return detail::typecodes[typed_.index()]; }
  [[nodiscard]] AnyScalar get() const;
  void set(AnyScalar x);
  /// f(Value<T>&), with the T of the typecode.
  template <class F>
  decltype(auto) visit(F&& f) {
    return std::visit(std::forward<F>(f), typed_);
  }
  template <class F>
  decltype(auto) visit(F&& f) const {
    return std::visit(std::forward<F>(f), typed_);
  }

 private:
  explicit AnyValue(Typed&& typed) noexcept : typed_(std::move(typed)) {}
  Typed typed_;
};

class AnyArray {
  using Typed = detail::ForTypecodes<detail::DefaultArray>;
  using Index = std::optional<std::ptrdiff_t>;

 public:
  /// n zeros.
  template <detail::Length N>
  static AnyArray make(char typecode, N n) {
    return make(Place{}, typecode, n);
  }
  /// The elements of a range.
  template <detail::RangeOfScalars R>
  static AnyArray make(char typecode, R&& range) {
    return make(Place{}, typecode, std::forward<R>(range));
  }
  static AnyArray make(char typecode, const char* text) {
    return make(Place{}, typecode, std::string_view(text));
  }
  static AnyArray of(char typecode, std::initializer_list<AnyScalar> elements) {
    return make_of(Place{}, typecode, std::span(elements.begin(), elements.size()));
  }
  /// Found under that name if it has this length, or made.
  template <detail::Length N>
  static AnyArray make(const Place& place, char typecode, N n) {
    return make_zeros(place, typecode, std::cmp_less(n, 0), static_cast<unsigned long long>(n));
  }
  template <detail::RangeOfScalars R>
  static AnyArray make(const Place& place, char typecode, R&& range) {
    return make_of(place, typecode, detail::scalars_of(std::forward<R>(range)));
  }

  /// Of what was made, or found.
  [[nodiscard]] char typecode() const noexcept { return detail::typecodes[typed_.index()]; }
  [[nodiscard]] std::size_t size() const noexcept;
  /// OutOfRange for an index that is not below size().
  [[nodiscard]] AnyScalar get(std::size_t i) const;
  void set(std::size_t i, AnyScalar x);
  /// All elements as they were together at one moment.
  [[nodiscard]] std::vector<AnyScalar> snapshot() const { return slice(); }
  /// Python's a[start:stop:step].
  [[nodiscard]] std::vector<AnyScalar> slice(Index start = {}, Index stop = {},
                                             std::ptrdiff_t step = 1) const;
  /// Python's a[start:stop:step] = values, as one write.
  template <detail::RangeOfScalars R>
  void assign_slice(Index start, Index stop, std::ptrdiff_t step, R&& values) {
    assign(start, stop, step, detail::scalars_of(std::forward<R>(values)));
  }
  template <detail::RangeOfScalars R>
  void assign_slice(Index start, Index stop, R&& values) {
    assign_slice(start, stop, 1, std::forward<R>(values));
  }
  /// f(Array<T>&), with the T of the typecode.
  template <class F>
  decltype(auto) visit(F&& f) {
    return std::visit(std::forward<F>(f), typed_);
  }
  template <class F>
  decltype(auto) visit(F&& f) const {
    return std::visit(std::forward<F>(f), typed_);
  }

 private:
  explicit AnyArray(Typed&& typed) noexcept : typed_(std::move(typed)) {}
  static AnyArray make_zeros(const Place& place, char typecode, bool negative,
                             unsigned long long n);
  static AnyArray make_of(const Place& place, char typecode, std::span<const AnyScalar> elements);
  void assign(Index start, Index stop, std::ptrdiff_t step, std::span<const AnyScalar> values);
  Typed typed_;
};

namespace detail {
template <>
struct Text<lagoon::AnyScalar> {
  static std::string of(const lagoon::AnyScalar& x) {
    return std::visit([](auto y) { return text_of(y); }, x);
  }
};
template <class Any>
requires(std::same_as<Any, AnyValue> || std::same_as<Any, AnyArray>) struct Text<Any> {
  static std::string of(const Any& any) {
    return any.visit([](const auto& typed) { return str(typed); });
  }
};
}  // namespace detail

}  // namespace lagoon
