/// What C makes by lagoon.h C++ finds, and the other way round; and each sees what the other does.

#include <lagoon/lagoon.h>
#include <lagoon/lagoon.hpp>
#include <lagoon/locks/reader_writer.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "child.hpp"
#include "rendezvous.hpp"
#include "shm_name.hpp"

namespace lagoon {
namespace {

struct Point {
  int x, y;
};

}  // namespace
template <>
inline constexpr std::string_view type_name<Point> = "Point";

namespace {

using test::Child;
using test::SharedFlags;
using test::ShmName;

/// A handle of C's; closed as it goes.
template <class T>
class Held {
 public:
  explicit Held(void (*close)(T*)) : close_(close) {}
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;
  ~Held() { close_(handle_); }
  T** operator&() {  // NOLINT: where C puts it
    close_(std::exchange(handle_, nullptr));
    return &handle_;
  }
  operator T*() const { return handle_; }  // NOLINT

 private:
  T* handle_ = nullptr;
  void (*close_)(T*);
};

#define EXPECT_OK(call) EXPECT_EQ(call, lagoon_ok) << lagoon_last_error()
#define EXPECT_REFUSED(call, status, says)                                         \
  do {                                                                             \
    EXPECT_EQ(call, status);                                                       \
    EXPECT_NE(std::string_view(lagoon_last_error()).find(says), std::string::npos) \
        << lagoon_last_error();                                                    \
  } while (false)

class CInterface : public testing::Test {
 protected:
  CInterface() { EXPECT_OK(lagoon_segment_open(name_.str().c_str(), nullptr, &in_c_)); }

  ShmName name_;
  Segment segment_ = Segment::create(name_);
  Held<lagoon_segment> in_c_{lagoon_segment_close};
  Held<lagoon_value> value_{lagoon_value_close};
  Held<lagoon_array> array_{lagoon_array_close};
  Held<lagoon_lock> lock_{lagoon_lock_close};
};

TEST_F(CInterface, values_of_every_mode_are_the_same_here_and_there) {
  Value<double> atomic(segment_["atomic"], 1.5);
  Value<std::int16_t, mode::locked> locked(segment_["locked"], 2);
  Value<bool, mode::raw> raw(segment_["raw"], true);
  double d = 0;
  std::int16_t i = 0;
  std::uint8_t b = 0;

  EXPECT_OK(lagoon_value_find(in_c_, "atomic", 'd', &value_));
  EXPECT_OK(lagoon_value_get_f64(value_, &d));
  EXPECT_EQ(d, 1.5);
  EXPECT_OK(lagoon_value_fetch_add_f64(value_, 1, nullptr));
  EXPECT_EQ(atomic, 2.5);

  EXPECT_OK(lagoon_value_find(in_c_, "locked", 'h', &value_));
  EXPECT_OK(lagoon_value_exchange_i16(value_, 3, &i));
  EXPECT_EQ(i, 2);
  EXPECT_EQ(locked, 3);

  EXPECT_OK(lagoon_value_find(in_c_, "raw", 0, &value_));
  EXPECT_OK(lagoon_value_get_bool(value_, &b));
  EXPECT_EQ(b, 1);
  EXPECT_OK(lagoon_value_set_bool(value_, 0));
  EXPECT_FALSE(raw);

  const std::uint32_t seven = 7;
  EXPECT_OK(lagoon_value_make(in_c_, "of c", 'I', lagoon_atomic, &seven, &value_));
  EXPECT_EQ(segment_.find<Value<std::uint32_t>>("of c").value(), 7U);
  EXPECT_OK(lagoon_value_make(in_c_, "long of c", 'L', lagoon_locked, nullptr, &value_));
  EXPECT_EQ((segment_.find<Value<unsigned long long, mode::locked>>("long of c").value()), 0U);
  EXPECT_OK(lagoon_value_make(in_c_, "wide of c", 'u', lagoon_raw, nullptr, &value_));
  EXPECT_EQ((segment_.find<Value<wchar_t, mode::raw>>("wide of c").value()), L'\0');
}

TEST_F(CInterface, what_c_has_no_type_for_is_a_mismatch) {
  Value<Point> point(segment_["point"], {1, 2});
  Array<Point> points(segment_["points"], 3);
  Value<int, mode::locked_by<Lock>> by_lock(segment_["by lock"], 1);
  Value<int, mode::seqlocked> seqlocked(segment_["seqlocked"], 1);
  Value<int> number(segment_["number"], 1);
  EXPECT_REFUSED(lagoon_value_find(in_c_, "point", 0, &value_), lagoon_type_mismatch, "Point");
  EXPECT_REFUSED(lagoon_array_find(in_c_, "points", 0, &array_), lagoon_type_mismatch, "Point");
  EXPECT_REFUSED(lagoon_value_find(in_c_, "by lock", 'i', &value_), lagoon_type_mismatch, "RLock");
  EXPECT_REFUSED(lagoon_value_find(in_c_, "seqlocked", 'i', &value_), lagoon_type_mismatch,
                 "Value<int32, seqlocked>");
  EXPECT_REFUSED(lagoon_value_find(in_c_, "number", 'I', &value_), lagoon_type_mismatch, "'I'");
  EXPECT_REFUSED(lagoon_value_make(in_c_, "number", 'h', lagoon_atomic, nullptr, &value_),
                 lagoon_type_mismatch, "int16");
  EXPECT_EQ(static_cast<lagoon_value*>(value_), nullptr);
  EXPECT_OK(lagoon_value_find(in_c_, "number", 'i', &value_));
  EXPECT_REFUSED(lagoon_value_set_i64(value_, 1), lagoon_type_mismatch, "int64");
}

TEST_F(CInterface, arrays_of_every_mode_are_the_same_here_and_there) {
  const auto ints = std::vector{1, 2, 3};
  Array<int> seqlocked(segment_["seqlocked"], ints);
  Array<int, mode::seqlocked_in<8>> in_eight(segment_["in eight"], ints);
  Array<int, mode::locked> locked(segment_["locked"], ints);
  Array<int, mode::atomic> atomic(segment_["atomic"], ints);
  Array<int, mode::raw> raw(segment_["raw"], ints);
  for (const char* name : {"seqlocked", "in eight", "locked", "atomic", "raw"}) {
    SCOPED_TRACE(name);
    std::vector<std::int32_t> out(3);
    EXPECT_OK(lagoon_array_find(in_c_, name, 'i', &array_));
    EXPECT_OK(lagoon_array_read_i32(array_, 0, 3, out.data()));
    EXPECT_EQ(out, ints);
    EXPECT_OK(lagoon_array_write_i32(array_, 1, 2, ints.data()));
  }
  const std::vector written = {1, 1, 2};
  EXPECT_EQ(seqlocked.snapshot(), written);
  EXPECT_EQ(in_eight.snapshot(), written);
  EXPECT_EQ(locked.snapshot(), written);
  EXPECT_EQ(atomic.slice(), written);
  EXPECT_EQ(raw.slice(), written);

  const std::uint8_t bits[] = {0, 5, 0};
  EXPECT_OK(lagoon_array_make(in_c_, "bits", '?', lagoon_seqlocked, 3, bits, &array_));
  EXPECT_EQ(segment_.find<Array<bool>>("bits")->snapshot(), (std::vector{false, true, false}));
  EXPECT_OK(lagoon_array_make(in_c_, "text", 'c', lagoon_locked, 4, "abc", &array_));
  EXPECT_EQ((segment_.find<Array<char, mode::locked>>("text")->value()), "abc");
}

TEST_F(CInterface, a_writer_in_cpp_that_is_stopped_half_way_holds_up_no_reader_in_c) {
  Array<int> a(segment_["a"], 1000);
  SharedFlags flags;
  Child writer([&] {
    a.write([&](std::span<int> all) {
      std::ranges::fill(all.first(500), 7);
      flags.raise();
      pause();
    });
  });
  flags.await();
  std::vector<std::int32_t> out(1000, 1);
  EXPECT_OK(lagoon_array_find(in_c_, "a", 'i', &array_));
  EXPECT_OK(lagoon_array_read_i32(array_, 0, 1000, out.data()));
  EXPECT_EQ(out, std::vector<std::int32_t>(1000));
  writer.kill_unreaped();
  EXPECT_OK(lagoon_array_set_i32(array_, 0, 1));
  EXPECT_EQ(a.get(0), 1);
  EXPECT_EQ(a.get(1), 0);
}

TEST_F(CInterface, c_is_told_when_a_holder_in_cpp_is_killed) {
  Lock lock(segment_["lock"]);
  Shared<locks::ReaderWriterLock> rw(segment_["rw"]);
  Array<int, mode::locked> array(segment_["array"], 3);
  SharedFlags flags;
  Child holder([&] {
    lock.lock();
    rw->lock();
    array.lock();
    flags.raise();
    pause();
  });
  flags.await();
  Held<lagoon_lock> rw_in_c(lagoon_lock_close);
  Held<lagoon_lock> of_array(lagoon_lock_close);
  EXPECT_OK(lagoon_lock_find(in_c_, "lock", lagoon_plain, &lock_));
  EXPECT_OK(lagoon_lock_find(in_c_, "rw", lagoon_reader_writer, &rw_in_c));
  EXPECT_OK(lagoon_array_find(in_c_, "array", 'i', &array_));
  EXPECT_OK(lagoon_array_lock(array_, &of_array));
  EXPECT_EQ(lagoon_lock_acquire_shared(rw_in_c, 0, nullptr), lagoon_timed_out);
  for (lagoon_lock* each : {static_cast<lagoon_lock*>(lock_), static_cast<lagoon_lock*>(rw_in_c),
                            static_cast<lagoon_lock*>(of_array)})
    EXPECT_EQ(lagoon_lock_acquire(each, 0, nullptr), lagoon_timed_out);
  holder.kill_unreaped();
  int died = 0;
  EXPECT_OK(lagoon_lock_acquire_shared(rw_in_c, -1, &died));
  EXPECT_EQ(died, 1);
  EXPECT_OK(lagoon_lock_release_shared(rw_in_c));
  EXPECT_TRUE(rw->owner_died());
  for (lagoon_lock* each :
       {static_cast<lagoon_lock*>(lock_), static_cast<lagoon_lock*>(of_array)}) {
    died = 0;
    EXPECT_OK(lagoon_lock_acquire(each, -1, &died));
    EXPECT_EQ(died, 1);
    EXPECT_OK(lagoon_lock_mark_consistent(each));
    EXPECT_OK(lagoon_lock_release(each));
  }
  EXPECT_FALSE(lock.owner_died());
  EXPECT_FALSE(array.get_lock().owner_died());
}

TEST_F(CInterface, what_synchronizes_is_the_same_here_and_there) {
  Held<lagoon_semaphore> permits(lagoon_semaphore_close);
  Held<lagoon_event> event(lagoon_event_close);
  Held<lagoon_barrier> barrier(lagoon_barrier_close);
  Held<lagoon_condition> condition(lagoon_condition_close);
  size_t n = 0;
  int yes = 0;

  Semaphore semaphore(segment_["semaphore"], 3);
  EXPECT_OK(lagoon_semaphore_find(in_c_, "semaphore", &permits));
  EXPECT_OK(lagoon_semaphore_acquire(permits, 0));
  EXPECT_EQ(semaphore.get_value(), 2U);
  EXPECT_OK(lagoon_semaphore_make(in_c_, "bounded", 1, 2, &permits));
  EXPECT_TRUE(segment_.find<BoundedSemaphore>("bounded")->try_acquire());
  EXPECT_OK(lagoon_semaphore_value(permits, &n));
  EXPECT_EQ(n, 1U);

  EXPECT_OK(lagoon_event_make(in_c_, "event", &event));
  segment_.find<Event>("event")->set();
  EXPECT_OK(lagoon_event_is_set(event, &yes));
  EXPECT_EQ(yes, 1);

  EXPECT_OK(lagoon_barrier_make(in_c_, "barrier", 3, &barrier));
  EXPECT_EQ(segment_.find<Barrier>("barrier")->parties(), 3U);
  segment_.find<Barrier>("barrier")->abort();
  EXPECT_REFUSED(lagoon_barrier_wait(barrier, -1, nullptr), lagoon_broken_barrier, "barrier");

  Lock lock(segment_["lock"]);
  Condition changed(segment_["changed"], lock);
  EXPECT_OK(lagoon_lock_find(in_c_, "lock", lagoon_plain, &lock_));
  EXPECT_OK(lagoon_condition_find(in_c_, "changed", lock_, &condition));
  EXPECT_OK(lagoon_lock_acquire(lock_, 0, nullptr));
  EXPECT_TRUE(lock.is_mine());
  EXPECT_EQ(lagoon_condition_wait(condition, 0), lagoon_timed_out);
  EXPECT_OK(lagoon_lock_release(lock_));
  EXPECT_OK(lagoon_condition_make(in_c_, "its own", nullptr, &condition));
  EXPECT_OK(lagoon_condition_lock(condition, &lock_));
  EXPECT_OK(lagoon_lock_acquire(lock_, 0, nullptr));
  EXPECT_TRUE(segment_.find<Condition>("its own")->is_mine());
  EXPECT_OK(lagoon_lock_release(lock_));
}

TEST_F(CInterface, messages_go_from_c_to_cpp_and_back) {
  Held<lagoon_queue> queue(lagoon_queue_close);
  const std::string with_zero("a\0b", 3);
  char buffer[8];
  size_t size = sizeof buffer;

  Queue<std::string> strings(segment_["strings"], 10);
  EXPECT_OK(lagoon_queue_find(in_c_, "strings", &queue));
  EXPECT_OK(lagoon_queue_put(queue, with_zero.data(), with_zero.size(), 0));
  EXPECT_EQ(strings.get(), with_zero);
  strings.put("back");
  EXPECT_OK(lagoon_queue_get(queue, buffer, &size, 0));
  EXPECT_EQ(std::string_view(buffer, size), "back");
  // An Object, as Python gets it: a str, or, if it is no UTF-8, bytes.
  EXPECT_OK(lagoon_queue_put(queue, "gold", 4, 0));
  EXPECT_EQ(segment_.find<AnyQueue>("strings")->get(), Object("gold"));

  Queue<std::vector<std::byte>> bytes(segment_["bytes"]);
  EXPECT_OK(lagoon_queue_find(in_c_, "bytes", &queue));
  EXPECT_OK(lagoon_queue_put(queue, "\x80\xff", 2, 0));
  EXPECT_EQ(bytes.get(), (std::vector{std::byte{0x80}, std::byte{0xff}}));

  EXPECT_OK(lagoon_queue_make(in_c_, "tasks", 1, 3, &queue));
  auto tasks = segment_.find<JoinableQueue<std::string>>("tasks");
  EXPECT_EQ(tasks->maxsize(), 3U);
  tasks->put("task");
  size = sizeof buffer;
  EXPECT_OK(lagoon_queue_get(queue, buffer, &size, 0));
  EXPECT_FALSE(tasks->join_for(std::chrono::seconds(0)));
  EXPECT_OK(lagoon_queue_task_done(queue));
  EXPECT_TRUE(tasks->join_for(std::chrono::seconds(0)));

  Queue<int> numbers(segment_["numbers"]);
  EXPECT_REFUSED(lagoon_queue_find(in_c_, "numbers", &queue), lagoon_type_mismatch, "int32");
}

TEST_F(CInterface, a_dict_is_the_same_here_and_there) {
  Held<lagoon_dict> dict(lagoon_dict_close);
  Dict<std::string, std::string> prices(segment_["prices"]);
  prices["gold"] = "1.5";
  char buffer[8];
  size_t size = sizeof buffer;
  EXPECT_OK(lagoon_dict_find(in_c_, "prices", &dict));
  EXPECT_OK(lagoon_dict_get(dict, "gold", buffer, &size));
  EXPECT_EQ(std::string_view(buffer, size), "1.5");
  EXPECT_OK(lagoon_dict_set(dict, "tin", "2", 1));
  EXPECT_EQ(prices.at("tin"), "2");
  Dict<std::string, double> numbers(segment_["numbers"]);
  EXPECT_REFUSED(lagoon_dict_find(in_c_, "numbers", &dict), lagoon_type_mismatch, "double");
}

TEST_F(CInterface, memory_that_is_full_is_said_and_changes_nothing) {
  Held<lagoon_segment> small(lagoon_segment_close);
  const ShmName name;
  lagoon_options options{};
  options.size = sizeof options;
  options.reserve = 1U << 20;
  EXPECT_OK(lagoon_segment_create(name.str().c_str(), &options, &small));
  EXPECT_REFUSED(lagoon_array_make(small, "a", 'd', lagoon_raw, 1U << 20, nullptr, &array_),
                 lagoon_out_of_memory, "");
  EXPECT_EQ(lagoon_array_find(small, "a", 0, &array_), lagoon_not_found);
  EXPECT_OK(lagoon_array_make(small, "a", 'd', lagoon_raw, 100, nullptr, &array_));
}

TEST_F(CInterface, the_last_error_is_each_threads_own) {
  EXPECT_NE(lagoon_value_find(in_c_, "nothing", 0, &value_), lagoon_ok);
  const std::string here = lagoon_last_error();
  EXPECT_NE(here.find("'nothing'"), std::string::npos);
  std::thread([&] {
    EXPECT_STREQ(lagoon_last_error(), "");
    EXPECT_NE(lagoon_value_find(in_c_, "another", 0, &value_), lagoon_ok);
  }).join();
  EXPECT_EQ(lagoon_last_error(), here);
}

}  // namespace
}  // namespace lagoon
