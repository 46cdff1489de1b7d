#pragma once
/// `Cell<T>`: one shared value, in place. What `Value` is a handle to; for those who lay out their
/// own shared structs (`Segment::construct`) and want no handle at all.
///
///   struct Book {
///     explicit Book(const lagoon::Segment& s) : bid(s), trades(s) {}
///     lagoon::Cell<Quote> bid;
///     lagoon::Cell<std::int64_t> trades;
///   };
///   template <> inline constexpr std::string_view lagoon::type_name<Book> = "Book";
///   Book& book = segment.construct<Book>("book");
///
/// Of a scalar it is one atomic word (boost::ipc_atomic): every operation is that instruction.
/// Wait-free or lock-free; a crash leaves the value before or after. Size 2 words at most.
///
/// Of a struct it is N copies and a latch (core/latch.hpp): reading is lock-free and is not held
/// up by writers that are slow, stopped or dead; writers take turns; a crash leaves the state
/// before or after the whole write. Size: 64 bytes and N × the struct's, in lines of 64.

#include <lagoon/conversion.hpp>
#include <lagoon/core/backoff.hpp>
#include <lagoon/core/change_log.hpp>
#include <lagoon/core/durations.hpp>
#include <lagoon/core/latch.hpp>
#include <lagoon/error.hpp>
#include <lagoon/segment.hpp>
#include <lagoon/typecode.hpp>

#include <atomic>
#include <bit>
#include <boost/atomic/ipc_atomic.hpp>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

namespace lagoon {

namespace detail {

constexpr boost::memory_order to_boost(std::memory_order order) noexcept {
  switch (order) {
    case std::memory_order_relaxed:
      return boost::memory_order_relaxed;
    case std::memory_order_consume:
      return boost::memory_order_consume;
    case std::memory_order_acquire:
      return boost::memory_order_acquire;
    case std::memory_order_release:
      return boost::memory_order_release;
    case std::memory_order_acq_rel:
      return boost::memory_order_acq_rel;
    case std::memory_order_seq_cst:
      break;
  }
  return boost::memory_order_seq_cst;
}
/// The strongest order that a failed compare_exchange may have: nothing was stored.
constexpr boost::memory_order on_failure(std::memory_order order) noexcept {
  if (order == std::memory_order_release) return boost::memory_order_relaxed;
  if (order == std::memory_order_acq_rel) return boost::memory_order_acquire;
  return to_boost(order);
}

/// How many copies of a record are kept: four make overtaken readers rare (a reader fails only if
/// three writes complete during its copy). Above 64 KiB two, for the memory's sake: a read beside a
/// writer of the whole takes 1.6 to 2 times as long as with four (docs/latch.md).
constexpr std::uint8_t default_copies(std::size_t bytes) noexcept {
  return bytes <= (std::size_t{64} << 10) ? 4 : 2;
}

/// Why a writer did not get its turn, as exceptions.
[[noreturn]] void throw_nested(const Handle& handle);
[[noreturn]] void throw_turn_refused(core::Taken outcome);
[[noreturn]] void throw_forked_inside_write();

}  // namespace detail

/// One atomic word.
template <Scalar T>
class AtomicCell {
  using Atomic = boost::ipc_atomic<T>;
  static_assert(Atomic::is_always_lock_free, "a lock would not survive its owner's death");

 public:
  using value_type = T;

  AtomicCell() noexcept : AtomicCell(T{}) {}
  explicit AtomicCell(T initial) noexcept : value_(initial) {}
  explicit AtomicCell(core::Participants&, T initial = T{}) noexcept : value_(initial) {}
  explicit AtomicCell(const Segment&, T initial = T{}) noexcept : value_(initial) {}
  AtomicCell(const AtomicCell&) = delete;
  AtomicCell& operator=(const AtomicCell&) = delete;

  [[nodiscard]] T get(std::memory_order order = std::memory_order_seq_cst) const noexcept {
    return value_.load(detail::to_boost(order));
  }
  void set(T x, std::memory_order order = std::memory_order_seq_cst) noexcept {
    value_.store(x, detail::to_boost(order));
  }
  T exchange(T x, std::memory_order order = std::memory_order_seq_cst) noexcept {
    return value_.exchange(x, detail::to_boost(order));
  }
  /// As std::atomic's strong one: on failure `expected` becomes what was found.
  bool compare_exchange(T& expected, T desired,
                        std::memory_order order = std::memory_order_seq_cst) noexcept {
    return value_.compare_exchange_strong(expected, desired, detail::to_boost(order),
                                          detail::on_failure(order));
  }
  T fetch_add(T x, std::memory_order order = std::memory_order_seq_cst) noexcept
      requires(std::is_arithmetic_v<T> && !std::is_same_v<T, bool>) {
    return value_.fetch_add(x, detail::to_boost(order));
  }
  T fetch_sub(T x, std::memory_order order = std::memory_order_seq_cst) noexcept
      requires(std::is_arithmetic_v<T> && !std::is_same_v<T, bool>) {
    return value_.fetch_sub(x, detail::to_boost(order));
  }
  T fetch_and(T x, std::memory_order order = std::memory_order_seq_cst) noexcept
      requires(std::is_integral_v<T> && !std::is_same_v<T, bool>) {
    return value_.fetch_and(x, detail::to_boost(order));
  }
  T fetch_or(T x, std::memory_order order = std::memory_order_seq_cst) noexcept
      requires(std::is_integral_v<T> && !std::is_same_v<T, bool>) {
    return value_.fetch_or(x, detail::to_boost(order));
  }
  T fetch_xor(T x, std::memory_order order = std::memory_order_seq_cst) noexcept
      requires(std::is_integral_v<T> && !std::is_same_v<T, bool>) {
    return value_.fetch_xor(x, detail::to_boost(order));
  }
  /// value = f(value), or f(value&), as one step; f may run more than once. Returns the new value.
  /// Lock-free.
  template <class F>
  T update(F&& f, std::memory_order order = std::memory_order_seq_cst) {
    T seen = value_.load(boost::memory_order_relaxed);
    for (;;) {
      T wanted = seen;
      detail::apply(f, wanted);
      if (value_.compare_exchange_weak(seen, wanted, detail::to_boost(order),
                                       detail::on_failure(order)))
        return wanted;
    }
  }

  /// Waits until the value is another than `old`; false if the deadline came first. Whoever
  /// changes it calls notify; if that one is killed in between, the waiter sees the change within
  /// 8 ms all the same.
  bool wait_until(T old, core::Deadline deadline) const noexcept {
    core::Backoff backoff;
    for (bool late = false;;) {
      if (!same(get(), old)) return true;
      if (late) return false;
      // A last look behind it: who was held up between the two has not missed what came in time.
      late = deadline.passed();
      if (late || backoff.wait()) continue;
      std::uint32_t rung = bell_.load(boost::memory_order_relaxed);
      if ((rung & somebody_waits) == 0 &&
          !bell_.compare_exchange_strong(rung, rung | somebody_waits))
        continue;
      // The flag first, then a last look; `notify` has them the other way round, so one of the
      // two sees the other (both are sequentially consistent).
      if (!same(get(), old)) return true;
      core::wait_slice(&bell_, rung | somebody_waits, deadline, std::chrono::milliseconds(8));
    }
  }
  void notify_one() noexcept { notify(1); }
  void notify_all() noexcept { notify(INT_MAX); }

 private:
  static constexpr std::uint32_t somebody_waits = 1;

  static bool same(T a, T b) noexcept { return std::memcmp(&a, &b, sizeof(T)) == 0; }
  void notify(int how_many) noexcept {
    boost::atomic_thread_fence(boost::memory_order_seq_cst);  // after the caller's store
    std::uint32_t rung = bell_.load(boost::memory_order_seq_cst);
    if ((rung & somebody_waits) == 0) return;
    // Odd stays odd: with notify_one others may go on sleeping.
    bell_.compare_exchange_strong(rung, rung + 2);
    if (core::futex_wake(&bell_, how_many) < how_many) {
      rung += 2;
      bell_.compare_exchange_strong(rung, rung + 1);  // nobody left
    }
  }

  Atomic value_;
  mutable boost::ipc_atomic<std::uint32_t> bell_{0};  // a count of rings, and whether any waits
};

/// A struct (or anything shareable) in N copies.
template <class T, unsigned N = detail::default_copies(sizeof(T))>
class VersionedCell {
  static_assert((detail::check_shareable<T>(), true));
  static_assert(N >= 2 && std::has_single_bit(N), "a power of two of copies, two at least");

 public:
  using value_type = T;

  explicit VersionedCell(core::Participants& table, const T& initial = T{}) noexcept
      : latch_(table) {
    for (auto& copy : copies_) std::memcpy(copy, &initial, sizeof(T));
  }
  explicit VersionedCell(const Segment& segment, const T& initial = T{})
      : VersionedCell(detail::participants_of(segment), initial) {}
  VersionedCell(const VersionedCell&) = delete;
  VersionedCell& operator=(const VersionedCell&) = delete;

  /// The value as it was at one moment. Lock-free.
  [[nodiscard]] T get() const {
    core::Version at;
    return get(at);
  }
  void set(const T& x) {
    write([&](std::byte* target, const std::byte*) {
      store(target, x);
      return true;
    });
  }
  T exchange(const T& x) {
    Raw before;
    write([&](std::byte* target, const std::byte* now) {
      core::read_shared_fixed<sizeof(T)>(before.bytes, now);
      store(target, x);
      return true;
    });
    return std::bit_cast<T>(before);
  }
  /// Compares with ==. On failure `expected` becomes what was found, and nothing is published.
  bool compare_exchange(T& expected, const T& desired) requires std::equality_comparable<T> {
    return write([&](std::byte* target, const std::byte* now) {
      const T found = load(now);
      if (!(found == expected)) {
        expected = found;
        return false;
      }
      store(target, desired);
      return true;
    });
  }
  /// Changes the value by f(T&), or to f(value), as one step; f runs once. If it throws, nothing
  /// is published. Returns the new value.
  template <class F>
  T update(F&& f) {
    Raw after;
    write([&](std::byte* target, const std::byte* now) {
      T x = load(now);
      const core::ForkMark fork;
      detail::apply(f, x);
      if (fork.passed()) [[unlikely]]
        detail::throw_forked_inside_write();  // the copy is the parent's: no byte is stored
      store(target, x);
      after = std::bit_cast<Raw>(x);
      return true;
    });
    return std::bit_cast<T>(after);
  }

  /// One at first; grows by one with each write.
  [[nodiscard]] std::uint64_t version() const noexcept {
    return core::public_version(latch_.version());
  }
  /// Copies the value to `out` and its version to `version` if it has been written since
  /// `version`; else false. Begin with zero to have the first value too.
  bool read_if_newer(std::uint64_t& version, T& out) const {
    if (core::public_version(latch_.version()) == version && !is_gone()) return false;
    core::Version at;
    out = get(at);
    const std::uint64_t now = core::public_version(at);
    return std::exchange(version, now) != now;
  }

 private:
  using Raw = detail::Uninitialised<T>;
  static void store(std::byte* target, const T& x) noexcept {
    core::write_shared_fixed<sizeof(T)>(target, &x);
  }
  static T load(const std::byte* from) noexcept {
    Raw raw;
    core::read_shared_fixed<sizeof(T)>(raw.bytes, from);
    return std::bit_cast<T>(raw);
  }
  [[nodiscard]] bool is_gone() const noexcept {
    return (latch_.version() & core::version_gone) != 0;
  }
  T get(core::Version& at) const {
    Raw raw;
    at = latch_.template read<N>(
        [&](std::uint64_t i) { core::read_shared_fixed<sizeof(T)>(raw.bytes, copies_[i]); });
    if (at & core::version_gone) [[unlikely]]
      detail::throw_turn_refused(core::Taken::is_gone);
    return std::bit_cast<T>(raw);
  }
  /// change(copy to fill, published copy) says whether to publish. Writers replace every byte, so
  /// that what an unfinished one left in the copy does not matter.
  template <class Change>
  bool write(Change&& change) {
    core::Latch::Turn turn(latch_, core::Deadline::never());
    if (!turn.is_taken()) [[unlikely]]
      detail::throw_turn_refused(turn.outcome());
    const core::Version v = turn.version();
    core::release_fence();  // (2) of core/latch.hpp
    if (!change(copies_[(v + 1) % N], copies_[v % N])) return false;
    if (!turn.publish(v + 1)) [[unlikely]]
      detail::throw_forked_inside_write();
    return true;
  }

  alignas(core::line_bytes) core::Latch latch_;
  alignas(core::line_bytes) std::byte copies_[N][core::round_to_lines(sizeof(T))];
};

namespace detail {
template <class T>
struct CellFor {
  using type = VersionedCell<T>;
};
template <Scalar T>
struct CellFor<T> {
  using type = AtomicCell<T>;
};
}  // namespace detail

/// The one that suits T.
template <class T>
using Cell = typename detail::CellFor<T>::type;

}  // namespace lagoon
