#pragma once
/// The numbers 0 to `count`, exclusive, of which the last but `after` cannot be had: reading it
/// throws.

#include <cstddef>
#include <stdexcept>

namespace lagoon::test {

struct FailingRange {
  int count;
  int after = 0;

  struct Iterator {
    using value_type = int;
    using difference_type = std::ptrdiff_t;
    int at = 0;
    int bad = 0;
    int operator*() const {
      if (at == bad) throw std::runtime_error("no");
      return at;
    }
    Iterator& operator++() {
      ++at;
      return *this;
    }
    Iterator operator++(int) {
      Iterator before = *this;
      ++at;
      return before;
    }
    bool operator==(const Iterator& other) const { return at == other.at; }
  };
  [[nodiscard]] Iterator begin() const { return {0, count - 1 - after}; }
  [[nodiscard]] Iterator end() const { return {count, count - 1 - after}; }
};

}  // namespace lagoon::test
