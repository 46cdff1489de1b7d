/// What does a consistent snapshot cost, what does a write that allows for it, and who is held up?
///
///   alone                 nobody writes; beside the fastest copy of as many bytes
///   writer …              another process writes as fast as it can: all elements by assign, all by
///                         write(f), or one after another
///   in 2, 4, 8 copies     the same beside a writer by assign, whatever number suits the size
///   writer stopped, dead  the other process was stopped, then killed, in the middle of a write
///   store of one element, Value of a struct: beside one locked instruction
///
/// Snapshots go to memory that begins with a line of the cache: where it does not, up to 512 B take
/// twice as long, and so does memcpy. Reader and writer have a processor each. A mean is processor
/// time by snapshot, so that other programs do not count, over those slices of time in which the
/// writer did write. Percentiles are of single snapshots by the wall clock, what reading it costs
/// subtracted. A read is starved when it takes 100 ms.
///
/// Takes every option of Google Benchmark, and --quick.

#include "figures.hpp"

#include <algorithm>
#include <boost/align/aligned_allocator.hpp>
#include <cstdint>
#include <cstring>
#include <lagoon/core/copy.hpp>
#include <lagoon/lagoon.hpp>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "contention/histogram.hpp"

namespace {

using figures::Table;
using Array = lagoon::Array<double>;

struct Quote {
  std::int64_t instrument;
  double bid;
  double ask;
  std::int64_t time;
};
static_assert(sizeof(Quote) == 32);

struct Size {
  std::size_t bytes;
  const char* text;
  std::optional<double> ns_alone;  // the goals
  std::optional<double> ratio_alone;
};
constexpr Size sizes[] = {{64, "64 B", 3, {}},
                          {512, "512 B", 5, {}},
                          {8192, "8 KiB", 40, {}},
                          {524288, "512 KiB", {}, 1.1}};

enum class Writing { by_assign, by_write, of_elements };
constexpr std::pair<Writing, const char*> ways_to_write[] = {{Writing::by_assign, "assign"},
                                                             {Writing::by_write, "write(f)"},
                                                             {Writing::of_elements, "a[i]"}};

/// Where this program and the other one run.
struct Places {
  int here = -1;
  int there = -1;
};

template <unsigned N>
using ArrayIn = lagoon::Array<double, lagoon::mode::seqlocked_in<N>>;

/// An array, a copy of it, and its twins: for bare copies, and in other numbers of copies.
struct Subject {
  explicit Subject(std::size_t bytes)
      : array(bytes / sizeof(double)),
        in_2(array.size()),
        in_4(array.size()),
        in_8(array.size()),
        plain(array.size()),
        out(array.size()) {}
  [[nodiscard]] std::size_t bytes() const { return out.size() * sizeof(double); }
  Array array;
  ArrayIn<2> in_2;
  ArrayIn<4> in_4;
  ArrayIn<8> in_8;
  lagoon::Array<double, lagoon::mode::raw> plain;
  std::vector<double, boost::alignment::aligned_allocator<double, 64>> out;
};

[[gnu::noinline]] void by_memcpy(void* to, const void* from, std::size_t n) noexcept {
  std::memcpy(to, from, n);
  benchmark::ClobberMemory();
}

void snapshots(benchmark::State& state, Subject& subject) {
  const std::span<double> out(subject.out);
  for (auto _ : state) {
    subject.array.snapshot_into(out);
    benchmark::DoNotOptimize(out.data());
  }
}

template <class A>
[[noreturn]] void write_for_ever(A& array, Writing writing) {
  std::vector<double> values(array.size());
  for (double x = 0;;) {
    x += 1;
    switch (writing) {
      case Writing::by_assign:
        std::fill(values.begin(), values.end(), x);
        array.assign(values);
        break;
      case Writing::by_write:
        array.write([x](std::span<double> a) { std::fill(a.begin(), a.end(), x); });
        break;
      case Writing::of_elements:
        for (std::size_t i = 0; i < array.size(); ++i) array[i] = x;
        break;
    }
  }
}

/// What a pair of readings of the clock shows.
double clock_cost() {
  std::vector<double> pairs(10001);
  for (double& pair : pairs) {
    const double start = figures::wall_seconds();
    pair = figures::wall_seconds() - start;
  }
  std::nth_element(pairs.begin(), pairs.begin() + 5000, pairs.end());
  return pairs[5000];
}

/// Half a round trip of one line between two processes, in seconds.
double hand_off(Places places) {
  struct alignas(64) Line {
    boost::ipc_atomic<std::uint32_t> word{0};
  };
  const Mapped<Line> line;
  const figures::Child other([&] {
    figures::run_on(places.there);
    for (std::uint32_t n = 1;; n += 2) {
      while (line->word.load(boost::memory_order_acquire) != n) {
      }
      line->word.store(n + 1, boost::memory_order_release);
    }
  });
  std::vector<double> batches(101);
  std::uint32_t n = 0;
  for (double& batch : batches) {
    const double start = figures::wall_seconds();
    for (int i = 0; i < 50; ++i) {
      line->word.store(++n, boost::memory_order_release);
      ++n;
      while (line->word.load(boost::memory_order_acquire) != n) {
      }
    }
    batch = (figures::wall_seconds() - start) / 100;
  }
  // A batch in which either had no processor is among the slow ones.
  std::nth_element(batches.begin(), batches.begin() + 50, batches.end());
  return batches[50];
}

template <class A>
void under_writer(benchmark::State& state, A& array, std::span<double> out, Writing writing,
                  Places places, double duration) {
  const auto histogram = std::make_unique<contention::Histogram>();
  const double cost = clock_cost();
  // Each time, because a virtual machine's processors move about under it.
  state.counters["hand-off"] = hand_off(places) * 1e9;
  // A slice is short beside the scheduler's, and long beside a snapshot.
  const int slice = std::max(8, static_cast<int>(65536 / out.size_bytes()));
  double took = 0;
  std::uint64_t reads = 0;
  std::uint64_t writes = 0;
  double starved = 0;
  for (auto _ : state) {
    const auto first_version = array.version();
    const figures::Child writer([&] {
      figures::run_on(places.there);
      write_for_ever(array, writing);
    });
    while (array.version() == first_version) sched_yield();
    const double start = figures::wall_seconds();
    // Longer if the writer had no processor.
    for (double now = start; now < start + duration || (reads == 0 && now < start + 1);
         now = figures::wall_seconds()) {
      const auto before = array.version();
      const double begin = figures::processor_seconds();
      for (int i = 0; i < slice; ++i) array.snapshot_into(out);
      const double end = figures::processor_seconds();
      const auto after = array.version();
      for (int i = 0; i < slice; ++i) {
        const double one = figures::wall_seconds();
        array.snapshot_into(out);
        const double single = figures::wall_seconds() - one;
        starved += single >= 0.1 ? 1 : 0;
        // Histograms are of what happened beside a writer at work.
        if (after != before) histogram->record((single - cost) * 1e9);
      }
      if (after == before) continue;  // it had no processor
      took += end - begin;
      reads += static_cast<std::uint64_t>(slice);
      writes += after - before;
    }
    state.SetIterationTime(figures::wall_seconds() - start);
  }
  if (reads == 0) return state.SkipWithError("the writer never ran");
  state.counters["mean"] = took / static_cast<double>(reads) * 1e9;
  state.counters["writes"] = static_cast<double>(writes) / static_cast<double>(reads);
  state.counters["p50"] = histogram->percentile_ns(0.5);
  state.counters["p99"] = histogram->percentile_ns(0.99);
  state.counters["p99.9"] = histogram->percentile_ns(0.999);
  state.counters["max"] = histogram->longest_ns();
  state.counters["starved"] = starved;
}

/// The other process is in the middle of a write, and stopped or dead.
void after_writer(benchmark::State& state, Subject& subject, bool dead) {
  figures::Child writer([&] {
    subject.array.write([](std::span<double> a) {
      std::fill(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(a.size() / 2), 7.0);
      raise(SIGSTOP);
    });
  });
  writer.wait_stopped();
  if (dead) {
    writer.kill(SIGKILL);
    writer.wait();
  }
  snapshots(state, subject);
}

void add_size(Table& table, const Size& size, Subject& subject, Places places, double duration) {
  const auto add = [](const std::string& name, auto body) {
    return benchmark::RegisterBenchmark(name.c_str(), body);
  };
  const std::string text(size.text);
  const std::string alone = text + ", alone";
  double* const plain = subject.plain.get_obj().data();
  add(alone, [&](benchmark::State& s) { snapshots(s, subject); });
  add(text + "/memcpy", [&, plain](benchmark::State& s) {
    for (auto _ : s) by_memcpy(subject.out.data(), plain, subject.bytes());
  });
  add(text + "/read_shared", [&, plain](benchmark::State& s) {
    for (auto _ : s) lagoon::core::read_shared(subject.out.data(), plain, subject.bytes());
  });
  table.add({.what = alone,
             .figure = alone,
             .peer = "the fastest copy",
             .peer_is = [=](const Table& t) -> std::optional<double> {
               const auto a = t(text + "/memcpy");
               const auto b = t(text + "/read_shared");
               return a && b ? std::min(*a, *b) : std::optional<double>{};
             },
             .at_most_ratio = size.ratio_alone,
             .at_most = size.ns_alone});

  for (const bool dead : {false, true}) {
    const std::string name = text + (dead ? ", writer dead" : ", writer stopped");
    add(name, [&, dead](benchmark::State& s) { after_writer(s, subject, dead); });
    table.add({.what = name, .figure = name, .peer = alone, .at_most_ratio = 1.1});
  }
  if (places.there < 0) return;

  const bool small = size.bytes <= 8192;
  for (const auto& way : ways_to_write) {
    const Writing writing = way.first;
    const std::string name = text + ", writer " + way.second;
    add(name,
        [=, &subject](benchmark::State& s) {
          under_writer(s, subject.array, std::span(subject.out), writing, places, duration);
        })
        ->UseManualTime()
        ->Iterations(1);
    const auto hand_off_too = [=](const Table& t) -> std::optional<double> {
      const auto a = t(alone);
      const auto b = t(name + ":hand-off");
      return a && b ? *a + *b : std::optional<double>{};
    };
    table.add({.what = name + ": mean",
               .figure = name + ":mean",
               .peer = "alone + hand-off of a line",
               .peer_is = hand_off_too,
               .at_most_ratio = small ? std::optional(2.0) : std::nullopt,
               .at_most = small ? std::nullopt : std::optional(60e3),
               .notes = {{"hand-off", name + ":hand-off"}, {"writes/read", name + ":writes"}}});
    table.add({.what = name + ": p99.9",
               .figure = name + ":p99.9",
               .peer = "",
               .at_most = small ? std::optional(500.0) : std::nullopt,
               .notes = {{"p50", name + ":p50"}, {"p99", name + ":p99"}, {"max", name + ":max"}}});
    table.add({.what = name + ": starved reads",
               .figure = name + ":starved",
               .peer = "",
               .at_most = 0,
               .unit = ""});
  }

  const auto add_copies = [&](unsigned n, auto& array) {
    const std::string name = text + ", in " + std::to_string(n) + " copies";
    add(name,
        [=, &array, &subject](benchmark::State& s) {
          under_writer(s, array, std::span(subject.out), Writing::by_assign, places, duration);
        })
        ->UseManualTime()
        ->Iterations(1);
    table.add({.what = name,
               .figure = name + ":mean",
               .peer = n == 4 ? "" : text + ", in 4 copies:mean",
               .notes = {{"p99", name + ":p99"}, {"p99.9", name + ":p99.9"}}});
  };
  add_copies(2, subject.in_2);
  add_copies(4, subject.in_4);
  add_copies(8, subject.in_8);
}

}  // namespace

int main(int argc, char** argv) {
  const auto processors = figures::processors();
  Places places;
  if (processors.size() > 1) {
    places = {processors[0], processors[1]};
    figures::run_on(places.here);
  } else {
    std::puts("One processor only: nothing is measured beside a writer.");
  }
  std::vector<std::unique_ptr<Subject>> subjects;
  for (const Size& size : sizes) subjects.push_back(std::make_unique<Subject>(size.bytes));
  Array elements(64);
  lagoon::Value<Quote> quote{Quote{1, 2, 3, 4}};
  lagoon::Value<std::int64_t> word{0};
  lagoon::Array<std::int64_t, lagoon::mode::raw> plain(4);
  std::int64_t* const plain_quote = plain.get_obj().data();

  return figures::run(argc, argv, "0.02", [&](Table& table, bool quick) {
    const auto add = [](const char* name, auto body) { benchmark::RegisterBenchmark(name, body); };
    add("one locked instruction", [&](benchmark::State& s) {
      for (auto _ : s) benchmark::DoNotOptimize(word.fetch_add(1));
    });
    add("store of one element of 64", [&](benchmark::State& s) {
      std::size_t i = 0;
      for (auto _ : s) elements[i++ % 64] = 1.5;
    });
    add("one element += 1", [&](benchmark::State& s) {
      std::size_t i = 0;
      for (auto _ : s) elements[i++ % 64] += 1;
    });
    add("read of one element of 64", [&](benchmark::State& s) {
      std::size_t i = 0;
      for (auto _ : s) benchmark::DoNotOptimize(elements.get(i++ % 64));
    });
    add("Value<32 bytes>, set", [&](benchmark::State& s) {
      Quote x{1, 2, 3, 4};
      for (auto _ : s) {
        benchmark::DoNotOptimize(x);
        quote.set(x);
      }
    });
    add("Value<32 bytes>, get", [&](benchmark::State& s) {
      for (auto _ : s) benchmark::DoNotOptimize(quote.get());
    });
    add("memcpy of 32 bytes", [&](benchmark::State& s) {
      Quote x;
      for (auto _ : s) {
        std::memcpy(&x, plain_quote, sizeof x);
        benchmark::DoNotOptimize(x);
        benchmark::ClobberMemory();
      }
    });
    const auto row = [&](const char* figure, const char* peer, std::optional<double> goal) {
      table.add({.what = figure, .figure = figure, .peer = peer, .at_most_ratio = goal});
    };
    row("store of one element of 64", "one locked instruction", 2.5);
    row("one element += 1", "one locked instruction", {});
    row("read of one element of 64", "", {});
    row("Value<32 bytes>, set", "one locked instruction", {});
    row("Value<32 bytes>, get", "memcpy of 32 bytes", {});
    for (std::size_t i = 0; i < std::size(sizes); ++i)
      add_size(table, sizes[i], *subjects[i], places, quick ? 0.01 : 0.06);
  });
}
