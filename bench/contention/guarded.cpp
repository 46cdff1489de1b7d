/// What a lock guards: one strategy for each lock that is compared (bench/compared_locks.hpp).

#include <lagoon/core/copy.hpp>
#include <lagoon/shared.hpp>

#include <concepts>
#include <cstdint>
#include <mutex>
#include <shared_mutex>

#include "compared_locks.hpp"
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

/// The lock and the counter on one line, as one would place them; the doubles on the next ones.
template <class Lock>
struct Memory {
  explicit Memory(Table& table) : lock(made_for<Lock>(table)) {}
  alignas(line) Lock lock;
  std::int64_t count = 0;
  alignas(line) Doubles values{};
};

template <class Lock>
class Guarded {
 public:
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
      Doubles next = shared_->values;
      for (double& value : next) value += 1.0;
      write(next);
    } else {
      for (double& value : shared_->values) value += 1.0;
    }
  }
  void fill(double value) {
    const std::scoped_lock guard(shared_->lock);
    if constexpr (reads_beside_writers) {
      Doubles next;
      next.fill(value);
      write(next);
    } else {
      shared_->values.fill(value);
    }
  }
  void snapshot(Doubles& copy) {
    if constexpr (reads_beside_writers) {
      shared_->lock.read(
          [&] { lagoon::core::read_shared(&copy, &shared_->values, sizeof(Doubles)); });
    } else if constexpr (requires(Lock lock) { lock.lock_shared(); }) {
      const std::shared_lock guard(shared_->lock);
      copy = shared_->values;
    } else {
      const std::scoped_lock guard(shared_->lock);
      copy = shared_->values;
    }
  }

 private:
  static constexpr bool reads_beside_writers = std::same_as<Lock, lagoon::locks::SeqLock>;
  void write(const Doubles& next) {
    lagoon::core::write_shared(&shared_->values, &next, sizeof(Doubles));
  }

  lagoon::Shared<Memory<Lock>> shared_;
};

template <class Lock>
void add_lock(const char* name, Family family, Strategies& to) {
  add<Workload::counter, Guarded<Lock>>(name, family, to);
  add<Workload::update64, Guarded<Lock>>(name, family, to);
  add<Workload::snapshot64, Guarded<Lock>>(name, family, to);
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
