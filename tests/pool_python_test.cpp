/// A Pool beside Python's: what python3 says of the same (pool_oracle.py).

#include <lagoon/lagoon.hpp>

#include <gtest/gtest.h>
#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <exception>
#include <functional>
#include <numeric>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "ask_python.hpp"

namespace {

using lagoon::Object;
using lagoon::Pool;
using lagoon::PoolOptions;

/// As Python writes it; of an exception its text, and not Python's name of the type.
template <class F>
std::string said(F&& f) {
  try {
    return "=" + Object(f()).repr();
  } catch (const std::exception& e) {
    return std::string("!") + e.what();
  }
}
std::string without_type(std::string said_by_python) {
  const std::size_t colon = said_by_python.find(": ");
  return said_by_python[0] == '!' ? "!" + said_by_python.substr(colon + 2) : said_by_python;
}

/// What a Pool says, and the same in Python, which is asked at the end of the test.
class PoolBesidePython : public testing::Test {
 protected:
  void SetUp() override {
    if (!lagoon::test::has_python()) GTEST_SKIP() << "there is no python3";
  }
  template <class F>
  void same(F&& f, const std::string& question) {
    said_.push_back(said(f));
    questions_.push_back(question);
  }
  void TearDown() override {
    if (questions_.empty()) return;
    const auto answers = lagoon::test::ask_python("pool_oracle.py", questions_);
    ASSERT_EQ(answers.size(), questions_.size());
    for (std::size_t i = 0; i < answers.size(); ++i) {
      const std::string python = without_type(answers[i].at(0));
      // An error may say more.
      EXPECT_NE(said_[i].find(python), std::string::npos) << questions_[i] << "\n"
                                                          << said_[i] << "\nlacks: " << python;
      if (python[0] == '=') {
        EXPECT_EQ(said_[i], python) << questions_[i];
      }
    }
  }

 private:
  std::vector<std::string> said_, questions_;
};

std::vector<int> range(int n) {
  std::vector<int> all(static_cast<std::size_t>(n));
  std::iota(all.begin(), all.end(), 0);
  return all;
}

constexpr auto square = [](int x) { return x * x; };
constexpr auto fails_at_three = [](int x) {
  if (x == 3) throw std::out_of_range("three is out of range");
  return x;
};

template <class Results>
std::vector<int> all(Results results) {
  std::vector<int> seen;
  while (auto x = results.next()) seen.push_back(*x);
  return seen;
}

TEST_F(PoolBesidePython, results_and_texts_are_the_same) {
  Pool p(2);
  same([&] { return p.apply(square, 7); }, "p.apply(square, (7,))");
  same([&] { return p.map(square, range(50)); }, "p.map(square, range(50))");
  same([&] { return p.map(square, range(0)); }, "p.map(square, [])");
  same([&] { return p.map(square, range(10), 3); }, "p.map(square, range(10), 3)");
  same([&] { return p.starmap(std::minus<>(), std::vector{std::pair(5, 3)}); },
       "p.starmap(minus, [(5, 3)])");
  same([&] { return p.apply(fails_at_three, 3); }, "p.apply(fails_at_three, (3,))");
  same([&] { return p.map(fails_at_three, range(10), 4); }, "p.map(fails_at_three, range(10), 4)");
  same([&] { return all(p.imap(square, range(30))); }, "list(p.imap(square, range(30)))");
  same([&] { return all(p.imap(square, range(30), 4)); }, "list(p.imap(square, range(30), 4))");
  same(
      [&] {
        std::vector<Object> seen;
        auto results = p.imap(fails_at_three, range(5));
        for (int i = 0; i < 7; ++i) {
          try {
            const std::optional<int> x = results.next();
            seen.push_back(x ? Object(*x) : Object("end"));
          } catch (const std::out_of_range& e) {
            seen.push_back(e.what());
          }
        }
        return seen;
      },
      "next_or_error(p.imap(fails_at_three, range(5)), 7)");
}

TEST_F(PoolBesidePython, chunks_are_of_the_same_size) {
  for (const auto& [length, workers] :
       std::vector{std::pair(1, 2), std::pair(7, 2), std::pair(8, 2), std::pair(9, 2),
                   std::pair(100, 3), std::pair(1001, 4)}) {
    const auto largest = [length = length, workers = workers] {
      // Who is replaced after each chunk tells how many it had.
      Pool p(PoolOptions{.processes = workers, .maxtasksperchild = 1});
      const std::vector<pid_t> pids = p.map([](int) { return getpid(); }, range(length));
      std::ptrdiff_t most = 0;
      for (auto at = pids.begin(); at != pids.end();) {
        const auto end = std::find_if(at, pids.end(), [&](pid_t pid) { return pid != *at; });
        most = std::max(most, end - at);
        at = end;
      }
      return most;
    };
    same(largest, "chunk_of(" + std::to_string(length) + ", " + std::to_string(workers) + ")");
  }
}

TEST_F(PoolBesidePython, errors_say_the_same) {
  Pool running(1);
  Pool closed(1);
  closed.close();
  same([] { return Pool(0).apply(square, 1); }, "multiprocessing.Pool(0)");
  same([] { return Pool({.processes = 1, .maxtasksperchild = 0}).apply(square, 1); },
       "multiprocessing.Pool(1, maxtasksperchild=0)");
  same([&] { return closed.apply(square, 1); }, "closed().apply(square, (1,))");
  same(
      [&] {
        running.join();
        return 0;
      },
      "p.join()");
  same([&] { return running.imap(square, range(1), 0).next().value(); }, "p.imap(square, [1], 0)");
}

}  // namespace
