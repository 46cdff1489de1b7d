/// What needs no lock: the least that a counter costs, and what must be found torn.

#include <lagoon/array.hpp>
#include <lagoon/shared.hpp>

#include <algorithm>
#include <boost/atomic/ipc_atomic.hpp>
#include <cstddef>
#include <cstdint>
#include <span>

#include "doubles.hpp"
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
  explicit NoLock(std::size_t doubles) : values_(doubles) {}

  void fill(double value) {
    contention::fill(values_.get_obj(), value);
    compiler_barrier();
  }
  void increment_all() {
    add_one_to_each(values_.get_obj());
    compiler_barrier();
  }
  template <class Halt>
  void fill_half(double value, Halt&& halt) {
    const std::span<double> values = values_.get_obj();
    contention::fill(values.first(values.size() / 2), value);
    compiler_barrier();
    halt();
    fill(value);
  }
  void snapshot(std::span<double> copy) {
    compiler_barrier();
    std::ranges::copy(values_.get_obj(), copy.begin());
  }

 private:
  static void compiler_barrier() { asm volatile("" ::: "memory"); }
  lagoon::Array<double, lagoon::mode::raw> values_;
};

}  // namespace

void add_peers(Strategies& to) {
  add<Operation::count, BoostAtomic>("Boost.Atomic", Family::peer, to);
  add<Operation::mix, NoLock>("no lock", Family::control, to);
  add<Operation::read, NoLock>("no lock", Family::control, to);
  add<Operation::outlive, NoLock>("no lock", Family::control, to);
}

}  // namespace contention
