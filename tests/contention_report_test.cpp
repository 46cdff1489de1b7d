/// The benchmark's report: what is said of given figures; and, where the benchmark is built, that
/// the program leaves nothing behind however it ends.

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "../bench/contention/answers.hpp"
#include "../bench/contention/compare.hpp"
#include "../bench/contention/curves.hpp"
#include "../bench/contention/histogram.hpp"
#include "../bench/contention/machine.hpp"
#include "../bench/contention/results.hpp"

namespace {

using namespace contention;

Outcome figures(double operations_per_s) {
  Outcome outcome;
  outcome.window_s = 0.5;
  outcome.operations_per_s = operations_per_s;
  outcome.ns_per_operation = 1e9 / operations_per_s;
  outcome.p50_ns = 20;
  outcome.p99_ns = 40;
  outcome.p999_ns = 3000;
  outcome.longest_ns = 4e6;
  outcome.jain = 0.97;
  outcome.samples = 1e5;
  outcome.least_share = 0.8;
  outcome.least_due = 0.9;
  outcome.writer_due = 1;
  outcome.writes_per_s = 1e6;
  outcome.least_operations_per_s = operations_per_s / 20;
  return outcome;
}

/// What the tests below are about.
Asked everything() {
  return {{"all", "Which one?", "All of it.", {}},
          all_of({snapshot64, update64, counter}, {1, 4, 16, 64})};
}

struct Sample : testing::Test {
  Sample() { results.asked = {everything()}; }
  Results results;

  void add(const char* name, Family family, const Workload& workload, double rate,
           int children = 16) {
    results.add({name, family, {}, {}, {}, {}}, {workload, children}, figures(rate));
  }
  Row& last() { return results.rows.back(); }
  [[nodiscard]] std::string sentence() const {
    return text_of(answer_to(results.asked[0], results));
  }
};

TEST(Histogram, EveryBucketIsWithinAThirtySecondOfWhatItHolds) {
  for (std::uint64_t units = 1; units < std::uint64_t{1} << 39; units += 1 + units / 97) {
    const double middle = Histogram::middle_of(Histogram::bucket_of(units));
    ASSERT_LE(std::abs(middle - static_cast<double>(units)), static_cast<double>(units) / 32)
        << units;
  }
  EXPECT_LT(Histogram::bucket_of(~std::uint64_t{0}), Histogram::buckets);
}

TEST(Histogram, PercentilesAreTheSmallestThatEnoughSamplesDoNotExceed) {
  Histogram histogram{};
  for (int ns = 1; ns <= 1000; ++ns) histogram.record(ns);
  EXPECT_EQ(histogram.samples(), 1000U);
  EXPECT_NEAR(histogram.percentile_ns(0.50), 500, 500.0 / 32);
  EXPECT_NEAR(histogram.percentile_ns(0.99), 990, 990.0 / 32);
  EXPECT_NEAR(histogram.percentile_ns(0.999), 999, 999.0 / 32);
  EXPECT_EQ(histogram.longest_ns(), 1000);

  Histogram other{};
  other.record(5e9);
  histogram.merge(other);
  EXPECT_EQ(histogram.samples(), 1001U);
  EXPECT_EQ(histogram.longest_ns(), 5e9);
}

TEST(Histogram, IsEmptyAtFirstAndTakesWhatIsOutOfRange) {
  Histogram histogram{};
  EXPECT_EQ(histogram.percentile_ns(0.5), 0);
  histogram.record(-3);
  histogram.record(1e15);
  EXPECT_EQ(histogram.samples(), 2U);
  EXPECT_EQ(histogram.percentile_ns(0.5), 0);
}

TEST_F(Sample, TheSentenceNamesTheWinnerOfEachWorkloadAndTheNext) {
  add("Array seqlocked", Family::lagoon, snapshot64, 31e6);
  add("pthread mutex", Family::peer, snapshot64, 10e6);
  add("pthread spin", Family::peer, snapshot64, 9e6);
  add("Array seqlocked", Family::lagoon, update64, 30e6);
  add("pthread mutex", Family::peer, update64, 45e6);
  add("Value atomic", Family::lagoon, counter, 109e6);
  add("Boost.Atomic", Family::peer, counter, 100e6);
  add("Boost.Atomic", Family::peer, counter, 999e6, 64);  // 16 children are asked about
  EXPECT_EQ(sentence(),
            "16 processes. Read 64 doubles beside a writer: Array seqlocked, 3.1 × the next "
            "(pthread mutex); the writer writes 1.00 M times a second; Update 64 doubles: pthread "
            "mutex, 1.5 × the next (Array seqlocked); "
            "Increment one counter: Value atomic and Boost.Atomic level.");
}

TEST_F(Sample, AWorkloadIsAnsweredWithAsManyChildrenAsItsQuestionHas) {
  results.asked[0].places = {{counter, 16}, {update64, 4}};
  add("Lock", Family::lagoon, counter, 1e6, 16);
  add("Lock", Family::lagoon, update64, 1e6, 4);
  add("Lock", Family::lagoon, update64, 1e6, 16);  // another question's
  EXPECT_EQ(sentence(),
            "16 processes. Increment one counter: Lock; Update 64 doubles (4 processes): Lock.");
}

TEST_F(Sample, WhoWaitsLeastIsSaidWhereThatIsAsked) {
  results.asked[0].question.asks_for_waits = true;
  add("fast", Family::peer, counter, 9e6);
  add("even", Family::peer, counter, 1e6);
  last().runs[0].p999_ns = 500;
  add("starves", Family::peer, counter, 1e6);
  last().runs[0].p999_ns = 100;
  last().runs[0].least_due = 0;
  EXPECT_EQ(sentence(),
            "16 processes. Increment one counter: fast, 9.0 × the next (even); shortest waits: "
            "even, 99.9 % within 500 ns.");
}

TEST_F(Sample, WhoGoesOnBesideTheDeadIsSaid) {
  const Workload outlive{Operation::outlive, 64};
  results.asked = {{{"outlive", "What if?", "It dies.", {}}, {{outlive, 3}}}};
  const auto of = [&](const char* name, double stopped, double dead, double torn) {
    add(name, Family::peer, outlive, 1e6, 3);
    last().runs[0].stopped_stalled = stopped;
    last().runs[0].dead_stalled = dead;
    last().runs[0].torn = torn;
  };
  of("copies", 0, 0, 0);
  of("patient", 3, 0, 0);
  of("fast", 0, 0, 1);
  of("robust", 3, 0, 7);
  of("throws", 3, 3, 0);
  last().runs[0].dead_ended = 3;
  of("plain", 3, 3, 0);
  EXPECT_EQ(
      sentence(),
      "3 readers. All go on, and read what is whole: copies; All wait while it is stopped, and "
      "go "
      "on when it is dead: patient; All wait while it is stopped; when it is dead, who takes the "
      "lock is told so, and finds half a write: robust; Some read half a write, and are not told: "
      "fast; Some end with an error when it is dead: throws; Some wait for ever: plain.");
  EXPECT_NE(page_of(results).find("<td>never</td>"), std::string::npos);
  EXPECT_NE(table_of(results).find("never"), std::string::npos);
  EXPECT_EQ(unfit(last()), "waits for the dead for ever");
  results.others = 0.9;  // then who can tell
  EXPECT_EQ(sentence().find("Some wait for ever"), std::string::npos);
  EXPECT_NE(sentence().find("they wait for ever, or had no processor: plain."), std::string::npos);
}

TEST_F(Sample, WhoReadsFastestIsNotWhoGoesOnBesideTheDead) {
  const Workload outlive{Operation::outlive, 64};
  results.asked[0].places = {{snapshot64, 16}};
  add("hangs", Family::peer, snapshot64, 4e6);
  add("goes on", Family::lagoon, snapshot64, 1e6);
  add("unknown", Family::peer, snapshot64, 2e6);
  EXPECT_EQ(sentence(),
            "16 readers. Read 64 doubles beside a writer: hangs, 2.0 × the next (unknown); the "
            "writer writes 1.00 M times a second.");
  add("goes on", Family::lagoon, outlive, 1e6, 3);
  add("hangs", Family::peer, outlive, 1e6, 3);
  last().runs[0].dead_stalled = 3;
  EXPECT_EQ(sentence(),
            "16 readers. Read 64 doubles beside a writer: hangs, 2.0 × the next (unknown); the "
            "writer writes 1.00 M times a second; of "
            "those whose readers go on when the writer is stopped or killed: goes on, 0.25 of "
            "that.");
}

TEST_F(Sample, WhoChangesFastestIsNotWhoIsToldOfADeath) {
  const Workload outlive{Operation::outlive, 64};
  results.asked[0].places = {{update64, 16}};
  add("hangs", Family::peer, update64, 4e6);
  add("does not tell", Family::peer, update64, 3e6);
  add("robust", Family::peer, update64, 2e6);
  for (const char* const name : {"hangs", "does not tell", "robust"})
    add(name, Family::peer, outlive, 1e6, 3);
  Outcome& hangs = results.rows[3].runs[0];
  hangs.stopped_stalled = hangs.dead_stalled = 3;
  results.rows[4].runs[0].torn = 1;
  Outcome& robust = results.rows[5].runs[0];
  robust.stopped_stalled = 3;
  robust.torn = 7;
  EXPECT_EQ(sentence(),
            "16 processes. Update 64 doubles: hangs, 1.3 × the next (does not tell); who is "
            "killed in hangs stops all others; of those that go on: robust, 0.50 of that.");
}

TEST_F(Sample, WhereSomebodyDidNothingNobodyCanTell) {
  add("even", Family::peer, counter, 1e6);
  add("lucky", Family::peer, counter, 9e6);
  last().runs[0].least_operations_per_s = 0;
  EXPECT_EQ(unfit(last()), "somebody did nothing");
  add("unread", Family::peer, snapshot64, 9e6);
  last().runs[0].writes_per_s = 0;
  EXPECT_EQ(unfit(last()), "the writer did nothing");
  EXPECT_EQ(results.verdict({counter, 16}).winner->strategy, "even");
}

TEST_F(Sample, AllThatAreLevelAreNamed) {
  for (const char* const name : {"a", "b", "c"}) add(name, Family::peer, counter, 1e6);
  add("d", Family::lagoon, counter, 0.8e6);
  results.asked[0].places = {{counter, 16}};
  EXPECT_EQ(sentence(), "16 processes. Increment one counter: a, b and c level.");
  results.others = 0.2;  // as near as that nobody can tell
  EXPECT_EQ(sentence(), "16 processes. Increment one counter: a, b, c and d level.");
}

TEST_F(Sample, WithoutFiguresTheSentenceSaysSo) {
  EXPECT_EQ(sentence(), "");
  EXPECT_NE(page_of(results).find("Nothing was measured."), std::string::npos);
  EXPECT_EQ(table_of(results).find("who wins"), std::string::npos);
}

TEST_F(Sample, WhoTearsLosesOrStarvesCannotWin) {
  add("slow and right", Family::peer, snapshot64, 1e6);
  add("torn", Family::peer, snapshot64, 9e6);
  last().runs[0].torn = 1;
  add("lost", Family::peer, snapshot64, 9e6);
  last().runs[0].lost = 1;
  add("a child starved", Family::peer, snapshot64, 9e6);
  last().runs[0].least_due = 0.009;
  add("the writer starved", Family::peer, snapshot64, 9e6);
  last().runs[0].writer_due = 0.009;
  add("no operation", Family::peer, snapshot64, 0);
  add("control", Family::control, snapshot64, 9e6);

  const Verdict verdict = results.verdict({snapshot64, 16});
  ASSERT_NE(verdict.winner, nullptr);
  EXPECT_EQ(verdict.winner->strategy, "slow and right");
  EXPECT_EQ(verdict.next, nullptr);
  EXPECT_EQ(results.best_peer({snapshot64, 16}), 1e6);

  const std::string table = table_of(results);
  EXPECT_NE(table.find("1 TORN  (torn snapshots)"), std::string::npos);
  EXPECT_NE(table.find("1 LOST  (lost updates)"), std::string::npos);
  EXPECT_NE(table.find("(the writer starved)"), std::string::npos);
}

TEST_F(Sample, OneTearInAnyRepetitionCounts) {
  for (int i = 0; i < 5; ++i) add("torn once", Family::peer, snapshot64, 9e6);
  ASSERT_EQ(results.rows.size(), 1U);
  last().runs[2].torn = 1;
  EXPECT_EQ(last().median().torn, 1);
  EXPECT_EQ(unfit(last()), "torn snapshots");
}

TEST_F(Sample, RepetitionsGiveAMedianAndASpread) {
  for (const double rate : {5e6, 1e6, 3e6}) {
    add("mutex", Family::peer, counter, rate);
  }
  EXPECT_EQ(last().median().operations_per_s, 3e6);
  EXPECT_EQ(last().spread(), std::pair(1e6, 5e6));
  EXPECT_EQ(results.level_within(), 1.20);
  results.repetitions = 3;
  EXPECT_EQ(results.level_within(), 1.10);
  EXPECT_NE(table_of(results).find("1.00 M … 5.00 M"), std::string::npos);
}

TEST_F(Sample, WhoseRunsOverlapAreLevel) {
  for (const double rate : {1e6, 3e6, 4e6}) add("one", Family::peer, counter, rate);
  for (const double rate : {2e6, 5e6, 6e6}) add("two", Family::peer, counter, rate);
  EXPECT_TRUE(results.verdict({counter, 16}).is_level());
  results.rows.clear();
  for (const double rate : {1e6, 1.5e6, 1.9e6}) add("one", Family::peer, counter, rate);
  for (const double rate : {2e6, 5e6, 6e6}) add("two", Family::peer, counter, rate);
  EXPECT_FALSE(results.verdict({counter, 16}).is_level());
}

TEST_F(Sample, ABusyMachineIsSaidFirst) {
  add("mutex", Family::peer, counter, 1e6);
  results.others = 0.05;
  EXPECT_EQ(page_of(results).find("Other programs"), std::string::npos);
  results.others = 0.37;
  EXPECT_NE(page_of(results).find("Other programs had 37 % of the processors"), std::string::npos);
  EXPECT_NE(table_of(results).find("Other programs had 37 %"), std::string::npos);
}

TEST_F(Sample, ThePageNeedsNothingElseAndShowsEverybody) {
  const std::vector<std::string> names{"Array seqlocked", "pthread mutex", "a <new> & \"odd\" one"};
  for (const Workload& workload : {counter, update64, snapshot64}) {
    for (const int children : {1, 16, 64}) {
      add(names[0].c_str(), Family::lagoon, workload, 3e7, children);
      add(names[1].c_str(), Family::peer, workload, 1e7, children);
      add(names[2].c_str(), Family::peer, workload, 1e6, children);
    }
  }
  results.processors = 7;
  results.facts = {{"processor", "Some <CPU>"}, {"processors usable", "7"}};
  results.skipped = {"CPython Value: no python3"};
  results.incomplete = "stopped by Interrupt";
  const std::string page = page_of(results);

  for (const char* fetched : {"<script", "<link", "<img", "src=", "url(", "@import", "http:"}) {
    EXPECT_EQ(page.find(fetched), std::string::npos) << fetched;
  }
  for (const char* there :
       {"Array seqlocked", "pthread mutex", "a &lt;new&gt; &amp; &quot;odd&quot; one",
        "Some &lt;CPU&gt;", "This machine has 7 processors", "Not measured: CPython Value",
        "Incomplete: stopped by Interrupt", "3.0 ×", "Each figure comes from one run",
        "within 20 %"}) {
    EXPECT_NE(page.find(there), std::string::npos) << there;
  }
  for (const char* unfilled : {"a <new>", "nan", "inf", "{"}) {
    const auto body = page.find("<body>");
    EXPECT_EQ(page.find(unfilled, body), std::string::npos) << unfilled;
  }

  const auto count = [&](const std::string& part) {
    std::size_t found = 0;
    for (auto at = page.find(part); at != std::string::npos; at = page.find(part, at + 1)) ++found;
    return found;
  };
  EXPECT_EQ(count("<svg"), 12U);
  for (const char* tag : {"svg", "table", "tr", "td", "th", "g", "text", "p", "ul", "li"}) {
    EXPECT_EQ(count("<" + std::string(tag) + ">") + count("<" + std::string(tag) + " "),
              count("</" + std::string(tag) + ">"))
        << tag;
  }
}

TEST_F(Sample, ThePageSaysWhichArrayIsForWhat) {
  add("Array seqlocked", Family::lagoon, update64, 20e6);
  add("Array locked", Family::lagoon, update64, 44e6);
  add("Array seqlocked", Family::lagoon, snapshot64, 60e6);
  EXPECT_EQ(page_of(results).find("Array seqlocked or Array locked?"), std::string::npos);
  add("Array locked", Family::lagoon, snapshot64, 15e6);
  const std::string page = page_of(results);
  EXPECT_NE(
      page.find("16 processes changed 64 doubles in Array locked 2.2 × as fast as in Array "
                "seqlocked; beside a writer 16 readers read them from Array seqlocked 4.0 × as "
                "fast as from Array locked."),
      std::string::npos);
}

TEST_F(Sample, WhatTwoQuestionsAskForIsShownOnce) {
  add("mutex", Family::peer, counter, 1e6, 1);
  add("mutex", Family::peer, counter, 1e6, 4);
  results.asked.push_back({{"again", "And again?", "The same.", {}}, all_of({counter}, {1, 4})});
  const std::string page = page_of(results);
  EXPECT_NE(page.find("And again?"), std::string::npos);
  EXPECT_EQ(page.find("id=\"counter\""), page.rfind("id=\"counter\""));
  const std::string table = table_of(results);
  EXPECT_EQ(table.find("Increment one counter, 4 children"),
            table.rfind("Increment one counter, 4 children"));
}

TEST_F(Sample, APacedWriterIsStarvedIfItDoesNotKeepItsPace) {
  const Workload paced{Operation::read, 64, 0, 1000};
  add("mutex", Family::peer, paced, 1e6, 1);
  EXPECT_EQ(unfit(last()), "");
  last().runs[0].writer_due = 0.005;
  EXPECT_EQ(unfit(last()), "the writer starved");
}

TEST(Workload, SaysWhatItIs) {
  EXPECT_EQ(key_of(counter), "counter");
  EXPECT_EQ(key_of({Operation::update, 64, 1000}), "update64/think:1000ns");
  EXPECT_EQ(key_of({Operation::read, 8192, 0, 1000}), "snapshot8192/writes:1000");
  EXPECT_EQ(title_of({Operation::update, 4}), "Update a struct of 32 bytes");
  EXPECT_EQ(key_of(mixed64), "mixed64");
  EXPECT_EQ(title_of({Operation::mix, 4}),
            "Read a struct of 32 bytes, and update it once in twenty times");
  EXPECT_EQ(title_of({Operation::update, 64, 1000}), "Update 64 doubles, then think for 1 µs");
  EXPECT_EQ(title_of({Operation::read, 8192, 0, 1000}),
            "Read an array of 64 KiB beside a writer, 1000 times a second");
}

TEST(Workload, OfAMixEachKnowsHowOftenItUpdated) {
  for (int seat = 0; seat < 64; ++seat) {
    std::uint64_t count = static_cast<std::uint64_t>(seat) % one_update_of, updates = 0;
    for (std::uint64_t done = 1; done < 100; ++done) {
      updates += ++count % one_update_of == 0 ? 1 : 0;
      EXPECT_EQ(updates_among(done, seat), updates);
    }
  }
}

TEST(Machine, KnowsTheDescendantsOfThisProcess) {
  std::array<int, 2> said{};
  ASSERT_EQ(::pipe(said.data()), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::fork() == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // and only then may the other one be killed
      const pid_t me = ::getpid();
      (void)!::write(said[1], &me, sizeof me);
    }
    ::pause();
    ::_exit(0);
  }
  pid_t grandchild = 0;
  ASSERT_EQ(::read(said[0], &grandchild, sizeof grandchild), ssize_t{sizeof grandchild});
  const auto all = descendants();
  ::kill(child, SIGKILL);  // the other one follows
  ::waitpid(child, nullptr, 0);
  ::close(said[0]);
  ::close(said[1]);
  EXPECT_EQ(std::set<int>(all.begin(), all.end()), (std::set<int>{child, grandchild}));
}

TEST(Questions, HaveKeysOfTheirOwnAndAreMeasuredSomewhereEachTime) {
  std::set<std::string> keys;
  for (const Question& question : all_questions()) {
    EXPECT_TRUE(keys.insert(question.key).second) << question.key;
    for (const Effort effort : {Effort::quick, Effort::standard, Effort::full}) {
      const auto places = question.places(effort);
      EXPECT_FALSE(places.empty());
      EXPECT_EQ(std::set<Place>(places.begin(), places.end()).size(), places.size());
    }
  }
}

Workload of_container(Operation operation, std::size_t keys, std::size_t doubles) {
  Workload workload{operation, doubles};
  workload.keys = keys;
  return workload;
}

TEST(Workloads, OfContainersSayWhatTheyAre) {
  EXPECT_EQ(key_of(of_container(Operation::look_up, 1000, 8)), "dict-get1000");
  EXPECT_EQ(key_of(of_container(Operation::look_up, 64, 512)), "dict-get64/bytes:4096");
  EXPECT_EQ(key_of(of_container(Operation::increment, 1000, 1)), "list-update1000");
  EXPECT_EQ(key_of({Operation::pass, 8}), "queue");
  EXPECT_EQ(title_of(of_container(Operation::look_up_beside, 1'000'000, 8)),
            "Look up one of 1,000,000 keys of a dict, beside a writer");
  EXPECT_EQ(title_of(of_container(Operation::replace, 64, 512)),
            "Set one of 64 keys of a dict, of 4 KiB");
}

/// A dict whose time grows as the square root of its keys, and not with its bytes.
TEST_F(Sample, HowItGrowsIsSaidWithItsSlope) {
  Question question{"growing", "How does it grow?", "A slope.", {}, false, true};
  results.asked = {{question, {}}};
  for (const int keys : {10, 100, 1000, 10'000}) {
    const auto workload = of_container(Operation::look_up, static_cast<std::size_t>(keys), 8);
    results.asked[0].places.push_back({workload, 1});
    add("Dict", Family::lagoon, workload, 1e9 / std::sqrt(keys), 1);
    add("map", Family::peer, workload, 1e6, 1);
  }
  for (const std::size_t doubles : {1U, 8U})  // of two there is no curve
    results.asked[0].places.push_back({of_container(Operation::look_up, 64, doubles), 1});
  const auto curves = curves_of(results, results.asked[0]);
  ASSERT_EQ(curves.size(), 1U);
  EXPECT_NEAR(*curves[0].slope(results, "Dict"), 0.5, 0.001);
  EXPECT_NEAR(*curves[0].slope(results, "map"), 0, 0.001);
  EXPECT_FALSE(curves[0].slope(results, "of another"));
  EXPECT_EQ(
      sentence(),
      "More and more. Look up a key, 1 process, by keys, 10 to 10,000: Dict, 3.16 ns to 100 ns "
      "(slope 0.50); the fastest of the others then: map, 1.00 µs to 1.00 µs (slope 0.00).");
  const std::string page = page_of(results);
  EXPECT_NE(page.find("<th>slope</th>"), std::string::npos);
  EXPECT_NE(page.find("<td>0.50</td>"), std::string::npos);
  EXPECT_EQ(page.find("nan"), std::string::npos);
}

/// Times of so many cells of some strategies in two runs of one build.
struct Compared : testing::Test {
  std::mt19937 random{20261129};
  Times then, now;

  void measure(double scatter, int places, int repeats) {
    std::lognormal_distribution<double> noise(0, scatter);
    double ns = 20;
    for (const std::string strategy : {"Lock", "mutex", "spin", "ticket", "MCS", "semaphore"}) {
      ns *= 1.5;
      for (int place = 0; place < places; ++place) {
        const std::string cell = "w" + std::to_string(place) + "/" + strategy + "/children:4";
        for (int i = 0; i < repeats; ++i) {
          then[cell].push_back(ns * noise(random));
          now[cell].push_back(ns * noise(random));
        }
      }
    }
  }
  void slow_down(const std::string& strategy, double times) {
    for (auto& [cell, all] : now)
      if (cell.find("/" + strategy + "/") != std::string::npos)
        for (double& ns : all) ns *= times;
  }
  [[nodiscard]] std::map<std::string, int> verdicts() const {
    std::map<std::string, int> all;
    for (const Change& change : compare(then, now).changes)
      if (change.verdict() != 0) all[change.strategy] = change.verdict();
    return all;
  }
};

TEST_F(Compared, OneThatIsATenthSlowerIsFlaggedWhateverTheMachineDid) {
  measure(0.05, 40, 3);
  slow_down("mutex", 1.1);
  for (auto& [cell, all] : now)
    for (double& ns : all) ns *= 1.3;  // a slower day
  EXPECT_EQ(verdicts(), (std::map<std::string, int>{{"mutex", 1}}));
  const std::string text = text_of(compare(then, now));
  EXPECT_NE(text.find("mutex is slower: +"), std::string::npos) << text;
  EXPECT_NE(text.find("All together: +3"), std::string::npos) << text;
}

TEST_F(Compared, NothingIsFlaggedBetweenRunsOfOneBuild) {
  int flagged = 0;
  for (int run = 0; run < 100; ++run) {
    then.clear();
    now.clear();
    measure(0.1, 20, 3);
    flagged += verdicts().empty() ? 0 : 1;
  }
  EXPECT_LE(flagged, 10);
}

TEST_F(Compared, RanksAreComparedWithinEachPlace) {
  measure(0.001, 10, 1);
  EXPECT_GT(compare(then, now).correlation, 0.95);
  for (auto& [cell, all] : now)
    for (double& ns : all) ns = 1 / ns;
  EXPECT_LT(compare(then, now).correlation, -0.9);
}

/// Three that are within 20 % of each other, in any order, whose runs vary by more.
TEST_F(Compared, WhatOneRunCannotTellApartRanksAlike) {
  const auto add_place = [&](Times& times, std::array<double, 3> medians) {
    const std::array<const char*, 4> names{"a", "b", "c", "far"};
    for (std::size_t i = 0; i < names.size(); ++i) {
      const double ns = i < 3 ? medians[i] : 1000;
      times["w/" + std::string(names[i]) + "/children:4"] = {0.7 * ns, ns, 1.3 * ns};
    }
  };
  add_place(then, {100, 110, 120});
  add_place(now, {120, 100, 110});
  EXPECT_DOUBLE_EQ(compare(then, now).correlation, 1);
  for (Times* times : {&then, &now})
    for (auto& [cell, all] : *times) all = {all[1]};
  EXPECT_LT(compare(then, now).correlation, 0.9);
}

TEST_F(Sample, AreReadBackFromACsv) {
  add("pthread mutex", Family::peer, update64, 4e6);
  add("pthread mutex", Family::peer, update64, 8e6);
  const std::filesystem::path path = std::filesystem::temp_directory_path() /
                                     ("contention-test-" + std::to_string(getpid()) + ".csv");
  std::ofstream(path) << csv_of(results);
  const Times times = times_in(path);
  std::filesystem::remove(path);
  EXPECT_EQ(times, (Times{{"update64/pthread_mutex/children:16", {250, 125}}}));
}

TEST(Times, AreReadBackFromAJsonWithWhatIsNoNumber) {
  const std::filesystem::path path = std::filesystem::temp_directory_path() /
                                     ("contention-test-" + std::to_string(getpid()) + ".json");
  std::ofstream(path) << R"({"benchmarks": [
    {"name": "counter/Lock/children:4/iterations:1", "run_type": "iteration", "ns_per_op": 25},
    {"name": "counter/Lock/children:4_cv", "run_type": "aggregate", "ns_per_op": NaN,
     "lost": -Infinity}]})";
  const Times times = times_in(path);
  std::filesystem::remove(path);
  EXPECT_EQ(times, (Times{{"counter/Lock/children:4", {25}}}));
}

TEST_F(Compared, WithNothingInBothSaysSo) {
  now["w/Lock/children:1"] = {1};
  EXPECT_EQ(text_of(compare(then, now)), "Nothing was measured in both runs.\n");
}

TEST_F(Sample, OneCellAloneIsDrawnToo) {
  add("mutex", Family::peer, counter, 1e6, 1);
  const std::string page = page_of(results);
  EXPECT_EQ(page.find("nan"), std::string::npos);
  EXPECT_NE(page.find("<b>mutex</b> alone"), std::string::npos);
}

#ifdef CONTENTION_PROGRAM

/// The program, writing its report into a directory of its own, in which files may lie; orphans of
/// it come to the test.
class Program {
 public:
  using Files = std::map<std::string, std::string>;

  explicit Program(std::vector<std::string> arguments, const Files& files = {}) {
    char name[] = "/tmp/contention-test-XXXXXX";
    directory_ = ::mkdtemp(name);
    for (const auto& [file, text] : files) std::ofstream(directory_ / file) << text;
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    arguments.insert(arguments.begin(), {CONTENTION_PROGRAM, "--report", directory_.string()});
    pid_ = ::fork();
    if (pid_ != 0) return;
    const std::string output = (directory_ / "output").string();
    if (std::freopen(output.c_str(), "w", stdout) == nullptr ||
        std::freopen((output + ".progress").c_str(), "w", stderr) == nullptr) {
      ::_exit(126);
    }
    std::vector<char*> pointers;
    for (auto& argument : arguments) pointers.push_back(argument.data());
    pointers.push_back(nullptr);
    ::execv(CONTENTION_PROGRAM, pointers.data());
    ::_exit(127);
  }
  ~Program() {
    if (!ended_) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
    std::filesystem::remove_all(directory_);
  }

  void signal(int number) const { ::kill(pid_, number); }

  int wait() {
    int status = 0;
    ::waitpid(pid_, &status, 0);
    ended_ = true;
    return status;
  }

  /// The children that it has now; waits until there are so many.
  [[nodiscard]] std::vector<pid_t> children(std::size_t at_least) const {
    std::vector<pid_t> found;
    while (found.size() < at_least) {
      const auto pid = std::to_string(pid_);
      std::ifstream file("/proc/" + pid + "/task/" + pid + "/children");
      found.clear();
      for (pid_t child = 0; file >> child;) found.push_back(child);
    }
    return found;
  }

  [[nodiscard]] std::string path(const char* name) const { return directory_ / name; }
  [[nodiscard]] bool has(const char* name) const {
    return std::filesystem::exists(directory_ / name);
  }
  [[nodiscard]] std::string read(const char* name) const {
    std::ifstream file(directory_ / name);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
  }

 private:
  std::filesystem::path directory_;
  pid_t pid_ = -1;
  bool ended_ = false;
};

TEST(Contention, MeasuresWhatTheFilterLeavesAndReportsIt) {
  Program program({"--quick", "--benchmark_filter=(mutex|no_lock)/children:4/"},
                  {{"contention.html", "older"}, {"contention.partial.html", "stopped"}});
  ASSERT_EQ(program.wait(), 0) << program.read("output.progress");
  const std::string output = program.read("output");
  EXPECT_NE(output.find("With 4 processes:\n"), std::string::npos) << output;
  EXPECT_NE(output.find("\n  Read 64 doubles beside a writer: "), std::string::npos) << output;
  if (std::thread::hardware_concurrency() > 1) {
    EXPECT_NE(output.find("TORN"), std::string::npos) << "nothing torn without a lock:\n" << output;
  }
  std::istringstream lines(output);
  for (std::string line; std::getline(lines, line);)
    EXPECT_TRUE(line.find("LOST") == std::string::npos || line.find("no lock") == 2) << line;
  EXPECT_NE(program.read("contention.html").find("</html>"), std::string::npos);
  EXPECT_NE(program.read("contention.json").find("\"least_share\""), std::string::npos);
  EXPECT_FALSE(program.has("contention.partial.html"));
  EXPECT_FALSE(program.has("contention.partial.json"));
}

TEST(Contention, IsComparedWithAnOlderRun) {
  const std::vector<std::string> cells{"--seconds",  "2", "--question", "which",
                                       "--children", "2", "--strategy", "mutex,Lock"};
  auto first = cells;
  Program older(first);
  ASSERT_EQ(older.wait(), 0) << older.read("output.progress");
  auto again = cells;
  again.insert(again.end(), {"--compare", older.path("contention.json")});
  Program newer(again);
  ASSERT_EQ(newer.wait(), 0) << newer.read("output.progress");
  EXPECT_NE(newer.read("output").find("Rank correlation: "), std::string::npos);
  EXPECT_NE(newer.read("contention.csv").find("\nupdate64,pthread mutex,2,1,"), std::string::npos);
}

TEST(Contention, SaysWhatIsWrongOnItsCommandLine) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> wrong{
      {{"--children", "0"}, "0 not in range 1 to 64"},
      {{"--question", "x"}, "x not in {which,crowded,readers,outlive,containers,growing}"},
      {{"--think", "5miles"}, "Allowed values: {ms,ns,us}"},
      {{"--size", "3"}, "3 not in range"},
      {{"--strategy", "zzz"}, "there is none of that name, but Array locked, "},
      {{"--compare", "/nowhere.json"}, "/nowhere.json"},
      {{"--compare", "/etc/passwd"}, "a JSON object with \"benchmarks\" was expected"},
      {{"--bench"}, "--bench"}};
  for (const auto& [arguments, says] : wrong) {
    Program program(arguments);
    EXPECT_NE(program.wait(), 0) << says;
    EXPECT_NE(program.read("output.progress").find(says), std::string::npos)
        << program.read("output.progress");
  }
}

TEST(Contention, AListLeavesTheReportAlone) {
  for (const char* const list : {"--benchmark_list_tests", "--list"}) {
    Program program({list}, {{"contention.json", "complete"}});
    ASSERT_EQ(program.wait(), 0) << program.read("output.progress");
    EXPECT_NE(program.read("output").find("counter/Lock/children:4"), std::string::npos);
    EXPECT_EQ(program.read("contention.json"), "complete");
    EXPECT_FALSE(program.has("contention.partial.json"));
  }
}

/// What each strategy lost there, out of a CSV.
std::map<std::string, double> lost_in(const std::string& csv_text, const std::string& workload) {
  std::istringstream csv(csv_text);
  std::map<std::string, double> lost;
  std::string line, field;
  while (std::getline(csv, line)) {
    std::istringstream fields(line);
    std::vector<std::string> all;
    while (std::getline(fields, field, ',')) all.push_back(field);
    constexpr std::size_t at = 15;  // "lost"
    if (all.size() > at && all[0] == workload) lost[all[1]] = std::stod(all[at]);
  }
  return lost;
}

TEST(Contention, FindsWhatAMixLosesWithoutALock) {
  if (std::thread::hardware_concurrency() < 2) GTEST_SKIP() << "nobody comes between";
  Program program({"--question", "which", "--seconds", "3", "--children", "4", "--strategy",
                   "Array,no lock", "--benchmark_filter=mixed64"});
  ASSERT_EQ(program.wait(), 0) << program.read("output.progress");
  auto lost = lost_in(program.read("contention.csv"), "mixed64");
  EXPECT_EQ(lost.at("Array seqlocked"), 0);
  EXPECT_EQ(lost.at("Array locked"), 0);
  EXPECT_GT(lost.at("no lock"), 0);
}

TEST(Contention, FindsWhatContainersLoseWithoutALock) {
  if (std::thread::hardware_concurrency() < 2) GTEST_SKIP() << "nobody comes between";
  Program program({"--quick", "--children", "4", "--keys", "1", "--question", "containers",
                   "--strategy", "Dict,no lock,Boost.Unordered"});
  ASSERT_EQ(program.wait(), 0) << program.read("output.progress");
  auto lost = lost_in(program.read("contention.csv"), "dict-update1");
  EXPECT_EQ(lost["Dict"], 0);
  EXPECT_EQ(lost["Boost.Unordered map"], 0);
  EXPECT_GT(lost["no lock"], 0);
}

TEST(Contention, SaysBeforeItMeasuresThatTheReportCannotBeWritten) {
  Program program({"--report", "/dev/null/report"});
  const int status = program.wait();
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 1);
  const std::string said = program.read("output.progress");
  EXPECT_NE(said.find("cannot be written to /dev/null/report: "), std::string::npos) << said;
  EXPECT_EQ(program.read("output"), "");
}

TEST(Contention, ASignalEndsItAndTheLastCompleteReportStays) {
  for (const int number : {SIGINT, SIGTERM}) {
    Program program({"--full", "--benchmark_filter=counter/pthread_mutex/children:64/"},
                    {{"contention.html", "complete"}, {"contention.json", "complete"}});
    (void)program.children(64);
    program.signal(number);
    const int status = program.wait();
    ASSERT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 128 + number);
    EXPECT_NE(program.read("output").find("Incomplete: stopped by "), std::string::npos);
    EXPECT_NE(program.read("output").find("The last complete report is still "), std::string::npos);
    EXPECT_NE(program.read("contention.partial.html").find("Incomplete: stopped by "),
              std::string::npos);
    EXPECT_EQ(program.read("contention.html"), "complete");
    EXPECT_EQ(program.read("contention.json"), "complete");
    EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1) << "it left children";
  }
}

TEST(Contention, KilledItTakesItsChildrenWithIt) {
  Program program({"--full", "--benchmark_filter=counter/pthread_spin/children:64/"});
  (void)program.children(64);
  program.signal(SIGKILL);
  program.wait();
  // They come to us, and end though nobody tells them to: else the watchdog ends this test.
  std::size_t ended = 0;
  while (::waitpid(-1, nullptr, 0) > 0) ++ended;
  EXPECT_GE(ended, 64U);
}

#endif

}  // namespace
