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
/// Of many stores by one instruction, a copy's, some are tried; in recovery, of all, others in each
/// run. With LAGOON_TEST_ALL=1 all are.
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

#include "kill_count.hpp"
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
  };                                                          // in each child, 1 and 2
  std::function<void(SegmentInMemory&, int who)> run;         // there, until it is killed
  std::function<Seen(SegmentInMemory&)> look;                 // here; it may change what is there
  std::function<Seen(SegmentInMemory&)> read = {};            // here, while one is stopped
  std::function<void(SegmentInMemory&)> drop = [](auto&) {};  // here: what `make` has made
  std::set<std::string> also = {};                            // what may be seen besides
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
    for (const unsigned k : some_of(moments_, 60)) {
      SCOPED_TRACE(it_.name + ", killed after " + std::to_string(k) + " stores");
      begin_anew();
      {
        const Storing child = stopped_after(1, k);
        if (it_.read) of_stopped_.check(it_.read(world_), count_);
      }
      const Seen seen = look();
      of_one_.check(seen, count_);
      if (it_.also.empty() && of_nothing_ != of_all_) {
        EXPECT_FALSE(has_happened && seen == of_nothing_) << "torn: it has happened, and has not";
        has_happened = has_happened || seen == of_all_;
      }
      count_.killed();
      if (testing::Test::HasFailure()) return count_.failed();
    }
    for (const unsigned first : some_of(moments_, 6)) kill_in_recovery_from(first);
  }

 private:
  void look_what_may_be_seen() {
    for (const bool whole : {false, true}) {
      const unsigned first = whole ? Storing::all : 0;
      begin_anew();
      {
        const Storing child = stopped_after(1, first);
        if (it_.read) of_stopped_.add(it_.read(world_));
        moments_ = child.moments(all_are_tried());
      }
      (whole ? of_all_ : of_nothing_) = look();
      for (const unsigned second : {0U, Storing::all}) {
        begin_anew();
        stopped_after(1, first).kill();
        stopped_after(2, second).kill();
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
    stopped_after(1, first).kill();
    const std::vector<unsigned> moments = stopped_after(2, Storing::all).moments(all_are_tried());
    (void)look();
    const detail::Expected& expected = first == 0                 ? of_second_alone_
                                       : first == moments_.back() ? of_second_after_first_
                                                                  : of_two_;
    for (const unsigned second : some_of(moments, 6)) {
      SCOPED_TRACE(it_.name + ", killed after " + std::to_string(first) +
                   " stores, and the next one after " + std::to_string(second));
      begin_anew();
      stopped_after(1, first).kill();
      stopped_after(2, second).kill();
      expected.check(look(), count_);
      count_.killed_in_recovery();
    }
    if (testing::Test::HasFailure()) count_.failed();
  }

  void begin_anew() {
    world_.begin_anew();
    it_.make(world_);
  }
  Storing stopped_after(int who, unsigned stores) {
    return Storing(
        SegmentInMemory::mapping, stores, [&] { it_.enter(world_, who); },
        [&] { it_.run(world_, who); });
  }
  Seen look() {
    try {
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
  struct State {
    std::string name;
    std::function<Object(const Place&)> make;
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

  void kill(const Op& op) const {
    for (const State& state : states) {
      std::array<std::optional<Object>, 3> objects;  // the one, and for each child one like it
      const auto name = [](std::size_t i) { return "object" + std::to_string(i); };
      EitherOr either_or{.name = type + ", " + state.name + ": " + op.name,
                         .make =
                             [&](SegmentInMemory& world) {
                               for (std::size_t i = 0; i < objects.size(); ++i)
                                 objects[i].emplace(state.make((*world)[name(i)]));
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
                               for (std::size_t i = 0; i < objects.size(); ++i) {
                                 objects[i].reset();
                                 EXPECT_TRUE(world->erase(name(i)));
                               }
                             },
                         .also = also};
      if (read) either_or.read = [&](SegmentInMemory&) { return read(*objects[0]); };
      kill_everywhere(either_or);
    }
  }
};

}  // namespace lagoon::test
