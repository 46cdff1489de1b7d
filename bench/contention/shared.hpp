#pragma once
/// Memory that forked children share, with one T in it on cache lines of its own: how one would
/// place a lock beside what it guards.

#include <sys/mman.h>

#include <cerrno>
#include <new>
#include <system_error>

namespace contention {

template <class T>
class Shared {
 public:
  Shared() {
    static_assert(alignof(T) <= 4096, "a mapping is aligned to a page");
    void* memory =
        ::mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
      throw std::system_error(errno, std::generic_category(), "shared memory for a strategy");
    }
    object_ = ::new (memory) T{};
  }
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;
  ~Shared() { ::munmap(object_, sizeof(T)); }  // no destructor: a killed child may hold the lock

  T* operator->() const { return object_; }

 private:
  T* object_;
};

}  // namespace contention
