/// Tests that are meant to fail: ctest runs each alone and looks at what the watchdog says.

#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <fstream>

#include "child.hpp"
#include "shm_name.hpp"

namespace lagoon::test {
namespace {

TEST(Watchdog, hangs) {
  Child child{[] { pause(); }};
  child.wait();
}

TEST(Watchdog, crashes) { std::raise(SIGKILL); }

TEST(Watchdog, leaves_a_segment) {
  static const ShmName& name = *new ShmName;  // never destroyed
  std::ofstream{name.path()} << "x";
}

TEST(Watchdog, leaves_a_process) {
  if (fork() == 0) {
    setsid();
    pause();
  }
}

}  // namespace
}  // namespace lagoon::test
