#pragma once
/// Those who wait until somebody tells them: what a condition is, without its lock.
///
///   node  [ Owner | notified ]  [ ticket ]  [ heirs ]        so many, one for each who waits
///
/// Everything but sleeping happens while the caller holds the lock that the condition belongs to.
/// Who waits takes a node and a ticket, lets the lock go, and sleeps on its node; who notifies
/// marks those with the oldest tickets; who was marked takes the lock again and gives its node
/// back.
///
/// A notification that was marked in the node of one who died is not lost: it passes to one who was
/// waiting when it was given (whose ticket is below `heirs`). Whoever holds the lock hands it on;
/// if nobody comes with the lock, a sleeper that looks between slices takes the dead one's node
/// over. If that one is marked too before it has the lock, it goes on by one of the two and hands
/// on the other: the one with more heirs, since it was waiting when either was given.
///
/// Invariant: a node is free (zero), or names who waits in it, or who took it over from one who
/// died notified. Only the holder of the lock changes nodes of the living; only the living those of
/// the dead.
///
/// Every store that publishes, and what a SIGKILL right after it leaves
///   (1) a node's owner, after its ticket. Killed: a dead waiter, which notifiers pass over.
///   (2) notified, after `heirs`. Killed before the wake-up: the sleeper looks for itself, in 8 ms.
///   (3) a dead, notified node: CAS its owner → me. Killed: the same node, of another dead one.
///   (4) a node given back. Killed before: if it was notified, (3), as it had not gone on.
/// A notifier killed between handing on a dead one's notification and freeing its node has given it
/// twice: one waiter more wakes up. So has one that hands on one of two, killed before it has freed
/// that one's node; killed after that, it leaves the other, by (3).
///
/// Memory orders: all is done with the lock held, which orders it, but for (3) by a sleeper. That
/// one may read an older `heirs`, which is smaller: then it inherits when it looks again. So all
/// are relaxed but (2), which is release: it stores the Owner of another, whom that sleeper may
/// never have heard of, and it is going to ask whether that one is dead (tenure.hpp).
///
/// Progress: of enlisting, leaving and notifying that of the lock; a call looks at each node once.

#include <lagoon/core/futex.hpp>
#include <lagoon/core/participants.hpp>

#include <boost/atomic/ipc_atomic.hpp>
#include <cstddef>
#include <cstdint>

namespace lagoon::core {

class WaitQueue {
 public:
  static constexpr std::uint32_t most = 1U << 14;

  /// In zeroed memory, bytes_for(places) of it.
  WaitQueue(Participants& table, std::uint32_t places) noexcept : places_(places), table_(table) {}
  WaitQueue(const WaitQueue&) = delete;
  WaitQueue& operator=(const WaitQueue&) = delete;
  static constexpr std::size_t bytes_for(std::size_t places) noexcept {
    return sizeof(WaitQueue) + places * sizeof(Node);
  }

  /// One who waits. All but `sleep` with the lock held.
  class Waiter {
   public:
    /// Throws OutOfMemory if as many wait as there are places.
    explicit Waiter(WaitQueue& queue);
    Waiter(const Waiter&) = delete;
    Waiter& operator=(const Waiter&) = delete;

    /// Without the lock: until it is notified, the deadline passes, or gone() holds, which is
    /// looked at between slices.
    template <class Gone>
    void sleep(Deadline deadline, Gone&& gone) {
      while (!sleep_a_slice(deadline) && !deadline.passed() && !gone()) continue;
    }
    /// Goes; whether it was notified.
    bool leave();

   private:
    /// Whether it was notified.
    bool sleep_a_slice(Deadline deadline);
    WaitQueue& queue_;
    std::uint32_t at_;
    std::uint32_t inherited_;  // the node of one who died notified; none: `most`
  };

  /// With the lock held: those who have waited longest.
  void notify(std::uint64_t how_many);
  void notify_all();
  /// How many wait and have not been notified.
  [[nodiscard]] std::uint32_t waiting() const noexcept;
  [[nodiscard]] std::uint32_t places() const noexcept { return places_; }
  [[nodiscard]] const Participants& table() const noexcept { return *table_; }

  /// Whether this, found at rest in a file, can be a queue in so many bytes of those in that table.
  [[nodiscard]] bool is_sound(const Participants& table, std::size_t bytes) const noexcept {
    return table_.leads_to(table) && places_ != 0 && places_ <= most && used_ <= places_ &&
           bytes_for(places_) <= bytes;
  }

 private:
  struct Node {
    boost::ipc_atomic<Owner> owner;           // with `notified`; what sleepers sleep on
    boost::ipc_atomic<std::uint64_t> ticket;  // in which order they came
    boost::ipc_atomic<std::uint64_t> heirs;   // tickets below it may inherit the notification
    std::uint64_t unused;
  };
  static constexpr Owner notified = 1;

  [[nodiscard]] Node& node(std::uint32_t i) noexcept {
    return reinterpret_cast<Node*>(this + 1)[i];
  }
  [[nodiscard]] const Node& node(std::uint32_t i) const noexcept {
    return reinterpret_cast<const Node*>(this + 1)[i];
  }
  /// Marks the living waiter with the oldest ticket below `before`; false if there is none.
  bool notify_oldest(std::uint64_t before, std::uint64_t heirs);
  void mark(Node& node, Owner owner, std::uint64_t heirs);
  /// Hands on what was marked in nodes of the dead, and frees them.
  void settle_the_dead();
  /// Gives node `i` back; what is left in it of a notification passes on.
  void give_back(std::uint32_t i);

  std::uint32_t places_;
  std::uint32_t used_ = 0;  // nodes from here on are free
  std::uint64_t next_ticket_ = 0;
  ParticipantsRef table_;
  [[maybe_unused]] std::byte unused_[40] = {};
};
static_assert(sizeof(WaitQueue) == 64);

}  // namespace lagoon::core
