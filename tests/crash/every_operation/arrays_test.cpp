/// Killed at every instruction: what changes an array, of every mode. How, and how to add one:
/// support/either_or.hpp.

#include <lagoon/lagoon.hpp>

#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include "helpers.hpp"

namespace {

using lagoon::Array;
using lagoon::Place;
using lagoon::test::after_death;
using lagoon::test::each;
using lagoon::test::OfObject;
using lagoon::test::patience;
using lagoon::test::Seen;
using lagoon::test::text;
namespace mode = lagoon::mode;

template <class A>
auto made(std::size_t n) {
  return [n](const Place& p) { return A(p, n); };
}
template <class A>
auto written_often(std::size_t n) {
  return [n](const Place& p) {
    A a(p, n);
    for (std::size_t i = 0; i < 40; ++i) a[i * 7 % n] = static_cast<int>(i);
    return a;
  };
}

template <class A>
OfObject<A> array_of_copies(const std::string& type) {
  return {.type = type,
          .states = {{"of one element", made<A>(1)},
                     {"made just now", made<A>(100)},
                     {"written often", written_often<A>(100)},
                     {"of many elements", written_often<A>(1000)},
                     {"left by a dead writer",
                      [](const Place& p) {
                        return after_death(A(p, 100U), [](A& a) {
                          a.write([](std::span<int> all) {
                            std::ranges::fill(all, -7);
                            raise(SIGSTOP);
                          });
                        });
                      }}},
          .look =
              [](A& a) {
                const Seen seen{text(a.snapshot())};
                // And each copy is made whole by those who write next.
                for (int i = 1; i <= 6; ++i) {
                  auto expected = a.snapshot();
                  a[0] = i;
                  expected[0] = i;
                  EXPECT_EQ(a.snapshot(), expected) << "torn";
                }
                return seen;
              },
          .read = [](A& a) { return Seen{text(a.snapshot())}; }};
}
/// The same, in the states in which the number of copies makes a difference.
auto array_of_two_copies() {
  auto array = array_of_copies<Array<int, mode::seqlocked_in<2>>>("Array<int, seqlocked_in<2>>");
  array.states.erase(array.states.begin(), array.states.begin() + 2);
  return array;
}
std::vector<int> numbers(std::size_t n, int first) {
  std::vector<int> all(n);
  std::iota(all.begin(), all.end(), first);
  return all;
}

/// The operations that arrays of every mode have.
template <class A>
void kill_writers_of(const OfObject<A>& array) {
  array.kill({"a[i] = x", [](A& a, int x) { a[a.size() / 2] = x; }});
  array.kill({"assign", [](A& a, int x) { a.assign(numbers(a.size(), 1000 * x)); }});
  array.kill({"assign of some", [](A& a, int x) {
                a.assign(a.size() / 3, numbers(a.size() / 2 - a.size() / 3, 1000 * x));
              }});
  array.kill({"assign_slice", [](A& a, int x) {
                const auto n = static_cast<std::ptrdiff_t>(a.size());
                a.assign_slice(n / 3, n / 2, numbers(a.size() / 2 - a.size() / 3, 1000 * x));
              }});
  array.kill({"assign_slice by steps", [](A& a, int x) {
                const std::size_t n = (a.size() + 6) / 7;
                a.assign_slice({}, {}, 7, numbers(n, 1000 * x));
              }});
}
template <class A>
void kill_updaters_of(const OfObject<A>& array) {
  array.kill({"a[i] += x", [](A& a, int x) { a[a.size() / 2] += x; }});
  array.kill(
      {"update", [](A& a, int x) { (void)a.update(a.size() - 1, [x](int y) { return y + x; }); }});
}
template <class A>
void kill_writers_of_all_of(const OfObject<A>& array) {
  array.kill({"write of some", [](A& a, int x) {
                a.write([x](std::span<int> all) {
                  for (std::size_t i = 0; i < all.size(); i += 30) all[i] = x;
                });
              }});
  array.kill({"write of a range", [](A& a, int x) {
                a.write(a.size() / 3, a.size(),
                        [x](std::span<int> all) { std::ranges::fill(all, x); });
              }});
}

TEST(EveryOperation, of_an_array_written) {
  kill_writers_of(array_of_copies<Array<int>>("Array<int>"));
}
TEST(EveryOperation, of_an_array_updated) {
  kill_updaters_of(array_of_copies<Array<int>>("Array<int>"));
}
TEST(EveryOperation, of_an_array_written_by_a_function) {
  kill_writers_of_all_of(array_of_copies<Array<int>>("Array<int>"));
}

TEST(EveryOperation, of_an_array_in_two_copies_written) { kill_writers_of(array_of_two_copies()); }
TEST(EveryOperation, of_an_array_in_two_copies_updated) { kill_updaters_of(array_of_two_copies()); }
TEST(EveryOperation, of_an_array_in_two_copies_written_by_a_function) {
  kill_writers_of_all_of(array_of_two_copies());
}

TEST(EveryOperation, of_an_array_of_structs) {
  using A = Array<Quote>;
  const OfObject<A> array{.type = "Array<Quote>",
                          .states = {{"of three", [](const Place& p) { return A(p, 3); }}},
                          .look = [](A& a) { return Seen{text(a.snapshot())}; },
                          .read = [](A& a) { return Seen{text(a.snapshot())}; }};
  array.kill({"a[i] = x", [](A& a, int x) { a[1] = quote(x); }});
  array.kill({"update", [](A& a, int x) { (void)a.update(2, [x](Quote& q) { q.bid += x; }); }});
  array.kill({"write", [](A& a, int x) {
                a.write([x](std::span<Quote> all) {
                  all[0].ask -= x;
                  all[1].ask += x;
                });
              }});
}

TEST(EveryOperation, of_an_array_of_characters) {
  using A = Array<char>;
  const OfObject<A> array{
      .type = "Array<char>",
      .states = {{"empty", [](const Place& p) { return A(p, 40); }},
                 {"full", [](const Place& p) { return A(p, std::string(40, 'x')); }}},
      .look = [](A& a) { return Seen{a.raw_bytes()}; },
      .read = [](A& a) { return Seen{a.raw_bytes()}; }};
  array.kill(
      {"set_value", [](A& a, int x) { a.set_value(std::string(17, static_cast<char>('0' + x))); }});
  array.kill(
      {"set_raw", [](A& a, int x) { a.set_raw(std::string(40, static_cast<char>('0' + x))); }});
  using Any = lagoon::AnyArray;
  const OfObject<Any> any{
      .type = "AnyArray",
      .states = {{"of ten d", [](const Place& p) { return Any::make(p, 'd', 10); }}},
      .look = [](Any& a) { return Seen{text(a)}; },
      .read = [](Any& a) { return Seen{text(a)}; }};
  any.kill({"set", [](Any& a, int x) { a.set(3, x / 4.0); }});
  any.kill(
      {"assign_slice", [](Any& a, int x) { a.assign_slice(2, 8, std::vector<double>(6, x)); }});
}

/// Each element happens or does not.
template <class A>
OfObject<A> array_of_elements(const std::string& type) {
  return {.type = type,
          .states = {{"of one element", made<A>(1)}, {"of ten", made<A>(10)}},
          .look = [](A& a) { return each(a.slice()); },
          .read = [](A& a) { return each(a.slice()); }};
}
TEST(EveryOperation, of_an_array_without_snapshots) {
  using A = Array<int, mode::atomic>;
  const auto array = array_of_elements<A>("Array<int, atomic>");
  kill_writers_of(array);
  kill_updaters_of(array);
  using R = Array<int, mode::raw>;
  kill_writers_of(array_of_elements<R>("Array<int, raw>"));
}

TEST(EveryOperation, of_an_array_with_a_lock) {
  using A = Array<int, mode::locked>;
  const OfObject<A> array{
      .type = "Array<int, locked>",
      .states = {{"of one element", made<A>(1)},
                 {"of a hundred", made<A>(100)},
                 {"left by a dead holder",
                  [](const Place& p) { return after_death(A(p, 100U), [](A& a) { a.lock(); }); }}},
      .look =
          [](A& a) {
            const lagoon::Acquired acquired = a.acquire(true, patience);
            if (!acquired) return Seen{"stuck"};
            return Seen{acquired.owner_died() ? "told that its holder died" : text(a.snapshot())};
          },
      .also = {"told that its holder died"}};
  kill_writers_of(array);
  kill_updaters_of(array);
  kill_writers_of_all_of(array);
}

}  // namespace
