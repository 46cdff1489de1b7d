#include <lagoon/lagoon.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "child.hpp"
#include "expect_throw.hpp"
#include "shm_name.hpp"

namespace {

using lagoon::Manager;
using lagoon::Object;
using lagoon::Segment;
using lagoon::test::Child;
using lagoon::test::expect_throw;
using lagoon::test::ShmName;

struct Order {
  int id = 0;
  double price = 0;
};

}  // namespace

template <>
inline constexpr std::string_view lagoon::type_name<Order> = "Order";

namespace {

TEST(Manager, makes_each_type_without_a_name_for_its_children) {
  Manager manager;
  auto dict = manager.dict();
  auto typed = manager.dict<std::string, double>();
  auto list = manager.list<int>();
  auto attributes = manager.namespace_();
  auto value = manager.value(0);
  auto array = manager.array<int>(10);
  auto lock = manager.lock();
  auto rlock = manager.rlock();
  auto semaphore = manager.semaphore(2);
  auto bounded = manager.bounded_semaphore(2);
  auto condition = manager.condition();
  auto event = manager.event();
  auto barrier = manager.barrier(2);
  Child child([&] {
    dict["a"] = Object::list(1, 2);
    typed["pi"] = 3.5;
    list += {1, 2, 3};
    attributes["x"] = "y";
    value += 7;
    array[3] = 4;
    (void)lock.acquire();
    lock.release();
    (void)rlock.acquire();
    rlock.release();
    (void)semaphore.acquire();
    (void)bounded.acquire();
    bounded.release();
    (void)condition.acquire();
    condition.notify();
    condition.release();
    event.set();
    (void)barrier.wait();
  });
  (void)barrier.wait();
  ASSERT_EQ(child.exitcode(), 0);
  EXPECT_EQ(lagoon::str(dict), "{'a': [1, 2]}");
  EXPECT_EQ(typed.at("pi"), 3.5);
  EXPECT_EQ(lagoon::str(list), "[1, 2, 3]");
  EXPECT_TRUE(attributes["x"] == "y");
  EXPECT_EQ(value, 7);
  EXPECT_EQ(int(array[3]), 4);
  EXPECT_EQ(semaphore.get_value(), 1);
  EXPECT_TRUE(event.is_set());
  EXPECT_TRUE(manager.objects().empty());
}

TEST(Manager, without_a_name_has_names_of_its_own) {
  const Manager one, other;
  auto mine = one.value("x", 1);
  auto theirs = other.value("x", 2);
  EXPECT_EQ(mine, 1);
  EXPECT_EQ(theirs, 2);
  EXPECT_EQ(one.value("x", 5), 1) << "found";
  Child child([&] {
    auto same = one.find<lagoon::Value<int>>("x");
    *same += 10;
    auto made = one.dict<int, int>("made by a child");
    made[1] = 2;
  });
  ASSERT_EQ(child.exitcode(), 0);
  EXPECT_EQ(mine, 11);
  EXPECT_EQ((one.dict<int, int>("made by a child").at(1)), 2);
  EXPECT_FALSE(other.find<lagoon::Value<int>>("y"));
}

TEST(Manager, of_a_name_is_where_programs_meet) {
  const ShmName name;
  Manager manager{name.str()};
  auto prices = manager.dict<std::string, double>("prices");
  auto order = manager.make<lagoon::Shared<Order>>("order", Order{7, 1.5});
  auto state = manager.namespace_("state");
  auto hits = manager.array<long>("hits", 4);
  Child child([&] {
    Manager same{name.str()};
    same.dict<std::string, double>("prices")["gold"] = 2.5;
    same.make<lagoon::Shared<Order>>("order")->price = 9;
    same.namespace_("state")["ready"] = true;
    same.find<lagoon::Array<long>>("hits")->set(1, 3);
    (void)same.barrier("barrier", 3);
    (void)same.bounded_semaphore("bounded", 2);
  });
  ASSERT_EQ(child.exitcode(), 0);
  EXPECT_EQ(prices.at("gold"), 2.5);
  EXPECT_EQ(order->price, 9);
  EXPECT_TRUE(state["ready"] == true);
  EXPECT_EQ(long(hits[1]), 3);
  EXPECT_EQ(manager.find<lagoon::Barrier>("barrier")->parties(), 3);
  std::set<std::string> held;
  for (const Segment::Entry& entry : manager.objects()) held.insert(entry.name + ": " + entry.type);
  EXPECT_EQ(held, (std::set<std::string>{"barrier: Barrier[3]", "bounded: BoundedSemaphore[2]",
                                         "hits: Array<int64, seqlocked>[4]", "order: Order",
                                         "prices: Dict<str, double>", "state: Namespace"}));
  EXPECT_TRUE(manager.erase("prices"));
  expect_throw<lagoon::Gone>([&] { prices["gold"] = 1; }, {"prices"});
  expect_throw<lagoon::TypeMismatch>([&] { (void)manager.dict("hits"); },
                                     {"Array<int64, seqlocked>[4]", "Dict<>"});
}

}  // namespace
