#include "bench.hpp"

#include <utility>
#include <vector>

namespace locks_bench {

namespace {

using figures::Table;

const std::vector<int> counts{1, 2, 4, 16, 64};
/// How long it is held, and how long each thinks before it wants it again, in ns.
const std::vector<std::pair<double, double>> cases{{0, 0},  {300, 0},  {2000, 0}, {20000, 0},
                                                   {0, 80}, {0, 1000}, {0, 10000}};
std::vector<std::string> strategies;

std::string name_of(const std::string& strategy, const Plan& plan) {
  char text[128];
  std::snprintf(text, sizeof text, "contended/%s/hold:%g/think:%g/n:%d", strategy.c_str(),
                plan.hold_ns, plan.think_ns, plan.children);
  return text;
}

std::string text_of(double ns) {
  char text[32];
  if (ns < 1e3)
    std::snprintf(text, sizeof text, "%.0f ns", ns);
  else if (ns < 1e6)
    std::snprintf(text, sizeof text, "%.3g us", ns / 1e3);
  else
    std::snprintf(text, sizeof text, "%.3g ms", ns / 1e6);
  return text;
}

template <class L>
void measure(Bench& bench, const std::string& strategy, L& lock, const Plan& plan) {
  register_once(name_of(strategy, plan), [&bench, &lock, plan](benchmark::State& state) {
    const Outcome outcome = run(
        lock, plan, bench.ticks, [](L& l) { l.lock(); }, [](L& l) { l.unlock(); });
    if (outcome.lost != 0) return state.SkipWithError("additions were lost: it does not exclude");
    report(state, outcome);
  });
}

/// The least time that any strategy needs that serves all.
std::optional<double> best(const Table& table, const Plan& plan) {
  std::optional<double> least;
  for (const std::string& strategy : strategies) {
    const std::string name = name_of(strategy, plan);
    const auto ns = table(name);
    if (ns && *table(name + ":jain") >= 0.9 && (!least || *ns < *least)) least = ns;
  }
  return least;
}

Table::Figure figure(std::string name) {
  return [name = std::move(name)](const Table& t) { return t(name); };
}

void add_rows(Table& table) {
  for (const int n : {2, 4, 16, 64}) {
    const std::string mine = name_of("Lock", {n});
    const std::string theirs = name_of("pthread robust", {n});
    const std::string what = "Lock, " + std::to_string(n) + " processes";
    table.add({.what = what,
               .figure = mine,
               .peer = "pthread robust",
               .peer_is = figure(theirs),
               .at_most_ratio = 1.0 / 3,
               .at_most = 15,
               .notes = {{"least-served", mine + ":least"}, {"CPU ns", mine + ":cpu_ns"}}});
    table.add({.what = what + ": 1 - Jain",
               .figure = mine + ":unfairness",
               .peer = "pthread robust",
               .peer_is = figure(theirs + ":unfairness"),
               .at_most = 0.1,
               .unit = ""});
    table.add({.what = what + ": longest wait",
               .figure = mine + ":longest_us",
               .peer = "pthread robust",
               .peer_is = figure(theirs + ":longest_us"),
               .at_most_ratio = 0.1,
               .unit = "us"});
  }
  for (const double hold : {300., 2000., 20000.})
    for (const int n : {2, 4, 16, 64}) {
      const std::string mine = name_of("Lock", {n, hold});
      const std::optional<double> goal = hold == 300 ? std::optional<double>(30) : std::nullopt;
      table.add({.what = "Lock held for " + text_of(hold) + ", " + std::to_string(n) + " processes",
                 .figure = mine,
                 .peer = "by one process",
                 .peer_is = figure(name_of("Lock", {1, hold})),
                 .at_most_more = goal,
                 .notes = {{"Jain", mine + ":jain"},
                           {"longest us", mine + ":longest_us"},
                           {"CPU ns", mine + ":cpu_ns"},
                           {"pthread robust", name_of("pthread robust", {n, hold})}}});
    }
  for (const auto& [hold, think] : cases)
    for (const int n : {2, 4, 16, 64}) {
      if (hold != 0) continue;
      const Plan plan{n, hold, think};
      table.add(
          {.what = "Lock, away for " + text_of(think) + ", " + std::to_string(n) + " processes",
           .figure = name_of("Lock", plan),
           .peer = "best with Jain >= 0.9",
           .peer_is = [plan](const Table& t) { return best(t, plan); },
           .at_most_ratio = 1 / 0.9});
    }
}

}  // namespace

void ask_contended(Bench& bench) {
  bench.locks.each([&]<class L>(const std::string& name, L& lock) {
    strategies.push_back(name);
    for (const auto& [hold, think] : cases) {
      if (bench.quick && hold + think > 0) continue;
      for (const int n : counts) {
        if (bench.quick && n != 1 && n != 16) continue;
        measure(bench, name, lock, {n, hold, think, seconds_for(n, bench.quick)});
      }
    }
  });
  add_rows(bench.table);
}

void print_contended(const Table& table) {
  for (const auto& [hold, think] : cases) {
    std::string lines;
    for (const std::string& strategy : strategies) {
      std::string line;
      bool any = false;
      for (const int n : counts) {
        const std::string name = name_of(strategy, {n, hold, think});
        const auto ns = table(name);
        char cell[64];
        std::snprintf(cell, sizeof cell, " %24s", "");
        if (ns)
          std::snprintf(cell, sizeof cell, " %9.1f %4.2f %9s", *ns, *table(name + ":jain"),
                        text_of(*table(name + ":longest_us") * 1e3).c_str());
        line += cell;
        any = any || ns;
      }
      char begin[64];
      std::snprintf(begin, sizeof begin, "%-26s", strategy.c_str());
      if (any) lines += begin + line + "\n";
    }
    if (lines.empty()) continue;
    std::printf(
        "\nHeld for %s, then away for %s: ns each / Jain / longest wait, by processes\n%-26s",
        text_of(hold).c_str(), text_of(think).c_str(), "");
    for (const int n : counts) std::printf(" %24d", n);
    std::printf("\n%s", lines.c_str());
  }
}

}  // namespace locks_bench
