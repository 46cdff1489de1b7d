#include "progress.hpp"

#include <unistd.h>

#include <cstdio>

#include "clock.hpp"

namespace contention {
namespace {
constexpr std::int64_t between_lines_ns = 10'000'000'000;
}

Progress::Progress() : terminal_(::isatty(STDERR_FILENO) != 0) {}

void Progress::show(std::size_t number, std::size_t of, double seconds_left,
                    const std::string& what) {
  char line[200];
  std::snprintf(line, sizeof line, "%3zu of %zu, %3.0f s left  %s", number, of, seconds_left,
                what.c_str());
  if (terminal_) {
    std::fprintf(stderr, "\r\033[K%s", line);
  } else if (monotonic_ns() - last_ns_ >= between_lines_ns) {
    last_ns_ = monotonic_ns();
    std::fprintf(stderr, "%s\n", line);
  }
  std::fflush(stderr);
}

void Progress::say(const std::string& message) {
  std::fprintf(stderr, "%s%s\n", terminal_ ? "\r\033[K" : "", message.c_str());
}

void Progress::finish() {
  if (terminal_) std::fputs("\r\033[K", stderr);
}

}  // namespace contention
