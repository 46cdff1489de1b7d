#include "object_bytes.hpp"

#include <lagoon/core/copies.hpp>
#include <lagoon/core/copy.hpp>
#include <lagoon/error.hpp>
#include <lagoon/lock.hpp>
#include <lagoon/locks/reader_writer.hpp>
#include <lagoon/mode.hpp>

#include <algorithm>
#include <exception>
#include <new>
#include <thread>

namespace lagoon::detail {

namespace {

/// read(), with the lock L held that a payload begins with.
template <class L, class F>
void with_lock(const Handle& handle, std::chrono::nanoseconds timeout, F&& read) {
  auto& lock = *reinterpret_cast<typename GuardedBy<L>::State*>(handle.payload());
  const core::Deadline deadline = core::Deadline::after(timeout);
  constexpr bool is_shared = requires { lock.acquire_shared_until(deadline); };
  const auto acquire = [&] {
    if constexpr (is_shared)
      return lock.acquire_shared_until(deadline);
    else
      return lock.acquire_until(deadline);
  };
  const Acquired acquired = acquire();
  if (!acquired) throw TimeoutError("its lock could not be had (lagoon doctor says who has it)");
  // Who comes next is to hear of it too: this thread ends with the lock.
  if (acquired.owner_died())
    throw UsageError("an owner of its lock died, and what that guards may be half-done");
  struct Held {
    decltype(lock)& held;
    ~Held() {
      if constexpr (is_shared)
        held.release_shared();
      else
        held.release();
    }
  } const held{lock};
  read();
}

/// f() on a thread of its own, which ends with it.
template <class F>
void on_thread(F&& f) {
  std::exception_ptr error;
  std::thread([&] {
    try {
      f();
    } catch (...) {
      error = std::current_exception();
    }
  }).join();
  if (error) std::rethrow_exception(error);
}

template <class L>
void construct_lock(std::byte* payload, core::Participants& table) {
  construct_in_place<typename GuardedBy<L>::State>(payload, table);
}

}  // namespace

std::optional<std::size_t> offset_behind(const LockName& lock) {
  if (lock == GuardedBy<RLock>::name) return GuardedBy<RLock>::head;
  if (lock == GuardedBy<Lock>::name) return GuardedBy<Lock>::head;
  if (lock == GuardedBy<locks::ReaderWriterLock>::name)
    return GuardedBy<locks::ReaderWriterLock>::head;
  return std::nullopt;
}

std::vector<std::byte> bytes_of(const Handle& handle, const Stamp& stamp, std::size_t first,
                                std::size_t last) {
  const std::size_t size = stamp.element.size;
  std::vector<std::byte> bytes((last - first) * size);
  const auto copy_from = [&](const std::byte* from) {
    core::read_shared(bytes.data(), from + first * size, bytes.size());
  };
  const std::byte* const payload = handle.payload();
  if (stamp.mode == Stamp::Mode::seqlocked && stamp.kind == Stamp::Kind::array) {
    const core::Copies copies(handle.payload(), stamp.count * size, handle.copies());
    (void)copies.read(bytes.data(), first * size, last * size);
  } else if (stamp.mode == Stamp::Mode::seqlocked) {  // as cell.hpp lays it out
    const auto& latch = *reinterpret_cast<const core::Latch*>(payload);
    for (;;) {
      const core::Version v = latch.version();
      copy_from(payload + core::line_bytes + v % handle.copies() * core::round_to_lines(size));
      if (core::Latch::is_whole(handle.copies(), v, latch.version_after_copy())) break;
    }
  } else if (stamp.mode == Stamp::Mode::locked) {
    const auto offset = offset_behind(stamp.guard);
    if (!offset)
      throw TypeMismatch(handle.describe() +
                         " lies behind a lock that is not known here: known are RLock, Lock and "
                         "ReaderWriterLock");
    copy_from(payload + *offset);
  } else {
    copy_from(payload);
  }
  return bytes;
}

std::vector<std::byte> bytes_with_lock(const Handle& handle, const Stamp& stamp,
                                       std::chrono::nanoseconds timeout) {
  const std::size_t n = stamp.kind == Stamp::Kind::array ? stamp.count : 1;
  if (stamp.mode != Stamp::Mode::locked) return bytes_of(handle, stamp, 0, n);
  std::vector<std::byte> bytes;
  const auto read = [&] { bytes = bytes_of(handle, stamp, 0, n); };
  on_thread([&] {
    if (stamp.guard == GuardedBy<RLock>::name) return with_lock<RLock>(handle, timeout, read);
    if (stamp.guard == GuardedBy<Lock>::name) return with_lock<Lock>(handle, timeout, read);
    if (stamp.guard == GuardedBy<locks::ReaderWriterLock>::name)
      return with_lock<locks::ReaderWriterLock>(handle, timeout, read);
    read();  // which says that this lock is not known
  });
  return bytes;
}

Handle make_of_bytes(const Place& place, const Stamp& stamp, const std::vector<std::byte>& bytes) {
  const auto make = [&](std::size_t size, auto&& fill) {
    return make_or_find(place, stamp, std::max<std::size_t>(size, 1), fill);
  };
  if (stamp.mode == Stamp::Mode::atomic || stamp.mode == Stamp::Mode::raw)
    return make(bytes.size(), [&](std::byte* payload, core::Participants&) {
      core::write_shared(payload, bytes.data(), bytes.size());
    });
  if (stamp.mode == Stamp::Mode::seqlocked && stamp.kind == Stamp::Kind::array)
    return make(core::Copies::bytes_for(bytes.size(), stamp.copies),
                [&](std::byte* payload, core::Participants& table) {
                  core::Copies::make(payload, bytes.size(), stamp.copies, table, bytes.data());
                });
  if (stamp.mode == Stamp::Mode::seqlocked) {  // as cell.hpp lays it out
    const std::size_t stride = core::round_to_lines(bytes.size());
    return make(core::line_bytes + stamp.copies * stride, [&](std::byte* payload,
                                                              core::Participants& table) {
      new (payload) core::Latch(table);
      for (unsigned i = 0; i < stamp.copies; ++i)
        core::write_shared(payload + core::line_bytes + i * stride, bytes.data(), bytes.size());
    });
  }
  const std::size_t head = offset_behind(stamp.guard).value();
  return make(head + bytes.size(), [&](std::byte* payload, core::Participants& table) {
    if (stamp.guard == GuardedBy<RLock>::name)
      construct_lock<RLock>(payload, table);
    else if (stamp.guard == GuardedBy<Lock>::name)
      construct_lock<Lock>(payload, table);
    else
      construct_lock<locks::ReaderWriterLock>(payload, table);
    core::write_shared(payload + head, bytes.data(), bytes.size());
  });
}

}  // namespace lagoon::detail
