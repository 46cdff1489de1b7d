#include <lagoon/error.hpp>
#include <lagoon/inspection.hpp>
#include <lagoon/segment.hpp>

#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "attached.hpp"
#include "command_line.hpp"
#include "commands.hpp"
#include "deadlocks.hpp"
#include "json.hpp"
#include "text.hpp"

namespace tool {

namespace {

using lagoon::Inspection;

struct Finding {
  std::string where;
  std::string what;    // was found, and why it is so
  std::string advice;  // what to do; none: nothing
  bool is_trouble;     // or only worth knowing
};

class Doctor {
 public:
  Doctor(const lagoon::SegmentOptions& options, bool repairs)
      : options_(options), repairs_(repairs) {
    options_.any_owner = true;
  }

  void examine(const std::string& name) {
    const std::string path = options_.directory + "/" + name;
    const auto processes = processes_attached_to({path})[0];
    look_at_rights(name, path);
    if (repairs_) repair(name);
    try {
      const auto segment = lagoon::Segment::open_read_only(name, options_);
      examined_.push_back({segment, processes});
      look_at_room(name, segment);
      for (const auto& entry : segment.objects()) try {
          if (const auto object = Inspection::of(segment, entry.name))
            look_at(name + "/" + entry.name, *object, processes);
        } catch (const lagoon::Gone&) {  // erased meanwhile
        }
    } catch (const lagoon::LayoutMismatch& error) {
      trouble(name, error.what(),
              processes.empty()
                  ? "nobody has it open: lagoon rm " + name
                  : "those who have it open may be of another version of the library: " +
                        names_of(processes));
    } catch (const std::exception& error) {
      trouble(name, error.what(), "");
    }
    if (processes.empty())
      note(name, "no process that this user may see has it open",
           "if nobody will come back to it: lagoon rm " + name);
  }

  void look_at_directory() {
    struct statvfs about {};
    if (::statvfs(options_.directory.c_str(), &about) != 0 || about.f_blocks == 0) return;
    const double free = static_cast<double>(about.f_bavail) / static_cast<double>(about.f_blocks);
    if (free < 0.05)
      trouble(options_.directory,
              "has " + in_units(about.f_bavail * about.f_frsize) + " left of " +
                  in_units(about.f_blocks * about.f_frsize) +
                  ": segments there can soon not grow, and making objects throws OutOfMemory",
              "remove what nobody uses (lagoon ls), or make it larger: mount -o remount,size=… " +
                  options_.directory);
  }

  /// Among the threads that wait for objects of the segments that were examined.
  void look_for_deadlocks() {
    for (const Circle& circle : deadlocks_among(examined_)) {
      const auto named = [](std::uint32_t thread) {
        return command_of(static_cast<pid_t>(thread)) + " " + std::to_string(thread);
      };
      const bool is_certain = std::all_of(circle.begin(), circle.end(),
                                          [](const auto& at) { return at.is_its_holders; });
      std::string what =
          (is_certain ? "deadlock: " : "deadlock, unless another thread gives a Lock back: ") +
          named(circle.front().thread);
      if (circle.size() == 1)
        what += " holds it, and waits until it is given back";
      else
        for (std::size_t i = 0; i < circle.size(); ++i)
          what += std::string(i == 0 ? "" : ", who") + " waits for " + circle[i].object +
                  ", which is held by " + named(circle[(i + 1) % circle.size()].thread);
      findings_.push_back(
          {circle.front().object, what,
           std::string(
               "end one of these processes, by SIGKILL if need be: then others take over. ") +
               (circle.size() == 1
                    ? "Who may have the lock already takes an RLock"
                    : "Programs that take several locks always take them in the same order"),
           is_certain});
    }
  }

  [[nodiscard]] const std::vector<Finding>& findings() const noexcept { return findings_; }

 private:
  void trouble(const std::string& where, const std::string& what, const std::string& advice) {
    findings_.push_back({where, what, advice, true});
  }
  void note(const std::string& where, const std::string& what, const std::string& advice) {
    findings_.push_back({where, what, advice, false});
  }

  static std::string names_of(const std::vector<AttachedProcess>& processes) {
    std::string names;
    for (const AttachedProcess& p : processes)
      names += (names.empty() ? "" : ", ") + p.command + " " + std::to_string(p.pid);
    return names;
  }

  void look_at_rights(const std::string& name, const std::string& path) {
    struct stat about {};
    if (::stat(path.c_str(), &about) != 0) return;
    if ((about.st_mode & S_IWOTH) != 0)
      trouble(name, "everybody may write to it", "chmod o-w " + path);
    if (about.st_uid != ::geteuid() && about.st_uid != 0 && ::geteuid() != 0)
      note(name,
           "it belongs to another user; programs of this one open it with "
           "SegmentOptions::any_owner only",
           "");
  }

  void look_at_room(const std::string& name, const lagoon::Segment& segment) {
    const double used = static_cast<double>(segment.used());
    if (used < 0.9 * static_cast<double>(segment.capacity())) return;
    trouble(name,
            "it is nearly full: " + in_units(segment.used()) +
                " are in use, and it cannot grow "
                "over " +
                in_units(segment.capacity()) +
                ": making and growing objects will throw "
                "OutOfMemory",
            "make it anew with a larger SegmentOptions::reserve, or erase objects");
  }

  void look_at(const std::string& where, const Inspection& object,
               const std::vector<AttachedProcess>& processes) {
    const bool is_waited_for = object.has_waiters();
    if (const auto holder = object.holder()) {
      const std::uint32_t thread = holder->thread;
      const auto pid = static_cast<pid_t>(thread);
      if (holder->is_dead)
        note(where,
             "it was held by " + (thread == 0 ? "one" : std::to_string(thread)) +
                 " who is dead; whoever comes next takes over",
             "");
      else if (process_of(thread, processes) != nullptr && is_stopped(pid))
        trouble(where,
                "it is held by " + name_of(thread, processes) + ", which is stopped" +
                    (is_waited_for ? ", and others wait for it" : ""),
                "let that go on (kill -CONT " + std::to_string(thread) +
                    "), or end it: then others take over");
    }
    if (object.owner_died())
      trouble(where,
              "an owner of it died, and what it guards may be half-done: nobody has said since "
              "that it is in order again",
              "the program that has it mends what it guards, and says mark_consistent()");
  }

  /// Who opens a segment takes over from the dead what they had begun to change of containers, and
  /// lets their memory be used again.
  void repair(const std::string& name) try {
    const auto segment = lagoon::Segment::open(name, options_);
    segment.acknowledge_erased();
  } catch (const std::exception& error) {
    trouble(name, std::string("it cannot be repaired: ") + error.what(), "");
  }

  lagoon::SegmentOptions options_;
  bool repairs_;
  std::vector<Examined> examined_;
  std::vector<Finding> findings_;
};

std::string text_of(const std::vector<Finding>& findings) {
  std::string text;
  for (const Finding& finding : findings) {
    text += (finding.is_trouble ? "trouble  " : "note     ") + printable(finding.where) + ": " +
            printable(finding.what) + "\n";
    if (!finding.advice.empty()) text += "         → " + printable(finding.advice) + "\n";
  }
  return text;
}

std::string json_of(const std::vector<Finding>& findings) {
  auto all = Json::array();
  for (const Finding& finding : findings)
    all.push_back({{"where", finding.where},
                   {"what", finding.what},
                   {"advice", finding.advice},
                   {"is_trouble", finding.is_trouble}});
  return dumped(all);
}

}  // namespace

int doctor(int argc, char** argv) {
  std::vector<std::string> names;
  lagoon::SegmentOptions options;
  bool repairs = false, as_json = false;
  CLI::App app{
      "What is wrong with segments, or soon may be: who holds something and is stopped or dead, "
      "who waits for one another in a circle, who died with a lock, what is nearly full, what "
      "cannot be opened, what everybody may write to, "
      "what nobody has open. Looks only, without --repair. Exits with 1 if it has found trouble."};
  app.name("lagoon doctor");
  app.add_option("NAME", names, "of a segment; without any, all");
  app.add_option("--directory", options.directory, "where segments lie")->capture_default_str();
  app.add_flag(
      "--repair", repairs,
      "first takes over what the dead were changing of dicts, lists and namespaces, as who comes "
      "next would, and lets their memory be used again. Removes nothing");
  app.add_flag("--json", as_json, "for programs");
  if (const auto code = answered(app, argc, argv)) return *code;
  try {
    Doctor doctor(options, repairs);
    doctor.look_at_directory();
    const auto all = names.empty() ? lagoon::Segment::list(options) : names;
    for (const std::string& name : all) {
      if (!lagoon::Segment::exists(name, options))
        throw lagoon::NotFound("there is no segment '" + name + "' that this user may read in " +
                               options.directory + " (lagoon ls says which there are)");
      doctor.examine(name);
    }
    doctor.look_for_deadlocks();
    const auto& findings = doctor.findings();
    if (as_json)
      write_out(json_of(findings));
    else if (findings.empty())
      write_out(counted(all.size(), "segment") + " looked at: nothing is wrong\n");
    else
      write_out(text_of(findings));
    return std::any_of(findings.begin(), findings.end(),
                       [](const Finding& finding) { return finding.is_trouble; })
               ? 1
               : 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "lagoon doctor: %s\n", printable(error.what()).c_str());
    return 1;
  }
}

}  // namespace tool
