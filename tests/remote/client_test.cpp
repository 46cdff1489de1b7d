/// A C++ program as a client: of CPython's own server, and of this library's, which answer alike.

#include <lagoon/lagoon.hpp>
#include <lagoon/remote/manager.hpp>
#include <lagoon/remote/server.hpp>

#include <authentication.hpp>
#include <connection.hpp>
#include <pickle.hpp>
#include <token.hpp>

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <ask_python.hpp>
#include <sanitizers.hpp>

#include "python_program.hpp"

namespace {

using lagoon::Object;
using lagoon::remote::Address;
using lagoon::test::wait_until_it_holds;
using namespace std::chrono_literals;
namespace remote = lagoon::remote;

const std::string key = "a key of some length";

/// A server that a test asks: CPython's in a program of its own, or this library's, by either kind
/// of socket.
struct Kind {
  bool python, tcp;
};
class RemoteClient : public testing::TestWithParam<Kind> {
 protected:
  void SetUp() override {
    if (!lagoon::test::has_python()) GTEST_SKIP() << "no python3";
    char name[] = "/tmp/lagoon-client-XXXXXX";
    directory_ = ::mkdtemp(name);
    Address address =
        GetParam().tcp ? Address::parse("127.0.0.1:0") : Address::path(directory_ + "/socket");
    if (GetParam().python) {
      program_.emplace(std::vector<std::string>{
          lagoon::test::remote_scripts() + "/python_server.py", address.text(), key});
      const std::string ready = program_->line();
      ASSERT_TRUE(ready.starts_with("ready")) << ready << program_->rest();
      if (GetParam().tcp) address = Address::parse("127.0.0.1:" + ready.substr(6));
    } else {
      server_.emplace(local_, address, key);
      server_->start();
      address = server_->address();
    }
    address_.emplace(address);
    manager.emplace(remote::Manager::connect(address, key));
  }
  void TearDown() override {
    manager.reset();
    server_.reset();
    program_.reset();
    if (!directory_.empty()) std::filesystem::remove_all(directory_);
  }
  void end_server() {
    server_.reset();
    program_.reset();
  }
  [[nodiscard]] const Address& address() const { return *address_; }

  std::optional<remote::Manager> manager;

 private:
  std::string directory_;
  lagoon::Manager local_;
  std::optional<remote::Server> server_;
  std::optional<lagoon::test::PythonProgram> program_;
  std::optional<Address> address_;
};

template <class E, class F>
std::string said_by(F&& f) {
  try {
    f();
  } catch (const E& e) {
    return e.what();
  }
  return "nothing was thrown";
}

TEST_P(RemoteClient, Dicts) {
  const remote::Dict d = manager->dict();
  EXPECT_TRUE(d.empty());
  d["a"] = 1;
  d[Object::tuple(1, "x")] = Object::list(1.5, nullptr);
  EXPECT_EQ(int(d["a"]), 1);
  EXPECT_EQ(d.at(Object::tuple(1, "x")), Object::list(1.5, nullptr));
  EXPECT_TRUE(d["a"] == 1);
  EXPECT_TRUE(d.contains("a"));
  EXPECT_FALSE(d.contains("b"));
  EXPECT_EQ(d.get("b"), Object());
  EXPECT_EQ(d.get("b", 7), 7);
  EXPECT_EQ(said_by<lagoon::OutOfRange>([&] { (void)d.at("b"); }), "KeyError: 'b'");
  EXPECT_EQ(said_by<lagoon::OutOfRange>([&] { d.erase("b"); }), "KeyError: 'b'");
  EXPECT_EQ(said_by<lagoon::TypeMismatch>([&] { d[Object::list()] = 1; }),
            "TypeError: unhashable type: 'list'");
  d.update(Object::dict({{"b", 2}, {"c", 3}}));
  EXPECT_EQ(d.size(), 4U);
  EXPECT_EQ(d.setdefault("c", 9), 3);
  EXPECT_EQ(d.pop("c"), 3);
  EXPECT_EQ(d.pop("c", nullptr), Object());
  EXPECT_EQ(d.popitem(), (std::pair<Object, Object>("b", 2)));
  EXPECT_EQ(d.keys(), Object::list("a", Object::tuple(1, "x")));
  EXPECT_EQ(d.values(), Object::list(1, Object::list(1.5, nullptr)));
  EXPECT_EQ(d.copy(),
            Object::dict({{"a", 1}, {Object::tuple(1, "x"), Object::list(1.5, nullptr)}}));
  EXPECT_EQ(d.str(), "{'a': 1, (1, 'x'): [1.5, None]}");
  EXPECT_EQ(d.value(), d.copy());
  d["b"] = d["a"];
  EXPECT_EQ(d.at("b"), 1);
  EXPECT_TRUE(d.discard("b"));
  EXPECT_FALSE(d.discard("b"));
  d.clear();
  EXPECT_EQ(d.copy(), Object::dict());
  EXPECT_EQ(manager->dict(Object::dict({{"x", 1}})).items(), Object::list(Object::tuple("x", 1)));
}

TEST_P(RemoteClient, Lists) {
  const remote::List l = manager->list(Object::list(3, 1, 2));
  l.append("x");
  EXPECT_EQ(l.size(), 4U);
  EXPECT_EQ(l.pop(), "x");
  l.sort();
  EXPECT_EQ(l.copy(), Object::list(1, 2, 3));
  l.sort(true);
  EXPECT_EQ(l.slice(0, 2), Object::list(3, 2));
  EXPECT_EQ(l.slice({}, {}, -1), Object::list(1, 2, 3));
  l.assign_slice(0, 1, Object::list("a", "b"));
  EXPECT_EQ(l.copy(), Object::list("a", "b", 2, 1));
  l.erase_slice(0, 2);
  l[0] = 7;
  EXPECT_EQ(int(l[-1]), 1);
  l.insert(1, 8);
  l.extend(Object::list(8));
  EXPECT_EQ(l.count(8), 2U);
  EXPECT_EQ(l.index(8), 1U);
  l.remove(8);
  l.reverse();
  EXPECT_EQ(l.copy(), Object::list(8, 1, 7));
  EXPECT_TRUE(l.contains(7));
  l.erase(0);
  EXPECT_EQ(said_by<lagoon::OutOfRange>([&] { (void)l.at(99); }),
            "IndexError: list index out of range");
  l.clear();
  EXPECT_TRUE(l.empty());
  l.extend(Object::list(0, 1, 2, 3, 4, 1));
  l.assign_slice(0, {}, 2, Object::list("a", "b", "c"));
  EXPECT_EQ(l.snapshot(), Object::list("a", 1, "b", 3, "c", 1));
  EXPECT_EQ(l.index(1, 2), 5U);
  EXPECT_THROW((void)l.index(1, 2, 5), lagoon::InvalidArgument);
  l.erase_slice({}, {}, 2);
  EXPECT_EQ(l.copy(), Object::list(1, 3, 1));
}

TEST_P(RemoteClient, NamespacesValuesAndArrays) {
  const remote::Namespace n = manager->namespace_();
  n["x"] = 1;
  EXPECT_EQ(int(n["x"]), 1);
  n.erase("x");
  EXPECT_THROW((void)n.at("x"), lagoon::TypeMismatch);
  const remote::Value v = manager->value('i', 5);
  v.set(6);
  EXPECT_EQ(v.get<int>(), 6);
  const remote::Array a = manager->array('d', Object::list(1.5, 2.5));
  a[1] = 3.5;
  EXPECT_EQ(a.size(), 2U);
  EXPECT_EQ(double(a[0]), 1.5);
  EXPECT_EQ(a.snapshot(), Object::list(1.5, 3.5));
  EXPECT_EQ(a.slice({}, {}, -1), Object::list(3.5, 1.5));
  EXPECT_THROW((void)a.at(2), lagoon::OutOfRange);
}

TEST_P(RemoteClient, Locks) {
  remote::Lock lock = manager->lock();
  {
    const std::scoped_lock guard(lock);
    EXPECT_FALSE(lock.try_lock());
    EXPECT_FALSE(lock.try_lock_for(10ms));
    // Another thread is another there.
    std::thread([&] { EXPECT_FALSE(lock.try_lock()); }).join();
  }
  EXPECT_TRUE(lock.try_lock());
  lock.unlock();
  EXPECT_THROW(lock.release(), lagoon::UsageError);

  remote::RLock recursive = manager->rlock();
  EXPECT_TRUE(recursive.acquire());
  EXPECT_TRUE(recursive.acquire());
  std::thread([&] { EXPECT_THROW(recursive.release(), lagoon::UsageError); }).join();
  recursive.release();
  recursive.release();

  remote::Semaphore semaphore = manager->semaphore(2);
  EXPECT_TRUE(semaphore.try_lock() && semaphore.try_lock());
  EXPECT_FALSE(semaphore.try_lock());
  semaphore.release(2);
  EXPECT_TRUE(semaphore.try_lock() && semaphore.try_lock());
  remote::BoundedSemaphore bounded = manager->bounded_semaphore(1);
  EXPECT_THROW(bounded.release(), lagoon::InvalidArgument);
}

TEST_P(RemoteClient, ConditionsEventsAndBarriers) {
  remote::Lock lock = manager->lock();
  remote::Condition condition = manager->condition(lock);
  const remote::Event event = manager->event();
  EXPECT_FALSE(event.wait(10ms));
  {
    const std::scoped_lock guard(condition);
    EXPECT_FALSE(lock.try_lock());
    EXPECT_FALSE(condition.wait(10ms));
    std::thread notifier([&] {
      const std::scoped_lock mine(condition);
      condition.notify();
    });
    EXPECT_TRUE(condition.wait());
    notifier.join();
    EXPECT_FALSE(condition.wait_for(10ms));
    EXPECT_FALSE(condition.wait_until(std::chrono::steady_clock::now() + 10ms));
    EXPECT_FALSE(condition.wait_for(10ms, [] { return false; }));
    EXPECT_TRUE(condition.wait_until(std::chrono::steady_clock::now() + 30s, [] { return true; }));
    std::atomic<bool> is_ready{false};
    std::thread other([&] {
      const std::scoped_lock mine(condition);
      is_ready = true;
      condition.notify_one();
    });
    condition.wait([&] { return is_ready.load(); });
    other.join();
    EXPECT_TRUE(condition.wait_for([&] { return is_ready.load(); }));
  }
  EXPECT_THROW(condition.notify(), lagoon::UsageError);
  event.set();
  EXPECT_TRUE(event.wait() && event.is_set());
  EXPECT_TRUE(event.wait_for(30s) && event.wait_until(std::chrono::steady_clock::now() + 30s));
  event.clear();
  EXPECT_FALSE(event.is_set());

  const remote::Barrier barrier = manager->barrier(2);
  std::size_t other = 9;
  std::thread party([&] { other = barrier.wait(); });
  const std::size_t mine = barrier.wait();
  party.join();
  EXPECT_EQ(mine + other, 1U);
  EXPECT_EQ(barrier.parties(), 2U);
  EXPECT_THROW((void)barrier.wait_for(10ms), lagoon::BrokenBarrier);
  EXPECT_TRUE(barrier.broken());
  barrier.reset();
  EXPECT_EQ(barrier.n_waiting(), 0U);
}

TEST_P(RemoteClient, Queues) {
  const remote::Queue q = manager->queue(2);
  q.put("a");
  q.put(Object::list(1), 1s);
  EXPECT_TRUE(q.full());
  EXPECT_FALSE(q.try_put("c"));
  EXPECT_THROW(q.put("c", 10ms), lagoon::Full);
  EXPECT_EQ(q.get(), "a");
  EXPECT_EQ(q.get(1s), Object::list(1));
  EXPECT_FALSE(q.try_get());
  EXPECT_FALSE(q.try_get_for(10ms));
  EXPECT_FALSE(q.try_get_until(std::chrono::steady_clock::now() + 10ms));
  EXPECT_THROW((void)q.get(false), lagoon::Empty);
  EXPECT_TRUE(q.try_put_for("d", 1s));
  EXPECT_TRUE(q.try_put_until("e", std::chrono::steady_clock::now() + 1s));
  EXPECT_FALSE(q.try_put_for("f", 10ms));
  EXPECT_THROW(q.put("f", false), lagoon::Full);
  EXPECT_EQ(q.get(true), "d");
  EXPECT_EQ(q.get(true, 1s), "e");
  EXPECT_THROW((void)q.get_nowait(), lagoon::Empty);
  std::thread putter([&] { q.put(7); });
  EXPECT_EQ(q.get(), 7);
  putter.join();
  for (int i = 0; i < 5; ++i) q.task_done();
  q.join();
  EXPECT_THROW(q.task_done(), lagoon::InvalidArgument);
  EXPECT_EQ(q.qsize(), 0U);
}

TEST_P(RemoteClient, WhatIsNestedIsReached) {
  const remote::Dict outer = manager->dict();
  const remote::List inner = manager->list();
  outer["l"] = inner.reference();
  Object o = outer.at("l");
  EXPECT_EQ(o.kind(), Object::Kind::shared);
  o.append(1);
  o.append(2);
  EXPECT_EQ(inner.copy(), Object::list(1, 2));
  EXPECT_EQ(remote::List(o).size(), 2U);
  EXPECT_EQ(Object(o).at(0), 1);
  EXPECT_EQ(o.str(), "[1, 2]");
  EXPECT_THROW(remote::Proxy(Object(1)), lagoon::TypeMismatch);
}

TEST_P(RemoteClient, OfPythonsClassesWhatComesGoesBack) {
  // datetime.date(2020, 1, 2)
  const Object date =
      Object::opaque("datetime.date", "R",
                     {Object::opaque("global", "datetime\ndate"),
                      Object::tuple(Object::bytes(std::string_view("\x07\xe4\x01\x02", 4)))});
  const remote::Dict d = manager->dict();
  d["date"] = date;
  EXPECT_EQ(d.at("date"), date);
  // Of a module of that name, and none of a server's references.
  const Object thing = Object::opaque(
      "lagoon.Thing", "R", {Object::opaque("global", "lagoon\nThing"), Object::tuple(1, 2)});
  EXPECT_EQ(remote::as_proxy(thing), thing);
}

TEST_P(RemoteClient, ManyThreads) {
  const remote::Dict d = manager->dict();
  remote::Lock lock = manager->lock();
  d["n"] = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      for (int k = 0; k < 25; ++k) {
        const std::scoped_lock guard(lock);
        d["n"] = int(d["n"]) + 1;
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(int(d["n"]), 100);
}

TEST_P(RemoteClient, AForkedChildHasItsOwnConnection) {
  const remote::Dict d = manager->dict();
  d["n"] = 1;
  lagoon::Process child([&] {
    d["n"] = int(d["n"]) + 1;
    return 0;
  });
  child.start();
  child.join();
  EXPECT_EQ(child.exitcode(), 0);
  EXPECT_EQ(int(d["n"]), 2);
}

TEST_P(RemoteClient, WrongKeysAndWrongCallsAreSaid) {
  EXPECT_THROW(remote::Manager::connect(address(), "another key"), lagoon::InvalidArgument);
  const remote::Dict d = manager->dict();
  EXPECT_THROW((void)d.call("no_such_method"), remote::RemoteError);
  EXPECT_THROW((void)manager->create("no_such_type"), remote::RemoteError);
}

TEST_P(RemoteClient, AServerThatHasGoneIsSaid) {
  const remote::Dict d = manager->dict();
  d["a"] = 1;
  end_server();
  EXPECT_THROW((void)d.at("a"), lagoon::SystemError);
  EXPECT_THROW((void)d.at("a"), lagoon::SystemError);
}

INSTANTIATE_TEST_SUITE_P(Of, RemoteClient,
                         testing::Values(Kind{true, false}, Kind{true, true}, Kind{false, false},
                                         Kind{false, true}),
                         [](const auto& kind) {
                           return std::string(kind.param.python ? "CPython" : "Lagoon") +
                                  (kind.param.tcp ? "OverTcp" : "OverUnix");
                         });

TEST(RemoteClientOfPython, CallsWhatPythonHasRegistered) {
  if (!lagoon::test::has_python()) GTEST_SKIP() << "no python3";
  lagoon::test::PythonProgram program(
      {lagoon::test::remote_scripts() + "/python_server.py", "127.0.0.1:0", key});
  const std::string ready = program.line();
  ASSERT_TRUE(ready.starts_with("ready ")) << ready;
  const auto manager =
      remote::Manager::connect(Address::parse("127.0.0.1:" + ready.substr(6)), key);
  const remote::Proxy counter = manager.create("Counter", 5);
  EXPECT_EQ(counter.call("add", 2), 7);
  EXPECT_EQ(counter.call(remote::Named{{"x", 3}}, "add"), 10);
  EXPECT_EQ(said_by<remote::RemoteError>([&] { (void)counter.call("fail", "zero"); }),
            "ZeroDivisionError: division by zero");
  EXPECT_EQ(said_by<lagoon::OutOfRange>([&] { (void)counter.call("fail", "key"); }),
            "KeyError: 'k'");
  const remote::Dict shared(manager.create("shared"));
  EXPECT_EQ(double(shared["gold"]), 1.5);
  const auto methods = counter.methods();
  EXPECT_EQ(methods.size(), 2U);
}

class OwnServer : public testing::Test {
 protected:
  OwnServer() : server(local, Address::abstract("lagoon-test-" + std::to_string(::getpid())), key) {
    server.start();
  }
  [[nodiscard]] remote::Manager connected() const {
    return remote::Manager::connect(server.address(), key);
  }
  lagoon::Manager local;
  remote::Server server;
};

/// A proved key, and the promise to ask something.
remote::Connection idle_connection(const Address& address) {
  const auto deadline = lagoon::core::Deadline::after(60s);
  remote::Connection connection = remote::Connection::to(address, deadline);
  remote::answer_challenge(connection, key, deadline);
  remote::challenge(connection, key, deadline);
  connection.send(remote::pickled(
      Object::tuple(nullptr, "accept_connection", Object::tuple("idle"), Object::dict())));
  if (!connection.receive(1 << 20, deadline)) throw std::runtime_error("it was let go");
  return connection;
}

TEST_F(OwnServer, HoldsAThousandWhoAreIdleAndTwoHundredWhoAreBusy) {
  constexpr bool is_slow = lagoon::test::with_tsan || lagoon::test::with_asan;
  constexpr int idle = is_slow ? 100 : 1000, busy = is_slow ? 20 : 200, each = 10;
  rlimit descriptors{};
  ::getrlimit(RLIMIT_NOFILE, &descriptors);
  descriptors.rlim_cur = descriptors.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &descriptors);
  if (descriptors.rlim_max < 2 * (idle + busy) + 100) GTEST_SKIP() << "too few descriptors";

  std::vector<remote::Connection> all;
  for (int i = 0; i < idle; ++i) all.push_back(idle_connection(server.address()));
  auto shared = local.dict("shared");
  const remote::Manager manager = connected();
  const remote::Dict d(manager.create("shared"));
  std::vector<std::thread> threads;
  for (int i = 0; i < busy; ++i)
    threads.emplace_back([&, i] {
      for (int k = 0; k < each; ++k) d[i] = k;
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(shared.size(), static_cast<std::size_t>(busy));
  for (int i = 0; i < busy; ++i) EXPECT_EQ(shared.at(i), each - 1);
}

/// Clients that change two counters under a lock, and pass tokens from a queue to it again.
TEST_F(OwnServer, ClientsKilledAtAnyMomentLeaveAllWhole) {
  constexpr int tokens = 10, rounds = 30;
  auto counters = local.dict("counters");
  lagoon::Lock lock = local.lock("lock");
  auto queue = local.queue("queue");
  counters["a"] = 0;
  counters["b"] = 0;
  for (int i = 0; i < tokens; ++i) queue.put(i);
  std::mt19937 random(11);
  for (int round = 0; round < rounds; ++round) {
    lagoon::Process client([&] {
      const remote::Manager manager = connected();
      const remote::Dict d(manager.create("counters"));
      remote::Lock l(manager.create("lock"));
      const remote::Queue q(manager.create("queue"));
      for (;;) {
        {
          const std::scoped_lock guard(l);
          d["a"] = int(d["a"]) + 1;
          d["b"] = int(d["b"]) + 1;
        }
        q.put(q.get());
      }
    });
    const int before = int(counters["a"]);
    client.start();
    // Every other one when it is at work, the rest when it may still be on its way there.
    if (round % 2 == 1) wait_until_it_holds([&] { return int(counters["a"]) != before; });
    // Not to let it happen: any moment will do.
    std::this_thread::sleep_for(std::chrono::microseconds(1000 + random() % 8000));
    client.kill();
    client.join();
    ASSERT_TRUE(lock.try_lock_for(30s)) << "a dead client's lock is held for ever";
    lock.unlock();
  }
  const int a = int(counters["a"]), b = int(counters["b"]);
  EXPECT_GE(a, rounds / 2);
  EXPECT_TRUE(a >= b && a - b <= rounds) << a << ' ' << b;
  // One that was in a dead client's hands is gone; what it had not read comes back.
  const auto left = [&] { return static_cast<int>(queue.qsize()); };
  EXPECT_LE(left(), tokens);
  EXPECT_GE(left(), tokens - rounds);
  // All that they referred to is let go.
  wait_until_it_holds([&] { return server.number_of_objects() == 0; });
}

/// It asks for an item, and is killed before it has read the answer.
TEST_F(OwnServer, AnItemThatWasNeverReadGoesBackToItsQueue) {
  auto queue = local.queue("queue");
  queue.put("item");
  {
    const remote::Manager manager = connected();
    remote::Connection connection = idle_connection(server.address());
    // The name of the queue there, as a proxy has it.
    const remote::Proxy proxy = manager.create("queue");
    const auto token = remote::token_in(remote::as_proxy(proxy.reference()));
    ASSERT_TRUE(token);
    connection.send(
        remote::pickled(Object::tuple(token->id, "get", Object::tuple(), Object::dict())));
    wait_until_it_holds([&] { return queue.empty(); });
    // The answer comes, or is about to: wait until it lies there, unread.
    pollfd poll{connection.descriptor(), POLLIN, 0};
    ASSERT_EQ(::poll(&poll, 1, 30'000), 1);
  }
  EXPECT_EQ(queue.get(30s), "item");
}

}  // namespace
