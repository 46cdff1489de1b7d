#include <lagoon/any_container.hpp>
#include <lagoon/barrier.hpp>
#include <lagoon/condition.hpp>
#include <lagoon/container.hpp>
#include <lagoon/core/latch.hpp>
#include <lagoon/error.hpp>
#include <lagoon/event.hpp>
#include <lagoon/lock.hpp>
#include <lagoon/namespace.hpp>
#include <lagoon/queue.hpp>
#include <lagoon/segment_copy.hpp>
#include <lagoon/semaphore.hpp>
#include <lagoon/shared_object.hpp>

#include <algorithm>
#include <exception>
#include <map>
#include <optional>
#include <utility>

#include "object_bytes.hpp"
#include "raw_container.hpp"

namespace lagoon {

namespace {

using detail::Attach;
using detail::Handle;
using detail::Stamp;

class Copier {
 public:
  Copier(const Segment& from, const Segment& to, std::chrono::nanoseconds lock_timeout)
      : from_(from), to_(to), lock_timeout_(lock_timeout) {}

  std::vector<NotCopied> run() {
    for (const auto& entry : from_.objects())
      if (auto handle = detail::find(from_.mapping(), entry.name, detail::anything, true)) {
        if (handle->gone()) continue;  // and its number may be another's
        const Key key = key_of(*handle);
        if (names_.emplace(key, entry.name).second)
          named_.push_back({entry.name, key, *std::move(handle)});
      }
    std::sort(named_.begin(), named_.end(),
              [](const Named& a, const Named& b) { return a.name < b.name; });
    for (const Named& named : named_) {
      current_ = named.name;
      (void)copy_of(named.handle, named.key);
      fill_all();
    }
    return std::move(not_copied_);
  }

 private:
  using Key = std::pair<std::uint64_t, std::uint64_t>;
  struct Named {
    std::string name;
    Key key;
    Handle handle;
  };
  /// A container that is made, and has nothing in it yet.
  struct Empty {
    Handle source;
    Stamp stamp;
    Handle copy;
  };

  static Key key_of(const Handle& handle) {
    const detail::ObjectReference reference = handle.reference();
    return {reference.block, reference.id};
  }
  /// Of one without a name, that of the one that led to it.
  [[nodiscard]] const std::string& name_of(const Key& key) const {
    const auto named = names_.find(key);
    return named == names_.end() ? current_ : named->second;
  }

  /// What refers to its copy, which is made if it is not there yet; None if it cannot be.
  Object copy_of(const Handle& source, const Key& key) {
    const auto [known, is_new] = copies_.try_emplace(key);
    if (!is_new) return known->second;
    const auto named = names_.find(key);
    const bool has_name = named != names_.end();
    if (has_name && detail::find(to_.mapping(), named->second, detail::anything, true))
      throw AlreadyExists("there is an object '" + named->second + "' where it is to be copied to");
    try {
      const Stamp stamp = source.stamp();
      if (source.gone()) source.throw_gone();  // and that may be another's
      make_copy(source, stamp, has_name ? to_[named->second] : to_.nameless(), known->second);
      return known->second;
    } catch (const AlreadyExists&) {
      throw;
    } catch (const OutOfMemory&) {
      throw;
    } catch (const Gone&) {  // erased meanwhile
    } catch (const std::exception& error) {
      not_copied_.push_back({name_of(key), error.what()});
    }
    if (has_name) to_.erase(named->second);
    return known->second = Object();
  }

  /// What the containers hold that were made, and those that are made meanwhile: one after the
  /// other, however deep they lie within each other.
  void fill_all() {
    while (!empty_.empty()) {
      Empty next = std::move(empty_.back());
      empty_.pop_back();
      const Key key = key_of(next.source);
      try {
        if (next.stamp.kind == Stamp::Kind::list)
          fill<core::Sequence>(next);
        else
          fill<core::Entries>(next);
      } catch (const OutOfMemory&) {
        throw;
      } catch (const std::exception& error) {
        not_copied_.push_back({name_of(key), std::string("what is in it: ") + error.what()});
      }
    }
  }

  void make_copy(const Handle& source, const Stamp& stamp, const Place& place, Object& made) {
    switch (stamp.kind) {
      case Stamp::Kind::value:
      case Stamp::Kind::array:
        made =
            detail::shared_object(detail::make_of_bytes(place, stamp, elements_of(source, stamp)));
        return;
      case Stamp::Kind::dict:
      case Stamp::Kind::namespace_:
        return make_container<core::Entries>(source, stamp, place, made);
      case Stamp::Kind::list:
        return make_container<core::Sequence>(source, stamp, place, made);
      case Stamp::Kind::queue:
      case Stamp::Kind::joinable_queue:
        return make_queue(source, stamp, place, made);
      case Stamp::Kind::lock:
        made = Lock(place);
        return;
      case Stamp::Kind::rlock:
        made = RLock(place);
        return;
      case Stamp::Kind::semaphore:
        made = Semaphore(place, Attach::make<Semaphore>(source.again()).get_value());
        return;
      case Stamp::Kind::bounded_semaphore:
        made = BoundedSemaphore(place, static_cast<long long>(stamp.count));
        return;
      case Stamp::Kind::event: {
        Event event(place);
        if (Attach::make<Event>(source.again()).is_set()) event.set();
        made = event;
        return;
      }
      case Stamp::Kind::barrier:
        made = Barrier(place, static_cast<long long>(stamp.count));
        return;
      case Stamp::Kind::condition:
        return make_condition(source, place, made);
      case Stamp::Kind::in_place:
        break;
    }
    throw TypeMismatch("it is a " + stamp.text() +
                       ", about which only programs know that have that type");
  }

  void make_condition(const Handle& source, const Place& place, Object& made) {
    const auto& state = *reinterpret_cast<const detail::ConditionState*>(source.payload());
    const std::uint32_t waiters = state.queue.places();
    if (state.lock_at == 0) {
      made = Condition(place, waiters);
      return;
    }
    const std::byte* const at = source.payload() + state.lock_at;
    for (const Named& named : named_) {
      if (named.handle.payload() != at) continue;
      const Object lock = copy_of(named.handle, named.key);
      if (named.handle.stamp().kind == Stamp::Kind::lock) {
        Lock copy{lock};
        made = Condition(place, copy, waiters);
        return;
      }
      if (named.handle.stamp().kind == Stamp::Kind::rlock) {
        RLock copy{lock};
        made = Condition(place, copy, waiters);
        return;
      }
    }
    throw TypeMismatch("it is a Condition with a lock that is no Lock or RLock with a name");
  }

  std::vector<std::byte> elements_of(const Handle& source, const Stamp& stamp) const {
    if (stamp.mode == Stamp::Mode::locked && from_.read_only())
      throw ReadOnly(
          "it lies behind a lock, which cannot be taken in a segment that was opened to read only");
    std::vector<std::byte> bytes = detail::bytes_with_lock(source, stamp, lock_timeout_);
    core::acquire_fence();
    if (source.gone()) source.throw_gone();  // and that may be another's
    return bytes;
  }

  template <class State>
  void make_container(const Handle& source, const Stamp& stamp, const Place& place, Object& made) {
    using Container = detail::ContainerState<State>;
    const bool is_known =
        stamp.kind == Stamp::Kind::namespace_ || detail::RuntimeContents::is_known(stamp);
    if (!is_known && reinterpret_cast<const Container*>(source.payload())->has_references())
      throw TypeMismatch("it is a " + stamp.text() +
                         " and refers to objects, and only programs know what it holds that have "
                         "its types");
    Handle copy = detail::make_or_find(
        place, stamp, sizeof(Container),
        [](std::byte* payload, core::Participants& table) { new (payload) Container(table); });
    made = detail::shared_object(copy.again());
    empty_.push_back({source.again(), stamp, std::move(copy)});
  }

  template <class State>
  void fill(Empty& container) {
    if (const auto records = detail::RawContainer<State>(container.source.again()).records())
      detail::RawContainer<State>(std::move(container.copy)).fill(*records);
    else
      copy_objects_in(container.source, container.stamp, std::move(container.copy));
  }

  /// Of what refers to others: as Objects.
  void copy_objects_in(const Handle& source, const Stamp& stamp, Handle copy) {
    if (stamp.kind == Stamp::Kind::namespace_) {
      auto to = Attach::make<Namespace>(std::move(copy));
      for (const auto& [name, value] : Attach::make<Namespace>(source.again()).items())
        to.set(name, with_copies(value));
    } else if (stamp.kind == Stamp::Kind::dict) {
      auto to = Attach::make<AnyDict>(std::move(copy));
      for (const auto& [key, value] : Attach::make<AnyDict>(source.again()).items())
        to.set(key, with_copies(value));
    } else {
      auto to = Attach::make<AnyList>(std::move(copy));
      for (const Object& x : Attach::make<AnyList>(source.again()).slice())
        to.append(with_copies(x));
    }
  }

  /// The same, with copies in the place of what it refers to, at any depth.
  Object with_copies(const Object& x) {
    switch (x.kind()) {
      case Object::Kind::shared:
        return copy_of_shared(x);
      case Object::Kind::list:
      case Object::Kind::tuple: {
        std::vector<Object> items;
        for (const Object& item : x.elements()) items.push_back(with_copies(item));
        return x.kind() == Object::Kind::list ? Object::list_of(items) : Object::tuple_of(items);
      }
      case Object::Kind::dict: {
        Object dict = Object::dict();
        for (const auto& [key, value] : x.items()) dict.set_item(key, with_copies(value));
        return dict;
      }
      case Object::Kind::opaque: {
        std::vector<Object> children;
        for (const Object& child : x.elements()) children.push_back(with_copies(child));
        return Object::opaque(std::string(x.opaque_kind()), std::string(x.opaque_bytes()),
                              std::move(children));
      }
      default:
        return x;
    }
  }

  Object copy_of_shared(const Object& x) {
    try {
      const Handle handle = detail::handle_to_shared(x, detail::anything, true);
      return copy_of(handle, key_of(handle));
    } catch (const Gone&) {  // it refers to what was erased
      not_copied_.push_back({current_, "it refers to an object that was erased"});
      return {};
    }
  }

  void make_queue(const Handle& source, const Stamp& stamp, const Place& place, Object& made) {
    detail::RawQueue from(source.again());
    const core::MessageQueue::Shape shape = from.shape();
    const auto messages = from.messages();
    Handle copy = detail::make_or_find(place, stamp, core::MessageQueue::bytes_for(shape),
                                       [&](std::byte* payload, core::Participants& table) {
                                         new (payload) core::MessageQueue(
                                             table, detail::base_of(table), shape);
                                       });
    made = detail::shared_object(copy.again());
    detail::RawQueue to(std::move(copy));
    std::size_t left = messages.size();
    for (const auto& [position, message] : messages) {
      if (!to.put(message)) break;
      --left;
    }
    if (left != 0)
      not_copied_.push_back(
          {name_of(key_of(source)),
           std::to_string(left) +
               " of its messages: there are tasks in "
               "somebody's hands, and with these there are more than it may have"});
  }

  const Segment& from_;
  const Segment& to_;
  std::chrono::nanoseconds lock_timeout_;
  std::vector<Named> named_;
  std::map<Key, std::string> names_;
  std::map<Key, Object> copies_;
  std::vector<Empty> empty_;
  std::string current_;
  std::vector<NotCopied> not_copied_;
};

}  // namespace

std::vector<NotCopied> copy_objects(const Segment& from, const Segment& to,
                                    std::chrono::nanoseconds lock_timeout) {
  return Copier(from, to, lock_timeout).run();
}

}  // namespace lagoon
