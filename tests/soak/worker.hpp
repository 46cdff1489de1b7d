#pragma once
/// Those of the soak who do something to the objects.

#include "ledger.hpp"
#include "objects.hpp"

#include <lagoon/lagoon.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string>

namespace soak {

/// Does random things until it is killed.
class Worker {
 public:
  Worker(const std::string& segment, std::size_t number, std::uint64_t seed)
      : name_(segment),
        number_(number),
        random_(seed),
        segment_(lagoon::Segment::open(segment)),
        objects_(std::make_unique<Objects>(segment_)) {}

  /// Writes down that it is done. False if it gave up.
  bool once(Op op);
  void once_of_any() { once(static_cast<Op>(1 + random_() % (ops - 1))); }

 private:
  using Churned = lagoon::Array<std::uint32_t>;
  using Held = lagoon::Array<std::uint32_t, mode::raw>;

  bool do_it(Op op);
  void change_struct();
  void change_array();
  bool use_semaphore();
  bool use_bounded_semaphore();
  bool wait_for_event();
  bool produce();
  bool consume();
  bool pass_barrier();
  void change_dict();
  void change_dict_of_objects();
  void change_nested();
  std::chrono::nanoseconds a_while();
  bool put();
  bool get();
  bool put_task();
  bool do_task();
  bool make(std::size_t which);
  bool find(std::size_t which);
  bool hold();
  bool churn(std::size_t which);
  void look();
  void fork_child();

  /// Takes what is under a lock; all were equal, unless a dead one left them half-changed.
  void change_all(auto& array);
  void be_alone(auto& lock, std::uint64_t& who);
  void work();
  /// How long to wait: a moment, or until it must have come.
  std::int64_t patience_ns();
  [[nodiscard]] bool is_anyone_else_at(Op op) const;

  std::string name_;
  std::size_t number_;
  std::mt19937_64 random_;
  lagoon::Segment segment_;
  std::unique_ptr<Objects> objects_;
  std::optional<Held> held_;
  std::uint64_t scalar_seen_ = 0;
  std::uint64_t quote_seen_ = 0;
  std::uint64_t array_seen_ = 0;
};

/// Is neither killed nor stopped, and sees to it that what the others wait for comes: the Event is
/// set, there is something to consume, permits of killed ones are replaced, erased memory is used
/// again. It never waits for what only they can give.
class Keeper {
 public:
  Keeper(const std::string& segment, std::size_t workers)
      : workers_(workers), segment_(lagoon::Segment::open(segment)), objects_(segment_) {}
  void once();

 private:
  void set_event();
  void produce();
  void count_permits();

  std::size_t workers_;
  lagoon::Segment segment_;
  Objects objects_;
};

/// With the lock: what a dead one may have left undone, as condition.hpp says.
void take_over_from_dead(lagoon::Condition& condition);
/// With the lock. Tells one who waits, or all.
void produce_one(Objects& objects, bool for_all);

/// With the Semaphore, while nobody uses it: as many permits as there must be, as killed ones may
/// have taken some along. Puts them back.
void check_permits(lagoon::Semaphore& semaphore);

/// When all have been killed: looks at everything, and ends what comes and goes.
void audit(const std::string& segment, std::uint64_t seed);

}  // namespace soak
