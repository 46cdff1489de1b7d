#include "text.hpp"

#include <lagoon/error.hpp>

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <thread>

namespace tool {

namespace {

bool begins_character(char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }

std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), begins_character));
}

}  // namespace

std::string in_units(std::uint64_t bytes) {
  constexpr std::array units{"B", "KiB", "MiB", "GiB", "TiB"};
  auto x = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; x >= 1000 && unit + 1 < units.size(); ++unit) x /= 1024;
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), unit == 0 || x >= 10 ? "%.0f %s" : "%.1f %s", x,
                units[unit]);
  return text.data();
}

std::string counted(std::uint64_t n, std::string_view what) {
  return std::to_string(n) + " " + std::string(what) + (n == 1 ? "" : "s");
}

std::string printable(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto at = [&](std::size_t k) {
      return i + k < text.size() ? static_cast<unsigned char>(text[i + k]) : 0U;
    };
    // U+0080 to U+009F, which some terminals obey too, and what turns the direction of writing:
    // U+200E, U+200F, U+202A to U+202E, U+2066 to U+2069.
    const bool is_c1 = at(0) == 0xC2 && at(1) >= 0x80 && at(1) <= 0x9F;
    const bool turns =
        at(0) == 0xE2 &&
        ((at(1) == 0x80 && (at(2) == 0x8E || at(2) == 0x8F || (at(2) >= 0xAA && at(2) <= 0xAE))) ||
         (at(1) == 0x81 && at(2) >= 0xA6 && at(2) <= 0xA9));
    const bool is_control = at(0) < ' ' || at(0) == 127;
    out += is_c1 || turns || is_control ? '?' : text[i];
    i += is_c1 ? 1 : turns ? 2 : 0;
  }
  return out;
}

std::string shortened(std::string_view text, std::size_t most) {
  if (width_of(text) <= most) return std::string(text);
  std::size_t end = 0;
  for (std::size_t characters = 0; end < text.size(); ++end)
    if (begins_character(text[end]) && ++characters == std::max<std::size_t>(most, 1)) break;
  return std::string(text.substr(0, end)) + "…";
}

std::string Table::text() const {
  std::vector<std::size_t> widths;
  for (const Column& column : columns_) widths.push_back(width_of(column.head));
  for (const Row& row : rows_)
    for (std::size_t i = 0; !row.is_line && i < row.cells.size(); ++i)
      widths[i] = std::max(widths[i], width_of(row.cells[i]));
  std::string out;
  const auto add_cell = [&](std::size_t i, const std::string& cell) {
    const std::string space(widths[i] - std::min(widths[i], width_of(cell)), ' ');
    const bool is_last = i + 1 == columns_.size();
    if (columns_[i].align == Align::right) out += space;
    out += cell;
    if (columns_[i].align == Align::left && !is_last) out += space;
    out += is_last ? "\n" : "  ";
  };
  for (std::size_t i = 0; i < columns_.size(); ++i) add_cell(i, columns_[i].head);
  for (const Row& row : rows_) {
    if (row.is_line)
      out += std::string(widths[0] + 2, ' ') + row.cells[0] + "\n";
    else
      for (std::size_t i = 0; i < row.cells.size(); ++i) add_cell(i, row.cells[i]);
  }
  return out;
}

void write_out(const std::string& text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0)
    throw lagoon::SystemError(errno, "standard output cannot be written to");
}

void repeat(std::chrono::duration<double> interval, std::size_t times,
            const std::function<std::string()>& text) {
  for (std::size_t i = 0;; ++i) {
    const auto next = std::chrono::steady_clock::now() + interval;
    std::string now = text();
    winsize size{};
    if (::isatty(STDOUT_FILENO) == 1 && ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0) {
      std::size_t end = 0;
      for (int line = 1; line < size.ws_row && end != std::string::npos; ++line)
        end = now.find('\n', end + (line == 1 ? 0 : 1));
      now = "\x1b[H\x1b[J" + now.substr(0, end) + (end == std::string::npos ? "" : "\n");
    } else if (i != 0) {
      now = "\n" + now;
    }
    write_out(now);
    if (i + 1 == times) return;
    std::this_thread::sleep_until(next);
  }
}

}  // namespace tool
