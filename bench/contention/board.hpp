#pragma once
/// The board: the shared memory through which the parent conducts its children.
///
/// One phase word that all read, and a seat for each child that it alone writes, on lines of its
/// own: what is measured is the contention for the strategy's memory, not for ours. It lies in a
/// memfd, so that a helper in another language can map it too (its offsets are handed over on the
/// command line); nothing of it has a name, so nothing is left when everybody is killed.

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "histogram.hpp"

namespace contention {

inline constexpr int max_children = 64;
inline constexpr std::size_t line = 64;

/// `halt`: as `measure`, and the writer stops in the midst of its next write.
enum Phase : std::uint32_t { gather, warm_up, measure, stop, halt };

struct Seat {
  alignas(line) std::atomic<std::uint64_t> operations;  // since the start, warm-up included
  std::atomic<std::uint64_t> torn;                      // snapshots that mixed two writes
  std::atomic<std::uint64_t> retries;                   // copies that a writer had overtaken
  std::atomic<std::uint64_t> process;                   // 0 until the child is ready
  std::atomic<std::uint64_t> present_ns;                // from the release to the end
  std::atomic<std::uint64_t> queued_ns;                 // of that, waiting for a processor
  alignas(line) Histogram histogram;                    // of operations that ended after warm-up
};

struct Board {
  alignas(line) std::atomic<std::uint32_t> phase;
  alignas(line) std::atomic<std::uint64_t> lost;  // told by helpers that check the end result alone
  std::array<Seat, max_children + 1> seats;       // the last one used may be a writer's
};

static_assert(std::atomic<std::uint64_t>::is_always_lock_free, "the board is shared by processes");

/// The one board of this program, mapped at the first call.
Board& board();
inline int number_of(const Seat& seat) { return static_cast<int>(&seat - board().seats.data()); }
/// Its descriptor, for a helper that is another program.
int board_descriptor();

/// For a child: say that it is ready, and wait until all are.
void take_seat(Seat& seat);
/// For the parent.
void set_phase(Phase phase);

}  // namespace contention
