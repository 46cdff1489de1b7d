#include <lagoon/core/copies.hpp>

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "child.hpp"
#include "rendezvous.hpp"
#include "sanitizers.hpp"
#include "shared_table.hpp"
#include "stepped.hpp"

namespace {

using lagoon::core::ChangeLog;
using lagoon::core::Copies;
using lagoon::core::Deadline;
using lagoon::core::Latch;
using lagoon::core::line_bytes;
using lagoon::core::Lines;
using lagoon::core::round_to_lines;
using lagoon::core::Version;
using lagoon::core::version_gone;
using lagoon::core::Written;
using lagoon::test::Child;
using lagoon::test::Rendezvous;
using lagoon::test::Shared;
using lagoon::test::SharedFlags;
using lagoon::test::SharedTable;
using Replaces = Copies::Replaces;
using Bytes = std::vector<std::byte>;

/// Bytes [first, last) become a pattern that tells seeds and positions apart.
struct Change {
  std::size_t first;
  std::size_t last;
  std::uint32_t seed;

  void apply(std::byte* record) const {
    for (std::size_t i = first; i < last; ++i)
      record[i] = static_cast<std::byte>(seed * 31 + i * 7 + (i >> 8));
  }
  static Change random(std::mt19937& engine, std::size_t size) {
    const auto below = [&](std::size_t n) { return engine() % n; };
    const auto seed = static_cast<std::uint32_t>(engine() & 0xffff);
    switch (engine() % 8) {
      case 0:
        return {0, size, seed};
      case 1:
      case 2: {
        const std::size_t a = below(size), b = below(size);
        return {std::min(a, b), std::max(a, b) + 1, seed};
      }
      default: {
        const std::size_t first = below(size);
        return {first, std::min(size, first + 1 + below(8)), seed};
      }
    }
  }
  // As one word, for others to read.
  [[nodiscard]] std::uint64_t packed() const {
    return std::uint64_t{first} << 40 | std::uint64_t{last - first} << 16 | seed;
  }
  static Change unpacked(std::uint64_t word) {
    const std::size_t first = word >> 40;
    return {first, first + (word >> 16 & 0xff'ffff), static_cast<std::uint32_t>(word & 0xffff)};
  }
};

/// A record in copies.
struct Record {
  Record(std::size_t record_size, unsigned copy_count, const void* initial = nullptr)
      : size(record_size), n(copy_count), table(128, Copies::bytes_for(record_size, copy_count)) {
    Copies::make(table.room(), size, n, *table, initial);
  }

  [[nodiscard]] Copies copies() const { return {table.room(), size, n}; }
  [[nodiscard]] Version version() const { return copies().latch().version(); }
  [[nodiscard]] std::byte* raw_copy(Version v) const {
    return table.room() + line_bytes + round_to_lines(ChangeLog::bytes_for(size)) +
           v % n * round_to_lines(size);
  }
  [[nodiscard]] ChangeLog log() const { return {table.room() + line_bytes, size}; }

  Version read(Bytes& to) const { return copies().read(to.data(), 0, size); }
  [[nodiscard]] Bytes read() const {
    Bytes bytes(size);
    read(bytes);
    return bytes;
  }
  /// Changes the record; before that calls in_turn(version to be).
  [[nodiscard]] Written write(
      const Change& c, const std::function<void(Version)>& in_turn = [](Version) {}) const {
    Copies record = copies();
    const bool whole = c.first == 0 && c.last == size;
    Bytes bytes(size);
    c.apply(bytes.data());
    return record.write(
        c.first, c.last, whole ? Replaces::every_byte_of_the_record : Replaces::some_bytes,
        [&](std::byte* target, const std::byte*) {
          in_turn(record.latch().version() + 1);
          lagoon::core::write_shared(target + c.first, bytes.data() + c.first, c.last - c.first);
        });
  }

  /// Invariant C1 of copies.hpp, looked at byte by byte while nobody writes.
  [[nodiscard]] testing::AssertionResult next_copy_differs_only_where_logged() const {
    const Version v = version();
    std::vector<bool> logged(round_to_lines(size));
    for (Version w = v + 2 - n; w != v + 2; ++w) {
      const Lines lines = log().of(w);
      for (std::size_t i = lines.first * log().unit();
           i < std::min<std::size_t>(lines.end() * log().unit(), logged.size()); ++i)
        logged[i] = true;
    }
    for (std::size_t i = 0; i < size; ++i)
      if (!logged[i] && raw_copy(v + 1)[i] != raw_copy(v)[i])
        return testing::AssertionFailure() << "byte " << i << " at version " << v;
    return testing::AssertionSuccess();
  }

  std::size_t size;
  unsigned n;
  SharedTable table;
};

Bytes noise(std::size_t size) {
  std::mt19937 engine(5);
  Bytes bytes(size);
  for (std::byte& b : bytes) b = static_cast<std::byte>(engine());
  return bytes;
}

class CopiesTest : public testing::TestWithParam<std::tuple<std::size_t, unsigned>> {
 protected:
  const std::size_t size = std::get<0>(GetParam());
  const unsigned n = std::get<1>(GetParam());
  // Large records take long to write and to compare.
  [[nodiscard]] int times(int small) const {
    const std::size_t weight = 1 + size / 4096;
    return std::max(20, small / static_cast<int>(weight));
  }
};

// A sanitizer looks at each byte: what is larger than all that copy.hpp tells apart is enough.
constexpr std::size_t large =
    lagoon::test::with_tsan || lagoon::test::with_asan ? 1 << 16 : 1 << 20;

INSTANTIATE_TEST_SUITE_P(, CopiesTest,
                         testing::Combine(testing::Values<std::size_t>(1, 7, 8, 63, 64, 65, 512,
                                                                       8192 + 8, large),
                                          testing::Values(2U, 4U, 8U)),
                         [](const auto& param) {
                           return std::to_string(std::get<0>(param.param)) + "_bytes_in_" +
                                  std::to_string(std::get<1>(param.param));
                         });

TEST_P(CopiesTest, begins_as_zeros_or_as_told) {
  EXPECT_EQ(Record(size, n).read(), Bytes(size));
  const Bytes initial = noise(size);
  const Record record(size, n, initial.data());
  EXPECT_EQ(record.version(), 0U);
  for (unsigned i = 0; i < n; ++i)
    EXPECT_EQ(std::memcmp(record.raw_copy(i), initial.data(), size), 0) << "copy " << i;
  EXPECT_EQ(record.read(), initial);
}

TEST_P(CopiesTest, any_sequence_of_writes_leaves_what_was_written) {
  const Record record(size, n);
  Bytes model(size), bytes(size);
  std::mt19937 engine(static_cast<unsigned>(size + n));
  Version version = 0;
  for (int i = 0; i < times(3000); ++i) {
    const Change c = Change::random(engine, size);
    if (engine() % 8 == 0) {  // half-way
      EXPECT_THROW((void)record.copies().write(c.first, c.last, Replaces::some_bytes,
                                               [&](std::byte* target, const std::byte*) {
                                                 lagoon::core::write_shared(
                                                     target + c.first, noise(size).data(),
                                                     (c.last - c.first + 1) / 2);
                                                 throw std::runtime_error("half-way");
                                               }),
                   std::runtime_error);
    } else {
      EXPECT_EQ(record.write(c), Written::yes);
      c.apply(model.data());
      ++version;
    }
    ASSERT_EQ(record.read(bytes), version);
    ASSERT_EQ(bytes, model) << "write " << i;
    ASSERT_TRUE(record.next_copy_differs_only_where_logged()) << "write " << i;

    const std::size_t a = engine() % (size + 1), b = engine() % (size + 1);
    const std::size_t first = std::min(a, b), count = std::max(a, b) - first;
    Bytes part(count + 1, std::byte{0x5a});
    ASSERT_EQ(record.copies().read(part.data(), first, first + count), version);
    ASSERT_TRUE(std::equal(part.begin(), part.end() - 1,
                           model.begin() + static_cast<std::ptrdiff_t>(first)));
    ASSERT_EQ(part.back(), std::byte{0x5a}) << "read too much";
  }
}

TEST_P(CopiesTest, a_write_is_given_the_current_state_to_change) {
  const Record record(size, n);
  Bytes model(size);
  std::mt19937 engine(3);
  for (int i = 0; i < times(200); ++i) {
    const Change c = Change::random(engine, size);
    EXPECT_EQ(record.copies().write(c.first, c.last, Replaces::some_bytes,
                                    [&](std::byte* target, const std::byte* published) {
                                      EXPECT_EQ(std::memcmp(target, model.data(), size), 0);
                                      EXPECT_EQ(std::memcmp(published, model.data(), size), 0);
                                      c.apply(model.data());
                                      lagoon::core::write_shared(target + c.first,
                                                                 model.data() + c.first,
                                                                 c.last - c.first);
                                    }),
              Written::yes);
    ASSERT_FALSE(HasFailure()) << "write " << i;
  }
}

/// What each version changed, for readers to check every byte of what they read at it.
struct Journal {
  static constexpr Version length = 1 << 16;
  std::atomic<std::uint64_t> changes[length] = {};
};

void write_at_random(const Record& record, Journal& journal, unsigned seed, int writes) {
  std::mt19937 engine(seed);
  for (int i = 0; i < writes; ++i) {
    const Change c = Change::random(engine, record.size);
    if (engine() % 16 == 0) {
      EXPECT_THROW((void)record.write(c, [](Version) { throw std::runtime_error("no"); }),
                   std::runtime_error);
    }
    ASSERT_EQ(record.write(c, [&](Version v) { journal.changes[v] = c.packed(); }), Written::yes);
  }
}

void read_until(const Record& record, const Journal& journal, unsigned seed, Version end) {
  std::mt19937 engine(seed);
  Bytes model(record.size), bytes(record.size);
  for (Version at = 0; at < end;) {
    const bool whole = engine() % 2 == 0;
    const std::size_t a = engine() % record.size, b = engine() % record.size;
    const std::size_t first = whole ? 0 : std::min(a, b);
    const std::size_t last = whole ? record.size : std::max(a, b) + 1;
    const Version v = record.copies().read(bytes.data(), first, last);
    ASSERT_GE(v, at) << "versions never go back";
    while (at < v) Change::unpacked(journal.changes[++at]).apply(model.data());
    ASSERT_EQ(std::memcmp(bytes.data(), model.data() + first, last - first), 0)
        << "torn at version " << v << ", bytes " << first << " to " << last;
  }
}

TEST_P(CopiesTest, readers_never_see_a_torn_record) {
  const int writes = times(8000);
  for (const bool processes : {false, true}) {
    if (processes && lagoon::test::with_tsan) continue;  // it sees nothing between processes
    const Record record(size, n);
    const Shared<Journal> journal;
    Rendezvous all(4);
    std::vector<std::function<void()>> tasks;
    for (unsigned i = 0; i < 2; ++i) {
      tasks.emplace_back([&, i] {
        all.meet();
        write_at_random(record, *journal, i, writes);
      });
      tasks.emplace_back([&, i] {
        all.meet();
        read_until(record, *journal, 10 + i, static_cast<Version>(2 * writes));
      });
    }
    if (processes) {
      std::vector<Child> children;
      for (const auto& task : tasks) children.emplace_back(task);
      for (Child& child : children) EXPECT_EQ(child.exitcode(), 0);
    } else {
      std::vector<std::thread> threads;
      for (const auto& task : tasks) threads.emplace_back(task);
      for (std::thread& t : threads) t.join();
    }
    EXPECT_EQ(record.version(), static_cast<Version>(2 * writes));
    EXPECT_TRUE(record.next_copy_differs_only_where_logged());
  }
}

// Stopped, then killed: before its first store, half-way, and after its last.
TEST_P(CopiesTest, a_writer_that_is_stopped_or_killed_half_way_is_not_even_noticed) {
  const Record record(size, n);
  Bytes model(size);
  std::mt19937 engine(9);
  SharedFlags flags;
  std::uint32_t begun = 0;
  for (const int quarters : {0, 1, 2, 4}) {
    for (const bool whole : {false, true}) {
      const Change c = whole ? Change{0, size, 77} : Change::random(engine, size);
      Child writer{[&] {
        (void)record.copies().write(
            c.first, c.last, whole ? Replaces::every_byte_of_the_record : Replaces::some_bytes,
            [&](std::byte* target, const std::byte*) {
              const Bytes other(size, std::byte{0xee});
              lagoon::core::write_shared(target + c.first, other.data(),
                                         (c.last - c.first) * static_cast<unsigned>(quarters) / 4);
              flags.raise();
              for (;;) pause();
            });
      }};
      flags.await(0, ++begun);
      writer.stop();
      const Version v = record.version();
      for (int i = 0; i < (quarters == 2 ? times(10'000) : 10); ++i) {
        Bytes bytes(size);
        ASSERT_EQ(record.read(bytes), v);
        ASSERT_EQ(bytes, model);
      }
      writer.kill_unreaped();
      ASSERT_EQ(record.read(), model);
      // The next writers leave everything as if nothing had been.
      for (unsigned i = 1; i <= 2 * n; ++i) {
        const Change next = Change::random(engine, size);
        ASSERT_EQ(record.write(next), Written::yes);
        next.apply(model.data());
        ASSERT_EQ(record.version(), v + i);
        ASSERT_EQ(record.read(), model) << quarters << " " << whole << " write " << i;
        ASSERT_TRUE(record.next_copy_differs_only_where_logged());
      }
    }
  }
}

TEST(Copies, a_stopped_writer_lets_others_read_ten_thousand_times) {
  const Record record(512, 2);
  SharedFlags flags;
  Child writer{[&] {
    (void)record.write({100, 200, 1}, [&](Version) {
      flags.raise();
      flags.await(1);
    });
  }};
  flags.await();
  writer.stop();
  for (int i = 0; i < 10'000; ++i) {
    Bytes bytes(512);
    ASSERT_EQ(record.read(bytes), 0U);
    ASSERT_EQ(bytes, Bytes(512));
  }
  flags.raise(1);
  writer.resume();
  EXPECT_EQ(writer.exitcode(), 0);
  EXPECT_EQ(record.version(), 1U) << "it went on where it was";
}

TEST(Copies, writes_do_not_nest) {
  const Record record(512, 4);
  EXPECT_EQ(record.write({0, 8, 1},
                         [&](Version) {
                           EXPECT_EQ(record.write({8, 16, 2}), Written::nested);
                         }),
            Written::yes);
  Bytes model(512);
  Change{0, 8, 1}.apply(model.data());
  EXPECT_EQ(record.read(), model);
  EXPECT_EQ(record.version(), 1U);
}

TEST(Copies, erased_there_is_nothing_to_write) {
  const Record record(512, 4);
  EXPECT_EQ(record.write({0, 512, 1}), Written::yes);
  Latch::Turn(record.copies().latch(), Deadline::never()).retire();
  EXPECT_EQ(record.write({0, 8, 2}), Written::erased);
  Bytes bytes(512);
  EXPECT_EQ(record.read(bytes), 1 | version_gone);
}

TEST(Copies, a_fork_inside_a_write_leaves_the_write_to_the_parent) {
  for (const unsigned n : {2U, 4U}) {
    const Record record(512, n);
    pid_t child = -1;
    const Written written = record.write({0, 8, 1}, [&](Version) { child = fork(); });
    if (child == 0) {
      // Whatever it does from here on, others do not see it.
      _exit(written == Written::forked ? 0 : 1);
    }
    ASSERT_GT(child, 0);
    EXPECT_EQ(written, Written::yes);
    int status = -1;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
    Bytes model(512);
    Change{0, 8, 1}.apply(model.data());
    EXPECT_EQ(record.read(), model);
    EXPECT_EQ(record.version(), 1U);
    for (std::uint32_t i = 0; i < 2 * n; ++i) {
      EXPECT_EQ(record.write({i * 60, i * 60 + 50, i}), Written::yes);
      Change{i * 60, i * 60 + 50, i}.apply(model.data());
      EXPECT_EQ(record.read(), model);
    }
  }
}

/// The reader runs some instructions, then some writes happen.
struct Overtaking {
  enum class Where { anywhere, in_what_is_read, elsewhere };
  std::size_t instructions;
  std::size_t writes;
  Where where = Where::anywhere;
};

/// A reader in a child, which is overtaken as told; what it reads is compared with what the record
/// was at the version that it says. Mostly the writes end with one that is begun and not published.
void expect_whole_when_overtaken(const Record& record, Change part, std::mt19937& engine,
                                 const std::vector<Overtaking>& times) {
  const Shared<std::atomic<Version>> version(~Version{0});
  const Record result(record.size, 2);  // room for what the child has read
  std::vector<Bytes> states{Bytes(record.size)};
  using Where = Overtaking::Where;
  const auto small_change = [&](Where where) {
    Change c = Change::random(engine, record.size);
    if (where == Where::in_what_is_read)
      c.first = part.first + c.first % (part.last - part.first);
    else if (where == Where::elsewhere)
      c.first = part.last + c.first % (record.size - part.last);
    c.last = std::min(record.size, c.first + 1 + engine() % (where == Where::anywhere ? 100 : 8));
    return c;
  };
  const auto write = [&](std::size_t count, Where where) {
    for (std::size_t i = 0; i < count; ++i) {
      const Change c = small_change(where);
      ASSERT_EQ(record.write(c), Written::yes);
      states.push_back(states.back());
      c.apply(states.back().data());
    }
    if (where == Where::in_what_is_read) return;  // joined with the next one's, that is much
    const Change c = small_change(where);
    EXPECT_THROW((void)record.copies().write(
                     c.first, c.last, Replaces::some_bytes,
                     [&](std::byte* target, const std::byte*) {
                       const Bytes other(record.size, std::byte{0xee});
                       lagoon::core::write_shared(target + c.first, other.data(), c.last - c.first);
                       throw std::runtime_error("half-way");
                     }),
                 std::runtime_error);
  };
  write(3, times.front().where);
  EXPECT_EQ(record.read(), states.back());  // also chooses how to copy: not the child's business
  lagoon::test::Stepped reader{
      [&] { *version = record.copies().read(result.raw_copy(0), part.first, part.last); }};
  for (const Overtaking& time : times) {
    for (std::size_t i = 0; i < time.instructions && reader.step(); ++i) continue;
    write(time.writes, time.where);
  }
  reader.finish();
  ASSERT_LT(*version, states.size());
  ASSERT_EQ(
      std::memcmp(result.raw_copy(0), states[*version].data() + part.first, part.last - part.first),
      0)
      << "torn at version " << *version;
}

TEST(Copies, a_reader_overtaken_at_any_instruction_finds_what_has_changed) {
  if constexpr (lagoon::test::with_tsan || lagoon::test::with_asan)
    GTEST_SKIP() << "it would step through the sanitizer";
  const lagoon::test::OnOneProcessor one;
  std::mt19937 engine(1);
  for (const unsigned n : {2U, 4U}) {
    constexpr std::size_t size = 1024;
    const std::size_t depth = ChangeLog::depth_for(size);
    for (const std::size_t writes : {std::size_t{1}, std::size_t{n} - 1, std::size_t{n}, depth - 1,
                                     depth, depth + 1, 3 * depth})
      for (std::size_t at = 40; at < 190; at += 3) {
        expect_whole_when_overtaken(Record(size, n), {0, size, 0}, engine,
                                    {{at, writes}, {engine() % 40, 1}});
        ASSERT_FALSE(testing::Test::HasFailure()) << n << " " << at << " " << writes;
      }
  }
}

// While it repairs what it has, the log comes round: what it lacks is in the entries that go first.
TEST(Copies, a_reader_overtaken_by_a_lap_of_the_log_finds_what_has_changed) {
  if constexpr (lagoon::test::with_tsan || lagoon::test::with_asan)
    GTEST_SKIP() << "it would step through the sanitizer";
  using Where = Overtaking::Where;
  const lagoon::test::OnOneProcessor one;
  std::mt19937 engine(4);
  constexpr std::size_t size = 2048;
  const std::size_t depth = ChangeLog::depth_for(size);
  for (std::size_t at = 0; at < 240; ++at)
    for (const std::size_t before : {2U, 4U}) {
      expect_whole_when_overtaken(Record(size, 2), {0, 1024, 0}, engine,
                                  {{70 + engine() % 100, before, Where::in_what_is_read},
                                   {at, depth - before, Where::elsewhere}});
      ASSERT_FALSE(testing::Test::HasFailure()) << at << " " << before;
    }
}

TEST(Copies, a_reader_overtaken_again_and_again_finds_what_has_changed) {
  if constexpr (lagoon::test::with_tsan || lagoon::test::with_asan)
    GTEST_SKIP() << "it would step through the sanitizer";
  const lagoon::test::OnOneProcessor one;
  std::mt19937 engine(2);
  for (int round = 0; round < 300; ++round) {
    const Record record(round % 2 == 0 ? 1024 : 2000, round % 3 == 0 ? 4 : 2);
    std::vector<Overtaking> times;
    for (auto i = 1 + engine() % 6; i != 0; --i)
      times.push_back({20 + engine() % 60, 1 + engine() % 40});
    const bool whole = round % 5 < 3;
    expect_whole_when_overtaken(record, {0, whole ? record.size : 300, 0}, engine, times);
    ASSERT_FALSE(testing::Test::HasFailure()) << "round " << round;
  }
}

// Both run one instruction at a time, in turns of random length.
TEST(Copies, a_reader_and_a_writer_interleaved_in_any_way) {
  if constexpr (lagoon::test::with_tsan || lagoon::test::with_asan)
    GTEST_SKIP() << "it would step through the sanitizer";
  constexpr std::size_t size = 1024;
  constexpr unsigned reads = 4;
  const lagoon::test::OnOneProcessor one;
  std::mt19937 engine(3);
  for (int round = 0; round < 30; ++round) {
    const Record record(size, round % 4 == 0 ? 4 : 2);
    const Record results(size, 8);  // room for what the reader has read
    const Shared<std::array<std::atomic<Version>, reads>> versions;
    std::vector<Change> changes;
    std::vector<Bytes> states{Bytes(size)};
    for (int i = 0; i < 8; ++i) {
      changes.push_back(Change::random(engine, size));
      states.push_back(states.back());
      changes.back().apply(states.back().data());
    }
    lagoon::test::Stepped writer{
        [&] { (void)record.table->self(); },
        [&] {
          Copies copies = record.copies();
          for (std::size_t i = 0; i < changes.size(); ++i) {
            const Change& c = changes[i];
            (void)copies.write(
                c.first, c.last, Replaces::some_bytes, [&](std::byte* target, const std::byte*) {
                  lagoon::core::write_shared(target + c.first, states[i + 1].data() + c.first,
                                             c.last - c.first);
                });
          }
        }};
    lagoon::test::Stepped reader{[&] {
      for (unsigned i = 0; i < reads; ++i)
        (*versions)[i] = record.copies().read(results.raw_copy(i), 0, size);
    }};
    while (!writer.returned()) {
      for (auto steps = engine() % 100; steps != 0 && writer.step(); --steps) continue;
      for (auto steps = engine() % 100; steps != 0 && reader.step(); --steps) continue;
    }
    reader.finish();
    EXPECT_EQ(record.read(), states.back());
    for (unsigned i = 0; i < reads; ++i)
      ASSERT_EQ(std::memcmp(results.raw_copy(i), states.at((*versions)[i]).data(), size), 0)
          << "round " << round << ", version " << (*versions)[i];
  }
}

}  // namespace
