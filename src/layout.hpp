#pragma once
/// What lies in a segment: the header, and the blocks behind it (docs/segment.md).

#include <lagoon/core/owned_word.hpp>
#include <lagoon/core/participants.hpp>
#include <lagoon/place.hpp>

#include <sys/types.h>

#include <boost/atomic/fences.hpp>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace lagoon::detail {

template <class T>
using Atomic = boost::ipc_atomic<T>;

constexpr std::size_t round_up(std::size_t n, std::size_t unit) noexcept {
  return (n + unit - 1) / unit * unit;
}

/// FNV-1a: short names, no need for more.
inline std::uint64_t hash(std::string_view text) noexcept {
  std::uint64_t h = 0xcbf29ce484222325ULL;
  for (const char c : text) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return h;
}

/// A bad name as a message can show it: not too long, and without NULs, which would end it.
inline std::string printable(std::string_view name) {
  std::string text;
  for (const char c : name.substr(0, 300)) text += c == '\0' ? "\\0" : std::string(1, c);
  return text;
}

/// Bytes of the file that processes lock, whatever is in them: who makes a segment in a file that
/// it was given; and forks.
inline constexpr off_t adoption_mark_at = 0;
inline constexpr off_t fork_mark_at = 1;

/// At the beginning of every segment. All positions are offsets from it.
struct alignas(64) Header {
  static constexpr std::uint64_t magic_value = 0x0a6e6f6f67616cULL;  // "lagoon\n"
  static constexpr std::uint64_t magic_begun = 0x3f6e6f6f67616cULL;  // "lagoon?": it is being made
  static constexpr std::uint32_t layout_version_value = 2;
  static constexpr std::size_t bucket_count = 1024;
  static std::uint32_t layout_hash_value() noexcept;

  // Written once, before the segment can be seen.
  Atomic<std::uint64_t> magic;  // last of all
  std::uint32_t layout_version;
  std::uint32_t layout_hash;  // of the sizes and offsets of what lies in a segment
  std::uint64_t reserve;
  std::uint64_t participants;
  std::uint64_t blocks;  // the first one

  // Changed by the owner of the turn only.
  alignas(64) core::OwnedWord turn;
  Atomic<std::uint64_t> committed;
  Atomic<std::uint64_t> epoch;        // counts erasures, and forks of those who have it mapped
  Atomic<std::uint64_t> unlinks;      // before memory that had a name is used again
  Atomic<std::uint64_t> search_from;  // a block at or before the first free one
  Atomic<std::uint64_t> ends;         // how many objects have been erased
  Atomic<std::uint64_t> asked;  // who has not said so yet is asked what it can reach since then
  alignas(64) Atomic<std::uint64_t> buckets[bucket_count];
};

/// In front of every piece of memory, free or not; blocks lie end to end.
struct alignas(64) Block {
  enum State : std::uint64_t {
    free_clean = 0,  ///< never used: all zero after the header
    free_dirty = 1,
    building = 2,  ///< `builder` fills it in
    live = 3,
    erased = 4,  ///< until nobody can have a handle to it
    part = 5,    ///< of an object, for as long as that is there
  };
  static constexpr std::uint64_t state_mask = 7;
  static constexpr std::uint64_t is_ending = ~std::uint64_t{0};  // later than all there will be

  Atomic<std::uint64_t> size_and_state;  // bytes, header included; a multiple of 64
  Atomic<std::uint64_t> builder;
  Atomic<std::uint64_t> id;           // the epoch in which it was made: no other object's
  Atomic<std::uint64_t> ended;        // the epoch in which it was erased, or is_ending
  Atomic<std::uint64_t> next;         // in its bucket; of a part, the one before
  Atomic<std::uint32_t> name_length;  // zero: it has no (whole) name
  std::uint32_t payload_at;           // from the block's beginning
  std::uint64_t payload_bytes;
  // What it is (see Stamp).
  std::uint8_t kind, mode, begins, copies, element_kind, element_align, type_name_length;
  std::uint8_t stored;  // nonzero: containers refer to it, or did; by the turn's owner only
  std::uint32_t element_size;
  std::uint32_t guard;
  std::uint64_t count;
  char type_name[40];
  Atomic<std::uint64_t> parts;  // the newest one; of a part, the id of its object
  // then the name, then from a new line on the payload

  [[nodiscard]] std::uint64_t size() const noexcept {
    return size_and_state.load(boost::memory_order_acquire) & ~state_mask;
  }
  [[nodiscard]] State state() const noexcept {
    return static_cast<State>(size_and_state.load(boost::memory_order_acquire) & state_mask);
  }
  [[nodiscard]] bool is_free() const noexcept { return state() <= free_dirty; }
  void set(std::uint64_t size, State state) noexcept {
    size_and_state.store(size | state, boost::memory_order_release);  // (2) of segment.hpp
  }
  void set(State state) noexcept { set(size(), state); }
  [[nodiscard]] std::byte* payload() noexcept {
    return reinterpret_cast<std::byte*>(this) + payload_at;
  }
  [[nodiscard]] std::string_view name() const noexcept {
    return {reinterpret_cast<const char*>(this + 1), name_length.load(boost::memory_order_acquire)};
  }
  /// Its maker's, without a name for others: the one it has begins with a slash, which no other
  /// does, then the number of the process that made it, and one of its own.
  [[nodiscard]] static std::string nameless(std::uint32_t maker, std::uint64_t number) {
    return "/" + std::to_string(maker) + "." + std::to_string(number);
  }
  [[nodiscard]] bool is_nameless() const noexcept {
    const std::string_view text = name();
    return text.empty() || text.front() == '/';
  }
  /// Of a nameless one in a segment; else zero.
  [[nodiscard]] std::uint32_t maker() const noexcept {
    std::uint32_t number = 0;
    const std::string_view text = name();
    if (text.starts_with('/')) std::from_chars(text.data() + 1, text.data() + text.size(), number);
    return number;
  }
  /// Whether it has no name and belongs to the containers that refer to it, from the first on that
  /// did, instead of to its maker.
  [[nodiscard]] bool is_stored() const noexcept { return stored != 0; }
  /// Whether name and payload lie within it, and the payload has room for what the stamp says.
  [[nodiscard]] bool is_sound() const noexcept;
  [[nodiscard]] Stamp stamp() const;
  void set_stamp(const Stamp& stamp) noexcept;
};
static_assert(sizeof(Block) == 128);
// What Handle::gone looks at.
static_assert(offsetof(Block, size_and_state) == 0 && offsetof(Block, id) == 16 &&
              Block::state_mask == Handle::state_mask && Block::live == Handle::state_live &&
              Block::building == Handle::state_building && Block::erased == Handle::state_erased);

}  // namespace lagoon::detail
