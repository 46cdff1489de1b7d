#include <lagoon/lagoon.hpp>
#include <lagoon/locks/reader_writer.hpp>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <new>
#include <optional>
#include <random>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "../src/layout.hpp"
#include "child.hpp"
#include "expect_throw.hpp"
#include "rendezvous.hpp"
#include "sanitizers.hpp"
#include "shm_name.hpp"

namespace fs = std::filesystem;

namespace {

using lagoon::AlreadyExists;
using lagoon::Array;
using lagoon::InvalidArgument;
using lagoon::LayoutMismatch;
using lagoon::NotFound;
using lagoon::OutOfMemory;
using lagoon::ReadOnly;
using lagoon::Segment;
using lagoon::SystemError;
using lagoon::Value;
using lagoon::test::Child;
using lagoon::test::expect_throw;
using lagoon::test::Rendezvous;
using lagoon::test::Shared;
using lagoon::test::SharedFlags;
using lagoon::test::ShmName;
using lagoon::test::with_asan;
using lagoon::test::with_tsan;
namespace mode = lagoon::mode;

constexpr std::size_t KiB = 1024;
constexpr std::size_t MiB = 1024 * KiB;
constexpr std::size_t GiB = 1024 * MiB;

mode_t permissions_of(const std::string& path) {
  struct stat s {};
  EXPECT_EQ(stat(path.c_str(), &s), 0) << path;
  return s.st_mode & 07777U;
}

/// The error number of the SystemError that f throws.
int error_number(const std::function<void()>& f) {
  try {
    f();
  } catch (const SystemError& e) {
    return e.code().value();
  }
  return 0;
}

// ---- Making, opening, removing ----------------------------------------------------------------

TEST(Segment, create_makes_it_and_open_finds_what_is_in_it) {
  const ShmName name;
  const Segment made = Segment::create(name);
  const Value<int> value{made["x"], 7};
  EXPECT_EQ(made.name(), name.str());
  EXPECT_FALSE(made.read_only());

  const Segment opened = Segment::open(name);
  EXPECT_EQ(opened.find<Value<int>>("x")->get(), 7);
}

TEST(Segment, create_of_a_name_that_is_taken_is_AlreadyExists_and_harms_nothing) {
  const ShmName name;
  const Segment made = Segment::create(name);
  Value<int> value{made["x"], 7};
  expect_throw<AlreadyExists>([&] { Segment::create(name); }, {name.str(), "/dev/shm/"});
  EXPECT_EQ(Segment::open(name).find<Value<int>>("x")->get(), 7);
}

TEST(Segment, open_of_a_name_that_is_not_there_is_NotFound) {
  const ShmName name;
  expect_throw<NotFound>([&] { Segment::open(name); }, {name.str(), "/dev/shm/"});
  expect_throw<NotFound>([&] { Segment::open_read_only(name); }, {name.str()});
  EXPECT_FALSE(fs::exists(name.path()));
}

TEST(Segment, open_or_create_makes_it_once_and_opens_it_after) {
  const ShmName name;
  const Segment first = Segment::open_or_create(name);
  const Value<int> value{first["x"], 7};
  const Segment second = Segment::open_or_create(name);
  EXPECT_EQ(second.find<Value<int>>("x")->get(), 7);
}

TEST(Segment, sixteen_processes_that_come_at_once_make_one_segment_with_one_of_each_object) {
  constexpr int processes = 16;
  constexpr int rounds = 8;
  for (int round = 0; round < rounds; ++round) {
    const ShmName name;
    Rendezvous together(processes);
    SharedFlags done;
    std::vector<Child> children;
    for (int i = 0; i < processes; ++i) {
      children.emplace_back([&, i] {
        together.meet();
        const Segment segment = Segment::open_or_create(name);
        Value<int> count{segment["count"], 0};
        Array<int> array(segment["array"], processes);
        Value<int> winner{segment["winner"], i + 1};
        ++count;
        array[static_cast<std::size_t>(i)] = i + 1;
        const int who = winner;
        done.raise();
        done.await(0, processes);
        // All of them see one object: every increment, every element, one winner.
        EXPECT_EQ(count.get(), processes);
        for (int j = 0; j < processes; ++j)
          EXPECT_EQ(array.get(static_cast<std::size_t>(j)), j + 1);
        EXPECT_EQ(winner.get(), who);
        EXPECT_EQ(segment.objects().size(), 3U);
      });
    }
    for (Child& child : children) ASSERT_EQ(child.exitcode(), 0);
  }
}

TEST(Segment, is_for_its_user_alone_unless_asked_otherwise) {
  const mode_t before = umask(077);  // what was asked for is not taken away by the umask
  {
    const ShmName name;
    const Segment segment = Segment::create(name);
    EXPECT_EQ(permissions_of(name.path()), 0600U);
  }
  {
    const ShmName name;
    const Segment segment = Segment::create(name, {.mode = 0664});
    EXPECT_EQ(permissions_of(name.path()), 0664U);
  }
  umask(before);
}

TEST(Segment, remove_takes_the_name_and_leaves_it_to_those_who_have_it_open) {
  const ShmName name;
  const Segment segment = Segment::create(name);
  Value<int> value{segment["x"], 7};
  EXPECT_TRUE(Segment::remove(name));
  EXPECT_FALSE(Segment::remove(name)) << "there was none any more";
  EXPECT_FALSE(fs::exists(name.path()));

  value = 8;
  Array<char> larger_than_it_is_now(segment["large"], 8 * MiB);
  larger_than_it_is_now.set_value("text");
  EXPECT_EQ(value.get(), 8);
  EXPECT_EQ(larger_than_it_is_now.value(), "text");

  const Segment another = Segment::create(name);
  EXPECT_FALSE(another.find<Value<int>>("x").has_value());
}

TEST(Segment, opened_twice_in_a_process_is_mapped_once) {
  const ShmName name;
  const Segment one = Segment::create(name);
  const Value<int, mode::raw> a{one["x"], 7};
  const Segment two = Segment::open(name);
  const auto b = two.find<Value<int, mode::raw>>("x");
  EXPECT_EQ(&a.get_obj(), &b->get_obj()) << "a thread is one owner, whichever handle it goes by";
}

// Who has the turn was stopped; one thread waits for it, to open the segment, and another one
// forks.
TEST(Segment, a_fork_does_not_wait_for_one_that_is_being_opened) {
  constexpr std::size_t bytes = 1 << 20;
  const Shared<std::array<std::byte, bytes>> memory;
  SharedFlags flags;
  Child owner([&] {
    const Segment mine = Segment::adopt(*memory);
    auto& header = *reinterpret_cast<lagoon::detail::Header*>(memory->data());
    auto& table =
        *reinterpret_cast<lagoon::core::Participants*>(memory->data() + header.participants);
    EXPECT_TRUE(header.turn.take_at_once(table.self()));
    flags.raise(0);
    for (;;) pause();
  });
  flags.await(0);
  std::atomic<pid_t> opener = 0;
  std::thread opens([&] {
    opener = gettid();
    const Segment opened = Segment::adopt(*memory);
    EXPECT_TRUE(opened.objects().empty());
  });
  lagoon::test::wait_until([&] { return opener != 0 && lagoon::test::is_asleep(opener); },
                           "it waits");
  Child forked([&] {
    const Shared<std::array<std::byte, bytes>> of_its_own;
    const Segment another = Segment::adopt(*of_its_own);
    const Value<int> x{another["x"], 1};
    EXPECT_EQ(Value<int>(2).get(), 2) << "in a heap of its own";
  });
  EXPECT_EQ(forked.exitcode(), 0);
  owner.kill(SIGKILL);
  opens.join();
}

TEST(Segment, a_handle_keeps_the_mapping) {
  const ShmName name;
  std::optional<Value<int>> value;
  {
    const Segment segment = Segment::create(name);
    value.emplace(segment["x"], 7);
  }
  EXPECT_EQ(value->get(), 7);
  ++*value;
  EXPECT_EQ(Segment::open(name).find<Value<int>>("x")->get(), 8);
}

TEST(Segment, is_unmapped_and_its_descriptor_closed_with_its_last_user) {
  const auto mapped = [](const std::string& path) {
    std::ifstream maps("/proc/self/maps");
    std::string line;
    while (std::getline(maps, line))
      if (line.find(path) != std::string::npos) return true;
    return false;
  };
  const auto descriptors = [] {
    return std::distance(fs::directory_iterator("/proc/self/fd"), fs::directory_iterator());
  };
  const ShmName name;
  const auto before = descriptors();
  for (int i = 0; i < 20; ++i) {
    const Segment segment = Segment::open_or_create(name);
    const Value<int> value{segment["x"], 7};
    EXPECT_EQ(segment.size() > 0, true);
  }
  EXPECT_EQ(descriptors(), before);
  EXPECT_FALSE(mapped(name.path()));
}

// ---- Names ------------------------------------------------------------------------------------

TEST(Segment, a_bad_name_is_InvalidArgument_for_every_call) {
  const std::string long_name(251, 'x');
  const std::vector<std::string_view> bad{
      "", ".", "..", "a/b", "/a", long_name, std::string_view("a\0b", 3)};
  for (const std::string_view name : bad) {
    SCOPED_TRACE(name);
    const std::initializer_list<std::string_view> says{"is no name for a segment", "1 to 250",
                                                       "slash"};
    expect_throw<InvalidArgument>([&] { Segment::create(name); }, says);
    expect_throw<InvalidArgument>([&] { Segment::open(name); }, says);
    expect_throw<InvalidArgument>([&] { Segment::open_or_create(name); }, says);
    expect_throw<InvalidArgument>([&] { Segment::open_read_only(name); }, says);
    expect_throw<InvalidArgument>([&] { Segment::remove(name); }, says);
  }
}

TEST(Segment, the_longest_name_and_odd_characters_are_good) {
  const ShmName prefix;
  const std::string name = prefix.str() + " \n*ü" + std::string(250 - prefix.str().size() - 5, 'x');
  ASSERT_EQ(name.size(), 250U);
  const Segment segment = Segment::create(name);
  EXPECT_TRUE(fs::exists("/dev/shm/" + name));
  EXPECT_TRUE(Segment::remove(name));
}

// ---- What is no segment -----------------------------------------------------------------------

class NoSegment : public testing::Test {
 protected:
  void write_file(const std::string& content) const {
    std::ofstream(name_.path(), std::ios::binary) << content;
  }
  /// All three ways to open refuse it, and leave it as it was.
  void expect_refused(std::initializer_list<std::string_view> says) const {
    const auto modified = fs::last_write_time(name_.path());
    expect_throw<LayoutMismatch>([&] { Segment::open(name_); }, says);
    expect_throw<LayoutMismatch>([&] { Segment::open_or_create(name_); }, says);
    expect_throw<LayoutMismatch>([&] { Segment::open_read_only(name_); }, says);
    EXPECT_EQ(fs::last_write_time(name_.path()), modified);
  }
  /// Writes 32 bits into the file of a segment that nobody has open.
  template <class T>
  void poke(off_t at, T x) const {
    const int fd = ::open(name_.path().c_str(), O_RDWR | O_CLOEXEC);
    ASSERT_EQ(pwrite(fd, &x, sizeof x, at), static_cast<ssize_t>(sizeof x));
    ::close(fd);
  }
  template <class T>
  [[nodiscard]] T peek(off_t at) const {
    T x{};
    const int fd = ::open(name_.path().c_str(), O_RDONLY | O_CLOEXEC);
    EXPECT_EQ(pread(fd, &x, sizeof x, at), static_cast<ssize_t>(sizeof x));
    ::close(fd);
    return x;
  }
  void make_segment() const {
    const Segment segment = Segment::create(name_);
    const Value<int> value{segment["x"], 7};
  }
  ShmName name_;
};

TEST_F(NoSegment, an_empty_file) {
  write_file("");
  expect_refused({name_.str(), "no lagoon segment", "0 bytes"});
}
TEST_F(NoSegment, a_short_file) {
  write_file("hello");
  expect_refused({name_.str(), "no lagoon segment", "5 bytes"});
}
TEST_F(NoSegment, a_file_of_something_else) {
  write_file(std::string(MiB, 'x'));
  expect_refused({name_.str(), "no lagoon segment"});
}
TEST_F(NoSegment, a_file_of_zeros) {
  write_file(std::string(MiB, '\0'));
  expect_refused({name_.str(), "no lagoon segment"});
}
TEST_F(NoSegment, a_segment_cut_off_behind_its_header) {
  make_segment();
  ASSERT_EQ(truncate(name_.path().c_str(), 64 * KiB), 0);
  expect_refused({name_.str(), "truncated", "65536 bytes"});
}
TEST_F(NoSegment, a_segment_cut_off_inside_its_header) {
  make_segment();
  ASSERT_EQ(truncate(name_.path().c_str(), 100), 0);
  expect_refused({name_.str(), "truncated", "100 bytes"});
}
TEST_F(NoSegment, a_segment_cut_off_by_a_page) {
  make_segment();
  const auto size = fs::file_size(name_.path());
  ASSERT_EQ(truncate(name_.path().c_str(), static_cast<off_t>(size - 4096)), 0);
  expect_refused({name_.str(), "truncated"});
}
TEST_F(NoSegment, another_layout_version) {
  make_segment();
  const auto version = peek<std::uint32_t>(8);
  poke(8, version + 1);
  expect_refused({name_.str(), "layout version " + std::to_string(version + 1),
                  "this library has " + std::to_string(version), "same version"});
}
TEST_F(NoSegment, another_layout_of_the_same_version) {
  make_segment();
  poke(12, peek<std::uint32_t>(12) ^ 1U);
  expect_refused({name_.str(), "laid out by a library built for another"});
}
TEST_F(NoSegment, a_header_that_contradicts_itself) {
  make_segment();
  for (const off_t field : {16, 24, 32}) {  // reserve, participants, blocks
    const auto right = peek<std::uint64_t>(field);
    for (const std::uint64_t wrong : {std::uint64_t{0}, right + 1, ~std::uint64_t{0}}) {
      if (field == 16 && wrong == right + 1) continue;  // it may be that large
      poke(field, wrong);
      SCOPED_TRACE(field);
      expect_refused({name_.str(), "corrupt"});
    }
    poke(field, right);
  }
  EXPECT_EQ(Segment::open(name_).find<Value<int>>("x")->get(), 7);
}
TEST_F(NoSegment, a_symbolic_link_is_not_followed) {
  const ShmName target;
  const Segment segment = Segment::create(target);
  fs::create_symlink(target.path(), name_.path());
  expect_throw<LayoutMismatch>([&] { Segment::open(name_); }, {name_.str(), "symbolic link"});
  expect_throw<LayoutMismatch>([&] { Segment::open_or_create(name_); }, {"symbolic link"});
  expect_throw<LayoutMismatch>([&] { Segment::open_read_only(name_); }, {"symbolic link"});
}
TEST_F(NoSegment, a_fifo_is_refused_at_once) {
  ASSERT_EQ(mkfifo(name_.path().c_str(), 0600), 0);
  expect_refused({name_.str(), "no regular file"});
}
TEST_F(NoSegment, a_directory) {
  fs::create_directory(name_.path());
  EXPECT_EQ(error_number([&] { Segment::open(name_); }), EISDIR);
  expect_throw<LayoutMismatch>([&] { Segment::open_read_only(name_); }, {"no regular file"});
}
TEST_F(NoSegment, create_does_not_replace_another_file) {
  write_file("precious");
  expect_throw<AlreadyExists>([&] { Segment::create(name_); }, {"or another file"});
  EXPECT_EQ(fs::file_size(name_.path()), 8U);
}

// ---- What was damaged while nobody had it open ------------------------------------------------

class Damaged : public NoSegment {
 protected:
  static constexpr off_t turn = 64, epoch = 80, search_from = 96, buckets = 128;
  static constexpr off_t capacity = buckets + 1024 * 8, used = capacity + 8, slots = capacity + 64;
  static constexpr off_t kind_of_mutex = 16;  // in a slot
  // In a block, and in its payload.
  static constexpr off_t ended = 24, next = 32, name_length = 40, payload_at = 44,
                         payload_bytes = 48, begins = 58, copies = 59, element_size = 64,
                         count = 72, name = 128, payload = 192, to_table = payload + 16,
                         change_log = payload + 64;

  Damaged() { make_and_leave(); }
  void make_and_leave() const {
    const Segment segment = Segment::create(name_, {.participants = 8});
    const Array<int> array(segment["array"], 100);
    const Value<int> value{segment["value"], 7};
    const lagoon::Lock lock{segment["lock"]};
    const Array<int, mode::raw> raw(segment["raw"], 10);
    const Array<int, mode::locked> locked(segment["locked"], 10);
    const RwLocked rw_locked(segment["rw locked"], 10);
    const lagoon::Semaphore semaphore(segment["semaphore"], 3);
    const lagoon::BoundedSemaphore bounded(segment["bounded"], 3);
    const lagoon::Event event(segment["event"]);
    const lagoon::Condition condition(segment["condition"], 4);
    const lagoon::Barrier barrier(segment["barrier"], 2);
  }
  using RwLocked = Array<int, mode::locked_by<lagoon::locks::ReaderWriterLock>>;
  /// The block of that name.
  [[nodiscard]] off_t block_of(std::string_view wanted) const {
    for (off_t block = first_block();; block = after(block)) {
      std::string found;
      for (std::uint32_t i = 0; i < peek<std::uint32_t>(block + name_length); ++i)
        found += peek<char>(block + name + static_cast<off_t>(i));
      if (found == wanted) return block;
    }
  }
  [[nodiscard]] off_t first_block() const { return peek<off_t>(32); }
  [[nodiscard]] off_t after(off_t block) const { return block + (peek<off_t>(block) & ~off_t{7}); }
  [[nodiscard]] off_t bucket_of(off_t block) const {
    for (off_t at = buckets; at < capacity; at += 8)
      if (peek<off_t>(at) == block) return at;
    throw std::runtime_error("no bucket leads to it");
  }
  template <class T>
  void expect_refused_with(off_t at, T x) const {
    SCOPED_TRACE("at byte " + std::to_string(at) + ", " + std::to_string(x));
    const T right = peek<T>(at);
    poke(at, x);
    Child child([&] {  // it may crash or hang
      alarm(60);
      expect_throw<LayoutMismatch>([&] { Segment::open(name_); }, {name_.str(), "corrupt"});
    });
    EXPECT_EQ(child.exitcode(), 0);
    poke(at, right);
    // That was all that was wrong with it.
    EXPECT_EQ(Segment::open(name_).find<Value<int>>("value")->get(), 7);
  }
};

TEST_F(Damaged, header) {
  expect_refused_with(turn, ~std::uint64_t{0});
  expect_refused_with(epoch, std::uint64_t{1});
  expect_refused_with(search_from, first_block() + 64);
  expect_refused_with(search_from, first_block() + 1);
}
TEST_F(Damaged, participants) {
  constexpr off_t slot_bytes =
      lagoon::core::Participants::size_for(2) - lagoon::core::Participants::size_for(1);
  for (const std::uint64_t wrong : {0U, 7U, 9U, 16'384U}) expect_refused_with(capacity, wrong);
  expect_refused_with(capacity, std::uint64_t{1} << 58);
  expect_refused_with(used, std::uint64_t{9});
  expect_refused_with(slots + kind_of_mutex, 16 | 64);
  expect_refused_with(slots + 7 * slot_bytes + kind_of_mutex, 0);
}
TEST_F(Damaged, chain_of_blocks) {
  const off_t block = first_block();
  const auto word = peek<std::uint64_t>(block);
  for (const std::uint64_t wrong :
       {std::uint64_t{0}, word ^ 64U, word + (1U << 20), ~std::uint64_t{0}, word | 7U})
    expect_refused_with(block, wrong);
}
TEST_F(Damaged, what_a_block_says_of_itself) {
  const off_t block = first_block();
  for (const std::uint32_t wrong : {0U, 1U, 300U, ~0U})
    expect_refused_with(block + name_length, wrong);
  for (const std::uint32_t wrong : {0U, 191U, 256U, ~0U})
    expect_refused_with(block + payload_at, wrong);
  for (const std::uint64_t wrong : {std::uint64_t{0}, std::uint64_t{1} << 30, ~std::uint64_t{63}})
    expect_refused_with(block + payload_bytes, wrong);
  for (const std::uint64_t wrong : {std::uint64_t{10'000}, std::uint64_t{1} << 62})
    expect_refused_with(block + count, wrong);
  expect_refused_with(block + element_size, 1U << 31);
  for (const unsigned wrong : {0U, 3U, 8U, 255U})
    expect_refused_with(block + copies, static_cast<std::uint8_t>(wrong));
  expect_refused_with(block + ended, std::uint64_t{1} << 40);
  expect_refused_with(block + name, 'x');  // it is in another bucket's place
}
TEST_F(Damaged, what_is_relied_on_in_a_payload) {
  const off_t array = first_block();
  const off_t value = after(array);
  expect_refused_with(array + to_table, std::int64_t{0});
  expect_refused_with(array + payload, ~std::uint64_t{0});
  expect_refused_with(array + change_log,
                      std::uint64_t{1} << 20 << 10 | 1);  // of its first version
  expect_refused_with(value + begins, std::uint8_t{1});
  expect_refused_with(value + begins, std::uint8_t{2});
  expect_refused_with(value + begins, std::uint8_t{3});
  expect_refused_with(value + begins, std::uint8_t{4});
}
TEST_F(Damaged, what_locks_and_their_like_rely_on) {
  // Where they lead to the table of participants, by a distance.
  for (const auto& [which, at] : {std::pair{"lock", 16},
                                  {"locked", 16},
                                  {"rw locked", 16},
                                  {"bounded", 16},
                                  {"condition", 16},
                                  {"condition", 64 + 16},
                                  {"barrier", 16}})
    for (const std::int64_t wrong : {std::int64_t{0}, std::int64_t{64}, std::int64_t{1} << 40}) {
      SCOPED_TRACE(which);
      expect_refused_with(block_of(which) + payload + at, wrong);
    }
  // How many there are.
  for (const std::uint32_t wrong : {0U, 4U, 1U << 20, ~0U}) {
    expect_refused_with(block_of("bounded") + payload + 8, wrong);
    expect_refused_with(block_of("barrier") + payload + 8, wrong);
  }
  for (const std::uint64_t wrong : {std::uint64_t{0}, std::uint64_t{4}, std::uint64_t{1} << 40})
    for (const char* which : {"bounded", "barrier"})
      expect_refused_with(block_of(which) + count, wrong);
  const off_t queue = block_of("condition") + payload + 64;
  for (const std::uint32_t wrong : {0U, 1000U, ~0U}) expect_refused_with(queue, wrong);
  for (const std::uint32_t wrong : {5U, ~0U}) expect_refused_with(queue + 4, wrong);  // in use
  // More have arrived at the barrier than there are parties, or have places.
  const auto word = peek<std::uint64_t>(block_of("barrier") + payload);
  for (const std::uint64_t arrived : {1U, 2U, 3U, 0xffffU})
    expect_refused_with(block_of("barrier") + payload, word + arrived * 8);
  expect_refused_with(block_of("barrier") + payload, std::uint64_t{0});
  // A shorter payload than the lock and what it guards.
  expect_refused_with(block_of("locked") + count, std::uint64_t{20});
  expect_refused_with(block_of("rw locked") + payload_bytes, std::uint64_t{64});
}
TEST_F(Damaged, an_owner_who_cannot_be_is_dead_and_taken_over_from) {
  const off_t array = first_block();
  const off_t lock = after(after(array));
  for (const std::uint64_t owner : {std::uint64_t{5} << 2, std::uint64_t{3} << 16 | 1U << 2,
                                    std::uint64_t{1} << 40, std::uint64_t{16'000} << 2}) {
    SCOPED_TRACE(owner);
    for (const off_t at : {turn, array + payload, lock + payload}) poke(at, owner);
    Child child([&] {  // it may hang
      alarm(60);
      const Segment segment = Segment::open(name_);
      segment.find<Array<int>>("array")->set(99, 1);
      auto taken = segment.find<lagoon::Lock>("lock");
      EXPECT_TRUE(taken->acquire().owner_died());
      taken->release();
      EXPECT_EQ(segment.find<Value<int>>("value")->get(), 7);
    });
    EXPECT_EQ(child.exitcode(), 0);
  }
}
TEST_F(Damaged, buckets) {
  const off_t block = first_block();
  const off_t bucket = bucket_of(block);
  for (const std::uint64_t wrong : {std::uint64_t{0}, static_cast<std::uint64_t>(block) + 64,
                                    static_cast<std::uint64_t>(after(block)), std::uint64_t{64},
                                    std::uint64_t{1} << 40, ~std::uint64_t{0}})
    expect_refused_with(bucket, wrong);
  expect_refused_with(block + next, block);  // round and round
  expect_refused_with(bucket == buckets ? buckets + 8 : buckets, block);
}

// Wherever some bytes change, who opens it gets a segment that it can use, or an error.
TEST_F(Damaged, at_random) {
  constexpr std::uint32_t seed = 20261123;
  constexpr int rounds = with_asan || with_tsan ? 100 : 600;
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  std::ifstream file(name_.path(), std::ios::binary);
  const std::string sound{std::istreambuf_iterator<char>(file), {}};
  const auto sound_bytes = static_cast<std::size_t>(after(block_of("barrier")));
  const auto use = [&](const Segment& segment) {
    const auto each = [](auto&& f) {
      try {
        f();
      } catch (const lagoon::Error&) {
      } catch (const std::bad_optional_access&) {  // it has another name now
      }
    };
    (void)segment.used();
    each([&] { (void)segment.find<Array<const int>>("array").value().snapshot(); });
    each([&] { (void)segment.find<Value<const int>>("value").value().get(); });
    if (segment.read_only()) return;
    each([&] { segment.find<Array<int>>("array").value().set(99, 1); });
    each([&] { segment.find<lagoon::Lock>("lock").value().lock(); });
    each([&] { segment.find<Array<int, mode::locked>>("locked").value().set(9, 1); });
    each([&] { segment.find<RwLocked>("rw locked").value().set(9, 1); });
    each([&] { (void)segment.find<RwLocked>("rw locked").value().snapshot(); });
    constexpr auto soon = std::chrono::milliseconds(2);
    each([&] {
      auto semaphore = segment.find<lagoon::Semaphore>("semaphore").value();
      (void)semaphore.acquire(true, soon);
      semaphore.release();
    });
    each([&] {
      auto bounded = segment.find<lagoon::BoundedSemaphore>("bounded").value();
      for (int i = 0; i < 4; ++i) (void)bounded.acquire(true, soon);
      bounded.release();
    });
    each([&] {
      auto event = segment.find<lagoon::Event>("event").value();
      (void)event.wait(soon);
      event.set();
      event.wait();
    });
    each([&] {
      auto condition = segment.find<lagoon::Condition>("condition").value();
      if (!condition.acquire(true, soon)) return;
      (void)condition.wait(soon);
      condition.notify_all();
      condition.release();
    });
    each([&] {
      auto barrier = segment.find<lagoon::Barrier>("barrier").value();
      std::thread other([&] { each([&] { (void)barrier.wait(soon); }); });
      each([&] { (void)barrier.wait(soon); });
      other.join();
    });
    for (const std::size_t n : {10U, 100U, 20'000U})
      each([&] { (void)Array<int>(segment["new" + std::to_string(n)], n).snapshot(); });
    for (const Segment::Entry& entry : segment.objects()) each([&] { segment.erase(entry.name); });
  };
  int refused = 0;
  for (int round = 0; round < rounds; ++round) {
    std::string damaged = sound;
    std::string where;
    for (auto n = 1 + random() % 4; n != 0; --n) {
      const std::size_t end = random() % 3 == 0 ? buckets : sound_bytes;
      char& byte = damaged.at(random() % end);
      const auto flipped = static_cast<unsigned char>(byte) ^ 1U << random() % 8;
      byte = static_cast<char>(random() % 2 == 0 ? flipped : random());
      where += " " + std::to_string(&byte - damaged.data()) + ":" + std::to_string(byte);
    }
    write_file(damaged);
    const bool write = random() % 4 != 0;
    Child child([&] {
      alarm(60);
      try {
        use(write ? Segment::open(name_) : Segment::open_read_only(name_));
      } catch (const lagoon::Error&) {
        _exit(2);
      }
    });
    const int exitcode = child.exitcode();
    ASSERT_TRUE(exitcode == 0 || exitcode == 2) << exitcode << ", damaged at" << where;
    refused += exitcode == 2 ? 1 : 0;
  }
  EXPECT_GT(refused, rounds / 10);
  EXPECT_LT(refused, rounds);
}

// ---- Whose it is ------------------------------------------------------------------------------

class OtherUser : public testing::Test {
 protected:
  static constexpr uid_t somebody = 12345;
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "only root can be another user";
  }
  /// f, as another user, in a child.
  static int as_somebody(const std::function<void()>& f) {
    return Child([&] {
             if (setgid(somebody) != 0 || setuid(somebody) != 0)
               throw std::system_error(errno, std::generic_category(), "setuid");
             f();
           })
        .exitcode();
  }
};

TEST_F(OtherUser, open_without_permission_is_SystemError_EACCES_that_says_what_to_do) {
  const ShmName name;
  const Segment segment = Segment::create(name);
  EXPECT_EQ(as_somebody([&] {
              EXPECT_EQ(error_number([&] { Segment::open(name); }), EACCES);
              EXPECT_EQ(error_number([&] { Segment::open_read_only(name); }), EACCES);
              EXPECT_EQ(error_number([&] { Segment::open_or_create(name); }), EACCES);
              expect_throw<SystemError>([&] { Segment::open(name); },
                                        {name.str(), "Permission denied", "open_read_only"});
            }),
            0);
}
TEST_F(OtherUser, may_read_what_was_made_readable) {
  const ShmName name;
  const Segment segment = Segment::create(name, {.mode = 0644});
  const Value<int> value{segment["x"], 7};
  EXPECT_EQ(as_somebody([&] {
              EXPECT_EQ(error_number([&] { Segment::open(name); }), EACCES);
              const Segment mine = Segment::open_read_only(name);
              EXPECT_EQ(mine.find<Value<const int>>("x")->get(), 7);
            }),
            0);
}
TEST_F(OtherUser, a_file_of_another_user_is_not_trusted_unless_asked_to) {
  const ShmName name;
  { const Segment segment = Segment::create(name); }
  ASSERT_EQ(chown(name.path().c_str(), somebody, somebody), 0);
  EXPECT_EQ(error_number([&] { Segment::open(name); }), EPERM);
  expect_throw<SystemError>([&] { Segment::open_or_create(name); },
                            {name.str(), "user 12345", "runs as 0", "any_owner"});
  EXPECT_NO_THROW(Segment::open(name, {.any_owner = true}));
}
TEST_F(OtherUser, a_file_of_root_is_trusted) {
  const ShmName name;
  const Segment segment = Segment::create(name, {.mode = 0666});
  EXPECT_EQ(as_somebody([&] {
              const Segment mine = Segment::open(name);
              const Value<int> value{mine["x"], 7};
            }),
            0);
  EXPECT_EQ(segment.find<Value<int>>("x")->get(), 7);
}
TEST_F(OtherUser, remove_without_permission_is_SystemError) {
  const ShmName name;
  const Segment segment = Segment::create(name);
  EXPECT_EQ(as_somebody([&] {
              const int e = error_number([&] { Segment::remove(name); });
              EXPECT_TRUE(e == EPERM || e == EACCES) << e;
            }),
            0);
  EXPECT_TRUE(fs::exists(name.path()));
}

TEST(Segment, a_directory_that_is_not_there_is_SystemError) {
  const ShmName name;
  const Segment::Options options{.directory = "/dev/shm/" + name.str()};
  EXPECT_EQ(error_number([&] { Segment::create("x", options); }), ENOENT);
  expect_throw<NotFound>([&] { Segment::open("x", options); }, {options.directory});
}

// ---- Growing ----------------------------------------------------------------------------------

TEST(Segment, grows_without_remapping_and_those_attached_see_it) {
  const ShmName name;
  const Segment segment = Segment::create(name);
  Array<char> small(segment["small"], 10);
  const std::size_t size_before = segment.size();
  SharedFlags flags;
  enum : std::size_t { attached, grown, seen };
  const auto look = [&](const Segment& mine) {
    const auto small_here = mine.find<Array<const char>>("small");
    const std::size_t before = mine.size();
    flags.raise(attached);
    flags.await(grown);
    EXPECT_GT(mine.size(), before);
    EXPECT_EQ(mine.size(), mine.size());
    const auto large = mine.find<Array<const char>>("large");
    ASSERT_TRUE(large.has_value());
    EXPECT_EQ(large->size(), 20 * MiB);
    EXPECT_EQ(large->value(), "from the beginning");
    EXPECT_EQ(large->get(20 * MiB - 1), '!');
    EXPECT_EQ(small_here->value(), "still here");
    flags.raise(seen);
  };
  Child writer([&] { look(Segment::open(name)); });
  Child reader([&] { look(Segment::open_read_only(name)); });
  Child inheritor([&] { look(segment); });
  flags.await(attached, 3);

  Array<char> large(segment["large"], 20 * MiB);
  large.set_value("from the beginning");
  large.set(20 * MiB - 1, '!');
  small.set_raw("still here");
  EXPECT_GT(segment.size(), size_before + 20 * MiB);
  flags.raise(grown);
  EXPECT_EQ(writer.exitcode(), 0);
  EXPECT_EQ(reader.exitcode(), 0);
  EXPECT_EQ(inheritor.exitcode(), 0);
  EXPECT_EQ(small.value(), "still here");
}

TEST(Segment, says_how_large_it_is_can_become_and_is_used) {
  const ShmName name;
  const Segment segment = Segment::create(name, {.reserve = 64 * MiB});
  EXPECT_EQ(segment.capacity(), 64 * MiB);
  EXPECT_EQ(segment.size(), fs::file_size(name.path()));
  EXPECT_EQ(segment.used(), 0U);
  const Array<char, mode::raw> array(segment["a"], 100 * KiB);
  EXPECT_GE(segment.used(), 100 * KiB);
  EXPECT_LT(segment.used(), 110 * KiB);
  EXPECT_LE(segment.used(), segment.size());
  EXPECT_EQ(segment.size(), fs::file_size(name.path()));
  EXPECT_LE(segment.size(), segment.capacity());
  const Segment reader = Segment::open_read_only(name);
  EXPECT_EQ(reader.capacity(), segment.capacity());
  EXPECT_EQ(reader.size(), segment.size());
  EXPECT_EQ(reader.used(), segment.used());
  segment.erase("a");
}

TEST(Segment, reserves_four_gigabytes_unless_asked_otherwise) {
  const ShmName name;
  EXPECT_EQ(Segment::create(name).capacity(), 4 * GiB);
}

TEST(Segment, who_opens_it_takes_the_reserve_from_its_creator) {
  const ShmName name;
  const Segment segment = Segment::create(name, {.reserve = 16 * MiB});
  Child child([&] { EXPECT_EQ(Segment::open(name, {.reserve = GiB}).capacity(), 16 * MiB); });
  EXPECT_EQ(child.exitcode(), 0);
}

TEST(Segment, can_be_opened_while_it_grows) {
  for (int round = 0; round < 10; ++round) {
    const ShmName name;
    SharedFlags flags;
    Child grower([&] {
      const Segment segment = Segment::create(name);
      flags.raise();
      for (int i = 0; i < 1000; ++i)
        Array<char, mode::raw> a(segment[std::to_string(i)], std::size_t{16} << 10);
      flags.raise(1);
    });
    flags.await();
    std::size_t last = 0;
    for (bool is_over = false; !is_over;) {
      is_over = flags.count(1) != 0;
      const Segment segment = Segment::open(name);
      ASSERT_GE(segment.size(), last);
      last = segment.size();
    }
    EXPECT_EQ(grower.exitcode(), 0);
  }
}

TEST(Segment, at_its_reserve_is_OutOfMemory_and_nothing_was_changed) {
  const ShmName name;
  const Segment segment = Segment::create(name, {.reserve = 4 * MiB});
  const Value<int> value{segment["x"], 7};
  const std::size_t used = segment.used();
  expect_throw<OutOfMemory>([&] { Array<char, mode::raw> a(segment["large"], 4 * MiB); },
                            {name.str(), "full", "Options::reserve"});
  expect_throw<OutOfMemory>([&] { Array<char, mode::raw> a(segment["larger"], GiB); },
                            {name.str(), "Options::reserve"});
  EXPECT_THROW((Array<char, mode::raw>(segment["as any"], 4 * MiB)), std::bad_alloc);
  EXPECT_EQ(segment.used(), used);
  EXPECT_EQ(segment.objects().size(), 1U);
  // What there is room for is still to be had, up to the last bytes.
  std::vector<Array<char, mode::raw>> pieces;
  const auto fill = [&] {
    for (int i = 0;; ++i) pieces.emplace_back(segment[std::to_string(i)], 60 * KiB);
  };
  expect_throw<OutOfMemory>(fill);
  EXPECT_EQ(segment.size(), segment.capacity());
  EXPECT_GT(segment.used(), 3 * MiB);
  EXPECT_EQ(value.get(), 7);
  EXPECT_TRUE(segment.erase("0"));
  pieces.clear();
  const Array<char, mode::raw> again(segment["again"], 60 * KiB);
}

TEST(Segment, a_reserve_too_small_for_its_header_is_InvalidArgument) {
  const ShmName name;
  expect_throw<InvalidArgument>([&] { Segment::create(name, {.reserve = 4096}); },
                                {"Options::reserve is 4096", "4096 participants", "needs"});
  EXPECT_FALSE(fs::exists(name.path()));
}

TEST(Segment, sixty_four_gigabytes_can_be_reserved) {
  const ShmName name;
  const Segment segment = Segment::create(name, {.reserve = 64 * GiB});
  EXPECT_EQ(segment.capacity(), 64 * GiB);
  EXPECT_LT(segment.size(), 2 * MiB) << "costs no memory";
  const Value<int> value{segment["x"], 7};
  EXPECT_EQ(Segment::open(name).find<Value<int>>("x")->get(), 7);
}

TEST(Segment, under_a_limit_of_address_space_says_so_and_a_smaller_one_runs) {
  if (with_asan || with_tsan) GTEST_SKIP() << "sanitizers need their own terabytes";
  const ShmName name;
  Child child([&] {
    const rlimit limit{GiB, GiB};
    ASSERT_EQ(setrlimit(RLIMIT_AS, &limit), 0);
    EXPECT_EQ(error_number([&] { Segment::create(name); }), ENOMEM);
    expect_throw<SystemError>(
        [&] { Segment::create(name); },
        {name.str(), "4294967296 bytes of address space", "Options::reserve", "ulimit -v"});
    EXPECT_FALSE(fs::exists(name.path()));
    const Segment segment = Segment::create(name, {.reserve = 64 * MiB});
    const Value<int> value{segment["x"], 7};
    EXPECT_EQ(value.get(), 7);
  });
  EXPECT_EQ(child.exitcode(), 0);
}

TEST(Segment, the_heap_under_a_limit_of_address_space_says_so_and_can_be_configured) {
  if (with_asan || with_tsan) GTEST_SKIP() << "sanitizers need their own terabytes";
  Child child([&] {
    const rlimit limit{GiB, GiB};
    ASSERT_EQ(setrlimit(RLIMIT_AS, &limit), 0);
    expect_throw<SystemError>([] { Value<int> value{0}; },
                              {"heap", "address space", "Options::reserve", "ulimit -v"});
    lagoon::configure_heap({.reserve = 64 * MiB});
    const Value<int> value{7};
    EXPECT_EQ(value.get(), 7);
  });
  EXPECT_EQ(child.exitcode(), 0);
}

TEST(Segment, the_heap_in_use_cannot_be_configured) {
  Child child([&] {
    lagoon::configure_heap({.reserve = 2 * MiB});
    const Value<int> value{7};
    expect_throw<lagoon::UsageError>([] { lagoon::configure_heap({}); },
                                     {"heap", "before the first object"});
    expect_throw<OutOfMemory>([] { Array<char, mode::raw> a(2 * MiB); }, {"heap"});
  });
  EXPECT_EQ(child.exitcode(), 0);
}

/// The descriptor of this process that is open on the file at `path`, which may have been opened
/// before it had that name.
int descriptor_of(const std::string& path) {
  struct stat wanted {};
  EXPECT_EQ(stat(path.c_str(), &wanted), 0);
  for (int fd = 0; fd < 1024; ++fd) {
    struct stat s {};
    if (fstat(fd, &s) == 0 && s.st_ino == wanted.st_ino && s.st_dev == wanted.st_dev) return fd;
  }
  return -1;
}

TEST(Segment, whose_descriptor_the_application_closed_cannot_grow_but_works) {
  const ShmName name;
  const Segment segment = Segment::open_or_create(name);
  Value<int> value{segment["x"], 7};
  const int fd = descriptor_of(name.path());
  ASSERT_GE(fd, 0);
  ASSERT_EQ(::close(fd), 0);
  const auto grow = [&] { Array<char, mode::raw> large(segment["large"], 8 * MiB); };
  EXPECT_EQ(error_number(grow), EBADF);
  expect_throw<SystemError>(grow, {name.str(), "closed by the application", "cannot grow"});
  EXPECT_EQ(segment.objects().size(), 1U);
  ++value;
  EXPECT_EQ(value.get(), 8);
  const Value<int> another{segment["y"], 9};
}

TEST(Segment, whose_descriptor_became_another_file_writes_nothing_there_and_leaves_it_open) {
  const ShmName name;
  const ShmName other;
  int fd = -1;
  {
    const Segment segment = Segment::create(name);
    fd = descriptor_of(name.path());
    ASSERT_GE(fd, 0);
    ASSERT_EQ(::close(fd), 0);
    ASSERT_EQ(::open(other.path().c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600), fd);
    EXPECT_EQ(error_number([&] { Array<char, mode::raw> large(segment["large"], 8 * MiB); }),
              EBADF);
    EXPECT_EQ(fs::file_size(other.path()), 0U);
  }
  EXPECT_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC) << "the segment closed a file of the application's";
  ::close(fd);
}

TEST(Segment, prefault_leaves_no_page_to_fault_in) {
  const auto pages_missing = [](const void* memory, std::size_t bytes) {
    const std::size_t page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    const std::size_t first = reinterpret_cast<std::uintptr_t>(memory) / page;
    const std::size_t last = (reinterpret_cast<std::uintptr_t>(memory) + bytes - 1) / page;
    const int fd = ::open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    std::size_t missing = 0;
    for (std::size_t p = first; p <= last; ++p) {
      std::uint64_t entry = 0;
      EXPECT_EQ(pread(fd, &entry, sizeof entry, static_cast<off_t>(p * sizeof entry)), 8);
      if ((entry >> 63) == 0) ++missing;
    }
    ::close(fd);
    return missing;
  };
  const ShmName name;
  const ShmName lazy_name;
  const Segment lazy = Segment::create(lazy_name);
  const Array<char, mode::raw> not_touched(lazy["a"], 4 * MiB);
  if (pages_missing(&not_touched.get_obj()[0], 4 * MiB) == 0)
    GTEST_SKIP() << "this kernel maps pages before they are touched";

  const Segment segment = Segment::create(name, {.prefault = true});
  const Array<char, mode::raw> at_once(segment["a"], 40 * KiB);
  EXPECT_EQ(pages_missing(&at_once.get_obj()[0], 40 * KiB), 0U) << "what was there at its creation";
  const Array<char, mode::raw> grown(segment["b"], 4 * MiB);
  EXPECT_EQ(pages_missing(&grown.get_obj()[0], 4 * MiB), 0U) << "what came by growing";
  Child child([&] {
    const Segment opened = Segment::open(name, {.prefault = true});
    const auto a = opened.find<Array<char, mode::raw>>("b");
    EXPECT_EQ(pages_missing(&a->get_obj()[0], 4 * MiB), 0U) << "what was there when it was opened";
  });
  EXPECT_EQ(child.exitcode(), 0);
}

TEST(Segment, huge_pages_may_be_asked_for) {
  const ShmName name;
  const Segment segment = Segment::create(name, {.huge_pages = true});
  Array<int> array(segment["a"], 1000);
  array[999] = 1;
  EXPECT_EQ(array.get(999), 1);
}

// ---- Participants -----------------------------------------------------------------------------

TEST(Segment, with_all_places_taken_is_OutOfMemory_until_one_dies) {
  const ShmName name;
  const Segment segment = Segment::create(name, {.participants = 2});
  SharedFlags flags;
  Child second([&] {
    const Segment mine = Segment::open(name);
    flags.raise(0);
    flags.await(1);
  });
  flags.await(0);
  // A thread of this process: it is the third. (A forked child would be the third by itself.)
  std::string said;
  std::thread third([&] {
    said = expect_throw<OutOfMemory>([&] { Value<int> value{segment["x"], 7}; });
  });
  third.join();
  EXPECT_NE(said.find("all 2 places"), std::string::npos) << said;
  EXPECT_NE(said.find("Options::participants"), std::string::npos) << said;
  second.kill_unreaped();
  std::thread fourth([&] { Value<int> value{segment["x"], 7}; });
  fourth.join();
  EXPECT_EQ(segment.find<Value<int>>("x")->get(), 7);
}

TEST(Segment, for_no_participants_or_too_many_is_InvalidArgument) {
  const ShmName name;
  std::vector<std::byte> memory(2 * MiB);
  const auto aligned = reinterpret_cast<std::uintptr_t>(memory.data()) % 64;
  const std::span<std::byte> to_adopt(memory.data() + (64 - aligned), MiB);
  for (const std::size_t n : {std::size_t{0}, std::size_t{16'384}, ~std::size_t{0}}) {
    const std::initializer_list<std::string_view> says{"participants", "1 to 16383"};
    expect_throw<InvalidArgument>([&] { Segment::create(name, {.participants = n}); }, says);
    expect_throw<InvalidArgument>([&] { Segment::open_or_create(name, {.participants = n}); },
                                  says);
    expect_throw<InvalidArgument>([&] { Segment::adopt(to_adopt, {.participants = n}); }, says);
    expect_throw<InvalidArgument>([&] { lagoon::configure_heap({.participants = n}); }, says);
    EXPECT_FALSE(fs::exists(name.path()));
  }
  const Segment largest = Segment::create(name, {.participants = 16'383});
  const Value<int> value{largest["x"], 7};
  EXPECT_EQ(value.get(), 7);
}

// ---- Memory that the application brings -------------------------------------------------------

class Memfd {
 public:
  Memfd() : fd_(memfd_create("lagoon-test", MFD_CLOEXEC)) {}
  ~Memfd() { ::close(fd_); }
  Memfd(const Memfd&) = delete;
  Memfd& operator=(const Memfd&) = delete;
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

TEST(Adopt, a_descriptor_that_is_empty_is_made_a_segment_and_grows) {
  const Memfd fd;
  const Segment segment = Segment::adopt(fd.get(), {.reserve = 64 * MiB});
  Value<int> value{segment["x"], 7};
  Array<char> large(segment["large"], 4 * MiB);
  EXPECT_EQ(segment.capacity(), 64 * MiB);
  EXPECT_EQ(value.get(), 7);
}

TEST(Adopt, a_descriptor_twice_is_the_same_segment) {
  const Memfd fd;
  const Segment one = Segment::adopt(fd.get());
  Value<int> value{one["x"], 7};
  const Segment two = Segment::adopt(fd.get());
  EXPECT_EQ(two.find<Value<int>>("x")->get(), 7);
  Child child([&] { ++*Segment::adopt(fd.get()).find<Value<int>>("x"); });
  EXPECT_EQ(child.exitcode(), 0);
  EXPECT_EQ(value.get(), 8);
}

TEST(Adopt, the_descriptor_stays_the_applications) {
  const Memfd fd;
  {
    const Segment segment = Segment::adopt(fd.get());
    const Value<int> value{segment["x"], 7};
  }
  EXPECT_NE(fcntl(fd.get(), F_GETFD), -1);
  const Segment again = Segment::adopt(fd.get());
  EXPECT_EQ(again.find<Value<int>>("x")->get(), 7);
}

TEST(Adopt, a_descriptor_by_sixteen_at_once_is_made_once) {
  constexpr int processes = 16;
  const Memfd fd;
  Rendezvous together(processes);
  SharedFlags done;
  std::vector<Child> children;
  for (int i = 0; i < processes; ++i)
    children.emplace_back([&] {
      together.meet();
      const Segment segment = Segment::adopt(fd.get());
      Value<int> value{segment["x"], 0};
      ++value;
      done.raise();
      done.await(0, processes);
      EXPECT_EQ(value.get(), processes);
    });
  for (Child& child : children) EXPECT_EQ(child.exitcode(), 0);
}

TEST(Adopt, a_descriptor_again_after_it_could_not_be_made) {
  const Memfd fd;
  const ShmName name;
  // Not enough address space for this: what was begun must not spoil the file.
  expect_throw<SystemError>([&] { Segment::adopt(fd.get(), {.reserve = std::size_t{1} << 47}); },
                            {"address space"});
  expect_throw<InvalidArgument>([&] { Segment::adopt(fd.get(), {.reserve = SIZE_MAX}); },
                                {"Options::reserve", "can address"});
  const Segment segment = Segment::adopt(fd.get());
  const Value<int> value{segment["x"], 7};
}

TEST(Adopt, a_descriptor_that_is_closed_or_no_file_is_refused) {
  EXPECT_EQ(error_number([] { Segment::adopt(-1); }), EBADF);
  std::array<int, 2> ends{};
  ASSERT_EQ(pipe(ends.data()), 0);
  EXPECT_THROW(Segment::adopt(ends[0]), std::exception);
  ::close(ends[0]);
  ::close(ends[1]);
  const Memfd text;
  ASSERT_EQ(write(text.get(), "hello", 5), 5);
  expect_throw<LayoutMismatch>([&] { Segment::adopt(text.get()); }, {"no lagoon segment"});
  for (const off_t at : {off_t{100}, off_t{3 * MiB}}) {
    const Memfd late;
    ASSERT_EQ(pwrite(late.get(), "precious", 8, at), 8);
    expect_throw<LayoutMismatch>([&] { Segment::adopt(late.get()); }, {"no lagoon segment"});
    std::array<char, 8> kept{};
    ASSERT_EQ(pread(late.get(), kept.data(), kept.size(), at), 8);
    EXPECT_EQ(std::string_view(kept.data(), kept.size()), "precious");
  }
}

/// The same memory mapped twice, as two processes have it.
class MappedTwice {
 public:
  explicit MappedTwice(std::size_t bytes) : bytes_(bytes) {
    if (ftruncate(fd_.get(), static_cast<off_t>(bytes)) != 0) throw std::bad_alloc();
    for (std::byte*& at : at_) {
      void* p = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd_.get(), 0);
      if (p == MAP_FAILED) throw std::bad_alloc();
      at = static_cast<std::byte*>(p);
    }
  }
  ~MappedTwice() {
    for (std::byte* at : at_) munmap(at, bytes_);
  }
  MappedTwice(const MappedTwice&) = delete;
  MappedTwice& operator=(const MappedTwice&) = delete;
  [[nodiscard]] std::span<std::byte> operator[](std::size_t i) const { return {at_[i], bytes_}; }

 private:
  Memfd fd_;
  std::size_t bytes_;
  std::array<std::byte*, 2> at_{};
};

TEST(Adopt, memory_of_zeros_is_made_a_segment_and_found_through_another_mapping) {
  const MappedTwice memory(256 * KiB);
  const Segment one = Segment::adopt(memory[0]);
  EXPECT_EQ(one.capacity(), 256 * KiB);
  EXPECT_EQ(one.size(), 256 * KiB);
  Value<int> value{one["x"], 7};
  Array<int> array(one["a"], 10);
  array[3] = 33;
  const Segment two = Segment::adopt(memory[1]);
  auto same = two.find<Value<int>>("x");
  auto same_array = two.find<Array<int>>("a");
  EXPECT_EQ(same->get(), 7);
  EXPECT_EQ(same_array->get(3), 33);
  ++*same;
  (*same_array)[4] = 44;  // a write finds the table of participants from where it is mapped
  EXPECT_EQ(value.get(), 8);
  EXPECT_EQ(array.get(4), 44);
}

TEST(Adopt, memory_does_not_grow_and_is_not_unmapped) {
  const MappedTwice memory(256 * KiB);
  {
    const Segment segment = Segment::adopt(memory[0]);
    expect_throw<OutOfMemory>([&] { Array<char, mode::raw> a(segment["a"], 256 * KiB); },
                              {"adopted segment", "full"});
    const Value<int> value{segment["x"], 7};
  }
  EXPECT_NE(memory[0][0], std::byte{});
  EXPECT_EQ(Segment::adopt(memory[0]).find<Value<int>>("x")->get(), 7);
}

TEST(Adopt, memory_twice_is_one_segment_with_one_book_of_handles) {
  const MappedTwice memory(256 * KiB);
  const Segment one = Segment::adopt(memory[0]);
  const Array<int, mode::raw> held(one["a"], 100);
  const Segment two = Segment::adopt(memory[0]);
  EXPECT_TRUE(two.erase("a"));
  for (int i = 0; i < 20; ++i) {  // of as many bytes, where it was if it was free
    Array<int, mode::raw> other(two["b" + std::to_string(i)], 100);
    for (std::size_t k = 0; k < 100; ++k) other[k] = 7;
  }
  for (std::size_t k = 0; k < 100; ++k) ASSERT_EQ(int(held[k]), 0);
}

TEST(Adopt, memory_too_small_or_misaligned_is_InvalidArgument) {
  const MappedTwice memory(256 * KiB);
  expect_throw<InvalidArgument>([&] { Segment::adopt(memory[0].subspan(8)); }, {"aligned to 64"});
  expect_throw<InvalidArgument>([&] { Segment::adopt(memory[0].first(4096)); },
                                {"at least", "this has 4096"});
  expect_throw<InvalidArgument>([&] { Segment::adopt(std::span<std::byte>{}); }, {"this has 0"});
  for (const std::byte b : memory[0].first(4096)) ASSERT_EQ(b, std::byte{}) << "nothing was made";
}

TEST(Segment, is_listed_while_others_make_and_erase_at_full_speed) {
  const ShmName name;
  const Segment segment = Segment::create(name);
  const int many = with_tsan || with_asan ? 200 : 5000;
  for (int i = 0; i < many; ++i) const Value<int> one{segment["v" + std::to_string(i)], i};
  SharedFlags flags;
  std::vector<std::unique_ptr<Child>> churners;
  for (int c = 0; c < 2; ++c)
    churners.push_back(std::make_unique<Child>([&, c] {
      const Segment mine = Segment::open(name);
      const std::string own = "own" + std::to_string(c);
      for (flags.raise(0); flags.count(1) == 0;) {
        { const Array<int> array(mine[own], 100); }
        mine.erase(own);
      }
    }));
  flags.await(0, 2);
  for (int round = 0; round < 20; ++round) {
    const auto entries = segment.objects();
    EXPECT_GE(entries.size(), static_cast<std::size_t>(many));
    EXPECT_LE(entries.size(), static_cast<std::size_t>(many) + 2);
    EXPECT_GT(segment.used(), static_cast<std::size_t>(many) * 192);
  }
  flags.raise(1);
  for (auto& churner : churners) EXPECT_EQ(churner->exitcode(), 0);
}

TEST(Adopt, memory_of_a_few_pages_holds_a_segment) {
  const MappedTwice memory(16 * KiB);
  const Segment segment = Segment::adopt(memory[0]);
  const Value<int> value{segment["x"], 7};
  EXPECT_EQ(value.get(), 7);
}

TEST(Adopt, memory_that_holds_something_else_is_LayoutMismatch) {
  const MappedTwice memory(64 * KiB);
  std::memset(memory[0].data(), 'x', memory[0].size());
  expect_throw<LayoutMismatch>([&] { Segment::adopt(memory[0]); }, {"no lagoon segment"});
}

TEST(Adopt, memory_shared_with_a_child) {
  const MappedTwice memory(256 * KiB);
  const Segment segment = Segment::adopt(memory[0]);
  Value<int> value{segment["x"], 7};
  Child child([&] {
    ++*Segment::adopt(memory[1]).find<Value<int>>("x");
    ++*segment.find<Value<int>>("x");
  });
  EXPECT_EQ(child.exitcode(), 0);
  EXPECT_EQ(value.get(), 9);
}

// ---- A full /dev/shm --------------------------------------------------------------------------

/// A file system of a limited size, in a child with a mount namespace of its own.
class FullFileSystem : public testing::Test {
 protected:
  void SetUp() override {
    const int code = Child([] {
                       if (unshare(CLONE_NEWNS) != 0) _exit(77);
                     }).exitcode();
    if (code == 77) GTEST_SKIP() << "cannot mount a file system here: " << std::strerror(EPERM);
    std::string pattern = fs::temp_directory_path() / "lagoon-test-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }
  void TearDown() override {
    if (!directory_.empty()) fs::remove(directory_);
  }
  /// f(options for that file system), in a child.
  int with_file_system(const std::string& limits,
                       const std::function<void(const Segment::Options&)>& f) const {
    return Child([&] {
             if (unshare(CLONE_NEWNS) != 0 ||
                 mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
                 mount("tmpfs", directory_.c_str(), "tmpfs", 0, limits.c_str()) != 0)
               throw std::system_error(errno, std::generic_category(), "mount");
             f({.directory = directory_});
           })
        .exitcode();
  }
  std::string directory_;
};

TEST_F(FullFileSystem, at_creation_is_OutOfMemory_and_leaves_no_file) {
  EXPECT_EQ(with_file_system("size=128k",
                             [&](const Segment::Options& options) {
                               expect_throw<OutOfMemory>(
                                   [&] { Segment::create("s", options); },
                                   {"segment 's'", directory_, "No space left"});
                               EXPECT_TRUE(fs::is_empty(directory_));
                               EXPECT_EQ(fs::space(directory_).free, 128 * KiB);
                             }),
            0);
}

TEST_F(FullFileSystem, without_a_file_left_is_OutOfMemory_too) {
  EXPECT_EQ(with_file_system("size=8m,nr_inodes=2",
                             [&](const Segment::Options& options) {
                               const Segment first = Segment::create("first", options);
                               expect_throw<OutOfMemory>(
                                   [&] { Segment::create("second", options); },
                                   {"segment 'second'", directory_});
                             }),
            0);
}

TEST_F(FullFileSystem, at_growth_is_OutOfMemory_loses_nothing_and_works_again_with_space) {
  EXPECT_EQ(with_file_system("size=4m",
                             [&](const Segment::Options& options) {
                               const Segment segment = Segment::create("s", options);
                               Array<int> array(segment["kept"], 1000);
                               array[999] = 7;
                               const std::size_t used = segment.used();
                               const std::size_t size = segment.size();
                               for (int i = 0; i < 3; ++i)
                                 expect_throw<OutOfMemory>(
                                     [&] { Array<char, mode::raw> a(segment["large"], 16 * MiB); },
                                     {"segment 's'", directory_, "No space left"});
                               EXPECT_EQ(segment.used(), used);
                               EXPECT_EQ(segment.size(), size);
                               EXPECT_EQ(segment.objects().size(), 1U);
                               EXPECT_EQ(array.get(999), 7);

                               // Another file takes what is left; then nothing can be had at all.
                               {
                                 std::ofstream ballast(directory_ + "/ballast");
                                 const std::string block(4096, 'x');
                                 while (ballast.write(block.data(), 4096).flush()) continue;
                               }
                               std::vector<Array<char, mode::raw>> pieces;
                               int made = 0;
                               expect_throw<OutOfMemory>([&] {
                                 for (;; ++made)
                                   pieces.emplace_back(segment[std::to_string(made)], 1024);
                               });
                               // Every byte of what was handed out is there: no SIGBUS.
                               for (const auto& piece : pieces)
                                 std::ranges::fill(piece.get_obj(), 'y');
                               EXPECT_EQ(segment.objects().size(), pieces.size() + 1);
                               EXPECT_EQ(array.get(999), 7);

                               fs::remove(directory_ + "/ballast");
                               Array<char, mode::raw> now(segment["now"], MiB);
                               std::ranges::fill(now.get_obj(), 'z');
                               EXPECT_EQ(array.get(999), 7);
                               EXPECT_EQ(pieces.back().get(0), 'y');
                             }),
            0);
}

TEST_F(FullFileSystem, takes_less_than_it_would_rather_than_fail) {
  // Growing asks for more than is needed; where there is only what is needed, it takes that.
  EXPECT_EQ(with_file_system("size=4m",
                             [&](const Segment::Options& options) {
                               const Segment segment = Segment::create("s", options);
                               Array<char, mode::raw> first(segment["first"], 2 * MiB);
                               Array<char, mode::raw> second(segment["second"], MiB);
                               std::ranges::fill(first.get_obj(), 'x');
                               std::ranges::fill(second.get_obj(), 'y');
                             }),
            0);
}

// ---- Read-only --------------------------------------------------------------------------------

TEST(ReadOnlySegment, stores_nothing) {
  const ShmName name;
  { const Segment segment = Segment::create(name); }
  const auto content = [&] {
    std::ifstream in(name.path(), std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(in), {});
  };
  const std::string before = content();
  {
    const Segment reader = Segment::open_read_only(name);
    EXPECT_TRUE(reader.read_only());
    EXPECT_TRUE(reader.objects().empty());
    EXPECT_EQ(reader.used(), 0U);
    EXPECT_FALSE(reader.find<Value<const int>>("x").has_value());
  }
  EXPECT_EQ(content(), before);
}

TEST(ReadOnlySegment, may_be_a_file_that_nobody_may_write) {
  const ShmName name;
  {
    const Segment segment = Segment::create(name);
    const Value<int> value{segment["x"], 7};
  }
  fs::permissions(name.path(), fs::perms::owner_read);
  EXPECT_EQ(Segment::open_read_only(name).find<Value<const int>>("x")->get(), 7);
}

TEST(ReadOnlySegment, to_make_erase_or_change_in_it_is_ReadOnly) {
  const ShmName name;
  const Segment segment = Segment::create(name);
  const Value<int> value{segment["x"], 7};
  const Array<int> array(segment["a"], 3);
  const lagoon::Lock lock{segment["l"]};
  const Segment reader = Segment::open_read_only(name);
  const std::initializer_list<std::string_view> says{name.str(), "read-only"};
  expect_throw<ReadOnly>([&] { Value<int> v(reader["x"], 0); }, says);
  expect_throw<ReadOnly>([&] { Value<int> v(reader["new"], 0); }, says);
  expect_throw<ReadOnly>([&] { Array<int> a(reader["a"], 3); }, says);
  expect_throw<ReadOnly>([&] { (void)reader.find<Value<int>>("x"); },
                         {name.str(), "read-only", "'x'", "Value<const T>"});
  expect_throw<ReadOnly>([&] { (void)reader.find<Array<int>>("a"); }, says);
  expect_throw<ReadOnly>([&] { (void)reader.find<lagoon::Lock>("l"); }, says);
  expect_throw<ReadOnly>([&] { reader.erase("x"); }, says);
  EXPECT_EQ(segment.objects().size(), 3U);
}

TEST(ReadOnlySegment, finds_each_kind_that_can_be_read) {
  const ShmName name;
  const Segment segment = Segment::create(name);
  const Value<int> atomic{segment["atomic"], 1};
  const Value<int, mode::seqlocked> seqlocked{segment["seqlocked"], 2};
  const Array<int> array(segment["array"], std::vector<int>{3, 4});
  const Array<int, mode::seqlocked_in<8>> in_eight(segment["in eight"], std::vector<int>{5, 6});
  const Array<int, mode::atomic> atomics(segment["atomics"], std::vector<int>{7, 8});
  const Array<int, mode::raw> raws(segment["raws"], std::vector<int>{9, 10});
  const Segment reader = Segment::open_read_only(name);
  EXPECT_EQ(reader.find<Value<const int>>("atomic")->get(), 1);
  EXPECT_EQ((reader.find<Value<const int, mode::seqlocked>>("seqlocked")->get()), 2);
  EXPECT_EQ(reader.find<Array<const int>>("array")->snapshot(), (std::vector{3, 4}));
  EXPECT_EQ(reader.find<Array<const int>>("in eight")->slice(), (std::vector{5, 6}));
  EXPECT_EQ((reader.find<Array<const int, mode::seqlocked_in<8>>>("in eight")->get(1)), 6);
  EXPECT_EQ((reader.find<Array<const int, mode::atomic>>("atomics")->slice()), (std::vector{7, 8}));
  EXPECT_EQ((reader.find<Array<const int, mode::raw>>("raws")->at(1)), 10);
}

TEST(ReadOnlySegment, follows_writers_and_throws_Gone_when_its_object_was_erased) {
  const ShmName name;
  const Segment segment = Segment::create(name);
  Value<int> value{segment["x"], 7};
  Array<int> array(segment["a"], 3);
  const Segment reader = Segment::open_read_only(name);
  const auto x = reader.find<Value<const int>>("x");
  const auto a = reader.find<Array<const int>>("a");
  value = 8;
  array[1] = 5;
  EXPECT_EQ(x->get(), 8);
  EXPECT_EQ(a->snapshot(), (std::vector{0, 5, 0}));
  segment.erase("x");
  segment.erase("a");
  EXPECT_TRUE(x->gone());
  EXPECT_TRUE(a->gone());
  expect_throw<lagoon::Gone>([&] { (void)x->get(); }, {"erased"});
  expect_throw<lagoon::Gone>([&] { (void)a->snapshot(); }, {"erased"});
  expect_throw<lagoon::Gone>([&] { (void)a->get(0); }, {"erased"});
  EXPECT_FALSE(reader.find<Value<const int>>("x").has_value());
}

/// Readers do not keep memory from being used again: writers do, so none is in the reader's
/// process.
class ReaderBesideWriters : public testing::Test {
 protected:
  ReaderBesideWriters() {
    const Segment segment = Segment::create(name_);
    const Value<int> kept{segment["kept"], 7};
  }
  static constexpr std::uint32_t rounds = with_asan || with_tsan ? 5000 : 50'000;
  ShmName name_;
  SharedFlags flags_;
  enum : std::size_t { started, enough, ended };
};

TEST_F(ReaderBesideWriters, looks_while_they_make_and_erase) {
  std::vector<Child> writers;
  for (unsigned i = 0; i < 2; ++i)
    writers.emplace_back([&, x = i + 1]() mutable {
      const Segment mine = Segment::open(name_);
      flags_.raise(started);
      for (std::uint32_t round = 0; round < rounds / 2; ++round) {
        x = x * 1664525U + 1013904223U;
        try {
          const Array<char, mode::raw> a(mine["object " + std::to_string(x >> 28)],
                                         (x >> 16) % 5000);
        } catch (const lagoon::TypeMismatch&) {  // the other one's, of another length
        }
        mine.erase("object " + std::to_string((x >> 24) & 15));
      }
      flags_.raise(ended);
    });
  flags_.await(started);
  const Segment reader = Segment::open_read_only(name_);
  do {
    ASSERT_EQ(reader.find<Value<const int>>("kept")->get(), 7);
    bool found = false;
    for (const Segment::Entry& entry : reader.objects()) {
      found = found || entry.name == "kept";
      ASSERT_TRUE(entry.name == "kept" || entry.name.starts_with("object ")) << entry.name;
    }
    ASSERT_TRUE(found);
    const std::size_t used = reader.used();
    ASSERT_LE(used, reader.size());  // which only grows
  } while (flags_.count(ended) != 2);
  for (Child& writer : writers) EXPECT_EQ(writer.exitcode(), 0);
}

TEST_F(ReaderBesideWriters, never_takes_one_object_for_another) {
  // "a" holds only even numbers, "b" only odd ones; they take turns in the same memory.
  Child writer([&] {
    const Segment mine = Segment::open(name_);
    const std::size_t used = mine.used();
    for (std::int64_t i = 0; i < rounds || flags_.count(enough) == 0; i += 2) {
      {
        const Value<std::int64_t> a{mine["a"], i};
        flags_.raise(started);
      }
      mine.erase("a");
      { const Value<std::int64_t> b{mine["b"], i + 1}; }
      mine.erase("b");
    }
    flags_.raise(ended);
    EXPECT_EQ(mine.used(), used) << "the memory was not used again: this test shows nothing";
  });
  flags_.await(started);
  const Segment reader = Segment::open_read_only(name_);
  int found = 0;
  do {
    for (const char* which : {"a", "b"}) {
      const auto value = reader.find<Value<const std::int64_t>>(which);
      if (!value) continue;
      try {
        ASSERT_EQ(value->get() % 2, *which == 'a' ? 0 : 1) << which;
        if (++found == 100) flags_.raise(enough);
      } catch (const lagoon::Gone&) {
      }
    }
  } while (flags_.count(ended) == 0);
  EXPECT_EQ(writer.exitcode(), 0);
}

}  // namespace
