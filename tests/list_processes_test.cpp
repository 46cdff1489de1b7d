/// A list that many processes use at once, of which some are killed.

#include <lagoon/lagoon.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "child.hpp"
#include "rendezvous.hpp"
#include "sanitizers.hpp"
#include "shm_name.hpp"

namespace {

using lagoon::List;
using lagoon::Object;
using lagoon::Segment;
using lagoon::test::Child;
using lagoon::test::Rendezvous;
using lagoon::test::Shared;
using lagoon::test::ShmName;
using lagoon::test::wait_until;

constexpr bool is_slow = lagoon::test::with_asan || lagoon::test::with_tsan;

TEST(ListOfProcesses, has_all_that_each_appended_in_its_order) {
  List<std::int64_t> l;
  constexpr int processes = 4, each = is_slow ? 2000 : 20'000;
  Rendezvous start(processes);
  std::vector<Child> children;
  for (int p = 0; p < processes; ++p)
    children.emplace_back([&, p] {
      start.meet();
      for (int i = 0; i < each; ++i)
        if (i % 100 == 99)
          l.extend(std::vector<std::int64_t>{p * each + i});
        else
          l.append(p * each + i);
    });
  for (Child& child : children) EXPECT_EQ(child.exitcode(), 0);
  const auto all = l.snapshot();
  ASSERT_EQ(all.size(), std::size_t{processes} * each);
  std::map<std::int64_t, std::int64_t> last;
  for (const std::int64_t x : all) {
    const auto of_p = last.emplace(x / each, -1).first;
    ASSERT_EQ(x % each, of_p->second + 1);
    of_p->second = x % each;
  }
}

TEST(ListOfProcesses, loses_no_change_of_an_element) {
  List<int> l;
  List<> objects;
  l.extend({0, 0, 0});
  objects.append(Object::dict({{"n", 0}}));
  constexpr int processes = 4, each = is_slow ? 500 : 5000;
  std::vector<Child> children;
  for (int p = 0; p < processes; ++p)
    children.emplace_back([&] {
      for (int i = 0; i < each; ++i) {
        l[i % 3] += 1;
        objects[0]["n"] += 1;
        for (int seen = l[-1]; !l.compare_exchange(-1, seen, seen + 1); seen = l[-1]) continue;
      }
    });
  for (Child& child : children) EXPECT_EQ(child.exitcode(), 0);
  EXPECT_EQ(l[0] + l[1] + l[2], 2 * processes * each);
  EXPECT_EQ(int(objects[0]["n"]), processes * each);
}

/// A list in which two that stand beside each other, from an even place on, are x and -x: whatever
/// is done to it, as long as it is done whole.
class Pairs {
 public:
  explicit Pairs(List<std::int64_t>& list) : list_(list) {}

  void change(std::minstd_rand& random) {
    const auto x = static_cast<std::int64_t>(1 + random() % 1'000'000);
    const auto place = static_cast<std::ptrdiff_t>(random() % 300 * 2);
    const std::vector<std::int64_t> some{x, -x, 2 * x, -2 * x};
    switch (list_.size() > 2000 ? 0 : random() % 8) {
      case 0:
        list_.erase_slice(place, {});
        break;
      case 1:
        list_.erase_slice(place, place + 2);
        break;
      case 2:
        list_.assign_slice(place, place, some);
        break;
      case 3:
        list_.reverse();
        break;
      case 4:
        if (list_.size() < 500) list_ *= 2;
        break;
      case 5:
        list_.sort([](std::int64_t a, std::int64_t b) { return std::abs(a) < std::abs(b); });
        break;
      default:
        list_.extend(some);
    }
  }
  static bool are_whole(const std::vector<std::int64_t>& all) {
    if (all.size() % 2 != 0) return false;
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < all.size(); i += 2) wrong += all[i] + all[i + 1] != 0 ? 1U : 0U;
    return wrong == 0;
  }

 private:
  List<std::int64_t>& list_;
};

TEST(ListOfProcesses, of_which_some_are_killed_at_any_moment_is_whole) {
  const ShmName name;
  const auto segment = Segment::create(name);
  List<std::int64_t> l{segment["l"]};
  Shared<std::atomic<std::uint64_t>> changes, reads;
  const auto change_for_ever = [&](std::uint64_t seed) {
    return [&, seed] {
      std::minstd_rand random(seed);
      for (Pairs pairs(l);; changes->fetch_add(1)) pairs.change(random);
    };
  };
  Child reader([&] {
    const auto own = Segment::open_read_only(name);
    const auto view = own.find<List<const std::int64_t>>("l");
    for (;; reads->fetch_add(1)) {
      if (!Pairs::are_whole(view->slice(0, 100))) _exit(2);
      if (const std::size_t size = view->size(); size % 2 != 0) _exit(3);
    }
  });
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::minstd_rand random(seed);
  std::vector<Child> children;
  for (unsigned i = 0; i < 2; ++i) children.emplace_back(change_for_ever(random()));
  const int kills = is_slow ? 100 : 500;
  for (int i = 0; i < kills; ++i) {
    const std::uint64_t then = changes->load() + random() % 20;
    wait_until([&] { return changes->load() > then; }, "the living went on");
    Child& child = children[random() % children.size()];
    child.kill();
    EXPECT_EQ(child.exitcode(), -SIGKILL);
    if (i % 10 == 0) {
      ASSERT_TRUE(Pairs::are_whole(l.snapshot())) << "after " << i << " kills";
    }
    child = Child(change_for_ever(random()));
  }
  children.clear();
  wait_until([&, then = reads->load()] { return reads->load() > then; }, "the reader read");
  reader.kill();
  EXPECT_EQ(reader.exitcode(), -SIGKILL) << "torn";
  EXPECT_TRUE(Pairs::are_whole(l.snapshot()));
  l.clear();
  l.extend({1, -1});
  EXPECT_EQ(l.snapshot(), (std::vector<std::int64_t>{1, -1}));
}

// Who is stopped anywhere in a change holds up no reader, nor makes one see a half of it.
TEST(ListOfProcesses, of_which_one_is_stopped_is_read) {
  List<std::int64_t> l;
  l.extend({1, -1});
  Shared<std::atomic<std::uint64_t>> changes;
  Child writer([&] {
    std::minstd_rand random(1);
    for (Pairs pairs(l);; changes->fetch_add(1)) pairs.change(random);
  });
  for (int i = 0; i < (is_slow ? 50 : 300); ++i) {
    wait_until([&, then = changes->load()] { return changes->load() > then + 1; }, "it went on");
    writer.stop();
    const auto all = l.snapshot();
    ASSERT_TRUE(Pairs::are_whole(all));
    ASSERT_EQ(l.snapshot(), all);
    ASSERT_EQ(l.size(), all.size());
    if (!all.empty()) {
      ASSERT_EQ(l.at(-1), all.back());
      ASSERT_EQ(l.at(0), all.front());
    }
    writer.resume();
  }
}

}  // namespace
