#pragma once
/// `Queue` and `JoinableQueue`: Python's, between processes and threads, any number of which put
/// and get.
///
///   Queue<Order> orders{segment["orders"], 1000};    found or made; at most 1000 are in it
///   Queue<> queue;                                   of Objects, no limit, for this one's children
///   orders.put(order);                               Order order = orders.get();
///   if (auto order = orders.try_get_for(1ms)) …      orders.put(order, 10ms);   Full, Empty
///
///   JoinableQueue<std::string> urls{segment["urls"]};
///   std::string url = urls.get();  …  urls.task_done();            urls.join();
///
/// T is what has a codec (codec.hpp), of any size. What one puts is got in the order in which it
/// put it. Under a name the limit must be the one that is there, or TypeMismatch; whoever does not
/// know it says segment.find<Queue<Order>>("orders"). As in Python, no limit is 0 or less.
///
/// Of a JoinableQueue what was got is its getter's task until task_done(). That ends the first one
/// of the caller's; of one who has none (it was got by another thread) the first one of all.
///
/// A crash leaves: each put or get done, or not. Nobody waits for who was killed, or is stopped, in
/// the midst of one. What a dead one had got, a Queue has lost; a JoinableQueue gives it to
/// another: at once to who waits, and with many waiting to be got, before 64 of these. So a task is
/// got once, or, when its getter dies before it said task_done(), again. join() waits for these as
/// for all. A thread that ends counts as dead. The memory of what the dead were about to put is
/// used again. Progress: put and get are lock-free, but that they get memory, now and then when
/// there are more, or larger ones, than ever before: then one at a time, with the turn that all
/// have who make objects in the segment, so that one stopped in it holds up who needs memory too.
/// Getting copies before it has: of many who want one large message each copies it, and one has it.
/// Who waits spins for some microseconds, then yields, then sleeps; each put wakes one. task_done()
/// and join() look at each task that is in somebody's hands.
///
/// Memory: some 20 KiB at first (a JoinableQueue 24), then as much as it needs at most, in parts
/// that stay its own until it goes. A message takes 8 bytes, and its own, and 8 more if its length
/// may vary, rounded up to 32; one larger than 4 KiB, to the next power of two. While a task is in
/// somebody's hands, so is the page of 4 KiB that it lies in. What messages of one size had is not
/// used for those of another. Full memory is OutOfMemory, with the
/// queue as it was.
///
/// A message cannot refer to a container in shared memory (TypeMismatch); a Dict or List can refer
/// to a queue.
///
/// qsize(), empty(), full() are right for one moment, and do not count what comes back from a dead
/// getter: it is there for get(), though empty() is true. What get's codec throws, get throws; the
/// message is gone, or, of a JoinableQueue, a task in the caller's hands.
///
/// How it works: core/message_queue.hpp, docs/queue.md.

#include <lagoon/bulk.hpp>
#include <lagoon/codec.hpp>
#include <lagoon/core/copy.hpp>
#include <lagoon/core/durations.hpp>
#include <lagoon/core/message_queue.hpp>
#include <lagoon/queue_base.hpp>
#include <lagoon/shared_object.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>

namespace lagoon {

namespace detail {

template <Encodable T, bool of_tasks>
class QueueHandle : public QueueBase {
  using View = ViewOf<T>;

 public:
  using value_type = T;
  using is_shared_container = void;

  /// Waits for room, if it is full.
  void put(View x) { put_until(x, &never); }
  /// Full if there is none, `timeout` later.
  template <class Rep, class Period>
  void put(View x, std::chrono::duration<Rep, Period> timeout) {
    if (!try_put_for(x, timeout)) throw_full();
  }
  /// As Python has it: without blocking, Full if there is none now.
  template <std::same_as<bool> Bool>
  void put(View x, Bool block) {
    block ? put(x) : put_nowait(x);
  }
  template <std::same_as<bool> Bool, class Rep, class Period>
  void put(View x, Bool block, std::chrono::duration<Rep, Period> timeout) {
    block ? put(x, timeout) : put_nowait(x);
  }
  void put_nowait(View x) {
    if (!try_put(x)) throw_full();
  }
  /// False if it is full.
  [[nodiscard]] bool try_put(View x) { return put_until(x, nullptr); }
  template <class Rep, class Period>
  [[nodiscard]] bool try_put_for(View x, std::chrono::duration<Rep, Period> timeout) {
    return try_put_until(x, core::Deadline::after(timeout));
  }
  template <class Clock, class Duration>
  [[nodiscard]] bool try_put_until(View x, std::chrono::time_point<Clock, Duration> t) {
    return try_put_until(x, core::Deadline::at(t));
  }
  [[nodiscard]] bool try_put_until(View x, core::Deadline deadline) {
    return put_until(x, &deadline);
  }

  /// Waits for something, if it is empty.
  T get() { return *get_until(&never); }
  /// Empty if there is nothing, `timeout` later.
  template <class Rep, class Period>
  T get(std::chrono::duration<Rep, Period> timeout) {
    return or_empty(try_get_for(timeout));
  }
  /// As Python has it: without blocking, Empty if there is nothing now.
  template <std::same_as<bool> Bool>
  T get(Bool block) {
    return block ? get() : get_nowait();
  }
  template <std::same_as<bool> Bool, class Rep, class Period>
  T get(Bool block, std::chrono::duration<Rep, Period> timeout) {
    return block ? get(timeout) : get_nowait();
  }
  T get_nowait() { return or_empty(try_get()); }
  /// The same into `x`, whose memory is used again: of a str, or a vector, that has room for it
  /// nothing is allocated.
  void get_into(T& x) { (void)get_into_until(x, &never); }
  /// False if it is empty; x may have changed even so.
  [[nodiscard]] bool try_get_into(T& x) { return get_into_until(x, nullptr); }
  /// The same, `timeout` later at the latest.
  template <class Rep, class Period>
  [[nodiscard]] bool try_get_into_for(T& x, std::chrono::duration<Rep, Period> timeout) {
    const core::Deadline deadline = core::Deadline::after(timeout);
    return get_into_until(x, &deadline);
  }
  /// Nothing if it is empty.
  [[nodiscard]] std::optional<T> try_get() { return get_until(nullptr); }
  template <class Rep, class Period>
  [[nodiscard]] std::optional<T> try_get_for(std::chrono::duration<Rep, Period> timeout) {
    return try_get_until(core::Deadline::after(timeout));
  }
  template <class Clock, class Duration>
  [[nodiscard]] std::optional<T> try_get_until(std::chrono::time_point<Clock, Duration> t) {
    return try_get_until(core::Deadline::at(t));
  }
  [[nodiscard]] std::optional<T> try_get_until(core::Deadline deadline) {
    return get_until(&deadline);
  }

 protected:
  static Stamp stamp_of(std::uint64_t maxsize) {
    using Contents = detail::Contents<T>;
    return {.kind = of_tasks ? Stamp::Kind::joinable_queue : Stamp::Kind::queue,
            .mode = Stamp::Mode::atomic,
            .begins = Stamp::Begins::with_end_bit,
            .element = Contents::element(),
            .count = maxsize,
            .guard = Contents::hash()};
  }
  QueueHandle(const Place& place, long long maxsize)
      : QueueBase(place, stamp_of(limit_of(maxsize)),
                  {limit_of(maxsize), PlainBytes<T> ? std::uint32_t{sizeof(T)} : 0, of_tasks}) {}
  using QueueBase::QueueBase;

 private:
  static constexpr core::Deadline never = core::Deadline::never();

  bool put_until(View x, const core::Deadline* deadline) {
    Draft draft;
    if constexpr (PlainBytes<T>) {
      begin(draft, sizeof(T));
      core::write_shared_fixed<sizeof(T)>(draft.payload(), std::addressof(x));
      return QueueBase::put(draft, deadline);
    } else if constexpr (Bulk<T>) {
      const BulkOut<T> bulk(x);
      begin(draft, bulk.size());
      bulk.write(draft.payload());
      return QueueBase::put(draft, deadline);
    } else {
      Encoder encoder;
      Codec<T>::encode(encoder, x);
      if (!encoder.references().empty()) throw_reference_in_message();
      begin(draft, encoder.bytes().size());
      core::write_shared(draft.payload(), encoder.bytes().data(), encoder.bytes().size());
      return QueueBase::put(draft, deadline);
    }
  }
  std::optional<T> get_until(const core::Deadline* deadline) {
    if constexpr (PlainBytes<T>) {
      std::remove_const_t<T> x;
      const auto copy = [&](const std::byte* payload, std::size_t) {
        core::read_shared_fixed<sizeof(T)>(std::addressof(x), payload);
      };
      if (!QueueBase::get(copy, deadline)) return std::nullopt;
      return x;
    } else if constexpr (Bulk<T>) {
      T x;
      if (!get_into_until(x, deadline)) return std::nullopt;
      return x;
    } else {
      Received received;
      const auto copy = [&](const std::byte* payload, std::size_t bytes) {
        received.copy(payload, bytes);
      };
      if (!QueueBase::get(copy, deadline)) return std::nullopt;
      Decoder decoder(received.bytes(), &this->handle_);
      return decoder.take<T>();
    }
  }
  bool get_into_until(T& x, const core::Deadline* deadline) {
    if constexpr (Bulk<T>) {
      BulkIn<T> bulk;
      bulk.lend(x);
      bool is_one = false;
      const auto copy = [&](const std::byte* payload, std::size_t bytes) {
        is_one = bulk.read(payload, bytes);
      };
      const bool has_got = QueueBase::get(copy, deadline);
      x = std::move(bulk).value();
      if (has_got && !is_one) throw_damaged_message();
      return has_got;
    } else {
      std::optional<T> got = get_until(deadline);
      if (got) x = *std::move(got);
      return got.has_value();
    }
  }
  T or_empty(std::optional<T> got) const {
    if (!got) throw_empty();
    return *std::move(got);
  }
};

}  // namespace detail

template <Encodable T = Object>
class Queue : public detail::QueueHandle<T, false> {
  using Base = detail::QueueHandle<T, false>;

 public:
  /// In this process's heap, for its children.
  explicit Queue(long long maxsize = 0) : Queue(Place{}, maxsize) {}
  explicit Queue(const Place& place, long long maxsize = 0) : Base(place, maxsize) {}

  static detail::Stamp stamp(std::uint64_t maxsize = 0) { return Base::stamp_of(maxsize); }

 private:
  friend struct detail::Attach;
  explicit Queue(detail::Handle handle) noexcept : Base(std::move(handle)) {}
};

template <Encodable T = Object>
class JoinableQueue : public detail::QueueHandle<T, true> {
  using Base = detail::QueueHandle<T, true>;

 public:
  /// In this process's heap, for its children.
  explicit JoinableQueue(long long maxsize = 0) : JoinableQueue(Place{}, maxsize) {}
  explicit JoinableQueue(const Place& place, long long maxsize = 0) : Base(place, maxsize) {}

  static detail::Stamp stamp(std::uint64_t maxsize = 0) { return Base::stamp_of(maxsize); }

  /// A task that was got is done. UsageError if nobody has one.
  void task_done() { this->do_task_done(); }
  /// Until all that was put is done.
  void join() { this->do_join(core::Deadline::never()); }
  /// Whether all was, before the time was over.
  template <class Rep, class Period>
  [[nodiscard]] bool join(std::chrono::duration<Rep, Period> timeout) {
    return this->do_join(core::Deadline::after(timeout));
  }
  template <class Rep, class Period>
  [[nodiscard]] bool join_for(std::chrono::duration<Rep, Period> timeout) {
    return join(timeout);
  }
  template <class Clock, class Duration>
  [[nodiscard]] bool join_until(std::chrono::time_point<Clock, Duration> t) {
    return join_until(core::Deadline::at(t));
  }
  [[nodiscard]] bool join_until(core::Deadline deadline) { return this->do_join(deadline); }

 private:
  friend struct detail::Attach;
  explicit JoinableQueue(detail::Handle handle) noexcept : Base(std::move(handle)) {}
};

}  // namespace lagoon
