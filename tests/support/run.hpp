#pragma once
/// What the test program (main.cpp) tells the helpers in it.

#include <sys/types.h>

namespace lagoon::test {

/// The process that runs the tests; the same in the children it forks.
pid_t program_pid() noexcept;

/// A number that no other call in this program's processes gets.
unsigned unique_number() noexcept;

}  // namespace lagoon::test
