/// What does a copy of shared bytes cost, beside memcpy and `rep movsb` in the same run?
///
///   read, alone       nobody else has touched the bytes since
///   read, rewritten   a thread on another processor has rewritten them, and has their cache lines
///   write, alone      nobody else has touched the target since
///   write, read       a thread on another processor has read the target, and shares its lines
///
/// Medians of repetitions, interleaved at random. Takes every option of Google Benchmark; the
/// default run ends in about ten seconds. Without a second processor only the first kinds run.

#include <benchmark/benchmark.h>
#include <sched.h>
#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <lagoon/core/copy.hpp>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

namespace core = lagoon::core;
using Copy = void (*)(void*, const void*, std::size_t) noexcept;

constexpr std::size_t size_of_side = 4 << 20;
constexpr std::size_t sizes[] = {16, 64, 256, 512, 1024, 4096, 8192, 32768, 524288};

[[gnu::noinline]] void by_memcpy(void* to, const void* from, std::size_t n) noexcept {
  std::memcpy(to, from, n);
  benchmark::ClobberMemory();
}

[[gnu::noinline]] void by_movsb(void* to, const void* from, std::size_t n) noexcept {
#ifdef __x86_64__
  asm volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
#else
  by_memcpy(to, from, n);
#endif
}

std::byte* shared_memory() {
  void* memory = mmap(nullptr, size_of_side, PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  if (memory == MAP_FAILED) {
    std::perror("copy: cannot map the memory to copy");
    std::exit(1);
  }
  return static_cast<std::byte*>(memory);
}

std::vector<std::size_t> processors() {
  std::vector<std::size_t> found;
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return found;
  for (std::size_t i = 0; i < CPU_SETSIZE; ++i)
    if (CPU_ISSET(i, &allowed)) found.push_back(i);
  return found;
}

void run_on(std::size_t processor) {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(processor, &one);
  sched_setaffinity(0, sizeof one, &one);
}

/// A thread on another processor that reads or rewrites bytes when it is asked to.
class Peer {
 public:
  enum Task : int { none, read, rewrite, end };

  explicit Peer(std::size_t processor) : thread_([this, processor] { work(processor); }) {}
  ~Peer() {
    task_.store(end, std::memory_order_release);
    thread_.join();
  }

  void ask(Task task, std::byte* bytes, std::size_t n) {
    bytes_ = bytes;
    n_ = n;
    task_.store(task, std::memory_order_release);
    while (task_.load(std::memory_order_acquire) != none) {
    }
  }

 private:
  void work(std::size_t processor) {
    run_on(processor);
    for (Task task{}; task != end;) {
      task = task_.load(std::memory_order_acquire);
      if (task == none) std::this_thread::yield();
      if (task != read && task != rewrite) continue;
      if (task == rewrite) std::memset(bytes_, ++value_, n_);
      if (task == read)
        for (std::size_t i = 0; i < n_; i += 64) static_cast<volatile std::byte*>(bytes_)[i];
      task_.store(none, std::memory_order_release);
    }
  }

  std::atomic<Task> task_{none};
  std::byte* bytes_ = nullptr;
  std::size_t n_ = 0;
  int value_ = 0;
  std::thread thread_;
};

void time_alone(benchmark::State& state, Copy copy, std::byte* to, std::byte* from, std::size_t n) {
  for (auto _ : state) copy(to, from, n);
}

/// One iteration, whose time is the median of many copies: a sample in which the processor was
/// taken away does not count.
void time_contended(benchmark::State& state, Copy copy, std::byte* to, std::byte* from,
                    std::size_t n, Peer& peer, Peer::Task task) {
  using Clock = std::chrono::steady_clock;
  const std::size_t stride = n + 256;
  const std::size_t batch = n <= 4096 ? 16 : n <= 16384 ? 4 : 1;  // the clock is coarse
  std::byte* const shared = task == Peer::read ? to : from;
  std::byte* const other = task == Peer::read ? from : to;
  std::vector<double> samples(n <= 8192 ? 1001 : n <= 32768 ? 301 : 51);
  for (auto _ : state) {
    for (double& sample : samples) {
      peer.ask(task, shared, batch * stride);
      std::memset(other, 1, n);  // our own side is in our cache
      const auto start = Clock::now();
      for (std::size_t i = 0; i < batch; ++i) {
        if (task == Peer::read)
          copy(shared + i * stride, other, n);
        else
          copy(other, shared + i * stride, n);
      }
      std::atomic_thread_fence(std::memory_order_seq_cst);  // what is stored has arrived
      const std::chrono::duration<double> took = Clock::now() - start;
      sample = took.count() / static_cast<double>(batch);
    }
    std::nth_element(samples.begin(),
                     samples.begin() + static_cast<std::ptrdiff_t>(samples.size() / 2),
                     samples.end());
    state.SetIterationTime(samples[samples.size() / 2]);
  }
}

/// Prints each case's median as a ratio to memcpy's.
class Table : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(const Context&) override { return true; }
  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs)
      if (run.run_type == Run::RT_Aggregate ? run.aggregate_name == "median" : run.repetitions <= 1)
        medians_[run.run_name.function_name] =
            run.run_name.time_type.empty() ? run.GetAdjustedCPUTime() : run.GetAdjustedRealTime();
  }
  void print(const std::vector<std::string>& cases) const {
    std::printf("%-24s %9s %12s %12s\n", "", "memcpy", "rep movsb", "lagoon");
    for (const auto& name : cases) {
      const auto memcpy = medians_.find(name + "/memcpy");
      const auto movsb = medians_.find(name + "/rep movsb");
      const auto lagoon = medians_.find(name + "/lagoon");
      if (memcpy == medians_.end() || movsb == medians_.end() || lagoon == medians_.end()) continue;
      std::printf("%-24s %6.1f ns %10.2f x %10.2f x %9.1f ns\n", name.c_str(), memcpy->second,
                  movsb->second / memcpy->second, lagoon->second / memcpy->second, lagoon->second);
    }
  }

 private:
  std::map<std::string, double> medians_;
};

}  // namespace

int main(int argc, char** argv) {
  std::string defaults[] = {"--benchmark_repetitions=5", "--benchmark_min_time=0.005",
                            "--benchmark_enable_random_interleaving=true"};
  std::vector<char*> arguments{argv[0]};
  for (auto& option : defaults) arguments.push_back(option.data());
  arguments.insert(arguments.end(), argv + 1, argv + argc);
  int count = static_cast<int>(arguments.size());
  arguments.push_back(nullptr);
  benchmark::Initialize(&count, arguments.data());
  if (benchmark::ReportUnrecognizedArguments(count, arguments.data())) return 1;

  const auto available = processors();
  if (available.empty()) return std::puts("copy: cannot tell the processors apart"), 1;
  run_on(available.front());
  std::byte* const to = shared_memory();
  std::byte* const from = shared_memory();
  std::optional<Peer> peer;
  std::vector<std::string> cases;
  const auto add = [&](const std::string& kind, Copy lagoon, Peer::Task task) {
    for (const std::size_t n : sizes) {
      cases.push_back(kind + ", " + std::to_string(n) + " B");
      for (const auto& [who, copy] : {std::pair<const char*, Copy>{"memcpy", by_memcpy},
                                      {"rep movsb", by_movsb},
                                      {"lagoon", lagoon}}) {
        const std::string name = cases.back() + "/" + who;
        if (task == Peer::none) {
          benchmark::RegisterBenchmark(name.c_str(), time_alone, copy, to, from, n);
        } else {
          const auto timed = [=, &peer, copy = copy](benchmark::State& state) {
            time_contended(state, copy, to, from, n, *peer, task);
          };
          benchmark::RegisterBenchmark(name.c_str(), timed)->UseManualTime()->Iterations(1);
        }
      }
    }
  };
  add("read, alone", core::read_shared, Peer::none);
  add("write, alone", core::write_shared, Peer::none);
  if (available.size() > 1) {
    peer.emplace(available[1]);
    add("read, rewritten", core::read_shared, Peer::rewrite);
    add("write, read", core::write_shared, Peer::read);
  } else {
    std::puts("One processor only: nothing is measured beside another.");
  }
  Table table;
  benchmark::RunSpecifiedBenchmarks(&table);
  table.print(cases);
  return 0;
}
