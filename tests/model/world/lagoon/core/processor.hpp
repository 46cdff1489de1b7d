#pragma once
/// Who pauses or yields lets others run; once, however long it would.

#include <cstdint>

#include "model.hpp"

namespace lagoon::core {

inline void pause_processor(std::uint32_t = 1) { test::model::pause(); }
inline void will_write(const void*) {}
inline void will_read(const void*) {}
inline void yield_processor() { test::model::pause(); }

}  // namespace lagoon::core
