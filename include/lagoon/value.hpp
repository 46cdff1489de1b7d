#pragma once
/// `Value<T>`: one value shared between processes; Python's `Value` and `RawValue`.
///
///   Value<int> v{0};                          in this process's heap, for its children
///   Value<int> v{segment["orders"], 0};       under a name: found, or made with this value
///   Value<int, mode::locked> v{0};            Python's: beside its own RLock
///   Value<int, mode::locked> v{0, lock};      beside one that others use too (it must outlive v)
///   Value<int, mode::raw> v{0};               RawValue: plain memory
///   Value<const int>                          through a read-only segment: segment.find
///
/// Which T: the scalars of the typecode table, bool, enums; any trivially copyable struct without
/// pointers. Integers wrap on the way in, as in Python; a float for an int does not compile.
///
/// By default a scalar is one atomic word and a struct is kept in copies (cell.hpp): reading never
/// waits, a writer waits only for a writer that lives, a crash leaves the value before or after.
/// Locked: blocking; a crash of the lock's owner leaves the value as it was then, and the next one
/// to acquire is told (lock.hpp). get, set and update acquire too, and have nobody to tell:
/// get_lock().owner_died() stays true until get_lock().mark_consistent(). Raw: no promise but that
/// aligned scalars are not torn by the machine.
///
/// A handle is move-only. Children inherit it by fork; a child's copy ends nothing. A handle whose
/// object was erased throws Gone, except that of a scalar or raw value (their operations are bare
/// instructions): they go on working on memory that is no longer anybody else's; `gone()` tells.

#include <lagoon/cell.hpp>
#include <lagoon/lock.hpp>
#include <lagoon/place.hpp>

#include <atomic>
#include <chrono>
#include <mutex>
#include <optional>
#include <type_traits>
#include <utility>

namespace lagoon {

namespace mode {
/// One atomic word (each element of an array).
struct atomic {};
/// Kept in copies; consistent snapshots that nobody has to wait for.
struct seqlocked {};
/// Plain memory.
struct raw {};
/// Plain memory beside a lock of this type.
template <class L>
struct locked_by {};
/// Python's: beside a recursive lock.
using locked = locked_by<RLock>;
}  // namespace mode

namespace detail {

template <class T>
using DefaultValueMode =
    std::conditional_t<Scalar<std::remove_const_t<T>>, mode::atomic, mode::seqlocked>;

template <class T>
consteval Stamp value_stamp(Stamp::Mode mode, Stamp::Begins begins = Stamp::Begins::otherwise,
                            std::uint8_t copies = 1) {
  return {.kind = Stamp::Kind::value,
          .mode = mode,
          .begins = begins,
          .copies = copies,
          .element = ElementType::of<T>()};
}

template <class T, class Mode>
struct CellIn;
template <class T>
struct CellIn<T, mode::atomic> {
  using type = AtomicCell<T>;
};
template <class T>
struct CellIn<T, mode::seqlocked> {
  using type = VersionedCell<T>;
};

/// A Lock is no RLock, neither alone nor beside a value.
template <class L>
inline constexpr Stamp::Mode locked_mode =
    std::is_same_v<L, RLock> ? Stamp::Mode::locked : Stamp::Mode::locked_by_lock;

/// What every Value has: where it lies.
class ValueBase {
 public:
  /// Whether the object was erased.
  [[nodiscard]] bool gone() const noexcept { return handle_.gone(); }

 protected:
  explicit ValueBase(Handle handle) noexcept : handle_(std::move(handle)) {}
  ValueBase(ValueBase&&) noexcept = default;
  ValueBase& operator=(ValueBase&&) noexcept = default;
  ~ValueBase() = default;
  template <class Inside>
  [[nodiscard]] Inside& inside() const noexcept {
    return *reinterpret_cast<Inside*>(handle_.payload());
  }
  Handle handle_;
};

}  // namespace detail

template <class T, class Mode = detail::DefaultValueMode<T>>
class Value;

/// A scalar: each operation is one atomic instruction (update: a loop of them).
template <Scalar T>
class Value<T, mode::atomic> : public detail::ValueBase {
  using InPlace = AtomicCell<T>;
  static constexpr bool counts = std::is_arithmetic_v<T> && !std::is_same_v<T, bool>;

 public:
  using value_type = T;

  Value() : Value(T{}) {}
  template <class U>
  requires detail::ConvertsTo<T, U>
  explicit Value(U initial) : Value(Place{}, detail::stored<T>(initial), 0) {}
  /// Found under that name, or made with `initial`.
  template <class U = T>
  requires detail::ConvertsTo<T, U>
  explicit Value(const Place& place, U initial = U{})
      : Value(place, detail::stored<T>(initial), 0) {}

  Value(Value&&) noexcept = default;
  Value& operator=(Value&&) noexcept = default;

  [[nodiscard]] T get(std::memory_order order = std::memory_order_seq_cst) const noexcept {
    return cell().get(order);
  }
  template <class U>
  requires detail::ConvertsTo<T, U>
  void set(U x, std::memory_order order = std::memory_order_seq_cst) noexcept {
    cell().set(detail::stored<T>(x), order);
  }
  template <class U>
  requires detail::ConvertsTo<T, U> T
  operator=(U x) noexcept {  // NOLINT: returns the value, as std::atomic's does
    set(x);
    return detail::stored<T>(x);
  }
  operator T() const noexcept { return get(); }

  template <class U>
  requires detail::ConvertsTo<T, U> T exchange(U x,
                                               std::memory_order order = std::memory_order_seq_cst)
  noexcept { return cell().exchange(detail::stored<T>(x), order); }
  /// On failure `expected` becomes what was found.
  template <class U>
  requires detail::ConvertsTo<T, U>
  bool compare_exchange(T& expected, U desired,
                        std::memory_order order = std::memory_order_seq_cst) noexcept {
    return cell().compare_exchange(expected, detail::stored<T>(desired), order);
  }
#define LAGOON_FETCH(name)                                                                \
  template <class U>                                                                      \
  requires(detail::ConvertsTo<T, U> && requires(InPlace & c, T y) { c.name(y); }) T name( \
      U x, std::memory_order order = std::memory_order_seq_cst)                           \
  noexcept { return cell().name(detail::stored<T>(x), order); }
  LAGOON_FETCH(fetch_add)
  LAGOON_FETCH(fetch_sub)
  LAGOON_FETCH(fetch_and)
  LAGOON_FETCH(fetch_or)
  LAGOON_FETCH(fetch_xor)
#undef LAGOON_FETCH
  /// The compound operators return the new value.
#define LAGOON_COMPOUND(symbol, fetch, op)                                           \
  template <class U>                                                                 \
  requires(detail::ConvertsTo<T, U> && requires(InPlace & c, T y) { c.fetch(y); }) T \
  operator symbol(U x) noexcept {                                                    \
    using W = detail::Wrapping<T>;                                                   \
    const T y = detail::stored<T>(x);                                                \
    return static_cast<T>(static_cast<W>(cell().fetch(y)) op static_cast<W>(y));     \
  }
  LAGOON_COMPOUND(+=, fetch_add, +)
  LAGOON_COMPOUND(-=, fetch_sub, -)
  LAGOON_COMPOUND(&=, fetch_and, &)
  LAGOON_COMPOUND(|=, fetch_or, |)
  LAGOON_COMPOUND(^=, fetch_xor, ^)
#undef LAGOON_COMPOUND
  T operator++() noexcept requires counts { return *this += T{1}; }
  T operator++(int) noexcept requires counts { return fetch_add(T{1}); }
  T operator--() noexcept requires counts { return *this -= T{1}; }
  T operator--(int) noexcept requires counts { return fetch_sub(T{1}); }
  /// value = f(value) as one step; f may run more than once. Returns the new value.
  template <class F>
  T update(F&& f, std::memory_order order = std::memory_order_seq_cst) {
    return cell().update(std::forward<F>(f), order);
  }

  /// Waits until the value is another than `old`. Whoever changes it calls notify.
  void wait(T old) const noexcept { (void)cell().wait_until(old, core::Deadline::never()); }
  /// False if the time was over first.
  template <class Rep, class Period>
  [[nodiscard]] bool wait_for(T old, std::chrono::duration<Rep, Period> d) const noexcept {
    return cell().wait_until(old, core::Deadline::after(d));
  }
  template <class Duration>
  [[nodiscard]] bool wait_until(
      T old, std::chrono::time_point<std::chrono::steady_clock, Duration> t) const noexcept {
    return cell().wait_until(old, core::Deadline::at(t));
  }
  void notify_one() noexcept { cell().notify_one(); }
  void notify_all() noexcept { cell().notify_all(); }

  static detail::Stamp stamp(std::uint64_t = 1) noexcept {
    return detail::value_stamp<T>(detail::Stamp::Mode::atomic);
  }
  static constexpr bool is_read_only = false;

 private:
  friend struct detail::Attach;
  explicit Value(detail::Handle handle) noexcept : ValueBase(std::move(handle)) {}
  Value(const Place& place, T initial, int)
      : ValueBase(detail::make_or_find(
            place, stamp(), sizeof(InPlace),
            [&](std::byte* payload, core::Participants&) { new (payload) InPlace(initial); })) {
    detail::check_shareable<T>();
  }
  [[nodiscard]] InPlace& cell() const noexcept { return inside<InPlace>(); }
};

/// A struct, kept in copies.
template <class T>
requires(!std::is_const_v<T>) class Value<T, mode::seqlocked> : public detail::ValueBase {
  using InPlace = VersionedCell<T>;

 public:
  using value_type = T;

  Value() requires std::default_initializable<T> : Value(T{}) {}
  explicit Value(const T& initial) requires(!std::is_arithmetic_v<T>)
      : Value(Place{}, initial, 0) {}
  template <class U>
  requires(std::is_arithmetic_v<T>&& detail::ConvertsTo<T, U>) explicit Value(U initial)
      : Value(Place{}, detail::stored<T>(initial), 0) {}
  explicit Value(const Place& place, const T& initial = T{}) requires(!std::is_arithmetic_v<T>)
      : Value(place, initial, 0) {
    detail::check_named<T>();
  }
  template <class U = T>
  requires(std::is_arithmetic_v<T>&& detail::ConvertsTo<T, U>) explicit Value(const Place& place,
                                                                              U initial = U{})
      : Value(place, detail::stored<T>(initial), 0) {}

  [[nodiscard]] T get() const { return cell().get(); }
  void set(const T& x) requires(!std::is_arithmetic_v<T>) { cell().set(x); }
  template <class U>
  requires(std::is_arithmetic_v<T>&& detail::ConvertsTo<T, U>) void set(U x) {
    cell().set(detail::stored<T>(x));
  }
  Value& operator=(const T& x) requires(!std::is_arithmetic_v<T>) {
    set(x);
    return *this;
  }
  template <class U>
  requires(std::is_arithmetic_v<T>&& detail::ConvertsTo<T, U>) Value& operator=(U x) {
    set(x);
    return *this;
  }
  operator T() const { return get(); }
  T exchange(const T& x) { return cell().exchange(x); }
  bool compare_exchange(T& expected, const T& desired) requires std::equality_comparable<T> {
    return cell().compare_exchange(expected, desired);
  }
  /// Changes the value by f(T&), or to f(value), as one step; f runs once. If it throws, nothing
  /// is published. Returns the new value.
  template <class F>
  T update(F&& f) {
    return cell().update(std::forward<F>(f));
  }
  /// One at first; grows by one with each write.
  [[nodiscard]] std::uint64_t version() const noexcept { return cell().version(); }
  /// Copies the value out if it was written since `version`, which becomes the new one. Begin with
  /// zero to have the first value too.
  bool read_if_newer(std::uint64_t& version, T& out) const {
    return cell().read_if_newer(version, out);
  }

  static detail::Stamp stamp(std::uint64_t = 1) noexcept {
    return detail::value_stamp<T>(detail::Stamp::Mode::seqlocked, detail::Stamp::Begins::with_latch,
                                  detail::default_copies(sizeof(T)));
  }
  static constexpr bool is_read_only = false;

 private:
  friend struct detail::Attach;
  explicit Value(detail::Handle handle) noexcept : ValueBase(std::move(handle)) {}
  Value(const Place& place, const T& initial, int)
      : ValueBase(detail::make_or_find(place, stamp(), sizeof(InPlace),
                                       [&](std::byte* payload, core::Participants& table) {
                                         new (payload) InPlace(table, initial);
                                       })) {
    detail::check_shareable<T>();
  }
  [[nodiscard]] InPlace& cell() const noexcept { return inside<InPlace>(); }
};

/// Through a read-only segment: segment.find<Value<const T>>("name"). Throws Gone if the object
/// was erased.
template <class T, class Mode>
requires(std::is_same_v<Mode, mode::atomic> ||
         std::is_same_v<Mode, mode::seqlocked>) class Value<const T, Mode>
    : public detail::ValueBase {
  using InPlace = const typename detail::CellIn<T, Mode>::type;

 public:
  using value_type = T;

  [[nodiscard]] T get() const {
    const T x = inside<InPlace>().get();
    // Nobody waits for a reader that may not write: look that the memory was still this object's.
    core::acquire_fence();
    if (gone()) [[unlikely]]
      handle_.throw_gone();
    return x;
  }
  operator T() const { return get(); }
  [[nodiscard]] std::uint64_t version()
      const noexcept requires std::is_same_v<Mode, mode::seqlocked> {
    return inside<InPlace>().version();
  }

  static detail::Stamp stamp(std::uint64_t n = 1) noexcept { return Value<T, Mode>::stamp(n); }
  static constexpr bool is_read_only = true;

 private:
  friend struct detail::Attach;
  explicit Value(detail::Handle handle) noexcept : ValueBase(std::move(handle)) {}
};

/// Plain memory.
template <class T>
class Value<T, mode::raw> : public detail::ValueBase {
 public:
  using value_type = T;

  Value() : Value(Place{}, T{}, 0) {}
  explicit Value(const T& initial) requires(!std::is_arithmetic_v<T>)
      : Value(Place{}, initial, 0) {}
  template <class U>
  requires(std::is_arithmetic_v<T>&& detail::ConvertsTo<T, U>) explicit Value(U initial)
      : Value(Place{}, detail::stored<T>(initial), 0) {}
  explicit Value(const Place& place, const T& initial = T{}) requires(!std::is_arithmetic_v<T>)
      : Value(place, initial, 0) {
    detail::check_named<T>();
  }
  template <class U = T>
  requires(std::is_arithmetic_v<T>&& detail::ConvertsTo<T, U>) explicit Value(const Place& place,
                                                                              U initial = U{})
      : Value(place, detail::stored<T>(initial), 0) {}

  [[nodiscard]] T get() const noexcept { return get_obj(); }
  void set(const T& x) noexcept requires(!std::is_arithmetic_v<T>) { get_obj() = x; }
  template <class U>
  requires(std::is_arithmetic_v<T>&& detail::ConvertsTo<T, U>) void set(U x) noexcept {
    get_obj() = detail::stored<T>(x);
  }
  Value& operator=(const T& x) noexcept requires(!std::is_arithmetic_v<T>) {
    set(x);
    return *this;
  }
  template <class U>
  requires(std::is_arithmetic_v<T>&& detail::ConvertsTo<T, U>) Value& operator=(U x) noexcept {
    set(x);
    return *this;
  }
  operator T() const noexcept { return get(); }
  [[nodiscard]] T& get_obj() const noexcept { return inside<T>(); }

  static detail::Stamp stamp(std::uint64_t = 1) noexcept {
    return detail::value_stamp<T>(detail::Stamp::Mode::raw);
  }
  static constexpr bool is_read_only = false;

 private:
  friend struct detail::Attach;
  explicit Value(detail::Handle handle) noexcept : ValueBase(std::move(handle)) {}
  Value(const Place& place, const T& initial, int)
      : ValueBase(detail::make_or_find(
            place, stamp(), sizeof(T),
            [&](std::byte* payload, core::Participants&) { new (payload) T(initial); })) {
    detail::check_shareable<T>();
  }
};

/// Beside a lock, as Python's Value: its own, or one given. Is itself a Lockable.
template <class T, class L>
class Value<T, mode::locked_by<L>> : public detail::ValueBase {
  struct InPlace {
    detail::LockState lock;
    alignas(core::line_bytes) T value;
  };

 public:
  using value_type = T;

  Value() : Value(T{}) {}
  template <class U>
  requires(detail::ConvertsTo<T, U>) explicit Value(const U& initial)
      : Value(Place{}, detail::stored<T>(initial), nullptr) {}
  template <class U>
  requires(detail::ConvertsTo<T, U>) Value(const U& initial, L& lock)
      : Value(Place{}, detail::stored<T>(initial), &lock) {}
  template <class U = T>
  requires(detail::ConvertsTo<T, U>) explicit Value(const Place& place, const U& initial = U{})
      : Value(place, detail::stored<T>(initial), nullptr) {
    detail::check_named<T>();
  }

  /// Each takes the lock for as long as it needs.
  [[nodiscard]] T get() const {
    const std::scoped_lock guard(get_lock());
    return get_obj();
  }
  template <class U>
  requires(detail::ConvertsTo<T, U>) void set(const U& x) {
    const std::scoped_lock guard(get_lock());
    get_obj() = detail::stored<T>(x);
  }
  template <class U>
  requires(detail::ConvertsTo<T, U>) Value& operator=(const U& x) {
    set(x);
    return *this;
  }
  operator T() const { return get(); }
  /// Changes the value by f(T&), or to f(value), under the lock; f runs once.
  template <class F>
  T update(F&& f) {
    const std::scoped_lock guard(get_lock());
    if constexpr (std::is_void_v<std::invoke_result_t<F&, T&>>)
      f(get_obj());
    else
      get_obj() = static_cast<T>(f(get_obj()));
    return get_obj();
  }

  [[nodiscard]] L& get_lock() const noexcept { return given_ != nullptr ? *given_ : own_; }
  /// The value itself, for those who hold the lock.
  [[nodiscard]] T& get_obj() const noexcept { return inside<InPlace>().value; }

  Acquired acquire(bool block = true) { return get_lock().acquire(block); }
  template <class Rep, class Period>
  Acquired acquire(bool block, std::chrono::duration<Rep, Period> timeout) {
    return get_lock().acquire(block, timeout);
  }
  void release() { get_lock().release(); }
  void lock() { get_lock().lock(); }
  void unlock() { get_lock().unlock(); }
  [[nodiscard]] bool try_lock() { return get_lock().try_lock(); }

  static detail::Stamp stamp(std::uint64_t = 1) noexcept {
    return detail::value_stamp<T>(detail::locked_mode<L>, detail::Stamp::Begins::with_owned_word);
  }
  static constexpr bool is_read_only = false;

 private:
  friend struct detail::Attach;
  explicit Value(detail::Handle handle, L* given = nullptr) noexcept
      : ValueBase(std::move(handle)), own_(inside<InPlace>().lock), given_(given) {}
  Value(const Place& place, const T& initial, L* given)
      : Value(detail::make_or_find(place, stamp(), sizeof(InPlace),
                                   [&](std::byte* payload, core::Participants& table) {
                                     new (payload) InPlace{detail::LockState(table), initial};
                                   }),
              given) {
    detail::check_shareable<T>();
  }

  mutable L own_;  // a view of the lock in front of the value
  L* given_;
};

template <class U>
Value(U) -> Value<U>;

}  // namespace lagoon
