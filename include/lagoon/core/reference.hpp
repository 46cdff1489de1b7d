#pragma once
/// Where a node lies, and which of those that lay there: offset and generation in one word, so that
/// one store makes, replaces or ends what it leads to.

#include <cstdint>

namespace lagoon::core {

class Reference {
 public:
  /// To nothing.
  constexpr Reference() = default;
  constexpr Reference(std::uint32_t unit, std::uint32_t generation) noexcept
      : word_(std::uint64_t{generation} << 32 | unit) {}
  static constexpr Reference of_word(std::uint64_t word) noexcept {
    Reference r;
    r.word_ = word;
    return r;
  }

  [[nodiscard]] constexpr std::uint64_t word() const noexcept { return word_; }
  /// In units of Slab::unit bytes, from the beginning of the memory; zero is nowhere.
  [[nodiscard]] constexpr std::uint32_t unit() const noexcept {
    return static_cast<std::uint32_t>(word_);
  }
  [[nodiscard]] constexpr std::uint32_t generation() const noexcept {
    return static_cast<std::uint32_t>(word_ >> 32);
  }
  constexpr explicit operator bool() const noexcept { return unit() != 0; }
  constexpr bool operator==(const Reference&) const = default;

 private:
  std::uint64_t word_ = 0;
};

}  // namespace lagoon::core
