#include <lagoon/any.hpp>

#include <lagoon/error.hpp>

namespace lagoon {

namespace {

std::string quoted(char typecode) {
  const bool is_visible = typecode > ' ' && typecode <= '~';
  return is_visible ? std::string{'\'', typecode, '\''}
                    : "number " + std::to_string(static_cast<unsigned char>(typecode));
}

/// f(null pointer to T) for the T of the typecode.
template <class F>
auto with_known_typecode(char typecode, F&& f) {
  using Result = decltype(f(static_cast<int*>(nullptr)));
  std::optional<Result> result;
  if (with_typecode(typecode, [&](auto* t) { result.emplace(f(t)); })) return std::move(*result);
  std::string table;
  for (const char code : detail::typecodes)
    with_typecode(code, [&]<class T>(T*) {
      table +=
          std::string(table.empty() ? "" : ", ") + code + ' ' + detail::ElementType::of<T>().text();
    });
  throw InvalidArgument("this type has no size: typecode " + quoted(typecode) +
                        " was found; expected one of " + table);
}

[[noreturn]] void throw_kind(char typecode, const std::string& type, const char* takes,
                             const AnyScalar& x) {
  static constexpr const char* kinds[] = {"integer", "integer", "float", "char", "wchar_t"};
  throw InvalidArgument("typecode " + quoted(typecode) + " (" + type + ") takes " + takes +
                        "; it was given the " + kinds[x.index()] + ' ' + str(x));
}

/// As Python stores it.
template <class T>
T converted(char typecode, const AnyScalar& x) {
  return std::visit(
      [&]<class U>(U y) -> T {
        constexpr bool is_number = !std::is_same_v<U, char> && !std::is_same_v<U, wchar_t>;
        if constexpr (std::is_same_v<T, U> || (is_number && detail::ConvertsTo<T, U>))
          return static_cast<T>(y);
        else
          throw_kind(typecode, detail::ElementType::of<T>().text(),
                     std::is_same_v<T, char>       ? "a char"
                     : std::is_same_v<T, wchar_t>  ? "a wchar_t"
                     : std::is_floating_point_v<T> ? "a number"
                                                   : "an integer",
                     x);
      },
      x);
}

template <class T>
std::vector<T> converted(char typecode, std::span<const AnyScalar> elements) {
  std::vector<T> out;
  out.reserve(elements.size());
  for (const AnyScalar& x : elements) out.push_back(converted<T>(typecode, x));
  return out;
}

}  // namespace

AnyValue AnyValue::make(const Place& place, char typecode) {
  return with_known_typecode(
      typecode, [&]<class T>(T*) { return AnyValue(Typed(std::in_place_type<Value<T>>, place)); });
}

AnyValue AnyValue::make(const Place& place, char typecode, AnyScalar initial) {
  return with_known_typecode(typecode, [&]<class T>(T*) {
    return AnyValue(Typed(std::in_place_type<Value<T>>, place, converted<T>(typecode, initial)));
  });
}

AnyScalar AnyValue::get() const {
  return visit([](const auto& value) { return AnyScalar(value.get()); });
}

void AnyValue::set(AnyScalar x) {
  visit([&]<class T>(Value<T>& value) { value.set(converted<T>(typecode(), x)); });
}

AnyArray AnyArray::make_zeros(const Place& place, char typecode, bool negative,
                              unsigned long long n) {
  return with_known_typecode(typecode, [&]<class T>(T*) {
    const std::size_t length = detail::checked_length(negative, n, sizeof(T));
    return AnyArray(Typed(std::in_place_type<Array<T>>, place, length));
  });
}

AnyArray AnyArray::make_of(const Place& place, char typecode, std::span<const AnyScalar> elements) {
  return with_known_typecode(typecode, [&]<class T>(T*) {
    return AnyArray(Typed(std::in_place_type<Array<T>>, place, converted<T>(typecode, elements)));
  });
}

std::size_t AnyArray::size() const noexcept {
  return visit([](const auto& array) { return array.size(); });
}

AnyScalar AnyArray::get(std::size_t i) const {
  return visit([&](const auto& array) { return AnyScalar(array.at(i)); });
}

void AnyArray::set(std::size_t i, AnyScalar x) {
  visit([&]<class T>(Array<T>& array) { array.at(i) = converted<T>(typecode(), x); });
}

std::vector<AnyScalar> AnyArray::slice(Index start, Index stop, std::ptrdiff_t step) const {
  return visit([&](const auto& array) {
    const auto elements = array.slice(start, stop, step);
    return std::vector<AnyScalar>(elements.begin(), elements.end());
  });
}

void AnyArray::assign(Index start, Index stop, std::ptrdiff_t step,
                      std::span<const AnyScalar> values) {
  visit([&]<class T>(Array<T>& array) {
    array.assign_slice(start, stop, step, converted<T>(typecode(), values));
  });
}

}  // namespace lagoon
