/// A server, and unmodified Python programs as its clients: the same answers as CPython's own; what
/// is shared with C++; what is given back when a client is killed; and what is no client.

#include <lagoon/lagoon.hpp>
#include <lagoon/remote/server.hpp>

#include <connection.hpp>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <ask_python.hpp>
#include <sanitizers.hpp>

namespace {

using namespace lagoon;
using namespace std::chrono_literals;
using remote::Address;
using remote::Server;
using test::has_python;

const std::string scripts = std::filesystem::path(__FILE__).parent_path().string();

/// A Python program, killed when this goes.
class Python {
 public:
  explicit Python(std::vector<std::string> arguments) {
    int out[2];
    if (::pipe(out) != 0) throw std::runtime_error("no pipe");
    pid_ = ::fork();
    if (pid_ == 0) {
      ::dup2(out[1], 1);
      ::dup2(out[1], 2);
      ::close(out[0]);
      ::close(out[1]);
      ::setenv("PYTHONUTF8", "1", 1);
      std::vector<char*> pointers{const_cast<char*>("python3"), const_cast<char*>("-B")};
      for (std::string& argument : arguments) pointers.push_back(argument.data());
      pointers.push_back(nullptr);
      ::execvp("python3", pointers.data());
      ::_exit(127);
    }
    ::close(out[1]);
    out_ = ::fdopen(out[0], "r");
  }
  Python(const Python&) = delete;
  Python& operator=(const Python&) = delete;
  ~Python() {
    kill();
    std::fclose(out_);
  }

  /// What it says next; nothing at its end.
  std::string line() {
    char text[4096];
    if (std::fgets(text, sizeof text, out_) == nullptr) return "";
    std::string line = text;
    if (line.ends_with('\n')) line.pop_back();
    return line;
  }
  std::string rest() {
    std::string all;
    for (int c = 0; (c = std::fgetc(out_)) != EOF;) all += static_cast<char>(c);
    return all;
  }
  void kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(std::exchange(pid_, -1), nullptr, 0);
  }

 private:
  pid_t pid_ = -1;
  std::FILE* out_ = nullptr;
};

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
  for (std::string line = python.line(); !line.empty(); line = python.line()) lines.push_back(line);
  return lines;
}

/// What we say otherwise, on purpose: each begins a line.
const std::vector<std::string> otherwise{
    // Texts of errors that a client sees as RemoteError, or that name arguments.
    "d.get()",
    "d.get('a', 1, 2)",
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

/// Waits for what another process does.
template <class F>
void wait_until_it_holds(F&& f) {
  while (!f()) std::this_thread::yield();
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

TEST_F(RemoteServer, ReferencesOfTheDeadComeBack) {
  {
    const auto client = python("d = m.dict(); l = m.list(); say('made'); time.sleep(1000)\n");
    ASSERT_EQ(client->line(), "made");
    EXPECT_EQ(server->number_of_objects(), 2U);
  }
  wait_until_it_holds([&] { return server->number_of_objects() == 0; });
  EXPECT_EQ(said_by("d = m.dict(); del d; say(m._number_of_objects())\n"), "0\n");
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
