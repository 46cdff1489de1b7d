/// Killed at every instruction: who changes a container whose types are known at run time. How, and
/// how to add one: support/either_or.hpp.

#include <lagoon/any_container.hpp>

#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "helpers.hpp"

namespace {

using lagoon::AnyDict;
using lagoon::AnyJoinableQueue;
using lagoon::AnyList;
using lagoon::AnyQueue;
using lagoon::Dict;
using lagoon::JoinableQueue;
using lagoon::List;
using lagoon::Object;
using lagoon::Place;
using lagoon::Queue;
using lagoon::test::OfObject;
using lagoon::test::Seen;

/// With one that lies far.
std::string large(int x) { return std::string(4500 + static_cast<std::size_t>(x), 'x'); }

TEST(EveryOperation, of_a_dict_of_any_types) {
  const OfObject<AnyDict> dict{.type = "AnyDict",
                               .states = {{"some",
                                           [](const Place& p) {
                                             Dict<std::string, std::string> d(p);
                                             d["a"] = large(0);
                                             d["b"] = "short";
                                             return AnyDict(Object(d));
                                           }}},
                               .look =
                                   [](AnyDict& d) {
                                     const Seen seen{d.copy().repr()};
                                     d.set("new", "after it");
                                     EXPECT_EQ(d.pop("new"), "after it");
                                     d.clear();
                                     EXPECT_TRUE(d.empty());
                                     return seen;
                                   },
                               .read = [](AnyDict& d) { return Seen{d.copy().repr()}; }};
  dict.kill({"set", [](AnyDict& d, int x) { d.set("b", large(x)); }});
  dict.kill({"update", [](AnyDict& d, int x) { d.update({{"a", "short"}, {"b", large(x)}}); }});
  dict.kill({"popitem", [](AnyDict& d, int) { (void)d.popitem(); }});
}

TEST(EveryOperation, of_a_list_of_any_type) {
  const OfObject<AnyList> list{.type = "AnyList",
                               .states = {{"some",
                                           [](const Place& p) {
                                             List<std::string> l(p);
                                             l.extend({std::string("short"), large(0)});
                                             return AnyList(Object(l));
                                           }}},
                               .look =
                                   [](AnyList& l) {
                                     const Seen seen{l.copy().repr()};
                                     l.append("after it");
                                     EXPECT_EQ(l.pop(), "after it");
                                     l.clear();
                                     EXPECT_TRUE(l.empty());
                                     return seen;
                                   },
                               .read = [](AnyList& l) { return Seen{l.copy().repr()}; }};
  list.kill({"append", [](AnyList& l, int x) { l.append(large(x)); }});
  list.kill({"assign_slice",
             [](AnyList& l, int x) { l.assign_slice(0, 1, 1, Object::list(large(x), "short")); }});
}

template <class Any, class Typed>
OfObject<Any> of_queue(const char* type) {
  return {.type = type,
          .states = {{"some",
                      [](const Place& p) {
                        Typed q(p);
                        for (const int i : {1, 2}) q.put(i);
                        return Any(Object(q));
                      }}},
          .look = [](Any& q) {
            std::string seen = std::to_string(q.qsize()) + ":";
            while (const std::optional<Object> x = q.try_get()) seen += ' ' + x->repr();
            q.put(7);
            EXPECT_EQ(q.try_get(), std::optional<Object>(7));
            return Seen{seen};
          }};
}

TEST(EveryOperation, of_a_queue_of_any_type) {
  const auto queue = of_queue<AnyQueue, Queue<int>>("AnyQueue");
  queue.kill({"try_put", [](AnyQueue& q, int x) { (void)q.try_put(100 + x); }});
  queue.kill({"try_get", [](AnyQueue& q, int) { (void)q.try_get(); }});
  const auto tasks = of_queue<AnyJoinableQueue, JoinableQueue<int>>("AnyJoinableQueue");
  tasks.kill({"try_put", [](AnyJoinableQueue& q, int x) { (void)q.try_put(100 + x); }});
}

}  // namespace
