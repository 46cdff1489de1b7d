/// Killed at every instruction: who puts into a queue, gets from it, or has done a task. How, and
/// how to add one: support/either_or.hpp.

#include <lagoon/queue.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "helpers.hpp"

namespace {

using lagoon::JoinableQueue;
using lagoon::Place;
using lagoon::Queue;
using lagoon::test::after_death;
using lagoon::test::OfObject;
using lagoon::test::patience;
using lagoon::test::Seen;
using namespace std::chrono_literals;

using Q = Queue<int>;
using J = JoinableQueue<int>;
using Texts = Queue<std::string>;

template <class AnyQueue>
auto with(int messages, int maxsize = 0) {
  return [=](const Place& p) {
    AnyQueue q(p, maxsize);
    for (int i = 1; i <= messages; ++i) q.put(i);
    return q;
  };
}

/// All that is in it, in order; then it goes on.
template <class AnyQueue>
std::string drain(AnyQueue& q) {
  std::string seen = std::to_string(q.qsize()) + ":";
  while (const auto x = q.try_get()) seen += ' ' + std::to_string(*x);
  EXPECT_EQ(q.qsize(), 0U);
  for (int i = 0; i < 700; ++i) {
    q.put(i);
    EXPECT_EQ(q.try_get(), i) << "stuck, or not in order";
  }
  return seen;
}
/// Whoever is stopped, others get all of it, and put it back.
template <class AnyQueue>
Seen go_on(AnyQueue& q) {
  const auto size = q.qsize();
  for (std::uint64_t i = 0; i < size; ++i) {
    const auto x = q.try_get();
    EXPECT_TRUE(x && q.try_put(*x)) << "held up";
  }
  return {std::to_string(q.qsize())};
}

TEST(EveryOperation, of_a_queue) {
  OfObject<Q> of{.type = "Queue",
                 .states = {{"empty", with<Q>(0)},
                            {"some", with<Q>(3)},
                            {"nearly full", with<Q>(3, 4)},
                            {"full", with<Q>(3, 3)},
                            {"left by a dead one that was putting",
                             [](const Place& p) {
                               return after_death(with<Q>(3)(p), [](Q& q) {
                                 for (int i = 4; i < 200; ++i) q.put(i);
                                 for (int i = 4; i < 200; ++i) (void)q.get();
                               });
                             }}},
                 .look = [](Q& q) { return Seen{drain(q)}; },
                 .read = go_on<Q>};
  of.kill({"try_put", [](Q& q, int x) { (void)q.try_put(100 + x); }});
  of.kill({"try_get", [](Q& q, int) { (void)q.try_get(); }});
  of.kill({"put until the time is up", [](Q& q, int x) { (void)q.try_put_for(100 + x, 1us); }});
  of.kill({"get until the time is up", [](Q& q, int) { (void)q.try_get_for(1us); }});
}

// With memory for it that must be got first.
TEST(EveryOperation, of_a_queue_that_grows) {
  const OfObject<Q> ring{.type = "Queue",
                         .states = {{"whose ring is full", with<Q>(255)}},
                         .look = [](Q& q) { return Seen{drain(q)}; }};
  ring.kill({"put", [](Q& q, int x) { q.put(1000 + x); }});
  const OfObject<Q> pages{.type = "Queue",
                          .states = {{"whose pages are full", with<Q>(4 * 126)}},
                          .look = [](Q& q) { return Seen{drain(q)}; }};
  pages.kill({"put", [](Q& q, int x) { q.put(1000 + x); }});

  const OfObject<Texts> large{.type = "Queue",
                              .states = {{"of texts",
                                          [](const Place& p) {
                                            Texts q(p);
                                            q.put("one");
                                            return q;
                                          }}},
                              .look = [](Texts& q) -> Seen {
                                std::string seen;
                                while (const auto x = q.try_get())
                                  seen += std::to_string(x->size()) + x->substr(0, 1) +
                                          x->substr(x->size() - 1) + ' ';
                                q.put(std::string(9000, 'z'));
                                EXPECT_EQ(q.try_get(), std::string(9000, 'z'));
                                return {seen};
                              }};
  large.kill({"put of a large one",
              [](Texts& q, int who) { q.put(std::string(9000, static_cast<char>('a' + who))); }});
}

TEST(EveryOperation, of_a_queue_in_which_others_wait) {
  const auto getter = [](Q& q) { EXPECT_TRUE(q.try_get_for(patience)) << "stuck"; };
  const OfObject<Q> empty{.type = "Queue",
                          .states = {{"empty, with two who wait", with<Q>(0)}},
                          .look =
                              [](Q& q) {
                                const std::string left = std::to_string(q.qsize());
                                (void)drain(q);
                                return Seen{left};
                              },
                          .beside = {getter, getter},
                          .let_go =
                              [](Q& q) {
                                q.put(1);
                                q.put(2);
                              }};
  empty.kill({"put", [](Q& q, int x) { q.put(100 + x); }});
  empty.kill({"get until the time is up", [](Q& q, int) { (void)q.try_get_for(1us); }});
  const auto putter = [](Q& q) { EXPECT_TRUE(q.try_put_for(7, patience)) << "stuck"; };
  const OfObject<Q> full{.type = "Queue",
                         .states = {{"full, with one who waits", with<Q>(3, 3)}},
                         .look =
                             [](Q& q) {
                               const std::string left = std::to_string(q.qsize());
                               (void)drain(q);
                               return Seen{left};
                             },
                         .beside = {putter},
                         .let_go = [](Q& q) { (void)q.try_get(); }};
  full.kill({"try_get", [](Q& q, int) { (void)q.try_get(); }});
  full.kill({"put until the time is up", [](Q& q, int x) { (void)q.try_put_for(x, 1us); }});
}

/// All that is not done, in whatever order; then nothing is left to be done.
std::string drain_tasks(J& q) {
  std::vector<int> tasks;
  while (const auto x = q.try_get()) tasks.push_back(*x);
  for (const int x : tasks) {
    (void)x;
    EXPECT_FALSE(q.join(0ms)) << "one is not done";
    q.task_done();
  }
  EXPECT_TRUE(q.join(0ms)) << "stuck";
  EXPECT_THROW(q.task_done(), lagoon::UsageError);
  for (int i = 0; i < 700; ++i) {
    q.put(i);
    EXPECT_EQ(q.try_get(), i) << "stuck, or not in order";
    q.task_done();
  }
  std::sort(tasks.begin(), tasks.end());
  return lagoon::test::text(tasks);
}

TEST(EveryOperation, of_a_joinable_queue) {
  const OfObject<J> of{.type = "JoinableQueue",
                       .states = {{"empty", with<J>(0)},
                                  {"some", with<J>(3)},
                                  {"full", with<J>(3, 3)},
                                  {"with tasks of a dead one",
                                   [](const Place& p) {
                                     return after_death(with<J>(5)(p), [](J& q) {
                                       for (int i = 0; i < 3; ++i) (void)q.get();
                                       q.task_done();
                                     });
                                   }}},
                       .look = [](J& q) { return Seen{drain_tasks(q)}; }};
  of.kill({"try_put", [](J& q, int x) { (void)q.try_put(100 + x); }});
  of.kill({"try_get", [](J& q, int) { (void)q.try_get(); }});
  const OfObject<J> some{.type = "JoinableQueue",
                         .states = {{"some", with<J>(4)}},
                         .look = [](J& q) { return Seen{drain_tasks(q)}; }};
  some.kill({"task_done", [](J& q, int) { q.task_done(); }, [](J& q) { (void)q.get(); }});
  const OfObject<J> joined{.type = "JoinableQueue",
                           .states = {{"with one who joins", with<J>(2)}},
                           .look = [](J& q) { return Seen{drain_tasks(q)}; },
                           .beside = {[](J& q) { EXPECT_TRUE(q.join(patience)) << "stuck"; }},
                           .let_go =
                               [](J& q) {
                                 while (q.try_get()) q.task_done();
                               }};
  joined.kill({"try_get and task_done", [](J& q, int) {
                 if (q.try_get()) q.task_done();
               }});
}

}  // namespace
