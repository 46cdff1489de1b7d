#include <lagoon/core/latch.hpp>

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <thread>
#include <vector>

#include "child.hpp"
#include "rendezvous.hpp"
#include "shared_table.hpp"

namespace {

using namespace std::chrono_literals;
using lagoon::core::Deadline;
using lagoon::core::Latch;
using lagoon::core::Taken;
using lagoon::core::Version;
using lagoon::core::version_gone;
using lagoon::test::Child;
using lagoon::test::Rendezvous;
using lagoon::test::SharedFlags;
using lagoon::test::SharedTable;
using Turn = Latch::Turn;

class LatchTest : public testing::Test {
 protected:
  void publish(int times = 1) {
    for (int i = 0; i < times; ++i) {
      Turn turn(latch, Deadline::never());
      ASSERT_TRUE(turn.is_taken());
      ASSERT_TRUE(turn.publish(turn.version() + 1));
    }
  }
  SharedTable table{128, 65536};
  Latch& latch = table.make<Latch>(0, *table);
  SharedFlags flags;
};

TEST_F(LatchTest, finds_its_table) { EXPECT_EQ(&latch.table(), &*table); }

TEST_F(LatchTest, begins_at_version_zero_and_goes_up_by_what_is_published) {
  EXPECT_EQ(latch.version(), 0U);
  publish();
  EXPECT_EQ(latch.version(), 1U);
  publish(4);
  EXPECT_EQ(latch.version(), 5U);
}

TEST_F(LatchTest, a_turn_given_back_without_publishing_changes_nothing) {
  { const Turn turn(latch, Deadline::never()); }
  try {
    const Turn turn(latch, Deadline::never());
    throw std::runtime_error("in the middle of a write");
  } catch (const std::runtime_error&) {
  }
  EXPECT_EQ(latch.version(), 0U);
  publish();
  EXPECT_EQ(latch.version(), 1U);
}

TEST_F(LatchTest, turns_do_not_nest) {
  const Turn turn(latch, Deadline::never());
  {
    const Turn nested(latch, Deadline::never());
    EXPECT_FALSE(nested.is_taken());
    EXPECT_EQ(nested.outcome(), Taken::is_mine);
  }
  Child other{[&] {
    const Turn theirs(latch, Deadline::after(2ms));
    EXPECT_EQ(theirs.outcome(), Taken::no) << "the nested one must not give back the outer one's";
  }};
  EXPECT_EQ(other.exitcode(), 0);
}

TEST_F(LatchTest, a_turn_is_taken_over_from_the_dead) {
  Child child{[&] {
    const Turn turn(latch, Deadline::never());
    flags.raise();
    for (;;) pause();
  }};
  flags.await();
  {
    const Turn turn(latch, Deadline::after(2ms));
    EXPECT_EQ(turn.outcome(), Taken::no);
  }
  child.kill_unreaped();
  const Turn turn(latch, Deadline::never());
  EXPECT_EQ(turn.outcome(), Taken::from_dead);
  EXPECT_EQ(turn.version(), 0U);
}

TEST_F(LatchTest, a_child_forked_in_a_turn_neither_publishes_nor_gives_back) {
  Turn turn(latch, Deadline::never());
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const bool published = turn.publish(77);
    turn.~Turn();
    const Turn mine(latch, Deadline::after(2ms));
    _exit(published || mine.outcome() != Taken::no ? 1 : 0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(latch.version(), 0U);
  EXPECT_TRUE(turn.publish(1));
  EXPECT_EQ(latch.version(), 1U);
}

TEST_F(LatchTest, retired_nobody_gets_a_turn_and_readers_are_told) {
  publish(3);
  {
    Turn turn(latch, Deadline::never());
    turn.retire();
  }
  EXPECT_EQ(latch.version(), 3 | version_gone);
  EXPECT_EQ(Turn(latch, Deadline::never()).outcome(), Taken::is_gone);
  unsigned copy = 99;
  EXPECT_EQ(latch.read<4>([&](Version i) { copy = static_cast<unsigned>(i); }), 3 | version_gone);
  EXPECT_EQ(copy, 3U) << "the last copy is still whole";
}

TEST_F(LatchTest, a_copy_is_whole_until_n_minus_one_writes_have_completed) {
  for (const unsigned n : {2U, 4U, 8U}) {
    for (Version writes = 0; writes < 2 * n; ++writes)
      EXPECT_EQ(Latch::is_whole(n, 5, 5 + writes), writes <= n - 2) << n << " " << writes;
    EXPECT_FALSE(Latch::is_whole(n, 5, 5 | version_gone));
  }
}

template <unsigned N>
void expect_read_again_when_overtaken(Latch& latch, const auto& publish) {
  for (int writes = 0; writes < 3 * static_cast<int>(N); ++writes) {
    std::vector<Version> copied;
    const Version before = latch.version();
    const Version v = latch.read<N>([&](Version i) {
      copied.push_back(i);
      if (copied.size() == 1) publish(writes);
    });
    if (writes <= static_cast<int>(N) - 2) {
      EXPECT_EQ(v, before);
      EXPECT_EQ(copied, std::vector<Version>{before % N});
    } else {
      EXPECT_EQ(v, before + static_cast<Version>(writes));
      EXPECT_EQ(copied, (std::vector<Version>{before % N, v % N}));
    }
  }
}

TEST_F(LatchTest, read_copies_again_when_it_was_overtaken_and_only_then) {
  const auto write = [this](int times) { publish(times); };
  expect_read_again_when_overtaken<2>(latch, write);
  expect_read_again_when_overtaken<4>(latch, write);
  expect_read_again_when_overtaken<8>(latch, write);
}

TEST_F(LatchTest, a_reader_does_not_look_at_the_turn) {
  publish();
  Child writer{[&] {
    const Turn turn(latch, Deadline::never());
    flags.raise();
    for (;;) pause();
  }};
  flags.await();
  writer.stop();
  for (int i = 0; i < 10'000; ++i) ASSERT_EQ(latch.read<2>([](Version) {}), 1U);
  writer.kill_unreaped();
  for (int i = 0; i < 10'000; ++i) ASSERT_EQ(latch.read<2>([](Version) {}), 1U);
}

// What a latch is for, in its smallest form: N copies of a record that writers replace.
template <unsigned N>
class Record {
 public:
  static constexpr std::size_t words = 24;
  using Words = std::array<std::uint64_t, words>;

  explicit Record(lagoon::core::Participants& table) : latch_(table) {}

  void write() {
    Turn turn(latch_, Deadline::never());
    const Version next = turn.version() + 1;
    Words values;
    values.fill(next);
    lagoon::core::release_fence();
    lagoon::core::write_shared_fixed<sizeof(Words)>(&copies_[next % N], &values);
    EXPECT_TRUE(turn.publish(next));
  }
  /// Its version, which every word of it must be.
  Version read() const {
    Words values;
    const Version v = latch_.read<N>(
        [&](Version i) { lagoon::core::read_shared_fixed<sizeof(Words)>(&values, &copies_[i]); });
    for (const std::uint64_t word : values) EXPECT_EQ(word, v);
    return v;
  }

 private:
  Latch latch_;
  alignas(64) Words copies_[N]{};
};

template <unsigned N>
void expect_no_torn_record(SharedTable& table, bool processes) {
  constexpr Version writes = 60'000;
  Rendezvous all(4);
  auto& record = *new (table.room() + 4096) Record<N>(*table);
  const auto write = [&] {
    all.meet();
    for (Version i = 0; i < writes / 2; ++i) record.write();
  };
  const auto read = [&] {
    all.meet();
    for (Version last = 0, now = 0; last < writes; last = now) {
      now = record.read();
      ASSERT_GE(now, last) << "versions never go back";
      if (testing::Test::HasFailure()) return;
    }
  };
  if (processes) {
    std::vector<Child> children;
    for (int i = 0; i < 2; ++i) children.emplace_back(write);
    for (int i = 0; i < 2; ++i) children.emplace_back(read);
    for (Child& child : children) EXPECT_EQ(child.exitcode(), 0);
  } else {
    std::vector<std::thread> threads;
    for (int i = 0; i < 2; ++i) threads.emplace_back(write);
    for (int i = 0; i < 2; ++i) threads.emplace_back(read);
    for (std::thread& t : threads) t.join();
  }
  EXPECT_EQ(record.read(), writes);
}

TEST_F(LatchTest, no_thread_reads_a_torn_record) {
  expect_no_torn_record<2>(table, false);
  expect_no_torn_record<4>(table, false);
  expect_no_torn_record<8>(table, false);
}

TEST_F(LatchTest, no_process_reads_a_torn_record) {
  expect_no_torn_record<2>(table, true);
  expect_no_torn_record<4>(table, true);
  expect_no_torn_record<8>(table, true);
}

}  // namespace
