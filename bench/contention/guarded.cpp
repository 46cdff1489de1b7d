/// What a lock guards: one strategy for each lock that is compared (bench/compared_locks.hpp).

#include <lagoon/array.hpp>
#include <lagoon/core/copy.hpp>
#include <lagoon/shared.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <shared_mutex>
#include <span>

#include "compared_locks.hpp"
#include "doubles.hpp"
#include "strategy.hpp"

namespace contention {
namespace {

using Table = lagoon::core::Participants;

template <class Lock>
Lock made_for(Table& table) {
  if constexpr (std::constructible_from<Lock, Table&>)
    return Lock(table);
  else
    return Lock();
}

/// The lock and the counter on one line, as one would place them; the doubles on lines of their
/// own.
template <class Lock>
struct Memory {
  explicit Memory(Table& table) : lock(made_for<Lock>(table)) {}
  alignas(line) Lock lock;
  std::int64_t count = 0;
};

template <class Lock>
class Guarded {
  static constexpr bool reads_beside_writers = std::same_as<Lock, lagoon::locks::SeqLock>;

 public:
  explicit Guarded(std::size_t doubles) : values_(doubles), next_(doubles) {}

  void increment() {
    const std::scoped_lock guard(shared_->lock);
    ++shared_->count;
  }
  double value() {
    const std::scoped_lock guard(shared_->lock);
    return static_cast<double>(shared_->count);
  }
  void increment_all() {
    const std::scoped_lock guard(shared_->lock);
    if constexpr (reads_beside_writers) {
      const std::span<const double> values = values_.get_obj();
      std::copy(values.begin(), values.end(), next_.data());
      add_one_to_each(next_);
      write_next();
    } else {
      add_one_to_each(values_.get_obj());
    }
  }
  void fill(double value) {
    const std::scoped_lock guard(shared_->lock);
    if constexpr (reads_beside_writers) {
      contention::fill(next_, value);
      write_next();
    } else {
      contention::fill(values_.get_obj(), value);
    }
  }
  template <class Halt>
  void fill_half(double value, Halt&& halt) {
    const std::scoped_lock guard(shared_->lock);
    const std::span<double> values = values_.get_obj();
    const std::size_t half = values.size() / 2;
    contention::fill(next_, value);
    lagoon::core::write_shared(values.data(), next_.data(), half * sizeof(double));
    halt();
    lagoon::core::write_shared(values.data() + half, next_.data() + half,
                               (values.size() - half) * sizeof(double));
  }
  void snapshot(std::span<double> copy) {
    const std::span<const double> values = values_.get_obj();
    if constexpr (reads_beside_writers) {
      --retries_;  // the first is none
      shared_->lock.read([&] {
        lagoon::core::read_shared(copy.data(), values.data(), values.size_bytes());
        ++retries_;
      });
    } else if constexpr (requires(Lock lock) { lock.lock_shared(); }) {
      const std::shared_lock guard(shared_->lock);
      std::copy(values.begin(), values.end(), copy.begin());
    } else {
      const std::scoped_lock guard(shared_->lock);
      std::copy(values.begin(), values.end(), copy.begin());
    }
  }
  [[nodiscard]] std::uint64_t retries() const requires(reads_beside_writers) { return retries_; }

 private:
  void write_next() {
    const std::span<double> values = values_.get_obj();
    lagoon::core::write_shared(values.data(), next_.data(), values.size_bytes());
  }

  lagoon::Shared<Memory<Lock>> shared_;
  lagoon::Array<double, lagoon::mode::raw> values_;
  // Each process has its own.
  OwnDoubles next_;
  std::uint64_t retries_ = 0;
};

template <class Lock>
void add_lock(const char* name, Family family, Strategies& to) {
  add<Operation::count, Guarded<Lock>>(name, family, to);
  add<Operation::update, Guarded<Lock>>(name, family, to);
  add<Operation::mix, Guarded<Lock>>(name, family, to);
  add<Operation::read, Guarded<Lock>>(name, family, to);
  add<Operation::outlive, Guarded<Lock>>(name, family, to);
}

}  // namespace

void add_locks(Strategies& to) {
  const auto add_all = [&](Family family) {
    return [&to, family](auto... named) {
      (add_lock<typename decltype(named)::Lock>(named.name, family, to), ...);
    };
  };
  std::apply(add_all(Family::lagoon), compared::ours);
  std::apply(add_all(Family::peer), compared::peers);
}

}  // namespace contention
