/// Pickles: what Python makes of ours, and we of its, byte by byte where it is the same; and what
/// is none.

#include <pickle.hpp>

#include <gtest/gtest.h>

#include <ask_python.hpp>
#include <expect_throw.hpp>

#include <limits>
#include <random>
#include <string>
#include <vector>

namespace {

using lagoon::Object;
using lagoon::test::ask_python;
using lagoon::test::has_python;
using namespace lagoon::remote;
using namespace std::string_literals;

Object loaded(std::string_view bytes) { return Unpickler().load(bytes); }
Object again(const Object& o) { return loaded(pickled(o)); }

std::string refused(std::string_view bytes, const PickleLimits& limits = {}) {
  try {
    (void)Unpickler(limits).load(bytes);
  } catch (const std::exception& e) {
    return e.what();
  }
  return "";
}

TEST(Pickle, KeepsWhatAnObjectCanBe) {
  const std::vector<Object> all{
      nullptr,
      true,
      false,
      0,
      255,
      256,
      65535,
      65536,
      -1,
      std::numeric_limits<std::int32_t>::min(),
      std::numeric_limits<std::int64_t>::min(),
      std::numeric_limits<std::uint64_t>::max(),
      Object::integer("-123456789012345678901234567890"),
      Object::integer("1" + std::string(700, '0')),
      0.5,
      -0.0,
      std::numeric_limits<double>::infinity(),
      "",
      "text",
      "\xc3\xa9\xf0\x9f\x98\x80",
      std::string(300, 'x'),
      std::string(70'000, 'y'),
      Object::bytes("raw\0bytes"),
      Object::bytes(std::string(300, 'z')),
      Object::tuple(),
      Object::tuple(1),
      Object::tuple(1, 2),
      Object::tuple(1, 2, 3),
      Object::tuple(1, 2, 3, 4),
      Object::list(),
      Object::list(1),
      Object::list(1, "a", Object::list()),
      Object::list_of(std::vector<int>(2500, 7)),
      Object::dict(),
      Object::dict({{"a", 1}}),
      Object::dict({{"a", 1}, {2, Object::tuple("b")}}),
      Object::set(),
      Object::set(1, 2),
      Object::frozenset(),
      Object::frozenset("x"),
      Object::list(global("builtins", "len")),
      reduced(global("datetime", "date"), Object::tuple(Object::bytes("abcd")))};
  for (const Object& o : all) {
    EXPECT_EQ(again(o), o) << o.repr();
    EXPECT_EQ(again(o).repr(), o.repr());
  }
}

/// One of a few values within others.
Object some_object(std::mt19937& random, int depth) {
  const auto pick = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
  std::vector<Object> items;
  switch (pick(depth > 3 ? 5 : 10)) {
    case 0:
      return pick(2) == 0 ? Object() : Object(pick(2) == 0);
    case 1:
      return Object::integer(std::to_string(random()) + std::to_string(random()));
    case 2:
      return static_cast<double>(random()) / 7;
    case 3:
      return std::string(random() % 300, static_cast<char>('a' + pick(26)));
    case 4:
      return Object::bytes(std::string(random() % 300, static_cast<char>(random() % 256)));
    case 5: {
      Object dict = Object::dict();
      for (int i = pick(5); i > 0; --i)
        dict.set_item("k" + std::to_string(i), some_object(random, depth + 1));
      return dict;
    }
    case 6:
      return Object::set(pick(3));  // of more, Python has an order of its own
    default:
      for (int i = pick(6); i > 0; --i) items.push_back(some_object(random, depth + 1));
      return pick(2) == 0 ? Object::list_of(items) : Object::tuple_of(items);
  }
}

TEST(Pickle, IsPythonsBothWays) {
  if (!has_python()) GTEST_SKIP() << "no python3";
  std::mt19937 random(7);
  std::vector<std::string> questions;
  std::vector<Object> all;
  for (int i = 0; i < 500; ++i) {
    all.push_back(some_object(random, 0));
    std::string hex;
    for (const char c : pickled(all.back())) {
      char byte[3];
      std::snprintf(byte, sizeof byte, "%02x", static_cast<unsigned char>(c));
      hex += byte;
    }
    questions.push_back(hex);
  }
  const auto answers = ask_python("remote/pickle_oracle.py", questions);
  ASSERT_EQ(answers.size(), all.size());
  for (std::size_t i = 0; i < all.size(); ++i) {
    ASSERT_EQ(answers[i].size(), 4U);
    // What Python sees, and what we see in what it makes of that by each protocol.
    EXPECT_EQ(answers[i][0].substr(1), all[i].repr());
    for (std::size_t protocol = 1; protocol < 4; ++protocol)
      EXPECT_EQ(loaded(answers[i][protocol].substr(1)), all[i]) << all[i].repr();
  }
}

TEST(Pickle, WhatContainsItselfGoesBackAsItCame) {
  // a = [1]; a.append(a)
  const std::string loop =
      "\x80\x04]\x94(K\x01h\x00"
      "e."s;
  const Object a = loaded(loop);
  EXPECT_EQ(a.opaque_kind(), "recursive");
  EXPECT_EQ(a.elements()[0].elements()[0], 1);
  EXPECT_EQ(a.elements()[0].elements()[1].opaque_kind(), "recursion");
  EXPECT_EQ(again(a), a);
  // Twice in a tuple: of itself, and of the other.
  const std::string both =
      "\x80\x04]\x94(K\x01h\x00"
      "eh\x00\x86."s;
  const Object pair = loaded(both);
  EXPECT_EQ(pair.elements()[0], pair.elements()[1]);
  EXPECT_EQ(again(pair), pair);
}

TEST(Pickle, WhatIsReferredToTwiceIsThereTwice) {
  const std::string twice =
      "\x80\x04]\x94(]\x94K\x07"
      "ah\x01"
      "e."s;
  EXPECT_EQ(loaded(twice), Object::list(Object::list(7), Object::list(7)));
}

TEST(Pickle, InPlaceOfWhatLagoonHasMadeMayStandAnything) {
  // lagoon.s.slice(0, 2, None)
  const Object ours =
      loaded("\x80\x04\x8c\x08lagoon.s\x94\x8c\x05slice\x94\x93\x94K\x00K\x02N\x87\x94R."s);
  EXPECT_EQ(ours.kind(), Object::Kind::opaque);
  EXPECT_EQ(loaded(pickled(ours, [](const Object&) { return Object(7); })), Object(7));
  EXPECT_EQ(loaded(pickled(ours, [](const Object& o) { return o; })), ours);
}

TEST(Pickle, KnowsSetsOfProtocol3) {
  const std::string set =
      "\x80\x03"
      "cbuiltins\nset\n]K\x01"
      "a\x85R."s;
  EXPECT_EQ(loaded(set), Object::set(1));
}

TEST(Pickle, RefusesWhatIsNone) {
  EXPECT_NE(refused("").find("does not begin"), std::string::npos);
  EXPECT_NE(refused("garbage").find("does not begin"), std::string::npos);
  const std::vector<std::pair<std::string, std::string>> wrong{
      {"\x80\x02N."s, "protocol 2"},
      {"\x80\x04"s, "it ends"},
      {"\x80\x04."s, "0 objects on the stack"},
      {"\x80\x04NN."s, "2 objects on the stack"},
      {"\x80\x04\x8c\xff"
       "abc"s,
       "it ends where 255 bytes more"},
      {"\x80\x04X\xff\xff\xff\xff"s, "it ends where 4294967295 bytes more"},
      {"\x80\x04h\x05."s, "number 5 of the memo"},
      {"\x80\x04r\xff\xff\xff\x7f."s, "the stack is empty"},
      {"\x80\x04Nr\xff\xff\xff\x7f."s, "comes out of order"},
      {"\x80\x04t."s, "there is no mark"},
      {"\x80\x04(u."s, "the stack"},
      {"\x80\x04}(Nu."s, "a key without a value"},
      {"\x80\x04}(K\x01K\x02"
       "e."s,
       "a list was expected"},
      {"\x80\x04NNR."s, "arguments that are no tuple"},
      {"\x80\x04N)R."s, ""},
      {"\x80\x04Pid\n."s, "opcode 0x50"},
      {"\x80\x04\x82\x01."s, "opcode 0x82"},
      {"\x80\x05\x97."s, "opcode 0x97"},
      {"\x80\x04\x95\xff\0\0\0\0\0\0\0N."s, "within a frame"},
      {"\x80\x04}]K\x01s."s, "unhashable type: 'list'"},
      {"\x80\x04\x8c\x01\xff."s, ""},
      {"\x80\x04(((."s, "0 objects on the stack"},
      {"\x80\x04K\x01K\x02\x93."s, "the name of a global that is no str"}};
  for (const auto& [bytes, says] : wrong) {
    const std::string text = refused(bytes);
    EXPECT_NE(text.find(says), std::string::npos) << text << " for " << says;
    if (says.empty()) continue;
    EXPECT_FALSE(text.empty()) << says;
  }
}

TEST(Pickle, BombsAreRefused) {
  std::string deep = "\x80\x04";
  deep += std::string(100'000, ']') + std::string(99'999, 'a') + ".";
  EXPECT_NE(refused(deep).find("nested deeper than 1000"), std::string::npos);

  // l0 = [x, x]; l1 = [l0, l0]; …: 2^60 elements.
  std::string wide =
      "\x80\x04]\x94N\x94"
      "a"s;
  for (int i = 0; i < 60; ++i) {
    const auto last = static_cast<char>(i == 0 ? 0 : i + 1);
    wide += "]\x94(h";
    wide += last;
    wide += 'h';
    wide += last;
    wide += 'e';
  }
  wide += '.';
  // All but the last are left on the stack: popped into one list.
  std::string bomb = "\x80\x04("s;
  bomb += wide.substr(2, wide.size() - 3);
  bomb += "l.";
  EXPECT_NE(refused(bomb).find("counts each time"), std::string::npos) << refused(bomb);

  const std::string huge = "\x80\x04\x8b\xff\xff\xff\x7f"s;
  EXPECT_NE(refused(huge).find("65536 are allowed"), std::string::npos);
  const std::string negative = "\x80\x04\x8b\xff\xff\xff\xff"s;
  EXPECT_NE(refused(negative).find("an int of -1 bytes"), std::string::npos);

  PickleLimits few;
  few.objects = 10;
  EXPECT_NE(refused("\x80\x04(" + std::string(20, 'N') + "t.", few).find("more than 10 objects"),
            std::string::npos);
}

TEST(Pickle, RandomBytesAreAnErrorOrAnObject) {
  std::mt19937 random(3);
  const std::string letters =
      "(.0129abcdehjlqrstuBCGJKMNRX]})\x80\x81\x85\x86\x87\x88\x89\x8a\x8b"
      "\x8c\x8f\x90\x91\x92\x93\x94\x95";
  int made = 0;
  for (int i = 0; i < 200'000; ++i) {
    std::string bytes = "\x80\x04"s;
    for (std::size_t n = random() % 30; n > 0; --n)
      bytes += random() % 3 != 0 ? letters[random() % letters.size()]
                                 : static_cast<char>(random() % 256);
    try {
      const Object o = loaded(bytes + ".");
      (void)o.repr();
      (void)again(o);
      ++made;
    } catch (const lagoon::Error&) {
    }
  }
  EXPECT_GT(made, 1000);
}

}  // namespace
