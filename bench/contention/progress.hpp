#pragma once
/// The line on stderr that says where the run is and how long it will take.

#include <cstddef>
#include <cstdint>
#include <string>

namespace contention {

/// On a terminal one line that rewrites itself; elsewhere a line every few seconds.
class Progress {
 public:
  Progress();
  void show(std::size_t number, std::size_t of, double seconds_left, const std::string& what);
  /// A message that stays.
  void say(const std::string& message);
  /// Clears the line, before the table.
  void finish();

 private:
  bool terminal_;
  std::int64_t last_ns_ = 0;
};

}  // namespace contention
