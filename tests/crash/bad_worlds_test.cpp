// Worlds in which others give up: no descriptors left, forks among many threads, signals all the
// time, more processes than anyone planned for. (A full file system, a limit of address space and
// damaged files: ../segment_test.cpp.)
#include <lagoon/lagoon.hpp>
#include <lagoon/locks/reader_writer.hpp>

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "child.hpp"
#include "expect_throw.hpp"
#include "rendezvous.hpp"
#include "sanitizers.hpp"
#include "shm_name.hpp"
#include "ticking.hpp"

namespace {

int right_readings = -1;  // of the clock on the wall, then it goes back an hour each time; -1: all
int wrong_readings = 0;

}  // namespace

/// Instead of the system's: a clock can be set back here without the machine's.
extern "C" int clock_gettime(clockid_t clock, timespec* t) noexcept {
  const int result = static_cast<int>(syscall(SYS_clock_gettime, clock, t));
  if (clock == CLOCK_REALTIME && right_readings >= 0 && --right_readings < 0) {
    t->tv_sec -= 3600 * ++wrong_readings;
    right_readings = 0;
  }
  return result;
}

namespace {

using namespace std::chrono_literals;
using lagoon::Segment;
using lagoon::test::Child;
using lagoon::test::expect_throw;
using lagoon::test::ShmName;
using lagoon::test::wait_until;
using lagoon::test::with_asan;
using lagoon::test::with_tsan;
using std::chrono::steady_clock;

// ---- No descriptors ---------------------------------------------------------------------------

TEST(OutOfDescriptors, making_and_opening_say_so_and_what_is_open_goes_on) {
  if (with_asan) GTEST_SKIP() << "UndefinedBehaviorSanitizer looks at objects through a pipe";
  const ShmName name;
  const ShmName another;
  Child child([&] {
    const Segment segment = Segment::create(name);
    lagoon::Value<int> value{segment["v"], 1};
    const lagoon::Value<int> makes_the_heap{2};
    // All of them: none is left.
    const rlimit few{64, 64};
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
    std::vector<int> taken;
    for (int fd = dup(0); fd >= 0; fd = dup(0)) taken.push_back(fd);
    ASSERT_EQ(errno, EMFILE);

    expect_throw<lagoon::SystemError>([&] { (void)Segment::create(another); }, {another.str()});
    expect_throw<lagoon::SystemError>([&] { (void)Segment::open_or_create(another); },
                                      {another.str()});
    value = 2;
    const lagoon::Array<std::int64_t> grows(segment["grows"], 1 << 20);
    EXPECT_EQ(grows.size(), std::size_t{1} << 20) << "the segment has its descriptor";
    const lagoon::Value<int> in_the_heap{3};
    EXPECT_EQ(in_the_heap.get(), 3) << "so has the heap";

    for (const int fd : taken) close(fd);
    const Segment now = Segment::create(another);
    EXPECT_TRUE(now.objects().empty()) << "nothing was left half-made";
  });
  EXPECT_EQ(child.exitcode(), 0);
}

// ---- Forks among threads ----------------------------------------------------------------------

TEST(ForkAmongThreads, each_child_can_use_all_that_the_threads_were_using) {
  if (with_tsan) GTEST_SKIP() << "ThreadSanitizer itself does not go on in such a child";
  const ShmName name;
  const Segment segment = Segment::create(name);
  lagoon::Array<std::uint64_t> array(segment["a"], 100);
  lagoon::Lock lock{segment["l"]};
  lagoon::RLock rlock;
  lagoon::BoundedSemaphore permits{segment["b"], 2};
  lagoon::Value<std::uint64_t> count{0};
  const auto use_all = [&](const std::string& who) {
    array.write([](std::span<std::uint64_t> all) {
      for (auto& x : all) ++x;
    });
    {
      const std::scoped_lock guard(lock, rlock);
      ++count;
    }
    ASSERT_TRUE(permits.acquire());
    permits.release();
    const lagoon::Array<int> made(segment[who], 10);
    EXPECT_TRUE(segment.erase(who));
    const lagoon::Value<int> nameless{7};
    EXPECT_EQ(nameless.get(), 7);
  };
  std::atomic<bool> over{false};
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t)
    threads.emplace_back([&, t] {
      while (!over) use_all("thread" + std::to_string(t));
    });
  const int forks = with_asan ? 20 : 100;
  for (int i = 0; i < forks; ++i) {
    Child child([&] {
      for (int k = 0; k < 3; ++k) use_all("child");
    });
    EXPECT_EQ(child.exitcode(), 0);
  }
  over = true;
  for (std::thread& thread : threads) thread.join();
  const auto all = array.snapshot();
  for (const auto x : all) EXPECT_EQ(x, all[0]);
  EXPECT_EQ(count.get(), all[0]) << "each has done both";
}

// ---- Every wait -------------------------------------------------------------------------------

struct Wait {
  std::string what;
  std::function<bool(std::chrono::milliseconds)> wait;  // false when the time is over
  std::function<void()> give;
};

/// Objects that nobody can have, and how each is waited for.
struct EveryWait {
  lagoon::Lock lock;
  lagoon::RLock rlock;
  lagoon::Semaphore semaphore{0};
  lagoon::BoundedSemaphore bounded{1};
  lagoon::Event event;
  lagoon::Condition condition;
  lagoon::Barrier barrier{2};
  lagoon::Value<int> value{0};
  const lagoon::Shared<lagoon::locks::ReaderWriterLock> shared;

  EveryWait() {
    (void)lock.acquire();
    (void)rlock.acquire();
    (void)bounded.acquire();
    shared->lock();
  }

  const std::vector<Wait> all{
      {"Lock", [this](auto t) { return bool(lock.acquire(true, t)); }, [this] { lock.release(); }},
      {"RLock", [this](auto t) { return bool(rlock.acquire(true, t)); },
       [this] { rlock.release(); }},
      {"Semaphore", [this](auto t) { return semaphore.acquire(true, t); },
       [this] { semaphore.release(); }},
      {"BoundedSemaphore", [this](auto t) { return bounded.acquire(true, t); },
       [this] { bounded.release(); }},
      {"Event", [this](auto t) { return event.wait(t); }, [this] { event.set(); }},
      {"Condition",
       [this](auto t) {
         const std::scoped_lock guard(condition);
         return condition.wait(t);
       },
       [this] {
         const std::scoped_lock guard(condition);
         condition.notify();
       }},
      {"Barrier",
       [this](auto t) {
         try {
           return barrier.wait(t) == 0;
         } catch (const lagoon::BrokenBarrier&) {
           barrier.reset();
           return false;
         }
       },
       [this] { (void)barrier.wait(); }},
      {"Value", [this](auto t) { return value.wait_for(0, t); },
       [this] {
         value = 1;
         value.notify_all();
       }},
      {"a reader", [this](auto t) { return shared->try_lock_shared_for(t); },
       [this] { shared->unlock(); }},
  };
};

// ---- Signals all the time ---------------------------------------------------------------------

TEST(SignalsAllTheTime, no_wait_ends_before_its_time_or_goes_on_after_it) {
  EveryWait every;
  for (const Wait& waits : every.all) {
    SCOPED_TRACE(waits.what);
    Child in_vain([&] {
      const lagoon::test::Ticking ticking(500us);
      do {
        const auto begun = steady_clock::now();
        EXPECT_FALSE(waits.wait(30ms));
        EXPECT_GE(steady_clock::now() - begun, 30ms);
      } while (ticking.ticks() <= 3U);
    });
    EXPECT_EQ(in_vain.exitcode(), 0);
    Child gets_it([&] {
      const lagoon::test::Ticking ticking(500us);
      EXPECT_TRUE(waits.wait(1h));
    });
    wait_until([&] { return lagoon::test::is_asleep(gets_it.pid()); }, "it slept");
    waits.give();
    EXPECT_EQ(gets_it.exitcode(), 0);
  }
}

// ---- Clocks -----------------------------------------------------------------------------------

TEST(ClockSetBack, at_each_look_at_it_no_wait_takes_longer) {
  EveryWait every;
  Child child([&] {
    right_readings = 0;
    for (const Wait& waits : every.all) {
      const auto begun = steady_clock::now();
      EXPECT_FALSE(waits.wait(5ms)) << waits.what;
      EXPECT_GE(steady_clock::now() - begun, 5ms) << waits.what;
    }
    // Until a time of the clock that is set back: what it said when the wait began counts.
    using std::chrono::system_clock;
    right_readings = 2;  // here, and when the wait begins
    EXPECT_FALSE(every.lock.try_lock_until(system_clock::now() + 5ms));
    EXPECT_LE(right_readings, 0) << "nobody has looked at it";
  });
  EXPECT_EQ(child.exitcode(), 0);
}

// Two containers may have clocks of their own, here an hour apart: no time lies in shared memory.
TEST(ClockSetBack, who_waits_in_another_time_namespace_is_woken_and_ends_in_time) {
  EveryWait every;
  for (const Wait& waits : every.all) {
    SCOPED_TRACE(waits.what);
    const lagoon::test::Shared<std::atomic<pid_t>> waiter(0);
    Child child([&] {
      if (unshare(CLONE_NEWTIME) != 0) {
        *waiter = -1;
        return;
      }
      std::ofstream("/proc/self/timens_offsets") << "monotonic 3600 0" << std::endl;
      Child inside([&] {  // the first process in the namespace
        EXPECT_FALSE(waits.wait(5ms));
        *waiter = static_cast<pid_t>(syscall(SYS_gettid));
        EXPECT_TRUE(waits.wait(30min));
      });
      EXPECT_EQ(inside.exitcode(), 0);
    });
    wait_until([&] { return waiter->load() != 0; }, "somebody waited");
    if (*waiter < 0) GTEST_SKIP() << "no time namespace can be made here";
    wait_until([&] { return lagoon::test::is_asleep(*waiter); }, "it slept");
    waits.give();
    EXPECT_EQ(child.exitcode(), 0);
  }
}

// ---- Many -------------------------------------------------------------------------------------

// As many as a segment has room for by default, with this one; LAGOON_TEST_PROCESSES for another
// number.
TEST(ManyAttached, all_at_once_use_a_segment_and_leave_nothing) {
  const char* given = std::getenv("LAGOON_TEST_PROCESSES");
  const int processes = given != nullptr ? std::atoi(given) : with_asan || with_tsan ? 40 : 4095;
  const ShmName name;
  const Segment segment = Segment::create(name);
  const lagoon::Value<std::uint64_t> come{segment["come"], 0};
  lagoon::test::SharedFlags over;
  std::vector<Child> children;
  for (int i = 0; i < processes; ++i)
    children.emplace_back([&] {
      const Segment mine = Segment::open(name);
      lagoon::Lock lock{mine["lock"]};
      lagoon::Array<std::uint64_t> array(mine["array"], 8);
      lagoon::Value<std::uint64_t> here{mine["come"]};
      {
        const std::scoped_lock guard(lock);
        array[0] += 1;
      }
      ++here;
      over.await();  // who sleeps in one of the library's waits looks up 125 times a second
    });
  wait_until([&] { return come.get() == static_cast<std::uint64_t>(processes); }, "all had come");
  EXPECT_EQ(lagoon::Array<std::uint64_t>(segment["array"], 8).get(0),
            static_cast<std::uint64_t>(processes));
  over.raise();
  for (Child& child : children) EXPECT_EQ(child.exitcode(), 0);
  for (const auto& object : segment.objects()) EXPECT_TRUE(segment.erase(object.name));
}

}  // namespace
