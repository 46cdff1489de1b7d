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
class OfArray final : public SharedScalars {
  using A = Array<T, Mode>;

 public:
  OfArray(Handle handle, char typecode)
      : SharedScalars(typecode), array_(Attach::make<A>(std::move(handle))) {}
  [[nodiscard]] std::size_t size() const noexcept override { return array_.size(); }
  [[nodiscard]] AnyScalar get(std::size_t i) const override { return array_.at(i); }
  void set(std::size_t i, const AnyScalar& x) override { array_.set(i, as<T>(x)); }
  [[nodiscard]] std::vector<AnyScalar> slice(Index start, Index stop,
                                             std::ptrdiff_t step) const override {
    std::vector<AnyScalar> all;
    for (const T x : array_.slice(start, stop, step)) all.emplace_back(x);
    return all;
  }
  void assign_slice(Index start, Index stop, std::ptrdiff_t step,
                    const std::vector<AnyScalar>& values) override {
    std::vector<T> all;
    for (const AnyScalar& x : values) all.push_back(as<T>(x));
    array_.assign_slice(start, stop, step, all);
  }
  [[nodiscard]] Object reference() const override {
    return lagoon::detail::ObjectOfShared<A>::into(array_);
  }
  [[nodiscard]] RLock* lock() noexcept override {
    if constexpr (std::is_same_v<Mode, mode::locked>)
      return &array_.get_lock();
    else
      return nullptr;
  }

 private:
  A array_;
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
  [[nodiscard]] std::vector<AnyScalar> slice(Index, Index, std::ptrdiff_t) const override {
    return {get(0)};
  }
  void assign_slice(Index, Index, std::ptrdiff_t, const std::vector<AnyScalar>& values) override {
    set(0, values.at(0));
  }
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
  if (handle.stamp().kind == Stamp::Kind::value) {
    if constexpr (std::is_same_v<Mode, mode::seqlocked>)
      return nullptr;  // which of scalars there are none
    else
      return std::make_shared<OfValue<T, Mode>>(std::move(handle), typecode);
  }
  return std::make_shared<OfArray<T, Mode>>(std::move(handle), typecode);
}

template <class T>
std::shared_ptr<SharedScalars> made(Handle&& handle, char typecode) {
  const Stamp stamp = handle.stamp();
  switch (stamp.mode) {
    case Stamp::Mode::atomic:
      return made<T, mode::atomic>(std::move(handle), typecode);
    case Stamp::Mode::seqlocked:
      return made<T, mode::seqlocked>(std::move(handle), typecode);
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

}  // namespace lagoon::remote
