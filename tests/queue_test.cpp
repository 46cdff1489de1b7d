#include <lagoon/manager.hpp>
#include <lagoon/print.hpp>
#include <lagoon/queue.hpp>
#include <lagoon/segment.hpp>

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "child.hpp"
#include "expect_throw.hpp"
#include "rendezvous.hpp"
#include "sanitizers.hpp"
#include "shm_name.hpp"

struct Order {
  std::int64_t id = 0;
  std::array<std::int64_t, 7> what{};
  bool operator==(const Order&) const = default;
};
template <>
inline constexpr std::string_view lagoon::type_name<Order> = "Order";

namespace {

using lagoon::Empty;
using lagoon::Full;
using lagoon::Gone;
using lagoon::JoinableQueue;
using lagoon::Object;
using lagoon::Queue;
using lagoon::Segment;
using lagoon::TypeMismatch;
using lagoon::UsageError;
using lagoon::test::Child;
using lagoon::test::expect_throw;
using lagoon::test::patience;
using lagoon::test::Shared;
using lagoon::test::SharedFlags;
using lagoon::test::ShmName;
using lagoon::test::with_asan;
using lagoon::test::with_tsan;
using namespace std::chrono_literals;
using std::chrono::steady_clock;

constexpr bool is_slow = with_tsan || with_asan;

Order order(std::int64_t id) {
  Order o{.id = id};
  o.what.fill(id);
  return o;
}

TEST(Queue, gives_back_what_was_put_first_in_first_out) {
  Queue<int> q;
  EXPECT_TRUE(q.empty());
  EXPECT_FALSE(q.full());
  EXPECT_EQ(q.maxsize(), 0U);
  EXPECT_EQ(q.try_get(), std::nullopt);
  for (int i = 0; i < 1000; ++i) q.put(i);
  EXPECT_EQ(q.qsize(), 1000U);
  EXPECT_FALSE(q.empty());
  EXPECT_FALSE(q.full());
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(q.get(), i);
  EXPECT_TRUE(q.empty());
}

TEST(Queue, holds_maxsize_and_says_so) {
  Queue<std::string> q(2);
  EXPECT_EQ(q.maxsize(), 2U);
  EXPECT_EQ(lagoon::str(q), "<Queue(size=0, maxsize=2)>");
  q.put("one");
  q.put("two", 1h);
  EXPECT_TRUE(q.full());
  EXPECT_EQ(lagoon::str(q), "<Queue(size=2, maxsize=2)>");
  EXPECT_FALSE(q.try_put("three"));
  EXPECT_FALSE(q.try_put_for("three", 1ms));
  EXPECT_FALSE(q.try_put_until("three", steady_clock::now() - 1s));
  expect_throw<Full>([&] { q.put_nowait("three"); }, {"Queue<str>[2]", "is full: it has 2"});
  expect_throw<Full>([&] { q.put("three", false); });
  expect_throw<Full>([&] { q.put("three", 1ms); });
  expect_throw<Full>([&] { q.put("three", true, 1ms); });
  expect_throw<Full>([&] { q.put("three", false, 1h); });
  EXPECT_EQ(q.get(), "one");
  EXPECT_TRUE(q.try_put("three"));
  EXPECT_EQ(q.get(true), "two");
  EXPECT_EQ(q.get(1h), "three");
  expect_throw<Empty>([&] { (void)q.get_nowait(); }, {"Queue<str>[2]", "is empty"});
  expect_throw<Empty>([&] { (void)q.get(false); });
  expect_throw<Empty>([&] { (void)q.get(1ms); });
  expect_throw<Empty>([&] { (void)q.get(true, 1ms); });
  expect_throw<Empty>([&] { (void)q.get(false, 1h); });
  EXPECT_EQ(q.try_get_for(0ms), std::nullopt);
  EXPECT_EQ(q.try_get_until(steady_clock::time_point::min()), std::nullopt);
  EXPECT_EQ(Queue<int>(-1).maxsize(), 0U) << "as in Python";
}

TEST(Queue, a_timeout_that_passes_says_so_and_not_before_its_time) {
  Queue<int> q(1);
  const auto begin = steady_clock::now();
  EXPECT_FALSE(q.try_get_for(20ms));
  EXPECT_GE(steady_clock::now() - begin, 20ms);
  q.put(1);
  EXPECT_FALSE(q.try_put_for(2, 10ms));
  EXPECT_GE(steady_clock::now() - begin, 30ms);
}

TEST(Queue, holds_whatever_has_a_codec) {
  Queue<> objects;
  objects.put(1);
  objects.put("text");
  objects.put(Object::list(1, 2.5, "three"));
  EXPECT_EQ(objects.get(), 1);
  EXPECT_EQ(objects.get(), "text");
  EXPECT_EQ(objects.get().repr(), "[1, 2.5, 'three']");

  Queue<Order> orders;
  orders.put(order(7));
  EXPECT_EQ(orders.get(), order(7));

  Queue<std::vector<std::pair<std::string, double>>> pairs;
  pairs.put({{"a", 1.5}, {"", 2}});
  pairs.put({});
  EXPECT_EQ(pairs.get(), (std::vector<std::pair<std::string, double>>{{"a", 1.5}, {"", 2}}));
  EXPECT_TRUE(pairs.get().empty());

  Queue<std::vector<double>> numbers;
  for (const std::size_t n : {0U, 1U, 1000U, 100'000U}) numbers.put(std::vector<double>(n, 1.5));
  for (const std::size_t n : {0U, 1U, 1000U, 100'000U})
    EXPECT_EQ(numbers.get(), std::vector<double>(n, 1.5));

  Queue<std::array<char, 10'000>> large;
  for (char c = 'a'; c <= 'z'; ++c) {
    std::array<char, 10'000> x{};
    x.fill(c);
    large.put(x);
  }
  for (char c = 'a'; c <= 'z'; ++c) {
    const auto x = large.get();
    EXPECT_EQ(std::string_view(x.data(), x.size()), std::string(10'000, c));
  }
}

TEST(Queue, of_messages_of_any_size) {
  Queue<std::string> q;
  std::vector<std::string> all;
  for (std::size_t size = 0; size < (is_slow ? 1U << 18 : 1U << 25); size = 2 * size + 1)
    for (const std::size_t n : {size, size + 1, size + 7})
      all.emplace_back(n, static_cast<char>('a' + n % 26));
  for (const std::string& x : all) q.put(x);
  for (const std::string& x : all) EXPECT_TRUE(q.get() == x) << x.size();
  EXPECT_TRUE(q.empty());
}

TEST(Queue, gives_messages_into_memory_that_is_there) {
  Queue<std::string> texts;
  Queue<int> numbers;
  JoinableQueue<Object> objects;
  for (const std::size_t n :
       {std::size_t{0}, std::size_t{5}, std::size_t{5000}, std::size_t{300'000}}) {
    for (int i = 0; i < 3; ++i) texts.put(std::string(n, 'x'));
    std::string text(n + 100, 'y');
    const auto* const at = text.data();
    texts.get_into(text);
    EXPECT_EQ(text, std::string(n, 'x'));
    ASSERT_TRUE(texts.try_get_into(text));
    EXPECT_EQ(text, std::string(n, 'x'));
    ASSERT_TRUE(texts.try_get_into_for(text, std::chrono::seconds(10)));
    EXPECT_EQ(text, std::string(n, 'x'));
    EXPECT_FALSE(texts.try_get_into(text));
    EXPECT_FALSE(texts.try_get_into_for(text, std::chrono::milliseconds(1)));
    EXPECT_EQ(text.data(), at) << n;
  }
  numbers.put(7);
  int number = 0;
  numbers.get_into(number);
  EXPECT_EQ(number, 7);
  objects.put(Object::list(1));
  Object object;
  EXPECT_TRUE(objects.try_get_into(object));
  EXPECT_EQ(object, Object::list(1));
  objects.task_done();
  EXPECT_FALSE(objects.try_get_into(object));
}

TEST(Queue, agrees_with_a_deque) {
  for (const int maxsize : {0, 1, 7, 300}) {
    const auto seed = std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::minstd_rand random(seed);
    Queue<std::string> q(maxsize);
    std::deque<std::string> expected;
    for (int i = 0; i < (is_slow ? 2'000 : 20'000); ++i) {
      if (random() % 2 == 0) {
        const std::string x(random() % 10 == 0 ? random() % 5000 : random() % 100, 'x');
        const bool has_room = maxsize == 0 || expected.size() < static_cast<std::size_t>(maxsize);
        ASSERT_EQ(q.try_put(x), has_room);
        if (has_room) expected.push_back(x);
      } else {
        const auto got = q.try_get();
        ASSERT_EQ(got.has_value(), !expected.empty());
        if (!got) continue;
        ASSERT_EQ(*got, expected.front());
        expected.pop_front();
      }
      ASSERT_EQ(q.qsize(), expected.size());
    }
  }
}

TEST(Queue, named_is_found_or_made_and_of_one_type_and_size) {
  const ShmName name;
  const Segment segment = Segment::create(name);
  EXPECT_FALSE(segment.find<Queue<int>>("q"));
  Queue<int> q{segment["q"], 10};
  Queue<int> again{segment["q"], 10};
  auto found = segment.find<Queue<int>>("q");
  q.put(1);
  again.put(2);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->maxsize(), 10U);
  EXPECT_EQ(found->get(), 1);
  EXPECT_EQ(found->get(), 2);
  expect_throw<TypeMismatch>([&] { Queue<int>{segment["q"]}; },
                             {"'q'", "is Queue<int32>[10]; asked for was Queue<int32>"});
  expect_throw<TypeMismatch>([&] { Queue<int>{segment["q"], 11}; });
  expect_throw<TypeMismatch>([&] { (void)segment.find<Queue<long>>("q"); });
  expect_throw<TypeMismatch>([&] { (void)segment.find<Queue<>>("q"); });
  expect_throw<TypeMismatch>([&] { (void)segment.find<JoinableQueue<int>>("q"); },
                             {"JoinableQueue<int32>"});
}

TEST(Queue, a_manager_makes_them) {
  const ShmName name;
  lagoon::Manager manager{name.str()};
  manager.queue<int>("q", 2).put(7);
  EXPECT_EQ(manager.find<Queue<int>>("q")->get(), 7);
  auto tasks = manager.joinable_queue();
  tasks.put("task");
  EXPECT_EQ(tasks.get(), "task");
  tasks.task_done();
  tasks.join();
  EXPECT_EQ(manager.queue<int>(5).maxsize(), 5U);
}

// Wherever some bytes of it are changed at rest, who uses it gets what can be got, or an error.
TEST(Queue, damaged_at_random_is_an_error_and_no_crash_nor_a_wait_for_nobody) {
  std::minstd_rand random(20261128);
  for (int round = 0; round < (is_slow ? 30 : 400); ++round) {
    const ShmName name;
    {
      const Segment segment = Segment::create(name);
      Queue<int> q{segment["q"], 100};
      JoinableQueue<std::string> tasks{segment["q2"]};
      for (int i = 0; i < 40; ++i) {
        q.put(i);
        tasks.put(std::string(i == 7 ? 9000 : 10, 'x'));
      }
      for (int i = 0; i < 5; ++i) (void)tasks.get();
      for (int i = 0; i < 5; ++i) (void)q.get();
    }
    std::fstream file(name.path(), std::ios::binary | std::ios::in | std::ios::out);
    std::string bytes{std::istreambuf_iterator<char>(file), {}};
    const std::size_t begin = bytes.find(std::string("q") + '\0') + 64;
    for (unsigned i = 0; i < 1 + random() % 8; ++i) {
      // Where something is, mostly.
      std::size_t at = begin + random() % (bytes.size() - begin);
      if (random() % 4 != 0) at = begin + random() % 8000;
      file.seekp(static_cast<std::streamoff>(at));
      file.put(static_cast<char>(random() % 2 == 0 ? random() : 1U << random() % 8));
    }
    file.close();
    Child child([&] {
      const auto or_an_error = [](auto&& f) {
        try {
          f();
        } catch (const lagoon::Error&) {
        }
      };
      or_an_error([&] {
        const Segment segment = Segment::open(name);
        or_an_error([&] {
          auto q = segment.find<Queue<int>>("q");
          for (int i = 0; q && i < 50; ++i) or_an_error([&] { (void)q->try_put(i); });
          for (int i = 0; q && i < 100; ++i) or_an_error([&] { (void)q->try_get(); });
          for (int i = 0; q && i < 20; ++i) or_an_error([&] { (void)q->try_put_for(i, 1us); });
        });
        or_an_error([&] {
          auto q = segment.find<JoinableQueue<std::string>>("q2");
          for (int i = 0; q && i < 100; ++i) or_an_error([&] { (void)q->try_get(); });
          for (int i = 0; q && i < 300; ++i) or_an_error([&] { q->put("again"); });
          for (int i = 0; q && i < 100; ++i) or_an_error([&] { q->task_done(); });
          or_an_error([&] { (void)q->join(0ms); });
        });
      });
    });
    ASSERT_EQ(child.exitcode(), 0) << "round " << round;
  }
}

TEST(Queue, erased_it_lets_all_go_who_wait) {
  const ShmName name;
  const Segment segment = Segment::create(name);
  Queue<int> q{segment["q"]};
  Queue<int> full{segment["full"], 1};
  JoinableQueue<int> tasks{segment["tasks"]};
  full.put(1);
  tasks.put(1);
  SharedFlags flags;
  Child getter([&] {
    flags.raise();
    expect_throw<Gone>([&] { (void)q.get(); }, {"'q'"});
  });
  Child putter([&] {
    flags.raise();
    expect_throw<Gone>([&] { full.put(2); }, {"'full'"});
  });
  Child joiner([&] {
    flags.raise();
    expect_throw<Gone>([&] { tasks.join(); }, {"'tasks'"});
  });
  flags.await(0, 3);
  for (const char* erased : {"q", "full", "tasks"}) EXPECT_TRUE(segment.erase(erased));
  for (Child* child : {&getter, &putter, &joiner}) EXPECT_EQ(child->exitcode(), 0);
  EXPECT_TRUE(q.gone());
  expect_throw<Gone>([&] { q.put(1); });
  expect_throw<Gone>([&] { (void)q.try_get(); });
  expect_throw<Gone>([&] { tasks.task_done(); });
}

TEST(Queue, full_memory_leaves_it_as_it_was) {
  const ShmName name;
  const Segment segment = Segment::create(name, {.reserve = 4 << 20});
  Queue<std::string> q{segment["q"]};
  std::uint64_t put = 0;
  expect_throw<lagoon::OutOfMemory>([&] {
    for (;; ++put) q.put(std::string(1000, 'x'));
  });
  EXPECT_GT(put, 2000U);
  EXPECT_EQ(q.qsize(), put);
  expect_throw<lagoon::OutOfMemory>([&] { q.put(std::string(8 << 20, 'x')); });
  EXPECT_EQ(q.qsize(), put);
  for (; put > 0; --put) EXPECT_EQ(q.get().size(), 1000U);
  q.put("again");
  EXPECT_EQ(q.get(), "again");
}

TEST(Queue, uses_the_same_memory_for_millions_of_messages) {
  const ShmName name;
  const Segment segment = Segment::create(name);
  Queue<Order> q{segment["q"], 1000};
  const auto pass = [&](std::int64_t times) {
    Child putter([&] {
      for (std::int64_t i = 0; i < times; ++i) q.put(order(i));
    });
    for (std::int64_t i = 0; i < times; ++i) ASSERT_EQ(q.get().id, i);
    EXPECT_EQ(putter.exitcode(), 0);
  };
  pass(is_slow ? 12'000 : 2'000'000);
  // How many were in it at a time depends on who ran when: at most as many as may be.
  EXPECT_LE(segment.used(), 4 * q.maxsize() * sizeof(Order));
}

/// So many putters and getters, in processes: all is got once, and of each putter in its order.
template <class Q, class Got>
void put_and_get(Q& q, int putters, int getters, std::int64_t each, Got&& got) {
  Shared<std::atomic<std::int64_t>> sum, count;
  std::vector<Child> children;
  for (int who = 0; who < putters; ++who)
    children.emplace_back([&, who] {
      for (std::int64_t i = 1; i <= each; ++i) q.put({who, i});
    });
  for (int g = 0; g < getters; ++g)
    children.emplace_back([&] {
      std::vector<std::int64_t> last(static_cast<std::size_t>(putters), 0);
      while (const auto x = q.try_get_for(patience)) {
        if (x->first < 0) break;
        EXPECT_LT(std::exchange(last[static_cast<std::size_t>(x->first)], x->second), x->second);
        *sum += x->second;
        ++*count;
        got();
      }
      got();
    });
  for (int i = 0; i < putters; ++i) EXPECT_EQ(children[static_cast<std::size_t>(i)].exitcode(), 0);
  for (int i = 0; i < getters; ++i) q.put({-1, 0});
  for (Child& child : children) EXPECT_EQ(child.exitcode(), 0);
  EXPECT_EQ(count->load(), putters * each);
  EXPECT_EQ(sum->load(), putters * (each * (each + 1) / 2)) << "lost, or got twice";
}

TEST(Queue, of_more_processes_than_processors_each_gets_what_no_other_gets) {
  for (const int maxsize : {0, 1, 100}) {
    Queue<std::pair<int, std::int64_t>> q(maxsize);
    put_and_get(q, 8, 8, is_slow ? 200 : 4'000, [] {});
  }
  JoinableQueue<std::pair<int, std::int64_t>> tasks(100);
  put_and_get(tasks, 4, 4, is_slow ? 200 : 4'000, [&] { tasks.task_done(); });
  tasks.join();
}

// Whatever the dead were at, all that was put once is got once, but for what was in dead hands.
TEST(Queue, putters_and_getters_killed_at_random_lose_and_double_nothing) {
  const ShmName name;
  const Segment segment = Segment::create(name);
  Queue<std::string> q{segment["q"], 50};
  constexpr int rounds = is_slow ? 60 : 600;
  // Before it puts, and after, each putter says how far it is; each getter, what it has.
  constexpr std::size_t pairs = 3;
  struct Said {
    std::array<std::atomic<std::int64_t>, pairs> begun, done, got;
    std::array<std::atomic<std::int64_t>, pairs> deaths;
  };
  Shared<Said> said;
  const auto text = [](std::size_t who, std::int64_t i) {
    return std::to_string(who) + ":" + std::to_string(i) +
           std::string(i % 100 == 0 ? 9000 : 30, '.');
  };
  const auto putter = [&](std::size_t who) {
    return Child([&, who] {
      for (std::int64_t i = said->begun[who] + 1;; ++i) {
        said->begun[who] = i;
        q.put(text(who, i));
        said->done[who] = i;
      }
    });
  };
  Shared<std::array<std::atomic<std::int64_t>, pairs>> last;
  Shared<std::atomic<std::int64_t>> got;
  const auto getter = [&] {
    return Child([&] {
      std::array<std::int64_t, pairs> mine{};
      for (;;) {
        const std::string x = q.get();
        const auto who = static_cast<std::size_t>(x[0] - '0');
        const std::int64_t i = std::stoll(x.substr(2));
        EXPECT_EQ(x, text(who, i)) << "torn";
        EXPECT_LT(std::exchange(mine[who], i), i) << "twice, or not in its order";
        ++*got;
      }
    });
  };
  std::vector<Child> putters, getters;
  for (std::size_t who = 0; who < pairs; ++who) putters.push_back(putter(who));
  for (std::size_t i = 0; i < pairs; ++i) getters.push_back(getter());
  std::minstd_rand random(std::random_device{}());
  for (int round = 0; round < rounds; ++round) {
    const std::int64_t before = *got;
    lagoon::test::wait_until([&] { return *got > before + 3; }, "they went on");
    const std::size_t i = random() % pairs;
    auto& killed = random() % 2 == 0 ? putters[i] : getters[i];
    killed.kill_unreaped();
    killed = &killed == &putters[i] ? putter(i) : getter();
  }
  for (auto* children : {&putters, &getters})
    for (Child& child : *children) child.kill_unreaped();
  std::int64_t begun = 0, left = 0;
  for (const auto& one : said->begun) begun += one;
  for (; q.try_get(); ++left) continue;
  const std::int64_t lost = begun - *got - left;
  EXPECT_GE(lost, 0) << "doubled";
  EXPECT_LE(lost, rounds + 6) << "one for each death at most";
  EXPECT_TRUE(q.empty());
  q.put("and it goes on");
  EXPECT_EQ(q.get(), "and it goes on");
}

/// Of two who put and two who get, one each is stopped wherever it is, again and again: the others
/// go on.
template <class Q, class Got>
void stop_one_of_each(Q& q, Got&& got) {
  // As much memory as there will be need for: getting some takes a turn.
  for (std::uint64_t i = 0; i < q.maxsize(); ++i) q.put(order(0));
  for (std::uint64_t i = 0; i < q.maxsize(); ++i) {
    (void)q.get();
    got();
  }
  Shared<std::array<std::atomic<std::int64_t>, 2>> puts, gets;
  Shared<std::atomic<int>> torn;
  std::vector<Child> putters, getters;
  for (std::size_t who = 0; who < 2; ++who) {
    putters.emplace_back([&, who] {
      for (;; ++puts->at(who)) q.put(order(puts->at(who)));
    });
    getters.emplace_back([&, who] {
      for (;; ++gets->at(who)) {
        const Order x = q.get();
        if (x != order(x.id)) ++*torn;
        got();
      }
    });
  }
  for (int round = 0; round < (is_slow ? 20 : 200); ++round) {
    const std::size_t stopped = static_cast<std::size_t>(round) % 2;
    putters[stopped].stop();
    getters[stopped].stop();
    const std::int64_t has_put = puts->at(1 - stopped);
    const std::int64_t has_got = gets->at(1 - stopped);
    lagoon::test::wait_until(
        [&] {
          return puts->at(1 - stopped) > has_put + 100 && gets->at(1 - stopped) > has_got + 100;
        },
        "the others went on");
    putters[stopped].resume();
    getters[stopped].resume();
  }
  for (auto* children : {&putters, &getters})
    for (Child& child : *children) child.kill_unreaped();
  EXPECT_EQ(*torn, 0);
}

TEST(Queue, of_whose_users_some_are_stopped_goes_on) {
  Queue<Order> q(600);
  stop_one_of_each(q, [] {});
}

TEST(JoinableQueue, of_whose_users_some_are_stopped_goes_on) {
  JoinableQueue<Order> q(600);
  stop_one_of_each(q, [&] { q.task_done(); });
}

// All that is put is done, however many die with it in their hands.
TEST(JoinableQueue, tasks_of_the_killed_are_done_by_others) {
  const ShmName name;
  const Segment segment = Segment::create(name);
  JoinableQueue<int> q{segment["q"]};
  constexpr int tasks = is_slow ? 100 : 1000;
  Shared<std::array<std::atomic<int>, tasks>> done;
  SharedFlags flags;
  const auto worker = [&] {
    return Child([&] {
      for (;;) {
        const int task = q.get();
        ++done->at(static_cast<std::size_t>(task));
        flags.raise();
        q.task_done();
      }
    });
  };
  std::vector<Child> workers;
  for (int i = 0; i < 3; ++i) workers.push_back(worker());
  std::minstd_rand random(std::random_device{}());
  for (int i = 0; i < tasks; ++i) {
    q.put(i);
    if (random() % 8 != 0) continue;
    flags.await(0, static_cast<std::uint32_t>(i / 2));
    Child& killed = workers[random() % workers.size()];
    killed.kill_unreaped();
    killed = worker();
  }
  q.join();
  EXPECT_TRUE(q.empty());
  for (const auto& times : *done) EXPECT_GE(times, 1) << "one was lost";
  for (Child& child : workers) child.kill_unreaped();
  expect_throw<UsageError>([&] { q.task_done(); });
}

TEST(JoinableQueue, counts_as_Pythons_does) {
  JoinableQueue<int> q(3);
  EXPECT_EQ(lagoon::str(q), "<JoinableQueue(size=0, maxsize=3)>");
  q.join();
  expect_throw<UsageError>([&] { q.task_done(); },
                           {"task_done() called too many times", "JoinableQueue<int32>[3]"});
  q.put(1);
  q.put(2);
  EXPECT_FALSE(q.join(0ms));
  EXPECT_EQ(q.get(), 1);
  EXPECT_EQ(q.get(), 2);
  EXPECT_TRUE(q.empty());
  EXPECT_FALSE(q.join_for(1ms));
  q.task_done();
  EXPECT_FALSE(q.join_until(steady_clock::now()));
  Child([&] { q.task_done(); }).wait();  // which got none
  EXPECT_TRUE(q.join(1h));
  expect_throw<UsageError>([&] { q.task_done(); });
}

TEST(JoinableQueue, lets_all_go_who_join_when_the_last_is_done) {
  JoinableQueue<int> q;
  SharedFlags flags;
  q.put(1);
  std::vector<Child> joiners;
  for (int i = 0; i < 4; ++i)
    joiners.emplace_back([&] {
      flags.raise();
      q.join();
      EXPECT_EQ(flags.count(1), 1U);
    });
  flags.await(0, 4);
  EXPECT_EQ(q.get(), 1);
  flags.raise(1);
  q.task_done();
  for (Child& child : joiners) EXPECT_EQ(child.exitcode(), 0);
}

TEST(Queue, refuses_messages_that_are_larger_than_any_may_be) {
  Queue<std::string> q;
  q.put("first");
  const char* const text = "";
  for (const std::size_t size : {std::size_t{1} << 37, std::size_t{1} << 44, SIZE_MAX / 4})
    EXPECT_THROW(q.put(std::string_view(text, size)), lagoon::OutOfMemory) << size;
  EXPECT_EQ(q.get(), "first");
  EXPECT_TRUE(q.empty());
}

TEST(Queue, that_was_moved_from_says_so) {
  Queue<int> from;
  Queue<int> to = std::move(from);
  to.put(1);
  EXPECT_THROW(from.put(2), lagoon::UsageError);  // NOLINT: it was moved from
  EXPECT_THROW((void)from.try_get(), lagoon::UsageError);
  EXPECT_THROW(lagoon::Object{from}, lagoon::UsageError);
  from = std::move(to);
  EXPECT_EQ(from.get(), 1);
}

}  // namespace
