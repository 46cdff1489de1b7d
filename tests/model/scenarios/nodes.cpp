#include "helpers.hpp"

#include <lagoon/core/copy.hpp>
#include <lagoon/core/journal.hpp>
#include <lagoon/core/slab.hpp>

#include <array>
#include <new>

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

}  // namespace

std::vector<Named> of_nodes() {
  return {{"nodes_replaced", nodes_replaced, {3}},
          {"nodes_counted", nodes_counted, {4}},
          {"nodes_whose_writer_is_killed", nodes_whose_writer_is_killed}};
}

}  // namespace lagoon::test::model
