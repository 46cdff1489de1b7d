#include <lagoon/core/parties.hpp>

#include "await.hpp"

namespace lagoon::core {

using boost::memory_order_acquire;
using boost::memory_order_relaxed;
using boost::memory_order_release;

bool Parties::take_place(Owner me, std::uint32_t& at) noexcept {
  const std::uint32_t first = spread(me, places());
  for (std::uint32_t i = 0; i < places(); ++i) {
    at = (first + i) % places();
    Owner owner = place(at).owner.load(memory_order_relaxed);
    if (owner != nobody) {
      if (!table_->is_dead(owner)) continue;
      // If it died in the round that goes on, that must be known before its place is another's.
      break_round(place(at).round.load(memory_order_relaxed));
    }
    if (place(at).owner.compare_exchange_strong(owner, me, memory_order_acquire,  // (1)
                                                memory_order_relaxed))
      return true;
  }
  return false;
}

bool Parties::has_dead(std::uint64_t round) noexcept {
  for (std::uint32_t i = 0; i < places(); ++i) {
    const Owner owner = place(i).owner.load(memory_order_relaxed);
    if (owner == nobody || place(i).round.load(memory_order_acquire) != round) continue;
    // Still the same one: the round is its own, and not that of one who took the place since.
    if (table_->is_dead(owner) && place(i).owner.load(memory_order_relaxed) == owner) return true;
  }
  return false;
}

bool Parties::break_round(std::uint64_t round, std::uint64_t unless, std::uint64_t as) noexcept {
  std::uint64_t seen = word_.load(memory_order_relaxed);
  while (is_in(seen, round) && (seen & unless) == 0) {
    const std::uint64_t now = (seen & ~(acting | somebody_waits)) | as;
    if (!word_.compare_exchange_weak(seen, now, memory_order_release, memory_order_relaxed))  // (5)
      continue;
    futex_wake(&word_);
    return true;
  }
  return false;
}

Parties::Outcome Parties::outcome_of(std::uint64_t seen, std::uint64_t round,
                                     std::uint32_t at) noexcept {
  const bool was_left_out = place(at).left_out_of.load(memory_order_relaxed) == round;
  give_place_back(at);
  if ((seen & end_bit) != 0) return Outcome::is_gone;
  if ((seen & rounds) == round) return Outcome::broken;
  return was_left_out ? Outcome::broken : Outcome::passed;
}

std::uint64_t Parties::sit_out(std::uint64_t round, Deadline deadline) {
  std::uint64_t seen = 0;
  const auto is_over = [&](std::uint64_t now) { return !is_in(seen = now, round); };
  const auto look = [&] {
    if (has_dead(round)) break_round(round);
  };
  if (await(word_, deadline, is_over, look)) return seen;
  break_round(round, acting);
  (void)await(word_, Deadline::never(), is_over, look);
  return seen;
}

Parties::Arrival Parties::wait(Deadline deadline, bool to_act) {
  const Owner me = table_->self();
  std::uint32_t at = 0;
  // There is none only if as many as there are parties sleep through rounds that are over.
  for (Backoff backoff; !take_place(me, at);) {
    const std::uint64_t seen = word_.load(memory_order_relaxed);
    if ((seen & end_bit) != 0) return {Outcome::is_gone};
    if (deadline.passed()) {
      break_round(seen & rounds);
      return {Outcome::broken};
    }
    if (!backoff.wait()) wait_slice(&word_, static_cast<std::uint32_t>(seen), deadline);
  }

  for (;;) {
    std::uint64_t seen = word_.load(memory_order_acquire);
    const std::uint64_t round = seen & rounds;
    if (is_resetting(seen)) {  // the next round is ours
      finish_reset(round);
      continue;
    }
    if (!is_in(seen, round)) return {outcome_of(seen, round, at)};
    if ((seen & acting) != 0) {  // it is full; the next round is ours
      (void)sit_out(round, deadline);
      continue;
    }
    place(at).round.store(round, memory_order_release);  // (2)
    const auto index = static_cast<std::uint32_t>((seen & arrived) / one);
    const bool last = index + 1 == count_;
    if (last && has_dead(round)) {
      break_round(round);
      continue;
    }
    const std::uint64_t next_round = (round + one_round) & rounds;
    const std::uint64_t now = !last ? seen + one : to_act ? (seen + one) | acting : next_round;
    if (!word_.compare_exchange_strong(seen, now, memory_order_release,  // (3), (4)
                                       memory_order_relaxed))
      continue;
    if (!last) return {outcome_of(sit_out(round, deadline), round, at), index};
    if (to_act) return {Outcome::acts, index, at};
    if ((seen & somebody_waits) != 0) futex_wake(&word_);
    give_place_back(at);
    return {Outcome::passed, index};
  }
}

Parties::Outcome Parties::acted(const Arrival& arrival, bool well) noexcept {
  const std::uint64_t round = place(arrival.place).round.load(memory_order_relaxed);
  if (!well) break_round(round);
  std::uint64_t seen = word_.load(memory_order_acquire);
  while (is_in(seen, round)) {
    if (!word_.compare_exchange_weak(seen, (round + one_round) & rounds, memory_order_release,
                                     memory_order_acquire))  // (4)
      continue;
    if ((seen & somebody_waits) != 0) futex_wake(&word_);
    give_place_back(arrival.place);
    return Outcome::passed;
  }
  return outcome_of(seen, round, arrival.place);
}

bool Parties::abort() noexcept {
  for (;;) {
    const std::uint64_t seen = word_.load(memory_order_relaxed);
    if ((seen & end_bit) != 0) return false;
    if (is_resetting(seen)) {
      finish_reset(seen & rounds);
      continue;
    }
    // Unless the round was over before: then the next one.
    if ((seen & broken) != 0 || break_round(seen & rounds)) return true;
  }
}

bool Parties::reset() noexcept {
  const std::uint64_t seen = word_.load(memory_order_relaxed);
  const std::uint64_t round = seen & rounds;
  if ((seen & (arrived | broken)) == 0) return (seen & end_bit) == 0;  // nobody is there
  break_round(round, 0, resetting);
  finish_reset(round);
  return !is_gone();
}

void Parties::finish_reset(std::uint64_t round) noexcept {
  // Nobody is left out of a round that was completed, or reset, meanwhile.
  std::uint64_t seen = word_.load(memory_order_acquire);
  if ((seen & (rounds | broken)) != (round | broken)) return;
  for (std::uint32_t i = 0; i < places(); ++i) {
    if (place(i).round.load(memory_order_relaxed) != round) continue;
    std::uint64_t last = place(i).left_out_of.load(memory_order_relaxed);
    while (last < round && !place(i).left_out_of.compare_exchange_weak(  // (6)
                               last, round, memory_order_relaxed, memory_order_relaxed))
      continue;
  }
  seen = word_.load(memory_order_relaxed);
  while ((seen & rounds) == round && (seen & end_bit) == 0) {
    if (!word_.compare_exchange_weak(seen, (round + one_round) & rounds, memory_order_release,
                                     memory_order_relaxed))  // (6)
      continue;
    futex_wake(&word_);
    break;
  }
}

std::uint32_t Parties::waiting() const noexcept {
  const std::uint64_t seen = word_.load(memory_order_relaxed);
  return (seen & (broken | acting)) != 0 ? 0 : static_cast<std::uint32_t>((seen & arrived) / one);
}

bool Parties::is_sound(const Participants& table, std::uint64_t count) const noexcept {
  if (!table_.leads_to(table) || count_ != count || count_ == 0) return false;
  const std::uint64_t seen = word_.load(memory_order_relaxed);
  const auto came = static_cast<std::uint32_t>((seen & arrived) / one);
  if ((seen & rounds) == 0 || came > count_) return false;
  if ((seen & (broken | end_bit)) != 0) return true;
  // Who has arrived is in the round, dead or alive: else the others waited for ever.
  std::uint32_t named = 0;
  for (std::uint32_t i = 0; i < places(); ++i) {
    named += place(i).owner.load(memory_order_relaxed) != nobody &&
             place(i).round.load(memory_order_relaxed) == (seen & rounds);
  }
  return named >= came && ((seen & acting) == 0 || came == count_);
}

}  // namespace lagoon::core
