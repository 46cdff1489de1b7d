#pragma once
/// What a Pool's calls return that do not wait: Python's `AsyncResult`, and the iterator of `imap`.
/// See pool.hpp.

#include <lagoon/codec.hpp>
#include <lagoon/core/durations.hpp>
#include <lagoon/core/futex.hpp>
#include <lagoon/error.hpp>
#include <lagoon/pool_call.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <iterator>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace lagoon {

namespace detail {

/// What is sent for a function that returns nothing.
template <class R>
using Sent = std::conditional_t<std::is_void_v<R>, std::monostate, R>;

template <class R>
R take_result([[maybe_unused]] Decoder& from) {
  if constexpr (!std::is_same_v<R, std::monostate>)
    return from.take<R>();
  else
    return {};
}

/// Of one task.
template <class R>
struct OneResult {
  using type = R;
  /// What it returned, or throws what it threw.
  static R take(const std::vector<Outcome>& outcomes) {
    if constexpr (!std::is_void_v<R>) {
      Decoder from = outcomes.front().results();
      (void)from.take_count();
      return from.take<R>();
    }
  }
};
/// Of many, in their order.
template <class R>
struct AllResults {
  using type = std::vector<R>;
  static type take(const std::vector<Outcome>& outcomes) {
    type all;
    for (const Outcome& outcome : outcomes) {
      Decoder from = outcome.results();
      for (std::uint64_t n = from.take_count(); n != 0; --n) all.push_back(from.take<R>());
    }
    return all;
  }
};
template <>
struct AllResults<void> : OneResult<void> {};

}  // namespace detail

/// What will come of `apply_async`, `map_async`, `starmap_async`. Move-only; may outlive its Pool,
/// whose end ends it with UsageError if it was not ready. Each of its
/// methods but the callbacks' drives the pool (pool.hpp). Threads: any, at once.
template <class T>
class AsyncResult {
 public:
  AsyncResult(AsyncResult&&) noexcept = default;
  AsyncResult& operator=(AsyncResult&&) noexcept = default;

  /// Waits, then returns the result or throws the exception; again, if called again. It is decoded
  /// anew each time.
  T get() const { return get_until(core::Deadline::never()); }
  /// TimeoutError if it is not ready `timeout` later.
  template <class Rep, class Period>
  T get(std::chrono::duration<Rep, Period> timeout) const {
    return get_until(core::Deadline::after(timeout));
  }

  void wait() const { call_.wait_until(core::Deadline::never()); }
  /// Whether it is ready, `timeout` later at the latest.
  template <class Rep, class Period>
  bool wait(std::chrono::duration<Rep, Period> timeout) const {
    return call_.wait_until(core::Deadline::after(timeout));
  }

  /// Whether it has been done: looks, and takes what has come, without waiting.
  [[nodiscard]] bool ready() const { return call_.ready(); }
  /// Whether it was without an exception. UsageError if it is not ready (Python's ValueError).
  [[nodiscard]] bool successful() const { return call_.successful(); }

  /// f(result), or f(), will be called once if it succeeds: before it is ready, by a thread that is
  /// in a call to this pool which waits, or looks; now, if it is ready. What f throws, that call
  /// throws.
  template <class F>
  AsyncResult& callback(F f) & {
    call_.call_back(
        [f = std::move(f), take = take_](const std::vector<detail::Outcome>& outcomes) mutable {
          if constexpr (std::is_void_v<T>) {
            take(outcomes);
            f();
          } else {
            f(take(outcomes));
          }
        },
        true);
    return *this;
  }
  /// Of one that is not named yet: `auto r = pool.apply_async(f).callback(g);`
  template <class F>
  AsyncResult&& callback(F f) && {
    return std::move(callback(std::move(f)));
  }
  /// f(const std::exception&), likewise, if it fails.
  template <std::invocable<const std::exception&> F>
  AsyncResult& error_callback(F f) & {
    call_.call_back(
        [f = std::move(f)](const std::vector<detail::Outcome>& outcomes) mutable {
          try {
            detail::throw_if_any_failed(outcomes);
          } catch (const std::exception& e) {
            f(e);
          }
        },
        false);
    return *this;
  }
  /// Likewise.
  template <std::invocable<const std::exception&> F>
  AsyncResult&& error_callback(F f) && {
    return std::move(error_callback(std::move(f)));
  }

 private:
  friend class Pool;
  using Take = T (*)(const std::vector<detail::Outcome>&);

  AsyncResult(detail::PoolCall call, Take take) noexcept : call_(std::move(call)), take_(take) {}
  T get_until(core::Deadline until) const { return take_(call_.outcomes(until)); }

  detail::PoolCall call_;
  Take take_;
};

/// The results of `imap` and `imap_unordered`, as they come: a range that is read once.
///
///   for (int x : pool.imap(f, numbers)) …      while (auto x = results.next(1s)) …
///
/// The range is read as results are taken, some chunks ahead, so it may be endless; `Pool::join`
/// reads it to its end. A task's exception is thrown in its place, that of a chunk once, and that
/// of the range behind all that came before it; next() then goes on. Destroying it gives up what
/// is not there yet. Void functions give std::monostate. By one thread at a time.
template <class R>
class PoolResults {
 public:
  PoolResults(PoolResults&& other) noexcept
      : call_(std::move(other.call_)),
        chunk_(std::move(other.chunk_)),
        from_(other.from_),
        left_(std::exchange(other.left_, 0)) {}
  PoolResults& operator=(PoolResults&& other) noexcept {
    std::swap(call_, other.call_);
    std::swap(chunk_, other.chunk_);
    std::swap(from_, other.from_);
    std::swap(left_, other.left_);
    return *this;
  }
  ~PoolResults() {
    if (!call_.is_empty()) call_.give_up();
  }

  /// Waits for the next one; nothing when there is no more (Python's StopIteration).
  [[nodiscard]] std::optional<R> next() { return next_until(core::Deadline::never()); }
  /// TimeoutError if it has not come `timeout` later; it may be asked for again.
  template <class Rep, class Period>
  [[nodiscard]] std::optional<R> next(std::chrono::duration<Rep, Period> timeout) {
    return next_until(core::Deadline::after(timeout));
  }

  /// Takes the results out of the range as it goes: there is one walk, and no way back.
  class Iterator {
   public:
    using value_type = R;
    using difference_type = std::ptrdiff_t;

    R& operator*() const { return *results_->current_; }
    Iterator& operator++() {
      results_->current_ = results_->next();
      return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(std::default_sentinel_t) const noexcept {
      return !results_->current_.has_value();
    }

   private:
    friend PoolResults;
    explicit Iterator(PoolResults& results) : results_(&results) {}
    PoolResults* results_;
  };
  /// Waits for the first one.
  [[nodiscard]] Iterator begin() {
    current_ = next();
    return Iterator(*this);
  }
  [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

 private:
  friend class Pool;
  explicit PoolResults(detail::PoolCall call) noexcept : call_(std::move(call)) {}

  std::optional<R> next_until(core::Deadline until) {
    while (left_ == 0) {
      auto chunk = call_.next(until);
      if (!chunk) return std::nullopt;
      chunk->throw_if_failed();
      chunk_ = std::move(*chunk);
      from_ = chunk_.results();
      left_ = from_.take_count();
    }
    --left_;
    return detail::take_result<R>(from_);
  }

  detail::PoolCall call_;
  detail::Outcome chunk_;
  Decoder from_{{}};  // in chunk_, whose bytes stay where they are when it moves
  std::uint64_t left_ = 0;
  std::optional<R> current_;
};

}  // namespace lagoon
