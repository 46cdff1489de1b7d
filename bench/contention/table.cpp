/// The table that the terminal shows; and the one for other programs.

#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

#include "results.hpp"

namespace contention {
namespace {

/// Columns seen, not bytes: µ and × are two bytes each.
std::size_t width_of(const std::string& text) {
  std::size_t width = 0;
  for (const char c : text) width += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  return width;
}

std::string right(const std::string& text, std::size_t width) {
  const auto used = width_of(text);
  return (used < width ? std::string(width - used, ' ') : std::string()) + text;
}

std::string left(const std::string& text, std::size_t width) {
  const auto used = width_of(text);
  return text + (used < width ? std::string(width - used, ' ') : std::string());
}

std::string outlive_header() {
  return left("  strategy", 28) + right("reads/s", 9) + right("stopped", 10) + right("stalled", 9) +
         right("killed", 10) + right("stalled", 9) + right("ended", 8) + right("recovery", 10) +
         right("torn", 9) + "\n";
}

std::string outlive_line(const Row& row) {
  const Outcome figures = row.median();
  const auto stalled = [](double children) {
    return children == 0 ? std::string("-") : rate_text(children);
  };
  return left(std::string("  ").append(row.strategy), 28) +
         right(rate_text(figures.operations_per_s), 9) +
         right(rate_text(figures.stopped_reads_per_s), 10) +
         right(stalled(figures.stopped_stalled), 9) +
         right(rate_text(figures.dead_reads_per_s), 10) + right(stalled(figures.dead_stalled), 9) +
         right(stalled(figures.dead_ended), 8) +
         right(figures.dead_stalled > 0  ? "never"
               : figures.recovery_ns > 0 ? time_text(figures.recovery_ns)
                                         : "-",
               10) +
         right(figures.torn == 0 ? "-" : rate_text(figures.torn), 9) + "\n";
}

std::string header(const Results& results, const Workload& workload) {
  std::string text = left("  strategy", 28) + right("ops/s", 9) +
                     (results.repetitions > 1 ? right("low … high", 20) : std::string()) +
                     right("× peer", 9) + right("ns/op", 10) + right("p50", 9) + right("p99", 9) +
                     right("p99.9", 9) + right("max", 9) + right("Jain", 6) + right("least", 9) +
                     right("of fair", 8) + right("CPU/Mop", 9);
  if (workload.has_writer())
    text += right("again", 9) + right("writer/s", 10) + right("write 99.9", 12);
  return text + "\n";
}

std::string line_of(const Results& results, const Row& row, double best_peer) {
  const Outcome figures = row.median();
  const auto [low, high] = row.spread();
  std::string text = left(std::string("  ").append(row.strategy), 28) +
                     right(rate_text(figures.operations_per_s), 9);
  if (results.repetitions > 1) text += right(rate_text(low) + " … " + rate_text(high), 20);
  text += right(best_peer > 0 ? two_digits(figures.operations_per_s / best_peer) : "-", 9) +
          right(time_text(figures.ns_per_operation), 10) + right(time_text(figures.p50_ns), 9) +
          right(tail_text(figures, figures.p99_ns, 0.99), 9) +
          right(tail_text(figures, figures.p999_ns, 0.999), 9) +
          right(time_text(figures.longest_ns), 9) + right(two_digits(figures.jain), 6) +
          right(rate_text(figures.least_operations_per_s), 9) +
          right(two_digits(figures.least_share), 8) +
          right(two_digits(figures.cpu_s_per_million) + " s", 9);
  if (row.workload.has_writer()) {
    text += right(two_digits(figures.retries_per_read), 9) +
            right(rate_text(figures.writes_per_s), 10) +
            right(time_text(figures.write_p999_ns), 12);
  }
  if (figures.torn > 0) text.append("  ").append(rate_text(figures.torn)).append(" TORN");
  if (figures.lost > 0) text.append("  ").append(rate_text(figures.lost)).append(" LOST");
  if (const auto reason = unfit(row); !reason.empty()) {
    text.append("  (").append(reason).append(")");
  }
  return text.append("\n");
}

std::string winner_of(const Results& results, const Place& place) {
  const Verdict verdict = results.verdict(place);
  if (verdict.winner == nullptr) return {};
  std::string text =
      right(std::to_string(place.children), 5) + "  " + left(verdict.winner->strategy, 26);
  if (verdict.is_level()) {
    text += "level with ";
    for (const Row* row : verdict.level)
      text += (row == verdict.level.front() ? "" : ", ") + row->strategy;
  } else if (verdict.next != nullptr) {
    text += right(ratio_text(verdict.ratio), 7) + "  the next, " + verdict.next->strategy;
  }
  return text + "\n";
}

}  // namespace

std::string table_of(const Results& results) {
  std::string text, winners;
  std::vector<Workload> shown;  // some answer more than one question
  for (const Asked& asked : results.asked) {
    for (const Workload& workload : results.workloads_of(asked)) {
      if (std::find(shown.begin(), shown.end(), workload) != shown.end()) continue;
      shown.push_back(workload);
      const bool has_winners =
          workload.operation != Operation::outlive && !asked.question.asks_for_growth;
      if (has_winners) winners.append("\n").append(title_of(workload)).append(": who wins\n");
      for (const int children : results.children_of(workload)) {
        const Place place{workload, children};
        text.append("\n").append(title_of(workload)).append(", ").append(std::to_string(children));
        text.append(children == 1 ? " child\n" : " children\n");
        const bool outlives = workload.operation == Operation::outlive;
        text += outlives ? outlive_header() : header(results, workload);
        const double best = results.best_peer(place);
        for (const auto& name : results.strategies_of(workload)) {
          const Row* row = results.find(place, name);
          if (row != nullptr) text += outlives ? outlive_line(*row) : line_of(results, *row, best);
        }
        if (has_winners) winners += winner_of(results, place);
      }
    }
  }
  text += winners;
  if (!results.skipped.empty()) text.append("\n");
  for (const auto& skipped : results.skipped) {
    text.append("not measured: ").append(skipped).append("\n");
  }
  for (const auto& warning : results.warnings()) text.append("\n").append(warning).append("\n");
  return text;
}

std::string csv_of(const Results& results) {
  std::ostringstream csv;
  csv << "workload,strategy,children,run,ops_per_s,ns_per_op,p50_ns,p99_ns,p99.9_ns,max_ns,samples,"
         "jain,least_ops_per_s,least_share,torn,lost,cpu_s_per_million_ops,writes_per_s,retries_"
         "per_read,"
         "write_p50_ns,write_p99.9_ns,stopped_reads_per_s,stopped_stalled,dead_reads_per_s,"
         "dead_stalled,dead_ended,recovery_ns\n";
  for (const Row& row : results.rows) {
    int number = 0;
    for (const Outcome& run : row.runs) {
      csv << key_of(row.workload) << ',' << row.strategy << ',' << row.children << ',' << ++number;
      for (const double figure : {run.operations_per_s,
                                  run.ns_per_operation,
                                  run.p50_ns,
                                  run.p99_ns,
                                  run.p999_ns,
                                  run.longest_ns,
                                  run.samples,
                                  run.jain,
                                  run.least_operations_per_s,
                                  run.least_share,
                                  run.torn,
                                  run.lost,
                                  run.cpu_s_per_million,
                                  run.writes_per_s,
                                  run.retries_per_read,
                                  run.write_p50_ns,
                                  run.write_p999_ns,
                                  run.stopped_reads_per_s,
                                  run.stopped_stalled,
                                  run.dead_reads_per_s,
                                  run.dead_stalled,
                                  run.dead_ended,
                                  run.recovery_ns}) {
        csv << ',' << figure;
      }
      csv << '\n';
    }
  }
  return csv.str();
}

}  // namespace contention
