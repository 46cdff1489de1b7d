/// Soak: processes do random things to objects of every type in one segment, while they are killed
/// and stopped at random and others take their places. What the promises say is checked throughout.
///
///   soak [minutes] [workers]         1 minute, 8 workers; LAGOON_TEST_SEED gives the same choices
///
/// Each worker writes into a ledger, outside of the segment, what it is about to do and what it has
/// done. So of each object bounds are known: what was done at least, and at most.
///
/// Ends with 1 if anything was torn, lost, counted twice or stuck, and says what.
#include <lagoon/lagoon.hpp>
#include <lagoon/locks/reader_writer.hpp>

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <exception>
#include <iostream>
#include <memory>
#include <mutex>
#include <numeric>
#include <random>
#include <shared_mutex>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;
using lagoon::Segment;
namespace mode = lagoon::mode;
using Guarded = mode::locked_by<lagoon::locks::ReaderWriterLock>;

std::int64_t now_ns() { return lagoon::core::Deadline::clock(); }

// ---- The ledger -----------------------------------------------------------------------------

enum class Op : std::uint8_t {
  none,
  scalar,
  structure,
  array,
  element,
  locked_array,
  guarded_array,
  lock,
  rlock,
  semaphore,
  bounded_semaphore,
  event,
  condition,
  barrier,
  churn,
  attach,
};
constexpr std::array names{"none",      "Value",        "Value<struct>",    "Array",
                           "element",   "Array locked", "Array locked_by",  "Lock",
                           "RLock",     "Semaphore",    "BoundedSemaphore", "Event",
                           "Condition", "Barrier",      "create and erase", "attach"};
constexpr std::size_t ops = names.size();

struct Counts {
  std::atomic<std::uint64_t> begun{0};
  std::atomic<std::uint64_t> done{0};
};
constexpr std::size_t most_workers = 256;
constexpr std::size_t most_tickets = 1 << 22;

struct Ledger {
  std::array<Counts, ops> counts;
  std::atomic<std::uint64_t> violations{0};
  std::atomic<std::uint64_t> repaired{0};  // what a dead holder had left half-changed
  std::array<std::atomic<bool>, most_workers> has_permit;
  std::array<std::atomic<std::uint8_t>, most_tickets> tickets;
  char what[512];
};
Ledger* ledger = nullptr;

void require(bool holds, const char* what) {
  if (holds) return;
  if (ledger->violations.fetch_add(1) == 0)
    std::strncpy(ledger->what, what, sizeof ledger->what - 1);
}

// ---- What is shared -------------------------------------------------------------------------

struct Quote {
  std::uint64_t version;
  std::array<std::uint64_t, 15> copies;
};

}  // namespace
template <>
inline constexpr std::string_view lagoon::type_name<Quote> = "soak::Quote";
namespace {

constexpr std::size_t length = 100;
constexpr long long permits = 3;

struct Shared {
  explicit Shared(const Segment& s)
      : scalar(s["scalar"], 0),
        quote(s["quote"], Quote{}),
        array(s["array"], length),
        elements(s["elements"], length),
        locked(s["locked"], length),
        guarded(s["guarded"], length),
        lock(s["lock"]),
        rlock(s["rlock"]),
        in_lock(s["in lock"], 2),
        semaphore(s["semaphore"], permits),
        bounded(s["bounded"], permits),
        event(s["event"]),
        condition(s["condition"]),
        items(s["items"], 2),
        barrier(s["barrier"], 2) {}

  lagoon::Value<std::uint64_t> scalar;
  lagoon::Value<Quote> quote;
  lagoon::Array<std::uint64_t> array;
  lagoon::Array<std::uint64_t, mode::atomic> elements;
  lagoon::Array<std::uint64_t, mode::locked> locked;
  lagoon::Array<std::uint64_t, Guarded> guarded;
  lagoon::Lock lock;
  lagoon::RLock rlock;
  lagoon::Array<std::uint64_t, mode::raw> in_lock;
  lagoon::Semaphore semaphore;
  lagoon::BoundedSemaphore bounded;
  lagoon::Event event;
  lagoon::Condition condition;
  lagoon::Array<std::uint64_t, mode::raw> items;  // there, and the next ticket
  lagoon::Barrier barrier;
};

std::uint64_t sum(const auto& of) {
  return std::accumulate(of.begin(), of.end(), std::uint64_t{0});
}
bool all_equal(const auto& of) {
  return std::ranges::all_of(of, [&](auto x) { return x == *std::begin(of); });
}

// ---- A worker -------------------------------------------------------------------------------

class Worker {
 public:
  Worker(const std::string& segment, std::size_t number, std::uint64_t seed)
      : name_(segment), number_(number), random_(seed), segment_(Segment::open(segment)) {
    shared_ = std::make_unique<Shared>(segment_);
  }

  [[noreturn]] void run() {
    for (;;) {
      const auto op = static_cast<Op>(1 + random_() % (ops - 1));
      Counts& counts = ledger->counts[static_cast<std::size_t>(op)];
      ++counts.begun;
      do_it(op);
      ++counts.done;
    }
  }

 private:
  void do_it(Op op) {
    Shared& s = *shared_;
    switch (op) {
      case Op::none:
        break;
      case Op::scalar:
        require(s.scalar.fetch_add(1) >= scalar_seen_, "a counter went back");
        scalar_seen_ = s.scalar.get();
        break;
      case Op::structure: {
        const Quote q = s.quote.get();
        require(std::ranges::all_of(q.copies, [&](auto c) { return c == q.version; }),
                "a struct is torn");
        require(q.version >= quote_seen_, "a struct went back");
        quote_seen_ = q.version;
        s.quote.update([](Quote& next) {
          ++next.version;
          next.copies.fill(next.version);
        });
        break;
      }
      case Op::array: {
        const auto seen = s.array.snapshot();
        require(all_equal(seen), "an array is torn");
        require(seen[0] >= array_seen_, "an array went back");
        array_seen_ = seen[0];
        s.array.write([](std::span<std::uint64_t> all) {
          for (auto& x : all) ++x;
        });
        break;
      }
      case Op::element:
        s.elements[random_() % length] += 1;
        break;
      case Op::locked_array: {
        const std::scoped_lock writing(s.locked);
        change_all(s.locked.get_obj(), s.locked.get_lock().owner_died());
        if (s.locked.get_lock().owner_died()) s.locked.get_lock().mark_consistent();
        break;
      }
      case Op::guarded_array: {
        if (random_() % 4 != 0) {
          const std::shared_lock reading(s.guarded.get_lock());
          require(s.guarded.get_lock().owner_died() || all_equal(s.guarded.get_obj()),
                  "an array is torn under a reader's lock");
          break;
        }
        const std::scoped_lock writing(s.guarded.get_lock());
        change_all(s.guarded.get_obj(), s.guarded.get_lock().owner_died());
        if (s.guarded.get_lock().owner_died()) s.guarded.get_lock().mark_consistent();
        break;
      }
      case Op::lock:
        be_alone(s.lock, s.in_lock.get_obj()[0]);
        break;
      case Op::rlock: {
        const std::scoped_lock outer(s.rlock);
        be_alone(s.rlock, s.in_lock.get_obj()[1]);
        break;
      }
      case Op::semaphore:
        if (s.semaphore.acquire(true, 5ms)) {
          ledger->has_permit[number_] = true;
          work();
          ledger->has_permit[number_] = false;
          s.semaphore.release();
        }
        require(s.semaphore.get_value() <= permits, "permits out of nothing");
        break;
      case Op::bounded_semaphore:
        if (s.bounded.acquire(true, 50ms)) {
          work();
          s.bounded.release();
        }
        require(s.bounded.get_value() <= permits, "permits out of nothing");
        break;
      case Op::event:
        if (random_() % 2 == 0) {
          s.event.set();
        } else if (s.event.wait(5ms)) {
          s.event.clear();
        }
        break;
      case Op::condition:
        produce_or_consume();
        break;
      case Op::barrier:
        try {
          (void)s.barrier.wait(5ms);
        } catch (const lagoon::BrokenBarrier&) {
          s.barrier.reset();
        }
        break;
      case Op::churn:
        create_and_erase();
        break;
      case Op::attach:
        shared_.reset();
        segment_ = Segment::open(name_);
        shared_ = std::make_unique<Shared>(segment_);
        break;
    }
  }

  void work() {
    for (auto pauses = random_() % 2000; pauses != 0; --pauses) lagoon::core::pause_processor();
  }

  /// Under a lock: all were equal, unless a dead one left them half-changed, and are one more.
  void change_all(auto&& all, bool may_be_half_changed) {
    if (!all_equal(all)) {
      require(may_be_half_changed, "under a lock, half-changed, and nobody had died");
      ++ledger->repaired;
    }
    const std::uint64_t next = *std::max_element(all.begin(), all.end()) + 1;
    for (std::size_t i = 0; i < length; ++i) {
      if (i == length / 2) work();
      all[i] = next;
    }
  }

  void be_alone(auto& lock, std::uint64_t& who) {
    (void)lock.acquire();
    if (lock.owner_died()) {
      lock.mark_consistent();
      who = 0;
    }
    auto& in = reinterpret_cast<std::atomic<std::uint64_t>&>(who);
    require(in.exchange(static_cast<std::uint64_t>(getpid())) == 0, "two have a lock");
    work();
    require(in.exchange(0) == static_cast<std::uint64_t>(getpid()), "two had a lock");
    lock.release();
  }

  void produce_or_consume() {
    Shared& s = *shared_;
    auto items = s.items.get_obj();
    const std::scoped_lock guard(s.condition);
    if (s.condition.owner_died()) s.condition.mark_consistent();
    if (random_() % 2 == 0) {
      items[0] = items[0] + 1;
      s.condition.notify();
      return;
    }
    if (!s.condition.wait_for([&] { return items[0] != 0; }, 5ms)) return;
    items[0] = items[0] - 1;
    // Taken first, then shown: one who is killed between loses a ticket, and nobody has it twice.
    const std::uint64_t ticket = items[1];
    items[1] = ticket + 1;
    if (ticket < most_tickets)
      require(ledger->tickets[ticket].exchange(1) == 0, "two have the same ticket");
  }

  void create_and_erase() {
    const std::string name = "churn" + std::to_string(random_() % 8);
    try {
      if (random_() % 3 == 0) {
        segment_.erase(name);
        return;
      }
      const std::size_t n = 1 + random_() % 20'000;
      if (const auto found = segment_.find<lagoon::Array<std::uint32_t>>(name)) {
        const auto all = found->snapshot();
        require(all.size() == all[0] && all_equal(all), "an object is not what its maker made");
        return;
      }
      const lagoon::Array<std::uint32_t> made(
          segment_[name], std::vector<std::uint32_t>(n, static_cast<std::uint32_t>(n)));
    } catch (const lagoon::TypeMismatch&) {  // another was faster, with another length
    } catch (const lagoon::Gone&) {
    }
  }

  std::string name_;
  std::size_t number_;
  std::mt19937_64 random_;
  Segment segment_;
  std::unique_ptr<Shared> shared_;
  std::uint64_t scalar_seen_ = 0;
  std::uint64_t quote_seen_ = 0;
  std::uint64_t array_seen_ = 0;
};

// ---- The killer -----------------------------------------------------------------------------

class Soak {
 public:
  Soak(double minutes, std::size_t workers, std::uint64_t seed)
      : name_("lagoon-soak-" + std::to_string(getpid())),
        until_(now_ns() + static_cast<std::int64_t>(minutes * 60e9)),
        seed_(seed),
        random_(seed),
        pids_(workers, 0),
        stopped_until_(workers, 0),
        segment_(Segment::create(name_)),
        shared_(segment_) {
    for (const int signal : {SIGINT, SIGTERM})
      (void)std::signal(signal, [](int) { is_interrupted = 1; });
  }
  ~Soak() {
    for (std::size_t i = 0; i < pids_.size(); ++i) kill(i);
    Segment::remove(name_);
  }
  Soak(const Soak&) = delete;
  Soak& operator=(const Soak&) = delete;

  bool run() {
    for (std::size_t i = 0; i < pids_.size(); ++i) begin(i);
    std::int64_t next_report = now_ns() + 10'000'000'000;
    while (now_ns() < until_ && is_interrupted == 0 && ledger->violations == 0 && !is_stuck_) {
      std::this_thread::sleep_for(std::chrono::microseconds(random_() % 4000));
      disturb(random_() % pids_.size());
      look();
      if (now_ns() >= next_report) {
        next_report += 10'000'000'000;
        std::cout << "  " << total_done() << " operations, " << kills_ << " killed, " << stops_
                  << " stopped\n"
                  << std::flush;
      }
    }
    for (std::size_t i = 0; i < pids_.size(); ++i) kill(i);
    std::thread([name = name_] {
      std::this_thread::sleep_for(60s);
      std::cout << "FAILED: what the killed had left keeps the one who looks at it from going on"
                << std::endl;
      Segment::remove(name);
      _exit(1);
    }).detach();
    if (!is_stuck_) check_at_the_end();
    return report();
  }

 private:
  void begin(std::size_t i) {
    const std::uint64_t seed = random_();
    const pid_t parent = getpid();
    const pid_t pid = fork();
    if (pid < 0) throw std::system_error(errno, std::generic_category(), "fork");
    if (pid == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      if (getppid() != parent) _exit(1);
      try {
        Worker(name_, i, seed).run();
      } catch (const std::exception& e) {
        require(false, e.what());
        _exit(1);
      }
    }
    pids_[i] = pid;
  }
  void kill(std::size_t i) {
    if (pids_[i] == 0) return;
    ::kill(pids_[i], SIGKILL);
    while (waitpid(pids_[i], nullptr, 0) < 0 && errno == EINTR) continue;
    pids_[i] = 0;
    stopped_until_[i] = 0;
  }

  void disturb(std::size_t i) {
    const std::int64_t now = now_ns();
    for (std::size_t k = 0; k < pids_.size(); ++k)
      if (stopped_until_[k] != 0 && now >= stopped_until_[k]) {
        ::kill(pids_[k], SIGCONT);
        stopped_until_[k] = 0;
      }
    switch (random_() % 4) {
      case 0:
        if (stopped_until_[i] != 0) break;
        ::kill(pids_[i], SIGSTOP);
        stopped_until_[i] = now + static_cast<std::int64_t>(random_() % 20'000'000);
        ++stops_;
        break;
      default:
        kill(i);
        ++kills_;
        // Its permit is gone, as in Python: another is put there, but for one that it may have had
        // only for a moment around the call.
        if (ledger->has_permit[i].exchange(false)) shared_.semaphore.release();
        begin(i);
    }
  }
  /// Whether something that is begun again and again has not been done by anyone for long.
  void look() {
    const std::int64_t now = now_ns();
    for (std::size_t op = 1; op < ops; ++op) {
      const std::uint64_t done = ledger->counts[op].done;
      if (done != last_done_[op] || last_change_[op] == 0) {
        last_done_[op] = done;
        last_change_[op] = now;
      } else if (now - last_change_[op] > 10'000'000'000) {
        is_stuck_ = true;
        stuck_ = names[op];
      }
    }
  }

  void check_at_the_end() {
    const auto within = [&](Op op, std::uint64_t found, const char* what) {
      const Counts& c = ledger->counts[static_cast<std::size_t>(op)];
      require(c.done <= found && found <= c.begun, what);
    };
    Shared& s = shared_;
    within(Op::scalar, s.scalar.get(), "additions to a Value were lost, or made twice");
    within(Op::structure, s.quote.get().version, "updates of a struct were lost, or made twice");
    within(Op::array, s.array.get(0), "writes to an array were lost, or made twice");
    require(all_equal(s.array.snapshot()), "an array is torn");
    within(Op::element, sum(s.elements.slice()), "additions to elements were lost, or made twice");
    for (int i = 0; i < permits; ++i)
      require(s.bounded.acquire(true, 1s), "permits of a BoundedSemaphore are lost");
    require(s.lock.acquire(true, 1s) && s.rlock.acquire(true, 1s) && s.locked.acquire(true, 1s) &&
                s.guarded.get_lock().try_lock_for(1s) && s.condition.acquire(true, 1s),
            "a lock is lost");

    // All that is left goes, and with it all memory.
    for (const auto& object : segment_.objects())
      if (object.name.starts_with("churn")) segment_.erase(object.name);
    const Segment again = Segment::open(name_);  // sweeps
    std::size_t bytes = 0;
    for (const auto& object : again.objects()) bytes += object.bytes;
    leaked_ = again.used() - bytes;
    require(leaked_ == 0, "memory is lost");
  }

  [[nodiscard]] static std::uint64_t total_done() {
    std::uint64_t total = 0;
    for (const Counts& c : ledger->counts) total += c.done;
    return total;
  }
  bool report() {
    for (std::size_t op = 1; op < ops; ++op)
      std::cout << "  " << names[op] << ": " << ledger->counts[op].done << '\n';
    const bool good = ledger->violations == 0 && !is_stuck_;
    std::cout << total_done() << " operations by " << pids_.size() << " processes, " << kills_
              << " killed, " << stops_
              << " stopped; half-changed under a dead one's lock, and told: " << ledger->repaired
              << "; torn, lost or twice: " << ledger->violations << ", stuck: " << is_stuck_
              << ", leaked: " << leaked_ << " bytes; seed " << seed_ << '\n';
    if (ledger->violations != 0) std::cout << "FAILED: " << ledger->what << '\n';
    if (is_stuck_) std::cout << "FAILED: for 10 seconds nobody got through: " << stuck_ << '\n';
    return good;
  }

  static inline volatile std::sig_atomic_t is_interrupted = 0;

  std::string name_;
  std::int64_t until_;
  std::uint64_t seed_;
  std::mt19937_64 random_;
  std::vector<pid_t> pids_;
  std::vector<std::int64_t> stopped_until_;
  Segment segment_;
  Shared shared_;
  std::uint64_t kills_ = 0;
  std::uint64_t stops_ = 0;
  std::array<std::uint64_t, ops> last_done_{};
  std::array<std::int64_t, ops> last_change_{};
  bool is_stuck_ = false;
  std::string stuck_;
  std::size_t leaked_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  const double minutes = argc > 1 ? std::strtod(argv[1], nullptr) : 1;
  const std::size_t workers = argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 8;
  if (!(minutes > 0) || workers == 0 || workers > most_workers) {
    std::cerr << "usage: soak [minutes, more than 0] [workers, 1 to " << most_workers << "]\n";
    return 2;
  }
  const char* given = std::getenv("LAGOON_TEST_SEED");
  const std::uint64_t seed =
      given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device()();
  void* memory =
      mmap(nullptr, sizeof(Ledger), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) {
    std::cerr << "soak: no memory for the ledger\n";
    return 2;
  }
  ledger = new (memory) Ledger;
  std::cout << "soak: " << minutes << " minutes, " << workers << " processes, seed " << seed
            << std::endl;
  try {
    return Soak(minutes, workers, seed).run() ? 0 : 1;
  } catch (const std::exception& e) {
    std::cerr << "soak: " << e.what() << '\n';
    return 1;
  }
}
