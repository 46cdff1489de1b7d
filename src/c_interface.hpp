#pragma once
/// What the files of the C interface (lagoon.h) have in common: how an exception becomes a status,
/// how arguments are checked, and which types there are.

#include <lagoon/lagoon.h>

#include <lagoon/condition.hpp>
#include <lagoon/core/futex.hpp>
#include <lagoon/lock.hpp>
#include <lagoon/locks/reader_writer.hpp>
#include <lagoon/place.hpp>
#include <lagoon/segment.hpp>
#include <lagoon/shared.hpp>
#include <lagoon/typecode.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

namespace lagoon::c_interface {

using detail::anything;
using detail::Attach;
using detail::ElementType;
using detail::Handle;
using detail::LockName;
using detail::Stamp;

// ---- Errors -------------------------------------------------------------------------------------

/// Of the exception that is being handled; its message is kept for lagoon_last_error.
lagoon_status status_of_current_exception() noexcept;

/// f(), which gives a status or nothing. No exception passes.
template <class F>
lagoon_status guarded(F&& f) noexcept {
  try {
    if constexpr (std::is_void_v<std::invoke_result_t<F&>>) {
      f();
      return lagoon_ok;
    } else {
      return f();
    }
  } catch (...) {
    return status_of_current_exception();
  }
}

[[noreturn]] void throw_null(const char* what);
[[noreturn]] void throw_not_in_mode(const Handle& handle, const char* what);

/// What an argument points to. InvalidArgument if it is NULL.
template <class T>
T& there(T* argument, const char* what) {
  if (argument == nullptr) [[unlikely]]
    throw_null(what);
  return *argument;
}
template <class T>
void give_if_wanted(T* to, std::type_identity_t<T> x) noexcept {
  if (to != nullptr) *to = x;
}
/// *to = make(), a handle; NULL if that throws.
template <class T, class F>
lagoon_status give(T** to, F&& make) noexcept {
  return guarded([&] {
    there(to, "the place for a handle") = nullptr;
    *to = make();
  });
}

core::Deadline deadline_in(double seconds);
inline lagoon_status ok_if(bool is, lagoon_status otherwise) noexcept {
  return is ? lagoon_ok : otherwise;
}

// ---- Where an object is -------------------------------------------------------------------------

Place place_of(const lagoon_segment* segment, const char* name);
/// NotFound; TypeMismatch unless it is as was asked for.
Handle found(const lagoon_segment* segment, const char* name, const Stamp& asked,
             bool will_only_read = false);
template <class T>
T found(const lagoon_segment* segment, const char* name) {
  return Attach::make<T>(found(segment, name, T::stamp(Stamp::any_count)));
}
inline Stamp of_kind(Stamp::Kind kind) {
  return {.kind = kind, .mode = {}, .asked = Stamp::Asked::of_kind};
}
[[noreturn]] void throw_other(const Handle& handle, const std::string& asked);
/// Of a value or an array: TypeMismatch, ReadOnly unless it can be read here, if it has a lock.
void check_lock(const Handle& handle);

// ---- Types --------------------------------------------------------------------------------------

/// Of integers the ones of stdint.h: of two that are as wide there is one.
template <class T>
struct AsWide {
  using type = T;
};
template <>
struct AsWide<long long> {
  using type = std::int64_t;
};
template <>
struct AsWide<unsigned long long> {
  using type = std::uint64_t;
};

/// f(null pointer to the T of the typecode). InvalidArgument if there is none.
template <class F>
void with_type(char typecode, F&& f) {
  if (typecode == '?') return f(static_cast<bool*>(nullptr));
  const bool is_known = lagoon::with_typecode(
      typecode, [&]<class T>(T*) { f(static_cast<typename AsWide<T>::type*>(nullptr)); });
  if (!is_known) throw InvalidArgument("there is no typecode " + std::to_string(typecode));
}

/// One for each type.
template <class T>
inline constexpr char code_of = [] {
  for (const char code : std::string_view("cbBuhHiIqQfd")) {
    bool is = false;
    lagoon::with_typecode(code,
                          [&]<class U>(U*) { is = std::is_same_v<T, typename AsWide<U>::type>; });
    if (is) return code;
  }
  return '?';
}();

/// The typecode of what lies there, of the one that was asked for. TypeMismatch if it is none, or
/// another; zero asks for any.
char code_in(const Handle& handle, char asked);

/// How a T is passed: a bool as a byte.
template <class T>
using Passed = std::conditional_t<std::is_same_v<T, bool>, std::uint8_t, T>;
template <class T>
T taken(Passed<T> x) noexcept {
  if constexpr (std::is_same_v<T, bool>)
    return x != 0;
  else
    return x;
}

/// What a handle to a value or an array begins with.
struct Typed {
  Typed(char typecode, Stamp::Mode kept) noexcept : code(typecode), mode(kept) {}
  Typed(const Typed&) = delete;
  Typed& operator=(const Typed&) = delete;
  virtual ~Typed() = default;
  [[nodiscard]] virtual const Handle& handle() const noexcept = 0;

  const char code;
  const Stamp::Mode mode;
  bool is_read_only = false;
};
[[noreturn]] void throw_type(const Typed& typed, char asked);
[[noreturn]] void throw_read_only(const Typed& typed);
/// Nobody waits for a reader that may not write: look that the memory was still this object's.
void check_still_there(const Typed& typed);

template <class T, class Self>
Self& typed(Self* self) {
  Self& it = there(self, "the handle");
  if (it.code != code_of<T>) [[unlikely]]
    throw_type(it, code_of<T>);
  return it;
}
template <class T, class Self>
Self& writable(Self* self) {
  Self& it = typed<T>(self);
  if (it.is_read_only) [[unlikely]]
    throw_read_only(it);
  return it;
}

// ---- Locks --------------------------------------------------------------------------------------

/// One that lies in another object.
struct LockWithin {
  RLock lock;
  Handle keeps;
};
using AnyLock = std::variant<Lock, RLock, LockWithin, Shared<locks::ReaderWriterLock>,
                             std::shared_ptr<Condition>>;
lagoon_lock* lock_within(RLock& lock, const Handle& of);

}  // namespace lagoon::c_interface

struct lagoon_segment {
  lagoon::Segment segment;
};
