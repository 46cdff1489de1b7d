#pragma once
/// How the time of an operation changes with how much there is of something: bytes, keys, children.

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "results.hpp"

namespace contention {

struct Curve {
  std::string title;   // "Look up a key, 1 process, by keys"
  std::string across;  // "keys"
  std::function<std::string(int)> tick_text;
  std::vector<std::pair<int, Place>> places;  // in order

  /// Least squares of the logarithms of time and of what is across: 0 is flat, 1 proportional.
  /// Nothing where it was measured at fewer than three.
  [[nodiscard]] std::optional<double> slope(const Results& results,
                                            const std::string& strategy) const;
};

/// Of what was measured at three or more: of different bytes and keys; and, if growth is what is
/// asked for, of different numbers of children. If something else is, of as many children as its
/// answer is about.
std::vector<Curve> curves_of(const Results& results, const Asked& asked);
/// What they say: "Dict, 38 ns to 120 ns (slope 0.10); the fastest of the others then: …".
std::vector<std::pair<std::string, std::string>> lines_of(const std::vector<Curve>& curves,
                                                          const Results& results);
std::string slope_text(std::optional<double> slope);  // "0.08", "–"

}  // namespace contention
