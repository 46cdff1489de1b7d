#pragma once
/// A line plot as inline SVG: children across (log 2), a figure up (log 10 or a share), each line
/// labelled where it ends.

#include <string>
#include <vector>

namespace contention {

struct Point {
  int children = 0;
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
  std::vector<int> children;  // the ticks across
  std::vector<Line> lines;
};

std::string svg_of(const Plot& plot);

/// For text in HTML and SVG.
std::string escaped(const std::string& text);

}  // namespace contention
