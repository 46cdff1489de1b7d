/// Killed at every instruction: what changes a value, or the parts of a struct. How, and how to add
/// one: support/either_or.hpp.

#include <lagoon/lagoon.hpp>

#include <gtest/gtest.h>
#include <signal.h>

#include <limits>
#include <string>
#include <vector>

#include "helpers.hpp"

namespace {

using lagoon::Place;
using lagoon::Value;
using lagoon::test::after_death;
using lagoon::test::free_or_told;
using lagoon::test::OfObject;
using lagoon::test::patience;
using lagoon::test::Seen;
using lagoon::test::text;
namespace mode = lagoon::mode;

template <class V>
OfObject<V> scalar(const std::string& type) {
  using T = typename V::value_type;
  return {.type = type,
          .states = {{"zero", [](const Place& p) { return V(p); }},
                     {"some value", [](const Place& p) { return V(p, T{5}); }},
                     {"the largest",
                      [](const Place& p) { return V(p, std::numeric_limits<T>::max()); }}},
          .look = [](V& v) { return Seen{text(v.get())}; },
          .read = [](V& v) { return Seen{text(v.get())}; }};
}

TEST(EveryOperation, of_a_scalar) {
  using V = Value<int>;
  const auto value = scalar<V>("Value<int>");
  value.kill({"set", [](V& v, int x) { v.set(x); }});
  value.kill({"exchange", [](V& v, int x) { (void)v.exchange(x); }});
  value.kill({"compare_exchange", [](V& v, int x) {
                int seen = v.get();
                (void)v.compare_exchange(seen, x);
              }});
  value.kill({"fetch_add", [](V& v, int x) { (void)v.fetch_add(x); }});
  value.kill({"fetch_sub", [](V& v, int x) { (void)v.fetch_sub(x); }});
  value.kill({"fetch_and", [](V& v, int x) { (void)v.fetch_and(x); }});
  value.kill({"fetch_or", [](V& v, int x) { (void)v.fetch_or(8 * x); }});
  value.kill({"fetch_xor", [](V& v, int x) { (void)v.fetch_xor(x); }});
  value.kill({"update", [](V& v, int x) { (void)v.update([x](int y) { return y / 2 + x; }); }});
  value.kill({"set and notify", [](V& v, int x) {
                v.set(x);
                v.notify_all();
              }});
  using D = Value<double>;
  const auto number = scalar<D>("Value<double>");
  number.kill({"set", [](D& v, int x) { v.set(x / 8.0); }});
  number.kill({"fetch_add", [](D& v, int x) { (void)v.fetch_add(x / 8.0); }});
  using R = Value<int, mode::raw>;
  scalar<R>("Value<int, raw>").kill({"set", [](R& v, int x) { v.set(x); }});
  using A = lagoon::AnyValue;
  const OfObject<A> any{.type = "AnyValue",
                        .states = {{"i", [](const Place& p) { return A::make(p, 'i', 5); }},
                                   {"d", [](const Place& p) { return A::make(p, 'd', 0.5); }}},
                        .look = [](A& v) { return Seen{text(v)}; },
                        .read = [](A& v) { return Seen{text(v)}; }};
  any.kill({"set", [](A& v, int x) { v.set(x); }});
}

template <class V>
std::vector<typename OfObject<V>::State> states_of_a_struct() {
  return {{"made just now", [](const Place& p) { return V(p, quote(7)); }},
          {"written often",
           [](const Place& p) {
             V v(p);
             for (int i = 0; i < 20; ++i) v.set(quote(i));
             return v;
           }},
          {"left by a dead writer", [](const Place& p) {
             return after_death(V(p, quote(7)), [](V& v) {
               (void)v.update([](Quote& q) {
                 q.bid = 1000;
                 raise(SIGSTOP);
               });
             });
           }}};
}

TEST(EveryOperation, of_a_struct) {
  using V = Value<Quote>;
  const OfObject<V> value{.type = "Value<Quote>",
                          .states = states_of_a_struct<V>(),
                          .look = [](V& v) { return Seen{text(v.get())}; },
                          .read = [](V& v) { return Seen{text(v.get())}; }};
  value.kill({"set", [](V& v, int x) { v.set(quote(100 * x)); }});
  value.kill({"exchange", [](V& v, int x) { (void)v.exchange(quote(100 * x)); }});
  value.kill({"compare_exchange", [](V& v, int x) {
                Quote seen = v.get();
                (void)v.compare_exchange(seen, quote(100 * x));
              }});
  value.kill({"update of some of it", [](V& v, int x) {
                (void)v.update([x](Quote& q) {
                  q.bid += x;
                  q.size[19] -= x;
                });
              }});
}

template <class V>
OfObject<V> locked(const std::string& type) {
  using T = typename V::value_type;
  return {
      .type = type,
      .states = {{"free", [](const Place& p) { return V(p, T{}); }},
                 {"left by a dead holder",
                  [](const Place& p) { return after_death(V(p, T{}), [](V& v) { v.lock(); }); }}},
      .look = [](V& v) {
        const lagoon::Acquired acquired = v.acquire(true, patience);
        if (!acquired) return Seen{"stuck"};
        return Seen{acquired.owner_died() ? "told that its holder died" : text(v.get_obj())};
      }};
}

TEST(EveryOperation, of_a_value_with_a_lock) {
  using V = Value<int, mode::locked>;
  auto value = locked<V>("Value<int, locked>");
  value.kill({"acquire", [](V& v, int) { (void)v.acquire(true, patience); }});
  value.kill({"release", [](V& v, int) { v.release(); }, [](V& v) { v.lock(); }});
  value.also = {"told that its holder died"};  // while it has the lock
  value.kill({"set", [](V& v, int x) { v.set(x); }});
  value.kill({"update", [](V& v, int x) { (void)v.update([x](int y) { return y + x; }); }});
  using Q = Value<Quote, mode::locked>;
  auto quotes = locked<Q>("Value<Quote, locked>");
  quotes.also = value.also;
  quotes.kill({"set", [](Q& v, int x) { v.set(quote(x)); }});
}

TEST(EveryOperation, of_cells_and_locks_in_a_struct) {
  using B = lagoon::Shared<Book>;
  const auto seen = [](B& book) { return Seen{text(book->orders.get()), text(book->best.get())}; };
  const OfObject<B> cells{.type = "Shared<Book>, its Cell",
                          .states = {{"made just now", [](const Place& p) { return B(p); }}},
                          .look = seen,
                          .read = seen};
  cells.kill({"of a scalar: fetch_add", [](B& book, int x) { book->orders.fetch_add(x); }});
  cells.kill({"of a scalar: exchange", [](B& book, int x) { (void)book->orders.exchange(x); }});
  cells.kill(
      {"of a struct: exchange", [](B& book, int x) { (void)book->best.exchange(quote(x)); }});
  cells.kill({"of a struct: compare_exchange", [](B& book, int x) {
                Quote before = book->best.get();
                (void)book->best.compare_exchange(before, quote(x));
              }});
  cells.kill({"of a struct: set", [](B& book, int x) { book->best.set(quote(x)); }});
  cells.kill({"of a struct: update",
              [](B& book, int x) { (void)book->best.update([x](Quote& q) { q.ask += x; }); }});
  const OfObject<B> lock{.type = "Shared<Book>, its RobustLock",
                         .states = {{"free", [](const Place& p) { return B(p); }}},
                         .look = [](B& book) { return free_or_told(book->lock); }};
  lock.kill({"acquire", [](B& book, int) { (void)book->lock.acquire(true, patience); }});
  lock.kill(
      {"release", [](B& book, int) { book->lock.release(); }, [](B& book) { book->lock.lock(); }});
}

}  // namespace
