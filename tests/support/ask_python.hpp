#pragma once
/// What Python says: the questions of a test, a line each, are put to a script, which answers each
/// with a line of results: '=' or, of an exception, '!', then its text in hexadecimal digits.

#include <lagoon/error.hpp>

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lagoon::test {

using Answer = std::vector<std::string>;

inline std::vector<std::string> split(std::string_view text, char at) {
  std::vector<std::string> parts;
  for (;;) {
    const std::size_t end = text.find(at);
    parts.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

inline std::string from_hex(std::string_view hex) {
  std::string text;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    text += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  return text;
}

inline bool has_python() {
  return std::system("python3 -c 'import sys; sys.set_int_max_str_digits(0)' 2>/dev/null") == 0;
}

/// What python3 says to each question, by a script of tests/.
inline std::vector<Answer> ask_python(const std::string& script,
                                      const std::vector<std::string>& questions) {
  char name[] = "/tmp/lagoon-questions-XXXXXX";
  const int fd = mkstemp(name);
  EXPECT_GE(fd, 0);
  close(fd);
  {
    std::ofstream file(name);
    for (const std::string& question : questions) file << question << '\n';
  }
  const auto oracle = std::filesystem::path(__FILE__).parent_path().parent_path() / script;
  std::FILE* python =
      popen(("PYTHONUTF8=1 python3 '" + oracle.string() + "' <" + name).c_str(), "r");
  std::string said;
  char some[4096];
  while (const std::size_t n = std::fread(some, 1, sizeof some, python)) said.append(some, n);
  EXPECT_EQ(pclose(python), 0);
  std::filesystem::remove(name);
  std::vector<Answer> answers;
  for (const std::string& line : split(said, '\n')) {
    if (line.empty()) continue;
    Answer answer = split(line, '\t');
    for (std::string& result : answer) result = result[0] + from_hex(result.substr(1));
    answers.push_back(std::move(answer));
  }
  return answers;
}

template <class F>
std::string said(F&& f) {
  try {
    return "=" + f();
  } catch (const Error& e) {
    return std::string("!") + e.message();
  }
}

/// Whether the result is Python's; of an error Python's words, which ours begins with. A long value
/// in ours ends in three dots, where Python shows all of it.
inline bool says_the_same(std::string_view ours, std::string_view pythons) {
  if (pythons[0] != '!') return ours == pythons;
  if (ours.starts_with(pythons)) return true;
  constexpr std::string_view dots = "...";
  const std::size_t cut = ours.find(dots);
  return cut != std::string_view::npos && cut > 50 && pythons.starts_with(ours.substr(0, cut)) &&
         pythons.ends_with(ours.substr(cut + dots.size()));
}

}  // namespace lagoon::test
