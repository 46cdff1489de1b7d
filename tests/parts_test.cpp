/// Parts: more memory for an object, which goes with it.

#include <lagoon/place.hpp>
#include <lagoon/segment.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <string>

#include "child.hpp"
#include "segment_in_memory.hpp"

namespace {

using lagoon::OutOfMemory;
using lagoon::Place;
using lagoon::Segment;
using lagoon::detail::Handle;
using lagoon::detail::Memory;
using lagoon::detail::Stamp;
using lagoon::test::Child;
using lagoon::test::SegmentInMemory;

Handle make(const Place& place) {
  return lagoon::detail::make_or_find(
      place, {.kind = Stamp::Kind::in_place, .mode = Stamp::Mode::raw}, 64, [](auto&&...) {});
}
TEST(Parts, are_zeros_and_go_with_their_object) {
  SegmentInMemory world;
  {
    Handle object = make((*world)["object"]);
    EXPECT_EQ(object.newest_part().bytes, 0U);
    const std::size_t alone = world->used();
    const Memory first = object.add_part(1000);
    EXPECT_GE(first.bytes, 1000U);
    EXPECT_EQ(first.at % 64, 0U);
    const Memory second = object.add_part(5000);
    EXPECT_GE(second.bytes, 5000U);
    EXPECT_TRUE(second.at >= first.at + first.bytes || first.at >= second.at + second.bytes);
    EXPECT_EQ(make((*world)["object"]).newest_part().at, second.at) << "whoever asks";
    for (const Memory& part : {first, second}) {
      const auto bytes = world.memory().subspan(part.at, part.bytes);
      EXPECT_TRUE(std::ranges::all_of(bytes, [](std::byte b) { return b == std::byte{}; }));
    }
    ASSERT_EQ(world->objects().size(), 1U);
    EXPECT_EQ(world->objects()[0].bytes, world->used());
    EXPECT_GE(world->used(), alone + first.bytes + second.bytes);
  }
  EXPECT_TRUE(world->erase("object"));
  EXPECT_EQ(world->used(), 0U);
  EXPECT_TRUE(world.is_whole());
}

TEST(Parts, stay_while_somebody_has_a_handle_to_what_was_erased) {
  SegmentInMemory world;
  {
    Handle object = make((*world)["object"]);
    (void)object.add_part(1000);
    const std::size_t used = world->used();
    EXPECT_TRUE(world->erase("object"));
    EXPECT_EQ(world->used(), used);
    (void)object.add_part(1000);
    EXPECT_GT(world->used(), used) << "whose it is still";
  }
  (void)make((*world)["next"]);
  EXPECT_TRUE(world->erase("next"));
  EXPECT_EQ(world->used(), 0U);
}

TEST(Parts, without_memory_there_are_none_and_the_object_is_as_it_was) {
  SegmentInMemory world;
  Handle object = make((*world)["object"]);
  const Memory first = object.add_part(1000);
  EXPECT_THROW((void)object.add_part(std::size_t{1} << 30), OutOfMemory);
  EXPECT_EQ(object.newest_part().at, first.at);
}

TEST(Parts, of_what_is_made_and_dropped_in_the_heap_come_back) {
  Child child([] {
    std::uint64_t most = 0;
    for (int i = 0; i < 1000; ++i) {
      Handle object = make(Place{});
      const Memory first = object.add_part(10'000);
      const Memory second = object.add_part(10'000);
      most = std::max({most, first.at, second.at});
      ASSERT_LT(most, std::uint64_t{1} << 20);
    }
  });
  EXPECT_EQ(child.exitcode(), 0);
}

}  // namespace
