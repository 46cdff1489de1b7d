#pragma once
/// Who takes part, of the model: its threads. The kernel's mark on a dead one is a word that its
/// death stores; who looks may see it late, and once it sees it, sees all that the dead one did.
/// Each thread has enrolled when it begins; who asks for one must have seen that (fence (b) of
/// tenure.hpp). How the real table finds out is tried by itself: scenarios/tenure.cpp.

#include <cstddef>
#include <cstdint>
#include <new>

#include "model.hpp"

namespace lagoon::core {

using Owner = std::uint64_t;
inline constexpr Owner nobody = 0;

/// All look at the same place first: that is where they get into each other's way.
constexpr std::uint32_t spread(Owner, std::uint32_t) noexcept { return 0; }

namespace detail {
inline unsigned long fork_generation = 0;
}

class ForkMark {
 public:
  [[nodiscard]] static bool passed() noexcept { return false; }
};

class Participants {
 public:
  Participants() = default;
  Participants(const Participants&) = delete;
  Participants& operator=(const Participants&) = delete;

  static constexpr std::size_t size_for(std::size_t) noexcept { return sizeof(Participants); }
  static Participants& make(void* memory, std::size_t) { return *new (memory) Participants; }

  [[nodiscard]] static Owner self() { return owner_of(test::model::self()); }
  [[nodiscard]] static bool is_dead(Owner owner) {
    const auto thread = static_cast<unsigned>(((owner >> 2 & 0x3fff) - 1) / apart);
    test::model::expect(test::model::has_seen_begin(thread),
                        "asks for an Owner without having seen that it enrolled");
    return test::model::is_dead(thread);
  }
  class Living {
   public:
    [[nodiscard]] static std::uint32_t process() noexcept { return 0; }
  };
  /// Nothing hangs on these.
  static std::uint64_t say_waits(Owner /*me*/, const void* /*word*/,
                                 bool /*has_deadline*/) noexcept {
    return 0;
  }
  static void say_waits_as_before(Owner /*me*/, std::uint64_t /*before*/) noexcept {}
  static void say_reads_again(const void* /*word*/) noexcept {}
  /// For objects without a name, which no scenario makes.
  template <class F>
  static bool all_living(F&& /*f*/) noexcept {
    return true;
  }
  static constexpr Owner owner_of(unsigned thread) noexcept {
    return std::uint64_t{1} << 16 | std::uint64_t{1 + apart * thread} << 2;
  }

 private:
  /// So that they share a line of a ReaderWriterLock.
  static constexpr unsigned apart = 33;
};

class ParticipantsRef {
 public:
  explicit ParticipantsRef(Participants& table) noexcept : table_(&table) {}
  ParticipantsRef(const ParticipantsRef&) = delete;
  ParticipantsRef& operator=(const ParticipantsRef&) = delete;

  [[nodiscard]] Participants& operator*() noexcept { return *table_; }
  [[nodiscard]] const Participants& operator*() const noexcept { return *table_; }
  [[nodiscard]] Participants* operator->() noexcept { return table_; }
  [[nodiscard]] const Participants* operator->() const noexcept { return table_; }
  [[nodiscard]] bool leads_to(const Participants& table) const noexcept { return table_ == &table; }

 private:
  Participants* table_;
};

}  // namespace lagoon::core
