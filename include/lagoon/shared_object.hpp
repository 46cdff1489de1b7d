#pragma once
/// Containers within containers: an Object that refers to one, of Kind::shared.
///
///   Dict<> dict{segment["d"]};
///   List<> list{segment.nameless()};          or manager.list()
///   dict["a"] = list;                         refers to it: no copy
///   dict["a"].append(1);   list.size();       1: changed in place, by whoever
///   List<> same{dict["a"]};                   another handle to it
///   dict["a"]["k"] = 2;                       of a Dict; at any depth
///
/// Dict, List, Namespace, Queue, JoinableQueue, typed or not, Shared<T>, and locks, semaphores,
/// conditions, events and barriers become Objects by reference, where a copy() of a container
/// becomes a list or dict of the application's own: dict["door"] = lock; Lock{dict["door"]}. What
/// is in a
/// typed one is reached as well, dict["a"][0], as Objects, if any_container.hpp knows its type;
/// else (TypeMismatch), and faster, when it is opened as what it is, `List<double>{dict["a"]}`.
/// Objects that refer to the same are equal; they are no keys. What refers to a container goes into
/// another one of the same memory only (TypeMismatch): of one segment, one Manager, one process's
/// heap. Into itself too.
///
/// Ownership: one without a name belongs, once it is in a container, to all that refer to it,
/// directly or not, beside the handles to it: whatever becomes of who made it. When none is left
/// its memory is used again: it is found when more memory is needed, before the segment grows.
/// Until then each process must have said that it has no handle to what was let go; who has one
/// says nothing, and keeps all that was let go since. (Of a heap: until the children that were
/// forked before have ended.) One with a name is there until it is erased; who refers to it then
/// gets Gone.
///
/// Each step of `dict["a"]["b"] = x` happens at one time for everyone; all of them do not: if
/// others replace dict["a"] meanwhile, x is in what was there.
///
/// Progress: to open one (each step does) takes a mutex of this process's own for a moment; no
/// other process is waited for. To put one in takes the turn of the segment's directory.
/// A crash leaves each operation done or not.
///
/// Memory: some 5.5 KB for an empty one. A process is waited for as long as one of its threads
/// lives that was in the segment; a handle that outlives them all may be Gone.
///
/// They go through no Queue, and are no arguments of a Pool's tasks (TypeMismatch).
///
/// In a segment that was opened to read only, what is let go is not kept for its readers: they may
/// find Gone.

#include <lagoon/object.hpp>
#include <lagoon/place.hpp>
#include <lagoon/shared.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace lagoon::detail {

/// What an Object of Kind::shared holds that refers to an object of this library's.
class SharedObject : public Object::Handle {
 public:
  /// Empty, if it was erased.
  [[nodiscard]] virtual const detail::Handle& handle() const noexcept = 0;
  [[nodiscard]] const ObjectReference& reference() const noexcept { return reference_; }

  [[nodiscard]] std::string_view type_name() const noexcept override;
  [[nodiscard]] std::string repr() const override;
  [[nodiscard]] bool equals(const Object::Handle& other) const override;
  [[nodiscard]] std::size_t hash() const override;

 protected:
  explicit SharedObject(const ObjectReference& reference) noexcept : reference_(reference) {}
  /// As what a Manager makes it.
  [[nodiscard]] virtual std::string_view type_id() const noexcept;
  /// What it refers to, to be changed: ReadOnly in a segment that was opened to read only.
  template <class T>
  T& writable(T& container) const {
    if (handle().is_read_only()) throw_read_only();
    return container;
  }

 private:
  [[noreturn]] void throw_read_only() const;
  ObjectReference reference_;
};

/// One that refers to it.
[[nodiscard]] Object shared_object(detail::Handle handle);
/// One that refers to what a reference in this memory does; or to what has gone. StaleReference.
[[nodiscard]] Object shared_object(const MappingRef& memory, const ObjectReference& reference);
/// A handle to what it refers to. TypeMismatch if that is something else, or nothing; Gone.
[[nodiscard]] detail::Handle handle_to_shared(const Object& o, const Stamp& asked, bool read_only);

template <class T>
struct ObjectOfShared {
  static Object into(const T& x) {
    const Handle& handle = Attach::handle_of(x);
    if (handle.payload() == nullptr) throw_moved_from();
    return shared_object(handle.again());
  }
  static T out_of(const Object& o) {
    return Attach::make<T>(handle_to_shared(o, T::stamp(Stamp::any_count), T::is_read_only));
  }
};

}  // namespace lagoon::detail
