#include <condition_variable>
#include <mutex>
#include <utility>

#include "python_error.hpp"
#include "served.hpp"

namespace lagoon::remote {

namespace {

/// Python's Queue counts its tasks too. What C++ processes put and get is not counted: theirs is
/// the JoinableQueue.
class TaskCount final : public Served::State {
 public:
  [[nodiscard]] bool is_as_new() const override {
    const std::scoped_lock guard(mutex_);
    return tasks_ == 0;
  }
  void add() {
    const std::scoped_lock guard(mutex_);
    ++tasks_;
  }
  void take_back() {
    const std::scoped_lock guard(mutex_);
    --tasks_;
  }
  void end_one() {
    const std::scoped_lock guard(mutex_);
    if (tasks_ == 0) raise("ValueError", "task_done() called too many times");
    if (--tasks_ == 0) changed_.notify_all();
  }
  void join(Caller& caller) {
    std::unique_lock lock(mutex_);
    while (tasks_ != 0 && !caller.has_gone())
      changed_.wait_for(lock, std::chrono::milliseconds(100));
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t tasks_ = 0;
};

template <class Q>
class ServedQueue final : public ServedAs<ServedQueue<Q>> {
  static constexpr bool of_tasks = std::is_same_v<Q, AnyJoinableQueue>;

 public:
  static constexpr std::string_view name = of_tasks ? "JoinableQueue" : "Queue";
  explicit ServedQueue(Q queue) : queue_(std::make_shared<Q>(std::move(queue))) {}
  [[nodiscard]] Object reference() const override { return *queue_; }
  [[nodiscard]] bool is_queue() const noexcept override { return true; }
  [[nodiscard]] std::shared_ptr<Served::State> state() const override { return tasks_; }
  void adopt(std::shared_ptr<Served::State> state) override {
    tasks_ = std::static_pointer_cast<TaskCount>(std::move(state));
  }

  Reply is_empty(Arguments& a, Caller&) {
    a.end();
    return {queue_->empty()};
  }
  Reply is_full(Arguments& a, Caller&) {
    a.end();
    return {queue_->full()};
  }
  Reply size(Arguments& a, Caller&) {
    a.end();
    return {queue_->qsize()};
  }
  Reply get(Arguments& a, Caller& caller) {
    const bool block = bool(a.take("block", true));
    const Object timeout = a.take("timeout", nullptr);
    a.end();
    return got(queue_->try_get_until(deadline(block, timeout, caller)));
  }
  Reply get_nowait(Arguments& a, Caller&) {
    a.end();
    return got(queue_->try_get());
  }
  Reply put(Arguments& a, Caller& caller) {
    const Object& item = a.take("item");
    const bool block = bool(a.take("block", true));
    const Object timeout = a.take("timeout", nullptr);
    a.end();
    return put(item, deadline(block, timeout, caller));
  }
  Reply put_nowait(Arguments& a, Caller&) {
    const Object& item = a.take("item");
    a.end();
    return put(item, core::Deadline::now());
  }
  Reply task_done(Arguments& a, Caller&) {
    a.end();
    if constexpr (of_tasks) {
      try {
        queue_->task_done();
      } catch (const UsageError&) {
        raise("ValueError", "task_done() called too many times");
      }
    } else {
      tasks_->end_one();
    }
    return {};
  }
  Reply join(Arguments& a, Caller& caller) {
    a.end();
    if constexpr (of_tasks)
      (void)queue_->join_until(caller.never());
    else
      tasks_->join(caller);
    return {};
  }

  static constexpr Method<ServedQueue> methods[] = {
      {"empty", &ServedQueue::is_empty, Takes::function("Queue", 0, 0)},
      {"full", &ServedQueue::is_full, Takes::function("Queue", 0, 0)},
      {"get", &ServedQueue::get, Takes::function("Queue", 0, 2)},
      {"get_nowait", &ServedQueue::get_nowait, Takes::function("Queue", 0, 0)},
      {"join", &ServedQueue::join, Takes::function("Queue", 0, 0)},
      {"put", &ServedQueue::put, Takes::function("Queue", 1, 3)},
      {"put_nowait", &ServedQueue::put_nowait, Takes::function("Queue", 1, 1)},
      {"qsize", &ServedQueue::size, Takes::function("Queue", 0, 0)},
      {"task_done", &ServedQueue::task_done, Takes::function("Queue", 0, 0)},
  };

 private:
  static core::Deadline deadline(bool block, const Object& timeout, const Caller& caller) {
    if (!block) return core::Deadline::now();
    if (!timeout.is_none() && timeout < Object(0))
      raise("ValueError", "'timeout' must be a non-negative number");
    return caller.after(timeout);
  }
  Reply got(std::optional<Object> item) {
    if (!item) throw PythonError("_queue", "Empty", Object::tuple());
    if constexpr (of_tasks) return {*std::move(item)};  // whose getter's end hands it out again
    Object kept = *item;
    return {*std::move(item), {}, [queue = queue_, kept = std::move(kept)](core::Deadline until) {
              if (queue->try_put_until(kept, until)) return Undone::yes;
              return lagoon::detail::Attach::handle_of(*queue).is_findable()
                         ? Undone::not_yet
                         : Undone::not_yet_and_only_clients_can_help;
            }};
  }
  Reply put(const Object& item, core::Deadline until) {
    if constexpr (!of_tasks) tasks_->add();
    bool is_there = false;
    try {
      is_there = queue_->try_put_until(item, until);
    } catch (...) {
      if constexpr (!of_tasks) tasks_->take_back();
      throw;
    }
    if (!is_there) {
      if constexpr (!of_tasks) tasks_->take_back();
      throw PythonError("queue", "Full", Object::tuple());
    }
    return {};
  }

  std::shared_ptr<Q> queue_;  // which a reply may need when this has gone
  std::shared_ptr<TaskCount> tasks_ = of_tasks ? nullptr : std::make_shared<TaskCount>();
};

}  // namespace

std::shared_ptr<Served> serve(AnyQueue queue) {
  return std::make_shared<ServedQueue<AnyQueue>>(std::move(queue));
}
std::shared_ptr<Served> serve(AnyJoinableQueue queue) {
  return std::make_shared<ServedQueue<AnyJoinableQueue>>(std::move(queue));
}

}  // namespace lagoon::remote
