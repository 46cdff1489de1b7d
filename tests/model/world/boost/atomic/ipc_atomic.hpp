#pragma once
/// boost::ipc_atomic, of the model.

#include <boost/memory_order.hpp>

#include <cstdint>
#include <cstring>
#include <type_traits>

#include "model.hpp"

namespace boost {

template <class T>
class ipc_atomic {
 public:
  static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= 8);
  using value_type = T;
  static constexpr bool is_always_lock_free = true;
  using Where = std::source_location;

  ipc_atomic() = default;
  constexpr ipc_atomic(T value) noexcept : value_(value) {}  // NOLINT: as Boost's
  ipc_atomic(const ipc_atomic&) = delete;
  ipc_atomic& operator=(const ipc_atomic&) = delete;

  T load(memory_order order = memory_order_seq_cst, Where where = Where::current()) const {
    return from(lagoon::test::model::load(&value_, sizeof(T), order, where));
  }
  void store(T value, memory_order order = memory_order_seq_cst, Where where = Where::current()) {
    lagoon::test::model::store(&value_, sizeof(T), bits(value), order, where);
  }
  T exchange(T value, memory_order order = memory_order_seq_cst, Where where = Where::current()) {
    return change(order, where, [value](T) { return value; });
  }
  bool compare_exchange_strong(T& expected, T value, memory_order success, memory_order failure,
                               Where where = Where::current()) {
    std::uint64_t was = bits(expected);
    const bool done = lagoon::test::model::exchange_if(&value_, sizeof(T), was, bits(value),
                                                       success, failure, where);
    expected = from(was);
    return done;
  }
  bool compare_exchange_strong(T& expected, T value, memory_order order = memory_order_seq_cst,
                               Where where = Where::current()) {
    const memory_order failure = order == memory_order_acq_rel   ? memory_order_acquire
                                 : order == memory_order_release ? memory_order_relaxed
                                                                 : order;
    return compare_exchange_strong(expected, value, order, failure, where);
  }
  bool compare_exchange_weak(T& expected, T value, memory_order success, memory_order failure,
                             Where where = Where::current()) {
    return compare_exchange_strong(expected, value, success, failure, where);
  }
  bool compare_exchange_weak(T& expected, T value, memory_order order = memory_order_seq_cst,
                             Where where = Where::current()) {
    return compare_exchange_strong(expected, value, order, where);
  }
  T fetch_add(T by, memory_order order = memory_order_seq_cst, Where where = Where::current()) {
    return change(order, where, [by](T old) { return static_cast<T>(old + by); });
  }
  T fetch_sub(T by, memory_order order = memory_order_seq_cst, Where where = Where::current()) {
    return change(order, where, [by](T old) { return static_cast<T>(old - by); });
  }
  T fetch_and(T by, memory_order order = memory_order_seq_cst, Where where = Where::current()) {
    return change(order, where, [by](T old) { return static_cast<T>(old & by); });
  }
  T fetch_or(T by, memory_order order = memory_order_seq_cst, Where where = Where::current()) {
    return change(order, where, [by](T old) { return static_cast<T>(old | by); });
  }

 private:
  static std::uint64_t bits(T value) {
    std::uint64_t b = 0;
    std::memcpy(&b, &value, sizeof value);
    return b;
  }
  static T from(std::uint64_t b) {
    T value;
    std::memcpy(&value, &b, sizeof value);
    return value;
  }
  template <class F>
  T change(memory_order order, Where where, F f) {
    return from(lagoon::test::model::change(&value_, sizeof(T), order, where,
                                            [&](std::uint64_t old) { return bits(f(from(old))); }));
  }

  T value_{};
};

}  // namespace boost
