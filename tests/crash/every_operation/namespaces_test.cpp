/// Killed at every instruction: attributes that are set, changed and erased. What it is made of has
/// more of these: dicts_test.cpp. How, and how to add one: support/either_or.hpp.

#include <lagoon/lagoon.hpp>

#include <gtest/gtest.h>

#include <string>

#include "helpers.hpp"

namespace {

using lagoon::Namespace;
using lagoon::Object;
using lagoon::Place;
using lagoon::test::OfObject;
using lagoon::test::Seen;

TEST(EveryOperation, of_a_namespace) {
  const OfObject<Namespace> of{.type = "Namespace",
                               .states = {{"empty", [](const Place& p) { return Namespace(p); }},
                                          {"some",
                                           [](const Place& p) {
                                             Namespace n(p);
                                             n["x"] = 1;
                                             n["y"] = Object::list(1, 2);
                                             return n;
                                           }}},
                               .look =
                                   [](Namespace& n) {
                                     Seen seen{lagoon::str(n)};
                                     n["after"] = 1;
                                     n.erase("after");
                                     EXPECT_EQ(lagoon::str(n), seen[0]) << "torn";
                                     return seen;
                                   },
                               .read = [](Namespace& n) { return Seen{lagoon::str(n)}; }};
  of.kill({"set", [](Namespace& n, int x) { n["x"] = x; }});
  of.kill({"discard", [](Namespace& n, int x) { n.discard(x == 1 ? "x" : "y"); }});
  of.kill({"an element's update", [](Namespace& n, int x) {
             if (n.contains("x")) n["x"] += x;
           }});
}

}  // namespace
