#include "plot.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

#include "results.hpp"

namespace contention {
namespace {

constexpr double area_left = 58, area_right = 372, area_top = 34, least_height = 276;
constexpr double below_area = 40;  // for what is written there
constexpr double label_gap = 18;   // for the largest letters, those of a narrow page

/// Every label has room.
double area_bottom_of(const Plot& plot) {
  return area_top + std::max(least_height, label_gap * static_cast<double>(plot.lines.size()));
}

std::string text_of(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", value);
  return text;
}

std::string tick_text(double value, Plot::Unit unit) {
  char text[48];
  if (unit == Plot::Unit::share) {
    std::snprintf(text, sizeof text, "%.0f %%", value * 100);
    return text;
  }
  static constexpr const char* rates[] = {"", " k", " M", " G"};
  static constexpr const char* times[] = {" ns", " µs", " ms", " s"};
  int thousands = 0;
  for (; value >= 999.5 && thousands < 3; ++thousands) value /= 1000;
  std::snprintf(text, sizeof text, "%g%s", value,
                unit == Plot::Unit::rate ? rates[thousands] : times[thousands]);
  return text;
}

class Drawing {
 public:
  explicit Drawing(const Plot& plot) : plot_(plot), area_bottom_(area_bottom_of(plot)) {
    low_ = std::numeric_limits<double>::max();
    high_ = 0;
    for (const Line& line : plot.lines) {
      for (const Point& point : line.points) {
        if (!shown(point)) continue;
        low_ = std::min(low_, point.value);
        high_ = std::max(high_, point.value);
      }
    }
    if (plot.unit == Plot::Unit::share) {
      low_ = 0;
      high_ = 1;
    } else if (high_ > 0) {
      low_ /= 1.5;
      high_ *= 1.5;
    }
  }

  std::string draw(const std::string& attributes) {
    out_ = "<svg " + attributes + (attributes.empty() ? "" : " ") + "viewBox=\"0 0 " +
           text_of(plot_width) + " " + text_of(height_of(plot_)) + "\" role=\"img\" aria-label=\"" +
           escaped(plot_.title) + "\"><text class=\"plot-title\" x=\"0\" y=\"15\">" +
           escaped(plot_.title) + "</text>";
    if (high_ <= 0) {
      out_ += "<text class=\"tick\" x=\"58\" y=\"60\">nothing measured</text></svg>";
      return out_;
    }
    axes();
    // The strong lines last, so that they lie on top.
    for (const bool strong : {false, true}) {
      for (const Line& line : plot_.lines) {
        if (line.strong == strong) curve(line);
      }
    }
    labels();
    return out_ + "</svg>";
  }

 private:
  [[nodiscard]] bool shown(const Point& point) const {
    return plot_.unit == Plot::Unit::share || point.value > 0;
  }

  [[nodiscard]] double x_of(int at) const {
    const double first = std::log2(plot_.ticks.front());
    const double span = std::log2(plot_.ticks.back()) - first;
    if (span <= 0) return (area_left + area_right) / 2;
    return area_left + 12 + (std::log2(at) - first) / span * (area_right - area_left - 24);
  }

  [[nodiscard]] double y_of(double value) const {
    double share = 0;
    if (plot_.unit == Plot::Unit::share) {
      share = value;
    } else {
      share = std::log(std::clamp(value, low_, high_) / low_) / std::log(high_ / low_);
    }
    return area_bottom_ - share * (area_bottom_ - area_top);
  }

  void segment(const char* kind, double x1, double y1, double x2, double y2) {
    out_ += std::string("<line class=\"") + kind + "\" x1=\"" + text_of(x1) + "\" y1=\"" +
            text_of(y1) + "\" x2=\"" + text_of(x2) + "\" y2=\"" + text_of(y2) + "\"/>";
  }

  void text(const char* anchor, double x, double y, const std::string& words) {
    out_ += "<text class=\"tick\" text-anchor=\"" + std::string(anchor) + "\" x=\"" + text_of(x) +
            "\" y=\"" + text_of(y) + "\">" + escaped(words) + "</text>";
  }

  void axes() {
    std::vector<double> ticks;
    if (plot_.unit == Plot::Unit::share) {
      ticks = {0, 0.25, 0.5, 0.75, 1};
    } else {
      const bool few = high_ / low_ < 100;
      for (double decade = std::pow(10, std::floor(std::log10(low_))); decade <= high_;
           decade *= 10) {
        for (const double step : {1.0, 2.0, 5.0}) {
          const double tick = decade * step;
          if ((step <= 1 || few) && tick >= low_ && tick <= high_) ticks.push_back(tick);
        }
      }
    }
    for (const double tick : ticks) {
      segment("grid", area_left, y_of(tick), area_right, y_of(tick));
      text("end", area_left - 7, y_of(tick) + 4, tick_text(tick, plot_.unit));
    }
    segment("axis", area_left, area_bottom_, area_right, area_bottom_);
    for (const int at : plot_.ticks) {
      segment("axis", x_of(at), area_bottom_, x_of(at), area_bottom_ + 4);
      text("middle", x_of(at), area_bottom_ + 18,
           plot_.tick_text ? plot_.tick_text(at) : std::to_string(at));
    }
    text("middle", (area_left + area_right) / 2, area_bottom_ + 36, plot_.across);
  }

  void curve(const Line& line) {
    std::string path;
    for (const Point& point : line.points) {
      if (!shown(point)) continue;
      path.append(path.empty() ? "M" : "L").append(text_of(x_of(point.at)));
      path.append(" ").append(text_of(y_of(point.value)));
    }
    out_ += std::string("<g class=\"line") + (line.strong ? " strong" : "") + "\" style=\"" +
            line.colour + "\"><path class=\"curve\"" +
            (line.dashed ? " stroke-dasharray=\"5 4\"" : "") + " d=\"" + path + "\"/>";
    for (const Point& point : line.points) {
      if (!shown(point)) continue;
      const double x = x_of(point.at);
      if (point.high > point.low && point.low > 0) {
        segment("whisker", x, y_of(point.low), x, y_of(point.high));
      }
      out_ += std::string("<circle class=\"") + (point.open ? "open" : "full") + "\" cx=\"" +
              text_of(x) + "\" cy=\"" + text_of(y_of(point.value)) + "\" r=\"" +
              (line.strong ? "4" : "3") + "\"><title>" + escaped(point.title) + "</title></circle>";
    }
    out_ += "</g>";
  }

  /// Beside each line's end, moved apart where they would cover one another.
  void labels() {
    struct Label {
      const Line* line;
      double end_x, end_y, y;
    };
    std::vector<Label> all;
    for (const Line& line : plot_.lines) {
      const auto last = std::find_if(line.points.rbegin(), line.points.rend(),
                                     [&](const Point& point) { return shown(point); });
      if (last == line.points.rend()) continue;
      const double y = y_of(last->value);
      all.push_back({&line, x_of(last->at), y, y});
    }
    std::stable_sort(all.begin(), all.end(),
                     [](const Label& a, const Label& b) { return a.y < b.y; });
    // Grow clusters of labels: each is spread around the middle of where its members want to be.
    struct Cluster {
      std::size_t first, count;
      double middle;
    };
    std::vector<Cluster> clusters;
    const auto half = [](const Cluster& c) { return static_cast<double>(c.count) * label_gap / 2; };
    const auto settle = [&](Cluster& c) {
      double sum = 0;
      for (std::size_t i = c.first; i < c.first + c.count; ++i) sum += all[i].end_y;
      const double top = area_top + half(c) - 6, bottom = area_bottom_ - half(c) + 6;
      c.middle = std::clamp(sum / static_cast<double>(c.count), top, std::max(top, bottom));
    };
    for (std::size_t i = 0; i < all.size(); ++i) {
      clusters.push_back({i, 1, 0});
      settle(clusters.back());
      while (clusters.size() > 1) {
        Cluster& before = clusters[clusters.size() - 2];
        const Cluster& last = clusters.back();
        if (before.middle + half(before) <= last.middle - half(last)) break;
        before.count += last.count;
        clusters.pop_back();
        settle(clusters.back());
      }
    }
    for (const Cluster& cluster : clusters) {
      for (std::size_t i = 0; i < cluster.count; ++i) {
        all[cluster.first + i].y =
            cluster.middle - half(cluster) + (static_cast<double>(i) + 0.5) * label_gap;
      }
    }
    for (const Label& label : all) {
      out_ += "<g class=\"line\" style=\"" + label.line->colour + "\">";
      segment("leader", label.end_x + 6, label.end_y, area_right + 10, label.y);
      out_ += std::string("<text class=\"label") + (label.line->strong ? " strong" : "") +
              "\" x=\"" + text_of(area_right + 13) + "\" y=\"" + text_of(label.y + 4) + "\">" +
              escaped(label.line->label) + "</text></g>";
    }
  }

  const Plot& plot_;
  double area_bottom_;
  double low_ = 0, high_ = 0;
  std::string out_;
};

}  // namespace

const char* const plot_style = R"css(
.plot-title { font-size: 15px; font-weight: 600; fill: var(--text); }
.tick { font-size: 12px; fill: var(--quiet); }
.grid { stroke: var(--grid); } .axis { stroke: var(--axis); }
.line { color: var(--l); }
.curve { fill: none; stroke: currentColor; stroke-width: 1.6; stroke-linejoin: round; }
.strong .curve { stroke-width: 3.2; }
.full { fill: currentColor; } .open { fill: var(--page); stroke: currentColor; stroke-width: 1.6; }
.whisker { stroke: currentColor; stroke-width: 1.2; opacity: 0.6; }
.leader { stroke: currentColor; stroke-width: 0.8; opacity: 0.45; }
.label { font-size: 12.5px; fill: currentColor; } .label.strong { font-weight: 700; }
@media (prefers-color-scheme: dark) { .line { color: var(--d); } }
)css";

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

double height_of(const Plot& plot) { return area_bottom_of(plot) + below_area; }

std::string svg_of(const Plot& plot, const std::string& attributes) {
  return Drawing(plot).draw(attributes);
}

}  // namespace contention
