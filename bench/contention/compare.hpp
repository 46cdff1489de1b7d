#pragma once
/// This run beside an older one, of another commit or another day.
///
/// A machine that is busier, or warmer, is slower with everything. So what all strategies have in
/// common is taken away first: a cell's change is its time now by its time then, divided by the
/// median of these over the cells of all other strategies. A strategy is *slower* if the median
/// change over its cells is more than 5 %, and more than three times as far from none as chance
/// would put it, by how much its cells, and the others', scatter, and by how far the other
/// strategies have moved. One with fewer than eight cells is not judged.
///
/// To find a tenth some strategies alone must be measured, again and again (docs/benchmarks.md).

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "results.hpp"

namespace contention {

/// ns for one operation, of each run, by the name of the cell.
using Times = std::map<std::string, std::vector<double>>;

struct Change {
  std::string strategy;
  double ratio = 1;  // time now by time then, without what all have in common
  double error = 0;  // of its logarithm: a standard deviation
  std::size_t cells = 0;

  /// 1: slower, -1: faster, 0: neither, as far as can be told.
  [[nodiscard]] int verdict() const;
};

struct Comparison {
  std::vector<Change> changes;
  double common = 1;  // what all have in common
  /// Of the ranks, within each place: 1 is the same order. Those that the report calls level
  /// (within 10 %, or with runs that overlap) rank alike; where all are, a place
  /// says nothing.
  double correlation = 0;
};

/// The strategy of a cell is the last part of its name but one.
Comparison compare(const Times& then, const Times& now);

/// Out of Google Benchmark's JSON, or of a CSV.
Times times_in(const std::filesystem::path& path);
Times times_of(const Results& results);

/// In words.
std::string text_of(const Comparison& comparison);

}  // namespace contention
