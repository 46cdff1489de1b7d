#include "results.hpp"

#include <algorithm>
#include <cmath>

namespace growth {
namespace {

double median_of(std::vector<double> all) {
  if (all.empty()) return 0;
  std::sort(all.begin(), all.end());
  const std::size_t middle = all.size() / 2;
  return all.size() % 2 == 1 ? all[middle] : (all[middle - 1] + all[middle]) / 2;
}

std::vector<double> each(const std::vector<Sample>& samples, double Sample::*member) {
  std::vector<double> all;
  for (const Sample& sample : samples) all.push_back(sample.*member);
  return all;
}

}  // namespace

Sample Figure::median() const {
  return {median_of(each(samples_, &Sample::ns)), median_of(each(samples_, &Sample::least))};
}

std::pair<Sample, Sample> Figure::spread() const {
  const auto ns = each(samples_, &Sample::ns), least = each(samples_, &Sample::least);
  const auto [low_ns, high_ns] = std::minmax_element(ns.begin(), ns.end());
  const auto [low_least, high_least] = std::minmax_element(least.begin(), least.end());
  return {{*low_ns, *low_least}, {*high_ns, *high_least}};
}

std::optional<double> Line::slope() const {
  // The straight line with the least squares through what lies within the last decade.
  double n = 0, x = 0, y = 0, xx = 0, xy = 0;
  for (const auto& [size, figure] : at) {
    if (size < at.rbegin()->first / 10) continue;
    const double log_size = std::log(size), log_ns = std::log(figure.median().ns);
    n += 1;
    x += log_size;
    y += log_ns;
    xx += log_size * log_size;
    xy += log_size * log_ns;
  }
  if (n < 2) return std::nullopt;
  return (n * xy - x * y) / (n * xx - x * x);
}

Line& Panel::line(Whose whose, const std::string& name) {
  for (Line& line : lines)
    if (line.name == name) return line;
  return lines.emplace_back(Line{whose, name, {}});
}

const Line* Panel::best_peer(int size) const {
  const Line* best = nullptr;
  for (const Line& line : lines) {
    if (line.whose == Whose::lagoon || line.whose == Whose::bare || !line.at.contains(size))
      continue;
    if (best == nullptr || line.at.at(size).median().ns < best->at.at(size).median().ns)
      best = &line;
  }
  return best;
}

Panel& Question::panel(const std::string& name) {
  for (Panel& panel : panels)
    if (panel.title == name) return panel;
  return panels.emplace_back(Panel{name, false, {}});
}

std::string Question::text_of(int size) const {
  const bool is_bytes = unit == Sizes::bytes;
  const int thousand = is_bytes ? 1024 : 1000;
  const char* const units[] = {is_bytes ? " B" : "", is_bytes ? " KiB" : " k",
                               is_bytes ? " MiB" : " M"};
  int thousands = 0;
  for (; size >= thousand && thousands < 2; ++thousands) size /= thousand;
  return std::to_string(size) + units[thousands];
}

}  // namespace growth
