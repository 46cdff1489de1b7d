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

/// The files of /proc/ID/maps: "address rights offset major:minor inode path".
std::set<FileId> files_in(const std::filesystem::path& maps) {
  std::set<FileId> files;
  std::ifstream in(maps);
  for (std::string line; std::getline(in, line);) {
    unsigned major = 0, minor = 0;
    unsigned long long inode = 0;
    if (std::sscanf(line.c_str(), "%*s %*s %*s %x:%x %llu", &major, &minor, &inode) == 3 &&
        inode != 0)
      files.emplace(::makedev(major, minor), inode);
  }
  return files;
}

std::set<FileId> files_mapped_by(const std::filesystem::path& process) {
  std::set<FileId> files = files_in(process / "maps");
  // There is nothing in it when the main thread has ended, whatever the others do.
  std::error_code error;
  for (std::filesystem::directory_iterator at(process / "task", error), end;
       files.empty() && !error && at != end; at.increment(error))
    files = files_in(at->path() / "maps");
  return files;
}

/// What follows a name in /proc/ID/status: "Name:\tvalue …".
std::string status_of(pid_t id, const std::string& name) {
  std::ifstream status("/proc/" + std::to_string(id) + "/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with(name + ":\t")) return line.substr(name.size() + 2);
  return {};
}

}  // namespace

std::string command_of(pid_t id) {
  std::ifstream comm("/proc/" + std::to_string(id) + "/comm");
  std::string name;
  return std::getline(comm, name) ? name : "?";
}

char state_of(pid_t id) {
  // "id (command) state …", and the command may have anything in it.
  std::ifstream stat("/proc/" + std::to_string(id) + "/stat");
  std::string line;
  std::getline(stat, line);
  const std::size_t end = line.rfind(')');
  return end != std::string::npos && end + 2 < line.size() ? line[end + 2] : 'X';
}

bool has_ended(pid_t id) {
  const char state = state_of(id);
  return state == 'Z' || state == 'X';
}

bool is_traced(pid_t id) {
  const std::string tracer = status_of(id, "TracerPid");
  return !tracer.empty() && tracer != "0";
}

bool is_stopped(pid_t id) {
  const char state = state_of(id);
  return state == 'T' || state == 't';
}

const AttachedProcess* process_of(std::uint32_t thread, const std::vector<AttachedProcess>& all) {
  if (std::any_of(all.begin(), all.end(), [](const auto& p) { return p.has_other_ids; }))
    return nullptr;
  const pid_t pid = std::atoi(status_of(static_cast<pid_t>(thread), "Tgid").c_str());
  const auto found =
      std::find_if(all.begin(), all.end(), [pid](const auto& p) { return p.pid == pid; });
  return found == all.end() ? nullptr : &*found;
}

std::string name_of(std::uint32_t thread, const std::vector<AttachedProcess>& all) {
  const std::string id = std::to_string(thread);
  return process_of(thread, all) == nullptr ? "thread " + id
                                            : command_of(static_cast<pid_t>(thread)) + " " + id;
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
    const pid_t pid = std::atoi(number.c_str());
    for (const FileId& file : files_mapped_by(at->path()))
      if (const auto found = wanted.find(file); found != wanted.end())
        attached[found->second].push_back(
            {pid, command_of(pid), status_of(pid, "NSpid").find('\t') != std::string::npos});
  }
  for (auto& all : attached)
    std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.pid < b.pid; });
  return attached;
}

}  // namespace tool
