#include <lagoon/error.hpp>
#include <lagoon/segment.hpp>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "command_line.hpp"
#include "commands.hpp"
#include "text.hpp"

int tool::rm(int argc, char** argv) {
  std::vector<std::string> names;
  lagoon::SegmentOptions options;
  bool is_forced = false;
  CLI::App app{
      "Removes segments: their names are free at once, and their memory when the last process that "
      "has them open has ended."};
  app.name("lagoon rm");
  app.add_option("NAME", names, "of a segment")->required();
  app.add_option("--directory", options.directory, "where they lie")->capture_default_str();
  app.add_flag("-f,--force", is_forced, "what is not there is no error");
  if (const auto code = tool::answered(app, argc, argv)) return *code;
  int code = 0;
  for (const std::string& name : names) try {
      // Nothing but a segment is removed.
      if (!lagoon::Segment::exists(name, options)) {
        if (is_forced) continue;
        throw lagoon::NotFound("there is no segment '" + name + "' that this user may read in " +
                               options.directory + " (lagoon ls says which there are)");
      }
      (void)lagoon::Segment::remove(name, options);
    } catch (const std::exception& error) {
      std::fprintf(stderr, "lagoon rm: %s\n", tool::printable(error.what()).c_str());
      code = 1;
    }
  return code;
}
