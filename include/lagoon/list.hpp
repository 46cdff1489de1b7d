#pragma once
/// `List`: Python's list in shared memory, for any number of readers and writers in any number of
/// processes.
///
///   List<double> prices{segment["prices"]};     found or made; typed
///   List<> list;                                Objects, in this process's heap
///   prices.append(1.5);   prices[0] += 1;   prices[-1] = 2;   double p = prices[0];
///   list.append(Object::dict());   list[0]["k"] = 1;   list[0]["k"] += 1;   int(list[0]["k"]);
///   for (double x : prices) …   prices.sort();   prices.slice({}, 10);   prices += other.copy();
///
/// T is what has a codec (codec.hpp). Indices count from the end if they are negative; slices are
/// Python's, and what they give is a vector, as a copy is (of Objects, an Object).
///
/// Each operation happens at one time, for everyone: `extend`, `sort`, an assignment to a slice,
/// `l[-1]`, `l[i] += x` and `update_value` too. A function that is given to one runs while others
/// cannot change the list: it must not change it (UsageError), and if it throws nothing has
/// changed. What gives several elements is exact. A walk, `for (T x : list)`, goes by index to the
/// end, as Python's does, whatever others do to the list.
///
/// Progress: readers are lock-free: they take no lock, store nothing, and never wait for a writer,
/// stopped or dead; what gives or compares several elements tries without, and takes the writers'
/// turn if others change the list meanwhile, read-only it goes on trying. Writers take turns; a
/// dead one's is taken over. l[i], append and pop of the last take constant time; what inserts or
/// erases elsewhere moves 8 bytes for each element behind.
///
/// A crash leaves each operation done or not; what it had allocated is used again.
///
/// Memory: some 4 KiB at first, then as much as it needs, in parts that stay its own until it goes.
/// A node of 16 bytes and the element, rounded up by a third at most, and 8 to 16 bytes in the row;
/// for the moment in which a new row is made, as much again in that. Elements of more than 4 KiB
/// lie in pages of 4 KiB. What is free is used again, for one of another size where enough of it
/// lies side by side; up to 57 KiB, four nodes of each size, are kept back, and what lies between
/// these may be too small for a page. Full memory is OutOfMemory, with the list as it was; `pop` of
/// the last and `clear` need none.
///
/// Errors say Python's name and words: OutOfRange is its IndexError, InvalidArgument ValueError.
///
/// How it works: core/sequence.hpp, docs/nodes.md.

#include <lagoon/codec.hpp>
#include <lagoon/container.hpp>
#include <lagoon/conversion.hpp>
#include <lagoon/core/sequence.hpp>
#include <lagoon/dict_element.hpp>
#include <lagoon/error.hpp>
#include <lagoon/list_errors.hpp>
#include <lagoon/list_look.hpp>
#include <lagoon/object.hpp>
#include <lagoon/segment.hpp>
#include <lagoon/shared_object.hpp>
#include <lagoon/slice.hpp>
#include <lagoon/stable_order.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <iterator>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

namespace lagoon {

template <class Element = Object>
requires Encodable<std::remove_const_t<Element>>
class List : public detail::ContainerHandle<core::Sequence> {
  using Base = detail::ContainerHandle<core::Sequence>;
  using T = std::remove_const_t<Element>;
  using Look = detail::ListLook<T>;
  using Index = std::ptrdiff_t;
  using End = std::optional<Index>;  // of a slice; none is as far as it goes
  static constexpr bool of_objects = std::is_same_v<T, Object>;
  static constexpr bool writes = !std::is_const_v<Element>;

 public:
  using value_type = T;
  using is_shared_container = void;
  class Iterator;

  /// In this process's heap, for its children.
  List() : List(Place{}) {}
  explicit List(const Place& place) : Base(place, stamp()) {}

  // ---- Reading ---------------------------------------------------------------------------------

  [[nodiscard]] std::size_t size() const { return this->look().size(); }
  [[nodiscard]] bool empty() const { return size() == 0; }
  /// IndexError if it is not there.
  [[nodiscard]] T at(Index i) const {
    return read_at(
        i, [](Look& look) { return look.value(); }, [](Look&) {});
  }
  /// The same into `x`, whose memory is used again: of a str, or a vector, that has room for it
  /// nothing is allocated.
  void at_into(Index i, T& x) const {
    read_at(
        i, [&](Look& look) { look.value_into(x); }, [&](Look& look) { look.lend(x); });
  }
  [[nodiscard]] T operator[](Index i) const { return at(i); }
  /// For reading and writing: l[i], l[i] = x, l[i] += x.
  [[nodiscard]] auto operator[](const Index& i) requires writes {
    return detail::DictElement<List, Index, T>(*this, i);
  }
  /// Of Objects: what is there as a U.
  template <OutOfObject U>
  requires of_objects [[nodiscard]] U get(Index i) const {
    const Object found = at(i);
    return found.get<U>();
  }
  [[nodiscard]] std::vector<T> slice(End start = {}, End stop = {}, Index step = 1) const {
    return this->at_one_time([&] { return elements(start, stop, step); });
  }
  [[nodiscard]] std::vector<T> snapshot() const { return slice(); }
  /// Of Objects, one: a list of this process's own. Else the elements.
  [[nodiscard]] auto copy() const {
    if constexpr (of_objects)
      return Object::list_of(slice());
    else
      return slice();
  }
  [[nodiscard]] Iterator begin() const { return Iterator(*this); }
  [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

  /// The place of the first that is equal to x, between these. ValueError if there is none.
  [[nodiscard]] std::size_t index(const T& x, Index start = 0, End stop = {}) const {
    const auto found = this->at_one_time([&] { return find(x, start, stop); });
    if (!found) detail::throw_not_found(x);
    return *found;
  }
  [[nodiscard]] bool contains(const T& x) const {
    return this->at_one_time([&] { return find(x, {}, {}); }).has_value();
  }
  [[nodiscard]] std::size_t count(const T& x) const {
    return this->at_one_time([&] {
      std::size_t n = 0;
      for_each(slice_of(size(), {}, {}, 1), [&](Look& look) {
        if (look.value() == x) ++n;
        return true;
      });
      return n;
    });
  }

  // ---- Changing one ----------------------------------------------------------------------------

  void set(Index i, const T& x) requires writes {
    const detail::NewElement<T> element(x);
    Edit edit(*this);
    edit.put(edit.place(i, "list assignment index out of range"), element);
  }
  void append(const T& x) requires writes {
    const detail::NewElement<T> element(x);
    Edit(*this).append(element);
  }
  /// Before that one; at either end, if there is none.
  void insert(Index i, const T& x) requires writes {
    detail::NewElements element;
    element.add(x);
    Edit edit(*this);
    edit.splice(static_cast<std::uint64_t>(detail::Slice::of(edit.size(), i, {}, 1).start), 0,
                element);
  }
  /// Takes it out, the last if none is named. IndexError if it is not there.
  T pop(Index i = -1) requires writes {
    Edit edit(*this);
    if (edit.size() == 0) detail::throw_empty_list();
    const std::uint64_t place = edit.place(i, "pop index out of range");
    T popped = edit.value(place);
    edit.erase(place);
    return popped;
  }
  /// Python's del l[i].
  void erase(Index i) requires writes {
    Edit edit(*this);
    edit.erase(edit.place(i, "list assignment index out of range"));
  }
  /// The first that is equal to x. ValueError if there is none.
  void remove(const T& x) requires writes {
    Edit edit(*this);
    const auto found = find(x, {}, {});
    if (!found) detail::throw_not_in_list();
    edit.erase(*found);
  }
  /// value = f(value), or f(value&), as one step; the new one. IndexError if it is not there.
  template <class F>
  T update_value(Index i, F&& f) requires writes {
    Edit edit(*this);
    const std::uint64_t place = edit.place(i, "list index out of range");
    T value = edit.value(place);
    detail::apply(f, value);
    const detail::NewElement<T> element(value);
    edit.check();
    edit.put(place, element);
    return value;
  }
  /// f(value&) as one step: false from it changes nothing. Its answer. IndexError if it is not
  /// there.
  template <class F>
  bool change_value(Index i, F&& f) requires writes {
    Edit edit(*this);
    const std::uint64_t place = edit.place(i, "list index out of range");
    T value = edit.value(place);
    const bool is_to_change = f(value);
    const detail::NewElement<T> element(value);
    edit.check();
    if (is_to_change) edit.put(place, element);
    return is_to_change;
  }
  /// Where `expected` is there: `desired`, and true. Else false. IndexError if nothing is.
  bool compare_exchange(Index i, const T& expected, const T& desired) requires writes {
    const detail::NewElement<T> element(desired);
    Edit edit(*this);
    const std::uint64_t place = edit.place(i, "list index out of range");
    if (!(edit.value(place) == expected)) return false;
    edit.put(place, element);
    return true;
  }

  // ---- Changing several ------------------------------------------------------------------------

  /// By what a range has, or an Object over which one can walk; or, in braces, by these.
  template <class R>
  void extend(R&& range) requires writes {
    const detail::NewElements elements(std::type_identity<T>{}, range);
    Edit edit(*this);
    edit.splice(edit.size(), 0, elements);
  }
  void extend(std::initializer_list<T> range) requires writes { extend(std::span<const T>(range)); }
  template <class R>
  List& operator+=(R&& range) requires writes {
    return extend(std::forward<R>(range)), *this;
  }
  List& operator+=(std::initializer_list<T> range) requires writes { return extend(range), *this; }
  /// So many times what is there.
  List& operator*=(Index times) requires writes {
    Edit edit(*this);
    if (times <= 0)
      edit.splice(0, edit.size(), {});
    else
      edit.splice(edit.size(), 0, edit.elements(), unsigned_of(times) - 1);
    return *this;
  }
  /// With a step of 1, of any number; else as many as the slice has, or ValueError.
  template <class R>
  void assign_slice(End start, End stop, Index step, R&& range) requires writes {
    const detail::NewElements elements(std::type_identity<T>{}, range);
    Edit edit(*this);
    const detail::Slice slice = slice_of(edit.size(), start, stop, step);
    if (step == 1) return edit.splice(unsigned_of(slice.start), slice.count, elements);
    if (elements.size() != slice.count) detail::throw_slice_length(elements.size(), slice.count);
    edit.put(slice, elements);
  }
  template <class R>
  void assign_slice(End start, End stop, R&& range) requires writes {
    assign_slice(start, stop, 1, std::forward<R>(range));
  }
  /// Python's del l[start:stop:step].
  void erase_slice(End start = {}, End stop = {}, Index step = 1) requires writes {
    Edit edit(*this);
    edit.erase(slice_of(edit.size(), start, stop, step));
  }
  void clear() requires writes {
    Edit edit(*this);
    edit.splice(0, edit.size(), {});
  }
  void reverse() requires writes {
    Edit edit(*this);
    edit.reorder([n = edit.size()](std::uint64_t i) { return n - 1 - i; });
  }
  /// Those that are equal stay in their order; sort(std::greater<>()) is Python's reverse=True. A
  /// `less` that contradicts itself leaves them in some order, each once.
  template <class Less = std::less<>>
  void sort(Less less = {}) requires writes {
    Edit edit(*this);
    const std::vector<T> all = elements({}, {}, 1);
    const auto order = detail::stable_order(all.size(), [&](std::uint64_t a, std::uint64_t b) {
      return static_cast<bool>(less(all[a], all[b]));
    });
    edit.check();
    edit.reorder([&](std::uint64_t i) { return order[i]; });
  }

  static constexpr bool is_read_only = !writes;
  static detail::Stamp stamp(std::uint64_t = 1) {
    using Contents = detail::Contents<T>;
    return {.kind = detail::Stamp::Kind::list,
            .mode = detail::Stamp::Mode::seqlocked,
            .begins = detail::Stamp::Begins::with_owned_word,
            .element = Contents::element(),
            .guard = Contents::hash()};
  }

 private:
  friend struct detail::Attach;
  explicit List(detail::Handle handle) noexcept : Base(std::move(handle)) {}

  class Edit;

  static std::uint64_t unsigned_of(Index i) noexcept { return static_cast<std::uint64_t>(i); }
  /// read(look) at that place, of a look that prepare(look) has seen before.
  template <class Read, class Prepare>
  auto read_at(Index i, Read&& read, Prepare&& prepare) const {
    const core::Sequence& sequence = this->look();
    return Base::template reading<Look::may_refer>([&] {
      Look look(this->source());
      prepare(look);
      if (!(i >= 0 ? sequence.read(unsigned_of(i), look)
                   : sequence.read_from_end(std::uint64_t{0} - unsigned_of(i), look))) [[unlikely]]
        detail::throw_list_index("list index out of range", sequence.size());
      return read(look);
    });
  }
  static detail::Slice slice_of(std::uint64_t size, End start, End stop, Index step) {
    if (step == 0) detail::throw_zero_step();
    return detail::Slice::of(size, start, stop, step);
  }
  [[nodiscard]] std::vector<T> elements(End start, End stop, Index step) const {
    std::vector<T> all;
    for_each(slice_of(size(), start, stop, step), [&](Look& look) {
      all.push_back(look.value());
      return true;
    });
    return all;
  }
  /// Calls f(look) with each of them, while it is true and they are there.
  template <class F>
  void for_each(const detail::Slice& slice, F&& f) const {
    const core::Sequence& sequence = this->look();
    Look look(this->source());
    for (std::size_t k = 0; k < slice.count; ++k)
      if (!sequence.read(slice.at(k), look) || !f(look)) return;
  }
  [[nodiscard]] std::optional<std::size_t> find(const T& x, End start, End stop) const {
    const detail::Slice slice = slice_of(size(), start, stop, 1);
    std::size_t at = slice.first();
    bool found = false;
    for_each(slice, [&](Look& look) {
      found = look.value() == x;
      if (!found) ++at;
      return !found;
    });
    return found ? std::optional(at) : std::nullopt;
  }
};

}  // namespace lagoon

#include <lagoon/list_edit.hpp>
