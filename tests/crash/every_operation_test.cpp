/// Killed at every instruction: the operations that change something, of every type, in several
/// states. How, and how to add one: support/either_or.hpp.

#include <lagoon/lagoon.hpp>
#include <lagoon/locks/reader_writer.hpp>

#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <limits>
#include <numeric>
#include <set>
#include <span>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "either_or.hpp"
#include "stepped.hpp"

struct Quote {
  std::int64_t bid = 0, ask = 0;
  std::array<std::int32_t, 20> size{};
  bool operator==(const Quote&) const = default;
};
template <>
inline constexpr std::string_view lagoon::type_name<Quote> = "Quote";

Quote quote(int x) {
  Quote q{.bid = x, .ask = 2 * x};
  q.size.fill(x);
  return q;
}

struct Book {
  lagoon::Cell<int> orders{0};
  lagoon::Cell<Quote> best;
  lagoon::locks::RobustLock lock;
  explicit Book(lagoon::core::Participants& table) : best(table, quote(1)), lock(table) {}
};
template <>
inline constexpr std::string_view lagoon::type_name<Book> = "Book";

namespace {

using lagoon::Array;
using lagoon::Place;
using lagoon::Value;
using lagoon::test::EitherOr;
using lagoon::test::kill_everywhere;
using lagoon::test::OfObject;
using lagoon::test::Seen;
using lagoon::test::SegmentInMemory;
using lagoon::test::Stepped;
using lagoon::test::Storing;
namespace mode = lagoon::mode;
using namespace std::chrono_literals;

constexpr auto patience = 10s;  // who waits longer is stuck

std::ostream& operator<<(std::ostream& out, const Quote& q) {
  out << q.bid << ' ' << q.ask << ':';
  for (const int x : q.size) out << ' ' << x;
  return out;
}
template <class T>
std::string text(const T& x) {
  std::ostringstream out;
  out << x;
  return out.str();
}
template <class T>
std::string text(const std::vector<T>& all) {
  std::string out;
  for (const T& x : all) out += text(x) + ' ';
  return out;
}
template <class T>
Seen each(const std::vector<T>& all) {
  Seen seen;
  for (const T& x : all) seen.push_back(text(x));
  return seen;
}
/// Somebody has the object and is killed.
template <class Object, class F>
Object after_death(Object object, F&& f) {
  Stepped child([&] { f(object); });
  child.finish();
  return object;
}

// ---- Values ---------------------------------------------------------------------------------

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

// ---- Arrays ---------------------------------------------------------------------------------

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

// ---- Synchronization ------------------------------------------------------------------------

/// Whether the next one gets it, and what it is told; and the one after that is not told again.
template <class L>
Seen free_or_told(L& lock) {
  std::string seen;
  {
    const lagoon::Acquired acquired = lock.acquire(true, patience);
    if (!acquired) return {"stuck"};
    seen = acquired.owner_died() ? "told that its holder died" : "free";
    lock.mark_consistent();
    lock.release();
  }
  const lagoon::Acquired again = lock.acquire(false);
  EXPECT_TRUE(again && !again.owner_died()) << "stuck, or told twice";
  lock.release();
  return {seen};
}

template <class L>
OfObject<L> lock(const std::string& type) {
  return {.type = type,
          .states = {{"free", [](const Place& p) { return L(p); }},
                     {"left by a dead holder",
                      [](const Place& p) { return after_death(L(p), [](L& l) { l.lock(); }); }}},
          .look = free_or_told<L>};
}
/// By the test itself, which lives.
template <class L>
L held(const Place& place) {
  L lock(place);
  lock.lock();
  return lock;
}
template <class L>
void kill_users_of(const OfObject<L>& lock) {
  lock.kill({"acquire", [](L& l, int) { (void)l.acquire(true, patience); }});
  lock.kill({"try_lock", [](L& l, int) { (void)l.try_lock(); }});
  lock.kill({"release", [](L& l, int) { l.release(); }, [](L& l) { l.lock(); }});
  lock.kill({"mark_consistent", [](L& l, int) { l.mark_consistent(); }, [](L& l) { l.lock(); }});
}

TEST(EveryOperation, of_a_lock) {
  using L = lagoon::Lock;
  kill_users_of(lock<L>("Lock"));
  const OfObject<L> of{
      .type = "Lock", .states = {{"held by another", held<L>}}, .look = [](L& l) -> Seen {
        const bool was_held = l.locked();
        if (was_held) l.release();
        Seen seen = free_or_told(l);
        seen[0] += was_held ? ", still held" : "";
        return seen;
      }};
  of.kill({"try_lock", [](L& l, int) { (void)l.try_lock(); }});
  of.kill({"acquire until the time is up", [](L& l, int) { (void)l.acquire(true, 1us); }});
  of.kill({"release by another", [](L& l, int) {
             if (l.locked()) l.release();
           }});
}

// One waits for a lock that a living one holds: whatever others do meanwhile, and die, it gets it.
TEST(EveryOperation, of_a_lock_for_which_another_waits) {
  const auto waiter = [](auto& lock) {
    const lagoon::Acquired acquired = lock.acquire(true, patience);
    EXPECT_TRUE(acquired && !acquired.owner_died());
    lock.release();
  };
  using L = lagoon::Lock;
  const OfObject<L> lock{.type = "Lock",
                         .states = {{"held, with one who waits", held<L>}},
                         .look = free_or_told<L>,
                         .beside = {waiter},
                         .let_go = [](L& l) {
                           if (l.is_mine()) l.release();
                         }};
  lock.kill({"try_lock", [](L& l, int) { (void)l.try_lock(); }});
  lock.kill({"acquire until the time is up", [](L& l, int) { (void)l.acquire(true, 1us); }});
  lock.kill({"release by another", [](L& l, int) {
               if (l.locked()) l.release();
             }});
  using R = lagoon::RLock;
  const OfObject<R> rlock{.type = "RLock",
                          .states = {{"held, with two who wait", held<R>}},
                          .look = free_or_told<R>,
                          .beside = {waiter, waiter},
                          .let_go = [](R& l) { l.release(); }};
  rlock.kill({"try_lock", [](R& l, int) { (void)l.try_lock(); }});
  rlock.kill({"acquire until the time is up", [](R& l, int) { (void)l.acquire(true, 1us); }});
}

TEST(EveryOperation, of_a_recursive_lock) {
  using L = lagoon::RLock;
  kill_users_of(lock<L>("RLock"));
  const auto of = lock<L>("RLock");
  of.kill({"acquire once more", [](L& l, int) { l.lock(); }, [](L& l) { l.lock(); }});
  of.kill({"release of one of two", [](L& l, int) { l.unlock(); },
           [](L& l) {
             l.lock();
             l.lock();
           }});
  of.kill({"release_all", [](L& l, int) { (void)l.release_all(); },
           [](L& l) {
             l.lock();
             l.lock();
           }});
}

TEST(EveryOperation, of_a_reader_writer_lock) {
  using L = lagoon::Shared<lagoon::locks::ReaderWriterLock>;
  OfObject<L> of{
      .type = "ReaderWriterLock",
      .states = {{"free", [](const Place& p) { return L(p); }},
                 {"left by a dead writer",
                  [](const Place& p) { return after_death(L(p), [](L& l) { l->lock(); }); }},
                 {"left by a dead reader",
                  [](const Place& p) {
                    return after_death(L(p), [](L& l) { l->lock_shared(); });
                  }}},
      .look = [](L& l) { return free_or_told(*l); }};
  of.kill({"lock", [](L& l, int) { l->lock(); }});
  of.kill({"unlock", [](L& l, int) { l->unlock(); }, [](L& l) { l->lock(); }});
  of.kill({"unlock_shared", [](L& l, int) { l->unlock_shared(); }, [](L& l) { l->lock_shared(); }});
  of.kill({"lock_shared once more", [](L& l, int) { l->lock_shared(); },
           [](L& l) { l->lock_shared(); }});
  of.also = {"told that its holder died"};  // lining up, it has the writers' word
  of.kill({"lock_shared", [](L& l, int) { l->lock_shared(); }});
}

TEST(EveryOperation, of_a_reader_writer_lock_for_which_others_wait) {
  using L = lagoon::Shared<lagoon::locks::ReaderWriterLock>;
  const auto writer = [](L& l) {
    l->lock();
    EXPECT_FALSE(l->owner_died());
    l->unlock();
  };
  const auto reader = [](L& l) {
    l->lock_shared();
    l->unlock_shared();
  };
  const OfObject<L> read{.type = "ReaderWriterLock",
                         .states = {{"held by a reader, with a writer who waits",
                                     [](const Place& p) {
                                       L l(p);
                                       l->lock_shared();
                                       return l;
                                     }}},
                         .look = [](L& l) { return free_or_told(*l); },
                         .beside = {writer},
                         .let_go = [](L& l) { l->unlock_shared(); }};
  const OfObject<L> written{.type = "ReaderWriterLock",
                            .states = {{"held by a writer, with all kinds who wait",
                                        [](const Place& p) {
                                          L l(p);
                                          l->lock();
                                          return l;
                                        }}},
                            .look = [](L& l) { return free_or_told(*l); },
                            .beside = {reader, writer, reader},
                            .let_go = [](L& l) { l->unlock(); }};
  for (const auto& of : {read, written}) {
    of.kill({"try_lock", [](L& l, int) { (void)l->try_lock(); }});
    of.kill({"try_lock until the time is up", [](L& l, int) { (void)l->try_lock_for(1us); }});
    of.kill({"try_lock_shared", [](L& l, int) { (void)l->try_lock_shared(); }});
    of.kill({"try_lock_shared until the time is up",
             [](L& l, int) { (void)l->try_lock_shared_for(1us); }});
  }
}

/// That many permits are to be had, one after the other, and no more.
template <class S>
Seen permits_of(S& semaphore, unsigned to_try) {
  const std::uint32_t says = semaphore.get_value();
  std::uint32_t had = 0;
  while (had < to_try && semaphore.acquire(false)) ++had;
  EXPECT_EQ(had, std::min(says, to_try)) << "lost, or there twice";
  return {std::to_string(says)};
}

TEST(EveryOperation, of_a_semaphore) {
  using S = lagoon::Semaphore;
  const OfObject<S> of{
      .type = "Semaphore",
      .states = {{"empty", [](const Place& p) { return S(p, 0); }},
                 {"with five permits", [](const Place& p) { return S(p, 5); }},
                 {"nearly full", [](const Place& p) { return S(p, S::max() - 1); }}},
      .look = [](S& s) { return permits_of(s, 20); },
      .read = [](S& s) { return Seen{std::to_string(s.get_value())}; }};
  of.kill({"acquire(false)", [](S& s, int) { (void)s.acquire(false); }});
  of.kill({"acquire until the time is up", [](S& s, int) { (void)s.acquire(1us); }});
  of.kill({"release", [](S& s, int) {
             if (s.get_value() < S::max()) s.release();
           }});
  of.kill({"release of two", [](S& s, int) {
             if (s.get_value() < S::max() - 1) s.release(2);
           }});
}

// A permit that is given goes to who waits for it.
TEST(EveryOperation, of_a_semaphore_for_which_others_wait) {
  using S = lagoon::Semaphore;
  const auto waiter = [](S& s) { EXPECT_TRUE(s.acquire(true, patience)); };
  OfObject<S> of{.type = "Semaphore",
                 .states = {{"empty, with one who waits", [](const Place& p) { return S(p, 0); }}},
                 .look = [](S& s) { return permits_of(s, 20); },
                 .beside = {waiter},
                 .let_go = [](S& s) { s.release(1); }};
  of.kill({"release", [](S& s, int) { s.release(); }});
  of.kill({"release of two", [](S& s, int) { s.release(2); }});
  of.states[0].name = "empty, with three who wait";
  of.beside = {waiter, waiter, waiter};
  of.let_go = [](S& s) { s.release(3); };
  of.kill({"release", [](S& s, int) { s.release(); }});
  of.kill({"release of two", [](S& s, int) { s.release(2); }});
  of.kill({"acquire until the time is up", [](S& s, int) { (void)s.acquire(1us); }});
}

auto with_taken(int bound, int taken) {
  return [=](const Place& p) {
    lagoon::BoundedSemaphore s(p, bound);
    for (int i = 0; i < taken; ++i) EXPECT_TRUE(s.acquire(false));
    return s;
  };
}

TEST(EveryOperation, of_a_bounded_semaphore) {
  using S = lagoon::BoundedSemaphore;
  const OfObject<S> of{.type = "BoundedSemaphore",
                       .states = {{"all free", with_taken(3, 0)},
                                  {"one of three taken", with_taken(3, 1)},
                                  {"one of three free", with_taken(3, 2)},
                                  {"none free", with_taken(3, 3)},
                                  {"one of forty free", with_taken(40, 39)},
                                  {"left by a dead one",
                                   [](const Place& p) {
                                     return after_death(S(p, 3), [](S& s) {
                                       for (int i = 0; i < 3; ++i) EXPECT_TRUE(s.acquire(false));
                                     });
                                   }}},
                       .look = [](S& s) { return permits_of(s, 60); }};
  of.kill({"acquire(false)", [](S& s, int) { (void)s.acquire(false); }});
  of.kill({"acquire until the time is up", [](S& s, int) { (void)s.acquire(1us); }});
  of.kill({"release", [](S& s, int) { s.release(); }, [](S& s) { (void)s.acquire(false); }});
}

// What one has who lives stays his, and what he gives goes to who waits for it.
TEST(EveryOperation, of_a_bounded_semaphore_of_which_another_has_permits) {
  using S = lagoon::BoundedSemaphore;
  OfObject<S> of{.type = "BoundedSemaphore",
                 .states = {{"one of three had by another", with_taken(3, 1)},
                            {"two of three had by another", with_taken(3, 2)},
                            {"two of forty had by another", with_taken(40, 2)}},
                 .look = [](S& s) {
                   // Ours, of which there is one still.
                   const Seen seen = {std::to_string(s.get_value())};
                   EXPECT_LT(s.get_value(), s.bound()) << "what a living one has is given away";
                   s.release();
                   while (s.get_value() < s.bound()) s.release();
                   EXPECT_EQ(permits_of(s, 60), Seen{std::to_string(s.bound())});
                   return seen;
                 }};
  of.kill({"acquire(false)", [](S& s, int) { (void)s.acquire(false); }});
  of.kill({"release", [](S& s, int) { s.release(); },
           [](S& s) { EXPECT_TRUE(s.acquire(true, patience)); }});
  of.states = {{"all had by another, with one who waits", with_taken(5, 5)}};
  of.beside = {[](S& s) { EXPECT_TRUE(s.acquire(true, patience)); }};
  of.let_go = [](S& s) { s.release(); };
  of.kill({"release of another's", [](S& s, int) { s.release(); }});
  of.kill({"acquire until the time is up", [](S& s, int) { (void)s.acquire(1us); }});
}

TEST(EveryOperation, of_an_event) {
  using E = lagoon::Event;
  const OfObject<E> of{.type = "Event",
                       .states = {{"clear", [](const Place& p) { return E(p); }},
                                  {"set",
                                   [](const Place& p) {
                                     E e(p);
                                     e.set();
                                     return e;
                                   }}},
                       .look =
                           [](E& e) {
                             const bool set = e.is_set();
                             EXPECT_EQ(e.wait(0s), set);
                             e.set();
                             EXPECT_TRUE(e.wait(patience)) << "stuck";
                             return Seen{set ? "set" : "clear"};
                           },
                       .read = [](E& e) { return Seen{e.is_set() ? "set" : "clear"}; }};
  of.kill({"set", [](E& e, int) { e.set(); }});
  of.kill({"clear", [](E& e, int) { e.clear(); }});
  of.kill({"wait until the time is up", [](E& e, int) { (void)e.wait(1us); }});
}

TEST(EveryOperation, of_an_event_for_which_others_wait) {
  using E = lagoon::Event;
  const auto waiter = [](E& e) { EXPECT_TRUE(e.wait(patience)); };
  const OfObject<E> of{
      .type = "Event",
      .states = {{"clear, with two who wait", [](const Place& p) { return E(p); }}},
      .look = [](E& e) { return Seen{e.is_set() ? "set" : "clear"}; },
      .beside = {waiter, waiter},
      .let_go = [](E& e) { e.set(); }};
  of.kill({"set", [](E& e, int) { e.set(); }});
  of.kill({"clear", [](E& e, int) { e.clear(); }});
  of.kill({"wait until the time is up", [](E& e, int) { (void)e.wait(1us); }});
  using V = Value<int>;
  const OfObject<V> value{.type = "Value<int>",
                          .states = {{"with two who wait", [](const Place& p) { return V(p); }}},
                          .look = [](V& v) { return Seen{text(v.get())}; },
                          .beside = {[](V& v) { v.wait(0); }, [](V& v) { v.wait(0); }},
                          .let_go =
                              [](V& v) {
                                v += 100;
                                v.notify_all();
                              }};
  value.kill({"set and notify", [](V& v, int x) {
                v.set(x);
                v.notify_one();
              }});
}

TEST(EveryOperation, of_a_condition) {
  using C = lagoon::Condition;
  OfObject<C> of{.type = "Condition",
                 .states = {{"free", [](const Place& p) { return C(p); }},
                            {"with one place", [](const Place& p) { return C(p, 1U); }},
                            {"left by a dead holder",
                             [](const Place& p) {
                               return after_death(C(p, 1U), [](C& c) {
                                 c.lock();
                                 (void)c.wait_for([] {
                                   raise(SIGSTOP);
                                   return true;
                                 });
                               });
                             }}},
                 .look = [](C& c) {
                   EXPECT_EQ(c.n_waiting(), 0U) << "one that is dead is waiting";
                   return free_or_told(c);
                 }};
  const auto hold = [](C& c) { c.lock(); };
  of.kill({"acquire", [](C& c, int) { c.lock(); }});
  of.kill({"release", [](C& c, int) { c.release(); }, hold});
  of.kill({"notify", [](C& c, int) { c.notify(); }, hold});
  of.kill({"notify_all", [](C& c, int) { c.notify_all(); }, hold});
  of.also = {"free"};  // while it waits
  of.kill({"wait until the time is up",
           [](C& c, int) {
             try {
               (void)c.wait(1us);
             } catch (const lagoon::OutOfMemory&) {  // one place, and another is waiting
             }
           },
           hold});
}

// Two wait; all are told in the end, none twice, and how many had been told is told by who still
// waits.
template <class C>
void kill_beside_waiters_of(const std::string& type) {
  std::size_t waited = 0;
  const auto waiter = [](C& c) {
    c.lock();
    EXPECT_TRUE(c.wait(patience));
    c.release();
  };
  OfObject<C> of{.type = type,
                 .states = {{"with two who wait",
                             [](const Place& place, const Place& part) {
                               if constexpr (std::constructible_from<C, Place, lagoon::Lock>)
                                 return C(place, lagoon::Lock(part));
                               else
                                 return C(place);
                             }}},
                 .look =
                     [&](C& c) {
                       EXPECT_EQ(c.n_waiting(), 0U);
                       const lagoon::Acquired acquired = c.acquire(true, patience);
                       EXPECT_TRUE(acquired) << "stuck";
                       EXPECT_FALSE(c.wait(0s)) << "told twice";
                       return Seen{std::to_string(waited) + " wait"};
                     },
                 .beside = {waiter, waiter},
                 .let_go =
                     [&](C& c) {
                       EXPECT_TRUE(c.acquire(true, patience)) << "stuck";
                       waited = c.n_waiting();
                       c.notify_all();
                       c.release();
                     }};
  const auto hold = [](C& c) { c.lock(); };
  of.kill({"notify", [](C& c, int) { c.notify(); }, hold});
  of.kill({"release", [](C& c, int) { c.release(); }, hold});
  of.kill({"wait until the time is up", [](C& c, int) { (void)c.wait(1us); }, hold});
  of.kill({"wait_for until the time is up",
           [](C& c, int) { (void)c.wait_for([] { return false; }, 1us); }, hold});
  of.also = {"1 wait"};  // a killed notifier has told some
  of.kill({"notify_all", [](C& c, int) { c.notify_all(); }, hold});
}

/// A condition and the lock that it was given.
struct ConditionOfALock : lagoon::Condition {
  explicit ConditionOfALock(const Place& place, lagoon::Lock&& given)
      : Condition(place, given), lock_(std::move(given)) {}

 private:
  lagoon::Lock lock_;
};

TEST(EveryOperation, of_a_condition_at_which_others_wait) {
  kill_beside_waiters_of<lagoon::Condition>("Condition");
}
TEST(EveryOperation, of_a_condition_with_a_given_lock_at_which_others_wait) {
  kill_beside_waiters_of<ConditionOfALock>("Condition with a given lock");
}

TEST(EveryOperation, of_a_barrier) {
  using B = lagoon::Barrier;
  OfObject<B> of{.type = "Barrier",
                 .states = {{"of one party", [](const Place& p) { return B(p, 1); }},
                            {"of three", [](const Place& p) { return B(p, 3); }},
                            {"of three, broken",
                             [](const Place& p) {
                               B b(p, 3);
                               b.abort();
                               return b;
                             }}},
                 .look = [](B& b) {
                   const bool broken = b.broken();
                   if (b.n_waiting() != 0) {  // a dead one: who comes now is told
                     EXPECT_THROW((void)b.wait(), lagoon::BrokenBarrier);
                   }
                   b.reset();
                   EXPECT_FALSE(b.broken()) << "stuck";
                   return Seen{broken ? "broken" : "whole"};
                 }};
  of.kill({"abort", [](B& b, int) { b.abort(); }});
  of.kill({"reset", [](B& b, int) { b.reset(); }});
  of.also = {"broken"};  // for who comes to a round with a dead one in it
  of.kill({"wait until the time is up", [](B& b, int) {
             try {
               (void)b.wait(1us);
             } catch (const lagoon::BrokenBarrier&) {
             }
           }});
}

// Two wait for a third one: all go on, or all are told that it is broken.
TEST(EveryOperation, of_a_barrier_at_which_others_wait) {
  using B = lagoon::Barrier;
  struct Came {
    std::atomic<int> on = 0, told = 0, acted = 0;
  };
  const lagoon::test::Shared<Came> came;
  const auto come = [&](B& b) {
    try {
      (void)b.wait(patience);
      ++came->on;
    } catch (const lagoon::BrokenBarrier&) {
      ++came->told;
    }
  };
  const auto third = [](B& b) {
    try {
      (void)b.wait(0s);
    } catch (const lagoon::BrokenBarrier&) {
    }
  };
  OfObject<B> of{.type = "Barrier",
                 .states = {{"of three, with two who wait",
                             [&](const Place& p) {
                               came->on = came->told = 0;
                               return B(p, 3);
                             }},
                            {"of three with an action, with two who wait",
                             [&](const Place& p) {
                               came->on = came->told = came->acted = 0;
                               return B(p, 3, [&] { ++came->acted; });
                             }}},
                 .look =
                     [&](B& b) {
                       b.reset();
                       EXPECT_TRUE(came->on == 0 || came->told == 0) << "torn";
                       return Seen{came->on != 0 ? "went on" : "told that it is broken"};
                     },
                 .beside = {come, come},
                 .let_go = third};
  of.kill({"abort", [](B& b, int) { b.abort(); }});
  of.kill({"reset", [](B& b, int) { b.reset(); }});
  of.also = {"told that it is broken"};  // by who dies in the round
  of.kill({"wait, as the last to come", [&](B& b, int) { third(b); }});
}

// ---- Parts of a struct of the application's --------------------------------------------------

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

// ---- Segments -------------------------------------------------------------------------------

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
std::size_t handy_length() {
  for (std::size_t n = 100;; ++n) {
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
  std::size_t lost = world->used();
  for (const auto& entry : world->objects()) lost -= entry.bytes;
  return {all, std::to_string(lost) + " B in use for nothing",
          std::to_string(not_to_be_had(world)) + " B not to be had"};
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
  }

  void kill(const std::string& name,
            const std::function<void(SegmentInMemory&, int who)>& run) const {
    kill(
        name + " in a segment of some objects", [](SegmentInMemory&) {}, run);
    kill(name + " in a segment with holes", make_holes, run);
    kill(name + " in a segment with what a dead one erased", erase_and_die, run);
    kill(
        name + " in a segment that must grow",
        [this](SegmentInMemory& world) { make_fillers(world); }, run);
    kill(name + " in a segment that cannot grow", fill, run);
  }
  /// After what `prepare` does.
  void kill(const std::string& name, const std::function<void(SegmentInMemory&)>& prepare,
            const std::function<void(SegmentInMemory&, int who)>& run) const {
    std::optional<lagoon::Lock> enrols;
    kill_everywhere(EitherOr{.name = name,
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
                             .look = all_of,
                             .drop =
                                 [&](SegmentInMemory& world) {
                                   enrols.reset();
                                   for (const auto& entry : world->objects())
                                     world->erase(entry.name);
                                 }});
  }

 private:
  static void make_some(SegmentInMemory& world) {
    std::vector<std::int64_t> all(10);
    std::iota(all.begin(), all.end(), 100);
    for (const char* const name : {"first", "a", "b", "c"}) const Numbers one((*world)[name], all);
    const lagoon::Lock enrols((*world)["enrols"]);
  }
  static void make_holes(SegmentInMemory& world) {
    const auto name = [](unsigned i) { return "filler" + std::to_string(i); };
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
TEST(EveryOperation, of_erasing_and_of_making_the_same_in_a_segment) {
  OfSegment().kill("erase, and find or make,", [](SegmentInMemory& world, int who) {
    if (who == 1)
      world->erase("a");
    else
      const Numbers made((*world)["a"], 10);
  });
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
