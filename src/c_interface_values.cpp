/// The C interface: values.
#include <lagoon/value.hpp>

#include "c_interface.hpp"

#include <cstring>
#include <mutex>

struct lagoon_value : lagoon::c_interface::Typed {
  using Typed::Typed;
};

namespace lagoon::c_interface {

namespace {

template <class T, class Mode>
struct ValueIn final : lagoon_value {
  ValueIn(Stamp::Mode kept, Value<T, Mode>&& made)
      : lagoon_value(code_of<T>, kept), value(std::move(made)) {}
  [[nodiscard]] const Handle& handle() const noexcept override { return Attach::handle_of(value); }
  mutable Value<T, Mode> value;
};

/// f(Value<T, its mode>&).
template <class T, class F>
decltype(auto) in_its_mode(const lagoon_value& v, F&& f) {
  switch (v.mode) {
    case Stamp::Mode::atomic:
      return f(static_cast<const ValueIn<T, mode::atomic>&>(v).value);
    case Stamp::Mode::locked:
      return f(static_cast<const ValueIn<T, mode::locked>&>(v).value);
    default:
      return f(static_cast<const ValueIn<T, mode::raw>&>(v).value);
  }
}
/// The value, if it is as most are: then nothing can fail, and it takes no more than its
/// instruction.
template <class T, class V>
Value<T>* usual(V* v) noexcept {
  const bool is_usual =
      v != nullptr && v->code == code_of<T> && v->mode == Stamp::Mode::atomic && !v->is_read_only;
  return is_usual ? &static_cast<const ValueIn<T, mode::atomic>*>(v)->value : nullptr;
}
template <class V>
constexpr bool is_atomic = requires(V& v) {
  v.notify_all();
};
template <class V>
constexpr bool is_locked = requires(V& v) {
  v.get_lock();
};

template <class Mode, class F>
lagoon_value* with_each_type(char code, Stamp::Mode kept, F&& make) {
  lagoon_value* made = nullptr;
  with_type(code, [&]<class T>(T* t) {
    made = new ValueIn<T, Mode>(kept, make(t, static_cast<Value<T, Mode>*>(nullptr)));
  });
  return made;
}
template <class F>
lagoon_value* with_each_mode(char code, Stamp::Mode kept, F&& make) {
  switch (kept) {
    case Stamp::Mode::atomic:
      return with_each_type<mode::atomic>(code, kept, make);
    case Stamp::Mode::locked:
      return with_each_type<mode::locked>(code, kept, make);
    default:
      return with_each_type<mode::raw>(code, kept, make);
  }
}

Stamp::Mode value_mode(int mode) {
  switch (mode) {
    case lagoon_atomic:
      return Stamp::Mode::atomic;
    case lagoon_locked:
      return Stamp::Mode::locked;
    case lagoon_raw:
      return Stamp::Mode::raw;
    default:
      throw InvalidArgument("a value cannot be kept in mode " + std::to_string(mode) +
                            ": lagoon_atomic, lagoon_locked or lagoon_raw");
  }
}

/// before = it, it = f(before), in one step; `atomically` is how atomic values have it.
template <class T, class F>
[[gnu::noinline, gnu::cold]] lagoon_status changed_otherwise(lagoon_value* v, Passed<T>* before,
                                                             F f) noexcept {
  return guarded([&] {
    const T was = in_its_mode<T>(writable<T>(v), [&]<class V>(V& value) -> T {
      if constexpr (is_locked<V>) {
        const std::scoped_lock guard(value.get_lock());
        return std::exchange(value.get_obj(), static_cast<T>(f(value.get_obj())));
      } else {
        throw_not_in_mode(v->handle(), "steps but get and set");
      }
    });
    give_if_wanted(before, static_cast<Passed<T>>(was));
  });
}
template <class T, class Atomically, class F>
lagoon_status changed(lagoon_value* v, Passed<T>* before, Atomically&& atomically, F f) noexcept {
  Value<T>* const value = usual<T>(v);
  if (value == nullptr) [[unlikely]]
    return changed_otherwise<T>(v, before, f);
  give_if_wanted(before, static_cast<Passed<T>>(atomically(*value)));
  return lagoon_ok;
}

template <class T>
[[gnu::noinline, gnu::cold]] lagoon_status get_otherwise(const lagoon_value* v,
                                                         Passed<T>* out) noexcept {
  return guarded([&] {
    const lagoon_value& it = typed<T>(v);
    Passed<T>& to = there(out, "the place for the value");
    const T x = in_its_mode<T>(it, [](const auto& value) { return value.get(); });
    if (it.is_read_only) check_still_there(it);
    to = x;
  });
}
template <class T>
lagoon_status get(const lagoon_value* v, Passed<T>* out) noexcept {
  const Value<T>* const value = usual<T>(v);
  if (value == nullptr || out == nullptr) [[unlikely]]
    return get_otherwise<T>(v, out);
  *out = value->get();
  return lagoon_ok;
}
template <class T>
[[gnu::noinline, gnu::cold]] lagoon_status set_otherwise(lagoon_value* v, Passed<T> x) noexcept {
  return guarded(
      [&] { in_its_mode<T>(writable<T>(v), [&](auto& value) { value.set(taken<T>(x)); }); });
}
template <class T>
lagoon_status set(lagoon_value* v, Passed<T> x) noexcept {
  Value<T>* const value = usual<T>(v);
  if (value == nullptr) [[unlikely]]
    return set_otherwise<T>(v, x);
  value->set(taken<T>(x));
  return lagoon_ok;
}
template <class T>
lagoon_status exchange(lagoon_value* v, Passed<T> x, Passed<T>* before) noexcept {
  return changed<T>(
      v, before, [=](auto& value) { return value.exchange(taken<T>(x)); },
      [=](T) { return taken<T>(x); });
}
template <class T>
lagoon_status compare_exchange(lagoon_value* v, Passed<T>* expected, Passed<T> desired,
                               int* exchanged) noexcept {
  return guarded([&] {
    lagoon_value& it = writable<T>(v);
    T wanted = taken<T>(there(expected, "what is expected"));
    const bool has = in_its_mode<T>(it, [&]<class V>(V& value) {
      if constexpr (is_atomic<V>) {
        return value.compare_exchange(wanted, taken<T>(desired));
      } else if constexpr (is_locked<V>) {
        const std::scoped_lock guard(value.get_lock());
        const bool is_same = std::memcmp(&wanted, &value.get_obj(), sizeof wanted) == 0;
        is_same ? void(value.get_obj() = taken<T>(desired)) : void(wanted = value.get_obj());
        return is_same;
      } else {
        throw_not_in_mode(it.handle(), "steps but get and set");
        return false;
      }
    });
    if (!has) *expected = wanted;
    give_if_wanted(exchanged, has);
  });
}
template <class T>
lagoon_status wait(const lagoon_value* v, Passed<T> old, double seconds) noexcept {
  return guarded([&] {
    const lagoon_value& it = writable<T>(v);
    const core::Deadline deadline = deadline_in(seconds);
    return in_its_mode<T>(it, [&]<class V>(const V& value) {
      if constexpr (is_atomic<V>) {
        const T was = taken<T>(old);
        bool is_another = true;
        if (deadline.is_never())
          value.wait(was), is_another = !value.gone();
        else
          is_another = value.wait_for(was, std::chrono::duration<double>(seconds));
        if (!is_another && value.gone()) it.handle().throw_gone();
        return ok_if(is_another, lagoon_timed_out);
      } else {
        throw_not_in_mode(it.handle(), "waiting");
        return lagoon_ok;
      }
    });
  });
}

/// f(Value&) of whatever type and mode.
template <class F>
void whatever(const lagoon_value& v, F&& f) {
  with_type(v.code, [&]<class T>(T*) { in_its_mode<T>(v, f); });
}

}  // namespace

}  // namespace lagoon::c_interface

namespace c = lagoon::c_interface;

lagoon_status lagoon_value_make(const lagoon_segment* segment, const char* name, char typecode,
                                int mode, const void* initial, lagoon_value** value) {
  return c::give(value, [&] {
    return c::with_each_mode(typecode, c::value_mode(mode), [&]<class T, class V>(T*, V*) {
      c::Passed<T> x{};
      if (initial != nullptr) std::memcpy(&x, initial, sizeof x);
      return V(c::place_of(segment, name), c::taken<T>(x));
    });
  });
}

lagoon_status lagoon_value_find(const lagoon_segment* segment, const char* name, char typecode,
                                lagoon_value** value) {
  return c::give(value, [&] {
    c::Handle handle = c::found(segment, name, c::of_kind(c::Stamp::Kind::value), true);
    const c::Stamp stamp = handle.stamp();
    const char code = c::code_in(handle, typecode);
    const bool is_read_only = handle.is_read_only();
    if (stamp.mode == c::Stamp::Mode::seqlocked)  // which others may have made
      c::throw_other(handle, "one that is atomic, locked or raw");
    c::check_lock(handle);
    lagoon_value* const made = c::with_each_mode(code, stamp.mode, [&]<class T, class V>(T*, V*) {
      return c::Attach::make<V>(std::move(handle));
    });
    made->is_read_only = is_read_only;
    return made;
  });
}

void lagoon_value_close(lagoon_value* value) { delete value; }

lagoon_status lagoon_value_typecode(const lagoon_value* value, char* typecode) {
  return c::guarded([&] {
    const lagoon_value& it = c::there(value, "the value");
    c::there(typecode, "the place for the typecode") = it.code;
  });
}
lagoon_status lagoon_value_gone(const lagoon_value* value, int* gone) {
  return c::guarded([&] {
    const lagoon_value& it = c::there(value, "the value");
    c::there(gone, "the place for the answer") = it.handle().gone();
  });
}
lagoon_status lagoon_value_notify(lagoon_value* value) {
  return c::guarded([&] {
    const lagoon_value& it = c::there(value, "the value");
    if (it.is_read_only) c::throw_read_only(it);
    c::whatever(it, [&]<class V>(V& v) {
      if constexpr (c::is_atomic<V>)
        v.notify_all();
      else
        c::throw_not_in_mode(it.handle(), "waiting");
    });
  });
}
lagoon_status lagoon_value_pointer(const lagoon_value* value, void** pointer) {
  return c::guarded([&] {
    const lagoon_value& it = c::there(value, "the value");
    c::whatever(it, [&]<class V>(V& v) {
      if constexpr (c::is_atomic<V>)
        c::throw_not_in_mode(it.handle(), "pointer to it");
      else
        c::there(pointer, "the place for the pointer") = &v.get_obj();
    });
  });
}
lagoon_status lagoon_value_lock(const lagoon_value* value, lagoon_lock** lock) {
  return c::give(lock, [&] {
    const lagoon_value& it = c::there(value, "the value");
    lagoon_lock* made = nullptr;
    c::whatever(it, [&]<class V>(V& v) {
      if constexpr (c::is_locked<V>)
        made = c::lock_within(v.get_lock(), it.handle());
      else
        c::throw_not_in_mode(it.handle(), "lock");
    });
    return made;
  });
}

#define LAGOON_VALUE(suffix, T)                                                                 \
  lagoon_status lagoon_value_get_##suffix(const lagoon_value* v, c::Passed<T>* out) {           \
    return c::get<T>(v, out);                                                                   \
  }                                                                                             \
  lagoon_status lagoon_value_set_##suffix(lagoon_value* v, c::Passed<T> x) {                    \
    return c::set<T>(v, x);                                                                     \
  }                                                                                             \
  lagoon_status lagoon_value_exchange_##suffix(lagoon_value* v, c::Passed<T> x,                 \
                                               c::Passed<T>* before) {                          \
    return c::exchange<T>(v, x, before);                                                        \
  }                                                                                             \
  lagoon_status lagoon_value_compare_exchange_##suffix(lagoon_value* v, c::Passed<T>* expected, \
                                                       c::Passed<T> desired, int* exchanged) {  \
    return c::compare_exchange<T>(v, expected, desired, exchanged);                             \
  }                                                                                             \
  lagoon_status lagoon_value_wait_##suffix(const lagoon_value* v, c::Passed<T> old, double s) { \
    return c::wait<T>(v, old, s);                                                               \
  }
#define LAGOON_FETCH(operation, suffix, T, f)                                                \
  lagoon_status lagoon_value_fetch_##operation##_##suffix(lagoon_value* v, T x, T* before) { \
    return c::changed<T>(                                                                    \
        v, before, [=](auto& value) { return value.fetch_##operation(x); },                  \
        [=](T now) { return f; });                                                           \
  }
#define LAGOON_NUMBER(suffix, T)                                  \
  LAGOON_VALUE(suffix, T)                                         \
  LAGOON_FETCH(add, suffix, T, (lagoon::detail::plus<T>(now, x))) \
  LAGOON_FETCH(sub, suffix, T, (lagoon::detail::minus<T>(now, x)))
#define LAGOON_INTEGER(suffix, T)      \
  LAGOON_NUMBER(suffix, T)             \
  LAGOON_FETCH(and, suffix, T, now& x) \
  LAGOON_FETCH(or, suffix, T, now | x) \
  LAGOON_FETCH(xor, suffix, T, now ^ x)

LAGOON_INTEGER(i8, std::int8_t)
LAGOON_INTEGER(u8, std::uint8_t)
LAGOON_INTEGER(i16, std::int16_t)
LAGOON_INTEGER(u16, std::uint16_t)
LAGOON_INTEGER(i32, std::int32_t)
LAGOON_INTEGER(u32, std::uint32_t)
LAGOON_INTEGER(i64, std::int64_t)
LAGOON_INTEGER(u64, std::uint64_t)
LAGOON_NUMBER(f32, float)
LAGOON_NUMBER(f64, double)
LAGOON_VALUE(char, char)
LAGOON_VALUE(wchar, wchar_t)
LAGOON_VALUE(bool, bool)

#undef LAGOON_INTEGER
#undef LAGOON_NUMBER
#undef LAGOON_FETCH
#undef LAGOON_VALUE
