#pragma once
/// `Shared<T>`: one T of your own, in place, in shared memory; a handle to it.
///
///   struct Book {
///     explicit Book(lagoon::core::Participants& table) : lock(table) {}
///     lagoon::locks::ReaderWriterLock lock;
///     double prices[64];
///   };
///   lagoon::Shared<Book> book;                      in this process's heap, for its children
///   lagoon::Shared<Book> book{segment["book"]};     under a name: found, or made
///   const std::shared_lock guard(book->lock);
///
/// T is made by T(table of participants, args...) if it can be, else by T(args...), in memory that
/// nobody else sees yet; if that throws, nothing was made. It must not care at which address it
/// lies, and is never destroyed: nobody runs destructors in shared memory. Under a name it needs a
/// `type_name`. What a crash leaves is what T makes of it.

#include <lagoon/place.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <new>
#include <string>
#include <type_traits>
#include <utility>

namespace lagoon {

namespace detail {

/// Makes a T in place.
template <class T, class... Args>
void construct_in_place(std::byte* payload, core::Participants& table, Args&&... args) {
  if constexpr (std::constructible_from<T, core::Participants&, Args...>)
    new (payload) T(table, std::forward<Args>(args)...);
  else
    new (payload) T(std::forward<Args>(args)...);
}

[[noreturn]] inline void throw_moved_from() {
  throw UsageError("this handle was moved from: it refers to nothing");
}

template <class T, class... Args>
concept MadeInPlaceOf =
    std::constructible_from<T, core::Participants&, Args...> || std::constructible_from<T, Args...>;

/// A handle to a State in a place, or a view of one that lies in something else.
template <class State>
class Handled {
 public:
  /// Whether the object was erased.
  [[nodiscard]] bool gone() const noexcept { return has_handle() && handle_.gone(); }

 protected:
  friend Attach;
  template <class... Args>
  Handled(const Place& place, const Stamp& stamp, std::size_t bytes, Args&&... args)
      : Handled(
            make_or_find(place, stamp, bytes, [&](std::byte* payload, core::Participants& table) {
              construct_in_place<State>(payload, table, std::forward<Args>(args)...);
            })) {}
  explicit Handled(Handle handle) noexcept
      : state_(reinterpret_cast<State*>(handle.payload())), handle_(std::move(handle)) {}
  explicit Handled(State& state) noexcept : state_(&state) {}
  Handled(Handled&& other) noexcept
      : state_(std::exchange(other.state_, nullptr)), handle_(std::move(other.handle_)) {}
  Handled& operator=(Handled&& other) noexcept {
    std::swap(state_, other.state_);
    handle_ = std::move(other.handle_);
    return *this;
  }
  ~Handled() = default;

  [[nodiscard]] bool has_handle() const noexcept { return handle_.payload() != nullptr; }
  /// Such as "'door' (Lock) in segment 'house'"; of a view, what it is called.
  [[nodiscard]] std::string describe(const char* what) const {
    return has_handle() ? handle_.describe() : std::string("the ") + what;
  }
  [[noreturn]] void throw_gone() const {
    if (has_handle()) handle_.throw_gone();
    if (state_ == nullptr) throw_moved_from();
    throw Gone("the object that this is a part of was erased");
  }

  State* state_;
  Handle handle_;
};

}  // namespace detail

template <class T>
class Shared : public detail::Handled<T> {
  static_assert(std::is_trivially_destructible_v<T>, "nobody runs destructors in shared memory");
  static_assert(alignof(T) <= 64, "memory for objects is aligned to 64 bytes");
  using Base = detail::Handled<T>;

 public:
  template <class... Args>
  requires((!std::same_as<std::remove_cvref_t<Args>, Place> && ...) &&
           detail::MadeInPlaceOf<T, Args...>)  //
      explicit Shared(Args&&... args)
      : Base(Place{}, stamp(), sizeof(T), std::forward<Args>(args)...) {}
  template <class... Args>
  requires detail::MadeInPlaceOf<T, Args...>
  explicit Shared(const Place& place, Args&&... args)
      : Base(place, stamp(), sizeof(T), std::forward<Args>(args)...) {
    detail::check_named<T>();
  }

  [[nodiscard]] T& operator*() const noexcept { return *this->state_; }
  [[nodiscard]] T* operator->() const noexcept { return this->state_; }

  using is_shared_container = void;  // goes into Objects by reference (shared_object.hpp)
  static constexpr bool is_read_only = false;
  static detail::Stamp stamp(std::uint64_t = 1) noexcept {
    return {.kind = detail::Stamp::Kind::in_place,
            .mode = detail::Stamp::Mode::raw,
            .element = detail::ElementType::of<T>()};
  }

 private:
  friend struct detail::Attach;
  explicit Shared(detail::Handle handle) noexcept : Base(std::move(handle)) {}
};

}  // namespace lagoon
