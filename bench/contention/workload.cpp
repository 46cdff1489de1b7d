#include "workload.hpp"

#include "results.hpp"

namespace contention {
namespace {

/// What the doubles are called: 64 doubles; a struct of 32 bytes; an array of 64 KiB.
std::string subject(const Workload& workload) {
  if (workload.doubles == 1) return "one double";
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

/// "one of 1,000 keys"
std::string one_of(std::size_t count, const char* what) {
  return "one of " + grouped(count) + " " + what;
}

/// Of a dict's values that are not of 64 bytes.
std::string of_bytes(const Workload& workload) {
  return workload.doubles == 8 ? "" : ", of " + bytes_text(8 * workload.doubles);
}

const char* word_for(Operation operation) {
  switch (operation) {
    case Operation::count:
      return "counter";
    case Operation::update:
      return "update";
    case Operation::mix:
      return "mixed";
    case Operation::read:
      return "snapshot";
    case Operation::outlive:
      return "outlive";
    case Operation::look_up:
      return "dict-get";
    case Operation::look_up_beside:
      return "dict-get-beside-writer";
    case Operation::replace:
      return "dict-set";
    case Operation::change:
      return "dict-update";
    case Operation::index:
      return "list-get";
    case Operation::increment:
      return "list-update";
    case Operation::append:
      return "list-append-pop";
    case Operation::pass:
      return "queue";
  }
  return "";
}

std::string pace(const Workload& workload) {
  return std::to_string(static_cast<long>(workload.writes_per_s)) + " times a second";
}

}  // namespace

std::string key_of(const Workload& workload) {
  std::string key = word_for(workload.operation);
  if (workload.keys != 0) {
    key += std::to_string(workload.keys);
    if (workload.has_sizes() && workload.doubles != 8)
      key += "/bytes:" + std::to_string(8 * workload.doubles);
  } else if (workload.has_sizes()) {
    key += std::to_string(workload.doubles);
  }
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
    case Operation::mix:
      title = "Read " + subject(workload) + ", and update " +
              (workload.doubles < 8 || workload.doubles >= 1024 ? "it" : "them") +
              " once in twenty times";
      break;
    case Operation::read:
      title = "Read " + subject(workload) + " beside a writer";
      if (workload.is_paced()) title += ", " + pace(workload);
      break;
    case Operation::outlive:
      title = "Read " + subject(workload) + " whose writer is stopped, then killed";
      break;
    case Operation::look_up:
      title = "Look up " + one_of(workload.keys, "keys of a dict") + of_bytes(workload);
      break;
    case Operation::look_up_beside:
      title = "Look up " + one_of(workload.keys, "keys of a dict") + of_bytes(workload) +
              ", beside a writer";
      if (workload.is_paced()) title += ", " + pace(workload);
      break;
    case Operation::replace:
      title = "Set " + one_of(workload.keys, "keys of a dict") + of_bytes(workload);
      break;
    case Operation::change:
      title = "Update " + one_of(workload.keys, "values of a dict");
      break;
    case Operation::index:
      title = "Read " + one_of(workload.keys, "elements of a list");
      break;
    case Operation::increment:
      title = "Add one to " + one_of(workload.keys, "elements of a list");
      break;
    case Operation::append:
      title = "Append to a list, and pop";
      break;
    case Operation::pass:
      title = "Pass messages of 64 bytes through a queue";
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
    case Operation::mix:
      story =
          "Every child takes a consistent copy of the same " + std::to_string(workload.doubles) +
          " doubles, nineteen times of twenty; else it adds one to each of them, as one change. "
          "Each copy whose elements are not all equal is counted as torn. At the end every "
          "element is compared with the sum of the updates.";
      break;
    case Operation::read:
      story = "Every child takes a consistent copy of " + subject(workload) +
              ", while one more process gives all of it a new value, " +
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
    case Operation::look_up:
    case Operation::look_up_beside:
      story = "Every child gets the value of " + one_of(workload.keys, "keys") + " at random" +
              (workload.operation == Operation::look_up
                   ? std::string()
                   : ", while one more process replaces such values, " +
                         (workload.is_paced() ? pace(workload) : "as often as it can")) +
              ". Keys are 64-bit numbers in no order; values are " +
              bytes_text(8 * workload.doubles) +
              (workload.doubles == 8 ? " as they are" : " of text") +
              ". A value that is not there, or is not whole, is counted as torn.";
      break;
    case Operation::replace:
      story = "Every child replaces the value of " + one_of(workload.keys, "keys") +
              " at random, all of which are there, by " + bytes_text(8 * workload.doubles) + ".";
      break;
    case Operation::change:
      story = "Every child adds one to each of the 8 doubles that are the value of " +
              one_of(workload.keys, "keys") +
              " at random, as one change. At the end all values together are compared with the "
              "sum of what the children did.";
      break;
    case Operation::index:
      story = "Every child gets " + one_of(workload.keys, "elements") +
              " at random, doubles, which nobody changes.";
      break;
    case Operation::increment:
      story = "Every child adds one to " + one_of(workload.keys, "elements") +
              " at random, doubles, as one change. At the end all elements together are compared "
              "with the sum of what the children did.";
      break;
    case Operation::append:
      story =
          "Every child appends to the same list, and pops its last element, in turn: an "
          "operation is both.";
      break;
    case Operation::pass:
      story =
          "Half of the children put messages of 64 bytes into a queue that has room for 1,024, "
          "or waits when it is full; the others get them, and wait when it is empty. An "
          "operation is a put or a get: a message is two. A single child puts one and gets "
          "it: there that is one operation. At the end what was put is compared with what was "
          "got, and each message must be whole.";
      break;
  }
  if (workload.think_ns == 0) return story + " Each as often as it can.";
  return story + " Between two operations each works for " +
         short_text(time_text(workload.think_ns)) + " by itself.";
}

}  // namespace contention
