#pragma once
/// What is in containers and queues, as bytes, for who does not know what these are of.

#include <lagoon/container.hpp>
#include <lagoon/core/copy.hpp>
#include <lagoon/core/entries.hpp>
#include <lagoon/core/sequence.hpp>
#include <lagoon/queue_base.hpp>
#include <lagoon/record_bytes.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace lagoon::detail {

struct RawRecord {
  std::vector<std::byte> near, far;
  core::Entries::Hash hash;  // of what has keys
};

/// Looks at records, of either container.
class RawLook : public RecordBytes {
 public:
  using RecordBytes::RecordBytes;

  [[nodiscard]] core::Entries::Is is_it() {
    return is_whole() ? core::Entries::Is::it : core::Entries::Is::gone;
  }
  [[nodiscard]] RawRecord record(core::Entries::Hash hash = 0) const {
    const auto near_bytes = near();
    const auto far_bytes =
        far() ? bytes().subspan(near_bytes.size()) : std::span<const std::byte>();
    return {{near_bytes.begin(), near_bytes.end()}, {far_bytes.begin(), far_bytes.end()}, hash};
  }
};

/// A Dict, Namespace or List, whose records refer to nothing.
template <class State>
class RawContainer : public ContainerHandle<State> {
  static constexpr bool has_keys = std::is_same_v<State, core::Entries>;

 public:
  explicit RawContainer(Handle handle) : ContainerHandle<State>(std::move(handle)) {}

  /// In their order, as of one time.
  [[nodiscard]] std::vector<RawRecord> records() const {
    return this->at_one_time([&] {
      const State& state = this->look();
      std::vector<RawRecord> records;
      RawLook look(state.slab());
      if constexpr (has_keys) {
        for (typename State::Position at; state.next(at, look);)
          records.push_back(look.record(state.hash_at(at)));
      } else {
        for (std::uint64_t i = 0; state.read(i, look); ++i) records.push_back(look.record());
      }
      return records;
    });
  }
  /// Of another one with the same keys and elements, behind those that are here; no key twice.
  void fill(const std::vector<RawRecord>& records) {
    const typename ContainerHandle<State>::Turn turn(*this);
    State& state = this->state();
    for (const RawRecord& record : records) {
      const core::Record::Size size{record.near.size(), record.far};
      const auto fill = [&](std::byte* near) {
        core::write_shared(near, record.near.data(), record.near.size());
      };
      if constexpr (has_keys)
        this->with_memory([&] { return State::bytes_taken(size) + state.bytes_of_room(1); },
                          [&] { return state.put({}, record.hash, size, fill); });
      else
        this->with_memory(
            [&] {
              return core::Record::bytes_taken(size.near_bytes, size.far.size()) +
                     state.bytes_of_row(state.size() + 1);
            },
            [&] { return state.append(size, fill); });
    }
  }
};

class RawQueue : public QueueBase {
 public:
  explicit RawQueue(Handle handle) : QueueBase(std::move(handle)) {}
  RawQueue(RawQueue&&) = delete;
  RawQueue& operator=(RawQueue&&) = delete;

  [[nodiscard]] core::MessageQueue::Shape shape() const noexcept { return state_->shape(); }
  template <class F>
  void for_each(F&& f) {
    Received received;
    state_->for_each(
        [&](const std::byte* payload, std::size_t bytes) { received.copy(payload, bytes); },
        [&] { f(received.bytes()); });
  }
  void put(std::span<const std::byte> message) {
    Draft draft;
    begin(draft, message.size());
    core::write_shared(draft.payload(), message.data(), message.size());
    (void)QueueBase::put(draft, nullptr);
  }
};

}  // namespace lagoon::detail
