#include "workload.hpp"

#include "results.hpp"

namespace contention {
namespace {

/// What the doubles are called: 64 doubles; a struct of 32 bytes; an array of 64 KiB.
std::string subject(const Workload& workload) {
  if (workload.doubles == 4) return "a struct of 32 bytes";
  if (workload.doubles < 1024) return std::to_string(workload.doubles) + " doubles";
  return "an array of " + bytes_text(8 * workload.doubles);
}

/// Without digits that say nothing: 1 µs.
std::string short_text(std::string text) {
  for (const std::string zeros : {".00 ", ".0 "})
    if (const auto at = text.find(zeros); at != std::string::npos)
      return text.replace(at, zeros.size(), " ");
  return text;
}

std::string pace(const Workload& workload) {
  return std::to_string(static_cast<long>(workload.writes_per_s)) + " times a second";
}

}  // namespace

std::string key_of(const Workload& workload) {
  std::string key = workload.operation == Operation::count    ? "counter"
                    : workload.operation == Operation::update ? "update"
                    : workload.operation == Operation::read   ? "snapshot"
                                                              : "outlive";
  if (workload.operation != Operation::count) key += std::to_string(workload.doubles);
  if (workload.think_ns != 0)
    key += "/think:" + std::to_string(static_cast<long>(workload.think_ns)) + "ns";
  if (workload.is_paced())
    key += "/writes:" + std::to_string(static_cast<long>(workload.writes_per_s));
  return key;
}

std::string title_of(const Workload& workload) {
  std::string title;
  switch (workload.operation) {
    case Operation::count:
      title = "Increment one counter";
      break;
    case Operation::update:
      title = "Update " + subject(workload);
      break;
    case Operation::read:
      title = "Read " + subject(workload) + " beside a writer";
      if (workload.is_paced()) title += ", " + pace(workload);
      break;
    case Operation::outlive:
      title = "Read " + subject(workload) + " whose writer is stopped, then killed";
      break;
  }
  if (workload.think_ns != 0)
    title += ", then think for " + short_text(time_text(workload.think_ns));
  return title;
}

std::string story_of(const Workload& workload) {
  std::string story;
  switch (workload.operation) {
    case Operation::count:
      story =
          "Every child adds one to the same integer. At the end the integer is compared with the "
          "sum of what the children did.";
      break;
    case Operation::update:
      story = "Every child adds one to each of the same " + std::to_string(workload.doubles) +
              " doubles, as one change that nobody may see half of. At the end every element is "
              "compared with the sum of what the children did.";
      break;
    case Operation::read:
      story = "Every child takes a consistent copy of " + std::to_string(workload.doubles) +
              " doubles, while one more process gives all of them a new value, " +
              (workload.is_paced() ? pace(workload) : "as often as it can") +
              ". Each copy whose elements are not all equal is counted as torn.";
      break;
    case Operation::outlive:
      return "Every child takes a consistent copy of " + std::to_string(workload.doubles) +
             " doubles, over and over. One more process gives all of them a new value, over and "
             "over, until it is stopped (SIGSTOP) when it has written half of them. After a third "
             "of the time it is killed (SIGKILL), as it stands. A child that has read nothing in "
             "one of these times is counted as stalled, a copy whose elements are not all equal "
             "as torn.";
  }
  if (workload.think_ns == 0) return story + " Each as often as it can.";
  return story + " Between two operations each works for " +
         short_text(time_text(workload.think_ns)) + " by itself.";
}

}  // namespace contention
