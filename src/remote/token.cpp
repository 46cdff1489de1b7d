#include "token.hpp"

#include <utility>
#include <vector>

#include "pickle.hpp"

namespace lagoon::remote {

namespace {

constexpr std::string_view managers = "multiprocessing.managers";
constexpr std::string_view token_kind = "multiprocessing.managers.Token";
constexpr std::string_view proxy_kind = "multiprocessing.managers.RebuildProxy";

/// The class of Python's that is a proxy of that type, if it has one of its own.
std::string_view class_for(std::string_view type) {
  static constexpr std::pair<std::string_view, std::string_view> classes[] = {
      {"dict", "DictProxy"},           {"list", "ListProxy"},
      {"Namespace", "NamespaceProxy"}, {"Value", "ValueProxy"},
      {"Array", "ArrayProxy"},         {"Lock", "AcquirerProxy"},
      {"RLock", "AcquirerProxy"},      {"Semaphore", "AcquirerProxy"},
      {"Event", "EventProxy"},         {"BoundedSemaphore", "AcquirerProxy"},
      {"Barrier", "BarrierProxy"},     {"Condition", "ConditionProxy"},
  };
  for (const auto& [of, name] : classes)
    if (of == type) return name;
  return "AutoProxy";
}

}  // namespace

std::optional<Token> token_of(const Object& o) {
  if (o.kind() != Object::Kind::opaque || o.opaque_kind() != token_kind || o.elements().size() != 3)
    return std::nullopt;
  const Object& state = o.elements()[2];
  if (state.kind() != Object::Kind::tuple || state.size() != 3) return std::nullopt;
  const auto parts = state.elements();
  if (parts[0].kind() != Object::Kind::str || parts[2].kind() != Object::Kind::str)
    return std::nullopt;
  return Token{parts[0].get<std::string>(), parts[1], parts[2].get<std::string>()};
}

Object object_of(const Token& token) {
  return Object::opaque(std::string(token_kind), "Nb",
                        {global(managers, "Token"), Object::tuple(),
                         Object::tuple(token.type, token.address, token.id)});
}

std::optional<Token> token_in(const Object& proxy) {
  const Object* const arguments = arguments_of(proxy, proxy_kind);
  if (arguments == nullptr || arguments->size() < 2) return std::nullopt;
  return token_of(arguments->elements()[1]);
}

const Object* token_names(const Object& proxy) {
  const Object* const arguments = arguments_of(proxy, proxy_kind);
  if (arguments == nullptr || arguments->size() < 4) return nullptr;
  const Object& named = arguments->elements()[3];
  return named.kind() == Object::Kind::dict ? named.find("exposed") : nullptr;
}

Object proxy_to(const Token& token, std::span<const std::string> exposed) {
  const std::string_view name = class_for(token.type);
  Object named = Object::dict();
  if (name == "AutoProxy") {
    std::vector<Object> names(exposed.begin(), exposed.end());
    named.set_item("exposed", Object::tuple_of(names));
  }
  return reduced(
      global(managers, "RebuildProxy"),
      Object::tuple(global(managers, name), object_of(token), "pickle", std::move(named)));
}

Object reference_and(std::string_view type, const Object& shared, const Object& more) {
  return reduced(global("lagoon", type), Object::tuple(shared, more));
}

const Object* parts_of_reference(const Object& o, std::string_view type) {
  const Object* const parts = arguments_of(o, "lagoon." + std::string(type));
  const bool is_one = parts != nullptr && parts->kind() == Object::Kind::tuple &&
                      parts->size() == 2 && parts->elements()[0].kind() == Object::Kind::shared;
  return is_one ? parts->elements().data() : nullptr;
}

const Object* shared_in(const Object& o) {
  if (o.kind() == Object::Kind::shared) return &o;
  if (o.kind() != Object::Kind::opaque || !o.opaque_kind().starts_with("lagoon.")) return nullptr;
  for (const std::string_view type : {"Condition", "Barrier", "Value"})
    if (const Object* const parts = parts_of_reference(o, type)) return parts;
  return nullptr;
}

void for_each_proxy(const Object& o, const std::function<void(const Object&)>& f) {
  switch (o.kind()) {
    case Object::Kind::shared:
      return f(o);
    case Object::Kind::opaque:
      if (token_in(o) || shared_in(o) != nullptr) return f(o);
      [[fallthrough]];
    case Object::Kind::list:
    case Object::Kind::tuple:
      for (const Object& item : o.elements()) for_each_proxy(item, f);
      return;
    case Object::Kind::dict:
      for (const auto& [key, value] : o.items()) {
        for_each_proxy(key, f);
        for_each_proxy(value, f);
      }
      return;
    default:
      return;
  }
}

Object address_object(const Address& address) {
  switch (address.kind()) {
    case Address::Kind::path:
      return address.name();
    case Address::Kind::abstract:
      return Object::bytes('\0' + address.name());
    case Address::Kind::tcp:
      break;
  }
  return Object::tuple(address.name(), address.port());
}

}  // namespace lagoon::remote
