// A metrics board that a running service keeps in shared memory, and that anybody may look at
// meanwhile: `lagoon top NAME`, `lagoon show NAME/latency`, this program itself with --watch.
// To count costs one instruction; who looks stores nothing, and holds nobody up.
//
//   metrics_board [NAME [REQUESTS]]        the service: so many requests for each of its workers;
//                                          without, or 0, until Ctrl-C or SIGTERM
//   metrics_board --watch [NAME [TIMES]]   another program: a line each second
//   lagoon rm NAME                         begins anew
//
// NAME is lagoon-board. The board outlives the service: a service that is started again, after a
// SIGKILL too, goes on counting where it was.
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>
#include <lagoon/lagoon.hpp>

#include <algorithm>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using std::chrono::microseconds;

using Count = std::uint64_t;
constexpr std::size_t buckets = 24;  // of the histogram: [i] has what took less than 2^i µs
constexpr auto relaxed = std::memory_order_relaxed;

/// The service's side: what has a name is found, or made. Names are what tools show; what belongs
/// together begins alike.
struct Board {
  explicit Board(const lagoon::Segment& segment)
      : starts(segment["service.starts"]),
        requests(segment["requests.all"]),
        failed(segment["requests.failed"]),
        active(segment["requests.active"]),
        latency(segment["latency"], buckets),
        last_error(segment["last_error"]) {}
  lagoon::Value<Count> starts, requests, failed;         // counters: only ever more
  lagoon::Value<std::int64_t> active;                    // a gauge
  lagoon::Array<Count, lagoon::mode::atomic> latency;    // a histogram
  lagoon::Dict<std::string, lagoon::Object> last_error;  // by field, all of them changed at once

  void done(microseconds took) {
    const auto bucket = static_cast<std::size_t>(std::bit_width(Count(took.count())));
    latency[std::min(bucket, buckets - 1)] += 1;
    requests.fetch_add(1, relaxed);
  }
  void error(const char* what, Count number) {
    failed.fetch_add(1, relaxed);
    last_error.update({{"what", what}, {"worker", getpid()}, {"request", number}});
  }
};

/// Counts a request as active as long as it is there.
class Active {
 public:
  explicit Active(Board& board) : board_(board) { board_.active.fetch_add(1, relaxed); }
  ~Active() { board_.active.fetch_sub(1, relaxed); }
  Active(const Active&) = delete;
  Active& operator=(const Active&) = delete;

 private:
  Board& board_;
};

void work(Board& board, const lagoon::Value<bool>& running, Count requests, pid_t service) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);  // a service that is killed leaves no workers
  if (getppid() != service) return;
  std::minstd_rand random(static_cast<unsigned>(getpid()));
  std::lognormal_distribution<double> micros(5, 1);
  for (Count n = 1; running && (requests == 0 || n <= requests); ++n) {
    const Active request(board);
    const auto begin = Clock::now();
    std::this_thread::sleep_for(std::chrono::duration<double, std::micro>(micros(random)));
    if (n % 100 == 0) board.error("no answer from the database", n);
    board.done(std::chrono::duration_cast<microseconds>(Clock::now() - begin));
  }
}

void serve(const std::string& name, Count requests) {
  sigset_t ends;  // before there are workers, who are told by `running`
  sigemptyset(&ends);
  sigaddset(&ends, SIGINT);
  sigaddset(&ends, SIGTERM);
  sigprocmask(SIG_BLOCK, &ends, nullptr);

  Board board(lagoon::Segment::open_or_create(name));
  board.starts += 1;
  board.active = 0;  // who was killed in a request has not taken back his one
  lagoon::Value<bool> running{true};
  std::vector<lagoon::Process> workers;
  for (int i = 0; i < 3; ++i) {
    workers.emplace_back([&, service = getpid()] { work(board, running, requests, service); });
    workers.back().start();
  }
  if (requests == 0) {
    int signal = 0;
    sigwait(&ends, &signal);
    running = false;
  }
  for (lagoon::Process& worker : workers) worker.join();
  std::printf("%ju requests, %ju failed, since the first of %ju starts\n",
              std::uintmax_t{board.requests}, std::uintmax_t{board.failed},
              std::uintmax_t{board.starts});
}

/// The bound below which a part of all requests were: 2^i µs.
Count quantile(const std::vector<Count>& latency, double part) {
  Count all = 0, below = 0;
  for (const Count n : latency) all += n;
  for (std::size_t i = 0; i < latency.size(); ++i)
    if ((below += latency[i]) >= static_cast<Count>(part * static_cast<double>(all)))
      return Count{1} << i;
  return 0;
}

/// The other side: knows the names and types, and cannot write.
void watch(const std::string& name, int times) {
  const auto segment = lagoon::Segment::open_read_only(name);
  const auto requests = segment.find<lagoon::Value<const Count>>("requests.all");
  const auto active = segment.find<lagoon::Value<const std::int64_t>>("requests.active");
  const auto latency = segment.find<lagoon::Array<const Count, lagoon::mode::atomic>>("latency");
  const auto error = segment.find<lagoon::Dict<std::string, const lagoon::Object>>("last_error");
  if (!requests || !active || !latency || !error)
    throw lagoon::NotFound(name + " is no board, or its service has only just begun");
  Count before = *requests;
  for (int i = 0; times == 0 || i < times; ++i) {
    std::this_thread::sleep_for(1s);
    const Count now = *requests;
    const std::vector<Count> histogram = latency->slice();
    std::printf("%ju requests, %ju a second, %jd active; half < %ju µs, 99 %% < %ju µs",
                std::uintmax_t{now}, std::uintmax_t{now - before}, std::intmax_t{*active},
                std::uintmax_t{quantile(histogram, 0.5)},
                std::uintmax_t{quantile(histogram, 0.99)});
    for (const auto& [key, value] : error->items())
      std::printf("; %s: %s", key.c_str(), value.str().c_str());
    std::printf("\n");
    std::fflush(stdout);
    before = now;
  }
}

int main(int argc, char** argv) try {
  std::vector<std::string> words(argv + 1, argv + argc);
  const bool watches = !words.empty() && words[0] == "--watch";
  if (watches) words.erase(words.begin());
  const std::string name = words.empty() ? "lagoon-board" : words[0];
  const int number = words.size() < 2 ? 0 : std::stoi(words[1]);
  watches ? watch(name, number) : serve(name, static_cast<Count>(number));
} catch (const std::exception& error) {
  std::fprintf(stderr, "metrics_board: %s\n", error.what());
  return 1;
}
