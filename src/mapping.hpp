#pragma once
/// A segment as this process has it mapped, and the layout of what lies in it.

#include <lagoon/core/owned_word.hpp>
#include <lagoon/core/participants.hpp>
#include <lagoon/place.hpp>
#include <lagoon/segment.hpp>

#include <sys/types.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace lagoon::detail {

template <class T>
using Shared = boost::ipc_atomic<T>;

/// At the beginning of every segment. All positions are offsets from it.
struct alignas(64) Header {
  static constexpr std::uint64_t magic_value = 0x0a6e6f6f67616cULL;  // "lagoon\n"
  static constexpr std::uint32_t layout_version_value = 1;
  static constexpr std::size_t bucket_count = 1024;
  static std::uint32_t layout_hash_value() noexcept;

  // Written once, before the segment can be seen.
  Shared<std::uint64_t> magic;  // last of all
  std::uint32_t layout_version;
  std::uint32_t layout_hash;  // of the sizes and offsets of what lies in a segment
  std::uint64_t reserve;
  std::uint64_t participants;
  std::uint64_t blocks;  // the first one

  // Changed by the owner of the turn only.
  alignas(64) core::OwnedWord turn;
  Shared<std::uint64_t> committed;
  Shared<std::uint64_t> epoch;        // counts erasures, and forks of those who have it mapped
  Shared<std::uint64_t> unlinks;      // before memory that had a name is used again
  Shared<std::uint64_t> search_from;  // a block at or before the first free one
  alignas(64) Shared<std::uint64_t> buckets[bucket_count];
};

/// In front of every piece of memory, free or not; blocks lie end to end.
struct alignas(64) Block {
  enum State : std::uint64_t {
    free_clean = 0,  ///< never used: all zero after the header
    free_dirty = 1,
    building = 2,  ///< `builder` fills it in
    live = 3,
    erased = 4,  ///< until nobody can have a handle to it
  };
  static constexpr std::uint64_t state_mask = 7;

  Shared<std::uint64_t> size_and_state;  // bytes, header included; a multiple of 64
  Shared<std::uint64_t> builder;
  Shared<std::uint64_t> id;           // the epoch in which it was made: no other object's
  Shared<std::uint64_t> ended;        // the epoch in which it was erased
  Shared<std::uint64_t> next;         // in its bucket
  Shared<std::uint32_t> name_length;  // zero: it has no (whole) name
  std::uint32_t payload_at;           // from the block's beginning
  std::uint64_t payload_bytes;
  // What it is (see Stamp).
  std::uint8_t kind, mode, begins, copies, element_kind, element_align, type_name_length, unused;
  std::uint32_t element_size;
  std::uint32_t unused2;
  std::uint64_t count;
  char type_name[40];
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
  [[nodiscard]] Stamp stamp() const;
  void set_stamp(const Stamp& stamp) noexcept;
};
static_assert(sizeof(Block) == 128);

class Mapping {
 public:
  enum class Access : std::uint8_t { read_write, read_only };
  enum class Lifetime : std::uint8_t { named, heap, adopted_memory };

  /// Maps what lies behind `fd`, which it takes over, and checks it; or makes it there.
  static MappingRef attach(int fd, Access access, std::string name, const SegmentOptions& options);
  static MappingRef make(int fd, Lifetime lifetime, std::string name,
                         const SegmentOptions& options);
  static MappingRef adopt(std::span<std::byte> memory, const SegmentOptions& options);
  /// The heap of this process; made at the first call in it.
  static MappingRef heap();
  static void configure_heap(const SegmentOptions& options);

  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  Handle make_or_find(std::string_view name, const Stamp& stamp, std::size_t bytes, Fill fill);
  std::optional<Handle> find(std::string_view name, const Stamp& stamp, bool will_only_read);
  bool erase(std::string_view name);
  [[nodiscard]] std::vector<Segment::Entry> objects();
  [[nodiscard]] std::size_t used();

  /// Process-local books of who holds what.
  void opened(Block* block);
  void closed(Block* block) noexcept;

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] bool read_only() const noexcept { return access_ == Access::read_only; }
  [[nodiscard]] std::size_t committed() const noexcept {
    return header().committed.load(boost::memory_order_acquire);
  }
  [[nodiscard]] std::size_t reserve() const noexcept { return reserve_; }
  [[nodiscard]] core::Participants& participants() const noexcept {
    return *reinterpret_cast<core::Participants*>(base_ + header().participants);
  }
  /// "segment 'trading'" or "the heap".
  [[nodiscard]] std::string describe() const;

 private:
  friend class MappingRef;
  friend struct ForkHandlers;
  class Turn;

  Mapping(int fd, Access access, Lifetime lifetime, std::string name,
          const SegmentOptions& options);
  void notify_those_with_handles(Block* block);
  ~Mapping();
  void map(std::size_t reserve);
  void format(std::size_t committed);
  void check_header(std::size_t available) const;
  void join();
  static void register_fork_handlers();
  bool take_reference() noexcept;

  // All of these only with the turn.
  struct Fresh {
    Block* block;
    bool clean;  // its payload is all zero
  };
  Fresh allocate(std::size_t bytes, std::string_view name, core::Owner me);
  std::optional<Fresh> take_from_free(std::size_t need, core::Owner me);
  void join_with_free_neighbours(Block* block) const;
  Fresh carve(Block* block, std::size_t need, core::Owner me);
  void grow(std::size_t need);
  void commit(std::size_t from, std::size_t bytes);
  void link(Block* block, std::string_view name);
  void unlink(Block* block);
  void set_free(Block* block) noexcept;
  void sweep();
  void acknowledge();
  void drop(Block* block);
  [[nodiscard]] bool is_linked(const Block* block) const;
  [[nodiscard]] std::uint64_t next_epoch() noexcept {
    return header().epoch.fetch_add(1, boost::memory_order_acq_rel) + 1;
  }
  [[nodiscard]] bool is_reachable(const Block* block);

  [[nodiscard]] Block* lookup(std::string_view name) const;
  [[nodiscard]] Block* lookup_read_only(std::string_view name) const;
  template <class F>
  void for_each_block(F&& f) const;
  [[noreturn]] void throw_corrupt(std::uint64_t offset) const;
  void check_stamp(const Block* block, const Stamp& stamp) const;
  void check_name(std::string_view name) const;

  [[nodiscard]] Header& header() const noexcept { return *reinterpret_cast<Header*>(base_); }
  [[nodiscard]] Block* at(std::uint64_t offset) const noexcept {
    return reinterpret_cast<Block*>(base_ + offset);
  }
  [[nodiscard]] Block* checked_at(std::uint64_t offset) const;
  [[nodiscard]] std::uint64_t offset_of(const Block* block) const noexcept {
    return static_cast<std::uint64_t>(reinterpret_cast<const std::byte*>(block) - base_);
  }
  [[nodiscard]] Shared<std::uint64_t>& bucket(std::string_view name) const noexcept;

  std::byte* base_ = nullptr;
  std::size_t reserve_ = 0;
  int fd_;
  Access access_;
  Lifetime lifetime_;
  pid_t pid_;  // whose heap it is
  std::string name_;
  SegmentOptions options_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
  std::size_t page_ = 4096;
  std::atomic<std::uint32_t> references_{1};
  std::uint64_t since_ = 0;                  // this process's stamp among the participants
  core::Owner forking_ = 0;                  // the parent's, between the two halves of a fork
  std::uint64_t forking_since_ = 0;          // and what will be the child's stamp
  std::map<Block*, std::uint32_t> handles_;  // of this process, under the process-wide mutex
  std::vector<Block*> dropped_;              // heap: erased, not yet free
};

}  // namespace lagoon::detail
