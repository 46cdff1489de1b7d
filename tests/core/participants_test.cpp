#include <lagoon/core/backoff.hpp>
#include <lagoon/core/owned_word.hpp>
#include <lagoon/core/participants.hpp>
#include <lagoon/error.hpp>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <algorithm>
#include <span>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <set>
#include <thread>
#include <vector>

#include "child.hpp"
#include "rendezvous.hpp"
#include "sanitizers.hpp"
#include "shared_table.hpp"
#include "stepped.hpp"

namespace {

using lagoon::core::Deadline;
using lagoon::core::nobody;
using lagoon::core::OwnedWord;
using lagoon::core::Owner;
using lagoon::core::Participants;
using lagoon::core::Taken;
using lagoon::test::Child;
using lagoon::test::Rendezvous;
using lagoon::test::Shared;
using lagoon::test::SharedFlags;
using lagoon::test::SharedTable;
using lagoon::test::wait_until;

using SharedOwner = Shared<std::atomic<Owner>>;

std::size_t slot_of(Owner owner) { return owner >> 2 & 0x3fff; }

/// A child that has enrolled and waits to be killed.
struct Enrolled {
  explicit Enrolled(SharedTable& table)
      : child([&] {
          *owner = table->self();
          for (;;) pause();
        }) {
    wait_until([&] { return *owner != nobody; }, "the child had enrolled");
  }
  SharedOwner owner{nobody};
  Child child;
};

TEST(Participants, self_is_the_same_at_each_call) {
  SharedTable table;
  const Owner me = table->self();
  EXPECT_NE(me, nobody);
  EXPECT_EQ(me & 3, 0U) << "the low bits are for flags";
  for (int i = 0; i < 10; ++i) EXPECT_EQ(table->self(), me);
  EXPECT_FALSE(table->is_dead(me));
  EXPECT_EQ(table->members_here(), 1U);
}

TEST(Participants, self_is_the_same_in_more_tables_than_a_thread_remembers_at_once) {
  std::vector<std::unique_ptr<SharedTable>> tables;
  std::vector<Owner> owners;
  for (int i = 0; i < 40; ++i) {
    tables.push_back(std::make_unique<SharedTable>(4));
    owners.push_back((*tables.back())->self());
  }
  for (int round = 0; round < 2; ++round)
    for (std::size_t i = 0; i < tables.size(); ++i) EXPECT_EQ((*tables[i])->self(), owners[i]);
}

TEST(Participants, resigning_ends_an_owner_and_the_next_one_is_another) {
  SharedTable table(1);
  const Owner first = table->self();
  table->resign();
  EXPECT_TRUE(table->is_dead(first));
  EXPECT_EQ(table->members_here(), 0U);
  const Owner second = table->self();
  EXPECT_NE(second, first);
  EXPECT_EQ(slot_of(second), slot_of(first));
  EXPECT_FALSE(table->is_dead(second));
  EXPECT_TRUE(table->is_dead(first));
}

TEST(Participants, threads_that_enrol_at_once_are_all_others) {
  constexpr std::size_t count = 64;
  SharedTable table(count);
  for (int round = 0; round < 5; ++round) {
    std::array<Owner, count> owners{};
    Rendezvous all(count);
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < count; ++i)
      threads.emplace_back([&, i] {
        all.meet();
        owners[i] = table->self();
        all.meet();
        for (const Owner owner : owners) EXPECT_FALSE(table->is_dead(owner));
        all.meet();
      });
    for (std::thread& t : threads) t.join();
    EXPECT_EQ(std::set<Owner>(owners.begin(), owners.end()).size(), count);
    for (const Owner owner : owners) EXPECT_TRUE(table->is_dead(owner)) << "its thread has ended";
  }
}

TEST(Participants, children_are_others_and_inherit_nothing) {
  SharedTable table;
  const Owner me = table->self();
  const SharedOwner theirs(nobody);
  Child child{[&] {
    EXPECT_EQ(table->members_here(), 0U);
    *theirs = table->self();
    EXPECT_EQ(table->self(), *theirs);
    EXPECT_FALSE(table->is_dead(me));
    EXPECT_EQ(table->members_here(), 1U);
    table->resign();
    EXPECT_FALSE(table->is_dead(me)) << "the child gave back what was its own";
  }};
  EXPECT_EQ(child.exitcode(), 0);
  EXPECT_NE(*theirs, nobody);
  EXPECT_NE(*theirs, me);
  EXPECT_FALSE(table->is_dead(me));
  EXPECT_EQ(table->self(), me);
}

TEST(Participants, one_that_was_killed_is_dead_before_it_is_reaped) {
  SharedTable table;
  Enrolled it(table);
  EXPECT_FALSE(table->is_dead(*it.owner));
  it.child.kill_unreaped();
  EXPECT_TRUE(table->is_dead(*it.owner));
  EXPECT_EQ(it.child.exitcode(), -SIGKILL);
  EXPECT_TRUE(table->is_dead(*it.owner));
}

TEST(Participants, one_that_is_stopped_lives) {
  SharedTable table;
  Enrolled it(table);
  it.child.stop();
  EXPECT_FALSE(table->is_dead(*it.owner));
}

TEST(Participants, one_that_exits_is_dead) {
  SharedTable table;
  for (const bool orderly : {false, true}) {
    const SharedOwner owner(nobody);
    Child child{[&] {
      *owner = table->self();
      orderly ? exit(0) : _exit(0);
    }};
    EXPECT_EQ(child.exitcode(), 0);
    EXPECT_TRUE(table->is_dead(*owner)) << orderly;
  }
}

TEST(Participants, one_that_calls_exec_is_dead) {
  SharedTable table;
  const SharedOwner owner(nobody);
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  Child child{[&] {
    *owner = table->self();
    execl("/bin/sleep", "sleep", "1000", nullptr);
    ADD_FAILURE() << "exec";
  }};
  close(ends[1]);
  char byte;
  EXPECT_EQ(read(ends[0], &byte, 1), 0) << "end of file: exec has closed the other end";
  close(ends[0]);
  EXPECT_TRUE(table->is_dead(*owner));
  EXPECT_EQ(::kill(child.pid(), 0), 0) << "the process lives";
}

TEST(Participants, a_thread_that_has_ended_is_dead_while_it_owns_something) {
  SharedTable table;
  auto& word = table.make<OwnedWord>(0);
  Owner owner = nobody;
  std::thread([&] {
    owner = table->self();
    EXPECT_EQ(word.take(*table, owner, Deadline::never()), Taken::yes);
  }).join();
  EXPECT_TRUE(table->is_dead(owner));
  EXPECT_EQ(word.take(*table, table->self(), Deadline::now()), Taken::from_dead);
}

TEST(Participants, a_killed_process_is_dead_with_all_its_threads) {
  SharedTable table;
  const Shared<std::array<std::atomic<Owner>, 8>> owners;
  SharedFlags enrolled;
  Child child{[&] {
    std::vector<std::thread> threads;
    for (auto& owner : *owners)
      threads.emplace_back([&] {
        owner = table->self();
        enrolled.raise();
        for (;;) pause();
      });
    for (std::thread& t : threads) t.join();
  }};
  enrolled.await(0, 8);
  for (const auto& owner : *owners) EXPECT_FALSE(table->is_dead(owner));
  child.kill_unreaped();
  for (const auto& owner : *owners) EXPECT_TRUE(table->is_dead(owner));
}

// In two namespaces there are two processes with the same id.
TEST(Participants, death_is_seen_across_pid_namespaces) {
  if (geteuid() != 0) GTEST_SKIP() << "a pid namespace needs root";
  constexpr int not_permitted = 77;
  SharedTable table;
  const Shared<std::array<std::atomic<Owner>, 2>> owners;
  SharedFlags flags;
  std::vector<Child> children;
  for (std::size_t i = 0; i < 2; ++i)
    children.emplace_back([&, i] {
      if (unshare(CLONE_NEWPID) != 0) _exit(not_permitted);
      const pid_t inner = fork();
      if (inner == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getpid() == 1) (*owners)[i] = table->self();
        flags.raise(0);
        for (;;) pause();
      }
      flags.await(1 + i);
      kill(inner, SIGKILL);
      lagoon::test::wait_until_dead_unreaped(inner);
      flags.raise(3 + i);
      for (;;) pause();
    });
  for (Child& child : children) {
    siginfo_t info{};
    waitid(P_PID, static_cast<id_t>(child.pid()), &info, WEXITED | WNOHANG | WNOWAIT);
    if (info.si_pid != 0 && child.exitcode() == not_permitted)
      GTEST_SKIP() << "this process may not make pid namespaces";
  }
  wait_until(
      [&] {
        siginfo_t info{};
        waitid(P_PID, static_cast<id_t>(children[0].pid()), &info, WEXITED | WNOHANG | WNOWAIT);
        return flags.count(0) == 2 || info.si_pid != 0;
      },
      "both had enrolled");
  if (flags.count(0) < 2) GTEST_SKIP() << "this process may not make pid namespaces";
  ASSERT_NE((*owners)[0], nobody);
  ASSERT_NE((*owners)[1], nobody);
  EXPECT_NE((*owners)[0], (*owners)[1]);
  flags.raise(1);
  flags.await(3);
  EXPECT_TRUE(table->is_dead((*owners)[0]));
  EXPECT_FALSE(table->is_dead((*owners)[1]));
  flags.raise(2);
  flags.await(4);
  EXPECT_TRUE(table->is_dead((*owners)[1]));
}

TEST(Participants, a_slot_used_again_does_not_bring_the_dead_to_life) {
  SharedTable table(1);
  std::vector<Owner> dead;
  for (int i = 0; i < 5; ++i) {
    Enrolled it(table);
    for (const Owner owner : dead) {
      EXPECT_EQ(slot_of(*it.owner), slot_of(owner));
      EXPECT_TRUE(table->is_dead(owner));
    }
    EXPECT_FALSE(table->is_dead(*it.owner));
    it.child.kill_unreaped();
    dead.push_back(*it.owner);
  }
  EXPECT_EQ(std::set<Owner>(dead.begin(), dead.end()).size(), dead.size());
}

TEST(Participants, says_when_it_is_full_and_can_be_used_when_one_has_ended) {
  SharedTable table(2);
  Enrolled first(table);
  Enrolled second(table);
  EXPECT_THROW((void)table->self(), lagoon::OutOfMemory);
  EXPECT_THROW((void)table->self(), lagoon::OutOfMemory) << "nothing half-done is remembered";
  EXPECT_EQ(table->members_here(), 0U);
  first.child.kill_unreaped();
  const Owner me = table->self();
  EXPECT_EQ(slot_of(me), slot_of(*first.owner));
  EXPECT_FALSE(table->is_dead(me));
  EXPECT_TRUE(table->is_dead(*first.owner));
  EXPECT_FALSE(table->is_dead(*second.owner));
}

TEST(Participants, an_owner_of_no_slot_is_dead) {
  SharedTable table(2);
  EXPECT_TRUE(table->is_dead(Owner{1} << 16 | 2 << 2));
  EXPECT_TRUE(table->is_dead(OwnedWord::gone));
}

TEST(Participants, all_living_meets_the_living_with_their_stamps) {
  SharedTable table;
  table->stamp_process(7);
  (void)table->self();
  Enrolled it(table);  // a child begins without a stamp
  Enrolled dead(table);
  dead.child.kill_unreaped();
  std::set<std::pair<std::uint64_t, bool>> met;
  EXPECT_TRUE(table->all_living([&](const Participants::Living& one) {
    const bool here = one.is_of_this_process();
    EXPECT_EQ(one.process() == table->process_here(), here);
    met.insert({one.since(), here});
    return true;
  }));
  EXPECT_EQ(met, (std::set<std::pair<std::uint64_t, bool>>{{7, true}, {7, false}}));
  table->stamp_process(8);
  EXPECT_FALSE(table->all_living([&](const Participants::Living& one) {
    return !(one.is_of_this_process() && one.since() == 8);
  })) << "until f returns false";
}

TEST(Participants, a_process_has_a_number_that_no_other_has_had) {
  SharedTable table;
  EXPECT_EQ(table->process_here(), 0U);
  (void)table->self();
  std::set<std::uint32_t> numbers{0, table->process_here()};
  std::thread([&] {
    (void)table->self();
    EXPECT_TRUE(numbers.contains(table->process_here())) << "the same in all of its threads";
  }).join();
  const Shared<std::atomic<std::uint32_t>> childs;
  for (std::size_t i = 0; i < 20; ++i) {
    Child child{[&] {
      EXPECT_EQ(table->process_here(), 0U) << "its parent's is not its own";
      (void)table->self();
      *childs = table->process_here();
    }};
    EXPECT_EQ(child.exitcode(), 0);
    EXPECT_TRUE(numbers.insert(*childs).second);
  }
}

TEST(Participants, a_child_on_its_way_is_known_until_it_arrives_or_its_parent_dies) {
  SharedTable table;
  EXPECT_FALSE(table->birth_pending());
  const Owner me = table->expect_child();
  EXPECT_TRUE(table->birth_pending());
  Child child{[&] {
    (void)table->self();
    table->child_arrived(me);
  }};
  EXPECT_EQ(child.exitcode(), 0);
  EXPECT_FALSE(table->birth_pending());

  SharedFlags expecting;
  Child parent{[&] {
    (void)table->expect_child();
    expecting.raise();
    for (;;) pause();
  }};
  expecting.await();
  EXPECT_TRUE(table->birth_pending());
  parent.kill_unreaped();
  EXPECT_FALSE(table->birth_pending());
}

// Once dead, always dead (I3): looked at after every instruction of the next one's enrolling.
TEST(Participants, the_dead_stay_dead_while_their_slot_is_taken) {
  if constexpr (lagoon::test::with_tsan || lagoon::test::with_asan)
    GTEST_SKIP() << "it would step through the sanitizer";
  const lagoon::test::OnOneProcessor one;
  SharedTable table(1);
  Enrolled it(table);
  it.child.kill_unreaped();
  lagoon::test::Stepped next{[&] { (void)table->self(); }};
  for (unsigned steps = 0; next.step(); ++steps)
    ASSERT_TRUE(table->is_dead(*it.owner)) << "after " << steps << " instructions";
}

// And in a look that the next one overtakes, after any of its instructions.
TEST(Participants, a_look_that_is_overtaken_by_the_next_in_the_slot_still_sees_the_dead) {
  if constexpr (lagoon::test::with_tsan || lagoon::test::with_asan)
    GTEST_SKIP() << "it would step through the sanitizer";
  const lagoon::test::OnOneProcessor one;
  SharedTable table(1);
  const Shared<std::atomic<int>> answer(-1);
  unsigned stops = 0;
  for (bool returned = false; !returned; ++stops) {
    Enrolled it(table);
    it.child.kill_unreaped();
    ASSERT_TRUE(table->is_dead(*it.owner));
    lagoon::test::Stepped look{[&] { *answer = table->is_dead(*it.owner) ? 1 : 0; }};
    for (unsigned i = 0; i < stops && look.step(); ++i) continue;
    returned = look.returned();
    const Enrolled next(table);
    look.finish();
    ASSERT_EQ(*answer, 1) << "after " << stops << " instructions";
  }
  EXPECT_GT(stops, 10U);
}

// Nor beside one who began to take the slot before they had it, wherever that one was held up.
TEST(Participants, the_dead_stay_dead_beside_one_who_came_for_the_slot_before_them) {
  if constexpr (lagoon::test::with_tsan || lagoon::test::with_asan)
    GTEST_SKIP() << "the child would step through the sanitizer";
  const lagoon::test::OnOneProcessor one;
  SharedTable table(2);
  const auto enrol = [&] { (void)table->self(); };
  // After how many of its instructions others can see a difference.
  std::vector<unsigned> where{0};
  {
    lagoon::test::Stepped child{enrol};
    const std::span memory(reinterpret_cast<const std::byte*>(&*table),
                           lagoon::core::Participants::size_for(2));
    std::vector<std::byte> last(memory.begin(), memory.end());
    for (unsigned k = 1; child.step(); ++k) {
      if (std::ranges::equal(memory, last)) continue;
      last.assign(memory.begin(), memory.end());
      where.push_back(k);
    }
  }
  EXPECT_GT(where.size(), 3U);
  for (const unsigned stop : where) {
    lagoon::test::Stepped slow{enrol};
    for (unsigned i = 0; i < stop; ++i) slow.step();
    Enrolled it(table);
    it.child.kill_unreaped();
    ASSERT_TRUE(table->is_dead(*it.owner));
    for (unsigned i = stop; slow.step(); ++i)
      ASSERT_TRUE(table->is_dead(*it.owner))
          << "it came when the other one was at " << stop << ", which is at " << i << " now";
  }
}

/// Enrols and resigns again and again until it is killed; each time it claims its slot.
void enrol_for_ever(SharedTable& table, std::atomic<Owner>* claims, std::atomic<Owner>& last,
                    std::atomic<unsigned>& clashes) {
  for (;;) {
    const Owner me = table->self();
    last = me;
    const Owner before = claims[slot_of(me)].exchange(me);
    if (table->is_dead(me)) ++clashes;
    if (before != nobody && before != me && !table->is_dead(before)) ++clashes;
    if (before == me) ++clashes;
    table->resign();
    if (!table->is_dead(me)) ++clashes;
  }
}

TEST(Participants, killed_while_they_enrol_no_two_living_are_ever_the_same) {
  constexpr std::size_t capacity = 8;
  SharedTable table(capacity);
  struct Books {
    std::atomic<Owner> claims[capacity] = {};
    std::atomic<Owner> last[2] = {};
    std::atomic<unsigned> clashes{0};
  };
  const Shared<Books> books;
  std::vector<Child> children;
  const auto begin = [&](std::size_t i) {
    books->last[i] = nobody;
    return Child{[&, i] { enrol_for_ever(table, books->claims, books->last[i], books->clashes); }};
  };
  for (std::size_t i = 0; i < std::size(books->last); ++i) children.push_back(begin(i));
  std::mt19937 random(2024);
  for (int round = 0; round < 500; ++round) {
    const std::size_t i = random() % children.size();
    wait_until([&] { return books->last[i] != nobody; }, "it had enrolled");
    for (auto spin = random() % 2000; spin != 0; --spin) lagoon::core::pause_processor();
    children[i].kill_unreaped();
    ASSERT_TRUE(table->is_dead(books->last[i])) << "round " << round;
    (void)children[i].wait();
    children[i] = begin(i);
  }
  children.clear();
  EXPECT_EQ(books->clashes, 0U);
  // Nothing is lost: all places can be taken.
  std::vector<std::unique_ptr<Enrolled>> all;
  for (std::size_t i = 0; i < capacity; ++i) all.push_back(std::make_unique<Enrolled>(table));
  EXPECT_THROW((void)table->self(), lagoon::OutOfMemory);
}

TEST(Participants, who_waits_and_how_often_one_had_to) {
  SharedTable table(2);
  alignas(64) static std::byte elsewhere[64];
  // Places are lines behind the table: where its own slots are will do.
  const auto* const base = reinterpret_cast<const std::byte*>(&*table);
  const auto word = [&](std::size_t i) { return base + 64 * (1 + i) + 8; };
  const auto of = [&](std::size_t i) { return table->waits(word(i), word(i) + 8); };
  const auto waits = [&](const void* at) {
    const std::uint64_t before = table->say_waits(table->self(), at, false);
    table->say_waits_as_before(table->self(), before);
  };
  table->say_reads_again(word(0));
  EXPECT_EQ(of(0).read_again, 0U) << "by one who has not enrolled";
  const auto me = static_cast<std::uint32_t>(::gettid());
  const std::uint64_t nowhere = table->say_waits(table->self(), word(0), true);
  EXPECT_EQ(of(0).waiting, (std::vector{Participants::Waiter{me, true}}));
  EXPECT_TRUE(of(1).waiting.empty());
  // As a signal handler may in the midst of it.
  const std::uint64_t before = table->say_waits(table->self(), word(1), false);
  EXPECT_EQ(of(1).waiting, (std::vector{Participants::Waiter{me, false}}));
  EXPECT_TRUE(of(0).waiting.empty());
  table->say_waits_as_before(table->self(), before);
  EXPECT_EQ(of(0).waiting, (std::vector{Participants::Waiter{me, true}}));
  table->say_waits_as_before(table->self(), nowhere);
  EXPECT_TRUE(of(0).waiting.empty());
  for (std::size_t i = 2; i < 7; ++i)
    for (std::size_t times = 0; times < i; ++times) waits(word(i));
  for (std::size_t i = 0; i < 7; ++i) EXPECT_EQ(of(i).waited, std::max<std::size_t>(i, 1)) << i;
  EXPECT_EQ(table->waits(word(1), word(3)).waited, 6U) << "of several lines";
  // An eighth takes the place of one of them.
  table->say_reads_again(word(7));
  table->say_reads_again(word(7));
  EXPECT_EQ(of(7).read_again, 2U);
  EXPECT_EQ(of(7).waited, 0U);
  std::size_t left = 0;
  for (std::size_t i = 0; i < 7; ++i) left += of(i).waited != 0 ? 1 : 0;
  EXPECT_EQ(left, 6U);
  // What lies elsewhere is not noted, nor in the place of anything.
  waits(base - 64);
  waits(elsewhere);
  EXPECT_EQ(of(7).read_again, 2U);
  EXPECT_EQ(table->waits(base - 64, base - 56).waited, 0U);

  // Of one who was killed waiting what was counted stays.
  Child child([&] {
    (void)table->say_waits(table->self(), word(7), false);
    ::kill(::getpid(), SIGKILL);
  });
  (void)child.wait();
  EXPECT_EQ(of(7).waited, 1U);
  EXPECT_TRUE(of(7).waiting.empty());
  // Who comes after it in its slot does not wait there.
  Child next([&] {
    (void)table->self();
    if (!of(7).waiting.empty()) ::_exit(1);
  });
  EXPECT_EQ(next.wait(), 0);
  EXPECT_EQ(of(7).waited, 1U);
}

}  // namespace
