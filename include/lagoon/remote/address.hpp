#pragma once
/// Where a manager's server listens, as Python's multiprocessing has it.
///
///   Address::parse("/run/user/1000/trading")    a Unix socket at that path
///   Address::parse("@trading")                  one of that abstract name, which is no file
///   Address::parse("127.0.0.1:5000")            TCP over IPv4; port 0 is any that is free
///
/// In Python: '/run/user/1000/trading', '\0trading', ('127.0.0.1', 5000).

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace lagoon::remote {

class Address {
 public:
  /// A Unix socket in the file system, one of an abstract name, or TCP over IPv4.
  enum class Kind : std::uint8_t { path, abstract, tcp };

  /// InvalidArgument for what is none of these.
  static Address parse(std::string_view text);
  /// Whatever characters the path has: `parse` would read some of them.
  static Address path(std::string_view path);
  /// Without the NUL, or @, in front.
  static Address abstract(std::string_view name);
  /// An address of four numbers, or a name.
  static Address tcp(std::string_view host, std::uint16_t port);
  /// A Unix socket of that name in private_directory().
  static Address of_owner(std::string_view name);

  /// Which of the three.
  [[nodiscard]] Kind kind() const noexcept { return kind_; }
  /// The path, the abstract name or the host.
  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  /// Of TCP; else zero.
  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  /// As `parse` takes it.
  [[nodiscard]] std::string text() const;

  bool operator==(const Address&) const = default;

 private:
  Address(Kind kind, std::string_view name, std::uint16_t port)
      : kind_(kind), name_(name), port_(port) {}
  Kind kind_;
  std::string name_;
  std::uint16_t port_;
};

/// A directory that only its owner can enter, made if it is not there: in $XDG_RUNTIME_DIR, or else
/// in /tmp. SystemError; InvalidArgument if another has made it, or others may enter.
std::string private_directory();
/// So many random bytes, in hexadecimal. SystemError if there are none.
std::string random_text(std::size_t bytes);
/// What it says in that file there, which only its owner can read; made of random bytes if it is
/// not there.
std::string private_key(const std::string& path);

}  // namespace lagoon::remote
