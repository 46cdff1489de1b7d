/// Containers whose types are known at run time: what typed ones hold is read and written through
/// Objects, byte for byte as they do it, and what is no element of theirs is refused.

#include <lagoon/any_container.hpp>
#include <lagoon/manager.hpp>

#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "expect_throw.hpp"
#include "shm_name.hpp"

namespace any_container_test {

struct Order {
  int id;
  double price;
};
struct Liar {
  std::int64_t a, b;
};

}  // namespace any_container_test

template <>
inline constexpr std::string_view lagoon::type_name<any_container_test::Order> = "Order";
template <>
inline constexpr std::string_view lagoon::type_name<any_container_test::Liar> = "double";

namespace {

using any_container_test::Liar;
using any_container_test::Order;
using lagoon::AnyDict;
using lagoon::AnyJoinableQueue;
using lagoon::AnyList;
using lagoon::AnyQueue;
using lagoon::Dict;
using lagoon::List;
using lagoon::Object;
using lagoon::Queue;
using lagoon::Segment;
using lagoon::test::expect_throw;
using lagoon::test::ShmName;

class AnyContainers : public testing::Test {
 protected:
  ShmName name_;
  Segment segment_ = Segment::create(name_);
};

// ---- Every type, both ways -------------------------------------------------------------------

/// Some of a type, for a number; the large ones do not fit near.
template <class T>
struct Some {
  static T of(unsigned i) {
    if constexpr (std::is_same_v<T, bool>)
      return i % 2 == 1;
    else if constexpr (std::is_same_v<T, char>)
      return static_cast<char>('a' + i % 26);
    else if constexpr (std::is_floating_point_v<T>)
      return static_cast<T>(i) / 4 - 3;
    else if constexpr (std::is_integral_v<T>)
      return static_cast<T>(i * 2654435761U);
    else
      return Object(i % 3 == 0 ? Object(i) : i % 3 == 1 ? Object(std::to_string(i)) : Object());
  }
};
template <>
struct Some<std::string> {
  static std::string of(unsigned i) {
    const std::size_t sizes[] = {0, 3, 40, 900, 1100, 5000, 40'000};
    return std::to_string(i) + std::string(sizes[i % 7], static_cast<char>('a' + i % 26));
  }
};
template <class T>
struct Some<std::vector<T>> {
  static std::vector<T> of(unsigned i) {
    const std::size_t many[] = {0, 1, 30, 700, 3000}, few[] = {0, 1, 2, 3, 4};
    std::vector<T> all;
    for (std::size_t k = 0; k < (std::is_arithmetic_v<T> ? many : few)[i % 5]; ++k)
      all.push_back(Some<T>::of(i + static_cast<unsigned>(k) * 5));
    return all;
  }
};
template <>
struct Some<std::vector<std::byte>> {
  static std::vector<std::byte> of(unsigned i) {
    return std::vector<std::byte>(i % 3 == 0 ? i * 200 : i, static_cast<std::byte>(i));
  }
};
template <class A, class B>
struct Some<std::pair<A, B>> {
  static std::pair<A, B> of(unsigned i) { return {Some<A>::of(i), Some<B>::of(i + 1)}; }
};
template <class... T>
struct Some<std::tuple<T...>> {
  static std::tuple<T...> of(unsigned i) { return {Some<T>::of(i)...}; }
};

/// A list is no key, but a tuple is.
template <class K>
Object key_of(const K& key) {
  if constexpr (!std::is_same_v<K, std::string> && requires(K some) { some.pop_back(); })
    return Object::tuple_of(key);
  else
    return key;
}

/// What a typed program has put is what is found, and the other way round, whatever is changed by
/// which of the two.
template <class K, class V>
void expect_same_dict(const Segment& segment, const char* name) {
  SCOPED_TRACE(name);
  Dict<K, V> typed{segment[name]};
  AnyDict any = segment.find<AnyDict>(name).value();
  std::uniform_int_distribution<unsigned> any_number;
  std::mt19937 engine(7);
  const auto random = [&] { return any_number(engine); };
  for (unsigned step = 0; step < 400; ++step) {
    const unsigned i = random() % 40;
    const K key = Some<K>::of(i);
    const V value = Some<V>::of(random() % 1000);
    const Object object = key_of(key);
    switch (random() % 8) {
      case 0:
        typed.set(key, value);
        break;
      case 1:
        any.set(object, value);
        break;
      case 2: {
        const bool was_there = typed.contains(key);
        EXPECT_EQ(any.discard(object), was_there);
        break;
      }
      case 3: {
        const bool was_there = any.contains(object);
        EXPECT_EQ(typed.discard(key), was_there);
        break;
      }
      case 4: {
        const Object there = any.setdefault(object, value);
        EXPECT_EQ(there, Object(typed.at(key)));
        break;
      }
      case 5:
        any.update({{object, value}, {key_of(Some<K>::of(i + 1)), value}});
        break;
      case 6: {
        const Object expected = typed.contains(key) ? Object(typed.at(key)) : Object("none");
        EXPECT_EQ(any.pop(object, "none"), expected);
        break;
      }
      default:
        if (typed.contains(key)) {
          EXPECT_TRUE(any.compare_exchange(object, typed.at(key), value));
          EXPECT_EQ(typed.at(key), value);
        }
    }
    const auto found = typed.find(key);
    EXPECT_EQ(any.find(object), found ? std::optional(Object(*found)) : std::nullopt);
  }
  const auto items = typed.items();
  const auto objects = any.items();
  ASSERT_EQ(objects.size(), items.size());
  ASSERT_FALSE(items.empty());
  EXPECT_EQ(any.keys().size(), items.size());
  for (std::size_t i = 0; i < items.size(); ++i) {
    EXPECT_EQ(objects[i].first, key_of(items[i].first));
    EXPECT_EQ(objects[i].second, Object(items[i].second));
    EXPECT_EQ(any.values()[i], objects[i].second);
  }
  const auto [key, value] = any.popitem();
  EXPECT_EQ(key, objects.back().first);
  EXPECT_EQ(value, objects.back().second);
  any.clear();
  EXPECT_TRUE(typed.empty());
}

TEST_F(AnyContainers, dicts_of_every_type) {
  expect_same_dict<std::string, double>(segment_, "str, double");
  expect_same_dict<std::string, std::string>(segment_, "str, str");
  expect_same_dict<std::string, Object>(segment_, "str, object");
  expect_same_dict<Object, std::int32_t>(segment_, "object, int32");
  expect_same_dict<std::int64_t, std::vector<double>>(segment_, "int64, list[double]");
  expect_same_dict<std::uint64_t, bool>(segment_, "uint64, bool");
  expect_same_dict<std::int8_t, float>(segment_, "int8, float");
  expect_same_dict<double, std::uint16_t>(segment_, "double, uint16");
  expect_same_dict<char, std::vector<bool>>(segment_, "char, list[bool]");
  expect_same_dict<std::pair<std::string, int>, std::tuple<char, std::string>>(segment_,
                                                                               "tuple, tuple");
  expect_same_dict<std::vector<std::string>, std::vector<std::byte>>(segment_, "list[str], bytes");
  expect_same_dict<std::string, std::vector<std::vector<int>>>(segment_, "str, lists");
}

template <class T>
void expect_same_list(const Segment& segment, const char* name) {
  SCOPED_TRACE(name);
  List<T> typed{segment[name]};
  AnyList any = segment.find<AnyList>(name).value();
  const auto some = [](unsigned i) { return Some<T>::of(i); };
  for (unsigned i = 0; i < 8; ++i) typed.append(some(i));
  for (unsigned i = 8; i < 16; ++i) any.append(some(i));
  any.insert(3, some(100));
  typed.insert(5, some(101));
  any.set(-1, some(102));
  any *= 2;
  any.assign_slice(2, 4, 1, Object::list(some(103), some(104), some(105)));
  any.assign_slice(0, {}, 8, Object::list(some(1), some(2), some(3), some(4), some(5)));
  any.extend(Object::list(some(6), some(7)));
  EXPECT_TRUE(any.change_value(4, [&](Object& x) {
    EXPECT_EQ(x, Object(T(typed.at(4))));
    x = some(106);
    return true;
  }));
  EXPECT_EQ(typed.at(4), some(106));
  any.erase(6);
  any.erase_slice(9, 12, 2);
  any.reverse();
  const auto elements = typed.slice();
  ASSERT_EQ(any.size(), elements.size());
  EXPECT_EQ(any.copy(), Object(Object::list_of(elements)));
  const Object last(T(elements.back()));
  EXPECT_EQ(any.index(last), typed.index(elements.back()));
  EXPECT_EQ(any.count(last), typed.count(elements.back()));
  EXPECT_TRUE(any.contains(last));
  EXPECT_EQ(any.pop(), last);
  const Object first = any.at(0);
  any.remove(first);
  EXPECT_EQ(typed.size(), elements.size() - 2);
}

TEST_F(AnyContainers, lists_of_every_type) {
  expect_same_list<bool>(segment_, "bool");
  expect_same_list<char>(segment_, "char");
  expect_same_list<std::int16_t>(segment_, "int16");
  expect_same_list<double>(segment_, "double");
  expect_same_list<std::string>(segment_, "str");
  expect_same_list<Object>(segment_, "object");
  expect_same_list<std::vector<int>>(segment_, "list[int32]");
  expect_same_list<std::vector<std::byte>>(segment_, "bytes");
  expect_same_list<std::tuple<std::string, float>>(segment_, "tuple[str, float]");
}

TEST_F(AnyContainers, lists_are_sorted_as_objects_are) {
  List<double> typed{segment_["l"]};
  typed.extend({3.0, 1.0, 2.0});
  AnyList any = segment_.find<AnyList>("l").value();
  any.sort();
  EXPECT_EQ(typed.slice(), (std::vector{1.0, 2.0, 3.0}));
  any.sort(std::greater<>());
  EXPECT_EQ(typed.slice(), (std::vector{3.0, 2.0, 1.0}));
}

template <class T, class TypedQueue, class Any>
void expect_same_queue(const Segment& segment, const char* name) {
  SCOPED_TRACE(name);
  TypedQueue typed{segment[name]};
  Any any = segment.find<Any>(name).value();
  for (unsigned i = 0; i < 12; ++i) {
    typed.put(Some<T>::of(i));
    EXPECT_EQ(any.get(), Object(Some<T>::of(i)));
    any.put(Some<T>::of(i + 100));
    EXPECT_EQ(typed.get(), Some<T>::of(i + 100));
  }
  EXPECT_EQ(any.try_get(), std::nullopt);
  EXPECT_TRUE(any.empty());
}

TEST_F(AnyContainers, queues_of_every_type) {
  const auto of = [&]<class T>(std::type_identity<T>, const std::string& name) {
    expect_same_queue<T, Queue<T>, AnyQueue>(segment_, ("q" + name).c_str());
    expect_same_queue<T, lagoon::JoinableQueue<T>, AnyJoinableQueue>(segment_,
                                                                     ("j" + name).c_str());
  };
  of(std::type_identity<bool>(), "bool");
  of(std::type_identity<int>(), "int");
  of(std::type_identity<double>(), "double");
  of(std::type_identity<std::string>(), "str");
  of(std::type_identity<Object>(), "object");
  of(std::type_identity<std::vector<double>>(), "list");
  of(std::type_identity<std::pair<std::string, std::int64_t>>(), "tuple");
}

TEST_F(AnyContainers, tasks_are_done) {
  lagoon::JoinableQueue<int> typed{segment_["tasks"]};
  typed.put(1);
  AnyJoinableQueue any = segment_.find<AnyJoinableQueue>("tasks").value();
  EXPECT_EQ(any.get(), 1);
  any.task_done();
  any.join();
  EXPECT_TRUE(typed.join_for(std::chrono::seconds(10)));
}

TEST_F(AnyContainers, a_full_queue_says_so) {
  const Queue<int> typed{segment_["q"], 2};
  AnyQueue any = segment_.find<AnyQueue>("q").value();
  EXPECT_TRUE(any.try_put(1));
  EXPECT_TRUE(any.try_put(2));
  EXPECT_FALSE(any.try_put(3));
  EXPECT_TRUE(any.full());
  EXPECT_EQ(any.type(), "Queue<int32>[2]");
}

// ---- What is special -------------------------------------------------------------------------

TEST_F(AnyContainers, say_what_they_are) {
  const Dict<std::string, double> dict{segment_["d"]};
  const List<> list{segment_["l"]};
  EXPECT_EQ(segment_.find<AnyDict>("d")->type(), "Dict<str, double>");
  EXPECT_EQ(segment_.find<AnyList>("l")->type(), "List<>");
  EXPECT_FALSE(segment_.find<AnyDict>("nothing"));
  expect_throw<lagoon::TypeMismatch>([&] { (void)segment_.find<AnyDict>("l"); },
                                     {"'l'", "is List<>", "asked for was Dict"});
  const std::string says =
      expect_throw<lagoon::TypeMismatch>([&] { (void)segment_.find<AnyQueue>("l"); });
  EXPECT_TRUE(says.ends_with("asked for was Queue")) << says;
}

TEST_F(AnyContainers, are_printed_as_the_typed_ones_are) {
  Dict<std::string, double> dict{segment_["d"]};
  dict["gold"] = 1.5;
  List<char> list{segment_["l"]};
  list.append('x');
  Queue<int> queue{segment_["q"], 3};
  queue.put(1);
  const lagoon::JoinableQueue<int> tasks{segment_["t"]};
  EXPECT_EQ(lagoon::str(segment_.find<AnyDict>("d").value()), lagoon::str(dict));
  EXPECT_EQ(lagoon::str(segment_.find<AnyList>("l").value()), lagoon::str(list));
  EXPECT_EQ(lagoon::str(segment_.find<AnyQueue>("q").value()), lagoon::str(queue));
  EXPECT_EQ(lagoon::str(segment_.find<AnyJoinableQueue>("t").value()), lagoon::str(tasks));
}

TEST_F(AnyContainers, wait_no_longer_than_they_may) {
  const Queue<int> typed{segment_["q"], 1};
  AnyQueue queue = segment_.find<AnyQueue>("q").value();
  using std::chrono_literals::operator""ms;
  EXPECT_THROW(queue.get(1ms), lagoon::Empty);
  EXPECT_THROW(queue.get_nowait(), lagoon::Empty);
  queue.put_nowait(7);
  EXPECT_THROW(queue.put(8, 1ms), lagoon::Full);
  EXPECT_THROW(queue.put_nowait(8), lagoon::Full);
  EXPECT_EQ(queue.get(1ms), 7);
  lagoon::JoinableQueue<int> tasks{segment_["t"]};
  tasks.put(1);
  AnyJoinableQueue any = segment_.find<AnyJoinableQueue>("t").value();
  EXPECT_FALSE(any.join_for(1ms));
}

TEST_F(AnyContainers, what_is_not_of_the_type_is_refused_and_nothing_has_changed) {
  Dict<std::string, std::int8_t> dict{segment_["d"]};
  dict["a"] = 1;
  AnyDict any = segment_.find<AnyDict>("d").value();
  expect_throw<lagoon::TypeMismatch>([&] { any.set("a", "x"); }, {"'x'", "str", "int"});
  expect_throw<lagoon::TypeMismatch>([&] { any.set("a", 1.5); }, {"1.5", "float"});
  expect_throw<lagoon::OutOfRange>([&] { any.set("a", 128); }, {"128"});
  expect_throw<lagoon::TypeMismatch>([&] { any.set(1, 1); }, {"1", "int", "str"});
  expect_throw<lagoon::TypeMismatch>([&] { any.update({{"b", 2}, {"a", "x"}}); }, {"'x'"});
  EXPECT_EQ(any.copy().repr(), "{'a': 1}");
  List<std::pair<std::string, int>> list{segment_["l"]};
  AnyList any_list = segment_.find<AnyList>("l").value();
  EXPECT_THROW(any_list.append(Object::tuple("a")), lagoon::InvalidArgument);
  EXPECT_THROW(any_list.append(Object::tuple("a", "b")), lagoon::TypeMismatch);
  EXPECT_THROW(any_list.extend(Object::list(Object::tuple("a", 1), 2)), lagoon::TypeMismatch);
  EXPECT_TRUE(list.empty());
}

TEST_F(AnyContainers, a_key_of_another_type_is_not_there) {
  Dict<std::int8_t, int> dict{segment_["d"]};
  dict[1] = 2;
  AnyDict any = segment_.find<AnyDict>("d").value();
  for (const Object& key :
       {Object("a"), Object(1.5), Object(1000), Object(), Object::tuple(1, 2)}) {
    EXPECT_FALSE(any.contains(key));
    EXPECT_EQ(any.get(key, "none"), "none");
    EXPECT_FALSE(any.discard(key));
    EXPECT_EQ(any.pop(key, "none"), "none");
    expect_throw<lagoon::OutOfRange>([&] { (void)any.at(key); }, {"KeyError: " + key.repr()});
    expect_throw<lagoon::OutOfRange>([&] { any.erase(key); }, {"KeyError: " + key.repr()});
    expect_throw<lagoon::OutOfRange>([&] { any.pop(key); }, {"KeyError: " + key.repr()});
  }
  Dict<std::pair<int, int>, int> by_pair{segment_["pairs"]};
  EXPECT_FALSE(segment_.find<AnyDict>("pairs")->contains(Object::tuple(1)));
  EXPECT_EQ(any.at(1), 2);
  EXPECT_THROW((void)any.contains(Object::list(1)), lagoon::TypeMismatch);  // unhashable
  expect_throw<lagoon::OutOfRange>([&] { any.pop(2); }, {"KeyError: 2"});
  EXPECT_EQ(any.pop(1), 2);
}

TEST_F(AnyContainers, keys_are_compared_as_the_typed_ones_do) {
  Dict<double, int> by_float{segment_["f"]};
  by_float[0.0] = 1;
  AnyDict floats = segment_.find<AnyDict>("f").value();
  EXPECT_EQ(floats.at(-0.0), 1);
  floats.set(-0.0, 2);
  floats.set(1, 3);  // an int is a float too
  EXPECT_EQ(by_float.at(0.0), 2);
  EXPECT_EQ(by_float.at(1.0), 3);
  EXPECT_EQ(by_float.size(), 2U);

  Dict<Object, int> by_object{segment_["o"]};
  by_object[1] = 1;
  AnyDict objects = segment_.find<AnyDict>("o").value();
  objects.set(1.0, 2);
  objects.update({{Object(true), 3}, {Object(2), 4}, {Object(2.0), 5}});
  EXPECT_EQ(by_object.at(1), 3);
  EXPECT_EQ(by_object.at(2), 5);
  EXPECT_EQ(by_object.size(), 2U);
}

TEST_F(AnyContainers, text_that_is_no_utf8_comes_and_goes_as_bytes) {
  List<std::string> list{segment_["l"]};
  list.append("\xff\xfe");
  AnyList any = segment_.find<AnyList>("l").value();
  const Object bytes = any.at(0);
  EXPECT_EQ(bytes, Object::bytes(std::string_view("\xff\xfe")));
  any.append(bytes);
  EXPECT_EQ(list.at(1), "\xff\xfe");
  EXPECT_THROW(any.append(Object::bytes(std::string_view("text"))), lagoon::TypeMismatch);
}

TEST_F(AnyContainers, what_only_its_program_knows_is_refused_by_name) {
  Dict<std::string, Order> dict{segment_["book"]};
  dict.set("gold", {1, 2});
  AnyDict any = segment_.find<AnyDict>("book").value();
  EXPECT_EQ(any.size(), 1U);
  expect_throw<lagoon::TypeMismatch>([&] { (void)any.at("gold"); },
                                     {"'book'", "Dict<str, Order>", "known to all"});
  const List<Liar> liar{segment_["liar"]};  // calls itself a double
  AnyList as_list = segment_.find<AnyList>("liar").value();
  EXPECT_THROW(as_list.append(1.0), lagoon::TypeMismatch);
  using Pair = std::pair<std::string, std::string>;
  const Queue<std::tuple<Pair, Pair, Pair, Pair>> longest{segment_["long"]};
  AnyQueue as_queue = segment_.find<AnyQueue>("long").value();
  EXPECT_TRUE(as_queue.empty());
  expect_throw<lagoon::TypeMismatch>([&] { (void)as_queue.try_put("x"); }, {"39 characters"});
}

TEST_F(AnyContainers, references_are_kept_as_the_typed_ones_keep_them) {
  Dict<std::string, Object> dict{segment_["d"]};
  AnyDict any = segment_.find<AnyDict>("d").value();
  {
    const List<int> list{segment_.nameless()};
    any.set("l", list);
  }
  segment_.acknowledge_erased();
  List<int> same{dict["l"]};
  same.append(5);
  EXPECT_EQ(any["l"].size(), 1U);
  expect_throw<lagoon::TypeMismatch>([&] { any.set(Object(same), 1); }, {});
}

TEST_F(AnyContainers, nested_typed_ones_are_reached_in_place) {
  Dict<> dict{segment_["d"]};
  const List<double> list{segment_.nameless()};
  dict["l"] = list;
  dict["l"].append(1.5);
  dict["l"][0] += 1;
  EXPECT_EQ(list.at(0), 2.5);
  expect_throw<lagoon::TypeMismatch>([&] { dict["l"].append("x"); }, {"'x'"});
  const Dict<std::string, int> inner{segment_.nameless()};
  dict["i"] = inner;
  dict["i"]["k"] = 7;
  EXPECT_EQ(inner.at("k"), 7);
  EXPECT_EQ(Object(dict["i"]).str(), "{'k': 7}");
}

TEST_F(AnyContainers, an_element_is_updated_in_one_step) {
  Dict<std::string, std::int64_t> dict{segment_["d"]};
  dict["n"] = 1;
  AnyDict any = segment_.find<AnyDict>("d").value();
  any["n"] += 2;
  EXPECT_EQ(dict.at("n"), 3);
  EXPECT_FALSE(any.change_value("n", [](Object& x) {
    x = 9;
    return false;
  }));
  EXPECT_EQ(dict.at("n"), 3);
  EXPECT_FALSE(any.compare_exchange("n", 4, 5));
  EXPECT_TRUE(any.compare_exchange("n", 3, 5));
  EXPECT_EQ(dict.at("n"), 5);
}

TEST_F(AnyContainers, what_was_erased_is_gone) {
  Dict<std::string, int> dict{segment_["d"]};
  AnyDict any = segment_.find<AnyDict>("d").value();
  segment_.erase("d");
  EXPECT_THROW((void)any.size(), lagoon::Gone);
  EXPECT_THROW((void)any.find("a"), lagoon::Gone);
  EXPECT_THROW(any.set("a", 1), lagoon::Gone);
}

}  // namespace
