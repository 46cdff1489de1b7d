#include "file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace lagoon::detail {

File::File(int fd) noexcept : fd_(fd) {
  struct stat s {};
  if (fd_ < 0 || ::fstat(fd_, &s) != 0) return;
  device_ = s.st_dev;
  inode_ = s.st_ino;
  page_ = std::max(static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)),
                   static_cast<std::size_t>(s.st_blksize));
}

File::~File() {
  if (descriptor() >= 0) ::close(fd_);
}

int File::descriptor() const noexcept {
  struct stat s {};
  const bool ours = fd_ >= 0 && ::fstat(fd_, &s) == 0 && s.st_dev == device_ && s.st_ino == inode_;
  return ours ? fd_ : -1;
}

int File::commit(std::size_t from, std::size_t bytes) const noexcept {
  const int fd = descriptor();
  if (fd < 0) return EBADF;
  while (::fallocate(fd, 0, static_cast<off_t>(from), static_cast<off_t>(bytes)) != 0)
    if (errno != EINTR) return errno;
  return 0;
}

}  // namespace lagoon::detail
