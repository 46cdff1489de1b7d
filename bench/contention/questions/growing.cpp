/// How does it grow, with keys, with bytes, with children?

#include <algorithm>

#include "../question.hpp"

namespace contention {

Question growing() {
  return {"growing",
          "How does it grow?",
          "A slope of 0 is a time that stays as it is, 1 one that grows as what there is more of: "
          "of ten times as much the time is 10 to that power. Of several children it is the time "
          "from one operation, whichever child's, to the next.",
          [](Effort effort) -> std::vector<Place> {
            std::vector<Place> all;
            const auto add = [&](Operation operation, std::size_t keys, std::size_t doubles,
                                 int children) {
              Workload workload{operation, doubles};
              workload.keys = keys;
              const Place place{workload, children};
              if (std::find(all.begin(), all.end(), place) == all.end()) all.push_back(place);
            };
            const bool full = effort == Effort::full;
            const std::vector<std::size_t> keys =
                full ? std::vector<std::size_t>{10, 100, 1000, 10'000, 100'000, 1'000'000}
                     : std::vector<std::size_t>{10, 1000,
                                                effort == Effort::quick ? 10'000U : 100'000U};
            const std::vector<std::size_t> doubles =
                full ? std::vector<std::size_t>{1, 8, 64, 512, 4096, 32'768, 131'072}
                     : std::vector<std::size_t>{8, 512, 32'768};
            const std::vector<int> children =
                full ? std::vector<int>{1, 2, 4, 16, 64} : std::vector<int>{1, 4, 16};
            const std::vector<Operation> operations =
                full ? std::vector<Operation>{Operation::look_up, Operation::replace}
                     : std::vector<Operation>{Operation::look_up};
            for (const Operation operation : operations) {
              for (const std::size_t n : keys) add(operation, n, 8, 1);
              if (effort == Effort::quick) continue;
              for (const std::size_t n : doubles) add(operation, 64, n, 1);
              for (const int n : children) add(operation, 1000, 8, n);
            }
            return all;
          },
          false,
          true};
}

}  // namespace contention
