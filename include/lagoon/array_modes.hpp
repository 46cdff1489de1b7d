#pragma once
/// How the elements of an array lie in shared memory and change: one class for each mode of
/// array.hpp, all with the same face. `Array` adds what its users see.
///
///   bytes_for(n), make(payload, table, n, initial or null)
///   read(first, last, out)      these elements, together as they were at one moment (seqlocked,
///                               locked) or one by one (atomic, raw)
///   get(i), set(i, x), update(i, f), add(i, x)
///   change(first, last, n, f)   f(T* first element); seqlocked: all of it or nothing
///   replace(first, last, n, from)  by known values

#include <lagoon/cell.hpp>
#include <lagoon/conversion.hpp>
#include <lagoon/core/copies.hpp>
#include <lagoon/error.hpp>
#include <lagoon/mode.hpp>

#include <algorithm>
#include <boost/atomic/ipc_atomic.hpp>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>
#include <vector>

namespace lagoon {

namespace detail {

/// N copies, a log and a latch; with N = 0 as many copies as suit the length.
template <class T, unsigned N>
class SeqlockedStore {
  static_assert(N == 0 || core::Copies::is_valid_count(N), "2, 4 or 8 copies are kept");
  using Replaces = core::Copies::Replaces;
  /// Between these sizes write(f) hands out a draft on the stack and stores it by one copy, because
  /// readers take twice as long to fetch lines that f stored to one by one. Below, the difference
  /// is small and the draft costs as much as the write; above, it is too big for a stack.
  static constexpr std::size_t draft_from = 1024;
  static constexpr std::size_t draft_to = 8192;

 public:
  static constexpr Stamp::Mode stamp_mode = Stamp::Mode::seqlocked;
  static constexpr LockName guard{};
  static constexpr Stamp::Begins begins = Stamp::Begins::with_latch;
  static constexpr std::uint8_t copies_for(std::size_t n) noexcept {
    if (n == Stamp::any_count || N != 0) return N;
    return default_copies(n * sizeof(T));
  }

  static std::size_t bytes_for(std::size_t n) noexcept {
    return core::Copies::bytes_for(n * sizeof(T), copies_for(n));
  }
  static void make(std::byte* payload, core::Participants& table, std::size_t n,
                   const T* initial) noexcept {
    core::Copies::make(payload, n * sizeof(T), copies_for(n), table, initial);
  }

  SeqlockedStore(const Handle& handle, std::size_t n) noexcept
      : copies_(handle.payload(), n * sizeof(T), handle.copies()) {}

  /// The version; with core::version_gone if the array was erased.
  core::Version read(std::size_t first, std::size_t last, T* out) const noexcept {
    return copies_.read(reinterpret_cast<std::byte*>(out), first * sizeof(T), last * sizeof(T));
  }
  [[nodiscard]] T get(const Handle& handle, std::size_t i) const {
    Uninitialised<T> raw;
    const auto at = copies_.template read_fixed<sizeof(T)>(raw.bytes, i * sizeof(T));
    if (at & core::version_gone) [[unlikely]]
      handle.throw_gone();
    return std::bit_cast<T>(raw);
  }
  void set(const Handle& handle, std::size_t i, const T& x) {
    write(handle, i, i + 1, Replaces::some_bytes, [&](std::byte* target, const std::byte*) {
      core::write_shared_fixed<sizeof(T)>(target + i * sizeof(T), &x);
    });
  }
  template <class F>
  T update(const Handle& handle, std::size_t i, F&& f) {
    Uninitialised<T> raw;
    write(handle, i, i + 1, Replaces::some_bytes, [&](std::byte* target, const std::byte* now) {
      core::read_shared_fixed<sizeof(T)>(raw.bytes, now + i * sizeof(T));
      T x = std::bit_cast<T>(raw);
      const core::ForkMark fork;
      apply(f, x);
      if (fork.passed()) [[unlikely]]
        throw_forked_inside_write();  // the copy is the parent's: no byte is stored
      raw = std::bit_cast<Uninitialised<T>>(x);
      core::write_shared_fixed<sizeof(T)>(target + i * sizeof(T), &x);
    });
    return std::bit_cast<T>(raw);
  }
  T add(const Handle& handle, std::size_t i, T x) {
    return update(handle, i, [x](T y) { return plus(y, x); });
  }
  template <class F>
  void change(const Handle& handle, std::size_t first, std::size_t last, std::size_t n, F&& f) {
    const std::size_t offset = first * sizeof(T);
    const std::size_t bytes = (last - first) * sizeof(T);
    const auto by_draft = [&](std::byte* draft) {
      write(handle, first, last, replaces(first, last, n),
            [&](std::byte* target, const std::byte* now) {
              core::read_shared(draft, now + offset, bytes);
              const core::ForkMark fork;
              f(reinterpret_cast<T*>(draft));
              if (fork.passed()) [[unlikely]]
                throw_forked_inside_write();  // the copy is the parent's: no byte is stored
              core::write_shared(target + offset, draft, bytes);
            });
    };
    if (bytes > draft_from && bytes <= draft_to) {
      alignas(T) std::byte draft[draft_to];
      return by_draft(draft);
    }
#if LAGOON_COPY_BY_ATOMICS
    by_draft(reinterpret_cast<std::byte*>(std::vector<Uninitialised<T>>(last - first).data()));
#else
    write(handle, first, last, Replaces::some_bytes,
          [&](std::byte* target, const std::byte*) { f(reinterpret_cast<T*>(target + offset)); });
#endif
  }
  void replace(const Handle& handle, std::size_t first, std::size_t last, std::size_t n,
               const T* from) {
    write(handle, first, last, replaces(first, last, n), [&](std::byte* target, const std::byte*) {
      core::write_shared(target + first * sizeof(T), from, (last - first) * sizeof(T));
    });
  }
  [[nodiscard]] std::uint64_t version() const noexcept {
    return core::public_version(copies_.latch().version());
  }

 private:
  static constexpr Replaces replaces(std::size_t first, std::size_t last, std::size_t n) noexcept {
    return first == 0 && last == n ? Replaces::every_byte_of_the_record : Replaces::some_bytes;
  }
  template <class Change>
  [[gnu::always_inline]] void write(const Handle& handle, std::size_t first, std::size_t last,
                                    Replaces replaces, Change&& change) {
    switch (copies_.write(first * sizeof(T), last * sizeof(T), replaces,
                          std::forward<Change>(change))) {
      [[likely]] case core::Written::yes : return;
      case core::Written::erased:
        handle.throw_gone();
      case core::Written::nested:
        throw_nested(handle);
      case core::Written::forked:
        throw_forked_inside_write();
    }
  }

  core::Copies copies_;
};

/// Plain elements beside a lock.
template <class T, class L>
class LockedStore {
  using Guard = GuardedBy<L>;
  static constexpr std::size_t head = Guard::head;

 public:
  static constexpr Stamp::Mode stamp_mode = Stamp::Mode::locked;
  static constexpr Stamp::Begins begins = Guard::begins;
  static constexpr LockName guard = Guard::name;
  static constexpr std::uint8_t copies_for(std::size_t) noexcept { return 1; }

  static std::size_t bytes_for(std::size_t n) noexcept { return head + n * sizeof(T); }
  static void make(std::byte* payload, core::Participants& table, std::size_t n, const T* initial) {
    construct_in_place<typename Guard::State>(payload, table);
    if (initial != nullptr) std::copy_n(initial, n, reinterpret_cast<T*>(payload + head));
  }

  LockedStore(const Handle& handle, std::size_t)
      : guard_(*reinterpret_cast<typename Guard::State*>(handle.payload())),
        elements_(reinterpret_cast<T*>(handle.payload() + head)) {}

  void read(std::size_t first, std::size_t last, T* out) const {
    const auto guarded = guard_.to_read();
    std::copy(elements_ + first, elements_ + last, out);
  }
  [[nodiscard]] T get(const Handle&, std::size_t i) const {
    const auto guarded = guard_.to_read();
    return elements_[i];
  }
  void set(const Handle&, std::size_t i, const T& x) {
    const auto guarded = guard_.to_change();
    elements_[i] = x;
  }
  template <class F>
  T update(const Handle&, std::size_t i, F&& f) {
    const auto guarded = guard_.to_change();
    apply(f, elements_[i]);
    return elements_[i];
  }
  T add(const Handle& handle, std::size_t i, T x) {
    return update(handle, i, [x](T y) { return plus(y, x); });
  }
  template <class F>
  void change(const Handle&, std::size_t first, std::size_t, std::size_t, F&& f) {
    const auto guarded = guard_.to_change();
    f(elements_ + first);
  }
  void replace(const Handle&, std::size_t first, std::size_t last, std::size_t, const T* from) {
    const auto guarded = guard_.to_change();
    std::copy_n(from, last - first, elements_ + first);
  }

  [[nodiscard]] L& lock() const noexcept { return guard_.lock(); }
  void use(L& given) noexcept { guard_.use(given); }
  [[nodiscard]] T* elements() const noexcept { return elements_; }

 private:
  Guard guard_;
  T* elements_;
};

/// Each element an atomic word.
template <class T>
class AtomicStore {
  static_assert(Scalar<T>, "mode::atomic is for scalars; use mode::seqlocked for structs");
  using Element = boost::ipc_atomic<T>;
  static_assert(Element::is_always_lock_free && sizeof(Element) == sizeof(T));

 public:
  static constexpr Stamp::Mode stamp_mode = Stamp::Mode::atomic;
  static constexpr LockName guard{};
  static constexpr Stamp::Begins begins = Stamp::Begins::otherwise;
  static constexpr std::uint8_t copies_for(std::size_t) noexcept { return 1; }

  static std::size_t bytes_for(std::size_t n) noexcept { return n * sizeof(T); }
  static void make(std::byte* payload, core::Participants&, std::size_t n, const T* initial) {
    for (std::size_t i = 0; i < n; ++i)
      new (payload + i * sizeof(T)) Element(initial != nullptr ? initial[i] : T{});
  }

  AtomicStore(const Handle& handle, std::size_t) noexcept
      : elements_(reinterpret_cast<Element*>(handle.payload())) {}

  void read(std::size_t first, std::size_t last, T* out) const noexcept {
    for (std::size_t i = first; i < last; ++i) *out++ = elements_[i].load();
  }
  [[nodiscard]] T get(const Handle&, std::size_t i) const noexcept { return elements_[i].load(); }
  void set(const Handle&, std::size_t i, T x) noexcept { elements_[i].store(x); }
  template <class F>
  T update(const Handle&, std::size_t i, F&& f) {
    T seen = elements_[i].load();
    for (;;) {
      T wanted = seen;
      apply(f, wanted);
      if (elements_[i].compare_exchange_weak(seen, wanted)) return wanted;
    }
  }
  T add(const Handle&, std::size_t i, T x) noexcept
      requires(std::is_arithmetic_v<T> && !std::is_same_v<T, bool>) {
    return plus<T>(elements_[i].fetch_add(x), x);
  }
  void replace(const Handle&, std::size_t first, std::size_t last, std::size_t,
               const T* from) noexcept {
    for (std::size_t i = first; i < last; ++i) elements_[i].store(*from++);
  }

 private:
  Element* elements_;
};

/// Plain memory.
template <class T>
class RawStore {
 public:
  static constexpr Stamp::Mode stamp_mode = Stamp::Mode::raw;
  static constexpr LockName guard{};
  static constexpr Stamp::Begins begins = Stamp::Begins::otherwise;
  static constexpr std::uint8_t copies_for(std::size_t) noexcept { return 1; }

  static std::size_t bytes_for(std::size_t n) noexcept { return n * sizeof(T); }
  static void make(std::byte* payload, core::Participants&, std::size_t n, const T* initial) {
    if (initial != nullptr) std::copy_n(initial, n, reinterpret_cast<T*>(payload));
  }

  RawStore(const Handle& handle, std::size_t) noexcept
      : elements_(reinterpret_cast<T*>(handle.payload())) {}

  void read(std::size_t first, std::size_t last, T* out) const noexcept {
    std::copy(elements_ + first, elements_ + last, out);
  }
  [[nodiscard]] T get(const Handle&, std::size_t i) const noexcept { return elements_[i]; }
  void set(const Handle&, std::size_t i, const T& x) noexcept { elements_[i] = x; }
  void replace(const Handle&, std::size_t first, std::size_t last, std::size_t,
               const T* from) noexcept {
    std::copy_n(from, last - first, elements_ + first);
  }
  [[nodiscard]] T* elements() const noexcept { return elements_; }

 private:
  T* elements_;
};

template <class T, class Mode>
struct StoreFor;
template <class T>
struct StoreFor<T, mode::seqlocked> {
  using type = SeqlockedStore<T, 0>;
};
template <class T, unsigned N>
struct StoreFor<T, mode::seqlocked_in<N>> {
  using type = SeqlockedStore<T, N>;
};
template <class T, class L>
struct StoreFor<T, mode::locked_by<L>> {
  using type = LockedStore<T, L>;
};
template <class T>
struct StoreFor<T, mode::atomic> {
  using type = AtomicStore<T>;
};
template <class T>
struct StoreFor<T, mode::raw> {
  using type = RawStore<T>;
};

}  // namespace detail
}  // namespace lagoon
