/// What does a message cost that goes from process to process, and beside the alternatives?
///
///   1:1, 4:4      so many processes put messages of 64 bytes while as many get them: the time of
///                 one message, when all run as fast as they can, in a queue of 1024
///   round trip    one puts, the other answers: both ways, on two processors
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

#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/interprocess/ipc/message_queue.hpp>
#include <boost/lockfree/queue.hpp>
#include <boost/lockfree/spsc_queue.hpp>
#include <cstdint>
#include <lagoon/lagoon.hpp>
#include <memory>
#include <string>
#include <vector>

namespace {

using figures::Child;
using figures::Table;
namespace bip = boost::interprocess;

constexpr std::size_t room = 1024;

template <std::size_t bytes>
struct Message {
  std::uint64_t words[bytes / 8];
};

template <class M>
class Lagoon {
 public:
  void put(const M& m) { queue_.put(m); }
  M get() { return queue_.get(); }

 private:
  lagoon::Queue<M> queue_{room};
};
template <class M>
class LagoonTasks {
 public:
  void put(const M& m) { queue_.put(m); }
  M get() {
    const M m = queue_.get();
    queue_.task_done();
    return m;
  }

 private:
  lagoon::JoinableQueue<M> queue_{room};
};

template <class M, class Q>
class Lockfree {
 public:
  void put(const M& m) {
    for (int tries = 0; !queue_->push(m); ++tries) wait(tries);
  }
  M get() {
    M m;
    for (int tries = 0; !queue_->pop(m); ++tries) wait(tries);
    return m;
  }

 private:
  static void wait(int tries) {
    if (tries % 16 == 15) sched_yield();
  }
  figures::Shared<Q> queue_;
};
template <class M>
using Spsc = Lockfree<M, boost::lockfree::spsc_queue<M, boost::lockfree::capacity<room>>>;
template <class M>
using Mpmc = Lockfree<M, boost::lockfree::queue<M, boost::lockfree::capacity<room>>>;

template <class M>
class Interprocess {
 public:
  Interprocess() : name_("lagoon-bench-" + std::to_string(getpid())) {
    bip::message_queue::remove(name_.c_str());
    queue_ = std::make_unique<bip::message_queue>(bip::create_only, name_.c_str(), room, sizeof(M));
    bip::message_queue::remove(name_.c_str());  // children have inherited it
  }
  void put(const M& m) { queue_->send(&m, sizeof m, 0); }
  M get() {
    M m;
    bip::message_queue::size_type size = 0;
    unsigned priority = 0;
    queue_->receive(&m, sizeof m, size, priority);
    return m;
  }

 private:
  std::string name_;
  std::unique_ptr<bip::message_queue> queue_;
};

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
  figures::Shared<boost::ipc_atomic<std::size_t>> ready_;
  figures::Shared<std::array<Time, 16>> times_;
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
      figures::Shared<boost::ipc_atomic<std::int64_t>> line;
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
  define_alone<Lagoon>("Queue alone");
  define_alone<LagoonTasks>("JoinableQueue alone");
  define_alone<Spsc>("spsc_queue alone");
  define_alone<Mpmc>("lockfree::queue alone");
  row("Queue alone", "lockfree::queue alone");
  row("Queue alone", "spsc_queue alone");
  row("JoinableQueue alone", "Queue alone");

  define_stream<Lagoon, 64>("Queue 1:1", 1, many);
  define_stream<LagoonTasks, 64>("JoinableQueue 1:1", 1, many);
  define_stream<Spsc, 64>("spsc_queue 1:1", 1, many);
  define_stream<Mpmc, 64>("lockfree::queue 1:1", 1, many);
  define_stream<Interprocess, 64>("message_queue 1:1", 1, many / 10);
  row("Queue 1:1", "spsc_queue 1:1", 1.0);
  row("Queue 1:1", "lockfree::queue 1:1");
  row("Queue 1:1", "message_queue 1:1");
  row("JoinableQueue 1:1", "message_queue 1:1");

  define_stream<Lagoon, 64>("Queue 4:4", 4, many);
  define_stream<LagoonTasks, 64>("JoinableQueue 4:4", 4, many);
  define_stream<Mpmc, 64>("lockfree::queue 4:4", 4, many);
  define_stream<Interprocess, 64>("message_queue 4:4", 4, many / 10);
  row("Queue 4:4", "lockfree::queue 4:4", 0.4);
  row("Queue 4:4", "message_queue 4:4");
  row("JoinableQueue 4:4", "message_queue 4:4");

  define_stream<Lagoon, 4096>("Queue 4096 B 1:1", 1, many / 10);
  define_stream<Spsc, 4096>("spsc_queue 4096 B 1:1", 1, many / 10);
  define_stream<Interprocess, 4096>("message_queue 4096 B 1:1", 1, many / 50);
  row("Queue 4096 B 1:1", "spsc_queue 4096 B 1:1");
  row("Queue 4096 B 1:1", "message_queue 4096 B 1:1");

  define_hand_offs(many / 10);
  define_round_trip<Lagoon>("Queue round trip", many / 10);
  define_round_trip<Spsc>("spsc_queue round trip", many / 10);
  define_round_trip<Mpmc>("lockfree::queue round trip", many / 10);
  define_round_trip<Interprocess>("message_queue round trip", many / 100);
  row("Queue round trip", "two hand-offs of a line", 1.5);
  row("Queue round trip", "spsc_queue round trip");
  row("Queue round trip", "lockfree::queue round trip");
  row("Queue round trip", "message_queue round trip");
}

}  // namespace

int main(int argc, char** argv) { return figures::run(argc, argv, "0.05", define); }
