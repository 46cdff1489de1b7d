#include <algorithm>
#include <atomic>
#include <utility>

#include "python_error.hpp"
#include "served.hpp"
#include "token.hpp"

namespace lagoon::remote {

namespace {

/// What acquire(blocking, timeout) of threading's locks takes. None, and for a lock -1, is for
/// ever.
core::Deadline deadline_in(Arguments& a, const Caller& caller, bool of_a_lock) {
  const bool blocking =
      of_a_lock ? a.take_integer("blocking", 1) != 0 : bool(a.take("blocking", true));
  const Object timeout = a.take("timeout", nullptr);
  a.end();
  if (of_a_lock && !timeout.is_none()) (void)seconds_in(timeout);
  const bool is_none = timeout.is_none() || (of_a_lock && timeout == -1);
  if (!blocking && !is_none)
    raise("ValueError", of_a_lock ? "can't specify a timeout for a non-blocking call"
                                  : "can't specify timeout for non-blocking acquire");
  if (!is_none && of_a_lock && timeout < Object(0))
    raise("ValueError", "timeout value must be positive");
  if (!blocking) return core::Deadline::now();
  return is_none ? caller.never() : caller.after(timeout);
}

template <class L>
class ServedLock final : public ServedAs<ServedLock<L>> {
  static constexpr bool is_recursive = std::is_same_v<L, RLock>;

 public:
  static constexpr std::string_view name = is_recursive ? "RLock" : "Lock";
  explicit ServedLock(L lock) : lock_(std::move(lock)) {}
  [[nodiscard]] Object reference() const override { return lock_; }
  [[nodiscard]] std::string repr() const override {
    return std::string("<") + (lock_.locked() ? "locked " : "unlocked ") +
           (is_recursive ? "_thread.RLock" : "_thread.lock") + " object of lagoon>";
  }
  Lock* lock() noexcept override {
    if constexpr (is_recursive)
      return nullptr;
    else
      return &lock_;
  }
  RLock* rlock() noexcept override {
    if constexpr (is_recursive)
      return &lock_;
    else
      return nullptr;
  }

  Reply acquire(Arguments& a, Caller& caller) {
    return {bool(lock_.acquire_until(deadline_in(a, caller, true)))};
  }
  Reply release(Arguments& a, Caller&) {
    a.end();
    try {
      const bool is_had = lock_.locked();
      lock_.release();
      // Its holder has ended without giving it back: to Python that is a lock which is held until
      // somebody releases it.
      if (!is_had && lock_.try_lock()) lock_.release();
    } catch (const UsageError&) {
      raise("RuntimeError",
            is_recursive ? "cannot release un-acquired lock" : "release unlocked lock");
    }
    return {};
  }

  static constexpr Method<ServedLock> methods[] = {
      {"acquire", &ServedLock::acquire, Takes::parsed(2)},
      {"release", &ServedLock::release, Takes::builtin(is_recursive ? "RLock" : "lock", 0)},
  };

 private:
  L lock_;
};

/// How many permits clients have that they have not released.
struct Taken final : Served::State {
  std::atomic<long long> permits{0};
  [[nodiscard]] bool is_as_new() const override { return permits.load() == 0; }
};

template <class S>
class ServedSemaphore final : public ServedAs<ServedSemaphore<S>> {
  static constexpr bool is_bounded = std::is_same_v<S, BoundedSemaphore>;

 public:
  static constexpr std::string_view name = is_bounded ? "BoundedSemaphore" : "Semaphore";
  explicit ServedSemaphore(S semaphore) : semaphore_(std::make_shared<S>(std::move(semaphore))) {}
  [[nodiscard]] Object reference() const override { return *semaphore_; }
  [[nodiscard]] std::shared_ptr<Served::State> state() const override { return taken_; }
  void adopt(std::shared_ptr<Served::State> state) override {
    taken_ = std::static_pointer_cast<Taken>(std::move(state));
  }

  Reply acquire(Arguments& a, Caller& caller) {
    const bool has = semaphore_->acquire_until(deadline_in(a, caller, false));
    if (is_bounded && has) taken_->permits.fetch_add(1, std::memory_order_relaxed);
    if (is_bounded || !has) return {has};  // the dead one's permits come back by themselves
    return {has, {}, [semaphore = semaphore_](core::Deadline) {
              semaphore->release();
              return Undone::yes;
            }};
  }
  Reply release(Arguments& a, Caller&) {
    const long long n = a.take_integer("n", 1);
    a.end();
    if (n < 1) raise("ValueError", "n must be one or more");
    if constexpr (is_bounded) {
      for (long long i = 0; i < n; ++i) release_one();
    } else {
      semaphore_->release(n);
    }
    return {};
  }

  static constexpr Method<ServedSemaphore> methods[] = {
      {"acquire", &ServedSemaphore::acquire, Takes::function("Semaphore", 0, 2)},
      {"release", &ServedSemaphore::release, Takes::function(name, 0, 1)},
  };

 private:
  /// A permit of one who has ended has come back by itself: to Python it is had until somebody
  /// releases it.
  void release_one() {
    std::atomic<long long>& permits = taken_->permits;
    const bool was_taken = permits.fetch_sub(1, std::memory_order_relaxed) > 0;
    if (!was_taken) permits.fetch_add(1, std::memory_order_relaxed);
    try {
      semaphore_->release();
    } catch (const UsageError&) {
      if (!was_taken) raise("ValueError", "Semaphore released too many times");
    }
  }

  std::shared_ptr<S> semaphore_;  // which a reply may need when this has gone
  std::shared_ptr<Taken> taken_ = is_bounded ? std::make_shared<Taken>() : nullptr;
};

class ServedCondition final : public ServedAs<ServedCondition> {
 public:
  static constexpr std::string_view name = "Condition";
  ServedCondition(Condition condition, std::shared_ptr<Served> lock)
      : lock_(std::move(lock)), condition_(std::make_shared<Condition>(std::move(condition))) {}
  [[nodiscard]] Object reference() const override {
    if (lock_ == nullptr) return *condition_;
    return reference_and(name, *condition_, lock_->reference());
  }

  Reply acquire(Arguments& a, Caller& caller) {
    return {bool(condition_->acquire_until(deadline_in(a, caller, true)))};
  }
  Reply release(Arguments& a, Caller&) {
    a.end();
    return with_lock("cannot release un-acquired lock", [&]() -> Reply {
      condition_->release();
      return {};
    });
  }
  Reply wait(Arguments& a, Caller& caller) {
    const Object timeout = a.take("timeout", nullptr);
    a.end();
    return with_lock("cannot wait on un-acquired lock", [&]() -> Reply {
      const auto until = timeout.is_none() ? caller.never() : caller.after(timeout);
      if (!condition_->wait_until(until)) return {false};
      // A notification to one who was dead by then is another's. The lock is had until the end.
      return {true, {}, [condition = condition_, lock = lock_](core::Deadline) {
                condition->notify();
                return Undone::yes;
              }};
    });
  }
  Reply notify(Arguments& a, Caller&) {
    const long long n = a.take_integer("n", 1);
    a.end();
    return with_lock("cannot notify on un-acquired lock", [&]() -> Reply {
      condition_->notify(std::clamp(n, 0LL, 1LL << 31));
      return {};
    });
  }
  Reply notify_all(Arguments& a, Caller&) {
    a.end();
    return with_lock("cannot notify on un-acquired lock", [&]() -> Reply {
      condition_->notify_all();
      return {};
    });
  }

  static constexpr Method<ServedCondition> methods[] = {
      {"acquire", &ServedCondition::acquire, Takes::parsed(2)},
      {"release", &ServedCondition::release, Takes::builtin("RLock", 0)},
      {"wait", &ServedCondition::wait, Takes::function("Condition", 0, 1)},
      {"notify", &ServedCondition::notify, Takes::function("Condition", 0, 1)},
      {"notify_all", &ServedCondition::notify_all, Takes::function("Condition", 0, 0)},
  };

 private:
  template <class F>
  static Reply with_lock(const char* says, F&& f) {
    try {
      return f();
    } catch (const UsageError&) {
      raise("RuntimeError", says);
    }
  }

  std::shared_ptr<Served> lock_;  // which outlives the condition
  std::shared_ptr<Condition> condition_;
};

class ServedEvent final : public ServedAs<ServedEvent> {
 public:
  static constexpr std::string_view name = "Event";
  explicit ServedEvent(Event event) : event_(std::move(event)) {}
  [[nodiscard]] Object reference() const override { return event_; }

  Reply is_set(Arguments& a, Caller&) {
    a.end();
    return {event_.is_set()};
  }
  Reply set(Arguments& a, Caller&) {
    a.end();
    event_.set();
    return {};
  }
  Reply clear(Arguments& a, Caller&) {
    a.end();
    event_.clear();
    return {};
  }
  Reply wait(Arguments& a, Caller& caller) {
    const Object timeout = a.take("timeout", nullptr);
    a.end();
    return {event_.wait_until(timeout.is_none() ? caller.never() : caller.after(timeout))};
  }

  static constexpr Method<ServedEvent> methods[] = {
      {"is_set", &ServedEvent::is_set, Takes::function("Event", 0, 0)},
      {"set", &ServedEvent::set, Takes::function("Event", 0, 0)},
      {"clear", &ServedEvent::clear, Takes::function("Event", 0, 0)},
      {"wait", &ServedEvent::wait, Takes::function("Event", 0, 1)},
  };

 private:
  Event event_;
};

class ServedBarrier final : public ServedAs<ServedBarrier> {
 public:
  static constexpr std::string_view name = "Barrier";
  ServedBarrier(Barrier barrier, Object timeout)
      : barrier_(std::move(barrier)), timeout_(std::move(timeout)) {}
  [[nodiscard]] Object reference() const override {
    return timeout_.is_none() ? Object(barrier_) : reference_and(name, barrier_, timeout_);
  }

  Reply get(Arguments& a, Caller&) {
    const Object& name_of = a.take("name");
    a.end();
    if (name_of == "parties") return {barrier_.parties()};
    if (name_of == "n_waiting") return {barrier_.n_waiting()};
    if (name_of == "broken") return {barrier_.broken()};
    raise("AttributeError", "'Barrier' object has no attribute '" + name_of.str() + "'");
  }
  Reply wait(Arguments& a, Caller& caller) {
    const Object timeout = a.take("timeout", timeout_);
    a.end();
    return {barrier_.wait_until(caller.after(timeout.is_none() ? timeout_ : timeout))};
  }
  Reply abort(Arguments& a, Caller&) {
    a.end();
    barrier_.abort();
    return {};
  }
  Reply reset(Arguments& a, Caller&) {
    a.end();
    barrier_.reset();
    return {};
  }

  static constexpr Method<ServedBarrier> methods[] = {
      {"__getattribute__", &ServedBarrier::get, Takes::slot(1)},
      {"wait", &ServedBarrier::wait, Takes::function("Barrier", 0, 1)},
      {"abort", &ServedBarrier::abort, Takes::function("Barrier", 0, 0)},
      {"reset", &ServedBarrier::reset, Takes::function("Barrier", 0, 0)},
  };

 private:
  Barrier barrier_;
  Object timeout_;
};

}  // namespace

std::shared_ptr<Served> serve(Lock lock) {
  return std::make_shared<ServedLock<Lock>>(std::move(lock));
}
std::shared_ptr<Served> serve(RLock lock) {
  return std::make_shared<ServedLock<RLock>>(std::move(lock));
}
std::shared_ptr<Served> serve(Semaphore semaphore) {
  return std::make_shared<ServedSemaphore<Semaphore>>(std::move(semaphore));
}
std::shared_ptr<Served> serve(BoundedSemaphore semaphore) {
  return std::make_shared<ServedSemaphore<BoundedSemaphore>>(std::move(semaphore));
}
std::shared_ptr<Served> serve(Condition condition, std::shared_ptr<Served> lock) {
  return std::make_shared<ServedCondition>(std::move(condition), std::move(lock));
}
std::shared_ptr<Served> serve(Event event) {
  return std::make_shared<ServedEvent>(std::move(event));
}
std::shared_ptr<Served> serve(Barrier barrier, Object timeout) {
  return std::make_shared<ServedBarrier>(std::move(barrier), std::move(timeout));
}

}  // namespace lagoon::remote
