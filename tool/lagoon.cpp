/// `lagoon`: what the library can do from a command line.

#include <cstdio>
#include <string>
#include <string_view>

#include "commands.hpp"
#ifdef LAGOON_HAS_BENCH
#include "../bench/contention/program.hpp"
#endif

namespace {

struct Command {
  std::string_view name;
  int (*run)(int argc, char** argv);
  std::string_view usage;
};

constexpr Command commands[] = {
    {"ls", tool::ls, "lagoon ls [NAME…]        the segments of this machine, and who uses them\n"},
    {"show", tool::show, "lagoon show NAME[/OBJECT]  what is in one\n"},
    {"top", tool::top, "lagoon top NAME          what is done with its objects, and who waits\n"},
    {"doctor", tool::doctor, "lagoon doctor [NAME…]    what is wrong with them, and what to do\n"},
    {"cp", tool::cp, "lagoon cp NAME FILE      copies one to a file, while others work with it\n"},
    {"load", tool::load, "lagoon load FILE [NAME]  makes one of such a file\n"},
    {"rm", tool::rm, "lagoon rm NAME…          removes segments; who has one open keeps it\n"},
#ifdef LAGOON_HAS_REMOTE
    {"serve", tool::serve,
     "lagoon serve NAME        what the segment NAME holds, for Python programs\n"},
#endif
#ifdef LAGOON_HAS_BENCH
    {"bench", contention::run,
     "lagoon bench [options]   which way to share memory between processes is fastest, fairest "
     "and\n"
     "                         safest here\n"},
#endif
};

void show_usage(std::FILE* to) {
  for (const Command& command : commands)
    std::fwrite(command.usage.data(), 1, command.usage.size(), to);
  std::fputs(
      "lagoon COMMAND --help    what it takes, and what it says\n"
      "lagoon --version\n",
      to);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view asked = argc > 1 ? argv[1] : "";
  for (const Command& command : commands)
    if (command.name == asked) {
      std::string name = "lagoon " + std::string(asked);
      argv[1] = name.data();
      return command.run(argc - 1, argv + 1);
    }
  if (asked == "--version") return std::puts("lagoon " LAGOON_VERSION) < 0 ? 1 : 0;
  const bool is_asked_for = asked == "--help" || asked == "-h";
  if (!is_asked_for && !asked.empty())
    std::fprintf(stderr, "lagoon: there is no command '%s'\n", argv[1]);
  show_usage(is_asked_for ? stdout : stderr);
  return is_asked_for ? 0 : 2;
}
