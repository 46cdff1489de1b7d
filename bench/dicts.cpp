/// What does a dict cost that processes share, and beside the alternatives?
///
///   get, set, add        a record of 64 bytes under a number, among so many keys at random; `add`
///   is
///                        update_value, beside it the same under the mutex
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

#include "figures.hpp"
#include "python_peer.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <boost/interprocess/allocators/allocator.hpp>
#include <boost/interprocess/containers/map.hpp>
#include <boost/interprocess/managed_external_buffer.hpp>
#include <boost/interprocess/sync/interprocess_mutex.hpp>
#include <boost/interprocess/sync/scoped_lock.hpp>
#include <boost/unordered_map.hpp>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <lagoon/lagoon.hpp>
#include <memory>
#include <random>
#include <string>
#include <vector>

#ifdef LAGOON_HAS_LMDB
#include <lmdb.h>
#endif

namespace {

using figures::Table;
namespace bip = boost::interprocess;

using Key = std::int64_t;
struct Record {
  std::int64_t count;
  std::int64_t others[7];
};
static_assert(sizeof(Record) == 64);

/// 1, 2, …: which key of so many comes next.
class Random {
 public:
  explicit Random(std::uint64_t seed = 1) : state_(seed * 0x9e3779b97f4a7c15) {}
  Key key(Key keys) noexcept {
    state_ = state_ * 6364136223846793005 + 1442695040888963407;
    return static_cast<Key>(((state_ >> 32) * static_cast<std::uint64_t>(keys)) >> 32);
  }

 private:
  std::uint64_t state_;
};

class Lagoon {
 public:
  explicit Lagoon(Key) {}
  bool get(Key key, Record& record) const {
    const auto found = dict_.find(key);
    if (found) record = *found;
    return found.has_value();
  }
  void set(Key key, const Record& record) { dict_.set(key, record); }
  void add(Key key) {
    dict_.update_value(key, [](Record& r) { ++r.count; });
  }

 private:
  lagoon::Dict<Key, Record> dict_;
};

template <class Map>
class UnderMutex {
 public:
  explicit UnderMutex(Key keys)
      : bytes_((std::size_t{1} << 20) + static_cast<std::size_t>(keys) * 320),
        memory_(mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)),
        buffer_(bip::create_only, memory_, bytes_),
        mutex_(buffer_.construct<bip::interprocess_mutex>(bip::anonymous_instance)()),
        map_(buffer_.construct<Map>(bip::anonymous_instance)(
            typename Map::allocator_type(buffer_.get_segment_manager()))) {}
  UnderMutex(const UnderMutex&) = delete;
  ~UnderMutex() { munmap(memory_, bytes_); }

  bool get(Key key, Record& record) {
    const Guard guard(*mutex_);
    const auto found = map_->find(key);
    if (found == map_->end()) return false;
    record = found->second;
    return true;
  }
  void set(Key key, const Record& record) {
    const Guard guard(*mutex_);
    const auto found = map_->find(key);
    if (found != map_->end())
      found->second = record;
    else
      map_->emplace(key, record);
  }
  void add(Key key) {
    const Guard guard(*mutex_);
    ++map_->find(key)->second.count;
  }

 private:
  using Guard = bip::scoped_lock<bip::interprocess_mutex>;
  std::size_t bytes_;
  void* memory_;
  bip::managed_external_buffer buffer_;
  bip::interprocess_mutex* mutex_;
  Map* map_;
};
using Allocator =
    bip::allocator<std::pair<const Key, Record>, bip::managed_external_buffer::segment_manager>;
struct OrderedMap : bip::map<Key, Record, std::less<Key>, Allocator> {
  explicit OrderedMap(const Allocator& a) : map(std::less<Key>(), a) {}
};
struct HashMap
    : boost::unordered_map<Key, Record, boost::hash<Key>, std::equal_to<Key>, Allocator> {
  explicit HashMap(const Allocator& a)
      : unordered_map(16, boost::hash<Key>(), std::equal_to<Key>(), a) {}
};

#ifdef LAGOON_HAS_LMDB
void check(int error) {
  if (error == 0) return;
  std::fprintf(stderr, "LMDB: %s\n", mdb_strerror(error));
  std::exit(1);
}
/// As its documentation has it for many short readers: no locks but the writers', no sync.
class Lmdb {
 public:
  explicit Lmdb(Key) {
    std::filesystem::create_directory(path_);
    check(mdb_env_create(&env_));
    check(mdb_env_set_mapsize(env_, std::size_t{1} << 30));
    check(mdb_env_open(env_, path_.c_str(), MDB_NOSYNC | MDB_WRITEMAP | MDB_NOTLS, 0600));
    MDB_txn* txn = nullptr;
    check(mdb_txn_begin(env_, nullptr, 0, &txn));
    check(mdb_dbi_open(txn, nullptr, MDB_INTEGERKEY, &db_));
    check(mdb_txn_commit(txn));
    check(mdb_txn_begin(env_, nullptr, MDB_RDONLY, &reader_));
    mdb_txn_reset(reader_);
  }
  Lmdb(const Lmdb&) = delete;
  ~Lmdb() {
    mdb_txn_abort(reader_);
    mdb_env_close(env_);
    std::filesystem::remove_all(path_);
  }
  bool get(Key key, Record& record) {
    check(mdb_txn_renew(reader_));
    MDB_val k{sizeof key, &key}, v{};
    const bool found = mdb_get(reader_, db_, &k, &v) == 0;
    if (found) record = *static_cast<const Record*>(v.mv_data);
    mdb_txn_reset(reader_);
    return found;
  }
  void set(Key key, Record record) {
    MDB_txn* txn = nullptr;
    check(mdb_txn_begin(env_, nullptr, 0, &txn));
    MDB_val k{sizeof key, &key}, v{sizeof record, &record};
    check(mdb_put(txn, db_, &k, &v, 0));
    check(mdb_txn_commit(txn));
  }

 private:
  std::string path_ = "/dev/shm/lagoon-bench-lmdb." + std::to_string(getpid());
  MDB_env* env_ = nullptr;
  MDB_dbi db_ = 0;
  MDB_txn* reader_ = nullptr;
};
#endif

/// One that is filled with so many keys: the last that was asked for is kept.
template <class Store>
Store& filled(Key keys) {
  static std::unique_ptr<Store> store;
  static Key has = 0;
  if (has != keys) {
    store.reset();
    store = std::make_unique<Store>(keys);
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
  } else if constexpr (requires { store.add(key); }) {
    store.add(key);
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
    for (auto _ : state) do_one(store, op, random.key(keys), record);
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
  const figures::Shared<Contest> contest;
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
                                     do_one(store, op, random.key(keys), record);
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
        const figures::Shared<Contest> contest;
        const figures::Child writer([&] {
          Random random(7);
          Record record{};
          contest->go = true;
          for (;;) {
            ++record.count;
            store.set(random.key(keys), record);
          }
        });
        while (!contest->go) usleep(100);
        Random random;
        Record record{};
        for (auto _ : state) do_one(store, Operation::get, random.key(keys), record);
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
            operation(*all, all->keys[static_cast<std::size_t>(random.key(keys))]);
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
      define_alone<UnderMutex<OrderedMap>>("map", op, keys);
      define_alone<UnderMutex<HashMap>>("unordered_map", op, keys);
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
      define_together<UnderMutex<OrderedMap>>("map", op, shared_keys, processes, seconds);
      define_together<UnderMutex<HashMap>>("unordered_map", op, shared_keys, processes, seconds);
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
  row("Objects set", "Objects get", [](Table::Row& r) { r.at_most_more = 50; });
}

}  // namespace

int main(int argc, char** argv) { return figures::run(argc, argv, "0.05", define); }
