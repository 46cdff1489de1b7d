/// Objects without a name, in a segment or in the heap: whose they are, and when they go.

#include <lagoon/lagoon.hpp>

#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <cstdio>
#include <exception>
#include <memory>
#include <string>
#include <vector>

#include "child.hpp"
#include "expect_throw.hpp"
#include "rendezvous.hpp"
#include "shm_name.hpp"

namespace {

using lagoon::Array;
using lagoon::Dict;
using lagoon::Place;
using lagoon::Segment;
using lagoon::test::Child;
using lagoon::test::SharedFlags;
using lagoon::test::ShmName;

class Nameless : public testing::Test {
 protected:
  /// What others have let go of can be used again.
  void sweep() const {
    { const lagoon::Value<int> x{segment_["sweeps"], 0}; }
    segment_.erase("sweeps");
  }

  enum : unsigned { ends = 2, has_ended = 4, ends_too = 6, not_permitted = 8 };  // flags

  ShmName name_;
  Segment segment_ = Segment::create(name_);
};

TEST_F(Nameless, each_is_another_and_none_is_found_or_listed) {
  Dict<int, int> one{segment_.nameless()}, other{segment_.nameless()};
  one[1] = 1;
  other[1] = 2;
  EXPECT_EQ(one.at(1), 1);
  EXPECT_EQ(other.at(1), 2);
  EXPECT_TRUE(segment_.objects().empty());
  lagoon::test::expect_throw<lagoon::InvalidArgument>(
      [&] { (void)segment_.find<Dict<int, int>>("/1.1"); }, {"slash"});
  lagoon::test::expect_throw<lagoon::TypeMismatch>(
      [&] {
        const Dict<int, int> named{segment_["x"]};
        (void)segment_.find<Array<int>>("x");
      },
      {"Dict<int32, int32>"});
}

TEST_F(Nameless, ones_go_with_their_handle) {
  const auto make_many = [&] {
    for (int i = 0; i < 200; ++i) {
      Dict<int, std::string> dict{segment_.nameless()};
      for (int k = 0; k < 20; ++k) dict[k] = std::string(500, 'x');
      const Array<int> array(segment_.nameless(), 1000);
    }
  };
  const std::size_t used = segment_.used();
  make_many();
  EXPECT_EQ(segment_.used(), used);
  const std::size_t size = segment_.size();
  make_many();
  EXPECT_EQ(segment_.size(), size);
}

TEST_F(Nameless, ones_go_with_the_process_that_made_them) {
  const std::size_t used = segment_.used();
  for (const bool killed : {false, true}) {
    SharedFlags flags;
    Child child([&] {
      Dict<int, int> dict{segment_.nameless()};
      const Array<int> array(segment_.nameless(), 100);
      for (int i = 0; i < 1000; ++i) dict[i] = i;
      flags.raise(0);
      if (killed) flags.await(1);
      _exit(0);  // without a word
    });
    flags.await(0);
    if (killed) {
      EXPECT_GT(segment_.used(), used);
      child.kill(SIGKILL);
    }
    (void)child.exitcode();
    sweep();
    EXPECT_EQ(segment_.used(), used) << (killed ? "killed" : "ended");
  }
}

// In two namespaces there are two processes with the same id; and ids are used again.
TEST_F(Nameless, ones_go_with_their_maker_though_another_has_its_id) {
  if (geteuid() != 0) GTEST_SKIP() << "a pid namespace needs root";
  const std::size_t used = segment_.used();
  SharedFlags flags;
  const auto in_a_namespace = [&](unsigned i) {
    return Child([&, i] {
      if (unshare(CLONE_NEWPID) != 0) return void(flags.raise(not_permitted));
      Child first([&, i] {
        if (getpid() != 1) return void(flags.raise(not_permitted));
        Dict<int, int> dict{segment_.nameless()};
        dict[1] = 1;
        flags.raise(i);
        flags.await(ends + i);
        _exit(0);  // without a word
      });
      EXPECT_EQ(first.exitcode(), 0);
      flags.raise(has_ended + i);
      flags.await(ends_too + i);
    });
  };
  Child one = in_a_namespace(0), other = in_a_namespace(1);
  lagoon::test::wait_until(
      [&] { return flags.count(not_permitted) != 0 || (flags.count(0) & flags.count(1)) != 0; },
      "both have made one");
  if (flags.count(not_permitted) != 0) GTEST_SKIP() << "this process may not make pid namespaces";
  const std::size_t both = segment_.used() - used;
  for (const unsigned i : {0U, 1U}) {
    flags.raise(ends + i);
    flags.await(has_ended + i);
    sweep();
    EXPECT_EQ(segment_.used() - used, i == 0 ? both / 2 : 0);
  }
  for (const unsigned i : {0U, 1U}) flags.raise(ends_too + i);
  EXPECT_EQ(one.exitcode(), 0);
  EXPECT_EQ(other.exitcode(), 0);
}

// The other's end of it is not theirs.
TEST_F(Nameless,
       ones_that_their_maker_lets_go_of_or_dies_with_work_on_in_a_child_that_inherited_them) {
  for (const bool in_the_heap : {false, true})
    for (const bool dies : {false, true}) {
      SCOPED_TRACE(testing::Message() << "in the heap: " << in_the_heap << ", dies: " << dies);
      SharedFlags flags;
      Child maker([&] {
        auto dict = std::make_unique<Dict<>>(in_the_heap ? Place{} : segment_.nameless());
        (*dict)["x"] = 1;
        // Not a Child, which would be killed with the maker.
        const pid_t child = fork();
        if (child == 0) {
          int failed = 1;
          try {
            flags.raise(0);
            flags.await(1);
            EXPECT_FALSE(dict->gone());
            EXPECT_EQ(int((*dict)["x"]), 1);
            (*dict)["x"] += 1;
            (*dict)["y"] = std::string(10'000, 'y');
            EXPECT_EQ(lagoon::str((*dict)["x"]), "2");
            EXPECT_EQ(dict->size(), 2U);
            failed = testing::Test::HasFailure() ? 1 : 0;
          } catch (const std::exception& e) {
            std::fprintf(stderr, "%s\n", e.what());
          }
          if (failed != 0) flags.raise(3);
          flags.raise(2);
          _exit(failed);
        }
        flags.await(0);
        if (dies) _exit(0);
        dict.reset();
        Dict<> others[20];
        for (auto& other : others) other["x"] = 7;
        flags.raise(1);
        flags.await(2);
        for (auto& other : others) EXPECT_EQ(int(other["x"]), 7);
        waitpid(child, nullptr, 0);
      });
      EXPECT_EQ(maker.exitcode(), 0);
      if (dies) {
        sweep();
        flags.raise(1);
        flags.await(2);
      }
      EXPECT_EQ(flags.count(3), 0U);
    }
}

// What was let go of is freed by whoever finds that nobody has it: by one process only.
TEST_F(Nameless, ones_that_another_process_has_freed_are_not_freed_again) {
  for (const bool in_the_heap : {false, true}) {
    SCOPED_TRACE(testing::Message() << "in the heap: " << in_the_heap);
    Child family([&] {
      const auto place = [&] { return in_the_heap ? Place{} : segment_.nameless(); };
      SharedFlags flags;
      Dict<int, std::string> grows(place());
      grows[0] = "x";
      auto large = std::make_unique<Array<int>>(place(), 200'000);
      Child holds_on([&] {
        flags.raise(0);
        flags.await(1);
      });
      flags.await(0);
      large.reset();  // it stays: a child may have it
      flags.raise(1);
      EXPECT_EQ(holds_on.exitcode(), 0);
      Child frees([&] {
        for (int i = 0; i < 3000; ++i) grows[i] = std::string(1000, 'y');
      });
      EXPECT_EQ(frees.exitcode(), 0);
      { const Array<int> another(place(), 10); }
      std::vector<Array<int>> others;
      for (int i = 0; i < 50; ++i) others.emplace_back(place(), std::vector<int>(1000, -1));
      for (int i = 0; i < 3000; ++i) ASSERT_EQ(grows.at(i), std::string(1000, 'y')) << i;
      EXPECT_EQ(grows.size(), 3000U);
      _exit(testing::Test::HasFailure() ? 1 : 0);
    });
    EXPECT_EQ(family.exitcode(), 0);
  }
}

TEST_F(Nameless, ones_that_a_child_makes_are_the_childs) {
  const std::size_t used = segment_.used();
  Child child([&] {
    const std::size_t before = segment_.used();
    {
      Dict<int, int> mine{segment_.nameless()};
      mine[1] = 2;
      EXPECT_GT(segment_.used(), before);
    }
    EXPECT_EQ(segment_.used(), before);
    _exit(testing::Test::HasFailure() ? 1 : 0);
  });
  EXPECT_EQ(child.exitcode(), 0);
  EXPECT_EQ(segment_.used(), used);
}

}  // namespace
