#pragma once
/// A table of participants with room beside it, in memory that children forked later share: what
/// the core is handed.

#include <lagoon/core/participants.hpp>

#include <sys/mman.h>

#include <cerrno>
#include <cstddef>
#include <span>
#include <system_error>
#include <utility>

namespace lagoon::test {

class SharedTable {
 public:
  explicit SharedTable(std::size_t capacity = 128, std::size_t room = 4096)
      : table_bytes_((core::Participants::size_for(capacity) + 63) / 64 * 64),
        bytes_(table_bytes_ + room) {
    void* memory = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "mmap");
    table_ = &core::Participants::make(memory, capacity);
  }
  /// The other threads that have enrolled must have ended.
  ~SharedTable() {
    table_->resign();
    table_->forget();
    munmap(table_, bytes_);
  }
  SharedTable(const SharedTable&) = delete;
  SharedTable& operator=(const SharedTable&) = delete;

  core::Participants& operator*() const noexcept { return *table_; }
  core::Participants* operator->() const noexcept { return table_; }
  /// All of it.
  [[nodiscard]] std::span<const std::byte> memory() const noexcept {
    return {reinterpret_cast<const std::byte*>(table_), bytes_};
  }
  /// Zeroed, aligned to 64 bytes.
  [[nodiscard]] std::byte* room() const noexcept {
    return reinterpret_cast<std::byte*>(table_) + table_bytes_;
  }
  /// A T at the beginning of the room, or `at` bytes behind it.
  template <class T, class... Args>
  T& make(std::size_t at, Args&&... args) const {
    return *new (room() + at) T(std::forward<Args>(args)...);
  }

 private:
  std::size_t table_bytes_;
  std::size_t bytes_;
  core::Participants* table_;
};

}  // namespace lagoon::test
