#pragma once
/// What the soak's processes write down outside of the segment: what each is about to do and what
/// it has done. So of each object bounds are known: what was done at least, and at most.

#include <lagoon/core/latch.hpp>

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace soak {

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
  set_event,
  wait_for_event,
  produce,
  consume,
  barrier,
  dict,
  dict_of_objects,
  nested,
  put,
  get,
  put_task,
  do_task,
  make,
  find,
  hold,
  erase,
  churn,
  look,
  attach,
  fork,
};
constexpr std::array names{"none",
                           "Value",
                           "Value<struct>",
                           "Array",
                           "element",
                           "Array locked",
                           "Array locked_by",
                           "Lock",
                           "RLock",
                           "Semaphore",
                           "BoundedSemaphore",
                           "Event set",
                           "Event wait",
                           "Condition produce",
                           "Condition consume",
                           "Barrier",
                           "Dict",
                           "Dict of Objects",
                           "Dict of Lists",
                           "Queue put",
                           "Queue get",
                           "JoinableQueue put",
                           "JoinableQueue task",
                           "make",
                           "find",
                           "hold an erased one",
                           "erase",
                           "come and go",
                           "read-only look",
                           "attach",
                           "fork"};
constexpr std::size_t ops = names.size();
constexpr std::uint64_t every_op = (std::uint64_t{1} << ops) - 2;

struct Counts {
  std::atomic<std::uint64_t> begun{0};
  std::atomic<std::uint64_t> done{0};
  std::atomic<std::uint64_t> gave_up{0};  // out of time, nothing there, a broken barrier
  std::atomic<std::uint64_t> killed{0};   // while they did it
};

/// Who has a permit. One word, so that whoever gets one sees all the others at one moment; those
/// who are to be killed do not count. Of the first 32 workers.
class Holders {
 public:
  /// How many of the living have one, this one among them.
  int enter(std::size_t worker) {
    const std::uint64_t seen = word_.fetch_or(bit(worker)) | bit(worker);
    return std::popcount(static_cast<std::uint32_t>(seen) &
                         ~static_cast<std::uint32_t>(seen >> 32));
  }
  void leave(std::size_t worker) { word_.fetch_and(~bit(worker)); }
  void condemn(std::size_t worker) { word_.fetch_or(bit(worker) << 32); }
  void bury(std::size_t worker) { word_.fetch_and(~(bit(worker) | bit(worker) << 32)); }

 private:
  static std::uint64_t bit(std::size_t worker) {
    return worker < 32 ? std::uint64_t{1} << worker : 0;
  }
  std::atomic<std::uint64_t> word_{0};
};

struct alignas(64) OfOne {
  std::atomic<Op> now{Op::none};
  std::atomic<std::uint64_t> has_done{0};    // a bit for each Op
  std::atomic<std::uint64_t> taking{0};      // the ticket, and one
  std::atomic<bool> may_have_permit{false};  // of the Semaphore
};

constexpr std::size_t most_workers = 256;
constexpr std::size_t most_tickets = 1 << 20;  // between two audits

struct Ledger {
  std::array<Counts, ops> counts;
  std::array<OfOne, most_workers + 1> workers;  // and the one who audits
  std::atomic<bool> calm{false};                // nobody is killed or stopped

  Holders of_semaphore;
  Holders of_bounded;
  std::atomic<bool> semaphore_closed{false};  // its permits are being counted
  std::atomic<std::uint64_t> unsure{0};       // killed with a permit of the Semaphore, or without
  std::atomic<std::uint64_t> counted_exactly{0};

  std::atomic<std::int64_t> last_set_began{0};  // the keeper's, of the Event
  std::atomic<std::int64_t> last_set_ended{0};
  std::atomic<std::uint64_t> overlooked{0};          // set while one waited, who ran out of time
  std::array<std::atomic<std::uint64_t>, 2> passed;  // the Barrier, by number
  std::atomic<std::uint64_t> told{0};                // waiters of the Condition
  enum class Ticket : std::uint8_t { unseen, shown, taken_along };
  std::uint64_t first_ticket = 0;  // of those below
  std::array<std::atomic<Ticket>, most_tickets> tickets;

  std::atomic<std::uint64_t> repaired{0};  // what a dead holder had left half-changed
  std::atomic<std::uint64_t> made{0};      // bytes of memory
  std::atomic<std::uint64_t> size{0};      // of the segment, at the last audit
  std::atomic<std::uint64_t> violations{0};
  char what[512];
};
inline Ledger* ledger = nullptr;

inline Counts& counts(Op op) { return ledger->counts[static_cast<std::size_t>(op)]; }

inline void require(bool holds, const char* what) {
  if (holds) return;
  if (ledger->violations.fetch_add(1) == 0)
    std::strncpy(ledger->what, what, sizeof ledger->what - 1);
}

inline std::int64_t now_ns() { return lagoon::core::Deadline::clock(); }

/// Within this time somebody gets through, whatever it is.
constexpr std::int64_t limit_ns = 20'000'000'000;

}  // namespace soak
