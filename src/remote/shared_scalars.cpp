#include "shared_scalars.hpp"

#include <lagoon/array.hpp>
#include <lagoon/shared_object.hpp>
#include <lagoon/value.hpp>

#include <type_traits>
#include <utility>
#include <variant>

namespace lagoon::remote {

namespace {

using lagoon::detail::Attach;
using lagoon::detail::ElementType;
using lagoon::detail::Handle;
using lagoon::detail::LockName;
using lagoon::detail::Stamp;

template <class T>
T as(const AnyScalar& x) {
  return std::visit([](auto y) { return static_cast<T>(y); },
                    static_cast<const AnyScalar::variant&>(x));
}

template <class T, class Mode>
class OfArray : public SharedScalars {
 public:
  OfArray(Handle handle, char typecode)
      : SharedScalars(typecode), array_(Attach::make<Array<T, Mode>>(std::move(handle))) {}
  [[nodiscard]] std::size_t size() const noexcept final { return array_.size(); }
  [[nodiscard]] AnyScalar get(std::size_t i) const final { return array_.at(i); }
  void set(std::size_t i, const AnyScalar& x) final { array_.set(i, as<T>(x)); }
  [[nodiscard]] Object reference() const final {
    return lagoon::detail::ObjectOfShared<Array<T, Mode>>::into(array_);
  }
  [[nodiscard]] RLock* lock() noexcept final {
    if constexpr (std::is_same_v<Mode, mode::locked>)
      return &array_.get_lock();
    else
      return nullptr;
  }

 protected:
  Array<T, Mode> array_;
};

/// Whose slices are of one moment.
template <class T>
class OfSeqlocked final : public OfArray<T, mode::seqlocked> {
  using Base = OfArray<T, mode::seqlocked>;
  using typename Base::Index;

 public:
  using Base::Base;
  [[nodiscard]] std::vector<AnyScalar> slice(Index start, Index stop,
                                             std::ptrdiff_t step) const override {
    std::vector<AnyScalar> all;
    for (const T x : this->array_.slice(start, stop, step)) all.emplace_back(x);
    return all;
  }
  void assign_slice(Index start, Index stop, std::ptrdiff_t step,
                    const std::vector<AnyScalar>& values) override {
    std::vector<T> all;
    for (const AnyScalar& x : values) all.push_back(as<T>(x));
    this->array_.assign_slice(start, stop, step, all);
  }
};

/// As an array of one.
template <class T, class Mode>
class OfValue final : public SharedScalars {
  using V = Value<T, Mode>;

 public:
  OfValue(Handle handle, char typecode)
      : SharedScalars(typecode), value_(Attach::make<V>(std::move(handle))) {}
  [[nodiscard]] std::size_t size() const noexcept override { return 1; }
  [[nodiscard]] AnyScalar get(std::size_t) const override { return value_.get(); }
  void set(std::size_t, const AnyScalar& x) override { value_.set(as<T>(x)); }
  [[nodiscard]] Object reference() const override {
    return lagoon::detail::ObjectOfShared<V>::into(value_);
  }
  [[nodiscard]] RLock* lock() noexcept override {
    if constexpr (std::is_same_v<Mode, mode::locked>)
      return &value_.get_lock();
    else
      return nullptr;
  }

 private:
  V value_;
};

template <class T, class Mode>
std::shared_ptr<SharedScalars> made(Handle&& handle, char typecode) {
  if (handle.stamp().kind == Stamp::Kind::value)
    return std::make_shared<OfValue<T, Mode>>(std::move(handle), typecode);
  return std::make_shared<OfArray<T, Mode>>(std::move(handle), typecode);
}

/// Null if it is of no mode that is known here.
template <class T>
std::shared_ptr<SharedScalars> made(Handle&& handle, char typecode) {
  const Stamp stamp = handle.stamp();
  switch (stamp.mode) {
    case Stamp::Mode::atomic:
      return made<T, mode::atomic>(std::move(handle), typecode);
    case Stamp::Mode::seqlocked:  // which of single scalars there are none
      if (stamp.kind == Stamp::Kind::value) return nullptr;
      return std::make_shared<OfSeqlocked<T>>(std::move(handle), typecode);
    case Stamp::Mode::raw:
      return made<T, mode::raw>(std::move(handle), typecode);
    case Stamp::Mode::locked:
      if (stamp.guard != LockName::of(type_name<RLock>)) return nullptr;
      return made<T, mode::locked>(std::move(handle), typecode);
  }
  return nullptr;
}

}  // namespace

std::shared_ptr<SharedScalars> SharedScalars::at(Handle handle) {
  const ElementType element = handle.stamp().element;
  const std::string what = handle.describe();
  std::shared_ptr<SharedScalars> scalars;
  // Of two typecodes for one type the one that is the same everywhere.
  for (const char code : {'b', 'B', 'h', 'H', 'i', 'I', 'q', 'Q', 'f', 'd', 'c', 'u'})
    lagoon::with_typecode(code, [&]<class T>(T*) {
      const ElementType known = ElementType::of<T>();
      if (known.kind == element.kind && known.size == element.size)
        scalars = made<T>(std::move(handle), code);
    });
  if (element.kind == ElementType::Kind::boolean) scalars = made<bool>(std::move(handle), 'B');
  if (scalars == nullptr)
    throw TypeMismatch(what +
                       " cannot be served: those are of integers, floats, bools and characters, in "
                       "mode atomic, seqlocked, raw, or locked by an RLock");
  return scalars;
}

std::vector<AnyScalar> SharedScalars::slice(Index start, Index stop, std::ptrdiff_t step) const {
  const auto slice = lagoon::detail::Slice::of(size(), start, stop, step);
  std::vector<AnyScalar> all;
  for (std::size_t k = 0; k < slice.count; ++k) all.push_back(get(slice.at(k)));
  return all;
}

void SharedScalars::assign_slice(Index start, Index stop, std::ptrdiff_t step,
                                 const std::vector<AnyScalar>& values) {
  const auto slice = lagoon::detail::Slice::of(size(), start, stop, step);
  if (slice.count != values.size())
    throw InvalidArgument("a slice of " + std::to_string(slice.count) + " elements was given " +
                          std::to_string(values.size()) +
                          "; a shared array does not change its length");
  for (std::size_t k = 0; k < slice.count; ++k) set(slice.at(k), values[k]);
}

}  // namespace lagoon::remote
