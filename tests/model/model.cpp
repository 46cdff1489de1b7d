#include "model.hpp"

#include <ucontext.h>

#include <algorithm>
#include <array>
#include <climits>
#include <cstring>
#include <optional>
#include <sstream>
#include <unordered_map>

namespace lagoon::test::model {

namespace {

using boost::memory_order_acq_rel;
using boost::memory_order_acquire;
using boost::memory_order_relaxed;
using boost::memory_order_release;
using boost::memory_order_seq_cst;

bool acquires(Order o) {
  return o == memory_order_acquire || o == memory_order_acq_rel || o == memory_order_seq_cst;
}
bool releases(Order o) {
  return o == memory_order_release || o == memory_order_acq_rel || o == memory_order_seq_cst;
}

/// How far each thread had come.
using Clock = std::array<std::uint32_t, most_threads>;

/// What a thread, or a store, carries along happens-before.
struct Knowledge {
  Clock before{};         // what happens before
  Clock visible{};        // what it cannot miss: that, and what came before its last seq_cst fence
  std::uint32_t order{};  // all seq_cst stores up to this number cannot be missed either

  void join(const Knowledge& other) {
    for (unsigned i = 0; i < most_threads; ++i) {
      before[i] = std::max(before[i], other.before[i]);
      visible[i] = std::max(visible[i], other.visible[i]);
    }
    order = std::max(order, other.order);
  }
};

constexpr std::uint32_t never = UINT32_MAX;

struct Stored {
  std::uint64_t value;
  Knowledge released;      // what who acquires it learns
  Clock seen;              // by each thread, at this step of its own
  std::uint32_t order;     // among seq_cst stores; zero: it is none
  bool is_change = false;  // it follows right after what it changed
};

struct Word {
  std::vector<Stored> stores;
  // Re-reading what has not changed is no place to deviate.
  struct Look {
    std::uint64_t stores_then = UINT64_MAX;
    unsigned times = 0;
  };
  std::array<Look, most_threads> looks;
  struct Use* use = nullptr;
};

/// Which threads use a word, in any run. Where only one does, or nobody writes, it does not matter
/// when.
struct Use {
  std::uint8_t readers = 0;
  std::uint8_t writers = 0;
  bool was_shared = false;  // before this pass over all runs
  [[nodiscard]] bool is_shared() const {
    const unsigned all = readers | writers;
    return writers != 0 && (all & (all - 1)) != 0;
  }
};

struct PlainWord {
  Clock read{};
  Clock written{};
};

enum class State : std::uint8_t { runnable, asleep, ended, killed };

struct Thread {
  std::function<void()> f;
  bool may_die = false;
  ucontext_t context{};
  State state = State::runnable;
  bool held = false;
  unsigned held_since = 0;  // pauses
  bool paused = false;
  std::function<bool()> waits_for;
  // for the kernel
  std::uint32_t id = 0;
  std::vector<void*> list;
  // asleep
  const void* word = nullptr;
  std::int64_t until = 0;
  std::uint64_t since = 0;
  Slept how = Slept::woken;
  // memory
  Knowledge knows;
  Knowledge fence_released;  // what relaxed stores after the last release fence release
  Knowledge to_acquire;      // what the next acquire fence learns
};

constexpr std::size_t stack_bytes = 256 << 10;
constexpr std::size_t arena_bytes = 1 << 20;
constexpr unsigned most_steps = 50'000;
constexpr unsigned most_pauses = 1000;
constexpr unsigned most_rescues = 64;

struct Choice {
  unsigned taken;
  unsigned of;
};

/// One scenario, run again and again.
class Explorer {
 public:
  Explorer(Bounds bounds, const Scenario& scenario, const Weakened* weakened)
      : bounds_(bounds), scenario_(scenario), weakened_(weakened) {
    for (auto& stack : stacks_) stack = std::make_unique<std::byte[]>(stack_bytes);
    arena_.reset(static_cast<std::byte*>(::operator new (arena_bytes, std::align_val_t{4096})));
    std::memset(arena_.get(), 0, arena_bytes);
  }

  Outcome run() {
    // What nobody shares is learnt by trying: if it was not so after all, once more.
    for (const unsigned deviations : {std::min(1U, bounds_.deviations), bounds_.deviations}) do {
        deviations_allowed_ = deviations;
        run_all();
      } while (more_is_shared_ && !outcome_.failed);
    return std::move(outcome_);
  }

  // Setting up
  std::byte* memory(std::size_t bytes, std::size_t alignment) {
    used_ = (used_ + alignment - 1) / alignment * alignment;
    std::byte* at = arena_.get() + used_;
    used_ += bytes;
    if (used_ > arena_bytes) throw std::bad_alloc();
    return at;
  }
  void thread(std::function<void()> f, bool may_die) {
    if (count_ == most_threads) throw std::length_error("too many threads for the model");
    threads_[count_].f = std::move(f);
    threads_[count_].may_die = may_die;
    threads_[count_].id = count_ + 1;
    ++count_;
  }
  void is_known(unsigned t) { known_[t] = true; }
  void afterwards(std::function<void()> f) { afterwards_ = std::move(f); }

  [[nodiscard]] bool is_shared(const void* at) const {
    const auto* byte = static_cast<const std::byte*>(at);
    return byte >= arena_.get() && byte < arena_.get() + arena_bytes;
  }
  [[nodiscard]] bool running() const { return running_; }
  [[nodiscard]] unsigned self() const { return current_; }
  [[nodiscard]] std::int64_t now() const { return now_; }
  [[nodiscard]] unsigned rescues() const { return rescues_; }
  [[nodiscard]] bool disturbed() const { return disturbed_; }
  [[nodiscard]] std::int64_t idle() const { return idle_; }
  [[nodiscard]] std::int64_t idle_when_disturbed() const { return idle_when_disturbed_; }
  [[nodiscard]] bool is_asleep(unsigned t) const { return threads_[t].state == State::asleep; }
  [[nodiscard]] bool was_killed(unsigned t) const { return threads_[t].state == State::killed; }

  [[nodiscard]] std::uint32_t kernel_id() const { return threads_[current_].id; }
  void put_on_list(void* at) { threads_[current_].list.push_back(at); }
  void take_off_list(void* at) { std::erase(threads_[current_].list, at); }
  void succeed(unsigned t) {
    wait_until([this, t] { return threads_[t].state >= State::ended; });
    threads_[current_].id = threads_[t].id;
  }

  void see_end(unsigned t) {
    wait_until([this, t] { return threads_[t].state >= State::ended; });
    threads_[current_].knows.join(threads_[t].knows);
  }

  void fail(std::string what) {
    if (!failure_) failure_ = std::move(what);
    if (running_) leave();
  }

  // ---- Memory
  std::uint64_t load(const void* at, std::size_t size, Order asked, const Where& where) {
    Word& w = word(at, size);
    point(used(w, false) && is_new_look(w));
    const Order order = order_of(asked, where, false);
    return read(w, order, "reads", at, where);
  }

  void store(void* at, std::size_t size, std::uint64_t value, Order asked, const Where& where) {
    Word& w = word(at, size);
    point(used(w, true));
    const Order order = order_of(asked, where, false);
    const Thread& me = tick();
    // Before those that this thread need not know of, it may come in the word's order too.
    std::array<std::size_t, 16> may;
    unsigned n = 0;
    for (std::size_t i = w.stores.size(); n < may.size(); --i) {
      if (i == w.stores.size() || !w.stores[i].is_change) may[n++] = i;
      if (i == 0 || cannot_be_missed(w.stores[i - 1], me.knows, order)) break;
    }
    const std::size_t place = may[choose(n)];
    const bool is_newest = place == w.stores.size();
    insert(w, place, at, size, value, releases(order) ? me.knows : me.fence_released, order, false);
    note("stores", at, value, where, !is_newest);
  }

  std::uint64_t change(void* at, std::size_t size, Order asked, const Where& where,
                       const std::function<std::uint64_t(std::uint64_t)>& f) {
    Word& w = word(at, size);
    point(used(w, true));
    const Order order = order_of(asked, where, false);
    tick();
    const std::size_t found = find(w, order, [](std::uint64_t) { return true; });
    const std::uint64_t old = w.stores[found].value;
    replace(w, found, at, size, f(old), order, where);
    return old;
  }

  bool exchange_if(void* at, std::size_t size, std::uint64_t& expected, std::uint64_t value,
                   Order success, Order failure, const Where& where) {
    Word& w = word(at, size);
    const bool will = w.stores.back().value == expected;
    point(used(w, true) && (will || is_new_look(w)));
    const Order on_success = order_of(success, where, false);
    const Order on_failure = order_of(failure, where, true);
    tick();
    // What it finds decides what it does: of the values that it may find, any.
    const std::size_t found =
        find(w, on_success, [&](std::uint64_t there) { return there == expected; });
    Stored& s = w.stores[found];
    if (s.value == expected) {
      replace(w, found, at, size, value, on_success, where);
      return true;
    }
    expected = learn(s, on_failure);
    note("finds", at, s.value, where, &s != &w.stores.back());
    return false;
  }

  void fence(Order asked, const Where& where) {
    const Order order = order_of(asked, where, false);
    if (order == memory_order_seq_cst) point(true);
    Thread& me = tick();
    if (acquires(order)) me.knows.join(me.to_acquire);
    if (order == memory_order_seq_cst) {
      // Those before it made theirs visible to this one; this one does to those that follow.
      for (unsigned i = 0; i < most_threads; ++i) {
        fenced_[i] = std::max(fenced_[i], me.knows.before[i]);
        me.knows.visible[i] = std::max(me.knows.visible[i], fenced_[i]);
      }
      me.knows.order = stores_in_order_;
    }
    if (releases(order)) me.fence_released = me.knows;
    note("fences", nullptr, static_cast<std::uint64_t>(order), where);
  }

  void read_plain(const void* at, const char* what) {
    PlainWord& w = plain_[at];
    const Clock& before = threads_[current_].knows.before;
    for (unsigned i = 0; i < most_threads; ++i)
      if (i != current_ && w.written[i] > before[i]) return race(what);
    w.read[current_] = tick().knows.before[current_];
  }
  void write_plain(const void* at, const char* what) {
    PlainWord& w = plain_[at];
    const Clock& before = threads_[current_].knows.before;
    for (unsigned i = 0; i < most_threads; ++i)
      if (i != current_ && (w.written[i] > before[i] || w.read[i] > before[i])) return race(what);
    w.written[current_] = tick().knows.before[current_];
  }

  [[nodiscard]] bool has_seen_begin(unsigned t) const {
    const Thread& me = threads_[current_];
    return known_[t] || me.knows.before[t] != 0 || me.to_acquire.before[t] != 0;
  }

  bool is_dead(unsigned t) {
    // The kernel's mark releases all that the dead one did.
    Word& w = word(&marks_[t], 1);
    point(is_new_look(w));
    return read(w, memory_order_acquire, "sees the mark", &marks_[t], Where::current()) != 0;
  }

  // ---- Waiting
  void pause() {
    if (++steps_ > most_steps) return fail("goes on for ever");
    Thread& me = threads_[current_];
    me.paused = true;
    ++pauses_;
    run_next();
  }

  void wait_until(std::function<bool()> holds) {
    threads_[current_].waits_for = std::move(holds);
    run_next();
    threads_[current_].waits_for = nullptr;
  }

  void kill(unsigned t) {
    if (threads_[t].state >= State::ended) return;
    ++outcome_.kills;
    disturbed_ = true;
    idle_when_disturbed_ = idle_;
    threads_[t].state = State::killed;
    note_of(t, "is killed");
    mark(t, &marks_[t], 1, 1);
    mark_what_is_held_by(t);
    if (t == current_) run_next();
  }

  Slept sleep(const void* at, std::uint32_t expected, std::int64_t until) {
    const auto i = words_.find(at);
    point(true);
    // The kernel looks at the word under a lock that who wakes takes too.
    std::uint32_t value;
    if (i != words_.end())
      value = static_cast<std::uint32_t>(i->second.stores.back().value);
    else
      std::memcpy(&value, at, sizeof value);
    Thread& me = tick();
    me.knows.join(kernel_);
    kernel_.join(me.knows);
    if (value != expected) {
      note("does not sleep", at, value, Where::current());
      return Slept::changed;
    }
    note("sleeps", at, value, Where::current());
    me.state = State::asleep;
    me.word = at;
    me.until = until;
    me.since = ++naps_;
    run_next();
    return me.how;
  }

  int wake(const void* at, int count) {
    point(true);
    Thread& me = tick();
    me.knows.join(kernel_);
    kernel_.join(me.knows);
    int woken = 0;
    for (; woken < count; ++woken) {
      Thread* first = nullptr;
      for (unsigned i = 0; i < count_; ++i)
        if (threads_[i].state == State::asleep && threads_[i].word == at &&
            (first == nullptr || threads_[i].since < first->since))
          first = &threads_[i];
      if (first == nullptr) break;
      rouse(*first, Slept::woken);
    }
    note("wakes", at, static_cast<std::uint64_t>(woken), Where::current());
    return woken;
  }

 private:
  void run_all() {
    outcome_.runs = outcome_.kills = outcome_.rescues = 0;
    choices_.clear();
    more_is_shared_ = false;
    for (auto& [at, use] : uses_) use.was_shared = use.is_shared();
    do {
      ++outcome_.runs;
      run_once();
      if (failure_) {
        traced_ = true;
        const std::string why = *failure_;
        run_once();
        outcome_.failed = true;
        outcome_.what = why + "\n" + trace_.str();
        return;
      }
      if (rescues_ != 0) ++outcome_.rescues;
      if (outcome_.runs == bounds_.runs) {
        outcome_.failed = true;
        outcome_.what = "not done after so many runs";
        return;
      }
    } while (next_choices());
  }

  // ---- Choices
  unsigned choose(unsigned of) {
    if (of == 1 || deviations_ == deviations_allowed_) {
      // The same again when it is replayed: what is spent before does not depend on what follows.
      return 0;
    }
    if (at_choice_ == choices_.size()) choices_.push_back({0, of});
    const Choice& c = choices_[at_choice_++];
    if (c.of != of) throw std::logic_error("the model's run cannot be repeated");
    if (c.taken != 0) ++deviations_;
    return c.taken;
  }
  bool next_choices() {
    choices_.resize(at_choice_);
    while (!choices_.empty() && choices_.back().taken + 1 == choices_.back().of)
      choices_.pop_back();
    if (choices_.empty()) return false;
    ++choices_.back().taken;
    return true;
  }

  // ---- Threads
  void run_once() {
    for (unsigned i = 0; i < count_; ++i) threads_[i] = Thread{};
    if (used_ != 0) std::memset(arena_.get(), 0, used_);
    used_ = 0;
    count_ = 0;
    afterwards_ = nullptr;
    words_.clear();
    plain_.clear();
    marks_ = {};
    known_ = {};
    fenced_ = {};
    kernel_ = {};
    failure_.reset();
    trace_.str("");
    at_choice_ = deviations_ = steps_ = pauses_ = rescues_ = 0;
    stores_ = naps_ = 0;
    stores_in_order_ = 0;
    now_ = 1;
    idle_ = idle_when_disturbed_ = 0;
    disturbed_ = false;

    Trial setup;
    scenario_(setup);
    for (unsigned i = 0; i < count_; ++i) {
      threads_[i].knows.before[i] = threads_[i].knows.visible[i] = 1;
      threads_[i].fence_released = threads_[i].knows;
      getcontext(&threads_[i].context);
      threads_[i].context.uc_stack.ss_sp = stacks_[i].get();
      threads_[i].context.uc_stack.ss_size = stack_bytes;
      threads_[i].context.uc_link = nullptr;
      makecontext(&threads_[i].context, &Explorer::begin, 0);
    }
    running_ = true;
    current_ = 0;
    swapcontext(&main_, &threads_[0].context);
    running_ = false;
    if (!failure_ && afterwards_) afterwards_();
  }
  static void begin();
  void run_thread() {
    try {
      threads_[current_].f();
      point(threads_[current_].may_die);
    } catch (const std::exception& e) {
      fail(std::string("a thread threw: ") + e.what());
    }
    note("ends", nullptr, 0, Where::current());
    threads_[current_].state = State::ended;
    mark_what_is_held_by(current_);
    run_next();
  }
  /// Ends the run: the threads' stacks are left as they are.
  [[noreturn]] void leave() {
    setcontext(&main_);
    __builtin_unreachable();
  }

  static bool can_run(const Thread& t) {
    return t.state == State::runnable && (!t.waits_for || t.waits_for());
  }
  void hold() {
    threads_[current_].held = true;
    threads_[current_].held_since = pauses_;
  }
  void go_to(unsigned next) {
    threads_[next].held = false;
    threads_[next].paused = false;
    if (next == current_) return;
    const unsigned from = current_;
    current_ = next;
    swapcontext(&threads_[from].context, &threads_[next].context);
  }

  /// A thread that pauses, sleeps or has ended lets another run.
  void run_next() {
    for (;;) {
      const auto find = [&](auto&& may) -> std::optional<unsigned> {
        for (unsigned i = 1; i <= count_; ++i) {  // this one last
          const unsigned t = (current_ + i) % count_;
          if (can_run(threads_[t]) && may(threads_[t])) return t;
        }
        return std::nullopt;
      };
      // Nobody is held for ever: others may spin until this one goes on.
      for (Thread& t : threads_) t.held = t.held && pauses_ - t.held_since <= most_pauses;
      auto next = find([](const Thread& t) { return !t.held && !t.paused; });
      if (!next) next = find([](const Thread& t) { return !t.held; });
      if (!next) next = find([](const Thread&) { return true; });
      if (next) return go_to(*next);
      if (!pass_time()) {
        for (unsigned i = 0; i < count_; ++i)
          if (threads_[i].state <= State::asleep) return fail("stuck: waits, and nobody wakes it");
        leave();
      }
    }
  }
  /// All sleep: until the first has slept long enough.
  bool pass_time() {
    Thread* first = nullptr;
    for (unsigned i = 0; i < count_; ++i)
      if (threads_[i].state == State::asleep && threads_[i].until != INT64_MAX &&
          (first == nullptr || threads_[i].until < first->until))
        first = &threads_[i];
    if (first == nullptr) return false;
    if (++rescues_ > most_rescues) fail("stuck: all sleep, again and again");
    idle_ += std::max<std::int64_t>(first->until - now_, 0);
    now_ = std::max(now_, first->until);
    rouse(*first, Slept::timed_out);
    return true;
  }
  void rouse(Thread& t, Slept how) {
    t.state = State::runnable;
    t.paused = false;
    t.how = how;
    t.word = nullptr;
    t.knows.join(kernel_);
  }
  void mark_what_is_held_by(unsigned t) {
    for (void* at : threads_[t].list) {
      const std::uint64_t value = word(at, 4).stores.back().value;
      if ((value & kernel_id_bits) != threads_[t].id) continue;
      mark(t, at, 4, (value & ~std::uint64_t{kernel_id_bits}) | kernel_mark);
      note_of(t, "is marked as dead where it held something");
    }
  }
  /// What the kernel changes at a thread's end releases all that the thread did.
  void mark(unsigned t, void* at, std::size_t size, std::uint64_t value) {
    Word& w = word(at, size);
    Thread& dead = threads_[t];
    ++dead.knows.before[t];
    dead.knows.visible[t] = dead.knows.before[t];
    Knowledge released = dead.knows;
    released.join(w.stores.back().released);
    Stored stored{value, std::move(released), {}, 0, true};
    stored.seen.fill(never);
    stored.seen[t] = dead.knows.before[t];
    std::memcpy(at, &value, size);
    w.stores.push_back(std::move(stored));
    ++stores_;
  }

  /// Before each operation that others can notice.
  void point(bool to_deviate) {
    if (++steps_ > most_steps) return fail("goes on for ever");
    if (!to_deviate || deviations_ == deviations_allowed_) return;
    struct Deviation {
      enum { run, die, time_out } what;
      unsigned thread;
    };
    std::array<Deviation, 3 * most_threads> all;
    unsigned n = 0;
    for (unsigned i = 0; i < count_; ++i) {
      const Thread& t = threads_[i];
      if (can_run(t) && i != current_) all[n++] = {Deviation::run, i};
      if (t.may_die && (t.state == State::runnable || t.state == State::asleep))
        all[n++] = {Deviation::die, i};
      if (t.state == State::asleep && t.until != INT64_MAX) all[n++] = {Deviation::time_out, i};
    }
    const unsigned taken = choose(n + 1);
    if (taken == 0) return;
    const Deviation d = all[taken - 1];
    switch (d.what) {
      case Deviation::run:
        hold();
        go_to(d.thread);
        return;
      case Deviation::die:
        kill(d.thread);
        return;
      case Deviation::time_out:
        disturbed_ = true;
        now_ = std::max(now_, threads_[d.thread].until);
        rouse(threads_[d.thread], Slept::timed_out);
        note_of(d.thread, "has slept long enough");
        hold();
        go_to(d.thread);
        return;
    }
  }

  // ---- Memory
  Word& word(const void* at, std::size_t size) {
    Word& w = words_[at];
    if (w.stores.empty()) {
      std::uint64_t value = 0;
      std::memcpy(&value, at, size);
      w.stores.push_back({value, {}, {}, 0, false});  // seen by all from the beginning
      w.use = &uses_[at];
    }
    return w;
  }
  /// Whether others use it too.
  bool used(const Word& w, bool writes) {
    (writes ? w.use->writers : w.use->readers) |= static_cast<std::uint8_t>(1U << current_);
    if (!w.use->was_shared && w.use->is_shared()) more_is_shared_ = true;
    return w.use->was_shared;
  }
  bool is_new_look(Word& w) {
    Word::Look& look = w.looks[current_];
    look.times = look.stores_then == stores_ ? look.times + 1 : 1;
    look.stores_then = stores_;
    return look.times <= 2;
  }
  Thread& tick() {
    Thread& me = threads_[current_];
    ++me.knows.before[current_];
    me.knows.visible[current_] = me.knows.before[current_];
    return me;
  }

  std::uint64_t read(Word& w, Order order, const char* how, const void* at, const Where& where) {
    tick();
    Stored& s = w.stores[find(w, order, [](std::uint64_t) { return false; })];
    const std::uint64_t value = learn(s, order);
    note(how, at, value, where, &s != &w.stores.back());
    return value;
  }
  /// One of the stores that may be read; of those that will be changed only such as can be.
  template <class WillChange>
  std::size_t find(const Word& w, Order order, WillChange&& will_change) {
    std::array<std::size_t, 16> may;
    unsigned n = 0;
    for (std::size_t i = w.stores.size(); i-- > 0 && n < may.size();) {
      const bool is_free = i + 1 == w.stores.size() || !w.stores[i + 1].is_change;
      if (is_free || !will_change(w.stores[i].value)) may[n++] = i;
      if (cannot_be_missed(w.stores[i], threads_[current_].knows, order)) break;
    }
    const std::size_t found = may[choose(n)];
    if (found + 1 != w.stores.size()) idle_when_disturbed_ = idle_;
    return found;
  }
  /// What reading it does to who reads; its value.
  std::uint64_t learn(Stored& s, Order order) {
    Thread& me = threads_[current_];
    if (s.seen[current_] == never) s.seen[current_] = me.knows.before[current_];
    (acquires(order) ? me.knows : me.to_acquire).join(s.released);
    return s.value;
  }
  [[nodiscard]] bool cannot_be_missed(const Stored& s, const Knowledge& knows, Order order) const {
    const bool in_order = order == memory_order_seq_cst;
    if (s.order != 0 && (in_order || s.order <= knows.order)) return true;
    for (unsigned t = 0; t < most_threads; ++t) {
      if (s.seen[t] <= knows.visible[t]) return true;
      // What was seen before a seq_cst fence is seen by each seq_cst load after that.
      if (in_order && s.seen[t] <= fenced_[t]) return true;
    }
    return false;
  }
  void replace(Word& w, std::size_t found, void* at, std::size_t size, std::uint64_t value,
               Order order, const Where& where) {
    (void)learn(w.stores[found], order);
    Thread& me = threads_[current_];
    Knowledge released = releases(order) ? me.knows : me.fence_released;
    released.join(w.stores[found].released);  // goes on with its release sequence
    const bool is_newest = found + 1 == w.stores.size();
    insert(w, found + 1, at, size, value, std::move(released), order, true);
    note("changes it to", at, value, where, !is_newest);
  }
  void insert(Word& w, std::size_t place, void* at, std::size_t size, std::uint64_t value,
              Knowledge released, Order order, bool is_change) {
    Stored stored{value, std::move(released), {}, 0, is_change};
    stored.seen.fill(never);
    stored.seen[current_] = threads_[current_].knows.before[current_];
    if (order == memory_order_seq_cst) stored.order = ++stores_in_order_;
    if (place == w.stores.size()) std::memcpy(at, &value, size);
    w.stores.insert(w.stores.begin() + static_cast<std::ptrdiff_t>(place), std::move(stored));
    ++stores_;
    for (Thread& t : threads_) t.paused = false;
  }
  void race(const char* what) { fail(std::string("a data race: a plain variable is ") + what); }

  // ---- The source
  Order order_of(Order asked, const Where& where, bool failure) {
    const auto key = std::tuple(where.file_name(), where.line(), where.column(), failure);
    auto known = sites_.find(key);
    if (known == sites_.end()) {
      Site site{where.file_name(), where.line(), where.column(), failure};
      outcome_.orders.emplace(site, asked);
      const bool weak = weakened_ != nullptr && weakened_->site == site;
      known = sites_.emplace(key, weak ? std::optional(weakened_->order) : std::nullopt).first;
    }
    return known->second.value_or(asked);
  }

  void note(const char* what, const void* at, std::uint64_t value, const Where& where,
            bool is_stale = false) {
    if (!traced_) return;
    trace_ << "  " << current_ << ' ' << what;
    if (at != nullptr) {
      if (is_shared(at)) trace_ << " +" << static_cast<const std::byte*>(at) - arena_.get();
      trace_ << ": " << std::hex << value << std::dec;
    }
    if (is_stale) trace_ << " (old)";
    const std::string file = where.file_name();
    trace_ << "   " << file.substr(file.rfind('/') + 1) << ':' << where.line() << '\n';
  }
  void note_of(unsigned t, const char* what) {
    if (traced_) trace_ << "  " << t << ' ' << what << '\n';
  }

  Bounds bounds_;
  const Scenario& scenario_;
  const Weakened* weakened_;
  Outcome outcome_;

  struct Free {
    void operator()(std::byte* p) const { ::operator delete (p, std::align_val_t{4096}); }
  };
  std::array<std::unique_ptr<std::byte[]>, most_threads> stacks_;
  std::unique_ptr<std::byte, Free> arena_;
  std::size_t used_ = 0;

  std::vector<Choice> choices_;
  std::size_t at_choice_ = 0;
  unsigned deviations_ = 0;
  unsigned deviations_allowed_ = 0;
  std::unordered_map<const void*, Use> uses_;
  bool more_is_shared_ = false;

  // This run
  std::array<Thread, most_threads> threads_;
  unsigned count_ = 0;
  unsigned current_ = 0;
  std::function<void()> afterwards_;
  ucontext_t main_{};
  bool running_ = false;
  std::unordered_map<const void*, Word> words_;
  std::unordered_map<const void*, PlainWord> plain_;
  std::array<std::uint8_t, most_threads> marks_{};
  std::array<bool, most_threads> known_{};
  Clock fenced_{};                     // what came before seq_cst fences so far
  std::uint32_t stores_in_order_ = 0;  // seq_cst
  std::uint64_t stores_ = 0;
  std::uint64_t naps_ = 0;
  Knowledge kernel_;
  std::int64_t now_ = 1;
  std::int64_t idle_ = 0;
  std::int64_t idle_when_disturbed_ = 0;
  unsigned steps_ = 0;
  unsigned pauses_ = 0;
  unsigned rescues_ = 0;
  bool disturbed_ = false;
  std::optional<std::string> failure_;
  bool traced_ = false;
  std::ostringstream trace_;
  std::map<std::tuple<const char*, unsigned, unsigned, bool>, std::optional<Order>> sites_;
};

Explorer* explorer = nullptr;

void Explorer::begin() { explorer->run_thread(); }

bool running() { return explorer != nullptr && explorer->running(); }

std::uint64_t now_in(const void* at, std::size_t size) {
  std::uint64_t value = 0;
  std::memcpy(&value, at, size);
  return value;
}

}  // namespace

Outcome explore(Bounds bounds, const Scenario& scenario, const Weakened* weakened) {
  Explorer e(bounds, scenario, weakened);
  explorer = &e;
  Outcome outcome = e.run();
  explorer = nullptr;
  return outcome;
}

std::string name_of(const Site& site) {
  return site.file.substr(site.file.rfind('/') + 1) + ':' + std::to_string(site.line) + ':' +
         std::to_string(site.column) + (site.failure ? " (failure)" : "");
}

std::byte* Trial::memory(std::size_t bytes, std::size_t alignment) {
  return explorer->memory(bytes, alignment);
}
void Trial::thread(std::function<void()> f, bool may_die) {
  explorer->thread(std::move(f), may_die);
}
void Trial::is_known(unsigned thread) { explorer->is_known(thread); }
void Trial::afterwards(std::function<void()> f) { explorer->afterwards(std::move(f)); }

bool was_killed(unsigned thread) { return explorer->was_killed(thread); }
bool is_asleep(unsigned thread) { return explorer->is_asleep(thread); }
unsigned rescues() { return explorer->rescues(); }
bool was_disturbed() { return explorer->disturbed(); }
std::int64_t idle() { return explorer->idle(); }
std::int64_t idle_when_disturbed() { return explorer->idle_when_disturbed(); }

void wait_until(std::function<bool()> holds) { explorer->wait_until(std::move(holds)); }

void succeed(unsigned thread) { explorer->succeed(thread); }
void see_end(unsigned thread) { explorer->see_end(thread); }

void kill(unsigned thread) { explorer->kill(thread); }

void expect(bool holds, const char* what) {
  if (!holds) explorer->fail(what);
}

std::uint64_t load(const void* at, std::size_t size, Order order, const Where& where) {
  return running() ? explorer->load(at, size, order, where) : now_in(at, size);
}
void store(void* at, std::size_t size, std::uint64_t value, Order order, const Where& where) {
  if (running()) return explorer->store(at, size, value, order, where);
  std::memcpy(at, &value, size);
}
std::uint64_t change(void* at, std::size_t size, Order order, const Where& where,
                     const std::function<std::uint64_t(std::uint64_t)>& f) {
  if (running()) return explorer->change(at, size, order, where, f);
  const std::uint64_t old = now_in(at, size);
  const std::uint64_t value = f(old);
  std::memcpy(at, &value, size);
  return old;
}
bool exchange_if(void* at, std::size_t size, std::uint64_t& expected, std::uint64_t value,
                 Order success, Order failure, const Where& where) {
  if (running()) return explorer->exchange_if(at, size, expected, value, success, failure, where);
  const std::uint64_t old = now_in(at, size);
  if (old == expected) {
    std::memcpy(at, &value, size);
    return true;
  }
  expected = old;
  return false;
}
void fence(Order order, const Where& where) {
  if (running()) explorer->fence(order, where);
}
void pause() {
  if (running()) explorer->pause();
}
std::int64_t now() { return running() ? explorer->now() : 1; }
Slept sleep(const void* word, std::uint32_t expected, std::int64_t until) {
  return running() ? explorer->sleep(word, expected, until) : Slept::timed_out;
}
int wake(const void* word, int count) { return running() ? explorer->wake(word, count) : 0; }
std::uint32_t kernel_id() { return running() ? explorer->kernel_id() : most_threads + 1; }
void put_on_list(void* word) {
  if (running()) explorer->put_on_list(word);
}
void take_off_list(void* word) {
  if (running()) explorer->take_off_list(word);
}
unsigned self() { return running() ? explorer->self() : most_threads; }
bool is_dead(unsigned thread) {
  if (thread >= most_threads) return running();
  return running() ? explorer->is_dead(thread) : explorer->was_killed(thread);
}
bool has_seen_begin(unsigned thread) {
  return thread >= most_threads || !running() || explorer->has_seen_begin(thread);
}
bool is_shared(const void* at) { return explorer->is_shared(at); }
void read_plain(const void* at, const char* what) {
  if (running()) explorer->read_plain(at, what);
}
void write_plain(const void* at, const char* what) {
  if (running()) explorer->write_plain(at, what);
}

}  // namespace lagoon::test::model
