#include <lagoon/manager.hpp>
#include <lagoon/remote/server.hpp>

#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <thread>

#include "command_line.hpp"
#include "commands.hpp"

namespace tool {

namespace {

/// Until that program ends the server, or a signal this one.
void serve_until_ended(lagoon::remote::Server& server) {
  sigset_t ends;
  ::sigemptyset(&ends);
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) ::sigaddset(&ends, number);
  ::pthread_sigmask(SIG_BLOCK, &ends, nullptr);
  std::thread waits([&] {
    int number = 0;
    ::sigwait(&ends, &number);
    server.shutdown();
  });
  server.serve_forever();
  ::pthread_kill(waits.native_handle(), SIGTERM);
  waits.join();
}

}  // namespace

int serve(int argc, char** argv) {
  std::string name, address, key_file;
  CLI::App app{
      "Serves what the segment NAME holds, which is made if it is not there, to Python programs:\n"
      "  m = multiprocessing.managers.SyncManager(ADDRESS, KEY); m.connect(); d = m.dict()"};
  app.name("lagoon serve");
  app.add_option("NAME", name, "of the segment")->required();
  app.add_option("--address", address,
                 "a path with a '/' in it, @name (abstract), or host:port; else a socket NAME in a "
                 "directory that only this user can enter");
  app.add_option("--authkey-file", key_file,
                 "whose text is the key that clients prove; made, of random bytes, if it is not "
                 "there; else NAME.key in that directory");
  lagoon::remote::ServerOptions options;
  double seconds = std::chrono::duration<double>(options.authentication).count();
  const CLI::Validator positive(
      [](const std::string& text) {
        return std::strtod(text.c_str(), nullptr) > 0
                   ? std::string()
                   : "a number above 0 is expected, not '" + text + "'";
      },
      "", "positive");
  const auto bound = [&](const char* option, auto& most, const char* what) {
    app.add_option(option, most, what)
        ->check(positive)
        ->capture_default_str()
        ->group("Bounds on what clients may do");
  };
  bound("--connections", options.connections, "at a time; who comes then is closed");
  bound("--message", options.message, "bytes of one");
  bound("--objects", options.objects, "in a message");
  bound("--integer", options.integer, "bytes of an int");
  bound("--nesting", options.nesting, "of values within values; 1,000 at most");
  bound("--authentication", seconds, "seconds until a client has proved its key");
  if (const auto code = answered(app, argc, argv)) return *code;
  try {
    using lagoon::remote::Address;
    if (name.empty()) throw lagoon::InvalidArgument("the NAME of a segment is expected, not ''");
    const Address at = address.empty() ? Address::of_owner(name) : Address::parse(address);
    if (at.kind() == Address::Kind::tcp && key_file.empty())
      throw lagoon::InvalidArgument("over TCP say which key: --authkey-file FILE");
    if (key_file.empty()) key_file = lagoon::remote::private_directory() + "/" + name + ".key";
    const std::string key = lagoon::remote::private_key(key_file);
    // Each connection takes one.
    rlimit descriptors{};
    if (::getrlimit(RLIMIT_NOFILE, &descriptors) == 0) {
      descriptors.rlim_cur = descriptors.rlim_max;
      ::setrlimit(RLIMIT_NOFILE, &descriptors);
    }
    const lagoon::Manager manager{name};
    options.authentication = std::chrono::milliseconds(std::llround(seconds * 1000));
    lagoon::remote::Server server(manager, at, key, options);
    std::printf("lagoon serves '%s' at %s; its key is in %s\n", name.c_str(),
                server.address().text().c_str(), key_file.c_str());
    std::fflush(stdout);
    serve_until_ended(server);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "lagoon serve: %s\n", error.what());
    return 1;
  }
}

}  // namespace tool
