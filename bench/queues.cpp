/// What does a message cost that goes from process to process, and beside the alternatives?
///
///   1:1, 4:4      so many processes put messages of 64 bytes while as many get them: the time of
///                 one message, when all run as fast as they can, in a queue of 1024
///   round trip    one puts, the other answers: both ways, on two processors. Beside what the
///                 machine needs for that with plain stores: for the messages, and for a line
///   alone         put and get, by one process
///   4096          1:1 with messages of 4 KiB
///
/// Beside: boost::lockfree::spsc_queue (1:1 only) and queue, in shared memory, which copy what is
/// trivial and keep no promise when a process is killed; Boost.Interprocess's message_queue. Where
/// the Boost.Lockfree ones are full or empty one looks again, sixteen times, and then yields.
///
/// Wall time, so what else runs on the machine counts; medians of interleaved repetitions. Takes
/// every option of Google Benchmark, and --quick.

#include "figures.hpp"
#include "queue_peers.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace {

using figures::Child;
using figures::Table;

using peers::Message;

/// Several processes that begin together; from when the first began until the last has ended, which
/// they say themselves: who waits for them may not have a processor meanwhile.
class Crew {
 public:
  template <class Body>
  Crew(std::size_t size, bool pinned, Body&& body) {
    const auto cpus = figures::processors();
    std::vector<Child> children;
    for (std::size_t i = 0; i < size; ++i)
      children.emplace_back([&, i] {
        if (pinned) figures::run_on(cpus[i % cpus.size()]);
        ready_->fetch_add(1);
        while (ready_->load() < size) sched_yield();
        times_->at(i).begin = figures::wall_seconds();
        body(i);
        times_->at(i).end = figures::wall_seconds();
      });
    for (Child& child : children) child.wait();
    for (std::size_t i = 0; i < size; ++i) {
      begin_ = i == 0 ? times_->at(i).begin : std::min(begin_, times_->at(i).begin);
      end_ = std::max(end_, times_->at(i).end);
      has_ended_ = has_ended_ && times_->at(i).end != 0;
    }
  }
  void tell(benchmark::State& state, std::int64_t times) const {
    if (!has_ended_) state.SkipWithError("a process has died");
    state.SetIterationTime((end_ - begin_) / static_cast<double>(times));
  }

 private:
  struct Time {
    double begin, end;
  };
  Mapped<boost::ipc_atomic<std::size_t>> ready_;
  Mapped<std::array<Time, 16>> times_;
  double begin_ = 0, end_ = 0;
  bool has_ended_ = true;
};

template <template <class> class Q, std::size_t bytes>
void define_stream(const std::string& name, int pairs, std::int64_t messages) {
  using M = Message<bytes>;
  const auto run = [=](benchmark::State& state) {
    for (auto _ : state) {
      Q<M> queue;
      const Crew crew(2 * static_cast<std::size_t>(pairs), pairs == 1, [&](std::size_t i) {
        M m{};
        for (std::int64_t k = 0; k < messages / pairs; ++k) {
          if (i % 2 == 0) {
            m.words[0] = static_cast<std::uint64_t>(k);
            queue.put(m);
          } else {
            benchmark::DoNotOptimize(m = queue.get());
          }
        }
      });
      crew.tell(state, messages / pairs * pairs);
    }
  };
  benchmark::RegisterBenchmark(name.c_str(), run)->UseManualTime()->Iterations(1);
}

template <template <class> class Q>
void define_round_trip(const std::string& name, std::int64_t times) {
  using M = Message<64>;
  const auto run = [=](benchmark::State& state) {
    for (auto _ : state) {
      Q<M> there, back;
      const Crew crew(2, true, [&](std::size_t i) {
        M m{};
        for (std::int64_t k = 0; k < times; ++k) {
          if (i == 0) {
            there.put(m);
            benchmark::DoNotOptimize(m = back.get());
          } else {
            back.put(there.get());
          }
        }
      });
      crew.tell(state, times);
    }
  };
  benchmark::RegisterBenchmark(name.c_str(), run)->UseManualTime()->Iterations(1);
}

/// A line goes from processor to processor and back.
void define_hand_offs(std::int64_t times) {
  const auto run = [=](benchmark::State& state) {
    for (auto _ : state) {
      Mapped<boost::ipc_atomic<std::int64_t>> line;
      const Crew crew(2, true, [&](std::size_t i) {
        for (std::int64_t k = static_cast<std::int64_t>(i); k < 2 * times; k += 2) {
          for (int tries = 0; line->load() != k; ++tries)
            if (tries % 4096 == 4095) sched_yield();
          line->store(k + 1);
        }
      });
      crew.tell(state, times);
    }
  };
  benchmark::RegisterBenchmark("two hand-offs of a line", run)->UseManualTime()->Iterations(1);
}

template <template <class> class Q>
void define_alone(const std::string& name) {
  benchmark::RegisterBenchmark(name.c_str(), [](benchmark::State& state) {
    Q<Message<64>> queue;
    Message<64> m{};
    for (auto _ : state) {
      queue.put(m);
      benchmark::DoNotOptimize(m = queue.get());
    }
  });
}

void define(Table& table, bool quick) {
  const std::int64_t many = quick ? 20'000 : 1'000'000;
  const auto row = [&](const std::string& figure, const std::string& peer,
                       std::optional<double> ratio = {}) {
    table.add({.what = figure, .figure = figure, .peer = peer, .at_most_ratio = ratio});
  };
  define_alone<peers::LagoonQueue>("Queue alone");
  define_alone<peers::LagoonTaskQueue>("JoinableQueue alone");
  define_alone<peers::SpscQueue>("spsc_queue alone");
  define_alone<peers::MpmcQueue>("lockfree::queue alone");
  row("Queue alone", "lockfree::queue alone");
  row("Queue alone", "spsc_queue alone");
  row("JoinableQueue alone", "Queue alone");

  define_stream<peers::LagoonQueue, 64>("Queue 1:1", 1, many);
  define_stream<peers::LagoonTaskQueue, 64>("JoinableQueue 1:1", 1, many);
  define_stream<peers::SpscQueue, 64>("spsc_queue 1:1", 1, many);
  define_stream<peers::MpmcQueue, 64>("lockfree::queue 1:1", 1, many);
  define_stream<peers::InterprocessQueue, 64>("message_queue 1:1", 1, many / 10);
  row("Queue 1:1", "spsc_queue 1:1", 1.0);
  row("Queue 1:1", "lockfree::queue 1:1");
  row("Queue 1:1", "message_queue 1:1");
  row("JoinableQueue 1:1", "message_queue 1:1");

  define_stream<peers::LagoonQueue, 64>("Queue 4:4", 4, many);
  define_stream<peers::LagoonTaskQueue, 64>("JoinableQueue 4:4", 4, many);
  define_stream<peers::MpmcQueue, 64>("lockfree::queue 4:4", 4, many);
  define_stream<peers::InterprocessQueue, 64>("message_queue 4:4", 4, many / 10);
  row("Queue 4:4", "lockfree::queue 4:4", 0.4);
  row("Queue 4:4", "message_queue 4:4");
  row("JoinableQueue 4:4", "message_queue 4:4");

  define_stream<peers::LagoonQueue, 4096>("Queue 4096 B 1:1", 1, many / 10);
  define_stream<peers::SpscQueue, 4096>("spsc_queue 4096 B 1:1", 1, many / 10);
  define_stream<peers::InterprocessQueue, 4096>("message_queue 4096 B 1:1", 1, many / 50);
  row("Queue 4096 B 1:1", "spsc_queue 4096 B 1:1");
  row("Queue 4096 B 1:1", "message_queue 4096 B 1:1");

  define_hand_offs(many / 10);
  define_round_trip<peers::LagoonQueue>("Queue round trip", many / 10);
  define_round_trip<peers::BareHandOff>("bare round trip", many / 10);
  define_round_trip<peers::SpscQueue>("spsc_queue round trip", many / 10);
  define_round_trip<peers::MpmcQueue>("lockfree::queue round trip", many / 10);
  define_round_trip<peers::InterprocessQueue>("message_queue round trip", many / 100);
  row("Queue round trip", "bare round trip", 1.5);
  row("bare round trip", "two hand-offs of a line");
  row("Queue round trip", "two hand-offs of a line");
  row("Queue round trip", "spsc_queue round trip");
  row("Queue round trip", "lockfree::queue round trip");
  row("Queue round trip", "message_queue round trip");
}

}  // namespace

int main(int argc, char** argv) { return figures::run(argc, argv, "0.05", define); }
