/// CPython's own multiprocessing Value and Array, run live: each cell is a `python3 cpython.py`,
/// whose forked children sit at the same board as everyone else's.

#include "cpython.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <stdexcept>

#include "strategy.hpp"

namespace contention {
namespace {

/// A Python operation takes a microsecond and more: every 8th can be timed.
constexpr int python_sample_every = 8;

std::string script() {
  return (std::filesystem::path(__FILE__).parent_path() / "cpython.py").string();
}

/// The first line that a shell command prints, or nothing if it fails.
std::string first_line_of(const std::string& command) {
  std::string text;
  if (std::FILE* pipe = ::popen(command.c_str(), "re")) {
    for (int c = 0; (c = std::fgetc(pipe)) != EOF && c != '\n';) text += static_cast<char>(c);
    if (::pclose(pipe) != 0) text.clear();
  }
  return text;
}

CPython find() {
  CPython python;
  if (!std::filesystem::exists(script())) {
    python.unavailable = "no " + script();
    return python;
  }
  const std::string found = first_line_of(
      "python3 -c 'import sys, platform, ctypes, mmap, multiprocessing.sharedctypes;"
      "print(platform.python_implementation(), platform.python_version(), sys.executable)' 2>&-");
  std::string implementation;
  std::istringstream words(found);
  words >> implementation >> python.version;
  std::getline(words >> std::ws, python.executable);
  if (python.executable.empty()) {
    python.unavailable = "no python3 with multiprocessing and ctypes on this machine";
  } else if (implementation != "CPython") {
    python.unavailable = "python3 is " + implementation + ", not CPython";
  }
  return python;
}

/// As the script calls it.
const char* word_for(Operation operation) {
  switch (operation) {
    case Operation::count:
      return "counter";
    case Operation::update:
      return "update";
    default:
      return "read";
  }
  return "";
}

std::string layout(const Plan& plan) {
  const Board& all = board();
  const auto offset = [&](const auto& field) {
    return reinterpret_cast<const std::byte*>(&field) - reinterpret_cast<const std::byte*>(&all);
  };
  const Seat& first = all.seats[0];
  std::ostringstream json;
  json << "{\"workload\": \"" << word_for(plan.workload.operation)
       << "\", \"children\": " << plan.children << ", \"doubles\": " << plan.workload.doubles
       << ", \"pinned\": " << (plan.pinned ? "true" : "false")
       << ", \"every\": " << python_sample_every << ", \"descriptor\": " << board_descriptor()
       << ", \"size\": " << sizeof(Board) << ", \"phase\": " << offset(all.phase)
       << ", \"lost\": " << offset(all.lost) << ", \"seats\": " << offset(first)
       << ", \"stride\": " << sizeof(Seat)
       << ", \"operations\": " << offset(first.operations) - offset(first)
       << ", \"torn\": " << offset(first.torn) - offset(first)
       << ", \"process\": " << offset(first.process) - offset(first)
       << ", \"present\": " << offset(first.present_ns) - offset(first)
       << ", \"queued\": " << offset(first.queued_ns) - offset(first)
       << ", \"counts\": " << offset(first.histogram.counts) - offset(first)
       << ", \"longest\": " << offset(first.histogram.longest) - offset(first)
       << ", \"sub_bits\": " << Histogram::sub_bits
       << ", \"units_per_ns\": " << static_cast<int>(Histogram::units_per_ns) << "}";
  return json.str();
}

Outcome run(const Plan& plan) {
  clear_board();
  const std::string argument = layout(plan);
  const std::string program = script();
  const std::string python = cpython().executable;
  Crew crew;
  crew.fork([&] {
    ::fcntl(board_descriptor(), F_SETFD, 0);
    ::execl(python.c_str(), python.c_str(), "-B", program.c_str(), argument.c_str(), nullptr);
    throw std::runtime_error("cannot run " + python);
  });
  Outcome outcome = conduct(crew, plan);
  outcome.lost = static_cast<double>(board().lost.load());
  return outcome;
}

}  // namespace

const CPython& cpython() {
  static const CPython found = find();
  return found;
}

void add_cpython(Strategies& to) {
  const auto add = [&](const char* name, auto&& takes) {
    to.push_back({name, Family::peer, takes, run, cpython().unavailable, {0.08, 0.003}});
  };
  // It neither thinks nor keeps time.
  const auto is_plain = [](const Workload& w) { return w.think_ns == 0 && !w.is_paced(); };
  add("CPython Value", [=](const Place& p) {
    return p.workload.operation == Operation::count && is_plain(p.workload);
  });
  add("CPython Array", [=](const Place& p) {
    const Operation operation = p.workload.operation;
    return (operation == Operation::update || operation == Operation::read) && is_plain(p.workload);
  });
}

}  // namespace contention
