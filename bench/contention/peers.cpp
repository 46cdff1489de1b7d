/// What needs no lock: the least that a counter costs, and what must be found torn.

#include <lagoon/shared.hpp>

#include <boost/atomic/ipc_atomic.hpp>
#include <cstdint>

#include "strategy.hpp"

namespace contention {
namespace {

/// A bare atomic word: what a counter costs at the least.
class BoostAtomic {
 public:
  void increment() { shared_->word.fetch_add(1); }
  double value() { return static_cast<double>(shared_->word.load()); }

 private:
  struct Memory {
    alignas(line) boost::ipc_atomic<std::int64_t> word{0};
  };
  lagoon::Shared<Memory> shared_;
};

/// No lock at all: what a benchmark that looks must find torn.
class NoLock {
 public:
  void fill(double value) {
    shared_->values.fill(value);
    compiler_barrier();
  }
  void snapshot(Doubles& copy) {
    compiler_barrier();
    copy = shared_->values;
  }

 private:
  static void compiler_barrier() { asm volatile("" ::: "memory"); }
  struct Memory {
    alignas(line) Doubles values;
  };
  lagoon::Shared<Memory> shared_;
};

}  // namespace

void add_peers(Strategies& to) {
  add<Workload::counter, BoostAtomic>("Boost.Atomic", Family::peer, to);
  add<Workload::snapshot64, NoLock>("no lock", Family::control, to);
}

}  // namespace contention
