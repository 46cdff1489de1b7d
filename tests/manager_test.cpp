#include <lagoon/lagoon.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "child.hpp"
#include "expect_throw.hpp"
#include "rendezvous.hpp"
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

/// An account of the application's own.
struct Account {
  lagoon::core::ParticipantsRef table;
  lagoon::locks::RobustLock lock;
  long balance;
  char owner[16];

  Account(lagoon::core::Participants& participants, std::string_view whose, long begins_with)
      : table(participants), lock(participants), balance(begins_with), owner{} {
    whose.copy(owner, sizeof owner - 1);
  }
  long pay_in(long x) {
    const std::scoped_lock guard(lock);
    return balance += x;
  }
  void rename(std::string_view whose) noexcept {
    const std::size_t n = whose.copy(owner, sizeof owner - 1);
    owner[n] = '\0';
  }
  [[nodiscard]] std::string_view whose() const noexcept { return owner; }
  [[nodiscard]] std::vector<long> statement(std::size_t n) const { return {long(n), balance}; }
};
struct Nothing {};

}  // namespace

template <>
inline constexpr std::string_view lagoon::type_name<Order> = "Order";
template <>
inline constexpr std::string_view lagoon::type_name<Account> = "tests::Account";
template <>
inline constexpr std::string_view lagoon::type_name<Nothing> = "tests::Nothing";

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

void register_account() {
  Manager::register_type<Account, std::string_view, long>(
      "Account", {{"pay_in", &Account::pay_in},
                  {"rename", &Account::rename},
                  {"whose", &Account::whose},
                  {"statement", &Account::statement},
                  {"twice", [](const Account& a) { return 2 * a.balance; }},
                  {"refuse", +[](Account&) { throw std::domain_error("no"); }}});
}

TEST(Manager, makes_registered_types_by_their_names) {
  register_account();
  Manager manager;
  const Object account = manager.create("Account", "savings", "Ada", 5);
  EXPECT_EQ(account.call("pay_in", 7), 12);
  EXPECT_EQ(account.call("statement", 3), Object::list(3, 12));
  EXPECT_TRUE(account.call("rename", std::string("Grace")).is_none());
  EXPECT_EQ(account.call("whose"), "Grace");
  EXPECT_EQ(account.call("twice"), 24);
  EXPECT_THROW((void)account.call("refuse"), std::domain_error);

  // Of this name there is one.
  EXPECT_EQ(manager.create("Account", "savings", "another", 0).call("whose"), "Grace");
  EXPECT_EQ(lagoon::Shared<Account>(account)->balance, 12);
  EXPECT_EQ(account, manager.create("Account", "savings", "another", 0));
  EXPECT_TRUE(account.repr().starts_with("<AutoProxy[Account] object, typeid 'Account' at 0x"));

  auto nameless = manager.dict();
  nameless["a"] = manager.create("Account", "", "Ada", 1);
  for (int i = 0; i < 10; ++i) nameless["b"] = manager.create("Account", "", "Ada", 2);
  EXPECT_EQ(nameless.at("a").call("pay_in", 1), 2);
  EXPECT_EQ(nameless.at("b").call("pay_in", 1), 3);

  EXPECT_TRUE(manager.erase("savings"));
  expect_throw<lagoon::Gone>([&] { (void)account.call("twice"); }, {"savings"});
}

TEST(Manager, says_what_is_wrong_with_a_call) {
  register_account();
  Manager manager;
  expect_throw<lagoon::NotFound>([&] { (void)manager.create("account"); },
                                 {"'account'", "Account", "register_type"});
  expect_throw<lagoon::TypeMismatch>([&] { (void)manager.create("Account", "x"); },
                                     {"TypeError: Account() takes 2 arguments, 0 were given"});
  expect_throw<lagoon::TypeMismatch>([&] { (void)manager.create("Account", "x", 1, 2); }, {"str"});
  EXPECT_TRUE(manager.objects().empty());
  const Object account = manager.create("Account", "", "Ada", 5);
  expect_throw<lagoon::TypeMismatch>([&] { (void)account.call("pay_in"); },
                                     {"TypeError: pay_in() takes 1 argument, 0 were given"});
  expect_throw<lagoon::TypeMismatch>([&] { (void)account.call("pay_in", "a lot"); },
                                     {"int", "'a lot'"});
  expect_throw<lagoon::TypeMismatch>(
      [&] { (void)account.call("close"); },
      {"AttributeError: 'AutoProxy[Account]' object has no attribute 'close'",
       "it has pay_in, refuse, rename, statement, twice, whose"});
  expect_throw<lagoon::TypeMismatch>([&] { (void)Object(5).call("close"); },
                                     {"AttributeError: 'int' object has no attribute 'close'"});
  (void)manager.value("savings", 1);
  expect_throw<lagoon::TypeMismatch>([&] { (void)manager.create("Account", "savings", "Ada", 1); },
                                     {"Value<int32, atomic>", "tests::Account"});
}

TEST(Manager, of_a_type_that_is_not_registered_here_holds_it_still) {
  Manager manager;
  auto dict = manager.dict();
  dict["x"] = manager.make<lagoon::Shared<Nothing>>("");
  expect_throw<lagoon::TypeMismatch>(
      [&] { (void)dict.at("x").call("f"); },
      {"no attribute 'f'", "open it as what it is", "tests::Nothing"});
  Manager::register_type<Nothing>("Nothing", {{"f", [](Nothing&) { return "here"; }}});
  EXPECT_EQ(dict.at("x").call("f"), "here");
  // The newest counts.
  Manager::register_type<Nothing>("Nothing", {});
  expect_throw<lagoon::TypeMismatch>([&] { (void)dict.at("x").call("f"); }, {"no methods"});
}

TEST(Manager, registers_a_type_as_several) {
  Manager::register_type<Account, std::string_view, long>("Reader", {{"read", &Account::whose}});
  Manager::register_type<Account, std::string_view, long>("Writer", {{"pay_in", &Account::pay_in}});
  Manager manager;
  const Object reader = manager.create("Reader", "", "Ada", 5);
  const Object writer = manager.create("Writer", "", "Ada", 5);
  EXPECT_EQ(reader.call("read"), "Ada");
  EXPECT_EQ(writer.call("pay_in", 1), 6);
  EXPECT_TRUE(reader.repr().starts_with("<AutoProxy[Reader] object, typeid 'Reader' at 0x"));
  expect_throw<lagoon::TypeMismatch>([&] { (void)reader.call("pay_in", 1); }, {"it has read"});
  expect_throw<lagoon::InvalidArgument>([&] { Manager::register_type<Nothing>("", {}); }, {"id"});
}

TEST(Manager, registered_types_are_called_by_many_of_whom_some_are_killed) {
  register_account();
  const ShmName name;
  Manager manager{name.str()};
  const Object account = manager.create("Account", "savings", "Ada", 0);
  auto dict = manager.dict("accounts");
  dict["of all"] = account;
  lagoon::test::SharedFlags flags;
  std::vector<std::unique_ptr<Child>> children;
  for (int i = 0; i < 4; ++i)
    children.push_back(std::make_unique<Child>([&] {
      const Manager same{name.str()};
      const Object mine = same.dict("accounts").at("of all");
      for (int n = 0; n < 1000; ++n) (void)mine.call("pay_in", 1);
      flags.raise();
      for (;;) (void)mine.call("pay_in", 0);
    }));
  flags.await(0, 4);
  for (const auto& child : children) child->kill_unreaped();
  EXPECT_EQ(account.call("pay_in", 0), 4000);
}

}  // namespace
