#include <lagoon/barrier.hpp>

#include <string>

namespace lagoon {

using core::Parties;

std::uint32_t Barrier::checked_parties(long long parties) {
  if (parties < 1 || parties > static_cast<long long>(max_parties()))
    throw InvalidArgument("a Barrier cannot be for " + std::to_string(parties) + " parties: 1 to " +
                          std::to_string(max_parties()));
  return static_cast<std::uint32_t>(parties);
}

std::size_t Barrier::wait_until(core::Deadline deadline) {
  Parties::Arrival arrival = state_->wait(deadline, bool(action_));
  if (arrival.outcome == Parties::Outcome::acts) {
    try {
      action_();
    } catch (...) {
      (void)state_->acted(arrival, false);
      throw;
    }
    arrival.outcome = state_->acted(arrival, true);
  }
  if (arrival.outcome == Parties::Outcome::is_gone) throw_gone();
  if (arrival.outcome == Parties::Outcome::broken)
    throw BrokenBarrier(
        describe("barrier") + " is broken: " +
        (deadline.passed()
             ? "the time of this party ran out before all had come, or another broke it"
             : "one of its parties was killed, ran out of time, aborted or reset it, "
               "or failed in its action") +
        "; reset() makes it whole");
  return arrival.index;
}

}  // namespace lagoon
