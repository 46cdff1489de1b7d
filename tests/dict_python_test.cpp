/// Dict beside Python's: sequences of operations at random, which python3's dict does as well
/// (dict_oracle.py): results, order, what is shown, and what errors say. The seed is printed;
/// LAGOON_TEST_SEED=n repeats it.

#include <lagoon/dict.hpp>
#include <lagoon/object.hpp>
#include <lagoon/print.hpp>

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <random>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ask_python.hpp"

namespace lagoon {
namespace {

/// An Object, and how Python makes the same.
struct Made {
  Object object;
  std::string python;
};
/// A statement, and what it does here; of an expression the repr of its value.
struct Step {
  std::string python;
  std::function<std::string(Dict<>&)> run;
};

class Maker {
 public:
  explicit Maker(std::uint64_t seed) : random_(seed) {}

  Step step() {
    const Made k = key(), v = value();
    const std::string at = "d[" + k.python + "]";
    switch (random_() % 26) {
      case 0:
        return {at, [=](auto& d) { return d.at(k.object).repr(); }};
      case 1:
        return {"del " + at, [=](auto& d) { return d.erase(k.object), ""; }};
      case 2:
        return {"d.get(" + k.python + ")", [=](auto& d) { return d.get(k.object).repr(); }};
      case 3:
        return {"d.get(" + k.python + ", " + v.python + ")",
                [=](auto& d) { return d.get(k.object, v.object).repr(); }};
      case 4:
        // Python does not look at the key if the dict is empty.
        return {"(hash(" + k.python + "), d.pop(" + k.python + "))[1]",
                [=](auto& d) { return d.pop(k.object).repr(); }};
      case 5:
        return {"(hash(" + k.python + "), d.pop(" + k.python + ", " + v.python + "))[1]",
                [=](auto& d) { return d.pop(k.object, v.object).repr(); }};
      case 6:
        return {"d.popitem()", [=](auto& d) {
                  auto [key, value] = d.popitem();
                  return Object::tuple(std::move(key), std::move(value)).repr();
                }};
      case 7:
        return {"d.setdefault(" + k.python + ", " + v.python + ")",
                [=](auto& d) { return d.setdefault(k.object, v.object).repr(); }};
      case 8:
        return {"d.setdefault(" + k.python + ")",
                [=](auto& d) { return d.setdefault(k.object).repr(); }};
      case 9:
        return update();
      case 10:
        if (random_() % 8 != 0) break;
        return {"d.clear()", [=](auto& d) { return d.clear(), "None"; }};
      case 11:
        return {"len(d)", [=](auto& d) { return std::to_string(d.size()); }};
      case 12:
      case 13:
        return {k.python + " in d",
                [=](auto& d) { return std::string(d.contains(k.object) ? "True" : "False"); }};
      case 14:
        return {"list(d)", [=](auto& d) { return Object(d.keys()).repr(); }};
      case 15:
        return {"list(d.values())", [=](auto& d) { return Object(d.values()).repr(); }};
      case 16:
        return {"list(d.items())", [=](auto& d) {
                  Object items = Object::list();
                  for (const auto& [key, value] : d) items.append(Object::tuple(key, value));
                  return items.repr();
                }};
      case 17:
        return {"d.copy()", [=](auto& d) { return d.copy().repr(); }};
      case 18:
        // In Python a list takes anything iterable by +=, here only what it takes by +.
        return {at + " += " + v.python + " if type(d.get(" + k.python + ")) is not list or type(" +
                    v.python + ") is list else []",
                [=](auto& d) {
                  const bool is_list = d.get(k.object).kind() == Object::Kind::list &&
                                       v.object.kind() != Object::Kind::list;
                  return d[k.object] += is_list ? Object::list() : v.object, "";
                }};
      case 19: {
        return {at + ".append(" + v.python + ")",
                [=](auto& d) { return d[k.object].append(v.object), "None"; }};
      }
      case 20: {
        const Made inner = index();
        return {at + "[" + inner.python + "] = " + v.python,
                [=](auto& d) { return d[k.object][inner.object] = v.object, ""; }};
      }
      case 21: {
        const Made inner = index();
        return {"'characters' if isinstance(" + at + ", (str, bytes)) else " + at + "[" +
                    inner.python + "]",
                [=](auto& d) {
                  const Object in = d.at(k.object);
                  const bool has_characters =
                      in.kind() == Object::Kind::str || in.kind() == Object::Kind::bytes;
                  return has_characters ? "'characters'" : Object(d[k.object][inner.object]).repr();
                }};
      }
      default:
        break;
    }
    return {at + " = " + v.python, [=](auto& d) { return d[k.object] = v.object, ""; }};
  }

 private:
  Step update() {
    Object items = Object::dict();
    std::string python = "{";
    for (auto n = random_() % 6; n != 0; --n) {
      const Made k = key(), v = value();
      try {
        items.set_item(k.object, v.object);
      } catch (const TypeMismatch&) {  // unhashable
        continue;
      }
      python += k.python + ": " + v.python + ", ";
    }
    return {"d.update(" + python + "})", [=](auto& d) { return d.update(items), "None"; }};
  }

  /// No int that Python says more of than that it is no index.
  Made index() {
    for (;;)
      if (Made made = key(); made.python != "2**70") return made;
  }
  /// Few, of which many are equal, and some are none.
  Made key() {
    const auto n = static_cast<std::int64_t>(random_() % 4);
    const std::string digits = std::to_string(n);
    switch (random_() % 16) {
      case 0:
      case 1:
        return {n, digits};
      case 2:
        return {static_cast<double>(n), digits + ".0"};
      case 3:
        return {n % 2 == 1, n % 2 == 1 ? "True" : "False"};
      case 4:
        return n == 0 ? Made{-0.0, "-0.0"} : Made{nullptr, "None"};
      case 5:
        return n < 2 ? Made{Object::integer("1180591620717411303424"), "2**70"}
                     : Made{1180591620717411303424.0, "2.0**70"};
      case 6:
        return {"key " + digits, "'key " + digits + "'"};
      case 7:
        return {"é'\n" + digits, "'é\\'\\n" + digits + "'"};
      case 8:
        return {Object::bytes("k" + digits), "b'k" + digits + "'"};
      case 9:
        return {Object::tuple(n, "x"), "(" + digits + ", 'x')"};
      case 10:
        return {Object::tuple(static_cast<double>(n), "x"), "(" + digits + ".0, 'x')"};
      case 11:
        return {Object::frozenset(n), "frozenset({" + digits + "})"};
      case 12:
        return {Object::frozenset(static_cast<double>(n)), "frozenset({" + digits + ".0})"};
      case 13:
        if (random_() % 4 != 0) break;
        return n % 2 == 0 ? Made{Object::list(n), "[" + digits + "]"}
                          : Made{Object::tuple(n, Object::dict()), "(" + digits + ", {})"};
      case 14:
        return {std::string(2000, 'k') + digits, "'k' * 2000 + '" + digits + "'"};
      default:
        break;
    }
    const std::string some = std::to_string(random_() % 300);
    return {"some " + some, "'some " + some + "'"};
  }
  Made value() {
    const auto n = static_cast<std::int64_t>(random_() % 100);
    const std::string digits = std::to_string(n);
    switch (random_() % 8) {
      case 0:
        return {Object::list(n, "a"), "[" + digits + ", 'a']"};
      case 1:
        return {Object::dict({{n, Object::list()}, {"a", 1.5}}), "{" + digits + ": [], 'a': 1.5}"};
      case 2:
        return {"v" + digits, "'v" + digits + "'"};
      case 3:
        return {Object::bytes(std::string(static_cast<std::size_t>(n) * 150, 'v')),
                "b'v' * 150 * " + digits};
      case 4:
        return {Object::tuple(n, nullptr), "(" + digits + ", None)"};
      default:
        return {n, digits};
    }
  }

  std::mt19937_64 random_;
};

TEST(DictBesidePython, DoesTheSame) {
  if (!test::has_python())
    GTEST_SKIP() << "python3 (3.11 or newer) is not installed: nothing to compare";
  const char* given = std::getenv("LAGOON_TEST_SEED");
  const std::uint64_t seed =
      given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device()();
  std::cout << "LAGOON_TEST_SEED=" << seed << '\n';
  RecordProperty("seed", std::to_string(seed));
  Maker make(seed);
  constexpr std::size_t sequences = 60, steps = 200;
  std::vector<std::vector<Step>> all(sequences);
  std::vector<std::string> questions;
  for (auto& sequence : all) {
    std::string question;
    for (std::size_t i = 0; i < steps; ++i) {
      sequence.push_back(make.step());
      question += (i == 0 ? "" : "\t") + sequence.back().python;
    }
    questions.push_back(std::move(question));
  }
  const auto answers = test::ask_python("dict_oracle.py", questions);
  ASSERT_EQ(answers.size(), sequences);
  for (std::size_t s = 0; s < sequences; ++s) {
    ASSERT_EQ(answers[s].size(), steps + 1);
    Dict<> d;
    std::string so_far;
    for (std::size_t i = 0; i < steps; ++i) {
      const Step& step = all[s][i];
      so_far += step.python.substr(0, 200) + '\n';
      const std::string ours = test::said([&] { return step.run(d); });
      const std::string& pythons = answers[s][i];
      ASSERT_TRUE(test::says_the_same(ours, pythons))
          << "ours:   " << ours << "\nPython: " << pythons << "\nafter\n"
          << so_far;
    }
    std::ostringstream shown;
    shown << d;
    ASSERT_EQ("=" + shown.str(), answers[s][steps]) << "after\n" << so_far;
  }
}

}  // namespace
}  // namespace lagoon
