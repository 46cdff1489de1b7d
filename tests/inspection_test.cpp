/// What can be seen of each type from outside, without storing anything.

#include <lagoon/lagoon.hpp>
#include <lagoon/locks/reader_writer.hpp>
#include <lagoon/locks/ttas.hpp>

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstring>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "child.hpp"
#include "rendezvous.hpp"
#include "shm_name.hpp"

namespace lagoon {
struct Tick {
  std::int32_t id;
  std::int32_t size;
  double price;
};
template <>
inline constexpr std::string_view type_name<Tick> = "Tick";
struct Wide {
  std::uint64_t words[64];
};
template <>
inline constexpr std::string_view type_name<Wide> = "Wide";

namespace {

using test::Child;
using test::ShmName;

/// Made here, and seen through an attachment that may not write.
class InspectionOf : public testing::Test {
 protected:
  Inspection seen(const std::string& object) const { return *Inspection::of(reader, object); }

  ShmName shm;
  Segment segment = Segment::create(shm.str());
  Segment reader = Segment::open_read_only(shm.str());
};

TEST_F(InspectionOf, NothingIsNothing) { EXPECT_FALSE(Inspection::of(reader, "none")); }

TEST_F(InspectionOf, ValuesOfEachMode) {
  const Value<int> atomic(segment["a"], -7);
  const Value<double, mode::locked> locked(segment["l"], 1.5);
  const Value<bool, mode::raw> raw(segment["r"], true);
  const Value<wchar_t> wide(segment["w"], L'\u00e9');
  const Value<char> narrow(segment["c"], 'x');
  EXPECT_EQ(seen("a").value(), Object(-7));
  EXPECT_EQ(seen("l").value(), Object(1.5));
  EXPECT_EQ(seen("r").value(), Object(true));
  EXPECT_EQ(seen("w").value(), Object("\u00e9"));
  EXPECT_EQ(seen("c").value(), Object("x"));
  EXPECT_EQ(seen("a").type(), "Value<int32, atomic>");
  EXPECT_EQ(seen("a").text(), "-7");
  EXPECT_EQ(seen("w").text(), "'\u00e9'");
  EXPECT_TRUE(seen("a").is_value());
  EXPECT_FALSE(seen("a").changes());
  EXPECT_FALSE(seen("a").holder());
  EXPECT_THROW((void)seen("a").elements(), TypeMismatch);
  EXPECT_THROW((void)seen("a").items(), TypeMismatch);
}

TEST_F(InspectionOf, StructsAsBytesWhole) {
  Value<Tick> tick(segment["t"], {1, 2, 0.5});
  for (int i = 0; i < 5; ++i) {
    tick = Tick{i, 2 * i, 0.5 * i};
    const Object bytes = seen("t").value();
    Tick copy{};
    const auto view = bytes.get<std::span<const std::byte>>();
    ASSERT_EQ(view.size(), sizeof copy);
    std::memcpy(&copy, view.data(), sizeof copy);
    EXPECT_EQ(copy.id, i);
    EXPECT_EQ(copy.price, 0.5 * i);
    EXPECT_EQ(seen("t").changes(), static_cast<std::uint64_t>(i) + 1);
  }
  const Array<Tick> ticks(segment["ts"], std::vector<Tick>{{1, 2, 3}, {4, 5, 6}});
  EXPECT_EQ(seen("ts").elements().size(), 2U);
  EXPECT_EQ(seen("ts").at(1).size(), sizeof(Tick));
}

template <class Mode>
void expect_elements(const Segment& segment, const Segment& reader, const std::string& name) {
  Array<short, Mode> array(segment[name], std::vector<short>{1, -2, 3, -4, 5});
  const auto seen = *Inspection::of(reader, name);
  EXPECT_TRUE(seen.has_elements());
  EXPECT_EQ(seen.size(), 5U);
  EXPECT_EQ(seen.elements(), (std::vector<Object>{1, -2, 3, -4, 5}));
  EXPECT_EQ(seen.elements(-2), (std::vector<Object>{-4, 5}));
  EXPECT_EQ(seen.elements({}, {}, -2), (std::vector<Object>{5, 3, 1}));
  array.set(4, 9);
  EXPECT_EQ(seen.at(-1), Object(9));
  EXPECT_THROW((void)seen.at(5), OutOfRange);
  EXPECT_THROW((void)seen.at(-6), OutOfRange);
  EXPECT_THROW((void)seen.at("x"), TypeMismatch);
  EXPECT_EQ(seen.text(), "<Array(5 elements)>");
}

TEST_F(InspectionOf, ArraysOfEachMode) {
  expect_elements<mode::seqlocked>(segment, reader, "s");
  expect_elements<mode::atomic>(segment, reader, "a");
  expect_elements<mode::locked>(segment, reader, "l");
  expect_elements<mode::raw>(segment, reader, "r");
  expect_elements<mode::locked_by<locks::ReaderWriterLock>>(segment, reader, "w");
  expect_elements<mode::locked_by<Lock>>(segment, reader, "o");
  EXPECT_EQ(seen("s").changes(), 1U);
  const Array<int, mode::locked_by<locks::TtasLock>> other(segment["other"], 2);
  EXPECT_THROW((void)seen("other").elements(), TypeMismatch);
}

TEST_F(InspectionOf, Containers) {
  Dict<std::string, double> dict(segment["d"]);
  dict.set("gold", 1.5);
  dict.set("iron", 0.25);
  Dict<> objects(segment["o"]);
  List<int> list(segment["l"]);
  for (int i = 0; i < 4; ++i) list.append(i);
  Namespace names(segment["n"]);
  names.set("x", 1);
  List<> inner{segment.nameless()};
  inner.append("deep");
  objects.set("inner", inner);

  using Items = std::vector<Inspection::Item>;
  EXPECT_EQ(seen("d").items(), (Items{{"gold", 1.5}, {"iron", 0.25}}));
  EXPECT_EQ(seen("d").items(1), (Items{{"gold", 1.5}}));
  EXPECT_EQ(seen("d").at("iron"), Object(0.25));
  EXPECT_THROW((void)seen("d").at("tin"), OutOfRange);
  const auto before = seen("d").changes();
  ASSERT_TRUE(before);
  dict.set("iron", 0.5);
  EXPECT_EQ(seen("d").changes(), *before + 1);
  EXPECT_EQ(seen("d").text(), "<Dict(2 items)>");
  EXPECT_EQ(seen("l").elements(1, 3), (std::vector<Object>{1, 2}));
  EXPECT_EQ(seen("l").at(-1), Object(3));
  EXPECT_THROW((void)seen("l").at(4), OutOfRange);
  EXPECT_EQ(seen("n").items(), (Items{{"x", 1}}));
  EXPECT_EQ(seen("n").at("x"), Object(1));
  const Inspection deep(seen("o").at("inner"));
  EXPECT_EQ(deep.elements(), (std::vector<Object>{"deep"}));
  EXPECT_THROW(Inspection(Object(1)), TypeMismatch);
  Object reference = seen("o").at("inner");
  EXPECT_THROW(reference.append(1), ReadOnly);

  const Dict<int, Tick> of_structs(segment["ds"]);
  EXPECT_EQ(seen("ds").size(), 0U);
}

TEST_F(InspectionOf, QueuesAndWhatSynchronizes) {
  Queue<int> queue(segment["q"], 10);
  queue.put(1);
  queue.put(2);
  (void)queue.get();
  EXPECT_EQ(seen("q").size(), 1U);
  EXPECT_EQ(seen("q").changes(), 3U);
  EXPECT_EQ(seen("q").text(), "<Queue(size=1, maxsize=10)>");
  Event event(segment["e"]);
  event.set();
  event.clear();
  event.set();
  EXPECT_EQ(seen("e").text(), "<Event(set)>");
  EXPECT_EQ(seen("e").changes(), 2U);
  const Semaphore semaphore(segment["s"], 3);
  EXPECT_EQ(seen("s").text(), "<Semaphore(value=3)>");
  const BoundedSemaphore bounded(segment["b"], 3);
  EXPECT_EQ(seen("b").text(), "<BoundedSemaphore(value=3, maxvalue=3)>");
  Barrier barrier(segment["bar"], 1);
  (void)barrier.wait();
  EXPECT_EQ(seen("bar").changes(), 1U);
  const Condition condition(segment["c"]);
  EXPECT_EQ(seen("c").text(), "<Condition(waiters=0)>");
  Lock lock(segment["lock"]);
  const Condition with_lock(segment["with lock"], lock);
  EXPECT_EQ(seen("with lock").text(), "<Condition(waiters=0)>");
  RLock rlock(segment["r"]);
  EXPECT_EQ(seen("r").text(), "<RLock(free)>");
}

TEST_F(InspectionOf, WhatWasErasedIsGone) {
  const Value<int> value(segment["value"], 1);
  const List<int> list(segment["list"]);
  const Queue<int> queue(segment["queue"]);
  const Lock lock(segment["lock"]);
  for (const char* name : {"value", "list", "queue", "lock"}) {
    const auto it = seen(name);
    segment.erase(name);
    EXPECT_TRUE(it.gone()) << name;
    EXPECT_THROW((void)it.text(), Gone) << name;
    EXPECT_THROW((void)it.has_waiters(), Gone) << name;
    EXPECT_FALSE(Inspection::of(reader, name)) << name;
  }
}

TEST_F(InspectionOf, WhoHasIt) {
  Lock lock(segment["lock"]);
  EXPECT_FALSE(seen("lock").holder());
  lock.acquire();
  ASSERT_TRUE(seen("lock").holder());
  EXPECT_EQ(seen("lock").holder()->thread, static_cast<std::uint32_t>(::gettid()));
  EXPECT_FALSE(seen("lock").holder()->is_dead);
  EXPECT_EQ(seen("lock").text(), "<Lock(held)>");
  lock.release();
  EXPECT_FALSE(seen("lock").holder());

  Child child([&] {
    lock.acquire();
    ::kill(::getpid(), SIGKILL);
  });
  const auto pid = static_cast<std::uint32_t>(child.pid());
  (void)child.wait();
  ASSERT_TRUE(seen("lock").holder());
  EXPECT_EQ(seen("lock").holder()->thread, pid);
  EXPECT_TRUE(seen("lock").holder()->is_dead);
  EXPECT_EQ(seen("lock").text(), "<Lock(free)>");
}

TEST_F(InspectionOf, WhoChangesItNow) {
  Array<int> array(segment["a"], 4);
  Dict<int, int> dict(segment["d"]);
  dict.set(1, 1);
  array.write([&](auto&&) { EXPECT_EQ(seen("a").holder()->thread, std::uint32_t(::gettid())); });
  dict.update_value(1, [&](int x) {
    EXPECT_EQ(seen("d").holder()->thread, std::uint32_t(::gettid()));
    EXPECT_EQ(seen("d").at(1), Object(1));
    return x + 1;
  });
  EXPECT_FALSE(seen("a").holder());
  EXPECT_FALSE(seen("d").holder());
}

TEST_F(InspectionOf, HowOthersWait) {
  Lock lock(segment["lock"]);
  BoundedSemaphore bounded(segment["bounded"], 1);
  Array<int> array(segment["array"], 4);
  lock.acquire();
  bounded.acquire();
  const auto expect_seen = [&](const std::string& object, const std::function<void()>& wait,
                               const std::function<void()>& give_back) {
    EXPECT_EQ(seen(object).waits().waited, 0U) << object;
    EXPECT_TRUE(seen(object).waits().waiting.empty()) << object;
    Child killed(wait);
    while (seen(object).waits().waiting.empty()) sched_yield();  // or the watchdog ends it
    EXPECT_EQ(seen(object).waits().waiting,
              (std::vector{Inspection::Waiter{std::uint32_t(killed.pid()), false}}))
        << object;
    killed.kill();
    (void)killed.wait();
    EXPECT_TRUE(seen(object).waits().waiting.empty()) << object;
    Child child(wait);
    while (seen(object).waits().waiting.empty()) sched_yield();
    give_back();
    EXPECT_EQ(child.wait(), 0);
    EXPECT_TRUE(seen(object).waits().waiting.empty()) << object;
    EXPECT_EQ(seen(object).waits().waited, 2U) << object;
    EXPECT_EQ(seen(object).waits().read_again, 0U) << object;
  };
  expect_seen(
      "lock",
      [&] {
        lock.acquire();
        lock.release();
      },
      [&] { lock.release(); });
  expect_seen(
      "bounded",
      [&] {
        bounded.acquire();
        bounded.release();
      },
      [&] { bounded.release(); });
}

TEST_F(InspectionOf, WhoWaitsUntilADeadlineAndWhoIsSeenToWaitIsCounted) {
  Lock lock(segment["lock"]);
  lock.acquire();
  const Child trier([&] {
    while (!lock.acquire(std::chrono::microseconds(100))) {
    }
  });
  for (std::uint64_t seen_waiting = 0, counted = 0; seen_waiting < 100;) {
    const auto waits = seen("lock").waits();
    EXPECT_GE(waits.waited, counted);
    counted = waits.waited;
    if (waits.waiting.empty()) continue;
    ++seen_waiting;
    EXPECT_GE(waits.waited, 1U);
    EXPECT_EQ(waits.waiting, (std::vector{Inspection::Waiter{std::uint32_t(trier.pid()), true}}));
  }
}

TEST_F(InspectionOf, HowOftenReadersWereOvertaken) {
  Array<std::uint64_t> array(segment["array"], 4096);
  Value<Wide> value(segment["value"], Wide{});
  const Child writer([&] {  // until it is killed
    for (std::uint64_t i = 0;; ++i) {
      array.set(i % 4096, i);
      value.set(Wide{{i}});
    }
  });
  std::vector<std::uint64_t> copy(4096);
  while (seen("array").waits().read_again == 0) array.snapshot_into(copy);
  while (seen("value").waits().read_again == 0) (void)value.get();
  EXPECT_EQ(seen("array").waits().waited, 0U);
  EXPECT_TRUE(seen("value").waits().waiting.empty());
}

TEST_F(InspectionOf, WhetherSomebodySleeps) {
  Lock lock(segment["lock"]);
  Semaphore semaphore(segment["semaphore"], 0);
  BoundedSemaphore bounded(segment["bounded"], 1);
  Event event(segment["event"]);
  Barrier barrier(segment["barrier"], 2);
  Condition condition(segment["condition"]);
  Queue<int> empty(segment["empty"]);
  Queue<int> full(segment["full"], 1);
  Array<int> array(segment["array"], 4);
  List<int> list(segment["list"]);
  lock.acquire();
  bounded.acquire();
  full.put(1);
  const auto expect_seen = [&](const std::string& object, const std::function<void()>& sleep) {
    EXPECT_FALSE(seen(object).has_waiters()) << object;
    Child child(sleep);
    while (!seen(object).has_waiters()) sched_yield();  // or the watchdog ends it
    child.kill();
    (void)child.wait();
  };
  expect_seen("lock", [&] { lock.acquire(); });
  expect_seen("semaphore", [&] { semaphore.acquire(); });
  expect_seen("bounded", [&] { bounded.acquire(); });
  expect_seen("event", [&] { event.wait(); });
  expect_seen("barrier", [&] { barrier.wait(); });
  expect_seen("condition", [&] {
    condition.acquire();
    condition.wait();
  });
  Condition held(segment["held"]);
  held.acquire();
  expect_seen("held", [&] { held.acquire(); });
  expect_seen("empty", [&] { (void)empty.get(); });
  expect_seen("full", [&] { full.put(2); });
  array.write([&](auto&&) { expect_seen("array", [&] { array.set(0, 1); }); });
  list.append(1);
  list.update_value(0, [&](int x) {
    expect_seen("list", [&] { list.append(2); });
    return x;
  });
}

}  // namespace
}  // namespace lagoon
