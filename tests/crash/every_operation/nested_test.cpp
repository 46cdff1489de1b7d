/// Killed at every instruction: what puts containers into containers, changes them there, takes
/// them out, and finds what nothing refers to. How, and how to add one: support/either_or.hpp.

#include <lagoon/lagoon.hpp>

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "child.hpp"
#include "helpers.hpp"
#include "rendezvous.hpp"
#include "storing.hpp"

namespace {

using lagoon::Dict;
using lagoon::List;
using lagoon::Object;
using lagoon::test::Child;
using lagoon::test::EitherOr;
using lagoon::test::KilledEitherOr;
using lagoon::test::Seen;
using lagoon::test::SegmentInMemory;
using lagoon::test::SharedFlags;
using lagoon::test::Storing;
using lagoon::test::wait_until;

/// With what the objects have that it refers to.
std::string deep(const Object& o) {
  if (o.kind() == Object::Kind::shared) return deep(List<>(o).copy());
  if (o.kind() != Object::Kind::list) return o.repr();
  std::string text = "[";
  for (const Object& x : o) text += deep(x) + ' ';
  return text + ']';
}

List<> list(SegmentInMemory& world, int x) {
  List<> list{world->nameless()};
  list.append(x);
  list.append(10 * x);
  return list;
}

void kill(const std::string& name, std::function<void(SegmentInMemory&, Dict<>&, int x)> run) {
  const auto dict = [](SegmentInMemory& world) { return *world->find<Dict<>>("d"); };
  const EitherOr operation{.name = "Dict<> of List<>s, " + name,
                           .make =
                               [](SegmentInMemory& world) {
                                 Dict<> d((*world)["d"]);
                                 d["l"] = list(world, 1);
                                 d["l"].append(list(world, 2));
                                 d["m"] = list(world, 3);
                               },
                           .run =
                               [=](SegmentInMemory& world, int x) {
                                 Dict<> d = dict(world);
                                 run(world, d, x);
                               },
                           .look =
                               [=](SegmentInMemory& world) {
                                 Dict<> d = dict(world);
                                 std::string seen;
                                 for (const auto& [key, value] : d.items())
                                   seen += key.str() + '=' + deep(value) + ' ';
                                 // It goes on, and what it has is nobody else's.
                                 std::vector<List<>> others;
                                 for (int i = 0; i < 5; ++i) {
                                   others.push_back(list(world, 100 + i));
                                   d["next"] = others.back();
                                 }
                                 world->acknowledge_erased();
                                 std::string again;
                                 for (const auto& [key, value] : d.items())
                                   if (key != "next") again += key.str() + '=' + deep(value) + ' ';
                                 EXPECT_EQ(again, seen) << "torn";
                                 return Seen{seen};
                               },
                           .drop =
                               [](SegmentInMemory& world) {
                                 world->erase("d");
                                 world->acknowledge_erased();
                               }};
  KilledEitherOr(operation).kill();
}

TEST(EveryOperation, of_lists_within_a_dict) {
  kill("[] = a new one",
       [](SegmentInMemory& world, Dict<>& d, int x) { d["new"] = list(world, x); });
  kill("[] = one in the place of another",
       [](SegmentInMemory& world, Dict<>& d, int x) { d["m"] = list(world, x); });
  kill("[] = one that is there", [](auto&, Dict<>& d, int) { d["n"] = Object(d["l"][2]); });
  kill("[].append", [](auto&, Dict<>& d, int x) { d["l"].append(x); });
  kill("[][].append", [](auto&, Dict<>& d, int x) { d["l"][2].append(x); });
  kill("[] *= 2", [](auto&, Dict<>& d, int) { d["l"] *= 2; });
  kill("update of several", [](SegmentInMemory& world, Dict<>& d, int x) {
    const Object one = list(world, x);
    d.update({{"m", one}, {"n", Object::list(one, x)}, {"o", x}});
  });
}

TEST(EveryOperation, of_lists_that_nothing_refers_to_any_more) {
  const auto let_go = [](SegmentInMemory& world, Dict<>& d, int) {
    d.discard("l");
    world->acknowledge_erased();
  };
  kill("discard, and the search for what it referred to", let_go);
  kill("clear, and the search for what it referred to", [](SegmentInMemory& world, Dict<>& d, int) {
    d.clear();
    world->acknowledge_erased();
  });
}

// Who forks while another ends what it has a handle to: its child keeps it.
TEST(EveryOperation, of_ending_a_list_that_is_inherited_meanwhile) {
  const auto end_it = [](unsigned stores, auto&& meanwhile) {
    SegmentInMemory world;
    Dict<> d((*world)["d"]);
    d["l"] = list(world, 7);
    SharedFlags flags;
    Storing eraser(
        SegmentInMemory::mapping, stores,
        [&] {
          (void)world->find<Dict<>>("d");
          flags.await(0);
        },
        [&] {
          Dict<> mine = *world->find<Dict<>>("d");
          mine.discard("l");
          world->acknowledge_erased();
        });
    auto held = std::make_unique<List<>>(d["l"]);
    flags.raise(0);
    eraser.wait();
    meanwhile(world, eraser, held, flags);
  };
  std::vector<unsigned> moments;
  end_it(Storing::all,
         [&](auto&, Storing& eraser, auto&, auto&) { moments = eraser.moments(true); });
  ASSERT_GT(moments.size(), 5U);
  for (const unsigned k : moments) {
    SCOPED_TRACE("forked after " + std::to_string(k) + " of another's stores");
    end_it(k, [](SegmentInMemory& world, Storing& eraser, auto& held, SharedFlags& flags) {
      Child heir([&] {
        flags.await(1);
        EXPECT_EQ(held->copy(), Object::list(7, 70));
      });
      eraser.go_on();
      wait_until([&] { return eraser.has_stopped(); }, "it had ended the list");
      eraser.kill();
      held.reset();
      std::vector<List<>> others;
      for (int i = 0; i < 10; ++i) {
        world->acknowledge_erased();
        others.push_back(list(world, -1));
      }
      flags.raise(1);
      EXPECT_EQ(heir.exitcode(), 0);
    });
    if (testing::Test::HasFailure()) return;
  }
}

}  // namespace
