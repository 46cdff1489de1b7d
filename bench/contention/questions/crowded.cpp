/// What happens when there are more processes than processors, and when they have other things to
/// do?

#include "../question.hpp"

namespace contention {

Question crowded() {
  return {"crowded",
          "What if there are more processes than processors, which also do other things?",
          "Between two operations each child works by itself. What it did then is in the time from "
          "one completion to the next, and not in that of single operations: 99.9 % of these, the "
          "longest, and the share of the least-served child say who had to wait.",
          [](Effort effort) -> std::vector<Place> {
            const auto thinking = [](double ns) { return Workload{Operation::update, 64, ns}; };
            const Workload counting{Operation::count, 1, 1000};
            switch (effort) {
              case Effort::quick:
                return all_of({thinking(1000)}, {4, 16});
              case Effort::standard:
                return all_of({update64, thinking(1000), thinking(10'000), counting}, {4, 16, 64});
              case Effort::full:
                break;
            }
            return all_of({update64, thinking(80), thinking(1000), thinking(10'000), counting},
                          {1, 2, 4, 16, 64});
          },
          true};
}

}  // namespace contention
