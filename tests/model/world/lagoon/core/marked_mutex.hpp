#pragma once
/// A mutex that the kernel marks, of the model: glibc's pthread_mutex_trylock and
/// pthread_mutex_unlock of a robust mutex, with their memory orders, and what the kernel sees of
/// it.

#include <boost/atomic/ipc_atomic.hpp>
#include <cstdint>

#include "model.hpp"

namespace lagoon::core {

class MarkedMutex {
 public:
  using Where = std::source_location;

  MarkedMutex() = default;
  MarkedMutex(const MarkedMutex&) = delete;
  MarkedMutex& operator=(const MarkedMutex&) = delete;

  [[nodiscard]] bool take() {
    test::model::put_on_list(&word_);
    const std::uint32_t me = test::model::kernel_id();
    std::uint32_t seen = word_.load(boost::memory_order_relaxed);
    for (;;) {
      const bool is_marked = (seen & test::model::kernel_mark) != 0;
      if (!is_marked) seen = 0;
      if (word_.compare_exchange_strong(seen, me | (seen & waiters), boost::memory_order_acquire,
                                        boost::memory_order_relaxed))
        return true;
      if (is_marked || (seen & test::model::kernel_mark) != 0) continue;
      test::model::take_off_list(&word_);
      return false;
    }
  }
  void give_back() {
    word_.exchange(0, boost::memory_order_release);
    test::model::take_off_list(&word_);
  }

  [[nodiscard]] std::uint32_t holder(boost::memory_order order,
                                     Where where = Where::current()) const {
    const std::uint32_t word = word_.load(order, where);
    return (word & test::model::kernel_mark) != 0 ? 0 : word & test::model::kernel_id_bits;
  }

 private:
  static constexpr std::uint32_t waiters =
      ~(test::model::kernel_mark | test::model::kernel_id_bits);

  boost::ipc_atomic<std::uint32_t> word_{0};
};

}  // namespace lagoon::core
