/// The counts with which script/test ends are honest: an operation that was not looked at to its
/// end has none.

#include "kill_count.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>

namespace {

using lagoon::test::KillCount;

class KillCountTest : public testing::Test {
 protected:
  KillCountTest() { setenv("LAGOON_TEST_KILLS", path_.c_str(), 1); }
  ~KillCountTest() override {
    if (before_)
      setenv("LAGOON_TEST_KILLS", before_->c_str(), 1);
    else
      unsetenv("LAGOON_TEST_KILLS");
    std::filesystem::remove(path_);
  }
  [[nodiscard]] std::string told() const {
    std::ostringstream all;
    all << std::ifstream(path_).rdbuf();
    return all.str();
  }

 private:
  std::optional<std::string> before_ = [] {
    const char* const before = std::getenv("LAGOON_TEST_KILLS");
    return before == nullptr ? std::nullopt : std::optional<std::string>(before);
  }();
  std::string path_ =
      (std::filesystem::temp_directory_path() / ("lagoon-kills-" + std::to_string(getpid())))
          .string();
};

TEST_F(KillCountTest, tells_what_was_counted) {
  {
    KillCount count("set");
    count.killed();
    count.killed_in_recovery();
    count.met();
    count.torn();
    count.leaked();
  }
  EXPECT_EQ(told(), "begun\tset\nended\tset\t3\t1\t1\n");
}

TEST_F(KillCountTest, of_what_threw_tells_no_end) {
  try {
    KillCount count("set");
    throw std::runtime_error("the child crashed");
  } catch (const std::runtime_error&) {
  }
  EXPECT_EQ(told(), "begun\tset\n");
}

}  // namespace
