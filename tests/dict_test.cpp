// Dict as a user sees it: its methods, keys and values of all types, errors, memory, and what
// several processes do with one. Killed processes: crash/dict_users_killed_test.cpp; beside
// Python's own: dict_python_test.cpp.
#include <lagoon/lagoon.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <numeric>
#include <optional>
#include <random>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "child.hpp"
#include "expect_throw.hpp"
#include "rendezvous.hpp"
#include "sanitizers.hpp"
#include "shm_name.hpp"

namespace {

struct Point {
  int x = 0, y = 0;
  bool operator==(const Point&) const = default;
  auto operator<=>(const Point&) const = default;
};
/// A value may have gaps.
struct Gaps {
  char c = 0;
  double d = 0;
  bool operator==(const Gaps&) const = default;
};
struct Large {
  std::array<std::int64_t, 700> all{};
  bool operator==(const Large&) const = default;
};
struct Client {
  std::string name;
  int orders = 0;
  bool operator==(const Client&) const = default;
  auto operator<=>(const Client&) const = default;
};
enum class Side : std::uint8_t { buy, sell, none };

}  // namespace

template <>
inline constexpr std::string_view lagoon::type_name<Point> = "Point";
template <>
inline constexpr std::string_view lagoon::type_name<Gaps> = "Gaps";
template <>
inline constexpr std::string_view lagoon::type_name<Large> = "Large";
template <>
struct lagoon::Codec<Client> {
  static constexpr std::string_view name = "Client";
  static void encode(Encoder& to, const Client& x) {
    if (x.name == "unspeakable") throw std::runtime_error("it is unspeakable");
    to.put(x.name).put(x.orders);
  }
  static Client decode(Decoder& from) {
    auto called = from.take<std::string>();
    return {std::move(called), from.take<int>()};
  }
};

namespace {

using lagoon::Dict;
using lagoon::Gone;
using lagoon::Object;
using lagoon::OutOfMemory;
using lagoon::OutOfRange;
using lagoon::Segment;
using lagoon::TypeMismatch;
using lagoon::UsageError;
using lagoon::test::Child;
using lagoon::test::expect_throw;
using lagoon::test::SharedFlags;
using lagoon::test::ShmName;
using lagoon::test::with_asan;
using lagoon::test::with_tsan;

std::string shown(const auto& x) {
  std::ostringstream out;
  out << x;
  return out.str();
}

// ---- Of any types -------------------------------------------------------------------------------

/// The i-th T, another one for each i.
template <class T>
T make(int i);

template <class T>
requires std::is_arithmetic_v<T> T made(int i, const T*) { return static_cast<T>(i * 3 - 50); }
Side made(int i, const Side*) { return static_cast<Side>(i); }
std::string made(int i, const std::string*) {
  return std::string(static_cast<std::size_t>(i * i), 'x') + std::to_string(i);
}
Point made(int i, const Point*) { return {i, -i}; }
Gaps made(int i, const Gaps*) { return {static_cast<char>(i), i / 2.0}; }
Large made(int i, const Large*) {
  Large large;
  large.all.fill(i);
  return large;
}
Client made(int i, const Client*) { return {"client " + std::to_string(i), i}; }
Object made(int i, const Object*) {
  switch (i % 6) {
    case 0:
      return i;
    case 1:
      return Object("text ") + Object(std::to_string(i));
    case 2:
      return Object::tuple(i, "a", Object::frozenset(1, i));
    case 3:
      return i + 0.5;
    case 4:
      return Object::integer("1" + std::string(40 + static_cast<std::size_t>(i), '0'));
    default:
      return Object::bytes(std::string(static_cast<std::size_t>(i) * 300, 'b'));
  }
}
template <class T>
std::vector<T> made(int i, const std::vector<T>*) {
  std::vector<T> all;
  for (int k = 0; k <= i; ++k) all.push_back(make<T>(k));
  return all;
}
template <class A, class B>
std::pair<A, B> made(int i, const std::pair<A, B>*) {
  return {make<A>(i / 2), make<B>(i % 2)};
}
template <class... T>
std::tuple<T...> made(int i, const std::tuple<T...>*) {
  return {make<T>(i)...};
}
template <class T>
T make(int i) {
  return made(i, static_cast<const T*>(nullptr));
}

template <class T>
class DictOf : public testing::Test {};
using Types =
    testing::Types<Dict<int, int>, Dict<int, double>, Dict<double, std::int8_t>, Dict<char, Gaps>,
                   Dict<Side, int>, Dict<std::uint64_t, Large>, Dict<std::string, double>,
                   Dict<std::string, std::string>, Dict<Point, std::vector<int>>,
                   Dict<std::vector<int>, Point>, Dict<std::pair<std::string, int>, Client>,
                   Dict<std::tuple<int, double, std::string>, Large>,
                   Dict<Client, std::vector<Client>>, Dict<std::vector<std::string>, Object>,
                   Dict<Object, int>, Dict<std::string, Object>, Dict<>>;
TYPED_TEST_SUITE(DictOf, Types);

TYPED_TEST(DictOf, any_types_does_what_it_says) {
  using K = typename TypeParam::key_type;
  using V = typename TypeParam::value_type;
  using Items = std::vector<std::pair<K, V>>;
  const auto key = make<K>;
  const auto value = make<V>;
  TypeParam d;
  const TypeParam& reader = d;

  EXPECT_TRUE(d.empty());
  EXPECT_EQ(d.size(), 0U);
  EXPECT_FALSE(d.contains(key(0)));
  EXPECT_FALSE(d.find(key(0)).has_value());
  EXPECT_THROW((void)d.at(key(0)), OutOfRange);
  EXPECT_THROW((void)reader[key(0)], OutOfRange);
  EXPECT_THROW((void)d[key(0)].get(), OutOfRange);
  EXPECT_TRUE(d.get(key(0), value(1)) == value(1));
  EXPECT_TRUE(d.begin() == d.end());
  EXPECT_TRUE(d.items().empty() && d.keys().empty() && d.values().empty());

  d.set(key(0), value(0));
  d[key(1)] = value(1);
  EXPECT_EQ(d.size(), 2U);
  EXPECT_TRUE(d.contains(key(0)) && d.contains(key(1)) && !d.contains(key(2)));
  EXPECT_TRUE(*d.find(key(1)) == value(1));
  EXPECT_TRUE(d.at(key(0)) == value(0));
  EXPECT_TRUE(d.get(key(0), value(2)) == value(0));
  EXPECT_TRUE(reader[key(1)] == value(1));
  const V through_element = d[key(1)];
  EXPECT_TRUE(through_element == value(1));
  d[key(0)] = d[key(1)];
  EXPECT_TRUE(d.at(key(0)) == value(1)) << "a copy of what is there";
  d.set(key(0), value(2));
  EXPECT_TRUE((d.items() == Items{{key(0), value(2)}, {key(1), value(1)}})) << "stays in its place";
  EXPECT_TRUE((d.keys() == std::vector<K>{key(0), key(1)}));
  EXPECT_TRUE((d.values() == std::vector<V>{value(2), value(1)}));

  EXPECT_TRUE(d.setdefault(key(0), value(0)) == value(2));
  EXPECT_TRUE(d.setdefault(key(2), value(0)) == value(0));
  EXPECT_TRUE(d.setdefault(key(2), value(1)) == value(0));
  d.discard(key(2));
  EXPECT_TRUE(d.setdefault(key(2)) == V{}) << "or else nothing, as the type has it";

  EXPECT_TRUE(d.compare_exchange(key(0), value(2), value(1)));
  EXPECT_FALSE(d.compare_exchange(key(0), value(2), value(0)));
  EXPECT_FALSE(d.compare_exchange(key(50), value(2), value(0))) << "it is not there";
  EXPECT_TRUE(d.at(key(0)) == value(1));
  EXPECT_TRUE(d.update_value(key(0), [&](const V&) { return value(2); }) == value(2));
  EXPECT_TRUE(d.update_value(key(0), [&](V& v) { v = value(0); }) == value(0));
  EXPECT_THROW(d.update_value(key(50), [](V&) {}), OutOfRange);
  EXPECT_TRUE(d.update_value(key(51 % 60), value(1), [](V&) {}) == value(1));
  EXPECT_TRUE(d.at(key(51)) == value(1));
  d[key(51)].update([&](V& v) { v = value(2); });
  EXPECT_TRUE(d.at(key(51)) == value(2));

  d.erase(key(51));
  EXPECT_THROW(d.erase(key(51)), OutOfRange);
  EXPECT_FALSE(d.discard(key(51)));
  EXPECT_TRUE(d.discard(key(2)));
  EXPECT_TRUE(d.pop(key(1)) == value(1));
  EXPECT_THROW((void)d.pop(key(1)), OutOfRange);
  EXPECT_TRUE(d.pop(key(1), value(2)) == value(2));
  EXPECT_EQ(d.size(), 1U);

  Items some;
  for (int i = 0; i < 40; ++i) some.emplace_back(key(i), value(i));
  some.emplace_back(key(7), value(1));
  d.update(some);
  some.pop_back();
  some[7].second = value(1);
  EXPECT_TRUE(d.items() == some) << "the last value of each, the first place";
  TypeParam other;
  other.update(d);
  EXPECT_TRUE(other.items() == some);
  other.update(d.items());
  other.update({{key(3), value(0)}, {key(41), value(1)}});
  EXPECT_EQ(other.size(), 41U);
  EXPECT_TRUE(other.at(key(3)) == value(0) && other.at(key(41)) == value(1));

  Items walked;
  for (auto [k, v] : reader) walked.emplace_back(k, v);
  EXPECT_TRUE(walked == some);
  Items of_a_walk(some.size());
  auto at = of_a_walk.begin();
  for (auto i = d.begin(); i != d.end(); ++i) *at++ = {i->first, (*i).second};
  EXPECT_TRUE(of_a_walk == some);

  for (int i = 39; i >= 20; --i) EXPECT_TRUE(d.popitem() == some[static_cast<std::size_t>(i)]);
  d.erase(key(19));
  EXPECT_TRUE(d.popitem() == some[18]);
  d.clear();
  EXPECT_TRUE(d.empty() && d.items().empty());
  EXPECT_THROW((void)d.popitem(), OutOfRange);
  d.clear();
  d.set(key(1), value(2));
  EXPECT_TRUE((d.items() == Items{{key(1), value(2)}}));
  const TypeParam moved = std::move(d);
  EXPECT_EQ(moved.size(), 1U);
}

// ---- A random sequence of everything, beside a model --------------------------------------------

template <class K, class V>
class Model {
 public:
  [[nodiscard]] bool contains(const K& key) const { return there_.contains(key); }
  [[nodiscard]] const V& at(const K& key) const { return order_.at(there_.at(key)).second; }
  [[nodiscard]] std::size_t size() const { return there_.size(); }
  void set(const K& key, const V& value) {
    const auto [at, is_new] = there_.try_emplace(key, next_);
    if (is_new) ++next_;
    order_.try_emplace(at->second, key, value).first->second.second = value;
  }
  bool erase(const K& key) {
    const auto at = there_.find(key);
    if (at == there_.end()) return false;
    order_.erase(at->second);
    there_.erase(at);
    return true;
  }
  void clear() {
    there_.clear();
    order_.clear();
  }
  [[nodiscard]] std::pair<K, V> last() const { return order_.rbegin()->second; }
  [[nodiscard]] std::vector<std::pair<K, V>> items() const {
    std::vector<std::pair<K, V>> items;
    for (const auto& [place, item] : order_) items.push_back(item);
    return items;
  }

 private:
  std::map<K, std::uint64_t> there_;
  std::map<std::uint64_t, std::pair<K, V>> order_;
  std::uint64_t next_ = 0;
};

template <class K, class V>
void try_everything(const std::function<K(std::uint64_t)>& key,
                    const std::function<V(std::uint64_t)>& value, int operations) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  Dict<K, V> d;
  Model<K, V> m;
  std::uint64_t keys = 1;
  for (int i = 0; i < operations; ++i) {
    if (i % 500 == 0) keys = 1 + random() % (random() % 3 == 0 ? 2000 : 40);
    const K k = key(random() % keys);
    const V v = value(random());
    switch (random() % (i / 3000 % 2 == 0 ? 22 : 16)) {
      case 0:
        ASSERT_EQ(d.discard(k), m.erase(k));
        break;
      case 1:
        if (m.contains(k)) {
          d.erase(k);
          m.erase(k);
        } else {
          ASSERT_THROW(d.erase(k), OutOfRange);
        }
        break;
      case 2:
      case 3: {
        const V there = m.contains(k) ? m.at(k) : v;
        ASSERT_TRUE(d.pop(k, v) == there);
        m.erase(k);
        break;
      }
      case 4:
      case 5:
        if (m.size() == 0) {
          ASSERT_THROW(d.popitem(), OutOfRange);
        } else {
          ASSERT_TRUE(d.popitem() == m.last());
          m.erase(m.last().first);
        }
        break;
      case 6:
        if (random() % 50 != 0) break;
        d.clear();
        m.clear();
        break;
      case 7:
        if (!m.contains(k)) m.set(k, v);
        ASSERT_TRUE(d.setdefault(k, v) == m.at(k));
        break;
      case 8: {
        std::vector<std::pair<K, V>> some;
        for (std::uint64_t n = random() % (random() % 8 == 0 ? 300 : 6); n != 0; --n) {
          some.emplace_back(key(random() % keys), value(random()));
          m.set(some.back().first, some.back().second);
        }
        d.update(some);
        break;
      }
      case 9:
        if (m.contains(k)) {
          m.set(k, v);
          ASSERT_TRUE(d.update_value(k, [&](V& x) { x = v; }) == v);
        } else {
          ASSERT_THROW(d.update_value(k, [&](V& x) { x = v; }), OutOfRange);
        }
        break;
      case 10:
        ASSERT_THROW(d.update_value(k, v, [](V&) { throw std::runtime_error("no"); }),
                     std::runtime_error);
        break;
      case 11: {
        const V expected = m.contains(k) && random() % 2 ? m.at(k) : value(random());
        const bool is_it = m.contains(k) && m.at(k) == expected;
        ASSERT_EQ(d.compare_exchange(k, expected, v), is_it);
        if (is_it) m.set(k, v);
        break;
      }
      case 12: {
        const std::optional<V> found = d.find(k);
        ASSERT_EQ(found.has_value(), m.contains(k));
        ASSERT_TRUE(!found || *found == m.at(k));
        break;
      }
      case 13:
        if (random() % 30 != 0) break;
        ASSERT_TRUE(d.items() == m.items());
        break;
      default:
        d.set(k, v);
        m.set(k, v);
    }
    ASSERT_EQ(d.size(), m.size());
    const K other = key(random() % keys);
    ASSERT_EQ(d.contains(other), m.contains(other));
  }
  ASSERT_TRUE(d.items() == m.items());
}

TEST(Dict, agrees_with_a_model_whatever_is_done_to_it) {
  const int operations = with_tsan || with_asan ? 4000 : 40'000;
  try_everything<std::int64_t, double>([](auto i) { return std::int64_t(i); },
                                       [](auto i) { return double(i % 5); }, operations);
  try_everything<std::string, std::string>(
      [](auto i) { return std::string(i % 90 == 3 ? 1500 : i % 7, 'k') + std::to_string(i); },
      [](auto i) { return std::string(i % 100 == 0 ? i % 30'000 : i % 9, 'v'); }, operations);
  try_everything<Client, std::vector<int>>(
      [](auto i) {
        return Client{std::to_string(i % 30), static_cast<int>(i / 30)};
      },
      [](auto i) { return std::vector<int>(i % 4, static_cast<int>(i % 3)); }, operations / 2);
}

// ---- Of Objects ---------------------------------------------------------------------------------

TEST(DictOfObjects, takes_what_python_takes) {
  Dict<> d;
  d["a"] = 1;
  d[2] = "two";
  d[nullptr] = 1.5;
  d[Object::tuple(1, "x")] = Object::list(1, 2);
  EXPECT_EQ(d.size(), 4U);
  EXPECT_EQ(int(d["a"]), 1);
  EXPECT_EQ(std::string(d[2]), "two");
  EXPECT_EQ(d.get<double>(nullptr), 1.5);
  EXPECT_EQ(d.get("b", 7), Object(7));
  EXPECT_EQ(d.get("b"), Object());
  EXPECT_TRUE(d.get("b").is_none());
  EXPECT_TRUE(d["a"] == 1);
  EXPECT_TRUE(d["a"] == 1.0);
  EXPECT_FALSE(d["a"] == d[2]);
  EXPECT_EQ(shown(d), "{'a': 1, 2: 'two', None: 1.5, (1, 'x'): [1, 2]}");
  EXPECT_EQ(
      d.copy(),
      Object::dict(
          {{"a", 1}, {2, "two"}, {nullptr, 1.5}, {Object::tuple(1, "x"), Object::list(1, 2)}}));
  d.update(Object::dict({{"a", 2}, {"b", 3}}));
  EXPECT_EQ(int(d["a"]), 2);
  EXPECT_EQ(int(d["b"]), 3);
  EXPECT_THROW(d.update(Object(5)), TypeMismatch);
  EXPECT_TRUE(d.setdefault("c").is_none());
  EXPECT_TRUE(d.contains("c"));
}

TEST(DictOfObjects, keeps_the_first_of_keys_that_are_equal) {
  Dict<> d;
  d[1] = "int";
  d[1.0] = "float";
  d[true] = "bool";
  EXPECT_EQ(shown(d), "{1: 'bool'}");
  EXPECT_EQ(d.at(1.0), Object("bool"));
  EXPECT_TRUE(d.discard(true));
  d.update({{true, 1}, {1, 2}, {1.0, 3}});
  EXPECT_EQ(shown(d), "{True: 3}");
  d.clear();
  d[0.0] = 1;
  d[-0.0] = 2;
  d[false] = 3;
  EXPECT_EQ(shown(d), "{0.0: 3}");
  d.clear();
  d[-0.0] = 1;
  EXPECT_EQ(shown(d), "{-0.0: 1}");
  d.clear();
  d[Object::tuple(1, 0.0)] = 1;
  d[Object::tuple(1.0, -0.0)] = 2;
  d[Object::tuple(true, false)] = 3;
  EXPECT_EQ(shown(d), "{(1, 0.0): 3}");
  d.clear();
  const Object large = Object::integer("1" + std::string(30, '0'));
  d[large] = 1;
  d[std::pow(2, 70)] = 2;
  d[Object::integer("1180591620717411303424")] = 3;  // the same
  EXPECT_EQ(d.size(), 2U);
  EXPECT_EQ(d.at(std::pow(2, 70)), Object(3));
  d.clear();
  d[Object::frozenset(1, 2, 3)] = 1;
  d[Object::frozenset(3.0, 2, true)] = 2;
  EXPECT_EQ(d.size(), 1U);
  d["a"] = 1;
  d[Object::bytes("a")] = 2;
  EXPECT_EQ(d.size(), 3U) << "a str is no bytes";
}

TEST(DictOfObjects, changes_what_lies_within_in_one_step) {
  Dict<> d;
  d["a"] = Object::list(Object::dict({{"b", 1}}), 2);
  d["a"][0]["b"] += 1;
  EXPECT_EQ(int(d["a"][0]["b"]), 2);
  d["a"].append("x");
  d["a"][1] = Object::set(1);
  d["a"][1].add(2);
  EXPECT_TRUE(d["a"][1].contains(2));
  EXPECT_TRUE(d["a"][1].discard(1));
  EXPECT_EQ(d["a"].pop(), Object("x"));
  d["a"].insert(0, "first");
  EXPECT_EQ(shown(d), "{'a': ['first', {'b': 2}, {2}]}");
  d["a"][1].erase("b");
  d["a"][1].update([](Object& o) { o.set_item("c", Object::list()); });
  d["a"][1]["c"].append(7);
  EXPECT_EQ(d["a"][1].pop("c"), Object::list(7));
  d["a"][2].clear();
  d["a"][0] *= 2;
  EXPECT_EQ(shown(d), "{'a': ['firstfirst', {}, set()]}");
  EXPECT_EQ(d["a"].size(), 3U);
  EXPECT_EQ(d["a"].repr(), "['firstfirst', {}, set()]");
  d["n"] = 5;
  d["n"] -= 2;
  d["n"] *= 10;
  EXPECT_EQ(int(d["n"]), 30);
  EXPECT_TRUE(bool(d["n"]));

  const Object before = d.copy();
  EXPECT_THROW(d["a"][7] = 1, OutOfRange);
  EXPECT_THROW(d["a"][0].append(1), lagoon::Error);
  EXPECT_THROW(d["a"][1]["nothing"] += 1, OutOfRange);
  EXPECT_THROW(d["nothing"].append(1), OutOfRange);
  EXPECT_THROW(d["n"] += "x", TypeMismatch);
  EXPECT_EQ(d.copy(), before) << "what failed has changed nothing";
}

TEST(DictOfObjects, under_strings) {
  Dict<std::string, Object> d;
  d["a"] = Object::list(1);
  d["b"] = 2;
  d["a"][0] += 4;
  EXPECT_EQ(int(d["a"][0]), 5);
  EXPECT_EQ(int(d["b"]), 2);
  EXPECT_EQ(d.get("x"), Object());
  const std::string_view view = "b";
  EXPECT_TRUE(d.contains(view));
  EXPECT_EQ(shown(d), "{'a': [5], 'b': 2}");
  const std::vector<std::pair<std::string, Object>> items = d.copy();
  EXPECT_EQ(items.size(), 2U);
}

// ---- Keys ---------------------------------------------------------------------------------------

template <class K>
constexpr bool can_be_key = lagoon::detail::is_compared_as_bytes<K>;
static_assert(can_be_key<int> && can_be_key<double> && can_be_key<Point> && can_be_key<Client>);
static_assert(can_be_key<std::vector<std::pair<int, double>>> && can_be_key<std::vector<Client>>);
static_assert(!can_be_key<Gaps> && !can_be_key<std::array<Gaps, 2>>);
static_assert(!lagoon::Encodable<long double>);
static_assert(!can_be_key<std::vector<Gaps>> && !can_be_key<std::pair<int, Gaps>> &&
              !can_be_key<std::tuple<int, std::vector<std::pair<Gaps, int>>>>);

TEST(DictKeys, zeros_of_either_sign_are_one) {
  Dict<double, int> d;
  d[0.0] = 1;
  d[-0.0] = 2;
  EXPECT_EQ(d.size(), 1U);
  EXPECT_EQ(d.at(0.0), 2);
  Dict<float, std::string> f;
  f[-0.0F] = "a";
  EXPECT_EQ(f.at(0.0F), "a");
  EXPECT_TRUE(f.discard(0.0F));
  d.update({{-0.0, 3}, {0.0, 4}});
  EXPECT_EQ(d.size(), 1U);
  EXPECT_EQ(d.at(-0.0), 4);
  Dict<double, int> nan;
  nan[std::numeric_limits<double>::quiet_NaN()] = 1;
  EXPECT_EQ(nan.at(std::numeric_limits<double>::quiet_NaN()), 1) << "by its bytes";
}

TEST(DictKeys, of_which_one_begins_another_are_two) {
  Dict<std::string, int> d;
  std::vector<std::string> keys;
  for (std::size_t n = 0; n < 300; ++n) keys.emplace_back(n, '\0');
  for (std::size_t n = 0; n < keys.size(); ++n) d[keys[n]] = static_cast<int>(n);
  for (std::size_t n = 0; n < keys.size(); ++n) EXPECT_EQ(d.at(keys[n]), static_cast<int>(n));
  EXPECT_EQ(d.keys(), keys);
  Dict<std::vector<int>, std::string> v;
  v[std::vector<int>{}] = "none";
  v[std::vector<int>{0}] = "zero";
  v[std::vector<int>{0, 0}] = "zeros";
  EXPECT_EQ(v.at({}), "none");
  EXPECT_EQ(v.at({0}), "zero");
  EXPECT_EQ(v.at({0, 0}), "zeros");
  Dict<std::pair<std::string, std::string>, int> p;
  p[{"ab", "c"}] = 1;
  p[{"a", "bc"}] = 2;
  EXPECT_EQ(p.size(), 2U);
}

/// The same hash for all, and no bytes at all for one of them.
TEST(DictKeys, without_bytes) {
  Dict<std::tuple<>, std::string> d;
  EXPECT_FALSE(d.contains({}));
  for (const std::size_t n : {0U, 10U, 4000U, 4096U, 5000U, 100'000U}) {
    d[{}] = std::string(n, 'x');
    EXPECT_EQ(d.at({}).size(), n);
    EXPECT_EQ(d.items().at(0).second.size(), n);
    EXPECT_EQ(d.size(), 1U);
  }
}

template <class T>
class DictOfNumbers : public testing::Test {};
using NumberTypes = testing::Types<char, short, double>;
TYPED_TEST_SUITE(DictOfNumbers, NumberTypes);

TEST(Dict, gives_values_into_memory_that_is_there) {
  Dict<int, std::string> texts;
  Dict<int, std::vector<double>> vectors;
  Dict<std::string, Point> points;
  for (const std::size_t n : {std::size_t{0}, std::size_t{5}, std::size_t{900}, std::size_t{5000},
                              std::size_t{300'000}}) {
    texts.set(1, std::string(n, 'x'));
    vectors.set(1, std::vector<double>(n, 1.5));
    std::string text(n + 100, 'y');
    std::vector<double> vector(n + 100);
    const auto* const text_at = text.data();
    const auto* const vector_at = vector.data();
    ASSERT_TRUE(texts.find_into(1, text));
    ASSERT_TRUE(vectors.find_into(1, vector));
    EXPECT_EQ(text, std::string(n, 'x'));
    EXPECT_EQ(vector, std::vector<double>(n, 1.5));
    EXPECT_EQ(text.data(), text_at) << n;
    EXPECT_EQ(vector.data(), vector_at) << n;
    EXPECT_FALSE(texts.find_into(2, text));
    EXPECT_EQ(text.data(), text_at) << n;
    std::string small;
    ASSERT_TRUE(texts.find_into(1, small));
    EXPECT_EQ(small.size(), n);
  }
  points.set("p", Point{1, 2});
  Point point;
  ASSERT_TRUE(points.find_into("p", point));
  EXPECT_EQ(point, (Point{1, 2}));
  EXPECT_FALSE(points.find_into("q", point));
}

TEST(Dict, keeps_keys_and_values_of_every_size) {
  Dict<std::string, std::string> d;
  const std::vector<std::size_t> sizes{0,    1,    7,     8,     100,       1000,     1022,
                                       1023, 1024, 1025,  4000,  4060,      4072,     4080,
                                       4090, 4096, 5'000, 8'192, 1'000'000, 3'000'001};
  const auto text = [](std::size_t n, char begin) {
    std::string s(n, 'x');
    for (std::size_t i = 0; i < n; ++i) s[i] = static_cast<char>(begin + static_cast<char>(i % 23));
    return s;
  };
  for (const std::size_t k : sizes)
    for (const std::size_t v : sizes) {
      if (k + v > 4'000'000) continue;
      const std::string key = text(k, 'a'), value = text(v, 'A');
      d.set(key, value);
      ASSERT_TRUE(d.at(key) == value) << k << ", " << v;
      ASSERT_TRUE(d.update_value(key, [](std::string& s) { s += '!'; }) == value + '!');
      ASSERT_TRUE(d.items().back() == std::pair(key, value + '!')) << k << ", " << v;
      ASSERT_TRUE(d.pop(key) == value + '!');
      ASSERT_TRUE(d.empty());
    }
  for (const std::size_t k : sizes) d.set(text(k, 'a'), text(k / 2, 'A'));
  EXPECT_EQ(d.size(), sizes.size());
  std::size_t i = 0;
  for (const auto& [key, value] : d) {
    EXPECT_TRUE(key == text(sizes[i], 'a') && value == text(sizes[i] / 2, 'A'));
    ++i;
  }
}

// As many as fit beside the key, or one more; each of its own size and contents.
TYPED_TEST(DictOfNumbers, keeps_as_many_as_there_are) {
  Dict<std::string, std::vector<TypeParam>> d;
  constexpr std::size_t near = lagoon::core::Entries::near_most / sizeof(TypeParam);
  for (const std::size_t n : {std::size_t{0}, std::size_t{1}, near - 3, near - 2, near - 1, near,
                              near + 1, std::size_t{100'000}}) {
    std::vector<TypeParam> numbers(n), more(n + 1);
    for (std::size_t i = 0; i < n; ++i) numbers[i] = static_cast<TypeParam>(i % 100);
    d["key"] = numbers;
    EXPECT_EQ(d.at("key"), numbers) << n;
    EXPECT_EQ(d.update_value("key", [&](auto& x) { x = more; }), more);
    EXPECT_TRUE(d.compare_exchange("key", more, numbers));
    EXPECT_EQ(d.values(), (std::vector<std::vector<TypeParam>>{numbers}));
    EXPECT_EQ(d.items(), (std::vector{std::pair(std::string("key"), numbers)}));
    for (const auto& [key, value] : d) EXPECT_EQ(value, numbers);
    EXPECT_EQ(d.setdefault("key", more), numbers);
    EXPECT_EQ(d.popitem().second, numbers);
  }
}

TEST(Dict, has_room_for_two_hundred_thousand) {
  constexpr int n = with_tsan || with_asan ? 20'000 : 200'000;
  Dict<int, std::int64_t> d;
  for (int i = 0; i < n; ++i) d.set(i, 3 * std::int64_t{i});
  EXPECT_EQ(d.size(), static_cast<std::size_t>(n));
  for (int i = 0; i < n; ++i) ASSERT_EQ(d.find(i), 3 * std::int64_t{i});
  EXPECT_FALSE(d.contains(n));
  int i = 0;
  for (const auto& [key, value] : d) ASSERT_EQ(key, i++);
  EXPECT_EQ(i, n);
  std::vector<std::pair<int, std::int64_t>> more;
  for (int k = n / 2; k < n * 3 / 2; ++k) more.emplace_back(k, k);
  d.update(more);
  EXPECT_EQ(d.size(), static_cast<std::size_t>(n) * 3 / 2);
  for (int k = 0; k < n * 3 / 2; k += 2) d.erase(k);
  EXPECT_EQ(d.keys().size(), static_cast<std::size_t>(n) * 3 / 4);
  EXPECT_EQ(d.popitem().first, n * 3 / 2 - 1);
  d.clear();
  EXPECT_TRUE(d.keys().empty());
}

// ---- Errors -------------------------------------------------------------------------------------

TEST(DictErrors, say_what_python_says) {
  Dict<> d;
  expect_throw<OutOfRange>([&] { (void)d.at("x"); }, {"KeyError: 'x'"});
  expect_throw<OutOfRange>([&] { (void)Object(d[Object::tuple(1, "a")]); }, {"KeyError: (1, 'a')"});
  expect_throw<OutOfRange>([&] { d.erase(1.5); }, {"KeyError: 1.5"});
  expect_throw<OutOfRange>([&] { (void)d.pop(nullptr); }, {"KeyError: None"});
  expect_throw<OutOfRange>([&] { d["x"] += 1; }, {"KeyError: 'x'"});
  expect_throw<OutOfRange>([&] { (void)d.popitem(); },
                           {"KeyError: 'popitem(): dictionary is empty'"});
  for (const Object& key :
       {Object::list(1), Object::dict(), Object::set(1), Object::tuple(1, Object::list())}) {
    const std::string type =
        key.kind() == Object::Kind::tuple ? "list" : std::string(key.type_name());
    const auto unhashable = [&](auto&& f) {
      expect_throw<TypeMismatch>(f, {"unhashable type: '" + type + "'"});
    };
    unhashable([&] { d[key] = 1; });
    unhashable([&] { (void)d.contains(key); });
    unhashable([&] { (void)d.get(key); });
    unhashable([&] { (void)d.pop(key, 1); });
    unhashable([&] { (void)d.discard(key); });
    unhashable([&] { d.setdefault(key); });
    unhashable([&] { d.update({{"a", 1}, {key, 1}}); });
    unhashable([&] { (void)d.update_value(key, 1, [](Object&) {}); });
  }
  EXPECT_TRUE(d.empty()) << "what failed has changed nothing";
  expect_throw<OutOfRange>([&] { (void)Dict<std::string, int>().at("x"); }, {"KeyError: 'x'"});
  expect_throw<OutOfRange>([&] { (void)Dict<int, int>().pop(5); }, {"KeyError: 5"});
  expect_throw<OutOfRange>([&] { (void)Dict<char, int>().at('x'); }, {"KeyError: 'x'"});
  expect_throw<OutOfRange>([&] { (void)Dict<char, int>().at('\xce'); }, {"KeyError: b'\\xce'"});
  Dict<std::string, std::string> bytes;
  bytes["\xff"] = "\xfe";
  EXPECT_EQ(shown(bytes), "{b'\\xff': b'\\xfe'}");
  expect_throw<OutOfRange>([&] { bytes.erase("\xce"); }, {"KeyError: b'\\xce'"});
  expect_throw<OutOfRange>([&] { (void)Dict<Client, int>().at({"a", 1}); }, {"KeyError: <Client>"});
  expect_throw<OutOfRange>([&] { (void)Dict<Point, int>().at({1, 2}); }, {"KeyError: <Point>"});
}

TEST(DictErrors, name_both_types_where_something_else_is) {
  const ShmName name;
  const Segment segment = Segment::create(name);
  const Dict<std::string, double> prices{segment["prices"]};
  const Dict<> objects{segment["objects"]};
  const lagoon::Value<int> number{segment["number"], 1};
  expect_throw<TypeMismatch>([&] { Dict<std::string, float> d{segment["prices"]}; },
                             {"prices", "Dict<str, double>", "Dict<str, float>"});
  expect_throw<TypeMismatch>([&] { Dict<> d{segment["prices"]}; }, {"Dict<str, double>"});
  expect_throw<TypeMismatch>([&] { (void)segment.find<Dict<std::string, int>>("objects"); },
                             {"objects", "Dict<str, int32>"});
  expect_throw<TypeMismatch>([&] { Dict<> d{segment["number"]}; }, {"Value<int32", "Dict"});
  expect_throw<TypeMismatch>([&] { lagoon::Value<int> v{segment["prices"]}; },
                             {"Value<int32", "Dict<str, double>"});
  // Alike by name, but not in size.
  const Dict<Point, int> points{segment["points"]};
  EXPECT_TRUE((segment.find<Dict<Point, int>>("points").has_value()));
  EXPECT_FALSE((segment.find<Dict<Point, int>>("nothing").has_value()));
  for (const auto& object : segment.objects())
    EXPECT_TRUE(object.name != "prices" || object.type == "Dict<str, double>") << object.type;
}

TEST(DictErrors, of_a_nested_change_change_nothing) {
  Dict<std::string, int> d;
  d["a"] = 1;
  const auto nested = [&](auto&& f) {
    expect_throw<UsageError>([&] {
      d.update_value("a", [&](int& x) {
        x = 5;
        f();
      });
    });
  };
  nested([&] { d["b"] = 1; });
  nested([&] { d.update_value("a", [](int&) {}); });
  nested([&] { d.erase("a"); });
  nested([&] { d.discard("b"); });
  nested([&] { (void)d.pop("a", 1); });
  nested([&] { (void)d.popitem(); });
  nested([&] { d.setdefault("b", 1); });
  nested([&] { d.update({{"b", 1}}); });
  nested([&] { d.clear(); });
  nested([&] { d.compare_exchange("a", 1, 2); });
  EXPECT_EQ(shown(d), "{'a': 1}");
  EXPECT_THROW(d.update_value("a", [](int&) { throw std::runtime_error("no"); }),
               std::runtime_error);
  EXPECT_THROW(d.update_value("b", 1, [](int&) { throw std::runtime_error("no"); }),
               std::runtime_error);
  EXPECT_EQ(shown(d), "{'a': 1}");
  d["a"] += 1;
  EXPECT_EQ(d.at("a"), 2) << "the turn was given back";
}

TEST(DictElement, is_counted_with_and_put_together_with_others) {
  Dict<std::string, int> d;
  d["a"] = 40;
  d["b"] = 7;
  EXPECT_EQ(d["a"] += d["b"], 47);
  EXPECT_EQ(d["a"] -= d["a"], 0);
  EXPECT_EQ(d["a"] += 41, 41);
  EXPECT_EQ(d["a"]++, 41);
  EXPECT_EQ(d["a"]--, 42);
  EXPECT_EQ(++d["a"], 42);
  EXPECT_EQ(--d["a"], 41);
  EXPECT_EQ(d["a"] *= d["b"], 287);
  EXPECT_EQ(d["a"] /= d["b"], 41);
  EXPECT_EQ(d["a"] %= 16, 9);
  EXPECT_EQ(d["a"] &= 12, 8);
  EXPECT_EQ(d["a"] |= 3, 11);
  EXPECT_EQ(d["a"] ^= d["b"], 12);
  Dict<> objects;
  objects["n"] = 1;
  objects["n"] += d["a"].get();
  Dict<int, std::string> texts;
  texts[1] = "x";
  texts[1] += texts[1];
  EXPECT_EQ(texts.at(1), "xx");
  EXPECT_EQ(objects.at("n"), 13);
  expect_throw<OutOfRange>([&] { d["c"]++; }, {"KeyError: 'c'"});
  expect_throw<OutOfRange>([&] { d["a"] += d["c"]; }, {"KeyError: 'c'"});
  EXPECT_EQ(d.at("a"), 12);
}

TEST(DictErrors, of_a_codec_change_nothing) {
  Dict<Client, Client> d;
  const Client ada{"Ada", 1}, unspeakable{"unspeakable", 2};
  d[ada] = ada;
  EXPECT_THROW(d[ada] = unspeakable, std::runtime_error);
  EXPECT_THROW(d[unspeakable] = ada, std::runtime_error);
  EXPECT_THROW(d.update({{{"Bob", 1}, ada}, {ada, unspeakable}}), std::runtime_error);
  EXPECT_THROW(d.setdefault({"Bob", 1}, unspeakable), std::runtime_error);
  EXPECT_THROW(d.compare_exchange(ada, ada, unspeakable), std::runtime_error);
  EXPECT_THROW(d.update_value(ada, [&](Client& x) { x = unspeakable; }), std::runtime_error);
  EXPECT_EQ(d.size(), 1U);
  EXPECT_TRUE(d.at(ada) == ada);
  Object deep = 1;
  for (int i = 0; i <= Object::max_depth; ++i) deep = Object::list(std::move(deep));
  Dict<> objects;
  EXPECT_THROW(objects["a"] = deep, UsageError);
  EXPECT_TRUE(objects.empty());
}

TEST(DictErrors, of_one_that_was_erased_are_Gone) {
  const ShmName name;
  const Segment segment = Segment::create(name);
  Dict<std::string, int> d{segment["d"]};
  d["a"] = 1;
  EXPECT_FALSE(d.gone());
  auto walk = d.begin();
  ASSERT_TRUE(segment.erase("d"));
  EXPECT_TRUE(d.gone());
  const auto gone = [&](auto&& f) { expect_throw<Gone>(f, {"'d'"}); };
  gone([&] { (void)d.size(); });
  gone([&] { (void)d.empty(); });
  gone([&] { (void)d.contains("a"); });
  gone([&] { (void)d.find("a"); });
  gone([&] { (void)d.at("a"); });
  gone([&] { (void)d.get("a"); });
  gone([&] { (void)d.get("a", 1); });
  gone([&] { (void)int(d["a"]); });
  gone([&] { (void)d.begin(); });
  gone([&] { ++walk; });
  gone([&] { (void)d.keys(); });
  gone([&] { (void)d.values(); });
  gone([&] { (void)d.items(); });
  gone([&] { (void)d.copy(); });
  gone([&] { (void)shown(d); });
  gone([&] { d.set("a", 1); });
  gone([&] { d["a"] = 1; });
  gone([&] { d["a"] += 1; });
  gone([&] { d.erase("a"); });
  gone([&] { d.discard("a"); });
  gone([&] { (void)d.pop("a"); });
  gone([&] { (void)d.pop("a", 1); });
  gone([&] { (void)d.popitem(); });
  gone([&] { d.setdefault("a", 1); });
  gone([&] { d.update({{"a", 1}}); });
  gone([&] { d.clear(); });
  gone([&] { d.update_value("a", [](int&) {}); });
  gone([&] { d.update_value("a", 1, [](int&) {}); });
  gone([&] { d.compare_exchange("a", 1, 2); });
  Dict<std::string, int> next{segment["d"]};
  EXPECT_TRUE(next.empty());
}

TEST(Dict, read_only) {
  const ShmName name;
  const Segment segment = Segment::create(name);
  Dict<std::string, Object> d{segment["d"]};
  d["a"] = Object::list(1, 2);
  d["b"] = std::string(10'000, 'x');
  const Segment read_only = Segment::open_read_only(name);
  const auto r = read_only.find<Dict<std::string, const Object>>("d");
  ASSERT_TRUE(r);
  EXPECT_EQ(r->size(), 2U);
  EXPECT_EQ(r->at("a"), Object::list(1, 2));
  EXPECT_EQ((*r)["a"], Object::list(1, 2));
  EXPECT_EQ(r->get("x"), Object());
  EXPECT_TRUE(r->contains("b"));
  EXPECT_EQ(r->keys(), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(r->items().size(), 2U);
  EXPECT_EQ(r->copy(), d.copy());
  std::size_t met = 0;
  for (const auto& [key, value] : *r) met += value.size();
  EXPECT_EQ(met, 10'002U);
  d["c"] = 1;
  for (int i = 0; i < 5000; ++i) d[std::to_string(i)] = i;  // grows by parts that it has not seen
  EXPECT_EQ(r->size(), 5003U);
  EXPECT_EQ(r->at("4999"), Object(4999));
  EXPECT_FALSE((read_only.find<Dict<std::string, const int>>("nothing").has_value()));
  expect_throw<TypeMismatch>([&] { (void)read_only.find<Dict<std::string, const int>>("d"); },
                             {"Dict<str, int32>"});
  segment.erase("d");
  EXPECT_THROW((void)r->size(), Gone);
}

// ---- Memory -------------------------------------------------------------------------------------

TEST(DictMemory, without_any_all_is_as_it_was) {
  const ShmName name;
  lagoon::SegmentOptions options;
  options.reserve = 1 << 20;
  options.participants = 8;
  const Segment segment = Segment::create(name, options);
  Dict<std::string, std::string> d{segment["d"]};
  Dict<> objects{segment["objects"]};
  objects["list"] = Object::list(1, 2);
  objects["n"] = 1;
  int n = 0;
  const auto fill = [&](std::size_t bytes) {
    try {
      for (;; ++n) d.set("key " + std::to_string(n), std::string(bytes, 'v'));
    } catch (const OutOfMemory& e) {
      EXPECT_NE(std::string(e.message()).find(name), std::string::npos) << e.message();
    }
  };
  for (const std::size_t bytes : {3000U, 700U, 50U, 1U}) fill(bytes);
  EXPECT_GT(n, 100);
  const auto before = d.items();
  ASSERT_EQ(before.size(), static_cast<std::size_t>(n));
  const Object objects_before = objects.copy();
  const std::string large(500'000, 'l');
  std::vector<std::pair<std::string, std::string>> many;
  for (int i = n - 50; i < n + 5000; ++i) many.emplace_back("key " + std::to_string(i), "new");
  const std::vector<std::function<void()>> all{
      [&] { d.set("new", large); },
      [&] { d.set("key 1", large); },
      [&] { d["key 1"] = large; },
      [&] { d["key 1"] += large; },
      [&] { d.setdefault("new", large); },
      [&] {
        d.update({{"key 1", "short"}, {"key 2", large}});
      },
      [&] { d.update(many); },
      [&] { d.update_value("key 1", [&](std::string& s) { s = large; }); },
      [&] { d.update_value("new", large, [](std::string&) {}); },
      [&] { d.compare_exchange("key 0", before[0].second, large); },
      [&] { objects["list"].append(large); },
      [&] { objects["list"][0] = large; },
      [&] { objects["n"] = Object::bytes(large); },
      [&] { objects[Object::tuple(1, Object(large))] = 1; }};
  for (int round = 0; round < 3; ++round)
    for (std::size_t i = 0; i < all.size(); ++i) {
      EXPECT_THROW(all[i](), OutOfMemory) << i;
      ASSERT_TRUE(d.items() == before) << i;
      ASSERT_EQ(d.size(), before.size()) << i;
      ASSERT_EQ(objects.copy(), objects_before) << i;
    }
  // What takes things out needs no memory; what they had is used again.
  EXPECT_TRUE(d.popitem() == before.back());
  EXPECT_TRUE(d.pop("key 0") == before[0].second);
  EXPECT_TRUE(d.discard("key 1"));
  d.erase("key 2");
  for (int i = 3; i < n - 1; ++i) ASSERT_TRUE(d.discard("key " + std::to_string(i)));
  EXPECT_TRUE(d.empty());
  // It was full to the brim: a few nodes of each size are kept back now.
  const std::size_t all_but_a_few = before.size() * 29 / 30;
  for (int round = 0; round < 10; ++round) {
    d.clear();
    EXPECT_TRUE(d.empty());
    for (std::size_t i = before.size() - all_but_a_few; i < before.size(); ++i)
      d.set(before[i].first, before[i].second);
    EXPECT_EQ(d.size(), all_but_a_few);
  }
}

// What short ones have left is used by long ones, and the other way round.
TEST(DictMemory, of_values_of_one_length_is_used_by_those_of_another) {
  lagoon::SegmentOptions options;
  options.reserve = 4 << 20;
  options.participants = 8;
  const auto fill = [](Dict<int, std::string>& d, std::size_t length) {
    try {
      for (int key = 0;; ++key) d[key] = std::string(length, 'x');
    } catch (const OutOfMemory&) {
    }
    return d.size();
  };
  const ShmName name, fresh_name;
  const Segment segment = Segment::create(name, options);
  Dict<int, std::string> d{segment["d"]};
  for (const std::size_t length : {10U, 3000U, 100U, 100'000U, 1U, 1'500'000U, 300U, 10U}) {
    SCOPED_TRACE(length);
    std::size_t in_fresh_memory = 0;
    {
      const Segment fresh = Segment::create(fresh_name, options);
      Dict<int, std::string> other{fresh["d"]};
      in_fresh_memory = fill(other, length);
    }
    Segment::remove(fresh_name);
    const std::size_t size = fill(d, length);
    EXPECT_GE(size, in_fresh_memory * 9 / 10);
    if (std::getenv("SHOW")) std::printf("%zu: %zu, fresh %zu\n", length, size, in_fresh_memory);
    // Not all of a sudden: one after the other, and some stay, first and last.
    for (int k = 1; k < static_cast<int>(size) - 1; ++k) d.erase(k);
    EXPECT_EQ(d.at(0), std::string(length, 'x'));
    d.clear();
  }
}

template <class K, class V, class F>
void expect_constant_memory(F&& change, int changes) {
  const ShmName name;
  const Segment segment = Segment::create(name);
  Dict<K, V> d{segment["d"]};
  std::size_t first = 0;
  // After as many, however few there are in all: by then each has been as large as it gets.
  const int first_after = changes / (with_tsan || with_asan ? 4 : 20);
  for (int i = 0; i < changes; ++i) {
    change(d, i);
    if (i == first_after) first = segment.used();
  }
  EXPECT_LE(segment.used(), first + first / 10) << "at first " << first;
}

TEST(DictMemory, is_constant_over_a_million_changes_of_as_much) {
  constexpr int many = with_tsan || with_asan ? 200'000 : 1'000'000;
  expect_constant_memory<int, std::int64_t>(
      [](auto& d, int i) {
        d.set(i, i);
        if (i >= 1000) d.erase(i - 1000);
      },
      many);
  expect_constant_memory<std::string, std::string>(
      [](auto& d, int i) {
        const auto n = static_cast<std::size_t>(i);
        d.set(std::to_string(i * 7919 % 1000), std::string(n * n % 2000, 'x'));
      },
      many / 4);
  expect_constant_memory<int, Object>(
      [](auto& d, int i) {
        if (i < 100) d[i] = Object::list();
        d[i % 100].append(i);
        if (d[i % 100].size() > 50) d[i % 100].clear();
      },
      many / 8);
  expect_constant_memory<int, std::string>(
      [](auto& d, int i) {
        d.set(i % 10, std::string(static_cast<std::size_t>(i) * 37 % 60'000, 'x'));
      },
      many / 25);
  expect_constant_memory<int, int>(
      [](auto& d, int i) {
        d.update({{i % 900, i}, {i * 7 % 900, i}, {10'000 + i, i}});
        if (i >= 10) d.discard(10'000 + i - 10);
      },
      many / 10);
  expect_constant_memory<int, int>(
      [](auto& d, int i) {
        d[i] = i;
        if (i % 2 == 1) (void)d.popitem();
        if (i % 500 == 499) d.clear();
      },
      many / 2);
}

// ---- Many processes -----------------------------------------------------------------------------

TEST(DictOfMany, adds_what_each_adds) {
  constexpr int processes = 8, times = with_tsan ? 200 : 3000;
  Dict<std::string, int> typed;
  Dict<> objects;
  for (const char* key : {"a", "b", "c"}) {
    typed[key] = 0;
    objects[key] = Object::list(0);
  }
  std::vector<Child> children;
  for (int p = 0; p < processes; ++p)
    children.emplace_back([&, p] {
      const std::array keys{"a", "b", "c"};
      for (int i = 0; i < times; ++i) {
        const auto* const key = keys[static_cast<std::size_t>(i + p) % 3];
        typed[key] += 1;
        objects[key][0] += 1;
        typed.update_value("new " + std::to_string(i), 0, [](int& x) { ++x; });
      }
    });
  for (Child& child : children) EXPECT_EQ(child.exitcode(), 0);
  EXPECT_EQ(typed.at("a") + typed.at("b") + typed.at("c"), processes * times);
  EXPECT_EQ(int(objects["a"][0]) + int(objects["b"][0]) + int(objects["c"][0]), processes * times);
  for (int i = 0; i < times; ++i) ASSERT_EQ(typed.at("new " + std::to_string(i)), processes);
  EXPECT_EQ(typed.size(), 3U + times);
}

TEST(DictOfMany, hands_each_item_to_one) {
  constexpr int processes = 6, items = with_tsan ? 600 : 12'000;
  Dict<int, int> d;
  for (int i = 0; i < items; ++i) d[i] = 5 * i;
  Dict<int, int> taken;
  for (int i = 0; i < items; ++i) taken[i] = 0;
  std::vector<Child> children;
  for (int p = 0; p < processes; ++p)
    children.emplace_back([&, p] {
      std::minstd_rand random(static_cast<unsigned>(p + 1));
      try {
        for (;;) {
          int key = static_cast<int>(random()) % items;
          int value = 5 * key;
          switch (random() % 3) {
            case 0:
              value = d.pop(key, -1);
              if (value < 0) continue;
              break;
            case 1:
              if (!d.discard(key)) continue;
              break;
            default:
              std::tie(key, value) = d.popitem();
          }
          EXPECT_EQ(value, 5 * key);
          taken[key] += 1;
        }
      } catch (const OutOfRange&) {
        EXPECT_TRUE(d.empty());
      }
    });
  for (Child& child : children) EXPECT_EQ(child.exitcode(), 0);
  EXPECT_TRUE(d.empty());
  for (const auto& [key, times] : taken.items()) ASSERT_EQ(times, 1) << key;
}

TEST(DictOfMany, makes_each_key_once) {
  constexpr int processes = 6, keys = with_tsan ? 200 : 3000;
  Dict<int, int> d;
  const lagoon::test::Shared<std::array<std::atomic<int>, keys>> made;
  std::vector<Child> children;
  for (int p = 0; p < processes; ++p)
    children.emplace_back([&, p] {
      for (int i = 0; i < keys; ++i)
        if (d.setdefault(i, p) == p) ++(*made)[static_cast<std::size_t>(i)];
    });
  for (Child& child : children) EXPECT_EQ(child.exitcode(), 0);
  for (const auto& count : *made) ASSERT_EQ(count, 1);
}

// What stays is met once by every walk, in order, whatever else comes and goes.
TEST(DictOfMany, is_walked_while_others_change_it) {
  constexpr int kept = 20, walks = with_tsan ? 100 : 2000;
  Dict<std::string, std::string> d;
  for (int i = 0; i < kept; ++i) d["kept " + std::to_string(i)] = "0";
  SharedFlags stop;
  std::vector<Child> writers;
  for (unsigned p = 0; p < 2; ++p)
    writers.emplace_back([&, p] {
      std::minstd_rand random(p + 1);
      for (int i = 0; stop.count() == 0; ++i) {
        const std::string other = std::to_string(random() % 40);
        if (random() % 2 != 0)
          d[other] = std::string(random() % 6000, 'o');
        else
          d.discard(other);
        d["kept " + std::to_string(random() % kept)] = std::to_string(i);
      }
    });
  for (int walk = 0; walk < walks; ++walk) {
    int next = 0;
    for (const auto& [key, value] : d) {
      if (!key.starts_with("kept")) {
        ASSERT_EQ(value.find_first_not_of('o'), std::string::npos) << "torn";
        continue;
      }
      ASSERT_EQ(key, "kept " + std::to_string(next++));
      ASSERT_NE(std::stoi(value), -1);
    }
    ASSERT_EQ(next, kept);
    ASSERT_GE(d.size(), static_cast<std::size_t>(kept));
  }
  stop.raise();
  for (Child& writer : writers) EXPECT_EQ(writer.exitcode(), 0);
}

// One moves amounts between accounts, a new one sometimes among them: the sum is the same always.
TEST(DictOfMany, is_copied_as_it_was_at_one_time) {
  constexpr int accounts = 12, copies = with_tsan ? 300 : 20'000;
  const ShmName name;
  const Segment segment = Segment::create(name);
  Dict<int, std::int64_t> d{segment["d"]};
  Dict<> objects{segment["objects"]};
  for (int i = 0; i < accounts; ++i) {
    d[i] = 1000;
    objects[i] = 1000;
  }
  SharedFlags stop;
  std::vector<Child> children;
  children.emplace_back([&] {
    std::minstd_rand random(1);
    while (stop.count() == 0) {
      const int from = static_cast<int>(random() % accounts);
      const int to = (from + 1 + static_cast<int>(random() % (accounts - 1))) % accounts;
      const auto amount = static_cast<std::int64_t>(random() % 100);
      d.update({{from, d.at(from) - amount}, {to, d.at(to) + amount}});
      objects.update({{from, Object(objects[from]) - amount}, {to, Object(objects[to]) + amount}});
      if (random() % 8 != 0) continue;
      const std::int64_t all = d.at(from);
      const int aside = accounts + static_cast<int>(random() % 100);
      d.update({{from, all - 5}, {aside, 5}});
      d.update({{from, all}, {aside, 0}});
      d.erase(aside);
    }
  });
  const auto look = [&](auto& typed, auto& of_objects, int times) {
    for (int i = 0; i < times; ++i) {
      std::int64_t sum = 0;
      for (const auto& [key, value] : typed.items()) sum += value;
      ASSERT_EQ(sum, accounts * 1000);
      const std::vector<std::int64_t> values = typed.values();
      ASSERT_EQ(std::accumulate(values.begin(), values.end(), std::int64_t{0}), accounts * 1000);
      Object total = 0;
      const Object copy = of_objects.copy();
      for (const auto& [key, value] : copy.items()) total += value;
      ASSERT_EQ(total, Object(accounts * 1000));
    }
  };
  children.emplace_back([&] {
    const Segment read_only = Segment::open_read_only(name);
    const auto typed = read_only.find<Dict<int, const std::int64_t>>("d");
    const auto of_objects = read_only.find<Dict<Object, const Object>>("objects");
    look(*typed, *of_objects, copies / 10);
  });
  look(d, objects, copies);
  EXPECT_EQ(children[1].exitcode(), 0);
  stop.raise();
  EXPECT_EQ(children[0].exitcode(), 0);
}

TEST(DictOfMany, is_found_by_name_by_all) {
  const ShmName name;
  std::vector<Child> children;
  for (int p = 0; p < 6; ++p)
    children.emplace_back([&, p] {
      const Segment segment = Segment::open_or_create(name);
      Dict<std::string, int> d{segment["d"]};
      d.update_value("all", 0, [](int& x) { ++x; });
      d[std::to_string(p)] = p;
    });
  for (Child& child : children) EXPECT_EQ(child.exitcode(), 0);
  const Segment segment = Segment::open(name);
  EXPECT_EQ((segment.find<Dict<std::string, int>>("d")->at("all")), 6);
  EXPECT_EQ((segment.find<Dict<std::string, int>>("d")->size()), 7U);
}

}  // namespace
