#include <lagoon/core/journal.hpp>

#include <lagoon/core/in_this_order.hpp>

#include <boost/atomic/fences.hpp>

namespace lagoon::core {

using boost::memory_order_acquire;
using boost::memory_order_relaxed;
using boost::memory_order_release;

void Journal::publish(Slab& slab, Word& word, std::uint64_t value, std::uint64_t size) noexcept {
  slab.seal();
  word_at_.store(0, memory_order_release);                                    // (0)
  begun_.store(begun_.load(memory_order_relaxed) + 1, memory_order_release);  // (0)
  boost::atomic_thread_fence(memory_order_release);                           // (5)
  value_.store(value, memory_order_relaxed);
  size_after_.store(size, memory_order_relaxed);
  word_at_.store(reinterpret_cast<const std::byte*>(&word) - reinterpret_cast<std::byte*>(this),
                 memory_order_release);  // (1)
  in_this_order();
  word.store(value, memory_order_release);  // (2)
  in_this_order();
  finish(slab);
}

void Journal::finish(Slab& slab) noexcept {
  slab.settle(true);
  size_.store(size_after_.load(memory_order_relaxed), memory_order_release);  // (3)
  end();
}

void Journal::end() noexcept {
  begun_.store((begun_.load(memory_order_relaxed) + 1) & ~std::uint64_t{1},
               memory_order_release);  // (4)
}

void Journal::recover(Slab& slab) noexcept {
  const std::int64_t at = word_at_.load(memory_order_relaxed);
  if (begun_.load(memory_order_relaxed) % 2 != 0 && at != 0 &&
      word_at(at).load(memory_order_relaxed) == value_.load(memory_order_relaxed))
    return finish(slab);
  slab.settle(false);
  end();
}

Journal::Moment Journal::now() const noexcept {
  for (;;) {
    const std::uint64_t begun = begun_.load(memory_order_acquire);
    Moment moment{size_.load(memory_order_acquire), begun, false};
    if (begun % 2 == 0) return moment;
    const std::int64_t at = word_at_.load(memory_order_acquire);
    if (at != 0) {
      const std::uint64_t value = value_.load(memory_order_relaxed);
      const std::uint64_t size_after = size_after_.load(memory_order_relaxed);
      moment.has_happened = word_at(at).load(memory_order_relaxed) == value;
      if (moment.has_happened) moment.size = size_after;
    }
    boost::atomic_thread_fence(memory_order_acquire);
    if (begun_.load(memory_order_relaxed) == begun) return moment;
  }
}

}  // namespace lagoon::core
