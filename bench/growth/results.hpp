#pragma once
/// What was measured: of each question its panels, of each panel a line for each way, of each line
/// a figure at each size.

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace growth {

/// Whose a line is; it has the same colour in every plot.
enum class Whose { lagoon, interprocess, unordered_map, lmdb, pipe, bare };

struct Sample {
  double ns = 0;     // of one operation
  double least = 1;  // of a fair share, what the least-served process had
};

/// Of one way at one size; a sample for each repetition.
class Figure {
 public:
  void add(const Sample& sample) { samples_.push_back(sample); }
  [[nodiscard]] const std::vector<Sample>& samples() const noexcept { return samples_; }
  /// Each the median by itself.
  [[nodiscard]] Sample median() const;
  /// The lowest and the highest, each by itself.
  [[nodiscard]] std::pair<Sample, Sample> spread() const;

 private:
  std::vector<Sample> samples_;
};

struct Line {
  Whose whose;
  std::string name;
  std::map<int, Figure> at;

  /// d log(ns) / d log(size) over the last decade of sizes: 0 where a thing costs the same, 1 where
  /// it costs ten times as much. Nothing if there are no two of them.
  [[nodiscard]] std::optional<double> slope() const;
};

struct Panel {
  std::string title;
  bool has_shares = false;  // of several processes
  std::deque<Line> lines;   // lagoon's is the first

  /// Found or made.
  Line& line(Whose whose, const std::string& name);
  /// Of those that share memory and are not lagoon.
  [[nodiscard]] const Line* best_peer(int size) const;
};

struct Question {
  enum class Sizes { number, bytes };
  std::string key;     // keys
  std::string title;   // How a Dict and a List grow with …
  std::string across;  // what a size is
  Sizes unit = Sizes::number;
  std::vector<int> sizes;
  std::deque<Panel> panels = {};

  /// Found or made.
  Panel& panel(const std::string& name);
  [[nodiscard]] std::string text_of(int size) const;
};

using Facts = std::vector<std::pair<std::string, std::string>>;

/// Three digits and a unit.
std::string time_text(double ns);
/// For a terminal.
std::string table_of(const Question& question);
/// From the first size to the last, and the slopes, of all questions: a table in Markdown.
std::string summary_of(const std::deque<Question>& questions);
/// A line for each figure, the facts above as comments.
std::string csv_of(const std::deque<Question>& questions, const Facts& facts);
/// A picture that needs nothing else: a plot for each panel, the facts below.
std::string svg_of(const Question& question, const Facts& facts);

}  // namespace growth
