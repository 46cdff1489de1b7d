#include "curves.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "answers.hpp"

namespace contention {
namespace {

enum class Across { bytes, keys, children };

int amount(Across across, const Place& place) {
  switch (across) {
    case Across::bytes:
      return static_cast<int>(8 * place.workload.doubles);
    case Across::keys:
      return static_cast<int>(place.workload.keys);
    case Across::children:
      break;
  }
  return place.children;
}

/// The same for all that differ in nothing else.
Place without(Across across, Place place) {
  switch (across) {
    case Across::bytes:
      place.workload.doubles = 0;
      break;
    case Across::keys:
      place.workload.keys = 0;
      break;
    case Across::children:
      place.children = 0;
      break;
  }
  return place;
}

const char* name_of(Across across) {
  return across == Across::bytes ? "bytes" : across == Across::keys ? "keys" : "processes";
}

std::string text_of(Across across, int amount) {
  const auto n = static_cast<std::size_t>(amount);
  return across == Across::bytes  ? bytes_text(n)
         : across == Across::keys ? grouped(n)
                                  : std::to_string(amount);
}

const char* verb_of(Operation operation) {
  switch (operation) {
    case Operation::look_up:
    case Operation::look_up_beside:
      return "Look up a key";
    case Operation::replace:
      return "Set a key";
    case Operation::read:
      return "Read all of it";
    case Operation::update:
      return "Update all of it";
    case Operation::mix:
      return "Read, or update, all of it";
    default:
      return "One operation";
  }
}

std::string title_of(Across across, const Place& alike) {
  std::string title = verb_of(alike.workload.operation);
  if (alike.workload.has_writer()) title += " beside a writer";
  if (alike.workload.is_paced()) title += ", paced";
  if (alike.workload.think_ns != 0) title += ", thinking";
  if (across != Across::children) title += ", " + processes_text(alike.children);
  return title + ", by " + name_of(across);
}

double time_of(const Row& row) { return row.median().ns_per_operation; }

}  // namespace

std::optional<double> Curve::slope(const Results& results, const std::string& strategy) const {
  std::vector<std::pair<double, double>> points;
  for (const auto& [at, place] : places) {
    const Row* const row = results.find(place, strategy);
    const double ns = row == nullptr ? 0 : time_of(*row);
    if (ns > 0) points.emplace_back(std::log(at), std::log(ns));
  }
  if (points.size() < 3) return {};
  double x = 0, y = 0, xx = 0, xy = 0;
  for (const auto& [a, b] : points) {
    x += a;
    y += b;
    xx += a * a;
    xy += a * b;
  }
  const auto n = static_cast<double>(points.size());
  return (n * xy - x * y) / (n * xx - x * x);
}

std::vector<Curve> curves_of(const Results& results, const Asked& asked) {
  std::vector<Curve> curves;
  for (const Across across : {Across::keys, Across::bytes, Across::children}) {
    if (across == Across::children && !asked.question.asks_for_growth) continue;
    std::map<Place, std::map<int, Place>> groups;
    for (const Place& place : asked.places) {
      const Operation operation = place.workload.operation;
      if (operation == Operation::outlive || results.at(place).empty()) continue;
      if (across == Across::bytes && !place.workload.has_sizes()) continue;
      // If something else was asked, then as many children as its answer is about.
      if (!asked.question.asks_for_growth &&
          place.children != results.spotlight(asked, place.workload))
        continue;
      groups[without(across, place)].emplace(amount(across, place), place);
    }
    for (const auto& [alike, places] : groups) {
      if (places.size() < 3) continue;
      curves.push_back({title_of(across, alike),
                        name_of(across),
                        [across](int n) { return text_of(across, n); },
                        {places.begin(), places.end()}});
    }
  }
  return curves;
}

std::vector<std::pair<std::string, std::string>> lines_of(const std::vector<Curve>& curves,
                                                          const Results& results) {
  std::vector<std::pair<std::string, std::string>> lines;
  for (const Curve& curve : curves) {
    const auto& [least, first] = curve.places.front();
    const auto& [most, last] = curve.places.back();
    // This library's, and the peer that is the fastest at the end.
    std::vector<const Row*> told;
    const Row* best_peer = nullptr;
    for (const Row* row : results.at(last)) {
      if (!curve.slope(results, row->strategy) || !unfit(*row).empty()) continue;
      if (row->family == Family::lagoon) told.push_back(row);
      if (row->family == Family::peer &&
          (best_peer == nullptr || time_of(*row) < time_of(*best_peer)))
        best_peer = row;
    }
    if (best_peer != nullptr) told.push_back(best_peer);
    std::string says;
    for (const Row* row : told) {
      const Row* const begin = results.find(first, row->strategy);
      if (!says.empty()) says += "; ";
      if (row == best_peer && told.size() > 1) says += "the fastest of the others then: ";
      says += row->strategy;
      if (begin != nullptr) says += ", " + time_text(time_of(*begin)) + " to";
      says += " " + time_text(time_of(*row)) + " (slope " +
              slope_text(curve.slope(results, row->strategy)) + ")";
    }
    lines.emplace_back(curve.title + ", " + curve.tick_text(least) + " to " + curve.tick_text(most),
                       says);
  }
  return lines;
}

std::string slope_text(std::optional<double> slope) {
  if (!slope) return "–";
  const double rounded = std::abs(*slope) < 0.005 ? 0 : *slope;
  return two_digits(rounded);
}

}  // namespace contention
