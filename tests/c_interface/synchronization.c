/// The C interface from C: locks, semaphores, events, conditions, barriers; and what the killed
/// leave of them.
#include "check.h"

#include <math.h>

static void take(const char* lock_name, int kind, int shared) {
  lagoon_lock* lock = NULL;
  int died = -1;
  OK(lagoon_lock_find(segment, lock_name, kind, &lock));
  OK(shared ? lagoon_lock_acquire_shared(lock, -1, &died) : lagoon_lock_acquire(lock, -1, &died));
  CHECK(died == 0);
}
static void take_plain(void) { take("plain", lagoon_plain, 0); }
static void take_recursive(void) { take("recursive", lagoon_recursive, 0); }
static void take_to_write(void) { take("reader-writer", lagoon_reader_writer, 0); }
static void take_to_read(void) { take("reader-writer", lagoon_reader_writer, 1); }

static void test_lock(const char* lock_name, int kind, void (*taker)(void)) {
  lagoon_lock *lock = NULL, *wrong = NULL;
  int yes = -1;
  OK(lagoon_lock_make(segment, lock_name, kind, &lock));
  REFUSED(lagoon_lock_make(segment, lock_name, (kind + 1) % 3, &wrong), lagoon_type_mismatch,
          lock_name);
  REFUSED(lagoon_lock_find(segment, lock_name, (kind + 1) % 3, &wrong), lagoon_type_mismatch,
          lock_name);
  REFUSED(lagoon_lock_release(lock), lagoon_usage_error, "");
  OK(lagoon_lock_acquire(lock, 0, &yes));
  CHECK(yes == 0);
  OK(lagoon_lock_is_mine(lock, &yes));
  CHECK(yes == 1);
  if (kind == lagoon_recursive) {
    OK(lagoon_lock_acquire(lock, 0, NULL));
    OK(lagoon_lock_release(lock));
  } else {
    CHECK(lagoon_lock_acquire(lock, 0, NULL) == lagoon_timed_out);
  }
  OK(lagoon_lock_release(lock));

  const pid_t holder = child_that(taker);
  CHECK(lagoon_lock_acquire(lock, 0, NULL) == lagoon_timed_out);
  CHECK(lagoon_lock_acquire(lock, 1e-6, NULL) == lagoon_timed_out);
  OK(lagoon_lock_owner_died(lock, &yes));
  CHECK(yes == 0);
  kill_child(holder);
  OK(lagoon_lock_acquire(lock, INFINITY, &yes));
  CHECK(yes == 1);
  OK(lagoon_lock_release(lock));
  OK(lagoon_lock_acquire(lock, -1, &yes));
  CHECK(yes == 0);  // one is told
  OK(lagoon_lock_owner_died(lock, &yes));
  CHECK(yes == 1);
  OK(lagoon_lock_mark_consistent(lock));
  OK(lagoon_lock_owner_died(lock, &yes));
  CHECK(yes == 0);
  OK(lagoon_lock_release(lock));
  REFUSED(lagoon_lock_mark_consistent(lock), lagoon_usage_error, "");
  REFUSED(lagoon_lock_acquire(lock, NAN, NULL), lagoon_invalid_argument, "NaN");
  lagoon_lock_close(lock);
}

static void test_locks(void) {
  lagoon_lock* lock = NULL;
  int yes = -1;
  test_lock("plain", lagoon_plain, take_plain);
  test_lock("recursive", lagoon_recursive, take_recursive);
  test_lock("reader-writer", lagoon_reader_writer, take_to_write);
  REFUSED(lagoon_lock_make(segment, "x", 3, &lock), lagoon_invalid_argument, "kind of lock 3");

  // Readers share it; a dead one keeps no writer out.
  OK(lagoon_lock_find(segment, "reader-writer", lagoon_reader_writer, &lock));
  const pid_t reader = child_that(take_to_read);
  OK(lagoon_lock_acquire_shared(lock, -1, &yes));
  CHECK(lagoon_lock_acquire(lock, 0, NULL) == lagoon_timed_out);
  OK(lagoon_lock_release_shared(lock));
  REFUSED(lagoon_lock_release_shared(lock), lagoon_usage_error, "");
  CHECK(lagoon_lock_acquire(lock, 0, NULL) == lagoon_timed_out);
  kill_child(reader);
  OK(lagoon_lock_acquire(lock, -1, NULL));
  OK(lagoon_lock_release(lock));
  lagoon_lock_close(lock);

  OK(lagoon_lock_find(segment, "plain", lagoon_plain, &lock));
  REFUSED(lagoon_lock_acquire_shared(lock, 0, NULL), lagoon_usage_error, "readers");
  OK(lagoon_segment_erase(segment, "plain"));
  REFUSED(lagoon_lock_acquire(lock, -1, NULL), lagoon_gone, "'plain'");
  lagoon_lock_close(lock);
}

static void hold_locked_value(void) {
  lagoon_value* v = NULL;
  lagoon_lock* lock = NULL;
  void* p = NULL;
  OK(lagoon_value_find(segment, "guarded", 'q', &v));
  OK(lagoon_value_lock(v, &lock));
  OK(lagoon_lock_acquire(lock, -1, NULL));
  OK(lagoon_value_pointer(v, &p));
  *(int64_t*)p = 42;
}

static void test_locked_value_whose_holder_dies(void) {
  lagoon_value* v = NULL;
  lagoon_lock* lock = NULL;
  int64_t x = 0;
  int yes = 0;
  OK(lagoon_value_make(segment, "guarded", 'q', lagoon_locked, NULL, &v));
  const pid_t holder = child_that(hold_locked_value);
  OK(lagoon_value_lock(v, &lock));
  CHECK(lagoon_lock_acquire(lock, 0, NULL) == lagoon_timed_out);
  kill_child(holder);
  OK(lagoon_value_get_i64(v, &x));  // as it was then; and the news stays
  CHECK(x == 42);
  OK(lagoon_lock_owner_died(lock, &yes));
  CHECK(yes == 1);
  lagoon_lock_close(lock);
  lagoon_value_close(v);
}

static void take_permits(void) {
  lagoon_semaphore* s = NULL;
  OK(lagoon_semaphore_find(segment, "bounded", &s));
  OK(lagoon_semaphore_acquire(s, -1));
  OK(lagoon_semaphore_find(segment, "permits", &s));
  OK(lagoon_semaphore_acquire(s, -1));
}

static void test_semaphores(void) {
  lagoon_semaphore *s = NULL, *bounded = NULL, *none = (lagoon_semaphore*)&failures;
  lagoon_event* event = NULL;
  size_t n = 0;
  OK(lagoon_semaphore_make(segment, "permits", 0, 2, &s));
  OK(lagoon_semaphore_make(segment, "bounded", 1, 2, &bounded));
  REFUSED(lagoon_semaphore_make(segment, "negative", 0, -1, &none), lagoon_invalid_argument, "-1");
  kill_child(child_that(take_permits));
  OK(lagoon_semaphore_value(s, &n));
  CHECK(n == 1);  // lost
  OK(lagoon_semaphore_acquire(bounded, -1));
  OK(lagoon_semaphore_acquire(bounded, -1));  // come back
  CHECK(lagoon_semaphore_acquire(bounded, 0) == lagoon_timed_out);
  OK(lagoon_semaphore_release(bounded));
  OK(lagoon_semaphore_release(bounded));
  REFUSED(lagoon_semaphore_release(bounded), lagoon_usage_error, "'bounded'");
  OK(lagoon_semaphore_acquire(s, -1));
  CHECK(lagoon_semaphore_acquire(s, 0) == lagoon_timed_out);
  OK(lagoon_semaphore_release(s));
  OK(lagoon_event_make(segment, "no semaphore", &event));
  lagoon_event_close(event);
  REFUSED(lagoon_semaphore_find(segment, "no semaphore", &none), lagoon_type_mismatch, "Event");
  CHECK(none == NULL);
  lagoon_semaphore_close(s);
  lagoon_semaphore_close(bounded);
}

static void set_event(void) {
  lagoon_event* event = NULL;
  OK(lagoon_event_find(segment, "event", &event));
  OK(lagoon_event_set(event));
}

static void test_events(void) {
  lagoon_event* event = NULL;
  int yes = -1;
  OK(lagoon_event_make(segment, "event", &event));
  OK(lagoon_event_is_set(event, &yes));
  CHECK(yes == 0);
  CHECK(lagoon_event_wait(event, 0) == lagoon_timed_out);
  kill_child(child_that(set_event));
  OK(lagoon_event_wait(event, -1));
  OK(lagoon_event_is_set(event, &yes));
  CHECK(yes == 1);
  OK(lagoon_event_clear(event));
  CHECK(lagoon_event_wait(event, 1e-6) == lagoon_timed_out);
  OK(lagoon_segment_erase(segment, "event"));
  REFUSED(lagoon_event_wait(event, -1), lagoon_gone, "'event'");
  lagoon_event_close(event);
}

static lagoon_value* turn = NULL;

/// In the child: tells the parent by a condition, with the lock, then the value by itself.
static void take_turns(void) {
  lagoon_lock* lock = NULL;
  lagoon_condition* changed = NULL;
  OK(lagoon_lock_find(segment, "of condition", lagoon_plain, &lock));
  OK(lagoon_condition_find(segment, "condition", lock, &changed));
  OK(lagoon_lock_acquire(lock, -1, NULL));
  OK(lagoon_value_set_i64(turn, 1));
  OK(lagoon_condition_notify(changed, 1));
  OK(lagoon_condition_notify_all(changed));
  OK(lagoon_lock_release(lock));
  OK(lagoon_value_wait_i64(turn, 1, -1));
  OK(lagoon_value_set_i64(turn, 3));
  OK(lagoon_value_notify(turn));
}

static void test_conditions_and_waiting(void) {
  lagoon_lock *lock = NULL, *own = NULL;
  lagoon_condition *changed = NULL, *other = NULL;
  int64_t x = 0;
  OK(lagoon_value_make(NULL, NULL, 'q', lagoon_atomic, NULL, &turn));
  OK(lagoon_lock_make(segment, "of condition", lagoon_plain, &lock));
  OK(lagoon_condition_make(segment, "condition", lock, &changed));
  REFUSED(lagoon_condition_find(segment, "condition", NULL, &other), lagoon_type_mismatch, "lock");
  REFUSED(lagoon_condition_wait(changed, 0), lagoon_usage_error, "");
  REFUSED(lagoon_condition_notify(changed, 1), lagoon_usage_error, "");
  OK(lagoon_lock_acquire(lock, -1, NULL));
  CHECK(lagoon_condition_wait(changed, 0) == lagoon_timed_out);
  REFUSED(lagoon_condition_notify(changed, -1), lagoon_invalid_argument, "-1");

  const pid_t child = child_to(take_turns);
  OK(lagoon_value_get_i64(turn, &x));
  while (x != 1) {
    OK(lagoon_condition_wait(changed, -1));
    OK(lagoon_value_get_i64(turn, &x));
  }
  OK(lagoon_lock_release(lock));
  OK(lagoon_value_set_i64(turn, 2));
  OK(lagoon_value_notify(turn));
  OK(lagoon_value_wait_i64(turn, 2, -1));
  OK(lagoon_value_get_i64(turn, &x));
  CHECK(x == 3);
  reap(child);

  // The lock outlives the handle that the condition was made with, and is the same one.
  lagoon_lock_close(lock);
  OK(lagoon_condition_lock(changed, &lock));
  OK(lagoon_lock_acquire(lock, -1, NULL));
  CHECK(lagoon_condition_wait(changed, 0) == lagoon_timed_out);
  OK(lagoon_lock_release(lock));
  lagoon_condition_close(changed);
  lagoon_lock_close(lock);

  // And so does one without a name, whose memory others would use otherwise.
  lagoon_lock* others[8] = {0};
  OK(lagoon_lock_make(NULL, NULL, lagoon_plain, &lock));
  OK(lagoon_condition_make(NULL, NULL, lock, &changed));
  OK(lagoon_lock_acquire(lock, -1, NULL));
  lagoon_lock_close(lock);
  for (int i = 0; i < 8; ++i) OK(lagoon_lock_make(NULL, NULL, lagoon_plain, &others[i]));
  CHECK(lagoon_condition_wait(changed, 0) == lagoon_timed_out);
  lagoon_condition_close(changed);
  for (int i = 0; i < 8; ++i) lagoon_lock_close(others[i]);

  // With one of its own.
  OK(lagoon_condition_make(segment, "with its own", NULL, &changed));
  OK(lagoon_condition_lock(changed, &own));
  REFUSED(lagoon_condition_make(segment, "of another", own, &other), lagoon_invalid_argument, "");
  lagoon_condition_close(changed);
  OK(lagoon_condition_find(segment, "with its own", NULL, &changed));
  OK(lagoon_lock_acquire(own, -1, NULL));
  CHECK(lagoon_condition_wait(changed, 0) == lagoon_timed_out);
  OK(lagoon_condition_notify_all(changed));
  OK(lagoon_lock_release(own));
  lagoon_lock_close(own);
  lagoon_condition_close(changed);
  lagoon_value_close(turn);
}

static void meet(void) {
  lagoon_barrier* barrier = NULL;
  OK(lagoon_barrier_find(segment, "barrier", &barrier));
  OK(lagoon_barrier_wait(barrier, -1, NULL));
}

static void test_barriers(void) {
  lagoon_barrier *barrier = NULL, *none = NULL;
  size_t number = 7, parties = 0, waiting = 7;
  int broken = -1;
  OK(lagoon_barrier_make(segment, "barrier", 2, &barrier));
  REFUSED(lagoon_barrier_make(segment, "barrier", 3, &none), lagoon_type_mismatch, "[2]");
  REFUSED(lagoon_barrier_make(segment, "none", 0, &none), lagoon_invalid_argument, "");
  const pid_t child = child_to(meet);
  OK(lagoon_barrier_wait(barrier, -1, &number));
  CHECK(number < 2);
  reap(child);
  OK(lagoon_barrier_state(barrier, &parties, &waiting, &broken));
  CHECK(parties == 2 && waiting == 0 && broken == 0);
  REFUSED(lagoon_barrier_wait(barrier, 0, NULL), lagoon_broken_barrier, "'barrier'");
  OK(lagoon_barrier_state(barrier, NULL, NULL, &broken));
  CHECK(broken == 1);
  OK(lagoon_barrier_reset(barrier));
  OK(lagoon_barrier_abort(barrier));
  REFUSED(lagoon_barrier_wait(barrier, -1, NULL), lagoon_broken_barrier, "'barrier'");
  lagoon_barrier_close(barrier);
}

void test_synchronization(void) {
  test_locks();
  test_locked_value_whose_holder_dies();
  test_semaphores();
  test_events();
  test_conditions_and_waiting();
  test_barriers();
}
