/// What does a manager's server cost: an unmodified Python program, beside CPython's own server;
/// and a C++ client, beside the bare socket?
///
///   get          of a dict, by one Python client; all on one processor
///   16 clients   the same by sixteen, from one answer to the next, on all processors
///   queue        a message, from one Python program to another
///   connect      over TCP: a new connection, both keys proved, and a first request
///   C++ get      of a dict, by remote::Manager; all on one processor
///   ping-pong    eight bytes there and back over a Unix socket, on one processor
///
/// Wall time, medians of interleaved repetitions: each Python figure is a program of its own, and
/// CPython's starts its own server. Takes every option of Google Benchmark, and --quick.

#include "figures.hpp"
#include "python_peer.hpp"

#include <lagoon/lagoon.hpp>
#include <lagoon/remote/manager.hpp>
#include <lagoon/remote/server.hpp>

#include <sys/socket.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace {

using figures::define_timed;
using figures::Table;
using lagoon::remote::Address;

constexpr const char* key = "a key of some length";

/// A server in a process of its own, at an address that it says.
class ServerProcess {
 public:
  ServerProcess(const Address& address, bool on_one_processor) {
    int said[2];
    if (::pipe(said) != 0) std::abort();
    child_.emplace([&] {
      if (on_one_processor) figures::run_on(figures::processors().front());
      const lagoon::Manager manager;
      lagoon::remote::Server server(manager, address, key);
      const std::string text = server.address().text();
      (void)!::write(said[1], text.c_str(), text.size() + 1);
      server.serve_forever();
    });
    char text[256];
    if (::read(said[0], text, sizeof text) <= 0) std::abort();
    address_ = text;
    ::close(said[0]);
    ::close(said[1]);
  }
  [[nodiscard]] const std::string& address() const noexcept { return address_; }

 private:
  std::optional<figures::Child> child_;
  std::string address_;
};

void define_python(const std::string& name, const std::string& what, const std::string& server,
                   std::int64_t count, bool on_one_processor) {
  const std::string script =
      (std::filesystem::path(__FILE__).parent_path() / "remote_peer.py").string();
  const std::string pinned = "taskset -c " + std::to_string(figures::processors().front()) + " ";
  register_python(name, (on_one_processor ? pinned : std::string()) + "python3 -B '" + script +
                            "' " + what + " '" + server + "' '" + key + "' " +
                            std::to_string(count) + " 2>&-");
}

/// As long as it lives.
class OnOneProcessor {
 public:
  OnOneProcessor() {
    ::sched_getaffinity(0, sizeof before_, &before_);
    figures::run_on(figures::processors().front());
  }
  OnOneProcessor(const OnOneProcessor&) = delete;
  OnOneProcessor& operator=(const OnOneProcessor&) = delete;
  ~OnOneProcessor() { ::sched_setaffinity(0, sizeof before_, &before_); }

 private:
  cpu_set_t before_;
};

/// Eight bytes there and back.
void ping_pong(std::int64_t times) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) std::abort();
  const figures::Child other([&] {
    ::close(ends[0]);
    for (std::uint64_t x = 0; ::read(ends[1], &x, sizeof x) == sizeof x;)
      if (::write(ends[1], &x, sizeof x) != sizeof x) return;
  });
  ::close(ends[1]);
  std::uint64_t x = 0;
  for (std::int64_t i = 0; i < times; ++i)
    if (::write(ends[0], &x, sizeof x) != sizeof x || ::read(ends[0], &x, sizeof x) != sizeof x)
      std::abort();
  ::close(ends[0]);
}

void define(Table& table, bool quick) {
  const std::int64_t trips = quick ? 500 : 20'000;
  const std::int64_t messages = quick ? 200 : 20'000;
  const std::int64_t connections = quick ? 20 : 100;
  const auto path = [](const char* name) {
    return Address::abstract("lagoon-bench-" + std::to_string(::getpid()) + name);
  };
  // For as long as the program runs.
  static const ServerProcess on_one(path("-1"), true);
  static const ServerProcess on_all(path("-2"), false);
  static const ServerProcess over_tcp(Address::parse("127.0.0.1:0"), false);

  for (const bool ours : {true, false}) {
    const std::string of = ours ? "lagoon's" : "CPython's";
    define_python("get, " + of, "get", ours ? on_one.address() : "cpython", trips, true);
    define_python("16 clients, " + of, "clients", ours ? on_all.address() : "cpython", 2 * trips,
                  false);
    define_python("queue, " + of, "queue", ours ? on_all.address() : "cpython", messages, false);
    define_python("connect, " + of, "connect", ours ? over_tcp.address() : "cpython", connections,
                  false);
  }
  define_timed("C++ get", trips, [=] {
    const OnOneProcessor pinned;
    const auto manager = lagoon::remote::Manager::connect(Address::parse(on_one.address()), key);
    const lagoon::remote::Dict dict = manager.dict();
    dict["k"] = 1;
    for (std::int64_t i = 0; i < trips; ++i) benchmark::DoNotOptimize(dict.at("k"));
  });
  define_timed("ping-pong", trips, [=] {
    const OnOneProcessor pinned;
    ping_pong(trips);
  });

  const auto row = [&](const std::string& what, double goal) {
    table.add({.what = what,
               .figure = what + ", lagoon's",
               .peer = what + ", CPython's",
               .at_most_ratio = goal});
  };
  row("get", 0.8);
  row("16 clients", 0.5);
  row("queue", 1 / 1.5);
  row("connect", 1.0 / 50);
  table.add({.what = "C++ get", .figure = "C++ get", .peer = "ping-pong", .at_most_ratio = 1.5});
}

}  // namespace

int main(int argc, char** argv) {
  return figures::run(
      argc, argv, "0.05", define, [](const Table&) {}, "5");
}
