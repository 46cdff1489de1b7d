#pragma once
/// What is done to the doubles under a lock, the same code for all strategies: in a function of its
/// own, whose loops lie alike for all. Compiled into each of them, the same loop is twice as fast
/// where it happens to begin well, and that would be taken for the lock's doing.

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <span>

namespace contention {

void add_one_to_each(std::span<double> values) noexcept;
void fill(std::span<double> values, double value) noexcept;
/// True if all have the same bits: the writer gives them all the same value.
[[nodiscard]] bool all_equal(std::span<const double> values) noexcept;

/// So many of a process's own, zeros, which begin a cache line as the shared ones do.
class OwnDoubles {
 public:
  explicit OwnDoubles(std::size_t n)
      : values_(static_cast<double*>(std::aligned_alloc(64, (8 * n + 63) / 64 * 64)), std::free),
        size_(n) {
    fill(*this, 0);
  }
  operator std::span<double>() noexcept { return {values_.get(), size_}; }  // NOLINT: what they are
  operator std::span<const double>() const noexcept { return {values_.get(), size_}; }  // NOLINT
  [[nodiscard]] double* data() noexcept { return values_.get(); }

 private:
  std::unique_ptr<double[], void (*)(void*)> values_;
  std::size_t size_;
};

}  // namespace contention
