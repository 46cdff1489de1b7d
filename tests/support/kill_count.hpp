#pragma once
/// How often an operation was killed, and what came of it: a line for those who look at the test,
/// and one in the file that LAGOON_TEST_KILLS names, from which script/test adds up all.

#include <gtest/gtest.h>

#include <cstdlib>
#include <exception>
#include <fstream>
#include <iostream>
#include <string>
#include <utility>

namespace lagoon::test {

class KillCount {
 public:
  explicit KillCount(std::string name) : name_(std::move(name)) { tell("begun\t" + name_); }
  /// One that is not ended was stuck, or crashed: here, or a child that was to be killed later.
  ~KillCount() {
    if (std::uncaught_exceptions() > exceptions_before_) return;
    if (testing::Test::HasFailure() && !failed_before_ && torn_ + leaked_ == 0) ++torn_;
    tell("ended\t" + name_ + '\t' + std::to_string(points_ + in_recovery_ + met_) + '\t' +
         std::to_string(torn_) + '\t' + std::to_string(leaked_));
    std::cout << "  " << name_ << ": killed at " << points_ << " points";
    if (in_recovery_ != 0) std::cout << ", and in recovery at " << in_recovery_;
    if (met_ != 0) std::cout << ", and beside another " << met_ << " times";
    std::cout << '\n';
  }
  KillCount(const KillCount&) = delete;
  KillCount& operator=(const KillCount&) = delete;

  void killed() { ++points_; }
  void killed_in_recovery() { ++in_recovery_; }
  void met() { ++met_; }
  void torn() { ++torn_; }
  void leaked() { ++leaked_; }

 private:
  static void tell(const std::string& line) {
    const char* const file = std::getenv("LAGOON_TEST_KILLS");
    if (file != nullptr && *file != '\0') std::ofstream(file, std::ios::app) << line + '\n';
  }

  std::string name_;
  int exceptions_before_ = std::uncaught_exceptions();
  bool failed_before_ = testing::Test::HasFailure();
  unsigned points_ = 0;
  unsigned in_recovery_ = 0;
  unsigned met_ = 0;
  unsigned torn_ = 0;
  unsigned leaked_ = 0;
};

}  // namespace lagoon::test
