#pragma once
/// What the children do: one operation, over and over, on so many doubles (or one integer, or a
/// container), with so much time between two; beside a writer, if it is reading.

#include <compare>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>

namespace contention {

enum class Operation {
  count,    // add one to a shared integer
  update,   // add one to each of the doubles, as one change
  mix,      // copy them, as they were at one moment, nineteen times of twenty; else update them
  read,     // copy them, while one more process writes all of them
  outlive,  // the same; then the writer is stopped in the midst of a write, and then killed there
  // Of a dict, whose values are so many doubles:
  look_up,         // get the value of one of its keys, at random
  look_up_beside,  // the same, while one more process replaces values
  replace,         // set the value of one of its keys
  change,          // add one to each of the doubles of one of its values, as one change
  // Of a list:
  index,      // get one of its elements, at random
  increment,  // add one to one of its elements, as one change
  append,     // append one, and pop one
  // Of a queue:
  pass,  // half of the children put messages of so many doubles, the others get them
};

struct Workload {
  Operation operation = Operation::count;
  std::size_t doubles = 1;
  double think_ns = 0;  // that a child works by itself between two of its operations
  double writes_per_s =
      std::numeric_limits<double>::infinity();  // of the writer: as many as it can
  std::size_t keys = 0;                         // in the dict, or elements in the list

  friend auto operator<=>(const Workload&, const Workload&) = default;

  [[nodiscard]] bool has_writer() const {
    return operation == Operation::read || operation == Operation::outlive ||
           operation == Operation::look_up_beside;
  }
  [[nodiscard]] bool is_of_a_dict() const {
    return operation >= Operation::look_up && operation <= Operation::change;
  }
  [[nodiscard]] bool is_of_a_list() const {
    return operation >= Operation::index && operation <= Operation::append;
  }
  /// Whether it is done with as many doubles as one likes.
  [[nodiscard]] bool has_sizes() const {
    return operation != Operation::count && operation != Operation::change &&
           operation != Operation::pass && !is_of_a_list();
  }
  [[nodiscard]] bool is_paced() const {
    return has_writer() && writes_per_s != std::numeric_limits<double>::infinity();
  }
};

inline constexpr Workload counter{Operation::count};
inline constexpr Workload update64{Operation::update, 64};
inline constexpr Workload mixed64{Operation::mix, 64};
inline constexpr Workload snapshot64{Operation::read, 64};

/// Of `mix`, one of so many operations is an update; each child begins somewhere else.
inline constexpr std::uint64_t one_update_of = 20;
inline std::uint64_t updates_among(std::uint64_t operations, int seat) {
  return (operations + static_cast<std::uint64_t>(seat) % one_update_of) / one_update_of;
}

/// For the name of a cell: counter, update64, update64/think:80ns, snapshot64/writes:1000.
std::string key_of(const Workload& workload);
/// Increment one counter; Update 64 doubles; Read 64 doubles beside a writer.
std::string title_of(const Workload& workload);
/// What an operation is, in some sentences.
std::string story_of(const Workload& workload);

}  // namespace contention
