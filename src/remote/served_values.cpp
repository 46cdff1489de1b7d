#include <lagoon/any.hpp>

#include <algorithm>
#include <cstring>
#include <utility>

#include "pickle.hpp"
#include "python_array.hpp"
#include "python_error.hpp"
#include "python_items.hpp"
#include "served.hpp"
#include "shared_scalars.hpp"
#include "token.hpp"

namespace lagoon::remote {

namespace {

using Kind = Object::Kind;
template <class T>
concept PlainIntegerType = lagoon::detail::PlainInteger<T>;

bool is_float(char typecode) { return typecode == 'f' || typecode == 'd'; }

/// As ctypes and array take it for this typecode: an int beyond what it holds wraps.
AnyScalar scalar_in(const Object& x, char typecode) {
  if (typecode == 'c') {
    const bool is_one = x.kind() == Kind::bytes && x.size() == 1;
    if (!is_one) raise_type_error("one character bytes, bytearray or integer expected");
    return static_cast<char>(x.get<std::span<const std::byte>>()[0]);
  }
  if (typecode == 'u') {
    if (x.kind() != Kind::str || x.size() != 1)
      raise_type_error("a unicode character expected, not instance of " +
                       std::string(x.type_name()));
    const auto text = x.get<std::string_view>();
    std::uint32_t c = static_cast<unsigned char>(text[0]);
    if (text.size() > 1) c &= (1U << (7 - text.size())) - 1;
    for (std::size_t i = 1; i < text.size(); ++i)
      c = c << 6 | (static_cast<unsigned char>(text[i]) & 0x3f);
    return static_cast<wchar_t>(c);
  }
  if (x.kind() == Kind::boolean) return x.get<bool>() ? 1 : 0;
  if (is_float(typecode)) {
    if (x.kind() != Kind::real && x.kind() != Kind::integer)
      raise_type_error("must be real number, not " + std::string(x.type_name()));
    return x.get<double>();
  }
  if (x.kind() != Kind::integer)
    raise_type_error("'" + std::string(x.type_name()) +
                     "' object cannot be interpreted as an integer");
  AnyScalar scalar;
  lagoon::with_typecode(typecode, [&](auto* type) {
    using T = std::remove_pointer_t<decltype(type)>;
    if constexpr (PlainIntegerType<T>) {
      try {
        scalar = x.get<T>();
      } catch (const OutOfRange&) {  // where ctypes would wrap, as no manager of Python's does
        raise("OverflowError",
              x < Object(0) ? "integer is less than minimum" : "integer is greater than maximum");
      }
    }
  });
  return scalar;
}

std::vector<AnyScalar> scalars_in(const Object& x, char typecode) {
  if (typecode == 'c' && x.kind() == Kind::bytes)
    return scalars_in_bytes(x.get<std::span<const std::byte>>(), typecode);
  if (auto all = scalars_in_array(x)) return *std::move(all);
  std::vector<AnyScalar> all;
  for (const Object& item : items_of(x)) all.push_back(scalar_in(item, typecode));
  return all;
}

/// Of one that has a lock, that: for as long as this call waits for it.
class Held {
 public:
  Held(SharedScalars& scalars, const Caller& caller) : lock_(scalars.lock()) {
    if (lock_ != nullptr && !lock_->acquire_until(caller.never()))
      raise("ConnectionAbortedError", "the client has gone");
  }
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;
  ~Held() {
    if (lock_ != nullptr) lock_->unlock();
  }

 private:
  RLock* lock_;
};

/// What a manager's Value is to Python.
Object value_object(const Object& typecode, const Object& x) {
  Object state = Object::dict();
  state.set_item("_typecode", typecode);
  state.set_item("_value", x);
  return Object::opaque(
      "multiprocessing.managers.Value", "Nb",
      {global("multiprocessing.managers", "Value"), Object::tuple(), std::move(state)});
}
std::string class_or_repr(const Object& x) {
  if (x.kind() != Kind::opaque || x.opaque_kind() != "global") return x.repr();
  std::string name(x.opaque_bytes());
  std::replace(name.begin(), name.end(), '\n', '.');
  return "<class '" + (name.starts_with("builtins.") ? name.substr(9) : name) + "'>";
}

class ServedValue final : public ServedAs<ServedValue> {
 public:
  static constexpr std::string_view name = "Value";
  explicit ServedValue(std::shared_ptr<SharedScalars> value) : value_(std::move(value)) {}
  [[nodiscard]] Object reference() const override { return value_->reference(); }
  [[nodiscard]] std::string repr() const override {
    return "Value('" + std::string(1, value_->typecode()) + "', " +
           object_of_scalar(value_->get(0)).repr() + ")";
  }
  [[nodiscard]] Object value() const override {
    const char typecode = value_->typecode();
    return value_object(std::string_view(&typecode, 1), object_of_scalar(value_->get(0)));
  }

  Reply get(Arguments& a, Caller& caller) {
    a.end();
    const Held held(*value_, caller);
    return {object_of_scalar(value_->get(0))};
  }
  Reply set(Arguments& a, Caller& caller) {
    const Object& x = a.take("value");
    a.end();
    const Held held(*value_, caller);
    value_->set(0, scalar_in(x, value_->typecode()));
    return {};
  }

  static constexpr Method<ServedValue> methods[] = {
      {"get", &ServedValue::get, Takes::function("Value", 0, 0)},
      {"set", &ServedValue::set, Takes::function("Value", 1, 1)},
  };

 private:
  std::shared_ptr<SharedScalars> value_;
};

class ServedAnyValue final : public ServedAs<ServedAnyValue> {
 public:
  static constexpr std::string_view name = "Value";
  ServedAnyValue(List<> one, Object typecode)
      : one_(std::move(one)), typecode_(std::move(typecode)) {}
  [[nodiscard]] Object reference() const override { return reference_and(name, one_, typecode_); }
  [[nodiscard]] std::string repr() const override {
    return "Value(" + class_or_repr(typecode_) + ", " + one_.at(0).repr() + ")";
  }
  [[nodiscard]] Object value() const override { return value_object(typecode_, one_.at(0)); }

  Reply get(Arguments& a, Caller&) {
    a.end();
    return {one_.at(0)};
  }
  Reply set(Arguments& a, Caller&) {
    const Object& x = a.take("value");
    a.end();
    one_.set(0, x);
    return {};
  }

  static constexpr Method<ServedAnyValue> methods[] = {
      {"get", &ServedAnyValue::get, Takes::function("Value", 0, 0)},
      {"set", &ServedAnyValue::set, Takes::function("Value", 1, 1)},
  };

 private:
  List<> one_;
  Object typecode_;
};

class ServedArray final : public ServedAs<ServedArray> {
 public:
  static constexpr std::string_view name = "Array";
  explicit ServedArray(std::shared_ptr<SharedScalars> array) : array_(std::move(array)) {}
  [[nodiscard]] Object reference() const override { return array_->reference(); }
  [[nodiscard]] std::string repr() const override {
    return "array('" + std::string(1, array_->typecode()) + "', " +
           list_of_scalars(array_->slice({}, {}, 1)).repr() + ")";
  }
  [[nodiscard]] Object value() const override {
    return array_of(array_->slice({}, {}, 1), array_->typecode());
  }

  Reply size(Arguments& a, Caller&) {
    a.end();
    return {array_->size()};
  }
  Reply at(Arguments& a, Caller& caller) {
    const Object& key = a.take("key");
    a.end();
    const Held held(*array_, caller);
    if (const auto slice = slice_in(key))
      return {array_of(array_->slice(slice->start, slice->stop, slice->step), array_->typecode())};
    return {object_of_scalar(array_->get(place_of(key, "array index out of range")))};
  }
  Reply set(Arguments& a, Caller& caller) {
    const Object& key = a.take("key");
    const Object& value = a.take("value");
    a.end();
    const Held held(*array_, caller);
    if (const auto slice = slice_in(key))
      array_->assign_slice(slice->start, slice->stop, slice->step,
                           scalars_in(value, array_->typecode()));
    else
      array_->set(place_of(key, "array assignment index out of range"),
                  scalar_in(value, array_->typecode()));
    return {};
  }

  static constexpr Method<ServedArray> methods[] = {
      {"__len__", &ServedArray::size, Takes::slot(0)},
      {"__getitem__", &ServedArray::at, Takes::slot(1)},
      {"__setitem__", &ServedArray::set, Takes::unpacked_slot(2)},
  };

 private:
  [[nodiscard]] std::size_t place_of(const Object& key, const char* says) const {
    if (key.kind() != Kind::integer && key.kind() != Kind::boolean)
      raise_type_error("array indices must be integers");
    const auto size = static_cast<std::int64_t>(array_->size());
    Object place = key.kind() == Kind::boolean ? Object(key.get<bool>() ? 1 : 0) : key;
    if (place < Object(0)) place += size;
    if (place < Object(0) || place >= Object(size)) raise("IndexError", says);
    return place.get<std::size_t>();
  }

  std::shared_ptr<SharedScalars> array_;
};

class ServedRegistered final : public Served {
 public:
  ServedRegistered(Object shared, std::string_view type, std::vector<std::string> methods)
      : shared_(std::move(shared)), type_(type), methods_(std::move(methods)) {}
  [[nodiscard]] std::string_view type() const noexcept override { return type_; }
  [[nodiscard]] std::vector<std::string_view> exposed() const override {
    return {methods_.begin(), methods_.end()};
  }
  [[nodiscard]] std::string repr() const override { return shared_.repr(); }
  [[nodiscard]] Object reference() const override { return shared_; }
  std::optional<Reply> call(std::string_view method, Arguments& arguments, Caller&) override {
    if (std::find(methods_.begin(), methods_.end(), method) == methods_.end()) return std::nullopt;
    const auto given = arguments.take_rest();
    arguments.end();
    return Reply{in_its_words([&] { return lagoon::detail::call_method(shared_, method, given); })};
  }

 private:
  Object shared_;
  std::string type_;
  std::vector<std::string> methods_;
};

lagoon::detail::Handle handle_of(const auto& object) {
  return lagoon::detail::Attach::handle_of(object).again();
}

}  // namespace

bool is_typecode(const Object& x) {
  const auto& all = lagoon::detail::typecodes;
  return x.kind() == Kind::str &&
         std::any_of(std::begin(all), std::end(all),
                     [&](const char& code) { return x == std::string_view(&code, 1); });
}

char typecode_in(const Object& x) {
  if (is_typecode(x)) return x.get<std::string_view>()[0];
  if (x.kind() != Kind::str || x.size() != 1)
    raise_type_error("array() argument 1 must be a unicode character, not " +
                     std::string(x.type_name()));
  raise("ValueError", "bad typecode (must be b, B, u, h, H, i, I, l, L, q, Q, f or d)");
}

std::shared_ptr<Served> serve_any_value(List<> one, Object typecode) {
  return std::make_shared<ServedAnyValue>(std::move(one), std::move(typecode));
}

std::shared_ptr<Served> serve_value(const Place& place, char typecode, const Object& initial) {
  const AnyValue made = AnyValue::make(place, typecode, scalar_in(initial, typecode));
  return made.visit([](const auto& value) { return serve_scalars(handle_of(value)); });
}

std::shared_ptr<Served> serve_array(const Place& place, char typecode, const Object& initial) {
  const AnyArray made = initial.kind() == Kind::integer
                            ? AnyArray::make(place, typecode, initial.get<long long>())
                            : AnyArray::make(place, typecode, scalars_in(initial, typecode));
  return made.visit([](const auto& array) { return serve_scalars(handle_of(array)); });
}

std::shared_ptr<Served> serve_scalars(lagoon::detail::Handle handle) {
  const bool is_array = handle.stamp().kind == lagoon::detail::Stamp::Kind::array;
  auto scalars = SharedScalars::at(std::move(handle));
  if (is_array) return std::make_shared<ServedArray>(std::move(scalars));
  return std::make_shared<ServedValue>(std::move(scalars));
}

std::shared_ptr<Served> serve_registered(Object shared, std::string_view type,
                                         std::vector<std::string> methods) {
  return std::make_shared<ServedRegistered>(std::move(shared), type, std::move(methods));
}

}  // namespace lagoon::remote
