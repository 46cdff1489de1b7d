#pragma once
/// `Manager`: Python's, without a server: it makes the objects that processes share, and they reach
/// them at memory speed.
///
///   Manager manager;                              its own memory, for children forked later
///   Manager manager{"trading"};                   the segment of that name: found, or made
///   auto dict = manager.dict();                   a Dict<>, without a name
///   auto prices = manager.dict<std::string, double>("prices");
///   auto hits = manager.value("hits", 0);
///   Manager::register_type<Book>("Book", {{"buy", &Book::buy}});    one of the application's
///   manager.create("Book", "gold").call("buy", 7);
///
/// With a name an object is found if it is there, made if it is not, and lives until `erase`, or as
/// long as the manager's memory: that of a manager without a name until the last process that has
/// it ends. Without a name it is this process's, for its children, and goes with its handle.
///
/// What is made is what the constructor with that place makes (`Dict<>(place)`), with its errors.

#include <lagoon/array.hpp>
#include <lagoon/barrier.hpp>
#include <lagoon/condition.hpp>
#include <lagoon/dict.hpp>
#include <lagoon/event.hpp>
#include <lagoon/list.hpp>
#include <lagoon/lock.hpp>
#include <lagoon/namespace.hpp>
#include <lagoon/pool.hpp>
#include <lagoon/queue.hpp>
#include <lagoon/registered_type.hpp>
#include <lagoon/segment.hpp>
#include <lagoon/semaphore.hpp>
#include <lagoon/value.hpp>

#include <concepts>
#include <initializer_list>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace lagoon {

class Manager {
 public:
  /// Of memory without a name. SystemError if there is none.
  Manager();
  explicit Manager(std::string_view name, const SegmentOptions& options = {})
      : segment_(Segment::open_or_create(name, options)) {}
  explicit Manager(Segment segment) noexcept : segment_(std::move(segment)) {}

  /// A T of that name, made by T(place, args...): any type that has a place, and by `Shared<T>` a
  /// struct of the application's. An empty name is none.
  template <class T, class... Args>
  [[nodiscard]] T make(std::string_view name, Args&&... args) const {
    return T(place(name), std::forward<Args>(args)...);
  }

  template <class K = Object, class V = Object>
  [[nodiscard]] Dict<K, V> dict(std::string_view name = {}) const {
    return make<Dict<K, V>>(name);
  }
  template <class T = Object>
  [[nodiscard]] List<T> list(std::string_view name = {}) const {
    return make<List<T>>(name);
  }
  [[nodiscard]] Namespace namespace_(std::string_view name = {}) const {
    return make<Namespace>(name);
  }
  template <class T, class Mode = detail::DefaultValueMode<T>>
  [[nodiscard]] Value<T, Mode> value(const T& initial) const {
    return make<Value<T, Mode>>({}, initial);
  }
  template <class T, class Mode = detail::DefaultValueMode<T>>
  [[nodiscard]] Value<T, Mode> value(std::string_view name, const T& initial) const {
    return make<Value<T, Mode>>(name, initial);
  }
  /// Of so many zeros, or of the elements of a range.
  template <class T, class Mode = mode::seqlocked, class Elements>
  requires(!std::convertible_to<Elements, std::string_view>)  //
      [[nodiscard]] Array<T, Mode> array(Elements&& elements) const {
    return make<Array<T, Mode>>({}, std::forward<Elements>(elements));
  }
  template <class T, class Mode = mode::seqlocked, class Elements>
  [[nodiscard]] Array<T, Mode> array(std::string_view name, Elements&& elements) const {
    return make<Array<T, Mode>>(name, std::forward<Elements>(elements));
  }
  [[nodiscard]] Lock lock(std::string_view name = {}) const { return make<Lock>(name); }
  [[nodiscard]] RLock rlock(std::string_view name = {}) const { return make<RLock>(name); }
  [[nodiscard]] Semaphore semaphore(long long permits = 1) const { return semaphore({}, permits); }
  [[nodiscard]] Semaphore semaphore(std::string_view name, long long permits = 1) const {
    return make<Semaphore>(name, permits);
  }
  [[nodiscard]] BoundedSemaphore bounded_semaphore(long long permits = 1) const {
    return bounded_semaphore({}, permits);
  }
  [[nodiscard]] BoundedSemaphore bounded_semaphore(std::string_view name,
                                                   long long permits = 1) const {
    return make<BoundedSemaphore>(name, permits);
  }
  [[nodiscard]] Condition condition(std::string_view name = {}) const {
    return make<Condition>(name);
  }
  [[nodiscard]] Event event(std::string_view name = {}) const { return make<Event>(name); }
  [[nodiscard]] Barrier barrier(long long parties) const { return barrier({}, parties); }
  [[nodiscard]] Barrier barrier(std::string_view name, long long parties) const {
    return make<Barrier>(name, parties);
  }
  template <Encodable T = Object>
  [[nodiscard]] Queue<T> queue(long long maxsize = 0) const {
    return queue<T>({}, maxsize);
  }
  template <Encodable T = Object>
  [[nodiscard]] Queue<T> queue(std::string_view name, long long maxsize = 0) const {
    return make<Queue<T>>(name, maxsize);
  }
  template <Encodable T = Object>
  [[nodiscard]] JoinableQueue<T> joinable_queue(long long maxsize = 0) const {
    return joinable_queue<T>({}, maxsize);
  }
  template <Encodable T = Object>
  [[nodiscard]] JoinableQueue<T> joinable_queue(std::string_view name,
                                                long long maxsize = 0) const {
    return make<JoinableQueue<T>>(name, maxsize);
  }

  /// From here on this program knows T, which is made of Args, as `id`, and these of its methods:
  /// in all Managers, and in the Objects that refer to one (registered_type.hpp).
  template <class T, class... Args>
  static void register_type(std::string_view id, std::initializer_list<Method<T>> methods) {
    detail::register_type<T, Args...>(id, methods);
  }
  /// One of a registered type, of that name, or without one; made of the arguments. NotFound if
  /// there is no such type; TypeMismatch if they are not what it is made of.
  template <class... A>
  requires(std::convertible_to<A, Object>&&...)  //
      [[nodiscard]] Object
      create(std::string_view id, std::string_view name = {}, A&&... arguments) const {
    const std::vector<Object> given = detail::collected(std::forward<A>(arguments)...);
    return detail::make_registered(id, place(name), given);
  }

  /// A Pool of so many processes, which have what this one has when it is made. It lies in this
  /// process's heap, whatever the manager's memory, and has no name.
  [[nodiscard]] Pool pool() const { return Pool(); }
  [[nodiscard]] Pool pool(int processes) const { return Pool(processes); }
  [[nodiscard]] Pool pool(const PoolOptions& options) const { return Pool(options); }

  /// The object of that name, or nothing; TypeMismatch if it is something else.
  template <class T>
  [[nodiscard]] std::optional<T> find(std::string_view name) const {
    return segment_.find<T>(name);
  }
  /// See Segment::erase.
  bool erase(std::string_view name) const { return segment_.erase(name); }
  /// What it holds under names, in no order.
  [[nodiscard]] std::vector<Segment::Entry> objects() const { return segment_.objects(); }
  /// Where that lies.
  [[nodiscard]] const Segment& segment() const noexcept { return segment_; }

 private:
  [[nodiscard]] Place place(std::string_view name) const {
    return name.empty() ? segment_.nameless() : segment_[name];
  }

  Segment segment_;
};

}  // namespace lagoon
