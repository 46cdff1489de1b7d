#pragma once
/// A run: the parts of all questions one after the other, each way's repetitions among the others',
/// and a line that says how long it will take.

#include <functional>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "contention/progress.hpp"
#include "figures.hpp"
#include "random.hpp"
#include "results.hpp"

namespace growth {

struct Effort {
  bool quick = false;
  int repetitions = 5;
  double seconds = 0.06;  // of one sample of one process; of several processes, longer
  int most = 10'000'000;  // elements
};

/// One way of doing what a panel is about.
struct Way {
  Panel& panel;
  Whose whose;
  std::string name;
  std::function<Sample(double seconds)> measure;
};

/// SIGINT or SIGTERM came: what was begun is cleared up on the way out.
struct Interrupted : std::runtime_error {
  Interrupted() : std::runtime_error("interrupted") {}
};
void throw_if_interrupted();

class Run {
 public:
  explicit Run(const Effort& effort) : effort_(effort) {}
  [[nodiscard]] const Effort& effort() const noexcept { return effort_; }

  /// Something to be done at a size, which will take so many seconds.
  void add(const std::string& name, double seconds, std::function<void()> part) {
    parts_.push_back({name, seconds, std::move(part)});
  }
  /// Does what was added.
  void go();
  /// Within a part: all ways as often as is asked for, in ever new orders.
  void measure(int size, double seconds, const std::vector<Way>& ways);
  /// A message that stays.
  void say(const std::string& message) { progress_.say(message); }

 private:
  struct Part {
    std::string name;
    double seconds;
    std::function<void()> run;
  };
  void show();

  Effort effort_;
  std::vector<Part> parts_;
  std::size_t at_ = 0;  // this part
  double part_began_ = 0;
  double foreseen_ = 0, took_ = 0;  // of the parts before
  contention::Progress progress_;
  std::mt19937 order_{1};  // the same in each run
};

/// For the next sample, so that it does not find in the caches what the last one looked for.
inline Random another() {
  static std::uint64_t made = 0;
  return Random(++made);
}

/// Processor time of one f(), in nanoseconds, from what it takes in so many seconds; a fifth of
/// that goes before and counts nowhere.
template <class F>
Sample time_of(double seconds, F&& f) {
  std::uint64_t batch = 1;  // reading the clock takes as long as some operations
  const auto repeat = [&](double for_seconds) {
    const double begin = figures::processor_seconds();
    std::uint64_t done = 0;
    for (double took = 0;; took = figures::processor_seconds() - begin) {
      if (took >= for_seconds) return 1e9 * took / static_cast<double>(done);
      if (took < for_seconds / 100 && done >= batch) batch *= 2;
      for (std::uint64_t i = 0; i < batch; ++i) f();
      done += batch;
    }
  };
  repeat(seconds / 5);
  return {repeat(seconds)};
}

}  // namespace growth
