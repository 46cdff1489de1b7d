/// Who copies a segment is killed, after each instruction with which it changed the one that it
/// copies: what is in that is as it was, and nobody waits for the dead.

#include <lagoon/array.hpp>
#include <lagoon/dict.hpp>
#include <lagoon/list.hpp>
#include <lagoon/lock.hpp>
#include <lagoon/queue.hpp>
#include <lagoon/segment_copy.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "kill_everywhere.hpp"
#include "segment_in_memory.hpp"

namespace {

using namespace lagoon;
using test::SegmentInMemory;

TEST(CopierKilled, WhatItCopiesIsAsItWas) {
  SegmentInMemory from, to;
  const auto place = [&](const char* name) { return (*from)[name]; };
  test::kill_everywhere(
      {.name = "copy_objects",
       .before =
           [&] {
             from.begin_anew();
             to.begin_anew();
             const Array<int, mode::locked> locked(place("locked"), std::vector<int>{1, 2});
             const Array<int> array(place("array"), std::vector<int>{3, 4});
             Dict<int, std::string> dict(place("dict"));
             dict.set(1, "one");
             Dict<> outer(place("outer"));
             List<> inner{from->nameless()};
             inner.append(5);
             outer.set("inner", inner);
             Queue<int> queue(place("queue"));
             queue.put(6);
           },
       .run = [&] { EXPECT_TRUE(copy_objects(*from, *to).empty()); },
       .after =
           [&] {
             from.attach();  // as others do who come later
             Array<int, mode::locked> locked(place("locked"), 2);
             if (locked.get_lock().acquire().owner_died()) locked.get_lock().mark_consistent();
             EXPECT_EQ(locked.get_obj()[1], 2);
             locked.get_lock().release();
             Array<int> array(place("array"), 2);
             EXPECT_EQ(array.snapshot(), (std::vector<int>{3, 4}));
             array.set(0, 7);
             Dict<int, std::string> dict(place("dict"));
             EXPECT_EQ(dict.at(1), "one");
             dict.set(2, "two");
             const Dict<> outer(place("outer"));
             List<> inner{outer.at("inner")};
             EXPECT_EQ(inner.at(0), Object(5));
             inner.append(8);
             Queue<int> queue(place("queue"));
             EXPECT_EQ(queue.get(), 6);
             EXPECT_TRUE(queue.empty());
             to.attach();
             return to->find<Queue<int>>("queue") ? 1 : 0;
           },
       .shared = [&] { return from.memory(); },
       .steady = false});
}

}  // namespace
