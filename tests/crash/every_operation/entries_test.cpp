/// Killed at every instruction: entries that are set, erased and cleared, and what grows or is
/// packed with it. How, and how to add one: support/either_or.hpp.

#include <lagoon/core/copy.hpp>
#include <lagoon/core/entries.hpp>

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "helpers.hpp"

using lagoon::core::Entries;

/// Numbers under numbers, of which every two have one hash.
struct NumbersByNumber {
  static const std::size_t offset_of_memory;

  explicit NumbersByNumber(lagoon::core::Participants& table)
      : participants(table), entries(reinterpret_cast<const std::byte*>(this)) {
    entries.slab().add(offset_of_memory, sizeof memory);
  }

  class Turn {
   public:
    explicit Turn(NumbersByNumber& numbers) : numbers_(numbers) {
      const auto taken = turn().take(*numbers.participants, me_, lagoon::core::Deadline::never());
      if (taken == lagoon::core::Taken::from_dead) numbers.entries.recover();
    }
    ~Turn() { turn().give_back(me_); }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

   private:
    [[nodiscard]] lagoon::core::OwnedWord& turn() const { return numbers_.entries.turn(); }
    NumbersByNumber& numbers_;
    lagoon::core::Owner me_ = numbers_.participants->self();
  };

  struct Looked {
    std::uint64_t key = 0;
    std::array<std::uint64_t, 3> seen{};
    void copy(const lagoon::core::Record::Near& near) {
      lagoon::core::read_shared_fixed<sizeof seen>(seen.data(), near.payload);
    }
    [[nodiscard]] Entries::Is is_it() const {
      return seen[0] == key ? Entries::Is::it : Entries::Is::another;
    }
  };
  static Entries::Hash hash(std::uint64_t key) {
    return static_cast<Entries::Hash>((key / 2 * 0x9e3779b97f4a7c15ULL) >> 32);
  }
  void set(std::uint64_t key, std::uint64_t value) {
    const Turn turn(*this);
    Looked looked{.key = key};
    const auto entry = entries.find_entry(hash(key), looked);
    EXPECT_TRUE(entries.put(entry, hash(key), {24}, [&](std::byte* payload) {
      const std::array<std::uint64_t, 3> words{key, value, value};
      lagoon::core::write_shared_fixed<24>(payload, words.data());
    }));
  }
  void erase(std::uint64_t key) {
    const Turn turn(*this);
    Looked looked{.key = key};
    if (const auto entry = entries.find_entry(hash(key), looked)) entries.erase(entry);
  }
  void clear() {
    const Turn turn(*this);
    entries.clear();
  }
  /// As a reader sees it.
  [[nodiscard]] std::string read() const {
    std::string seen = std::to_string(entries.size()) + ":";
    for (std::uint64_t key = 0; key < 50; ++key) {
      Looked looked{.key = key};
      if (!entries.find(hash(key), looked)) continue;
      seen += ' ' + std::to_string(key) + '=' + std::to_string(looked.seen[1]);
      if (looked.seen[1] != looked.seen[2]) seen += " torn";
    }
    return seen;
  }
  /// What is free when nothing is there.
  std::uint64_t free_without_any() {
    set(1, 1);
    clear();
    return entries.slab().free_bytes();
  }

  lagoon::core::ParticipantsRef participants;
  Entries entries;
  alignas(64) std::byte memory[65536];
};
const std::size_t NumbersByNumber::offset_of_memory = offsetof(NumbersByNumber, memory);
template <>
inline constexpr std::string_view lagoon::type_name<NumbersByNumber> = "NumbersByNumber";

namespace {

using lagoon::Place;
using lagoon::test::OfObject;
using lagoon::test::Seen;
using T = lagoon::Shared<NumbersByNumber>;

auto with(std::uint64_t first, std::uint64_t last) {
  return [first, last](const Place& p) {
    T t(p);
    for (std::uint64_t key = 1; key <= last; ++key) t->set(key, 10 * key);
    for (std::uint64_t key = 1; key < first; ++key) t->erase(key);
    return t;
  };
}

TEST(EveryOperation, of_entries) {
  static const std::uint64_t all = T()->free_without_any();
  const OfObject<T> of{.type = "Entries",
                       .states = {{"empty", [](const Place& p) { return T(p); }},
                                  {"some", with(1, 5)},
                                  {"about to grow", with(1, 7)},
                                  {"about to be packed", with(13, 15)},
                                  {"cleared",
                                   [](const Place& p) {
                                     T t(p);
                                     for (std::uint64_t key = 1; key < 30; ++key) t->set(key, key);
                                     t->clear();
                                     return t;
                                   }}},
                       .look =
                           [](T& t) {
                             Seen seen{t->read()};
                             t->erase(40);  // takes over
                             EXPECT_EQ(t->read(), seen[0]) << "torn";
                             for (std::uint64_t key = 0; key < 50; ++key) t->set(key, 7 * key);
                             for (std::uint64_t key = 0; key < 50; key += 3) t->erase(key);
                             EXPECT_EQ(t->entries.size(), 33U);
                             EXPECT_EQ(t->free_without_any(), all) << "leaked";
                             return seen;
                           },
                       .read = [](T& t) { return Seen{t->read()}; }};
  of.kill({"set", [](T& t, int x) { t->set(3, 100 + static_cast<std::uint64_t>(x)); }});
  of.kill({"set of another", [](T& t, int x) {
             t->set(13 + static_cast<std::uint64_t>(x), 100 + static_cast<std::uint64_t>(x));
           }});
  of.kill({"erase", [](T& t, int x) { t->erase(3 + static_cast<std::uint64_t>(x)); }});
  of.kill({"clear", [](T& t, int) { t->clear(); }});
}

}  // namespace
