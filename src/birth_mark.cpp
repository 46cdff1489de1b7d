#include "birth_mark.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <exception>
#include <utility>

#include "layout.hpp"

namespace lagoon::detail {

namespace {

struct flock fork_byte(short type) noexcept {
  struct flock lock {};
  lock.l_type = type;
  lock.l_start = fork_mark_at;
  lock.l_len = 1;
  return lock;
}

/// A descriptor that has the lock; -1 if none can be had.
int locked_descriptor(const File& file) noexcept {
  const int fd = file.descriptor();
  if (fd < 0) return -1;
  char self[32];
  std::snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
  const int own = ::open(self, O_RDONLY | O_CLOEXEC);
  struct flock lock = fork_byte(F_RDLCK);
  if (own < 0 || ::fcntl(own, F_OFD_SETLK, &lock) == 0) return own;
  ::close(own);
  return -1;
}

}  // namespace

bool BirthMark::set(const File& file, core::Participants& table) noexcept {
  parent_ = core::nobody;
  descriptor_ = locked_descriptor(file);
  if (descriptor_ >= 0) return true;
  try {
    parent_ = table.expect_child();
    return true;
  } catch (const std::exception&) {
    return false;  // no slot, or no memory: the child will find none either
  }
}

void BirthMark::forget() noexcept {
  if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
  parent_ = core::nobody;
}

void BirthMark::arrived(core::Participants& table) noexcept {
  if (parent_ != core::nobody) table.child_arrived(parent_);
  if (descriptor_ >= 0) {
    // At once, though the parent may not have come to close its own descriptor of that file yet:
    // what ends meanwhile would be kept for nobody.
    struct flock lock = fork_byte(F_UNLCK);
    ::fcntl(descriptor_, F_OFD_SETLK, &lock);
  }
  forget();
}

bool BirthMark::is_set_by_anyone(const File& file, const core::Participants& table) noexcept {
  if (table.birth_pending()) return true;
  if (!file.exists()) return false;
  const int fd = file.descriptor();
  struct flock lock = fork_byte(F_WRLCK);
  return fd < 0 || ::fcntl(fd, F_OFD_GETLK, &lock) != 0 || lock.l_type != F_UNLCK;
}

}  // namespace lagoon::detail
