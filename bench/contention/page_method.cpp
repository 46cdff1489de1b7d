#include "page_method.hpp"

#include <algorithm>
#include <cstdio>

#include "plot.hpp"

namespace contention {
namespace {

constexpr const char* method_text = R"html(<h2 id="method">How it was measured</h2><ul>
<li>Children are real processes, forked by the parent and released together. They run for a fixed
time, not for a fixed count: a warm-up that counts nowhere, then a window of {windows} between two
readings of every child's count, longer where there are many children for each processor.</li>
<li>Operations follow one another without a pause, which is the most contention there can be, or with
work of the child's own between two; it is work, and not time that passes, so that who waits for a
processor thinks no faster. They are compiled into the loop; there is no indirect call in it.</li>
<li>A writer that is paced writes at times that were fixed before; a write takes from when it was due
until it is done.</li>
<li>Every 32nd operation is timed by itself (CPython: every 8th), in a histogram that is exact to
3.2 %. The clock's own cost, {cost}, is subtracted; it moves in steps of {step}, so single
operations are known no finer than that. <em>ns/op</em> is finer: the window divided by all
operations in it, whichever child's.</li>
<li>Jain's index of fairness is 1 if all children did the same number of operations, 1/n if one did
them all.</li>
<li>Every result is checked: updates that a counter or an array lacks are counted as <em>lost</em>,
a copy whose elements are not all equal as <em>torn</em>. <em>no lock</em> is there to show that the
check finds what is to be found.</li>
<li>A winner must have kept its promise to everybody: nothing torn, nothing lost, nobody starved.
Starved is who did less than 1 % of what was due: the children's common rate, for the time in which
it was not waiting for a processor (that the scheduler did not come round is no fault of the
strategy). Who has not kept it is drawn hollow and marked ◌ (somebody starved) or ✕ (wrong
results). Where somebody did nothing in the whole window, the others had his share, and nobody can
tell: that one cannot win either. Two within {level} % of each other are called level; so are two
whose runs overlap, of which the better one was not better each time.</li>
<li>Peers are configured as their documentation says and lie in anonymous shared memory, lock and
data on cache lines of their own. CPython is its own multiprocessing, run live, in its documented
idioms.</li></ul>
)html";

constexpr const char* intro_text = R"html(<p>Processes that share memory, on this machine: ways to
share a counter, a record, an array, a dict, a list, a queue, each measured with real processes that
all want it at once. <b class="ours">lagoon</b> is a C++20 library for this; its own ways are set in
bold colour, beside what one would use instead.</p>
)html";

constexpr const char* names_text = R"html(<h2 id="names">What the names mean</h2>
<table class="facts"><tbody>
<tr><td>Value atomic</td><td>lagoon: one number, a bare atomic</td></tr>
<tr><td>Array seqlocked, Value seqlocked</td><td>lagoon: copies, four up to 64 KiB and two of what
is larger, of which one is whole at any moment. Readers take no lock and wait for nobody, also when a writer is stopped or killed. Not to be
taken for <em>seqlock</em>, the textbook's</td></tr>
<tr><td>Array locked, Value locked</td><td>lagoon: one copy under an RLock, as Python's</td></tr>
<tr><td>Lock, RLock, ReaderWriterLock</td><td>lagoon: locks that sleep, tell the next one when their
holder has died, and go on; the second may be taken again by its holder, the third is shared by
readers</td></tr>
<tr><td>Dict, List, Queue, JoinableQueue</td><td>lagoon: containers, typed; the last one counts what
is done, as Python's</td></tr>
<tr><td>Boost.Atomic</td><td>a bare atomic word: what a counter costs at the least</td></tr>
<tr><td>TTAS, ticket, MCS</td><td>locks of the textbooks: spinning, test and test-and-set; spinning,
first come, first served; a queue in which each waits on a line of its own, and sleeps after a
while</td></tr>
<tr><td>futex mutex</td><td>the least lock that sleeps</td></tr>
<tr><td>seqlock</td><td>one copy and a number that is odd while it is written: readers begin anew
until nobody has written meanwhile, for ever if the writer is stopped or dead</td></tr>
<tr><td>pthread mutex, adaptive, inheriting, robust, robust recursive, spin, rwlock; POSIX
semaphore</td><td>the C library's, shared between processes; inheriting: with priority inheritance;
adaptive: it spins before it sleeps; robust: it survives its holder's death</td></tr>
<tr><td>Boost.Interprocess, … map, … vector, … queue; Boost.Unordered map</td><td>its mutex; its
containers, and boost::unordered_map, in its shared memory, under that mutex; its
message_queue</td></tr>
<tr><td>Boost.Lockfree queue, spsc</td><td>its queues in shared memory: of many, and of one who puts
and one who gets</td></tr>
<tr><td>LMDB</td><td>a key-value store in mapped files: here in memory, without sync</td></tr>
<tr><td>Redis</td><td>a server of its own for each cell, over a Unix socket</td></tr>
<tr><td>CPython …</td><td>Python's multiprocessing, run live; manager: a server process</td></tr>
<tr><td>no lock</td><td>wrong on purpose: it shows that the checks find what is torn</td></tr>
</tbody></table>
)html";

constexpr const char* limits_text = R"html(<h2>What the figures do not show</h2><ul>
<li>{runs}</li>
<li>This machine has {processors}. Beyond that many children they take turns: what is seen there is
as much the scheduler as the strategy. A lock is then mostly free when a child gets its turn, a time
slice of some milliseconds is enough for a hundred thousand operations, and the tails and shares are
those of time slices. More processors contend more.</li>
<li>The data is hot: nobody works on anything else that would take its place in the caches.</li>
<li>An operation that is timed is held up by the reading of the clock, in which another process may
take the line: where many contend, it is one of those that had to wait for it, and the median of
those that are timed is above the mean of all.</li>
<li>That somebody goes on after a death is measured where the question says so; of the others it is
what their documentation promises.</li>
<li>The longest operation is the longest of those timed; one in 32 is.</li>
{skipped}</ul>
)html";

std::string filled(std::string text, const std::string& field, const std::string& value) {
  if (const auto at = text.find(field); at != std::string::npos) {
    text.replace(at, field.size(), value);
  }
  return text;
}

}  // namespace

std::string intro_html() { return intro_text; }

std::string names_html() { return names_text; }

std::string method_html(const Results& results) {
  double shortest = results.rows.empty() ? 0 : 1e9, longest = 0;
  for (const Row& row : results.rows) {
    for (const Outcome& run : row.runs) {
      shortest = std::min(shortest, run.window_s);
      longest = std::max(longest, run.window_s);
    }
  }
  char level[16];
  std::snprintf(level, sizeof level, "%.0f", (results.level_within() - 1) * 100);
  std::string text =
      filled(method_text, "{windows}", two_digits(shortest) + " to " + two_digits(longest) + " s");
  text = filled(std::move(text), "{cost}", time_text(results.clock.cost_ns));
  text = filled(std::move(text), "{step}", time_text(results.clock.step_ns));
  return filled(std::move(text), "{level}", level);
}

std::string limits_html(const Results& results) {
  const std::string runs =
      results.repetitions > 1
          ? "Each figure is the median of " + std::to_string(results.repetitions) +
                " interleaved runs, by itself; whiskers show the lowest and the highest."
          : "Each figure comes from one run: a difference of a fifth may be chance. --full repeats "
            "and shows the spread.";
  const std::string processors =
      std::to_string(results.processors) + (results.processors == 1 ? " processor" : " processors");
  std::string skipped;
  for (const auto& what : results.skipped) {
    skipped.append("<li>Not measured: ").append(escaped(what)).append(".</li>\n");
  }
  std::string text = filled(limits_text, "{runs}", runs);
  text = filled(std::move(text), "{processors}", processors);
  return filled(std::move(text), "{skipped}", skipped);
}

std::string machine_html(const Results& results) {
  std::string out = "<h2>The machine and the build</h2><table class=\"facts\"><tbody>";
  for (const auto& [fact, value] : results.facts) {
    out += "<tr><td>" + escaped(fact) + "</td><td>" + escaped(value) + "</td></tr>";
  }
  return out + "</tbody></table>";
}

}  // namespace contention
