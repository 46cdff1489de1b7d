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
      list_.assign_slice(slice->start, slice->stop, slice->step, items_of(value));
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
    const std::ptrdiff_t start = a.take_integer("start", 0);
    const std::optional<Object> stop = a.take_if_given("stop");
    a.end();
    return {list_.index(x, start, stop ? std::optional(index_in(*stop)) : std::nullopt)};
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
    const Object key = a.take("key", nullptr), backwards = a.take("reverse", false);
    a.end();
    if (!key.is_none())
      raise_type_error(
          "sort(key=...) would run a Python function in the server, which is no Python program: "
          "sort a copy, and assign it to [:]");
    try {
      if (bool(backwards))
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
      {"__add__", &ServedList::add},
      {"__contains__", &ServedList::contains},
      {"__delitem__", &ServedList::erase},
      {"__getitem__", &ServedList::at},
      {"__len__", &ServedList::size},
      {"__mul__", &ServedList::multiply},
      {"__reversed__", &ServedList::reversed},
      {"__rmul__", &ServedList::multiply},
      {"__setitem__", &ServedList::set},
      {"append", &ServedList::append},
      {"count", &ServedList::count},
      {"extend", &ServedList::extend},
      {"index", &ServedList::index},
      {"insert", &ServedList::insert},
      {"pop", &ServedList::pop},
      {"remove", &ServedList::remove},
      {"reverse", &ServedList::reverse},
      {"sort", &ServedList::sort},
      {"__imul__", &ServedList::multiply_it},
  };

 private:
  AnyList list_;
};

}  // namespace

std::shared_ptr<Served> serve(AnyList list) {
  return std::make_shared<ServedList>(std::move(list));
}

}  // namespace lagoon::remote
