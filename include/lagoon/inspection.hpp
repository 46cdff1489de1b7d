#pragma once
/// `Inspection`: what an object holds, who has it and who waits, for who looks from outside: a
/// tool, a board, a test. Of each type, which need not be known beforehand.
///
///   const auto segment = Segment::open_read_only("market");
///   for (const auto& [name, type, bytes] : segment.objects())
///     if (const auto seen = Inspection::of(segment, name)) std::cout << seen->text() << '\n';
///
/// It takes no lock and no turn, and stores nothing in a segment that was opened to read only (in
/// one that was opened to write, what any handle does: that this process has the object). So nobody
/// who works with the object is held up, and who was stopped or killed at work holds up nobody
/// here. What it says is of a moment that is over, and of several things it says of
/// several moments:
///   of one element, value or item what it was at some time while this looked;
///   of an Array by seqlock all that elements() was asked for at one moment; of other Arrays, and
///   of a List and a Dict, each at its own. What is behind a lock is read without it: a writer that
///   holds it may be half-way.
///
/// The values are Objects: numbers, bools, strs and bytes; of a container's elements what
/// any_container.hpp knows. Structs, enums and what an application has called by a name of its own
/// are bytes, of a Value and an Array; in a container, TypeMismatch.
///
/// Of what was erased each of these says Gone.
///
/// Progress: lock-free; elements() of an Array by seqlock is tried again when writers have
/// overtaken it.

#include <lagoon/core/participants.hpp>
#include <lagoon/object.hpp>
#include <lagoon/place.hpp>
#include <lagoon/segment.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lagoon {

class Inspection {
  using Index = std::optional<std::ptrdiff_t>;
  using Kind = detail::Stamp::Kind;

 public:
  using Item = std::pair<Object, Object>;  ///< key and value
  /// Who has it.
  struct Holder {
    std::uint32_t thread;  ///< the kernel's id of it, in its own pid namespace
    bool is_dead;          ///< whoever comes next takes over from it
  };

  /// How others have waited for it: how often, and which threads do now.
  using Waits = core::Participants::Waits;
  /// One of these threads.
  using Waiter = core::Participants::Waiter;

  /// Of the object of that name; nothing if there is none.
  [[nodiscard]] static std::optional<Inspection> of(const Segment& segment, std::string_view name);
  /// Of what an Object refers to. TypeMismatch if it refers to nothing; Gone.
  explicit Inspection(const Object& shared);

  /// Such as "Array<double, seqlocked>[64]".
  [[nodiscard]] std::string type() const { return stamp_.text(); }
  /// Whether it was erased.
  [[nodiscard]] bool gone() const noexcept { return handle_.gone(); }
  /// In one line, as Python would print it: a Value's value, "<Lock(held)>"; of what holds many how
  /// many, "<List(3 elements)>".
  [[nodiscard]] std::string text() const;

  /// Whether it has one value: a Value.
  [[nodiscard]] bool is_value() const noexcept { return stamp_.kind == Kind::value; }
  /// Whether it has elements, by an index: an Array, a List.
  [[nodiscard]] bool has_elements() const noexcept {
    return stamp_.kind == Kind::array || stamp_.kind == Kind::list;
  }
  /// Whether it has items, by a key: a Dict, a Namespace.
  [[nodiscard]] bool has_items() const noexcept {
    return stamp_.kind == Kind::dict || stamp_.kind == Kind::namespace_;
  }
  /// How many elements, items or messages. Of what has none, 1.
  [[nodiscard]] std::size_t size() const;
  /// Of a Value. TypeMismatch of anything else.
  [[nodiscard]] Object value() const;
  /// Python's x[start:stop:step]. TypeMismatch of what has none.
  [[nodiscard]] std::vector<Object> elements(Index start = {}, Index stop = {},
                                             std::ptrdiff_t step = 1) const;
  /// In their order, so many at most. TypeMismatch of what has none.
  [[nodiscard]] std::vector<Item> items(std::size_t most = ~std::size_t{0}) const;
  /// What lies under a key, or at an index. KeyError, IndexError (OutOfRange); TypeMismatch.
  [[nodiscard]] Object at(const Object& key) const;

  /// Whether it is or has a lock: what that guards may be half-done while somebody has it.
  [[nodiscard]] bool has_lock() const noexcept {
    return stamp_.kind == Kind::lock || stamp_.kind == Kind::rlock ||
           stamp_.kind == Kind::condition || stamp_.mode == detail::Stamp::Mode::locked;
  }
  /// Who has it: of a lock its owner; of what is changed by turns, whoever changes it now.
  [[nodiscard]] std::optional<Holder> holder() const;
  /// Of a lock, or what lies behind one: whether an owner of it died, and nobody has said since,
  /// by mark_consistent(), that what it guards is in order.
  [[nodiscard]] bool owner_died() const;
  /// Whether somebody sleeps until he has it, or until there is something in it.
  [[nodiscard]] bool has_waiters() const;
  /// How often somebody waited until another gave it back: a lock, a permit, a turn to change; how
  /// often who read a struct's Value, or an Array by seqlock, was overtaken by writers and read
  /// again (of threads that have made a handle or changed something in this memory); who waits now.
  /// To be looked at twice: the difference is what happened between, or less, since a thread counts
  /// seven things at a time, and an eighth takes the place of one of them; the numbers themselves
  /// may be those of what lay in the same memory before. Of locks of other kinds
  /// (mode::locked_by), none. Only who waits pays for it.
  [[nodiscard]] Waits waits() const;
  /// How often it was changed since it was made: a number that grows by one with each write, with
  /// each message that is put or got, and each event that is set (of a container also when it makes
  /// itself room); nothing of what does not count that: scalars, and what is behind a lock, are not
  /// slowed down for it.
  [[nodiscard]] std::optional<std::uint64_t> changes() const;

 private:
  explicit Inspection(detail::Handle handle);
  /// Nobody waits for a reader that may not write: its memory may become another's at any time.
  void check_still_there() const {
    if (gone()) handle_.throw_gone();
  }
  template <class State>
  [[nodiscard]] const State& state() const {
    check_still_there();
    return *reinterpret_cast<const State*>(handle_.payload());
  }
  template <class T>
  [[nodiscard]] T opened() const {
    check_still_there();
    return detail::Attach::make<T>(handle_.again());
  }
  /// Of elements [first, last) of a Value or an Array.
  [[nodiscard]] std::vector<std::byte> bytes(std::size_t first, std::size_t last) const;
  [[noreturn]] void throw_has_no(const char* what) const;

  detail::Handle handle_;
  detail::Stamp stamp_;
};

}  // namespace lagoon
