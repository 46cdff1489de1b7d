#include <lagoon/any_container.hpp>
#include <lagoon/codec.hpp>
#include <lagoon/dict.hpp>
#include <lagoon/list.hpp>
#include <lagoon/namespace.hpp>
#include <lagoon/registered_type.hpp>
#include <lagoon/shared_object.hpp>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "mapping.hpp"
#include "object_node.hpp"

namespace lagoon::detail {

namespace {

struct Names {
  const char* proxy;
  const char* type;
};

/// As Python's manager calls them.
Names names_of(Stamp::Kind kind) {
  switch (kind) {
    case Stamp::Kind::dict:
      return {"DictProxy", "dict"};
    case Stamp::Kind::list:
      return {"ListProxy", "list"};
    case Stamp::Kind::namespace_:
      return {"NamespaceProxy", "Namespace"};
    case Stamp::Kind::queue:
      return {"AutoProxy[Queue]", "Queue"};
    case Stamp::Kind::joinable_queue:
      return {"AutoProxy[JoinableQueue]", "JoinableQueue"};
    case Stamp::Kind::value:
      return {"ValueProxy", "Value"};
    case Stamp::Kind::array:
      return {"ArrayProxy", "Array"};
    case Stamp::Kind::lock:
      return {"AcquirerProxy", "Lock"};
    case Stamp::Kind::rlock:
      return {"AcquirerProxy", "RLock"};
    case Stamp::Kind::semaphore:
      return {"AcquirerProxy", "Semaphore"};
    case Stamp::Kind::bounded_semaphore:
      return {"AcquirerProxy", "BoundedSemaphore"};
    case Stamp::Kind::condition:
      return {"ConditionProxy", "Condition"};
    case Stamp::Kind::event:
      return {"EventProxy", "Event"};
    case Stamp::Kind::barrier:
      return {"BarrierProxy", "Barrier"};
    default:
      return {"BaseProxy", "object"};
  }
}

std::ptrdiff_t index_of(const Object& key) {
  if (!is_integer(key))
    type_error("list indices must be integers or slices, not " + std::string(key.type_name()));
  return key.get<std::ptrdiff_t>();
}

/// D is a Dict<>, or an AnyDict.
template <class D>
class SharedDict final : public SharedObject {
 public:
  explicit SharedDict(detail::Handle handle)
      : SharedObject(handle.reference()), dict_(Attach::make<D>(std::move(handle))) {}
  [[nodiscard]] const detail::Handle& handle() const noexcept override {
    return Attach::handle_of(dict_);
  }

  [[nodiscard]] std::string str() const override { return dict_.copy().repr(); }
  [[nodiscard]] bool is_true() const override { return !dict_.empty(); }
  [[nodiscard]] std::size_t size() const override { return dict_.size(); }
  [[nodiscard]] Object at(const Object& key) const override { return dict_.at(key); }
  [[nodiscard]] std::optional<Object> find(const Object& key) const override {
    return dict_.find(key);
  }
  [[nodiscard]] bool contains(const Object& x) const override { return dict_.contains(x); }
  void set_item(const Object& key, const Object& x) const override { writable(dict_).set(key, x); }
  void change_item(const Object& key, const Change& f) const override {
    (void)writable(dict_).change_value(key, f);
  }
  void erase(const Object& key) const override { writable(dict_).erase(key); }
  Object pop(const Object& key) const override { return writable(dict_).pop(key); }
  void clear() const override { writable(dict_).clear(); }

 private:
  mutable D dict_;  // itself it only refers
};

/// L is a List<>, or an AnyList.
template <class L>
class SharedList final : public SharedObject {
 public:
  explicit SharedList(detail::Handle handle)
      : SharedObject(handle.reference()), list_(Attach::make<L>(std::move(handle))) {}
  [[nodiscard]] const detail::Handle& handle() const noexcept override {
    return Attach::handle_of(list_);
  }

  [[nodiscard]] std::string str() const override { return list_.copy().repr(); }
  [[nodiscard]] bool is_true() const override { return !list_.empty(); }
  [[nodiscard]] std::size_t size() const override { return list_.size(); }
  [[nodiscard]] Object at(const Object& key) const override { return list_.at(index_of(key)); }
  [[nodiscard]] bool contains(const Object& x) const override { return list_.contains(x); }
  void set_item(const Object& key, const Object& x) const override {
    writable(list_).set(index_of(key), x);
  }
  void change_item(const Object& key, const Change& f) const override {
    (void)writable(list_).change_value(index_of(key), f);
  }
  void erase(const Object& key) const override { writable(list_).erase(index_of(key)); }
  void append(const Object& x) const override { writable(list_).append(x); }
  void insert(const Object& index, const Object& x) const override {
    writable(list_).insert(index_of(index), x);
  }
  Object pop() const override { return writable(list_).pop(); }
  Object pop(const Object& key) const override { return writable(list_).pop(index_of(key)); }
  void clear() const override { writable(list_).clear(); }
  void extend(const Object& x) const override { writable(list_).extend(x); }
  void repeat(const Object& times) const override {
    if (!is_integer(times))
      type_error("can't multiply sequence by non-int of type " + in_quotes(times.type_name()));
    writable(list_) *= times.get<std::ptrdiff_t>();
  }

 private:
  mutable L list_;
};

class SharedNamespace final : public SharedObject {
 public:
  explicit SharedNamespace(detail::Handle handle)
      : SharedObject(handle.reference()), names_(Attach::make<Namespace>(std::move(handle))) {}
  [[nodiscard]] const detail::Handle& handle() const noexcept override {
    return Attach::handle_of(names_);
  }

  /// As Python shows one: by name, without those that begin with '_'.
  [[nodiscard]] std::string str() const override {
    std::vector<std::string> parts;
    for (const auto& [name, value] : names_.items())
      if (!name.starts_with('_')) parts.push_back(name + "=" + value.repr());
    std::sort(parts.begin(), parts.end());
    std::string text = "Namespace(";
    for (const std::string& part : parts) text += (text.back() == '(' ? "" : ", ") + part;
    return text + ")";
  }
  [[nodiscard]] Object at(const Object& key) const override { return names_.at(name(key)); }
  [[nodiscard]] std::optional<Object> find(const Object& key) const override {
    const std::string_view of = name(key);
    return names_.contains(of) ? std::optional(names_.at(of)) : std::nullopt;
  }
  [[nodiscard]] bool contains(const Object& x) const override { return names_.contains(name(x)); }
  void set_item(const Object& key, const Object& x) const override {
    writable(names_).set(name(key), x);
  }
  void change_item(const Object& key, const Change& f) const override {
    writable(names_).change_value(name(key), f);
  }
  void erase(const Object& key) const override { writable(names_).erase(name(key)); }

 private:
  static std::string_view name(const Object& key) {
    if (key.kind() != Object::Kind::str)
      type_error("attribute name must be string, not " + in_quotes(key.type_name()));
    return Inside::bytes(key);
  }

  mutable Namespace names_;
};

/// What has no items that are Objects.
class SharedOther final : public SharedObject {
 public:
  explicit SharedOther(detail::Handle handle)
      : SharedObject(handle.reference()), handle_(std::move(handle)) {}
  [[nodiscard]] const detail::Handle& handle() const noexcept override { return handle_; }

 protected:
  [[nodiscard]] std::string advice() const override {
    return "; open it as what it is, a " + handle_.stamp().text();
  }

 private:
  detail::Handle handle_;
};

/// What the application has registered.
class SharedRegistered final : public SharedObject {
 public:
  SharedRegistered(detail::Handle handle, const RegisteredType& type)
      : SharedObject(handle.reference()),
        handle_(std::move(handle)),
        type_(type),
        name_("AutoProxy[" + type.id + "]") {}
  [[nodiscard]] const detail::Handle& handle() const noexcept override { return handle_; }
  [[nodiscard]] std::string_view type_name() const noexcept override { return name_; }

  Object call(std::string_view method, std::span<const Object> arguments) const override {
    if (handle_.gone()) handle_.throw_gone();
    const auto found = type_.methods.find(method);
    if (found == type_.methods.end()) return SharedObject::call(method, arguments);
    return found->second(handle_.payload(), arguments);
  }

 protected:
  [[nodiscard]] std::string_view type_id() const noexcept override { return type_.id; }
  [[nodiscard]] std::string advice() const override {
    std::string all;
    for (const auto& [name, call] : type_.methods) all += (all.empty() ? "" : ", ") + name;
    return "; it has " + (all.empty() ? "no methods" : all);
  }

 private:
  detail::Handle handle_;
  const RegisteredType& type_;
  std::string name_;
};

/// What was erased.
class SharedGone final : public SharedObject {
 public:
  explicit SharedGone(const ObjectReference& reference) noexcept : SharedObject(reference) {}
  [[nodiscard]] const detail::Handle& handle() const noexcept override { return none_; }

 protected:
  [[nodiscard]] bool is_gone() const noexcept override { return true; }

 private:
  detail::Handle none_;
};

template <class T>
bool is_a(const Stamp& stamp) {
  const Stamp asked = T::stamp();
  return stamp.kind == asked.kind && stamp.guard == asked.guard &&
         stamp.element.name == asked.element.name;
}

}  // namespace

std::string_view SharedObject::type_name() const noexcept {
  return handle().payload() == nullptr ? "BaseProxy" : names_of(handle().stamp().kind).proxy;
}

std::string_view SharedObject::type_id() const noexcept {
  return names_of(handle().stamp().kind).type;
}

std::string SharedObject::repr() const {
  if (handle().payload() == nullptr) return "<BaseProxy object, of what was erased>";
  char address[24];
  std::snprintf(address, sizeof address, "%#zx", reinterpret_cast<std::size_t>(handle().payload()));
  return "<" + std::string(type_name()) + " object, typeid " + in_quotes(type_id()) + " at " +
         address + ">";
}

bool SharedObject::equals(const Object::Handle& other) const {
  const auto* const shared = dynamic_cast<const SharedObject*>(&other);
  return shared != nullptr && shared->reference_ == reference_ &&
         (handle().payload() == nullptr || shared->handle().payload() == nullptr ||
          &*handle().mapping() == &*shared->handle().mapping());
}

std::size_t SharedObject::hash() const {
  type_error("unhashable type: " + in_quotes(type_name()) + ": it refers to " +
             handle().describe());
}

void SharedObject::throw_read_only() const {
  throw ReadOnly(handle().describe() + " is attached read-only, and cannot be changed there");
}

Object shared_object(detail::Handle handle) {
  const Stamp stamp = handle.stamp();
  if (is_a<Dict<>>(stamp)) return Object::shared<SharedDict<Dict<>>>(std::move(handle));
  if (is_a<List<>>(stamp)) return Object::shared<SharedList<List<>>>(std::move(handle));
  if (stamp.kind == Stamp::Kind::dict && RuntimeContents::is_known(stamp))
    return Object::shared<SharedDict<AnyDict>>(std::move(handle));
  if (stamp.kind == Stamp::Kind::list && RuntimeContents::is_known(stamp))
    return Object::shared<SharedList<AnyList>>(std::move(handle));
  if (is_a<Namespace>(stamp)) return Object::shared<SharedNamespace>(std::move(handle));
  if (const RegisteredType* const type = registered_type(stamp))
    return Object::shared<SharedRegistered>(std::move(handle), *type);
  return Object::shared<SharedOther>(std::move(handle));
}

Object make_registered(std::string_view id, const Place& place, std::span<const Object> arguments) {
  const RegisteredType& type = registered_type(id);
  return Object::shared<SharedRegistered>(type.make(place, arguments), type);
}

Object shared_object(const MappingRef& memory, const ObjectReference& reference) {
  std::optional<detail::Handle> handle = memory->open(reference);
  return handle ? shared_object(*std::move(handle)) : Object::shared<SharedGone>(reference);
}

detail::Handle handle_to_shared(const Object& o, const Stamp& asked, bool read_only) {
  const auto* const shared = o.shared_as<SharedObject>();
  if (shared == nullptr)
    throw TypeMismatch("asked for a " + asked.text() + " of " + shown(o) +
                       ", which is a value of its own and refers to no shared container");
  if (shared->handle().payload() == nullptr || shared->handle().gone())
    throw Gone("the object that a container refers to was erased; asked for was a " + asked.text());
  return shared->handle().mapping()->another(shared->handle(), asked, read_only);
}

}  // namespace lagoon::detail

namespace lagoon {

Encoder& Encoder::put_shared(const Object& x) {
  const auto* const shared = x.shared_as<detail::SharedObject>();
  if (shared == nullptr)
    throw TypeMismatch("cannot put '" + std::string(x.type_name()) +
                       "' object into a shared container: it refers to what lies elsewhere");
  if (shared->handle().payload() == nullptr)
    throw Gone("cannot put a reference to what was erased into a shared container");
  if (references_ == nullptr) references_ = std::make_unique<detail::References>();
  references_->all.push_back({shared->reference(), &*shared->handle().mapping()});
  references_->kept.push_back(x);
  ++references_->in_record;
  return put_bytes(&shared->reference(), sizeof(detail::ObjectReference));
}

Object Decoder::take_shared() {
  detail::ObjectReference reference;
  std::memcpy(&reference, take_bytes(sizeof reference).data(), sizeof reference);
  if (home_ == nullptr)
    throw TypeMismatch("a reference to a shared object means nothing outside of its container");
  return detail::shared_object(home_->mapping(), reference);
}

}  // namespace lagoon
