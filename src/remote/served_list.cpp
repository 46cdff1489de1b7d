#include <functional>
#include <utility>

#include "pickle.hpp"
#include "python_error.hpp"
#include "python_items.hpp"
#include "served.hpp"

namespace lagoon::remote {

namespace {

std::ptrdiff_t index_in(const Object& key) {
  if (key.kind() != Object::Kind::integer && key.kind() != Object::Kind::boolean)
    raise_type_error("list indices must be integers or slices, not " +
                     std::string(key.type_name()));
  if (key.kind() == Object::Kind::boolean) return key.get<bool>() ? 1 : 0;
  try {
    return key.get<std::ptrdiff_t>();
  } catch (const OutOfRange&) {
    raise("IndexError", "cannot fit 'int' into an index-sized integer");
  }
}

class ServedList final : public ServedAs<ServedList> {
 public:
  static constexpr std::string_view name = "list";
  explicit ServedList(AnyList list) : list_(std::move(list)) {}
  [[nodiscard]] std::string repr() const override { return list_.copy().repr(); }
  [[nodiscard]] Object value() const override { return list_.copy(); }
  [[nodiscard]] Object reference() const override { return list_; }

  Reply add(Arguments& a, Caller&) {
    const Object& other = a.take("value");
    a.end();
    return {list_.copy() + (other.kind() == Object::Kind::shared ? AnyList(other).copy() : other)};
  }
  Reply contains(Arguments& a, Caller&) {
    const Object& x = a.take("key");
    a.end();
    return {list_.contains(x)};
  }
  Reply erase(Arguments& a, Caller&) {
    const Object& key = a.take("key");
    a.end();
    if (const auto slice = slice_in(key))
      list_.erase_slice(slice->start, slice->stop, slice->step);
    else
      list_.erase(index_in(key));
    return {};
  }
  Reply at(Arguments& a, Caller&) {
    const Object& key = a.take("key");
    a.end();
    if (const auto slice = slice_in(key))
      return {Object::list_of(list_.slice(slice->start, slice->stop, slice->step))};
    return {list_.at(index_in(key))};
  }
  Reply size(Arguments& a, Caller&) {
    a.end();
    return {list_.size()};
  }
  Reply multiply(Arguments& a, Caller&) {
    const long long times = a.take_integer("value");
    a.end();
    // What is made lies in this process's memory, which all share.
    const std::size_t most = std::size_t{1} << 22;
    if (times > 0 && list_.size() > most / static_cast<std::size_t>(times))
      raise("MemoryError", "a list of more than " + std::to_string(most) + " items");
    return {list_.copy() * Object(times)};
  }
  Reply multiply_it(Arguments& a, Caller&) {
    const long long times = a.take_integer("value");
    a.end();
    list_ *= times;
    return {};
  }
  /// What Python's reversed(list) is, at its beginning.
  Reply reversed(Arguments& a, Caller&) {
    a.end();
    const Object all = list_.copy();
    const auto last = static_cast<std::ptrdiff_t>(all.size()) - 1;
    return {Object::opaque("builtins.reversed", "Rb",
                           {global("builtins", "reversed"), Object::tuple(all), last})};
  }
  Reply set(Arguments& a, Caller&) {
    const Object& key = a.take("key");
    const Object& value = a.take("value");
    a.end();
    if (const auto slice = slice_in(key))
      list_.assign_slice(slice->start, slice->stop, slice->step, items_to_assign(value, *slice));
    else
      list_.set(index_in(key), value);
    return {};
  }
  Reply append(Arguments& a, Caller&) {
    const Object& x = a.take("object");
    a.end();
    list_.append(x);
    return {};
  }
  Reply count(Arguments& a, Caller&) {
    const Object& x = a.take("value");
    a.end();
    return {list_.count(x)};
  }
  Reply extend(Arguments& a, Caller&) {
    const Object& x = a.take("iterable");
    a.end();
    list_.extend(items_of(x));
    return {};
  }
  Reply index(Arguments& a, Caller&) {
    const Object& x = a.take("value");
    const Object start = a.take("start", 0);
    const std::optional<Object> stop = a.take_if_given("stop");
    a.end();
    const auto bound = [](const Object& place) {
      return bound_in(place, "slice indices must be integers or have an __index__ method");
    };
    return {list_.index(x, bound(start), stop ? std::optional(bound(*stop)) : std::nullopt)};
  }
  Reply insert(Arguments& a, Caller&) {
    const std::ptrdiff_t at = a.take_integer("index");
    const Object& x = a.take("object");
    a.end();
    list_.insert(at, x);
    return {};
  }
  Reply pop(Arguments& a, Caller&) {
    const std::ptrdiff_t at = a.take_integer("index", -1);
    a.end();
    return {list_.pop(at)};
  }
  Reply remove(Arguments& a, Caller&) {
    const Object& x = a.take("value");
    a.end();
    list_.remove(x);
    return {};
  }
  Reply reverse(Arguments& a, Caller&) {
    a.end();
    list_.reverse();
    return {};
  }
  Reply sort(Arguments& a, Caller&) {
    const auto given = a.take_rest();
    if (!given.empty()) raise_type_error("sort() takes no positional arguments");
    const Object key = a.take("key", nullptr);
    const bool backwards = a.take_integer("reverse", 0) != 0;
    a.end();
    if (!key.is_none())
      raise_type_error(
          "sort(key=...) would run a Python function in the server, which is no Python program: "
          "sort a copy, and assign it to [:]");
    try {
      if (backwards)
        list_.sort(std::greater<>());
      else
        list_.sort();
    } catch (const TypeMismatch&) {
      for (const Object& x : list_.slice())
        if (x.kind() == Object::Kind::opaque)
          raise_type_error("sort() would run Python's comparison of '" +
                           std::string(x.type_name()) +
                           "' in the server, which is no Python program: sort a copy, and assign "
                           "it to [:]");
      throw;
    }
    return {};
  }

  static constexpr Method<ServedList> methods[] = {
      {"__add__", &ServedList::add, Takes::slot(1)},
      {"__contains__", &ServedList::contains, Takes::slot(1)},
      {"__delitem__", &ServedList::erase, Takes::slot(1)},
      {"__getitem__", &ServedList::at, Takes::builtin("list", 1)},
      {"__len__", &ServedList::size, Takes::slot(0)},
      {"__mul__", &ServedList::multiply, Takes::unpacked_slot(1)},
      {"__reversed__", &ServedList::reversed, Takes::builtin("list", 0)},
      {"__rmul__", &ServedList::multiply, Takes::unpacked_slot(1)},
      {"__setitem__", &ServedList::set, Takes::unpacked_slot(2)},
      {"append", &ServedList::append, Takes::builtin("list", 1)},
      {"count", &ServedList::count, Takes::builtin("list", 1)},
      {"extend", &ServedList::extend, Takes::builtin("list", 1)},
      {"index", &ServedList::index, Takes::unpacked("list", 1, 3)},
      {"insert", &ServedList::insert, Takes::unpacked("list", 2, 2)},
      {"pop", &ServedList::pop, Takes::unpacked("list", 0, 1)},
      {"remove", &ServedList::remove, Takes::builtin("list", 1)},
      {"reverse", &ServedList::reverse, Takes::builtin("list", 0)},
      {"sort", &ServedList::sort, Takes::parsed(2)},
      {"__imul__", &ServedList::multiply_it, Takes::unpacked_slot(1)},
  };

 private:
  static Object items_to_assign(const Object& value, const SliceBounds& slice) {
    if (value.kind() == Object::Kind::opaque) return items_of(value);
    try {
      return items_of(value);
    } catch (const PythonError&) {
      raise_type_error(slice.step == 1 ? "can only assign an iterable"
                                       : "must assign iterable to extended slice");
    }
  }

  AnyList list_;
};

}  // namespace

std::shared_ptr<Served> serve(AnyList list) {
  return std::make_shared<ServedList>(std::move(list));
}

}  // namespace lagoon::remote
