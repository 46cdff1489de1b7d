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
#include <lagoon/conversion.hpp>
#include <lagoon/core/durations.hpp>
#include <lagoon/lock.hpp>
#include <lagoon/lock_methods.hpp>
#include <lagoon/mode.hpp>
#include <lagoon/place.hpp>

#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

namespace lagoon {

namespace detail {

template <class T>
using DefaultValueMode =
    std::conditional_t<Scalar<std::remove_const_t<T>>, mode::atomic, mode::seqlocked>;

/// Plain memory.
template <class T>
struct RawCell {
  RawCell(core::Participants&, const T& initial) noexcept : value(initial) {}
  [[nodiscard]] T get() const noexcept { return value; }
  void set(const T& x) noexcept { value = x; }
  T value;
};

/// What lies in shared memory for each mode, and how its stamp says so.
template <class T, class Mode>
struct CellIn;
template <class T>
struct CellIn<T, mode::atomic> {
  static_assert(Scalar<T>, "mode::atomic is for scalars; use mode::seqlocked for structs");
  using type = AtomicCell<T>;
  static constexpr Stamp stamp{.kind = Stamp::Kind::value, .mode = Stamp::Mode::atomic};
};
template <class T>
struct CellIn<T, mode::seqlocked> {
  using type = VersionedCell<T>;
  static constexpr Stamp stamp{.kind = Stamp::Kind::value,
                               .mode = Stamp::Mode::seqlocked,
                               .begins = Stamp::Begins::with_latch,
                               .copies = default_copies(sizeof(T))};
};
template <class T>
struct CellIn<T, mode::raw> {
  using type = RawCell<T>;
  static constexpr Stamp stamp{.kind = Stamp::Kind::value, .mode = Stamp::Mode::raw};
};
template <class T, class L>
struct CellIn<T, mode::locked_by<L>> {
  struct type {
    type(core::Participants& table, const T& initial) : value(initial) {
      construct_in_place<typename GuardedBy<L>::State>(lock, table);
    }
    [[nodiscard]] typename GuardedBy<L>::State& state() noexcept {
      return reinterpret_cast<typename GuardedBy<L>::State&>(lock);
    }
    alignas(core::line_bytes) std::byte lock[GuardedBy<L>::head];
    T value;
  };
  static constexpr Stamp stamp{.kind = Stamp::Kind::value,
                               .mode = Stamp::Mode::locked,
                               .begins = GuardedBy<L>::begins,
                               .guard = GuardedBy<L>::name};
};

/// What every Value has: where it lies. T may be const.
template <class T, class Mode>
class ValueBase {
 public:
  using value_type = std::remove_const_t<T>;
  static constexpr bool is_read_only = std::is_const_v<T>;

  /// Whether the object was erased.
  [[nodiscard]] bool gone() const noexcept { return handle_.gone(); }

  static Stamp stamp(std::uint64_t = 1) noexcept {
    Stamp stamp = CellIn<value_type, Mode>::stamp;
    stamp.element = ElementType::of<value_type>();
    return stamp;
  }

 protected:
  using Cell = typename CellIn<value_type, Mode>::type;

  explicit ValueBase(Handle handle) noexcept : handle_(std::move(handle)) {}
  ValueBase(const Place& place, const value_type& initial)
      : handle_(make_or_find(place, stamp(), sizeof(Cell),
                             [&](std::byte* payload, core::Participants& table) {
                               new (payload) Cell(table, initial);
                             })) {
    check_shareable<value_type>();
    static_assert(!is_read_only, "Value<const T> is found in a read-only segment, not made");
  }
  ValueBase(ValueBase&&) noexcept = default;
  ValueBase& operator=(ValueBase&&) noexcept = default;
  ~ValueBase() = default;

  /// Const if T is.
  [[nodiscard]] auto& cell() const noexcept {
    return *reinterpret_cast<std::conditional_t<is_read_only, const Cell, Cell>*>(
        handle_.payload());
  }
  Handle handle_;
};

}  // namespace detail

/// mode::atomic: each operation is one atomic instruction (update: a loop of them), with a memory
/// order as its last argument, sequentially consistent by default. mode::seqlocked, mode::raw: as
/// cell.hpp and memory have it. Which mode has which operation stands behind `requires`.
template <class Type, class Mode = detail::DefaultValueMode<Type>>
class Value : public detail::ValueBase<Type, Mode> {
  using Base = detail::ValueBase<Type, Mode>;
  using Base::cell;
  using T = typename Base::value_type;
  using In = detail::NewValue<T>;
  static constexpr bool atomic = std::is_same_v<Mode, mode::atomic>;
  static constexpr bool seqlocked = std::is_same_v<Mode, mode::seqlocked>;
  static constexpr bool raw = std::is_same_v<Mode, mode::raw>;
  static constexpr bool writable = !std::is_const_v<Type>;
  static constexpr bool counts =
      atomic && writable && std::is_arithmetic_v<T> && !std::is_same_v<T, bool>;
  static constexpr bool has_bits = counts && std::is_integral_v<T>;
  /// One memory order or none, where the mode takes one.
  template <class... Order>
  static constexpr bool orders = sizeof...(Order) <= (atomic ? 1 : 0) &&
                                 (std::is_same_v<Order, std::memory_order> && ...);

 public:
  Value() requires(writable&& std::default_initializable<T>) : Value(T{}) {}
  explicit Value(In initial) requires writable : Base(Place{}, initial) {}
  /// Found under that name, or made with `initial`.
  explicit Value(const Place& place, In initial = T{}) requires writable : Base(place, initial) {
    detail::check_named<T>();
  }

  template <class... Order>
  requires orders<Order...>
  [[nodiscard]] T get(Order... order) const noexcept(writable && !seqlocked) {
    const T x = cell().get(order...);
    look_that_it_is_still_there();
    return x;
  }
  operator T() const noexcept(writable && !seqlocked) { return get(); }
  template <class... Order>
  requires(writable&& orders<Order...>) void set(In x, Order... order) noexcept(!seqlocked) {
    cell().set(x, order...);
  }
  T operator=(In x) noexcept(!seqlocked) requires writable {  // NOLINT: as std::atomic's
    const T& y = x;
    set(y);
    return y;
  }
  template <class... Order>
  requires(writable && !raw && orders<Order...>) T exchange(In x, Order... order)
  noexcept(atomic) { return cell().exchange(x, order...); }
  /// On failure `expected` becomes what was found. Structs are compared with ==.
  template <class... Order>
  requires(writable && (atomic || (seqlocked && std::equality_comparable<T>)) &&
           orders<Order...>) bool compare_exchange(T& expected, In desired,
                                                   Order... order) noexcept(atomic) {
    return cell().compare_exchange(expected, desired, order...);
  }
  /// value = f(value), or f(value&), as one step. Returns the new value. atomic: f may run more
  /// than once. seqlocked: once; if it throws, nothing is published.
  template <class F, class... Order>
  requires(writable && !raw && orders<Order...>) T update(F&& f, Order... order) {
    return cell().update(std::forward<F>(f), order...);
  }

  // ---- mode::atomic --------------------------------------------------------------------------

  T fetch_add(In x, std::memory_order order = std::memory_order_seq_cst) noexcept requires counts {
    return cell().fetch_add(x, order);
  }
  T fetch_sub(In x, std::memory_order order = std::memory_order_seq_cst) noexcept requires counts {
    return cell().fetch_sub(x, order);
  }
  T fetch_and(In x,
              std::memory_order order = std::memory_order_seq_cst) noexcept requires has_bits {
    return cell().fetch_and(x, order);
  }
  T fetch_or(In x, std::memory_order order = std::memory_order_seq_cst) noexcept requires has_bits {
    return cell().fetch_or(x, order);
  }
  T fetch_xor(In x,
              std::memory_order order = std::memory_order_seq_cst) noexcept requires has_bits {
    return cell().fetch_xor(x, order);
  }
  /// The compound operators return the new value.
  T operator+=(In x) noexcept requires counts { return detail::plus<T>(fetch_add(x), x); }
  T operator-=(In x) noexcept requires counts { return detail::minus<T>(fetch_sub(x), x); }
  T operator&=(In x) noexcept requires has_bits { return static_cast<T>(fetch_and(x) & x); }
  T operator|=(In x) noexcept requires has_bits { return static_cast<T>(fetch_or(x) | x); }
  T operator^=(In x) noexcept requires has_bits { return static_cast<T>(fetch_xor(x) ^ x); }
  T operator++() noexcept requires counts { return *this += T{1}; }
  T operator++(int) noexcept requires counts { return fetch_add(T{1}); }
  T operator--() noexcept requires counts { return *this -= T{1}; }
  T operator--(int) noexcept requires counts { return fetch_sub(T{1}); }

  /// Waits until the value is another than `old`, or the object is erased: `gone()` tells which.
  /// Whoever changes it calls notify; if that one is killed in between, the waiter sees the change
  /// within 8 ms all the same.
  void wait(T old) const noexcept requires(atomic&& writable) {
    (void)wait_until(old, core::Deadline::never());
  }
  /// False if the time was over first, or the object was erased.
  template <class Rep, class Period>
  requires(atomic&& writable)
      [[nodiscard]] bool wait_for(T old, std::chrono::duration<Rep, Period> d) const noexcept {
    return wait_until(old, core::Deadline::after(d));
  }
  template <class Clock, class Duration>
  requires(atomic&& writable)
      [[nodiscard]] bool wait_until(T old,
                                    std::chrono::time_point<Clock, Duration> t) const noexcept {
    return wait_until(old, core::Deadline::at(t));
  }
  void notify_one() noexcept requires(atomic&& writable) { cell().notify_one(); }
  void notify_all() noexcept requires(atomic&& writable) { cell().notify_all(); }

  // ---- mode::seqlocked -----------------------------------------------------------------------

  /// One at first; grows by one with each write.
  [[nodiscard]] std::uint64_t version() const noexcept requires seqlocked {
    return cell().version();
  }
  /// Copies the value out if it was written since `version`, which becomes the new one. Begin with
  /// zero to have the first value too.
  bool read_if_newer(std::uint64_t& version, T& out) const requires seqlocked {
    const bool is_newer = cell().read_if_newer(version, out);
    look_that_it_is_still_there();
    return is_newer;
  }

  // ---- mode::raw -----------------------------------------------------------------------------

  [[nodiscard]] Type& get_obj() const noexcept requires raw { return cell().value; }

 private:
  friend struct detail::Attach;
  explicit Value(detail::Handle handle) noexcept : Base(std::move(handle)) {}
  /// An erased object's value will not change: look for that in between.
  bool wait_until(T old, core::Deadline deadline) const noexcept {
    for (;;) {
      if (cell().wait_until(old, deadline.within(std::chrono::milliseconds(50)))) return true;
      if (deadline.passed() || this->gone()) return cell().wait_until(old, core::Deadline::now());
    }
  }
  /// Nobody waits for a reader that may not write: look that the memory was still this object's.
  void look_that_it_is_still_there() const noexcept(writable) {
    if constexpr (!writable) {
      core::acquire_fence();
      if (this->gone()) [[unlikely]]
        this->handle_.throw_gone();
    }
  }
};

/// Beside a lock, as Python's Value: its own, or one given. Is itself a Lockable.
template <class Type, class L>
class Value<Type, mode::locked_by<L>>
    : public detail::ValueBase<Type, mode::locked_by<L>>,
      public detail::MethodsOfItsLock<Value<Type, mode::locked_by<L>>> {
  static_assert(!std::is_const_v<Type>,
                "reading a locked value takes its lock, which a read-only segment cannot give");
  using Base = detail::ValueBase<Type, mode::locked_by<L>>;
  using Base::cell;
  using T = typename Base::value_type;
  using In = detail::NewValue<T>;

 public:
  Value() requires std::default_initializable<T> : Value(T{}) {}
  explicit Value(In initial) : Value(Place{}, initial, nullptr) {}
  Value(In initial, L& lock) : Value(Place{}, initial, &lock) {}
  explicit Value(const Place& place, In initial = T{}) : Value(place, initial, nullptr) {
    detail::check_named<T>();
  }

  /// Each takes the lock for as long as it needs.
  [[nodiscard]] T get() const {
    const auto guard = guard_.to_read();
    return get_obj();
  }
  operator T() const { return get(); }
  void set(In x) {
    const auto guard = guard_.to_change();
    get_obj() = x;
  }
  T operator=(In x) {  // NOLINT: as std::atomic's
    const T& y = x;
    set(y);
    return y;
  }
  /// value = f(value), or f(value&), under the lock; f runs once. Returns the new value.
  template <class F>
  T update(F&& f) {
    const auto guard = guard_.to_change();
    detail::apply(f, get_obj());
    return get_obj();
  }

  [[nodiscard]] L& get_lock() const noexcept { return guard_.lock(); }
  /// The value itself, for those who hold the lock.
  [[nodiscard]] T& get_obj() const noexcept { return cell().value; }

 private:
  friend struct detail::Attach;
  explicit Value(detail::Handle handle) noexcept
      : Base(std::move(handle)), guard_(cell().state()) {}
  Value(const Place& place, const T& initial, L* given)
      : Base(place, initial), guard_(cell().state(), given) {}

  detail::GuardedBy<L> guard_;
};

template <class U>
Value(U) -> Value<detail::Held<U>>;

}  // namespace lagoon
