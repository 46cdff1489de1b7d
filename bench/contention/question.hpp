#pragma once
/// What a user asks, and what is measured to answer it. One file for each, in questions/.

#include <functional>
#include <string>
#include <vector>

#include "workload.hpp"

namespace contention {

enum class Effort { quick, standard, full };

/// A workload with so many children; every strategy that takes it is measured there.
struct Place {
  Workload workload;
  int children;

  friend auto operator<=>(const Place&, const Place&) = default;
};

struct Question {
  std::string key;    // for --question
  std::string title;  // the question
  std::string about;  // what stands below it
  std::function<std::vector<Place>(Effort)> places;
  bool asks_for_waits = false;   // who waits least, beside who does most
  bool asks_for_growth = false;  // how the time changes, not who wins at each place
};

/// One with what is measured of it now.
struct Asked {
  Question question;
  std::vector<Place> places;
};

Question which_lock();
Question crowded();
Question readers_and_writers();
Question outliving();
Question containers();
Question growing();

/// In the order of the report.
inline std::vector<Question> all_questions() {
  return {which_lock(), crowded(), readers_and_writers(), outliving(), containers(), growing()};
}

/// Each of these with each of those numbers of children.
inline std::vector<Place> all_of(const std::vector<Workload>& workloads,
                                 const std::vector<int>& children) {
  std::vector<Place> all;
  for (const Workload& workload : workloads)
    for (const int n : children) all.push_back({workload, n});
  return all;
}

}  // namespace contention
