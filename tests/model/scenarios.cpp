#include "scenarios.hpp"

namespace lagoon::test::model {

const std::vector<Named>& scenarios() {
  static const auto all = [] {
    std::vector<Named> together;
    for (const auto& group : {of_tenures(), of_owned_words(), of_copies(), of_events_and_permits(),
                              of_conditions(), of_parties(), of_locks(), of_directories(),
                              of_nodes(), of_sequences(), of_queues(), of_deaths(), of_pools()})
      together.insert(together.end(), group.begin(), group.end());
    return together;
  }();
  return all;
}

}  // namespace lagoon::test::model
