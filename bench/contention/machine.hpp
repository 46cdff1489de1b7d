#pragma once
/// The machine and the build, read where they are told, not assumed.

#include <string>
#include <utility>
#include <vector>

namespace contention {

std::vector<std::pair<std::string, std::string>> machine_facts();

/// The first line that a shell command prints, or nothing if it fails.
std::string first_line_of(const std::string& command);

/// Processors that this process may run on.
int usable_processors();
/// Leaves this process only one of them, in turn.
void pin(int i);

/// All processes that this one has forked, and those that these have: servers among them. Nothing,
/// where the kernel does not tell (CONFIG_PROC_CHILDREN).
std::vector<int> descendants();

/// What the machine did meanwhile that was not this program's.
class Others {
 public:
  /// The part of all processors' time since the construction that went to other programs, or to
  /// other machines on the same host.
  [[nodiscard]] double share() const;

 private:
  struct Seconds {
    double busy, all, ours;
    static Seconds now();
  };
  Seconds begin_ = Seconds::now();
};

}  // namespace contention
