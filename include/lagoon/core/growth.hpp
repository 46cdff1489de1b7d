#pragma once
/// How something gets more memory of the layer above it: one at a time, and none is lost when one
/// is killed between getting it and handing it in.
///
/// That one is the newest that the object got, and is in none of its lists: whoever has the turn
/// next finds it so, and hands it in.
///
/// Progress: waits for who has the turn, while that one lives.

#include <lagoon/core/owned_word.hpp>
#include <lagoon/core/participants.hpp>
#include <lagoon/error.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace lagoon::core {

/// Memory, from where all is counted.
struct Piece {
  std::uint64_t at, bytes;
};

class Growth {
 public:
  /// With the turn: nothing, unless still_lacks(); then a Piece of `fewest` bytes at least, or as
  /// many as there are already up to a limit, is put in, by put_in(piece, is_zeroed). newest() is
  /// the last that was got, add(bytes) gets one or throws OutOfMemory; is_in(piece) is whether that
  /// was put in.
  template <class StillLacks, class Newest, class Add, class IsIn, class PutIn>
  void grow(Participants& table, StillLacks&& still_lacks, std::size_t fewest, std::size_t there,
            Newest&& newest, Add&& add, IsIn&& is_in, PutIn&& put_in) {
    const Turn turn(word_, table);
    if (!still_lacks()) return;  // another was faster
    const Piece last = newest();
    if (last.bytes != 0 && !is_in(last)) return put_in(last, false);
    constexpr std::size_t most = std::size_t{16} << 20;
    std::size_t bytes = fewest;
    while (bytes < std::min(there, std::max(most, there / 4))) bytes *= 2;
    for (;; bytes /= 2) {
      try {
        return put_in(add(bytes), true);
      } catch (const OutOfMemory&) {
        if (bytes == fewest) throw;
      }
    }
  }

 private:
  class Turn {
   public:
    Turn(OwnedWord& word, Participants& table) : word_(word), me_(table.self()) {
      (void)word_.take(table, me_, Deadline::never());
    }
    ~Turn() {
      if (!fork_.passed()) word_.give_back(me_);
    }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

   private:
    OwnedWord& word_;
    const Owner me_;
    ForkMark fork_;
  };

  OwnedWord word_;
};

}  // namespace lagoon::core
