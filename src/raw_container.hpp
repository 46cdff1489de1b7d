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
#include <map>
#include <optional>
#include <span>
#include <type_traits>
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

  /// In their order, as of one time; nothing if one of them refers to objects.
  [[nodiscard]] std::optional<std::vector<RawRecord>> records() const {
    using Records = std::optional<std::vector<RawRecord>>;
    Records all = this->at_one_time([&]() -> Records {
      const State& state = this->look();
      std::vector<RawRecord> records;
      RawLook look(state.slab());
      if constexpr (has_keys) {
        for (typename State::Position at; state.next(at, look);) {
          if (look.refers()) return std::nullopt;
          records.push_back(look.record(state.hash_at(at)));
        }
      } else {
        for (std::uint64_t i = 0; state.read(i, look); ++i) {
          if (look.refers()) return std::nullopt;
          records.push_back(look.record());
        }
      }
      return records;
    });
    (void)this->look();  // Gone, if it was erased meanwhile, and this may be another's
    return all;
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
  using Messages = std::map<std::uint64_t, std::vector<std::byte>>;  // by position
  [[nodiscard]] Messages messages() {
    Messages all;
    Received received;
    state_->for_each(
        [&](const std::byte* payload, std::size_t bytes) { received.copy(payload, bytes); },
        !handle_.is_read_only(),
        [&](std::uint64_t position) {
          const auto bytes = received.bytes();
          all.emplace(position, std::vector<std::byte>(bytes.begin(), bytes.end()));
        });
    if (gone()) throw_gone();
    return all;
  }
  /// False if it is full.
  bool put(std::span<const std::byte> message) {
    Draft draft;
    begin(draft, message.size());
    core::write_shared(draft.payload(), message.data(), message.size());
    return QueueBase::put(draft, nullptr);
  }
};

}  // namespace lagoon::detail
