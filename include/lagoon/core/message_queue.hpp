#pragma once
/// What a queue is: messages of any size, put at the end and taken from the front, by any number of
/// processes, in one order for all.
///
///   ring     [ lap | state | unit ] …            which message is where in the order (ring.hpp)
///                            │
///   pages    [ owner | last ] message message …  what they say (pages.hpp)
///
/// Who puts writes the message in a page of its own, which nobody else does, and then puts where it
/// is into the ring, by one compare-and-swap. Who takes copies the message, and then takes its
/// place in the ring, by one compare-and-swap: if that fails, what was copied is forgotten. That is
/// all: what was put is in the ring and in no other place, and that a message's memory is free
/// follows from the front having passed it. So
///   killed before its compare-and-swap, one has done nothing; after it, all;
///   nobody waits for one who is stopped: what it was about to do is its own, until it is done.
///
/// Whoever sleeps does it on a word of its kind (core/contend.hpp): `getters_`, whose end bit says
/// that the queue was erased, and `putters_`. One is woken for each message that is put, or taken
/// from a full queue, unless one is on its way already, who wakes the next. If one is killed before
/// it has woken another, or that one on its way, a sleeper's slice ends in 8 ms.
///
/// At most `maxsize` are in it: who puts at p has seen the head behind p − maxsize.
///
/// Fast where two processors share a line: who puts does not look at the slot first, but tries the
/// word that is there when nobody was in its way, so that the line comes once; who takes asks for
/// it to write to, before it copies; and the line of the next message is asked for before it is
/// known that it is there, by who waits for it. Where messages come in a stream, who has taken all
/// leaves the lines to who puts for the better part of a microsecond, and then takes many at once:
/// at its heels each message would cost both of them two hand-offs of a line. So does who puts into
/// a queue that is full, if it is a long one. Who waits for each message, as for an answer, looks
/// without a pause.
///
/// Memory orders: (1) and (2) are ring.hpp's, and put in one order with the words that say who
/// sleeps. The fence (7) is for who finds a length, or a message, that is not what it seems: it
/// pairs with (6) of pages.hpp. Who joins and finds (8) that somebody sleeps already looks after
/// that.
///
/// Progress: lock-free, but for when there is not enough memory: then the layer above gets some
/// (`grow`), one at a time. Who puts a message for which there is a page needs none of that.

#include <lagoon/core/futex.hpp>
#include <lagoon/core/growth.hpp>
#include <lagoon/core/hands.hpp>
#include <lagoon/core/pages.hpp>
#include <lagoon/core/participants.hpp>
#include <lagoon/core/processor.hpp>
#include <lagoon/core/ring.hpp>

#include <algorithm>
#include <boost/atomic/fences.hpp>
#include <boost/atomic/ipc_atomic.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace lagoon::core {

enum class Passed : std::uint8_t {
  yes,
  no,       ///< full, or empty, and the time is over
  is_gone,  ///< the object was erased
  lacks,    ///< memory: `grow`, and call again
  is_damaged,
};

class MessageQueue {
 public:
  struct Shape {
    std::uint64_t maxsize;  // zero: no limit
    std::uint32_t fixed;    // how many bytes each message has; zero: each says it
    bool of_tasks = false;  // what is taken is somebody's until it is done
  };
  /// What there was no memory for; how much there was.
  struct Lack {
    enum class Of : std::uint8_t { pages, ring, hands } of;
    unsigned size;
    std::uint64_t had;
  };
  using Piece = core::Piece;

  /// In zeroed memory, bytes_for(shape) of it. `base` is where the memory begins.
  MessageQueue(Participants& table, const std::byte* base, Shape shape) noexcept;
  MessageQueue(const MessageQueue&) = delete;
  MessageQueue& operator=(const MessageQueue&) = delete;
  static std::size_t bytes_for(Shape shape) noexcept;

  /// A message that is being written.
  class Draft {
   public:
    Draft() = default;
    Draft(const Draft&) = delete;
    Draft& operator=(const Draft&) = delete;
    ~Draft() {
      if (page_ != nullptr && page_->size.load(relaxed) != 0) Pages::let_go(*page_);
    }
    [[nodiscard]] std::byte* payload() const noexcept { return payload_; }
    /// As who is killed does.
    void forget() noexcept { page_ = nullptr; }

   private:
    friend MessageQueue;
    Page* page_ = nullptr;
    std::byte* payload_ = nullptr;
    std::uint32_t at_ = 0;
    std::uint32_t bytes_ = 0;  // of the page
  };

  /// Memory for one of so many bytes; false if there is none.
  [[nodiscard]] bool draft(Draft& draft, std::size_t bytes, Lack& lack);
  /// Puts it. Passed::no only when it was full at the deadline.
  [[nodiscard]] Passed put(Draft& draft, Deadline deadline, Lack& lack) {
    const Passed put = put_at_once(draft, lack);
    return put == Passed::no ? put_waiting(draft, deadline, lack) : put;
  }
  [[nodiscard]] Passed put_at_once(Draft& draft, Lack& lack) {
    const Passed put = try_put(draft, lack);
    return put == Passed::yes ? tell(getters_) : put;
  }

  /// Takes the first. copy(payload, bytes) is called before it is had, maybe more than once, with
  /// bytes that may be changing (copy.hpp): what it copied last is the message.
  template <class Copy>
  [[nodiscard]] Passed get(Copy&& copy, Deadline deadline, Lack& lack) {
    const Passed got = get_at_once(copy, lack);
    return got == Passed::no ? get_waiting(Once(copy, *this, lack), deadline) : got;
  }
  template <class Copy>
  [[nodiscard]] Passed get_at_once(Copy&& copy, Lack& lack) {
    const Passed got = try_get(copy, lack);
    if (got != Passed::yes) return is_gone() ? Passed::is_gone : got;
    return maxsize_ == 0 ? told(getters_.load(relaxed)) : tell(putters_);
  }

  /// Calls f(position) after copy(payload, bytes), as for `get`, with each that is in it, in their
  /// order, and then with the tasks that somebody has. Those that are taken meanwhile may be met in
  /// both, or in none if they are done; those that are put are not met. Who may only read is shown
  /// no tasks that somebody has.
  template <class Copy, class F>
  void for_each(Copy&& copy, bool may_write, F&& f) {
    const auto look = [&](std::uint64_t position, std::uint32_t unit, const auto& is_still_there) {
      if (!copy_message(unit, copy, is_still_there)) return;
      then_look();
      if (is_still_there()) f(position);
    };
    const std::uint64_t end = ring_.tail().position;
    for (Ring::Spot s = ring_.head(); s.position < end; s = ring_.next(s))
      if (ring_.has(s)) look(s.position, s.unit(), [&] { return s.is_still_there(); });
    if (of_tasks_ != 0 && may_write) hands_.for_each_held(ring_, look);
  }

  /// Of tasks: one that was taken is done: of the caller's the first; if it has none, of all. False
  /// if nobody has any.
  [[nodiscard]] bool done();
  /// Until none is in it, or in anybody's hands.
  [[nodiscard]] Passed join(Deadline deadline);

  [[nodiscard]] Shape shape() const noexcept { return {maxsize_, fixed_, of_tasks_ != 0}; }
  [[nodiscard]] std::uint64_t maxsize() const noexcept { return maxsize_; }
  /// How many are in it.
  [[nodiscard]] std::uint64_t size() const noexcept;
  /// How many were put into it, and how many were taken.
  [[nodiscard]] std::uint64_t times_put() const noexcept { return ring_.tail().position; }
  [[nodiscard]] std::uint64_t times_taken() const noexcept { return ring_.head().position; }
  /// Whether somebody sleeps until there is one, or until there is room.
  [[nodiscard]] bool has_waiters() const noexcept {
    return ((getters_.load(relaxed) | putters_.load(relaxed)) & somebody_sleeps) != 0;
  }
  [[nodiscard]] bool is_empty() const noexcept { return !ring_.head().is_full(); }
  [[nodiscard]] bool is_gone() const noexcept {
    return told(getters_.load(relaxed)) != Passed::yes;
  }

  /// More memory for what was lacked. newest() is the Piece that was got last, add(bytes) gets one
  /// more, zeroed, or throws. One that was got by somebody who died before it was handed in here is
  /// used first.
  template <class Newest, class Add>
  void grow(const Lack& lack, Newest&& newest, Add&& add);

  /// Whether this, at rest, is such a queue in so many bytes of memory.
  [[nodiscard]] bool is_sound(const Participants& table, const std::byte* base, std::uint64_t bytes,
                              std::uint64_t maxsize, bool of_tasks) const noexcept;

 private:
  static constexpr auto relaxed = boost::memory_order_relaxed;
  static constexpr std::uint64_t somebody_sleeps = 1;  // contend.hpp's `waiters`
  static constexpr std::size_t head_bytes = 8;  // before a message that is not fixed: its length
  using Word = boost::ipc_atomic<std::uint64_t>;

  /// try_get, whatever copies.
  class Once {
   public:
    template <class Copy>
    Once(Copy& copy, MessageQueue& queue, Lack& lack)
        : copy_(const_cast<void*>(static_cast<const void*>(std::addressof(copy)))),
          queue_(queue),
          lack_(lack),
          call_([](MessageQueue& q, void* c, Lack& l) {
            return q.try_get(*static_cast<Copy*>(c), l);
          }) {}
    Passed operator()() const { return call_(queue_, copy_, lack_); }

   private:
    void* copy_;
    MessageQueue& queue_;
    Lack& lack_;
    Passed (*call_)(MessageQueue&, void*, Lack&);
  };

  [[nodiscard]] Passed try_put(Draft& draft, Lack& lack) noexcept;
  void has_put(Draft& draft) noexcept;
  template <class Copy>
  [[nodiscard]] Passed try_get(Copy& copy, Lack& lack) {
    return of_tasks_ ? try_get_task(copy, lack) : try_get_message(copy);
  }
  template <class Copy>
  [[nodiscard]] Passed try_get_message(Copy& copy);
  template <class Copy>
  [[nodiscard]] Passed try_get_task(Copy& copy, Lack& lack);
  /// Between what was read of a message and a look whether it was one.
  static void then_look() noexcept {
    boost::atomic_thread_fence(boost::memory_order_acquire);  // (7)
  }
  /// The message at `unit`, while is_still_there() holds; false if it does not.
  template <class Copy, class IsStillThere>
  bool copy_message(std::uint32_t unit, Copy& copy, IsStillThere&& is_still_there);
  [[nodiscard]] bool is_all_done() noexcept;
  [[nodiscard]] Passed put_waiting(Draft& draft, Deadline deadline, Lack& lack);
  [[nodiscard]] Passed get_waiting(const Once& once, Deadline deadline);
  template <class Subject>
  [[nodiscard]] Passed wait(const Subject& subject, Deadline deadline);

  static Passed told(std::uint64_t seen) noexcept {
    return static_cast<std::int64_t>(seen) < 0 ? Passed::is_gone : Passed::yes;  // the end bit
  }
  /// Wakes one who sleeps there, if one does.
  Passed tell(Word& sleepers) noexcept {
    const std::uint64_t seen = sleepers.load();
    if (seen != 0) [[unlikely]]
      wake(sleepers, seen);
    return &sleepers == &getters_ ? told(seen) : told(getters_.load(relaxed));
  }
  static void wake(Word& sleepers, std::uint64_t seen) noexcept;
  /// Whether there is room for one more at the end.
  [[nodiscard]] bool has_room() const noexcept;
  Page* find_page(Owner me, unsigned size, std::size_t bytes) noexcept;
  [[nodiscard]] std::uint64_t has(const Lack& lack) const noexcept;
  /// So many bytes at least.
  [[nodiscard]] std::size_t least(const Lack& lack) const noexcept;
  [[nodiscard]] bool has_put_in(Piece piece) const noexcept;
  [[nodiscard]] std::uint64_t offset(const std::byte* base) const noexcept {
    return static_cast<std::uint64_t>(reinterpret_cast<const std::byte*>(this) - base);
  }
  [[nodiscard]] std::byte* memory(Piece piece) const noexcept { return pages_.at(0) + piece.at; }
  void put_in(const Lack& lack, Piece piece, bool is_zeroed) noexcept;

  // Who sleeps: with the flags of contend.hpp.
  Word getters_{0};  // first: erasing sets its end_bit
  Word putters_{0};
  Word joiners_{0};  // how often all were done, times two; somebody sleeps
  Growth growth_;
  // What does not change.
  alignas(64) const std::uint64_t maxsize_;
  const std::uint32_t fixed_;
  const std::uint32_t of_tasks_;
  const std::uint32_t units_;  // of the memory, that a message takes, if all take as many
  ParticipantsRef table_;
  Ring ring_;
  Pages pages_;
  Hands hands_;  // of tasks
};

template <class Copy, class IsStillThere>
bool MessageQueue::copy_message(std::uint32_t unit, Copy& copy, IsStillThere&& is_still_there) {
  const std::byte* payload = pages_.at(unit);
  std::size_t bytes = fixed_;
  if (fixed_ == 0) {
    const auto* const length = reinterpret_cast<const Word*>(payload);
    payload += head_bytes;
    const auto room = static_cast<std::uint64_t>(pages_.at(0) + pages_.reach() - payload);
    bytes = std::min(length->load(relaxed), room);
    then_look();
    if (!is_still_there()) return false;  // so that is its length
  }
  copy(payload, bytes);
  return true;
}

template <class Copy>
Passed MessageQueue::try_get_message(Copy& copy) {
  for (;;) {
    const Ring::Spot front = ring_.head();
    if (!front.is_full()) return Passed::no;
    will_write(front.slot);  // while the message comes
    if (copy_message(front.unit(), copy, [&] { return front.is_still_there(); }) &&
        ring_.take(front)) {
      const std::uint32_t next = front.unit() + units_;
      ring_.guess_next(next);
      will_read(pages_.at(next));
      return Passed::yes;
    }
  }
}

template <class Copy>
Passed MessageQueue::try_get_task(Copy& copy, Lack& lack) {
  const Owner me = table_->self();
  const auto inherit = [&] {
    return hands_.inherit(*table_, me, ring_, [&](std::uint32_t unit) {
      copy_message(unit, copy, [] { return true; });
    });
  };
  lack = {Lack::Of::hands, 0, hands_.pieces()};
  const std::uint32_t hand = hands_.take(*table_, me, ring_);
  if (hand == 0) return Passed::lacks;
  for (;;) {
    const Ring::Spot front = ring_.head();
    // Those of the dead, too, while others come.
    if ((!front.is_full() || front.position % 64 == 0) && inherit()) return Passed::yes;
    if (!front.is_full()) return Passed::no;
    if (!copy_message(front.unit(), copy, [&] { return front.is_still_there(); })) continue;
    hands_.want(hand, front);
    if (ring_.take(front, hand)) {
      hands_.settle(hand, front.position);
      return Passed::yes;
    }
    hands_.let_go(hand);
  }
}

template <class Newest, class Add>
void MessageQueue::grow(const Lack& lack, Newest&& newest, Add&& add) {
  growth_.grow(
      *table_, [&] { return has(lack) == lack.had; }, least(lack),
      lack.of == Lack::Of::pages ? lack.had : 0, newest, add,
      [this](Piece piece) { return has_put_in(piece); },
      [&](Piece piece, bool is_zeroed) { put_in(lack, piece, is_zeroed); });
}

}  // namespace lagoon::core
