#pragma once
/// What the command line asks for.

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "question.hpp"

namespace contention {

struct Options {
  Effort effort = Effort::standard;
  std::vector<std::string> questions;   // by key; none: all
  std::vector<std::string> strategies;  // parts of names; none: all
  // In the place of a question's own; none: these.
  std::vector<int> children;
  std::vector<double> think_ns;
  std::vector<std::size_t> bytes, keys;
  std::optional<double> seconds;  // for everything
  std::optional<int> repeat;
  bool list = false;
  bool pin = false;
  std::filesystem::path report = "build/report";
  std::filesystem::path json, csv, html;  // one more copy there
  std::filesystem::path compare;          // an older JSON
  std::vector<std::string> google;        // Google Benchmark's own

  /// Where a question is measured now.
  [[nodiscard]] std::vector<Place> places_of(const Question& question) const;
  [[nodiscard]] bool wants(const Question& question) const;
  [[nodiscard]] bool wants_strategy(const std::string& name) const;
};

/// Nothing to do, and what to exit with: help was asked for, or what is there is wrong.
struct Done {
  int code;
};

/// Says what is wrong, or the help that was asked for; then throws Done.
Options options_of(int argc, char** argv);

}  // namespace contention
