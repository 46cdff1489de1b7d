/// Killed at every instruction: lists that are changed at one place, at several, and as a whole.
/// How, and how to add one: support/either_or.hpp.

#include <lagoon/lagoon.hpp>

#include <gtest/gtest.h>

#include <functional>
#include <numeric>
#include <string>
#include <vector>

#include "helpers.hpp"

namespace {

using lagoon::List;
using lagoon::Object;
using lagoon::Place;
using lagoon::test::OfObject;
using lagoon::test::Seen;
using Ints = List<int>;

/// As readers see it, who take no turn: each of these is in one order with the others' changes.
template <class T>
std::string read(const List<T>& l) {
  std::string seen = lagoon::str(l);
  const std::size_t size = l.size();
  EXPECT_EQ(l.snapshot().size(), size) << "torn";
  if (size != 0) {
    EXPECT_EQ(l.at(-1), l.snapshot().back()) << "torn";
  }
  return seen;
}
template <class T>
Seen look(List<T>& l, const T& x) {
  Seen seen{read(l)};
  l.append(x);  // takes over
  EXPECT_EQ(l.pop(), x);
  EXPECT_EQ(read(l), seen[0]) << "torn";
  l.insert(0, x);
  l.erase(0);
  l.reverse();
  l.reverse();
  EXPECT_EQ(read(l), seen[0]) << "torn";
  return seen;
}

auto with(int size) {
  return [size](const Place& p) {
    Ints l(p);
    std::vector<int> numbers(static_cast<std::size_t>(size));
    std::iota(numbers.begin(), numbers.end(), 1);
    l.extend(numbers);
    return l;
  };
}
OfObject<Ints> lists(std::vector<OfObject<Ints>::State> states) {
  return {.type = "List<int>",
          .states = std::move(states),
          .look = [](Ints& l) { return look(l, 0); },
          .read = [](Ints& l) { return Seen{read(l)}; }};
}
const std::vector<OfObject<Ints>::State> small = {{"empty", [](const Place& p) { return Ints(p); }},
                                                  {"some", with(5)},
                                                  {"about to grow", with(8)},
                                                  {"about to shrink", [](const Place& p) {
                                                     Ints l = with(16)(p);
                                                     while (l.size() > 4) (void)l.pop();
                                                     return l;
                                                   }}};
const std::vector<OfObject<Ints>::State> large = {{"a page", with(512)},
                                                  {"some pages", [](const Place& p) {
                                                     Ints l = with(1500)(p);
                                                     for (int i = 0; i < 12; ++i) l.erase(1200);
                                                     return l;
                                                   }}};

/// Nothing, where it is not there.
template <class F>
auto if_there(F&& f) {
  return [f](Ints& l, int x) {
    try {
      f(l, x);
    } catch (const lagoon::OutOfRange&) {
    } catch (const lagoon::InvalidArgument&) {
    }
  };
}

TEST(EveryOperation, of_a_list_at_its_end) {
  for (const auto& states : {small, large}) {
    const auto of = lists(states);
    of.kill({"append", [](Ints& l, int x) { l.append(100 + x); }});
    of.kill({"pop", if_there([](Ints& l, int) { (void)l.pop(); })});
  }
}

TEST(EveryOperation, of_a_list_at_one_place) {
  const auto of = lists(small);
  of.kill({"insert", [](Ints& l, int x) { l.insert(x, 100 + x); }});
  of.kill({"set", if_there([](Ints& l, int x) { l[-2] = 100 + x; })});
  of.kill({"pop of a place", if_there([](Ints& l, int x) { (void)l.pop(x); })});
  of.kill({"erase", if_there([](Ints& l, int) { l.erase(0); })});
  of.kill({"remove", if_there([](Ints& l, int x) { l.remove(2 + x); })});
  of.kill({"update_value",
           if_there([](Ints& l, int x) { l.update_value(1, [x](int y) { return y + x; }); })});
  of.kill({"an element's update", if_there([](Ints& l, int x) { l[0] += x; })});
  of.kill({"compare_exchange",
           if_there([](Ints& l, int x) { (void)l.compare_exchange(2, 3, 100 + x); })});
}

TEST(EveryOperation, of_a_list_at_several_places) {
  const auto of = lists(small);
  of.kill({"extend", [](Ints& l, int x) { l.extend({100 + x, 200 + x, 300 + x}); }});
  of.kill({"assign_slice", [](Ints& l, int x) { l.assign_slice(1, 3, std::vector{100 + x}); }});
  of.kill({"assign_slice by steps", if_there([](Ints& l, int x) {
             l.assign_slice(1, 5, 2, std::vector{100 + x, 200 + x});
           })});
  of.kill({"erase_slice", [](Ints& l, int) { l.erase_slice(1, 4); }});
  of.kill({"erase_slice by steps", [](Ints& l, int) { l.erase_slice({}, {}, 2); }});
}

TEST(EveryOperation, of_a_whole_list) {
  const auto of = lists(small);
  of.kill({"operator*=", [](Ints& l, int) { l *= 2; }});
  of.kill({"reverse", [](Ints& l, int) { l.reverse(); }});
  of.kill({"sort", [](Ints& l, int) { l.sort(std::greater<>()); }});
  of.kill({"clear", [](Ints& l, int) { l.clear(); }});
}

TEST(EveryOperation, of_a_list_of_pages) {
  const auto of = lists(large);
  of.kill({"insert", [](Ints& l, int x) { l.insert(600, 100 + x); }});
  of.kill({"erase", [](Ints& l, int) { l.erase(300); }});
  of.kill({"clear", [](Ints& l, int) { l.clear(); }});
}

// Of any size: those of more than a page lie in pages of their own.
TEST(EveryOperation, of_a_list_of_objects) {
  const OfObject<List<>> of{
      .type = "List<>",
      .states = {{"some",
                  [](const Place& p) {
                    List<> l(p);
                    l.extend(Object::list(1, "two", Object::dict({{"k", 3}})));
                    return l;
                  }},
                 {"large ones",
                  [](const Place& p) {
                    List<> l(p);
                    for (const char c : {'a', 'b'}) l.append(std::string(5000, c));
                    l.append(Object::dict({{"k", std::string(9000, 'c')}}));
                    return l;
                  }}},
      .look = [](List<>& l) { return look(l, Object(nullptr)); },
      .read = [](List<>& l) { return Seen{read(l)}; }};
  of.kill({"append", [](List<>& l, int x) { l.append(std::string(4000U * unsigned(x), 'x')); }});
  of.kill({"set", [](List<>& l, int x) { l[0] = std::string(6000, static_cast<char>('0' + x)); }});
  of.kill({"pop", [](List<>& l, int) { (void)l.pop(0); }});
  of.kill({"an element's part", [](List<>& l, int x) {
             if (l.size() == 3) l[2]["k"] = x;
           }});
}

}  // namespace
