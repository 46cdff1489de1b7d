#include "helpers.hpp"

#include <lagoon/core/copy.hpp>
#include <lagoon/core/sequence.hpp>

#include <array>
#include <cstddef>
#include <new>

namespace lagoon::test::model {

namespace {

using core::Record;
using core::Sequence;

/// Numbers, each twice in its record, which takes as much memory as a row of 8: what is dropped as
/// the one is used as the other.
class Numbers {
  using Node = std::array<std::uint64_t, 8>;
  static auto fill(std::uint64_t x) {
    return [x](std::byte* near) {
      const Node node{x, x};
      core::write_shared(near, node.data(), sizeof node);
    };
  }

 public:
  explicit Numbers(Trial& trial, std::uint64_t last) : table_(&trial.make<Participants>()) {
    constexpr std::size_t begin = (sizeof(Sequence) + 63) / 64 * 64;
    constexpr std::size_t bytes = 16384;
    std::byte* const memory = trial.memory(begin + bytes);
    sequence_ = new (memory) Sequence(memory);
    sequence_->slab().add(begin, bytes);
    for (std::uint64_t x = 1; x <= last; ++x) append(x);
  }

  void append(std::uint64_t x) const {
    const Turn turn(*this);
    expect(sequence_->append({sizeof(Node)}, fill(x)), "there is memory");
  }
  void set(std::uint64_t i, std::uint64_t x) const {
    const Turn turn(*this);
    expect(sequence_->put(i, {sizeof(Node)}, fill(x)), "there is memory");
  }
  void pop() const {
    const Turn turn(*this);
    sequence_->pop();
  }
  /// So many of them at the front, in a new row.
  void insert(std::uint64_t x, std::uint64_t count = 1) const {
    const Turn turn(*this);
    const std::uint64_t size = sequence_->size();
    Sequence::Rewrite rewrite(*sequence_, 0, size + count);
    expect(rewrite.has_begun(), "there is memory");
    for (std::uint64_t i = 0; i < count; ++i)
      expect(rewrite.put(i, {sizeof(Node)}, fill(x)), "there is memory");
    rewrite.move(count, 0, size);
    rewrite.publish();
  }
  /// All but so many of the first ones go, in a new row.
  void keep(std::uint64_t count) const {
    const Turn turn(*this);
    const std::uint64_t size = sequence_->size();
    Sequence::Rewrite rewrite(*sequence_, count, count);
    expect(rewrite.has_begun(), "there is memory");
    rewrite.drop(count, size - count);
    rewrite.publish();
  }
  /// Zero if it is not there.
  [[nodiscard]] std::uint64_t get(std::uint64_t i) const {
    Looked looked;
    return sequence_->read(i, looked) ? looked.seen[0] : 0;
  }
  [[nodiscard]] std::uint64_t from_end(std::uint64_t i) const {
    Looked looked;
    return sequence_->read_from_end(i, looked) ? looked.seen[0] : 0;
  }
  [[nodiscard]] std::uint64_t size() const { return sequence_->size(); }
  [[nodiscard]] const core::Journal& journal() const { return sequence_->journal(); }

 private:
  struct Looked {
    std::array<std::uint64_t, 2> seen{};
    void copy(const Record::Near& near) {
      core::read_shared(seen.data(), near.payload, sizeof seen);
    }
    [[nodiscard]] bool is_whole() const {
      expect(seen[0] == seen[1] && seen[0] != 0, "torn, or another's");
      return true;
    }
  };
  class Turn {
   public:
    explicit Turn(const Numbers& numbers) : sequence_(*numbers.sequence_) {
      const Taken taken =
          sequence_.turn().take(*numbers.table_, Participants::self(), Deadline::never());
      if (taken == Taken::from_dead) sequence_.recover();
    }
    ~Turn() { sequence_.turn().give_back(Participants::self()); }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

   private:
    Sequence& sequence_;
  };

  Participants* table_;
  Sequence* sequence_;
};

/// Replaced, and told of.
void sequence_replaced(Trial& trial) {
  const Numbers numbers(trial, 2);
  auto& told = trial.make<boost::ipc_atomic<std::uint64_t>>(std::uint64_t{2});
  trial.thread([=, &told] {
    for (std::uint64_t i = 3; i < 5; ++i) {
      numbers.set(1, i);
      told.store(i, boost::memory_order_release);
    }
  });
  trial.thread([=, &told] {
    const std::uint64_t at_least = told.load(boost::memory_order_acquire);
    const std::uint64_t first = numbers.get(1);
    expect(first >= at_least, "what was told of is there");
    expect(numbers.get(1) >= first, "back in time");
  });
}

/// In new rows, until the memory of the first one is used again, and longer.
void sequence_moved(Trial& trial) {
  const Numbers numbers(trial, 2);
  trial.thread([=] {
    for (std::uint64_t i = 0; i < 5; ++i) numbers.insert(3 + i);
  });
  trial.thread([=] {
    const std::uint64_t second = numbers.get(1);
    expect(second >= 1 && second < 7, "what was there at one time");
    expect(numbers.from_end(1) == 2, "the last one is the last one");
  });
}

/// The row after the next is written where the first one was, and takes no memory.
void sequence_cleared(Trial& trial) {
  const Numbers numbers(trial, 1);
  trial.thread([=] {
    numbers.insert(2);
    numbers.keep(0);
  });
  trial.thread([=] {
    if (numbers.get(0) == 0) expect(numbers.size() == 0, "gone before it was taken away");
  });
}

void sequence_moved_before_who_counts_from_its_end(Trial& trial) {
  const Numbers numbers(trial, 1);
  trial.thread([=] { expect(numbers.from_end(1) == 1, "it is there"); });
  trial.thread([=] { numbers.insert(2); });
}

/// What is counted from the end is so at one time.
void sequence_read_from_its_end(Trial& trial) {
  const Numbers numbers(trial, 2);
  trial.thread([=] {
    numbers.append(4);
    numbers.set(1, 5);  // odd only as long as another stands behind it
    numbers.set(1, 6);
    numbers.pop();
  });
  trial.thread([=] { expect(numbers.from_end(1) % 2 == 0, "it was never the last one"); });
}

/// What is there, and how many that are, is in one order, though nothing is made in between.
void sequence_counted(Trial& trial) {
  const Numbers numbers(trial, 1);
  trial.thread([=] {
    numbers.append(2);
    numbers.pop();
  });
  trial.thread([=] {
    const bool before = numbers.get(1) != 0;
    const std::uint64_t size = numbers.size();
    const bool after = numbers.get(1) != 0;
    expect(!(before && after) || size == 2, "it was there all the time, and not counted");
    expect(before || after || size == 1 || numbers.size() == 1, "it is counted, and not there");
  });
}

/// Two that come at once are there both, for who reads both at one time.
void sequence_read_at_one_time(Trial& trial) {
  const Numbers numbers(trial, 1);
  trial.thread([=] { numbers.insert(7, 2); });
  trial.thread([=] {
    const core::Journal::Moment now = numbers.journal().now();
    const std::array<std::uint64_t, 3> seen{numbers.get(0), numbers.get(1), numbers.get(2)};
    if (numbers.journal().is_still(now))
      expect(now.size == 1 ? seen == std::array<std::uint64_t, 3>{1, 0, 0}
                           : seen == std::array<std::uint64_t, 3>{7, 7, 1},
             "of two times");
  });
}

void sequence_whose_writer_is_killed(Trial& trial) {
  const Numbers numbers(trial, 2);
  trial.thread([=] { numbers.append(3); }, true);
  trial.thread([=] { numbers.insert(4); }, true);
  trial.thread([=] {
    const std::uint64_t first = numbers.get(0);
    expect(first == 1 || first == 4, "it is there");
  });
  trial.afterwards([=] {
    const std::uint64_t size = numbers.size();
    for (std::uint64_t i = 0; i < 5; ++i)
      expect((numbers.get(i) != 0) == (i < size), "as many as are there");
    numbers.append(9);
    expect(numbers.from_end(1) == 9 && numbers.size() == size + 1, "and it goes on");
    numbers.keep(1);
    expect(numbers.size() == 1 && numbers.from_end(1) == numbers.get(0), "and on");
  });
}

}  // namespace

std::vector<Named> of_sequences() {
  return {{"sequence_replaced", sequence_replaced, {3}},
          {"sequence_moved", sequence_moved},
          {"sequence_cleared", sequence_cleared, {3}},
          {"sequence_moved_before_who_counts_from_its_end",
           sequence_moved_before_who_counts_from_its_end,
           {3}},
          {"sequence_read_from_its_end", sequence_read_from_its_end, {3}},
          {"sequence_counted", sequence_counted, {3}},
          {"sequence_read_at_one_time", sequence_read_at_one_time, {3}},
          {"sequence_whose_writer_is_killed", sequence_whose_writer_is_killed}};
}

}  // namespace lagoon::test::model
