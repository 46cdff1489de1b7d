/// Killed at every instruction: what the core, the directory, values and arrays leave. How, and how
/// to add one: support/kill_everywhere.hpp.

#include <lagoon/lagoon.hpp>

#include <lagoon/core/copies.hpp>

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <iostream>
#include <memory>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "kill_everywhere.hpp"
#include "rendezvous.hpp"
#include "shared_table.hpp"
#include "shm_name.hpp"
#include "storing.hpp"

namespace {

using lagoon::core::Copies;
using lagoon::core::Deadline;
using lagoon::core::Latch;
using lagoon::core::OwnedWord;
using lagoon::core::Owner;
using lagoon::core::Taken;
using lagoon::core::Version;
using lagoon::core::Written;
using lagoon::test::kill_everywhere;
using lagoon::test::Operation;
using lagoon::test::Shared;
using lagoon::test::SharedTable;
using lagoon::test::Steps;
using lagoon::test::Storing;
using Replaces = Copies::Replaces;
using Bytes = std::vector<std::byte>;

// ---- The core -------------------------------------------------------------------------------

/// A record and what it should be.
class KilledWriter {
 public:
  KilledWriter(std::size_t size, unsigned n)
      : n_(n), table_(16, Copies::bytes_for(size, n)), old_(size) {
    Copies::make(table_.room(), size, n, *table_, nullptr);
  }

  /// A write of bytes [first, last) by `store`.
  Operation write(const std::string& name, std::size_t first, std::size_t last,
                  std::function<void(std::byte* target, std::byte fill)> store) {
    const bool whole = first == 0 && last == old_.size();
    return {.name = name + " in " + std::to_string(n_) + " copies",
            .before =
                [=, this] {
                  at_ = copies().latch().version();
                  fill_ = static_cast<std::byte>(at_ * 7 + 1);
                  new_ = old_;
                  std::fill(new_.begin() + static_cast<std::ptrdiff_t>(first),
                            new_.begin() + static_cast<std::ptrdiff_t>(last), fill_);
                },
            .enter = [this] { (void)table_->self(); },
            .run =
                [=, this] {
                  (void)copies().write(
                      first, last,
                      whole ? Replaces::every_byte_of_the_record : Replaces::some_bytes,
                      [&](std::byte* target, const std::byte*) { store(target, fill_); });
                },
            .after = [this] { return look(); }};
  }

 private:
  [[nodiscard]] Copies copies() const { return {table_.room(), old_.size(), n_}; }

  int look() {
    const Version v = expect_whole(at_ + 1);
    EXPECT_GE(v, at_);
    if (v != at_) old_ = new_;
    // The next writers: small writes all over, until every copy has been published.
    for (unsigned i = 1; i <= n_ + 1; ++i) {
      const std::size_t first = (v + i) * 40 % (old_.size() - 8);
      EXPECT_EQ(copies().write(first, first + 8, Replaces::some_bytes,
                               [&](std::byte* target, const std::byte*) {
                                 std::fill_n(old_.begin() + static_cast<std::ptrdiff_t>(first), 8,
                                             static_cast<std::byte>(i));
                                 lagoon::core::write_shared_fixed<8>(target + first,
                                                                     old_.data() + first);
                               }),
                Written::yes);
      new_ = old_;
      EXPECT_EQ(expect_whole(v + i), v + i);
    }
    return v == at_ ? 0 : 1;
  }
  /// Reads; at version `last` it must be the new state, before it the old one.
  Version expect_whole(Version last) {
    Bytes bytes(old_.size());
    const Version v = copies().read(bytes.data(), 0, bytes.size());
    EXPECT_LE(v, last);
    EXPECT_TRUE(bytes == (v == last ? new_ : old_)) << "torn at version " << v;
    return v;
  }

  unsigned n_;
  SharedTable table_;
  Bytes old_;
  Bytes new_;
  Version at_ = 0;
  std::byte fill_{};
};

class KillEveryInstruction : public testing::TestWithParam<unsigned> {};
INSTANTIATE_TEST_SUITE_P(Copies, KillEveryInstruction, testing::Values(2U, 4U),
                         [](const auto& n) { return "in_" + std::to_string(n.param); });

TEST_P(KillEveryInstruction, of_a_write_of_one_element) {
  KilledWriter record(512, GetParam());
  kill_everywhere(record.write("write of an element", 72, 80, [](std::byte* to, std::byte fill) {
    const std::array<std::byte, 8> from{fill, fill, fill, fill, fill, fill, fill, fill};
    lagoon::core::write_shared_fixed<8>(to + 72, from.data());
  }));
}

TEST_P(KillEveryInstruction, of_a_write_of_a_range) {
  KilledWriter record(1000, GetParam());
  kill_everywhere(record.write("write of a range", 100, 300, [](std::byte* to, std::byte fill) {
    std::array<std::byte, 200> from;
    from.fill(fill);
    lagoon::core::write_shared(to + 100, from.data(), from.size());
  }));
}

TEST_P(KillEveryInstruction, of_a_write_of_the_whole) {
  KilledWriter record(600, GetParam());
  kill_everywhere(record.write("write of the whole", 0, 600, [](std::byte* to, std::byte fill) {
    std::array<std::byte, 600> from;
    from.fill(fill);
    lagoon::core::write_shared(to, from.data(), from.size());
  }));
}

TEST(KillEveryInstruction, of_taking_and_giving_back_an_owned_word) {
  SharedTable table;
  auto& word = table.make<OwnedWord>(0);
  auto& count = table.make<std::atomic<unsigned>>(64, 0U);
  kill_everywhere({.name = "take and give back",
                   .done = 2,
                   .before = [&] { count = 0; },
                   .enter = [&] { (void)table->self(); },
                   .run =
                       [&] {
                         (void)word.take(*table, table->self(), Deadline::never());
                         count = 1;
                         word.give_back(table->self());
                       },
                   .after =
                       [&] {
                         const bool counted = count != 0;
                         const Taken taken = word.take(*table, table->self(), Deadline::never());
                         EXPECT_TRUE(taken == Taken::yes || taken == Taken::from_dead);
                         word.give_back(table->self());
                         EXPECT_EQ(word.take(*table, table->self(), Deadline::now()), Taken::yes);
                         word.give_back(table->self());
                         return taken == Taken::from_dead ? 1 : counted ? 2 : 0;
                       }});
}

TEST(KillEveryInstruction, of_ending_an_owned_word_and_giving_it_back) {
  SharedTable table;
  auto& word = table.make<OwnedWord>(0);
  kill_everywhere({.name = "end and give back",
                   .done = 2,
                   .before = [&] { new (&word) OwnedWord; },
                   .enter = [&] { (void)table->self(); },
                   .run =
                       [&] {
                         (void)word.take(*table, table->self(), Deadline::never());
                         word.end(*table, Deadline::now());
                         word.give_back(table->self());
                       },
                   .after = [&]() -> int {
                     const Taken taken = word.take(*table, table->self(), Deadline::never());
                     if (taken == Taken::is_gone) return 2;
                     const bool ending = word.is_ending();
                     EXPECT_TRUE(!ending || taken == Taken::from_dead);
                     word.give_back(table->self());
                     EXPECT_EQ(word.take(*table, table->self(), Deadline::now()),
                               ending ? Taken::is_gone : Taken::yes);
                     return ending ? 1 : 0;
                   }});
}

TEST(KillEveryInstruction, of_ending_a_latch_by_its_writer_and_by_another) {
  SharedTable table;
  auto& latch = table.make<Latch>(0, *table);
  const auto operation = [&](const std::string& name, std::function<void()> run) {
    return Operation{.name = name,
                     .before = [&] { new (&latch) Latch(*table); },
                     .enter = [&] { (void)table->self(); },
                     .run = std::move(run),
                     .after = [&]() -> int {
                       const bool told = [&] {
                         const Latch::Turn turn(latch, Deadline::never());
                         return turn.outcome() == Taken::is_gone;
                       }();
                       latch.end(Deadline::now());  // as whoever sweeps does
                       EXPECT_TRUE((latch.version() & lagoon::core::version_gone) != 0);
                       EXPECT_EQ(Latch::Turn(latch, Deadline::now()).outcome(), Taken::is_gone);
                       return told ? 1 : 0;
                     }};
  };
  kill_everywhere(operation("end a latch", [&] { latch.end(Deadline::now()); }));
  kill_everywhere(operation("end a latch, writing", [&] {
    Latch::Turn turn(latch, Deadline::never());
    latch.end(Deadline::now());
    (void)turn.publish(1);
  }));
}

// The kernel's list of what a thread holds is private to it: every instruction counts.
class KilledParticipant {
 public:
  /// A table with two places, one for us.
  Operation enrolling() {
    return {.name = "enrol",
            .before = [this] { prepare(); },
            .run =
                [this] {
                  owner_ = table_->self();
                  *enrolled_ = owner_;
                },
            .after = [this] { return look(*enrolled_ != 0 ? 1 : 0); }};
  }
  Operation resigning() {
    return {.name = "resign",
            .before = [this] { prepare(); },
            .enter = [this] { *enrolled_ = table_->self(); },
            .run =
                [this] {
                  table_->resign();
                  *resigned_ = true;
                },
            .after = [this] { return look(*resigned_ ? 1 : 0); }};
  }

 private:
  void prepare() {
    *enrolled_ = lagoon::core::nobody;
    *resigned_ = false;
    (void)table_->self();
  }
  int look(int came) {
    EXPECT_FALSE(table_->is_dead(table_->self()));
    EXPECT_TRUE(*enrolled_ == lagoon::core::nobody || table_->is_dead(*enrolled_));
    // Its place can be had.
    Owner next = lagoon::core::nobody;
    std::thread([&] {
      next = table_->self();
      EXPECT_FALSE(table_->is_dead(next));
    }).join();
    EXPECT_TRUE(table_->is_dead(next));
    EXPECT_GT(next, last_) << "given out before";
    EXPECT_GT(next, *enrolled_);
    last_ = next;
    return came;
  }

  SharedTable table_{2};
  Owner owner_ = lagoon::core::nobody;
  Owner last_ = lagoon::core::nobody;
  Shared<std::atomic<Owner>> enrolled_{lagoon::core::nobody};
  Shared<std::atomic<bool>> resigned_{false};
};

TEST(KillEveryInstruction, of_enrolling) { kill_everywhere(KilledParticipant().enrolling()); }
TEST(KillEveryInstruction, of_resigning) { kill_everywhere(KilledParticipant().resigning()); }

// ---- What users see -------------------------------------------------------------------------

struct Quote {
  std::uint64_t bid, ask, size[10];
  bool operator==(const Quote&) const = default;
};

TEST(KillEveryInstruction, of_an_update_of_a_struct) {
  lagoon::Value<Quote> value(Quote{});
  Quote old{};
  const auto change = [](Quote& q) {
    ++q.bid;
    q.ask = q.bid * 2;
    for (auto& s : q.size) s = q.bid;
  };
  kill_everywhere({.name = "Value<struct>::update",
                   .before = [&] { old = value.get(); },
                   .run = [&] { value.update(change); },
                   .after =
                       [&] {
                         const Quote now = value.get();
                         Quote wanted = old;
                         change(wanted);
                         EXPECT_TRUE(now == old || now == wanted) << "torn";
                         const Quote next = value.update(change);
                         EXPECT_EQ(next.bid, now.bid + 1);
                         EXPECT_EQ(value.get(), next);
                         return now == old ? 0 : 1;
                       }});
}

template <class Write>
Operation array_write(const std::string& name, lagoon::Array<int>& array, Write write) {
  auto old = std::make_shared<std::vector<int>>();
  return {.name = name,
          .before = [=, &array] { *old = array.snapshot(); },
          .run = [=, &array] { write(array, old->at(3) + 1); },
          .after =
              [=, &array] {
                const std::vector<int> now = array.snapshot();
                lagoon::Array<int> expected(*old);
                write(expected, old->at(3) + 1);
                EXPECT_TRUE(now == *old || now == expected.snapshot()) << "torn";
                for (int i = 1; i <= 5; ++i) {  // until the log knows only of these
                  array[63] += 1;
                  EXPECT_EQ(array.get(63), now.at(63) + i);
                }
                return now == *old ? 0 : 1;
              }};
}

TEST(KillEveryInstruction, of_writes_to_an_array) {
  lagoon::Array<int> array(64);
  kill_everywhere(array_write("Array element", array, [](auto& a, int x) { a[3] = x; }));
  kill_everywhere(array_write("Array::write", array, [](auto& a, int x) {
    a.write([x](std::span<int> all) { std::iota(all.begin(), all.end(), x - 3); });
  }));
  lagoon::Array<int> drafted(300);
  kill_everywhere(array_write("Array::write by a draft", drafted, [](auto& a, int x) {
    a.write([x](std::span<int> all) {
      for (const std::size_t i : {3U, 77U, 299U}) all[i] = x + static_cast<int>(i);
    });
  }));
}

template <class L>
Operation use_of(const std::string& name, L& lock, lagoon::Value<int>& count, int depth) {
  return {.name = name,
          .done = 2,
          .before = [&count] { count = 0; },
          .run =
              [=, &lock, &count] {
                for (int i = 0; i < depth; ++i) lock.lock();
                count = 1;
                for (int i = 0; i < depth; ++i) lock.unlock();
              },
          .after =
              [=, &lock, &count] {
                const bool counted = count != 0;
                const bool died = [&] {
                  const lagoon::Acquired acquired = lock.acquire();
                  EXPECT_TRUE(acquired);
                  return acquired.owner_died();
                }();
                EXPECT_EQ(lock.owner_died(), died) << "the news stays";
                lock.mark_consistent();
                lock.release();
                EXPECT_FALSE(lock.locked());
                EXPECT_FALSE(lock.acquire().owner_died()) << "told twice";
                lock.release();
                return died ? 1 : counted ? 2 : 0;
              }};
}

TEST(KillEveryInstruction, of_the_use_of_a_lock) {
  lagoon::Value<int> count(0);
  lagoon::Lock lock;
  kill_everywhere(use_of("Lock", lock, count, 1));
  lagoon::RLock rlock;
  kill_everywhere(use_of("RLock", rlock, count, 2));
}

// ---- A segment in memory that the application brings -------------------------------------------

/// A file of zeros, and all of it in memory.
class Adopted {
 public:
  static constexpr std::size_t bytes = std::size_t{1} << 18;

  Adopted() : fd_(memfd_create("lagoon-adopted", MFD_CLOEXEC)), memory_(map()) {
    // What a whole one begins with.
    (void)lagoon::Segment::adopt(memory(), options());
    mark_ = mark();
    begin_anew();
  }
  ~Adopted() {
    munmap(memory_, bytes);
    close(fd_);
  }
  Adopted(const Adopted&) = delete;
  Adopted& operator=(const Adopted&) = delete;

  static lagoon::SegmentOptions options() {
    lagoon::SegmentOptions options;
    options.reserve = bytes;
    options.participants = 4;
    return options;
  }
  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] std::span<std::byte> memory() const { return {memory_, bytes}; }
  /// Zeros again, and nothing that this process knows of it.
  void begin_anew() {
    munmap(memory_, bytes);
    EXPECT_EQ(ftruncate(fd_, 0), 0);
    memory_ = map();
  }
  /// It is no segment yet, or a whole one; whoever adopts it next has a whole one.
  int look(const std::function<lagoon::Segment()>& adopt) {
    const bool was_whole = mark() == mark_;
    {
      const lagoon::Segment segment = adopt();
      EXPECT_EQ(segment.used(), 0U);
      EXPECT_TRUE(segment.objects().empty());
      const lagoon::Value<int> value(segment["x"], 5);
      EXPECT_EQ(value.get(), 5);
    }
    EXPECT_EQ(mark(), mark_);
    begin_anew();
    return was_whole ? 1 : 0;
  }

 private:
  [[nodiscard]] std::byte* map() const {
    EXPECT_EQ(ftruncate(fd_, bytes), 0);
    void* const memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd_, 0);
    EXPECT_NE(memory, MAP_FAILED);
    return static_cast<std::byte*>(memory);
  }
  [[nodiscard]] std::uint64_t mark() const {
    std::uint64_t mark = 0;
    std::memcpy(&mark, memory_, sizeof mark);
    return mark;
  }

  int fd_;
  std::byte* memory_;
  std::uint64_t mark_ = 0;
};

// By one, and by the next who finds what that one has left.
TEST(KillEveryInstruction, of_the_making_of_a_segment_in_adopted_memory) {
  if (lagoon::test::with_tsan || lagoon::test::with_asan) GTEST_SKIP() << "it counts stores";
  Adopted adopted;
  const auto adopt = [&] { return lagoon::Segment::adopt(adopted.memory(), Adopted::options()); };
  const auto start = [&](unsigned stores) {
    return Storing(
        "memfd:lagoon-adopted", stores, [] {}, [&] { (void)adopt(); });
  };
  std::vector<unsigned> moments;
  {
    Storing child(start(Storing::all));
    child.wait();
    moments = child.moments(false);
  }
  EXPECT_EQ(adopted.look(adopt), 1);
  lagoon::test::KillCount count("Segment::adopt of memory");
  int came = 0;
  for (const unsigned first : moments) {
    SCOPED_TRACE("killed after " + std::to_string(first) + " stores");
    start(first).kill_there();
    const int now = adopted.look(adopt);
    EXPECT_TRUE(now >= came && (first != moments.back() || now == 1)) << "torn";
    came = now;
    count.killed();
    for (const unsigned second : {moments[moments.size() / 3], moments[moments.size() / 2]}) {
      SCOPED_TRACE("and the next one after " + std::to_string(second));
      start(first).kill_there();
      start(second).kill_there();
      (void)adopted.look(adopt);
      count.killed_in_recovery();
    }
    if (HasFailure()) return;
  }
}
TEST(KilledAtEachSystemCall, of_the_making_of_a_segment_in_an_adopted_file) {
  Adopted adopted;
  const auto adopt = [&] { return lagoon::Segment::adopt(adopted.fd(), Adopted::options()); };
  kill_everywhere({.name = "Segment::adopt of a file",
                   .run = [&] { (void)adopt(); },
                   .after = [&] { return adopted.look(adopt); },
                   .steps = Steps::system_calls});
}

// ---- A segment's name and its file ------------------------------------------------------------

class KilledAtFile {
 public:
  KilledAtFile() {
    options_.reserve = 8 << 20;
    options_.participants = 8;
  }
  ~KilledAtFile() { remove(); }
  KilledAtFile(const KilledAtFile&) = delete;
  KilledAtFile& operator=(const KilledAtFile&) = delete;

  void create() { (void)lagoon::Segment::create(name_.str(), options_); }
  void open_or_create() { (void)lagoon::Segment::open_or_create(name_.str(), options_); }
  bool remove() { return lagoon::Segment::remove(name_.str(), options_); }
  lagoon::Segment open() { return lagoon::Segment::open(name_.str(), options_); }
  [[nodiscard]] bool is_there() const { return access(name_.path().c_str(), F_OK) == 0; }

  /// The name is there, or it is not; what it names is whole, and can be had and removed.
  int look() {
    const bool was_there = is_there();
    {
      const auto segment = lagoon::Segment::open_or_create(name_.str(), options_);
      EXPECT_EQ(segment.used(), 0U);
      const lagoon::Value<int> value(segment["x"], 5);
      EXPECT_EQ(value.get(), 5);
      EXPECT_TRUE(segment.erase("x"));
    }
    EXPECT_TRUE(remove());
    EXPECT_FALSE(is_there());
    return was_there ? 1 : 0;
  }

 private:
  const lagoon::test::ShmName name_;
  lagoon::SegmentOptions options_;
};

// Killed while it makes a segment a process leaves no name, or a whole segment.
TEST(KilledAtEachSystemCall, of_the_creation_of_a_segment) {
  KilledAtFile file;
  kill_everywhere({.name = "Segment::create",
                   .run = [&] { file.create(); },
                   .after = [&] { return file.look(); },
                   .steps = Steps::system_calls});
  kill_everywhere({.name = "Segment::open_or_create",
                   .run = [&] { file.open_or_create(); },
                   .after = [&] { return file.look(); },
                   .steps = Steps::system_calls});
}
TEST(KilledAtEachSystemCall, of_the_removal_of_a_segment) {
  KilledAtFile file;
  kill_everywhere({.name = "Segment::remove",
                   .before = [&] { file.create(); },
                   .run = [&] { file.remove(); },
                   .after = [&] { return 1 - file.look(); },
                   .steps = Steps::system_calls});
}
// Who has it open opens it again and again, and is killed.
TEST(KilledAtEachSystemCall, of_the_opening_of_a_segment) {
  KilledAtFile file;
  kill_everywhere({.name = "Segment::open",
                   .done = 0,
                   .before = [&] { file.create(); },
                   .run = [&] { (void)file.open(); },
                   .after =
                       [&] {
                         EXPECT_EQ(file.look(), 1);
                         return 0;
                       },
                   .steps = Steps::system_calls});
}
// The file has grown, or has not; and no memory is lost: what it had grown by is had again.
TEST(KilledAtEachSystemCall, of_the_growth_of_a_segment) {
  KilledAtFile file;
  using Text = lagoon::Array<char, lagoon::mode::raw>;
  std::optional<lagoon::Segment> segment;
  std::optional<lagoon::Lock> enrols;
  std::size_t bytes = 0;
  std::size_t size = 0;
  const auto begin = [&] {
    enrols.reset();
    file.create();
    segment.emplace(file.open());
    enrols.emplace((*segment)["enrols"]);
    bytes = segment->size();  // so large that the memory there is now does not hold it
  };
  const auto make = [&] { const Text made((*segment)["made"], bytes); };
  begin();
  make();
  size = segment->size();
  EXPECT_GT(size, bytes);
  EXPECT_TRUE(file.remove());
  kill_everywhere({.name = "Segment, as it grows",
                   .before = begin,
                   .enter = [&] { (void)enrols->acquire(false); },
                   .run = make,
                   .after =
                       [&] {
                         const bool there = segment->erase("made");
                         make();
                         const auto made = segment->find<Text>("made");
                         EXPECT_TRUE(
                             std::ranges::all_of(made->get_obj(), [](char c) { return c == 0; }));
                         EXPECT_EQ(segment->size(), size);
                         EXPECT_TRUE(file.remove());
                         return there ? 1 : 0;
                       },
                   .steps = Steps::system_calls});
}

}  // namespace
