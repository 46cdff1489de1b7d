#include "worker.hpp"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <mutex>
#include <shared_mutex>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace soak {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;

namespace {

template <class Array>
bool is_as_made(const Array& all) {
  return all.size() == all[0] && all_equal(all);
}

std::string churned_name(std::size_t which) { return "churned" + std::to_string(which); }

}  // namespace

bool Worker::once(Op op) {
  OfOne& mine = ledger->workers[number_];
  Counts& all = counts(op);
  mine.now = op;
  ++all.begun;
  const bool done = do_it(op);
  ++(done ? all.done : all.gave_up);
  if (done) mine.has_done |= std::uint64_t{1} << static_cast<unsigned>(op);
  mine.now = Op::none;
  return done;
}

bool Worker::do_it(Op op) {
  Objects& o = *objects_;
  switch (op) {
    case Op::none:
      break;
    case Op::scalar:
      require(o.scalar.fetch_add(1) >= scalar_seen_, "a counter went back");
      scalar_seen_ = o.scalar.get();
      break;
    case Op::structure:
      change_struct();
      break;
    case Op::array:
      change_array();
      break;
    case Op::element:
      o.elements[random_() % length] += 1;
      break;
    case Op::locked_array: {
      const std::scoped_lock writing(o.locked);
      change_all(o.locked);
      break;
    }
    case Op::guarded_array: {
      if (random_() % 4 != 0) {
        const std::shared_lock reading(o.guarded.get_lock());
        require(o.guarded.get_lock().owner_died() || all_equal(o.guarded.get_obj()),
                "an array is torn under a reader's lock");
        break;
      }
      const std::scoped_lock writing(o.guarded.get_lock());
      change_all(o.guarded);
      break;
    }
    case Op::lock:
      be_alone(o.lock, o.in_lock.get_obj()[0]);
      break;
    case Op::rlock: {
      const std::scoped_lock outer(o.rlock);
      be_alone(o.rlock, o.in_lock.get_obj()[1]);
      break;
    }
    case Op::semaphore:
      return use_semaphore();
    case Op::bounded_semaphore:
      return use_bounded_semaphore();
    case Op::set_event:
      o.event.set();
      break;
    case Op::wait_for_event:
      return wait_for_event();
    case Op::produce:
      return produce();
    case Op::consume:
      return consume();
    case Op::barrier:
      return pass_barrier();
    case Op::dict:
      change_dict();
      break;
    case Op::dict_of_objects:
      change_dict_of_objects();
      break;
    case Op::nested:
      change_nested();
      break;
    case Op::put:
      return put();
    case Op::get:
      return get();
    case Op::put_task:
      return put_task();
    case Op::do_task:
      return do_task();
    case Op::make:
      return make(random_() % churned);
    case Op::find:
      return find(random_() % churned);
    case Op::hold:
      return hold();
    case Op::erase:
      return segment_.erase(churned_name(random_() % churned));
    case Op::churn:
      return churn(random_() % 6);
    case Op::look:
      look();
      break;
    case Op::attach:
      held_.reset();
      objects_.reset();
      segment_ = lagoon::Segment::open(name_);
      objects_ = std::make_unique<Objects>(segment_);
      break;
    case Op::fork:
      fork_child();
      break;
  }
  return true;
}

void Worker::change_struct() {
  const Quote q = objects_->quote.get();
  require(std::ranges::all_of(q.copies, [&](auto c) { return c == q.version; }),
          "a struct is torn");
  require(q.version >= quote_seen_, "a struct went back");
  quote_seen_ = q.version;
  objects_->quote.update([](Quote& next) {
    ++next.version;
    next.copies.fill(next.version);
  });
}

void Worker::change_array() {
  const auto seen = objects_->array.snapshot();
  require(all_equal(seen), "an array is torn");
  require(seen[0] >= array_seen_, "an array went back");
  array_seen_ = seen[0];
  objects_->array.write([](std::span<std::uint64_t> all) {
    for (auto& x : all) ++x;
  });
}

void Worker::change_all(auto& array) {
  auto all = array.get_obj();
  auto& lock = array.get_lock();
  if (!all_equal(all)) {
    require(lock.owner_died(), "under a lock, half-changed, and nobody had died");
    ++ledger->repaired;
  }
  const std::uint64_t next = *std::max_element(all.begin(), all.end()) + 1;
  for (std::size_t i = 0; i < length; ++i) {
    if (i == length / 2) work();
    all[i] = next;
  }
  if (lock.owner_died()) lock.mark_consistent();
}

void Worker::be_alone(auto& lock, std::uint64_t& who) {
  (void)lock.acquire();
  if (lock.owner_died()) {
    lock.mark_consistent();
    who = 0;
  }
  auto& in = reinterpret_cast<std::atomic<std::uint64_t>&>(who);
  require(in.exchange(static_cast<std::uint64_t>(getpid())) == 0, "two have a lock");
  work();
  require(in.exchange(0) == static_cast<std::uint64_t>(getpid()), "two had a lock");
  lock.release();
}

bool Worker::use_semaphore() {
  lagoon::Semaphore& semaphore = objects_->semaphore;
  std::atomic<bool>& may_have = ledger->workers[number_].may_have_permit;
  const std::int64_t until = now_ns() + patience_ns();
  may_have = true;
  bool has = false;
  while (!ledger->semaphore_closed && !has) {
    has = semaphore.acquire(true, 5ms);
    if (!has && now_ns() >= until) break;
  }
  if (has) {
    require(ledger->of_semaphore.enter(number_) <= permits, "more have a permit than there are");
    work();
    ledger->of_semaphore.leave(number_);
    semaphore.release();
    require(semaphore.get_value() <= permits, "permits out of nothing");
  }
  may_have = false;
  return has;
}

bool Worker::use_bounded_semaphore() {
  lagoon::BoundedSemaphore& semaphore = objects_->bounded;
  const std::int64_t patience = patience_ns();
  if (!semaphore.acquire(true, nanoseconds(patience))) {
    require(patience < limit_ns, "no permit of a BoundedSemaphore came for long");
    return false;
  }
  require(ledger->of_bounded.enter(number_) <= permits,
          "more have a permit of a BoundedSemaphore than there are");
  work();
  ledger->of_bounded.leave(number_);
  semaphore.release();
  require(semaphore.get_value() <= permits, "permits out of nothing");
  return true;
}

bool Worker::wait_for_event() {
  const std::int64_t patience = patience_ns();
  const std::int64_t began = now_ns();
  if (objects_->event.wait(nanoseconds(patience))) {
    objects_->event.clear();
    return true;
  }
  // In this order: of a pair that is half-written, what is seen blames nobody.
  const std::int64_t set_began = ledger->last_set_began;
  const std::int64_t set_ended = ledger->last_set_ended;
  ledger->overlooked += set_began >= began && set_ended <= began + patience;
  require(patience < limit_ns, "an Event that is set again and again was waited for in vain");
  return false;
}

bool Worker::produce() {
  auto items = objects_->items.get_obj();
  const std::scoped_lock guard(objects_->condition);
  take_over_from_dead(objects_->condition);
  if (items[0] - items[1] >= 2) return false;
  produce_one(*objects_, random_() % 4 == 0);
  return true;
}

bool Worker::consume() {
  Objects& o = *objects_;
  auto items = o.items.get_obj();
  const std::int64_t patience = patience_ns();
  const auto deadline = lagoon::core::Deadline::after(nanoseconds(patience));
  const std::scoped_lock guard(o.condition);
  take_over_from_dead(o.condition);
  while (items[0] == items[1]) {
    const std::uint64_t all_told = items[2];
    const bool told = o.condition.wait_until(deadline);
    take_over_from_dead(o.condition);
    ledger->told += told;
    if (told) continue;
    require(items[2] == all_told, "one who waited for a Condition was told, and does not know");
    require(patience < limit_ns, "nobody told one who waited for a Condition for long");
    return false;
  }
  // Written down first, then taken, then shown: what is taken along by one who is killed is known.
  const std::uint64_t ticket = items[1];
  std::atomic<std::uint64_t>& taking = ledger->workers[number_].taking;
  taking = ticket + 1;
  items[1] = ticket + 1;
  if (const std::uint64_t i = ticket - ledger->first_ticket; i < most_tickets)
    require(ledger->tickets[i].exchange(Ledger::Ticket::shown) != Ledger::Ticket::shown,
            "two have the same ticket");
  taking = 0;
  return true;
}

bool Worker::is_anyone_else_at(Op op) const {
  for (std::size_t i = 0; i < most_workers; ++i)
    if (i != number_ && ledger->workers[i].now == op) return true;
  return false;
}

bool Worker::pass_barrier() {
  const std::uint64_t begun = counts(Op::barrier).begun;
  const bool anyone = is_anyone_else_at(Op::barrier);
  try {
    const std::size_t number = objects_->barrier.wait(nanoseconds(patience_ns()));
    ++ledger->passed.at(number);
    require(anyone || counts(Op::barrier).begun != begun, "one passed a barrier alone");
    return true;
  } catch (const lagoon::BrokenBarrier&) {
    objects_->barrier.reset();
    return false;
  }
}

/// Those that stay are changed at once, others come and go between them.
void Worker::change_dict() {
  auto& dict = objects_->dict;
  const auto items = dict.items();
  std::uint64_t next = 0;
  for (const auto& [key, value] : items) {
    if (key >= Objects::staying) {
      require(value == 3 * key, "a value of a Dict is another's");
      continue;
    }
    require(key == next++, "a Dict has lost its order, or a key");
    require(value == items[0].second, "half of what came at once is in a Dict");
  }
  require(next == Objects::staying, "a key of a Dict is lost");
  std::uint64_t met = 0;
  for (const auto& [key, value] : dict)
    if (key < Objects::staying) require(key == met++, "a walk has missed a key, or met it twice");
  require(met == Objects::staying, "a walk has missed a key");
  std::vector<std::pair<std::uint64_t, std::uint64_t>> all;
  for (std::uint64_t key = 0; key < Objects::staying; ++key)
    all.emplace_back(key, items[0].second + 1);
  dict.update(all);
  for (int i = 0; i < 8; ++i) {
    const std::uint64_t key = Objects::staying + random_() % 200;
    if (random_() % 2 == 0)
      dict.set(key, 3 * key);
    else
      require(dict.pop(key, 3 * key) == 3 * key, "a value of a Dict is another's");
  }
}

void Worker::change_dict_of_objects() {
  auto& objects = objects_->objects;
  objects["count"] += 1;
  // There are times of many short ones and times of a few long ones, which lie where those lay.
  const bool are_short = std::uint64_t(objects["count"]) / 1000 % 2 == 0;
  const std::uint64_t number = random_() % 400;
  const lagoon::Object key = lagoon::Object::tuple(number, "text");
  const lagoon::Object seen = objects.get(key);
  if (!seen.is_none()) {
    const std::string text(seen);
    require(text.find_first_not_of(text.empty() ? ' ' : text[0]) == std::string::npos,
            "a large value of a Dict is torn");
  }
  if (random_() % 3 == 0 || (!are_short && number >= 20))
    objects.discard(key);
  else
    objects[key] =
        std::string(random_() % (are_short ? 60 : 20'000), static_cast<char>('a' + random_() % 26));
}

/// Not until somebody comes: all could wait for one who gets, or all for one who puts.
nanoseconds Worker::a_while() { return nanoseconds(random_() % 5'000'000); }

bool Worker::put() {
  Quote q{};
  q.version = random_();
  q.copies.fill(q.version);
  return objects_->queue.try_put_for(q, a_while());
}
bool Worker::get() {
  const auto q = objects_->queue.try_get_for(a_while());
  if (!q) return false;
  require(std::ranges::all_of(q->copies, [&](auto c) { return c == q->version; }),
          "what was got from a Queue is torn");
  return true;
}
bool Worker::put_task() {
  const std::string task(random_() % 6'000, static_cast<char>('a' + random_() % 26));
  return objects_->tasks.try_put_for(task, a_while());
}
bool Worker::do_task() {
  auto& tasks = objects_->tasks;
  const auto task = tasks.try_get_for(a_while());
  if (!task) return false;
  require(task->find_first_not_of(task->empty() ? ' ' : (*task)[0]) == std::string::npos,
          "a task is torn");
  work();
  tasks.task_done();
  return true;
}

/// Lists come, go, are put in each other's places and into each other; each has one number, as
/// often as that says: one of another life would be told.
void Worker::change_nested() {
  auto& nested = objects_->nested;
  const auto check = [](const lagoon::Object& seen) {
    if (seen.is_none()) return;
    const lagoon::Object all = lagoon::List<>(seen).copy();
    const lagoon::Object first = all.at(0);
    std::size_t n = 0;
    for (const lagoon::Object& x : all)
      if (x.kind() == lagoon::Object::Kind::integer) n += x == first ? 1 : all.size();
    require(n == first.get<std::size_t>() % 40 + 1, "a List in a Dict is torn, or another's");
  };
  const auto key = [&] { return static_cast<int>(random_() % 6); };
  switch (random_() % 5) {
    case 0: {
      const auto number = static_cast<std::size_t>(random_() % 1000);
      lagoon::List<> list{segment_.nameless()};
      list.extend(std::vector<std::size_t>(number % 40 + 1, number));
      nested[key()] = list;
      break;
    }
    case 1:
      nested[key()] = nested.get(key());
      break;
    case 2: {
      const lagoon::Object inner = nested.get(key()), outer = nested.get(key());
      if (inner.is_none() || outer.is_none()) break;
      lagoon::List<> list{outer};
      list.append(inner);  // a circle too
      if (list.size() > 60) nested.discard(key());
      break;
    }
    case 3:
      for (const auto& [number, list] : nested.items()) check(list);
      break;
    default: {
      const lagoon::Object seen = nested.get(key());
      check(seen);
      if (seen.is_none()) break;
      for (const lagoon::Object& x : lagoon::List<>(seen))
        if (x.kind() == lagoon::Object::Kind::shared) check(x);
    }
  }
}

bool Worker::make(std::size_t which) {
  const std::size_t n = 1 + random_() % churned_length;
  const std::vector<std::uint32_t> all(n, static_cast<std::uint32_t>(n));
  try {
    if (which % 2 == 0)
      const Churned made(segment_[churned_name(which)], all);
    else
      const Held made(segment_[churned_name(which)], all);
    ledger->made += n * sizeof all[0];
    return true;
  } catch (const lagoon::TypeMismatch&) {  // there is one, of another length
  } catch (const lagoon::Gone&) {
  }
  return false;
}

bool Worker::find(std::size_t which) {
  try {
    if (which % 2 == 0) {
      const auto found = segment_.find<Churned>(churned_name(which));
      if (found) require(is_as_made(found->snapshot()), "an object is not what its maker made");
      return found.has_value();
    }
    const auto found = segment_.find<Held>(churned_name(which));
    if (found) require(is_as_made(found->get_obj()), "an object is not what its maker made");
    return found.has_value();
  } catch (const lagoon::Gone&) {
    return false;
  }
}

/// A handle is kept for some operations. Whoever erases the object meanwhile, what is in it stays.
bool Worker::hold() {
  if (!held_) {
    held_ = segment_.find<Held>(churned_name(1 + 2 * (random_() % (churned / 2))));
    return false;
  }
  require(is_as_made(held_->get_obj()), "memory was used again while a handle led to it");
  const bool was_erased = held_->gone();
  if (was_erased || random_() % 4 == 0) held_.reset();
  return was_erased;
}

/// Containers that come and go. What is in one says whose it is.
bool Worker::churn(std::size_t which) {
  const std::string name = "churned container " + std::to_string(which);
  const auto text = [&](std::size_t most) {
    return std::string(random_() % most, static_cast<char>('a' + which));
  };
  const auto check = [&](const std::string& seen) {
    require(seen.find_first_not_of(static_cast<char>('a' + which)) == std::string::npos,
            "what was in a container is torn, or another's");
  };
  const auto times = random_() % 200;
  try {
    if (which % 3 == 0) {
      lagoon::Dict<std::uint64_t, std::string> dict{segment_[name]};
      for (auto n = times; n != 0; --n) {
        const std::uint64_t key = random_() % 500;
        if (random_() % 3 != 0)
          dict.set(key, text(200));
        else
          check(dict.pop(key, ""));
      }
      for (const auto& [key, value] : dict) check(value);
      if (random_() % 8 == 0) dict.clear();
    } else if (which % 3 == 1) {
      lagoon::List<std::string> list{segment_[name]};
      for (auto n = times; n != 0; --n) list.append(text(100));
      for (const std::string& seen : list) check(seen);
      if (list.size() > 400) list.erase_slice(10, {});
    } else {
      lagoon::Queue<std::string> queue{segment_[name]};
      for (auto n = times; n != 0; --n) queue.put(text(n == 1 ? 20'000 : 300));
      for (auto n = times + 1; n != 0; --n)
        if (const auto seen = queue.try_get()) check(*seen);
    }
    return random_() % 4 == 0 ? segment_.erase(name) : true;
  } catch (const lagoon::Gone&) {  // others have erased it meanwhile
    return false;
  }
}

/// As one who cannot write, and is waited for by nobody: sees what stays, whatever is changed.
void Worker::look() {
  const lagoon::Segment seen = lagoon::Segment::open_read_only(name_);
  require(all_equal(seen.find<lagoon::Array<const std::uint64_t>>("array")->snapshot()),
          "an array is torn for one who only reads");
  const auto dict = seen.find<lagoon::Dict<std::uint64_t, const std::uint64_t>>("dict");
  std::uint64_t met = 0;
  for (const auto& [key, value] : *dict)
    if (key < Objects::staying) require(key == met++, "a walk that only reads has missed a key");
  require(met == Objects::staying, "a walk that only reads has missed a key");
  require(!seen.objects().empty(), "objects are not to be seen for one who only reads");
}

/// A child with everything that this one has inherits it, handles to what is erased too.
void Worker::fork_child() {
  const pid_t parent = getpid();
  const pid_t pid = ::fork();
  if (pid < 0) throw std::system_error(errno, std::generic_category(), "fork");
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(0);
    try {
      for (const Op op : {Op::scalar, Op::structure, Op::array, Op::lock, Op::dict}) {
        ++counts(op).begun;
        do_it(op);
        ++counts(op).done;
      }
      if (held_)
        require(is_as_made(held_->get_obj()), "memory was used again while a child had it");
    } catch (const std::exception& e) {
      require(false, e.what());
    }
    _exit(0);
  }
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
  require(WIFEXITED(status), "the child of a worker has crashed");
}

void Worker::work() {
  for (auto pauses = random_() % 2000; pauses != 0; --pauses) lagoon::core::pause_processor();
}

std::int64_t Worker::patience_ns() {
  const auto ns = static_cast<std::int64_t>(random_() % 10'000'000);
  return ns < 5'000'000 && !ledger->calm ? ns : limit_ns;
}

}  // namespace soak
