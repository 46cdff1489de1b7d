/// Killed at every instruction: what changes a Dict, typed and of Objects, and what grows or is
/// packed with it, in memory that it has or that it gets then. How, and how to add one:
/// support/either_or.hpp.

#include <lagoon/lagoon.hpp>

#include <gtest/gtest.h>
#include <signal.h>

#include <cstddef>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "helpers.hpp"

namespace {

using lagoon::Dict;
using lagoon::Object;
using lagoon::Place;
using lagoon::test::after_death;
using lagoon::test::OfObject;
using lagoon::test::Seen;
using lagoon::test::SegmentInMemory;
using lagoon::test::text;

/// Of a large one, how long it is and of what: a torn one is told.
std::string brief(const std::string& all) {
  if (all.size() < 100) return all;
  std::string runs;
  for (std::size_t i = 0, n = 0; i < all.size(); i += n) {
    n = std::min(all.find_first_not_of(all[i], i), all.size()) - i;
    runs += n < 10 ? all.substr(i, n) : all[i] + ("*" + std::to_string(n) + " ");
  }
  return runs;
}

template <class D>
std::string seen_in(const D& d) {
  std::string seen = std::to_string(d.size()) + ":";
  for (const auto& [key, value] : d.items())
    seen += ' ' + brief(text(key)) + '=' + brief(text(value));
  return seen;
}
template <class D>
std::string walked(const D& d) {
  std::size_t n = 0;
  std::string seen;
  for (const auto& [key, value] : d) {
    seen += ' ' + brief(text(key)) + '=' + brief(text(value));
    EXPECT_TRUE(d.contains(key)) << "it is met and not found";
    ++n;
  }
  return std::to_string(n) + ":" + seen;
}

/// Any key and value of a type, another for each number.
template <class T>
T any(int i);
template <>
int any<int>(int i) {
  return i;
}
template <>
std::string any<std::string>(int i) {
  return "any " + std::to_string(i) + std::string(i % 15 == 0 ? 5000 : 5, 'x');
}
template <>
Object any<Object>(int i) {
  return Object::tuple(i, "any");
}

/// Takes over, and goes on with it.
template <class D>
Seen look(D& d) {
  using K = typename D::key_type;
  using V = typename D::value_type;
  Seen seen{seen_in(d)};
  d.discard(any<K>(1000));
  EXPECT_EQ(seen_in(d), seen[0]) << "torn";
  EXPECT_EQ(walked(d), seen[0]) << "torn";
  const std::size_t before = d.size();
  std::vector<std::pair<K, V>> several;
  for (int i = 1001; i < 1020; ++i) {
    d.set(any<K>(i), any<V>(i));
    several.emplace_back(any<K>(i + 10), any<V>(i));
  }
  d.update(several);
  EXPECT_EQ(d.size(), before + 29);
  EXPECT_TRUE(d.popitem().first == any<K>(1029));
  for (int i = 1028; i > 1000; --i) d.erase(any<K>(i));
  EXPECT_EQ(seen_in(d), seen[0]);
  d.clear();
  EXPECT_EQ(seen_in(d), "0:");
  return seen;
}

template <class D>
OfObject<D> of(const std::string& type, std::vector<typename OfObject<D>::State> states) {
  return {.type = type, .states = std::move(states), .look = look<D>, .read = [](D& d) {
            return Seen{seen_in(d)};
          }};
}

// ---- Typed --------------------------------------------------------------------------------------

using Numbers = Dict<int, int>;

auto with(int first, int last) {
  return [=](const Place& p) {
    Numbers d(p);
    for (int key = 1; key <= last; ++key) d.set(key, 10 * key);
    for (int key = 1; key < first; ++key) d.erase(key);
    return d;
  };
}
/// Until the next one needs more memory than it has.
auto full() {
  static const int most = [] {
    SegmentInMemory world;
    Numbers d((*world)["d"]);
    const std::size_t used = world->used();
    for (int key = 1;; ++key) {
      d.set(key, key);
      if (world->used() != used) return key - 1;
    }
  }();
  return with(1, most);
}
/// Its writer was killed in a change, and had the turn.
Numbers left_by_a_dead_one(const Place& p) {
  return after_death(with(1, 5)(p), [](Numbers& d) {
    d.update_value(2, [](int& x) {
      x = 7;
      raise(SIGSTOP);
    });
  });
}

TEST(EveryOperation, of_a_dict_that_grows) {
  const auto growing =
      of<Numbers>("Dict<int, int>", {{"empty", [](const Place& p) { return Numbers(p); }},
                                     {"some", with(1, 5)},
                                     {"about to grow", with(1, 7)},
                                     {"about to be packed", with(13, 15)},
                                     {"about to need memory", full()},
                                     {"left by a dead one", left_by_a_dead_one}});
  growing.kill({"set of a new one", [](Numbers& d, int x) { d.set(500 + x, x); }});
  growing.kill({"update of several", [](Numbers& d, int x) {
                  d.update({{3, 100 + x}, {500, x}, {500 + x, x}});
                }});
}

TEST(EveryOperation, of_a_dict) {
  auto some = of<Numbers>("Dict<int, int>", {{"some", with(1, 5)}});
  some.kill({"set of an old one", [](Numbers& d, int x) { d.set(3, 100 + x); }});
  some.kill({"[] += (update_value)", [](Numbers& d, int x) { d[3] += x; }});
  some.kill({"update_value of one that is not there",
             [](Numbers& d, int x) { d.update_value(9, 50, [x](int y) { return y + x; }); }});
  some.kill({"compare_exchange", [](Numbers& d, int x) { d.compare_exchange(3, 30, x); }});
  some.kill({"setdefault", [](Numbers& d, int x) { d.setdefault(9, x); }});
  some.kill({"erase", [](Numbers& d, int x) { d.erase(2 + x); }});
  const auto packed = of<Numbers>("Dict<int, int>", {{"about to be packed", with(13, 15)}});
  packed.kill({"discard", [](Numbers& d, int x) { d.discard(12 + x); }});
  packed.kill({"pop", [](Numbers& d, int) { (void)d.pop(13, 0); }});
  some.states.push_back({"left by a dead one", left_by_a_dead_one});
  some.kill({"popitem", [](Numbers& d, int) { (void)d.popitem(); }});
  some.kill({"clear", [](Numbers& d, int) { d.clear(); }});
}

// ---- With values of more than a node ------------------------------------------------------------

using Texts = Dict<std::string, std::string>;

TEST(EveryOperation, of_a_dict_with_large_values) {
  const auto texts = of<Texts>("Dict<std::string, std::string>",
                               {{"some", [](const Place& p) {
                                   Texts d(p);
                                   d["a"] = std::string(5000, 'a');
                                   d["b"] = std::string(5000, 'b');
                                   d[std::string(2000, 'k')] = std::string(5000, 'c');
                                   return d;
                                 }}});
  const auto large = [](int x) { return std::string(4500 + static_cast<std::size_t>(x), 'x'); };
  texts.kill({"set of a new one", [=](Texts& d, int x) { d.set("new", large(x)); }});
  texts.kill({"set of one under a long key",
              [=](Texts& d, int x) { d.set(std::string(2000, 'k'), large(x)); }});
  texts.kill({"update of several", [=](Texts& d, int x) {
                d.update({{"a", large(x)}, {"new", "short"}});
              }});
}

// ---- Of Objects ---------------------------------------------------------------------------------

TEST(EveryOperation, of_a_dict_of_objects) {
  using Objects = Dict<>;
  const auto objects = of<Objects>("Dict<>", {{"some", [](const Place& p) {
                                                 Objects d(p);
                                                 d["a"] = Object::list(Object::dict({{"b", 1}}), 2);
                                                 d[1] = Object::bytes(std::string(6000, 'y'));
                                                 d[Object::tuple(1, 2)] = nullptr;
                                                 return d;
                                               }}});
  objects.kill({"[] of a new one, large", [](Objects& d, int x) {
                  d["new"] = Object::list(x, Object::bytes(std::string(5000, 'z')));
                }});
  objects.kill({"[][][] +=", [](Objects& d, int x) { d["a"][0]["b"] += x; }});
  objects.kill({"[].append", [](Objects& d, int x) { d["a"].append(x); }});
  objects.kill({"update of several", [](Objects& d, int x) {
                  d.update(Object::dict({{1, x}, {"n", x}, {"m", Object::list(x, x)}}));
                }});
  objects.kill({"popitem", [](Objects& d, int) { (void)d.popitem(); }});
}

}  // namespace
