/// What does a dict, a list, a queue cost beside the alternatives?

#include "../question.hpp"

namespace contention {

Question containers() {
  return {
      "containers", "Which dict, list or queue?",
      "Boost's containers lie in shared memory with its allocator, each under one mutex; LMDB "
      "lies in /dev/shm, without sync; messages of Boost.Lockfree's queues are copied into "
      "shared memory, and who finds it full or empty looks again, sixteen times, and then "
      "yields. This library and LMDB promise to go on whole when a process is killed in the midst "
      "of an "
      "operation, which is not measured here; Boost promises nothing. Redis, and CPython's "
      "managers, are servers, asked over a "
      "Unix socket: an operation is at least a way there and back; the server's processor time "
      "is in CPU/Mop. Redis' lists, as queues, have no limit: who puts never waits for room. "
      "CPython's are run live, in the idioms of its documentation.",
      [](Effort effort) -> std::vector<Place> {
        const auto of = [](Operation operation, std::size_t keys, std::size_t doubles = 1) {
          Workload workload{operation, doubles};
          workload.keys = keys;
          return workload;
        };
        const Workload look_up = of(Operation::look_up, 1000, 8);
        const Workload change = of(Operation::change, 1000, 8);
        const Workload pass{Operation::pass, 8};
        if (effort == Effort::quick) return all_of({look_up, change, pass}, {4});
        const std::vector<Workload> all{look_up,
                                        of(Operation::look_up_beside, 1000, 8),
                                        of(Operation::replace, 1000, 8),
                                        change,
                                        of(Operation::index, 1000),
                                        of(Operation::increment, 1000),
                                        of(Operation::append, 1000),
                                        pass};
        if (effort == Effort::standard) return all_of(all, {4});
        return all_of(all, {1, 2, 4, 16, 64});
      },
      true};
}

}  // namespace contention
