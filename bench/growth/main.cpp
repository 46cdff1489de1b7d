/// How does each grow: with 10 to 10 million elements, with values of 8 B to 1 MiB, with 1 to 64
/// processes at once?
///
/// Three questions, each with lagoon and its peers in one run, their repetitions among each
/// other's; medians, and the spread kept. docs/growth.md says how, and what the answers are.

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <exception>
#include <filesystem>
#include <fstream>
#include <lagoon/lagoon.hpp>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "contention/crew.hpp"
#include "contention/machine.hpp"
#include "questions.hpp"

namespace growth {
namespace {

constexpr const char* usage =
    "growth [options]\n"
    "  --quick      some seconds, and sizes that are soon there: to see that it runs\n"
    "  --repeat N   samples of each figure, of which the median is taken (5)\n"
    "  --seconds S  of a sample of one process (0.06); of several, longer\n"
    "  --most N     elements (10,000,000, which take 5 GB)\n"
    "  --only Q     keys, bytes or processes\n"
    "  --csv FILE   all figures, with the lowest and highest of the samples\n"
    "  --svg DIR    keys.svg, bytes.svg, processes.svg\n";

struct Options {
  Effort effort;
  std::string only, csv, svg;
};

struct BadOption : std::runtime_error {
  using std::runtime_error::runtime_error;
};

double positive(const std::string& option, const std::string& text) {
  char* end = nullptr;
  const double number = std::strtod(text.c_str(), &end);
  if (*end != '\0' || !(number > 0)) throw BadOption(option + " wants a number, not " + text);
  return number;
}

Options options_of(const std::vector<std::string>& words) {
  Options options;
  Effort& effort = options.effort;
  effort.quick = std::find(words.begin(), words.end(), "--quick") != words.end();
  if (effort.quick) effort = {true, 3, 0.004, 100'000};
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& option = words[i];
    if (option == "--quick") continue;
    if (++i == words.size()) throw BadOption("not an option, or it wants something: " + option);
    const std::string& given = words[i];
    if (option == "--repeat")
      effort.repetitions = std::max(1, static_cast<int>(positive(option, given)));
    else if (option == "--seconds")
      effort.seconds = positive(option, given);
    else if (option == "--most")
      effort.most = static_cast<int>(std::clamp(positive(option, given), 10.0, 1e9));
    else if (option == "--only")
      options.only = given;
    else if (option == "--csv")
      options.csv = given;
    else if (option == "--svg")
      options.svg = given;
    else
      throw BadOption("not an option: " + option);
  }
  return options;
}

/// Says before minutes of measuring that the result could not be written.
void expect_writable(const std::filesystem::path& directory) {
  if (::access(directory.empty() ? "." : directory.c_str(), W_OK) != 0)
    throw std::runtime_error("cannot write to " + directory.string());
}

void write(const std::filesystem::path& path, const std::string& text) {
  std::ofstream file(path);
  file << text;
  file.close();
  if (!file) throw std::runtime_error("cannot write " + path.string());
}

/// The machine's, and the run's.
Facts facts_of(const Effort& effort) {
  Facts facts = contention::machine_facts();
  facts.emplace_back("samples", std::to_string(effort.repetitions) +
                                    " of each figure: median, lowest and highest");
  return facts;
}

int run(const Options& options) {
  lagoon::configure_heap({.reserve = std::size_t{16} << 30});
  contention::take_charge_of_processes();
  if (!options.svg.empty()) {
    std::filesystem::create_directories(options.svg);
    expect_writable(options.svg);
  }
  if (!options.csv.empty()) expect_writable(std::filesystem::path(options.csv).parent_path());

  const Effort& effort = options.effort;
  struct Kind {
    Question (*make)(const Effort&);
    void (*add)(Run&, Question&);
  };
  Run all(effort);
  std::deque<Question> questions;
  for (const Kind& kind :
       {Kind{keys, add_keys}, Kind{bytes, add_bytes}, Kind{processes, add_processes}}) {
    Question question = kind.make(effort);
    if (!options.only.empty() && options.only != question.key) continue;
    kind.add(all, questions.emplace_back(std::move(question)));
  }
  if (questions.empty()) throw BadOption("no such question: " + options.only);

  const contention::Others others;
  bool is_complete = true;
  try {
    all.go();
  } catch (const Interrupted&) {
    is_complete = false;
  }
  Facts facts = facts_of(effort);
  facts.emplace_back("other programs' part of the processors",
                     std::to_string(static_cast<int>(100 * others.share() + 0.5)) + " %");
  for (const Question& question : questions) std::fputs(table_of(question).c_str(), stdout);
  std::printf("\n%s\n", summary_of(questions).c_str());
  for (const auto& [what, value] : facts) std::printf("%s: %s\n", what.c_str(), value.c_str());
  if (!is_complete) {
    std::puts("Interrupted: these are the figures so far; no files are written.");
    return 128 + contention::interruption();
  }
  if (!options.csv.empty()) write(options.csv, csv_of(questions, facts));
  if (!options.svg.empty())
    for (const Question& question : questions)
      write(std::filesystem::path(options.svg) / (question.key + ".svg"), svg_of(question, facts));
  return 0;
}

}  // namespace
}  // namespace growth

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (std::find(words.begin(), words.end(), "--help") != words.end()) {
    std::fputs(growth::usage, stdout);
    return 0;
  }
  try {
    return growth::run(growth::options_of(words));
  } catch (const growth::BadOption& error) {
    std::fprintf(stderr, "growth: %s\n%s", error.what(), growth::usage);
    return 2;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "\ngrowth: %s\n", error.what());
    return 1;
  }
}
