#pragma once
/// How one waits for what only so many can have at a time: a lock, a turn, a permit. The one loop
/// for all of them.
///
/// What is contended for is one word. Beside what it says, it has four flags:
///   waiters  somebody may sleep on it: giving back must wake one
///   waking   one who slept was woken and is on its way: until then nobody else is woken, else a
///            contended lock spends its time in the kernel
///   claimed  one who has waited long is awake and asks to be the next: for some microseconds
///            others let it pass
///   watched  one who sleeps looks every millisecond whether the owner lives; the others, who would
///            take much of a processor for it, every eight
///
/// A contender goes through four stages, and takes the word in any of them if it finds it free:
///   spin    three pauses, from a microsecond and a half up, and a look after each; where others
///           sleep already, one. The pauses are long because every look takes the line from the one
///           who works with it, and an owner that is left alone is done many times over.
///   yield   the processor, twice: with more processes than processors the one waited for may lack
///           only a processor, and this gives it ours for less than sleeping and waking cost.
///   claim   and look often, for as long as being woken would take.
///   sleep   on the low half of the word, in slices. Who is woken claims at once: a wake-up is dear
///           and must not be in vain. So is who could not fall asleep because the word was
///           changing: it moves, there is no need to sleep.
/// So nobody who is awake is overtaken for longer than the spin, and among those who sleep the
/// kernel wakes the one who came first.
///
/// No flag is relied on; whoever sets one may be killed. `waiters` too many costs one wake-up,
/// `waking` is cleared by a sleeper whose slice ends, `claimed` costs the next one its patience,
/// and `watched`, until nobody sleeps, eight milliseconds if then the owner dies too. A flag that
/// is lost (owned_word.hpp) costs a sleeper its slice.
///
/// Sources: spinning as long as sleeping would cost is A. Karlin et al., "Empirical studies of
/// competitive spinning" (SOSP 1991); overtaking, and few awake, D. Dice, "Malthusian locks"
/// (EuroSys 2017); one woken at a time, F. Pizlo, "Locking in WebKit" (2016). The claim is ours.

#include <lagoon/core/futex.hpp>
#include <lagoon/core/owned_word.hpp>
#include <lagoon/core/processor.hpp>

#include <boost/atomic/ipc_atomic.hpp>
#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>

namespace lagoon::core::contention {

using Word = boost::ipc_atomic<std::uint64_t>;

inline constexpr std::uint64_t waiters = 1;
inline constexpr std::uint64_t waking = 2;
inline constexpr std::uint64_t claimed = std::uint64_t{1} << 62;
inline constexpr std::uint64_t watched = std::uint64_t{1} << 61;
inline constexpr std::uint64_t flags = waiters | waking | claimed | watched;

inline constexpr std::uint32_t first_pauses = 64;  // of some 25 ns
inline constexpr unsigned spins = 3;
inline constexpr unsigned yields = 2;
inline constexpr unsigned claim_looks = 200;  // with claim_pauses between them: some 50 µs
inline constexpr std::uint32_t claim_pauses = 8;
inline constexpr unsigned patience = 4;  // pauses of `first_pauses` for who has claimed
inline constexpr std::chrono::milliseconds crowd_slice_length{8};

/// Wakes one sleeper, for who has just set `waking` and cleared `waiters`: those who still sleep
/// are told of by the woken one, who sets it again.
inline void wake_one(Word& word) noexcept {
  if (futex_wake(&word, 1) == 0) word.fetch_and(~(waking | watched), boost::memory_order_relaxed);
}

/// Whether giving back must wake_one.
constexpr bool must_wake(std::uint64_t seen) noexcept {
  return (seen & (waiters | waking)) == waiters;
}
/// The flags to leave in the word when giving back, of those that were `seen`.
constexpr std::uint64_t left_behind(std::uint64_t seen) noexcept {
  return must_wake(seen) ? (seen & (claimed | watched)) | waking : seen & flags;
}

/// What came of trying to take it.
enum class Attempt : std::uint8_t {
  yes,
  from_dead,
  is_mine,
  is_gone,
  missed,  ///< another was faster: try again
  busy,
};

/// Wakes one sleeper, if there are any and it may be had: for who takes one of many, or leaves.
template <class Subject>
void wake_if_free(Subject& subject) noexcept {
  Word& word = subject.word();
  std::uint64_t seen = word.load(boost::memory_order_relaxed);
  while (must_wake(seen) && subject.is_free(seen)) {
    const std::uint64_t left = (seen & ~flags) | left_behind(seen);
    if (!word.compare_exchange_weak(seen, left, boost::memory_order_relaxed)) continue;
    return wake_one(word);
  }
}

/// From begin() on it stands in the table that this thread waits for the subject, if that has
/// somebody to wait for it.
template <class Subject>
class SaysWaiting {
 public:
  explicit SaysWaiting(const Subject& subject) noexcept : subject_(subject) {}
  SaysWaiting(const SaysWaiting&) = delete;
  SaysWaiting& operator=(const SaysWaiting&) = delete;
  ~SaysWaiting() {
    if constexpr (has_waiter)
      if (has_begun_) subject_.participants().say_waits_as_before(subject_.waiter(), before_);
  }
  void begin(Deadline deadline) noexcept {
    if constexpr (has_waiter)
      if (!std::exchange(has_begun_, true))
        before_ = subject_.participants().say_waits(subject_.waiter(), &subject_.word(),
                                                    !deadline.is_never());
  }

 private:
  static constexpr bool has_waiter = requires(const Subject& subject) { subject.waiter(); };
  const Subject& subject_;
  bool has_begun_ = false;
  std::uint64_t before_ = 0;
};

/// Takes it, or says why not. A Subject has
///   word()                                what is contended for
///   is_free(seen)                         whether it may be had now
///   attempt(seen, kept, look_for_dead)    takes it if it is free, or from the dead if those are
///                                         to be looked for; leaves the flags `kept` in the word
///   is_apart()                            whether what is taken lies elsewhere than in the word
/// and, if it is given back by those who took it,
///   waiter(), participants()              who this is, and where that is said
template <class Subject>
[[nodiscard]] Taken contend(Subject subject, Deadline deadline) {
  Word& word = subject.word();
  enum class Stage : std::uint8_t { spin, yield, claim, sleep } stage = Stage::spin;
  unsigned round = 0;    // in this stage
  unsigned waited = 0;   // for who has claimed
  bool slept = false;    // then others may sleep that no flag tells of
  bool woken = false;    // `waking` is this one
  bool watches = false;  // `watched` is this one
  SaysWaiting<Subject> says_waiting(subject);
  const auto enter = [&](Stage next) {
    stage = next;
    round = 0;
  };
  for (;;) {
    std::uint64_t seen = word.load(boost::memory_order_relaxed);
    if ((seen & claimed) != 0 && stage != Stage::claim && waited < patience &&
        subject.is_free(seen)) {
      ++waited;
      pause_processor(first_pauses);
      continue;
    }
    // Death is looked for when there is time: when this one would sleep, or must go.
    const bool late = deadline.passed();
    const std::uint64_t kept =
        (slept ? waiters : seen & (waiters | waking)) | (watches ? 0 : seen & watched);
    switch (subject.attempt(seen, kept, late || stage == Stage::sleep)) {
      case Attempt::yes:
        return Taken::yes;
      case Attempt::from_dead:
        return Taken::from_dead;
      case Attempt::is_mine:
        return Taken::is_mine;
      case Attempt::is_gone:
        return Taken::is_gone;
      case Attempt::missed:
        continue;
      case Attempt::busy:
        break;
    }
    waited = 0;
    if (late) break;
    says_waiting.begin(deadline);

    switch (stage) {
      case Stage::spin:
        if (round < ((seen & (waiters | waking)) != 0 ? 1 : spins))
          pause_processor(first_pauses << round++);
        else
          enter(Stage::yield);
        continue;
      case Stage::yield:
        if (round++ < yields)
          yield_processor();
        else
          enter(Stage::claim);
        continue;
      case Stage::claim:
        if ((seen & claimed) == 0)
          word.compare_exchange_weak(seen, seen | claimed, boost::memory_order_relaxed);
        else if (round++ < claim_looks)
          pause_processor(claim_pauses);
        else
          enter(Stage::sleep);
        continue;
      case Stage::sleep:
        break;
    }

    // Woken in vain it sleeps again, and the next one to give back must wake one.
    const std::uint64_t asleep = (seen & ~(claimed | (woken ? waking : 0))) | waiters | watched;
    if (asleep != seen) {
      const bool nobody_watches = (seen & watched) == 0;
      if (!word.compare_exchange_strong(seen, asleep, boost::memory_order_seq_cst,
                                        boost::memory_order_relaxed))
        continue;
      watches = watches || nobody_watches;
      woken = false;
      // The flag first, then a last look; giving back has them the other way round.
      if constexpr (Subject::is_apart()) continue;
    }
    switch (wait_slice(&word, static_cast<std::uint32_t>(asleep), deadline,
                       watches ? wait_slice_length : crowd_slice_length)) {
      case Woken::by_wake:
        slept = woken = true;
        enter(Stage::claim);
        continue;
      case Woken::by_change:
        enter(Stage::claim);
        continue;
      case Woken::by_time:  // the woken one, if there is one, may have been killed
        slept = true;
        word.fetch_and(~waking, boost::memory_order_relaxed);
        continue;
    }
  }

  // Too late. If this one was woken, another must be in its place.
  if (slept) {
    word.fetch_and(~(waking | (watches ? watched : 0)), boost::memory_order_relaxed);
    word.fetch_or(waiters);  // the flag first, then a look, as above
    wake_if_free(subject);
  }
  return Taken::no;
}

}  // namespace lagoon::core::contention
