#include <lagoon/error.hpp>
#include <lagoon/segment.hpp>
#include <lagoon/segment_copy.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "at_one_moment.hpp"
#include "command_line.hpp"
#include "commands.hpp"
#include "text.hpp"

namespace tool {

namespace {

/// A file that has no name yet, and is gone if it gets none.
class NewFile {
 public:
  /// AlreadyExists if there is one of that name; with `replaces`, in its place.
  NewFile(std::string path, bool replaces) : path_(std::move(path)), replaces_(replaces) {
    if (path_.empty()) throw lagoon::InvalidArgument("the name of a file is expected, not ''");
    std::error_code error;
    if (std::filesystem::is_directory(path_, error) || path_.ends_with('/'))
      throw lagoon::InvalidArgument("'" + path_ +
                                    "' is a directory; the name of a file is expected");
    // Said before anything is done for it; who makes one meanwhile is told so by get_name().
    if (!replaces_ && std::filesystem::exists(path_, error)) throw_exists();
    const std::string directory = std::filesystem::path(path_).parent_path();
    fd_ = ::open(directory.empty() ? "." : directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd_ < 0)
      throw lagoon::SystemError(errno, "cannot make a file in '" +
                                           (directory.empty() ? "." : directory) +
                                           "' (of a kind that can: tmpfs, ext4, xfs, btrfs)");
  }
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;
  ~NewFile() { ::close(fd_); }

  [[nodiscard]] int fd() const noexcept { return fd_; }
  void get_name(mode_t mode) {
    if (::fchmod(fd_, mode) != 0 || ::fsync(fd_) != 0)
      throw lagoon::SystemError(errno, "cannot write '" + path_ + "'");
    if (link_at(path_)) return;
    if (errno != EEXIST) throw lagoon::SystemError(errno, "cannot name '" + path_ + "'");
    if (!replaces_) throw_exists();
    // Nobody finds neither the old one nor the new one.
    const std::string beside = path_ + "." + std::to_string(::getpid());
    const bool is_beside = link_at(beside);
    if (is_beside && ::rename(beside.c_str(), path_.c_str()) == 0) return;
    const int error = errno;
    if (is_beside) ::unlink(beside.c_str());
    throw lagoon::SystemError(error, "cannot replace '" + path_ + "'");
  }

 private:
  bool link_at(const std::string& path) const {
    return ::linkat(AT_FDCWD, ("/proc/self/fd/" + std::to_string(fd_)).c_str(), AT_FDCWD,
                    path.c_str(), AT_SYMLINK_FOLLOW) == 0;
  }
  [[noreturn]] void throw_exists() const {
    throw lagoon::AlreadyExists("there is a '" + path_ + "' already (--force replaces it)");
  }
  std::string path_;
  bool replaces_;
  int fd_;
};

/// To write, if this process may: so that it can have locks, and turns.
lagoon::Segment opened(const std::string& name, lagoon::SegmentOptions options) {
  options.any_owner = true;
  try {
    return lagoon::Segment::open(name, options);
  } catch (const lagoon::SystemError& error) {
    if (error.code().value() != EACCES && error.code().value() != EROFS) throw;
    return lagoon::Segment::open_read_only(name, options);
  }
}

struct How {
  std::size_t reserve = 0;  // 0: as the one that is copied
  bool replaces = false;
  std::string stopped;  // who has this file open, for so many seconds at most; if not empty
  double seconds = 0;
};

/// The exit code: 3 if there is something that could not be copied.
int copy(const std::string& command, const lagoon::Segment& from, const std::string& path,
         mode_t mode, const How& how) {
  NewFile file(path, how.replaces);
  lagoon::SegmentOptions options;
  // In a full one things lie closer together than they can be put again.
  options.reserve =
      how.reserve != 0 ? how.reserve : std::max(from.capacity(), 2 * from.used() + (1 << 20));
  options.participants = lagoon::detail::participants_of(from).capacity();
  const lagoon::Segment to = lagoon::Segment::adopt(file.fd(), options);
  const Copied copied = how.stopped.empty()
                            ? Copied{lagoon::copy_objects(from, to), {}}
                            : copied_at_one_moment(from, how.stopped, to, how.seconds);
  file.get_name(mode);
  if (!copied.how.empty()) write_out(copied.how);
  for (const auto& [name, why] : copied.not_copied)
    std::fprintf(stderr, "%s: not copied: %s: %s\n", command.c_str(), printable(name).c_str(),
                 printable(why).c_str());
  return copied.not_copied.empty() ? 0 : 3;
}

void add_options(CLI::App& app, lagoon::SegmentOptions& options, How& how,
                 const std::string& what_force_does) {
  app.add_option("--directory", options.directory, "where segments lie")->capture_default_str();
  app.add_option("--reserve", how.reserve,
                 "how far the copy can grow, in bytes (or 64M, 2G, …); else as far as the one that "
                 "is copied, and at least to twice of what is in use")
      ->transform(CLI::AsSizeValue(false))
      ->transform(not_negative());  // which comes first
  app.add_flag("-f,--force", how.replaces, what_force_does);
}

mode_t mode_of(const std::string& path) {
  struct stat about {};
  return ::stat(path.c_str(), &about) == 0 ? about.st_mode & 0777 : 0600;
}

}  // namespace

int cp(int argc, char** argv) {
  std::string name, path;
  lagoon::SegmentOptions options;
  How how;
  CLI::App app{
      "Copies what is in a segment to a file, from which lagoon load makes a segment again, while "
      "others work with it: each object as it was at one moment, but not all at the same one, "
      "except with --stop. Locks are free in the copy. The file appears when it is complete. What "
      "cannot be copied (structs "
      "that were constructed in place, what lies behind locks of an application's own) is said, "
      "and then it exits with 3."};
  app.name("lagoon cp");
  app.add_option("NAME", name, "of a segment")->required();
  app.add_option("FILE", path, "which is made")->required();
  add_options(app, options, how, "replaces the file, if there is one");
  app.add_option(
         "--stop", how.seconds,
         "all objects at the same moment: meanwhile whoever else has the segment open stands "
         "still, for so many seconds at most (if the copy is not done by then, there is "
         "none); when lagoon ends, also when it is killed, they run on")
      ->check(seconds_validator());
  if (const auto code = answered(app, argc, argv)) return *code;
  try {
    const std::string source = options.directory + "/" + name;
    if (how.seconds != 0) how.stopped = source;
    return copy("lagoon cp", opened(name, options), path, mode_of(source), how);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "lagoon cp: %s\n", printable(error.what()).c_str());
    return 1;
  }
}

int load(int argc, char** argv) {
  std::string path, name;
  lagoon::SegmentOptions options;
  How how;
  CLI::App app{
      "Makes a segment of what lagoon cp has copied to a file. It appears when it is complete."};
  app.name("lagoon load");
  app.add_option("FILE", path, "that lagoon cp has made")->required();
  const auto* const named =
      app.add_option("NAME", name, "of the segment; without it, that of the file");
  add_options(app, options, how,
              "in place of the segment of that name, if there is one: who has that open keeps it");
  if (const auto code = answered(app, argc, argv)) return *code;
  try {
    if (path.empty()) throw lagoon::InvalidArgument("the name of a file is expected, not ''");
    const std::filesystem::path file = std::filesystem::absolute(path);
    if (named->count() == 0) name = file.filename();
    if (name.empty() || name.find('/') != std::string::npos)
      throw lagoon::InvalidArgument("a segment cannot be called '" + name + "'");
    lagoon::SegmentOptions there;
    there.directory = file.parent_path();
    return copy("lagoon load", opened(file.filename(), there), options.directory + "/" + name,
                mode_of(file), how);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "lagoon load: %s\n", printable(error.what()).c_str());
    return 1;
  }
}

}  // namespace tool
