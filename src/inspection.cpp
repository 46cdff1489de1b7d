#include <lagoon/any_container.hpp>
#include <lagoon/barrier.hpp>
#include <lagoon/condition.hpp>
#include <lagoon/container.hpp>
#include <lagoon/core/latch.hpp>
#include <lagoon/dict.hpp>
#include <lagoon/error.hpp>
#include <lagoon/event.hpp>
#include <lagoon/inspection.hpp>
#include <lagoon/list.hpp>
#include <lagoon/lock.hpp>
#include <lagoon/print.hpp>
#include <lagoon/queue.hpp>
#include <lagoon/runtime_type.hpp>
#include <lagoon/semaphore.hpp>
#include <lagoon/shared_object.hpp>
#include <lagoon/slice.hpp>
#include <lagoon/text.hpp>

#include <algorithm>
#include <cstring>
#include <span>

#include "object_bytes.hpp"

namespace lagoon {

using detail::ElementType;
using detail::Handle;
using detail::Stamp;

namespace {

using AnyItems = Dict<detail::RuntimeKey, const detail::RuntimeValue>;
using AnyElements = List<const detail::RuntimeElement>;
using Attributes = Dict<std::string, const Object>;

/// Of the bytes of one element.
Object object_of(const ElementType& element, std::span<const std::byte> bytes) {
  if (element.kind == ElementType::Kind::wide) {
    wchar_t c = 0;
    std::memcpy(&c, bytes.data(), sizeof c);
    return detail::text_or_bytes(detail::text_of_wide({&c, 1}));
  }
  const auto type = detail::RuntimeType::named(element.text());
  if (!type || type->plain_bytes() != bytes.size()) return Object::bytes(bytes);
  Decoder from(bytes);
  return type->decode(from);
}

}  // namespace

Inspection::Inspection(Handle handle) : handle_(std::move(handle)), stamp_(handle_.stamp()) {}

Inspection::Inspection(const Object& shared)
    : Inspection(detail::handle_to_shared(shared, detail::anything, true)) {}

std::optional<Inspection> Inspection::of(const Segment& segment, std::string_view name) {
  if (name.empty()) return std::nullopt;
  auto handle = detail::find(segment.mapping(), name, detail::anything, true);
  if (!handle) return std::nullopt;
  return Inspection(*std::move(handle));
}

void Inspection::throw_has_no(const char* what) const {
  throw TypeMismatch(handle_.describe() + " has no " + what);
}

std::string Inspection::text() const {
  switch (stamp_.kind) {
    case Kind::value: {
      const Object x = value();
      return x.kind() == Object::Kind::str ? x.repr() : x.str();
    }
    case Kind::lock:
      return str(opened<Lock>());
    case Kind::rlock:
      return str(opened<RLock>());
    case Kind::semaphore:
      return str(opened<Semaphore>());
    case Kind::bounded_semaphore:
      return str(opened<BoundedSemaphore>());
    case Kind::condition:
      // Whatever lock it was made with.
      return "<Condition(waiters=" +
             std::to_string(state<detail::ConditionState>().queue.waiting()) + ")>";
    case Kind::event:
      return str(opened<Event>());
    case Kind::barrier:
      return str(opened<Barrier>());
    case Kind::queue:
      return detail::text_of_queue("Queue", opened<AnyQueue>());
    case Kind::joinable_queue:
      return detail::text_of_queue("JoinableQueue", opened<AnyJoinableQueue>());
    case Kind::array:
    case Kind::list:
    case Kind::dict:
    case Kind::namespace_: {
      const std::size_t n = size();
      const char* const type = stamp_.kind == Kind::array  ? "Array"
                               : stamp_.kind == Kind::list ? "List"
                               : stamp_.kind == Kind::dict ? "Dict"
                                                           : "Namespace";
      return std::string("<") + type + "(" + std::to_string(n) +
             (has_items() ? " item" : " element") + (n == 1 ? "" : "s") + ")>";
    }
    case Kind::in_place:
      break;
  }
  return "<" + type() + ">";
}

std::size_t Inspection::size() const {
  switch (stamp_.kind) {
    case Kind::array:
      return stamp_.count;
    case Kind::list:
      return opened<AnyElements>().size();
    case Kind::dict:
      return opened<AnyItems>().size();
    case Kind::namespace_:
      return opened<Attributes>().size();
    case Kind::queue:
    case Kind::joinable_queue:
      return state<core::MessageQueue>().size();
    default:
      return 1;
  }
}

std::vector<std::byte> Inspection::bytes(std::size_t first, std::size_t last) const {
  check_still_there();
  std::vector<std::byte> bytes = detail::bytes_of(handle_, stamp_, first, last);
  core::acquire_fence();
  check_still_there();
  return bytes;
}

Object Inspection::value() const {
  if (!is_value()) throw_has_no("value: it is no Value");
  return object_of(stamp_.element, bytes(0, 1));
}

std::vector<Object> Inspection::elements(Index start, Index stop, std::ptrdiff_t step) const {
  if (!has_elements()) throw_has_no("elements: it is neither an Array nor a List");
  std::vector<Object> elements;
  if (stamp_.kind == Kind::list) {
    const auto list = opened<AnyElements>();
    const auto slice = detail::Slice::of(list.size(), start, stop, step);
    elements.reserve(slice.count);
    for (std::size_t k = 0; k < slice.count; ++k) try {
        elements.push_back(list.at(static_cast<std::ptrdiff_t>(slice.at(k))).object);
      } catch (const OutOfRange&) {  // it has become shorter
        if (step > 0) break;
      }
    return elements;
  }
  const auto slice = detail::Slice::of(stamp_.count, start, stop, step);
  const std::vector<std::byte> bytes = this->bytes(slice.first(), slice.last());
  const std::size_t size = stamp_.element.size;
  elements.reserve(slice.count);
  for (std::size_t k = 0; k < slice.count; ++k)
    elements.push_back(object_of(
        stamp_.element, std::span(bytes).subspan((slice.at(k) - slice.first()) * size, size)));
  return elements;
}

std::vector<Inspection::Item> Inspection::items(std::size_t most) const {
  if (!has_items()) throw_has_no("items: it is neither a Dict nor a Namespace");
  std::vector<Item> items;
  if (stamp_.kind == Kind::namespace_) {
    for (auto&& [name, value] : opened<Attributes>()) {
      if (items.size() == most) break;
      items.emplace_back(Object(name), value);
    }
  } else {
    for (auto&& [key, value] : opened<AnyItems>()) {
      if (items.size() == most) break;
      items.emplace_back(key.object, value.object);
    }
  }
  return items;
}

Object Inspection::at(const Object& key) const {
  if (has_items()) return detail::shared_object(handle_.again()).at(key);
  if (!has_elements()) throw_has_no("elements or items");
  const auto i = key.get<std::ptrdiff_t>();
  const auto found = elements(i, i == -1 ? Index() : Index(i + 1));
  const auto n = static_cast<std::ptrdiff_t>(size());
  if (found.empty() || i >= n || i < -n)
    throw OutOfRange("IndexError: " + handle_.describe() + " has no element " + std::to_string(i) +
                     ": it has " + std::to_string(n));
  return found.front();
}

std::optional<Inspection::Holder> Inspection::holder() const {
  if (stamp_.begins != Stamp::Begins::with_latch && stamp_.begins != Stamp::Begins::with_owned_word)
    return std::nullopt;
  // A latch begins with one too: the turn to write.
  const core::Owner owner = state<core::OwnedWord>().owner();
  if (owner == core::nobody || owner == core::OwnedWord::gone) return std::nullopt;
  const core::Participants& table = handle_.participants();
  const std::uint32_t thread = table.thread_of(owner);
  return Holder{thread, table.is_dead(owner)};
}

bool Inspection::owner_died() const {
  const bool has_another = (stamp_.kind == Kind::value || stamp_.kind == Kind::array) &&
                           stamp_.guard != detail::GuardedBy<RLock>::name &&
                           stamp_.guard != detail::GuardedBy<Lock>::name;
  const bool is_robust = has_lock() && !has_another;
  return is_robust && state<locks::RobustBase>().owner_died();
}

bool Inspection::has_waiters() const {
  check_still_there();
  switch (stamp_.kind) {
    case Kind::queue:
    case Kind::joinable_queue:
      return state<core::MessageQueue>().has_waiters();
    case Kind::condition:
      if (state<detail::ConditionState>().queue.waiting() != 0) return true;
      [[fallthrough]];  // for its lock
    default:
      // What others sleep on is the first word, whose lowest bit says that somebody does.
      return stamp_.begins != Stamp::Begins::otherwise &&
             (state<boost::ipc_atomic<std::uint64_t>>().load(boost::memory_order_relaxed) & 1) != 0;
  }
}

Inspection::Waits Inspection::waits() const {
  check_still_there();
  const std::byte* const begin = handle_.payload();
  return handle_.participants().waits(begin, begin + handle_.payload_bytes());
}

std::optional<std::uint64_t> Inspection::changes() const {
  const auto of_journal = [](const core::Journal& journal) {
    const core::Journal::Moment now = journal.now();
    return now.begun / 2 + (now.has_happened ? 1 : 0);
  };
  switch (stamp_.kind) {
    case Kind::value:
    case Kind::array:
      if (stamp_.begins != Stamp::Begins::with_latch) return std::nullopt;
      return core::public_version(state<core::Latch>().version()) - 1;
    case Kind::list:
      return of_journal(state<core::Sequence>().journal());
    case Kind::dict:
    case Kind::namespace_:
      return of_journal(state<core::Entries>().journal());
    case Kind::queue:
    case Kind::joinable_queue:
      return state<core::MessageQueue>().times_put() + state<core::MessageQueue>().times_taken();
    case Kind::event:
      return state<core::EventWord>().times_set();
    case Kind::barrier:
      return state<core::Parties>().rounds_ended();
    default:
      return std::nullopt;
  }
}

}  // namespace lagoon
