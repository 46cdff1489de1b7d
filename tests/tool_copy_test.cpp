/// `lagoon cp` and `lagoon load`.

#include <lagoon/lagoon.hpp>

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <regex>
#include <string>
#include <thread>
#include <vector>

#include "child.hpp"
#include "rendezvous.hpp"
#include "tool.hpp"

namespace {

using namespace lagoon;
using namespace std::chrono_literals;
using test::Child;
using test::has;
using test::Said;
using test::Tool;
using test::wait_until;

class ToolCopy : public Tool {};

/// With --stop.
class ToolCopyAtOneMoment : public Tool {
 protected:
  void SetUp() override {
    Tool::SetUp();
    char scope = '0';
    std::ifstream("/proc/sys/kernel/yama/ptrace_scope") >> scope;
    if (scope != '0' && ::geteuid() != 0) GTEST_SKIP() << "only root may trace any process here";
  }
  /// Of "market"; what it says.
  Said copy_at_one_moment(const std::string& seconds = "30", const std::string& replaces = "-f ") {
    return lagoon("cp", replaces + "--stop " + seconds + " market '" + path("kept") + "'");
  }
};

TEST_F(ToolCopy, CopiesAndLoadMakesItAgain) {
  const auto segment = Segment::create("market", options);
  Dict<std::string, double> prices(segment["prices"]);
  prices.set("gold", 1.5);
  Lock lock(segment["lock"]);
  lock.acquire();
  const std::string file = path("kept");
  EXPECT_EQ(lagoon("cp", "market '" + file + "'").text, "");
  lock.release();
  prices.set("gold", 2);
  const Said again = lagoon("cp", "market '" + file + "'");
  EXPECT_EQ(again.code, 1);
  EXPECT_TRUE(has(again, "already (--force replaces it)")) << again.text;
  EXPECT_EQ(lagoon("load", "'" + file + "' second").text, "");
  const auto second = Segment::open("second", options);
  EXPECT_EQ((second.find<Dict<std::string, double>>("prices")->at("gold")), 1.5);
  EXPECT_FALSE(second.find<Lock>("lock")->locked());
  EXPECT_EQ(second.capacity(), segment.capacity());

  EXPECT_EQ(lagoon("cp", "--force market '" + file + "'").code, 0);
  EXPECT_EQ(lagoon("load", "'" + file + "' second").code, 1);
  EXPECT_EQ(lagoon("load", "--force '" + file + "' second").code, 0);
  EXPECT_EQ(
      (Segment::open("second", options).find<Dict<std::string, double>>("prices")->at("gold")), 2);
  EXPECT_EQ((second.find<Dict<std::string, double>>("prices")->at("gold")), 1.5)
      << "who has it open keeps it";
  EXPECT_EQ(lagoon("cp", "none '" + path("x") + "'").code, 1);
  EXPECT_FALSE(std::filesystem::exists(path("x")));
  std::ofstream(path("other")) << "no segment, but long enough to be looked at";
  EXPECT_EQ(lagoon("load", "'" + path("other") + "' third").code, 1);
  EXPECT_FALSE(Segment::exists("third", options));
}

TEST_F(ToolCopy, CopiesWhatIsSmallAndFull) {
  options.reserve = 1 << 20;
  options.participants = 64;
  const auto segment = Segment::create("small", options);
  Dict<int, std::string> dict(segment["dict"]);
  try {
    for (int i = 0;; ++i) dict.set(i, std::string(static_cast<std::size_t>(i % 50), 'x'));
  } catch (const OutOfMemory&) {
  }
  const std::string file = path("kept");
  EXPECT_EQ(lagoon("cp", "small '" + file + "'").text, "");
  EXPECT_EQ(lagoon("load", "'" + file + "' larger --reserve 16M").text, "");
  const auto larger = Segment::open("larger", options);
  EXPECT_EQ(larger.capacity(), std::size_t{16} << 20);
  EXPECT_EQ((larger.find<Dict<int, std::string>>("dict")->items()), dict.items());

  EXPECT_TRUE(has(lagoon("cp", "-f small '" + options.directory + "'"), "is a directory"));
  EXPECT_EQ(Segment::list(options), (std::vector<std::string>{"kept", "larger", "small"}));
  std::filesystem::permissions(file, std::filesystem::perms::owner_read);
  EXPECT_EQ(lagoon("load", "'" + file + "' third").text, "");
}

TEST_F(ToolCopy, SaysWhatItCouldNotCopy) {
  const auto segment = Segment::create("market", options);
  const Value<int> n(segment["n"], 7);
  Array<int, mode::locked> held(segment["held"], 2);
  held.get_lock().acquire();
  const Said said = lagoon("cp", "market '" + path("kept") + "'");
  held.get_lock().release();
  EXPECT_EQ(said.code, 3);
  EXPECT_TRUE(has(said, "lagoon cp: not copied: held: its lock could not be had")) << said.text;
  EXPECT_EQ(lagoon("load", "'" + path("kept") + "' second").code, 0);
  EXPECT_EQ(Segment::open("second", options).find<Value<int>>("n")->get(), 7);
}

// ---- With --stop --------------------------------------------------------------------------------

TEST_F(ToolCopyAtOneMoment, AllIsOfOneMomentWhileOthersStandStill) {
  const auto segment = Segment::create("market", options);
  // Two threads count in first one object, and then another: between them in a copy comes a long
  // list.
  std::vector<Value<int>> first, last;
  for (const char* name : {"a0", "a1"}) first.emplace_back(segment[name]);
  List<int> between(segment["b"]);
  between.extend(std::vector<int>(100'000));
  for (const char* name : {"c0", "c1"}) last.emplace_back(segment[name]);
  const auto counts = [&](std::size_t i) {
    for (;;) {
      ++first[i];
      ++last[i];
    }
  };
  const Child child([&] {
    std::thread other([&] { counts(1); });
    counts(0);
  });
  Child stopped_before([&] { counts(0); });
  stopped_before.stop();
  wait_until([&] { return last[0].get() > 0 && last[1].get() > 0; }, "both counted");

  const Said said = copy_at_one_moment();
  EXPECT_EQ(said.code, 0);
  // This one, and its children.
  EXPECT_TRUE(std::regex_match(said.text, std::regex("3 processes stood still for [0-9.]+ ms\n")))
      << said.text;
  const auto kept = Segment::open("kept", options);
  const auto at = [&](const std::string& name) { return kept.find<Value<int>>(name)->get(); };
  // Who was stopped before has perhaps counted in one only.
  EXPECT_NEAR(at("a0"), at("c0"), 2);
  EXPECT_NEAR(at("a1"), at("c1"), 1);
  EXPECT_EQ(kept.find<List<int>>("b")->size(), between.size());
  for (const auto& value : last)
    wait_until([&, begin = value.get()] { return value.get() != begin; }, "they count on");
  EXPECT_EQ(test::state_of(stopped_before.pid()), 'T') << "as it was";
}

TEST_F(ToolCopyAtOneMoment, IsOfAMomentWithoutLocksIfThereIsOne) {
  const auto segment = Segment::create("market", options);
  RLock lock(segment["lock"]);
  Value<int> a(segment["a"]), b(segment["b"]);
  const Child child([&] {
    for (;;) {
      {
        const std::scoped_lock guard(lock);
        ++a;
        std::this_thread::sleep_for(1ms);
        ++b;
      }
      std::this_thread::sleep_for(1ms);
    }
  });
  wait_until([&] { return b.get() > 0; }, "it counted");
  int without_locks = 0;
  for (int i = 0; i < 8; ++i) {
    const Said said = copy_at_one_moment();
    EXPECT_EQ(said.code, 0) << said.text;
    if (has(said, "somebody had the lock 'lock'")) continue;  // at each look, for a second
    ++without_locks;
    const auto kept = Segment::open("kept", options);
    EXPECT_EQ(kept.find<Value<int>>("a")->get(), kept.find<Value<int>>("b")->get());
  }
  EXPECT_GT(without_locks, 0) << "it is held for half of the time";
}

TEST_F(ToolCopyAtOneMoment, OfALockThatIsHeldAllTheTimeItTells) {
  const auto segment = Segment::create("market", options);
  Lock lock(segment["lock"]);
  lock.acquire();
  const Said said = copy_at_one_moment();
  EXPECT_EQ(said.code, 0);
  EXPECT_TRUE(has(said, "ms; somebody had the lock 'lock'")) << said.text;
}

TEST_F(ToolCopyAtOneMoment, WhatLiesBehindALockThatIsHeldIsNotWaitedForWhileOthersAreStopped) {
  const auto segment = Segment::create("market", options);
  const Value<int> n(segment["n"], 7);
  Array<int, mode::locked> array(segment["array"], 2);
  array.get_lock().acquire();
  const Said said = copy_at_one_moment();
  EXPECT_EQ(said.code, 3);
  EXPECT_TRUE(has(said, "not copied: array: its lock could not be had")) << said.text;
  EXPECT_EQ(Segment::open("kept", options).find<Value<int>>("n")->get(), 7);
}

TEST_F(ToolCopyAtOneMoment, OthersAreStoppedForNoLongerThanTheyMayBe) {
  const auto segment = Segment::create("market", options);
  const Array<int> array(segment["array"], std::size_t{16} << 20);
  const Said said = copy_at_one_moment("0.01");
  EXPECT_EQ(said.code, 1);
  EXPECT_TRUE(has(said, "longer than 0.01 s, which is what --stop allows")) << said.text;
  EXPECT_FALSE(Segment::exists("kept", options));
  EXPECT_EQ(copy_at_one_moment("0").code, 2);
}

TEST_F(ToolCopyAtOneMoment, NobodyIsStoppedForAFileThatIsThere) {
  const auto segment = Segment::create("market", options);
  std::ofstream(path("kept")) << "mine";
  Child traced([] { ::pause(); });  // would be an error, were it to be stopped
  ASSERT_EQ(::ptrace(PTRACE_SEIZE, traced.pid(), nullptr, nullptr), 0);
  EXPECT_TRUE(has(copy_at_one_moment("30", ""), "already (--force replaces it)"));
}

TEST_F(ToolCopyAtOneMoment, WhoseMainThreadHasEndedIsStoppedToo) {
  const auto segment = Segment::create("market", options);
  Value<int> first(segment["a"]), last(segment["c"]);
  List<int> between(segment["b"]);
  between.extend(std::vector<int>(100'000));
  const Child child([&] {
    std::thread([&] {
      for (;;) {
        ++first;
        ++last;
      }
    }).detach();
    ::syscall(SYS_exit, 0);
  });
  wait_until([&] { return test::state_of(child.pid()) == 'Z' && last.get() > 0; }, "it counted");
  const Said said = copy_at_one_moment();
  EXPECT_TRUE(has(said, "2 processes stood still")) << said.text;
  const auto kept = Segment::open("kept", options);
  EXPECT_NEAR(kept.find<Value<int>>("a")->get(), kept.find<Value<int>>("c")->get(), 1);
  EXPECT_TRUE(has(lagoon("ls", ""), std::to_string(child.pid())));
}

TEST_F(ToolCopyAtOneMoment, WhoIsNotSeenIsMissed) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can become another user";
  std::filesystem::permissions(options.directory, std::filesystem::perms::all);
  test::SharedFlags has_it;
  const Child child([&] {
    const auto segment = Segment::create("market", options);
    ::chmod(path("market").c_str(), 0666);
    Lock lock(segment["lock"]);
    lock.acquire();
    lock.release();
    has_it.raise();
    ::pause();
  });
  has_it.await();
  Child copier([&] {
    if (::setgid(65534) != 0 || ::setuid(65534) != 0) return;
    if (::access(LAGOON_TOOL, X_OK) != 0) ::_exit(77);
    const Said said = copy_at_one_moment();
    EXPECT_EQ(said.code, 1);
    EXPECT_TRUE(has(said, "thread " + std::to_string(child.pid()) + " works with it")) << said.text;
  });
  if (copier.exitcode() == 77) GTEST_SKIP() << "the command lies where only root may look";
  EXPECT_EQ(copier.exitcode(), 0);
  EXPECT_FALSE(Segment::exists("kept", options));
}

// Each signal that was sent is handled, however often who stops them is killed.
TEST_F(ToolCopyAtOneMoment, KilledItTakesNoSignalAway) {
  static const test::Shared<std::atomic<int>> handled(0);
  *handled = 0;
  test::SharedFlags ready;
  Child child([&] {
    const auto segment = Segment::create("market", options);
    struct sigaction action {};
    action.sa_handler = [](int) { ++*handled; };
    ::sigaction(SIGRTMIN, &action, nullptr);
    ready.raise();
    for (;;) ::pause();
  });
  ready.await();
  int sent = 0;
  const auto send_for_a_while = [&] {
    for (int i = 0; i < 2000; ++i)
      if (::sigqueue(child.pid(), SIGRTMIN, {}) == 0) ++sent;
  };
  for (int i = 0; i < 40; ++i) {
    Child copier([&] {
      ::execl(LAGOON_TOOL, "lagoon", "cp", "-f", "--stop", "60", "--directory",
              options.directory.c_str(), "market", path("kept").c_str(), nullptr);
    });
    send_for_a_while();
    copier.kill_unreaped();
  }
  wait_until([&] { return *handled == sent; }, "all were handled");
}

TEST_F(ToolCopyAtOneMoment, WhoIsTracedByAnotherCannotBeStopped) {
  const auto segment = Segment::create("market", options);
  const Value<int> n(segment["n"]);
  const Child child([] { ::pause(); });
  ASSERT_EQ(::ptrace(PTRACE_SEIZE, child.pid(), nullptr, nullptr), 0);
  const Said said = copy_at_one_moment();
  EXPECT_EQ(said.code, 1);
  EXPECT_TRUE(has(said, "cannot stop tool_copy_test " + std::to_string(child.pid()))) << said.text;
  EXPECT_TRUE(has(said, "another traces")) << said.text;
  EXPECT_FALSE(Segment::exists("kept", options));
}

TEST_F(ToolCopyAtOneMoment, KilledItLetsThemRunOn) {
  const test::Shared<std::atomic<int>> n(0);
  Child child([&] {  // the only one that has the segment open: this one is not to be stopped
    const auto segment = Segment::create("market", options);
    Array<int, mode::locked> array(segment["array"], 2);
    array.get_lock().acquire();  // which the copy waits for
    for (;;) ++*n;
  });
  wait_until([&] { return *n != 0; }, "it counted");
  Child copier([&] {
    ::execl(LAGOON_TOOL, "lagoon", "cp", "--stop", "60", "--directory", options.directory.c_str(),
            "market", path("kept").c_str(), nullptr);
  });
  wait_until([&] { return test::state_of(child.pid()) == 't'; }, "it was stopped");
  copier.kill_unreaped();
  wait_until([&n, before = n->load()] { return *n != before; }, "it counts on");
  EXPECT_FALSE(Segment::exists("kept", options));
}

}  // namespace
