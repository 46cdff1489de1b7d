#pragma once
/// Boost's fences, of the model.

#include <boost/memory_order.hpp>

#include "model.hpp"

namespace boost {

inline void atomic_thread_fence(memory_order order,
                                std::source_location where = std::source_location::current()) {
  lagoon::test::model::fence(order, where);
}

/// For the compiler only; the model keeps each thread's order.
inline void atomic_signal_fence(memory_order) {}

}  // namespace boost
