#include "compare.hpp"

#include <algorithm>
#include <boost/json/src.hpp>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <numeric>
#include <optional>
#include <sstream>
#include <stdexcept>

namespace contention {
namespace {

constexpr double slower_by = 1.05;
constexpr double errors = 3;
constexpr double level = 1.10;
constexpr std::size_t fewest_cells = 8;

/// A standard deviation, which a few wild ones do not reach.
double scatter_of(std::vector<double> values) {
  const double middle = median_of(values);
  for (double& value : values) value = std::abs(value - middle);
  return 1.4826 * median_of(std::move(values));
}

/// counter/Lock/children:16: the strategy, and the rest.
struct Name {
  std::string strategy, place;
};
Name parts_of(const std::string& cell) {
  const auto last = cell.rfind('/');
  const auto before = last == std::string::npos ? last : cell.rfind('/', last - 1);
  if (before == std::string::npos) return {cell, {}};
  return {cell.substr(before + 1, last - before - 1), cell.substr(0, before) + cell.substr(last)};
}

/// The runs of a cell.
struct Runs {
  explicit Runs(const std::vector<double>& times)
      : low(*std::min_element(times.begin(), times.end())),
        median(median_of(times)),
        high(*std::max_element(times.begin(), times.end())) {}
  double low, median, high;
  /// As the report has it: within 10 %, or runs that overlap.
  [[nodiscard]] bool is_level_with(const Runs& other) const {
    const auto [less, more] = std::minmax(median, other.median);
    return more <= less * level || (low <= other.high && other.low <= high);
  }
};

/// Of each, how many are smaller; those that are level with it count half.
std::vector<double> ranks_of(const std::vector<Runs>& cells) {
  std::vector<double> ranks;
  for (const Runs& cell : cells) {
    double rank = 0;
    for (const Runs& other : cells)
      rank += cell.is_level_with(other) ? 0.5 : other.median < cell.median ? 1 : 0;
    ranks.push_back(rank);
  }
  return ranks;
}

/// Nothing if all are level.
std::optional<double> correlation_of(const std::vector<double>& a, const std::vector<double>& b) {
  const auto mean = [](const std::vector<double>& v) {
    return std::accumulate(v.begin(), v.end(), 0.0) / static_cast<double>(v.size());
  };
  const double of_a = mean(a), of_b = mean(b);
  double together = 0, alone_a = 0, alone_b = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    together += (a[i] - of_a) * (b[i] - of_b);
    alone_a += (a[i] - of_a) * (a[i] - of_a);
    alone_b += (b[i] - of_b) * (b[i] - of_b);
  }
  if (alone_a <= 0 || alone_b <= 0) return {};
  return together / std::sqrt(alone_a * alone_b);
}

}  // namespace

int Change::verdict() const {
  if (cells < fewest_cells) return 0;
  const double log = std::log(ratio);
  if (std::abs(log) <= std::log(slower_by) || std::abs(log) <= errors * error) return 0;
  return log > 0 ? 1 : -1;
}

Comparison compare(const Times& then, const Times& now) {
  std::map<std::string, std::vector<double>> by_strategy;  // logarithms of changes
  std::map<std::string, std::pair<std::vector<Runs>, std::vector<Runs>>> by_place;
  for (const auto& [cell, times] : now) {
    const auto old = then.find(cell);
    if (old == then.end()) continue;
    const double before = median_of(old->second), after = median_of(times);
    if (before <= 0 || after <= 0) continue;
    const Name name = parts_of(cell);
    by_strategy[name.strategy].push_back(std::log(after / before));
    by_place[name.place].first.emplace_back(old->second);
    by_place[name.place].second.emplace_back(times);
  }
  Comparison comparison;
  std::vector<double> all;
  for (const auto& [strategy, changes] : by_strategy)
    all.insert(all.end(), changes.begin(), changes.end());
  comparison.common = std::exp(median_of(all));
  for (const auto& [strategy, changes] : by_strategy) {
    std::vector<double> others, medians;
    for (const auto& [other, theirs] : by_strategy) {
      if (other == strategy) continue;
      others.insert(others.end(), theirs.begin(), theirs.end());
      if (theirs.size() >= fewest_cells) medians.push_back(median_of(theirs));
    }
    // The standard error of a median is a quarter more than that of a mean. And where all cells of
    // a strategy move together from run to run, more cells do not make it less.
    const double of_cells = 1.2533 * std::max(scatter_of(others), scatter_of(changes)) /
                            std::sqrt(static_cast<double>(changes.size()));
    const double error = std::max(of_cells, medians.empty() ? 0 : scatter_of(std::move(medians)));
    comparison.changes.push_back(
        {strategy, std::exp(median_of(changes) - median_of(others)), error, changes.size()});
  }
  double sum = 0, weight = 0;
  for (const auto& [place, times] : by_place) {
    if (times.first.size() < 3) continue;
    const auto n = static_cast<double>(times.first.size());
    const auto correlation = correlation_of(ranks_of(times.first), ranks_of(times.second));
    if (!correlation) continue;
    sum += n * *correlation;
    weight += n;
  }
  comparison.correlation = weight > 0 ? sum / weight : 0;
  return comparison;
}

namespace {

/// What csv_of writes.
Times times_in_csv(const std::filesystem::path& path) {
  std::ifstream file(path);
  const auto fields_of = [](const std::string& line) {
    std::vector<std::string> fields;
    std::istringstream text(line);
    for (std::string field; std::getline(text, field, ',');) fields.push_back(field);
    return fields;
  };
  std::string line;
  std::getline(file, line);
  const std::vector<std::string> head = fields_of(line);
  const auto column = [&](const char* name) {
    const auto found = std::find(head.begin(), head.end(), name);
    if (found == head.end())
      throw std::runtime_error(path.string() + " is no result of this program: a column '" + name +
                               "' was expected, as --csv writes it");
    return static_cast<std::size_t>(found - head.begin());
  };
  const auto workload = column("workload"), strategy = column("strategy"),
             children = column("children"), ns = column("ns_per_op");
  Times times;
  while (std::getline(file, line)) {
    const std::vector<std::string> fields = fields_of(line);
    if (fields.size() < head.size()) continue;
    std::string name = fields[strategy];
    std::replace(name.begin(), name.end(), ' ', '_');
    times[fields[workload] + "/" + name + "/children:" + fields[children]].push_back(
        std::strtod(fields[ns].c_str(), nullptr));
  }
  return times;
}

}  // namespace

Times times_in(const std::filesystem::path& path) {
  if (path.extension() == ".csv") return times_in_csv(path);
  std::ifstream file(path);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  // Google Benchmark writes what JSON has no word for: of repetitions that are all zero it divides
  // their deviation by their mean.
  for (const std::string word : {": NaN", ": -NaN", ": Infinity", ": -Infinity"})
    for (auto at = text.find(word); at != std::string::npos; at = text.find(word, at))
      text.replace(at, word.size(), ": null");
  boost::json::error_code error;
  const boost::json::value json = boost::json::parse(text, error);
  const boost::json::object* const whole = error ? nullptr : json.if_object();
  const boost::json::value* const list =
      whole != nullptr ? whole->if_contains("benchmarks") : nullptr;
  if (list == nullptr || !list->is_array())
    throw std::runtime_error(path.string() +
                             " is no result of this program: a JSON object with \"benchmarks\" was "
                             "expected, as --json writes it");
  Times times;
  for (const boost::json::value& entry : list->get_array()) {
    const auto* const run = entry.if_object();
    if (run == nullptr) continue;
    const auto* const kind = run->if_contains("run_type");
    const auto* const name = run->if_contains("name");
    const auto* const ns = run->if_contains("ns_per_op");
    if (name == nullptr || !name->is_string() || ns == nullptr || !ns->is_number()) continue;
    if (kind != nullptr && kind->is_string() && kind->get_string() != "iteration") continue;
    std::string cell(name->get_string());
    cell = cell.substr(0, cell.find("/iterations:"));
    times[cell].push_back(ns->to_number<double>());
  }
  return times;
}

Times times_of(const Results& results) {
  Times times;
  for (const Row& row : results.rows)
    for (const Outcome& run : row.runs) times[name_of(row)].push_back(run.ns_per_operation);
  return times;
}

std::string text_of(const Comparison& comparison) {
  if (comparison.changes.empty()) return "Nothing was measured in both runs.\n";
  std::string text;
  const auto percent = [](double ratio) {
    char figure[32];
    std::snprintf(figure, sizeof figure, "%+.0f %%", (ratio - 1) * 100);
    return std::string(figure);
  };
  for (const Change& change : comparison.changes) {
    const int verdict = change.verdict();
    if (verdict == 0) continue;
    char figures[96];
    std::snprintf(figures, sizeof figures, " (%zu cells; the error is %.0f %%)", change.cells,
                  change.error * 100);
    text += change.strategy + (verdict > 0 ? " is slower: " : " is faster: ") +
            percent(change.ratio) + " time for an operation" + figures + "\n";
  }
  if (text.empty()) text = "No strategy is slower, or faster, than chance and 5 % would have it.\n";
  char rest[160];
  std::snprintf(rest, sizeof rest,
                "All together: %s time, which is taken away above. Rank correlation: %.2f.\n",
                percent(comparison.common).c_str(), comparison.correlation);
  return text + rest;
}

}  // namespace contention
