#pragma once
/// The machine and the build, read where they are told, not assumed.

#include <string>
#include <utility>
#include <vector>

namespace contention {

std::vector<std::pair<std::string, std::string>> machine_facts();

/// Processors that this process may run on.
int usable_processors();

}  // namespace contention
