#pragma once
/// For who may be killed between two stores.

#include <boost/atomic/fences.hpp>

namespace lagoon::core {

/// What this thread stored before is there if what it stores after is, when a kill comes between
/// them. That is for the compiler: a processor stops at one instruction, with all before it done.
inline void in_this_order() noexcept { boost::atomic_signal_fence(boost::memory_order_acq_rel); }

}  // namespace lagoon::core
