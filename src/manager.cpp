#include <lagoon/manager.hpp>

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

namespace lagoon {

namespace {

Segment make_nameless() {
  const int fd = ::memfd_create("lagoon-manager", MFD_CLOEXEC);
  if (fd < 0) throw SystemError(errno, "cannot make memory for a Manager (memfd_create)");
  try {
    Segment segment = Segment::adopt(fd);
    ::close(fd);  // it has its own
    return segment;
  } catch (...) {
    ::close(fd);
    throw;
  }
}

}  // namespace

Manager::Manager() : segment_(make_nameless()) {}

}  // namespace lagoon
