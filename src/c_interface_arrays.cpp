/// The C interface: arrays.
#include <lagoon/array.hpp>

#include "c_interface.hpp"

#include <algorithm>
#include <cstring>
#include <span>
#include <vector>

struct lagoon_array : lagoon::c_interface::Typed {
  using Typed::Typed;
};

namespace lagoon::c_interface {

namespace {

template <class T, class Mode>
struct ArrayIn final : lagoon_array {
  ArrayIn(Stamp::Mode kept, Array<T, Mode>&& made)
      : lagoon_array(code_of<T>, kept), array(std::move(made)) {}
  [[nodiscard]] const Handle& handle() const noexcept override { return Attach::handle_of(array); }
  mutable Array<T, Mode> array;
};

template <class T, class F>
[[gnu::noinline]] decltype(auto) in_another_mode(const lagoon_array& a, F& f) {
  switch (a.mode) {
    case Stamp::Mode::locked:
      return f(static_cast<const ArrayIn<T, mode::locked>&>(a).array);
    case Stamp::Mode::atomic:
      return f(static_cast<const ArrayIn<T, mode::atomic>&>(a).array);
    default:
      return f(static_cast<const ArrayIn<T, mode::raw>&>(a).array);
  }
}
/// f(Array<T, its mode>&). What most have is not slowed down by what the others need.
template <class T, class F>
decltype(auto) in_its_mode(const lagoon_array& a, F&& f) {
  if (a.mode == Stamp::Mode::seqlocked) [[likely]]
    return f(static_cast<const ArrayIn<T, mode::seqlocked>&>(a).array);
  return in_another_mode<T>(a, f);
}
/// The same, of whatever type.
template <class F>
void in_its_type(const lagoon_array& a, F&& f) {
  with_type(a.code, [&]<class T>(T*) { in_its_mode<T>(a, f); });
}
template <class A>
constexpr bool has_snapshots = requires(const A& a) {
  a.snapshot();
};
template <class A>
constexpr bool has_versions = requires(const A& a) {
  a.version();
};
template <class A>
constexpr bool has_pointer = requires(const A& a) {
  a.get_obj();
};

template <class Mode, class F>
lagoon_array* made_in(char code, Stamp::Mode kept, F&& make) {
  lagoon_array* made = nullptr;
  with_type(code, [&]<class T>(T*) {
    made = new ArrayIn<T, Mode>(kept, make(static_cast<Array<T, Mode>*>(nullptr)));
  });
  return made;
}
template <class F>
lagoon_array* made_in(Stamp::Mode kept, char code, F&& make) {
  switch (kept) {
    case Stamp::Mode::seqlocked:
      return made_in<mode::seqlocked>(code, kept, make);
    case Stamp::Mode::locked:
      return made_in<mode::locked>(code, kept, make);
    case Stamp::Mode::atomic:
      return made_in<mode::atomic>(code, kept, make);
    case Stamp::Mode::raw:
      return made_in<mode::raw>(code, kept, make);
  }
  throw InvalidArgument("an array cannot be kept in this mode: " +
                        std::to_string(static_cast<int>(kept)));
}

Stamp::Mode array_mode(int mode) {
  switch (mode) {
    case lagoon_atomic:
      return Stamp::Mode::atomic;
    case lagoon_seqlocked:
      return Stamp::Mode::seqlocked;
    case lagoon_locked:
      return Stamp::Mode::locked;
    case lagoon_raw:
      return Stamp::Mode::raw;
    default:
      throw InvalidArgument("an array cannot be kept in mode " + std::to_string(mode));
  }
}

template <class A>
void check_index(const A& array, std::size_t i) {
  if (i >= array.size()) [[unlikely]]
    detail::throw_index(Attach::handle_of(array), i, array.size());
}
template <class A>
void check_range(const A& array, std::size_t first, std::size_t count) {
  if (first > array.size() || count > array.size() - first) [[unlikely]]
    detail::throw_range(Attach::handle_of(array), first, first + count, array.size());
}

template <class T>
lagoon_status get(const lagoon_array* a, std::size_t i, Passed<T>* out) noexcept {
  return guarded([&] {
    const lagoon_array& it = typed<T>(a);
    Passed<T>& to = there(out, "the place for the element");
    const T x = in_its_mode<T>(it, [&](const auto& array) -> T {
      check_index(array, i);
      return array.get(i);
    });
    if (it.is_read_only) [[unlikely]]
      check_still_there(it);
    to = x;
  });
}
template <class T>
lagoon_status set(lagoon_array* a, std::size_t i, Passed<T> x) noexcept {
  return guarded([&] {
    in_its_mode<T>(writable<T>(a), [&](auto& array) {
      check_index(array, i);
      array.set(i, taken<T>(x));
    });
  });
}
template <class T>
lagoon_status read(const lagoon_array* a, std::size_t first, std::size_t count,
                   Passed<T>* out) noexcept {
  return guarded([&] {
    const lagoon_array& it = typed<T>(a);
    if (count != 0) there(out, "the place for the elements");
    in_its_mode<T>(it, [&]<class A>(const A& array) {
      check_range(array, first, count);
      const std::span<T> to(reinterpret_cast<T*>(out), count);
      if constexpr (has_snapshots<A>)
        array.snapshot_into(first, to);
      else
        for (std::size_t i = 0; i < count; ++i) to[i] = array.get(first + i);
    });
    if (it.is_read_only) [[unlikely]]
      check_still_there(it);
  });
}
template <class T>
lagoon_status write(lagoon_array* a, std::size_t first, std::size_t count,
                    const Passed<T>* from) noexcept {
  return guarded([&] {
    lagoon_array& it = writable<T>(a);
    if (count != 0) there(from, "the elements to write");
    in_its_mode<T>(it, [&]<class A>(A& array) {
      check_range(array, first, count);
      if constexpr (!std::is_same_v<T, bool>)
        array.assign(first, std::span<const T>(from, count));
      else if constexpr (has_snapshots<A>)  // no byte but 0 and 1 goes in
        array.write(first, first + count, [&](std::span<bool> to) {
          std::transform(from, from + count, to.begin(), taken<bool>);
        });
      else
        for (std::size_t i = 0; i < count; ++i) array.set(first + i, taken<bool>(from[i]));
    });
  });
}
template <class T>
lagoon_status add(lagoon_array* a, std::size_t i, T x, T* now) noexcept {
  return guarded([&] {
    const T is = in_its_mode<T>(writable<T>(a), [&]<class A>(A& array) -> T {
      check_index(array, i);
      if constexpr (requires { array.add(i, x); })
        return array.add(i, x);
      else
        throw_not_in_mode(a->handle(), "steps but get and set");
    });
    give_if_wanted(now, is);
  });
}

}  // namespace

}  // namespace lagoon::c_interface

namespace c = lagoon::c_interface;

lagoon_status lagoon_array_make(const lagoon_segment* segment, const char* name, char typecode,
                                int mode, size_t length, const void* initial,
                                lagoon_array** array) {
  return c::give(array, [&] {
    return c::made_in(c::array_mode(mode), typecode, [&]<class A>(A*) {
      using T = typename A::value_type;
      const lagoon::Place place = c::place_of(segment, name);
      if (initial == nullptr || length == 0) return A(place, length);
      const auto* const first = static_cast<const c::Passed<T>*>(initial);
      if constexpr (std::is_same_v<T, bool>)
        return A(place, std::vector<bool>(first, first + length));
      else
        return A(place, std::span(first, length));
    });
  });
}

lagoon_status lagoon_array_find(const lagoon_segment* segment, const char* name, char typecode,
                                lagoon_array** array) {
  return c::give(array, [&] {
    c::Handle handle = c::found(segment, name, c::of_kind(c::Stamp::Kind::array), true);
    const char code = c::code_in(handle, typecode);
    c::check_lock(handle);
    const bool is_read_only = handle.is_read_only();
    lagoon_array* const made = c::made_in(handle.stamp().mode, code, [&]<class A>(A*) {
      return c::Attach::make<A>(std::move(handle));
    });
    made->is_read_only = is_read_only;
    return made;
  });
}

void lagoon_array_close(lagoon_array* array) { delete array; }

lagoon_status lagoon_array_typecode(const lagoon_array* array, char* typecode) {
  return c::guarded([&] {
    const lagoon_array& it = c::there(array, "the array");
    c::there(typecode, "the place for the typecode") = it.code;
  });
}
lagoon_status lagoon_array_length(const lagoon_array* array, size_t* length) {
  return c::guarded([&] {
    const lagoon_array& it = c::there(array, "the array");
    c::there(length, "the place for the length") = static_cast<size_t>(it.handle().count());
  });
}
lagoon_status lagoon_array_gone(const lagoon_array* array, int* gone) {
  return c::guarded([&] {
    const lagoon_array& it = c::there(array, "the array");
    c::there(gone, "the place for the answer") = it.handle().gone();
  });
}
lagoon_status lagoon_array_version(const lagoon_array* array, uint64_t* version) {
  return c::guarded([&] {
    const lagoon_array& it = c::there(array, "the array");
    c::in_its_type(it, [&]<class A>(const A& a) {
      if constexpr (c::has_versions<A>)
        c::there(version, "the place for the version") = a.version();
      else
        c::throw_not_in_mode(it.handle(), "versions");
    });
  });
}
lagoon_status lagoon_array_pointer(const lagoon_array* array, void** pointer) {
  return c::guarded([&] {
    const lagoon_array& it = c::there(array, "the array");
    c::in_its_type(it, [&]<class A>(const A& a) {
      if constexpr (c::has_pointer<A>)
        c::there(pointer, "the place for the pointer") = a.get_obj().data();
      else
        c::throw_not_in_mode(it.handle(), "pointer to it");
    });
  });
}
lagoon_status lagoon_array_lock(const lagoon_array* array, lagoon_lock** lock) {
  return c::give(lock, [&] {
    const lagoon_array& it = c::there(array, "the array");
    lagoon_lock* made = nullptr;
    c::in_its_type(it, [&]<class A>(const A& a) {
      if constexpr (c::has_pointer<A> && c::has_snapshots<A>)
        made = c::lock_within(a.get_lock(), it.handle());
      else
        c::throw_not_in_mode(it.handle(), "lock");
    });
    return made;
  });
}

#define LAGOON_ARRAY(suffix, T)                                                                 \
  lagoon_status lagoon_array_get_##suffix(const lagoon_array* a, size_t i, c::Passed<T>* out) { \
    return c::get<T>(a, i, out);                                                                \
  }                                                                                             \
  lagoon_status lagoon_array_set_##suffix(lagoon_array* a, size_t i, c::Passed<T> x) {          \
    return c::set<T>(a, i, x);                                                                  \
  }                                                                                             \
  lagoon_status lagoon_array_read_##suffix(const lagoon_array* a, size_t first, size_t count,   \
                                           c::Passed<T>* out) {                                 \
    return c::read<T>(a, first, count, out);                                                    \
  }                                                                                             \
  lagoon_status lagoon_array_write_##suffix(lagoon_array* a, size_t first, size_t count,        \
                                            const c::Passed<T>* from) {                         \
    return c::write<T>(a, first, count, from);                                                  \
  }
#define LAGOON_NUMBERS(suffix, T)                                                   \
  LAGOON_ARRAY(suffix, T)                                                           \
  lagoon_status lagoon_array_add_##suffix(lagoon_array* a, size_t i, T x, T* now) { \
    return c::add<T>(a, i, x, now);                                                 \
  }

LAGOON_NUMBERS(i8, std::int8_t)
LAGOON_NUMBERS(u8, std::uint8_t)
LAGOON_NUMBERS(i16, std::int16_t)
LAGOON_NUMBERS(u16, std::uint16_t)
LAGOON_NUMBERS(i32, std::int32_t)
LAGOON_NUMBERS(u32, std::uint32_t)
LAGOON_NUMBERS(i64, std::int64_t)
LAGOON_NUMBERS(u64, std::uint64_t)
LAGOON_NUMBERS(f32, float)
LAGOON_NUMBERS(f64, double)
LAGOON_ARRAY(char, char)
LAGOON_ARRAY(wchar, wchar_t)
LAGOON_ARRAY(bool, bool)

#undef LAGOON_NUMBERS
#undef LAGOON_ARRAY
