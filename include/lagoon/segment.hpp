#pragma once
/// Shared memory that grows and outlives any of its users' deaths: a directory of named objects
/// and the memory they lie in.
///
/// A `Segment` is a named one: a file in /dev/shm that any program may open. Beside those, every
/// process has a heap: nameless, inherited by the children it forks, gone with the last of them.
///
/// What it looks like:
///
///   header | participants | block | block | … | block        then address space, not yet memory
///   ‹—————————————————— committed ——————————————————›‹————— up to `reserve` —————›
///
/// Blocks lie end to end; each begins with its size and state in one word, so the chain of blocks
/// is the only book that is kept: what is free is what says so. Splitting, joining, growing and
/// freeing are one store each. Names are found through buckets of linked blocks.
///
/// Directory and allocation change under one turn (core/owned_word.hpp), which is taken over from
/// a dead owner; an object's contents are filled in outside it. Each store that publishes, and
/// what a SIGKILL right after it leaves:
///   (1) committed   after fallocate and the new free block's header. Before: the file is larger
///                   than is known, the next growth commits the same bytes again.
///   (2) size|state  of the block that is split off, joined or freed. Its new neighbour's header
///                   was written first, inside memory that was free.
///   (3) state = building, with the builder's Owner stored before. Killed while it fills the
///                   block: whoever sweeps sees a dead builder, and frees it.
///   (4) bucket head: the name exists, with its contents. State = live follows; who takes the turn
///                   over finds a linked block of a dead builder and makes it live.
///   (5) unlink: the name is gone. State = erased follows; who takes the turn over finds a live
///                   block with a name that is not linked and makes it erased. Then those with
///                   handles are told; what was not told is by the next sweep.
///   (6) an object's newest part: the object has more memory. State = part follows; who takes the
///                   turn over finds that a dead builder's block is one. Parts whose object is not
///                   there any more are free.
///
/// The name of the file appears (linkat) only when all this is in place. Memory is committed by
/// fallocate before it is handed out: a full /dev/shm is OutOfMemory at the call, never SIGBUS.
///
/// An erased object's memory is used again once no process that was attached when it was erased
/// can still reach it: each has ended, or has since opened, made or erased something here and
/// holds no handle to anything erased. Until then handles to it do not dangle.
///
/// Limits: an attached process counts as present as long as one of its threads that wrote here
/// lives. A child killed inside fork() keeps erased memory from being used again as long as its
/// parent lives, in adopted memory and where /proc/self/fd cannot be opened (elsewhere: until it is
/// dead). Objects per segment: any number; finding one takes a walk along a bucket (of 1,024).

#include <lagoon/place.hpp>
#include <lagoon/shared.hpp>

#include <sys/types.h>

#include <concepts>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lagoon {

/// How a segment is made, and which are opened.
struct SegmentOptions {
  /// Address space set aside: how far the segment can grow, in bytes. Costs no memory, but counts
  /// for `ulimit -v` and mlockall. The creator decides; those who open it take it from there.
  std::size_t reserve = std::size_t{4} << 30;
  /// Access rights of the file.
  mode_t mode = 0600;
  /// Touch every page of what is committed, now and at each growth, so that no page fault comes
  /// later.
  bool prefault = false;
  /// Ask for huge pages (needs shmem_enabled=advise or a hugetlbfs `directory`).
  bool huge_pages = false;
  /// Open a file that belongs to another user than this process's (or root).
  bool any_owner = false;
  /// Threads that may write at the same time, 1 to 16,383. 192 bytes each; in memory that is
  /// adopted no more than take a quarter of it.
  std::size_t participants = 4096;
  /// Where the file lies: a tmpfs or hugetlbfs.
  std::string directory = "/dev/shm";
};

class Segment {
 public:
  /// As `Segment::Options{.reserve = …}`.
  using Options = SegmentOptions;

  /// Makes a segment. A name has 1 to 250 characters, none of them a slash, and is not "." or
  /// "..": InvalidArgument, as of options that cannot be. AlreadyExists if the name is taken.
  /// SystemError without permission or memory.
  static Segment create(std::string_view name, const Options& options = {});
  /// Opens one that is there. NotFound; LayoutMismatch for a file that is no segment; SystemError
  /// without permission.
  static Segment open(std::string_view name, const Options& options = {});
  /// Whichever program comes first makes it; the others find it complete.
  static Segment open_or_create(std::string_view name, const Options& options = {});
  /// Attaches without write permission: nothing is stored. Its objects are asked for as
  /// `Value<const T>` and `Array<const T>`.
  static Segment open_read_only(std::string_view name, const Options& options = {});
  /// Whether there is one, of this version or another, that this process may read.
  [[nodiscard]] static bool exists(std::string_view name, const Options& options = {});
  /// The names of all those, in alphabetical order. SystemError if the directory cannot be read.
  [[nodiscard]] static std::vector<std::string> list(const Options& options = {});
  /// Removes the name. Those who have it open keep it. False if there was none.
  static bool remove(std::string_view name, const Options& options = {});

  /// A segment in a file that the application brings (memfd, hugetlbfs, …): attached if it holds
  /// one, made if it is empty or all zero; LayoutMismatch if there is something else. The
  /// descriptor is duplicated.
  static Segment adopt(int fd, const Options& options = {});
  /// A segment in memory that the application has mapped, shared and aligned to 64 bytes: attached
  /// if it holds one, made if it is all zero (LayoutMismatch if its head is not). It does not grow
  /// and is not unmapped. Whoever makes it must have done so before others adopt it. Adopted again
  /// it is the same; but at a second address of one process it has books of its own: what was
  /// opened there is not known here, so nothing should be erased by one who has it twice.
  static Segment adopt(std::span<std::byte> memory, const Options& options = {});

  /// The place of that name in this segment.
  [[nodiscard]] Place operator[](std::string_view name) const;
  /// Where an object has no name: it is this process's, and its children's that it forks later, and
  /// goes when this process has no handle to it any more, or has died.
  [[nodiscard]] Place nameless() const;
  /// What lies under that name, of whatever length, or nothing. TypeMismatch if it is something
  /// else. Makes nothing.
  template <class Object>
  [[nodiscard]] std::optional<Object> find(std::string_view name) const;
  /// The T under that name, made by T(*this, args...), or as `Shared<T>` (shared.hpp) makes it, if
  /// it is not there: for structs of Cells, to be used in place. The reference is good while this
  /// segment is open. T needs a `type_name`.
  template <class T, class... Args>
  T& construct(std::string_view name, Args&&... args) const;
  /// Ends the named object: the name is free again, handles to it throw Gone (those of scalars and
  /// of atomic and raw arrays only say so: `gone()`; references from `construct` do not). False if
  /// there was none. Whoever is writing, or has its lock, is let finish: for others Gone comes when
  /// it has. If the eraser is killed half-way, Gone comes with the next erase (of anything) or
  /// attachment.
  bool erase(std::string_view name) const;
  /// The T that `construct` made under that name, or null. To be read only, through a read-only
  /// segment too.
  template <class T>
  [[nodiscard]] const T* find_constructed(std::string_view name) const;
  /// Lets the memory of what others have erased be used again, as far as this process is concerned
  /// and has no handle to it, and looks for what containers have let go of. Opening, making,
  /// looking for and erasing objects do so by themselves: this is for processes that do none of
  /// these for a long time while they have handles to more than fifteen objects. (One with fewer
  /// keeps nothing but these.)
  void acknowledge_erased() const;

  /// One of its objects.
  struct Entry {
    std::string name;
    std::string type;   ///< such as "Array<double, seqlocked>[64]"
    std::size_t bytes;  ///< of memory that it takes
  };
  /// What it holds, in no order. Waits for nobody who was stopped. A read-only attachment begins
  /// anew while others make and erase: of thousands of objects that may take long.
  [[nodiscard]] std::vector<Entry> objects() const;

  [[nodiscard]] const std::string& name() const noexcept;
  /// Whether it was opened by open_read_only.
  [[nodiscard]] bool read_only() const noexcept;
  /// Bytes of memory it has now.
  [[nodiscard]] std::size_t size() const noexcept;
  /// How far it can grow.
  [[nodiscard]] std::size_t capacity() const noexcept;
  /// How many of its bytes are in use.
  [[nodiscard]] std::size_t used() const;

  [[nodiscard]] const detail::MappingRef& mapping() const noexcept { return mapping_; }

 private:
  explicit Segment(detail::MappingRef mapping) noexcept : mapping_(std::move(mapping)) {}
  detail::MappingRef mapping_;
};

/// Options of this process's heap, to be set before its first object is made; UsageError after.
void configure_heap(const SegmentOptions& options);

namespace detail {

/// The table of those who take part in a segment, for objects that are laid out in place.
core::Participants& participants_of(const Segment& segment);

}  // namespace detail

template <class Object>
std::optional<Object> Segment::find(std::string_view name) const {
  return detail::Attach::find<Object>(mapping_, name);
}

template <class T, class... Args>
T& Segment::construct(std::string_view name, Args&&... args) const {
  static_assert(!type_name<T>.empty(),
                "to live under a name a struct says what it is called: template <> inline "
                "constexpr std::string_view lagoon::type_name<T> = \"T\";");
  static_assert(std::is_trivially_destructible_v<T>, "nobody runs destructors in shared memory");
  detail::Handle handle = detail::make_or_find(
      (*this)[name], Shared<T>::stamp(), sizeof(T),
      [&](std::byte* payload, core::Participants& table) {
        if constexpr (std::constructible_from<T, const Segment&, Args...>)
          new (payload) T(*this, std::forward<Args>(args)...);
        else
          detail::construct_in_place<T>(payload, table, std::forward<Args>(args)...);
      });
  handle.keep();  // the reference may be used after the object is erased
  return *reinterpret_cast<T*>(handle.payload());
}

template <class T>
const T* Segment::find_constructed(std::string_view name) const {
  auto handle = detail::find(mapping_, name, Shared<T>::stamp(), true);
  if (!handle) return nullptr;
  handle->keep();  // as in construct
  return reinterpret_cast<const T*>(handle->payload());
}

}  // namespace lagoon
