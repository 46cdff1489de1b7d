#pragma once
/// Changes that happen by one store, and what stands beside them: nodes that were made for it,
/// those that it replaces, and how many things there are now.
///
///   Journal::Change change(journal, slab);     with the turn
///   auto made = slab.make(…); … slab.drop(old);
///   change.publish(word, made.reference.word(), size + 1);
///
/// What a change is going to store, and where, is written down before it is stored. Who takes the
/// turn over from a dead one looks there: the word has that value, and the change has happened, or
/// it has another, and it has not. So no two values of a word that follow each other are alike; a
/// reference never comes twice.
///
/// Each store that publishes, and what a SIGKILL right after it leaves to `recover`
///   (0) word_at_ = 0, then begun_, odd.          Nothing has happened.
///   (1) word_at_, after value_ and size_after_.  Not yet (2): what was made is free again.
///   (2) the word: the change, for everyone.      What was dropped is free; the size follows.
///   (3) size_                                    The same again.
///   (4) begun_, even                             Nothing is to be done.
/// `recover` itself may be killed anywhere: it only stores what was written down.
///
/// How many there are is read in one order with the changes, though it lies in another word: who
/// finds a change under way looks whether its word has been stored already. It never waits.
///
/// Memory orders: (2) is release: who reads the word by acquire sees what it leads to. (0), (1) and
/// (3) are release, and a reader of the size reads them by acquire: it sees value_ and size_after_
/// of that change, or of a later one, and then begun_, which it compares, has gone on: (5), a
/// release fence after it. begun_ is stored by release, (0) and (4): who has read it by acquire
/// sees the words of all changes before.
///
/// Progress: reading the size is lock-free. The rest is for who has the turn.

#include <lagoon/core/slab.hpp>

#include <boost/atomic/ipc_atomic.hpp>
#include <cstddef>
#include <cstdint>

namespace lagoon::core {

class Journal {
 public:
  using Word = boost::ipc_atomic<std::uint64_t>;

  /// One change: given up when it goes, unless it was published.
  class Change {
   public:
    Change(Journal& journal, Slab& slab) noexcept : journal_(journal), slab_(slab) {}
    ~Change() {
      if (!published_) slab_.settle(false);
    }
    Change(const Change&) = delete;
    Change& operator=(const Change&) = delete;

    /// In the memory of the slab. After it there are so many.
    void publish(Word& word, std::uint64_t value, std::uint64_t size) noexcept {
      journal_.publish(slab_, word, value, size);
      published_ = true;
    }

   private:
    Journal& journal_;
    Slab& slab_;
    bool published_ = false;
  };

  Journal() = default;
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  /// With a turn that was taken from a dead one.
  void recover(Slab& slab) noexcept;

  /// Whether it can be what lies there at rest, in memory of so many bytes.
  [[nodiscard]] bool is_sound(const std::byte* base, std::uint64_t memory) const noexcept {
    const std::int64_t at = word_at_.load(boost::memory_order_relaxed);
    const auto from_base =
        static_cast<std::uint64_t>(at + (reinterpret_cast<const std::byte*>(this) - base));
    return at == 0 || (from_base % sizeof(Word) == 0 && from_base <= memory - sizeof(Word));
  }
  /// Whether there are not more than so many, whatever becomes of the change under way.
  [[nodiscard]] bool may_have(std::uint64_t most) const noexcept {
    return size_.load(boost::memory_order_relaxed) <= most &&
           (begun_.load(boost::memory_order_relaxed) % 2 == 0 ||
            size_after_.load(boost::memory_order_relaxed) <= most);
  }
  /// How many there are, and when that was: before or after the change that had begun last.
  struct Moment {
    std::uint64_t size;
    std::uint64_t begun;
    bool has_happened;
  };
  /// By anyone.
  [[nodiscard]] Moment now() const noexcept;
  [[nodiscard]] std::uint64_t size() const noexcept { return now().size; }
  /// With the turn, between changes.
  [[nodiscard]] std::uint64_t size_at_rest() const noexcept {
    return size_.load(boost::memory_order_relaxed);
  }
  /// Whether nothing has happened since: all words that were read meanwhile, by acquire, were there
  /// at one time.
  [[nodiscard]] bool is_still(const Moment& moment) const noexcept {
    const Moment then = now();
    return then.begun == moment.begun && then.has_happened == moment.has_happened;
  }

 private:
  void publish(Slab& slab, Word& word, std::uint64_t value, std::uint64_t size) noexcept;
  void finish(Slab& slab) noexcept;
  void end() noexcept;

  [[nodiscard]] Word& word_at(std::int64_t at) const noexcept {
    return *reinterpret_cast<Word*>(
        const_cast<std::byte*>(reinterpret_cast<const std::byte*>(this)) + at);
  }

  boost::ipc_atomic<std::int64_t> word_at_{0};  // how far from here; zero: not known yet
  Word value_{0};
  Word size_after_{0};
  Word size_{0};
  Word begun_{0};  // odd while a change is under way
};

}  // namespace lagoon::core
