/// Which lock for a counter, a small struct, a record of 64 doubles, an array of 64 KiB?

#include "../question.hpp"

namespace contention {

Question which_lock() {
  return {"which", "Which way of sharing, for what, with how many?",
          "All at once and without a pause: the most contention that there can be.",
          [](Effort effort) -> std::vector<Place> {
            const Workload of_struct{Operation::update, 4};
            const Workload of_array{Operation::update, 8192};
            const std::vector<Workload> all{counter, of_struct, update64, of_array, mixed64};
            switch (effort) {
              case Effort::quick:
                return all_of({counter, update64}, {1, 4, 16});
              case Effort::standard:
                return all_of(all, {1, 4, 16});
              case Effort::full:
                break;
            }
            return all_of(all, {1, 2, 4, 16, 64});
          }};
}

}  // namespace contention
