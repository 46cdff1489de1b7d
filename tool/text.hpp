#pragma once
/// How the commands write: tables, sizes, and what others have called something.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace tool {

/// Such as "12 KiB".
std::string in_units(std::uint64_t bytes);
/// Such as "1 message", "12 messages".
std::string counted(std::uint64_t n, std::string_view what);
/// Without what a name or a command may have in it that a terminal would obey.
std::string printable(std::string_view text);
/// Of UTF-8, so many characters at most; then it ends with "…".
std::string shortened(std::string_view text, std::size_t most);

class Table {
 public:
  enum class Align : std::uint8_t { left, right };
  struct Column {
    std::string head;
    Align align = Align::left;
  };
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
  /// A cell for each column.
  void add(std::vector<std::string> row) { rows_.push_back({std::move(row), false}); }
  /// A line of its own, below the row that was added last, from the second column on.
  void add_line(std::string line) { rows_.push_back({{std::move(line)}, true}); }
  [[nodiscard]] bool empty() const noexcept { return rows_.empty(); }
  [[nodiscard]] std::string text() const;

 private:
  struct Row {
    std::vector<std::string> cells;
    bool is_line;
  };
  std::vector<Column> columns_;
  std::vector<Row> rows_;
};

/// To standard output. SystemError if that cannot be written to.
void write_out(const std::string& text);
/// text(), again and again: on a terminal in place of the one before, as much as there is room for;
/// else below it, with an empty line between. So many times; zero: until somebody ends the program.
void repeat(std::chrono::duration<double> interval, std::size_t times,
            const std::function<std::string()>& text);

}  // namespace tool
