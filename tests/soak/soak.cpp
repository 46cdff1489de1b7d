/// Soak: processes do random things to objects of every type in one segment, while they are killed
/// and stopped at random and others take their places. What the promises say is checked throughout.
///
///   soak [minutes] [workers]         1 minute, 8 workers; LAGOON_TEST_SEED gives the same choices
///
/// It goes in rounds of some seconds. Each ends in a calm, in which nobody is killed or stopped
/// until every worker has got through every kind of operation; then all are killed at once, and the
/// books are compared with what is there (audit.cpp).
///
/// This process kills and never has the segment open: it waits for nobody, and keeps no memory from
/// being used again. Ends with 1 if anything was torn, lost, counted twice or stuck, and says what.
#include "ledger.hpp"
#include "objects.hpp"
#include "worker.hpp"

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <iomanip>
#include <iostream>
#include <random>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

namespace soak {
namespace {

using namespace std::chrono_literals;

class Soak {
 public:
  Soak(double minutes, std::size_t workers, std::uint64_t seed)
      : name_("lagoon-soak-" + std::to_string(getpid())),
        began_(now_ns()),
        lasts_(static_cast<std::int64_t>(minutes * 60e9)),
        seed_(seed),
        random_(seed),
        pids_(workers + 1, 0),
        stopped_until_(workers, 0) {
    prctl(PR_SET_CHILD_SUBREAPER, 1);  // the children of killed ones come to us
    for (const int signal : {SIGINT, SIGTERM})
      (void)std::signal(signal, [](int) { is_interrupted = 1; });
  }
  ~Soak() {
    kill_all();
    lagoon::Segment::remove(name_);
  }
  Soak(const Soak&) = delete;
  Soak& operator=(const Soak&) = delete;

  bool run() {
    run_alone("making the segment", [&] {
      const auto made = lagoon::Segment::create(name_, {.reserve = most_bytes});
      const Objects objects(made);
    });
    const std::int64_t until = began_ + lasts_;
    const std::int64_t round = std::min<std::int64_t>(5'000'000'000, lasts_ / 2);
    while (goes_on() && now_ns() < until) {
      begin_all();
      for (const std::int64_t end = std::min(now_ns() + round, until); goes_on() && now_ns() < end;)
        disturb();
      calm_down();
      kill_all();
      if (stuck_.empty()) run_alone("the audit", [&] { audit(name_, random_()); });
      ++rounds_;
    }
    for (std::size_t op = 1; op < ops && is_interrupted == 0; ++op)
      require(ledger->counts[op].done != 0, names[op]);
    return report();
  }

 private:
  [[nodiscard]] bool goes_on() const {
    return is_interrupted == 0 && ledger->violations == 0 && stuck_.empty();
  }
  [[nodiscard]] std::size_t workers() const { return stopped_until_.size(); }

  template <class F>
  pid_t begin_process(F&& f) {
    const pid_t parent = getpid();
    const pid_t pid = fork();
    if (pid < 0) throw std::system_error(errno, std::generic_category(), "fork");
    if (pid != 0) return pid;
    // What ends a run is this process's to hear.
    for (const int signal : {SIGINT, SIGTERM}) (void)std::signal(signal, SIG_IGN);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
    try {
      f();
    } catch (const std::exception& e) {
      require(false, e.what());
    }
    _exit(0);
  }
  void run_alone(const char* what, auto&& f) {
    const pid_t pid = begin_process(f);
    int status = 0;
    const std::int64_t until = now_ns() + 3 * limit_ns;
    for (pid_t ended = 0; (ended = waitpid(pid, &status, WNOHANG)) != pid;) {
      if (now_ns() >= until && stuck_.empty()) {
        stuck_ = what;
        ::kill(pid, SIGKILL);
      }
      std::this_thread::sleep_for(1ms);
    }
    if (stuck_.empty()) require(WIFEXITED(status), what);
  }

  void begin_all() {
    ledger->calm = false;
    for (std::size_t i = 0; i < workers(); ++i) begin(i);
    pids_[workers()] = begin_process([&] {
      for (Keeper keeper(name_, workers());; std::this_thread::sleep_for(1ms)) keeper.once();
    });
    last_change_.fill(now_ns());
  }
  void begin(std::size_t i) {
    const std::uint64_t seed = random_();
    pids_[i] = begin_process([&] {
      for (Worker worker(name_, i, seed);;) worker.once_of_any();
    });
  }

  void kill_all() {
    for (std::size_t i = 0; i < pids_.size(); ++i) kill(i);
    while (waitpid(-1, nullptr, 0) > 0 || errno == EINTR) continue;  // and their children
  }
  void kill(std::size_t i) {
    if (pids_[i] == 0) return;
    ledger->of_semaphore.condemn(i);
    ledger->of_bounded.condemn(i);
    ::kill(pids_[i], SIGKILL);
    int status = 0;
    while (waitpid(pids_[i], &status, 0) < 0 && errno == EINTR) continue;
    require(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "a process has crashed");
    pids_[i] = 0;
    if (i == workers()) return;
    stopped_until_[i] = 0;
    write_down_the_death_of(ledger->workers[i]);
    ledger->of_semaphore.bury(i);
    ledger->of_bounded.bury(i);
  }
  static void write_down_the_death_of(OfOne& one) {
    ++counts(one.now.exchange(Op::none)).killed;
    if (const std::uint64_t ticket = one.taking.exchange(0); ticket != 0) {
      auto unseen = Ledger::Ticket::unseen;
      if (const std::uint64_t at = ticket - 1 - ledger->first_ticket; at < most_tickets)
        ledger->tickets[at].compare_exchange_strong(unseen, Ledger::Ticket::taken_along);
    }
    if (one.may_have_permit) {
      ++ledger->unsure;
      one.may_have_permit = false;
    }
    one.has_done = 0;
  }

  void disturb() {
    std::this_thread::sleep_for(std::chrono::microseconds(random_() % 4000));
    const std::size_t i = random_() % workers();
    const std::int64_t now = now_ns();
    for (std::size_t k = 0; k < workers(); ++k)
      if (stopped_until_[k] != 0 && now >= stopped_until_[k]) go_on(k);
    if (random_() % 4 != 0) {
      kill(i);
      ++kills_;
      begin(i);
    } else if (stopped_until_[i] == 0) {
      ::kill(pids_[i], SIGSTOP);
      stopped_until_[i] = now + static_cast<std::int64_t>(random_() % 20'000'000);
      ++stops_;
    }
    look();
  }
  void go_on(std::size_t i) {
    ::kill(pids_[i], SIGCONT);
    stopped_until_[i] = 0;
  }
  /// Whether something that is begun again and again has not been done by anyone for long.
  void look() {
    const std::int64_t now = now_ns();
    for (std::size_t op = 1; op < ops; ++op) {
      const std::uint64_t done = ledger->counts[op].done;
      if (done != last_done_[op]) {
        last_done_[op] = done;
        last_change_[op] = now;
      } else if (now - last_change_[op] > limit_ns) {
        stuck_ = names[op];
      }
    }
    if (now < next_report_) return;
    next_report_ = now + 10'000'000'000;
    std::cout << "  " << total_done() << " operations, " << kills_ << " killed, " << stops_
              << " stopped, segment " << ledger->size / 1'000'000 << " MB" << std::endl;
  }

  /// Until each of the living has got through everything.
  void calm_down() {
    for (std::size_t i = 0; i < workers(); ++i)
      if (stopped_until_[i] != 0) go_on(i);
    ledger->calm = true;
    for (std::size_t i = 0; i < workers(); ++i) ledger->workers[i].has_done = 0;
    const std::int64_t until = now_ns() + limit_ns;
    for (std::size_t i = 0; i < workers() && goes_on();) {
      const std::uint64_t missing = every_op & ~ledger->workers[i].has_done;
      if (missing == 0)
        ++i;
      else if (now_ns() >= until)
        stuck_ =
            std::string("in a calm, ") + names[static_cast<std::size_t>(std::countr_zero(missing))];
      else
        std::this_thread::sleep_for(1ms);
    }
  }

  [[nodiscard]] static std::uint64_t total_done() {
    std::uint64_t total = 0;
    for (const Counts& c : ledger->counts) total += c.done;
    return total;
  }
  bool report() {
    std::cout << std::setw(20) << "" << std::setw(10) << "done" << std::setw(10) << "gave up"
              << std::setw(10) << "killed" << '\n';
    for (std::size_t op = 1; op < ops; ++op) {
      const Counts& c = ledger->counts[op];
      std::cout << "  " << std::left << std::setw(18) << names[op] << std::right << std::setw(10)
                << c.done << std::setw(10) << c.gave_up << std::setw(10) << c.killed << '\n';
    }
    std::cout << total_done() << " operations by " << workers() << " processes in " << rounds_
              << " rounds, " << kills_ << " killed, " << stops_
              << " stopped; half-changed under a dead one's lock, and told: " << ledger->repaired
              << "; woken by a Condition: " << ledger->told
              << "; sets of an Event overlooked: " << ledger->overlooked
              << "; permits counted exactly: " << ledger->counted_exactly
              << "\nsegment: " << ledger->size / 1'000'000 << " of " << most_bytes / 1'000'000
              << " MB that it may have, in which objects of " << ledger->made / 1'000'000
              << " MB were made\ntorn, lost or twice: " << ledger->violations
              << ", stuck: " << !stuck_.empty() << "; seed " << seed_ << '\n';
    if (ledger->violations != 0) std::cout << "FAILED: " << ledger->what << '\n';
    if (!stuck_.empty())
      std::cout << "FAILED: for " << limit_ns / 1'000'000'000
                << " seconds nobody got through: " << stuck_ << '\n';
    return ledger->violations == 0 && stuck_.empty();
  }

  static inline volatile std::sig_atomic_t is_interrupted = 0;

  std::string name_;
  std::int64_t began_;
  std::int64_t lasts_;
  std::uint64_t seed_;
  std::mt19937_64 random_;
  std::vector<pid_t> pids_;  // of the workers, and the keeper
  std::vector<std::int64_t> stopped_until_;
  std::uint64_t kills_ = 0;
  std::uint64_t stops_ = 0;
  std::uint64_t rounds_ = 0;
  std::int64_t next_report_ = now_ns() + 10'000'000'000;
  std::array<std::uint64_t, ops> last_done_{};
  std::array<std::int64_t, ops> last_change_{};
  std::string stuck_;
};

}  // namespace
}  // namespace soak

int main(int argc, char** argv) {
  const double minutes = argc > 1 ? std::strtod(argv[1], nullptr) : 1;
  const std::size_t workers = argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 8;
  if (!(minutes > 0) || workers < 2 || workers > soak::most_workers) {
    std::cerr << "usage: soak [minutes, more than 0] [workers, 2 to " << soak::most_workers
              << "]\n";
    return 2;
  }
  const char* given = std::getenv("LAGOON_TEST_SEED");
  const std::uint64_t seed =
      given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device()();
  void* memory = mmap(nullptr, sizeof(soak::Ledger), PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) {
    std::cerr << "soak: no memory for the ledger\n";
    return 2;
  }
  soak::ledger = new (memory) soak::Ledger;
  std::cout << "soak: " << minutes << " minutes, " << workers << " processes, seed " << seed
            << std::endl;
  try {
    return soak::Soak(minutes, workers, seed).run() ? 0 : 1;
  } catch (const std::exception& e) {
    std::cerr << "soak: " << e.what() << '\n';
    return 1;
  }
}
