/// Containers within containers, and locks: what they are, whose they are, and when their memory
/// comes back.

#include <lagoon/lagoon.hpp>

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "child.hpp"
#include "expect_throw.hpp"
#include "rendezvous.hpp"
#include "shm_name.hpp"

namespace {

using lagoon::Dict;
using lagoon::List;
using lagoon::Manager;
using lagoon::Namespace;
using lagoon::Object;
using lagoon::Segment;
using lagoon::SegmentOptions;
using lagoon::test::Child;
using lagoon::test::expect_throw;
using lagoon::test::SharedFlags;
using lagoon::test::ShmName;

class Nested : public testing::Test {
 protected:
  ShmName name_;
  Segment segment_ = Segment::create(name_);
};

TEST_F(Nested, ones_are_changed_in_place_and_seen_by_all) {
  Dict<> dict{segment_["d"]};
  List<> list{segment_.nameless()};
  dict["l"] = list;
  dict["l"].append(1);
  EXPECT_EQ(list.copy(), Object::list(1));
  list.append("x");
  EXPECT_EQ(dict["l"].size(), 2U);
  EXPECT_EQ(std::string(dict["l"][1]), "x");
  dict["l"][0] = 5;
  dict["l"][0] += 1;
  EXPECT_EQ(list[0], 6);
  const List<> same{dict["l"]};
  EXPECT_EQ(same.copy().repr(), "[6, 'x']");
  EXPECT_EQ(Object(dict["l"]), Object(list));
  EXPECT_NE(Object(dict["l"]), Object(dict));
  EXPECT_NE(Object(list), list.copy());
}

TEST_F(Nested, ones_are_reached_at_any_depth) {
  Dict<> a{segment_["a"]};
  a["b"] = Dict<>{segment_.nameless()};
  a["b"]["c"] = List<>{segment_.nameless()};
  a["b"]["c"].append(Namespace{segment_.nameless()});
  a["b"]["c"][0]["x"] = Object::list(1, Object::dict({{"k", 2}}));
  a["b"]["c"][0]["x"][1]["k"] += 40;
  a["b"]["c"][0]["x"].append(3);
  EXPECT_EQ(a["b"]["c"][0]["x"].repr(), "[1, {'k': 42}, 3]");
  EXPECT_EQ(int(a["b"]["c"][0]["x"][1]["k"]), 42);
  Namespace n{a["b"]["c"][0]};
  EXPECT_EQ(n["x"].size(), 3U);
  EXPECT_EQ(a["b"]["c"].pop().kind(), Object::Kind::shared);
  EXPECT_EQ(a["b"]["c"].size(), 0U);
  a["b"].erase("c");
  EXPECT_FALSE(a["b"].contains("c"));
  a["b"].clear();
  EXPECT_EQ(a["b"].size(), 0U);
}

TEST_F(Nested, ones_do_what_lists_and_dicts_do) {
  Dict<> d{segment_["d"]};
  d["l"] = List<>{segment_.nameless()};
  d["l"] += Object::list(3, 1);
  d["l"] *= 2;
  d["l"].insert(0, "first");
  EXPECT_EQ(d["l"].str(), "['first', 3, 1, 3, 1]");
  EXPECT_TRUE(d["l"].contains(3));
  EXPECT_EQ(d["l"].pop(0), "first");
  d["l"].erase(-1);
  EXPECT_EQ(List<>(d["l"]).copy(), Object::list(3, 1, 3));
  EXPECT_TRUE(bool(d["l"]));
  d["l"].clear();
  EXPECT_FALSE(bool(d["l"]));
  d["d"] = Dict<>{segment_.nameless()};
  d["d"]["k"] = 1;
  EXPECT_EQ(d["d"].get("k"), 1);
  EXPECT_EQ(d["d"].get("none", 7), 7);
  EXPECT_EQ(d["d"].pop("k"), 1);
  Object o = d["l"];
  o.append(9);  // an Object that refers to it changes it
  EXPECT_EQ(d["l"].size(), 1U);
  EXPECT_EQ(Object(d["l"]).at(0), 9);
}

TEST_F(Nested, ones_are_shown_as_python_shows_proxies) {
  Dict<> d{segment_["d"]};
  d["d"] = Dict<>{segment_.nameless()};
  d["l"] = List<>{segment_.nameless()};
  d["n"] = Namespace{segment_.nameless()};
  d["n"]["b"] = 2;
  d["n"]["a"] = "x";
  d["n"]["_hidden"] = 1;
  d["d"]["self"] = d;
  EXPECT_EQ(d["n"].str(), "Namespace(a='x', b=2)");
  EXPECT_EQ(d["l"].str(), "[]");
  EXPECT_TRUE(d["l"].repr().starts_with("<ListProxy object, typeid 'list' at 0x")) << d["l"].repr();
  EXPECT_TRUE(d["n"].repr().starts_with("<NamespaceProxy object, typeid 'Namespace' at 0x"));
  EXPECT_TRUE(d["d"].str().starts_with("{'self': <DictProxy object, typeid 'dict' at 0x"))
      << d["d"].str();
  EXPECT_EQ(Object(d["d"]["self"]), Object(d));
  std::ostringstream out;
  out << d["l"].get();
  EXPECT_EQ(out.str(), "[]");
}

TEST_F(Nested, typed_ones_are_stored_and_opened_as_what_they_are) {
  Dict<std::string, Object> index{segment_["index"]};
  List<double> prices{segment_.nameless()};
  prices.extend({1.5, 2.5});
  index["gold"] = prices;
  List<double> same{index["gold"]};
  same.append(3.5);
  EXPECT_EQ(prices.copy(), (std::vector<double>{1.5, 2.5, 3.5}));
  const List<const double> read_only{index["gold"]};
  EXPECT_EQ(read_only[2], 3.5);
  expect_throw<lagoon::TypeMismatch>([&] { (void)List<int>(index["gold"]); },
                                     {"List<double>", "List<int32>"});
  expect_throw<lagoon::TypeMismatch>([&] { (void)Dict<>(index["gold"]); }, {"List", "Dict"});
  index["gold"].append(4.5);
  EXPECT_EQ(prices[3], 4.5);
  const List<std::array<int, 2>> pairs{segment_.nameless()};  // which are known to no one else
  index["pairs"] = pairs;
  expect_throw<lagoon::TypeMismatch>(
      [&] { index["pairs"].append(1); },
      {"no attribute 'append'", "ListProxy", "List<struct of 8 bytes>"});
  expect_throw<lagoon::TypeMismatch>([&] { (void)Dict<>(Object(7)); }, {"7", "Dict"});
}

TEST_F(Nested, locks_and_the_like_are_stored_too) {
  Dict<> dict{segment_["d"]};
  {
    lagoon::Lock lock{segment_.nameless()};
    lock.lock();
    dict["lock"] = lock;
    dict["event"] = lagoon::Event{segment_.nameless()};
    dict["barrier"] = lagoon::Barrier{segment_.nameless(), 2};
    dict["semaphore"] = lagoon::BoundedSemaphore{segment_.nameless(), 3};
    dict["rlock"] = lagoon::RLock{segment_.nameless()};
    dict["condition"] = lagoon::Condition{segment_.nameless()};
  }
  segment_.acknowledge_erased();
  lagoon::Lock same{dict["lock"]};
  EXPECT_TRUE(same.is_mine());
  {
    Child other([&] {
      lagoon::Lock its{dict["lock"]};
      (void)its.acquire();
      ::raise(SIGKILL);
    });
    same.unlock();
    other.wait();
  }
  const lagoon::Acquired acquired = same.acquire();
  EXPECT_TRUE(acquired.owner_died());
  same.unlock();
  EXPECT_EQ(lagoon::Barrier{dict["barrier"]}.parties(), 2);
  EXPECT_EQ(lagoon::BoundedSemaphore{dict["semaphore"]}.get_value(), 3);
  lagoon::RLock rlock{dict["rlock"]};
  const std::scoped_lock held(rlock);
  EXPECT_FALSE(lagoon::Event{dict["event"]}.is_set());
  expect_throw<lagoon::TypeMismatch>([&] { (void)lagoon::RLock{dict["lock"]}; }, {"Lock", "RLock"});
  EXPECT_NE(Object(dict["lock"]).repr().find("AcquirerProxy object, typeid 'Lock'"),
            std::string::npos);
}

TEST_F(Nested, locks_that_nothing_refers_to_give_their_memory_back) {
  Dict<> dict{segment_["d"]};
  for (int i = 0; i < 20'000; ++i) dict["lock"] = lagoon::Lock{segment_.nameless()};
  EXPECT_LE(segment_.used(), 300'000U) << "of some 3,000,000 that they have taken";
}

TEST_F(Nested, ones_are_values_that_refer_and_no_keys) {
  Dict<> d{segment_["d"]};
  List<> list{segment_.nameless()};
  expect_throw<lagoon::TypeMismatch>([&] { d[Object(list)] = 1; }, {"unhashable", "ListProxy"});
  expect_throw<lagoon::TypeMismatch>([&] { d[Object::tuple(1, list)] = 1; }, {"unhashable"});
  Dict<std::tuple<Object, int>, int> typed{segment_["typed"]};
  expect_throw<lagoon::TypeMismatch>([&] { typed[std::tuple(Object(list), 1)] = 1; },
                                     {"unhashable"});
  // Within a value of its own, as well; copied with it.
  d["both"] = Object::dict({{"a", Object::list(list, 1)}, {"b", list}});
  d["both"]["a"][0].append("here");
  EXPECT_EQ(list.size(), 1U);
  d["again"] = Object(d["both"]);
  d["again"]["b"].append("there");
  EXPECT_EQ(list.size(), 2U);
  const Object copy = d.copy();
  EXPECT_EQ(copy.at("both").at("b"), Object(list));
  expect_throw<lagoon::TypeMismatch>([&] { (void)copy.at("both").at("b").at(0); },
                                     {"lies in shared memory", "List<>(o)"});
  expect_throw<lagoon::TypeMismatch>([&] { d["both"]["b"].update([](Object& o) { o = 1; }); },
                                     {"assign to its place"});
  EXPECT_EQ(list.size(), 2U);
}

TEST_F(Nested, ones_of_other_memory_are_refused) {
  const ShmName other_name;
  const Segment other = Segment::create(other_name);
  Dict<> d{segment_["d"]};
  d["k"] = 1;
  const List<> list{other.nameless()};
  expect_throw<lagoon::TypeMismatch>(
      [&] { d["k"] = list; }, {std::string(name_), std::string(other_name), "make it there"});
  expect_throw<lagoon::TypeMismatch>([&] { d["k"] = List<>(); }, {"heap of process"});
  EXPECT_EQ(d["k"], 1);
  List<> l{segment_["l"]};
  expect_throw<lagoon::TypeMismatch>([&] { l.extend(std::vector<Object>{1, list}); }, {"refer"});
  EXPECT_TRUE(l.empty());
  expect_throw<lagoon::TypeMismatch>([&] { d.update({{"a", 1}, {"b", list}}); }, {"refer"});
  EXPECT_FALSE(d.contains("a"));
}

// All that moves records within a list takes what they refer to along.
TEST_F(Nested, ones_are_moved_and_copied_with_their_list) {
  List<> outer{segment_["outer"]};
  for (int i = 0; i < 5; ++i) {
    List<> inner{segment_.nameless()};
    inner.append(i);
    outer.append(inner);
  }
  const auto shown = [&] {
    std::string all;
    for (const Object& o : outer) all += o.str();
    return all;
  };
  outer.reverse();
  EXPECT_EQ(shown(), "[4][3][2][1][0]");
  outer.sort([](const Object& a, const Object& b) { return a.str() < b.str(); });
  outer *= 2;
  EXPECT_EQ(shown(), "[0][1][2][3][4][0][1][2][3][4]");
  outer[5].append("both");
  EXPECT_EQ(outer[0].str(), "[0, 'both']");
  outer.assign_slice(0, 4, 2, std::vector<Object>{outer[3], 7});
  EXPECT_EQ(outer[0].str(), "[3]");
  outer.erase_slice(2, 9);
  outer.insert(0, outer[1]);
  EXPECT_EQ(shown(), "[1][3][1][4]");
  EXPECT_EQ(outer.index(outer[0]), 0U);
  EXPECT_EQ(outer.count(outer[0]), 2U);
}

/// Fills and empties `memory` until it has grown to what that takes, then counts how much more that
/// takes again and again.
template <class F>
std::size_t grown_by(const Segment& segment, F&& f) {
  for (int i = 0; i < 60; ++i) f();
  const std::size_t size = segment.size();
  for (int i = 0; i < 400; ++i) f();
  return segment.size() - size;
}

TEST_F(Nested, ones_that_nothing_refers_to_give_their_memory_back) {
  Dict<> d{segment_["d"]};
  EXPECT_EQ(grown_by(segment_,
                     [&] {
                       d["x"] = List<>{segment_.nameless()};
                       for (int i = 0; i < 100; ++i) d["x"].append(std::string(100, 'x'));
                     }),
            0U);
  // In circles too, and in all that can hold one.
  List<> l{segment_["l"]};
  Namespace n{segment_["n"]};
  EXPECT_EQ(grown_by(segment_,
                     [&] {
                       Dict<> a{segment_.nameless()};
                       Dict<> b{segment_.nameless()};
                       a["b"] = b;
                       b["a"] = a;
                       a["text"] = std::string(5000, 'x');
                       l.append(a);
                       n["b"] = b;
                       d["far"] = Object::list(std::string(10000, 'x'), a, b);
                       l.clear();
                     }),
            0U);
  EXPECT_EQ(n["b"]["a"]["text"].size(), 5000U);
  EXPECT_EQ(Object(d["far"]).at(1).str().size() > 5000U, true);
}

TEST_F(Nested, ones_in_the_heap_give_their_memory_back_too) {
  Dict<> d;
  for (int i = 0; i < 20000; ++i) d["x"] = List<>();  // 90 MB in all
  d["x"].append(1);
  EXPECT_EQ(d["x"].size(), 1U);
}

TEST_F(Nested, ones_stay_while_there_is_a_handle) {
  Dict<> d{segment_["d"]};
  d["x"] = List<>{segment_.nameless()};
  d["x"].append(Dict<>{segment_.nameless()});
  d["x"][0]["k"] = "here";
  const Object kept = d["x"];
  d["x"] = nullptr;
  for (int i = 0; i < 300; ++i) d["y"] = List<>{segment_.nameless()};
  EXPECT_EQ(Object(kept).at(0).str().size(), List<>(kept)[0].str().size());
  EXPECT_EQ(List<>(kept)[0].str(), "{'k': 'here'}");
  d["x"] = kept;  // and can be put back
  for (int i = 0; i < 300; ++i) d["y"] = List<>{segment_.nameless()};
  EXPECT_EQ(std::string(d["x"][0]["k"]), "here");
}

TEST_F(Nested, ones_outlive_who_made_them) {
  Dict<> d{segment_["d"]};
  Child maker([&] {
    d["x"] = List<>{segment_.nameless()};
    d["x"].append(1);
    raise(SIGKILL);
  });
  EXPECT_EQ(maker.exitcode(), -SIGKILL);
  for (int i = 0; i < 300; ++i) d["y"] = List<>{segment_.nameless()};
  EXPECT_EQ(d["x"].str(), "[1]");
}

TEST_F(Nested, ones_that_another_process_has_a_handle_to_are_not_used_for_something_else) {
  Dict<> d{segment_["d"]};
  d["x"] = List<>{segment_.nameless()};
  d["x"].append(Dict<>{segment_.nameless()});
  d["x"][0]["k"] = "here";
  SharedFlags flags;
  Child other([&] {
    const Segment mine = Segment::open(name_);
    const List<> kept{(*mine.find<Dict<>>("d"))["x"]};
    flags.raise(0);
    flags.await(1);
    EXPECT_EQ(kept[0].str(), "{'k': 'here'}");
    Dict<>(kept[0]).update({{"k", "there"}});
    EXPECT_EQ(kept[0].str(), "{'k': 'there'}");
  });
  flags.await(0);
  d["x"] = nullptr;
  for (int i = 0; i < 300; ++i) d["y"] = List<>{segment_.nameless()};
  flags.raise(1);
  EXPECT_EQ(other.exitcode(), 0);
}

// Who only ever reads says now and then what it can no longer reach, or the memory would grow.
TEST_F(Nested, ones_that_others_only_read_give_their_memory_back) {
  Dict<> d{segment_["d"]};
  d["x"] = List<>{segment_.nameless()};
  SharedFlags flags;
  lagoon::Value<long> looks{0L};
  Child reader([&] {
    const Segment mine = Segment::open(name_);
    Dict<> theirs = *mine.find<Dict<>>("d");
    // More than it tells of: it might have any of the others.
    std::vector<lagoon::Value<int>> more;
    for (int i = 0; i < 100; ++i) more.emplace_back(mine[std::to_string(i)], i);
    for (; flags.count(1) == 0; ++looks) EXPECT_LE(theirs["x"].size(), 100U);
  });
  EXPECT_LE(grown_by(segment_,
                     [&] {
                       List<> list{segment_.nameless()};
                       for (int i = 0; i < 100; ++i) list.append(std::string(100, 'x'));
                       d["x"] = list;
                       const long now = looks;
                       while (looks < now + 2) std::this_thread::yield();
                     }),
            std::size_t{1} << 20);
  flags.raise(1);
  EXPECT_EQ(reader.exitcode(), 0);
}

TEST_F(Nested, ones_are_read_by_threads_for_which_there_is_no_place) {
  const ShmName name;
  const Segment segment = Segment::create(name, {.participants = 1});
  Dict<> d{segment["d"]};
  d["x"] = List<>{segment.nameless()};
  d["x"].append(7);
  std::thread([&] {
    EXPECT_EQ(d["x"].size(), 1U);
    Dict<> theirs = *segment.find<Dict<>>("d");
    EXPECT_EQ(theirs["x"].size(), 1U);
    EXPECT_THROW(d["x"].append(8), lagoon::OutOfMemory);
  }).join();
  EXPECT_EQ(d["x"].size(), 1U);
}

TEST_F(Nested, named_ones_are_gone_when_they_are_erased) {
  Dict<> d{segment_["d"]};
  List<> named{segment_["named"]};
  d["x"] = named;
  d["x"].append(1);
  EXPECT_EQ(named.size(), 1U);
  segment_.erase("named");
  expect_throw<lagoon::Gone>([&] { d["x"].append(1); }, {"erased"});
  named = List<>{segment_["another"]};
  for (int i = 0; i < 300; ++i) d["y"] = List<>{segment_.nameless()};
  expect_throw<lagoon::Gone>([&] { d["x"].append(1); }, {"erased"});
  expect_throw<lagoon::Gone>([&] { (void)List<>(d["x"]); }, {"erased"});
  EXPECT_EQ(d.copy().at("x").repr(), "<BaseProxy object, of what was erased>");
  EXPECT_FALSE(d.copy().at("x") == Object(named));
  expect_throw<lagoon::Gone>([&] { d["z"] = Object(d["x"]); }, {"erased"});
}

TEST_F(Nested, ones_are_read_where_the_segment_is_read_only) {
  Dict<> d{segment_["d"]};
  d["x"] = List<>{segment_.nameless()};
  d["x"].append(1);
  Child reader([&] {
    const Segment mine = Segment::open_read_only(name_);
    const auto theirs = mine.find<Dict<Object, const Object>>("d");
    const Object x = theirs->at("x");
    const List<const Object> list{x};
    EXPECT_EQ(list[0], 1);
    expect_throw<lagoon::ReadOnly>([&] { (void)List<>(x); }, {"read-only"});
  });
  EXPECT_EQ(reader.exitcode(), 0);
}

// Who cannot write is asked nothing, whatever others keep.
TEST_F(Nested, ones_are_read_only_while_others_are_asked_what_they_keep) {
  Dict<> d{segment_["d"]};
  d["x"] = List<>{segment_.nameless()};
  d["keep"] = List<>{segment_.nameless()};
  d["keep"].append(7);
  SharedFlags flags;
  Child keeper([&] {
    const List<> kept{d["x"]};
    flags.raise(0);
    flags.await(1);
  });
  flags.await(0);
  d["x"] = nullptr;
  segment_.acknowledge_erased();
  Child reader([&] {
    const Segment mine = Segment::open_read_only(name_);
    const auto theirs = mine.find<Dict<Object, const Object>>("d");
    EXPECT_EQ(theirs->at("keep").str(), "[7]");
  });
  EXPECT_EQ(reader.exitcode(), 0);
  flags.raise(1);
  EXPECT_EQ(keeper.exitcode(), 0);
}

// What its maker had let go of before it was stored is not its maker's to free.
TEST_F(Nested, ones_stored_by_an_heir_are_no_more_their_makers) {
  Dict<> d{segment_["d"]};
  d["y"] = List<>{segment_.nameless()};
  auto x = std::make_unique<List<>>(segment_.nameless());
  x->append("here");
  SharedFlags flags;
  Child heir([&] {
    flags.await(0);
    d["y"].append(*x);
    x.reset();
    flags.raise(1);
    flags.await(2);
    d["y"] = nullptr;
    segment_.acknowledge_erased();
    flags.raise(3);
    flags.await(4);
  });
  x.reset();
  flags.raise(0);
  flags.await(1);
  const List<> y{d["y"]};
  flags.raise(2);
  flags.await(3);
  { const List<> other{segment_.nameless()}; }
  EXPECT_EQ(y[0].str(), "['here']");
  flags.raise(4);
  EXPECT_EQ(heir.exitcode(), 0);
}

// One of the library's stands for it, if there is a place; else the process does not count as
// there, and what it writes after that is Gone.
TEST(NestedOfAThreadThatHasEnded, ones_are_not_written_when_they_are_anothers) {
  for (const bool is_kept : {true, false}) {
    SCOPED_TRACE(is_kept ? "kept" : "no place");
    const ShmName name;
    SharedFlags flags;
    Child opener([&] {
      flags.await(0);
      std::optional<List<>> list;
      std::jthread([&] {
        const Segment mine = Segment::open(name);
        list.emplace((*mine.find<Dict<>>("d"))["x"]);
      }).join();
      flags.raise(1);
      flags.await(2);
      const auto append = [&] { list->append("from another life"); };
      if (!is_kept) {
        expect_throw<lagoon::Gone>(append, {"erased"});
        return;
      }
      append();
      EXPECT_EQ(list->size(), 1U) << "its own, which nobody else has";
    });
    SegmentOptions options;
    options.participants = is_kept ? 3 : 2;
    const Segment segment = Segment::create(name, options);
    Dict<> d{segment["d"]};
    d["x"] = List<>{segment.nameless()};
    flags.raise(0);
    flags.await(1);
    d["x"] = nullptr;
    std::vector<List<>> others;
    for (int i = 0; i < 10; ++i) {
      segment.acknowledge_erased();
      others.emplace_back(segment.nameless());
    }
    flags.raise(2);
    EXPECT_EQ(opener.exitcode(), 0);
    for (const List<>& other : others) EXPECT_TRUE(other.empty());
  }
}

TEST_F(Nested, ones_are_not_judged_while_they_grow) {
  Dict<> d{segment_["d"]};
  d["x"] = List<>{segment_.nameless()};
  const Object seen = d["x"];
  const List<> list(seen);
  // As if it had got memory that the segment had got after its size was looked at.
  const auto& handle = lagoon::detail::Attach::handle_of(list);
  using State = lagoon::detail::ContainerState<lagoon::core::Sequence>;
  reinterpret_cast<State*>(handle.payload())->slab().add(segment_.size(), 4096);
  EXPECT_NO_THROW((void)List<>(seen));
}

TEST_F(Nested, queues_are_held_and_hold_none) {
  Dict<> d{segment_["d"]};
  lagoon::Queue<int> numbers{segment_.nameless(), 10};
  d["q"] = numbers;
  numbers.put(7);
  lagoon::Queue<int> same{d["q"]};
  EXPECT_EQ(same.get(), 7);
  EXPECT_EQ(same.maxsize(), 10U);
  EXPECT_TRUE(d["q"].repr().starts_with("<AutoProxy[Queue] object, typeid 'Queue' at 0x"));
  expect_throw<lagoon::TypeMismatch>([&] { (void)lagoon::JoinableQueue<int>(d["q"]); },
                                     {"JoinableQueue<int32>", "Queue<int32>"});
  lagoon::Queue<> queue{segment_["q"]};
  expect_throw<lagoon::TypeMismatch>([&] { queue.put(Object::list(d["q"])); },
                                     {"message", "copy()"});
  EXPECT_TRUE(queue.empty());
}

TEST_F(Nested, a_manager_makes_ones) {
  Manager manager;
  auto d = manager.dict();
  d["l"] = manager.list();
  d["l"].append(manager.dict());
  std::vector<std::unique_ptr<Child>> children;
  for (int i = 0; i < 4; ++i)
    children.push_back(std::make_unique<Child>([&, i] {
      d["l"][0][i] = i;
      d["l"].append(i);
    }));
  for (const auto& child : children) EXPECT_EQ(child->exitcode(), 0);
  EXPECT_EQ(d["l"].size(), 5U);
  EXPECT_EQ(d["l"][0].size(), 4U);
}

/// A list of the same number, often: so that one of another life would be seen.
List<> list_of_one_number(const Segment& segment, int number) {
  List<> list{segment.nameless()};
  list.extend(std::vector<int>(static_cast<std::size_t>(number % 50 + 2), number));
  return list;
}
void expect_one_number(const Object& o) {
  const Object all = List<>(o).copy();
  ASSERT_GE(all.size(), 2U);
  EXPECT_EQ(all.size(), static_cast<std::size_t>(int(all.at(0)) % 50 + 2));
  for (const Object& x : all) EXPECT_EQ(x, all.at(0));
}

// What is put, moved, read and let go of by many at once, of whom some are killed, is never
// another's, nor torn; and the memory does not grow.
TEST_F(Nested, ones_are_moved_about_by_many_of_whom_some_are_killed) {
  Dict<> d{segment_["d"]};
  List<> l{segment_["l"]};
  constexpr int slots = 6;
  for (int i = 0; i < slots; ++i) d[i] = list_of_one_number(segment_, i);
  SharedFlags flags;
  const auto work = [&](unsigned seed, bool for_ever) {
    const Segment mine = Segment::open(name_);
    Dict<> dict = *mine.find<Dict<>>("d");
    List<> list = *mine.find<List<>>("l");
    std::mt19937 random(seed);
    for (int round = 0; for_ever || round < 1500; ++round) {
      const int at = static_cast<int>(random() % slots);
      switch (random() % 6) {
        case 0:
          dict[at] = list_of_one_number(mine, static_cast<int>(random() % 1000));
          break;
        case 1:
          dict[at] = Object(dict[static_cast<int>(random() % slots)]);
          break;
        case 2:
          list.append(dict[at]);
          if (list.size() > 20) list.erase_slice(0, 10);
          break;
        case 3:
          list.reverse();
          break;
        case 4:
          for (const Object& o : list) expect_one_number(o);
          break;
        default:
          expect_one_number(dict[at]);
      }
      if (round == 0) flags.raise();
    }
  };
  std::vector<std::unique_ptr<Child>> workers;
  for (unsigned i = 0; i < 3; ++i)
    workers.push_back(std::make_unique<Child>([&, i] { work(i, false); }));
  for (unsigned i = 0; i < 40; ++i) {
    const std::uint32_t begun = flags.count();
    Child victim([&, i] { work(100 + i, true); });
    flags.await(0, begun + 1);
    for (int k = 0; k < 20; ++k) expect_one_number(d[k % slots]);
    victim.kill(SIGKILL);
    EXPECT_EQ(victim.exitcode(), -SIGKILL);
  }
  for (const auto& worker : workers) EXPECT_EQ(worker->exitcode(), 0);
  for (int i = 0; i < slots; ++i) expect_one_number(d[i]);
  for (const Object& o : l) expect_one_number(o);
  EXPECT_LT(segment_.size(), std::size_t{16} << 20);
}

// The threads of one process share their books of handles.
TEST_F(Nested, ones_are_moved_about_by_many_threads) {
  Dict<> d{segment_["d"]};
  d["x"] = list_of_one_number(segment_, 1);
  std::vector<std::jthread> threads;
  for (unsigned t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      std::mt19937 random(t);
      for (int round = 0; round < 1500; ++round) {
        if (random() % 3 == 0)
          d["x"] = list_of_one_number(segment_, static_cast<int>(random() % 1000));
        else
          expect_one_number(d["x"]);
      }
    });
  threads.clear();
  EXPECT_LT(segment_.size(), std::size_t{8} << 20);
}

}  // namespace
