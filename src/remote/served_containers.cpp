#include <algorithm>
#include <charconv>
#include <mutex>
#include <utility>

#include "pickle.hpp"
#include "python_array.hpp"
#include "python_error.hpp"
#include "served.hpp"

namespace lagoon::remote {

namespace {

/// Of a range's start, stop and step.
Object items_of_range(const Object& bounds) {
  constexpr std::int64_t most = std::int64_t{1} << 24;
  const auto start = bounds.at(0).get<std::int64_t>(), stop = bounds.at(1).get<std::int64_t>(),
             step = bounds.at(2).get<std::int64_t>();
  Object list = Object::list();
  for (std::int64_t x = start; step > 0 ? x < stop : x > stop;) {
    if (static_cast<std::int64_t>(list.size()) == most)
      raise("MemoryError", "a range of more than " + std::to_string(most) + " numbers");
    list.append(x);
    if (__builtin_add_overflow(x, step, &x)) break;
  }
  return list;
}

/// What Python's own collections, and classes that derive from a list or a dict, have in them: what
/// was appended, or put under keys, when one was made anew.
struct Contents {
  std::vector<Object> items;
  std::vector<std::pair<Object, Object>> pairs;
  bool has_pairs = false;
};
std::optional<Contents> contents_of(const Object& o) {
  if (o.kind() != Object::Kind::opaque || o.elements().size() < 2) return std::nullopt;
  if (const Object* const counted = arguments_of(o, "collections.Counter");
      counted != nullptr && counted->size() == 1 &&
      counted->elements()[0].kind() == Object::Kind::dict) {
    Contents contents{{}, {}, true};
    for (const auto& [key, value] : counted->elements()[0].items())
      contents.pairs.emplace_back(key, value);
    return contents;
  }
  std::string_view done = o.opaque_bytes();
  auto parts = o.elements();
  if (done.empty() || (done[0] != 'R' && done[0] != 'N')) return std::nullopt;
  const bool is_empty_one = o.opaque_kind() == "collections.OrderedDict" ||
                            o.opaque_kind() == "collections.defaultdict" ||
                            o.opaque_kind() == "collections.deque";
  done.remove_prefix(1);
  parts = parts.subspan(2);
  Contents contents;
  contents.has_pairs = is_empty_one && o.opaque_kind() != "collections.deque";
  bool is_one = is_empty_one;
  while (!done.empty()) {
    const char what = done[0];
    done.remove_prefix(1);
    std::size_t n = 1;
    if (what != 'b') {
      const auto [end, error] = std::from_chars(done.data(), done.data() + done.size(), n);
      if (error != std::errc{}) return std::nullopt;
      done.remove_prefix(std::min(static_cast<std::size_t>(end - done.data()) + 1, done.size()));
    }
    const std::size_t taken = what == 's' ? 2 * n : n;
    if (taken > parts.size()) return std::nullopt;
    is_one = is_one || what == 'a' || what == 's';
    if (what == 'a')
      contents.items.insert(contents.items.end(), parts.begin(),
                            parts.begin() + static_cast<std::ptrdiff_t>(n));
    if (what == 's') {
      contents.has_pairs = true;
      for (std::size_t k = 0; k < n; ++k)
        contents.pairs.emplace_back(parts[2 * k], parts[2 * k + 1]);
    }
    parts = parts.subspan(taken);
  }
  return is_one ? std::optional(std::move(contents)) : std::nullopt;
}

/// As a key: some of Python's own are none, which here would only be opaque.
void refuse_unhashable(const Object& key) {
  if (key.kind() != Object::Kind::opaque) return;
  for (const std::string_view kind :
       {"builtins.bytearray", "array._array_reconstructor", "collections.OrderedDict",
        "collections.defaultdict", "collections.Counter", "collections.deque"})
    if (key.opaque_kind() == kind)
      raise_type_error("unhashable type: '" + std::string(kind.substr(kind.find('.') + 1)) + "'");
}

std::ptrdiff_t index_in(const Object& key, const char* of) {
  if (key.kind() != Object::Kind::integer && key.kind() != Object::Kind::boolean)
    raise_type_error(std::string(of) + " indices must be integers or slices, not " +
                     std::string(key.type_name()));
  if (key.kind() == Object::Kind::boolean) return key.get<bool>() ? 1 : 0;
  try {
    return key.get<std::ptrdiff_t>();
  } catch (const OutOfRange&) {
    raise("IndexError", "cannot fit 'int' into an index-sized integer");
  }
}

class ServedDict final : public ServedAs<ServedDict> {
 public:
  static constexpr std::string_view name = "dict";
  explicit ServedDict(Dict<> dict) : dict_(std::move(dict)) {}
  [[nodiscard]] std::string repr() const override { return dict_.copy().repr(); }
  [[nodiscard]] Object value() const override { return dict_.copy(); }
  [[nodiscard]] Object reference() const override { return dict_; }

  Reply contains(Arguments& a, Caller&) {
    const Object& key = a.take("key");
    a.end();
    return {dict_.contains(key)};
  }
  Reply erase(Arguments& a, Caller&) {
    const Object& key = a.take("key");
    a.end();
    if (!dict_.discard(key)) raise_key_error(key);
    return {};
  }
  Reply at(Arguments& a, Caller&) {
    const Object& key = a.take("key");
    a.end();
    std::optional<Object> found = dict_.find(key);
    if (!found) raise_key_error(key);
    return {*std::move(found)};
  }
  Reply iterate(Arguments& a, Caller&) {
    a.end();
    return {{}, serve_iterator(Dict<>(Object(dict_)))};
  }
  Reply size(Arguments& a, Caller&) {
    a.end();
    return {dict_.size()};
  }
  Reply set(Arguments& a, Caller&) {
    const Object& key = a.take("key");
    const Object& value = a.take("value");
    a.end();
    refuse_unhashable(key);
    dict_.set(key, value);
    return {};
  }
  Reply clear(Arguments& a, Caller&) {
    a.end();
    dict_.clear();
    return {};
  }
  Reply copy(Arguments& a, Caller&) {
    a.end();
    return {dict_.copy()};
  }
  Reply get(Arguments& a, Caller&) {
    const Object& key = a.take("key");
    Object otherwise = a.take("default", nullptr);
    a.end();
    return {dict_.get(key, std::move(otherwise))};
  }
  Reply items(Arguments& a, Caller&) {
    a.end();
    return {Object(dict_.items())};
  }
  Reply keys(Arguments& a, Caller&) {
    a.end();
    return {Object(dict_.keys())};
  }
  Reply values(Arguments& a, Caller&) {
    a.end();
    return {Object(dict_.values())};
  }
  Reply pop(Arguments& a, Caller&) {
    const Object& key = a.take("key");
    const std::optional<Object> otherwise = a.take_if_given("default");
    a.end();
    std::optional<Object> popped;
    if (otherwise) return {dict_.pop(key, *otherwise)};
    try {
      return {dict_.pop(key)};
    } catch (const OutOfRange&) {
      raise_key_error(key);
    }
  }
  Reply popitem(Arguments& a, Caller&) {
    a.end();
    return {Object(dict_.popitem())};
  }
  Reply setdefault(Arguments& a, Caller&) {
    const Object& key = a.take("key");
    Object value = a.take("default", nullptr);
    a.end();
    refuse_unhashable(key);
    return {dict_.setdefault(key, std::move(value))};
  }
  Reply update(Arguments& a, Caller&) {
    const auto given = a.take_rest();
    const Object named = a.take_named();
    a.end();
    if (given.size() > 1)
      raise_type_error("update expected at most 1 argument, got " + std::to_string(given.size()));
    std::vector<Dict<>::Item> pairs;
    if (!given.empty()) add_pairs(given[0], pairs);
    for (const auto& [key, value] : named.items()) pairs.emplace_back(key, value);
    dict_.update(pairs);
    return {};
  }

  static constexpr Method<ServedDict> methods[] = {
      {"__contains__", &ServedDict::contains},
      {"__delitem__", &ServedDict::erase},
      {"__getitem__", &ServedDict::at},
      {"__iter__", &ServedDict::iterate},
      {"__len__", &ServedDict::size},
      {"__setitem__", &ServedDict::set},
      {"clear", &ServedDict::clear},
      {"copy", &ServedDict::copy},
      {"get", &ServedDict::get},
      {"items", &ServedDict::items},
      {"keys", &ServedDict::keys},
      {"pop", &ServedDict::pop},
      {"popitem", &ServedDict::popitem},
      {"setdefault", &ServedDict::setdefault},
      {"update", &ServedDict::update},
      {"values", &ServedDict::values},
  };

 private:
  static void add_pairs(const Object& from, std::vector<Dict<>::Item>& to) {
    if (from.kind() == Object::Kind::shared) {
      for (auto& [key, value] : Dict<>(from).items()) to.emplace_back(key, value);
      return;
    }
    if (from.kind() == Object::Kind::dict) {
      for (const auto& [key, value] : from.items()) to.emplace_back(key, value);
      return;
    }
    if (auto contents = contents_of(from); contents && contents->has_pairs) {
      for (auto& [key, value] : contents->pairs) to.emplace_back(key, value);
      return;
    }
    std::size_t i = 0;
    for (const Object& pair : items_of(from)) {
      const Object both = items_of(pair);
      if (both.size() != 2)
        raise("ValueError", "dictionary update sequence element #" + std::to_string(i) +
                                " has length " + std::to_string(both.size()) + "; 2 is required");
      to.emplace_back(both.at(0), both.at(1));
      ++i;
    }
  }

  Dict<> dict_;
};

class ServedList final : public ServedAs<ServedList> {
 public:
  static constexpr std::string_view name = "list";
  explicit ServedList(List<> list) : list_(std::move(list)) {}
  [[nodiscard]] std::string repr() const override { return list_.copy().repr(); }
  [[nodiscard]] Object value() const override { return list_.copy(); }
  [[nodiscard]] Object reference() const override { return list_; }

  Reply add(Arguments& a, Caller&) {
    const Object& other = a.take("value");
    a.end();
    return {list_.copy() + (other.kind() == Object::Kind::shared ? List<>(other).copy() : other)};
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
      list_.erase(index_in(key, "list"));
    return {};
  }
  Reply at(Arguments& a, Caller&) {
    const Object& key = a.take("key");
    a.end();
    if (const auto slice = slice_in(key))
      return {Object(list_.slice(slice->start, slice->stop, slice->step))};
    return {list_.at(index_in(key, "list"))};
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
      list_.set(index_in(key, "list"), value);
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
    return {list_.index(x, start, stop ? std::optional(index_in(*stop, "slice")) : std::nullopt)};
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
  List<> list_;
};

class ServedNamespace final : public ServedAs<ServedNamespace> {
 public:
  static constexpr std::string_view name = "Namespace";
  explicit ServedNamespace(Namespace names) : names_(std::move(names)) {}
  [[nodiscard]] std::string repr() const override { return Object(names_).str(); }
  [[nodiscard]] Object value() const override {
    Object state = Object::dict();
    for (auto& [key, value] : names_.items()) state.set_item(key, value);
    return Object::opaque(
        "multiprocessing.managers.Namespace", "Nb",
        {global("multiprocessing.managers", "Namespace"), Object::tuple(), std::move(state)});
  }
  [[nodiscard]] Object reference() const override { return names_; }

  Reply get(Arguments& a, Caller&) {
    const std::string key = name_in(a.take("name"));
    a.end();
    return {names_.at(key)};
  }
  Reply set(Arguments& a, Caller&) {
    const std::string key = name_in(a.take("name"));
    const Object& value = a.take("value");
    a.end();
    names_.set(key, value);
    return {};
  }
  Reply erase(Arguments& a, Caller&) {
    const std::string key = name_in(a.take("name"));
    a.end();
    names_.erase(key);
    return {};
  }

  static constexpr Method<ServedNamespace> methods[] = {
      {"__getattribute__", &ServedNamespace::get},
      {"__setattr__", &ServedNamespace::set},
      {"__delattr__", &ServedNamespace::erase},
  };

 private:
  static std::string name_in(const Object& key) {
    if (key.kind() != Object::Kind::str)
      raise_type_error("attribute name must be string, not '" + std::string(key.type_name()) + "'");
    return key.get<std::string>();
  }

  Namespace names_;
};

class ServedIterator final : public ServedAs<ServedIterator> {
 public:
  static constexpr std::string_view name = "Iterator";
  explicit ServedIterator(Dict<> dict) : dict_(std::move(dict)), items_(dict_.keys()) {}

  Reply next(Arguments& a, Caller&) {
    a.end();
    const std::scoped_lock guard(mutex_);
    if (at_ == items_.size()) throw PythonError("builtins", "StopIteration", Object::tuple());
    if (dict_.size() != items_.size())
      raise("RuntimeError", "dictionary changed size during iteration");
    return {items_[at_++]};
  }
  [[noreturn]] Reply refuse(Arguments& a, Caller&) {
    raise("AttributeError",
          "'dict_keyiterator' object has no attribute '" + std::string(a.method()) + "'");
  }

  static constexpr Method<ServedIterator> methods[] = {
      {"__next__", &ServedIterator::next},
      {"send", &ServedIterator::refuse},
      {"throw", &ServedIterator::refuse},
      {"close", &ServedIterator::refuse},
  };

 private:
  std::mutex mutex_;
  Dict<> dict_;
  std::vector<Object> items_;
  std::size_t at_ = 0;
};

}  // namespace

Object items_of(const Object& x) {
  if (x.kind() == Object::Kind::str) {
    Object list = Object::list();
    // One for each character.
    const auto text = x.get<std::string_view>();
    for (std::size_t i = 0; i < text.size();) {
      std::size_t n = 1;
      while (i + n < text.size() && (static_cast<unsigned char>(text[i + n]) & 0xc0) == 0x80) ++n;
      list.append(text.substr(i, n));
      i += n;
    }
    return list;
  }
  if (x.kind() == Object::Kind::bytes) {
    Object list = Object::list();
    for (const std::byte b : x.get<std::span<const std::byte>>()) list.append(static_cast<int>(b));
    return list;
  }
  if (x.kind() == Object::Kind::shared) return List<>(x).copy();
  if (const Object* const bounds = arguments_of(x, "builtins.range"))
    return items_of_range(*bounds);
  if (const Object* const bytes = arguments_of(x, "builtins.bytearray");
      bytes && bytes->size() == 1)
    return items_of(bytes->elements()[0]);
  if (const auto elements = scalars_in_array(x)) return list_of_scalars(*elements);
  if (auto contents = contents_of(x)) {
    if (!contents->has_pairs) return Object::list_of(std::move(contents->items));
    Object keys = Object::list();
    for (auto& [key, value] : contents->pairs) keys.append(key);
    return keys;
  }
  switch (x.kind()) {
    case Object::Kind::list:
    case Object::Kind::tuple:
    case Object::Kind::set:
    case Object::Kind::frozenset:
    case Object::Kind::dict:
      return Object::list_of(x);
    default:
      raise_type_error("'" + std::string(x.type_name()) + "' object is not iterable");
  }
}

std::optional<SliceBounds> slice_in(const Object& key) {
  const Object* const given = arguments_of(key, "builtins.slice");
  if (given == nullptr) return std::nullopt;
  const auto bounds = given->elements();
  if (bounds.size() != 3) raise_type_error("slice expected 3 arguments");
  const auto bound = [](const Object& x) -> std::optional<std::ptrdiff_t> {
    if (x.is_none()) return std::nullopt;
    if (x.kind() != Object::Kind::integer && x.kind() != Object::Kind::boolean)
      raise_type_error("slice indices must be integers or None or have an __index__ method");
    try {
      return x.kind() == Object::Kind::boolean ? std::ptrdiff_t{x.get<bool>()}
                                               : x.get<std::ptrdiff_t>();
    } catch (const OutOfRange&) {  // as far as one can go
      return x < Object(0) ? std::numeric_limits<std::ptrdiff_t>::min()
                           : std::numeric_limits<std::ptrdiff_t>::max();
    }
  };
  return SliceBounds{bound(bounds[0]), bound(bounds[1]), bound(bounds[2]).value_or(1)};
}

std::shared_ptr<Served> serve(Dict<> dict) { return std::make_shared<ServedDict>(std::move(dict)); }
std::shared_ptr<Served> serve(List<> list) { return std::make_shared<ServedList>(std::move(list)); }
std::shared_ptr<Served> serve(Namespace names) {
  return std::make_shared<ServedNamespace>(std::move(names));
}
std::shared_ptr<Served> serve_iterator(Dict<> dict) {
  return std::make_shared<ServedIterator>(std::move(dict));
}

}  // namespace lagoon::remote
