/// Killed at every instruction: what makes, erases and sweeps objects in a segment. How, and how to
/// add one: support/either_or.hpp.

#include <lagoon/lagoon.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <numeric>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "../../../src/layout.hpp"
#include "helpers.hpp"

namespace {

using lagoon::Array;
using lagoon::test::EitherOr;
using lagoon::test::kill_everywhere;
using lagoon::test::Seen;
using lagoon::test::SegmentInMemory;
using lagoon::test::Storing;
using lagoon::test::text;
namespace mode = lagoon::mode;

using Numbers = Array<std::int64_t>;
using Bytes = Array<char, mode::raw>;

/// The smallest object takes so many bytes. Of others that take a multiple of it, it makes no
/// difference which holes they lie in: as many small ones find room between them.
constexpr std::size_t smallest = 256;
std::size_t bytes_taken(SegmentInMemory& world, const std::string& name) {
  for (const auto& entry : world->objects())
    if (entry.name == name) return entry.bytes;
  return 0;
}
/// Of an array of numbers.
std::size_t handy_length(std::size_t least = 100) {
  for (std::size_t n = least;; ++n) {
    SegmentInMemory world;
    const Bytes one((*world)["one"], 1);
    EXPECT_EQ(bytes_taken(world, "one"), smallest);
    const Numbers made((*world)["made"], n);
    if (bytes_taken(world, "made") % smallest == 0) return n;
  }
}

/// How many bytes nobody can have without growth, though nothing is there; fills it.
std::size_t not_to_be_had(SegmentInMemory& world) {
  const std::size_t size = world->size();
  for (int i = 0;; ++i) {
    const std::size_t used = world->used();
    try {
      const Bytes one((*world)["small" + std::to_string(i)], 1);
    } catch (const lagoon::OutOfMemory&) {
    }
    if (world->size() != size || world->used() == used) return size - used;
  }
}

std::string in_use_for_nothing(SegmentInMemory& world) {
  std::size_t bytes = world->used();
  for (const auto& entry : world->objects()) bytes -= entry.bytes;
  return std::to_string(bytes) + " B in use for nothing";
}

/// What is there, and what it holds; and whatever comes next gets what it should, wherever it lies.
Seen all_of(SegmentInMemory& world) {
  std::set<std::string> seen;
  for (const auto& entry : world->objects())
    seen.insert(entry.name + ' ' + entry.type + ' ' +
                (entry.type.starts_with("Array<int64")
                     ? text(world->find<Numbers>(entry.name)->snapshot())
                     : ""));
  for (const std::size_t bytes : {16384U, 80U, 1280U, 320U}) {  // clean memory first
    try {
      const Bytes next((*world)["next"], bytes);
      EXPECT_TRUE(std::ranges::all_of(next.get_obj(), [](char c) { return c == 0; })) << "torn";
    } catch (const lagoon::OutOfMemory&) {
      seen.insert("no room for " + std::to_string(bytes));
      continue;
    }
    EXPECT_TRUE(world->erase("next"));
  }
  std::string all;
  for (const std::string& one : seen) all += one + "; ";
  return {all, in_use_for_nothing(world),
          std::to_string(not_to_be_had(world)) + " B not to be had"};
}

/// What others find meanwhile, whatever has the turn.
Seen found_in(SegmentInMemory& world) {
  Seen seen;
  for (const char* const name : {"first", "a", "made"}) {
    const auto found = world->find<Numbers>(name);
    seen.push_back(std::string(name) + ": " + (found ? text(found->snapshot()) : "nothing"));
  }
  std::set<std::string> names;
  for (const auto& entry : world->objects()) names.insert(entry.name);
  std::string all;
  for (const std::string& name : names) all += name + "; ";
  seen.push_back(all);
  EXPECT_GT(world->used(), 0U);
  return seen;
}

/// Operations on a segment and its objects.
class OfSegment {
 public:
  OfSegment() {
    // So much that the next object finds no room, and the segment must grow.
    SegmentInMemory world;
    const auto grows = [&] {
      world.begin_anew();
      make_some(world);
      const std::size_t size = world->size();
      make_fillers(world);
      return world->size() != size;
    };
    for (std::size_t bytes = 32768; bytes >= 512;) {
      fillers_.push_back(bytes);
      if (!grows()) continue;
      fillers_.pop_back();
      bytes /= 2;
    }
    // What is left has room for the head of a block and some bytes: in these is seen what was left
    // in memory that is called clean.
    (void)grows();
    const auto& header = *reinterpret_cast<const lagoon::detail::Header*>(world.memory().data());
    constexpr std::size_t some_bytes = 320;
    if (world->size() - header.blocks - world->used() < some_bytes) fillers_.back() -= some_bytes;
  }

  // What is not to be had is the same wherever they lie.
  static inline const std::size_t some = handy_length(10);

  void kill(const std::string& name,
            const std::function<void(SegmentInMemory&, int who)>& run) const {
    kill(
        name + " in a segment of some objects", [](SegmentInMemory&) {}, run);
    kill(name + " in a segment with holes", make_holes, run);
    kill(name + " in a segment with others in each bucket", make_others_in_buckets, run);
    kill(name + " in a segment with what a dead one erased", erase_and_die, run);
    kill(
        name + " in a segment that must grow",
        [this](SegmentInMemory& world) { make_fillers(world); }, run);
    kill(name + " in a segment that cannot grow", fill, run);
  }
  /// After what `prepare` does.
  void kill(const std::string& name, const std::function<void(SegmentInMemory&)>& prepare,
            const std::function<void(SegmentInMemory&, int who)>& run,
            const std::function<Seen(SegmentInMemory&)>& look = all_of) const {
    std::optional<lagoon::Lock> enrols;
    kill_everywhere(EitherOr{
        .name = name,
        .make =
            [&](SegmentInMemory& world) {
              make_some(world);
              enrols.emplace((*world)["enrols"]);
              prepare(world);
            },
        .enter =
            [&](SegmentInMemory&, int) {
              enrols->lock();
              enrols->unlock();
            },
        .run =
            [&](SegmentInMemory& world, int who) {
              try {
                run(world, who);
              } catch (const lagoon::OutOfMemory&) {
              }
            },
        .look = look,
        .read = found_in,
        .while_they_live = [](SegmentInMemory& world) { return Seen{in_use_for_nothing(world)}; },
        .drop =
            [&](SegmentInMemory& world) {
              enrols.reset();
              for (const auto& entry : world->objects()) world->erase(entry.name);
            }});
  }

 private:
  static void make_some(SegmentInMemory& world) {
    std::vector<std::int64_t> all(some);
    std::iota(all.begin(), all.end(), 100);
    for (const char* const name : {"first", "a", "b", "c"}) const Numbers one((*world)[name], all);
    const lagoon::Lock enrols((*world)["enrols"]);
  }
  /// Before and behind each name that is made or erased, in its bucket.
  static void make_others_in_buckets(SegmentInMemory& world) {
    const auto make_beside_all = [&](unsigned n) {
      for (const char* const name : {"a", "b", "made", "made by 1", "made by 2"})
        const Bytes other((*world)[name_beside(name, n)], 10);
    };
    make_beside_all(0);
    for (const char* const name : {"a", "b"}) {
      const auto all = world->find<Numbers>(name)->snapshot();
      EXPECT_TRUE(world->erase(name));
      const Numbers again((*world)[name], all);
    }
    make_beside_all(1);
  }
  /// The n-th of those that are in the bucket of this name.
  static std::string name_beside(std::string_view name, unsigned n) {
    const auto bucket = [](std::string_view of) {
      return lagoon::detail::hash(of) % lagoon::detail::Header::bucket_count;
    };
    for (unsigned i = 0;; ++i) {
      std::string other = "n" + std::to_string(i);
      if (bucket(other) == bucket(name) && n-- == 0) return other;
    }
  }
  static void make_holes(SegmentInMemory& world) {
    // Of long names too: what is made next in the same place has a shorter one.
    const auto name = [](unsigned i) {
      return "filler" + std::to_string(i) + std::string(i % 4 == 0 ? 230 : 0, 'x');
    };
    for (unsigned i = 0; i < 20; ++i) const Bytes filler((*world)[name(i)], 100 * (i + 1));
    for (unsigned i = 0; i < 20; i += 2) EXPECT_TRUE(world->erase(name(i)));
  }
  /// Whoever comes next sweeps it.
  static void erase_and_die(SegmentInMemory& world) {
    make_holes(world);
    Storing(
        SegmentInMemory::mapping, Storing::all, [] {}, [&] { world->erase("first"); })
        .kill_there();
    world->acknowledge_erased();
  }
  void make_fillers(SegmentInMemory& world) const {
    for (std::size_t i = 0; i < fillers_.size(); ++i)
      const Bytes filler((*world)["filler" + std::to_string(i)], fillers_[i]);
  }
  static void fill(SegmentInMemory& world) {
    int fillers = 0;
    for (std::size_t bytes = std::size_t{1} << 20; bytes >= 64;) try {
        const Bytes filler((*world)["filler" + std::to_string(fillers)], bytes);
        ++fillers;
      } catch (const lagoon::OutOfMemory&) {
        bytes /= 2;
      }
  }

  std::vector<std::size_t> fillers_;
};

TEST(EveryOperation, of_making_in_a_segment) {
  // One that fits into a hole, one that does not.
  OfSegment().kill("make", [](SegmentInMemory& world, int who) {
    const Numbers made((*world)["made by " + std::to_string(who)], who == 1 ? 10 : 100);
  });
}
// Smaller than the name of what lay there before.
TEST(EveryOperation, of_making_a_small_one_in_a_segment) {
  OfSegment().kill("make a small one", [](SegmentInMemory& world, int who) {
    const Bytes made((*world)["made by " + std::to_string(who)], 10);
  });
}
// What has no name goes with who made it, wherever that one was.
TEST(EveryOperation, of_making_without_a_name_and_letting_go) {
  kill_everywhere(
      EitherOr{.name = "make without a name",
               .make = [](SegmentInMemory& world) { const Numbers a((*world)["a"], 10); },
               .run =
                   [](SegmentInMemory& world, int who) {
                     const Numbers first(world->nameless(), who == 1 ? 10 : 100);
                     const Numbers second(world->nameless(), 10);
                   },
               .look =
                   [](SegmentInMemory& world) {
                     { const Numbers sweeps((*world)["sweeps"], 1); }
                     EXPECT_TRUE(world->erase("sweeps"));
                     return Seen{std::to_string(world->used())};
                   },
               .drop = [](SegmentInMemory& world) { EXPECT_TRUE(world->erase("a")); }});
}
TEST(EveryOperation, of_constructing_in_a_segment) {
  OfSegment().kill("construct", [](SegmentInMemory& world, int who) {
    (void)world->construct<Book>("made by " + std::to_string(who));
  });
}
TEST(EveryOperation, of_acknowledging_what_was_erased_in_a_segment) {
  OfSegment().kill("acknowledge", [](SegmentInMemory& world, int) { world->acknowledge_erased(); });
}
TEST(EveryOperation, of_making_what_another_makes_too) {
  OfSegment().kill("make what another makes too",
                   [n = handy_length()](SegmentInMemory& world, int) {
                     const Numbers made((*world)["made"], n);
                   });
}
TEST(EveryOperation, of_erasing_in_a_segment) {
  OfSegment().kill("erase",
                   [](SegmentInMemory& world, int who) { world->erase(who == 1 ? "a" : "b"); });
}
TEST(EveryOperation, of_erasing_what_another_erases_too) {
  OfSegment().kill("erase what another erases too",
                   [](SegmentInMemory& world, int) { world->erase("b"); });
}
// A handle to what was erased says so, when the next one has swept, and to nothing else.
TEST(EveryOperation, of_erasing_what_another_has_a_handle_to) {
  std::optional<Numbers> handle;
  OfSegment().kill(
      "erase what another has a handle to",
      [&](SegmentInMemory& world) { handle = world->find<Numbers>("a"); },
      [](SegmentInMemory& world, int) { world->erase("a"); },
      [&](SegmentInMemory& world) {
        Seen seen = all_of(world);
        const bool is_named = world->find<Numbers>("a").has_value();
        EXPECT_EQ(handle->gone(), !is_named);
        EXPECT_TRUE(!is_named || handle->get(9) == 109);
        handle.reset();
        return seen;
      });
}
// Who waits for its lock gets that, or is told.
TEST(EveryOperation, of_erasing_a_lock_for_which_another_waits) {
  std::optional<lagoon::Lock> lock;
  const lagoon::test::Shared<std::atomic<bool>> was_told;
  kill_everywhere(EitherOr{.name = "erase a Lock for which another waits",
                           .make =
                               [&](SegmentInMemory& world) {
                                 *was_told = false;
                                 lock.emplace((*world)["door"]);
                                 lock->lock();
                                 const lagoon::Lock enrols((*world)["enrols"]);
                               },
                           .enter =
                               [&](SegmentInMemory& world, int) {
                                 lagoon::Lock enrols((*world)["enrols"]);
                                 enrols.lock();
                                 enrols.unlock();
                               },
                           .run = [](SegmentInMemory& world, int) { world->erase("door"); },
                           .look =
                               [&](SegmentInMemory& world) {
                                 const bool is_there =
                                     world->find<lagoon::Lock>("door").has_value();
                                 EXPECT_EQ(*was_told, !is_there);
                                 return Seen{is_there ? "there" : "erased"};
                               },
                           .drop =
                               [&](SegmentInMemory& world) {
                                 lock.reset();
                                 for (const auto& entry : world->objects())
                                   EXPECT_TRUE(world->erase(entry.name));
                               },
                           .beside = {[&](SegmentInMemory&) {
                             try {
                               lock->lock();
                               lock->unlock();
                             } catch (const lagoon::Gone&) {
                               *was_told = true;
                             }
                           }},
                           .let_go =
                               [&](SegmentInMemory& world) {
                                 (void)world.attach_once_more();  // sweeps
                                 lock->release();
                               }});
}
TEST(EveryOperation, of_erasing_and_of_making_the_same_in_a_segment) {
  OfSegment().kill("erase, and find or make,", [](SegmentInMemory& world, int who) {
    if (who == 1) {
      world->erase("a");
      return;
    }
    for (std::mutex mutex;;) try {
        const Numbers made((*world)["a"], OfSegment::some);
        return;
      } catch (const lagoon::OutOfMemory&) {  // nobody else has the memory until it is erased
        std::unique_lock waits(mutex);
        std::condition_variable().wait_for(waits, std::chrono::milliseconds(1));
      }
  });
}

/// An object with two parts.
lagoon::detail::Handle object_of_parts(SegmentInMemory& world) {
  using lagoon::detail::Stamp;
  return lagoon::detail::make_or_find((*world)["object"],
                                      {.kind = Stamp::Kind::in_place, .mode = Stamp::Mode::raw}, 64,
                                      [](auto&&...) {});
}
Seen of_parts(SegmentInMemory& world) {
  Seen seen = all_of(world);
  seen.push_back(std::to_string(bytes_taken(world, "object")));
  return seen;
}
void make_parts(SegmentInMemory& world) {
  lagoon::detail::Handle object = object_of_parts(world);
  (void)object.add_part(700);
  (void)object.add_part(2000);
}
TEST(EveryOperation, of_an_objects_growth_by_parts) {
  for (const std::size_t bytes : {800U, 8'000U})
    OfSegment().kill(
        "part of " + std::to_string(bytes) + " B", make_parts,
        [bytes](SegmentInMemory& world, int) { (void)object_of_parts(world).add_part(bytes); },
        of_parts);
}
TEST(EveryOperation, of_erasing_an_object_with_parts) {
  OfSegment().kill(
      "erase an object with parts", make_parts,
      [](SegmentInMemory& world, int) { world->erase("object"); }, of_parts);
}

// What the dead have left, at whatever moment, is swept by who attaches, and who is killed
// meanwhile.
TEST(EveryOperation, of_attaching) {
  for (const unsigned stores : {3U, 6U, 9U, 20U, 30U, 40U, 47U})
    OfSegment().kill(
        "attach after " + std::to_string(stores) + " stores of who made and erased",
        [stores](SegmentInMemory& world) {
          const auto die_in = [&](std::function<void()> f) {
            Storing(
                SegmentInMemory::mapping, stores, [] {}, f)
                .kill_there();
          };
          die_in([&] { const Numbers made((*world)["made"], 100); });
          die_in([&] { world->erase("b"); });
        },
        [](SegmentInMemory& world, int) { (void)world.attach_once_more(); });
}

}  // namespace
