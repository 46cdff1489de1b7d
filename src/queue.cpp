#include <lagoon/container.hpp>
#include <lagoon/queue.hpp>

#include <algorithm>
#include <string>

namespace lagoon::detail {

void Received::copy(const std::byte* payload, std::size_t bytes) {
  if (bytes > capacity_) {
    far_ = std::make_unique_for_overwrite<std::byte[]>(bytes);
    capacity_ = bytes;
  }
  size_ = bytes;
  core::read_shared(far_ ? far_.get() : near_, payload, bytes);
}

std::uint64_t limit_of(long long maxsize) {
  return static_cast<std::uint64_t>(std::max(maxsize, 0LL));
}

QueueBase::QueueBase(const Place& place, const Stamp& stamp, core::MessageQueue::Shape shape)
    : Handled(make_or_find(place, stamp, core::MessageQueue::bytes_for(shape),
                           [&](std::byte* payload, core::Participants& table) {
                             new (payload) core::MessageQueue(table, base_of(table), shape);
                           })) {}

/// Whether it is to be tried again.
bool QueueBase::goes_on(core::Passed passed, const Lack& lack) {
  if (passed == core::Passed::is_gone) throw_gone();
  if (passed == core::Passed::no) return false;
  if (passed == core::Passed::is_damaged)
    throw LayoutMismatch(describe("queue") + " is damaged: its end is not to be found");
  add_memory(lack, 0);
  return true;
}

void QueueBase::add_memory(const Lack& lack, std::size_t bytes) {
  if (gone()) throw_gone();
  if (lack.of == Lack::Of::pages && lack.size == core::Pages::sizes)
    throw OutOfMemory(describe("queue") + " cannot hold a message of " + std::to_string(bytes) +
                      " bytes: " + std::to_string(core::Pages::room_of(core::Pages::sizes - 1)) +
                      " at most");
  state_->grow(
      lack,
      [this] {
        const Memory newest = handle_.newest_part();
        return core::MessageQueue::Piece{newest.at, newest.bytes};
      },
      [this](std::size_t wanted) {
        const Memory part = handle_.add_part(wanted);
        return core::MessageQueue::Piece{part.at, part.bytes};
      });
}

void QueueBase::do_task_done() {
  if (gone()) throw_gone();
  if (!state_->done())
    throw UsageError("ValueError: task_done() called too many times: of what was got from " +
                     describe("queue") + " all is done");
}

bool QueueBase::do_join(core::Deadline deadline) {
  const core::Passed joined = state_->join(deadline);
  if (joined == core::Passed::is_gone) throw_gone();
  return joined == core::Passed::yes;
}

void QueueBase::throw_damaged_message() const {
  throw LayoutMismatch(describe("queue") + " is damaged: a message in it is shorter than it says");
}

void QueueBase::throw_full() const {
  throw Full("queue.Full: " + describe("queue") + " is full: it has " + std::to_string(maxsize()) +
             (maxsize() == 1 ? " message" : " messages") + ", as many as it may");
}

void QueueBase::throw_empty() const {
  throw Empty("queue.Empty: " + describe("queue") + " is empty");
}

}  // namespace lagoon::detail
