#pragma once
/// The memory of what is in a queue: pages, each filled by one who puts, from its beginning to its
/// end, and used again as a whole when all that was put in it has been taken.
///
/// Nobody frees anything. A page says of itself up to which position it was filled; all that was
/// taken is before the queue's head. So a page is free when nobody who lives fills it and its
/// `last` is behind the head: whoever needs one finds that out by looking. What a process leaves
/// that was killed, anywhere, is such a page.
///
/// A page is of 4 KiB, or, for one large thing, of the next power of two; those of one size are in
/// a list, through which all who look for one go round, since they become free in the order in
/// which they were filled.
///
/// Invariant: only a page's owner writes to it. `last` is behind each position at which the owner
/// has tried to put what lies in it.
///
/// Every store that publishes, and what a SIGKILL right after it leaves
///   (1) owner:  CAS nobody, or a dead one → me. Killed: a dead owner; the next one takes it over.
///   (2) last:   before each try to put. Killed before that one succeeded: it may be that nobody
///               has put there yet. Who takes over lowers it to the queue's tail: what the dead one
///               has put is before that.
///   (3) free:   plain store of nobody. What was put in it is found by `last`.
///   (4) added:  one store to the list's beginning. Killed before: the layer above finds the
///               memory, and that it is in no list.
///
/// Memory orders: (3) is release and (1) acquire: who takes it knows `last`, all that the one
/// before did; of the dead, is_dead acquires. (4) is release and its load (5) acquire: who goes
/// through the list finds pages there; who is led on by another's cursor, by the fence (6). Who
/// writes in a page has seen, by acquire, that all in it was taken (ring.hpp), so nobody reads
/// there any more who will succeed; of those who will not, who reads of the new sees that it is too
/// late: fence (6), which pairs with one of the reader's.
///
/// Progress: lock-free; looking takes one look at each page in the worst case, which is before
/// there are more. Memory: 64 bytes for each page; of a page for one large thing up to a half is
/// unused. Limits: 128 GiB.

#include <lagoon/core/participants.hpp>

#include <array>
#include <boost/atomic/fences.hpp>
#include <boost/atomic/ipc_atomic.hpp>
#include <cstddef>
#include <cstdint>

namespace lagoon::core {

struct alignas(64) Page {
  boost::ipc_atomic<Owner> owner;
  boost::ipc_atomic<std::uint64_t> last;  // behind the last position that may be of this page
  boost::ipc_atomic<std::uint32_t> next;  // of its size; zero: none
  boost::ipc_atomic<std::uint32_t> size;  // 4 KiB times 2^size, with this
  // The owner's own, which nobody relies on:
  boost::ipc_atomic<std::uint32_t> used;  // bytes
  boost::ipc_atomic<std::uint32_t> unused;
  boost::ipc_atomic<std::uint64_t> head;  // the queue's has been seen there
};

class Pages {
 public:
  /// What is put begins at multiples of it.
  static constexpr std::size_t unit = 32;
  static constexpr std::size_t smallest = 4096;
  static constexpr unsigned sizes = 26;

  explicit Pages(const std::byte* base) noexcept
      : at_(static_cast<std::uint64_t>(reinterpret_cast<const std::byte*>(this) - base)) {}
  Pages(const Pages&) = delete;
  Pages& operator=(const Pages&) = delete;

  /// The smallest size of page in which so many bytes have room; `sizes` if there is none.
  static constexpr unsigned size_for(std::size_t bytes) noexcept {
    unsigned size = 0;
    while (size < sizes && room_of(size) < bytes) ++size;
    return size;
  }
  static constexpr std::size_t bytes_of(unsigned size) noexcept { return smallest << size; }
  static constexpr std::size_t room_of(unsigned size) noexcept {
    return bytes_of(size) - sizeof(Page);
  }

  /// The caller's page, if it is known where that is; it may be full.
  [[nodiscard]] Page* mine(Owner me) const noexcept {
    const std::uint32_t at = hint(me).load(relaxed);
    if (at == 0) return nullptr;
    Page* const page = this->page(at);
    return page->owner.load(relaxed) == me ? page : nullptr;
  }
  static bool has_room(const Page& page, std::size_t bytes) noexcept {
    return room_of(page.size.load(relaxed)) - page.used.load(relaxed) >= bytes;
  }
  /// One of that size for the caller, if there is one for which is_free(page) holds. `tail` is the
  /// queue's, as it is when somebody has died.
  template <class Tail, class IsFree>
  [[nodiscard]] Page* take(const Participants& table, Owner me, unsigned size, std::size_t bytes,
                           Tail&& tail, IsFree&& is_free) noexcept;
  /// The caller's, in which nothing is left.
  static void begin_anew(Page& page) noexcept {
    page.used.store(0, relaxed);
    boost::atomic_thread_fence(boost::memory_order_release);  // (6)
  }
  /// What the caller has no more use for. What it has put there stays.
  static void let_go(Page& page) noexcept {
    page.owner.store(nobody, boost::memory_order_release);  // (3)
  }

  /// Where the next thing begins in a page, in units of the memory.
  [[nodiscard]] std::uint32_t next_in(const Page& page) const noexcept {
    return unit_of(page) +
           static_cast<std::uint32_t>((sizeof(Page) + page.used.load(relaxed)) / unit);
  }
  [[nodiscard]] std::byte* at(std::uint32_t at) const noexcept {
    return const_cast<std::byte*>(reinterpret_cast<const std::byte*>(this)) - at_ +
           std::uint64_t{at} * unit;
  }
  [[nodiscard]] Page* page(std::uint32_t at) const noexcept {
    return reinterpret_cast<Page*>(this->at(at));
  }
  [[nodiscard]] std::uint32_t unit_of(const Page& page) const noexcept {
    return static_cast<std::uint32_t>(
        static_cast<std::size_t>(reinterpret_cast<const std::byte*>(&page) - at(0)) / unit);
  }

  /// So much memory, from `offset` on, as pages of that size. One at a time.
  void add(std::uint64_t offset, std::uint64_t bytes, unsigned size) noexcept;
  /// Where the newest of that size begins; zero if there are none.
  [[nodiscard]] std::uint64_t newest(unsigned size) const noexcept {
    return std::uint64_t{first_[size].load(relaxed)} * unit;
  }
  /// In all pages of that size.
  [[nodiscard]] std::uint64_t bytes_in(unsigned size) const noexcept {
    return bytes_[size].load(relaxed);
  }
  /// Memory that was handed in ends before.
  [[nodiscard]] std::uint64_t reach() const noexcept { return reach_.load(relaxed); }
  /// Whether this, at rest, has pages in so many bytes of memory only.
  [[nodiscard]] bool is_sound(const std::byte* base, std::uint64_t bytes) const noexcept;

 private:
  static constexpr auto relaxed = boost::memory_order_relaxed;
  using Word = boost::ipc_atomic<std::uint32_t>;
  static constexpr std::size_t hints = 128;

  [[nodiscard]] Word& hint(Owner owner) noexcept { return hints_[(owner >> 2) % hints]; }
  [[nodiscard]] const Word& hint(Owner owner) const noexcept {
    return hints_[(owner >> 2) % hints];
  }
  /// Makes it the caller's, empty, if it may be.
  template <class Tail, class IsFree>
  bool take_over(const Participants& table, Owner me, Page& page, Tail& tail,
                 IsFree& is_free) noexcept;

  const std::uint64_t at_;
  boost::ipc_atomic<std::uint64_t> reach_{0};
  std::array<Word, sizes> first_{};
  std::array<boost::ipc_atomic<std::uint64_t>, sizes> bytes_{};
  std::array<Word, hints> hints_{};  // by owner: its page
  alignas(64) std::array<Word, sizes> cursors_{};
};

template <class Tail, class IsFree>
bool Pages::take_over(const Participants& table, Owner me, Page& page, Tail& tail,
                      IsFree& is_free) noexcept {
  Owner owner = page.owner.load(relaxed);
  const bool is_mine = owner == me;
  const bool from_dead = owner != nobody && !is_mine && table.is_dead(owner);
  if (owner != nobody && !is_mine && !from_dead) return false;
  if (!from_dead && !is_free(page)) return false;
  if (!is_mine && !page.owner.compare_exchange_strong(owner, me, boost::memory_order_acquire,
                                                      relaxed))  // (1)
    return false;
  if (from_dead) {
    const std::uint64_t end = tail();
    if (page.last.load(relaxed) > end) page.last.store(end, relaxed);
  }
  if (!is_free(page)) {  // it was another's in between, or a dead one's
    let_go(page);
    return false;
  }
  begin_anew(page);
  return true;
}

template <class Tail, class IsFree>
Page* Pages::take(const Participants& table, Owner me, unsigned size, std::size_t bytes,
                  Tail&& tail, IsFree&& is_free) noexcept {
  // In this order: where it begins is in the list.
  std::uint32_t at = cursors_[size].load(boost::memory_order_acquire);  // (5)
  const std::uint32_t first = first_[size].load(boost::memory_order_acquire);
  if (first == 0) return nullptr;
  if (at == 0) at = first;
  const std::uint32_t begun = at;
  do {
    Page& page = *this->page(at);
    at = page.next.load(relaxed);
    if (at == 0) at = first;
    const bool is_mine = page.owner.load(relaxed) == me;
    if (is_mine && has_room(page, bytes) && size == 0) {
      // Its owner has lost sight of it.
    } else if (take_over(table, me, page, tail, is_free)) {
      cursors_[size].store(at, relaxed);  // after the fence (6)
    } else {
      if (is_mine && page.owner.load(relaxed) == me) let_go(page);
      continue;
    }
    if (size == 0) hint(me).store(unit_of(page), relaxed);
    return &page;
  } while (at != begun);
  return nullptr;
}

}  // namespace lagoon::core
