#include <lagoon/error.hpp>
#include <lagoon/semaphore.hpp>

#include <string>

namespace lagoon {

namespace detail {

std::uint32_t checked_permits(long long permits, std::uint32_t most, const char* what) {
  const bool bounded = most == core::OwnedPermits::most;
  if (permits < (bounded ? 1 : 0) || permits > most)
    throw InvalidArgument(std::string("a ") + what + " cannot begin with " +
                          std::to_string(permits) + " permits: it has " + (bounded ? "1" : "0") +
                          " to " + std::to_string(most));
  return static_cast<std::uint32_t>(permits);
}

void throw_too_many(const std::string& semaphore, std::uint64_t released, std::uint64_t free,
                    std::uint64_t most) {
  throw UsageError(semaphore + " was to get " + std::to_string(released) +
                   (released == 1 ? " permit" : " permits") + " back but has " +
                   std::to_string(free) + " of " + std::to_string(most) +
                   ": there were more releases than acquires");
}

}  // namespace detail

void Semaphore::release(long long permits) {
  if (permits < 1)
    throw InvalidArgument(describe("semaphore") + " cannot get " + std::to_string(permits) +
                          " permits back: one at least");
  const core::Given given =
      permits > max() ? core::Given::too_many : state_->give(static_cast<std::uint32_t>(permits));
  if (given != core::Given::yes) throw_not_given(given, static_cast<std::uint64_t>(permits));
}

void Semaphore::throw_not_given(core::Given given, std::uint64_t permits) const {
  if (given == core::Given::is_gone) throw_gone();
  detail::throw_too_many(describe("semaphore"), permits, get_value(), max());
}

void BoundedSemaphore::throw_not_given(core::Given given) const {
  if (given == core::Given::is_gone) throw_gone();
  detail::throw_too_many(describe("semaphore"), 1, bound(), bound());
}

}  // namespace lagoon
