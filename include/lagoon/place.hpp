#pragma once
/// Where a shared object lives, and what holds on to it there.
///
/// `Place{}` is this process's heap: nameless, inherited by children forked later. `segment["x"]`
/// is the place of that name in a segment: what lies there is found, or made, whichever program
/// comes first; both find it complete.

#include <lagoon/core/participants.hpp>
#include <lagoon/error.hpp>
#include <lagoon/typecode.hpp>

#include <boost/atomic/ipc_atomic.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace lagoon {

class Segment;

namespace detail {

class Mapping;

/// Counts, in this process only, who needs a mapping; the last one unmaps it.
class MappingRef {
 public:
  MappingRef() = default;
  explicit MappingRef(Mapping* m) noexcept : mapping_(m) {}  // adopts one count
  MappingRef(const MappingRef& other) noexcept;
  MappingRef(MappingRef&& other) noexcept : mapping_(std::exchange(other.mapping_, nullptr)) {}
  MappingRef& operator=(MappingRef other) noexcept {
    std::swap(mapping_, other.mapping_);
    return *this;
  }
  ~MappingRef();
  Mapping* operator->() const noexcept { return mapping_; }
  Mapping& operator*() const noexcept { return *mapping_; }
  explicit operator bool() const noexcept { return mapping_ != nullptr; }

 private:
  Mapping* mapping_ = nullptr;
};

}  // namespace detail

class Place {
 public:
  /// In this process's own heap, without a name.
  Place() = default;

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] const detail::MappingRef& mapping() const noexcept { return mapping_; }

 private:
  friend class Segment;
  Place(detail::MappingRef mapping, std::string_view name)
      : mapping_(std::move(mapping)), name_(name) {}

  detail::MappingRef mapping_;
  std::string name_;
};

namespace detail {

struct Block;

/// The name of a lock type, as a stamp records it: a hash, zero for none.
struct LockName {
  std::uint32_t hash = 0;

  static constexpr LockName of(std::string_view name) noexcept {
    std::uint32_t h = 0x811c9dc5;  // FNV-1a
    for (const char c : name) h = (h ^ static_cast<unsigned char>(c)) * 0x01000193;
    return {h};
  }
  constexpr bool operator==(const LockName&) const = default;
  /// Of a lock of this library its name.
  [[nodiscard]] std::string text() const;
};

/// What an object is: compared when it is found by name.
struct Stamp {
  enum class Kind : std::uint8_t {
    value,
    array,
    lock,
    rlock,
    in_place,
    semaphore,
    bounded_semaphore,
    condition,
    event,
    barrier,
    dict,
    list,
    namespace_,
    queue,
    joinable_queue
  };
  /// When asking: for this and no other; for what is of this kind; for whatever is there.
  enum class Asked : std::uint8_t { exactly, of_kind, anything };
  enum class Mode : std::uint8_t { atomic, seqlocked, locked, raw };
  /// What the payload begins with; tells `erase` how to tell those who still have handles.
  enum class Begins : std::uint8_t { otherwise, with_latch, with_owned_word, with_end_bit };

  Kind kind;
  Mode mode;
  Begins begins = Begins::otherwise;
  std::uint8_t copies = 1;  ///< 0 when asking: however many
  ElementType element{};
  std::uint64_t count = 1;  ///< elements, parties, …; any_count when asking
  LockName guard{};         ///< of mode::locked_by: which lock; of a container: what it holds
  Asked asked = Asked::exactly;

  static constexpr std::uint64_t any_count = ~std::uint64_t{0};

  /// Such as "Array<double, seqlocked>[64]".
  [[nodiscard]] std::string text() const;
};

/// To ask for whatever is there.
inline constexpr Stamp anything{.kind = {}, .mode = {}, .asked = Stamp::Asked::anything};

/// Memory of an object, from where the mapping begins.
struct Memory {
  std::uint64_t at = 0;
  std::uint64_t bytes = 0;
};

/// An object as the records of a container in the same memory refer to it.
struct ObjectReference {
  std::uint64_t block = 0;  // where it is from the base on; and one more if it has a name
  std::uint64_t id = 0;

  static constexpr std::uint64_t is_named = 1;
  bool operator==(const ObjectReference&) const = default;
};
/// One on its way into a container.
struct Referred {
  ObjectReference reference;
  const Mapping* memory;  // null: the container's own
};

/// Holds on to one object in shared memory: keeps the mapping, and, for an object without a name,
/// ends it when it goes (in the process that made it; a forked child's copy ends nothing).
class Handle {
 public:
  Handle() = default;
  Handle(MappingRef mapping, Block* block);
  /// Of a block for which Mapping::opened was called already.
  struct IsOpen {};
  Handle(MappingRef mapping, Block* block, IsOpen);
  Handle(Handle&& other) noexcept
      : payload_(std::exchange(other.payload_, nullptr)),
        mapping_(std::move(other.mapping_)),
        block_(std::exchange(other.block_, nullptr)),
        id_(other.id_),
        is_nameless_(other.is_nameless_) {}
  Handle& operator=(Handle&& other) noexcept {
    std::swap(payload_, other.payload_);
    std::swap(mapping_, other.mapping_);
    std::swap(block_, other.block_);
    std::swap(id_, other.id_);
    std::swap(is_nameless_, other.is_nameless_);
    return *this;
  }
  ~Handle() {
    if (block_ != nullptr) release();
  }

  [[nodiscard]] std::byte* payload() const noexcept { return payload_; }
  /// Of the payload, without what add_part() has added.
  [[nodiscard]] std::size_t payload_bytes() const noexcept;
  /// Whether the object was erased.
  [[nodiscard]] bool gone() const noexcept {
    if (block_ == nullptr) return true;
    // A block may be linked and still say `building`: its maker was killed between the two.
    const auto* words = reinterpret_cast<const boost::ipc_atomic<std::uint64_t>*>(block_);
    const std::uint64_t state = words[0].load(boost::memory_order_acquire) & state_mask;
    // What has no name was not erased but let go of, by its maker only.
    const bool is_there = (state | 1) == state_live || (is_nameless_ && state == state_erased);
    return !is_there || words[2].load(boost::memory_order_acquire) != id_;
  }
  // Of a Block (src/layout.hpp), which begins with size and state, builder, id.
  static constexpr std::uint64_t state_mask = 7, state_building = 2, state_live = 3,
                                 state_erased = 4;
  /// Number of elements, from the stamp.
  [[nodiscard]] std::uint64_t count() const noexcept;
  /// In how many copies they are kept, from the stamp.
  [[nodiscard]] unsigned copies() const noexcept;
  /// Such as "'prices' (Array<double, seqlocked>[64]) in segment 'trading'".
  [[nodiscard]] std::string describe() const;
  [[noreturn]] void throw_gone() const;
  [[nodiscard]] core::Participants& participants() const noexcept;
  /// Whether it is attached without the right to write.
  [[nodiscard]] bool is_read_only() const noexcept;
  /// The object gets more memory, zeros, so many bytes or more, which is its own for as long as it
  /// is there; by one at a time. OutOfMemory. Killed in it: the object has it, or nobody has.
  Memory add_part(std::size_t bytes);
  /// What it got last, in whatever process; nothing if it got none.
  [[nodiscard]] Memory newest_part() const;
  /// Another handle to the same object.
  [[nodiscard]] Handle again() const { return Handle(mapping_, block_); }
  [[nodiscard]] const MappingRef& mapping() const noexcept { return mapping_; }
  [[nodiscard]] ObjectReference reference() const noexcept;
  [[nodiscard]] Stamp stamp() const;
  /// Whether others may come to it who have no handle: it has a name, or a container refers to it.
  [[nodiscard]] bool is_findable() const noexcept;
  /// Ends without letting go: the memory is this process's as long as it has it mapped.
  void keep() noexcept { block_ = nullptr; }

 private:
  void release() noexcept;

  std::byte* payload_ = nullptr;
  MappingRef mapping_;
  Block* block_ = nullptr;
  std::uint64_t id_ = 0;  // the block's, while it is this object
  bool is_nameless_ = false;
};

/// Calls without owning or allocating: fill(payload, participants).
class Fill {
 public:
  template <class F>
  requires(!std::is_same_v<std::remove_cvref_t<F>, Fill>) Fill(F&& f)
  noexcept  // NOLINT: converts by design
      : object_(const_cast<void*>(static_cast<const void*>(&f))),
        call_([](void* object, std::byte* payload, core::Participants& table) {
          (*static_cast<std::remove_reference_t<F>*>(object))(payload, table);
        }) {}
  void operator()(std::byte* payload, core::Participants& table) const {
    call_(object_, payload, table);
  }

 private:
  void* object_;
  void (*call_)(void*, std::byte*, core::Participants&);
};

/// The object at `place`: found if it is there, else made of `bytes` zeroed bytes aligned to 64,
/// filled in before anybody else can see it. If `fill` throws, nothing was made.
Handle make_or_find(const Place& place, const Stamp& stamp, std::size_t bytes, Fill fill);
/// The object of that name, if there is one; TypeMismatch if it is something else. `read_only` is
/// whether the caller promises not to write: else a read-only segment throws ReadOnly.
std::optional<Handle> find(const MappingRef& mapping, std::string_view name, const Stamp& stamp,
                           bool read_only);

/// Objects say how they are found: Object::attach(handle) and Object::stamp(any length).
struct Attach {
  template <class Object>
  static std::optional<Object> find(const MappingRef& mapping, std::string_view name) {
    auto handle =
        detail::find(mapping, name, Object::stamp(Stamp::any_count), Object::is_read_only);
    if (!handle) return std::nullopt;
    return Object(std::move(*handle));
  }
  template <class Object>
  static Object make(Handle handle) {
    return Object(std::move(handle));
  }
  template <class Object>
  static const Handle& handle_of(const Object& object) noexcept {
    if constexpr (requires { object.handle_; })
      return object.handle_;
    else
      return handle_of(object.attributes_);
  }
};

template <class T>
consteval void check_shareable() {
  static_assert(std::is_trivially_copyable_v<T>,
                "only trivially copyable types can be shared between processes");
  static_assert(!has_pointers<T>(), "a pointer means nothing in another process");
  static_assert(!std::is_same_v<T, long double>, "long double has no typecode; use double");
}
template <class T>
consteval void check_named() {
  static_assert(Scalar<T> || !type_name<T>.empty(),
                "to live under a name a struct says what it is called: template <> inline "
                "constexpr std::string_view lagoon::type_name<T> = \"T\";");
}

}  // namespace detail

}  // namespace lagoon
