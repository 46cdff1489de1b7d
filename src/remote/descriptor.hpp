#pragma once
/// A descriptor that is closed when this goes; and in every child that this process forks: what has
/// ended here must not live on there, where who is at the other end cannot see it.

#include <cerrno>
#include <utility>

namespace lagoon::remote {

class Descriptor {
 public:
  Descriptor() = default;
  /// The one that make() gives; -1 is none. No child is forked meanwhile.
  template <class Make>
  static Descriptor of(Make&& make) {
    Descriptor made;
    int error = 0;
    {
      const Unforked guard;
      made.fd_ = make();
      error = errno;
      made.link();
    }
    errno = error;
    return made;
  }
  Descriptor(Descriptor&& other) noexcept {
    const Unforked guard;
    take(other);
  }
  Descriptor& operator=(Descriptor&& other) noexcept {
    Descriptor before(std::move(*this));
    const Unforked guard;
    take(other);
    return *this;
  }
  ~Descriptor();
  /// -1 in a child that was forked since.
  [[nodiscard]] int get() const noexcept { return fd_; }

 private:
  /// As long as it lives no child is forked.
  class Unforked {
   public:
    Unforked() noexcept;
    ~Unforked();
    Unforked(const Unforked&) = delete;
    Unforked& operator=(const Unforked&) = delete;
  };
  static void close_all() noexcept;

  void link() noexcept;
  void unlink() noexcept;
  void take(Descriptor& other) noexcept {
    other.unlink();
    fd_ = std::exchange(other.fd_, -1);
    link();
  }

  int fd_ = -1;
  Descriptor *before_ = nullptr, *after_ = nullptr;  // of all that are open
};

}  // namespace lagoon::remote
