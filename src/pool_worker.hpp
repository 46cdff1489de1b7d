#pragma once
/// A Pool's worker: what it shares with its parent, and its life. See docs/pool.md.

#include <lagoon/codec.hpp>
#include <lagoon/pool_call.hpp>
#include <lagoon/queue.hpp>
#include <lagoon/shared.hpp>

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "task_table.hpp"

namespace lagoon::detail {

/// A ticket and what goes with it. Who puts one only lends the bytes; who gets one has them.
class Packet {
 public:
  Packet(TaskTable::Ticket ticket, std::span<const std::byte> lent) noexcept
      : ticket_(ticket), lent_(lent) {}
  Packet(TaskTable::Ticket ticket, Bytes own) noexcept : ticket_(ticket), own_(std::move(own)) {}
  Packet(Packet&&) noexcept = default;
  Packet& operator=(Packet&&) noexcept = default;

  [[nodiscard]] TaskTable::Ticket ticket() const noexcept { return ticket_; }
  [[nodiscard]] std::span<const std::byte> lent() const noexcept { return lent_; }
  [[nodiscard]] Bytes& own() noexcept { return own_; }

 private:
  TaskTable::Ticket ticket_;
  std::span<const std::byte> lent_;
  Bytes own_;
};

}  // namespace lagoon::detail

template <>
struct lagoon::Codec<lagoon::detail::Packet> {
  static constexpr std::string_view name = "pool packet";
  static void encode(Encoder& to, const detail::Packet& x) {
    to.put(x.ticket()).put_bytes(x.lent().data(), x.lent().size());
  }
  static detail::Packet decode(Decoder& from) {
    const auto ticket = from.take<detail::TaskTable::Ticket>();
    const auto bytes = from.take_bytes(from.left());
    return {ticket, detail::Bytes(bytes.begin(), bytes.end())};
  }
};

namespace lagoon::detail {

/// Instead of a ticket, from a worker: it takes tasks from now on, or its initializer has thrown;
/// its number goes with it. From the parent: there is no more to do.
inline constexpr TaskTable::Ticket has_begun = TaskTable::last_ticket + 1;
inline constexpr TaskTable::Ticket cannot_begin = TaskTable::last_ticket + 2;
inline constexpr TaskTable::Ticket wakes_only = TaskTable::last_ticket + 3;

/// What a pool's processes share.
struct PoolMemory {
  Shared<TaskTable> table{};
  Queue<Packet> hints{};
  Queue<Packet> results{};
};

struct Worker {
  TaskTable::Worker number;
  pid_t parent;
  bool ends_with_thread;  ///< the one that forks it: it is the parent's main thread
  const std::function<void()>* initializer;
  std::optional<int> maxtasks;

  /// In the child; its exit code.
  int live(PoolMemory& memory) const;

 private:
  void serve(PoolMemory& memory) const;
  void run(PoolMemory& memory, TaskTable::Ticket ticket, std::span<const std::byte> chunk) const;
  void tell(PoolMemory& memory, TaskTable::Ticket what, const Bytes& outcome) const;
  [[nodiscard]] bool has_parent() const noexcept;
};

}  // namespace lagoon::detail
