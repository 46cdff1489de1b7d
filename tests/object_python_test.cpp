/// Objects beside Python's: values and pairs of them at random, of which python3 is asked the same
/// (object_oracle.py). The seed is printed; LAGOON_TEST_SEED=n repeats it.

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>
#include <lagoon/error.hpp>
#include <lagoon/object.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <limits>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ask_python.hpp"

namespace lagoon {
namespace {

using test::Answer;
using test::ask_python;
using test::has_python;
using test::said;
using test::split;

std::string printf_of(const char* format, auto... args) {
  char text[64];
  std::snprintf(text, sizeof text, format, args...);
  return text;
}

std::string python(bool x) { return x ? "True" : "False"; }

/// An Object, and how Python makes the same.
struct Made {
  Object object;
  std::string python;
  bool has_set = false;  // whose order is not ours
};

class Maker {
 public:
  explicit Maker(std::uint64_t seed) : random_(seed) {}

  std::uint64_t below(std::uint64_t n) { return random_() % n; }

  Made value(int depth = 3) {
    if (depth > 0 && below(3) != 0) return container(depth);
    return scalar();
  }

  Made number() {
    switch (below(8)) {
      case 0:
        return real(std::bit_cast<double>(random_()));
      case 1:
        return integer(std::string(1 + below(below(2) ? 9 : 150), '\0'));
      case 2: {  // beside a float
        const double x =
            std::ldexp(1 + static_cast<double>(below(8)) / 8, static_cast<int>(50 + below(20)));
        const std::int64_t off = static_cast<std::int64_t>(below(3)) - 1;
        if (below(2)) return real(x);
        Object o = Object::integer(printf_of("%.0f", x)) + off;
        return {o, printf_of("(%.0f + %d)", x, static_cast<int>(off))};
      }
      case 3:
        return real(static_cast<double>(below(100000)) * std::pow(10, below(40)) / 1e20);
      case 4:
        return boolean();
      case 5:
        return small(6);
      case 6:
        return real(static_cast<double>(below(6)) - 2);
      default:
        break;
    }
    static constexpr double reals[] = {0.0,
                                       -0.0,
                                       0.1,
                                       1e15,
                                       1e16,
                                       1e17,
                                       1e22,
                                       1e23,
                                       1e-4,
                                       1e-5,
                                       5e-324,
                                       std::numeric_limits<double>::max(),
                                       0x1p53,
                                       0x1p63,
                                       -0x1p63,
                                       0x1p64,
                                       0x1p-1022,
                                       std::numeric_limits<double>::infinity(),
                                       -std::numeric_limits<double>::infinity(),
                                       std::numeric_limits<double>::quiet_NaN()};
    static constexpr const char* integers[] = {"9007199254740993",     "9223372036854775807",
                                               "-9223372036854775808", "9223372036854775808",
                                               "-9223372036854775809", "18446744073709551615",
                                               "18446744073709551616", "2305843009213693951",
                                               "-2305843009213693951", "-4611686018427387904"};
    if (below(2)) return real(reals[below(std::size(reals))]);
    const char* digits = integers[below(std::size(integers))];
    return {Object::integer(digits), std::string("(") + digits + ")"};
  }

  Made scalar() {
    switch (below(8)) {
      case 0:
        return {nullptr, "None"};
      case 1:
      case 2:
        return text();
      case 3:
        return bytes();
      default:
        return number();
    }
  }

  Made hashable(int depth) {
    if (depth == 0 || below(3) != 0) return scalar();
    std::vector<Made> items = some([&] { return hashable(depth - 1); });
    return below(2) ? tuple(items) : set(items, true);
  }

  Made container(int depth) {
    switch (below(6)) {
      case 0:
      case 1: {
        std::vector<Made> items = some([&] { return value(depth - 1); });
        return below(2) ? tuple(items) : list(items);
      }
      case 2:
      case 3: {
        Made dict{Object::dict(), "{"};
        for (std::size_t i = below(5); i > 0; --i) {
          const Made key = hashable(1);
          const Made x = value(depth - 1);
          dict.object[key.object] = x.object;
          dict.python += key.python + ": " + x.python + ", ";
          dict.has_set |= key.has_set || x.has_set;
        }
        dict.python += '}';
        return dict;
      }
      default:
        return set(some([&] { return hashable(depth - 1); }), below(2) == 0);
    }
  }

  Made small(std::uint64_t n) {
    const auto x = static_cast<int>(below(n)) - 2;
    return {x, printf_of("(%d)", x)};
  }

 private:
  Made boolean() {
    const bool x = below(2);
    return {x, lagoon::python(x)};
  }

  static Made real(double x) {
    if (std::isnan(x)) return {x, "float('nan')"};
    return {x, printf_of("float.fromhex('%a')", x)};
  }

  Made integer(std::string bytes) {
    std::string hex;
    for (char& c : bytes) {
      c = static_cast<char>(below(below(4) ? 256 : 2) - 1);
      hex += printf_of("%02x", static_cast<unsigned char>(c));
    }
    return {Object::integer(std::as_bytes(std::span(bytes))),
            "int.from_bytes(bytes.fromhex('" + hex + "'), 'little', signed=True)"};
  }

  Made text() {
    static constexpr char32_t characters[] = {
        U'a',   U'b',   U'z',   U'\'',  U'"',   U'\\',   U'\n',   U'\t',   U'\r',    0,
        0x1F,   0x7F,   0x80,   0xA0,   0xAD,   0xE9,    0x378,   0x3B1,   0x2028,   0xD7FF,
        0xD800, 0xDFFF, 0xE000, 0xFFFD, 0xFFFF, 0x10000, 0x1F600, 0xE0001, 0x10FFFF, U' '};
    Made made{"", "'"};
    std::string utf8;
    for (std::size_t i = below(4) ? below(4) : below(20); i > 0; --i) {
      const char32_t c = characters[below(below(3) ? 3 : std::size(characters))];
      append(utf8, c);
      made.python += printf_of("\\U%08x", static_cast<unsigned>(c));
    }
    made.python += '\'';
    made.object = utf8;
    return made;
  }

  Made bytes() {
    Made made{nullptr, "bytes.fromhex('"};
    std::string bytes;
    for (std::size_t i = below(4) ? below(4) : below(20); i > 0; --i) {
      bytes += static_cast<char>(below(3) ? 'a' + below(3) : below(256));
      made.python += printf_of("%02x", static_cast<unsigned char>(bytes.back()));
    }
    made.python += "')";
    made.object = Object::bytes(bytes);
    return made;
  }

  template <class F>
  std::vector<Made> some(F&& f) {
    std::vector<Made> items;
    for (std::size_t i = below(10) ? below(4) : below(14); i > 0; --i) items.push_back(f());
    return items;
  }

  static Made joined(const std::vector<Made>& items, const char* before, const char* after) {
    Made made{nullptr, before};
    for (const Made& x : items) {
      made.python += x.python + ", ";
      made.has_set |= x.has_set;
    }
    made.python += after;
    return made;
  }
  static std::vector<Object> objects(const std::vector<Made>& items) {
    std::vector<Object> objects;
    for (const Made& x : items) objects.push_back(x.object);
    return objects;
  }
  static Made list(const std::vector<Made>& items) {
    Made made = joined(items, "[", "]");
    made.object = objects(items);
    return made;
  }
  static Made tuple(const std::vector<Made>& items) {
    Made made = joined(items, "tuple([", "])");
    made.object = Object::tuple_of(objects(items));
    return made;
  }
  static Made set(const std::vector<Made>& items, bool frozen) {
    Made made = joined(items, frozen ? "frozenset([" : "set([", "])");
    made.object = frozen ? Object::frozenset_of(objects(items)) : Object::set_of(objects(items));
    made.has_set = true;
    return made;
  }

  static void append(std::string& utf8, char32_t c) {
    const auto put = [&](char32_t byte) { utf8 += static_cast<char>(byte); };
    if (c < 0x80) {
      put(c);
    } else if (c < 0x800) {
      put(0xC0 | c >> 6), put(0x80 | (c & 63));
    } else if (c < 0x10000) {
      put(0xE0 | c >> 12), put(0x80 | (c >> 6 & 63)), put(0x80 | (c & 63));
    } else {
      put(0xF0 | c >> 18), put(0x80 | (c >> 12 & 63));
      put(0x80 | (c >> 6 & 63)), put(0x80 | (c & 63));
    }
  }
  friend std::string utf8_of(char32_t c) {
    std::string utf8;
    append(utf8, c);
    return utf8;
  }

  std::mt19937_64 random_;
};
std::string utf8_of(char32_t c);

class ObjectBesidePython : public testing::Test {
 protected:
  void SetUp() override {
    if (!has_python())
      GTEST_SKIP() << "python3 (3.11 or newer) is not installed: nothing to compare";
    const char* given = std::getenv("LAGOON_TEST_SEED");
    seed_ = given ? std::strtoull(given, nullptr, 10) : std::random_device()();
    std::cout << "LAGOON_TEST_SEED=" << seed_ << '\n';
    RecordProperty("seed", std::to_string(seed_));
  }

  /// Of an error only Python's words are compared, which ours begin with; of a set only which
  /// characters it is shown with.
  static void expect_same(std::string ours, std::string pythons, bool has_set,
                          const std::string& what) {
    if (pythons[0] == '!') {
      EXPECT_TRUE(ours.starts_with(pythons))
          << what << "\n  ours:   " << ours << "\n  Python: " << pythons;
      return;
    }
    if (has_set) {
      std::sort(ours.begin(), ours.end());
      std::sort(pythons.begin(), pythons.end());
    }
    EXPECT_EQ(ours, pythons) << what;
  }

  static Answer about_one(const Object& x) {
    return {said([&] { return x.repr(); }),
            said([&] { return x.str(); }),
            said([&] { return python(bool(x)); }),
            said([&] { return std::string(x.type_name()); }),
            said([&] { return std::to_string(x.size()); }),
            said([&] {
              const auto hash = static_cast<std::int64_t>(x.hash());
              const bool is_number = x.kind() == Object::Kind::integer ||
                                     x.kind() == Object::Kind::real ||
                                     x.kind() == Object::Kind::boolean;
              return is_number && x == x ? std::to_string(hash) : "hashable";
            }),
            said([&] { return (-x).repr(); })};
  }

  static bool too_large(const Object& x, const Object& n) {
    using Kind = Object::Kind;
    if (x.kind() != Kind::str && x.kind() != Kind::bytes && x.kind() != Kind::list &&
        x.kind() != Kind::tuple)
      return false;
    return n.kind() == Kind::integer && (n > 100 || n < -100) &&
           n < Object::integer("9223372036854775808") &&
           n > Object::integer("-9223372036854775808");
  }

  static Answer about_two(const Object& a, const Object& b) {
    using Kind = Object::Kind;
    return {said([&] { return python(a == b); }),
            said([&] { return python(a != b); }),
            said([&] { return python(a < b); }),
            said([&] { return python(a <= b); }),
            said([&] { return python(a > b); }),
            said([&] { return python(a >= b); }),
            said([&] { return (a + b).repr(); }),
            said([&] { return (a - b).repr(); }),
            said([&] { return too_large(a, b) || too_large(b, a) ? "too large" : (a * b).repr(); }),
            said([&] { return python(a.contains(b)); }),
            said([&] {
              return a.kind() == Kind::str || a.kind() == Kind::bytes ? "characters"
                                                                      : a.at(b).repr();
            })};
  }

  std::uint64_t seed_ = 0;
};

TEST_F(ObjectBesidePython, OfOne) {
  Maker make(seed_);
  std::vector<Made> values;
  std::vector<std::string> questions;
  for (int i = 0; i < 4000; ++i) {
    values.push_back(i % 2 ? make.number() : make.value());
    questions.push_back("one\t" + values.back().python);
  }
  const auto answers = ask_python("object_oracle.py", questions);
  ASSERT_EQ(answers.size(), values.size());
  static constexpr const char* names[] = {"repr", "str", "bool", "type", "len", "hash", "-"};
  for (std::size_t i = 0; i < values.size() && !HasFailure(); ++i) {
    const Answer ours = about_one(values[i].object);
    ASSERT_EQ(ours.size(), answers[i].size());
    for (std::size_t j = 0; j < ours.size(); ++j)
      expect_same(ours[j], answers[i][j], values[i].has_set,
                  std::string(names[j]) + " of " + values[i].python);
  }
}

TEST_F(ObjectBesidePython, OfTwo) {
  Maker make(seed_);
  std::vector<std::pair<Made, Made>> pairs;
  std::vector<std::string> questions;
  for (int i = 0; i < 8000; ++i) {
    Made a = i % 3 == 0 ? make.number() : i % 3 == 1 ? make.value(1) : make.value();
    Made b = i % 3 == 0 ? make.number() : i % 3 == 1 ? make.value(1) : make.value();
    if (make.below(8) == 0) b = a;
    if (make.below(12) == 0) b = make.small(6);
    if (make.below(8) == 0) {  // so that they begin alike
      const Made c = make.value(1);
      a = {Object::list(c.object, a.object), "[" + c.python + ", " + a.python + "]",
           c.has_set || a.has_set};
      b = {Object::list(c.object, b.object), "[" + c.python + ", " + b.python + "]",
           c.has_set || b.has_set};
    }
    questions.push_back("two\t" + a.python + '\t' + b.python);
    pairs.emplace_back(std::move(a), std::move(b));
  }
  const auto answers = ask_python("object_oracle.py", questions);
  ASSERT_EQ(answers.size(), pairs.size());
  static constexpr const char* names[] = {
      "==", "!=", "<", "<=", ">", ">=", "+", "-", "*", "contains", "[]"};
  int equal = 0;
  int ordered = 0;
  for (std::size_t i = 0; i < pairs.size() && !HasFailure(); ++i) {
    const auto& [a, b] = pairs[i];
    const Answer ours = about_two(a.object, b.object);
    ASSERT_EQ(ours.size(), answers[i].size());
    for (std::size_t j = 0; j < ours.size(); ++j) {
      std::string mine = ours[j];
      if (mine.starts_with("!KeyError")) mine = "!KeyError";
      expect_same(mine, answers[i][j], a.has_set || b.has_set,
                  a.python + "  " + names[j] + "  " + b.python);
    }
    ordered += ours[2] == "=True";
    if (ours[0] != "=True") continue;
    ++equal;
    const auto hash = [](const Object& o) {
      return said([&] { return std::to_string(o.hash()); });
    };
    const std::string hashes[] = {hash(a.object), hash(b.object)};
    if (hashes[0][0] == '=' && hashes[1][0] == '=') {
      EXPECT_EQ(hashes[0], hashes[1]) << a.python << " and " << b.python;
    }
  }
  if (HasFailure()) return;
  EXPECT_GT(equal, 400);  // else too few tried what matters
  EXPECT_GT(ordered, 400);
}

TEST_F(ObjectBesidePython, Changed) {
  Maker make(seed_);
  std::vector<std::string> questions;
  std::vector<Answer> ours;
  for (int i = 0; i < 300; ++i) {
    const bool is_dict = i % 2 == 0;
    const std::uint64_t keys = 3 + make.below(is_dict ? 60 : 6);
    Object o = is_dict ? Object::dict() : Object::list();
    std::string statements = is_dict ? "o = {}" : "o = []";
    Answer results = {"="};
    std::vector<std::pair<Object, std::string>> copies;
    const auto run = [&](const std::string& statement, auto&& f) {
      statements += "; " + statement;
      results.push_back(said([&] { return f(), std::string(); }));
      if (make.below(16) == 0) copies.emplace_back(o, o.repr());
    };
    for (std::uint64_t n = make.below(300); n > 0; --n) {
      const Made key = make.small(keys);
      const Made x = make.scalar();
      switch (make.below(is_dict ? 5 : 8)) {
        case 0:
        case 1:
          run("o[" + key.python + "] = " + x.python, [&] { o[key.object] = x.object; });
          break;
        case 2:
          run("del o[" + key.python + "]", [&] { o.erase(key.object); });
          break;
        case 3:
          run("o.pop(" + key.python + ")", [&] { (void)o.pop(key.object); });
          break;
        case 4:
          run("o[" + key.python + "] += " + x.python, [&] { o[key.object] += x.object; });
          break;
        case 5:
          run("o.append(" + x.python + ")", [&] { o.append(x.object); });
          break;
        case 6:
          run("o.insert(" + key.python + ", " + x.python + ")",
              [&] { o.insert(key.object, x.object); });
          break;
        default:
          run("o += [" + x.python + "]", [&] { o += Object::list(x.object); });
          break;
      }
    }
    for (const auto& [copy, repr] : copies) EXPECT_EQ(copy.repr(), repr);
    results.push_back("=" + o.repr());
    ours.push_back(std::move(results));
    questions.push_back("after\t" + statements);
  }
  const auto answers = ask_python("object_oracle.py", questions);
  ASSERT_EQ(answers.size(), ours.size());
  for (std::size_t i = 0; i < ours.size() && !HasFailure(); ++i) {
    ASSERT_EQ(ours[i].size(), answers[i].size());
    const auto statements = split(questions[i], ';');
    for (std::size_t j = 0; j < ours[i].size() && !HasFailure(); ++j) {
      std::string mine = ours[i][j];
      if (mine.starts_with("!KeyError")) mine = "!KeyError";
      expect_same(mine, answers[i][j], false,
                  j < statements.size() ? statements[j] : "after " + questions[i]);
    }
  }
}

TEST_F(ObjectBesidePython, OfEveryCharacter) {
  constexpr char32_t block = 0x1000;
  std::vector<std::string> questions;
  for (char32_t c = 0; c < 0x110000; c += block)
    questions.push_back(printf_of("characters\t%u\t%u", static_cast<unsigned>(c),
                                  static_cast<unsigned>(c + block)));
  const auto answers = ask_python("object_oracle.py", questions);
  ASSERT_EQ(answers.size(), questions.size());
  for (std::size_t i = 0; i < answers.size(); ++i) {
    std::uint32_t a = 1;
    std::uint32_t b = 0;
    for (char32_t c = 0; c < block; ++c) {
      const std::string shown = Object(utf8_of(static_cast<char32_t>(i) * block + c)).repr();
      const bool is_printable = shown.size() == 3 || (shown[1] & 0x80) != 0;
      const bool is_backslash = shown[1] == '\\' && shown[2] == '\\';
      for (const char x : shown + python(is_printable || is_backslash)) {
        a = (a + static_cast<unsigned char>(x)) % 65521;
        b = (b + a) % 65521;
      }
    }
    EXPECT_EQ("=" + std::to_string(b << 16 | a), answers[i][0]) << questions[i];
  }
}

}  // namespace
}  // namespace lagoon
