/// The report: one HTML page, no script, no resource beside it.

#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "answers.hpp"
#include "curves.hpp"
#include "page_method.hpp"
#include "page_style.hpp"
#include "plot.hpp"
#include "results.hpp"

namespace contention {
namespace {

std::string tip(const Row& row) {
  const Outcome figures = row.median();
  std::string text = row.strategy + ", " + crew_text({row.workload, row.children}) + ": " +
                     rate_text(figures.operations_per_s) + " ops/s, p50 " +
                     time_text(figures.p50_ns) + ", p99.9 " +
                     tail_text(figures, figures.p999_ns, 0.999) + ", longest " +
                     time_text(figures.longest_ns) + ", Jain " + two_digits(figures.jain);
  if (row.workload.has_writer()) {
    text += ", writer " + rate_text(figures.writes_per_s) + "/s";
  }
  const auto reason = unfit(row);
  return reason.empty() ? text : text + " (" + reason + ")";
}

/// A name that may be broken where it has a dot, in the narrow cells of the first table.
std::string breakable(const std::string& name) {
  std::string out = escaped(name);
  if (const auto dot = out.find('.'); dot != std::string::npos) out.insert(dot + 1, "<wbr>");
  return out;
}

/// Who won there, as a cell of the first table.
std::string winner_cell(const Results& results, const Place& place) {
  const Verdict verdict = results.verdict(place);
  const auto cell = [&](const std::string& colours, const std::string& inside) {
    return "<td class=\"cell\" data-children=\"" + crew_text(place) + "\" style=" + colours + ">" +
           inside + "</td>";
  };
  if (verdict.winner == nullptr) return cell(unfit_paint(), "&ndash;");
  const Family family = verdict.winner->family;
  const std::string name = "<b>" + breakable(verdict.winner->strategy) + "</b> ";
  if (verdict.next == nullptr) return cell(tint(family, 0.3), name + "alone");
  const std::string next = breakable(verdict.next->strategy) + "</small>";
  if (verdict.is_level()) {
    bool same = true;
    std::string others;
    for (std::size_t i = 0; i < verdict.level.size(); ++i) {
      same = same && verdict.level[i]->family == family;
      constexpr std::size_t named = 3;
      if (i < named) others += (i == 0 ? "" : ", ") + breakable(verdict.level[i]->strategy);
      if (i == named) others += " and " + std::to_string(verdict.level.size() - named) + " more";
    }
    return cell(same ? tint(family, 0.25) : level_paint(),
                name + "<span class=\"ratio\">level</span> <small>with " + others + "</small>");
  }
  // 1.05 times is pale, ten times and more is strong.
  return cell(tint(family, 0.22 + 0.78 * std::log10(verdict.ratio)),
              name + "<span class=\"ratio\">" + ratio_text(verdict.ratio) +
                  "</span> <small>the next, " + next);
}

/// One line for each workload of the question, a column for each number of children.
std::string winners(const Results& results, const Asked& asked) {
  std::set<int> counts;
  for (const Place& place : asked.places)
    if (!results.at(place).empty()) counts.insert(place.children);
  std::string out = "<div class=\"scroll\"><table class=\"winners\"><thead><tr><th></th>";
  const bool are_readers = all_are_readers(asked);
  for (const int children : counts) out += "<th>" + crew_text(children, are_readers) + "</th>";
  out += "</tr></thead><tbody>";
  for (const Workload& workload : results.workloads_of(asked)) {
    out += "<tr><th>" + escaped(title_of(workload)) + "</th>";
    for (const int children : counts) {
      const Place place{workload, children};
      const auto& places = asked.places;
      const bool is_there = std::find(places.begin(), places.end(), place) != places.end() &&
                            !results.at(place).empty();
      out += is_there ? winner_cell(results, place) : "<td></td>";
    }
    out += "</tr>";
  }
  return out + "</tbody></table></div>";
}

using Figure = double Outcome::*;

/// A strategy's figure at each of these places, which stand there in the plot.
Line line_of(const Results& results, const std::string& strategy,
             const std::vector<std::pair<int, Place>>& places, Figure figure) {
  Line line{strategy, ink_of(strategy), false, false, {}};
  for (const auto& [at, place] : places) {
    const Row* row = results.find(place, strategy);
    if (row == nullptr) continue;
    line.strong = row->family == Family::lagoon;
    line.dashed = row->family == Family::control;
    Point point{at, row->median().*figure, 0, 0, !unfit(*row).empty(), tip(*row)};
    if (figure == &Outcome::operations_per_s) std::tie(point.low, point.high) = row->spread();
    line.points.push_back(std::move(point));
  }
  return line;
}

Plot plot_of(const Results& results, const Workload& workload, const char* title, Plot::Unit unit,
             Figure figure) {
  Plot plot{title,
            unit,
            results.children_of(workload),
            {},
            workload.has_writer() ? "readers" : "processes"};
  std::vector<std::pair<int, Place>> places;
  for (const int children : plot.ticks) places.emplace_back(children, Place{workload, children});
  for (const auto& name : results.strategies_of(workload))
    plot.lines.push_back(line_of(results, name, places, figure));
  return plot;
}

/// Before the figure of one that cannot win: ✕ results are, or may be, wrong; ◌ somebody starved.
std::string mark_of(const Row& row) {
  const std::string reason = unfit(row);
  if (reason.empty()) return {};
  return reason == "torn snapshots" || reason == "lost updates" || reason == "not safe" ? "✕ "
                                                                                        : "◌ ";
}

/// The times at each place of a curve, and the slopes.
std::string table_of(const Results& results, const Curve& curve,
                     const std::vector<std::string>& strategies) {
  std::string out =
      "<div class=\"scroll\"><table class=\"matrix\"><thead><tr><th>" + curve.across + "</th>";
  for (const auto& [at, place] : curve.places) out += "<th>" + curve.tick_text(at) + "</th>";
  out += "<th>slope</th></tr></thead><tbody>";
  for (const auto& name : strategies) {
    std::string cells;
    bool ours = false;
    for (const auto& [at, place] : curve.places) {
      const Row* row = results.find(place, name);
      if (row != nullptr) ours = row->family == Family::lagoon;
      cells += row == nullptr
                   ? "<td></td>"
                   : "<td class=\"cell\" title=\"" + escaped(tip(*row)) + "\">" + mark_of(*row) +
                         time_text(row->median().ns_per_operation) + "</td>";
    }
    out += std::string("<tr><th") + (ours ? " class=\"ours\">" : ">") + escaped(name) + "</th>" +
           cells + "<td>" + slope_text(curve.slope(results, name)) + "</td></tr>";
  }
  return out + "</tbody></table></div>";
}

/// How it grows, where it was measured at three sizes or more.
std::string curves(const Results& results, const Asked& asked) {
  std::string out;
  for (const Curve& curve : curves_of(results, asked)) {
    Plot plot{
        curve.title + ": time of one", Plot::Unit::time, {}, {}, curve.across, curve.tick_text};
    std::vector<std::string> strategies;
    for (const auto& [at, place] : curve.places) {
      plot.ticks.push_back(at);
      for (const Row* row : results.at(place))
        if (std::find(strategies.begin(), strategies.end(), row->strategy) == strategies.end())
          strategies.push_back(row->strategy);
    }
    for (const auto& name : strategies)
      plot.lines.push_back(line_of(results, name, curve.places, &Outcome::ns_per_operation));
    out += "<h3>" + escaped(curve.title) + "</h3><div class=\"plots\">" + svg_of(plot) +
           table_of(results, curve, strategies) + "</div>";
  }
  return out;
}

std::string matrix(const Results& results, const Workload& workload) {
  const auto counts = results.children_of(workload);
  std::string out = "<div class=\"scroll\"><table class=\"matrix\"><thead><tr><th>" +
                    std::string(workload.has_writer() ? "readers" : "processes") + "</th>";
  for (const int children : counts) out += "<th>" + std::to_string(children) + "</th>";
  out += "</tr></thead><tbody>";
  for (const auto& name : results.strategies_of(workload)) {
    std::string cells;
    Family family = Family::peer;
    for (const int children : counts) {
      const Row* row = results.find({workload, children}, name);
      if (row == nullptr) {
        cells += "<td></td>";
        continue;
      }
      family = row->family;
      const double rate = row->median().operations_per_s;
      const Verdict verdict = results.verdict({workload, children});
      const double best =
          verdict.winner != nullptr ? verdict.winner->median().operations_per_s : rate;
      // The best is strong, a hundredth of it is as pale as the page.
      const double strength = rate > 0 ? 0.8 * (1 + std::log10(rate / best) / 2) : 0;
      const auto reason = unfit(*row);
      const std::string mark = mark_of(*row);
      cells.append("<td class=\"cell\" style=");
      cells += reason.empty() ? tint(Family::lagoon, strength) : unfit_paint();
      cells += " title=\"" + escaped(tip(*row)) + "\">" + mark + rate_text(rate) + "</td>";
    }
    out += std::string("<tr><th") + (family == Family::lagoon ? " class=\"ours\">" : ">") +
           escaped(name) + "</th>" + cells + "</tr>";
  }
  return out + "</tbody></table></div>";
}

std::string all_figures(const Results& results, const Workload& workload) {
  const bool writer = workload.has_writer();
  const bool spread = results.repetitions > 1;
  std::string out =
      "<details><summary>All figures</summary><div class=\"scroll\"><table class=\"figures\">"
      "<thead><tr><th>strategy</th><th>cannot win</th><th>ops/s</th>";
  if (spread) out += "<th>lowest … highest</th>";
  out +=
      "<th>× best peer</th><th>ns/op</th><th>p50</th><th>p99</th><th>p99.9</th><th>max</th>"
      "<th>samples</th><th>Jain</th><th>least-served, ops/s</th><th>of fair share</th>"
      "<th>CPU s per 10⁶</th>";
  if (writer) out += "<th>copied again</th><th>writer/s</th><th>write p50</th><th>write p99.9</th>";
  out += "<th>torn</th><th>lost</th></tr></thead><tbody>";
  for (const int children : results.children_of(workload)) {
    out +=
        "<tr class=\"group\"><td colspan=\"20\">" + crew_text({workload, children}) + "</td></tr>";
    const double best = results.best_peer({workload, children});
    for (const auto& name : results.strategies_of(workload)) {
      const Row* row = results.find({workload, children}, name);
      if (row == nullptr) continue;
      const Outcome figures = row->median();
      const auto cell = [&](const std::string& text) { out += "<td>" + text + "</td>"; };
      out += "<tr>";
      cell(escaped(name));
      cell(unfit(*row));
      cell(rate_text(figures.operations_per_s));
      if (spread) {
        const auto [low, high] = row->spread();
        cell(rate_text(low) + " … " + rate_text(high));
      }
      cell(best > 0 ? two_digits(figures.operations_per_s / best) : "–");
      cell(time_text(figures.ns_per_operation));
      cell(time_text(figures.p50_ns));
      cell(tail_text(figures, figures.p99_ns, 0.99));
      cell(tail_text(figures, figures.p999_ns, 0.999));
      cell(time_text(figures.longest_ns));
      cell(rate_text(figures.samples));
      cell(two_digits(figures.jain));
      cell(rate_text(figures.least_operations_per_s));
      cell(two_digits(figures.least_share));
      cell(two_digits(figures.cpu_s_per_million));
      if (writer) {
        cell(two_digits(figures.retries_per_read));
        cell(rate_text(figures.writes_per_s));
        cell(time_text(figures.write_p50_ns));
        cell(time_text(figures.write_p999_ns));
      }
      cell(figures.torn > 0 ? "<b>" + rate_text(figures.torn) + "</b>" : "0");
      cell(figures.lost > 0 ? "<b>" + rate_text(figures.lost) + "</b>" : "0");
      out += "</tr>";
    }
  }
  return out + "</tbody></table></div></details>";
}

/// What a table cannot show at a glance: how it changes with the number of children.
std::string plots(const Results& results, const Workload& workload) {
  std::string out = "<div class=\"plots\">";
  const auto plot = [&](const char* title, Plot::Unit unit, Figure figure) {
    out += svg_of(plot_of(results, workload, title, unit, figure));
  };
  const bool writer = workload.has_writer();
  plot(writer ? "Reads per second, all readers together" : "Operations per second, all together",
       Plot::Unit::rate, &Outcome::operations_per_s);
  plot("99.9 % of single operations are done within", Plot::Unit::time, &Outcome::p999_ns);
  plot("Least-served child, of a fair share", Plot::Unit::share, &Outcome::least_share);
  if (workload.is_paced()) {
    plot("99.9 % of writes are done within (from when due)", Plot::Unit::time,
         &Outcome::write_p999_ns);
  } else if (writer) {
    plot("Writes per second, by the one writer", Plot::Unit::rate, &Outcome::writes_per_s);
  } else {
    plot("Longest single operation that was timed", Plot::Unit::time, &Outcome::longest_ns);
  }
  return out + "</div>";
}

/// Who goes on when the writer does not.
std::string outlive_table(const Results& results, const Workload& workload) {
  std::string out =
      "<div class=\"scroll\"><table class=\"figures\"><thead><tr><th>strategy</th><th></th>"
      "<th>reads/s before</th><th>while it is stopped</th><th>stalled</th>"
      "<th>when it is dead</th><th>stalled</th><th>ended with an error</th><th>until one reads "
      "again</th>"
      "<th>torn</th></tr></thead><tbody>";
  for (const int children : results.children_of(workload)) {
    out +=
        "<tr class=\"group\"><td colspan=\"10\">" + crew_text({workload, children}) + "</td></tr>";
    for (const auto& name : results.strategies_of(workload)) {
      const Row* row = results.find({workload, children}, name);
      if (row == nullptr) continue;
      const Outcome figures = row->median();
      const auto cell = [&](const std::string& text) { out += "<td>" + text + "</td>"; };
      const auto bad = [&](double number) {
        cell(number > 0 ? "<b>" + rate_text(number) + "</b>" : "0");
      };
      out += "<tr>";
      cell(escaped(name));
      const std::string reason = unfit(*row);
      cell(reason.empty()                ? "all go on"
           : reason != "torn snapshots"  ? reason
           : figures.stopped_stalled > 0 ? "told, but half a write"
                                         : "half a write, not told");
      cell(rate_text(figures.operations_per_s));
      cell(rate_text(figures.stopped_reads_per_s));
      bad(figures.stopped_stalled);
      cell(rate_text(figures.dead_reads_per_s));
      bad(figures.dead_stalled);
      bad(figures.dead_ended);
      cell(figures.dead_stalled > 0                                 ? "never"
           : figures.stopped_stalled > 0 && figures.recovery_ns > 0 ? time_text(figures.recovery_ns)
                                                                    : "–");
      bad(figures.torn);
      out += "</tr>";
    }
  }
  return out + "</tbody></table></div>";
}

std::string section(const Results& results, const Workload& workload) {
  std::string out = "<h3 id=\"" + key_of(workload) + "\">" + escaped(title_of(workload)) +
                    "</h3><p>" + story_of(workload) + "</p>";
  if (workload.operation == Operation::outlive) return out + outlive_table(results, workload);
  if (results.children_of(workload).size() > 1) out += plots(results, workload);
  return out + "<h4>Operations per second</h4>" + matrix(results, workload) +
         "<p class=\"quiet\">The stronger the colour, the nearer to the best with so many "
         "processes. "
         "Cannot win: ◌ somebody starved, ✕ results are wrong.</p>" +
         all_figures(results, workload);
}

/// What each of this library's two arrays is for, with what they did here.
std::string which_array(const Results& results) {
  // With 16, or the most there were below that; the ratio of locked to seqlocked.
  struct Compared {
    int children = 0;
    double ratio = 0;
  };
  const auto compare = [&](const Workload& workload) {
    Compared found;
    for (const int n : results.children_of(workload)) {
      const Row* locked = results.find({workload, n}, "Array locked");
      const Row* seqlocked = results.find({workload, n}, "Array seqlocked");
      if (n > 16 || locked == nullptr || seqlocked == nullptr) continue;
      const double rate = seqlocked->median().operations_per_s;
      if (rate > 0) found = {n, locked->median().operations_per_s / rate};
    }
    return found;
  };
  const Compared written = compare(update64), read = compare(snapshot64);
  if (written.ratio <= 0 || read.ratio <= 0) return {};
  const auto text_of = [](const Compared& compared, const char* did, const char* from) {
    const bool locked_first = compared.ratio >= 1;
    const std::string first = locked_first ? "Array locked" : "Array seqlocked";
    return did + first + " " + ratio_text(locked_first ? compared.ratio : 1 / compared.ratio) +
           " as fast as " + from + (locked_first ? "Array seqlocked" : "Array locked");
  };
  return "<h2>Array seqlocked or Array locked?</h2><p>" + crew_text(written.children, false) +
         text_of(written, " changed 64 doubles in ", "in ") + "; beside a writer " +
         crew_text(read.children, true) + text_of(read, " read them from ", "from ") +
         ".</p>"
         "<ul><li><b>Array seqlocked</b>, the default, is for what is read. A reader waits "
         "for nobody, not even for a writer that is stopped, and a writer that is killed leaves "
         "the state before its write. A write pays for that: it brings another copy up to date, "
         "changes it and publishes it.</li><li><b>Array locked</b>, Python's way, is for what is "
         "mostly changed, in place and by many, or under one lock with other things. There is one "
         "copy, so a write is cheaper. Readers wait for the lock; whoever gets it after its holder "
         "was killed is told so, and finds what that one had written so far.</li></ul>\n";
}

std::string answer_html(const Answer& answer) {
  std::string out =
      "<div class=\"answer\"><p>" + crew_text(answer.children, answer.are_readers) + "</p><ul>";
  for (const auto& [workload, says] : answer.lines) {
    // The winner's name comes first.
    const auto name = std::min(says.find_first_of(",;:"), says.size());
    out += "<li>" + escaped(workload) + ": <b>" + escaped(says.substr(0, name)) + "</b>" +
           escaped(says.substr(name)) + "</li>";
  }
  return out + "</ul></div>";
}

/// Links to the answers.
std::string contents(const Results& results) {
  std::string out = "<nav><ul class=\"quiet\">";
  for (const Asked& asked : results.asked) {
    if (results.workloads_of(asked).empty()) continue;
    out += "<li><a href=\"#" + asked.question.key + "\">" + escaped(asked.question.title) +
           "</a></li>";
  }
  return out +
         "<li><a href=\"#method\">How it was measured, and what the figures do not show"
         "</a></li><li><a href=\"#names\">What the names mean</a></li></ul></nav>";
}

std::string legend() {
  return "<p class=\"quiet\">The most operations per second, and how many times the next: the "
         "stronger the colour, the clearer."
         "<span class=\"keys\"><span class=\"key\" style=\"background:#00798c\"></span>lagoon's"
         "</span><span class=\"keys\"><span class=\"key\" "
         "style=\"background:#b05f28\"></span>another"
         "</span><span class=\"keys\"><span class=\"key cell\" style=" +
         level_paint() +
         "></span>lagoon and another level</span>. Who tears, loses or starves cannot win.</p>\n";
}

}  // namespace

std::string page_of(const Results& results) {
  std::string out =
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
      "<title>lagoon: contention</title><style>" +
      std::string(plot_style) + page_style + "</style></head><body>\n";
  out += "<h1>Which way of sharing wins, and where</h1><p class=\"quiet\">";
  for (const char* wanted :
       {"processor", "processors usable", "kernel", "compiler", "commit", "measured"}) {
    for (const auto& [fact, value] : results.facts) {
      if (fact != wanted) continue;
      if (fact != "processor") out += " · ";
      out += escaped(fact == "processors usable"
                         ? value + (value == "1" ? " processor" : " processors")
                     : fact == "commit" ? "commit " + value
                                        : value);
    }
  }
  out += "</p>";
  out += intro_html();
  for (const auto& warning : results.warnings()) {
    out += "<p class=\"warning\">" + escaped(warning) + "</p>";
  }
  if (results.rows.empty()) out += "<p class=\"answer\">Nothing was measured.</p>";
  if (!results.rows.empty()) out += contents(results);
  bool explained = false;
  std::set<Workload> answered;
  for (const Asked& asked : results.asked) {
    const Answer answer = answer_to(asked, results);
    if (answer.lines.empty()) continue;
    out += "<h2 id=\"" + asked.question.key + "\">" + escaped(asked.question.title) + "</h2>" +
           answer_html(answer) + "<p class=\"quiet\"><a href=\"#more-" + asked.question.key +
           "\">All figures of it</a></p>";
    if (asked.question.asks_for_growth ||
        results.workloads_of(asked)[0].operation == Operation::outlive)
      continue;
    out += winners(results, asked);
    if (!std::exchange(explained, true)) out += legend();
    // As soon as both of what it is about have been.
    const bool were_both = answered.contains(update64) && answered.contains(snapshot64);
    for (const Workload& workload : results.workloads_of(asked)) answered.insert(workload);
    if (!were_both && answered.contains(update64) && answered.contains(snapshot64))
      out += which_array(results);
  }
  std::set<Workload> shown;  // some answer more than one question
  for (const Asked& asked : results.asked) {
    const auto workloads = results.workloads_of(asked);
    if (workloads.empty()) continue;
    out += "<h2 id=\"more-" + asked.question.key + "\">Figures: " + escaped(asked.question.title) +
           "</h2><p>" + asked.question.about + "</p>" + curves(results, asked);
    if (asked.question.asks_for_growth) continue;
    for (const Workload& workload : workloads) {
      if (shown.insert(workload).second) {
        out += section(results, workload) + "\n";
      } else {
        out += "<p><a href=\"#" + key_of(workload) + "\">" + escaped(title_of(workload)) +
               "</a> is above.</p>\n";
      }
    }
  }
  out += names_html() + method_html(results) + "\n" + limits_html(results) + "\n" +
         machine_html(results) + "\n</body></html>\n";
  return out;
}

}  // namespace contention
