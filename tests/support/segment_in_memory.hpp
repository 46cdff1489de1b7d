#pragma once
/// A segment in a file of our own, so that a test sees all of its memory; a new one for each trial.

#include <lagoon/array.hpp>
#include <lagoon/segment.hpp>

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>

namespace lagoon::test {

class SegmentInMemory {
 public:
  static constexpr const char* mapping = "memfd:lagoon-test";  // its name in /proc/self/maps

  SegmentInMemory() { begin_anew(); }
  ~SegmentInMemory() { end(); }
  SegmentInMemory(const SegmentInMemory&) = delete;
  SegmentInMemory& operator=(const SegmentInMemory&) = delete;

  Segment& operator*() { return *segment_; }
  Segment* operator->() { return &*segment_; }

  void begin_anew() {
    end();
    fd_ = memfd_create("lagoon-test", MFD_CLOEXEC);
    attach();
    memory_ =
        static_cast<std::byte*>(mmap(nullptr, reserve, PROT_READ | PROT_WRITE, MAP_SHARED, fd_, 0));
  }
  /// As another process would: sweeps what the dead have left.
  void attach() {
    segment_.reset();
    SegmentOptions options;
    options.reserve = reserve;
    options.participants = 8;
    segment_.emplace(Segment::adopt(fd_, options));
  }
  /// When nothing is in use: whether all of the memory can be had, in one piece and zeroed.
  [[nodiscard]] bool is_whole() {
    const std::size_t size = segment_->size();
    const Array<char, mode::raw> all((*segment_)["all"], size - overhead());
    const bool is_zero = std::ranges::all_of(all.get_obj(), [](char c) { return c == 0; });
    return is_zero && segment_->size() == size;
  }
  /// The same, in memory that is mapped already.
  [[nodiscard]] Segment attach_once_more() const { return Segment::adopt({memory_, reserve}); }
  /// All that is committed.
  [[nodiscard]] std::span<const std::byte> memory() const { return {memory_, segment_->size()}; }

 private:
  static constexpr std::size_t reserve = 4 << 20;

  /// Of a segment's bytes, those that no single object can have.
  static std::size_t overhead() {
    static const std::size_t bytes = [] {
      for (std::size_t most = 64;; most += 64) {
        SegmentInMemory fresh;
        const std::size_t size = fresh->size();
        const Array<char, mode::raw> all((*fresh)["all"], size - most);
        if (fresh->size() == size) return most;
      }
    }();
    return bytes;
  }

  void end() {
    if (fd_ < 0) return;
    munmap(memory_, reserve);
    close(fd_);
  }

  int fd_ = -1;
  std::optional<Segment> segment_;
  std::byte* memory_ = nullptr;
};

}  // namespace lagoon::test
