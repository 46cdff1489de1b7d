#include <lagoon/core/participants.hpp>
#include <lagoon/error.hpp>

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <semaphore>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace lagoon::core {

namespace detail {
constinit thread_local SelfCache self_cache{};
unsigned long fork_generation = 0;
}  // namespace detail

namespace {

/// Signals are for the application's threads: one that is made meanwhile gets none.
class NoSignals {
 public:
  NoSignals() noexcept {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  NoSignals(const NoSignals&) = delete;
  NoSignals& operator=(const NoSignals&) = delete;
  ~NoSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_;
};

/// A process is waited for while one of its threads is enrolled. Where the last one ends and others
/// go on with what it has opened, this one is enrolled in its place; if there is one.
class Keeper {
 public:
  explicit Keeper(Participants& table) : thread_(start(table)) { has_tried_.acquire(); }
  Keeper(const Keeper&) = delete;
  Keeper& operator=(const Keeper&) = delete;
  ~Keeper() {
    may_leave_.release();
    thread_.join();
  }

 private:
  std::thread start(Participants& table) {
    const NoSignals no_signals;
    return std::thread([&] {
      try {
        (void)table.self();
      } catch (const std::exception&) {
        // There is no place for it.
      }
      has_tried_.release();
      may_leave_.acquire();
      table.resign();
    });
  }

  std::binary_semaphore has_tried_{0}, may_leave_{0};
  std::thread thread_;
};

/// What this process (not only this thread) knows of one table.
struct Here {
  std::uint32_t process = 0;  // its number
  std::uint64_t since = 0;
  std::array<std::uint32_t, 1 + Participants::things> used{};
  std::vector<std::size_t> slots;  // held by threads of this process
  std::size_t leaving = 0;         // so many of these are about to end
  std::unique_ptr<Keeper> keeper;

  [[nodiscard]] bool uses_something() const noexcept {
    return std::any_of(used.begin(), used.end(), std::identity());
  }
};

struct Registry {
  std::mutex mutex;
  std::map<const Participants*, Here> tables;
};

/// Never destroyed: threads may end, and enrol, later than static destructors run.
Registry& registry() {
  static Registry& r = *new Registry;
  return r;
}

struct Membership {
  Participants* table;
  Owner owner;
};

/// What the calling thread has enrolled in. Static objects may be destroyed after the main thread's
/// thread-local ones: the list itself is trivial, and begun anew if it is needed so late.
constinit thread_local std::vector<Membership>* memberships = nullptr;

/// Gives the slots back at the thread's end; when this does not run (SIGKILL, _exit) the kernel's
/// mark says the same.
struct AtThreadEnd {
  bool armed = false;
  ~AtThreadEnd() {
    if (memberships == nullptr) return;
    while (!memberships->empty()) memberships->back().table->thread_ends();
    delete std::exchange(memberships, nullptr);
  }
};
thread_local AtThreadEnd at_thread_end;

std::vector<Membership>& my_memberships() {
  if (memberships == nullptr) {
    memberships = new std::vector<Membership>;
    at_thread_end.armed = true;  // naming it makes sure that it is destroyed
  }
  return *memberships;
}

void before_fork() { registry().mutex.lock(); }
void after_fork_in_parent() { registry().mutex.unlock(); }
void after_fork_in_child() {
  // The slots are the parent's threads': nothing here is ours any more.
  if (memberships != nullptr) memberships->clear();
  detail::self_cache = {};
  for (auto& [table, here] : registry().tables) {
    here.slots.clear();
    here.leaving = 0;
    here.process = 0;
    (void)here.keeper.release();  // its thread is the parent's
  }
  ++detail::fork_generation;
  registry().mutex.unlock();
}

}  // namespace

Participants& Participants::make(void* memory, std::size_t capacity) {
  auto* table = new (memory) Participants(std::clamp<std::size_t>(capacity, 1, max_capacity));
  for (std::size_t i = 0; i < table->capacity_; ++i) new (&table->slot(i)) Slot{};
  return *table;
}

bool Participants::is_dead(Owner owner) const noexcept {
  const std::size_t i = slot_of(owner);
  return i >= capacity_ || slot(i).tenure.is_dead(generation_of(owner));
}

Owner Participants::self_slow() {
  for (const Membership& m : my_memberships()) {
    if (m.table == this) {
      detail::self_cache.line[cache_line()] = {this, m.owner};
      return m.owner;
    }
  }
  const Owner owner = enrol();
  my_memberships().push_back({this, owner});
  detail::self_cache.line[cache_line()] = {this, owner};
  return owner;
}

void Participants::say_reads_again(const void* word) const noexcept {
  if (memberships == nullptr) return;
  for (const Membership& m : *memberships)
    if (m.table == this) slot(slot_of(m.owner)).notes.reads_again(place_of(word));
}

Participants::Waits Participants::waits(const void* begin, const void* end) const {
  const WaitNotes::Place first = place_of(begin);
  const auto lines = (reinterpret_cast<std::uintptr_t>(end) - 1) / 64 -
                     reinterpret_cast<std::uintptr_t>(begin) / 64;
  const auto is_in = [&](WaitNotes::Place place) { return place - first <= lines; };
  Waits all;
  if (first == WaitNotes::nowhere || begin == end) return all;
  for (std::size_t i = 0; i < used_.load(boost::memory_order_acquire); ++i) {
    const Slot& s = slot(i);
    // In this order: who is seen to wait is counted.
    const Tenure::Last last = s.tenure.last();
    if (const auto at = s.notes.waits(last.generation); is_in(at.place) && s.tenure.is_live())
      all.waiting.push_back({last.thread, at.has_deadline});
    s.notes.each([&](WaitNotes::Place place, WaitNotes::What what, std::uint32_t times) {
      if (is_in(place)) (what == WaitNotes::What::waited ? all.waited : all.read_again) += times;
    });
  }
  return all;
}

void Participants::register_fork_handlers() {
  static const int registered =
      pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
  if (registered != 0) throw SystemError(registered, "cannot register what fork must do");
}

Owner Participants::enrol() {
  register_fork_handlers();
  my_memberships().reserve(my_memberships().size() + 1);
  Registry& r = registry();
  const std::lock_guard guard(r.mutex);
  Here& here = r.tables[this];
  here.slots.reserve(here.slots.size() + 1);

  for (std::size_t i = 0; i < capacity_; ++i) {
    Slot& s = slot(i);
    const std::optional<std::uint64_t> generation = s.tenure.take();
    if (!generation) continue;
    s.births.store(0, boost::memory_order_relaxed);
    for (std::size_t w = 0; w < here.used.size(); ++w)
      s.used[w].store(here.used[w], boost::memory_order_release);
    s.since.store(here.since, boost::memory_order_release);
    while (here.process == 0)
      here.process = processes_.fetch_add(1, boost::memory_order_relaxed) + 1;
    s.process.store(here.process, boost::memory_order_relaxed);
    std::uint64_t used = used_.load(boost::memory_order_relaxed);
    while (used < i + 1 && !used_.compare_exchange_weak(used, i + 1)) {
    }
    here.slots.push_back(i);
    return (*generation << 16) | (i << 2);
  }
  throw OutOfMemory("all " + std::to_string(capacity_) +
                    " places for participants of this segment are taken by living threads; make "
                    "the segment with a larger Options::participants");
}

void Participants::thread_ends() noexcept {
  Registry& r = registry();
  bool wants_keeper = false;
  {
    const std::lock_guard guard(r.mutex);
    Here& here = r.tables[this];
    const bool is_last = ++here.leaving == here.slots.size();
    wants_keeper = is_last && here.uses_something() &&
                   ::gettid() != ::getpid();  // with the main thread the process ends, as a rule
  }
  if (wants_keeper) try {
      auto keeper = std::make_unique<Keeper>(*this);
      const std::lock_guard guard(r.mutex);
      r.tables[this].keeper.swap(keeper);
    } catch (const std::exception&) {
      // Not one more thread: the process is not waited for until another one enrols.
    }
  leave(true);
}

void Participants::end_keeper() noexcept {
  std::unique_ptr<Keeper> keeper;
  const std::lock_guard guard(registry().mutex);
  if (const auto here = registry().tables.find(this); here != registry().tables.end())
    keeper.swap(here->second.keeper);
}

void Participants::resign() noexcept { leave(false); }

void Participants::leave(bool thread_ends) noexcept {
  auto& list = my_memberships();
  const auto found = std::find_if(list.begin(), list.end(),
                                  [this](const Membership& m) { return m.table == this; });
  if (found == list.end()) return;
  const std::size_t i = slot_of(found->owner);
  list.erase(found);
  detail::self_cache.line[cache_line()] = {};

  Registry& r = registry();
  const std::lock_guard guard(r.mutex);
  if (const auto here = r.tables.find(this); here != r.tables.end()) {
    std::erase(here->second.slots, i);
    if (thread_ends) --here->second.leaving;
  }
  Slot& s = slot(i);
  s.tenure.resign();
}

void Participants::forget() noexcept {
  Registry& r = registry();
  const std::lock_guard guard(r.mutex);
  r.tables.erase(this);
}

std::size_t Participants::members_here() const noexcept {
  Registry& r = registry();
  const std::lock_guard guard(r.mutex);
  const auto here = r.tables.find(this);
  return here == r.tables.end() ? 0 : here->second.slots.size();
}

std::uint32_t Participants::process_here() const noexcept {
  Registry& r = registry();
  const std::lock_guard guard(r.mutex);
  const auto here = r.tables.find(this);
  return here == r.tables.end() ? 0 : here->second.process;
}

void Participants::stamp_process(std::uint64_t since) {
  Registry& r = registry();
  const std::lock_guard guard(r.mutex);
  Here& here = r.tables[this];
  here.since = since;
  for (const std::size_t i : here.slots) slot(i).since.store(since, boost::memory_order_release);
}

void Participants::say(std::size_t word, std::uint32_t what) noexcept {
  Registry& r = registry();
  const std::lock_guard guard(r.mutex);
  const auto here = r.tables.find(this);
  if (here == r.tables.end()) return;
  here->second.used[word] = what;
  for (const std::size_t i : here->second.slots)
    slot(i).used[word].store(what, boost::memory_order_release);
}

bool Participants::is_of_this_process(std::size_t slot_index) const noexcept {
  Registry& r = registry();
  const std::lock_guard guard(r.mutex);
  const auto here = r.tables.find(this);
  if (here == r.tables.end()) return false;
  const auto& slots = here->second.slots;
  return std::find(slots.begin(), slots.end(), slot_index) != slots.end();
}

Owner Participants::expect_child() {
  const Owner parent = self();
  slot(slot_of(parent)).births.fetch_add(1, boost::memory_order_acq_rel);
  return parent;
}

void Participants::child_arrived(Owner parent) noexcept {
  if (!is_dead(parent)) slot(slot_of(parent)).births.fetch_sub(1, boost::memory_order_acq_rel);
}

bool Participants::birth_pending() const noexcept {
  for (std::size_t i = 0; i < used_.load(boost::memory_order_acquire); ++i)
    if (slot(i).tenure.is_live() && slot(i).births.load(boost::memory_order_acquire) != 0)
      return true;
  return false;
}

}  // namespace lagoon::core
