#include <lagoon/registered_type.hpp>

#include <atomic>
#include <set>

namespace lagoon::detail {

namespace {

/// The newest. None ever goes: Objects refer to them.
constinit std::atomic<const RegisteredType*> newest{nullptr};

template <class Is>
const RegisteredType* find(Is&& is) noexcept {
  const RegisteredType* type = newest.load(std::memory_order_acquire);  // (1)
  while (type != nullptr && !is(*type)) type = type->next;
  return type;
}

}  // namespace

// (1) acquire, pairs with (2) release: who finds one sees what it was made of.
void add_registered(std::unique_ptr<RegisteredType> type) {
  if (type->id.empty())
    throw InvalidArgument(
        "register_type() wants an id by which the type is made, such as \"Book\"");
  RegisteredType* const added = type.release();
  added->next = newest.load(std::memory_order_relaxed);
  while (!newest.compare_exchange_weak(added->next, added, std::memory_order_release,  // (2)
                                       std::memory_order_relaxed))
    continue;
}

const RegisteredType& registered_type(std::string_view id) {
  const RegisteredType* const found = find([&](const RegisteredType& t) { return t.id == id; });
  if (found != nullptr) return *found;
  std::set<std::string_view> ids;
  (void)find([&](const RegisteredType& t) {
    ids.insert(t.id);
    return false;
  });
  std::string all;
  for (const std::string_view each : ids) (all += all.empty() ? "" : ", ") += each;
  throw NotFound("no type '" + std::string(id) + "' was registered in this program; " +
                 (all.empty() ? "none was" : "those are: " + all) +
                 " (Manager::register_type; what is lagoon's own is made by its method, such as "
                 "dict())");
}

const RegisteredType* registered_type(const Stamp& stamp) noexcept {
  return find([&](const RegisteredType& t) {
    return t.stamp.kind == stamp.kind && t.stamp.element.name == stamp.element.name &&
           t.stamp.element.size == stamp.element.size;
  });
}

void refuse_arguments(std::string_view name, std::size_t wanted, std::size_t given) {
  throw TypeMismatch("TypeError: " + std::string(name) + "() takes " + std::to_string(wanted) +
                     (wanted == 1 ? " argument, " : " arguments, ") + std::to_string(given) +
                     (given == 1 ? " was given" : " were given"));
}

}  // namespace lagoon::detail
