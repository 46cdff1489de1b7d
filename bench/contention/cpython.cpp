/// CPython's own multiprocessing, run live: each cell is a `python3 cpython.py`, whose forked
/// children sit at the same board as everyone else's.

#include "cpython.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cstddef>
#include <filesystem>
#include <sstream>
#include <stdexcept>

#include "machine.hpp"
#include "strategy.hpp"

namespace contention {
namespace {

/// A Python operation takes a microsecond and more: every 8th can be timed.
constexpr int python_sample_every = 8;

std::string script() {
  return (std::filesystem::path(__FILE__).parent_path() / "cpython.py").string();
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

/// What the children share, and what they do with it, as the scripts call them.
struct Words {
  const char *shared, *operation;
};
Words words_for(Operation operation) {
  switch (operation) {
    case Operation::count:
      return {"Value", "count"};
    case Operation::update:
      return {"Array", "update"};
    case Operation::mix:
      return {"Array", "mix"};
    case Operation::read:
    case Operation::outlive:
      return {"Array", "read"};
    case Operation::look_up:
    case Operation::look_up_beside:
      return {"manager.dict", "look_up"};
    case Operation::replace:
      return {"manager.dict", "replace"};
    case Operation::change:
      return {"manager.dict", "change"};
    case Operation::index:
      return {"manager.list", "index"};
    case Operation::increment:
      return {"manager.list", "increment"};
    case Operation::append:
      return {"manager.list", "append"};
    case Operation::pass:
      return {"Queue", "pass"};
  }
  return {"", ""};
}

std::string layout(const Plan& plan, const Words& words) {
  const Board& all = board();
  const auto offset = [&](const auto& field) {
    return reinterpret_cast<const std::byte*>(&field) - reinterpret_cast<const std::byte*>(&all);
  };
  const Seat& first = all.seats[0];
  std::ostringstream json;
  json << "{\"shared\": \"" << words.shared << "\", \"operation\": \"" << words.operation
       << "\", \"children\": " << plan.children
       << ", \"seats_taken\": " << plan.children + (plan.workload.has_writer() ? 1 : 0)
       << ", \"doubles\": " << plan.workload.doubles << ", \"keys\": " << plan.workload.keys
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

Outcome run(const Plan& plan, const Words& words) {
  clear_board();
  const std::string argument = layout(plan, words);
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
  const auto add = [&](const char* name, Overhead overhead, auto&& does, auto&& words) {
    // It neither thinks nor keeps time.
    const auto takes = [=](const Place& place) {
      const Workload& workload = place.workload;
      return workload.think_ns == 0 && !workload.is_paced() && does(workload);
    };
    const auto run_it = [=](const Plan& plan) { return run(plan, words(plan.workload.operation)); };
    to.push_back({name, Family::peer, takes, run_it, cpython().unavailable, overhead});
  };
  const auto is = [](auto... operations) {
    return [=](const Workload& w) { return ((w.operation == operations) || ...); };
  };
  constexpr Overhead forks{0.08, 0.003};
  constexpr Overhead forks_and_starts_a_server{0.12, 0.006};
  add("CPython Value", forks, is(Operation::count), words_for);
  add("CPython Array", forks, is(Operation::update, Operation::mix, Operation::read), words_for);
  // More would take it too long to fill.
  const auto of_moderate_size = [](const Workload& w) {
    return (w.is_of_a_dict() || w.is_of_a_list()) && w.keys <= 10'000 &&
           8 * w.doubles <= std::size_t{256} << 10;
  };
  add("CPython manager", forks_and_starts_a_server, of_moderate_size, words_for);
  add("CPython Queue", forks, is(Operation::pass), words_for);
  add("CPython manager Queue", forks_and_starts_a_server, is(Operation::pass), [](Operation) {
    return Words{"manager.Queue", "pass"};
  });
}

}  // namespace contention
