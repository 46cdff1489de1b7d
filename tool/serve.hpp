#pragma once
/// `lagoon serve`: what a segment holds, for Python programs.

namespace tool {

int serve(int argc, char** argv);

}  // namespace tool
