#include <lagoon/segment.hpp>

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "attached.hpp"
#include "command_line.hpp"
#include "commands.hpp"

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

std::string in_units(std::uint64_t bytes) {
  constexpr std::array units{"B", "KiB", "MiB", "GiB", "TiB"};
  auto x = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; x >= 1000 && unit + 1 < units.size(); ++unit) x /= 1024;
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), unit == 0 || x >= 10 ? "%.0f %s" : "%.1f %s", x,
                units[unit]);
  return text.data();
}

/// What a name or a command may have in it that a terminal would obey.
std::string printable(std::string text) {
  std::replace_if(
      text.begin(), text.end(),
      [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 127; }, '?');
  return text;
}

void print_json(const std::vector<SegmentInfo>& all) {
  auto list = nlohmann::json::array();
  for (const SegmentInfo& info : all) {
    auto processes = nlohmann::json::array();
    for (const AttachedProcess& p : info.processes)
      processes.push_back({{"pid", p.pid}, {"command", p.command}});
    nlohmann::json one{{"name", info.name},
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
  // Names are bytes; what is no UTF-8 of them is shown as U+FFFD.
  std::puts(list.dump(2, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
}

void print_table(const std::vector<SegmentInfo>& all) {
  std::size_t width = 4;
  for (const SegmentInfo& info : all) width = std::max(width, info.name.size());
  const int w = static_cast<int>(width);
  std::printf("%-*s  %9s  %9s  %7s  %-4s  %-8s  PROCESSES\n", w, "NAME", "SIZE", "USED", "OBJECTS",
              "MODE", "OWNER");
  for (const SegmentInfo& info : all) {
    std::string processes = std::to_string(info.processes.size());
    for (std::size_t i = 0; i < info.processes.size() && i < 4; ++i)
      processes += (i == 0 ? ": " : ", ") + printable(info.processes[i].command) + " " +
                   std::to_string(info.processes[i].pid);
    if (info.processes.size() > 4) processes += ", …";
    const bool is_open = info.problem.empty();
    std::printf("%-*s  %9s  %9s  %7s  %-4s  %-8s  %s\n", w, printable(info.name).c_str(),
                is_open ? in_units(info.size).c_str() : "?",
                is_open ? in_units(info.used).c_str() : "?",
                is_open ? std::to_string(info.objects).c_str() : "?", info.rights.c_str(),
                info.owner.c_str(), processes.c_str());
    if (!is_open) std::printf("%-*s  %s\n", w, "", info.problem.c_str());
  }
}

}  // namespace

int ls(int argc, char** argv) {
  std::vector<std::string> names;
  lagoon::SegmentOptions options;
  bool as_json = false;
  CLI::App app{
      "The segments of this machine: how large they are now, how much of that is in use, how many "
      "objects have a name, and which processes have them open (of other users only root sees "
      "these). Looks only: nobody who works with them is held up."};
  app.name("lagoon ls");
  app.add_option("NAME", names, "of a segment; without any, all");
  app.add_option("--directory", options.directory, "where they lie")->capture_default_str();
  app.add_flag("--json", as_json, "for programs: sizes in bytes");
  if (const auto code = answered(app, argc, argv)) return *code;
  try {
    int code = 0;
    std::vector<SegmentInfo> all;
    for (const std::string& name : names.empty() ? lagoon::Segment::list(options) : names) {
      if (!names.empty() && !lagoon::Segment::exists(name, options)) {
        std::fprintf(stderr, "lagoon ls: there is no segment '%s' that this user may read in %s\n",
                     name.c_str(), options.directory.c_str());
        code = 1;
        continue;
      }
      all.push_back(info_of(name, options));
    }
    std::vector<std::string> paths;
    for (const SegmentInfo& info : all) paths.push_back(info.path);
    auto attached = processes_attached_to(paths);
    for (std::size_t i = 0; i < all.size(); ++i) {
      // This process has just had them open.
      std::erase_if(attached[i], [](const auto& p) { return p.pid == ::getpid(); });
      all[i].processes = std::move(attached[i]);
    }
    if (as_json)
      print_json(all);
    else if (!all.empty() || names.empty())
      print_table(all);
    return code;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "lagoon ls: %s\n", error.what());
    return 1;
  }
}

}  // namespace tool
