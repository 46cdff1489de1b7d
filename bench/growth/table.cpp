#include <algorithm>
#include <cstdio>
#include <sstream>

#include "results.hpp"

namespace growth {
namespace {

constexpr int column = 11;

std::string number(const char* format, double value) {
  char text[32];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

/// How many columns it takes: a letter beyond ASCII begins with one byte that is not 10xxxxxx.
int letters(const std::string& text) {
  return static_cast<int>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  }));
}
std::string blanks(const std::string& text, int width) {
  return std::string(static_cast<std::size_t>(std::max(width - letters(text), 0)), ' ');
}
/// As wide as they are asked for.
std::string right(const std::string& text, int width) { return blanks(text, width) + text; }
std::string left(const std::string& text, int width) { return text + blanks(text, width); }

int width_of(const Line& line) { return std::max(column, static_cast<int>(line.name.size()) + 2); }

/// A row: what it is of, and a cell for each line.
template <class Cell>
std::string row(const Panel& panel, const std::string& name, Cell&& cell) {
  std::string text = left("  " + name, 16);
  for (const Line& line : panel.lines) text += right(cell(line), width_of(line));
  return text;
}

/// lagoon's time as a part of the best peer's.
std::string ratio(const Panel& panel, int size) {
  const Line* const peer = panel.best_peer(size);
  const Line& lagoon = panel.lines.front();
  if (peer == nullptr || !lagoon.at.contains(size)) return {};
  const double ratio = lagoon.at.at(size).median().ns / peer->at.at(size).median().ns;
  return right(number("%.2f x ", ratio), column) + peer->name;
}

std::string text_of(const Question& question, const Panel& panel) {
  std::string text =
      "\n" + row(panel, "", [](const Line& line) { return line.name; }) + "     best peer\n";
  for (const int size : question.sizes) {
    text += row(panel, question.text_of(size), [&](const Line& line) -> std::string {
      const auto found = line.at.find(size);
      return found == line.at.end() ? "-" : time_text(found->second.median().ns);
    });
    text += ratio(panel, size) + "\n";
  }
  text += row(panel, "slope", [](const Line& line) -> std::string {
    const auto slope = line.slope();
    return slope ? number("%.2f", *slope) : "-";
  });
  text += "\n";
  if (!panel.has_shares) return text;
  for (const int size : question.sizes) {
    text += row(panel, "least of " + question.text_of(size), [&](const Line& line) -> std::string {
      const auto found = line.at.find(size);
      return found == line.at.end() ? "-" : number("%.0f %%", 100 * found->second.median().least);
    });
    text += "\n";
  }
  return text;
}

}  // namespace

std::string time_text(double ns) {
  const char* const units[] = {"ns", "µs", "ms"};
  int thousands = 0;
  for (; ns >= 999.5 && thousands < 2; ++thousands) ns /= 1000;
  return number(ns < 9.995 ? "%.2f " : ns < 99.95 ? "%.1f " : "%.0f ", ns) + units[thousands];
}

std::string table_of(const Question& question) {
  std::string text;
  for (const Panel& panel : question.panels)
    if (!panel.lines.empty())
      text += "\n" + question.title + ": " + panel.title + text_of(question, panel);
  return text;
}

std::string csv_of(const std::deque<Question>& questions, const Facts& facts) {
  std::ostringstream out;
  for (const auto& [what, value] : facts) out << "# " << what << ": " << value << '\n';
  out << "question,panel,way,size,ns,ns_low,ns_high,least,least_low,least_high,ns_of_each_run\n";
  for (const Question& question : questions)
    for (const Panel& panel : question.panels)
      for (const Line& line : panel.lines)
        for (const auto& [size, figure] : line.at) {
          const Sample median = figure.median();
          const auto [low, high] = figure.spread();
          out << question.key << ",\"" << panel.title << "\",\"" << line.name << "\"," << size
              << ',' << median.ns << ',' << low.ns << ',' << high.ns << ',' << median.least << ','
              << low.least << ',' << high.least << ',';
          for (const Sample& sample : figure.samples())
            out << (&sample == figure.samples().data() ? "" : " ") << sample.ns;
          out << '\n';
        }
  return out.str();
}

}  // namespace growth
