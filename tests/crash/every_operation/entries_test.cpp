/// Killed at every instruction: entries that are set, erased and cleared, and what grows or is
/// packed with it. How, and how to add one: support/either_or.hpp.

#include <lagoon/core/copy.hpp>
#include <lagoon/core/entries.hpp>
#include <lagoon/core/entries_several.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

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
    lagoon::core::Record::Far far{};
    void copy(const lagoon::core::Record::Near& near) {
      lagoon::core::read_shared_fixed<sizeof seen>(seen.data(), near.payload);
      far = near.far;
    }
    [[nodiscard]] Entries::Is is_it() const {
      return seen[0] == key ? Entries::Is::it : Entries::Is::another;
    }
  };
  struct Last : Looked {
    [[nodiscard]] static Entries::Is is_it() { return Entries::Is::it; }
  };
  static void fill(std::byte* payload, std::uint64_t key, std::uint64_t value) {
    const std::array<std::uint64_t, 3> words{key, value, value};
    lagoon::core::write_shared_fixed<24>(payload, words.data());
  }
  static Entries::Hash hash(std::uint64_t key) {
    return static_cast<Entries::Hash>((key / 2 * 0x9e3779b97f4a7c15ULL) >> 32);
  }
  void set(std::uint64_t key, std::uint64_t value) {
    const Turn turn(*this);
    Looked looked{.key = key};
    const auto entry = entries.find_entry(hash(key), looked);
    EXPECT_TRUE(entries.put(entry, hash(key), {24},
                            [&](std::byte* payload) { fill(payload, key, value); }));
  }
  /// With `value` as many times as fill two pages and a half.
  void set_far(std::uint64_t key, std::uint64_t value) {
    const std::vector<std::uint64_t> far(1300, value);
    const Turn turn(*this);
    Looked looked{.key = key};
    const auto entry = entries.find_entry(hash(key), looked);
    EXPECT_TRUE(entries.put(entry, hash(key), {24, std::as_bytes(std::span(far))},
                            [&](std::byte* payload) { fill(payload, key, value); }));
  }
  /// At once.
  void set_two(std::uint64_t one, std::uint64_t other, std::uint64_t value) {
    const Turn turn(*this);
    Entries::Several several(entries, 2);
    EXPECT_TRUE(several.has_begun());
    for (const std::uint64_t key : {one, other}) {
      Looked looked{.key = key};
      const auto entry = several.find_entry(hash(key), looked);
      EXPECT_TRUE(several.put(entry, hash(key), {24},
                              [&](std::byte* payload) { fill(payload, key, value); }));
    }
    several.publish();
  }
  void erase_last() {
    const Turn turn(*this);
    Last last;
    if (const auto entry = entries.last(last)) entries.erase(entry);
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
      if (!looked.far) continue;
      std::vector<std::uint64_t> far(looked.far.bytes / sizeof(std::uint64_t));
      const bool is_whole = looked.far.read(entries.slab(), std::as_writable_bytes(std::span(far)));
      seen += " far";
      if (!is_whole || std::ranges::count(far, looked.seen[1]) != 1300) seen += " torn";
    }
    seen += " in order:";
    Last last;
    for (Entries::Position at; entries.next(at, last);) seen += ' ' + std::to_string(last.seen[0]);
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
  alignas(64) std::byte memory[131072];
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
  OfObject<T> of{.type = "Entries",
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
  of.kill({"several", [](T& t, int x) {
             t->set_two(3, 13 + static_cast<std::uint64_t>(x), 100 + static_cast<std::uint64_t>(x));
           }});
  of.kill({"erase of the last one", [](T& t, int) { t->erase_last(); }});
  of.kill({"erase", [](T& t, int x) { t->erase(3 + static_cast<std::uint64_t>(x)); }});
  of.kill({"clear", [](T& t, int) { t->clear(); }});
  of.states = {{"some, one of them far", [](const Place& p) {
                  T t = with(1, 5)(p);
                  t->set_far(3, 30);
                  return t;
                }}};
  const auto value = [](int x) { return 100 + static_cast<std::uint64_t>(x); };
  of.kill({"set of a far one", [=](T& t, int x) { t->set_far(3, value(x)); }});
  of.kill({"several, one of them far", [=](T& t, int x) { t->set_two(3, 4, value(x)); }});
  of.kill({"erase of a far one", [](T& t, int) { t->erase(3); }});
  of.kill({"clear", [](T& t, int) { t->clear(); }});
}

}  // namespace
