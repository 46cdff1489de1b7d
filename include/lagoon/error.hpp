#pragma once
/// What can go wrong, as exceptions.
///
/// Each is the `std` exception that a C++ programmer would catch, plus the mix-in `lagoon::Error`,
/// so that `catch (const lagoon::Error& e)` takes every one of them and `e.message()` says the same
/// as `what()`. The mix-in has no `std::exception` base of its own: nothing is ambiguous.
/// A message names the object, what was found, what was expected and, where it helps, what to do.

#include <new>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>

namespace lagoon {

/// Common to all errors of this library.
class Error {
 public:
  virtual ~Error() = default;
  [[nodiscard]] virtual const char* message() const noexcept = 0;

 protected:
  Error() = default;
  Error(const Error&) = default;
  Error& operator=(const Error&) = default;
};

namespace detail {
/// `Standard` with the mix-in; `Standard` is any exception that is made from a string.
template <class Standard>
class ErrorAs : public Standard, public Error {
 public:
  explicit ErrorAs(const std::string& what) : Standard(what) {}
  [[nodiscard]] const char* message() const noexcept override { return this->what(); }
};
}  // namespace detail

/// An argument outside what the call accepts: a bad name, a wrong-sized slice, an unknown typecode.
struct InvalidArgument : detail::ErrorAs<std::invalid_argument> {
  using ErrorAs::ErrorAs;
};
/// An index outside the array, a key that is not there, a number that its type cannot hold.
struct OutOfRange : detail::ErrorAs<std::out_of_range> {
  using ErrorAs::ErrorAs;
};
/// Another type, mode or length than was asked for lies under this name, or in this Object.
struct TypeMismatch : detail::ErrorAs<std::invalid_argument> {
  using ErrorAs::ErrorAs;
};
/// A file that is no segment, is truncated, or was laid out by another version.
struct LayoutMismatch : detail::ErrorAs<std::runtime_error> {
  using ErrorAs::ErrorAs;
};
/// Nothing of that name.
struct NotFound : detail::ErrorAs<std::runtime_error> {
  using ErrorAs::ErrorAs;
};
/// `create` of a name that exists.
struct AlreadyExists : detail::ErrorAs<std::runtime_error> {
  using ErrorAs::ErrorAs;
};
/// The object behind this handle was erased.
struct Gone : detail::ErrorAs<std::runtime_error> {
  using ErrorAs::ErrorAs;
};
/// Writing through a read-only attachment.
struct ReadOnly : detail::ErrorAs<std::logic_error> {
  using ErrorAs::ErrorAs;
};
/// A call that the object's state forbids: release of a free lock, a nested write, start twice.
struct UsageError : detail::ErrorAs<std::logic_error> {
  using ErrorAs::ErrorAs;
};
/// The barrier was broken while this one waited, or before: by abort, a reset, a timeout, an action
/// that threw, or the death of one who waited.
struct BrokenBarrier : detail::ErrorAs<std::runtime_error> {
  using ErrorAs::ErrorAs;
};
/// A put found no room in time.
struct Full : detail::ErrorAs<std::runtime_error> {
  using ErrorAs::ErrorAs;
};
/// A get found nothing in time.
struct Empty : detail::ErrorAs<std::runtime_error> {
  using ErrorAs::ErrorAs;
};
/// What was waited for did not come in time: Python's TimeoutError.
struct TimeoutError : detail::ErrorAs<std::runtime_error> {
  using ErrorAs::ErrorAs;
};
/// A Pool's task has no result because its workers ended in the midst of it, or cannot begin.
struct WorkerDied : detail::ErrorAs<std::runtime_error> {
  using ErrorAs::ErrorAs;
};
/// A Pool's task threw what is no std::exception.
struct UnknownException : detail::ErrorAs<std::runtime_error> {
  using ErrorAs::ErrorAs;
};
/// The operating system refused; `code()` has its errno.
class SystemError : public std::system_error, public Error {
 public:
  SystemError(int error_number, const std::string& what)
      : std::system_error(error_number, std::generic_category(), what) {}
  [[nodiscard]] const char* message() const noexcept override { return what(); }
};
/// No memory: the segment has reached its reservation, or `/dev/shm` is full. Nothing was changed.
class OutOfMemory : public std::bad_alloc, public Error {
 public:
  explicit OutOfMemory(std::string what) : what_(std::move(what)) {}
  [[nodiscard]] const char* what() const noexcept override { return what_.what(); }
  [[nodiscard]] const char* message() const noexcept override { return what(); }

 private:
  std::runtime_error what_;  // copies without throwing, as an exception must
};

}  // namespace lagoon
