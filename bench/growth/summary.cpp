#include <algorithm>
#include <cstdio>

#include "results.hpp"

namespace growth {
namespace {

/// What it takes at the least size and at the largest, and the slope: two cells.
std::string cells_of(const Line* line, bool is_named) {
  if (line == nullptr || line->at.empty()) return "| | ";
  char slope[32] = "";
  if (const auto found = line->slope()) std::snprintf(slope, sizeof slope, "%.2f", *found);
  return "| " + (is_named ? line->name + ": " : "") +
         time_text(line->at.begin()->second.median().ns) + " → " +
         time_text(line->at.rbegin()->second.median().ns) + " | " + slope + " ";
}

const Line* bare_of(const Panel& panel) {
  const auto found = std::find_if(panel.lines.begin(), panel.lines.end(),
                                  [](const Line& line) { return line.whose == Whose::bare; });
  return found == panel.lines.end() ? nullptr : &*found;
}

}  // namespace

std::string summary_of(const std::deque<Question>& questions) {
  std::string text =
      "| | lagoon | slope | the best peer at the end | slope | bare machine | slope |\n"
      "|---|---|---|---|---|---|---|\n";
  for (const Question& question : questions)
    for (const Panel& panel : question.panels) {
      const Line& lagoon = panel.lines.front();
      if (lagoon.at.empty()) continue;  // stopped before
      const int first = lagoon.at.begin()->first, last = lagoon.at.rbegin()->first;
      text += "| " + panel.title + "; " + question.text_of(first) + " → " + question.text_of(last) +
              (question.unit == Question::Sizes::bytes ? "" : " " + question.across) + " " +
              cells_of(&lagoon, false) + cells_of(panel.best_peer(last), true) +
              cells_of(bare_of(panel), false) + "|\n";
    }
  return text;
}

}  // namespace growth
