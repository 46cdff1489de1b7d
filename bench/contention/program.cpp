/// Which way to share memory between processes is fastest, fairest and safest here?
///
/// Children x strategy x workload, on Google Benchmark. Each cell of that cube is one benchmark of
/// one iteration with manual time: its iteration is a window of fixed length in which real forked
/// processes do the operation over and over. docs/benchmarks.md says how and why.

#include <benchmark/benchmark.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

#include "answers.hpp"
#include "compare.hpp"
#include "cpython.hpp"
#include "machine.hpp"
#include "options.hpp"
#include "program.hpp"
#include "progress.hpp"
#include "results.hpp"
#include "strategy.hpp"

namespace contention {
namespace {

/// How long it may take, and how often each is measured, unless the command line says it.
struct Mode {
  const char* name;
  double budget_s;   // for everything between the first fork and the last reaped child
  double longest_s;  // of one cell, where a filter leaves few
  int repetitions;
};

const Mode& mode_of(Effort effort) {
  static const Mode quick{"quick", 14, 0.3, 1};
  static const Mode standard{"default", 60, 3, 1};
  static const Mode full{"full", 1750, 3, 3};
  return effort == Effort::quick ? quick : effort == Effort::full ? full : standard;
}

/// Divides the time among the cells. What forking and reaping will take is set aside first, so that
/// windows are alike however dear a strategy's start. How much more (or less) than foreseen it has
/// taken so far is believed of the rest, so that the last cells do not pay for the first.
class Budget {
 public:
  struct Share {
    double warm_up_s, window_s;
  };

  Budget(double seconds, double longest) : seconds_left_(seconds), longest_(longest) {}

  void expect(const Strategy& strategy, const Place& place) {
    weight_left_ += weight_of(place.children);
    overhead_left_ += strategy.overhead.of(place);
  }
  [[nodiscard]] Share share(int children) const {
    const double overhead = overhead_left_ * (overhead_taken_ + 1) / (overhead_foreseen_ + 1);
    const double weight = std::max(weight_left_, 1.0);  // more runs than foreseen: a flag asked
    const double unit = std::max((seconds_left_ - overhead) / weight, shortest_unit_s);
    const double mine = std::min(unit * weight_of(children), longest_);
    return {mine * 0.15, mine * 0.85};
  }
  void spend(const Strategy& strategy, const Place& place, const Share& share, double seconds) {
    seconds_left_ = std::max(seconds_left_ - seconds, 0.0);
    overhead_taken_ += std::max(seconds - share.warm_up_s - share.window_s, 0.0);
    overhead_foreseen_ += strategy.overhead.of(place);
    overhead_left_ -= strategy.overhead.of(place);
    weight_left_ -= weight_of(place.children);
  }
  [[nodiscard]] double seconds_left() const { return seconds_left_; }

 private:
  /// Beyond four children for each processor the window grows with their number, so that each has
  /// the same processor time: a share means nothing before the scheduler has gone round some times.
  static double weight_of(int children) {
    return std::max(1.0, children / (4.0 * usable_processors()));
  }

  static constexpr double shortest_unit_s = 0.03;  // below it, rather too long than meaningless

  double seconds_left_;
  double longest_;
  double weight_left_ = 0;
  double overhead_left_ = 0;
  double overhead_taken_ = 0;
  double overhead_foreseen_ = 0;
};

/// One benchmark of Google's: a strategy at a place.
struct Cell {
  const Strategy* strategy;
  Place place;
  std::string name;
  bool is_wanted = true;  // by --benchmark_filter
};

void set_counters(benchmark::State& state, const Outcome& outcome) {
  state.counters["ops_per_s"] = outcome.operations_per_s;
  state.counters["ns_per_op"] = outcome.ns_per_operation;
  state.counters["p50_ns"] = outcome.p50_ns;
  state.counters["p99_ns"] = outcome.p99_ns;
  state.counters["p99.9_ns"] = outcome.p999_ns;
  state.counters["max_ns"] = outcome.longest_ns;
  state.counters["samples"] = outcome.samples;
  state.counters["jain"] = outcome.jain;
  state.counters["least_ops_per_s"] = outcome.least_operations_per_s;
  state.counters["least_share"] = outcome.least_share;
  state.counters["least_due"] = outcome.least_due;
  state.counters["torn"] = outcome.torn;
  state.counters["lost"] = outcome.lost;
  state.counters["cpu_s_per_million_ops"] = outcome.cpu_s_per_million;
  state.counters["writer_due"] = outcome.writer_due;
  state.counters["writes_per_s"] = outcome.writes_per_s;
  state.counters["retries_per_read"] = outcome.retries_per_read;
  state.counters["stopped_reads_per_s"] = outcome.stopped_reads_per_s;
  state.counters["stopped_stalled"] = outcome.stopped_stalled;
  state.counters["dead_reads_per_s"] = outcome.dead_reads_per_s;
  state.counters["dead_stalled"] = outcome.dead_stalled;
  state.counters["dead_ended"] = outcome.dead_ended;
  state.counters["recovery_ns"] = outcome.recovery_ns;
  state.counters["write_p50_ns"] = outcome.write_p50_ns;
  state.counters["write_p99.9_ns"] = outcome.write_p999_ns;
}

/// The figures are collected in `Results`; Google Benchmark's own table is not wanted.
class Silent : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(const Context&) override { return true; }
  void ReportRuns(const std::vector<Run>&) override {}
};

class Program {
 public:
  explicit Program(Options options)
      : options_(std::move(options)),
        older_(options_.compare.empty() ? Times() : times_in(options_.compare)),
        mode_(mode_of(options_.effort)),
        repetitions_(options_.repeat.value_or(mode_.repetitions)),
        clock_(Clock::calibrate()),
        budget_(options_.seconds.value_or(mode_.budget_s), mode_.longest_s) {}

  int run(const char* program) {
    add_lagoon(strategies_);
    add_locks(strategies_);
    add_peers(strategies_);
    add_containers(strategies_);
    add_redis(strategies_);
    add_cpython(strategies_);
    select_strategies();

    std::vector<std::string> arguments{program};
    arguments.insert(arguments.end(), options_.google.begin(), options_.google.end());
    give_default(arguments, "--benchmark_out=", partial("json").string());
    if (repetitions_ > 1) {
      give_default(arguments, "--benchmark_repetitions=", std::to_string(repetitions_));
      give_default(arguments, "--benchmark_enable_random_interleaving=", "true");
    }
    std::vector<char*> pointers;
    for (auto& argument : arguments) pointers.push_back(argument.data());
    int count = static_cast<int>(pointers.size());
    benchmark::Initialize(&count, pointers.data());
    if (benchmark::ReportUnrecognizedArguments(count, pointers.data())) return 2;

    if (!options_.list) prepare_report();
    results_.facts = machine_facts();
    results_.facts.emplace_back(
        "CPython", cpython().unavailable.empty() ? cpython().version : cpython().unavailable);
    const std::string redis =
        first_line_of("redis-server --version 2>&- | cut -d = -f 2 | cut -d ' ' -f 1");
    results_.facts.emplace_back("Redis", redis.empty() ? "not installed" : redis);
    results_.facts.emplace_back("mode", mode_.name);
    results_.facts.emplace_back("children", options_.pin ? "each on one processor, in turn"
                                                         : "wherever the scheduler puts them");
    results_.facts.emplace_back("clock of single operations", clock_text());
    for (const auto& [fact, value] : results_.facts) benchmark::AddCustomContext(fact, value);
    results_.processors = usable_processors();
    results_.clock = clock_;

    register_cells();
    if (options_.list) return list();
    Silent silent;
    const Others others;
    const bool any = benchmark::RunSpecifiedBenchmarks(&silent) > 0;
    results_.others = others.share();
    progress_.finish();
    if (started_ != 0) return report();
    std::filesystem::remove(partial("json"));
    return any ? 0 : 1;  // a list was asked for; or the filter left nothing
  }

 private:
  /// Those that were asked for; each that was must be there.
  void select_strategies() {
    for (const std::string& part : options_.strategies) {
      Options one;
      one.strategies = {part};
      if (std::any_of(strategies_.begin(), strategies_.end(),
                      [&](const Strategy& s) { return one.wants_strategy(s.name); }))
        continue;
      std::set<std::string> names;
      for (const Strategy& strategy : strategies_) names.insert(strategy.name);
      std::string all;
      for (const std::string& name : names) all += (all.empty() ? "" : ", ") + name;
      throw std::invalid_argument("--strategy " + part + ": there is none of that name, but " +
                                  all);
    }
    std::erase_if(strategies_, [&](const Strategy& s) { return !options_.wants_strategy(s.name); });
  }

  static void give_default(std::vector<std::string>& arguments, const std::string& flag,
                           const std::string& value) {
    for (const auto& argument : arguments) {
      if (argument.rfind(flag, 0) == 0) return;
    }
    arguments.push_back(flag + value);
  }

  void register_cells() {
    const std::string filter = benchmark::GetBenchmarkFilter();
    const bool inverted = !filter.empty() && filter[0] == '-';
    const std::regex wanted(filter.empty() || filter == "all" ? "." : filter.substr(inverted));
    std::set<Place> places;  // some answer more than one question
    for (const Question& question : all_questions()) {
      if (!options_.wants(question)) continue;
      results_.asked.push_back({question, options_.places_of(question)});
      for (const Place& place : results_.asked.back().places) {
        if (places.insert(place).second) add_cells(place);
      }
    }
    for (Cell& cell : cells_) {
      // Google Benchmark looks at the name with what it appends.
      cell.is_wanted =
          std::regex_search(cell.name + "/iterations:1/manual_time", wanted) != inverted;
      for (int i = 0; cell.is_wanted && i < repetitions_; ++i, ++runs_)
        budget_.expect(*cell.strategy, cell.place);
      benchmark::RegisterBenchmark(cell.name.c_str(),
                                   [&](benchmark::State& state) { measure(cell, state); })
          ->Iterations(1)
          ->UseManualTime()
          ->Unit(benchmark::kNanosecond);
    }
  }

  void add_cells(const Place& place) {
    for (const Strategy& strategy : strategies_) {
      if (!strategy.takes(place)) continue;
      if (strategy.unavailable.empty()) {
        cells_.push_back({&strategy, place, name_of(strategy.name, place)});
        continue;
      }
      const std::string skipped = strategy.name + ": " + strategy.unavailable;
      auto& all = results_.skipped;
      if (std::find(all.begin(), all.end(), skipped) == all.end()) all.push_back(skipped);
    }
  }

  /// As the budget has it before the first; it moves with what starting and ending really takes.
  [[nodiscard]] int list() const {
    double all = 0;
    std::size_t cells = 0;
    for (const Cell& cell : cells_) {
      if (!cell.is_wanted) continue;
      const auto [warm_up, window] = budget_.share(cell.place.children);
      const double other = cell.strategy->overhead.of(cell.place);
      all += repetitions_ * (warm_up + window + other);
      ++cells;
      std::printf("%d × %.3f s (after %.3f s, and %.3f s to start and end)  %s\n", repetitions_,
                  window, warm_up, other, cell.name.c_str());
    }
    std::printf("%zu cells, %zu runs, %.0f s\n", cells, runs_, all);
    for (const auto& skipped : results_.skipped) std::printf("not measured: %s\n", skipped.c_str());
    return 0;
  }

  /// Within its one iteration: Google Benchmark wants as many of every repetition.
  static void skip(benchmark::State& state, const char* why) {
    for (auto _ : state) {
      state.SkipWithError(why);
      break;
    }
  }

  void measure(Cell& cell, benchmark::State& state) {
    if (interrupted()) return skip(state, "interrupted");
    progress_.show(++started_, runs_, budget_.seconds_left(), cell.name);
    const auto begin = monotonic_ns();
    const auto elapsed = [&] { return static_cast<double>(monotonic_ns() - begin) * 1e-9; };
    const auto share = budget_.share(cell.place.children);
    Outcome outcome;
    try {
      outcome = cell.strategy->run({.workload = cell.place.workload,
                                    .children = cell.place.children,
                                    .pinned = options_.pin,
                                    .warm_up_s = share.warm_up_s,
                                    .window_s = share.window_s,
                                    .clock = clock_});
    } catch (const std::exception& error) {
      budget_.spend(*cell.strategy, cell.place, share, elapsed());
      if (interrupted()) {
        results_.incomplete.append(results_.incomplete.empty() ? "" : "; ");
        results_.incomplete.append("stopped by ").append(::strsignal(interruption()));
      } else {
        const std::string failure = cell.name + ": " + error.what();
        results_.incomplete.append(results_.incomplete.empty() ? "" : "; ").append(failure);
        progress_.say(failure);
      }
      skip(state, error.what());
      return;
    }
    budget_.spend(*cell.strategy, cell.place, share, elapsed());
    // What Google Benchmark takes for the time of one: that of one operation.
    for (auto _ : state) state.SetIterationTime(outcome.ns_per_operation * 1e-9);
    set_counters(state, outcome);
    results_.add(*cell.strategy, cell.place, outcome);
  }

  /// Interleaved, the cells ran in any order; and it may be that not all of them ran.
  void put_in_order() {
    std::vector<Row> ordered;
    for (const Cell& cell : cells_) {
      if (const Row* row = results_.find(cell.place, cell.strategy->name)) {
        ordered.push_back(*row);
        results_.repetitions = std::max(results_.repetitions, static_cast<int>(row->runs.size()));
      }
    }
    results_.rows = std::move(ordered);
  }

  std::string clock_text() const {
    return std::string(clock_.tsc ? "time-stamp counter" : "CLOCK_MONOTONIC") + ", steps of " +
           time_text(clock_.step_ns) + ", cost of " + time_text(clock_.cost_ns) + " subtracted";
  }

  /// Written while it runs, and renamed when all is there: a run that is stopped, or killed, leaves
  /// the last complete report as it was.
  [[nodiscard]] std::filesystem::path partial(const char* extension) const {
    return options_.report / (std::string("contention.partial.") + extension);
  }
  [[nodiscard]] std::filesystem::path complete(const char* extension) const {
    return options_.report / (std::string("contention.") + extension);
  }

  /// Says before a minute of measuring that its result could not be written.
  void prepare_report() const {
    std::error_code error;
    std::filesystem::create_directories(options_.report, error);
    if (!error && ::access(options_.report.c_str(), W_OK) != 0)
      error = {errno, std::generic_category()};
    if (error) {
      throw std::runtime_error("the report cannot be written to " + options_.report.string() +
                               ": " + error.message() + "; --report DIRECTORY takes another place");
    }
    for (const char* extension : extensions) std::filesystem::remove(partial(extension));
  }

  static void write(const std::filesystem::path& path, const std::string& text) {
    std::ofstream file(path);
    file << text;
    file.close();
    if (!file) throw std::runtime_error("cannot write " + path.string());
  }
  static void copy(const std::filesystem::path& from, const std::filesystem::path& to) {
    if (to.empty() || !std::filesystem::exists(from)) return;
    std::filesystem::copy_file(from, to, std::filesystem::copy_options::overwrite_existing);
  }

  int report() {
    put_in_order();
    std::fputs(table_of(results_).c_str(), stdout);
    write(partial("html"), page_of(results_));
    write(partial("csv"), csv_of(results_));
    copy(partial("html"), options_.html);
    copy(partial("csv"), options_.csv);
    copy(partial("json"), options_.json);
    std::printf("\n");
    for (const Asked& asked : results_.asked) {
      const Answer answer = answer_to(asked, results_);
      if (answer.lines.empty()) continue;
      std::printf("%s%s:\n", asked.question.title.c_str(),
                  answer.children == 0
                      ? ""
                      : (" With " + crew_text(answer.children, answer.are_readers)).c_str());
      for (const auto& [workload, says] : answer.lines)
        std::printf("  %s: %s\n", workload.c_str(), says.c_str());
    }
    if (!options_.compare.empty()) {
      std::printf("\nBeside %s:\n%s", options_.compare.c_str(),
                  text_of(compare(older_, times_of(results_))).c_str());
    }
    if (results_.incomplete.empty()) {
      for (const char* extension : extensions) {
        // No JSON if --benchmark_out asked for it elsewhere.
        if (std::filesystem::exists(partial(extension))) {
          std::filesystem::rename(partial(extension), complete(extension));
        }
      }
      std::printf("%s\n", complete("html").c_str());
      return 0;
    }
    std::printf("%s\n", partial("html").c_str());
    if (std::filesystem::exists(complete("html"))) {
      std::printf("The last complete report is still %s\n", complete("html").c_str());
    }
    return interrupted() ? 128 + interruption() : 1;
  }

  static constexpr const char* extensions[] = {"json", "html", "csv"};

  Options options_;
  Times older_;  // read before anything is measured
  Mode mode_;
  int repetitions_;
  Clock clock_;
  Strategies strategies_;
  std::vector<Cell> cells_;
  Results results_;
  Progress progress_;
  Budget budget_;
  std::size_t runs_ = 0;
  std::size_t started_ = 0;
};

}  // namespace

int run(int argc, char** argv) try {
  Options options = options_of(argc, argv);
  take_charge_of_processes();
  return Program(std::move(options)).run(argv[0]);
} catch (const Done& done) {
  return done.code;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
  return 1;
}

}  // namespace contention
