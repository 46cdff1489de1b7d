#pragma once
/// What the containers have in common: a state in shared memory that changes by turns, memory for
/// its nodes that grows with it, and reads of several things as they were at one time.

#include <lagoon/core/durations.hpp>
#include <lagoon/core/futex.hpp>
#include <lagoon/core/journal.hpp>
#include <lagoon/core/owned_word.hpp>
#include <lagoon/core/participants.hpp>
#include <lagoon/core/slab.hpp>
#include <lagoon/error.hpp>
#include <lagoon/shared.hpp>

#include <boost/atomic/ipc_atomic.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <new>
#include <span>
#include <type_traits>
#include <utility>

namespace lagoon::detail {

/// Where the mapping begins in which this table lies.
[[nodiscard]] const std::byte* base_of(const core::Participants& table) noexcept;
/// Hands the slab so many bytes more, of the object's; or, if these are not to be had, what is
/// lacking with what is free; or calls gather(), if there is one and so much is scattered over free
/// nodes. OutOfMemory.
void add_memory(Handle& handle, core::Slab& slab, std::size_t wanted,
                const std::function<void()>& gather);
/// store(), which puts what refers to these objects into the container: they belong to it now, if
/// they have no names. Its answer; nothing was done if this throws Gone or TypeMismatch.
bool store_references(const Handle& container, std::span<const Referred> referred,
                      const std::function<bool()>& store);
/// A reference that was read leads nowhere: others have replaced it meanwhile; or it is damaged.
struct StaleReference : LayoutMismatch {
  StaleReference();
};

[[noreturn]] void throw_nested_change(const Handle& handle);
[[noreturn]] void throw_forked_in_change(const Handle& handle);

/// A State (core/entries.hpp, core/sequence.hpp) as it lies in an object, with the memory that it
/// begins with.
template <class State>
struct ContainerState : State {
  explicit ContainerState(core::Participants& table) noexcept
      : State(base_of(table)), participants(table) {
    this->slab().add(static_cast<std::uint64_t>(memory - base_of(table)), sizeof memory);
  }

  /// Whether it can be what lies there at rest, in memory of so many bytes.
  [[nodiscard]] bool is_sound(const core::Participants& table, std::uint64_t bytes) const noexcept {
    return participants.leads_to(table) && State::is_sound(base_of(table), bytes);
  }
  /// The same for who only reads, at any time.
  [[nodiscard]] bool is_readable(const core::Participants& table,
                                 std::uint64_t bytes) const noexcept {
    return participants.leads_to(table) && State::is_readable(base_of(table), bytes);
  }

  /// Whether any of its records has ever referred to objects.
  [[nodiscard]] bool has_references() const noexcept {
    return refers.load(boost::memory_order_relaxed) != 0;
  }

  core::ParticipantsRef participants;
  boost::ipc_atomic<std::uint32_t> refers{0};  // with the turn of the directory
  alignas(64) std::byte memory[4096];
};

/// Where records are looked at, and the container that they are in.
struct RecordSource {
  const core::Slab& slab;
  const Handle* home;
};

/// A handle to one. State has turn(), recover(), slab(), journal().
template <class State>
class ContainerHandle : public Handled<ContainerState<State>> {
  using Base = Handled<ContainerState<State>>;

 public:
  ContainerHandle(ContainerHandle&&) noexcept = default;
  ContainerHandle& operator=(ContainerHandle&&) noexcept = default;

 protected:
  ContainerHandle(const Place& place, const Stamp& stamp)
      : Base(make_or_find(place, stamp, sizeof(ContainerState<State>),
                          [](std::byte* payload, core::Participants& table) {
                            new (payload) ContainerState<State>(table);
                          })) {}
  explicit ContainerHandle(Handle handle) noexcept : Base(std::move(handle)) {}
  ~ContainerHandle() = default;

  [[nodiscard]] State& state() const noexcept { return *this->state_; }
  [[nodiscard]] RecordSource source() const noexcept { return {state().slab(), &this->handle_}; }
  /// To read. Gone if it was erased.
  [[nodiscard]] const State& look() const {
    if (this->handle_.gone()) [[unlikely]]
      this->throw_gone();
    return *this->state_;
  }

  /// The turn to change it. Who takes it over from a dead one mends what that one left.
  class Turn {
   public:
    explicit Turn(const ContainerHandle& container,
                  core::Deadline deadline = core::Deadline::never())
        : handle_(container.handle_), state_(*container.state_), me_(state_.participants->self()) {
      // A process whose threads that were here have all ended was not waited for: its memory may be
      // another's. From self() on it is.
      if (handle_.gone()) [[unlikely]]
        container.throw_gone();
      const core::Taken taken = state_.turn().take(*state_.participants, me_, deadline);
      if (taken == core::Taken::is_mine) throw_nested_change(container.handle_);
      if (taken == core::Taken::is_gone) container.throw_gone();
      if (taken == core::Taken::from_dead) state_.recover();
      has_ = taken != core::Taken::no;
    }
    ~Turn() {
      if (has_ && !fork_.passed()) state_.turn().give_back(me_);
    }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    explicit operator bool() const noexcept { return has_; }
    /// After what the application has done with it: UsageError in a child that it has forked, which
    /// must store nothing. The turn is its parent's.
    void check() const {
      if (fork_.passed()) [[unlikely]]
        throw_forked_in_change(handle_);
    }

   private:
    const Handle& handle_;
    ContainerState<State>& state_;
    core::Owner me_;
    bool has_ = false;
    core::ForkMark fork_;
  };

  /// With the turn: attempt(), which is false if there was no memory, until there is; so many bytes
  /// of it at least, or what wanted() says when they are.
  template <class Wanted, class F>
  void with_memory(const Wanted& wanted, F&& attempt) {
    if (!attempt()) [[unlikely]]
      with_more_memory(wanted, attempt);
  }
  template <class Wanted, class F>
  [[gnu::noinline, gnu::cold]] void with_more_memory(const Wanted& wanted, F&& attempt) {
    bool has_gathered = false;  // what is scattered after it is too little at each place
    do {
      std::function<void()> gather;
      if (!has_gathered)
        gather = [&] {
          has_gathered = true;
          state().gather();
        };
      if constexpr (std::is_invocable_v<const Wanted&>)
        add_memory(this->handle_, state().slab(), wanted(), gather);
      else
        add_memory(this->handle_, state().slab(), wanted, gather);
    } while (!attempt());
  }

  /// The same, of what refers to these objects.
  template <class Wanted, class F>
  void with_memory(const Wanted& wanted, std::span<const Referred> referred, F&& attempt) {
    if (referred.empty()) [[likely]]
      return with_memory(wanted, attempt);
    with_memory(wanted, [&] {
      return store_references(this->handle_, referred, [&] {
        this->state_->refers.store(1, boost::memory_order_relaxed);
        return bool(attempt());
      });
    });
  }

  /// read(), which may find a reference to what has gone meanwhile: then it is read again.
  template <bool may_refer, class F>
  static auto reading(F&& read) {
    if constexpr (!may_refer) return read();
    for (unsigned tries = 0;; ++tries) {
      try {
        return read();
      } catch (const StaleReference&) {
        if (tries == 100) throw;  // no chance meeting
      }
    }
  }

  /// read() of what was there at one time: without the turn, if nobody changes it meanwhile, else
  /// with it. Who was stopped in a change does not hold it up.
  template <class F>
  auto at_one_time(F&& read) const {
    const State& state = look();
    for (;;) {
      const core::Journal::Moment now = state.journal().now();
      auto what = reading<true>(read);
      if (state.journal().is_still(now)) return what;
      if (this->handle_.is_read_only()) continue;
      if (const Turn turn{*this, core::Deadline::after(std::chrono::milliseconds(1))})
        return read();
    }
  }
};

}  // namespace lagoon::detail
