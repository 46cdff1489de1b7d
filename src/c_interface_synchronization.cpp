/// The C interface: locks, semaphores, events, conditions, barriers.
#include <lagoon/barrier.hpp>
#include <lagoon/condition.hpp>
#include <lagoon/event.hpp>
#include <lagoon/semaphore.hpp>

#include "c_interface.hpp"

struct lagoon_lock {
  std::shared_ptr<lagoon::c_interface::AnyLock> lock;  // a condition has it too
};
struct lagoon_semaphore {
  std::variant<lagoon::Semaphore, lagoon::BoundedSemaphore> semaphore;
};
struct lagoon_event {
  lagoon::Event event;
};
struct lagoon_condition {
  std::shared_ptr<lagoon::Condition> condition;
  std::shared_ptr<lagoon::c_interface::AnyLock> keeps;
};
struct lagoon_barrier {
  lagoon::Barrier barrier;
};

namespace lagoon::c_interface {

using SharedReaderWriterLock = Shared<locks::ReaderWriterLock>;

lagoon_lock* lock_within(RLock& lock, const Handle& of) {
  return new lagoon_lock{std::make_shared<AnyLock>(LockWithin{RLock(lock.state()), of.again()})};
}

namespace {

/// f(L&), with what has a lock's methods.
template <class F>
decltype(auto) as_lock(AnyLock& any, F&& f) {
  return std::visit(
      [&]<class L>(L& lock) -> decltype(auto) {
        if constexpr (std::is_same_v<L, LockWithin>)
          return f(lock.lock);
        else if constexpr (requires { *lock; })
          return f(*lock);
        else
          return f(lock);
      },
      any);
}
template <class F>
lagoon_status with_lock(const lagoon_lock* lock, F&& f) noexcept {
  return guarded([&] { return as_lock(*there(lock, "the lock").lock, f); });
}

/// make(an L*), with the L of that kind.
template <class F>
lagoon_status give_lock(lagoon_lock** lock, int kind, F&& make) noexcept {
  return give(lock, [&] {
    const auto made = [&]<class L>(L* l) {
      return new lagoon_lock{std::make_shared<AnyLock>(std::in_place_type<L>, make(l))};
    };
    switch (kind) {
      case lagoon_plain:
        return made(static_cast<Lock*>(nullptr));
      case lagoon_recursive:
        return made(static_cast<RLock*>(nullptr));
      case lagoon_reader_writer:
        return made(static_cast<SharedReaderWriterLock*>(nullptr));
      default:
        throw InvalidArgument("there is no kind of lock " + std::to_string(kind) +
                              ": lagoon_plain, lagoon_recursive or lagoon_reader_writer");
    }
  });
}

lagoon_status is_acquired(Acquired acquired, int* owner_died) noexcept {
  if (!acquired) return lagoon_timed_out;
  give_if_wanted(owner_died, acquired.owner_died());
  return lagoon_ok;
}

/// f(lock), of a reader-writer lock.
template <class F>
lagoon_status as_reader(const lagoon_lock* lock, F&& f) noexcept {
  return with_lock(lock, [&]<class L>(L& l) -> lagoon_status {
    if constexpr (std::is_same_v<L, locks::ReaderWriterLock>)
      return f(l);
    else
      throw UsageError("this lock has no readers: only lagoon_reader_writer has");
  });
}

/// make(lock...), a Condition, with the lock that is given, if one is.
template <class F>
lagoon_status give_condition(lagoon_condition** condition, const lagoon_lock* lock,
                             F&& make) noexcept {
  return give(condition, [&] {
    if (lock == nullptr) return new lagoon_condition{std::make_shared<Condition>(make()), nullptr};
    return as_lock(*lock->lock, [&]<class L>(L& l) -> lagoon_condition* {
      if constexpr (std::is_same_v<L, Condition>)
        throw InvalidArgument("a condition's lock cannot be that of another condition");
      else
        return new lagoon_condition{std::make_shared<Condition>(make(l)), lock->lock};
    });
  });
}

/// f(Semaphore or BoundedSemaphore).
template <class F>
lagoon_status with_semaphore(const lagoon_semaphore* semaphore, F&& f) noexcept {
  return guarded([&] {
    auto& either = const_cast<lagoon_semaphore&>(there(semaphore, "the semaphore")).semaphore;
    return std::visit(f, either);
  });
}
/// f(what a handle is a handle to).
template <class H, class F>
lagoon_status with(H* handle, F&& f) noexcept {
  return guarded([&] { return f(there(handle, "the handle")); });
}

}  // namespace

}  // namespace lagoon::c_interface

namespace c = lagoon::c_interface;

// ---- Locks --------------------------------------------------------------------------------------

lagoon_status lagoon_lock_make(const lagoon_segment* segment, const char* name, int kind,
                               lagoon_lock** lock) {
  return c::give_lock(lock, kind, [&]<class L>(L*) { return L(c::place_of(segment, name)); });
}
lagoon_status lagoon_lock_find(const lagoon_segment* segment, const char* name, int kind,
                               lagoon_lock** lock) {
  return c::give_lock(lock, kind, [&]<class L>(L*) { return c::found<L>(segment, name); });
}
void lagoon_lock_close(lagoon_lock* lock) { delete lock; }

lagoon_status lagoon_lock_acquire(lagoon_lock* lock, double seconds, int* owner_died) {
  return c::with_lock(lock, [&](auto& l) {
    return c::is_acquired(l.acquire_until(c::deadline_in(seconds)), owner_died);
  });
}
lagoon_status lagoon_lock_release(lagoon_lock* lock) {
  return c::with_lock(lock, [](auto& l) { l.release(); });
}
lagoon_status lagoon_lock_acquire_shared(lagoon_lock* lock, double seconds, int* owner_died) {
  return c::as_reader(lock, [&](auto& l) {
    return c::is_acquired(l.acquire_shared_until(c::deadline_in(seconds)), owner_died);
  });
}
lagoon_status lagoon_lock_release_shared(lagoon_lock* lock) {
  return c::as_reader(lock, [](auto& l) { return l.release_shared(), lagoon_ok; });
}
lagoon_status lagoon_lock_is_mine(lagoon_lock* lock, int* is_mine) {
  return c::with_lock(
      lock, [&](auto& l) { c::there(is_mine, "the place for the answer") = l.is_mine(); });
}
lagoon_status lagoon_lock_owner_died(const lagoon_lock* lock, int* owner_died) {
  return c::with_lock(
      lock, [&](auto& l) { c::there(owner_died, "the place for the answer") = l.owner_died(); });
}
lagoon_status lagoon_lock_mark_consistent(lagoon_lock* lock) {
  return c::with_lock(lock, [](auto& l) { l.mark_consistent(); });
}

// ---- Semaphores ---------------------------------------------------------------------------------

lagoon_status lagoon_semaphore_make(const lagoon_segment* segment, const char* name, int bounded,
                                    long permits, lagoon_semaphore** semaphore) {
  return c::give(semaphore, [&] {
    const lagoon::Place place = c::place_of(segment, name);
    return bounded != 0 ? new lagoon_semaphore{lagoon::BoundedSemaphore(place, permits)}
                        : new lagoon_semaphore{lagoon::Semaphore(place, permits)};
  });
}
lagoon_status lagoon_semaphore_find(const lagoon_segment* segment, const char* name,
                                    lagoon_semaphore** semaphore) {
  return c::give(semaphore, [&] {
    c::Handle handle = c::found(segment, name, c::anything);
    switch (handle.stamp().kind) {
      case c::Stamp::Kind::semaphore:
        return new lagoon_semaphore{c::Attach::make<lagoon::Semaphore>(std::move(handle))};
      case c::Stamp::Kind::bounded_semaphore:
        return new lagoon_semaphore{c::Attach::make<lagoon::BoundedSemaphore>(std::move(handle))};
      default:
        c::throw_other(handle, "Semaphore or BoundedSemaphore");
    }
  });
}
void lagoon_semaphore_close(lagoon_semaphore* semaphore) { delete semaphore; }

lagoon_status lagoon_semaphore_acquire(lagoon_semaphore* semaphore, double seconds) {
  return c::with_semaphore(semaphore, [&](auto& s) {
    return c::ok_if(s.acquire_until(c::deadline_in(seconds)), lagoon_timed_out);
  });
}
lagoon_status lagoon_semaphore_release(lagoon_semaphore* semaphore) {
  return c::with_semaphore(semaphore, [](auto& s) { s.release(); });
}
lagoon_status lagoon_semaphore_value(const lagoon_semaphore* semaphore, size_t* permits) {
  return c::with_semaphore(
      semaphore, [&](auto& s) { c::there(permits, "the place for the number") = s.get_value(); });
}

// ---- Events -------------------------------------------------------------------------------------

lagoon_status lagoon_event_make(const lagoon_segment* segment, const char* name,
                                lagoon_event** event) {
  return c::give(event,
                 [&] { return new lagoon_event{lagoon::Event(c::place_of(segment, name))}; });
}
lagoon_status lagoon_event_find(const lagoon_segment* segment, const char* name,
                                lagoon_event** event) {
  return c::give(event, [&] { return new lagoon_event{c::found<lagoon::Event>(segment, name)}; });
}
void lagoon_event_close(lagoon_event* event) { delete event; }

lagoon_status lagoon_event_set(lagoon_event* event) {
  return c::with(event, [](auto& e) { e.event.set(); });
}
lagoon_status lagoon_event_clear(lagoon_event* event) {
  return c::with(event, [](auto& e) { e.event.clear(); });
}
lagoon_status lagoon_event_wait(const lagoon_event* event, double seconds) {
  return c::with(event, [&](auto& e) {
    return c::ok_if(e.event.wait_until(c::deadline_in(seconds)), lagoon_timed_out);
  });
}
lagoon_status lagoon_event_is_set(const lagoon_event* event, int* is_set) {
  return c::with(event,
                 [&](auto& e) { c::there(is_set, "the place for the answer") = e.event.is_set(); });
}

// ---- Conditions ---------------------------------------------------------------------------------

lagoon_status lagoon_condition_make(const lagoon_segment* segment, const char* name,
                                    const lagoon_lock* lock, lagoon_condition** condition) {
  return c::give_condition(condition, lock, [&](auto&... given) {
    return lagoon::Condition(c::place_of(segment, name), given...);
  });
}
lagoon_status lagoon_condition_find(const lagoon_segment* segment, const char* name,
                                    const lagoon_lock* lock, lagoon_condition** condition) {
  return c::give_condition(condition, lock, [&](auto&... given) {
    c::Handle handle = c::found(segment, name, c::of_kind(c::Stamp::Kind::condition));
    if constexpr (sizeof...(given) == 0)
      return c::Attach::make<lagoon::Condition>(std::move(handle));
    else
      return lagoon::Condition(std::move(handle), given...);
  });
}
void lagoon_condition_close(lagoon_condition* condition) { delete condition; }

lagoon_status lagoon_condition_lock(const lagoon_condition* condition, lagoon_lock** lock) {
  return c::give(lock, [&] {
    const lagoon_condition& it = c::there(condition, "the condition");
    // What it was made with is its lock; else it is one itself.
    return new lagoon_lock{it.keeps != nullptr ? it.keeps
                                               : std::make_shared<c::AnyLock>(it.condition)};
  });
}
lagoon_status lagoon_condition_wait(lagoon_condition* condition, double seconds) {
  return c::with(condition, [&](auto& it) {
    return c::ok_if(it.condition->wait_until(c::deadline_in(seconds)), lagoon_timed_out);
  });
}
lagoon_status lagoon_condition_notify(lagoon_condition* condition, long how_many) {
  return c::with(condition, [&](auto& it) { it.condition->notify(how_many); });
}
lagoon_status lagoon_condition_notify_all(lagoon_condition* condition) {
  return c::with(condition, [](auto& it) { it.condition->notify_all(); });
}

// ---- Barriers -----------------------------------------------------------------------------------

lagoon_status lagoon_barrier_make(const lagoon_segment* segment, const char* name, long parties,
                                  lagoon_barrier** barrier) {
  return c::give(barrier, [&] {
    return new lagoon_barrier{lagoon::Barrier(c::place_of(segment, name), parties)};
  });
}
lagoon_status lagoon_barrier_find(const lagoon_segment* segment, const char* name,
                                  lagoon_barrier** barrier) {
  return c::give(barrier,
                 [&] { return new lagoon_barrier{c::found<lagoon::Barrier>(segment, name)}; });
}
void lagoon_barrier_close(lagoon_barrier* barrier) { delete barrier; }

lagoon_status lagoon_barrier_wait(lagoon_barrier* barrier, double seconds, size_t* number) {
  return c::with(barrier, [&](auto& b) {
    c::give_if_wanted(number, b.barrier.wait_until(c::deadline_in(seconds)));
  });
}
lagoon_status lagoon_barrier_abort(lagoon_barrier* barrier) {
  return c::with(barrier, [](auto& b) { b.barrier.abort(); });
}
lagoon_status lagoon_barrier_reset(lagoon_barrier* barrier) {
  return c::with(barrier, [](auto& b) { b.barrier.reset(); });
}
lagoon_status lagoon_barrier_state(const lagoon_barrier* barrier, size_t* parties, size_t* waiting,
                                   int* broken) {
  return c::with(barrier, [&](auto& b) {
    c::give_if_wanted(parties, b.barrier.parties());
    c::give_if_wanted(waiting, b.barrier.n_waiting());
    c::give_if_wanted(broken, b.barrier.broken());
  });
}
