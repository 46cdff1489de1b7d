#pragma once
/// `<<` and `str()` for what is shared, as Python's `print` and `str` would have it.
///
///   Value<double>  1.0   1e+16   1e-05   inf   nan       the shortest that reads back the same
///   Value<bool>    True                                  Value<float>  0.10000000149011612
///   Array<int>     [0, 1, 4]                             Array<char>   b'hi\x00'
///   Array<wchar_t> its text in UTF-8, NULs and all       Lock          <Lock(free)>
///   Dict           {'a': 1.0}                            Namespace     Namespace(x=1, y='a')
///   List           ['a', 1.0]
///
/// A float is printed as the double that Python makes of it; an enum as its number; a struct by
/// its own `operator<<`, without which it has none here either (concept `Printable`).
/// An Object is printed as Python's str() has it, o.repr() has the other.
/// The width and fill of the stream apply to the whole text, its number formats do not.
///
/// What is printed is one read: seqlocked, and of a container, the state of one moment; locked,
/// under the lock.
/// `lagoon/fmt.hpp` has the same for {fmt}.

#include <lagoon/array.hpp>
#include <lagoon/barrier.hpp>
#include <lagoon/condition.hpp>
#include <lagoon/dict.hpp>
#include <lagoon/event.hpp>
#include <lagoon/list.hpp>
#include <lagoon/lock.hpp>
#include <lagoon/namespace.hpp>
#include <lagoon/object.hpp>
#include <lagoon/queue.hpp>
#include <lagoon/semaphore.hpp>
#include <lagoon/text.hpp>
#include <lagoon/value.hpp>

#include <concepts>
#include <ostream>
#include <sstream>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace lagoon {

namespace detail {

template <class T>
concept Inserts = requires(std::ostream& out, const T& x) {
  out << x;
};

/// Of one value, alone or in a list.
template <class T>
std::string text_of(const T& x) {
  if constexpr (std::is_same_v<T, bool>)
    return x ? "True" : "False";
  else if constexpr (std::is_same_v<T, char>)
    return text_of_bytes({&x, 1});
  else if constexpr (std::is_same_v<T, wchar_t>)
    return text_of_wide({&x, 1});
  else if constexpr (std::is_floating_point_v<T>)
    return text_of_number(x);
  else if constexpr (std::is_enum_v<T>)
    return std::to_string(+static_cast<std::underlying_type_t<T>>(x));
  else if constexpr (std::is_integral_v<T>)
    return std::to_string(+x);
  else
    return (std::ostringstream() << x).str();
}

}  // namespace detail

/// What `<<` prints: every scalar, and structs with an `operator<<`.
template <class T>
concept Printable = Scalar<T> || detail::Inserts<T>;

namespace detail {

/// How a shared thing is written: specialised for each, so that neither a conversion nor a
/// function of the application's own is taken for it.
template <class>
struct Text {};

template <class T, class Mode>
requires Printable<std::remove_const_t<T>>
struct Text<Value<T, Mode>> {
  static std::string of(const Value<T, Mode>& value) { return text_of(value.get()); }
};

template <class Elem, class Mode>
requires Printable<std::remove_const_t<Elem>>
struct Text<Array<Elem, Mode>> {
  static std::string of(const Array<Elem, Mode>& array) {
    using T = std::remove_const_t<Elem>;
    const auto elements = array.slice();
    if constexpr (std::is_same_v<T, char>) {
      return text_of_bytes(elements);
    } else if constexpr (std::is_same_v<T, wchar_t>) {
      return text_of_wide(elements);
    } else {
      std::string text = "[";
      for (const T x : elements) {
        if (text.size() > 1) text += ", ";
        text += text_of(x);
      }
      return text += ']';
    }
  }
};

template <>
struct Text<Lock> {
  static std::string of(const Lock& lock) {
    return lock.locked() ? "<Lock(held)>" : "<Lock(free)>";
  }
};
template <>
struct Text<RLock> {
  static std::string of(const RLock& lock) {
    return lock.locked() ? "<RLock(held)>" : "<RLock(free)>";
  }
};
template <>
struct Text<Semaphore> {
  static std::string of(const Semaphore& semaphore) {
    return "<Semaphore(value=" + std::to_string(semaphore.get_value()) + ")>";
  }
};
template <>
struct Text<BoundedSemaphore> {
  static std::string of(const BoundedSemaphore& semaphore) {
    return "<BoundedSemaphore(value=" + std::to_string(semaphore.get_value()) +
           ", maxvalue=" + std::to_string(semaphore.bound()) + ")>";
  }
};

template <>
struct Text<Event> {
  static std::string of(const Event& event) {
    return event.is_set() ? "<Event(set)>" : "<Event(unset)>";
  }
};
template <>
struct Text<Barrier> {
  static std::string of(const Barrier& barrier) {
    if (barrier.broken()) return "<Barrier(broken)>";
    return "<Barrier(waiters=" + std::to_string(barrier.n_waiting()) + "/" +
           std::to_string(barrier.parties()) + ")>";
  }
};
template <>
struct Text<Condition> {
  static std::string of(const Condition& condition) {
    return "<Condition(waiters=" + std::to_string(condition.n_waiting()) + ")>";
  }
};

template <class Q>
std::string text_of_queue(const char* type, const Q& queue) {
  return std::string("<") + type + "(size=" + std::to_string(queue.qsize()) +
         ", maxsize=" + std::to_string(queue.maxsize()) + ")>";
}
template <class T>
struct Text<Queue<T>> {
  static std::string of(const Queue<T>& queue) { return text_of_queue("Queue", queue); }
};
template <class T>
struct Text<JoinableQueue<T>> {
  static std::string of(const JoinableQueue<T>& queue) {
    return text_of_queue("JoinableQueue", queue);
  }
};

/// Of what is in a container: its repr.
template <class T>
std::string repr_of(const T& x) {
  if constexpr (std::is_same_v<T, std::string>)
    return text_or_bytes(x).repr();
  else if constexpr (std::is_same_v<T, char>)
    return text_or_bytes({&x, 1}).repr();
  else if constexpr (std::is_constructible_v<Object, const T&>)
    return Object(x).repr();
  else
    return text_of(x);
}
template <class T>
concept HasRepr = std::is_constructible_v<Object, const T&> || Printable<T>;

template <HasRepr K, class V>
requires HasRepr<std::remove_const_t<V>>
struct Text<Dict<K, V>> {
  static std::string of(const Dict<K, V>& dict) {
    std::string text = "{";
    for (const auto& [key, value] : dict.items())
      text += (text.size() > 1 ? ", " : "") + repr_of(key) + ": " + repr_of(value);
    return text + "}";
  }
};
template <>
struct Text<Namespace> {
  static std::string of(const Namespace& n) {
    std::string text = "Namespace(";
    for (const auto& [name, value] : n.items())
      if (!name.starts_with('_'))
        text += (text.back() == '(' ? "" : ", ") + name + "=" + value.repr();
    return text + ")";
  }
};
template <class T>
requires HasRepr<std::remove_const_t<T>>
struct Text<List<T>> {
  static std::string of(const List<T>& list) {
    std::string text = "[";
    for (const std::remove_const_t<T>& x : list.snapshot())
      text += (text.size() > 1 ? ", " : "") + repr_of(x);
    return text + "]";
  }
};
/// `dict["a"]`, `list[0]`, `dict["a"][0]`, of Objects.
template <class T>
requires std::derived_from<T, ObjectPlace<T>>
struct Text<T> {
  static std::string of(const T& place) { return place.read().str(); }
};

template <>
struct Text<Object> {
  static std::string of(const Object& object) { return object.str(); }
};
template <>
struct Text<Object::Element> {
  static std::string of(const Object::Element& element) { return std::move(element).str(); }
};

}  // namespace detail

/// What of this library has a text: a Value or Array of what is Printable, an Object, and what
/// synchronizes.
template <class T>
concept HasText = requires(const T& x) {
  { detail::Text<T>::of(x) } -> std::same_as<std::string>;
};

template <HasText T>
std::string str(const T& x) {
  return detail::Text<T>::of(x);
}
template <HasText T>
std::ostream& operator<<(std::ostream& out, const T& x) {
  return out << str(x);
}

}  // namespace lagoon
