#pragma once
/// What a thread says of its waiting, for who looks from outside: what it waits for now, how often
/// it found each thing in another's hands and waited, and how often what it read there was
/// overtaken by writers, so that it read again.
///
/// It is said where time is lost anyway, never on the way of who finds what he wants; in a line of
/// memory that no other thread writes to. Nobody relies on it: each word is by itself, a kill
/// leaves the last one. What is counted stays when the thread ends and another has the line: these
/// are numbers to take differences of.
///
/// A place is a line of 64 bytes, by its number from the table of participants on. What lies before
/// the table, or 128 GiB behind it, is not noted. Seven things at a time are counted: an eighth
/// takes the place of one of them.
///
/// Memory orders: who sees by acquire that one waits, (1), and then looks at the counters, finds it
/// counted. All else is relaxed, nothing hangs on it. Progress: wait-free.

#include <boost/atomic/ipc_atomic.hpp>
#include <cstddef>
#include <cstdint>

namespace lagoon::core {

class alignas(64) WaitNotes {
 public:
  using Place = std::uint32_t;
  static constexpr Place nowhere = 0;  ///< that is where the table itself is
  static constexpr std::uint64_t places = std::uint64_t{1} << 31;
  enum class What : std::uint8_t { waited, read_again };

  struct Waiting {
    Place place = nowhere;
    bool has_deadline = false;  ///< until then, not for ever
  };
  /// In its generation of the line's users (tenure.hpp; the low half of it): the next one does not
  /// wait there. Returns what was said before: in a signal handler, what was interrupted.
  std::uint64_t waits(Waiting at, std::uint64_t generation) noexcept {
    count(at.place, What::waited);
    const std::uint64_t before = waits_.load(boost::memory_order_relaxed);
    waits_.store(word_of(at, generation), boost::memory_order_release);  // (1)
    return before;
  }
  void waits_as_before(std::uint64_t before) noexcept {
    waits_.store(before, boost::memory_order_relaxed);
  }
  void reads_again(Place place) noexcept { count(place, What::read_again); }

  [[nodiscard]] Waiting waits(std::uint64_t generation) const noexcept {
    const std::uint64_t seen = waits_.load(boost::memory_order_acquire);  // reads (1)
    const Waiting at{static_cast<Place>(seen >> 33), (seen >> 32 & 1) != 0};
    return seen == word_of(at, generation) ? at : Waiting{};
  }
  /// Calls f(place, what, times): modulo 2^32.
  template <class F>
  void each(F&& f) const {
    for (const auto& counter : counters_)
      if (const std::uint64_t seen = counter.load(boost::memory_order_relaxed); seen != 0)
        f(static_cast<Place>(seen >> 33), static_cast<What>(seen >> 32 & 1),
          static_cast<std::uint32_t>(seen));
  }

 private:
  using Counter = boost::ipc_atomic<std::uint64_t>;  // place, what, times
  static constexpr std::size_t things = 7;

  static constexpr std::uint64_t word_of(Waiting at, std::uint64_t generation) noexcept {
    return std::uint64_t{at.place} << 33 | std::uint64_t{at.has_deadline} << 32 |
           static_cast<std::uint32_t>(generation);
  }
  void count(Place place, What what) noexcept {
    if (place == nowhere) return;
    const std::uint64_t key = std::uint64_t{place} << 1 | static_cast<std::uint64_t>(what);
    Counter* at = &counters_[key % things];
    for (std::size_t i = things; i-- != 0;) {
      const std::uint64_t counts = counters_[i].load(boost::memory_order_relaxed) >> 32;
      if (counts == nowhere) at = &counters_[i];
      if (counts != key) continue;
      at = &counters_[i];
      break;
    }
    const std::uint64_t seen = at->load(boost::memory_order_relaxed);
    const std::uint32_t times = seen >> 32 == key ? static_cast<std::uint32_t>(seen) + 1 : 1;
    at->store(key << 32 | times, boost::memory_order_relaxed);
  }

  boost::ipc_atomic<std::uint64_t> waits_{nowhere};
  Counter counters_[things]{};
};
static_assert(sizeof(WaitNotes) == 64);

}  // namespace lagoon::core
