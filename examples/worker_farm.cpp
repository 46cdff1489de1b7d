// A worker farm: a JoinableQueue of tasks, processes that do them, a Dict of what came out, and a
// progress bar. One worker is killed in the midst of a task: another does that task again, a new
// worker takes the place of the dead, and the sum is right.
//
//   worker_farm [UP_TO [TASKS [WORKERS]]]      2000000 100 4
//
// It counts primes. The bar is on standard error: on a terminal it grows, elsewhere it is a line
// for each tenth of the work.
#include <signal.h>
#include <unistd.h>
#include <lagoon/lagoon.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

using namespace std::chrono_literals;

struct Task {
  int id;
  int first, last;  // the primes in [first, last)
};

bool is_prime(int n) {
  if (n % 2 == 0) return n == 2;
  for (int d = 3; d <= n / d; d += 2)
    if (n % d == 0) return false;
  return n > 1;
}

/// What parent and workers share. It has no name: whoever is forked later inherits it.
struct Farm {
  lagoon::JoinableQueue<Task> tasks;
  /// Of each task, under its id. A task that is done twice, because its worker was killed after it
  /// had stored this and before task_done(), is here once: a sum would have it twice.
  lagoon::Dict<int, int> primes;
  lagoon::Value<int> begun{0};
  lagoon::Value<bool> accident{true};  // is still to come
};

/// Until it is ended: whoever waits in get() holds nothing that others wait for.
void work(Farm& farm) {
  for (;;) {
    const Task task = farm.tasks.get();
    farm.begun += 1;
    int count = 0;
    for (int n = task.first; n < task.last; ++n) {
      if (n == (task.first + task.last) / 2 && farm.accident.exchange(false))
        raise(SIGKILL);  // as the kernel does when memory runs out: nothing here is told
      if (is_prime(n)) ++count;
    }
    farm.primes[task.id] = count;
    farm.tasks.task_done();
  }
}

class Progress {
 public:
  explicit Progress(std::size_t all) : all_(all) {}

  void show(std::size_t done, int workers) {
    const std::size_t tenth = 10 * done / all_;
    if (tenth == shown_ && (!is_terminal_ || tenth == 10)) return;
    shown_ = tenth;
    const std::string bar = std::string(4 * tenth, '#') + std::string(40 - 4 * tenth, '.');
    const auto seconds = std::chrono::duration<double>(Clock::now() - begin_).count();
    std::fprintf(stderr, "%s[%s] %zu of %zu tasks, %d workers, %.1f s%s", is_terminal_ ? "\r" : "",
                 bar.c_str(), done, all_, workers, seconds,
                 is_terminal_ && done < all_ ? "\033[K" : "\n");
  }
  void say(const std::string& line) const {
    std::fprintf(stderr, "%s%s\n", is_terminal_ ? "\r\033[K" : "", line.c_str());
  }

 private:
  using Clock = std::chrono::steady_clock;
  std::size_t all_, shown_ = 11;
  Clock::time_point begin_ = Clock::now();
  bool is_terminal_ = isatty(STDERR_FILENO) == 1;
};

int main(int argc, char** argv) try {
  const int up_to = argc > 1 ? std::stoi(argv[1]) : 2'000'000;
  const int tasks = argc > 2 ? std::max(1, std::stoi(argv[2])) : 100;
  const int workers = argc > 3 ? std::max(1, std::stoi(argv[3])) : 4;

  Farm farm;
  const auto worker = [&] {
    lagoon::Process process({.daemon = true}, [&] { work(farm); });  // ends with this program
    process.start();
    return process;
  };
  std::vector<lagoon::Process> staff;
  for (int i = 0; i < workers; ++i) staff.push_back(worker());
  for (int id = 0; id < tasks; ++id) {
    const auto bound = [&](int i) { return static_cast<int>(1LL * up_to * i / tasks); };
    farm.tasks.put({id, bound(id), bound(id + 1)});
  }

  int lost = 0;
  Progress progress(static_cast<std::size_t>(tasks));
  for (bool done = false; !done;) {
    done = farm.tasks.join(50ms);  // all is done, or it is time to look around
    for (lagoon::Process& one : staff) {
      if (done || one.is_alive()) continue;
      progress.say(one.name() + " ended with " + std::to_string(one.exitcode().value()));
      if (++lost > workers) throw lagoon::WorkerDied("one worker after the other ends");
      one = worker();
    }
    progress.show(farm.primes.size(), workers);
  }

  long sum = 0;
  for (const auto& [id, count] : farm.primes.items()) sum += count;
  std::printf("%zu tasks, %d of them begun again\n", farm.primes.size(), farm.begun - tasks);
  std::printf("%ld primes below %d\n", sum, up_to);
} catch (const std::exception& error) {
  std::fprintf(stderr, "worker_farm: %s\n", error.what());
  return 1;
}
