#pragma once
/// The `lagoon` command, as its users call it, with a directory of its own for segments.

#include <lagoon/segment.hpp>

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/wait.h>

#include <cstdio>
#include <filesystem>
#include <string>

namespace lagoon::test {

struct Said {
  int code = -1;
  std::string text;  // on both ways out
};

inline bool has(const Said& said, const std::string& what) {
  return said.text.find(what) != std::string::npos;
}

class Tool : public testing::Test {
 protected:
  Tool() {
    char name[] = "/dev/shm/lagoon-tool-test-XXXXXX";
    options.directory = ::mkdtemp(name);
  }
  ~Tool() override { std::filesystem::remove_all(options.directory); }
  void SetUp() override {
    if (!std::filesystem::exists(LAGOON_TOOL)) GTEST_SKIP() << "the command was not built";
  }

  [[nodiscard]] Said lagoon(const std::string& command, const std::string& arguments) const {
    const std::string line = "'" LAGOON_TOOL "' " + command + " --directory '" + options.directory +
                             "' " + arguments + " 2>&1";
    std::FILE* const out = ::popen(line.c_str(), "r");
    Said said;
    for (int c = 0; (c = std::fgetc(out)) != EOF;) said.text += static_cast<char>(c);
    const int status = ::pclose(out);
    if (WIFEXITED(status)) said.code = WEXITSTATUS(status);
    return said;
  }
  [[nodiscard]] std::string path(const std::string& name) const {
    return options.directory + "/" + name;
  }

  SegmentOptions options;
};

}  // namespace lagoon::test
