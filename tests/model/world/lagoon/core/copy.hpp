#pragma once
/// Copies of shared bytes, of the model: relaxed words of eight bytes. Sizes and places are
/// multiples of that.

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "model.hpp"

#define LAGOON_COPY_BY_ATOMICS 0

namespace lagoon::core {

inline void read_shared(void* to, const void* from, std::size_t n) {
  for (std::size_t i = 0; i < n; i += 8) {
    const std::uint64_t word =
        test::model::load(static_cast<const std::byte*>(from) + i, 8, boost::memory_order_relaxed,
                          std::source_location::current());
    std::memcpy(static_cast<std::byte*>(to) + i, &word, 8);
  }
}
inline void write_shared(void* to, const void* from, std::size_t n) {
  for (std::size_t i = 0; i < n; i += 8) {
    const auto* source = static_cast<const std::byte*>(from) + i;
    std::uint64_t word = 0;
    if (test::model::is_shared(source))
      word = test::model::load(source, 8, boost::memory_order_relaxed,
                               std::source_location::current());
    else
      std::memcpy(&word, source, 8);
    test::model::store(static_cast<std::byte*>(to) + i, 8, word, boost::memory_order_relaxed,
                       std::source_location::current());
  }
}
template <std::size_t N>
void read_shared_fixed(void* to, const void* from) {
  read_shared(to, from, N);
}
template <std::size_t N>
void write_shared_fixed(void* to, const void* from) {
  write_shared(to, from, N);
}

}  // namespace lagoon::core
