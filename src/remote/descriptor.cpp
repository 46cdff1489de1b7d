#include "descriptor.hpp"

#include <pthread.h>
#include <unistd.h>

#include <mutex>

namespace lagoon::remote {

namespace {

constinit std::mutex forking;
constinit Descriptor* first_open = nullptr;

}  // namespace

Descriptor::Unforked::Unforked() noexcept {
  static const int registered = ::pthread_atfork([] { forking.lock(); }, [] { forking.unlock(); },
                                                 [] {
                                                   close_all();
                                                   forking.unlock();
                                                 });
  (void)registered;  // without memory for that, children keep what they would not have
  forking.lock();
}

Descriptor::Unforked::~Unforked() { forking.unlock(); }

void Descriptor::close_all() noexcept {
  while (first_open != nullptr) {
    Descriptor& open = *first_open;
    open.unlink();
    ::close(std::exchange(open.fd_, -1));
  }
}

void Descriptor::link() noexcept {
  if (fd_ < 0) return;
  after_ = std::exchange(first_open, this);
  if (after_ != nullptr) after_->before_ = this;
}

void Descriptor::unlink() noexcept {
  if (fd_ < 0) return;
  (before_ != nullptr ? before_->after_ : first_open) = after_;
  if (after_ != nullptr) after_->before_ = before_;
  before_ = after_ = nullptr;
}

Descriptor::~Descriptor() {
  if (fd_ < 0) return;
  {
    const Unforked guard;
    unlink();
  }
  ::close(fd_);
}

}  // namespace lagoon::remote
