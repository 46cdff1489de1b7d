#include "reach.hpp"

#include <unistd.h>

#include <algorithm>
#include <exception>
#include <utility>

namespace lagoon::detail {

void Reach::join() {
  // Of a heap nothing that its own process has ended is waited for, but by its children.
  since_ = heap_of_ != 0 ? ~std::uint64_t{0} : directory_.header().epoch.load();
  core::Participants& table = directory_.participants();
  table.stamp_process(since_);
  (void)table.self();
}

void Reach::opened(Block* block) {
  const std::lock_guard guard(mutex_);
  add(block);
}

bool Reach::closed(Block* block) noexcept {
  const std::lock_guard guard(mutex_);
  return remove(block);
}

/// Never zero; some share one where there are more than 128 GiB.
std::uint32_t Reach::number_of(const Block* block) const noexcept {
  return static_cast<std::uint32_t>(directory_.offset_of(block) / alignof(Block)) | 1U << 31;
}

void Reach::add(const Block* block) {
  if (++handles_[block] != 1) return;
  core::Participants& table = directory_.participants();
  const auto place = std::find(told_.begin(), told_.end(), nullptr);
  if (place != told_.end()) {
    *place = block;
    table.say_used(static_cast<std::size_t>(place - told_.begin()), number_of(block));
  } else {
    untold_.insert(block);
    table.say_more_used(true);
  }
}

bool Reach::remove(const Block* block) noexcept {
  const auto found = handles_.find(block);
  if (found == handles_.end() || --found->second != 0) return false;
  handles_.erase(found);
  core::Participants& table = directory_.participants();
  const bool are_more = !untold_.empty();
  if (untold_.erase(block) == 0) {
    const auto place = std::find(told_.begin(), told_.end(), block);
    *place = untold_.empty() ? nullptr : *untold_.begin();
    untold_.erase(*place);
    table.say_used(static_cast<std::size_t>(place - told_.begin()),
                   *place == nullptr ? 0 : number_of(*place));
  }
  if (are_more && untold_.empty()) table.say_more_used(false);  // its place was told before
  return true;
}

bool Reach::is_reachable(const Block* block) const {
  if (is_among_the_living(block)) return true;
  // Those who were forked meanwhile may have missed the look, and their parents may be dead: a look
  // counts if no fork was under way before and none has begun since.
  const std::uint64_t epoch = directory_.header().epoch.load(boost::memory_order_acquire);
  if (BirthMark::is_set_by_anyone(file_, directory_.participants()) || is_among_the_living(block))
    return true;
  boost::atomic_thread_fence(boost::memory_order_acquire);
  return directory_.header().epoch.load(boost::memory_order_relaxed) != epoch;
}

bool Reach::is_among_the_living(const Block* block) const {
  const bool named = !block->is_nameless() || block->is_stored();
  const std::uint64_t made = block->id.load(boost::memory_order_relaxed);
  const std::uint64_t ended = block->ended.load(boost::memory_order_relaxed);
  const std::uint32_t number = number_of(block);
  boost::atomic_thread_fence(boost::memory_order_seq_cst);  // (1)
  const auto cannot_reach = [&](const core::Participants::Living& one) {
    if (one.is_of_this_process()) {
      const std::lock_guard guard(mutex_);
      return !handles_.contains(block);
    }
    if (!one.may_use(number)) return true;
    const std::uint64_t since = one.since();
    // A named object, or a stored one, may have been opened by anyone who was there before its end;
    // another was inherited by those forked while it was.
    return (since & ~inherits) >= ended || (!named && since < made);
  };
  return !directory_.participants().all_living(cannot_reach);
}

bool Reach::has_handle_to_erased() noexcept {
  const std::uint64_t ends = directory_.header().ends.load(boost::memory_order_acquire);
  if (ends == ends_) return false;
  const bool has_one = std::any_of(handles_.begin(), handles_.end(), [](const auto& handle) {
    return handle.first->state() == Block::erased;
  });
  if (!has_one) ends_ = ends;
  return has_one;
}

bool Reach::can_trace() const noexcept { return heap_of_ == 0 || heap_of_ == ::getpid(); }

/// Who has a handle to something erased cannot say so now, and is not asked at each look.
bool Reach::is_asked() noexcept {
  const std::uint64_t asked = directory_.header().asked.load(boost::memory_order_relaxed);
  if (heap_of_ != 0 || asked <= (since_ & ~inherits)) return false;
  if (std::exchange(asked_, asked) != asked) times_asked_ = 0;
  return times_asked_++ % 64 == 0;
}

void Reach::acknowledge() {
  if (heap_of_ != 0) return;
  std::uint64_t now = 0;
  {
    const std::lock_guard guard(mutex_);
    if (has_handle_to_erased()) return;
    since_ = now = directory_.header().epoch.load(boost::memory_order_acquire);
  }
  directory_.participants().stamp_process(now);
}

void Reach::before_fork() noexcept {
  mutex_.lock();
  if (!birth_.set(file_, directory_.participants())) return;
  // What the child can reach of its parent's own heap is what exists now; and of a segment, unless
  // its parent has handles to what was erased.
  const std::uint64_t now = directory_.next_epoch();
  if (!has_handle_to_erased())
    child_since_ = now;
  else
    child_since_ = (heap_of_ == ::getpid() ? 0 : since_) | inherits;
}

void Reach::after_fork_in_parent() noexcept {
  birth_.forget();
  mutex_.unlock();
}

void Reach::after_fork_in_child() noexcept {
  core::Participants& table = directory_.participants();
  if (birth_.is_set()) {
    try {
      since_ = child_since_;
      table.stamp_process(since_);
      (void)table.self();
      birth_.arrived(table);
    } catch (const std::exception&) {
      // It goes on being on its way: nothing is used again.
    }
  }
  mutex_.unlock();
}

}  // namespace lagoon::detail
