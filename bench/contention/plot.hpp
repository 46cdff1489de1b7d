#pragma once
/// A line plot as inline SVG: processes across, or what else there are more and more of (log 2), a
/// figure up (log 10 or a share), each line labelled where it ends.

#include <functional>
#include <string>
#include <vector>

namespace contention {

struct Point {
  int at = 0;  // across
  double value = 0;
  double low = 0, high = 0;  // a whisker, if they differ
  bool open = false;         // drawn hollow: not fit to win
  std::string title;         // shown when the pointer rests on it
};

struct Line {
  std::string label;
  std::string colour;  // as custom properties: --l on a light page, --d on a dark one
  bool strong = false;
  bool dashed = false;
  std::vector<Point> points;
};

struct Plot {
  enum class Unit { rate, time, share };
  std::string title;
  Unit unit = Unit::rate;
  std::vector<int> ticks;  // across
  std::vector<Line> lines;
  std::string across = "processes";
  std::function<std::string(int)> tick_text = {};  // as it is, unless this says it
};

/// `attributes` of the element: where it lies, if it lies in another one.
std::string svg_of(const Plot& plot, const std::string& attributes = {});
/// How high it is, where it is as wide as plot_width.
double height_of(const Plot& plot);
inline constexpr double plot_width = 580;

/// The style sheet that a plot needs; it takes the colours --page, --text, --quiet, --grid, --axis.
extern const char* const plot_style;

/// For text in HTML and SVG.
std::string escaped(const std::string& text);

}  // namespace contention
