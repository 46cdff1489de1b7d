#include "helpers.hpp"

#include <lagoon/core/copy.hpp>
#include <lagoon/core/entries.hpp>
#include <lagoon/core/entries_several.hpp>
#include <lagoon/core/journal.hpp>
#include <lagoon/core/slab.hpp>

#include <algorithm>
#include <array>
#include <new>
#include <span>
#include <utility>

namespace lagoon::test::model {

namespace {

using core::Journal;
using core::Reference;
using core::Slab;

/// A word that leads to a node with two numbers which are alike, and are one more in each change;
/// there are as many things, it is said.
class Counted {
 public:
  explicit Counted(Trial& trial, std::size_t nodes)
      : table_(&trial.make<Participants>()), turn_(&trial.make<OwnedWord>()) {
    const std::size_t bytes = nodes * Slab::bytes_taken(node_bytes);
    std::byte* const memory = trial.memory(begin + bytes);
    slab_ = new (memory) Slab(memory);
    journal_ = new (memory + sizeof(Slab)) Journal;
    word_ = new (memory + sizeof(Slab) + sizeof(Journal)) Journal::Word(0);
    gathered_ = &trial.make<Journal::Word>(std::uint64_t{0});
    slab_->add(begin, bytes);
    all_ = bytes;
    add_one();
  }

  void add_one() const {
    const Taken taken = turn_->take(*table_, Participants::self(), Deadline::never());
    if (taken == Taken::from_dead) journal_->recover(*slab_);
    {
      Journal::Change change(*journal_, *slab_);
      const Slab::Made made = slab_->make(node_bytes);
      expect(made.node != nullptr, "there is memory");
      const auto old = Reference::of_word(word_->load(boost::memory_order_relaxed));
      const std::uint64_t i = journal_->size() + 1;
      const std::array<std::uint64_t, 2> numbers{i, i};
      core::write_shared(made.node->payload(), numbers.data(), sizeof numbers);
      if (old) slab_->drop(old);
      change.publish(*word_, made.reference.word(), i);
    }
    turn_->give_back(Participants::self());
  }
  /// What is there, as a reader finds it.
  [[nodiscard]] std::uint64_t read() const {
    for (;;) {
      std::array<std::uint64_t, 2> numbers{};
      if (!slab_->read(Reference::of_word(word_->load(boost::memory_order_acquire)),
                       [&](const std::byte* payload, std::size_t, std::uint32_t) {
                         core::read_shared(numbers.data(), payload, sizeof numbers);
                       }))
        continue;
      expect(numbers[0] == numbers[1], "torn");
      return numbers[0];
    }
  }
  /// The same, beside those who gather.
  [[nodiscard]] std::uint64_t read_beside_gathering() const {
    for (;;) {
      const std::uint64_t gathered = gathered_->load(boost::memory_order_acquire);
      std::array<std::uint64_t, 2> numbers{};
      const bool is_whole =
          slab_->read(Reference::of_word(word_->load(boost::memory_order_acquire)),
                      [&](const std::byte* payload, std::size_t, std::uint32_t) {
                        core::read_shared(numbers.data(), payload, sizeof numbers);
                      });
      boost::atomic_thread_fence(boost::memory_order_acquire);
      if (gathered_->load(boost::memory_order_relaxed) != gathered || !is_whole) continue;
      expect(numbers[0] == numbers[1], "torn");
      return numbers[0];
    }
  }
  void gather() const {
    const Taken taken = turn_->take(*table_, Participants::self(), Deadline::never());
    if (taken == Taken::from_dead) journal_->recover(*slab_);
    gathered_->store(gathered_->load(boost::memory_order_relaxed) + 1, boost::memory_order_release);
    slab_->gather();
    turn_->give_back(Participants::self());
  }
  [[nodiscard]] std::uint64_t size() const { return journal_->size(); }
  void expect_all_is_there() const {
    expect(slab_->free_bytes() + Slab::bytes_taken(node_bytes) == all_, "no memory is lost");
  }

 private:
  /// Nodes of which one at a time is cut from the memory.
  static constexpr std::size_t node_bytes = 240;
  static constexpr std::size_t begin =
      (sizeof(Slab) + sizeof(Journal) + sizeof(Journal::Word) + 63) / 64 * 64;

  Participants* table_;
  OwnedWord* turn_;
  Slab* slab_;
  Journal* journal_;
  Journal::Word* word_;
  Journal::Word* gathered_;
  std::size_t all_;
};

/// Until the place of the first one is used again, and longer.
void nodes_replaced(Trial& trial) {
  const Counted counted(trial, 8);
  trial.thread([=] {
    for (int i = 0; i < 6; ++i) counted.add_one();
  });
  trial.thread([=] { (void)counted.read(); });
  trial.afterwards([=] {
    expect(counted.read() == 7 && counted.size() == 7, "all are there");
    counted.expect_all_is_there();
  });
}

/// What the first one was becomes a piece of memory, and something else.
void nodes_gathered(Trial& trial) {
  const Counted counted(trial, 8);
  trial.thread([=] {
    for (int i = 0; i < 5; ++i) counted.add_one();
    counted.gather();
  });
  trial.thread([=] { (void)counted.read_beside_gathering(); });
  trial.afterwards([=] {
    expect(counted.read() == 6 && counted.size() == 6, "all are there");
    counted.expect_all_is_there();
  });
}

void nodes_whose_gatherer_is_killed(Trial& trial) {
  const Counted counted(trial, 8);
  for (int i = 0; i < 5; ++i) counted.add_one();
  trial.thread([=] { counted.gather(); }, true);
  trial.thread([=] { counted.gather(); }, true);
  trial.thread([=] { (void)counted.read_beside_gathering(); });
  trial.afterwards([=] {
    counted.add_one();
    expect(counted.read() == 7 && counted.size() == 7, "and it goes on");
    counted.expect_all_is_there();
  });
}

/// What is there, and how many that are, is in one order.
void nodes_counted(Trial& trial) {
  const Counted counted(trial, 8);
  trial.thread([=] {
    for (int i = 0; i < 2; ++i) counted.add_one();
  });
  trial.thread([=] {
    const std::uint64_t first = counted.size();
    const std::uint64_t there = counted.read();
    const std::uint64_t then = counted.size();
    expect(first <= there, "counted before it was there");
    expect(there <= then, "there before it was counted");
  });
}

void nodes_whose_writer_is_killed(Trial& trial) {
  const Counted counted(trial, 8);
  trial.thread([=] { counted.add_one(); }, true);
  trial.thread([=] { counted.add_one(); }, true);
  trial.thread([=] {
    const std::uint64_t there = counted.read();
    expect(there <= counted.size(), "there before it was counted");
  });
  trial.afterwards([=] {
    const std::uint64_t before = counted.read();
    expect(before == counted.size(), "as many as are there");
    counted.add_one();
    expect(counted.read() == before + 1 && counted.size() == before + 1, "and it goes on");
    counted.expect_all_is_there();
  });
}

/// Who has seen a change counts it, though nothing was made that would tell.
void changes_counted(Trial& trial) {
  constexpr std::size_t begin = (sizeof(Slab) + sizeof(Journal) + 63) / 64 * 64;
  std::byte* const memory = trial.memory(begin + 2 * sizeof(Journal::Word));
  auto* const slab = new (memory) Slab(memory);
  auto* const journal = new (memory + sizeof(Slab)) Journal;
  auto* const word = new (memory + begin) Journal::Word(0);
  auto* const other = new (memory + begin + sizeof(Journal::Word)) Journal::Word(0);
  trial.thread([=] {
    Journal::Change(*journal, *slab).publish(*word, 7, 1);
    Journal::Change(*journal, *slab).publish(*other, 9, 2);
  });
  trial.thread([=] {
    if (word->load(boost::memory_order_acquire) == 7) expect(journal->size() >= 1, "not counted");
  });
}

using core::Entries;

/// Numbers under numbers. Their nodes are as large as an index of 16 hints, so that what is dropped
/// as the one is soon used as the other.
class Numbers {
  static constexpr std::size_t far_words = 20;
  using Node = std::array<std::uint64_t, 14>;
  static auto filled(std::uint64_t key, std::uint64_t value) {
    return [=](std::byte* payload) {
      const Node node{key, value, value};
      core::write_shared(payload, node.data(), sizeof node);
    };
  }

 public:
  explicit Numbers(Trial& trial, std::uint64_t last, std::size_t bytes = 16384)
      : table_(&trial.make<Participants>()) {
    constexpr std::size_t begin = (sizeof(Entries) + 63) / 64 * 64;
    std::byte* const memory = trial.memory(begin + bytes);
    entries_ = new (memory) Entries(memory);
    entries_->slab().add(begin, bytes);
    for (std::uint64_t key = 1; key <= last; ++key) set(key, key);
  }

  void set(std::uint64_t key, std::uint64_t value) const {
    const Turn turn(*this);
    Looked looked{.key = key};
    const auto entry = entries_->find_entry(hash(key), looked);
    expect(entries_->put(entry, hash(key), {sizeof(Node)}, filled(key, value)), "there is memory");
  }
  void erase(std::uint64_t key) const {
    const Turn turn(*this);
    Looked looked{.key = key};
    if (const auto entry = entries_->find_entry(hash(key), looked)) entries_->erase(entry);
  }
  void clear() const {
    const Turn turn(*this);
    entries_->clear();
  }
  /// Zero if it is not there.
  [[nodiscard]] std::uint64_t get(std::uint64_t key) const {
    Looked looked{.key = key};
    return entries_->find(hash(key), looked) ? looked.seen[1] : 0;
  }
  [[nodiscard]] std::uint64_t size() const { return entries_->size(); }
  /// At once.
  void set_both(std::uint64_t one, std::uint64_t other, std::uint64_t value) const {
    const Turn turn(*this);
    Entries::Several several(*entries_, 2);
    expect(several.has_begun(), "there is memory");
    for (const std::uint64_t key : {one, other}) {
      Looked looked{.key = key};
      const auto entry = several.find_entry(hash(key), looked);
      expect(several.put(entry, hash(key), {sizeof(Node)}, filled(key, value)), "there is memory");
    }
    several.publish();
  }
  /// As many times as it says, far.
  void set_far(std::uint64_t key, std::uint64_t value) const {
    std::array<std::uint64_t, far_words> far;
    far.fill(value);
    const Turn turn(*this);
    Looked looked{.key = key};
    const auto entry = entries_->find_entry(hash(key), looked);
    expect(entries_->put(entry, hash(key), {sizeof(Node), std::as_bytes(std::span(far))},
                         filled(key, value)),
           "there is memory");
  }
  [[nodiscard]] std::uint64_t get_far(std::uint64_t key) const {
    Far looked{{.key = key}, &entries_->slab()};
    if (!entries_->find(hash(key), looked)) return 0;
    expect(std::ranges::count(looked.far, looked.seen[1]) == far_words, "a mix");
    return looked.seen[1];
  }
  /// The first two keys that a walk meets, with something between them.
  template <class F>
  [[nodiscard]] std::array<std::uint64_t, 2> walk(F&& between) const {
    Any any;
    Entries::Position at;
    const std::uint64_t first = entries_->next(at, any) ? any.seen[0] : 0;
    between();
    return {first, entries_->next(at, any) ? any.seen[0] : 0};
  }
  /// The values of two keys, as they were at one time.
  [[nodiscard]] std::pair<std::uint64_t, std::uint64_t> get_both(std::uint64_t one,
                                                                 std::uint64_t other) const {
    for (;;) {
      const auto now = entries_->journal().now();
      const std::pair both(get(one), get(other));
      if (entries_->journal().is_still(now)) return both;
    }
  }

 private:
  struct Looked {
    std::uint64_t key = 0;
    std::array<std::uint64_t, 3> seen{};
    void copy(const core::Record::Near& near) {
      core::read_shared(seen.data(), near.payload, sizeof seen);
    }
    [[nodiscard]] Entries::Is is_it() const {
      expect(seen[1] == seen[2], "torn");
      return seen[0] == key ? Entries::Is::it : Entries::Is::another;
    }
  };
  struct Any : Looked {
    [[nodiscard]] static Entries::Is is_it() { return Entries::Is::it; }
  };
  struct Far : Looked {
    const core::Slab* slab;
    core::Record::Far way{};
    std::array<std::uint64_t, far_words> far{};
    void copy(const core::Record::Near& near) {
      Looked::copy(near);
      way = near.far;
    }
    [[nodiscard]] Entries::Is is_it() {
      if (Looked::is_it() != Entries::Is::it) return Entries::Is::another;
      return way.read(*slab, std::as_writable_bytes(std::span(far))) ? Entries::Is::it
                                                                     : Entries::Is::gone;
    }
  };
  class Turn {
   public:
    explicit Turn(const Numbers& numbers) : entries_(*numbers.entries_) {
      const Taken taken =
          entries_.turn().take(*numbers.table_, Participants::self(), Deadline::never());
      if (taken == Taken::from_dead) entries_.recover();
    }
    ~Turn() { entries_.turn().give_back(Participants::self()); }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

   private:
    Entries& entries_;
  };
  static Entries::Hash hash(std::uint64_t key) { return static_cast<Entries::Hash>(key); }

  Participants* table_;
  Entries* entries_;
};

/// What is there all the time is found, while all grows around it and what was there is used anew.
void entries_that_grow(Trial& trial) {
  const Numbers numbers(trial, 7);
  trial.thread([=] {
    for (std::uint64_t i = 0; i < 8; ++i) numbers.set(i == 0 ? 8 : 2, 100 + i);
  });
  trial.thread([=] { expect(numbers.get(1) == 1, "it is there"); });
}

/// The shape after the next is written where the first one was.
void entries_that_grow_twice(Trial& trial) {
  const Numbers numbers(trial, 7);
  trial.thread([=] {
    for (std::uint64_t key = 8; key <= 16; ++key) numbers.set(key, key);
  });
  trial.thread([=] { expect(numbers.get(1) == 1, "it is there"); });
}

/// Replaced, and told of.
void entries_replaced(Trial& trial) {
  const Numbers numbers(trial, 2);
  auto& told = trial.make<boost::ipc_atomic<std::uint64_t>>(std::uint64_t{2});
  trial.thread([=, &told] {
    for (std::uint64_t i = 3; i < 5; ++i) {
      numbers.set(2, i);
      told.store(i, boost::memory_order_release);
    }
  });
  trial.thread([=, &told] {
    const std::uint64_t at_least = told.load(boost::memory_order_acquire);
    const std::uint64_t first = numbers.get(2);
    expect(first >= at_least, "what was told of is there");
    expect(numbers.get(2) >= first, "back in time");
  });
}

/// Until the place of what a reader looks at is used again: it finds what came instead.
void entries_replaced_often(Trial& trial) {
  const Numbers numbers(trial, 2);
  trial.thread([=] {
    for (std::uint64_t i = 3; i < 10; ++i) numbers.set(2, i);
  });
  trial.thread([=] { expect(numbers.get(2) >= 2, "it is there"); });
}

void entries_replaced_far(Trial& trial) {
  const Numbers numbers(trial, 1);
  numbers.set_far(2, 2);
  trial.thread([=] {
    for (std::uint64_t i = 3; i < 10; ++i) numbers.set_far(2, i);
  });
  trial.thread([=] { expect(numbers.get_far(2) >= 2, "it is there"); });
}

/// What stays is met once, in order, while all grows around it, and it is replaced.
void entries_walked(Trial& trial) {
  const Numbers numbers(trial, 7);
  trial.thread([=] {
    expect(numbers.walk([] {}) == std::array<std::uint64_t, 2>{1, 2},
           "what stays is met once, in order");
  });
  trial.thread([=] {
    for (std::uint64_t i = 0; i < 7; ++i) numbers.set(i == 0 ? 8 : 1, 100 + i);
  });
}

/// The same, of one who was on its way when it grew.
void entries_walked_on(Trial& trial) {
  const Numbers numbers(trial, 7);
  const auto has_met = truth<bool>(), has_grown = truth<bool>();
  trial.thread([=] {
    wait_until([=] { return *has_met; });
    numbers.set(8, 8);
    numbers.set(1, 100);
    for (std::uint64_t i = 0; i < 7; ++i) numbers.set(5, 100 + i);
    *has_grown = true;
  });
  trial.thread([=] {
    const auto keys = numbers.walk([=] {
      *has_met = true;
      wait_until([=] { return *has_grown; });
    });
    expect(keys == std::array<std::uint64_t, 2>{1, 2}, "what stays is met once, in order");
  });
}

/// How many there are, is known by who has seen that one is gone. (Nothing is made meanwhile.)
void entries_erased(Trial& trial) {
  const Numbers numbers(trial, 3);
  trial.thread([=] {
    numbers.erase(3);
    numbers.erase(2);
  });
  trial.thread([=] {
    if (numbers.get(3) == 0) expect(numbers.size() <= 2, "counted though it was gone");
  });
}

/// The shape after the next is written where the first one was, and nothing is made for it.
void entries_packed_and_cleared(Trial& trial) {
  const Numbers numbers(trial, 70, 65536);
  for (std::uint64_t key = 3; key <= 70; ++key) numbers.erase(key);
  trial.thread([=] {
    numbers.erase(2);  // packs them
    numbers.clear();
  });
  trial.thread([=] {
    if (numbers.get(1) == 0) expect(numbers.size() == 0, "gone before it was taken away");
  });
}

/// Two that come at once are there both.
void entries_set_at_once(Trial& trial) {
  const Numbers numbers(trial, 3);
  trial.thread([=] {
    for (std::uint64_t i = 10; i < 13; ++i) numbers.set_both(1, i, i);
  });
  trial.thread([=] {
    const std::uint64_t first = numbers.get(1);
    expect(first < 10 || numbers.get(first) == first, "who came with it is there");
  });
}

void entries_set_at_once_by_one_who_is_killed(Trial& trial) {
  const Numbers numbers(trial, 3);
  trial.thread([=] { numbers.set_both(1, 10, 10); }, true);
  trial.thread([=] { numbers.set_both(2, 11, 11); });
  trial.afterwards([=] {
    expect((numbers.get(1) == 10) == (numbers.get(10) == 10), "both or none");
    expect(numbers.get(2) == 11 && numbers.get(11) == 11, "both of one who lives");
    const std::uint64_t there = 4 + (numbers.get(10) != 0 ? 1U : 0U);
    expect(numbers.size() == there, "as many as are there");
    numbers.set_both(3, 12, 12);
    expect(numbers.get(12) == 12 && numbers.size() == there + 1, "and it goes on");
  });
}

/// What is read at one time is the one state or the other.
void entries_read_at_one_time(Trial& trial) {
  const Numbers numbers(trial, 2);
  numbers.set_both(1, 2, 10);
  trial.thread([=] {
    numbers.set_both(1, 2, 11);
    numbers.set(1, 12);
    numbers.set(2, 12);
  });
  trial.thread([=] {
    const auto [one, other] = numbers.get_both(1, 2);
    expect(one == other || (one == 12 && other == 11), "of two times");
  });
}

void entries_whose_writer_is_killed(Trial& trial) {
  const Numbers numbers(trial, 3);
  trial.thread([=] { numbers.set(4, 4); }, true);
  trial.thread([=] { numbers.erase(3); }, true);
  trial.thread([=] { expect(numbers.get(1) == 1, "it is there"); });
  trial.afterwards([=] {
    const std::uint64_t there =
        2 + (numbers.get(3) != 0 ? 1U : 0U) + (numbers.get(4) != 0 ? 1U : 0U);
    expect(numbers.size() == there, "as many as are there");
    numbers.set(5, 5);
    expect(numbers.get(5) == 5 && numbers.size() == there + 1, "and it goes on");
  });
}

}  // namespace

std::vector<Named> of_nodes() {
  // First the one by which most orders are noticed (orders_test.cpp).
  return {{"changes_counted", changes_counted, {4}},
          {"nodes_replaced", nodes_replaced, {3}},
          {"nodes_gathered", nodes_gathered, {3}},
          {"nodes_counted", nodes_counted, {4}},
          {"nodes_whose_writer_is_killed", nodes_whose_writer_is_killed},
          {"nodes_whose_gatherer_is_killed", nodes_whose_gatherer_is_killed},
          {"entries_that_grow", entries_that_grow},
          {"entries_that_grow_twice", entries_that_grow_twice},
          {"entries_replaced", entries_replaced, {4}},
          {"entries_replaced_often", entries_replaced_often, {3}},
          {"entries_replaced_far", entries_replaced_far},
          {"entries_walked", entries_walked, {3}},
          {"entries_walked_on", entries_walked_on},
          {"entries_erased", entries_erased, {4}},
          {"entries_packed_and_cleared", entries_packed_and_cleared, {3}},
          {"entries_set_at_once", entries_set_at_once},
          {"entries_set_at_once_by_one_who_is_killed", entries_set_at_once_by_one_who_is_killed},
          {"entries_read_at_one_time", entries_read_at_one_time},
          {"entries_whose_writer_is_killed", entries_whose_writer_is_killed}};
}

}  // namespace lagoon::test::model
