/// This library's, used as its documentation says.

#include <lagoon/lagoon.hpp>

#include <algorithm>
#include <mutex>
#include <span>

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

class ArraySeqlocked {
 public:
  void increment_all() {
    array_.write([](std::span<double> values) {
      for (double& value : values) value += 1.0;
    });
  }
  void fill(double value) {
    Doubles values;
    values.fill(value);
    array_.assign(values);
  }
  void snapshot(Doubles& copy) { array_.snapshot_into(copy); }

 private:
  lagoon::Array<double> array_{doubles};
};

class ArrayLocked {
 public:
  void increment_all() {
    const std::scoped_lock guard(array_.get_lock());
    for (double& value : array_.get_obj()) value += 1.0;
  }
  void fill(double value) {
    const std::scoped_lock guard(array_.get_lock());
    for (double& element : array_.get_obj()) element = value;
  }
  void snapshot(Doubles& copy) {
    const std::scoped_lock guard(array_.get_lock());
    const std::span<const double> values = array_.get_obj();
    std::copy(values.begin(), values.end(), copy.begin());
  }

 private:
  lagoon::Array<double, lagoon::mode::locked> array_{doubles};
};

}  // namespace

void add_lagoon(Strategies& to) {
  add<Workload::counter, ValueAtomic>("Value atomic", Family::lagoon, to);
  add<Workload::counter, ValueLocked>("Value locked", Family::lagoon, to);
  add<Workload::update64, ArraySeqlocked>("Array seqlocked", Family::lagoon, to);
  add<Workload::update64, ArrayLocked>("Array locked", Family::lagoon, to);
  add<Workload::snapshot64, ArraySeqlocked>("Array seqlocked", Family::lagoon, to);
  add<Workload::snapshot64, ArrayLocked>("Array locked", Family::lagoon, to);
}

}  // namespace contention
