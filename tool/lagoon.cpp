/// `lagoon`: what the library can do from a command line.

#include <cstdio>
#include <string>
#include <string_view>

#ifdef LAGOON_HAS_BENCH
#include "../bench/contention/program.hpp"
#endif
#ifdef LAGOON_HAS_REMOTE
#include "serve.hpp"
#endif

namespace {

constexpr std::string_view usage =
#ifdef LAGOON_HAS_BENCH
    "lagoon bench [options]   which way to share memory between processes is fastest, fairest and\n"
    "                         safest here (lagoon bench --help)\n"
#endif
#ifdef LAGOON_HAS_REMOTE
    "lagoon serve NAME        what the segment NAME holds, for Python programs (lagoon serve "
    "--help)\n"
#endif
    "lagoon --version\n";

}  // namespace

int main(int argc, char** argv) {
  const std::string_view command = argc > 1 ? argv[1] : "";
#ifdef LAGOON_HAS_BENCH
  if (command == "bench") {
    std::string name = "lagoon bench";
    argv[1] = name.data();
    return contention::run(argc - 1, argv + 1);
  }
#endif
#ifdef LAGOON_HAS_REMOTE
  if (command == "serve") return tool::serve(argc - 1, argv + 1);
#endif
  if (command == "--version") {
    std::puts("lagoon " LAGOON_VERSION);
    return 0;
  }
  const bool is_asked_for = command == "--help" || command == "-h";
  if (!is_asked_for && !command.empty())
    std::fprintf(stderr, "lagoon: there is no command '%s'\n", argv[1]);
  std::fputs(usage.data(), is_asked_for ? stdout : stderr);
  return is_asked_for ? 0 : 2;
}
