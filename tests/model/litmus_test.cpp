/// The model itself: what it lets threads see is what the C++ memory model does, in the small
/// programs by which memory models are told apart; and what it is to find it finds.
///
/// Sources: J. Alglave, L. Maranget, M. Tautschnig, "Herding cats" (ACM TOPLAS 36/2, 2014), for the
/// programs and their names; the C++ standard, [atomics.order] and [intro.races], for the outcomes.

#include <gtest/gtest.h>

#include <boost/atomic/fences.hpp>
#include <boost/atomic/ipc_atomic.hpp>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <lagoon/core/futex.hpp>

#include "model.hpp"

namespace {

using namespace lagoon::test::model;
using boost::memory_order_acq_rel;
using boost::memory_order_acquire;
using boost::memory_order_relaxed;
using boost::memory_order_release;
using boost::memory_order_seq_cst;
using Atomic = boost::ipc_atomic<int>;

/// Two variables, and what the threads have read.
struct Program {
  Atomic x{0}, y{0};
  int r[4] = {};
};
using Code = std::function<void(Program&)>;

/// All that is ever read, as digits.
std::set<std::string> outcomes(const std::vector<Code>& threads, unsigned reads) {
  std::set<std::string> all;
  const Outcome outcome = explore({.deviations = 4}, [&](Trial& trial) {
    auto& program = trial.make<Program>();
    for (const auto& code : threads) trial.thread([&] { code(program); });
    trial.afterwards([&] {
      std::string digits;
      for (unsigned i = 0; i < reads; ++i) digits += std::to_string(program.r[i]);
      all.insert(digits);
    });
  });
  EXPECT_FALSE(outcome.failed) << outcome.what;
  return all;
}
using Digits = std::set<std::string>;

Code writes_x_then_y(Order first, Order second) {
  return [=](Program& p) {
    p.x.store(1, first);
    p.y.store(1, second);
  };
}
Code reads_y_then_x(Order first, Order second) {
  return [=](Program& p) {
    p.r[0] = p.y.load(first);
    p.r[1] = p.x.load(second);
  };
}

TEST(Litmus, message_passing) {
  const auto relaxed = memory_order_relaxed;
  const Digits all{"00", "01", "10", "11"};
  const Digits passed{"00", "01", "11"};
  const auto mp = [&](Order write, Order read) {
    return outcomes({writes_x_then_y(relaxed, write), reads_y_then_x(read, relaxed)}, 2);
  };
  EXPECT_EQ(mp(relaxed, relaxed), all);
  EXPECT_EQ(mp(memory_order_release, relaxed), all);
  EXPECT_EQ(mp(relaxed, memory_order_acquire), all);
  EXPECT_EQ(mp(memory_order_release, memory_order_acquire), passed);
  EXPECT_EQ(mp(memory_order_seq_cst, memory_order_seq_cst), passed);
}

TEST(Litmus, message_passing_by_fences) {
  const auto mp = [](bool release, bool acquire) {
    return outcomes({[=](Program& p) {
                       p.x.store(1, memory_order_relaxed);
                       if (release) boost::atomic_thread_fence(memory_order_release);
                       p.y.store(1, memory_order_relaxed);
                     },
                     [=](Program& p) {
                       p.r[0] = p.y.load(memory_order_relaxed);
                       if (acquire) boost::atomic_thread_fence(memory_order_acquire);
                       p.r[1] = p.x.load(memory_order_relaxed);
                     }},
                    2);
  };
  EXPECT_TRUE(mp(false, true).contains("10"));
  EXPECT_TRUE(mp(true, false).contains("10"));
  EXPECT_FALSE(mp(true, true).contains("10"));
}

TEST(Litmus, store_buffering) {
  const auto sb = [](Order write, Order read, bool fence = false) {
    return outcomes({[=](Program& p) {
                       p.x.store(1, write);
                       if (fence) boost::atomic_thread_fence(memory_order_seq_cst);
                       p.r[0] = p.y.load(read);
                     },
                     [=](Program& p) {
                       p.y.store(1, write);
                       if (fence) boost::atomic_thread_fence(memory_order_seq_cst);
                       p.r[1] = p.x.load(read);
                     }},
                    2);
  };
  EXPECT_TRUE(sb(memory_order_release, memory_order_acquire).contains("00"));
  EXPECT_TRUE(sb(memory_order_seq_cst, memory_order_acquire).contains("00"));
  EXPECT_TRUE(sb(memory_order_release, memory_order_seq_cst).contains("00"));
  EXPECT_FALSE(sb(memory_order_seq_cst, memory_order_seq_cst).contains("00"));
  EXPECT_FALSE(sb(memory_order_relaxed, memory_order_relaxed, true).contains("00"));
}

TEST(Litmus, store_buffering_between_a_fence_and_operations_in_order) {
  const auto sb = [](Order ordered, Order ordered_read) {
    return outcomes({[=](Program& p) {
                       p.x.store(1, memory_order_relaxed);
                       boost::atomic_thread_fence(memory_order_seq_cst);
                       p.r[0] = p.y.load(memory_order_relaxed);
                     },
                     [=](Program& p) {
                       p.y.store(1, ordered);
                       p.r[1] = p.x.load(ordered_read);
                     }},
                    2);
  };
  EXPECT_FALSE(sb(memory_order_seq_cst, memory_order_seq_cst).contains("00"));
  EXPECT_TRUE(sb(memory_order_release, memory_order_seq_cst).contains("00"));
  EXPECT_TRUE(sb(memory_order_seq_cst, memory_order_acquire).contains("00"));
}

TEST(Litmus, no_word_goes_back) {
  const auto all = outcomes({[](Program& p) {
                               p.x.store(1, memory_order_relaxed);
                               p.x.store(2, memory_order_relaxed);
                             },
                             [](Program& p) {
                               p.r[0] = p.x.load(memory_order_relaxed);
                               p.r[1] = p.x.load(memory_order_relaxed);
                             }},
                            2);
  EXPECT_EQ(all, (Digits{"00", "01", "02", "11", "12", "22"}));
}

TEST(Litmus, nor_does_it_for_one_who_was_told_by_another) {
  // Who has read 2 tells; who is told cannot read 1.
  const auto all = outcomes({[](Program& p) {
                               p.x.store(1, memory_order_relaxed);
                               p.x.store(2, memory_order_relaxed);
                             },
                             [](Program& p) {
                               p.r[0] = p.x.load(memory_order_relaxed);
                               p.y.store(1, memory_order_release);
                             },
                             [](Program& p) {
                               p.r[1] = p.y.load(memory_order_acquire);
                               p.r[2] = p.x.load(memory_order_relaxed);
                             }},
                            3);
  EXPECT_TRUE(all.contains("012"));
  EXPECT_TRUE(all.contains("201"));
  EXPECT_FALSE(all.contains("211"));
  EXPECT_FALSE(all.contains("210"));
}

TEST(Litmus, independent_reads_of_independent_writes) {
  const auto iriw = [](Order write, Order read) {
    return outcomes(
        {[=](Program& p) { p.x.store(1, write); }, [=](Program& p) { p.y.store(1, write); },
         [=](Program& p) {
           p.r[0] = p.x.load(read);
           p.r[1] = p.y.load(read);
         },
         [=](Program& p) {
           p.r[2] = p.y.load(read);
           p.r[3] = p.x.load(read);
         }},
        4);
  };
  EXPECT_TRUE(iriw(memory_order_release, memory_order_acquire).contains("1010"));
  EXPECT_FALSE(iriw(memory_order_seq_cst, memory_order_seq_cst).contains("1010"));
}

TEST(Litmus, a_write_is_passed_on_with_its_causes) {
  const auto wrc = [](Order pass, Order read) {
    return outcomes({[](Program& p) { p.x.store(1, memory_order_relaxed); },
                     [=](Program& p) {
                       p.r[0] = p.x.load(memory_order_relaxed);
                       p.y.store(1, pass);
                     },
                     [=](Program& p) {
                       p.r[1] = p.y.load(read);
                       p.r[2] = p.x.load(memory_order_relaxed);
                     }},
                    3);
  };
  EXPECT_TRUE(wrc(memory_order_relaxed, memory_order_acquire).contains("110"));
  EXPECT_FALSE(wrc(memory_order_release, memory_order_acquire).contains("110"));
}

TEST(Litmus, stores_of_two_come_in_any_order_that_nobody_has_seen) {
  const auto w2 = [](Order order) {
    return outcomes({[=](Program& p) {
                       p.x.store(1, order);
                       p.y.store(2, order);
                       p.r[0] = p.y.load(order);
                     },
                     [=](Program& p) {
                       p.y.store(1, order);
                       p.x.store(2, order);
                       p.r[1] = p.x.load(order);
                     }},
                    2);
  };
  EXPECT_TRUE(w2(memory_order_release).contains("11"));
  EXPECT_FALSE(w2(memory_order_seq_cst).contains("11"));
}

TEST(Litmus, a_change_keeps_close_to_what_it_changed) {
  // Two add, one stores: never is an addition lost between them.
  const Code adds = [](Program& p) { p.x.fetch_add(1, memory_order_relaxed); };
  std::set<int> last;
  const Outcome outcome = explore({.deviations = 4}, [&](Trial& trial) {
    auto& program = trial.make<Program>();
    trial.thread([&] { adds(program); });
    trial.thread([&] { adds(program); });
    trial.thread([&] { program.x.store(10, memory_order_relaxed); });
    trial.afterwards([&] { last.insert(program.x.load()); });
  });
  EXPECT_FALSE(outcome.failed) << outcome.what;
  EXPECT_EQ(last, (std::set<int>{10, 11, 12}));
}

TEST(Litmus, a_release_sequence_goes_on_through_changes_but_not_through_stores) {
  const auto sequence = [](Code between) {
    return outcomes(
        {writes_x_then_y(memory_order_relaxed, memory_order_release), std::move(between),
         reads_y_then_x(memory_order_acquire, memory_order_relaxed)},
        2);
  };
  const Code changes = [](Program& p) {
    int one = 1;
    (void)p.y.compare_exchange_strong(one, 2, memory_order_relaxed, memory_order_relaxed);
  };
  const Code stores = [](Program& p) {
    if (p.y.load(memory_order_relaxed) == 1) p.y.store(2, memory_order_relaxed);
  };
  EXPECT_TRUE(sequence(changes).contains("21"));
  EXPECT_FALSE(sequence(changes).contains("20"));
  EXPECT_TRUE(sequence(stores).contains("20"));
}

TEST(Litmus, a_change_reads_the_newest) {
  const Code adds = [](Program& p) { p.x.fetch_add(1, memory_order_relaxed); };
  const Code checks = [](Program& p) {
    p.x.fetch_add(1, memory_order_relaxed);
    p.r[0] = p.x.load(memory_order_relaxed);
  };
  EXPECT_EQ(outcomes({adds, adds, checks}, 1), (Digits{"1", "2", "3"}));
}

TEST(Litmus, a_compare_and_swap_that_fails_may_have_read_what_is_old) {
  const auto all = outcomes({[](Program& p) {
                               p.x.store(1, memory_order_relaxed);
                               p.x.store(2, memory_order_relaxed);
                               p.y.store(1, memory_order_relaxed);
                             },
                             [](Program& p) {
                               p.r[1] = p.y.load(memory_order_relaxed);
                               p.r[0] = 7;
                               (void)p.x.compare_exchange_strong(p.r[0], 9, memory_order_relaxed,
                                                                 memory_order_relaxed);
                             }},
                            2);
  EXPECT_EQ(all, (Digits{"00", "01", "10", "11", "20", "21"}));
}

// ---- What it finds --------------------------------------------------------------------------

TEST(Model, finds_a_data_race) {
  const auto plain = [](Order order) {
    return explore({}, [=](Trial& trial) {
      auto& ready = trial.make<Atomic>(0);
      auto& data = trial.make<Plain<int>>(0);
      trial.thread([&, order] {
        data = 1;
        ready.store(1, order);
      });
      trial.thread([&] {
        if (ready.load(memory_order_acquire) == 1) expect(data == 1, "it is there");
      });
    });
  };
  EXPECT_FALSE(plain(memory_order_release).failed);
  const Outcome outcome = plain(memory_order_relaxed);
  EXPECT_TRUE(outcome.failed);
  EXPECT_TRUE(outcome.what.starts_with("a data race")) << outcome.what;
}

TEST(Model, finds_what_only_one_weak_order_does) {
  const Scenario scenario = [](Trial& trial) {
    auto& program = trial.make<Program>();
    trial.thread([&] { writes_x_then_y(memory_order_relaxed, memory_order_release)(program); });
    trial.thread([&] {
      reads_y_then_x(memory_order_acquire, memory_order_relaxed)(program);
      expect(program.r[0] == 0 || program.r[1] == 1, "passed");
    });
  };
  const Outcome outcome = explore({}, scenario);
  EXPECT_FALSE(outcome.failed);
  ASSERT_EQ(outcome.orders.size(), 4U);
  for (const auto& [site, order] : outcome.orders) {
    if (order == memory_order_relaxed) continue;
    const Weakened weakened{site, memory_order_relaxed};
    EXPECT_TRUE(explore({}, scenario, &weakened).failed) << name_of(site);
  }
}

TEST(Model, finds_a_wake_up_that_is_missed) {
  const auto sleeps = [](bool looks_again) {
    return explore({}, [=](Trial& trial) {
      auto& word = trial.make<Atomic>(0);
      trial.thread([&, looks_again] {
        if (word.load() != 0) return;
        while (sleep(&word, looks_again ? 0U : 1U, INT64_MAX) != Slept::changed) continue;
      });
      trial.thread([&] {
        word.store(1);
        (void)wake(&word, 1);
      });
    });
  };
  EXPECT_FALSE(sleeps(true).failed);
  const Outcome outcome = sleeps(false);
  EXPECT_TRUE(outcome.failed);
  EXPECT_TRUE(outcome.what.starts_with("stuck")) << outcome.what;
}

TEST(Model, finds_threads_that_go_on_for_ever) {
  const Outcome outcome = explore({}, [](Trial& trial) {
    auto& word = trial.make<Atomic>(0);
    trial.thread([&] {
      while (word.load() == 0) lagoon::test::model::pause();
    });
    trial.thread([&] { (void)word.load(); });
  });
  EXPECT_TRUE(outcome.failed);
  EXPECT_TRUE(outcome.what.starts_with("goes on")) << outcome.what;
}

TEST(Model, kills_at_each_step_and_death_tells_all_that_was_done) {
  std::set<int> left;
  const Outcome outcome = explore({}, [&](Trial& trial) {
    auto& word = trial.make<Atomic>(0);
    trial.thread(
        [&] {
          for (int i = 1; i <= 3; ++i) word.store(i, memory_order_relaxed);
        },
        true);
    trial.thread([&] {
      while (!is_dead(0) && word.load(memory_order_relaxed) != 3) lagoon::test::model::pause();
      const bool dead = is_dead(0);
      const int last = word.load(memory_order_relaxed);
      if (!dead) return;
      left.insert(last);
      expect(last == word.load(), "what the dead one did last is seen");
    });
  });
  EXPECT_FALSE(outcome.failed) << outcome.what;
  EXPECT_EQ(left, (std::set<int>{0, 1, 2, 3}));
  EXPECT_GT(outcome.kills, 0U);
}

TEST(Model, tells_how_a_run_failed) {
  const Outcome outcome = explore({}, [](Trial& trial) {
    auto& word = trial.make<Atomic>(0);
    trial.thread([&] { word.store(5); });
    trial.thread([&] { expect(word.load() != 5, "never five"); });
  });
  ASSERT_TRUE(outcome.failed);
  EXPECT_TRUE(outcome.what.starts_with("never five")) << outcome.what;
  EXPECT_NE(outcome.what.find("stores +0: 5   litmus_test.cpp:"), std::string::npos)
      << outcome.what;
}

}  // namespace
