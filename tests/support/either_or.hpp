#pragma once
/// Operations that happen or do not: killed at any instruction they leave what others would see if
/// they had not begun, or if they had been whole.
///
/// Nobody writes down what that is: it is looked at, after a child that was killed before the first
/// store and after one that was killed when it had returned. Then a child is killed after each of
/// its stores to shared memory (between two of them nothing is different to anyone else), and what
/// is seen must be one of the two. Before it is killed it is stopped: what others can read then,
/// without waiting for it, must be one of two as well.
///
/// Killed in recovery: after each of these a second child does the same, and is killed after each
/// of its stores. What is seen must be one of four: neither of the two has been there, one of them,
/// the other, both.
///
/// Beside it: while it is stopped a second child does the same, until that has done it or waits for
/// the first one; then the first one is killed, or goes on to its end. What is seen must be what
/// they leave when they do it one after the other. And others may live all the time, `beside`: they
/// have come before and sleep, until `let_go`; then they must end.
///
/// Of many stores by one instruction, a copy's, some are tried; in recovery and beside, of all,
/// others in each run. With LAGOON_TEST_ALL=1 all are.
///
/// Each trial has a segment of its own. At its end what was made in it is erased, and nothing may
/// still be in use. To add one is a line or two:
///
///     OfObject<Semaphore> semaphore{
///         .type = "Semaphore",
///         .states = {{"empty", [](const Place& p) { return Semaphore(p, 0); }}},
///         .look = [](Semaphore& s) { return Seen{std::to_string(s.get_value())}; }};
///     semaphore.kill({"release", [](Semaphore& s, int) { s.release(); }});

#include <lagoon/place.hpp>
#include <lagoon/segment.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdlib>
#include <exception>
#include <functional>
#include <iterator>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "child.hpp"
#include "kill_count.hpp"
#include "rendezvous.hpp"
#include "sanitizers.hpp"
#include "segment_in_memory.hpp"
#include "storing.hpp"

namespace lagoon::test {

/// What others see. Of several things each of which happens or does not, one text for each.
using Seen = std::vector<std::string>;

struct EitherOr {
  std::string name;
  std::function<void(SegmentInMemory&)> make;  // here
  std::function<void(SegmentInMemory&, int who)> enter = [](auto&&...) {
  };                                                   // in each child, 1 and 2
  std::function<void(SegmentInMemory&, int who)> run;  // there, until it is killed
  std::function<Seen(SegmentInMemory&)> look;          // here; it may change what is there
  std::function<Seen(SegmentInMemory&)> read = {};     // here, while one is stopped
  /// Here, when two have done it and nobody has died: what is then as it should be.
  std::function<Seen(SegmentInMemory&)> while_they_live = {};
  std::function<void(SegmentInMemory&)> drop = [](auto&) {};       // here: what `make` has made
  std::set<std::string> also = {};                                 // what may be seen besides
  std::vector<std::function<void(SegmentInMemory&)>> beside = {};  // in children that sleep in it
  std::function<void(SegmentInMemory&)> let_go = [](auto&) {};     // here: they end, when this has
};

namespace detail {

class Expected {
 public:
  explicit Expected(const std::set<std::string>& also) : also_(also) {}

  void add(const Seen& seen) {
    texts_.resize(std::max(texts_.size(), seen.size()));
    for (std::size_t i = 0; i < seen.size(); ++i) texts_[i].insert(seen[i]);
  }
  void check(const Seen& seen, KillCount& count) const {
    if (seen.size() != texts_.size()) {
      count.torn();
      ADD_FAILURE() << "torn: " << seen.size() << " things are seen, not " << texts_.size();
      return;
    }
    for (std::size_t i = 0; i < seen.size(); ++i) {
      if (texts_[i].contains(seen[i]) || also_.contains(seen[i])) continue;
      count.torn();
      ADD_FAILURE() << "torn: seen is " << seen[i] << "\nwhere it should be one of "
                    << testing::PrintToString(texts_[i]);
    }
  }

 private:
  const std::set<std::string>& also_;
  std::vector<std::set<std::string>> texts_;
};

}  // namespace detail

inline bool all_are_tried() { return std::getenv("LAGOON_TEST_ALL") != nullptr; }

/// So many of them at most, others in each run, in their order, the first and the last among them.
inline std::vector<unsigned> some_of(const std::vector<unsigned>& all, std::size_t wanted) {
  static std::minstd_rand random(std::random_device{}());
  if (all.size() <= wanted || all_are_tried()) return all;
  std::vector<unsigned> some{all.front()};
  std::sample(all.begin() + 1, all.end() - 1, std::back_inserter(some), wanted - 2, random);
  some.push_back(all.back());
  return some;
}

class KilledEitherOr {
 public:
  explicit KilledEitherOr(const EitherOr& operation) : it_(operation) {}

  void kill() {
    look_what_may_be_seen();
    bool has_happened = false;
    for (const unsigned k : some_of(moments_, 100)) {
      SCOPED_TRACE(it_.name + ", killed after " + std::to_string(k) + " stores");
      begin_anew();
      {
        Storing child(start(1, k));
        child.wait();
        if (it_.read) of_stopped_.check(it_.read(world_), count_);
      }
      const Seen seen = look();
      of_one_.check(seen, count_);
      if (of_nothing_ != of_all_ && !is_also(of_all_)) {
        EXPECT_FALSE(has_happened && seen != of_all_) << "torn: it has happened, and has not";
        has_happened = has_happened || seen == of_all_;
      }
      count_.killed();
      if (testing::Test::HasFailure()) return;
    }
    for (const unsigned first : some_of(moments_, 6)) kill_in_recovery_from(first);
    for (const bool goes_on : {false, true}) meet(goes_on);
  }

 private:
  void look_what_may_be_seen() {
    for (const bool whole : {false, true}) {
      const unsigned first = whole ? Storing::all : 0;
      begin_anew();
      {
        Storing child(start(1, first));
        child.wait();
        if (it_.read) of_stopped_.add(it_.read(world_));
        moments_ = child.moments(all_are_tried());
      }
      (whole ? of_all_ : of_nothing_) = look();
      for (const unsigned second : {0U, Storing::all}) {
        begin_anew();
        start(1, first).kill_there();
        start(2, second).kill_there();
        const Seen seen = look();
        of_two_.add(seen);
        (whole ? of_second_after_first_ : of_second_alone_).add(seen);
      }
    }
    of_one_.add(of_nothing_);
    of_one_.add(of_all_);
  }
  void kill_in_recovery_from(unsigned first) {
    if (testing::Test::HasFailure()) return;
    begin_anew();
    start(1, first).kill_there();
    std::vector<unsigned> moments;
    {
      Storing child(start(2, Storing::all));
      child.wait();
      moments = child.moments(all_are_tried());
    }
    (void)look();
    const detail::Expected& expected = first == 0                 ? of_second_alone_
                                       : first == moments_.back() ? of_second_after_first_
                                                                  : of_two_;
    for (const unsigned second : some_of(moments, 6)) {
      SCOPED_TRACE(it_.name + ", killed after " + std::to_string(first) +
                   " stores, and the next one after " + std::to_string(second));
      begin_anew();
      start(1, first).kill_there();
      start(2, second).kill_there();
      expected.check(look(), count_);
      count_.killed_in_recovery();
    }
  }

  /// While one is stopped another comes.
  void meet(bool goes_on) {
    if (testing::Test::HasFailure()) return;
    detail::Expected expected(it_.also);
    detail::Expected while_they_live(it_.also);
    const auto meet_after = [&](unsigned k, auto&& then) {
      const auto [living, dead] = meet_after_stores(k, goes_on);
      then(while_they_live, living);
      then(expected, dead);
    };
    for (const unsigned k : {0U, Storing::all})
      meet_after(k, [](detail::Expected& all, const Seen& seen) { all.add(seen); });
    for (const unsigned k : some_of(moments_, 8)) {
      SCOPED_TRACE(it_.name + ", stopped after " + std::to_string(k) +
                   " stores, while another does it; then it " +
                   (goes_on ? "goes on" : "is killed"));
      meet_after(
          k, [this](const detail::Expected& all, const Seen& seen) { all.check(seen, count_); });
      count_.met();
    }
  }
  /// What is seen while the last of them lives, and after.
  std::pair<Seen, Seen> meet_after_stores(unsigned k, bool goes_on) {
    begin_anew();
    Seen living;
    {
      Storing first(start(1, k));
      first.wait();
      Storing second(start(2, Storing::all));
      wait_until([&] { return second.has_stopped() || is_asleep(second.pid()); },
                 "the second one had done it, or waited for the first one");
      if (goes_on) {
        first.go_on();
        wait_until([&] { return first.has_stopped() || second.has_stopped(); },
                   "one of the two had done it");
      }
      // What one has, until it is dead, the other one may be waiting for.
      const bool first_is_done = first.has_stopped();
      Storing& done = first_is_done ? first : second;
      Storing& other = first_is_done ? second : first;
      if (!goes_on || !other.has_stopped()) done.kill();
      other.wait();
      if (goes_on && it_.while_they_live) living = it_.while_they_live(world_);
    }
    return {living, look()};
  }

  void begin_anew() {
    beside_.clear();
    world_.begin_anew();
    it_.make(world_);
    for (const auto& f : it_.beside) {
      beside_.emplace_back([&] { f(world_); });
      wait_until([&] { return is_asleep(beside_.back().pid()); }, "one that is beside it slept");
    }
  }
  Storing start(int who, unsigned stores) {
    return Storing(
        SegmentInMemory::mapping, stores, [this, who] { it_.enter(world_, who); },
        [this, who] { it_.run(world_, who); });
  }
  [[nodiscard]] bool is_also(const Seen& seen) const {
    return std::ranges::any_of(seen, [this](auto& text) { return it_.also.contains(text); });
  }
  Seen look() {
    try {
      it_.let_go(world_);
      for (Child& one : beside_) EXPECT_EQ(one.exitcode(), 0) << "stuck, or torn";
      Seen seen = it_.look(world_);
      it_.drop(world_);
      world_.attach();  // sweeps
      if (world_->used() != 0) {
        count_.leaked();
        ADD_FAILURE() << "leaked: nothing is there, but " << world_->used() << " B are in use";
      } else if (!world_.is_whole()) {
        count_.leaked();
        ADD_FAILURE() << "leaked: not all of the memory can be had in one piece, and zeroed";
      }
      return seen;
    } catch (const std::exception& error) {
      count_.torn();
      ADD_FAILURE() << "torn: who looks at it is told: " << error.what();
      return {};
    }
  }

  const EitherOr& it_;
  KillCount count_{it_.name};
  SegmentInMemory world_;
  std::vector<Child> beside_;
  std::vector<unsigned> moments_;
  Seen of_nothing_;
  Seen of_all_;
  detail::Expected of_stopped_{it_.also};
  detail::Expected of_one_{it_.also};
  detail::Expected of_two_{it_.also};
  detail::Expected of_second_alone_{it_.also};
  detail::Expected of_second_after_first_{it_.also};
};

inline void kill_everywhere(const EitherOr& operation) {
  if constexpr (with_tsan || with_asan)
    GTEST_SKIP() << "the child would count the stores of the sanitizer";
  KilledEitherOr(operation).kill();
}

/// Operations on one object, in each of some states. What happens to another object like it comes
/// first in each child, so that the stores are those of the operation alone, not of a first use.
template <class Object>
struct OfObject {
  /// Of the object's place; or of that and another one, for what the object needs.
  struct Make {
    template <class F>
    Make(F f) {  // NOLINT: converts by design
      if constexpr (std::invocable<F&, const Place&, const Place&>)
        call = std::move(f);
      else
        call = [f = std::move(f)](const Place& place, const Place&) { return f(place); };
    }
    std::function<Object(const Place&, const Place&)> call;
  };
  struct State {
    std::string name;
    Make make;
  };
  struct Op {
    std::string name;
    std::function<void(Object&, int who)> run;
    std::function<void(Object&)> enter = [](Object&) {};
  };

  std::string type;
  std::vector<State> states;
  std::function<Seen(Object&)> look;
  std::function<Seen(Object&)> read = {};
  std::set<std::string> also = {};
  std::vector<std::function<void(Object&)>> beside = {};
  std::function<void(Object&)> let_go = [](Object&) {};

  void kill(const Op& op) const {
    for (const State& state : states) {
      std::array<std::optional<Object>, 3> objects;  // the one, and for each child one like it
      const auto name = [](std::size_t i) { return "object" + std::to_string(i); };
      EitherOr either_or{.name = type + ", " + state.name + ": " + op.name,
                         .make =
                             [&](SegmentInMemory& world) {
                               for (std::size_t i = 0; i < objects.size(); ++i)
                                 objects[i].emplace(state.make.call(
                                     (*world)[name(i)], (*world)["part of " + name(i)]));
                             },
                         .enter =
                             [&](SegmentInMemory&, int who) {
                               Object& like_it = *objects[static_cast<std::size_t>(who)];
                               op.enter(like_it);
                               op.run(like_it, who);
                               op.enter(*objects[0]);
                             },
                         .run = [&](SegmentInMemory&, int who) { op.run(*objects[0], who); },
                         .look = [&](SegmentInMemory&) { return look(*objects[0]); },
                         .drop =
                             [&](SegmentInMemory& world) {
                               for (auto& object : objects) object.reset();
                               for (const auto& entry : world->objects())
                                 EXPECT_TRUE(world->erase(entry.name));
                             },
                         .also = also,
                         .let_go = [&](SegmentInMemory&) { let_go(*objects[0]); }};
      for (const auto& f : beside)
        either_or.beside.emplace_back([&](SegmentInMemory&) { f(*objects[0]); });
      if (read) either_or.read = [&](SegmentInMemory&) { return read(*objects[0]); };
      kill_everywhere(either_or);
    }
  }
};

}  // namespace lagoon::test
