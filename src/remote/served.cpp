#include "served.hpp"

#include <lagoon/registered_type.hpp>
#include <lagoon/shared_object.hpp>

#include <cmath>
#include <utility>

#include "pickle.hpp"
#include "python_error.hpp"
#include "token.hpp"

namespace lagoon::remote {

namespace {

using Handle = lagoon::detail::Handle;
using Stamp = lagoon::detail::Stamp;

long long whole(Arguments& a, std::string_view name, std::optional<long long> otherwise = {}) {
  return a.take_integer(name, otherwise);
}

/// One of the application's types.
std::shared_ptr<Served> serve_one_of(Object made, std::string_view type) {
  std::vector<std::string> methods;
  for (const auto& [name, call] : lagoon::detail::registered_type(type).methods)
    methods.push_back(name);
  return serve_registered(std::move(made), type, std::move(methods));
}

Handle handle_in(const Object& shared) {
  const auto* const refers = shared.shared_as<lagoon::detail::SharedObject>();
  if (refers == nullptr || refers->handle().payload() == nullptr)
    throw Gone("what this refers to was erased");
  return refers->handle().again();
}
/// The same, which must be of this kind: what a client sends may say anything.
Handle handle_in(const Object& shared, Stamp::Kind kind) {
  Handle handle = handle_in(shared);
  if (handle.stamp().kind == kind) return handle;
  throw TypeMismatch(handle.describe() + " is not what this says it is");
}

/// A condition that is there, or is made at that place, with this lock.
template <class HandleOrPlace>
std::shared_ptr<Served> serve_with(HandleOrPlace&& at, const std::shared_ptr<Served>& lock) {
  if (lock != nullptr && lock->lock() != nullptr)
    return serve(Condition(std::forward<HandleOrPlace>(at), *lock->lock()), lock);
  if (lock != nullptr && lock->rlock() != nullptr)
    return serve(Condition(std::forward<HandleOrPlace>(at), *lock->rlock()), lock);
  raise_type_error("Condition(lock) wants a Lock or RLock of this server");
}

/// Of a handle; a container's elements must be known here.
template <class T>
std::shared_ptr<Served> serve_as(Handle handle) {
  if constexpr (requires(T t) { t.type(); }) (void)lagoon::detail::RuntimeContents::of(handle);
  auto object = lagoon::detail::Attach::make<T>(std::move(handle));
  if constexpr (std::is_same_v<T, Barrier> || std::is_same_v<T, Condition>)
    return serve(std::move(object), {});
  else
    return serve(std::move(object));
}

}  // namespace

double seconds_in(const Object& x) {
  using Kind = Object::Kind;
  if (x.kind() == Kind::boolean) return x.get<bool>() ? 1 : 0;
  if (x.kind() != Kind::integer && x.kind() != Kind::real)
    raise_type_error("'" + std::string(x.type_name()) +
                     "' object cannot be interpreted as an integer");
  const auto s = x.get<double>();
  if (std::isnan(s)) raise("ValueError", "Invalid value NaN (not a number)");
  if (s > 9223372036.0)  // which Python's locks refuse
    raise("OverflowError", "timestamp too large to convert to C _PyTime_t");
  return s;
}

core::Deadline Caller::after(const Object& seconds) const {
  if (seconds.is_none()) return never();
  return core::Deadline::after(std::chrono::duration<double>(seconds_in(seconds)))
      .unless(has_gone_);
}

std::string Served::repr() const { return "<" + std::string(type()) + " object of lagoon>"; }

std::shared_ptr<Served> serve(const Object& reference) {
  if (const Object* const parts = parts_of_reference(reference, "Condition"))
    return serve_with(handle_in(parts[0], Stamp::Kind::condition), serve(parts[1]));
  if (const Object* const parts = parts_of_reference(reference, "Barrier"))
    return serve(lagoon::detail::Attach::make<Barrier>(handle_in(parts[0], Stamp::Kind::barrier)),
                 parts[1]);
  if (const Object* const parts = parts_of_reference(reference, "Value"))
    return serve_any_value(
        lagoon::detail::Attach::make<List<>>(handle_in(parts[0], Stamp::Kind::list)), parts[1]);
  return serve(handle_in(reference));
}

std::shared_ptr<Served> serve(Handle handle) {
  switch (handle.stamp().kind) {
    case Stamp::Kind::dict:
      return serve_as<AnyDict>(std::move(handle));
    case Stamp::Kind::list:
      return serve_as<AnyList>(std::move(handle));
    case Stamp::Kind::namespace_:
      return serve_as<Namespace>(std::move(handle));
    case Stamp::Kind::queue:
      return serve_as<AnyQueue>(std::move(handle));
    case Stamp::Kind::joinable_queue:
      return serve_as<AnyJoinableQueue>(std::move(handle));
    case Stamp::Kind::value:
    case Stamp::Kind::array:
      return serve_scalars(std::move(handle));
    case Stamp::Kind::lock:
      return serve_as<Lock>(std::move(handle));
    case Stamp::Kind::rlock:
      return serve_as<RLock>(std::move(handle));
    case Stamp::Kind::semaphore:
      return serve_as<Semaphore>(std::move(handle));
    case Stamp::Kind::bounded_semaphore:
      return serve_as<BoundedSemaphore>(std::move(handle));
    case Stamp::Kind::condition:
      return serve_as<Condition>(std::move(handle));
    case Stamp::Kind::event:
      return serve_as<Event>(std::move(handle));
    case Stamp::Kind::barrier:
      return serve_as<Barrier>(std::move(handle));
    case Stamp::Kind::in_place:
      if (const auto* const type = lagoon::detail::registered_type(handle.stamp()))
        return serve_one_of(lagoon::detail::shared_object(std::move(handle)), type->id);
  }
  throw TypeMismatch(handle.describe() +
                     " cannot be served: its type was not registered in the server's program "
                     "(Manager::register_type)");
}

/// As CPython's managers have it, where a typecode is only kept: a number that C++ has too, if the
/// typecode is one of Array's and the first value is one of these; else whatever Python says.
std::shared_ptr<Served> make_value(const lagoon::Manager& manager, const Object& typecode,
                                   const Object& initial) {
  if (is_typecode(typecode)) try {
      return serve_value(manager.segment().nameless(), typecode_in(typecode), initial);
    } catch (const PythonError&) {  // it is no such number
    }
  List<> one = manager.list();
  one.append(initial);
  return serve_any_value(std::move(one), typecode);
}

std::shared_ptr<Served> make_served(const lagoon::Manager& manager, std::string_view type,
                                    Arguments& a, const FindServed& find) {
  const Place place = manager.segment().nameless();
  const auto end = [&] { a.end(); };
  if (type == "dict") {
    const auto given = a.take_rest();
    const Object named = a.take_named();
    end();
    auto dict = serve(Object(manager.dict()));
    if (given.size() > 1)
      raise_type_error("dict expected at most 1 argument, got " + std::to_string(given.size()));
    if (!given.empty() || named.size() != 0) {
      Arguments update("update", Object::tuple_of(given), named);
      const std::atomic<bool> never{false};
      Caller nobody(never);
      (void)dict->call("update", update, nobody);
    }
    return dict;
  }
  if (type == "list") {
    const std::optional<Object> items = a.take_if_given("iterable");
    end();
    auto list = serve(Object(manager.list()));
    if (items) {
      Arguments extend("extend", Object::tuple(*items), Object::dict());
      const std::atomic<bool> never{false};
      Caller nobody(never);
      (void)list->call("extend", extend, nobody);
    }
    return list;
  }
  if (type == "Namespace") {
    const Object named = a.take_named();
    end();
    Namespace names = manager.namespace_();
    for (const auto& [key, value] : named.items()) names.set(key.get<std::string>(), value);
    return serve(std::move(names));
  }
  if (type == "Queue" || type == "JoinableQueue") {
    const long long maxsize = whole(a, "maxsize", 0);
    end();
    return serve(type == "Queue" ? Object(manager.queue(maxsize))
                                 : Object(manager.joinable_queue(maxsize)));
  }
  if (type == "Value" || type == "Array") {
    const Object typecode = a.take("typecode");
    const Object initial = a.take(type == "Value" ? "value" : "sequence");
    const Object lock = a.take("lock", true);
    end();
    return type == "Value" ? make_value(manager, typecode, initial)
                           : serve_array(place, typecode_in(typecode), initial);
  }
  if (type == "Lock") return end(), serve(manager.lock());
  if (type == "RLock") return end(), serve(manager.rlock());
  if (type == "Semaphore" || type == "BoundedSemaphore") {
    const long long permits = whole(a, "value", 1);
    end();
    if (permits < 0) raise("ValueError", "semaphore initial value must be >= 0");
    return type == "Semaphore" ? serve(manager.semaphore(permits))
                               : serve(manager.bounded_semaphore(permits));
  }
  if (type == "Condition") {
    const Object given = a.take("lock", nullptr);
    end();
    if (given.is_none()) return serve(manager.condition(), nullptr);
    return serve_with(place, find(given));
  }
  if (type == "Event") return end(), serve(manager.event());
  if (type == "Barrier") {
    const long long parties = whole(a, "parties");
    const Object action = a.take("action", nullptr), timeout = a.take("timeout", nullptr);
    end();
    if (!action.is_none())
      raise_type_error(
          "Barrier(action=...) would run a Python function in the server, which is no Python "
          "program: let the one act whose wait() gives 0");
    return serve(manager.barrier(parties), timeout);
  }
  if (type == "Pool")
    raise_type_error(
        "Pool() would run Python functions in the server, which is no Python program: make a "
        "multiprocessing.Pool in the client, whose workers reach this server's objects");

  // The application's: a type, or something with a name.
  bool is_registered = true;
  try {
    (void)lagoon::detail::registered_type(type);
  } catch (const NotFound&) {
    is_registered = false;
  }
  if (is_registered) {
    const auto given = a.take_rest();
    end();
    return serve_one_of(
        in_its_words([&] { return lagoon::detail::make_registered(type, place, given); }), type);
  }
  end();
  if (auto found =
          lagoon::detail::find(manager.segment().mapping(), type, lagoon::detail::anything, false))
    return serve(*std::move(found));
  throw NotFound("there is no type of a Manager's, nor one that was registered, nor anything in '" +
                 manager.segment().name() + "' that is called '" + std::string(type) + "'");
}

}  // namespace lagoon::remote
