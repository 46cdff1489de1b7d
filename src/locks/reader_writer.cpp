#include <lagoon/core/backoff.hpp>
#include <lagoon/error.hpp>
#include <lagoon/locks/reader_writer.hpp>

#include <bit>
#include <boost/atomic/fences.hpp>

namespace lagoon::locks {

using boost::memory_order_acquire;
using boost::memory_order_relaxed;
using boost::memory_order_release;
using core::Deadline;
using core::nobody;
using core::Owner;
using core::Taken;

template <class F>
bool ReaderWriterLock::any(Owner me, F&& f) {
  const std::size_t first = first_of(me);
  for (std::size_t i = 0; i < names; ++i)
    if (const std::size_t at = (first + i) % names; f(name(at), at)) return true;
  return false;
}

bool ReaderWriterLock::take_name(Owner me) noexcept {
  const auto take_one = [&](bool from_dead) {
    return any(me, [&](Name& name, std::size_t i) {
      const std::uint64_t seen = name.load(memory_order_relaxed);
      if (from_dead ? seen == nobody || !table_->is_dead(owner_in(seen)) : seen != nobody)
        return false;
      if (!is_in_use(i))
        in_use_.fetch_or(std::uint64_t{1} << i % lines, memory_order_relaxed);  // (0)
      return take(name, seen, me);
    });
  };
  return take_one(false) || take_one(true);
}

void ReaderWriterLock::wake_writer(Name& name) noexcept {
  // If nobody slept, the writer that said so may be dead. One that lives, and sleeps on another
  // name, looks for itself.
  if (core::futex_wake(&name) == 0) draining_.store(0, memory_order_relaxed);
}

Taken ReaderWriterLock::take_word(Owner me, Deadline deadline) {
  // Who would wait for itself is told, unless it will be told by its deadline.
  const auto if_mine =
      deadline.is_never() ? core::OwnedWord::IfMine::say_so : core::OwnedWord::IfMine::wait;
  const Taken taken = word_.take(*table_, me, deadline, if_mine);  // (3)
  if (taken == Taken::is_mine)
    throw UsageError("a ReaderWriterLock was to be locked by a thread that has it as a writer");
  check_there(taken);
  if (taken == Taken::from_dead) owner_died_.store(1, memory_order_relaxed);
  return taken;
}

void ReaderWriterLock::mark_consistent() {
  if (!is_mine())
    throw UsageError(
        "a lock was marked consistent by a thread that does not hold it as a writer: only that one "
        "can know that what it guards is in order");
  owner_died_.store(0, memory_order_relaxed);
}

Acquired ReaderWriterLock::acquire_until(Deadline deadline) {
  const Owner me = table_->self();
  const Taken taken = take_word(me, deadline);
  if (taken == Taken::no) return Acquired(Taken::no);
  boost::atomic_thread_fence(boost::memory_order_seq_cst);  // between (3) and the looks at (1)
  try {
    if (drain(deadline)) return Acquired(taken);
  } catch (...) {
    word_.give_back(me);
    throw;
  }
  word_.give_back(me);
  return Acquired(Taken::no);
}

bool ReaderWriterLock::drain(Deadline deadline) {
  const Owner me = table_->self();
  bool in_time = true;
  for (std::uint64_t left = in_use_.load(memory_order_relaxed); left != 0 && in_time;
       left &= left - 1) {
    Name* const line = names_ + static_cast<std::size_t>(std::countr_zero(left)) * on_a_line;
    for (Name* name = line; name != line + on_a_line && in_time; ++name) {
      const std::uint64_t seen = name->load(memory_order_acquire);
      if (seen == nobody) continue;
      if (owner_in(seen) == me && deadline.is_never())
        throw UsageError(
            "a ReaderWriterLock was to be locked by a thread that has it as a reader: "
            "release that first");
      in_time = wait_for(*name, deadline);
    }
  }
  if (draining_.load(memory_order_relaxed) != 0) draining_.store(0, memory_order_relaxed);
  return in_time;
}

bool ReaderWriterLock::wait_for(Name& name, Deadline deadline) {
  for (core::Backoff backoff;;) {
    std::uint64_t seen = name.load(memory_order_acquire);
    if (seen == nobody) return true;
    const bool late = deadline.passed();
    if (!late && backoff.wait()) continue;
    if (table_->is_dead(owner_in(seen))) {
      name.compare_exchange_strong(seen, nobody, memory_order_relaxed);
      continue;
    }
    if (late) return false;
    draining_.store(1, memory_order_relaxed);
    core::wait_slice(&name, static_cast<std::uint32_t>(seen), deadline);
  }
}

void ReaderWriterLock::release() {
  const Owner me = table_->self();
  if (!word_.owner_is(me))
    throw UsageError(
        "a ReaderWriterLock was to be released but is not held, as a writer, by this thread");
  word_.give_back(me);
}

Acquired ReaderWriterLock::acquire_shared_slowly(Owner me, Deadline deadline) {
  // Who is in already may come in again: no writer comes as long as it is in.
  bool is_often_enough = false;
  const bool is_in = any(me, [&](Name& name, std::size_t) {
    const std::uint64_t seen = name.load(memory_order_relaxed);
    if (owner_in(seen) != me) return false;
    is_often_enough = seen / once_more == most_often - 1;
    if (!is_often_enough) name.store(seen + once_more, memory_order_relaxed);
    return true;
  });
  if (is_often_enough)
    throw UsageError("a ReaderWriterLock was to be locked once more by a reader that has it " +
                     std::to_string(most_often) + " times: that is the most");
  if (is_in) return Acquired(Taken::yes);
  for (core::Backoff backoff;;) {
    const Taken taken = take_word(me, deadline);
    if (taken == Taken::no) return Acquired(Taken::no);
    // While the word is this one's no writer is in.
    const bool has_name = take_name(me);
    word_.give_back(me);
    if (has_name) return Acquired(taken);
    if (deadline.passed()) return Acquired(Taken::no);
    if (!backoff.wait()) core::wait_slice(&draining_, 0, deadline);
  }
}

void ReaderWriterLock::release_shared_slowly(Owner me) {
  const bool had_it = any(me, [&](Name& name, std::size_t) {
    const std::uint64_t seen = name.load(memory_order_relaxed);
    if (owner_in(seen) != me) return false;
    if (seen == me)
      give_back(name);
    else
      name.store(seen - once_more, memory_order_relaxed);
    return true;
  });
  if (!had_it)
    throw UsageError(
        "a ReaderWriterLock was to be released but is not held, as a reader, by this thread");
}

}  // namespace lagoon::locks
