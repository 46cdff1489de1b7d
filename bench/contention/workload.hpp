#pragma once
/// What the children do: one operation, over and over, on so many doubles (or one integer), with so
/// much time between two; beside a writer, if it is reading.

#include <compare>
#include <cstddef>
#include <limits>
#include <string>

namespace contention {

enum class Operation {
  count,    // add one to a shared integer
  update,   // add one to each of the doubles, as one change
  read,     // copy them, as they were at one moment, while one more process writes all of them
  outlive,  // the same; then the writer is stopped in the midst of a write, and then killed there
};

struct Workload {
  Operation operation = Operation::count;
  std::size_t doubles = 1;
  double think_ns = 0;  // that a child works by itself between two of its operations
  double writes_per_s =
      std::numeric_limits<double>::infinity();  // of the writer: as many as it can

  friend auto operator<=>(const Workload&, const Workload&) = default;

  [[nodiscard]] bool has_writer() const {
    return operation == Operation::read || operation == Operation::outlive;
  }
  [[nodiscard]] bool is_paced() const {
    return has_writer() && writes_per_s != std::numeric_limits<double>::infinity();
  }
};

inline constexpr Workload counter{Operation::count};
inline constexpr Workload update64{Operation::update, 64};
inline constexpr Workload snapshot64{Operation::read, 64};

/// For the name of a cell: counter, update64, update64/think:80ns, snapshot64/writes:1000.
std::string key_of(const Workload& workload);
/// Increment one counter; Update 64 doubles; Read 64 doubles beside a writer.
std::string title_of(const Workload& workload);
/// What an operation is, in some sentences.
std::string story_of(const Workload& workload);

}  // namespace contention
