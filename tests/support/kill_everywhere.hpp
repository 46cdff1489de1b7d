#pragma once
/// Killed at every instruction.
///
/// A child runs an operation one instruction at a time and is killed, by SIGKILL, after k of them;
/// then the others look whether what it shared is whole, not lost and not stuck. A fresh child for
/// each k, from none to all.
///
/// Long operations run mostly on private memory, which dies with the child. For these `shared` says
/// what others can see, and the child is killed after each instruction that changed it: what lies
/// between two of those is the same to everyone else. What others see of a file that has no name
/// yet is what system calls do: then `steps` are these.
///
/// To add one: write down what to do before, in the child and after. `after` says how far the
/// operation came, as a number that never goes back from one k to the next: 0 not at all, `done`
/// all the way. Where an operation happens or does not, either_or.hpp needs less.

#include <gtest/gtest.h>

#include <cstddef>
#include <cstring>
#include <functional>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "kill_count.hpp"
#include "sanitizers.hpp"
#include "stepped.hpp"

namespace lagoon::test {

enum class Steps { instructions, system_calls };

struct Operation {
  std::string name;
  int done = 1;
  std::function<void()> before = [] {};  // here
  std::function<void()> enter = [] {};   // in the child, at full speed
  std::function<void()> run;             // in the child, until it is killed
  std::function<int()> after;            // here
  Steps steps = Steps::instructions;
  std::function<std::span<const std::byte>()> shared = {};  // see above
  /// Whether it takes as many instructions each time. If not, how far it came is not compared from
  /// one kill to the next.
  bool steady = true;
};

/// After how many instructions of `run` others can see a difference, and all of them.
inline std::vector<unsigned> where_shared_memory_changes(const Operation& operation) {
  Stepped child{operation.enter, operation.run};
  std::vector<unsigned> where{0};
  std::vector<std::byte> last;
  unsigned k = 0;
  for (bool goes_on = true; goes_on; goes_on = child.step(), ++k) {
    const auto now = operation.shared();
    if (now.size() == last.size() && std::memcmp(now.data(), last.data(), now.size()) == 0)
      continue;
    if (!last.empty()) where.push_back(k);
    last.assign(now.begin(), now.end());
  }
  where.push_back(k + 1);
  return where;
}

inline void kill_everywhere(const Operation& operation) {
  if constexpr (with_tsan || with_asan)
    GTEST_SKIP() << "the child would step through the sanitizer";
  const OnOneProcessor one;
  std::vector<unsigned> where;
  if (operation.shared) {
    operation.before();
    where = where_shared_memory_changes(operation);
    operation.after();
  }
  KillCount count(operation.name);
  unsigned points = 0;
  int came = 0;
  for (bool returned = false; !returned; ++points) {
    // All of them at last: this child may take some more than the one that was looked at.
    const unsigned k = where.empty()           ? points
                       : points < where.size() ? where[points]
                                               : std::numeric_limits<unsigned>::max();
    const bool calls = operation.steps == Steps::system_calls;
    SCOPED_TRACE(operation.name + ", killed after " + std::to_string(k) +
                 (calls ? " begins and ends of system calls" : " instructions"));
    operation.before();
    Stepped child{operation.enter, operation.run};
    for (unsigned i = 0; i < k && (calls ? child.step_to_system_call() : child.step()); ++i)
      continue;
    returned = child.returned();
    child.kill();
    const int now = operation.after();
    EXPECT_TRUE(points != 0 || now == 0) << "nothing had been done";
    EXPECT_TRUE(now >= came || !operation.steady)
        << "what had happened some instructions earlier has not happened";
    EXPECT_TRUE(!returned || now == operation.done) << "the operation had returned";
    came = now;
    count.killed();
    if (testing::Test::HasFailure()) return;
  }
  EXPECT_GT(points, 2U);
}

}  // namespace lagoon::test
