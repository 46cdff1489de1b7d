#pragma once
/// A segment as this process has it mapped: who in this process uses what of it.

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

#include "directory.hpp"

namespace lagoon::detail {

class Mapping final : private Directory::Ground {
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

  /// The books of who in this process holds what. In the process that made it, the end of the last
  /// handle to a nameless object is the object's end.
  void opened(Block* block);
  void closed(Block* block) noexcept;
  /// Another reference to this mapping; false if the last one has gone already.
  bool take_reference() noexcept;

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] bool read_only() const noexcept { return access_ == Access::read_only; }
  [[nodiscard]] std::size_t committed() const noexcept { return directory_.committed(); }
  [[nodiscard]] std::size_t reserve() const noexcept { return reserve_; }
  [[nodiscard]] core::Participants& participants() const noexcept {
    return directory_.participants();
  }
  [[nodiscard]] std::string describe() const override;

 private:
  friend class MappingRef;
  friend struct ForkHandlers;

  Mapping(int fd, Access access, Lifetime lifetime, std::string name,
          const SegmentOptions& options);
  ~Mapping();
  static void register_fork_handlers();
  void map(std::size_t reserve);
  void unmap() noexcept;
  void join();

  void commit(std::size_t from, std::size_t bytes) override;
  void prefault(std::size_t from, std::size_t bytes) noexcept;
  [[nodiscard]] bool has_descriptor() const noexcept;
  [[nodiscard]] int mark_fork() const noexcept;
  [[nodiscard]] bool fork_under_way() const noexcept;
  [[nodiscard]] bool is_among_the_living(const Block* block);
  [[nodiscard]] std::size_t page() const noexcept override { return page_; }
  [[nodiscard]] bool is_reachable(const Block* block) override;
  void swept() noexcept override;
  void acknowledge();
  void drop(Block* block);
  void notify_those_with_handles(Block* block);
  [[nodiscard]] Handle handle_of(Block* block);

  Directory directory_{*this};
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
  bool takes_part_ = false;                  // may have enrolled: a whole segment is mapped
  std::uint64_t since_ = 0;                  // this process's stamp among the participants
  int forking_mark_ = -1;                    // see mark_fork, between the two halves of a fork
  core::Owner forking_ = 0;                  // the parent's, where there is no such mark
  std::uint64_t forking_since_ = 0;          // and what will be the child's stamp
  std::map<Block*, std::uint32_t> handles_;  // of this process, under the process-wide mutex
  std::vector<Block*> dropped_;              // heap: erased, not yet free
};

}  // namespace lagoon::detail
