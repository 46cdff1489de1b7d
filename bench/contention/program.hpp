#pragma once
/// The program, whatever it is called by.

namespace contention {

/// What main returns; argv[0] is what it calls itself.
int run(int argc, char** argv);

}  // namespace contention
