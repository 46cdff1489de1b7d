#include "helpers.hpp"

#include <lagoon/core/copy.hpp>
#include <lagoon/locks/futex_mutex.hpp>
#include <lagoon/locks/mcs.hpp>
#include <lagoon/locks/reader_writer.hpp>
#include <lagoon/locks/robust.hpp>
#include <lagoon/locks/seqlock.hpp>
#include <lagoon/locks/ticket.hpp>
#include <lagoon/locks/ttas.hpp>

namespace lagoon::test::model {

namespace {

template <class L>
Scenario lock(unsigned threads, int times) {
  return [=](Trial& trial) {
    auto* l = &trial.make<L>();
    one_at_a_time(
        trial, threads, times, [l] { return bool(l->acquire()); }, [l] { l->release(); });
  };
}

/// The first tries until it has it, the others wait.
template <class L>
Scenario lock_tried(unsigned threads) {
  return [=](Trial& trial) {
    auto* l = &trial.make<L>();
    one_at_a_time(
        trial, threads, 1,
        [l] {
          if (self() != 0) return bool(l->acquire());
          while (!l->try_lock()) pause();
          return true;
        },
        [l] { l->release(); });
  };
}

template <class L>
Scenario robust_lock(unsigned threads, unsigned dying) {
  return [=](Trial& trial) {
    auto& table = trial.make<Participants>();
    auto* l = &trial.make<L>(table);
    auto& sum = trial.make<Plain<int>>(0);
    const Work work(trial);
    const auto owners = truth<Owners>();
    for (unsigned t = 0; t < threads; ++t)
      trial.thread(
          [=, &sum] {
            owners->tries();
            const Acquired acquired = l->acquire();
            expect(bool(acquired), "it can be had");
            owners->took(acquired.owner_died());
            if (acquired.owner_died()) {
              expect(l->owner_died(), "the news stays");
              l->mark_consistent();
            }
            sum = sum + 1;
            work();
            owners->gives_back();
            l->release();
            owners->gave_back();
          },
          t < dying);
    trial.afterwards([=] { expect(!l->locked(), "nobody who lives has it"); });
  };
}

/// Who reads and who writes; each reader reads `depth` times at a time.
struct Readers {
  unsigned readers = 1;
  unsigned writers = 1;
  unsigned dying_readers = 0;
  unsigned dying_writers = 0;
  int depth = 1;
  bool is_new = false;  // then nobody has read yet
};

/// Readers see what a writer wrote before, and no writer writes while they read.
Scenario reader_writer(Readers who) {
  return [=](Trial& trial) {
    auto& table = trial.make<Participants>();
    auto* l = &trial.make<locks::ReaderWriterLock>(table);
    if (!who.is_new) {
      l->lock_shared();
      l->unlock_shared();
    }
    auto& data = trial.make<Plain<int>>(0);
    struct Truth {
      bool reads[most_threads] = {};
      bool writes[most_threads] = {};
      static unsigned living(const bool (&who)[most_threads]) {
        unsigned n = 0;
        for (unsigned t = 0; t < most_threads; ++t) n += who[t] && !was_killed(t);
        return n;
      }
    };
    const auto now = truth<Truth>();
    const auto reads = [=, &data] {
      for (int i = 0; i < who.depth; ++i) {
        expect(bool(l->acquire_shared()), "it can be had");
        now->reads[self()] = true;
        expect(Truth::living(now->writes) == 0, "a writer is in beside a reader");
        (void)(data == 0);
      }
      for (int i = who.depth; i > 0; --i) {
        (void)(data == 0);
        now->reads[self()] = i > 1;
        l->release_shared();
      }
    };
    const auto writes = [=, &data] {
      expect(bool(l->acquire()), "it can be had");
      now->writes[self()] = true;
      expect(Truth::living(now->writes) == 1 && Truth::living(now->reads) == 0,
             "a writer is in beside others");
      data = data + 1;
      now->writes[self()] = false;
      l->release();
    };
    for (unsigned r = 0; r < who.readers; ++r) trial.thread(reads, r < who.dying_readers);
    for (unsigned w = 0; w < who.writers; ++w) trial.thread(writes, w < who.dying_writers);
    trial.afterwards(
        [=] { expect(bool(l->acquire_until(Deadline::now())), "it can be had by the next"); });
  };
}

Scenario seqlock() {
  return [](Trial& trial) {
    auto* l = &trial.make<locks::SeqLock>();
    auto* words = reinterpret_cast<std::uint64_t*>(trial.memory(16));
    const auto write = [=] {
      l->lock();
      std::uint64_t next[2];
      core::read_shared(next, words, 16);
      expect(next[0] == next[1], "a writer sees what the last one wrote");
      ++next[0], ++next[1];
      core::write_shared(words, next, 16);
      l->unlock();
    };
    trial.thread(write);
    trial.thread([=] {
      std::uint64_t mine[2] = {};
      l->read([&] { core::read_shared(mine, words, 16); });
      expect(mine[0] == mine[1], "torn");
    });
    trial.thread(write);
    trial.afterwards([=] { expect(words[0] == 2, "both have written"); });
  };
}

}  // namespace

std::vector<Named> of_locks() {
  using namespace locks;
  return {
      {"RobustLock", robust_lock<RobustLock>(3, 1)},
      {"RobustRecursiveLock", robust_lock<RobustRecursiveLock>(3, 1)},
      {"ReaderWriterLock_of_two", reader_writer({}), {3}},
      {"ReaderWriterLock_that_is_new", reader_writer({.is_new = true}), {3}},
      {"ReaderWriterLock_of_three", reader_writer({.readers = 2})},
      {"ReaderWriterLock_of_two_writers", reader_writer({.writers = 2})},
      {"ReaderWriterLock_read_twice", reader_writer({.depth = 2}), {3}},
      {"ReaderWriterLock_read_twice_that_is_new", reader_writer({.depth = 2, .is_new = true}), {3}},
      {"ReaderWriterLock_whose_reader_is_killed",
       reader_writer({.dying_readers = 1, .depth = 2}),
       {3}},
      {"ReaderWriterLock_whose_writer_is_killed",
       reader_writer({.writers = 2, .dying_writers = 1})},
      {"TtasLock", lock<TtasLock>(2, 2), {3}},
      {"TtasLock_tried", lock_tried<TtasLock>(2)},
      {"TicketLock", lock<TicketLock>(3, 1)},
      {"TicketLock_tried", lock_tried<TicketLock>(2)},
      {"McsLock", lock<McsLock>(3, 1)},
      {"McsLock_again", lock<McsLock>(3, 2), {3}},
      {"McsLock_tried", lock_tried<McsLock>(2)},
      {"FutexMutex", lock<FutexMutex>(3, 1)},
      {"FutexMutex_tried", lock_tried<FutexMutex>(2)},
      {"SeqLock", seqlock()},
  };
}

}  // namespace lagoon::test::model
