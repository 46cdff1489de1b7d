#include <lagoon/remote/manager.hpp>

#include "client.hpp"
#include "pickle.hpp"
#include "python_array.hpp"

namespace lagoon::remote {

namespace {

Object bound(const List::End& end) { return end ? Object(*end) : Object(); }

Object slice_of(const List::End& start, const List::End& stop, const List::End& step) {
  return reduced(global("builtins", "slice"),
                 Object::tuple(bound(start), bound(stop), bound(step)));
}

/// Seconds that are left; none is for ever.
std::optional<double> seconds_until(core::Deadline deadline) {
  if (deadline.is_never()) return std::nullopt;
  const timespec end = deadline.as_timespec();
  const double ns = static_cast<double>(end.tv_sec) * 1e9 + static_cast<double>(end.tv_nsec) -
                    static_cast<double>(core::Deadline::clock());
  return std::max(ns * 1e-9, 0.0);
}
Object arguments_of(std::optional<double> seconds) {
  return seconds ? Object::tuple(*seconds) : Object::tuple();
}

}  // namespace

Object List::slice(End start, End stop, End step) const { return at(slice_of(start, stop, step)); }
void List::assign_slice(End start, End stop, End step, const Object& items) const {
  set(slice_of(start, stop, step), items);
}
void List::erase_slice(End start, End stop, End step) const {
  (void)call("__delitem__", slice_of(start, stop, step));
}

Object Array::slice(List::End start, List::End stop, List::End step) const {
  const Object elements = at(slice_of(start, stop, step));
  const auto scalars = scalars_in_array(elements);
  return scalars ? list_of_scalars(*scalars) : elements;
}

bool Dict::discard(const Object& key) const {
  try {
    erase(key);
    return true;
  } catch (const OutOfRange&) {  // KeyError
    return false;
  }
}

bool Lock::acquire_until(core::Deadline deadline) const {
  const std::optional<double> seconds = seconds_until(deadline);
  if (!seconds) return bool(call_waiting({}, "acquire", Object::tuple()));
  if (*seconds == 0) return bool(call("acquire", false));
  return bool(call_waiting(*seconds, "acquire", Object::tuple(true, *seconds)));
}

bool Condition::wait_until(core::Deadline deadline) const {
  const std::optional<double> seconds = seconds_until(deadline);
  return bool(call_waiting(seconds, "wait", arguments_of(seconds)));
}
bool Event::wait_until(core::Deadline deadline) const {
  const std::optional<double> seconds = seconds_until(deadline);
  return bool(call_waiting(seconds, "wait", arguments_of(seconds)));
}
std::size_t Barrier::wait_until(core::Deadline deadline) const {
  const std::optional<double> seconds = seconds_until(deadline);
  return call_waiting(seconds, "wait", arguments_of(seconds)).get<std::size_t>();
}

bool Queue::try_put_until(const Object& x, core::Deadline deadline) const {
  const std::optional<double> seconds = seconds_until(deadline);
  try {
    if (!seconds)
      put(x);
    else if (*seconds == 0)
      put_nowait(x);
    else
      put(x, std::chrono::duration<double>(*seconds));
    return true;
  } catch (const Full&) {
    return false;
  }
}
std::optional<Object> Queue::try_get_until(core::Deadline deadline) const {
  const std::optional<double> seconds = seconds_until(deadline);
  try {
    if (!seconds) return get();
    if (*seconds == 0) return get_nowait();
    return get(std::chrono::duration<double>(*seconds));
  } catch (const Empty&) {
    return std::nullopt;
  }
}

Manager Manager::connect(const Address& address, std::string_view authkey,
                         const ClientOptions& options) {
  auto client = std::make_shared<Client>(address, authkey, options);
  (void)client->ask("dummy", Object::tuple(), Object::dict());
  return Manager(std::move(client));
}

Proxy Manager::create_of(std::string_view type, const Object& arguments) const {
  return client_->create(type, arguments, Object::dict());
}

std::size_t Manager::number_of_objects() const {
  return client_->ask("number_of_objects", Object::tuple(), Object::dict()).get<std::size_t>();
}
std::string Manager::debug_info() const {
  return client_->ask("debug_info", Object::tuple(), Object::dict()).get<std::string>();
}
void Manager::shutdown() const { (void)client_->ask("shutdown", Object::tuple(), Object::dict()); }

}  // namespace lagoon::remote
