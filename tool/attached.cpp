#include "attached.hpp"

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <system_error>
#include <utility>

namespace tool {

namespace {

using FileId = std::pair<dev_t, ino_t>;

/// The files of a process's /proc/PID/maps: "address rights offset major:minor inode path".
std::set<FileId> files_mapped_by(const std::filesystem::path& process) {
  std::set<FileId> files;
  std::ifstream maps(process / "maps");
  for (std::string line; std::getline(maps, line);) {
    unsigned major = 0, minor = 0;
    unsigned long long inode = 0;
    if (std::sscanf(line.c_str(), "%*s %*s %*s %x:%x %llu", &major, &minor, &inode) == 3 &&
        inode != 0)
      files.emplace(::makedev(major, minor), inode);
  }
  return files;
}

}  // namespace

std::string command_of(pid_t id) {
  std::ifstream comm("/proc/" + std::to_string(id) + "/comm");
  std::string name;
  return std::getline(comm, name) ? name : "?";
}

bool is_stopped(pid_t id) {
  // "id (command) state …", and the command may have anything in it.
  std::ifstream stat("/proc/" + std::to_string(id) + "/stat");
  std::string line;
  std::getline(stat, line);
  const std::size_t end = line.rfind(')');
  return end != std::string::npos && end + 2 < line.size() &&
         (line[end + 2] == 'T' || line[end + 2] == 't');
}

std::vector<std::vector<AttachedProcess>> processes_attached_to(
    const std::vector<std::string>& paths) {
  std::map<FileId, std::size_t> wanted;
  for (std::size_t i = 0; i < paths.size(); ++i) {
    struct stat about {};
    if (::stat(paths[i].c_str(), &about) == 0)
      wanted.emplace(FileId(about.st_dev, about.st_ino), i);
  }
  std::vector<std::vector<AttachedProcess>> attached(paths.size());
  std::error_code error;  // processes end while we look
  for (std::filesystem::directory_iterator at("/proc", error), end; !error && at != end;
       at.increment(error)) {
    const std::string number = at->path().filename().string();
    if (number.find_first_not_of("0123456789") != std::string::npos ||
        number == std::to_string(::getpid()))
      continue;
    for (const FileId& file : files_mapped_by(at->path()))
      if (const auto found = wanted.find(file); found != wanted.end())
        attached[found->second].push_back(
            {std::atoi(number.c_str()), command_of(std::atoi(number.c_str()))});
  }
  for (auto& all : attached)
    std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.pid < b.pid; });
  return attached;
}

}  // namespace tool
