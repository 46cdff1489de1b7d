/// The `lagoon` command, as its users call it.

#include <lagoon/lagoon.hpp>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

namespace {

using namespace lagoon;

struct Said {
  int code;
  std::string text;  // on both ways out
};

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
    Said said{-1, ""};
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
