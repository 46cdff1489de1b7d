#pragma once
/// Which task has been claimed by whom: a word for each that is handed out, in shared memory.
///
///   63        16 15       0
///  [ ticket : 48 | worker : 16 ]      worker 0: it waits, to be claimed
///
/// A ticket is a number that is given out once (each 2^48), and lies in word ticket mod 1024. Only
/// the parent offers; only a worker claims, by compare-and-swap from "waits", as itself. Why
/// nothing is lost, or begun twice: docs/pool.md, whose numbers these are.
///
/// Memory orders: (1) and (4) are relaxed: what a ticket stands for comes with its hint, by the
/// queue's orders, which also bring (1) before (4); and the parent looks at claims (7) of those
/// whose end it has seen, behind which the kernel has put all their stores. A look at a living
/// one's claim may be late, and costs a needless hint.

#include <lagoon/core/participants.hpp>

#include <boost/atomic/ipc_atomic.hpp>
#include <cstdint>

namespace lagoon::detail {

class TaskTable {
 public:
  using Ticket = std::uint64_t;
  using Worker = std::uint64_t;
  static constexpr std::uint64_t window = 1024;
  static constexpr Ticket last_ticket = (std::uint64_t{1} << 48) - 1;
  static constexpr Worker nobody = 0, most_workers = (1 << 16) - 1;

  static std::uint64_t slot_of(Ticket ticket) noexcept { return ticket % window; }

  /// By the parent: it waits, or waits again.
  void offer(Ticket ticket) noexcept { word_of(ticket).store(ticket << 16, relaxed); }  // (1)
  /// By a worker: whether it was faster than the others.
  bool claim(Ticket ticket, Worker me) noexcept {
    std::uint64_t seen = ticket << 16;
    return word_of(ticket).compare_exchange_strong(seen, seen | me, relaxed);  // (4)
  }
  /// Who has claimed it.
  [[nodiscard]] Worker claimer(Ticket ticket) const noexcept {
    const std::uint64_t seen = words_[slot_of(ticket)].load(relaxed);  // (7)
    return seen >> 16 == ticket ? seen & most_workers : nobody;
  }

  /// No more will be offered: who finds nothing to claim may end.
  void end() noexcept { ended_.store(1, boost::memory_order_relaxed); }
  [[nodiscard]] bool has_ended() const noexcept { return ended_.load(relaxed) != 0; }

 private:
  static constexpr auto relaxed = boost::memory_order_relaxed;
  using Word = boost::ipc_atomic<std::uint64_t>;

  Word& word_of(Ticket ticket) noexcept { return words_[slot_of(ticket)]; }

  Word words_[window] = {};
  Word ended_{0};
};

}  // namespace lagoon::detail
