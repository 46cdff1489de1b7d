#pragma once
/// A Value or an Array of numbers or characters, of any mode, that some program has made: what it
/// is, its stamp says.

#include <lagoon/any.hpp>
#include <lagoon/lock.hpp>
#include <lagoon/object.hpp>
#include <lagoon/place.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

namespace lagoon::remote {

class SharedScalars {
 public:
  using Index = std::optional<std::ptrdiff_t>;

  /// TypeMismatch if its elements are none, or its lock is one of the application's.
  [[nodiscard]] static std::shared_ptr<SharedScalars> at(lagoon::detail::Handle handle);

  explicit SharedScalars(char typecode) noexcept : typecode_(typecode) {}
  SharedScalars(const SharedScalars&) = delete;
  SharedScalars& operator=(const SharedScalars&) = delete;
  virtual ~SharedScalars() = default;

  /// As Python has it; of a bool, 'B'.
  [[nodiscard]] char typecode() const noexcept { return typecode_; }
  [[nodiscard]] virtual std::size_t size() const noexcept = 0;
  [[nodiscard]] virtual AnyScalar get(std::size_t i) const = 0;
  virtual void set(std::size_t i, const AnyScalar& x) = 0;
  /// Element by element, where that is all that there is, or their lock is held.
  [[nodiscard]] virtual std::vector<AnyScalar> slice(Index start, Index stop,
                                                     std::ptrdiff_t step) const;
  /// InvalidArgument if they are not as many.
  virtual void assign_slice(Index start, Index stop, std::ptrdiff_t step,
                            const std::vector<AnyScalar>& values);
  /// What refers to it.
  [[nodiscard]] virtual Object reference() const = 0;
  /// To be held by who calls these; or null.
  [[nodiscard]] virtual RLock* lock() noexcept { return nullptr; }

 private:
  char typecode_;
};

}  // namespace lagoon::remote
