/// A picture of a question: its plots in two columns, the machine's facts in the cell behind them.

#include <algorithm>
#include <cstddef>
#include <cstdio>

#include "contention/plot.hpp"
#include "results.hpp"

namespace growth {
namespace {

using contention::Plot;

constexpr double margin = 24, gap = 20, title_height = 40, fact_height = 19;

constexpr const char* colours = R"css(
:root { color-scheme: light dark; --page: #fdfcf9; --text: #1c2328; --quiet: #5c676e;
  --grid: #e6e3db; --axis: #98a1a6; }
@media (prefers-color-scheme: dark) { :root { --page: #14181b; --text: #e4e7e8; --quiet: #9aa6ac;
  --grid: #2c3338; --axis: #5f6b72; } }
.page { fill: var(--page); }
.title { font-size: 21px; font-weight: 600; fill: var(--text); }
)css";

/// On a light page, and on a dark one.
const char* colour_of(Whose whose) {
  switch (whose) {
    case Whose::lagoon:
      return "--l:#00798c;--d:#35b4c6";
    case Whose::interprocess:
      return "--l:#c4621e;--d:#e39a63";
    case Whose::unordered_map:
      return "--l:#a2387c;--d:#d783b8";
    case Whose::lmdb:
      return "--l:#3d4fb5;--d:#93a0ec";
    case Whose::pipe:
      return "--l:#5b7b1a;--d:#a6c464";
    case Whose::bare:
      break;
  }
  return "--l:#5f6468;--d:#a9aeb2";
}

std::string number(const char* format, double value) {
  char text[32];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

/// There is little room: 1 KiB is 1 K.
std::string tick_text(const Question& question, int size) {
  const std::string text = question.text_of(size);
  return text.substr(0, text.find("iB"));
}

Plot plot_of(const Question& question, const Panel& panel, bool of_shares) {
  Plot plot{of_shares ? "Least-served process, of a fair share" : panel.title,
            of_shares ? Plot::Unit::share : Plot::Unit::time,
            question.sizes,
            {},
            question.across,
            [&question](int size) { return tick_text(question, size); }};
  const auto member = of_shares ? &Sample::least : &Sample::ns;
  for (const Line& line : panel.lines) {
    contention::Line drawn{line.name,
                           colour_of(line.whose),
                           line.whose == Whose::lagoon,
                           line.whose == Whose::bare,
                           {}};
    for (const auto& [size, figure] : line.at) {
      const double value = figure.median().*member;
      const auto [low, high] = figure.spread();
      drawn.points.push_back(
          {size, value, low.*member, high.*member, false,
           line.name + ", " + question.text_of(size) + ": " +
               (of_shares ? number("%.0f %%", 100 * value) : number("%.3g ns", value))});
    }
    plot.lines.push_back(std::move(drawn));
  }
  return plot;
}

/// Where cells lie, one after the other in two columns.
class Grid {
 public:
  explicit Grid(double cell_height) : cell_height_(cell_height) {}
  [[nodiscard]] double x() const {
    return margin + static_cast<double>(at_ % 2) * (contention::plot_width + gap);
  }
  [[nodiscard]] double y() const {
    return margin + title_height + static_cast<double>(at_ / 2) * (cell_height_ + gap);
  }
  void next() { ++at_; }
  [[nodiscard]] bool begins_row() const { return at_ % 2 == 0; }

 private:
  double cell_height_;
  std::size_t at_ = 0;
};

std::string at(double x, double y) {
  return "x=\"" + number("%.1f", x) + "\" y=\"" + number("%.1f", y) + "\"";
}

}  // namespace

std::string svg_of(const Question& question, const Facts& facts) {
  std::vector<Plot> plots;
  for (const Panel& panel : question.panels)
    for (const bool of_shares : {false, true})
      if (!of_shares || panel.has_shares) plots.push_back(plot_of(question, panel, of_shares));

  std::string inside;
  const double cell_height = plots.empty() ? 0 : contention::height_of(plots.front());
  Grid grid(cell_height);
  for (const Plot& plot : plots) {
    inside += contention::svg_of(plot, at(grid.x(), grid.y()) + " width=\"" +
                                           number("%g", contention::plot_width) + "\" height=\"" +
                                           number("%g", cell_height) + "\"");
    grid.next();
  }

  const bool below = grid.begins_row();  // then the facts take both columns
  const std::size_t rows = below ? (facts.size() + 1) / 2 : facts.size();
  const double top = grid.y();
  for (std::size_t i = 0; i < facts.size(); ++i) {
    if (i == rows) grid.next();
    const double y = top + fact_height * static_cast<double>(i % rows + 1);
    inside += "<text class=\"tick\" " + at(grid.x(), y) + ">" +
              contention::escaped(facts[i].first + ": " + facts[i].second) + "</text>";
  }

  const double bottom =
      top + std::max(below ? 0 : cell_height, fact_height * static_cast<double>(rows));
  const std::string width = number("%g", 2 * contention::plot_width + gap + 2 * margin);
  const std::string height = number("%.0f", bottom + margin);
  return "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 " + width + " " + height +
         "\" role=\"img\" font-family=\"system-ui, 'Segoe UI', Helvetica, Arial, sans-serif\">"
         "<title>" +
         contention::escaped(question.title) + "</title><style>" + contention::plot_style +
         colours + "</style><rect class=\"page\" width=\"" + width + "\" height=\"" + height +
         "\" rx=\"12\"/><text class=\"title\" " + at(margin, margin + 16) + ">" +
         contention::escaped(question.title) + "</text>" + inside + "</svg>\n";
}

}  // namespace growth
