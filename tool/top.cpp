#include <lagoon/error.hpp>
#include <lagoon/inspection.hpp>
#include <lagoon/segment.hpp>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "attached.hpp"
#include "command_line.hpp"
#include "commands.hpp"
#include "json.hpp"
#include "text.hpp"

namespace tool {

namespace {

using lagoon::Inspection;
using Clock = std::chrono::steady_clock;

/// One object, looked at many times.
class Watched {
 public:
  Watched(const lagoon::Segment::Entry& entry, Inspection object)
      : name_(entry.name),
        object_(std::move(object)),
        first_(object_.changes()),
        last_(first_),
        number_(number_in(object_)) {}

  void look() try {
    ++looks_;
    last_ = object_.changes();
    if (const auto holder = object_.holder()) {
      ++held_;
      ++holders_[holder->thread];
      if (holder->is_dead && std::exchange(dead_, holder->thread) != holder->thread) ++deaths_;
    }
    if (object_.has_waiters()) ++waited_;
    Inspection::Waits waits = object_.waits();
    if (waits_) {
      // Others may have taken the place of what was counted there.
      contended_ += waits.waited - std::min(waits.waited, waits_->waited);
      retries_ += waits.read_again - std::min(waits.read_again, waits_->read_again);
    }
    waits_ = std::move(waits);
    if (first_) return;
    const auto print = fingerprint();
    if (print_ && print && print != print_) ++others_seen_;
    print_ = print;
  } catch (const lagoon::Gone&) {  // it is left out of the report
  }

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] std::string type() const { return object_.type(); }
  [[nodiscard]] bool gone() const { return object_.gone(); }
  [[nodiscard]] std::string text() const try {
    return object_.text();
  } catch (const std::exception& error) {  // erased just now; or what lies behind another lock
    return error.what();
  }
  /// How often it was changed; of what does not count that, how often it was seen to be another;
  /// nothing of what there is nothing to see of, or too much.
  [[nodiscard]] std::optional<std::uint64_t> changes() const {
    if (first_) return last_ ? std::optional(*last_ - *first_) : std::nullopt;
    return print_ ? std::optional(others_seen_) : std::nullopt;
  }
  [[nodiscard]] bool are_all_changes() const { return first_.has_value(); }
  /// Of a whole number, how much more it is than at first.
  [[nodiscard]] std::optional<double> growth() const try {
    if (!number_) return std::nullopt;
    const auto now = number_in(object_);
    return now ? std::optional(*now - *number_) : std::nullopt;
  } catch (const lagoon::Gone&) {
    return std::nullopt;
  }
  /// In percent of the looks.
  [[nodiscard]] double held() const { return percent(held_); }
  [[nodiscard]] double waited() const { return percent(waited_); }
  [[nodiscard]] std::uint64_t deaths() const noexcept { return deaths_; }
  [[nodiscard]] std::uint64_t contended() const noexcept { return contended_; }
  [[nodiscard]] std::uint64_t retries() const noexcept { return retries_; }
  /// Threads that wait for it, at the last look.
  [[nodiscard]] std::vector<std::uint32_t> waiting() const {
    std::vector<std::uint32_t> threads;
    if (waits_)
      for (const auto& waiter : waits_->waiting) threads.push_back(waiter.thread);
    return threads;
  }
  /// Who had it most often.
  [[nodiscard]] std::optional<std::uint32_t> holder() const {
    const auto most =
        std::max_element(holders_.begin(), holders_.end(),
                         [](const auto& a, const auto& b) { return a.second < b.second; });
    return most == holders_.end() ? std::nullopt : std::optional(most->first);
  }

 private:
  static std::optional<double> number_in(const Inspection& object) try {
    if (!object.is_value() || object.changes()) return std::nullopt;
    const lagoon::Object x = object.value();
    return x.kind() == lagoon::Object::Kind::integer ? std::optional(x.get<double>())
                                                     : std::nullopt;
  } catch (const lagoon::TypeMismatch&) {  // it lies behind another lock
    return std::nullopt;
  }
  /// Of what it holds: of an array, if it is not too long. Nothing of what holds nothing that can
  /// be seen.
  [[nodiscard]] std::optional<std::size_t> fingerprint() const try {
    constexpr std::size_t longest = 1024;
    if (object_.is_value()) return object_.value().hash();
    if (!object_.has_elements() || object_.size() > longest) return std::nullopt;
    std::size_t print = 0;
    for (const lagoon::Object& x : object_.elements()) print = print * 31 + x.hash();
    return print;
  } catch (const lagoon::TypeMismatch&) {
    return std::nullopt;
  }
  [[nodiscard]] double percent(std::uint64_t n) const {
    return looks_ == 0 ? 0 : 100.0 * static_cast<double>(n) / static_cast<double>(looks_);
  }

  std::string name_;
  Inspection object_;
  std::optional<std::uint64_t> first_, last_;
  std::optional<double> number_;
  std::optional<Inspection::Waits> waits_;
  std::uint64_t looks_ = 0, held_ = 0, waited_ = 0, deaths_ = 0, others_seen_ = 0;
  std::uint64_t contended_ = 0, retries_ = 0;
  std::optional<std::size_t> print_;
  std::map<std::uint32_t, std::uint64_t> holders_;
  std::optional<std::uint32_t> dead_;  // the last one
};

struct Report {
  std::vector<Watched> objects;  // the busiest first
  double seconds = 0;
  std::size_t looks = 0, size = 0, used = 0;
  std::vector<AttachedProcess> processes;
};

Report report_of(const std::string& name, const lagoon::SegmentOptions& options,
                 std::chrono::duration<double> interval) {
  constexpr auto between = std::chrono::milliseconds(10);
  // Each time anew: it may have been removed, and another made.
  const auto segment = lagoon::Segment::open_read_only(name, options);
  Report report;
  for (const auto& entry : segment.objects()) try {
      if (auto object = Inspection::of(segment, entry.name))
        report.objects.emplace_back(entry, *std::move(object));
    } catch (const lagoon::Gone&) {  // erased meanwhile
    }
  const auto begin = Clock::now();
  auto now = begin;
  for (auto next = begin;;) {
    for (Watched& object : report.objects) object.look();
    ++report.looks;
    now = Clock::now();
    if (now - begin >= interval) break;
    next = std::max(next + between, now);
    std::this_thread::sleep_until(next);
  }
  report.seconds = std::chrono::duration<double>(now - begin).count();
  std::erase_if(report.objects, [](const Watched& object) { return object.gone(); });
  std::sort(report.objects.begin(), report.objects.end(), [](const Watched& a, const Watched& b) {
    return std::pair(b.changes().value_or(0), a.name()) <
           std::pair(a.changes().value_or(0), b.name());
  });
  report.size = segment.size();
  report.used = segment.used();
  report.processes = processes_attached_to({options.directory + "/" + name})[0];
  return report;
}

std::string in_words(double rate) {
  std::array<char, 32> text{};
  if (rate >= 1e6)
    std::snprintf(text.data(), text.size(), "%.1f M", rate / 1e6);
  else if (rate >= 1e4)
    std::snprintf(text.data(), text.size(), "%.0f k", rate / 1e3);
  else
    std::snprintf(text.data(), text.size(), rate >= 10 || rate == 0 ? "%.0f" : "%.1f", rate);
  return text.data();
}

std::string percent(double x) {
  if (x == 0) return "-";
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), x < 1 ? "<1%%" : "%.0f%%", x);
  return text.data();
}

std::string name_of_holder(std::optional<std::uint32_t> holder,
                           const std::vector<AttachedProcess>& processes) {
  if (!holder) return "-";
  if (*holder == 0) return "one who is dead";
  return printable(name_of(*holder, processes));
}

std::string rate_of(const Watched& object, double seconds) {
  const auto changes = object.changes();
  if (!changes) return "-";
  return (object.are_all_changes() || *changes == 0 ? "" : "≥ ") +
         in_words(static_cast<double>(*changes) / seconds);
}

std::string rate_of(std::uint64_t times, double seconds) {
  return times == 0 ? "-" : in_words(static_cast<double>(times) / seconds);
}

std::string value_of(const Watched& object, double seconds) {
  const std::string value = shortened(printable(object.text()), 40);
  const double growth = object.growth().value_or(0);
  if (growth == 0) return value;
  return value + (growth < 0 ? " (-" : " (+") + in_words(std::abs(growth) / seconds) + "/s)";
}

std::string text_of(const std::string& name, const Report& report) {
  std::string text = printable(name) + ": " + in_units(report.used) + " in use of " +
                     in_units(report.size) + ", " + counted(report.objects.size(), "object") +
                     ", " + std::to_string(report.processes.size()) +
                     (report.processes.size() == 1 ? " process" : " processes") + "; " +
                     counted(report.looks, "look") + " in " + in_words(report.seconds) + " s\n";
  using Align = Table::Align;
  Table table({{"OBJECT"},
               {"TYPE"},
               {"CHANGES/s", Align::right},
               {"CONTENDED/s", Align::right},
               {"RETRIES/s", Align::right},
               {"HELD", Align::right},
               {"WAITED", Align::right},
               {"WAITERS", Align::right},
               {"DEATHS", Align::right},
               {"HOLDER"},
               {"VALUE"}});
  for (const Watched& object : report.objects) {
    const auto holder = object.holder();
    table.add({printable(object.name()), shortened(printable(object.type()), 40),
               rate_of(object, report.seconds), rate_of(object.contended(), report.seconds),
               rate_of(object.retries(), report.seconds), percent(object.held()),
               percent(object.waited()),
               object.waiting().empty() ? "-" : std::to_string(object.waiting().size()),
               object.deaths() == 0 ? "-" : std::to_string(object.deaths()),
               name_of_holder(holder, report.processes), value_of(object, report.seconds)});
  }
  return text + table.text();
}

std::string json_of(const std::string& name, const Report& report) {
  auto objects = Json::array();
  for (const Watched& object : report.objects) {
    Json one{{"name", object.name()},
             {"type", object.type()},
             {"are_all_changes", object.are_all_changes()},
             {"held_percent", object.held()},
             {"waited_percent", object.waited()},
             {"contended", object.contended()},
             {"retries", object.retries()},
             {"waiting", object.waiting()},
             {"deaths", object.deaths()},
             {"value", object.text()}};
    if (const auto changes = object.changes()) one["changes"] = *changes;
    if (const auto holder = object.holder()) one["holder"] = *holder;
    objects.push_back(std::move(one));
  }
  auto processes = Json::array();
  for (const AttachedProcess& p : report.processes)
    processes.push_back({{"pid", p.pid}, {"command", p.command}});
  return dumped({{"name", name},
                 {"seconds", report.seconds},
                 {"looks", report.looks},
                 {"size", report.size},
                 {"used", report.used},
                 {"processes", processes},
                 {"objects", objects}});
}

}  // namespace

int top(int argc, char** argv) {
  std::string name;
  lagoon::SegmentOptions options;
  options.any_owner = true;
  double seconds = 1;
  std::size_t times = 0;
  bool as_json = false;
  CLI::App app{
      "What is done with the objects of a segment, the busiest first: how often each is changed, "
      "who holds it, and whether others wait.\n"
      "It looks from outside, a hundred times a second, and costs those who work with them "
      "nothing: what is counted they count anyway. Numbers, arrays in mode atomic and raw, and "
      "what "
      "is behind a lock count no changes: of these it shows how often it has seen another value "
      "(≥), "
      "and of whole numbers how much they have grown. CONTENDED is how often somebody waited until "
      "another gave it back, RETRIES how often who read a struct or an array was overtaken by "
      "writers "
      "and read again: both at least so often, since a thread counts seven things at a time, and "
      "who only reads, in a thread that has made no handle there, counts nothing. HELD and WAITED "
      "are the share of looks at which "
      "somebody held it, or slept until he might; WAITERS the threads that waited for another to "
      "give "
      "it back at the last look; DEATHS the dead that were seen to hold it, until the next took "
      "over."};
  app.name("lagoon top");
  app.add_option("NAME", name, "of a segment")->required();
  app.add_option("--directory", options.directory, "where segments lie")->capture_default_str();
  app.add_option("--interval", seconds, "in seconds")
      ->check(seconds_validator())
      ->capture_default_str();
  app.add_option("--times", times, "reports, and then no more; 0: until it is ended")
      ->check(not_negative())
      ->capture_default_str();
  app.add_flag("--json", as_json, "for programs");
  if (const auto code = answered(app, argc, argv)) return *code;
  try {
    // What it shows takes the time that is between two reports.
    repeat(std::chrono::duration<double>(0), times, [&] {
      const Report report = report_of(name, options, std::chrono::duration<double>(seconds));
      return as_json ? json_of(name, report) : text_of(name, report);
    });
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "lagoon top: %s\n", printable(error.what()).c_str());
    return 1;
  }
}

}  // namespace tool
