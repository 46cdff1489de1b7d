#include <lagoon/core/tenure.hpp>

namespace lagoon::core {

using boost::memory_order_acquire;
using boost::memory_order_relaxed;
using boost::memory_order_release;

std::optional<std::uint64_t> Tenure::take() noexcept {
  std::uint64_t seen = word_.load(memory_order_acquire);
  if (mutex_.holder(memory_order_acquire) != 0) return std::nullopt;
  if (!word_.compare_exchange_strong(seen, seen + one_generation, memory_order_release,  // (1)
                                     memory_order_relaxed))
    return std::nullopt;
  boost::atomic_thread_fence(memory_order_release);  // (a)
  if (!mutex_.take()) return std::nullopt;           // (2)
  const std::uint64_t me = mutex_.holder(memory_order_relaxed);
  seen = word_.load(memory_order_relaxed);
  std::uint64_t mine = 0;
  do mine = seen / one_generation + 1;
  while (!word_.compare_exchange_weak(seen, mine * one_generation + me,
                                      memory_order_release,  // (3)
                                      memory_order_relaxed));
  boost::atomic_thread_fence(memory_order_release);  // (b)
  return mine;
}

void Tenure::resign() noexcept {
  word_.fetch_add(one_generation, memory_order_release);  // (4)
  mutex_.give_back();                                     // (5)
}

}  // namespace lagoon::core
