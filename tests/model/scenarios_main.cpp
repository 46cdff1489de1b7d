/// Runs the scenarios whose names begin with the argument, each in every order, until one fails.

#include <iostream>
#include <string_view>

#include "scenarios.hpp"

int main(int argc, char** argv) {
  using namespace lagoon::test::model;
  const std::string_view wanted = argc > 1 ? argv[1] : "";
  for (const Named& named : scenarios()) {
    if (!std::string_view(named.name).starts_with(wanted)) continue;
    const Outcome outcome = explore(named.bounds, named.scenario);
    if (!outcome.failed) continue;
    std::cout << "caught by " << named.name << ": " << outcome.what << '\n';
    return 1;
  }
  std::cout << "not caught\n";
}
