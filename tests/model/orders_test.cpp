/// In every order: what the scenarios say holds in each run that the model can choose; and each
/// memory order stronger than relaxed is needed: with one of them weakened, some run fails.
///
/// LAGOON_TEST_DEVIATIONS gives the runs more deviations from the usual than they have by default:
/// one more takes some fifty times as long.

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <ostream>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

#include "scenarios.hpp"

namespace lagoon::test::model {

void PrintTo(const Named& named, std::ostream* out) { *out << named.name; }

namespace {

using boost::memory_order_acq_rel;
using boost::memory_order_acquire;
using boost::memory_order_relaxed;
using boost::memory_order_release;
using boost::memory_order_seq_cst;

class InEveryOrder : public testing::TestWithParam<Named> {};
INSTANTIATE_TEST_SUITE_P(Of, InEveryOrder, testing::ValuesIn(scenarios()),
                         [](const auto& named) { return std::string(named.param.name); });

TEST_P(InEveryOrder, it_holds) {
  Bounds bounds = GetParam().bounds;
  if (const char* more = std::getenv("LAGOON_TEST_DEVIATIONS"))
    bounds.deviations += static_cast<unsigned>(std::strtoul(more, nullptr, 10));
  const Outcome outcome = explore(bounds, GetParam().scenario);
  EXPECT_FALSE(outcome.failed) << outcome.what;
  std::cout << "  " << outcome.runs << " runs with up to " << bounds.deviations
            << " deviations, killed " << outcome.kills << " times, a slice of sleep had to end in "
            << outcome.rescues << '\n';
}

std::vector<Order> weaker(Order order) {
  switch (order) {
    case memory_order_seq_cst:
      return {memory_order_acq_rel};
    case memory_order_acq_rel:
      return {memory_order_acquire, memory_order_release};
    case memory_order_acquire:
    case memory_order_release:
      return {memory_order_relaxed};
    default:
      return {};
  }
}
const char* name_of(Order order) {
  switch (order) {
    case memory_order_seq_cst:
      return "seq_cst";
    case memory_order_acq_rel:
      return "acq_rel";
    case memory_order_acquire:
      return "acquire";
    case memory_order_release:
      return "release";
    default:
      return "relaxed";
  }
}

/// Each file of the library that the scenarios come through, and how many orders it has.
class EachOrder : public testing::TestWithParam<const char*> {
 public:
  struct Use {
    Order order;
    std::vector<const Named*> by;
  };
  /// All that are used, file by file.
  static const std::map<std::string, std::map<Site, Use>>& uses() {
    static const auto all = [] {
      std::map<std::string, std::map<Site, Use>> found;
      for (const Named& named : scenarios())
        for (const auto& [site, order] : explore({.deviations = 1}, named.scenario).orders) {
          if (site.file.find("/core/") == std::string::npos &&
              site.file.find("/locks/") == std::string::npos)
            continue;
          if (site.file.find("/tests/") != std::string::npos) continue;
          auto& use = found[site.file.substr(site.file.rfind('/') + 1)][site];
          use.order = order;
          use.by.push_back(&named);
        }
      return found;
    }();
    return all;
  }
  static bool is_noticed(const Site& site, const Use& use, Order order) {
    const Weakened weakened{site, order};
    const auto is_noticed_by = [&](const Named& named, unsigned deviations) {
      return deviations <= named.bounds.deviations &&
             explore({deviations}, named.scenario, &weakened).failed;
    };
    // The first is tried to its end before the others begin.
    for (unsigned deviations = 1; deviations <= 4; ++deviations)
      if (is_noticed_by(*use.by.front(), deviations)) return true;
    for (unsigned deviations = 1; deviations <= 4; ++deviations)
      for (const Named* named : use.by)
        if (named != use.by.front() && is_noticed_by(*named, deviations)) return true;
    return false;
  }
};

constexpr const char* files[] = {
    "await.hpp",         "contend.hpp",       "entries.cpp",      "entries.hpp",
    "event_word.hpp",    "event_word.cpp",    "futex_mutex.hpp",  "futex_mutex.cpp",
    "journal.cpp",       "latch.hpp",         "mcs.hpp",          "mcs.cpp",
    "owned_permits.hpp", "owned_permits.cpp", "owned_word.hpp",   "owned_word.cpp",
    "parties.hpp",       "parties.cpp",       "permit_count.hpp", "permit_count.cpp",
    "reader_writer.hpp", "reader_writer.cpp", "seqlock.hpp",      "seqlock.cpp",
    "sequence.hpp",      "sequence.cpp",      "slab.hpp",         "slab.cpp",
    "tenure.hpp",        "tenure.cpp",        "ticket.hpp",       "ticket.cpp",
    "ttas.hpp",          "wait_queue.cpp",    "hands.hpp",        "hands.cpp",
    "message_queue.hpp", "message_queue.cpp", "pages.hpp",        "pages.cpp",
    "ring.hpp",          "ring.cpp",
};
/// What the model's language cannot show, by the number beside it in the source.
struct Argued {
  const char* file;
  const char* number;
  const char* because;
};
constexpr Argued argued[] = {
    {"hands.hpp", "// (6)", "without it a look comes after a store that follows it"},
    {"message_queue.cpp", "// (8)", "without it the next look, seq_cst, comes before it"},
};
bool is_argued(const Site& site) {
  std::ifstream source(site.file);
  std::string line;
  for (unsigned number = 1; std::getline(source, line); ++number)
    if (number >= site.line && number < site.line + 2)
      for (const Argued& a : argued)
        if (site.file.ends_with(std::string("/") + a.file) &&
            line.find(a.number) != std::string::npos)
          return true;
  return false;
}

INSTANTIATE_TEST_SUITE_P(Of, EachOrder, testing::ValuesIn(files), [](const auto& file) {
  std::string name = file.param;
  std::replace(name.begin(), name.end(), '.', '_');
  return name;
});

TEST_P(EachOrder, is_needed) {
  const auto uses_of_file = uses().find(GetParam());
  ASSERT_TRUE(uses_of_file != uses().end()) << "nothing comes through it";
  unsigned tried = 0;
  unsigned argued_for = 0;
  for (const auto& [site, use] : uses_of_file->second)
    for (const Order order : weaker(use.order)) {
      if (is_argued(site)) {
        ++argued_for;
        continue;
      }
      ++tried;
      EXPECT_TRUE(is_noticed(site, use, order))
          << model::name_of(site) << ": " << name_of(use.order) << " might as well be "
          << name_of(order) << ", for all that is tried here";
    }
  std::cout << "  " << tried << " orders weakened, one at a time";
  if (argued_for != 0) std::cout << "; " << argued_for << " that the model cannot show are argued";
  std::cout << '\n';
}

TEST(AllOrders, of_each_file_are_weakened) {
  for (const auto& [file, sites] : EachOrder::uses()) {
    const bool has_any = std::ranges::any_of(
        sites, [](const auto& use) { return !weaker(use.second.order).empty(); });
    EXPECT_EQ(std::ranges::count(files, file), has_any ? 1 : 0) << file << ", in the list above";
  }
}

// Each order that stands in the source of what is modelled is used by some scenario.
TEST(AllOrders, that_are_written_down_are_tried) {
  std::istringstream paths(MODELLED);
  for (std::string path; std::getline(paths, path, ':');) {
    const auto uses = EachOrder::uses().find(path.substr(path.rfind('/') + 1));
    std::ifstream source(path);
    ASSERT_TRUE(source) << path;
    std::string line;
    for (unsigned number = 1; std::getline(source, line); ++number) {
      line = line.substr(0, line.find("//"));
      static const std::regex strong("memory_order_(acquire|release|acq_rel|seq_cst)");
      if (!std::regex_search(line, strong) || line.starts_with("using")) continue;
      const bool is_tried =
          uses != EachOrder::uses().end() &&
          std::ranges::any_of(uses->second, [&](const auto& use) {
            const unsigned at = use.first.line;  // where the call begins
            return at <= number && number <= at + 4 && !weaker(use.second.order).empty();
          });
      EXPECT_TRUE(is_tried) << path << ':' << number << ':' << line;
    }
  }
}

}  // namespace
}  // namespace lagoon::test::model
