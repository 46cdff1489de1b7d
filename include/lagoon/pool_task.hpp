#pragma once
/// How a function and its arguments are sent to a Pool's workers (pool.hpp), and called there.
///
/// Workers are forked from the same program, so an address of its code means the same in them: what
/// is sent is the address of `run_chunk` for that type of function, and, of a function pointer, the
/// function's. What is loaded later (dlopen) is not there: the pool looks before it sends one.

#include <lagoon/async_result.hpp>
#include <lagoon/codec.hpp>
#include <lagoon/pool_call.hpp>

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace lagoon::detail {

template <class F>
concept FunctionPointer = std::is_pointer_v<F> && std::is_function_v<std::remove_pointer_t<F>>;
/// Such as a captureless lambda: nothing has to be sent to have another one.
template <class F>
concept Stateless = std::is_class_v<F> && std::is_empty_v<F> && std::default_initializable<F>;

/// As what an argument is sent: text as a std::string.
template <class A>
using SentAs = std::conditional_t<std::is_convertible_v<const A&, std::string_view> &&
                                      !std::is_same_v<A, Object>,
                                  std::string, A>;

template <class F, class Tuple>
struct Applied;
template <class F, class... A>
struct Applied<F, std::tuple<A...>> {
  static constexpr bool is_sent = (Encodable<A> && ...);
  static constexpr bool is_invocable = std::is_invocable_v<F&, A...>;
};
template <class F, class A, class B>
struct Applied<F, std::pair<A, B>> : Applied<F, std::tuple<A, B>> {};
template <class F, class A, std::size_t n>
struct Applied<F, std::array<A, n>> {
  static constexpr bool is_sent = Encodable<std::array<A, n>>;
  template <std::size_t>
  using Each = A;
  template <std::size_t... i>
  static constexpr bool takes(std::index_sequence<i...>) {
    return std::is_invocable_v<F&, Each<i>...>;
  }
  static constexpr bool is_invocable = takes(std::make_index_sequence<n>());
};

template <class F, class Tuple>
decltype(auto) call(F& f, Tuple&& arguments) {
  return std::apply(f, std::forward<Tuple>(arguments));
}

/// What F returns for a tuple of arguments; that all of it can be sent.
template <class F, class Tuple>
struct TaskOf {
  static_assert(FunctionPointer<F> || Stateless<F>,
                "a task of a lagoon::Pool is a function or a lambda without captures ([], not "
                "[&]): what it would capture is not in the workers, which were forked before; "
                "give it as an argument, or have it in shared memory that they inherit");
  static_assert(Applied<F, Tuple>::is_sent,
                "the arguments of a lagoon::Pool's task are sent to another process: each needs "
                "a lagoon::Codec, as numbers, structs without pointers, std::string, "
                "std::vector, std::pair, std::tuple and lagoon::Object have");
  static_assert(Applied<F, Tuple>::is_invocable,
                "the task of a lagoon::Pool must be callable with its arguments, which are "
                "copies: it cannot take them as non-const references");

  using Result = std::remove_cvref_t<decltype(call(std::declval<F&>(), std::declval<Tuple>()))>;
  static_assert(std::is_void_v<Result> || Encodable<Result>,
                "the result of a lagoon::Pool's task is sent from another process: it needs a "
                "lagoon::Codec, as numbers, structs without pointers, std::string (not "
                "string_view or char*), std::vector, std::pair, std::tuple and lagoon::Object "
                "have");
};

/// In the worker: so many times.
template <class F, class Tuple>
void run_chunk(Decoder& from, Encoder& to) {
  F f{};
  if constexpr (FunctionPointer<F>) f = reinterpret_cast<F>(from.take<std::uintptr_t>());
  std::uint64_t n = from.take_count();
  for (to.put_count(n); n != 0; --n) {
    using Result = typename TaskOf<F, Tuple>::Result;
    if constexpr (std::is_void_v<Result>)
      call(f, from.take<Tuple>());
    else
      to.put<Result>(call(f, from.take<Tuple>()));
  }
}

/// Chunks of tasks that call `f` with a Tuple each.
template <class F, class Tuple>
class Chunks {
 public:
  explicit Chunks([[maybe_unused]] const F& f) {
    if constexpr (FunctionPointer<F>) function_ = reinterpret_cast<std::uintptr_t>(f);
  }
  [[nodiscard]] Code code() const noexcept {
    return {run_chunk<F, Tuple>, reinterpret_cast<const void*>(function_)};
  }
  /// One of one task.
  [[nodiscard]] Bytes one(const Tuple& arguments) const {
    Encoder body;
    body.put(arguments);
    return chunk(1, body);
  }
  /// The next one of a range: of `most` elements; nothing at its end.
  template <class Iterator, class End>
  [[nodiscard]] std::optional<Bytes> next(Iterator& at, const End& end, std::uint64_t most) const {
    Encoder body;
    std::uint64_t n = 0;
    for (; n != most && at != end; ++at, ++n) put(body, *at);
    if (n == 0) return std::nullopt;
    return chunk(n, body);
  }

 private:
  /// An element that is no Tuple is its only argument.
  template <class Element>
  static void put(Encoder& body, Element&& element) {
    if constexpr (std::is_same_v<std::remove_cvref_t<Element>, Tuple>)
      body.put<Tuple>(element);
    else
      body.put(std::tuple_element_t<0, Tuple>(std::forward<Element>(element)));
  }
  [[nodiscard]] Bytes chunk(std::uint64_t n, const Encoder& body) const {
    if (!body.references().empty()) throw_reference_in_message();
    Encoder head;
    head.put(reinterpret_cast<std::uintptr_t>(&run_chunk<F, Tuple>));
    if constexpr (FunctionPointer<F>) head.put(function_);
    head.put_count(n);
    Bytes bytes = bytes_of(head);
    bytes.insert(bytes.end(), body.bytes().begin(), body.bytes().end());
    return bytes;
  }

  std::uintptr_t function_ = 0;
};

}  // namespace lagoon::detail
