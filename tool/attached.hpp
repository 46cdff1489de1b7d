#pragma once
/// Which processes have a file mapped, as /proc says: of other users only root is told.

#include <sys/types.h>

#include <string>
#include <vector>

namespace tool {

struct AttachedProcess {
  pid_t pid;
  std::string command;  // its name, as ps says it: 15 characters at most
};

/// Of each of these files, in their order. One look at every process of the machine.
std::vector<std::vector<AttachedProcess>> processes_attached_to(
    const std::vector<std::string>& paths);

}  // namespace tool
