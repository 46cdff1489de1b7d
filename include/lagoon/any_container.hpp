#pragma once
/// `AnyDict`, `AnyList`, `AnyQueue`, `AnyJoinableQueue`: containers that some program has made,
/// whose types are known at run time, by way of Objects.
///
///   auto prices = segment.find<AnyDict>("prices");      a Dict<std::string, double>, say
///   prices->set("gold", 1.5);   prices->at("gold");     Object(1.5)
///   prices->set("gold", "x");                           TypeMismatch
///   AnyList inner{dict["a"]};                           what an Object refers to
///
/// They make nothing: they find what is there. What the dict's keys and values, or the elements,
/// are, its stamp says: bool, integers, floats, char, str, Object, lists and tuples of these, and
/// vectors of std::byte, which are bytes. TypeMismatch at the first use if it is something else,
/// such as a struct of the application's. Integers must fit (OutOfRange); a float takes them too,
/// an integer takes no float. A str that is not UTF-8 comes as bytes, and goes back so.
///
/// All else is as with the typed ones (dict.hpp, list.hpp, queue.hpp): the same objects, in which
/// each operation happens at one time, with the same progress, and the same after a crash. A key
/// that is of another type than the dict's is a key that is not there. Functions that change an
/// element take an Object&. What it costs beside the typed one: what the Objects cost.

#include <lagoon/core/durations.hpp>
#include <lagoon/dict.hpp>
#include <lagoon/list.hpp>
#include <lagoon/object.hpp>
#include <lagoon/print.hpp>
#include <lagoon/queue.hpp>
#include <lagoon/runtime_type.hpp>
#include <lagoon/segment.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace lagoon {

class AnyDict : private Dict<detail::RuntimeKey, detail::RuntimeValue> {
  using Base = Dict<detail::RuntimeKey, detail::RuntimeValue>;

 public:
  /// A key and its value.
  using Item = std::pair<Object, Object>;
  using is_shared_container = void;

  /// Of an Object that refers to a dict, whatever that holds. TypeMismatch, Gone.
  explicit AnyDict(const Object& shared)
      : AnyDict(detail::ObjectOfShared<AnyDict>::out_of(shared)) {}

  /// Such as "Dict<str, double>".
  [[nodiscard]] std::string type() const { return handle_.stamp().text(); }
  using Base::empty;
  using Base::size;

  [[nodiscard]] bool contains(const Object& key) const;
  [[nodiscard]] std::optional<Object> find(const Object& key) const;
  /// KeyError.
  [[nodiscard]] Object at(const Object& key) const;
  [[nodiscard]] Object get(const Object& key, Object otherwise = {}) const;
  [[nodiscard]] std::vector<Object> keys() const;
  [[nodiscard]] std::vector<Object> values() const;
  [[nodiscard]] std::vector<Item> items() const;
  /// A dict of this process's own.
  [[nodiscard]] Object copy() const;

  void set(const Object& key, const Object& value);
  [[nodiscard]] auto operator[](const Object& key) {
    return detail::DictElement<AnyDict, Object, Object>(*this, key);
  }
  /// KeyError.
  void erase(const Object& key);
  bool discard(const Object& key);
  /// KeyError.
  Object pop(const Object& key);
  Object pop(const Object& key, Object otherwise);
  Item popitem();
  Object setdefault(const Object& key, Object value = {});
  void update(const std::vector<Item>& items);
  using Base::clear;
  /// f(Object&) as one step: false from it changes nothing. Its answer. KeyError.
  template <class F>
  bool change_value(const Object& key, F&& f) {
    return Base::change_value(key_or_throw(key),
                              [&](detail::RuntimeValue& x) { return bool(f(x.object)); });
  }
  bool compare_exchange(const Object& key, const Object& expected, const Object& desired);

  static constexpr bool is_read_only = false;
  static detail::Stamp stamp(std::uint64_t = 1) {
    return {.kind = detail::Stamp::Kind::dict,
            .mode = detail::Stamp::Mode::seqlocked,
            .asked = detail::Stamp::Asked::of_kind};
  }

 private:
  friend struct detail::Attach;
  explicit AnyDict(detail::Handle handle) : Base(detail::Attach::make<Base>(std::move(handle))) {}

  [[nodiscard]] const std::vector<detail::RuntimeType>& types() const;
  /// Nothing if no key of this dict can be that. TypeMismatch if it is no key at all.
  [[nodiscard]] std::optional<detail::RuntimeKey> key_of(const Object& key) const;
  [[nodiscard]] detail::RuntimeKey key_or_throw(const Object& key) const;  // KeyError
  [[nodiscard]] detail::RuntimeValue value_of(const Object& x) const { return {x, &types()[1]}; }
};

class AnyList : private List<detail::RuntimeElement> {
  using Base = List<detail::RuntimeElement>;
  using Index = std::ptrdiff_t;
  using End = std::optional<Index>;

 public:
  using is_shared_container = void;

  /// Of an Object that refers to a list, whatever that holds. TypeMismatch, Gone.
  explicit AnyList(const Object& shared)
      : AnyList(detail::ObjectOfShared<AnyList>::out_of(shared)) {}

  /// Such as "List<double>".
  [[nodiscard]] std::string type() const { return handle_.stamp().text(); }
  using Base::empty;
  using Base::size;

  [[nodiscard]] Object at(Index i) const { return Base::at(i).object; }
  [[nodiscard]] std::vector<Object> slice(End start = {}, End stop = {}, Index step = 1) const;
  /// A list of this process's own.
  [[nodiscard]] Object copy() const { return Object::list_of(slice()); }
  [[nodiscard]] std::size_t index(const Object& x, Index start = 0, End stop = {}) const;
  [[nodiscard]] bool contains(const Object& x) const { return Base::contains({x}); }
  [[nodiscard]] std::size_t count(const Object& x) const { return Base::count({x}); }

  void set(Index i, const Object& x) { Base::set(i, element(x)); }
  [[nodiscard]] auto operator[](const Index& i) {
    return detail::DictElement<AnyList, Index, Object>(*this, i);
  }
  void append(const Object& x) { Base::append(element(x)); }
  void insert(Index i, const Object& x) { Base::insert(i, element(x)); }
  Object pop(Index i = -1) { return Base::pop(i).object; }
  using Base::clear;
  using Base::erase;
  using Base::erase_slice;
  using Base::reverse;
  void remove(const Object& x) { Base::remove({x}); }
  /// f(Object&) as one step: false from it changes nothing. Its answer. IndexError.
  template <class F>
  bool change_value(Index i, F&& f) {
    return Base::change_value(i, [&](detail::RuntimeElement& x) { return bool(f(x.object)); });
  }
  /// Of what one can walk over.
  void extend(const Object& items) { Base::extend(elements(items)); }
  AnyList& operator*=(Index times) { return Base::operator*=(times), *this; }
  void assign_slice(End start, End stop, Index step, const Object& items) {
    Base::assign_slice(start, stop, step, elements(items));
  }
  template <class Less = std::less<>>
  void sort(Less less = {}) {
    Base::sort([&](const detail::RuntimeElement& a, const detail::RuntimeElement& b) {
      return less(a.object, b.object);
    });
  }

  static constexpr bool is_read_only = false;
  static detail::Stamp stamp(std::uint64_t = 1) {
    return {.kind = detail::Stamp::Kind::list,
            .mode = detail::Stamp::Mode::seqlocked,
            .asked = detail::Stamp::Asked::of_kind};
  }

 private:
  friend struct detail::Attach;
  explicit AnyList(detail::Handle handle) : Base(detail::Attach::make<Base>(std::move(handle))) {}

  [[nodiscard]] detail::RuntimeElement element(const Object& x) const {
    return {x, &detail::RuntimeContents::of(handle_).types[0]};
  }
  [[nodiscard]] std::vector<detail::RuntimeElement> elements(const Object& items) const;
};

namespace detail {

/// Q is one of RuntimeElements.
template <class Q>
class AnyQueueOf : private Q {
 public:
  using is_shared_container = void;

  /// Such as "Queue<Order>[1000]".
  [[nodiscard]] std::string type() const { return this->handle_.stamp().text(); }
  using Q::empty;
  using Q::full;
  using Q::maxsize;
  using Q::qsize;

  /// Waits for room, if it is full; Full if there is none, `timeout` later, or now.
  void put(const Object& x) { Q::put(element(x)); }
  template <class Rep, class Period>
  void put(const Object& x, std::chrono::duration<Rep, Period> timeout) {
    Q::put(element(x), timeout);
  }
  void put_nowait(const Object& x) { Q::put_nowait(element(x)); }
  [[nodiscard]] bool try_put(const Object& x) { return Q::try_put(element(x)); }
  [[nodiscard]] bool try_put_until(const Object& x, core::Deadline deadline) {
    return Q::try_put_until(element(x), deadline);
  }
  /// Waits for something, if it is empty; Empty if there is nothing, `timeout` later, or now.
  Object get() { return Q::get().object; }
  template <class Rep, class Period>
  Object get(std::chrono::duration<Rep, Period> timeout) {
    return Q::get(timeout).object;
  }
  Object get_nowait() { return Q::get_nowait().object; }
  [[nodiscard]] std::optional<Object> try_get() { return object_of(Q::try_get()); }
  [[nodiscard]] std::optional<Object> try_get_until(core::Deadline deadline) {
    return object_of(Q::try_get_until(deadline));
  }

  static constexpr bool is_read_only = false;

 protected:
  explicit AnyQueueOf(Handle handle) : Q(Attach::make<Q>(std::move(handle))) {}
  Q& queue() noexcept { return *this; }

 private:
  friend struct Attach;
  [[nodiscard]] RuntimeElement element(const Object& x) const {
    return {x, &RuntimeContents::of(this->handle_).types[0]};
  }
  static std::optional<Object> object_of(std::optional<RuntimeElement> got) {
    return got ? std::optional(std::move(got->object)) : std::nullopt;
  }
};

}  // namespace detail

class AnyQueue : public detail::AnyQueueOf<Queue<detail::RuntimeElement>> {
  using Base = detail::AnyQueueOf<lagoon::Queue<detail::RuntimeElement>>;

 public:
  /// Of an Object that refers to a Queue, whatever that holds. TypeMismatch, Gone.
  explicit AnyQueue(const Object& shared)
      : AnyQueue(detail::ObjectOfShared<AnyQueue>::out_of(shared)) {}
  static detail::Stamp stamp(std::uint64_t = 1) {
    return {.kind = detail::Stamp::Kind::queue,
            .mode = detail::Stamp::Mode::atomic,
            .asked = detail::Stamp::Asked::of_kind};
  }

 private:
  friend struct detail::Attach;
  explicit AnyQueue(detail::Handle handle) : Base(std::move(handle)) {}
};

class AnyJoinableQueue : public detail::AnyQueueOf<JoinableQueue<detail::RuntimeElement>> {
  using Base = detail::AnyQueueOf<lagoon::JoinableQueue<detail::RuntimeElement>>;

 public:
  /// Of an Object that refers to a JoinableQueue, whatever that holds. TypeMismatch, Gone.
  explicit AnyJoinableQueue(const Object& shared)
      : AnyJoinableQueue(detail::ObjectOfShared<AnyJoinableQueue>::out_of(shared)) {}
  void task_done() { queue().task_done(); }
  void join() { queue().join(); }
  template <class Rep, class Period>
  [[nodiscard]] bool join_for(std::chrono::duration<Rep, Period> timeout) {
    return queue().join_for(timeout);
  }
  [[nodiscard]] bool join_until(core::Deadline deadline) { return queue().join_until(deadline); }
  static detail::Stamp stamp(std::uint64_t = 1) {
    return {.kind = detail::Stamp::Kind::joinable_queue,
            .mode = detail::Stamp::Mode::atomic,
            .asked = detail::Stamp::Asked::of_kind};
  }

 private:
  friend struct detail::Attach;
  explicit AnyJoinableQueue(detail::Handle handle) : Base(std::move(handle)) {}
};

namespace detail {

template <class Any>
requires(std::same_as<Any, AnyDict> || std::same_as<Any, AnyList>) struct Text<Any> {
  static std::string of(const Any& container) { return container.copy().str(); }
};
template <class Any>
requires(std::same_as<Any, AnyQueue> || std::same_as<Any, AnyJoinableQueue>) struct Text<Any> {
  static std::string of(const Any& queue) {
    return text_of_queue(std::same_as<Any, AnyQueue> ? "Queue" : "JoinableQueue", queue);
  }
};

}  // namespace detail

}  // namespace lagoon
