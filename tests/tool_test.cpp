/// The `lagoon` command, as its users call it.

#include <lagoon/lagoon.hpp>
#include <lagoon/locks/ttas.hpp>

#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <limits>
#include <regex>
#include <string>
#include <utility>
#include <vector>

#include "child.hpp"
#include "rendezvous.hpp"
#include "tool.hpp"

namespace {

using namespace lagoon;
using test::has;
using test::Said;
using test::Tool;

TEST_F(Tool, LsShowsWhatThereIsAndWhoHasIt) {
  const auto segment = Segment::create("prices", options);
  const Dict<std::string, double> dict(segment["gold"]);
  const Value<int> value(segment["n"]);
  std::ofstream(path("other")) << "no segment, but long enough to be looked at";
  const Said said = lagoon("ls", "");
  EXPECT_EQ(said.code, 0);
  EXPECT_NE(said.text.find("NAME"), std::string::npos) << said.text;
  EXPECT_NE(said.text.find("prices"), std::string::npos) << said.text;
  EXPECT_NE(said.text.find(" 0600 "), std::string::npos) << said.text;
  EXPECT_NE(said.text.find(" " + std::to_string(::getpid()) + "\n"), std::string::npos)
      << said.text;
  EXPECT_EQ(said.text.find("other"), std::string::npos) << said.text;
}

TEST_F(Tool, LsDoesNotTellTheTerminalWhatToDo) {
  (void)Segment::create("a\x1b[31m\nb", options);
  const Said said = lagoon("ls", "");
  EXPECT_EQ(said.code, 0);
  EXPECT_NE(said.text.find("a?[31m?b"), std::string::npos) << said.text;
}

TEST_F(Tool, ShowsWhatRefersToWhatWasErased) {
  const auto segment = Segment::create("market", options);
  Dict<> outer(segment["outer"]);
  const List<> list(segment["list"]);
  outer.set("list", list);
  outer.set("x", 1);
  segment.erase("list");
  EXPECT_EQ(lagoon("show", "market/outer").text,
            "Dict<>, 2 items\n'list': <of what was erased>\n'x': 1\n");
  EXPECT_TRUE(has(lagoon("show", "market --json"), "<of what was erased>"));
}

TEST_F(Tool, LsTellsProgramsTheSame) {
  const auto segment = Segment::create("prices \"x\"", options);
  const Value<int> value(segment["n"]);
  const Said said = lagoon("ls", "--json");
  EXPECT_EQ(said.code, 0);
  for (const std::string& part :
       {std::string("\"name\": \"prices \\\"x\\\"\""), std::string("\"objects\": 1"),
        "\"size\": " + std::to_string(segment.size()), "\"pid\": " + std::to_string(::getpid())})
    EXPECT_NE(said.text.find(part), std::string::npos) << part << " in\n" << said.text;
  EXPECT_EQ(lagoon("ls", "--json none").code, 1);
}

TEST_F(Tool, LsSaysWhyOneCannotBeOpened) {
  (void)Segment::create("old", options);
  std::fstream file(path("old"), std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(8);  // the version of the layout
  file.write("\xff\xff", 2);
  file.close();
  const Said said = lagoon("ls", "old");
  EXPECT_EQ(said.code, 0);
  EXPECT_NE(said.text.find("layout"), std::string::npos) << said.text;
}

TEST_F(Tool, OfNothingLsShowsNothing) {
  EXPECT_EQ(lagoon("ls", "--json").text, "[]\n");
  const Said none = lagoon("ls", "prices");
  EXPECT_EQ(none.code, 1);
  EXPECT_NE(none.text.find("there is no segment 'prices' that this user may read in " +
                           options.directory),
            std::string::npos)
      << none.text;
  const std::string directory = options.directory;
  options.directory += "/none";
  const Said nowhere = lagoon("ls", "");
  options.directory = directory;
  EXPECT_EQ(nowhere.code, 1);
  EXPECT_NE(nowhere.text.find("No such file or directory"), std::string::npos) << nowhere.text;
}

TEST_F(Tool, RmRemovesSegmentsAndNothingElse) {
  const auto segment = Segment::create("a", options);
  Value<int> value(segment["n"], 7);
  (void)Segment::create("b", options);
  std::ofstream(path("other")) << "no segment, but long enough to be looked at";
  const Said said = lagoon("rm", "a other b none");
  EXPECT_EQ(said.code, 1);
  EXPECT_NE(said.text.find("'other'"), std::string::npos) << said.text;
  EXPECT_NE(said.text.find("'none'"), std::string::npos) << said.text;
  EXPECT_EQ(Segment::list(options), std::vector<std::string>());
  EXPECT_TRUE(std::filesystem::exists(path("other")));
  EXPECT_EQ(value, 7) << "who has it open keeps it";
  EXPECT_EQ(lagoon("rm", "--force none").code, 0);
  EXPECT_EQ(lagoon("rm", "").code, 2);
}

TEST_F(Tool, ShowsAllObjectsOfASegment) {
  const auto segment = Segment::create("market", options);
  Dict<std::string, double> prices(segment["prices"]);
  prices.set("gold", 1.5);
  const Value<int> n(segment["n\x1b[31m"], 7);
  Lock lock(segment["lock"]);
  lock.acquire();
  const Said said = lagoon("show", "market");
  EXPECT_EQ(said.code, 0) << said.text;
  EXPECT_TRUE(has(said, "prices  Dict<str, double>")) << said.text;
  EXPECT_TRUE(has(said, "<Dict(1 item)>")) << said.text;
  EXPECT_TRUE(has(said, "n?[31m  Value<int32, atomic>")) << said.text;
  EXPECT_TRUE(has(said, "<Lock(held)> held by tool_test " + std::to_string(::gettid())))
      << said.text;
  lock.release();
}

TEST_F(Tool, ShowsWhatIsInAnObject) {
  const auto segment = Segment::create("market", options);
  Dict<> books(segment["books"]);
  List<> inner{segment.nameless()};
  inner.append(1);
  inner.append("x");
  books.set("it's", inner);
  books.set(2, Object::dict({{"k", Object::list(1, 2, 3)}}));
  const Array<double> ticks(segment["ticks"], std::vector<double>{0.5, 1, 1.5, 2});
  const Array<char> text(segment["text"], "hi\x1b");
  const auto shown = [&](const std::string& what) {
    const Said said = lagoon("show", what);
    EXPECT_EQ(said.code, 0) << said.text;
    return said.text;
  };
  EXPECT_EQ(shown("market/books"), "Dict<>, 2 items\n\"it's\": <List<>>\n2: {'k': [1, 2, 3]}\n");
  EXPECT_EQ(shown("\"market/books['it's']\""), "List<>, 2 elements\n[0] 1\n[1] 'x'\n");
  EXPECT_EQ(shown("\"market/books[it's][1]\""), "'x'\n");
  EXPECT_EQ(shown("'market/books[2][k][-1]'"), "3\n");
  EXPECT_EQ(shown("'market/books[2][k][::2]'"), "[0] 1\n[2] 3\n");
  EXPECT_EQ(shown("'market/ticks[1:3]'"), "[1] 1.0\n[2] 1.5\n");
  EXPECT_EQ(shown("market/ticks --most 1"),
            "Array<double, seqlocked>[4], 4 elements\n[0] 0.5\n… and 3 more (--all)\n");
  EXPECT_EQ(shown("market/text"), "Array<char, seqlocked>[3], 3 elements\nb'hi\\x1b'\n");
  EXPECT_EQ(shown("--json 'market/books[2]'"), "{\n  \"k\": [\n    1,\n    2,\n    3\n  ]\n}\n");
}

/// For the shell.
std::string quoted(const std::string& text) {
  return "'" + std::regex_replace(text, std::regex("'"), "'\\''") + "'";
}

TEST_F(Tool, ShowTakesKeysAsItPrintsThem) {
  const auto segment = Segment::create("market", options);
  Dict<> books(segment["books"]);
  const std::vector<Object> keys{
      "gold",
      "it's [a] \"key\"",
      "a\\b\n\t\x1b",
      "é\u20ac\U0001f600",
      Object::bytes("\x00\xff'["),
      0,
      -12,
      Object::integer("123456789012345678901234567890"),
      1.5,
      -1e300,
      std::numeric_limits<double>::infinity(),
      Object(),
      Object::tuple(),
      Object::tuple(7),
      Object::frozenset(),
      Object::frozenset(1, "b"),
      Object::tuple("a]", Object::tuple(2, 0.5), Object(), Object::bytes("b"))};
  for (std::size_t i = 0; i < keys.size(); ++i) books.set(keys[i], i);
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const std::string path = "market/books[" + keys[i].repr() + "]";
    EXPECT_EQ(lagoon("show", quoted(path)).text, std::to_string(i) + "\n") << path;
  }
  EXPECT_EQ(lagoon("show", "'market/books[( 7 , )]'").text, "13\n");
  EXPECT_EQ(lagoon("show", "'market/books[True]'").text, "lagoon show: KeyError: True\n");
  for (const char* what : {"[(1, 2]", "[(1)]", "['\\xg0']", "['gold'", "[b'\\x0']", "x", "[(((]",
                           "[(1 2)]", "[(,)]", "[frozenset({1]"})
    EXPECT_EQ(lagoon("show", quoted(std::string("market/books") + what)).code, 1) << what;
}

TEST_F(Tool, ShowTakesNamesWithBrackets) {
  const auto segment = Segment::create("market", options);
  const Value<int> plain(segment["a"], 1);
  const Value<int> named(segment["a[0]"], 2);
  const Array<int> open(segment["b["], std::vector<int>{3});
  EXPECT_TRUE(has(lagoon("show", "'market/a[0]'"), "2"));
  EXPECT_TRUE(has(lagoon("show", "'market/b['"), "[0] 3"));
  EXPECT_EQ(lagoon("show", "'market/b[[0]'").text, "3\n");
  EXPECT_TRUE(has(lagoon("show", "'market/a[1]'"), "has no elements"));
  EXPECT_TRUE(has(lagoon("show", "market/a"), "1"));
}

TEST_F(Tool, JsonHasItemsInTheirOrder) {
  const auto segment = Segment::create("market", options);
  Dict<> books(segment["books"]);
  books.set("z", Object::dict({{"b", 1}, {"a", 2}}));
  books.set("a", 1);
  Dict<> pairs(segment["pairs"]);
  pairs.set(Object::tuple("x", 1), Object::tuple("y", 2));
  const auto in_a_line = [](const Said& said) {
    return std::regex_replace(said.text, std::regex("\\s"), "");
  };
  EXPECT_TRUE(in_a_line(lagoon("show", "market/books --json"))
                  .find(R"("items":{"z":{"b":1,"a":2},"a":1})") != std::string::npos);
  EXPECT_TRUE(
      in_a_line(lagoon("show", "market/pairs --json")).find(R"("items":[[["x",1],["y",2]]])") !=
      std::string::npos);
}

TEST_F(Tool, ShowSaysWhatIsNotThere) {
  const auto segment = Segment::create("market", options);
  const Value<int> n(segment["n"], 7);
  Dict<> books(segment["books"]);
  for (const auto& [what, message] :
       {std::pair("market/x", "there is no object 'x' in segment 'market'"),
        std::pair("none", "there is no segment 'none'"),
        std::pair("'market/books[x]'", "KeyError: 'x'"),
        std::pair("'market/n[0]'", "has no elements or items"),
        std::pair("'market/n[0'", "was not understood"),
        std::pair("/n", "the NAME of a segment is expected")}) {
    const Said said = lagoon("show", what);
    EXPECT_EQ(said.code, 1);
    EXPECT_TRUE(has(said, message)) << said.text;
  }
  EXPECT_EQ(lagoon("show", "").code, 2);
}

TEST_F(Tool, TopShowsWhatIsDoneAndByWhom) {
  const auto segment = Segment::create("market", options);
  Dict<std::string, int> prices(segment["prices"]);
  Lock lock(segment["lock"]);
  lock.acquire();
  // Both until they are killed.
  const test::Child writer([&] {
    for (int i = 0;; ++i) prices.set("gold", i);
  });
  const test::Child waiter([&] { lock.acquire(); });
  const test::Child trier([&] {
    while (!lock.acquire(std::chrono::milliseconds(1))) {
    }
  });
  Said said;
  const std::regex held_and_waited_for("lock +Lock +- +[0-9.]+ +- +100% +100% +[12] ");
  do said = lagoon("top", "market --times 1 --interval 0.1");
  while (said.code == 0 && !std::regex_search(said.text, held_and_waited_for));
  EXPECT_EQ(said.code, 0);
  EXPECT_TRUE(has(said, "4 processes")) << said.text;
  EXPECT_TRUE(has(said, "tool_test " + std::to_string(::gettid()))) << said.text;
  // The busiest first.
  EXPECT_LT(said.text.find("prices  Dict"), said.text.find("lock    Lock")) << said.text;
  const Said json = lagoon("top", "market --times 2 --interval 0.01 --json");
  EXPECT_TRUE(has(json, "\"held_percent\": 100.0")) << json.text;
  EXPECT_TRUE(has(json, "\"name\": \"lock\"")) << json.text;
  EXPECT_TRUE(has(json, "\"retries\": 0")) << json.text;
  lock.release();
  EXPECT_EQ(lagoon("top", "none --times 1").code, 1);
}

TEST_F(Tool, TopSeesChangesThatNobodyCounts) {
  const auto segment = Segment::create("market", options);
  Value<std::uint64_t> counter(segment["counter"]);
  Array<int, mode::atomic> histogram(segment["histogram"], 8);
  const Array<int, mode::raw> still(segment["still"], 8);
  const Lock lock(segment["lock"]);
  const Value<int, mode::locked_by<locks::TtasLock>> behind(segment["behind"], 1);
  const test::Child writer([&] {
    for (int i = 0;; ++i) {
      counter += 1;
      histogram.set(static_cast<std::size_t>(i % 8), i);
    }
  });
  Said said;
  do said = lagoon("top", "market --times 1 --interval 0.1");
  while (said.code == 0 && !has(said, "/s)"));
  EXPECT_EQ(said.code, 0);
  const auto rate_of = [&](const std::string& object) {  // "object  type  rate …"
    const std::size_t type = said.text.find(object) + object.size();
    const std::size_t rate = said.text.find("  ", said.text.find_first_not_of(' ', type));
    return said.text.substr(said.text.find_first_not_of(' ', rate), 4);
  };
  EXPECT_TRUE(rate_of("\ncounter").starts_with("≥")) << said.text;
  EXPECT_TRUE(rate_of("\nhistogram").starts_with("≥")) << said.text;
  EXPECT_TRUE(rate_of("\nstill").starts_with("0 ")) << said.text;
  EXPECT_TRUE(rate_of("\nlock").starts_with("- ")) << said.text;
}

TEST_F(Tool, DoctorFindsDeadlocks) {
  const auto segment = Segment::create("market", options);
  Lock own(segment["own"]);
  RLock first(segment["first"]), second(segment["second"]);
  test::SharedFlags have_one;
  const auto acquire_both = [&](RLock& one, RLock& other) {
    one.acquire();
    have_one.raise();
    have_one.await(0, 2);
    other.acquire();
  };
  const test::Child a([&] { acquire_both(first, second); });
  const test::Child b([&] { acquire_both(second, first); });
  const test::Child c([&] {
    own.acquire();
    own.acquire();
  });
  const auto named = [](const test::Child& child) {
    return "tool_test " + std::to_string(child.pid());
  };
  const auto circle = [&](const test::Child& who, const std::string& what, const test::Child& next,
                          const std::string& then) {
    return "deadlock: " + named(who) + " waits for market/" + what + ", which is held by " +
           named(next) + ", who waits for market/" + then + ", which is held by " + named(who) +
           "\n";
  };
  Said said;
  do said = lagoon("doctor", "market");  // or the watchdog ends it
  while (
      !has(said, "note     market/own: deadlock, unless another thread gives a Lock back: " +
                     named(c) + " holds it, and waits") ||
      !(has(said, circle(a, "second", b, "first")) || has(said, circle(b, "first", a, "second"))));
  EXPECT_EQ(said.code, 1);
}

TEST_F(Tool, DoctorTakesNobodyWhoWaitsForOneAtWorkForDeadlocked) {
  const auto segment = Segment::create("market", options);
  RLock lock(segment["lock"]);
  lock.acquire();
  const test::Child waiter([&] { lock.acquire(); });
  while (Inspection::of(segment, "lock")->waits().waiting.empty()) sched_yield();
  EXPECT_EQ(lagoon("doctor", "market").code, 0);
}

TEST_F(Tool, DoctorTakesNobodyWhoHasADeadlineForDeadlocked) {
  const auto segment = Segment::create("market", options);
  Lock lock(segment["lock"]);
  const test::Child waiter([&] {
    lock.acquire();
    (void)lock.acquire(std::chrono::hours(1));
  });
  while (Inspection::of(segment, "lock")->waits().waiting.empty()) sched_yield();
  EXPECT_FALSE(has(lagoon("doctor", "market"), "deadlock"));
}

TEST_F(Tool, WhoIsInAnotherPidNamespaceIsNotTakenForWhoHasThatIdHere) {
  const auto segment = Segment::create("market", options);
  RLock lock(segment["lock"]);
  test::SharedFlags has_it;
  const test::Child outer([&] {
    if (::unshare(CLONE_NEWPID) != 0) return has_it.raise(1), void();
    const test::Child inner([&] {  // whose id is 1
      lock.acquire();
      has_it.raise();
      ::pause();
    });
    ::pause();
  });
  test::wait_until([&] { return has_it.count() + has_it.count(1) != 0; }, "it has it");
  if (has_it.count(1) != 0) GTEST_SKIP() << "no pid namespace may be made here";
  const Said said = lagoon("top", "market --times 1 --interval 0.01");
  EXPECT_TRUE(has(said, "thread 1 ")) << said.text;
}

TEST_F(Tool, DoctorFindsWhoIsStoppedAndWhoIsDead) {
  const auto segment = Segment::create("market", options);
  Lock lock(segment["lock"]);
  EXPECT_EQ(lagoon("doctor", "").text, "1 segment looked at: nothing is wrong\n");
  {
    test::SharedFlags has_it;
    test::Child holder([&] {
      lock.acquire();
      has_it.raise();
      ::pause();
    });
    has_it.await();
    holder.stop();
    const Said stopped = lagoon("doctor", "market");
    EXPECT_EQ(stopped.code, 1);
    EXPECT_TRUE(has(stopped, "market/lock: it is held by tool_test " +
                                 std::to_string(holder.pid()) + ", which is stopped"))
        << stopped.text;
    holder.kill();
    (void)holder.wait();
  }
  const Said dead = lagoon("doctor", "market");
  EXPECT_EQ(dead.code, 0) << dead.text;
  EXPECT_TRUE(has(dead, "who is dead; whoever comes next takes over")) << dead.text;
  lock.acquire();
  lock.release();
  const Said unmended = lagoon("doctor", "--json market");
  EXPECT_EQ(unmended.code, 1);
  EXPECT_TRUE(has(unmended, "what it guards may be half-done")) << unmended.text;
  lock.acquire();
  lock.mark_consistent();
  lock.release();
  EXPECT_EQ(lagoon("doctor", "").code, 0);
  EXPECT_EQ(lagoon("doctor", "none").code, 1);
}

TEST_F(Tool, DoctorRepairsWhatTheDeadLeft) {
  const auto segment = Segment::create("market", options);
  Dict<int, int> dict(segment["dict"]);
  dict.set(1, 1);
  test::Child writer([&] {
    dict.update_value(1, [](int) -> int {
      ::kill(::getpid(), SIGKILL);
      return 0;
    });
  });
  (void)writer.wait();
  EXPECT_TRUE(has(lagoon("doctor", "market"), "market/dict: it was held by"));
  EXPECT_EQ(lagoon("doctor", "--repair market").text, "1 segment looked at: nothing is wrong\n");
  EXPECT_EQ(dict.at(1), 1);
}

TEST_F(Tool, DoctorFindsWhatIsWrongWithTheFile) {
  options.mode = 0666;
  const mode_t before = ::umask(0);
  options.reserve = 1 << 20;
  options.participants = 16;
  (void)Segment::create("open", options);
  ::umask(before);
  const Said open = lagoon("doctor", "open");
  EXPECT_EQ(open.code, 1);
  EXPECT_TRUE(has(open, "everybody may write to it")) << open.text;
  EXPECT_TRUE(has(open, "no process that this user may see has it open")) << open.text;

  options.mode = 0600;
  const auto segment = Segment::create("full", options);
  const Array<char, mode::raw> much(segment["much"], 960'000);
  const Said full = lagoon("doctor", "full");
  EXPECT_EQ(full.code, 1);
  EXPECT_TRUE(has(full, "it is nearly full")) << full.text;

  (void)Segment::create("old", options);
  std::fstream file(path("old"), std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(8);  // the version of the layout
  file.write("\xff\xff", 2);
  file.close();
  const Said old = lagoon("doctor", "old");
  EXPECT_EQ(old.code, 1);
  EXPECT_TRUE(has(old, "lagoon rm old")) << old.text;
}

TEST(Segments, AreListedByName) {
  char name[] = "/dev/shm/lagoon-list-test-XXXXXX";
  SegmentOptions options;
  options.directory = ::mkdtemp(name);
  for (const char* segment : {"b", "c", "a"}) (void)Segment::create(segment, options);
  std::ofstream(options.directory + "/d") << "short";
  std::ofstream(options.directory + "/" + std::string(255, 'e')) << "of a name that no segment has";
  EXPECT_EQ(Segment::list(options), (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_TRUE(Segment::exists("a", options));
  EXPECT_FALSE(Segment::exists("d", options));
  EXPECT_FALSE(Segment::exists("e", options));
  std::filesystem::remove_all(options.directory);
  EXPECT_THROW((void)Segment::list(options), SystemError);
}

}  // namespace
