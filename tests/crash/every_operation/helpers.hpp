#pragma once
/// What the tests of this directory share: things to write, and how what is there is told.

#include <lagoon/lagoon.hpp>

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <sstream>
#include <string>
#include <string_view>
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

inline Quote quote(int x) {
  Quote q{.bid = x, .ask = 2 * x};
  q.size.fill(x);
  return q;
}
inline std::ostream& operator<<(std::ostream& out, const Quote& q) {
  out << q.bid << ' ' << q.ask << ':';
  for (const int x : q.size) out << ' ' << x;
  return out;
}

struct Book {
  lagoon::Cell<int> orders{0};
  lagoon::Cell<Quote> best;
  lagoon::locks::RobustLock lock;
  explicit Book(lagoon::core::Participants& table) : best(table, quote(1)), lock(table) {}
};
template <>
inline constexpr std::string_view lagoon::type_name<Book> = "Book";

namespace lagoon::test {

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

/// Whether the next one gets it, and what it is told; and the one after that is not told again.
template <class L>
Seen free_or_told(L& lock) {
  std::string seen;
  {
    const lagoon::Acquired acquired = lock.acquire(true, patience);
    if (!acquired) return {"stuck"};
    seen = acquired.owner_died() ? "told that its holder died" : "free";
    EXPECT_TRUE(lock.owner_died() || !acquired.owner_died()) << "the news stays";
    lock.mark_consistent();
    lock.release();
  }
  const lagoon::Acquired again = lock.acquire(false);
  EXPECT_TRUE(again && !again.owner_died()) << "stuck, or told twice";
  lock.release();
  return {seen};
}

}  // namespace lagoon::test
