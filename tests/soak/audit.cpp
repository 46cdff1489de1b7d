#include "worker.hpp"

#include <algorithm>
#include <chrono>

namespace soak {

namespace {

void check_counts(Objects& o) {
  const auto within = [](Op op, std::uint64_t found, const char* what) {
    require(counts(op).done <= found && found <= counts(op).begun, what);
  };
  within(Op::scalar, o.scalar.get(), "additions to a Value were lost, or made twice");
  within(Op::structure, o.quote.get().version, "updates of a struct were lost, or made twice");
  within(Op::array, o.array.get(0), "writes to an array were lost, or made twice");
  require(all_equal(o.array.snapshot()), "an array is torn");
  within(Op::element, sum(o.elements.slice()), "additions to elements were lost, or made twice");
  const auto items = o.items.get_obj();
  within(Op::produce, items[0], "items of a queue were lost, or made twice");
  within(Op::consume, items[1], "items of a queue were lost, or taken twice");
  require(items[1] <= items[0], "items of a queue were taken that nobody made");

  within(Op::dict_of_objects, std::uint64_t(o.objects["count"]),
         "additions to a value of a Dict were lost, or made twice");

  // Of one that gave up it is known that it did not.
  const auto at_least = [](Op op) { return counts(op).done.load(); };
  const auto at_most = [](Op op) { return counts(op).begun - counts(op).gave_up; };
  const std::uint64_t in_queue = o.queue.qsize();
  require(in_queue + at_most(Op::get) >= at_least(Op::put), "what was put in a Queue is lost");
  require(in_queue + at_least(Op::get) <= at_most(Op::put), "what was put in a Queue is got twice");
  require(at_least(Op::do_task) <= at_most(Op::put_task), "a task is done twice");

  // Who is held up between the clock and the Event, before the first look at it or after the last,
  // may miss one: that is rare.
  require(ledger->overlooked * 100 <= counts(Op::wait_for_event).done + 1000,
          "an Event was set while many waited for it, who ran out of time");

  // A round that is complete has a first and a last, unless it was killed before it wrote that
  // down.
  const std::uint64_t first = ledger->passed[0];
  const std::uint64_t last = ledger->passed[1];
  require(std::max(first, last) - std::min(first, last) <= counts(Op::barrier).killed,
          "somebody passed a barrier without the other");
}

void check_tickets(std::uint64_t taken) {
  using Ticket = Ledger::Ticket;
  const std::uint64_t count = std::min<std::uint64_t>(taken - ledger->first_ticket, most_tickets);
  for (std::uint64_t i = 0; i < count; ++i)
    require(ledger->tickets[i].exchange(Ticket::unseen) != Ticket::unseen,
            "an item of a queue is lost, and none who was killed had it");
  ledger->tickets[std::min<std::uint64_t>(count, most_tickets - 1)] = Ticket::unseen;
  ledger->first_ticket = taken;
}

void check_bounded(lagoon::BoundedSemaphore& bounded) {
  for (int i = 0; i < permits; ++i)
    require(bounded.acquire(true, std::chrono::nanoseconds(limit_ns)),
            "permits of a BoundedSemaphore are lost");
  require(!bounded.acquire(false), "permits of a BoundedSemaphore out of nothing");
  for (int i = 0; i < permits; ++i) bounded.release();
}

}  // namespace

void audit(const std::string& segment, std::uint64_t seed) {
  {
    const lagoon::Segment opened = lagoon::Segment::open(segment);
    Objects objects(opened);
    ledger->size = opened.size();
    check_counts(objects);
    check_tickets(objects.items.get_obj()[1]);
    ledger->semaphore_closed = false;
    check_permits(objects.semaphore);
    check_bounded(objects.bounded);
  }
  {
    // Whatever the dead have left, one who comes after them gets through.
    Worker worker(segment, most_workers, seed);
    for (const Op op : {Op::lock, Op::rlock, Op::locked_array, Op::guarded_array, Op::semaphore,
                        Op::bounded_semaphore, Op::set_event, Op::wait_for_event, Op::produce,
                        Op::consume, Op::dict, Op::dict_of_objects, Op::nested})
      require(worker.once(op) || op == Op::produce, names[static_cast<std::size_t>(op)]);
    // All tasks can be done, those of the dead too.
    const lagoon::Segment opened = lagoon::Segment::open(segment);
    Objects objects(opened);
    while (!objects.tasks.join(std::chrono::nanoseconds(0)))
      require(worker.once(Op::do_task), "a task is neither done nor to be had");
    require(counts(Op::put_task).done <= counts(Op::do_task).begun - counts(Op::do_task).gave_up,
            "a task is lost");
    while (!objects.queue.empty()) require(worker.once(Op::get), "what is in a Queue is not got");
  }
  // All that comes and goes goes, and with it all memory.
  {
    const lagoon::Segment opened = lagoon::Segment::open(segment);
    for (const auto& object : opened.objects())
      if (object.name.starts_with("churned")) opened.erase(object.name);
    Objects(opened).nested.clear();
    opened.acknowledge_erased();
  }
  const lagoon::Segment again = lagoon::Segment::open(segment);  // sweeps
  std::size_t bytes = 0;
  for (const auto& object : again.objects()) bytes += object.bytes;
  require(again.used() == bytes, "memory is lost");
}

}  // namespace soak
