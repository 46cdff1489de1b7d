#include <lagoon/lagoon.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "child.hpp"
#include "expect_throw.hpp"
#include "shm_name.hpp"

namespace {

using lagoon::Namespace;
using lagoon::Object;
using lagoon::OutOfRange;
using lagoon::Segment;
using lagoon::test::Child;
using lagoon::test::expect_throw;
using lagoon::test::ShmName;

TEST(Namespace, has_attributes_by_name) {
  Namespace n;
  EXPECT_EQ(n.size(), 0U);
  n["x"] = 1;
  n["y"] = "two";
  n["x"] += 41;
  EXPECT_EQ(int(n["x"]), 42);
  EXPECT_TRUE(n["y"] == "two");
  EXPECT_EQ(n.get<std::string>("y"), "two");
  EXPECT_EQ(n.get("z", 3), Object(3));
  EXPECT_TRUE(n.get("z").is_none());
  EXPECT_TRUE(n.contains("x"));
  n["l"] = Object::list(1);
  n["l"].append(2);
  n["l"][0] = 0;
  EXPECT_EQ(n.at("l"), Object::list(0, 2));
  EXPECT_EQ(n.update_value("x", [](const Object& x) { return x + 1; }), Object(43));
  n.erase("y");
  EXPECT_FALSE(n.contains("y"));
  EXPECT_FALSE(n.discard("y"));
  EXPECT_EQ(n.size(), 2U);
}

TEST(Namespace, is_printed_as_in_Python) {
  Namespace n;
  n["x"] = 10;
  n["_hidden"] = 1;
  n["y"] = "hello";
  EXPECT_EQ(lagoon::str(n), "Namespace(x=10, y='hello')");
  EXPECT_EQ(lagoon::str(Namespace()), "Namespace()");
}

TEST(Namespace, says_what_is_missing) {
  Namespace n;
  const char* says = "AttributeError: 'Namespace' object has no attribute 'x'";
  expect_throw<OutOfRange>([&] { (void)n.at("x"); }, {says});
  expect_throw<OutOfRange>([&] { (void)int(n["x"]); }, {says});
  expect_throw<OutOfRange>([&] { n["x"] += 1; }, {says});
  expect_throw<OutOfRange>([&] { n.erase("x"); }, {says});
}

TEST(Namespace, is_found_by_name_and_is_no_dict) {
  const ShmName name;
  const auto segment = Segment::create(name);
  Namespace n{segment["config"]};
  n["rate"] = 0.5;
  Child child([&] {
    Namespace same{Segment::open(name)["config"]};
    same["rate"] = double(same["rate"]) * 2;
  });
  EXPECT_EQ(child.exitcode(), 0);
  EXPECT_EQ(double(n["rate"]), 1.0);
  expect_throw<lagoon::TypeMismatch>([&] { (void)segment.find<lagoon::Dict<>>("config"); },
                                     {"Namespace", "Dict<>"});
  EXPECT_TRUE(segment.find<Namespace>("config"));
  EXPECT_TRUE(segment.erase("config"));
  EXPECT_TRUE(n.gone());
  EXPECT_THROW(n["rate"] = 1, lagoon::Gone);
}

TEST(Namespace, loses_no_update_of_many_processes) {
  Namespace n;
  n["count"] = 0;
  std::vector<Child> children;
  for (int i = 0; i < 8; ++i)
    children.emplace_back([&] {
      for (int k = 0; k < 1000; ++k) n["count"] += 1;
    });
  for (Child& child : children) EXPECT_EQ(child.exitcode(), 0);
  EXPECT_EQ(int(n["count"]), 8000);
}

}  // namespace
