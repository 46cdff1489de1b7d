/// A copy of a segment has what was in it, and nothing of those who work with it.

#include <lagoon/lagoon.hpp>
#include <lagoon/locks/reader_writer.hpp>
#include <lagoon/locks/ttas.hpp>

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "child.hpp"
#include "rendezvous.hpp"
#include "sanitizers.hpp"
#include "shm_name.hpp"

namespace lagoon {
namespace {

struct Order {
  std::int32_t id;
  double price;
  friend bool operator==(const Order&, const Order&) = default;
};
struct Opaque {  // which only this program knows
  std::vector<Object> children;
};
struct Own {
  int x = 0;
};

}  // namespace
template <>
inline constexpr std::string_view type_name<Order> = "Order";
template <>
inline constexpr std::string_view type_name<Own> = "Own";
template <>
struct Codec<Opaque> {
  static constexpr std::string_view name = "Opaque";
  static void encode(Encoder& to, const Opaque& x) { to.put(x.children); }
  static Opaque decode(Decoder& from) { return {from.take<std::vector<Object>>()}; }
};

namespace {

using test::Child;
using test::ShmName;

class CopyOf : public testing::Test {
 protected:
  std::vector<NotCopied> copy() { return copy_objects(from, to); }

  ShmName shm[2];
  Segment from = Segment::create(shm[0].str());
  Segment to = Segment::create(shm[1].str());
};

TEST_F(CopyOf, NothingHasNothing) {
  EXPECT_TRUE(copy().empty());
  EXPECT_TRUE(to.objects().empty());
}

TEST_F(CopyOf, ValuesAndArraysOfEachMode) {
  const Value<int> n(from["n"], -7);
  const Value<Order> order(from["order"], Order{1, 2.5});
  const Value<double, mode::locked> locked(from["locked"], 1.5);
  const Value<char, mode::raw> raw(from["raw"], 'x');
  const std::vector<int> some{1, -2, 3};
  Array<int> seqlocked(from["as"], some);
  seqlocked.set(0, 5);  // so that its copies differ
  const Array<int, mode::atomic> atomic(from["aa"], some);
  const Array<int, mode::raw> araw(from["ar"], some);
  const Array<int, mode::locked> alocked(from["al"], some);
  const Array<int, mode::locked_by<Lock>> by_lock(from["ak"], some);
  const Array<int, mode::locked_by<locks::ReaderWriterLock>> by_rw(from["aw"], some);
  const Array<double> none(from["none"], 0);
  EXPECT_TRUE(copy().empty());

  EXPECT_EQ(to.find<Value<int>>("n")->get(), -7);
  EXPECT_EQ(to.find<Value<Order>>("order")->get(), (Order{1, 2.5}));
  EXPECT_EQ((to.find<Value<double, mode::locked>>("locked")->get()), 1.5);
  EXPECT_EQ((to.find<Value<char, mode::raw>>("raw")->get()), 'x');
  EXPECT_EQ(to.find<Array<int>>("as")->snapshot(), (std::vector<int>{5, -2, 3}));
  EXPECT_EQ((to.find<Array<int, mode::atomic>>("aa")->slice()), some);
  EXPECT_EQ((to.find<Array<int, mode::raw>>("ar")->slice()), some);
  EXPECT_EQ((to.find<Array<int, mode::locked>>("al")->slice()), some);
  EXPECT_EQ((to.find<Array<int, mode::locked_by<Lock>>>("ak")->slice()), some);
  EXPECT_EQ((to.find<Array<int, mode::locked_by<locks::ReaderWriterLock>>>("aw")->slice()), some);
  EXPECT_EQ(to.find<Array<double>>("none")->size(), 0U);
  // They are objects like others.
  auto order_copy = *to.find<Value<Order>>("order");
  for (int i = 0; i < 5; ++i) {
    order_copy = Order{i, 0};
    EXPECT_EQ(order_copy.get().id, i);
  }
  auto copied = *to.find<Array<int>>("as");
  for (int i = 0; i < 5; ++i) {
    copied.set(1, i);
    EXPECT_EQ(copied.snapshot(), (std::vector<int>{5, i, 3}));
  }
  EXPECT_EQ(seqlocked.snapshot(), (std::vector<int>{5, -2, 3}));
}

TEST_F(CopyOf, ContainersOfWhateverType) {
  Dict<std::string, Order> orders(from["orders"]);
  List<std::string> words(from["words"]);
  Namespace names(from["names"]);
  Dict<int, std::string> many(from["many"]);
  for (int i = 0; i < 3000; ++i) {
    orders.set("order " + std::to_string(i), {i, i * 0.5});
    words.append(std::string(static_cast<std::size_t>(i), 'w'));
    many.set(i, std::string(static_cast<std::size_t>(i % 97), 'm'));
  }
  for (int i = 0; i < 3000; i += 2) many.erase(i);
  many.set(1, std::string(100'000, 'l'));
  names.set("x", 1);
  names.set("y", Object::list(1, "two"));
  EXPECT_TRUE(copy().empty());

  auto orders_copy = *to.find<Dict<std::string, Order>>("orders");
  EXPECT_EQ(orders_copy.items(), orders.items());
  EXPECT_EQ(orders_copy.at("order 2999"), (Order{2999, 1499.5}));
  EXPECT_FALSE(orders_copy.contains("order 3000"));
  orders_copy.set("order 5", {0, 0});
  EXPECT_EQ(orders_copy.size(), 3000U);
  auto words_copy = *to.find<List<std::string>>("words");
  EXPECT_EQ(words_copy.snapshot(), words.snapshot());
  words_copy.append("more");
  EXPECT_EQ(words_copy.size(), 3001U);
  auto many_copy = *to.find<Dict<int, std::string>>("many");
  EXPECT_EQ(many_copy.items(), many.items());
  for (int i = 0; i < 3000; ++i) EXPECT_EQ(many_copy.contains(i), i % 2 != 0) << i;
  many_copy.erase(1);
  many_copy.set(0, "again");
  EXPECT_EQ(many_copy.size(), 1500U);
  EXPECT_EQ(to.find<Namespace>("names")->at("y"), Object::list(1, "two"));
}

TEST_F(CopyOf, ContainersWithinContainers) {
  Dict<> outer(from["outer"]);
  List<> inner{from.nameless()};
  const Lock door(from["door"]);
  inner.append(1);
  inner.append(outer);  // and so on
  outer.set("inner", inner);
  outer.set("again", Object::list(inner, "x"));
  outer.set("door", door);
  Namespace names(from["names"]);
  names.set("inner", inner);
  EXPECT_TRUE(copy().empty());

  from.erase("outer");
  const Dict<> outer_copy = *to.find<Dict<>>("outer");
  List<> inner_copy{outer_copy.at("inner")};
  EXPECT_EQ(inner_copy.at(0), Object(1));
  EXPECT_EQ(inner_copy.at(1), Object(outer_copy));
  EXPECT_EQ(outer_copy.at("again").at(0), Object(inner_copy)) << "each once";
  EXPECT_EQ(to.find<Namespace>("names")->at("inner"), Object(inner_copy));
  Lock door_copy{outer_copy.at("door")};
  door_copy.acquire();
  EXPECT_TRUE(to.find<Lock>("door")->locked());
  door_copy.release();
  inner_copy.append("more");
  EXPECT_EQ(inner.size(), 2U);
}

TEST_F(CopyOf, QueuesAndWhatSynchronizes) {
  Queue<std::string> lines(from["lines"], 3000);
  Queue<Order> orders(from["orders"]);
  JoinableQueue<int> tasks(from["tasks"]);
  for (int i = 0; i < 2500; ++i) {
    lines.put(std::string(static_cast<std::size_t>(i), 'l'));
    orders.put({i, 0.5});
    if (i < 500) (void)lines.get();
  }
  tasks.put(1);
  tasks.put(2);
  (void)tasks.get();
  Semaphore semaphore(from["semaphore"], 3);
  semaphore.acquire();
  BoundedSemaphore bounded(from["bounded"], 2);
  bounded.acquire();
  Event event(from["event"]);
  event.set();
  const Barrier barrier(from["barrier"], 3);
  const Condition condition(from["condition"]);
  RLock rlock(from["rlock"]);
  rlock.acquire();
  EXPECT_TRUE(copy().empty());
  rlock.release();

  auto lines_copy = *to.find<Queue<std::string>>("lines");
  EXPECT_EQ(lines_copy.maxsize(), 3000U);
  EXPECT_EQ(lines_copy.qsize(), 2000U);
  for (std::size_t i = 500; i < 2500; ++i) EXPECT_EQ(lines_copy.get().size(), i);
  lines_copy.put("next");
  EXPECT_EQ(lines_copy.get(), "next");
  auto orders_copy = *to.find<Queue<Order>>("orders");
  for (int i = 0; i < 2500; ++i) EXPECT_EQ(orders_copy.get().id, i);
  EXPECT_EQ(orders.qsize(), 2500U);
  auto tasks_copy = *to.find<JoinableQueue<int>>("tasks");
  for (const int task : {1, 2}) {
    EXPECT_EQ(tasks_copy.get(), task);
    tasks_copy.task_done();
  }
  tasks_copy.join();
  EXPECT_EQ(to.find<Semaphore>("semaphore")->get_value(), 2U);
  EXPECT_EQ(to.find<BoundedSemaphore>("bounded")->get_value(), 2U);
  EXPECT_TRUE(to.find<Event>("event")->is_set());
  EXPECT_EQ(to.find<Barrier>("barrier")->parties(), 3U);
  EXPECT_FALSE(to.find<RLock>("rlock")->locked());
}

TEST_F(CopyOf, WhatItCannotCopyItSays) {
  (void)from.construct<Own>("nothing");
  const Array<int, mode::locked_by<locks::TtasLock>> other(from["other"], 2);
  Dict<int, Opaque> opaque(from["opaque"]);
  List<> inner{from.nameless()};
  opaque.set(1, {{Object(inner)}});
  Dict<> outer(from["outer"]);
  outer.set("opaque", opaque);
  outer.set("x", 1);
  Array<int, mode::locked> held(from["held"], 2);
  test::SharedFlags has_it;
  Child holder([&] {
    held.get_lock().acquire();
    has_it.raise();
    ::pause();
  });
  has_it.await();
  const auto not_copied = copy();
  std::vector<std::string> which;
  for (const auto& [name, why] : not_copied) {
    which.push_back(name);
    EXPECT_FALSE(why.empty());
  }
  EXPECT_EQ(which, (std::vector<std::string>{"held", "nothing", "opaque", "other"}));
  EXPECT_EQ(to.objects().size(), 1U);
  EXPECT_TRUE(to.find<Dict<>>("outer")->at("opaque").is_none());
  EXPECT_EQ(to.find<Dict<>>("outer")->at("x"), Object(1));
}

TEST_F(CopyOf, WhatRefersToWhatWasErasedIsCopied) {
  List<int> list(from["list"]);
  Dict<> outer(from["outer"]);
  outer.set("list", list);
  outer.set("x", 1);
  Dict<> outermost(from["outermost"]);
  outermost.set("outer", outer);
  from.erase("list");
  const auto not_copied = copy();
  ASSERT_EQ(not_copied.size(), 1U);
  EXPECT_EQ(not_copied[0].why, "it refers to an object that was erased");
  const auto outer_copy = *to.find<Dict<>>("outer");
  EXPECT_TRUE(outer_copy.at("list").is_none());
  EXPECT_EQ(outer_copy.at("x"), Object(1));
  EXPECT_EQ(to.find<Dict<>>("outermost")->at("outer"), Object(outer_copy));
}

TEST_F(CopyOf, HoweverDeepContainersLie) {
  Dict<> outer(from["outer"]);
  List<> list{from.nameless()};
  list.append("innermost");
  constexpr int depth = 5000;
  for (int i = 0; i < depth; ++i) {
    List<> next{from.nameless()};
    next.append(list);
    list = std::move(next);
  }
  outer.set("list", list);
  EXPECT_TRUE(copy().empty());
  Object at = to.find<Dict<>>("outer")->at("list");
  for (int i = 0; i < depth; ++i) at = std::move(at).at(0);
  EXPECT_EQ(std::move(at).at(0), Object("innermost"));
}

/// What refers to others comes and goes while it is copied.
TEST_F(CopyOf, ReferencesThatComeMeanwhileLeadToCopies) {
  constexpr int n = 200;
  Dict<> dict(from["dict"]);
  for (int i = 0; i < n; ++i) dict.set(i, i);
  Child writer([&] {
    List<> list{from.nameless()};
    for (;;) {
      for (int i = n - 1; i > 0; --i) dict.set(i, list);
      for (int i = n - 1; i > 0; --i) dict.set(i, i);
    }
  });
  for (int round = 0, with_some = 0; with_some < 10; ++round) {
    const ShmName name;
    const auto copied = Segment::create(name.str());
    EXPECT_TRUE(copy_objects(from, copied).empty());
    const auto items = copied.find<Dict<>>("dict")->items();
    ASSERT_EQ(items.size(), n) << round;
    bool has_some = false;
    for (const auto& [key, value] : items) {
      if (value.kind() != Object::Kind::shared) continue;
      has_some = true;
      EXPECT_EQ(List<>{value}.size(), 0U);
    }
    if (has_some) ++with_some;
  }
  writer.kill();
  (void)writer.wait();
}

TEST_F(CopyOf, ValuesAndArraysThatContainersHold) {
  const Value<int> value(from.nameless(), 7);
  const Array<int> array(from["array"], std::vector<int>{1, 2});
  Dict<> dict(from["dict"]);
  dict.set("value", detail::ObjectOfShared<Value<int>>::into(value));
  dict.set("array", detail::ObjectOfShared<Array<int>>::into(array));
  EXPECT_TRUE(copy().empty());
  const auto copied = *to.find<Dict<>>("dict");
  EXPECT_EQ(detail::ObjectOfShared<Value<int>>::out_of(copied.at("value")).get(), 7);
  auto array_copy = detail::ObjectOfShared<Array<int>>::out_of(copied.at("array"));
  array_copy.set(0, 5);
  EXPECT_EQ(to.find<Array<int>>("array")->get(0), 5) << "one object";
  EXPECT_EQ(array.get(0), 1);
}

TEST_F(CopyOf, ADeadOwnersNewsIsLeftToWhoComesNext) {
  Array<int, mode::locked> array(from["array"], 2);
  Child holder([&] {
    array.get_lock().acquire();
    ::kill(::getpid(), SIGKILL);
  });
  (void)holder.wait();
  const auto not_copied = copy();
  ASSERT_EQ(not_copied.size(), 1U);
  EXPECT_EQ(not_copied[0].why, "an owner of its lock died, and what that guards may be half-done");
  EXPECT_TRUE(array.get_lock().acquire().owner_died());
  array.get_lock().release();
}

TEST_F(CopyOf, ConditionsWithALockOfAnother) {
  Lock lock(from["lock"]);
  const Condition condition(from["condition"], lock);
  EXPECT_TRUE(copy().empty());
  Lock lock_copy = *to.find<Lock>("lock");
  Condition copied(to["condition"], lock_copy);
  copied.acquire();
  EXPECT_TRUE(lock_copy.locked());
  copied.release();
  EXPECT_FALSE(lock_copy.locked());
  EXPECT_FALSE(lock.locked());
}

TEST_F(CopyOf, TasksThatSomebodyHasAreToDoAgain) {
  JoinableQueue<int> tasks(from["tasks"]);
  for (int i = 0; i < 5; ++i) tasks.put(i);
  Child dead([&] { (void)tasks.get(); });
  (void)dead.wait();
  (void)tasks.get();  // that one's, or the next
  (void)tasks.get();
  tasks.task_done();
  EXPECT_TRUE(copy().empty());
  auto copied = *to.find<JoinableQueue<int>>("tasks");
  EXPECT_EQ(copied.qsize(), 4U);
  for (int i = 0; i < 4; ++i) {
    (void)copied.get();
    copied.task_done();
  }
  copied.join();
}

/// Who only reads is not waited for by who erases.
TEST_F(CopyOf, WhatIsErasedMeanwhileIsLeftOut) {
  Child writer([&] {
    const std::vector<int> all(1000, 7);
    for (int i = 0;; ++i) {
      const std::string name = "array" + std::to_string(i % 16);
      from.erase(name);
      const Array<int> array(from[name], std::vector<int>(1000, i));
    }
  });
  const auto reader = Segment::open_read_only(shm[0].str());
  for (int round = 0; round < 50; ++round) {
    const ShmName name;
    const auto copied = Segment::create(name.str());
    EXPECT_TRUE(copy_objects(reader, copied).empty());
    for (const auto& entry : copied.objects()) {
      const auto array = copied.find<Array<int>>(entry.name)->snapshot();
      EXPECT_EQ(array, std::vector<int>(1000, array[0])) << entry.name;
    }
  }
  writer.kill();
  (void)writer.wait();
}

TEST_F(CopyOf, IsNotMadeOverWhatIsThere) {
  const Value<int> n(from["n"], 1);
  const Value<int> there(to["n"], 2);
  EXPECT_THROW(copy(), AlreadyExists);
  EXPECT_EQ(there.get(), 2);
}

TEST_F(CopyOf, IsMadeFromWhatMayOnlyBeRead) {
  const Value<int> n(from["n"], 1);
  const Value<int, mode::locked> locked(from["locked"], 1);
  Dict<int, int> dict(from["dict"]);
  dict.set(1, 2);
  const auto not_copied = copy_objects(Segment::open_read_only(shm[0].str()), to);
  ASSERT_EQ(not_copied.size(), 1U);
  EXPECT_EQ(not_copied[0].name, "locked");
  EXPECT_EQ(to.find<Value<int>>("n")->get(), 1);
  EXPECT_EQ((to.find<Dict<int, int>>("dict")->at(1)), 2);
}

/// Of one moment, while others change it without a pause.
TEST_F(CopyOf, EachIsOfOneMoment) {
  constexpr int n = 64;
  Array<std::int64_t> array(from["array"], n);
  Dict<int, std::int64_t> dict(from["dict"]);
  List<std::int64_t> list(from["list"]);
  Queue<std::int64_t> queue(from["queue"]);
  for (int i = 0; i < n; ++i) {
    dict.set(i, 0);
    list.append(0);
  }
  Child writer([&] {
    std::vector<std::pair<int, std::int64_t>> items(n);
    for (std::int64_t k = 1;; ++k) {
      const std::vector<std::int64_t> all(n, k);
      array.assign(all);
      for (int i = 0; i < n; ++i) items[static_cast<std::size_t>(i)] = {i, k};
      dict.update(items);
      list.assign_slice({}, {}, all);
      queue.put(k);
      if (k > 10) (void)queue.get();
    }
  });
  for (int round = 0; round < 20; ++round) {
    const ShmName name;
    const auto copied = Segment::create(name.str());
    EXPECT_TRUE(copy_objects(from, copied).empty());
    const auto a = copied.find<Array<std::int64_t>>("array")->snapshot();
    EXPECT_EQ(a, std::vector<std::int64_t>(n, a[0]));
    const auto l = copied.find<List<std::int64_t>>("list")->snapshot();
    EXPECT_EQ(l, std::vector<std::int64_t>(n, l[0]));
    const auto values = copied.find<Dict<int, std::int64_t>>("dict")->values();
    EXPECT_EQ(values, std::vector<std::int64_t>(n, values[0]));
    auto q = *copied.find<Queue<std::int64_t>>("queue");
    std::int64_t before = 0;
    while (const auto k = q.try_get()) {
      EXPECT_GT(*k, before);
      before = *k;
    }
  }
  writer.kill();
  (void)writer.wait();
}

}  // namespace
}  // namespace lagoon
