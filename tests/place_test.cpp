#include <lagoon/array.hpp>
#include <lagoon/cell.hpp>
#include <lagoon/lock.hpp>
#include <lagoon/segment.hpp>
#include <lagoon/value.hpp>

#include <gtest/gtest.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <new>
#include <optional>
#include <random>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "child.hpp"
#include "expect_throw.hpp"
#include "failing_range.hpp"
#include "rendezvous.hpp"
#include "sanitizers.hpp"
#include "shm_name.hpp"

namespace fs = std::filesystem;

struct Quote {
  double bid;
  double ask;
  friend bool operator==(const Quote&, const Quote&) = default;
};
template <>
inline constexpr std::string_view lagoon::type_name<Quote> = "Quote";

struct Trade {  // laid out as a Quote, but none
  double price;
  double amount;
};
template <>
inline constexpr std::string_view lagoon::type_name<Trade> = "Trade";

struct Book {
  explicit Book(const lagoon::Segment& segment, double bid = 0)
      : quote(segment, {bid, bid + 1}), trades(segment, 5) {}
  lagoon::Cell<Quote> quote;
  lagoon::Cell<std::int64_t> trades;
};
template <>
inline constexpr std::string_view lagoon::type_name<Book> = "Book";

struct Fatal {
  explicit Fatal(const lagoon::Segment&) { raise(SIGKILL); }
  char bytes[64 << 10];
};
template <>
inline constexpr std::string_view lagoon::type_name<Fatal> = "Fatal";

inline pid_t forked_by_constructor = -1;
struct Forking {
  explicit Forking(const lagoon::Segment& segment) : x(segment, 7) {
    forked_by_constructor = fork();
  }
  lagoon::Cell<int> x;
};
template <>
inline constexpr std::string_view lagoon::type_name<Forking> = "Forking";

namespace {

using lagoon::Array;
using lagoon::Cell;
using lagoon::Gone;
using lagoon::InvalidArgument;
using lagoon::Lock;
using lagoon::Place;
using lagoon::RLock;
using lagoon::Segment;
using lagoon::TypeMismatch;
using lagoon::UsageError;
using lagoon::Value;
using lagoon::test::Child;
using lagoon::test::expect_throw;
using lagoon::test::SharedFlags;
using lagoon::test::ShmName;
using lagoon::test::with_asan;
using lagoon::test::with_tsan;
namespace mode = lagoon::mode;

constexpr std::size_t KiB = 1024;
constexpr std::size_t MiB = 1024 * KiB;

// What a child is to do inside fork(), before anything of the library's has run in it. Handlers run
// in the order in which they were registered; nothing of the library's has been used yet.
const std::function<void()>* in_fork = nullptr;
const int registered = pthread_atfork(nullptr, nullptr, [] {
  if (in_fork != nullptr) (*in_fork)();
});
const std::function<void()> die = [] { raise(SIGKILL); };

class InSegment : public testing::Test {
 protected:
  ShmName name_;
  Segment segment_ = Segment::create(name_);
};

using Named = InSegment;

// ---- Found or made ----------------------------------------------------------------------------

TEST_F(Named, a_place_says_its_name_and_makes_nothing_by_itself) {
  const Place place = segment_["x"];
  EXPECT_EQ(place.name(), "x");
  EXPECT_TRUE(segment_.objects().empty());
  EXPECT_EQ(Place{}.name(), "");
}

TEST_F(Named, a_place_owns_its_name) {
  std::string name = "x";
  const Place place = segment_[name];
  name = "something else";
  const Value<int> value{place, 7};
  EXPECT_EQ(segment_.find<Value<int>>("x")->get(), 7);
}

TEST_F(Named, what_is_there_is_found_and_keeps_its_value) {
  Value<int> first{segment_["x"], 7};
  Value<int> second{segment_["x"], 9};
  EXPECT_EQ(second.get(), 7);
  ++second;
  EXPECT_EQ(first.get(), 8);
  Array<int> a(segment_["a"], std::vector{1, 2});
  const Array<int> b(segment_["a"], 2);
  EXPECT_EQ(b.snapshot(), (std::vector{1, 2}));
}

TEST_F(Named, two_names_are_two_objects) {
  Value<int> x{segment_["x"], 1};
  Value<int> y{segment_["y"], 2};
  x = 3;
  EXPECT_EQ(y.get(), 2);
}

TEST_F(Named, find_of_what_is_not_there_is_nothing_and_makes_nothing) {
  EXPECT_FALSE(segment_.find<Value<int>>("x").has_value());
  EXPECT_FALSE(segment_.find<Array<int>>("x").has_value());
  EXPECT_FALSE(segment_.find<Lock>("x").has_value());
  EXPECT_TRUE(segment_.objects().empty());
}

TEST_F(Named, find_attaches_an_array_of_whatever_length) {
  for (const std::size_t n : {std::size_t{0}, std::size_t{1}, std::size_t{1000}, 20 * KiB}) {
    const std::string name = std::to_string(n);
    Array<double> made(segment_[name], n);
    if (n != 0) made[n - 1] = 5;
    const auto found = segment_.find<Array<double>>(name);
    ASSERT_EQ(found->size(), n);
    if (n != 0) {
      EXPECT_EQ(found->get(n - 1), 5);
    }
  }
}

TEST_F(Named, find_finds_locks_values_in_each_mode_and_structs) {
  { const Lock lock{segment_["lock"]}; }
  { const RLock lock{segment_["rlock"]}; }
  { const Value<Quote> v{segment_["quote"], {1, 2}}; }
  { const Value<int, mode::locked> v{segment_["locked"], 3}; }
  { const Value<int, mode::raw> v{segment_["raw"], 4}; }
  { const Value<int, mode::seqlocked> v{segment_["seqlocked"], 5}; }
  EXPECT_TRUE(segment_.find<Lock>("lock").has_value());
  EXPECT_TRUE(segment_.find<RLock>("rlock").has_value());
  EXPECT_EQ(segment_.find<Value<Quote>>("quote")->get(), (Quote{1, 2}));
  EXPECT_EQ((segment_.find<Value<int, mode::locked>>("locked")->get()), 3);
  EXPECT_EQ((segment_.find<Value<int, mode::raw>>("raw")->get()), 4);
  EXPECT_EQ((segment_.find<Value<int, mode::seqlocked>>("seqlocked")->get()), 5);
}

TEST_F(Named, a_bad_name_is_InvalidArgument) {
  const std::string too_long(251, 'x');
  for (const std::string_view bad : {std::string_view(), std::string_view("a/b"),
                                     std::string_view(too_long), std::string_view("a\0b", 3)}) {
    SCOPED_TRACE(bad);
    const std::initializer_list<std::string_view> says{"is no name for an object", name_.str(),
                                                       "1 to 250", "slash"};
    expect_throw<InvalidArgument>([&] { Value<int> v(segment_[bad], 0); }, says);
    expect_throw<InvalidArgument>([&] { (void)segment_.find<Value<int>>(bad); }, says);
    expect_throw<InvalidArgument>([&] { segment_.erase(bad); }, says);
    expect_throw<InvalidArgument>([&] { segment_.construct<Book>(bad); }, says);
  }
  const std::string longest(250, 'x');
  const Value<int> value{segment_[longest], 7};
  EXPECT_EQ(segment_.find<Value<int>>(longest)->get(), 7);
  const Value<int> dot{segment_["."], 8};  // a dot is a name here
}

TEST_F(Named, any_number_of_objects_are_all_found) {
  constexpr int count = 5000;  // more than there are buckets
  for (int i = 0; i < count; ++i) Value<int> value(segment_[std::to_string(i)], i);
  EXPECT_EQ(segment_.objects().size(), static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) ASSERT_EQ(segment_.find<Value<int>>(std::to_string(i))->get(), i);
  for (int i = 0; i < count; i += 2) EXPECT_TRUE(segment_.erase(std::to_string(i)));
  for (int i = 0; i < count; ++i)
    ASSERT_EQ(segment_.find<Value<int>>(std::to_string(i)).has_value(), i % 2 == 1);
}

TEST_F(Named, objects_say_name_type_and_bytes) {
  const Value<int> value{segment_["value"], 0};
  const Value<Quote> quote{segment_["quote"], {}};
  const Value<double, mode::locked> locked{segment_["locked"], 0};
  const Array<double> array(segment_["prices"], 64);
  const Array<char, mode::raw> raw(segment_["raw"], 100 * KiB);
  const Array<std::uint8_t, mode::atomic> atomics(segment_["atomics"], 3);
  const Lock lock{segment_["lock"]};
  const RLock rlock{segment_["rlock"]};
  segment_.construct<Book>("book");
  std::map<std::string, Segment::Entry> entries;
  std::size_t bytes = 0;
  for (const Segment::Entry& entry : segment_.objects()) {
    entries[entry.name] = entry;
    bytes += entry.bytes;
  }
  EXPECT_EQ(entries.size(), 9U);
  EXPECT_EQ(entries["value"].type, "Value<int32, atomic>");
  EXPECT_EQ(entries["quote"].type, "Value<Quote, seqlocked>");
  EXPECT_EQ(entries["locked"].type, "Value<double, locked>");
  EXPECT_EQ(entries["prices"].type, "Array<double, seqlocked>[64]");
  EXPECT_EQ(entries["raw"].type, "Array<char, raw>[102400]");
  EXPECT_EQ(entries["atomics"].type, "Array<uint8, atomic>[3]");
  EXPECT_EQ(entries["lock"].type, "Lock");
  EXPECT_EQ(entries["rlock"].type, "RLock");
  EXPECT_EQ(entries["book"].type, "Book");
  EXPECT_GE(entries["raw"].bytes, 100 * KiB);
  EXPECT_EQ(bytes, segment_.used());
}

// ---- Something else is there ------------------------------------------------------------------

class Mismatch : public InSegment {
 protected:
  /// Says both what is there and what was asked for; what is there stays what it is.
  template <class F>
  void expect_mismatch(F&& ask, std::string_view there, std::string_view asked) {
    const auto before = segment_.objects();
    const std::string what = expect_throw<TypeMismatch>(ask, {"'x'", name_.str()});
    const std::size_t is = what.find("is " + std::string(there));
    const std::size_t was = what.find("asked for was " + std::string(asked));
    EXPECT_NE(is, std::string::npos) << what;
    EXPECT_NE(was, std::string::npos) << what;
    EXPECT_NE(there, asked) << "the message does not tell them apart";
    EXPECT_EQ(segment_.objects().size(), before.size());
    EXPECT_EQ(segment_.objects()[0].type, before[0].type);
  }
};

TEST_F(Mismatch, another_type) {
  const Value<int> value{segment_["x"], 7};
  expect_mismatch([&] { Value<double> v(segment_["x"]); }, "Value<int32, atomic>",
                  "Value<double, atomic>");
  expect_mismatch([&] { Value<unsigned> v(segment_["x"]); }, "Value<int32, atomic>",
                  "Value<uint32, atomic>");
  expect_mismatch([&] { (void)segment_.find<Value<short>>("x"); }, "Value<int32, atomic>",
                  "Value<int16, atomic>");
  expect_mismatch([&] { Array<int> a(segment_["x"], 1); }, "Value<int32, atomic>",
                  "Array<int32, seqlocked>[1]");
  expect_mismatch([&] { (void)segment_.find<Array<int>>("x"); }, "Value<int32, atomic>",
                  "Array<int32, seqlocked>");
  expect_mismatch([&] { Lock l(segment_["x"]); }, "Value<int32, atomic>", "Lock");
  expect_mismatch([&] { (void)segment_.find<RLock>("x"); }, "Value<int32, atomic>", "RLock");
  expect_mismatch([&] { segment_.construct<Book>("x"); }, "Value<int32, atomic>", "Book");
  EXPECT_THROW((Value<double>{segment_["x"]}), std::invalid_argument);
  EXPECT_EQ(value.get(), 7);
}

TEST_F(Mismatch, another_type_of_the_same_size) {
  const Array<double> array(segment_["x"], 4);
  expect_mismatch([&] { Array<std::int64_t> a(segment_["x"], 4); }, "Array<double, seqlocked>[4]",
                  "Array<int64, seqlocked>[4]");
  expect_mismatch([&] { Array<float> a(segment_["x"], 4); }, "Array<double, seqlocked>[4]",
                  "Array<float, seqlocked>[4]");
  expect_mismatch([&] { (void)segment_.find<Array<const float>>("x"); },
                  "Array<double, seqlocked>[4]", "Array<float, seqlocked>");
}

TEST_F(Mismatch, another_length) {
  const Array<double> array(segment_["x"], 64);
  expect_mismatch([&] { Array<double> a(segment_["x"], 512); }, "Array<double, seqlocked>[64]",
                  "Array<double, seqlocked>[512]");
  expect_mismatch([&] { Array<double> a(segment_["x"], std::vector<double>(63)); },
                  "Array<double, seqlocked>[64]", "Array<double, seqlocked>[63]");
}

TEST_F(Mismatch, another_length_that_is_kept_in_another_number_of_copies) {
  const Array<char> array(segment_["x"], 64 * KiB);
  expect_mismatch([&] { Array<char> a(segment_["x"], 64 * KiB + 1); },
                  "Array<char, seqlocked>[65536]", "Array<char, seqlocked>[65537]");
}

TEST_F(Mismatch, another_mode) {
  const Array<int> array(segment_["x"], 4);
  expect_mismatch([&] { Array<int, mode::locked> a(segment_["x"], 4); },
                  "Array<int32, seqlocked>[4]", "Array<int32, locked>[4]");
  expect_mismatch([&] { Array<int, mode::atomic> a(segment_["x"], 4); },
                  "Array<int32, seqlocked>[4]", "Array<int32, atomic>[4]");
  expect_mismatch([&] { (void)segment_.find<Array<int, mode::raw>>("x"); },
                  "Array<int32, seqlocked>[4]", "Array<int32, raw>");
}

TEST_F(Mismatch, another_mode_of_a_value) {
  const Value<int> value{segment_["x"], 7};
  expect_mismatch([&] { Value<int, mode::locked> v(segment_["x"]); }, "Value<int32, atomic>",
                  "Value<int32, locked>");
  expect_mismatch([&] { Value<int, mode::seqlocked> v(segment_["x"]); }, "Value<int32, atomic>",
                  "Value<int32, seqlocked>");
  expect_mismatch([&] { Value<int, mode::raw> v(segment_["x"]); }, "Value<int32, atomic>",
                  "Value<int32, raw>");
}

TEST_F(Mismatch, another_number_of_copies) {
  const Array<int, mode::seqlocked_in<8>> array(segment_["x"], 4);
  const std::string what =
      expect_throw<TypeMismatch>([&] { Array<int> a(segment_["x"], 4); }, {"'x'"});
  const std::string there = what.substr(what.find(" is ") + 4);
  const std::size_t semicolon = there.find("; asked for was ");
  ASSERT_NE(semicolon, std::string::npos) << what;
  EXPECT_NE(there.substr(0, semicolon), there.substr(semicolon + 16))
      << "the message does not tell them apart: " << what;
}

TEST_F(Mismatch, another_kind_of_lock_beside_it) {
  // A Lock may be released by another, an RLock keeps a count: they are not one for the other.
  const Value<int, mode::locked_by<Lock>> value(segment_["x"], 1);
  const std::string what =
      expect_throw<TypeMismatch>([&] { Value<int, mode::locked> v(segment_["x"], 1); }, {"'x'"});
  EXPECT_NE(what, "");
  const Array<int, mode::locked> array(segment_["a"], 3);
  expect_throw<TypeMismatch>([&] { Array<int, mode::locked_by<Lock>> a(segment_["a"], 3); },
                             {"'a'"});
}

TEST_F(Mismatch, another_lock) {
  const Lock lock{segment_["x"]};
  expect_mismatch([&] { RLock l(segment_["x"]); }, "Lock", "RLock");
}

TEST_F(Mismatch, another_struct_of_the_same_layout) {
  const Value<Quote> value{segment_["x"], {1, 2}};
  expect_mismatch([&] { Value<Trade> v(segment_["x"]); }, "Value<Quote, seqlocked>",
                  "Value<Trade, seqlocked>");
}

TEST_F(Named, types_that_mean_the_same_are_the_same) {
  const Value<long> value{segment_["x"], 7};
  EXPECT_EQ(segment_.find<Value<long long>>("x")->get(), 7);
  EXPECT_EQ(segment_.find<Value<std::int64_t>>("x")->get(), 7);
}

// ---- construct --------------------------------------------------------------------------------

TEST_F(Named, construct_makes_a_struct_of_cells_in_place_once) {
  Book& book = segment_.construct<Book>("book", 10.0);
  EXPECT_EQ(book.quote.get(), (Quote{10, 11}));
  Book& same = segment_.construct<Book>("book", 20.0);
  EXPECT_EQ(&same, &book);
  EXPECT_EQ(same.quote.get(), (Quote{10, 11}));
  Child child([&] {
    Book& mine = Segment::open(name_).construct<Book>("book");
    mine.quote.set({3, 4});
    mine.trades.fetch_add(2);
  });
  EXPECT_EQ(child.exitcode(), 0);
  EXPECT_EQ(book.quote.get(), (Quote{3, 4}));
  EXPECT_EQ(book.trades.get(), 7);
}

TEST_F(Named, a_constructor_that_throws_makes_nothing) {
  const std::size_t used = segment_.used();
  for (int i = 0; i < 100; ++i)
    EXPECT_THROW((void)lagoon::detail::make_or_find(segment_["x"], Value<int>::stamp(), 1000,
                                                    [](std::byte*, lagoon::core::Participants&) {
                                                      throw std::runtime_error("no");
                                                    }),
                 std::runtime_error);
  EXPECT_TRUE(segment_.objects().empty());
  EXPECT_EQ(segment_.used(), used);
  EXPECT_FALSE(segment_.find<Value<int>>("x").has_value());
}

TEST_F(Named, a_range_that_fails_half_way_makes_nothing) {
  EXPECT_THROW(Array<int>(segment_["x"], lagoon::test::FailingRange{5, 1}), std::runtime_error);
  EXPECT_TRUE(segment_.objects().empty());
}

// ---- erase and Gone ---------------------------------------------------------------------------

TEST_F(Named, erase_frees_the_name) {
  const Value<int> value{segment_["x"], 7};
  EXPECT_TRUE(segment_.erase("x"));
  EXPECT_FALSE(segment_.erase("x")) << "there was none any more";
  EXPECT_FALSE(segment_.find<Value<int>>("x").has_value());
  EXPECT_TRUE(segment_.objects().empty());
  const Array<double> another(segment_["x"], 3);
  EXPECT_EQ(another.size(), 3U);
  EXPECT_TRUE(value.gone());
  EXPECT_FALSE(another.gone());
}

TEST_F(Named, a_handle_to_an_erased_array_throws_Gone_that_names_it) {
  Array<int> array(segment_["prices"], 4);
  const std::uint64_t version = array.version();
  segment_.erase("prices");
  const std::initializer_list<std::string_view> says{"'prices'", "Array<int32, seqlocked>[4]",
                                                     name_.str(), "erased"};
  std::vector<int> out(4);
  std::uint64_t seen = version;
  EXPECT_TRUE(array.gone());
  expect_throw<Gone>([&] { (void)array.get(0); }, says);
  expect_throw<Gone>([&] { (void)int(array[0]); }, says);
  expect_throw<Gone>([&] { array[0] = 1; }, says);
  expect_throw<Gone>([&] { array[0] += 1; }, says);
  expect_throw<Gone>([&] { array.set(0, 1); }, says);
  expect_throw<Gone>([&] { array.update(0, [](int x) { return x; }); }, says);
  expect_throw<Gone>([&] { (void)array.snapshot(); }, says);
  expect_throw<Gone>([&] { (void)array.snapshot(1, 2); }, says);
  expect_throw<Gone>([&] { array.snapshot_into(out); }, says);
  expect_throw<Gone>([&] { (void)array.slice(0, 2); }, says);
  expect_throw<Gone>([&] { array.assign(out); }, says);
  expect_throw<Gone>([&] { array.assign_slice(0, 2, std::vector{1, 2}); }, says);
  expect_throw<Gone>([&] { array.write([](std::span<int>) {}); }, says);
  expect_throw<Gone>([&] { (void)array.read_if_newer(seen, out); }, says);
  EXPECT_EQ(array.version(), version);
}

TEST_F(Named, a_handle_to_an_erased_struct_throws_Gone) {
  Value<Quote> value{segment_["quote"], {1, 2}};
  std::uint64_t version = value.version();
  segment_.erase("quote");
  Quote out{};
  EXPECT_TRUE(value.gone());
  expect_throw<Gone>([&] { (void)value.get(); }, {"erased"});
  expect_throw<Gone>([&] { value.set({}); }, {"erased"});
  expect_throw<Gone>([&] { value.update([](Quote&) {}); }, {"erased"});
  expect_throw<Gone>([&] { (void)value.exchange({}); }, {"erased"});
  expect_throw<Gone>([&] { (void)value.compare_exchange(out, {}); }, {"erased"});
  expect_throw<Gone>([&] { (void)value.read_if_newer(version, out); }, {"erased"});
}

TEST_F(Named, a_handle_to_something_erased_beside_a_lock_throws_Gone) {
  Value<int, mode::locked> value{segment_["value"], 1};
  Array<int, mode::locked> array(segment_["array"], 3);
  Lock lock{segment_["lock"]};
  RLock rlock{segment_["rlock"]};
  for (const char* name : {"value", "array", "lock", "rlock"}) segment_.erase(name);
  EXPECT_TRUE(value.gone());
  EXPECT_TRUE(array.gone());
  expect_throw<Gone>([&] { (void)value.get(); }, {"erased"});
  expect_throw<Gone>([&] { value.set(1); }, {"erased"});
  expect_throw<Gone>([&] { (void)value.acquire(); }, {"erased"});
  expect_throw<Gone>([&] { (void)array.snapshot(); }, {"erased"});
  expect_throw<Gone>([&] { array[0] = 1; }, {"erased"});
  expect_throw<Gone>([&] { (void)array.try_lock(); }, {"erased"});
  expect_throw<Gone>([&] { (void)lock.acquire(); }, {"'lock'", "Lock", name_.str(), "erased"});
  expect_throw<Gone>([&] { (void)lock.release(); }, {"'lock'", "erased"});
  expect_throw<Gone>([&] { (void)rlock.acquire(false); }, {"'rlock'", "erased"});
  EXPECT_FALSE(lock.locked());
}

TEST_F(Named, a_handle_to_an_erased_scalar_or_raw_value_says_so_and_works_on) {
  Value<int> scalar{segment_["scalar"], 1};
  Value<int, mode::raw> raw{segment_["raw"], 2};
  Array<int, mode::atomic> atomics(segment_["atomics"], 3);
  Array<int, mode::raw> raws(segment_["raws"], 3);
  EXPECT_FALSE(scalar.gone() || raw.gone() || atomics.gone() || raws.gone());
  for (const char* name : {"scalar", "raw", "atomics", "raws"}) segment_.erase(name);
  EXPECT_TRUE(scalar.gone() && raw.gone() && atomics.gone() && raws.gone());
  // Nobody else gets the memory as long as it can be reached.
  std::vector<Array<char, mode::raw>> others;
  for (int i = 0; i < 50; ++i) {
    others.emplace_back(segment_[std::to_string(i)], 200);
    std::ranges::fill(others.back().get_obj(), '\xff');
  }
  EXPECT_EQ(scalar.get(), 1);
  EXPECT_EQ(raw.get(), 2);
  EXPECT_EQ(atomics.get(2), 0);
  EXPECT_EQ(raws.get(2), 0);
  scalar = 5;
  atomics[1] = 5;
  for (const auto& other : others)
    EXPECT_TRUE(std::ranges::all_of(other.get_obj(), [](char c) { return c == '\xff'; }));
}

TEST_F(Named, handles_of_another_process_throw_Gone) {
  Array<int> array(segment_["a"], 3);
  Value<int> scalar{segment_["x"], 1};
  SharedFlags flags;
  Child child([&] {
    const Segment mine = Segment::open(name_);
    auto opened = mine.find<Array<int>>("a");
    auto opened_scalar = mine.find<Value<int>>("x");
    flags.raise(0);
    flags.await(1);
    expect_throw<Gone>([&] { (void)opened->snapshot(); }, {"'a'"});
    expect_throw<Gone>([&] { array[0] = 1; }, {"'a'"});  // inherited
    EXPECT_TRUE(opened_scalar->gone());
    EXPECT_TRUE(scalar.gone());
  });
  flags.await(0);
  segment_.erase("a");
  segment_.erase("x");
  flags.raise(1);
  EXPECT_EQ(child.exitcode(), 0);
}

TEST_F(Named, erase_does_not_wait_for_a_writer_at_work_and_others_are_told_when_it_has_ended) {
  Array<int> array(segment_["a"], 3);
  Value<Quote> value{segment_["q"], Quote{}};
  Array<int, mode::locked> locked(segment_["k"], 3);
  Lock lock{segment_["l"]};
  RLock rlock{segment_["r"]};
  SharedFlags flags;
  Child writer([&] {
    const std::scoped_lock guard(lock, rlock, locked);
    value.update([&](Quote&) {
      array.write([&](std::span<int> elements) {
        elements[0] = 1;
        flags.raise(0);
        flags.await(1);
        // It needs the turn of the segment itself, inside its turn to write.
        const Value<int> made{segment_["made"], 1};
      });
    });
  });
  flags.await(0);
  for (const char* name : {"a", "q", "k", "l", "r"}) EXPECT_TRUE(segment_.erase(name));
  EXPECT_FALSE(segment_.find<Array<int>>("a").has_value());
  EXPECT_TRUE(array.gone());
  EXPECT_TRUE(lock.gone());
  EXPECT_GT(segment_.used(), 0U);
  EXPECT_EQ(array.get(0), 0) << "until it has ended they go on as they were";
  flags.raise(1);
  EXPECT_EQ(writer.exitcode(), 0);
  expect_throw<Gone>([&] { (void)array.snapshot(); }, {"'a'"});
  expect_throw<Gone>([&] { array[0] = 1; }, {"'a'"});
  expect_throw<Gone>([&] { (void)value.get(); });
  expect_throw<Gone>([&] { (void)locked.get(0); });
  expect_throw<Gone>([&] { (void)lock.acquire(); }, {"'l'"});
  expect_throw<Gone>([&] { (void)rlock.acquire(); }, {"'r'"});
}

TEST_F(Named, erased_at_work_by_one_that_is_killed_there_is_gone_for_the_next) {
  Array<int> array(segment_["a"], 3);
  Lock lock{segment_["l"]};
  SharedFlags flags;
  Child writer([&] {
    lock.lock();
    array.write([&](std::span<int>) {
      flags.raise(0);
      pause();
    });
  });
  flags.await(0);
  segment_.erase("a");
  segment_.erase("l");
  writer.kill_unreaped();
  expect_throw<Gone>([&] { (void)lock.acquire(); }, {"'l'"});
  expect_throw<Gone>([&] { array[0] = 1; }, {"'a'"});
  expect_throw<Gone>([&] { (void)array.snapshot(); }, {"'a'"});
}

TEST_F(Named, who_waits_for_a_lock_that_is_erased_is_told_when_its_owner_gives_it_back) {
  Lock lock{segment_["l"]};
  SharedFlags flags;
  EXPECT_TRUE(lock.acquire());
  Child waiter([&] {
    flags.raise();
    expect_throw<Gone>([&] { (void)lock.acquire(); }, {"'l'"});
  });
  flags.await();
  segment_.erase("l");
  lock.release();
  EXPECT_EQ(waiter.exitcode(), 0);
}

TEST_F(Named, who_waits_for_a_value_that_is_erased_comes_back) {
  Value<int> value{segment_["v"], 1};
  SharedFlags flags;
  Child waiter([&] {
    flags.raise();
    value.wait(1);
    EXPECT_TRUE(value.gone());
    EXPECT_FALSE(value.wait_for(1, std::chrono::hours(1)));
  });
  flags.await();
  segment_.erase("v");
  EXPECT_EQ(waiter.exitcode(), 0);
}

TEST_F(Named, a_process_that_only_works_keeps_nothing_that_it_has_not_opened) {
  const Value<int> hits{segment_["hits"], 0};
  { const Array<char> block(segment_["block"], 100'000); }  // it might have opened that
  SharedFlags flags;
  Child worker([&] {
    const Segment mine = Segment::open(name_);
    const Value<int> own{mine["hits"], 0};
    flags.raise(0);
    flags.await(1);
  });
  flags.await(0);
  worker.stop();
  // Wherever they lie.
  std::minstd_rand random(7);
  segment_.erase("block");
  const std::size_t before = segment_.used();
  for (int i = 0; i < 3000; ++i) {
    { const Array<char> block(segment_["block"], 1 + random() % 65'536); }
    segment_.erase(std::to_string(i % 5));
    const Array<char> other(segment_[std::to_string(i % 5)], 1 + random() % 9000);
    segment_.erase("block");
  }
  for (int i = 0; i < 5; ++i) segment_.erase(std::to_string(i));
  EXPECT_EQ(segment_.used(), before) << "nothing is kept";
  worker.resume();
  flags.raise(1);
  EXPECT_EQ(worker.exitcode(), 0);
}

TEST_F(Named, what_one_of_many_has_opened_is_kept_whoever_acts) {
  // More than it tells one by one; then it closes all but one.
  constexpr int many = 2000;
  for (int i = 0; i < many; ++i) const Value<int> one{segment_["v" + std::to_string(i)], i};
  SharedFlags flags;
  Child worker([&] {
    const Segment mine = Segment::open(name_);
    std::vector<Value<int>> all;
    for (int i = 0; i < many; ++i) all.emplace_back(mine["v" + std::to_string(i)], 0);
    const Value<int> kept{mine["v1000"], 0};
    all.clear();
    flags.raise(0);
    flags.await(1);
    EXPECT_TRUE(kept.gone());
    EXPECT_EQ(kept.get(), 1000);
  });
  flags.await(0);
  for (int i = 0; i < many; ++i) segment_.erase("v" + std::to_string(i));
  EXPECT_LT(segment_.used(), 1000U) << "no other";
  EXPECT_GE(segment_.used(), 192U);
  for (int i = 0; i < many; ++i) const Value<int> other{segment_["w" + std::to_string(i)], -1};
  flags.raise(1);
  EXPECT_EQ(worker.exitcode(), 0);
}

TEST_F(Named, erased_by_its_own_writer_it_is_gone_when_the_write_has_ended) {
  Array<int> array(segment_["a"], 3);
  array.write([&](std::span<int>) { EXPECT_TRUE(segment_.erase("a")); });
  expect_throw<Gone>([&] { (void)array.snapshot(); }, {"'a'"});
  Lock lock{segment_["l"]};
  EXPECT_TRUE(lock.acquire());
  EXPECT_TRUE(segment_.erase("l"));
  lock.release();
  expect_throw<Gone>([&] { (void)lock.acquire(); }, {"'l'"});
}

TEST_F(Named, what_the_dead_were_making_is_freed_by_who_erases) {
  { const Value<int> other{segment_["other"], 1}; }
  Child child([&] { (void)segment_.construct<Fatal>("x"); });
  EXPECT_EQ(child.exitcode(), -SIGKILL);
  EXPECT_GT(segment_.used(), 64 * KiB);
  segment_.erase("other");
  EXPECT_EQ(segment_.used(), 0U);
}

TEST_F(Named, a_child_forked_while_its_parent_makes_an_object_makes_nothing) {
  forked_by_constructor = -1;
  const pid_t parent = getpid();
  try {
    (void)segment_.construct<Forking>("x");
  } catch (const UsageError& e) {
    if (getpid() != parent) _exit(std::string_view(e.what()).find("'x'") != 0U ? 0 : 1);
    throw;
  }
  if (getpid() != parent) _exit(2);
  int status = 0;
  ASSERT_EQ(waitpid(forked_by_constructor, &status, 0), forked_by_constructor);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(segment_.construct<Forking>("x").x.get(), 7) << "the parent's is there";
  { const Value<int> other{segment_["other"], 1}; }
  EXPECT_EQ(segment_.objects().size(), 2U);
}

TEST_F(Named, what_was_constructed_is_found_and_read_through_a_read_only_segment) {
  segment_.construct<Book>("book", 10.0);
  const Segment read_only = Segment::open_read_only(name_);
  const Book* book = read_only.find_constructed<Book>("book");
  ASSERT_NE(book, nullptr);
  EXPECT_EQ(book, read_only.find_constructed<Book>("book"));
  EXPECT_EQ(read_only.find_constructed<Book>("none"), nullptr);
  expect_throw<lagoon::ReadOnly>([&] { read_only.construct<Book>("book"); }, {"find_constructed"});
  { const Value<int> x{segment_["x"], 0}; }
  expect_throw<TypeMismatch>([&] { (void)read_only.find_constructed<Book>("x"); });
}

int times_mapped(const ShmName& name) {
  std::ifstream maps("/proc/self/maps");
  int n = 0;
  for (std::string line; std::getline(maps, line);)
    n += line.find(name.str()) != std::string::npos ? 1 : 0;
  return n;
}

TEST(Attaching, again_and_again_beside_a_thread_that_stays_maps_once) {
  const ShmName name;
  Segment::create(name);
  std::atomic<int> lent = 0;
  std::thread worker([&] {
    for (int i = 0; i < 20; ++i) {
      while (lent != 2 * i + 1) std::this_thread::yield();
      Array<int>(Segment::open(name)["a"], 64)[0] += 1;  // enrols this thread
      ++lent;
    }
    while (lent != 0) std::this_thread::yield();
  });
  for (int i = 0; i < 20; ++i) {
    const Segment segment = Segment::open(name);
    Array<int>(segment["a"], 64)[1] += 1;
    ++lent;
    while (lent != 2 * i + 2) std::this_thread::yield();
    EXPECT_EQ(times_mapped(name), 1);
  }
  EXPECT_EQ(times_mapped(name), 1) << "the worker's robust mutex lies in it";
  lent = 0;
  worker.join();
  EXPECT_EQ(Array<int>(Segment::open(name)["a"], 64).get(0), 20);
  EXPECT_EQ(times_mapped(name), 0);
}

// One of the process's own is enrolled in their place, until nothing is left to be kept.
TEST(Attaching, what_threads_have_opened_that_have_ended_is_kept_for_those_who_go_on_with_it) {
  for (const std::size_t threads : {1U, 2U}) {
    const ShmName name;
    SharedFlags flags;
    Child child([&] {  // which inherits nothing
      flags.await(0);
      {
        std::vector<std::optional<Array<char, mode::raw>>> found(threads);
        std::atomic<std::size_t> have_found = 0;
        std::vector<std::thread> finders;
        for (auto& array : found)
          finders.emplace_back([&] {
            array = Segment::open(name).find<Array<char, mode::raw>>("a");
            ++have_found;
            while (have_found != threads) std::this_thread::yield();
          });
        for (auto& finder : finders) finder.join();
        flags.raise(1);
        flags.await(2);
        for (const auto& array : found) {
          EXPECT_TRUE(array->gone());
          EXPECT_TRUE(std::ranges::all_of(array->get_obj(), [](char c) { return c == 'x'; }));
        }
      }
      EXPECT_EQ(times_mapped(name), 0);
      const auto tasks = fs::directory_iterator("/proc/self/task");
      EXPECT_EQ(std::distance(begin(tasks), end(tasks)), lagoon::test::with_tsan ? 2 : 1);
      flags.raise(3);
      flags.await(4);
    });
    const Segment segment = Segment::create(name);
    constexpr std::size_t bytes = 100'000;
    std::ranges::fill(Array<char, mode::raw>(segment["a"], bytes).get_obj(), 'x');
    flags.raise(0);
    flags.await(1);
    segment.erase("a");
    EXPECT_GE(segment.used(), bytes);
    const Array<char, mode::raw> next(segment["next"], bytes);
    std::ranges::fill(next.get_obj(), 'y');
    flags.raise(2);
    flags.await(3);
    flags.raise(4);
    EXPECT_EQ(child.exitcode(), 0);
  }
}

TEST_F(Named, erase_takes_over_from_a_dead_writer_and_a_dead_holder) {
  Array<int> array(segment_["a"], 3);
  Lock lock{segment_["l"]};
  Child child([&] {
    lock.lock();
    array.write([](std::span<int>) { raise(SIGKILL); });
  });
  lagoon::test::wait_until_dead_unreaped(child.pid());
  EXPECT_TRUE(segment_.erase("a"));
  EXPECT_TRUE(segment_.erase("l"));
  expect_throw<Gone>([&] { (void)array.snapshot(); }, {"'a'"});
  expect_throw<Gone>([&] { (void)lock.acquire(); }, {"'l'"});
}

// ---- Memory used again ------------------------------------------------------------------------

TEST_F(Named, a_hundred_thousand_objects_one_after_the_other_take_the_room_of_one) {
  constexpr int rounds = with_asan || with_tsan ? 10'000 : 100'000;
  std::size_t most = 0;
  for (int i = 0; i < rounds; ++i) {
    const std::string name = "object " + std::to_string(i % 100);
    {
      const Array<int> array(segment_[name], 1 + i % 1000);
      if (i % 1000 == 0) most = std::max(most, segment_.used());
    }
    ASSERT_TRUE(segment_.erase(name));
  }
  EXPECT_LT(most, 40 * KiB);
  EXPECT_EQ(segment_.used(), 0U);
  EXPECT_LT(segment_.size(), MiB);
}

TEST_F(Named, memory_comes_back_zeroed) {
  for (int round = 0; round < 3; ++round) {
    {
      const Array<char, mode::raw> dirty(segment_["dirty"], 50 * KiB);
      ASSERT_TRUE(std::ranges::all_of(dirty.get_obj(), [](char c) { return c == 0; }));
      std::ranges::fill(dirty.get_obj(), 'x');
    }
    segment_.erase("dirty");
  }
}

/// One process attached beside this one, which does as it is told.
class Attached : public InSegment {
 protected:
  enum : std::size_t { ready, go, done, leave };
  static constexpr std::size_t large = 100 * KiB;

  /// Bytes in use when something has been made and erased, which frees what can be freed.
  [[nodiscard]] std::size_t used_afterwards() const {
    { const Value<int> something{segment_["something"], 0}; }
    segment_.erase("something");
    return segment_.used();
  }
  SharedFlags flags_;
};

TEST_F(Attached, memory_of_an_erased_object_stays_while_another_process_has_a_handle) {
  { const Array<char, mode::raw> array(segment_["a"], large); }
  Child child([&] {
    const Segment mine = Segment::open(name_);
    {
      const auto array = mine.find<Array<char, mode::raw>>("a");
      std::ranges::fill(array->get_obj(), 'x');
      flags_.raise(ready);
      flags_.await(go);
      EXPECT_TRUE(array->gone());
      EXPECT_TRUE(std::ranges::all_of(array->get_obj(), [](char c) { return c == 'x'; }));
    }
    (void)mine.find<Value<int>>("nothing");
    const Value<int> made{mine["made"], 1};  // it has no handle to anything erased now, and says so
    flags_.raise(done);
    flags_.await(leave);
  });
  flags_.await(ready);
  segment_.erase("a");
  EXPECT_GE(used_afterwards(), large);
  {
    const Array<char, mode::raw> other(segment_["other"], large);
    std::ranges::fill(other.get_obj(), 'y');
    flags_.raise(go);
    flags_.await(done);
  }
  segment_.erase("other");
  EXPECT_LT(used_afterwards(), 2 * large) << "it has let go of the first";
  flags_.raise(leave);
  EXPECT_EQ(child.exitcode(), 0);
}

TEST_F(Attached, memory_of_an_erased_object_comes_back_when_the_other_process_dies) {
  for (const bool reaped : {false, true}) {
    { const Array<char, mode::raw> array(segment_["a"], large); }
    Child child([&] {
      const Segment mine = Segment::open(name_);
      const auto array = mine.find<Array<char, mode::raw>>("a");
      flags_.raise(ready);
      flags_.await(leave);
    });
    flags_.await(ready, reaped ? 2 : 1);
    segment_.erase("a");
    EXPECT_GE(segment_.used(), large);
    child.kill_unreaped();
    if (reaped) (void)child.wait();
    EXPECT_EQ(used_afterwards(), 0U);
  }
}

TEST_F(Attached, one_that_has_come_since_does_not_keep_it) {
  { const Array<char, mode::raw> array(segment_["a"], large); }
  segment_.erase("a");
  Child child([&] {
    const Segment mine = Segment::open(name_);
    flags_.raise(ready);
    flags_.await(leave);
  });
  flags_.await(ready);
  EXPECT_EQ(segment_.used(), 0U);
  flags_.raise(leave);
  EXPECT_EQ(child.exitcode(), 0);
}

TEST_F(Attached, a_forked_child_that_inherited_a_handle_keeps_it) {
  std::optional<Array<char, mode::raw>> array(std::in_place, segment_["a"], large);
  Child child([&] {
    flags_.raise(ready);
    flags_.await(go);
    EXPECT_TRUE(std::ranges::all_of(array->get_obj(), [](char c) { return c == 'x'; }));
  });
  std::ranges::fill(array->get_obj(), 'x');
  flags_.await(ready);
  array.reset();
  segment_.erase("a");
  EXPECT_GE(used_afterwards(), large);
  flags_.raise(go);
  EXPECT_EQ(child.exitcode(), 0);
  EXPECT_EQ(used_afterwards(), 0U);
}

TEST_F(Attached, what_was_constructed_in_place_is_good_while_the_segment_is_open) {
  Book& book = segment_.construct<Book>("book", 1.0);
  segment_.erase("book");
  std::vector<Array<char, mode::raw>> others;
  for (int i = 0; i < 50; ++i) {
    others.emplace_back(segment_[std::to_string(i)], 200);
    std::ranges::fill(others.back().get_obj(), '\xff');
  }
  EXPECT_EQ(book.trades.get(), 5);
  book.trades.set(6);
  for (const auto& other : others)
    ASSERT_TRUE(std::ranges::all_of(other.get_obj(), [](char c) { return c == '\xff'; }));
}

TEST_F(Attached, a_child_that_is_killed_inside_fork_keeps_nothing_for_ever) {
  { const Array<char, mode::raw> array(segment_["a"], large); }
  in_fork = &die;
  Child child([] {});
  in_fork = nullptr;
  EXPECT_EQ(child.exitcode(), -SIGKILL);
  segment_.erase("a");
  EXPECT_EQ(used_afterwards(), 0U);
}

TEST_F(Attached, a_fork_that_fails_keeps_nothing_for_ever) {
  if (getuid() != 0) GTEST_SKIP() << "only root can become a user without processes";
  ASSERT_EQ(chmod(name_.path().c_str(), 0666), 0);
  Child child([&] {
    const Segment mine = Segment::open(name_);
    ASSERT_EQ(setuid(12345), 0);
    ASSERT_EQ(prctl(PR_SET_DUMPABLE, 1), 0);  // or /proc/self is not its own any more
    const rlimit none{0, 0};
    ASSERT_EQ(setrlimit(RLIMIT_NPROC, &none), 0);
    ASSERT_EQ(fork(), -1);
    { const Array<char, mode::raw> array(mine["a"], large); }
    mine.erase("a");
    flags_.raise(ready);
    flags_.await(leave);
  });
  flags_.await(ready);
  EXPECT_LT(used_afterwards(), large);
  flags_.raise(leave);
  EXPECT_EQ(child.exitcode(), 0);
}

// ---- The heap ---------------------------------------------------------------------------------

/// How large this process's heap is, by its file.
std::size_t heap_size() {
  std::size_t size = 0;
  for (const auto& entry : fs::directory_iterator("/proc/self/fd")) {
    std::error_code ignored;
    if (fs::read_symlink(entry.path(), ignored).string().starts_with("/memfd:lagoon-heap")) {
      struct stat s {};
      if (stat(entry.path().c_str(), &s) == 0)
        size = std::max(size, static_cast<std::size_t>(s.st_size));
    }
  }
  return size;
}

TEST(Heap, is_not_in_dev_shm) {
  const auto files = [] {
    return std::distance(fs::directory_iterator("/dev/shm"), fs::directory_iterator());
  };
  const auto before = files();
  const Value<int> value{1};
  EXPECT_EQ(files(), before);
}

TEST(Heap, objects_made_and_dropped_in_a_loop_do_not_make_it_grow) {
  Child child([] {
    { const Array<int> first(10); }
    const std::size_t size = heap_size();
    ASSERT_GT(size, 0U);
    for (int i = 0; i < 20'000; ++i) {
      const Array<int> array(100);
      const Value<int> value{i};
      const Lock lock;
      ASSERT_EQ(value.get(), i);
      ASSERT_EQ(array.get(99), 0);
    }
    EXPECT_EQ(heap_size(), size);
  });
  EXPECT_EQ(child.exitcode(), 0);
}

TEST(Heap, is_inherited_by_children_forked_before_and_after_the_object_was_made_apart) {
  SharedFlags flags;
  Value<int> before{1};
  Child early([&] {
    flags.await(0);
    ++before;
  });
  Value<int> after{10};
  Child late([&] {
    ++before;
    ++after;
  });
  EXPECT_EQ(late.exitcode(), 0);
  flags.raise(0);
  EXPECT_EQ(early.exitcode(), 0);
  EXPECT_EQ(before.get(), 3);
  EXPECT_EQ(after.get(), 11);
}

TEST(Heap, a_childs_exit_and_its_handles_end_free_nothing_of_the_parents) {
  auto value = std::make_unique<Value<int>>(7);
  auto array = std::make_unique<Array<int>>(std::vector{1, 2, 3});
  for (const bool by_hand : {false, true}) {
    Child child([&] {
      if (!by_hand) return;
      value.reset();
      array.reset();
      for (int i = 0; i < 100; ++i) Array<int> mine(std::vector<int>(100, -1));
    });
    EXPECT_EQ(child.exitcode(), 0);
    std::vector<Array<int>> others;
    for (int i = 0; i < 50; ++i) others.emplace_back(std::vector<int>(3, -1));
    EXPECT_EQ(value->get(), 7);
    EXPECT_EQ(array->snapshot(), (std::vector{1, 2, 3}));
  }
}

TEST(Heap, a_killed_child_frees_nothing_of_the_parents) {
  Value<int> value{7};
  SharedFlags flags;
  Child child([&] {
    ++value;
    flags.raise(0);
    flags.await(1);
  });
  flags.await(0);
  child.kill_unreaped();
  std::vector<Value<int>> others;
  for (int i = 0; i < 50; ++i) others.emplace_back(-1);
  EXPECT_EQ(value.get(), 8);
}

TEST(Heap, what_a_child_makes_is_its_own_and_its_childrens) {
  Value<int> parents{7};
  Child child([&] {
    Value<int> mine{1};
    Child grandchild([&] {
      ++mine;
      ++parents;
      Value<int> own{3};
      EXPECT_EQ(own.get(), 3);
    });
    EXPECT_EQ(grandchild.exitcode(), 0);
    EXPECT_EQ(mine.get(), 2);
  });
  EXPECT_EQ(child.exitcode(), 0);
  EXPECT_EQ(parents.get(), 8);
}

TEST(Heap, an_object_dropped_by_its_maker_works_on_in_a_child_that_inherited_it) {
  SharedFlags flags;
  auto array = std::make_unique<Array<int>>(std::vector{1, 2, 3});
  auto scalar = std::make_unique<Value<int>>(7);
  Child child([&] {
    flags.raise(0);
    flags.await(1);
    EXPECT_EQ(array->snapshot(), (std::vector{1, 2, 3}));
    (*array)[0] = 5;
    EXPECT_EQ(array->get(0), 5);
    EXPECT_EQ(scalar->get(), 7);
    flags.raise(2);
    flags.await(3);
    EXPECT_EQ(array->get(0), 5);
  });
  flags.await(0);
  array.reset();
  scalar.reset();
  std::vector<Array<int>> others;
  for (int i = 0; i < 50; ++i) others.emplace_back(std::vector<int>(3, -1));
  flags.raise(1);
  flags.await(2);
  for (const auto& other : others) ASSERT_EQ(other.snapshot(), (std::vector{-1, -1, -1}));
  flags.raise(3);
  EXPECT_EQ(child.exitcode(), 0);
}

TEST(Heap, memory_dropped_while_a_child_lived_is_used_again_when_it_has_gone) {
  Child family([] {
    { const Array<int> first(10); }
    SharedFlags flags;
    for (int round = 0; round < 20; ++round) {
      std::vector<Array<char, mode::raw>> pieces;
      for (int i = 0; i < 10; ++i) pieces.emplace_back(100 * KiB);
      Child child([&] {
        flags.raise(0);
        flags.await(1, static_cast<std::uint32_t>(round) + 1);
      });
      flags.await(0, static_cast<std::uint32_t>(round) + 1);
      pieces.clear();
      flags.raise(1);
      EXPECT_EQ(child.exitcode(), 0);
    }
    EXPECT_LT(heap_size(), 5 * MiB);
  });
  EXPECT_EQ(family.exitcode(), 0);
}

TEST(Heap, what_was_dropped_and_swept_is_not_freed_a_second_time_under_a_new_object) {
  Child family([] {
    { const Array<int> first(10); }
    SharedFlags flags;
    std::vector<Array<char, mode::raw>> pieces;
    for (int i = 0; i < 60; ++i) pieces.emplace_back(960);
    Child child([&] {
      flags.raise(0);
      flags.await(1);
    });
    flags.await(0);
    pieces.clear();  // erased, but a child may look at them
    flags.raise(1);
    EXPECT_EQ(child.exitcode(), 0);
    // One object over all of their memory, got by sweeping: there is no other room.
    std::vector<Array<char, mode::raw>> over;
    const std::size_t size = heap_size();
    while (heap_size() == size) {
      over.emplace_back(40 * KiB);
      std::ranges::fill(over.back().get_obj(), 'x');
    }
    { const Value<int> dropped{0}; }  // frees what can be freed
    for (const auto& array : over)
      ASSERT_TRUE(std::ranges::all_of(array.get_obj(), [](char c) { return c == 'x'; }));
  });
  EXPECT_EQ(family.exitcode(), 0);
}

TEST(Heap, what_a_child_on_its_way_may_reach_stays) {
  Child family([] {
    SharedFlags flags;
    const std::function<void()> wait = [&] { flags.await(); };
    auto array = std::make_unique<Array<char, mode::raw>>(100 * KiB);
    std::ranges::fill(array->get_obj(), 'x');
    in_fork = &wait;
    Child child([&] {
      EXPECT_TRUE(std::ranges::all_of(array->get_obj(), [](char c) { return c == 'x'; }));
    });
    in_fork = nullptr;
    array.reset();  // it is still inside fork()
    std::vector<Array<char, mode::raw>> others;
    for (int i = 0; i < 3; ++i) {
      others.emplace_back(100 * KiB);
      std::ranges::fill(others.back().get_obj(), 'y');
    }
    flags.raise();
    EXPECT_EQ(child.exitcode(), 0);
  });
  EXPECT_EQ(family.exitcode(), 0);
}

TEST(Heap, a_child_killed_inside_fork_keeps_nothing_for_ever) {
  Child family([] {
    { const Array<int> first(10); }
    in_fork = &die;
    Child child([] {});
    in_fork = nullptr;
    EXPECT_EQ(child.exitcode(), -SIGKILL);
    for (int i = 0; i < 100; ++i) Array<char, mode::raw> array(100 * KiB);
    EXPECT_LT(heap_size(), 2 * MiB);
  });
  EXPECT_EQ(family.exitcode(), 0);
}

TEST(Heap, is_made_once_by_threads_that_come_at_once) {
  Child child([] {
    std::vector<std::thread> threads;
    std::atomic<int> sum{0};
    for (int i = 0; i < 8; ++i)
      threads.emplace_back([&, i] {
        Value<int> value{i};
        sum += value.get();
      });
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(sum.load(), 28);
    int heaps = 0;
    for (const auto& entry : fs::directory_iterator("/proc/self/fd")) {
      std::error_code ignored;
      heaps += fs::read_symlink(entry.path(), ignored).string().starts_with("/memfd:lagoon-heap");
    }
    EXPECT_LE(heaps, 2) << "at most its parent's and its own";
  });
  EXPECT_EQ(child.exitcode(), 0);
}

TEST(Heap, objects_of_static_storage_end_in_order) {
  Child child([] {
    static Value<int>& value = *new Value<int>{7};
    static const std::unique_ptr<Value<int>> at_exit(&value);
    static Array<int> array(std::vector{1, 2, 3});
    std::exit(0);
  });
  EXPECT_EQ(child.exitcode(), 0);
}

// ---- Handles ----------------------------------------------------------------------------------

TEST(Handle, are_moved_and_not_copied) {
  static_assert(!std::is_copy_constructible_v<Value<int>>);
  static_assert(!std::is_copy_assignable_v<Value<Quote>>);
  static_assert(!std::is_copy_constructible_v<Array<int>>);
  static_assert(!std::is_copy_constructible_v<Lock>);
  static_assert(std::is_nothrow_move_constructible_v<Value<int>>);
  static_assert(std::is_nothrow_move_constructible_v<Value<int, mode::locked>>);
  static_assert(std::is_nothrow_move_constructible_v<Array<int>>);
  static_assert(std::is_nothrow_move_constructible_v<Array<int, mode::locked>>);
  static_assert(std::is_nothrow_move_assignable_v<Lock>);

  Value<int> a{1};
  Value<int> b = std::move(a);
  EXPECT_EQ(b.get(), 1);
  Value<int> c{2};
  c = std::move(b);
  EXPECT_EQ(c.get(), 1);
  Array<int> x(std::vector{1, 2});
  Array<int> y(3);
  y = std::move(x);
  EXPECT_EQ(y.snapshot(), (std::vector{1, 2}));
  Array<int, mode::locked> l(std::vector{1, 2});
  Array<int, mode::locked> m(3);
  m = std::move(l);
  EXPECT_EQ(m.snapshot(), (std::vector{1, 2}));
  EXPECT_TRUE(m.acquire());
  m.release();
  Value<int, mode::locked> v{1};
  Value<int, mode::locked> w{2};
  w = std::move(v);
  EXPECT_EQ(w.get(), 1);
  Lock lock;
  Lock moved = std::move(lock);
  EXPECT_TRUE(moved.try_lock());
  moved.unlock();
}

}  // namespace
