#pragma once
/// Which CPython there is.

#include <string>

namespace contention {

struct CPython {
  std::string executable;
  std::string version;
  std::string unavailable;  // why it cannot be measured; empty if it can
};

/// Looked for at the first call.
const CPython& cpython();

}  // namespace contention
