#pragma once
/// What a server holds, and how a client reaches it: the Dict, List, Namespace, Value, Array and
/// Queue of a remote::Manager (manager.hpp), by the names of the local ones; each call is a
/// question. Errors: those of the local ones, as the server says them (proxy.hpp).

#include <lagoon/core/durations.hpp>
#include <lagoon/core/futex.hpp>
#include <lagoon/object.hpp>
#include <lagoon/remote/proxy.hpp>

#include <concepts>
#include <cstddef>
#include <optional>
#include <string_view>
#include <utility>

namespace lagoon::remote {

/// What d[key] gives, for as long as the expression lasts.
template <class Container>
class Element {
 public:
  Element(const Container& container, Object key) : container_(container), key_(std::move(key)) {}
  Element(const Element&) = delete;
  operator Object() const&& { return container_.at(key_); }  // NOLINT: stands for what is there
  template <class T>
  requires(OutOfObject<T> && !std::same_as<T, bool> && !std::same_as<T, Object>)  //
      explicit
      operator T() const&& {
    const Object x = container_.at(key_);
    return x.get<T>();
  }
  void operator=(const Object& x) && { container_.set(key_, x); }
  void operator=(const Element& other) && { container_.set(key_, other.container_.at(other.key_)); }
  friend bool operator==(const Element& a, const Object& b) { return a.container_.at(a.key_) == b; }

 private:
  const Container& container_;
  Object key_;
};

class Dict : public Proxy {
 public:
  using Proxy::Proxy;
  explicit Dict(Proxy proxy) noexcept : Proxy(std::move(proxy)) {}

  [[nodiscard]] std::size_t size() const { return call("__len__").get<std::size_t>(); }
  [[nodiscard]] bool empty() const { return size() == 0; }
  [[nodiscard]] bool contains(const Object& key) const { return bool(call("__contains__", key)); }
  [[nodiscard]] Object at(const Object& key) const { return call("__getitem__", key); }
  [[nodiscard]] Object get(const Object& key, const Object& otherwise = {}) const {
    return call("get", key, otherwise);
  }
  [[nodiscard]] Element<Dict> operator[](const Object& key) const { return {*this, key}; }
  void set(const Object& key, const Object& x) const { (void)call("__setitem__", key, x); }
  void erase(const Object& key) const { (void)call("__delitem__", key); }
  /// Whether it was there.
  bool discard(const Object& key) const;
  Object pop(const Object& key) const { return call("pop", key); }
  Object pop(const Object& key, const Object& otherwise) const {
    return call("pop", key, otherwise);
  }
  std::pair<Object, Object> popitem() const {
    const Object pair = call("popitem");
    return {pair.at(0), pair.at(1)};
  }
  Object setdefault(const Object& key, const Object& x = {}) const {
    return call("setdefault", key, x);
  }
  void update(const Object& dict) const { (void)call("update", dict); }
  void clear() const { (void)call("clear"); }
  [[nodiscard]] Object keys() const { return call("keys"); }
  [[nodiscard]] Object values() const { return call("values"); }
  [[nodiscard]] Object items() const { return call("items"); }
  [[nodiscard]] Object copy() const { return call("copy"); }
};

class List : public Proxy {
 public:
  using Proxy::Proxy;
  /// From the end, if it is negative.
  using Index = std::ptrdiff_t;
  /// Of a slice; nothing is Python's None.
  using End = std::optional<Index>;
  explicit List(Proxy proxy) noexcept : Proxy(std::move(proxy)) {}

  [[nodiscard]] std::size_t size() const { return call("__len__").get<std::size_t>(); }
  [[nodiscard]] bool empty() const { return size() == 0; }
  [[nodiscard]] Object at(const Object& i) const { return call("__getitem__", i); }
  [[nodiscard]] Element<List> operator[](Index i) const { return {*this, i}; }
  void set(const Object& i, const Object& x) const { (void)call("__setitem__", i, x); }
  void erase(Index i) const { (void)call("__delitem__", i); }
  [[nodiscard]] Object slice(End start = {}, End stop = {}, End step = {}) const;
  void assign_slice(End start, End stop, const Object& items) const {
    assign_slice(start, stop, {}, items);
  }
  void assign_slice(End start, End stop, End step, const Object& items) const;
  /// Python's del l[start:stop:step].
  void erase_slice(End start = {}, End stop = {}, End step = {}) const;
  [[nodiscard]] Object copy() const { return slice(); }
  [[nodiscard]] Object snapshot() const { return slice(); }
  [[nodiscard]] bool contains(const Object& x) const { return bool(call("__contains__", x)); }
  void append(const Object& x) const { (void)call("append", x); }
  void extend(const Object& items) const { (void)call("extend", items); }
  void insert(Index i, const Object& x) const { (void)call("insert", i, x); }
  Object pop(Index i = -1) const { return call("pop", i); }
  void remove(const Object& x) const { (void)call("remove", x); }
  [[nodiscard]] std::size_t count(const Object& x) const {
    return call("count", x).get<std::size_t>();
  }
  [[nodiscard]] std::size_t index(const Object& x, Index start = 0) const {
    return call("index", x, start).get<std::size_t>();
  }
  [[nodiscard]] std::size_t index(const Object& x, Index start, Index stop) const {
    return call("index", x, start, stop).get<std::size_t>();
  }
  void reverse() const { (void)call("reverse"); }
  void sort(bool backwards = false) const { (void)call(Named{{"reverse", backwards}}, "sort"); }
  void clear() const { erase_slice(); }
};

class Namespace : public Proxy {
 public:
  using Proxy::Proxy;
  explicit Namespace(Proxy proxy) noexcept : Proxy(std::move(proxy)) {}
  [[nodiscard]] Object at(const Object& name) const { return call("__getattribute__", name); }
  [[nodiscard]] Element<Namespace> operator[](std::string_view name) const { return {*this, name}; }
  void set(const Object& name, const Object& x) const { (void)call("__setattr__", name, x); }
  void erase(std::string_view name) const { (void)call("__delattr__", name); }
};

class Value : public Proxy {
 public:
  using Proxy::Proxy;
  explicit Value(Proxy proxy) noexcept : Proxy(std::move(proxy)) {}
  [[nodiscard]] Object get() const { return call("get"); }
  template <OutOfObject T>
  [[nodiscard]] T get() const {
    return call("get").template get<T>();
  }
  void set(const Object& x) const { (void)call("set", x); }
};

class Array : public Proxy {
 public:
  using Proxy::Proxy;
  explicit Array(Proxy proxy) noexcept : Proxy(std::move(proxy)) {}
  [[nodiscard]] std::size_t size() const { return call("__len__").get<std::size_t>(); }
  [[nodiscard]] Object at(const Object& i) const { return call("__getitem__", i); }
  [[nodiscard]] Element<Array> operator[](std::ptrdiff_t i) const { return {*this, i}; }
  void set(const Object& i, const Object& x) const { (void)call("__setitem__", i, x); }
  /// A list, of characters a str or bytes.
  [[nodiscard]] Object slice(List::End start = {}, List::End stop = {}, List::End step = {}) const;
  [[nodiscard]] Object snapshot() const { return slice(); }
};

class Queue : public Proxy {
 public:
  using Proxy::Proxy;
  explicit Queue(Proxy proxy) noexcept : Proxy(std::move(proxy)) {}
  [[nodiscard]] std::size_t qsize() const { return call("qsize").get<std::size_t>(); }
  [[nodiscard]] bool empty() const { return bool(call("empty")); }
  [[nodiscard]] bool full() const { return bool(call("full")); }
  /// Waits for room; Full if there is none, `timeout` later, or, not to block, now.
  void put(const Object& x) const { (void)call_waiting({}, "put", Object::tuple(x)); }
  void put(const Object& x, std::chrono::duration<double> timeout) const {
    (void)call_waiting(timeout.count(), "put", Object::tuple(x, true, timeout.count()));
  }
  template <std::same_as<bool> Bool>
  void put(const Object& x, Bool block) const {
    block ? put(x) : put_nowait(x);
  }
  template <std::same_as<bool> Bool>
  void put(const Object& x, Bool block, std::chrono::duration<double> timeout) const {
    block ? put(x, timeout) : put_nowait(x);
  }
  void put_nowait(const Object& x) const { (void)call("put_nowait", x); }
  [[nodiscard]] bool try_put(const Object& x) const {
    return try_put_until(x, core::Deadline::now());
  }
  [[nodiscard]] bool try_put_for(const Object& x, std::chrono::duration<double> timeout) const {
    return try_put_until(x, core::Deadline::after(timeout));
  }
  template <class Clock, class Duration>
  [[nodiscard]] bool try_put_until(const Object& x,
                                   std::chrono::time_point<Clock, Duration> t) const {
    return try_put_until(x, core::Deadline::at(t));
  }
  [[nodiscard]] bool try_put_until(const Object& x, core::Deadline deadline) const;
  /// Waits for something; Empty if there is nothing, `timeout` later, or, not to block, now.
  Object get() const { return call_waiting({}, "get", Object::tuple()); }
  Object get(std::chrono::duration<double> timeout) const {
    return call_waiting(timeout.count(), "get", Object::tuple(true, timeout.count()));
  }
  template <std::same_as<bool> Bool>
  Object get(Bool block) const {
    return block ? get() : get_nowait();
  }
  template <std::same_as<bool> Bool>
  Object get(Bool block, std::chrono::duration<double> timeout) const {
    return block ? get(timeout) : get_nowait();
  }
  Object get_nowait() const { return call("get_nowait"); }
  [[nodiscard]] std::optional<Object> try_get() const {
    return try_get_until(core::Deadline::now());
  }
  [[nodiscard]] std::optional<Object> try_get_for(std::chrono::duration<double> timeout) const {
    return try_get_until(core::Deadline::after(timeout));
  }
  template <class Clock, class Duration>
  [[nodiscard]] std::optional<Object> try_get_until(
      std::chrono::time_point<Clock, Duration> t) const {
    return try_get_until(core::Deadline::at(t));
  }
  [[nodiscard]] std::optional<Object> try_get_until(core::Deadline deadline) const;
  void task_done() const { (void)call("task_done"); }
  void join() const { (void)call_waiting({}, "join", Object::tuple()); }
};
/// A server's queues are of one kind, which knows its tasks, as Python's are.
using JoinableQueue = Queue;

}  // namespace lagoon::remote
