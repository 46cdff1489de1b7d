#include <lagoon/segment.hpp>

#include "mapping.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

namespace lagoon {

using detail::Mapping;

namespace {

/// Closes what is not handed on.
class Descriptor {
 public:
  explicit Descriptor(int fd) noexcept : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int get() const noexcept { return fd_; }
  [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

std::string path_of(std::string_view name, const SegmentOptions& options) {
  if (name.empty() || name.size() > 250 || name == "." || name == ".." ||
      name.find('/') != std::string_view::npos || name.find('\0') != std::string_view::npos)
    throw InvalidArgument("'" + detail::printable(name) +
                          "' is no name for a segment: it must have 1 to 250 characters, no slash, "
                          "and be neither '.' nor '..'");
  return options.directory + "/" + std::string(name);
}

/// Whether the file begins as one does, and may be read.
bool is_segment(const std::string& path) {
  const Descriptor fd(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
  std::uint64_t mark = 0;
  return fd.get() >= 0 && ::pread(fd.get(), &mark, sizeof mark, 0) == sizeof mark &&
         mark == detail::Header::magic_value;
}

detail::MappingRef open_file(std::string_view name, Mapping::Access access,
                             const SegmentOptions& options) {
  const std::string path = path_of(name, options);
  const bool write = access == Mapping::Access::read_write;
  // O_NONBLOCK: if somebody put a FIFO there, do not wait for its other end.
  Descriptor fd(
      ::open(path.c_str(), (write ? O_RDWR : O_RDONLY) | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
  if (fd.get() < 0) {
    const int e = errno;
    if (e == ENOENT)
      throw NotFound("there is no segment '" + std::string(name) + "' (" + path + ")");
    if (e == ELOOP)
      throw LayoutMismatch("segment '" + std::string(name) + "' is a symbolic link (" + path +
                           "); links are not followed");
    throw SystemError(e, "cannot open segment '" + std::string(name) + "' (" + path + ")" +
                             (e == EACCES && write ? "; is open_read_only meant?" : ""));
  }
  return Mapping::attach(fd.release(), access, std::string(name), options);
}

/// A full file system is OutOfMemory, wherever it shows.
[[noreturn]] void throw_errno(const std::string& what) {
  const int e = errno;
  if (e == ENOSPC) throw OutOfMemory(what + ": " + std::strerror(e));
  throw SystemError(e, what);
}

/// What is adopted without a segment in it must be empty, or zeros.
void check_zero(int fd) {
  std::array<char, 65536> piece;
  ssize_t n = 0;
  // Holes are skipped: a file may be large and have no memory yet.
  for (off_t at = 0; (at = ::lseek(fd, at, SEEK_DATA)) >= 0; at += n) {
    n = ::pread(fd, piece.data(), piece.size(), at);
    if (n < 0) throw SystemError(errno, "cannot read the file to adopt");
    if (n == 0) return;
    if (std::any_of(piece.begin(), piece.begin() + n, [](char c) { return c != 0; }))
      throw LayoutMismatch(
          "the file to adopt holds something that is no lagoon segment; to make one there, "
          "truncate it to nothing first");
  }
}

}  // namespace

Segment Segment::create(std::string_view name, const Options& options) {
  const std::string path = path_of(name, options);
  // Without a name until it is complete: a creator killed half-way leaves nothing.
  Descriptor fd(::open(options.directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, options.mode));
  if (fd.get() < 0)
    throw_errno("cannot make a file in " + options.directory + " for segment '" +
                std::string(name) + "'");
  if (::fchmod(fd.get(), options.mode) != 0)
    throw SystemError(errno, "cannot set the access rights of segment '" + std::string(name) + "'");
  const int raw = fd.get();
  detail::MappingRef mapping =
      Mapping::make(fd.release(), Mapping::Lifetime::named, std::string(name), options);
  const std::string self = "/proc/self/fd/" + std::to_string(raw);
  if (::linkat(AT_FDCWD, self.c_str(), AT_FDCWD, path.c_str(), AT_SYMLINK_FOLLOW) != 0) {
    if (errno == EEXIST)
      throw AlreadyExists("there is a segment, or another file, '" + std::string(name) + "' (" +
                          path + ")");
    throw_errno("cannot give segment '" + std::string(name) + "' its name (" + path + ")");
  }
  return Segment(std::move(mapping));
}

Segment Segment::open(std::string_view name, const Options& options) {
  return Segment(open_file(name, Mapping::Access::read_write, options));
}

Segment Segment::open_read_only(std::string_view name, const Options& options) {
  return Segment(open_file(name, Mapping::Access::read_only, options));
}

Segment Segment::open_or_create(std::string_view name, const Options& options) {
  for (;;) {
    try {
      return open(name, options);
    } catch (const NotFound&) {
    }
    try {
      return create(name, options);
    } catch (const AlreadyExists&) {  // somebody was faster: it is complete
    }
  }
}

bool Segment::exists(std::string_view name, const Options& options) {
  return is_segment(path_of(name, options));
}

std::vector<std::string> Segment::list(const Options& options) {
  std::error_code error;
  std::vector<std::string> names;
  for (std::filesystem::directory_iterator at(options.directory, error), end; !error && at != end;
       at.increment(error))
    if (is_segment(at->path().native())) names.push_back(at->path().filename().native());
  if (error) throw SystemError(error.value(), "cannot look for segments in " + options.directory);
  std::sort(names.begin(), names.end());
  return names;
}

bool Segment::remove(std::string_view name, const Options& options) {
  const std::string path = path_of(name, options);
  if (::unlink(path.c_str()) == 0) return true;
  if (errno == ENOENT) return false;
  throw SystemError(errno, "cannot remove segment '" + std::string(name) + "' (" + path + ")");
}

Segment Segment::adopt(int fd, const Options& options) {
  Descriptor own(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
  if (own.get() < 0) throw SystemError(errno, "cannot adopt descriptor " + std::to_string(fd));
  // One adopter at a time, so that only one finds it empty. The lock belongs to the open file,
  // which inherited and duplicated descriptors share: hence one of its own, and with it the lock
  // goes.
  const std::string self = "/proc/self/fd/" + std::to_string(own.get());
  const Descriptor locked(::open(self.c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK));
  if (locked.get() < 0) throw SystemError(errno, "cannot open the file to adopt (" + self + ")");
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_start = detail::adoption_mark_at;
  lock.l_len = 1;
  while (::fcntl(locked.get(), F_OFD_SETLKW, &lock) != 0)
    if (errno != EINTR) throw SystemError(errno, "cannot lock the file to adopt");
  // The mark is written last of all: without it whoever began to make a segment here did not end.
  std::uint64_t mark = 0;
  if (::pread(locked.get(), &mark, sizeof mark, 0) < 0)
    throw SystemError(errno, "cannot read the file to adopt");
  if (mark == 0) check_zero(locked.get());
  return Segment(mark == 0 || mark == detail::Header::magic_begun
                     ? Mapping::make(own.release(), Mapping::Lifetime::named, {}, options)
                     : Mapping::attach(own.release(), Mapping::Access::read_write, {}, options));
}

Segment Segment::adopt(std::span<std::byte> memory, const Options& options) {
  return Segment(Mapping::adopt(memory, options));
}

Place Segment::operator[](std::string_view name) const {
  if (name.empty())
    throw InvalidArgument(
        "'' is no name for an object in " + mapping_->describe() +
        ": it must have 1 to 250 characters and no slash (without a name: nameless())");
  return Place(mapping_, name);
}
Place Segment::nameless() const { return Place(mapping_, {}); }
bool Segment::erase(std::string_view name) const { return mapping_->erase(name); }
void Segment::acknowledge_erased() const { mapping_->acknowledge_erased(); }
std::vector<Segment::Entry> Segment::objects() const { return mapping_->objects(); }
const std::string& Segment::name() const noexcept { return mapping_->name(); }
bool Segment::read_only() const noexcept { return mapping_->read_only(); }
std::size_t Segment::size() const noexcept { return mapping_->committed(); }
std::size_t Segment::capacity() const noexcept { return mapping_->reserve(); }
std::size_t Segment::used() const { return mapping_->used(); }

void configure_heap(const SegmentOptions& options) { Mapping::configure_heap(options); }

}  // namespace lagoon
