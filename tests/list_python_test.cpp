/// A List beside Python's: the same done to both at random, of which python3 is asked what came of
/// it (list_oracle.py). The seed is printed; LAGOON_TEST_SEED=n repeats it.

#include <lagoon/lagoon.hpp>

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "ask_python.hpp"

namespace lagoon {
namespace {

using End = std::optional<std::ptrdiff_t>;

class Doer {
 public:
  explicit Doer(std::uint64_t seed) : random_(seed) {}

  /// Does something, and says how Python does the same.
  std::string act() {
    const int i = place();
    const std::string at = "[" + std::to_string(i) + "]";
    const auto with = [](const char* method, auto&&... args) {
      std::string text = std::string("l.") + method + "(";
      ((text += (text.back() == '(' ? "" : ", ") + args), ...);
      return text + ")";
    };
    const auto i_text = std::to_string(i);
    const Object x = value(), xs = values();
    const SomeSlice some = some_slice();
    const End start = some.start, stop = some.stop;
    const std::ptrdiff_t step = some.step;
    const std::string& slice = some.text;
    switch (below(24)) {
      case 0:
      case 1:
        return does(with("append", x.repr()), [&] { l_.append(x); });
      case 2:
        return does(with("extend", xs.repr()), [&] { l_.extend(xs); });
      case 3:
        return does("l += " + xs.repr(), [&] { l_ += xs; });
      case 4:
        return does(with("insert", i_text, x.repr()), [&] { l_.insert(i, x); });
      case 5:
        return gives("l.pop()", [&] { return l_.pop(); });
      case 6:
        return gives(with("pop", i_text), [&] { return l_.pop(i); });
      case 7:
        return does(with("remove", x.repr()), [&] { l_.remove(x); });
      case 8:
        return does("l.reverse()", [&] { l_.reverse(); });
      case 9:
        return sorts();
      case 10:
        return gives(with("index", x.repr()), [&] { return l_.index(x); });
      case 11:
        return gives(with("index", x.repr(), i_text, std::to_string(stop.value_or(1000))),
                     [&] { return l_.index(x, i, stop.value_or(1000)); });
      case 12:
        return gives(with("count", x.repr()), [&] { return l_.count(x); });
      case 13:
        return gives("l" + at, [&] { return Object(l_[i]); });
      case 14:
        return does("l" + at + " = " + x.repr(), [&] { l_[i] = x; });
      case 15:
        return does("del l" + at, [&] { l_.erase(i); });
      case 16:
        return gives("l" + slice, [&] { return Object::list_of(l_.slice(start, stop, step)); });
      case 17:
        return does("l" + slice + " = " + xs.repr(),
                    [&] { l_.assign_slice(start, stop, step, xs); });
      case 18:
        return does("del l" + slice, [&] { l_.erase_slice(start, stop, step); });
      case 19: {
        const int times = l_.size() > 20 ? below(3) - 1 : below(4);
        return does("l *= " + std::to_string(times), [&] { l_ *= times; });
      }
      case 20:
        return gives(x.repr() + " in l", [&] { return l_.contains(x); });
      case 21:
        return gives("len(l)", [&] { return l_.size(); });
      case 22:
        return does("add(" + i_text + ", " + x.repr() + ")", [&] { l_[i] += x; });
      default:
        if (l_.size() < 40) return does(with("extend", xs.repr()), [&] { l_.extend(xs); });
        return does("l.clear()", [&] { l_.clear(); });
    }
  }
  [[nodiscard]] const std::string& result() const { return result_; }
  [[nodiscard]] std::string list() const { return str(l_); }

 private:
  int below(unsigned n) { return static_cast<int>(random_() % n); }
  int place() {
    const int n = static_cast<int>(l_.size()) + 2;
    return below(static_cast<unsigned>(2 * n + 1)) - n;
  }
  struct SomeSlice {
    End start, stop;
    std::ptrdiff_t step;
    std::string text;
  };
  SomeSlice some_slice() {
    const End start = below(4) == 0 ? End() : End(place());
    const End stop = below(4) == 0 ? End() : End(place());
    const std::ptrdiff_t step = below(2) == 0 ? 1 : below(7) - 3;
    const auto text = [](End end) { return end ? std::to_string(*end) : ""; };
    return {start, stop, step,
            "[" + text(start) + ":" + text(stop) + ":" + std::to_string(step) + "]"};
  }
  Object value() {
    switch (below(9)) {
      case 0:
        return nullptr;
      case 1:
        return below(2) == 0;
      case 2:
        return below(40) / 8.0;
      case 3:
        return std::string(static_cast<std::size_t>(below(30)), static_cast<char>('a' + below(3)));
      case 4:
        return values();
      case 5:
        return Object::dict({{"k", below(3)}});
      case 6:
        return Object::tuple(below(3), "x");
      default:
        return below(6) - 3;
    }
  }
  Object values() {
    Object all = Object::list();
    for (int n = below(5); n != 0; --n) all.append(below(4) == 0 ? value() : Object(below(5)));
    return all;
  }

  template <class F>
  std::string does(std::string python, F&& f) {
    result_ = test::said([&] { return f(), std::string("None"); });
    return python;
  }
  template <class F>
  std::string gives(std::string python, F&& f) {
    result_ = test::said([&] { return Object(f()).repr(); });
    return python;
  }
  /// A sort that fails leaves Python's list in no particular order.
  std::string sorts() {
    Object numbers = Object::list();
    for (int n = below(60); n != 0; --n)
      numbers.append(below(2) ? Object(below(9)) : Object(below(99) / 4.0));
    l_.assign_slice({}, {}, numbers);
    if (below(2) == 0) {
      l_.sort(std::greater<>());
      return does("l[:] = sorted(" + numbers.repr() + ", reverse=True)", [] {});
    }
    return does("l[:] = sorted(" + numbers.repr() + ")", [&] { l_.sort(); });
  }

  std::mt19937_64 random_;
  List<> l_;
  std::string result_;
};

TEST(ListBesidePythons, comes_to_the_same_whatever_is_done) {
  if (!test::has_python()) GTEST_SKIP() << "no python3";
  const char* const given = std::getenv("LAGOON_TEST_SEED");
  const std::uint64_t seed = given ? std::strtoull(given, nullptr, 10) : std::random_device{}();
  SCOPED_TRACE("LAGOON_TEST_SEED=" + std::to_string(seed));
  constexpr std::size_t count = 10'000;
  Doer doer(seed);
  std::vector<std::string> lines;
  struct Came {
    std::string result, list;
  };
  std::vector<Came> ours;
  while (lines.size() < count) {
    lines.push_back(doer.act());
    ours.push_back({doer.result(), "=" + doer.list()});
  }
  const std::vector<test::Answer> pythons = test::ask_python("list_oracle.py", lines);
  ASSERT_EQ(pythons.size(), count);
  for (std::size_t i = 0; i < count; ++i) {
    ASSERT_TRUE(test::says_the_same(ours[i].result, pythons[i][0]))
        << lines[i] << "\nours:     " << ours[i].result << "\nPython's: " << pythons[i][0];
    ASSERT_EQ(ours[i].list, pythons[i][1]) << "after " << lines[i];
  }
}

}  // namespace
}  // namespace lagoon
