/// This library's, used as its documentation says.

#include <lagoon/lagoon.hpp>

#include <algorithm>
#include <cstddef>
#include <mutex>
#include <span>

#include "doubles.hpp"
#include "strategy.hpp"

namespace contention {
namespace {

class ValueAtomic {
 public:
  void increment() { value_.fetch_add(1); }
  double value() { return static_cast<double>(value_.get()); }

 private:
  lagoon::Value<std::int64_t> value_{0};
};

class ValueLocked {
 public:
  void increment() {
    const std::scoped_lock guard(value_.get_lock());
    value_.get_obj() += 1;
  }
  double value() { return static_cast<double>(value_.get()); }

 private:
  lagoon::Value<std::int64_t, lagoon::mode::locked> value_{0};
};

template <class Halt>
void fill_with_halt(std::span<double> values, double value, Halt& halt) {
  const std::size_t half = values.size() / 2;
  fill(values.first(half), value);
  halt();
  fill(values.subspan(half), value);
}

class ArraySeqlocked {
 public:
  explicit ArraySeqlocked(std::size_t doubles) : array_(doubles), next_(doubles) {}

  void increment_all() {
    array_.write([](std::span<double> values) { add_one_to_each(values); });
  }
  void fill(double value) {
    contention::fill(next_, value);
    array_.assign(std::span<const double>(next_));
  }
  template <class Halt>
  void fill_half(double value, Halt&& halt) {
    array_.write([&](std::span<double> values) { fill_with_halt(values, value, halt); });
  }
  void snapshot(std::span<double> copy) { array_.snapshot_into(copy); }

 private:
  lagoon::Array<double> array_;
  OwnDoubles next_;
};

class ArrayLocked {
 public:
  explicit ArrayLocked(std::size_t doubles) : array_(doubles) {}

  void increment_all() {
    const std::scoped_lock guard(array_.get_lock());
    add_one_to_each(array_.get_obj());
  }
  void fill(double value) {
    const std::scoped_lock guard(array_.get_lock());
    contention::fill(array_.get_obj(), value);
  }
  template <class Halt>
  void fill_half(double value, Halt&& halt) {
    const std::scoped_lock guard(array_.get_lock());
    fill_with_halt(array_.get_obj(), value, halt);
  }
  void snapshot(std::span<double> copy) {
    const std::scoped_lock guard(array_.get_lock());
    const std::span<const double> values = array_.get_obj();
    std::copy(values.begin(), values.end(), copy.begin());
  }

 private:
  lagoon::Array<double, lagoon::mode::locked> array_;
};

/// Of one double a copy is a load.
class ValueOfDouble {
 public:
  void increment_all() { value_ += 1; }
  void fill(double value) { value_ = value; }
  void snapshot(std::span<double> copy) { copy[0] = value_; }

 private:
  lagoon::Value<double> value_{0.0};
};

/// A struct of a few doubles.
struct Struct {
  double values[4];
};

class ValueOfStruct {
 public:
  void increment_all() {
    value_.update([](Struct s) {
      for (double& value : s.values) value += 1.0;
      return s;
    });
  }
  void fill(double value) { value_.set({{value, value, value, value}}); }
  template <class Halt>
  void fill_half(double value, Halt&& halt) {
    value_.update([&](Struct s) {
      fill_with_halt(s.values, value, halt);
      return s;
    });
  }
  void snapshot(std::span<double> copy) {
    const Struct s = value_.get();
    std::ranges::copy(s.values, copy.begin());
  }

 private:
  lagoon::Value<Struct> value_{Struct{}};
};

}  // namespace

void add_lagoon(Strategies& to) {
  const auto of_a_struct = [](std::size_t doubles) {
    return doubles == sizeof(Struct) / sizeof(double);
  };
  add<Operation::count, ValueAtomic>("Value atomic", Family::lagoon, to);
  add<Operation::count, ValueLocked>("Value locked", Family::lagoon, to);
  const auto of_one = [](std::size_t doubles) { return doubles == 1; };
  add<Operation::update, ValueOfDouble>("Value atomic", Family::lagoon, to, of_one);
  add<Operation::mix, ValueOfDouble>("Value atomic", Family::lagoon, to, of_one);
  add<Operation::read, ValueOfDouble>("Value atomic", Family::lagoon, to, of_one);
  add<Operation::update, ValueOfStruct>("Value seqlocked", Family::lagoon, to, of_a_struct);
  add<Operation::mix, ValueOfStruct>("Value seqlocked", Family::lagoon, to, of_a_struct);
  add<Operation::update, ArraySeqlocked>("Array seqlocked", Family::lagoon, to);
  add<Operation::mix, ArraySeqlocked>("Array seqlocked", Family::lagoon, to);
  add<Operation::update, ArrayLocked>("Array locked", Family::lagoon, to);
  add<Operation::mix, ArrayLocked>("Array locked", Family::lagoon, to);
  add<Operation::read, ValueOfStruct>("Value seqlocked", Family::lagoon, to, of_a_struct);
  add<Operation::read, ArraySeqlocked>("Array seqlocked", Family::lagoon, to);
  add<Operation::read, ArrayLocked>("Array locked", Family::lagoon, to);
  add<Operation::outlive, ValueOfStruct>("Value seqlocked", Family::lagoon, to, of_a_struct);
  add<Operation::outlive, ArraySeqlocked>("Array seqlocked", Family::lagoon, to);
  add<Operation::outlive, ArrayLocked>("Array locked", Family::lagoon, to);
}

}  // namespace contention
