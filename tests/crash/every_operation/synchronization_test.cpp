/// Killed at every instruction: what changes a lock, or what others wait for. How, and how to add
/// one: support/either_or.hpp.

#include <lagoon/lagoon.hpp>
#include <lagoon/locks/reader_writer.hpp>

#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>

#include "helpers.hpp"

namespace {

using lagoon::Place;
using lagoon::Value;
using lagoon::test::after_death;
using lagoon::test::free_or_told;
using lagoon::test::OfObject;
using lagoon::test::patience;
using lagoon::test::Seen;
using lagoon::test::text;
using namespace std::chrono_literals;

template <class L>
OfObject<L> lock(const std::string& type) {
  return {.type = type,
          .states = {{"free", [](const Place& p) { return L(p); }},
                     {"left by a dead holder",
                      [](const Place& p) { return after_death(L(p), [](L& l) { l.lock(); }); }}},
          .look = free_or_told<L>};
}
/// By the test itself, which lives.
template <class L>
L held(const Place& place) {
  L lock(place);
  lock.lock();
  return lock;
}
template <class L>
void kill_users_of(const OfObject<L>& lock) {
  lock.kill({"acquire", [](L& l, int) { (void)l.acquire(true, patience); }});
  lock.kill({"try_lock", [](L& l, int) { (void)l.try_lock(); }});
  lock.kill({"release", [](L& l, int) { l.release(); }, [](L& l) { l.lock(); }});
  lock.kill({"mark_consistent", [](L& l, int) { l.mark_consistent(); }, [](L& l) { l.lock(); }});
}

TEST(EveryOperation, of_a_lock) {
  using L = lagoon::Lock;
  kill_users_of(lock<L>("Lock"));
  const OfObject<L> of{
      .type = "Lock", .states = {{"held by another", held<L>}}, .look = [](L& l) -> Seen {
        const bool was_held = l.locked();
        if (was_held) l.release();
        Seen seen = free_or_told(l);
        seen[0] += was_held ? ", still held" : "";
        return seen;
      }};
  of.kill({"try_lock", [](L& l, int) { (void)l.try_lock(); }});
  of.kill({"acquire until the time is up", [](L& l, int) { (void)l.acquire(true, 1us); }});
  of.kill({"release by another", [](L& l, int) {
             if (l.locked()) l.release();
           }});
}

// One waits for a lock that a living one holds: whatever others do meanwhile, and die, it gets it.
TEST(EveryOperation, of_a_lock_for_which_another_waits) {
  const auto waiter = [](auto& lock) {
    const lagoon::Acquired acquired = lock.acquire(true, patience);
    EXPECT_TRUE(acquired && !acquired.owner_died());
    lock.release();
  };
  using L = lagoon::Lock;
  const OfObject<L> lock{.type = "Lock",
                         .states = {{"held, with one who waits", held<L>}},
                         .look = free_or_told<L>,
                         .beside = {waiter},
                         .let_go = [](L& l) {
                           if (l.is_mine()) l.release();
                         }};
  lock.kill({"try_lock", [](L& l, int) { (void)l.try_lock(); }});
  lock.kill({"acquire until the time is up", [](L& l, int) { (void)l.acquire(true, 1us); }});
  lock.kill({"release by another", [](L& l, int) {
               if (l.locked()) l.release();
             }});
  using R = lagoon::RLock;
  const OfObject<R> rlock{.type = "RLock",
                          .states = {{"held, with two who wait", held<R>}},
                          .look = free_or_told<R>,
                          .beside = {waiter, waiter},
                          .let_go = [](R& l) { l.release(); }};
  rlock.kill({"try_lock", [](R& l, int) { (void)l.try_lock(); }});
  rlock.kill({"acquire until the time is up", [](R& l, int) { (void)l.acquire(true, 1us); }});
}

TEST(EveryOperation, of_a_recursive_lock) {
  using L = lagoon::RLock;
  kill_users_of(lock<L>("RLock"));
  const auto of = lock<L>("RLock");
  of.kill({"acquire once more", [](L& l, int) { l.lock(); }, [](L& l) { l.lock(); }});
  of.kill({"release of one of two", [](L& l, int) { l.unlock(); },
           [](L& l) {
             l.lock();
             l.lock();
           }});
  of.kill({"release_all", [](L& l, int) { (void)l.release_all(); },
           [](L& l) {
             l.lock();
             l.lock();
           }});
}

TEST(EveryOperation, of_a_reader_writer_lock) {
  using L = lagoon::Shared<lagoon::locks::ReaderWriterLock>;
  OfObject<L> of{
      .type = "ReaderWriterLock",
      .states = {{"free", [](const Place& p) { return L(p); }},
                 {"left by a dead writer",
                  [](const Place& p) { return after_death(L(p), [](L& l) { l->lock(); }); }},
                 {"left by a dead reader",
                  [](const Place& p) {
                    return after_death(L(p), [](L& l) { l->lock_shared(); });
                  }}},
      .look = [](L& l) { return free_or_told(*l); }};
  of.kill({"lock", [](L& l, int) { l->lock(); }});
  of.kill({"unlock", [](L& l, int) { l->unlock(); }, [](L& l) { l->lock(); }});
  of.kill({"mark_consistent", [](L& l, int) { l->mark_consistent(); }, [](L& l) { l->lock(); }});
  of.kill({"unlock_shared", [](L& l, int) { l->unlock_shared(); }, [](L& l) { l->lock_shared(); }});
  of.kill({"unlock_shared of one of two", [](L& l, int) { l->unlock_shared(); },
           [](L& l) {
             l->lock_shared();
             l->lock_shared();
           }});
  of.kill({"lock_shared once more", [](L& l, int) { l->lock_shared(); },
           [](L& l) { l->lock_shared(); }});
  of.also = {"told that its holder died"};  // lining up, it has the writers' word
  of.kill({"lock_shared", [](L& l, int) { l->lock_shared(); }});
}

TEST(EveryOperation, of_a_reader_writer_lock_for_which_others_wait) {
  using L = lagoon::Shared<lagoon::locks::ReaderWriterLock>;
  const auto writer = [](L& l) {
    l->lock();
    EXPECT_FALSE(l->owner_died());
    l->unlock();
  };
  const auto reader = [](L& l) {
    l->lock_shared();
    l->unlock_shared();
  };
  const OfObject<L> read{.type = "ReaderWriterLock",
                         .states = {{"held by a reader, with a writer who waits",
                                     [](const Place& p) {
                                       L l(p);
                                       l->lock_shared();
                                       return l;
                                     }}},
                         .look = [](L& l) { return free_or_told(*l); },
                         .beside = {writer},
                         .let_go = [](L& l) { l->unlock_shared(); }};
  const OfObject<L> written{.type = "ReaderWriterLock",
                            .states = {{"held by a writer, with all kinds who wait",
                                        [](const Place& p) {
                                          L l(p);
                                          l->lock();
                                          return l;
                                        }}},
                            .look = [](L& l) { return free_or_told(*l); },
                            .beside = {reader, writer, reader},
                            .let_go = [](L& l) { l->unlock(); }};
  for (const auto& of : {read, written}) {
    of.kill({"try_lock", [](L& l, int) { (void)l->try_lock(); }});
    of.kill({"try_lock until the time is up", [](L& l, int) { (void)l->try_lock_for(1us); }});
    of.kill({"try_lock_shared", [](L& l, int) { (void)l->try_lock_shared(); }});
    of.kill({"try_lock_shared until the time is up",
             [](L& l, int) { (void)l->try_lock_shared_for(1us); }});
  }
}

/// That many permits are to be had, one after the other, and no more.
template <class S>
Seen permits_of(S& semaphore, unsigned to_try) {
  const std::uint32_t says = semaphore.get_value();
  std::uint32_t had = 0;
  while (had < to_try && semaphore.acquire(false)) ++had;
  EXPECT_EQ(had, std::min(says, to_try)) << "lost, or there twice";
  return {std::to_string(says)};
}

TEST(EveryOperation, of_a_semaphore) {
  using S = lagoon::Semaphore;
  const OfObject<S> of{
      .type = "Semaphore",
      .states = {{"empty", [](const Place& p) { return S(p, 0); }},
                 {"with five permits", [](const Place& p) { return S(p, 5); }},
                 {"nearly full", [](const Place& p) { return S(p, S::max() - 1); }}},
      .look = [](S& s) { return permits_of(s, 20); },
      .read = [](S& s) { return Seen{std::to_string(s.get_value())}; }};
  of.kill({"acquire(false)", [](S& s, int) { (void)s.acquire(false); }});
  of.kill({"acquire until the time is up", [](S& s, int) { (void)s.acquire(1us); }});
  of.kill({"release", [](S& s, int) {
             if (s.get_value() < S::max()) s.release();
           }});
  of.kill({"release of two", [](S& s, int) {
             if (s.get_value() < S::max() - 1) s.release(2);
           }});
}

// A permit that is given goes to who waits for it.
TEST(EveryOperation, of_a_semaphore_for_which_others_wait) {
  using S = lagoon::Semaphore;
  const auto waiter = [](S& s) { EXPECT_TRUE(s.acquire(true, patience)); };
  OfObject<S> of{.type = "Semaphore",
                 .states = {{"empty, with one who waits", [](const Place& p) { return S(p, 0); }}},
                 .look = [](S& s) { return permits_of(s, 20); },
                 .beside = {waiter},
                 .let_go = [](S& s) { s.release(1); }};
  of.kill({"release", [](S& s, int) { s.release(); }});
  of.kill({"release of two", [](S& s, int) { s.release(2); }});
  of.states[0].name = "empty, with three who wait";
  of.beside = {waiter, waiter, waiter};
  of.let_go = [](S& s) { s.release(3); };
  of.kill({"release", [](S& s, int) { s.release(); }});
  of.kill({"release of two", [](S& s, int) { s.release(2); }});
  of.kill({"acquire until the time is up", [](S& s, int) { (void)s.acquire(1us); }});
}

auto with_taken(int bound, int taken) {
  return [=](const Place& p) {
    lagoon::BoundedSemaphore s(p, bound);
    for (int i = 0; i < taken; ++i) EXPECT_TRUE(s.acquire(false));
    return s;
  };
}

TEST(EveryOperation, of_a_bounded_semaphore) {
  using S = lagoon::BoundedSemaphore;
  const OfObject<S> of{.type = "BoundedSemaphore",
                       .states = {{"all free", with_taken(3, 0)},
                                  {"one of three taken", with_taken(3, 1)},
                                  {"one of three free", with_taken(3, 2)},
                                  {"none free", with_taken(3, 3)},
                                  {"one of forty free", with_taken(40, 39)},
                                  {"left by a dead one",
                                   [](const Place& p) {
                                     return after_death(S(p, 3), [](S& s) {
                                       for (int i = 0; i < 3; ++i) EXPECT_TRUE(s.acquire(false));
                                     });
                                   }}},
                       .look = [](S& s) { return permits_of(s, 60); }};
  of.kill({"acquire(false)", [](S& s, int) { (void)s.acquire(false); }});
  of.kill({"acquire until the time is up", [](S& s, int) { (void)s.acquire(1us); }});
  of.kill({"release", [](S& s, int) { s.release(); }, [](S& s) { (void)s.acquire(false); }});
}

// What one has who lives stays his, and what he gives goes to who waits for it.
TEST(EveryOperation, of_a_bounded_semaphore_of_which_another_has_permits) {
  using S = lagoon::BoundedSemaphore;
  OfObject<S> of{.type = "BoundedSemaphore",
                 .states = {{"one of three had by another", with_taken(3, 1)},
                            {"two of three had by another", with_taken(3, 2)},
                            {"two of forty had by another", with_taken(40, 2)}},
                 .look = [](S& s) {
                   // Ours, of which there is one still.
                   const Seen seen = {std::to_string(s.get_value())};
                   EXPECT_LT(s.get_value(), s.bound()) << "what a living one has is given away";
                   s.release();
                   while (s.get_value() < s.bound()) s.release();
                   EXPECT_EQ(permits_of(s, 60), Seen{std::to_string(s.bound())});
                   return seen;
                 }};
  of.kill({"acquire(false)", [](S& s, int) { (void)s.acquire(false); }});
  of.kill({"release", [](S& s, int) { s.release(); },
           [](S& s) { EXPECT_TRUE(s.acquire(true, patience)); }});
  of.states = {{"all had by another, with one who waits", with_taken(5, 5)}};
  of.beside = {[](S& s) { EXPECT_TRUE(s.acquire(true, patience)); }};
  of.let_go = [](S& s) { s.release(); };
  of.kill({"release of another's", [](S& s, int) { s.release(); }});
  of.kill({"acquire until the time is up", [](S& s, int) { (void)s.acquire(1us); }});
}

TEST(EveryOperation, of_an_event) {
  using E = lagoon::Event;
  const OfObject<E> of{.type = "Event",
                       .states = {{"clear", [](const Place& p) { return E(p); }},
                                  {"set",
                                   [](const Place& p) {
                                     E e(p);
                                     e.set();
                                     return e;
                                   }}},
                       .look =
                           [](E& e) {
                             const bool set = e.is_set();
                             EXPECT_EQ(e.wait(0s), set);
                             e.set();
                             EXPECT_TRUE(e.wait(patience)) << "stuck";
                             return Seen{set ? "set" : "clear"};
                           },
                       .read = [](E& e) { return Seen{e.is_set() ? "set" : "clear"}; }};
  of.kill({"set", [](E& e, int) { e.set(); }});
  of.kill({"clear", [](E& e, int) { e.clear(); }});
  of.kill({"wait until the time is up", [](E& e, int) { (void)e.wait(1us); }});
}

TEST(EveryOperation, of_an_event_for_which_others_wait) {
  using E = lagoon::Event;
  const auto waiter = [](E& e) { EXPECT_TRUE(e.wait(patience)); };
  const OfObject<E> of{
      .type = "Event",
      .states = {{"clear, with two who wait", [](const Place& p) { return E(p); }}},
      .look = [](E& e) { return Seen{e.is_set() ? "set" : "clear"}; },
      .beside = {waiter, waiter},
      .let_go = [](E& e) { e.set(); }};
  of.kill({"set", [](E& e, int) { e.set(); }});
  of.kill({"clear", [](E& e, int) { e.clear(); }});
  of.kill({"wait until the time is up", [](E& e, int) { (void)e.wait(1us); }});
  using V = Value<int>;
  const OfObject<V> value{.type = "Value<int>",
                          .states = {{"with two who wait", [](const Place& p) { return V(p); }}},
                          .look = [](V& v) { return Seen{text(v.get())}; },
                          .beside = {[](V& v) { v.wait(0); }, [](V& v) { v.wait(0); }},
                          .let_go =
                              [](V& v) {
                                v += 100;
                                v.notify_all();
                              }};
  value.kill({"set and notify", [](V& v, int x) {
                v.set(x);
                v.notify_one();
              }});
}

TEST(EveryOperation, of_a_condition) {
  using C = lagoon::Condition;
  OfObject<C> of{.type = "Condition",
                 .states = {{"free", [](const Place& p) { return C(p); }},
                            {"with one place", [](const Place& p) { return C(p, 1U); }},
                            {"left by a dead holder",
                             [](const Place& p) {
                               return after_death(C(p, 1U), [](C& c) {
                                 c.lock();
                                 (void)c.wait_for([] {
                                   raise(SIGSTOP);
                                   return true;
                                 });
                               });
                             }}},
                 .look = [](C& c) {
                   EXPECT_EQ(c.n_waiting(), 0U) << "one that is dead is waiting";
                   return free_or_told(c);
                 }};
  const auto hold = [](C& c) { c.lock(); };
  of.kill({"acquire", [](C& c, int) { c.lock(); }});
  of.kill({"release", [](C& c, int) { c.release(); }, hold});
  of.kill({"notify", [](C& c, int) { c.notify(); }, hold});
  of.kill({"notify_all", [](C& c, int) { c.notify_all(); }, hold});
  of.also = {"free"};  // while it waits
  of.kill({"wait until the time is up",
           [](C& c, int) {
             try {
               (void)c.wait(1us);
             } catch (const lagoon::OutOfMemory&) {  // one place, and another is waiting
             }
           },
           hold});
}

// Two wait; all are told in the end, none twice, and how many had been told is told by who still
// waits.
template <class C>
void kill_beside_waiters_of(const std::string& type) {
  std::size_t waited = 0;
  const auto waiter = [](C& c) {
    c.lock();
    EXPECT_TRUE(c.wait(patience));
    c.release();
  };
  OfObject<C> of{.type = type,
                 .states = {{"with two who wait",
                             [](const Place& place, const Place& part) {
                               if constexpr (std::constructible_from<C, Place, lagoon::Lock>)
                                 return C(place, lagoon::Lock(part));
                               else
                                 return C(place);
                             }}},
                 .look =
                     [&](C& c) {
                       EXPECT_EQ(c.n_waiting(), 0U);
                       const lagoon::Acquired acquired = c.acquire(true, patience);
                       EXPECT_TRUE(acquired) << "stuck";
                       EXPECT_FALSE(c.wait(0s)) << "told twice";
                       return Seen{std::to_string(waited) + " wait"};
                     },
                 .beside = {waiter, waiter},
                 .let_go =
                     [&](C& c) {
                       EXPECT_TRUE(c.acquire(true, patience)) << "stuck";
                       waited = c.n_waiting();
                       c.notify_all();
                       c.release();
                     }};
  const auto hold = [](C& c) { c.lock(); };
  of.kill({"notify", [](C& c, int) { c.notify(); }, hold});
  of.kill({"release", [](C& c, int) { c.release(); }, hold});
  of.kill({"wait until the time is up", [](C& c, int) { (void)c.wait(1us); }, hold});
  of.kill({"wait_for until the time is up",
           [](C& c, int) { (void)c.wait_for([] { return false; }, 1us); }, hold});
  of.also = {"1 wait"};  // a killed notifier has told some
  of.kill({"notify_all", [](C& c, int) { c.notify_all(); }, hold});
}

/// A condition and the lock that it was given.
struct ConditionOfALock : lagoon::Condition {
  explicit ConditionOfALock(const Place& place, lagoon::Lock&& given)
      : Condition(place, given), lock_(std::move(given)) {}

 private:
  lagoon::Lock lock_;
};

TEST(EveryOperation, of_a_condition_at_which_others_wait) {
  kill_beside_waiters_of<lagoon::Condition>("Condition");
}
TEST(EveryOperation, of_a_condition_with_a_given_lock_at_which_others_wait) {
  kill_beside_waiters_of<ConditionOfALock>("Condition with a given lock");
}

TEST(EveryOperation, of_a_barrier) {
  using B = lagoon::Barrier;
  OfObject<B> of{.type = "Barrier",
                 .states = {{"of one party", [](const Place& p) { return B(p, 1); }},
                            {"of three", [](const Place& p) { return B(p, 3); }},
                            {"of three, broken",
                             [](const Place& p) {
                               B b(p, 3);
                               b.abort();
                               return b;
                             }}},
                 .look = [](B& b) {
                   const bool broken = b.broken();
                   if (b.n_waiting() != 0) {  // a dead one: who comes now is told
                     EXPECT_THROW((void)b.wait(), lagoon::BrokenBarrier);
                   }
                   b.reset();
                   EXPECT_FALSE(b.broken()) << "stuck";
                   return Seen{broken ? "broken" : "whole"};
                 }};
  of.kill({"abort", [](B& b, int) { b.abort(); }});
  of.kill({"reset", [](B& b, int) { b.reset(); }});
  of.also = {"broken"};  // for who comes to a round with a dead one in it
  of.kill({"wait until the time is up", [](B& b, int) {
             try {
               (void)b.wait(1us);
             } catch (const lagoon::BrokenBarrier&) {
             }
           }});
}

// Two wait for a third one: all go on, or all are told that it is broken.
TEST(EveryOperation, of_a_barrier_at_which_others_wait) {
  using B = lagoon::Barrier;
  struct Came {
    std::atomic<int> on = 0, told = 0, acted = 0;
  };
  const lagoon::test::Shared<Came> came;
  const auto come = [&](B& b) {
    try {
      (void)b.wait(patience);
      ++came->on;
    } catch (const lagoon::BrokenBarrier&) {
      ++came->told;
    }
  };
  const auto third = [](B& b) {
    try {
      (void)b.wait(0s);
    } catch (const lagoon::BrokenBarrier&) {
    }
  };
  OfObject<B> of{.type = "Barrier",
                 .states = {{"of three, with two who wait",
                             [&](const Place& p) {
                               came->on = came->told = 0;
                               return B(p, 3);
                             }},
                            {"of three with an action, with two who wait",
                             [&](const Place& p) {
                               came->on = came->told = came->acted = 0;
                               return B(p, 3, [&] { ++came->acted; });
                             }}},
                 .look =
                     [&](B& b) {
                       b.reset();
                       EXPECT_TRUE(came->on == 0 || came->told == 0) << "torn";
                       return Seen{came->on != 0 ? "went on" : "told that it is broken"};
                     },
                 .beside = {come, come},
                 .let_go = third};
  of.kill({"abort", [](B& b, int) { b.abort(); }});
  of.kill({"reset", [](B& b, int) { b.reset(); }});
  of.also = {"told that it is broken"};  // by who dies in the round
  of.kill({"wait, as the last to come", [&](B& b, int) { third(b); }});
}

}  // namespace
