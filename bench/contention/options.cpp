#include "options.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <map>

#include "board.hpp"

namespace contention {
namespace {

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

template <class T>
void push_once(std::vector<T>& to, const T& value) {
  if (std::find(to.begin(), to.end(), value) == to.end()) to.push_back(value);
}

constexpr const char* google_help =
    "Google Benchmark's options work, too: --benchmark_filter=<regex> of the names of cells, for "
    "example update64/think:1000ns/pthread_mutex/children:16, --benchmark_list_tests, "
    "--benchmark_out=<file> and the others. The JSON is in its format: its compare.py reads it.";

}  // namespace

std::vector<Place> Options::places_of(const Question& question) const {
  std::vector<Place> all;
  for (const Place& place : question.places(effort)) {
    std::vector<Workload> workloads{place.workload};
    const auto vary = [&](const auto& values, auto&& with) {
      if (values.empty()) return;
      std::vector<Workload> varied;
      for (const Workload& workload : workloads)
        for (const auto& value : values) varied.push_back(with(workload, value));
      workloads = std::move(varied);
    };
    vary(bytes, [](Workload w, std::size_t n) {
      if (w.has_sizes()) w.doubles = std::max<std::size_t>(n / 8, 1);
      return w;
    });
    vary(keys, [](Workload w, std::size_t n) {
      if (w.keys != 0) w.keys = n;
      return w;
    });
    vary(think_ns, [](Workload w, double ns) {
      w.think_ns = ns;
      return w;
    });
    for (const Workload& workload : workloads) {
      if (children.empty()) push_once(all, {workload, place.children});
      for (const int n : children) push_once(all, {workload, n});
    }
  }
  return all;
}

bool Options::wants(const Question& question) const {
  return questions.empty() ||
         std::find(questions.begin(), questions.end(), question.key) != questions.end();
}

bool Options::wants_strategy(const std::string& name) const {
  return strategies.empty() ||
         std::any_of(strategies.begin(), strategies.end(), [&](const std::string& part) {
           return lower(name).find(lower(part)) != std::string::npos;
         });
}

Options options_of(int argc, char** argv) {
  Options options;
  CLI::App app{"Which way to share memory between processes is fastest, fairest and safest here?"};
  app.name(std::filesystem::path(argv[0]).filename());
  app.footer(google_help);
  app.allow_extras();

  bool quick = false, full = false;
  auto* const quick_flag = app.add_flag("--quick", quick, "twenty seconds: a look");
  app.add_flag("--full", full, "half an hour: everything, interleaved repetitions, medians, spread")
      ->excludes(quick_flag);
  std::string keys;
  std::vector<std::string> known;
  for (const Question& question : all_questions()) {
    known.push_back(question.key);
    keys += (keys.empty() ? "" : "; ") + question.key + ": " + question.title;
  }
  app.add_option("--question", options.questions, "only these. " + keys)
      ->delimiter(',')
      ->check(CLI::IsMember(known));
  app.add_option("--strategy", options.strategies, "only those with this in their name")
      ->delimiter(',');
  app.add_option("--children", options.children, "so many, in the place of the questions' numbers")
      ->delimiter(',')
      ->check(CLI::Range(1, max_children));
  app.add_option("--think", options.think_ns,
                 "that each works by itself between two operations: 0, 80ns, 1us, 10us")
      ->delimiter(',')
      ->transform(CLI::AsNumberWithUnit(
          std::map<std::string, double>{{"ns", 1.0}, {"us", 1e3}, {"ms", 1e6}},
          CLI::AsNumberWithUnit::CASE_SENSITIVE, "TIME"))
      ->check(CLI::Range(0.0, 1e9))
      ->type_name("TIME");
  app.add_option("--size", options.bytes,
                 "of what is shared, or of a dict's values: 32B, 512, 64KiB, 16MiB")
      ->delimiter(',')
      ->transform(CLI::AsSizeValue(false))
      ->check(CLI::Range(std::size_t{8}, std::size_t{1} << 28))
      ->type_name("SIZE");
  app.add_option("--keys", options.keys, "of dicts and lists")
      ->delimiter(',')
      ->check(CLI::Range(std::size_t{1}, std::size_t{1} << 24));
  app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  app.add_option("--seconds", options.seconds, "for all of it")->check(CLI::Range(1.0, 86'400.0));
  app.add_option("--repeat", options.repeat, "so often, interleaved; figures are medians")
      ->check(CLI::Range(1, 100));
  app.add_flag("--list", options.list,
               "what would be measured: each cell, its seconds, and how often; measures nothing");
  app.add_flag("--pin", options.pin, "each child to one processor, in turn");
  app.add_option("--report", options.report,
                 "a directory for contention.html, .json and .csv (contention.partial.* if it is "
                 "stopped: the last complete ones stay)")
      ->capture_default_str();
  app.add_option("--json", options.json, "the figures of each run there, too");
  app.add_option("--csv", options.csv, "the same, a line for each");
  app.add_option("--html", options.html, "the report there, too");
  app.add_option("--compare", options.compare,
                 "the JSON, or CSV, of an older run: which strategies have become slower since")
      ->check(CLI::ExistingFile);
  try {
    app.parse(argc, argv);
    for (const std::string& extra : app.remaining()) {
      if (extra.rfind("--benchmark_", 0) != 0 && extra.rfind("--v=", 0) != 0)
        throw CLI::ExtrasError({extra});
      options.google.push_back(extra);
    }
  } catch (const CLI::ParseError& error) {
    throw Done{app.exit(error) == 0 ? 0 : 2};
  }
  options.effort = quick ? Effort::quick : full ? Effort::full : Effort::standard;
  return options;
}

}  // namespace contention
