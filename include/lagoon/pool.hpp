#pragma once
/// `Pool`: Python's, of worker processes to which functions and arguments are sent.
///
///   lagoon::Pool pool(4);                                     default: as many as there are cpus
///   std::vector<int> squares = pool.map([](int x) { return x * x; }, numbers);
///   int x = pool.apply(f, 2, 3);                              auto y = pool.apply_async(f, 2, 3);
///   for (const auto& word : pool.imap(stem, words)) …         y.get(); y.get(1s); y.ready();
///   pool.starmap(std::plus<>(), std::vector{std::pair(1, 2), std::pair(3, 4)});
///   pool.close(); pool.join();
///
/// A task is a function of this program, or a lambda without captures. Arguments and results are
/// what has a codec (codec.hpp), text goes as std::string; they are copies. What tasks share lies
/// in shared memory that was made before the pool. What the task throws, get() throws, by type and
/// text (sent_exception.hpp). map returns results in the order of the arguments, and throws, when
/// all are done, the exception of the first in that order; imap_unordered returns each as it comes.
/// Chunks are sent as one task: `chunksize` elements, by default a quarter of a worker's share.
///
/// No hidden threads: the pool is driven by its callers. Whoever is in get, wait, ready, join, next
/// or a call that waits takes the results that have come, of whichever call, replaces workers that
/// have ended, and hands out more. When nobody is, the workers go on with what they have been given
/// (1,024 chunks or 64 MiB at most, together), a dead one is not replaced and no callback is
/// called.
///
/// What becomes of tasks, and workers, that end
///   it throws           its exception; the worker goes on
///   it exits            WorkerDied, at once: it would again. Another worker takes its place
///   it is killed        (SIGKILL, a crash) another worker begins it again, up to `attempts` times:
///                       then WorkerDied. With attempts 1 no task is ever begun twice
///   while idle          another worker takes its place; nothing else
///   stopped (SIGSTOP)   its task waits until it goes on, or is killed
///   the initializer     throws or exits, or three workers are killed in it, one after the other:
///                       the pool is broken, and all that it has to do, or is given, is WorkerDied
///   the parent          (killed, or ended without its destructors) workers end: at once if it was
///                       forked by the main thread, else when their task is done, or within 50 ms
/// A result that was sent before its worker died counts; a task whose worker was killed afterwards
/// is not begun again. How that holds at each instruction: docs/pool.md.
///
/// close(): no more calls. join(): until all is done and the workers have ended; UsageError before
/// close or terminate. terminate(), and so the destructor, as Python's `with` block: kills all
/// workers at once, by SIGKILL, stopped ones too, and what was not ready is a UsageError. So close
/// and join a pool whose calls' effects are wanted.
///
/// Threads: any may call, at once; one drives, the others wait. A call in another process than made
/// the pool is a UsageError, as is a Pool made by a worker: it is a daemon, and may have no
/// children. Progress: all calls but close may wait for workers. Making one, and replacing one,
/// costs a fork.
///
/// Falls short: libraries that were loaded (dlopen) after the pool was made have no tasks for it:
/// UsageError; that one was unloaded and another loaded at the same address is not noticed. A task
/// that forks and returns in the child too: that child ends. If the main thread made the pool, its
/// end (pthread_exit) ends the workers, as the end of the process. What is printed by a task is
/// flushed when it is done. A worker's standard input is its parent's.

#include <lagoon/async_result.hpp>
#include <lagoon/core/futex.hpp>
#include <lagoon/pool_task.hpp>
#include <lagoon/process.hpp>
#include <lagoon/sent_exception.hpp>

#include <sys/types.h>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <ranges>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace lagoon {

/// How many workers, and when others take their places.
struct PoolOptions {
  std::optional<int> processes{};         ///< the cpus that this process may use
  std::optional<int> maxtasksperchild{};  ///< chunks, after which a worker is replaced; no limit
  int attempts = 3;  ///< how often a chunk is begun at most, if it is killed each time
};

class Pool {
  template <std::ranges::range R>
  using ArgumentOf = std::tuple<detail::SentAs<std::ranges::range_value_t<R>>>;
  template <std::ranges::range R>
  using TupleOf = std::ranges::range_value_t<R>;
  template <class F, class Tuple>
  using ResultOf = typename detail::TaskOf<std::decay_t<F>, Tuple>::Result;
  template <class F, class... Args>
  using ResultOfCall = ResultOf<F, std::tuple<detail::SentAs<std::decay_t<Args>>...>>;
  template <class R>
  using All = typename detail::AllResults<R>::type;

 public:
  /// InvalidArgument (Python's ValueError) if there is to be no worker, or less. SystemError if it
  /// cannot be forked.
  Pool() : Pool(PoolOptions{}) {}
  explicit Pool(int processes) : Pool(PoolOptions{.processes = processes}) {}
  explicit Pool(const PoolOptions& options) : Pool(options, std::function<void()>()) {}
  /// Each worker begins with initializer(args...). It may have captures: it runs in copies of this
  /// process.
  template <class F, class... Args>
  requires std::invocable < std::decay_t<F>
  &, std::decay_t<Args>&... > Pool(const PoolOptions& options, F&& initializer, Args&&... args)
      : Pool(options, std::function<void()>(
                          [f = std::make_shared<std::decay_t<F>>(std::forward<F>(initializer)),
                           all = std::make_shared<std::tuple<std::decay_t<Args>...>>(
                               std::forward<Args>(args)...)] { std::apply(*f, *all); })) {}
  Pool(Pool&&) noexcept = default;
  Pool& operator=(Pool&& other) noexcept;
  /// As terminate().
  ~Pool();

  /// f(args...), in a worker.
  template <class F, class... Args>
  ResultOfCall<F, Args...> apply(const F& f, const Args&... args) {
    return apply_async(f, args...).get();
  }
  template <class F, class... Args>
  AsyncResult<ResultOfCall<F, Args...>> apply_async(const F& f, const Args&... args) {
    using Tuple = std::tuple<detail::SentAs<std::decay_t<Args>>...>;
    const detail::Chunks<std::decay_t<F>, Tuple> chunks(f);
    return {submit("apply", chunks.code(), one(chunks.one(Tuple(args...)))),
            detail::OneResult<ResultOfCall<F, Args...>>::take};
  }

  /// f(x) for each x of the range. Of a void function: void. Chunks of 0 are of the default size.
  template <class F, std::ranges::input_range R>
  All<ResultOf<F, ArgumentOf<R>>> map(const F& f, R&& range, std::size_t chunksize = 0) {
    return map_async(f, std::forward<R>(range), chunksize).get();
  }
  template <class F, std::ranges::input_range R>
  AsyncResult<All<ResultOf<F, ArgumentOf<R>>>> map_async(const F& f, R&& range,
                                                         std::size_t chunksize = 0) {
    return map_chunks<ArgumentOf<R>>("map", f, range, chunksize);
  }

  /// f(a, b, …) for each (a, b, …) of the range, a std::tuple, pair or array.
  template <class F, std::ranges::input_range R>
  All<ResultOf<F, TupleOf<R>>> starmap(const F& f, R&& range, std::size_t chunksize = 0) {
    return starmap_async(f, std::forward<R>(range), chunksize).get();
  }
  template <class F, std::ranges::input_range R>
  AsyncResult<All<ResultOf<F, TupleOf<R>>>> starmap_async(const F& f, R&& range,
                                                          std::size_t chunksize = 0) {
    return map_chunks<TupleOf<R>>("starmap", f, range, chunksize);
  }

  /// As map, but each result as soon as it and all before it are there. The range is kept, by
  /// reference unless it is a temporary, and read as it goes. InvalidArgument if
  /// chunksize is 0.
  template <class F, std::ranges::input_range R>
  PoolResults<detail::Sent<ResultOf<F, ArgumentOf<R>>>> imap(const F& f, R&& range,
                                                             std::size_t chunksize = 1) {
    return stream<ArgumentOf<R>>("imap", f, std::forward<R>(range), chunksize, true);
  }
  /// Each result as soon as it is there.
  template <class F, std::ranges::input_range R>
  PoolResults<detail::Sent<ResultOf<F, ArgumentOf<R>>>> imap_unordered(const F& f, R&& range,
                                                                       std::size_t chunksize = 1) {
    return stream<ArgumentOf<R>>("imap_unordered", f, std::forward<R>(range), chunksize, false);
  }

  void close();
  void terminate();
  void join();

  /// The ids of its workers, as far as they are known to live.
  [[nodiscard]] std::vector<pid_t> pids() const;
  /// How many workers it has.
  [[nodiscard]] std::size_t processes() const;

 private:
  Pool(const PoolOptions& options, std::function<void()> initializer);

  [[nodiscard]] detail::PoolState& state(const char* method) const;
  detail::PoolCall submit(const char* method, detail::Code code, std::vector<detail::Bytes> chunks);
  detail::PoolCall submit(const char* method, detail::Code code, detail::Source source,
                          bool in_order);
  void finish() noexcept;

  static std::vector<detail::Bytes> one(detail::Bytes chunk) {
    std::vector<detail::Bytes> all;
    all.push_back(std::move(chunk));
    return all;
  }
  /// Python's: the length by four for each worker, rounded up.
  [[nodiscard]] std::uint64_t default_chunk(std::size_t length) const {
    const std::size_t chunks = 4 * processes();
    return length / chunks + (length % chunks != 0 ? 1 : 0);
  }

  template <class Tuple, class F, class R>
  AsyncResult<All<ResultOf<F, Tuple>>> map_chunks(const char* method, const F& f, R& range,
                                                  std::uint64_t chunksize) {
    if constexpr (!std::ranges::sized_range<R> && !std::ranges::forward_range<R>) {
      std::vector<std::ranges::range_value_t<R>> all;  // how many there are is not known before
      for (auto&& x : range) all.push_back(std::forward<decltype(x)>(x));
      return map_chunks<Tuple>(method, f, all, chunksize);
    } else {
      if (chunksize == 0)
        chunksize = default_chunk(static_cast<std::size_t>(std::ranges::distance(range)));
      const detail::Chunks<std::decay_t<F>, Tuple> chunks(f);
      std::vector<detail::Bytes> all;
      auto at = std::ranges::begin(range);
      while (auto chunk = chunks.next(at, std::ranges::end(range), chunksize))
        all.push_back(*std::move(chunk));
      return {submit(method, chunks.code(), std::move(all)),
              detail::AllResults<ResultOf<F, Tuple>>::take};
    }
  }
  template <class Tuple, class F, class R>
  PoolResults<detail::Sent<ResultOf<F, Tuple>>> stream(const char* method, const F& f, R&& range,
                                                       std::size_t chunksize, bool in_order) {
    check_chunksize(method, chunksize);
    const detail::Chunks<std::decay_t<F>, Tuple> chunks(f);
    using Iterator = std::ranges::iterator_t<R>;
    auto source = [chunks, chunksize,
                   kept = std::make_shared<std::tuple<R>>(std::forward<R>(range)),
                   at = std::shared_ptr<Iterator>()]() mutable {
      auto& all = std::get<0>(*kept);
      if (!at) at = std::make_shared<Iterator>(std::ranges::begin(all));
      return chunks.next(*at, std::ranges::end(all), chunksize);
    };
    return PoolResults<detail::Sent<ResultOf<F, Tuple>>>(
        submit(method, chunks.code(), detail::Source(std::move(source)), in_order));
  }
  static void check_chunksize(const char* method, std::size_t chunksize);

  std::shared_ptr<detail::PoolState> state_;
};

}  // namespace lagoon
