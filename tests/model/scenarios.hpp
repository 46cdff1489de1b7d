#pragma once
/// What is tried in every order: small programs of two to four threads, for each algorithm of the
/// core and each lock that is not a wrapper of another's.

#include <vector>

#include "model.hpp"

namespace lagoon::test::model {

struct Named {
  const char* name;
  Scenario scenario;
  Bounds bounds = {};
};

const std::vector<Named>& scenarios();

// Each in scenarios/, one file for each thing.
std::vector<Named> of_tenures();
std::vector<Named> of_owned_words();
std::vector<Named> of_copies();
std::vector<Named> of_events_and_permits();
std::vector<Named> of_conditions();
std::vector<Named> of_parties();
std::vector<Named> of_locks();
std::vector<Named> of_directories();
std::vector<Named> of_nodes();
std::vector<Named> of_sequences();
std::vector<Named> of_queues();
std::vector<Named> of_pools();
std::vector<Named> of_deaths();

}  // namespace lagoon::test::model
