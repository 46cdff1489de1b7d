#pragma once
/// Which of so many comes next.

#include <cstdint>

class Random {
 public:
  explicit Random(std::uint64_t seed = 1) noexcept : state_(seed * 0x9e3779b97f4a7c15) {}
  /// 0, …, n − 1; n is less than 2^32.
  std::uint64_t below(std::uint64_t n) noexcept {
    state_ = state_ * 6364136223846793005 + 1442695040888963407;
    return ((state_ >> 32) * n) >> 32;
  }

 private:
  std::uint64_t state_;
};
