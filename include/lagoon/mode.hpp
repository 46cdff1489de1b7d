#pragma once
/// How a Value or an Array is kept: the second argument of both. What each promises is told in
/// value.hpp and array.hpp.

#include <lagoon/core/change_log.hpp>
#include <lagoon/lock.hpp>
#include <lagoon/place.hpp>

#include <cstddef>
#include <type_traits>

namespace lagoon {

namespace mode {
/// One atomic word (each element of an array).
struct atomic {};
/// Kept in copies; consistent snapshots that nobody has to wait for.
struct seqlocked {};
/// seqlocked, an array with the number of copies chosen: more of them cost memory and a little time
/// in each write, and let readers be slower before writers overtake them.
template <unsigned N>
struct seqlocked_in {};
/// Plain memory.
struct raw {};
/// Plain memory beside a lock of this type: Lock, RLock, one of locks/, or one of your own, which
/// is a Lockable that is made by L(table of participants) or L() and can lie at any address, with a
/// `type_name` if the object has a name. If the lock can be shared, those who read share it.
///
/// Of a lock that is not recursive, any but RLock and the pthread ones that say so: who holds it
/// reads and writes by get_obj() only. get(), set(), operator[] and the like take it themselves,
/// and would wait for ever for the thread that they run in.
template <class L>
struct locked_by {};
/// Python's: beside a recursive lock.
using locked = locked_by<RLock>;
}  // namespace mode

namespace detail {

/// What of the lock lies in shared memory: what a handle is a handle to, or the lock itself.
template <class L>
struct StateOfLock {
  using type = L;
};
template <class L>
requires requires { typename L::State; }
struct StateOfLock<L> {
  using type = typename L::State;
};

template <class State>
concept NamesItsOwner = State::begins_with_owned_word;

/// Has the lock for as long as it lives. The standard's headers of such are large: they would be a
/// tenth of what including value.hpp costs.
template <class L, bool is_shared>
class [[nodiscard]] HasLock {
 public:
  explicit HasLock(L& lock) : lock_(lock) {
    if constexpr (is_shared)
      lock_.lock_shared();
    else
      lock_.lock();
  }
  HasLock(const HasLock&) = delete;
  HasLock& operator=(const HasLock&) = delete;
  ~HasLock() {
    if constexpr (is_shared)
      lock_.unlock_shared();
    else
      lock_.unlock();
  }

 private:
  L& lock_;
};

/// The lock of a value or an array: its own, or one that was given.
template <class L>
class GuardedBy {
  static constexpr bool in_place = std::is_same_v<typename StateOfLock<L>::type, L>;

 public:
  using State = typename StateOfLock<L>::type;
  static_assert(std::is_trivially_destructible_v<State>,
                "nobody runs destructors in shared memory");
  /// Bytes before what it guards, which begins on a line of its own.
  static constexpr std::size_t head = core::round_to_lines(sizeof(State));
  /// Erasing an object ends the wait of those who want its lock, if that names its owner.
  static constexpr Stamp::Begins begins =
      NamesItsOwner<State> ? Stamp::Begins::with_owned_word : Stamp::Begins::otherwise;
  static constexpr LockName name = LockName::of(type_name<L>);

  explicit GuardedBy(State& state) noexcept : own_(make(state)) {}
  GuardedBy(State& state, L* given) noexcept : own_(make(state)), given_(given) {}

  [[nodiscard]] L& lock() const noexcept {
    if (given_ != nullptr) return *given_;
    if constexpr (in_place)
      return *own_;
    else
      return own_;
  }
  void use(L& given) noexcept { given_ = &given; }

  /// What reading takes for as long as it needs: shared, where that is possible.
  [[nodiscard]] auto to_read() const {
    constexpr bool can_be_shared = requires(L & l) { l.lock_shared(); };
    return HasLock<L, can_be_shared>(lock());
  }
  [[nodiscard]] auto to_change() const { return HasLock<L, false>(lock()); }

 private:
  using Own = std::conditional_t<in_place, L*, L>;
  static Own make(State& state) noexcept {
    if constexpr (in_place)
      return &state;
    else
      return L(state);
  }
  mutable Own own_;
  L* given_ = nullptr;
};

}  // namespace detail

}  // namespace lagoon
