/// What does a dict cost that processes share, and beside the alternatives?
///
///   get, set, add        a record of 64 bytes under a number, among so many keys at random; `add`
///                        is update_value, beside it the same under the mutex
///   N processes          all of them at once, on the processors that there are: the time of one
///                        operation of any of them
///   beside a writer      get, while another process sets without pause
///   str, Objects         Dict<std::string, double>, and Dict<>: a short str for a small int
///
/// Beside: Boost.Interprocess's map, and boost::unordered_map in its memory, each under its mutex;
/// LMDB in /dev/shm without sync, where liblmdb-dev is installed; a dict of CPython's manager,
/// where python3 is.
///
/// Alone: processor time. Of several processes: wall time. Takes every option of Google Benchmark,
/// and --quick.

#include "dict_peers.hpp"
#include "figures.hpp"
#include "python_peer.hpp"
#include "random.hpp"

#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <lagoon/lagoon.hpp>
#include <memory>
#include <string>
#include <vector>

namespace {

using figures::Table;

using Key = std::int64_t;
struct Record {
  std::int64_t count;
  std::int64_t others[7];
};
static_assert(sizeof(Record) == 64);

using Lagoon = peers::Lagoon<Key, Record>;
template <template <class, class> class Map>
using UnderMutex = peers::UnderMutex<Map, Key, Record>;
#ifdef LAGOON_HAS_LMDB
using Lmdb = peers::Lmdb<Key, Record>;
#endif

Key key_of(Random& random, Key keys) {
  return static_cast<Key>(random.below(static_cast<std::uint64_t>(keys)));
}

/// One that is filled with so many keys: the last that was asked for is kept.
template <class Store>
Store& filled(Key keys) {
  static std::unique_ptr<Store> store;
  static Key has = 0;
  if (has != keys) {
    store.reset();
    store = std::make_unique<Store>(peers::Room{static_cast<std::size_t>(keys), sizeof(Record)});
    for (Key key = 0; key < keys; ++key) store->set(key, Record{});
    has = keys;
  }
  return *store;
}

enum class Operation { get, set, add };
constexpr const char* name_of(Operation op) {
  return op == Operation::get ? "get" : op == Operation::set ? "set" : "add";
}

template <class Store>
void do_one(Store& store, Operation op, Key key, Record& record) {
  if (op == Operation::get) {
    if (!store.get(key, record)) std::abort();
    benchmark::DoNotOptimize(record);
  } else if (op == Operation::set) {
    ++record.count;
    store.set(key, record);
  } else {
    store.update(key, [](Record& r) { ++r.count; });
  }
}

std::string name(const std::string& store, Operation op, Key keys, int processes) {
  return store + " " + name_of(op) + " of " + std::to_string(keys) +
         (processes == 1 ? "" : " by " + std::to_string(processes));
}

template <class Store>
void define_alone(const std::string& called, Operation op, Key keys) {
  benchmark::RegisterBenchmark(name(called, op, keys, 1).c_str(), [=](benchmark::State& state) {
    Store& store = filled<Store>(keys);
    Random random;
    Record record{};
    for (auto _ : state) do_one(store, op, key_of(random, keys), record);
  });
}

/// What N processes do in a time, from one start on.
struct Contest {
  boost::ipc_atomic<int> ready{0};
  boost::ipc_atomic<bool> go{false}, stop{false};
  boost::ipc_atomic<std::uint64_t> done{0};
};

/// Nanoseconds for one operation of any of them.
double time_of_one(int processes, double seconds,
                   const std::function<std::uint64_t(Contest&, int)>& work) {
  const Mapped<Contest> contest;
  std::vector<figures::Child> children;
  children.reserve(static_cast<std::size_t>(processes));
  for (int i = 0; i < processes; ++i)
    children.emplace_back([&, i] {
      ++contest->ready;
      while (!contest->go) usleep(100);
      contest->done += work(*contest, i);
    });
  while (contest->ready < processes) usleep(100);
  const double begin = figures::wall_seconds();
  contest->go = true;
  usleep(static_cast<useconds_t>(seconds * 1e6));
  contest->stop = true;
  for (auto& child : children) child.wait();
  const double took = figures::wall_seconds() - begin;
  return 1e9 * took / static_cast<double>(contest->done);
}

template <class Store>
void define_together(const std::string& called, Operation op, Key keys, int processes,
                     double seconds) {
  benchmark::RegisterBenchmark(
      name(called, op, keys, processes).c_str(),
      [=](benchmark::State& state) {
        Store& store = filled<Store>(keys);
        for (auto _ : state)
          state.SetIterationTime(1e-9 *
                                 time_of_one(processes, seconds, [&](Contest& contest, int i) {
                                   Random random(static_cast<std::uint64_t>(i) + 2);
                                   Record record{};
                                   std::uint64_t done = 0;
                                   for (; !contest.stop.load(boost::memory_order_relaxed); ++done)
                                     do_one(store, op, key_of(random, keys), record);
                                   return done;
                                 }));
      })
      ->UseManualTime()
      ->Iterations(1);
}

/// get, by this process, while another one sets without pause.
template <class Store>
void define_beside_a_writer(const std::string& called, Key keys) {
  benchmark::RegisterBenchmark(
      (called + " get of " + std::to_string(keys) + " beside a writer").c_str(),
      [=](benchmark::State& state) {
        Store& store = filled<Store>(keys);
        const Mapped<Contest> contest;
        const figures::Child writer([&] {
          Random random(7);
          Record record{};
          contest->go = true;
          for (;;) {
            ++record.count;
            store.set(key_of(random, keys), record);
          }
        });
        while (!contest->go) usleep(100);
        Random random;
        Record record{};
        for (auto _ : state) do_one(store, Operation::get, key_of(random, keys), record);
      });
}

template <class K, class V, class MakeKey, class MakeValue>
void define_dict(const char* called, MakeKey&& make_key, MakeValue&& make_value) {
  constexpr std::size_t keys = 1000;
  struct Filled {
    lagoon::Dict<K, V> dict;
    std::vector<K> keys;
  };
  static const auto filled = [=] {
    auto all = std::make_shared<Filled>();
    for (std::size_t i = 0; i < keys; ++i) {
      all->keys.push_back(make_key("key " + std::to_string(i)));
      all->dict.set(all->keys.back(), make_value(i));
    }
    return all;
  };
  static std::shared_ptr<Filled> all;
  const auto define = [&](const char* what, auto&& operation) {
    benchmark::RegisterBenchmark(
        (std::string(called) + what).c_str(), [=](benchmark::State& state) {
          if (!all) all = filled();
          Random random;
          for (auto _ : state)
            operation(*all, all->keys[static_cast<std::size_t>(key_of(random, keys))]);
        });
  };
  define(" get", [](Filled& f, const K& key) { benchmark::DoNotOptimize(f.dict.find(key)); });
  define(" set", [make_value](Filled& f, const K& key) { f.dict.set(key, make_value(7)); });
}

/// Nanoseconds of a get from a dict of CPython's manager, the least of some; nothing without
/// python3.
void define_python() {
  static const char script[] =
      "python3 -c '\n"
      "import multiprocessing as m, time\n"
      "if __name__ == \"__main__\":\n"
      "  d = m.Manager().dict({str(i): i for i in range(1000)})\n"
      "  def once():\n"
      "    t = time.perf_counter()\n"
      "    for i in range(1000): d[\"7\"]\n"
      "    return (time.perf_counter() - t) * 1e6\n"
      "  print(min(once() for _ in range(5)))' 2>/dev/null";
  register_python("python manager get", script);
}

void define(Table& table, bool quick) {
  const std::vector<Key> counts =
      quick ? std::vector<Key>{100, 10'000} : std::vector<Key>{10, 100, 1000, 100'000, 1'000'000};
  const std::vector<int> crowds = quick ? std::vector<int>{4} : std::vector<int>{2, 4, 16, 64};
  const double seconds = quick ? 0.05 : 0.25;
  const auto row = [&](const std::string& figure, const std::string& peer, auto&& goals) {
    Table::Row r{.what = figure, .figure = figure, .peer = peer};
    goals(r);
    table.add(std::move(r));
  };
  for (const Key keys : counts)
    for (const Operation op : {Operation::get, Operation::set, Operation::add}) {
      define_alone<Lagoon>("lagoon", op, keys);
      define_alone<UnderMutex<peers::OrderedMap>>("map", op, keys);
      define_alone<UnderMutex<peers::HashMap>>("unordered_map", op, keys);
#ifdef LAGOON_HAS_LMDB
      if (op != Operation::add && keys <= 100'000) define_alone<Lmdb>("LMDB", op, keys);
#endif
      const std::string mine = name("lagoon", op, keys, 1);
      row(mine, name("map", op, keys, 1), [&](Table::Row& r) {
        if (op == Operation::get) r.at_most_ratio = 0.2;
        if (keys == 100 && op == Operation::get) r.at_most = 20;
        if (keys == 100 && op == Operation::set) r.at_most = 40;
      });
      row(mine, name("unordered_map", op, keys, 1), [](Table::Row&) {});
#ifdef LAGOON_HAS_LMDB
      if (op != Operation::add && keys <= 100'000)
        row(mine, name("LMDB", op, keys, 1), [](Table::Row&) {});
#endif
    }
  constexpr Key shared_keys = 1000;
  for (const int processes : crowds)
    for (const Operation op : {Operation::get, Operation::set, Operation::add}) {
      define_together<Lagoon>("lagoon", op, shared_keys, processes, seconds);
      define_together<UnderMutex<peers::OrderedMap>>("map", op, shared_keys, processes, seconds);
      define_together<UnderMutex<peers::HashMap>>("unordered_map", op, shared_keys, processes,
                                                  seconds);
      const std::string mine = name("lagoon", op, shared_keys, processes);
      row(mine, name("map", op, shared_keys, processes), [&](Table::Row& r) {
        if (op == Operation::get) r.at_most_ratio = 0.2;
        if (op == Operation::add && processes == 16) r.at_most_ratio = 1.0 / 3;
      });
      row(mine, name("unordered_map", op, shared_keys, processes), [](Table::Row&) {});
    }
  define_beside_a_writer<Lagoon>("lagoon", shared_keys);
  row("lagoon get of 1000 beside a writer", name("lagoon", Operation::get, shared_keys, 1),
      [](Table::Row&) {});
  define_dict<std::string, double>(
      "str", [](const std::string& s) { return s; }, [](auto i) { return static_cast<double>(i); });
  define_dict<lagoon::Object, lagoon::Object>(
      "Objects", [](const std::string& s) { return lagoon::Object(s); },
      [](auto i) { return lagoon::Object(i); });
  define_python();
  row("str get", "", [](Table::Row&) {});
  row("str set", "", [](Table::Row&) {});
  row("Objects get", "python manager get", [](Table::Row& r) {
    r.at_most = 100;
    r.at_most_ratio = 1.0 / 200;
  });
  row("Objects set", "Objects get", [](Table::Row& r) {
    r.at_most_ratio = 2;
    r.at_most_more = 50;
  });
}

}  // namespace

int main(int argc, char** argv) { return figures::run(argc, argv, "0.05", define); }
