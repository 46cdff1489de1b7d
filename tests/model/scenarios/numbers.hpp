#pragma once
/// The queues of the scenarios.

#include <lagoon/core/copy.hpp>
#include <lagoon/core/message_queue.hpp>

#include <array>
#include <cstdint>
#include <memory>
#include <new>
#include <optional>

#include "helpers.hpp"

namespace lagoon::test::model {

/// A queue of numbers, each twice; a message fills a page, so that pages are soon used again.
class Numbers {
 public:
  explicit Numbers(Trial& trial, std::uint64_t maxsize = 0, bool of_tasks = false,
                   bool says_length = false, std::uint32_t fixed = 4032)
      : table_(&trial.make<Participants>()), bytes_(says_length ? fixed - 8 : fixed) {
    const core::MessageQueue::Shape shape{maxsize, says_length ? 0U : fixed, of_tasks};
    end_ = 64 + (core::MessageQueue::bytes_for(shape) + 63) / 64 * 64 + more;
    memory_ = trial.memory(end_);
    queue_ = new (memory_ + 64) core::MessageQueue(*table_, memory_, shape);
    *used_ = end_ - more;
  }

  /// False if it was full until the deadline.
  bool put(std::uint64_t x, Deadline deadline = Deadline::never()) const {
    core::MessageQueue::Draft draft;
    core::MessageQueue::Lack lack{};
    while (!queue_->draft(draft, bytes_, lack)) grow(lack);
    const std::array<std::uint64_t, 2> numbers{x, x};
    core::write_shared(draft.payload(), numbers.data(), sizeof numbers);
    return queue_->put(draft, deadline, lack) == core::Passed::yes;
  }
  /// Nothing if it was empty until the deadline.
  std::optional<std::uint64_t> get(Deadline deadline = Deadline::never()) const {
    std::array<std::uint64_t, 2> numbers{};
    const auto copy = [&](const std::byte* payload, std::size_t bytes) {
      expect(bytes == bytes_ || bytes == whole_page, "that is not its length");
      core::read_shared(numbers.data(), payload, sizeof numbers);
    };
    core::MessageQueue::Lack lack{};
    if (queue_->get(copy, deadline, lack) != core::Passed::yes) return std::nullopt;
    expect(numbers[0] == numbers[1] && numbers[0] != 0, "torn");
    return numbers[0];
  }
  /// One that fills a page; where the second of two would begin, it has what is no length.
  void put_large(std::uint64_t x) const {
    core::MessageQueue::Draft draft;
    core::MessageQueue::Lack lack{};
    while (!queue_->draft(draft, whole_page, lack)) grow(lack);
    const std::array<std::uint64_t, 2> numbers{x, x};
    core::write_shared(draft.payload(), numbers.data(), sizeof numbers);
    core::write_shared(draft.payload() + bytes_, &numbers, 8);
    expect(queue_->put_at_once(draft, lack) == core::Passed::yes, "there is no limit");
  }
  core::MessageQueue* operator->() const { return queue_; }
  /// As who attaches looks at it, whatever others do meanwhile.
  void expect_is_sound() const {
    expect(queue_->is_sound(*table_, memory_, end_, queue_->maxsize(), false), "taken for damaged");
  }
  /// When it is empty, and the head has gone on: as many as it has pages, but for those of the
  /// living, can be put, without more memory.
  void expect_all_is_free(std::uint64_t living) const {
    put(9);
    expect(get(Deadline::now()) == 9, "and it goes on");
    (void)queue_->done();
    for (std::uint64_t i = 1; i <= 4 - living; ++i) {
      core::MessageQueue::Draft draft;
      core::MessageQueue::Lack lack{};
      const bool is_there = queue_->draft(draft, bytes_, lack);
      expect(is_there, "memory is lost");
      if (!is_there) return;
      const std::array<std::uint64_t, 2> numbers{i, i};
      core::write_shared(draft.payload(), numbers.data(), sizeof numbers);
      expect(queue_->put_at_once(draft, lack) == core::Passed::yes, "and it goes on");
    }
    for (std::uint64_t i = 1; i <= 4 - living; ++i) {
      expect(get(Deadline::now()) == i, "in order");
      (void)queue_->done();
    }
  }

 private:
  static constexpr std::size_t more = 64 << 10;
  static constexpr std::size_t whole_page = 4024;
  void grow(const core::MessageQueue::Lack& lack) const {
    queue_->grow(
        lack,
        [] {
          return core::MessageQueue::Piece{0, 0};
        },
        [this](std::size_t) {
          *used_ += 8192;
          return core::MessageQueue::Piece{*used_ - 8192, 8192};
        });
  }
  Participants* table_;
  std::byte* memory_;
  core::MessageQueue* queue_;
  std::size_t bytes_;
  std::uint64_t end_;
  std::shared_ptr<std::uint64_t> used_ = truth<std::uint64_t>();
};

}  // namespace lagoon::test::model
