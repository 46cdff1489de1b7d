#pragma once
/// What was measured, and what may be said of it.

#include <string>
#include <utility>
#include <vector>

#include "question.hpp"
#include "strategy.hpp"

namespace contention {

/// One strategy on one workload with so many children; a run for each repetition.
struct Row {
  Workload workload;
  int children = 1;
  std::string strategy;
  Family family = Family::peer;
  std::vector<Outcome> runs;

  /// The median of each figure by itself (torn and lost: the sum over all runs).
  [[nodiscard]] Outcome median() const;
  /// Lowest and highest operations per second of all runs.
  [[nodiscard]] std::pair<double, double> spread() const;
};

/// Why a row cannot win, in words; empty if it can. Whoever tears, loses updates or lets somebody
/// starve is fast at something else than what was asked. Starved: less than a hundredth of what
/// was due for the time in which that one was not waiting for a processor (`Outcome::least_due`):
/// that the scheduler did not come round is no fault of the strategy. But where somebody did
/// nothing at all, the others had what was his, and nobody can tell.
std::string unfit(const Row& row);

/// The name of a cell: update64/pthread_mutex/children:16.
std::string name_of(const std::string& strategy, const Place& place);
inline std::string name_of(const Row& row) {
  return name_of(row.strategy, {row.workload, row.children});
}

struct Verdict {
  const Row* winner = nullptr;         // null where nothing fit to win was measured
  const Row* next = nullptr;           // null where there is no other
  double ratio = 1;                    // of their operations per second
  std::vector<const Row*> level = {};  // too near to the first for it to be called the winner

  [[nodiscard]] bool is_level() const { return !level.empty(); }
};

struct Results {
  std::vector<Row> rows;                                   // in the order they were asked for
  std::vector<Asked> asked;                                // the questions
  std::vector<std::pair<std::string, std::string>> facts;  // of the machine and of this run
  std::vector<std::string> skipped;                        // "CPython Value: no python3 here"
  std::string incomplete;                                  // why, if it was stopped half-way
  int processors = 1;                                      // that the children could use
  double others = 0;                                       // part of the processors' time that
                                                           // went to other programs meanwhile
  int repetitions = 1;
  Clock clock;  // that timed single operations

  void add(const Strategy& strategy, const Place& place, const Outcome& outcome);

  /// What was measured of a question.
  [[nodiscard]] std::vector<Workload> workloads_of(const Asked& one) const;
  [[nodiscard]] std::vector<int> children_of(const Workload& workload) const;
  [[nodiscard]] std::vector<std::string> strategies_of(const Workload& workload) const;
  [[nodiscard]] std::vector<const Row*> at(const Place& place) const;
  [[nodiscard]] const Row* find(const Place& place, const std::string& strategy) const;
  /// Two that are nearer than this are level. Of two runs of one build on a virtual machine, half
  /// of the cells were another by 7 % or more, where they are medians of three, else by 13 %. So
  /// are two whose runs overlap: the better one of them was not better each time. And what other
  /// programs took is taken from the one or the other.
  [[nodiscard]] double level_within() const {
    return (repetitions > 1 ? 1.10 : 1.20) + (is_disturbed() ? others : 0);
  }
  [[nodiscard]] bool is_disturbed() const { return others > 0.05; }
  [[nodiscard]] Verdict verdict(const Place& place) const;
  /// Operations per second of the best peer that is fit to win; 0 if there is none.
  [[nodiscard]] double best_peer(const Place& place) const;
  /// What a reader must know before the figures, a sentence each.
  [[nodiscard]] std::vector<std::string> warnings() const;
  /// The number of children that an answer is about: 16, or the most there were below that.
  [[nodiscard]] int spotlight(const Asked& one, const Workload& workload) const;
};

double median_of(std::vector<double> values);  // 0 of none

// Figures for people: three digits and a unit.
std::string rate_text(double per_second);
std::string time_text(double ns);
/// So long took the `part` of those that were timed; nothing if they are too few to tell.
std::string tail_text(const Outcome& figures, double ns, double part);
std::string ratio_text(double ratio);       // "3.1 ×"
std::string two_digits(double value);       // "0.25"
std::string grouped(std::size_t number);    // "1,000"
std::string bytes_text(std::size_t bytes);  // "64 KiB"

/// The table, for a terminal.
std::string table_of(const Results& results);
/// Each run's figures, a line for each.
std::string csv_of(const Results& results);
/// The report: one HTML page that needs nothing else.
std::string page_of(const Results& results);

}  // namespace contention
