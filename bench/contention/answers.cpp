#include "answers.hpp"

#include <algorithm>

#include "curves.hpp"

namespace contention {
namespace {

/// "Array seqlocked, 3.1 × the next (pthread mutex)"
std::string winner_text(const Verdict& verdict) {
  if (verdict.winner == nullptr) return "nobody without starving somebody";
  if (verdict.next == nullptr) return verdict.winner->strategy;
  if (verdict.level) return verdict.winner->strategy + " and " + verdict.next->strategy + " level";
  return verdict.winner->strategy + ", " + ratio_text(verdict.ratio) + " the next (" +
         verdict.next->strategy + ")";
}

/// Whose operations wait least, of those who may win.
std::string tail_text(const Results& results, const Place& place) {
  const Row* best = nullptr;
  for (const Row* row : results.at(place)) {
    if (!unfit(*row).empty()) continue;
    if (best == nullptr || row->median().p999_ns < best->median().p999_ns) best = row;
  }
  if (best == nullptr) return {};
  return "; shortest waits: " + best->strategy + ", 99.9 % within " +
         time_text(best->median().p999_ns);
}

/// Who goes on when the writer does not, and how.
std::string survivors_text(const Results& results, const Place& place) {
  std::vector<std::string> whole, later, torn, ended, never, unwritten;
  for (const Row* row : results.at(place)) {
    const Outcome figures = row->median();
    auto& group = figures.writer_due == 0                              ? unwritten
                  : figures.dead_ended > 0                             ? ended
                  : figures.dead_stalled > 0                           ? never
                  : figures.torn > 0 || row->family == Family::control ? torn
                  : figures.stopped_stalled > 0                        ? later
                                                                       : whole;
    group.push_back(row->strategy);
  }
  std::string text;
  const auto tell = [&](const char* what, const std::vector<std::string>& names) {
    if (names.empty()) return;
    text += text.empty() ? "" : "; ";
    for (std::size_t i = 0; i < names.size(); ++i) text += (i == 0 ? "" : ", ") + names[i];
    text += std::string(": ") + what;
  };
  tell("all go on, and read what is whole", whole);
  tell("all wait while it is stopped, and go on when it is dead", later);
  tell("some read half a write", torn);
  tell("some end with an error when it is dead", ended);
  tell("some wait for ever", never);
  tell("the writer never comes to write", unwritten);
  return text;
}

}  // namespace

Answer answer_to(const Asked& asked, const Results& results) {
  if (asked.question.asks_for_growth) return {0, lines_of(curves_of(results, asked), results)};
  Answer answer;
  for (const Workload& workload : results.workloads_of(asked))
    answer.children = std::max(answer.children, results.spotlight(asked, workload));
  for (const Workload& workload : results.workloads_of(asked)) {
    const Place place{workload, results.spotlight(asked, workload)};
    std::string says = workload.operation == Operation::outlive
                           ? survivors_text(results, place)
                           : winner_text(results.verdict(place));
    if (asked.question.asks_for_waits) says += tail_text(results, place);
    std::string title = title_of(workload);
    if (place.children != answer.children) title += " (" + processes_text(place.children) + ")";
    answer.lines.emplace_back(std::move(title), std::move(says));
  }
  return answer;
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
  return processes_text(answer.children) + text + ".";
}

}  // namespace contention
