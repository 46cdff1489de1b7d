/// What the compiler makes of this is what check.cmake looks at. Each function value_X must be the
/// same instructions as bare_X, and no hot path may call __tls_get_addr.

#include <lagoon/array.hpp>
#include <lagoon/lock.hpp>
#include <lagoon/locks/reader_writer.hpp>
#include <lagoon/semaphore.hpp>
#include <lagoon/value.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>

using std::int64_t;

// A handle by reference beside a pointer by reference: both are one load away from the word.
#define COMPARE_GET(type, order)                                                       \
  extern "C" type value_##type##_get_##order(const lagoon::Value<type>& value) {       \
    return value.get(std::memory_order_##order);                                       \
  }                                                                                    \
  extern "C" type bare_##type##_get_##order(const boost::ipc_atomic<type>* const& p) { \
    return p->load(boost::memory_order_##order);                                       \
  }
#define COMPARE_SET(type, order)                                                         \
  extern "C" void value_##type##_set_##order(lagoon::Value<type>& value, type x) {       \
    value.set(x, std::memory_order_##order);                                             \
  }                                                                                      \
  extern "C" void bare_##type##_set_##order(boost::ipc_atomic<type>* const& p, type x) { \
    p->store(x, boost::memory_order_##order);                                            \
  }
#define COMPARE_FETCH_ADD(type, order)                                                         \
  extern "C" type value_##type##_fetch_add_##order(lagoon::Value<type>& value, type x) {       \
    return value.fetch_add(x, std::memory_order_##order);                                      \
  }                                                                                            \
  extern "C" type bare_##type##_fetch_add_##order(boost::ipc_atomic<type>* const& p, type x) { \
    return p->fetch_add(x, boost::memory_order_##order);                                       \
  }
#define COMPARE(type)              \
  COMPARE_GET(type, relaxed)       \
  COMPARE_GET(type, acquire)       \
  COMPARE_GET(type, seq_cst)       \
  COMPARE_SET(type, relaxed)       \
  COMPARE_SET(type, release)       \
  COMPARE_SET(type, seq_cst)       \
  COMPARE_FETCH_ADD(type, relaxed) \
  COMPARE_FETCH_ADD(type, acquire) \
  COMPARE_FETCH_ADD(type, release) \
  COMPARE_FETCH_ADD(type, acq_rel) \
  COMPARE_FETCH_ADD(type, seq_cst)

COMPARE(int)
COMPARE(int64_t)

// What looks up the calling thread in the table of participants.
struct Pair {
  double a;
  double b;
};
extern "C" void hot_lock(lagoon::Lock& lock) {
  lock.lock();
  lock.unlock();
}
extern "C" void hot_rlock(lagoon::RLock& lock) {
  lock.lock();
  lock.unlock();
}
extern "C" void hot_permit(lagoon::BoundedSemaphore& semaphore) {
  semaphore.lock();
  semaphore.unlock();
}
extern "C" void hot_reader(lagoon::locks::ReaderWriterLock& lock) {
  lock.lock_shared();
  lock.unlock_shared();
}
extern "C" void hot_element(lagoon::Array<double>& array, std::size_t i) {
  array[i] = 1;
  array[i] += 1;
}
extern "C" void hot_struct(lagoon::Value<Pair>& value) { value.set({1, 2}); }
