/// What happens when a process is stopped, or killed, at the worst moment?

#include "../question.hpp"

namespace contention {

Question outliving() {
  return {"outlive", "What if a process is stopped, or killed, at the worst moment?",
          "A lock that knows of its owner's death hands out what that one was writing, half old, "
          "half new: who takes it must know how to mend that. One that does not know waits for "
          "ever.",
          [](Effort effort) -> std::vector<Place> {
            const Workload of_doubles{Operation::outlive, 64};
            const Workload of_pages{Operation::outlive, 1024};
            if (effort == Effort::full) return all_of({of_doubles, of_pages}, {1, 3, 15});
            return all_of({of_doubles}, {3});
          }};
}

}  // namespace contention
