#pragma once
/// What scenarios are made of.

#include <lagoon/core/owned_word.hpp>

#include <algorithm>
#include <boost/atomic/ipc_atomic.hpp>
#include <chrono>
#include <cstdint>
#include <memory>

#include "scenarios.hpp"

namespace lagoon::test::model {

using core::Deadline;
using core::nobody;
using core::OwnedWord;
using core::Owner;
using core::Participants;
using core::Taken;

/// What is true at each moment, whatever the threads can see of it: no part of the run's memory.
/// The threads of a run share it, and it ends with the run.
template <class T>
std::shared_ptr<T> truth() {
  return std::make_shared<T>();
}

inline bool is_held(Taken taken) { return taken <= Taken::from_dead; }

/// No wake-up was missed: nobody had to sleep until the end of a slice.
inline void expect_no_rescue() {
  expect(was_disturbed() || rescues() == 0, "a wake-up was missed: a slice of sleep had to end");
}

/// How long who waits has to wait, from the moment at which what it waits for can be had. By the
/// model's time, in which nobody could run: who was only held up has not waited.
class Waits {
 public:
  /// Nobody who lives has it any more, or it has been told.
  void can_end() { since_ = idle(); }
  /// A killed one has no part in it: its wait ends with no slice of sleep.
  void ended_at_once() const {
    expect(idle() <= since_, "a wake-up was missed: a slice of sleep had to end");
  }
  /// Of a death: in 10 ms or less after it.
  void ended_soon() const {
    expect(idle() - std::max(since_, idle_when_disturbed()) <= 10'000'000, "not soon");
  }

 private:
  std::int64_t since_ = 0;
};

/// For one who may wait for one who died on the way.
inline Deadline for_a_while() { return Deadline::after(std::chrono::milliseconds(100)); }

/// Who is in, and what they count there.
struct Section {
  int in = 0;
  int done = 0;

  void enter() { expect(++in == 1, "two are in"); }
  void leave() {
    ++done;
    --in;
  }
};

/// Each thread takes it `times`; take() is whether it has it, give() gives it back.
template <class Take, class Give>
void one_at_a_time(Trial& trial, unsigned threads, int times, Take take, Give give) {
  auto& sum = trial.make<Plain<int>>(0);
  const auto section = truth<Section>();
  for (unsigned t = 0; t < threads; ++t)
    trial.thread([=, &sum] {
      for (int i = 0; i < times; ++i) {
        if (!take()) continue;
        section->enter();
        sum = sum + 1;
        section->leave();
        give();
      }
    });
  trial.afterwards([=, &sum] {
    expect(sum == section->done && section->done == static_cast<int>(threads) * times,
           "all have had it");
  });
}

/// Something to be done with it: a step at which the others may run, or this one be killed.
class Work {
 public:
  explicit Work(Trial& trial) : word_(&trial.make<boost::ipc_atomic<std::uint32_t>>(0U)) {}
  void operator()() const {
    word_->store(word_->load(boost::memory_order_relaxed) + 1, boost::memory_order_relaxed);
  }

 private:
  boost::ipc_atomic<std::uint32_t>* word_;
};

/// Who has something that is taken over from the dead, and that its takers are told.
class Owners {
 public:
  void tries() { of_[self()] = trying; }
  void took(bool told) {
    unsigned* died_with_it = nullptr;
    unsigned* died_near_it = nullptr;  // taking or giving back: it had it or had not
    for (unsigned t = 0; t < most_threads; ++t) {
      if (of_[t] == out || t == self()) continue;
      expect(of_[t] != in || was_killed(t), "two have it");
      if (was_killed(t)) (of_[t] == in ? died_with_it : died_near_it) = &of_[t];
    }
    if (!told)
      return expect(died_with_it == nullptr, "who took it from the dead is not told"), have();
    unsigned* const from = died_with_it != nullptr ? died_with_it : died_near_it;
    expect(from != nullptr, "told of a death that was not");
    *from = out;
    have();
  }
  void gives_back() { of_[self()] = leaving; }
  void gave_back() { of_[self()] = out; }

 private:
  enum Is : unsigned { out, trying, in, leaving };
  void have() { of_[self()] = in; }
  unsigned of_[most_threads + 1] = {};
};

}  // namespace lagoon::test::model
