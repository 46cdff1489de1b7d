/// A server, and unmodified Python programs as its clients: the same answers as CPython's own; what
/// is shared with C++; what is given back when a client is killed; and what is no client.

#include <lagoon/lagoon.hpp>
#include <lagoon/remote/manager.hpp>
#include <lagoon/remote/server.hpp>

#include <connection.hpp>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <ask_python.hpp>

#include "child.hpp"
#include "python_program.hpp"

struct Order {
  int id;
  double price;
};
template <>
inline constexpr std::string_view lagoon::type_name<Order> = "Order";

namespace {

using namespace lagoon;
using namespace std::chrono_literals;
using remote::Address;
using remote::Server;
using test::has_python;
using test::wait_until_it_holds;

using Python = test::PythonProgram;
const std::string scripts = test::remote_scripts();

class RemoteServer : public testing::Test {
 protected:
  RemoteServer() {
    if (!has_python()) return;
    char name[] = "/tmp/lagoon-server-XXXXXX";
    directory_ = ::mkdtemp(name);
    server.emplace(manager, Address::path(directory_ + "/socket"), key);
    server->start();
  }
  void SetUp() override {
    if (!server) GTEST_SKIP() << "no python3";
  }
  ~RemoteServer() override {
    server.reset();
    if (!directory_.empty()) std::filesystem::remove_all(directory_);
  }

  /// Of a program that begins with m, a connected SyncManager, and `say`.
  [[nodiscard]] std::unique_ptr<Python> python(const std::string& program) const {
    const std::string begin =
        "import sys, os, time\n"
        "from multiprocessing import current_process, Process\n"
        "from multiprocessing.managers import SyncManager, BaseManager, DictProxy, ListProxy\n"
        "address, key = sys.argv[1], sys.argv[2].encode()\n"
        "current_process().authkey = key\n"
        "m = SyncManager(address, key); m.connect()\n"
        "def say(*x): print(*x, flush=True)\n";
    return std::make_unique<Python>(
        std::vector<std::string>{"-c", begin + program, server->address().text(), key});
  }
  [[nodiscard]] std::string said_by(const std::string& program) const {
    return python(program)->rest();
  }

  const std::string key = "a key of some length";
  Manager manager;
  std::optional<Server> server;
  std::string directory_;
};

std::vector<std::string> lines_of(Python&& python) {
  std::vector<std::string> lines;
  std::istringstream all(python.rest());
  for (std::string line; std::getline(all, line);)
    if (!line.empty()) lines.push_back(line);
  return lines;
}

/// What we say otherwise, on purpose: each begins a line.
const std::vector<std::string> otherwise{
    // Texts of errors that a client sees as RemoteError, or that name arguments.
    "d.update([1])",
    "d._callmethod('fromkeys')",
};
/// And what CPython's server cannot do, but this one can.
const std::vector<std::string> more{"m.list([1]) + m.list([2])"};

void expect_alike(const std::vector<std::string>& expected, const std::vector<std::string>& found) {
  ASSERT_EQ(found.size(), expected.size()) << (found.empty() ? "" : found.back());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    bool may_differ = false;
    for (const std::string& begin : otherwise) may_differ |= expected[i].starts_with(begin);
    if (std::any_of(more.begin(), more.end(),
                    [&](const std::string& begin) { return expected[i].starts_with(begin); })) {
      EXPECT_EQ(found[i].find("Error"), std::string::npos) << found[i];
      continue;
    }
    if (may_differ) {
      EXPECT_NE(found[i].find("Error"), std::string::npos) << found[i];
    } else {
      EXPECT_EQ(found[i], expected[i]);
    }
  }
}

TEST_F(RemoteServer, AnswersAsCPythonDoes) {
  const std::string script = scripts + "/transcript.py";
  const auto expected = lines_of(Python({script, "cpython"}));
  expect_alike(expected, lines_of(Python({script, server->address().text(), key})));
}

TEST_F(RemoteServer, AnswersOverTcpToo) {
  Server tcp(manager, Address::parse("127.0.0.1:0"), key);
  tcp.start();
  const std::string script = scripts + "/transcript.py";
  const auto expected = lines_of(Python({script, "cpython"}));
  expect_alike(expected, lines_of(Python({script, tcp.address().text(), key})));
}

/// Whether there is such a program, of Python.
bool runs(const std::string& program) {
  return std::system(("'" + program + "' -c 'import multiprocessing' >/dev/null 2>&1").c_str()) ==
         0;
}
std::vector<std::string> other_pythons() {
  std::vector<std::string> all;
  for (int minor = 8; minor < 14; ++minor) all.push_back("python3." + std::to_string(minor));
  // And those that are named, separated by colons.
  const char* const named = std::getenv("LAGOON_TEST_PYTHONS");
  for (const std::string& one : test::split(named == nullptr ? "" : named, ':')) all.push_back(one);
  std::erase_if(all, [](const std::string& one) { return one.empty() || !runs(one); });
  return all;
}

/// Texts of errors are another from version to version: of these their type is what counts.
TEST_F(RemoteServer, AnswersEveryPythonThatIsThere) {
  const std::string script = scripts + "/transcript.py";
  const auto of_error = [](std::string line) {
    const auto error = line.find("Error: ");
    return error == std::string::npos ? line : line.substr(0, error + 5);
  };
  const auto others = other_pythons();
  if (others.empty()) GTEST_SKIP() << "no python3.8 to python3.13, nor LAGOON_TEST_PYTHONS";
  for (const std::string& python_n : others) {
    SCOPED_TRACE(python_n);
    auto expected = lines_of(Python({script, "cpython"}, python_n));
    auto found = lines_of(Python({script, server->address().text(), key}, python_n));
    for (auto* lines : {&expected, &found})
      for (std::string& line : *lines) line = of_error(std::move(line));
    expect_alike(expected, found);
  }
}

TEST_F(RemoteServer, PassesCPythonsOwnTestsOfManagers) {
  const auto lines =
      lines_of(Python({scripts + "/cpython_suite.py", server->address().text(), key}));
  ASSERT_FALSE(lines.empty());
  if (lines.back() == "no tests of Python's here") GTEST_SKIP() << lines.back();
  std::string all;
  for (const std::string& line : lines) all += line + "\n";
  EXPECT_NE(lines.back().find(" 0 failed, 0 with errors"), std::string::npos) << all;
  EXPECT_GE(std::atoi(lines.back().c_str()), 50) << "tests were run";
}

TEST_F(RemoteServer, WhatHasANameIsTheSameForBothSides) {
  auto prices = manager.dict("prices");
  prices["gold"] = 1.5;
  auto log = manager.list("log");
  const std::string said = said_by(
      "class M(SyncManager): pass\n"
      "M.register('prices', proxytype=DictProxy); M.register('log', proxytype=ListProxy)\n"
      "M.register('nothing')\n"
      "m = M(address, key); m.connect()\n"
      "p = m.prices(); say(p['gold'])\n"
      "p['silver'] = [1, 'x']; m.log().append({'a': 1})\n"
      "try: m.nothing()\n"
      "except Exception as e: say('nothing' in str(e))\n");
  EXPECT_EQ(said, "1.5\nTrue\n");
  EXPECT_EQ(prices.at("silver"), Object::list(1, "x"));
  EXPECT_EQ(log.at(0), Object::dict({{"a", 1}}));
}

TEST_F(RemoteServer, TypedContainersAreServedAsWhatTheyAre) {
  auto prices = manager.dict<std::string, double>("prices");
  prices["gold"] = 1.5;
  auto ids = manager.list<std::int64_t>("ids");
  ids.extend({3, 1, 2});
  auto orders = manager.queue<std::pair<std::string, int>>("orders", 2);
  orders.put({"buy", 7});
  auto tasks = manager.joinable_queue<std::string>("tasks");
  tasks.put("wash");
  manager.namespace_("names").set("x", 1);
  manager.dict("outer")["ids"] = ids;
  (void)manager.dict<std::string, Order>("book");
  const std::string said = said_by(
      "class M(SyncManager): pass\n"
      "for name in 'prices', 'outer', 'book': M.register(name, proxytype=DictProxy)\n"
      "M.register('ids', proxytype=ListProxy)\n"
      "for name in 'orders', 'tasks': M.register(name)\n"
      "m = M(address, key); m.connect()\n"
      "p = m.prices(); say(p['gold'], p.get('none'), p.get(5, 'five'), 5 in p, len(p))\n"
      "p['silver'] = 2; p.update(tin=0.25, gold=3); say(p.copy(), [k for k in p])\n"
      "for bad in (lambda: p.__setitem__('x', 'y'), lambda: p.__setitem__(5, 1), lambda: p[5],\n"
      "            lambda: p.pop('none'), lambda: m.book()):\n"
      "  try: bad(); say('no error')\n"
      "  except Exception as e: say(type(e).__name__)\n"
      "i = m.ids(); i.sort(reverse=True); i.append(2**40); i[1:2] = [8, 9]; say(i[:], 9 in i)\n"
      "try: i.append(2**70)\n"
      "except Exception as e: say(type(e).__name__)\n"
      "m.outer()['ids'].append(-1); say(i[-1])\n"
      "q = m.orders(); say(q.get()); q.put(('sell', 1)); say(q.qsize(), q.full())\n"
      "try: q.put('sell')\n"
      "except Exception as e: say(type(e).__name__)\n"
      "t = m.tasks(); say(t.get()); t.task_done(); t.join()\n");
  EXPECT_EQ(said,
            "1.5 None five False 1\n"
            "{'gold': 3.0, 'silver': 2.0, 'tin': 0.25} ['gold', 'silver', 'tin']\n"
            "TypeError\nTypeError\nKeyError\nKeyError\nRemoteError\n"
            "[3, 8, 9, 1, 1099511627776] True\n"
            "OverflowError\n"
            "-1\n"
            "('buy', 7)\n1 False\n"
            "TypeError\n"
            "wash\n");
  EXPECT_EQ(prices.at("silver"), 2.0);
  EXPECT_EQ(ids.at(4), std::int64_t{1} << 40);
  EXPECT_EQ(orders.get(), (std::pair<std::string, int>("sell", 1)));
  tasks.join();
}

TEST_F(RemoteServer, ValuesAndArraysOfAllModesAreServedByName) {
  auto seq = manager.value<std::uint64_t>("seq", 41);
  const auto runs = manager.value("runs", true);
  auto locked = manager.value<int, mode::locked>("locked", 7);
  auto levels = manager.array<double>("levels", 4);
  auto counts = manager.array<std::int16_t, mode::locked>("counts", 3);
  auto flags = manager.array<std::uint8_t, mode::atomic>("flags", 3);
  auto raw = manager.array<float, mode::raw>("raw", 2);
  auto text = manager.array<char>("text", std::string_view("hello"));
  (void)manager.array<Order>("book", 2);
  const std::string said = said_by(
      "from multiprocessing.managers import ValueProxy, ArrayProxy\n"
      "class M(SyncManager): pass\n"
      "for name in 'seq', 'runs', 'locked': M.register(name, proxytype=ValueProxy)\n"
      "for name in 'levels', 'counts', 'flags', 'raw', 'text', 'book':\n"
      "  M.register(name, proxytype=ArrayProxy)\n"
      "m = M(address, key); m.connect()\n"
      "s = m.seq(); s.value += 1; s.value += 2**63; say(s.value, m.runs().value)\n"
      "try: s.value = -1\n"
      "except Exception as e: say(type(e).__name__)\n"
      "k = m.locked(); k.set(8); say(k.get(), k)\n"
      "a = m.levels(); a[1] = 2.5; a[-2:] = m.levels()[:2]; say(a[:], len(a))\n"
      "c = m.counts(); c[0] = -5; c[1:] = m.list([8, 9])[:]; say(c[0], c[:], c[::-2])\n"
      "f = m.flags(); f[2] = 255; say(f[:])\n"
      "r = m.raw(); r[0] = 0.5; say(r[0])\n"
      "say(m.text()[:], m.text()[0])\n"
      "for bad in (lambda: a[4], lambda: c.__setitem__(0, 'x'), lambda: m.book(),\n"
      "            lambda: c.__setitem__(slice(0, 2), [1])):\n"
      "  try: bad(); say('no error')\n"
      "  except Exception as e: say(type(e).__name__)\n");
  EXPECT_EQ(said,
            "9223372036854775850 1\n"
            "OverflowError\n"
            "8 Value('i', 8)\n"
            "array('d', [0.0, 2.5, 0.0, 2.5]) 4\n"
            "-5 array('h', [-5, 8, 9]) array('h', [9, -5])\n"
            "array('B', [0, 0, 255])\n"
            "0.5\n"
            "b'hello' b'h'\n"
            "IndexError\nTypeError\nRemoteError\nValueError\n");
  EXPECT_EQ(seq.get(), 42 + (std::uint64_t{1} << 63));
  EXPECT_TRUE(runs.get());
  EXPECT_EQ(locked.get(), 8);
  EXPECT_EQ(levels.get(3), 2.5);
  EXPECT_EQ(counts.get(0), -5);
  EXPECT_EQ(flags.get(2), 255);
  EXPECT_EQ(raw.get(0), 0.5F);
  EXPECT_EQ(text.value(), "hello");
}

/// Whose lock is held here for as long as the server lives.
TEST_F(RemoteServer, WhoWaitsForAnArraysLockDoesNotHoldUpTheEnd) {
  auto counts = manager.array<int, mode::locked>("counts", 3);
  const auto client = python(
      "from multiprocessing.managers import ArrayProxy\n"
      "class M(SyncManager): pass\n"
      "M.register('counts', proxytype=ArrayProxy)\n"
      "m = M(address, key); m.connect(); c = m.counts(); say('asks'); c[0] = 1; say('has')\n");
  counts.lock();
  EXPECT_EQ(client->line(), "asks");
  server.reset();
  counts.unlock();
  EXPECT_EQ(counts.get(0), 0);
}

TEST_F(RemoteServer, LocksAndTheLikeAreServedByName) {
  auto door = manager.lock("door");
  auto event = manager.event("event");
  (void)manager.rlock("rlock");
  (void)manager.semaphore("semaphore", 2);
  (void)manager.bounded_semaphore("bounded", 1);
  (void)manager.condition("condition");
  (void)manager.barrier("barrier", 1);
  door.lock();
  const std::string said = said_by(
      "from multiprocessing.managers import AcquirerProxy, EventProxy, ConditionProxy, "
      "BarrierProxy\n"
      "class M(SyncManager): pass\n"
      "for name in 'door', 'rlock', 'semaphore', 'bounded':\n"
      "  M.register(name, proxytype=AcquirerProxy)\n"
      "M.register('event', proxytype=EventProxy)\n"
      "M.register('condition', proxytype=ConditionProxy)\n"
      "M.register('barrier', proxytype=BarrierProxy)\n"
      "m = M(address, key); m.connect()\n"
      "say(m.door().acquire(False), m.event().is_set()); m.event().set()\n"
      "with m.rlock(), m.semaphore(), m.bounded(), m.condition(): say('in')\n"
      "say(m.barrier().wait())\n");
  EXPECT_EQ(said, "False False\nin\n0\n");
  EXPECT_TRUE(event.is_set());
  door.unlock();
}

TEST_F(RemoteServer, WhatIsNestedIsTheSameForBothSides) {
  auto outer = manager.dict("outer");
  const auto client = python(
      "class M(SyncManager): pass\n"
      "M.register('outer', proxytype=DictProxy)\n"
      "m = M(address, key); m.connect()\n"
      "o = m.outer(); o['inner'] = m.list([1]); say('ready')\n"
      "o['inner'].append(2)\n"
      "say(o['inner'][:])\n"
      "sys.stdin.read()\n");
  EXPECT_EQ(client->line(), "ready");
  EXPECT_EQ(client->line(), "[1, 2]");
  List<> inner{outer["inner"]};
  EXPECT_EQ(inner.copy(), Object::list(1, 2));
}

/// What a task of a JoinableQueue refers to stays: it may be handed out again.
TEST_F(RemoteServer, ProxiesGoThroughQueues) {
  EXPECT_EQ(
      said_by("q, j = m.Queue(), m.JoinableQueue()\n"
              "q.put(m.list([1]))\n"
              "l = q.get(); l.append(2); say(l[:])\n"
              "q.put({'d': m.dict(a=1), 'q': q}); x = q.get(); say(x['d'].copy(), x['q'].qsize())\n"
              "j.put(m.Lock()); lock = j.get(); say(lock.acquire(False), lock.acquire(False))\n"
              "j.task_done(); lock.release(); del l, x, lock\n"
              "for i in range(5):\n"
              "  q.put(m.Event()); q.get()\n"
              "q.qsize(), j.qsize()\n"
              "say(m._number_of_objects())\n"
              "b = m.Queue(1); b.put(1)\n"
              "try: b.put(m.list(), False)\n"
              "except Exception as e: say(type(e).__name__)\n"
              "import gc; gc.collect(); say(m._number_of_objects())\n"),
      "[1, 2]\n{'a': 1} 0\nTrue False\n3\nFull\n4\n");
}

TEST_F(RemoteServer, TakesWhatDerivesFromADictOrAList) {
  EXPECT_EQ(
      said_by("import collections, array\n"
              "class D(dict): pass\n"
              "class L(list): pass\n"
              "say(m.dict(D(a=1)), m.list(L([1, 2])), m.list(D(a=1)))\n"
              "say(m.dict(collections.OrderedDict(b=2)), m.dict(collections.Counter('aa')))\n"
              "say(m.list(collections.deque([3])), m.list(range(2)), m.list(b'a'))\n"
              "say(m.list(array.array('i', [4])), m.Array('i', range(3)), m.Array('b', b'ab'))\n"
              "d = m.dict(); d.update(collections.defaultdict(list, c=3)); say(d)\n"
              "def error(f):\n"
              "  try: f()\n"
              "  except Exception as e: return type(e).__name__\n"
              "say(error(lambda: d.__setitem__(bytearray(b'x'), 1)))\n"
              "a = m.Array('i', [1]); v = m.Value('b', 1)\n"
              "say(error(lambda: a.__setitem__(0, 2**40)), error(lambda: v.set(-129)), a, v)\n"),
      "{'a': 1} [1, 2] ['a']\n{'b': 2} {'a': 2}\n[3] [0, 1] [97]\n"
      "[4] array('i', [0, 1, 2]) array('b', [97, 98])\n{'c': 3}\n"
      "TypeError\nOverflowError OverflowError array('i', [1]) Value('b', 1)\n");
}

TEST_F(RemoteServer, NobodyGivesBackWhatIsAnothers) {
  EXPECT_EQ(said_by("from multiprocessing.connection import Client\n"
                    "from multiprocessing.managers import dispatch\n"
                    "l = m.list([1])\n"
                    "def steal():\n"
                    "  for i in range(3):\n"
                    "    try: dispatch(Client(address, authkey=key), None, 'decref', (l._id,))\n"
                    "    except Exception as e: pass\n"
                    "p = Process(target=steal); p.start(); p.join()\n"
                    "say(l[:])\n"),
            "[1]\n");
}

struct Counter {
  Cell<long> n;
  explicit Counter(long from) : n(from) {}
  long add(long x) { return n.fetch_add(x) + x; }
};

}  // namespace

template <>
inline constexpr std::string_view lagoon::type_name<Counter> = "Counter";

namespace {

TEST_F(RemoteServer, TypesOfTheApplicationAreCalled) {
  Manager::register_type<Counter, long>("Counter", {{"add", &Counter::add}});
  EXPECT_EQ(said_by("class M(BaseManager): pass\n"
                    "M.register('Counter')\n"
                    "m = M(address, key); m.connect()\n"
                    "c = m.Counter(5); say(c.add(2)); say(c.add(3))\n"
                    "try: c.add('x')\n"
                    "except TypeError as e: say('TypeError')\n"
                    "try: c.add()\n"
                    "except TypeError as e: say('TypeError')\n"
                    "say(hasattr(c, 'sub'))\n"),
            "7\n10\nTypeError\nTypeError\nFalse\n");
}

/// A few bytes that would be very many items.
TEST_F(RemoteServer, IteratorsAreNoWayToFillItsMemory) {
  EXPECT_EQ(
      said_by(
          "l = m.list(); many = 2**24\n"
          "def nested(depth): return enumerate(nested(depth - 1)) if depth else range(many // 8)\n"
          "for x in (range(many + 1), zip(*[range(many // 8)] * 20), nested(8),\n"
          "          zip(range(many // 8), reversed(range(many)))):\n"
          "  try: l.extend(x); say('taken')\n"
          "  except MemoryError as e: say('MemoryError')\n"
          "l.extend(zip(range(1000), range(2000))); say(len(l), l[999])\n"),
      "MemoryError\nMemoryError\nMemoryError\nMemoryError\n1000 (999, 999)\n");
}

long throws_a_number(Counter&) { throw 3; }
long throws_its_own(Counter&) {
  throw InvalidArgument("ValueError: no: it is late: there is time");
}

TEST_F(RemoteServer, WhateverAMethodOfTheApplicationThrowsIsAnError) {
  Manager::register_type<Counter, long>(
      "Thrower", {{"number", &throws_a_number}, {"own", &throws_its_own}, {"add", &Counter::add}});
  EXPECT_EQ(said_by("class M(BaseManager): pass\n"
                    "M.register('Thrower')\n"
                    "m = M(address, key); m.connect()\n"
                    "t = m.Thrower(5)\n"
                    "for f in t.number, t.own:\n"
                    "  try: f()\n"
                    "  except Exception as e: say(repr(e))\n"
                    "say(t.add(1))\n"),
            "RuntimeError('what was thrown is no std::exception')\n"
            "ValueError('no: it is late: there is time')\n"
            "6\n");
}

TEST_F(RemoteServer, AKilledClientGivesBackItsLocks) {
  Lock lock = manager.lock("lock");
  const auto holder = python(
      "class M(SyncManager): pass\n"
      "M.register('lock'); m = M(address, key); m.connect()\n"
      "l = m.lock(); l.acquire(); say('held'); time.sleep(1000)\n");
  ASSERT_EQ(holder->line(), "held");
  EXPECT_FALSE(lock.try_lock());
  holder->kill();
  EXPECT_TRUE(lock.acquire().owner_died());
  lock.release();
}

TEST_F(RemoteServer, AClientThatIsKilledWhileItWaitsTakesNothing) {
  auto queue = manager.queue("queue");
  const auto client = [&] {
    return python(
        "class M(SyncManager): pass\n"
        "M.register('queue'); m = M(address, key); m.connect()\n"
        "q = m.queue(); say('waits'); say(q.get()); time.sleep(1000)\n");
  };
  auto first = client();
  ASSERT_EQ(first->line(), "waits");
  first->kill();
  auto second = client();
  ASSERT_EQ(second->line(), "waits");
  for (int i = 0; i < 2; ++i) queue.put("item");
  EXPECT_EQ(second->line(), "item");
  // The other one's is there, or comes back.
  EXPECT_EQ(queue.get(), "item");
}

/// Dead before it is woken, which the server learns later.
TEST_F(RemoteServer, WhatTheDeadAreWokenWithIsOthers) {
  Condition condition = manager.condition("condition");
  Semaphore semaphore = manager.semaphore("semaphore", 0);
  const auto waiter = [&](const std::string& waits) {
    return python(
        "class M(SyncManager): pass\n"
        "M.register('condition'); M.register('semaphore'); m = M(address, key); m.connect()\n"
        "c = m.condition(); s = m.semaphore(); " +
        waits);
  };
  for (int round = 0; round < 10; ++round) {
    auto first = waiter("c.acquire(); c.wait(); time.sleep(1000)\n");
    wait_until_it_holds([&] { return condition.n_waiting() == 1; });
    auto second = waiter("c.acquire(); say(c.wait()); c.release()\n");
    wait_until_it_holds([&] { return condition.n_waiting() == 2; });
    first->kill();
    {
      const std::scoped_lock held(condition);
      condition.notify();
    }
    EXPECT_EQ(second->line(), "True");
    wait_until_it_holds([&] { return condition.n_waiting() == 0; });

    auto third = waiter("say('asks'); s.acquire()\n");
    ASSERT_EQ(third->line(), "asks");
    third->kill();
    semaphore.release();
    EXPECT_TRUE(semaphore.try_acquire_for(30s)) << "the dead one has it";
  }
}

std::ptrdiff_t threads() {
  return std::distance(std::filesystem::directory_iterator("/proc/self/task"), {});
}

/// An identifier is good as long as its object is kept, and no longer, though its memory, which a
/// child inherited, is not used again.
TEST_F(RemoteServer, WhatNobodyKeepsIsNotFoundAgain) {
  Event go = manager.event("go");
  const auto client = python(
      "from multiprocessing.connection import Client\n"
      "c = Client(address, authkey=key)\n"
      "c.send((None, 'accept_connection', ('x',), {})); c.recv()\n"
      "def ask(i): c.send((i, '__len__', (), {})); return c.recv()[0]\n"
      "class M(SyncManager): pass\n"
      "M.register('go'); m = M(address, key); m.connect()\n"
      "l, n, d = m.list(), m.list(), m.dict(); i, j = l._id, n._id; say(ask(i), ask(j))\n"
      "m.go().wait()\n"
      "d['l'] = l; del l; d.copy(); say(ask(i))\n"
      "del n; say(ask(j))\n"
      "say(ask(i[:-1] + 'x'), ask(i.split('-')[0] + '-40.1'))\n");
  ASSERT_EQ(client->line(), "#RETURN #RETURN");
  const test::Child child{[] { ::pause(); }};
  go.set();
  EXPECT_EQ(client->line(), "#RETURN");
  EXPECT_EQ(client->line(), "#TRACEBACK");
  EXPECT_EQ(client->line(), "#TRACEBACK #TRACEBACK");
}

/// What nobody can ask for any more is not waited for, though there is no room for it.
TEST_F(RemoteServer, AnItemThatNobodyReadGoesWithItsQueue) {
  const auto before = threads();
  EXPECT_EQ(said_by("from multiprocessing.connection import Client\n"
                    "for i in range(3):\n"
                    "  q = m.Queue(1); q.put(0)\n"
                    "  c = Client(address, authkey=key)\n"
                    "  c.send((None, 'accept_connection', ('x',), {})); c.recv()\n"
                    "  c.send((q._id, 'get', (), {})); c.poll(None)\n"
                    "  q.put(1); c.close(); del q\n"
                    "say('done')\n"),
            "done\n");
  wait_until_it_holds([&] { return threads() == before; });
  EXPECT_EQ(server->number_of_objects(), 0U);
}

/// A child of the server's process, which outlives it, has nothing of the server's.
TEST_F(RemoteServer, AChildThatIsForkedKeepsNobodyConnected) {
  server.reset();  // whose threads ThreadSanitizer would mind in a child that starts some
  const std::string path = directory_ + "/another";
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  pid_t child = 0;
  lagoon::Process process([&] {
    const Manager its;
    Server its_server(its, Address::path(path), key);
    its_server.start();
    // A connection that it has when it forks.
    const auto client = remote::Manager::connect(Address::path(path), key);
    (void)client.dict();
    child = ::fork();
    if (child == 0) {
      child = ::getpid();
      (void)!::write(ready[1], &child, sizeof child);
      for (;;) ::pause();
    }
    its_server.join();
  });
  process.start();
  ASSERT_EQ(::read(ready[0], &child, sizeof child), static_cast<ssize_t>(sizeof child));
  remote::Connection connection =
      remote::Connection::to(Address::path(path), core::Deadline::never());
  EXPECT_TRUE(connection.receive(1000)) << "its challenge";
  process.kill();
  process.join();
  try {
    EXPECT_FALSE(connection.receive(1000)) << "it has ended";
  } catch (const SystemError&) {
  }
  EXPECT_NO_THROW(Server(manager, Address::path(path), key)) << "its address is free";
  ::kill(child, SIGKILL);
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST_F(RemoteServer, OnesServeOnce) {
  EXPECT_THROW(server->start(), UsageError);
  server->shutdown();
  server->join();
  EXPECT_THROW(server->start(), UsageError);
  EXPECT_THROW(server->serve_forever(), UsageError);
}

TEST_F(RemoteServer, AClientThatIsKilledWaitsForNothingAnyMore) {
  Condition condition = manager.condition("condition");
  {
    const auto client = python(
        "class M(SyncManager): pass\n"
        "M.register('condition'); m = M(address, key); m.connect()\n"
        "c = m.condition(); c.acquire(); c.wait()\n");
    wait_until_it_holds([&] { return condition.n_waiting() == 1; });
  }
  // Killed. A notification would be another's now.
  wait_until_it_holds([&] { return condition.n_waiting() == 0; });
}

/// Returns when the server has closed it; a TimeoutError if it does not.
void wait_until_closed(remote::Connection& connection) {
  try {
    while (connection.receive(4096, core::Deadline::after(60s))) continue;
  } catch (const SystemError&) {
  }
}

TEST_F(RemoteServer, WhoIsSilentIsLetGo) {
  remote::ServerOptions options;
  options.authentication = 50ms;
  Server hasty(manager, Address::path(directory_ + "/hasty"), key, options);
  hasty.start();
  auto silent = remote::Connection::to(hasty.address(), core::Deadline::after(60s));
  wait_until_closed(silent);
}

TEST_F(RemoteServer, ForWhomThereIsNoRoomIsTurnedAway) {
  remote::ServerOptions options;
  options.connections = 2;
  options.authentication = 1h;
  Server small(manager, Address::path(directory_ + "/small"), key, options);
  small.start();
  const auto connect = [&] {
    return remote::Connection::to(small.address(), core::Deadline::after(60s));
  };
  auto first = connect(), second = connect(), third = connect();
  wait_until_closed(third);
  // The others were asked for their key, and are still.
  for (remote::Connection* each : {&first, &second}) {
    EXPECT_TRUE(each->receive(4096, core::Deadline::after(60s)));
    EXPECT_THROW((void)each->receive(4096, core::Deadline::after(1ms)), TimeoutError);
  }
}

TEST_F(RemoteServer, MessagesHaveBounds) {
  remote::ServerOptions options;
  options.message = 4096;
  options.objects = 100;
  options.nesting = 20;
  Server bounded(manager, Address::path(directory_ + "/bounded"), key, options);
  bounded.start();
  Python client({"-c",
                 "import sys\nfrom multiprocessing.managers import SyncManager\n"
                 "m = SyncManager(sys.argv[1], sys.argv[2].encode()); m.connect(); d = m.dict()\n"
                 "def error(f):\n"
                 "  try: f()\n"
                 "  except Exception as e: return type(e).__name__\n"
                 "print(error(lambda: d.update({i: i for i in range(200)})))\n"
                 "d['k'] = 1; print(d['k'])\n"
                 "deep = []\n"
                 "for i in range(30): deep = [deep]\n"
                 "print(error(lambda: d.update(k=deep)))\n"
                 "print(error(lambda: d.update(k='x' * 10000)) in ('EOFError', "
                 "'BrokenPipeError', 'ConnectionResetError'))\n",
                 bounded.address().text(), key});
  EXPECT_EQ(client.rest(), "RemoteError\n1\nRemoteError\nTrue\n");
}

TEST_F(RemoteServer, ReferencesOfTheDeadComeBack) {
  {
    const auto client = python("d = m.dict(); l = m.list(); say('made'); time.sleep(1000)\n");
    ASSERT_EQ(client->line(), "made");
    EXPECT_EQ(server->number_of_objects(), 2U);
  }
  wait_until_it_holds([&] { return server->number_of_objects() == 0; });
  EXPECT_EQ(said_by("d = m.dict(); del d; say(m._number_of_objects())\n"), "0\n");
}

TEST_F(RemoteServer, LocksAndTheLikeLieInContainersAndGoWithThem) {
  auto dict = manager.dict("shared");
  const std::string begin =
      "class M(SyncManager): pass\n"
      "M.register('shared', proxytype=DictProxy)\n"
      "m = M(address, key); m.connect(); d = m.shared()\n";
  EXPECT_EQ(
      said_by(begin + "l = m.Lock(); d['lock'] = l; d['lock'].acquire(); say(l.acquire(False))\n"
                      "d['event'] = m.Event(); d['event'].set(); say(d['event'].is_set())\n"
                      "d['value'] = m.Value('i', 3); d['value'].value += 1; say(d['value'].value)\n"
                      "d['array'] = m.Array('d', [1, 2]); d['array'][0] = 7; say(d['array'][:])\n"
                      "d['barrier'] = m.Barrier(1); say(d['barrier'].wait())\n"
                      "d['semaphore'] = m.Semaphore(1); s = d['semaphore']; say(s.acquire())\n"
                      "say(d['semaphore'].acquire(False))\n"
                      "d['condition'] = m.Condition()\n"
                      "with d['condition']: say('in')\n"),
      "False\nTrue\n4\narray('d', [7.0, 2.0])\n0\nTrue\nFalse\nin\n");
  EXPECT_TRUE(Event(dict["event"]).is_set());
  Lock lock{dict["lock"]};
  EXPECT_FALSE(lock.locked()) << "its holder has ended";
  EXPECT_THROW((void)Event(dict["lock"]), TypeMismatch);
  dict["lock again"] = lock;
  EXPECT_EQ(said_by(begin + "say(d['lock again'].acquire(False))\n"), "True\n");
  EXPECT_EQ(said_by(begin + "l = m.RLock(); d['c'] = m.Condition(l); c = d['c']; c.acquire()\n"
                            "c.notify(); c.release(); say(c.wait_for)\n"
                            "d['b'] = m.Barrier(2, timeout=0.01)\n"
                            "try: d['b'].wait()\n"
                            "except Exception as e: say(type(e).__name__)\n")
                .substr(0, 6),
            "<bound");
  // What claims to be one, and is not.
  EXPECT_EQ(
      said_by(begin + "class Condition: __module__ = 'lagoon'\n"
                      "import types; sys.modules['lagoon'] = types.ModuleType('lagoon')\n"
                      "sys.modules['lagoon'].Condition = Condition\n"
                      "class False_:\n"
                      "  def __reduce__(self): return Condition, held\n"
                      "held = m.dict(), m.Lock()\n"
                      "d['f'] = False_(); held = None\n"
                      "try: say(d['f'])\n"
                      "except Exception as e: say('is not what this says it is' in str(e))\n"),
      "True\n");

  wait_until_it_holds([&] { return server->number_of_objects() == 0; });
  const std::string many =
      "for i in range(100):\n"
      "  for name in 'Lock', 'Event', 'Semaphore': d[name] = getattr(m, name)()\n"
      "  d['c'] = m.Condition(m.Lock()); d['b'] = m.Barrier(2, timeout=1)\n"
      "say('done')\n";
  EXPECT_EQ(said_by(begin + many), "done\n");
  const std::size_t once = manager.segment().used();
  EXPECT_EQ(said_by(begin + many + many), "done\ndone\n");
  EXPECT_LE(manager.segment().used(), once + 32'000) << "of 1,000 that were made";
  wait_until_it_holds([&] { return server->number_of_objects() == 0; });
}

TEST_F(RemoteServer, ManyClientsAtATime) {
  auto counter = manager.dict("counter");
  counter["n"] = 0;
  const std::string said = said_by(
      "class M(SyncManager): pass\n"
      "M.register('counter', proxytype=DictProxy)\n"
      "def work(lock):\n"
      "  m = M(address, key); m.connect(); d = m.counter()\n"
      "  for i in range(50):\n"
      "    with lock: d['n'] += 1\n"
      "lock = m.Lock()\n"
      "all = [Process(target=work, args=(lock,)) for i in range(8)]\n"
      "for p in all: p.start()\n"
      "for p in all: p.join()\n"
      "say('done')\n");
  EXPECT_EQ(said, "done\n");
  EXPECT_EQ(counter.at("n"), 400);
}

TEST_F(RemoteServer, WhoHasAnotherKeyGetsNothing) {
  const std::string said = said_by(
      "from multiprocessing import AuthenticationError\n"
      "w = SyncManager(address, b'wrong')\n"
      "try: w.connect()\n"
      "except AuthenticationError as e: say('refused')\n"
      "say(m.dict(a=1)['a'])\n");
  EXPECT_EQ(said, "refused\n1\n");
}

TEST_F(RemoteServer, GarbageHarmsNobody) {
  using remote::Connection;
  const auto soon = [] { return core::Deadline::after(10s); };
  const auto ends = [&](const std::string& raw) {
    Connection connection = Connection::to(server->address(), soon());
    (void)!::write(connection.descriptor(), raw.data(), raw.size());
    ::shutdown(connection.descriptor(), SHUT_WR);
    try {
      while (connection.receive(1 << 20, soon())) continue;
    } catch (const SystemError&) {
    } catch (const remote::ProtocolError&) {
    }
  };
  ends("");
  ends("x");
  ends("GET / HTTP/1.1\r\n\r\n");
  ends(std::string("\x7f\xff\xff\xff", 4));  // 2 GiB
  ends(std::string("\xff\xff\xff\xff\x7f\xff\xff\xff\xff\xff\xff\xff", 12));
  ends(std::string("\0\0\0\x10short", 9));
  EXPECT_EQ(said_by("say(m.dict(a=1)['a'])\n"), "1\n");
}

TEST_F(RemoteServer, AfterThisShutDownClientsAreTold) {
  const auto client = python(
      "d = m.dict(); e = m.Event(); say('ready')\n"
      "try: e.wait()\n"
      "except (EOFError, OSError): say('ended')\n");
  ASSERT_EQ(client->line(), "ready");
  server->shutdown();
  server->join();
  EXPECT_EQ(client->line(), "ended");
}

TEST_F(RemoteServer, AClientMayShutItDown) {
  // As BaseManager does it for a server that it has started.
  EXPECT_EQ(said_by("from multiprocessing.managers import dispatch\n"
                    "from multiprocessing.connection import Client\n"
                    "c = Client(address, authkey=key); dispatch(c, None, 'shutdown'); say('ok')\n"),
            "ok\n");
  server->join();
}

}  // namespace
