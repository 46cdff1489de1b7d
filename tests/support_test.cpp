/// What the other tests lean on.

#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "child.hpp"
#include "rendezvous.hpp"
#include "shm_name.hpp"

namespace lagoon::test {
namespace {

using namespace std::chrono_literals;

TEST(Child, ExitsWithZeroOrWithOneAfterAnException) {
  EXPECT_EQ(Child([] {}).exitcode(), 0);
  EXPECT_EQ(Child([] { throw std::runtime_error("meant to be seen"); }).exitcode(), 1);
  EXPECT_EQ(Child([] { throw 1; }).exitcode(), 1);
}

TEST(Child, ExitsWithOneAfterAFailedExpectation) {
  EXPECT_EQ(Child([] { EXPECT_EQ(1, 2) << "meant to be seen"; }).exitcode(), 1);
}

TEST(Child, KilledIsAZombieUntilReaped) {
  Child child{[] { pause(); }};
  child.kill_unreaped();
  EXPECT_EQ(state_of(child.pid()), 'Z');
  EXPECT_TRUE(child.signaled());
  EXPECT_EQ(child.exitcode(), -SIGKILL);
  EXPECT_EQ(state_of(child.pid()), '-');
}

TEST(Child, StopsAndResumes) {
  SharedFlags flags;
  Child child{[&] {
    flags.await(0);
    flags.raise(1);
  }};
  child.stop();
  EXPECT_EQ(state_of(child.pid()), 'T');
  flags.raise(0);
  EXPECT_EQ(flags.count(1), 0U);
  child.resume();
  flags.await(1);
  EXPECT_EQ(child.exitcode(), 0);
}

TEST(Child, DoesNotOutliveItsHandle) {
  pid_t pid = 0;
  {
    Child child{[] { pause(); }};
    child.stop();
    pid = child.pid();
  }
  EXPECT_EQ(state_of(pid), '-');
}

TEST(SharedFlags, CountWhatChildrenRaise) {
  SharedFlags flags;
  std::vector<Child> children;
  for (int i = 0; i < 4; ++i) children.emplace_back([&] { flags.raise(7); });
  flags.await(7, 4);
  EXPECT_EQ(flags.count(7), 4U);
}

TEST(SharedFlags, WaitingInVainThrows) {
  SharedFlags flags;
  EXPECT_THROW(flags.await(0, 1, 1ms), std::runtime_error);
  EXPECT_THROW(wait_until([] { return false; }, "never", 1ms), std::runtime_error);
}

TEST(Rendezvous, NobodyIsARoundAhead) {
  constexpr std::uint32_t rounds = 200;
  Rendezvous rendezvous{3};
  SharedFlags arrivals;
  const auto take_part = [&] {
    for (std::uint32_t round = 1; round <= rounds; ++round) {
      arrivals.raise(0);
      rendezvous.meet();
      EXPECT_GE(arrivals.count(0), 3 * round);
      EXPECT_LT(arrivals.count(0), 3 * round + 3);
      rendezvous.meet();
    }
  };
  Child first{take_part};
  Child second{take_part};
  take_part();
  EXPECT_EQ(first.exitcode(), 0);
  EXPECT_EQ(second.exitcode(), 0);
}

TEST(ShmName, RemovesItsFileInItsMakerOnly) {
  std::string path;
  {
    ShmName name;
    path = name.path();
    EXPECT_NE(name.str(), ShmName().str());
    std::ofstream{path} << "x";
    Child child{[copy = &name] { copy->~ShmName(); }};
    EXPECT_EQ(child.exitcode(), 0);
    EXPECT_TRUE(std::filesystem::exists(path));
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

}  // namespace
}  // namespace lagoon::test
