#include "helpers.hpp"
#include "numbers.hpp"

#include <lagoon/core/hands.hpp>
#include <lagoon/core/ring.hpp>

#include <new>
#include <optional>
#include <set>
#include <vector>

namespace lagoon::test::model {

namespace {

using core::Hands;
using core::Pages;
using core::Passed;
using core::Ring;

/// Who sleeps is woken, and finds what was put.
void queue_hands_on(Trial& trial) {
  const Numbers q(trial);
  trial.thread([=] {
    for (std::uint64_t i = 1; i <= 2; ++i) expect(q.get() == i, "in order");
  });
  trial.thread([=] {
    for (std::uint64_t i = 1; i <= 2; ++i) q.put(i);
  });
  trial.afterwards([=] {
    expect_no_rescue();
    q.expect_all_is_free(1);
  });
}

/// Two of each.
void queue_of_many(Trial& trial) {
  const Numbers q(trial);
  const auto got = truth<std::multiset<std::uint64_t>>();
  for (std::uint64_t who = 1; who <= 2; ++who) trial.thread([=] { q.put(who); });
  for (int t = 0; t < 2; ++t)
    trial.thread([=] {
      const auto x = q.get();
      got->insert(*x);
    });
  trial.afterwards([=] {
    expect(*got == std::multiset<std::uint64_t>{1, 2}, "each is got once");
    expect_no_rescue();
  });
}

/// Room for one: who waits for it is woken, and writes where others have read.
void queue_of_one(Trial& trial) {
  const Numbers q(trial, 1);
  trial.thread([=] {
    for (std::uint64_t i = 1; i <= 3; ++i) q.put(i);
  });
  trial.thread([=] {
    for (std::uint64_t i = 1; i <= 3; ++i) {
      expect(q.get() == i, "in order");
      expect(q->size() <= 1, "more than there may be");
    }
  });
  trial.afterwards(expect_no_rescue);
}

/// Two who sleep: the first that is woken takes what there is, and wakes the next.
void queue_with_two_who_sleep(Trial& trial) {
  const Numbers q(trial);
  const auto got = truth<int>();
  for (int t = 0; t < 2; ++t)
    trial.thread([=] {
      (void)q.get();
      ++*got;
    });
  trial.thread([=] {
    q.put(1);
    wait_until([=] { return *got == 1; });
    q.put(2);
  });
  trial.afterwards(expect_no_rescue);
}

/// Who puts looks whether one sleeps; who is about to sleep, whether something was put.
void queue_of_one_message(Trial& trial) {
  const Numbers q(trial);
  trial.thread([=] { q.put(1); });
  trial.thread([=] { expect(q.get() == 1, "it comes"); });
  trial.afterwards(expect_no_rescue);
}

/// And the other way round.
void queue_that_is_full(Trial& trial) {
  const Numbers q(trial, 1);
  q.put(1);
  trial.thread([=] { expect(q.get() == 1, "it is there"); });
  trial.thread([=] { q.put(2); });
  trial.afterwards(expect_no_rescue);
}

/// A page for one large message is anybody's again when that was put, and taken.
void queue_of_large_ones(Trial& trial) {
  const Numbers q(trial, 0, false, false, 5024);
  q.put(9);
  (void)q.get();
  for (std::uint64_t who = 1; who <= 2; ++who) trial.thread([=] { q.put(who); });
  trial.afterwards([=] {
    std::multiset<std::uint64_t> got;
    while (const auto x = q.get(Deadline::now())) got.insert(*x);
    expect(got == std::multiset<std::uint64_t>{1, 2}, "each is got once");
  });
}

/// One who reads, of two in a page, the second, is held up until that is the midst of another.
void queue_whose_page_is_written_anew(Trial& trial) {
  const Numbers q(trial, 0, false, true, 2016);
  q.put(1);
  q.put(2);
  (void)q.get();
  trial.thread([=] { (void)q.get(Deadline::now()); });
  trial.thread([=] {
    (void)q.get(Deadline::now());
    for (std::uint64_t i = 3; i <= 6; ++i) q.put_large(i);
  });
}

/// One who reads is held up while the page is used again.
void queue_whose_pages_are_used_again(Trial& trial) {
  const Numbers q(trial, 0, false, true);
  const auto got = truth<std::uint64_t>();
  trial.thread([=] {
    for (std::uint64_t i = 1; i <= 4; ++i) {
      q.put(i);
      if (const auto x = q.get(Deadline::now())) *got += *x;
    }
  });
  trial.thread([=] {
    if (const auto x = q.get(Deadline::now())) *got += *x;
  });
  trial.afterwards([=] {
    while (const auto x = q.get(Deadline::now())) *got += *x;
    expect(*got == 1 + 2 + 3 + 4, "each is got once");
  });
}

void queue_whose_users_are_killed(Trial& trial) {
  const Numbers q(trial);
  const auto got = truth<std::multiset<std::uint64_t>>();
  q.put(1);
  trial.thread([=] { q.put(2); }, true);
  trial.thread(
      [=] {
        if (const auto x = q.get(Deadline::now())) got->insert(*x);
      },
      true);
  trial.thread([=] { q.put(3); });
  trial.afterwards([=] {
    while (const auto x = q.get(Deadline::now())) got->insert(*x);
    for (const std::uint64_t x : {1, 2, 3}) expect(got->count(x) <= 1, "got twice");
    expect(got->count(3) + (was_killed(1) ? 1 : 0) >= 1, "lost");
    expect(got->size() + was_killed(0) + was_killed(1) >= 3, "more than one for each death");
    q.expect_all_is_free(was_killed(0) ? 1 : 2);
  });
}

/// One who waits among the dead gets what comes, soon.
void queue_with_one_who_waits(Trial& trial) {
  const Numbers q(trial);
  trial.thread([=] { (void)q.get(for_a_while()); }, true);
  trial.thread([=] { expect(q.get().has_value(), "it comes"); });
  trial.thread([=] {
    q.put(1);
    q.put(2);
  });
}

/// Five in a queue that has four pages.
void queue_that_grows_while_it_is_looked_at(Trial& trial) {
  const Numbers q(trial, 10);
  trial.thread([=] {
    for (std::uint64_t i = 1; i <= 5; ++i) q.put(i);
  });
  trial.thread([=] { q.expect_is_sound(); });
  trial.afterwards([=] {
    for (std::uint64_t i = 1; i <= 5; ++i) expect(q.get(Deadline::now()) == i, "in order");
  });
}

/// Pages alone: one, maybe, to which two come, where other things lay before. Those would lead to
/// what is no page.
class Sheets {
 public:
  Sheets(Trial& trial, bool has_one) : table_(&trial.make<Participants>()) {
    memory_ = trial.memory(no_page + 4096);
    pages_ = new (memory_ + 64) Pages(memory_);
    if (has_one) pages_->add(4096, 4096, 0);
    for (const std::size_t at : {8192, 12288})
      reinterpret_cast<core::Page*>(memory_ + at)
          ->next.store(no_page / Pages::unit, boost::memory_order_relaxed);
  }
  void add() const { pages_->add(8192, 8192, 0); }
  void take() const {
    const core::Page* const page = pages_->take(
        *table_, Participants::self(), 0, 4032, [] { return std::uint64_t{0}; },
        [](const core::Page&) { return true; });
    if (page != nullptr) expect(taken_->insert(page).second, "two have it");
  }
  void expect_is_sound() const { expect(pages_->is_sound(memory_, no_page), "led to no page"); }

 private:
  static constexpr std::uint32_t no_page = 16384;
  Participants* table_;
  std::byte* memory_;
  Pages* pages_;
  std::shared_ptr<std::set<const core::Page*>> taken_ = truth<std::set<const core::Page*>>();
};

void pages_that_are_added(Trial& trial, bool has_one) {
  const Sheets sheets(trial, has_one);
  trial.thread([=] { sheets.add(); });
  for (int t = 0; t < 2; ++t) trial.thread([=] { sheets.take(); });
  trial.afterwards([=] { sheets.expect_is_sound(); });
}
void pages_that_come_first(Trial& trial) { pages_that_are_added(trial, false); }
void pages_that_come_to_one(Trial& trial) { pages_that_are_added(trial, true); }

/// A ring of two slots, in which rings are closed and the next ones added; and hands.
class Slots {
 public:
  explicit Slots(Trial& trial, bool is_clean = true) : table_(&trial.make<Participants>()) {
    memory_ = trial.memory(16384);
    ring_ = new (memory_ + 64) Ring(memory_, 4096, 1);
    hands_ = new (memory_ + 2048) Hands(memory_);
    if (is_clean) hands_->add(8192);
    next_ = reinterpret_cast<Ring::Word*>(memory_ + 4096 + 64);
    // What is there before a ring, or hands, is as though there were tasks.
    constexpr std::uint64_t full = std::uint64_t{1} << 32;
    for (int i = 0; i < 4; ++i) new (&next_[i]) Ring::Word(is_clean ? 0 : full + nothing);
    // Who does not know yet where they lie is led to the beginning.
    new (memory_ + 8) Ring::Word(full + nothing);
  }
  void put(std::uint32_t x) const {
    for (;;) {
      const Ring::Spot end = ring_->tail();
      if (!end.is_empty()) continue;
      if (end.taker() != 0) hands_->settle(end.taker(), ring_->a_lap_before(end));
      if (!ring_->has_room(end)) {
        if (ring_->close(end)) continue;
        add();
        continue;
      }
      if (ring_->put(end, x)) return;
    }
  }
  /// The next ring.
  void add() const {
    for (int i = 0; i < 4; ++i) next_[i].store(0, boost::memory_order_relaxed);
    ring_->add(4096 + 64);
  }
  /// The first hands, where other things lay before.
  void add_hands() const {
    auto* const hand = reinterpret_cast<Hands::Hand*>(memory_ + 8192);
    for (int i = 0; i < 2; ++i) {
      hand[i].owner.store(core::nobody, boost::memory_order_relaxed);
      hand[i].task.store(0, boost::memory_order_relaxed);
      hand[i].ring.store(0, boost::memory_order_relaxed);
      hand[i].unit.store(0, boost::memory_order_relaxed);
    }
    hands_->add(8192);
  }
  void expect_is_sound() const {
    expect(ring_->is_sound(memory_, 4096, 1, 16384, 100), "taken for damaged");
  }
  /// Zero if there is none.
  std::uint32_t get() const {
    for (;;) {
      const Ring::Spot front = ring_->head();
      if (!front.is_full()) return 0;
      if (ring_->take(front)) return front.unit();
    }
  }
  std::uint32_t get_task(bool says_so = true) const {
    const std::uint32_t hand = hands_->take(*table_, Participants::self(), *ring_);
    for (;;) {
      const Ring::Spot front = ring_->head();
      if (!front.is_full()) return 0;
      hands_->want(hand, front);
      if (ring_->take(front, hand)) {
        if (says_so) hands_->settle(hand, front.position);
        return front.unit();
      }
      hands_->let_go(hand);
    }
  }
  /// As one who is killed before it takes it.
  void want() const {
    hands_->want(hands_->take(*table_, Participants::self(), *ring_), ring_->head());
  }
  std::uint32_t inherit() const {
    std::uint32_t task = 0;
    return hands_->inherit(*table_, Participants::self(), *ring_,
                           [&](std::uint32_t unit) { task = unit; })
               ? task
               : 0;
  }
  [[nodiscard]] bool done() const { return hands_->done(Participants::self(), *ring_); }
  Ring* operator->() const { return ring_; }
  [[nodiscard]] Hands& hands() const { return *hands_; }

 private:
  static constexpr std::uint32_t nothing = 98;  // no task has it; as a hand's, it says "holds"
  Participants* table_;
  std::byte* memory_;
  Ring* ring_;
  Hands* hands_;
  Ring::Word* next_;
};

/// Three in a ring of two: the next ring is where other things lay before.
void ring_that_grows(Trial& trial) {
  const Slots slots(trial, false);
  trial.thread([=] {
    for (std::uint32_t x = 1; x <= 3; ++x) slots.put(x);
  });
  trial.thread([=] {
    std::uint32_t last = 0;
    for (int i = 0; i < 3; ++i)
      if (const std::uint32_t x = slots.get(); x != 0)
        expect(x == std::exchange(last, x) + 1, "in order");
  });
  trial.afterwards([=] {
    while (slots.get() != 0) continue;
    slots.put(9);
    expect(slots.get() == 9, "and it goes on");
  });
}

void ring_that_grows_while_it_is_looked_at(Trial& trial) {
  const Slots slots(trial, false);
  trial.thread([=] { slots.expect_is_sound(); });
  trial.thread([=] {
    for (std::uint32_t x = 1; x <= 3; ++x) slots.put(x);
  });
}

/// Who takes and then looks at a word, and who stores there and then looks what can be taken, do
/// not miss each other.
void ring_from_which_one_takes(Trial& trial) {
  const Slots slots(trial);
  auto& word = trial.make<Ring::Word>(0U);
  const auto saw = truth<std::array<bool, 2>>();
  slots.put(1);
  trial.thread([=, &word] {
    (void)slots.get();
    (*saw)[0] = word.load() != 0;
  });
  trial.thread([=, &word] {
    word.fetch_or(1);
    (*saw)[1] = !slots->head().is_full();
  });
  trial.afterwards([=] { expect((*saw)[0] || (*saw)[1], "they missed each other"); });
}

/// One adds the next ring, another closes, a third comes through.
void ring_that_another_adds(Trial& trial) {
  const Slots slots(trial, false);
  const auto last = truth<std::uint32_t>();
  const auto get = [=] {
    if (const std::uint32_t x = slots.get(); x != 0)
      expect(x == std::exchange(*last, x) + 1, "in order");
  };
  const auto is_there = truth<bool>();
  trial.thread([=] {
    slots.add();
    *is_there = true;
  });
  trial.thread([=] {
    wait_until([=] { return *is_there; });
    for (std::uint32_t x = 1; x <= 2; ++x) slots.put(x);
  });
  trial.thread([=] {
    for (int i = 0; i < 2; ++i) get();
  });
  trial.afterwards([=] {
    for (int i = 0; i < 2; ++i) get();
    expect(*last == 2, "lost");
  });
}

/// Two put where one is to close it.
void ring_that_two_fill(Trial& trial) {
  const Slots slots(trial);
  slots.add();
  const auto got = truth<std::multiset<std::uint32_t>>();
  trial.thread([=] {
    slots.put(1);
    slots.put(2);
  });
  trial.thread([=] {
    for (int i = 0; i < 2; ++i)
      if (const std::uint32_t x = slots.get()) got->insert(x);
  });
  trial.thread([=] { slots.put(3); });
  trial.afterwards([=] {
    while (const std::uint32_t x = slots.get()) got->insert(x);
    expect(*got == std::multiset<std::uint32_t>{1, 2, 3}, "each once");
  });
}

/// The slot is used again while nobody has said who took what was there.
void tasks_whose_slot_is_used_again(Trial& trial) {
  const Slots slots(trial);
  const auto had = truth<std::multiset<std::uint32_t>>();
  slots.put(1);
  for (int t = 0; t < 2; ++t)
    trial.thread(
        [=] {
          if (const std::uint32_t x = slots.get_task(); x != 0 && slots.done()) had->insert(x);
        },
        true);
  trial.thread([=] {
    slots.put(2);
    slots.put(3);
  });
  trial.afterwards([=] {
    while (const std::uint32_t x = slots.inherit()) {
      had->insert(x);
      expect(slots.done(), "it is ours");
    }
    while (const std::uint32_t x = slots.get_task()) {
      had->insert(x);
      expect(slots.done(), "it is ours");
    }
    expect(!slots.done() && !slots.hands().any_holds(*slots.operator->()), "all are done");
    for (const std::uint32_t x : {1, 2, 3})
      expect(had->count(x) == 1 || (was_killed(0) || was_killed(1)), "each was done once");
  });
}

/// The first hands come while one looks for one.
void tasks_of_which_nobody_had_any(Trial& trial) {
  const Slots slots(trial, false);
  const Work work(trial);
  const auto has_it = truth<bool>();
  slots.put(1);
  trial.thread([=] { slots.add_hands(); });
  trial.thread(
      [=] {
        if (slots.hands().pieces() == 0) return;
        expect(slots.get_task() == 1, "it is there");
        *has_it = true;
        work();
      },
      true);
  trial.afterwards([=] {
    if (*has_it && was_killed(1)) expect(slots.inherit() == 1, "lost");
  });
}
/// Or while one looks what is in them.
void tasks_that_nobody_has(Trial& trial) {
  const Slots slots(trial, false);
  trial.thread([=] {
    slots.add_hands();
    (void)slots.get_task();
  });
  trial.thread([=] { expect(!slots.hands().any_holds(*slots.operator->()), "there are none"); });
}

/// One has two of them; a hand that it has no more use for another has next.
void tasks_two_in_hands(Trial& trial) {
  const Slots slots(trial);
  slots.add();
  for (std::uint32_t x = 1; x <= 3; ++x) slots.put(x);
  trial.thread([=] {
    for (int i = 0; i < 2; ++i) (void)slots.get_task();
    for (int i = 0; i < 2; ++i) expect(slots.done(), "it is ours");
  });
  trial.thread([=] { (void)slots.get_task(); }, true);
  trial.afterwards([=] {
    while (const std::uint32_t x = slots.inherit()) {
      expect(was_killed(1), "handed out twice");
      expect(slots.done(), "it is ours");
      (void)x;
    }
  });
}

/// A hand whose owner died wanting something is emptied by one, and another's next.
void tasks_that_the_dead_wanted(Trial& trial) {
  const Slots slots(trial);
  slots.put(1);
  slots.want();
  trial.thread([=] { (void)slots.inherit(); });
  trial.thread([=] {
    if (slots.get_task() != 0) expect(slots.done(), "it is ours");
  });
}

/// One has not said that it has the task; who puts in its slot says it. Another has seen meanwhile
/// that the task was taken.
void tasks_that_others_say_one_has(Trial& trial) {
  const Slots slots(trial);
  const auto phase = truth<int>();
  slots.put(1);
  trial.thread([=] {
    (void)slots.get_task(false);
    *phase = 1;
  });
  trial.thread([=] {
    wait_until([=] { return *phase == 1; });
    slots.put(2);
    (void)slots.get();
    *phase = 2;
    wait_until([=] { return *phase == 3; });
    slots.put(3);
    *phase = 4;
  });
  trial.thread([=] {
    wait_until([=] { return *phase == 2; });
    const bool was_taken = slots->head().position >= 1;
    *phase = 3;
    wait_until([=] { return *phase == 4; });
    expect(slots.hands().any_holds(*slots.operator->()) || !was_taken, "somebody has it");
  });
}

/// While two look for what the dead have left.
void tasks_of_the_dead(Trial& trial) {
  const Slots slots(trial);
  const auto had = truth<std::multiset<std::uint32_t>>();
  slots.put(1);
  trial.thread([=] { (void)slots.get_task(); }, true);
  for (int t = 0; t < 2; ++t)
    trial.thread([=] {
      if (const std::uint32_t x = slots.inherit()) had->insert(x);
    });
  trial.afterwards([=] {
    if (const std::uint32_t x = slots.inherit()) had->insert(x);
    if (const std::uint32_t x = slots.get_task()) had->insert(x);
    expect(had->count(1) == (was_killed(0) ? 1U : 0U), "handed out once, to another");
  });
}

void tasks_joined(Trial& trial) {
  const Numbers q(trial, 0, true);
  auto& work = trial.make<Plain<int>>(0);
  q.put(1);
  trial.thread([=, &work] {
    expect(q.get(Deadline::now()) == 1, "it is there");
    work = 1;
    expect(q->done(), "it is ours");
  });
  trial.thread([=, &work] {
    expect(q->join(Deadline::never()) == Passed::yes, "joined");
    expect(work == 1, "what was done is seen");
  });
  trial.afterwards([=] {
    expect_no_rescue();
    q.expect_all_is_free(0);
  });
}

/// What is in hands lies where it lay.
void tasks_whose_pages_are_not_used(Trial& trial) {
  const Numbers q(trial, 0, true);
  const auto done = truth<std::multiset<std::uint64_t>>();
  q.put(1);
  trial.thread(
      [=] {
        if (const auto x = q.get(Deadline::now())) {
          if (q->done()) done->insert(*x);
        }
      },
      true);
  trial.thread([=] {
    for (std::uint64_t i = 2; i <= 5; ++i) {
      q.put(i);
      const auto x = q.get(Deadline::now());
      if (x && q->done()) done->insert(*x);
    }
  });
  trial.afterwards([=] {
    while (const auto x = q.get(Deadline::now())) {
      done->insert(*x);
      expect(q->done(), "it is ours");
    }
    expect(q->join(Deadline::now()) == Passed::yes, "all are done");
    for (std::uint64_t i = 1; i <= 5; ++i)
      expect(done->count(i) == 1 || was_killed(0), "each was done once");
  });
}

}  // namespace

std::vector<Named> of_queues() {
  // The small ones first: each order is weakened there first (orders_test.cpp).
  return {{"pages_that_come_first", pages_that_come_first},
          {"pages_that_come_to_one", pages_that_come_to_one},
          {"ring_that_grows", ring_that_grows, {3}},
          {"ring_that_grows_while_it_is_looked_at", ring_that_grows_while_it_is_looked_at},
          {"ring_from_which_one_takes", ring_from_which_one_takes},
          {"ring_that_another_adds", ring_that_another_adds},
          {"ring_that_two_fill", ring_that_two_fill},
          {"tasks_whose_slot_is_used_again", tasks_whose_slot_is_used_again},
          {"tasks_of_which_nobody_had_any", tasks_of_which_nobody_had_any},
          {"tasks_that_nobody_has", tasks_that_nobody_has},
          {"tasks_that_the_dead_wanted", tasks_that_the_dead_wanted, {4}},
          {"tasks_that_others_say_one_has", tasks_that_others_say_one_has},
          {"tasks_two_in_hands", tasks_two_in_hands},
          {"tasks_of_the_dead", tasks_of_the_dead, {3}},
          {"tasks_joined", tasks_joined, {3}},
          {"queue_hands_on", queue_hands_on},
          {"queue_of_many", queue_of_many},
          {"queue_of_one", queue_of_one},
          {"queue_with_two_who_sleep", queue_with_two_who_sleep},
          {"queue_of_one_message", queue_of_one_message, {3}},
          {"queue_that_is_full", queue_that_is_full, {3}},
          {"queue_of_large_ones", queue_of_large_ones},
          {"queue_whose_page_is_written_anew", queue_whose_page_is_written_anew},
          {"queue_whose_pages_are_used_again", queue_whose_pages_are_used_again},
          {"queue_whose_users_are_killed", queue_whose_users_are_killed},
          {"queue_with_one_who_waits", queue_with_one_who_waits},
          {"queue_that_grows_while_it_is_looked_at", queue_that_grows_while_it_is_looked_at},
          {"tasks_whose_pages_are_not_used", tasks_whose_pages_are_not_used}};
}

}  // namespace lagoon::test::model
