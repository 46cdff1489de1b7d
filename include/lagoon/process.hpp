#pragma once
/// A function that runs in a child process: Python's `multiprocessing.Process`, by fork.
///
///     lagoon::Process child([&] { value = 1; });
///     child.start();
///     child.join();
///
/// What it guarantees
///   - The child sees everything that the parent had at `start`; what is in shared memory stays
///     shared. Stdio and the C++ streams are flushed first, so nothing is printed twice.
///   - The child ends with its target: exit code 0 for void, the integer & 0xff, 1 for a string,
///     which is printed to stderr, and 1 for an exception, printed as `Process-3: what()`. It then
///     ends its own children (daemons get SIGTERM, all are joined), flushes, and leaves by `_exit`:
///     no destructor and no atexit handler of the parent runs in it.
///   - Children are found by pidfd alone: an id that was reused is never signalled or waited for,
///     no other child of the application is reaped, no signal handler and no thread is needed.
///   - No running child is forgotten: destroying its Process joins it (a daemon gets SIGTERM
///     first), and so does the normal end of the process that started it.
///
/// Progress: `join`, the destructor and the end of the process wait for the child, which may take
/// for ever if it never ends (a daemon that blocks SIGTERM, say). Everything else does not wait.
/// `start` costs a fork: its time grows with the memory that the parent has mapped.
/// Threads: each of several threads may use its own Process. On one, `join`, `is_alive`,
/// `exitcode`, `terminate` and `kill` may be called at the same time.
///
/// A crash: a parent that is killed leaves its children running, as in Python. A killed child
/// has the exit code -9.
///
/// Where it falls short
///   - After fork, the child of a parent with several threads has only the one that called
///     `start`; a mutex that another thread held stays locked in it.
///   - A target that calls std::exit runs the atexit handlers and static destructors that the
///     child inherited, as after any fork. Its own children are ended all the same.
///   - Where someone else reaps the application's children (SIGCHLD ignored, waitpid(-1)), the
///     exit code may be lost: `exitcode` then throws. The child is joined correctly even so.
///   - Linux 5.4 or later; `start` says so where pidfds are missing.

#include <lagoon/core/durations.hpp>
#include <lagoon/core/futex.hpp>

#include <sys/types.h>

#include <concepts>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

namespace lagoon {

namespace detail {

/// What the child runs, its type forgotten. `run` returns the exit code.
struct Target {
  virtual ~Target() = default;
  virtual int run() = 0;

 protected:
  Target() = default;
  Target(const Target&) = delete;
  Target& operator=(const Target&) = delete;
};

/// Prints a line to stderr; 1.
int exit_message(std::string_view line);

template <class Result>
int exit_code(Result&& result) {
  using Plain = std::remove_cvref_t<Result>;
  if constexpr (std::is_pointer_v<Plain>)
    return result == nullptr ? 0 : exit_message(result);
  else if constexpr (std::is_convertible_v<Result, std::string_view>)
    return exit_message(result);
  else
    return static_cast<int>(std::forward<Result>(result));
}

template <class F, class... Args>
class TargetOf final : public Target {
  static_assert(std::is_invocable_v<F, Args...>,
                "the target of a lagoon::Process must be callable with copies of its arguments; "
                "wrap what it takes by reference in std::ref");
  using Result = std::invoke_result_t<F, Args...>;
  static_assert(std::is_void_v<Result> || std::is_convertible_v<Result, std::string_view> ||
                    (std::is_convertible_v<Result, int> &&
                     !std::is_floating_point_v<std::remove_cvref_t<Result>>),
                "the target of a lagoon::Process must return nothing, an integer (its exit code) "
                "or a string (printed to stderr, exit code 1)");

 public:
  template <class... Parts>
  explicit TargetOf(Parts&&... parts) : parts_(std::forward<Parts>(parts)...) {}

  int run() override {
    const auto call = [](F& f, Args&... args) -> Result {
      return std::invoke(std::move(f), std::move(args)...);
    };
    if constexpr (std::is_void_v<Result>) {
      std::apply(call, parts_);
      return 0;
    } else {
      return exit_code(std::apply(call, parts_));
    }
  }

 private:
  std::tuple<F, Args...> parts_;
};

struct ProcessState;

template <class T, class... Others>
concept NoneOf = (!std::same_as<std::remove_cvref_t<T>, Others> && ...);

}  // namespace detail

/// Every method throws UsageError when the Process is empty (made without a target, moved from,
/// closed), but for the destructor, assignment, and `close`.
class Process {
 public:
  /// What is said of a child beside its target.
  struct Options {
    std::string name{};   ///< empty: Process-1, Process-2, …, and Process-1:2 for a child's child
    bool daemon = false;  ///< terminated when its parent ends; may have no children of its own
  };

  /// Empty: there is nothing to start.
  Process() noexcept = default;

  /// Will call copies of `f` and `args` in the child. The parent's copies are kept until the
  /// Process is closed or destroyed: nothing that they own is cleaned up under a running child.
  template <detail::NoneOf<Process, Options> F, class... Args>
  explicit Process(F&& f, Args&&... args)
      : Process(Options{}, std::forward<F>(f), std::forward<Args>(args)...) {}

  /// `Process({.name = "reader", .daemon = true}, f, args…)`
  template <class F, class... Args>
  explicit Process(Options options, F&& f, Args&&... args)
      : Process(std::move(options),
                std::unique_ptr<detail::Target>(
                    std::make_unique<detail::TargetOf<std::decay_t<F>, std::decay_t<Args>...>>(
                        std::forward<F>(f), std::forward<Args>(args)...)),
                Made{}) {}

  Process(Process&&) noexcept = default;
  Process& operator=(Process&& other) noexcept;
  ~Process();

  /// Forks. Throws UsageError if it was started before, or by a daemon, or in another process than
  /// made it; SystemError if the kernel refuses, in which case it may be started again.
  void start();

  /// Waits for the child's end. After it, joining again returns at once.
  void join() { join_until(core::Deadline::never()); }
  /// Whether the child has ended. Waits for `timeout` at most; zero and less only look.
  template <class Rep, class Period>
  bool join(std::chrono::duration<Rep, Period> timeout) {
    return join_until(core::Deadline::after(timeout));
  }

  [[nodiscard]] bool is_alive() const;
  /// Nothing while the child runs (or before `start`); then 0 to 255, or -N if signal N ended it.
  /// Throws SystemError (ECHILD) if someone else has reaped the child and had the code.
  [[nodiscard]] std::optional<int> exitcode() const;

  /// Throws UsageError before `start`.
  [[nodiscard]] pid_t pid() const;
  /// The child's pidfd: readable when the child has ended, to be given to poll and the like. It
  /// belongs to this Process, is closed with it, and is inherited by children forked later.
  [[nodiscard]] int sentinel() const;

  [[nodiscard]] const std::string& name() const;
  /// The child knows the name that was set when it started.
  void set_name(std::string name);
  [[nodiscard]] bool daemon() const;
  /// Only before `start`.
  void set_daemon(bool daemon);

  /// SIGTERM; nothing if the child has ended. Throws UsageError before `start`.
  void terminate();
  /// SIGKILL, likewise.
  void kill();

  /// Leaves the Process empty and frees what it holds, the sentinel too. Throws UsageError if the
  /// child is still running.
  void close();

 private:
  struct Made {};  // sets the constructor below apart from those that take any callable
  Process(Options options, std::unique_ptr<detail::Target> target, Made);

  bool join_until(core::Deadline until);
  void finish() noexcept;
  void send(int signal, const char* method);
  [[nodiscard]] detail::ProcessState& state(const char* method) const;
  [[nodiscard]] detail::ProcessState& own_state(const char* method) const;

  std::shared_ptr<detail::ProcessState> state_;
};

/// The name of the Process that runs the caller, or `MainProcess`.
[[nodiscard]] std::string current_process_name();

/// How many Processes this process has started that still run. Reaps those that have ended.
[[nodiscard]] std::size_t active_children();

}  // namespace lagoon
