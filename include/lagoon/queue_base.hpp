#pragma once
/// What Queue and JoinableQueue (queue.hpp) have in common, whatever is put: how many are in it,
/// and how bytes come in and out.

#include <lagoon/core/futex.hpp>
#include <lagoon/core/message_queue.hpp>
#include <lagoon/shared.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>

namespace lagoon::detail {

/// A message that was got.
class Received {
 public:
  /// What is there from `payload` on.
  void copy(const std::byte* payload, std::size_t bytes);
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept {
    return {far_ ? far_.get() : near_, size_};
  }

 private:
  std::size_t size_ = 0;
  std::size_t capacity_ = sizeof near_;
  std::unique_ptr<std::byte[]> far_;
  std::byte near_[1000];  // NOLINT: written before it is read
};

/// Zero for none.
std::uint64_t limit_of(long long maxsize);

/// What does not depend on what is put.
class QueueBase : public Handled<core::MessageQueue> {
 public:
  /// How many have been put and not got.
  [[nodiscard]] std::uint64_t qsize() const noexcept { return state_->size(); }
  [[nodiscard]] bool empty() const noexcept { return state_->is_empty(); }
  [[nodiscard]] bool full() const noexcept { return maxsize() != 0 && qsize() >= maxsize(); }
  /// How many there may be; zero: no limit.
  [[nodiscard]] std::uint64_t maxsize() const noexcept { return state_->maxsize(); }
  /// Whether the object was erased.
  [[nodiscard]] bool gone() const noexcept {
    return state_ != nullptr && (state_->is_gone() || Handled::gone());
  }

  static constexpr bool is_read_only = false;

 protected:
  using Lack = core::MessageQueue::Lack;
  using Draft = core::MessageQueue::Draft;

  QueueBase(const Place& place, const Stamp& stamp, core::MessageQueue::Shape shape);
  explicit QueueBase(Handle handle) noexcept : Handled(std::move(handle)) {}
  QueueBase(QueueBase&&) noexcept = default;
  QueueBase& operator=(QueueBase&&) noexcept = default;
  ~QueueBase() = default;

  void begin(Draft& draft, std::size_t bytes) {
    if (state_ == nullptr) [[unlikely]]
      throw_moved_from();
    Lack lack;
    while (!state_->draft(draft, bytes, lack)) [[unlikely]] add_memory(lack, bytes);
  }
  /// Whether there was room. Who does not wait has no deadline.
  bool put(Draft& draft, const core::Deadline* deadline) {
    Lack lack;
    for (;;) {
      const core::Passed put = deadline == nullptr ? state_->put_at_once(draft, lack)
                                                   : state_->put(draft, *deadline, lack);
      if (put == core::Passed::yes) [[likely]]
        return true;
      if (!goes_on(put, lack)) return false;
    }
  }
  template <class Copy>
  bool get(Copy&& copy, const core::Deadline* deadline) {
    if (state_ == nullptr) [[unlikely]]
      throw_moved_from();
    Lack lack;
    for (;;) {
      const core::Passed got = deadline == nullptr ? state_->get_at_once(copy, lack)
                                                   : state_->get(copy, *deadline, lack);
      if (got == core::Passed::yes) [[likely]]
        return true;
      if (!goes_on(got, lack)) return false;
    }
  }
  void do_task_done();
  bool do_join(core::Deadline deadline);
  [[noreturn]] void throw_full() const;
  [[noreturn]] void throw_empty() const;
  [[noreturn]] void throw_damaged_message() const;

 private:
  bool goes_on(core::Passed passed, const Lack& lack);
  void add_memory(const Lack& lack, std::size_t bytes);
};

}  // namespace lagoon::detail
