#include "contest.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <numeric>
#include <stdexcept>

#include "contention/clock.hpp"
#include "contention/crew.hpp"
#include "contention/machine.hpp"
#include "figures.hpp"
#include "run.hpp"

namespace growth {
namespace {

constexpr double warm_up = 0.15;  // of the time, and counts nowhere
constexpr double seconds_to_start_one = 0.0015;

double window_of(int processes, double seconds) {
  return seconds * std::max(1.0, processes / (4.0 * contention::usable_processors()));
}

/// In small steps, so that who interrupts is heard, and a child that died is noticed.
void sleep_beside(contention::Crew& crew, double seconds) {
  const double end = figures::wall_seconds() + seconds;
  for (double left = seconds; left > 0; left = end - figures::wall_seconds()) {
    usleep(static_cast<useconds_t>(1e6 * std::min(left, 0.05)));
    throw_if_interrupted();
    crew.expect_all_running();
  }
}

}  // namespace

void Turns::get_ready() {
  ++stage_.ready;
  while (!stage_.go) usleep(200);
}

double seconds_of_contest(int processes, double seconds) {
  return window_of(processes, seconds) * (1 + warm_up) + processes * seconds_to_start_one + 0.003;
}

Sample contest(int processes, double seconds, const std::function<void(Turns&)>& body) {
  const Mapped<Turns::Stage> stage;
  contention::Crew crew;
  for (int i = 0; i < processes; ++i)
    crew.fork([&, i] {
      Turns turns(*stage, i);
      body(turns);
    });
  while (stage->ready < processes) sleep_beside(crew, 0.0005);
  stage->go = true;

  const auto count = [&] {
    std::array<std::uint64_t, most_processes> done{};
    for (std::size_t i = 0; i < static_cast<std::size_t>(processes); ++i)
      done[i] = stage->seats[i].done;
    return done;
  };
  const double window = window_of(processes, seconds);
  sleep_beside(crew, window * warm_up);
  const double begin = figures::wall_seconds();
  const auto before = count();
  // Where other programs have the processors, nobody may have had a turn in that time.
  constexpr double at_most = 10;
  double took = 0;
  auto done = before;
  do {
    sleep_beside(crew, window);
    took = figures::wall_seconds() - begin;
    done = count();
  } while (done == before && took < at_most);
  stage->stop = true;
  // Who is killed instead may leave a mutex locked.
  if (!crew.join(contention::monotonic_ns() + 30'000'000'000))
    throw std::runtime_error("a process does not end");

  const auto n = static_cast<std::size_t>(processes);
  for (std::size_t i = 0; i < n; ++i) done[i] -= before[i];
  const auto all =
      static_cast<double>(std::accumulate(done.begin(), done.begin() + n, std::uint64_t{0}));
  const auto least = static_cast<double>(*std::min_element(done.begin(), done.begin() + n));
  if (all == 0) throw std::runtime_error("nobody has done anything");
  return {1e9 * took / all, least * processes / all};
}

}  // namespace growth
