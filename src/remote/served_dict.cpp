#include <mutex>
#include <utility>

#include "pickle.hpp"
#include "python_error.hpp"
#include "python_items.hpp"
#include "served.hpp"

namespace lagoon::remote {

namespace {

class ServedIterator final : public ServedAs<ServedIterator> {
 public:
  static constexpr std::string_view name = "Iterator";
  explicit ServedIterator(AnyDict dict) : dict_(std::move(dict)), items_(dict_.keys()) {}

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
  AnyDict dict_;
  std::vector<Object> items_;
  std::size_t at_ = 0;
};

class ServedDict final : public ServedAs<ServedDict> {
 public:
  static constexpr std::string_view name = "dict";
  explicit ServedDict(AnyDict dict) : dict_(std::move(dict)) {}
  [[nodiscard]] std::string repr() const override { return dict_.copy().repr(); }
  [[nodiscard]] Object value() const override { return dict_.copy(); }
  [[nodiscard]] Object reference() const override { return dict_; }

  Reply contains(Arguments& a, Caller&) {
    const Object& key = a.take("key");
    a.end();
    refuse_unhashable(key);
    return {dict_.contains(key)};
  }
  Reply erase(Arguments& a, Caller&) {
    const Object& key = a.take("key");
    a.end();
    refuse_unhashable(key);
    if (!dict_.discard(key)) raise_key_error(key);
    return {};
  }
  Reply at(Arguments& a, Caller&) {
    const Object& key = a.take("key");
    a.end();
    refuse_unhashable(key);
    std::optional<Object> found = dict_.find(key);
    if (!found) raise_key_error(key);
    return {*std::move(found)};
  }
  Reply iterate(Arguments& a, Caller&) {
    a.end();
    return {{}, std::make_shared<ServedIterator>(AnyDict(Object(dict_)))};
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
    refuse_unhashable(key);
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
    refuse_unhashable(key);
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
    std::vector<AnyDict::Item> pairs;
    if (!given.empty()) pairs = pairs_of(given[0]);
    for (const auto& [key, value] : named.items()) pairs.emplace_back(key, value);
    dict_.update(pairs);
    return {};
  }

  static constexpr Method<ServedDict> methods[] = {
      {"__contains__", &ServedDict::contains, Takes::builtin("dict", 1)},
      {"__delitem__", &ServedDict::erase, Takes::slot(1)},
      {"__getitem__", &ServedDict::at, Takes::builtin("dict", 1)},
      {"__iter__", &ServedDict::iterate, Takes::slot(0)},
      {"__len__", &ServedDict::size, Takes::slot(0)},
      {"__setitem__", &ServedDict::set, Takes::unpacked_slot(2)},
      {"clear", &ServedDict::clear, Takes::builtin("dict", 0)},
      {"copy", &ServedDict::copy, Takes::builtin("dict", 0)},
      {"get", &ServedDict::get, Takes::unpacked("dict", 1, 2)},
      {"items", &ServedDict::items, Takes::builtin("dict", 0)},
      {"keys", &ServedDict::keys, Takes::builtin("dict", 0)},
      {"pop", &ServedDict::pop, Takes::unpacked("dict", 1, 2)},
      {"popitem", &ServedDict::popitem, Takes::builtin("dict", 0)},
      {"setdefault", &ServedDict::setdefault, Takes::unpacked("dict", 1, 2)},
      {"update", &ServedDict::update},
      {"values", &ServedDict::values, Takes::builtin("dict", 0)},
  };

 private:
  AnyDict dict_;
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
      {"__getattribute__", &ServedNamespace::get, Takes::slot(1)},
      {"__setattr__", &ServedNamespace::set, Takes::unpacked_slot(2)},
      {"__delattr__", &ServedNamespace::erase, Takes::slot(1)},
  };

 private:
  static std::string name_in(const Object& key) {
    if (key.kind() != Object::Kind::str)
      raise_type_error("attribute name must be string, not '" + std::string(key.type_name()) + "'");
    return key.get<std::string>();
  }

  Namespace names_;
};

}  // namespace

std::shared_ptr<Served> serve(AnyDict dict) {
  return std::make_shared<ServedDict>(std::move(dict));
}
std::shared_ptr<Served> serve(Namespace names) {
  return std::make_shared<ServedNamespace>(std::move(names));
}

}  // namespace lagoon::remote
