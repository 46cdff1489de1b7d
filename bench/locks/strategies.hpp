#pragma once
/// What is compared, each made once, in shared memory: f(name, lock) for each.

#include <lagoon/lagoon.hpp>

#include <tuple>

#include "compared_locks.hpp"

namespace locks_bench {

struct Strategies {
  lagoon::Lock lock;
  lagoon::RLock rlock;
  lagoon::Semaphore semaphore{1};
  lagoon::BoundedSemaphore bounded_semaphore{1};
  lagoon::Shared<lagoon::locks::ReaderWriterLock> reader_writer;

  template <class F>
  void each(F&& f) {
    f("Lock", lock);
    f("RLock", rlock);
    f("Semaphore", semaphore);
    f("BoundedSemaphore", bounded_semaphore);
    f("ReaderWriterLock", *reader_writer);
    std::apply([&](auto... named) { (f(named.name, peer<typename decltype(named)::Lock>()), ...); },
               compared::peers);
  }
  template <class L>
  [[nodiscard]] L& peer() {
    return *std::get<lagoon::Shared<L>>(peers_);
  }

 private:
  template <class... Named>
  static std::tuple<lagoon::Shared<typename Named::Lock>...> made(std::tuple<Named...>) {
    return {};
  }
  decltype(made(compared::peers)) peers_;
};

}  // namespace locks_bench
