#include <lagoon/segment.hpp>

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <optional>
#include <string>
#include <vector>

#include "attached.hpp"
#include "command_line.hpp"
#include "commands.hpp"
#include "json.hpp"
#include "text.hpp"

namespace tool {

namespace {

struct SegmentInfo {
  std::string name, path, owner, rights;
  std::uint64_t size = 0, used = 0, objects = 0;  // if there is no problem
  std::vector<AttachedProcess> processes;
  std::string problem;  // why it cannot be opened
};

std::string name_of_user(uid_t uid) {
  const passwd* const user = ::getpwuid(uid);
  return user == nullptr ? std::to_string(uid) : user->pw_name;
}

SegmentInfo info_of(const std::string& name, const lagoon::SegmentOptions& options) {
  SegmentInfo info;
  info.name = name;
  info.path = options.directory + "/" + name;
  struct stat about {};
  if (::stat(info.path.c_str(), &about) == 0) {
    info.owner = name_of_user(about.st_uid);
    std::array<char, 8> rights{};
    std::snprintf(rights.data(), rights.size(), "%04o", about.st_mode & 07777U);
    info.rights = rights.data();
  }
  try {
    lagoon::SegmentOptions any = options;
    any.any_owner = true;
    const auto segment = lagoon::Segment::open_read_only(name, any);
    info.size = segment.size();
    info.used = segment.used();
    info.objects = segment.objects().size();
  } catch (const std::exception& error) {
    info.problem = error.what();
  }
  return info;
}

void print_json(const std::vector<SegmentInfo>& all) {
  auto list = Json::array();
  for (const SegmentInfo& info : all) {
    auto processes = Json::array();
    for (const AttachedProcess& p : info.processes)
      processes.push_back({{"pid", p.pid}, {"command", p.command}});
    Json one{{"name", info.name},
             {"path", info.path},
             {"owner", info.owner},
             {"rights", info.rights},
             {"processes", processes}};
    if (info.problem.empty())
      one.update({{"size", info.size}, {"used", info.used}, {"objects", info.objects}});
    else
      one["problem"] = info.problem;
    list.push_back(std::move(one));
  }
  write_out(dumped(list));
}

void print_table(const std::vector<SegmentInfo>& all) {
  using Align = Table::Align;
  Table table({{"NAME"},
               {"SIZE", Align::right},
               {"USED", Align::right},
               {"OBJECTS", Align::right},
               {"MODE"},
               {"OWNER"},
               {"PROCESSES"}});
  for (const SegmentInfo& info : all) {
    std::string processes = std::to_string(info.processes.size());
    for (std::size_t i = 0; i < info.processes.size() && i < 4; ++i)
      processes += (i == 0 ? ": " : ", ") + printable(info.processes[i].command) + " " +
                   std::to_string(info.processes[i].pid);
    if (info.processes.size() > 4) processes += ", …";
    const bool is_open = info.problem.empty();
    table.add({printable(info.name), is_open ? in_units(info.size) : "?",
               is_open ? in_units(info.used) : "?", is_open ? std::to_string(info.objects) : "?",
               info.rights, info.owner, processes});
    if (!is_open) table.add_line(printable(info.problem));
  }
  write_out(table.text());
}

}  // namespace

int ls(int argc, char** argv) {
  std::vector<std::string> names;
  lagoon::SegmentOptions options;
  bool as_json = false, is_quiet = false;
  CLI::App app{
      "The segments of this machine: how large they are now, how much of that is in use, how many "
      "objects have a name, and which processes have them open (of other users only root sees "
      "these). Looks only: nobody who works with them is held up."};
  app.name("lagoon ls");
  app.add_option("NAME", names, "of a segment; without any, all");
  app.add_option("--directory", options.directory, "where they lie")->capture_default_str();
  app.add_flag("-q,--quiet", is_quiet, "names only");
  app.add_flag("--json", as_json, "for programs: sizes in bytes");
  if (const auto code = answered(app, argc, argv)) return *code;
  try {
    int code = 0;
    std::vector<SegmentInfo> all;
    for (const std::string& name : names.empty() ? lagoon::Segment::list(options) : names) {
      if (!names.empty() && !lagoon::Segment::exists(name, options)) {
        std::fprintf(stderr, "lagoon ls: there is no segment '%s' that this user may read in %s\n",
                     printable(name).c_str(), options.directory.c_str());
        code = 1;
        continue;
      }
      if (is_quiet)
        write_out((::isatty(STDOUT_FILENO) == 1 ? printable(name) : name) + "\n");
      else
        all.push_back(info_of(name, options));
    }
    if (is_quiet) return code;
    std::vector<std::string> paths;
    for (const SegmentInfo& info : all) paths.push_back(info.path);
    auto attached = processes_attached_to(paths);
    for (std::size_t i = 0; i < all.size(); ++i) all[i].processes = std::move(attached[i]);
    if (as_json)
      print_json(all);
    else if (!all.empty() || names.empty())
      print_table(all);
    return code;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "lagoon ls: %s\n", printable(error.what()).c_str());
    return 1;
  }
}

}  // namespace tool
