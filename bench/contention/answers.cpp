#include "answers.hpp"

#include <algorithm>
#include <optional>

#include "curves.hpp"

namespace contention {
namespace {

/// "Array seqlocked, 3.1 × the next (pthread mutex)"
std::string winner_text(const Verdict& verdict) {
  if (verdict.winner == nullptr) return "nobody without starving somebody";
  if (verdict.next == nullptr) return verdict.winner->strategy;
  if (verdict.is_level()) {
    constexpr std::size_t named = 4;
    const std::size_t more = verdict.level.size() > named ? verdict.level.size() - named : 0;
    std::string text = verdict.winner->strategy;
    for (std::size_t i = 0; i + more < verdict.level.size(); ++i)
      text += (more == 0 && i + 1 == verdict.level.size() ? " and " : ", ") +
              verdict.level[i]->strategy;
    return text + (more != 0 ? " and " + std::to_string(more) + " more level" : " level");
  }
  return verdict.winner->strategy + ", " + ratio_text(verdict.ratio) + " the next (" +
         verdict.next->strategy + ")";
}

/// Whose operations wait least, of those who may win.
std::string waits_text(const Results& results, const Place& place) {
  const Row* best = nullptr;
  for (const Row* row : results.at(place)) {
    if (!unfit(*row).empty() || row->median().samples < 1000) continue;
    if (best == nullptr || row->median().p999_ns < best->median().p999_ns) best = row;
  }
  if (best == nullptr) return {};
  return "; shortest waits: " + best->strategy + ", 99.9 % within " +
         time_text(best->median().p999_ns);
}

/// Who goes on when the writer does not, and how: a line for each way.
void add_survivors(Answer& to, const Results& results, const Place& place,
                   const std::string& title) {
  std::vector<std::string> whole, later, handed, torn, ended, never, unwritten;
  for (const Row* row : results.at(place)) {
    const Outcome figures = row->median();
    auto& group = figures.writer_due == 0                           ? unwritten
                  : figures.dead_ended > 0                          ? ended
                  : figures.dead_stalled > 0                        ? never
                  : row->family == Family::control                  ? torn
                  : figures.torn > 0 && figures.stopped_stalled > 0 ? handed
                  : figures.torn > 0                                ? torn
                  : figures.stopped_stalled > 0                     ? later
                                                                    : whole;
    group.push_back(row->strategy);
  }
  const auto tell = [&](const char* what, const std::vector<std::string>& names) {
    if (names.empty()) return;
    std::string text;
    for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
    to.lines.emplace_back(title + what, std::move(text));
  };
  tell("All go on, and read what is whole", whole);
  tell("All wait while it is stopped, and go on when it is dead", later);
  tell(
      "All wait while it is stopped; when it is dead, who takes the lock is told so, and finds "
      "half a write",
      handed);
  tell("Some read half a write, and are not told", torn);
  tell("Some end with an error when it is dead", ended);
  tell(results.is_disturbed()
           ? "Some did nothing more while this looked: they wait for ever, or had no processor"
           : "Some wait for ever",
       never);
  tell("The writer never came to write", unwritten);
}

/// What the readers' winner leaves to the writer.
std::string writer_text(const Results& results, const Place& place) {
  const Verdict verdict = results.verdict(place);
  if (place.workload.operation != Operation::read || verdict.winner == nullptr) return {};
  const Outcome figures = verdict.winner->median();
  const std::string whose = verdict.is_level() ? " (" + verdict.winner->strategy + ")" : "";
  if (place.workload.is_paced())
    return "; half of the writes are done within " + time_text(figures.write_p50_ns) +
           " of when they were due" + whose;
  return "; the writer writes " + rate_text(figures.writes_per_s) + " times a second" + whose;
}

/// Whether others go on when one is killed in the midst of a write, as a robust lock lets them;
/// readers also when it is stopped, and with what is whole.
bool goes_on(const Row& outlived, bool as_readers) {
  if (as_readers) return unfit(outlived).empty();
  const Outcome figures = outlived.median();
  const bool is_told = figures.torn <= 0 || figures.stopped_stalled > 0;
  return outlived.family != Family::control && is_told && figures.dead_stalled <= 0 &&
         figures.dead_ended <= 0;
}

/// Of those that go on beside the dead, as far as that was measured: the best, if the winner is
/// known to be none of them.
std::string survivor_text(const Results& results, const Place& place) {
  const bool as_readers = place.workload.operation == Operation::read;
  const Verdict verdict = results.verdict(place);
  const auto outlives = [&](const std::string& strategy) -> std::optional<bool> {
    std::optional<bool> does;
    for (const Row& row : results.rows) {
      if (row.workload.operation == Operation::outlive && row.strategy == strategy)
        does = does.value_or(true) && goes_on(row, as_readers);
    }
    return does;
  };
  if (verdict.winner == nullptr || outlives(verdict.winner->strategy).value_or(true)) return {};
  const Row* best = nullptr;
  for (const Row* row : results.at(place)) {
    if (!unfit(*row).empty() || !outlives(row->strategy).value_or(false)) continue;
    if (best == nullptr || row->median().operations_per_s > best->median().operations_per_s)
      best = row;
  }
  if (best == nullptr) return {};
  return (as_readers ? "; of those whose readers go on when the writer is stopped or killed: "
                     : "; who is killed in " + verdict.winner->strategy +
                           " stops all others; of those that go on: ") +
         best->strategy + ", " +
         two_digits(best->median().operations_per_s / verdict.winner->median().operations_per_s) +
         " of that";
}

}  // namespace

Answer answer_to(const Asked& asked, const Results& results) {
  if (asked.question.asks_for_growth)
    return {0, false, lines_of(curves_of(results, asked), results)};
  Answer answer;
  answer.are_readers = all_are_readers(asked);
  for (const Workload& workload : results.workloads_of(asked))
    answer.children = std::max(answer.children, results.spotlight(asked, workload));
  for (const Workload& workload : results.workloads_of(asked)) {
    const Place place{workload, results.spotlight(asked, workload)};
    if (workload.operation == Operation::outlive) {
      const bool is_one_of_several = results.workloads_of(asked).size() > 1;
      add_survivors(answer, results, place,
                    is_one_of_several ? bytes_text(8 * workload.doubles) + ": " : "");
      continue;
    }
    std::string says = winner_text(results.verdict(place)) + writer_text(results, place) +
                       survivor_text(results, place);
    if (asked.question.asks_for_waits) says += waits_text(results, place);
    std::string title = title_of(workload);
    if (place.children != answer.children) title += " (" + crew_text(place) + ")";
    answer.lines.emplace_back(std::move(title), std::move(says));
  }
  return answer;
}

std::string crew_text(int children, bool are_readers) {
  if (!are_readers || children == 0) return processes_text(children);
  return std::to_string(children) + (children == 1 ? " reader" : " readers");
}

std::string crew_text(const Place& place) {
  return crew_text(place.children, place.workload.has_writer());
}

bool all_are_readers(const Asked& asked) {
  return std::all_of(asked.places.begin(), asked.places.end(),
                     [](const Place& place) { return place.workload.has_writer(); });
}

std::string processes_text(int children) {
  if (children == 0) return "More and more";
  return std::to_string(children) + (children == 1 ? " process" : " processes");
}

std::string text_of(const Answer& answer) {
  if (answer.lines.empty()) return {};
  std::string text;
  for (const auto& [workload, says] : answer.lines)
    text.append(text.empty() ? ". " : "; ").append(workload).append(": ").append(says);
  return crew_text(answer.children, answer.are_readers) + text + ".";
}

}  // namespace contention
