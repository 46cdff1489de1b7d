// Those who use a Dict are stopped, or killed at random by the thousand: readers do not wait for
// them, writers go on after them, and each operation happened or did not.
//
// Prints the seed (LAGOON_TEST_SEED gives another run the same choices).
#include <lagoon/lagoon.hpp>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "child.hpp"
#include "rendezvous.hpp"
#include "sanitizers.hpp"
#include "shm_name.hpp"

namespace {

using lagoon::Dict;
using lagoon::Object;
using lagoon::Segment;
using lagoon::test::Child;
using lagoon::test::Shared;
using lagoon::test::SharedFlags;
using lagoon::test::ShmName;
using lagoon::test::with_asan;
using lagoon::test::with_tsan;

std::uint32_t seed() {
  const char* given = std::getenv("LAGOON_TEST_SEED");
  const auto seed = given != nullptr ? static_cast<std::uint32_t>(std::strtoul(given, nullptr, 10))
                                     : std::random_device()();
  std::cout << "  seed " << seed << '\n';
  return seed;
}

TEST(DictWriterStopped, in_a_change_holds_up_no_reader) {
  Dict<std::string, std::string> d;
  for (int i = 0; i < 20; ++i)
    d[std::to_string(i)] = std::string(static_cast<std::size_t>(i) * 400, 'x');
  const auto before = d.items();
  SharedFlags flags;
  Child writer([&] {
    d.update_value("7", [&](std::string& s) {
      s = "new";
      flags.raise();
      flags.await(1);
    });
  });
  flags.await();
  writer.stop();
  for (int i = 0; i < 1000; ++i) {
    ASSERT_EQ(d.size(), 20U);
    ASSERT_EQ(d.at("7").size(), 2800U);
    ASSERT_TRUE(d.contains("19") && !d.contains("20"));
  }
  EXPECT_TRUE(d.items() == before);
  std::size_t met = 0;
  for (const auto& item : d) EXPECT_TRUE(item == before[met++]);
  EXPECT_EQ(met, 20U);
  writer.resume();
  flags.raise(1);
  EXPECT_EQ(writer.exitcode(), 0);
  EXPECT_EQ(d.at("7"), "new");
}

// Stopped anywhere: whatever it was about to do, all can be read.
TEST(DictWriterStopped, at_random_moments_lets_others_read) {
  std::minstd_rand random(seed());
  Dict<int, std::int64_t> d;
  for (int i = 0; i < 8; ++i) d[i] = 0;
  Child writer([&] {
    for (std::int64_t i = 1;; ++i) {
      d.update({{static_cast<int>(i % 8), i}, {static_cast<int>((i + 4) % 8), -i}});
      if (i % 3 == 0) d.set(100 + static_cast<int>(i % 50), 0);
      if (i % 5 == 0) d.discard(100 + static_cast<int>(i % 70));
    }
  });
  for (int round = 0; round < (with_tsan ? 30 : 300); ++round) {
    for (auto pauses = random() % 20'000; pauses != 0; --pauses) lagoon::core::pause_processor();
    writer.stop();
    const auto items = d.items();
    ASSERT_EQ(items.size(), d.size());
    for (int i = 0; i < 4; ++i)
      ASSERT_EQ(items[static_cast<std::size_t>(i)].second,
                -items[static_cast<std::size_t>(i + 4)].second);
    std::size_t met = 0;
    for (const auto& item : d) ASSERT_EQ(item, items[met++]);
    ASSERT_EQ(met, items.size());
    writer.resume();
  }
  writer.kill();
}

TEST(DictWriterKilled, in_a_change_leaves_the_turn_and_what_was_there) {
  Dict<> d;
  d["a"] = Object::list(0);
  for (int round = 1; round < 20; ++round) {
    Child writer([&] {
      d["a"].update([](Object& o) {
        o.append("never");
        raise(SIGKILL);
      });
    });
    lagoon::test::wait_until_dead_unreaped(writer.pid());
    ASSERT_EQ(d["a"].size(), static_cast<std::size_t>(round));
    d["a"].append(round);  // takes the turn over
    ASSERT_EQ(d["a"].size(), static_cast<std::size_t>(round + 1));
  }
}

TEST(DictUsersForked, inside_a_change_the_child_stores_nothing_and_the_parent_goes_on) {
  Dict<std::string, int> d;
  d["a"] = 1;
  SharedFlags flags;
  pid_t child = -1;
  try {
    d.update_value("a", [&](int& x) {
      child = fork();
      x = child == 0 ? 666 : 2;
      if (child == 0) flags.await();  // until the parent has published
    });
  } catch (const lagoon::UsageError& e) {
    _exit(child == 0 && std::string(e.what()).find("forked inside") != std::string::npos ? 7 : 1);
  }
  if (child == 0) _exit(2);
  flags.raise();
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 7) << "the child is told";
  EXPECT_EQ(d.at("a"), 2);
  d["a"] += 1;
  EXPECT_EQ(d.at("a"), 3);
}

// A storm: one who moves amounts between accounts, and others who do anything, all of them killed
// at random and replaced. While they live and die, and at the end:
//   the sum of all accounts is the same in each copy
//   what is written at once is seen at once
//   who stays is met by each walk, once and in order
//   counters say at least what was done, and at most what was begun
//   memory does not grow
class Storm {
 public:
  explicit Storm(std::uint32_t seed) : random_(seed) {
    grow_to_the_most();
    in_use_when_empty_ = in_use_when_empty();
    for (int i = 0; i < accounts; ++i) accounts_[i] = 100;
    for (int i = 0; i < kept; ++i) {
      texts_[other(i)] = "x";
      texts_["kept " + std::to_string(i)] = "0";
    }
    mixed_["count"] = 0;
    mixed_["list"] = Object::list();
    mixed_.update({{"twin", 0}, {"other twin", 0}});
  }

  void blow(int kills) {
    std::vector<Child> children;
    for (int i = 0; i < workers; ++i) children.push_back(start(i));
    for (int k = 0; k < kills && !testing::Test::HasFailure(); ++k) {
      for (auto pauses = random_() % 4000; pauses != 0; --pauses) lagoon::core::pause_processor();
      if (k % 8 == 0) look();
      const auto i = static_cast<int>(random_() % workers);
      Child& victim = children[static_cast<std::size_t>(i)];
      victim.kill();
      ASSERT_EQ(victim.exitcode(), -SIGKILL) << "it had ended by itself";
      victim = start(i);
    }
    for (Child& child : children) {
      child.kill();
      ASSERT_EQ(child.exitcode(), -SIGKILL);
    }
    look();
    std::cout << "  " << counts_->done << " operations, " << kills + workers << " killed\n";
    const auto count = std::uint64_t(mixed_["count"]);
    EXPECT_LE(counts_->counted, count) << "lost";
    EXPECT_GE(counts_->to_be_counted, count) << "out of nothing";
    for (const auto& [key, value] : bag_.items()) EXPECT_EQ(value, 7 * key);
    for (std::size_t left = bag_.size(); left != 0; --left) (void)bag_.popitem();
    EXPECT_TRUE(bag_.empty());
    // What is left of each piece of memory that was added is not used.
    EXPECT_LE(in_use_when_empty(), in_use_when_empty_ + 16'384) << "memory is lost";
  }

 private:
  static constexpr int accounts = 10, kept = 6, workers = 4;
  static std::string other(int i) { return "other " + std::to_string(i); }

  /// Twice as much as the storm has at any time.
  void grow_to_the_most() {
    const std::string largest(9000, 'x');
    for (int i = 0; i < 60; ++i) texts_[other(i)] = largest;
    for (int i = 0; i < 4000; ++i) bag_[i] = 7 * i;
    for (int i = 0; i < 100; ++i) accounts_[i] = 0;
    for (int i = 0; i < 20; ++i) mixed_[other(i)] = Object::list(largest);
  }
  template <class K, class V>
  static std::size_t free_bytes(const Dict<K, V>& dict) {
    using State = lagoon::detail::ContainerState<lagoon::core::Entries>;
    const auto* state = lagoon::detail::Attach::handle_of(dict).payload();
    return reinterpret_cast<const State*>(state)->slab().free_bytes();
  }
  std::size_t in_use_when_empty() {
    accounts_.clear();
    mixed_.clear();
    texts_.clear();
    bag_.clear();
    return segment_.used() - free_bytes(accounts_) - free_bytes(mixed_) - free_bytes(texts_) -
           free_bytes(bag_);
  }
  Child start(int number) {
    const auto seed = random_();
    return Child([this, seed, number] {
      random_.seed(seed);
      for (;; ++counts_->done) number == 0 ? move() : do_anything();
    });
  }
  void move() {
    const auto from = static_cast<int>(random_() % accounts);
    const int to = (from + 1 + static_cast<int>(random_() % (accounts - 1))) % accounts;
    const auto amount = static_cast<std::int64_t>(random_() % 50);
    accounts_.update({{from, accounts_.at(from) - amount}, {to, accounts_.at(to) + amount}});
    const int aside = accounts + static_cast<int>(random_() % 30);
    accounts_.setdefault(aside, 0);
    if (accounts_.at(aside) == 0) accounts_.discard(aside);
  }
  void do_anything() {
    const auto i = static_cast<int>(random_() % 1000);
    switch (random_() % 6) {
      case 0:
        ++counts_->to_be_counted;
        mixed_["count"] += 1;
        ++counts_->counted;
        break;
      case 1:
        if (i % 2 == 0)
          texts_[other(i % 30)] = std::string(static_cast<std::size_t>(i) * 9, 'x');
        else
          texts_.discard(other(i % 30));
        texts_["kept " + std::to_string(i % kept)] = std::to_string(i);
        break;
      case 2:
        mixed_["list"].update(
            [i](Object& list) { list.size() < 30 ? list.append(i) : list.clear(); });
        mixed_.update({{"twin", i}, {"other twin", i}});
        break;
      case 3:
        bag_.update({{i, 7 * i}, {1000 + i, 7000 + 7 * i}});
        (void)bag_.pop(i, 0);
        break;
      case 4:
        try {
          (void)bag_.popitem();
        } catch (const lagoon::OutOfRange&) {  // it is empty
        }
        break;
      default:
        if (i % 20 == 0) bag_.clear();
    }
  }
  void look() {
    std::int64_t sum = 0;
    for (const auto& [key, value] : accounts_.items()) sum += value;
    ASSERT_EQ(sum, 100 * accounts);
    int next = 0;
    for (const auto& [key, value] : texts_) {
      if (key.starts_with("other")) {
        ASSERT_EQ(value.find_first_not_of('x'), std::string::npos) << "torn";
        continue;
      }
      ASSERT_EQ(key, "kept " + std::to_string(next++));
      ASSERT_LT(std::stoi(value), 1000);
    }
    ASSERT_EQ(next, kept);
    Object twin, other_twin;
    for (const auto& [key, value] : mixed_.items()) {
      if (key == "twin") twin = value;
      if (key == "other twin") other_twin = value;
    }
    ASSERT_EQ(twin, other_twin) << "half of what came at once";
    ASSERT_FALSE(twin.is_none());
    ASSERT_LE(Object(mixed_["list"]).size(), 30U);
  }

  struct Counts {
    std::atomic<std::uint64_t> done{0}, to_be_counted{0}, counted{0};
  };
  std::minstd_rand random_;
  std::size_t in_use_when_empty_ = 0;
  ShmName name_;
  Segment segment_ = Segment::create(name_);
  Dict<int, std::int64_t> accounts_{segment_["accounts"]};
  Dict<std::string, Object> mixed_{segment_["mixed"]};
  Dict<std::string, std::string> texts_{segment_["texts"]};
  Dict<int, int> bag_{segment_["bag"]};
  Shared<Counts> counts_;
};

TEST(DictUsersKilled, by_the_thousand_lose_nothing_and_hold_up_nobody) {
  Storm storm(seed());
  storm.blow(with_tsan || with_asan ? 200 : 3000);
}

}  // namespace
