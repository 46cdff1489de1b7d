#include "results.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>

namespace contention {
namespace {

constexpr double starved_below = 0.01;

std::string number(double value, const char* unit) {
  char text[48];
  const int digits = value == 0 || (*unit == '\0' && value == std::floor(value)) ? 0
                     : value < 9.995                                             ? 2
                     : value < 99.95                                             ? 1
                                                                                 : 0;
  std::snprintf(text, sizeof text, "%.*f%s", digits, value, unit);
  return text;
}

template <class T, class... Args>
void push_once(std::vector<T>& to, const T& value) {
  if (std::find(to.begin(), to.end(), value) == to.end()) to.push_back(value);
}

bool is_at(const Row& row, const Place& place) {
  return row.workload == place.workload && row.children == place.children;
}

}  // namespace

double median_of(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const auto middle = values.size() / 2;
  return values.size() % 2 != 0 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

Outcome Row::median() const {
  Outcome all;
  const auto median = [&](double Outcome::*figure) {
    std::vector<double> values;
    for (const Outcome& run : runs) values.push_back(run.*figure);
    all.*figure = median_of(std::move(values));
  };
  for (const auto figure : {&Outcome::window_s,
                            &Outcome::operations_per_s,
                            &Outcome::ns_per_operation,
                            &Outcome::p50_ns,
                            &Outcome::p99_ns,
                            &Outcome::p999_ns,
                            &Outcome::longest_ns,
                            &Outcome::samples,
                            &Outcome::jain,
                            &Outcome::least_operations_per_s,
                            &Outcome::least_share,
                            &Outcome::least_due,
                            &Outcome::writer_due,
                            &Outcome::cpu_s_per_million,
                            &Outcome::writes_per_s,
                            &Outcome::retries_per_read,
                            &Outcome::write_p50_ns,
                            &Outcome::write_p999_ns,
                            &Outcome::stopped_reads_per_s,
                            &Outcome::stopped_stalled,
                            &Outcome::dead_reads_per_s,
                            &Outcome::dead_stalled,
                            &Outcome::dead_ended,
                            &Outcome::recovery_ns}) {
    median(figure);
  }
  for (const Outcome& run : runs) {
    all.torn += run.torn;
    all.lost += run.lost;
  }
  return all;
}

std::pair<double, double> Row::spread() const {
  const auto slower = [](const Outcome& a, const Outcome& b) {
    return a.operations_per_s < b.operations_per_s;
  };
  const auto [low, high] = std::minmax_element(runs.begin(), runs.end(), slower);
  return {low->operations_per_s, high->operations_per_s};
}

std::string unfit(const Row& row) {
  const Outcome figures = row.median();
  if (figures.torn > 0) return "torn snapshots";
  if (figures.lost > 0) return "lost updates";
  if (row.family == Family::control) return "not safe";
  if (figures.operations_per_s <= 0) return "no operation finished";
  if (figures.dead_ended > 0) return "an error when its owner has died";
  if (figures.dead_stalled > 0) return "waits for the dead for ever";
  if (figures.stopped_stalled > 0) return "waits for who is stopped";
  if (figures.least_due < starved_below) return "a child starved";
  if (row.workload.has_writer() && figures.writer_due < starved_below) {
    return "the writer starved";
  }
  if (row.workload.operation != Operation::outlive) {
    if (figures.least_operations_per_s <= 0) return "somebody did nothing";
    if (row.workload.has_writer() && figures.writes_per_s <= 0) return "the writer did nothing";
  }
  return {};
}

std::string name_of(const std::string& strategy, const Place& place) {
  std::string name = strategy;
  std::replace(name.begin(), name.end(), ' ', '_');
  return key_of(place.workload) + "/" + name + "/children:" + std::to_string(place.children);
}

void Results::add(const Strategy& strategy, const Place& place, const Outcome& outcome) {
  for (Row& row : rows) {
    if (is_at(row, place) && row.strategy == strategy.name) {
      row.runs.push_back(outcome);
      return;
    }
  }
  rows.push_back({place.workload, place.children, strategy.name, strategy.family, {outcome}});
}

std::vector<Workload> Results::workloads_of(const Asked& one) const {
  std::vector<Workload> all;
  for (const Place& place : one.places) {
    if (!children_of(place.workload).empty()) push_once(all, place.workload);
  }
  return all;
}

std::vector<int> Results::children_of(const Workload& workload) const {
  std::vector<int> all;
  for (const Row& row : rows) {
    if (row.workload == workload) push_once(all, row.children);
  }
  std::sort(all.begin(), all.end());
  return all;
}

std::vector<std::string> Results::strategies_of(const Workload& workload) const {
  std::vector<std::string> all;
  for (const Row& row : rows) {
    if (row.workload == workload) push_once(all, row.strategy);
  }
  return all;
}

std::vector<const Row*> Results::at(const Place& place) const {
  std::vector<const Row*> all;
  for (const Row& row : rows) {
    if (is_at(row, place)) all.push_back(&row);
  }
  return all;
}

const Row* Results::find(const Place& place, const std::string& strategy) const {
  for (const Row& row : rows) {
    if (is_at(row, place) && row.strategy == strategy) return &row;
  }
  return nullptr;
}

Verdict Results::verdict(const Place& place) const {
  std::vector<std::pair<double, const Row*>> fit;
  for (const Row& row : rows) {
    if (is_at(row, place) && unfit(row).empty()) {
      fit.emplace_back(row.median().operations_per_s, &row);
    }
  }
  std::stable_sort(fit.begin(), fit.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  Verdict verdict;
  if (!fit.empty()) verdict.winner = fit[0].second;
  if (fit.size() > 1) {
    verdict.next = fit[1].second;
    verdict.ratio = fit[0].first / fit[1].first;
    const auto overlap = [](const Row& better, const Row& other) {
      return better.spread().first <= other.spread().second;
    };
    for (std::size_t i = 1; i < fit.size(); ++i) {
      if (fit[0].first / fit[i].first >= level_within() && !overlap(*fit[0].second, *fit[i].second))
        break;
      verdict.level.push_back(fit[i].second);
    }
  }
  return verdict;
}

double Results::best_peer(const Place& place) const {
  double best = 0;
  for (const Row& row : rows) {
    if (is_at(row, place) && row.family == Family::peer && unfit(row).empty()) {
      best = std::max(best, row.median().operations_per_s);
    }
  }
  return best;
}

std::vector<std::string> Results::warnings() const {
  std::vector<std::string> all;
  if (!incomplete.empty()) all.push_back("Incomplete: " + incomplete + ".");
  if (is_disturbed()) {
    char text[240];
    std::snprintf(text, sizeof text,
                  "Other programs had %.0f %% of the processors meanwhile: do not rely on these "
                  "figures, measure again on a quiet machine. Two are called level here if they "
                  "are as near as that.",
                  others * 100);
    all.emplace_back(text);
  }
#if !defined(__OPTIMIZE__)
  all.emplace_back("Built without optimisation: these figures are not worth reading.");
#endif
  return all;
}

int Results::spotlight(const Asked& one, const Workload& workload) const {
  int children = 0;
  for (const Place& place : one.places) {
    if (place.workload == workload && place.children <= 16 && !at(place).empty())
      children = std::max(children, place.children);
  }
  return children;
}

std::string rate_text(double per_second) {
  if (per_second >= 999.5e6) return number(per_second / 1e9, " G");
  if (per_second >= 999.5e3) return number(per_second / 1e6, " M");
  if (per_second >= 999.5) return number(per_second / 1e3, " k");
  return number(per_second, "");
}

std::string time_text(double ns) {
  if (ns == 0) return "–";  // nothing was timed
  if (ns >= 999.5e6) return number(ns / 1e9, " s");
  if (ns >= 999.5e3) return number(ns / 1e6, " ms");
  if (ns >= 999.5) return number(ns / 1e3, " µs");
  return number(ns, " ns");
}

std::string tail_text(const Outcome& figures, double ns, double part) {
  return figures.samples * (1 - part) < 1 ? "–" : time_text(ns);
}

std::string ratio_text(double ratio) {
  char text[48];
  std::snprintf(text, sizeof text, "%.*f ×", ratio < 1.095 ? 2 : ratio < 9.95 ? 1 : 0, ratio);
  return text;
}

std::string two_digits(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f", value);
  return text;
}

std::string grouped(std::size_t number) {
  std::string text = std::to_string(number);
  for (std::size_t at = text.size(); at > 3;) text.insert(at -= 3, ",");
  return text;
}

std::string bytes_text(std::size_t bytes) {
  if (bytes >= std::size_t{1} << 20) return std::to_string(bytes >> 20) + " MiB";
  if (bytes >= std::size_t{1} << 10) return std::to_string(bytes >> 10) + " KiB";
  return std::to_string(bytes) + " B";
}

}  // namespace contention
