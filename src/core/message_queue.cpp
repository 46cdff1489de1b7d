#include <lagoon/core/end_bit.hpp>
#include <lagoon/core/message_queue.hpp>
#include <lagoon/core/processor.hpp>

#include <cstring>
#include <new>

#include "await.hpp"
#include "contend.hpp"

namespace lagoon::core {

using contention::Attempt;

namespace {

constexpr std::size_t round_up(std::size_t n, std::size_t to) { return (n + to - 1) / to * to; }

/// What a queue begins with: pages for four who put, and slots for some hundred messages.
constexpr std::size_t first_pages = 4 * Pages::smallest;

unsigned first_log(std::uint64_t maxsize) {
  unsigned log = 6;
  while (log < 8 && maxsize != 0 && (std::uint64_t{1} << log) <= maxsize) ++log;
  return maxsize == 0 ? 8 : log;
}
std::size_t offset_of_ring() { return round_up(sizeof(MessageQueue), 64); }
std::size_t offset_of_pages(unsigned log) { return offset_of_ring() + (std::size_t{8} << log); }
std::size_t offset_of_hands(unsigned log) { return offset_of_pages(log) + first_pages; }

/// How long one looks before one waits as others do (contend.hpp): first for as long as an answer
/// takes that is given at once.
constexpr unsigned eager_looks = 64;
constexpr unsigned first_looks = 128;
/// In which the other side gets ahead (message_queue.hpp), where that makes nobody wait: from so
/// many messages on that are left to it.
constexpr std::uint32_t headway_pauses = 32;
constexpr std::uint64_t headway_messages = 64;

/// So often one can look at an end that is no more, of a sound queue: others have gone on.
constexpr int most_contradictions = 1 << 16;

}  // namespace

std::size_t MessageQueue::bytes_for(Shape shape) noexcept {
  return offset_of_hands(first_log(shape.maxsize)) + (shape.of_tasks ? Hands::bytes_of(0) : 0);
}

MessageQueue::MessageQueue(Participants& table, const std::byte* base, Shape shape) noexcept
    : maxsize_(shape.maxsize),
      fixed_(shape.fixed),
      of_tasks_(shape.of_tasks ? 1 : 0),
      units_(static_cast<std::uint32_t>(round_up(shape.fixed, Pages::unit) / Pages::unit)),
      table_(table),
      ring_(base, offset(base) + offset_of_ring(), first_log(shape.maxsize)),
      pages_(base),
      hands_(base) {
  const unsigned log = first_log(shape.maxsize);
  pages_.add(offset(base) + offset_of_pages(log), first_pages, 0);
  if (shape.of_tasks) hands_.add(offset(base) + offset_of_hands(log));
}

bool MessageQueue::draft(Draft& draft, std::size_t bytes, Lack& lack) {
  const Owner me = table_->self();
  const std::size_t head = fixed_ == 0 ? head_bytes : 0;
  if (bytes > Pages::room_of(Pages::sizes - 1) - head) [[unlikely]] {
    lack = {Lack::Of::pages, Pages::sizes, 0};
    return false;
  }
  const std::size_t whole = round_up(head + bytes, Pages::unit);
  Page* page = pages_.mine(me);
  if (page == nullptr || !Pages::has_room(*page, whole)) [[unlikely]] {
    const unsigned size = Pages::size_for(whole);
    lack = {Lack::Of::pages, size, pages_.bytes_in(size)};
    page = find_page(me, size, whole);
    if (page == nullptr) return false;
  }
  draft.page_ = page;
  draft.at_ = pages_.next_in(*page);
  draft.bytes_ = static_cast<std::uint32_t>(whole / Pages::unit);
  draft.payload_ = pages_.at(draft.at_) + head;
  if (head != 0) reinterpret_cast<Word*>(pages_.at(draft.at_))->store(bytes, relaxed);
  return true;
}

Page* MessageQueue::find_page(Owner me, unsigned size, std::size_t bytes) noexcept {
  const std::uint64_t head = ring_.head().position;
  const auto is_free = [&](const Page& page) {
    if (page.last.load(relaxed) > head) return false;
    if (of_tasks_ == 0) return true;
    const std::uint32_t begin = pages_.unit_of(page);
    return !hands_.any_has(begin,
                           begin + static_cast<std::uint32_t>(Pages::bytes_of(size) / Pages::unit));
  };
  if (Page* const mine = pages_.mine(me); mine != nullptr && size == 0) {
    if (is_free(*mine)) {
      Pages::begin_anew(*mine);
      mine->head.store(head, relaxed);
      return mine;
    }
    Pages::let_go(*mine);
  }
  Page* const page = pages_.take(
      *table_, me, size, bytes, [this] { return ring_.tail().position; }, is_free);
  if (page != nullptr) page->head.store(head, relaxed);
  return page;
}

Passed MessageQueue::try_put(Draft& draft, Lack& lack) noexcept {
  Page& page = *draft.page_;
  if (of_tasks_ == 0) {
    // The line of the slot comes once, not to be looked at first and then to be written.
    const Ring::Spot end = ring_.likely_tail();
    const std::uint64_t head = page.head.load(relaxed);
    if ((maxsize_ == 0 || end.position - head < maxsize_) && ring_.has_room(end, head)) {
      page.last.store(end.position + 1, relaxed);
      if (ring_.put(end, draft.at_)) {
        has_put(draft);
        return Passed::yes;
      }
    }
  }
  for (int contradictions = 0;; ++contradictions) {
    if (contradictions == most_contradictions) return Passed::is_damaged;
    const Ring::Spot end = ring_.tail();
    if (!end.is_empty()) continue;
    if (maxsize_ != 0 && end.position - page.head.load(relaxed) >= maxsize_) {
      const std::uint64_t head = ring_.head().position;
      page.head.store(head, relaxed);
      if (head > end.position) continue;  // that end was an old one
      if (end.position - head >= maxsize_) return Passed::no;
    }
    // Who took what was there says so before the slot does not (hands.hpp).
    if (of_tasks_ != 0 && end.taker() != 0) hands_.settle(end.taker(), ring_.a_lap_before(end));
    if (!ring_.has_room(end, page.head.load(relaxed)))
      page.head.store(ring_.head().position, relaxed);
    if (!ring_.has_room(end)) [[unlikely]] {
      lack = {Lack::Of::ring, 0, ring_.rings()};
      if (!ring_.close(end)) return Passed::lacks;
      contradictions = 0;
      continue;
    }
    page.last.store(end.position + 1, relaxed);
    if (!ring_.put(end, draft.at_)) {
      contradictions = 0;
      continue;
    }
    has_put(draft);
    return Passed::yes;
  }
}

void MessageQueue::has_put(Draft& draft) noexcept {
  Page& page = *draft.page_;
  page.used.store(page.used.load(relaxed) + draft.bytes_ * static_cast<std::uint32_t>(Pages::unit),
                  relaxed);
}

/// Until once() is no more Passed::no; then others are woken for whom there is something left.
template <class Subject>
Passed MessageQueue::wait(const Subject& subject, Deadline deadline) {
  for (unsigned i = 0; i < first_looks; ++i) {
    if (subject.is_free(0)) {
      subject.passed = subject.once();
      if (subject.passed != Passed::no) break;
    }
    if (i >= eager_looks) pause_processor();
  }
  if (subject.passed == Passed::no) {
    const Taken taken = contention::contend(subject, deadline);
    if (taken == Taken::is_gone) return Passed::is_gone;
    if (taken != Taken::yes) return Passed::no;
    contention::wake_if_free(subject);
  }
  return subject.passed;
}

namespace {

/// What contend() contends for: that once() passes.
template <class IsFree, class Try>
struct Passing {
  contention::Word& sleepers;
  const contention::Word& getters;
  IsFree is_free_now;
  Try once;
  Passed& passed;

  static constexpr bool is_apart() noexcept { return true; }
  [[nodiscard]] contention::Word& word() const noexcept { return sleepers; }
  [[nodiscard]] bool is_free(std::uint64_t) const { return is_free_now(); }
  [[nodiscard]] Attempt attempt(std::uint64_t seen, std::uint64_t kept, bool) const {
    if ((getters.load(boost::memory_order_relaxed) & end_bit) != 0) return Attempt::is_gone;
    passed = once();
    if (passed == Passed::no) return Attempt::busy;
    // Only the flags that were seen go: what others set meanwhile stays.
    if (const auto gone = seen & contention::flags & ~kept; gone != 0)
      sleepers.fetch_and(~gone, boost::memory_order_relaxed);
    if (const auto added = kept & ~seen; added != 0) sleepers.fetch_or(added);
    return Attempt::yes;
  }
};
template <class IsFree, class Try>
Passing(contention::Word&, const contention::Word&, IsFree, Try, Passed&) -> Passing<IsFree, Try>;

}  // namespace

Passed MessageQueue::put_waiting(Draft& draft, Deadline deadline, Lack& lack) {
  if (maxsize_ >= headway_messages) pause_processor(headway_pauses);
  Passed passed = Passed::no;
  const Passing putting{putters_, getters_, [this] { return has_room(); },
                        [&] { return try_put(draft, lack); }, passed};
  const Passed put = wait(putting, deadline);
  return put == Passed::yes ? tell(getters_) : put;
}

Passed MessageQueue::get_waiting(const Once& once, Deadline deadline) {
  if (ring_.wait_for(ring_.head().position)) pause_processor(headway_pauses);
  Passed passed = Passed::no;
  const auto is_there = [this] {
    if (!is_empty()) return true;
    will_read(pages_.at(ring_.guess()));  // it comes together with the slot that leads there
    return false;
  };
  const Passing getting{getters_, getters_, is_there, [&] { return once(); }, passed};
  const Passed got = wait(getting, deadline);
  if (got != Passed::yes || maxsize_ == 0) return got;
  return tell(putters_);
}

void MessageQueue::wake(Word& sleepers, std::uint64_t seen) noexcept {
  while (contention::must_wake(seen)) {
    const std::uint64_t left = (seen & ~contention::flags) | contention::left_behind(seen);
    if (!sleepers.compare_exchange_weak(seen, left, relaxed)) continue;
    return contention::wake_one(sleepers);
  }
}

bool MessageQueue::has_room() const noexcept {
  const std::uint64_t head = ring_.head().position;
  return ring_.tail().position - head < maxsize_;
}

std::uint64_t MessageQueue::size() const noexcept {
  for (int tries = 0;; ++tries) {
    const std::uint64_t head = ring_.head().position;
    const std::uint64_t tail = ring_.tail().position;
    // Of one moment, if nobody took any meanwhile.
    if (ring_.head().position == head) return tail - head;
    if (tries == 8) return maxsize_ == 0 ? tail - head : std::min(tail - head, maxsize_);
  }
}

bool MessageQueue::done() {
  if (!hands_.done(table_->self(), ring_)) return false;
  std::uint64_t seen = joiners_.load();
  while ((seen & somebody_waits) != 0 && is_all_done()) {
    if (!joiners_.compare_exchange_weak(seen, (seen & ~somebody_waits) + 2, relaxed)) continue;
    futex_wake(&joiners_);
    break;
  }
  return true;
}

/// At one moment: what is in nobody's hands when all had been taken, and nothing was put since.
bool MessageQueue::is_all_done() noexcept {
  const std::uint64_t tail = ring_.tail().position;
  return ring_.head().position == tail && !hands_.any_holds(ring_) && ring_.tail().position == tail;
}

Passed MessageQueue::join(Deadline deadline) {
  Backoff backoff;
  for (bool late = false;;) {
    if (is_gone()) return Passed::is_gone;
    const std::uint64_t seen = joiners_.load(boost::memory_order_acquire);  // (8)
    if (is_all_done()) return Passed::yes;
    if (late) return Passed::no;
    late = deadline.passed();
    if (late || backoff.wait()) continue;
    if ((seen & somebody_waits) == 0)
      joiners_.fetch_or(somebody_waits);  // the flag first, then a look
    else
      wait_slice(&joiners_, static_cast<std::uint32_t>(seen), deadline, await_slice_length);
  }
}

std::uint64_t MessageQueue::has(const Lack& lack) const noexcept {
  switch (lack.of) {
    case Lack::Of::ring:
      return ring_.rings();
    case Lack::Of::hands:
      return hands_.pieces();
    case Lack::Of::pages:
      break;
  }
  return pages_.bytes_in(lack.size);
}

std::size_t MessageQueue::least(const Lack& lack) const noexcept {
  switch (lack.of) {
    case Lack::Of::ring:
      return ring_.bytes(ring_.rings());
    case Lack::Of::hands:
      return Hands::bytes_of(hands_.pieces());
    case Lack::Of::pages:
      break;
  }
  return Pages::bytes_of(lack.size);
}

bool MessageQueue::has_put_in(Piece piece) const noexcept {
  for (unsigned size = 0; size < Pages::sizes; ++size)
    if (pages_.newest(size) == piece.at) return true;
  return ring_.offset(ring_.rings() - 1) == piece.at ||
         (of_tasks_ != 0 && hands_.offset(hands_.pieces() - 1) == piece.at);
}

void MessageQueue::put_in(const Lack& lack, Piece piece, bool is_zeroed) noexcept {
  const bool is_enough = piece.bytes >= least(lack);
  if (lack.of == Lack::Of::pages || !is_enough)
    return pages_.add(piece.at, piece.bytes, is_enough ? lack.size : 0);
  if (!is_zeroed) std::memset(memory(piece), 0, least(lack));
  if (lack.of == Lack::Of::ring)
    ring_.add(piece.at);
  else
    hands_.add(piece.at);
}

bool MessageQueue::is_sound(const Participants& table, const std::byte* base, std::uint64_t bytes,
                            std::uint64_t maxsize, bool of_tasks) const noexcept {
  if (!table_.leads_to(table) || maxsize_ != maxsize || of_tasks_ != (of_tasks ? 1 : 0) ||
      !pages_.is_sound(base, bytes))
    return false;
  const std::uint64_t message = fixed_ == 0 ? head_bytes : fixed_;
  if (message > bytes) return false;
  const std::uint64_t units = (bytes - message) / Pages::unit + 1;
  return ring_.is_sound(base, offset(base) + offset_of_ring(), first_log(maxsize_), bytes, units) &&
         hands_.is_sound(base, bytes, units, ring_) && (!of_tasks || hands_.pieces() != 0);
}

}  // namespace lagoon::core
