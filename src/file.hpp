#pragma once
/// The file that a segment is mapped from, by a descriptor of this process.
///
/// Applications that close every descriptor close this one too, and get its number for another
/// file: so it is looked at again before each use. A mapping goes on without it; it cannot grow.

#include <sys/types.h>

#include <cstddef>

namespace lagoon::detail {

class File {
 public:
  /// Takes `fd` over; -1: there is no file, the memory was brought by the application.
  explicit File(int fd) noexcept;
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File();

  [[nodiscard]] bool exists() const noexcept { return fd_ >= 0; }
  /// -1 if there is none, or the descriptor was closed behind our back.
  [[nodiscard]] int descriptor() const noexcept;
  [[nodiscard]] bool is(const File& other) const noexcept {
    return exists() && device_ == other.device_ && inode_ == other.inode_;
  }
  /// In what units it grows.
  [[nodiscard]] std::size_t page() const noexcept { return page_; }
  /// Makes sure that there is memory behind these bytes; 0 or an errno.
  [[nodiscard]] int commit(std::size_t from, std::size_t bytes) const noexcept;

 private:
  int fd_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
  std::size_t page_ = 4096;
};

}  // namespace lagoon::detail
