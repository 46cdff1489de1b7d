/// What do readers pay for a writer, and a writer for readers?

#include "../question.hpp"

namespace contention {

Question readers_and_writers() {
  return {
      "readers", "What do readers pay for a writer, and a writer for readers?",
      "One process writes all of it, as often as it can or so many times a second; so many "
      "others read all of it. A write that is due at a time counts from then: one that had to "
      "wait makes those late that come after it.",
      [](Effort effort) -> std::vector<Place> {
        const auto of = [](std::size_t doubles) { return Workload{Operation::read, doubles}; };
        const auto paced = [](double writes_per_s) {
          return Workload{Operation::read, 64, 0, writes_per_s};
        };
        if (effort == Effort::quick) return all_of({snapshot64}, {1, 4, 16});
        if (effort == Effort::standard) {
          std::vector<Place> all = all_of({snapshot64}, {1, 3, 15});
          for (const Place& place : all_of({paced(1000), of(1024)}, {3})) all.push_back(place);
          return all;
        }
        std::vector<Place> all = all_of({snapshot64, paced(1000), paced(10'000)}, {1, 3, 15, 63});
        for (const std::size_t doubles : {1U, 4U, 1024U, 65'536U, 2'097'152U})
          all.push_back({of(doubles), 3});
        return all;
      }};
}

}  // namespace contention
