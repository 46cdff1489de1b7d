#pragma once
/// How a Value or an Array is kept: the second argument of both. What each promises is told in
/// value.hpp and array.hpp.

#include <lagoon/lock.hpp>
#include <lagoon/place.hpp>

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
/// Plain memory beside a lock of this type.
template <class L>
struct locked_by {};
/// Python's: beside a recursive lock.
using locked = locked_by<RLock>;
}  // namespace mode

namespace detail {
/// A Lock is no RLock, neither alone nor beside a value.
template <class L>
inline constexpr Stamp::Mode locked_mode =
    std::is_same_v<L, RLock> ? Stamp::Mode::locked : Stamp::Mode::locked_by_lock;
}  // namespace detail

}  // namespace lagoon
