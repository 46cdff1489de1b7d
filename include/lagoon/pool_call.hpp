#pragma once
/// What a Pool (pool.hpp) has been asked for, whatever its type: chunks of tasks as bytes, and what
/// came of each, likewise.
///
/// Who waits here drives the pool: takes results, replaces the dead, hands out more. What comes
/// back is kept as bytes and is decoded by whoever wants it, so no code of the application runs
/// in the thread of another caller, but for the callbacks.

#include <lagoon/codec.hpp>
#include <lagoon/core/futex.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace lagoon::detail {

using Bytes = std::vector<std::byte>;
inline Bytes bytes_of(const Encoder& encoder) {
  if (!encoder.references().empty()) throw_reference_in_message();
  return {encoder.bytes().begin(), encoder.bytes().end()};
}

struct PoolState;
struct Job;

/// Runs a chunk in a worker: takes its function and its arguments, puts what they give.
using Trampoline = void (*)(Decoder& from, Encoder& to);

/// What a chunk begins with. `function` is null where the trampoline knows it.
struct Code {
  Trampoline trampoline;
  const void* function;
};

/// What came of a chunk: how many results, and they; or an exception.
class Outcome {
 public:
  Outcome() = default;
  explicit Outcome(Bytes bytes);
  [[nodiscard]] bool failed() const noexcept { return failed_; }
  /// After throw_if_failed(): where the results are.
  [[nodiscard]] Decoder results() const noexcept { return Decoder(std::span(bytes_).subspan(1)); }
  void throw_if_failed() const;

  /// What a chunk's bytes begin with.
  static constexpr std::byte has_results{0}, has_exception{1};
  /// Of the exception that is being handled.
  static Bytes bytes_of_current_exception();

 private:
  Bytes bytes_;
  bool failed_ = false;
};

/// The exception of the first one that has one.
void throw_if_any_failed(const std::vector<Outcome>& outcomes);

/// Pulls the next chunk of a range that is read bit by bit; nothing at its end.
using Source = std::function<std::optional<Bytes>()>;

/// A handle to one call. Empty after it was moved from: UsageError.
class PoolCall {
 public:
  PoolCall() noexcept = default;
  explicit PoolCall(std::shared_ptr<Job> job) noexcept : job_(std::move(job)) {}

  [[nodiscard]] bool ready() const;
  [[nodiscard]] bool successful() const;
  /// Whether all was done, before the time was over.
  bool wait_until(core::Deadline until) const;
  /// Waits, and throws TimeoutError, or the exception of the first of the tasks that threw.
  const std::vector<Outcome>& outcomes(core::Deadline until) const;
  /// What will be called by who drives the pool, or now if all is done: whether it succeeded.
  void call_back(std::function<void(const std::vector<Outcome>&)> f, bool if_successful) const;

  /// Of a call with a source: what comes next; nothing at the end. TimeoutError.
  std::optional<Outcome> next(core::Deadline until) const;
  /// Nobody will look at what comes.
  void give_up() const noexcept;
  [[nodiscard]] bool is_empty() const noexcept { return job_ == nullptr; }

 private:
  [[nodiscard]] Job& job() const;

  std::shared_ptr<Job> job_;
};

}  // namespace lagoon::detail
