#pragma once
/// A segment as this process has it mapped. Its memory is in mapping.cpp; the objects in it, in
/// mapping_objects.cpp; the file, who can reach what was erased, and the directory have files of
/// their own.

#include <lagoon/core/participants.hpp>
#include <lagoon/place.hpp>
#include <lagoon/segment.hpp>

#include <sys/types.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "directory.hpp"
#include "file.hpp"
#include "reach.hpp"

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
  /// More memory of an object: zeros, where they are from the base on. Of one object by one at a
  /// time.
  Memory add_part(Block* object, std::size_t bytes);
  [[nodiscard]] Memory newest_part(Block* object);
  /// What a record of a container here refers to. Nothing if it had a name and was erased;
  /// StaleReference if it had none and is not there any more.
  [[nodiscard]] std::optional<Handle> open(const ObjectReference& reference);
  /// Another handle to the same object, as what was asked for.
  [[nodiscard]] Handle another(const Handle& handle, const Stamp& asked, bool will_only_read);
  [[nodiscard]] ObjectReference reference_to(const Block* block) const noexcept;
  /// store(), which puts what refers to these objects into a container; none of them ends
  /// meanwhile. Its answer; Gone, or TypeMismatch, if one of them cannot be referred to.
  bool store(std::span<const Referred> referred, const std::function<bool()>& store);
  bool erase(std::string_view name);
  [[nodiscard]] std::vector<Segment::Entry> objects();
  [[nodiscard]] std::size_t used();
  void acknowledge_erased();

  /// A handle of this process begins, and ends. In the process that made it, the end of the last
  /// handle to a nameless object is the object's end.
  void opened(Block* block) { reach_.opened(block); }
  void closed(Block* block, std::uint64_t id) noexcept;

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] bool read_only() const noexcept { return access_ == Access::read_only; }
  [[nodiscard]] std::size_t committed() const noexcept { return directory_.committed(); }
  [[nodiscard]] std::size_t reserve() const noexcept { return reserve_; }
  [[nodiscard]] bool contains(const void* address) const noexcept {
    const auto* byte = static_cast<const std::byte*>(address);
    return byte >= directory_.base() && byte < directory_.base() + reserve_;
  }
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
  /// Another reference; false if the last one has gone already.
  bool take_reference() noexcept;
  /// Its last reference has gone: ends it, or keeps it to be found again.
  static void unused(Mapping* mapping) noexcept;
  static MappingRef found_again(const File& file, Access access);
  static MappingRef adopted_again(const std::byte* memory);
  /// A robust mutex must not be unmapped while its thread lives: the thread's list of them runs
  /// through it.
  [[nodiscard]] bool others_are_enrolled() noexcept;

  void map(std::size_t reserve);
  void unmap() noexcept;
  void take_part_from_now_on();
  void enter();
  void check_and_enter();
  void prefault(std::size_t from, std::size_t bytes) noexcept;

  void commit(std::size_t from, std::size_t bytes) override;
  [[nodiscard]] std::size_t page() const noexcept override { return file_.page(); }
  [[nodiscard]] bool is_reachable(const Block* block) override {
    return reach_.is_reachable(block);
  }
  void sweep_stored() override;
  /// Whether it is a container that refers to objects, or did.
  [[nodiscard]] static bool refers(Block* block);

  [[nodiscard]] Memory memory_of(const Block* part) const noexcept;
  [[nodiscard]] Handle handle_of(Block* block);
  [[nodiscard]] Handle handle_of_found(Block* block, const Stamp& asked);
  /// Without the turn, if is_it() is true while the books of handles stand still.
  template <class F>
  [[nodiscard]] std::optional<Handle> open_if(Block* block, F&& is_it);
  /// The same of what lies under a name, of who may write.
  [[nodiscard]] std::optional<Handle> find(std::string_view name, const Stamp& asked);
  /// This thread is among those who are waited for; or, where there is no place for it, another of
  /// this process.
  void take_part();
  void acknowledge_if_free();
  template <class Begin, class F>
  bool for_each_block(const Begin& begin, const F& f);
  /// An object, by its id: where it lay there may be another one by now.
  struct Dropped {
    Block* block;
    std::uint64_t id;
    [[nodiscard]] bool is(Block::State state) const noexcept {
      return block->state() == state && block->id.load(boost::memory_order_relaxed) == id;
    }
  };
  void drop(const Dropped& object);

  Directory directory_{*this};
  File file_;
  std::size_t reserve_ = 0;
  Access access_;
  Lifetime lifetime_;
  pid_t pid_;  // whose heap it is
  std::string name_;
  SegmentOptions options_;
  Reach reach_;
  std::atomic<std::uint32_t> references_{1};
  bool takes_part_ = false;       // may have enrolled: a whole segment is mapped
  bool kept_ = false;             // unused, but threads are enrolled; under the process-wide mutex
  std::vector<Dropped> dropped_;  // nameless, perhaps not yet free; with the turn
};

template <class F>
std::optional<Handle> Mapping::open_if(Block* block, F&& is_it) {
  if (!read_only()) take_part();
  const Reach::Opened opened = reach_.open_if(block, is_it);
  if (opened == Reach::Opened::no) return std::nullopt;
  references_.fetch_add(1, std::memory_order_relaxed);
  Handle handle(MappingRef(this), block, Handle::IsOpen{});
  if (opened == Reach::Opened::yes_and_asked) acknowledge_if_free();
  return handle;
}

}  // namespace lagoon::detail
