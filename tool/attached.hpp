#pragma once
/// Which processes have a file mapped, as /proc says: of other users only root is told.

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace tool {

struct AttachedProcess {
  pid_t pid;
  std::string command;  // its name, as ps says it: 15 characters at most
  bool has_other_ids;   // for itself: it is in another pid namespace
};

/// Of a process, or a thread; "?" if there is none.
std::string command_of(pid_t id);

/// Of a process, or a thread, as ps says it: 'S', 'D', …; 'X' if there is none.
char state_of(pid_t id);
/// Whether there is no such process or thread, or only its exit status is left.
bool has_ended(pid_t id);
/// Whether a debugger has that, or what works like one.
bool is_traced(pid_t id);
/// Whether that is stopped, by a signal or a debugger.
bool is_stopped(pid_t id);

/// Of those, the one whose thread that is; null if there is none, or if that cannot be told: what
/// threads say of themselves are the ids of their own pid namespace.
const AttachedProcess* process_of(std::uint32_t thread, const std::vector<AttachedProcess>& all);
/// "trader 1200" if that can be told, else "thread 1200".
std::string name_of(std::uint32_t thread, const std::vector<AttachedProcess>& all);

/// Of each of these files, in their order, without this process. One look at every process of the
/// machine.
std::vector<std::vector<AttachedProcess>> processes_attached_to(
    const std::vector<std::string>& paths);

}  // namespace tool
