#pragma once
/// Memory that children share, with Boost.Interprocess's allocator in it: for one of its containers
/// and the mutex that guards it.

#include <sys/mman.h>

#include <boost/interprocess/allocators/allocator.hpp>
#include <boost/interprocess/managed_external_buffer.hpp>
#include <boost/interprocess/sync/interprocess_mutex.hpp>
#include <boost/interprocess/sync/scoped_lock.hpp>
#include <cstddef>
#include <new>

namespace peers {

namespace bip = boost::interprocess;
using Manager = bip::managed_external_buffer::segment_manager;
template <class T>
using Allocator = bip::allocator<T, Manager>;
using Guard = bip::scoped_lock<bip::interprocess_mutex>;

/// For how much a dict is made.
struct Room {
  std::size_t keys, bytes_of_value;
  [[nodiscard]] std::size_t bytes() const {
    return (std::size_t{1} << 20) + keys * (256 + 2 * bytes_of_value);
  }
};

template <class T>
class Guarded {
 public:
  /// So many bytes, which are memory when they are used.
  explicit Guarded(std::size_t bytes)
      : bytes_(bytes),
        memory_(map(bytes)),
        buffer_(bip::create_only, memory_, bytes),
        mutex_(buffer_.construct<bip::interprocess_mutex>(bip::anonymous_instance)()),
        object_(buffer_.construct<T>(bip::anonymous_instance)(
            typename T::allocator_type(buffer_.get_segment_manager()))) {}
  Guarded(const Guarded&) = delete;
  Guarded& operator=(const Guarded&) = delete;
  ~Guarded() { munmap(memory_, bytes_); }

  [[nodiscard]] bip::interprocess_mutex& mutex() const noexcept { return *mutex_; }
  T* operator->() const noexcept { return object_; }

 private:
  static void* map(std::size_t bytes) {
    void* const memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                              MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    return memory;
  }

  std::size_t bytes_;
  void* memory_;
  bip::managed_external_buffer buffer_;
  bip::interprocess_mutex* mutex_;
  T* object_;
};

}  // namespace peers
