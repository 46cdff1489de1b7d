#pragma once
/// The directory of names and the chain of blocks of one segment, wherever it is mapped.
///
/// Whoever changes them has the turn (`Directory::Turn`), and every change is one store; what a
/// SIGKILL between two of them leaves is at the head of lagoon/segment.hpp and in docs/segment.md.
/// Reading without the turn is for those who cannot write, and for those who do not wait for one
/// who was stopped with it: `lookup_read_only`, `for_each_block_read_only`.

#include <lagoon/error.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "layout.hpp"

namespace lagoon::detail {

class Directory {
 public:
  /// What it asks of the one who mapped it.
  struct Ground {
    /// Such as "segment 'trading'".
    [[nodiscard]] virtual std::string describe() const = 0;
    /// Makes memory of these bytes behind the end; OutOfMemory if there is none. Again and again
    /// for the same bytes, if somebody died in between.
    virtual void commit(std::size_t from, std::size_t bytes) = 0;
    /// In what units it does so.
    [[nodiscard]] virtual std::size_t page() const noexcept = 0;
    /// Whether anyone who lives may have a handle to this erased object.
    [[nodiscard]] virtual bool is_reachable(const Block* block) = 0;
    /// With the turn: frees those of the stored objects that no container refers to any more.
    virtual void sweep_stored() = 0;

   protected:
    ~Ground() = default;
  };

  explicit Directory(Ground& ground) noexcept : ground_(ground) {}
  void set_base(std::byte* base) noexcept { base_ = base; }
  [[nodiscard]] std::byte* base() const noexcept { return base_; }

  /// Lays out a segment in zeroed memory that nobody else can see yet.
  void format(std::size_t committed, std::size_t reserve, std::size_t capacity);

  // What lay at rest may be damaged: each of these is LayoutMismatch if it cannot be so
  // (directory_check.cpp).

  /// The header, of `available` bytes: before anything else is looked at.
  void check_header(std::size_t available) const;
  /// The table of participants, before this process enrols, and the word of the turn.
  void check_participants() const;
  /// With the turn: the chain, what its blocks say of themselves, and the buckets.
  void check_blocks() const;
  /// Whether who only reads this object, at any time, is led nowhere else: of a sound block.
  [[nodiscard]] bool is_readable(const Block* block) const noexcept;

  [[nodiscard]] Header& header() const noexcept { return *reinterpret_cast<Header*>(base_); }
  [[nodiscard]] core::Participants& participants() const noexcept {
    return *reinterpret_cast<core::Participants*>(base_ + header().participants);
  }
  [[nodiscard]] std::size_t committed() const noexcept {
    return header().committed.load(boost::memory_order_acquire);
  }
  [[nodiscard]] std::uint64_t next_epoch() noexcept {
    return header().epoch.fetch_add(1, boost::memory_order_acq_rel) + 1;
  }

  /// The turn to change it. Who takes it over from a dead owner mends what that one left.
  class Turn {
   public:
    explicit Turn(Directory& directory, core::Deadline until = core::Deadline::never());
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    ~Turn();
    /// Not if it was too late.
    explicit operator bool() const noexcept { return has_; }
    [[nodiscard]] core::Owner me() const noexcept { return me_; }

   private:
    Directory& directory_;
    core::Owner me_;
    bool has_ = false;
    core::ForkMark fork_;
  };

  // ---- With the turn -------------------------------------------------------------------------

  struct Fresh {
    Block* block;
    bool clean;  // its payload is all zero
  };
  /// A block that is `building` for `me`, with room for `bytes` and its name written, not linked.
  Fresh allocate(std::size_t bytes, std::string_view name, core::Owner me);
  void link(Block* block, std::string_view name);
  void unlink(Block* block);
  [[nodiscard]] bool is_linked(const Block* block) const;
  /// Nobody finds it any more; who has a handle to it is not told yet.
  void end(Block* block);
  /// A block that was allocated becomes the newest part of an object.
  void link_part(Block* object, Block* block);
  [[nodiscard]] Block* newest_part(const Block* object) const {
    const std::uint64_t offset = object->parts.load(boost::memory_order_relaxed);
    return offset == 0 ? nullptr : checked_at(offset);
  }
  /// With its parts.
  void set_free(Block* block);
  /// Without them: sweep_parts() has to follow.
  void set_free_alone(Block* block) noexcept;
  void sweep_parts();
  /// Frees what the dead were building and what is erased and out of everybody's reach, and tells
  /// those who have handles to what is erased, should its eraser not have come to it. Waits for
  /// nobody.
  void sweep();
  /// What a reference leads to, or null if there is no such object any more.
  [[nodiscard]] Block* find(const ObjectReference& reference) const noexcept;
  /// From here on those who have handles to this erased object throw Gone; not if a living writer,
  /// or holder, is at work until then. Never waits with a deadline of now: with the turn, another
  /// is impossible, since a writer at work may be waiting for that.
  void tell_gone(Block* block, core::Deadline until);
  [[nodiscard]] Block* lookup(std::string_view name) const;

  // ---- Without it ----------------------------------------------------------------------------

  [[nodiscard]] Block* lookup_read_only(std::string_view name) const;
  /// Where it is from the base on.
  [[nodiscard]] std::uint64_t offset_of(const Block* block) const noexcept {
    return static_cast<std::uint64_t>(reinterpret_cast<const std::byte*>(block) - base_);
  }
  /// Does not change while no block is freed: what was linked at the first look is what it was.
  [[nodiscard]] std::uint64_t unlinks() const noexcept {
    boost::atomic_thread_fence(boost::memory_order_acquire);
    return header().unlinks.load(boost::memory_order_acquire);
  }
  /// f(block, how many bytes there are from it on), of a chain that others may be changing: false
  /// if they have, and it may have been anything. `tries` counts the times that it was damaged, as
  /// it seemed, and that nobody was seen to change it.
  template <class F>
  [[nodiscard]] bool for_each_block_read_only(unsigned& tries, F&& f) const {
    const std::uint64_t freed = unlinks();
    const std::uint64_t made = header().epoch.load(boost::memory_order_acquire);
    const auto is_still = [&] {
      return unlinks() == freed && header().epoch.load(boost::memory_order_relaxed) == made;
    };
    try {
      for_each_block([&](Block* b) { f(b, committed() - offset_of(b)); });
    } catch (const LayoutMismatch&) {
      if (is_still() && ++tries == 1000) throw;  // no chance meeting
      return false;
    }
    return is_still();
  }
  /// InvalidArgument for a bad name; TypeMismatch if `block` is something else than was asked for.
  void check_name(std::string_view name) const;
  void check_stamp(const Block* block, const Stamp& asked) const;
  /// The same; and LayoutMismatch if whoever uses it would be led elsewhere.
  void check_found(const Block* block, const Stamp& asked) const;
  template <class F>
  void for_each_block(F&& f) const {
    const std::uint64_t end = committed();
    for (std::uint64_t offset = header().blocks; offset < end;) {
      Block* b = checked_at(offset);
      offset += b->size();
      f(b);
    }
  }

 private:
  std::optional<Fresh> take_from_free(std::size_t need, core::Owner me);
  void join_with_free_neighbours(Block* block) const;
  Fresh carve(Block* block, std::size_t need, core::Owner me);
  void grow(std::size_t need);
  void mend();
  void end_nameless_of_the_dead();
  void set_erased(Block* block);
  [[nodiscard]] bool is_linked_part(const Block* block) const;

  [[nodiscard]] Block* at(std::uint64_t offset) const noexcept {
    return reinterpret_cast<Block*>(base_ + offset);
  }
  [[nodiscard]] Block* checked_at(std::uint64_t offset) const;
  [[nodiscard]] Atomic<std::uint64_t>& bucket(std::string_view name) const noexcept;
  [[noreturn]] void throw_corrupt(std::uint64_t offset) const;

  std::byte* base_ = nullptr;
  Ground& ground_;
};

}  // namespace lagoon::detail
