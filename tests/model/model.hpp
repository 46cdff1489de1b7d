#pragma once
/// Threads of an algorithm in every order: a run of them is repeated, each time with other choices,
/// until all have been tried up to a bound.
///
///     const Outcome outcome = explore({}, [](Trial& trial) {
///       auto& word = trial.make<OwnedWord>();
///       auto& sum = trial.make<Plain<int>>();
///       for (int i = 0; i < 2; ++i) trial.thread([&] { lock(word); sum = sum + 1; unlock(word);
///       }); trial.afterwards([&] { expect(sum == 2, "both have added"); });
///     });
///
/// The code under test is the library's own source, compiled against the headers in world/ instead
/// of Boost's atomics, the fences, the copies, the futex calls, the mutex that the kernel marks and
/// the table of participants: all that a thread can see of another goes through here.
///
/// What is chosen, and how
///   By default a thread runs until it waits or ends, and a load reads the newest store. Each
///   deviation from that costs one; all runs with at most `deviations` of them are tried:
///     - another thread runs, and this one is held until all others wait, or another deviation;
///     - a load reads an older store, one that the C++ memory model permits at that point;
///     - a store, or a change, comes in the order of its word before others that were made already;
///     - a thread that may be killed is killed;
///     - one that sleeps has slept long enough, and runs.
///   One that pauses lets others run, free of charge.
///
/// The memory model is that of C++20: happens-before, coherence, release sequences, fences, and
/// sequentially consistent operations and fences; each store carries what its writer knew. Falls
/// short: the modification order of a word is the order of execution, and no load reads from a
/// store that comes later. So it misses what needs either (two writers' stores in different orders;
/// values out of thin air); nothing that is found is wrong because of it.
///
/// What fails: an expectation, a data race of Plain variables, threads that wait with nobody left
/// who could wake them, or that go on for ever.

#include <boost/memory_order.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <new>
#include <set>
#include <source_location>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace lagoon::test::model {

inline constexpr unsigned most_threads = 4;
using Order = boost::memory_order;

/// An operation in the source, and which of its orders: a compare-and-swap has one for failure too.
struct Site {
  std::string file;
  unsigned line = 0;
  unsigned column = 0;
  bool failure = false;

  auto operator<=>(const Site&) const = default;
};
std::string name_of(const Site& site);

struct Bounds {
  unsigned deviations = 2;
  /// Fails if there are more runs than that.
  std::uint64_t runs = 20'000'000;
};

struct Outcome {
  std::uint64_t runs = 0;
  bool failed = false;
  std::string what;              // of the first run that failed, and what it did, step by step
  std::map<Site, Order> orders;  // all that were used
  std::uint64_t kills = 0;
  std::uint64_t rescues = 0;  // runs in which all waited, and a slice of sleep had to end
};

/// One order of the source replaced by another.
struct Weakened {
  Site site;
  Order order;
};

class Trial;
using Scenario = std::function<void(Trial&)>;
Outcome explore(Bounds bounds, const Scenario& scenario, const Weakened* weakened = nullptr);

/// Sets a run up.
class Trial {
 public:
  /// An object that the threads share.
  template <class T, class... Args>
  T& make(Args&&... args) {
    return *new (memory(sizeof(T), alignof(T))) T(std::forward<Args>(args)...);
  }
  /// Zeros.
  std::byte* memory(std::size_t bytes, std::size_t alignment = 64);
  /// `may_die`: is killed at any of its steps, in some of the runs.
  void thread(std::function<void()> f, bool may_die = false);
  /// All have seen that it began.
  void is_known(unsigned thread);
  /// When all have ended; sees all that they did.
  void afterwards(std::function<void()> f);
};

/// Whether this thread of the run was killed, and whether it sleeps: what no thread of it could
/// know.
bool was_killed(unsigned thread);
bool is_asleep(unsigned thread);
/// How often all waited and a slice of sleep had to end, for the run to go on; and whether anyone
/// was killed, or slept long enough, by choice.
unsigned rescues();
bool was_disturbed();
/// How long nobody could run, in nanoseconds of model time: so far, and until somebody was killed
/// last or read what was not the newest. (When one has slept long enough by choice, time passes in
/// which others could have run: that does not count.)
std::int64_t idle();
std::int64_t idle_when_disturbed();

/// For a thread of a scenario: waits until holds(), which looks at nothing of the run's memory. It
/// learns nothing of what others did by it.
void wait_until(std::function<bool()> holds);

/// For a thread of a scenario: waits until `thread` has ended or was killed, and has its id from
/// the kernel after it.
void succeed(unsigned thread);

/// For a thread of a scenario: waits until `thread` has ended or was killed, and is told so by the
/// kernel: all that it did comes before.
void see_end(unsigned thread);

/// Kills it, whatever it does at the moment; nothing if it has ended.
void kill(unsigned thread);

/// Ends the run as failed, unless it holds.
void expect(bool holds, const char* what);

// ---- For world/: what the code under test does ----------------------------------------------

using Where = std::source_location;

std::uint64_t load(const void* at, std::size_t size, Order order, const Where& where);
void store(void* at, std::size_t size, std::uint64_t value, Order order, const Where& where);
/// Returns the old value; `f` makes the new one of it.
std::uint64_t change(void* at, std::size_t size, Order order, const Where& where,
                     const std::function<std::uint64_t(std::uint64_t)>& f);
bool exchange_if(void* at, std::size_t size, std::uint64_t& expected, std::uint64_t value,
                 Order success, Order failure, const Where& where);
void fence(Order order, const Where& where);
void pause();

/// Model time, in nanoseconds: passes only while all wait.
std::int64_t now();
enum class Slept : std::uint8_t { woken, changed, timed_out };
Slept sleep(const void* word, std::uint32_t expected, std::int64_t until);
int wake(const void* word, int count);

/// The kernel's id of the thread that runs, which others may have after it; and its list of what
/// the thread holds. When the thread ends, or is killed, in each word of the list in which the
/// kernel finds the id it puts its mark instead: as handle_futex_death of kernel/futex/core.c.
std::uint32_t kernel_id();
inline constexpr std::uint32_t kernel_id_bits = 0x3fff'ffff;
inline constexpr std::uint32_t kernel_mark = 0x4000'0000;
void put_on_list(void* word);
void take_off_list(void* word);

/// The number of the thread that runs, from zero. Who sets a run up is `most_threads`, and dead
/// when it runs: what it holds then was left by a dead one.
unsigned self();
bool is_dead(unsigned thread);

/// Whether this thread, after an acquire fence, has seen that `thread` began, as though that had
/// begun by a release fence: what it has read leads back to some store of that one's.
bool has_seen_begin(unsigned thread);

/// Whether it is the run's memory.
bool is_shared(const void* at);
void read_plain(const void* at, const char* what);
void write_plain(const void* at, const char* what);

/// A variable that is not atomic: two threads that use it must be ordered.
template <class T>
class Plain {
 public:
  Plain() = default;
  explicit Plain(T value) : value_(std::move(value)) {}
  operator const T&() const {  // NOLINT: as the variable that it stands for
    read_plain(this, "read");
    return value_;
  }
  Plain& operator=(T value) {
    write_plain(this, "written");
    value_ = std::move(value);
    return *this;
  }
  Plain(const Plain&) = delete;
  Plain& operator=(const Plain&) = delete;

 private:
  T value_{};
};

}  // namespace lagoon::test::model
