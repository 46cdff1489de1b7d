#pragma once
/// What the programs that compare figures with goals have in common: interleaved repetitions of
/// Google Benchmark's, a table of ratios at the end, and child processes beside which to measure.
///
/// A row is a figure, its peer in the same run, and a goal. Figures are medians of the repetitions;
/// a goal that is not met is said, and fails nothing: the machine may be busy.

#include <benchmark/benchmark.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/atomic/ipc_atomic.hpp>
#include <cerrno>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mapped.hpp"

namespace figures {

// ---- Time ------------------------------------------------------------------------------------

inline double seconds(clockid_t clock) {
  timespec t{};
  ::clock_gettime(clock, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}
inline double wall_seconds() { return seconds(CLOCK_MONOTONIC); }
/// Of this thread: what other programs take from it does not count.
inline double processor_seconds() { return seconds(CLOCK_THREAD_CPUTIME_ID); }

// ---- Processes -------------------------------------------------------------------------------

inline std::vector<int> processors() {
  std::vector<int> found;
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  sched_getaffinity(0, sizeof allowed, &allowed);
  for (int i = 0; i < CPU_SETSIZE; ++i)
    if (CPU_ISSET(static_cast<std::size_t>(i), &allowed)) found.push_back(i);
  return found;
}

inline void run_on(int processor) {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(static_cast<std::size_t>(processor), &one);
  sched_setaffinity(0, sizeof one, &one);
}

/// Killed and reaped when this goes.
class Child {
 public:
  template <class F>
  explicit Child(F&& body) {
    const pid_t parent = getpid();
    std::fflush(nullptr);
    pid_ = fork();
    if (pid_ < 0) {
      std::perror("cannot fork");
      std::exit(1);
    }
    if (pid_ > 0) return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() == parent) body();
    _exit(0);
  }
  Child(Child&& other) noexcept : pid_(std::exchange(other.pid_, -1)) {}
  Child& operator=(Child&&) = delete;
  ~Child() {
    if (pid_ > 0) kill(SIGKILL);
    wait();
  }

  [[nodiscard]] pid_t pid() const { return pid_; }
  void kill(int signal) const { ::kill(pid_, signal); }
  /// Until it has ended.
  void wait() {
    while (pid_ > 0 && waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) continue;
    pid_ = -1;
  }
  /// Until it has stopped.
  void wait_stopped() const {
    siginfo_t info;
    while (waitid(P_PID, static_cast<id_t>(pid_), &info, WSTOPPED) != 0 && errno == EINTR) continue;
  }

 private:
  pid_t pid_ = -1;
};

// ---- The table -------------------------------------------------------------------------------

class Table : public benchmark::BenchmarkReporter {
 public:
  using Figure = std::function<std::optional<double>(const Table&)>;

  /// `figure` and `peer` are names of benchmarks, or of a counter of one ("name:counter").
  /// With `peer_is`, what the figure is divided by is computed.
  struct Row {
    std::string what;
    std::string figure;
    std::string peer;
    Figure peer_is = {};
    std::optional<double> at_most_ratio = {};
    std::optional<double> at_most = {};
    std::optional<double> at_most_more = {};  ///< than that, or than the peer
    const char* unit = "ns";
    /// Further figures, printed behind: what they are called, and their names.
    std::vector<std::pair<const char*, std::string>> notes = {};
  };

  void add(Row row) { rows_.push_back(std::move(row)); }

  /// The median of a benchmark's time in ns, or of its counter; nothing if it was not run.
  [[nodiscard]] std::optional<double> operator()(const std::string& name) const {
    const auto found = medians_.find(name);
    if (found == medians_.end()) return std::nullopt;
    return found->second;
  }

  bool ReportContext(const Context&) override { return true; }
  void ReportRuns(const std::vector<Run>& runs) override {
    show_progress(runs);
    for (const Run& run : runs) {
      if (run.error_occurred) {
        failures_[run.run_name.function_name] = run.error_message;
        continue;
      }
      if (run.run_type == Run::RT_Aggregate ? run.aggregate_name != "median" : run.repetitions > 1)
        continue;
      const std::string& name = run.run_name.function_name;
      const bool manual = !run.run_name.time_type.empty();
      medians_[name] = manual ? run.GetAdjustedRealTime() : run.GetAdjustedCPUTime();
      for (const auto& [counter, value] : run.counters) medians_[name + ":" + counter] = value;
    }
  }

  void print() const {
    if (measured_ != 0) std::fprintf(stderr, "\r\033[K");
    std::printf("\n%-46s %11s  %-26s %11s %7s  %-8s\n", "", "figure", "peer", "", "ratio", "goal");
    for (const Row& row : rows_) print(row);
  }

 private:
  /// On a terminal, what was measured last.
  void show_progress(const std::vector<Run>& runs) {
    if (isatty(STDERR_FILENO) == 0 || runs.empty()) return;
    std::fprintf(stderr, "\r\033[K%zu measured, %.0f s: %s", ++measured_, wall_seconds() - begin_,
                 runs.front().run_name.function_name.c_str());
  }
  void print(const Row& row) const {
    const auto figure = (*this)(row.figure);
    if (!figure) {
      // A row that a filter left out is not shown; one that failed says why.
      const auto failure = failures_.find(row.figure.substr(0, row.figure.find(':')));
      if (failure != failures_.end())
        std::printf("%-46s %11s  %s\n", row.what.c_str(), "no figure", failure->second.c_str());
      return;
    }
    const auto peer = row.peer_is ? row.peer_is(*this) : (*this)(row.peer);
    std::printf("%-46s %8.2f %-2s", row.what.c_str(), *figure, row.unit);
    bool met = true;
    std::string goal;
    if (peer) {
      const double ratio = *figure / *peer;
      std::printf("  %-26s %8.2f %-2s %6.2fx", row.peer.c_str(), *peer, row.unit, ratio);
      if (row.at_most_ratio) goal += text(*row.at_most_ratio) + " x";
      if (row.at_most_ratio || row.at_most_more)
        met = *figure <= row.at_most_ratio.value_or(1) * *peer + row.at_most_more.value_or(0);
    } else {
      std::printf("  %-26s %8s %-2s %7s", "", "", "", "");
    }
    if (row.at_most_more && peer) {
      goal += (goal.empty() ? "+" : " + ") + text(*row.at_most_more) + " " + row.unit;
    }
    if (row.at_most) {
      goal += (goal.empty() ? "" : ", ") + text(*row.at_most) + (*row.unit ? " " : "") + row.unit;
      met = met && *figure <= *row.at_most;
    }
    if (!goal.empty()) std::printf("  <= %-9s %s", goal.c_str(), met ? "met" : "NOT MET");
    for (const auto& [called, name] : row.notes)
      if (const auto value = (*this)(name)) std::printf("  %s %.4g", called, *value);
    std::printf("\n");
  }
  static std::string text(double x) {
    char buffer[32];
    std::snprintf(buffer, sizeof buffer, "%g", x);
    return buffer;
  }

  std::size_t measured_ = 0;
  double begin_ = wall_seconds();
  std::vector<Row> rows_;
  std::map<std::string, double> medians_;
  std::map<std::string, std::string> failures_;
};

/// Wall time of one of so many, which once() does.
template <class F>
void define_timed(const char* name, std::int64_t times, F&& once) {
  benchmark::RegisterBenchmark(
      name,
      [=](benchmark::State& state) {
        for (auto _ : state) {
          const double begin = wall_seconds();
          once();
          state.SetIterationTime((wall_seconds() - begin) / static_cast<double>(times));
        }
      })
      ->UseManualTime()
      ->Iterations(1);
}

// ---- The program -----------------------------------------------------------------------------

/// Reads the command line: all of Google Benchmark's options, and --quick. Then `define(table,
/// quick)` registers what is to be run, and the table is printed, and what after(table) prints.
template <class Define, class After>
int run(int argc, char** argv, const char* min_time, Define&& define, After&& after,
        const char* repetitions = "7") {
  bool quick = false;
  std::vector<std::string> words{argv[0], "--benchmark_enable_random_interleaving=true"};
  std::vector<std::string> given(argv + 1, argv + argc);
  quick = std::erase(given, "--quick") != 0;
  words.push_back(std::string("--benchmark_repetitions=") + (quick ? "3" : repetitions));
  words.push_back(std::string("--benchmark_min_time=") + (quick ? "0.0005" : min_time));
  words.insert(words.end(), given.begin(), given.end());
  std::vector<char*> arguments;
  for (auto& word : words) arguments.push_back(word.data());
  int count = static_cast<int>(arguments.size());
  arguments.push_back(nullptr);
  benchmark::Initialize(&count, arguments.data());
  if (benchmark::ReportUnrecognizedArguments(count, arguments.data())) return 1;
  Table table;
  define(table, quick);
  benchmark::RunSpecifiedBenchmarks(&table);
  table.print();
  after(table);
  return 0;
}
template <class Define>
int run(int argc, char** argv, const char* min_time, Define&& define) {
  return run(argc, argv, min_time, std::forward<Define>(define), [](const Table&) {});
}

}  // namespace figures
