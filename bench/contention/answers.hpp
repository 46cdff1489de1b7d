#pragma once
/// What the figures say, in words.

#include <string>
#include <utility>
#include <vector>

#include "results.hpp"

namespace contention {

/// To a question: with so many children, who wins each of its workloads; or how it grows. Without
/// lines nothing of it was measured.
struct Answer {
  int children = 0;  // 0: more and more
  bool are_readers = false;
  std::vector<std::pair<std::string, std::string>> lines;  // the workload; "Lock, 3.1 × the next"
};

Answer answer_to(const Asked& asked, const Results& results);
/// In one sentence.
std::string text_of(const Answer& answer);
/// "16 processes"; of 0: "More and more"
std::string processes_text(int children);
/// The same; of those beside a writer, "15 readers".
std::string crew_text(int children, bool are_readers);
std::string crew_text(const Place& place);
/// Of each of its workloads.
bool all_are_readers(const Asked& asked);

}  // namespace contention
