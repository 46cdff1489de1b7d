#include <lagoon/error.hpp>
#include <lagoon/remote/address.hpp>

#include <fcntl.h>
#include <openssl/rand.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <vector>

#include "connection.hpp"

namespace lagoon::remote {

namespace {

std::string quoted(std::string_view text) { return "'" + std::string(text) + "'"; }

/// What a Unix socket can be called.
void check_length(std::string_view name) {
  constexpr std::size_t most = sizeof(sockaddr_un::sun_path) - 1;
  if (name.empty() || name.size() > most || name.find('\0') != std::string_view::npos)
    throw InvalidArgument("the name of a Unix socket has 1 to " + std::to_string(most) +
                          " bytes, none of them NUL; " + quoted(name) + " has " +
                          std::to_string(name.size()));
}

}  // namespace

Address Address::path(std::string_view path) {
  check_length(path);
  return {Kind::path, path, 0};
}

Address Address::abstract(std::string_view name) {
  check_length(name);
  return {Kind::abstract, name, 0};
}

Address Address::tcp(std::string_view host, std::uint16_t port) {
  if (host.empty()) throw InvalidArgument("an address of TCP wants a host, such as 127.0.0.1");
  return {Kind::tcp, host, port};
}

Address Address::parse(std::string_view text) {
  if (text.starts_with('@')) return abstract(text.substr(1));
  const auto colon = text.rfind(':');
  if (text.find('/') == std::string_view::npos && colon != std::string_view::npos) {
    std::uint16_t port = 0;
    const char* const end = text.data() + text.size();
    const auto [read, error] = std::from_chars(text.data() + colon + 1, end, port);
    if (error == std::errc{} && read == end) return tcp(text.substr(0, colon), port);
    throw InvalidArgument("a port of 0 to 65535 was expected behind the colon of " + quoted(text));
  }
  if (text.find('/') == std::string_view::npos)
    throw InvalidArgument("an address is a path with a '/' in it, @name, or host:port; this is " +
                          quoted(text));
  return path(text);
}

Address Address::of_owner(std::string_view name) {
  if (name.find('/') != std::string_view::npos)
    throw InvalidArgument("the name of a socket without its directory has no '/'; this is " +
                          quoted(name));
  return path(private_directory() + "/" + std::string(name));
}

std::string private_directory() {
  const char* const runtime = std::getenv("XDG_RUNTIME_DIR");
  const std::string directory = runtime != nullptr && *runtime != '\0'
                                    ? std::string(runtime) + "/lagoon"
                                    : "/tmp/lagoon-" + std::to_string(::geteuid());
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST)
    throw SystemError(errno, "cannot make the directory " + directory);
  struct ::stat is {};
  if (::lstat(directory.c_str(), &is) != 0)
    throw SystemError(errno, "cannot look at the directory " + directory);
  if (!S_ISDIR(is.st_mode) || is.st_uid != ::geteuid() || (is.st_mode & 0077) != 0)
    throw InvalidArgument(directory +
                          " is no directory of this user's that nobody else can enter: remove it, "
                          "or set XDG_RUNTIME_DIR to another place");
  return directory;
}

std::string random_text(std::size_t bytes) {
  std::vector<unsigned char> random(bytes);
  if (::RAND_bytes(random.data(), static_cast<int>(bytes)) != 1)
    throw SystemError(EIO, "OpenSSL has no random bytes");
  std::string text;
  for (const unsigned char byte : random)
    for (const int shift : {4, 0}) text += "0123456789abcdef"[(byte >> shift) & 15];
  return text;
}

std::string private_key(const std::string& path) {
  const Descriptor made = Descriptor::of(
      [&] { return ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600); });
  if (made.get() >= 0) {
    const std::string key = random_text(32);
    if (::write(made.get(), key.data(), key.size()) != static_cast<ssize_t>(key.size()))
      throw SystemError(errno, "cannot write the key " + path);
    return key;
  }
  if (errno != EEXIST) throw SystemError(errno, "cannot make the key " + path);
  const Descriptor file =
      Descriptor::of([&] { return ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW); });
  struct ::stat is {};
  if (file.get() < 0 || ::fstat(file.get(), &is) != 0)
    throw SystemError(errno, "cannot read the key " + path);
  if (is.st_uid != ::geteuid() || (is.st_mode & 0077) != 0)
    throw InvalidArgument("the key " + path +
                          " is another's, or others can read it: chmod 600, or remove it");
  std::array<char, 4096> text{};
  const ssize_t n = ::read(file.get(), text.data(), text.size());
  if (n < 0) throw SystemError(errno, "cannot read the key " + path);
  std::string key(text.data(), static_cast<std::size_t>(n));
  while (!key.empty() && (key.back() == '\n' || key.back() == '\r')) key.pop_back();
  if (key.empty()) throw InvalidArgument("the key " + path + " is empty");
  return key;
}

std::string Address::text() const {
  if (kind_ == Kind::path) return name_;
  if (kind_ == Kind::abstract) return "@" + name_;
  return name_ + ":" + std::to_string(port_);
}

}  // namespace lagoon::remote
