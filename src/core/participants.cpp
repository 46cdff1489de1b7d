#include <lagoon/core/participants.hpp>
#include <lagoon/error.hpp>

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <map>
#include <mutex>
#include <new>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace lagoon::core {

namespace detail {
constinit thread_local SelfCache self_cache{};
unsigned long fork_generation = 0;
}  // namespace detail

namespace {

/// What this process (not only this thread) knows of one table.
struct Here {
  std::uint64_t since = 0;
  std::array<std::uint32_t, 1 + Participants::things> used{};
  std::vector<std::size_t> slots;  // held by threads of this process
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
    while (!memberships->empty()) memberships->back().table->resign();
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
  for (auto& [table, here] : registry().tables) here.slots.clear();
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
    s.pid.store(static_cast<std::int32_t>(::getpid()), boost::memory_order_relaxed);
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

void Participants::resign() noexcept {
  auto& list = my_memberships();
  const auto found = std::find_if(list.begin(), list.end(),
                                  [this](const Membership& m) { return m.table == this; });
  if (found == list.end()) return;
  const std::size_t i = slot_of(found->owner);
  list.erase(found);
  detail::self_cache.line[cache_line()] = {};

  Registry& r = registry();
  const std::lock_guard guard(r.mutex);
  if (const auto here = r.tables.find(this); here != r.tables.end())
    std::erase(here->second.slots, i);
  Slot& s = slot(i);
  s.pid.store(0, boost::memory_order_relaxed);
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
